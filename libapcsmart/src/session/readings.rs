//! The readings, and the two rules that keep a bad line from changing them.
//!
//! 1. A changed reading is published only when a second read says the same, digit for digit, on a line with faults a third,
//!    and of what does not drift a fourth. A damaged digit that is still a digit passes every grammar; only repetition
//!    tells.
//! 2. A confirmed reading is held until the next answer of a shape that this one can not have. A stray answer shifts all
//!    that follow by one place; the shift shows at the first shape that differs, and what was held is dropped.
//!
//! Readings that jitter on an undisturbed line never agree; of [`MOST_READS`] that differ, the middle one is taken.
//! Nothing else may write a published value.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Event, Outbox, Trust};
use crate::alert::Alert;
use crate::grammar::Grammar;
use crate::table::{Poll, VARIABLES, Variable, command};
use crate::time::Time;
use crate::value::Value;

/// Reads that must agree on an undisturbed line. One is not enough: the first fault on a line may be one that no grammar
/// shows.
const AGREEING: usize = 2;
/// Reads that must agree on a line that had faults lately. A lost zero turns `100.0` into `10.0` in two ways, so that two
/// damaged reads do agree now and then.
const AGREEING_DISTURBED: usize = 3;
/// The same of what changes by a setting or never. Such answers are long, so that one in four is damaged on a bad line, and
/// three alike among eight were seen; nobody waits for them.
const AGREEING_STATIC: usize = 4;

/// How many more must agree on an answer of another length than the last one's.
const AGREEING_ODD: usize = 2;

/// Reads in a row that may differ before the middle one is taken, or on a disturbed line none. Enough agree sooner on
/// every steady reading.
const MOST_READS: usize = 4;
const MOST_READS_DISTURBED: usize = 8;

/// Silences in a row, each followed by proof that the UPS listens, after which a command counts as not supported: one
/// that the unit does not list, one that it lists, and one that has answered before.
const SILENCES_UNTIL_UNSUPPORTED: [u8; 3] = [1, 2, 4];

/// When the readings of the first scan are read a second time.
const VERIFY_AFTER: Duration = Duration::from_secs(3);

/// Commands that a unit does not list wait until it was read: on a unit that is silent on them each costs a second.
pub(super) const UNLISTED_AFTER: Duration = Duration::from_secs(10);

/// Damaged answers in a row after which a reading waits for its next turn, so that one reading can't stop all others.
const FAILURES_UNTIL_NEXT_TURN: u8 = 3;

/// The same wrong shape so often in a row is the unit, not the line.
const ODD_UNTIL_LEFT_ALONE: u8 = 3;

/// How long a reading that was said to be not available rests before it is asked again.
const REST: Poll = Poll::Static;

/// One row of the variable table on this unit.
#[derive(Debug)]
struct Entry {
    variable: &'static Variable,
    /// The answer behind the published values.
    published: Option<Vec<u8>>,
    /// Answers that differ from it, oldest first.
    reads: Vec<Vec<u8>>,
    due: Time,
    silences: u8,
    failures: u8,
    refusals: u8,
    /// The unit says that it has the command.
    listed: bool,
    /// It had its turn in the first scan.
    asked: bool,
    /// It has answered since the unit was identified.
    answered: bool,
    /// A second read said what is published.
    confirmed: bool,
    /// The last answer of a wrong shape, and how often it came in a row.
    odd: Option<(Vec<u8>, u8)>,
}

/// A confirmed answer that waits for a clean answer of another shape.
#[derive(Debug)]
struct Held {
    entry: usize,
    reply: Vec<u8>,
}

/// All readings of one unit.
#[derive(Debug, Default)]
pub(super) struct Readings {
    entries: Vec<Entry>,
    held: Vec<Held>,
    values: Vec<(&'static str, Value)>,
    /// Names of the table that discovery knows instead of a row.
    known_otherwise: Vec<&'static str>,
    /// The first scan reads everything once and publishes at its end.
    first_scan: bool,
    /// Something was wrong on the line during the first scan.
    first_scan_disturbed: bool,
    /// Everything was read once, and what that needs a second read for was not told as complete yet.
    completing: bool,
}

impl Readings {
    /// Starts over with the rows that hold on a unit that was just identified, and whether the unit lists each. Published
    /// values stay until the first scan ends. `suspicious` says that the line had faults lately.
    pub(super) fn begin(
        &mut self,
        rows: impl Iterator<Item = (&'static Variable, bool)>,
        suspicious: bool,
        now: Time,
    ) {
        let rows: Vec<(&'static Variable, bool)> = rows.collect();
        // Of a unit that lists nothing, everything is tried at once.
        let waits = |listed: bool| !listed && rows.iter().any(|(_, listed)| *listed);
        let fresh = |(variable, listed)| Entry {
            variable,
            published: None,
            reads: Vec::new(),
            due: if waits(listed) { now + UNLISTED_AFTER } else { now },
            silences: 0,
            failures: 0,
            refusals: 0,
            listed,
            asked: waits(listed),
            answered: false,
            confirmed: false,
            odd: None,
        };
        self.entries = rows.iter().copied().map(fresh).collect();
        self.held.clear();
        self.known_otherwise.clear();
        self.first_scan = true;
        self.completing = false;
        self.first_scan_disturbed = suspicious;
    }

    /// What is published, sorted by name.
    pub(super) fn values(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }

    /// The published value of `name`.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The row that publishes `name` on this unit.
    pub(super) fn variable(&self, name: &str) -> Option<&'static Variable> {
        self.entries.iter().map(|entry| entry.variable).find(|variable| variable.names.contains(&name))
    }

    /// Whether the first scan is still under way.
    pub(super) fn in_first_scan(&self) -> bool {
        self.first_scan
    }

    /// The next reading to take, if one is due: a doubted one first, then the longest waiting.
    pub(super) fn next(&self, now: Time) -> Option<usize> {
        let due = self.entries.iter().enumerate().filter(|(_, entry)| entry.due <= now);
        let order = |entry: &Entry| match self.first_scan {
            true => (entry.asked, Poll::Fast, Time::ZERO),
            // By lateness: on a slow line the most wanted would otherwise be all that is ever read.
            false => (entry.reads.is_empty(), Poll::Fast, entry.due),
        };
        due.min_by_key(|(_, entry)| order(entry)).map(|(place, _)| place)
    }

    /// When the next reading is due.
    pub(super) fn due(&self) -> Time {
        self.entries.iter().map(|entry| entry.due).min().unwrap_or(Time::NEVER)
    }

    /// Whether a confirmed reading waits for an answer of another shape.
    pub(super) fn holds_any(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn row(&self, entry: usize) -> &'static Variable {
        self.entries[entry].variable
    }

    /// Asks for `name`'s row again as soon as the line is free.
    pub(super) fn refresh(&mut self, row: &Variable, now: Time) {
        let same = self.entries.iter_mut().filter(|entry| entry.variable.code == row.code);
        same.for_each(|entry| entry.due = now);
    }

    /// An order has read its setting back, twice, and it is what was ordered: publishes it.
    pub(super) fn take_read_back(&mut self, row: &Variable, reply: &[u8], now: Time, out: &mut Outbox) {
        for place in 0..self.entries.len() {
            if self.entries[place].variable.code != row.code {
                continue;
            }
            self.held.retain(|held| held.entry != place);
            let entry = &mut self.entries[place];
            entry.reads.clear();
            entry.due = now + entry.variable.poll.interval();
            if entry.published.as_deref() != Some(reply) {
                self.publish(place, reply.to_vec(), true, out);
            }
        }
    }

    /// An alert came: what it says may have changed is read as soon as the line is free.
    pub(super) fn hurry(&mut self, alert: Alert, now: Time) {
        let announced = self.entries.iter_mut().filter(|entry| entry.variable.announced_by() == Some(alert));
        announced.for_each(|entry| entry.due = entry.due.min(now));
    }

    /// Takes an answer of the right shape. Returns whether a second read agreed (`Some(true)`), disagreed, or was not
    /// needed.
    pub(super) fn take(
        &mut self,
        place: usize,
        reply: Vec<u8>,
        trust: Trust,
        now: Time,
        out: &mut Outbox,
    ) -> Option<bool> {
        let first_scan = self.first_scan;
        let entry = &mut self.entries[place];
        (entry.silences, entry.failures, entry.refusals) = (0, 0, 0);
        entry.asked = true;
        entry.due = now + entry.variable.poll.interval();
        entry.odd = None;
        entry.answered = true;
        if entry.published.as_ref() == Some(&reply) {
            let doubted = !entry.reads.is_empty();
            entry.reads.clear();
            entry.confirmed = true;
            self.widen(place, out);
            return doubted.then_some(false);
        }
        // After a hang-up on a bad line nothing is known that a first value could be compared with.
        let unproven = entry.published.is_none() && self.first_scan_disturbed;
        let doubtful = trust.is_low() || unproven;
        let (agreeing, most) = match entry.variable.poll {
            _ if !doubtful => (AGREEING, MOST_READS),
            Poll::Static => (AGREEING_STATIC, MOST_READS_DISTURBED),
            Poll::Fast | Poll::Slow => (AGREEING_DISTURBED, MOST_READS_DISTURBED),
        };
        // On known units an answer keeps its length: one of another length has probably lost or doubled a byte.
        let odd =
            doubtful && entry.published.as_ref().is_some_and(|published| published.len() != reply.len());
        let leap = entry.published.as_ref().is_some_and(|published| is_leap(published, &reply));
        let agreeing = agreeing + if odd { AGREEING_ODD } else { 0 } + usize::from(leap);
        let first = entry.reads.is_empty();
        let agreed = entry.reads.iter().filter(|read| **read == reply).count() + 1;
        entry.reads.push(reply);
        if agreed >= agreeing {
            let reply = entry.reads.pop().unwrap_or_default();
            entry.reads.clear();
            self.held.retain(|held| held.entry != place);
            self.held.push(Held { entry: place, reply });
            return Some(true);
        }
        if first && first_scan {
            return None;
        }
        if entry.reads.len() < most {
            entry.due = now;
        } else {
            let reads = core::mem::take(&mut entry.reads);
            if let Some(reply) = middle(reads).filter(|_| !trust.disturbed) {
                self.held.push(Held { entry: place, reply });
            }
        }
        (!first).then_some(false)
    }

    /// The unit says that it has no value. Believed when it says so twice.
    pub(super) fn not_available(&mut self, place: usize, now: Time, out: &mut Outbox) {
        const BELIEVED: u8 = 2;
        let entry = &mut self.entries[place];
        entry.asked = true;
        entry.reads.clear();
        entry.refusals = entry.refusals.saturating_add(1);
        if entry.published.is_some() && entry.refusals < BELIEVED {
            entry.due = now;
            return;
        }
        // What has answered before answers again: after a transfer, or when the UPS has woken up.
        let rest = if entry.answered { entry.variable.poll } else { REST };
        entry.due = now + rest.interval();
        self.withdraw(place, out);
    }

    /// An answer of a wrong shape came. Returns whether it is this unit's way to answer: it came so several times, each time
    /// on a line that was in step. Then the reading is left alone for long.
    pub(super) fn is_odd(&mut self, place: usize, reply: &[u8], now: Time, out: &mut Outbox) -> bool {
        let entry = &mut self.entries[place];
        let times = match &entry.odd {
            Some((known, times)) if known == reply => times + 1,
            _ => 1,
        };
        entry.odd = Some((reply.to_vec(), times));
        if times < ODD_UNTIL_LEFT_ALONE {
            return false;
        }
        entry.odd = None;
        entry.asked = true;
        entry.due = now + REST.interval();
        self.withdraw(place, out);
        true
    }

    /// No answer came although the UPS listens. Returns whether the command now counts as not supported.
    pub(super) fn silent(&mut self, place: usize, now: Time, out: &mut Outbox) -> bool {
        let entry = &mut self.entries[place];
        entry.silences = entry.silences.saturating_add(1);
        let answered_before = entry.answered;
        let [unlisted, listed, known] = SILENCES_UNTIL_UNSUPPORTED;
        let limit = if answered_before {
            known
        } else if entry.listed {
            listed
        } else {
            unlisted
        };
        let unsupported = entry.silences >= limit;
        if unsupported {
            let rest = if answered_before { Poll::Slow } else { REST };
            entry.asked = true;
            entry.due = now + rest.interval();
            entry.reads.clear();
            self.withdraw(place, out);
        }
        unsupported
    }

    /// The answer was damaged.
    pub(super) fn failed(&mut self, place: usize, now: Time) {
        let entry = &mut self.entries[place];
        entry.failures = entry.failures.saturating_add(1);
        if entry.failures.is_multiple_of(FAILURES_UNTIL_NEXT_TURN) {
            entry.asked = true;
            entry.due = now + entry.variable.poll.interval();
        }
    }

    /// The line was disturbed: what waits for proof is dropped and read again.
    pub(super) fn disturb(&mut self, now: Time) {
        self.first_scan_disturbed |= self.first_scan;
        for held in self.held.drain(..) {
            self.entries[held.entry].due = now;
        }
    }

    /// A clean answer of the shape `grammar` came: publishes what it proves to be in its right place.
    pub(super) fn release(&mut self, grammar: Grammar, out: &mut Outbox) {
        let mut place = 0;
        while place < self.held.len() {
            let shape = shape(self.entries[self.held[place].entry].variable);
            if shape.excludes(grammar) {
                let held = self.held.remove(place);
                self.publish(held.entry, held.reply, true, out);
            } else {
                place += 1;
            }
        }
    }

    /// Ends the first scan once every row had its turn. On a line that stayed clean all readings are published together;
    /// else each needs its second read. Returns whether all that was read is published now, once.
    pub(super) fn end_first_scan(&mut self, now: Time, out: &mut Outbox) -> bool {
        if self.first_scan && self.entries.iter().all(|entry| entry.asked) {
            self.first_scan = false;
            self.completing = true;
            self.publish_first_scan(now, out);
        }
        let waits = |entry: &Entry| entry.published.is_none() && !entry.reads.is_empty();
        if !self.completing || !self.held.is_empty() || self.entries.iter().any(waits) {
            return false;
        }
        self.completing = false;
        true
    }

    fn publish_first_scan(&mut self, now: Time, out: &mut Outbox) {
        for place in 0..self.entries.len() {
            let entry = &mut self.entries[place];
            match entry.reads.pop() {
                Some(reply) if self.first_scan_disturbed => {
                    entry.reads.push(reply);
                    entry.due = now;
                }
                // One read can be wrong on a line that showed no fault yet: everything is read once more, soon.
                Some(reply) => {
                    entry.due = entry.due.min(now + VERIFY_AFTER);
                    self.publish(place, reply, false, out);
                }
                None => {}
            }
        }
        let gone: Vec<&'static str> = {
            let read =
                self.entries.iter().filter(|entry| entry.published.is_some() || !entry.reads.is_empty());
            let names: Vec<&'static str> = read.flat_map(|entry| entry.variable.names).copied().collect();
            let table = |name: &str| VARIABLES.iter().any(|variable| variable.names.contains(&name));
            let current = |name: &str| names.contains(&name) || self.known_otherwise.contains(&name);
            // What is made from a reading goes with it.
            let source = |name: &'static str| match name {
                "ups.beeper.status" => "battery.alarm.threshold",
                "input.voltage.maximum" | "input.voltage.minimum" => "input.voltage",
                "device.uptime" => "ambient.1.temperature",
                _ => name,
            };
            let gone = |name: &&'static str| table(source(name)) && !current(source(name)) && !current(name);
            self.values().map(|(name, _)| name).filter(gone).collect()
        };
        gone.into_iter().for_each(|name| self.remove(name, out));
    }

    /// Publishes a value that no row of the table reads.
    pub(super) fn put(&mut self, name: &'static str, value: Value, out: &mut Outbox) {
        match self.values.binary_search_by_key(&name, |(known, _)| known) {
            Ok(place) if self.values[place].1 == value => return,
            Ok(place) => self.values[place].1 = value.clone(),
            Err(place) => self.values.insert(place, (name, value.clone())),
        }
        out.event(Event::Reading { name, value });
    }

    /// Publishes what discovery knows of `name`, which the table has but no row of this unit reads.
    pub(super) fn put_known(&mut self, name: &'static str, value: Value, out: &mut Outbox) {
        self.known_otherwise.push(name);
        self.put(name, value, out);
    }

    /// Takes `name` back.
    pub(super) fn remove(&mut self, name: &'static str, out: &mut Outbox) {
        if let Ok(place) = self.values.binary_search_by_key(&name, |(known, _)| known) {
            self.values.remove(place);
            out.event(Event::Withdrawn { name });
        }
    }

    /// `confirmed`: two reads said so.
    fn publish(&mut self, place: usize, reply: Vec<u8>, confirmed: bool, out: &mut Outbox) {
        let variable = self.entries[place].variable;
        let values = variable.values(&reply);
        let entry = &mut self.entries[place];
        (entry.published, entry.confirmed) = (Some(reply), confirmed);
        for name in variable.names {
            if values.iter().all(|(named, _)| named != name) {
                self.remove(name, out);
            }
        }
        for (name, value) in values {
            if name == "ups.serial" && self.value(name).is_some_and(|known| *known != value) {
                // Another unit: its input had other extremes.
                self.remove("input.voltage.maximum", out);
                self.remove("input.voltage.minimum", out);
            }
            if name == "battery.alarm.threshold" {
                let enabled = value != Value::from("N");
                self.put("ups.beeper.status", if enabled { "enabled" } else { "disabled" }.into(), out);
            }
            self.put(name, value, out);
        }
        self.widen(place, out);
    }

    /// Keeps the extremes of the input voltage ourselves: reading `M` or `N` resets them in the UPS. Only what two reads said
    /// may become an extreme, because it stays one.
    fn widen(&mut self, place: usize, out: &mut Outbox) {
        let entry = &self.entries[place];
        if !entry.confirmed || !entry.variable.names.contains(&"input.voltage") {
            return;
        }
        let Some(voltage) = self.value("input.voltage").cloned() else { return };
        let beyond = |name: &str, test: fn(f64, f64) -> bool| match (
            self.value(name).and_then(Value::as_f64),
            voltage.as_f64(),
        ) {
            (Some(known), Some(new)) => test(new, known),
            (known, _) => known.is_none(),
        };
        let higher = beyond("input.voltage.maximum", |new, known| new > known);
        let lower = beyond("input.voltage.minimum", |new, known| new < known);
        if higher {
            self.put("input.voltage.maximum", voltage.clone(), out);
        }
        if lower {
            self.put("input.voltage.minimum", voltage.clone(), out);
        }
    }

    /// Forgets the extremes of the input voltage; they begin anew with the present one.
    pub(super) fn reset_extremes(&mut self, out: &mut Outbox) {
        if let Some(voltage) = self.value("input.voltage").cloned() {
            self.put("input.voltage.maximum", voltage.clone(), out);
            self.put("input.voltage.minimum", voltage, out);
        }
    }

    fn withdraw(&mut self, place: usize, out: &mut Outbox) {
        if self.entries[place].published.take().is_some() {
            self.entries[place].variable.names.iter().for_each(|name| self.remove(name, out));
            let made_from_it: &[&'static str] = match self.entries[place].variable.names[0] {
                "battery.alarm.threshold" => &["ups.beeper.status"],
                "ambient.1.temperature" => &["device.uptime"],
                _ => &[],
            };
            made_from_it.iter().for_each(|name| self.remove(name, out));
        }
    }
}

/// The shape of a row's answer.
fn shape(variable: &Variable) -> Grammar {
    command::command(variable.code).map_or(Grammar::Anything, |command| command.grammar)
}

/// Whether a number changed by more than a tenth: a damaged digit does that, mains and loads do it too. One more read
/// must agree.
fn is_leap(from: &[u8], to: &[u8]) -> bool {
    match (number(from), number(to)) {
        (Some(from), Some(to)) => (from - to).abs() * 10.0 > from.abs(),
        _ => false,
    }
}

fn number(reply: &[u8]) -> Option<f64> {
    core::str::from_utf8(reply).ok()?.trim_end_matches(':').parse().ok()
}

/// The middle one of several numbers; none when one is no number.
fn middle(replies: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    let mut numbers: Vec<(f64, Vec<u8>)> =
        replies.into_iter().map(|reply| Some((number(&reply)?, reply))).collect::<Option<_>>()?;
    numbers.sort_by(|one, other| one.0.total_cmp(&other.0));
    let middle = numbers.len() / 2;
    numbers.into_iter().nth(middle).map(|(_, reply)| reply)
}
