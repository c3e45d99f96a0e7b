//! Of the system, its engines and the local engine.

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
fabric_uri, absentranks and absenthosts (what was named and is not there, which is an error as well); of a local engine also \
fabric_provider, engine_process, directory, targets[].

Examples:
  daos system query
  dmg -l node1 system query --verbose
  dmg -l node1 system query --not-ok
  dmg -l node1 system query --with-states stopped,unresponsive
  dmg -l node1 system query --rank-hosts node[2-3] --json
  dmg -l node1 system query --ranks 0-3 --json";

pub const SYSTEM_LEADER_QUERY_EXAMPLES: &str =
    "JSON response: current_leader, replicas[] and down_replicas[], addresses of \
control ports.

Examples:
  dmg system leader-query
  dmg system leader-query --json";

pub const SERVER_VERSION_EXAMPLES: &str = "JSON response: name, version.

Examples:
  dmg server-version --json";

pub const SYSTEM_STOP_EXAMPLES: &str =
    "The rank that leads the metadata service hands it over before it stops; of the whole \
system, it stops last. Ranks that keep the metadata are not stopped or excluded if too \
few of them would be left for it, unless --force is given: then nothing can be created, \
opened or changed before enough of them are started again. What is on a rank that is \
stopped is answered with an error that names the rank.

JSON response: Results[] with Rank, Addr (its control port), Action, Errored, Msg, state.

Examples:
  dmg -l node1 system stop
  dmg -l node1 system stop --ranks 2,4-6
  dmg -l node1 system stop --rank-hosts node[2-4]
  dmg -l node1 system start";

pub const SYSTEM_EXCLUDE_EXAMPLES: &str =
    "JSON response: Results[] with Rank, Addr (its control port), Action, Errored, Msg, state.

Examples:
  dmg -l node1 system exclude --ranks 3
  dmg -l node1 system clear-exclude --ranks 3
  dmg -l node1 system start --ranks 3";

pub const SYSTEM_DRAIN: &str = "Take ranks out of use in all pools that have targets on them, when nothing is on these

The same as 'dmg pool drain POOL --ranks RANKS' for each pool with targets on these ranks. A pool that cannot do without them is an \
error with its name; what is done for the others stays done, and the exit status is 1. --ranks or --rank-hosts must be given.";

pub const SYSTEM_DRAIN_EXAMPLES: &str =
    "JSON response: responses[], for each pool id and results[] with rank, errored, msg.

Examples:
  dmg -l node1 system drain --ranks 3
  dmg -l node1 system drain --rank-hosts node[2-3]
  dmg -l node1 system reintegrate --ranks 3";

pub const SYSTEM_GET_PROP_EXAMPLES: &str = "JSON response: [] of name, description, value.

Examples:
  dmg -l node1 system get-prop
  dmg -l node1 system get-prop daos_system --json";

pub const LOCAL_STATUS_EXAMPLES: &str = "The exit status is 0 whether one runs or not.

JSON response: directory, running, process, log.

Examples:
  daos local status
  daos --local-path /scratch/me local status --json";

pub const LOCAL_STOP: &str = "Stop the engine process of the directory, after a checkpoint

Returns when the process is gone. Programs that use it get errors for what they have under way; what was acknowledged to \
them is kept. The next command starts an engine again. When none runs, there is nothing to do.";

pub const LOCAL_STOP_EXAMPLES: &str = "Examples:
  daos local stop
  daos --local-path /scratch/me local stop";

pub const MPI_ENV: &str = "Print the environment of MPI programs that use containers

One line, VARIABLE=VALUE, for env(1): the library that has MPI-IO for files of containers, to be loaded before the MPI \
library. Programs need not be built again. They name such files daos:/POOL/CONTAINER/path; all other names go to the MPI \
library as before. One library serves all MPI libraries with MPICH's ABI. With a program's name, it is looked whether the \
program is linked with one of them.";

pub const MPI_ENV_EXAMPLES: &str = "Examples:
  env $(daos mpi-env) mpiexec.mpich -n 4 ./app daos:/tank/home/out
  daos mpi-env ./app
  export $(daos mpi-env)";

pub const HDF5_ENV: &str = "Print the environment of HDF5 programs that use containers

One line of VARIABLE=VALUE for env(1): where HDF5 finds the connector, that it is to use it, and a library that does the work of \
some old functions, as h5py calls them. Programs need not be built again; HDF5 1.14 and 2.x are served, whether of a Python \
wheel or of the system. Names of files are daos://POOL/CONTAINER/path, or /POOL/CONTAINER/path where there is no local file or \
directory /POOL; files with other names are HDF5's own.

With a pool and a container, relative names are in that one (DAOS_POOL and DAOS_CONT are set): a file that is made, and one that \
is opened, unless only the working directory has it. Absolute names stay local.";

pub const HDF5_ENV_EXAMPLES: &str = "Examples:
  env $(daos hdf5-env) python analyse.py daos://tank/home/run42.h5
  env $(daos hdf5-env tank home) python analyse.py run42.h5
  export $(daos hdf5-env)";

pub const SERVE: &str = "Serve a local directory until it is idle

Takes the directory's lock, recovers what an earlier engine left, and serves clients until none has been there for \
--idle seconds or a signal (TERM, INT) ends it; in both cases it makes a checkpoint first. Whoever kills it with signal \
KILL loses nothing that was acknowledged. A second engine for the same directory ends at once with an error.";

pub const SERVE_EXAMPLES: &str = "Examples:
  daos_server local --local-path /scratch/me
  daos_server local --local-path /scratch/me --idle 0 --targets 4";

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

pub const METRICS_EXAMPLES: &str =
    "The engine must have been started with 'telemetry_port' (--telemetry-port); programs like \
Prometheus read the same at http://HOST:PORT/metrics.

JSON response: metrics[] with name, labels, value; of list available_metric_sets[] with name, type, description.

Examples:
  dmg -l node1 telemetry metrics list
  dmg -l node1 telemetry metrics query --port 9192
  dmg -l node1 telemetry metrics query -m engine_requests_total --json";
