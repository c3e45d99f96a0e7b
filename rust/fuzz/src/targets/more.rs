//! Targets other than messages: what carries them, and texts and bytes that come from users, programs and media.

use super::messages::golden;
use crate::target::Target;
use daos_checksum::crc64;
use daos_media::{Arena, PAGE_SIZE, Redo};
use daos_membership::{Member, Membership, MembershipSettings};
use daos_placement::{NewRank, PoolMap, TargetEvent};
use daos_pool_service::RowKey;
use daos_replicated::parts::Assembler;
use daos_rpc::{Address, BulkDescriptor};
use daos_security::{AccessList, Entry, Permissions, Principal, list_from_text, list_to_text};
use daos_store::{Anchor, TreeAnchor};
use daos_types::{ObjectClass, Rank, Reference};
use daos_wire::header::{self, Header, Kind, finish, seal};
use std::time::Duration;

pub(super) fn targets() -> Vec<Target> {
    [transports(), systems(), maps(), security(), names(), stored()].into_iter().flatten().collect()
}

fn transports() -> Vec<Target> {
    use daos_rpc::fuzzing::*;
    vec![
        Target::new("rpc/frame", frame).seeded(frames()),
        Target::new("rpc/fragments", fragments).seeded(fragment_streams()).up_to(48 << 10),
        Target::new("rpc/memory_handshake", memory_handshake).seeded(memory_handshakes()),
        Target::of_text("rpc/address", |text| {
            if let Ok(address) = Address::parse(text) {
                assert_eq!(address.as_str(), text);
                assert!(address.alternatives().all(|one| Address::parse(one.as_str()).is_ok()));
            }
        })
        .seeded(["tcp://[fe80::1%3]:9", "shm://abc,tcp://1.2.3.4:5"])
        .with_words(&[b"://", b",", b"tcp", b"shm", b"inproc"]),
        Target::new("rpc/bulk_descriptor", |bytes| {
            if let Ok(descriptor) = BulkDescriptor::decode(bytes) {
                assert_eq!(descriptor.encode()[..], *bytes);
            }
        })
        .seeded([[1; 25], [0; 25], [2; 25]]),
    ]
}

/// A member that knows two others, and has been told what the bytes say.
fn membership(bytes: &[u8]) {
    let member = |rank| Member { rank: Rank(rank), incarnation: 5 };
    let mut one = Membership::new(member(1), &MembershipSettings::default(), 7, Duration::ZERO);
    if one.meet(Duration::ZERO, &[member(2), member(3)]).is_err() {
        return;
    }
    let mut repaired = bytes.to_vec();
    finish(&mut repaired);
    for bytes in [bytes, &repaired] {
        let _refused = one.receive(Duration::ZERO, bytes);
    }
    one.tick(Duration::from_secs(5));
    let mut messages = 0;
    while let Some(message) = one.take_message() {
        messages += 1;
        assert!(header::open(&message.bytes, &[Kind::Membership]).is_ok() && messages < 10_000);
    }
}

fn membership_seeds() -> Vec<Vec<u8>> {
    let member = |rank| Member { rank: Rank(rank), incarnation: 5 };
    let mut two = Membership::new(member(2), &MembershipSettings::default(), 8, Duration::ZERO);
    let mut all = vec![seal(Header::of(Kind::Membership), &[], b"")];
    if two.meet(Duration::ZERO, &[member(1), member(3)]).is_ok() {
        for second in 0..10 {
            two.tick(Duration::from_secs(second));
            while let Some(message) = two.take_message().filter(|_| all.len() < 20) {
                all.push(message.bytes);
            }
        }
    }
    all
}

/// Parts of replicas' messages, each with its length in two bytes before it.
fn parts(mut bytes: &[u8]) {
    let mut assembler = Assembler::default();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (part, rest) = rest.split_at(usize::from(u16::from_le_bytes(*length)).min(rest.len()));
        if let Ok(Some(message)) = assembler.take(part) {
            let _read = daos_wire::replicated::ReplicaMessage::from_bytes(&message);
        }
        bytes = rest;
    }
}

fn systems() -> Vec<Target> {
    let part = golden("ReplicaPart").concat();
    let one = [&(part.len() as u16).to_le_bytes()[..], &part].concat();
    vec![
        Target::new("membership/message", membership).seeded(membership_seeds()).allocating(4 << 20),
        Target::new("replicated/parts", parts).seeded([one.clone(), one.repeat(2)]),
        Target::new("client/global_handle", daos_client::fuzzing::global_handle)
            .seeded([daos_client::fuzzing::handle()]),
        Target::new("pool_service/row_key", |bytes| {
            if let Ok(key) = RowKey::from_bytes(bytes) {
                assert_eq!(key.to_bytes(), bytes);
            }
        })
        .seeded([b"s".to_vec(), [b"p", &[1; 16][..]].concat(), [b"j", &[1; 48][..]].concat()])
        .with_words(&[b"r", b"q", b"d", b"a", b"b", b"k", b"h", b"o", b"e", b"t", b"c"]),
    ]
}

fn map() -> PoolMap {
    let ranks: Vec<NewRank> =
        (0..6).map(|rank| NewRank { rank: Rank(rank), domains: vec![rank / 2], targets: 1 + rank % 3 }).collect();
    PoolMap::create(&ranks).expect("six ranks in three domains")
}

/// With the checksum that the bytes before it have.
fn with_crc(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.len().saturating_sub(8);
    [&bytes[..end], &crc64(&bytes[..end]).to_le_bytes()].concat()
}

fn maps() -> Vec<Target> {
    // A few bytes may stand for a million equal targets, which is what a map may have.
    const MAP_BYTES: usize = 256 << 20;
    let changed = map().change(&[1, 2], TargetEvent::Exclude).ok().flatten().expect("they were in use");
    let difference = changed.difference_since(map().version()).expect("it is newer");
    let old = map();
    vec![
        Target::new("placement/pool_map", |bytes| {
            for bytes in [bytes, &with_crc(bytes)] {
                if let Ok(map) = PoolMap::decode(bytes) {
                    assert_eq!(PoolMap::decode(&map.encode()).as_ref(), Ok(&map));
                }
            }
        })
        .seeded([map().encode(), changed.encode()])
        .allocating(MAP_BYTES),
        Target::new("placement/difference", move |bytes| {
            for bytes in [bytes, &with_crc(bytes)] {
                if let Ok(new) = old.apply(bytes) {
                    assert_eq!(PoolMap::decode(&new.encode()).as_ref(), Ok(&new));
                }
            }
        })
        .seeded([difference])
        .allocating(MAP_BYTES),
    ]
}

const ACCESS_WORDS: &[&[u8]] =
    &[b"A", b"G", b"S", b"F", b"P", b":", b"OWNER@", b"GROUP@", b"EVERYONE@", b"user@", b"rwcdtTaAo", b"#", b"\n"];

fn security() -> Vec<Target> {
    let list = AccessList::default_of_container();
    vec![
        Target::new("security/list", |bytes| {
            if let Ok(list) = AccessList::from_bytes(bytes) {
                assert_eq!(AccessList::from_bytes(&list.to_bytes()).as_ref(), Ok(&list));
            }
        })
        .seeded([list.to_bytes(), AccessList::default_of_pool().to_bytes()]),
        Target::of_text("security/entry_text", |text| {
            if let Ok(entry) = Entry::parse(text)
                && let Ok(again) = entry.to_text()
            {
                assert_eq!(Entry::parse(&again).as_ref(), Ok(&entry));
            }
            let _parsed = (Principal::parse(text), Permissions::from_letters(text));
        })
        .seeded(["A::OWNER@:rwdtTaAo", "A:G:readers@:r", "AL:SF:someone@:rw"])
        .with_words(ACCESS_WORDS),
        Target::of_text("security/list_text", |text| {
            if let Ok(list) = list_from_text(text) {
                let again = list_to_text(&list, None, false);
                assert_eq!(list_from_text(&again).as_ref(), Ok(&list));
            }
        })
        .seeded([list_to_text(&list, None, false), list_to_text(&list, None, true)])
        .with_words(ACCESS_WORDS),
    ]
}

fn names() -> Vec<Target> {
    vec![
        Target::of_text("types/reference", |text| {
            if let Ok(reference) = Reference::parse(text) {
                assert_eq!(Reference::parse(&reference.to_string()).as_ref(), Ok(&reference));
            }
        })
        .seeded(["label_1", "01010101-0101-0101-0101-010101010101"]),
        Target::of_text("types/object_class", |text| {
            if let Some(class) = ObjectClass::from_name(text) {
                assert!(ObjectClass::from_name(&class.to_string()).is_some());
            }
        })
        .seeded(["S1", "SX", "RP_2G1", "EC_4P2GX"])
        .with_words(&[b"RP_", b"EC_", b"GX", b"G1", b"S", b"P"]),
        Target::of_text("wire/control_port", |text| {
            let full = daos_wire::with_control_port(text, 10001);
            // What is no name and no address gets a port that does not help it.
            if !text.contains(['[', ']']) {
                assert_eq!(daos_wire::with_control_port(&full, 7), full);
            }
        })
        .seeded(["a", "[::1]:7", "::1", "1.2.3.4"])
        .with_words(&[b":", b"[", b"]"]),
        Target::of_text("wire/error_file", |text| {
            if let Some(status) = daos_wire::local_directory::error_of_file_text(text) {
                let again = daos_wire::local_directory::error_file_text(&status);
                assert_eq!(
                    daos_wire::local_directory::error_of_file_text(&again).map(|s| s.code()),
                    Some(status.code())
                );
            }
        })
        .seeded(["-1007 no space\n"]),
        Target::new("dfs/path", |bytes| {
            if let Some((directory, name)) = daos_dfs::split_path(bytes) {
                assert!(directory.len() + name.len() <= bytes.len());
                let _checked = daos_dfs::check_name(name);
            }
        })
        .seeded([&b"/a/b"[..], b"a//b/", b"/"])
        .with_words(&[b"/", b"..", b"."]),
    ]
}

/// A redo record on an arena of two pages.
fn redo(bytes: &[u8]) {
    if let Ok(arena) = Arena::reserve(2 * PAGE_SIZE as u64) {
        let _refused = Redo::replay(bytes, &arena);
    }
}

fn stored() -> Vec<Target> {
    vec![
        Target::new("dfs/inode", daos_dfs::fuzzing::inode).seeded([daos_dfs::fuzzing::stored_inode()]),
        Target::new("dfs/superblock", daos_dfs::fuzzing::superblock).seeded([daos_dfs::fuzzing::stored_superblock()]),
        Target::new("media/redo", redo).seeded([&[0, 3, 1, 2, 3, 5, 1, 9][..], &[8, 0]]).allocating(1 << 20),
        Target::new("store/anchor", |bytes| {
            if let Ok(anchor) = Anchor::decode(bytes) {
                assert_eq!(anchor.encode(), bytes);
            }
        })
        .seeded([Anchor::Start.encode(), Anchor::End.encode(), vec![2; 30], vec![3; 21]]),
        Target::new("store/tree_anchor", |bytes| {
            if let Ok(anchor) = TreeAnchor::decode(bytes) {
                assert_eq!(TreeAnchor::decode(&anchor.encode()).map(|again| again.encode()), Ok(anchor.encode()));
            }
        })
        .seeded([TreeAnchor::Start.encode(), TreeAnchor::End.encode()]),
    ]
}
