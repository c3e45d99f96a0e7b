//! Lists that nearly always have one element.

use std::fmt;
use std::iter::FusedIterator;
use std::ops::{Deref, DerefMut};
use std::{slice, vec};

/// Some elements in their order. One of them lies in place: most requests name one akey and one extent, and neither they nor their
/// replies need memory of their own then. It is used as a slice.
#[derive(Clone)]
pub enum Few<T> {
    /// One.
    One(T),
    /// Any number.
    Many(Vec<T>),
}

impl<T> Few<T> {
    /// None.
    #[inline]
    pub const fn new() -> Few<T> {
        Few::Many(Vec::new())
    }

    /// Adds an element behind the others.
    pub fn push(&mut self, element: T) {
        match self {
            Few::Many(elements) if elements.capacity() > elements.len() => elements.push(element),
            Few::Many(elements) if elements.is_empty() => *self = Few::One(element),
            Few::Many(elements) => elements.push(element),
            Few::One(_) => {
                let Few::One(first) = std::mem::take(self) else { return };
                *self = Few::Many(vec![first, element]);
            }
        }
    }

    /// Takes the last element.
    pub fn pop(&mut self) -> Option<T> {
        match self {
            Few::Many(elements) => elements.pop(),
            Few::One(_) => match std::mem::take(self) {
                Few::One(element) => Some(element),
                Few::Many(_) => None,
            },
        }
    }
}

impl<T> Default for Few<T> {
    #[inline]
    fn default() -> Few<T> {
        Few::new()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Few::One(element) => slice::from_ref(element),
            Few::Many(elements) => elements,
        }
    }
}

impl<T> DerefMut for Few<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Few::One(element) => slice::from_mut(element),
            Few::Many(elements) => elements,
        }
    }
}

impl<T> From<Vec<T>> for Few<T> {
    #[inline]
    fn from(elements: Vec<T>) -> Few<T> {
        Few::Many(elements)
    }
}

impl<T, const LENGTH: usize> From<[T; LENGTH]> for Few<T> {
    #[inline]
    fn from(elements: [T; LENGTH]) -> Few<T> {
        elements.into_iter().collect()
    }
}

impl<T> FromIterator<T> for Few<T> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Few<T> {
        let mut elements = elements.into_iter();
        let Some(first) = elements.next() else { return Few::new() };
        let Some(second) = elements.next() else { return Few::One(first) };
        let mut all = Vec::with_capacity(elements.size_hint().0.saturating_add(2));
        all.extend([first, second]);
        all.extend(elements);
        Few::Many(all)
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = FewIntoIter<T>;
    #[inline]
    fn into_iter(self) -> FewIntoIter<T> {
        match self {
            Few::One(element) => FewIntoIter::One(Some(element)),
            Few::Many(elements) => FewIntoIter::Many(elements.into_iter()),
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;
    #[inline]
    fn into_iter(self) -> slice::Iter<'a, T> {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Few<T> {
    type Item = &'a mut T;
    type IntoIter = slice::IterMut<'a, T>;
    #[inline]
    fn into_iter(self) -> slice::IterMut<'a, T> {
        self.iter_mut()
    }
}

/// The elements of a [`Few`], given away.
pub enum FewIntoIter<T> {
    /// One at most.
    One(Option<T>),
    /// Any number.
    Many(vec::IntoIter<T>),
}

impl<T> Iterator for FewIntoIter<T> {
    type Item = T;
    #[inline]
    fn next(&mut self) -> Option<T> {
        match self {
            FewIntoIter::One(element) => element.take(),
            FewIntoIter::Many(elements) => elements.next(),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let length = match self {
            FewIntoIter::One(element) => usize::from(element.is_some()),
            FewIntoIter::Many(elements) => elements.len(),
        };
        (length, Some(length))
    }
}

impl<T> ExactSizeIterator for FewIntoIter<T> {}
impl<T> FusedIterator for FewIntoIter<T> {}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Few<T>) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T: PartialEq, const LENGTH: usize> PartialEq<[T; LENGTH]> for Few<T> {
    fn eq(&self, other: &[T; LENGTH]) -> bool {
        **self == *other
    }
}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is done to it, it holds what a vector does.
    #[test]
    fn it_is_the_vector_of_its_elements() {
        for length in 0..5 {
            let plain: Vec<u32> = (0..length).collect();
            let mut pushed = Few::new();
            plain.iter().for_each(|element| pushed.push(*element));
            let collected: Few<u32> = plain.iter().copied().collect();
            assert_eq!(matches!(pushed, Few::One(_)), length == 1);
            assert_eq!(matches!(collected, Few::One(_)), length == 1);
            for mut few in [pushed, collected, Few::from(plain.clone())] {
                assert_eq!((&*few, few.clone().into_iter().len()), (&*plain, plain.len()));
                assert_eq!(few.clone().into_iter().collect::<Vec<u32>>(), plain);
                few.iter_mut().for_each(|element| *element += 1);
                let mut popped = Vec::new();
                while let Some(last) = few.pop() {
                    popped.insert(0, last - 1);
                }
                assert_eq!((popped, few.len()), (plain.clone(), 0));
            }
        }
        assert_eq!(Few::from([7]), Few::from(vec![7]));
        assert_eq!(&*Few::from([1, 2, 3]), [1, 2, 3]);
    }
}
