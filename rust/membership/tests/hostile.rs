//! Bytes that are no messages, or mean harm.

use daos_membership::{Member, Membership, MembershipSettings};
use daos_types::Rank;
use daos_wire::header::{self, Header, Kind};
use proptest::prelude::*;
use std::time::Duration;

fn member(rank: u32) -> Membership {
    let own = Member { rank: Rank(rank), incarnation: 5 };
    Membership::new(own, &MembershipSettings::default(), 7, Duration::ZERO)
}

/// Messages of all kinds that two members send each other.
fn messages() -> Vec<Vec<u8>> {
    let (mut one, mut two) = (member(1), member(2));
    two.meet(Duration::ZERO, &[one.own(), Member { rank: Rank(3), incarnation: 1 }]).expect("room");
    let mut all = Vec::new();
    for second in 0..40 {
        let now = Duration::from_millis(500 * second);
        one.tick(now);
        two.tick(now);
        for _ in 0..4 {
            while let Some(message) = one.take_message() {
                all.push(message.bytes.clone());
                two.receive(now, &message.bytes).expect("sense");
            }
            while let Some(message) = two.take_message() {
                all.push(message.bytes.clone());
                if message.to == Rank(1) {
                    one.receive(now, &message.bytes).expect("sense");
                }
            }
        }
    }
    all
}

fn seal(data: &[u8]) -> Vec<u8> {
    header::seal(Header::of(Kind::Membership), &[], data)
}

#[test]
fn golden_bytes() {
    let mut one = member(1);
    one.meet(Duration::ZERO, &[Member { rank: Rank(2), incarnation: 9 }]).expect("room");
    let first = one.take_message().expect("it greets");
    let (header, data) = header::open(&first.bytes, &[Kind::Membership]).expect("a message");
    assert_eq!(header, Header { body_length: data.len() as u32, ..Header::of(Kind::Membership) });
    let hex: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((first.to, hex.as_str()), (Rank(2), "010000000500000000000000000002000000090000000000000006"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(member(1).receive(Duration::ZERO, &bytes).is_err());
    }

    #[test]
    fn damage_is_noticed(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let all = messages();
        let mut bytes = all[pick.index(all.len())].clone();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(member(1).receive(Duration::ZERO, &bytes).is_err());
    }

    /// With a right checksum, as from somebody who means harm: errors or not, nobody panics, what is said and remembered is bounded.
    #[test]
    fn hostile_messages_do_no_harm(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..60),
        tails in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..1500), 0..4),
    ) {
        let all = messages();
        let mut one = member(1);
        one.meet(Duration::ZERO, &[Member { rank: Rank(2), incarnation: 9 }]).expect("room");
        let mut now = Duration::ZERO;
        for (pick, at, byte) in edits {
            let mut data = all[pick.index(all.len())][8..].to_vec();
            let at = at.index(data.len());
            data[at] = byte;
            for tail in &tails {
                let longer = [&data[..], tail].concat();
                let _either = one.receive(now, &seal(&longer));
            }
            let _either = one.receive(now, &seal(&data));
            now += Duration::from_millis(100);
            one.tick(now);
            let sent = std::iter::from_fn(|| one.take_message()).count();
            prop_assert!(sent < 200, "{} messages", sent);
            let _events = std::iter::from_fn(|| one.take_event()).count();
            prop_assert!(one.members().len() <= 8192);
        }
    }
}
