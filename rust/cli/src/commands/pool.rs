//! `pool` commands.

use super::access::{self, Of};
use super::attributes::{self, Owner};
use super::system::ranges;
use super::{pool_create, pool_properties, pool_targets};
use crate::arguments::{GlobalOptions, PoolCommand, PoolListOptions, PoolQueryOptions};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, list, table};
use crate::session::{Session, reference, with_pool};
use crate::units::{count, size};
use daos_client::{Client, PoolFlags, PoolInfo, PoolListEntry, PoolTargetsAction};
use daos_status::{Code, Status};
use daos_types::{HandleId, check_label};
use serde_json::{Value, json};

/// Rank of the engine of a local directory: there is one.
const RANK: u32 = 0;

/// Runs a command.
pub fn run(session: &Session, global: &GlobalOptions, command: PoolCommand) -> Result<Reply> {
    let verbose = global.verbose;
    match command {
        PoolCommand::Create(options) => pool_create::create(session, *options),
        PoolCommand::List(options) => list_pools(session, verbose, &options),
        PoolCommand::Query(options) => query(session, options),
        PoolCommand::QueryTargets { pool, rank, targets } => pool_targets::query(session, pool, rank, targets),
        PoolCommand::Upgrade { pool } => pool_targets::upgrade(session, pool),
        PoolCommand::Destroy { pool, force, recursive } => destroy(session, pool, force, recursive),
        PoolCommand::Evict { pool, handles } => evict(session, pool, handles),
        PoolCommand::Extend { pool, ranks } => pool_targets::extend(session, pool, ranks),
        PoolCommand::Drain(options) => pool_targets::change(session, PoolTargetsAction::Drain, options),
        PoolCommand::Exclude(options) => pool_targets::change(session, PoolTargetsAction::Exclude, options.targets),
        PoolCommand::Reintegrate(options) => pool_targets::change(session, PoolTargetsAction::Reintegrate, options),
        PoolCommand::GetAcl { pool, output } => access::get(session, Of::Pool(pool), &output, verbose),
        PoolCommand::OverwriteAcl { pool, list } => access::overwrite(session, Of::Pool(pool), &list),
        PoolCommand::UpdateAcl { pool, list } => access::update(session, Of::Pool(pool), &list),
        PoolCommand::DeleteAcl { pool, principal } => access::delete(session, Of::Pool(pool), &principal.principal),
        PoolCommand::SetOwner { pool, owner } => access::set_owner(session, Of::Pool(pool), &owner),
        PoolCommand::GetProp { pool, names } => get_properties(session, pool, names),
        PoolCommand::SetProp { pool, properties } => set_properties(session, pool, &properties),
        PoolCommand::SetAttr { pool, attribute } => attributes::set(session, Owner::Pool(pool), attribute),
        PoolCommand::GetAttr { pool, names } => attributes::get(session, Owner::Pool(pool), names),
        PoolCommand::ListAttr { pool } => attributes::list_names(session, Owner::Pool(pool), verbose),
        PoolCommand::DelAttr { pool, names } => attributes::delete(session, Owner::Pool(pool), names),
        PoolCommand::ListContainers { pool } => super::container::list_containers(session, pool),
    }
}

pub fn name_of(entry: &PoolListEntry) -> String {
    if entry.label.is_empty() { entry.id.to_string() } else { entry.label.clone() }
}

pub fn leader(entry: &PoolListEntry) -> u32 {
    entry.service_ranks.first().copied().unwrap_or(RANK)
}

pub fn replicas_of(entry: &PoolListEntry) -> Vec<u32> {
    let mut ranks = entry.service_ranks.clone();
    ranks.sort_unstable();
    ranks
}

pub async fn query_of(client: &Client, pool: &str) -> Result<PoolInfo> {
    // Who administrates the system needs no permission of the pool's owner; others do.
    match client.pool_query(&reference(pool)?).await {
        Err(status) if status.code() == Code::NoPerm => {
            with_pool(client, pool, PoolFlags::READ_ONLY, async |pool| Ok(pool.query(client).await?)).await
        }
        answer => Ok(answer?),
    }
}

fn evict(session: &Session, pool: String, handles: Vec<uuid::Uuid>) -> Result<Reply> {
    let doing = format!("evict handles of pool '{pool}'");
    let name = pool.clone();
    let handles = handles.into_iter().map(HandleId).collect();
    let done = session.run(move |client| async move { Ok(client.pool_evict(&reference(&pool)?, handles).await?) });
    let number = done.map_err(|error| error.doing(doing))?;
    let text = format!("{} of pool {name} closed", count(number.into(), "handle"));
    Ok(Reply::new(text, json!({ "count": number })))
}

async fn find(client: &Client, pool: &str) -> Result<PoolListEntry> {
    let wanted = reference(pool)?;
    let pools = client.pool_list().await?;
    let found = pools.into_iter().find(|entry| match &wanted {
        daos_types::Reference::Id(id) => entry.id.0 == *id,
        daos_types::Reference::Label(label) => entry.label == *label,
    });
    found.ok_or_else(|| {
        let status = Status::new(Code::Nonexist, format!("there is no pool '{pool}'"));
        Failure::from(client.named_place(status)).remedy(Code::Nonexist, "'daos pool list' shows the pools there are")
    })
}

/// Fields of a pool as upstream names them; what upstream tells and this system does not know is left out.
fn pool_json(entry: &PoolListEntry, info: Option<&PoolInfo>) -> Value {
    let mut value = json!({
        "uuid": entry.id.to_string(),
        "label": entry.label,
        "svc_ldr": leader(entry),
        "svc_reps": replicas_of(entry),
        "state": entry.state,
        "rebuild_state": "idle",
    });
    let Some(info) = info else { return value };
    let tiers = [("scm", info.meta), ("nvme", info.data)];
    let stats = tiers.map(|(name, tier)| {
        let mean = tier.free / u64::from(info.targets.max(1));
        json!({ "media_type": name, "total": tier.total, "free": tier.free, "mean": mean })
    });
    let usage = tiers
        .map(|(name, tier)| json!({ "tier_name": name.to_ascii_uppercase(), "size": tier.total, "free": tier.free }));
    let more = json!({
        "total_targets": info.targets,
        "active_targets": info.targets.saturating_sub(info.targets_disabled),
        "disabled_targets": info.targets_disabled,
        "enabled_ranks": ranges(&info.ranks),
        "disabled_ranks": ranges(&info.ranks_disabled),
        "total_engines": info.engines,
        "version": info.map_version,
        "rebuild": { "status": 0, "state": "idle", "objects": 0, "records": 0 },
        "tier_stats": stats,
        "usage": usage,
        "durability": info.durability,
        "containers": info.containers,
        "handles": info.handles,
    });
    if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
        fields.extend(more);
    }
    value
}

fn used_percent(info: &PoolInfo) -> String {
    let total = info.meta.total + info.data.total;
    let free = info.meta.free + info.data.free;
    format!("{:.1}%", 100.0 * total.saturating_sub(free) as f64 / total.max(1) as f64)
}

pub fn list_pools(session: &Session, verbose: bool, options: &PoolListOptions) -> Result<Reply> {
    let (ask, rebuild_only) = (!options.no_query, options.rebuild_only);
    let found = session.run(move |client| async move {
        let mut pools = Vec::new();
        // No pool is being rebuilt.
        let all = client.pool_list().await?;
        for entry in all.into_iter().filter(|_| !rebuild_only) {
            let info = match ask && entry.state == "Ready" {
                // A pool that was destroyed meanwhile, or is used exclusively, is listed without what it would tell.
                true => query_of(&client, &entry.id.to_string()).await.ok(),
                false => None,
            };
            pools.push((entry, info));
        }
        Ok(pools)
    });
    let pools = found.map_err(|error| error.doing("list the pools"))?;
    let json = json!({ "status": 0, "pools": pools.iter().map(|(entry, info)| pool_json(entry, info.as_ref())).collect::<Vec<_>>() });
    if pools.is_empty() && rebuild_only {
        return Ok(Reply::new("No pool is being rebuilt.", json));
    }
    if pools.is_empty() {
        return Ok(Reply::new("There are no pools; 'pool create LABEL' creates one.", json));
    }
    let mut titles = vec!["Pool", "State"];
    if ask {
        titles.extend(["Size", "Used", "Containers", "Targets"]);
    }
    if verbose {
        titles.push("UUID");
    }
    let mut rows = Vec::new();
    for (entry, info) in &pools {
        let mut row = vec![name_of(entry), entry.state.clone()];
        match info {
            Some(info) => row.extend([
                size(info.meta.total + info.data.total),
                used_percent(info),
                info.containers.to_string(),
                info.targets.to_string(),
            ]),
            None if ask => row.extend(std::array::from_fn::<String, 4, _>(|_| "?".to_owned())),
            None => {}
        }
        if verbose {
            row.push(entry.id.to_string());
        }
        rows.push(row);
    }
    Ok(Reply::new(table(&titles, &rows), json))
}

fn query(session: &Session, options: PoolQueryOptions) -> Result<Reply> {
    let PoolQueryOptions { pool, show_enabled, show_disabled, health_only, .. } = options;
    let doing = format!("query pool '{pool}'");
    let found = session.run(move |client| async move {
        let entry = find(&client, &pool).await?;
        let info = query_of(&client, &entry.id.to_string()).await?;
        Ok((entry, info))
    });
    let (entry, info) = found.map_err(|error| error.doing(doing))?;
    let tier = |tier: daos_client::SpaceInfo| format!("{} free of {}", size(tier.free), size(tier.total));
    let mut lines = vec![
        ("Pool", name_of(&entry)),
        ("UUID", entry.id.to_string()),
        ("State", entry.state.clone()),
        ("Targets", format!("{}, {} disabled", info.targets, info.targets_disabled)),
        (if show_enabled { "Enabled ranks" } else { "Ranks" }, ranges(&info.ranks)),
    ];
    if show_disabled || !info.ranks_disabled.is_empty() {
        let ranks = ranges(&info.ranks_disabled);
        lines.push(("Disabled ranks", if ranks.is_empty() { "none".to_owned() } else { ranks }));
    }
    if !health_only {
        lines.extend([("Metadata and small values", tier(info.meta)), ("Large values", tier(info.data))]);
    }
    lines.extend([
        ("Durability class", info.durability.clone()),
        ("Containers", info.containers.to_string()),
        ("Open handles", info.handles.to_string()),
        ("Pool map version", info.map_version.to_string()),
    ]);
    let mut json = pool_json(&entry, Some(&info));
    if let (true, Some(fields)) = (health_only, json.as_object_mut()) {
        fields.insert("tier_stats".to_owned(), Value::Null);
        fields.remove("usage");
    }
    Ok(Reply::new(list(&lines), json))
}

fn destroy(session: &Session, pool: String, force: bool, recursive: bool) -> Result<Reply> {
    let doing = format!("destroy pool '{pool}'");
    let text = format!("Pool {pool} destroyed");
    let done = session.run(move |client| async move {
        if !force && !recursive {
            refuse_if_filled(&client, &pool).await?;
        }
        Ok(client.pool_destroy(&reference(&pool)?, force).await?)
    });
    done.map_err(|error| {
        error
            .doing(doing)
            .remedy(Code::Busy, "close what is open, or give --force")
            .remedy(Code::Nonexist, "'daos pool list' shows the pools there are")
    })?;
    Ok(Reply::new(text, Value::Null))
}

/// Whoever destroys a pool without a word about its containers may not know of them.
async fn refuse_if_filled(client: &Client, pool: &str) -> Result<()> {
    let containers =
        with_pool(client, pool, PoolFlags::READ_ONLY, async |pool| Ok(pool.list_containers(client).await?)).await?;
    match containers.len() as u64 {
        0 => Ok(()),
        number => Err(Failure::new(
            Code::Busy,
            format!("it holds {}; destroy them first, or give --recursive", count(number, "container")),
        )),
    }
}

fn get_properties(session: &Session, pool: String, names: Vec<String>) -> Result<Reply> {
    let doing = format!("show properties of pool '{pool}'");
    let found = session.run(move |client| async move {
        let entry = find(&client, &pool).await?;
        let info = query_of(&client, &entry.id.to_string()).await?;
        Ok((entry, info))
    });
    let (entry, info) = found.map_err(|error| error.doing(&doing))?;
    let ranks: Vec<String> = entry.service_ranks.iter().map(ToString::to_string).collect();
    let mut properties = vec![
        ("label", "Pool label", json!(entry.label)),
        ("svc_list", "Pool service replica list", json!(format!("[{}]", ranks.join(",")))),
        ("durability", "Durability class", json!(info.durability)),
        ("owner", "Pool owner", json!(info.access.owner.user)),
        ("group", "Pool owner group", json!(info.access.owner.group)),
    ];
    properties.extend(pool_properties::shown(&info.numbers));
    properties_reply(properties, &names).map_err(|error| error.doing(doing))
}

fn set_properties(session: &Session, pool: String, properties: &[(String, String)]) -> Result<Reply> {
    let doing = format!("set properties of pool '{pool}'");
    let label = properties.iter().rev().find(|(name, _)| name == "label").map(|(_, label)| label.clone());
    if let Some(label) = &label {
        check_label(label)?;
    }
    let numbers = pool_properties::numbers_of(properties).map_err(|error| error.doing(&doing))?;
    let text = format!("{} set", count(properties.len() as u64, "property"));
    let done = session.run(move |client| async move {
        Ok(client.pool_set_properties(&reference(&pool)?, &label.unwrap_or_default(), numbers).await?)
    });
    done.map_err(|error| error.doing(doing))?;
    Ok(Reply::new(text, Value::Null))
}

/// A name, what it means, and its value.
pub type Property = (&'static str, &'static str, Value);

/// The properties of these names, or all, in both forms.
pub fn properties_reply(properties: Vec<Property>, names: &[String]) -> Result<Reply> {
    let mut chosen = Vec::new();
    for name in names {
        let Some(property) = properties.iter().find(|property| property.0 == name) else {
            let known: Vec<&str> = properties.iter().map(|property| property.0).collect();
            let sentence = format!("there is no property '{name}'; there are {}", known.join(", "));
            return Err(Failure::new(Code::Nonexist, sentence));
        };
        chosen.push(property.clone());
    }
    let chosen = if names.is_empty() { properties } else { chosen };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows: Vec<Vec<String>> = chosen
        .iter()
        .map(|(name, description, value)| vec![(*name).to_owned(), text(value), (*description).to_owned()])
        .collect();
    let json = chosen
        .into_iter()
        .map(|(name, description, value)| json!({ "name": name, "description": description, "value": value }))
        .collect();
    Ok(Reply::new(table(&["Name", "Value", "Meaning"], &rows), json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_properties_are_answered_with_the_known_ones() {
        let properties = vec![("a", "first", json!("x")), ("b", "second", json!(2))];
        let reply = properties_reply(properties.clone(), &["b".to_owned()]).expect("it is there");
        assert_eq!(reply.json, json!([{ "name": "b", "description": "second", "value": 2 }]));
        let error = properties_reply(properties, &["c".to_owned()]).expect_err("it is not there");
        assert!(error.to_string().contains("a, b"), "{error}");
    }
}
