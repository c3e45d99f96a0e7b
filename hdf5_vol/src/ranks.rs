//! The processes of an MPI program that have opened a file together.
//!
//! Whatever they do together is a fixed sequence of MPI's collective calls that does not depend on what fails: a rank that cannot go on still takes
//! part, and says so. So an error on one of them is one on all, and none waits for another one that has given up.

use crate::daos::Mount;
use crate::failure::{Failure, Minor, Result};
use crate::hdf5::Hid;
use crate::hdf5::library;
use crate::mpi::{self, Handle, Mpi, Status, driver, mpi};
use crate::properties;
use crate::serial::Serial;
use std::cell::RefCell;
use std::ffi::{CStr, c_int};
use std::rc::Rc;

/// The rank that changes what all share, and tells the others.
const LEADER: c_int = 0;
/// Bytes that a message from the leader has at first; the rest of a longer one follows.
const FIRST: usize = 1024;
/// The length of what is told.
const LENGTH: usize = 8;
/// How often a rank that leaves looks whether all have left. What lasts longer ends when another file is opened or closed, or HDF5 ends.
const LOOKS_MAX: u32 = 1000;
/// What an outcome begins with.
const DONE: u8 = 0;
const FAILED: u8 = 1;

/// Says in the information that `H5Pset_fapl_mpio` takes how metadata is changed: by all ranks together, or by each for itself.
const METADATA_KEY: &CStr = c"daos_metadata";
const INDEPENDENT: &str = "independent";

/// Who has opened a file together, from the view of one of them.
pub struct Ranks {
    mpi: &'static Mpi,
    communicator: Handle,
    rank: c_int,
    size: usize,
    is_independent: bool,
    /// The process that is one of them, and not one that was forked from it.
    process: u32,
}

/// A file that this rank has closed, while others may still use what it has opened for them.
struct Leaving {
    ranks: Ranks,
    request: Handle,
    _mount: Rc<Mount>,
}

static LEAVING: Serial<RefCell<Vec<Leaving>>> = Serial::new(RefCell::new(Vec::new()));

fn check(result: c_int) -> Result<()> {
    if result == 0 { Ok(()) } else { Err(Failure::new(Minor::Internal, format!("MPI gives error {result}"))) }
}

/// An outcome as bytes, for the others.
fn encode(outcome: std::result::Result<&[u8], &Failure>) -> Vec<u8> {
    match outcome {
        Ok(told) => [&[DONE], told].concat(),
        Err(failure) => [&[FAILED][..], &failure.to_bytes()].concat(),
    }
}

fn decode(bytes: &[u8]) -> Result<Vec<u8>> {
    match bytes.split_first() {
        Some((&DONE, told)) => Ok(told.to_vec()),
        Some((_, failure)) => Err(Failure::from_bytes(failure)),
        None => Err(Failure::new(Minor::Internal, "another rank said nothing")),
    }
}

fn count(length: usize) -> Result<c_int> {
    c_int::try_from(length).map_err(|_| Failure::new(Minor::Unsupported, "a message between ranks has more than 2 GiB"))
}

impl Ranks {
    /// Those that a list for opening a file names; none for a program of one process, and for a file that a rank opens for itself.
    ///
    /// All of them call it together, as MPI duplicates the communicator: it stays as it is when the program frees its own.
    pub fn of_list(list: Hid) -> Result<Option<Self>> {
        let Some((mpi, driver)) = mpi().zip(driver()) else { return Ok(None) };
        // SAFETY: takes no pointer.
        if unsafe { library().list_driver(list) } != driver || !mpi.is_running() {
            return Ok(None);
        }
        let (mut communicator, mut information) = (0, mpi.no_information);
        // SAFETY: both are written on success.
        if unsafe { mpi.list_communicator(list, &raw mut communicator, &raw mut information) } < 0 {
            return Err(Failure::new(Minor::CannotGet, "HDF5 does not tell which ranks open a file"));
        }
        let metadata = mpi.value(information, METADATA_KEY);
        let mut ranks = Self {
            mpi,
            communicator,
            rank: 0,
            size: 0,
            process: std::process::id(),
            is_independent: metadata.is_some_and(|value| value.eq_ignore_ascii_case(INDEPENDENT))
                || properties::get(list, properties::INDEPENDENT)?.is_some(),
        };
        if information != mpi.no_information {
            // SAFETY: HDF5 has made it for us.
            unsafe { mpi.free_information(&raw mut information) };
        }
        let mut size = 0;
        // SAFETY: the communicator is ours, the numbers too.
        unsafe {
            check(mpi.rank(communicator, &raw mut ranks.rank))?;
            check(mpi.size(communicator, &raw mut size))?;
        }
        ranks.size = usize::try_from(size).unwrap_or_default();
        Ok((ranks.size > 1).then_some(ranks))
    }

    /// Whether this process can take part in what they do: one that was forked from it is none of them.
    fn can_take_part(&self) -> bool {
        self.process == std::process::id() && self.mpi.is_running()
    }

    fn require_own(&self) -> Result<()> {
        if self.process == std::process::id() {
            return Ok(());
        }
        let sentence = "ranks opened a file together before this process was forked: it is none of them";
        Err(Failure::new(Minor::NotAllowed, sentence))
    }

    /// Refuses, on all of them, that some change metadata together and others each for itself: these would not take part in what those do.
    pub fn require_same_metadata(&self) -> Result<()> {
        let all = self.gather(&[u8::from(self.is_independent)])?;
        if all.iter().all(|other| Some(other) == all.first()) {
            return Ok(());
        }
        let sentence = "some ranks open a file with independent metadata, and others do not: all must say the same";
        Err(Failure::new(Minor::BadValue, sentence))
    }

    /// Whether this one changes what all share.
    pub fn is_leader(&self) -> bool {
        self.rank == LEADER
    }

    /// Whether each rank changes metadata for itself.
    pub fn is_independent(&self) -> bool {
        self.is_independent
    }

    /// This one's number, from zero on.
    pub fn rank(&self) -> usize {
        usize::try_from(self.rank).unwrap_or_default()
    }

    /// Whether others are the same processes in the same order.
    pub fn are(&self, others: &Self) -> bool {
        // `MPI_IDENT` and `MPI_CONGRUENT`.
        let mut result = -1;
        if self.require_own().is_err() || others.require_own().is_err() {
            return false;
        }
        // SAFETY: both communicators are ours, the number too.
        let status = unsafe { self.mpi.compare(self.communicator, others.communicator, &raw mut result) };
        status == 0 && matches!(result, 0 | 1) && self.is_independent == others.is_independent
    }

    fn broadcast(&self, bytes: &mut [u8]) -> Result<()> {
        self.require_own()?;
        let buffer = bytes.as_mut_ptr().cast();
        // SAFETY: the buffer has as many bytes.
        check(unsafe { self.mpi.broadcast(buffer, count(bytes.len())?, self.mpi.byte, LEADER, self.communicator) })
    }

    /// Tells all what the leader has done; the others give nothing of their own.
    pub fn share(&self, own: Option<std::result::Result<&[u8], &Failure>>) -> Result<Vec<u8>> {
        let mut outcome = own.map(encode).unwrap_or_default();
        if count(outcome.len()).is_err() {
            outcome = encode(Err(&Failure::new(Minor::Unsupported, "what ranks share has more than 2 GiB")));
        }
        let mut first = [0; FIRST];
        let begin = outcome.len().min(FIRST - LENGTH);
        first[..LENGTH].copy_from_slice(&(outcome.len() as u64).to_le_bytes());
        first[LENGTH..LENGTH + begin].copy_from_slice(&outcome[..begin]);
        self.broadcast(&mut first)?;
        let (length, begin) = first.split_at(LENGTH);
        let length = length.iter().rev().fold(0, |length: usize, byte| length << 8 | usize::from(*byte));
        outcome.resize(length, 0);
        let begin = &begin[..length.min(FIRST - LENGTH)];
        outcome[..begin.len()].copy_from_slice(begin);
        if length > begin.len() {
            self.broadcast(&mut outcome[begin.len()..])?;
        }
        decode(&outcome)
    }

    /// Gives what each rank has, in their order.
    pub fn gather(&self, own: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.require_own()?;
        let length = (own.len() as u64).to_le_bytes();
        let mut lengths = vec![[0; LENGTH]; self.size];
        let (byte, communicator) = (self.mpi.byte, self.communicator);
        let (from, to) = (length.as_ptr().cast(), lengths.as_mut_ptr().cast());
        // SAFETY: there are as many bytes, and room for those of all ranks.
        check(unsafe { self.mpi.gather(from, LENGTH as c_int, byte, to, LENGTH as c_int, byte, communicator) })?;
        let (mut counts, mut places, mut sum) = (Vec::new(), Vec::new(), 0_usize);
        for length in &lengths {
            // All see the same numbers, so all end here or none.
            let length = u64::from_le_bytes(*length) as usize;
            places.push(count(sum)?);
            counts.push(count(length)?);
            sum = sum.saturating_add(length);
        }
        if sum == 0 {
            return Ok(vec![Vec::new(); self.size]);
        }
        let mut all = vec![0; usize::try_from(count(sum)?).unwrap_or_default()];
        let (from, to) = (own.as_ptr().cast(), all.as_mut_ptr().cast());
        let (counted, placed) = (counts.as_ptr(), places.as_ptr());
        // SAFETY: the same.
        check(unsafe {
            self.mpi.gather_unequal(from, counts[self.rank()], byte, to, counted, placed, byte, communicator)
        })?;
        let part = |(place, count): (&c_int, &c_int)| all[*place as usize..][..*count as usize].to_vec();
        Ok(places.iter().zip(&counts).map(part).collect())
    }

    /// An error of one is one of all. Each gives its own, or the first of the others.
    pub fn agree(&self, own: Result<()>) -> Result<()> {
        if !self.can_take_part() {
            return own;
        }
        let failed = own.as_ref().err().map(Failure::to_bytes).unwrap_or_default();
        let all = self.gather(&failed)?;
        own?;
        match all.iter().enumerate().find(|(_, failed)| !failed.is_empty()) {
            Some((rank, failed)) => Err(Failure::from_bytes(failed).while_doing(&format!("on rank {rank}"))),
            None => Ok(()),
        }
    }

    /// Whether something is so on all ranks.
    pub fn all(&self, own: bool) -> Result<bool> {
        Ok(self.gather(&[u8::from(own)])?.iter().all(|other| other == &[1]))
    }

    /// Waits for all.
    pub fn wait(&self) -> Result<()> {
        self.require_own()?;
        // SAFETY: the communicator is ours.
        check(unsafe { self.mpi.barrier(self.communicator) })
    }

    /// Keeps what this rank has opened for all until each has left, without waiting for them.
    pub fn leave(self, mount: Rc<Mount>) {
        if !self.can_take_part() {
            return;
        }
        let mut request = 0;
        // SAFETY: the communicator is ours and stays, the request is kept until it has ended.
        if unsafe { self.mpi.start_barrier(self.communicator, &raw mut request) } == 0 {
            LEAVING.get().borrow_mut().push(Leaving { ranks: self, request, _mount: mount });
        }
        // Most often all leave at the same time.
        for _ in 0..LOOKS_MAX {
            sweep();
            if LEAVING.get().borrow().is_empty() {
                break;
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Ranks {
    fn drop(&mut self) {
        if self.can_take_part() {
            // SAFETY: the communicator is ours, and nothing uses it any more.
            unsafe { self.mpi.free(&raw mut self.communicator) };
        }
    }
}

/// Ends what all ranks have left by now.
pub fn sweep() {
    let ended = |leaving: &mut Leaving| {
        let (mut flag, mut status) = (0, Status::EMPTY);
        let mpi = leaving.ranks.mpi;
        if leaving.ranks.require_own().is_err() {
            // That of the process from which this one was forked goes, without a word to MPI.
            return true;
        }
        // SAFETY: the request is one that has not ended yet; the number and the status are ours.
        !mpi.is_running()
            || unsafe { mpi.test(&raw mut leaving.request, &raw mut flag, &raw mut status) } != 0
            || flag != 0
    };
    // Closing the mounts comes after the list is free again.
    let gone: Vec<Leaving> = LEAVING.get().borrow_mut().extract_if(.., ended).collect();
    drop(gone);
}

/// HDF5 ends: so does what other ranks may still use, as they end too.
pub fn end() {
    sweep();
    // An unfinished barrier stays MPI's; its communicator is not freed before it has ended.
    for Leaving { ranks, .. } in LEAVING.get().take() {
        std::mem::forget(ranks);
    }
}

/// Whether a list for transfers asks that all ranks take part.
pub fn is_collective(list: Hid) -> bool {
    mpi::is_collective(list)
}
