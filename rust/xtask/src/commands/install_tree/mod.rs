//! `cargo xtask install-tree`: an installation as a package would lay it out, under a prefix.

mod artifacts;
mod companions;
mod manual;

use crate::process;
use crate::workspace::{Metadata, shown};
use anyhow::{Context, Result, bail};
use artifacts::Artifacts;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Version of the C API: what clients compare with, and the suffix of the library.
pub const API_VERSION: &str = "2.8.0";
/// Name that programs record when they link.
pub const SONAME: &str = "libdaos.so.2";

/// Names under which the one program is called.
const PROGRAM_NAMES: &[&str] = &["daos", "dmg", "daos_server", "daos_agent"];

/// Build, and lay out an installation.
#[derive(clap::Args)]
#[command(long_about = "Build, and lay out an installation under a prefix: bin, lib, include, lib/pkgconfig, \
        lib/cmake/daos, share/man.\n\n\
        The tree can be moved: pkg-config and CMake files find everything relative to themselves.")]
pub struct Arguments {
    /// Where to put it [default: prefix under the target directory, prefix-debug with --debug]
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
    /// Build without optimisation
    #[arg(long)]
    debug: bool,
}

/// How the products are built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Optimised.
    Release,
    /// Quick to build.
    Debug,
}

/// An installation on disk.
pub struct InstallTree {
    /// Its root, an absolute path.
    pub prefix: PathBuf,
}

impl InstallTree {
    /// One of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.prefix.join("bin").join(name)
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let profile = if arguments.debug { Profile::Debug } else { Profile::Release };
    let tree = install(&Metadata::read()?, profile, arguments.prefix.clone())?;
    println!("installed under {}", shown(&tree.prefix));
    println!("use it with: export PATH={0}/bin:$PATH PKG_CONFIG_PATH={0}/lib/pkgconfig", tree.prefix.display());
    Ok(())
}

/// Builds and lays out; a second call without changes takes a second or two.
pub fn install(metadata: &Metadata, profile: Profile, prefix: Option<PathBuf>) -> Result<InstallTree> {
    super::setup::core()?;
    let artifacts = Artifacts::build(profile)?;
    let default = match profile {
        Profile::Release => "prefix",
        Profile::Debug => "prefix-debug",
    };
    let prefix = prefix.unwrap_or_else(|| metadata.target_directory.join(default));
    let prefix = std::path::absolute(&prefix).with_context(|| format!("{} is no path", prefix.display()))?;
    for directory in ["bin", "lib/daos", "lib/pkgconfig", "lib/cmake/daos", "include", "share/man/man1"] {
        let path = prefix.join(directory);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    // Configure scripts of DAOS programs look where upstream installs; a real folder of that name is the system's own.
    if !prefix.join("lib64").is_dir() {
        link(&prefix, "lib64", "lib")?;
    }
    let tree = InstallTree { prefix };
    install_programs(&tree, &artifacts.program)?;
    install_library(&tree, &artifacts.library)?;
    companions::install(&tree.prefix.join("lib"), &metadata.target_directory.join("companions"))?;
    install_headers(&tree)?;
    install_descriptions(&tree)?;
    manual::install(&tree, PROGRAM_NAMES)?;
    Ok(tree)
}

fn install_programs(tree: &InstallTree, program: &Path) -> Result<()> {
    let first = tree.program(PROGRAM_NAMES[0]);
    replace(program, &first)?;
    for name in &PROGRAM_NAMES[1..] {
        let path = tree.program(name);
        remove(&path)?;
        fs::hard_link(&first, &path).with_context(|| format!("cannot link {}", path.display()))?;
    }
    Ok(())
}

fn install_library(tree: &InstallTree, library: &Path) -> Result<()> {
    let dynamic = process::capture(Command::new("readelf").arg("-d").arg(library))?;
    if !dynamic.contains(&format!("soname: [{SONAME}]")) {
        bail!(
            "{} does not carry the soname {SONAME}: capi/build.rs must print \
             `cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}`",
            library.display()
        );
    }
    let directory = tree.prefix.join("lib");
    let file = format!("libdaos.so.{API_VERSION}");
    replace(library, &directory.join(&file))?;
    link(&directory, SONAME, &file)?;
    link(&directory, "libdaos.so", SONAME)?;
    write(&directory.join("daos/API_VERSION"), &format!("{API_VERSION}\n"))
}

fn install_headers(tree: &InstallTree) -> Result<()> {
    let from = Path::new("include");
    if !from.is_dir() {
        eprintln!("  install-tree: include/ is not there yet: no headers are installed");
        return Ok(());
    }
    copy_directory(from, &tree.prefix.join("include"))
}

fn install_descriptions(tree: &InstallTree) -> Result<()> {
    let fill = |text: &str| text.replace("@VERSION@", API_VERSION);
    let lib = tree.prefix.join("lib");
    let pkg_config = fill(include_str!("../../../templates/daos.pc.in"));
    write(&lib.join("pkgconfig/daos.pc"), &pkg_config)?;
    let config = fill(include_str!("../../../templates/daos-config.cmake.in"));
    write(&lib.join("cmake/daos/daos-config.cmake"), &config)?;
    let version = fill(include_str!("../../../templates/daos-config-version.cmake.in"));
    write(&lib.join("cmake/daos/daos-config-version.cmake"), &version)
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Puts a copy in place of what is there; a process that runs the old file keeps it.
fn replace(from: &Path, to: &Path) -> Result<()> {
    remove(to)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Makes the symbolic link `directory/name` that points at `target`.
fn link(directory: &Path, name: &str, target: &str) -> Result<()> {
    let path = directory.join(name);
    remove(&path)?;
    std::os::unix::fs::symlink(target, &path).with_context(|| format!("cannot link {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            replace(&entry.path(), &target)?;
        }
    }
    Ok(())
}
