//! `opennmc events`: what happened, and what happens.

use clap::{Args, ValueEnum};

use super::connect::{Connect, the_ups};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::{Screen, Tone, clean, pad};
use super::words;
use crate::control::protocol::{EventQuery, Request};
use crate::control::report::EventReport;
use crate::state::kinds;

#[derive(Debug, Args)]
pub(super) struct EventsArguments {
    /// Only of this UPS
    ups: Option<String>,

    /// Go on with what happens, until Ctrl-C
    #[arg(long, short)]
    follow: bool,

    /// The last so many of the past
    #[arg(long, short = 'n', value_name = "COUNT")]
    last: Option<u32>,

    /// Only kinds that begin with this, such as `ups.on-battery` or `plugin.`
    #[arg(long, value_name = "NAME")]
    kind: Option<String>,

    /// Only what is at least so severe
    #[arg(long, value_enum, default_value_t = Least::Info)]
    severity: Least,

    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Least {
    Info,
    Warning,
    Critical,
}

impl Least {
    fn name(self) -> &'static str {
        match self {
            Least::Info => "info",
            Least::Warning => "warning",
            Least::Critical => "critical",
        }
    }
}

pub(super) fn events(arguments: &EventsArguments, output: Output) -> Result<Exit, Failure> {
    let mut client = arguments.connect.open()?;
    let query = EventQuery {
        ups: arguments.ups.as_deref().map(|ups| the_ups(&client, Some(ups))).transpose()?,
        kind: arguments.kind.clone(),
        severity: Some(arguments.severity.name().to_owned()),
        last: arguments.last,
        follow: arguments.follow,
        ..EventQuery::default()
    };
    let screen = output.screen();
    client.stream(Request::Events(query), |item| {
        if output.json {
            return output.line(&item);
        }
        let event: EventReport = serde_json::from_value(item)
            .map_err(|error| Failure::system("the daemon's answer is not understood", error))?;
        output.text(&line(&event, screen))
    })?;
    if arguments.follow {
        return Err(Failure::new(Exit::NoDaemon, "the daemon has ended"));
    }
    Ok(Exit::Done)
}

fn line(event: &EventReport, screen: Screen) -> String {
    let tone = match event.severity.as_str() {
        "critical" => Tone::Critical,
        "warning" => Tone::Warning,
        _ => Tone::Plain,
    };
    let known = kinds::ALL.iter().find(|kind| kind.name == event.kind);
    let said = match (&event.ups, known) {
        (Some(ups), Some(kind)) => format!("{} {}", clean(ups), kind.message),
        (Some(ups), None) => format!("{} {}", clean(ups), clean(&event.kind)),
        (None, _) => clean(&event.kind),
    };
    let fields = event.fields.iter().map(|(name, value)| format!("  {}={}", clean(name), clean(value)));
    format!(
        "{}  {}  {}{}\n",
        screen.paint(Tone::Faint, &words::local_time(&event.at)),
        screen.paint(tone, &pad(&event.severity, 8)),
        screen.paint(tone, &said),
        screen.paint(Tone::Faint, &fields.collect::<String>()),
    )
}
