//! Simulated persistent memory.

use super::world::{Fault, World};
use daos_env::{Random, SeededRandom};
use daos_media::{CACHE_LINE, PersistWay, PersistentMemory, ViewSource, check_memory_range};
use daos_status::{Code, Result, Status, fail};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

const LINE: usize = CACHE_LINE as usize;
/// What the processor never stores half.
const WORD: usize = 8;

type Line = [u8; LINE];

/// The bytes of one memory: what reads give, what a power cut cannot take back, and what each line was since the last drain.
pub(super) struct Lines {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Lines on their way, with every content since the last drain, in order.
    pending: BTreeMap<usize, Vec<Line>>,
}

impl Lines {
    pub fn new(length: u64) -> Lines {
        let zeros = vec![0; length as usize];
        Lines { current: zeros.clone(), durable: zeros, pending: BTreeMap::new() }
    }

    pub fn length(&self) -> u64 {
        self.current.len() as u64
    }

    fn line(&self, line: usize) -> Line {
        self.current[line * LINE..(line + 1) * LINE].try_into().expect("a line has its length")
    }

    fn lines_of(position: u64, length: usize) -> std::ops::Range<usize> {
        let start = position as usize;
        if length == 0 { 0..0 } else { start / LINE..(start + length).div_ceil(LINE) }
    }

    fn store(&mut self, position: u64, bytes: &[u8]) {
        self.current[position as usize..position as usize + bytes.len()].copy_from_slice(bytes);
        self.flush(position, bytes.len());
    }

    fn flush(&mut self, position: u64, length: usize) {
        for line in Lines::lines_of(position, length) {
            let content = self.line(line);
            self.pending.entry(line).or_default().push(content);
        }
    }

    fn drain(&mut self) {
        for line in std::mem::take(&mut self.pending).into_keys() {
            let content = self.line(line);
            self.durable[line * LINE..(line + 1) * LINE].copy_from_slice(&content);
        }
    }

    /// A drain that fails: some lines it should have made durable never will be, though reads still give them.
    fn fail_drain(&mut self, random: &SeededRandom) {
        self.pending.retain(|_, _| random.next_u64() & 1 == 0);
        self.drain();
    }

    /// Decides line by line what has survived: nothing, one of its contents, or words of several.
    pub fn lose_power(&mut self, random: &SeededRandom) {
        for (line, contents) in std::mem::take(&mut self.pending) {
            let any = || &contents[(random.next_u64() % contents.len() as u64) as usize];
            let durable = &mut self.durable[line * LINE..(line + 1) * LINE];
            match random.next_u64() % 3 {
                0 => {}
                1 => durable.copy_from_slice(any()),
                _ => {
                    for (word, durable) in durable.chunks_mut(WORD).enumerate() {
                        if random.next_u64() & 1 == 0 {
                            durable.copy_from_slice(&any()[word * WORD..(word + 1) * WORD]);
                        }
                    }
                }
            }
        }
        self.current.copy_from_slice(&self.durable);
    }

    pub fn flip_bit(&mut self, bit: u64) {
        let byte = (bit / 8) as usize;
        self.current[byte] ^= 1 << (bit % 8);
        self.durable[byte] ^= 1 << (bit % 8);
    }

    pub fn hash_into(&self, hasher: &mut impl Hasher) {
        (&self.current, &self.durable, self.pending.len()).hash(hasher);
    }
}

/// A handle of simulated persistent memory.
pub(super) struct SimMemory {
    name: String,
    world: Rc<RefCell<World>>,
    lines: Rc<RefCell<Lines>>,
    way: PersistWay,
    cycle: u64,
}

impl SimMemory {
    pub fn new(path: &str, world: Rc<RefCell<World>>, lines: Rc<RefCell<Lines>>) -> SimMemory {
        let (cycle, way) = (world.borrow().cycle, world.borrow().memory_way);
        SimMemory { name: format!("simulated:{path}"), world, lines, way, cycle }
    }

    /// Memory answers at once: with the power off, by an error that nobody is left to see.
    fn check_power(&self) -> Result<()> {
        let world = self.world.borrow();
        if world.is_off || world.cycle != self.cycle {
            fail!(Code::Io, "the power of {} is off", self.name);
        }
        Ok(())
    }

    fn begin(&self) -> Result<Option<Fault>> {
        self.check_power()?;
        Ok(self.world.borrow_mut().begin_call().1)
    }

    /// Counts what has just happened; when the power goes with it, nobody hears of it.
    fn persisted(&self) -> Result<()> {
        self.world.borrow_mut().count_persist();
        self.check_power()
    }

    fn failure(&self, fault: Fault, what: &str) -> Status {
        let (code, how) = match fault {
            Fault::InputOutput => (Code::Io, "I/O error"),
            Fault::NoSpace => (Code::Nospace, "full disk"),
            Fault::Short => (Code::Io, "short transfer"),
        };
        Status::new(code, format!("{what} of {}: simulated {how}", self.name))
    }

    /// What `store` and `flush` share: they can only fail by what they are given.
    fn check(&self, what: &str, position: u64, length: u64) -> Result<()> {
        check_memory_range(&self.name, self.length(), what, position, length)?;
        self.check_power()
    }
}

impl PersistentMemory for SimMemory {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> u64 {
        self.lines.borrow().length()
    }

    fn way(&self) -> PersistWay {
        self.way
    }

    fn how(&self) -> String {
        "as a seed decides".into()
    }

    fn read(&self, position: u64, out: &mut [u8]) -> Result<()> {
        self.check("read", position, out.len() as u64)?;
        out.copy_from_slice(&self.lines.borrow().current[position as usize..position as usize + out.len()]);
        Ok(())
    }

    fn store(&self, position: u64, bytes: &[u8]) -> Result<()> {
        self.check("store", position, bytes.len() as u64)?;
        self.lines.borrow_mut().store(position, bytes);
        self.persisted()
    }

    fn flush(&self, position: u64, length: u64) -> Result<()> {
        self.check("flush", position, length)?;
        self.lines.borrow_mut().flush(position, length as usize);
        self.persisted()
    }

    fn drain(&self) -> Result<()> {
        let fault = self.begin()?;
        match fault {
            None => self.lines.borrow_mut().drain(),
            Some(Fault::NoSpace | Fault::Short) => {}
            Some(Fault::InputOutput) => self.lines.borrow_mut().fail_drain(&self.world.borrow().random),
        }
        self.persisted()?;
        fault.map_or(Ok(()), |fault| Err(self.failure(fault, "drain")))
    }

    fn view(&self, position: u64) -> Result<ViewSource> {
        self.check("view", position, 0)?;
        Ok(ViewSource::Copy)
    }
}
