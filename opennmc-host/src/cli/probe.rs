//! `opennmc probe`: what is on a serial line, for a person whose UPS is not found.

use apcsmart::serial::{Cable, Finding, PortError, PortOptions, classify};
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::{Tone, clean};

#[derive(Debug, Args)]
pub(super) struct ProbeArguments {
    /// A serial device such as /dev/ttyS0, or tcp://HOST:PORT
    port: String,

    /// The cable, by APC's part number, as `cable` in the configuration
    #[arg(long, value_parser = parse_cable)]
    cable: Option<Cable>,
}

#[derive(Serialize)]
struct Document {
    port: String,
    /// `smart`, or what else is there.
    finding: String,
    model: Option<String>,
    message: String,
}

pub(super) fn probe(arguments: &ProbeArguments, output: Output) -> Result<Exit, Failure> {
    let screen = output.screen();
    if screen.is_rich() && !output.json {
        let text = format!(
            "Asking on {} what is there; this takes up to 15 seconds when nothing answers.\n",
            arguments.port
        );
        output.text(&screen.paint(Tone::Faint, &text))?;
    }
    let options = PortOptions::default().cable(arguments.cable.unwrap_or_default());
    let finding = classify(&arguments.port, &options).map_err(|error| port_failure(&error))?;
    let (name, model) = match &finding {
        Finding::SmartUps { model } => ("smart", model),
        Finding::NoSmartUps { diagnosis, model } => (diagnosis.name(), model),
        _ => ("unknown", &None),
    };
    let exit = if name == "smart" { Exit::Done } else { Exit::NotFound };
    if output.json {
        let (port, model) = (arguments.port.clone(), model.clone());
        output.document(&Document { port, finding: name.to_owned(), model, message: finding.to_string() })?;
    } else {
        let tone = if name == "smart" { Tone::Good } else { Tone::Warning };
        output.text(&format!(
            "{}: {}\n",
            arguments.port,
            screen.paint(tone, &clean(&finding.to_string()))
        ))?;
    }
    Ok(exit)
}

pub(super) fn parse_cable(name: &str) -> Result<Cable, String> {
    Cable::named(name).ok_or_else(|| {
        let names = Cable::ALL.map(|(name, _)| name);
        format!("it is not a cable that OpenNMC knows: {}", names.join(", "))
    })
}

/// The library says what to do about a port; one that the daemon holds is told from one that another program holds there.
pub(super) fn port_failure(error: &PortError) -> Failure {
    let hint = match error {
        PortError::Busy { .. } => "; when that is the daemon, stop it first: `systemctl stop opennmc`",
        _ => "",
    };
    let exit = match error {
        PortError::Permission { .. } => Exit::NotPermitted,
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("{error}{hint}"))
}
