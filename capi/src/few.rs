//! A few things in a row, of which there is mostly one: that one needs no memory of its own.

use core::ops::Deref;

/// The things, in the order in which they came.
#[derive(Clone, Debug)]
pub enum Few<T> {
    /// None yet.
    Empty,
    /// One.
    One(T),
    /// More, or those that once were more.
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// All of an iterator.
    pub fn of(things: impl Iterator<Item = T>) -> Few<T> {
        let mut few = Few::Empty;
        for thing in things {
            few.push(thing);
        }
        few
    }

    /// One more.
    pub fn push(&mut self, thing: T) {
        *self = match core::mem::replace(self, Few::Empty) {
            Few::Empty => Few::One(thing),
            Few::One(first) => Few::Many(vec![first, thing]),
            Few::Many(mut things) => {
                things.push(thing);
                Few::Many(things)
            }
        };
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Few::Empty => &[],
            Few::One(thing) => core::slice::from_ref(thing),
            Few::Many(things) => things,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_stay_in_order() {
        for count in 0..5 {
            let things: Vec<u32> = (0..count).collect();
            assert_eq!(*Few::of(things.iter().copied()), things[..]);
        }
    }
}
