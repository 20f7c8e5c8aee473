//! The section of a script: what it needs in `opennmc.toml`, from there or from the comment at its top.

use std::path::Path;

use crate::cli::exit::{Exit, Failure};
use crate::config::{Settings, script_settings};
use crate::plugin::PluginSettings;

/// How a script with this text runs: with its section in the configuration `from`, else with the one in its own comment, else
/// with what every script has.
pub(super) fn settings(file: &Path, text: &str, from: Option<&Path>) -> Result<PluginSettings, Failure> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let section = match from {
        Some(path) => {
            let settings = Settings::load(path).map_err(|error| wrong(&error.to_string()))?;
            let section = settings.scripts.into_iter().find(|section| section.name == name);
            Some(section.ok_or_else(|| wrong(&format!("{}: there is no [script.{name}]", path.display())))?)
        }
        None => match in_comment(text) {
            Some(toml) => {
                let whole = format!("[ups.main]\nport = \"sim:smart-ups-1500\"\n{toml}");
                let place = format!("{}: the section in its comment", file.display());
                let parsed = Settings::parse(Path::new(&place), &whole);
                parsed.map_err(|error| wrong(&error.to_string()))?.scripts.into_iter().next()
            }
            None => None,
        },
    };
    Ok(script_settings(&name, file.to_owned(), section.as_ref()))
}

fn wrong(problem: &str) -> Failure {
    Failure::new(Exit::BadConfiguration, problem)
}

/// The lines of the comment from `[script.NAME]` on, until one that is empty.
fn in_comment(text: &str) -> Option<String> {
    let comment = text.lines().map_while(|line| line.strip_prefix("//")).map(str::trim);
    let lines: Vec<&str> = comment
        .skip_while(|line| !line.starts_with("[script."))
        .take_while(|line| !line.is_empty())
        .map(|line| if line.starts_with("[script.NAME") { "[script.name]" } else { line })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_read_from_the_comment_at_the_top() {
        let text = "// Says something.\n//\n//   [script.NAME]\n//   config = { low = 30 }\n//   allow = { connect = [\"https://ntfy.sh\"] }\n//\n// More.\n\nfn on_start() {}\n";
        let settings = settings(Path::new("x/alert.rhai"), text, None).unwrap();
        assert_eq!(settings.id, "script.alert");
        assert_eq!(settings.config["low"].as_integer(), Some(30));
        assert_eq!(settings.script.unwrap().allow.connect.len(), 1);
    }

    #[test]
    fn one_without_a_section_has_what_every_script_has() {
        let settings = settings(Path::new("alert.rhai"), "let x = 1; // [script.x]\n", None).unwrap();
        assert!(settings.config.is_empty() && settings.script.unwrap().allow.connect.is_empty());
    }

    #[test]
    fn a_section_that_is_wrong_is_said_to_be() {
        let text = "// [script.alert]\n// alow = { }\n";
        let failure = settings(Path::new("alert.rhai"), text, None).unwrap_err();
        let words = format!("{failure:?}");
        assert!(words.contains("alow"), "{words}");
    }
}
