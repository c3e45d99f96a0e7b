//! The system: its engines, and what they, clients and tools say to each other on control ports.
//!
//! A control port is a TCP port of each engine's process. A message on it is the magic, the length of the body, and the body.
//! A connection carries one request after the other, each answered before the next is read, but for these two, after which
//! the connection itself means something: the lease of a client ([`ControlRequest::Attach`]) and that of an engine
//! ([`ControlRequest::Join`]). Who ends, or is killed, closes it.

use crate::macros::{wire_enums, wire_structs};
use crate::{Hello, decode, encode};
use daos_security::Credentials;
use daos_status::{Code, Result, Status, fail};
use daos_types::{EngineId, Rank, SystemId};

/// First bytes of a message on a control port: name and version of the protocol.
const MAGIC: [u8; 8] = *b"DAOSct01";
/// The longest message on a control port: the table of thousands of engines.
pub const CONTROL_LENGTH_MAX: usize = 4 << 20;
/// The longest request: lists of ranks.
pub const CONTROL_REQUEST_LENGTH_MAX: usize = 64 << 10;
/// Bytes before the message itself: magic and length.
pub const CONTROL_HEADER_LENGTH: usize = MAGIC.len() + 4;
/// The control port when nobody says; upstream's.
pub const CONTROL_PORT_DEFAULT: u16 = 10001;

/// What a rank is good for, as [`RankEntry::state`] has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RankState {
    /// It serves.
    Joined = 1,
    /// It was stopped, and says so itself: it comes back when it is started.
    Stopped = 2,
    /// Membership found it dead.
    Excluded = 3,
    /// An administrator took it out; it may not join before he lets it.
    AdminExcluded = 4,
    /// Its process was lost without a word.
    Unresponsive = 5,
}

impl RankState {
    /// The state of a number.
    pub fn from_number(number: u8) -> Option<RankState> {
        use RankState::{AdminExcluded, Excluded, Joined, Stopped, Unresponsive};
        [Joined, Stopped, Excluded, AdminExcluded, Unresponsive].into_iter().find(|state| *state as u8 == number)
    }

    /// Upstream's word for it.
    pub fn word(self) -> &'static str {
        match self {
            RankState::Joined => "joined",
            RankState::Stopped => "stopped",
            RankState::Excluded => "excluded",
            RankState::AdminExcluded => "adminexcluded",
            RankState::Unresponsive => "unresponsive",
        }
    }
}

wire_structs! {
    /// An engine of the system.
    RankEntry {
        /// Its rank.
        rank: Rank,
        /// Who it is.
        engine: EngineId,
        /// Its control port, `host:port`.
        control: String,
        /// Its fault domain: `/` and the name of its machine, unless it was told otherwise.
        domain: String,
        /// The machine that it runs on since its last boot: equal for processes that can share memory.
        node: String,
        /// Its directory, where `engine.sock` greets processes of the same machine.
        directory: String,
        /// Addresses of its targets.
        targets: Vec<String>,
        /// A number of [`RankState`].
        state: u8,
    }
    /// All engines of the system.
    RankTable {
        /// Grows with every change, and with every start of the metadata service.
        version: u64,
        /// The system's name.
        system: String,
        /// The system.
        id: SystemId,
        /// The provider of its fabric.
        provider: String,
        /// The engine on which the metadata service runs, or leads.
        service: Rank,
        /// The engines, by rank.
        ranks: Vec<RankEntry>,
    }
    /// A client, or a tool, wants to use the system.
    Attach {
        /// The system that it means.
        system: String,
        /// Who it is, as it says itself: without certificates, it is believed.
        credentials: Credentials,
    }
    /// An engine wants to be part of the system.
    Join {
        /// The system that it means, by name.
        system: String,
        /// The system that it was part of before, if it was.
        id: Option<SystemId>,
        /// What it had been given then.
        rank: Option<Rank>,
        /// Provider of its fabric.
        provider: String,
        /// Itself; rank and state are not looked at.
        entry: RankEntry,
    }
    /// An engine is part of the system.
    Joined {
        /// Its rank, for ever.
        rank: Rank,
        /// The token that goes with requests between engines.
        token: u64,
        /// The engines.
        table: RankTable,
    }
    /// Asks for the engines of the system.
    SystemMembers {
        /// The system that is meant.
        system: String,
    }
    /// Does something to ranks.
    RanksRequest {
        /// The system that is meant.
        system: String,
        /// What to do.
        action: u8,
        /// Which; all when there are none.
        ranks: Vec<Rank>,
        /// Also where it harms.
        force: bool,
    }
    /// What became of one rank.
    RankResult {
        /// The rank.
        rank: Rank,
        /// Its state now, a number of [`RankState`].
        state: u8,
        /// Why it could not be done; empty when it was.
        error: String,
    }
    /// A failure in an answer.
    ControlFailure {
        /// DER number.
        number: i32,
        /// What failed, on what, what to do.
        sentence: String,
    }
    /// Room for a new pool on an engine.
    RankOffer {
        /// Equal for engines that share one file system.
        storage_name: String,
        /// Free bytes there.
        storage: u64,
        /// Equal for engines that share one memory.
        memory_name: String,
        /// Bytes of memory that all pools together may take.
        memory: u64,
    }
}

wire_enums! {
    /// What is asked on a control port.
    ControlRequest {
        /// Answered by `Greeting`; from then on the connection is the client's lease.
        Attach(Attach) = 1,
        /// Answered by `Joined`; from then on the connection says that the engine lives, and carries newer tables to it.
        Join(Join) = 2,
        /// Answered by `Table`.
        Members(SystemMembers) = 3,
        /// Answered by `Ranks`.
        Ranks(RanksRequest) = 4,
        /// Of an engine, on its own connection: its targets have ended in good order. Not answered.
        Stopped(Rank) = 5,
        /// Of an engine, on its own connection: its targets serve now. Not answered.
        Serves(Rank) = 6,
    }
    /// What is answered.
    ControlReply {
        /// It could not be done.
        Failed(ControlFailure) = 0,
        /// Ask there: the control port of the engine that leads.
        Redirect(String) = 1,
        /// Attached.
        Greeting((Hello, RankTable)) = 2,
        /// Part of the system.
        Joined(Joined) = 3,
        /// The engines.
        Table(RankTable) = 4,
        /// What became of ranks.
        Ranks(Vec<RankResult>) = 5,
        /// To an engine, on its own connection: stop or start its targets, a number of [`RankAction`].
        Order(u8) = 6,
        /// To an engine that wants to join: nobody is known to lead. The one that answers.
        Leaderless(RankEntry) = 7,
    }
}

/// What can be done to ranks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RankAction {
    /// Let it end, in good order.
    Stop = 1,
    /// Let it serve again.
    Start = 2,
    /// Take it out.
    Exclude = 3,
    /// Let it come back.
    ClearExclude = 4,
}

impl RankAction {
    /// The action of a number.
    pub fn from_number(number: u8) -> Option<RankAction> {
        use RankAction::{ClearExclude, Exclude, Start, Stop};
        [Stop, Start, Exclude, ClearExclude].into_iter().find(|action| *action as u8 == number)
    }
}

impl ControlReply {
    /// The answer that says why something failed.
    pub fn failure(status: &Status) -> ControlReply {
        let (number, sentence) = (status.to_der(), status.context().to_owned());
        ControlReply::Failed(ControlFailure { number, sentence })
    }
}

impl ControlFailure {
    /// The failure as it was.
    pub fn status(self) -> Status {
        Status::from_der(self.number, self.sentence).unwrap_or_else(|| Code::Proto.into())
    }
}

impl RankTable {
    /// The entry of a rank.
    pub fn find(&self, rank: Rank) -> Option<&RankEntry> {
        self.ranks.iter().find(|entry| entry.rank == rank)
    }
}

/// A message of a control port, with its header.
pub fn control_frame(message: &impl crate::Wire) -> Vec<u8> {
    let body = encode(message);
    [&MAGIC[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// How many bytes follow a header, at most `longest`.
pub fn control_body_length(header: &[u8; CONTROL_HEADER_LENGTH], longest: usize) -> Result<usize> {
    let (magic, length) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        fail!(Code::Proto, "whoever is there speaks another protocol than the control port of this release");
    }
    let length = decode::<u32>(length)? as usize;
    if length > longest {
        fail!(Code::Proto, "a message of {length} bytes on a control port exceeds {longest}");
    }
    Ok(length)
}

/// `host:port`, with this port where there is none.
pub fn with_control_port(name: &str, default: u16) -> String {
    let has_port = match name.rsplit_once(':') {
        // An address of IPv6 without brackets is full of colons.
        Some((host, port)) => port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')),
        None => false,
    };
    if has_port {
        name.to_owned()
    } else if name.contains(':') && !name.starts_with('[') {
        format!("[{name}]:{default}")
    } else {
        format!("{name}:{default}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_points_have_ports() {
        for (name, full) in [
            ("a", "a:10001"),
            ("a:7", "a:7"),
            ("1.2.3.4", "1.2.3.4:10001"),
            ("::1", "[::1]:10001"),
            ("[::1]:7", "[::1]:7"),
            ("[::1]", "[::1]:10001"),
            ("a:b", "[a:b]:10001"),
        ] {
            assert_eq!(with_control_port(name, CONTROL_PORT_DEFAULT), full);
        }
    }
}
