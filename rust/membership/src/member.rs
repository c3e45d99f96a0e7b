//! Who is a member.

use daos_types::Rank;

/// An engine in one of its lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Member {
    /// Its rank.
    pub rank: Rank,
    /// Which life: greater in each. An engine takes a reading of its calendar when it starts, one more when it finds that it was taken for
    /// dead, and one more than any of its own that others know: calendars go back.
    pub incarnation: u64,
}

impl foca::Identity for Member {
    type Addr = Rank;

    fn renew(&self) -> Option<Member> {
        Some(Member { rank: self.rank, incarnation: self.incarnation.checked_add(1)? })
    }

    fn addr(&self) -> Rank {
        self.rank
    }

    fn win_addr_conflict(&self, adversary: &Member) -> bool {
        self.incarnation > adversary.incarnation
    }
}
