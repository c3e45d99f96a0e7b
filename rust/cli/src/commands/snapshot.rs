//! Snapshots of containers.

use crate::arguments::{ContainerOf, SnapshotOf};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, table};
use crate::session::{Session, with_container};
use crate::units::{count, moment};
use daos_client::{Client, Container, Snapshot};
use daos_status::Code;
use daos_types::Epoch;
use serde_json::{Value, json};

/// What a person reads of an epoch: upstream prints it so, and takes it back.
fn word(epoch: Epoch) -> String {
    format!("{:#x}", epoch.0)
}

fn as_json(epoch: Epoch, name: &str) -> Value {
    let mut value = json!({ "epoch": epoch.0, "timestamp": moment(epoch.0) });
    if !name.is_empty() {
        value["name"] = json!(name);
    }
    value
}

/// Makes one.
pub fn create(session: &Session, of: ContainerOf, name: Option<String>) -> Result<Reply> {
    let name = name.unwrap_or_default();
    let doing = format!("make a snapshot of container '{}' of pool '{}'", of.container, of.pool);
    let asked = name.clone();
    let made = session.run(move |client| async move {
        with_container(&client, (&of.pool, &of.container), true, async |container| {
            Ok(container.create_snapshot(&client, &asked, 0).await?)
        })
        .await
    });
    let epoch = made.map_err(|error| error.doing(doing))?;
    let text = format!("snapshot/epoch {} has been created (timestamp: {})", word(epoch), moment(epoch.0));
    Ok(Reply::new(text, as_json(epoch, &name)))
}

/// Lists all.
pub fn list(session: &Session, of: ContainerOf) -> Result<Reply> {
    let doing = format!("list the snapshots of container '{}' of pool '{}'", of.container, of.pool);
    let found = session.run(move |client| async move {
        with_container(&client, (&of.pool, &of.container), false, async |container| {
            Ok(container.snapshots(&client).await?)
        })
        .await
    });
    let found: Vec<Snapshot> = found.map_err(|error| error.doing(doing))?;
    let json = found.iter().map(|snapshot| as_json(snapshot.epoch, &snapshot.name)).collect();
    if found.is_empty() {
        return Ok(Reply::new("No snapshots.", json));
    }
    let row = |snapshot: &Snapshot| vec![moment(snapshot.epoch.0), word(snapshot.epoch), snapshot.name.clone()];
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    Ok(Reply::new(table(&["Timestamp", "Epoch", "Name"], &rows), json))
}

/// The epoch that is meant.
async fn epoch_of(client: &Client, container: &Container, name: Option<&str>, epoch: Option<Epoch>) -> Result<Epoch> {
    match (name, epoch) {
        (Some(name), None) => Ok(container.snapshot_named(client, name).await?.epoch),
        (None, Some(epoch)) => Ok(epoch),
        _ => Err(Failure::new(Code::Inval, "name the snapshot with --snap, or give its epoch with --epc")),
    }
}

/// Destroys one, or those of a range.
pub fn destroy(session: &Session, snapshot: SnapshotOf, range: Option<(Epoch, Epoch)>) -> Result<Reply> {
    let SnapshotOf { of, name, epoch } = snapshot;
    let doing = format!("destroy snapshots of container '{}' of pool '{}'", of.container, of.pool);
    let what = format!("container '{}' of pool '{}'", of.container, of.pool);
    if name.is_none() && epoch.is_none() && range.is_none() {
        let sentence = "name the snapshot with --snap, or give its epoch with --epc, or several with --epcrange";
        return Err(Failure::new(Code::Inval, sentence).doing(doing));
    }
    let done = session.run(move |client| async move {
        with_container(&client, (&of.pool, &of.container), true, async |container| {
            let (first, last) = match range {
                Some(range) => range,
                None => {
                    let epoch = epoch_of(&client, container, name.as_deref(), epoch).await?;
                    (epoch, epoch)
                }
            };
            Ok(container.destroy_snapshots(&client, first, last).await?)
        })
        .await
    });
    let destroyed = done.map_err(|error| error.doing(doing))?;
    Ok(Reply::new(format!("{} of {what} destroyed", count(u64::from(destroyed), "snapshot")), Value::Null))
}

/// Brings a container back to its newest snapshot.
pub fn roll_back(session: &Session, snapshot: SnapshotOf) -> Result<Reply> {
    let SnapshotOf { of, name, epoch } = snapshot;
    let doing = format!("roll back container '{}' of pool '{}'", of.container, of.pool);
    let what = format!("container '{}' of pool '{}'", of.container, of.pool);
    let done = session.run(move |client| async move {
        with_container(&client, (&of.pool, &of.container), true, async |container| {
            let epoch = epoch_of(&client, container, name.as_deref(), epoch).await?;
            container.roll_back(&client, epoch).await?;
            Ok(epoch)
        })
        .await
    });
    let epoch = done.map_err(|error| error.doing(doing))?;
    Ok(Reply::new(format!("{what} is back at snapshot {}", word(epoch)), Value::Null))
}
