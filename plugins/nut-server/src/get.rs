//! Answers to `GET`.

use opennmc_plugin::{Host, Kind};

use crate::logins::Logins;
use crate::mirror::Mirror;
use crate::refusal::Refusal;
use crate::reply::Line;
use crate::request::Get;

/// What `VER` and `server.info` say.
pub const SERVER_INFO: &str =
    concat!("OpenNMC nut-server ", env!("CARGO_PKG_VERSION"), " - ", env!("CARGO_PKG_REPOSITORY"));

/// The words that clients know for an unknown variable or command.
pub const NO_DESCRIPTION: &str = "Description unavailable";

/// The word that clients know for a UPS without description.
const NO_UPS_DESCRIPTION: &str = "Unavailable";

const SERVER_PREFIX: &str = "server.";

/// Writes the answer to one `GET`, except for the two forms about tracking, which belong to the connection.
pub fn answer(
    mirror: &mut Mirror,
    logins: &Logins,
    host: &impl Host,
    get: Get<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    match get {
        Get::Var { ups, variable } => var(mirror, host, ups, variable, out),
        Get::Type { ups, variable } => type_of(mirror, host, ups, variable, out),
        Get::Desc { ups, variable } => {
            mirror.available(ups)?;
            let sentence = host.describe_variable(&variable.to_ascii_lowercase());
            Line::new(out, "DESC").word(ups).word(variable).text(known(&sentence)).end()
        }
        Get::CmdDesc { ups, command } => {
            mirror.available(ups)?;
            let sentence = host.describe_command(&command.to_ascii_lowercase());
            Line::new(out, "CMDDESC").word(ups).word(command).text(known(&sentence)).end()
        }
        Get::UpsDesc { ups } => {
            let description = match mirror.device(ups)?.description.as_str() {
                "" => NO_UPS_DESCRIPTION,
                configured => configured,
            };
            Line::new(out, "UPSDESC").word(ups).text(description).end()
        }
        // Answered without fresh data too: a primary that asks during an outage must not stop waiting for its
        // secondaries because the UPS went silent.
        Get::NumLogins { keyword, ups } => {
            let count = logins.count(&mirror.device(ups)?.name);
            Line::new(out, keyword).word(ups).number(count).end()
        }
        Get::Tracking | Get::TrackingOf { .. } => Err(Refusal::FeatureNotConfigured),
    }
}

fn var(
    mirror: &mut Mirror,
    host: &impl Host,
    ups: &str,
    variable: &str,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    // About the server itself, so the UPS's name is not looked at.
    if variable.get(..SERVER_PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(SERVER_PREFIX)) {
        return server_var(ups, variable, out);
    }
    let contents = mirror.contents(host, ups)?;
    contents.write_line(contents.entry(variable)?, ups, variable, out);
    Ok(())
}

fn server_var(ups: &str, variable: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let (name, value) = if variable.eq_ignore_ascii_case("server.info") {
        ("server.info", SERVER_INFO)
    } else if variable.eq_ignore_ascii_case("server.version") {
        ("server.version", env!("CARGO_PKG_VERSION"))
    } else {
        return Err(Refusal::VarNotSupported);
    };
    Line::new(out, "VAR").word(ups).word(name).text(value).end()
}

fn type_of(
    mirror: &mut Mirror,
    host: &impl Host,
    ups: &str,
    variable: &str,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let device = mirror.available(ups)?.name.clone();
    let entry = mirror.contents(host, ups)?.entry(variable)?;
    let mut line = Line::new(out, "TYPE").word(ups).word(variable);
    if entry.settable {
        line = line.word("RW");
    }
    match entry.kind {
        Kind::Text => line.word(&format!("STRING:{}", entry.max_length)),
        Kind::Number => line.word("NUMBER"),
        Kind::Range => line.word("RANGE").word("NUMBER"),
        Kind::Choice => line.word("ENUM").word(&choice_type(&host.choices(&device, &entry.name))),
    }
    .end()
}

/// A choice of numbers is a number, any other a text as long as the longest choice.
fn choice_type(choices: &[String]) -> String {
    if choices.iter().all(|choice| is_number(choice)) {
        return "NUMBER".to_owned();
    }
    let longest = choices.iter().map(String::len).max().unwrap_or(0);
    format!("STRING:{longest}")
}

/// By NUT's rule for numbers: digits with at most one dot, no exponent.
pub fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let dots = digits.bytes().filter(|byte| *byte == b'.').count();
    dots <= 1 && digits.len() > dots && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn known(sentence: &Option<String>) -> &str {
    sentence.as_deref().filter(|sentence| !sentence.is_empty()).unwrap_or(NO_DESCRIPTION)
}
