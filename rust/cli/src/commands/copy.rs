//! `filesystem copy`.

use super::posix;
use crate::arguments::{CopyArguments, GlobalOptions};
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupts;
use crate::place::Place;
use crate::progress::{ProgressDisplay, rate};
use crate::reply::Reply;
use crate::session::{Session, with_container};
use crate::units::{count, size};
use daos_client::Client;
use daos_dfs::{CopyOptions, CopyPlace, CopyProgress, CopySummary};
use daos_env::Env;
use daos_status::{Code, Status};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Runs the command.
pub fn run(global: &GlobalOptions, arguments: CopyArguments) -> Result<Reply> {
    let source = Place::parse(&arguments.source())?;
    let destination = Place::parse(&arguments.destination())?;
    let doing = format!("copy {source} to {destination}");
    let progress = Arc::new(CopyProgress::default());
    let theirs = progress.clone();
    let interrupts = Interrupts::take(move || theirs.cancel.store(true, Ordering::SeqCst))
        .map_err(|error| Failure::from(Status::from(error)).doing(&doing))?;
    let session = Session::start(global)?;
    let clock = Env::system().clock;
    let began = clock.monotonic();
    let display = (!global.json && !arguments.quiet).then(|| ProgressDisplay::start(progress.clone(), clock.clone()));
    let is_system = session.uses_system();
    let result = copy(&session, (&source, &destination), &arguments, &progress, interrupts);
    drop(display);
    let elapsed = clock.monotonic().saturating_sub(began);
    session.stop();
    let summary = result.map_err(|error| explain(error, is_system, &progress, &source, &destination).doing(&doing))?;
    Ok(reply(&summary, (&source, &destination), elapsed))
}

fn copy(
    session: &Session,
    (source, destination): (&Place, &Place),
    arguments: &CopyArguments,
    progress: &Arc<CopyProgress>,
    interrupts: Interrupts,
) -> Result<CopySummary> {
    let mut options = CopyOptions { preserve: arguments.preserve_owner, ..CopyOptions::default() };
    if let Some(parallel) = arguments.parallel {
        options.files_in_flight = parallel as usize;
    }
    let (source, destination, progress) = (source.clone(), destination.clone(), progress.clone());
    session.run(move |client| async move {
        with_place(&client, &source, false, async |from| {
            with_place(&client, &destination, true, async |to| {
                interrupts.end_orderly();
                Ok(daos_dfs::copy(&client, from, to, options, progress).await?)
            })
            .await
        })
        .await
    })
}

/// Runs `work` on a place, its container being mounted for that time.
async fn with_place<T>(
    client: &Client,
    place: &Place,
    writes: bool,
    work: impl AsyncFnOnce(CopyPlace) -> Result<T>,
) -> Result<T> {
    match place {
        Place::Local(path) => work(CopyPlace::Local(path.clone())).await,
        Place::Container { pool, container, path } => {
            with_container(client, (pool, container), writes, async |handle| {
                let file_system = posix::mount(client, handle, writes).await?;
                work(CopyPlace::Container { file_system, path: path.clone().into_bytes() }).await
            })
            .await
        }
    }
}

fn explain(error: Failure, is_system: bool, progress: &CopyProgress, source: &Place, destination: &Place) -> Failure {
    if progress.cancel.load(Ordering::SeqCst) {
        let files = count(progress.files.load(Ordering::Relaxed), "file");
        return Failure::interrupted(format!(
            "the copy of {source} to {destination} was interrupted after {files}; run the command again to complete it"
        ));
    }
    let is_loss = matches!(error.code(), Code::Unreach | Code::Shutdown | Code::Timedout | Code::Noreply);
    // Before the first file is found, the error is about reaching the engine at all, and says more.
    if is_loss && progress.files_found.load(Ordering::Relaxed) > 0 {
        let files = count(progress.files.load(Ordering::Relaxed), "file");
        daos_env::log!(Info, "tools", "{error}");
        let sentence = match is_system {
            // Which of its engines it was is what has to be known.
            true => format!("it ended after {files}, since {}; run the command again to complete it", error.sentence()),
            false => format!("the engine ended or did not answer after {files}; run the command again to complete it"),
        };
        return Failure::new(error.code(), sentence);
    }
    error.remedy(Code::Nospace, "free space at the destination, and run the command again")
}

fn reply(summary: &CopySummary, (source, destination): (&Place, &Place), elapsed: Duration) -> Reply {
    let links = match summary.links {
        0 => String::new(),
        number => format!("{}, ", count(number, "link")),
    };
    let mut text = format!(
        "Copied {}, {}, {links}{} in {:.1} s ({})",
        count(summary.files, "file"),
        count(summary.directories, "directory"),
        size(summary.bytes),
        elapsed.as_secs_f64(),
        rate(summary.files, summary.bytes, elapsed)
    );
    for skipped in &summary.skipped {
        text.push_str(&format!("\nLeft out: {skipped}"));
    }
    let unnamed = summary.skipped_count.saturating_sub(summary.skipped.len() as u64);
    if unnamed > 0 {
        text.push_str(&format!("\nLeft out: {unnamed} more"));
    }
    let name = |place: &Place, part: fn((&str, &str)) -> String| place.names().map(part).unwrap_or_default();
    let (pool, container) = (|names: (&str, &str)| names.0.to_owned(), |names: (&str, &str)| names.1.to_owned());
    let json = json!({
        "src_pool": name(source, pool),
        "src_cont": name(source, container),
        "dst_pool": name(destination, pool),
        "dst_cont": name(destination, container),
        "copy_stats": {
            "num_dirs": summary.directories,
            "num_files": summary.files,
            "num_links": summary.links,
        },
        "bytes": summary.bytes,
        "seconds": elapsed.as_secs_f64(),
        "skipped": summary.skipped,
        "num_skipped": summary.skipped_count,
    });
    Reply::new(text, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_what_was_copied() {
        let skipped = vec!["a fifo".to_owned()];
        let summary = CopySummary { files: 1, directories: 2, links: 3, bytes: 5000, skipped, skipped_count: 3 };
        let destination = Place::parse("daos://tank/home/b").expect("a place");
        let reply = reply(&summary, (&Place::Local("a".into()), &destination), Duration::from_secs(1));
        let expected = "Copied 1 file, 2 directories, 3 links, 5.00 KB in 1.0 s (5.00 KB/s, 1 files/s)\n\
            Left out: a fifo\nLeft out: 2 more";
        assert_eq!(reply.text, expected);
        assert_eq!((&reply.json["dst_pool"], &reply.json["src_pool"]), (&json!("tank"), &json!("")));
        assert_eq!(reply.json["copy_stats"], json!({ "num_dirs": 2, "num_files": 1, "num_links": 3 }));
    }
}
