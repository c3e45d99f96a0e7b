//! Gives the library the name that programs are linked with, and what upstream's library brings with it.

use std::path::Path;
use std::process::Command;

/// The library of UUIDs, by the name that is there without its headers. Libraries of programs that call `uuid_generate` and its like are
/// linked without naming it: upstream's libdaos depends on it.
const UUID_LIBRARY: &str = "libuuid.so.1";

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdaos.so.2");
    // Handlers for fork and threads of an engine inside the process outlive dlclose.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    if has_uuid_library() {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--push-state,--no-as-needed,-l:{UUID_LIBRARY},--pop-state");
    }
    println!("cargo::rerun-if-changed=build.rs");
}

/// Whether the linker finds the library of UUIDs.
fn has_uuid_library() -> bool {
    // A name that is not found is printed as it is.
    let answer = Command::new("cc").arg(format!("-print-file-name={UUID_LIBRARY}")).output();
    answer.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute())
}
