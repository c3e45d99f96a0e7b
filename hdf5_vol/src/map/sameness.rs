//! Which bytes of an element mean nothing: keys that are equal must be the same bytes in the container.
//!
//! What is behind the end of a text that a zero byte ends becomes zero, and so do the sign of a zero and what is between members. Numbers with bits that mean nothing, as those
//! of `long double`, are no keys.

use crate::failure::{Failure, Minor, Result};
use crate::hdf5::{Hid, base_type, class_of_type, library, member_count, member_type, size_of_type, type_class};
use std::ops::Range;

/// `H5T_STR_NULLTERM`, `H5T_ORDER_LE` and `H5T_ORDER_BE`.
const ENDS_WITH_ZERO: i32 = 0;
const LITTLE_ENDIAN: i32 = 0;
const BIG_ENDIAN: i32 = 1;

/// More parts than a key of DAOS can have bytes.
const PARTS_MAX: usize = 64 << 10;

/// A part of an element of which some bytes may mean nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    /// A text that ends with a zero byte, or where its room does.
    Text(Range<usize>),
    /// Between members.
    Gap(Range<usize>),
    /// A floating-point number, and which of its bits is the sign, counted from its first byte.
    Number { place: Range<usize>, sign: usize },
}

impl Part {
    fn settle(&self, element: &mut [u8]) {
        match self {
            Self::Text(place) => {
                let text = &mut element[place.clone()];
                let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
                text[end..].fill(0);
            }
            Self::Gap(place) => element[place.clone()].fill(0),
            Self::Number { place, sign } => {
                let number = &mut element[place.clone()];
                let (byte, bit) = (sign / 8, 1u8 << (sign % 8));
                let is_zero =
                    number.iter().enumerate().all(|(at, value)| value & !(if at == byte { bit } else { 0 }) == 0);
                if is_zero {
                    number.fill(0);
                }
            }
        }
    }
}

/// The parts of elements of a datatype.
pub struct Sameness {
    size: usize,
    parts: Vec<Part>,
}

impl Sameness {
    /// Of elements of this datatype; an error where equal elements may differ in bits.
    pub fn of(kind: Hid) -> Result<Self> {
        let mut parts = Vec::new();
        look(kind, 0, &mut parts)?;
        Ok(Self { size: size_of_type(kind), parts })
    }

    /// Makes equal elements the same bytes.
    pub fn settle(&self, elements: &mut [u8]) {
        for element in elements.chunks_exact_mut(self.size.max(1)) {
            for part in &self.parts {
                part.settle(element);
            }
        }
    }
}

fn look(kind: Hid, offset: usize, parts: &mut Vec<Part>) -> Result<()> {
    let size = size_of_type(kind);
    let place = offset..offset + size;
    match class_of_type(kind) {
        type_class::STRING => {
            // SAFETY: takes no pointer.
            if unsafe { library().type_padding(kind) } == ENDS_WITH_ZERO {
                parts.push(Part::Text(place));
            }
        }
        type_class::INTEGER | type_class::BITFIELD => require_whole(kind, size)?,
        type_class::FLOAT => {
            require_whole(kind, size)?;
            parts.push(Part::Number { place, sign: sign_bit(kind, size)? });
        }
        type_class::ENUMERATION => look(base_type(kind)?.get(), offset, parts)?,
        type_class::OPAQUE => {}
        type_class::COMPOUND => look_at_members(kind, place, parts)?,
        type_class::ARRAY => {
            let base = base_type(kind)?;
            let step = size_of_type(base.get()).max(1);
            for at in place.step_by(step) {
                look(base.get(), at, parts)?;
            }
        }
        _ => return Err(refused("its class has no rule for which elements are equal")),
    }
    if parts.len() > PARTS_MAX { Err(refused("it is larger than a key can be")) } else { Ok(()) }
}

fn look_at_members(kind: Hid, place: Range<usize>, parts: &mut Vec<Part>) -> Result<()> {
    let mut members = Vec::new();
    for number in 0..member_count(kind) {
        // SAFETY: takes no pointer.
        let within = unsafe { library().type_member_offset(kind, number) };
        members.push((place.start + within, member_type(kind, number)?));
    }
    members.sort_by_key(|(at, _)| *at);
    let mut end = place.start;
    for (at, member) in members {
        parts.extend((at > end).then_some(Part::Gap(end..at)));
        look(member.get(), at, parts)?;
        end = at + size_of_type(member.get());
    }
    parts.extend((place.end > end).then_some(Part::Gap(end..place.end)));
    Ok(())
}

fn require_whole(kind: Hid, size: usize) -> Result<()> {
    // SAFETY: takes no pointer.
    if unsafe { library().type_precision(kind) } == 8 * size {
        return Ok(());
    }
    Err(refused("it has bits that mean nothing, so equal keys could differ"))
}

/// Which bit of a number's bytes is the sign, counted from the first byte.
fn sign_bit(kind: Hid, size: usize) -> Result<usize> {
    let mut sign = 0;
    let null = std::ptr::null_mut;
    // SAFETY: the place is ours, and those that are null are not wanted.
    let (told, order) = unsafe {
        (library().type_fields(kind, &raw mut sign, null(), null(), null(), null()), library().type_order(kind))
    };
    match order {
        _ if told < 0 || sign >= 8 * size => Err(refused("HDF5 does not tell how it is made")),
        LITTLE_ENDIAN => Ok(sign),
        BIG_ENDIAN => Ok(8 * (size - 1 - sign / 8) + sign % 8),
        _ => Err(refused("its bytes are in no common order")),
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(Minor::BadType, format!("the datatype cannot be one of keys: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(part: Part, mut bytes: Vec<u8>) -> Vec<u8> {
        let size = bytes.len();
        Sameness { size, parts: vec![part] }.settle(&mut bytes);
        bytes
    }

    #[test]
    fn only_what_is_behind_the_end_of_a_text_becomes_zero() {
        assert_eq!(settled(Part::Text(1..5), b"xa\0bcy".to_vec()), b"xa\0\0\0y");
        assert_eq!(settled(Part::Text(0..3), b"abc".to_vec()), b"abc");
        assert_eq!(settled(Part::Gap(1..3), b"abcd".to_vec()), b"a\0\0d");
    }

    #[test]
    fn zeros_lose_their_sign_and_other_numbers_do_not() {
        let little = |number: f64| settled(Part::Number { place: 0..8, sign: 63 }, number.to_le_bytes().to_vec());
        assert_eq!(little(-0.0), 0f64.to_le_bytes());
        for number in [0.0, -1.5, f64::MIN_POSITIVE, -f64::MIN_POSITIVE / 2.0, f64::NEG_INFINITY] {
            assert_eq!(little(number), number.to_le_bytes());
        }
        let big = |number: f32| settled(Part::Number { place: 0..4, sign: 7 }, number.to_be_bytes().to_vec());
        assert_eq!((big(-0.0), big(-2.0)), (0f32.to_be_bytes().to_vec(), (-2f32).to_be_bytes().to_vec()));
    }

    #[test]
    fn each_of_many_elements_is_settled() {
        let mut bytes = b"a\0xb\0y".to_vec();
        Sameness { size: 3, parts: vec![Part::Text(0..3)] }.settle(&mut bytes);
        assert_eq!(bytes, b"a\0\0b\0\0");
    }
}
