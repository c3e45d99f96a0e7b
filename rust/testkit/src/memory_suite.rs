//! What every implementation of [`PersistentMemory`] must do.

use daos_media::{BLOCK_SIZE, Media, PersistentMemory};
use daos_status::{Code, Result};
use std::rc::Rc;

const BLOCK: u64 = BLOCK_SIZE as u64;

/// Runs the suite. `open` gives the same, initially empty, media each time; it is opened again after the first was dropped.
///
/// # Panics
/// When the implementation does not do what it must.
pub fn check_memory(open: &dyn Fn() -> Rc<dyn Media>) {
    let media = open();
    check_names(&*media);
    let memory = media.create_memory("memory", 64 * BLOCK).expect("the name is free");
    assert!(!memory.name().is_empty() && !memory.how().is_empty());
    assert_eq!(memory.length(), 64 * BLOCK);
    check_bounds(&*memory);
    check_bytes(&*memory);
    drop((memory, media));
    let media = open();
    let memory = media.open_memory("memory").expect("it was made");
    assert_eq!(memory.length(), 64 * BLOCK);
    let mut bytes = [0; 3];
    memory.read(BLOCK - 1, &mut bytes).expect("read");
    assert_eq!(bytes, [7, 8, 9], "what was drained is there when it is opened again");
    memory.flush(0, 64 * BLOCK).expect("flush");
    memory.drain().expect("drain");
    media.remove("memory").expect("remove");
    memory.read(BLOCK - 1, &mut bytes).expect("what is open stays usable");
    assert!(!media.exists("memory").expect("exists"));
}

fn code_of<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|status| status.code())
}

fn check_names(media: &dyn Media) {
    assert_eq!(code_of(media.open_memory("m")), Some(Code::Nonexist));
    media.create_memory("m", BLOCK).expect("create");
    media.create("d", BLOCK).expect("create");
    assert_eq!(media.list().expect("list"), ["d", "m"]);
    assert!(media.exists("m").expect("exists"));
    assert_eq!(code_of(media.create_memory("m", BLOCK)), Some(Code::Exist));
    assert_eq!(code_of(media.create_memory("d", BLOCK)), Some(Code::Exist));
    assert_eq!(code_of(media.create("m", BLOCK)), Some(Code::Exist));
    for size in [0, 1, BLOCK + 1, u64::MAX] {
        assert_eq!(code_of(media.create_memory("n", size)), Some(Code::Inval), "{size}");
    }
    for name in ["", "..", "a/b"] {
        assert_eq!(code_of(media.create_memory(name, BLOCK)), Some(Code::Inval), "{name:?}");
        assert_eq!(code_of(media.open_memory(name)), Some(Code::Inval), "{name:?}");
    }
    let folder = media.folder("f").expect("folder");
    folder.create_memory("m", BLOCK).expect("create");
    media.remove_folder("f").expect("remove");
    let again = media.folder("f").expect("folder");
    assert_eq!(code_of(again.open_memory("m")), Some(Code::Nonexist));
    media.remove_folder("f").expect("remove");
    media.remove("m").expect("remove");
    media.remove("d").expect("remove");
    assert_eq!(code_of(media.open_memory("m")), Some(Code::Nonexist));
}

fn check_bounds(memory: &dyn PersistentMemory) {
    let end = memory.length();
    for position in [end, end - 1, u64::MAX, u64::MAX - 1] {
        assert_eq!(code_of(memory.read(position, &mut [0; 2])), Some(Code::Inval), "{position}");
        assert_eq!(code_of(memory.store(position, &[0; 2])), Some(Code::Inval), "{position}");
        assert_eq!(code_of(memory.flush(position, 2)), Some(Code::Inval), "{position}");
    }
    assert!(memory.view(end + 1).is_err());
    memory.store(end, &[]).expect("nothing is stored at the end");
    memory.flush(end, 0).expect("nothing is flushed at the end");
    memory.drain().expect("drain");
}

fn check_bytes(memory: &dyn PersistentMemory) {
    let mut bytes = vec![1; memory.length() as usize];
    memory.read(0, &mut bytes).expect("read");
    assert!(bytes.iter().all(|byte| *byte == 0), "new memory is zeros");
    for (position, length) in [(0, 1), (63, 2), (64, 64), (4095, 4098), (65, 3000)] {
        let stored: Vec<u8> = (0..length).map(|index| (index + position) as u8 | 1).collect();
        memory.store(position, &stored).expect("store");
        bytes[position as usize..position as usize + stored.len()].copy_from_slice(&stored);
    }
    memory.drain().expect("drain");
    let mut read = vec![0; bytes.len()];
    memory.read(0, &mut read).expect("read");
    assert!(read == bytes, "reads give what was stored, and nothing else changed");
    memory.store(BLOCK - 1, &[7, 8, 9]).expect("store");
    memory.drain().expect("drain");
}
