//! `filesystem` commands.

use super::manual;
use clap::{Args, Subcommand};

/// What can be done with files.
#[derive(Subcommand, Debug)]
pub enum FilesystemCommand {
    /// Copy a file or a directory tree into, out of or between POSIX containers
    #[command(visible_alias = "cp", long_about = manual::COPY, after_long_help = manual::COPY_EXAMPLES)]
    Copy(CopyArguments),
}

/// Arguments of `filesystem copy`.
#[derive(Args, Debug)]
pub struct CopyArguments {
    /// What to copy: a path, or daos://POOL/CONTAINER[/PATH]
    #[arg(value_name = "SRC", required_unless_present = "source_option")]
    pub source: Option<String>,
    /// The copy: a path, or daos://POOL/CONTAINER[/PATH]
    #[arg(value_name = "DST", required_unless_present = "destination_option")]
    pub destination: Option<String>,
    /// The same as SRC
    #[arg(long = "src", short = 's', value_name = "SRC", conflicts_with = "source", requires = "destination_option")]
    pub source_option: Option<String>,
    /// The same as DST
    #[arg(long = "dst", short = 'd', value_name = "DST", conflicts_with_all = ["source", "destination"], requires = "source_option")]
    pub destination_option: Option<String>,
    /// Also keep owner and group, which needs the right to set them
    #[arg(long)]
    pub preserve_owner: bool,
    /// Files that are copied at the same time [default: 64]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub parallel: Option<u32>,
    /// Show no progress on standard error
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

impl CopyArguments {
    /// What to copy, however it was given.
    pub fn source(&self) -> String {
        self.source.clone().or_else(|| self.source_option.clone()).unwrap_or_default()
    }

    /// The copy, however it was given.
    pub fn destination(&self) -> String {
        self.destination.clone().or_else(|| self.destination_option.clone()).unwrap_or_default()
    }
}
