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
  DAOS_LOCAL_TARGETS
                   targets of an engine whose directory is new [default: one
                   for two processors]
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

// Behind the macros, which they use.
mod container;
mod engines;
mod pool;
mod system;

pub use container::*;
pub use engines::*;
pub use pool::*;
pub use system::*;

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
  daos --local-path /scratch/me pool list         another local engine

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
  daos_server local --local-path /scratch/me      a local directory

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

pub const SET_ATTR: &str = "Set user attributes

An attribute is a name and bytes that mean something to its user only. The form NAME VALUE takes any value; in the form \
NAME:VALUE[,NAME:VALUE...] values have no commas.";

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

pub const FILESYSTEM_GET_ATTR_EXAMPLES: &str =
    "JSON response: oclass, chunk_size, and of directories dir_oclass and file_oclass of what is made in them.

Examples:
  daos fs get-attr tank home
  daos fs get-attr tank home --dfs-path /projects/large --json
  daos fs get-attr --path /mnt/dfuse/projects/large";

pub const FILESYSTEM_SET_ATTR_EXAMPLES: &str = "What is there stays as it is.

Examples:
  daos fs set-attr tank home --dfs-path /projects --chunk-size 4MiB
  daos fs set-attr tank home --dfs-path /small --oclass S1";

pub const FILESYSTEM_CHECK: &str =
    "Look for what clients left behind that ended within a change of a POSIX container

Names and content are whole after any crash; what can be left is content that no name stands for, whose space nobody uses, and names that a \
move to another target has left behind, which nobody sees. The container must be in use nowhere else: --flags=evict closes the handles of others.";

pub const FILESYSTEM_CHECK_EXAMPLES: &str = "JSON response: entries, objects, left_over, linked, damaged, remainders.

Examples:
  daos fs check tank home
  daos fs check tank home --flags=print,relink
  daos fs check tank home --flags=remove,verify";

pub const OBJECT_QUERY_EXAMPLES: &str =
    "JSON response: oid, type, class, dkeys[] (the first 16, bytes that are no text \
escaped).

Examples:
  daos obj query tank results 1099528404992.1
  daos obj query tank results 0x10001000000.0x1 --json";

pub const OVERWRITE_ACL: &str = "Replace an access control list

An entry is KIND:FLAGS:WHO:PERMISSIONS, as in A::ann@:rw or A:G:staff@:r.
WHO is OWNER@, GROUP@ (flag G), EVERYONE@, the name of a user, or of a group
(flag G). Permissions: r read, w write, c create containers, d delete
containers, t read properties, T set properties, a read the list, A change
it, o change the owner. Handles that are open stay as they are.";

pub const UPDATE_ACL: &str = "Add entries to an access control list

Entries about principals that the list knows take their place. 'overwrite-acl
--help' says what entries are.";
