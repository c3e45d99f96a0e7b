//! Of pools.

pub const POOL_CREATE: &str = "Create a pool

The size is a promise: what 'pool query' calls free can be written. A quarter of it is for metadata and small values, \
the rest for large values; it is divided evenly over the targets. --size is that of the whole pool; --scm-size and --nvme-size are \
those of each rank, as upstream has them.

On a system of several engines the pool is on all ranks that serve, on those of --ranks, or on as many as --nranks says. \
The metadata of all pools has the replicas that the system has; svc_reps names their ranks.

JSON response: uuid, label, svc_ldr, svc_reps, tgt_ranks, tier_bytes (metadata, data).";

pub const POOL_CREATE_EXAMPLES: &str = concat!(
    "Sizes are bytes, or a number with KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024); the B may \
     be left out.

Examples:
  daos pool create tank
  daos pool create tank --size 10G
  daos pool create tank --size 50%
  dmg pool create --size 500GiB --label tank --json
  dmg pool create tank --size 1T --ranks 0,2-4
  dmg pool create tank --size 1T --nranks 4
  dmg pool create tank --scm-size 16G --nvme-size 250G

",
    exit_status!()
);

pub const POOL_LIST_EXAMPLES: &str =
    "JSON response: pools[] with uuid, label, svc_reps, state; without --no-query also \
what 'pool query' tells.

Examples:
  daos pool list
  daos pool ls --verbose
  dmg pool list --no-query --json
  dmg system list-pools --rebuild-only";

pub const POOL_QUERY_EXAMPLES: &str = "JSON response: uuid, label, state, total_targets, active_targets, \
disabled_targets, total_engines, version (of the pool map), svc_ldr, svc_reps, rebuild, tier_stats[] with total and free \
bytes ('scm': metadata and small values, 'nvme': large values; null with --health-only), enabled_ranks, disabled_ranks, usage[], and \
beyond upstream durability, containers, handles.

Examples:
  daos pool query tank
  dmg pool query tank --show-enabled --show-disabled
  dmg pool query tank --health-only
  daos pool query 5d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3e --json";

pub const POOL_QUERY_TARGETS_EXAMPLES: &str =
    "JSON response of daos: [] with target_state (up_in, down, drain ...) and space[] with total and free bytes ('scm': \
metadata and small values, 'nvme': large values); of dmg: Infos[] with the same.

Examples:
  daos pool query-targets tank --rank 0
  dmg pool query-targets tank --rank 2 --target-idx 0,3-5 --json";

pub const POOL_UPGRADE: &str = "Bring a pool to the format of this release, which engines do by themselves

An engine brings each store of an older format to the present one when it opens it: older releases refuse it from then on. \
So there is nothing to be done for a pool that is served, and the command says so.";

pub const POOL_UPGRADE_EXAMPLES: &str = "Examples:
  dmg pool upgrade tank";

pub const POOL_DESTROY: &str = "Destroy a pool with everything in it

There is no way back. A pool that holds containers is destroyed with --recursive or --force only, one that is in use with \
--force only.";

pub const POOL_DESTROY_EXAMPLES: &str = "Examples:
  daos pool destroy tank
  daos pool destroy tank --recursive";

pub const POOL_GET_PROP: &str = "Show properties of a pool

  label       its label
  svc_list    ranks of the pool service's replicas
  durability  durability class of what is acknowledged
  and those of 'pool set-prop'";

pub const POOL_GET_PROP_EXAMPLES: &str = "JSON response: [] of name, description, value.

Examples:
  daos pool get-prop tank
  dmg pool get-prop tank label,svc_list --json";

pub const POOL_SET_PROP: &str = "Set properties of a pool

  reclaim       when space of what was overwritten and deleted comes back: disabled, lazy (while nobody asks for anything, or when
                space is short), or time (all the time)
  scrub         off, lazy (verify what is stored while nobody asks for anything), or timed (all the time, evenly)
  scrub_freq    seconds from the beginning of one pass to that of the next [default: a week]
  scrub_thresh  errors from which on the engine's log says that a target is failing; 0 for never";

pub const POOL_SET_PROP_EXAMPLES: &str = "Examples:
  dmg pool set-prop tank scrub:timed,scrub_freq:86400
  dmg pool set-prop tank scrub:off";

pub const POOL_SET_ATTR_EXAMPLES: &str = "Examples:
  daos pool set-attr tank owner ann
  daos pool set-attr tank owner:ann,project:x7";

pub const POOL_GET_ATTR_EXAMPLES: &str = "JSON response: [] of name and value, the value in base64; one such object \
when one name is given.

Examples:
  daos pool get-attr tank
  daos pool get-attr tank owner";

pub const POOL_LIST_ATTR_EXAMPLES: &str =
    "JSON response: [] of names; with --verbose [] of name and value, the value in \
base64.

Examples:
  daos pool list-attr tank";

pub const POOL_DEL_ATTR_EXAMPLES: &str = "Examples:
  daos pool del-attr tank owner
  daos pool del-attr tank owner,project";

pub const POOL_EVICT: &str = "Close handles of a pool, whoever holds them

What was opened through them is closed as well. Programs that use such a
handle get -DER_NO_HDL; they have to connect again.";

pub const POOL_EVICT_EXAMPLES: &str = "JSON response: { \"count\" } of pool handles that were closed.

Examples:
  dmg pool evict tank
  dmg pool evict tank --handles 0b5e3a52-91c2-4b50-8a5f-5d2f7ac3e1a9";

pub const POOL_EXTEND: &str = "Give a pool the targets of more ranks

Each new target is as large as those that the pool has. Containers that are
made from now on use all targets. Those that are there stay on the targets
that they were made on, since nothing that is stored moves in this release:
what is in them can be reached at any time, and they do not become larger.";

pub const POOL_EXTEND_EXAMPLES: &str = concat!(
    "JSON response: results[] with rank, errored, msg; version of the pool map,
targets that changed.

Examples:
  dmg pool extend tank --ranks 4
  dmg pool extend tank --ranks 4-7 --json

",
    exit_status!()
);

pub const POOL_DRAIN: &str = "Take targets of a pool out of use when nothing is on them

Nothing that is stored moves in this release. So targets that containers may
have data on are not drained: the command fails with -DER_BUSY, and nothing
changes. To empty them, take them out of use with 'pool exclude' and back
with 'pool reintegrate': containers that are made in between do not use them.
Copy the others to such ones, destroy them, and drain.";

pub const POOL_DRAIN_EXAMPLES: &str = concat!(
    "JSON response: results[] with rank, errored, msg; version of the pool map,
targets that changed.

Examples:
  dmg pool drain tank --ranks 4
  dmg pool drain tank --rank 4 --target-idx 0,1

",
    exit_status!()
);

pub const POOL_EXCLUDE: &str = "Take targets of a pool out of use

What lies on them is not reached until 'pool reintegrate' takes them back:
objects have no redundancy in this release, and requests for that part of
them are answered at once with -DER_RF and the rank. Nothing is removed.
Containers that are made meanwhile do not use these targets, also afterwards.
Targets stay out when their engine is started again. One target has to
remain in use.";

pub const POOL_EXCLUDE_EXAMPLES: &str = concat!(
    "JSON response: results[] with rank, errored, msg; version of the pool map,
targets that changed, containers that may have data there.

Examples:
  dmg pool exclude tank --ranks 2
  dmg pool exclude tank --rank 2 --target-idx 3

See also: 'dmg system exclude', which takes an engine out of all pools.

",
    exit_status!()
);

pub const POOL_REINTEGRATE: &str = "Take targets of a pool into use again

They have what they had when they were excluded. The engine has to serve.";

pub const POOL_REINTEGRATE_EXAMPLES: &str = concat!(
    "JSON response: results[] with rank, errored, msg; version of the pool map,
targets that changed.

Examples:
  dmg pool reintegrate tank --ranks 2
  dmg pool reintegrate tank --rank 2 --target-idx 3

",
    exit_status!()
);

pub const POOL_GET_ACL_EXAMPLES: &str = "JSON response: { \"ACL\": { \"entries\", \"owner_user\", \"owner_group\" } }.

Examples:
  dmg pool get-acl tank
  dmg pool get-acl tank --file tank.acl";

pub const POOL_OVERWRITE_ACL_EXAMPLES: &str = "Examples:
  dmg pool overwrite-acl tank --acl-file tank.acl";

pub const POOL_UPDATE_ACL_EXAMPLES: &str = "Examples:
  dmg pool update-acl tank --entry A::ann@:rw
  dmg pool update-acl tank --acl-file more.acl";

pub const POOL_DELETE_ACL_EXAMPLES: &str = "Examples:
  dmg pool delete-acl tank --principal u:ann@";

pub const POOL_SET_OWNER_EXAMPLES: &str = "Examples:
  dmg pool set-owner tank --user ann --group staff";
