//! Every command on one engine: what it does, what it prints for people, and the objects that programs parse.

mod support;

use serde_json::{Value, json};
use support::{TestSystem, response};

fn object_of_failure(system: &TestSystem, words: &[&str]) -> Value {
    let output = system.daos(&[words, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stderr.is_empty(), "JSON alone: {output:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn pools_are_created_listed_queried_and_destroyed() {
    let system = TestSystem::new();
    let created = system.response(&["pool", "create", "tank", "--size", "1GiB"]);
    assert_eq!(
        (&created["label"], &created["svc_ldr"], &created["svc_reps"]),
        (&json!("tank"), &json!(0), &json!([0]))
    );
    let bytes: u64 = created["tier_bytes"].as_array().expect("tiers").iter().filter_map(Value::as_u64).sum();
    assert!(bytes <= 1 << 30 && bytes > (1 << 30) * 9 / 10, "{created}");
    system.succeed(&["pool", "create", "--size", "500MB"]);

    let listed = system.response(&["pool", "list"]);
    let pools = listed["pools"].as_array().expect("a list");
    assert_eq!(pools.len(), 2);
    let tank = pools.iter().find(|pool| pool["label"] == "tank").expect("it is listed");
    assert_eq!((&tank["uuid"], &tank["state"]), (&created["uuid"], &json!("Ready")));

    let queried = system.response(&["pool", "query", created["uuid"].as_str().expect("text")]);
    assert_eq!(queried["label"], "tank");
    for tier in queried["tier_stats"].as_array().expect("tiers") {
        assert!(tier["free"].as_u64() <= tier["total"].as_u64(), "{queried}");
    }
    let property = system.response(&["pool", "get-prop", "tank", "label"]);
    assert_eq!(property[0]["value"], "tank");

    assert!(system.succeed(&["pool", "list"]).contains("tank"));
    system.succeed(&["pool", "destroy", "tank"]);
    let failed = object_of_failure(&system, &["pool", "query", "tank"]);
    assert_eq!((&failed["response"], &failed["status"]), (&Value::Null, &json!(-1005)));
    assert!(failed["error"].as_str().expect("text").contains("'tank'"), "{failed}");
}

#[test]
fn targets_of_pools_and_releases_are_shown() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "500MB"]);
    let targets = system.response(&["pool", "query-targets", "tank", "--rank", "0"]);
    assert_eq!(targets.as_array().map(Vec::len), Some(2), "{targets}");
    let [meta, data] = [0, 1].map(|tier| targets[1]["space"][tier].clone());
    assert_eq!(
        (&targets[0]["target_state"], &meta["media_type"], &data["media_type"]),
        (&json!("up_in"), &json!("scm"), &json!("nvme"))
    );
    assert!(data["free"].as_u64() > Some(0) && data["free"].as_u64() <= data["total"].as_u64(), "{targets}");
    assert!(system.succeed(&["pool", "query-targets", "tank", "--rank", "0", "--target-idx", "1"]).contains("up_in"));
    assert!(system.fail(&["pool", "query-targets", "tank", "--rank", "7"]).contains("rank 7"));
    assert!(system.fail(&["pool", "query-targets", "tank", "--rank", "0", "--target-idx", "9"]).contains("DER_"));
    system.succeed(&["pool", "upgrade", "tank"]);
    assert!(system.fail(&["pool", "upgrade", "nowhere"]).contains("'nowhere'"));
    let version = system.response(&["server-version"]);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"), "{version}");

    // The same words of dmg, whose objects differ.
    let dmg = |words: &[&str]| {
        let output = system.program("dmg", &[words, &["--json"]].concat()).output().expect("the program runs");
        response(&String::from_utf8(output.stdout).expect("text"))
    };
    assert_eq!(dmg(&["pool", "query-targets", "tank", "--rank", "0"])["Infos"][1]["target_state"], "up_in");
    let leader = dmg(&["system", "leader-query"]);
    assert_eq!((&leader["replicas"][0], &leader["down_replicas"]), (&leader["current_leader"], &json!([])));
    assert!(dmg(&["config", "generate"])["config"].as_str().is_some_and(|text| text.contains("engines:")));
    system.succeed(&["cont", "create", "tank", "home"]);
    dmg(&["cont", "set-owner", "tank", "home", "--user", "ann@"]);
    // It is somebody else's now.
    assert!(system.fail(&["cont", "get-acl", "tank", "home"]).contains("permission"));
}

#[test]
fn objects_of_a_container_are_listed() {
    let system = TestSystem::new().with_container();
    let count = |epoch: &[&str]| {
        let listed = system.response(&[&["cont", "list-objects", "tank", "home"], epoch].concat());
        listed.as_array().expect("a list").len()
    };
    let before = count(&[]);
    assert!(before >= 1, "a superblock");
    let snapshot = system.response(&["cont", "create-snap", "tank", "home"])["epoch"].to_string();
    let file = system.scratch("file");
    std::fs::write(&file, "content").expect("writable");
    system.succeed(&["fs", "copy", file.to_str().expect("text"), "daos://tank/home/file"]);
    assert_eq!(count(&["--epc", &snapshot]), before);
    assert!(count(&[]) > before);
    let text = system.succeed(&["cont", "list-objects", "tank", "home"]);
    let first = text.lines().next().expect("one");
    assert!(system.succeed(&["obj", "query", "tank", "home", first]).contains("Class"), "{first}");
}

/// Scripts for upstream's tools are told what is not there, and what to do instead.
#[test]
fn commands_of_upstream_that_do_not_exist_are_explained() {
    let system = TestSystem::new();
    let sentence = system.fail(&["container", "clone", "--src", "/tank/home", "--dst", "/tank/copy"]);
    assert!(sentence.starts_with("daos: daos container clone does not exist in this release; "), "{sentence}");
    assert!(sentence.contains("daos filesystem copy") && sentence.contains("DER_NOSYS"), "{sentence}");
    let failed = object_of_failure(&system, &["health", "check"]);
    assert_eq!((&failed["response"], &failed["status"]), (&Value::Null, &json!(-1010)));
    assert!(!system.path().exists(), "no engine was started for it");
}

#[test]
fn snapshots_are_made_listed_gone_back_to_and_destroyed() {
    let system = TestSystem::new();
    system.succeed(&["pool", "create", "tank", "--size", "500MB"]);
    system.succeed(&["container", "create", "tank", "home"]);
    let of = |verb: &'static str, more: &[&'static str]| [&["container", verb, "tank", "home"], more].concat();
    assert!(system.succeed(&of("list-snap", &[])).contains("No snapshots"));
    let made = system.response(&of("create-snap", &["--snap", "first"]));
    assert_eq!(made["name"], "first");
    let second = system.response(&of("snap", &[]));
    assert!(second["epoch"].as_u64() > made["epoch"].as_u64() && second["name"].is_null());
    assert!(system.fail(&of("create-snap", &["-s", "first"])).contains("'first'"));
    assert_eq!(system.response(&of("list-snaps", &[])), json!([made, second]));
    let queried = system.response(&["container", "query", "tank", "home"]);
    assert_eq!((&queried["num_snapshots"], &queried["latest_snapshot"]), (&json!(2), &second["epoch"]));
    let sentence = system.fail(&of("rollback", &["--snap", "first"]));
    assert!(sentence.contains("destroy them first"), "{sentence}");
    let epoch = format!("{:#x}", second["epoch"].as_u64().expect("a number"));
    system.succeed(&["container", "destroy-snap", "tank", "home", "--epc", &epoch]);
    system.succeed(&of("rollback", &["--snap", "first"]));
    assert!(system.fail(&of("destroy-snap", &[])).contains("--epcrange"));
    assert!(system.fail(&of("destroy-snap", &["--snap", "nothing"])).contains("'nothing'"));
    system.succeed(&of("destroy-snap", &["--epcrange", "1-0xffffffffffffffff"]));
    assert_eq!(system.response(&of("list-snaps", &[])), json!([]));
}

#[test]
fn dmg_takes_the_lines_that_programs_of_upstream_call_it_with() {
    let system = TestSystem::new();
    let dmg = |words: &[&str]| {
        let output = system.program("dmg", words).output().expect("it runs");
        assert!(output.status.success(), "dmg {words:?}: {output:?}");
        response(&String::from_utf8(output.stdout).expect("text"))
    };
    let size = format!("--scm-size={}b", 256 << 20);
    let more = format!("--nvme-size={}b", 512 << 20);
    let line =
        ["-j", "-i", "pool", "create", "--user=me", "--group=us", &size, &more, "--nsvc=1", "--properties=label:tank"];
    let created = dmg(&line);
    assert_eq!(created["svc_reps"], json!([0]));
    assert_eq!(dmg(&["-j", "-i", "pool", "list"])["pools"][0]["uuid"], created["uuid"]);
    assert_eq!(dmg(&["pool", "get-prop", "tank", "svc_list", "-j"])[0]["value"], "[0]");
    dmg(&["-j", "-i", "pool", "destroy", created["uuid"].as_str().expect("text"), "--force"]);
    assert_eq!(dmg(&["-j", "pool", "list"])["pools"], json!([]));
}

#[test]
fn containers_are_created_listed_queried_changed_and_destroyed() {
    let system = TestSystem::new().with_container();
    let created = system.response(&["cont", "create", "tank", "plain", "--type", "hdf5"]);
    assert_eq!((&created["container_label"], &created["container_type"]), (&json!("plain"), &json!("HDF5")));
    let home = system.response(&["container", "query", "tank", "home"]);
    assert_eq!((&home["container_type"], &home["chunk_size"]), (&json!("POSIX"), &json!(1 << 20)));
    let listed = system.response(&["cont", "ls", "tank"]);
    let labels: Vec<&Value> = listed.as_array().expect("a list").iter().map(|entry| &entry["label"]).collect();
    assert_eq!(labels, ["home", "plain"]);

    system.succeed(&["cont", "set-prop", "tank", "plain", "label:fancy"]);
    let properties = system.response(&["cont", "get-prop", "tank", "fancy"]);
    assert_eq!((&properties[0]["name"], &properties[0]["value"]), (&json!("label"), &json!("fancy")));
    system.succeed(&["cont", "destroy", "tank", created["container_uuid"].as_str().expect("text")]);
    assert_eq!(system.response(&["cont", "list", "tank"]).as_array().map(Vec::len), Some(1));

    let sentence = system.fail(&["pool", "destroy", "tank"]);
    assert!(sentence.contains("1 container") && sentence.contains("--recursive"), "{sentence}");
    system.succeed(&["pool", "destroy", "tank", "--recursive"]);
    assert_eq!(system.response(&["pool", "list"])["pools"], json!([]));
}

#[test]
fn attributes_are_kept_for_pools_and_containers() {
    let system = TestSystem::new().with_container();
    for owner in [&["pool"][..], &["cont"]] {
        let words = |verb: &'static str, rest: &[&'static str]| -> Vec<&'static str> {
            let of: &[&str] = if owner == ["pool"] { &["pool", verb, "tank"] } else { &["cont", verb, "tank", "home"] };
            [of, rest].concat()
        };
        system.succeed(&words("set-attr", &["owner", "ann, the first"]));
        system.succeed(&words("set-attr", &["a:1,b:2"]));
        assert_eq!(system.response(&words("list-attr", &[])), json!(["a", "b", "owner"]));
        let one = system.response(&words("get-attr", &["owner"]));
        assert_eq!(one, json!({ "name": "owner", "value": "YW5uLCB0aGUgZmlyc3Q=" }));
        assert_eq!(system.response(&words("get-attr", &["a,b"])).as_array().map(Vec::len), Some(2));
        system.succeed(&words("del-attr", &["a,b"]));
        let sentence = system.fail(&words("get-attr", &["a"]));
        assert!(sentence.contains("'a'"), "{sentence}");
        assert!(system.succeed(&words("get-attr", &[])).contains("ann, the first"));
    }
}

#[test]
fn the_engine_is_seen_and_stopped_from_outside() {
    let system = TestSystem::new();
    assert_eq!(system.response(&["local", "status"])["running"], json!(false));
    assert!(!system.path().exists(), "looking makes nothing");
    assert_eq!(system.response(&["local", "stop"])["stopped"], json!(false));
    system.succeed(&["pool", "create", "tank", "--size", "1GiB"]);
    let engine = system.engine();
    assert_eq!(system.response(&["system", "query"])["engine_process"], json!(engine));
    assert_eq!(system.response(&["local", "stop"])["process"], json!(engine));
    assert!(!support::is_running(engine), "it is gone when the command returns");
    assert_eq!(system.running_engine(), None);
    assert_eq!(system.response(&["pool", "list"])["pools"][0]["label"], "tank");
    assert_ne!(system.engine(), engine);
}

#[test]
fn every_name_has_help_and_a_version() {
    let system = TestSystem::new();
    for name in ["daos", "dmg", "daos_server", "daos_agent"] {
        let run = |words: &[&str]| {
            let output = system.program(name, words).output().expect("it runs");
            assert!(output.status.success(), "{name} {words:?}: {output:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        let help = run(&["--help"]);
        for section in ["Usage:", "Examples:", "Exit status:"] {
            assert!(help.contains(section), "{name}: {section}");
        }
        assert_eq!(response(&run(&["version", "--json"]))["name"], name);
    }
}

#[test]
fn wrong_lines_end_with_status_2_in_both_forms() {
    let system = TestSystem::new();
    for words in
        [&["pool", "creat"][..], &["pool", "create", "--size", "10X"], &["cont", "query", "tank"], &["fs", "copy", "a"]]
    {
        let output = system.daos(words);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
        let output = system.daos(&[&["-j"], words].concat());
        assert_eq!((output.status.code(), output.stderr.len()), (Some(2), 0), "{output:?}");
        let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        assert_eq!(object["status"], json!(-1003));
    }
}
