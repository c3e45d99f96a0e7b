//! The mount: what the kernel asks, answered over the namespaces.
//!
//! Each request is answered by the thread that has read it: it hands its work to the client's context and drives that until the
//! work is done, or sleeps while another thread drives. `docs/design.md` says why.

mod attributes;
mod data;
mod entries;
mod listing;
mod lookup;
mod requests;
mod space;

pub(crate) use lookup::{root_inode, root_of};

use crate::counts::Counts;
use crate::directories::Directories;
use crate::gather::Gathering;
use crate::inodes::{Entry, Inodes, What};
use crate::places::Places;
use daos_client::{Client, Context};
use daos_dfs::{DfsError, Result};
use daos_env::{Env, LogLevel, log_event};
use fuser::{Errno, Notifier};
use std::future::Future;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

/// What the command line decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Choices {
    /// New entries belong to who makes them.
    pub multi_user: bool,
    /// Small writes are gathered, and sent together.
    pub gather: bool,
}

/// A mount.
pub struct Kernel {
    context: Arc<Context>,
    env: Env,
    places: Arc<Places>,
    inodes: Inodes,
    directories: Directories,
    choices: Choices,
    counts: Counts,
    gathering: Arc<Gathering>,
    /// Ends the thread of the above.
    _alive: Sender<()>,
    notifier: Arc<OnceLock<Notifier>>,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// An open file, as the kernel names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// The inode.
    pub number: u64,
    /// The number of the open, among those of the inode.
    pub opener: u64,
}

impl Kernel {
    /// A mount with this root; the notifier is set when the kernel has it.
    pub fn new(
        (context, env): (Arc<Context>, Env),
        places: Arc<Places>,
        root: What,
        choices: Choices,
        notifier: Arc<OnceLock<Notifier>>,
    ) -> std::io::Result<Kernel> {
        let inodes = Inodes::default();
        inodes.set_root(root);
        let (_alive, gathering) = Gathering::start(context.clone())?;
        let directories = Directories::default();
        let counts = Counts::default();
        Ok(Kernel { context, env, places, inodes, directories, choices, counts, gathering, _alive, notifier })
    }

    /// Sends what was gathered for a file: somebody is going to look at it. A failure waits for those who have it open.
    fn send_gathered(&self, entry: &Entry) {
        entry.pending().send(&self.context, entry);
    }

    /// Sends what was gathered for a file, and tells an open of it what failed.
    fn settle(&self, entry: &Entry, opener: u64) -> Result<()> {
        entry.pending().settle(&self.context, entry, opener)
    }

    /// Runs work within the client.
    fn run<T, F>(&self, work: impl FnOnce(Client) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        self.context.block_on(work)
    }
}

/// The number for the kernel. What it can do nothing about is also told.
fn errno(error: &DfsError) -> Errno {
    if matches!(error.errno, libc::EIO | libc::EPROTO | libc::EREMOTEIO | libc::EHOSTUNREACH) {
        log_event(LogLevel::Warn, "dfuse", format_args!("{error}"));
    }
    Errno::from_i32(error.errno)
}

/// An error with a sentence.
fn failed<T>(number: i32, context: &'static str) -> Result<T> {
    Err(DfsError::new(number, context))
}
