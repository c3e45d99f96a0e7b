//! How many tests passed and failed, read from the last lines of whoever ran them.

use std::ops::AddAssign;

/// Counts of tests.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Tests that did what they should.
    pub passed: u64,
    /// Tests that did not, and programs that could not be built or started.
    pub failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Tally {
    /// One test.
    pub fn one(passed: bool) -> Self {
        Self { passed: u64::from(passed), failed: u64::from(!passed) }
    }

    /// Whether there was any test.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// What a line of output says; `None` when it is no summary.
    ///
    /// Known are the summaries of nextest (`Summary [ 1.2s] 9 tests run: 7 passed, 1 failed, 1 timed out, 0 skipped`)
    /// and of the built-in harness (`test result: ok. 7 passed; 2 failed; 0 ignored; ...`). The latter stands at the beginning of its line: one further
    /// in is what nextest quotes of a test that failed, and counts already.
    pub fn from_line(line: &str) -> Option<Self> {
        let counts = if let Some(rest) = line.strip_prefix("test result: ") {
            rest
        } else if line.trim_start().starts_with("Summary [") {
            line.split_once("run: ")?.1
        } else {
            return None;
        };
        let mut tally = Self::default();
        for part in counts.split([',', ';', '.', '(']) {
            let Some((number, word)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match word.trim() {
                "passed" => tally.passed += number,
                "failed" | "timed out" | "exec failed" => tally.failed += number,
                _ => {}
            }
        }
        Some(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn counts(line: &str) -> Option<(u64, u64)> {
        Tally::from_line(line).map(|tally| (tally.passed, tally.failed))
    }

    #[test]
    fn summaries_of_both_runners_are_understood() {
        assert_eq!(
            counts(
                "     Summary [   0.005s] 12 tests run: 9 passed (2 slow, 1 flaky), 1 failed, 1 timed out, 1 exec failed, 4 skipped"
            ),
            Some((9, 3))
        );
        assert_eq!(counts("     Summary [   0.000s] 0 tests run: 0 passed, 0 skipped"), Some((0, 0)));
        assert_eq!(
            counts("test result: FAILED. 7 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s"),
            Some((7, 2))
        );
    }

    #[test]
    fn other_lines_are_none() {
        assert_eq!(counts("test a::b ... ok"), None);
        assert_eq!(counts("3 passed, 1 failed"), None);
        assert_eq!(counts("    test result: FAILED. 0 passed; 1 failed; 0 ignored; finished in 3.01s"), None);
    }
}
