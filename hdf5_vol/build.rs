//! Gives the connector the name that programs are linked with.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libhdf5_vol_daos.so");
    println!("cargo::rerun-if-changed=build.rs");
}
