//! The libraries beside libdaos that clients name when they link.
//!
//! All code lives in libdaos.so.2. A companion is a filter on it (ELF's `DT_FILTER`): it defines the names that clients
//! expect in it, so that `-lgurt` alone links, and the dynamic linker takes every definition from libdaos.so.2 itself.
//! The bodies in a companion therefore never run; they trap, in case a foreign dynamic linker ignores the filter.

use super::{SONAME, link};
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

struct Companion {
    /// File name and soname.
    name: &'static str,
    /// The name to link with, where it is not the file's.
    link_name: Option<&'static str>,
    /// What the names that clients expect in it begin with.
    prefixes: &'static [&'static str],
}

const COMPANIONS: &[Companion] = &[
    companion("libdfs.so", None, &["dfs_"]),
    companion("libduns.so", None, &["duns_"]),
    companion("libds3.so", None, &["ds3_"]),
    companion("libdaos_common.so", None, &["daos_", "tse_"]),
    companion("libgurt.so.4", Some("libgurt.so"), &["d_"]),
    companion("libcart.so.4", Some("libcart.so"), &["crt_"]),
];

const fn companion(
    name: &'static str,
    link_name: Option<&'static str>,
    prefixes: &'static [&'static str],
) -> Companion {
    Companion { name, link_name, prefixes }
}

/// Builds every companion into `directory`, where libdaos already is; sources of theirs go to `scratch`.
pub fn install(directory: &Path, scratch: &Path) -> Result<()> {
    let symbols = process::capture(
        Command::new("nm").args(["--dynamic", "--defined-only", "--format=posix"]).arg(directory.join(SONAME)),
    )?;
    let names = functions(&symbols);
    fs::create_dir_all(scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    for companion in COMPANIONS {
        let source = scratch.join(format!("{}.s", companion.name));
        fs::write(&source, assembly(companion, &names))
            .with_context(|| format!("cannot write {}", source.display()))?;
        build(companion, &source, directory)?;
        if let Some(name) = companion.link_name {
            link(directory, name, companion.name)?;
        }
    }
    Ok(())
}

/// Names of the functions in what `nm` printed: `name T value size` a line.
fn functions(symbols: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in symbols.lines() {
        let mut fields = line.split_whitespace();
        if let (Some(name), Some("T" | "W")) = (fields.next(), fields.next()) {
            names.push(name);
        }
    }
    names
}

fn assembly(companion: &Companion, names: &[&str]) -> String {
    let mut text = String::from(".text\n");
    let wanted = |name: &&&str| companion.prefixes.iter().any(|prefix| name.starts_with(prefix));
    for name in names.iter().filter(wanted) {
        text.push_str(&format!(".globl {name}\n.type {name}, %function\n{name}:\n"));
    }
    // One trap for all of them: __builtin_trap of the two architectures that are supported.
    text.push_str(if cfg!(target_arch = "aarch64") { "brk #1\n" } else { "ud2\n" });
    text.push_str(".section .note.GNU-stack,\"\",%progbits\n");
    text
}

fn build(companion: &Companion, source: &Path, directory: &Path) -> Result<()> {
    let output = directory.join(companion.name);
    super::remove(&output)?;
    let mut command = Command::new("gcc");
    command.args(["-shared", "-nostdlib", "-Wl,--no-as-needed", "-Wl,-rpath,$ORIGIN"]);
    command.arg(format!("-Wl,-soname,{}", companion.name));
    command.arg(format!("-Wl,--filter={SONAME}"));
    command.arg("-o").arg(&output).arg(source);
    command.arg("-L").arg(directory).arg("-ldaos");
    let (status, text) = process::gather(&mut command)?;
    if !status.success() {
        anyhow::bail!("`{}` failed ({status}): {text}", process::line(&command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_defined_functions_are_taken() {
        let symbols = "dfs_mount T 1000 10\nd_table D 2000 8\nd_hash W 3000 4\nmalformed\n";
        assert_eq!(functions(symbols), ["dfs_mount", "d_hash"]);
    }

    #[test]
    fn a_companion_defines_the_names_of_its_prefix() {
        let names = ["dfs_mount", "d_hash", "daos_init", "duns_resolve_path"];
        let text = assembly(&companion("libgurt.so.4", None, &["d_"]), &names);
        assert!(text.contains("\nd_hash:\n"));
        assert!(!text.contains("dfs_mount") && !text.contains("daos_init"));
    }
    #[test]
    fn a_program_that_links_a_companion_alone_runs_the_code_of_libdaos() {
        let directory = std::env::temp_dir().join(format!("xtask-companions-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let gcc = |name: &str, source: &str, arguments: &[&str]| {
            let file = directory.join(format!("{name}.c"));
            fs::write(&file, source).expect("writable");
            let mut command = Command::new("gcc");
            command.arg(&file).arg("-o").arg(directory.join(name)).arg("-L").arg(&directory).args(arguments);
            command.arg(format!("-Wl,-rpath,{}", directory.display()));
            process::run(&mut command).expect("gcc is there and the source is right");
        };
        gcc(
            SONAME,
            "int d_answer(void) { return 42; } int dfs_answer(void) { return 43; }",
            &["-shared", "-fPIC", "-Wl,-soname,libdaos.so.2"],
        );
        link(&directory, "libdaos.so", SONAME).expect("writable");
        install(&directory, &directory.join("scratch")).expect("gcc and nm are there");
        let program =
            "int d_answer(void); int dfs_answer(void); int main(void) { return d_answer() + dfs_answer() - 85; }";
        gcc("program", program, &["-lgurt", "-ldfs"]);
        process::run(&mut Command::new(directory.join("program"))).expect("both calls reach libdaos");
        fs::remove_dir_all(&directory).expect("ours");
    }
}
