//! The facts about the C API that stand in `tests/abi`, and which of them the headers declare.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result};

/// One field of one type.
pub struct Field {
    /// The header that upstream declares it in.
    pub header: String,
    /// The type as C names it.
    pub of_type: String,
    /// Size of the type in bytes.
    pub size: u64,
    /// Alignment of the type in bytes.
    pub align: u64,
    /// Name of the field; `(anon)` for a member without a name.
    pub name: String,
    /// Offset in bits.
    pub offset_bits: u64,
    /// Type of the field as C names it.
    pub field_type: String,
    /// Whether it is a bit-field, which has no offset that C can ask for.
    pub is_bit_field: bool,
}

/// One number: an enumerator or a macro.
pub struct Constant {
    /// The header that upstream declares it in.
    pub header: String,
    /// Its name.
    pub name: String,
    /// Its value, as C.
    pub value: String,
}

/// One macro.
pub struct Macro {
    /// The header that upstream declares it in.
    pub header: String,
    /// Its name.
    pub name: String,
    /// Whether it takes arguments.
    pub takes_arguments: bool,
    /// What it expands to.
    pub expansion: String,
}

/// One function.
pub struct Function {
    /// The header that upstream declares it in.
    pub header: String,
    /// Its name.
    pub name: String,
    /// The library that programs expect it in, without the ending of its file.
    pub library: String,
    /// Whether it is in the library (and not in the header alone).
    pub is_extern: bool,
    /// Its prototype, with arrays as `type[] name`.
    pub signature: String,
}

/// All facts.
pub struct Facts {
    /// Fields of types, in the order of the table.
    pub fields: Vec<Field>,
    /// Enumerators.
    pub constants: Vec<Constant>,
    /// Macros.
    pub macros: Vec<Macro>,
    /// Functions.
    pub functions: Vec<Function>,
}

impl Facts {
    /// Reads the four tables.
    pub fn read(directory: &Path) -> Result<Facts> {
        let fields = rows(&directory.join("layout_x86_64.tsv"))?
            .into_iter()
            .map(|row| {
                Ok(Field {
                    size: row[2].parse().with_context(|| format!("size of {}", row[1]))?,
                    align: row[3].parse().with_context(|| format!("alignment of {}", row[1]))?,
                    offset_bits: row[5].parse().with_context(|| format!("offset of {}", row[4]))?,
                    is_bit_field: row.get(7).is_some_and(|width| !width.is_empty()),
                    header: row[0].clone(),
                    of_type: row[1].clone(),
                    name: row[4].clone(),
                    field_type: row[6].clone(),
                })
            })
            .collect::<Result<_>>()?;
        let constants = rows(&directory.join("constants.tsv"))?
            .into_iter()
            .map(|row| Constant { header: row[0].clone(), name: row[2].clone(), value: row[3].clone() })
            .collect();
        let macros = rows(&directory.join("macros.tsv"))?
            .into_iter()
            .map(|row| Macro {
                header: row[0].clone(),
                takes_arguments: row[1] == "fnlike",
                name: row[2].clone(),
                expansion: row[3].clone(),
            })
            .collect();
        let functions = rows(&directory.join("functions.tsv"))?
            .into_iter()
            .map(|row| Function {
                header: row[0].clone(),
                library: row[1].clone(),
                is_extern: row[2] == "extern",
                name: row[3].clone(),
                signature: row[4].clone(),
            })
            .collect();
        Ok(Facts { fields, constants, macros, functions })
    }
}

/// The rows of a table without its head, all as long as the head.
fn rows(path: &Path) -> Result<Vec<Vec<String>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let columns = text.lines().next().map_or(0, |head| head.split('\t').count());
    Ok(text
        .lines()
        .skip(1)
        .map(|line| {
            let mut row: Vec<String> = line.split('\t').map(str::to_owned).collect();
            row.resize(columns, String::new());
            row
        })
        .collect())
}

/// Every identifier that the headers use outside of comments.
pub struct Declared {
    words: HashSet<String>,
    functions: HashSet<String>,
}

impl Declared {
    /// Collects the identifiers of the texts of headers.
    pub fn of_headers<'a>(headers: impl Iterator<Item = &'a String>) -> Declared {
        let mut declared = Declared { words: HashSet::new(), functions: HashSet::new() };
        for header in headers {
            declared.collect(&without_comments(header));
        }
        declared
    }

    /// Whether the headers say this word at all.
    pub fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Whether the headers declare or define this function, or a macro that stands for it.
    pub fn has_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    fn collect(&mut self, text: &str) {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut rest = text;
        while let Some(start) = rest.find(is_word) {
            let length = rest[start..].find(|c| !is_word(c)).unwrap_or(rest.len() - start);
            let word = &rest[start..start + length];
            rest = &rest[start + length..];
            // A word followed by a parenthesis that lists types is a function; a call looks the same, but whatever the
            // headers call they also declare.
            if rest.starts_with('(') {
                self.functions.insert(word.to_owned());
            }
            self.words.insert(word.to_owned());
        }
    }
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        out.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    out.push_str(rest);
    out
}
