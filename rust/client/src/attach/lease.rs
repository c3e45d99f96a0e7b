//! The open socket that keeps a client's handles alive, and tells the client when the engine is gone.

use daos_env::{Source, Spawner};
use daos_rpc::ControlStream;
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

/// Rounds of a busy executor between two looks at the socket: a look is a system call, and a dead engine also shows by
/// calls that wait, which make the executor sleep and then look at once.
const ROUNDS_BETWEEN_LOOKS: u32 = 1024;

/// The socket of a lease.
pub(crate) enum LeaseStream {
    /// Of a local engine.
    Local(UnixStream),
    /// Of the engine that leads a system.
    System(Box<dyn ControlStream>),
}

impl LeaseStream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            LeaseStream::Local(stream) => stream.read(buffer),
            LeaseStream::System(stream) => stream.read(buffer),
        }
    }
}

impl AsRawFd for LeaseStream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            LeaseStream::Local(stream) => stream.as_raw_fd(),
            LeaseStream::System(stream) => stream.descriptor(),
        }
    }
}

struct Watch {
    stream: RefCell<Option<LeaseStream>>,
    rounds: Cell<u32>,
    on_loss: RefCell<Option<Box<dyn FnOnce()>>>,
}

/// A lease that is held until it is ended or dropped.
pub(crate) struct Lease {
    spawner: Spawner,
    watch: Rc<dyn Source>,
    stream: Rc<Watch>,
}

impl Lease {
    /// Watches the socket; `on_loss` runs once when the engine closes it.
    pub fn hold(spawner: &Spawner, stream: LeaseStream, on_loss: impl FnOnce() + 'static) -> Lease {
        let watch = Rc::new(Watch {
            stream: RefCell::new(Some(stream)),
            rounds: Cell::new(0),
            on_loss: RefCell::new(Some(Box::new(on_loss))),
        });
        spawner.add_source(watch.clone());
        Lease { spawner: spawner.clone(), watch: watch.clone(), stream: watch }
    }

    /// Looks at the socket now.
    pub fn look(&self) {
        self.stream.look();
    }

    /// Gives the lease back.
    pub fn end(&self) {
        self.spawner.remove_source(&self.watch);
        self.stream.on_loss.take();
        self.stream.stream.take();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end();
    }
}

impl Watch {
    /// Whether the engine has closed its end. It says nothing after its greeting, so whatever else comes is ignored.
    fn closed(&self) -> bool {
        let mut stream = self.stream.borrow_mut();
        let Some(stream) = stream.as_mut() else { return false };
        match stream.read(&mut [0; 64]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }
}

impl Watch {
    /// Tells the owner once when the engine has closed its end.
    fn look(&self) -> bool {
        if !self.closed() {
            return false;
        }
        self.stream.take();
        let on_loss = self.on_loss.take();
        if let Some(on_loss) = on_loss {
            on_loss();
        }
        true
    }
}

impl Source for Watch {
    fn progress(&self) -> bool {
        if self.rounds.get() > 0 {
            self.rounds.set(self.rounds.get() - 1);
            return false;
        }
        self.rounds.set(ROUNDS_BETWEEN_LOOKS);
        self.look()
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.stream.borrow().as_ref().map(|stream| stream.as_raw_fd())
    }

    fn prepare_sleep(&self) -> bool {
        self.rounds.set(0);
        true
    }
}
