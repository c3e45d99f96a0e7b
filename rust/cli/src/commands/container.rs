//! `container` commands.

use super::access::{self, Of};
use super::attributes::{self, Owner};
use super::pool::{Property, properties_reply};
use super::pool_create::label_of;
use super::{container_link, object, posix, snapshot};
use crate::arguments::{CONTAINER_TYPES, ContainerCommand, ContainerCreateOptions, ContainerOf, GlobalOptions};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, list, table};
use crate::session::{Session, with_container, with_pool};
use crate::units::{count, moment, parse_size, size};
use daos_checksum::ChecksumKind;
use daos_client::{
    Client, Container, ContainerFlags, ContainerInfo, ContainerProperties, ContainerType, Pool, PoolFlags, change_owner,
};
use daos_dfs::Attributes;
use daos_security::Ownership;
use daos_status::Code;
use daos_types::{ObjectClass, PoolId, Reference};
use serde_json::{Value, json};

/// Runs a command.
pub fn run(session: &Session, global: &GlobalOptions, command: ContainerCommand) -> Result<Reply> {
    let owner = |of: ContainerOf| Owner::Container(of.pool, of.container);
    match command {
        ContainerCommand::Create(options) => create(session, options),
        ContainerCommand::Link(arguments) => container_link::link(session, arguments),
        ContainerCommand::List { pool } => list_containers(session, pool),
        ContainerCommand::Query(of) => query(session, of),
        ContainerCommand::Destroy { of, force } => container_link::destroy(session, of, force),
        ContainerCommand::GetAcl { of, output } => access::get(session, Of::Container(of), &output, global.verbose),
        ContainerCommand::OverwriteAcl { of, list } => access::overwrite(session, Of::Container(of), &list),
        ContainerCommand::UpdateAcl { of, list } => access::update(session, Of::Container(of), &list),
        ContainerCommand::DeleteAcl { of, principal } => {
            access::delete(session, Of::Container(of), &principal.principal)
        }
        ContainerCommand::SetOwner(asked) => access::set_owner(session, Of::Container(asked.of), &asked.owner),
        ContainerCommand::GetProp { of, names, names_option } => {
            get_properties(session, of, &[names, names_option].concat())
        }
        ContainerCommand::SetProp { of, properties } => set_properties(session, of, &properties),
        ContainerCommand::SetAttr { of, attribute } => attributes::set(session, owner(of), attribute),
        ContainerCommand::GetAttr { of, names } => attributes::get(session, owner(of), names),
        ContainerCommand::ListAttr(of) => attributes::list_names(session, owner(of), global.verbose),
        ContainerCommand::DelAttr { of, names } => attributes::delete(session, owner(of), names),
        ContainerCommand::CreateSnap { of, name } => snapshot::create(session, of, name),
        ContainerCommand::ListObjects { of, epoch } => object::list_all(session, of, epoch),
        ContainerCommand::ListSnap(of) => snapshot::list(session, of),
        ContainerCommand::DestroySnap { snapshot, range } => snapshot::destroy(session, snapshot, range),
        ContainerCommand::Rollback(snapshot) => snapshot::roll_back(session, snapshot),
    }
}

/// What is known of a container, for a person and for a program.
struct Description {
    pool: PoolId,
    info: ContainerInfo,
    layout: Option<Attributes>,
}

async fn describe(client: &Client, container: &Container) -> Result<Description> {
    let info = container.query(client).await?;
    let layout = match info.properties.kind {
        ContainerType::POSIX => posix::layout(client, container).await?,
        _ => None,
    };
    Ok(Description { pool: container.pool().id(), info, layout })
}

fn type_word(kind: ContainerType) -> &'static str {
    CONTAINER_TYPES.get(usize::from(kind.0)).copied().unwrap_or("unknown")
}

/// An object class, or that the system chooses.
fn class_word(class: ObjectClass) -> String {
    if class == ObjectClass::UNKNOWN { "UNKNOWN".to_owned() } else { class.to_string() }
}

impl Description {
    fn json(&self) -> Value {
        let info = &self.info;
        let mut value = json!({
            "pool_uuid": self.pool.to_string(),
            "container_uuid": info.id.to_string(),
            "container_label": info.properties.label,
            "container_type": type_word(info.properties.kind),
            "redundancy_factor": 0,
            "num_handles": info.handles,
            "num_snapshots": info.snapshots,
            "latest_snapshot": info.newest_snapshot.0,
            "open_time": moment(info.open_time),
            "close_modify_time": moment(info.modify_time),
            "health": "HEALTHY",
        });
        if let Some(layout) = &self.layout {
            value["object_class"] = json!(class_word(layout.class));
            value["dir_object_class"] = json!(class_word(layout.directory_class));
            value["file_object_class"] = json!(class_word(layout.file_class));
            value["chunk_size"] = json!(layout.chunk_size);
        }
        value
    }

    fn text(&self) -> String {
        let info = &self.info;
        let label = if info.properties.label.is_empty() { "(none)" } else { &info.properties.label };
        let mut lines = vec![
            ("Container", label.to_owned()),
            ("UUID", info.id.to_string()),
            ("Pool UUID", self.pool.to_string()),
            ("Type", type_word(info.properties.kind).to_owned()),
            ("Other open handles", info.handles.saturating_sub(1).to_string()),
            ("Snapshots", info.snapshots.to_string()),
            ("Opened", moment(info.open_time)),
            ("Modified", moment(info.modify_time)),
        ];
        if let Some(layout) = &self.layout {
            lines.push(("Chunk size", size_exactly(layout.chunk_size)));
            lines.push(("Class of directories", class_word(layout.directory_class)));
            lines.push(("Class of files", class_word(layout.file_class)));
        }
        list(&lines)
    }
}

/// A size that is often a power of two, in bytes as well.
fn size_exactly(bytes: u64) -> String {
    format!("{bytes} bytes ({})", size(bytes))
}

fn check_options(options: &ContainerCreateOptions) -> Result<()> {
    let for_files = options.chunk_size.is_some()
        || options.oclass.is_some()
        || options.dir_oclass.is_some()
        || options.file_oclass.is_some();
    if for_files && options.kind != Some(ContainerType::POSIX) {
        let sentence = "chunk size and object classes are defaults of files; give --type POSIX with them";
        return Err(Failure::new(Code::Inval, sentence));
    }
    Ok(())
}

async fn create_and_open(client: &Client, pool: &Pool, properties: ContainerProperties) -> Result<Container> {
    let id = Container::create(client, pool, None, properties).await?;
    Ok(Container::open(client, pool, &Reference::Id(id.0), ContainerFlags::READ_ONLY).await?)
}

fn create(session: &Session, options: ContainerCreateOptions) -> Result<Reply> {
    let pool = options.pool.clone();
    let given = options.label.as_ref().or(options.label_option.as_ref());
    let doing = match given {
        Some(label) => format!("create container '{label}' in pool '{pool}'"),
        None => format!("create a container in pool '{pool}'"),
    };
    check_options(&options).map_err(|error| error.doing(&doing))?;
    let attributes = Attributes {
        chunk_size: options.chunk_size.unwrap_or_default(),
        class: options.oclass.unwrap_or_default(),
        directory_class: options.dir_oclass.unwrap_or_default(),
        file_class: options.file_oclass.unwrap_or_default(),
        ..Attributes::default()
    };
    let numbers = numbers_of(&options.properties).map_err(|error| error.doing(&doing))?;
    let labels: Vec<_> = options.properties.iter().filter(|(name, _)| name == "label").cloned().collect();
    let label = label_of(options.label, options.label_option, &labels);
    let label = label.map_err(|error| error.doing(&doing))?.unwrap_or_default();
    let access = access::chosen(options.user, options.group, options.acl_file.as_deref());
    let mut access = access.map_err(|error| error.doing(&doing))?;
    // Given away when it is complete: before, only its owner could write to it.
    let owner = std::mem::take(&mut access.owner);
    let kind = options.kind.unwrap_or_default();
    let properties = ContainerProperties { label, kind, numbers, access, ..ContainerProperties::default() };
    let prepared = container_link::Prepared::new(options.link.as_deref(), kind);
    let prepared = prepared.map_err(|error| error.doing(&doing))?;
    let created = session.run(move |client| async move {
        with_pool(&client, &pool, PoolFlags::READ_WRITE, async |pool| {
            let container = match kind {
                ContainerType::POSIX => posix::create(&client, pool, properties, attributes).await?,
                _ => create_and_open(&client, pool, properties).await?,
            };
            let description = describe(&client, &container).await?;
            container.close(&client).await?;
            if owner != Ownership::default() {
                let reference = Reference::Id(description.info.id.0);
                let container = Container::open(&client, pool, &reference, ContainerFlags::READ_WRITE).await?;
                container.change_access(&client, change_owner(&owner.user, &owner.group)).await?;
                container.close(&client).await?;
            }
            Ok(description)
        })
        .await
    });
    let created = created
        .map_err(|error| error.doing(&doing).remedy(Code::Exist, "choose another label, or destroy that one"))?;
    prepared.tie(session, created.pool, created.info.id).map_err(|error| error.doing(&doing))?;
    let name = if created.info.properties.label.is_empty() {
        created.info.id.to_string()
    } else {
        created.info.properties.label.clone()
    };
    let text = format!("Container {name} created\nUUID: {}", created.info.id);
    Ok(Reply::new(text, created.json()))
}

/// The containers of a pool.
pub fn list_containers(session: &Session, pool: String) -> Result<Reply> {
    let doing = format!("list the containers of pool '{pool}'");
    let empty = format!("There are no containers; 'daos container create {pool} LABEL' creates one.");
    let found = session.run(move |client| async move {
        with_pool(&client, &pool, PoolFlags::READ_ONLY, async |pool| Ok(pool.list_containers(&client).await?)).await
    });
    let mut containers = found.map_err(|error| error.doing(doing))?;
    containers.sort_by(|one, other| (&one.label, one.id).cmp(&(&other.label, other.id)));
    let json = containers
        .iter()
        .map(|container| json!({ "uuid": container.id.to_string(), "label": container.label }))
        .collect();
    if containers.is_empty() {
        return Ok(Reply::new(empty, json));
    }
    let rows: Vec<Vec<String>> =
        containers.into_iter().map(|container| vec![container.id.to_string(), container.label]).collect();
    Ok(Reply::new(table(&["UUID", "Label"], &rows), json))
}

fn query(session: &Session, of: ContainerOf) -> Result<Reply> {
    let doing = format!("query container '{}' of pool '{}'", of.container, of.pool);
    let found = session.run(move |client| async move {
        with_container(&client, (&of.pool, &of.container), false, async |container| describe(&client, container).await)
            .await
    });
    let found = found.map_err(|error| error.doing(doing))?;
    Ok(Reply::new(found.text(), found.json()))
}

/// Properties that are numbers: upstream's name, what it means, and its type (`DAOS_PROP_CO_*`).
const NUMBERS: &[(&str, &str, u32)] = &[
    ("layout_version", "Layout version", 0x1003),
    ("cksum", "Checksum", 0x1004),
    ("cksum_size", "Checksum chunk size", 0x1005),
    ("srv_cksum", "Server checksumming", 0x1006),
    ("rd_fac", "Redundancy factor", 0x1007),
    ("rd_lvl", "Redundancy level", 0x1008),
    ("compression", "Compression", 0x100b),
    ("encryption", "Encryption", 0x100c),
    ("dedup", "Deduplication", 0x100f),
    ("dedup_threshold", "Deduplication threshold", 0x1010),
    ("max_snapshot", "Max snapshot", 0x1009),
    ("scrubber_disabled", "Scrubber disabled", 0x1018),
    ("status", "Health", 0x1012),
    ("alloc_oid", "Highest allocated object id", 0x1013),
    ("ec_cell_sz", "Erasure code cell size", 0x1014),
    ("ec_pda", "Performance domain affinity of erasure codes", 0x1015),
    ("rp_pda", "Performance domain affinity of replicas", 0x1016),
    ("global_version", "Global version", 0x1017),
    ("obj_version", "Object layout version", 0x1019),
    ("perf_domain", "Performance domain", 0x101a),
];
/// Names that are also taken for a property.
const ALIASES: &[(&str, &str)] = &[("csum", "cksum"), ("csum_size", "cksum_size"), ("csum_server_verify", "srv_cksum")];

fn properties_of(properties: &ContainerProperties) -> Vec<Property> {
    let layout = format!("{} ({})", type_word(properties.kind), properties.kind.0);
    let mut found = vec![("label", "Label", json!(properties.label)), ("layout_type", "Layout type", json!(layout))];
    for (name, meaning, kind) in NUMBERS {
        if let Some((_, number)) = properties.numbers.iter().find(|(known, _)| known == kind) {
            found.push((*name, *meaning, shown(name, *number)));
        }
    }
    let owner = &properties.access.owner;
    for (name, meaning, text) in [("owner", "Owner", &owner.user), ("group", "Group", &owner.group)] {
        if !text.is_empty() {
            found.push((name, meaning, json!(text)));
        }
    }
    found
}

/// A number as upstream's tools show it.
fn shown(name: &str, number: u64) -> Value {
    match name {
        "cksum" => ChecksumKind::from_number(number).map_or(json!(number), |kind| json!(kind.name())),
        "srv_cksum" => json!(if number == 0 { "off" } else { "on" }),
        _ => json!(number),
    }
}

/// The properties that a container can be created with, the label apart.
fn numbers_of(properties: &[(String, String)]) -> Result<Vec<(u32, u64)>> {
    let given = properties.iter().filter(|(name, _)| name != "label");
    given.map(|(name, value)| number_of(name, value)).collect()
}

fn number_of(name: &str, value: &str) -> Result<(u32, u64)> {
    let known = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, known)| *known);
    let number = match known {
        "cksum" => ChecksumKind::from_name(value).map(|kind| u64::from(kind.number())).ok_or_else(|| {
            let names = ChecksumKind::ALL.map(ChecksumKind::name).join(", ");
            format!("'{value}' is no checksum; there are {names}")
        }),
        "cksum_size" => parse_size(value),
        "srv_cksum" => match value {
            "on" => Ok(1),
            "off" => Ok(0),
            _ => Err(format!("'{value}' is neither 'on' nor 'off'")),
        },
        "ec_cell_sz" | "dedup_threshold" => parse_size(value),
        _ if NUMBERS.iter().any(|(other, ..)| *other == known) => {
            value.parse().map_err(|_| format!("'{value}' is no number"))
        }
        _ => {
            let names: Vec<&str> = NUMBERS.iter().map(|(name, ..)| *name).collect();
            let sentence = format!("there is no property '{name}'; there are label, {}", names.join(", "));
            return Err(Failure::new(Code::Notsupported, sentence));
        }
    };
    let number = number.map_err(|sentence| Failure::new(Code::Inval, format!("property '{name}': {sentence}")))?;
    let kind = NUMBERS.iter().find(|(other, ..)| *other == known).map_or(0, |(_, _, kind)| *kind);
    Ok((kind, number))
}

fn get_properties(session: &Session, of: ContainerOf, names: &[String]) -> Result<Reply> {
    let doing = format!("show properties of container '{}' of pool '{}'", of.container, of.pool);
    let found = session.run(move |client| async move {
        with_container(&client, (&of.pool, &of.container), false, async |container| {
            Ok(container.query(&client).await?.properties)
        })
        .await
    });
    let properties = found.map_err(|error| error.doing(&doing))?;
    properties_reply(properties_of(&properties), names).map_err(|error| error.doing(doing))
}

fn set_properties(session: &Session, of: ContainerOf, properties: &[(String, String)]) -> Result<Reply> {
    let doing = format!("set properties of container '{}' of pool '{}'", of.container, of.pool);
    let labels: Vec<_> = properties.iter().filter(|(name, _)| name == "label").cloned().collect();
    let label = label_of(None, None, &labels).map_err(|error| error.doing(&doing))?.unwrap_or_default();
    let numbers = numbers_of(properties).map_err(|error| error.doing(&doing))?;
    let text = format!("{} set", count(properties.len() as u64, "property"));
    let changes = ContainerProperties { label, numbers, ..ContainerProperties::default() };
    let done = session.run(move |client| async move {
        with_container(&client, (&of.pool, &of.container), true, async |container| {
            Ok(container.set_properties(&client, changes).await?)
        })
        .await
    });
    done.map_err(|error| error.doing(doing).remedy(Code::Exist, "choose another label"))?;
    Ok(Reply::new(text, Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_properties_have_upstreams_names() {
        let properties = ContainerProperties {
            access: daos_client::AccessInfo {
                owner: daos_security::Ownership { user: "ann@".to_owned(), group: String::new() },
                list: None,
            },
            label: "a".to_owned(),
            kind: ContainerType::POSIX,
            numbers: vec![(0x1007, 1), (0xffff, 2)],
            texts: vec![],
        };
        let names: Vec<&str> = properties_of(&properties).iter().map(|property| property.0).collect();
        assert_eq!(names, ["label", "layout_type", "rd_fac", "owner"]);
        assert_eq!(properties_of(&properties)[1].2, json!("POSIX (1)"));
    }

    #[test]
    fn checksums_are_chosen_by_upstreams_words() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let given = [pair("label", "a"), pair("csum", "crc32"), pair("csum_size", "64KiB"), pair("srv_cksum", "on")];
        let numbers = numbers_of(&given).expect("valid");
        assert_eq!(numbers, [(0x1004, 2), (0x1005, 65536), (0x1006, 1)]);
        let properties = ContainerProperties { numbers, ..ContainerProperties::default() };
        let shown: Vec<Value> = properties_of(&properties).into_iter().skip(2).map(|property| property.2).collect();
        assert_eq!(shown, [json!("crc32"), json!(65536), json!("on")]);
        assert_eq!(numbers_of(&[pair("cksum", "SHA512")]).expect("valid"), [(0x1004, 6)]);
        for (name, value) in [("csum", "md5"), ("csum_size", "x"), ("srv_cksum", "1"), ("dedup", "on")] {
            assert!(numbers_of(&[pair(name, value)]).is_err(), "{name}:{value}");
        }
    }

    #[test]
    fn unknown_types_have_a_word() {
        assert_eq!(type_word(ContainerType(3)), "PYTHON");
        assert_eq!(type_word(ContainerType(u16::MAX)), "unknown");
    }
}
