//! The `ups-control` interface: commands and settings, in the name of somebody who has logged in or of the plugin itself.
//!
//! Nothing is decided here but who orders: the door checks that principal's right and tells how the order ended. The
//! plugin's own principal, number 0, has the scopes that its grant names and no other right.

use std::collections::HashMap;

use calloop::channel::Sender;
use wasmtime::component::{HasSelf, Linker};

use crate::door::{Order, OrderRequest, Progress};
use crate::plugin::ControlAccess;
use crate::plugin::bindings::wit::{types::Error, ups_control};
use crate::plugin::instance::InstanceState;
use crate::plugin::services::{Orders, Outcome};
use crate::users::{Origin, Principal, Role};

/// Orders of one plugin that have not ended. A UPS takes one at a time.
const OPEN_ORDERS: u32 = 64;
/// The principal that is the plugin itself.
const OWN: u64 = 0;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    ups_control::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The orders of one instance.
pub(in crate::plugin) struct State {
    orders: Option<Orders>,
    outcomes: Sender<Outcome>,
    /// What it is in its own name; none when it acts for people only.
    own: Option<Principal>,
    /// Whether it acts for people.
    as_principal: bool,
    open: u32,
    last: u64,
    /// By ticket: the connection whose peer waits for it.
    connections: HashMap<u64, u64>,
}

impl State {
    pub(in crate::plugin) fn new(
        plugin: &str,
        access: Option<&ControlAccess>,
        orders: Option<Orders>,
        outcomes: Sender<Outcome>,
    ) -> Self {
        let own = access.filter(|access| access.acts_alone()).map(|access| own_principal(plugin, access));
        let as_principal = access.is_some_and(|access| access.as_principal);
        Self { orders, outcomes, own, as_principal, open: 0, last: 0, connections: HashMap::new() }
    }

    /// An order has ended; gives the connection that is held for it.
    pub(in crate::plugin) fn ended(&mut self, ticket: u64) -> Option<u64> {
        self.open = self.open.saturating_sub(1);
        self.connections.remove(&ticket)
    }
}

/// An operator with exactly the granted scopes.
fn own_principal(plugin: &str, access: &ControlAccess) -> Principal {
    let commands = access.commands.iter().map(|name| format!("command:{name}"));
    let variables = access.variables.iter().map(|name| format!("set:{name}"));
    let forced = access.forced_shutdown.then(|| "fsd".to_owned());
    let scopes = commands.chain(variables).chain(forced);
    Principal {
        name: format!("plugin {plugin}"),
        role: Role::Operator,
        // A name that is no scope gives no right.
        scopes: Some(scopes.filter_map(|scope| scope.parse().ok()).collect()),
        origin: Origin::Plugin(plugin.to_owned()),
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
        let connection = self.auth.connection_of(principal);
        let principal = match principal {
            OWN => self.control.own.clone().ok_or_else(|| {
                Error::Denied("the plugin is granted nothing that it may order in its own name".to_owned())
            })?,
            _ if !self.control.as_principal => {
                return Err(Error::Denied("the plugin is not granted to act for people".to_owned()));
            }
            number => self.auth.principal(number)?,
        };
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
        if let Some(connection) = connection {
            state.connections.insert(ticket, connection);
            self.connections.hold(connection);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::Right;

    #[test]
    fn the_plugin_itself_may_do_exactly_what_its_grant_names() {
        let access = ControlAccess {
            commands: ["test.battery.start".to_owned()].into(),
            variables: ["ups.delay.shutdown".to_owned()].into(),
            ..ControlAccess::default()
        };
        let own = own_principal("night", &access);
        assert_eq!((own.name.as_str(), &own.origin), ("plugin night", &Origin::Plugin("night".to_owned())));
        assert!(own.may(&Right::Command("test.battery.start".to_owned())));
        assert!(own.may(&Right::Set("ups.delay.shutdown".to_owned())));
        for right in [
            Right::Command("load.off".to_owned()),
            Right::Command("test.battery".to_owned()),
            Right::Set("test.battery.start".to_owned()),
            Right::ForcedShutdown,
            Right::Administer,
            Right::Read,
        ] {
            assert!(!own.may(&right), "{right:?}");
        }
    }
}
