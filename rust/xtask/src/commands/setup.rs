//! `cargo xtask setup`: what must be installed before the workspace builds.

use super::hdf5::{Flavour, Hdf5};
use super::romio::Romio;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Result, bail};
use clap::ValueEnum;
use std::path::Path;
use std::process::Command;

/// Install what the machine lacks, by apt.
#[derive(clap::Args)]
#[command(
    long_about = "Install what the machine lacks.\n\n\
        Looks for each tool and library first; when all are there it ends at once and changes nothing. As root it \
        installs what is missing with apt-get. As any other user it prints the exact apt-get line and ends with \
        status 1. It never touches anything but apt packages.\n\n\
        For `mpi` it then fetches MPICH's sources from the mirror of Debian that apt uses, and builds ROMIO of them \
        below the target directory; `cargo xtask install` puts the MPI-IO driver beside libdaos from then on.\n\n\
        For `hdf5` it fetches HDF5's sources from there too, and builds the library, its tools and its tests; for \
        `hdf5-mpi` it builds them with MPICH. They are kept for all checkouts in the folder that DAOS_BUILD_CACHE \
        names, or in daos-build among the user's caches.",
    after_help = "Rust itself (cargo, rustc, rustfmt, clippy) must be there already. cargo-nextest is used when it \
        is installed and not needed when it is not."
)]
pub struct Arguments {
    /// What to prepare for
    #[arg(value_enum, default_values_t = [Area::Core])]
    areas: Vec<Area>,
}

/// A part of the project with needs of its own.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Area {
    /// The workspace, its C library, its tests
    Core,
    /// The MPI-IO driver: MPICH, and ROMIO built once from its sources
    Mpi,
    /// HDF5 with its tools and its tests, built once from its sources; using the connector needs none of it
    Hdf5,
    /// The same, with MPICH, for several processes
    Hdf5Mpi,
    /// The whole benchmarks: what the store is compared with
    Bench,
}

/// How to see that a package is there.
enum Sign {
    /// A program on the search path.
    Program(&'static str),
    /// A module that pkg-config knows.
    Module(&'static str),
    /// A library of LLVM, whose place is its version's.
    Llvm(&'static str),
    /// A library that the dynamic linker finds.
    Library(&'static str),
    /// A module that Python finds.
    Python(&'static str),
}

struct Need {
    package: &'static str,
    sign: Sign,
    purpose: &'static str,
}

const CORE: &[Need] = &[
    need("pkg-config", Sign::Program("pkg-config"), "finds libraries"),
    need("libfabric1", Sign::Library("libfabric.so.1"), "the fabric between machines; loaded when it is needed"),
    need("libfabric-bin", Sign::Program("fi_pingpong"), "the reference of the fabric benchmarks"),
    need(
        "libpmem1",
        Sign::Library("libpmem.so.1"),
        "durability class pmem; loaded at run time, without it msync is used",
    ),
    need("gcc", Sign::Program("gcc"), "C tests, examples and the companion libraries"),
    need("g++", Sign::Program("g++"), "checks that the headers are C++ too"),
    need("gfortran", Sign::Program("gfortran"), "the Fortran example"),
    need("valgrind", Sign::Program("valgrind"), "memory checks of the C tests"),
    need("make", Sign::Program("make"), "builds bundled C sources"),
];

const BENCH: &[Need] = &[
    need("libclang-dev", Sign::Llvm("libclang"), "lets the crate of RocksDB, a peer of the store, read its headers"),
    need("librocksdb-dev", Sign::Module("rocksdb"), "a peer of the store; without it, it is built from its sources"),
    need("g++", Sign::Program("g++"), "links RocksDB"),
    need("fio", Sign::Program("fio"), "a reference of the store's benchmark"),
    need("valgrind", Sign::Program("valgrind"), "counts instructions"),
];

const C_TESTS: &[Need] = &[
    need("cmake", Sign::Program("cmake"), "tries the CMake package"),
    need("python3", Sign::Program("python3"), "calls the library without a header"),
];

const MPI: &[Need] = &[
    need("mpich", Sign::Program("mpiexec.mpich"), "starts MPI programs"),
    need("libmpich-dev", Sign::Module("mpich"), "builds MPI programs and the MPI-IO driver"),
    need("xz-utils", Sign::Program("xz"), "unpacks ROMIO's sources"),
    need("g++", Sign::Program("g++"), "MPICH's tests in C++"),
    need("gfortran", Sign::Program("gfortran"), "MPICH's tests in Fortran"),
    need("perl", Sign::Program("perl"), "makes MPICH's tests in Fortran and C++ of their harness"),
];

/// The first of them, which are all that HDF5 needs.
const MPI_NEEDED_BY_HDF5: usize = 2;

const MPI_HDF5: &[Need] =
    &[need("libhdf5-mpich-dev", Sign::Module("hdf5-mpich"), "a test: parallel HDF5 over the MPI-IO driver")];

const HDF5: &[Need] = &[
    need("cmake", Sign::Program("cmake"), "builds HDF5"),
    need("gcc", Sign::Program("gcc"), "compiles it"),
    need("make", Sign::Program("make"), "builds it"),
];

const PYTHON: &[Need] = &[
    need("python3", Sign::Program("python3"), "runs programs of h5py and mpi4py"),
    need("python3-venv", Sign::Python("ensurepip"), "keeps what they need apart from the system's Python"),
];

const PACKAGE: &[Need] = &[
    need("dpkg-dev", Sign::Program("dpkg-shlibdeps"), "says what a Debian package depends on"),
    need("binutils", Sign::Program("strip"), "takes debugging information away"),
];

const fn need(package: &'static str, sign: Sign, purpose: &'static str) -> Need {
    Need { package, sign, purpose }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    for area in &arguments.areas {
        match area {
            Area::Core => core()?,
            Area::Bench => provide("bench", BENCH)?,
            Area::Mpi => mpi(&Metadata::read()?)?,
            Area::Hdf5 => hdf5(&Metadata::read()?)?,
            Area::Hdf5Mpi => hdf5_mpi(&Metadata::read()?)?,
        }
    }
    Ok(())
}

/// Makes sure of what the core needs; quick when all is there.
pub fn core() -> Result<()> {
    provide("core", CORE)
}

/// Makes sure of what the C tests need besides the core.
pub fn c_tests() -> Result<()> {
    provide("c tests", C_TESTS)
}

/// Makes sure of MPICH and of ROMIO; quick when both are there.
pub fn mpi(metadata: &Metadata) -> Result<()> {
    core()?;
    provide("mpi", MPI)?;
    Romio::new(metadata).provide()
}

/// Makes sure of Debian's parallel HDF5, which one test of the MPI-IO driver uses.
pub fn mpi_hdf5() -> Result<()> {
    provide("mpi hdf5", MPI_HDF5)
}

/// Makes sure of HDF5; quick when it is there.
pub fn hdf5(metadata: &Metadata) -> Result<()> {
    provide("hdf5", HDF5)?;
    Hdf5::new(metadata, Flavour::Serial).provide()
}

/// Makes sure of HDF5 for several processes; quick when it is there.
pub fn hdf5_mpi(metadata: &Metadata) -> Result<()> {
    provide("hdf5", HDF5)?;
    provide("hdf5 mpi", &MPI[..MPI_NEEDED_BY_HDF5])?;
    Hdf5::new(metadata, Flavour::Mpich).provide()
}

/// Makes sure of Python, which fetches packages of its own.
pub fn python() -> Result<()> {
    provide("python", PYTHON)
}

/// Makes sure of what building packages needs.
pub fn package() -> Result<()> {
    provide("package", PACKAGE)
}

fn provide(area: &str, needs: &'static [Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        eprintln!("setup {area}: all {} packages are there", needs.len());
        return Ok(());
    }
    for need in &missing {
        eprintln!("setup {area}: {} is missing ({})", need.package, need.purpose);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    install(&packages)?;
    let left = self::missing(needs);
    if let Some(need) = left.first() {
        bail!("package {} is installed but its sign is still not found: look at the apt output above", need.package);
    }
    Ok(())
}

fn missing(needs: &'static [Need]) -> Vec<&'static Need> {
    needs.iter().filter(|need| !present(&need.sign)).collect()
}

fn present(sign: &Sign) -> bool {
    match sign {
        Sign::Program(name) => process::find_program(name).is_some(),
        Sign::Module(name) => process::gather(Command::new("pkg-config").args(["--exists", name]))
            .is_ok_and(|(status, _)| status.success()),
        Sign::Python(name) => process::gather(Command::new("python3").arg("-c").arg(format!("import {name}")))
            .is_ok_and(|(status, _)| status.success()),
        Sign::Llvm(name) => has_llvm_library(name),
        Sign::Library(name) => ["ldconfig", "/sbin/ldconfig"].iter().any(|program| {
            process::gather(Command::new(program).arg("-p"))
                .is_ok_and(|(status, known)| status.success() && known.contains(name))
        }),
    }
}

/// Debian keeps those of each version of LLVM in a folder of their own.
fn has_llvm_library(name: &str) -> bool {
    let named = |folder: &Path| {
        std::fs::read_dir(folder).is_ok_and(|mut files| {
            files.any(|file| {
                file.is_ok_and(|file| {
                    let file = file.file_name().to_string_lossy().into_owned();
                    file.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('-'))
                })
            })
        })
    };
    let versions = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    versions
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
        .any(|entry| named(&entry.path().join("lib")))
}

fn install(packages: &[&str]) -> Result<()> {
    let install = format!("apt-get install -y {}", packages.join(" "));
    if process::find_program("apt-get").is_none() {
        bail!("this machine has no apt-get; install by its own means what Debian calls: {}", packages.join(" "));
    }
    if !process::is_root()? {
        println!("sudo apt-get update && sudo {install}");
        bail!("packages are missing and we are not root: run the line above, then this command again");
    }
    process::run(apt().arg("update"))?;
    process::run(apt().args(["install", "-y"]).args(packages))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_exists_is_present_and_one_that_does_not_is_not() {
        assert!(present(&Sign::Program("sh")));
        assert!(!present(&Sign::Program("no-such-program-here")));
        assert!(!present(&Sign::Module("no-such-module-here")));
    }

    #[test]
    fn packages_are_named_once() {
        for needs in [CORE, BENCH, C_TESTS, MPI, HDF5, PYTHON, PACKAGE] {
            let mut names: Vec<_> = needs.iter().map(|need| need.package).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), needs.len());
        }
    }
}
