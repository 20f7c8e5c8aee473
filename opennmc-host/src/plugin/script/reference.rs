//! What every function of the host is for, in a line: what editors show, and what docs/scripts.md must name.
//!
//! The functions themselves, with their types, are told by the engine in which they are registered; a test holds both
//! together, so that neither can lack what the other has. Nothing here is looked at while a script runs.

/// A function, by its name and how many parameters it has.
pub(super) struct Function {
    /// As it is registered: `get$name` is the property `name`.
    pub(super) name: &'static str,
    pub(super) parameters: &'static [&'static str],
    pub(super) text: &'static str,
}

/// A name that every function of a script sees.
pub(super) struct Global {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

const fn function(name: &'static str, parameters: &'static [&'static str], text: &'static str) -> Function {
    Function { name, parameters, text }
}

pub(super) const GLOBALS: [Global; 5] = [
    Global {
        name: "config",
        text: "The script's `config`, from its section in opennmc.toml; a missing key is `()`.",
    },
    Global { name: "critical", text: "For `notify`: a person has to do something now." },
    Global { name: "info", text: "For `notify`: good to know." },
    Global {
        name: "ups",
        text: "The UPSes: `ups[\"main\"]` is the one of this name. In a hook, the parameter `ups` is one UPS.",
    },
    Global { name: "warning", text: "For `notify`: a person should look at it." },
];

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "after",
        &["delay", "function"],
        "Calls the function once, after this time: `\"30s\"`, `\"1h 30m\"`, or seconds. Gives the timer's number.",
    ),
    function(
        "at",
        &["time", "function"],
        "Calls the function every day at this local time: `\"03:00\"`. Gives the timer's number.",
    ),
    function("cancel", &["timer"], "Ends a timer; `()` is no timer, and nothing happens."),
    function(
        "cron",
        &["line", "function"],
        "Calls the function by the local calendar: minute, hour, day, month, weekday, as crontab has it. Gives the timer's number.",
    ),
    function("debug_log", &["text"], "Writes into the log, with the level `debug`."),
    function("duration_text", &["seconds"], "A duration in words: `1 h 5 min`."),
    function("error", &["text"], "Writes into the log, with the level `error`."),
    function(
        "every",
        &["period", "function"],
        "Calls the function again and again: `\"5m\"`, or seconds. Gives the timer's number.",
    ),
    function("forget", &["key"], "Deletes what was kept."),
    function("get$commands", &["ups"], "The names of its commands."),
    function("get$description", &["ups"], "What opennmc.toml says of it, or `()`."),
    function("get$is_live", &["ups"], "Whether its values can be trusted now."),
    function("get$name", &["ups"], "Its name."),
    function("get$number", &["ticket"], "By which `on_result` tells which it is, as `result.ticket`."),
    function("get$status", &["ups"], "`ups.status`, such as `OB DISCHRG`."),
    function("get$variables", &["ups"], "All its variables."),
    function("has", &["ups", "word"], "Whether `ups.status` has this word, such as `\"OB\"`."),
    function(
        "history",
        &["ups", "variable", "query"],
        "Asks for samples of a variable: `#{ from: \"1d\", until: …, points: 100 }`. The result has `samples`.",
    ),
    function(
        "history_events",
        &["query"],
        "Asks for events of the past: `#{ from: \"7d\", kind: \"ups.*\", ups: \"main\", limit: 100 }`. The result has `events`.",
    ),
    function("http_get", &["url"], "Sends a GET. The result has `status`, `headers`, `body` and `json`."),
    function("http_get", &["url", "options"], "Sends a GET, with `#{ headers: #{ … }, timeout: \"10s\" }`."),
    function("http_post", &["url", "body"], "Sends a POST. A body that is no text is sent as JSON."),
    function(
        "http_post",
        &["url", "body", "options"],
        "Sends a POST, with `#{ headers: #{ … }, timeout: \"10s\" }`.",
    ),
    function("http_put", &["url", "body"], "Sends a PUT. A body that is no text is sent as JSON."),
    function(
        "http_put",
        &["url", "body", "options"],
        "Sends a PUT, with `#{ headers: #{ … }, timeout: \"10s\" }`.",
    ),
    function(
        "local",
        &[],
        "The local time now: `year`, `month`, `day`, `hour`, `minute`, `second`, `weekday` (Monday is 1).",
    ),
    function("local", &["ms"], "The local time of a moment."),
    function("log", &["text"], "Writes into the log."),
    function(
        "mail",
        &["to", "subject", "text"],
        "Sends a mail by the notifier `mail`; `to` is an address or an array of them.",
    ),
    function("metric", &["name", "number"], "Publishes a figure; `()` takes it away."),
    function(
        "notify",
        &["severity", "text"],
        "Tells people, by every notifier. The first line is the title.",
    ),
    function(
        "notify",
        &["severity", "text", "more"],
        "Tells people; `more` may have `ups`, `to` (the only notifier), and fields.",
    ),
    function("now", &[], "Milliseconds since 1970."),
    function("publish", &["topic", "message"], "Says something to the other plugins: a text or a map."),
    function("recall", &["key"], "What `store` has kept, or `()`."),
    function("recall", &["key", "otherwise"], "What `store` has kept, or `otherwise`."),
    function("response", &["status", "body"], "An answer for `on_http` to give."),
    function(
        "response",
        &["status", "body", "options"],
        "An answer for `on_http` to give, with `#{ headers: #{ … } }`.",
    ),
    function("round", &["number", "digits"], "The number with so many digits after the point."),
    function("run", &["ups", "command"], "Runs a command of a UPS. Gives a ticket."),
    function("run", &["ups", "command", "value"], "Runs a command of a UPS, with a value. Gives a ticket."),
    function(
        "secret",
        &["name"],
        "A secret from the section's `secrets`, for addresses, headers and bodies of HTTP requests.",
    ),
    function("set", &["ups", "variable", "value"], "Sets a variable of a UPS. Gives a ticket."),
    function("sleep", &["seconds"], "Throws: a script must not wait. Use `after`."),
    function("store", &["key", "value"], "Keeps a value over restarts."),
    function("stored", &["prefix"], "The keys that begin so."),
    function(
        "then",
        &["ticket", "function"],
        "Calls the function with the result when it has ended: `|result| …`.",
    ),
    function("time_text", &["ms"], "A moment in words, in local time."),
    function("time_text", &["ms", "format"], "A moment in words, in local time: `\"%H:%M\"`."),
    function("upses", &[], "All UPSes."),
    function("warn", &["text"], "Writes into the log, with the level `warn`."),
];

/// The words for a function; none: there is no such function.
pub(super) fn of(name: &str, parameters: usize) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|known| known.name == name && known.parameters.len() == parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_in_the_guide() {
        let guide = include_str!("../../../../docs/scripts.md");
        for Function { name, .. } in FUNCTIONS {
            let is_named = match name.strip_prefix("get$") {
                Some(property) => guide.contains(&format!("`.{property}`")),
                None => guide.contains(&format!("`{name}(")) || guide.contains(&format!(".{name}(")),
            };
            assert!(is_named, "docs/scripts.md lacks: {name}");
        }
        for Global { name, .. } in GLOBALS {
            assert!(guide.contains(&format!("`{name}`")), "docs/scripts.md lacks: {name}");
        }
    }
}
