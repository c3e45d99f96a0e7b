use super::*;
use daos_status::Code;
use proptest::prelude::*;

fn list(texts: &[&str]) -> AccessList {
    AccessList::parse(texts.iter().copied()).expect("valid")
}

fn user(name: &str, groups: &[&str]) -> Credentials {
    let mut groups = groups.iter().map(ToString::to_string);
    Credentials { user: name.into(), group: groups.next().unwrap_or_default(), groups: groups.collect() }
}

fn owner() -> Ownership {
    Ownership { user: "olga@".into(), group: "staff@".into() }
}

#[test]
fn entries_have_their_texts() {
    for (text, words) in [
        ("A::OWNER@:rw", "Allow::Owner:Read/Write"),
        ("A:G:GROUP@:rwtT", "Allow:Group:Owner-Group:Read/Write/Get-Prop/Set-Prop"),
        ("A::EVERYONE@:", "Allow::Everyone:No-Access"),
        ("A::bob@:r", "Allow::bob@:Read"),
        ("A:GP:readers@site:cd", "Allow:Group/Pool-Inherit:readers@site:Create-Container/Delete-Container"),
        ("AUL:FS:eve@:aAo", "Allow/Audit/Alarm:Access-Failure/Access-Success:eve@:Get-ACL/Set-ACL/Set-Owner"),
    ] {
        let entry = Entry::parse(text).expect(text);
        assert_eq!(entry.to_text().as_deref(), Ok(text));
        assert_eq!(entry.to_words().as_deref(), Ok(words));
        let bytes = entry.to_bytes();
        assert_eq!(Entry::from_bytes(&bytes), Ok((entry, bytes.len())));
    }
    // Letters in any order, and twice.
    assert_eq!(Entry::parse("A::bob@:wrwr").and_then(|entry| entry.to_text()).as_deref(), Ok("A::bob@:rw"));
}

#[test]
fn hostile_texts_are_refused() {
    let long = format!("A::{}@:r", "x".repeat(255));
    let colons = ":".repeat(100_000);
    for text in [
        "",
        "A",
        "A::",
        "A::OWNER@",
        "A::OWNER@:rw:",
        ":::",
        "::OWNER@:r",
        "B::OWNER@:r",
        "A:X:OWNER@:r",
        "A:G:OWNER@:r",
        "A::GROUP@:r",
        "A:G:EVERYONE@:r",
        "A::bob:r",
        "A::@bob:r",
        "A::b@b@:r",
        "A::OWNER@:x",
        "U::OWNER@:r",
        "A:F:OWNER@:r",
        "A::\u{7}@:r",
        "A::bob\n@:r",
        "a::OWNER@:r",
        "A::OWNER@:r ",
        &long,
        &colons,
    ] {
        assert_eq!(Entry::parse(text).map_err(|status| status.code()), Err(Code::Inval), "{:.40}", text);
    }
    for text in ["", "OWNER", "u:", "g:", "u:bob", "x:bob@", "bob@", "u:a:b@", "owner@"] {
        assert_eq!(Principal::parse(text).map_err(|status| status.code()), Err(Code::Inval), "{text}");
    }
    assert_eq!(Principal::parse("g:staff@"), Ok(Principal::Group("staff@".into())));
}

#[test]
fn lists_are_in_order_and_have_nobody_twice() {
    let sorted = list(&["A::EVERYONE@:r", "A:G:b@:r", "A::z@:r", "A::a@:w", "A:G:GROUP@:r", "A::OWNER@:rw"]);
    let texts: Vec<String> = sorted.entries().iter().map(ToString::to_string).collect();
    let expected = ["A::OWNER@:rw", "A::z@:r", "A::a@:w", "A:G:GROUP@:r", "A:G:b@:r", "A::EVERYONE@:r"];
    assert_eq!(texts, expected);
    assert!(AccessList::parse(["A::a@:r", "A::a@:w"]).is_err());
    // A user and a group may have the same name.
    assert!(AccessList::parse(["A::a@:r", "A:G:a@:w"]).is_ok());
    let mut changed = sorted.clone();
    changed.update(&list(&["A::a@:", "A::m@:r"])).expect("fits");
    let texts: Vec<String> = changed.entries().iter().map(ToString::to_string).collect();
    assert_eq!(texts[1..4], ["A::z@:r", "A::a@:", "A::m@:r"]);
    changed.remove(&Principal::User("m@".into())).expect("is there");
    assert_eq!(changed.remove(&Principal::User("m@".into())).map_err(|status| status.code()), Err(Code::Nonexist));
    assert!(sorted.check_permissions(Permissions::POOL, "a pool").is_ok());
    assert!(list(&["A::OWNER@:rwo"]).check_permissions(Permissions::POOL, "a pool").is_err());
}

#[test]
fn lists_have_these_bytes() {
    let bytes = list(&["A::bob@:r", "A:G:GROUP@:rw"]).to_bytes();
    let golden = [
        &[1u8, 0, 0, 0, 72, 0, 0, 0][..],
        &[1, 1, 8, 0, 0, 0, 0, 0],
        &1u64.to_le_bytes(),
        &[0; 16],
        b"bob@\0\0\0\0",
        &[1, 2, 0, 0, 1, 0, 0, 0],
        &3u64.to_le_bytes(),
        &[0; 16],
    ]
    .concat();
    assert_eq!(bytes, golden);
    // In the wrong order, cut, too long, of another version.
    let reversed = [&golden[..8], &golden[48..], &golden[8..48]].concat();
    assert!(AccessList::from_bytes(&reversed).is_err());
    for length in 0..golden.len() {
        assert!(AccessList::from_bytes(&golden[..length]).is_err(), "{length}");
    }
    assert!(AccessList::from_bytes(&[&golden[..], &[0; 8]].concat()).is_err());
    let mut other = golden;
    other[0] = 2;
    assert!(AccessList::from_bytes(&other).is_err());
}

#[test]
fn the_first_match_counts() {
    let everything = list(&["A::OWNER@:r", "A::olga@:rw", "A::bob@:", "A:G:GROUP@:r", "A:G:ops@:w", "A::EVERYONE@:t"]);
    let may = |who: &Credentials| permissions_of_user(&everything, &owner(), who, Permissions::NONE).to_string();
    assert_eq!(may(&user("olga@", &["ops@"])), "r", "the owner's entry comes before the name");
    assert_eq!(may(&user("bob@", &["staff@"])), "", "a name comes before groups");
    assert_eq!(may(&user("ann@", &["x@", "staff@", "ops@"])), "rw", "groups unite");
    assert_eq!(may(&user("ann@", &["x@"])), "t");
    assert_eq!(may(&user("", &[])), "t");
    let few = list(&["A::olga@:w"]);
    assert_eq!(permissions_of_user(&few, &owner(), &user("olga@", &[]), Permissions::NONE).to_string(), "w");
    assert_eq!(permissions_of_user(&few, &owner(), &user("ann@", &[]), Permissions::NONE), Permissions::NONE);
    // Who has no name is not the owner of what has none.
    let nobody = permissions_of_user(&list(&["A::OWNER@:r"]), &Ownership::default(), &user("", &[]), Permissions::ALL);
    assert_eq!(nobody, Permissions::NONE);
}

#[test]
fn handles_get_what_their_flags_ask_for() {
    let pool = list(&["A::OWNER@:rw", "A::ann@:r", "A::tim@:t", "A::wes@:w", "A::EVERYONE@:rc"]);
    let may = |name: &str, read_only| pool_capabilities(&pool, &owner(), &user(name, &[]), read_only).to_string();
    assert_eq!((may("olga@", false).as_str(), may("olga@", true).as_str()), ("rwcdt", "rt"));
    assert_eq!((may("ann@", false).as_str(), may("ann@", true).as_str()), ("", "rt"));
    assert_eq!((may("tim@", false).as_str(), may("tim@", true).as_str()), ("", "t"));
    assert_eq!((may("wes@", false).as_str(), may("wes@", true).as_str()), ("", ""));
    assert_eq!((may("eve@", false).as_str(), may("eve@", true).as_str()), ("rct", "rt"));
    let container = list(&["A::OWNER@:", "A::ann@:rt", "A::tim@:tT", "A::wes@:w", "A::del@:rd"]);
    let may = |name: &str, read_only| container_capabilities(&container, &owner(), &user(name, &[]), read_only);
    assert_eq!(may("olga@", false).to_string(), "aA", "an owner who locked the door can open it again");
    assert_eq!(may("ann@", false), Permissions::NONE);
    assert_eq!(may("ann@", true).to_string(), "rt");
    assert_eq!(may("tim@", false).to_string(), "tT");
    assert_eq!((may("wes@", false), may("wes@", true)), (Permissions::NONE, Permissions::NONE));
    assert_eq!(may("del@", false), Permissions::NONE, "to destroy a container does not need a handle of it");
    assert_eq!(may("del@", true).to_string(), "r");
    let (delete, nobody) = (Permissions::DELETE_CONTAINER, Permissions::READ);
    assert!(pool_handle_may_delete(delete, &container, &owner(), &user("eve@", &[])));
    assert!(!pool_handle_may_delete(nobody, &container, &owner(), &user("eve@", &[])));
    let default = AccessList::default_of_container();
    assert!(pool_handle_may_delete(nobody, &default, &owner(), &user("olga@", &[])));
    assert!(!pool_handle_may_delete(nobody, &default, &owner(), &user("x@", &["staff@"])));
}

#[test]
fn files_are_read_as_they_are_written() {
    let entries = list(&["A::OWNER@:rw", "A:G:GROUP@:rw", "A::bob@:r"]);
    let text = list_to_text(&entries, Some(&owner()), false);
    let expected = "# Owner: olga@\n# Owner-Group: staff@\n# Entries:\nA::OWNER@:rw\nA::bob@:r\nA:G:GROUP@:rw\n";
    assert_eq!(text, expected);
    assert_eq!(list_from_text(&text), Ok(entries.clone()));
    assert_eq!(list_from_text(&list_to_text(&entries, None, true)), Ok(entries));
    assert_eq!(list_from_text("\n # x\n\n"), Ok(AccessList::default()));
    assert_eq!(list_to_text(&AccessList::default(), None, true), "# Entries:\n#   None\n");
    let status = list_from_text("# a\nA::OWNER@:rw\nnonsense").expect_err("no entry");
    assert!(status.context().contains("line 3"), "{status}");
    assert!(list_from_text(&"\n".repeat(20_000)).is_err());
}

#[test]
fn a_list_has_a_bound() {
    let mut full = AccessList::default();
    let status = (0..10_000)
        .find_map(|number| full.set(Entry::allow(Principal::User(format!("user{number}@")), Permissions::READ)).err());
    assert_eq!(status.map(|status| status.code()), Some(Code::Inval));
}

fn entry() -> impl Strategy<Value = Entry> {
    let name = "[a-z]{1,20}@[a-z]{0,5}";
    let principal = prop_oneof![
        Just(Principal::Owner),
        Just(Principal::OwnerGroup),
        Just(Principal::Everyone),
        name.prop_map(Principal::User),
        name.prop_map(Principal::Group),
    ];
    (principal, 0u64..512).prop_map(|(principal, bits)| Entry::allow(principal, Permissions(bits)))
}

proptest! {
    #[test]
    fn lists_round_trip(entries in proptest::collection::vec(entry(), 0..20)) {
        let mut made = AccessList::default();
        for entry in entries {
            made.set(entry)?;
        }
        prop_assert_eq!(AccessList::from_bytes(&made.to_bytes()), Ok(made.clone()));
        prop_assert_eq!(list_from_text(&list_to_text(&made, None, true)), Ok(made.clone()));
        prop_assert_eq!(AccessList::new(made.entries().to_vec()), Ok(made));
    }

    #[test]
    fn random_bytes_and_texts_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,60}") {
        let _ = AccessList::from_bytes(&bytes);
        let _ = Entry::from_bytes(&bytes);
        let _ = Entry::parse(&text);
        let _ = Principal::parse(&text);
        let _ = list_from_text(&text);
    }

    #[test]
    fn damaged_lists_give_valid_lists_or_errors(position in 0usize..200, value in any::<u8>()) {
        let mut bytes = list(&["A::OWNER@:rw", "A::bob@:r", "AU:GS:ops@site:w", "A::EVERYONE@:"]).to_bytes();
        let position = position % bytes.len();
        bytes[position] = value;
        if let Ok(read) = AccessList::from_bytes(&bytes) {
            prop_assert_eq!(AccessList::from_bytes(&read.to_bytes()), Ok(read));
        }
    }
}
