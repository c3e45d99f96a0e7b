//! Devices in memory, for class `ram` and for tests.

mod device;
mod plenty;
mod region;
mod touch;

use crate::device::{BlockDevice, Media, check_name, check_size};
use daos_status::{Code, Result, fail};
use device::MemoryDevice;
pub(crate) use plenty::Plenty;
pub(crate) use region::Mapping;
pub use region::{Region, RegionView};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
pub(crate) use touch::{Ahead, Toucher};

#[derive(Default)]
struct Tree {
    devices: BTreeMap<String, Rc<MemoryDevice>>,
    folders: BTreeSet<String>,
}

/// When a device takes its memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Taking {
    /// When it is written, or shortly before; what is discarded is given back.
    AsNeeded,
    /// All of it at once, and it is kept, while the machine has plenty.
    Ahead,
}

/// Devices in anonymous memory. They are gone with the last handle: volatile on purpose.
#[derive(Clone)]
pub struct MemoryMedia {
    tree: Rc<RefCell<Tree>>,
    /// Ends with a slash unless empty.
    prefix: String,
    taking: Taking,
}

impl MemoryMedia {
    /// A folder without devices.
    #[expect(clippy::new_without_default, reason = "each call makes another, separate memory")]
    pub fn new() -> MemoryMedia {
        MemoryMedia { tree: Rc::default(), prefix: String::new(), taking: Taking::AsNeeded }
    }

    /// As [`MemoryMedia::new`], for devices that are there to be filled: as long as the machine has plenty of memory, they take theirs before it is
    /// written, in the background, and keep it when what is in it is discarded.
    pub fn taken_ahead() -> MemoryMedia {
        MemoryMedia { taking: Taking::Ahead, ..MemoryMedia::new() }
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
        let device = Rc::new(MemoryDevice::new(format!("memory:{path}"), size, self.taking)?);
        tree.devices.insert(path, device.clone());
        Ok(device)
    }

    fn create_volatile(&self, name: &str, size: u64) -> Result<Rc<dyn BlockDevice>> {
        MemoryMedia { taking: self.taking, ..MemoryMedia::new() }.create(name, size)
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
        Ok(Rc::new(MemoryMedia { tree: self.tree.clone(), prefix, taking: self.taking }))
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
