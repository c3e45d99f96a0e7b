//! What may be done with the pointers of a caller.

use core::ffi::{c_char, c_void};

use daos_status::{Code, Result, fail};

/// The most elements that one array argument may have; larger counts are a mistake of the caller, not a request.
pub const ARRAY_ARGUMENT_LENGTH_MAX: u64 = 1 << 20;

/// The most bytes of an argument that is copied.
pub const BYTES_ARGUMENT_LENGTH_MAX: usize = 16 << 20;

/// The longest text argument.
pub const TEXT_LENGTH_MAX: usize = 4096;

/// Stands for the promise that the caller of an exported function made by calling it: a pointer that is neither NULL
/// nor misaligned points to what the function's documentation says, for as long as it says.
#[derive(Clone, Copy)]
pub struct Caller(());

#[allow(clippy::not_unsafe_ptr_arg_deref, reason = "the promise that a `Caller` stands for is what makes it sound")]
impl Caller {
    /// The promise.
    ///
    /// # Safety
    /// The promise described at the type holds for every pointer that is given to the methods.
    pub unsafe fn promised() -> Caller {
        Caller(())
    }

    /// What a pointer points to, as a copy.
    pub fn read<T: Copy>(self, pointer: *const T, name: &str) -> Result<T> {
        check(pointer, name)?;
        // SAFETY: the pointer is checked, and what it points to is the caller's promise.
        Ok(unsafe { pointer.read() })
    }

    /// What a pointer points to, as a copy; `None` for NULL.
    pub fn read_optional<T: Copy>(self, pointer: *const T, name: &str) -> Result<Option<T>> {
        if pointer.is_null() { Ok(None) } else { self.read(pointer, name).map(Some) }
    }

    /// An array, as a copy.
    pub fn array<T: Copy>(self, pointer: *const T, count: u64, name: &str) -> Result<Vec<T>> {
        Ok(self.elements(pointer, count, name)?.collect())
    }

    /// The elements of an array, each copied when its turn comes.
    pub fn elements<T: Copy>(
        self,
        pointer: *const T,
        count: u64,
        name: &str,
    ) -> Result<impl ExactSizeIterator<Item = T>> {
        if count > ARRAY_ARGUMENT_LENGTH_MAX {
            fail!(Code::Inval, "{name} has {count} elements; at most {ARRAY_ARGUMENT_LENGTH_MAX} are taken");
        }
        if count > 0 {
            check(pointer, name)?;
        }
        // SAFETY: the pointer is checked, and how many elements it points to is the caller's promise.
        Ok((0..count as usize).map(move |index| unsafe { pointer.add(index).read() }))
    }

    /// Bytes, as a copy.
    pub fn bytes(self, pointer: *const c_void, length: usize, name: &str) -> Result<Vec<u8>> {
        self.with_bytes(pointer, length, name, <[u8]>::to_vec)
    }

    /// What is made of bytes, which nobody changes meanwhile.
    pub fn with_bytes<T>(
        self,
        pointer: *const c_void,
        length: usize,
        name: &str,
        make: impl FnOnce(&[u8]) -> T,
    ) -> Result<T> {
        if length == 0 {
            return Ok(make(&[]));
        }
        check(pointer.cast::<u8>(), name)?;
        if length > BYTES_ARGUMENT_LENGTH_MAX {
            fail!(Code::Inval, "{name} has {length} bytes; at most {BYTES_ARGUMENT_LENGTH_MAX} are taken");
        }
        // SAFETY: the pointer is checked, and how many bytes it points to is the caller's promise.
        Ok(make(unsafe { core::slice::from_raw_parts(pointer.cast::<u8>(), length) }))
    }

    /// A zero-terminated text in UTF-8.
    pub fn text(self, pointer: *const c_char, name: &str) -> Result<String> {
        check(pointer, name)?;
        // SAFETY: the pointer is checked; that a zero comes within the limit, or memory up to it, is the promise.
        let length = unsafe { libc::strnlen(pointer, TEXT_LENGTH_MAX + 1) };
        if length > TEXT_LENGTH_MAX {
            fail!(Code::Inval, "{name} has more than {TEXT_LENGTH_MAX} bytes");
        }
        let bytes = self.bytes(pointer.cast(), length, name)?;
        String::from_utf8(bytes).or_else(|_| fail!(Code::Inval, "{name} is not UTF-8"))
    }

    /// The bytes of a zero-terminated name or path; of one that is longer than any may be, enough to see that.
    pub fn path(self, pointer: *const c_char, name: &str) -> Result<Vec<u8>> {
        check(pointer, name)?;
        // SAFETY: the pointer is checked; that a zero comes within the limit, or memory up to it, is the promise.
        let length = unsafe { libc::strnlen(pointer, TEXT_LENGTH_MAX + 1) };
        self.bytes(pointer.cast(), length, name)
    }

    /// A name or path; `None` for NULL.
    pub fn path_optional(self, pointer: *const c_char, name: &str) -> Result<Option<Vec<u8>>> {
        if pointer.is_null() { Ok(None) } else { self.path(pointer, name).map(Some) }
    }

    /// A zero-terminated text; `None` for NULL.
    pub fn text_optional(self, pointer: *const c_char, name: &str) -> Result<Option<String>> {
        if pointer.is_null() { Ok(None) } else { self.text(pointer, name).map(Some) }
    }

    /// A place for a result.
    pub fn out<T>(self, pointer: *mut T, name: &str) -> Result<Out<T>> {
        check(pointer, name)?;
        Ok(Out(pointer))
    }

    /// A place for a result, if the caller wants it.
    pub fn out_optional<T>(self, pointer: *mut T, name: &str) -> Result<Option<Out<T>>> {
        if pointer.is_null() { Ok(None) } else { self.out(pointer, name).map(Some) }
    }

    /// Room for bytes. However large it is said to be, only what is needed of it is written.
    pub fn out_bytes(self, pointer: *mut u8, size: usize, name: &str) -> Result<OutArray<u8>> {
        if isize::try_from(size).is_err() {
            fail!(Code::Inval, "{name} has {size} bytes, which no memory has");
        }
        if size > 0 {
            check(pointer, name)?;
        }
        Ok(OutArray { pointer, count: size })
    }

    /// Places for `count` results.
    pub fn out_array<T>(self, pointer: *mut T, count: u64, name: &str) -> Result<OutArray<T>> {
        if count > ARRAY_ARGUMENT_LENGTH_MAX {
            fail!(Code::Inval, "{name} has {count} elements; at most {ARRAY_ARGUMENT_LENGTH_MAX} are taken");
        }
        if count > 0 {
            check(pointer, name)?;
        }
        Ok(OutArray { pointer, count: count as usize })
    }
}

fn check<T>(pointer: *const T, name: &str) -> Result<()> {
    if pointer.is_null() {
        fail!(Code::Inval, "{name} is NULL");
    }
    if !pointer.is_aligned() {
        fail!(Code::Inval, "{name} is {pointer:p}, which is not aligned to {} bytes", align_of::<T>());
    }
    Ok(())
}

/// A place of the caller for one result; it may be filled later, on another thread.
pub struct Out<T>(*mut T);

// SAFETY: the place is the caller's promise until the call has ended, on whichever thread it ends.
unsafe impl<T> Send for Out<T> {}

impl<T> Clone for Out<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<T> {}

impl<T: Copy> Out<T> {
    /// Puts the result there.
    pub fn set(&self, value: T) {
        // SAFETY: checked when this was made; the place stays until the call has ended, by the caller's promise.
        unsafe { self.0.write(value) }
    }

    /// What is there.
    pub fn get(&self) -> T {
        // SAFETY: as for `set`; the places of this API that are read before they are written are in-out arguments.
        unsafe { self.0.read() }
    }

    /// The pointer.
    pub fn as_ptr(&self) -> *mut T {
        self.0
    }
}

/// Places of the caller for several results.
pub struct OutArray<T> {
    pointer: *mut T,
    count: usize,
}

// SAFETY: as for `Out`.
unsafe impl<T> Send for OutArray<T> {}

impl<T: Copy> OutArray<T> {
    /// How many places there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Puts a result in a place, if there is one with this index.
    pub fn set(&self, index: usize, value: T) {
        if index < self.count {
            // SAFETY: within the array that the caller promised.
            unsafe { self.pointer.add(index).write(value) }
        }
    }

    /// What is in a place.
    pub fn get(&self, index: usize) -> Option<T> {
        // SAFETY: within the array that the caller promised.
        (index < self.count).then(|| unsafe { self.pointer.add(index).read() })
    }

    /// A pointer to a place.
    pub fn pointer_to(&self, index: usize) -> Option<*mut T> {
        // SAFETY: within the array that the caller promised.
        (index < self.count).then(|| unsafe { self.pointer.add(index) })
    }
}

/// Copies text with its zero into a fixed array of characters; what does not fit is cut at a character boundary.
pub fn fill_text<const N: usize>(text: &str) -> [c_char; N] {
    let mut out = [0; N];
    let mut length = text.len().min(N.saturating_sub(1));
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    for (place, byte) in out.iter_mut().zip(text.as_bytes()[..length].iter()) {
        *place = *byte as c_char;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_pointers_are_errors() {
        // SAFETY: the only pointer that is followed points to `number`.
        let caller = unsafe { Caller::promised() };
        let number = 7u64;
        assert_eq!(caller.read(&raw const number, "n"), Ok(7));
        assert_eq!(caller.read(core::ptr::null::<u64>(), "n").map_err(|e| e.code()), Err(Code::Inval));
        let odd = (&raw const number).cast::<u8>().wrapping_add(1).cast::<u32>();
        assert_eq!(caller.read(odd, "n").map_err(|e| e.code()), Err(Code::Inval));
        assert!(caller.array(&raw const number, 1 << 63, "n").is_err());
        assert!(caller.out(odd.cast_mut(), "n").is_err());
    }

    #[test]
    fn text_is_cut_whole() {
        assert_eq!(fill_text::<4>("ab"), [b'a' as c_char, b'b' as c_char, 0, 0]);
        assert_eq!(fill_text::<4>("ab\u{e9}"), [b'a' as c_char, b'b' as c_char, 0, 0]);
    }
}
