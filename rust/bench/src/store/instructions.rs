//! Instructions that one operation takes: counted by `valgrind`, the same in every run, however busy the machine is.
//!
//! Valgrind knows fewer instructions than the processor, such as wide carry-less multiplication: checksums of large values take
//! more of them there than in truth.

use super::selection::Operation;
use super::setup::Setup;
use clap::ValueEnum;
use daos_status::{Code, Result, fail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Operations that are counted.
const OPERATIONS: u64 = 2000;

/// Whether `valgrind` is installed.
pub fn can_count() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Instructions of one `case` in class `ram`: this program counts itself.
pub fn per_operation(setup: &Setup, operation: Operation, directory: &Path) -> Result<f64> {
    let value = operation.to_possible_value();
    let case = value.as_ref().map_or("update", |value| value.get_name());
    let operations = OPERATIONS.min(setup.records);
    let folder = directory.join(format!("callgrind-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let counts = folder.join("out");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg("--toggle-collect=*daos_bench_measured*")
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(std::env::current_exe()?)
        .args(["store", "--case", case, "--class", "ram", "--layout", setup.layout.word()])
        .args(["--checksum", setup.checksum.word(), "--depth", "1"])
        .arg(format!("--size={}", setup.size))
        .arg(format!("--records={}", setup.records))
        .arg(format!("--operations={operations}"))
        .arg("--directory")
        .arg(&folder)
        .stdin(Stdio::null())
        .output()?;
    let text = std::fs::read_to_string(&counts);
    std::fs::remove_dir_all(&folder)?;
    let total = text?.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse::<u64>().ok());
    match total {
        Some(total) if output.status.success() => Ok(total as f64 / operations as f64),
        _ => fail!(
            Code::Misc,
            "valgrind has counted nothing of {case}: {}",
            String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it said nothing")
        ),
    }
}
