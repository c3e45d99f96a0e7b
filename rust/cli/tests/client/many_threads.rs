//! Many threads of one process with one context.

use crate::harness::*;
use daos_types::{ObjectClass, ObjectType};
use std::sync::Arc;

const THREADS: u64 = 64;

fn work_of_many_threads(rig: Rig, calls: u64) {
    let rig = Arc::new(rig);
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let rig = rig.clone();
            std::thread::spawn(move || {
                let object = rig.object(thread % 5, ObjectType::MULTI_HASHED, ObjectClass::SX);
                for call in 0..calls {
                    let object = object.clone();
                    let size = [10usize, 3000, 20_000, 150_000][(call + thread) as usize % 4];
                    rig.run(move |client| async move {
                        let (dkey, bytes) = (format!("{thread}.{}", call % 7), pattern(size, thread * 1000 + call));
                        update(&client, &object, &dkey, vec![single("a", &bytes)]).await.unwrap();
                        let found = fetch(&client, &object, &dkey, fetch_single("a", Some(200_000))).await.unwrap();
                        assert!(found.bytes == bytes, "thread {thread} call {call}");
                    });
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn sixty_four_threads_write_and_read_inside() {
    work_of_many_threads(Rig::inside(), 20);
}

#[test]
fn sixty_four_threads_write_and_read_from_a_process() {
    work_of_many_threads(Rig::process(), 20);
}
