//! What lives messages are from and for.
//!
//! A life begins with a reading of the calendar, and a calendar may go back while an engine is away. The others know the later life then:
//! they show it, and the engine begins one beyond it, whatever its calendar says.

use crate::codec::WireCodec;
use crate::member::Member;
use daos_types::Rank;
use foca::Codec;
use std::collections::BTreeMap;
use std::time::Duration;

/// No reading of a calendar is as great: lives from here on are not believed in, so that there is always a later one.
const LIVES_END: u64 = 1 << 63;

/// What a message is good for, by its sender and receiver alone.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    /// It is heard.
    Heard,
    /// It is from an earlier life of this member, or is more of what was answered within the period.
    Ignored,
    /// It is for this later life of the member that hears it.
    Later(Member),
    /// It is from an earlier life of a member of which this one is known.
    Earlier(Member),
}

/// What was done lately about lives. Each is done once in a period: two members that contradict each other do so slowly.
pub(crate) struct Lives {
    period: Duration,
    /// Since when nobody may tell this member that it is dead.
    renewed: Option<Duration>,
    /// When it went beyond a later life.
    overtook: Option<Duration>,
    /// When members were shown that a later life of theirs is known: of each that is known one.
    shown: BTreeMap<Rank, Duration>,
}

impl Lives {
    pub fn new(period: Duration) -> Lives {
        Lives { period, renewed: None, overtook: None, shown: BTreeMap::new() }
    }

    /// What a message means to `own`, which knows the lives that `known` tells.
    pub fn meaning(
        &mut self,
        data: &[u8],
        own: Member,
        known: impl FnOnce(Rank) -> Option<Member>,
        now: Duration,
    ) -> Meaning {
        // Whoever hears it says what is wrong with bytes that are no message.
        let Ok(header) = WireCodec.decode_header(data) else { return Meaning::Heard };
        let (from, to) = (header.src, header.dst);
        if from.rank == own.rank {
            return Meaning::Heard;
        }
        if let Some(known) = known(from.rank).filter(|known| known.incarnation > from.incarnation) {
            if is_within(self.period, self.shown.get(&from.rank).copied(), now) {
                return Meaning::Ignored;
            }
            self.shown.insert(from.rank, now);
            return Meaning::Earlier(known);
        }
        if to.rank == own.rank && to.incarnation > own.incarnation {
            return Meaning::Later(to);
        }
        if header.message == foca::Message::TurnUndead && to == own {
            if is_within(self.period, self.renewed, now) {
                return Meaning::Ignored;
            }
            self.renewed = Some(now);
        }
        Meaning::Heard
    }

    /// The life to begin when one of this rank is known that is later than its own.
    pub fn beyond(&mut self, later: Member, own: Member, now: Duration) -> Option<Member> {
        let is_believed = later.incarnation > own.incarnation && later.incarnation < LIVES_END;
        if !is_believed || is_within(self.period, self.overtook, now) {
            return None;
        }
        self.overtook = Some(now);
        Some(Member { rank: own.rank, incarnation: later.incarnation + 1 })
    }
}

fn is_within(period: Duration, last: Option<Duration>, now: Duration) -> bool {
    last.is_some_and(|last| now.saturating_sub(last) < period)
}
