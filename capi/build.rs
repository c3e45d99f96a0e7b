//! Gives the library the name that programs are linked with.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdaos.so.2");
    println!("cargo::rerun-if-changed=build.rs");
}
