//! The file of `daos_server`.

use super::Unused;
use serde::Deserialize;
use std::path::PathBuf;

/// A file to begin with.
pub const TEMPLATE: &str = include_str!("daos_server.yml");

/// `daos_server.yml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerFile {
    /// Name of the system.
    pub name: Option<String>,
    /// Engines that hold the system's metadata; `access_points` in older files.
    #[serde(alias = "access_points")]
    pub mgmt_svc_replicas: Vec<String>,
    /// Control port of the first engine; the others have those behind it.
    pub port: Option<u16>,
    /// Host name or address by which this machine's engines are reached.
    pub control_iface: Option<String>,
    /// Provider of the fabric.
    pub provider: Option<String>,
    /// Fault domain of this machine.
    pub fault_path: Option<String>,
    /// Port of metrics of the first engine; the others have those behind it.
    pub telemetry_port: Option<u16>,
    /// Log of engines that have none of their own.
    pub control_log_file: Option<PathBuf>,
    /// Least important level that is logged.
    pub control_log_mask: Option<String>,
    /// The engines of this machine.
    pub engines: Vec<EngineSection>,
    transport_config: Unused,
    telemetry_config: Unused,
    control_metadata: Unused,
    socket_dir: Unused,
    helper_log_file: Unused,
    firmware_helper_log_file: Unused,
    nr_hugepages: Unused,
    disable_hugepages: Unused,
    disable_vfio: Unused,
    disable_vmd: Unused,
    enable_hotplug: Unused,
    disable_hotplug: Unused,
    system_ram_reserved: Unused,
    allow_numa_imbalance: Unused,
    allow_thp: Unused,
    core_dump_filter: Unused,
    client_env_vars: Unused,
    hyperthreads: Unused,
    crt_timeout: Unused,
    fabric_auth_key: Unused,
    bdev_exclude: Unused,
}

/// An engine of the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSection {
    /// How many targets.
    pub targets: Option<u32>,
    /// Provider of its fabric, when it differs.
    pub provider: Option<String>,
    /// Network interface of its fabric.
    pub fabric_iface: Option<String>,
    /// First fabric port.
    pub fabric_iface_port: Option<u16>,
    /// Its log.
    pub log_file: Option<PathBuf>,
    /// Least important level that is logged.
    pub log_mask: Option<String>,
    /// Where it stores.
    pub storage: Vec<StorageTier>,
    nr_xs_helpers: Unused,
    first_core: Unused,
    pinned_numa_node: Unused,
    bypass_health_chk: Unused,
    env_vars: Unused,
    env_pass_through: Unused,
    crt_timeout: Unused,
    crt_ctx_share_addr: Unused,
    fabric_auth_key: Unused,
}

/// A tier of storage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageTier {
    /// `ram`, `dcpm`, `nvme` or `file`.
    pub class: String,
    /// The engine's directory.
    pub scm_mount: Option<PathBuf>,
    scm_size: Unused,
    scm_list: Unused,
    scm_hugepages_disabled: Unused,
    bdev_list: Unused,
    bdev_size: Unused,
    bdev_roles: Unused,
    bdev_busid_range: Unused,
}

impl ServerFile {
    /// Keys that the file has and that mean nothing here.
    pub fn unused(&self) -> Vec<&'static str> {
        let of_file = [
            ("transport_config", &self.transport_config),
            ("telemetry_config", &self.telemetry_config),
            ("control_metadata", &self.control_metadata),
            ("socket_dir", &self.socket_dir),
            ("helper_log_file", &self.helper_log_file),
            ("firmware_helper_log_file", &self.firmware_helper_log_file),
            ("nr_hugepages", &self.nr_hugepages),
            ("disable_hugepages", &self.disable_hugepages),
            ("disable_vfio", &self.disable_vfio),
            ("disable_vmd", &self.disable_vmd),
            ("enable_hotplug", &self.enable_hotplug),
            ("disable_hotplug", &self.disable_hotplug),
            ("system_ram_reserved", &self.system_ram_reserved),
            ("allow_numa_imbalance", &self.allow_numa_imbalance),
            ("allow_thp", &self.allow_thp),
            ("core_dump_filter", &self.core_dump_filter),
            ("client_env_vars", &self.client_env_vars),
            ("hyperthreads", &self.hyperthreads),
            ("crt_timeout", &self.crt_timeout),
            ("fabric_auth_key", &self.fabric_auth_key),
            ("bdev_exclude", &self.bdev_exclude),
        ];
        let mut names: Vec<&str> = of_file.iter().filter(|(_, key)| key.is_there()).map(|(name, _)| *name).collect();
        for engine in &self.engines {
            names.extend(engine.unused());
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl EngineSection {
    fn unused(&self) -> Vec<&'static str> {
        let of_engine = [
            ("nr_xs_helpers", &self.nr_xs_helpers),
            ("first_core", &self.first_core),
            ("pinned_numa_node", &self.pinned_numa_node),
            ("bypass_health_chk", &self.bypass_health_chk),
            ("env_vars", &self.env_vars),
            ("env_pass_through", &self.env_pass_through),
            ("crt_timeout", &self.crt_timeout),
            ("crt_ctx_share_addr", &self.crt_ctx_share_addr),
            ("fabric_auth_key", &self.fabric_auth_key),
        ];
        let mut names: Vec<&str> = of_engine.iter().filter(|(_, key)| key.is_there()).map(|(name, _)| *name).collect();
        for tier in &self.storage {
            let of_tier = [
                ("scm_size", &tier.scm_size),
                ("scm_list", &tier.scm_list),
                ("scm_hugepages_disabled", &tier.scm_hugepages_disabled),
                ("bdev_list", &tier.bdev_list),
                ("bdev_size", &tier.bdev_size),
                ("bdev_roles", &tier.bdev_roles),
                ("bdev_busid_range", &tier.bdev_busid_range),
            ];
            names.extend(of_tier.iter().filter(|(_, key)| key.is_there()).map(|(name, _)| *name));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::parse;

    #[test]
    fn the_template_is_valid_and_says_what_holds_anyhow() {
        let file: ServerFile = parse(TEMPLATE).expect("valid");
        assert_eq!(file.engines.len(), 1);
        assert_eq!((file.name.as_deref(), file.port), (Some("daos_server"), Some(10001)));
        assert!(file.unused().is_empty());
        assert!(TEMPLATE.lines().all(|line| line.chars().count() < 80));
    }

    #[test]
    fn a_file_of_upstream_is_understood() {
        let text = "
name: daos_server
access_points: ['example1']
provider: ofi+tcp;ofi_rxm
socket_dir: /var/run/daos_server
nr_hugepages: 4096
control_log_mask: INFO
transport_config:
  allow_insecure: false
  client_cert_dir: /etc/daos/certs/clients
engines:
- targets: 8
  nr_xs_helpers: 0
  first_core: 0
  fabric_iface: ib0
  fabric_iface_port: 31316
  log_file: /tmp/daos_engine.0.log
  log_mask: INFO
  env_vars:
  - CRT_TIMEOUT=30
  storage:
  - class: ram
    scm_mount: /mnt/daos0
    scm_size: 16
  - class: nvme
    bdev_list: ['0000:81:00.0']
";
        let file: ServerFile = parse(text).expect("valid");
        assert_eq!(file.mgmt_svc_replicas, ["example1"]);
        assert_eq!(file.engines[0].storage[0].scm_mount, Some("/mnt/daos0".into()));
        let unused = ["bdev_list", "env_vars", "first_core", "nr_hugepages", "nr_xs_helpers", "scm_size", "socket_dir"];
        assert_eq!(file.unused(), [&unused[..], &["transport_config"]].concat());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, part) in [
            ("name: x\nprot: 1\n", 2, "prot"),
            ("port: many\n", 1, "many"),
            ("port: 70000\n", 1, "70000"),
            ("engines:\n- targets: 1\n  target: 2\n", 3, "target"),
            ("engines:\n- storage:\n  - class: ram\n    scm_mont: /x\n", 4, "scm_mont"),
            ("name: [\n", 1, "name"),
            ("port: 1\nport: 2\n", 2, "port"),
        ] {
            let sentence = parse::<ServerFile>(text).expect_err(text);
            assert!(sentence.starts_with(&format!("line {line}, ")), "{text}: {sentence}");
            assert!(sentence.contains(part) && !sentence.contains('\n'), "{text}: {sentence}");
        }
    }
}
