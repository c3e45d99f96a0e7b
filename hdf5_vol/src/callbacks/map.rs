//! Maps. HDF5 calls for them by optional operations of the connector.

use super::{create_object, object_at, unknown};
use crate::failure::{Failure, Minor, Result};
use crate::guard;
use crate::handle::{Handle, Located, locate};
use crate::hdf5::arguments::{
    MapArguments, MapGet, MapGetUnion, MapIterate, OptionalArguments, by, map_get, map_operation, map_specific,
};
use crate::hdf5::class::Object;
use crate::hdf5::{DEFAULT, Herr, Hid, SUCCEED, require_list};
use crate::map::{Map, Plan};
use std::ffi::{CStr, c_int};

/// Whether an operation is one of maps.
pub fn is_one(operation: c_int) -> bool {
    (map_operation::CREATE..=map_operation::CLOSE).contains(&operation)
}

/// What HDF5 calls an operation.
fn name(operation: c_int) -> &'static CStr {
    match operation {
        map_operation::CREATE => c"H5Mcreate",
        map_operation::OPEN => c"H5Mopen",
        map_operation::GET_VALUE => c"H5Mget",
        map_operation::EXISTS => c"H5Mexists",
        map_operation::PUT => c"H5Mput",
        map_operation::CLOSE => c"H5Mclose",
        _ => c"H5Mspecific",
    }
}

/// Does one of them.
///
/// # Safety
/// HDF5 gives an object of ours, and arguments as the operation says.
pub unsafe fn run(object: Object, asked: &OptionalArguments, transfer: Hid) -> Herr {
    guard::number(name(asked.operation), || {
        // SAFETY: as the caller promises.
        unsafe {
            if asked.operation == map_operation::CLOSE {
                return Handle::close(object, |_| Ok(())).map(|()| SUCCEED);
            }
            let arguments = asked.arguments.cast::<MapArguments>().as_mut();
            let arguments = arguments.ok_or_else(|| Failure::new(Minor::BadValue, "there are no arguments"))?;
            if matches!(asked.operation, map_operation::CREATE | map_operation::OPEN) {
                return begin(object, asked.operation, arguments).map(|()| SUCCEED);
            }
            work(object, asked.operation, arguments, transfer)
        }
    })
}

unsafe fn begin(object: Object, operation: c_int, arguments: &mut MapArguments) -> Result<()> {
    // SAFETY: the operation says what is there.
    unsafe {
        if operation == map_operation::OPEN {
            let open = &mut arguments.open;
            require_list(open.access_list)?;
            let located = object_at(object, &raw const open.location, open.name, open.access_list)?;
            open.map = Handle::Map(Box::new(Map::open(located, open.access_list)?)).into_pointer();
            return Ok(());
        }
        let create = &mut arguments.create;
        let plan = || {
            require_list(create.access_list)?;
            Plan::new(create.key, create.value, create.list)
        };
        let make = |plan: &Plan, base: &Located, path| {
            let mut made = Map::create(&base.node.file, plan, create.access_list, path)?;
            made.located.opening = base.opening;
            Ok(Handle::Map(Box::new(made)))
        };
        let open = |made| Ok(Handle::Map(Box::new(Map::open(made, create.access_list)?)));
        let location = &raw const create.location;
        create.map = create_object(object, location, create.name, create.link_list, plan, make, open)?;
        Ok(())
    }
}

unsafe fn work(object: Object, operation: c_int, arguments: &mut MapArguments, transfer: Hid) -> Result<Herr> {
    // SAFETY: HDF5 gives an object of ours, and the operation says what is in the arguments.
    unsafe {
        let handle = Handle::from_pointer(object)?;
        match operation {
            map_operation::PUT => {
                let put = arguments.put;
                handle.map()?.put((put.key_type, put.key), (put.value_type, put.value), transfer)?;
            }
            map_operation::GET_VALUE => {
                let get = arguments.get_value;
                handle.map()?.get((get.key_type, get.key), (get.value_type, get.value), transfer)?;
            }
            map_operation::EXISTS => {
                let asked = &mut arguments.exists;
                asked.exists = handle.map()?.has((asked.key_type, asked.key), transfer)?;
            }
            map_operation::GET => tell(handle.map()?, &mut arguments.get)?,
            map_operation::SPECIFIC => {
                let specific = &mut arguments.specific;
                return match specific.what {
                    map_specific::ITERATE => iterate(handle, &mut specific.arguments.iterate, transfer),
                    map_specific::DELETE => {
                        let delete = specific.arguments.delete;
                        let key = (delete.key_type, delete.key);
                        with_map(handle, &delete.location, |map| map.remove(key, transfer)).map(|()| SUCCEED)
                    }
                    _ => unknown("this operation on a map"),
                };
            }
            _ => return unknown("this operation on a map"),
        }
        Ok(SUCCEED)
    }
}

fn tell(map: &Map, asked: &mut MapGet) -> Result<()> {
    asked.arguments = match asked.what {
        map_get::ACCESS_LIST => MapGetUnion { identifier: map.access_list()?.release() },
        map_get::CREATION_LIST => MapGetUnion { identifier: map.creation_list()?.release() },
        map_get::KEY_TYPE => MapGetUnion { identifier: map.key_type()? },
        map_get::VALUE_TYPE => MapGetUnion { identifier: map.value_type()? },
        map_get::COUNT => MapGetUnion { count: map.count()? },
        _ => return unknown("this question about a map"),
    };
    Ok(())
}

/// Calls a function with the map that is meant, which is the handle's or one at a path.
///
/// # Safety
/// The location is one that HDF5 gives.
unsafe fn with_map<T>(
    handle: &Handle,
    location: &crate::hdf5::arguments::Location,
    function: impl FnOnce(&Map) -> Result<T>,
) -> Result<T> {
    if location.kind == by::SELF {
        return function(handle.map()?);
    }
    // SAFETY: as the caller promises.
    let located = unsafe { locate(handle, location)? };
    function(&Map::open(located, DEFAULT)?)
}

unsafe fn iterate(handle: &Handle, asked: &mut MapIterate, transfer: Hid) -> Result<Herr> {
    let MapIterate { location, key_type, visitor, data, .. } = *asked;
    let visitor = visitor.ok_or_else(|| Failure::new(Minor::BadValue, "there is no function to be called"))?;
    // SAFETY: as HDF5 promises; the function is the program's.
    unsafe { with_map(handle, &location, |map| map.iterate(&mut asked.position, key_type, (visitor, data), transfer)) }
}
