//! A provider's fabric and domain, and the memory registered with it.

use super::failure::failure;
use super::settings::FabricSettings;
use crate::{Access, Registration, RemoteRegion};
use daos_env::Random;
use daos_libfabric_sys as sys;
use daos_status::{Code, Result, Status, fail};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;
use std::sync::Arc;

/// Pieces of memory that one endpoint may have registered at a time.
const REGIONS_MAX: usize = 1 << 16;

/// Attempts to find a key that is not in use; with random keys of 64 bits, the second is never made.
const KEY_ATTEMPTS: usize = 8;

/// What a provider may want of memory that it is given: first nothing, then that it is registered.
pub(super) const MEMORY_MODES: [u32; 2] = [0, sys::FI_MR_LOCAL];

/// An open domain; closed when endpoint and registrations are gone.
pub(super) struct Domain {
    info: Info,
    fabric: NonNull<sys::fid_fabric>,
    domain: NonNull<sys::fid_domain>,
    word: String,
    random: Arc<dyn Random>,
    regions: Cell<usize>,
}

/// Memory that is registered until this is dropped.
pub(super) struct Region {
    region: NonNull<sys::fid_mr>,
    domain: Rc<Domain>,
}

impl Domain {
    /// Finds the provider and opens it.
    pub fn open(settings: &FabricSettings, random: Arc<dyn Random>) -> Result<Rc<Domain>> {
        load(&format!("fabric provider \"{}\"", settings.word()))?;
        let info = Info::find(settings)?;
        let what = |step: &str| format!("provider \"{}\": {step}", settings.word());
        let mut fabric = null_mut();
        // SAFETY: the attributes are those of a live info, and the result is checked.
        let result = unsafe { sys::fi_fabric(info.fields().fabric_attr, &mut fabric, null_mut()) };
        let fabric = opened(result, fabric, || what("opening the fabric"))?;
        let mut domain = null_mut();
        // SAFETY: the fabric was just opened, the info is live, and the result is checked.
        let result = unsafe { sys::fi_domain(fabric.as_ptr(), info.pointer(), &mut domain, null_mut()) };
        let domain = match opened(result, domain, || what("opening the domain")) {
            Ok(domain) => domain,
            Err(status) => {
                // SAFETY: the fabric is open, and nothing uses it.
                unsafe { sys::fi_close(&raw mut (*fabric.as_ptr()).fid) };
                return Err(status);
            }
        };
        let word = settings.word().to_owned();
        Ok(Rc::new(Domain { info, fabric, domain, word, random, regions: Cell::new(0) }))
    }

    pub fn info(&self) -> &Info {
        &self.info
    }

    pub fn word(&self) -> &str {
        &self.word
    }

    pub fn fabric(&self) -> *mut sys::fid_fabric {
        self.fabric.as_ptr()
    }

    pub fn domain(&self) -> *mut sys::fid_domain {
        self.domain.as_ptr()
    }

    /// Random bits from where the caller wants them from.
    pub fn random(&self) -> u64 {
        self.random.next_u64()
    }

    /// Lets peers reach memory.
    ///
    /// # Safety
    /// As [`crate::Transport::register`].
    pub unsafe fn register(
        self: &Rc<Self>,
        memory: NonNull<u8>,
        length: usize,
        access: Access,
    ) -> Result<Registration> {
        let mut flags = 0;
        if access.may_read() {
            flags |= u64::from(sys::FI_REMOTE_READ);
        }
        if access.may_write() {
            flags |= u64::from(sys::FI_REMOTE_WRITE);
        }
        // SAFETY: the contract is the caller's.
        let region = unsafe { self.open_region(memory, length, flags)? };
        let base = if self.has_mode(sys::FI_MR_VIRT_ADDR) { memory.as_ptr() as u64 } else { 0 };
        // SAFETY: the region is open.
        let key = unsafe { region.region.as_ref().key };
        Ok(Registration::new(RemoteRegion { key, base, length: length as u64 }, Box::new(region)))
    }

    /// Registers a buffer of an operation with a provider that wants this.
    ///
    /// # Safety
    /// The memory stays allocated until the region is dropped.
    pub unsafe fn register_local(self: &Rc<Self>, memory: NonNull<u8>, length: usize) -> Result<Option<Region>> {
        if !self.has_mode(sys::FI_MR_LOCAL) {
            return Ok(None);
        }
        let flags = u64::from(sys::FI_SEND | sys::FI_RECV | sys::FI_READ | sys::FI_WRITE);
        // SAFETY: the contract is the caller's.
        unsafe { self.open_region(memory, length.max(1), flags).map(Some) }
    }

    unsafe fn open_region(self: &Rc<Self>, memory: NonNull<u8>, length: usize, flags: u64) -> Result<Region> {
        if self.regions.get() >= REGIONS_MAX {
            fail!(Code::Busy, "{REGIONS_MAX} pieces of memory are registered already");
        }
        let mut region = null_mut();
        let mut result = 0;
        for _ in 0..KEY_ATTEMPTS {
            let key = self.next_key();
            // SAFETY: the domain is open, and the memory stays allocated by the caller's contract.
            result = unsafe {
                let memory = memory.as_ptr().cast::<c_void>();
                sys::fi_mr_reg(self.domain(), memory, length, flags, 0, key, 0, &mut region, null_mut())
            };
            if result != -(sys::FI_ENOKEY as c_int) {
                break;
            }
        }
        let region = opened(result, region, || format!("registering {length} bytes of memory"))?;
        self.regions.set(self.regions.get() + 1);
        Ok(Region { region, domain: self.clone() })
    }

    /// A key that nobody can guess, where providers let us choose.
    fn next_key(&self) -> u64 {
        let size = self.info.domain_attributes().mr_key_size.min(8);
        if self.has_mode(sys::FI_MR_PROV_KEY) || size == 0 { 0 } else { self.random.next_u64() >> (64 - 8 * size) }
    }

    fn has_mode(&self, mode: u32) -> bool {
        self.info.domain_attributes().mr_mode & mode as c_int != 0
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // SAFETY: both are open, and what was opened on them held this domain and is closed.
        unsafe {
            close(&raw mut (*self.domain.as_ptr()).fid, "domain");
            close(&raw mut (*self.fabric.as_ptr()).fid, "fabric");
        }
    }
}

impl Region {
    /// What operations on the memory pass to libfabric.
    pub fn descriptor(&self) -> *mut c_void {
        // SAFETY: the region is open.
        unsafe { self.region.as_ref().mem_desc }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the region is open, and its domain too.
        unsafe { close(&raw mut (*self.region.as_ptr()).fid, "memory region") };
        self.domain.regions.set(self.domain.regions.get() - 1);
    }
}

/// The object that a call opened.
pub(super) fn opened<T>(result: c_int, object: *mut T, what: impl FnOnce() -> String) -> Result<NonNull<T>> {
    match NonNull::new(object) {
        Some(object) if result == 0 => Ok(object),
        _ => Err(failure(if result == 0 { -(sys::FI_EIO as i32) } else { result }, &what())),
    }
}

/// Closes an object; that it cannot be closed is a leak, which is logged.
///
/// # Safety
/// The object is open, and is not used afterwards.
pub(super) unsafe fn close(object: *mut sys::fid, what: &str) {
    // SAFETY: by the caller's contract.
    let result = unsafe { sys::fi_close(object) };
    if result != 0 {
        daos_env::log!(Warn, "rpc", "closing a fabric's {what} failed, its memory is lost: {}", failure(result, what));
    }
}

/// Loads libfabric for something that needs it.
pub(super) fn load(what: &str) -> Result<()> {
    sys::load().map_err(|error| {
        let sentence = format!(
            "{what} needs libfabric: {error}; install it (package libfabric1 of Debian and Ubuntu, libfabric of Fedora), or name the \
             folder that holds it in LD_LIBRARY_PATH"
        );
        Status::new(Code::Notsupported, sentence)
    })
}

/// The providers of endpoints as we need them that libfabric has here, by their full names.
fn offered() -> Vec<String> {
    // SAFETY: allocates a structure with everything it points at.
    let Some(hints) = NonNull::new(unsafe { sys::fi_allocinfo() }).map(Info) else { return Vec::new() };
    // SAFETY: the hints were just allocated and are ours alone.
    unsafe { (*(*hints.pointer()).ep_attr).type_ = sys::FI_EP_RDM };
    let Some(list) = hints.anywhere() else { return Vec::new() };
    let mut names = Vec::new();
    list.each(|info| {
        // SAFETY: a found info has all its attributes.
        let name = unsafe { text_of((*info.fabric_attr).prov_name) };
        if !names.contains(&name) {
            names.push(name);
        }
    });
    names
}

/// # Safety
/// The pointer is null, or that of a text that ends with a zero byte.
pub(super) unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the caller's contract.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// What a provider offers.
pub(super) struct Info(NonNull<sys::fi_info>);

impl Info {
    fn find(settings: &FabricSettings) -> Result<Info> {
        let mut result = Err(Code::Notsupported.into());
        for local in MEMORY_MODES {
            result = Info::find_with(settings, local);
            if !matches!(&result, Err(status) if status.code() == Code::Notsupported) {
                break;
            }
        }
        let word = settings.word();
        result.map_err(|status: Status| {
            let place = settings.place();
            let offered = offered();
            if offered.iter().any(|name| name.split(';').any(|name| name == word)) {
                status.while_doing(format_args!(
                    "fabric provider \"{word}\" cannot open an endpoint at {place}; \
                     `fi_info -p {word} -t FI_EP_RDM` lists where it can"
                ))
            } else {
                status.while_doing(format_args!(
                    "fabric provider \"{word}\" is not here, or has no device; libfabric offers: {}",
                    offered.join(", ")
                ))
            }
        })
    }

    fn find_with(settings: &FabricSettings, local: u32) -> Result<Info> {
        let hints = Info::hints(settings, local)?;
        let host = settings.source()?.map(|host| host.to_string());
        let text = |text: String| CString::new(text).map_err(|_| Status::new(Code::Inval, "zero byte in an address"));
        let (host, port) = (host.map(text).transpose()?, text(settings.port.to_string())?);
        let node: *const c_char = host.as_ref().map_or(std::ptr::null(), |host| host.as_ptr());
        let flags = sys::FI_SOURCE | if host.is_some() { sys::FI_NUMERICHOST } else { 0 };
        let mut found = null_mut();
        // SAFETY: texts and hints live through the call; the result is checked.
        let result =
            unsafe { sys::fi_getinfo(sys::API_VERSION, node, port.as_ptr(), flags, hints.pointer(), &mut found) };
        Ok(Info(opened(result, found, || "asking libfabric".to_owned())?))
    }

    /// What we need of the provider of the settings, and where.
    fn hints(settings: &FabricSettings, local: u32) -> Result<Info> {
        let info = Info::requirements(local)?;
        let duplicate = |text: &str| -> Result<*mut c_char> {
            let text = CString::new(text).map_err(|_| Status::new(Code::Inval, "zero byte in a provider's name"))?;
            // SAFETY: the text ends with a zero byte; the copy is freed with the info.
            Ok(unsafe { libc::strdup(text.as_ptr()) })
        };
        let fields = info.pointer();
        let provider = duplicate(settings.word())?;
        // SAFETY: the info and all that it points at are ours alone; it takes over the name.
        unsafe { (*(*fields).fabric_attr).prov_name = provider };
        if let Some(name) = settings.domain() {
            let name = duplicate(name)?;
            // SAFETY: as above.
            unsafe { (*(*fields).domain_attr).name = name };
        }
        Ok(info)
    }

    /// What we need of any provider, and what of its wishes we can fulfil.
    pub fn requirements(local: u32) -> Result<Info> {
        // SAFETY: allocates a structure with everything it points at.
        let info = unsafe { sys::fi_allocinfo() };
        let Some(info) = NonNull::new(info) else { fail!(Code::Nomem, "no memory to ask for a fabric") };
        let info = Info(info);
        // SAFETY: the info and all that it points at were just allocated and are ours alone.
        unsafe {
            let fields = info.pointer();
            (*fields).caps =
                u64::from(sys::FI_MSG | sys::FI_RMA | sys::FI_SEND | sys::FI_RECV | sys::FI_READ | sys::FI_WRITE)
                    | u64::from(sys::FI_REMOTE_READ | sys::FI_REMOTE_WRITE);
            (*fields).mode = sys::FI_CONTEXT | sys::FI_CONTEXT2;
            (*(*fields).ep_attr).type_ = sys::FI_EP_RDM;
            let domain = (*fields).domain_attr;
            (*domain).mr_mode = (sys::FI_MR_VIRT_ADDR | sys::FI_MR_ALLOCATED | sys::FI_MR_PROV_KEY | local) as c_int;
            (*domain).threading = sys::FI_THREAD_DOMAIN;
            (*domain).control_progress = sys::FI_PROGRESS_MANUAL;
            (*domain).data_progress = sys::FI_PROGRESS_MANUAL;
            (*domain).resource_mgmt = sys::FI_RM_ENABLED;
            (*(*fields).tx_attr).msg_order = u64::from(sys::FI_ORDER_SAS);
            (*(*fields).rx_attr).msg_order = u64::from(sys::FI_ORDER_SAS);
        }
        Ok(info)
    }

    /// Looks at each element of the list that it is the first of.
    pub fn each(&self, mut look: impl FnMut(&sys::fi_info)) {
        let mut next = self.pointer().cast_const();
        // SAFETY: an element of the list, which lives as long as this, or its end.
        while let Some(info) = unsafe { next.as_ref() } {
            look(info);
            next = info.next;
        }
    }

    /// All that meets these requirements, wherever it is.
    pub fn anywhere(&self) -> Option<Info> {
        let mut found = null_mut();
        // SAFETY: the requirements live through the call; the result is checked.
        let result = unsafe {
            sys::fi_getinfo(sys::API_VERSION, std::ptr::null(), std::ptr::null(), 0, self.pointer(), &mut found)
        };
        NonNull::new(found).filter(|_| result == 0).map(Info)
    }

    pub fn pointer(&self) -> *mut sys::fi_info {
        self.0.as_ptr()
    }

    pub fn fields(&self) -> &sys::fi_info {
        // SAFETY: the structure lives as long as this, and libfabric does not change it.
        unsafe { self.0.as_ref() }
    }

    pub fn domain_attributes(&self) -> &sys::fi_domain_attr {
        // SAFETY: a found info has all its attributes.
        unsafe { &*self.fields().domain_attr }
    }

    /// The provider's full name, with the layers that libfabric put over it.
    pub fn provider(&self) -> String {
        // SAFETY: a found info has all its attributes.
        unsafe { text_of((*self.fields().fabric_attr).prov_name) }
    }
}

impl Drop for Info {
    fn drop(&mut self) {
        // SAFETY: the list is ours.
        unsafe { sys::fi_freeinfo(self.0.as_ptr()) };
    }
}
