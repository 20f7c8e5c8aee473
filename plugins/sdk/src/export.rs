//! How a [`crate::Plugin`] becomes the exports of a component.
//!
//! The generated export traits have no `self`, so the one instance of the plugin lives in a thread-local [`Slot`]; a
//! component has one thread and the host makes one call at a time. Nothing but the `export!` macro uses this module.

use core::cell::RefCell;

use crate::bindings::http_handler::exports::opennmc::plugin::http_handler::Request;
use crate::{
    AdminHandler, AuthHandler, ConnectionHandler, ControlHandler, EventListener, HistoryHandler, Host,
    HttpReplies, Notifier, Plugin, TcpService, TimerHandler, UdpService, WebService,
};
use crate::{
    Datagram, Error, Event, Inbound, Notice, Outbound, Principal, Reply, Response, Sample, WebRequest,
};

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
        self.with(|plugin| plugin.on_checked(host, ticket, outcome.map(Principal::from_host)));
    }
}

impl<P: ControlHandler> Slot<P> {
    /// `control-events.on-ended`.
    pub fn on_ended(&self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str) {
        self.with(|plugin| plugin.on_ended(host, ticket, success, outcome, detail));
    }
}

impl<P: ConnectionHandler> Slot<P> {
    /// `connection-events.on-connected`.
    pub fn on_connected(&self, host: &impl Host, connection: u64) {
        self.with(|plugin| plugin.on_connected(host, connection));
    }

    /// `connection-events.on-secured`.
    pub fn on_secured(&self, host: &impl Host, connection: u64) {
        self.with(|plugin| plugin.on_secured(host, connection));
    }
}

impl<P: UdpService> Slot<P> {
    /// `udp-events.on-datagrams`.
    pub fn on_datagrams(&self, host: &impl Host, batch: Vec<Datagram>) {
        self.with(|plugin| plugin.on_datagrams(host, batch));
    }
}

impl<P: HttpReplies> Slot<P> {
    /// `http-events.on-reply`.
    pub fn on_reply(&self, host: &impl Host, ticket: u64, outcome: Result<Reply, String>) {
        self.with(|plugin| plugin.on_reply(host, ticket, outcome));
    }
}

impl<P: Notifier> Slot<P> {
    /// `notifier.deliver`.
    pub fn deliver(&self, host: &impl Host, id: u64, notice: Notice, at_ms: u64, attempt: u32) {
        self.with(|plugin| plugin.deliver(host, id, notice, at_ms, attempt));
    }
}

impl<P: HistoryHandler> Slot<P> {
    /// `history-events.on-events`.
    pub fn on_past_events(&self, host: &impl Host, ticket: u64, outcome: Result<Vec<Event>, Error>) {
        self.with(|plugin| plugin.on_past_events(host, ticket, outcome));
    }

    /// `history-events.on-samples`.
    pub fn on_past_samples(&self, host: &impl Host, ticket: u64, outcome: Result<Vec<Sample>, Error>) {
        self.with(|plugin| plugin.on_past_samples(host, ticket, outcome));
    }
}

impl<P: AdminHandler> Slot<P> {
    /// `admin-events.on-answer`.
    pub fn on_admin_answer(&self, host: &impl Host, ticket: u64, outcome: Result<String, String>) {
        self.with(|plugin| plugin.on_admin_answer(host, ticket, outcome));
    }
}

impl<P: WebService> Slot<P> {
    /// `http-handler.handle`.
    pub fn handle(&self, host: &impl Host, request: Request) -> Option<Response> {
        self.with(|plugin| plugin.handle(host, WebRequest::from_host(request))).flatten()
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
    (connection_events) => {
        impl $crate::bindings::connection_events::exports::opennmc::plugin::connection_events::Guest for Component {
            fn on_connected(connection: u64) {
                PLUGIN.with(|plugin| plugin.on_connected(&$crate::Imports, connection));
            }

            fn on_secured(connection: u64) {
                PLUGIN.with(|plugin| plugin.on_secured(&$crate::Imports, connection));
            }
        }
        $crate::bindings::connection_events::export_connection_events!(
            Component with_types_in $crate::bindings::connection_events
        );
    };
    (udp_events) => {
        impl $crate::bindings::udp_events::exports::opennmc::plugin::udp_events::Guest for Component {
            fn on_datagrams(batch: Vec<$crate::Datagram>) {
                PLUGIN.with(|plugin| plugin.on_datagrams(&$crate::Imports, batch));
            }
        }
        $crate::bindings::udp_events::export_udp_events!(
            Component with_types_in $crate::bindings::udp_events
        );
    };
    (http_events) => {
        impl $crate::bindings::http_events::exports::opennmc::plugin::http_events::Guest for Component {
            fn on_reply(ticket: u64, outcome: Result<$crate::Reply, String>) {
                PLUGIN.with(|plugin| plugin.on_reply(&$crate::Imports, ticket, outcome));
            }
        }
        $crate::bindings::http_events::export_http_events!(
            Component with_types_in $crate::bindings::http_events
        );
    };
    (notifier) => {
        impl $crate::bindings::notifier::exports::opennmc::plugin::notifier::Guest for Component {
            fn deliver(id: u64, notice: $crate::Notice, at_ms: u64, attempt: u32) {
                PLUGIN.with(|plugin| plugin.deliver(&$crate::Imports, id, notice, at_ms, attempt));
            }
        }
        $crate::bindings::notifier::export_notifier!(
            Component with_types_in $crate::bindings::notifier
        );
    };
    (history_events) => {
        impl $crate::bindings::history_events::exports::opennmc::plugin::history_events::Guest for Component {
            fn on_events(ticket: u64, outcome: Result<Vec<$crate::Event>, $crate::Error>) {
                PLUGIN.with(|plugin| plugin.on_past_events(&$crate::Imports, ticket, outcome));
            }

            fn on_samples(ticket: u64, outcome: Result<Vec<$crate::Sample>, $crate::Error>) {
                PLUGIN.with(|plugin| plugin.on_past_samples(&$crate::Imports, ticket, outcome));
            }
        }
        $crate::bindings::history_events::export_history_events!(
            Component with_types_in $crate::bindings::history_events
        );
    };
    (admin_events) => {
        impl $crate::bindings::admin_events::exports::opennmc::plugin::admin_events::Guest for Component {
            fn on_answer(ticket: u64, outcome: Result<String, String>) {
                PLUGIN.with(|plugin| plugin.on_admin_answer(&$crate::Imports, ticket, outcome));
            }
        }
        $crate::bindings::admin_events::export_admin_events!(
            Component with_types_in $crate::bindings::admin_events
        );
    };
    (http_handler) => {
        impl $crate::bindings::http_handler::exports::opennmc::plugin::http_handler::Guest for Component {
            fn handle(
                request: $crate::bindings::http_handler::exports::opennmc::plugin::http_handler::Request,
            ) -> Option<$crate::Response> {
                PLUGIN.with(|plugin| plugin.handle(&$crate::Imports, request))
            }
        }
        $crate::bindings::http_handler::export_http_handler!(
            Component with_types_in $crate::bindings::http_handler
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
    ($plugin:ty, connection_events) => {
        const _: fn() = || {
            fn offers<P: $crate::ConnectionHandler>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, udp_events) => {
        const _: fn() = || {
            fn offers<P: $crate::UdpService>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, http_events) => {
        const _: fn() = || {
            fn offers<P: $crate::HttpReplies>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, notifier) => {
        const _: fn() = || {
            fn offers<P: $crate::Notifier>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, history_events) => {
        const _: fn() = || {
            fn offers<P: $crate::HistoryHandler>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, admin_events) => {
        const _: fn() = || {
            fn offers<P: $crate::AdminHandler>() {}
            offers::<$plugin>();
        };
    };
    ($plugin:ty, http_handler) => {
        const _: fn() = || {
            fn offers<P: $crate::WebService>() {}
            offers::<$plugin>();
        };
    };
}
