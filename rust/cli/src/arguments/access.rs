//! Arguments about owners and access control lists.

use super::values::principal_name;
use clap::Args;
use daos_security::Principal;
use std::path::PathBuf;

/// Where a list goes that is read.
#[derive(Args, Debug)]
pub struct ListOutput {
    /// Write the list to a file, from which overwrite-acl and update-acl can read it
    #[arg(long, visible_alias = "outfile", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Also over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// What a list is changed by.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct ListChange {
    /// A file with an entry a line; lines that begin with '#' count for nothing
    #[arg(long, short = 'a', value_name = "FILE")]
    pub acl_file: Option<PathBuf>,
    /// One entry, such as A::ann@:rw
    #[arg(long, short = 'e', value_name = "ENTRY")]
    pub entry: Option<String>,
}

/// Whom an entry is about.
#[derive(Args, Debug)]
pub struct PrincipalOption {
    /// u:USER, g:GROUP, OWNER@, GROUP@ or EVERYONE@
    #[arg(long, short = 'p', value_name = "PRINCIPAL", value_parser = super::values::principal)]
    pub principal: Principal,
}

/// Whom an entry of a container's list is about: with containers, `-p` is a path.
#[derive(Args, Debug)]
pub struct ContainerPrincipalOption {
    /// u:USER, g:GROUP, OWNER@, GROUP@ or EVERYONE@
    #[arg(long, short = 'P', value_name = "PRINCIPAL", value_parser = super::values::principal)]
    pub principal: Principal,
}

/// A new owner.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub struct OwnerOptions {
    /// The user
    #[arg(long, short = 'u', value_name = "USER", value_parser = principal_name)]
    pub user: Option<String>,
    /// The group
    #[arg(long, short = 'g', value_name = "GROUP", value_parser = principal_name)]
    pub group: Option<String>,
}
