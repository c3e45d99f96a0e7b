//! Datatypes that HDF5 has itself: those need not be made, and are no identifiers that a program finds when it counts its own.

use super::Hid;
use super::identifier::Type;
use super::library::{Variable, library};
use crate::serial::Serial;
use std::cell::RefCell;
use std::collections::HashMap;

/// Numbers, in the byte order of most machines and in the other one.
const NUMBERS: [Variable; 20] = [
    Variable(c"H5T_STD_I8LE_g"),
    Variable(c"H5T_STD_I16LE_g"),
    Variable(c"H5T_STD_I32LE_g"),
    Variable(c"H5T_STD_I64LE_g"),
    Variable(c"H5T_STD_U8LE_g"),
    Variable(c"H5T_STD_U16LE_g"),
    Variable(c"H5T_STD_U32LE_g"),
    Variable(c"H5T_STD_U64LE_g"),
    Variable(c"H5T_IEEE_F32LE_g"),
    Variable(c"H5T_IEEE_F64LE_g"),
    Variable(c"H5T_STD_I8BE_g"),
    Variable(c"H5T_STD_I16BE_g"),
    Variable(c"H5T_STD_I32BE_g"),
    Variable(c"H5T_STD_I64BE_g"),
    Variable(c"H5T_STD_U8BE_g"),
    Variable(c"H5T_STD_U16BE_g"),
    Variable(c"H5T_STD_U32BE_g"),
    Variable(c"H5T_STD_U64BE_g"),
    Variable(c"H5T_IEEE_F32BE_g"),
    Variable(c"H5T_IEEE_F64BE_g"),
];

type Table = HashMap<Vec<u8>, Variable>;

/// By their encodings, once one was asked for. Where HDF5 ends and starts again the numbers are others, and the variables the same.
static TABLE: Serial<RefCell<Option<Table>>> = Serial::new(RefCell::new(None));

fn table() -> Table {
    let mut table = Table::new();
    for variable in NUMBERS {
        let id = library().value(variable);
        // What this HDF5 does not have, or does not encode, is made where it is needed.
        if id > 0
            && let Ok(bytes) = Type::encode_id(id)
        {
            table.insert(bytes, variable);
        }
    }
    table
}

/// The datatype of HDF5's own that was encoded so.
pub fn find(bytes: &[u8]) -> Option<Hid> {
    let mut known = TABLE.get().borrow_mut();
    let variable = known.get_or_insert_with(table).get(bytes).copied();
    variable.map(|variable| library().value(variable)).filter(|id| *id > 0)
}
