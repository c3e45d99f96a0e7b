//! Clients that write and read one register, and the order of what they saw.

use super::disk::Rows;
use super::world::{Event, MILLISECOND, World};
use daos_wire::replicated::{EntryPayload, LogEntry, LogIndex, RowChange};
use std::collections::BTreeMap;

pub const CLIENTS: usize = 4;
/// Rows besides the register.
const OTHER_ROWS: u64 = 12;
/// The row that is the register.
pub const REGISTER: &[u8] = b"register";

#[derive(Clone, Debug)]
struct Operation {
    began: u64,
    ended: Option<u64>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The value is the operation's number; its place in the log once known.
    Write {
        is_dropped: bool,
    },
    Read {
        value: Option<u64>,
    },
}

#[derive(Default)]
pub struct Clients {
    operations: Vec<Operation>,
    /// Writes that wait: by replica and place.
    writing: BTreeMap<(usize, LogIndex), usize>,
    /// Reads that wait, by replica.
    reading: Vec<(usize, usize)>,
    busy: [Option<usize>; CLIENTS],
}

fn value_of(rows: &Rows) -> Option<u64> {
    let bytes = rows.get(REGISTER)?;
    Some(u64::from_le_bytes(bytes.as_slice().try_into().ok()?))
}

/// The number that an entry writes to the register.
fn written_by(entry: &LogEntry) -> Option<u64> {
    let EntryPayload::Rows(changes) = &entry.payload else { return None };
    let change = changes.iter().find(|change| change.key == REGISTER)?;
    Some(u64::from_le_bytes(change.value.as_ref()?.as_slice().try_into().ok()?))
}

impl Clients {
    pub fn committed(&mut self, now: u64, index: usize, entry: &LogEntry) {
        if let Some(number) = self.writing.remove(&(index, entry.index))
            && written_by(entry) == Some(number as u64)
        {
            self.end(now, number);
        }
    }

    fn end(&mut self, now: u64, number: usize) {
        self.operations[number].ended = Some(now);
        self.busy.iter_mut().filter(|busy| **busy == Some(number)).for_each(|busy| *busy = None);
    }

    fn forget(&mut self, number: usize) {
        self.busy.iter_mut().filter(|busy| **busy == Some(number)).for_each(|busy| *busy = None);
    }

    pub fn dropped(&mut self, index: usize, from: LogIndex) {
        let gone: Vec<(usize, LogIndex)> =
            self.writing.range((index, from)..(index + 1, LogIndex(0))).map(|e| *e.0).collect();
        for key in gone {
            if let Some(number) = self.writing.remove(&key) {
                self.operations[number].kind = Kind::Write { is_dropped: true };
                self.forget(number);
            }
        }
    }

    /// The replica does not lead any more, or is down: whoever waits for it gives up.
    pub fn deposed(&mut self, index: usize) {
        let gone: Vec<usize> =
            self.writing.range((index, LogIndex(0))..(index + 1, LogIndex(0))).map(|entry| *entry.1).collect();
        self.writing.retain(|key, _| key.0 != index);
        gone.into_iter().for_each(|number| self.forget(number));
        let gone: Vec<usize> = self.reading.iter().filter(|r| r.0 == index).map(|r| r.1).collect();
        self.reading.retain(|reading| reading.0 != index);
        gone.into_iter().for_each(|number| self.forget(number));
    }

    pub fn read_ready(&mut self, now: u64, index: usize, name: u64, memory: &Rows) {
        let number = name as usize;
        let waits = self.reading.contains(&(index, number));
        self.reading.retain(|reading| *reading != (index, number));
        if waits {
            self.operations[number].kind = Kind::Read { value: value_of(memory) };
            self.end(now, number);
        }
    }

    pub fn acknowledged(&self) -> u64 {
        self.operations.iter().filter(|operation| operation.ended.is_some()).count() as u64
    }

    pub fn count(&self) -> u64 {
        self.operations.len() as u64
    }

    /// The log is the order; everything that was seen must fit to it.
    pub fn check_order<'a>(&self, log: impl Iterator<Item = &'a LogEntry>) -> Result<(), String> {
        let places: BTreeMap<u64, LogIndex> = log.filter_map(|entry| Some((written_by(entry)?, entry.index))).collect();
        let mut finished: Vec<(u64, u64, LogIndex, bool)> = Vec::new();
        for (number, operation) in self.operations.iter().enumerate() {
            let place = match operation.kind {
                Kind::Write { is_dropped } => {
                    let place = places.get(&(number as u64)).copied();
                    if is_dropped && place.is_some() {
                        return Err(format!("write {number} was dropped, and is there"));
                    }
                    if operation.ended.is_some() && place.is_none() {
                        return Err(format!("write {number} was acknowledged, and is lost"));
                    }
                    place
                }
                Kind::Read { value } if operation.ended.is_some() => Some(
                    value
                        .map_or(Some(LogIndex(0)), |value| places.get(&value).copied())
                        .ok_or("a value from nowhere")?,
                ),
                Kind::Read { .. } => None,
            };
            if let Some(place) = place {
                let is_write = matches!(operation.kind, Kind::Write { .. });
                finished.push((operation.began, operation.ended.unwrap_or(u64::MAX), place, is_write));
            }
        }
        for a in &finished {
            for b in &finished {
                // What ended before another began is not after it; and a write is after what ended before it.
                let is_wrong = if b.3 { a.2 >= b.2 } else { a.2 > b.2 };
                if a.1 < b.0 && is_wrong {
                    return Err(format!("{a:?} ended before {b:?} began, and saw what is later"));
                }
            }
        }
        Ok(())
    }
}

impl World {
    /// A client begins something, unless it waits.
    pub fn client(&mut self, client: usize) -> Result<(), String> {
        let after = MILLISECOND * (5 + self.below(60));
        self.schedule(after, Event::Client(client));
        if self.clients.busy[client].is_some() {
            return Ok(());
        }
        // Anybody who thinks that it leads will do: there may be several.
        let leads = |index: &usize| self.nodes[*index].core.as_ref().is_some_and(|core| core.leadership().leads);
        let leading: Vec<usize> = (0..self.nodes.len()).filter(leads).collect();
        if leading.is_empty() {
            return Ok(());
        }
        let index = leading[self.below(leading.len() as u64) as usize];
        let number = self.clients.operations.len();
        let is_read = self.chance(400);
        let rows = self.some_rows(number as u64);
        let now = self.now;
        let Some(core) = &mut self.nodes[index].core else { return Ok(()) };
        let kind = if is_read {
            if core.read(number as u64).is_err() {
                return Ok(());
            }
            self.clients.reading.push((index, number));
            Kind::Read { value: None }
        } else {
            let term = core.term();
            let Ok(place) = core.propose(term, rows) else { return Ok(()) };
            self.clients.writing.insert((index, place), number);
            Kind::Write { is_dropped: false }
        };
        self.clients.operations.push(Operation { began: now, ended: None, kind });
        self.clients.busy[client] = Some(number);
        self.advance(index)
    }

    fn some_rows(&self, number: u64) -> Vec<RowChange> {
        let mut rows = vec![RowChange { key: REGISTER.to_vec(), value: Some(number.to_le_bytes().to_vec()) }];
        for _ in 0..self.below(3) {
            let key = format!("row {:02}", self.below(OTHER_ROWS)).into_bytes();
            let value = (!self.chance(300)).then(|| format!("value {number}").into_bytes());
            rows.push(RowChange { key, value });
        }
        rows
    }
}
