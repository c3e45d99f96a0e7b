//! Options and file of `daos_server start`, as settings of engines.

use crate::arguments::StartOptions;
use crate::configuration::{self, EngineSection, ServerFile};
use crate::failure::{Failure, Result};
use daos_client::{CONTROL_PORT_DEFAULT, with_control_port};
use daos_rpc::libfabric::FabricSettings;
use daos_server::{LogMask, SystemEngineSettings};
use daos_status::Code;
use std::io::Write;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::PathBuf;

/// The most engines of one file.
const ENGINES_MAX: usize = 16;

/// The settings of every engine that is to be started.
pub fn of(options: &StartOptions) -> Result<Vec<SystemEngineSettings>> {
    let file = match &options.config_path {
        Some(path) => configuration::read(path)?,
        None => ServerFile::default(),
    };
    let sections = if file.engines.is_empty() { vec![EngineSection::default()] } else { file.engines.clone() };
    let wrong = |sentence: String| match &options.config_path {
        Some(path) => Failure::new(Code::Inval, format!("{}: {sentence}", path.display())),
        None => Failure::new(Code::Inval, sentence),
    };
    if sections.len() > ENGINES_MAX {
        return Err(wrong(format!("{} engines are more than {ENGINES_MAX}", sections.len())));
    }
    if sections.len() > 1 && options.storage.is_some() {
        return Err(wrong("--storage cannot be the directory of several engines; leave it out".to_owned()));
    }
    if options.engine.is_none() {
        warn(&file);
    }
    let engines = sections.iter().enumerate().map(|(number, section)| engine(options, &file, section, number));
    let engines = engines.collect::<std::result::Result<Vec<_>, String>>().map_err(wrong)?;
    for (number, engine) in engines.iter().enumerate() {
        if let Some(other) = engines[..number].iter().position(|other| other.directory == engine.directory) {
            let directory = engine.directory.display();
            return Err(wrong(format!("engines {other} and {number} have the same directory, {directory}")));
        }
    }
    Ok(engines)
}

/// Says once what of a file of upstream means nothing here.
fn warn(file: &ServerFile) {
    let unused = file.unused();
    if !unused.is_empty() {
        let mut output = std::io::stderr().lock();
        // A warning that nobody reads keeps nobody from starting.
        let _unread = writeln!(output, "daos_server: not used by this release: {}", unused.join(", "));
    }
}

fn engine(
    options: &StartOptions,
    file: &ServerFile,
    section: &EngineSection,
    number: usize,
) -> std::result::Result<SystemEngineSettings, String> {
    let first = options.port.or(file.port).unwrap_or(CONTROL_PORT_DEFAULT);
    let port = behind(first, number)?;
    let directory = match (&options.storage, directory_of(section, number)?) {
        (Some(directory), _) => directory.clone(),
        (None, Some(directory)) => directory,
        (None, None) => default_directory(port)?,
    };
    let mut settings = SystemEngineSettings::new(directory);
    settings.port = port;
    if let Some(name) = options.name.as_ref().or(file.name.as_ref()) {
        settings.system = name.clone();
    }
    if let Some(host) = options.host.as_ref().or(file.control_iface.as_ref()) {
        settings.host = host.clone();
    }
    let replicas = if options.replicas.is_empty() { &file.mgmt_svc_replicas } else { &options.replicas };
    settings.replicas = replicas.iter().map(|name| with_control_port(name, first)).collect();
    settings.targets = options.targets.or(section.targets);
    if settings.targets.is_some_and(|targets| !(1..=64).contains(&targets)) {
        return Err(format!("engine {number}: targets are 1 to 64"));
    }
    settings.domain = options.fault_domain.clone().or_else(|| file.fault_path.clone());
    settings.telemetry_port =
        options.telemetry_port.or(file.telemetry_port).map(|port| behind(port, number)).transpose()?;
    settings.log_file = section.log_file.clone().or_else(|| file.control_log_file.clone());
    if let Some(mask) = options.log_mask.as_ref().or(section.log_mask.as_ref()).or(file.control_log_mask.as_ref()) {
        settings.log_mask = LogMask::parse(mask).map_err(|status| status.context().to_owned())?;
    }
    settings.fabric = fabric(options, file, section, &settings.host)?;
    Ok(settings)
}

fn behind(first: u16, number: usize) -> std::result::Result<u16, String> {
    let port = u16::try_from(number).ok().and_then(|number| first.checked_add(number));
    port.filter(|port| *port > 0)
        .ok_or_else(|| format!("port {first} leaves no room for engine {number}; give another"))
}

fn fabric(
    options: &StartOptions,
    file: &ServerFile,
    section: &EngineSection,
    host: &str,
) -> std::result::Result<FabricSettings, String> {
    let provider = options.fabric.as_ref().or(section.provider.as_ref()).or(file.provider.as_ref());
    let mut fabric = FabricSettings::new(provider.map_or("tcp", String::as_str));
    match options.interface.as_ref().or(section.fabric_iface.as_ref()) {
        Some(interface) => fabric.interface = Some(interface.clone()),
        None => fabric.host = Some(address_of(host)?.to_string()),
    }
    fabric.port = options.fabric_port.or(section.fabric_iface_port).unwrap_or(0);
    Ok(fabric)
}

/// The directory among the tiers of storage.
fn directory_of(section: &EngineSection, number: usize) -> std::result::Result<Option<PathBuf>, String> {
    let mut directory = None;
    for tier in &section.storage {
        match (tier.class.as_str(), &tier.scm_mount) {
            ("ram" | "dcpm", Some(mount)) => {
                if directory.replace(mount.clone()).is_some() {
                    return Err(format!("engine {number}: two tiers of storage have a directory; leave one"));
                }
            }
            ("ram" | "dcpm", None) => {
                return Err(format!("engine {number}: storage of class {} needs scm_mount, its directory", tier.class));
            }
            // Large values lie in files of the directory in this release.
            ("nvme" | "file", None) => {}
            (class, _) => {
                return Err(format!("engine {number}: storage class '{class}' is none of ram, dcpm, nvme, file"));
            }
        }
    }
    Ok(directory)
}

/// The address of a host name.
fn address_of(host: &str) -> std::result::Result<IpAddr, String> {
    let found = (host, 0).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    match found {
        Some(address) => Ok(address.ip()),
        None => Err(format!("host '{host}' has no address; give this machine's name or address")),
    }
}

/// Where an engine stores when nobody says.
fn default_directory(port: u16) -> std::result::Result<PathBuf, String> {
    let directory = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = directory("XDG_DATA_HOME").or_else(|| directory("HOME").map(|home| home.join(".local/share")));
    match data {
        Some(data) => Ok(data.join("daos_server").join(port.to_string())),
        None => Err("no directory for the engine: give --storage, or set HOME".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{ServerArguments, ServerCommand};
    use clap::Parser;

    fn options(words: &[&str]) -> StartOptions {
        let line = [&["daos_server", "start"], words].concat();
        match ServerArguments::try_parse_from(line).expect("a valid line").command {
            ServerCommand::Start(options) => options,
            other => panic!("{other:?}"),
        }
    }

    fn with_file(text: &str, words: &[&str]) -> std::result::Result<Vec<SystemEngineSettings>, String> {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("x.yml");
        std::fs::write(&path, text).expect("writable");
        let words = [&["-o", path.to_str().expect("text")], words].concat();
        of(&options(&words)).map_err(|failure| failure.to_string())
    }

    #[test]
    fn engines_of_a_file_have_ports_behind_each_other() {
        let text = "name: s\nport: 7000\ntelemetry_port: 9000\nmgmt_svc_replicas: [localhost]\nengines:\n\
                    - storage: [{class: ram, scm_mount: /a}]\n  targets: 2\n  log_mask: DEBUG\n\
                    - storage: [{class: dcpm, scm_mount: /b}, {class: nvme}]\n";
        let engines = with_file(text, &[]).expect("valid");
        assert_eq!((engines[0].port, engines[1].port, engines[1].telemetry_port), (7000, 7001, Some(9001)));
        assert_eq!((&engines[0].directory, &engines[1].directory), (&"/a".into(), &"/b".into()));
        assert_eq!((engines[0].targets, engines[1].targets), (Some(2), None));
        let masks = [&engines[0].log_mask, &engines[1].log_mask].map(ToString::to_string);
        assert_eq!(masks, ["DEBUG", "INFO"]);
        assert_eq!(engines[1].replicas, ["localhost:7000"]);
        // The line counts more than the file.
        let engines =
            with_file("name: s\nport: 1\n", &["--name", "t", "--port", "2", "--storage", "/x"]).expect("valid");
        assert_eq!((engines[0].system.as_str(), engines[0].port), ("t", 2));
    }

    #[test]
    fn what_cannot_be_is_a_sentence_with_the_file() {
        for (text, part) in [
            (
                "engines:\n- storage: [{class: ram, scm_mount: /a}]\n- storage: [{class: ram, scm_mount: /a}]\n",
                "same directory",
            ),
            ("engines:\n- storage: [{class: ram}]\n", "scm_mount"),
            ("engines:\n- storage: [{class: disk}]\n", "'disk'"),
            ("engines:\n- targets: 0\n", "1 to 64"),
            ("engines:\n- log_mask: LOUD\n", "'LOUD'"),
            ("control_iface: no.such.host.invalid\n", "no.such.host.invalid"),
            ("port: 65535\nengines: [{targets: 1}, {targets: 1}]\n", "port 65535"),
        ] {
            let sentence = with_file(text, &[]).expect_err(text);
            assert!(sentence.contains(part) && sentence.contains("x.yml"), "{sentence}");
        }
    }
}
