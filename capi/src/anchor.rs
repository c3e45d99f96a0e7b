//! Anchors: where a listing goes on, kept by the caller between two calls.
//!
//! Only `da_type` has a meaning for callers, who read it through `daos_anchor_is_eof`. Flags and sub-anchors are theirs to
//! set and stay as they are; the position is in `da_buf`:
//!
//! | bytes | what |
//! |---|---|
//! | 0..2 | a mark |
//! | 2 | zero |
//! | 3 | length of the position |
//! | 4..8 | shard |
//! | 8..12 | the shard before which it ends, zero for the last one |
//! | 12..104 | position |

use daos_client::Anchor;
use daos_status::{Code, Result, fail};

use crate::abi::*;
use crate::pointer::Out;

/// Tells our positions from other bytes; it changes with their form.
const MARK: [u8; 3] = [0xda, 2, 0];

/// Where the position begins.
const HEADER_LENGTH: usize = 12;

/// Bytes of an anchor.
const BUFFER_LENGTH: usize = DAOS_ANCHOR_BUF_MAX as usize;

/// The anchor at a place.
pub fn read(place: Out<daos_anchor_t>) -> Result<Anchor> {
    let raw = place.get();
    match u32::from(raw.da_type) {
        DAOS_ANCHOR_TYPE_ZERO => return Ok(Anchor::default()),
        DAOS_ANCHOR_TYPE_EOF => return Ok(Anchor { end: true, ..Anchor::default() }),
        DAOS_ANCHOR_TYPE_KEY if raw.da_buf.starts_with(&MARK) => {
            let [.., length, s0, s1, s2, s3, u0, u1, u2, u3] =
                *raw.da_buf.first_chunk::<HEADER_LENGTH>().expect("the buffer is longer");
            let end = HEADER_LENGTH + usize::from(length);
            if let Some(position) = raw.da_buf.get(HEADER_LENGTH..end) {
                let (shard, until) = (u32::from_le_bytes([s0, s1, s2, s3]), u32::from_le_bytes([u0, u1, u2, u3]));
                return Ok(Anchor { position: position.to_vec(), shard, until, end: false });
            }
        }
        _ => {}
    }
    fail!(Code::Inval, "the anchor was not made by this library; zero it before the first call")
}

/// Makes an anchor that was nothing yet: the caller's parts of it are zero.
pub fn begin(place: Out<daos_anchor_t>, anchor: &Anchor) -> Result<()> {
    place.set(daos_anchor_t { da_type: 0, da_shard: 0, da_flags: 0, da_sub_anchors: 0, da_buf: [0; BUFFER_LENGTH] });
    store(place, anchor)
}

/// Stores an anchor for the next call.
pub fn store(place: Out<daos_anchor_t>, anchor: &Anchor) -> Result<()> {
    let mut raw = place.get();
    raw.da_buf = [0; BUFFER_LENGTH];
    raw.da_shard = anchor.shard as u16;
    if anchor.end {
        raw.da_type = DAOS_ANCHOR_TYPE_EOF as u16;
    } else {
        let length = anchor.position.len();
        let Some(part) = raw.da_buf.get_mut(HEADER_LENGTH..HEADER_LENGTH + length) else {
            fail!(Code::Overflow, "a position of {length} bytes does not fit an anchor");
        };
        part.copy_from_slice(&anchor.position);
        raw.da_buf[..3].copy_from_slice(&MARK);
        raw.da_buf[3] = length as u8;
        raw.da_buf[4..8].copy_from_slice(&anchor.shard.to_le_bytes());
        raw.da_buf[8..HEADER_LENGTH].copy_from_slice(&anchor.until.to_le_bytes());
        raw.da_type = DAOS_ANCHOR_TYPE_KEY as u16;
    }
    place.set(raw);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pointer::Caller;

    fn zero() -> daos_anchor_t {
        daos_anchor_t { da_type: 0, da_shard: 0, da_flags: 7, da_sub_anchors: 9, da_buf: [0; BUFFER_LENGTH] }
    }

    fn place(raw: &mut daos_anchor_t) -> Out<daos_anchor_t> {
        // SAFETY: the only pointer that is followed is this one.
        unsafe { Caller::promised() }.out(raw, "anchor").expect("a reference is a good pointer")
    }

    #[test]
    fn anchors_come_back_as_they_were_and_leave_the_caller_his_parts() {
        let positions = [vec![], vec![1, 2, 3], vec![0xff; BUFFER_LENGTH - HEADER_LENGTH]];
        for position in positions {
            let anchor = Anchor { position, shard: 0x1234_5678, until: 0x8765_4321, end: false };
            let mut raw = zero();
            store(place(&mut raw), &anchor).expect("it fits");
            assert_eq!((raw.da_flags, raw.da_sub_anchors), (7, 9));
            assert_eq!(read(place(&mut raw)).expect("our own"), anchor);
        }
        let mut raw = zero();
        assert_eq!(read(place(&mut raw)).expect("the beginning"), Anchor::default());
        store(place(&mut raw), &Anchor { end: true, ..Anchor::default() }).expect("it fits");
        assert_eq!(u32::from(raw.da_type), DAOS_ANCHOR_TYPE_EOF);
        assert!(read(place(&mut raw)).expect("the end").end);
    }

    #[test]
    fn foreign_bytes_and_positions_that_are_too_long_are_errors() {
        let mut raw = zero();
        raw.da_type = DAOS_ANCHOR_TYPE_KEY as u16;
        assert!(read(place(&mut raw)).is_err());
        raw.da_buf = [0xff; BUFFER_LENGTH];
        assert!(read(place(&mut raw)).is_err());
        raw.da_buf[..4].copy_from_slice(&[0xda, 2, 0, 93]);
        assert!(read(place(&mut raw)).is_err());
        raw.da_type = 9;
        assert!(read(place(&mut raw)).is_err());
        let anchor = Anchor { position: vec![0; BUFFER_LENGTH - HEADER_LENGTH + 1], ..Anchor::default() };
        assert!(store(place(&mut raw), &anchor).is_err());
    }
}
