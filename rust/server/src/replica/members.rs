//! Which replicas a group should have.

use daos_replicated::{Member, Membership, ReplicaId};
use daos_types::Rank;
use std::collections::BTreeMap;

/// The most replicas of a system's metadata: more make every change slower, and hardly anything safer.
const REPLICAS_MAX: usize = 5;

/// The members that a group with these members should have, after some have offered themselves.
///
/// An odd number of them vote: one more voter would need one more to agree, and could not be missed any more often. A rank that
/// offers another replica than the one that is known has lost that one.
pub(super) fn wanted(
    current: &Membership,
    offers: &BTreeMap<Rank, ReplicaId>,
    leader: ReplicaId,
    place: impl Fn(Rank) -> Option<String>,
) -> Membership {
    let mut members: Vec<Member> = Vec::new();
    for member in &current.members {
        let rank = Rank(member.id.rank());
        let id = offers.get(&rank).copied().filter(|_| member.id != leader).unwrap_or(member.id);
        let address = place(rank).unwrap_or_else(|| member.address.clone());
        members.push(Member { id, address, voter: member.voter && id == member.id });
    }
    for (rank, id) in offers {
        let is_known = members.iter().any(|member| member.id.rank() == rank.0);
        if let (false, true, Some(address)) = (is_known, members.len() < REPLICAS_MAX, place(*rank)) {
            members.push(Member { id: *id, address, voter: false });
        }
    }
    // Those that vote already go on, so that nothing changes without need.
    members.sort_by_key(|member| (member.id != leader, !member.voter, member.id));
    let voters = members.len() - (members.len() + 1) % 2;
    for (number, member) in members.iter_mut().enumerate() {
        member.voter = number < voters;
    }
    members.sort_by_key(|member| member.id);
    Membership { members }
}

/// The members, for the log.
pub(super) fn text(membership: &Membership) -> String {
    let one =
        |member: &Member| format!("rank {}{}", member.id.rank(), if member.voter { "" } else { " (does not vote)" });
    let mut members: Vec<&Member> = membership.members.iter().collect();
    members.sort_by_key(|member| member.id.rank());
    members.into_iter().map(one).collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(current: &Membership, offers: &[(u32, u32)]) -> Membership {
        let offers =
            offers.iter().map(|(rank, generation)| (Rank(*rank), ReplicaId::new(*rank, *generation))).collect();
        wanted(current, &offers, ReplicaId::new(0, 0), |rank| Some(format!("host:{}", rank.0)))
    }

    fn voters(membership: &Membership) -> Vec<(u32, bool)> {
        let mut voters: Vec<(u32, bool)> =
            membership.members.iter().map(|member| (member.id.rank(), member.voter)).collect();
        voters.sort_unstable();
        voters
    }

    #[test]
    fn an_odd_number_votes() {
        let founder = Member { id: ReplicaId::new(0, 0), address: "host:0".into(), voter: true };
        let one = Membership { members: vec![founder] };
        assert_eq!(after(&one, &[]), one);
        let two = after(&one, &[(2, 7)]);
        assert_eq!(voters(&two), [(0, true), (2, false)]);
        let three = after(&two, &[(1, 3), (2, 7)]);
        assert_eq!(voters(&three), [(0, true), (1, true), (2, true)]);
        let four = after(&three, &[(3, 1)]);
        assert_eq!(voters(&four), [(0, true), (1, true), (2, true), (3, false)]);
        assert_eq!(after(&four, &[(4, 1), (5, 1)]).members.len(), 5);
        assert_eq!(text(&two), "rank 0, rank 2 (does not vote)");
    }

    #[test]
    fn a_rank_that_lost_its_replica_begins_again() {
        let founder = Member { id: ReplicaId::new(0, 0), address: "host:0".into(), voter: true };
        let one = Membership { members: vec![founder] };
        let three = after(&one, &[(1, 3), (2, 7)]);
        let again = after(&three, &[(1, 9)]);
        let ids: Vec<ReplicaId> = again.members.iter().map(|member| member.id).collect();
        assert!(ids.contains(&ReplicaId::new(1, 9)) && !ids.contains(&ReplicaId::new(1, 3)));
        assert_eq!(voters(&again).len(), 3);
    }
}
