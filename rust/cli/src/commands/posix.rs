//! POSIX containers: where the tools meet the namespace.

use crate::failure::{Failure, Result};
use daos_client::{Client, Container, ContainerProperties, Pool};
use daos_dfs::{Attributes, DfsError, FileSystem, MountOptions};
use daos_status::Code;

/// Creates a container with an empty namespace, and opens it.
pub async fn create(
    client: &Client,
    pool: &Pool,
    properties: ContainerProperties,
    attributes: Attributes,
) -> Result<Container> {
    let (_, file_system) = FileSystem::create(client, pool, properties, attributes).await?;
    Ok(file_system.container().clone())
}

/// What the namespace of a container was made with; `None` when it has none yet, as the first mount makes it.
pub async fn layout(client: &Client, container: &Container) -> Result<Option<Attributes>> {
    match mount(client, container, false).await {
        Ok(file_system) => Ok(Some(file_system.attributes().clone())),
        Err(error) if error.code() == Code::Nonexist => Ok(None),
        Err(error) => Err(error),
    }
}

/// Mounts the namespace of a container.
pub async fn mount(client: &Client, container: &Container, writes: bool) -> Result<FileSystem> {
    let options = if writes { MountOptions::read_write() } else { MountOptions::read_only() };
    Ok(FileSystem::mount(client, container, options).await?)
}

/// An error of files; its number has no name among those of objects, so the nearest one is taken.
impl From<DfsError> for Failure {
    fn from(error: DfsError) -> Failure {
        let code = match error.errno {
            libc::ECANCELED => Code::Canceled,
            libc::EINVAL => Code::Inval,
            number => daos_status::Status::from(std::io::Error::from_raw_os_error(number)).code(),
        };
        Failure::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_files_keep_their_kind() {
        for (number, code) in [
            (libc::ENOENT, Code::Nonexist),
            (libc::ENOSPC, Code::Nospace),
            (libc::EACCES, Code::NoPerm),
            (libc::ECANCELED, Code::Canceled),
            (libc::EIO, Code::Io),
        ] {
            assert_eq!(Failure::from(DfsError::new(number, "opening /a")).code(), code);
        }
    }
}
