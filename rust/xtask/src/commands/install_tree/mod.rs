//! `cargo xtask install` and `cargo xtask install-tree`: an installation under a prefix.

mod artifacts;
mod companions;
pub mod hdf5;
pub mod layout;
mod manual;
pub mod mpiio;

use crate::process;
use crate::workspace::{Metadata, shown};
use anyhow::{Context, Result, bail};
use artifacts::Artifacts;
use layout::{LIBRARY_DIRECTORY, Layout};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Version of the C API: what clients compare with, and the suffix of the library.
pub const API_VERSION: &str = "2.8.0";
/// Name that programs record when they link.
pub const SONAME: &str = "libdaos.so.2";

/// Names under which the one program is called.
pub const PROGRAM_NAMES: &[&str] = &["daos", "dmg", "daos_server", "daos_agent", "dfuse"];

/// Build, and lay out an installation under the target directory.
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

/// Build, and install for users.
#[derive(clap::Args)]
#[command(
    long_about = "Build, and install under a prefix: bin, lib, include, lib/pkgconfig, lib/cmake/daos, share/man.\n\n\
        What programs need to find it:\n  \
        CPATH=PREFIX/include LIBRARY_PATH=PREFIX/lib LD_RUN_PATH=PREFIX/lib   compilers, any build system\n  \
        PKG_CONFIG_PATH=PREFIX/lib/pkgconfig                                  pkg-config daos\n  \
        CMAKE_PREFIX_PATH=PREFIX                                              find_package(daos)\n\n\
        The tree can be moved: pkg-config and CMake files find everything relative to themselves."
)]
pub struct InstallArguments {
    /// Where programs find it later
    #[arg(long, value_name = "DIR", default_value = "/usr/local")]
    prefix: PathBuf,
    /// The libraries' directory below the prefix, as lib/x86_64-linux-gnu
    #[arg(long, value_name = "DIR", default_value = LIBRARY_DIRECTORY)]
    libdir: String,
    /// Put everything below this directory instead of / [default: the environment variable DESTDIR]
    #[arg(long, value_name = "DIR")]
    destdir: Option<OsString>,
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

impl Profile {
    fn of(debug: bool) -> Self {
        if debug { Self::Debug } else { Self::Release }
    }
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

/// Runs `install-tree`.
pub fn run(arguments: &Arguments) -> Result<()> {
    let profile = Profile::of(arguments.debug);
    let tree = install(&Metadata::read()?, profile, arguments.prefix.clone())?;
    println!("installed under {}", shown(&tree.prefix));
    println!("use it with: export PATH={0}/bin:$PATH PKG_CONFIG_PATH={0}/lib/pkgconfig", tree.prefix.display());
    Ok(())
}

/// Runs `install`.
pub fn run_install(arguments: &InstallArguments) -> Result<()> {
    let library = Path::new(&arguments.libdir);
    let inside = library.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !inside || arguments.libdir.is_empty() {
        bail!("--libdir is a directory below the prefix, as lib64; it is not {:?}", arguments.libdir);
    }
    let stage = arguments.destdir.clone().or_else(|| std::env::var_os("DESTDIR"));
    let mut layout = Layout::in_place(&arguments.prefix)?;
    layout.library.clone_from(&arguments.libdir);
    let layout = layout.staged(stage)?;
    let tree = lay_out(&Metadata::read()?, Profile::of(arguments.debug), &layout)?;
    println!("installed under {}", tree.prefix.display());
    if layout.root == layout.prefix && !layout.is_of_the_system() {
        let (prefix, library) = (layout.prefix.display(), &layout.library);
        println!("find it with: export PATH={prefix}/bin:$PATH PKG_CONFIG_PATH={prefix}/{library}/pkgconfig");
        println!(
            "or with:      export CPATH={prefix}/include LIBRARY_PATH={prefix}/{library} LD_RUN_PATH={prefix}/{library}"
        );
    }
    Ok(())
}

/// Builds and lays out; a second call without changes takes a second or two.
pub fn install(metadata: &Metadata, profile: Profile, prefix: Option<PathBuf>) -> Result<InstallTree> {
    let layout = match (prefix, profile) {
        (Some(prefix), _) => Layout::in_place(&prefix)?,
        (None, Profile::Release) => Layout::under_target(metadata, "prefix")?,
        (None, Profile::Debug) => Layout::under_target(metadata, "prefix-debug")?,
    };
    lay_out(metadata, profile, &layout)
}

/// Builds, and puts everything into its place.
pub fn lay_out(metadata: &Metadata, profile: Profile, layout: &Layout) -> Result<InstallTree> {
    super::setup::core()?;
    let artifacts = Artifacts::build(profile)?;
    let libraries = layout.libraries();
    for directory in ["bin", "include", "share/man/man1"] {
        create(&layout.root.join(directory))?;
    }
    for directory in ["daos", "pkgconfig", "cmake/daos"] {
        create(&libraries.join(directory))?;
    }
    // Configure scripts of DAOS programs look where upstream installs; a real folder of that name is the system's own.
    let second = layout.root.join("lib64");
    if layout.library == LIBRARY_DIRECTORY && !layout.is_of_the_system() && !second.is_dir() {
        link(&layout.root, "lib64", "lib")?;
    }
    let tree = InstallTree { prefix: layout.root.clone() };
    install_programs(&tree, &artifacts.program)?;
    install_library(&libraries, &artifacts.library)?;
    companions::install(&libraries, &metadata.target_directory.join("companions"))?;
    mpiio::install(metadata, &libraries)?;
    copy_directory(Path::new("include"), &layout.root.join("include"))?;
    hdf5::install(metadata, &artifacts.connector, layout)?;
    install_descriptions(layout)?;
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

fn install_library(directory: &Path, library: &Path) -> Result<()> {
    let dynamic = process::capture(Command::new("readelf").arg("-d").arg(library))?;
    if !dynamic.contains(&format!("soname: [{SONAME}]")) {
        bail!(
            "{} does not carry the soname {SONAME}: capi/build.rs must print \
             `cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}`",
            library.display()
        );
    }
    let file = format!("libdaos.so.{API_VERSION}");
    replace(library, &directory.join(&file))?;
    link(directory, SONAME, &file)?;
    link(directory, "libdaos.so", SONAME)?;
    write(&directory.join("daos/API_VERSION"), &format!("{API_VERSION}\n"))
}

fn install_descriptions(layout: &Layout) -> Result<()> {
    let libraries = layout.libraries();
    let pkg_config = include_str!("../../../../../packaging/daos.pc.in");
    write(&libraries.join("pkgconfig/daos.pc"), &layout.fill(pkg_config))?;
    let cmake = libraries.join("cmake/daos");
    let config = include_str!("../../../../../cmake/daos-config.cmake.in");
    write(&cmake.join("daos-config.cmake"), &layout.fill(config))?;
    let version = include_str!("../../../../../cmake/daos-config-version.cmake.in");
    write(&cmake.join("daos-config-version.cmake"), &layout.fill(version))
}

fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))
}

/// Removes a file that may not be there.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Puts a copy in place of what is there; a process that runs the old file keeps it.
pub fn replace(from: &Path, to: &Path) -> Result<()> {
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

pub fn write(path: &Path, text: &str) -> Result<()> {
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
