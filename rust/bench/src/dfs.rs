//! Files and directories in a container, over the transport that programs use.

use crate::client::container_of;
use crate::engine::Bench;
use crate::limits;
use crate::measure::{Figures, Plan, Shuffle, Watch, rate_async};
use crate::report::{Case, Limit, Report};
use daos_client::{Client, ContainerProperties, ContainerType, LocalMode, TransportChoice};
use daos_dfs::{DfsError, FileSystem, MountOptions, NewFile, Node, OpenOptions};
use daos_env::sync::join_all;
use daos_status::{Code, Result, Status};
use std::path::Path;

/// Transfers of a large file: IOR's easy size, its hard one, and a page.
const SIZES: [usize; 3] = [1 << 20, 47008, 4096];
/// Bytes of the file.
const FILE_BYTES: u64 = 64 << 20;
const DEPTHS: [u64; 2] = [1, 16];
const CLASSES: [&str; 2] = ["ram", "log"];

fn name(index: u64) -> Vec<u8> {
    format!("file.{index}").into_bytes()
}

fn to_status(error: DfsError) -> Status {
    Status::new(Code::Misc, error.to_string())
}

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let local = local_files(plan, directory)?;
    let memory: Vec<Limit> = SIZES.map(|size| limits::memory_copies(plan, size)).into_iter().collect::<Result<_>>()?;
    let bench = Bench::start(directory, LocalMode::Process, TransportChoice::Automatic)?;
    for class in CLASSES {
        for depth in DEPTHS {
            // One at a time in class log waits for the disk at each.
            let files = plan.records[0].min(if class == "log" && depth == 1 { 100 } else { 2000 });
            let task = Task { plan: plan.clone(), class, depth, files };
            let figures = bench.context().block_on(move |client| task.measure(client))?;
            let case = Case {
                bench: "dfs",
                class: Some(class),
                transport: Some("tcp"),
                depth,
                checksum: Some("crc64"),
                unit: "op/s",
                ..Case::default()
            };
            for (name, size, figures) in figures {
                let limit = match SIZES.iter().position(|known| *known == size) {
                    Some(index) => Some(memory[index]),
                    None => local.iter().find(|(case, _)| *case == name).map(|(_, limit)| *limit),
                };
                report.add(Case { case: name, size: size as u64, ..case }, figures, limit);
            }
        }
    }
    Ok(())
}

/// The same on the file system of the directory, which promises nothing about power cuts.
fn local_files(plan: &Plan, directory: &Path) -> Result<Vec<(&'static str, Limit)>> {
    let folder = directory.join("local-files");
    std::fs::create_dir_all(&folder)?;
    let files = plan.records[0].min(2000);
    let path = |index: u64| folder.join(String::from_utf8_lossy(&name(index)).into_owned());
    let mut limits = Vec::new();
    let mut measure = |case: &'static str, step: &dyn Fn(u64) -> std::io::Result<()>| -> Result<()> {
        let watch = Watch::start();
        for index in 0..files {
            step(index)?;
        }
        limits.push((case, Limit { name: "local file system", value: watch.rate(files) }));
        Ok(())
    };
    measure("create", &|index| std::fs::File::create(path(index)).map(drop))?;
    measure("stat", &|index| std::fs::metadata(path(index)).map(drop))?;
    measure("remove", &|index| std::fs::remove_file(path(index)))?;
    std::fs::remove_dir_all(&folder)?;
    Ok(limits)
}

struct Task {
    plan: Plan,
    class: &'static str,
    depth: u64,
    files: u64,
}

type Measured = Vec<(&'static str, usize, Figures)>;

impl Task {
    async fn measure(self, client: Client) -> Result<Measured> {
        let properties = ContainerProperties { kind: ContainerType::POSIX, ..ContainerProperties::default() };
        let container = container_of(&client, self.class, properties).await?;
        let mounted = FileSystem::mount(&client, &container, MountOptions::read_write()).await;
        let file_system = mounted.map_err(to_status)?;
        let mut figures = Measured::new();
        self.metadata(&client, &file_system, &mut figures).await?;
        self.data(&client, &file_system, &mut figures).await?;
        drop(file_system);
        container.close(&client).await?;
        Ok(figures)
    }

    async fn metadata(&self, client: &Client, file_system: &FileSystem, figures: &mut Measured) -> Result<()> {
        let root = file_system.root();
        let options = OpenOptions { exclusive: true, ..OpenOptions::create() };
        let new = NewFile { mode: 0o644, ..NewFile::default() };
        let create = async |index: u64| file_system.open(client, &root, &name(index), options, new).await.map(drop);
        let stat = async |index: u64| file_system.status(client, &root, &name(index)).await.map(drop);
        let remove = async |index: u64| file_system.remove(client, &root, &name(index), false).await.map(drop);
        figures.push(("create", 0, self.each(create).await?));
        figures.push(("stat", 0, self.each(stat).await?));
        figures.push(("remove", 0, self.each(remove).await?));
        Ok(())
    }

    /// Does a step for each file, a share of them for each repetition.
    async fn each(&self, step: impl AsyncFn(u64) -> daos_dfs::Result<()>) -> Result<Figures> {
        let files: Vec<u64> = (0..self.files).collect();
        let mut rates = Vec::new();
        for share in files.chunks(files.len().div_ceil(self.plan.repetitions)) {
            let watch = Watch::start();
            let workers = share.chunks(share.len().div_ceil(self.depth as usize)).map(|files| {
                let step = &step;
                async move {
                    for file in files {
                        step(*file).await.map_err(to_status)?;
                    }
                    Ok(())
                }
            });
            join_all(workers).await.into_iter().collect::<Result<()>>()?;
            rates.push(watch.rate(share.len() as u64));
        }
        Ok(Figures::of(rates))
    }

    async fn data(&self, client: &Client, file_system: &FileSystem, figures: &mut Measured) -> Result<()> {
        let new = NewFile { mode: 0o644, ..NewFile::default() };
        let root = file_system.root();
        let opened = file_system.open(client, &root, b"large", OpenOptions::create(), new).await;
        let file = opened.map_err(to_status)?;
        // The file is whole before any of it is read.
        for offset in (0..FILE_BYTES.min(self.plan.bytes_max)).step_by(1 << 20) {
            file.write(client, offset, vec![1; 1 << 20]).await.map_err(to_status)?;
        }
        for size in SIZES {
            let mut places = Shuffle::below(FILE_BYTES.min(self.plan.bytes_max) / size as u64);
            for (case, writes) in [("write", true), ("read", false)] {
                let figure = rate_async(&self.plan, async || {
                    let transfers = (0..self.depth).map(|_| transfer(client, &file, places.next(), size, writes));
                    let transfers: Vec<_> = transfers.collect();
                    join_all(transfers).await.into_iter().collect::<Result<()>>()?;
                    Ok(self.depth)
                })
                .await?;
                figures.push((case, size, figure));
            }
        }
        Ok(())
    }
}

async fn transfer(client: &Client, file: &Node, place: u64, size: usize, writes: bool) -> Result<()> {
    let offset = place * size as u64;
    let done = match writes {
        true => file.write(client, offset, vec![2; size]).await,
        false => file.read(client, offset, size as u64).await.map(|bytes| drop(std::hint::black_box(bytes))),
    };
    done.map_err(to_status)
}
