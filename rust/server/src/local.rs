//! What makes an engine that of a local directory: files, lock, socket, signals.

mod directory;
mod format;
mod greeter;
mod log_file;
mod log_mask;
mod poll;
mod signals;

pub use directory::SmallFiles;
pub(crate) use directory::{Directory, DirectoryLock, Holder};
pub(crate) use format::{DirectoryFormat, targets_beside_programs, targets_of_server};
pub(crate) use greeter::Greeter;
pub(crate) use log_file::LogFile;
pub(crate) use log_mask::LogSwitch;
pub use log_mask::{LOG_AREAS, LogMask};
pub(crate) use poll::{Wanted, wait};
pub(crate) use signals::StopSignals;
