//! `pool` commands about the targets that a pool has.

use super::system::ranges;
use crate::arguments::{PoolTargetsOptions, Ranks};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, table};
use crate::session::{Session, reference, with_pool};
use crate::units::{count, size};
use daos_client::{Client, PoolFlags, PoolTargetsAction, PoolTargetsOutcome, SpaceInfo, TargetInfo};
use daos_status::Code;
use serde_json::json;

/// Words for `daos_target_state_t`, as upstream writes them.
const TARGET_STATES: [&str; 7] = ["state_unknown", "down_out", "down", "up", "up_in", "new", "drain"];

/// Shows what targets of a rank are good for, and how full they are.
pub fn query(session: &Session, pool: String, rank: u32, targets: Option<Ranks>) -> Result<Reply> {
    let doing = format!("query targets of pool '{pool}'");
    let found = session.run(move |client| async move {
        with_pool(&client, &pool, PoolFlags::READ_ONLY, async |handle| {
            let wanted = match targets {
                Some(Ranks(targets)) => targets,
                None => (0..targets_of(&client, rank).await?).collect(),
            };
            let mut infos = Vec::new();
            for target in wanted {
                infos.push((target, handle.query_target(&client, rank, target).await?));
            }
            Ok(infos)
        })
        .await
    });
    let infos = found.map_err(|error| error.doing(&doing))?;
    let word = |info: &TargetInfo| TARGET_STATES.get(usize::from(info.state)).copied().unwrap_or("invalid");
    let row = |(target, info): &(u32, TargetInfo)| {
        let [meta, data] = [info.meta, info.data].map(|space| format!("{} of {}", size(space.free), size(space.total)));
        vec![rank.to_string(), target.to_string(), word(info).to_owned(), meta, data]
    };
    let rows: Vec<_> = infos.iter().map(row).collect();
    let space = |media: &str, space: SpaceInfo| json!({ "total": space.total, "free": space.free, "min": 0, "max": 0, "mean": 0, "media_type": media });
    let each = infos.iter().map(|(_, info)| {
        json!({
            "target_state": word(info),
            "space": [space("scm", info.meta), space("nvme", info.data)],
            "mem_file_bytes": 0,
            "md_on_ssd_active": false,
        })
    });
    let json = each.collect::<Vec<_>>();
    Ok(Reply::new(table(&["Rank", "Target", "State", "Metadata free", "Data free"], &rows), json!(json)))
}

/// How many targets a rank has.
async fn targets_of(client: &Client, rank: u32) -> Result<u32> {
    let count = if client.uses_system() {
        client.system_ranks().await?.into_iter().find(|info| info.rank == rank).map(|info| info.targets.len())
    } else {
        (rank == 0).then_some(client.system_info().await?.targets.len())
    };
    let unknown =
        || Failure::new(Code::Nonexist, format!("the system has no rank {rank}; 'dmg system query' shows its ranks"));
    count.map(|count| count as u32).ok_or_else(unknown)
}

/// Says that there is nothing to be done: engines bring stores of older formats to the present one when they open them.
pub fn upgrade(session: &Session, pool: String) -> Result<Reply> {
    let doing = format!("upgrade pool '{pool}'");
    let found = session.run({
        let pool = pool.clone();
        move |client| async move { Ok(client.pool_query(&reference(&pool)?).await?) }
    });
    found.map_err(|error| error.remedy(Code::Nonexist, "'daos pool list' shows the pools there are").doing(&doing))?;
    Ok(Reply::new(format!("Pool '{pool}' has the format of this release."), serde_json::Value::Null))
}

/// Gives a pool the targets of more ranks.
pub fn extend(session: &Session, pool: String, ranks: Ranks) -> Result<Reply> {
    change(session, PoolTargetsAction::Extend, PoolTargetsOptions { pool, ranks, targets: Vec::new() })
}

/// Changes what targets of a pool are good for.
pub fn change(session: &Session, action: PoolTargetsAction, options: PoolTargetsOptions) -> Result<Reply> {
    let PoolTargetsOptions { pool, ranks: Ranks(ranks), targets } = options;
    let (verb, done) = match action {
        PoolTargetsAction::Extend => ("extend pool", "added to"),
        PoolTargetsAction::Drain => ("drain targets of pool", "taken out of"),
        PoolTargetsAction::ExcludeOut => ("give up targets of pool", "given up by"),
        PoolTargetsAction::Exclude => ("exclude targets of pool", "taken out of"),
        PoolTargetsAction::Reintegrate => ("reintegrate targets of pool", "taken back into"),
    };
    let (name, named) = (pool.clone(), ranks.clone());
    let outcome = session.run(move |client| async move {
        Ok(client.pool_change_targets(&reference(&name)?, action, &named, &targets).await?)
    });
    let outcome = outcome.map_err(|error| {
        error.doing(format!("{verb} '{pool}'")).remedy(Code::Nonexist, "'dmg pool query' shows the ranks of a pool")
    })?;
    let PoolTargetsOutcome { map_version, targets, containers } = outcome;
    let mut text = format!("{} of ranks {} {done} pool {pool}", count(targets.into(), "target"), ranges(&ranks));
    if action == PoolTargetsAction::Exclude && containers > 0 {
        text.push_str(&format!(
            "\n{} may have data there: requests for it are answered with -DER_RF until 'dmg pool reintegrate'",
            count(containers, "container")
        ));
    }
    if action == PoolTargetsAction::Extend {
        text.push_str("\nContainers made from now on use them; those that are there stay where they are");
    }
    let results: Vec<_> = ranks.iter().map(|rank| json!({ "rank": rank, "errored": false, "msg": "" })).collect();
    // What upstream says of 'drain', 'exclude' and 'reintegrate', with more behind it; of 'extend' it says nothing.
    let json = json!({
        "id": pool,
        "results": results,
        "version": map_version,
        "targets_changed": targets,
        "containers": containers,
    });
    Ok(Reply::new(text, json))
}
