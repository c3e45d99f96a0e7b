//! Constants: macros, enumerators and error numbers by their values, because Fortran has another syntax for expressions.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use daos_status::Code;
use quote::ToTokens;

use super::{GlobalNames, Parts};
use crate::c;
use crate::model::Kind;

/// Constants may name constants, but not for ever.
const DEPTH_MAX: usize = 16;

/// The lines of all constants, in the order of their names.
pub fn print(parts: &Parts, names: &mut GlobalNames) -> Result<String> {
    let mut known: HashMap<String, String> = HashMap::new();
    for declaration in &parts.types {
        match &declaration.kind {
            Kind::Constant(value) => {
                known.insert(declaration.name.clone(), c::expression(value.to_token_stream())?);
            }
            Kind::Enumeration(enumerators) => {
                for (name, _, value) in enumerators {
                    known.insert(name.clone(), c::expression(value.to_token_stream())?);
                }
            }
            _ => {}
        }
    }
    known.extend(parts.macros.iter().cloned());
    for code in Code::ALL {
        known.insert(code.name().to_owned(), (*code as i32).to_string());
    }
    let mut out = String::new();
    for (name, text) in known.iter().collect::<BTreeMap<_, _>>() {
        let declared = if text.starts_with('"') && text.ends_with('"') && text.len() > 1 {
            Some(format!("character(len=*), parameter :: {name} = '{}'", text[1..text.len() - 1].replace('\'', "''")))
        } else {
            // A macro that is no number (a cast, a function, a value of a structure) has no place here.
            value(text, &known, 0).ok().map(|value| number(name, value))
        };
        if let Some(line) = declared
            && names.take(name, "a constant").with_context(|| format!("constant {name}"))?
        {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(out)
}

fn number(name: &str, value: i128) -> String {
    let kind = if i32::try_from(value).is_ok() { "c_int" } else { "c_int64_t" };
    // Fortran has no unsigned numbers: those above the largest have the bits that they have in C.
    #[expect(clippy::cast_possible_truncation, reason = "the bits are what is wanted")]
    let signed = value as i64;
    match signed {
        // The lowest number cannot be written as the negation of one that exists.
        i64::MIN => format!("integer({kind}), parameter :: {name} = -{}_{kind} - 1_{kind}", i64::MAX),
        _ if kind == "c_int64_t" => format!("integer({kind}), parameter :: {name} = {signed}_{kind}"),
        _ => format!("integer({kind}), parameter :: {name} = {signed}"),
    }
}

/// The value of a constant expression of C.
fn value(text: &str, known: &HashMap<String, String>, depth: usize) -> Result<i128> {
    if depth > DEPTH_MAX {
        bail!("constants that name each other");
    }
    let mut parser = Parser { tokens: tokens(text), at: 0, known, depth };
    let value = parser.binary(0)?;
    if parser.at != parser.tokens.len() {
        bail!("{text} is no constant expression");
    }
    Ok(value)
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("<<") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    known: &'a HashMap<String, String>,
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Operators of at least this strength.
    fn binary(&mut self, strength_min: u8) -> Result<i128> {
        let mut left = self.unary()?;
        while let Some(token) = self.tokens.get(self.at) {
            let strength = match token.as_str() {
                "|" => 0,
                "&" => 1,
                "<<" => 2,
                "+" | "-" => 3,
                "*" => 4,
                _ => break,
            };
            if strength < strength_min {
                break;
            }
            let token = token.clone();
            self.at += 1;
            let right = self.binary(strength + 1)?;
            let result = match token.as_str() {
                "|" => Some(left | right),
                "&" => Some(left & right),
                "<<" => u32::try_from(right).ok().filter(|shift| *shift < 64).map(|shift| left << shift),
                "+" => left.checked_add(right),
                "-" => left.checked_sub(right),
                _ => left.checked_mul(right),
            };
            left = result.context("a value that does not fit")?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<i128> {
        let token = self.next().context("an expression that ends too early")?;
        match token.as_str() {
            "-" => Ok(-self.unary()?),
            // All constants of this kind are of 64 bits.
            "~" => Ok(!self.unary()? & i128::from(u64::MAX)),
            "(" => {
                let value = self.binary(0)?;
                if self.next().as_deref() != Some(")") {
                    bail!("a parenthesis that does not end");
                }
                Ok(value)
            }
            name if self.known.contains_key(name) => value(&self.known[name], self.known, self.depth + 1),
            literal => {
                let digits = literal.trim_end_matches(['U', 'L', 'u', 'l']);
                let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
                    Some(digits) => i128::from_str_radix(digits, 16),
                    None => digits.parse(),
                };
                value.with_context(|| format!("{literal} is no number"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_the_headers_are_computed() {
        let known = HashMap::from([("BITS".to_owned(), "3".to_owned()), ("LOOP".to_owned(), "LOOP + 1".to_owned())]);
        let compute = |text: &str| value(text, &known, 0).ok();
        assert_eq!(compute("(1U << BITS) - 1"), Some(7));
        assert_eq!(compute("1 | 2 & 6 | 8"), Some(1 | 2 | 8));
        assert_eq!(compute("~0ULL"), Some(i128::from(u64::MAX)));
        assert_eq!(compute("(-1)"), Some(-1));
        assert_eq!(compute("0x1F"), Some(31));
        assert_eq!(compute("LOOP"), None);
        assert_eq!(compute("((uint32_t)-1)"), None);
    }

    #[test]
    fn numbers_without_a_sign_keep_their_bits() {
        assert_eq!(number("A", 5), "integer(c_int), parameter :: A = 5");
        assert_eq!(number("A", i128::from(u64::MAX)), "integer(c_int64_t), parameter :: A = -1_c_int64_t");
        let lowest = number("A", 1 << 63);
        assert!(lowest.ends_with("= -9223372036854775807_c_int64_t - 1_c_int64_t"));
    }
}
