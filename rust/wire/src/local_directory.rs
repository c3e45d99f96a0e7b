//! The files by which a local engine and its clients find each other in the engine's directory.

use daos_status::Status;

/// The socket on which the engine greets its clients.
pub const SOCKET_FILE: &str = "engine.sock";
/// Locked by an engine while it serves the directory; its text says who that is.
pub const ENGINE_LOCK_FILE: &str = "engine.lock";
/// Locked by a client while it starts the engine.
pub const START_LOCK_FILE: &str = "start.lock";
/// The process id of the engine, as text.
pub const PROCESS_FILE: &str = "engine.pid";
/// Why the last engine could not start.
pub const ERROR_FILE: &str = "engine.error";
/// What the engine logs.
pub const LOG_FILE: &str = "engine.log";

/// The longest error file that is read.
pub const ERROR_FILE_LENGTH_MAX: u64 = 64 * 1024;

/// The text of an error file: a DER number, a space, a sentence, a line feed.
pub fn error_file_text(status: &Status) -> String {
    format!("{} {}\n", status.to_der(), status.context().replace('\n', " "))
}

/// The error in the text of an error file; `None` when it is not one.
pub fn error_of_file_text(text: &str) -> Option<Status> {
    let (number, sentence) = text.split_once(' ')?;
    Status::from_der(number.parse().ok()?, sentence.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_status::Code;

    #[test]
    fn errors_come_back_as_they_were() {
        let status = Status::new(Code::Nospace, "no room\nin /x");
        let text = error_file_text(&status);
        assert_eq!(error_of_file_text(&text), Some(Status::new(Code::Nospace, "no room in /x")));
        for bad in ["", " ", "x y", "0 fine", "-1007"] {
            assert_eq!(error_of_file_text(bad), None, "{bad:?}");
        }
        assert_eq!(error_of_file_text("-7 x").map(|status| status.code()), Some(Code::Unknown));
    }
}
