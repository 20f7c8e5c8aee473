//! The status, and when a change of it is believed.
//!
//! "Line fail" and "line returned" on an undisturbed line are believed at once: they are what makes an outage known within
//! milliseconds. They are checked against `Q` right after. Any other alert, and any alert on a line that had faults lately, is
//! one witness: one wrong bit makes "low battery" of "line fail". A change that no alert announced needs two reads of `Q` that
//! agree, on a disturbed line more. On a line that had faults lately a proof comes on top: `Q` and the registers have
//! answers of one shape, and one stray answer shifts them all; only an answer of another shape shows that they are in
//! step. "Neither on line nor on battery" needs two reads a second apart, because units say so for a moment while they
//! switch. Nothing but this file may change the published status.

use core::time::Duration;

use super::Trust;
use crate::alert::Alert;
use crate::status::{Status, flag};
use crate::table::Code;
use crate::time::Time;

/// Between two reads of `Q` on a quiet line.
const INTERVAL: Duration = Duration::from_secs(1);
/// Between two reads that both say "neither on line nor on battery".
const ZERO_APART: Duration = Duration::from_secs(1);
/// Between two reads of a register.
const REGISTER_INTERVAL: Duration = Duration::from_secs(20);
/// How long a register that was not answered is left alone.
const REGISTER_REST: Duration = Duration::from_secs(600);
/// Questions in a row without an answer until a register counts as absent: one that the unit does not list, one that it
/// lists, and one that has answered before.
const SILENCES_UNTIL_ABSENT: [u8; 3] = [1, 2, 4];
/// How long after an alert a change that it announces is expected.
const ANNOUNCED_FOR: Duration = Duration::from_secs(5);
/// How often `Q` is asked again at once when it does not show what an alert announced.
const ASKED_AGAIN: u8 = 3;
/// Reads in a row that must agree on a change that no alert announced.
const AGREEING: u8 = 2;
/// The same on a disturbed line.
const AGREEING_DISTURBED: u8 = 3;
/// The same on a line that had faults lately. With a wrong bit in every hundredth byte three reads were seen to be wrong alike.
const AGREEING_SUSPICIOUS: u8 = 4;
const SOURCE: u8 = flag::ON_LINE | flag::ON_BATTERY;

/// The registers, in the order of the fields of [`Status`].
pub(super) const REGISTERS: [Code; 3] = [Code::one(b'~'), Code::one(b'\''), Code::one(b'8')];

/// Follows `Q`, the registers and the alerts.
#[derive(Debug)]
pub(super) struct StatusTracker {
    published: Option<Status>,
    candidate: Option<Candidate>,
    announced: Option<Announced>,
    due: Time,
    registers: [Register; 3],
    /// What enough reads agree on and only lacks the proof that they were in step.
    unproven: Option<Unproven>,
    confirmed: Option<Time>,
}

/// What waits for a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unproven {
    Flags(u8),
    /// A place in [`REGISTERS`] and its value.
    Register(usize, u8),
}

/// The flags that an alert announced.
#[derive(Debug, Clone, Copy)]
struct Announced {
    flags: u8,
    until: Time,
    /// Answers that did not show it yet: the question may have been older than the alert.
    unseen: u8,
}

/// An answer to `Q` that differs from what is published.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    flags: u8,
    since: Time,
    reads: u8,
}

#[derive(Debug, Clone, Copy)]
struct Register {
    due: Time,
    /// The unit says that it has it.
    listed: bool,
    /// Questions in a row that got no answer.
    silences: u8,
    /// It counts as absent until its next turn.
    absent: bool,
    /// A value that differs from what is published, and how often it was read in a row.
    candidate: Option<(u8, u8)>,
}

impl Register {
    const NONE: Register =
        Register { due: Time::NEVER, listed: false, silences: 0, absent: false, candidate: None };
}

impl StatusTracker {
    pub(super) fn new() -> StatusTracker {
        StatusTracker {
            published: None,
            candidate: None,
            announced: None,
            due: Time::ZERO,
            registers: [Register::NONE; 3],
            unproven: None,
            confirmed: None,
        }
    }

    /// The published status.
    pub(super) fn published(&self) -> Option<Status> {
        self.published
    }

    /// When an answer to `Q` last said what is published.
    pub(super) fn confirmed(&self) -> Option<Time> {
        self.confirmed
    }

    /// Whether the last answer to `Q` was not believed yet, or none came.
    pub(super) fn in_doubt(&self) -> bool {
        self.published.is_none() || self.candidate.is_some()
    }

    /// A unit was found, or found again: status first.
    pub(super) fn begin(&mut self, now: Time) {
        self.due = now;
        self.candidate = None;
        self.announced = None;
        self.unproven = None;
        // Its registers are read again before anything is said of them: it may be another unit.
        self.registers = [Register::NONE; 3];
        self.published = self.published.map(|status| Status { flags: status.flags, ..Status::default() });
    }

    /// This unit may have the register at `place` of [`REGISTERS`]; `listed` when it says so.
    pub(super) fn watch_register(&mut self, place: usize, listed: bool, now: Time) {
        self.registers[place] = Register { due: now, listed, ..Register::NONE };
    }

    /// No answer came to the register at `place`, or the unit says that it has none. Returns the new status when a value that
    /// was published is known no more.
    pub(super) fn register_unanswered(&mut self, place: usize, now: Time) -> Option<Status> {
        let status = self.published?;
        let known = [status.state, status.trip1, status.trip][place].is_some();
        let register = &mut self.registers[place];
        register.silences = register.silences.saturating_add(1);
        let [unlisted, listed, answered] = SILENCES_UNTIL_ABSENT;
        let limit = if known {
            answered
        } else if register.listed {
            listed
        } else {
            unlisted
        };
        register.due = now + INTERVAL;
        if register.silences < limit {
            return None;
        }
        *register =
            Register { due: now + REGISTER_REST, listed: register.listed, absent: true, ..Register::NONE };
        self.set_register(place, None).filter(|_| known)
    }

    fn set_register(&mut self, place: usize, value: Option<u8>) -> Option<Status> {
        let mut status = self.published?;
        *[&mut status.state, &mut status.trip1, &mut status.trip][place] = value;
        self.publish(status)
    }

    /// `Q` can not be answered now: it is asked again in a second.
    pub(super) fn postpone(&mut self, now: Time) {
        self.due = now + INTERVAL;
    }

    /// Whether an answer is doubted, or an alert waits for one.
    pub(super) fn is_urgent(&self) -> bool {
        self.in_doubt() || self.announced.is_some_and(|alert| alert.unseen < ASKED_AGAIN)
    }

    pub(super) fn due(&self) -> Time {
        self.due
    }

    /// The register that is due, if one is.
    pub(super) fn register_due(&self, now: Time) -> Option<usize> {
        self.registers.iter().position(|register| register.due <= now)
    }

    pub(super) fn next_register(&self) -> Time {
        self.registers.iter().map(|register| register.due).min().unwrap_or(Time::NEVER)
    }

    /// Whether a proof that the line is in step is waited for.
    pub(super) fn awaits_proof(&self) -> bool {
        self.unproven.is_some()
    }

    /// The line is in step. Returns the new status when one waited for this.
    pub(super) fn proven(&mut self, now: Time) -> Option<Status> {
        match self.unproven.take()? {
            Unproven::Flags(flags) => {
                self.confirmed = Some(now);
                self.candidate = None;
                self.publish(Status { flags, ..self.published.unwrap_or_default() })
            }
            Unproven::Register(place, value) => {
                self.registers[place].candidate = None;
                self.set_register(place, Some(value))
            }
        }
    }

    /// Something was wrong on the line: what was read and not believed yet may have been the answer to something else.
    pub(super) fn disturb(&mut self, now: Time) {
        self.unproven = None;
        if self.candidate.take().is_some() {
            self.due = now;
        }
        for register in &mut self.registers {
            if register.candidate.take().is_some() {
                register.due = now;
            }
        }
    }

    /// Takes an alert. Returns the new status when the alert alone changes it, which it may only on an undisturbed line.
    pub(super) fn take_alert(&mut self, alert: Alert, trusted: bool, now: Time) -> Option<Status> {
        let (set, cleared) = match alert {
            Alert::LineFail => (flag::ON_BATTERY, flag::ON_LINE | flag::TRIM | flag::BOOST),
            // A calibration runs on battery: it ended, too.
            Alert::LineReturned => (flag::ON_LINE, flag::ON_BATTERY | flag::CALIBRATION),
            Alert::LowBattery => (flag::LOW_BATTERY, 0),
            Alert::BatteryRecovered => (0, flag::LOW_BATTERY),
            Alert::ReplaceBattery => (flag::REPLACE_BATTERY, 0),
            Alert::Abnormal | Alert::AbnormalEnded | Alert::LoadOff => {
                self.due = now;
                self.hurry_registers(now);
                return None;
            }
            Alert::MeasureUps | Alert::EepromChanged => return None,
        };
        self.due = now;
        let status = self.published?;
        let flags = status.flags & !cleared | set;
        self.announced = Some(Announced { flags, until: now + ANNOUNCED_FOR, unseen: 0 });
        let of_mains = matches!(alert, Alert::LineFail | Alert::LineReturned);
        if !trusted || !of_mains || flags == status.flags {
            return None;
        }
        self.candidate = None;
        self.publish(Status { flags, ..status })
    }

    /// Takes an answer to `Q`. Returns the new status when it changed.
    pub(super) fn take_flags(&mut self, flags: u8, trust: Trust, now: Time) -> Option<Status> {
        self.due = now + INTERVAL;
        self.unproven = None;
        if self.published.is_some_and(|status| status.flags == flags) {
            self.confirmed = Some(now);
            self.candidate = None;
            self.ask_again_after_alert(flags, now);
            return None;
        }
        let candidate = match self.candidate {
            Some(known) if known.flags == flags => {
                Candidate { reads: known.reads.saturating_add(1), ..known }
            }
            _ => Candidate { flags, since: now, reads: 1 },
        };
        let announced = self.announced.is_some_and(|alert| flags == alert.flags && now <= alert.until);
        // The alert itself is one of the witnesses.
        let agreeing = agreeing(trust) - u8::from(announced);
        let unpowered = flags & SOURCE == 0;
        let believed = candidate.reads >= agreeing && (!unpowered || now >= candidate.since + ZERO_APART);
        self.hurry_registers(now);
        if believed && trust.suspicious {
            self.candidate = Some(candidate);
            self.unproven = Some(Unproven::Flags(flags));
            return None;
        }
        if believed {
            self.confirmed = Some(now);
            self.candidate = None;
            return self.publish(Status { flags, ..self.published.unwrap_or_default() });
        }
        self.candidate = Some(candidate);
        // A doubted zero waits its second; anything else is asked again at once.
        self.due =
            if unpowered && now < candidate.since + ZERO_APART { candidate.since + ZERO_APART } else { now };
        None
    }

    /// An alert came and the status is still as before: the answer may be older than the alert. When it stays so, the alert was
    /// none, and is no witness for what comes later.
    fn ask_again_after_alert(&mut self, flags: u8, now: Time) {
        let Some(alert) = &mut self.announced else { return };
        if alert.flags == flags || now > alert.until || alert.unseen == ASKED_AGAIN {
            self.announced = None;
        } else {
            alert.unseen += 1;
            self.due = now;
        }
    }

    /// Takes an answer to the register at `place` of [`REGISTERS`]. Returns the new status when it changed.
    pub(super) fn take_register(
        &mut self,
        place: usize,
        value: u8,
        trust: Trust,
        now: Time,
    ) -> Option<Status> {
        self.unproven = None;
        let register = &mut self.registers[place];
        register.due = now + REGISTER_INTERVAL;
        (register.silences, register.absent) = (0, false);
        let status = self.published?;
        let known = [status.state, status.trip1, status.trip][place];
        if known == Some(value) {
            register.candidate = None;
            return None;
        }
        let reads = match register.candidate {
            Some((candidate, reads)) if candidate == value => reads + 1,
            _ => 1,
        };
        // No alert is a witness here, and a false alarm frightens people: one more than for `Q`.
        if reads <= agreeing(trust) {
            register.candidate = Some((value, reads));
            register.due = now;
            return None;
        }
        if trust.suspicious {
            register.candidate = Some((value, reads));
            self.unproven = Some(Unproven::Register(place, value));
            return None;
        }
        register.candidate = None;
        self.set_register(place, Some(value))
    }

    /// An answer to the register did not come or was damaged.
    pub(super) fn postpone_register(&mut self, place: usize, now: Time) {
        self.registers[place].due = now + INTERVAL;
    }

    fn hurry_registers(&mut self, now: Time) {
        let watched =
            self.registers.iter_mut().filter(|register| register.due != Time::NEVER && !register.absent);
        watched.for_each(|register| register.due = now);
    }

    fn publish(&mut self, status: Status) -> Option<Status> {
        self.published = Some(status);
        Some(status)
    }
}

/// How many reads in a row must agree.
fn agreeing(trust: Trust) -> u8 {
    match trust {
        Trust { suspicious: true, .. } => AGREEING_SUSPICIOUS,
        Trust { disturbed: true, .. } => AGREEING_DISTURBED,
        Trust { .. } => AGREEING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEADY: Trust = Trust { disturbed: false, suspicious: false };
    const DISTURBED: Trust = Trust { disturbed: true, suspicious: false };
    const SUSPICIOUS: Trust = Trust { disturbed: false, suspicious: true };

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn online() -> StatusTracker {
        let mut tracker = StatusTracker::new();
        assert_eq!(tracker.take_flags(0x08, STEADY, at(0)), None);
        assert_eq!(tracker.take_flags(0x08, STEADY, at(30)).unwrap().tokens(), "OL");
        tracker
    }

    #[test]
    fn a_change_without_an_alert_needs_two_reads_that_agree() {
        let mut tracker = online();
        assert_eq!(tracker.take_flags(0x48, STEADY, at(1000)), None);
        assert_eq!(tracker.due(), at(1000), "asked again at once");
        assert_eq!(tracker.take_flags(0x08, STEADY, at(1030)), None, "the second read contradicts");
        assert_eq!(tracker.take_flags(0x48, STEADY, at(2000)), None, "and the first counts no more");
        assert_eq!(tracker.take_flags(0x48, STEADY, at(2030)).unwrap().tokens(), "OL LB");
    }

    #[test]
    fn on_a_disturbed_line_three_reads_must_agree() {
        let mut tracker = online();
        assert_eq!(tracker.take_flags(0x48, DISTURBED, at(1000)), None);
        assert_eq!(tracker.take_flags(0x48, DISTURBED, at(1030)), None);
        assert_eq!(tracker.take_flags(0x48, DISTURBED, at(1060)).unwrap().tokens(), "OL LB");
    }

    #[test]
    fn on_a_line_with_faults_a_change_waits_for_the_proof_that_its_reads_were_in_step() {
        let mut tracker = online();
        for read in 1..4 {
            assert_eq!(tracker.take_flags(0x48, SUSPICIOUS, at(1000 + read)), None);
        }
        assert!(!tracker.awaits_proof());
        assert_eq!(tracker.take_flags(0x48, SUSPICIOUS, at(1040)), None);
        assert!(tracker.awaits_proof() && tracker.in_doubt());
        assert_eq!(tracker.proven(at(1080)).unwrap().tokens(), "OL LB");
        assert_eq!(tracker.confirmed(), Some(at(1080)));
        assert!(!tracker.awaits_proof() && !tracker.in_doubt());
    }

    #[test]
    fn what_was_read_before_a_disturbance_is_no_witness() {
        let mut tracker = online();
        tracker.watch_register(2, true, at(100));
        for read in 0..4 {
            assert_eq!(tracker.take_register(2, 0x08, SUSPICIOUS, at(900 + read)), None);
            assert_eq!(tracker.take_flags(0x48, SUSPICIOUS, at(1000 + read)), None);
        }
        tracker.disturb(at(1100));
        assert!(!tracker.awaits_proof());
        assert_eq!(tracker.proven(at(1110)), None);
        assert_eq!((tracker.due(), tracker.register_due(at(1100))), (at(1100), Some(2)));
        assert_eq!(tracker.take_flags(0x48, SUSPICIOUS, at(1120)), None);
        assert!(!tracker.awaits_proof(), "it begins anew");
    }

    #[test]
    fn low_battery_is_never_believed_by_its_alert_alone() {
        let mut tracker = online();
        assert_eq!(tracker.take_alert(Alert::LineFail, true, at(1500)).unwrap().tokens(), "OB");
        assert_eq!(tracker.take_alert(Alert::LowBattery, true, at(2500)), None);
        assert_eq!(tracker.due(), at(2500), "it is asked at once");
        assert_eq!(tracker.take_flags(0x50, STEADY, at(2530)).unwrap().tokens(), "OB LB");
    }

    #[test]
    fn an_alert_that_the_ups_denies_is_no_witness_for_what_comes_later() {
        let mut tracker = online();
        assert_eq!(tracker.take_alert(Alert::LowBattery, false, at(1500)), None);
        for read in 0..4 {
            assert_eq!(tracker.take_flags(0x08, STEADY, at(1530 + read)), None);
        }
        assert_eq!(tracker.take_flags(0x48, STEADY, at(3000)), None, "one damaged answer");
        assert_eq!(tracker.take_flags(0x08, STEADY, at(3030)), None);
    }

    #[test]
    fn an_alert_on_a_clean_line_changes_the_status_alone() {
        let mut tracker = online();
        assert_eq!(tracker.take_alert(Alert::LineFail, true, at(1500)).unwrap().tokens(), "OB");
        assert_eq!(tracker.due(), at(1500), "and is checked at once");
        assert_eq!(tracker.take_flags(0x10, STEADY, at(1530)), None);
        assert_eq!(tracker.take_alert(Alert::LineReturned, true, at(9000)).unwrap().tokens(), "OL");
    }

    #[test]
    fn an_alert_on_a_disturbed_line_is_one_witness_of_three() {
        let mut tracker = online();
        assert_eq!(tracker.take_alert(Alert::LineFail, false, at(1500)), None);
        assert_eq!(tracker.take_flags(0x10, DISTURBED, at(1530)), None);
        assert_eq!(tracker.take_flags(0x10, DISTURBED, at(1560)).unwrap().tokens(), "OB");
        let mut lied_to = online();
        assert_eq!(lied_to.take_alert(Alert::LineFail, false, at(1500)), None);
        assert_eq!(lied_to.take_flags(0x08, DISTURBED, at(1530)), None);
        assert_eq!(lied_to.published().unwrap().tokens(), "OL");
    }

    #[test]
    fn an_alert_in_the_midst_of_traffic_needs_one_read_that_agrees() {
        let mut tracker = online();
        assert_eq!(tracker.take_alert(Alert::LineFail, false, at(1500)), None);
        assert_eq!(tracker.take_flags(0x10, STEADY, at(1530)).unwrap().tokens(), "OB");
    }

    #[test]
    fn an_answer_that_is_older_than_the_alert_does_not_settle_it() {
        let mut tracker = online();
        assert_eq!(tracker.take_alert(Alert::LineFail, false, at(1500)), None);
        assert_eq!(tracker.take_flags(0x08, STEADY, at(1501)), None, "asked before the alert");
        assert_eq!(tracker.due(), at(1501), "asked again at once");
        assert_eq!(tracker.take_flags(0x10, STEADY, at(1546)).unwrap().tokens(), "OB");
    }

    #[test]
    fn an_alert_covers_only_the_change_that_it_announces() {
        let mut tracker = online();
        tracker.take_alert(Alert::LineFail, false, at(1500));
        assert_eq!(tracker.take_flags(0x50, STEADY, at(1530)), None, "low battery was not announced");
        assert_eq!(tracker.take_flags(0x50, STEADY, at(1560)).unwrap().tokens(), "OB LB");
    }

    #[test]
    fn off_needs_two_reads_a_second_apart() {
        let mut tracker = online();
        assert_eq!(tracker.take_flags(0x00, STEADY, at(5000)), None);
        assert_eq!(tracker.due(), at(6000));
        assert_eq!(tracker.take_flags(0x00, STEADY, at(5500)), None);
        assert_eq!(tracker.due(), at(6000));
        assert_eq!(tracker.take_flags(0x00, STEADY, at(6000)).unwrap().tokens(), "OFF");
    }

    #[test]
    fn a_register_is_believed_at_its_third_read() {
        let mut tracker = online();
        tracker.watch_register(2, true, at(100));
        assert_eq!(tracker.take_register(2, 0x80, STEADY, at(100)), None);
        assert_eq!(tracker.take_register(2, 0x80, STEADY, at(130)), None);
        assert_eq!(
            tracker.take_register(2, 0x80, STEADY, at(160)).unwrap().alarm().as_deref(),
            Some("Over temperature")
        );
    }

    #[test]
    fn on_a_line_with_faults_a_register_waits_for_the_proof_that_its_reads_were_in_step() {
        let mut tracker = online();
        tracker.watch_register(2, true, at(100));
        for read in 0..5 {
            assert_eq!(tracker.take_register(2, 0x80, SUSPICIOUS, at(100 + read)), None);
        }
        assert!(tracker.awaits_proof());
        assert_eq!(tracker.proven(at(200)).unwrap().alarm().as_deref(), Some("Over temperature"));
    }

    #[test]
    fn an_abnormal_alert_says_look_and_changes_nothing_itself() {
        let mut tracker = online();
        tracker.watch_register(2, true, at(100));
        tracker.take_register(2, 0, STEADY, at(100));
        tracker.take_register(2, 0, STEADY, at(130));
        tracker.take_register(2, 0, STEADY, at(160));
        assert_eq!(tracker.take_alert(Alert::Abnormal, true, at(2000)), None);
        assert_eq!((tracker.due(), tracker.register_due(at(2000))), (at(2000), Some(2)));
    }
}
