//! Owners, access control lists, eviction and lost clients, by the tools and by processes that hold handles.

mod support;

use serde_json::json;
use support::TestSystem;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn lists_are_shown_changed_and_read_from_the_files_that_were_written() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "128MiB"]);
    system.succeed(&["cont", "create", "tank", "home", "--user", "ann", "--group", "staff@"]);
    let list = system.response(&["pool", "get-acl", "tank"])["ACL"].clone();
    assert_eq!(list["entries"], json!(["A::OWNER@:rw", "A:G:GROUP@:rw"]));
    system.succeed(&["pool", "update-acl", "tank", "--entry", "A::bob@:r"]);
    let file = system.scratch("tank.acl");
    system.succeed(&["pool", "get-acl", "tank", "--file", text(&file)]);
    assert!(system.fail(&["pool", "get-acl", "tank", "--file", text(&file)]).contains("--force"));
    let written = std::fs::read_to_string(&file).expect("written");
    assert!(written.contains("# Entries:\nA::OWNER@:rw\nA::bob@:r\nA:G:GROUP@:rw\n"), "{written}");
    system.succeed(&["pool", "delete-acl", "tank", "--principal", "u:bob"]);
    system.succeed(&["pool", "overwrite-acl", "tank", "--acl-file", text(&file)]);
    let list = system.response(&["pool", "get-acl", "tank"])["ACL"].clone();
    assert_eq!(list["entries"].as_array().map(Vec::len), Some(3));
    system.succeed(&["pool", "set-owner", "tank", "--user", "olga", "--group", "olgas"]);
    assert_eq!(system.response(&["pool", "get-acl", "tank"])["ACL"]["owner_user"], "olga@");
    // The pool is not ours any more, but we administrate the system.
    assert!(system.fail(&["cont", "list", "tank"]).contains("DER_NO_PERM"));
    system.succeed(&["pool", "query", "tank"]);
    system.succeed(&["pool", "update-acl", "tank", "--entry", "A::EVERYONE@:rw"]);
    // Nor is the container: its list knows its owner and his group alone.
    assert!(system.fail(&["cont", "get-acl", "tank", "home"]).contains("DER_NO_PERM"));
    for bad in ["A::bob:r", "x", "A:G:OWNER@:r", "A::bob@:o"] {
        assert!(system.fail(&["pool", "update-acl", "tank", "--entry", bad]).contains("DER_INVAL"), "{bad}");
    }
}

#[test]
fn a_container_has_its_own_list() {
    let system = TestSystem::new().with_container();
    let list = system.response(&["cont", "get-acl", "tank", "home"]);
    assert_eq!(list["entries"], json!(["A::OWNER@:rwdtTaAo", "A:G:GROUP@:rwtT"]));
    system.succeed(&["cont", "update-acl", "tank", "home", "--entry", "A:G:readers@:rt"]);
    system.succeed(&["cont", "set-owner", "tank", "home", "--group", "crew"]);
    let list = system.response(&["cont", "get-acl", "tank", "home"]);
    assert_eq!(list["entries"][2], "A:G:readers@:rt");
    assert_eq!(list["owner_group"], "crew@");
    system.kill_engine();
    assert_eq!(system.response(&["cont", "get-acl", "tank", "home"]), list, "kept by the next engine");
    system.succeed(&["cont", "overwrite-acl", "tank", "home", "--entry", "A::OWNER@:r"]);
    assert!(system.fail(&["cont", "set-attr", "tank", "home", "a", "b"]).contains("DER_NO_PERM"));
}

#[test]
fn properties_of_pools_have_ranges_and_are_kept() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "128MiB", "--properties", "rd_fac:1,space_rb:5"]);
    system.succeed(&["pool", "set-prop", "tank", "label:depot,checkpoint:lazy,ec_cell_sz:128KiB"]);
    let value = |name: &str| system.response(&["pool", "get-prop", "depot", name])[0]["value"].clone();
    assert_eq!(value("rd_fac"), 1);
    assert_eq!(value("checkpoint"), "lazy");
    assert_eq!(value("ec_cell_sz"), 131_072);
    assert_eq!(value("checkpoint_freq"), 5);
    assert!(system.fail(&["pool", "set-prop", "depot", "rd_fac:2"]).contains("DER_NO_PERM"));
    assert!(system.fail(&["pool", "set-prop", "depot", "checkpoint_thresh:76"]).contains("DER_INVAL"));
    assert!(system.fail(&["pool", "get-prop", "tank"]).contains("DER_NONEXIST"));
}
