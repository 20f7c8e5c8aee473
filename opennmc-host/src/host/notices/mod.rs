//! Notices for people: who is to deliver each, how that goes, and when it is tried again.
//!
//! A pure state machine: it is told what happens and what time it is, and says what is to be done next. It knows no plugin,
//! no thread and no clock, so that a later part can keep it on disk. After every call drain [`Notices::poll_output`] until
//! it gives none. Every notice ends: each notifier has so many attempts, each attempt so much time.

mod delivering;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::delivering::{Delivering, Stage};
use crate::plugin::{Delivery, Notice};
use crate::state::Severity;

/// Notices that have not ended, of all plugins.
pub const MOST_OPEN: usize = 1_000;
/// Of them, of one plugin: whoever talks too much must not take the others' places.
const MOST_OF_ONE: usize = 250;
/// Deliveries under way with one notifier. What is beyond waits here and not in its mailbox.
const MOST_UNDER_WAY: usize = 16;
/// A notifier says within this time how a delivery ended.
const ANSWER: Duration = Duration::from_secs(120);
/// The pauses before the second, third … attempt.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(600)];
/// A notice that finds no notifier waits this long for one: plugins start one after the other.
const ARRIVAL: Duration = Duration::from_secs(10);
/// A notifier that went is expected back for so long: it failed, or is replaced.
const RETURN: Duration = Duration::from_secs(15 * 60);

/// Every notice that has not ended, and everybody who delivers.
#[derive(Debug, Default)]
pub struct Notices {
    open: BTreeMap<u64, Open>,
    notifiers: BTreeMap<Arc<str>, Notifier>,
    last_delivery: u64,
    output: VecDeque<Output>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Give this to that run of a notifier.
    Deliver {
        /// The run.
        run: u64,
        /// What.
        delivery: Delivery,
    },
    /// Tell that this has happened.
    Told {
        /// `notice.sent`, `notice.delivered` or `notice.failed`.
        kind: &'static str,
        /// How much a person should care.
        severity: Severity,
        /// The plugin that had sent the notice.
        from: Arc<str>,
        /// The UPS that the notice concerns; empty when none.
        device: String,
        /// Details by name.
        fields: Vec<(&'static str, String)>,
    },
}

#[derive(Debug)]
struct Open {
    from: Arc<str>,
    /// The only one that is to deliver it.
    to: Option<Arc<str>>,
    notice: Arc<Notice>,
    at_ms: u64,
    /// Until when a notifier is waited for, while there is none.
    arrival: Option<Instant>,
    deliveries: Vec<Delivering>,
}

#[derive(Debug, Default)]
struct Notifier {
    /// Its run, while it runs.
    run: Option<u64>,
    went: Option<Instant>,
}

impl Notices {
    /// Whether no more are taken at present.
    pub fn is_full(&self) -> bool {
        self.open.len() >= MOST_OPEN
    }

    /// Everybody who delivers, or is expected back.
    pub fn notifiers(&self, now: Instant) -> impl Iterator<Item = &Arc<str>> {
        let expected = self.notifiers.iter().filter(move |(_, notifier)| notifier.is_expected(now));
        expected.map(|(name, _)| name)
    }

    /// A plugin sends a notice, by this number from now on. `to` is the only notifier that is to deliver it, if there is one.
    pub fn send(
        &mut self,
        now: Instant,
        at_ms: u64,
        ticket: u64,
        from: &Arc<str>,
        notice: Notice,
        to: Option<Arc<str>>,
    ) {
        let open = Open {
            from: Arc::clone(from),
            to,
            notice: Arc::new(notice),
            at_ms,
            arrival: None,
            deliveries: Vec::new(),
        };
        let mut about = vec![("title", open.notice.title.clone())];
        about.extend(open.to.as_ref().map(|to| ("to", to.to_string())));
        self.output.push_back(open.told("notice.sent", Severity::Info, ticket, about));
        let of_this_one = self.open.values().filter(|other| other.from == *from).count();
        if self.is_full() || of_this_one >= MOST_OF_ONE {
            let reason = "too many notices wait to be delivered".to_owned();
            self.output.push_back(open.failed(ticket, None, reason));
            return;
        }
        self.notifiers.retain(|_, notifier| notifier.is_expected(now));
        let meant = self.notifiers.keys().filter(|name| open.is_for(name));
        let deliveries: Vec<Delivering> = meant.map(|name| Delivering::new(name, now)).collect();
        let arrival = deliveries.is_empty().then(|| now + ARRIVAL);
        self.open.insert(ticket, Open { arrival, deliveries, ..open });
        self.go_on(now);
    }

    /// A notifier runs from now on.
    pub fn came(&mut self, now: Instant, name: &Arc<str>, run: u64) {
        // One that is replaced comes before its predecessor went.
        self.lose_deliveries(now, name);
        self.notifiers.insert(Arc::clone(name), Notifier { run: Some(run), went: None });
        for open in self.open.values_mut() {
            if open.is_for(name) && open.arrival.take().is_some() {
                open.deliveries.push(Delivering::new(name, now));
            }
            let waiting = open.deliveries.iter_mut().filter(|delivering| delivering.notifier == *name);
            waiting.for_each(|delivering| delivering.it_is_back(now));
        }
        self.go_on(now);
    }

    /// That run of a notifier is over.
    pub fn went(&mut self, now: Instant, name: &Arc<str>, run: u64) {
        let Some(notifier) = self.notifiers.get_mut(name).filter(|known| known.run == Some(run)) else {
            return;
        };
        *notifier = Notifier { run: None, went: Some(now) };
        self.lose_deliveries(now, name);
        self.go_on(now);
    }

    /// A notifier has delivered something. What it was not given, or was given up, changes nothing.
    pub fn delivered(&mut self, now: Instant, name: &Arc<str>, number: u64) {
        let Some((ticket, index)) = self.find(name, number) else { return };
        let Some(open) = self.open.get_mut(&ticket) else { return };
        let attempt = open.deliveries.remove(index).attempt;
        let fields = vec![("notifier", name.to_string()), ("attempt", attempt.to_string())];
        self.output.push_back(open.told("notice.delivered", Severity::Info, ticket, fields));
        self.go_on(now);
    }

    /// A notifier has not delivered something; `again`: trying later makes sense.
    pub fn not_delivered(&mut self, now: Instant, name: &Arc<str>, number: u64, reason: &str, again: bool) {
        if let Some((ticket, index)) = self.find(name, number) {
            self.attempt_failed(now, ticket, index, reason, again);
            self.go_on(now);
        }
    }

    /// Does what is due.
    pub fn handle_deadline(&mut self, now: Instant) {
        for ticket in self.open.keys().copied().collect::<Vec<_>>() {
            let Some(open) = self.open.get_mut(&ticket) else { continue };
            if open.arrival.is_some_and(|until| until <= now) {
                open.arrival = None;
                let reason = match &open.to {
                    Some(to) => format!("no notifier `{to}`"),
                    None => "no notifier".to_owned(),
                };
                let failed = open.failed(ticket, None, reason);
                self.output.push_back(failed);
            }
            let is_late = |delivering: &Delivering| matches!(delivering.stage, Stage::UnderWay { until, .. } if until <= now);
            while let Some(index) = self.open[&ticket].deliveries.iter().position(is_late) {
                let reason = format!("no word from the notifier within {} s", ANSWER.as_secs());
                self.attempt_failed(now, ticket, index, &reason, true);
            }
        }
        self.go_on(now);
    }

    /// When [`Notices::handle_deadline`] has to be called at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        let busy: Vec<&Arc<str>> =
            self.notifiers.keys().filter(|name| self.under_way(name) >= MOST_UNDER_WAY).collect();
        let of_delivering = |delivering: &Delivering| match delivering.stage {
            Stage::UnderWay { until, .. } => Some(until),
            // It waits for a place with its notifier, and no clock brings that.
            Stage::Waiting { .. } if busy.contains(&&delivering.notifier) => None,
            Stage::Waiting { due, .. } => Some(due),
        };
        let of_notice =
            |open: &Open| open.deliveries.iter().filter_map(of_delivering).chain(open.arrival).min();
        self.open.values().filter_map(of_notice).min()
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    fn under_way(&self, name: &Arc<str>) -> usize {
        let all = self.open.values().flat_map(|open| &open.deliveries);
        all.filter(|other| other.notifier == *name && matches!(other.stage, Stage::UnderWay { .. })).count()
    }

    fn find(&self, name: &Arc<str>, number: u64) -> Option<(u64, usize)> {
        let is = |delivering: &Delivering| {
            delivering.notifier == *name
                && matches!(delivering.stage, Stage::UnderWay { number: under_way, .. } if under_way == number)
        };
        self.open.iter().find_map(|(ticket, open)| Some((*ticket, open.deliveries.iter().position(is)?)))
    }

    /// Whatever this notifier had under way is as good as failed.
    fn lose_deliveries(&mut self, now: Instant, name: &Arc<str>) {
        let is = |delivering: &Delivering| {
            delivering.notifier == *name && matches!(delivering.stage, Stage::UnderWay { .. })
        };
        for ticket in self.open.keys().copied().collect::<Vec<_>>() {
            while let Some(index) = self.open[&ticket].deliveries.iter().position(is) {
                self.attempt_failed(now, ticket, index, "the notifier stopped", true);
            }
        }
    }

    fn attempt_failed(&mut self, now: Instant, ticket: u64, index: usize, reason: &str, again: bool) {
        let Some(open) = self.open.get_mut(&ticket) else { return };
        let stopped = self.notifiers.get(&open.deliveries[index].notifier).is_none_or(|it| it.run.is_none());
        if !(again && open.deliveries[index].try_again(now, stopped)) {
            let Delivering { notifier, attempt, .. } = open.deliveries.remove(index);
            let failed = open.failed(ticket, Some((&notifier, attempt)), reason.to_owned());
            self.output.push_back(failed);
        }
    }

    /// Hands out what is due, and forgets what has ended.
    fn go_on(&mut self, now: Instant) {
        let names: Vec<Arc<str>> = self.notifiers.keys().cloned().collect();
        for name in names {
            let run = self.notifiers[&name].run;
            let mut places = MOST_UNDER_WAY - self.under_way(&name).min(MOST_UNDER_WAY);
            for ticket in self.open.keys().copied().collect::<Vec<_>>() {
                let due = |delivering: &Delivering| delivering.notifier == name && delivering.is_due(now);
                let Some(index) = self.open[&ticket].deliveries.iter().position(due) else { continue };
                match run {
                    Some(run) if places > 0 => {
                        places -= 1;
                        self.hand_out(now, ticket, index, run);
                    }
                    Some(_) => break,
                    None => {
                        if let Some(open) = self.open.get_mut(&ticket) {
                            open.deliveries[index].attempt += 1;
                        }
                        self.attempt_failed(now, ticket, index, "the notifier does not run", true);
                    }
                }
            }
        }
        self.open.retain(|_, open| open.arrival.is_some() || !open.deliveries.is_empty());
    }

    fn hand_out(&mut self, now: Instant, ticket: u64, index: usize, run: u64) {
        let Some(open) = self.open.get_mut(&ticket) else { return };
        self.last_delivery += 1;
        let number = self.last_delivery;
        let delivering = &mut open.deliveries[index];
        delivering.attempt += 1;
        delivering.stage = Stage::UnderWay { number, until: now + ANSWER };
        let attempt = delivering.attempt;
        let delivery = Delivery { number, notice: Arc::clone(&open.notice), at_ms: open.at_ms, attempt };
        self.output.push_back(Output::Deliver { run, delivery });
    }
}

impl Notifier {
    fn is_expected(&self, now: Instant) -> bool {
        self.went.is_none_or(|went| now.saturating_duration_since(went) < RETURN)
    }
}

impl Open {
    fn is_for(&self, notifier: &str) -> bool {
        self.to.as_ref().is_none_or(|to| **to == *notifier)
    }

    fn told(
        &self,
        kind: &'static str,
        severity: Severity,
        ticket: u64,
        details: Vec<(&'static str, String)>,
    ) -> Output {
        let own = [("notice", ticket.to_string()), ("plugin", self.from.to_string())];
        Output::Told {
            kind,
            severity,
            from: Arc::clone(&self.from),
            device: self.notice.device.clone(),
            fields: own.into_iter().chain(details).collect(),
        }
    }

    fn failed(&self, ticket: u64, notifier: Option<(&str, u32)>, reason: String) -> Output {
        let mut fields = vec![("reason", reason)];
        if let Some((notifier, attempts)) = notifier {
            fields.push(("notifier", notifier.to_owned()));
            fields.push(("attempts", attempts.to_string()));
        }
        self.told("notice.failed", Severity::Warning, ticket, fields)
    }
}

#[cfg(test)]
mod tests;
