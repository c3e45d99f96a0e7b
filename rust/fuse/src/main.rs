//! `dfuse`: see the library beside this file.

fn main() -> std::process::ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    std::process::ExitCode::from(daos_fuse::run(&words))
}
