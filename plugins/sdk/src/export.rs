//! How a [`crate::Plugin`] becomes the exports of a component.
//!
//! The generated export traits have no `self`, so the one instance of the plugin lives in a thread-local [`Slot`]; a
//! component has one thread and the host makes one call at a time. Nothing but the `export!` macro uses this module.

use core::cell::RefCell;

use crate::{AuthHandler, ControlHandler, EventListener, Host, Plugin, TcpService, TimerHandler};
use crate::{Error, Event, Inbound, Outbound};

const NOT_STARTED: &str = "the plugin was called before it was started";

/// Holds the plugin between the host's calls; empty before `start` and after `stop`.
#[derive(Debug)]
pub struct Slot<P>(RefCell<Option<P>>);

impl<P> Slot<P> {
    /// A slot without a plugin.
    pub const fn empty() -> Self {
        Slot(RefCell::new(None))
    }
}

impl<P: Plugin> Slot<P> {
    /// `lifecycle.start`.
    pub fn start(&self, host: &impl Host, config: &str) -> Result<(), String> {
        let plugin = P::start(host, P::read_config(config)?)?;
        self.0.replace(Some(plugin));
        Ok(())
    }

    /// `lifecycle.stop`.
    pub fn stop(&self, host: &impl Host) {
        if let Some(plugin) = self.0.take() {
            plugin.stop(host);
        }
    }

    fn with<R>(&self, call: impl FnOnce(&mut P) -> R) -> Option<R> {
        self.0.borrow_mut().as_mut().map(call)
    }
}

impl<P: EventListener> Slot<P> {
    /// `events.on-event`.
    pub fn on_event(&self, host: &impl Host, event: Event) {
        self.with(|plugin| plugin.on_event(host, event));
    }
}

impl<P: TimerHandler> Slot<P> {
    /// `timer-events.on-timer`.
    pub fn on_timer(&self, host: &impl Host, timer: u64) {
        self.with(|plugin| plugin.on_timer(host, timer));
    }
}

impl<P: TcpService> Slot<P> {
    /// `tcp-events.on-accept`.
    pub fn on_accept(
        &self,
        host: &impl Host,
        listener: &str,
        connection: u64,
        peer: &str,
    ) -> Result<(), String> {
        self.with(|plugin| plugin.on_accept(host, listener, connection, peer))
            .unwrap_or_else(|| Err(NOT_STARTED.to_owned()))
    }

    /// `tcp-events.on-data`.
    pub fn on_data(&self, host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound> {
        self.with(|plugin| plugin.on_data(host, batch)).unwrap_or_default()
    }

    /// `tcp-events.on-closed`.
    pub fn on_closed(&self, host: &impl Host, connection: u64, reason: &str) {
        self.with(|plugin| plugin.on_closed(host, connection, reason));
    }
}

impl<P: AuthHandler> Slot<P> {
    /// `auth-events.on-checked`.
    pub fn on_checked(&self, host: &impl Host, ticket: u64, outcome: Result<u64, Error>) {
        self.with(|plugin| plugin.on_checked(host, ticket, outcome));
    }
}

impl<P: ControlHandler> Slot<P> {
    /// `control-events.on-ended`.
    pub fn on_ended(&self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str) {
        self.with(|plugin| plugin.on_ended(host, ticket, success, outcome, detail));
    }
}

/// Makes a type the plugin of this component: `export!(Type: lifecycle, tcp_events, timer_events, events)`.
///
/// Name what the plugin offers, `lifecycle` always. Natively, where there is nothing to export to, it only checks that
/// the type implements the traits.
#[macro_export]
macro_rules! export {
    ($plugin:ty: $($facet:ident),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs)]
        mod opennmc_exports {
            #[allow(unused_imports)]
            use super::*;

            thread_local! {
                static PLUGIN: $crate::export::Slot<$plugin> = const { $crate::export::Slot::empty() };
            }

            struct Component;

            $($crate::export_facet!($facet);)+
        }

        $($crate::assert_facet!($plugin, $facet);)+
    };
}

/// One export interface, wired to the slot.
#[doc(hidden)]
#[macro_export]
macro_rules! export_facet {
    (lifecycle) => {
        impl $crate::bindings::lifecycle::exports::opennmc::plugin::lifecycle::Guest for Component {
            fn start(config: String) -> Result<(), String> {
                PLUGIN.with(|plugin| plugin.start(&$crate::Imports, &config))
            }

            fn stop() {
                PLUGIN.with(|plugin| plugin.stop(&$crate::Imports));
            }
        }
        $crate::bindings::lifecycle::export_lifecycle!(
            Component with_types_in $crate::bindings::lifecycle
        );
    };
    (events) => {
        impl $crate::bindings::events::exports::opennmc::plugin::events::Guest for Component {
            fn on_event(event: $crate::Event) {
                PLUGIN.with(|plugin| plugin.on_event(&$crate::Imports, event));
            }
        }
        $crate::bindings::events::export_events!(Component with_types_in $crate::bindings::events);
    };
    (timer_events) => {
        impl $crate::bindings::timer_events::exports::opennmc::plugin::timer_events::Guest for Component {
            fn on_timer(timer: u64) {
                PLUGIN.with(|plugin| plugin.on_timer(&$crate::Imports, timer));
            }
        }
        $crate::bindings::timer_events::export_timer_events!(
            Component with_types_in $crate::bindings::timer_events
        );
    };
    (auth_events) => {
        impl $crate::bindings::auth_events::exports::opennmc::plugin::auth_events::Guest for Component {
            fn on_checked(ticket: u64, outcome: Result<u64, $crate::Error>) {
                PLUGIN.with(|plugin| plugin.on_checked(&$crate::Imports, ticket, outcome));
            }
        }
        $crate::bindings::auth_events::export_auth_events!(
            Component with_types_in $crate::bindings::auth_events
        );
    };
    (control_events) => {
        impl $crate::bindings::control_events::exports::opennmc::plugin::control_events::Guest for Component {
            fn on_ended(ticket: u64, success: bool, outcome: String, detail: String) {
                PLUGIN.with(|plugin| plugin.on_ended(&$crate::Imports, ticket, success, &outcome, &detail));
            }
        }
        $crate::bindings::control_events::export_control_events!(
            Component with_types_in $crate::bindings::control_events
        );
    };
    (tcp_events) => {
        impl $crate::bindings::tcp_events::exports::opennmc::plugin::tcp_events::Guest for Component {
            fn on_accept(listener: String, connection: u64, peer: String) -> Result<(), String> {
                PLUGIN.with(|plugin| plugin.on_accept(&$crate::Imports, &listener, connection, &peer))
            }

            fn on_data(batch: Vec<$crate::Inbound>) -> Vec<$crate::Outbound> {
                PLUGIN.with(|plugin| plugin.on_data(&$crate::Imports, batch))
            }

            fn on_closed(connection: u64, reason: String) {
                PLUGIN.with(|plugin| plugin.on_closed(&$crate::Imports, connection, &reason));
            }
        }
        $crate::bindings::tcp_events::export_tcp_events!(
            Component with_types_in $crate::bindings::tcp_events
        );
    };
}

/// The native half of `export!`: the type implements what it says it exports.
#[doc(hidden)]
#[macro_export]
macro_rules! assert_facet {
    ($plugin:ty, lifecycle) => {
        const _: fn() = || {
            fn offers<P: $crate::Plugin>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, events) => {
        const _: fn() = || {
            fn offers<P: $crate::EventListener>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, timer_events) => {
        const _: fn() = || {
            fn offers<P: $crate::TimerHandler>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, tcp_events) => {
        const _: fn() = || {
            fn offers<P: $crate::TcpService>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, auth_events) => {
        const _: fn() = || {
            fn offers<P: $crate::AuthHandler>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, control_events) => {
        const _: fn() = || {
            fn offers<P: $crate::ControlHandler>() {}
            offers::<$plugin>();
        };
    };
}
