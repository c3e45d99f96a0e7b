//! Types: what a C type is in Fortran, and the derived types of structures.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use quote::ToTokens;
use syn::Type;

use super::{GlobalNames, comment};
use crate::model::{Declaration, Kind};

/// Every type that the module has or could have.
pub struct Types {
    order: Vec<String>,
    declarations: HashMap<String, Declaration>,
    /// What a structure is called here: the name that C programs use, which is often that of an alias.
    names: HashMap<String, String>,
}

/// What a type is in Fortran.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// A number of this kind.
    Integer(&'static str),
    /// A truth value.
    Logical,
    /// A letter.
    Character,
    /// A derived type of this name.
    Derived(String),
    /// So many of another.
    Array(Box<Form>, usize),
    /// An address of something; whether it may not be changed.
    Pointer(Box<Form>, bool),
    /// A function.
    Function,
    /// Something that is only pointed to.
    Opaque,
}

impl Types {
    /// Learns the types and constants of the module.
    pub fn new(declarations: &[Declaration]) -> Self {
        let mut types = Self { order: Vec::new(), declarations: HashMap::new(), names: HashMap::new() };
        let mut constants = BTreeSet::new();
        for declaration in declarations {
            if let Kind::Alias(target) = &declaration.kind
                && let Some(target) = last_word(target)
                && !target.ends_with("_t")
            {
                types.names.insert(target, declaration.name.clone());
            }
            if let Kind::Enumeration(enumerators) = &declaration.kind {
                constants.extend(enumerators.iter().map(|(name, ..)| name.to_ascii_lowercase()));
            }
            types.order.push(declaration.name.clone());
            types.declarations.insert(declaration.name.clone(), declaration.clone());
        }
        // A tag that is also a constant, but for upper and lower case.
        for name in declarations.iter().map(|declaration| &declaration.name) {
            if constants.contains(name) {
                types.names.insert(name.clone(), format!("{name}_t"));
            }
        }
        types
    }

    /// Structures that have a derived type: their names in C and here.
    pub fn printed(&self) -> impl Iterator<Item = (&str, &str)> {
        let records = self.order.iter().filter(|name| self.is_printed(name));
        records.map(|name| (name.as_str(), self.names.get(name).map_or(name.as_str(), String::as_str)))
    }

    fn is_printed(&self, name: &str) -> bool {
        let kind = self.declarations.get(name).map(|declaration| &declaration.kind);
        let has_fields = matches!(kind, Some(Kind::Record { fields, union: false }) if !fields.is_empty());
        has_fields && !name.starts_with("Anonymous")
    }

    /// What a type is.
    pub fn form(&self, of: &Type) -> Form {
        match of {
            Type::Ptr(pointer) => Form::Pointer(Box::new(self.form(&pointer.elem)), pointer.const_token.is_some()),
            Type::Array(array) => match self.length(array) {
                Ok(length) => Form::Array(Box::new(self.form(&array.elem)), length),
                Err(_) => Form::Opaque,
            },
            _ => last_word(of).map_or(Form::Opaque, |word| self.named_form(&word)),
        }
    }

    fn named_form(&self, word: &str) -> Form {
        if let Some(kind) = integer_kind(word) {
            return Form::Integer(kind);
        }
        match word {
            "bool" => Form::Logical,
            "c_char" => Form::Character,
            "Option" => Form::Function,
            "uuid_pointer" => Form::Pointer(Box::new(Form::Opaque), false),
            _ => match self.declarations.get(word).map(|declaration| &declaration.kind) {
                Some(Kind::Alias(target)) => self.form(target),
                Some(Kind::Enumeration(_)) => Form::Integer("c_int"),
                Some(Kind::Record { .. }) if self.is_printed(word) => {
                    Form::Derived(self.names.get(word).cloned().unwrap_or_else(|| word.to_owned()))
                }
                _ => Form::Opaque,
            },
        }
    }

    fn length(&self, array: &syn::TypeArray) -> Result<usize> {
        let text = array.len.to_token_stream().to_string();
        match text.parse() {
            Ok(length) => Ok(length),
            Err(_) => match self.declarations.get(text.rsplit(' ').next().unwrap_or_default()).map(|found| &found.kind)
            {
                Some(Kind::Constant(value)) => {
                    let text = value.to_token_stream().to_string();
                    text.parse().with_context(|| format!("an array of {text}"))
                }
                _ => bail!("an array of {text}"),
            },
        }
    }

    /// Size and alignment in C on a machine of 64 bits.
    fn layout(&self, of: &Type) -> Result<(usize, usize)> {
        Ok(match of {
            Type::Ptr(_) => (8, 8),
            Type::Array(array) => {
                let (size, align) = self.layout(&array.elem)?;
                (size * self.length(array)?, align)
            }
            _ => {
                let word = last_word(of).context("a type without a name")?;
                if let Some(bytes) = primitive_bytes(&word) {
                    return Ok((bytes, bytes));
                }
                match &self.declarations.get(&word).with_context(|| format!("{word} is not known"))?.kind {
                    Kind::Alias(target) => self.layout(target)?,
                    Kind::Enumeration(_) => (4, 4),
                    Kind::Record { union, fields } => self.record_layout(*union, fields)?,
                    _ => bail!("{word} is no type"),
                }
            }
        })
    }

    fn record_layout(&self, union: bool, fields: &[(String, Vec<String>, Type)]) -> Result<(usize, usize)> {
        let (mut size, mut align_max) = (0_usize, 1);
        for (_, _, field) in fields {
            let (bytes, align) = self.layout(field)?;
            align_max = align_max.max(align);
            size = if union { size.max(bytes) } else { size.next_multiple_of(align) + bytes };
        }
        Ok((size.next_multiple_of(align_max), align_max))
    }

    /// The derived types, each behind those that it contains.
    pub fn print(&self, names: &mut GlobalNames) -> Result<String> {
        let mut out = String::new();
        let mut done = BTreeSet::new();
        for name in &self.order {
            if self.is_printed(name) {
                self.print_record(&mut out, name, &mut done, names).with_context(|| format!("type {name}"))?;
            }
        }
        Ok(out)
    }

    fn print_record(
        &self,
        out: &mut String,
        name: &str,
        done: &mut BTreeSet<String>,
        names: &mut GlobalNames,
    ) -> Result<()> {
        if !done.insert(name.to_owned()) {
            return Ok(());
        }
        let declaration = &self.declarations[name];
        let Kind::Record { fields, .. } = &declaration.kind else {
            return Ok(());
        };
        for (_, _, field) in fields {
            if let Some(contained) = self.contained(field) {
                self.print_record(out, &contained, done, names)?;
            }
        }
        let fortran = self.names.get(name).map_or(name, String::as_str);
        names.take(fortran, "a type")?;
        out.push('\n');
        comment(out, "  ", declaration);
        writeln!(out, "  type, bind(c) :: {fortran}")?;
        for (field, _, of) in fields {
            if let Some(line) = self.component(field, of)? {
                writeln!(out, "    {line}")?;
            }
        }
        writeln!(out, "  end type {fortran}")?;
        Ok(())
    }

    /// The structure that a field holds by value, if it has a derived type.
    fn contained(&self, of: &Type) -> Option<String> {
        if let Type::Array(array) = of {
            return self.contained(&array.elem);
        }
        let word = last_word(of)?;
        match self.declarations.get(&word).map(|declaration| &declaration.kind) {
            Some(Kind::Alias(target)) => self.contained(target),
            _ => self.is_printed(&word).then_some(word),
        }
    }

    /// One component, with the value that stands for nothing; none for an array without a length at the end.
    fn component(&self, name: &str, of: &Type) -> Result<Option<String>> {
        let (form, dimension) = match self.form(of) {
            Form::Array(_, 0) => return Ok(None),
            Form::Array(element, length) => (*element, format!("({length})")),
            form => (form, String::new()),
        };
        Ok(Some(match form {
            Form::Integer(kind) => format!("integer({kind}) :: {name}{dimension} = 0"),
            Form::Logical => format!("logical(c_bool) :: {name}{dimension} = .false."),
            Form::Character => format!("character(kind=c_char) :: {name}{dimension} = c_null_char"),
            Form::Derived(derived) => format!("type({derived}) :: {name}{dimension}"),
            Form::Pointer(..) => format!("type(c_ptr) :: {name}{dimension} = c_null_ptr"),
            Form::Function => format!("type(c_funptr) :: {name}{dimension} = c_null_funptr"),
            Form::Array(..) | Form::Opaque => self.bytes(name, of)?,
        }))
    }

    /// A union, or a structure without a name: as many numbers as it has room for.
    fn bytes(&self, name: &str, of: &Type) -> Result<String> {
        let (size, align) = self.layout(of)?;
        let first = last_word(of).and_then(|word| self.declarations.get(&word)).and_then(|found| match &found.kind {
            Kind::Record { fields, .. } => fields.first().map(|(name, ..)| name.clone()),
            _ => None,
        });
        let name = if name == "anonymous" { first.context("a union without members")? } else { name.to_owned() };
        let count = size / align;
        let dimension = if count == 1 { String::new() } else { format!("({count})") };
        Ok(format!("integer(c_int{}_t) :: {name}{dimension} = 0", align * 8))
    }
}

/// The last word of a path.
fn last_word(of: &Type) -> Option<String> {
    match of {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

fn integer_kind(word: &str) -> Option<&'static str> {
    Some(match word {
        "c_int" | "c_uint" | "mode_t" | "uid_t" | "gid_t" => "c_int",
        "u8" | "i8" | "c_uchar" => "c_int8_t",
        "u16" | "i16" | "c_ushort" => "c_int16_t",
        "u32" | "i32" => "c_int32_t",
        "u64" | "i64" => "c_int64_t",
        "off_t" | "time_t" | "c_long" => "c_long",
        "usize" | "isize" => "c_size_t",
        _ => return None,
    })
}

fn primitive_bytes(word: &str) -> Option<usize> {
    match word {
        "bool" | "c_char" => Some(1),
        "Option" => Some(8),
        "timespec" => Some(16),
        _ => integer_kind(word).map(|kind| match kind {
            "c_int8_t" => 1,
            "c_int16_t" => 2,
            "c_int" | "c_int32_t" => 4,
            _ => 8,
        }),
    }
}
