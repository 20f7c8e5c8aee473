//! `cargo xtask api-reference`: docs/api.md, made from the OpenAPI document of the plugin `web-ui`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::console;
use crate::workspace::Workspace;

const SOURCE: &str = "plugins/web-ui/openapi.json";
const PAGE: &str = "docs/api.md";
/// The order in which an object of paths is read.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What `cargo xtask api-reference` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only compare: fail when the page is not what the document says.
    #[arg(long)]
    check: bool,
}

/// Writes the page, or compares it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.check {
        return check(workspace);
    }
    let path = workspace.root().join(PAGE);
    fs::write(&path, made(workspace)?).with_context(|| format!("could not write {}", path.display()))?;
    console::remark(&format!("wrote {PAGE}"));
    Ok(())
}

/// Fails when the page is not what the document says.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let there = fs::read_to_string(workspace.root().join(PAGE)).unwrap_or_default();
    if there != made(workspace)? {
        bail!("{PAGE} is not what {SOURCE} says; make it with: cargo xtask api-reference");
    }
    Ok(())
}

fn made(workspace: &Workspace) -> Result<String> {
    let text = fs::read_to_string(workspace.root().join(SOURCE))
        .with_context(|| format!("could not read {SOURCE}"))?;
    page(&serde_json::from_str(&text).with_context(|| format!("{SOURCE} is not JSON"))?)
}

fn page(document: &Value) -> Result<String> {
    let mut page = String::from(
        "# The API\n\nMade from `plugins/web-ui/openapi.json` by `cargo xtask api-reference`. [Web pages](http.md#the-api) has what is not in a\n\
         table: who may what, errors, orders.\n",
    );
    let paths = document["paths"].as_object().context("there are no paths")?;
    for (path, offered) in paths {
        for method in METHODS {
            if let Some(operation) = offered.get(method) {
                write_operation(&mut page, document, path, method, operation)?;
            }
        }
    }
    page.push_str("\n## Shapes\n");
    for (name, schema) in document["components"]["schemas"].as_object().context("there are no shapes")? {
        write_shape(&mut page, name, schema)?;
    }
    Ok(page)
}

fn write_operation(
    page: &mut String,
    document: &Value,
    path: &str,
    method: &str,
    operation: &Value,
) -> Result<()> {
    write!(page, "\n## `{} {path}`\n\n{}.", method.to_uppercase(), text(operation, "summary"))?;
    let more = text(operation, "description");
    writeln!(page, "{}{more}", if more.is_empty() { "" } else { " " })?;
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        page.push_str("\n| parameter | in | |\n|---|---|---|\n");
        for parameter in parameters {
            let needed = if parameter["required"] == true { "" } else { " (may be left out)" };
            writeln!(
                page,
                "| `{}` | {} | {}{needed}: {} |",
                text(parameter, "name"),
                text(parameter, "in"),
                text(parameter, "description"),
                kind(&parameter["schema"])
            )?;
        }
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        writeln!(page, "\nBody: {}.", kind(body))?;
    }
    page.push_str("\nAnswers:");
    for (index, (status, answer)) in operation["responses"].as_object().into_iter().flatten().enumerate() {
        let resolved = resolve(document, answer);
        let schemas = resolved["content"].as_object().into_iter().flatten();
        let shape = schemas.map(|(media, content)| match media.as_str() {
            "application/json" => format!(" {}", kind(&content["schema"])),
            "application/problem+json" => String::new(),
            other => format!(" `{other}`"),
        });
        let separator = if index == 0 { "" } else { "," };
        write!(page, "{separator} {status}{}", shape.collect::<String>())?;
    }
    page.push_str(".\n");
    Ok(())
}

fn write_shape(page: &mut String, name: &str, schema: &Value) -> Result<()> {
    writeln!(page, "\n### {name}\n")?;
    let about = text(schema, "description");
    if !about.is_empty() {
        writeln!(page, "{about}\n")?;
    }
    page.push_str("| field | kind | |\n|---|---|---|\n");
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|required| required.iter().any(|one| one == name))
    };
    for (field, of) in schema["properties"].as_object().into_iter().flatten() {
        let left_out = if required(field) { "" } else { "may be left out; " };
        let about = format!("{left_out}{}", text(of, "description"));
        writeln!(page, "| `{field}` | {} | {} |", kind(of), about.trim_end_matches("; "))?;
    }
    Ok(())
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or(name);
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| format!("`{}`", plain(value))).collect();
        return values.join(", ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{}`", plain(value));
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    let shown = names.iter().map(|name| match *name {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("object by name, each {}", kind(&schema["additionalProperties"]))
        }
        name => name.to_owned(),
    });
    let mut words = shown.collect::<Vec<_>>().join(" or ");
    let bounds =
        [("minimum", "from"), ("maximum", "to"), ("minLength", "at least"), ("maxLength", "at most")];
    for (key, word) in bounds {
        if let Some(bound) = schema[key].as_u64() {
            words.push_str(&format!(" {word} {bound}"));
        }
    }
    words
}

fn resolve<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let pointer = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(part)
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_told_with_what_it_takes_and_answers() {
        let document = serde_json::json!({
            "paths": {"/a/{b}": {"put": {
                "summary": "Sets a", "parameters": [
                    {"name": "b", "in": "path", "required": true, "description": "which", "schema": {"type": "string", "maxLength": 9}}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"type": ["integer", "null"]}}}}},
                    "404": {"$ref": "#/components/responses/Gone"}}}}},
            "components": {"responses": {"Gone": {"content": {"application/problem+json": {}}}},
                "schemas": {"A": {"properties": {"x": {"enum": ["y", "z"], "description": "it"}}, "required": []}}},
        });
        let page = page(&document).unwrap();
        for line in [
            "## `PUT /a/{b}`",
            "| `b` | path | which: string at most 9 |",
            "Body: [A](#a).",
            "Answers: 200 list of integer or null, 404.",
            "| `x` | `y`, `z` | may be left out; it |",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
