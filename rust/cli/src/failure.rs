//! Errors of the tools: a sentence that says what failed, on what, and what to do.

use crate::interrupt::EXIT_INTERRUPTED;
use daos_status::{Code, Status};
use std::fmt;

/// The result of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Exit status of a command that failed.
const EXIT_FAILED: u8 = 1;

/// A command that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    status: Status,
    doing: String,
    remedy: Option<String>,
    interrupted: bool,
}

impl Failure {
    /// A failure with a sentence of its own, which names the object and the remedy.
    pub fn new(code: Code, sentence: impl Into<String>) -> Failure {
        Failure { status: Status::new(code, sentence.into()), doing: String::new(), remedy: None, interrupted: false }
    }

    /// An interrupted command, and what to do about it.
    pub fn interrupted(sentence: impl Into<String>) -> Failure {
        Failure { interrupted: true, ..Failure::new(Code::Canceled, sentence) }
    }

    /// Says what was being done, in the form "create pool 'tank'".
    #[must_use]
    pub fn doing(mut self, what: impl fmt::Display) -> Failure {
        if self.doing.is_empty() && !self.interrupted {
            self.doing = what.to_string();
        }
        self
    }

    /// Adds what to do when the error is of this kind.
    #[must_use]
    pub fn remedy(mut self, code: Code, what: impl fmt::Display) -> Failure {
        // A sentence of a lower layer that has its remedy already keeps it.
        if self.status.code() == code && self.remedy.is_none() && !self.status.context().contains("; ") {
            self.remedy = Some(what.to_string());
        }
        self
    }

    /// What failed and on what, without what was being done.
    pub fn sentence(&self) -> &str {
        self.status.context()
    }

    /// The kind of the error.
    pub fn code(&self) -> Code {
        self.status.code()
    }

    /// The number for programs: negative.
    pub fn number(&self) -> i32 {
        self.status.to_der()
    }

    /// Exit status of the process.
    pub fn exit_status(&self) -> u8 {
        if self.interrupted { EXIT_INTERRUPTED } else { EXIT_FAILED }
    }

    /// The remedy that goes with an error of this kind wherever it appears.
    fn general_remedy(&self) -> Option<&'static str> {
        if self.status.context().contains("; ") {
            return None;
        }
        match self.status.code() {
            Code::Nospace => Some("delete something, or use a larger pool or file system"),
            Code::Timedout | Code::Unreach | Code::Noreply => Some(
                "run the command again; 'daos local status' shows a local engine and its log, 'dmg system query' the engines of a system",
            ),
            Code::Busy => Some("try again when it is not in use"),
            Code::Csum | Code::DfInval => Some("restore it from a copy"),
            Code::DfIncompt => Some("use the release that wrote it"),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.doing.is_empty() {
            write!(f, "cannot {}: ", self.doing)?;
        }
        match self.status.context() {
            "" => f.write_str(self.status.code().text())?,
            context => f.write_str(without_repetition(context, &self.doing))?,
        }
        if let Some(remedy) = self.remedy.as_deref().or_else(|| self.general_remedy()) {
            write!(f, "; {remedy}")?;
        }
        write!(f, " ({})", self.status.code().name())
    }
}

/// The context without clauses such as "opening container 'a': " in front, where what follows or what was being done names
/// the same thing: each layer puts its own in front, which helps in a log and tires in a sentence.
fn without_repetition<'a>(context: &'a str, doing: &str) -> &'a str {
    let mut rest = context;
    // Each round drops a clause, so this ends.
    while let Some((clause, after)) = rest.split_once(": ") {
        let is_doing = clause.split(' ').next().is_some_and(|word| word.ends_with("ing"));
        let name = clause.split('\'').nth(1);
        match name {
            Some(name) if is_doing && (after.contains(name) || doing.contains(name)) => rest = after,
            _ => break,
        }
    }
    rest
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure { status, doing: String::new(), remedy: None, interrupted: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_what_failed_on_what_and_what_to_do() {
        let failure = Failure::from(Status::new(Code::Nonexist, "there is no pool 'tank'"))
            .doing("query pool 'tank'")
            .doing("something wider")
            .remedy(Code::Exist, "not this")
            .remedy(Code::Nonexist, "'daos pool list' shows the pools")
            .remedy(Code::Nonexist, "not this either");
        let sentence =
            "cannot query pool 'tank': there is no pool 'tank'; 'daos pool list' shows the pools (DER_NONEXIST)";
        assert_eq!(failure.to_string(), sentence);
        assert_eq!((failure.number(), failure.exit_status()), (-1005, 1));
    }

    #[test]
    fn a_remedy_of_a_lower_layer_is_kept() {
        let failure = Failure::from(Status::new(Code::Busy, "pool 'a' is open; close it")).remedy(Code::Busy, "wait");
        assert_eq!(failure.to_string(), "pool 'a' is open; close it (DER_BUSY)");
    }

    #[test]
    fn what_is_named_already_is_not_named_again() {
        let sentence = |context: &'static str, doing: &str| {
            Failure::from(Status::new(Code::Exist, context)).doing(doing).to_string()
        };
        let taken = sentence("creating pool 'a': a pool with the label 'a' exists", "create pool 'a'");
        assert_eq!(taken, "cannot create pool 'a': a pool with the label 'a' exists (DER_EXIST)");
        let other = sentence("opening container 'b': it is damaged", "copy x to y");
        assert_eq!(other, "cannot copy x to y: opening container 'b': it is damaged (DER_EXIST)");
    }

    #[test]
    fn an_error_without_words_gets_those_of_its_number() {
        let failure = Failure::from(Status::from(Code::Nospace)).doing("write");
        assert!(failure.to_string().starts_with("cannot write: No space left on the storage target; delete something"));
    }
}
