//! What the kernel may remember, and for how long.

use std::time::Duration;

/// Names of the container attributes that decide; upstream's words.
pub const ATTRIBUTES: [&str; 6] = [
    "dfuse-attr-time",
    "dfuse-dentry-time",
    "dfuse-dentry-dir-time",
    "dfuse-ndentry-time",
    "dfuse-data-cache",
    "dfuse-direct-io-disable",
];

/// How long what `stat` tells, and names of files, are believed when nobody says (upstream's second).
const ATTRIBUTE_TIME: Duration = Duration::from_secs(1);
/// How long names of directories are believed when nobody says (upstream's number).
const DIRECTORY_TIME: Duration = Duration::from_secs(5);
/// How long content is kept after the last close when nobody says (upstream's ten minutes). It is checked at every open.
const DATA_TIME: Duration = Duration::from_secs(600);

/// Whether the content of files is cached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataCache {
    /// Never: every read and write goes to the engine.
    Off,
    /// While a file is open.
    OpenToClose,
    /// Also from one open to the next, when that comes within this time and nobody else has changed the file.
    For(Duration),
}

/// What the kernel may remember of a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caching {
    /// What `stat` tells.
    pub attributes: Duration,
    /// A name of a file.
    pub entries: Duration,
    /// A name of a directory.
    pub directories: Duration,
    /// That there is no such name.
    pub missing: Duration,
    /// Content.
    pub data: DataCache,
    /// `O_DIRECT` is not honoured: the cache is always used.
    pub ignore_direct: bool,
}

impl Caching {
    /// Nothing is remembered.
    pub const NONE: Caching = Caching {
        attributes: Duration::ZERO,
        entries: Duration::ZERO,
        directories: Duration::ZERO,
        missing: Duration::ZERO,
        data: DataCache::Off,
        ignore_direct: false,
    };

    /// When neither command line nor container say anything. That a name is missing is not remembered, unlike upstream's 5 s:
    /// what another program of the node creates is there at once.
    pub const DEFAULT: Caching = Caching {
        attributes: ATTRIBUTE_TIME,
        entries: ATTRIBUTE_TIME,
        directories: DIRECTORY_TIME,
        missing: Duration::ZERO,
        data: DataCache::For(DATA_TIME),
        ignore_direct: false,
    };

    /// What the attributes of a container say, in the order of [`ATTRIBUTES`]. When one is set, the others are off unless they
    /// are set too. The second part names attributes that cannot be understood; those are off.
    pub fn of_attributes(values: &[Option<Vec<u8>>]) -> (Caching, Vec<&'static str>) {
        if values.iter().all(Option::is_none) {
            return (Caching::DEFAULT, Vec::new());
        }
        let mut wrong = Vec::new();
        let mut read = |index: usize| {
            let bytes = values.get(index)?.as_ref()?;
            let text = std::str::from_utf8(bytes).unwrap_or_default().trim_matches(['\0', ' ', '\n']);
            Some((index, text.to_ascii_lowercase()))
        };
        let words: Vec<Option<(usize, String)>> = (0..ATTRIBUTES.len()).map(&mut read).collect();
        let mut time = |index: usize| {
            let (_, text) = words[index].as_ref()?;
            let parsed = parse_time(text);
            if parsed.is_none() {
                wrong.push(ATTRIBUTES[index]);
            }
            Some(parsed.unwrap_or_default())
        };
        let attributes = time(0).unwrap_or_default();
        let entries = time(1).unwrap_or_default();
        let directories = time(2).unwrap_or(entries);
        let missing = time(3).unwrap_or_default();
        let data = match words[4].as_ref().map(|(_, text)| text.as_str()) {
            None | Some("off" | "false") => DataCache::Off,
            Some("on" | "true") => DataCache::For(DATA_TIME),
            Some("otoc") => DataCache::OpenToClose,
            Some(text) => match parse_time(text) {
                Some(Duration::ZERO) => DataCache::Off,
                Some(time) => DataCache::For(time),
                None => {
                    wrong.push(ATTRIBUTES[4]);
                    DataCache::Off
                }
            },
        };
        let ignore_direct = match words[5].as_ref().map(|(_, text)| text.as_str()) {
            None | Some("off" | "false") => false,
            Some("on" | "true") => true,
            Some(_) => {
                wrong.push(ATTRIBUTES[5]);
                false
            }
        };
        let data = if ignore_direct && data == DataCache::Off { DataCache::For(DATA_TIME) } else { data };
        (Caching { attributes, entries, directories, missing, data, ignore_direct }, wrong)
    }
}

/// Reads a number of seconds, or one with the suffix `s`, `m`, `h` or `d`.
fn parse_time(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 's') => (&text[..at], 1),
        (at, 'm') => (&text[..at], 60),
        (at, 'h') => (&text[..at], 3600),
        (at, 'd') => (&text[..at], 86400),
        _ => (text, 1),
    };
    let number: u32 = digits.parse().ok()?;
    Some(Duration::from_secs(u64::from(number) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(usize, &str)]) -> (Caching, Vec<&'static str>) {
        let mut values = vec![None; ATTRIBUTES.len()];
        for (index, text) in pairs {
            values[*index] = Some(text.as_bytes().to_vec());
        }
        Caching::of_attributes(&values)
    }

    #[test]
    fn times_have_units() {
        assert_eq!(parse_time("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse_time("2m"), Some(Duration::from_secs(120)));
        assert_eq!(parse_time("1d"), Some(Duration::from_secs(86400)));
        for wrong in ["", "m", "1.5", "-1", "1w", "99999999999"] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_attribute_turns_the_others_off() {
        assert_eq!(of(&[]), (Caching::DEFAULT, vec![]));
        let (caching, wrong) = of(&[(1, "3")]);
        assert!(wrong.is_empty());
        assert_eq!(caching.directories, Duration::from_secs(3), "follows the time of entries");
        assert_eq!((caching.attributes, caching.data), (Duration::ZERO, DataCache::Off));
    }

    #[test]
    fn data_is_cached_as_the_words_say() {
        assert_eq!(of(&[(4, "otoc")]).0.data, DataCache::OpenToClose);
        assert_eq!(of(&[(4, "5m")]).0.data, DataCache::For(Duration::from_secs(300)));
        assert_eq!(of(&[(4, "0")]).0.data, DataCache::Off);
        assert_eq!(of(&[(4, "maybe")]), (Caching { data: DataCache::Off, ..Caching::NONE }, vec!["dfuse-data-cache"]));
        assert!(matches!(of(&[(5, "on")]).0, Caching { ignore_direct: true, data: DataCache::For(_), .. }));
    }
}
