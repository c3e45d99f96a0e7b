//! Following a path from a group to an object: by hard and soft links, by external ones into other files, and into mounted files.

use crate::detour;
use crate::external;
use crate::failure::{Failure, Minor, Result};
use crate::format::LinkTarget;
use crate::hdf5::{DEFAULT, Hid, library, link_type};
use crate::node::Node;
use crate::user_links;
use std::rc::Rc;

/// Makes a group with a name that is missing on the way.
pub type MakeGroup<'a> = &'a mut dyn FnMut(&Rc<Node>, &[u8]) -> Result<()>;

/// Follows a path from a group to an object.
pub struct Walk {
    /// The list of properties that says how links are followed.
    access: Hid,
    /// Soft and external links that may still be followed, so that a circle ends; not known before the first of them.
    left: Option<usize>,
}

/// Such links in one path, unless the list says something else (`H5Pset_nlinks`).
const LINKS_MAX: usize = 16;

/// Such links that a list allows.
pub fn links_max(access: Hid) -> usize {
    let mut count = 0;
    // SAFETY: the number is ours.
    if access != DEFAULT && unsafe { library().list_link_count(access, &raw mut count) } >= 0 {
        count
    } else {
        LINKS_MAX
    }
}

impl Walk {
    /// One that follows links as a list of access says.
    pub fn new(access: Hid) -> Self {
        Self { access, left: None }
    }

    /// The object that a path leads to.
    pub fn object(&mut self, start: &Rc<Node>, path: &[u8]) -> Result<Rc<Node>> {
        let mut node = begin(start, path)?;
        let mut names = parts(path);
        while let Some(name) = names.next() {
            node = self.step(&node, name).inspect_err(|failure| detour::lengthen(failure, names.clone()))?;
        }
        Ok(node)
    }

    /// What a link of a group leads to.
    pub fn step(&mut self, group: &Rc<Node>, name: &[u8]) -> Result<Rc<Node>> {
        let not_found =
            |what: &str| Failure::new(Minor::NotFound, format!("object '{}' {what}", String::from_utf8_lossy(name)));
        if group.require_group().is_err() {
            return Err(not_found("is below something that is no group"));
        }
        let Some((link, header)) = group.link_and_header(name)? else { return Err(not_found("doesn't exist")) };
        match link.target {
            LinkTarget::Hard(token) => {
                let node = group.file.node(token)?;
                if let Some(header) = header {
                    node.learn_header(&header);
                }
                node.uncovered()
            }
            LinkTarget::Soft(path) => {
                self.count(not_found)?;
                self.object(group, &path)
            }
            LinkTarget::UserDefined { kind, value } if i32::from(kind) == link_type::EXTERNAL => {
                self.count(not_found)?;
                let link = external::Link::decode(&value)?;
                match external::open(group, &link, self.access)? {
                    external::Target::Container(file) => self.object(&file.root()?, link.path),
                    external::Target::Elsewhere(file) => Err(detour::begin(file, link.path)),
                }
            }
            LinkTarget::UserDefined { kind, value } => {
                self.count(not_found)?;
                user_links::Link { kind, name, value: &value }.follow(group, self.access)
            }
        }
    }

    fn count(&mut self, failure: impl Fn(&str) -> Failure) -> Result<()> {
        let left = self.left.get_or_insert_with(|| links_max(self.access));
        *left = left.checked_sub(1).ok_or_else(|| failure("is behind too many soft links"))?;
        Ok(())
    }

    /// The group that a path's last name is in, and that name; groups on the way are made when that is wanted.
    pub fn parent<'a>(
        &mut self,
        start: &Rc<Node>,
        path: &'a [u8],
        make: Option<MakeGroup<'_>>,
    ) -> Result<(Rc<Node>, &'a [u8])> {
        let mut names = parts(path).peekable();
        if names.peek().is_none() {
            return Err(Failure::new(Minor::BadValue, "a path names the group itself and no link in it"));
        }
        let mut node = begin(start, path)?;
        let mut make = make;
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                node.require_group()?;
                return Ok((node, name));
            }
            if let Some(make) = make.as_mut()
                && node.link(name)?.is_none()
            {
                make(&node, name)?;
            }
            node = self.step(&node, name).inspect_err(|failure| detour::lengthen(failure, names.clone()))?;
        }
        Err(Failure::new(Minor::Internal, "a path has ended before its last name"))
    }
}

/// Where a path begins.
fn begin(start: &Rc<Node>, path: &[u8]) -> Result<Rc<Node>> {
    if path.starts_with(b"/") { start.file.outermost().root() } else { Ok(Rc::clone(start)) }
}

/// The names in a path; empty ones and dots are none.
fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".")
}
