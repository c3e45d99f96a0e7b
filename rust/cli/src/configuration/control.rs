//! The file of `dmg`: where the system is.

use super::Unused;
use serde::Deserialize;

/// `daos_control.yml`, and what of `daos_agent.yml` says where the system is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlFile {
    /// Name of the system.
    pub name: Option<String>,
    /// Hosts of engines; `access_points` in the agent's file.
    #[serde(alias = "access_points")]
    pub hostlist: Vec<String>,
    /// Control port of hosts that have none.
    pub port: Option<u16>,
    /// Certificates: this release has none.
    transport_config: Unused,
    control_log_file: Unused,
    control_log_mask: Unused,
    log_file: Unused,
    runtime_dir: Unused,
}

impl ControlFile {
    /// `host:port` of every host.
    pub fn places(&self) -> Vec<String> {
        let port = self.port.unwrap_or(daos_client::CONTROL_PORT_DEFAULT);
        self.hostlist.iter().map(|host| daos_client::with_control_port(host, port)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::parse;

    #[test]
    fn hosts_get_the_port_of_the_file() {
        let text = "name: mine\nport: 7\nhostlist: ['a', 'b:8']\ntransport_config: {allow_insecure: true}\n";
        let file: ControlFile = parse(text).expect("valid");
        assert_eq!((file.name.as_deref(), file.places()), (Some("mine"), vec!["a:7".to_owned(), "b:8".to_owned()]));
        assert_eq!(parse::<ControlFile>("# nothing\n").expect("valid").places(), Vec::<String>::new());
        let sentence = parse::<ControlFile>("name: x\nhostlits: [a]\n").expect_err("a slip of the pen");
        assert!(sentence.starts_with("line 2, ") && sentence.contains("hostlits"), "{sentence}");
    }
}
