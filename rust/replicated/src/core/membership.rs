//! Who belongs to a group, and the way from one membership to another.

use daos_wire::replicated::{Member, Membership, ReplicaId};

/// The most members of a group, those that are still being brought up to date among them.
pub const MEMBERS_MAX: usize = 16;
/// The longest address of a member.
pub const ADDRESS_LENGTH_MAX: usize = 1024;

/// The members that count for majorities.
pub(super) fn voters(membership: &Membership) -> impl Iterator<Item = ReplicaId> + '_ {
    membership.members.iter().filter(|member| member.voter).map(|member| member.id)
}

/// Whether a member counts for majorities.
pub(super) fn is_voter(membership: &Membership, id: ReplicaId) -> bool {
    voters(membership).any(|voter| voter == id)
}

/// Whether a replica is the only voter.
pub(super) fn is_sole_voter(membership: &Membership, id: ReplicaId) -> bool {
    is_voter(membership, id) && voters(membership).count() == 1
}

/// How many voters are a majority.
pub(super) fn majority(membership: &Membership) -> usize {
    voters(membership).count() / 2 + 1
}

/// The member of a number.
pub(super) fn find(membership: &Membership, id: ReplicaId) -> Option<&Member> {
    membership.members.iter().find(|member| member.id == id)
}

/// The same members in the order of their numbers.
pub(super) fn sorted(mut membership: Membership) -> Membership {
    membership.members.sort_by_key(|member| member.id);
    membership
}

/// Whether members are in order, named once, and within the bounds; a membership without a voter could never change again.
pub(super) fn is_valid(membership: &Membership) -> bool {
    let members = &membership.members;
    members.len() <= MEMBERS_MAX
        && members.windows(2).all(|pair| pair[0].id < pair[1].id)
        && members.iter().all(|member| member.address.len() <= ADDRESS_LENGTH_MAX)
        && voters(membership).next().is_some()
}

#[cfg(test)]
/// Whether any majority of one shares a voter with any majority of the other: at most one voter more or less.
pub(super) fn is_one_step(from: &Membership, to: &Membership) -> bool {
    let gone = voters(from).filter(|id| !is_voter(to, *id)).count();
    let come = voters(to).filter(|id| !is_voter(from, *id)).count();
    gone + come <= 1
}

/// The next membership on the way, or `None` when it is reached or has to wait for a replica that is not up to date.
///
/// Members come first and go last, so that the group never has fewer voters than it must. Of those that go, the ones that
/// are behind go first: they may be dead, and count in every majority as long as they are there. A leader goes last of all.
pub(super) fn next_step(
    current: &Membership,
    wanted: &Membership,
    leader: ReplicaId,
    is_up_to_date: impl Fn(ReplicaId) -> bool,
) -> Option<Membership> {
    let with = |change: &dyn Fn(&mut Vec<Member>)| {
        let mut next = current.clone();
        change(&mut next.members);
        Some(sorted(next))
    };
    for member in &wanted.members {
        match find(current, member.id) {
            None => return with(&|members| members.push(Member { voter: false, ..member.clone() })),
            Some(known) if known.address != member.address => {
                let moved = Member { voter: known.voter, ..member.clone() };
                return with(&|members| {
                    members.retain(|other| other.id != moved.id);
                    members.push(moved.clone());
                });
            }
            Some(_) => {}
        }
    }
    let is_missing = |member: &&Member| member.voter && !is_voter(current, member.id);
    let mut waits = false;
    for member in wanted.members.iter().filter(is_missing) {
        if is_up_to_date(member.id) {
            return with(&|members| members.iter_mut().filter(|m| m.id == member.id).for_each(|m| m.voter = true));
        }
        waits = true;
    }
    if waits {
        return None;
    }
    let goes = |member: &&Member| find(wanted, member.id).is_none_or(|w| member.voter && !w.voter);
    let mut going: Vec<&Member> = current.members.iter().filter(goes).collect();
    going.sort_by_key(|member| (member.id == leader, is_up_to_date(member.id), member.id));
    let first = going.first()?.id;
    with(&|members| members.retain(|member| member.id != first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn group(voters: &[u64], learners: &[u64]) -> Membership {
        let member = |id: &u64, voter| Member { id: ReplicaId(*id), address: String::new(), voter };
        let voters = voters.iter().map(|id| member(id, true));
        sorted(Membership { members: voters.chain(learners.iter().map(|id| member(id, false))).collect() })
    }

    #[test]
    fn every_way_ends_and_each_step_shares_majorities() {
        let sets: Vec<Membership> = [&[1][..], &[1, 2, 3], &[2, 3, 4], &[1, 2, 3, 4, 5], &[5, 6, 7]]
            .iter()
            .map(|set| group(set, &[]))
            .collect();
        for from in &sets {
            for to in &sets {
                let mut current = from.clone();
                let mut steps = 0;
                let fewest = voters(from).count().min(voters(to).count());
                while let Some(next) = next_step(&current, to, ReplicaId(1), |_| true) {
                    assert!(is_one_step(&current, &next) && is_valid(&next), "{current:?} {next:?}");
                    assert!(voters(&next).count() >= fewest, "{next:?}");
                    current = next;
                    steps += 1;
                    assert!(steps < 30);
                }
                assert_eq!(&current, to);
            }
        }
    }

    #[test]
    fn nobody_goes_before_who_comes_is_up_to_date() {
        let (from, to) = (group(&[1, 2, 3], &[]), group(&[1, 2, 4], &[]));
        let learning = next_step(&from, &to, ReplicaId(1), |_| false).expect("a learner comes");
        assert_eq!(learning, group(&[1, 2, 3], &[4]));
        assert_eq!(next_step(&learning, &to, ReplicaId(1), |_| false), None);
    }

    #[test]
    fn the_leader_goes_last() {
        let mut current = group(&[1, 2, 3], &[]);
        let mut gone = Vec::new();
        while let Some(next) = next_step(&current, &group(&[3], &[]), ReplicaId(1), |_| true) {
            let ids = |set: &Membership| set.members.iter().map(|member| member.id.0).collect::<BTreeSet<u64>>();
            gone.extend(ids(&current).difference(&ids(&next)).copied());
            current = next;
        }
        assert_eq!(gone, [2, 1]);
    }

    #[test]
    fn bad_memberships_are_known() {
        assert!(is_valid(&group(&[1, 2], &[3])));
        assert!(!is_valid(&group(&[], &[3])));
        assert!(!is_valid(&group(&[1, 1], &[])));
        assert!(!is_one_step(&group(&[1, 2], &[]), &group(&[1, 3], &[])));
    }
}
