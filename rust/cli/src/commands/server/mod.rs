//! `daos_server start`: the engines of a system on this machine.

mod settings;
mod supervise;
mod waiting;

use crate::arguments::{GlobalOptions, StartOptions};
use crate::configuration::TEMPLATE;
use crate::failure::{Failure, Result};
use crate::reply::Reply;
use crate::units::count;
use daos_server::{SystemEngine, SystemEngineSettings, SystemNews, SystemReady};
use serde_json::json;
use std::io::Write;
use waiting::Waiting;

/// Serves until it is told to stop: one engine in this process, several in processes of their own.
pub fn start(global: &GlobalOptions, options: &StartOptions) -> Result<Reply> {
    let mut engines = settings::of(options)?;
    match options.engine {
        Some(number) if number < engines.len() => serve(global, engines.swap_remove(number)),
        _ if engines.len() == 1 => serve(global, engines.swap_remove(0)),
        _ => supervise::run(engines.len()),
    }
}

fn serve(global: &GlobalOptions, settings: SystemEngineSettings) -> Result<Reply> {
    let doing = format!("serve {}", settings.directory.display());
    let as_json = global.json;
    let mut waiting = Waiting::default();
    let tell = move |news: SystemNews<'_>| match news {
        SystemNews::Ready(ready) => {
            waiting = Waiting::default();
            announce(ready, as_json);
        }
        SystemNews::Waits(why) => waiting.note(why),
    };
    SystemEngine::serve(settings, tell).map_err(|error| Failure::from(error).doing(doing))?;
    Ok(Reply::default())
}

/// One line, when the engine is ready: whoever started it waits for that.
fn announce(ready: &SystemReady, as_json: bool) {
    let SystemReady { system, rank, control, targets, provider } = ready;
    let line = if as_json {
        let value = json!({
            "system": system, "rank": rank.0, "control": control, "targets": targets, "provider": provider,
        });
        value.to_string()
    } else {
        let targets = count(*targets as u64, "target");
        format!("rank {} of system {system} is ready: control port {control}, {targets}, {provider}", rank.0)
    };
    let mut output = std::io::stdout().lock();
    // Who started it and does not read may be gone: the engine serves all the same.
    let _nobody = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// `daos_server config generate`.
pub fn generate() -> Reply {
    Reply::new(TEMPLATE, json!({ "config": TEMPLATE }))
}
