//! Object classes that a user has registered.

mod common;

use common::{class, map, object, ranks};
use daos_placement::{Classes, Layout, Shape, place, place_into};
use daos_status::Code;
use daos_types::{GroupCount, ObjectClass, Redundancy};

#[test]
fn registered_classes_are_placed_by_their_shape() {
    let map = map(&ranks(0, &[4; 12]));
    let mut classes = Classes::default();
    let own = ObjectClass(200 << 24 | 3);
    let shape = Shape { redundancy: Redundancy::ErasureCode { data: 6, parity: 3 }, groups: GroupCount::Exactly(3) };
    let id = object(7, own);
    assert_eq!(place(&map, id).map_err(|error| error.code()).err(), Some(Code::Notype));
    assert_eq!(classes.shape(id).map_err(|error| error.code()).err(), Some(Code::Notype));
    classes.register(own, shape).expect("nobody has it");
    classes.register(own, shape).expect("the same again");
    let mut layout = Layout::new();
    place_into(&map, id, classes.shape(id).expect("registered"), &mut layout).expect("it fits");
    assert_eq!((layout.groups(), layout.group_size(), layout.shards().len()), (3, 9, 27));
    assert_eq!(classes.shape(object(1, class("S2"))), Shape::of(object(1, class("S2"))));
}

#[test]
fn classes_that_are_taken_or_none_are_refused() {
    let mut classes = Classes::default();
    let groups = GroupCount::Exactly(1);
    let shape = Shape { redundancy: Redundancy::Replicas(3), groups };
    assert_eq!(classes.register(class("RP_3G1"), shape).map_err(|error| error.code()), Err(Code::Inval));
    let own = ObjectClass(201 << 24 | 1);
    for none in [
        Shape { redundancy: Redundancy::Replicas(0), groups },
        Shape { redundancy: Redundancy::Replicas(129), groups },
        Shape { redundancy: Redundancy::None, groups: GroupCount::Exactly(0) },
    ] {
        assert_eq!(classes.register(own, none).map_err(|error| error.code()), Err(Code::Inval));
        assert!(place_into(&map(&ranks(0, &[200])), object(1, own), none, &mut Layout::new()).is_err());
    }
    classes.register(own, shape).expect("nobody has it");
    let other = Shape { redundancy: Redundancy::Replicas(4), groups };
    assert_eq!(classes.register(own, other).map_err(|error| error.code()), Err(Code::Exist));
}
