//! Links the machine's libfabric, found by `pkg-config`.

use std::process::{Command, ExitCode};

const REMEDY: &str = "install libfabric and its development files: \
    `apt-get install pkg-config libfabric-dev` on Debian and Ubuntu, `dnf install pkgconf libfabric-devel` on Fedora";

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");
    let output = Command::new("pkg-config").args(["--libs", "libfabric >= 1.17"]).output();
    let flags = match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => return fail(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => return fail(&format!("pkg-config cannot be started: {error}")),
    };
    for flag in flags.split_whitespace() {
        if let Some(folder) = flag.strip_prefix("-L") {
            println!("cargo::rustc-link-search=native={folder}");
        } else if let Some(library) = flag.strip_prefix("-l") {
            println!("cargo::rustc-link-lib={library}");
        }
    }
    ExitCode::SUCCESS
}

fn fail(why: &str) -> ExitCode {
    println!("cargo::error=libfabric 1.17 or later was not found ({}); {REMEDY}", why.trim().replace('\n', " "));
    ExitCode::FAILURE
}
