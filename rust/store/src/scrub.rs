//! Scrubbing: reading and verifying what is stored before anybody asks for it.
//!
//! A pass walks everything in the order of the trees, versions that no reader sees included, in steps of bounded work. Between two steps
//! only keys are remembered, so that whatever changes meanwhile does not matter: the walk goes on behind the last value it saw. A step
//! finds its values at one moment, as a fetch does, and reads those of the data device afterwards; blocks that are freed meanwhile
//! keep their bytes until it has read them.

mod walk;

use crate::Store;
use crate::stored::Origin;
use crate::value_space::ReadPlan;
use daos_env::sync::yield_now;
use daos_status::{Code, Result, Status};
use daos_types::{ContainerId, ObjectId};
use walk::{Position, Walk};

/// How much one step of a scrub does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScrubLimits {
    /// Keys and values looked at.
    pub entries: usize,
    /// Bytes verified; a step may go past it by one chunk.
    pub bytes: u64,
}

impl Default for ScrubLimits {
    /// Some microseconds of work: requests that come meanwhile wait for no more.
    fn default() -> ScrubLimits {
        ScrubLimits { entries: 32, bytes: 64 << 10 }
    }
}

/// What a scrub has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScrubProgress {
    /// Versions of values and extents verified.
    pub values: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Values, and parts of the metadata, that are damaged or cannot be read.
    pub errors: u64,
    /// Steps taken.
    pub steps: u64,
}

/// A pass over one container or all of them, and how far it is.
#[derive(Debug)]
pub struct Scrub {
    container: Option<ContainerId>,
    /// In class `pmem`, where it stands in the image of the metadata, which comes first.
    image: Option<u64>,
    position: Position,
    progress: ScrubProgress,
    is_done: bool,
}

impl Scrub {
    /// A pass over a container, or over all.
    pub fn new(container: Option<ContainerId>) -> Scrub {
        let (position, progress) = (Position::default(), ScrubProgress::default());
        Scrub { container, image: Some(0), position, progress, is_done: false }
    }

    /// What it has done.
    pub fn progress(&self) -> ScrubProgress {
        self.progress
    }

    /// Whether it has come to the end.
    pub fn is_done(&self) -> bool {
        self.is_done
    }
}

/// What a value on the device belongs to, and how to read it.
struct Read {
    owner: Owner,
    plan: ReadPlan,
}

/// What a value belongs to.
#[derive(Clone)]
struct Owner {
    container: ContainerId,
    object: ObjectId,
    dkey: Vec<u8>,
    akey: Vec<u8>,
}

impl Owner {
    fn origin(&self) -> Origin<'_> {
        let Owner { container, object, dkey, akey } = self;
        Origin { container: *container, object: *object, dkey, akey }
    }
}

/// What a step has found.
#[derive(Default)]
struct Found {
    reads: Vec<Read>,
    values: u64,
    bytes: u64,
    /// Damage met on the way.
    damages: Vec<Status>,
}

impl Store {
    /// Verifies some more values; `true` while there is more to do. Damage is counted and logged, and does not end the pass.
    ///
    /// The errors of the result are others: the store was closed, or the container of the pass does not exist (any more).
    pub async fn scrub_step(&self, scrub: &mut Scrub, limits: ScrubLimits) -> Result<bool> {
        if self.is_closed() {
            return Err(Status::new(Code::Shutdown, "the store was closed"));
        }
        if scrub.is_done {
            return Ok(false);
        }
        if let Some(from) = scrub.image {
            let looked = self.durable.verify_image(from, limits.bytes);
            scrub.image = looked.as_ref().map(|(behind, _)| *behind);
            if let Some((_, found)) = looked {
                if let Err(status) = &found {
                    self.note_damage(status);
                }
                scrub.progress.errors += u64::from(found.is_err());
                scrub.progress.steps += 1;
                return Ok(true);
            }
        }
        let (found, is_done) = self.find_to_scrub(scrub, limits)?;
        let _pin = self.values.extents().pin_readers();
        let (mut errors, mut mismatches) = (0, 0);
        let mut note = |status: &Status| {
            errors += 1;
            mismatches += u64::from(status.code() == Code::Csum);
            self.note_damage(status);
        };
        found.damages.iter().for_each(&mut note);
        for Read { owner, plan } in found.reads {
            if let Err(status) = self.values.read(plan, &owner.origin()).await {
                if status.code() == Code::Shutdown {
                    return Err(status);
                }
                note(&status);
            }
            // Verifying may have taken some time: requests come first.
            yield_now().await;
        }
        let progress = &mut scrub.progress;
        progress.values += found.values;
        progress.bytes += found.bytes;
        progress.errors += errors;
        progress.steps += 1;
        scrub.is_done = is_done;
        self.count(|statistics| {
            statistics.scrubbed_values += found.values;
            statistics.scrubbed_bytes += found.bytes;
            statistics.checksum_errors += mismatches;
        });
        Ok(!is_done)
    }

    fn find_to_scrub(&self, scrub: &mut Scrub, limits: ScrubLimits) -> Result<(Found, bool)> {
        let arena = self.durable.arena();
        let mut walk = Walk::new(self, &mut scrub.position, limits);
        let is_done = match scrub.container {
            Some(id) => walk.container(&self.container(arena, id)?, id)?,
            None => walk.containers(&self.superblock.containers(arena)?)?,
        };
        Ok((walk.found, is_done))
    }
}
