//! `opennmc status`: how every UPS is, at a glance.
//!
//! One UPS is a card, several are a table. What is old is grey and says how old it is.

use clap::Args;
use serde::Serialize;

use super::connect::{Connect, the_ups};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::{Screen, Tone, clean, clip, pad};
use super::words;
use crate::control::protocol::Request;
use crate::control::report::{DaemonReport, StatusReport, UpsReport};

/// Labels of a card, padded to this.
const LABEL: usize = 13;
/// The longest bar of a card.
const BAR: usize = 24;
/// A bar in a table.
const TABLE_BAR: usize = 8;
/// Charge below this is shown as a warning, and below the second as critical.
const CHARGE_LIMITS: (f64, f64) = (50.0, 20.0);
/// Load above this is shown as a warning, and above the second as critical.
const LOAD_LIMITS: (f64, f64) = (80.0, 100.0);

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// Only this UPS
    ups: Option<String>,
    #[command(flatten)]
    connect: Connect,
}

pub(super) fn status(arguments: &StatusArguments, output: Output) -> Result<Exit, Failure> {
    let mut client = arguments.connect.open()?;
    let ups = arguments.ups.as_deref().map(|ups| the_ups(&client, Some(ups))).transpose()?;
    let report: StatusReport = client.ask(Request::Status { ups })?;
    if output.json {
        output.document(&Document::of(&report))?;
    } else {
        let screen = output.screen();
        match report.upses.as_slice() {
            [ups] => output.text(&card(ups, screen))?,
            upses => output.text(&table(upses, screen))?,
        }
    }
    Ok(if report.upses.iter().all(UpsReport::is_live) { Exit::Done } else { Exit::Stale })
}

/// What `--json` prints: variables by name with their values alone; `get --json` has the rest.
#[derive(Serialize)]
struct Document<'a> {
    daemon: &'a DaemonReport,
    upses: Vec<UpsDocument<'a>>,
}

#[derive(Serialize)]
struct UpsDocument<'a> {
    name: &'a str,
    description: Option<&'a str>,
    availability: &'a str,
    state: String,
    heard_at: Option<&'a str>,
    age_s: Option<f64>,
    commands: &'a [String],
    variables: std::collections::BTreeMap<&'a str, &'a str>,
}

impl<'a> Document<'a> {
    fn of(report: &'a StatusReport) -> Document<'a> {
        let upses = report.upses.iter().map(|ups| UpsDocument {
            name: &ups.name,
            description: ups.description.as_deref(),
            availability: &ups.availability,
            state: words::state(ups).0,
            heard_at: ups.heard_at.as_deref(),
            age_s: ups.age_s,
            commands: &ups.commands,
            variables: ups.variables.iter().map(|(name, it)| (name.as_str(), it.value.as_str())).collect(),
        });
        Document { daemon: &report.daemon, upses: upses.collect() }
    }
}

/// One line of a card.
struct Row {
    label: &'static str,
    bar: Option<(f64, Tone)>,
    cells: Vec<String>,
    tone: Tone,
}

fn card(ups: &UpsReport, screen: Screen) -> String {
    let mut out = title(ups, screen);
    for row in rows(ups) {
        out.push_str(&if screen.is_rich() { rich(&row, ups, screen) } else { plain(&row) });
    }
    if screen.is_rich() {
        out.push('\n');
    }
    out
}

fn title(ups: &UpsReport, screen: Screen) -> String {
    let (state, tone) = words::state(ups);
    let model = ups.value("ups.model").or(ups.value("device.model")).map(str::trim).map(clean);
    let about: Vec<String> = model.into_iter().chain(ups.description.as_deref().map(clean)).collect();
    if !screen.is_rich() {
        let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
        return format!("{}{about}: {state}\n", clean(&ups.name));
    }
    let name = clean(&ups.name);
    let room = screen.width.unwrap_or(usize::MAX).saturating_sub(name.chars().count() + 4);
    let about = clip(&about.join(" · "), room);
    let sign = match tone {
        Tone::Critical | Tone::Warning => "▲",
        _ => "●",
    };
    format!(
        "\n {}  {}\n {}\n\n",
        screen.paint(Tone::Bold, &name),
        screen.paint(Tone::Faint, &about),
        screen.paint(tone, &format!("{sign} {state}"))
    )
}

fn rich(row: &Row, ups: &UpsReport, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let tone = if ups.is_live() { row.tone } else { Tone::Faint };
    let mut line = format!(" {}", screen.paint(Tone::Faint, &pad(row.label, LABEL)));
    let mut cells = row.cells.iter().map(String::as_str).collect::<Vec<_>>();
    let mut room = width.saturating_sub(LABEL + 1);
    if let Some((percent, bar_tone)) = row.bar {
        // The bar gives way before a number does.
        let numbers: usize = cells.iter().map(|cell| cell.chars().count() + 3).sum();
        let length = room.saturating_sub(numbers + 2).min(BAR);
        if length >= 4 {
            let bar_tone = if ups.is_live() { bar_tone } else { Tone::Faint };
            line.push_str(&screen.bar(percent, length, bar_tone));
            line.push_str("  ");
            room -= length + 2;
        }
    }
    let mut text = cells.join("   ");
    while text.chars().count() > room && cells.len() > 1 {
        cells.pop();
        text = cells.join("   ");
    }
    line.push_str(&screen.paint(tone, &clip(&text, room)));
    line.push('\n');
    line
}

fn plain(row: &Row) -> String {
    format!("  {}{}\n", pad(row.label, LABEL), row.cells.join(", "))
}

fn rows(ups: &UpsReport) -> Vec<Row> {
    let with_unit = |name: &str, unit: &str| ups.number(name).map(|_| format!("{} {unit}", value(ups, name)));
    let runtime = ups.number("battery.runtime").map(words::duration);
    let mut rows = Vec::new();
    let mut push = |label: &'static str, bar, cells: Vec<Option<String>>, tone| {
        let cells: Vec<String> = cells.into_iter().flatten().collect();
        if !cells.is_empty() {
            rows.push(Row { label, bar, cells, tone });
        }
    };
    let charge = ups.number("battery.charge");
    push(
        "battery",
        charge.map(|charge| (charge, charge_tone(charge))),
        vec![with_unit("battery.charge", "%"), runtime, with_unit("battery.voltage", "V")],
        Tone::Plain,
    );
    let load = ups.number("ups.load");
    push(
        "load",
        load.map(|load| (load, load_tone(load))),
        vec![with_unit("ups.load", "%"), with_unit("ups.realpower", "W"), with_unit("ups.power", "VA")],
        Tone::Plain,
    );
    push(
        "input",
        None,
        vec![with_unit("input.voltage", "V"), with_unit("input.frequency", "Hz"), transfer(ups)],
        Tone::Plain,
    );
    push(
        "output",
        None,
        vec![
            with_unit("output.voltage", "V"),
            with_unit("output.frequency", "Hz"),
            with_unit("output.current", "A"),
        ],
        Tone::Plain,
    );
    let temperature = with_unit("ups.temperature", "°C").or_else(|| with_unit("battery.temperature", "°C"));
    push("temperature", None, vec![temperature], Tone::Plain);
    push(
        "self test",
        None,
        vec![text(ups, "ups.test.result").map(|result| words::test_result(&result))],
        Tone::Plain,
    );
    push("battery from", None, vec![text(ups, "battery.date")], Tone::Plain);
    push("alarm", None, vec![text(ups, "ups.alarm")], Tone::Warning);
    let heard = match ups.age_s {
        Some(age) if ups.is_live() => format!("{} ago", words::duration(age)),
        Some(age) => format!("{} ago: everything here is as old as that", words::duration(age)),
        None => "never".to_owned(),
    };
    push("heard", None, vec![Some(heard)], if ups.is_live() { Tone::Faint } else { Tone::Critical });
    rows
}

/// Why the UPS last went to battery, while that is of interest.
fn transfer(ups: &UpsReport) -> Option<String> {
    let reason = text(ups, "input.transfer.reason")?;
    let on_battery =
        ups.value("ups.status").is_some_and(|status| status.split(' ').any(|token| token == "OB"));
    on_battery.then_some(reason)
}

fn text(ups: &UpsReport, name: &str) -> Option<String> {
    ups.value(name).map(|value| clean(value.trim())).filter(|value| !value.is_empty())
}

fn value(ups: &UpsReport, name: &str) -> String {
    text(ups, name).unwrap_or_default()
}

fn charge_tone(charge: f64) -> Tone {
    match charge {
        _ if charge < CHARGE_LIMITS.1 => Tone::Critical,
        _ if charge < CHARGE_LIMITS.0 => Tone::Warning,
        _ => Tone::Good,
    }
}

fn load_tone(load: f64) -> Tone {
    match load {
        _ if load > LOAD_LIMITS.1 => Tone::Critical,
        _ if load > LOAD_LIMITS.0 => Tone::Warning,
        _ => Tone::Good,
    }
}

/// How full a bar is, and how it looks.
type Gauge = fn(&UpsReport) -> Option<(f64, Tone)>;

/// A column of the table. Those at the end go first where there is no room.
struct Column {
    heading: &'static str,
    cell: fn(&UpsReport) -> String,
    bar: Option<Gauge>,
}

const COLUMNS: [Column; 7] = [
    Column { heading: "UPS", cell: |ups| clean(&ups.name), bar: None },
    Column { heading: "STATE", cell: |ups| words::state(ups).0, bar: None },
    Column {
        heading: "CHARGE",
        cell: |ups| percent(ups, "battery.charge"),
        bar: Some(|ups| ups.number("battery.charge").map(|charge| (charge, charge_tone(charge)))),
    },
    Column {
        heading: "RUNTIME",
        cell: |ups| ups.number("battery.runtime").map(words::duration).unwrap_or_default(),
        bar: None,
    },
    Column {
        heading: "LOAD",
        cell: |ups| percent(ups, "ups.load"),
        bar: Some(|ups| ups.number("ups.load").map(|load| (load, load_tone(load)))),
    },
    Column { heading: "HEARD", cell: heard, bar: None },
    Column {
        heading: "DESCRIPTION",
        cell: |ups| ups.description.as_deref().map(clean).unwrap_or_default(),
        bar: None,
    },
];

fn percent(ups: &UpsReport, name: &str) -> String {
    ups.number(name).map(|_| format!("{} %", value(ups, name))).unwrap_or_default()
}

fn heard(ups: &UpsReport) -> String {
    ups.age_s.map_or_else(|| "never".to_owned(), |age| format!("{} ago", words::duration(age)))
}

fn table(upses: &[UpsReport], screen: Screen) -> String {
    let texts: Vec<Vec<String>> =
        upses.iter().map(|ups| COLUMNS.iter().map(|column| (column.cell)(ups)).collect()).collect();
    let widths: Vec<usize> = COLUMNS
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let longest = texts.iter().map(|row| row[index].chars().count()).max().unwrap_or_default();
            longest.max(column.heading.len())
        })
        .collect();
    let (count, bars) = layout(&widths, screen.width);
    let last_width = |index: usize| {
        // The state is the one column that may be cut: its colour tells the rest.
        let others: usize = (0..count).filter(|other| *other != 1).map(|other| widths[other] + 2).sum();
        match screen.width {
            Some(width) if index == 1 => widths[1].min(width.saturating_sub(others).max(6)),
            _ => widths[index],
        }
    };
    let bar_width = |column: &Column| if bars && column.bar.is_some() { TABLE_BAR + 1 } else { 0 };
    let mut out = String::new();
    let headings = COLUMNS[..count].iter().enumerate().map(|(index, column)| {
        screen.paint(Tone::Faint, &pad(column.heading, last_width(index) + bar_width(column)))
    });
    out.push_str(headings.collect::<Vec<_>>().join("  ").trim_end());
    out.push('\n');
    for (ups, row) in upses.iter().zip(&texts) {
        let tone = if ups.is_live() { Tone::Plain } else { Tone::Faint };
        let cells = COLUMNS[..count].iter().enumerate().map(|(index, column)| {
            let width = last_width(index);
            let text = pad(&clip(&row[index], width), width);
            let tone = match index {
                0 => Tone::Bold,
                1 => words::state(ups).1,
                _ => tone,
            };
            let text = screen.paint(tone, &text);
            match column.bar.filter(|_| bars) {
                None => text,
                Some(bar) => match bar(ups) {
                    Some((percent, tone)) => {
                        let tone = if ups.is_live() { tone } else { Tone::Faint };
                        format!("{} {text}", screen.bar(percent, TABLE_BAR, tone))
                    }
                    None => format!("{} {text}", " ".repeat(TABLE_BAR)),
                },
            }
        });
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// How many columns there is room for, and whether for bars as well.
fn layout(widths: &[usize], room: Option<usize>) -> (usize, bool) {
    let Some(room) = room else { return (widths.len(), false) };
    let needed = |count: usize| widths[..count].iter().map(|width| width + 2).sum::<usize>() - 2;
    let count = (2..=widths.len()).rev().find(|count| needed(*count) <= room).unwrap_or(2);
    let bars = COLUMNS[..count].iter().filter(|column| column.bar.is_some()).count() * (TABLE_BAR + 1);
    (count, needed(count) + bars <= room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn rack(name: &str) -> UpsReport {
        UpsReport {
            name: name.to_owned(),
            description: None,
            availability: "disconnected".to_owned(),
            heard_at: None,
            age_s: None,
            commands: Vec::new(),
            variables: BTreeMap::new(),
        }
    }

    #[test]
    fn a_state_that_is_too_long_for_the_terminal_is_cut_and_nothing_wraps() {
        let upses = [rack("a"), rack("rack-b")];
        let whole = table(&upses, Screen::plain(None));
        let state = words::state(&upses[0]).0;
        assert!(whole.contains(&state), "{whole}");
        let width = state.chars().count() + 4;
        let cut = table(&upses, Screen::plain(Some(width)));
        assert!(!cut.contains(&state) && cut.contains('…'), "{cut}");
        for line in cut.lines() {
            assert!(line.chars().count() <= width, "{line}");
        }
    }

    #[test]
    fn a_long_row_of_a_card_loses_numbers_from_its_end_and_then_letters() {
        let cells = ["230.1 V in", "229.8 V out", "50 Hz"].map(str::to_owned).to_vec();
        let row = Row { label: "mains", bar: None, cells, tone: Tone::Plain };
        let at = |width: usize| rich(&row, &rack("a"), Screen::plain(Some(width)));
        assert!(at(120).contains("50 Hz"));
        for width in [LABEL + 8, LABEL + 14, LABEL + 26] {
            let line = at(width);
            assert!(line.trim_end().chars().count() <= width, "{width}: {line}");
            assert!(!line.contains("50 Hz") && line.contains("230"), "{width}: {line}");
        }
    }
}
