//! Upstream's commands that do not exist here, and what to do instead: whoever knows upstream's words, or has them in a script, is told why.

use crate::failure::Failure;
use daos_status::Code;
use std::ffi::OsString;

/// A program, the first words of its commands, and what to say.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("dmg", "storage format", "storage needs no format: 'daos_server start' makes what it needs in its directory"),
    ("dmg", "storage query list-devices", STORAGE),
    ("dmg", "storage query list-pools", STORAGE),
    ("dmg", "storage nvme-rebind", STORAGE),
    ("dmg", "storage nvme-add-device", STORAGE),
    ("dmg", "storage set", STORAGE),
    ("dmg", "storage replace", STORAGE),
    ("dmg", "storage led", STORAGE),
    ("dmg", "pool rebuild", REBUILD),
    ("dmg", "system rebuild", REBUILD),
    ("dmg", "system self-heal", "ranks that died are excluded without being asked; 'dmg system query' shows them"),
    (
        "dmg",
        "system erase",
        "stop the engines and remove their directories, which 'storage' in the file of settings names",
    ),
    (
        "dmg",
        "system cleanup",
        "handles of a client that is gone are released by themselves; 'dmg pool evict' closes others",
    ),
    ("dmg", "system set-attr", ATTRIBUTES),
    ("dmg", "system get-attr", ATTRIBUTES),
    ("dmg", "system del-attr", ATTRIBUTES),
    (
        "dmg",
        "system set-prop",
        "properties of the system cannot be set in this release; 'dmg system get-prop' shows them",
    ),
    (
        "dmg",
        "check",
        "engines check what they read by its checksums, and their metadata when they start; a scrubber reads all (property 'scrub' of pools)",
    ),
    ("dmg", "faults", FAULTS),
    ("dmg", "support", SUPPORT),
    (
        "dmg",
        "telemetry config",
        "an engine with a telemetry port serves Prometheus as it is; 'telemetry_port' in the file of settings opens it",
    ),
    ("dmg", "manpage", "'dmg help COMMAND' is the manual"),
    ("daos_server", "scm", STORAGE),
    ("daos_server", "nvme", STORAGE),
    ("daos_server", "storage", STORAGE),
    (
        "daos_server",
        "ms",
        "engines that keep the metadata find each other when they start; 'dmg system leader-query' shows them",
    ),
    ("daos_server", "support", SUPPORT),
    (
        "daos_server",
        "dump-topology",
        "'lstopo' of hwloc shows the topology of a machine, 'daos_server network scan' its network",
    ),
    ("daos_server", "manpage", "'daos_server help COMMAND' is the manual"),
    ("daos", "manpage", "'daos help COMMAND' is the manual"),
    ("daos", "faults", FAULTS),
    ("daos", "health check", "'daos system query', 'daos pool query' and 'daos container query' show what there is"),
    ("daos", "health net-test", "'fi_pingpong' of libfabric measures a network"),
    (
        "daos",
        "pool autotest",
        "'daos pool query' shows whether a pool serves; examples_c/ has programs that write and read",
    ),
    ("daos", "container stat", "'daos container query' shows what a container is"),
    (
        "daos",
        "container clone",
        "make a container and copy into it: 'daos filesystem copy daos://POOL/FROM daos://POOL/TO'",
    ),
    (
        "daos",
        "container check",
        "what is read is checked by its checksums, and a scrubber reads all (property 'scrub' of pools)",
    ),
    (
        "daos",
        "container evict",
        "'dmg pool evict POOL' closes the handles of a pool, and with them those of its containers",
    ),
    ("daos", "filesystem fix-sb", FILESYSTEM),
    ("daos", "filesystem fix-root", FILESYSTEM),
    ("daos", "filesystem fix-entry", FILESYSTEM),
    ("daos", "filesystem reset-attr", LAYOUT),
    ("daos", "filesystem reset-chunk-size", LAYOUT),
    ("daos", "filesystem reset-oclass", LAYOUT),
    ("daos", "filesystem query", "dfuse has no such counters; 'dmg telemetry metrics query' shows those of engines"),
    (
        "daos",
        "filesystem evict",
        "dfuse forgets what it has cached by itself, after the times that the container's attributes give (dfuse-attr-time and others: 'daos container get-attr')",
    ),
    ("daos", "filesystem scan", "'du' and 'find' on a mount of dfuse count files"),
    ("daos", "filesystem chmod", "'chmod' on a mount of dfuse changes modes"),
];

const STORAGE: &str = "engines keep everything in files of their directories, and have no devices of their own to manage; 'dmg storage scan' \
                       shows what they store on, 'dmg storage query usage' how full that is";
const SUPPORT: &str =
    "the log of an engine is engine.log in its directory; 'dmg system query --verbose' tells what ails ranks";
const REBUILD: &str =
    "this release does not rebuild; 'dmg pool drain' and 'dmg pool reintegrate' change which targets are used";
const ATTRIBUTES: &str =
    "the system has no attributes; pools ('dmg pool set-attr') and containers ('daos container set-attr') have";
const FAULTS: &str = "releases inject no faults; the simulator of the sources does (cargo xtask soak cluster)";
const FILESYSTEM: &str =
    "what a crash can leave of a POSIX container is found, and taken away, by 'daos filesystem check'";
const LAYOUT: &str =
    "'daos filesystem set-attr' decides the class and the size of chunks of what is made in a directory";

/// Short forms of words.
const ALIASES: &[(&str, &str)] = &[
    ("fs", "filesystem"),
    ("cont", "container"),
    ("srv", "server"),
    ("telem", "telemetry"),
    ("sto", "storage"),
    ("sys", "system"),
    ("net", "network"),
    ("supp", "support"),
    ("cfg", "config"),
];

/// What to say about words that are no command line here, if they are one of upstream.
pub fn explain(program: &str, words: &[OsString]) -> Option<Failure> {
    let plain = words.iter().skip(1).filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-'));
    let full = |word: &str| {
        ALIASES.iter().find(|(short, _)| *short == word).map_or(word.to_owned(), |(_, full)| (*full).to_owned())
    };
    let line = plain.map(full).collect::<Vec<_>>().join(" ") + " ";
    let (_, command, instead) = COMMANDS.iter().find(|(name, command, _)| {
        *name == program && line.strip_prefix(command).is_some_and(|rest| rest.starts_with(' '))
    })?;
    Some(Failure::new(Code::Nosys, format!("{program} {command} does not exist in this release; {instead}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{DaosArguments, DmgArguments, ServerArguments};
    use clap::{Command, CommandFactory};

    /// Upstream's commands of 2.8, those of its debugging builds among them.
    const UPSTREAM: &[(&str, &str)] = &[
        (
            "dmg",
            "check enable,check disable,check start,check stop,check query,check set-policy,check get-policy,check repair",
        ),
        (
            "dmg",
            "config generate,container set-owner,faults,manpage,network scan,server set-logmasks,server-version,version",
        ),
        (
            "dmg",
            "pool create,pool destroy,pool evict,pool list,pool extend,pool exclude,pool drain,pool reintegrate,pool query",
        ),
        (
            "dmg",
            "pool query-targets,pool get-acl,pool overwrite-acl,pool update-acl,pool delete-acl,pool set-prop,pool get-prop",
        ),
        (
            "dmg",
            "pool upgrade,pool rebuild start,pool rebuild stop,storage scan,storage format,storage query list-pools",
        ),
        ("dmg", "storage query list-devices,storage query usage,storage nvme-rebind,storage nvme-add-device"),
        (
            "dmg",
            "storage set nvme-faulty,storage replace nvme,storage led check,storage led identify,support collect-log",
        ),
        (
            "dmg",
            "system leader-query,system query,system stop,system start,system exclude,system clear-exclude,system drain",
        ),
        ("dmg", "system reintegrate,system erase,system list-pools,system cleanup,system set-attr,system get-attr"),
        (
            "dmg",
            "system del-attr,system set-prop,system get-prop,system rebuild start,system rebuild stop,system self-heal eval",
        ),
        ("dmg", "telemetry config,telemetry metrics list,telemetry metrics query"),
        (
            "daos",
            "container create,container link,container list,container destroy,container list-objects,container query",
        ),
        (
            "daos",
            "container stat,container clone,container check,container evict,container list-attr,container del-attr",
        ),
        ("daos", "container get-attr,container set-attr,container get-prop,container set-prop,container get-acl"),
        (
            "daos",
            "container overwrite-acl,container update-acl,container delete-acl,container set-owner,container create-snap",
        ),
        ("daos", "container destroy-snap,container list-snap,container rollback,faults set-param,faults container"),
        ("daos", "filesystem check,filesystem fix-sb,filesystem fix-root,filesystem fix-entry,filesystem copy"),
        ("daos", "filesystem set-attr,filesystem get-attr,filesystem reset-attr,filesystem reset-chunk-size"),
        (
            "daos",
            "filesystem reset-oclass,filesystem query,filesystem evict,filesystem scan,filesystem chmod,health check",
        ),
        (
            "daos",
            "health net-test,object query,pool list,pool query,pool query-targets,pool list-containers,pool list-attr",
        ),
        ("daos", "pool get-attr,pool set-attr,pool del-attr,pool autotest,server-version,system query,version,manpage"),
        ("daos_server", "scm scan,scm prepare,scm reset,nvme scan,nvme prepare,nvme reset,start,network scan,version"),
        ("daos_server", "ms status,ms recover,dump-topology,support collect-log,config generate,manpage"),
    ];

    fn exists(command: &Command, line: &str) -> bool {
        line.split(' ').try_fold(command, |command, word| command.find_subcommand(word)).is_some()
    }

    #[test]
    fn every_command_of_upstream_is_here_or_is_explained() {
        for (program, lines) in UPSTREAM {
            let command = match *program {
                "dmg" => DmgArguments::command(),
                "daos" => DaosArguments::command(),
                _ => ServerArguments::command(),
            };
            for line in lines.split(',') {
                let words: Vec<OsString> =
                    [program].into_iter().copied().chain(line.split(' ')).map(OsString::from).collect();
                let explained = explain(program, &words).is_some();
                assert_eq!(exists(&command, line), !explained, "{program} {line}: here, or explained");
            }
        }
    }

    /// The words of a command line that are commands, of each that a sentence quotes.
    fn quoted(sentence: &str) -> impl Iterator<Item = (&str, String)> {
        let quotes = sentence.split('\'').skip(1).step_by(2);
        quotes.filter_map(|quote| {
            let (program, rest) = quote.split_once(' ')?;
            let is_command = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
            let words = rest.split(' ').take_while(is_command).filter(|word| !word.starts_with('-'));
            matches!(program, "dmg" | "daos" | "daos_server").then(|| (program, words.collect::<Vec<_>>().join(" ")))
        })
    }

    #[test]
    fn what_is_to_be_used_instead_exists() {
        let commands = [
            ("dmg", DmgArguments::command()),
            ("daos", DaosArguments::command()),
            ("daos_server", ServerArguments::command()),
        ];
        let mut count = 0;
        for (_, _, sentence) in COMMANDS {
            for (program, line) in quoted(sentence) {
                let (_, command) = commands.iter().find(|(name, _)| *name == program).expect("one of the three");
                assert!(line.starts_with("help") || exists(command, &line), "'{program} {line}' of \"{sentence}\"");
                count += 1;
            }
        }
        assert!(count > 20, "{count} are quoted");
    }

    #[test]
    fn words_that_nobody_knows_are_not_explained() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(explain("dmg", &words("dmg checks enable")).is_none());
        assert!(explain("dmg", &words("dmg pool scan")).is_none());
        assert!(explain("daos", &words("daos storage scan")).is_none());
        let failure = explain("daos", &words("daos -j fs scan tank home")).expect("known");
        assert_eq!(failure.code(), Code::Nosys);
        assert!(failure.sentence().starts_with("daos filesystem scan does not exist in this release; "));
    }
}
