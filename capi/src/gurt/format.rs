//! The one function of the API with arguments that only C knows how to pass.

use core::ffi::{c_char, c_int, c_void};

unsafe extern "C" {
    fn vasprintf(out: *mut *mut c_char, format: *const c_char, arguments: *mut c_void) -> c_int;
}

/// Prints what an argument list holds, for `d_asprintf2`.
///
/// # Safety
/// The list is a `va_list` that the format fits; `count` may be written.
#[cfg(target_arch = "x86_64")]
unsafe extern "C" fn print(count: *mut c_int, format: *const c_char, arguments: *mut c_void) -> *mut c_char {
    let mut text = core::ptr::null_mut();
    // SAFETY: promised by the caller; NULL is answered before.
    unsafe {
        let length = if format.is_null() { -1 } else { vasprintf(&raw mut text, format, arguments) };
        if !count.is_null() {
            count.write(length);
        }
        if length < 0 { core::ptr::null_mut() } else { text }
    }
}

/// Prints into memory of its own; declared by hand in the header, which says more.
///
/// Stable Rust cannot define a function with a variable count of arguments. This one stores the registers where a `va_list`
/// finds them (in the area at `rsp + 32`: six general ones from its offset 0, eight vector ones from its offset 48, the latter
/// only when `al` says that there are any), makes that list at `rsp`, and calls [`print`]. Two arguments are named, so that the
/// others begin at offset 16; those on the stack lie above the return address.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn d_asprintf2(rc: *mut c_int, fmt: *const c_char) -> *mut c_char {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "sub rsp, 216",
        ".cfi_adjust_cfa_offset 216",
        "mov [rsp + 48], rdx",
        "mov [rsp + 56], rcx",
        "mov [rsp + 64], r8",
        "mov [rsp + 72], r9",
        "test al, al",
        "je 2f",
        "movaps [rsp + 80], xmm0",
        "movaps [rsp + 96], xmm1",
        "movaps [rsp + 112], xmm2",
        "movaps [rsp + 128], xmm3",
        "movaps [rsp + 144], xmm4",
        "movaps [rsp + 160], xmm5",
        "movaps [rsp + 176], xmm6",
        "movaps [rsp + 192], xmm7",
        "2:",
        "mov dword ptr [rsp], 16",
        "mov dword ptr [rsp + 4], 48",
        "lea rax, [rsp + 224]",
        "mov [rsp + 8], rax",
        "lea rax, [rsp + 32]",
        "mov [rsp + 16], rax",
        "mov rdx, rsp",
        "call {print}",
        "add rsp, 216",
        ".cfi_adjust_cfa_offset -216",
        "ret",
        ".cfi_endproc",
        print = sym print,
    )
}
