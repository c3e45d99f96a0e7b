//! Long lists travel in parts.

use crate::{Wire, encode};

/// Bytes after which a part of a list ends: with its last entry it still fits any message.
pub const PAGE_BYTES: usize = 48 * 1024;

/// The longest name of a user attribute (`DAOS_ATTR_NAME_MAX`).
pub const ATTRIBUTE_NAME_LENGTH_MAX: usize = 511;
/// The longest value of a user attribute.
pub const ATTRIBUTE_VALUE_LENGTH_MAX: usize = 64 * 1024;

/// The first entries of a list, as many as belong into one part of it: one at least, if there is one. What is left stays
/// in the iterator.
pub fn take_page<T: Wire>(entries: &mut std::iter::Peekable<impl Iterator<Item = T>>) -> Vec<T> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while let Some(entry) = entries.next_if(|entry| bytes == 0 || bytes + encode(entry).len() <= PAGE_BYTES) {
        // An entry that takes no bytes still counts, so that a page ends.
        bytes += encode(&entry).len().max(1);
        page.push(entry);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blob;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_hold_everything_in_order_and_fit(lengths in proptest::collection::vec(0usize..ATTRIBUTE_VALUE_LENGTH_MAX, 0..20)) {
            let mut entries = lengths.iter().map(|length| Blob(vec![7; *length])).peekable();
            let mut seen = Vec::new();
            while entries.peek().is_some() {
                let page = take_page(&mut entries);
                prop_assert!(!page.is_empty());
                prop_assert!(page.len() == 1 || encode(&page).len() <= PAGE_BYTES + 4);
                seen.extend(page.into_iter().map(|blob| blob.0.len()));
            }
            prop_assert_eq!(seen, lengths);
        }
    }
}
