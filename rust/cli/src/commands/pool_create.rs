//! `pool create`.

use super::access;
use super::engines::host;
use super::pool::{leader, name_of, query_of, replicas_of};
use super::pool_properties;
use super::storage::{local_room, room_on_each};
use crate::arguments::{PoolCreateOptions, PoolSize};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, notice};
use crate::session::Session;
use crate::units::{count, size};
use daos_client::{AccessInfo, EngineStorage, PoolCreate, RankInfo};
use daos_status::Code;
use daos_types::check_label;
use serde_json::json;

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

/// The bytes of the new pool, and how many ranks it is on, where the size of each was given and they had to be counted; zero otherwise.
fn wanted_bytes(session: &Session, options: &PoolCreateOptions) -> Result<(u64, u32)> {
    let of_rank = match options.size {
        Some(PoolSize::Bytes(bytes)) => return Ok((bytes, 0)),
        Some(PoolSize::Percent(_)) if options.durability.as_deref() == Some("ram") => {
            let sentence = "a part in percent is one of what is free in file systems, and a pool of class 'ram' is in memory: give its \
                            --size in bytes";
            return Err(Failure::new(Code::Inval, sentence));
        }
        Some(PoolSize::Percent(percent)) => {
            let (bytes, counted) = match session.uses_system() {
                true => part_of_system(session, options, percent)?,
                false => (local_room(session)? / 100 * percent, 0),
            };
            // Without a size the engines would choose one.
            if bytes == 0 {
                let sentence = "there is no room for a pool that is not promised to others; 'dmg storage query usage' shows what is free";
                return Err(Failure::new(Code::Nospace, sentence));
            }
            return Ok((bytes, counted));
        }
        None => options.scm_size.unwrap_or(0).saturating_add(options.nvme_size.unwrap_or(0)),
    };
    let named = match (&options.ranks, options.nranks) {
        (Some(ranks), _) => Some(ranks.0.len() as u64),
        (None, Some(number)) => Some(number.into()),
        (None, None) => (!session.uses_system()).then_some(1),
    };
    if let Some(named) = named.or((of_rank == 0).then_some(0)) {
        return Ok((of_rank.saturating_mul(named), 0));
    }
    let ranks = session.run(|client| async move { Ok(client.system_ranks().await?) })?;
    let counted = serving(&ranks);
    Ok((of_rank.saturating_mul(counted.into()), counted))
}

/// A part of what no pool was promised on the ranks that the new pool is on.
fn part_of_system(session: &Session, options: &PoolCreateOptions, percent: u64) -> Result<(u64, u32)> {
    let answers = session.run(|client| async move {
        let mut ranks = client.system_ranks().await?;
        ranks.retain(|info| info.state == "joined");
        Ok(client.engines_storage(ranks).await?)
    })?;
    let is_meant = |rank| options.ranks.as_ref().is_none_or(|ranks| ranks.0.contains(&rank));
    let meant: Vec<String> =
        answers.iter().filter(|(info, _)| is_meant(info.rank)).map(|(info, _)| host(&info.control)).collect();
    let mut storages = Vec::new();
    for (info, answer) in answers {
        // What others have elsewhere takes nothing from the new pool.
        if !meant.contains(&host(&info.control)) {
            continue;
        }
        match answer {
            Ok(EngineStorage { unknown: Some(status), .. }) | Err(status) => {
                let doing = format!("asking rank {} at {} how much is free", info.rank, info.control);
                return Err(status.while_doing(doing).into());
            }
            Ok(storage) => storages.push((info, storage)),
        }
    }
    let (count, counted) = match (&options.ranks, options.nranks) {
        (Some(ranks), _) => (ranks.0.len() as u32, 0),
        (None, Some(number)) => (number, 0),
        (None, None) => (storages.len() as u32, storages.len() as u32),
    };
    let room = room_on_each(&storages, is_meant);
    Ok(((room / 100 * percent).saturating_mul(count.into()), counted))
}

/// How many ranks serve: on so many is a pool for which none are named.
fn serving(ranks: &[RankInfo]) -> u32 {
    let count = ranks.iter().filter(|info| info.state == "joined").count();
    count.max(1) as u32
}

/// Creates a pool.
pub fn create(session: &Session, options: PoolCreateOptions) -> Result<Reply> {
    let given = options.label.clone().or_else(|| options.label_option.clone());
    let doing = match given.as_ref() {
        Some(label) => format!("create pool '{label}'"),
        None => "create a pool".to_owned(),
    };
    if options.tier_ratio.is_some() || options.mem_ratio.is_some() {
        let sentence = "--tier-ratio and --mem-ratio have no effect: metadata gets a quarter of a pool, or as much as memory allows";
        notice("dmg", sentence);
    }
    let (bytes, counted) = wanted_bytes(session, &options).map_err(|error| error.doing(&doing))?;
    let numbers = pool_properties::numbers_of(&options.properties).map_err(|error| error.doing(&doing))?;
    let labels: Vec<_> = options.properties.iter().filter(|(name, _)| name == "label").cloned().collect();
    let label = label_of(options.label, options.label_option, &labels);
    let label = label.map_err(|error| error.doing(&doing))?.unwrap_or_default();
    let chosen = access::chosen(options.user, options.group, options.acl_file.as_deref());
    let AccessInfo { owner, list } = chosen.map_err(|error| error.doing(&doing))?;
    let (durability, user, group) = (options.durability.unwrap_or_default(), owner.user, owner.group);
    // What was counted is asked for, so that each rank gets the size that was given for it also when one comes or goes meanwhile.
    let (ranks, rank_count) = (options.ranks.unwrap_or_default().0, options.nranks.unwrap_or(counted));
    let replicas = options.nsvc.unwrap_or(0);
    let request =
        PoolCreate { label, size: bytes, durability, user, group, list, numbers, ranks, rank_count, replicas };
    let created = session.run(move |client| async move {
        let entry = client.pool_create(request).await?;
        let info = query_of(&client, &entry.id.to_string()).await?;
        Ok((entry, info))
    });
    let created = created.map_err(|error| {
        error
            .doing(&doing)
            .remedy(Code::Exist, "choose another label, or destroy that pool first")
            .remedy(Code::Nospace, "give a smaller --size, or free space in the file system")
    });
    let (entry, info) = created.map_err(|error| match counted {
        0 => error,
        _ => error.remedy(Code::Oog, "a rank has gone meanwhile: try again"),
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
}
