//! Rust source seen without its comments and literals: enough to find functions and test modules, no parser.
//!
//! A full parser would be one more dependency on the path to the first `cargo xtask setup`; what tidy asks for
//! (where a function begins and ends, whether a word stands in code) needs only balanced braces.

/// A function found in a source file.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of the word `fn`, counted from 1.
    pub line: usize,
    /// Lines from the word `fn` to the closing brace.
    pub length: usize,
}

/// The text with every comment, string and character literal blanked out; lines stay where they are.
pub fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let previous_is_word = out.chars().next_back().is_some_and(is_word);
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '"' {
            string(rest)
        } else if !previous_is_word && let Some(length) = prefixed_string(rest) {
            length
        } else if first == '\'' {
            character(rest)
        } else {
            0
        };
        if skipped == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let blank = |c| if c == '\n' { '\n' } else { ' ' };
            out.extend(rest[..skipped].chars().map(blank));
            rest = &rest[skipped..];
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of a string literal whose first character is the quote.
fn string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Length of a literal that begins with r, b, c or a combination, with hashes or without.
fn prefixed_string(text: &str) -> Option<usize> {
    let prefix = text.find(|c| !matches!(c, 'r' | 'b' | 'c'))?;
    if prefix == 0 || prefix > 2 {
        return None;
    }
    let (letters, after) = text.split_at(prefix);
    let hashes = after.len() - after.trim_start_matches('#').len();
    if !after[hashes..].starts_with('"') {
        return None;
    }
    if !letters.contains('r') {
        return (hashes == 0).then(|| prefix + string(after));
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = prefix + hashes + 1;
    let length = text[body..].find(&end).map(|at| body + at + end.len());
    Some(length.unwrap_or(text.len()))
}

/// Length of a character literal; 0 when the quote begins a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            let escaped = text.char_indices().skip(3).find(|(_, c)| *c == '\'');
            escaped.map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

/// Every function with a body. `code` is what [`code_only`] gave.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code[..at].chars().next_back();
        let name: String = code[at + 3..].chars().take_while(|c| is_word(*c)).collect();
        if before.is_some_and(is_word) || name.is_empty() {
            continue;
        }
        let Some(body) = body_start(&code[at..]) else {
            continue;
        };
        let end = at + body + block_length(&code[at + body..]);
        found.push(Function { name, line: line_of(code, at), length: code[at..end].matches('\n').count() + 1 });
    }
    found
}

/// Where the body of the item at the start of `code` begins; `None` when it has none.
fn body_start(code: &str) -> Option<usize> {
    let mut brackets = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if brackets == 0 => return None,
            '{' if brackets == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

/// Length of the brace block that begins at the start of `code`.
fn block_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// First and last line of each item behind `#[cfg(test)]` that has a body. `code` is what [`code_only`] gave.
pub fn test_regions(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, mark) in code.match_indices("#[cfg(test)]") {
        let item = at + mark.len();
        let Some(body) = body_start(&code[item..]) else {
            continue;
        };
        let end = item + body + block_length(&code[item + body..]);
        found.push((line_of(code, at), line_of(code, end)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lines_kept() {
        let text = "a /* { /* } */ { */ b // {\nc \"{ \\\" {\" d r#\"{\"{\"# e '{' '\\'' 'x f b\"{\" br\"{\"\n";
        let code = code_only(text);
        assert!(!code.contains('{') && !code.contains('}'));
        assert_eq!(code.matches('\n').count(), 2);
        for word in ["a", "b", "c", "d", "e", "'x", "f"] {
            assert!(code.split_whitespace().any(|found| found == word), "{word}");
        }
    }

    #[test]
    fn an_identifier_that_ends_in_a_prefix_letter_is_no_raw_string() {
        assert_eq!(code_only("for\"x\" y").trim_end(), "for    y");
    }

    #[test]
    fn text_that_ends_inside_a_literal_ends() {
        for text in ["\"open", "r#\"open", "/* open", "'", "'\\", "\"\\"] {
            assert_eq!(code_only(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let code = code_only(
            "trait T { fn none(a: [u8; 2]); }\nfn one() {}\npub fn two(\n  a: u8,\n) {\n  if a > 0 { \"}\"; }\n}\n",
        );
        let function = |name: &str, line, length| Function { name: name.to_owned(), line, length };
        assert_eq!(functions(&code), [function("one", 2, 1), function("two", 3, 5)]);
    }

    #[test]
    fn test_regions_span_their_module() {
        let code = code_only("fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() {}\n}\n#[cfg(test)]\nmod other;\n");
        assert_eq!(test_regions(&code), [(2, 5)]);
    }
}
