//! What each engine of a system is asked or told by itself, and what came of that.

use super::chosen::Chosen;
use crate::arguments::{EnginesOptions, GlobalOptions};
use crate::failure::{Failure, Result};
use crate::hosts::hosts;
use crate::reply::Reply;
use crate::session::Session;
use crate::units::count;
use daos_client::{Client, EngineAnswers, RankInfo, host_and_port};
use daos_status::Code;
use serde_json::{Map, Value, json};

/// What engines answered.
pub struct Answers<T> {
    /// Of those that did.
    pub found: Vec<(RankInfo, T)>,
    /// Why others did not: the sentence without the place, and the places.
    errors: Vec<(Failure, Vec<String>)>,
    asked: usize,
}

/// Asks the engines that are meant.
pub fn ask<T, F>(
    session: &Session,
    global: &GlobalOptions,
    options: &EnginesOptions,
    work: impl FnOnce(Client, Vec<RankInfo>) -> F + Send + 'static,
) -> Result<Answers<T>>
where
    T: Send + 'static,
    F: Future<Output = daos_status::Result<EngineAnswers<T>>> + 'static,
{
    let all = session.run(|client| async move { Ok(client.system_ranks().await?) })?;
    let named = match (&options.ranks, &global.host_list) {
        (None, Some(list)) => Some(hosts(list).map_err(|sentence| Failure::new(Code::Inval, sentence))?),
        // The list then only says where the system is.
        _ => None,
    };
    let chosen = Chosen::of(all, options.ranks.as_ref(), named.as_ref());
    if let Some(failure) = chosen.failure().filter(|_| !chosen.absent_ranks.is_empty()) {
        return Err(failure);
    }
    let Chosen { ranks: chosen, absent_hosts, .. } = chosen;
    let mut answers = Answers { found: Vec::new(), errors: Vec::new(), asked: chosen.len() + absent_hosts.len() };
    for place in absent_hosts {
        let sentence = format!(
            "no engine of system '{}' is there; 'dmg system query --verbose' without --host-list shows where they are",
            session.system_name()
        );
        answers.note(place, Failure::new(Code::Nonexist, sentence));
    }
    for (info, answer) in session.run(|client| async move { Ok(work(client, chosen).await?) })? {
        match answer {
            Ok(value) => answers.found.push((info, value)),
            Err(status) => answers.note(info.control, status.into()),
        }
    }
    Ok(answers)
}

impl<T> Answers<T> {
    /// Of a local engine, which was asked otherwise.
    pub fn of_local(answer: (RankInfo, T)) -> Answers<T> {
        Answers { found: vec![answer], errors: Vec::new(), asked: 1 }
    }

    fn note(&mut self, place: String, failure: Failure) {
        match self.errors.iter_mut().find(|(known, _)| *known == failure) {
            Some((_, places)) => places.push(place),
            None => self.errors.push((failure, vec![place])),
        }
    }

    /// Upstream's map of sentences to hosts.
    pub fn host_errors(&self) -> Value {
        let each = self.errors.iter().map(|(failure, places)| (failure.to_string(), json!(places.join(","))));
        Value::Object(each.collect::<Map<_, _>>())
    }

    /// The reply, which fails when an engine did.
    pub fn reply(&self, text: impl Into<String>, json: Value, doing: &str) -> Reply {
        let reply = Reply::new(text, json);
        let Some((first, _)) = self.errors.first() else { return reply };
        let failed: usize = self.errors.iter().map(|(_, places)| places.len()).sum();
        let each = self.errors.iter().map(|(failure, places)| format!("{}: {}", places.join(", "), failure.sentence()));
        let each = each.collect::<Vec<_>>().join("; ");
        let sentence = format!("{failed} of {} failed: {each}", count(self.asked as u64, "engine"));
        reply.with_failure(Failure::new(first.code(), sentence).doing(doing))
    }
}

/// The host of a control port, without the port.
pub fn host(control: &str) -> String {
    host_and_port(control).0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::chosen::tests::engine;

    #[test]
    fn what_fails_alike_is_said_once() {
        let mut answers = Answers { found: vec![(engine(0), ())], errors: Vec::new(), asked: 4 };
        assert!(answers.reply("x", Value::Null, "do it").failure.is_none());
        for (place, code) in [("a:1", Code::Unreach), ("b:1", Code::Nosys), ("c:1", Code::Unreach)] {
            answers.note(place.to_owned(), Failure::new(code, "why; what to do"));
        }
        assert_eq!(answers.host_errors()["why; what to do (DER_UNREACH)"], "a:1,c:1");
        let failure = answers.reply("x", Value::Null, "do it").failure.expect("three failed");
        let sentence =
            "cannot do it: 3 of 4 engines failed: a:1, c:1: why; what to do; b:1: why; what to do (DER_UNREACH)";
        assert_eq!(failure.to_string(), sentence);
    }
}
