//! `system` commands.

use super::ranks;
use crate::arguments::{SystemCommand, SystemQueryOptions};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, list, table};
use crate::session::Session;
use daos_client::{PoolTargetsAction, RankAction};
use daos_status::Code;
use serde_json::json;

/// What programs know the engines' side by.
const SERVER_NAME: &str = "DAOS Control Server";

/// Runs a command of `dmg`.
pub fn run(session: &Session, verbose: bool, command: &SystemCommand) -> Result<Reply> {
    match command {
        SystemCommand::Query(options) => query(session, verbose, options),
        SystemCommand::Stop(options) => ranks::act_on_live(session, RankAction::Stop, "stop", options),
        SystemCommand::Start(options) => ranks::act_on_live(session, RankAction::Start, "start", options),
        SystemCommand::Exclude(options) => ranks::act(session, RankAction::Exclude, "exclude", options),
        SystemCommand::ClearExclude(options) => ranks::act(session, RankAction::ClearExclude, "clear-exclude", options),
        SystemCommand::Drain(list) => ranks::change_pools(session, PoolTargetsAction::Drain, "drain", list),
        SystemCommand::Reintegrate(list) => {
            ranks::change_pools(session, PoolTargetsAction::Reintegrate, "reintegrate", list)
        }
        SystemCommand::LeaderQuery { down_replicas } => query_leader(session, *down_replicas),
        SystemCommand::ListPools(options) => super::pool::list_pools(session, verbose, options),
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
fn query_leader(session: &Session, down_only: bool) -> Result<Reply> {
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
    if down_only {
        let down = if down.is_empty() { "none".to_owned() } else { down.join(", ") };
        lines = vec![("Unavailable", down)];
    }
    let all: Vec<&String> = up.iter().chain(&down).collect();
    Ok(Reply::new(list(&lines), json!({ "current_leader": leader, "replicas": all, "down_replicas": down })))
}

/// Shows the system: its engines, or the local engine.
pub fn query(session: &Session, verbose: bool, options: &SystemQueryOptions) -> Result<Reply> {
    if session.uses_system() { ranks::query(session, verbose, options) } else { query_local(session) }
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
}
