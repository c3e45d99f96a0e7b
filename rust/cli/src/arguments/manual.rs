//! The sentences of `--help` that are longer than a line.

// Lines that are set by hand stay below 80 characters: a narrow terminal, and a manual page, would break them.

/// What every page ends in.
macro_rules! exit_status {
    () => {
        "Exit status:
  0    done
  1    failed; the sentence on standard error, with --json in the object on
       standard output, says what failed, on what, and what to do
  2    the command line is wrong
  130  interrupted"
    };
}

macro_rules! environment {
    () => {
        "Environment:
  DAOS_LOCAL_PATH  directory of the local engine; when it is not set,
                   $XDG_DATA_HOME/daos, else ~/.local/share/daos
  DAOS_LOCAL_MODE  'process' (default): an engine process, started when none
                   runs, and shared by all processes of the user;
                   'inside': the engine runs within the command, and no other
                   process can use the directory meanwhile
  DAOS_LOCAL_IDLE  seconds without clients after which the engine process
                   ends [default: 30; 0: never]
  DAOS_TRANSPORT   'automatic' (default): through shared memory to engines of
                   this machine, over the network to others; 'shared_memory'
                   or 'tcp': only so"
    };
}

macro_rules! files {
    () => {
        "Files, in the directory of the local engine:
  engine.log   what the engine has to say
  engine.pid   process id of the engine
  engine.sock  where clients find it"
    };
}

pub const DAOS_ABOUT: &str = "Create, look at and fill DAOS pools and containers

A pool is space; a container in it holds objects, or files and directories when its type is POSIX. Nothing has to be \
started first: the first command starts a local engine, which keeps everything in one directory, is shared by all \
processes of the user, and ends when it has been idle for a while. What a command reports as done survives a crash.

'daos COMMAND --help' explains each command.";

pub const DAOS_SECTIONS: &str = concat!(
    "Examples:
  daos pool create tank                           a pool
  daos cont create tank home --type POSIX         a container for files
  daos fs copy ~/Documents daos://tank/home/docs  a directory tree into it
  daos cont list tank --json                      one JSON object
  daos --path /scratch/me pool list               another local engine

",
    environment!(),
    "\n\n",
    files!(),
    "\n\n",
    exit_status!(),
    "\n\nSee also: dmg(1), daos_server(1), daos_agent(1)"
);

pub const DMG_ABOUT: &str = "Manage the engines and pools of a DAOS system

The system is the one whose control ports -l, the file of -o or DAOS_ACCESS_POINTS name. Without any of them it is the local engine, \
where there is no administrator: 'daos' takes the same words, and every user manages the pools of his own directory.";

pub const DMG_SECTIONS: &str = concat!(
    "Examples:
  dmg pool create --size 10G tank
  dmg pool list
  dmg -j pool query tank
  dmg pool destroy tank --recursive
  dmg -l host1,host2:10002 system query

",
    environment!(),
    "\n\n",
    exit_status!(),
    "\n\nSee also: daos(1), daos_server(1), daos_agent(1)"
);

pub const SERVER_ABOUT: &str = "Serve as an engine of a system, or serve a local directory

'daos_server start' serves as one engine, or as several, of a system that spans processes and machines. 'daos_server local' is \
the engine process of a local directory; it rarely has to be called by hand: programs and tools start it when they need it.";

pub const SERVER_SECTIONS: &str = concat!(
    "Examples:
  daos_server config generate > daos_server.yml
  daos_server start -o daos_server.yml            serve until stopped
  daos_server start --storage /scratch/me/0       without a file
  daos_server local --path /scratch/me --idle 0   a local directory

",
    environment!(),
    "\n\n",
    files!(),
    "
  engine.system  the engine's system and rank, when it is part of one
  engine.format  number of its targets

",
    exit_status!(),
    "\n\nSee also: daos(1), dmg(1), daos_agent(1)"
);

pub const AGENT_ABOUT: &str = "Explain that no DAOS agent is needed

On a cluster of upstream DAOS, an agent on each client machine tells programs where the servers are and who they are. \
Here a program finds its local engine by itself, or the system whose control ports DAOS_ACCESS_POINTS names; file permissions of the \
local engine's directory decide who may use it. This program is there so that scripts that start an agent go on working: it says so, and ends with success.";

pub const AGENT_SECTIONS: &str = concat!(
    "Examples:
  daos_agent version

",
    exit_status!(),
    "\n\nSee also: daos(1), dmg(1), daos_server(1)"
);

pub const POOL_CREATE: &str = "Create a pool

The size is a promise: what 'pool query' calls free can be written. A quarter of it is for metadata and small values, \
the rest for large values; it is divided evenly over the targets.

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

",
    exit_status!()
);

pub const POOL_LIST_EXAMPLES: &str =
    "JSON response: pools[] with uuid, label, svc_reps, state; without --no-query also \
what 'pool query' tells.

Examples:
  daos pool list
  daos pool ls --verbose
  dmg pool list --no-query --json";

pub const POOL_QUERY_EXAMPLES: &str = "JSON response: uuid, label, state, total_targets, active_targets, \
disabled_targets, total_engines, version (of the pool map), svc_ldr, svc_reps, rebuild, tier_stats[] with total and free \
bytes ('scm': metadata and small values, 'nvme': large values), usage[], and beyond upstream durability, containers, \
handles.

Examples:
  daos pool query tank
  daos pool query 5d0b9b5e-9c3b-4f0a-8a58-0d7a3b1c2d3e --json";

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

pub const SET_ATTR: &str = "Set user attributes

An attribute is a name and bytes that mean something to its user only. The form NAME VALUE takes any value; in the form \
NAME:VALUE[,NAME:VALUE...] values have no commas.";

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

pub const CONTAINER_CREATE: &str = "Create a container

A container of type POSIX gets an empty file system; chunk size and object classes are its defaults.

Properties: 'csum' is the checksum that is kept beside every value: off, crc16, crc32, crc64, adler32, sha1, sha256 or sha512 \
[default: crc64]; 'csum_size' the bytes under one checksum [default: 32KiB]; 'srv_cksum' on or off, whether checksums that come with \
an update are verified by the server [default: off]. They stay as they are for the life of the container.

JSON response: as of 'container query'.";

pub const CONTAINER_CREATE_EXAMPLES: &str = concat!(
    "Examples:
  daos cont create tank results
  daos cont create tank home --type POSIX
  daos cont create tank big --type POSIX --chunk-size 4MiB --file-oclass SX
  daos cont create tank safe --properties csum:sha256,csum_size:64KiB

",
    exit_status!()
);

pub const CONTAINER_LIST_EXAMPLES: &str = "JSON response: [] of uuid, label.

Examples:
  daos cont list tank
  daos cont ls tank --json";

pub const CONTAINER_QUERY_EXAMPLES: &str = "JSON response: pool_uuid, container_uuid, container_label, container_type, \
redundancy_factor, num_handles (this command's own among them), num_snapshots, open_time, close_modify_time, health; of a \
POSIX container also object_class, dir_object_class, file_object_class, chunk_size.

Examples:
  daos cont query tank home
  daos cont query tank home --json";

pub const CONTAINER_DESTROY_EXAMPLES: &str =
    "There is no way back. A container that is open is destroyed with --force \
only.

Examples:
  daos cont destroy tank home
  daos cont destroy tank home --force";

pub const CONTAINER_GET_PROP: &str = "Show properties of a container

Those that a container has depend on how it was created; its label and its layout type are always there.";

pub const CONTAINER_GET_PROP_EXAMPLES: &str = "JSON response: [] of name, description, value.

Examples:
  daos cont get-prop tank home
  daos cont get-prop tank home label,layout_type --json";

pub const CONTAINER_SET_PROP: &str = "Set properties of a container

'label' can be set: the container is found by its new label from then on.";

pub const CONTAINER_SET_PROP_EXAMPLES: &str = "Examples:
  daos cont set-prop tank home label:house";

pub const CONTAINER_SET_ATTR_EXAMPLES: &str = "Examples:
  daos cont set-attr tank home owner ann
  daos cont set-attr tank home owner:ann,project:x7";

pub const CONTAINER_GET_ATTR_EXAMPLES: &str =
    "JSON response: [] of name and value, the value in base64; one such object \
when one name is given.

Examples:
  daos cont get-attr tank home
  daos cont get-attr tank home owner";

pub const CONTAINER_LIST_ATTR_EXAMPLES: &str = "JSON response: [] of names; with --verbose [] of name and value, the \
value in base64.

Examples:
  daos cont list-attr tank home";

pub const CONTAINER_DEL_ATTR_EXAMPLES: &str = "Examples:
  daos cont del-attr tank home owner
  daos cont del-attr tank home owner,project";

pub const COPY: &str = "Copy a file or a directory tree into, out of or between POSIX containers

DST names the copy itself: 'copy a daos://tank/home/b' makes b the copy of a. When both are directories and DST exists, \
the tree is copied over it: files of the same name are replaced, others stay. Running the same command again therefore \
repairs a copy that was interrupted. Only a single file that is copied to an existing directory is put into it, under its \
own name. Missing directories above DST are made in a container.

Files, directories and symbolic links are copied, with their permissions and their time of modification; sockets, pipes \
and devices are named and left out. Links are not followed. A path without daos:// is one of this machine; a relative path \
that begins with 'daos:' is written ./daos:...

Progress is shown on a terminal; otherwise there is a line every few seconds. The first interrupt (Control-C) ends the \
copy after the pieces that are under way, the second one at once.

JSON response: src_pool, src_cont, dst_pool, dst_cont, copy_stats with num_dirs, num_files, num_links, and beyond \
upstream bytes, seconds, skipped[] (at most 100 paths), num_skipped.";

pub const COPY_EXAMPLES: &str = concat!(
    "Examples:
  daos fs copy --src ~/Documents --dst daos://tank/home/documents
  daos fs copy daos://tank/home/documents /tmp/documents
  daos fs copy daos://tank/home daos://tank/backup/home
  daos fs copy report.pdf daos://tank/home --json

",
    exit_status!()
);

pub const OBJECT_QUERY_EXAMPLES: &str =
    "JSON response: oid, type, class, dkeys[] (the first 16, bytes that are no text \
escaped).

Examples:
  daos obj query tank results 1099528404992.1
  daos obj query tank results 0x10001000000.0x1 --json";

pub const SYSTEM_QUERY: &str = "Show the engines and their states; of a local engine, its fabric and targets

The states of a rank:
  joined         it serves
  stopped        it ended in good order, by 'system stop' or a signal
  unresponsive   its process was lost without a word: it was killed, or its
                 machine or network failed
  excluded       the other engines agree that it is gone
  adminexcluded  an administrator took it out";

pub const SYSTEM_QUERY_EXAMPLES: &str =
    "JSON response: system_name, rank_uris[]; of a system also members[] with rank, uuid, addr, state, fault_domain, \
fabric_uri; of a local engine also fabric_provider, engine_process, directory, targets[].

Examples:
  daos system query
  dmg -l node1 system query --verbose
  dmg -l node1 system query --ranks 0-3 --json";

pub const SYSTEM_STOP_EXAMPLES: &str =
    "The rank that leads the metadata service stops last and starts first. What is on a \
rank that is stopped is answered with an error that names the rank.

JSON response: results[] with rank, state.

Examples:
  dmg -l node1 system stop
  dmg -l node1 system stop --ranks 2,4-6
  dmg -l node1 system start";

pub const SYSTEM_EXCLUDE_EXAMPLES: &str = "JSON response: results[] with rank, state.

Examples:
  dmg -l node1 system exclude --ranks 3
  dmg -l node1 system clear-exclude --ranks 3
  dmg -l node1 system start --ranks 3";

pub const SYSTEM_GET_PROP_EXAMPLES: &str = "JSON response: [] of name, description, value.

Examples:
  dmg -l node1 system get-prop
  dmg -l node1 system get-prop daos_system --json";

pub const LOCAL_STATUS_EXAMPLES: &str = "The exit status is 0 whether one runs or not.

JSON response: directory, running, process, log.

Examples:
  daos local status
  daos --path /scratch/me local status --json";

pub const LOCAL_STOP: &str = "Stop the engine process of the directory, after a checkpoint

Returns when the process is gone. Programs that use it get errors for what they have under way; what was acknowledged to \
them is kept. The next command starts an engine again. When none runs, there is nothing to do.";

pub const LOCAL_STOP_EXAMPLES: &str = "Examples:
  daos local stop
  daos --path /scratch/me local stop";

pub const SERVE: &str = "Serve a local directory until it is idle

Takes the directory's lock, recovers what an earlier engine left, and serves clients until none has been there for \
--idle seconds or a signal (TERM, INT) ends it; in both cases it makes a checkpoint first. Whoever kills it with signal \
KILL loses nothing that was acknowledged. A second engine for the same directory ends at once with an error.";

pub const SERVE_EXAMPLES: &str = "Examples:
  daos_server local --path /scratch/me
  daos_server local --path /scratch/me --idle 0 --targets 4";

pub const START: &str = "Serve as an engine of a system of several, until stopped

Engines with the same system name find each other by their control ports and form one system. The first of --replicas begins \
it, as rank 0, and keeps its metadata; every other engine joins, gets a rank, and keeps it for as long as its directory \
lives. When an engine is part of the system and serves, it prints one line; with --json it is an object.

Signals TERM and INT end an engine in good order. Whoever kills it with signal KILL loses nothing that was acknowledged; \
started again on the same directory, it comes back as the same rank. A file may name several engines: each is a process of its \
own then, at the control ports from 'port' on, and one that is killed is started again.

The control port and the fabric believe whoever reaches them: let only machines that are trusted reach them.";

pub const START_EXAMPLES: &str = "Examples, a system of three engines on one machine:
  daos_server start --storage /scratch/me/0 &
  daos_server start --storage /scratch/me/1 --port 10002 &
  daos_server start --storage /scratch/me/2 --port 10003 &
  dmg -l localhost pool create tank
  DAOS_ACCESS_POINTS=localhost daos pool list

On each of several machines, by a file:
  daos_server start -o /etc/daos/daos_server.yml";

pub const CONFIG_GENERATE_EXAMPLES: &str = "JSON response: config, the text of the file.

Examples:
  daos_server config generate > daos_server.yml";

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

pub const OVERWRITE_ACL: &str = "Replace an access control list

An entry is KIND:FLAGS:WHO:PERMISSIONS, as in A::ann@:rw or A:G:staff@:r.
WHO is OWNER@, GROUP@ (flag G), EVERYONE@, the name of a user, or of a group
(flag G). Permissions: r read, w write, c create containers, d delete
containers, t read properties, T set properties, a read the list, A change
it, o change the owner. Handles that are open stay as they are.";

pub const UPDATE_ACL: &str = "Add entries to an access control list

Entries about principals that the list knows take their place. 'overwrite-acl
--help' says what entries are.";

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

pub const CONTAINER_GET_ACL_EXAMPLES: &str = "JSON response: { \"entries\", \"owner_user\", \"owner_group\" }.

Examples:
  daos container get-acl tank home
  daos container get-acl tank home --file home.acl";

pub const CONTAINER_OVERWRITE_ACL_EXAMPLES: &str = "Examples:
  daos container overwrite-acl tank home --acl-file home.acl";

pub const CONTAINER_UPDATE_ACL_EXAMPLES: &str = "Examples:
  daos container update-acl tank home --entry A:G:staff@:rt";

pub const CONTAINER_DELETE_ACL_EXAMPLES: &str = "Examples:
  daos container delete-acl tank home --principal g:staff@";

pub const CONTAINER_SET_OWNER_EXAMPLES: &str = "Examples:
  daos container set-owner tank home --user ann";

pub const METRICS_EXAMPLES: &str =
    "The engine must have been started with 'telemetry_port' (--telemetry-port); programs like \
Prometheus read the same at http://HOST:PORT/metrics.

JSON response: metrics[] with name, labels, value; of list available_metric_sets[] with name, type, description.

Examples:
  dmg -l node1 telemetry metrics list
  dmg -l node1 telemetry metrics query --port 9192
  dmg -l node1 telemetry metrics query -m engine_requests_total --json";
