//! `system` commands.

use crate::arguments::{RanksOptions, SystemCommand};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, list, table};
use crate::session::Session;
use daos_client::{RankAction, RankInfo, RankOutcome};
use daos_status::Code;
use serde_json::json;

/// What programs know the engines' side by.
const SERVER_NAME: &str = "DAOS Control Server";

/// Runs a command of `dmg`.
pub fn run(session: &Session, verbose: bool, command: &SystemCommand) -> Result<Reply> {
    match command {
        SystemCommand::Query(options) => query(session, verbose, &options.list()),
        SystemCommand::Stop(options) => act(session, RankAction::Stop, "stop", options),
        SystemCommand::Start(options) => act(session, RankAction::Start, "start", options),
        SystemCommand::Exclude(options) => act(session, RankAction::Exclude, "exclude", options),
        SystemCommand::ClearExclude(options) => act(session, RankAction::ClearExclude, "let come back", options),
        SystemCommand::LeaderQuery => query_leader(session),
        SystemCommand::ListPools => super::pool::list_pools(session, verbose, true),
        SystemCommand::GetProp { names } => get_properties(session, names),
    }
}

/// The release of the engine that leads the metadata service.
pub fn server_version(session: &Session) -> Result<Reply> {
    let found = session.run(|client| async move { Ok(client.system_version().await?) });
    let (major, minor, patch) = found.map_err(|error| error.doing("ask for the engines' release"))?;
    let version = format!("{major}.{minor}.{patch}");
    let json = json!({ "name": SERVER_NAME, "version": version });
    Ok(Reply::new(format!("{SERVER_NAME} version {version}"), json))
}

/// Which engine leads the metadata service.
fn query_leader(session: &Session) -> Result<Reply> {
    let found = session.run(|client| async move {
        let (_, leader) = client.system_addresses().await?;
        let ranks = if client.uses_system() { client.system_ranks().await? } else { Vec::new() };
        Ok((leader, ranks, client.pool_list().await?))
    });
    let (leader, ranks, pools) = found.map_err(|error| error.doing("ask who leads the metadata service"))?;
    let place = |rank: u32| match ranks.iter().find(|info| info.rank == rank) {
        Some(info) => info.control.clone(),
        None => format!("rank {rank}"),
    };
    // All pools have the replicas of the system; without pools only the one that leads is known.
    let mut replicas = pools.first().map_or_else(Vec::new, |pool| pool.service_ranks.clone());
    if !replicas.contains(&leader) {
        replicas.insert(0, leader);
    }
    let serves = |rank: &u32| ranks.is_empty() || ranks.iter().any(|info| info.rank == *rank && info.state == "joined");
    let (up, down): (Vec<u32>, Vec<u32>) = replicas.into_iter().partition(serves);
    let places = |ranks: &[u32]| ranks.iter().map(|rank| place(*rank)).collect::<Vec<_>>();
    let (up, down, leader) = (places(&up), places(&down), place(leader));
    let mut lines = vec![("Current leader", leader.clone()), ("Replicas", up.join(", "))];
    if !down.is_empty() {
        lines.push(("Unavailable", down.join(", ")));
    }
    let all: Vec<&String> = up.iter().chain(&down).collect();
    Ok(Reply::new(list(&lines), json!({ "current_leader": leader, "replicas": all, "down_replicas": down })))
}

/// Shows the system: its engines, or the local engine.
pub fn query(session: &Session, verbose: bool, wanted: &[u32]) -> Result<Reply> {
    if session.uses_system() { query_ranks(session, verbose, wanted) } else { query_local(session) }
}

fn query_local(session: &Session) -> Result<Reply> {
    let found = session.run(|client| async move { Ok(client.system_info().await?) });
    let info = found.map_err(|error| error.doing("query the system"))?;
    let text = list(&[
        ("System", info.name.clone()),
        ("Fabric provider", info.provider.clone()),
        ("Engine process", info.engine_process.to_string()),
        ("Directory", info.directory.clone()),
        ("Targets", info.targets.len().to_string()),
    ]);
    let uri = info.targets.first().cloned().unwrap_or_default();
    let json = json!({
        "system_name": info.name,
        "fabric_provider": info.provider,
        "rank_uris": [{ "rank": 0, "uri": uri }],
        "engine_process": info.engine_process,
        "directory": info.directory,
        "targets": info.targets,
    });
    Ok(Reply::new(text, json))
}

fn query_ranks(session: &Session, verbose: bool, wanted: &[u32]) -> Result<Reply> {
    let found = session.run(|client| async move { Ok(client.system_ranks().await?) });
    let mut ranks = found.map_err(|error| error.doing("query the system"))?;
    if let Some(unknown) = wanted.iter().find(|rank| !ranks.iter().any(|info| info.rank == **rank)) {
        return Err(Failure::new(Code::Nonexist, format!("the system has no rank {unknown}")).doing("query the system"));
    }
    ranks.retain(|info| wanted.is_empty() || wanted.contains(&info.rank));
    let mut text = if verbose { table_of_ranks(&ranks) } else { states(&ranks) };
    for info in ranks.iter().filter(|info| !verbose && !info.trouble.is_empty()) {
        text.push_str(&format!("\nrank {}: {}", info.rank, info.trouble));
    }
    let uri = |info: &RankInfo| info.targets.first().cloned().unwrap_or_default();
    let members: Vec<_> = ranks
        .iter()
        .map(|info| {
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
        })
        .collect();
    let uris: Vec<_> = ranks.iter().map(|info| json!({ "rank": info.rank, "uri": uri(info) })).collect();
    Ok(Reply::new(
        text,
        json!({ "system_name": session.system_name(), "members": members, "rank_uris": uris, "absentranks": "", "absenthosts": "" }),
    ))
}

/// One line for each state, as upstream shows it.
fn states(ranks: &[RankInfo]) -> String {
    let mut words: Vec<&str> = ranks.iter().map(|info| info.state.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let row = |word: &&str| {
        let of_state: Vec<u32> = ranks.iter().filter(|info| info.state == **word).map(|info| info.rank).collect();
        vec![ranges(&of_state), title(word)]
    };
    table(&["Rank", "State"], &words.iter().map(row).collect::<Vec<_>>())
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
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// `0-2,5` of ranks that are sorted.
pub fn ranges(ranks: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for rank in ranks {
        match parts.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*rank) => *last = *rank,
            _ => parts.push((*rank, *rank)),
        }
    }
    let part = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

fn act(session: &Session, action: RankAction, doing: &str, options: &RanksOptions) -> Result<Reply> {
    let (ranks, force) = (options.list(), options.force);
    let doing =
        if ranks.is_empty() { format!("{doing} the system") } else { format!("{doing} ranks {}", ranges(&ranks)) };
    let outcome = session.run(move |client| async move { Ok(client.act_on_ranks(action, &ranks, force).await?) });
    let outcomes = outcome.map_err(|error| error.doing(&doing))?;
    let failed: Vec<&RankOutcome> = outcomes.iter().filter(|outcome| !outcome.error.is_empty()).collect();
    if !failed.is_empty() {
        let each = failed.iter().map(|outcome| format!("rank {}: {}", outcome.rank, outcome.error));
        return Err(Failure::new(Code::Misc, each.collect::<Vec<_>>().join("; ")).doing(doing));
    }
    let rows: Vec<_> = outcomes.iter().map(|outcome| vec![outcome.rank.to_string(), title(&outcome.state)]).collect();
    let json: Vec<_> = outcomes
        .iter()
        .map(|outcome| json!({ "rank": outcome.rank, "state": outcome.state, "errored": false, "msg": "" }))
        .collect();
    Ok(Reply::new(table(&["Rank", "State"], &rows), json!({ "results": json })))
}

/// Properties of the system: what it is, and whose.
fn get_properties(session: &Session, names: &[String]) -> Result<Reply> {
    let doing = "get properties of the system";
    let known = [
        ("daos_version", "DAOS version", env!("CARGO_PKG_VERSION").to_owned()),
        ("daos_system", "DAOS system", session.system_name()),
    ];
    if let Some(unknown) = names.iter().find(|name| !known.iter().any(|(known, ..)| known == name)) {
        let words = known.map(|(name, ..)| name).join(", ");
        let sentence = format!("'{unknown}' is no property of the system; there are {words}");
        return Err(Failure::new(Code::Inval, sentence).doing(doing));
    }
    let shown: Vec<_> =
        known.iter().filter(|(name, ..)| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect();
    let rows: Vec<_> =
        shown.iter().map(|(name, what, value)| vec![format!("{what} ({name})"), value.clone()]).collect();
    let json: Vec<_> =
        shown.iter().map(|(name, what, value)| json!({ "name": name, "description": what, "value": value })).collect();
    Ok(Reply::new(table(&["Name", "Value"], &rows), json!(json)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_shown_as_ranges() {
        for (ranks, text) in
            [(&[][..], ""), (&[3], "3"), (&[0, 1, 2, 5, 7, 8], "0-2,5,7-8"), (&[u32::MAX], "4294967295")]
        {
            assert_eq!(ranges(ranks), text);
        }
    }

    #[test]
    fn states_are_one_line_each() {
        let rank = |rank, state: &str| RankInfo {
            rank,
            engine: String::new(),
            control: String::new(),
            fault_domain: String::new(),
            state: state.to_owned(),
            targets: Vec::new(),
            trouble: String::new(),
        };
        let text = states(&[rank(0, "joined"), rank(1, "stopped"), rank(2, "joined")]);
        assert_eq!(text, "Rank  State\n0,2   Joined\n1     Stopped\n");
    }
}
