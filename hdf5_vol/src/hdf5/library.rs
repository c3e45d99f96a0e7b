//! The HDF5 that loaded this connector, as a table of its functions.
//!
//! The connector links with no HDF5: a wheel brings its own, and a process may hold several. The one that calls
//! `H5PLget_plugin_info` is the one whose functions are taken.

use super::identifier::Identifier;
use super::types::{ErrorVisitor, ExternalCallback, Herr, Hid, Hsize, IdentifierVisitor, MergeCallback};
use crate::failure::Failure;
use crate::map::{Allocate, Free};
use crate::serial::Serial;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::sync::OnceLock;

/// `H5Epush2`, the one function here that takes any number of arguments.
type Push = unsafe extern "C" fn(Hid, *const c_char, *const c_char, c_uint, Hid, Hid, Hid, *const c_char, ...) -> Herr;
type Decode = unsafe extern "C" fn(*const c_void) -> Hid;
/// Called for a property; none is needed here, so that it may be of any signature.
type PropertyFunction = Option<unsafe extern "C" fn()>;
type DecodeSized = unsafe extern "C" fn(*const c_void, usize) -> Hid;

macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty = $($symbol:literal),+;)*) => {
        /// Functions of HDF5, by our names for them.
        pub struct Library {
            base: usize,
            handle: usize,
            /// Where variables are looked for.
            variables: usize,
            /// Where variables are that were asked for, by the addresses of their names.
            addresses: Serial<RefCell<HashMap<usize, usize>>>,
            push: Push,
            $($name: unsafe extern "C" fn($($kind),*) -> $result,)*
        }

        #[expect(clippy::too_many_arguments, reason = "as many as the functions of C have")]
        impl Library {
            fn look_up(base: usize, handle: *mut c_void) -> Result<Self, String> {
                Ok(Self {
                    base,
                    handle: handle as usize,
                    variables: scope_of_variables(handle) as usize,
                    addresses: Serial::new(RefCell::default()),
                    // SAFETY: the symbol is the function of this signature in every HDF5 with VOL version 3.
                    push: unsafe { std::mem::transmute::<*mut c_void, Push>(symbol(handle, &["H5Epush2"])?) },
                    $(
                        // SAFETY: the same; a name that changed its signature would have another name.
                        $name: unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> $result>(
                                symbol(handle, &[$($symbol),+])?,
                            )
                        },
                    )*
                })
            }

            $(
                /// The function of HDF5.
                ///
                /// # Safety
                /// Pointers must be what HDF5's documentation asks for; an identifier that is none gives an error.
                pub unsafe fn $name(&self, $($argument: $kind),*) -> $result {
                    // SAFETY: as the caller promises.
                    unsafe { (self.$name)($($argument),*) }
                }
            )*
        }
    };
}

functions! {
    fn close(id: Hid) -> c_int = "H5Idec_ref";
    fn kind_of(id: Hid) -> c_int = "H5Iget_type";
    fn for_each_identifier(kind: c_int, visitor: IdentifierVisitor, data: *mut c_void) -> Herr = "H5Iiterate";
    fn object_of(id: Hid) -> *mut c_void = "H5VLobject";
    fn connector_by_name(name: *const c_char) -> Hid = "H5VLget_connector_id_by_name";
    fn file_type(file: *mut c_void, connector: Hid, kind: Hid) -> Hid = "H5VLget_file_type";
    fn wrap_register(object: *mut c_void, kind: c_int) -> Hid = "H5VLwrap_register";
    fn allocate(size: usize, clear: bool) -> *mut c_void = "H5allocate_memory";

    fn type_committed(id: Hid) -> c_int = "H5Tcommitted";
    fn type_create(class: c_int, size: usize) -> Hid = "H5Tcreate";
    fn type_copy(id: Hid) -> Hid = "H5Tcopy";
    fn type_equal(one: Hid, other: Hid) -> c_int = "H5Tequal";
    fn type_size(id: Hid) -> usize = "H5Tget_size";
    fn type_class(id: Hid) -> c_int = "H5Tget_class";
    fn type_precision(id: Hid) -> usize = "H5Tget_precision";
    fn type_order(id: Hid) -> c_int = "H5Tget_order";
    fn type_padding(id: Hid) -> c_int = "H5Tget_strpad";
    fn type_fields(
        id: Hid, sign: *mut usize, exponent: *mut usize, exponent_size: *mut usize, mantissa: *mut usize, mantissa_size: *mut usize
    ) -> Herr = "H5Tget_fields";
    fn type_is_text(id: Hid) -> c_int = "H5Tis_variable_str";
    fn type_member_count(id: Hid) -> c_int = "H5Tget_nmembers";
    fn type_member(id: Hid, number: c_uint) -> Hid = "H5Tget_member_type";
    fn type_member_number(id: Hid, name: *const c_char) -> c_int = "H5Tget_member_index";
    fn type_member_name(id: Hid, number: c_uint) -> *mut c_char = "H5Tget_member_name";
    fn free(memory: *mut c_void) -> Herr = "H5free_memory";
    fn type_member_offset(id: Hid, number: c_uint) -> usize = "H5Tget_member_offset";
    fn type_pack(id: Hid) -> Herr = "H5Tpack";
    fn type_insert(id: Hid, name: *const c_char, offset: usize, member: Hid) -> Herr = "H5Tinsert";
    fn type_sequence(base: Hid) -> Hid = "H5Tvlen_create";
    fn type_array(base: Hid, rank: c_uint, dimensions: *const Hsize) -> Hid = "H5Tarray_create2";
    fn type_dimensions(id: Hid, dimensions: *mut Hsize) -> c_int = "H5Tget_array_dims2";
    fn type_super(id: Hid) -> Hid = "H5Tget_super";
    fn type_encode(id: Hid, buffer: *mut c_void, size: *mut usize) -> Herr = "H5Tencode";
    fn type_convert(from: Hid, to: Hid, count: usize, buffer: *mut c_void, background: *mut c_void, list: Hid) -> Herr
        = "H5Tconvert";

    fn space_create(rank: c_int, dimensions: *const Hsize, maximum: *const Hsize) -> Hid = "H5Screate_simple";
    fn space_select(
        id: Hid, operation: c_int, start: *const Hsize, stride: *const Hsize, count: *const Hsize, block: *const Hsize
    ) -> Herr = "H5Sselect_hyperslab";
    fn reclaim(kind: Hid, space: Hid, list: Hid, buffer: *mut c_void) -> Herr = "H5Treclaim";
    fn space_copy(id: Hid) -> Hid = "H5Scopy";
    fn space_encode(id: Hid, buffer: *mut c_void, size: *mut usize, access_list: Hid) -> Herr = "H5Sencode2";
    fn space_decode(buffer: *const c_void) -> Hid = "H5Sdecode";
    fn space_class(id: Hid) -> c_int = "H5Sget_simple_extent_type";
    fn space_dimensions(id: Hid, dimensions: *mut Hsize, maximum: *mut Hsize) -> c_int = "H5Sget_simple_extent_dims";
    fn space_count(id: Hid) -> i64 = "H5Sget_simple_extent_npoints";
    fn space_set_dimensions(id: Hid, rank: c_int, dimensions: *const Hsize, maximum: *const Hsize) -> Herr
        = "H5Sset_extent_simple";
    fn space_take_extent(id: Hid, other: Hid) -> Herr = "H5Sextent_copy";
    fn select_all(id: Hid) -> Herr = "H5Sselect_all";
    fn space_offset(id: Hid, offset: *const i64) -> Herr = "H5Soffset_simple";
    fn selection_kind(id: Hid) -> c_int = "H5Sget_select_type";
    fn selection_bounds(id: Hid, start: *mut Hsize, end: *mut Hsize) -> Herr = "H5Sget_select_bounds";
    fn selection_is_regular(id: Hid) -> c_int = "H5Sis_regular_hyperslab";
    fn selection_slab(id: Hid, start: *mut Hsize, stride: *mut Hsize, count: *mut Hsize, block: *mut Hsize) -> Herr
        = "H5Sget_regular_hyperslab";
    fn selection_project(from: Hid, to: Hid, part: Hid) -> Hid = "H5Sselect_project_intersection";
    fn selection_modify(id: Hid, operation: c_int, other: Hid) -> Herr = "H5Smodify_select";
    fn selection_points(id: Hid, operation: c_int, count: usize, coordinates: *const Hsize) -> Herr
        = "H5Sselect_elements";
    fn selection_count(id: Hid) -> i64 = "H5Sget_select_npoints";
    fn selection_valid(id: Hid) -> c_int = "H5Sselect_valid";
    fn iterator_create(space: Hid, size: usize, flags: c_uint) -> Hid = "H5Ssel_iter_create";
    fn iterator_next(
        iterator: Hid, runs_max: usize, elements_max: usize, runs: *mut usize, elements: *mut usize,
        offsets: *mut Hsize, lengths: *mut usize
    ) -> Herr = "H5Ssel_iter_get_seq_list";

    fn errors_visitor(stack: Hid, function: *mut Option<ErrorVisitor>, data: *mut *mut c_void) -> Herr
        = "H5Eget_auto2";
    fn errors_set_visitor(stack: Hid, function: Option<ErrorVisitor>, data: *mut c_void) -> Herr = "H5Eset_auto2";
    fn errors_create() -> Hid = "H5Ecreate_stack";
    fn errors_take() -> Hid = "H5Eget_current_stack";
    fn errors_put(stack: Hid) -> Herr = "H5Eset_current_stack";

    fn list_memory(id: Hid, allocate: *mut Option<Allocate>, allocate_data: *mut *mut c_void, free: *mut Option<Free>,
        free_data: *mut *mut c_void) -> Herr = "H5Pget_vlen_mem_manager";
    fn reference_kind(reference: *const c_void) -> c_int = "H5Rget_type";
    fn reference_object(reference: *mut c_void, access_list: Hid, object_list: Hid) -> Hid = "H5Ropen_object";
    fn reference_region(reference: *mut c_void, access_list: Hid, object_list: Hid) -> Hid = "H5Ropen_region";
    fn reference_attribute(reference: *const c_void, name: *mut c_char, size: usize) -> isize = "H5Rget_attr_name";
    fn reference_to_object(object: Hid, path: *const c_char, list: Hid, reference: *mut c_void) -> Herr
        = "H5Rcreate_object";
    fn reference_to_region(object: Hid, path: *const c_char, space: Hid, list: Hid, reference: *mut c_void) -> Herr
        = "H5Rcreate_region";
    fn reference_to_attribute(object: Hid, path: *const c_char, name: *const c_char, list: Hid, reference: *mut c_void)
        -> Herr = "H5Rcreate_attr";
    fn reference_end(reference: *mut c_void) -> Herr = "H5Rdestroy";
    fn list_copy_flags(id: Hid, flags: *mut c_uint) -> Herr = "H5Pget_copy_object";
    fn list_merge_callback(id: Hid, function: *mut Option<MergeCallback>, data: *mut *mut c_void) -> Herr
        = "H5Pget_mcdt_search_cb";
    fn list_driver(id: Hid) -> Hid = "H5Pget_driver";
    fn list_locking(id: Hid, is_used: *mut bool, is_optional: *mut bool) -> Herr = "H5Pget_file_locking";
    fn list_set_locking(id: Hid, is_used: bool, is_optional: bool) -> Herr = "H5Pset_file_locking";
    fn list_copy(id: Hid) -> Hid = "H5Pcopy";
    fn list_connector(id: Hid, connector: *mut Hid) -> Herr = "H5Pget_vol_id";
    fn list_information(id: Hid, information: *mut *mut c_void) -> Herr = "H5Pget_vol_info";
    fn connector_of(id: Hid) -> Hid = "H5VLget_connector_id";
    fn connector_value(id: Hid, value: *mut c_int) -> Herr = "H5VLget_value";
    fn list_set_connector(id: Hid, connector: Hid, information: *const c_void) -> Herr = "H5Pset_vol";
    fn register(class: *const c_void, list: Hid) -> Hid = "H5VLregister_connector";
    fn property_exists(id: Hid, name: *const c_char) -> c_int = "H5Pexist";
    fn property_get(id: Hid, name: *const c_char, value: *mut c_void) -> Herr = "H5Pget";
    fn property_set(id: Hid, name: *const c_char, value: *const c_void) -> Herr = "H5Pset";
    fn property_remove(id: Hid, name: *const c_char) -> Herr = "H5Premove";
    fn property_insert(id: Hid, name: *const c_char, size: usize, value: *mut c_void, set: PropertyFunction,
        get: PropertyFunction, remove: PropertyFunction, copy: PropertyFunction, compare: PropertyFunction,
        close: PropertyFunction) -> Herr = "H5Pinsert2";
    fn list_set_core(id: Hid, increment: usize, is_kept: bool) -> Herr = "H5Pset_fapl_core";
    fn list_fill_time(id: Hid, time: *mut c_int) -> Herr = "H5Pget_fill_time";
    fn list_set_fill_time(id: Hid, time: c_int) -> Herr = "H5Pset_fill_time";
    fn version(major: *mut c_uint, minor: *mut c_uint, release: *mut c_uint) -> Herr = "H5get_libversion";
    fn list_allocation(id: Hid, time: *mut c_int) -> Herr = "H5Pget_alloc_time";
    fn list_set_allocation(id: Hid, time: c_int) -> Herr = "H5Pset_alloc_time";
    fn list_set_chunk_cache(id: Hid, slots: usize, bytes: usize, preference: f64) -> Herr = "H5Pset_chunk_cache";
    fn list_chunk_cache(id: Hid, slots: *mut usize, bytes: *mut usize, preference: *mut f64) -> Herr
        = "H5Pget_chunk_cache";
    fn file_create(name: *const c_char, flags: c_uint, list: Hid, access_list: Hid) -> Hid = "H5Fcreate";
    fn file_open(name: *const c_char, flags: c_uint, access_list: Hid) -> Hid = "H5Fopen";
    fn dataset_open(file: Hid, path: *const c_char, access_list: Hid) -> Hid = "H5Dopen2";
    fn dataset_space(id: Hid) -> Hid = "H5Dget_space";
    fn dataset_flush(id: Hid) -> Herr = "H5Dflush";
    fn dataset_refresh(id: Hid) -> Herr = "H5Drefresh";
    fn dataset_create(file: Hid, kind: Hid, space: Hid, list: Hid, access_list: Hid) -> Hid = "H5Dcreate_anon";
    fn dataset_write(id: Hid, kind: Hid, memory: Hid, file: Hid, list: Hid, buffer: *const c_void) -> Herr = "H5Dwrite";
    fn dataset_read(id: Hid, kind: Hid, memory: Hid, file: Hid, list: Hid, buffer: *mut c_void) -> Herr = "H5Dread";
    fn chunk_size(id: Hid, offset: *const Hsize, size: *mut Hsize) -> Herr = "H5Dget_chunk_storage_size";
    fn chunk_read(id: Hid, list: Hid, offset: *const Hsize, mask: *mut u32, buffer: *mut c_void) -> Herr
        = "H5Dread_chunk1", "H5Dread_chunk";
    fn chunk_write(id: Hid, list: Hid, mask: u32, offset: *const Hsize, size: usize, buffer: *const c_void) -> Herr
        = "H5Dwrite_chunk";
    fn list_is_of_class(id: Hid, class: Hid) -> c_int = "H5Pisa_class";
    fn list_equal(one: Hid, other: Hid) -> c_int = "H5Pequal";
    fn list_create(class: Hid) -> Hid = "H5Pcreate";
    fn list_encode(id: Hid, buffer: *mut c_void, size: *mut usize, access_list: Hid) -> Herr = "H5Pencode2";
    fn list_decode(buffer: *const c_void) -> Hid = "H5Pdecode";
    fn list_layout(id: Hid) -> c_int = "H5Pget_layout";
    fn list_chunk(id: Hid, rank_max: c_int, dimensions: *mut Hsize) -> c_int = "H5Pget_chunk";
    fn list_filter_count(id: Hid) -> c_int = "H5Pget_nfilters";
    fn list_filter(id: Hid, number: c_uint, flags: *mut c_uint, value_count: *mut usize, values: *mut c_uint,
        name_size: usize, name: *mut c_char, configuration: *mut c_uint) -> c_int = "H5Pget_filter2";
    fn list_remove_filter(id: Hid, filter: c_int) -> Herr = "H5Premove_filter";
    fn list_modify_filter(id: Hid, filter: c_int, flags: c_uint, value_count: usize, values: *const c_uint) -> Herr
        = "H5Pmodify_filter";
    fn dataset_list(id: Hid) -> Hid = "H5Dget_create_plist";
    fn list_external_count(id: Hid) -> c_int = "H5Pget_external_count";
    fn list_external(
        id: Hid, number: c_uint, name_size: usize, name: *mut c_char, offset: *mut i64, size: *mut Hsize
    ) -> Herr = "H5Pget_external";
    fn list_raw_prefix(id: Hid, prefix: *mut c_char, size: usize) -> isize = "H5Pget_efile_prefix";
    fn list_set_raw_prefix(id: Hid, prefix: *const c_char) -> Herr = "H5Pset_efile_prefix";
    fn list_mapping_count(id: Hid, count: *mut usize) -> Herr = "H5Pget_virtual_count";
    fn list_map(id: Hid, here: Hid, file: *const c_char, path: *const c_char, there: Hid) -> Herr = "H5Pset_virtual";
    fn list_set_layout(id: Hid, layout: c_int) -> Herr = "H5Pset_layout";
    fn list_virtual_space(id: Hid, number: usize) -> Hid = "H5Pget_virtual_vspace";
    fn list_source_space(id: Hid, number: usize) -> Hid = "H5Pget_virtual_srcspace";
    fn list_source_file(id: Hid, number: usize, name: *mut c_char, size: usize) -> isize = "H5Pget_virtual_filename";
    fn list_source_path(id: Hid, number: usize, name: *mut c_char, size: usize) -> isize = "H5Pget_virtual_dsetname";
    fn list_virtual_view(id: Hid, view: *mut c_int) -> Herr = "H5Pget_virtual_view";
    fn list_virtual_gap(id: Hid, gap: *mut Hsize) -> Herr = "H5Pget_virtual_printf_gap";
    fn list_virtual_prefix(id: Hid, prefix: *mut c_char, size: usize) -> isize = "H5Pget_virtual_prefix";
    fn list_set_virtual_prefix(id: Hid, prefix: *const c_char) -> Herr = "H5Pset_virtual_prefix";
    fn list_fill_defined(id: Hid, status: *mut c_int) -> Herr = "H5Pfill_value_defined";
    fn list_fill_value(id: Hid, kind: Hid, value: *mut c_void) -> Herr = "H5Pget_fill_value";
    fn list_set_fill_value(id: Hid, kind: Hid, value: *const c_void) -> Herr = "H5Pset_fill_value";
    fn list_intermediate(id: Hid, flag: *mut c_uint) -> Herr = "H5Pget_create_intermediate_group";
    fn list_character_set(id: Hid, set: *mut c_int) -> Herr = "H5Pget_char_encoding";
    fn list_link_order(id: Hid, flags: *mut c_uint) -> Herr = "H5Pget_link_creation_order";
    fn list_attribute_order(id: Hid, flags: *mut c_uint) -> Herr = "H5Pget_attr_creation_order";
    fn list_times(id: Hid, is_tracked: *mut bool) -> Herr = "H5Pget_obj_track_times";
    fn list_set_link_order(id: Hid, flags: c_uint) -> Herr = "H5Pset_link_creation_order";
    fn list_set_attribute_order(id: Hid, flags: c_uint) -> Herr = "H5Pset_attr_creation_order";
    fn link_is_registered(kind: c_int) -> c_int = "H5Lis_registered";
    fn list_link_count(id: Hid, count: *mut usize) -> Herr = "H5Pget_nlinks";
    fn list_link_prefix(id: Hid, prefix: *mut c_char, size: usize) -> isize = "H5Pget_elink_prefix";
    fn list_link_flags(id: Hid, flags: *mut c_uint) -> Herr = "H5Pget_elink_acc_flags";
    fn list_link_files(id: Hid) -> Hid = "H5Pget_elink_fapl";
    fn list_link_callback(id: Hid, function: *mut Option<ExternalCallback>, data: *mut *mut c_void) -> Herr
        = "H5Pget_elink_cb";
    fn list_set_character_set(id: Hid, set: c_int) -> Herr = "H5Pset_char_encoding";
}

/// Numbers that HDF5 gives when it starts, each in a variable of its own.
#[derive(Clone, Copy)]
pub struct Variable(pub &'static CStr);

impl Variable {
    pub const UNSIGNED_64: Self = Self(c"H5T_NATIVE_UINT64_g");
    pub const ERROR_CLASS: Self = Self(c"H5E_ERR_CLS_g");
    pub const MAJOR: Self = Self(c"H5E_VOL_g");
    pub const GROUP_CREATE_DEFAULT: Self = Self(c"H5P_LST_GROUP_CREATE_ID_g");
    pub const LINK_ACCESS_DEFAULT: Self = Self(c"H5P_LST_LINK_ACCESS_ID_g");
    pub const LINK_CREATE_DEFAULT: Self = Self(c"H5P_LST_LINK_CREATE_ID_g");
    pub const DATASET_CREATE_DEFAULT: Self = Self(c"H5P_LST_DATASET_CREATE_ID_g");
    pub const DATASET_ACCESS_DEFAULT: Self = Self(c"H5P_LST_DATASET_ACCESS_ID_g");
    pub const DATATYPE_CREATE_DEFAULT: Self = Self(c"H5P_LST_DATATYPE_CREATE_ID_g");
    pub const ATTRIBUTE_CREATE_DEFAULT: Self = Self(c"H5P_LST_ATTRIBUTE_CREATE_ID_g");
    pub const FILE_CREATE_DEFAULT: Self = Self(c"H5P_LST_FILE_CREATE_ID_g");
    pub const GROUP_CREATE: Self = Self(c"H5P_CLS_GROUP_CREATE_ID_g");
    pub const FILE_CREATE: Self = Self(c"H5P_CLS_FILE_CREATE_ID_g");
    pub const FILE_ACCESS: Self = Self(c"H5P_CLS_FILE_ACCESS_ID_g");
    pub const DATASET_CREATE: Self = Self(c"H5P_CLS_DATASET_CREATE_ID_g");
    pub const DATASET_ACCESS: Self = Self(c"H5P_CLS_DATASET_ACCESS_ID_g");
    pub const DATATYPE_CREATE: Self = Self(c"H5P_CLS_DATATYPE_CREATE_ID_g");
    pub const MAP_CREATE_DEFAULT: Self = Self(c"H5P_LST_MAP_CREATE_ID_g");
    pub const MAP_ACCESS_DEFAULT: Self = Self(c"H5P_LST_MAP_ACCESS_ID_g");
    pub const MAP_ACCESS: Self = Self(c"H5P_CLS_MAP_ACCESS_ID_g");
    pub const MAP_CREATE: Self = Self(c"H5P_CLS_MAP_CREATE_ID_g");
    pub const ATTRIBUTE_CREATE: Self = Self(c"H5P_CLS_ATTRIBUTE_CREATE_ID_g");
}

impl Library {
    /// The value of a variable; 0, which is no number of anything, when this HDF5 does not have it.
    pub fn value(&self, variable: Variable) -> Hid {
        let mut addresses = self.addresses.get().borrow_mut();
        // SAFETY: the handle stays open for the life of the process.
        let look_up = || unsafe { libc::dlsym(self.variables as *mut c_void, variable.0.as_ptr()) } as usize;
        let address = *addresses.entry(variable.0.as_ptr() as usize).or_insert_with(look_up);
        if address == 0 {
            return DEFAULT_VALUE;
        }
        // SAFETY: variables of these names are identifiers.
        unsafe { *(address as *const Hid) }
    }

    /// Puts an error on HDF5's stack.
    pub fn push_error(&self, function: &CStr, minor: Variable, text: &CStr) {
        self.push_error_to(DEFAULT_VALUE, function, minor, text);
    }

    fn push_error_to(&self, stack: Hid, function: &CStr, minor: Variable, text: &CStr) {
        let (class, major, minor) = (self.value(Variable::ERROR_CLASS), self.value(Variable::MAJOR), self.value(minor));
        // SAFETY: all texts end with zero, and the format takes one of them.
        unsafe {
            (self.push)(
                stack,
                c"daos".as_ptr(),
                function.as_ptr(),
                0,
                class,
                major,
                minor,
                c"%s".as_ptr(),
                text.as_ptr(),
            )
        };
    }

    /// A stack with an error, or an empty one, for whoever asks what became of something.
    pub fn error_stack(&self, failure: Option<&Failure>) -> Result<Identifier, Failure> {
        // SAFETY: takes no pointer.
        let stack = Identifier::new(unsafe { self.errors_create() }, "stack of errors")?;
        if let Some(failure) = failure {
            let text = CString::new(failure.text.replace('\0', " ")).unwrap_or_default();
            self.push_error_to(stack.get(), c"H5ESwait", failure.minor.variable(), &text);
        }
        Ok(stack)
    }

    /// Shows what lies on the stack of errors as the program has set it, as HDF5's own functions do at their end.
    pub fn show_errors(&self) {
        let (mut function, mut data) = (None, std::ptr::null_mut());
        // SAFETY: both places are ours. It is one of the few functions that leave the stack as it is.
        let known = unsafe { self.errors_visitor(DEFAULT_VALUE, &raw mut function, &raw mut data) };
        if let Some(function) = function.filter(|_| known >= 0) {
            // SAFETY: the function is the program's, or HDF5's own, which gets what it was set with.
            unsafe { function(DEFAULT_VALUE, data) };
        }
    }

    /// Does something without losing what lies on the stack of errors, which most of HDF5's functions clear.
    pub fn keeping_errors(&self, body: impl FnOnce()) {
        // SAFETY: takes no pointer.
        let stack = unsafe { self.errors_take() };
        body();
        if stack >= 0 {
            // SAFETY: the stack is the one that was taken; it is closed with this.
            unsafe { self.errors_put(stack) };
        }
    }

    /// Does something that may fail without that being told: neither on the stack of errors nor to the function that the program has
    /// set for errors, which writes them to its terminal unless it was changed.
    pub fn quietly<T>(&self, body: impl FnOnce() -> T) -> T {
        let (mut function, mut data) = (None, std::ptr::null_mut());
        let mut result = None;
        self.keeping_errors(|| {
            // SAFETY: both places are ours.
            let known = unsafe { self.errors_visitor(DEFAULT_VALUE, &raw mut function, &raw mut data) };
            if known >= 0 {
                // SAFETY: none is called then.
                unsafe { self.errors_set_visitor(DEFAULT_VALUE, None, std::ptr::null_mut()) };
            }
            result = Some(body());
            if known >= 0 {
                // SAFETY: as it was.
                unsafe { self.errors_set_visitor(DEFAULT_VALUE, function, data) };
            }
        });
        result.expect("it was done")
    }

    /// Decodes a datatype; later versions want the size of the bytes too.
    pub fn type_decode(&self, bytes: &[u8]) -> Hid {
        let handle = self.handle as *mut c_void;
        if let Ok(address) = symbol(handle, &["H5Tdecode2"]) {
            // SAFETY: the function has this signature, and reads no more bytes than it is told.
            let decode = unsafe { std::mem::transmute::<*mut c_void, DecodeSized>(address) };
            // SAFETY: the same.
            return unsafe { decode(bytes.as_ptr().cast(), bytes.len()) };
        }
        let Ok(address) = symbol(handle, &["H5Tdecode", "H5Tdecode1"]) else { return -1 };
        // SAFETY: the function has this signature; what it reads was written by `H5Tencode`, and checksums guard it.
        let decode = unsafe { std::mem::transmute::<*mut c_void, Decode>(address) };
        // SAFETY: the same.
        unsafe { decode(bytes.as_ptr().cast()) }
    }
}

const DEFAULT_VALUE: Hid = 0;

fn symbol(handle: *mut c_void, names: &[&str]) -> Result<*mut c_void, String> {
    for name in names {
        let name = CString::new(*name).map_err(|error| error.to_string())?;
        // SAFETY: the handle is one of dlopen, the name ends with zero.
        let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
        if !address.is_null() {
            return Ok(address);
        }
    }
    Err(format!("this HDF5 has no function {}; versions 1.14 and 2.x have it", names[0]))
}

/// A program that is linked with this HDF5 may have copies of its variables (copy relocations), which are those that count, also for
/// HDF5 itself: they are found where the program's own symbols are.
fn scope_of_variables(handle: *mut c_void) -> *mut c_void {
    let name = "H5open";
    let is_linked = symbol(libc::RTLD_DEFAULT, &[name]).ok() == symbol(handle, &[name]).ok();
    if is_linked { libc::RTLD_DEFAULT } else { handle }
}

/// One more function of the HDF5 that loaded this connector.
///
/// # Errors
/// A sentence, when it has none of this name.
pub fn function(name: &str) -> Result<*mut c_void, String> {
    symbol(library().handle as *mut c_void, &[name])
}

static LIBRARY: OnceLock<Library> = OnceLock::new();

/// The HDF5 that loaded this connector.
pub fn library() -> &'static Library {
    LIBRARY.get().expect("HDF5 calls nothing of a connector before it has asked for its table")
}

/// Takes the functions of the HDF5 that is in this process, for a program that calls the connector before HDF5 does.
///
/// # Errors
/// A sentence, when there is none, or more than one.
pub fn find() -> Result<(), String> {
    if LIBRARY.get().is_some() {
        return Ok(());
    }
    let name = "H5VLregister_connector";
    if let Ok(address) = symbol(libc::RTLD_DEFAULT, &[name]) {
        return load(address).map(drop);
    }
    // One that only a module of an interpreter is linked with.
    let mut files: Vec<CString> = Vec::new();
    // SAFETY: the function gets the list, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(gather), (&raw mut files).cast()) };
    let mut found: Vec<*mut c_void> = Vec::new();
    for file in files {
        // SAFETY: the name ends with zero, and is one of a loaded file, which stays loaded with this.
        let handle = unsafe { libc::dlopen(file.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD) };
        if let Some(address) = symbol(handle, &[name]).ok().filter(|_| !handle.is_null()) {
            found.push(address);
        }
    }
    // Of a file that is linked with HDF5 it is HDF5's.
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [address] => load(address).map(drop),
        [] => Err("there is no HDF5 library in this process, or none of version 1.14 or later".to_owned()),
        _ => Err("there are several HDF5 libraries in this process: set HDF5_VOL_CONNECTOR=daos".to_owned()),
    }
}

/// Gathers the names of files that may be HDF5.
unsafe extern "C" fn gather(information: *mut libc::dl_phdr_info, _: usize, files: *mut c_void) -> c_int {
    // SAFETY: the first is one that the C library gives, the second what `find` gives.
    let (name, files) = unsafe { ((*information).dlpi_name, &mut *files.cast::<Vec<CString>>()) };
    if !name.is_null() {
        // SAFETY: not null, ends with zero.
        let name = unsafe { CStr::from_ptr(name) };
        let file = name.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if file.starts_with(b"libhdf5") {
            files.push(name.to_owned());
        }
    }
    0
}

/// Takes the functions of the HDF5 that an address is in, if it is the first. Gives where it begins when it is another one.
///
/// # Errors
/// A sentence, when it is no HDF5 that this connector can serve.
pub fn load(address: *const c_void) -> Result<Option<usize>, String> {
    // SAFETY: all zero is a value of this struct.
    let mut found: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: any address may be asked for.
    if unsafe { libc::dladdr(address, &raw mut found) } == 0 || found.dli_fname.is_null() {
        return Err("cannot tell which HDF5 library this was called from".to_owned());
    }
    let base = found.dli_fbase as usize;
    if LIBRARY.get().is_none() {
        // SAFETY: the name is that of a loaded file, which is not loaded anew. A program that is linked with HDF5's static library is
        // not a file that can be opened so; then all symbols of the process are looked at.
        let mut handle = unsafe { libc::dlopen(found.dli_fname, libc::RTLD_NOW | libc::RTLD_NOLOAD) };
        if handle.is_null() {
            handle = libc::RTLD_DEFAULT;
        }
        let _first = LIBRARY.set(Library::look_up(base, handle)?);
    }
    Ok((library().base != base).then_some(base))
}
