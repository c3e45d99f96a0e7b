//! C, C++ and Fortran programs: what their first lines ask for, and how they are built against an installation.
//!
//! A program says how it wants to be run in the comments at its top, one directive a line:
//!
//! ```text
//! // run: ARGUMENTS      arguments of the first run; {pool}, {container} and {directory} are filled in
//! // rerun: ARGUMENTS    the reading half, for after the engine was killed
//! // skip: VARIANT WHY   leave out one variant (plain, inside, valgrind, asan)
//! ```
//!
//! C's `/* run: ... */` and Fortran's `! run: ...` do as well.

use super::install_tree::InstallTree;
use crate::process;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many lines at the top of a program may hold directives.
const DIRECTIVE_LINES_MAX: usize = 40;

/// A language with its compiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// C99 with every warning: what users may demand of headers and copy from examples.
    C,
    /// C11 with GNU extensions, for tests: static assertions, attributes.
    GnuC,
    /// C++17.
    Cxx,
    /// Fortran 2018 with the module `daos`.
    Fortran,
}

/// One source file that is a program.
#[derive(Debug)]
pub struct Program {
    /// Its path from the root.
    pub path: PathBuf,
    /// Its language, by its ending.
    pub language: Language,
    /// Arguments of the first run.
    pub run: Vec<String>,
    /// Arguments of the reading half, when it has one.
    pub rerun: Option<Vec<String>>,
    /// Variants to leave out.
    pub skip: Vec<String>,
}

/// What placeholders in arguments stand for.
pub struct Values<'a> {
    /// Label of a pool that exists.
    pub pool: &'a str,
    /// Label of a container that the program may create.
    pub container: &'a str,
    /// A directory that exists and is the program's own.
    pub directory: &'a Path,
}

impl Values<'_> {
    /// The arguments with every placeholder filled in.
    pub fn fill(&self, arguments: &[String]) -> Vec<String> {
        let directory = self.directory.to_string_lossy();
        let fill = |text: &String| {
            text.replace("{pool}", self.pool).replace("{container}", self.container).replace("{directory}", &directory)
        };
        arguments.iter().map(fill).collect()
    }
}

impl Program {
    /// Every program in a directory, in the order of their names; none when there is no such directory.
    pub fn all_in(directory: &str) -> Result<Vec<Self>> {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return Ok(Vec::new());
        };
        let mut programs = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {directory}"))?.path();
            if let Some(language) = language(&path) {
                let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                programs.push(Self::parse(path, language, &text));
            }
        }
        programs.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(programs)
    }

    fn parse(path: PathBuf, language: Language, text: &str) -> Self {
        let mut program = Self { path, language, run: Vec::new(), rerun: None, skip: Vec::new() };
        for line in text.lines().take(DIRECTIVE_LINES_MAX) {
            let line = line.trim().trim_end_matches("*/");
            let comment = line.trim_start_matches(['/', '*', '!', ' ']);
            if comment.len() == line.len() {
                continue;
            }
            let words = |rest: &str| rest.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            if let Some(rest) = comment.strip_prefix("run:") {
                program.run = words(rest);
            } else if let Some(rest) = comment.strip_prefix("rerun:") {
                program.rerun = Some(words(rest));
            } else if let Some(rest) = comment.strip_prefix("skip:") {
                program.skip.extend(words(rest).into_iter().next());
            }
        }
        program
    }

    /// Name without directory and ending, with the language where two would be the same.
    pub fn name(&self) -> String {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        match self.language {
            Language::C | Language::GnuC => stem.into_owned(),
            Language::Cxx => format!("{stem}-cxx"),
            Language::Fortran => format!("{stem}-fortran"),
        }
    }

    /// Compiles and links against the installation, by what its pkg-config file says.
    pub fn build(&self, tree: &InstallTree, output: &Path, flags: &[&str]) -> Result<()> {
        let directory = output.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))?;
        let mut command = compiler(self.language);
        command.args(["-g", "-O1"]).args(flags);
        if self.language == Language::Fortran {
            command.arg("-J").arg(directory);
            command.args(fortran_modules(tree)?);
        }
        command.arg("-o").arg(output).arg(&self.path).args(pkg_config(tree)?);
        let (status, text) = process::gather(&mut command)?;
        if !text.is_empty() {
            eprint!("{text}");
        }
        if !status.success() {
            bail!("`{}` failed ({status})", process::line(&command));
        }
        Ok(())
    }
}

fn language(path: &Path) -> Option<Language> {
    match path.extension()?.to_str()? {
        "c" if path.starts_with("tests") => Some(Language::GnuC),
        "c" => Some(Language::C),
        "cc" | "cpp" => Some(Language::Cxx),
        "f90" | "F90" => Some(Language::Fortran),
        _ => None,
    }
}

/// The compiler of a language, with the warnings that our own programs and headers must not cause.
pub fn compiler(language: Language) -> Command {
    // Strict C99 is what users may ask for; our own tests use the system's functions (strdup, sockets) as well.
    let (name, arguments): (&str, &[&str]) = match language {
        Language::C => ("gcc", &["-std=c99", "-pedantic"]),
        Language::GnuC => ("gcc", &["-std=gnu11", "-D_GNU_SOURCE"]),
        Language::Cxx => ("g++", &["-std=c++17", "-pedantic"]),
        Language::Fortran => ("gfortran", &["-std=f2018", "-pedantic"]),
    };
    let mut command = Command::new(name);
    command.args(arguments).args(["-Wall", "-Wextra"]);
    command
}

fn pkg_config(tree: &InstallTree) -> Result<Vec<String>> {
    let mut command = Command::new("pkg-config");
    command.env("PKG_CONFIG_PATH", tree.prefix.join("lib/pkgconfig"));
    let text = process::capture(command.args(["--cflags", "--libs", "daos"]))?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Sources of the Fortran modules in the installation's include directory.
fn fortran_modules(tree: &InstallTree) -> Result<Vec<PathBuf>> {
    let include = tree.prefix.join("include");
    let entries = std::fs::read_dir(&include).with_context(|| format!("cannot read {}", include.display()))?;
    let mut modules: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    modules.retain(|path| language(path) == Some(Language::Fortran));
    modules.sort();
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Program {
        let path = PathBuf::from(name);
        let language = language(&path).expect("a known ending");
        Program::parse(path, language, text)
    }

    #[test]
    fn directives_are_read_from_comments_of_each_language() {
        let text =
            "// run: {pool} write\n/* rerun: {pool} read */\n * skip: valgrind too slow\nchar *s = \"run: no\";\n";
        let program = parse("a/b.c", text);
        assert_eq!(program.run, ["{pool}", "write"]);
        assert_eq!(program.rerun, Some(vec!["{pool}".to_owned(), "read".to_owned()]));
        assert_eq!(program.skip, ["valgrind"]);
        assert_eq!(parse("b.f90", "! run: x\n").run, ["x"]);
        assert_eq!(parse("b.f90", "print *, 1\n").run, Vec::<String>::new());
    }

    #[test]
    fn programs_of_one_stem_have_different_names() {
        assert_eq!(parse("x/object.c", "").name(), "object");
        assert_eq!(parse("x/object.f90", "").name(), "object-fortran");
    }

    #[test]
    fn placeholders_are_filled_in() {
        let values = Values { pool: "p", container: "c", directory: Path::new("d") };
        let arguments = ["{pool}".to_owned(), "{directory}/{container}".to_owned()];
        assert_eq!(values.fill(&arguments), ["p", "d/c"]);
    }
}
