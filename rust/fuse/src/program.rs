//! What happens around a mount: starting, going to the background, ending.

use crate::arguments::{Arguments, Request};
use crate::inodes::What;
use crate::kernel::{Choices, Kernel, root_inode, root_of};
use crate::launcher::Launcher;
use crate::mountpoint;
use crate::places::{Places, parse_link};
use crate::system_calls;
use clap::Parser;
use daos_client::{ClientSettings, Context};
use daos_dfs::LINK_ATTRIBUTE;
use daos_env::{Env, LogLevel, log_event};
use daos_server::{LocalEngine, LocalEngineSettings, SERVER_NAME};
use daos_types::Reference;
use fuser::{Config, MountOption, Session, SessionACL};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// Set for a program in the background: the directory in which it was started.
const STARTED_IN: &str = "DFUSE_STARTED_IN";
/// The name of this program.
const OWN_NAME: &str = "dfuse";
/// The last line to who waits for a program that goes to the background.
const READY: &str = "ready";
/// Threads that answer requests when nobody says: two for each core, within these bounds.
const THREADS: (usize, usize) = (8, 32);
/// Most threads that can be asked for.
const THREADS_MAX: usize = 1024;
/// Exit status when it did not work.
const EXIT_FAILURE: u8 = 1;
/// Exit status of a wrong command line.
const EXIT_USAGE: u8 = 2;

/// A sentence for the user.
type Outcome<T> = Result<T, String>;

/// Runs the program whose name is the first word; gives the exit status.
pub fn run(words: &[OsString]) -> u8 {
    let name = words.first().map(PathBuf::from).unwrap_or_default();
    if name.file_name().is_some_and(|name| name == SERVER_NAME) {
        return told(serve_directory(words));
    }
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A reader that has gone away has seen enough.
            let _ignored = error.print();
            return if error.use_stderr() { EXIT_USAGE } else { 0 };
        }
    };
    let started_in = std::env::var_os(STARTED_IN).map(PathBuf::from);
    if arguments.foreground || started_in.is_some() {
        return told(mount(&arguments, started_in.as_deref()));
    }
    told(go_to_background(words))
}

fn told(outcome: Outcome<()>) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(sentence) => {
            say(&format!("dfuse: {sentence}"));
            EXIT_FAILURE
        }
    }
}

fn say(line: &str) {
    // A closed standard error hears nothing.
    let _ignored = writeln!(std::io::stderr(), "{line}");
}

/// Serves a local directory, as `daos_server local` does: the client starts this program for it.
fn serve_directory(words: &[OsString]) -> Outcome<()> {
    let directory = words.iter().skip_while(|word| *word != "--local-path").nth(1);
    let directory = directory.map(PathBuf::from).ok_or("the directory of the engine is not named")?;
    let detached = words.iter().any(|word| word == "--detached");
    let settings = LocalEngineSettings { directory, detached, ..LocalEngineSettings::default() };
    LocalEngine::serve(settings).map_err(|error| error.to_string())
}

/// Starts this program once more, without terminal, and waits until its mount is there.
fn go_to_background(words: &[OsString]) -> Outcome<()> {
    let here = std::env::current_dir().map_err(|error| format!("the working directory: {error}"))?;
    let program = std::env::current_exe().map_err(|error| format!("finding this program: {error}"))?;
    let mut command = Command::new(program);
    // The program may be known by another name as well.
    command.arg0(OWN_NAME).args(words.iter().skip(1)).env(STARTED_IN, &here);
    if let Some(path) = std::env::var_os("DAOS_LOCAL_PATH").filter(|path| !path.is_empty()) {
        command.env("DAOS_LOCAL_PATH", here.join(path));
    }
    let mut words = daos_server::spawn_detached(&mut command).map_err(|error| error.to_string())?;
    let failed = |error: std::io::Error| format!("waiting for the mount: {error}");
    system_calls::let_block(&words).map_err(failed)?;
    let mut told = String::new();
    words.read_to_string(&mut told).map_err(failed)?;
    let mut lines: Vec<&str> = told.lines().collect();
    let ready = lines.last() == Some(&READY);
    lines.retain(|line| *line != READY);
    for line in &lines {
        say(line);
    }
    match (ready, lines.is_empty()) {
        (true, _) => Ok(()),
        (false, true) => Err("the program in the background ended without a word".to_owned()),
        (false, false) => Err("nothing is mounted".to_owned()),
    }
}

/// Tells who waits that the mount is there, and lets go of them. From here on lines go to the file that `D_LOG_FILE` names.
fn tell_ready() -> Outcome<()> {
    say(READY);
    let log = std::env::var_os("D_LOG_FILE").filter(|file| !file.is_empty()).map(PathBuf::from);
    let log = log.unwrap_or_else(|| PathBuf::from("/dev/null"));
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&log);
    let replaced = file.and_then(|file| system_calls::replace_standard_error(&file));
    replaced.map_err(|error| format!("{}: {error}", log.display()))
}

/// Mounts, and serves the mount until it is taken away.
fn mount(arguments: &Arguments, started_in: Option<&Path>) -> Outcome<()> {
    // Before there are other threads, which inherit it.
    system_calls::hold_back_signals();
    daos_env::set_log_sink(|level, area, message| {
        if level <= LogLevel::Warn {
            say(&format!("{area}: {message}"));
        }
    });
    let mut request = arguments.request()?;
    let absolute = |path: &str| started_in.map_or_else(|| PathBuf::from(path), |directory| directory.join(path));
    let place = std::path::absolute(absolute(&request.mountpoint)).map_err(|error| error.to_string())?;
    if let Some(path) = &arguments.path {
        let path = absolute(&path.to_string_lossy());
        let value = mountpoint::attribute(&path, LINK_ATTRIBUTE.as_bytes());
        let value = value.map_err(|error| format!("{} is no link to a container: {error}", path.display()))?;
        let (pool, container) =
            parse_link(&value).ok_or_else(|| format!("{} is no link to a POSIX container", path.display()))?;
        (request.pool, request.container) = (Some(pool.to_string()), Some(container.to_string()));
    }
    mountpoint::prepare(&place)?;
    let context = Arc::new(start_client(arguments)?);
    let served = serve(arguments, &request, &place, &context, started_in.is_some());
    if let Some(context) = Arc::into_inner(context) {
        context.stop();
    }
    served
}

fn start_client(arguments: &Arguments) -> Outcome<Context> {
    let mut settings = ClientSettings::from_environment().map_err(|error| error.to_string())?;
    settings.local_directory = std::path::absolute(&settings.local_directory).map_err(|error| error.to_string())?;
    if let (Some(name), Some(system)) = (&arguments.sys_name, &mut settings.system) {
        system.name.clone_from(name);
    }
    Context::start(settings, Env::system(), Arc::new(Launcher)).map_err(|error| error.to_string())
}

fn named(text: &str) -> Outcome<Reference> {
    Reference::parse(text).map_err(|error| error.to_string())
}

/// Opens what the root of the mount is.
fn open_root(context: &Context, places: &Arc<Places>, request: &Request) -> Outcome<What> {
    let Some(pool) = &request.pool else { return Ok(What::System) };
    let pool = named(pool)?;
    let container = request.container.as_deref().map(named).transpose()?;
    let places = places.clone();
    let opened = context.block_on(move |client| async move {
        let pool = places.pool(&client, &pool).await?;
        let Some(container) = container else { return Ok(What::Pool(pool)) };
        let volume = places.volume(&client, &pool, &container).await?;
        let seen = root_of(&client, &volume).await?;
        Ok(root_inode(&volume, seen.status))
    });
    opened.map_err(|error: daos_dfs::DfsError| error.to_string())
}

fn threads(arguments: &Arguments) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    match (arguments.singlethread, arguments.thread_count) {
        (true, _) => 1,
        (false, Some(count)) => count.clamp(1, THREADS_MAX),
        (false, None) => (2 * cores).clamp(THREADS.0, THREADS.1),
    }
}

fn kernel_options(request: &Request, read_only: bool) -> Vec<MountOption> {
    let mut options = vec![
        MountOption::FSName(mountpoint::SOURCE.to_owned()),
        MountOption::Subtype("daos".to_owned()),
        MountOption::DefaultPermissions,
        MountOption::NoAtime,
    ];
    if read_only {
        options.push(MountOption::RO);
    }
    options.extend(request.kernel.iter().filter_map(|option| {
        Some(match option.as_str() {
            "noexec" => MountOption::NoExec,
            "suid" => MountOption::Suid,
            "dev" => MountOption::Dev,
            "sync" => MountOption::Sync,
            "dirsync" => MountOption::DirSync,
            _ => return None,
        })
    }));
    options
}

fn serve(
    arguments: &Arguments,
    request: &Request,
    place: &Path,
    context: &Arc<Context>,
    in_background: bool,
) -> Outcome<()> {
    let places = Arc::new(Places::new(request.read_only, arguments.disable_caching));
    let root = open_root(context, &places, request)?;
    let read_only = match &root {
        What::Entry(entry) => !entry.volume.file_system.options().writable,
        _ => request.read_only,
    };
    let gather = !arguments.disable_caching && !arguments.disable_wb_cache;
    let choices = Choices { multi_user: request.multi_user, gather };
    let notifier = Arc::new(OnceLock::new());
    let kernel = Kernel::new((context.clone(), Env::system()), places, root, choices, notifier.clone())
        .map_err(|error| format!("starting a thread: {error}"))?;
    let mut config = Config::default();
    config.mount_options = kernel_options(request, read_only);
    config.acl = if request.multi_user || request.allow_other { SessionACL::All } else { SessionACL::Owner };
    config.n_threads = Some(threads(arguments));
    config.clone_fd = true;
    let session = Session::new(kernel, place, &config).map_err(|error| mountpoint::advice(place, &error))?;
    // It was never set before.
    let _first = notifier.set(session.notifier());
    mountpoint::raise_readahead(place);
    let ends_at = place.to_path_buf();
    std::thread::Builder::new()
        .name("dfuse-signals".to_owned())
        .spawn(move || end_by_signal(&ends_at))
        .map_err(|error| format!("starting a thread: {error}"))?;
    if in_background {
        tell_ready()?;
    }
    session.run().map_err(|error| format!("serving {}: {error}", place.display()))
}

/// Unmounts at the first signal, so that who still uses the mount can finish; at the second one the program ends.
fn end_by_signal(place: &Path) {
    system_calls::wait_for_signal();
    if let Err(error) = mountpoint::take_away(place) {
        log_event(LogLevel::Error, "dfuse", format_args!("unmounting {}: {error}", place.display()));
    }
    system_calls::wait_for_signal();
    std::process::exit(1);
}
