//! One UPS on its port: opening it, moving bytes between it and the UPS's driver, and opening it again.
//!
//! A [`Link`] never ends: whatever happens to its port becomes a plan for the next attempt. It logs nothing about that
//! itself: it tells the [`DeviceState`], whose events are the one line per loss and the one per return. All waiting is
//! done by the loop, through one timer per link.

mod reopen;
mod simulated;
mod tcp;
mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use apcsmart::{Time, serial};
use calloop::channel::Sender;
use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};

use self::reopen::Reopen;
use self::simulated::Simulated;
use self::wire::{Received, Wire};
use crate::config::{Port, UpsSettings};
use crate::door::{NotBegun, Order, OrderResult};
use crate::driver::{self, Absent, Driver, DriverOutput};
use crate::host::LinkHealth;
use crate::main_loop::State;
use crate::state::{Device, DeviceState, Identity, Input, Memory};

pub(crate) use self::tcp::Resolved;

/// A look-up that takes longer is an attempt that has not succeeded yet; nobody waits for it.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(2);
/// How many times the silence that makes data stale makes the port be opened anew.
const STALE_UNTIL_REOPENED: u32 = 4;
const NOT_SIMULATED: &str = "this UPS is real: only a `sim:` port can be told what happens";
const UNPLUGGED: &str = "the simulated line is unplugged";

/// Numbers links; never used twice while the daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(u64);

impl LinkId {
    pub(crate) const fn from_number(number: u64) -> LinkId {
        LinkId(number)
    }
}

/// One UPS and its port.
pub(crate) struct Link {
    /// By which callbacks find it again.
    id: LinkId,
    settings: UpsSettings,
    /// What speaks with the UPS.
    driver: Box<dyn Driver>,
    /// Why nothing can: the driver's library was refused. It is tried again with the port.
    driver_problem: Option<String>,
    device: DeviceState,
    /// The description has changed, which the device knows nothing of.
    changed: bool,
    connection: Connection,
    /// The UPS of a `sim:` port. It lives on while its line is unplugged.
    simulated: Option<Simulated>,
    reopen: Reopen,
    /// How often the port was opened.
    openings: u64,
    /// Orders whose end nobody has taken yet.
    ended_orders: Vec<(u64, OrderResult)>,
    /// The first attempt has ended, one way or the other.
    attempted: bool,
    /// What the driver waits for, as it last said.
    driver_deadline: Time,
    timer: Option<(RegistrationToken, Time)>,
    resolved: Sender<Resolved>,
}

/// What became of the port.
enum Connection {
    /// Closed; the plan says when to try again.
    Closed,
    /// The resolver thread is at work, and counts as an attempt from then on: a dead name server takes minutes to give up.
    Resolving { attempt_from: Time },
    /// A connection is being made. `others` are the addresses to try if this fails.
    Connecting { socket: Rc<OwnedFd>, token: RegistrationToken, until: Time, others: VecDeque<SocketAddr> },
    /// Open, since then at least nothing was heard.
    Open { wire: Wire, since: Time },
    /// To the simulated UPS of this link.
    Simulated,
}

impl Link {
    /// A link that has not tried anything yet.
    pub(crate) fn new(id: LinkId, settings: UpsSettings, resolved: Sender<Resolved>, now: Time) -> Link {
        let (driver, driver_problem) = load_driver(&settings);
        let identity = Identity {
            name: settings.name.to_string(),
            description: settings.description.clone(),
            port: settings.port.to_string(),
            driver: driver.name(),
        };
        Link {
            id,
            driver,
            driver_problem,
            device: DeviceState::new(identity, settings.rules.clone(), now),
            changed: false,
            settings,
            connection: Connection::Closed,
            simulated: None,
            reopen: Reopen::default(),
            openings: 0,
            ended_orders: Vec::new(),
            attempted: false,
            driver_deadline: Time::NEVER,
            timer: None,
            resolved,
        }
    }

    /// Opens the port. Does nothing when it is open already.
    pub(crate) fn open(&mut self, handle: &LoopHandle<'static, State>, now: Time) {
        if !matches!(self.connection, Connection::Closed) {
            return;
        }
        if self.driver_problem.is_some() {
            // Somebody may have mended it since.
            (self.driver, self.driver_problem) = load_driver(&self.settings);
        }
        if let Some(problem) = self.driver_problem.clone() {
            self.lose(handle, now, &problem);
            return self.arm(handle, now);
        }
        match self.settings.port.clone() {
            Port::Tty(path) => {
                let opened = serial::open(&path, self.settings.cable).map_err(|error| error.to_string());
                let registered = opened
                    .and_then(|file| Wire::open(handle, self.id, file).map_err(|error| error.to_string()));
                match registered {
                    Ok(wire) => self.opened(handle, now, Connection::Open { wire, since: now }),
                    Err(error) => self.lose(handle, now, &error),
                }
            }
            Port::Tcp(address) => match tcp::numeric(&address) {
                Some(address) => self.connect(handle, now, VecDeque::from([address])),
                None => match tcp::resolve(self.id, &address, self.resolved.clone()) {
                    Ok(()) => {
                        self.connection = Connection::Resolving { attempt_from: now + LOOK_UP_PATIENCE }
                    }
                    Err(error) => {
                        self.lose(handle, now, &format!("can't start a thread for the look-up: {error}"))
                    }
                },
            },
            Port::Simulator(model) => match self.plug_in_simulated(&model, now) {
                Ok(()) => self.opened(handle, now, Connection::Simulated),
                Err(error) => self.lose(handle, now, &error),
            },
        }
        self.arm(handle, now);
    }

    /// The resolver thread has answered.
    pub(crate) fn handle_resolved(
        &mut self,
        handle: &LoopHandle<'static, State>,
        now: Time,
        resolved: Resolved,
    ) {
        if !matches!(self.connection, Connection::Resolving { .. }) {
            return;
        }
        self.connection = Connection::Closed;
        match resolved.addresses {
            Ok(addresses) => self.connect(handle, now, addresses),
            Err(error) => self.lose(handle, now, &error.to_string()),
        }
        self.arm(handle, now);
    }

    /// The connection that was being made is made, or can't be.
    pub(crate) fn handle_connected(&mut self, handle: &LoopHandle<'static, State>, now: Time) {
        let Connection::Connecting { socket, token, others, .. } =
            std::mem::replace(&mut self.connection, Connection::Closed)
        else {
            return;
        };
        handle.remove(token);
        // The loop's own reference to the socket may live until its turn ends, so the new source gets a duplicate.
        let made = socket.try_clone().and_then(tcp::finish);
        match made.and_then(|file| Wire::open(handle, self.id, file)) {
            Ok(wire) => self.opened(handle, now, Connection::Open { wire, since: now }),
            Err(error) => self.try_next_address(handle, now, others, &error.to_string()),
        }
        self.arm(handle, now);
    }

    /// Bytes came in, or the port hung up.
    pub(crate) fn handle_readable(&mut self, handle: &LoopHandle<'static, State>, now: Time) {
        let Connection::Open { wire, .. } = &self.connection else { return };
        match wire.receive() {
            Received::Bytes(bytes) => {
                tracing::trace!(ups = %self.settings.name, "read {}", bytes.escape_ascii());
                self.driver.handle_input(now, &bytes);
                self.drain(handle, now);
            }
            Received::Nothing => {}
            Received::Closed(reason) => self.lose(handle, now, &reason),
        }
        self.arm(handle, now);
    }

    /// The timer fired: whatever is due is done.
    pub(crate) fn handle_timer(&mut self, handle: &LoopHandle<'static, State>, now: Time) {
        self.timer = None;
        let silent_until = self.silent_until();
        match &mut self.connection {
            Connection::Closed => {
                if self.reopen.is_due(now, device_file(&self.settings.port)) {
                    self.open(handle, now);
                }
            }
            Connection::Connecting { until, token, others, .. } if now >= *until => {
                let (token, others) = (*token, std::mem::take(others));
                handle.remove(token);
                self.connection = Connection::Closed;
                self.try_next_address(handle, now, others, "the connection can't be made: no answer");
            }
            Connection::Simulated => self.receive_simulated(handle, now),
            Connection::Resolving { attempt_from } => self.attempted |= now >= *attempt_from,
            Connection::Open { .. } if now >= silent_until => {
                // Some converters and drivers only come back when their port is opened anew.
                self.lose(handle, now, "nothing answers; the port is opened again");
            }
            Connection::Connecting { .. } | Connection::Open { .. } => {}
        }
        self.driver.handle_timeout(now);
        self.drain(handle, now);
        self.device.handle_timeout(now);
        self.arm(handle, now);
    }

    /// Other rules or another description; the line stays as it is.
    pub(crate) fn change(&mut self, handle: &LoopHandle<'static, State>, now: Time, settings: &UpsSettings) {
        self.settings = settings.clone();
        self.device.set_rules(now, settings.rules.clone());
        self.changed = true;
        self.arm(handle, now);
    }

    /// What must not be forgotten of the UPS, if that has changed since this was last asked.
    pub(crate) fn take_memory(&mut self) -> Option<Memory> {
        self.device.take_memory_changed().then(|| self.device.memory())
    }

    /// Whether anything that [`Link::shown`] shows has changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        self.device.take_changed() | std::mem::take(&mut self.changed)
    }

    /// The device as the next snapshot shows it.
    pub(crate) fn shown(&self, generation: u64, heard_at_ms: Option<u64>) -> Device {
        let description = self.settings.description.clone();
        Device { description, ..self.device.device(generation, heard_at_ms) }
    }

    /// What is believed of the UPS.
    pub(crate) fn device(&mut self) -> &mut DeviceState {
        &mut self.device
    }

    pub(crate) fn id(&self) -> LinkId {
        self.id
    }

    /// The UPS, as configured.
    pub(crate) fn name(&self) -> &str {
        self.device.name()
    }

    /// How the line is.
    pub(crate) fn health(&self) -> LinkHealth {
        LinkHealth {
            device: self.device.name().to_owned(),
            port: self.settings.port.to_string(),
            opened: self.openings,
            quality: self.driver.quality().copied().unwrap_or_default(),
        }
    }

    /// Says a line of the simulator's control language to the UPS of a `sim:` port.
    pub(crate) fn steer_simulator(
        &mut self,
        handle: &LoopHandle<'static, State>,
        now: Time,
        line: &str,
    ) -> Result<String, String> {
        let simulated = self.simulated.as_mut().ok_or_else(|| NOT_SIMULATED.to_owned())?;
        let answer = simulated.control(now, line);
        if matches!(self.connection, Connection::Simulated) {
            self.receive_simulated(handle, now);
        }
        self.arm(handle, now);
        answer
    }

    /// Begins an order. Its end is found in [`Link::take_ended_orders`], with the number that this gives.
    pub(crate) fn begin_order(
        &mut self,
        handle: &LoopHandle<'static, State>,
        now: Time,
        order: &Order,
        danger_confirmed: bool,
    ) -> Result<u64, NotBegun> {
        let begun = match order {
            Order::Run { command, argument } => {
                let begun = self.driver.run(now, command, argument.as_deref(), danger_confirmed);
                if begun.is_ok() {
                    // Before the driver is drained: what follows from the command is known to follow from it.
                    self.device.handle_input(now, Input::Order { command: command.clone(), at: now });
                }
                begun
            }
            Order::Set { variable, value } => self.driver.set(now, variable, value),
            Order::ForcedShutdown(set) if self.device.forced_shutdown() == *set => {
                Err(OrderResult::Unchanged.into())
            }
            Order::ForcedShutdown(set) => {
                self.device.handle_input(now, Input::ForcedShutdown(*set));
                Err(OrderResult::Executed.into())
            }
        };
        self.drain(handle, now);
        self.arm(handle, now);
        begun
    }

    /// Orders that have ended since this was last asked.
    pub(crate) fn take_ended_orders(&mut self) -> impl Iterator<Item = (u64, OrderResult)> + use<> {
        std::mem::take(&mut self.ended_orders).into_iter()
    }

    /// Whether the port was tried once, with or without success.
    pub(crate) fn attempted(&self) -> bool {
        self.attempted
    }

    /// Closes the port for good, without another attempt and without an event.
    pub(crate) fn close(&mut self, handle: &LoopHandle<'static, State>) {
        if let Some((token, _)) = self.timer.take() {
            handle.remove(token);
        }
        self.disconnect(handle);
    }

    fn connect(
        &mut self,
        handle: &LoopHandle<'static, State>,
        now: Time,
        mut addresses: VecDeque<SocketAddr>,
    ) {
        let Some(address) = addresses.pop_front() else {
            return self.lose(handle, now, "the name has no address");
        };
        let id = self.id;
        let registered = tcp::begin(address).and_then(|socket| {
            let socket = Rc::new(socket);
            let source = Generic::new(Rc::clone(&socket), Interest::WRITE, Mode::Level);
            let token = handle
                .insert_source(source, move |_, _, state: &mut State| {
                    state.link_connected(id);
                    // The link has removed this source.
                    Ok(PostAction::Continue)
                })
                .map_err(|error| std::io::Error::other(error.error))?;
            Ok((socket, token))
        });
        match registered {
            Ok((socket, token)) => {
                let until = now + tcp::CONNECT_LIMIT;
                self.connection = Connection::Connecting { socket, token, until, others: addresses };
            }
            Err(error) => self.try_next_address(handle, now, addresses, &error.to_string()),
        }
    }

    fn try_next_address(
        &mut self,
        handle: &LoopHandle<'static, State>,
        now: Time,
        others: VecDeque<SocketAddr>,
        reason: &str,
    ) {
        if others.is_empty() { self.lose(handle, now, reason) } else { self.connect(handle, now, others) }
    }

    fn plug_in_simulated(&mut self, model: &str, now: Time) -> Result<(), String> {
        let simulated = match self.simulated.take() {
            Some(simulated) => simulated,
            None => Simulated::new(model)?,
        };
        let plugged_in = simulated.is_plugged_in(now);
        self.simulated = Some(simulated);
        if plugged_in { Ok(()) } else { Err(UNPLUGGED.to_owned()) }
    }

    fn receive_simulated(&mut self, handle: &LoopHandle<'static, State>, now: Time) {
        let Some(simulated) = &mut self.simulated else { return };
        let bytes = simulated.receive(now);
        if !simulated.is_plugged_in(now) {
            self.lose(handle, now, UNPLUGGED);
        } else if !bytes.is_empty() {
            self.driver.handle_input(now, &bytes);
            self.drain(handle, now);
        }
    }

    fn opened(&mut self, handle: &LoopHandle<'static, State>, now: Time, connection: Connection) {
        tracing::debug!(ups = %self.settings.name, "{} is open", self.settings.port);
        self.connection = connection;
        self.attempted = true;
        self.openings += 1;
        self.device.handle_input(now, Input::PortOpened);
        self.driver.handle_open(now);
        self.drain(handle, now);
    }

    /// The port could not be opened, or is gone.
    fn lose(&mut self, handle: &LoopHandle<'static, State>, now: Time, reason: &str) {
        tracing::debug!(ups = %self.settings.name, "{}: {reason}", self.settings.port);
        let was_open = self.disconnect(handle);
        self.attempted = true;
        self.device.handle_input(now, Input::PortLost(reason.to_owned()));
        if was_open {
            self.driver.handle_close(now);
            self.drain(handle, now);
        }
        self.reopen.plan(now, device_file(&self.settings.port));
    }

    /// Lets go of the port. True when the driver had it.
    fn disconnect(&mut self, handle: &LoopHandle<'static, State>) -> bool {
        match std::mem::replace(&mut self.connection, Connection::Closed) {
            Connection::Closed | Connection::Resolving { .. } => false,
            Connection::Connecting { token, .. } => {
                handle.remove(token);
                false
            }
            Connection::Open { wire, .. } => {
                wire.close(handle);
                true
            }
            Connection::Simulated => true,
        }
    }

    /// Takes everything out of the driver, as its contract asks for after every call.
    fn drain(&mut self, handle: &LoopHandle<'static, State>, now: Time) {
        let mut fault = None;
        loop {
            match self.driver.poll_output() {
                DriverOutput::Transmit(bytes) if fault.is_none() => fault = self.send(now, &bytes).err(),
                DriverOutput::Transmit(_) => {}
                DriverOutput::Learned(input) => {
                    if input == Input::Heard {
                        self.reopen.succeeded(now);
                    }
                    self.device.handle_input(now, input);
                }
                DriverOutput::Done { ticket, result } => self.ended_orders.push((ticket, result)),
                DriverOutput::Timeout(time) => {
                    self.driver_deadline = time;
                    break;
                }
            }
        }
        if let Some(reason) = fault {
            self.lose(handle, now, &reason);
        }
    }

    fn send(&mut self, now: Time, bytes: &[u8]) -> Result<(), String> {
        tracing::trace!(ups = %self.settings.name, "write {}", bytes.escape_ascii());
        match &mut self.connection {
            Connection::Open { wire, .. } => wire.send(bytes),
            Connection::Simulated => {
                if let Some(simulated) = &mut self.simulated {
                    simulated.send(now, bytes);
                }
                Ok(())
            }
            // The driver has been told that the port is closed; what it said before that is lost with it.
            Connection::Closed | Connection::Resolving { .. } | Connection::Connecting { .. } => Ok(()),
        }
    }

    /// When an open port has been silent for so long that it is opened anew.
    fn silent_until(&self) -> Time {
        let Connection::Open { since, .. } = self.connection else { return Time::NEVER };
        let heard = self.driver.last_heard().unwrap_or(since);
        heard.max(since) + self.settings.stale_after * STALE_UNTIL_REOPENED
    }

    /// Sets the timer for whatever is due first. A timer that is set too early is left alone: it costs one idle turn.
    fn arm(&mut self, handle: &LoopHandle<'static, State>, now: Time) {
        let connection = match &self.connection {
            Connection::Closed => self.reopen.deadline(),
            Connection::Connecting { until, .. } => *until,
            Connection::Simulated => self.simulated.as_ref().map_or(Time::NEVER, Simulated::deadline),
            Connection::Resolving { attempt_from } if !self.attempted => *attempt_from,
            Connection::Resolving { .. } => Time::NEVER,
            Connection::Open { .. } => self.silent_until(),
        };
        let deadline = connection.min(self.driver_deadline).min(self.device.deadline());
        if let Some((token, armed)) = self.timer {
            if armed <= deadline {
                return;
            }
            handle.remove(token);
            self.timer = None;
        }
        if deadline == Time::NEVER {
            return;
        }
        let id = self.id;
        let inserted = handle.insert_source(
            Timer::from_duration(deadline.since(now)),
            move |due, _, state: &mut State| {
                state.link_timer(id, due);
                TimeoutAction::Drop
            },
        );
        match inserted {
            Ok(token) => self.timer = Some((token, deadline)),
            Err(error) => tracing::error!(ups = %self.settings.name, "can't set a timer: {error}"),
        }
    }
}

fn load_driver(settings: &UpsSettings) -> (Box<dyn Driver>, Option<String>) {
    match driver::make(&settings.driver, settings.spacing) {
        Ok(driver) => (driver, None),
        Err(problem) => (Box::new(Absent), Some(problem)),
    }
}

/// The file whose coming and going tells of the port's.
fn device_file(port: &Port) -> Option<&Path> {
    match port {
        Port::Tty(path) => Some(path),
        Port::Tcp(_) | Port::Simulator(_) => None,
    }
}
