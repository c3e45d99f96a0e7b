//! User attributes of pools and containers: what their calls have in common.

use core::ffi::{c_char, c_int, c_void};

use daos_status::{Code, Result, fail};

use crate::abi::DAOS_ATTR_NAME_MAX;
use crate::pointer::{Caller, Out, OutArray};

/// What stands in the buffers of attribute calls.
pub struct Attributes {
    /// Names.
    pub names: Vec<String>,
}

impl Attributes {
    /// The names at a pointer.
    pub fn names(caller: Caller, n: c_int, names: *const *const c_char) -> Result<Attributes> {
        let Ok(count) = u64::try_from(n) else {
            fail!(Code::Inval, "the count of attributes is {n}");
        };
        if count == 0 {
            fail!(Code::Inval, "the count of attributes is zero");
        }
        let pointers = caller.array(names, count, "names")?;
        let names = pointers.into_iter().map(|name| caller.text(name, "name")).collect::<Result<Vec<_>>>()?;
        for name in &names {
            if name.is_empty() || name.len() > DAOS_ATTR_NAME_MAX as usize {
                fail!(Code::Inval, "the name of an attribute has 1 to {DAOS_ATTR_NAME_MAX} bytes, not {}", name.len());
            }
        }
        Ok(Attributes { names })
    }

    /// Names with their values.
    pub fn with_values(
        self,
        caller: Caller,
        values: *const *const c_void,
        sizes: *const usize,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let count = self.names.len() as u64;
        let (values, sizes) = (caller.array(values, count, "values")?, caller.array(sizes, count, "sizes")?);
        let pairs = self.names.into_iter().zip(values.into_iter().zip(sizes));
        pairs.map(|(name, (value, size))| Ok((name, caller.bytes(value, size, "value")?))).collect()
    }
}

/// Where values of attributes go.
pub struct Buffers {
    buffers: Vec<OutArray<u8>>,
    sizes: OutArray<usize>,
}

impl Buffers {
    /// The places for so many values.
    pub fn read(caller: Caller, count: usize, buffers: *const *mut c_void, sizes: *mut usize) -> Result<Buffers> {
        let sizes = caller.out_array(sizes, count as u64, "sizes")?;
        let pointers = if buffers.is_null() {
            vec![core::ptr::null_mut(); count]
        } else {
            caller.array(buffers, count as u64, "buffers")?
        };
        let buffers = pointers
            .into_iter()
            .enumerate()
            .map(|(index, pointer)| {
                let room = if pointer.is_null() { 0 } else { sizes.get(index).unwrap_or(0) };
                caller.out_bytes(pointer.cast::<u8>(), room, "buffer")
            })
            .collect::<Result<_>>()?;
        Ok(Buffers { buffers, sizes })
    }

    /// Gives the values; their sizes are told also where a buffer is too short for the whole of a value.
    pub fn give(&self, names: &[String], values: &[Option<Vec<u8>>]) -> Result<()> {
        for ((index, value), name) in values.iter().enumerate().zip(names) {
            let Some(value) = value else {
                fail!(Code::Nonexist, "there is no attribute '{name}'");
            };
            let Some(buffer) = self.buffers.get(index) else { break };
            for (place, byte) in value.iter().enumerate().take(buffer.count()) {
                buffer.set(place, *byte);
            }
            self.sizes.set(index, value.len());
        }
        Ok(())
    }
}

/// Gives a list of names, each with its zero, one behind the other; those for which there is no room are passed over. The size
/// that all need is told in any case.
pub fn give_names(names: &[String], buffer: &OutArray<u8>, size: Out<usize>) {
    let (mut position, mut needed) = (0, 0);
    for name in names {
        needed += name.len() + 1;
        if name.len() < buffer.count() - position {
            for byte in name.as_bytes().iter().chain(&[0]) {
                buffer.set(position, *byte);
                position += 1;
            }
        }
    }
    size.set(needed);
}
