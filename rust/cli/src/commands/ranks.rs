//! `system` commands about ranks: looking at them, stopping, starting and excluding them.

use super::chosen::Chosen;
use super::pool::{name_of, query_of};
use super::system::ranges;
use crate::arguments::{LiveRanksOptions, RankList, RanksOptions, SystemQueryOptions};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, table};
use crate::session::{Session, reference};
use daos_client::{PoolTargetsAction, RankAction, RankInfo, RankOutcome};
use daos_status::Code;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What upstream says when nothing is left to show.
const NONE: &str = "Query matches no ranks in system";

fn choose(all: Vec<RankInfo>, list: &RankList) -> Chosen {
    Chosen::of(all, list.ranks.as_ref(), list.rank_hosts.as_ref())
}

/// Shows ranks and their states.
pub fn query(session: &Session, verbose: bool, options: &SystemQueryOptions) -> Result<Reply> {
    let doing = "query the system";
    let found = session.run(|client| async move { Ok(client.system_ranks().await?) });
    let mut chosen = choose(found.map_err(|error| error.doing(doing))?, &options.list);
    chosen.ranks.retain(|info| is_wanted(info, options));
    let ranks = &chosen.ranks;
    let mut text = match (ranks.is_empty() && chosen.absent_ranks.is_empty(), verbose) {
        (true, _) => NONE.to_owned(),
        (_, true) => table_of_ranks(ranks),
        (_, false) => states(ranks, &chosen.absent_ranks),
    };
    for info in ranks.iter().filter(|info| !verbose && !info.trouble.is_empty()) {
        text.push_str(&format!("\nrank {}: {}", info.rank, info.trouble));
    }
    let members: Vec<Value> = ranks.iter().map(member).collect();
    let uris: Vec<Value> = ranks.iter().map(|info| json!({ "rank": info.rank, "uri": uri(info) })).collect();
    let json = json!({
        "system_name": session.system_name(),
        "members": members,
        "rank_uris": uris,
        "absentranks": ranges(&chosen.absent_ranks),
        "absenthosts": chosen.absent_hosts.join(","),
    });
    let reply = Reply::new(text, json);
    Ok(match chosen.failure() {
        Some(failure) => reply.with_failure(failure.doing(doing)),
        None => reply,
    })
}

/// Whether a rank is in a state that is asked for.
fn is_wanted(info: &RankInfo, options: &SystemQueryOptions) -> bool {
    let is_ok = info.state == "joined" && info.trouble.is_empty();
    (options.with_states.is_empty() || options.with_states.contains(&info.state)) && !(options.not_ok && is_ok)
}

fn uri(info: &RankInfo) -> String {
    info.targets.first().cloned().unwrap_or_default()
}

fn member(info: &RankInfo) -> Value {
    json!({
        "addr": info.control,
        "state": info.state,
        "fault_domain": info.fault_domain,
        "rank": info.rank,
        "uuid": info.engine,
        "fabric_uri": uri(info),
        "fabric_contexts": info.targets.len(),
        "targets": info.targets,
        "info": info.trouble,
    })
}

/// One line for each state, as upstream shows it.
fn states(ranks: &[RankInfo], absent: &[u32]) -> String {
    let mut words: Vec<&str> = ranks.iter().map(|info| info.state.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let row = |word: &&str| {
        let of_state: Vec<u32> = ranks.iter().filter(|info| info.state == **word).map(|info| info.rank).collect();
        vec![ranges(&of_state), title(word)]
    };
    let mut rows: Vec<_> = words.iter().map(row).collect();
    if !absent.is_empty() {
        rows.push(vec![ranges(absent), "Unknown Rank".to_owned()]);
    }
    table(&["Rank", "State"], &rows)
}

fn table_of_ranks(ranks: &[RankInfo]) -> String {
    let row = |info: &RankInfo| {
        let (engine, control) = (info.engine.clone(), info.control.clone());
        let (domain, state, reason) = (info.fault_domain.clone(), title(&info.state), info.trouble.clone());
        vec![info.rank.to_string(), engine, control, domain, state, reason]
    };
    let rows: Vec<_> = ranks.iter().map(row).collect();
    table(&["Rank", "UUID", "Control Address", "Fault Domain", "State", "Reason"], &rows)
}

/// The word with a capital letter, as people are shown it.
fn title(word: &str) -> String {
    if word == "adminexcluded" {
        return "AdminExcluded".to_owned();
    }
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// Stops or starts ranks.
pub fn act_on_live(session: &Session, action: RankAction, verb: &str, options: &LiveRanksOptions) -> Result<Reply> {
    run(session, action, verb, &options.ranks, options.ignore_admin_excluded)
}

/// Excludes ranks, or lets them come back.
pub fn act(session: &Session, action: RankAction, verb: &str, options: &RanksOptions) -> Result<Reply> {
    run(session, action, verb, options, false)
}

fn run(session: &Session, action: RankAction, verb: &str, options: &RanksOptions, is_lenient: bool) -> Result<Reply> {
    let RanksOptions { list, force } = options;
    let force = *force;
    let mut ranks = list.ranks.clone().unwrap_or_default().0;
    let mut places = BTreeMap::new();
    if session.uses_system() {
        let doing = format!("{verb} ranks");
        let found = session.run(|client| async move { Ok(client.system_ranks().await?) });
        let found = found.map_err(|error| error.doing(&doing))?;
        places = found.iter().map(|info| (info.rank, info.control.clone())).collect();
        if list.rank_hosts.is_some() || is_lenient {
            let mut chosen = choose(found, list);
            if let Some(failure) = chosen.failure() {
                return Err(failure.doing(doing));
            }
            chosen.ranks.retain(|info| !is_lenient || info.state != "adminexcluded");
            ranks = chosen.ranks.iter().map(|info| info.rank).collect();
            if ranks.is_empty() {
                return Ok(Reply::new("No rank is left to do that to.", json!({ "Results": [] })));
            }
        }
    }
    let doing =
        if ranks.is_empty() { format!("{verb} the system") } else { format!("{verb} ranks {}", ranges(&ranks)) };
    let outcome = session.run(move |client| async move { Ok(client.act_on_ranks(action, &ranks, force).await?) });
    let outcomes = outcome.map_err(|error| error.doing(&doing))?;
    let json: Vec<Value> = outcomes.iter().map(|outcome| result(outcome, verb, places.get(&outcome.rank))).collect();
    let reply = Reply::new(table_of_results(&outcomes, verb), json!({ "Results": json }));
    let failed: Vec<&RankOutcome> = outcomes.iter().filter(|outcome| !outcome.error.is_empty()).collect();
    if failed.is_empty() {
        return Ok(reply);
    }
    let each = failed.iter().map(|outcome| format!("rank {}: {}", outcome.rank, outcome.error));
    let sentence = each.collect::<Vec<_>>().join("; ");
    Ok(reply.with_failure(Failure::new(Code::Misc, sentence).doing(doing)))
}

/// What became of ranks in one pool: its name, the ranks, and why it could not be done.
type InPool = (String, Vec<u32>, Option<Failure>);

/// Changes what ranks are good for in all pools that have targets on them.
pub fn change_pools(session: &Session, action: PoolTargetsAction, verb: &str, list: &RankList) -> Result<Reply> {
    let doing = format!("{verb} ranks");
    if list.ranks.is_none() && list.rank_hosts.is_none() {
        let sentence = "no ranks are named; give --ranks or --rank-hosts";
        return Err(Failure::new(Code::Inval, sentence).doing(doing));
    }
    let found = session.run(|client| async move { Ok(client.system_ranks().await?) });
    let chosen = choose(found.map_err(|error| error.doing(&doing))?, list);
    if let Some(failure) = chosen.failure() {
        return Err(failure.doing(doing));
    }
    let meant: Vec<u32> = chosen.ranks.iter().map(|info| info.rank).collect();
    let done = session.run(move |client| async move {
        let mut pools: Vec<InPool> = Vec::new();
        for entry in client.pool_list().await? {
            let (id, name) = (entry.id.to_string(), name_of(&entry));
            let info = match query_of(&client, &id).await {
                Ok(info) => info,
                Err(failure) => {
                    pools.push((name, meant.clone(), Some(failure)));
                    continue;
                }
            };
            let is_on = |rank: &&u32| info.ranks.contains(rank) || info.ranks_disabled.contains(rank);
            let ranks: Vec<u32> = meant.iter().filter(is_on).copied().collect();
            if !ranks.is_empty() {
                let changed = client.pool_change_targets(&reference(&id)?, action, &ranks, &[]).await;
                pools.push((name, ranks, changed.err().map(Failure::from)));
            }
        }
        Ok(pools)
    });
    let pools = done.map_err(|error| error.doing(&doing))?;
    let reply =
        Reply::new(table_of_pools(&pools), json!({ "responses": pools.iter().map(in_pool).collect::<Vec<_>>() }));
    let failed = pools.iter().filter_map(|(name, _, failure)| Some((name, failure.as_ref()?)));
    let each: Vec<String> =
        failed.clone().map(|(name, failure)| format!("pool {name}: {}", failure.sentence())).collect();
    Ok(match failed.map(|(_, failure)| failure.code()).next() {
        Some(code) => reply.with_failure(Failure::new(code, each.join("; ")).doing(doing)),
        None => reply,
    })
}

/// With upstream's names.
fn in_pool((name, ranks, failure): &InPool) -> Value {
    let msg = failure.as_ref().map_or_else(String::new, ToString::to_string);
    let of_rank = |rank: &u32| json!({ "rank": rank, "errored": failure.is_some(), "msg": msg });
    json!({ "id": name, "results": ranks.iter().map(of_rank).collect::<Vec<_>>() })
}

/// As upstream shows it.
fn table_of_pools(pools: &[InPool]) -> String {
    if pools.is_empty() {
        return "No pool has targets on these ranks".to_owned();
    }
    let row = |(name, ranks, failure): &InPool| {
        let (result, reason) = match failure {
            None => ("OK", "-".to_owned()),
            Some(failure) => ("FAIL", failure.sentence().to_owned()),
        };
        vec![name.clone(), ranges(ranks), result.to_owned(), reason]
    };
    table(&["Pool", "Ranks", "Result", "Reason"], &pools.iter().map(row).collect::<Vec<_>>())
}

/// What became of a rank, with upstream's names.
fn result(outcome: &RankOutcome, verb: &str, control: Option<&String>) -> Value {
    json!({
        "Addr": control,
        "Rank": outcome.rank,
        "Action": verb,
        "Errored": !outcome.error.is_empty(),
        "Msg": outcome.error,
        "state": outcome.state,
    })
}

/// One line for each result, as upstream shows it, with the state behind it.
fn table_of_results(outcomes: &[RankOutcome], verb: &str) -> String {
    let mut groups: Vec<(&str, &str, Vec<u32>)> = Vec::new();
    for outcome in outcomes {
        let result = if outcome.error.is_empty() { "OK" } else { outcome.error.as_str() };
        match groups.iter_mut().find(|(known, state, _)| *known == result && *state == outcome.state) {
            Some((_, _, ranks)) => ranks.push(outcome.rank),
            None => groups.push((result, &outcome.state, vec![outcome.rank])),
        }
    }
    let row = |(result, state, ranks): &(&str, &str, Vec<u32>)| {
        vec![ranges(ranks), verb.to_owned(), (*result).to_owned(), title(state)]
    };
    table(&["Rank", "Operation", "Result", "State"], &groups.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(rank: u32, state: &str) -> RankInfo {
        RankInfo {
            rank,
            engine: String::new(),
            control: format!("127.0.0.{}:10001", rank + 1),
            fault_domain: String::new(),
            state: state.to_owned(),
            targets: Vec::new(),
            trouble: String::new(),
        }
    }

    #[test]
    fn states_are_one_line_each() {
        let text = states(&[rank(0, "joined"), rank(1, "adminexcluded"), rank(2, "joined")], &[7, 8]);
        assert_eq!(text, "Rank  State\n1     AdminExcluded\n0,2   Joined\n7-8   Unknown Rank\n");
    }

    #[test]
    fn results_that_are_alike_are_one_line() {
        let outcome =
            |rank, state: &str, error: &str| RankOutcome { rank, state: state.to_owned(), error: error.to_owned() };
        let outcomes = [outcome(0, "stopped", ""), outcome(1, "joined", "why"), outcome(2, "stopped", "")];
        let expected =
            "Rank  Operation  Result  State\n0,2   stop       OK      Stopped\n1     stop       why     Joined\n";
        assert_eq!(table_of_results(&outcomes, "stop"), expected);
    }
}
