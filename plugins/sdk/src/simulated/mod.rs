//! A host that exists only in memory, for native tests of a plugin's logic.
//!
//! It keeps the promises of the WIT text that a plugin may rely on (the generation moves with every change, a refused
//! send queues nothing) and records what the plugin did. It has no clock of its own: tests set the time, or let it pass
//! with [`SimulatedHost::advance`].

mod asking;
mod keeping;
mod network;
mod time;

use core::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::{
    Auth, Availability, Clock, Device, Error, Event, Level, Log, Principal, Severity, Tcp, Ups, UpsControl,
    Variable,
};

pub use asking::Delivered;
pub use keeping::Announced;
pub use network::SentDatagram;

/// The simulated host. All methods take `&self`, as the real host's functions do.
#[derive(Debug, Default)]
pub struct SimulatedHost {
    time: time::Time,
    network: network::Network,
    keeping: keeping::Keeping,
    asking: asking::Asking,
    generation: Cell<u64>,
    devices: RefCell<Vec<SimulatedUps>>,
    descriptions: RefCell<BTreeMap<String, String>>,
    dangerous: RefCell<Vec<String>>,
    logged: RefCell<Vec<LogLine>>,
    sent: RefCell<BTreeMap<u64, Vec<u8>>>,
    unsent_limit: Cell<Option<usize>>,
    longest_send: Cell<usize>,
    closed: RefCell<Vec<u64>>,
    users: RefCell<Vec<SimulatedUser>>,
    tickets: Cell<u64>,
    checks: RefCell<Vec<(u64, Option<usize>)>>,
    orders: RefCell<Vec<(u64, Ordered)>>,
    orders_refused: RefCell<Option<Error>>,
    busy_checks: Cell<u32>,
}

#[derive(Debug)]
struct SimulatedUser {
    name: String,
    password: String,
    rights: Vec<String>,
}

/// An order that a plugin gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordered {
    /// A command, with its argument.
    Run(String, String, Option<String>),
    /// A setting.
    Set(String, String, String),
    /// The forced shutdown.
    ForcedShutdown(String, bool),
}

/// One UPS of a [`SimulatedHost`].
#[derive(Debug, Clone)]
pub struct SimulatedUps {
    /// Name, description and availability. The host sets the generation.
    pub device: Device,
    /// Kept sorted by the host.
    pub variables: Vec<Variable>,
    /// Kept sorted by the host.
    pub commands: Vec<String>,
    /// By variable name.
    pub choices: BTreeMap<String, Vec<String>>,
    /// By variable name.
    pub ranges: BTreeMap<String, Vec<(i64, i64)>>,
}

impl SimulatedUps {
    /// A live UPS without variables.
    pub fn new(name: &str, description: &str) -> Self {
        SimulatedUps {
            device: Device {
                name: name.to_owned(),
                description: description.to_owned(),
                availability: Availability::Live,
                generation: 0,
                age_ms: 0,
            },
            variables: Vec::new(),
            commands: Vec::new(),
            choices: BTreeMap::new(),
            ranges: BTreeMap::new(),
        }
    }
}

/// What a plugin wrote into the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// How important.
    pub level: Level,
    /// The text.
    pub message: String,
}

impl SimulatedHost {
    /// A host without any UPS.
    pub fn new() -> Self {
        SimulatedHost::default()
    }

    /// Adds a UPS, or replaces the one with the same name, as a new generation.
    pub fn publish(&self, mut ups: SimulatedUps) {
        let generation = self.generation.get() + 1;
        self.generation.set(generation);
        ups.device.generation = generation;
        ups.variables.sort_by(|a, b| a.name.cmp(&b.name));
        ups.commands.sort();
        let mut devices = self.devices.borrow_mut();
        match devices.iter_mut().find(|known| known.device.name == ups.device.name) {
            Some(known) => *known = ups,
            None => devices.push(ups),
        }
    }

    /// Gives a variable or a command its sentence.
    pub fn describe(&self, name: &str, sentence: &str) {
        self.descriptions.borrow_mut().insert(name.to_owned(), sentence.to_owned());
    }

    /// From now on this command has to be confirmed.
    pub fn make_dangerous(&self, command: &str) {
        self.dangerous.borrow_mut().push(command.to_owned());
    }

    /// Sends to any connection are refused once it has this many bytes queued.
    pub fn limit_unsent(&self, bytes: usize) {
        self.unsent_limit.set(Some(bytes));
    }

    /// What the plugin logged so far.
    pub fn logged(&self) -> Vec<LogLine> {
        self.logged.borrow().clone()
    }

    /// Takes what was queued for a connection with `send`.
    pub fn take_sent(&self, connection: u64) -> Vec<u8> {
        self.sent.borrow_mut().remove(&connection).unwrap_or_default()
    }

    /// The most bytes that the plugin handed to one `send`.
    pub fn longest_send(&self) -> usize {
        self.longest_send.get()
    }

    pub(in crate::simulated) fn is_closed(&self, connection: u64) -> bool {
        self.closed.borrow().contains(&connection)
    }

    /// Something that happens now, to be handed to `on_event`. `device` is empty when it concerns no UPS.
    ///
    /// ```
    /// # use opennmc_plugin::{Happening, Severity, SimulatedHost};
    /// let host = SimulatedHost::new();
    /// let event = host.event("ups.on-battery", Severity::Warning, "main", &[("battery.charge", "99")]);
    /// assert!(matches!(Happening::of(&event), Happening::OnBattery { power } if power.charge == "99"));
    /// ```
    pub fn event(&self, kind: &str, severity: Severity, device: &str, fields: &[(&str, &str)]) -> Event {
        let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Event {
            kind: kind.to_owned(),
            severity,
            device: device.to_owned(),
            at_ms: self.wall_ms(),
            fields: fields.iter().map(field).collect(),
        }
    }

    /// The connections that the plugin closed with `close`, in order.
    pub fn closed(&self) -> Vec<u64> {
        self.closed.borrow().clone()
    }

    /// Adds a user. A right that ends with a colon covers every name after it.
    pub fn add_user(&self, name: &str, password: &str, rights: &[&str]) {
        self.users.borrow_mut().push(SimulatedUser {
            name: name.to_owned(),
            password: password.to_owned(),
            rights: rights.iter().map(|right| (*right).to_owned()).collect(),
        });
    }

    /// Takes a right from a user who may be logged in.
    pub fn take_rights(&self, name: &str) {
        self.users
            .borrow_mut()
            .iter_mut()
            .filter(|user| user.name == name)
            .for_each(|user| user.rights.clear());
    }

    /// So many checks are not taken because too many wait.
    pub fn busy_checks(&self, count: u32) {
        self.busy_checks.set(count);
    }

    /// The principal that stands for a user who has logged in, for requests that a test makes.
    ///
    /// # Panics
    ///
    /// When there is no such user: add it first.
    pub fn principal(&self, name: &str) -> Principal {
        let users = self.users.borrow();
        let index = users.iter().position(|user| user.name == name);
        Principal::from_host(index.expect("the test has added this user") as u64 + 1)
    }

    /// The oldest check that has not been answered: what to hand to `on_checked`.
    pub fn next_check(&self) -> Option<(u64, Result<Principal, Error>)> {
        let mut checks = self.checks.borrow_mut();
        if checks.is_empty() {
            return None;
        }
        let (ticket, user) = checks.remove(0);
        // Principal 0 is the plugin itself.
        let principal = user.map(|index| Principal::from_host(index as u64 + 1));
        Some((ticket, principal.ok_or_else(|| Error::Denied("wrong".to_owned()))))
    }

    /// The oldest order that was not taken yet, with its ticket.
    pub fn next_order(&self) -> Option<(u64, Ordered)> {
        let mut orders = self.orders.borrow_mut();
        if orders.is_empty() { None } else { Some(orders.remove(0)) }
    }

    /// From now on orders are not taken.
    pub fn refuse_orders(&self, error: Error) {
        self.orders_refused.replace(Some(error));
    }

    fn ticket(&self) -> u64 {
        self.tickets.set(self.tickets.get() + 1);
        self.tickets.get()
    }

    fn give(&self, order: Ordered) -> Result<u64, Error> {
        if let Some(error) = self.orders_refused.borrow().clone() {
            return Err(error);
        }
        let ticket = self.ticket();
        self.orders.borrow_mut().push((ticket, order));
        Ok(ticket)
    }

    fn read<R>(&self, device: &str, read: impl FnOnce(&SimulatedUps) -> R) -> Option<R> {
        self.devices.borrow().iter().find(|ups| ups.device.name.eq_ignore_ascii_case(device)).map(read)
    }
}

impl Log for SimulatedHost {
    fn log(&self, level: Level, message: &str) {
        self.logged.borrow_mut().push(LogLine { level, message: message.to_owned() });
    }
}

impl Ups for SimulatedHost {
    fn generation(&self) -> u64 {
        self.generation.get()
    }

    fn devices(&self) -> Vec<Device> {
        self.devices.borrow().iter().map(|ups| ups.device.clone()).collect()
    }

    fn variables(&self, device: &str) -> Option<Vec<Variable>> {
        self.read(device, |ups| ups.variables.clone())
    }

    fn commands(&self, device: &str) -> Option<Vec<String>> {
        self.read(device, |ups| ups.commands.clone())
    }

    fn choices(&self, device: &str, variable: &str) -> Vec<String> {
        self.read(device, |ups| ups.choices.get(variable).cloned()).flatten().unwrap_or_default()
    }

    fn ranges(&self, device: &str, variable: &str) -> Vec<(i64, i64)> {
        self.read(device, |ups| ups.ranges.get(variable).cloned()).flatten().unwrap_or_default()
    }

    fn describe_variable(&self, name: &str) -> Option<String> {
        self.descriptions.borrow().get(name).cloned()
    }

    fn describe_command(&self, name: &str) -> Option<String> {
        self.descriptions.borrow().get(name).cloned()
    }

    fn needs_confirmation(&self, name: &str) -> bool {
        self.dangerous.borrow().iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

impl Tcp for SimulatedHost {
    fn send(&self, connection: u64, bytes: &[u8]) -> Result<(), Error> {
        if self.is_closed(connection) {
            return Err(Error::NotFound);
        }
        self.longest_send.set(self.longest_send.get().max(bytes.len()));
        let mut sent = self.sent.borrow_mut();
        let queue = sent.entry(connection).or_default();
        if self.unsent_limit.get().is_some_and(|limit| queue.len() + bytes.len() > limit) {
            return Err(Error::Limit("the peer reads too slowly".to_owned()));
        }
        queue.extend_from_slice(bytes);
        Ok(())
    }

    fn close(&self, connection: u64) {
        self.closed.borrow_mut().push(connection);
    }
}

impl Auth for SimulatedHost {
    fn check_password(&self, _connection: u64, name: &str, password: &str) -> Result<u64, Error> {
        if let Some(left) = self.busy_checks.get().checked_sub(1) {
            self.busy_checks.set(left);
            return Err(Error::Busy);
        }
        let users = self.users.borrow();
        let known = users.iter().position(|user| user.name == name && user.password == password);
        let ticket = self.ticket();
        self.checks.borrow_mut().push((ticket, known));
        Ok(ticket)
    }

    fn check_token(&self, connection: u64, token: &str) -> Result<u64, Error> {
        self.check_password(connection, "", token)
    }

    fn may(&self, principal: Principal, right: &str) -> Result<bool, Error> {
        let users = self.users.borrow();
        let index = principal.number().checked_sub(1).and_then(|index| usize::try_from(index).ok());
        let user = index.and_then(|index| users.get(index)).ok_or(Error::NotFound)?;
        let covers = |own: &String| own == right || (own.ends_with(':') && right.starts_with(own.as_str()));
        Ok(user.rights.iter().any(covers))
    }

    fn release(&self, _principal: Principal) {}
}

impl UpsControl for SimulatedHost {
    fn run(
        &self,
        _principal: Principal,
        device: &str,
        command: &str,
        argument: Option<&str>,
        _danger_confirmed: bool,
    ) -> Result<u64, Error> {
        self.give(Ordered::Run(device.to_owned(), command.to_owned(), argument.map(str::to_owned)))
    }

    fn set(&self, _principal: Principal, device: &str, variable: &str, value: &str) -> Result<u64, Error> {
        self.give(Ordered::Set(device.to_owned(), variable.to_owned(), value.to_owned()))
    }

    fn forced_shutdown(&self, _principal: Principal, device: &str, on: bool) -> Result<u64, Error> {
        self.give(Ordered::ForcedShutdown(device.to_owned(), on))
    }
}
