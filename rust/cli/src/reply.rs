//! What a command has to say: for people, and for programs.

use crate::failure::Failure;
use serde_json::{Value, json};
use std::io::{self, Write};

/// The result of a command in both forms.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reply {
    /// Lines for people, without the last line's end; empty for none.
    pub text: String,
    /// The response in the JSON object.
    pub json: Value,
    /// What failed of several things, some of which were done.
    pub failure: Option<Failure>,
}

impl Reply {
    /// A result with text and response.
    pub fn new(text: impl Into<String>, json: Value) -> Reply {
        Reply { text: text.into(), json, failure: None }
    }

    /// The same, and what failed beside it.
    #[must_use]
    pub fn with_failure(self, failure: Failure) -> Reply {
        Reply { failure: Some(failure), ..self }
    }
}

/// Writes the outcome of a command, and gives the exit status.
pub fn print(program: &str, as_json: bool, outcome: Result<Reply, Failure>) -> u8 {
    let (reply, failure) = match outcome {
        Ok(mut reply) => {
            let failure = reply.failure.take();
            (reply, failure)
        }
        Err(failure) => (Reply::default(), Some(failure)),
    };
    let written = match reply {
        reply if as_json => write_line(&object(reply.json, failure.as_ref()).to_string()),
        reply if reply.text.is_empty() => Ok(()),
        reply => write_line(reply.text.trim_end()),
    };
    if let Some(failure) = failure.as_ref().filter(|_| !as_json) {
        notice(program, &failure.to_string());
    }
    let status = failure.as_ref().map_or(0, Failure::exit_status);
    match written {
        Ok(()) => status,
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => status,
        Err(error) => {
            notice(program, &format!("cannot write to standard output: {error}"));
            status.max(1)
        }
    }
}

/// A line on standard error.
pub fn notice(program: &str, text: &str) {
    // Nothing is left to be done when standard error is closed: the exit status tells.
    let _ignored = writeln!(io::stderr(), "{program}: {text}");
}

fn write_line(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// The object that programs read.
fn object(response: Value, failure: Option<&Failure>) -> Value {
    let (error, status) = (failure.map(Failure::to_string), failure.map_or(0, Failure::number));
    json!({ "response": response, "error": error, "status": status })
}

/// The object of a command line that is wrong, made from what people would be shown.
pub fn usage_object(text: &str) -> String {
    // The paragraphs that follow show how to use the command; the first one says what is wrong.
    let first = text.split("\n\n").next().unwrap_or_default();
    let sentence = first.trim().trim_start_matches("error: ");
    let failure = Failure::new(daos_status::Code::Inval, format!("{sentence}; see --help"));
    object(Value::Null, Some(&failure)).to_string()
}

/// Lines of columns, the first line being their titles; columns are as wide as their widest entry.
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = titles.iter().map(|title| title.chars().count()).collect();
    for row in rows {
        for (width, entry) in widths.iter_mut().zip(row) {
            *width = (*width).max(entry.chars().count());
        }
    }
    let titles = titles.iter().map(|title| (*title).to_owned()).collect();
    let mut text = String::new();
    for row in std::iter::once(&titles).chain(rows) {
        let mut line = String::new();
        for (entry, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{entry:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Lines of a name and what it is, the values below each other.
pub fn list(entries: &[(&str, String)]) -> String {
    let width = entries.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    entries.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_status::Code;

    #[test]
    fn objects_have_the_three_fields_that_programs_read() {
        assert_eq!(object(json!([1]), None), json!({ "response": [1], "error": null, "status": 0 }));
        let failure = Failure::new(Code::Exist, "label 'a' is taken");
        let expected = json!({ "response": null, "error": "label 'a' is taken (DER_EXIST)", "status": -1004 });
        assert_eq!(object(Value::Null, Some(&failure)), expected);
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["long name".to_owned(), "1".to_owned()], vec!["\u{e9}".to_owned(), String::new()]];
        assert_eq!(table(&["Pool", "Size"], &rows), "Pool       Size\nlong name  1\n\u{e9}\n");
        assert_eq!(list(&[("a", "1".to_owned()), ("bcd", "2".to_owned())]), "a    1\nbcd  2\n");
    }
}
