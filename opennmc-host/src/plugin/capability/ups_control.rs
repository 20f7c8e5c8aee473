//! The `ups-control` interface: commands and settings in the name of somebody who has logged in.
//!
//! Nothing is decided here but that there is such a principal: the door checks its right and tells how the order ended.
//! A plugin has no principal of its own, so it can order nothing that nobody has asked it for.

use calloop::channel::Sender;
use wasmtime::component::{HasSelf, Linker};

use crate::door::{Order, OrderRequest, Progress};
use crate::plugin::bindings::wit::{types::Error, ups_control};
use crate::plugin::instance::InstanceState;
use crate::plugin::services::{Orders, Outcome};

/// Orders of one plugin that have not ended. A UPS takes one at a time.
const OPEN_ORDERS: u32 = 64;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    ups_control::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The orders of one instance.
pub(in crate::plugin) struct State {
    orders: Option<Orders>,
    outcomes: Sender<Outcome>,
    open: u32,
    last: u64,
}

impl State {
    pub(in crate::plugin) fn new(orders: Option<Orders>, outcomes: Sender<Outcome>) -> Self {
        Self { orders, outcomes, open: 0, last: 0 }
    }

    /// An order has ended.
    pub(in crate::plugin) fn ended(&mut self) {
        self.open = self.open.saturating_sub(1);
    }
}

impl InstanceState {
    fn order(
        &mut self,
        principal: u64,
        device: String,
        order: Order,
        danger_confirmed: bool,
    ) -> Result<u64, Error> {
        let principal = self.auth.principal(principal)?;
        let state = &mut self.control;
        let orders = state
            .orders
            .as_ref()
            .ok_or_else(|| Error::Unavailable("this host takes no orders".to_owned()))?;
        if state.open >= OPEN_ORDERS {
            return Err(Error::Limit(format!("{OPEN_ORDERS} orders have not ended, which is the most")));
        }
        state.last += 1;
        state.open += 1;
        let (ticket, outcomes) = (state.last, state.outcomes.clone());
        let progress = move |progress| {
            if let Progress::Ended(_, result) = progress {
                // The plugin may have ended; then nobody waits.
                let _ = outcomes.send(Outcome::Ended { ticket, result });
            }
        };
        orders(OrderRequest { device, order, principal, danger_confirmed }, Box::new(progress));
        Ok(ticket)
    }
}

impl ups_control::Host for InstanceState {
    fn run(
        &mut self,
        principal: u64,
        device: String,
        command: String,
        argument: Option<String>,
        danger_confirmed: bool,
    ) -> Result<u64, Error> {
        self.order(principal, device, Order::Run { command, argument }, danger_confirmed)
    }

    fn set(&mut self, principal: u64, device: String, variable: String, value: String) -> Result<u64, Error> {
        self.order(principal, device, Order::Set { variable, value }, false)
    }

    fn forced_shutdown(&mut self, principal: u64, device: String, on: bool) -> Result<u64, Error> {
        self.order(principal, device, Order::ForcedShutdown(on), true)
    }
}
