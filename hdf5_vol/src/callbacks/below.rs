//! Files that are not in a container: HDF5's own connector below this one does all that they need.
//!
//! Each function of the table that HDF5 has comes through here. What it is called with is a handle of ours, or one that only holds an
//! object of the connector below; then the call goes on to that one, and an object that comes back is put into such a handle.

use super::{attribute, blob, dataset, datatype, file, group, link, object, token};
use crate::detour;
use crate::handle::Handle;
use crate::hdf5::arguments::{
    AttributeGet, AttributeSpecific, BlobSpecific, DatasetGet, DatasetSpecific, DatatypeGet, DatatypeSpecific, FileGet,
    FileSpecific, GroupGet, GroupSpecific, LinkCreate, LinkGet, LinkSpecific, Location, ObjectGet, ObjectSpecific,
    OptionalArguments,
};
use crate::hdf5::class::{Class, Object, Request};
use crate::hdf5::{FAIL, Herr, Hid, TokenBytes, function};
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

/// An object of the connector below.
#[derive(Clone, Copy, Debug)]
pub struct Below {
    pub object: Object,
    pub connector: Hid,
}

impl Below {
    /// What a handle holds; none for one of ours, and without an object.
    ///
    /// # Safety
    /// The object is null or one that HDF5 holds.
    pub unsafe fn of(object: *const c_void) -> Option<Self> {
        // SAFETY: as the caller promises.
        match unsafe { object.cast::<Handle>().as_ref() } {
            Some(Handle::Below(below)) => Some(*below),
            _ => None,
        }
    }

    /// Gives an object of the connector below to HDF5; null stays null.
    pub fn wrap(self) -> Object {
        if self.object.is_null() { self.object } else { Handle::Below(self).into_pointer() }
    }

    /// Ends a handle; what it held is not touched.
    ///
    /// # Safety
    /// The object is a handle that holds one of the connector below, and nobody uses it any more.
    pub unsafe fn forget(object: Object) {
        // SAFETY: as the caller promises.
        drop(unsafe { Handle::take(object) });
    }
}

/// What a function gives back.
trait Outcome {
    const FAILED: Self;
    fn lifted(self, connector: Hid) -> Self;
}

impl Outcome for Herr {
    const FAILED: Self = FAIL;
    fn lifted(self, _: Hid) -> Self {
        self
    }
}

impl Outcome for Object {
    const FAILED: Self = std::ptr::null_mut();
    fn lifted(self, connector: Hid) -> Self {
        Below { object: self, connector }.wrap()
    }
}

macro_rules! table {
    (
        forward { $($class:ident.$member:ident: fn $name:ident($($before:ident: $bt:ty),*; $($after:ident: $at:ty),*) -> $result:ty = $symbol:literal;)* }
        by_name { $($nclass:ident.$nmember:ident: fn $nname:ident($($narg:ident: $nt:ty),*) -> $nresult:ty = $nsymbol:literal;)* }
        by_place { $($pclass:ident.$pmember:ident: fn $pname:ident($($parg:ident: $pt:ty),*) -> $presult:ty = $psymbol:literal, if $can:path[$asked:ident];)* }
        close { $($closing:ident: fn $close:ident = $close_symbol:literal;)* }
        plain { $($plain:ident: $signature:ty = $plain_symbol:literal;)* }
    ) => {
        /// HDF5's functions that call the connector below.
        pub struct Functions {
            $($name: unsafe extern "C" fn(Object, $($bt,)* Hid, $($at),*) -> $result,)*
            $($nname: unsafe extern "C" fn(Object, *const Location, Hid, *const c_char, $($nt),*) -> $nresult,)*
            $($pname: unsafe extern "C" fn(Object, *const Location, Hid, $($pt),*) -> $presult,)*
            $($close: unsafe extern "C" fn(Object, Hid, Hid, Request) -> Herr,)*
            $(pub $plain: $signature,)*
        }

        impl Functions {
            fn look_up() -> Result<Self, String> {
                Ok(Self {
                    $(
                        // SAFETY: the symbol is the function of this signature in every HDF5 with VOL version 3.
                        $name: unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn(Object, $($bt,)* Hid, $($at),*) -> $result>(
                                function($symbol)?,
                            )
                        },
                    )*
                    $(
                        // SAFETY: the same.
                        $nname: unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn(Object, *const Location, Hid, *const c_char, $($nt),*) -> $nresult,
                            >(function($nsymbol)?)
                        },
                    )*
                    $(
                        // SAFETY: the same.
                        $pname: unsafe {
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn(Object, *const Location, Hid, $($pt),*) -> $presult,
                            >(function($psymbol)?)
                        },
                    )*
                    $(
                        // SAFETY: the same.
                        $close: unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn(Object, Hid, Hid, Request) -> Herr>(
                                function($close_symbol)?,
                            )
                        },
                    )*
                    $(
                        // SAFETY: the same.
                        $plain: unsafe { std::mem::transmute::<*mut c_void, $signature>(function($plain_symbol)?) },
                    )*
                })
            }
        }

        $(
            pub unsafe extern "C" fn $name(object: Object, $($before: $bt,)* $($after: $at),*) -> $result {
                // SAFETY: HDF5 gives an object that it holds, and what goes with it is handed on.
                unsafe {
                    if let Some(below) = Below::of(object) {
                        let call = functions().$name;
                        return call(below.object, $($before,)* below.connector, $($after),*).lifted(below.connector);
                    }
                    $class::CLASS.$member.map_or(<$result>::FAILED, |ours| ours(object, $($before,)* $($after),*))
                }
            }
        )*

        $(
            pub unsafe extern "C" fn $nname(object: Object, at: *const Location, name: *const c_char, $($narg: $nt),*) -> $nresult {
                // SAFETY: HDF5 gives an object that it holds, and what goes with it is handed on.
                unsafe {
                    let call = functions().$nname;
                    if let Some(below) = Below::of(object) {
                        return call(below.object, at, below.connector, name, $($narg),*).lifted(below.connector);
                    }
                    let ours = || $nclass::CLASS.$nmember.map_or(<$nresult>::FAILED, |ours| ours(object, at, name, $($narg),*));
                    let (result, detour) = detour::attempt(ours);
                    let Some(detour) = detour else { return result };
                    let (file, connector) = (detour.root(), detour.connector());
                    call(detour.file(), &raw const file, connector, detour.path(), $($narg),*).lifted(connector)
                }
            }
        )*

        $(
            pub unsafe extern "C" fn $pname(object: Object, at: *const Location, $($parg: $pt),*) -> $presult {
                // SAFETY: HDF5 gives an object that it holds, and what goes with it is handed on.
                unsafe {
                    let call = functions().$pname;
                    if let Some(below) = Below::of(object) {
                        return call(below.object, at, below.connector, $($parg),*).lifted(below.connector);
                    }
                    let ours = || $pclass::CLASS.$pmember.map_or(<$presult>::FAILED, |ours| ours(object, at, $($parg),*));
                    let (result, detour) = detour::attempt(ours);
                    let Some(detour) = detour.filter(|_| $can($asked)) else { return result };
                    let (at, connector) = (detour.place(at), detour.connector());
                    call(detour.file(), &raw const at, connector, $($parg),*).lifted(connector)
                }
            }
        )*

        $(
            pub unsafe extern "C" fn $close(object: Object, list: Hid, request: Request) -> Herr {
                // SAFETY: HDF5 gives an object that it holds, for the last time when closing it succeeds.
                unsafe {
                    let Some(below) = Below::of(object) else {
                        return $closing::CLASS.close.map_or(FAIL, |ours| ours(object, list, request));
                    };
                    let result = (functions().$close)(below.object, below.connector, list, request);
                    if result >= 0 {
                        Below::forget(object);
                    }
                    result
                }
            }
        )*
    };
}

type CopyLink =
    unsafe extern "C" fn(Object, *const Location, Object, *const Location, Hid, Hid, Hid, Hid, Request) -> Herr;
type CopyObject = unsafe extern "C" fn(
    Object,
    *const Location,
    *const c_char,
    Object,
    *const Location,
    *const c_char,
    Hid,
    Hid,
    Hid,
    Hid,
    Request,
) -> Herr;
/// `H5VLdataset_read` and `H5VLdataset_write`, which differ in whether memory is constant.
type Move<T> =
    unsafe extern "C" fn(usize, *const Object, Hid, *const Hid, *const Hid, *const Hid, Hid, *const T, Request) -> Herr;

table! {
    forward {
    attribute.read: fn attribute_read(; kind: Hid, buffer: *mut c_void, transfer: Hid, request: Request) -> Herr = "H5VLattr_read";
    attribute.write: fn attribute_write(; kind: Hid, buffer: *const c_void, transfer: Hid, request: Request) -> Herr = "H5VLattr_write";
    attribute.get: fn attribute_get(; asked: *mut AttributeGet, transfer: Hid, request: Request) -> Herr = "H5VLattr_get";
    attribute.optional: fn attribute_optional(; asked: *mut OptionalArguments, transfer: Hid, request: Request) -> Herr = "H5VLattr_optional";
    dataset.get: fn dataset_get(; asked: *mut DatasetGet, transfer: Hid, request: Request) -> Herr = "H5VLdataset_get";
    dataset.specific: fn dataset_specific(; asked: *mut DatasetSpecific, transfer: Hid, request: Request) -> Herr = "H5VLdataset_specific";
    dataset.optional: fn dataset_optional(; asked: *mut OptionalArguments, transfer: Hid, request: Request) -> Herr = "H5VLdataset_optional";
    datatype.get: fn datatype_get(; asked: *mut DatatypeGet, transfer: Hid, request: Request) -> Herr = "H5VLdatatype_get";
    datatype.specific: fn datatype_specific(; asked: *mut DatatypeSpecific, transfer: Hid, request: Request) -> Herr = "H5VLdatatype_specific";
    datatype.optional: fn datatype_optional(; asked: *mut OptionalArguments, transfer: Hid, request: Request) -> Herr = "H5VLdatatype_optional";
    file.get: fn file_get(; asked: *mut FileGet, transfer: Hid, request: Request) -> Herr = "H5VLfile_get";
    file.optional: fn file_optional(; asked: *mut OptionalArguments, transfer: Hid, request: Request) -> Herr = "H5VLfile_optional";
    group.get: fn group_get(; asked: *mut GroupGet, transfer: Hid, request: Request) -> Herr = "H5VLgroup_get";
    group.optional: fn group_optional(; asked: *mut OptionalArguments, transfer: Hid, request: Request) -> Herr = "H5VLgroup_optional";
    blob.put: fn blob_put(; bytes: *const c_void, size: usize, name: *mut c_void, context: *mut c_void) -> Herr = "H5VLblob_put";
    blob.get: fn blob_get(; name: *const c_void, bytes: *mut c_void, size: usize, context: *mut c_void) -> Herr = "H5VLblob_get";
    blob.specific: fn blob_specific(; name: *mut c_void, asked: *mut BlobSpecific) -> Herr = "H5VLblob_specific";
    blob.optional: fn blob_optional(; name: *mut c_void, asked: *mut OptionalArguments) -> Herr = "H5VLblob_optional";
    token.compare: fn token_compare(; one: *const TokenBytes, other: *const TokenBytes, result: *mut c_int) -> Herr = "H5VLtoken_cmp";
    token.to_text: fn token_to_text(kind: c_int; token: *const TokenBytes, text: *mut *mut c_char) -> Herr = "H5VLtoken_to_str";
    token.from_text: fn token_from_text(kind: c_int; text: *const c_char, token: *mut TokenBytes) -> Herr = "H5VLtoken_from_str";
    }
    by_name {
    dataset.create: fn dataset_create(links: Hid, kind: Hid, space: Hid, list: Hid, access: Hid, transfer: Hid, request: Request) -> Object = "H5VLdataset_create";
    dataset.open: fn dataset_open(access: Hid, transfer: Hid, request: Request) -> Object = "H5VLdataset_open";
    datatype.commit: fn datatype_commit(kind: Hid, links: Hid, list: Hid, access: Hid, transfer: Hid, request: Request) -> Object = "H5VLdatatype_commit";
    datatype.open: fn datatype_open(access: Hid, transfer: Hid, request: Request) -> Object = "H5VLdatatype_open";
    group.create: fn group_create(links: Hid, list: Hid, access: Hid, transfer: Hid, request: Request) -> Object = "H5VLgroup_create";
    group.open: fn group_open(access: Hid, transfer: Hid, request: Request) -> Object = "H5VLgroup_open";
    }
    by_place {
    attribute.create: fn attribute_create(name: *const c_char, kind: Hid, space: Hid, list: Hid, access: Hid, transfer: Hid, request: Request) -> Object = "H5VLattr_create", if always[name];
    attribute.open: fn attribute_open(name: *const c_char, access: Hid, transfer: Hid, request: Request) -> Object = "H5VLattr_open", if always[name];
    attribute.specific: fn attribute_specific(asked: *mut AttributeSpecific, transfer: Hid, request: Request) -> Herr = "H5VLattr_specific", if AttributeSpecific::calls_nobody[asked];
    link.get: fn link_get(asked: *mut LinkGet, transfer: Hid, request: Request) -> Herr = "H5VLlink_get", if always[asked];
    link.specific: fn link_specific(asked: *mut LinkSpecific, transfer: Hid, request: Request) -> Herr = "H5VLlink_specific", if LinkSpecific::calls_nobody[asked];
    link.optional: fn link_optional(asked: *mut OptionalArguments, transfer: Hid, request: Request) -> Herr = "H5VLlink_optional", if always[asked];
    object.open: fn object_open(kind: *mut c_int, transfer: Hid, request: Request) -> Object = "H5VLobject_open", if always[kind];
    object.get: fn object_get(asked: *mut ObjectGet, transfer: Hid, request: Request) -> Herr = "H5VLobject_get", if always[asked];
    object.specific: fn object_specific(asked: *mut ObjectSpecific, transfer: Hid, request: Request) -> Herr = "H5VLobject_specific", if ObjectSpecific::calls_nobody[asked];
    object.optional: fn object_optional(asked: *mut OptionalArguments, transfer: Hid, request: Request) -> Herr = "H5VLobject_optional", if always[asked];
    }
    close {
    attribute: fn attribute_close = "H5VLattr_close";
    dataset: fn dataset_close = "H5VLdataset_close";
    datatype: fn datatype_close = "H5VLdatatype_close";
    file: fn file_close = "H5VLfile_close";
    group: fn group_close = "H5VLgroup_close";
    }
    plain {
    create_file: unsafe extern "C" fn(*const c_char, c_uint, Hid, Hid, Hid, Request) -> Object = "H5VLfile_create";
    open_file: unsafe extern "C" fn(*const c_char, c_uint, Hid, Hid, Request) -> Object = "H5VLfile_open";
    about_file: unsafe extern "C" fn(Object, Hid, *mut FileSpecific, Hid, Request) -> Herr = "H5VLfile_specific";
    about_group: unsafe extern "C" fn(Object, Hid, *mut GroupSpecific, Hid, Request) -> Herr = "H5VLgroup_specific";
    read: Move<*mut c_void> = "H5VLdataset_read";
    write: Move<*const c_void> = "H5VLdataset_write";
    create_link: unsafe extern "C" fn(*mut LinkCreate, Object, *const Location, Hid, Hid, Hid, Hid, Request) -> Herr = "H5VLlink_create";
    copy_link: CopyLink = "H5VLlink_copy";
    move_link: CopyLink = "H5VLlink_move";
    copy_object: CopyObject = "H5VLobject_copy";
    get_class: unsafe extern "C" fn(Object, Hid, c_int, *mut *const Class) -> Herr = "H5VLintrospect_get_conn_cls";
    query_optional: unsafe extern "C" fn(Object, Hid, c_int, c_int, *mut u64) -> Herr = "H5VLintrospect_opt_query";
    optional: unsafe extern "C" fn(Object, Hid, *mut OptionalArguments, Hid, Request) -> Herr = "H5VLoptional";
    object_inside: unsafe extern "C" fn(Object, Hid) -> Object = "H5VLget_object";
    wrap_context: unsafe extern "C" fn(Object, Hid, *mut *mut c_void) -> Herr = "H5VLget_wrap_ctx";
    wrap: unsafe extern "C" fn(Object, c_int, Hid, *mut c_void) -> Object = "H5VLwrap_object";
    unwrap: unsafe extern "C" fn(Object, Hid) -> Object = "H5VLunwrap_object";
    free_context: unsafe extern "C" fn(*mut c_void, Hid) -> Herr = "H5VLfree_wrap_ctx";
    }
}

/// A call that goes on elsewhere whatever it asks for.
fn always<T>(_: T) -> bool {
    true
}

static FUNCTIONS: OnceLock<Functions> = OnceLock::new();

/// The functions of the HDF5 that loaded this connector.
pub fn functions() -> &'static Functions {
    FUNCTIONS.get().expect("they were found when the connector was loaded")
}

/// Finds the functions.
///
/// # Errors
/// A sentence, when this HDF5 lacks one.
pub fn load() -> Result<(), String> {
    if FUNCTIONS.get().is_none() {
        let _first = FUNCTIONS.set(Functions::look_up()?);
    }
    Ok(())
}
