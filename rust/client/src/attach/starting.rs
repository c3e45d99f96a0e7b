//! An engine that this client has started and that does not answer yet.

use daos_status::{Code, Status};
use daos_wire::local_directory::{ERROR_FILE_LENGTH_MAX, error_of_file_text};
use std::fs::File;
use std::io::{ErrorKind, PipeReader, Read};

/// Bytes of a text without form that are worth showing: a line or two.
const TEXT_SHOWN_MAX: usize = 400;

/// The process, as far as its starter knows it.
pub(crate) struct Starting {
    /// Others do not start an engine meanwhile.
    _lock: File,
    words: PipeReader,
    text: Vec<u8>,
    ended: bool,
}

impl Starting {
    /// A process that was started just now, with the lock that allowed it.
    pub fn new(lock: File, words: PipeReader) -> Starting {
        Starting { _lock: lock, words, text: Vec::new(), ended: false }
    }

    /// Takes what the process has written; `true` when it writes no more: it is ready, or it has ended.
    pub fn has_ended(&mut self) -> bool {
        let mut piece = [0; 4096];
        while !self.ended {
            match self.words.read(&mut piece) {
                Ok(0) => self.ended = true,
                // What is beyond the bound is read, so that the process does not wait for us, and forgotten.
                Ok(_) if self.text.len() as u64 >= ERROR_FILE_LENGTH_MAX => {}
                Ok(length) => self.text.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.ended = true,
            }
        }
        self.ended
    }

    /// Why the process has ended, by its own words.
    pub fn error(&self) -> Status {
        let text = String::from_utf8_lossy(&self.text);
        if let Some(status) = text.lines().find_map(error_of_file_text) {
            return status;
        }
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut said = lines.join(" ");
        if said.is_empty() {
            return Status::new(Code::Shutdown, "its process ended without a word; start it again");
        }
        if let Some((end, _)) = said.char_indices().nth(TEXT_SHOWN_MAX) {
            said.truncate(end);
        }
        Status::new(Code::Misc, format!("its process ended with the words: {said}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn after(words: &str) -> Starting {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(words.as_bytes()).unwrap();
        drop(writer);
        let mut starting = Starting::new(tempfile(), reader);
        assert!(starting.has_ended());
        starting
    }

    fn tempfile() -> File {
        File::open("/dev/null").unwrap()
    }

    #[test]
    fn an_engine_says_why_it_cannot_start() {
        let error = after("warning: x\n-1007 the disk is full\ndaos_server: cannot serve\n").error();
        assert_eq!((error.code(), error.context()), (Code::Nospace, "the disk is full"));
    }

    #[test]
    fn other_words_are_passed_on_and_no_words_said_so() {
        let error = after("daos_server: error while loading\n  shared libraries\n").error();
        assert!(error.context().ends_with("daos_server: error while loading shared libraries"), "{error}");
        assert!(after("").error().context().contains("without a word"));
        assert!(after(&"\u{e4}".repeat(20_000)).error().context().len() < 1000);
    }
}
