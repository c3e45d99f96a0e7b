//! A mount of `dfuse` beside the file system of the disk: the same programs do the same to the same files, in turns.
//!
//! `cp`, `ls`, `cat`, the C compiler and `rm` are the machine's own. What comes back from the mount is compared with what went in.

mod mount;
mod tree;

use crate::client::container_of;
use crate::engine::Bench;
use crate::limits;
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use crate::store::Selection;
use daos_client::{Client, ContainerProperties, ContainerType, LocalMode, TransportChoice};
use daos_status::{Code, Result, fail};
use daos_types::ContainerId;
use mount::Mount;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tree::Tree;

pub use mount::mount_if_asked;

const CLASSES: [&str; 2] = ["ram", "log"];
/// A round takes seconds, these are programs at work, and on a busy machine a minute: one is always made, further ones while they
/// fit this time for each class, so that a whole run ends within two minutes, and a quick one within one.
const ROUNDS: (Duration, Duration) = (Duration::from_secs(55), Duration::from_secs(25));

/// What is done, and the shell's line for it: `$SOURCE` is the tree on the disk, `$PLACE` the directory that is measured, `$OUT`
/// one on the disk.
struct Step {
    name: &'static str,
    line: &'static str,
    /// What is counted are sources that are compiled, not files.
    compiles: bool,
}

const fn step(name: &'static str, line: &'static str) -> Step {
    Step { name, line, compiles: false }
}

/// In the order in which they are done to a tree.
const STEPS: [Step; 8] = [
    step("copy in", r#"cp -r "$SOURCE" "$PLACE/tree""#),
    step("list", r#"ls -lR "$PLACE/tree" > /dev/null"#),
    step("read", r#"find "$PLACE/tree" -type f -exec cat {} + > /dev/null"#),
    Step { name: "compile", line: r#"cd "$PLACE/tree" && sh ./build.sh"#, compiles: true },
    step("copy out", r#"cp -r "$PLACE/tree" "$OUT" && rm -rf "$PLACE/tree/objects" "$OUT/objects""#),
    step("remove", r#"rm -r "$PLACE/tree""#),
    step("copy in, fsync", r#"cp -r "$SOURCE" "$PLACE/tree" && find "$PLACE/tree" -type f -exec sync {} +"#),
    step("remove again", r#"rm -r "$PLACE/tree""#),
];

/// Runs the cases.
pub fn run(plan: &Plan, selection: &Selection, directory: &Path, report: &mut Report) -> Result<()> {
    if let Err(reason) = mount::can_mount() {
        report.note(&format!("left out, since nothing can be mounted: {reason}"));
        return Ok(());
    }
    let bench = Bench::start(directory, LocalMode::Process, TransportChoice::Automatic)?;
    let place = std::path::absolute(directory)?.join(format!("trees-{}", std::process::id()));
    std::fs::create_dir_all(&place)?;
    let measured = measure_all(plan, selection, &bench, &place, report);
    let removed = std::fs::remove_dir_all(&place);
    measured?;
    Ok(removed?)
}

fn measure_all(plan: &Plan, selection: &Selection, bench: &Bench, place: &Path, report: &mut Report) -> Result<()> {
    let tree = if plan.is_smoke() { Tree::small() } else { Tree::medium() };
    let time = if plan.is_full { ROUNDS.0 } else { ROUNDS.1 };
    let source = place.join("source");
    let bytes = tree.write(&source)?;
    let has_compiler = Command::new("cc").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has_compiler {
        report.note("left out: compile, since this machine has no C compiler of the name cc");
    }
    let peer = mount::kind_of(place)?;
    for class in CLASSES.into_iter().filter(|class| selection.includes(0, Some(class), 1)) {
        let container = bench.context().block_on(move |client| make(client, class))?;
        limits::wait_for_memory(plan);
        let mount = Mount::at(place.join(class), bench.directory(), (class, container))?;
        let disk = place.join("disk");
        std::fs::create_dir_all(&disk)?;
        let mut rates = vec![[Vec::new(), Vec::new()]; STEPS.len()];
        let (watch, mut longest) = (Watch::start(), Duration::ZERO);
        for repetition in 0..plan.repetitions {
            let began = watch.elapsed();
            if repetition > 0 && began + longest > time {
                report.note(&format!(
                    "class {class}: {repetition} rounds instead of {}, as they take long",
                    plan.repetitions
                ));
                break;
            }
            // Each time somebody else goes first.
            let mut turns = [(0, mount.path()), (1, &disk)];
            turns.rotate_left(repetition % 2);
            for (step, rates) in STEPS.iter().zip(&mut rates).filter(|(step, _)| has_compiler || !step.compiles) {
                for (who, measured) in turns {
                    rates[who].push(tree.rate(step, (&source, measured, &place.join("out")))?);
                }
            }
            longest = longest.max(watch.elapsed().saturating_sub(began));
        }
        mount.end()?;
        for (step, [rates, limit]) in STEPS.iter().zip(rates).filter(|(_, [rates, _])| !rates.is_empty()) {
            let case = Case {
                bench: "fuse",
                case: step.name,
                class: Some(class),
                transport: Some("shared_memory"),
                depth: 1,
                checksum: Some("crc64"),
                unit: "files/s",
                ..Case::default()
            };
            report.add(case, Figures::of(rates), Some(Limit { name: peer, value: Figures::of(limit).median }));
        }
    }
    report.note(&format!(
        "the tree has {} files with {:.1} MB; compile counts its {} sources",
        tree.files(),
        bytes as f64 / 1e6,
        tree.sources
    ));
    report.note(
        "in class log, what dfuse has closed is on the disk; what the other has closed is in memory, but for 'copy in, fsync'",
    );
    Ok(())
}

async fn make(client: Client, class: &'static str) -> Result<ContainerId> {
    let properties = ContainerProperties { kind: ContainerType::POSIX, ..ContainerProperties::default() };
    let container = container_of(&client, class, properties).await?;
    let id = container.id();
    container.close(&client).await?;
    Ok(id)
}

impl Tree {
    /// Does a step, and gives files a second.
    fn rate(&self, step: &Step, (source, place, out): (&PathBuf, &PathBuf, &PathBuf)) -> Result<f64> {
        let mut command = Command::new("sh");
        command.args(["-c", step.line]).env("SOURCE", source).env("PLACE", place).env("OUT", out);
        command.stdin(Stdio::null());
        let watch = Watch::start();
        let output = command.output()?;
        let rate = watch.rate(if step.compiles { self.sources } else { self.files() });
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            fail!(Code::Misc, "'{}' in {}: {}", step.line, place.display(), said.trim());
        }
        if step.name == "copy out" {
            let same = Command::new("diff").arg("-r").args([source, out]).output()?;
            if !same.status.success() {
                let said = String::from_utf8_lossy(&same.stdout);
                fail!(Code::Misc, "what {} gives back differs from what went in: {said}", place.display());
            }
            std::fs::remove_dir_all(out)?;
        }
        Ok(rate)
    }
}
