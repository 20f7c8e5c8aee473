//! docs/plugin-interface.md: the interface in the order of its text, with what a plugin has to ask for.
//!
//! Everything but [`NEEDS`] comes out of the WIT text and its comments.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use wit_parser::{Docs, Function, Interface, Resolve, Type, TypeDefKind, TypeOwner, WorldItem};

/// What grants an imported interface: the entry under `[needs]` in plugin.toml. Empty: every plugin has it.
const NEEDS: &[(&str, &str)] = &[
    ("log", ""),
    ("clock", ""),
    ("random", ""),
    ("timers", ""),
    ("types", ""),
    ("ups", "ups = \"read\""),
    ("ups-control", "control = \"as-principal\""),
    ("auth", "auth = true"),
    ("store", "store = \"64 KiB\""),
    ("bus", "bus = [\"TOPIC\"]"),
    ("notify", "notify = true"),
    ("delivery", "notifier = true"),
    ("tcp", "listen = { NAME = [\"ADDRESS:PORT\"] }, or connect"),
    ("tls-server", "listen = { NAME = [\"ADDRESS:PORT\"] }"),
    ("tcp-connect", "connect = [\"tls://HOST:PORT\"]"),
    ("udp", "listen-udp = { NAME = [\"ADDRESS:PORT\"] }, or connect = [\"udp://HOST:PORT\"]"),
    ("http-client", "connect = [\"https://HOST\"]"),
    ("http-answers", "http = { mount = \"/NAME\" }"),
    ("history", "history = \"read\""),
    ("admin", "admin = \"as-principal\""),
];

const INTRODUCTION: &str = "\
# The plugin interface

Made of `opennmc-host/wit/plugin.wit` by `cargo xtask interface`; change that, not this.

A plugin is a WebAssembly component. It imports what it asks of OpenNMC and exports what it offers; only `lifecycle` is
required. An interface that was not granted does not exist for the plugin, and one that it imports without asking for it in
plugin.toml keeps it from being started. docs/plugin-guide.md shows how a plugin is made.

";

/// The whole document.
pub(super) fn text(wit: &str) -> Result<String> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("plugin.wit", wit)?;
    let worlds = &resolve.packages[package].worlds;
    let world = worlds.get(super::WORLD).context("there is no world with everything")?;
    let world = &resolve.worlds[*world];
    let interfaces = |items: Vec<&WorldItem>| -> Vec<&Interface> {
        let ids = items.into_iter().filter_map(|item| match item {
            WorldItem::Interface { id, .. } => Some(&resolve.interfaces[*id]),
            _ => None,
        });
        ids.collect()
    };
    let mut imports = interfaces(world.imports.values().collect());
    // What all others are made of comes first.
    imports.sort_by_key(|interface| interface.name.as_deref() != Some("types"));
    let exports = interfaces(world.exports.values().collect());

    let mut out = INTRODUCTION.to_owned();
    out.push_str("## What a plugin can import\n\n");
    for interface in imports {
        let name = name_of(interface)?;
        let need = NEEDS.iter().find(|(known, _)| *known == name).map(|(_, need)| *need);
        let need = need.with_context(|| format!("say in {} what grants the interface `{name}`", file!()))?;
        write_interface(&resolve, interface, need, &mut out)?;
    }
    out.push_str("## What a plugin can export\n\n");
    for interface in exports {
        write_interface(&resolve, interface, "", &mut out)?;
    }
    Ok(out.trim_end().to_owned() + "\n")
}

fn write_interface(resolve: &Resolve, interface: &Interface, need: &str, out: &mut String) -> Result<()> {
    writeln!(out, "### {}\n", name_of(interface)?)?;
    if let Some(docs) = &interface.docs.contents {
        writeln!(out, "{}\n", docs.trim())?;
    }
    if !need.is_empty() {
        writeln!(out, "Needs: `{need}`\n")?;
    }
    out.push_str("```wit\n");
    let mut first = true;
    for (name, id) in &interface.types {
        let shown = &resolve.types[*id];
        if matches!(shown.kind, TypeDefKind::Type(_)) {
            continue;
        }
        separate(&mut first, out);
        write_docs(&shown.docs, "", out)?;
        write_type(resolve, name, &shown.kind, out)?;
    }
    for function in interface.functions.values() {
        separate(&mut first, out);
        write_docs(&function.docs, "", out)?;
        writeln!(out, "{};", signature(resolve, function))?;
    }
    out.push_str("```\n\n");
    Ok(())
}

fn write_type(resolve: &Resolve, name: &str, kind: &TypeDefKind, out: &mut String) -> Result<()> {
    writeln!(out, "{} {name} {{", kind.as_str())?;
    match kind {
        TypeDefKind::Record(record) => {
            for field in &record.fields {
                write_docs(&field.docs, "  ", out)?;
                writeln!(out, "  {}: {},", field.name, type_name(resolve, &field.ty))?;
            }
        }
        TypeDefKind::Variant(variant) => {
            for case in &variant.cases {
                write_docs(&case.docs, "  ", out)?;
                let payload = case.ty.map(|ty| format!("({})", type_name(resolve, &ty))).unwrap_or_default();
                writeln!(out, "  {}{payload},", case.name)?;
            }
        }
        TypeDefKind::Enum(cases) => {
            for case in &cases.cases {
                write_docs(&case.docs, "  ", out)?;
                writeln!(out, "  {},", case.name)?;
            }
        }
        other => anyhow::bail!("the reference does not know how to show a {}", other.as_str()),
    }
    out.push_str("}\n");
    Ok(())
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<String> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, type_name(resolve, &parameter.ty)))
        .collect();
    let result = function.result.map(|ty| format!(" -> {}", type_name(resolve, &ty))).unwrap_or_default();
    format!("{}: func({}){result}", function.name, parameters.join(", "))
}

fn type_name(resolve: &Resolve, ty: &Type) -> String {
    let id = match ty {
        Type::Id(id) => *id,
        Type::Bool => return "bool".to_owned(),
        Type::U8 => return "u8".to_owned(),
        Type::U16 => return "u16".to_owned(),
        Type::U32 => return "u32".to_owned(),
        Type::U64 => return "u64".to_owned(),
        Type::S8 => return "s8".to_owned(),
        Type::S16 => return "s16".to_owned(),
        Type::S32 => return "s32".to_owned(),
        Type::S64 => return "s64".to_owned(),
        Type::F32 => return "f32".to_owned(),
        Type::F64 => return "f64".to_owned(),
        Type::Char => return "char".to_owned(),
        Type::String => return "string".to_owned(),
        Type::ErrorContext => return "error-context".to_owned(),
    };
    let shown = &resolve.types[id];
    if let (Some(name), TypeOwner::Interface(_)) = (&shown.name, shown.owner) {
        return name.clone();
    }
    let named = |ty: &Option<Type>| ty.map_or_else(|| "_".to_owned(), |ty| type_name(resolve, &ty));
    match &shown.kind {
        TypeDefKind::List(item) => format!("list<{}>", type_name(resolve, item)),
        TypeDefKind::Option(item) => format!("option<{}>", type_name(resolve, item)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(|ty| type_name(resolve, ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (None, None) => "result".to_owned(),
            (ok, None) => format!("result<{}>", named(ok)),
            (ok, err) => format!("result<{}, {}>", named(ok), named(err)),
        },
        other => other.as_str().to_owned(),
    }
}

fn write_docs(docs: &Docs, indent: &str, out: &mut String) -> Result<()> {
    for line in docs.contents.as_deref().unwrap_or_default().trim().lines() {
        writeln!(out, "{indent}/// {}", line.trim())?;
    }
    Ok(())
}

fn separate(first: &mut bool, out: &mut String) {
    if !std::mem::take(first) {
        out.push('\n');
    }
}

fn name_of(interface: &Interface) -> Result<&str> {
    interface.name.as_deref().context("an interface has no name")
}
