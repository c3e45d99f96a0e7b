//! The machine that the engine runs on.

/// Where Linux says which boot of which machine this is.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Where it says the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

fn read(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// A name that is equal for processes that can share memory: the machine since its last boot.
pub(crate) fn name() -> String {
    read(BOOT_ID)
}

/// The machine's name; "localhost" when it has none.
pub(crate) fn host() -> String {
    Some(read(HOST_NAME)).filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
