//! `system` commands.

use crate::arguments::SystemCommand;
use crate::failure::Result;
use crate::reply::{Reply, list};
use crate::session::Session;
use serde_json::json;

/// Runs a command.
pub fn run(session: &Session, command: &SystemCommand) -> Result<Reply> {
    match command {
        SystemCommand::Query => query(session),
    }
}

fn query(session: &Session) -> Result<Reply> {
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
