//! `container` commands.

use super::access::{ContainerPrincipalOption, ListChange, ListOutput, OwnerOptions};
use super::manual;
use super::snapshot::{SnapshotOf, epoch, epochs};
use super::values::{pair, principal_name};
use crate::units::parse_size;
use clap::{Args, Subcommand};
use daos_types::{Epoch, ObjectClass};
use std::path::PathBuf;

pub(super) fn object_class(text: &str) -> Result<ObjectClass, String> {
    let name = text.to_ascii_uppercase();
    ObjectClass::from_name(&name).ok_or_else(|| format!("'{text}' is no object class; use S1, S2, S4 or SX"))
}

/// A pool and a container in it.
#[derive(Args, Debug, Clone)]
pub struct ContainerOf {
    /// The pool, by label or UUID
    pub pool: String,
    /// The container, by label or UUID
    pub container: String,
    /// In place of POOL and CONTAINER a path that stands for the container or is in it: one made by 'daos container link', or on a
    /// mount of dfuse, or daos://POOL/CONTAINER
    #[arg(long, short = 'p', value_name = "PATH")]
    pub path: Option<PathBuf>,
}

/// A container, and a new path that is to stand for it.
#[derive(Args, Debug)]
pub struct LinkArguments {
    /// The pool, by label or UUID
    pub pool: String,
    /// The container, by label or UUID
    pub container: String,
    /// The new path: it becomes a directory, for HDF5 a file
    #[arg(id = "link", long = "path", short = 'p', value_name = "PATH")]
    pub link: PathBuf,
}

/// What can be done with containers.
#[derive(Subcommand, Debug)]
pub enum ContainerCommand {
    /// Create a container
    #[command(long_about = manual::CONTAINER_CREATE, after_long_help = manual::CONTAINER_CREATE_EXAMPLES)]
    Create(ContainerCreateOptions),
    /// Make a path that stands for a container
    #[command(long_about = manual::CONTAINER_LINK, after_long_help = manual::CONTAINER_LINK_EXAMPLES)]
    Link(LinkArguments),
    /// List the containers of a pool
    #[command(visible_alias = "ls", after_long_help = manual::CONTAINER_LIST_EXAMPLES)]
    List {
        /// The pool, by label or UUID
        pool: String,
    },
    /// Show what a container is
    #[command(after_long_help = manual::CONTAINER_QUERY_EXAMPLES)]
    Query(ContainerOf),
    /// Destroy a container with everything in it
    #[command(after_long_help = manual::CONTAINER_DESTROY_EXAMPLES)]
    Destroy {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// Also when it is open
        #[arg(long, short = 'f')]
        force: bool,
    },
    /// Show owner and access control list of a container
    #[command(after_long_help = manual::CONTAINER_GET_ACL_EXAMPLES)]
    GetAcl {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// Where it goes.
        #[command(flatten)]
        output: ListOutput,
    },
    /// Replace the access control list of a container
    #[command(long_about = manual::OVERWRITE_ACL, after_long_help = manual::CONTAINER_OVERWRITE_ACL_EXAMPLES)]
    OverwriteAcl {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// The new list.
        #[command(flatten)]
        list: ListChange,
    },
    /// Add entries to the access control list of a container, or change those about the same principals
    #[command(long_about = manual::UPDATE_ACL, after_long_help = manual::CONTAINER_UPDATE_ACL_EXAMPLES)]
    UpdateAcl {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// The entries.
        #[command(flatten)]
        list: ListChange,
    },
    /// Remove an entry of the access control list of a container
    #[command(after_long_help = manual::CONTAINER_DELETE_ACL_EXAMPLES)]
    DeleteAcl {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// Whom it is about.
        #[command(flatten)]
        principal: ContainerPrincipalOption,
    },
    /// Change the owner of a container
    #[command(after_long_help = manual::CONTAINER_SET_OWNER_EXAMPLES)]
    SetOwner(ContainerOwner),
    /// Show properties of a container
    #[command(visible_alias = "getprop", long_about = manual::CONTAINER_GET_PROP, after_long_help = manual::CONTAINER_GET_PROP_EXAMPLES)]
    GetProp {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// Names of properties, separated by commas; all when there are none
        #[arg(value_delimiter = ',', value_name = "NAME")]
        names: Vec<String>,
        /// The same as NAME
        #[arg(long = "properties", value_delimiter = ',', value_name = "NAME", conflicts_with = "names")]
        names_option: Vec<String>,
    },
    /// Set properties of a container
    #[command(visible_alias = "setprop", long_about = manual::CONTAINER_SET_PROP, after_long_help = manual::CONTAINER_SET_PROP_EXAMPLES)]
    SetProp {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// Properties, separated by commas
        #[arg(value_name = "NAME:VALUE", value_delimiter = ',', value_parser = pair, required = true)]
        properties: Vec<(String, String)>,
    },
    /// Set user attributes of a container
    #[command(visible_alias = "setattr", long_about = manual::SET_ATTR, after_long_help = manual::CONTAINER_SET_ATTR_EXAMPLES)]
    SetAttr {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// NAME VALUE, or NAME:VALUE[,NAME:VALUE...]
        #[arg(required = true, num_args = 1..=2, value_name = "ATTRIBUTE")]
        attribute: Vec<String>,
    },
    /// Show user attributes of a container
    #[command(visible_alias = "getattr", after_long_help = manual::CONTAINER_GET_ATTR_EXAMPLES)]
    GetAttr {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// Names, separated by commas; all when there are none
        #[arg(value_delimiter = ',', value_name = "NAME")]
        names: Vec<String>,
    },
    /// List the names of user attributes of a container; with --verbose also their values
    #[command(visible_aliases = ["list-attrs", "lsattr"], after_long_help = manual::CONTAINER_LIST_ATTR_EXAMPLES)]
    ListAttr(ContainerOf),
    /// Delete user attributes of a container
    #[command(visible_alias = "delattr", after_long_help = manual::CONTAINER_DEL_ATTR_EXAMPLES)]
    DelAttr {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// Names, separated by commas
        #[arg(value_delimiter = ',', value_name = "NAME", required = true)]
        names: Vec<String>,
    },
    /// Make a snapshot of a container
    #[command(visible_alias = "snap", long_about = manual::CONTAINER_CREATE_SNAP, after_long_help = manual::CONTAINER_CREATE_SNAP_EXAMPLES)]
    CreateSnap {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// A name for the snapshot, unique in the container, of 127 bytes at most
        #[arg(long = "snap", short = 's', value_name = "NAME")]
        name: Option<String>,
    },
    /// List the objects of a container
    #[command(visible_alias = "list-obj", long_about = manual::CONTAINER_LIST_OBJECTS, after_long_help = manual::CONTAINER_LIST_OBJECTS_EXAMPLES)]
    ListObjects {
        /// Which.
        #[command(flatten)]
        of: ContainerOf,
        /// As of this epoch [default: now]
        #[arg(long = "epc", short = 'e', value_name = "EPOCH", value_parser = epoch)]
        epoch: Option<Epoch>,
    },
    /// List the snapshots of a container
    #[command(visible_alias = "list-snaps", after_long_help = manual::CONTAINER_LIST_SNAP_EXAMPLES)]
    ListSnap(ContainerOf),
    /// Destroy snapshots of a container
    #[command(long_about = manual::CONTAINER_DESTROY_SNAP, after_long_help = manual::CONTAINER_DESTROY_SNAP_EXAMPLES)]
    DestroySnap {
        /// Which.
        #[command(flatten)]
        snapshot: SnapshotOf,
        /// All snapshots from the first to the last epoch
        #[arg(long = "epcrange", short = 'r', value_name = "FIRST-LAST", value_parser = epochs, conflicts_with_all = ["name", "epoch"])]
        range: Option<(Epoch, Epoch)>,
    },
    /// Bring a container back to its newest snapshot
    #[command(visible_alias = "snap-rollback", long_about = manual::CONTAINER_ROLLBACK, after_long_help = manual::CONTAINER_ROLLBACK_EXAMPLES)]
    Rollback(SnapshotOf),
}

/// A container, and who is to own it.
#[derive(Args, Debug)]
pub struct ContainerOwner {
    /// Which.
    #[command(flatten)]
    pub of: ContainerOf,
    /// The new owner.
    #[command(flatten)]
    pub owner: OwnerOptions,
}

/// What an administrator can do with containers that are not open to him.
#[derive(Subcommand, Debug)]
pub enum DmgContainerCommand {
    /// Change the owner of a container
    #[command(after_long_help = manual::CONTAINER_SET_OWNER_EXAMPLES)]
    SetOwner(ContainerOwner),
}

/// Options of `container create`.
#[derive(Args, Debug)]
pub struct ContainerCreateOptions {
    /// The pool, by label or UUID
    pub pool: String,
    /// Label of the new container: up to 127 letters, digits, '_', '-', ':' and '.'; without one it has a UUID only
    pub label: Option<String>,
    /// The same as LABEL
    #[arg(long = "label", short = 'l', value_name = "LABEL", conflicts_with = "label")]
    pub label_option: Option<String>,
    /// Also make a path that stands for the container: a directory, for HDF5 a file; needs --type
    #[arg(id = "link", long = "path", short = 'p', value_name = "PATH")]
    pub link: Option<PathBuf>,
    /// What it is used for: POSIX (files and directories), HDF5, PYTHON, SPARK, DATABASE, ROOT, SEISMIC, METEO [default:
    /// not said]
    #[arg(long = "type", short = 't', value_name = "TYPE", value_parser = super::values::container_type)]
    pub kind: Option<daos_client::ContainerType>,
    /// Bytes of a chunk of a file, which lies on one target (POSIX) [default: 1MiB]
    #[arg(long, short = 'z', value_name = "SIZE", value_parser = parse_size)]
    pub chunk_size: Option<u64>,
    /// Object class of files and directories (POSIX): S1, S2, S4 or SX [default: SX for files, S1 for directories]
    #[arg(long, short = 'o', value_name = "CLASS", value_parser = object_class)]
    pub oclass: Option<ObjectClass>,
    /// Object class of directories (POSIX)
    #[arg(long, short = 'D', value_name = "CLASS", value_parser = object_class)]
    pub dir_oclass: Option<ObjectClass>,
    /// Object class of files (POSIX)
    #[arg(long, short = 'F', value_name = "CLASS", value_parser = object_class)]
    pub file_oclass: Option<ObjectClass>,
    /// The owner [default: you]
    #[arg(long, short = 'u', value_name = "USER", value_parser = principal_name)]
    pub user: Option<String>,
    /// The owner's group [default: yours]
    #[arg(long, short = 'g', value_name = "GROUP", value_parser = principal_name)]
    pub group: Option<String>,
    /// A file with the access control list [default: A::OWNER@:rwdtTaAo and A:G:GROUP@:rwtT]
    #[arg(long, short = 'a', value_name = "FILE")]
    pub acl_file: Option<PathBuf>,
    /// Properties of the new container: label, csum, csum_size, srv_cksum
    #[arg(long, value_name = "NAME:VALUE", value_delimiter = ',', value_parser = pair)]
    pub properties: Vec<(String, String)>,
}
