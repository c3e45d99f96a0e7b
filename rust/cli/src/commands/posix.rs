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

/// An error of files. One that began as an error of objects has its name at the end of the context; else the code nearest
/// to the number is taken.
impl From<DfsError> for Failure {
    fn from(error: DfsError) -> Failure {
        let named = |code: &&Code| error.context.ends_with(&format!("({})", code.name()));
        if let Some(code) = Code::ALL.iter().find(named) {
            let sentence = error.context.trim_end_matches(&format!("({})", code.name())).trim_end();
            return Failure::new(*code, sentence);
        }
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

    #[test]
    fn errors_that_began_as_those_of_objects_keep_their_code_and_say_it_once() {
        let error = DfsError::from(daos_status::Status::new(Code::Csum, "block 7 of /a")).while_doing("reading /a");
        let failure = Failure::from(error);
        assert_eq!(failure.to_string(), "reading /a: block 7 of /a; restore it from a copy (DER_CSUM)");
    }
}
