//! `pool` commands about the targets that a pool has.

use super::system::ranges;
use crate::arguments::{PoolTargetsOptions, Ranks};
use crate::failure::Result;
use crate::reply::Reply;
use crate::session::{Session, reference};
use crate::units::count;
use daos_client::{PoolTargetsAction, PoolTargetsOutcome};
use daos_status::Code;
use serde_json::json;

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
