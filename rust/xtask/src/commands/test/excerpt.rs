//! What of a failed program's output is shown: a log of a thousand lines hides the one that says why.

use std::fmt::Write;

/// How it began: what it was told to do.
const HEAD_LINES: usize = 4;

/// How it ended; the reason mostly stands here.
const TAIL_LINES: usize = 10;

/// What follows a line that names a fault: the place in the source, and who called.
const CAUSE_LINES: usize = 6;

/// How lines say that they name a fault, by sanitizers, valgrind and Rust.
const CAUSES: &[&str] =
    &["runtime error:", "ERROR: ", "Invalid read", "Invalid write", "definitely lost", "panicked at"];

/// Beginning and end of a text, and the first fault that it names between them; the rest is only counted.
///
/// Whoever gathers reports of many programs keeps the first lines of each, so this must be short.
pub fn excerpt(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.len().saturating_sub(TAIL_LINES);
    let cause = lines.iter().position(|line| CAUSES.iter().any(|mark| line.contains(mark)));
    let is_shown = |index: usize| {
        index < HEAD_LINES || index >= tail || cause.is_some_and(|at| (at..at + CAUSE_LINES).contains(&index))
    };
    let mut shown = String::new();
    let mut left_out = 0;
    for (index, line) in lines.iter().enumerate() {
        if !is_shown(index) {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            let _ = writeln!(shown, "[{left_out} lines left out]");
            left_out = 0;
        }
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(range: std::ops::Range<usize>) -> String {
        range.fold(String::new(), |text, number| text + &format!("line {number}\n"))
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        let text = numbered(0..HEAD_LINES + TAIL_LINES);
        assert_eq!(excerpt(&text), text);
        assert_eq!(excerpt(""), "");
    }

    #[test]
    fn of_a_long_text_both_ends_are_shown() {
        let text = excerpt(&numbered(0..1000));
        assert!(text.starts_with("line 0\n"));
        assert!(text.ends_with("line 998\nline 999\n"));
        assert!(text.contains("\n[986 lines left out]\n"));
        assert_eq!(text.lines().count(), HEAD_LINES + TAIL_LINES + 1);
    }

    #[test]
    fn a_fault_in_the_middle_is_shown() {
        let long = numbered(0..500) + "a.c:428:15: runtime error: misaligned\n" + &numbered(500..1000);
        let text = excerpt(&long);
        assert!(text.contains("\n[496 lines left out]\na.c:428:15: runtime error: misaligned\nline 500\n"));
        assert!(text.ends_with("line 999\n"));
    }
}
