//! MPI, when the HDF5 that loaded this connector was built with it: its functions are taken from there, and the connector links with none.
//!
//! Handles are numbers to some implementations and pointers to others. Either is passed in a register as a number of the size of a pointer, of
//! which only the lower half counts for the first; so one type stands for both.

use crate::hdf5::{Herr, Hid, Variable, function, library};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

/// A communicator, a datatype, an information object or a request.
pub type Handle = usize;

/// Room for an `MPI_Status`, which has less than this in every implementation.
#[repr(C, align(8))]
pub struct Status([u8; 128]);

impl Status {
    pub const EMPTY: Self = Self([0; 128]);
}

macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) = $symbol:literal;)*) => {
        /// Functions of MPI, and those of HDF5 that only one with MPI has. By our names for them.
        pub struct Mpi {
            /// `MPI_BYTE`.
            pub byte: Handle,
            /// `MPI_INFO_NULL`.
            pub no_information: Handle,
            $($name: unsafe extern "C" fn($($kind),*) -> c_int,)*
        }

        #[expect(clippy::too_many_arguments, reason = "as many as the functions of C have")]
        impl Mpi {
            fn look_up() -> Option<Self> {
                let open_mpi_byte = function("ompi_mpi_byte");
                Some(Self {
                    byte: open_mpi_byte.as_ref().map_or(MPICH_BYTE, |address| *address as usize),
                    no_information: function("ompi_mpi_info_null").map_or(MPICH_NO_INFORMATION, |address| address as usize),
                    $(
                        // SAFETY: the symbol is the function of this signature, which MPI's standard and HDF5's headers say.
                        $name: unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($kind),*) -> c_int>(
                                function($symbol).ok()?,
                            )
                        },
                    )*
                })
            }

            $(
                /// The function.
                ///
                /// # Safety
                /// As MPI's standard or HDF5's documentation says.
                pub unsafe fn $name(&self, $($argument: $kind),*) -> c_int {
                    // SAFETY: as the caller promises.
                    unsafe { (self.$name)($($argument),*) }
                }
            )*
        }
    };
}

/// What MPICH, and all that have its binary interface, call `MPI_BYTE` and `MPI_INFO_NULL`. Open MPI's are addresses of variables.
const MPICH_BYTE: Handle = 0x4c00_010d;
const MPICH_NO_INFORMATION: Handle = 0x1c00_0000;

functions! {
    fn is_initialized(flag: *mut c_int) = "MPI_Initialized";
    fn is_finalized(flag: *mut c_int) = "MPI_Finalized";
    fn rank(communicator: Handle, rank: *mut c_int) = "MPI_Comm_rank";
    fn size(communicator: Handle, size: *mut c_int) = "MPI_Comm_size";
    fn compare(one: Handle, other: Handle, result: *mut c_int) = "MPI_Comm_compare";
    fn free(communicator: *mut Handle) = "MPI_Comm_free";
    fn broadcast(buffer: *mut c_void, count: c_int, kind: Handle, root: c_int, communicator: Handle) = "MPI_Bcast";
    fn gather(own: *const c_void, own_count: c_int, own_kind: Handle, all: *mut c_void, count: c_int, kind: Handle,
        communicator: Handle) = "MPI_Allgather";
    fn gather_unequal(own: *const c_void, own_count: c_int, own_kind: Handle, all: *mut c_void, counts: *const c_int,
        places: *const c_int, kind: Handle, communicator: Handle) = "MPI_Allgatherv";
    fn barrier(communicator: Handle) = "MPI_Barrier";
    fn start_barrier(communicator: Handle, request: *mut Handle) = "MPI_Ibarrier";
    fn test(request: *mut Handle, flag: *mut c_int, status: *mut Status) = "MPI_Test";
    fn information(list: Handle, key: *const c_char, size: c_int, value: *mut c_char, flag: *mut c_int) = "MPI_Info_get";
    fn free_information(list: *mut Handle) = "MPI_Info_free";
    fn list_communicator(list: Hid, communicator: *mut Handle, information: *mut Handle) = "H5Pget_fapl_mpio";
    fn list_transfer(list: Hid, mode: *mut c_int) = "H5Pget_dxpl_mpio";
}

/// `H5FD_MPIO_COLLECTIVE`.
const COLLECTIVE: c_int = 1;

/// MPI, when this HDF5 has it.
pub fn mpi() -> Option<&'static Mpi> {
    static MPI: OnceLock<Option<Mpi>> = OnceLock::new();
    MPI.get_or_init(Mpi::look_up).as_ref()
}

impl Mpi {
    /// Whether it can be called now.
    pub fn is_running(&self) -> bool {
        let (mut begun, mut ended) = (0, 0);
        // SAFETY: these may be called at any time, and the numbers are ours.
        unsafe {
            self.is_initialized(&raw mut begun);
            self.is_finalized(&raw mut ended);
        }
        begun != 0 && ended == 0
    }

    /// The value under a key of an information object.
    pub fn value(&self, list: Handle, key: &CStr) -> Option<String> {
        if list == self.no_information {
            return None;
        }
        let (mut text, mut flag): ([c_char; 64], _) = ([0; 64], 0);
        let size = text.len() as c_int - 1;
        // SAFETY: the list is one of MPI's, and there is room for as many bytes and a zero.
        let result = unsafe { self.information(list, key.as_ptr(), size, text.as_mut_ptr(), &raw mut flag) };
        if result != 0 || flag == 0 {
            return None;
        }
        // SAFETY: MPI ends what it gives with zero.
        Some(unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned())
    }
}

/// The identifier of HDF5's driver for MPI; none when this HDF5 does not have it.
pub fn driver() -> Option<Hid> {
    let known = library().value(Variable(c"H5FD_MPIO_id_g"));
    if known > 0 {
        return Some(known);
    }
    let (start, run) = (function("H5FD_mpio_init").ok()?, function("H5FDperform_init").ok()?);
    // SAFETY: the symbol is the function of this signature in versions that do not have the variable.
    let run = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void) -> Hid>(run) };
    // SAFETY: what it gets is the function that HDF5's own macro gives to it.
    let id = unsafe { run(start) };
    (id > 0).then_some(id)
}

/// Whether a list for transfers asks that all ranks take part.
pub fn is_collective(list: Hid) -> bool {
    let Some(mpi) = mpi().filter(|_| list != crate::hdf5::DEFAULT) else { return false };
    let mut mode = 0;
    // SAFETY: the number is ours.
    let result: Herr = unsafe { mpi.list_transfer(list, &raw mut mode) };
    result >= 0 && mode == COLLECTIVE
}
