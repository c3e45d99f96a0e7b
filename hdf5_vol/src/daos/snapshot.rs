//! A container as it was when a snapshot was made: all that reads is given a transaction that sees it.

use super::check;
use super::library::daos;
use super::types::Handle;
use crate::failure::{Failure, Minor, Result};
use std::ffi::{CStr, c_char, c_int};

/// Bytes of a name with its zero, at most (`DAOS_SNAPSHOT_MAX_LEN`).
const NAME_SIZE: usize = 128;

/// A snapshot that is open, or none.
pub struct Snapshot {
    epoch: u64,
    transaction: Handle,
}

impl Snapshot {
    /// The container as it is.
    pub const NONE: Self = Self { epoch: 0, transaction: Handle::NONE };

    /// Opens the one of a name, or, where none has it, of an epoch.
    pub fn find(container: Handle, name: &str) -> Result<Self> {
        let all = list(container)?;
        let named = all.iter().find(|(_, other)| other == name);
        let found = named.or_else(|| {
            let epoch = parse_epoch(name)?;
            all.iter().find(|(other, _)| *other == epoch)
        });
        let Some((epoch, _)) = found else {
            return Err(Failure::new(Minor::NotFound, format!("there is none of the name or epoch {name}")));
        };
        Self::open(container, *epoch)
    }

    /// Opens the one of an epoch; zero for none.
    pub fn open(container: Handle, epoch: u64) -> Result<Self> {
        let mut snapshot = Self { epoch, transaction: Handle::NONE };
        if epoch != 0 {
            // SAFETY: the handle is written on success.
            let result =
                unsafe { daos()?.open_snapshot(container, epoch, &raw mut snapshot.transaction, std::ptr::null_mut()) };
            check("cannot open a snapshot", result)?;
        }
        Ok(snapshot)
    }

    /// When it was made; zero for none.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What calls are given that read.
    pub fn transaction(&self) -> Handle {
        self.transaction
    }

    /// Closes it, before its container is closed.
    pub fn close(&mut self) {
        if self.transaction != Handle::NONE
            && let Ok(daos) = daos()
        {
            // SAFETY: it is open, and used no more.
            unsafe { daos.transaction_close(self.transaction, std::ptr::null_mut()) };
        }
        *self = Self::NONE;
    }
}

/// An epoch as `daos container list-snaps` shows it, or in decimal.
fn parse_epoch(text: &str) -> Option<u64> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.ok().filter(|number| *number != 0)
}

/// Epochs and names of all snapshots of a container.
fn list(container: Handle) -> Result<Vec<(u64, String)>> {
    let mut room = 0;
    loop {
        let mut epochs = vec![0_u64; room];
        let mut names = vec![[0 as c_char; NAME_SIZE]; room];
        let mut places: Vec<*mut c_char> = names.iter_mut().map(|name| name.as_mut_ptr()).collect();
        let mut count = c_int::try_from(room).unwrap_or(c_int::MAX);
        let none = std::ptr::null_mut();
        // SAFETY: the arrays have as many places as said, each of the size that names have.
        let result = unsafe {
            daos()?.list_snapshots(
                container,
                &raw mut count,
                epochs.as_mut_ptr(),
                places.as_mut_ptr(),
                none,
                none.cast(),
            )
        };
        check("cannot list snapshots", result)?;
        let found = usize::try_from(count).unwrap_or_default();
        if found <= room {
            // SAFETY: each name was written with its zero, or is all zero.
            let text = |name: &[c_char; NAME_SIZE]| unsafe { CStr::from_ptr(name.as_ptr()) };
            let name = |name| text(name).to_string_lossy().into_owned();
            return Ok(epochs.into_iter().zip(names.iter().map(name)).take(found).collect());
        }
        // There may be more by then.
        room = found;
    }
}

#[cfg(test)]
mod tests {
    use super::parse_epoch;

    #[test]
    fn an_epoch_is_written_in_two_ways() {
        assert_eq!((parse_epoch("0x10"), parse_epoch("16")), (Some(16), Some(16)));
        for wrong in ["", "0", "monday", "-1", "0x", "99999999999999999999"] {
            assert_eq!(parse_epoch(wrong), None, "{wrong}");
        }
    }
}
