//! The form of lists in files and on terminals: an entry a line.

use crate::{AccessList, Entry, Ownership};
use daos_status::{Code, Result, fail};

/// Lines of a file that are read: more than entries fit a list, and room for comments.
const LINES_MAX: usize = 10_000;

/// The list of a text: a line per entry; empty lines and those that begin with `#` count for nothing.
pub fn list_from_text(text: &str) -> Result<AccessList> {
    let mut entries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if number == LINES_MAX {
            fail!(Code::Inval, "more than {LINES_MAX} lines are no access control list");
        }
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = Entry::parse(line).map_err(|status| status.while_doing(format_args!("line {}", number + 1)))?;
        entries.push(entry);
    }
    AccessList::new(entries)
}

/// The text of a list, with the owner in comments when it is told; `in_words` puts a comment before each entry that says
/// it in words. [`list_from_text`] reads it.
pub fn list_to_text(list: &AccessList, owner: Option<&Ownership>, in_words: bool) -> String {
    let mut text = String::new();
    if let Some(owner) = owner {
        for (title, name) in [("Owner", &owner.user), ("Owner-Group", &owner.group)] {
            if !name.is_empty() {
                text.push_str(&format!("# {title}: {name}\n"));
            }
        }
    }
    text.push_str("# Entries:\n");
    if list.entries().is_empty() {
        text.push_str("#   None\n");
    }
    for entry in list.entries() {
        // An entry without a text cannot be written into a file: a comment says so.
        match (entry.to_text(), entry.to_words()) {
            (Ok(line), Ok(words)) => {
                if in_words {
                    text.push_str(&format!("# {words}\n"));
                }
                text.push_str(&line);
                text.push('\n');
            }
            _ => text.push_str(&format!("# {entry}\n")),
        }
    }
    text
}
