//! Of commands that ask or tell each engine by itself.

/// Which engines such a command means.
macro_rules! which {
    () => {
        "\n\nWith --host-list only the engines at these hosts are asked (node1 means all of the host, node1:10002 one; node[1-8] is a \
range), with --ranks only these ranks. An engine that does not answer is an error with its address; what the others say is \
shown all the same, and the exit status is 1."
    };
}

/// What the fields of a response about engines are.
macro_rules! host_errors {
    () => {
        "JSON response: host_errors, sentences with the control ports of engines that failed with them; "
    };
}

pub const STORAGE_QUERY_USAGE: &str = concat!(
    "Show how much of the storage of each engine its pools have

An engine keeps everything in files of one directory. Its two tiers share the file system that the directory is on, which engines \
may share as well:

  SCM-Total    bytes of metadata and small values that its pools have, and
               what is free
  SCM-Free     bytes of the file system that are free and that no pool of
               the engine was promised: what is left for new pools, of either
               tier; it is the same number as NVMe-Free, not to be added to it
  SCM-Used     how much of SCM-Total its pools have, full or not
  NVMe-Total   bytes of large values that its pools have, and what is free
  NVMe-Free    as SCM-Free
  NVMe-Used    how much of NVMe-Total its pools have, full or not

How full pools are is told by 'pool query'. Pools of durability class 'ram' are in memory, and in none of these; --verbose shows them, \
and the directories. A metadata page takes twice its size on storage, and a pool has a log, so that a new pool cannot be quite as \
large as what is free.",
    which!()
);

pub const STORAGE_QUERY_USAGE_EXAMPLES: &str = concat!(
    host_errors!(),
    "HostStorage, for each engine a number that means nothing with hosts (its control port) and storage: scm_namespaces[] with mount \
(path, rank, total_bytes, avail_bytes, usable_bytes) and nvme_devices[] with smd_devices[] (uuid of the engine, rank, tgt_ids, \
total_bytes, avail_bytes, usable_bytes); and beyond upstream engine, with rank, directory, file_system, device, total_bytes and \
avail_bytes of the file system, pools, pool_meta, pool_data and pool_memory (each total_bytes and free_bytes).

Examples:
  dmg storage query usage
  dmg -l node[1-8] storage query usage --verbose
  dmg storage query usage --ranks 0-3 --json"
);

pub const STORAGE_SCAN: &str = concat!(
    "Show what engines store on: directory, file system, device

Devices are not managed here: an engine takes a directory of any file system, 'lsblk' and 'df' show those of a machine, and what \
'storage' (scm_mount) in the file of settings or --storage names is used without being formatted.",
    which!()
);

pub const STORAGE_SCAN_EXAMPLES: &str = concat!(
    host_errors!(),
    "HostStorage as of 'storage query usage', where mount, smd_devices, pools and what those have are null of an engine that is stopped.

Examples:
  dmg storage scan
  dmg -l node1:10002 storage scan --json"
);

pub const SET_LOGMASKS: &str = concat!(
    "Change what running engines write to their logs

A mask is a level, for single areas another one. Levels, each with those before it: ERR (also FATAL and CRIT), WARN, INFO (also NOTE) \
and DEBUG. What stands later counts more: ERR,rpc=DEBUG. The areas are the words behind the level in a log line: control, engine, \
media, membership, pool, reclaim, rpc, scrub, store, system; another one, as those of upstream, is accepted and said to change nothing. \
Without --masks each engine goes back to what it was started with ('log_mask' of the file of settings, --log-mask of \
'daos_server start').

It lasts until the engine ends. A local engine writes everything to its log, and has no mask.",
    which!()
);

pub const SET_LOGMASKS_EXAMPLES: &str = concat!(
    host_errors!(),
    "HostStorage, for a number that means nothing hosts, the control ports of the engines that were changed; and beyond upstream \
log_masks[] with rank, masks.

Examples:
  dmg server set-logmasks -m DEBUG
  dmg -l node1 server set-logmasks -m ERR,pool=DEBUG,rpc=DEBUG
  dmg server set-logmasks"
);

/// What is listed.
macro_rules! interfaces {
    () => {
        "Listed by memory node (NUMA socket), as upstream does: what libfabric offers of endpoints that engines can use. The interface that \
reaches the machine itself only (lo), where engines are that were given no --host, is not listed, nor what serves no network interface. \
'fabric_iface' and 'provider' of the file of settings, or --interface and --fabric of 'daos_server start', choose. Providers that \
look for their devices may take seconds."
    };
}

pub const NETWORK_SCAN: &str = concat!(
    "Show the network interfaces of the machines of engines, and the providers that serve them

",
    interfaces!(),
    " Machines with the same interfaces are shown together. Of a local engine it is this machine.",
    which!()
);

pub const NETWORK_SCAN_EXAMPLES: &str = concat!(
    host_errors!(),
    "HostFabrics, for a number that means nothing HostSet (control ports) and HostFabric: Interfaces[] with Provider, Device, NumaNode, \
Priority (0 is what libfabric likes best) and NetDevClass (the kernel's number), Providers[], NumaCount, CoresPerNuma.

Examples:
  dmg network scan
  dmg -l node[1-8] network scan --provider all
  dmg network scan -p ofi+verbs --json"
);

pub const LOCAL_NETWORK_SCAN: &str = concat!(
    "Show the network interfaces of this machine, and the providers that serve them

",
    interfaces!()
);

pub const LOCAL_NETWORK_SCAN_EXAMPLES: &str =
    "JSON response: for a number that means nothing HostSet (localhost) and HostFabric, as of \
'dmg network scan'.

Examples:
  daos_server network scan
  daos_server network scan -p ofi+tcp --json
  daos_server network scan -o daos_server.yml";
