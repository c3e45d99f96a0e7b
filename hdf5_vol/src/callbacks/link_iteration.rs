//! Going through the links of a group, also of all groups below it, and through all objects below one.

use super::link::information;
use super::object;
use crate::failure::{Failure, Minor, Result};
use crate::format::{Kind, LinkRecord, LinkTarget, Token};
use crate::handle::{Handle, Located};
use crate::hdf5::arguments::{LinkIterate, ObjectVisit};
use crate::hdf5::{Herr, Identifier, index_type, order};
use crate::node::Node;
use std::collections::HashSet;
use std::ffi::CString;
use std::rc::Rc;

/// Links that are read before the program's function is called for the first of them.
const AHEAD: usize = 256;

/// Groups within groups: deeper ones are an error and not the end of the stack.
const DEPTH_MAX: usize = 1000;

/// Calls the program's function for each link. What it gives ends the iteration unless it is zero.
///
/// # Safety
/// The arguments are those that HDF5 gives.
pub unsafe fn run(group: &Located, iterate: &LinkIterate) -> Result<Herr> {
    group.node.require_group()?;
    let mut links = Links {
        start: Handle::Group(group.clone()).register()?,
        iterate,
        by_creation: iterate.index == index_type::CREATION_ORDER,
        decreasing: iterate.order == order::DECREASING,
        seen: HashSet::from([group.node.token]),
    };
    if iterate.is_recursive {
        // SAFETY: as the caller promises.
        return unsafe { links.visit(&group.node, b"", 0) };
    }
    // SAFETY: null, or a number of the program's.
    let position = unsafe { iterate.position.as_mut() };
    let first = position.as_ref().map_or(0, |position| **position);
    let names = group.node.ordered_link_names(links.by_creation, links.decreasing)?;
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    if first > 0 && first >= names.len() {
        return Err(Failure::new(Minor::BadValue, "an iteration begins behind the last link"));
    }
    let mut done = first;
    let mut result = 0;
    'names: for names in names[first..].chunks(AHEAD) {
        let records = group.node.records(names)?;
        group.node.keep_links(names, &records);
        for (name, link) in names.iter().zip(records) {
            done += 1;
            // SAFETY: as the caller promises.
            result = unsafe { links.call(link.as_ref(), name)? };
            if result != 0 {
                break 'names;
            }
        }
    }
    if let Some(position) = position {
        *position = done as u64;
    }
    Ok(result)
}

struct Links<'a> {
    start: Identifier,
    iterate: &'a LinkIterate,
    by_creation: bool,
    decreasing: bool,
    seen: HashSet<Token>,
}

fn joined(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

fn text(name: &[u8]) -> Result<CString> {
    CString::new(name).map_err(|_| Failure::new(Minor::Damaged, "a name has a zero byte in it"))
}

fn too_deep() -> Failure {
    Failure::new(Minor::BadValue, "the groups are too many levels deep")
}

impl Links<'_> {
    /// Calls the function for one link, which may be gone meanwhile.
    unsafe fn call(&mut self, link: Option<&LinkRecord>, path: &[u8]) -> Result<Herr> {
        let Some(link) = link else { return Ok(0) };
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let (path, information) = (text(path)?, information(link, name)?);
        // SAFETY: the function is the program's, which gets what HDF5's documentation says.
        Ok(unsafe {
            (self.iterate.visitor)(self.start.get(), path.as_ptr(), &raw const information, self.iterate.data)
        })
    }

    unsafe fn visit(&mut self, group: &Rc<Node>, prefix: &[u8], depth: usize) -> Result<Herr> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        let by_creation = self.by_creation && group.tracking()?.links;
        let names = group.ordered_link_names(by_creation, self.decreasing)?;
        let links = group.records(&names)?;
        group.keep_links(&names, &links);
        for (name, link) in names.iter().zip(links) {
            let path = joined(prefix, name);
            // SAFETY: as for `call`.
            let result = unsafe { self.call(link.as_ref(), &path)? };
            if result != 0 {
                return Ok(result);
            }
            let Some(LinkTarget::Hard(token)) = link.map(|link| link.target) else { continue };
            if token.kind() == Kind::Group && self.seen.insert(token) {
                let below = group.file.node(token)?;
                // SAFETY: the same.
                let result = unsafe { self.visit(&below, &path, depth + 1)? };
                if result != 0 {
                    return Ok(result);
                }
            }
        }
        Ok(0)
    }
}

/// Calls the program's function for an object and all that hard links lead to below it, each once.
///
/// # Safety
/// The arguments are those that HDF5 gives.
pub unsafe fn visit_objects(start: Located, visit: &ObjectVisit) -> Result<Herr> {
    let node = Rc::clone(&start.node);
    let mut objects = Objects { start: Handle::open(start)?.register()?, visit, seen: HashSet::from([node.token]) };
    // SAFETY: as the caller promises.
    let result = unsafe { objects.call(&node, b".")? };
    if result != 0 || node.token.kind() != Kind::Group {
        return Ok(result);
    }
    // SAFETY: the same.
    unsafe { objects.below(&node, b"", 0) }
}

struct Objects<'a> {
    start: Identifier,
    visit: &'a ObjectVisit,
    seen: HashSet<Token>,
}

impl Objects<'_> {
    unsafe fn call(&mut self, node: &Rc<Node>, path: &[u8]) -> Result<Herr> {
        let (path, information) = (text(path)?, object::information(node, self.visit.fields)?);
        // SAFETY: the function is the program's, which gets what HDF5's documentation says.
        Ok(unsafe { (self.visit.visitor)(self.start.get(), path.as_ptr(), &raw const information, self.visit.data) })
    }

    unsafe fn below(&mut self, group: &Rc<Node>, prefix: &[u8], depth: usize) -> Result<Herr> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        let by_creation = self.visit.index == index_type::CREATION_ORDER && group.tracking()?.links;
        let names = group.ordered_link_names(by_creation, self.visit.order == order::DECREASING)?;
        let links = group.records(&names)?;
        for (name, link) in names.iter().zip(links) {
            let Some(LinkTarget::Hard(token)) = link.map(|link| link.target) else { continue };
            if !self.seen.insert(token) {
                continue;
            }
            let (node, path) = (group.file.node(token)?, joined(prefix, name));
            // SAFETY: as for `call`.
            let mut result = unsafe { self.call(&node, &path)? };
            if result == 0 && token.kind() == Kind::Group {
                // SAFETY: the same.
                result = unsafe { self.below(&node, &path, depth + 1)? };
            }
            if result != 0 {
                return Ok(result);
            }
        }
        Ok(0)
    }
}
