//! How an endpoint of shared memory is opened.

/// Whose processes may connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Users {
    /// Those of the same user, and of root.
    Own,
    /// Those of any user of the machine; what they may do is decided by what they know, as on a network.
    All,
}

/// The settings of a [`SharedMemoryTransport`](super::SharedMemoryTransport).
#[derive(Clone, Debug)]
pub struct SharedMemorySettings {
    /// Whether others can connect. A client need not be found: who it connects to can call it.
    pub listens: bool,
    /// Who may connect.
    pub users: Users,
    /// Connections at a time; one more is refused.
    pub connections_max: usize,
    /// Whether long transfers may go directly from one process's memory to the other's, where the kernel allows it.
    pub reads_processes: bool,
}

impl Default for SharedMemorySettings {
    fn default() -> SharedMemorySettings {
        SharedMemorySettings { listens: true, users: Users::Own, connections_max: 4096, reads_processes: true }
    }
}
