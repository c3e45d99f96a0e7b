//! The one table of error numbers: number, C name, text and what the caller should do.
//!
//! Numbers and names are upstream's (they are part of the C API); texts are ours. Numbers are never reused.

use crate::Advice;

macro_rules! status_table {
    ($($variant:ident = $number:literal, $name:literal, $text:literal, $advice:ident;)*) => {
        /// An error number of the DAOS C API (`DER_*`), without its minus sign.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[repr(i32)]
        pub enum Code {
            $(#[doc = $text] $variant = $number,)*
        }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The C name, `DER_...`.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// One sentence for people, without a full stop.
            pub const fn text(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// What a caller can do about it.
            pub const fn advice(self) -> Advice {
                match self { $(Code::$variant => Advice::$advice,)* }
            }

            /// The code of a positive number, if it is one.
            pub const fn from_number(number: i32) -> Option<Code> {
                match number { $($number => Some(Code::$variant),)* _ => None }
            }
        }
    };
}

status_table! {
    NoPerm = 1001, "DER_NO_PERM", "Permission denied", GiveUp;
    NoHdl = 1002, "DER_NO_HDL", "Invalid or closed handle", GiveUp;
    Inval = 1003, "DER_INVAL", "Invalid argument", GiveUp;
    Exist = 1004, "DER_EXIST", "Already exists", GiveUp;
    Nonexist = 1005, "DER_NONEXIST", "Does not exist", GiveUp;
    Unreach = 1006, "DER_UNREACH", "Peer cannot be reached", Retry;
    Nospace = 1007, "DER_NOSPACE", "No space left on the storage target", FreeSpace;
    Already = 1008, "DER_ALREADY", "Operation was done before", GiveUp;
    Nomem = 1009, "DER_NOMEM", "Out of memory", Retry;
    Nosys = 1010, "DER_NOSYS", "Not implemented", GiveUp;
    Timedout = 1011, "DER_TIMEDOUT", "Time ran out", Retry;
    Busy = 1012, "DER_BUSY", "Busy", Retry;
    Again = 1013, "DER_AGAIN", "Try again", Retry;
    Proto = 1014, "DER_PROTO", "Protocol versions do not match", GiveUp;
    Uninit = 1015, "DER_UNINIT", "Library is not initialized", GiveUp;
    Trunc = 1016, "DER_TRUNC", "Buffer is too short for the result", GiveUp;
    Overflow = 1017, "DER_OVERFLOW", "Value does not fit its type or buffer", GiveUp;
    Canceled = 1018, "DER_CANCELED", "Operation was cancelled", GiveUp;
    Oog = 1019, "DER_OOG", "Not in the group", Refresh;
    Hg = 1020, "DER_HG", "Transport failure", Retry;
    Unreg = 1021, "DER_UNREG", "Message is not registered", GiveUp;
    AddrstrGen = 1022, "DER_ADDRSTR_GEN", "Address could not be written as text", GiveUp;
    Pmix = 1023, "DER_PMIX", "Process manager failure", GiveUp;
    IvcbForward = 1024, "DER_IVCB_FORWARD", "Value must be forwarded", Retry;
    Misc = 1025, "DER_MISC", "Unspecified failure", GiveUp;
    Badpath = 1026, "DER_BADPATH", "Malformed path", GiveUp;
    Notdir = 1027, "DER_NOTDIR", "Not a directory", GiveUp;
    CorpcIncomplete = 1028, "DER_CORPC_INCOMPLETE", "Collective request did not reach every member", Retry;
    NoRasRank = 1029, "DER_NO_RAS_RANK", "No rank receives events", GiveUp;
    Notattach = 1030, "DER_NOTATTACH", "Not attached to the group", Refresh;
    Mismatch = 1031, "DER_MISMATCH", "Versions or contents do not match", GiveUp;
    Excluded = 1032, "DER_EXCLUDED", "Rank was excluded from the system", Refresh;
    Noreply = 1033, "DER_NOREPLY", "No reply was received", Retry;
    Dos = 1034, "DER_DOS", "Refused to protect the service", Retry;
    BadTarget = 1035, "DER_BAD_TARGET", "Request reached the wrong target", Refresh;
    Grpver = 1036, "DER_GRPVER", "Group versions do not match", Refresh;
    HlcSync = 1037, "DER_HLC_SYNC", "Clocks differ too much", Retry;
    NoShmem = 1038, "DER_NO_SHMEM", "Not enough shared memory", GiveUp;
    AddMetricFailed = 1039, "DER_ADD_METRIC_FAILED", "Metric could not be added", GiveUp;
    DurationMismatch = 1040, "DER_DURATION_MISMATCH", "Duration was not started or ended", GiveUp;
    OpNotPermitted = 1041, "DER_OP_NOT_PERMITTED", "Operation is not permitted", GiveUp;
    ExceedsPathLen = 1042, "DER_EXCEEDS_PATH_LEN", "Path is too long", GiveUp;
    MetricNotFound = 1043, "DER_METRIC_NOT_FOUND", "Metric does not exist", GiveUp;
    ShmemPerms = 1044, "DER_SHMEM_PERMS", "Shared memory permissions do not match", GiveUp;
    HgFatal = 1045, "DER_HG_FATAL", "Transport failed and cannot recover", Reopen;
    QuotaLimit = 1046, "DER_QUOTA_LIMIT", "Quota is used up", FreeSpace;
    Io = 2001, "DER_IO", "Storage input or output failed", GiveUp;
    FreeMem = 2002, "DER_FREE_MEM", "Memory could not be freed", GiveUp;
    Enoent = 2003, "DER_ENOENT", "Entry was not found", GiveUp;
    Notype = 2004, "DER_NOTYPE", "Unknown object type", GiveUp;
    Noschema = 2005, "DER_NOSCHEMA", "Unknown object schema", GiveUp;
    Nolocal = 2006, "DER_NOLOCAL", "Object is not local", Refresh;
    Stale = 2007, "DER_STALE", "Pool map version is out of date", Refresh;
    Notleader = 2008, "DER_NOTLEADER", "Not the service leader", Refresh;
    TgtCreate = 2009, "DER_TGT_CREATE", "Target could not be created", GiveUp;
    EpRo = 2010, "DER_EP_RO", "Epoch is read-only", GiveUp;
    EpOld = 2011, "DER_EP_OLD", "Epoch is too old; its data was recycled", GiveUp;
    KeyTooBig = 2012, "DER_KEY2BIG", "Key is too long", GiveUp;
    RecordTooBig = 2013, "DER_REC2BIG", "Record is larger than the buffer", GiveUp;
    IoInval = 2014, "DER_IO_INVAL", "I/O descriptor and buffers do not match", GiveUp;
    EqBusy = 2015, "DER_EQ_BUSY", "Event queue has running events", Retry;
    Domain = 2016, "DER_DOMAIN", "Fault domain mismatch", GiveUp;
    Shutdown = 2017, "DER_SHUTDOWN", "Service is shutting down", Retry;
    Inprogress = 2018, "DER_INPROGRESS", "Operation is in progress", Retry;
    Notapplicable = 2019, "DER_NOTAPPLICABLE", "Operation does not apply", GiveUp;
    Notreplica = 2020, "DER_NOTREPLICA", "Not a service replica", Refresh;
    Csum = 2021, "DER_CSUM", "Checksum mismatch: data is damaged", DataLost;
    DfInval = 2022, "DER_DF_INVAL", "Stored format is invalid or damaged", DataLost;
    DfIncompt = 2023, "DER_DF_INCOMPT", "Stored format version is not supported", GiveUp;
    RecSize = 2024, "DER_REC_SIZE", "Record size does not match the stored one", GiveUp;
    TxRestart = 2025, "DER_TX_RESTART", "Transaction conflicts and must be restarted", Retry;
    DataLoss = 2026, "DER_DATA_LOSS", "Data is lost or not recoverable", DataLost;
    OpCanceled = 2027, "DER_OP_CANCELED", "Operation was cancelled", GiveUp;
    TxBusy = 2028, "DER_TX_BUSY", "Transaction is in use", Retry;
    AgentIncompat = 2029, "DER_AGENT_INCOMPAT", "Agent and library versions do not match", GiveUp;
    NeedTx = 2030, "DER_NEED_TX", "Operation needs a distributed transaction", Retry;
    Rf = 2031, "DER_RF", "Failures exceed the redundancy factor", DataLost;
    FetchAgain = 2032, "DER_FETCH_AGAIN", "Fetch again from another shard", Retry;
    TxUncertain = 2033, "DER_TX_UNCERTAIN", "Transaction outcome is not known", Retry;
    AgentComm = 2034, "DER_AGENT_COMM", "Agent cannot be reached", Retry;
    IdMismatch = 2035, "DER_ID_MISMATCH", "Identifiers do not match", GiveUp;
    TgtRetry = 2036, "DER_TGT_RETRY", "Target asks to retry", Retry;
    Notsupported = 2037, "DER_NOTSUPPORTED", "Not supported", GiveUp;
    ControlIncompat = 2038, "DER_CONTROL_INCOMPAT", "Control versions do not match", GiveUp;
    NoService = 2039, "DER_NO_SERVICE", "Service is not available", Retry;
    TxIdReused = 2040, "DER_TX_ID_REUSED", "Transaction identifier was used before", GiveUp;
    UpdateAgain = 2041, "DER_UPDATE_AGAIN", "Update again", Retry;
    NvmeIo = 2042, "DER_NVME_IO", "Storage device failed", GiveUp;
    NoCert = 2043, "DER_NO_CERT", "Certificate is missing", GiveUp;
    BadCert = 2044, "DER_BAD_CERT", "Certificate is invalid", GiveUp;
    VosPartialUpdate = 2045, "DER_VOS_PARTIAL_UPDATE", "Same epoch was partly updated", Retry;
    ChkptBusy = 2046, "DER_CHKPT_BUSY", "Checkpoint is running", Retry;
    DivByZero = 2047, "DER_DIV_BY_ZERO", "Division by zero", GiveUp;
    OverloadRetry = 2048, "DER_OVERLOAD_RETRY", "Overloaded; retry later", Retry;
    NotResume = 2049, "DER_NOT_RESUME", "Cannot be resumed", GiveUp;
    ContNonexist = 2050, "DER_CONT_NONEXIST", "Container does not exist", GiveUp;
    ContDestroying = 2051, "DER_CONT_DESTROYING", "Container is being destroyed", GiveUp;
    Ignore = 2052, "DER_IGNORE", "Result may be ignored", GiveUp;
    Unknown = 501000, "DER_UNKNOWN", "Unknown error", GiveUp;
}
