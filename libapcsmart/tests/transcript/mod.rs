//! Plays a transcript: the UPS's side of it, and the checks. The format stands in `transcripts.rs`.
//!
//! Nothing here knows the protocol: bytes, times and comparisons only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use apcsmart::{Danger, Event, LinkState, Output, Refusal, Session, SessionConfig, Ticket, Time, Value};

/// How long after the question a standing answer comes, and a `<` after the line before it.
const ANSWER_AFTER: Duration = Duration::from_millis(20);
/// How long `>` and `=` wait.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an outcome is waited for: the longest grace delay is ten minutes, a method may be tried after another.
const OUTCOME_PATIENCE: Duration = Duration::from_secs(1800);

/// What the UPS answers by itself.
#[derive(Clone)]
struct Standing {
    answer: Vec<u8>,
}

/// One conversation.
pub(crate) struct Player {
    folder: PathBuf,
    session: Session,
    now: Time,
    deadline: Time,
    standing: BTreeMap<Vec<u8>, Standing>,
    /// Standing answers on their way.
    answers: Vec<(Time, Vec<u8>)>,
    /// Sent by the session and neither answered nor expected yet.
    open: Vec<Vec<u8>>,
    /// Everything that was sent since the last order.
    sent: Vec<Vec<u8>>,
    events: Vec<Event>,
    /// Events that a check has used up: each alert and diagnosis counts once.
    used: usize,
    ordered: Result<Option<Ticket>, Refusal>,
    exact: bool,
}

impl Player {
    pub(crate) fn new(folder: &Path) -> Player {
        let mut player = Player {
            folder: folder.to_owned(),
            session: Session::new(SessionConfig::default()),
            now: Time::from_millis(1000),
            deadline: Time::NEVER,
            standing: BTreeMap::new(),
            answers: Vec::new(),
            open: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            used: 0,
            ordered: Ok(None),
            exact: false,
        };
        player.session.handle_open(player.now);
        player
    }

    /// Plays to the end, or tells the line and the difference.
    pub(crate) fn play(mut self, text: &str) -> Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            self.line(line).map_err(|difference| format!("{}: `{line}`: {difference}", number + 1))?;
        }
        self.drain().map_err(|difference| format!("end: {difference}"))?;
        self.nothing_open().map_err(|difference| format!("end: {difference}"))
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "use" => {
                let path = self.folder.join("units").join(rest).with_extension("txt");
                let unit = std::fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
                unit.lines().try_for_each(|line| self.line(line))
            }
            "~" | "~raw" | "~silent" => self.stand(word, rest),
            ">" => rest.split(' ').try_for_each(|key| self.expect(&bytes_of(key)?)),
            "<" => self.say(&unescape(rest)?),
            "!" => self.order(rest),
            "=" | "==" | "=!" => self.check(word, rest),
            _ => match word.strip_prefix("@+").map(str::parse) {
                Some(Ok(ms)) => {
                    self.exact = true;
                    let end = self.now + Duration::from_millis(ms);
                    self.run_until(end, |_| Ok(false)).and_then(|_| self.nothing_open())
                }
                _ => Err("not a line of a transcript".into()),
            },
        }?;
        self.exact = word.starts_with('@');
        Ok(())
    }

    fn stand(&mut self, word: &str, rest: &str) -> Result<(), String> {
        let (key, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut answer = unescape(text)?;
        if word == "~" {
            answer.extend(b"\r\n");
        }
        self.standing.insert(bytes_of(key)?, Standing { answer });
        Ok(())
    }

    fn expect(&mut self, wanted: &[u8]) -> Result<(), String> {
        let end = self.now + PATIENCE;
        let expecting = Some(wanted.to_vec());
        loop {
            self.drain_expecting(&expecting)?;
            if let Some(first) = self.open.first() {
                if first != wanted {
                    return Err(format!("the session sent {}", shown(first)));
                }
                self.open.remove(0);
                return Ok(());
            }
            if !self.step(end)? {
                return Err("the session did not send it".into());
            }
        }
    }

    fn say(&mut self, bytes: &[u8]) -> Result<(), String> {
        if !self.exact {
            let at = self.now + ANSWER_AFTER;
            self.run_until(at, |_| Ok(false))?;
        }
        self.session.handle_input(self.now, bytes);
        // What this makes the session send is judged by the next line: it may well be expected there.
        Ok(())
    }

    fn order(&mut self, order: &str) -> Result<(), String> {
        self.drain()?;
        self.sent.clear();
        let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
        self.ordered = match word {
            "open" => {
                self.session.handle_open(self.now);
                Ok(None)
            }
            "close" => {
                self.answers.clear();
                self.open.clear();
                self.session.handle_close(self.now);
                Ok(None)
            }
            "run" => {
                let mut words: Vec<&str> = rest.split(' ').collect();
                let danger = match words.last() {
                    Some(&"confirmed") => words.pop().map_or(Danger::None, |_| Danger::Confirmed),
                    _ => Danger::None,
                };
                self.session.run(self.now, words[0], words.get(1).copied(), danger).map(Some)
            }
            "set" => {
                let (name, value) = rest.split_once(' ').ok_or("set NAME VALUE")?;
                self.session.set(self.now, name, value).map(Some)
            }
            _ => return Err("not an order".into()),
        };
        Ok(())
    }

    fn check(&mut self, how: &str, check: &str) -> Result<(), String> {
        if how != "=" {
            self.drain()?;
        }
        let patience = if check.starts_with("outcome") { OUTCOME_PATIENCE } else { PATIENCE };
        match how {
            "=" => {
                let end = self.now + patience;
                match self.run_until(end, |player| player.holds(check))? {
                    true => Ok(()),
                    false => Err(self.difference(check)),
                }
            }
            "==" if self.holds(check)? => Ok(()),
            "==" => Err(self.difference(check)),
            _ if self.holds(check)? || self.was_said(check) => Err(format!("it was so: {check}")),
            _ => Ok(()),
        }
    }

    fn holds(&mut self, check: &str) -> Result<bool, String> {
        let (word, rest) = check.split_once(' ').unwrap_or((check, ""));
        Ok(match word {
            "reading" => {
                let (name, value) = rest.split_once(' ').ok_or("reading NAME VALUE")?;
                self.session.reading(name).is_some_and(|known| known.to_string() == value)
            }
            "known" => self.session.reading(rest).is_some(),
            "status" => self.session.status().is_some_and(|status| status.tokens() == rest),
            "link" => link_name(self.session.link()) == rest,
            "alert" => self.next_event(|event| matches!(event, Event::Alert(it) if it.to_string() == rest)),
            "diagnosis" => {
                self.next_event(|event| matches!(event, Event::Diagnosis(it) if format!("{it:?}") == rest))
            }
            "discovered" => self.events.contains(&Event::Discovered),
            "scanned" => self.events.contains(&Event::ScanComplete),
            "outcome" => self.outcome().is_some_and(|outcome| outcome == rest),
            "accepted" => {
                let ticket = self.ordered.clone().ok().flatten();
                self.events
                    .iter()
                    .any(|event| matches!(event, Event::Accepted { ticket: it } if Some(*it) == ticket))
            }
            "refusal" => self.ordered.as_ref().err().is_some_and(|refusal| refusal.to_string() == rest),
            "command" => self.session.commands().any(|command| command.name == rest),
            "settable" => self
                .session
                .variable_info(rest)
                .is_some_and(|info| info.writable != apcsmart::table::Writable::No),
            "choices" => {
                let (name, choices) = rest.split_once(' ').ok_or("choices NAME A, B")?;
                self.session.variable_info(name).is_some_and(|info| info.choices.join(", ") == choices)
            }
            "sent" => {
                let (key, count) = rest.split_once(' ').ok_or("sent KEY COUNT")?;
                let key = bytes_of(key)?;
                self.sent.iter().filter(|sent| **sent == key).count().to_string() == count
            }
            "sequence" => {
                let keys = rest.split(' ').map(bytes_of).collect::<Result<Vec<_>, _>>()?;
                self.sent.starts_with(&keys)
            }
            "text" => matches!(self.session.reading(rest), Some(Value::Text(_))),
            "number" => matches!(self.session.reading(rest), Some(Value::Number(_))),
            "quality" => {
                let (counter, number) = rest.split_once(' ').ok_or("quality COUNTER NUMBER")?;
                let quality = format!("{:?} ", self.session.quality()).replace([',', '}'], " ");
                quality.contains(&format!("{counter}: {number} "))
            }
            _ => return Err(format!("there is no check {word}")),
        })
    }

    /// Whether an event ever said what `check` says.
    fn was_said(&self, check: &str) -> bool {
        let (word, rest) = check.split_once(' ').unwrap_or((check, ""));
        self.events.iter().any(|event| match (word, event) {
            ("reading", Event::Reading { name, value }) => format!("{name} {value}") == rest,
            ("known", Event::Reading { name, .. }) => *name == rest,
            ("status", Event::Status(status)) => status.tokens() == rest,
            ("alert", Event::Alert(alert)) => alert.to_string() == rest,
            ("link", Event::Link(link)) => link_name(*link) == rest,
            _ => false,
        })
    }

    fn difference(&self, check: &str) -> String {
        let name = check.split(' ').nth(1).unwrap_or_default();
        format!(
            "not so: link {:?}, status {:?}, {name} is {:?}, outcome {:?}, order {:?}, choices {:?}; open {:?}; sent {}; {:?}",
            self.session.link(),
            self.session.status().map(|status| status.tokens()),
            self.session.reading(name).map(ToString::to_string),
            self.outcome(),
            self.ordered.as_ref().map_err(ToString::to_string),
            self.session.variable_info(name).map(|info| info.choices),
            self.open.iter().map(|bytes| shown(bytes)).collect::<Vec<_>>(),
            self.sent.iter().rev().take(30).rev().map(|bytes| shown(bytes)).collect::<Vec<_>>().join(" "),
            self.session.quality(),
        )
    }

    fn outcome(&self) -> Option<String> {
        let ticket = self.ordered.clone().ok().flatten()?;
        self.events.iter().find_map(|event| match event {
            Event::Done { ticket: done, outcome } if *done == ticket => Some(outcome.to_string()),
            _ => None,
        })
    }

    fn next_event(&mut self, fits: impl Fn(&Event) -> bool) -> bool {
        let found = self.events[self.used..].iter().position(fits);
        if let Some(place) = found {
            self.used += place + 1;
        }
        found.is_some()
    }

    fn run_until(
        &mut self,
        end: Time,
        done: impl Fn(&mut Player) -> Result<bool, String>,
    ) -> Result<bool, String> {
        loop {
            self.drain()?;
            if done(self)? {
                return Ok(true);
            }
            self.nothing_open()?;
            if !self.step(end)? {
                return Ok(false);
            }
        }
    }

    /// Goes on to the next thing that happens before `end`; when there is none, to `end`.
    fn step(&mut self, end: Time) -> Result<bool, String> {
        let answer = self.answers.iter().map(|(at, _)| *at).min().unwrap_or(Time::NEVER);
        let next = answer.min(self.deadline);
        if next > end {
            self.now = end;
            return Ok(false);
        }
        self.now = self.now.max(next);
        if answer <= self.now {
            let place = self.answers.iter().position(|(at, _)| *at == answer).unwrap();
            let (_, bytes) = self.answers.remove(place);
            self.session.handle_input(self.now, &bytes);
        } else {
            self.session.handle_timeout(self.now);
        }
        Ok(true)
    }

    fn drain(&mut self) -> Result<(), String> {
        self.drain_expecting(&None)
    }

    fn drain_expecting(&mut self, expected: &Option<Vec<u8>>) -> Result<(), String> {
        loop {
            match self.session.poll_output() {
                Output::Transmit(bytes) => {
                    self.sent.push(bytes.clone());
                    let standing = self.standing.get(&bytes).filter(|_| expected.as_ref() != Some(&bytes));
                    match standing.cloned() {
                        Some(Standing { answer }) if answer.is_empty() => {}
                        Some(Standing { answer }) => self.answers.push((self.now + ANSWER_AFTER, answer)),
                        None => self.open.push(bytes),
                    }
                }
                Output::Event(event) => self.events.push(event),
                Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(());
                }
            }
        }
    }

    fn nothing_open(&self) -> Result<(), String> {
        match self.open.first() {
            Some(bytes) => Err(format!("the session sent {} and nothing expects it", shown(bytes))),
            None => Ok(()),
        }
    }
}

fn link_name(link: LinkState) -> &'static str {
    match link {
        LinkState::Closed => "closed",
        LinkState::Connecting => "connecting",
        LinkState::Up => "up",
        LinkState::Lost => "lost",
    }
}

fn bytes_of(key: &str) -> Result<Vec<u8>, String> {
    let bytes = match (key, key.as_bytes()) {
        ("ESC", _) => vec![0x1B],
        ("DEL", _) => vec![0x7F],
        ("SPACE", _) => vec![b' '],
        (_, [byte]) => vec![*byte],
        (_, [b'^', letter @ b'A'..=b'Z']) => vec![letter - b'@'],
        (_, [_, _, _, _]) => {
            u16::from_str_radix(key, 16).map_err(|_| format!("{key} is no key"))?.to_be_bytes().to_vec()
        }
        _ => return Err(format!("{key} is no key")),
    };
    Ok(bytes)
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'r') => bytes.push(b'\r'),
            Some(b'n') => bytes.push(b'\n'),
            Some(b'0') => bytes.push(0),
            Some(b'\\') => bytes.push(b'\\'),
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 16).map_err(|_| format!("\\x{digits}"))?);
            }
            other => return Err(format!("\\{:?} is no escape", other.map(char::from))),
        }
    }
    Ok(bytes)
}
