//! Ranks that are to stop or to be excluded, and what that means for the replicas of the metadata.

use super::ReplicaHost;
use crate::target::Inner;
use daos_replicated::ReplicaId;
use daos_status::{Code, Result, Status, fail};
use daos_types::Rank;
use daos_wire::RankState;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What is known when ranks are to go.
struct Going<'a> {
    own: Rank,
    /// The ranks whose replicas decide together.
    voters: BTreeSet<Rank>,
    serving: BTreeSet<Rank>,
    ranks: &'a BTreeSet<Rank>,
    may_stay_away: bool,
    force: bool,
}

/// What comes before they go.
#[derive(PartialEq, Eq, Debug)]
enum Before {
    Nothing,
    /// One of these leads.
    HandOver(Vec<Rank>),
}

impl Going<'_> {
    fn decide(&self) -> Result<Before> {
        let Going { own, voters, serving, ranks, .. } = self;
        let own_goes = ranks.contains(own);
        let majority = voters.len() / 2 + 1;
        let left: Vec<Rank> =
            voters.iter().copied().filter(|rank| serving.contains(rank) && !ranks.contains(rank)).collect();
        if left.len() >= majority {
            return Ok(if own_goes { Before::HandOver(left) } else { Before::Nothing });
        }
        if self.may_stay_away && own_goes {
            fail!(Code::Inval, "rank {} leads the metadata service and cannot be excluded as long as it does", own.0);
        }
        // The whole system, or what is left of it; or ranks that do not keep the metadata.
        let all_go = serving.is_subset(ranks) && !self.may_stay_away;
        if all_go || self.force || voters.is_disjoint(ranks) || *voters == BTreeSet::from([*own]) {
            return Ok(Before::Nothing);
        }
        let away: Vec<Rank> =
            voters.iter().copied().filter(|rank| !serving.contains(rank) && !ranks.contains(rank)).collect();
        let remedy = match away.as_slice() {
            [] => "name fewer ranks, or stop the whole system ('dmg system stop')".to_owned(),
            away => format!("start rank {} first", list(away)),
        };
        fail!(
            Code::Busy,
            "the metadata is kept by ranks {}, {majority} of which are needed, and {} would be left: {remedy}; with --force it is done \
             all the same, and nothing can be created, opened or changed before enough of them are started",
            list(&voters.iter().copied().collect::<Vec<_>>()),
            left.len()
        )
    }
}

fn list(ranks: &[Rank]) -> String {
    ranks.iter().map(|rank| rank.0.to_string()).collect::<Vec<_>>().join(", ")
}

impl ReplicaHost {
    /// Lets ranks go, where enough replicas are left. If the one that leads is to go, another one leads first, and is to be asked.
    pub async fn let_go(&self, ranks: &BTreeSet<Rank>, may_stay_away: bool, force: bool) -> Result<()> {
        let Some(target) = self.target.upgrade() else { fail!(Code::Shutdown, "the engine is ending") };
        let before = self.going(&target, ranks, may_stay_away, force)?.decide()?;
        let Before::HandOver(others) = before else { return Ok(()) };
        let own = self.replica.id().rank();
        let failure = match self.replica.transfer(self.nearest(&others)).await {
            Ok(()) => format!("rank {own} has led the metadata service, and another one does now: ask again"),
            Err(error) => {
                return Err(error.into_status().while_doing(format_args!("letting another rank than {own} lead")));
            }
        };
        Err(Status::new(Code::Again, failure))
    }

    fn going<'a>(
        &self,
        target: &Rc<Inner>,
        ranks: &'a BTreeSet<Rank>,
        may_stay_away: bool,
        force: bool,
    ) -> Result<Going<'a>> {
        let known = target.peers.known()?;
        let serving = known.table.ranks.iter().filter(|entry| entry.state == RankState::Joined as u8);
        let serving = serving.map(|entry| entry.rank).collect();
        Ok(Going { own: known.own, voters: self.voters(), serving, ranks, may_stay_away, force })
    }

    /// The replica of one of these ranks.
    fn nearest(&self, ranks: &[Rank]) -> Option<ReplicaId> {
        let members = self.replica.membership().members;
        members.iter().find(|member| ranks.contains(&Rank(member.id.rank()))).map(|member| member.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(numbers: &[u32]) -> BTreeSet<Rank> {
        numbers.iter().copied().map(Rank).collect()
    }

    /// Ranks 0 to 3, of which 0, 1 and 2 keep the metadata, and rank 0 leads.
    fn decide(serving: &[u32], going: &[u32], may_stay_away: bool, force: bool) -> Result<Before> {
        let (voters, serving, going) = (ranks(&[0, 1, 2]), ranks(serving), ranks(going));
        Going { own: Rank(0), voters, serving, ranks: &going, may_stay_away, force }.decide()
    }

    #[test]
    fn a_majority_of_the_replicas_stays() {
        let all = [0, 1, 2, 3];
        assert_eq!(decide(&all, &[3], false, false), Ok(Before::Nothing));
        assert_eq!(decide(&all, &[1, 3], false, false), Ok(Before::Nothing));
        let status = decide(&all, &[1, 2], false, false).expect_err("one of three would be left");
        assert!(status.context().contains("0, 1, 2, 2 of which are needed, and 1 would be left"), "{status}");
        let status = decide(&[0, 2, 3], &[2], false, false).expect_err("rank 1 is away");
        assert!(status.context().contains("start rank 1 first"), "{status}");
        assert_eq!(decide(&all, &[1, 2], false, true), Ok(Before::Nothing), "it is wanted");
        assert_eq!(decide(&all, &all, false, false), Ok(Before::Nothing), "the whole system");
        assert_eq!(decide(&[0, 3], &[3], false, false), Ok(Before::Nothing), "it keeps nothing");
    }

    #[test]
    fn the_one_that_leads_hands_over_before_it_goes() {
        let all = [0, 1, 2, 3];
        assert_eq!(decide(&all, &[0], false, false), Ok(Before::HandOver(vec![Rank(1), Rank(2)])));
        assert_eq!(decide(&all, &[0], true, false), Ok(Before::HandOver(vec![Rank(1), Rank(2)])));
        let status = decide(&[0, 1, 3], &[0], true, true).expect_err("nobody could lead then");
        assert!(status.context().contains("cannot be excluded as long as it does"), "{status}");
    }
}
