//! `filesystem copy`.

use crate::arguments::{FilesystemCommand, GlobalOptions};
use crate::failure::{Failure, Result};
use crate::place::Place;
use crate::reply::Reply;
use daos_status::Code;

/// Runs a command.
pub fn run(_global: &GlobalOptions, command: FilesystemCommand) -> Result<Reply> {
    let FilesystemCommand::Copy(options) = command;
    let source = options.source.or(options.source_option).unwrap_or_default();
    let destination = options.destination.or(options.destination_option).unwrap_or_default();
    let (source, destination) = (Place::parse(&source)?, Place::parse(&destination)?);
    let doing = format!("copy {source} to {destination}");
    Err(Failure::new(Code::Nosys, "copies cannot be made yet").doing(doing))
}
