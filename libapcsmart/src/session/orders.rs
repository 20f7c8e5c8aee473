//! Orders from outside: which are taken, and how an [`Operation`](crate::operation) runs on the line.
//!
//! One order at a time has the line. It begins behind a fence, so that no answer to an earlier question can be taken for
//! its own, and keeps the line until it ends or watches for its effect. Between the steps of a setting the status is read,
//! and an order that switches the load off goes first; the setting then ends as interrupted.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::discovery::Step;
use super::exchange::Phase;
use super::{Event, LinkState, Session};
use crate::alert::Alert;
use crate::capability::Capability;
use crate::grammar::Grammar;
use crate::operation::{
    Act, BoxedOperation, Input, Method, Outcome, Refusal, ShutdownReturn, Simple, StepField, Ticket,
    WriteChoice, WriteSwitch, WriteText, is_refusal,
};
use crate::status::Status;
use crate::table::instant::{SILENT, instant};
use crate::table::variable::{SWITCH_ARM, SWITCH_OFF, SWITCH_ON, SWITCH_SAVE};
use crate::table::{
    Code, Danger, INSTANT_COMMANDS, InstantCommand, Procedure, VARIABLES, Variable, Writable, command,
};
use crate::time::Time;

/// How long an order listens on when what it waited for was something else.
const WAITS_ANEW: Duration = Duration::from_millis(1500);
/// The grace delay of a unit that does not tell it; the longest that known units have.
const UNKNOWN_GRACE: Duration = Duration::from_secs(600);

/// An order that is under way: one at most has the line, others may watch for their effect.
#[derive(Debug)]
pub(super) struct Order {
    ticket: Ticket,
    operation: BoxedOperation,
    /// While it watches: until when.
    watches_until: Time,
    /// While it watches: the UPS said that the load goes off.
    announced_off: bool,
    /// The row that it writes, to be read again afterwards.
    writes: Option<&'static Variable>,
    /// It sent a write to the EEPROM, and nothing was heard of it yet.
    write_open: bool,
}

impl Session {
    /// The commands of this unit, sorted by name. Empty until it was discovered.
    pub fn commands(&self) -> impl Iterator<Item = &'static InstantCommand> + '_ {
        let known = self.unit.known;
        INSTANT_COMMANDS.iter().filter(move |command| {
            known && command.available(&self.unit.commands) && self.permits(command.procedure)
        })
    }

    /// Orders a command by its NUT name. Its outcome comes as [`Event::Done`] with the ticket.
    ///
    /// `argument` is taken by `shutdown.return` alone: how many times six minutes the unit stays off in addition, one to
    /// three digits.
    ///
    /// # Errors
    /// A [`Refusal`]: nothing was sent.
    pub fn run(
        &mut self,
        now: Time,
        name: &str,
        argument: Option<&str>,
        danger: Danger,
    ) -> Result<Ticket, Refusal> {
        self.pass_time(now);
        let command = instant(name).ok_or_else(|| Refusal::UnknownCommand(name.into()))?;
        self.ready_to_judge()?;
        if self.commands().all(|known| known.name != command.name) {
            return Err(Refusal::NotOnThisUnit(command.name));
        }
        if command.danger > danger {
            return Err(Refusal::NeedsConfirmation(command.name));
        }
        if let Procedure::Setting { code, value } = command.procedure {
            return self.run_setting(now, code, value, argument.is_some(), command.name);
        }
        let takes_argument =
            matches!(command.procedure, Procedure::ShutdownReturn | Procedure::ShutdownReboot);
        if argument.is_some() && !takes_argument {
            return Err(Refusal::InvalidArgument { name: command.name, problem: "it takes no argument" });
        }
        if command.procedure == Procedure::ResetExtremes {
            self.readings.reset_extremes(&mut self.out);
            let ticket = self.next_ticket();
            self.out.event(Event::Done { ticket, outcome: Outcome::Executed });
            return Ok(ticket);
        }
        let operation: BoxedOperation = match command.procedure {
            Procedure::ShutdownReturn => self.shutdown_return(command.name, argument, false)?,
            Procedure::ShutdownReboot => self.shutdown_return(command.name, argument, true)?,
            Procedure::Twice(code) if code == Code::one(b'K') => {
                Box::new(Simple::new(command.procedure, self.grace()))
            }
            procedure => Box::new(Simple::new(procedure, Duration::ZERO)),
        };
        let switches_off = match command.procedure {
            Procedure::ShutdownReturn => true,
            Procedure::Twice(code) => code != Code::one(0x0E),
            _ => false,
        };
        self.ready_for_order(switches_off)?;
        Ok(self.begin_order(operation, None))
    }

    /// Orders a setting by its NUT name, with a value as [`Session::readings`] shows them. Its outcome comes as
    /// [`Event::Done`] with the ticket.
    ///
    /// # Errors
    /// A [`Refusal`]: nothing was sent.
    pub fn set(&mut self, now: Time, name: &str, value: &str) -> Result<Ticket, Refusal> {
        self.pass_time(now);
        let unknown = || Refusal::UnknownVariable(name.into());
        let known =
            VARIABLES.iter().flat_map(|row| row.names.iter()).find(|known| known.eq_ignore_ascii_case(name));
        let name = *known.ok_or_else(unknown)?;
        self.ready_to_judge()?;
        let row = self.readings.variable(name).ok_or_else(unknown)?;
        if !self.can_write(row) {
            return Err(Refusal::ReadOnly(name));
        }
        let operation = match row.writable {
            Writable::No => return Err(Refusal::ReadOnly(name)),
            Writable::Choice if row.is_switch() => write_switch(name, row, value)?,
            Writable::Choice => self.write_choice(name, row, value)?,
            Writable::Text8 => write_text(name, row, value)?,
            Writable::Step => write_field(name, row, value)?,
        };
        self.ready_for_order(false)?;
        Ok(self.begin_order(operation, Some(row)))
    }

    /// Whether enough is known of the unit to say what it can do. Right after a port was opened another unit may be on it.
    fn ready_to_judge(&self) -> Result<(), Refusal> {
        match self.link {
            LinkState::Up if self.unit.known => Ok(()),
            LinkState::Up => Err(Refusal::NotDiscovered),
            _ => Err(Refusal::NotConnected),
        }
    }

    /// One order at a time; but what switches the load off does not wait until a setting was stepped to its end.
    fn ready_for_order(&self, switches_off: bool) -> Result<(), Refusal> {
        let only_a_setting = self.order.as_ref().is_none_or(|order| order.writes.is_some());
        match self.order {
            None => Ok(()),
            Some(_) if switches_off && only_a_setting && self.urgent.is_none() => Ok(()),
            Some(_) => Err(Refusal::Busy),
        }
    }

    fn next_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn begin_order(&mut self, operation: BoxedOperation, writes: Option<&'static Variable>) -> Ticket {
        let ticket = self.next_ticket();
        let order = Order {
            ticket,
            operation,
            watches_until: Time::NEVER,
            announced_off: false,
            writes,
            write_open: false,
        };
        match self.order {
            None => {
                self.order = Some(order);
                self.order_waits = true;
            }
            Some(_) => self.urgent = Some(order),
        }
        self.advance();
        ticket
    }

    fn grace(&self) -> Duration {
        let told = self.reading("ups.delay.shutdown").and_then(|value| value.as_f64());
        told.map_or(UNKNOWN_GRACE, |seconds| Duration::from_secs(seconds as u64))
    }

    /// Whether the unit lets the variable behind a command be set.
    fn permits(&self, procedure: Procedure) -> bool {
        let Procedure::Setting { code, value } = procedure else { return true };
        let row = VARIABLES.iter().find(|row| row.code == code);
        let listed = |found: &Capability| found.choices().iter().any(|choice| choice == value);
        row.is_some_and(|row| {
            self.can_write(row) && (row.is_switch() || self.unit.capabilities.of(code).is_some_and(listed))
        })
    }

    fn run_setting(
        &mut self,
        now: Time,
        code: Code,
        value: &str,
        has_argument: bool,
        name: &'static str,
    ) -> Result<Ticket, Refusal> {
        if has_argument {
            return Err(Refusal::InvalidArgument { name, problem: "it takes no argument" });
        }
        let variable = VARIABLES.iter().find(|row| row.code == code).map(|row| row.names[0]);
        let variable = variable.ok_or(Refusal::NotOnThisUnit(name))?;
        // Every other delay of the alarm is an enabled beeper, too: it stays.
        let present = self.reading(variable).map(|known| format!("{known}"));
        match present {
            Some(known) if variable == "battery.alarm.threshold" && value != SILENT && known != SILENT => {
                self.set(now, variable, &known)
            }
            _ => self.set(now, variable, value),
        }
    }

    fn shutdown_return(
        &self,
        name: &'static str,
        argument: Option<&str>,
        reboot: bool,
    ) -> Result<BoxedOperation, Refusal> {
        let has = |byte| self.unit.commands.contains(Code::one(byte));
        // On units that know neither a restart charge nor a wake-up delay, `000` does nothing.
        let delay = match argument {
            Some(digits) => digits.as_bytes().to_vec(),
            None if has(b'e') || has(b'r') => b"000".to_vec(),
            None => b"001".to_vec(),
        };
        if !(1..=3).contains(&delay.len()) || !delay.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::InvalidArgument {
                name,
                problem: "one to three digits: how many times six minutes to stay off",
            });
        }
        // Two digits select another form of the command on some units; one is filled up to three.
        let delay = if delay.len() == 1 { [b"00".as_slice(), &delay].concat() } else { delay };
        let mut methods = Vec::new();
        if has(b'S') && !reboot {
            methods.push(Method::Soft);
        }
        if has(b'@') {
            methods.push(Method::Hard);
        }
        if has(b'S') && has(b'U') && !reboot {
            methods.push(Method::Failure);
        }
        Ok(Box::new(ShutdownReturn::new(methods, delay, self.grace())))
    }

    fn write_choice(
        &self,
        name: &'static str,
        row: &'static Variable,
        value: &str,
    ) -> Result<BoxedOperation, Refusal> {
        let Some(capability) = self.unit.capabilities.of(row.code) else {
            let asked = !self.discovery.waits_for(Step::Capabilities);
            return Err(if asked { Refusal::ReadOnly(name) } else { Refusal::NotDiscovered });
        };
        let shown =
            |raw: &String| row.values(raw.as_bytes()).into_iter().next().map(|(_, value)| format!("{value}"));
        // As shown, or as the unit spells it: `20` and `020` are the same delay.
        let wanted = value.trim();
        let fits = |raw: &&String| {
            raw.trim().eq_ignore_ascii_case(wanted)
                || shown(raw).is_some_and(|shown| shown.eq_ignore_ascii_case(wanted))
        };
        let Some(target) = capability.cycle.iter().find(fits) else {
            let permitted: Vec<String> = capability.choices().iter().filter_map(shown).collect();
            return Err(Refusal::InvalidValue { name, value: value.into(), permitted: permitted.join(", ") });
        };
        let cycle = capability.cycle.iter().map(|raw| raw.trim().as_bytes().to_vec()).collect();
        let target = target.trim().as_bytes().to_vec();
        let both_ways = self.unit.commands.contains(Code::one(b'+'));
        Ok(Box::new(WriteChoice::new(row.code, shape(row), cycle, target, both_ways)))
    }

    /// Whether the unit says that it has all that setting this row takes. Some units are silent on what they do not know:
    /// to send them a text would be to send them its letters as commands.
    pub(super) fn can_write(&self, row: &Variable) -> bool {
        const STEP_BACK: Code = Code::one(b'-');
        const STEP_ON: Code = Code::one(b'+');
        let needed: &[Code] = match row.writable {
            Writable::No => return false,
            Writable::Choice if row.is_switch() => &[SWITCH_ARM, SWITCH_ON, SWITCH_OFF, SWITCH_SAVE],
            Writable::Choice | Writable::Text8 => &[STEP_BACK],
            Writable::Step => &[STEP_BACK, STEP_ON],
        };
        self.unit.listed && needed.iter().all(|code| self.unit.commands.contains(*code))
    }

    /// Begins the order that waits, once the line is in step and free.
    pub(super) fn start_order(&mut self) -> bool {
        if !self.order_waits {
            return false;
        }
        if !self.order_fenced {
            self.order_fenced = true;
            self.ask_proof();
            return true;
        }
        (self.order_waits, self.order_fenced) = (false, false);
        self.tell_order(Input::Start);
        self.order_has_line()
    }

    /// Whether an order has the line for itself.
    pub(super) fn order_has_line(&self) -> bool {
        !self.order_waits && !self.order_breathes && self.order.is_some()
    }

    /// Between two steps of an order: lets the status be read, or a more urgent order go first. Returns whether something
    /// was sent.
    pub(super) fn order_takes_breath(&mut self) -> bool {
        if !self.order_breathes || self.status.due() <= self.now && self.status_goes_first() {
            return false;
        }
        self.order_breathes = false;
        if self.urgent.is_some() {
            if let Some(order) = self.order.take() {
                self.end_order(order, Outcome::Interrupted);
            }
            return self.start_order();
        }
        self.tell_order(Input::Resumed);
        true
    }

    /// Whether the unit takes what is sent now as part of an argument.
    pub(super) fn order_in_argument(&self) -> bool {
        self.order_has_line() && self.order.as_ref().is_some_and(|order| order.operation.in_argument())
    }

    /// When the first watching order gives up.
    pub(super) fn watch_deadline(&self) -> Time {
        self.watching.iter().map(|order| order.watches_until).min().unwrap_or(Time::NEVER)
    }

    pub(super) fn check_watch(&mut self) {
        let now = self.now;
        self.tell_watching(|order| {
            (now >= order.watches_until).then(|| order.operation.step(Input::WatchOver))
        });
    }

    /// A status was read: the effect that orders wait for may show.
    pub(super) fn show_orders(&mut self, status: Status) {
        self.watching.iter_mut().for_each(|order| order.announced_off = false);
        self.tell_watching(|order| Some(order.operation.step(Input::Status(status))));
    }

    /// An alert came: on some units it is the answer, or the effect.
    pub(super) fn alert_orders(&mut self, alert: Alert, trusted: bool) {
        if trusted {
            self.tell_watching(|order| Some(order.operation.hear(alert)));
        }
        // What noise can make, too: it counts when the UPS then falls silent, as it does with its load off.
        if alert == Alert::LoadOff {
            self.watching.iter_mut().for_each(|order| order.announced_off = true);
        }
        if self.order_has_line()
            && self.phase == Phase::Running
            && !self.owed
            && let Some(mut order) = self.order.take()
        {
            order.announced_off |= alert == Alert::LoadOff;
            let act = order.operation.hear(alert);
            self.carry_out(order, act);
        }
    }

    /// Tells those that watch; they can only end.
    fn tell_watching(&mut self, tell: impl Fn(&mut Order) -> Option<Act>) {
        let mut still = Vec::new();
        for mut order in core::mem::take(&mut self.watching) {
            match tell(&mut order) {
                Some(Act::Done(outcome)) => self.end_order(order, outcome),
                _ => still.push(order),
            }
        }
        self.watching.append(&mut still);
    }

    /// Tells the order that has the line what came, and does what it says.
    pub(super) fn tell_order(&mut self, input: Input) {
        if let Some(mut order) = self.order.take() {
            let refused = matches!(&input, Input::Line(line) if is_refusal(line));
            let act = order.operation.step(input);
            // A refusal that the order does not take for one may be a stray line: the write may have been done.
            let undone = refused && matches!(act, Act::Done(_));
            if core::mem::take(&mut order.write_open) && !undone {
                self.quality.eeprom_writes += 1;
            }
            self.carry_out(order, act);
        }
    }

    fn carry_out(&mut self, mut order: Order, act: Act) {
        match act {
            // What it waits for may have come to its end just now; then it waits anew.
            Act::Wait => {
                self.order = Some(order);
                if self.exchange.is_none() && self.phase == Phase::Running {
                    self.send_for_order(Vec::new(), WAITS_ANEW);
                }
            }
            Act::Send(bytes, wait) => {
                order.write_open = order.operation.writes();
                self.order = Some(order);
                self.send_for_order(bytes, wait);
            }
            Act::Listen(wait) => {
                self.order = Some(order);
                self.send_for_order(Vec::new(), wait);
            }
            Act::Resync => {
                self.order = Some(order);
                self.disturb(|quality| quality.timeouts += 1);
            }
            Act::Breathe => {
                self.order = Some(order);
                self.release_line();
                self.order_breathes = true;
                // A breath is for one look at least.
                self.status_in_a_row = 0;
            }
            Act::Watch { duration, accepted } => {
                self.release_line();
                if accepted {
                    self.out.event(Event::Accepted { ticket: order.ticket });
                }
                order.watches_until = self.now + duration;
                self.watching.push(order);
                self.let_urgent_begin();
            }
            Act::Done(outcome) => {
                self.release_line();
                self.end_order(order, outcome);
            }
        }
    }

    fn let_urgent_begin(&mut self) {
        if self.order.is_none()
            && let Some(order) = self.urgent.take()
        {
            self.order = Some(order);
            self.order_waits = true;
        }
    }

    fn end_order(&mut self, order: Order, outcome: Outcome) {
        if let Some(row) = order.writes {
            let read_back = order.operation.read_back().filter(|_| {
                // Of several fields the order checked its own. On a bad line the others are read as often as always.
                let checked = row.names.len() == 1 || !self.is_suspicious();
                checked && matches!(outcome, Outcome::Verified | Outcome::Unchanged)
            });
            match read_back {
                Some(reply) => self.readings.take_read_back(row, reply, self.now, &mut self.out),
                None => self.readings.refresh(row, self.now),
            }
        }
        self.out.event(Event::Done { ticket: order.ticket, outcome });
        self.let_urgent_begin();
    }

    /// The line was disturbed in the midst of an order and is in step again. Where the order stood can't be known.
    pub(super) fn resume_order(&mut self) {
        if self.order_has_line() {
            self.tell_order(Input::Disturbed);
        }
    }

    /// The link is gone, or the unit may be another one: what became of the orders can't be known.
    pub(super) fn abandon_orders(&mut self) {
        self.watching.iter_mut().for_each(|order| order.announced_off = false);
        self.give_up_orders();
    }

    /// The UPS fell silent. Where it had said that the load goes off, this is what it looks like.
    pub(super) fn give_up_orders(&mut self) {
        (self.order_waits, self.order_fenced, self.order_breathes) = (false, false, false);
        let orders = core::mem::take(&mut self.watching).into_iter();
        let orders = orders.chain(self.order.take()).chain(self.urgent.take());
        for mut order in orders {
            self.quality.eeprom_writes += u64::from(order.write_open);
            let outcome = match order.announced_off.then(|| order.operation.hear(Alert::LoadOff)) {
                Some(Act::Done(outcome)) => outcome,
                _ => Outcome::Interrupted,
            };
            self.out.event(Event::Done { ticket: order.ticket, outcome });
        }
    }
}

fn shape(row: &Variable) -> Grammar {
    command::command(row.code).map_or(Grammar::Anything, |command| command.grammar)
}

fn write_text(name: &'static str, row: &'static Variable, value: &str) -> Result<BoxedOperation, Refusal> {
    let printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if value.is_empty() || value.len() > 8 || !printable {
        let permitted = "one to eight printable ASCII characters".into();
        return Err(Refusal::InvalidValue { name, value: value.into(), permitted });
    }
    let mut text = [b' '; 8];
    text[..value.len()].copy_from_slice(value.as_bytes());
    Ok(Box::new(WriteText::new(row.code, text)))
}

/// `-` steps the first probe's limit and `+` the second's; of a plain count `+` is one more. No byte is known that steps a
/// third or fourth limit.
pub(super) fn step_byte(row: &Variable, name: &str) -> Option<u8> {
    match (row.names.len(), row.names.iter().position(|known| *known == name)?) {
        (1, _) | (_, 1) => Some(b'+'),
        (_, 0) => Some(b'-'),
        _ => None,
    }
}

fn write_field(name: &'static str, row: &'static Variable, value: &str) -> Result<BoxedOperation, Refusal> {
    let step = step_byte(row, name).ok_or(Refusal::ReadOnly(name))?;
    let field = row.names.iter().position(|known| *known == name).unwrap_or(0);
    let value = value.trim();
    let off = value.eq_ignore_ascii_case("off");
    if (!off && value.parse::<u8>().is_err()) || (off && row.names.len() == 1) {
        let permitted = if row.names.len() == 1 { "a whole number" } else { "a whole number, or off" };
        return Err(Refusal::InvalidValue { name, value: value.into(), permitted: permitted.into() });
    }
    let target = if off { b"NO".to_vec() } else { value.as_bytes().to_vec() };
    Ok(Box::new(StepField::new(row.code, shape(row), field, target, step)))
}

fn write_switch(name: &'static str, row: &'static Variable, value: &str) -> Result<BoxedOperation, Refusal> {
    let on = match value.trim() {
        word if word.eq_ignore_ascii_case("on") => true,
        word if word.eq_ignore_ascii_case("off") => false,
        _ => {
            let permitted = "ON, OFF".into();
            return Err(Refusal::InvalidValue { name, value: value.into(), permitted });
        }
    };
    Ok(Box::new(WriteSwitch::new(row.code, on)))
}
