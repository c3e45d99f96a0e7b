//! `cargo xtask layers`: no crate reaches past its layer.

mod edges;

use crate::table::Table;
use crate::workspace::{Metadata, Package};
use anyhow::{Result, bail};

/// Check that no crate reaches past its layer.
#[derive(clap::Args)]
#[command(long_about = "Check that no crate reaches past its layer.\n\n\
        The allowed edges are a table in rust/xtask/src/commands/layers/edges.rs. Each manifest's dependencies on \
        members of the workspace are held against it; dev-dependencies may also name the simulator and the testkit. \
        A member that the table does not know is an error.")]
pub struct Arguments {
    /// Print every crate with its layer and its edges
    #[arg(long)]
    print: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let metadata = Metadata::read()?;
    if arguments.print {
        print!("{}", graph(&metadata.packages));
    }
    check(&metadata)
}

/// Fails with one line per forbidden edge.
pub fn check(metadata: &Metadata) -> Result<()> {
    let complaints = complaints(&metadata.packages);
    if !complaints.is_empty() {
        bail!(
            "{} forbidden:\n  {}",
            if complaints.len() == 1 { "this is" } else { "these are" },
            complaints.join("\n  ")
        );
    }
    eprintln!("layers: {} crates, no edge outside the table", metadata.packages.len());
    Ok(())
}

fn complaints(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let Some(from) = edges::find(&package.name) else {
            found.push(format!(
                "crate {} is not in the table: give it a layer in rust/xtask/src/commands/layers/edges.rs",
                package.name
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|one| one.path.is_some()) {
            // A dependency that is no member of the table is complained about as a member.
            let Some(to) = edges::find(&dependency.name) else {
                continue;
            };
            let in_tests = dependency.kind.as_deref() == Some("dev");
            let fine = if in_tests { edges::allowed_in_tests(from, to) } else { edges::allowed(from, to) };
            if !fine {
                found.push(format!(
                    "{} ({:?}) -> {} ({:?}){}: put the call behind a trait of the lower crate, or move the code",
                    from.name,
                    from.layer,
                    to.name,
                    to.layer,
                    if in_tests { " in dev-dependencies" } else { "" },
                ));
            }
        }
    }
    found
}

fn graph(packages: &[Package]) -> String {
    let mut rows: Vec<_> =
        packages.iter().filter_map(|package| edges::find(&package.name).map(|row| (row, package))).collect();
    rows.sort_by_key(|(row, _)| (row.layer, row.name));
    let mut table = Table::new(&["layer", "crate", "uses", "in tests also"]);
    for (row, package) in rows {
        let names = |dev: bool| {
            let wanted = package
                .dependencies
                .iter()
                .filter(|one| one.path.is_some() && (one.kind.as_deref() == Some("dev")) == dev);
            wanted.map(|one| one.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        table.row([format!("{:?}", row.layer), row.name.to_owned(), names(false), names(true)]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, edges: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            path: Some("somewhere".to_owned()),
        };
        Package { name: name.to_owned(), dependencies: edges.iter().map(dependency).collect(), targets: Vec::new() }
    }

    #[test]
    fn lower_layers_and_bracketed_edges_pass() {
        let fine = [
            package("daos-store", &[("daos-media", None), ("daos-sim", Some("dev"))]),
            package("daos-dfs", &[("daos-client", None)]),
            package("daos-types", &[("daos-status", None)]),
        ];
        assert_eq!(complaints(&fine), Vec::<String>::new());
    }

    #[test]
    fn an_edge_upwards_is_named_with_both_ends() {
        let found = complaints(&[package("daos-store", &[("daos-server", None)])]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("daos-store (Engines) -> daos-server (Assembly)"));
    }

    #[test]
    fn forbidden_edges_between_neighbours() {
        for (from, to, kind) in [
            ("daos-client", "daos-server", None),
            ("daos-object-service", "daos-pool-service", None),
            ("daos-media", "daos-sim", None),
            ("daos-media", "daos-bench", Some("dev")),
            ("daos-placement", "daos-wire", Some("dev")),
            ("xtask", "daos-status", None),
            ("daos-cli", "xtask", None),
        ] {
            let found = complaints(&[package(from, &[(to, kind)])]);
            assert_eq!(found.len(), 1, "{from} -> {to}");
        }
    }

    #[test]
    fn a_crate_outside_the_table_is_an_error() {
        let found = complaints(&[package("daos-unheard-of", &[])]);
        assert!(found[0].contains("daos-unheard-of is not in the table"));
    }

    #[test]
    fn the_table_names_each_crate_once_and_only_known_neighbours() {
        for row in edges::CRATES {
            let same = edges::CRATES.iter().filter(|other| other.name == row.name);
            assert_eq!(same.count(), 1, "{}", row.name);
            for name in row.beside {
                let neighbour = edges::find(name).expect("named in the table");
                assert!(neighbour.layer >= row.layer, "{name} is below {} anyway", row.name);
            }
        }
    }
}
