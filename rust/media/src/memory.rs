//! Devices in memory, for class `ram` and for tests.

use crate::device::{BLOCK_SIZE, BlockDevice, IoFuture, Media, check_name, check_range, check_size, check_transfer};
use daos_env::IoBuffer;
use daos_status::{Code, Result, fail};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Memory is taken in pieces of this size when first written, so that a large device costs only what is used.
const CHUNK_SIZE: usize = 1 << 20;

#[derive(Default)]
struct Tree {
    devices: BTreeMap<String, Rc<MemoryDevice>>,
    folders: BTreeSet<String>,
}

/// Devices on the heap. They are gone with the last handle: volatile on purpose.
#[derive(Clone)]
pub struct MemoryMedia {
    tree: Rc<RefCell<Tree>>,
    /// Ends with a slash unless empty.
    prefix: String,
}

impl MemoryMedia {
    /// A folder without devices.
    #[expect(clippy::new_without_default, reason = "each call makes another, separate memory")]
    pub fn new() -> MemoryMedia {
        MemoryMedia { tree: Rc::default(), prefix: String::new() }
    }

    fn path(&self, name: &str) -> Result<String> {
        check_name(name)?;
        Ok(format!("{}{name}", self.prefix))
    }

    /// The names directly in this folder.
    fn names<'a>(&self, paths: impl Iterator<Item = &'a String>) -> Vec<String> {
        let names = paths.filter_map(|path| path.strip_prefix(&self.prefix));
        names.filter(|name| !name.contains('/')).map(str::to_string).collect()
    }
}

impl Media for MemoryMedia {
    fn create(&self, name: &str, size: u64) -> Result<Rc<dyn BlockDevice>> {
        let path = self.path(name)?;
        check_size(&path, size)?;
        let mut tree = self.tree.borrow_mut();
        if tree.devices.contains_key(&path) || tree.folders.contains(&path) {
            fail!(Code::Exist, "memory device {path} exists already");
        }
        let device = Rc::new(MemoryDevice { name: format!("memory:{path}"), capacity: size, chunks: Rc::default() });
        tree.devices.insert(path, device.clone());
        Ok(device)
    }

    fn open(&self, name: &str) -> Result<Rc<dyn BlockDevice>> {
        let path = self.path(name)?;
        match self.tree.borrow().devices.get(&path) {
            Some(device) => Ok(device.clone()),
            None => fail!(Code::Nonexist, "there is no memory device {path}"),
        }
    }

    fn exists(&self, name: &str) -> Result<bool> {
        Ok(self.tree.borrow().devices.contains_key(&self.path(name)?))
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        match self.tree.borrow_mut().devices.remove(&path) {
            Some(_device) => Ok(()),
            None => fail!(Code::Nonexist, "there is no memory device {path}"),
        }
    }

    fn list(&self) -> Result<Vec<String>> {
        Ok(self.names(self.tree.borrow().devices.keys()))
    }

    fn folder(&self, name: &str) -> Result<Rc<dyn Media>> {
        let path = self.path(name)?;
        let mut tree = self.tree.borrow_mut();
        if tree.devices.contains_key(&path) {
            fail!(Code::Notdir, "{path} is a device, not a folder");
        }
        let prefix = format!("{path}/");
        tree.folders.insert(path);
        Ok(Rc::new(MemoryMedia { tree: self.tree.clone(), prefix }))
    }

    fn folders(&self) -> Result<Vec<String>> {
        Ok(self.names(self.tree.borrow().folders.iter()))
    }

    fn remove_folder(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        let mut tree = self.tree.borrow_mut();
        if !tree.folders.remove(&path) {
            fail!(Code::Nonexist, "there is no folder {path}");
        }
        let inside = format!("{path}/");
        tree.folders.retain(|folder| !folder.starts_with(&inside));
        tree.devices.retain(|device, _| !device.starts_with(&inside));
        Ok(())
    }

    fn describe(&self) -> String {
        format!("memory:{}", self.prefix)
    }
}

type Chunks = Rc<RefCell<HashMap<u64, IoBuffer>>>;

struct MemoryDevice {
    name: String,
    capacity: u64,
    chunks: Chunks,
}

/// Calls `visit` with the chunk number, the range in the chunk and the range in the buffer, for each piece of a range.
fn for_each_piece(offset: u64, length: usize, mut visit: impl FnMut(u64, std::ops::Range<usize>, usize)) {
    let mut done = 0;
    while done < length {
        let position = offset + done as u64;
        let start = (position % CHUNK_SIZE as u64) as usize;
        let piece = (CHUNK_SIZE - start).min(length - done);
        visit(position / CHUNK_SIZE as u64, start..start + piece, done);
        done += piece;
    }
}

fn write(chunks: &Chunks, offset: u64, bytes: &[u8]) {
    let mut chunks = chunks.borrow_mut();
    for_each_piece(offset, bytes.len(), |chunk, inside, at| {
        let chunk = chunks.entry(chunk).or_insert_with(|| IoBuffer::zeroed(CHUNK_SIZE));
        chunk[inside.clone()].copy_from_slice(&bytes[at..at + inside.len()]);
    });
}

fn read(chunks: &Chunks, offset: u64, length: usize) -> IoBuffer {
    let chunks = chunks.borrow();
    let mut buffer = IoBuffer::zeroed(length);
    let padded = buffer.padded_mut();
    for_each_piece(offset, padded.len(), |chunk, inside, at| {
        if let Some(chunk) = chunks.get(&chunk) {
            padded[at..at + inside.len()].copy_from_slice(&chunk[inside]);
        }
    });
    buffer
}

impl BlockDevice for MemoryDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn read(&self, offset: u64, length: usize) -> IoFuture<Result<IoBuffer>> {
        let checked = check_transfer(&self.name, self.capacity, "read", offset, length);
        let chunks = self.chunks.clone();
        Box::pin(async move { checked.map(|_| read(&chunks, offset, length)) })
    }

    fn write(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        let checked = check_transfer(&self.name, self.capacity, "write", offset, buffer.len());
        let chunks = self.chunks.clone();
        Box::pin(async move {
            let result = checked.map(|rounded| write(&chunks, offset, &buffer.padded()[..rounded]));
            (buffer, result)
        })
    }

    fn sync(&self) -> IoFuture<Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn write_durable(&self, offset: u64, buffer: IoBuffer) -> IoFuture<(IoBuffer, Result<()>)> {
        self.write(offset, buffer)
    }

    fn discard(&self, offset: u64, length: u64) -> IoFuture<Result<()>> {
        let checked = check_range(&self.name, self.capacity, "discard", offset, length);
        let chunks = self.chunks.clone();
        Box::pin(async move {
            let end = offset + checked?;
            let whole = offset.div_ceil(CHUNK_SIZE as u64)..end / CHUNK_SIZE as u64;
            chunks.borrow_mut().retain(|chunk, _| !whole.contains(chunk));
            Ok(())
        })
    }
}

const _: () = assert!(CHUNK_SIZE.is_multiple_of(BLOCK_SIZE));
