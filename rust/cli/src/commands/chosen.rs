//! Which ranks of a system are meant.

use super::system::ranges;
use crate::arguments::Ranks;
use crate::failure::Failure;
use crate::hosts::{Hosts, Places};
use daos_client::RankInfo;
use daos_status::Code;
use std::collections::BTreeSet;

/// The ranks that are meant, and what is not there of what was named.
#[derive(Default)]
pub struct Chosen {
    pub ranks: Vec<RankInfo>,
    pub absent_ranks: Vec<u32>,
    pub absent_hosts: Vec<String>,
}

impl Chosen {
    /// Those of these numbers; when none are named those at these hosts; and otherwise all.
    pub fn of(all: Vec<RankInfo>, ranks: Option<&Ranks>, hosts: Option<&Hosts>) -> Chosen {
        match (ranks, hosts) {
            (Some(ranks), _) => Chosen::by_number(all, ranks),
            (None, Some(hosts)) => Chosen::by_host(all, hosts),
            (None, None) => Chosen { ranks: all, ..Chosen::default() },
        }
    }

    fn by_number(mut all: Vec<RankInfo>, named: &Ranks) -> Chosen {
        let wanted: BTreeSet<u32> = named.0.iter().copied().collect();
        let known: BTreeSet<u32> = all.iter().map(|info| info.rank).collect();
        all.retain(|info| wanted.contains(&info.rank));
        Chosen { ranks: all, absent_ranks: wanted.difference(&known).copied().collect(), absent_hosts: Vec::new() }
    }

    fn by_host(all: Vec<RankInfo>, hosts: &Hosts) -> Chosen {
        let places = Places::of(all.iter().map(|info| info.control.as_str()));
        let (mut wanted, mut absent_hosts) = (BTreeSet::new(), Vec::new());
        for host in &hosts.0 {
            let there = places.at(host);
            if there.is_empty() {
                absent_hosts.push(host.clone());
            }
            wanted.extend(there);
        }
        let ranks = all.into_iter().enumerate().filter(|(index, _)| wanted.contains(index)).map(|(_, info)| info);
        Chosen { ranks: ranks.collect(), absent_ranks: Vec::new(), absent_hosts }
    }

    /// What was named and is not there.
    pub fn failure(&self) -> Option<Failure> {
        let (ranks, hosts) = (ranges(&self.absent_ranks), self.absent_hosts.join(","));
        let sentence = match (self.absent_ranks.len(), self.absent_hosts.len()) {
            (0, 0) => return None,
            (0, _) => format!("the system has no ranks at {hosts}; 'dmg system query --verbose' shows where they are"),
            (1, _) => format!("the system has no rank {ranks}; 'dmg system query' shows its ranks"),
            _ => format!("the system has no ranks {ranks}; 'dmg system query' shows its ranks"),
        };
        Some(Failure::new(Code::Nonexist, sentence))
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::hosts::hosts;

    /// The second one of a machine has an odd rank.
    pub fn engine(rank: u32) -> RankInfo {
        let control = format!("127.0.0.{}:{}", 1 + rank / 2, 10001 + rank % 2);
        let (engine, fault_domain, state, trouble) = (String::new(), String::new(), "joined".to_owned(), String::new());
        RankInfo { rank, engine, control, fault_domain, state, targets: Vec::new(), trouble }
    }

    #[test]
    fn ranks_are_meant_by_number_or_by_host_and_what_is_not_there_is_said() {
        let chosen = |ranks: Option<Vec<u32>>, list: Option<&str>| {
            let named = list.map(|list| hosts(list).expect("a list"));
            let chosen = Chosen::of((0..6).map(engine).collect(), ranks.map(Ranks).as_ref(), named.as_ref());
            let failure = chosen.failure().map_or_else(String::new, |failure| failure.sentence().to_owned());
            let sentence = failure.split(';').next().unwrap_or_default().to_owned();
            (chosen.ranks.iter().map(|info| info.rank).collect::<Vec<_>>(), sentence)
        };
        let all = |ranks: &[u32], sentence: &str| (ranks.to_vec(), sentence.to_owned());
        assert_eq!(chosen(None, None), all(&[0, 1, 2, 3, 4, 5], ""));
        assert_eq!(chosen(Some(vec![1, 3, 9]), None), all(&[1, 3], "the system has no rank 9"));
        assert_eq!(chosen(Some(vec![7, 8]), None), all(&[], "the system has no ranks 7-8"));
        assert_eq!(chosen(None, Some("127.0.0.2")), all(&[2, 3], ""));
        assert_eq!(
            chosen(None, Some("127.0.0.[1-2]:10002,127.0.0.2,127.0.0.9")),
            all(&[1, 2, 3], "the system has no ranks at 127.0.0.9")
        );
        assert_eq!(chosen(Some(vec![5]), Some("127.0.0.1")), all(&[5], ""), "numbers count more");
    }
}
