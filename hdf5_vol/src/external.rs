//! External links: what their values say, and which file that is.

use crate::callbacks::below_calls;
use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::handle::Located;
use crate::hdf5::{
    ACCESS_DEFAULT, ACCESS_WITH_READERS, ACCESS_WITH_WRITER, ACCESS_WRITE, DEFAULT, ExternalCallback, Hid, Identifier,
    Variable, library,
};
use crate::information::Information;
use crate::locking::Locking;
use crate::name::{self, Name};
use crate::node::Node;
use std::ffi::{CString, c_void};
use std::path::Path;
use std::rc::Rc;

/// The version and the flags that HDF5 writes at the beginning of a value.
const VERSION_AND_FLAGS: u8 = 0;
/// Directories that are looked through first, with colons between them.
const PREFIX_VARIABLE: &str = "HDF5_EXT_PREFIX";
/// Stands for the directory of the file that has the link.
const ORIGIN: &str = "${ORIGIN}";

/// The value of an external link.
#[derive(PartialEq, Eq, Debug)]
pub struct Link<'a> {
    pub file: &'a str,
    pub path: &'a [u8],
}

impl<'a> Link<'a> {
    /// Takes apart what `H5Lcreate_external` has put together.
    pub fn decode(value: &'a [u8]) -> Result<Self> {
        let damaged =
            |why: &str| Failure::new(Minor::Damaged, format!("the value of an external link is damaged: {why}"));
        let Some((VERSION_AND_FLAGS, texts)) = value.split_first().map(|(first, rest)| (*first, rest)) else {
            return Err(damaged("it is of no known version"));
        };
        let mut texts = texts.split(|byte| *byte == 0);
        let (file, path) = texts.next().zip(texts.next()).ok_or_else(|| damaged("it is too short"))?;
        let file = std::str::from_utf8(file).map_err(|_| damaged("the name of the file is no text"))?;
        Ok(Self { file, path })
    }
}

/// The file that a link leads to.
pub enum Target {
    Container(Rc<File>),
    /// One of HDF5's own, open.
    Elsewhere(Identifier),
}

/// What a list of access says of external links.
struct Properties {
    prefix: Option<String>,
    /// For reading or writing, and whether beside others.
    flags: u32,
    /// How a file is opened that is in no container.
    files: Identifier,
    /// The program has said how.
    is_chosen: bool,
}

impl Properties {
    fn is_writable(&self) -> bool {
        self.flags & ACCESS_WRITE != 0
    }
}

/// The directory of a file, with what ends it, so that a name can follow.
fn directory(file: &str) -> &str {
    let end = file.rfind('/').map_or(if name::has_prefix(file) { name::PREFIX.len() } else { 0 }, |slash| slash + 1);
    &file[..end]
}

/// The names under which a file is looked for, in the order in which HDF5 does it. One whose directory tells it from others is none without it.
fn candidates(file: &str, holder: &str, prefixes: &[String], needs_directory: bool) -> Vec<String> {
    let origin = directory(holder);
    let mut names = Vec::new();
    let mut relative = file;
    if file.starts_with('/') || name::has_prefix(file) {
        names.push(file.to_owned());
        if needs_directory {
            return names;
        }
        relative = file.rsplit('/').next().unwrap_or(file);
    }
    for prefix in prefixes.iter().filter(|prefix| !prefix.is_empty()) {
        let prefix = prefix.replace(ORIGIN, origin.strip_suffix('/').unwrap_or(origin));
        let slash = if prefix.ends_with(['/', ':']) { "" } else { "/" };
        names.push(format!("{prefix}{slash}{relative}"));
    }
    names.push(format!("{origin}{relative}"));
    names.push(relative.to_owned());
    names.retain(|name| !name.is_empty());
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Opens the file that a link of a group leads to.
pub fn open(group: &Rc<Node>, link: &Link<'_>, access: Hid) -> Result<Target> {
    let properties = properties(group, link, access)?;
    let variable = std::env::var(PREFIX_VARIABLE).unwrap_or_default();
    let mut prefixes: Vec<String> = variable.split(':').map(str::to_owned).collect();
    prefixes.extend(properties.prefix.clone());
    let candidates = candidates(link.file, &group.file.name, &prefixes, false);
    let failed = |minor: Minor, told: Option<Failure>| {
        let why = told.map_or_else(String::new, |failure| format!(" ({})", failure.text));
        let sentence = format!("unable to open external file, external link file name = '{}'{why}", link.file);
        Failure::new(minor, sentence)
    };
    match look_for(&candidates, |candidate| open_one(candidate, &properties, &group.file)) {
        Ok(Found::File(target)) => Ok(target),
        Ok(Found::Nothing(told)) => Err(failed(Minor::CannotOpenFile, told.into_iter().next())),
        // Nobody may take what cannot be looked at now for what is not there.
        Err(failure) => Err(failed(failure.minor, Some(failure))),
    }
}

/// What comes of looking for a file under several names.
enum Found<T> {
    File(T),
    /// With what was told of names that are those of no file.
    Nothing(Vec<Failure>),
}

/// Opens the first file that is there. One that may be there and cannot be looked at ends it: what a later name stands for is another file.
fn look_for<T>(names: &[String], mut open: impl FnMut(&str) -> Result<Option<T>>) -> Result<Found<T>> {
    let mut told = Vec::new();
    for name in names {
        match open(name) {
            Ok(Some(file)) => return Ok(Found::File(file)),
            Ok(None) => {}
            // A name that makes no sense is that of no file.
            Err(failure) if is_missing(&failure) || failure.minor == Minor::BadValue => told.push(failure),
            Err(failure) => return Err(failure),
        }
    }
    Ok(Found::Nothing(told))
}

/// Whether a source of a virtual dataset is missing, and not one that could not be looked at. HDF5 does not tell these apart for its own files.
pub fn is_missing(failure: &Failure) -> bool {
    matches!(failure.minor, Minor::NotFound | Minor::NotHdf5 | Minor::CannotOpenFile)
}

/// Opens a file with sources of a virtual dataset of another one. None when there is none, which is no error: its elements are the fill value.
pub fn open_source(
    holder: &File,
    (name, needs_directory): (&str, bool),
    prefixes: &[String],
) -> Result<Option<Target>> {
    // By itself each rank would write beside the others.
    let flags = if holder.is_writable() && !holder.is_shared() { ACCESS_WRITE } else { 0 } | holder.sharing.get();
    let properties = Properties { prefix: None, flags, files: inherited(holder)?, is_chosen: false };
    let candidates = candidates(name, &holder.name, prefixes, needs_directory);
    match library().quietly(|| look_for(&candidates, |candidate| open_one(candidate, &properties, holder)))? {
        Found::File(target) => Ok(Some(target)),
        Found::Nothing(told) => told.into_iter().find(|failure| !is_missing(failure)).map_or(Ok(None), Err),
    }
}

/// A prefix of names, with the directory of the file, and the slash behind it, in the place of what stands for that.
pub fn expand(prefix: &str, holder: &str) -> String {
    match prefix.strip_prefix(ORIGIN) {
        Some(rest) => format!("{}{rest}", directory(holder)),
        None => prefix.to_owned(),
    }
}

/// A name in a link.
fn parse(candidate: &str, properties: &Properties, holder: &File) -> Result<Option<Name>> {
    let said = match properties {
        Properties { is_chosen: true, files, .. } => Information::of(files.get())?,
        _ => Information::default(),
    };
    let said = if said == Information::default() { holder.said() } else { said };
    name::parse(candidate, &said)
}

/// None when there is no such file. The holder is the file with the link.
fn open_one(candidate: &str, properties: &Properties, holder: &File) -> Result<Option<Target>> {
    if let Some(name) = parse(candidate, properties, holder)? {
        match open_in_container(&name, candidate, properties, holder) {
            Ok(file) => {
                file.root()?.header()?;
                file.sharing.set(file.sharing.get() | properties.flags & (ACCESS_WITH_READERS | ACCESS_WITH_WRITER));
                let inherited = if properties.is_chosen { None } else { holder.access.get() };
                file.know_access(inherited.unwrap_or(&properties.files).get())?;
                return Ok(Some(Target::Container(file)));
            }
            // Also where the name does not say that it is ours: nothing of the local file system has it, so it is nobody else's.
            Err(failure) if failure.minor != Minor::NotFound => return Err(failure),
            Err(_) if name::has_prefix(candidate) => return Ok(None),
            // A name that may be one of the local file system, too.
            Err(_) => {}
        }
    }
    if !Path::new(candidate).is_file() {
        return Ok(None);
    }
    // By itself each rank would lock the others out, or write beside them.
    let flags = match properties {
        Properties { is_chosen: true, flags, .. } => *flags,
        // One of HDF5's own must be made for readers beside a writer, which the holder does not ask for.
        Properties { flags, .. } => {
            if holder.is_shared() {
                0
            } else {
                flags & ACCESS_WRITE
            }
        }
    };
    below_calls::open_file(candidate, flags, properties.files.get()).map(|file| Some(Target::Elsewhere(file)))
}

/// Opens a file of a container. Who may only read it still does, unless the program has said how it is to be opened.
fn open_in_container(name: &Name, text: &str, properties: &Properties, holder: &File) -> Result<Rc<File>> {
    match holder.open_other(name, text, properties.is_writable()) {
        Err(failure) if failure.minor == Minor::NotAllowed && !properties.is_chosen => {
            holder.open_other(name, text, false)
        }
        opened => opened,
    }
}

/// A list for a file of which the program has said nothing: the default, and the locking of the file with the link.
fn inherited(holder: &File) -> Result<Identifier> {
    let list = crate::callbacks::default_list(Variable::FILE_ACCESS)?;
    if let Some(access) = holder.access.get() {
        Locking::of(access.get())?.set(list.get())?;
    }
    Ok(list)
}

fn properties(group: &Rc<Node>, link: &Link<'_>, access: Hid) -> Result<Properties> {
    let holder = &group.file;
    let held = if holder.is_writable() { ACCESS_WRITE } else { 0 } | holder.sharing.get();
    if access == DEFAULT || access == library().value(Variable::LINK_ACCESS_DEFAULT) {
        return Ok(Properties { prefix: None, flags: held, files: inherited(holder)?, is_chosen: false });
    }
    let mut flags = ACCESS_DEFAULT;
    let mut callback: (Option<ExternalCallback>, *mut c_void) = (None, std::ptr::null_mut());
    let mut text = vec![0_u8; 4096];
    // SAFETY: numbers, pointers and text are ours.
    let (length, list) = unsafe {
        library().list_link_flags(access, &raw mut flags);
        library().list_link_callback(access, &raw mut callback.0, &raw mut callback.1);
        let length = library().list_link_prefix(access, text.as_mut_ptr().cast(), text.len());
        (length, library().list_link_files(access))
    };
    text.truncate(usize::try_from(length).unwrap_or_default().min(text.len() - 1));
    let prefix = (!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned());
    let files = if list > 0 { Identifier::new(list, "property list")? } else { inherited(holder)? };
    if let Some(function) = callback.0 {
        ask(group, link, (function, callback.1), &mut flags, &files)?;
    }
    let is_chosen = list > 0 || flags != ACCESS_DEFAULT || callback.0.is_some();
    let flags = if flags == ACCESS_DEFAULT { held } else { flags };
    Ok(Properties { prefix, flags, files, is_chosen })
}

/// Calls the program's function, which may change how the file is opened.
fn ask(
    group: &Rc<Node>,
    link: &Link<'_>,
    (function, data): (ExternalCallback, *mut c_void),
    flags: &mut u32,
    files: &Identifier,
) -> Result<()> {
    let text =
        |bytes: &[u8]| CString::new(bytes).map_err(|_| Failure::new(Minor::Damaged, "a name has a zero byte in it"));
    let path = Located::nowhere(Rc::clone(group)).some_path()?.unwrap_or_default();
    let (holder, path) = (text(group.file.name.as_bytes())?, text(&path)?);
    let (file, object) = (text(link.file.as_bytes())?, text(link.path)?);
    // SAFETY: the function is the program's, which gets what HDF5's documentation says.
    let result =
        unsafe { function(holder.as_ptr(), path.as_ptr(), file.as_ptr(), object.as_ptr(), flags, files.get(), data) };
    if result < 0 {
        Err(Failure::new(Minor::BadValue, "the program refuses to follow an external link"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_a_file_and_a_path() {
        let link = Link::decode(b"\0other.h5\0/in/it\0").expect("as HDF5 writes it");
        assert_eq!(link, Link { file: "other.h5", path: b"/in/it" });
        for wrong in [&b""[..], b"\x10other.h5\0/a\0", b"\0other.h5", b"\0\xff\0/a\0"] {
            assert!(Link::decode(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_missing() {
        use crate::daos::failed_file;
        for errno in [libc::ENOENT, libc::ENOTDIR] {
            assert!(is_missing(&failed_file("cannot open it", errno)), "{errno}");
        }
        for errno in [libc::EIO, libc::ETIMEDOUT, libc::EACCES, libc::ENOMEM, libc::ENOSPC, libc::EAGAIN] {
            assert!(!is_missing(&failed_file("cannot open it", errno)), "{errno}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_ends_the_search() {
        let names = ["one", "other"].map(str::to_owned);
        let found = |minor| {
            let open = |name: &str| if name == "one" { Err(Failure::new(minor, "no")) } else { Ok(Some(2)) };
            look_for(&names, open)
        };
        for minor in [Minor::NotFound, Minor::NotHdf5, Minor::CannotOpenFile, Minor::BadValue] {
            assert!(matches!(found(minor), Ok(Found::File(2))), "{minor:?}");
        }
        for minor in [Minor::ReadError, Minor::NotAllowed, Minor::Damaged, Minor::Internal, Minor::NoSpace] {
            assert_eq!(found(minor).err().map(|failure| failure.minor), Some(minor));
        }
        let nothing = look_for(&names, |_| Err::<Option<()>, _>(Failure::new(Minor::NotFound, "no")));
        assert!(matches!(nothing, Ok(Found::Nothing(told)) if told.len() == 2));
    }

    #[test]
    fn files_are_looked_for_where_hdf5_looks() {
        let found = |file: &str, holder: &str, prefixes: &[&str]| {
            candidates(file, holder, &prefixes.iter().map(|prefix| (*prefix).to_owned()).collect::<Vec<_>>(), false)
        };
        assert_eq!(found("b.h5", "daos://p/c/d/a.h5", &[]), ["daos://p/c/d/b.h5", "b.h5"]);
        assert_eq!(found("b.h5", "daos:a.h5", &[]), ["daos:b.h5", "b.h5"]);
        assert_eq!(found("b.h5", "a.h5", &["x", ""]), ["x/b.h5", "b.h5"]);
        assert_eq!(found("/n/b.h5", "/m/a.h5", &["${ORIGIN}/x"]), ["/n/b.h5", "/m/x/b.h5", "/m/b.h5", "b.h5"]);
        assert_eq!(found("daos://p/c/b.h5", "a.h5", &[]), ["daos://p/c/b.h5", "b.h5"]);
        assert_eq!(found("e/b.h5", "daos://p/c/a.h5", &["daos:"]), ["daos:e/b.h5", "daos://p/c/e/b.h5", "e/b.h5"]);
        assert_eq!(candidates("/7/b.h5", "/m/a.h5", &["x".to_owned()], true), ["/7/b.h5"]);
        assert_eq!(candidates("7/b.h5", "/m/a.h5", &[], true), ["/m/7/b.h5", "7/b.h5"]);
    }
}
