//! A tree of C sources, the same at every run.

use crate::measure::Shuffle;
use daos_status::Result;
use std::fmt::Write;
use std::path::Path;

/// Headers that each source includes.
const HEADERS: u64 = 24;
/// Bytes of a file: half of them are below 4 KiB, as in trees of sources; one in so many is large.
const SIZES: [u64; 8] = [200, 700, 1500, 2500, 5000, 9000, 16_000, 30_000];
const LARGE: u64 = 180_000;
const ONE_IS_LARGE: u64 = 64;
/// Compiles all sources, links them, and runs what that gave; one object after the other, as most programs are built by hand.
const BUILD: &str = "set -e
mkdir objects
for source in sources/*.c; do
    object=objects/${source##*/}
    cc -O1 -Iheaders -c $source -o ${object%.c}.o
done
cc objects/*.o -o objects/program
./objects/program
";

/// What a tree is made of.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    directories: u64,
    files_of_each: u64,
    /// Files that are compiled.
    pub sources: u64,
}

impl Tree {
    /// As a small project.
    pub fn medium() -> Tree {
        Tree { directories: 10, files_of_each: 28, sources: 10 }
    }

    /// To see that it runs.
    pub fn small() -> Tree {
        Tree { directories: 2, files_of_each: 4, sources: 2 }
    }

    /// All files.
    pub fn files(&self) -> u64 {
        self.directories * self.files_of_each + self.sources + HEADERS + 1
    }

    /// Writes it; gives how many bytes that were.
    pub fn write(&self, place: &Path) -> Result<u64> {
        let mut bytes = 0;
        let mut put = |name: String, text: &str| -> Result<()> {
            let path = place.join(name);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            bytes += text.len() as u64;
            Ok(std::fs::write(path, text)?)
        };
        for header in 0..HEADERS {
            let mut text = format!("#ifndef H{header}\n#define H{header}\n");
            for number in 0..40 {
                let _ignored = writeln!(
                    text,
                    "static inline unsigned f{header}_{number}(unsigned x) {{ return x * {number}u + {header}u; }}"
                );
            }
            put(format!("headers/h{header}.h"), &(text + "#endif\n"))?;
        }
        for source in 0..self.sources {
            put(format!("sources/s{source}.c"), &source_text(source, self.sources))?;
        }
        put("build.sh".to_owned(), BUILD)?;
        let mut sizes = Shuffle::below(u64::MAX);
        for directory in 0..self.directories {
            for file in 0..self.files_of_each {
                let drawn = sizes.next();
                let size = if drawn.is_multiple_of(ONE_IS_LARGE) {
                    LARGE
                } else {
                    SIZES[(drawn >> 32) as usize % SIZES.len()]
                };
                let line = format!("/* line of file {file} in directory {directory} */\n");
                let count = size / line.len() as u64 + 1;
                put(format!("part{}/module{directory}/file{file}.c", directory % 8), &line.repeat(count as usize))?;
            }
        }
        Ok(bytes)
    }
}

/// A source of its own, with as much to compile as a small one has; the first has the program's beginning.
fn source_text(source: u64, sources: u64) -> String {
    let mut text = String::from("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
    for header in 0..HEADERS {
        let _ignored = writeln!(text, "#include \"h{header}.h\"");
    }
    for number in 0..20 {
        let header = (source + number) % HEADERS;
        let _ignored = writeln!(
            text,
            "unsigned g{source}_{number}(unsigned x) {{ unsigned y = 0; for (unsigned i = 0; i < x; i++) y ^= f{header}_{number}(i); return y; }}"
        );
    }
    if source == 0 {
        for other in 1..sources {
            let _ignored = writeln!(text, "unsigned g{other}_0(unsigned);");
        }
        text.push_str("int main(void) {\n    unsigned y = g0_0(3);\n");
        for other in 1..sources {
            let _ignored = writeln!(text, "    y ^= g{other}_0({other});");
        }
        text.push_str("    return printf(\"%u\\n\", y) < 0;\n}\n");
    }
    text
}
