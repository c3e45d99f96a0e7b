//! The children of a level, one after the other.

use crate::key_order::KeyProbe;
use crate::level::{ChildOrder, Children, Level};
use crate::tree::Cursor;
use daos_media::Arena;
use daos_status::Result;

/// Where the walk stands among the children of a level.
pub(super) enum Place {
    /// Behind the last child that is done.
    Unknown,
    /// At this one, in a tree that has not changed.
    At(Box<Cursor>),
    End,
}

impl Place {
    /// The next child, and goes behind it.
    pub(super) fn next(
        &mut self,
        arena: &Arena,
        level: &Level,
        order: ChildOrder,
        behind: Option<&[u8]>,
    ) -> Result<Option<u32>> {
        let tree = match level.children()? {
            Children::None => return Ok(None),
            Children::Direct(link) => {
                if matches!(std::mem::replace(self, Place::End), Place::End) {
                    return Ok(None);
                }
                let Some(behind) = behind else { return Ok(Some(link)) };
                let key = Level::load(arena, link)?.key(arena)?;
                let is_behind = (order.order_of(&key)?, &key[..]) > (order.order_of(behind)?, behind);
                return Ok(is_behind.then_some(link));
            }
            Children::Tree(tree) => tree,
        };
        let mut cursor = match std::mem::replace(self, Place::End) {
            Place::End => return Ok(None),
            Place::At(cursor) => cursor,
            Place::Unknown => {
                let found = match behind {
                    None => tree.first(arena)?,
                    Some(key) => tree.seek(arena, &KeyProbe { order: order.order_of(key)?, bytes: key }, true)?,
                };
                let Some(cursor) = found else { return Ok(None) };
                Box::new(cursor)
            }
        };
        let link = cursor.entry(arena)?.link;
        if cursor.next(arena)? {
            *self = Place::At(cursor);
        }
        Ok(Some(link))
    }
}
