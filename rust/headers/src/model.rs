//! What the Rust sources of the C API declare, as far as C sees it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use syn::{Attribute, Expr, Item, Type};

/// One declaration.
#[derive(Clone)]
pub struct Declaration {
    /// The C name.
    pub name: String,
    /// The lines of its documentation.
    pub documentation: Vec<String>,
    /// What it is.
    pub kind: Kind,
}

impl Declaration {
    /// The first sentence of the documentation.
    pub fn summary(&self) -> String {
        let lines = self.documentation.iter().map(String::as_str).take_while(|line| !line.is_empty());
        let paragraph = lines.collect::<Vec<_>>().join(" ");
        match paragraph.split_once(". ") {
            Some((sentence, _)) => format!("{sentence}."),
            None => paragraph,
        }
    }
}

/// What a declaration is.
#[derive(Clone)]
pub enum Kind {
    /// A number, printed as a macro.
    Constant(Expr),
    /// Another name for a type.
    Alias(Type),
    /// An enumeration with its enumerators: name, documentation, value.
    Enumeration(Vec<(String, Vec<String>, Expr)>),
    /// A structure, or a union, with its fields; none when it is opaque.
    Record {
        /// Whether it is a union.
        union: bool,
        /// Names, documentation and types of the fields.
        fields: Vec<(String, Vec<String>, Type)>,
    },
    /// A function with its parameters and what it returns (nothing for `void`).
    Function {
        /// Names and types.
        parameters: Vec<(String, Type)>,
        /// The type of the result.
        returns: Option<Type>,
    },
}

/// One source file.
pub struct Module {
    /// Its declarations, in the order of the source.
    pub declarations: Vec<Declaration>,
}

impl Module {
    /// Reads one source file.
    pub fn read(path: &Path) -> Result<Module> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let file = syn::parse_file(&text).with_context(|| format!("parsing {}", path.display()))?;
        let mut declarations = Vec::new();
        for item in file.items {
            if let Some(declaration) = declaration(item).with_context(|| format!("in {}", path.display()))? {
                declarations.push(declaration);
            }
        }
        Ok(Module { declarations })
    }
}

/// All type names of all modules, needed to print `struct X` or `X`.
#[derive(Default)]
pub struct Names {
    records: HashMap<String, Declaration>,
    enumerations: HashMap<String, ()>,
}

impl Names {
    /// Learns the types of a module.
    pub fn learn(&mut self, module: &Module) {
        for declaration in &module.declarations {
            match declaration.kind {
                Kind::Record { .. } => {
                    self.records.insert(declaration.name.clone(), declaration.clone());
                }
                Kind::Enumeration(_) => {
                    self.enumerations.insert(declaration.name.clone(), ());
                }
                _ => {}
            }
        }
    }

    /// The record of this name.
    pub fn record(&self, name: &str) -> Option<&Declaration> {
        self.records.get(name)
    }

    /// The word C wants before the name of a type that is a tag alone.
    pub fn tag_word(&self, name: &str) -> &'static str {
        if has_type_name(name) {
            return "";
        }
        match self.records.get(name).map(|record| &record.kind) {
            Some(Kind::Record { union: true, .. }) => "union ",
            Some(_) => "struct ",
            None if self.enumerations.contains_key(name) => "enum ",
            None => "",
        }
    }
}

/// Records that point to each other and end as type names do, though they are tags alone.
const TAGS: &[&str] = &["d_tm_node_t", "d_tm_nodeList_t"];

/// Whether a record is also a type name.
pub fn has_type_name(name: &str) -> bool {
    name.ends_with("_t") && !TAGS.contains(&name)
}

/// The documentation comments among attributes.
fn documentation(attributes: &[Attribute]) -> Vec<String> {
    let mut lines = Vec::new();
    for attribute in attributes {
        if let syn::Meta::NameValue(pair) = &attribute.meta
            && attribute.path().is_ident("doc")
            && let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value
        {
            lines.push(text.value().trim_end().strip_prefix(' ').unwrap_or(text.value().trim_end()).to_owned());
        }
    }
    lines
}

fn declaration(item: Item) -> Result<Option<Declaration>> {
    Ok(match item {
        Item::Const(item) if is_public(&item.vis) => Some(Declaration {
            name: item.ident.to_string(),
            documentation: documentation(&item.attrs),
            kind: Kind::Constant(*item.expr),
        }),
        Item::Type(item) if is_public(&item.vis) => Some(Declaration {
            name: item.ident.to_string(),
            documentation: documentation(&item.attrs),
            kind: Kind::Alias(*item.ty),
        }),
        Item::Struct(item) if is_public(&item.vis) && is_repr_c(&item.attrs) => {
            Some(record(item.ident.to_string(), &item.attrs, false, item.fields.into_iter())?)
        }
        Item::Union(item) if is_public(&item.vis) && is_repr_c(&item.attrs) => {
            Some(record(item.ident.to_string(), &item.attrs, true, item.fields.named.into_iter())?)
        }
        Item::Macro(item) if item.mac.path.is_ident("c_enum") => Some(enumeration(item.mac.tokens)?),
        Item::Fn(item) if is_exported(&item.attrs) => Some(function(item)?),
        _ => None,
    })
}

fn is_public(visibility: &syn::Visibility) -> bool {
    matches!(visibility, syn::Visibility::Public(_))
}

fn is_repr_c(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("repr"))
}

fn is_exported(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("unsafe") => list.tokens.to_string() == "no_mangle",
        meta => meta.path().is_ident("no_mangle"),
    })
}

fn record(
    name: String,
    attributes: &[Attribute],
    union: bool,
    fields: impl Iterator<Item = syn::Field>,
) -> Result<Declaration> {
    let fields = fields
        .filter(|field| is_public(&field.vis))
        .map(|field| {
            let name = field.ident.as_ref().context("a tuple structure cannot be printed in C")?.to_string();
            Ok((name.trim_start_matches("r#").to_owned(), documentation(&field.attrs), field.ty))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Declaration { name, documentation: documentation(attributes), kind: Kind::Record { union, fields } })
}

/// The body of `c_enum!` is a Rust enumeration but for the integer type after the name.
fn enumeration(tokens: proc_macro2::TokenStream) -> Result<Declaration> {
    struct Body {
        attributes: Vec<Attribute>,
        name: syn::Ident,
        variants: syn::punctuated::Punctuated<syn::Variant, syn::Token![,]>,
    }
    impl syn::parse::Parse for Body {
        fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Body> {
            let attributes = input.call(Attribute::parse_outer)?;
            input.parse::<syn::Token![pub]>()?;
            input.parse::<syn::Token![enum]>()?;
            let name = input.parse()?;
            input.parse::<syn::Token![:]>()?;
            input.parse::<syn::Ident>()?;
            let content;
            syn::braced!(content in input);
            let variants = content.parse_terminated(syn::Variant::parse, syn::Token![,])?;
            Ok(Body { attributes, name, variants })
        }
    }
    let body: Body = syn::parse2(tokens)?;
    let enumerators = body
        .variants
        .into_iter()
        .map(|variant| {
            let (_, value) = variant.discriminant.with_context(|| format!("{} has no value", variant.ident))?;
            Ok((variant.ident.to_string(), documentation(&variant.attrs), value))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Declaration {
        name: body.name.to_string(),
        documentation: documentation(&body.attributes),
        kind: Kind::Enumeration(enumerators),
    })
}

fn function(item: syn::ItemFn) -> Result<Declaration> {
    let name = item.sig.ident.to_string();
    let documentation = documentation(&item.attrs);
    if documentation.is_empty() {
        bail!("{name} is exported and has no documentation");
    }
    let parameters = item
        .sig
        .inputs
        .into_iter()
        .map(|input| match input {
            syn::FnArg::Typed(parameter) => match *parameter.pat {
                syn::Pat::Ident(pattern) => {
                    let name = pattern.ident.to_string();
                    Ok((name.trim_start_matches("r#").trim_start_matches('_').to_owned(), *parameter.ty))
                }
                _ => bail!("{name} has a parameter without a name"),
            },
            syn::FnArg::Receiver(_) => bail!("{name} is a method"),
        })
        .collect::<Result<Vec<_>>>()?;
    let returns = match item.sig.output {
        syn::ReturnType::Default => None,
        syn::ReturnType::Type(_, returns) => Some(*returns),
    };
    Ok(Declaration { name, documentation, kind: Kind::Function { parameters, returns } })
}
