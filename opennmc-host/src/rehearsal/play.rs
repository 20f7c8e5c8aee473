//! The text of a play.
//!
//! ```text
//! hand-fed                          or `model smart-ups-1500`
//! answers 1                         a hand-fed UPS answers every so many seconds
//! rule on-battery-delay = 5         a line of [ups.main.rules]; `override NAME = VALUE` likewise
//! ups stale-after = 60               a line of [ups.main]
//! begins 2026-11-22 06:00           by the wall clock, in the zone below; midnight of that day when left out
//! zone CET-1CEST,M3.5.0,M10.5.0/3   as POSIX writes it; UTC when left out
//!
//! 00:00:00 < port open              `<`: it happens, so long after the beginning
//! 00:00:00     = OL                 what follows: `=` the status, `!` an event, `:` a value that was asked for, `>` what an
//! 00:00:00     > log info: ready    actor does
//! ```

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// The beginning, unless the play says another.
const BEGINS: &str = "2026-11-22 00:00";

/// Who plays the UPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cast {
    /// The play says what the UPS says.
    HandFed,
    /// A simulated UPS of this model on a simulated line, with the real protocol in between.
    Model(String),
}

/// One scenario.
#[derive(Debug, Clone)]
pub struct Play {
    /// What stands before the first moment, as it is.
    head: String,
    /// Who plays the UPS.
    pub cast: Cast,
    /// Lines of `[ups.NAME]`.
    pub settings: Vec<String>,
    /// Lines of `[ups.NAME.rules]`.
    pub rules: Vec<String>,
    /// Lines of `[ups.NAME.override]`.
    pub overrides: Vec<String>,
    /// Seconds between two answers of a hand-fed UPS.
    pub answers_every_s: u64,
    /// By the wall clock.
    pub begins: Zoned,
    /// In their order.
    pub lines: Vec<Line>,
}

/// One line with a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Milliseconds from the beginning.
    pub at_ms: u64,
    /// What it says.
    pub what: What,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something happens to the UPS, the line, the host.
    Happens(Action),
    /// Something follows; with its sign.
    Follows(String),
}

/// What happens to the UPS, the line, the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Hand-fed: the UPS has this status from now on.
    Says(String),
    /// Hand-fed: a reading.
    Reads(String, String),
    /// Hand-fed: a reading is known no more.
    Withdraws(String),
    /// Hand-fed: the UPS answers no more, or again.
    Talks(bool),
    /// The port is gone, for this reason.
    PortLost(String),
    /// The port is opened.
    PortOpen,
    /// A line for the simulated UPS.
    Sim(String),
    /// The operator gives a command.
    Order(String),
    /// A forced shutdown is set or cleared.
    ForcedShutdown(bool),
    /// The wall clock jumps by so many seconds.
    Clock(i64),
    /// The configuration is loaded again with this rule.
    Reload(String),
    /// The daemon ends and is back after so many seconds.
    Restart(u64),
    /// Web requests are answered so from now on.
    Web(Web),
    /// Something else is told, with its kind and its fields.
    Event(String, Vec<(String, String)>),
    /// Variables are asked for.
    Show(String),
    /// Nothing more.
    End,
}

/// How web requests are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Web {
    /// With this status and body.
    Answers(u16, String),
    /// Not at all, for this reason.
    Fails(String),
}

impl Play {
    /// Reads the text of a play.
    ///
    /// # Errors
    /// The first line that is not understood, with its number.
    pub fn parse(text: &str) -> Result<Play, String> {
        let mut play = Play {
            head: String::new(),
            cast: Cast::HandFed,
            settings: Vec::new(),
            rules: Vec::new(),
            overrides: Vec::new(),
            answers_every_s: 1,
            begins: Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC),
            lines: Vec::new(),
        };
        let (mut has_cast, mut begins, mut zone) = (false, BEGINS.to_owned(), TimeZone::UTC);
        for (index, line) in text.lines().enumerate() {
            let fail = |what: &str| format!("line {}: {what}: {line}", index + 1);
            if line.starts_with(|first: char| first.is_ascii_digit()) {
                let line = Line::parse(line).ok_or_else(|| fail("not understood"))?;
                let happens = matches!(line.what, What::Happens(_));
                if happens && play.actions().next_back().is_some_and(|(at_ms, _)| at_ms > line.at_ms) {
                    return Err(fail("goes back in time"));
                }
                play.lines.push(line);
                continue;
            }
            if !play.lines.is_empty() {
                if line.trim().is_empty() || line.starts_with('#') {
                    continue;
                }
                return Err(fail("stands after the first moment"));
            }
            play.head.push_str(line);
            play.head.push('\n');
            match line.split_once(' ') {
                Some(("model", model)) => (play.cast, has_cast) = (Cast::Model(model.to_owned()), true),
                Some(("ups", setting)) => play.settings.push(setting.to_owned()),
                Some(("rule", rule)) => play.rules.push(rule.to_owned()),
                Some(("override", line)) => play.overrides.push(line.to_owned()),
                Some(("answers", seconds)) => {
                    let seconds = seconds.trim().parse().ok().filter(|seconds| *seconds > 0);
                    play.answers_every_s = seconds.ok_or_else(|| fail("a number of seconds"))?;
                }
                Some(("begins", moment)) => begins = moment.trim().to_owned(),
                Some(("zone", posix)) => {
                    zone = TimeZone::posix(posix.trim()).map_err(|error| fail(&error.to_string()))?;
                }
                _ if line == "hand-fed" => has_cast = true,
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => return Err(fail("not understood")),
            }
        }
        if !has_cast {
            return Err("say `hand-fed`, or `model NAME`".to_owned());
        }
        let moment = begins.parse::<DateTime>().and_then(|moment| moment.to_zoned(zone));
        play.begins = moment.map_err(|error| format!("begins {begins}: {error}"))?;
        Ok(play)
    }

    /// A simulated UPS of this model, to which these things happen at these milliseconds.
    pub(crate) fn simulated(model: &str, begins: Zoned, events: Vec<(u64, String)>, end_ms: u64) -> Play {
        let line = |(at_ms, action)| Line { at_ms, what: What::Happens(action) };
        let middle = events.into_iter().map(|(at_ms, text)| (at_ms, Action::Sim(text)));
        let all = std::iter::once((0, Action::PortOpen)).chain(middle).chain([(end_ms, Action::End)]);
        Play {
            head: String::new(),
            cast: Cast::Model(model.to_owned()),
            settings: Vec::new(),
            rules: Vec::new(),
            overrides: Vec::new(),
            answers_every_s: 1,
            begins,
            lines: all.map(line).collect(),
        }
    }

    /// What happens, with its moment in milliseconds from the beginning.
    pub fn actions(&self) -> impl DoubleEndedIterator<Item = (u64, &Action)> {
        self.lines.iter().filter_map(|line| match &line.what {
            What::Happens(action) => Some((line.at_ms, action)),
            What::Follows(_) => None,
        })
    }

    /// The text with what follows taken from `happened`.
    pub fn render(&self, happened: &[Line]) -> String {
        let mut text = self.head.clone();
        for line in happened {
            text.push_str(&format!("{line}\n"));
        }
        text
    }
}

impl Line {
    fn parse(line: &str) -> Option<Line> {
        let (time, rest) = line.split_once(' ')?;
        let at_ms = parse_time(time)?;
        let rest = rest.trim_start();
        let what = match rest.split_once(' ')? {
            ("<", action) => What::Happens(Action::parse(action.trim())?),
            ("!" | "=" | ":" | ">", _) => What::Follows(rest.to_owned()),
            _ => return None,
        };
        Some(Line { at_ms, what })
    }
}

impl Web {
    fn parse(text: &str) -> Option<Web> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "fails" if !rest.is_empty() => Some(Web::Fails(rest.to_owned())),
            status => Some(Web::Answers(status.parse().ok()?, rest.to_owned())),
        }
    }
}

impl Action {
    fn parse(text: &str) -> Option<Action> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        Some(match (word, rest) {
            ("says", status) if !status.is_empty() => Action::Says(status.to_owned()),
            ("reads", reading) => {
                let (name, value) = reading.split_once(" = ")?;
                Action::Reads(name.to_owned(), value.to_owned())
            }
            ("withdraws", name) if !name.is_empty() => Action::Withdraws(name.to_owned()),
            ("silent", "") => Action::Talks(false),
            ("talks", "") => Action::Talks(true),
            ("port", "open") => Action::PortOpen,
            ("port", rest) => Action::PortLost(rest.strip_prefix("lost ")?.to_owned()),
            ("sim", line) if !line.is_empty() => Action::Sim(line.to_owned()),
            ("order", command) if !command.is_empty() => Action::Order(command.to_owned()),
            ("fsd", "on") => Action::ForcedShutdown(true),
            ("fsd", "off") => Action::ForcedShutdown(false),
            ("clock", jump) => Action::Clock(jump.parse().ok()?),
            ("reload", rule) if !rule.is_empty() => Action::Reload(rule.to_owned()),
            ("restart", away) => Action::Restart(away.parse().ok()?),
            ("web", answer) => Action::Web(Web::parse(answer)?),
            ("happens", event) => {
                let mut words = event.split(' ').filter(|word| !word.is_empty());
                let kind = words.next()?.to_owned();
                let field = |word: &str| {
                    word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
                };
                Action::Event(kind, words.map(field).collect::<Option<_>>()?)
            }
            ("show", name) if !name.is_empty() => Action::Show(name.to_owned()),
            ("end", "") => Action::End,
            _ => return None,
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Says(status) => write!(out, "says {status}"),
            Action::Reads(name, value) => write!(out, "reads {name} = {value}"),
            Action::Withdraws(name) => write!(out, "withdraws {name}"),
            Action::Talks(true) => write!(out, "talks"),
            Action::Talks(false) => write!(out, "silent"),
            Action::PortLost(reason) => write!(out, "port lost {reason}"),
            Action::PortOpen => write!(out, "port open"),
            Action::Sim(line) => write!(out, "sim {line}"),
            Action::Order(command) => write!(out, "order {command}"),
            Action::ForcedShutdown(set) => write!(out, "fsd {}", if *set { "on" } else { "off" }),
            Action::Clock(jump) => write!(out, "clock {jump}"),
            Action::Reload(rule) => write!(out, "reload {rule}"),
            Action::Restart(away) => write!(out, "restart {away}"),
            Action::Web(Web::Answers(status, body)) if body.is_empty() => write!(out, "web {status}"),
            Action::Web(Web::Answers(status, body)) => write!(out, "web {status} {body}"),
            Action::Web(Web::Fails(reason)) => write!(out, "web fails {reason}"),
            Action::Event(kind, fields) => {
                write!(out, "happens {kind}")?;
                fields.iter().try_for_each(|(name, value)| write!(out, " {name}={value}"))
            }
            Action::Show(name) => write!(out, "show {name}"),
            Action::End => write!(out, "end"),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at_ms / 1000;
        write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match &self.what {
            What::Happens(action) => {
                if !self.at_ms.is_multiple_of(1000) {
                    write!(out, ".{:03}", self.at_ms % 1000)?;
                }
                write!(out, " < {action}")
            }
            What::Follows(text) => write!(out, "     {text}"),
        }
    }
}

/// `HH:MM:SS` or `HH:MM:SS.mmm`; hours may go beyond a day.
fn parse_time(text: &str) -> Option<u64> {
    let (whole, millis) = text.split_once('.').unwrap_or((text, "000"));
    let parts: Vec<u64> = whole.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    let millis: u64 = Some(millis).filter(|millis| millis.len() == 3)?.parse().ok()?;
    (*minutes < 60 && *seconds < 60).then(|| ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}
