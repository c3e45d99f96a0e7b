//! How tests ended.

use std::collections::BTreeSet;

/// How tests ended, by their names.
#[derive(Default)]
pub struct Results {
    pub passed: BTreeSet<String>,
    pub failed: BTreeSet<String>,
    pub skipped: BTreeSet<String>,
}

impl Results {
    /// Takes in the lines of one process.
    pub fn take(&mut self, text: &str) {
        let mut open = BTreeSet::new();
        for line in text.lines() {
            let Some((word, name)) = line.split_once(' ') else { continue };
            let name = name.to_owned();
            match word {
                "started" => {
                    open.insert(name);
                    continue;
                }
                "passed" => self.passed.insert(name.clone()),
                "skipped" => self.skipped.insert(name.clone()),
                _ => self.failed.insert(name.clone()),
            };
            open.remove(&name);
        }
        // With those the process ended.
        self.failed.append(&mut open);
        // What failed in cleaning up had passed before.
        self.passed.retain(|name| !self.failed.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_the_process_or_fails_in_cleaning_up_has_failed() {
        let mut results = Results::default();
        results.take("started a\npassed a\nstarted b\nskipped b\nstarted c\npassed c\nfailed c\nstarted d\n");
        results.take("started e\nfailed e\n");
        let names = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(names(&results.passed), "a");
        assert_eq!(names(&results.skipped), "b");
        assert_eq!(names(&results.failed), "c d e");
    }
}
