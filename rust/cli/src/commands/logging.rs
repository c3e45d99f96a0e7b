//! `server set-logmasks`: what running engines write to their logs.

use super::engines;
use crate::arguments::{GlobalOptions, LogMaskOptions};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, notice};
use crate::session::Session;
use daos_server::{LOG_AREAS, LogMask};
use daos_status::Code;
use serde_json::{Map, Value, json};

/// Changes the masks of the engines that are meant.
pub fn set_masks(session: &Session, global: &GlobalOptions, options: &LogMaskOptions) -> Result<Reply> {
    let doing = "set log masks";
    let wanted = options.masks.as_deref().map(LogMask::parse).transpose();
    let wanted = wanted.map_err(|status| Failure::from(status).doing(doing))?;
    if !session.uses_system() {
        let sentence = "a local engine writes everything to its log, which 'daos local status' names; name a system by -l HOST[:PORT]";
        return Err(Failure::new(Code::Notsupported, sentence).doing(doing));
    }
    for text in without_effect(options, wanted.as_ref()) {
        notice("dmg", &text);
    }
    // As it was given: what it means may take more bytes than a mask may have.
    let mask = options.masks.clone();
    let answers = engines::ask(session, global, &options.engines, move |client, ranks| async move {
        client.engines_set_log_mask(ranks, mask).await
    });
    let answers = answers.map_err(|error| error.doing(doing))?;
    let places: Vec<&str> = answers.found.iter().map(|(info, _)| info.control.as_str()).collect();
    let masks: Vec<Value> =
        answers.found.iter().map(|(info, masks)| json!({ "rank": info.rank, "masks": masks })).collect();
    let (text, sets) = match places.len() {
        0 => (String::new(), Map::new()),
        number => {
            let plural = if number == 1 { "" } else { "s" };
            let places = places.join(",");
            let text = format!("Engine log-masks updated successfully on the following host{plural}: {places}");
            let storage: Map<String, Value> = NOTHING.map(|name| (name.to_owned(), Value::Null)).into_iter().collect();
            let set = json!({ "storage": storage, "hosts": places });
            (text, Map::from_iter([("0".to_owned(), set)]))
        }
    };
    let json = json!({ "host_errors": answers.host_errors(), "HostStorage": sets, "log_masks": masks });
    Ok(answers.reply(text, json, doing))
}

/// What upstream's answer has room for, and says nothing of.
const NOTHING: [&str; 6] =
    ["nvme_devices", "scm_modules", "scm_namespaces", "scm_mount_points", "smd_info", "mem_info"];

/// What of the words changes nothing.
fn without_effect(options: &LogMaskOptions, mask: Option<&LogMask>) -> Vec<String> {
    let mut texts = Vec::new();
    if options.streams.is_some() || options.subsystems.is_some() {
        texts
            .push("--streams and --subsystems have no effect: areas of --masks choose, as in ERR,rpc=DEBUG".to_owned());
    }
    let unknown = mask.map(LogMask::unknown_areas).unwrap_or_default();
    if !unknown.is_empty() {
        let (unknown, areas) = (unknown.join(", "), LOG_AREAS.join(", "));
        texts.push(format!("no log line is of {unknown}; the areas are {areas}"));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_effect_are_said_to_have_none() {
        let options = |streams: Option<&str>| LogMaskOptions {
            engines: crate::arguments::EnginesOptions::default(),
            masks: None,
            streams: streams.map(str::to_owned),
            subsystems: None,
        };
        let mask = |text: &str| LogMask::parse(text).expect("valid");
        assert!(without_effect(&options(None), Some(&mask("ERR,rpc=DEBUG"))).is_empty());
        let texts = without_effect(&options(Some("md")), Some(&mask("ERR,mem=DEBUG,object=DEBUG")));
        assert!(texts.len() == 2 && texts[1].starts_with("no log line is of mem, object; "), "{texts:?}");
    }
}
