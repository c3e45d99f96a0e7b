//! How the allocator of an engine's process deals with buffers of bulk data.
#![allow(unsafe_code, reason = "mallopt has no safe wrapper in the standard library")]

/// Buffers up to this size come from the allocator's own memory: the most that glibc allows.
const OWN_BYTES_MAX: libc::c_int = 32 << 20;
/// Free memory at the end of each of the allocator's regions that is kept.
const KEPT_BYTES: libc::c_int = 64 << 20;

/// Has the allocator keep what is freed. By default it gives large buffers back to the kernel after a request, and for the next one their
/// pages are faulted in and cleared again.
///
/// For a process that is an engine and nothing else, before it has threads. Allocators other than glibc's are left as they are.
pub(crate) fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [(libc::M_MMAP_THRESHOLD, OWN_BYTES_MAX), (libc::M_TRIM_THRESHOLD, KEPT_BYTES)] {
        // SAFETY: it takes two numbers.
        if unsafe { libc::mallopt(parameter, value) } == 0 {
            daos_env::log!(Warn, "engine", "the allocator does not take {value} for its parameter {parameter}");
        }
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    const LENGTH: usize = 8 << 20;
    const ROUNDS: usize = 16;

    /// How often this thread was given a page by the kernel while it used a few buffers again and again.
    fn faults_of_rounds() -> usize {
        let faults = || {
            let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
            // SAFETY: it fills the structure.
            let usage = unsafe {
                assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()), 0);
                usage.assume_init()
            };
            usize::try_from(usage.ru_minflt).expect("no fewer than none")
        };
        let before = faults();
        for round in 0..ROUNDS {
            let fill = u8::try_from(round).expect("a few rounds") + 1;
            let buffers: Vec<Vec<u8>> = (0..3).map(|_| vec![fill; LENGTH]).collect();
            assert!(buffers.iter().all(|buffer| buffer[LENGTH / 2] == fill));
        }
        faults() - before
    }

    #[test]
    fn buffers_of_bulk_data_keep_their_memory() {
        let by_default = faults_of_rounds();
        keep_freed_memory();
        let kept = faults_of_rounds();
        assert!(kept <= by_default / ROUNDS * 4, "{kept} faults, {by_default} by default");
    }
}
