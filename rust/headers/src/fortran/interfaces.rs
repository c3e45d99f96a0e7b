//! Interfaces of the functions.
//!
//! Arguments that C takes by address are typed and optional, where Fortran has the type: leaving one out passes NULL. What is
//! nearly always NULL, or has no type here, is a `c_ptr` by value, for `c_null_ptr` or `c_loc(...)`.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use syn::Type;

use super::types::{Form, Types};
use super::{GlobalNames, comment, statement};
use crate::model::{Declaration, Kind};

/// Arguments that are addresses of many.
const ARRAYS: &[&str] = &[
    "iods", "sgls", "kds", "recxs", "oids", "epochs", "pools", "sizes", "csizes", "gids", "cbuf", "buffers", "values",
    "names",
];

/// Arguments that most callers leave out, by position.
const MOSTLY_NULL: &[&str] = &["ev", "info", "ioms", "sys", "uuid", "prop", "cont_prop", "pool_prop"];

/// The interface block's contents.
pub fn print(functions: &[Declaration], types: &Types, names: &mut GlobalNames) -> Result<String> {
    let mut out = String::new();
    for declaration in functions {
        if let Kind::Function { parameters, returns } = &declaration.kind
            && names.take(&declaration.name, "a function")?
        {
            print_function(&mut out, declaration, parameters, returns.as_ref(), types)
                .with_context(|| format!("function {}", declaration.name))?;
        }
    }
    Ok(out)
}

fn print_function(
    out: &mut String,
    declaration: &Declaration,
    parameters: &[(String, Type)],
    returns: Option<&Type>,
    types: &Types,
) -> Result<()> {
    let name = &declaration.name;
    let list: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    let list = list.join(", ");
    let result = returns.map(|returns| match types.form(returns) {
        Form::Integer(kind) => format!("integer({kind})"),
        Form::Logical => "logical(c_bool)".to_owned(),
        Form::Derived(derived) => format!("type({derived})"),
        _ => "type(c_ptr)".to_owned(),
    });
    let word = if result.is_some() { "function" } else { "subroutine" };
    let head = result.map(|result| format!("{result} ")).unwrap_or_default();
    out.push('\n');
    comment(out, "    ", declaration);
    statement(out, "    ", &format!("{head}{word} {name}({list}) bind(c)"));
    writeln!(out, "      import")?;
    for (name, of) in parameters {
        writeln!(out, "      {}", parameter(name, of, types))?;
    }
    writeln!(out, "    end {word} {name}")?;
    Ok(())
}

fn parameter(name: &str, of: &Type, types: &Types) -> String {
    match types.form(of) {
        Form::Integer(kind) => format!("integer({kind}), value :: {name}"),
        Form::Logical => format!("logical(c_bool), value :: {name}"),
        Form::Character => format!("character(kind=c_char), value :: {name}"),
        Form::Derived(derived) => format!("type({derived}), value :: {name}"),
        Form::Function => format!("type(c_funptr), value :: {name}"),
        Form::Pointer(target, constant) if !MOSTLY_NULL.contains(&name) => reference(name, &target, constant),
        Form::Pointer(..) | Form::Array(..) | Form::Opaque => format!("type(c_ptr), value :: {name}"),
    }
}

/// An argument that C takes by address.
fn reference(name: &str, target: &Form, constant: bool) -> String {
    let intent = if constant { "intent(in)" } else { "intent(inout)" };
    let dimension = if ARRAYS.contains(&name) { "(*)" } else { "" };
    match target {
        Form::Integer(kind) => format!("integer({kind}), {intent}, optional :: {name}{dimension}"),
        Form::Logical => format!("logical(c_bool), {intent}, optional :: {name}{dimension}"),
        Form::Derived(derived) => format!("type({derived}), {intent}, optional :: {name}{dimension}"),
        Form::Character if constant => format!("character(kind=c_char), intent(in), optional :: {name}(*)"),
        Form::Pointer(..) => format!("type(c_ptr), {intent}, optional :: {name}{dimension}"),
        // Memory to be filled, and what is only pointed to.
        Form::Character | Form::Array(..) | Form::Function | Form::Opaque => format!("type(c_ptr), value :: {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_have_the_form_that_callers_want() {
        let types = Types::new(&[]);
        let printed = |name: &str, of: &str| parameter(name, &syn::parse_str(of).expect("a type"), &types);
        assert_eq!(printed("flags", "c_uint"), "integer(c_int), value :: flags");
        assert_eq!(printed("pool", "*const c_char"), "character(kind=c_char), intent(in), optional :: pool(*)");
        assert_eq!(printed("sys", "*const c_char"), "type(c_ptr), value :: sys");
        assert_eq!(printed("sizes", "*const usize"), "integer(c_size_t), intent(in), optional :: sizes(*)");
        assert_eq!(printed("nr", "*mut u32"), "integer(c_int32_t), intent(inout), optional :: nr");
        assert_eq!(printed("dfs", "*mut *mut dfs_t"), "type(c_ptr), intent(inout), optional :: dfs");
        assert_eq!(printed("buf", "*mut c_void"), "type(c_ptr), value :: buf");
    }
}
