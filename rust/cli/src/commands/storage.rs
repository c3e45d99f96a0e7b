//! `storage` commands: what engines store on, and how much of that their pools have.

use super::engines::{self, Answers, host};
use crate::arguments::{EnginesOptions, GlobalOptions, StorageCommand, StorageQueryCommand};
use crate::failure::{Failure, Result};
use crate::launcher::file_system;
use crate::reply::{Reply, notice, table};
use crate::session::Session;
use crate::units::size;
use daos_client::{EngineStorage, RankInfo, SpaceInfo};
use daos_server::largest_on_storage;
use daos_status::Code;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Runs a command of `dmg`.
pub fn run(session: &Session, global: &GlobalOptions, command: &StorageCommand) -> Result<Reply> {
    match command {
        StorageCommand::Scan(options) => scan(session, global, options.nvme_health, &options.engines),
        StorageCommand::Query(StorageQueryCommand::Usage(options)) => {
            if options.show_usable {
                notice(
                    "dmg",
                    "--show-usable has no effect: metadata has no device of its own here, and what is free is usable",
                );
            }
            usage(session, global, &options.engines)
        }
    }
}

/// Asks the engines that are meant; one that cannot say what its pools have is an error where that is wanted.
fn ask(
    session: &Session,
    global: &GlobalOptions,
    options: &EnginesOptions,
    with_pools: bool,
) -> Result<Answers<EngineStorage>> {
    if session.uses_system() {
        return engines::ask(session, global, options, move |client, ranks| async move {
            let mut answers = client.engines_storage(ranks).await?;
            for (_, answer) in &mut answers {
                if let Ok(EngineStorage { unknown: Some(why), .. }) = answer
                    && with_pools
                {
                    *answer = Err(why.clone());
                }
            }
            Ok(answers)
        });
    }
    Ok(Answers::of_local((local_engine(options)?, local(session)?)))
}

/// The local engine as one of a system.
fn local_engine(options: &EnginesOptions) -> Result<RankInfo> {
    if options.ranks.as_ref().is_some_and(|ranks| ranks.0 != [0]) {
        return Err(Failure::new(Code::Nonexist, "a local engine is rank 0, and the only one"));
    }
    Ok(RankInfo {
        rank: 0,
        engine: uuid::Uuid::nil().to_string(),
        control: "localhost".to_owned(),
        fault_domain: "/".to_owned(),
        state: "joined".to_owned(),
        targets: Vec::new(),
        trouble: String::new(),
    })
}

/// What a local engine stores on is on this machine, and its pools tell the rest.
fn local(session: &Session) -> Result<EngineStorage> {
    let (pools, targets) = session.run(|client| async move {
        let mut pools = Vec::new();
        for entry in client.pool_list().await? {
            pools.push(super::pool::query_of(&client, &entry.id.to_string()).await?);
        }
        Ok((pools, client.system_info().await?.targets.len() as u32))
    })?;
    let directory = session.directory();
    let found = file_system(&directory)?;
    let mut storage = EngineStorage {
        directory: directory.display().to_string(),
        device: found.device,
        file_system: found.kind,
        total: found.total,
        available: found.available,
        targets,
        pools: pools.len() as u32,
        meta: SpaceInfo::default(),
        data: SpaceInfo::default(),
        memory: SpaceInfo::default(),
        unknown: None,
    };
    for pool in &pools {
        if pool.durability == "ram" {
            storage.memory = sum(sum(storage.memory, pool.meta), pool.data);
        } else {
            storage.meta = sum(storage.meta, pool.meta);
            storage.data = sum(storage.data, pool.data);
        }
    }
    Ok(storage)
}

fn sum(one: SpaceInfo, other: SpaceInfo) -> SpaceInfo {
    SpaceInfo { total: one.total.saturating_add(other.total), free: one.free.saturating_add(other.free) }
}

/// Bytes that are free and that no pool may come to write.
fn unpromised(storage: &EngineStorage) -> u64 {
    storage.available.saturating_sub(sum(storage.meta, storage.data).free)
}

/// A file system: host, device and size.
type Place<'a> = (String, &'a str, u64);

/// Bytes that a new pool can have on each of the ranks that are meant: engines of a machine that store on one file system share what is free
/// there, and the pool is as large on all.
pub fn room_on_each(storages: &[(RankInfo, EngineStorage)], is_meant: impl Fn(u32) -> bool) -> u64 {
    let mut places: BTreeMap<Place<'_>, Vec<&(RankInfo, EngineStorage)>> = BTreeMap::new();
    for one in storages {
        let (info, storage) = one;
        places.entry((host(&info.control), &storage.device, storage.total)).or_default().push(one);
    }
    let room = places.values().filter_map(|engines| {
        let meant = engines.iter().filter(|(info, _)| is_meant(info.rank)).count() as u64;
        let free = engines.iter().map(|(_, storage)| storage.available).min()?;
        let promised = engines.iter().map(|(_, storage)| sum(storage.meta, storage.data).free).sum();
        let room = free.saturating_sub(promised).checked_div(meant)?;
        let meant = engines.iter().filter(|(info, _)| is_meant(info.rank));
        meant.map(|(_, storage)| largest_pool(room, storage.targets)).min()
    });
    room.min().unwrap_or(0)
}

/// Bytes that a new pool of a local engine can have.
pub fn local_room(session: &Session) -> Result<u64> {
    let storage = local(session)?;
    Ok(largest_pool(unpromised(&storage), storage.targets))
}

/// The largest pool in so many bytes, but for a little of which others write meanwhile.
fn largest_pool(room: u64, targets: u32) -> u64 {
    largest_on_storage(room - room / 128, targets.into())
}

/// What is in a tier: the part of pools, and what is left for new ones.
fn tier(storage: &EngineStorage, of_pools: SpaceInfo) -> SpaceInfo {
    let free = unpromised(storage);
    SpaceInfo { total: of_pools.total.saturating_add(free), free }
}

/// How much of a tier pools have, in whole percent as upstream writes it.
fn used(tier: SpaceInfo) -> String {
    match tier.total {
        0 => "N/A".to_owned(),
        total => format!("{} %", u128::from(total - tier.free) * 100 / u128::from(total)),
    }
}

fn usage(session: &Session, global: &GlobalOptions, options: &EnginesOptions) -> Result<Reply> {
    let doing = "query how full the storage is";
    let answers = ask(session, global, options, true).map_err(|error| error.doing(doing))?;
    let mut titles = vec!["Hosts", "Rank", "SCM-Total", "SCM-Free", "SCM-Used", "NVMe-Total", "NVMe-Free", "NVMe-Used"];
    if global.verbose {
        titles.extend(["Pools", "In-Memory", "Directory"]);
    }
    let row = |(info, storage): &(RankInfo, EngineStorage)| {
        let mut row = vec![host(&info.control), info.rank.to_string()];
        for part in [storage.meta, storage.data] {
            let tier = tier(storage, part);
            row.extend([size(tier.total), size(tier.free), used(tier)]);
        }
        if global.verbose {
            row.extend([storage.pools.to_string(), size(storage.memory.total), storage.directory.clone()]);
        }
        row
    };
    Ok(reply(&answers, &titles, row, doing))
}

fn scan(session: &Session, global: &GlobalOptions, health: bool, options: &EnginesOptions) -> Result<Reply> {
    let doing = "scan the storage";
    if health {
        let sentence = "engines keep everything in files of their directories, and have no NVMe devices of their own; 'nvme smart-log' \
                        and 'smartctl' tell the health of those of a machine";
        return Err(Failure::new(Code::Notsupported, sentence).doing(doing));
    }
    let answers = ask(session, global, options, false).map_err(|error| error.doing(doing))?;
    let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    let row = |(info, storage): &(RankInfo, EngineStorage)| {
        let (kind, device) = (or_unknown(&storage.file_system), or_unknown(&storage.device));
        let (total, free) = (size(storage.total), size(storage.available));
        vec![host(&info.control), info.rank.to_string(), storage.directory.clone(), kind, device, total, free]
    };
    let titles = ["Hosts", "Rank", "Directory", "File System", "Device", "Total", "Free"];
    Ok(reply(&answers, &titles, row, doing))
}

fn reply(
    answers: &Answers<EngineStorage>,
    titles: &[&str],
    row: impl Fn(&(RankInfo, EngineStorage)) -> Vec<String>,
    doing: &str,
) -> Reply {
    let rows: Vec<_> = answers.found.iter().map(row).collect();
    let text = if rows.is_empty() { String::new() } else { table(titles, &rows) };
    let each = answers.found.iter().map(|(info, storage)| {
        let set = json!({ "storage": storage_json(info, storage), "hosts": info.control });
        (info.rank.to_string(), set)
    });
    let sets = Value::Object(each.collect::<Map<_, _>>());
    answers.reply(text, json!({ "host_errors": answers.host_errors(), "HostStorage": sets }), doing)
}

/// The storage of an engine in upstream's shape, which has the tiers as devices. What its pools have is null when that is not known.
fn storage_json(info: &RankInfo, storage: &EngineStorage) -> Value {
    let if_known = |value: Value| if storage.unknown.is_none() { value } else { Value::Null };
    let (meta, data) = (tier(storage, storage.meta), tier(storage, storage.data));
    let targets: Vec<u32> = (0..storage.targets).collect();
    let space = |space: SpaceInfo| json!({ "total_bytes": space.total, "free_bytes": space.free });
    let mount = json!({
        "class": "file",
        "device_list": [storage.device],
        "info": "",
        "path": storage.directory,
        "rank": info.rank,
        "total_bytes": meta.total,
        "avail_bytes": meta.free,
        "usable_bytes": meta.free,
    });
    let device = json!({
        "uuid": info.engine,
        "tgt_ids": targets,
        "rank": info.rank,
        "total_bytes": data.total,
        "avail_bytes": data.free,
        "usable_bytes": data.free,
        "roles": "NA",
    });
    json!({
        "scm_modules": null,
        "scm_namespaces": [{
            "uuid": info.engine,
            "blockdev": storage.device,
            "dev": storage.directory,
            "numa_node": 0,
            "size": storage.total,
            "mount": if_known(mount),
        }],
        "scm_mount_points": null,
        "nvme_devices": [{
            "info": "",
            "model": storage.file_system,
            "serial": "",
            "pci_addr": storage.device,
            "fw_rev": "",
            "vendor_id": "",
            "socket_id": 0,
            "health_stats": null,
            "namespaces": [{ "id": 1, "size": storage.total }],
            "smd_devices": if_known(json!([device])),
            "dev_state": "NORMAL",
            "led_state": "NA",
        }],
        "smd_info": null,
        "reboot_required": false,
        "mem_info": null,
        "engine": {
            "directory": storage.directory,
            "file_system": storage.file_system,
            "device": storage.device,
            "total_bytes": storage.total,
            "avail_bytes": storage.available,
            "rank": info.rank,
            "pools": if_known(json!(storage.pools)),
            "pool_meta": if_known(space(storage.meta)),
            "pool_data": if_known(space(storage.data)),
            "pool_memory": if_known(space(storage.memory)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage() -> EngineStorage {
        let space = |total: u64, free: u64| SpaceInfo { total, free };
        EngineStorage {
            directory: "/a".to_owned(),
            device: "/dev/x".to_owned(),
            file_system: "xfs".to_owned(),
            total: 1000,
            available: 800,
            targets: 2,
            pools: 1,
            meta: space(100, 50),
            data: space(300, 250),
            memory: space(7, 7),
            unknown: None,
        }
    }

    #[test]
    fn a_tier_is_what_pools_have_and_what_no_pool_was_promised() {
        let storage = storage();
        assert_eq!(unpromised(&storage), 500);
        let tier = |part| tier(&storage, part);
        assert_eq!(tier(storage.meta), SpaceInfo { total: 600, free: 500 });
        assert_eq!((used(tier(storage.meta)), used(tier(storage.data))), ("16 %".to_owned(), "37 %".to_owned()));
        assert_eq!(used(SpaceInfo::default()), "N/A");
        let full = EngineStorage { available: 10, ..storage.clone() };
        assert_eq!(
            super::tier(&full, full.data),
            SpaceInfo { total: 300, free: 0 },
            "others have taken what was promised"
        );
    }

    #[test]
    fn engines_of_one_file_system_share_what_is_free_there() {
        let engine = |rank: u32, control: &str, device: &str, available: u64| {
            let text = || String::new();
            let info = RankInfo {
                rank,
                engine: text(),
                control: control.to_owned(),
                fault_domain: text(),
                state: "joined".to_owned(),
                targets: Vec::new(),
                trouble: text(),
            };
            (info, EngineStorage { device: device.to_owned(), available, ..storage() })
        };
        // 300 bytes are promised to the pools of each.
        let large = |units: u64| units << 20;
        let all = [
            engine(0, "a:1", "x", large(900) + 600),
            engine(1, "a:2", "x", large(901)),
            engine(2, "a:3", "y", large(800) + 300),
            engine(3, "b:1", "x", large(700) + 300),
        ];
        let room = |ranks: &[u32]| room_on_each(&all, |rank| ranks.contains(&rank));
        let largest = |units: u64| largest_pool(large(units), 2);
        assert_eq!((room(&[0, 1, 2, 3]), room(&[0])), (largest(450), largest(900)));
        assert_eq!((room(&[2, 3]), room(&[2])), (largest(700), largest(800)));
        assert_eq!((room(&[]), room_on_each(&[], |_| true)), (0, 0));
    }

    #[test]
    fn the_object_has_upstreams_places_for_both_tiers() {
        let info = RankInfo {
            rank: 3,
            engine: "e".to_owned(),
            control: "a:1".to_owned(),
            fault_domain: String::new(),
            state: "joined".to_owned(),
            targets: Vec::new(),
            trouble: String::new(),
        };
        let value = storage_json(&info, &storage());
        let mount = &value["scm_namespaces"][0]["mount"];
        assert_eq!(
            (&mount["total_bytes"], &mount["avail_bytes"], &mount["rank"]),
            (&json!(600), &json!(500), &json!(3))
        );
        let device = &value["nvme_devices"][0]["smd_devices"][0];
        assert_eq!((&device["total_bytes"], &device["tgt_ids"]), (&json!(800), &json!([0, 1])));
        let stopped = EngineStorage { unknown: Some(Code::Shutdown.into()), ..storage() };
        let value = storage_json(&info, &stopped);
        let tiers = [&value["scm_namespaces"][0]["mount"], &value["nvme_devices"][0]["smd_devices"]];
        assert_eq!((tiers, &value["engine"]["pools"]), ([&Value::Null; 2], &Value::Null));
        assert_eq!((&value["engine"]["total_bytes"], &value["engine"]["rank"]), (&json!(1000), &json!(3)));
    }
}
