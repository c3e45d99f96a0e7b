//! Gives the library the name that programs are linked with.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdaos.so.2");
    // Handlers for fork and threads of an engine inside the process outlive dlclose.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
