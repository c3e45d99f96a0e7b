//! `cargo xtask package`: what distributions install.

mod deb;

pub use deb::{Compression, Package};

use super::install_tree::Profile;
use crate::workspace::{Metadata, shown};
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;

/// Build a package for a distribution.
#[derive(clap::Args)]
#[command(long_about = "Build a package for a distribution.\n\n\
        deb: DIR/daos_VERSION_ARCHITECTURE.deb for the release of Debian (or its relative) that this machine runs: programs, \
        libraries, headers, the Fortran module, pkg-config and CMake files, manual pages. Install it with \
        `apt-get install ./FILE.deb`, which also gets what it depends on.")]
pub struct Arguments {
    /// The kind of package
    #[arg(value_enum)]
    format: Format,
    /// Where to put it [default: package under the target directory]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Build without optimisation, pack without effort
    #[arg(long)]
    debug: bool,
}

/// A kind of package.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Debian and its relatives
    Deb,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let metadata = Metadata::read()?;
    let output = arguments.output.clone().unwrap_or_else(|| metadata.target_directory.join("package"));
    let (profile, compression) =
        if arguments.debug { (Profile::Debug, Compression::Quick) } else { (Profile::Release, Compression::Small) };
    let package = match arguments.format {
        Format::Deb => Package::build(&metadata, profile, compression, &output)?,
    };
    println!("{}", shown(&package.file));
    Ok(())
}
