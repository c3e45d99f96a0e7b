//! Random operations, against a tree in memory that does the same.

use crate::harness::{Rig, pattern};
use crate::{make, mount};
use daos_client::Client;
use daos_dfs::{Access, FileSystem, Listing, NewFile, Node, OpenOptions, Replace};
use daos_env::{Random, SeededRandom};
use daos_types::ObjectClass;
use std::collections::BTreeMap;
use std::pin::Pin;

const OPERATIONS: u32 = 600;
/// Where every symbolic link of the test points to: nothing is there.
const NOWHERE: &[u8] = b"/nowhere/at/all";
/// Small chunks, so that writes and holes cross them.
const CHUNK_SIZE: u64 = 64;

type Entries = BTreeMap<Vec<u8>, Thing>;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Thing {
    File(Vec<u8>),
    Directory(Entries),
    Link,
}

type Path = Vec<Vec<u8>>;

fn text(path: &Path) -> Vec<u8> {
    path.iter().flat_map(|name| [b"/", name.as_slice()].concat()).collect()
}

/// The directory that the last name of a path stands in.
fn parent<'a>(root: &'a mut Entries, path: &Path) -> Result<&'a mut Entries, i32> {
    let mut entries = root;
    for name in &path[..path.len() - 1] {
        entries = match entries.get_mut(name) {
            Some(Thing::Directory(entries)) => entries,
            Some(Thing::File(_)) => return Err(libc::ENOTDIR),
            Some(Thing::Link) | None => return Err(libc::ENOENT),
        };
    }
    Ok(entries)
}

#[derive(Clone, Debug)]
enum Operation {
    Create { path: Path, exclusive: bool },
    Write { path: Path, offset: u64, length: u64 },
    SetSize { path: Path, size: u64 },
    Punch { path: Path, offset: u64, length: u64 },
    MakeDirectory { path: Path },
    MakeLink { path: Path },
    Remove { path: Path, recursive: bool },
    Rename { from: Path, to: Path, replace: Replace },
}

fn file<'a>(root: &'a mut Entries, path: &Path) -> Result<&'a mut Vec<u8>, i32> {
    match parent(root, path)?.get_mut(path.last().unwrap()) {
        Some(Thing::File(bytes)) => Ok(bytes),
        Some(Thing::Directory(_)) => Err(libc::EISDIR),
        Some(Thing::Link) | None => Err(libc::ENOENT),
    }
}

impl Operation {
    fn random(random: &SeededRandom) -> Operation {
        let below = |limit: u64| random.next_u64() % limit;
        let path = || -> Path { (0..=below(3)).map(|_| vec![b'a' + below(3) as u8]).collect() };
        match below(10) {
            0 | 1 => Operation::Create { path: path(), exclusive: below(2) == 0 },
            2 => Operation::Write { path: path(), offset: below(300), length: below(200) },
            3 => Operation::SetSize { path: path(), size: below(400) },
            4 => Operation::Punch { path: path(), offset: below(300), length: below(200) },
            5 | 6 => Operation::MakeDirectory { path: path() },
            7 => Operation::MakeLink { path: path() },
            8 => Operation::Remove { path: path(), recursive: below(4) == 0 },
            _ => {
                let replace = if below(4) == 0 { Replace::Never } else { Replace::Allowed };
                Operation::Rename { from: path(), to: path(), replace }
            }
        }
    }

    /// What it does to the tree in memory.
    fn expect(&self, root: &mut Entries) -> Result<(), i32> {
        match self {
            Operation::Create { path, exclusive } => {
                let entries = parent(root, path)?;
                match entries.get(path.last().unwrap()) {
                    Some(_) if *exclusive => return Err(libc::EEXIST),
                    Some(Thing::File(_)) => {}
                    Some(Thing::Directory(_)) => return Err(libc::EISDIR),
                    // The file would be made where the link points to, and that directory is missing.
                    Some(Thing::Link) => return Err(libc::ENOENT),
                    None => {
                        entries.insert(path.last().unwrap().clone(), Thing::File(Vec::new()));
                    }
                }
            }
            Operation::Write { path, offset, length } => {
                let bytes = file(root, path)?;
                let end = (offset + length) as usize;
                if *length > 0 {
                    bytes.resize(bytes.len().max(end), 0);
                    bytes[*offset as usize..end].copy_from_slice(&pattern(*length as usize, *offset));
                }
            }
            Operation::SetSize { path, size } => file(root, path)?.resize(*size as usize, 0),
            Operation::Punch { path, offset, length } => {
                let bytes = file(root, path)?;
                let (offset, end) = (*offset as usize, (offset + length) as usize);
                match bytes.len() {
                    size if size <= offset || *length == 0 => {}
                    size if size <= end => bytes.truncate(offset),
                    _ => bytes[offset..end].fill(0),
                }
            }
            Operation::MakeDirectory { path } => add(root, path, Thing::Directory(Entries::new()))?,
            Operation::MakeLink { path } => add(root, path, Thing::Link)?,
            Operation::Remove { path, recursive } => {
                let entries = parent(root, path)?;
                match entries.get(path.last().unwrap()) {
                    None => return Err(libc::ENOENT),
                    Some(Thing::Directory(below)) if !below.is_empty() && !recursive => return Err(libc::ENOTEMPTY),
                    Some(_) => entries.remove(path.last().unwrap()),
                };
            }
            Operation::Rename { from, to, replace } => expect_rename(root, from, to, *replace)?,
        }
        Ok(())
    }

    /// What it does to the container.
    async fn run(&self, client: &Client, file_system: &FileSystem) -> daos_dfs::Result<()> {
        let root = file_system.root();
        let at = async |path: &Path| {
            let (parent, name) = (text(path), path.last().unwrap().clone());
            file_system.lookup_parent(client, &root, &parent).await.map(|(parent, _)| (parent, name))
        };
        let open = async |path: &Path| {
            let (parent, name) = at(path).await?;
            let options = OpenOptions { access: Access::ReadWrite, ..OpenOptions::read() };
            file_system.open(client, &parent, &name, options, NewFile::default()).await
        };
        match self {
            Operation::Create { path, exclusive } => {
                let (parent, name) = at(path).await?;
                let options = OpenOptions { exclusive: *exclusive, ..OpenOptions::create() };
                let new = NewFile { mode: 0o644, chunk_size: CHUNK_SIZE, ..NewFile::default() };
                file_system.open(client, &parent, &name, options, new).await.map(drop)
            }
            Operation::Write { path, offset, length } => {
                open(path).await?.write(client, *offset, pattern(*length as usize, *offset)).await
            }
            Operation::SetSize { path, size } => open(path).await?.set_size(client, *size).await,
            Operation::Punch { path, offset, length } => open(path).await?.punch(client, *offset, *length).await,
            Operation::MakeDirectory { path } => {
                let (parent, name) = at(path).await?;
                file_system.create_directory(client, &parent, &name, 0o755, ObjectClass::UNKNOWN).await.map(drop)
            }
            Operation::MakeLink { path } => {
                let (parent, name) = at(path).await?;
                file_system.create_symlink(client, &parent, &name, NOWHERE).await.map(drop)
            }
            Operation::Remove { path, recursive } => {
                let (parent, name) = at(path).await?;
                file_system.remove(client, &parent, &name, *recursive).await.map(drop)
            }
            Operation::Rename { from, to, replace } => {
                let ((parent, name), (new_parent, new_name)) = (at(from).await?, at(to).await?);
                let (old, new) = ((&parent, name.as_slice()), (&new_parent, new_name.as_slice()));
                file_system.rename(client, old, new, *replace).await.map(drop)
            }
        }
    }
}

fn add(root: &mut Entries, path: &Path, thing: Thing) -> Result<(), i32> {
    let entries = parent(root, path)?;
    if entries.contains_key(path.last().unwrap()) {
        return Err(libc::EEXIST);
    }
    entries.insert(path.last().unwrap().clone(), thing);
    Ok(())
}

fn expect_rename(root: &mut Entries, from: &Path, to: &Path, replace: Replace) -> Result<(), i32> {
    parent(root, from)?;
    parent(root, to)?;
    let Some(moved) = parent(root, from)?.get(from.last().unwrap()).cloned() else { return Err(libc::ENOENT) };
    if from == to {
        return if replace == Replace::Never { Err(libc::EEXIST) } else { Ok(()) };
    }
    let is_directory = matches!(moved, Thing::Directory(_));
    if is_directory && to.starts_with(from) {
        return Err(libc::EINVAL);
    }
    match parent(root, to)?.get(to.last().unwrap()) {
        Some(_) if replace == Replace::Never => return Err(libc::EEXIST),
        Some(Thing::Directory(_)) if !is_directory => return Err(libc::EISDIR),
        Some(Thing::Directory(below)) if !below.is_empty() => return Err(libc::ENOTEMPTY),
        Some(Thing::File(_) | Thing::Link) if is_directory => return Err(libc::ENOTDIR),
        _ => {}
    }
    parent(root, from)?.remove(from.last().unwrap());
    parent(root, to)?.insert(to.last().unwrap().clone(), moved);
    Ok(())
}

/// Everything that is in a directory of the container.
fn gather<'a>(client: &'a Client, directory: &'a Node) -> Pin<Box<dyn Future<Output = Entries> + 'a>> {
    Box::pin(async move {
        let (mut entries, mut listing) = (Entries::new(), Listing::default());
        while !listing.is_at_end() {
            for name in directory.list(client, &mut listing, 2).await.unwrap() {
                let file_system = directory.file_system();
                let found = file_system.lookup_from(client, directory, &name, Access::ReadOnly, false).await.unwrap();
                let thing = if found.is_directory() {
                    Thing::Directory(gather(client, &found).await)
                } else if found.is_file() {
                    let size = found.size(client).await.unwrap();
                    // More is asked for than there is: the end is told.
                    let bytes = found.read(client, 0, size + 100).await.unwrap();
                    assert_eq!(bytes.len() as u64, size);
                    Thing::File(bytes)
                } else {
                    assert_eq!(found.target().unwrap(), NOWHERE);
                    Thing::Link
                };
                assert_eq!(entries.insert(name, thing), None, "a name is listed once");
            }
        }
        entries
    })
}

fn everything(rig: &Rig, file_system: &FileSystem) -> Entries {
    let root = file_system.root();
    rig.run(move |client| async move { gather(&client, &root).await })
}

fn run_seed(seed: u64) {
    let rig = Rig::inside();
    let file_system = make(&rig, "files");
    let random = SeededRandom::new(seed);
    let mut expected = Entries::new();
    for step in 0..OPERATIONS {
        let operation = Operation::random(&random);
        let result = operation.expect(&mut expected);
        let (file_system, shown) = (file_system.clone(), operation.clone());
        let done = rig.run(move |client| async move { operation.run(&client, &file_system).await });
        assert_eq!(done.clone().map_err(|error| error.errno), result, "seed {seed} step {step}: {shown:?}: {done:?}");
    }
    assert_eq!(everything(&rig, &file_system), expected, "seed {seed}");
    drop(file_system);
    let rig = rig.restart();
    let file_system = mount(&rig, "files");
    assert_eq!(everything(&rig, &file_system), expected, "seed {seed} after a restart");
}

#[test]
fn random_operations_do_what_posix_says() {
    for seed in 0..4 {
        run_seed(seed);
    }
}

#[test]
#[ignore = "slow: a hundred seeds"]
fn many_random_operations_do_what_posix_says() {
    for seed in 100..200 {
        run_seed(seed);
    }
}
