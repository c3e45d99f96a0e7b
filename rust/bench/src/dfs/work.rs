//! What one process does in each row.

use super::processes::Outcome;
use super::rows::HARD_BYTES;
use super::to_status;
use crate::measure::{Shuffle, Watch};
use daos_client::{Client, Container, ContainerFlags, Context, Pool, PoolFlags};
use daos_dfs::{Access, DfsError, FileSystem, MountOptions, NewFile, Node, OpenOptions};
use daos_status::{Code, Result, fail};
use daos_types::{ObjectClass, Reference};
use std::sync::Arc;

/// The folder in which all make files, in mdtest's hard rows.
pub const SHARED: &[u8] = b"shared";

/// Of a file of 64 MiB so many 4 KiB are written or read in a repetition, which takes about as long as all of it in large pieces.
const BYTES_PER_SMALL_TRANSFER: u64 = 16 << 10;

/// Where a process works.
#[derive(Clone)]
pub struct Place {
    pub pool: String,
    pub container: String,
    pub number: u64,
    /// Files of its own in mdtest's rows.
    pub files: u64,
    /// Bytes of its file in IOR's rows.
    pub bytes: u64,
}

/// An open container, and what is open in it.
struct Opened {
    pool: Pool,
    container: Container,
    own: Node,
    shared: Node,
    large: Node,
}

/// The work of one process.
pub struct Work {
    place: Place,
    opened: Arc<Opened>,
}

fn new_file() -> NewFile {
    NewFile { mode: 0o644, ..NewFile::default() }
}

impl Work {
    /// Opens the container, and makes what the process has of its own.
    pub fn start(context: &Context, place: Place) -> Result<Work> {
        let of = place.clone();
        let opened = context.block_on(move |client| async move {
            let pool = Pool::connect(&client, &Reference::parse(&of.pool)?, PoolFlags::READ_WRITE).await?;
            let reference = Reference::parse(&of.container)?;
            let container = Container::open(&client, &pool, &reference, ContainerFlags::READ_WRITE).await?;
            let mounted = FileSystem::mount(&client, &container, MountOptions::read_write()).await;
            let (own, shared, large) = of.open(&client, &mounted.map_err(to_status)?).await.map_err(to_status)?;
            Ok::<_, daos_status::Status>(Opened { pool, container, own, shared, large })
        })?;
        Ok(Work { place, opened: Arc::new(opened) })
    }

    /// Does a row, and tells what it took.
    pub fn row(&mut self, context: &Context, name: &str) -> Result<Outcome> {
        let (place, opened, name) = (self.place.clone(), self.opened.clone(), name.to_owned());
        context.block_on(move |client| async move {
            let sent = || client.traffic().unwrap_or_default().sent_messages;
            let (watch, before) = (Watch::start(), sent());
            let operations = match name.split_once(' ') {
                Some((kind @ ("easy" | "hard"), step)) => place.metadata(&client, &opened, kind == "hard", step).await,
                Some((kind, step)) => transfers(&client, &opened.large, place.bytes, (kind, step == "write")).await,
                None => fail!(Code::Inval, "'{name}' is no row"),
            };
            let operations = operations.map_err(to_status)?;
            let nanoseconds = u64::try_from(watch.elapsed().as_nanos()).unwrap_or(u64::MAX);
            Ok(Outcome { operations, nanoseconds, messages: sent() - before })
        })
    }

    /// Closes everything.
    pub fn end(self, context: &Context) -> Result<()> {
        context.block_on(move |client| async move {
            self.opened.container.close(&client).await?;
            self.opened.pool.disconnect(&client).await
        })
    }
}

impl Place {
    async fn open(&self, client: &Client, files: &FileSystem) -> daos_dfs::Result<(Node, Node, Node)> {
        let root = files.root();
        let (folder, unknown) = (format!("process.{}", self.number), ObjectClass::UNKNOWN);
        let own = root.create_directories(client, folder.as_bytes(), 0o755, unknown).await?;
        let shared = files.open_directory(client, &root, SHARED, Access::ReadWrite).await?;
        let large = files.open(client, &own, b"large", OpenOptions::create(), new_file()).await?;
        // It is whole before any of it is read.
        for offset in (0..self.bytes).step_by(1 << 20) {
            large.write(client, offset, vec![1; 1 << 20]).await?;
        }
        Ok((own, shared, large))
    }

    fn name(&self, index: u64) -> Vec<u8> {
        format!("file.mdtest.{}.{index}", self.number).into_bytes()
    }

    async fn metadata(&self, client: &Client, opened: &Opened, is_hard: bool, step: &str) -> daos_dfs::Result<u64> {
        let directory = if is_hard { &opened.shared } else { &opened.own };
        let files = directory.file_system();
        let options = OpenOptions { exclusive: true, ..OpenOptions::create() };
        for index in 0..self.files {
            let name = self.name(index);
            match step {
                "create" => {
                    let file = files.open(client, directory, &name, options, new_file()).await?;
                    if is_hard {
                        file.write(client, 0, vec![3; HARD_BYTES as usize]).await?;
                    }
                }
                "stat" => drop(files.status(client, directory, &name).await?),
                "read" => {
                    let file = files.open(client, directory, &name, OpenOptions::read(), new_file()).await?;
                    if is_hard && file.read(client, 0, HARD_BYTES).await?.len() as u64 != HARD_BYTES {
                        return Err(DfsError::new(libc::EIO, "a file is shorter than it was written"));
                    }
                }
                "remove" => drop(files.remove(client, directory, &name, false).await?),
                _ => return Err(DfsError::new(libc::EINVAL, "no row of metadata does that")),
            }
        }
        Ok(self.files)
    }
}

async fn transfers(client: &Client, file: &Node, bytes: u64, (kind, writes): (&str, bool)) -> daos_dfs::Result<u64> {
    let (size, count) = match kind {
        "large" => (1u64 << 20, bytes >> 20),
        "ior-hard" => (47008, bytes / 47008),
        _ => (4096, bytes / BYTES_PER_SMALL_TRANSFER),
    };
    let mut places = Shuffle::below(bytes / size);
    for index in 0..count {
        let offset = size * if kind == "random" { places.next() } else { index };
        match writes {
            true => file.write(client, offset, vec![2; size as usize]).await?,
            false => drop(std::hint::black_box(file.read(client, offset, size).await?)),
        }
    }
    Ok(count)
}
