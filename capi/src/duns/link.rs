//! The extended attribute that ties a path to a container.

use std::ffi::CString;
use std::path::Path;

use std::os::unix::ffi::OsStrExt;

use daos_dfs::{DfsError, Result};

use crate::dfs::mounted::fail;

const NAME: &core::ffi::CStr = c"user.daos";
/// Longer values are not ours (`DUNS_MAX_XATTR_LEN`).
const VALUE_LENGTH_MAX: usize = crate::abi::DUNS_MAX_XATTR_LEN as usize;

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| DfsError::new(libc::EINVAL, "a path has a zero in it"))
}

fn last_error(path: &Path) -> DfsError {
    DfsError::from(std::io::Error::last_os_error()).while_doing(path.display())
}

/// The value at a path; `None` when it has none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let name = c_path(path)?;
    let mut value = vec![0u8; VALUE_LENGTH_MAX];
    // SAFETY: both texts end in zeros, and the buffer is as long as is said.
    let length = unsafe { libc::lgetxattr(name.as_ptr(), NAME.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    match usize::try_from(length) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(_) => {
            let error = last_error(path);
            match error.errno {
                // Not every file system and not every kind of file has extended attributes.
                libc::ENODATA | libc::ENOTSUP | libc::EPERM => Ok(None),
                libc::ERANGE => fail!(libc::EINVAL, "{}: its attribute is too long to be ours", path.display()),
                _ => Err(error),
            }
        }
    }
}

/// Ties a path to a container.
pub fn write(path: &Path, value: &str) -> Result<()> {
    let name = c_path(path)?;
    // SAFETY: both texts end in zeros, and the value is as long as is said.
    let result = unsafe {
        libc::lsetxattr(name.as_ptr(), NAME.as_ptr(), value.as_ptr().cast(), value.len(), libc::XATTR_CREATE)
    };
    if result != 0 { Err(last_error(path)) } else { Ok(()) }
}
