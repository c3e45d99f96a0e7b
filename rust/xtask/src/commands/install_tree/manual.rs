//! Manual pages, made from the programs' own `--help` so that they cannot differ from it.

use super::InstallTree;
use crate::process;
use anyhow::{Context, Result};
use std::fs;
use std::process::Command;

/// Writes one page per program name.
pub fn install(tree: &InstallTree, names: &[&str]) -> Result<()> {
    for name in names {
        let (status, help) = process::gather(Command::new(tree.program(name)).arg("--help"))?;
        if !status.success() {
            eprintln!("  install-tree: `{name} --help` failed ({status}): it gets no manual page");
            continue;
        }
        let path = tree.prefix.join(format!("share/man/man1/{name}.1"));
        fs::write(&path, page(name, &help)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The help as a page: shown as it is, with what troff would take for commands made harmless.
fn page(name: &str, help: &str) -> String {
    let summary = help.lines().next().unwrap_or_default();
    let mut text = format!(".TH {} 1\n.SH NAME\n{name} \\- {}\n", name.to_uppercase(), harmless(summary));
    text.push_str(".SH DESCRIPTION\n.nf\n");
    for line in help.lines().skip(1) {
        text.push_str(&harmless(line));
        text.push('\n');
    }
    text.push_str(".fi\n");
    text
}

fn harmless(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn lines_that_look_like_commands_are_text() {
        let text = page("daos", "Tool\n.hidden -x\n");
        assert!(text.starts_with(".TH DAOS 1\n.SH NAME\ndaos \\- Tool\n"));
        assert!(text.contains("\n\\&.hidden \\-x\n"));
    }
}
