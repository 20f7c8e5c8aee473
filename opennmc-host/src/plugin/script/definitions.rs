//! `opennmc.d.rhai`: what scripts can use, for editors that know Rhai.
//!
//! Made of the engine that scripts run in: what is registered there is told here, with the words of `reference`, and the
//! hooks with those of `hooks`. Rhai's own functions are told too: an editor that is told of some functions takes every
//! other name for a mistake.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use rhai::Engine;
use serde::Deserialize;

use super::check::dry;
use super::reference::{self, GLOBALS};
use super::{hooks, instance::ScriptInstance};
use crate::plugin::PluginSettings;

const HEAD: &str = "\
module static;

// What scripts of OpenNMC can use, for editors that know Rhai (docs/scripts.md). Made by `opennmc script definitions`.
";

/// What the language itself has, and no engine registers.
const LANGUAGE: &str = "\
/// Writes into the log.
fn print(value: ?);

/// Writes into the log, with the level `debug`.
fn debug(value: ?);

/// The name of the value's type.
fn type_of(value: ?) -> String;

/// The function of this name, for `call` and timers.
fn Fn(name: String) -> FnPtr;

/// Whether there is a variable of this name.
fn is_def_var(name: String) -> bool;

/// Whether there is a function of this name with so many parameters.
fn is_def_fn(name: String, parameters: int) -> bool;
";

/// `exit` is a word of its own for the language server, which reads no further; nobody calls `to_debug`.
const UNTOLD: [&str; 2] = ["exit", "to_debug"];

/// The functions of an engine, as Rhai tells of them.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    functions: Vec<Registered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    name: String,
    num_params: usize,
    #[serde(default)]
    params: Vec<Parameter>,
    #[serde(default)]
    return_type: String,
    #[serde(default)]
    doc_comments: Vec<String>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// The whole file.
pub(crate) fn definitions() -> Result<String, String> {
    let told = dry(Path::new("definitions.rhai"), "", &PluginSettings::default(), |script| {
        script.start("{}")?;
        Ok((registered(script.engine(), false), registered(script.engine(), true), globals(script)))
    });
    let (own, all, globals) = told.map_err(|epitaph| epitaph.text)?;
    let own = own.map_err(|error| error.to_string())?;
    let all = all.map_err(|error| error.to_string())?;
    let mut text = HEAD.to_owned();
    heading(&mut text, "Functions that are called by themselves: define those that you need.");
    for hook in hooks::hook_list() {
        let called = if hook.when.starts_with("once") { "Called" } else { "Called when" };
        let parameters: Vec<String> =
            hook.parameters.iter().map(|name| format!("{name}: {}", of_hook(name))).collect();
        let _ = write!(text, "\n/// {called} {}.\nfn {}({});\n", hook.when, hook.name, parameters.join(", "));
    }
    heading(&mut text, "Names that are seen everywhere.");
    for (name, kind) in globals {
        let words = GLOBALS.iter().find(|global| global.name == name).map_or("", |global| global.text);
        let _ = write!(text, "\n/// {words}\nconst {name}: {};\n", shown(kind));
    }
    heading(&mut text, "What OpenNMC adds to the language.");
    entries(&mut text, &own, &BTreeSet::new());
    heading(&mut text, "What the language has.");
    let _ = write!(text, "\n{LANGUAGE}");
    let known = own.iter().filter_map(defined).collect();
    entries(&mut text, &all, &known);
    Ok(text)
}

fn heading(text: &mut String, words: &str) {
    let _ = write!(text, "\n// {words}\n");
}

/// What the engine tells; with `standard` that of the language too.
fn registered(engine: &Engine, standard: bool) -> Result<Vec<Registered>, serde_json::Error> {
    let told: Told = serde_json::from_str(&engine.gen_fn_metadata_to_json(standard)?)?;
    Ok(told.functions)
}

/// The global names with the types of their values, in the order of the alphabet.
fn globals(script: &ScriptInstance) -> Vec<(&'static str, &'static str)> {
    let of = |name| script.global(name).map(|value| (name, value.type_name()));
    GLOBALS.iter().filter_map(|global| of(global.name)).collect()
}

/// Each with its words, but for those that are known already.
fn entries(text: &mut String, functions: &[Registered], known: &BTreeSet<String>) {
    let all: BTreeSet<(String, String)> = functions
        .iter()
        .filter_map(|function| Some((defined(function)?, words(function))))
        .filter(|(defined, _)| !known.contains(defined))
        .collect();
    for (defined, words) in all {
        let comment = if words.is_empty() { String::new() } else { format!("/// {words}\n") };
        let _ = write!(text, "\n{comment}{defined};\n");
    }
}

fn words(function: &Registered) -> String {
    if let Some(known) = reference::of(&function.name, function.num_params) {
        return known.text.to_owned();
    }
    let lines = function.doc_comments.iter().flat_map(|comment| comment.lines());
    let first = lines.map(|line| line.trim_start_matches('/').trim()).find(|line| !line.is_empty());
    first.unwrap_or("").to_owned()
}

/// The function as a definition; none: it is used by another form than a call.
fn defined(function: &Registered) -> Option<String> {
    let name = match function.name.strip_prefix("get$") {
        Some(property) => format!("get {property}"),
        None => function.name.clone(),
    };
    let is_name = name.trim_start_matches("get ").chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_old = function.doc_comments.iter().any(|comment| comment.contains("# Deprecated API"));
    if !is_name || is_old || UNTOLD.contains(&name.as_str()) {
        return None;
    }
    let known = reference::of(&function.name, function.num_params);
    let parameter = |index: usize| {
        let told = function.params.get(index);
        let name = known
            .and_then(|known| known.parameters.get(index).copied())
            // Rhai tells of `mut`, too.
            .or(told.and_then(|told| told.name.as_deref()?.split_whitespace().last()));
        let kind = told.and_then(|told| told.kind.as_deref()).map_or("?", shown);
        format!("{}: {kind}", name.unwrap_or("_"))
    };
    let parameters: Vec<String> = (0..function.num_params).map(parameter).collect();
    let gives = match shown(&function.return_type) {
        "()" => String::new(),
        kind => format!(" -> {kind}"),
    };
    let defined = format!("fn {name}({}){gives}", parameters.join(", "));
    // No value of a script has this type.
    (!defined.contains("f32")).then_some(defined)
}

/// A type as definitions name it.
fn shown(kind: &str) -> &str {
    let kind = kind.trim().trim_start_matches("&mut ").trim();
    let kind =
        kind.strip_prefix("core::result::Result<").or(kind.strip_prefix("Result<")).map_or(kind, |rest| {
            // The type of the error is the last, and has no comma of its own.
            rest.rsplit_once(',').map_or(rest, |(kind, _)| kind)
        });
    match kind.trim() {
        "" | "()" => "()",
        "string" | "&str" | "String" => "String",
        kind => match kind.split('<').next().unwrap_or(kind).rsplit("::").next().unwrap_or(kind) {
            "ImmutableString" | "str" | "String" => "String",
            "Dynamic" | "RhaiResult" | "?" | "any" => "?",
            "array" | "Array" | "Vec" => "Array",
            "map" | "Map" | "BTreeMap" => "Map",
            "Fn" | "FnPtr" => "FnPtr",
            "i64" | "INT" | "int" => "int",
            "f64" | "FLOAT" | "float" => "float",
            other => other,
        },
    }
}

/// The type of a hook's parameter.
fn of_hook(parameter: &str) -> &'static str {
    match parameter {
        "ups" => "Ups",
        "plugin" | "topic" => "String",
        "event" | "request" | "result" => "Map",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::super::reference::FUNCTIONS;
    use super::*;

    /// Operators and what turns values into texts need no words.
    const WORDLESS: [&str; 5] = ["+", "==", "index$get$", "to_debug", "to_string"];

    fn own() -> Vec<Registered> {
        dry(Path::new("x.rhai"), "", &PluginSettings::default(), |script| {
            Ok(registered(script.engine(), false).unwrap())
        })
        .unwrap()
    }

    #[test]
    fn every_function_has_its_words_and_there_are_words_for_no_other() {
        let own = own();
        for Registered { name, num_params, .. } in &own {
            let is_known = WORDLESS.contains(&name.as_str()) || reference::of(name, *num_params).is_some();
            assert!(is_known, "reference.rs lacks {name} with {num_params} parameters");
        }
        for known in FUNCTIONS {
            let is = |it: &Registered| it.name == known.name && it.num_params == known.parameters.len();
            assert!(own.iter().any(is), "there is no {}({})", known.name, known.parameters.join(", "));
        }
    }

    #[test]
    fn every_global_name_is_told() {
        let names = dry(Path::new("x.rhai"), "", &PluginSettings::default(), |script| {
            script.start("{}")?;
            Ok(script.global_names())
        });
        let told: Vec<&str> = GLOBALS.iter().map(|global| global.name).collect();
        assert_eq!(names.unwrap(), told);
    }

    #[test]
    fn the_file_in_plugins_is_what_is_registered() {
        let file = include_str!("../../../../plugins/scripts/opennmc.d.rhai");
        let now = definitions().unwrap();
        assert!(
            file == now,
            "run: cargo run -p opennmc-host -- script definitions > plugins/scripts/opennmc.d.rhai"
        );
    }
}
