//! The bytes of the state record and of log entries. The first byte is the version.

use crate::core::{Base, StoredState};
use daos_status::{Code, Result, Status, fail};
use daos_wire::replicated::{LogEntry, LogIndex, Membership, ReplicaId, Term};
use daos_wire::{Reader, Wire, Writer, decode, encode};

const VERSION: u8 = 1;

/// The state record.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Which replica.
    pub id: ReplicaId,
    /// Of which group.
    pub group: u64,
    /// Whose rows count.
    pub generation: u64,
    /// What it promised, and where its log is.
    pub state: StoredState,
}

impl Wire for Record {
    fn encode(&self, writer: &mut Writer) {
        let StoredState { term, vote, base, last, applied } = &self.state;
        (self.id, self.group).encode(writer);
        (self.generation, *term).encode(writer);
        vote.encode(writer);
        (base.index, base.term).encode(writer);
        base.membership.encode(writer);
        (*last, *applied).encode(writer);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let (id, group) = Wire::decode(reader)?;
        let (generation, term): (u64, Term) = Wire::decode(reader)?;
        let vote = Wire::decode(reader)?;
        let (index, base_term): (LogIndex, Term) = Wire::decode(reader)?;
        let membership: Membership = Wire::decode(reader)?;
        let (last, applied) = Wire::decode(reader)?;
        let base = Base { index, term: base_term, membership };
        Ok(Record { id, group, generation, state: StoredState { term, vote, base, last, applied } })
    }
}

fn versioned(value: &impl Wire) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(encode(value));
    bytes
}

fn parse<T: Wire>(what: &str, bytes: &[u8]) -> Result<T> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => decode(rest)
            .map_err(|status| Status::new(Code::DfInval, format!("{what} is damaged: {}", status.context()))),
        Some((version, _)) => {
            Err(Status::unknown_format(what, u32::from(*version), u32::from(VERSION)..=u32::from(VERSION)))
        }
        None => fail!(Code::DfInval, "{what} is empty"),
    }
}

impl Record {
    pub fn to_bytes(&self) -> Vec<u8> {
        versioned(self)
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Record> {
        let record: Record = parse("the state record of the system's metadata", bytes)?;
        let StoredState { base, last, applied, .. } = &record.state;
        let kept = last.0.checked_sub(base.index.0);
        let is_possible = kept.is_some_and(|kept| kept <= crate::LOG_ENTRIES_MAX as u64);
        if !is_possible || *applied < base.index || applied > last {
            fail!(Code::DfInval, "the state record of the system's metadata cannot be: {:?}", record.state);
        }
        Ok(record)
    }
}

pub fn write_entry(entry: &LogEntry) -> Vec<u8> {
    versioned(entry)
}

/// The entry that must be at a place.
pub fn read_entry(index: LogIndex, bytes: Option<&[u8]>) -> Result<LogEntry> {
    let what = format!("entry {index} of the system's log");
    let Some(bytes) = bytes else { fail!(Code::DfInval, "{what} is missing") };
    let entry: LogEntry = parse(&what, bytes)?;
    if entry.index != index {
        fail!(Code::DfInval, "{what} is missing: entry {} is in its place", entry.index);
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daos_wire::replicated::{EntryPayload, Member, RowChange};

    fn record() -> Record {
        let member = Member { id: ReplicaId::new(3, 1), address: "a".into(), voter: true };
        let base = Base { index: LogIndex(5), term: Term(2), membership: Membership { members: vec![member] } };
        let state =
            StoredState { term: Term(4), vote: Some(ReplicaId(7)), base, last: LogIndex(9), applied: LogIndex(6) };
        Record { id: ReplicaId::new(3, 1), group: 8, generation: 2, state }
    }

    #[test]
    fn a_state_record_has_these_bytes() {
        let number = |value: u64| value.to_le_bytes().to_vec();
        let golden = [
            vec![1],
            [3, 0, 0, 0, 1, 0, 0, 0].to_vec(),
            number(8),
            number(2),
            number(4),
            vec![1],
            number(7),
            number(5),
            number(2),
            vec![1, 0, 0, 0],
            [3, 0, 0, 0, 1, 0, 0, 0].to_vec(),
            vec![1, 0, 0, 0, b'a', 1],
            number(9),
            number(6),
        ]
        .concat();
        assert_eq!(record().to_bytes(), golden);
        assert_eq!(Record::from_bytes(&golden), Ok(record()));
        for length in 0..golden.len() {
            assert!(Record::from_bytes(&golden[..length]).is_err());
        }
    }

    #[test]
    fn records_that_cannot_be_are_refused() {
        for (last, applied) in [(4, 4), (9, 4), (9, 10), (5 + 1025, 6)] {
            let mut bad = record();
            (bad.state.last, bad.state.applied) = (LogIndex(last), LogIndex(applied));
            assert!(Record::from_bytes(&bad.to_bytes()).is_err(), "{last} {applied}");
        }
        let mut newer = record().to_bytes();
        newer[0] = 2;
        assert_eq!(Record::from_bytes(&newer).map_err(|s| s.code()), Err(Code::DfIncompt));
    }

    #[test]
    fn an_entry_has_these_bytes_and_one_place() {
        let payload = EntryPayload::Rows(vec![RowChange { key: b"k".to_vec(), value: None }]);
        let entry = LogEntry { term: Term(1), index: LogIndex(2), payload };
        let golden = b"\x01\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\x01\0\0\0\x01\0\0\0k\0";
        assert_eq!(write_entry(&entry), golden);
        assert_eq!(read_entry(LogIndex(2), Some(golden)), Ok(entry));
        assert!(read_entry(LogIndex(3), Some(golden)).is_err());
        assert!(read_entry(LogIndex(2), None).is_err() && read_entry(LogIndex(2), Some(&[])).is_err());
    }
}
