//! The part `c`: headers by themselves, then every program of tests/c and examples_c against an installation.
//!
//! What each program is run with stands in its own first lines, see [`program`](crate::commands::program); how each is
//! run stands in [`VARIANTS`].

use super::{excerpt::excerpt, packaging, tally::Tally};
use crate::commands::install_tree::{self, InstallTree, Profile};
use crate::commands::local_engine::LocalEngine;
use crate::commands::program::{Language, Program, Values, compiler};
use crate::process;
use crate::workspace::{Metadata, shown};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where programs are.
const DIRECTORIES: &[&str] = &["tests/c", "examples_c"];

/// C tests that must also compile as C++, because what they assert is asked for in both.
const ALSO_CXX: &[&str] = &["tests/c/abi_layout.c"];

/// A program that runs longer hangs.
const PROGRAM_SECONDS_MAX: u32 = 300;

/// Known reports of valgrind about libraries that are not ours.
const VALGRIND_SUPPRESSIONS: &str = "tests/c/valgrind.supp";

/// The exit status by which a program says that it cannot run here.
const SKIPPED: i32 = 77;

/// The variant that has no engine process.
const INSIDE: &str = "inside";

/// Two targets, whatever the machine has: some calls behave otherwise where there are several.
const TARGETS: (&str, &str) = ("DAOS_LOCAL_TARGETS", "2");

/// One way to run a program.
struct Variant {
    name: &'static str,
    languages: &'static [Language],
    flags: &'static [&'static str],
    wrapper: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const VARIANTS: &[Variant] = &[
    Variant {
        name: "plain",
        languages: &[Language::C, Language::GnuC, Language::Cxx, Language::Fortran],
        flags: &[],
        wrapper: &[],
        environment: &[],
    },
    // The engine on threads of the program itself: the same data, other ways.
    Variant {
        name: INSIDE,
        languages: &[Language::C, Language::GnuC],
        flags: &[],
        wrapper: &[],
        environment: &[("DAOS_LOCAL_MODE", "inside")],
    },
    Variant {
        name: "valgrind",
        languages: &[Language::C, Language::GnuC, Language::Cxx],
        flags: &[],
        wrapper: &[
            "valgrind",
            "--quiet",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
            "--error-exitcode=99",
        ],
        environment: &[],
    },
    Variant {
        name: "asan",
        languages: &[Language::C, Language::GnuC, Language::Cxx],
        flags: &["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
        wrapper: &[],
        environment: &[("ASAN_OPTIONS", "detect_leaks=1:strict_string_checks=1")],
    },
];

/// Checks and runs everything there is, or what has a text in its name.
pub fn run(metadata: &Metadata, only: Option<&str>) -> Result<Tally> {
    let mut programs = Vec::new();
    for directory in DIRECTORIES {
        programs.extend(Program::all_in(directory)?);
    }
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    programs.retain(|program| is_wanted(&shown(&program.path)));
    let mut tally = if only.is_none() { check_without_library()? } else { Tally::default() };
    if !programs.is_empty() || packaging::CHECKS.iter().any(|check| is_wanted(check.name)) {
        match install_tree::install(metadata, Profile::Debug, None) {
            Ok(tree) => {
                let scratch = metadata.target_directory.join("c");
                tally += packaging::run(metadata, &tree, &scratch, &is_wanted);
                tally += run_programs(&tree, &scratch, &programs);
            }
            // What needs no library was checked all the same, and counts.
            Err(error) => tally += report("install-tree", Err(error)),
        }
    }
    Ok(tally)
}

/// Headers by themselves, and what must compile in a second language.
fn check_without_library() -> Result<Tally> {
    let mut tally = Tally::default();
    for header in headers(Path::new("include"))? {
        for language in [Language::C, Language::Cxx] {
            tally += report(&format!("{} as {language:?}", header.display()), check_header(&header, language));
        }
    }
    for path in ALSO_CXX.iter().filter(|path| Path::new(path).exists()) {
        let mut command = compiler(Language::Cxx);
        command.args(["-fsyntax-only", "-Iinclude", "-x", "c++", path]);
        tally += report(&format!("{path} as Cxx"), compiles(&mut command));
    }
    Ok(tally)
}

/// Every program in every variant that it has.
fn run_programs(tree: &InstallTree, scratch: &Path, programs: &[Program]) -> Tally {
    let mut tally = Tally::default();
    for program in programs {
        for variant in VARIANTS {
            let wanted = variant.languages.contains(&program.language);
            if wanted && !program.skip.iter().any(|name| name == variant.name) {
                let outcome = run_program(tree, scratch, program, variant);
                tally += report(&format!("{} {}", shown(&program.path), variant.name), outcome);
            }
        }
    }
    tally
}

/// What came of one check.
pub enum Outcome {
    Passed,
    Skipped,
    Failed(String),
}

pub fn report(name: &str, outcome: Result<Outcome>) -> Tally {
    match outcome.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}"))) {
        Outcome::Passed => {
            eprintln!("  pass {name}");
            Tally::one(true)
        }
        Outcome::Skipped => {
            eprintln!("  skip {name}");
            Tally::default()
        }
        Outcome::Failed(why) => {
            eprintln!("  FAIL {name}: {why}");
            Tally::one(false)
        }
    }
}

/// All headers below a directory.
fn headers(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Ok(found);
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(headers(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "h") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Each header must stand alone, in both languages.
fn check_header(header: &Path, language: Language) -> Result<Outcome> {
    let dialect = if language == Language::C { "c" } else { "c++" };
    let mut command = compiler(language);
    command.args(["-Werror", "-fsyntax-only", "-Iinclude", "-include"]);
    command.arg(header).args(["-x", dialect, "/dev/null"]);
    compiles(&mut command)
}

/// Whether the compiler accepts it.
fn compiles(command: &mut Command) -> Result<Outcome> {
    let (status, text) = process::gather(command)?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed(text) })
}

fn run_program(tree: &InstallTree, scratch: &Path, program: &Program, variant: &Variant) -> Result<Outcome> {
    let directory = scratch.join(format!("{}-{}", program.name(), variant.name));
    let binary = directory.join("program");
    program.build(tree, &binary, variant.flags)?;
    // One engine per run: a program can neither see nor harm what another one left.
    let engine = LocalEngine::fresh(tree, &directory.join("data"))?;
    let pool = "test";
    let mut create = engine.daos(&["pool", "create", pool]);
    create.envs(variant.environment.iter().copied()).env(TARGETS.0, TARGETS.1);
    let (status, text) = process::gather(&mut create)?;
    if !status.success() {
        return Ok(Outcome::Failed(format!("`daos pool create {pool}` failed ({status}): {text}")));
    }
    let values = Values { pool, container: "container", directory: &directory };
    let mut outcome = start(&engine, &binary, variant, &values.fill(&program.run))?;
    if let (Outcome::Passed, Some(rerun)) = (&outcome, &program.rerun) {
        if variant.name != INSIDE {
            engine.kill()?;
        }
        outcome = start(&engine, &binary, variant, &values.fill(rerun))?;
    }
    if matches!(outcome, Outcome::Passed | Outcome::Skipped) {
        engine.remove()?;
    }
    Ok(outcome)
}

fn start(engine: &LocalEngine, binary: &Path, variant: &Variant, arguments: &[String]) -> Result<Outcome> {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", &PROGRAM_SECONDS_MAX.to_string()]);
    command.args(variant.wrapper);
    if variant.wrapper.first() == Some(&"valgrind") && Path::new(VALGRIND_SUPPRESSIONS).exists() {
        command.arg(format!("--suppressions={VALGRIND_SUPPRESSIONS}"));
    }
    command.arg(binary).args(arguments);
    command.envs(variant.environment.iter().copied()).env(TARGETS.0, TARGETS.1);
    engine.prepare(&mut command);
    let (status, text) = process::gather(&mut command)?;
    let how = match status.code() {
        Some(0) => return Ok(Outcome::Passed),
        Some(SKIPPED) => return Ok(Outcome::Skipped),
        Some(124) => format!("was still running after {PROGRAM_SECONDS_MAX} s"),
        _ => format!("ended with {status}"),
    };
    let whole = binary.with_file_name("output");
    std::fs::write(&whole, &text).with_context(|| format!("cannot write {}", whole.display()))?;
    let (line, whole, text) = (process::line(&command), whole.display(), excerpt(&text));
    Ok(Outcome::Failed(format!("`{line}` {how}; all that it said stands in {whole}, in short:\n{text}")))
}
