//! The bytes of messages between members.
//!
//! Behind the header of all messages (`daos_wire::header`):
//!
//! ```text
//! sender                       member: rank u32, incarnation u64
//! its denials                  u16
//! receiver                     member
//! kind                         u8, with a member and a number where it has them
//! news                         how many: u16 (big-endian, as the library writes it); of each a member, its denials u16, its state u8
//! ```

use crate::member::Member;
use bytes::{Buf, BufMut};
use daos_status::Result;
use daos_types::Rank;
use daos_wire::header::{self, HEADER_LENGTH, Header, Kind};
use foca::{Message, State};
use std::fmt;

/// Bytes before what the library writes.
pub(crate) const PREFIX_BYTES: usize = HEADER_LENGTH;

/// Puts the header before a message.
pub(crate) fn seal(data: &[u8]) -> Vec<u8> {
    header::seal(Header::of(Kind::Membership), &[], data)
}

/// What [`seal`] was given.
pub(crate) fn unseal(bytes: &[u8]) -> Result<&[u8]> {
    let opened = header::open_plain(bytes, Kind::Membership);
    opened.map_err(|error| error.status("this member", "another member of the system"))
}

/// Why bytes are no message.
#[derive(Debug)]
pub(crate) enum Malformed {
    /// They end too early.
    Short,
    /// There is no room for them.
    Full,
    /// A number that means nothing.
    Unknown(u8),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Short => write!(f, "the message ends too early"),
            Malformed::Full => write!(f, "the message has no room left"),
            Malformed::Unknown(number) => write!(f, "{number} has no meaning there"),
        }
    }
}

impl std::error::Error for Malformed {}

pub(crate) struct WireCodec;

const MEMBER_BYTES: usize = 12;
const NEWS_BYTES: usize = MEMBER_BYTES + 3;

fn put_member(member: &Member, buffer: &mut impl BufMut) {
    buffer.put_u32_le(member.rank.0);
    buffer.put_u64_le(member.incarnation);
}

fn take_member(buffer: &mut impl Buf) -> Result<Member, Malformed> {
    need(buffer, MEMBER_BYTES)?;
    Ok(Member { rank: Rank(buffer.get_u32_le()), incarnation: buffer.get_u64_le() })
}

fn need(buffer: &impl Buf, bytes: usize) -> Result<(), Malformed> {
    if buffer.remaining() < bytes { Err(Malformed::Short) } else { Ok(()) }
}

fn take_byte(buffer: &mut impl Buf) -> Result<u8, Malformed> {
    need(buffer, 1)?;
    Ok(buffer.get_u8())
}

impl foca::Codec<Member> for WireCodec {
    type Error = Malformed;

    fn encode_header(&mut self, header: &foca::Header<Member>, mut buffer: impl BufMut) -> Result<(), Malformed> {
        if buffer.remaining_mut() < 3 * MEMBER_BYTES + 4 {
            return Err(Malformed::Full);
        }
        put_member(&header.src, &mut buffer);
        buffer.put_u16_le(header.src_incarnation);
        put_member(&header.dst, &mut buffer);
        let (kind, member, number) = match &header.message {
            Message::Ping(number) => (0, None, Some(*number)),
            Message::Ack(number) => (1, None, Some(*number)),
            Message::PingReq { target, probe_number } => (2, Some(target), Some(*probe_number)),
            Message::IndirectPing { origin, probe_number } => (3, Some(origin), Some(*probe_number)),
            Message::IndirectAck { target, probe_number } => (4, Some(target), Some(*probe_number)),
            Message::ForwardedAck { origin, probe_number } => (5, Some(origin), Some(*probe_number)),
            Message::Announce => (6, None, None),
            Message::Feed => (7, None, None),
            Message::Gossip => (8, None, None),
            Message::Broadcast => (9, None, None),
            Message::TurnUndead => (10, None, None),
        };
        buffer.put_u8(kind);
        if let Some(member) = member {
            put_member(member, &mut buffer);
        }
        if let Some(number) = number {
            buffer.put_u8(number);
        }
        Ok(())
    }

    fn decode_header(&mut self, mut buffer: impl Buf) -> Result<foca::Header<Member>, Malformed> {
        let src = take_member(&mut buffer)?;
        need(&buffer, 2)?;
        let src_incarnation = buffer.get_u16_le();
        let dst = take_member(&mut buffer)?;
        let message = match take_byte(&mut buffer)? {
            0 => Message::Ping(take_byte(&mut buffer)?),
            1 => Message::Ack(take_byte(&mut buffer)?),
            2 => Message::PingReq { target: take_member(&mut buffer)?, probe_number: take_byte(&mut buffer)? },
            3 => Message::IndirectPing { origin: take_member(&mut buffer)?, probe_number: take_byte(&mut buffer)? },
            4 => Message::IndirectAck { target: take_member(&mut buffer)?, probe_number: take_byte(&mut buffer)? },
            5 => Message::ForwardedAck { origin: take_member(&mut buffer)?, probe_number: take_byte(&mut buffer)? },
            6 => Message::Announce,
            7 => Message::Feed,
            8 => Message::Gossip,
            9 => Message::Broadcast,
            10 => Message::TurnUndead,
            other => return Err(Malformed::Unknown(other)),
        };
        Ok(foca::Header { src, src_incarnation, dst, message })
    }

    fn encode_member(&mut self, member: &foca::Member<Member>, mut buffer: impl BufMut) -> Result<(), Malformed> {
        if buffer.remaining_mut() < NEWS_BYTES {
            return Err(Malformed::Full);
        }
        put_member(member.id(), &mut buffer);
        buffer.put_u16_le(member.incarnation());
        buffer.put_u8(match member.state() {
            State::Alive => 0,
            State::Suspect => 1,
            State::Down => 2,
        });
        Ok(())
    }

    fn decode_member(&mut self, mut buffer: impl Buf) -> Result<foca::Member<Member>, Malformed> {
        let id = take_member(&mut buffer)?;
        need(&buffer, 3)?;
        let denials = buffer.get_u16_le();
        let state = match buffer.get_u8() {
            0 => State::Alive,
            1 => State::Suspect,
            2 => State::Down,
            other => return Err(Malformed::Unknown(other)),
        };
        Ok(foca::Member::new(id, denials, state))
    }
}
