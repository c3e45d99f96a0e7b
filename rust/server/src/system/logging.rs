//! Changing what goes into the log while the engine runs.

use super::SystemEngine;
use super::door::{ConnectionId, Role};
use super::settings::SystemEngineSettings;
use crate::LogMask;
use crate::local::{Directory, LogFile, LogSwitch};
use daos_env::Env;
use daos_status::{Code, Result, fail};
use daos_wire::{ControlReply, EngineOf};
use std::sync::Arc;

/// Lets log lines go where the settings say; what is among them can be changed.
pub(super) fn begin(directory: &Directory, settings: &SystemEngineSettings, env: &Env) -> Result<Arc<LogSwitch>> {
    let log_file = settings.log_file.clone().unwrap_or_else(|| directory.log_file());
    let log = LogFile::open(log_file, env.clock.clone())?;
    let switch = Arc::new(LogSwitch::new(settings.log_mask.clone()));
    let asked = switch.clone();
    daos_env::set_log_sink(move |level, area, message| {
        if asked.admits(level, area) {
            log.write(level, area, message);
        }
    });
    Ok(switch)
}

impl SystemEngine {
    /// Takes another log mask, or the one that it was started with; answers with the one that counts now.
    pub(super) fn change_log(&mut self, id: ConnectionId, of: &EngineOf, wanted: Option<&str>) -> Result<()> {
        self.check_meant(of)?;
        let mask = match wanted {
            Some(text) => LogMask::parse(text)?,
            None => self.settings.log_mask.clone(),
        };
        let Some(log) = &self.log else {
            fail!(Code::Notsupported, "rank {} is simulated, and has no log of its own", of.rank.0);
        };
        let note = format!("{} sets the log mask to {mask}", self.door.from(id));
        // Said under both masks, so that it is in the log if either lets it through.
        if LogSwitch::new(mask.clone()).admits(daos_env::LogLevel::Info, "engine") {
            log.set(mask.clone());
            daos_env::log!(Info, "engine", "{note}");
        } else {
            daos_env::log!(Info, "engine", "{note}");
            log.set(mask.clone());
        }
        self.door.answer(id, &ControlReply::LogMask(mask.to_string()), Role::Stranger);
        Ok(())
    }
}
