//! Attaching to the engine of a local directory, and starting it when there is none.

mod dial;
mod lease;
mod local;
mod looks;
mod remote;
mod socket;
mod starting;
mod transport;

use crate::{Client, LocalMode, ranks};
use daos_env::Env;
use daos_rpc::in_process::InsideEngine;
use daos_rpc::{Address, Endpoint, EndpointSettings, Transport};
use daos_status::{Code, Result, Status};
use daos_wire::Hello;
use lease::{Lease, LeaseStream};
pub use local::LocalDirectory;
pub use remote::SystemAccess;
pub(crate) use remote::{ask, ask_there, who_leads};
use std::cell::Cell;
use std::io::PipeReader;
use std::path::Path;
use std::rc::Rc;

/// Brings up the engine of a directory when there is none. Implemented by the front doors, which know how.
pub trait EngineLauncher: Send + Sync {
    /// Starts a process that serves the directory; returns when it was started, not when it is ready.
    ///
    /// What is returned is a pipe whose reading does not block. The process writes to it why it cannot serve, as a line of
    /// the form of `engine.error` or any other text, and closes it when it ends or is ready.
    fn launch_process(&self, directory: &Path) -> Result<PipeReader>;

    /// Starts an engine for the directory on threads of this process.
    fn start_inside(&self, directory: &Path, env: &Env) -> Result<Box<dyn InsideEngine>>;
}

/// A connection to the system. When the engine goes, it is lost for good, and the next call makes another.
pub(crate) struct Connection {
    generation: u64,
    endpoint: Endpoint,
    targets: Vec<Address>,
    lost: Rc<Cell<bool>>,
    is_system: bool,
    provider: String,
    system: String,
    process: u32,
    // Dropped after the endpoint is closed: the lease tells the engine that this client is gone.
    lease: Option<Lease>,
    _inside: Option<Box<dyn InsideEngine>>,
}

impl Connection {
    /// Which of the connections of this process it is; handles are opened again on a newer one.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The target that the pool service runs on.
    pub fn service(&self) -> &Address {
        &self.targets[0]
    }

    pub fn targets(&self) -> &[Address] {
        &self.targets
    }

    pub fn provider(&self) -> &str {
        &self.provider
    }

    pub fn system(&self) -> &str {
        &self.system
    }

    /// Process id of the engine.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Whether it is one to a system of several engines.
    pub fn is_system(&self) -> bool {
        self.is_system
    }

    pub fn is_lost(&self) -> bool {
        self.lost.get()
    }

    /// Looks whether the engine has ended the lease; when it has, calls under way fail, and [`Connection::is_lost`] says so.
    pub fn look_at_lease(&self) {
        if let Some(lease) = &self.lease {
            lease.look();
        }
    }

    /// Gives the connection up, as it leads to an engine that does not lead or answer. The lease stays until another
    /// connection has taken its place.
    pub fn abandon(&self) {
        self.lost.set(true);
        self.endpoint.close();
    }

    pub fn close(&self) {
        self.lost.set(true);
        self.endpoint.close();
        if let Some(lease) = &self.lease {
            lease.end();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

/// Makes a connection by the settings of the client.
pub(crate) async fn attach(client: &Client, generation: u64) -> Result<Rc<Connection>> {
    if let Some(access) = &client.0.settings.system {
        return attach_system(client, access, generation).await.map_err(about_the_system);
    }
    let result = match LocalDirectory::create(&client.0.settings.local_directory) {
        Err(status) => Err(status),
        Ok(directory) => match client.0.settings.local_mode {
            LocalMode::Process => attach_process(client, &directory, generation).await,
            LocalMode::Inside => attach_inside(client, &directory, generation),
        },
    };
    result.map_err(about_the_system)
}

/// A file that is missing or in the way must not look like the pool or container that a caller asked for: programs take
/// these numbers as an answer.
fn about_the_system(status: Status) -> Status {
    match status.code() {
        Code::Nonexist | Code::Exist | Code::Enoent => Status::new(Code::NoService, status.context().to_owned()),
        _ => status,
    }
}

fn endpoint(client: &Client, transport: Rc<dyn Transport>, targets: &[Address], session: u64) -> Result<Endpoint> {
    let endpoint = Endpoint::new(client.spawner(), &*client.env().random, transport, EndpointSettings::default());
    for target in targets {
        endpoint.set_session(target, session)?;
    }
    Ok(endpoint)
}

fn attach_inside(client: &Client, directory: &LocalDirectory, generation: u64) -> Result<Rc<Connection>> {
    let engine = client.0.launcher.start_inside(directory.path(), client.env())?;
    let targets = engine.targets();
    let endpoint = endpoint(client, engine.network().open()?, &targets, engine.session())?;
    Ok(Rc::new(Connection {
        generation,
        endpoint,
        targets,
        lost: Rc::new(Cell::new(false)),
        is_system: false,
        provider: "in-process".to_owned(),
        system: "daos_server".to_owned(),
        process: std::process::id(),
        lease: None,
        _inside: Some(engine),
    }))
}

async fn attach_process(client: &Client, directory: &LocalDirectory, generation: u64) -> Result<Rc<Connection>> {
    let (stream, hello) = local::greet(client, directory).await?;
    let why = Status::new(Code::Unreach, "the local engine ended; call again to start it");
    connected(client, LeaseStream::Local(stream), hello, why, generation).await
}

async fn attach_system(client: &Client, access: &SystemAccess, generation: u64) -> Result<Rc<Connection>> {
    let (stream, hello, table) = remote::attach(client, access, generation).await?;
    let why = format!("the metadata service of system '{}' was lost; call again to find it", access.name);
    let stream = LeaseStream::System(stream);
    let connection = connected(client, stream, hello, Status::new(Code::Unreach, why), generation).await?;
    client.spawner().spawn(ranks::watch(
        Rc::downgrade(&client.0),
        client.spawner().clone(),
        Rc::downgrade(&connection),
        table,
    ));
    Ok(connection)
}

/// A connection by a greeting. When the lease ends, all calls under way fail with `why`.
async fn connected(
    client: &Client,
    stream: LeaseStream,
    hello: Hello,
    why: Status,
    generation: u64,
) -> Result<Rc<Connection>> {
    let is_system = matches!(stream, LeaseStream::System(_));
    let targets = hello.targets.iter().map(|text| Address::parse(text)).collect::<Result<Vec<Address>>>()?;
    let endpoint = match &client.0.fabric {
        Some(open) => endpoint(client, open()?, &targets, hello.session)?,
        None => {
            let transport = transport::open(client, &hello.provider, &targets)?;
            let endpoint = endpoint(client, transport.clone(), &targets, hello.session)?;
            transport::settle(client, &transport).await;
            endpoint
        }
    };
    let lost = Rc::new(Cell::new(false));
    let lease = {
        let (endpoint, lost, peers) = (endpoint.clone(), lost.clone(), targets.clone());
        Lease::hold(client.spawner(), stream, move || {
            lost.set(true);
            for peer in &peers {
                endpoint.fail_peer(peer, why.clone());
            }
        })
    };
    Ok(Rc::new(Connection {
        generation,
        endpoint,
        targets,
        lost,
        is_system,
        provider: hello.provider,
        system: hello.system,
        process: hello.process,
        lease: Some(lease),
        _inside: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_the_engine_away_is_no_answer_about_pools() {
        let status = about_the_system(Status::new(Code::Nonexist, "starting /x/daos_server"));
        assert_eq!(status, Status::new(Code::NoService, "starting /x/daos_server"));
        let status = about_the_system(Status::new(Code::NoPerm, "x"));
        assert_eq!(status.code(), Code::NoPerm);
    }
}
