//! `opennmc cmd`, `set` and `fsd`: what is asked of a UPS.
//!
//! The daemon's door decides whether it may be done and tells how it ended. What interrupts the load is asked about first.

use apcsmart::table::{Danger, INSTANT_COMMANDS};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::confirm::Confirm;
use super::connect::{Connect, split_ups, the_ups};
use super::exit::{Exit, Failure, of_order};
use super::output::Output;
use super::terminal::{Screen, Tone, clean};
use crate::control::Client;
use crate::control::protocol::Request;
use crate::control::report::{OrderReport, StatusReport};

#[derive(Debug, Args)]
pub(super) struct CmdArguments {
    /// The UPS (may be left out when there is one), the NUT command, and its argument if it takes one; without a command,
    /// those that the UPS takes
    #[arg(value_name = "[UPS] COMMAND [ARGUMENT]", num_args = 0..=3)]
    words: Vec<String>,

    /// The UPS, where its name could be taken for a command's
    #[arg(long, short, value_name = "NAME")]
    ups: Option<String>,

    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
pub(super) struct SetArguments {
    /// The UPS (may be left out when there is one), the variable by its NUT name, and its new value
    #[arg(value_name = "[UPS] VARIABLE VALUE", num_args = 2..=3, required = true)]
    words: Vec<String>,

    /// The UPS
    #[arg(long, short, value_name = "NAME")]
    ups: Option<String>,

    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
pub(super) struct FsdArguments {
    #[command(subcommand)]
    what: Fsd,
}

#[derive(Debug, Subcommand)]
enum Fsd {
    /// Tell every machine on the UPS to shut down now
    Set(FsdTarget),
    /// Take that back, for machines that have not heard it yet
    Clear(FsdTarget),
}

#[derive(Debug, Args)]
struct FsdTarget {
    /// The UPS; may be left out when there is one
    ups: Option<String>,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    connect: Connect,
}

pub(super) fn cmd(arguments: &CmdArguments, output: Output) -> Result<Exit, Failure> {
    let mut client = arguments.connect.open()?;
    let (ups, words) = split_ups(&client, arguments.ups.as_deref(), &arguments.words, 2)?;
    let (command, argument) = match words {
        [] => return commands(&mut client, &ups, output),
        [command] => (command.clone(), None),
        [command, argument] => (command.clone(), Some(argument.clone())),
        _ => return Err(Failure::new(Exit::BadUsage, "a command takes one argument at most")),
    };
    let known = INSTANT_COMMANDS.iter().find(|known| known.name.eq_ignore_ascii_case(&command));
    let mut danger_confirmed = arguments.confirm.yes;
    if known.is_some_and(|known| known.danger == Danger::Confirmed) {
        arguments.confirm.ask(&danger(&command, &ups))?;
        danger_confirmed = true;
    }
    let what = format!("{ups}: {command}");
    let request = |danger_confirmed| Request::Run {
        ups: ups.clone(),
        command: command.clone(),
        argument: argument.clone(),
        danger_confirmed,
    };
    let mut report = give(&mut client, request(danger_confirmed), &what, output)?;
    if report.result == "unconfirmed" && !danger_confirmed {
        // A driver of another kind of UPS has dangerous commands of its own; the daemon knows them.
        let why = report.message.unwrap_or_else(|| danger(&command, &ups));
        arguments.confirm.ask(&clean(&why))?;
        report = give(&mut client, request(true), &what, output)?;
    }
    tell(&report, &what, &ups, &client, output)
}

pub(super) fn set(arguments: &SetArguments, output: Output) -> Result<Exit, Failure> {
    let mut client = arguments.connect.open()?;
    // With three words the first can only be the UPS, and with two none is.
    let (ups, words) = match (&arguments.ups, arguments.words.as_slice()) {
        (Some(ups), words) => (the_ups(&client, Some(ups))?, words),
        (None, [ups, words @ ..]) if words.len() == 2 => (the_ups(&client, Some(ups))?, words),
        (None, words) => (the_ups(&client, None)?, words),
    };
    let [variable, value] = words else {
        return Err(Failure::new(
            Exit::BadUsage,
            "a variable and one value are needed: `opennmc set VARIABLE VALUE`",
        ));
    };
    let what = format!("{ups}: {variable} = {value}");
    let request = Request::Set { ups: ups.clone(), variable: variable.clone(), value: value.clone() };
    let report = give(&mut client, request, &what, output)?;
    tell(&report, &what, &ups, &client, output)
}

pub(super) fn fsd(arguments: &FsdArguments, output: Output) -> Result<Exit, Failure> {
    let (on, target) = match &arguments.what {
        Fsd::Set(target) => (true, target),
        Fsd::Clear(target) => (false, target),
    };
    let mut client = target.connect.open()?;
    let ups = the_ups(&client, target.ups.as_deref())?;
    if on {
        target.confirm.ask(&format!("Every machine that watches {ups} will shut down now."))?;
    }
    let what = format!("{ups}: forced shutdown {}", if on { "set" } else { "cleared" });
    let request = Request::ForcedShutdown { ups: ups.clone(), on, danger_confirmed: on };
    let report = give(&mut client, request, &what, output)?;
    tell(&report, &what, &ups, &client, output)
}

fn danger(command: &str, ups: &str) -> String {
    let meaning = INSTANT_COMMANDS.iter().find(|known| known.name.eq_ignore_ascii_case(command));
    let meaning = meaning.map_or_else(String::new, |known| format!(": {}", known.meaning));
    format!(
        "{}{meaning}.\nIt may take the power from what {ups} feeds, or run its battery down.",
        clean(command)
    )
}

/// The commands that a UPS takes.
fn commands(client: &mut Client, ups: &str, output: Output) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document<'a> {
        ups: &'a str,
        commands: &'a [String],
    }
    let report: StatusReport = client.ask(Request::Status { ups: Some(ups.to_owned()) })?;
    let commands = report.upses.first().map(|ups| ups.commands.as_slice()).unwrap_or_default();
    if output.json {
        output.document(&Document { ups, commands })?;
    } else {
        output.text(&commands.iter().map(|command| clean(command) + "\n").collect::<String>())?;
    }
    Ok(Exit::Done)
}

/// Gives the order and waits for its end. People are told when the UPS has begun, because some take minutes.
fn give(client: &mut Client, request: Request, what: &str, output: Output) -> Result<OrderReport, Failure> {
    let screen = output.screen();
    let ended = client.stream(request, |item| {
        let begun = serde_json::from_value::<OrderReport>(item).is_ok_and(|report| report.result == "begun");
        if begun && screen.is_rich() && !output.json {
            output.text(&screen.paint(Tone::Faint, &format!("{} …\n", clean(what))))?;
        }
        Ok::<(), Failure>(())
    })?;
    serde_json::from_value(ended)
        .map_err(|error| Failure::system("the daemon's answer is not understood", error))
}

fn tell(
    report: &OrderReport,
    what: &str,
    ups: &str,
    client: &Client,
    output: Output,
) -> Result<Exit, Failure> {
    let exit = of_order(report);
    if output.json {
        output.document(report)?;
        return Ok(exit);
    }
    let text = words(report, what, ups, output.screen());
    if exit == Exit::Done {
        output.text(&(text + "\n"))?;
        return Ok(exit);
    }
    let hint = match report.result.as_str() {
        "denied" => format!(" (you are {} here, as {})", client.greeting().user, client.greeting().role),
        "unsupported" => {
            format!("; `opennmc cmd {ups}` lists commands, `opennmc get {ups} --settable` settings")
        }
        _ => String::new(),
    };
    Err(Failure::new(exit, text + hint.as_str()))
}

fn words(report: &OrderReport, what: &str, ups: &str, screen: Screen) -> String {
    let outcome = match report.result.as_str() {
        "verified" => "done, and reads back so".to_owned(),
        "executed" => "done".to_owned(),
        "accepted" => "accepted by the UPS; its effect can't be seen from here, or not yet".to_owned(),
        "unchanged" => "it is so already".to_owned(),
        "no-effect" => {
            "the UPS accepted it, and no effect was seen in the time it should have taken".to_owned()
        }
        "timed-out" => "no answer in time: whether it was done is not known".to_owned(),
        "stale" => format!("there is no contact with {ups}; nothing was sent"),
        other => other.to_owned(),
    };
    let tone = if report.is_success() { Tone::Good } else { Tone::Critical };
    let told = report.message.as_deref().map_or_else(String::new, |message| format!(": {}", clean(message)));
    let outcome = if report.is_success() { screen.paint(tone, &outcome) } else { outcome };
    format!("{}: {outcome}{told}", clean(what))
}
