//! Prints declarations as C.

use std::collections::HashSet;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

use crate::model::{Declaration, Kind, Module, Names, has_type_name};

/// The longest line of a prototype before its parameters are put below each other.
const LINE_LENGTH_MAX: usize = 110;

/// All types and constants of a module: aliases, constants and enumerations as they stand, then records so that what a
/// record contains comes before it.
pub fn types(module: &Module, names: &Names) -> Result<String> {
    let mut out = String::new();
    let (records, others): (Vec<_>, Vec<_>) = module
        .declarations
        .iter()
        .filter(|declaration| !matches!(declaration.kind, Kind::Function { .. }))
        .partition(|declaration| matches!(declaration.kind, Kind::Record { .. }));
    for declaration in others {
        print_simple(&mut out, declaration, names)?;
    }
    let local: HashSet<&str> = records.iter().map(|record| record.name.as_str()).collect();
    let mut printed = HashSet::new();
    for record in &records {
        print_record(&mut out, record, names, &local, &mut printed)?;
    }
    Ok(out)
}

/// The prototypes of the functions of a module.
pub fn functions(module: &Module, names: &Names) -> Result<String> {
    let mut out = String::new();
    for declaration in &module.declarations {
        if let Kind::Function { parameters, returns } = &declaration.kind {
            print_function(&mut out, declaration, parameters, returns.as_ref(), names)
                .with_context(|| format!("function {}", declaration.name))?;
        }
    }
    Ok(out)
}

fn print_simple(out: &mut String, declaration: &Declaration, names: &Names) -> Result<()> {
    let name = &declaration.name;
    match &declaration.kind {
        Kind::Constant(value) => {
            comment(out, "", &declaration.documentation);
            let value = expression(value.to_token_stream())?;
            let simple = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            writeln!(out, "#define {name} {}", if simple { value } else { format!("({value})") })?;
        }
        // uuid_t is an array in C and comes from <uuid/uuid.h> where that is installed.
        Kind::Alias(_) if name == "uuid_t" => {}
        Kind::Alias(target) => {
            comment(out, "", &declaration.documentation);
            writeln!(out, "typedef {};", declarator(target, name, false, names)?)?;
        }
        Kind::Enumeration(enumerators) => {
            comment(out, "\n", &declaration.documentation);
            let typedef = name.ends_with("_t");
            let tag = if name == "anonymous" { String::new() } else { format!("{name} ") };
            writeln!(out, "{}enum {tag}{{", if typedef { "typedef " } else { "" })?;
            for (name, documentation, value) in enumerators {
                let documentation: Vec<_> = documentation.iter().map(String::as_str).collect();
                let comment = if documentation.is_empty() {
                    String::new()
                } else {
                    format!(" /**< {} */", documentation.join(" "))
                };
                writeln!(out, "\t{name} = {},{comment}", expression(value.to_token_stream())?)?;
            }
            writeln!(out, "}}{};\n", if typedef { format!(" {name}") } else { String::new() })?;
        }
        Kind::Record { .. } | Kind::Function { .. } => {}
    }
    Ok(())
}

fn print_record(
    out: &mut String,
    record: &Declaration,
    names: &Names,
    local: &HashSet<&str>,
    printed: &mut HashSet<String>,
) -> Result<()> {
    let Kind::Record { union, fields } = &record.kind else { return Ok(()) };
    if record.name.starts_with("Anonymous") || !printed.insert(record.name.clone()) {
        return Ok(());
    }
    for contained in contained_types(record, names) {
        if local.contains(contained.name.as_str()) {
            print_record(out, contained, names, local, printed)?;
        }
    }
    comment(out, "\n", &record.documentation);
    let name = &record.name;
    let word = if *union { "union" } else { "struct" };
    if fields.is_empty() {
        writeln!(out, "{word} {name};")?;
        return Ok(());
    }
    let typedef = has_type_name(name);
    writeln!(out, "{}{word} {name} {{", if typedef { "typedef " } else { "" })?;
    print_fields(out, fields, 1, names).with_context(|| format!("type {name}"))?;
    writeln!(out, "}}{};", if typedef { format!(" {name}") } else { String::new() })?;
    Ok(())
}

/// The records that a record holds by value, also inside its anonymous ones.
fn contained_types<'a>(record: &Declaration, names: &'a Names) -> Vec<&'a Declaration> {
    let mut found = Vec::new();
    if let Kind::Record { fields, .. } = &record.kind {
        for (_, _, field) in fields {
            let element = match field {
                Type::Array(array) => &*array.elem,
                other => other,
            };
            if let Some(contained) = path_name(element).and_then(|name| names.record(&name)) {
                found.push(contained);
                if contained.name.starts_with("Anonymous") {
                    found.extend(contained_types(contained, names));
                }
            }
        }
    }
    found
}

fn print_fields(out: &mut String, fields: &[(String, Vec<String>, Type)], depth: usize, names: &Names) -> Result<()> {
    let indent = "\t".repeat(depth);
    for (name, documentation, field) in fields {
        for line in documentation {
            writeln!(out, "{indent}/** {line} */")?;
        }
        let anonymous =
            path_name(field).filter(|name| name.starts_with("Anonymous")).and_then(|name| names.record(&name));
        if let Some(Declaration { kind: Kind::Record { union, fields }, .. }) = anonymous {
            writeln!(out, "{indent}__extension__ {} {{", if *union { "union" } else { "struct" })?;
            print_fields(out, fields, depth + 1, names)?;
            let name = if name == "anonymous" { String::new() } else { format!(" {name}") };
            writeln!(out, "{indent}}}{name};")?;
        } else {
            let flexible = matches!(field, Type::Array(array) if array.len.to_token_stream().to_string() == "0");
            let prefix = if flexible { "__extension__ " } else { "" };
            writeln!(out, "{indent}{prefix}{};", declarator(field, name, false, names)?.replace("[0]", "[]"))?;
        }
    }
    Ok(())
}

fn print_function(
    out: &mut String,
    declaration: &Declaration,
    parameters: &[(String, Type)],
    returns: Option<&Type>,
    names: &Names,
) -> Result<()> {
    comment(out, "\n", &declaration.documentation);
    let list = parameters
        .iter()
        .map(|(name, parameter)| declarator(parameter, name, false, names))
        .collect::<Result<Vec<_>>>()?;
    let list = if list.is_empty() { vec!["void".to_owned()] } else { list };
    let short = format!("{}({})", declaration.name, list.join(", "));
    let inner = if short.len() <= LINE_LENGTH_MAX {
        short
    } else {
        format!("{}(\n\t{})", declaration.name, list.join(",\n\t"))
    };
    match returns {
        None => writeln!(out, "void {inner};")?,
        Some(returns) => writeln!(out, "{};", declarator(returns, &inner, false, names)?)?,
    }
    Ok(())
}

/// Writes a documentation comment, after `before`, if there is something to say.
fn comment(out: &mut String, before: &str, lines: &[String]) {
    out.push_str(before);
    match lines {
        [] => {}
        [line] => out.push_str(&format!("/** {line} */\n")),
        lines => {
            out.push_str("/**\n");
            for line in lines {
                out.push_str(format!(" * {line}").trim_end());
                out.push('\n');
            }
            out.push_str(" */\n");
        }
    }
}

/// The last word of a path type.
fn path_name(path: &Type) -> Option<String> {
    match path {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// A C declaration of `inner` (a name, or a name with what was already put around it) with a Rust type.
fn declarator(rust: &Type, inner: &str, constant: bool, names: &Names) -> Result<String> {
    let qualifier = if constant { "const " } else { "" };
    match rust {
        Type::Ptr(pointer) => {
            let inner = format!("*{qualifier}{inner}");
            let inner = if matches!(*pointer.elem, Type::Array(_)) { format!("({inner})") } else { inner };
            declarator(&pointer.elem, &inner, pointer.const_token.is_some(), names)
        }
        Type::Array(array) => {
            let length = array.len.to_token_stream().to_string();
            declarator(&array.elem, &format!("{inner}[{length}]"), constant, names)
        }
        Type::Path(path) => {
            let segment = path.path.segments.last().context("an empty path")?;
            if segment.ident == "Option"
                && let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments
                && let Some(syn::GenericArgument::Type(Type::BareFn(function))) = arguments.args.first()
            {
                return function_pointer(function, inner, names);
            }
            let word = type_word(&segment.ident.to_string(), names);
            let space = if inner.is_empty() || inner.starts_with('*') && inner.len() == 1 { "" } else { " " };
            let space = if inner == "*" { " " } else { space };
            Ok(format!("{qualifier}{word}{space}{inner}"))
        }
        other => bail!("{} has no C form here", other.to_token_stream()),
    }
}

fn function_pointer(function: &syn::TypeBareFn, inner: &str, names: &Names) -> Result<String> {
    let mut parameters = Vec::new();
    for parameter in &function.inputs {
        let name = parameter.name.as_ref().map(|(name, _)| name.to_string()).unwrap_or_default();
        parameters.push(declarator(&parameter.ty, &name, false, names)?);
    }
    let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
    let inner = format!("(*{inner})({parameters})");
    match &function.output {
        syn::ReturnType::Default => Ok(format!("void {inner}")),
        syn::ReturnType::Type(_, returns) => declarator(returns, &inner, false, names),
    }
}

/// The C name of a Rust type that is a plain name.
fn type_word(name: &str, names: &Names) -> String {
    let word = match name {
        "c_int" => "int",
        "c_uint" => "unsigned int",
        "c_ushort" => "unsigned short",
        "c_char" => "char",
        "c_uchar" => "unsigned char",
        "c_void" => "void",
        "c_long" => "long",
        "c_double" | "f64" => "double",
        "u8" => "uint8_t",
        "u16" => "uint16_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "i8" => "int8_t",
        "i16" => "int16_t",
        "i32" => "int32_t",
        "i64" => "int64_t",
        "usize" => "size_t",
        "isize" => "ssize_t",
        "bool" => "bool",
        "timespec" => "struct timespec",
        "stat" => "struct stat",
        "dirent" => "struct dirent",
        // An argument of an array type is a pointer in C, and must be one in Rust.
        "uuid_pointer" => "uuid_t",
        other => return format!("{}{other}", names.tag_word(other)),
    };
    word.to_owned()
}

/// A constant expression in C: the suffixes and the negation of Rust become those of C.
pub fn expression(tokens: TokenStream) -> Result<String> {
    let mut out = String::new();
    let mut previous_joint = false;
    for token in tokens {
        let word = match token {
            TokenTree::Group(group) => format!("({})", expression(group.stream())?),
            TokenTree::Ident(name) => name.to_string(),
            TokenTree::Literal(literal) => {
                let literal = literal.to_string();
                match literal {
                    text if text.ends_with("u64") => format!("{}ULL", text.trim_end_matches("u64")),
                    text if text.ends_with("u32") => format!("{}U", text.trim_end_matches("u32")),
                    text => text,
                }
            }
            TokenTree::Punct(mark) => {
                let joint = mark.spacing() == proc_macro2::Spacing::Joint;
                let sign = if mark.as_char() == '!' { '~' } else { mark.as_char() };
                let unary = sign == '~' || sign == '-' && (out.is_empty() || out.ends_with('('));
                if !out.is_empty() && !previous_joint && !unary {
                    out.push(' ');
                }
                out.push(sign);
                if !joint && !unary {
                    out.push(' ');
                }
                previous_joint = joint;
                continue;
            }
        };
        out.push_str(&word);
        previous_joint = false;
    }
    Ok(out)
}
