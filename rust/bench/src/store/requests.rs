//! Requests of the benchmark, made ahead of being measured, and what their replies must hold.

use super::placement::place;
use super::setup::Setup;
use daos_env::IoBuffer;
use daos_status::{Code, Result, fail};
use daos_store::{
    AkeyFetch, AkeyUpdate, Conditions, Content, Data, FetchReply, FetchRequest, FetchWhat, Fetched, Few, UpdateRequest,
    UpdateValue,
};
use daos_types::{ContainerId, Epoch};

/// Whether bytes come in memory of the caller's, or in a buffer that the store may keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Plain memory: the store must move the bytes.
    Bytes,
    /// An aligned buffer that is handed over, as the network fills it.
    Buffer,
}

/// Makes requests for one store.
pub struct Requests {
    setup: Setup,
    container: ContainerId,
    /// What a value is made of, apart from its stamps.
    pattern: Vec<u8>,
}

impl Requests {
    /// For the store of a setup.
    pub fn new(setup: Setup, container: ContainerId) -> Requests {
        Requests { setup, container, pattern: (0..setup.size).map(|index| (index * 31) as u8).collect() }
    }

    /// Begins and ends with the number of the record, so that no two are alike and a reader sees whose bytes they are.
    fn stamp(&self, record: u64, bytes: &mut [u8]) {
        let stamp = record.to_le_bytes();
        let length = stamp.len().min(bytes.len());
        let last = bytes.len() - length;
        bytes[..length].copy_from_slice(&stamp[..length]);
        bytes[last..].copy_from_slice(&stamp[..length]);
    }

    fn data(&self, record: u64, source: Source) -> Data {
        match source {
            Source::Bytes => {
                let mut bytes = self.pattern.clone();
                self.stamp(record, &mut bytes);
                Data::from(bytes)
            }
            Source::Buffer => {
                let mut buffer = IoBuffer::copy_of(&self.pattern);
                self.stamp(record, &mut buffer);
                Data::from(buffer)
            }
        }
    }

    /// Writes a record.
    pub fn update(&self, record: u64, epoch: u64, source: Source) -> Result<UpdateRequest> {
        let place = place(&self.setup, record)?;
        let data = self.data(record, source);
        let value = match place.extent {
            None => UpdateValue::Single(data),
            Some(extent) => UpdateValue::Array { record_size: 1, pieces: Few::from([(extent, data)]) },
        };
        Ok(UpdateRequest {
            container: self.container,
            object: place.object,
            epoch: Epoch(epoch),
            dkey: place.dkey,
            conditions: Conditions::NONE,
            akeys: Few::from([AkeyUpdate { akey: place.akey, value, conditions: Conditions::NONE }]),
        })
    }

    /// Reads a record.
    pub fn fetch(&self, record: u64) -> Result<FetchRequest> {
        let place = place(&self.setup, record)?;
        let what = place.extent.map_or(FetchWhat::Single, |extent| FetchWhat::Array(Few::from([extent])));
        Ok(FetchRequest {
            container: self.container,
            object: place.object,
            epoch: Epoch::MAX,
            dkey: place.dkey,
            akeys: Few::from([AkeyFetch { akey: place.akey, what, conditions: Conditions::NONE }]),
            size_only: false,
            conditions: Conditions::NONE,
        })
    }

    /// Looks at the bytes that a fetch gave: all are there, and they are those of the record.
    pub fn check(&self, record: u64, reply: &FetchReply) -> Result<()> {
        let bytes: &[u8] = match reply.akeys.first() {
            Some(Fetched::Single { data, .. }) => data,
            Some(Fetched::Array { pieces, .. }) => match pieces.first().map(|piece| &piece.content) {
                Some(Content::Data(data)) => data,
                _ => &[],
            },
            _ => &[],
        };
        let stamp = record.to_le_bytes();
        let is_stamped = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => (*first, *last) == (stamp, stamp),
            _ => *bytes == stamp[..bytes.len()],
        };
        if bytes.len() != self.setup.size || !is_stamped {
            fail!(Code::Io, "the store gave other bytes for record {record} than were written: {reply:?}");
        }
        Ok(())
    }
}
