//! Fills the templates in `capi/headers` with what the Rust sources declare.
//!
//! A template is C. Lines of the form `@word arguments@` are replaced: `@types MODULE@` by the types and constants of
//! `capi/src/abi/MODULE.rs`, `@functions PATH@` by the prototypes of `capi/src/PATH.rs`, `@errors@` by the table of
//! error numbers, `@begin@` and `@end@` by the brackets that C++ needs around C declarations.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use daos_status::Code;

use crate::c;
use crate::fortran::Parts;
use crate::model::{Declaration, Kind, Module, Names};

/// The parsed sources of the C API.
pub struct Sources {
    root: PathBuf,
    names: Names,
    modules: BTreeMap<String, Module>,
}

impl Sources {
    /// Reads every module of `capi/src/abi`; modules with functions are read when a template asks for them.
    pub fn read(root: &Path) -> Result<Sources> {
        let mut sources = Sources { root: root.to_owned(), names: Names::default(), modules: BTreeMap::new() };
        let directory = root.join("capi/src/abi");
        let mut files: Vec<_> = std::fs::read_dir(&directory)
            .with_context(|| format!("reading {}", directory.display()))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        files.sort();
        for file in files {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if stem != "mod" {
                let module = Module::read(&file)?;
                sources.names.learn(&module);
                sources.modules.insert(stem, module);
            }
        }
        Ok(sources)
    }

    /// Every header with its path below `include/`.
    pub fn headers(&self) -> Result<BTreeMap<PathBuf, String>> {
        let directory = self.root.join("capi/headers");
        let mut headers = BTreeMap::new();
        for template in templates(&directory)? {
            let relative = template.strip_prefix(&directory).context("a template outside its folder")?;
            let relative = relative.with_extension("");
            let text = self.fill(&template, &relative).with_context(|| format!("filling {}", template.display()))?;
            headers.insert(relative, text);
        }
        Ok(headers)
    }

    /// The functions that only say that they are not there yet.
    pub fn absent_functions(&self) -> Result<Vec<Declaration>> {
        let directory = self.root.join("capi/src/absent");
        let mut files = Vec::new();
        // It need not be there: there may come a day on which nothing is absent.
        for entry in std::fs::read_dir(&directory).into_iter().flatten() {
            files.push(entry?.path());
        }
        files.sort();
        let mut found = Vec::new();
        for file in files {
            let declarations = Module::read(&file)?.declarations.into_iter();
            found.extend(declarations.filter(|declaration| matches!(declaration.kind, Kind::Function { .. })));
        }
        Ok(found)
    }

    /// What some headers declare, for another language.
    pub fn parts(&self, headers: &[&str]) -> Result<Parts> {
        let mut parts = Parts { types: Vec::new(), functions: Vec::new(), macros: Vec::new() };
        for header in headers {
            let template = self.root.join(format!("capi/headers/{header}.in"));
            let text = std::fs::read_to_string(&template).with_context(|| format!("reading {}", template.display()))?;
            for line in text.lines() {
                let directive = line.strip_prefix('@').and_then(|line| line.strip_suffix('@'));
                match directive.map(|directive| directive.split_once(' ').unwrap_or((directive, ""))) {
                    Some(("types", module)) => {
                        let module = self.modules.get(module).with_context(|| format!("no module abi/{module}.rs"))?;
                        parts.types.extend(module.declarations.iter().cloned());
                    }
                    Some(("functions", path)) => {
                        let module = Module::read(&self.root.join(format!("capi/src/{path}.rs")))?;
                        let functions = module.declarations.into_iter();
                        let is_function = |found: &Declaration| matches!(found.kind, Kind::Function { .. });
                        parts.functions.extend(functions.filter(is_function));
                    }
                    Some(_) => {}
                    None => parts.macros.extend(object_macro(line)),
                }
            }
        }
        Ok(parts)
    }

    fn fill(&self, template: &Path, header: &Path) -> Result<String> {
        let text = std::fs::read_to_string(template)?;
        let guard: String = header
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        let mut out = String::new();
        writeln!(out, "/* SPDX-License-Identifier: BSD-2-Clause-Patent */")?;
        writeln!(out, "/* Generated by daos-headers from capi/headers/{}.in; do not edit. */", header.display())?;
        writeln!(out, "#ifndef DAOS_{guard}\n#define DAOS_{guard}\n")?;
        for line in text.lines() {
            match line.strip_prefix('@').and_then(|line| line.strip_suffix('@')) {
                Some(directive) => out.push_str(&self.directive(directive)?),
                None => writeln!(out, "{line}")?,
            }
        }
        writeln!(out, "\n#endif /* DAOS_{guard} */")?;
        Ok(out)
    }

    fn directive(&self, directive: &str) -> Result<String> {
        let (word, argument) = directive.split_once(' ').unwrap_or((directive, ""));
        match word {
            "types" => {
                let module = self.modules.get(argument).with_context(|| format!("no module abi/{argument}.rs"))?;
                c::types(module, &self.names)
            }
            "functions" => {
                let module = Module::read(&self.root.join(format!("capi/src/{argument}.rs")))?;
                c::functions(&module, &self.names)
            }
            "errors" => errors(),
            "begin" => Ok("#if defined(__cplusplus)\nextern \"C\" {\n#endif\n".to_owned()),
            "end" => Ok("\n#if defined(__cplusplus)\n}\n#endif\n".to_owned()),
            _ => bail!("there is no directive @{directive}@"),
        }
    }
}

/// Name and value of a macro without arguments that a template defines in one line.
fn object_macro(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !value.ends_with('\\')).then(|| (name.to_owned(), value.trim().to_owned()))
}

fn templates(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(templates(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "in") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The lists of error numbers that programs expand with a macro of theirs.
fn errors() -> Result<String> {
    let mut out = String::new();
    for (range, base) in [("GURT", 1000), ("DAOS", 2000)] {
        writeln!(out, "/** ACTION(name, text) for every error number of the range that starts at {base}. */")?;
        write!(out, "#define D_FOREACH_{range}_ERR(ACTION)")?;
        let codes = Code::ALL.iter().filter(|code| (base..base + 1000).contains(&(**code as i32)));
        for (next, code) in (base + 1..).zip(codes) {
            if *code as i32 != next {
                bail!("{} is {}, but the list has no gaps and needs {next}", code.name(), *code as i32);
            }
            // The text must be one macro argument.
            write!(out, " \\\n\tACTION({}, {})", code.name(), code.text().replace(',', ";"))?;
        }
        writeln!(out, "\n")?;
    }
    Ok(out)
}
