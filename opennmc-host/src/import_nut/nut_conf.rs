//! `nut.conf`: which of NUT's programs the system starts. It is a piece of shell, so it is read line by line.

use super::lexer::Statement;
use super::report::Judgement;

/// Lines of the form `NAME=VALUE` as statements of three words; anything else as one word.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| {
            let words = match line.strip_prefix("export ").unwrap_or(line).split_once('=') {
                Some((name, value)) if is_name(name) => {
                    vec![name.to_owned(), "=".to_owned(), unquoted(value)]
                }
                _ => vec![line.to_owned()],
            };
            Statement { line: number, lines: 1, words, fault: None }
        })
        .collect()
}

/// Judges all statements, in their order. Which programs ran says nothing about the UPS; it is told for the person.
pub(super) fn read(statements: &[Statement]) -> Vec<Judgement> {
    statements.iter().map(judge).collect()
}

/// The last `MODE`, in small letters.
pub(super) fn mode(statements: &[Statement]) -> Option<String> {
    let mut modes = statements.iter().filter(|statement| statement.word(0) == "MODE");
    modes.next_back().map(|statement| statement.word(2).to_ascii_lowercase())
}

fn judge(statement: &Statement) -> Judgement {
    let value = statement.word(2);
    match (statement.word(0), value.to_ascii_lowercase().as_str()) {
        ("MODE", "standalone" | "netserver") => Judgement::carried(
            "OpenNMC takes the place of NUT's driver and server; set it to netclient, so that NUT starts upsmon only",
        ),
        ("MODE", "netclient") => Judgement::client("NUT goes on starting upsmon only"),
        ("MODE", "none") => Judgement::not_needed("NUT did not start anything here"),
        ("MODE", _) => Judgement::not_carried(format!("NUT has no mode `{value}`")),
        ("UPSMON_OPTIONS" | "POWEROFF_WAIT" | "POWEROFF_QUIET", _) => {
            Judgement::client("NUT's service goes on reading this")
        }
        ("UPSD_OPTIONS", "") => Judgement::not_needed("it is empty"),
        ("UPSD_OPTIONS", _) => Judgement::not_carried("OpenNMC does not know the options of NUT's server"),
        ("ALLOW_NO_DEVICE", _) => Judgement::not_needed("`allow-no-ups` is written when there is no UPS"),
        ("ALLOW_NOT_ALL_LISTENERS", _) => {
            Judgement::not_carried("the server starts only when it can listen on every address")
        }
        (name, _) if name.starts_with("NUT_") => Judgement::client("NUT's programs go on reading this"),
        (name, _) => Judgement::not_carried(format!("NUT has no `{name}` in nut.conf")),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// A value without its quotes and without a comment behind it.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some((inside, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inside.to_owned();
        }
    }
    value.split(|letter: char| letter.is_whitespace()).next().unwrap_or("").to_owned()
}
