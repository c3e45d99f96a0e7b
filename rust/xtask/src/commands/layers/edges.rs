//! The allowed edges between crates, as data.
//!
//! A crate may use every crate of a lower layer. What it may use of its own layer stands in `beside`. Changing this
//! table changes the architecture: say why in the commit and in ARCHITECTURE.md.

/// A place in the order of layers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// Ids, status numbers, checksums.
    Vocabulary,
    /// Functions without effects.
    Pure,
    /// Traits over the outside world and their backends.
    Seams,
    /// Store, transactions, replication, membership.
    Engines,
    /// Services of an engine.
    Services,
    /// Engine, client, POSIX namespace.
    Assembly,
    /// What users touch.
    FrontDoors,
    /// Simulators, tests, benchmarks: usable as dev-dependency by everyone, as dependency by each other.
    DevelopmentOnly,
    /// xtask: uses no crate of the workspace, and none uses it.
    Apart,
}

/// One crate and what it may use.
pub struct Crate {
    /// Name in its manifest.
    pub name: &'static str,
    /// Its layer.
    pub layer: Layer,
    /// Crates of its own layer that it may use as well.
    pub beside: &'static [&'static str],
}

const fn row(layer: Layer, name: &'static str, beside: &'static [&'static str]) -> Crate {
    Crate { name, layer, beside }
}

/// Every crate of the plan, also those that are not built yet.
pub const CRATES: &[Crate] = &[
    row(Layer::Vocabulary, "daos-status", &[]),
    row(Layer::Vocabulary, "daos-types", &["daos-status"]),
    row(Layer::Vocabulary, "daos-checksum", &[]),
    row(Layer::Vocabulary, "daos-security", &["daos-status"]),
    row(Layer::Pure, "daos-placement", &[]),
    row(Layer::Pure, "daos-erasure", &[]),
    row(Layer::Pure, "daos-wire", &[]),
    row(Layer::Seams, "daos-libfabric-sys", &[]),
    row(Layer::Seams, "daos-pmem-sys", &[]),
    row(Layer::Seams, "daos-spdk-sys", &[]),
    row(Layer::Seams, "daos-env", &[]),
    row(Layer::Seams, "daos-media", &["daos-env", "daos-pmem-sys", "daos-spdk-sys"]),
    row(Layer::Seams, "daos-rpc", &["daos-env", "daos-libfabric-sys"]),
    row(Layer::Engines, "daos-store", &[]),
    row(Layer::Engines, "daos-transaction", &["daos-store"]),
    row(Layer::Engines, "daos-replicated", &["daos-store"]),
    row(Layer::Engines, "daos-membership", &[]),
    // No service uses another: a needed call is a trait in the caller, wired in daos-server.
    row(Layer::Services, "daos-object-service", &[]),
    row(Layer::Services, "daos-pool-service", &[]),
    row(Layer::Services, "daos-rebuild", &[]),
    // The client does not know the server: front doors hand it an engine through a trait of the client.
    row(Layer::Assembly, "daos-server", &[]),
    row(Layer::Assembly, "daos-client", &[]),
    row(Layer::Assembly, "daos-dfs", &["daos-client"]),
    row(Layer::FrontDoors, "daos-capi", &[]),
    // The tools and dfuse are one program under several names.
    row(Layer::FrontDoors, "daos-cli", &["daos-fuse"]),
    row(Layer::FrontDoors, "daos-fuse", &[]),
    row(Layer::FrontDoors, "daos-hdf5-vol", &[]),
    row(Layer::DevelopmentOnly, "daos-sim", &[]),
    row(Layer::DevelopmentOnly, "daos-testkit", &["daos-sim"]),
    row(Layer::DevelopmentOnly, "daos-bench", &["daos-sim", "daos-testkit"]),
    row(Layer::DevelopmentOnly, "daos-fuzz", &[]),
    row(Layer::DevelopmentOnly, "daos-headers", &[]),
    row(Layer::Apart, "xtask", &[]),
];

/// Dev-only crates that are libraries: these may be dev-dependencies of any crate. `daos-fuzz` knows the crates whose
/// bytes it changes; front doors, which it does not know, borrow its rounds for what they take in themselves.
pub const TEST_LIBRARIES: &[&str] = &["daos-fuzz", "daos-sim", "daos-testkit"];

/// The row of a crate.
pub fn find(name: &str) -> Option<&'static Crate> {
    CRATES.iter().find(|row| row.name == name)
}

/// Whether `from` may have `to` among its normal or build dependencies.
pub fn allowed(from: &Crate, to: &Crate) -> bool {
    if from.layer == Layer::Apart || to.layer == Layer::Apart {
        return false;
    }
    to.layer < from.layer || from.beside.contains(&to.name)
}

/// Whether `from` may have `to` among its dev-dependencies.
pub fn allowed_in_tests(from: &Crate, to: &Crate) -> bool {
    allowed(from, to) || (from.layer != Layer::Apart && TEST_LIBRARIES.contains(&to.name))
}
