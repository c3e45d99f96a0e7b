//! Messages between the replicas of a replicated key-value store.

use crate::header::{Header, Kind, open_plain, seal};
use crate::macros::{wire_enums, wire_structs};
use crate::{Blob, Reader, Wire, Writer, decode, encode};
use daos_status::{Code, Result, fail};
use std::fmt;
use std::rc::Rc;

/// The most bytes of one message: what a replica keeps of one that arrives in parts.
pub const REPLICA_MESSAGE_BYTES_MAX: usize = 4 << 20;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub u64);

        impl Wire for $name {
            fn encode(&self, writer: &mut Writer) {
                self.0.encode(writer);
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self> {
                Ok($name(u64::decode(reader)?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

numbers! {
    /// One life of a replica's storage: a replica that lost what it stored comes back under another number.
    ReplicaId
    /// A reign of at most one leader; greater ones are later.
    Term
    /// A place in the replicated log; the first one is 1.
    LogIndex
}

impl ReplicaId {
    /// The replica that a rank hosts. `generation` rises each time its storage is made anew.
    pub fn new(rank: u32, generation: u32) -> ReplicaId {
        ReplicaId(u64::from(generation) << 32 | u64::from(rank))
    }

    /// The rank that hosts it.
    pub fn rank(self) -> u32 {
        self.0 as u32
    }

    /// Which storage of its rank it is.
    pub fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl LogIndex {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> LogIndex {
        LogIndex(self.0.saturating_add(1))
    }

    /// The place before this one; none is before the first.
    #[must_use]
    pub fn previous(self) -> LogIndex {
        LogIndex(self.0.saturating_sub(1))
    }
}

/// A change of one row: its new value, or none when it is removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowChange {
    /// Which row.
    pub key: Vec<u8>,
    /// What it becomes.
    pub value: Option<Vec<u8>>,
}

fn put_bytes(bytes: &[u8], writer: &mut Writer) {
    (bytes.len() as u32).encode(writer);
    writer.put(bytes);
}

fn take_bytes(reader: &mut Reader<'_>) -> Result<Vec<u8>> {
    let length = reader.length()?;
    Ok(reader.take(length)?.to_vec())
}

impl Wire for RowChange {
    fn encode(&self, writer: &mut Writer) {
        put_bytes(&self.key, writer);
        self.value.is_some().encode(writer);
        if let Some(value) = &self.value {
            put_bytes(value, writer);
        }
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let key = take_bytes(reader)?;
        let value = if bool::decode(reader)? { Some(take_bytes(reader)?) } else { None };
        Ok(RowChange { key, value })
    }
}

impl<T: Wire> Wire for Rc<T> {
    fn encode(&self, writer: &mut Writer) {
        (**self).encode(writer);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Rc::new(T::decode(reader)?))
    }
}

wire_structs! {
    /// A replica as the group knows it.
    Member {
        /// Which one.
        id: ReplicaId,
        /// Where messages for it go.
        address: String,
        /// Whether it counts for majorities; one that does not is brought up to date first.
        voter: bool,
    }
    /// Who belongs to the group.
    Membership {
        /// In the order of their numbers.
        members: Vec<Member>,
    }
    /// One change of the replicated state.
    LogEntry {
        /// The term in which it was proposed.
        term: Term,
        /// Its place.
        index: LogIndex,
        /// What it changes.
        payload: EntryPayload,
    }
    /// What a candidate says of itself.
    Candidacy {
        /// The term that it wants to lead.
        term: Term,
        /// Its newest entry.
        last_index: LogIndex,
        /// The term of that entry.
        last_term: Term,
        /// The leader asked it to, so nobody has to wait until the leader is silent.
        is_transfer: bool,
    }
    /// The answer to a candidate.
    VoteAnswer {
        /// The term that was asked for.
        term: Term,
        /// Whether it may.
        is_granted: bool,
    }
    /// Entries that follow one that the receiver is believed to have.
    Append {
        /// The entry before the first of these.
        previous_index: LogIndex,
        /// Its term.
        previous_term: Term,
        /// Up to here a majority stores the log.
        commit: LogIndex,
        /// The entries.
        entries: Vec<Rc<LogEntry>>,
    }
    /// The receiver of entries does not have the one before them.
    AppendRefusal {
        /// The entry that it does not have.
        previous_index: LogIndex,
        /// The newest of its entries that may agree.
        hint_index: LogIndex,
        /// Its term.
        hint_term: Term,
    }
    /// A sign of life of the leader.
    Heartbeat {
        /// Up to here the receiver's log is committed.
        commit: LogIndex,
        /// Comes back in the answer: whoever answers followed this leader after the round began.
        round: u64,
    }
    /// A part of the state, for a replica that is too far behind for the log.
    SnapshotChunk {
        /// The state is that of this entry, with some of the rows newer.
        index: LogIndex,
        /// Its term.
        term: Term,
        /// The members at it.
        membership: Membership,
        /// The number of this part, from 0.
        number: u64,
        /// Some rows.
        rows: Vec<RowChange>,
        /// Whether it is the last part.
        is_last: bool,
    }
    /// A part of the state has arrived.
    SnapshotPart {
        /// Of which state.
        index: LogIndex,
        /// Which part.
        number: u64,
    }
    /// A message, or a part of one that is too long for one request.
    ReplicaPart {
        /// Who sends it.
        from: ReplicaId,
        /// Distinguishes the messages of one sender; later ones are greater, until it starts anew.
        number: u64,
        /// Bytes of the whole message.
        length: u32,
        /// Where these are in it.
        offset: u32,
        /// Some of its bytes.
        bytes: Blob,
    }
    /// A replica that belongs to no group yet would like to.
    ReplicaOffer {
        /// Which one.
        id: ReplicaId,
        /// To which group.
        group: u64,
    }
    /// What one replica tells another.
    ReplicaMessage {
        /// Which group: one of another system is not listened to.
        group: u64,
        /// Who says it.
        from: ReplicaId,
        /// To whom.
        to: ReplicaId,
        /// The term that the sender is in.
        term: Term,
        /// What it says.
        body: ReplicaBody,
    }
}

#[expect(clippy::derivable_impls, reason = "the macro derives the same for every message")]
impl Default for Membership {
    fn default() -> Self {
        Membership { members: Vec::new() }
    }
}

wire_enums! {
    /// What an entry changes.
    EntryPayload {
        /// Nothing: with it a new leader commits what came before.
        Nothing = 0,
        /// Rows.
        Rows(Vec<RowChange>) = 1,
        /// The members; they count from the moment the entry is in a log.
        Membership(Membership) = 2,
    }
    /// What replicas say to each other.
    ReplicaBody {
        /// Would you vote for me?
        PreVote(Candidacy) = 1,
        /// The answer.
        PreVoteReply(VoteAnswer) = 2,
        /// Vote for me.
        Vote(Candidacy) = 3,
        /// The answer.
        VoteReply(VoteAnswer) = 4,
        /// Entries.
        Append(Append) = 5,
        /// The log agrees, and is durable, up to here.
        Appended(LogIndex) = 6,
        /// The log does not agree.
        AppendRefused(AppendRefusal) = 7,
        /// The leader is there.
        Heartbeat(Heartbeat) = 8,
        /// The round of the heartbeat that is answered.
        HeartbeatReply(u64) = 9,
        /// A part of the state.
        Snapshot(SnapshotChunk) = 10,
        /// The part arrived.
        SnapshotReceived(SnapshotPart) = 11,
        /// The part is none that can be used: begin again.
        SnapshotRefused(SnapshotPart) = 12,
        /// Become the leader now.
        CampaignNow = 13,
    }
}

impl LogEntry {
    /// About how many bytes it takes on the wire.
    pub fn size(&self) -> usize {
        // Term, index, kind, number of rows; two lengths and a flag per row.
        const HEAD: usize = 21;
        const ROW: usize = 9;
        let rows = |rows: &[RowChange]| -> usize {
            rows.iter().map(|row| ROW + row.key.len() + row.value.as_ref().map_or(0, Vec::len)).sum()
        };
        HEAD + match &self.payload {
            EntryPayload::Nothing => 0,
            EntryPayload::Rows(changes) => rows(changes),
            EntryPayload::Membership(membership) => membership.members.iter().map(|m| 13 + m.address.len()).sum(),
        }
    }
}

impl ReplicaMessage {
    /// The message with its header.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(Header::of(Kind::Replica), &[], &encode(self))
    }

    /// The message of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<ReplicaMessage> {
        if bytes.len() > REPLICA_MESSAGE_BYTES_MAX {
            fail!(Code::Proto, "a replica's message of {} bytes exceeds {REPLICA_MESSAGE_BYTES_MAX}", bytes.len());
        }
        decode(open_plain(bytes, Kind::Replica).map_err(|error| error.status("this replica", "another one"))?)
    }
}
