//! A libfabric endpoint with its queue of completions and its list of addresses.

use super::domain::{Domain, Region, close, opened};
use super::failure::{failure, is_again};
use super::fragment::{FRAGMENT_MAX, NOTHING};
use super::listener;
use super::outbox::{Attempt, Direction, Job};
use super::slots::Slots;
use crate::PeerIndex;
use daos_libfabric_sys as sys;
use daos_status::{Result, Status};
use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;

/// Operations that the provider works on at a time: about what its own queues hold.
const OPERATIONS_MAX: usize = 2048;

/// Longest address of any provider.
const NAME_LENGTH_MAX: usize = 256;

/// Completions read at once.
const BATCH: usize = 32;

/// What the provider works on. It owns the memory that is used meanwhile.
pub(super) enum Operation {
    Receive(Vec<u8>),
    Part { peer: PeerIndex, messages: Vec<Attempt>, bytes: Vec<u8> },
    Transfer { peer: PeerIndex, job: Job },
}

/// An operation with the registration of its memory, which ends first.
struct Posted {
    _region: Option<Region>,
    operation: Operation,
}

/// The end of an operation: how many bytes a receive got, or what went wrong.
pub(super) struct Completion {
    pub operation: Operation,
    pub result: Result<usize>,
}

/// Why an operation was not taken. It comes back unless it failed in the provider's hands.
pub(super) enum Refusal {
    /// No room, or no connection yet.
    Later(Operation),
    /// The provider knows that it cannot work.
    Failed(Operation, Status),
}

/// An open endpoint.
pub(super) struct Port {
    endpoint: NonNull<sys::fid_ep>,
    addresses: NonNull<sys::fid_av>,
    completions: NonNull<sys::fid_cq>,
    posted: Slots<Posted>,
    can_sleep: bool,
    domain: Rc<Domain>,
}

impl Port {
    /// Opens and enables an endpoint of a domain.
    pub fn open(domain: Rc<Domain>) -> Result<Port> {
        let mut queue_attributes = sys::fi_cq_attr {
            size: OPERATIONS_MAX,
            flags: 0,
            format: sys::FI_CQ_FORMAT_MSG,
            wait_obj: sys::FI_WAIT_FD,
            signaling_vector: 0,
            wait_cond: sys::FI_CQ_COND_NONE,
            wait_set: null_mut(),
        };
        let kind = domain.info().domain_attributes().av_type;
        let mut list_attributes = sys::fi_av_attr {
            type_: if kind == sys::FI_AV_UNSPEC { sys::FI_AV_TABLE } else { kind },
            rx_ctx_bits: 0,
            count: 0,
            ep_per_node: 0,
            name: std::ptr::null(),
            map_addr: null_mut(),
            flags: 0,
        };
        let (mut endpoint, mut queue, mut list) = (null_mut(), null_mut(), null_mut());
        // SAFETY: domain and info are live, the attributes live through the calls, and results are checked. What was
        // opened before a step fails is closed by the guards.
        unsafe {
            let mut result = sys::fi_cq_open(domain.domain(), &mut queue_attributes, &mut queue, null_mut());
            let can_sleep = result == 0;
            if !can_sleep {
                queue_attributes.wait_obj = sys::FI_WAIT_NONE;
                result = sys::fi_cq_open(domain.domain(), &mut queue_attributes, &mut queue, null_mut());
            }
            let completions = opened(result, queue, || "opening a completion queue".to_owned())?;
            let queue_guard = Guard(&raw mut (*completions.as_ptr()).fid);
            let result = sys::fi_av_open(domain.domain(), &mut list_attributes, &mut list, null_mut());
            let addresses = opened(result, list, || "opening a list of addresses".to_owned())?;
            let list_guard = Guard(&raw mut (*addresses.as_ptr()).fid);
            let result = sys::fi_endpoint(domain.domain(), domain.info().pointer(), &mut endpoint, null_mut());
            let endpoint = opened(result, endpoint, || "opening an endpoint".to_owned())?;
            let endpoint_guard = Guard(&raw mut (*endpoint.as_ptr()).fid);
            let flags = u64::from(sys::FI_SEND | sys::FI_RECV);
            check(sys::fi_ep_bind(endpoint.as_ptr(), list_guard.0, 0), "binding the list of addresses")?;
            check(sys::fi_ep_bind(endpoint.as_ptr(), queue_guard.0, flags), "binding the completion queue")?;
            check(sys::fi_enable(endpoint.as_ptr()), "starting to listen")?;
            [endpoint_guard, list_guard, queue_guard].into_iter().for_each(Guard::keep);
            let port = Port { endpoint, addresses, completions, posted: Slots::new(OPERATIONS_MAX), can_sleep, domain };
            listener::prepare(&port.name()?);
            Ok(port)
        }
    }

    pub fn domain(&self) -> &Rc<Domain> {
        &self.domain
    }

    /// The endpoint's own address, as the provider has it.
    pub fn name(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0u8; NAME_LENGTH_MAX];
        let mut length = bytes.len();
        // SAFETY: the endpoint is open, and memory of the length is given.
        let result = unsafe { sys::fi_getname(self.endpoint.as_ptr(), bytes.as_mut_ptr().cast(), &mut length) };
        check(result, "asking for the endpoint's own address")?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Whether there is a descriptor to sleep on.
    pub fn can_sleep(&self) -> bool {
        self.can_sleep
    }

    /// The descriptor that becomes readable with completions, if there is one.
    pub fn descriptor(&self) -> Result<Option<RawFd>> {
        if !self.can_sleep {
            return Ok(None);
        }
        let mut descriptor: c_int = -1;
        // SAFETY: the queue is open, and the command fills an integer.
        let result = unsafe {
            let queue = &raw mut (*self.completions.as_ptr()).fid;
            sys::fi_control(queue, sys::FI_GETWAIT as c_int, (&raw mut descriptor).cast())
        };
        check(result, "asking for a descriptor to sleep on")?;
        Ok(Some(descriptor))
    }

    /// Whether it is safe to sleep on the descriptor.
    pub fn may_sleep(&self) -> bool {
        // SAFETY: fabric and queue are open, and the list of one lives through the call.
        unsafe {
            let mut queue = &raw mut (*self.completions.as_ptr()).fid;
            sys::fi_trywait(self.domain.fabric(), &mut queue, 1) == 0
        }
    }

    /// Makes an address known.
    pub fn insert(&self, bytes: &[u8]) -> Result<u64> {
        let mut place = u64::MAX;
        // SAFETY: the list is open, and takes an address of its endpoint's form: the caller compared lengths.
        let count =
            unsafe { sys::fi_av_insert(self.addresses.as_ptr(), bytes.as_ptr().cast(), 1, &mut place, 0, null_mut()) };
        check(if count == 1 { 0 } else { count.min(-(sys::FI_EINVAL as c_int)) }, "adding an address")?;
        Ok(place)
    }

    /// Ends the connection to an address and forgets it; `false` when there is no connection, and it was kept.
    pub fn hang_up(&self, mut place: u64) -> bool {
        // Some versions of `rxm` follow a null pointer when an address is removed whose last attempt to connect failed
        // at once. The attempt to say nothing finds out: then it fails again, and the address is kept for the next time.
        // SAFETY: the endpoint is open, and the bytes are copied in the call.
        let result = unsafe { sys::fi_inject(self.endpoint.as_ptr(), NOTHING.as_ptr().cast(), NOTHING.len(), place) };
        if result != 0 && !is_again(result) {
            return false;
        }
        // SAFETY: the list is open, and the address is in it: it is removed once.
        unsafe { sys::fi_av_remove(self.addresses.as_ptr(), &mut place, 1, 0) == 0 }
    }

    /// Takes the next messages into a buffer of [`FRAGMENT_MAX`] bytes.
    pub fn receive(&self, mut buffer: Vec<u8>) -> Result<(), Refusal> {
        debug_assert_eq!(buffer.len(), FRAGMENT_MAX);
        let (memory, length) = (NonNull::from(&mut buffer[..]).cast::<u8>(), buffer.len());
        self.post(memory, length, Operation::Receive(buffer), |descriptor, context| {
            // SAFETY: the endpoint is open; the buffer is owned by the posted operation until it completes.
            unsafe {
                let memory = memory.as_ptr().cast();
                sys::fi_recv(self.endpoint.as_ptr(), memory, length, descriptor, u64::MAX, context)
            }
        })
    }

    /// Sends a fragment.
    pub fn send(&self, place: u64, operation: Operation) -> Result<(), Refusal> {
        let Operation::Part { bytes, .. } = &operation else { return Ok(()) };
        let (memory, length) = (NonNull::from(&bytes[..]).cast::<u8>(), bytes.len());
        self.post(memory, length, operation, |descriptor, context| {
            // SAFETY: as for a receive.
            unsafe {
                let memory = memory.as_ptr().cast_const().cast();
                sys::fi_send(self.endpoint.as_ptr(), memory, length, descriptor, place, context)
            }
        })
    }

    /// Reads or writes remote memory.
    pub fn transfer(&self, place: u64, mut operation: Operation) -> Result<(), Refusal> {
        let Operation::Transfer { job, .. } = &mut operation else { return Ok(()) };
        let (memory, length) = (NonNull::from(&mut job.buffer[..]).cast::<u8>(), job.buffer.len());
        let (direction, key) = (job.direction, job.remote.key);
        // What a peer says about its memory is checked there.
        let address = job.remote.base.wrapping_add(job.offset);
        self.post(memory, length, operation, |descriptor, context| match direction {
            // SAFETY: as for a receive.
            Direction::Read => unsafe {
                let memory = memory.as_ptr().cast();
                sys::fi_read(self.endpoint.as_ptr(), memory, length, descriptor, place, address, key, context)
            },
            Direction::Write => {
                let local = libc::iovec { iov_base: memory.as_ptr().cast(), iov_len: length };
                let remote = sys::fi_rma_iov { addr: address, len: length, key };
                let mut descriptor = descriptor;
                let message = sys::fi_msg_rma {
                    msg_iov: &local,
                    desc: &mut descriptor,
                    iov_count: 1,
                    addr: place,
                    rma_iov: &remote,
                    rma_iov_count: 1,
                    context,
                    data: 0,
                };
                // A write counts when it has arrived: a reply may overtake it on another connection.
                let flags = u64::from(sys::FI_COMPLETION | sys::FI_DELIVERY_COMPLETE);
                // SAFETY: as for a receive; the message lives through the call, which copies it.
                unsafe { sys::fi_writemsg(self.endpoint.as_ptr(), &message, flags) }
            }
        })
    }

    fn post(
        &self,
        memory: NonNull<u8>,
        length: usize,
        operation: Operation,
        call: impl FnOnce(*mut c_void, *mut c_void) -> isize,
    ) -> Result<(), Refusal> {
        let Some((index, context)) = self.posted.next_free() else { return Err(Refusal::Later(operation)) };
        // SAFETY: the operation owns the memory, and is kept behind the region until it completes.
        let region = match unsafe { self.domain.register_local(memory, length) } {
            Ok(region) => region,
            Err(status) => return Err(Refusal::Failed(operation, status)),
        };
        let descriptor = region.as_ref().map_or(null_mut(), Region::descriptor);
        match call(descriptor, context) {
            0 => {
                self.posted.fill(index, Posted { _region: region, operation });
                Ok(())
            }
            again if is_again(again) => Err(Refusal::Later(operation)),
            result => Err(Refusal::Failed(
                operation,
                failure(i32::try_from(result).unwrap_or(i32::MAX), "the fabric refused"),
            )),
        }
    }

    /// Makes progress, and appends what has completed; `false` when that was nothing.
    pub fn completions(&self, batch: &mut Vec<Completion>) -> bool {
        forget_last_error();
        let mut entries = [const { sys::fi_cq_msg_entry { op_context: null_mut(), flags: 0, len: 0 } }; BATCH];
        // SAFETY: the queue is open, has this format, and memory for the number of entries is given.
        let count = unsafe { sys::fi_cq_read(self.completions.as_ptr(), entries.as_mut_ptr().cast(), entries.len()) };
        if count == -(sys::FI_EAVAIL as isize) {
            return self.failed_completion(batch);
        }
        let count = usize::try_from(count).unwrap_or(0).min(BATCH);
        for entry in &entries[..count] {
            if let Some(posted) = self.posted.take(entry.op_context) {
                batch.push(Completion { operation: posted.operation, result: Ok(entry.len) });
            }
        }
        count > 0
    }

    fn failed_completion(&self, batch: &mut Vec<Completion>) -> bool {
        // SAFETY: the structure is plain data; zeros ask for no provider-specific details.
        let mut entry: sys::fi_cq_err_entry = unsafe { std::mem::zeroed() };
        // SAFETY: the queue is open, and the entry lives through the call.
        let count = unsafe { sys::fi_cq_readerr(self.completions.as_ptr(), &mut entry, 0) };
        if count != 1 {
            return false;
        }
        // An error without an operation of ours is one of the provider's own messages on a connection that ended.
        if let Some(posted) = self.posted.take(entry.op_context) {
            let result = Err(failure(entry.err, "the fabric failed"));
            batch.push(Completion { operation: posted.operation, result });
        }
        true
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // SAFETY: all three are open, and used by nobody else. Memory of running operations is kept until the endpoint,
        // which uses it, is closed.
        unsafe {
            close(&raw mut (*self.endpoint.as_ptr()).fid, "endpoint");
            close(&raw mut (*self.completions.as_ptr()).fid, "completion queue");
            close(&raw mut (*self.addresses.as_ptr()).fid, "list of addresses");
        }
        for posted in self.posted.drain() {
            if let Operation::Transfer { job, .. } = posted.operation {
                job.end(Err(super::outbox::shut_down()));
            }
        }
    }
}

/// The `tcp` provider takes the end of a connection that came to its beginning only for "try again" when the last failed system call of the thread,
/// whatever it was, said so: then it keeps the descriptor for good, and finds it readable for ever, which uses a whole core.
fn forget_last_error() {
    // SAFETY: the place is the thread's own, and always there.
    unsafe { *libc::__errno_location() = 0 };
}

fn check(result: c_int, what: &str) -> Result<()> {
    if result == 0 { Ok(()) } else { Err(failure(result, what)) }
}

/// Closes an object unless the whole succeeds.
struct Guard(*mut sys::fid);

impl Guard {
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // SAFETY: the guard was made for an object that was just opened, and that nobody else closes.
        unsafe { close(self.0, "half-open endpoint") };
    }
}
