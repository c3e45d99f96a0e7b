//! Joining nodes that have become sparse with their neighbours, and doing without levels that are not needed any more.
//!
//! It happens where entries are taken out, in the same transaction: a few nodes of one path at most, and nothing is allocated.

use super::node::Node;
use super::{Cursor, HEIGHT_MAX, Tree};
use daos_media::{Arena, Transaction};
use daos_status::Result;

/// A node is sparse when it is filled to less than one part in so many.
const SPARSE_SHARE: usize = 4;

/// Two nodes become one when that leaves one part in so many of it free: so it takes many changes until it is cut again.
const SPARE_SHARE: usize = 4;

const _: () = assert!(HEIGHT_MAX < u8::MAX as usize);

impl Tree {
    /// Joins the last node of a path, which has lost an entry, when it is sparse, and then those above it.
    pub(super) fn join_sparse(&self, transaction: &mut Transaction<'_>, mut cursor: Cursor) -> Result<()> {
        while cursor.depth > 1 {
            let node = cursor.path[cursor.depth - 1].0;
            if usize::from(node.count) * SPARSE_SHARE > usize::from(node.capacity) {
                break;
            }
            let (mut parent, at) = cursor.path[cursor.depth - 2];
            let Some((at, left, right)) = pair_around(transaction.arena(), parent, at)? else { break };
            join(transaction, &mut parent, at, left, right)?;
            cursor.path[cursor.depth - 2].0 = parent;
            cursor.depth -= 1;
        }
        self.lower_root(transaction, cursor.path[0].0)
    }

    /// Does without a root that has one child only.
    fn lower_root(&self, transaction: &mut Transaction<'_>, mut root: Node) -> Result<()> {
        let mut is_lower = false;
        while root.level > 0 && root.count == 1 {
            let child = root.child(transaction.arena(), 0)?;
            root.free(transaction)?;
            (root, is_lower) = (child, true);
        }
        if is_lower {
            transaction.write(self.position, &root.link_of_node().to_le_bytes())?;
            transaction.write(self.position + 4, &[root.level])?;
        }
        Ok(())
    }
}

/// The node below an entry with a neighbour, when both fit one: the entry of the left one, and both.
fn pair_around(arena: &Arena, parent: Node, at: usize) -> Result<Option<(usize, Node, Node)>> {
    for left_at in [Some(at), at.checked_sub(1)].into_iter().flatten() {
        if left_at + 1 >= usize::from(parent.count) {
            continue;
        }
        let (left, right) = (parent.child(arena, left_at)?, parent.child(arena, left_at + 1)?);
        let (count, room) = (usize::from(left.count) + usize::from(right.count), usize::from(left.capacity));
        if count + room / SPARE_SHARE <= room {
            return Ok(Some((left_at, left, right)));
        }
    }
    Ok(None)
}

/// Moves everything of the right node to the left one, which is below the entry `at` of their parent.
fn join(
    transaction: &mut Transaction<'_>,
    parent: &mut Node,
    at: usize,
    mut left: Node,
    mut right: Node,
) -> Result<()> {
    if right.level > 0 {
        // Its first word has stood for minus infinity; between others it must be the bound that the parent knows.
        let order = parent.order(transaction.arena(), at + 1)?;
        right.set_order(transaction, 0, order)?;
    }
    let count = usize::from(right.count);
    right.move_left(transaction, &mut left, count)?;
    right.free(transaction)?;
    parent.remove(transaction, at + 1)?;
    parent.set_end(transaction, at, left.end_max(transaction.arena())?)
}
