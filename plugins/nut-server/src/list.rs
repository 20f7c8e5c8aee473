//! Answers to `LIST`: always `BEGIN`, the items, `END`, or one error line and nothing else.

use opennmc_plugin::Host;

use crate::get::NO_DESCRIPTION;
use crate::logins::Logins;
use crate::mirror::Mirror;
use crate::refusal::Refusal;
use crate::reply::Line;
use crate::request::List;

/// Writes the answer to one `LIST`.
pub fn answer(
    mirror: &mut Mirror,
    logins: &Logins,
    host: &impl Host,
    list: List<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let start = out.len();
    let answered = match list {
        List::Ups => ups(mirror, out),
        List::Var { ups } => mirror.contents(host, ups).and_then(|contents| {
            framed(out, "VAR", &[ups], |out| {
                contents.write_all(ups, out);
                Ok(())
            })
        }),
        List::Rw { ups } => mirror.contents(host, ups).and_then(|contents| {
            framed(out, "RW", &[ups], |out| {
                contents.write_settable(ups, out);
                Ok(())
            })
        }),
        List::Cmd { ups } => commands(mirror, host, ups, out),
        List::Enum { ups, variable } => choices(mirror, host, ups, variable, out),
        List::Range { ups, variable } => ranges(mirror, host, ups, variable, out),
        // Answered without fresh data too, as the question is not about data.
        List::Client { ups } => mirror.device(ups).and_then(|device| {
            framed(out, "CLIENT", &[ups], |out| {
                logins
                    .peers(&device.name)
                    .try_for_each(|peer| Line::new(out, "CLIENT").word(ups).word(peer).end())
            })
        }),
    };
    if answered.is_err() {
        out.truncate(start);
    }
    answered
}

fn ups(mirror: &Mirror, out: &mut Vec<u8>) -> Result<(), Refusal> {
    framed(out, "UPS", &[], |out| {
        for device in mirror.devices() {
            let description = match device.description.as_str() {
                "" => NO_DESCRIPTION,
                configured => configured,
            };
            Line::new(out, "UPS").word(&device.name).text(description).end()?;
        }
        Ok(())
    })
}

fn commands(mirror: &Mirror, host: &impl Host, ups: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let commands = host.commands(&mirror.available(ups)?.name).unwrap_or_default();
    framed(out, "CMD", &[ups], |out| {
        commands.iter().try_for_each(|command| Line::new(out, "CMD").word(ups).word(command).end())
    })
}

fn choices(
    mirror: &mut Mirror,
    host: &impl Host,
    ups: &str,
    variable: &str,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let device = mirror.available(ups)?.name.clone();
    let choices = host.choices(&device, &mirror.contents(host, ups)?.entry(variable)?.name);
    framed(out, "ENUM", &[ups, variable], |out| {
        choices
            .iter()
            .try_for_each(|choice| Line::new(out, "ENUM").word(ups).word(variable).text(choice).end())
    })
}

fn ranges(
    mirror: &mut Mirror,
    host: &impl Host,
    ups: &str,
    variable: &str,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let device = mirror.available(ups)?.name.clone();
    let ranges = host.ranges(&device, &mirror.contents(host, ups)?.entry(variable)?.name);
    framed(out, "RANGE", &[ups, variable], |out| {
        ranges.iter().try_for_each(|(low, high)| {
            Line::new(out, "RANGE")
                .word(ups)
                .word(variable)
                .text(&low.to_string())
                .text(&high.to_string())
                .end()
        })
    })
}

fn framed(
    out: &mut Vec<u8>,
    kind: &str,
    names: &[&str],
    items: impl FnOnce(&mut Vec<u8>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let frame = |out: &mut Vec<u8>, keyword| {
        names.iter().fold(Line::new(out, keyword).word(kind), |line, name| line.word(name)).end()
    };
    frame(out, "BEGIN LIST")?;
    items(out)?;
    frame(out, "END LIST")
}
