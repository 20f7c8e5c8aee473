//! The text of a scenario.

use std::fmt;

/// Who plays the UPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cast {
    /// The script says what the UPS says.
    HandFed,
    /// A simulated UPS of this model on a simulated line, with the real protocol in between.
    Model(String),
}

/// One scenario.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// What stands before the first moment, as it is.
    head: String,
    pub(crate) cast: Cast,
    /// Lines of `[ups.NAME.rules]`.
    pub(crate) rules: Vec<String>,
    /// Lines of `[ups.NAME.override]`.
    pub(crate) overrides: Vec<String>,
    pub(crate) lines: Vec<Line>,
}

/// One line with a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Milliseconds from the beginning.
    pub(crate) at_ms: u64,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Something happens to the UPS, the line, the host.
    Happens(Action),
    /// Something follows; with its sign.
    Follows(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Hand-fed: the UPS has this status from now on.
    Says(String),
    /// Hand-fed: a reading.
    Reads(String, String),
    /// Hand-fed: a reading is known no more.
    Withdraws(String),
    /// Hand-fed: the UPS answers no more, or again.
    Talks(bool),
    PortLost(String),
    PortOpen,
    /// A line for the simulated UPS.
    Sim(String),
    /// The operator gives a command.
    Order(String),
    ForcedShutdown(bool),
    /// The wall clock jumps by so many seconds.
    Clock(i64),
    /// The configuration is loaded again with this rule.
    Reload(String),
    /// The daemon ends and is back after so many seconds.
    Restart(u64),
    Show(String),
    End,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Result<Script, String> {
        let mut script = Script {
            head: String::new(),
            cast: Cast::HandFed,
            rules: Vec::new(),
            overrides: Vec::new(),
            lines: Vec::new(),
        };
        let mut has_cast = false;
        for (index, line) in text.lines().enumerate() {
            let fail = |what: &str| format!("line {}: {what}: {line}", index + 1);
            if line.starts_with(|first: char| first.is_ascii_digit()) {
                let line = Line::parse(line).ok_or_else(|| fail("not understood"))?;
                let happens = matches!(line.what, What::Happens(_));
                if happens && script.actions().next_back().is_some_and(|(at_ms, _)| at_ms > line.at_ms) {
                    return Err(fail("goes back in time"));
                }
                script.lines.push(line);
                continue;
            }
            if !script.lines.is_empty() {
                if line.trim().is_empty() || line.starts_with('#') {
                    continue;
                }
                return Err(fail("stands after the first moment"));
            }
            script.head.push_str(line);
            script.head.push('\n');
            match line.split_once(' ') {
                Some(("model", model)) => (script.cast, has_cast) = (Cast::Model(model.to_owned()), true),
                Some(("rule", rule)) => script.rules.push(rule.to_owned()),
                Some(("override", line)) => script.overrides.push(line.to_owned()),
                _ if line == "hand-fed" => has_cast = true,
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => return Err(fail("not understood")),
            }
        }
        if !has_cast {
            return Err("say `hand-fed`, or `model NAME`".to_owned());
        }
        Ok(script)
    }

    pub(crate) fn actions(&self) -> impl DoubleEndedIterator<Item = (u64, &Action)> {
        self.lines.iter().filter_map(|line| match &line.what {
            What::Happens(action) => Some((line.at_ms, action)),
            What::Follows(_) => None,
        })
    }

    /// The text with what follows taken from `happened`.
    pub(crate) fn render(&self, happened: &[Line]) -> String {
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
            ("!" | "=" | ":", _) => What::Follows(rest.to_owned()),
            _ => return None,
        };
        Some(Line { at_ms, what })
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
