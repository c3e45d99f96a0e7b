//! What each engine of a system is asked or told by itself, and what came of that.

use crate::arguments::{EnginesOptions, GlobalOptions};
use crate::failure::{Failure, Result};
use crate::hosts::{Finder, hosts, split};
use crate::reply::Reply;
use crate::session::Session;
use crate::units::count;
use daos_client::{Client, EngineAnswers, RankInfo};
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
    let (chosen, nowhere) = choose(all, global, options)?;
    let mut answers = Answers { found: Vec::new(), errors: Vec::new(), asked: chosen.len() + nowhere.len() };
    for place in nowhere {
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

/// The engines that are meant, and the hosts at which there is none.
fn choose(
    mut all: Vec<RankInfo>,
    global: &GlobalOptions,
    options: &EnginesOptions,
) -> Result<(Vec<RankInfo>, Vec<String>)> {
    if let Some(ranks) = &options.ranks {
        if let Some(unknown) = ranks.0.iter().find(|rank| !all.iter().any(|info| info.rank == **rank)) {
            let sentence = format!("the system has no rank {unknown}; 'dmg system query' shows its ranks");
            return Err(Failure::new(Code::Nonexist, sentence));
        }
        all.retain(|info| ranks.0.contains(&info.rank));
        return Ok((all, Vec::new()));
    }
    let Some(list) = &global.host_list else { return Ok((all, Vec::new())) };
    let named = hosts(list).map_err(|sentence| Failure::new(Code::Inval, sentence))?.0;
    let mut finder = Finder::default();
    let mut is_meant = vec![false; all.len()];
    let mut nowhere = Vec::new();
    for host in named {
        let before = nowhere.len();
        nowhere.push(host.clone());
        for (info, is_meant) in all.iter().zip(&mut is_meant) {
            if finder.is_at(&host, &info.control) {
                *is_meant = true;
                nowhere.truncate(before);
            }
        }
    }
    let mut is_meant = is_meant.into_iter();
    all.retain(|_| is_meant.next().unwrap_or(false));
    Ok((all, nowhere))
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
    split(control).0.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Ranks;

    fn engine(rank: u32) -> RankInfo {
        let control = format!("127.0.0.{}:{}", 1 + rank / 2, 10001 + rank % 2);
        let (engine, fault_domain, state, trouble) = (String::new(), String::new(), "joined".to_owned(), String::new());
        RankInfo { rank, engine, control, fault_domain, state, targets: Vec::new(), trouble }
    }

    #[test]
    fn engines_are_meant_by_their_rank_or_by_where_they_are() {
        let chosen = |list: Option<&str>, ranks: Option<Vec<u32>>| {
            let global = GlobalOptions { host_list: list.map(str::to_owned), ..GlobalOptions::default() };
            let (chosen, nowhere) =
                choose((0..6).map(engine).collect(), &global, &EnginesOptions { ranks: ranks.map(Ranks) })
                    .map_err(|failure| failure.code())?;
            Ok((chosen.iter().map(|info| info.rank).collect::<Vec<_>>(), nowhere.join(" ")))
        };
        let all = |ranks: &[u32], nowhere: &str| Ok((ranks.to_vec(), nowhere.to_owned()));
        assert_eq!(chosen(None, None), all(&[0, 1, 2, 3, 4, 5], ""));
        assert_eq!(chosen(Some("127.0.0.2"), None), all(&[2, 3], ""));
        assert_eq!(chosen(Some("127.0.0.[1-2]:10002,127.0.0.9"), None), all(&[1, 3], "127.0.0.9"));
        assert_eq!(
            chosen(Some("127.0.0.1"), Some(vec![5])),
            all(&[5], ""),
            "the list then only says where the system is"
        );
        assert_eq!(chosen(None, Some(vec![6])), Err(Code::Nonexist));
    }

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
