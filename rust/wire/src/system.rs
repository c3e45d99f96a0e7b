//! The system: its engines, and what they, clients and tools say to each other on control ports.
//!
//! A control port is a TCP port of each engine's process. Messages on it have the [`header`](crate::header) of all messages, whose operation
//! code is the number of the request or reply. A connection carries one request after the other, each answered before the next is read, but
//! for these two, after which the connection itself means something: the lease of a client ([`ControlRequest::Attach`]) and that of an engine
//! ([`ControlRequest::Join`]). Who ends, or is killed, closes it.

use crate::header::{HEADER_LENGTH, Header, HeaderError, Kind, open, seal};
use crate::macros::{wire_enums, wire_structs};
use crate::{
    EngineFileSystem, EngineInterfaces, EngineOf, EngineStorage, Hello, Variants, decode_content, encode_content,
};
use daos_security::Credentials;
use daos_status::{Code, Result, Status, fail};
use daos_types::{EngineId, Epoch, Rank, SystemId};

/// The longest message on a control port: the table of thousands of engines.
pub const CONTROL_LENGTH_MAX: usize = 4 << 20;
/// The longest request: lists of ranks.
pub const CONTROL_REQUEST_LENGTH_MAX: usize = 64 << 10;
/// The control port when nobody says; upstream's.
pub const CONTROL_PORT_DEFAULT: u16 = 10001;

daos_types::numbered! {
    /// What a rank is good for, as [`RankEntry::state`] has it.
    pub enum RankState: u8 {
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
}

impl RankState {
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
        /// What the clocks of its targets have shown: all that it has acknowledged is as old, or older.
        clock: Epoch,
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
    /// The engines of the system, and what ails them.
    SystemState {
        /// The engines.
        table: RankTable,
        /// Those that cannot do all that they should.
        ailing: Vec<RankTrouble>,
    }
    /// What ails an engine.
    RankTrouble {
        /// Its rank.
        rank: Rank,
        /// What cannot be done, and why.
        sentence: String,
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
        /// Answered by `State`.
        Members(SystemMembers) = 3,
        /// Answered by `Ranks`.
        Ranks(RanksRequest) = 4,
        /// Of an engine, on its own connection: its targets have ended in good order, and what their clocks have shown. Not answered.
        Stopped((Rank, Epoch)) = 5,
        /// Of an engine, on its own connection: its targets serve now. Not answered.
        Serves(Rank) = 6,
        /// Of an engine, on its own connection: what it cannot do of all that it should; empty when it can again. Not answered.
        Ails(String) = 7,
        /// To any engine, about itself: answered by `Storage`, or by `FileSystem` when it cannot say how full that is.
        Storage(EngineOf) = 8,
        /// To any engine, about itself: takes another log mask, in upstream's words, or that with which it was started. Answered by `LogMask`.
        SetLogMask((EngineOf, Option<String>)) = 9,
        /// To any engine, about its machine: answered by `Interfaces`.
        Interfaces(EngineOf) = 10,
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
        /// To an engine, on its own connection: the engines.
        Table(RankTable) = 4,
        /// What became of ranks.
        Ranks(Vec<RankResult>) = 5,
        /// To an engine, on its own connection: stop or start its targets, a number of [`RankAction`].
        Order(u8) = 6,
        /// To an engine that wants to join: nobody is known to lead. The one that answers.
        Leaderless(RankEntry) = 7,
        /// The engines, and what ails them.
        State(SystemState) = 8,
        /// What an engine stores on, and how full that is.
        Storage(EngineStorage) = 9,
        /// The log mask of an engine, as it is now.
        LogMask(String) = 10,
        /// The network interfaces of the engine's machine.
        Interfaces(EngineInterfaces) = 11,
        /// What an engine stores on, and why it cannot say how full that is: it does not serve, or its targets are busy.
        FileSystem((EngineFileSystem, ControlFailure)) = 12,
    }
}

daos_types::numbered! {
    /// What can be done to ranks.
    pub enum RankAction: u8 {
        /// Let it end, in good order.
        Stop = 1,
        /// Let it serve again.
        Start = 2,
        /// Take it out.
        Exclude = 3,
        /// Let it come back.
        ClearExclude = 4,
    }
}

impl ControlReply {
    /// The answer that says why something failed.
    pub fn failure(status: &Status) -> ControlReply {
        ControlReply::Failed(ControlFailure::of(status))
    }
}

impl ControlFailure {
    /// That of a status.
    pub fn of(status: &Status) -> ControlFailure {
        ControlFailure { number: status.to_der(), sentence: status.context().to_owned() }
    }

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

/// What is said on control ports.
pub trait ControlMessage: Variants {
    /// Its kind in the header.
    const KIND: Kind;
    /// Who takes it in, for sentences.
    const TAKEN_BY: &'static str;
}

impl ControlMessage for ControlRequest {
    const KIND: Kind = Kind::ControlRequest;
    const TAKEN_BY: &'static str = "this engine";
}

impl ControlMessage for ControlReply {
    const KIND: Kind = Kind::ControlReply;
    const TAKEN_BY: &'static str = "this program";
}

/// A message of a control port, with its header.
pub fn control_frame(message: &impl ControlMessage) -> Vec<u8> {
    frame_of(message)
}

fn frame_of<T: ControlMessage>(message: &T) -> Vec<u8> {
    seal(Header { opcode: message.number().into(), ..Header::of(T::KIND) }, &[], &encode_content(message))
}

/// How many bytes follow the header of a message from `peer`, at most `longest`.
pub fn control_rest_length<T: ControlMessage>(
    header: &[u8; HEADER_LENGTH],
    longest: usize,
    peer: &str,
) -> Result<usize> {
    let header = Header::read(header).map_err(|error| error.status(T::TAKEN_BY, peer))?;
    match usize::try_from(header.rest_length()) {
        Ok(length) if length <= longest => Ok(length),
        // What is too long may be so because of what another release says.
        _ => {
            header.expect(&[T::KIND]).map_err(|error| error.status(T::TAKEN_BY, peer))?;
            fail!(Code::Proto, "a message of {} bytes from {peer} exceeds {longest}", header.rest_length())
        }
    }
}

/// The message of `peer` in bytes with a header. One that this release does not know gives [`Code::Nosys`]; it is undamaged.
pub fn control_message<T: ControlMessage>(bytes: &[u8], peer: &str) -> Result<T> {
    let error = |error: HeaderError| error.status(T::TAKEN_BY, peer);
    let (header, body) = open(bytes, &[T::KIND]).map_err(error)?;
    if header.status != 0 {
        fail!(Code::Proto, "{peer} says that it fails, in a message that cannot");
    }
    let message = match u8::try_from(header.opcode) {
        Ok(number) => decode_content(number, body)?,
        Err(_) => None,
    };
    match message {
        Some(message) => Ok(message),
        None => {
            let (by, number) = (T::TAKEN_BY, header.opcode);
            fail!(Code::Nosys, "{by} does not know message {number} of {peer}: use the same release on both sides")
        }
    }
}

/// Host and port of a place as people write it; the port may be missing, and an address of IPv6 has brackets where there is one.
pub fn host_and_port(place: &str) -> (&str, Option<u16>) {
    let (host, port) = match place.rsplit_once(':') {
        // An address of IPv6 without brackets is full of colons.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
        _ => (place, None),
    };
    let host = if port.is_some() { host } else { place };
    (host.trim_matches(['[', ']']), port)
}

/// `host:port`, with this port where there is none.
pub fn with_control_port(name: &str, default: u16) -> String {
    match host_and_port(name) {
        (_, Some(_)) => name.to_owned(),
        (host, None) if host.contains(':') => format!("[{host}]:{default}"),
        (host, None) => format!("{host}:{default}"),
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

    #[test]
    fn places_are_a_host_and_perhaps_a_port() {
        for (place, host, port) in [
            ("a", "a", None),
            ("a:7", "a", Some(7)),
            ("1.2.3.4:5", "1.2.3.4", Some(5)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[::1]:7", "::1", Some(7)),
            ("a:b", "a:b", None),
            ("a:70000", "a:70000", None),
            ("", "", None),
        ] {
            assert_eq!(host_and_port(place), (host, port), "{place}");
        }
    }
}
