//! The devices of a store as bytes.

use daos_env::{Env, Executor, IoBuffer, ManualClock, SeededRandom};
use daos_media::{Media, MemoryMedia};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The devices by their names.
pub type Image = BTreeMap<String, Vec<u8>>;

/// What is written, or read, at once.
const PIECE: usize = 4 << 10;

pub fn executor() -> Executor {
    Executor::new(Arc::new(ManualClock::default()), Duration::ZERO).expect("eventfd")
}

pub fn environment() -> Env {
    Env { clock: Arc::new(ManualClock::default()), random: Arc::new(SeededRandom::new(1)) }
}

/// The bytes of all devices.
pub fn image_of(media: &MemoryMedia) -> Image {
    let mut image = Image::new();
    for name in media.list().expect("list") {
        let device = media.open(&name).expect("open");
        let length = device.capacity() as usize;
        let read = async move { device.read(0, length).await };
        image.insert(name, executor().block_on(read).expect("done").expect("read").to_vec());
    }
    image
}

/// What is written of an image, found once: a device with its size, and its pieces by their places.
pub struct Written(Vec<(String, u64, Pieces)>);

type Pieces = Vec<(usize, Vec<u8>)>;

/// A bit of a device.
#[derive(Clone, Copy, Debug)]
pub struct Bit<'a> {
    pub device: &'a str,
    pub byte: usize,
    pub bit: u64,
}

impl Written {
    pub fn of(image: &Image) -> Written {
        let pieces = |bytes: &[u8]| {
            let pieces = bytes.chunks(PIECE).enumerate().filter(|(_, piece)| piece.iter().any(|byte| *byte != 0));
            pieces.map(|(index, piece)| (index * PIECE, piece.to_vec())).collect()
        };
        Written(image.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64, pieces(bytes))).collect())
    }

    /// Devices with these bytes, but for one bit.
    pub fn media(&self, flipped: Option<Bit<'_>>) -> MemoryMedia {
        let media = MemoryMedia::new();
        let executor = executor();
        for (name, size, pieces) in &self.0 {
            let device = media.create(name, *size).expect("create");
            for (place, piece) in pieces {
                let mut piece = piece.clone();
                if let Some(Bit { byte, bit, .. }) = flipped.filter(|flipped| flipped.device == name)
                    && let Some(byte) = byte.checked_sub(*place).and_then(|byte| piece.get_mut(byte))
                {
                    *byte ^= 1 << bit;
                }
                let write = device.write(*place as u64, IoBuffer::copy_of(&piece));
                executor.block_on(async move { write.await.1 }).expect("done").expect("write");
            }
        }
        media
    }
}

/// Where something is written.
pub fn written(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(place, _)| place).collect()
}
