//! Arrays, against a vector that does the same.

use crate::harness::*;
use daos_client::array::{Array, ArrayAttributes};
use daos_client::{Client, Destination, ObjectFlags, Source};
use daos_env::{Random, SeededRandom};
use daos_status::Code;
use daos_types::{Epoch, Extent, ObjectClass, ObjectId, ObjectType};

fn id(lo: u64, kind: ObjectType) -> ObjectId {
    Array::generate_id(ObjectId { hi: 0, lo }, kind, ObjectClass::SX)
}

#[test]
fn attributes_are_stored_once_and_found() {
    let rig = Rig::inside();
    let container = rig.container.clone();
    rig.run(move |client| async move {
        let (id, attributes) = (id(1, ObjectType::ARRAY), ArrayAttributes { cell_size: 4, chunk_size: 10 });
        let missing = Array::open(&client, &container, id, ObjectFlags::READ_WRITE).await;
        assert_eq!(code(missing), Some(Code::Nonexist));
        Array::create(&client, &container, id, attributes).await.unwrap();
        assert_eq!(code(Array::create(&client, &container, id, attributes).await), Some(Code::Exist));
        let array = Array::open(&client, &container, id, ObjectFlags::READ_WRITE).await.unwrap();
        assert_eq!(array.attributes(), attributes);
        assert_eq!(array.get_size(&client, Epoch::MAX).await.unwrap(), 0);
        array.destroy(&client).await.unwrap();
        assert_eq!(code(Array::open(&client, &container, id, ObjectFlags::READ_WRITE).await), Some(Code::Nonexist));
    });
}

/// An array and the vector that it must be like: `None` for cells that were never written.
struct Pair {
    array: Array,
    cells: Vec<Option<Vec<u8>>>,
    cell_size: usize,
}

impl Pair {
    async fn write(&mut self, client: &Client, ranges: &[Extent], seed: u64) {
        let cells: u64 = ranges.iter().map(|range| range.count()).sum();
        let bytes = pattern(cells as usize * self.cell_size, seed);
        self.array.write(client, ranges, Source::Owned(bytes.clone())).await.unwrap();
        let mut values = bytes.chunks(self.cell_size);
        for cell in ranges.iter().flat_map(|range| range.start()..range.end()) {
            if self.cells.len() <= cell as usize {
                self.cells.resize(cell as usize + 1, None);
            }
            self.cells[cell as usize] = values.next().map(<[u8]>::to_vec);
        }
    }

    async fn punch(&mut self, client: &Client, range: Extent) {
        self.array.punch(client, &[range]).await.unwrap();
        for cell in range.start()..range.end().min(self.cells.len() as u64) {
            self.cells[cell as usize] = None;
        }
        while self.cells.last() == Some(&None) {
            self.cells.pop();
        }
    }

    async fn set_size(&mut self, client: &Client, size: u64) {
        let grows = size as usize > self.cells.len();
        self.array.set_size(client, size).await.unwrap();
        self.cells.resize(size as usize, None);
        if size > 0 && (grows || self.cells[size as usize - 1].is_none()) {
            self.cells[size as usize - 1] = Some(vec![0; self.cell_size]);
        }
    }

    async fn check(&self, client: &Client, ranges: &[Extent]) {
        let size = self.array.get_size(client, Epoch::MAX).await.unwrap();
        assert_eq!(size, self.cells.len() as u64);
        let cells = || ranges.iter().flat_map(|range| range.start()..range.end());
        let total = cells().count() * self.cell_size;
        let read = self.array.read(client, Epoch::MAX, ranges, Destination::Owned(total as u64)).await.unwrap();
        let value = |cell: u64| self.cells.get(cell as usize).cloned().flatten().unwrap_or(vec![0; self.cell_size]);
        let expected: Vec<u8> = cells().flat_map(value).collect();
        assert_eq!(read.length as usize + read.short_cells as usize * self.cell_size, total);
        assert_eq!(read.bytes, expected[..read.length as usize]);
        let behind = cells().collect::<Vec<u64>>().iter().rev().take_while(|cell| **cell >= size).count();
        assert_eq!(read.short_cells, behind as u64, "of {ranges:?} in an array of {size}");
    }
}

fn range(random: &SeededRandom) -> Extent {
    let start = random.next_u64() % 300;
    extent(start, 1 + random.next_u64() % 60)
}

#[test]
fn random_work_gives_what_a_vector_gives() {
    let rig = Rig::inside();
    for (seed, cell_size, chunk_size) in [(1u64, 1usize, 16u64), (2, 3, 7), (3, 8, 1000), (4, 300, 64)] {
        let container = rig.container.clone();
        rig.run(move |client| async move {
            let attributes = ArrayAttributes { cell_size: cell_size as u64, chunk_size };
            let kind = if cell_size == 1 { ObjectType::ARRAY_BYTE } else { ObjectType::ARRAY };
            let array =
                Array::open_with_attributes(&container, id(10 + seed, kind), ObjectFlags::READ_WRITE, attributes);
            let mut pair = Pair { array: array.unwrap(), cells: Vec::new(), cell_size };
            let random = SeededRandom::new(seed);
            for step in 0..120 {
                match random.next_u64() % 10 {
                    0 => pair.punch(&client, range(&random)).await,
                    1 => pair.set_size(&client, random.next_u64() % 350).await,
                    2 => {
                        let first = range(&random);
                        let second = extent(first.end() + random.next_u64() % 20, 1 + random.next_u64() % 9);
                        pair.write(&client, &[first, second], step).await;
                    }
                    _ => pair.write(&client, &[range(&random)], step).await,
                }
                pair.check(&client, &[range(&random), range(&random)]).await;
                pair.check(&client, &[extent(0, 400)]).await;
            }
        });
    }
}

#[test]
fn large_arrays_go_over_all_targets_and_sparse_ones_are_cut_off() {
    let rig = Rig::inside();
    let container = rig.container.clone();
    rig.run(move |client| async move {
        let attributes = ArrayAttributes { cell_size: 1, chunk_size: 1 << 20 };
        let id = id(1, ObjectType::ARRAY_BYTE);
        let array = Array::open_with_attributes(&container, id, ObjectFlags::READ_WRITE, attributes).unwrap();
        let bytes = pattern((37 << 20) + 123, 5);
        let all = extent(1000, bytes.len() as u64);
        array.write(&client, &[all], Source::Owned(bytes.clone())).await.unwrap();
        let read = array.read(&client, Epoch::MAX, &[all], Destination::Owned(all.count())).await.unwrap();
        assert!(read.bytes == bytes && read.short_cells == 0);
        assert_eq!(array.get_size(&client, Epoch::MAX).await.unwrap(), all.end());

        // Sparse: a punch over 2^60 cells must not visit every chunk.
        array.write(&client, &[extent(1 << 60, 3)], Source::Owned(vec![1, 2, 3])).await.unwrap();
        assert_eq!(array.get_size(&client, Epoch::MAX).await.unwrap(), (1 << 60) + 3);
        array.set_size(&client, 5 << 20).await.unwrap();
        assert_eq!(array.get_size(&client, Epoch::MAX).await.unwrap(), 5 << 20);
        let read = array.read(&client, Epoch::MAX, &[all], Destination::Owned(all.count())).await.unwrap();
        assert!(read.bytes[..] == bytes[..(5 << 20) - 1000]);
        let stat = array.stat(&client, Epoch::MAX).await.unwrap();
        assert!(stat.size == 5 << 20 && stat.max_epoch > Epoch::ZERO);
        let last = extent(u64::MAX - 1, 1);
        array.write(&client, &[last], Source::Owned(vec![9])).await.unwrap();
        assert_eq!(array.get_size(&client, Epoch::MAX).await.unwrap(), u64::MAX);
        array.set_size(&client, 0).await.unwrap();
        assert_eq!(array.get_size(&client, Epoch::MAX).await.unwrap(), 0);
    });
}
