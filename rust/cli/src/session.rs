//! The client of one command.

use crate::arguments::GlobalOptions;
use crate::configuration::{self, ControlFile};
use crate::failure::{Failure, Result};
use crate::launcher::Launcher;
use daos_client::{
    Client, ClientSettings, Container, ContainerFlags, Context, LocalDirectory, LocalMode, Pool, PoolFlags,
    SystemAccess,
};
use daos_env::{Env, LogLevel};
use daos_status::Code;
use daos_types::Reference;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

/// The client, started at the first call that needs it.
pub struct Session {
    settings: ClientSettings,
    context: Context,
}

/// Where commands find the engine.
pub fn settings(global: &GlobalOptions) -> Result<ClientSettings> {
    // The environment is not asked for a directory that is named: it may have none to offer.
    if let Some(path) = &global.control_file {
        let file: ControlFile = configuration::read(path)?;
        let mut system = SystemAccess::at(&global.host_list.clone().unwrap_or_else(|| file.places().join(",")));
        if let Some(name) = file.name {
            system.name = name;
        }
        if system.access_points.is_empty() {
            let sentence = format!("{} names no 'hostlist'; add it, or give -l HOST[:PORT]", path.display());
            return Err(Failure::new(Code::Inval, sentence));
        }
        return Ok(ClientSettings { system: Some(system), ..ClientSettings::for_directory(PathBuf::from("/"))? });
    }
    if let Some(host_list) = &global.host_list {
        let system = Some(SystemAccess::at(host_list));
        return Ok(ClientSettings { system, ..ClientSettings::for_directory(PathBuf::from("/"))? });
    }
    let mut settings = match &global.local_path {
        None => ClientSettings::from_environment()?,
        Some(path) => ClientSettings::for_directory(path.clone())?,
    };
    settings.local_directory = std::path::absolute(&settings.local_directory)
        .map_err(|error| daos_status::Status::from(error).while_doing("finding the local engine's directory"))?;
    Ok(settings)
}

impl Session {
    /// A client by the options and the environment; nothing is started yet.
    pub fn start(global: &GlobalOptions) -> Result<Session> {
        let settings = settings(global)?;
        let context = Context::start(settings.clone(), Env::system(), Arc::new(Launcher))?;
        Ok(Session { settings, context })
    }

    /// Whether it is a session with a system of several engines.
    pub fn uses_system(&self) -> bool {
        self.settings.system.is_some()
    }

    /// The system's name.
    pub fn system_name(&self) -> String {
        let named = self.settings.system.as_ref().map(|system| system.name.clone());
        named.unwrap_or_else(|| daos_client::SYSTEM_NAME_DEFAULT.to_owned())
    }

    /// The directory of the local engine.
    pub fn directory(&self) -> PathBuf {
        self.settings.local_directory.clone()
    }

    /// Runs work within the client.
    pub fn run<T, F>(&self, work: impl FnOnce(Client) -> F + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + 'static,
    {
        self.context.block_on(work)
    }

    /// Ends the client, so that the engine releases its handles.
    pub fn stop(self) {
        self.context.stop();
    }
}

/// Reads how a user names a pool or container.
pub fn reference(text: &str) -> Result<Reference> {
    Ok(Reference::parse(text)?)
}

/// Runs `work` on a pool, connected for that time.
pub async fn with_pool<T>(
    client: &Client,
    name: &str,
    flags: PoolFlags,
    work: impl AsyncFnOnce(&Pool) -> Result<T>,
) -> Result<T> {
    let connected = Pool::connect(client, &reference(name)?, flags).await;
    let pool = connected.map_err(|error| crate::failure::Failure::from(error).remedy(Code::Nonexist, POOLS))?;
    let value = work(&pool).await?;
    // After an error the handle is left to the end of the process: closing it might wait for an engine that is gone.
    if let Err(error) = pool.disconnect(client).await {
        daos_env::log!(Debug, "tools", "disconnecting from pool '{name}': {error}");
    }
    Ok(value)
}

/// Runs `work` on a container, open for that time.
pub async fn with_container<T>(
    client: &Client,
    (pool, container): (&str, &str),
    writes: bool,
    work: impl AsyncFnOnce(&Container) -> Result<T>,
) -> Result<T> {
    let (pool_flags, flags) = match writes {
        true => (PoolFlags::READ_WRITE, ContainerFlags::READ_WRITE),
        false => (PoolFlags::READ_ONLY, ContainerFlags::READ_ONLY),
    };
    let reference = reference(container)?;
    with_pool(client, pool, pool_flags, async |handle| {
        let opened = Container::open(client, handle, &reference, flags).await;
        let opened = opened.map_err(|error| {
            let failure = crate::failure::Failure::from(error);
            let remedy = containers(pool);
            failure.remedy(Code::Nonexist, &remedy).remedy(Code::ContNonexist, &remedy)
        })?;
        let value = work(&opened).await?;
        if let Err(error) = opened.close(client).await {
            daos_env::log!(Debug, "tools", "closing container '{container}': {error}");
        }
        Ok(value)
    })
    .await
}

/// What to do about a pool that is not there.
const POOLS: &str = "'daos pool list' shows the pools there are";

/// What to do about a container that is not there.
fn containers(pool: &str) -> String {
    format!("'daos container list {pool}' shows the containers there are")
}

/// Log lines go to standard error: those about trouble, with --verbose all.
pub fn set_log(verbose: bool) {
    daos_env::set_log_sink(move |level, area, message| {
        if verbose || level <= LogLevel::Warn {
            // A tool whose standard error is closed still has to work.
            let _ignored =
                std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{} {area}: {message}\n", word(level)));
        }
    });
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}

/// The files of the directory, without making it.
pub fn directory(global: &GlobalOptions) -> Result<(PathBuf, Option<LocalDirectory>)> {
    let settings = settings(global)?;
    let path = settings.local_directory;
    if settings.local_mode == LocalMode::Inside || !path.is_dir() {
        return Ok((path, None));
    }
    let directory = LocalDirectory::create(&path)?;
    Ok((path, Some(directory)))
}
