//! HDF5 itself, with its tools and the tests of its API: fetched from Debian's source package and built once, for one process, and with MPICH
//! for several.
//!
//! Users need none of it: the connector serves the HDF5 that they have. Everything lies outside the tree, by version and MPI, and
//! serves all checkouts: the environment variable `DAOS_BUILD_CACHE` names the folder, which is otherwise one of the user's caches.

use crate::process;
use crate::workspace::{Metadata, shown};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version, and the archive of the source package.
const VERSION: &str = "1.14.5";
const ARCHIVE: &str = "hdf5_1.14.5+repack.orig.tar.gz";
const ARCHIVE_SHA256: &str = "71cdb04c151ef4e8a7f88907adfc4f3b75afd44e96fbd55775e1c9d7c4e7c112";
/// What the archive's files are below.
const FOLDER: &str = "hdf5-1.14.5+repack";
/// Where Debian keeps it, below the address of a mirror.
const ARCHIVE_PATH: &str = "pool/main/h/hdf5/hdf5_1.14.5%2brepack.orig.tar.gz";
/// Asked of apt, which knows the mirror that this machine uses.
const MIRROR_QUERY: &[&str] =
    &["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Component: main"];
/// Downloads with apt's means and checks what came.
const DOWNLOADER: &str = "/usr/lib/apt/apt-helper";

const OPTIONS: &[&str] = &[
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=ON",
    "-DBUILD_STATIC_LIBS=OFF",
    "-DBUILD_TESTING=ON",
    "-DHDF5_TEST_API=ON",
    "-DHDF5_TEST_SERIAL=ON",
    "-DHDF5_BUILD_CPP_LIB=OFF",
    "-DHDF5_BUILD_FORTRAN=OFF",
    "-DHDF5_BUILD_JAVA=OFF",
    "-DHDF5_BUILD_EXAMPLES=OFF",
    "-DHDF5_BUILD_HL_LIB=ON",
    "-DHDF5_ENABLE_SZIP_SUPPORT=OFF",
    "-DHDF5_ENABLE_Z_LIB_SUPPORT=OFF",
];
/// What is built of it: the suite, and the tools.
const TARGETS: &[&str] = &["h5_api_test", "h5ls", "h5dump", "h5diff", "h5repack", "h5copy"];
/// The same with MPI: the suites for one process and for several, both with their asynchronous part, and tests from before there were connectors. It also
/// has the functions for maps, which HDF5 leaves out unless it is asked for them.
const MPI_OPTIONS: &[&str] = &[
    "-DHDF5_ENABLE_PARALLEL=ON",
    "-DHDF5_TEST_PARALLEL=ON",
    "-DHDF5_TEST_API_ENABLE_ASYNC=ON",
    "-DHDF5_ENABLE_MAP_API=ON",
    "-DMPI_C_COMPILER=mpicc.mpich",
    "-DMPIEXEC_EXECUTABLE=mpiexec.mpich",
];
const MPI_TARGETS: &[&str] = &["h5_api_test", "h5_api_test_parallel", "testphdf5"];
/// Compilers at once. The machines of users and of the tests have two processors at least.
const JOBS: &str = "-j2";

/// For how many processes it is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    Serial,
    Mpich,
}

impl Flavour {
    fn options(self) -> Vec<&'static str> {
        match self {
            Self::Serial => OPTIONS.to_vec(),
            Self::Mpich => [OPTIONS, MPI_OPTIONS].concat(),
        }
    }

    fn targets(self) -> &'static [&'static str] {
        match self {
            Self::Serial => TARGETS,
            Self::Mpich => MPI_TARGETS,
        }
    }

    fn compiler(self) -> &'static str {
        match self {
            Self::Serial => "gcc",
            Self::Mpich => "mpicc.mpich",
        }
    }

    fn directory(self) -> String {
        match self {
            Self::Serial => format!("build-{VERSION}"),
            // Not the name that it had without maps: checkouts from before keep theirs.
            Self::Mpich => format!("build-{VERSION}-mpich-maps"),
        }
    }
}

/// HDF5's sources, and where they are built.
pub struct Hdf5 {
    root: PathBuf,
    source: PathBuf,
    build: PathBuf,
    flavour: Flavour,
}

impl Hdf5 {
    /// Where it is or will be.
    pub fn new(metadata: &Metadata, flavour: Flavour) -> Self {
        let root = metadata.cache_directory().join("hdf5");
        Self { source: root.join(FOLDER), build: root.join(flavour.directory()), root, flavour }
    }

    /// The programs: tests and tools.
    pub fn programs(&self) -> PathBuf {
        self.build.join("bin")
    }

    /// Where its headers are: those that it came with, and those that were made for this machine.
    pub fn headers(&self) -> [PathBuf; 3] {
        [self.source.join("src"), self.source.join("src/H5FDsubfiling"), self.build.join("src")]
    }

    /// Compiles a program against it, which finds its library wherever it is run from.
    ///
    /// # Errors
    /// What the compiler says.
    pub fn compile(&self, source: &str, binary: &Path, more: &[OsString]) -> Result<()> {
        let mut command = Command::new(self.flavour.compiler());
        command.args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-o"]).arg(binary).arg(source);
        for directory in self.headers() {
            command.arg("-isystem").arg(directory);
        }
        let libraries = std::path::absolute(self.programs())?;
        command.arg("-L").arg(&libraries).arg(format!("-Wl,-rpath,{}", libraries.display())).arg("-lhdf5").args(more);
        process::succeed(&mut command).map(drop)
    }

    /// Fetches and builds it, unless that was done by the same rules before.
    ///
    /// # Errors
    /// Where it cannot be fetched or built.
    pub fn provide(&self) -> Result<()> {
        if self.is_built() {
            return Ok(());
        }
        let _alone = self.lock()?;
        if self.is_built() {
            return Ok(());
        }
        self.unpack()?;
        if self.build.exists() {
            fs::remove_dir_all(&self.build).with_context(|| format!("cannot remove {}", self.build.display()))?;
        }
        quietly(
            Command::new("cmake").arg("-S").arg(&self.source).arg("-B").arg(&self.build).args(self.flavour.options()),
        )?;
        let targets = self.flavour.targets();
        quietly(Command::new("cmake").arg("--build").arg(&self.build).args([JOBS, "--target"]).args(targets))?;
        let stamp = self.stamp();
        fs::write(&stamp, self.recipe()).with_context(|| format!("cannot write {}", stamp.display()))
    }

    /// Keeps other checkouts from building at the same time, until it is dropped.
    fn lock(&self) -> Result<fs::File> {
        fs::create_dir_all(&self.root).with_context(|| format!("cannot create {}", self.root.display()))?;
        let path = self.root.join("lock");
        let file = fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(file)
    }

    /// The sources. Only what was unpacked whole gets the name.
    fn unpack(&self) -> Result<()> {
        if self.source.exists() {
            return Ok(());
        }
        let archive = self.fetch()?;
        let partial = self.root.join("unpacked");
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(|| format!("cannot remove {}", partial.display()))?;
        }
        fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
        process::run(Command::new("tar").arg("-C").arg(&partial).arg("-xf").arg(&archive))?;
        fs::rename(partial.join(FOLDER), &self.source)
            .with_context(|| format!("cannot put HDF5's sources to {}", self.source.display()))
    }

    /// Whether that was done by the same rules before.
    pub fn is_built(&self) -> bool {
        fs::read_to_string(self.stamp()).is_ok_and(|built| built == self.recipe())
    }

    /// By which rules it is built.
    fn recipe(&self) -> String {
        format!("{VERSION} {} {}", self.flavour.options().join(" "), self.flavour.targets().join(" "))
    }

    /// Holds the rules by which it was built.
    fn stamp(&self) -> PathBuf {
        self.build.join("recipe")
    }

    /// The archive, from the mirror that apt uses.
    fn fetch(&self) -> Result<PathBuf> {
        let archive = self.root.join(ARCHIVE);
        if archive.exists() {
            return Ok(archive);
        }
        let mirrors = process::capture(Command::new("apt-get").args(MIRROR_QUERY))
            .context("apt does not say which mirror of Debian it uses; HDF5's sources come from there")?;
        let Some(mirror) = mirrors.lines().next() else {
            bail!("apt knows no mirror of Debian; put {ARCHIVE} of its package hdf5 into {}", shown(&self.root));
        };
        // Only what came in whole gets the name.
        let partial = archive.with_extension("partial");
        let mut command = Command::new(DOWNLOADER);
        command.arg("download-file").arg(format!("{}/{ARCHIVE_PATH}", mirror.trim_end_matches('/')));
        command.arg(&partial).arg(format!("SHA256:{ARCHIVE_SHA256}"));
        process::run(&mut command).with_context(|| {
            format!("Debian may have a later version by now; put {ARCHIVE} into {} then", shown(&self.root))
        })?;
        fs::rename(&partial, &archive).with_context(|| format!("cannot rename {}", partial.display()))?;
        Ok(archive)
    }
}

/// Says much, which matters only when it fails.
fn quietly(command: &mut Command) -> Result<()> {
    process::announce(command);
    process::succeed(command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_of_the_version() {
        assert!(ARCHIVE.contains(VERSION) && ARCHIVE_PATH.contains(VERSION) && FOLDER.contains(VERSION));
        assert_eq!(ARCHIVE_SHA256.len(), 64);
        assert!(Path::new(DOWNLOADER).is_absolute());
    }
}
