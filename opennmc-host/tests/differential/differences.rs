//! What may differ, and why: the table of docs/nut-server.md as rules.
//!
//! A rule either makes both answers comparable, by taking out what the two servers hold, or accepts one exact pair of words for
//! one kind of request. Whatever no rule explains fails the test.

/// What a pair of answers is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    Intended(&'static str),
    Unexpected,
}

const SERVER: &str = "the server's own name and version";
const HELD: &str = "what the UPSes hold: the driver's own variables, types, commands, values that move";
const WORDS: &str = "descriptions in our own words";
const QUOTED: &str = "a name with blanks or special characters is repeated quoted";
const HELP: &str = "HELP names PROTVER";
const LOGINS: &str = "NUMLOGINS without live data";
const QUOTE: &str = "a line that ends within quotes, or has a bare # there";
const GOODBYE: &str = "requests after LOGOUT in the same packet";
const HTTP: &str = "HTTP ends the connection";
const ATTACH: &str = "ATTACH, DETACH and NUMATTACH";
const VALUES: &str = "INSTCMD with more than one value";
const PASSWORD: &str = "PASSWORD with blanks, without quotes";

/// Each has to come up, or the table is out of date.
pub(crate) const REASONS: [&str; 12] =
    [SERVER, HELD, WORDS, QUOTED, HELP, LOGINS, QUOTE, GOODBYE, HTTP, ATTACH, VALUES, PASSWORD];

pub(crate) fn judge(case: &str, theirs: &str, ours: &str) -> Verdict {
    if theirs == ours {
        return Verdict::Same;
    }
    if let Some(reason) = exact(case, theirs, ours) {
        return Verdict::Intended(reason);
    }
    let mut pair = (theirs.to_owned(), ours.to_owned());
    let mut reason = None;
    for (name, comparable) in MASKS {
        let next = (comparable(&pair.0), comparable(&pair.1));
        if next != pair {
            reason = Some(name);
            pair = next;
        }
        if pair.0 == pair.1 {
            return reason.map_or(Verdict::Unexpected, Verdict::Intended);
        }
    }
    Verdict::Unexpected
}

type Mask = (&'static str, fn(&str) -> String);
const MASKS: [Mask; 5] = [
    (SERVER, without_names),
    (LOGINS, without_logins),
    (WORDS, without_descriptions),
    (QUOTED, unquoted),
    (HELD, without_held),
];

/// Pairs that are accepted for one kind of request.
fn exact(case: &str, theirs: &str, ours: &str) -> Option<&'static str> {
    let upper = case.to_uppercase();
    let has = |word: &str| upper.split([' ', '|']).any(|part| part == word);
    if has("ATTACH") || has("DETACH") || has("NUMATTACH") {
        return (theirs.starts_with("ERR ") && !ours.starts_with("ERR UNKNOWN-COMMAND")).then_some(ATTACH);
    }
    if case.contains("HTTP/") {
        return (theirs.starts_with(ours) && ours.starts_with("ERR ")).then_some(HTTP);
    }
    if has("HELP") && ours.replacen(" PROTVER", "", 1) == theirs {
        return Some(HELP);
    }
    // Ours ends with the goodbye.
    if has("LOGOUT") && theirs.starts_with(ours) && ours.ends_with("OK Goodbye\n") {
        return Some(GOODBYE);
    }
    if upper.contains("INSTCMD")
        && ours.contains("ERR INVALID-ARGUMENT")
        && theirs.replace("ERR ACCESS-DENIED", "ERR INVALID-ARGUMENT") == ours
    {
        return Some(VALUES);
    }
    if upper.contains("PASSWORD ") && is_password_taken(theirs, ours) {
        return Some(PASSWORD);
    }
    let within_quotes =
        case.split(" | ").any(|line| line.matches('"').count() % 2 == 1 || line.contains('#'));
    (within_quotes && ours.contains("ERR INVALID-ARGUMENT")).then_some(QUOTE)
}

/// Ours took a password that upsd did not understand, and whatever followed was answered accordingly.
fn is_password_taken(theirs: &str, ours: &str) -> bool {
    const TAKEN: (&str, &str) = ("ERR INVALID-ARGUMENT", "OK");
    const FOLLOWS: [(&str, &str); 2] =
        [("OK", "ERR ALREADY-SET-PASSWORD"), ("ERR PASSWORD-REQUIRED", "ERR ACCESS-DENIED")];
    let differing: Vec<_> =
        theirs.lines().zip(ours.lines()).filter(|(theirs, ours)| theirs != ours).collect();
    theirs.lines().count() == ours.lines().count()
        && differing.first() == Some(&TAKEN)
        && differing.iter().skip(1).all(|pair| FOLLOWS.contains(pair))
}

fn without_names(answer: &str) -> String {
    let mut answer = answer.to_owned();
    for (name, version) in [
        ("Network UPS Tools upsd 2.8.0 - http://www.networkupstools.org/", "\"2.8.0\""),
        (
            concat!(
                "OpenNMC nut-server ",
                env!("CARGO_PKG_VERSION"),
                " - https://github.com/opennmc/opennmc"
            ),
            concat!("\"", env!("CARGO_PKG_VERSION"), "\""),
        ),
    ] {
        answer = answer.replace(name, "SERVER").replace(version, "VERSION");
    }
    answer
}

fn without_logins(answer: &str) -> String {
    each(answer, |line| match line {
        "ERR DRIVER-NOT-CONNECTED" | "NUMLOGINS gone 0" => Some("NO LOGINS".to_owned()),
        line => Some(line.to_owned()),
    })
}

fn without_descriptions(answer: &str) -> String {
    each(answer, |line| {
        let is_description = line.starts_with("DESC ") || line.starts_with("CMDDESC ");
        let text = line.rfind(" \"").filter(|_| is_description);
        Some(text.map_or_else(|| line.to_owned(), |at| line[..at].to_owned()))
    })
}

fn unquoted(answer: &str) -> String {
    each(answer, |line| Some(line.replace(['"', '\\'], "")))
}

/// Names of variables stay: both serve the same. Their values stay as well, unless they are numbers.
fn without_held(answer: &str) -> String {
    each(answer, |line| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["VAR", _, name, ..] if name.to_lowercase().starts_with("driver.") => None,
            // They come after a minute.
            ["VAR", _, name, ..] if name.to_lowercase().ends_with(".trend") => None,
            ["VAR", ups, name, value] if value.parse::<f64>().is_ok() => {
                Some(format!("VAR {ups} {name} NUMBER"))
            }
            ["TYPE", ups, name, ..] => Some(format!("TYPE {ups} {name}")),
            ["RW" | "CMD", ..] => None,
            _ => Some(line.to_owned()),
        }
    })
}

fn each(answer: &str, change: impl Fn(&str) -> Option<String>) -> String {
    answer.lines().filter_map(change).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_rule_explains_is_unexpected() {
        for (case, theirs, ours) in [
            ("GET VAR main ups.status", "VAR main ups.status \"OL\"\n", "VAR main ups.status \"OB\"\n"),
            ("GET VAR main ups.load", "VAR main ups.load \"1\"\n", "ERR VAR-NOT-SUPPORTED\n"),
            ("LIST UPS", "BEGIN LIST UPS\nUPS a \"x\"\nEND LIST UPS\n", "BEGIN LIST UPS\nEND LIST UPS\n"),
            ("FOO", "ERR UNKNOWN-COMMAND\n", "ERR INVALID-ARGUMENT\n"),
            ("LOGIN gone", "ERR DRIVER-NOT-CONNECTED\n", "OK\n"),
        ] {
            assert_eq!(judge(case, theirs, ours), Verdict::Unexpected, "{case}");
        }
    }
}
