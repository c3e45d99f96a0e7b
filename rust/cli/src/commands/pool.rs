//! `pool` commands.

use super::access::{self, Of};
use super::attributes::{self, Owner};
use super::system::ranges;
use super::{pool_properties, pool_targets};
use crate::arguments::{GlobalOptions, PoolCommand, PoolCreateOptions, PoolSize};
use crate::failure::{Failure, Result};
use crate::launcher::free_bytes;
use crate::reply::{Reply, list, table};
use crate::session::{Session, reference, with_pool};
use crate::units::{count, size};
use daos_client::{AccessInfo, Client, PoolCreate, PoolFlags, PoolInfo, PoolListEntry, PoolTargetsAction};
use daos_status::{Code, Status};
use daos_types::{HandleId, check_label};
use serde_json::{Value, json};

/// Rank of the engine of a local directory: there is one.
const RANK: u32 = 0;

/// Runs a command.
pub fn run(session: &Session, global: &GlobalOptions, command: PoolCommand) -> Result<Reply> {
    let verbose = global.verbose;
    match command {
        PoolCommand::Create(options) => create(session, *options),
        PoolCommand::List { no_query } => list_pools(session, verbose, !no_query),
        PoolCommand::Query { pool } => query(session, pool),
        PoolCommand::QueryTargets { pool, rank, targets } => pool_targets::query(session, pool, rank, targets),
        PoolCommand::Upgrade { pool } => pool_targets::upgrade(session, pool),
        PoolCommand::Destroy { pool, force, recursive } => destroy(session, pool, force, recursive),
        PoolCommand::Evict { pool, handles } => evict(session, pool, handles),
        PoolCommand::Extend { pool, ranks } => pool_targets::extend(session, pool, ranks),
        PoolCommand::Drain(options) => pool_targets::change(session, PoolTargetsAction::Drain, options),
        PoolCommand::Exclude(options) => pool_targets::change(session, PoolTargetsAction::Exclude, options),
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

/// The label among the properties of a thing to be created; another property cannot be set.
pub fn label_of(
    positional: Option<String>,
    option: Option<String>,
    properties: &[(String, String)],
) -> Result<Option<String>> {
    let mut label = positional.or(option);
    for (name, value) in properties {
        if name != "label" {
            let sentence = format!("property '{name}' cannot be set yet; 'label' can");
            return Err(Failure::new(Code::Notsupported, sentence));
        }
        if label.replace(value.clone()).is_some_and(|before| before != *value) {
            return Err(Failure::new(Code::Inval, "two different labels are given; give one"));
        }
    }
    if let Some(label) = &label {
        check_label(label)?;
    }
    Ok(label)
}

fn wanted_bytes(session: &Session, options: &PoolCreateOptions) -> Result<u64> {
    match options.size {
        Some(PoolSize::Bytes(bytes)) => Ok(bytes),
        Some(PoolSize::Percent(percent)) => Ok(free_bytes(&session.directory())? / 100 * percent),
        None => Ok(options.scm_size.unwrap_or(0).saturating_add(options.nvme_size.unwrap_or(0))),
    }
}

fn create(session: &Session, options: PoolCreateOptions) -> Result<Reply> {
    let given = options.label.clone().or_else(|| options.label_option.clone());
    let doing = match given.as_ref() {
        Some(label) => format!("create pool '{label}'"),
        None => "create a pool".to_owned(),
    };
    let bytes = wanted_bytes(session, &options).map_err(|error| error.doing(&doing))?;
    let numbers = pool_properties::numbers_of(&options.properties).map_err(|error| error.doing(&doing))?;
    let labels: Vec<_> = options.properties.iter().filter(|(name, _)| name == "label").cloned().collect();
    let label = label_of(options.label, options.label_option, &labels);
    let label = label.map_err(|error| error.doing(&doing))?.unwrap_or_default();
    let chosen = access::chosen(options.user, options.group, options.acl_file.as_deref());
    let AccessInfo { owner, list } = chosen.map_err(|error| error.doing(&doing))?;
    let (durability, user, group) = (options.durability.unwrap_or_default(), owner.user, owner.group);
    let (ranks, rank_count) = (options.ranks.unwrap_or_default().0, options.nranks.unwrap_or(0));
    let replicas = options.nsvc.unwrap_or(0);
    let request =
        PoolCreate { label, size: bytes, durability, user, group, list, numbers, ranks, rank_count, replicas };
    let created = session.run(move |client| async move {
        let entry = client.pool_create(request).await?;
        let info = query_of(&client, &entry.id.to_string()).await?;
        Ok((entry, info))
    });
    let (entry, info) = created.map_err(|error| {
        error
            .doing(&doing)
            .remedy(Code::Exist, "choose another label, or destroy that pool first")
            .remedy(Code::Nospace, "give a smaller --size, or free space in the file system")
    })?;
    let text = format!(
        "Pool {} created: {} on {}, of which {} for metadata and small values\nUUID: {}",
        name_of(&entry),
        size(info.meta.total + info.data.total),
        count(info.targets.into(), "target"),
        size(info.meta.total),
        entry.id
    );
    let json = json!({
        "uuid": entry.id.to_string(),
        "label": entry.label,
        "svc_ldr": leader(&entry),
        "svc_reps": replicas_of(&entry),
        "tgt_ranks": info.ranks,
        "tier_bytes": [info.meta.total, info.data.total],
    });
    Ok(Reply::new(text, json))
}

fn name_of(entry: &PoolListEntry) -> String {
    if entry.label.is_empty() { entry.id.to_string() } else { entry.label.clone() }
}

fn leader(entry: &PoolListEntry) -> u32 {
    entry.service_ranks.first().copied().unwrap_or(RANK)
}

fn replicas_of(entry: &PoolListEntry) -> Vec<u32> {
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

pub fn list_pools(session: &Session, verbose: bool, ask: bool) -> Result<Reply> {
    let found = session.run(move |client| async move {
        let mut pools = Vec::new();
        for entry in client.pool_list().await? {
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

fn query(session: &Session, pool: String) -> Result<Reply> {
    let doing = format!("query pool '{pool}'");
    let found = session.run(move |client| async move {
        let entry = find(&client, &pool).await?;
        let info = query_of(&client, &entry.id.to_string()).await?;
        Ok((entry, info))
    });
    let (entry, info) = found.map_err(|error| error.doing(doing))?;
    let tier = |tier: daos_client::SpaceInfo| format!("{} free of {}", size(tier.free), size(tier.total));
    let text = list(&[
        ("Pool", name_of(&entry)),
        ("UUID", entry.id.to_string()),
        ("State", entry.state.clone()),
        ("Targets", format!("{}, {} disabled", info.targets, info.targets_disabled)),
        ("Ranks", ranges(&info.ranks)),
        ("Metadata and small values", tier(info.meta)),
        ("Large values", tier(info.data)),
        ("Durability class", info.durability.clone()),
        ("Containers", info.containers.to_string()),
        ("Open handles", info.handles.to_string()),
        ("Pool map version", info.map_version.to_string()),
    ]);
    Ok(Reply::new(text, pool_json(&entry, Some(&info))))
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
    fn a_label_may_come_three_ways_but_only_one_label() {
        let label = |positional: Option<&str>, properties: &[(&str, &str)]| {
            let properties: Vec<(String, String)> =
                properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            label_of(positional.map(str::to_owned), None, &properties)
        };
        assert_eq!(label(Some("a"), &[]), Ok(Some("a".to_owned())));
        assert_eq!(label(None, &[("label", "b")]), Ok(Some("b".to_owned())));
        assert_eq!(label(None, &[]), Ok(None));
        assert!(label(Some("a"), &[("label", "b")]).is_err());
        assert!(label(None, &[("cksum", "off")]).is_err());
        assert!(label(Some("a b"), &[]).is_err());
        assert!(label(Some(&"x".repeat(128)), &[]).is_err());
    }

    #[test]
    fn unknown_properties_are_answered_with_the_known_ones() {
        let properties = vec![("a", "first", json!("x")), ("b", "second", json!(2))];
        let reply = properties_reply(properties.clone(), &["b".to_owned()]).expect("it is there");
        assert_eq!(reply.json, json!([{ "name": "b", "description": "second", "value": 2 }]));
        let error = properties_reply(properties, &["c".to_owned()]).expect_err("it is not there");
        assert!(error.to_string().contains("a, b"), "{error}");
    }
}
