//! ROMIO, which the MPI-IO driver is built into: fetched from Debian's source package of MPICH, unchanged, and built once.
//!
//! Everything lies under the target directory, by version; nothing of it is in this tree but the checksum.

use crate::process;
use crate::workspace::{Metadata, shown};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version, which is that of MPICH, and the archive of the source package.
const VERSION: &str = "4.0.2";
const ARCHIVE: &str = "mpich_4.0.2.orig.tar.xz";
const ARCHIVE_SHA256: &str = "b27039f964afeb6b8a3e009c56b441cbe368c26d6d6476ad3bb7190996875860";
/// Where Debian keeps it, below the address of a mirror.
const ARCHIVE_DIRECTORY: &str = "pool/main/m/mpich";
/// Asked of apt, which knows the mirror that this machine uses.
const MIRROR_QUERY: &[&str] =
    &["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Component: main"];
/// Downloads with apt's means and checks what came.
const DOWNLOADER: &str = "/usr/lib/apt/apt-helper";

/// What of the archive is needed to build ROMIO, and what to build tests.
const PARTS: &[&str] = &["COPYRIGHT", "src/mpi/romio"];
const TEST_PARTS: &[&str] = &[
    "test/mpi/cxx/io",
    "test/mpi/f08/io",
    "test/mpi/f77/io",
    "test/mpi/f90/io",
    "test/mpi/include",
    "test/mpi/io",
    "test/mpi/maint",
    "test/mpi/util",
];

/// Our rules for building it, and what the compiler needs to know of it.
const RULES: &str = "mpiio_driver/romio/Makefile";
const PROGRAM_RULES: &str = "mpiio_driver/romio/programs.mk";
const LANGUAGE_RULES: &str = "mpiio_driver/romio/languages.mk";

const CONFIGURE: &[&str] = &[
    "--with-file-system=ufs",
    "--disable-shared",
    "--enable-static",
    "--disable-f77",
    "--disable-f90",
    "--disable-dependency-tracking",
    "CC=mpicc.mpich",
];

/// Compilers at once. The machines of users and of the tests have two processors at least.
const JOBS: &str = "-j2";

/// ROMIO's sources, and where they are built.
pub struct Romio {
    /// The directory with its configure script.
    pub source: PathBuf,
    /// Where it is configured and built.
    pub build: PathBuf,
}

impl Romio {
    /// Where it is or will be.
    pub fn new(metadata: &Metadata) -> Self {
        let root = metadata.target_directory.join("mpi");
        let source = root.join(format!("mpich-{VERSION}/src/mpi/romio"));
        Self { source, build: root.join(format!("romio-{VERSION}")) }
    }

    /// The archive that the driver's library takes what it needs from.
    pub fn archive(&self) -> PathBuf {
        self.build.join("romio.a")
    }

    /// Whether `cargo xtask setup mpi` has built it.
    pub fn is_built(&self) -> bool {
        self.archive().exists()
    }

    /// Fetches and builds it, unless that was done by the same rules before.
    pub fn provide(&self) -> Result<()> {
        let recipe = recipe()?;
        let stamp = self.build.join("recipe");
        if self.is_built() && fs::read_to_string(&stamp).is_ok_and(|built| built == recipe) {
            return Ok(());
        }
        self.unpack()?;
        self.configure()?;
        let mut make = self.make(RULES)?;
        make.arg(format!("INCLUDE={}", absolute(Path::new("include"))?.display()));
        quietly(&mut make)?;
        fs::write(&stamp, recipe).with_context(|| format!("cannot write {}", stamp.display()))
    }

    /// Builds programs of ROMIO's and of MPICH's tests; quick when they are there.
    pub fn build_programs(&self, romio: &[&str], mpich: &[&str]) -> Result<()> {
        self.unpack_tests()?;
        let mut make = self.make(PROGRAM_RULES)?;
        make.arg(format!("ROMIO_TESTS={}", romio.join(" "))).arg(format!("MPICH_TESTS={}", mpich.join(" ")));
        quietly(&mut make)
    }

    /// Builds programs of MPICH's tests in Fortran and C++, by their paths below the directory of programs.
    pub fn build_languages(&self, programs: &[String]) -> Result<()> {
        self.unpack_tests()?;
        let mut make = self.make(LANGUAGE_RULES)?;
        make.arg(format!("PROGRAMS={}", programs.join(" ")));
        quietly(&mut make)
    }

    /// `make` with one of our files of rules, told where everything is.
    pub fn make(&self, rules: &str) -> Result<Command> {
        let mut command = Command::new("make");
        command.args([JOBS, "--no-print-directory", "-f", rules]);
        command.arg(format!("SOURCE={}", absolute(&self.source)?.display()));
        command.arg(format!("BUILD={}", absolute(&self.build)?.display()));
        Ok(command)
    }

    fn root(&self) -> &Path {
        self.build.parent().unwrap_or(Path::new("."))
    }

    fn unpack(&self) -> Result<()> {
        for directory in [&self.source, &self.build] {
            if directory.exists() {
                fs::remove_dir_all(directory).with_context(|| format!("cannot remove {}", directory.display()))?;
            }
        }
        self.extract(PARTS)
    }

    /// The sources of the tests, unless they are there.
    fn unpack_tests(&self) -> Result<()> {
        let directory = self.root().join(format!("mpich-{VERSION}"));
        if TEST_PARTS.iter().all(|part| directory.join(part).exists()) {
            return Ok(());
        }
        self.extract(TEST_PARTS)
    }

    fn extract(&self, parts: &[&str]) -> Result<()> {
        let archive = self.fetch()?;
        let mut command = Command::new("tar");
        command.arg("-C").arg(self.root()).arg("-xf").arg(&archive);
        command.args(parts.iter().map(|part| format!("mpich-{VERSION}/{part}")));
        process::run(&mut command)
    }

    /// The archive, from the mirror that apt uses.
    fn fetch(&self) -> Result<PathBuf> {
        fs::create_dir_all(self.root()).with_context(|| format!("cannot create {}", self.root().display()))?;
        let archive = self.root().join(ARCHIVE);
        if archive.exists() {
            return Ok(archive);
        }
        let mirrors = process::capture(Command::new("apt-get").args(MIRROR_QUERY))
            .context("apt does not say which mirror of Debian it uses; ROMIO's sources come from there")?;
        let Some(mirror) = mirrors.lines().next() else {
            bail!("apt knows no mirror of Debian; put {ARCHIVE} of its package mpich into {}", shown(self.root()));
        };
        // Only what came in whole gets the name.
        let partial = archive.with_extension("partial");
        let mut command = Command::new(DOWNLOADER);
        command.arg("download-file").arg(format!("{}/{ARCHIVE_DIRECTORY}/{ARCHIVE}", mirror.trim_end_matches('/')));
        command.arg(&partial).arg(format!("SHA256:{ARCHIVE_SHA256}"));
        process::run(&mut command)?;
        fs::rename(&partial, &archive).with_context(|| format!("cannot rename {}", partial.display()))?;
        Ok(archive)
    }

    fn configure(&self) -> Result<()> {
        fs::create_dir_all(&self.build).with_context(|| format!("cannot create {}", self.build.display()))?;
        let mut command = Command::new(absolute(&self.source)?.join("configure"));
        quietly(command.args(CONFIGURE).current_dir(&self.build))
    }
}

/// All that decides what comes out.
fn recipe() -> Result<String> {
    let rules = fs::read_to_string(RULES).with_context(|| format!("cannot read {RULES}"))?;
    Ok(format!("{VERSION} {}\n{rules}", CONFIGURE.join(" ")))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

/// Says much, which matters only when it fails.
fn quietly(command: &mut Command) -> Result<()> {
    process::announce(command);
    let (status, text) = process::gather(command)?;
    if !status.success() {
        let last: Vec<&str> = text.lines().rev().take(30).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!("`{}` failed ({status}); its last lines:\n{}", process::line(command), last.join("\n"));
    }
    Ok(())
}
