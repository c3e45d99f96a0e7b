//! A Debian package, by `dpkg-deb` from a staged installation.

use crate::commands::install_tree::layout::Layout;
use crate::commands::install_tree::{self, API_VERSION, Profile};
use crate::commands::setup;
use crate::process;
use crate::workspace::Metadata;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package's own version is the project's, not that of the C API that it has.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How much time packing may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// For what is given away.
    Small,
    /// For tests.
    Quick,
}

/// A package that was built.
pub struct Package {
    /// The file.
    pub file: PathBuf,
    /// The directory of its libraries below `/usr/lib`.
    pub multiarch: String,
}

impl Package {
    /// Installs below a staging directory, and packs that.
    pub fn build(metadata: &Metadata, profile: Profile, compression: Compression, output: &Path) -> Result<Self> {
        setup::package()?;
        let architecture = answer("dpkg", &["--print-architecture"])?;
        let root = output.join("root");
        if root.exists() {
            fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
        }
        let mut layout = Layout::in_place(Path::new("/usr"))?;
        let multiarch = answer("dpkg-architecture", &["-qDEB_HOST_MULTIARCH"])?;
        layout.library = format!("lib/{multiarch}");
        let layout = layout.staged(Some(OsString::from(&root)))?;
        install_tree::lay_out(metadata, profile, &layout)?;
        strip(&layout)?;
        documents(&layout)?;
        let scratch = output.join("shlibdeps");
        let depends = depends(&layout, &scratch)?;
        fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
        control_files(&root, &control(&architecture, &depends, size_kib(&root)?))?;
        let file = output.join(format!("daos_{VERSION}_{architecture}.deb"));
        pack(&root, &file, compression)?;
        fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
        Ok(Self { file, multiarch })
    }
}

fn answer(program: &str, arguments: &[&str]) -> Result<String> {
    Ok(process::capture(Command::new(program).args(arguments))?.trim().to_owned())
}

/// The programs are one file under several names, and keep being one.
fn strip(layout: &Layout) -> Result<()> {
    let names = install_tree::PROGRAM_NAMES;
    let first = layout.root.join("bin").join(names[0]);
    let library = layout.libraries().join(format!("libdaos.so.{API_VERSION}"));
    process::capture(Command::new("strip").arg("--strip-unneeded").arg(&first).arg(library))?;
    for name in &names[1..] {
        let path = layout.root.join("bin").join(name);
        install_tree::remove(&path)?;
        std::os::unix::fs::symlink(names[0], &path).with_context(|| format!("cannot link {}", path.display()))?;
    }
    Ok(())
}

/// The licence, the changes, the examples, and compressed manual pages.
fn documents(layout: &Layout) -> Result<()> {
    let directory = layout.root.join("share/doc/daos");
    let examples = directory.join("examples");
    fs::create_dir_all(&examples).with_context(|| format!("cannot create {}", examples.display()))?;
    install_tree::replace(Path::new("LICENSE"), &directory.join("copyright"))?;
    for file in ["README.md", "CHANGELOG.md"] {
        install_tree::replace(Path::new(file), &directory.join(file))?;
    }
    for entry in fs::read_dir("examples_c").context("cannot read examples_c")? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            install_tree::replace(&path, &examples.join(name))?;
        }
    }
    let pages = layout.root.join("share/man/man1");
    for entry in fs::read_dir(&pages).with_context(|| format!("cannot read {}", pages.display()))? {
        process::capture(Command::new("gzip").args(["-9nf"]).arg(entry?.path()))?;
    }
    Ok(())
}

/// What the programs and the library are linked with, as Debian's packages and their versions.
fn depends(layout: &Layout, scratch: &Path) -> Result<String> {
    let debian = scratch.join("debian");
    fs::create_dir_all(&debian).with_context(|| format!("cannot create {}", debian.display()))?;
    // dpkg-shlibdeps wants to be in a source package; it reads no more than the names from it.
    install_tree::write(&debian.join("control"), "Source: daos\n\nPackage: daos\nArchitecture: any\n")?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.current_dir(scratch).arg("-O").arg(layout.root.join("bin/daos"));
    command.arg(layout.libraries().join(format!("libdaos.so.{API_VERSION}")));
    let text = process::capture(&mut command)?;
    let depends = text.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(depends.context("dpkg-shlibdeps printed no line shlibs:Depends=")?.trim().to_owned())
}

/// Size of all files, as dpkg counts it.
fn size_kib(directory: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let entry = entry?;
        let metadata = entry.path().symlink_metadata()?;
        sum += if metadata.is_dir() { 1 + size_kib(&entry.path())? } else { metadata.size().div_ceil(1024) };
    }
    Ok(sum)
}

fn control(architecture: &str, depends: &str, size_kib: u64) -> String {
    format!(
        "Package: daos\n\
         Version: {VERSION}\n\
         Architecture: {architecture}\n\
         Maintainer: The authors of this project <root@localhost>\n\
         Section: net\n\
         Priority: optional\n\
         Installed-Size: {size_kib}\n\
         Depends: {depends}\n\
         Recommends: libfabric1\n\
         Suggests: libpmem1, fuse3, pkg-config, gfortran\n\
         Conflicts: daos-client, daos-server, daos-devel, libdaos2\n\
         Provides: daos-client, daos-devel, libdaos2 (= {API_VERSION})\n\
         Description: Distributed Asynchronous Object Storage with a Rust core\n \
         Pools of space over many targets, containers of versioned objects in them,\n \
         a POSIX namespace, and the C API {API_VERSION} of DAOS: engine, tools, libraries,\n \
         headers, and the Fortran module.\n \
         .\n \
         Nothing has to be configured: the first call of a program starts an engine\n \
         of the user's own. libfabric serves engines on other machines, libpmem the\n \
         durability class pmem.\n"
    )
}

fn control_files(root: &Path, control: &str) -> Result<()> {
    let sums = process::capture(
        Command::new("sh").current_dir(root).args(["-c", "find usr -type f -print0 | sort -z | xargs -0 md5sum"]),
    )?;
    let directory = root.join("DEBIAN");
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    install_tree::write(&directory.join("control"), control)?;
    install_tree::write(&directory.join("md5sums"), &sums)?;
    install_tree::write(&directory.join("triggers"), "activate-noawait ldconfig\n")
}

fn pack(root: &Path, file: &Path, compression: Compression) -> Result<()> {
    let mut command = Command::new("dpkg-deb");
    command.args(match compression {
        Compression::Small => &["-Zxz"][..],
        Compression::Quick => &["-Zgzip", "-z1"],
    });
    command.args(["--root-owner-group", "--build"]).arg(root).arg(file);
    process::capture(&mut command)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::control;

    #[test]
    fn a_control_file_is_one_paragraph_whose_description_continues_with_blanks() {
        let text = control("amd64", "libc6 (>= 2.36)", 7);
        assert!(text.contains("\nDepends: libc6 (>= 2.36)\n") && text.contains("\nInstalled-Size: 7\n"));
        let (_, description) = text.split_once("\nDescription: ").expect("there is one");
        assert!(description.lines().skip(1).all(|line| line.starts_with(' ') && !line.trim().is_empty()));
        assert!(!text.contains("\n\n"));
    }
}
