//! Which function of a script is called when: by its name, made from the kind of what happened.
//!
//! A misspelt hook would never be called, and nobody would notice until the night it was written for. So a function whose
//! name begins with `on_` and is no hook keeps the script from starting.

use rhai::AST;
use serde::Serialize;

use crate::state::kinds;

/// One hook.
#[derive(Debug)]
struct Hook {
    /// The function's name.
    name: &'static str,
    /// Its parameters; a function may leave out the last ones.
    parameters: &'static [&'static str],
    /// When it is called.
    when: &'static str,
}

/// The hooks that stand for no single kind of event. docs/scripts.md shows them.
const HOOKS: &[Hook] = &[
    Hook { name: "on_start", parameters: &[], when: "once, before the first event" },
    Hook { name: "on_stop", parameters: &[], when: "once, before the script ends" },
    Hook { name: "on_comm_ok", parameters: DEVICE, when: "the UPS answers, for the first time or again" },
    Hook {
        name: "on_message",
        parameters: &["plugin", "topic", "message"],
        when: "a plugin says something on the bus",
    },
    Hook {
        name: "on_result",
        parameters: &["result"],
        when: "something asked for has ended, and there is no `then`",
    },
    Hook {
        name: ON_HTTP,
        parameters: &["request"],
        when: "somebody asks under its address of the web server (`allow.http`)",
    },
    Hook {
        name: "on_event",
        parameters: &["event"],
        when: "something happened that has no function of its own",
    },
];

/// Answers requests.
pub(super) const ON_HTTP: &str = "on_http";
/// The parameters of a hook for one kind of event of a UPS.
pub(super) const DEVICE: &[&str] = &["ups", "event"];
/// Families of events that come from the daemon: their kinds are an open set.
const FAMILIES: [&str; 8] = ["host", "plugin", "script", "user", "history", "notice", "notify", "control"];

/// The name of the function for events of this kind.
pub(super) fn name_of(kind: &str) -> String {
    let rest = kind.strip_prefix("ups.").unwrap_or(kind).replace(['.', '-'], "_");
    if rest.starts_with("on_") { rest } else { format!("on_{rest}") }
}

/// Whether the function of this name is no function for events of a kind, whatever the kind is called.
pub(super) fn is_called_otherwise(name: &str) -> bool {
    ["on_event", "on_message", ON_HTTP].contains(&name)
}

/// Every hook that can be told beforehand, with its parameters.
pub(super) fn all() -> impl Iterator<Item = (String, &'static [&'static str])> {
    let fixed = HOOKS.iter().map(|hook| (hook.name.to_owned(), hook.parameters));
    fixed.chain(kinds::ALL.iter().map(|kind| (name_of(kind.name), DEVICE)))
}

/// One hook, as people are told of it.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    /// The function's name.
    pub(crate) name: String,
    /// Its parameters; a function may leave out the last ones.
    pub(crate) parameters: &'static [&'static str],
    /// When it is called.
    pub(crate) when: String,
}

/// Every hook that can be told beforehand: the fixed ones, then one for each kind of event of a UPS.
pub(crate) fn hook_list() -> Vec<Listed> {
    let fixed = HOOKS.iter().map(|hook| Listed {
        name: hook.name.to_owned(),
        parameters: hook.parameters,
        when: hook.when.to_owned(),
    });
    let of_ups = kinds::ALL.iter().map(|kind| Listed {
        name: name_of(kind.name),
        parameters: DEVICE,
        when: format!("the UPS {} (`{}`)", kind.message, kind.name),
    });
    fixed.chain(of_ups).collect()
}

/// The first function that looks like a hook and is none, in words, with its name.
pub(super) fn misfit(ast: &AST) -> Option<(String, String)> {
    ast.iter_functions().find_map(|function| {
        let name = function.name;
        if !name.starts_with("on_") {
            return None;
        }
        let is_of_daemon = FAMILIES.iter().any(|family| {
            name.strip_prefix("on_")
                .and_then(|rest| rest.strip_prefix(family))
                .is_some_and(|rest| rest.starts_with('_'))
        });
        let known = all().find(|(known, _)| known == name).map(|(_, parameters)| parameters);
        let most = match known {
            Some(parameters) => parameters.len(),
            None if is_of_daemon => DEVICE.len(),
            None => {
                let nearest = all()
                    .map(|(known, _)| known)
                    .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
                let nearest = nearest.unwrap_or_default();
                return Some((
                    name.to_owned(),
                    format!("`{name}` is never called; did you mean `{nearest}`?"),
                ));
            }
        };
        (function.params.len() > most).then(|| {
            let parameters = known.unwrap_or(DEVICE).join(", ");
            (name.to_owned(), format!("`{name}` has too many parameters; it is called with ({parameters})"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_gives_its_function_the_name_that_people_expect() {
        for (kind, name) in [
            ("ups.on-battery", "on_battery"),
            ("ups.on-line", "on_line"),
            ("ups.low-battery", "on_low_battery"),
            ("ups.comm-lost", "on_comm_lost"),
            ("plugin.failed", "on_plugin_failed"),
        ] {
            assert_eq!(name_of(kind), name);
        }
    }

    #[test]
    fn every_hook_is_documented() {
        let documented = include_str!("../../../../docs/scripts.md");
        for hook in hook_list() {
            let row = format!("| `{}({})` | {} |", hook.name, hook.parameters.join(", "), hook.when);
            assert!(documented.contains(&row), "docs/scripts.md lacks: {row}");
        }
    }

    #[test]
    fn no_two_kinds_have_one_name() {
        let mut names: Vec<String> = all().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
