//! `filesystem` commands: what decides how files are stored, and checks.

use super::{copy, posix, with_session};
use crate::arguments::SetAttrArguments;
use crate::arguments::{CheckArguments, CheckFlag, ContainerOf, FileOf, FilesystemCommand, GlobalOptions};
use crate::failure::{Failure, Result};
use crate::reply::{Reply, list};
use crate::session::{Session, reference, with_container, with_pool};
use crate::units::{count, size};
use daos_client::{Container, ContainerFlags, PoolFlags};
use daos_dfs::{Access, CheckReport, FileSystem, Finding, LeftOver, MountOptions, NewFile};
use daos_env::Env;
use daos_status::Code;
use serde_json::json;

/// Runs a command.
pub fn run(global: &GlobalOptions, command: FilesystemCommand) -> Result<Reply> {
    match command {
        FilesystemCommand::Copy(arguments) => copy::run(global, arguments),
        FilesystemCommand::GetAttr(file) => with_session(global, |session| get_attr(session, file)),
        FilesystemCommand::SetAttr(arguments) => with_session(global, |session| set_attr(session, arguments)),
        FilesystemCommand::Check(arguments) => with_session(global, |session| check(session, arguments)),
    }
}

/// The container of a file, and the path in it.
fn placed(file: FileOf) -> Result<(ContainerOf, String)> {
    let path = file.path_in_container().map(str::to_owned);
    let path = path.map_err(|sentence| Failure::new(Code::Inval, sentence))?;
    Ok((file.of, path))
}

fn get_attr(session: &Session, file: FileOf) -> Result<Reply> {
    let (ContainerOf { pool, container, .. }, dfs_path) = placed(file)?;
    let doing = format!("show the attributes of {dfs_path} in container '{container}' of pool '{pool}'");
    let path = dfs_path.clone();
    let found = session.run(move |client| async move {
        with_container(&client, (&pool, &container), false, async |handle| {
            let file_system = posix::mount(&client, handle, false).await?;
            let node = file_system.lookup(&client, path.as_bytes(), Access::ReadOnly, true).await?;
            let defaults = match node.is_directory() {
                true => Some(node.defaults_for_new(&NewFile::default())?),
                false => None,
            };
            let chunk_size = defaults.map_or_else(|| node.chunk_size(), |(_, _, chunk_size)| Ok(chunk_size))?;
            Ok((node.id().class(), chunk_size, defaults.map(|(directories, files, _)| (directories, files))))
        })
        .await
    });
    let (class, chunk_size, defaults) = found.map_err(|error| error.doing(&doing))?;
    let mut lines = vec![("Path", dfs_path), ("Object class", class.to_string()), ("Chunk size", size(chunk_size))];
    let mut value = json!({ "oclass": class.to_string(), "chunk_size": chunk_size });
    if let Some((directories, files)) = defaults {
        value["dir_oclass"] = json!(directories.to_string());
        value["file_oclass"] = json!(files.to_string());
        lines.push(("Class of new directories", directories.to_string()));
        lines.push(("Class of new files", files.to_string()));
    }
    Ok(Reply::new(list(&lines), value))
}

fn set_attr(session: &Session, arguments: SetAttrArguments) -> Result<Reply> {
    let SetAttrArguments { file, chunk_size, oclass } = arguments;
    let (ContainerOf { pool, container, .. }, dfs_path) = placed(file)?;
    let doing = format!("set attributes of {dfs_path} in container '{container}' of pool '{pool}'");
    let done = session.run(move |client| async move {
        with_container(&client, (&pool, &container), true, async |handle| {
            let file_system = posix::mount(&client, handle, true).await?;
            let node = file_system.lookup(&client, dfs_path.as_bytes(), Access::ReadWrite, true).await?;
            if let Some(chunk_size) = chunk_size {
                node.set_chunk_size(&client, chunk_size).await?;
            }
            if let Some(class) = oclass {
                node.set_class(&client, class).await?;
            }
            Ok(())
        })
        .await
    });
    done.map_err(|error| error.doing(&doing))?;
    Ok(Reply::default())
}

fn check(session: &Session, arguments: CheckArguments) -> Result<Reply> {
    let CheckArguments { of: ContainerOf { pool, container, .. }, flags, dir_name } = arguments;
    let doing = format!("check container '{container}' of pool '{pool}'");
    let asks = |flag| flags.contains(&flag);
    let left_over = match (asks(CheckFlag::Remove), asks(CheckFlag::Relink)) {
        (true, true) => {
            return Err(Failure::new(Code::Inval, "'remove' and 'relink' exclude each other").doing(doing));
        }
        (true, false) => LeftOver::Goes,
        (false, true) => LeftOver::IsLinked(dir_name.unwrap_or_else(name_of_now).into_bytes()),
        (false, false) => LeftOver::Stays,
    };
    let (prints, verify, evict) = (asks(CheckFlag::Print), asks(CheckFlag::Verify), asks(CheckFlag::Evict));
    let result = session.run(move |client| async move {
        let reference = reference(&container)?;
        with_pool(&client, &pool, PoolFlags::READ_WRITE, async |handle| {
            let alone = ContainerFlags::EXCLUSIVE.0 | if evict { ContainerFlags::EVICT_ALL.0 } else { 0 };
            let opened = Container::open(&client, handle, &reference, ContainerFlags(alone)).await?;
            let file_system = FileSystem::mount(&client, &opened, MountOptions::read_write()).await?;
            let mut found = Vec::new();
            let report = file_system.check(&client, left_over, verify, |finding| {
                if prints {
                    found.push(sentence(finding));
                }
            });
            let report = report.await?;
            opened.close(&client).await?;
            Ok((report, found))
        })
        .await
    });
    let (report, found) = result.map_err(|error| error.doing(&doing))?;
    if report.damaged > 0 {
        let objects = count(report.damaged, "object");
        let sentence = format!("{objects} have lost what was written; restore them from a copy");
        return Err(Failure::new(Code::Csum, sentence).doing(doing));
    }
    Ok(reply(&report, found))
}

fn sentence(finding: Finding) -> String {
    match finding {
        Finding::LeftOver(id) => format!("Object {id} has no name"),
        Finding::Damaged(id) => format!("Object {id} is not what was written"),
        Finding::ChunkSize(id, bytes) => format!("File {id} gets chunks of {bytes} bytes, by what it holds"),
    }
}

fn reply(report: &CheckReport, found: Vec<String>) -> Reply {
    let CheckReport { entries, objects, left_over, linked, damaged, remainders } = *report;
    let mut lines = found;
    lines.push(format!("{}, {}", count(entries, "name"), count(objects, "object")));
    lines.push(format!("{} without a name, {linked} of them in /lost+found now", count(left_over, "object")));
    lines.push(format!("{} that moves have left behind", count(remainders, "name")));
    let value = json!({
        "entries": entries, "objects": objects, "left_over": left_over, "linked": linked, "damaged": damaged,
        "remainders": remainders,
    });
    Reply::new(lines.join("\n"), value)
}

/// A name that no other check has.
fn name_of_now() -> String {
    format!("check-{}", Env::system().clock.wall_nanoseconds() / 1_000_000_000)
}
