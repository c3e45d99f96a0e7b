//! `filesystem` commands.

use super::container::{ContainerOf, object_class};
use super::manual;
use crate::units::parse_size;
use clap::{Args, Subcommand};
use daos_types::ObjectClass;

/// What can be done with files.
#[derive(Subcommand, Debug)]
pub enum FilesystemCommand {
    /// Copy a file or a directory tree into, out of or between POSIX containers
    #[command(visible_alias = "cp", long_about = manual::COPY, after_long_help = manual::COPY_EXAMPLES)]
    Copy(CopyArguments),
    /// Show the object class and the size of chunks of a file or directory in a POSIX container
    #[command(after_long_help = manual::FILESYSTEM_GET_ATTR_EXAMPLES)]
    GetAttr(FileOf),
    /// Decide the object class and the size of chunks of what is made in a directory from now on
    #[command(after_long_help = manual::FILESYSTEM_SET_ATTR_EXAMPLES)]
    SetAttr(SetAttrArguments),
    /// Look for what clients left behind that ended within a change of a POSIX container
    #[command(long_about = manual::FILESYSTEM_CHECK, after_long_help = manual::FILESYSTEM_CHECK_EXAMPLES)]
    Check(CheckArguments),
}

/// A file or directory in a POSIX container.
#[derive(Args, Debug)]
pub struct FileOf {
    #[command(flatten)]
    pub of: ContainerOf,
    /// The file or directory, from the container's root on [default: the root]
    #[arg(long, short = 'H', value_name = "PATH", default_value = "/")]
    pub dfs_path: String,
    /// Where the container's root appears in PATH: this is cut off at its front
    #[arg(long, short = 'I', value_name = "PREFIX")]
    pub dfs_prefix: Option<String>,
}

impl FileOf {
    /// The path from the container's root on.
    pub fn path_in_container(&self) -> Result<&str, String> {
        let Some(prefix) = &self.dfs_prefix else { return Ok(&self.dfs_path) };
        let prefix = prefix.trim_end_matches('/');
        match self.dfs_path.strip_prefix(prefix) {
            Some("") => Ok("/"),
            Some(rest) if rest.starts_with('/') => Ok(rest),
            _ => Err(format!("'{}' does not begin with the prefix '{prefix}'", self.dfs_path)),
        }
    }
}

/// Arguments of `filesystem set-attr`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct SetAttrArguments {
    #[command(flatten)]
    pub file: FileOf,
    /// Bytes of a chunk of a file, which lies on one target
    #[arg(long, short = 'z', value_name = "SIZE", value_parser = parse_size, group = "what")]
    pub chunk_size: Option<u64>,
    /// Object class of files and directories: S1, S2, S4 or SX
    #[arg(long, short = 'o', value_name = "CLASS", value_parser = object_class, group = "what")]
    pub oclass: Option<ObjectClass>,
}

/// What `filesystem check` does.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckFlag {
    /// Name each object that is found
    Print,
    /// Remove what no name stands for
    Remove,
    /// Give it names below /lost+found
    Relink,
    /// Read everything, and compare it with its checksums
    Verify,
    /// Close the handles of others first
    Evict,
}

/// Arguments of `filesystem check`.
#[derive(Args, Debug)]
pub struct CheckArguments {
    #[command(flatten)]
    pub of: ContainerOf,
    /// What to do, with commas between [default: count only]
    #[arg(long, short = 'f', value_name = "FLAGS", value_delimiter = ',')]
    pub flags: Vec<CheckFlag>,
    /// The folder in /lost+found where 'relink' puts what it finds [default: the time]
    #[arg(long, short = 'n', value_name = "NAME")]
    pub dir_name: Option<String>,
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
