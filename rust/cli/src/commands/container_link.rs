//! Paths that stand for containers: making and removing them with their containers.

use crate::arguments::LinkArguments;
use crate::failure::{Failure, Result};
use crate::reply::Reply;
use crate::session::{Session, reference, with_container, with_pool};
use crate::stand_in;
use daos_client::{Container, ContainerType, PoolFlags};
use daos_dfs::ContainerPath;
use daos_types::{ContainerId, PoolId, Reference};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// `container link`.
pub fn link(session: &Session, arguments: LinkArguments) -> Result<Reply> {
    let LinkArguments { pool, container, link } = arguments;
    let doing = format!("make {} stand for container '{container}' of pool '{pool}'", link.display());
    let text = format!("{} stands for container {container}", link.display());
    let found = session.run(move |client| async move {
        with_container(&client, (&pool, &container), false, async |container| {
            Ok((container.query(&client).await?, container.pool().id()))
        })
        .await
    });
    let (info, pool) = found.map_err(|error| error.doing(&doing))?;
    let kind = info.properties.kind;
    stand_in::prepare(&link, kind).map_err(|error| error.doing(&doing))?;
    stand_in::tie(&link, &ContainerPath::of(kind, pool, info.id)).map_err(|error| error.doing(&doing))?;
    Ok(Reply::new(text, json!({ "path": link.display().to_string() })))
}

/// A path that is made for a container which is not there yet; removed again unless it is tied.
pub struct Prepared<'a> {
    path: Option<&'a Path>,
    kind: ContainerType,
}

impl<'a> Prepared<'a> {
    /// Makes the path, if there is to be one.
    pub fn new(path: Option<&'a Path>, kind: ContainerType) -> Result<Prepared<'a>> {
        if let Some(path) = path {
            stand_in::prepare(path, kind)?;
        }
        Ok(Prepared { path, kind })
    }

    /// Lets the path stand for the container that was made for it, which goes when that fails.
    pub fn tie(mut self, session: &Session, pool: PoolId, container: ContainerId) -> Result<()> {
        let Some(path) = self.path.take() else { return Ok(()) };
        let tied = stand_in::tie(path, &ContainerPath::of(self.kind, pool, container));
        if tied.is_err() {
            // What cannot be taken back is told by the error that led here.
            let _destroyed = session.run(move |client| async move {
                let name = pool.to_string();
                with_pool(&client, &name, PoolFlags::READ_WRITE, async |pool| {
                    Ok(Container::destroy(&client, pool, &Reference::Id(container.0), true).await?)
                })
                .await
            });
        }
        tied
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path {
            // As above.
            let _removed = stand_in::remove(path);
        }
    }
}

/// A path that goes with its container.
pub struct Going(Option<PathBuf>);

impl Going {
    /// Looks whether the path stands for the container itself.
    pub fn new(path: Option<&Path>) -> Result<Going> {
        let removable = path.map(stand_in::removable).transpose()?;
        Ok(Going(removable.flatten()))
    }

    /// Removes the path of a container that is gone.
    pub fn remove(&self) -> Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        stand_in::remove(path).map_err(|error| {
            let sentence = format!("the container is gone, but its path is not: {}; remove it", error.sentence());
            Failure::new(error.code(), sentence)
        })
    }
}

/// Destroys a container with the path that stands for it, if it was named by one.
pub fn destroy(session: &Session, of: crate::arguments::ContainerOf, force: bool) -> Result<Reply> {
    let doing = format!("destroy container '{}' of pool '{}'", of.container, of.pool);
    let text = format!("Container {} destroyed", of.container);
    let remedy = format!("'daos container list {}' shows the containers there are", of.pool);
    let going = Going::new(of.path.as_deref()).map_err(|error| error.doing(&doing))?;
    let done = session.run(move |client| async move {
        let container = reference(&of.container)?;
        with_pool(&client, &of.pool, PoolFlags::READ_WRITE, async |pool| {
            let destroyed = Container::destroy(&client, pool, &container, force).await;
            destroyed.map_err(|error| Failure::from(error).remedy(daos_status::Code::Nonexist, &remedy))
        })
        .await
    });
    done.map_err(|error| error.doing(&doing).remedy(daos_status::Code::Busy, "close it, or give --force"))?;
    going.remove().map_err(|error| error.doing(doing))?;
    Ok(Reply::new(text, Value::Null))
}
