//! `daos-headers`: writes the C headers and the Fortran module in `include/` from the Rust sources of the C API, and the
//! programs that check them against the facts in `tests/abi`, and the page of what is not there.
//!
//! Why not cbindgen: the API needs a tag and a type name that differ for one type, tags that must not be type names
//! (programs have variables of those names), unions without a name inside structures, and many headers that share
//! types. It parses the same sources with `syn` and prints only what this API uses.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;

mod absent_table;
mod c;
mod facts;
mod fortran;
mod layout_program;
mod model;
mod symbols_program;
mod template;

/// Writes the C headers of DAOS from the Rust sources of its C API.
#[derive(Parser)]
#[command(name = "daos-headers", version)]
struct Arguments {
    /// Write nothing; fail when a file is not what would be written.
    #[arg(long)]
    check: bool,
    /// The root of the source tree.
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut files = Vec::new();
    let sources = template::Sources::read(&arguments.root)?;
    let headers = sources.headers()?;
    let facts = facts::Facts::read(&arguments.root.join("tests/abi"))?;
    let declared = facts::Declared::of_headers(headers.values());
    let absent = sources.absent_functions()?;
    files.push((PathBuf::from("capi/docs/not_there.md"), absent_table::page(&absent)));
    let absent = absent.into_iter().map(|declaration| declaration.name).collect();
    files.push((PathBuf::from("tests/c/abi_layout.c"), layout_program::program(&facts, &declared, &absent)?));
    files.push((PathBuf::from("tests/c/abi_symbols.c"), symbols_program::program(&facts, &declared)?));
    let template = arguments.root.join("capi/fortran/daos.f90.in");
    let template = std::fs::read_to_string(&template).with_context(|| format!("reading {}", template.display()))?;
    files.push((PathBuf::from("include/daos.f90"), fortran::module(&sources, &template)?));
    let sizes = facts.fields.iter().map(|field| (field.of_type.trim_start_matches("struct ").to_owned(), field.size));
    files.push((PathBuf::from("tests/c/abi_layout.f90"), fortran::layout_program(&sources, &sizes.collect())?));
    files.extend(headers.into_iter().map(|(path, text)| (Path::new("include").join(path), text)));
    for (path, text) in files {
        settle(&arguments, &path, &text)?;
    }
    Ok(())
}

/// Writes one file, or in check mode compares it.
fn settle(arguments: &Arguments, path: &Path, text: &str) -> Result<()> {
    let full = arguments.root.join(path);
    let present = std::fs::read_to_string(&full).ok();
    if present.as_deref() == Some(text) {
        return Ok(());
    }
    if arguments.check {
        bail!("{} is not what the sources in capi/ give; run `cargo run -p daos-headers`", path.display());
    }
    if let Some(parent) = full.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    }
    std::fs::write(&full, text).with_context(|| format!("writing {}", full.display()))
}
