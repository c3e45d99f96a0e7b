//! Sizes, rates and times as people write and read them.

/// Names of powers, from the largest.
const POWERS: &[(&str, u32)] = &[("E", 6), ("P", 5), ("T", 4), ("G", 3), ("M", 2), ("K", 1)];

/// Reads a size: a number, a power (`K` to `E` of 1000, `Ki` to `Ei` of 1024) and an optional `B`, in any case.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let upper = trimmed.to_ascii_uppercase();
    let upper = upper.strip_suffix('B').unwrap_or(&upper);
    let (base, rest) = match upper.strip_suffix('I') {
        Some(rest) => (1024_u64, rest),
        None => (1000, upper),
    };
    let power = POWERS.iter().find_map(|(name, power)| Some((rest.strip_suffix(name)?, *power)));
    let (number, unit) = match power {
        Some((number, power)) => (number, base.pow(power)),
        None if base == 1024 => return Err(not_a_size(text)),
        None => (rest, 1),
    };
    scaled(number.trim_end(), unit).ok_or_else(|| not_a_size(text))
}

fn not_a_size(text: &str) -> String {
    format!("'{text}' is no size; write bytes, or a number with K, M, G, T or Ki, Mi, Gi, Ti")
}

/// A decimal number times a unit, exactly; `None` when it is no number or does not fit.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) || fraction.len() > 18 {
        return None;
    }
    let number: u128 = format!("{whole}{fraction}").parse().ok()?;
    let value = number.checked_mul(u128::from(unit))? / 10_u128.pow(fraction.len() as u32);
    u64::try_from(value).ok()
}

/// A size for people: three figures and a power of 1000.
pub fn size(bytes: u64) -> String {
    for (name, power) in POWERS {
        let value = bytes as f64 / 1000_f64.powi(*power as i32);
        // What would be written as 1000 of a unit is written as 1 of the next.
        if value >= 0.9995 {
            let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
            return format!("{value:.decimals$} {name}B");
        }
    }
    format!("{bytes} B")
}

/// A number with the right form of a noun.
pub fn count(number: u64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

/// A moment in nanoseconds since the Unix epoch, in UTC, by RFC 3339; nothing for zero.
pub fn moment(nanoseconds: u64) -> String {
    if nanoseconds == 0 {
        return String::new();
    }
    const DAY: u64 = 24 * 60 * 60;
    let seconds = nanoseconds / 1_000_000_000;
    let (year, month, day) = date(seconds / DAY);
    let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
    let millisecond = nanoseconds / 1_000_000 % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// Year, month and day of a number of days since the first of January 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    // At most 585 rounds: nanoseconds in 64 bits end there.
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read_in_the_usual_forms() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("4096b", 4096),
            ("10G", 10_000_000_000),
            ("10 GB", 10_000_000_000),
            ("10gib", 10 << 30),
            ("1.5Ti", 3 << 39),
            (".5K", 500),
            ("16E", 16_000_000_000_000_000_000),
            ("1.0000000001G", 1_000_000_000),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "G", "i", "1i", "1iB", "-1", "1e9", "1.2.3", "1X", "17EiB", "99999999999999999999", "1,5G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_written_with_three_figures() {
        for (bytes, text) in [
            (999, "999 B"),
            (999_499, "999 KB"),
            (999_500, "1.00 MB"),
            (9_999_000, "10.0 MB"),
            (99_960_000, "100 MB"),
            (1000, "1.00 KB"),
            (12_345_678, "12.3 MB"),
            (123_456_789_012, "123 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn moments_are_dates_in_utc() {
        assert_eq!(moment(0), "");
        assert_eq!(moment(951_782_400_000_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(moment(1_735_689_599_999_000_000), "2024-12-31T23:59:59.999Z");
        assert!(moment(u64::MAX).starts_with("2554-07-21T"));
    }

    #[test]
    fn nouns_have_their_plural() {
        assert_eq!(
            (count(1, "file"), count(0, "file"), count(2, "directory")),
            ("1 file".to_owned(), "0 files".to_owned(), "2 directories".to_owned())
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_size_or_refused(text in ".{0,24}") {
            let _ = parse_size(&text);
        }

        #[test]
        fn plain_numbers_are_bytes(bytes: u64) {
            prop_assert_eq!(parse_size(&bytes.to_string()), Ok(bytes));
        }

        #[test]
        fn any_moment_has_a_date(nanoseconds: u64) {
            prop_assert!(moment(nanoseconds).len() <= 24);
        }
    }
}
