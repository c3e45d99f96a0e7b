//! Asking the processor for memory before it is needed.
#![allow(unsafe_code, reason = "an instruction that takes an address")]

/// Asks the processor to bring near the cache line that a value begins in; of no effect but on time. Unlike a read it does not keep what
/// follows waiting.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has the instruction, and a reference is a valid address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
