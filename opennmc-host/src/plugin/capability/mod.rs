//! What plugins can do: one module per WIT interface, and no other place where a host function is implemented.
//!
//! Each module has the same three parts: `link` adds the interface to a linker, `State::new` makes what one instance
//! needs, and one `Host` implementation holds the functions. [`linker`] decides from the grant what is linked:
//! an interface that is not linked does not exist for the plugin. No function here blocks.

mod admin;
mod auth;
mod bus;
mod clock;
mod delivery;
mod descriptions;
mod history;
mod http_answers;
mod http_client;
mod log;
mod notify;
mod random;
mod speech;
mod store;
pub(super) mod tcp;
mod tcp_connect;
mod timers;
mod tls_server;
mod udp;
mod ups;
mod ups_control;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, ResourceLimiter};

use super::bindings::wit;
use super::instance::InstanceState;
use super::manifest::ByteSize;
use super::{AdminAccess, Grant, Mark, UpsAccess};

pub(super) use self::admin::State as AdminState;
pub(super) use self::auth::State as AuthState;
pub(super) use self::bus::State as BusState;
#[cfg(feature = "author")]
pub(super) use self::clock::RehearsedClock;
pub(super) use self::clock::{Clock, State as ClockState};
pub(super) use self::delivery::State as DeliveryState;
pub(super) use self::history::State as HistoryState;
pub(super) use self::http_answers::State as PagesState;
pub(super) use self::http_client::State as HttpClientState;
pub(super) use self::log::State as LogState;
pub(super) use self::speech::State as SpeechState;
pub(super) use self::store::State as StoreState;
pub(super) use self::tcp_connect::{LOOKUPS, LOOKUPS_WAITING, State as ConnectState};
pub(super) use self::timers::State as TimersState;
pub(super) use self::udp::State as UdpState;
pub(super) use self::ups::State as UpsState;
pub(super) use self::ups_control::State as ControlState;

/// One interface: its name in WIT, and how it is linked when it is granted.
struct Capability {
    name: &'static str,
    granted: fn(&Grant) -> bool,
    /// What the author has to write in `plugin.toml` to be granted it.
    ask: &'static str,
    link: fn(&mut Linker<InstanceState>) -> wasmtime::Result<()>,
}

const CAPABILITIES: &[Capability] = &[
    // Only types: nothing to grant.
    Capability { name: "types", granted: |_| true, ask: "", link: link_types },
    Capability { name: "log", granted: |_| true, ask: "", link: log::link },
    Capability { name: "clock", granted: |_| true, ask: "", link: clock::link },
    Capability { name: "random", granted: |_| true, ask: "", link: random::link },
    Capability { name: "timers", granted: |_| true, ask: "", link: timers::link },
    Capability {
        name: "ups",
        granted: |grant| grant.needs.ups == Some(UpsAccess::Read),
        ask: "ups = \"read\"",
        link: ups::link,
    },
    Capability {
        name: "tcp",
        granted: Grant::has_connections,
        ask: "listen = { NAME = [\"ADDRESS:PORT\"] } or connect = [\"tcp://HOST:PORT\"]",
        link: tcp::link,
    },
    Capability {
        name: "tls-server",
        granted: Grant::listens,
        ask: "listen = { NAME = [\"ADDRESS:PORT\"] }",
        link: tls_server::link,
    },
    Capability {
        name: "tcp-connect",
        granted: Grant::connects,
        ask: "connect = [\"tcp://HOST:PORT\", \"tls://HOST:PORT\"]",
        link: tcp_connect::link,
    },
    Capability {
        name: "http-client",
        granted: Grant::fetches,
        ask: "connect = [\"https://HOST\"]",
        link: http_client::link,
    },
    Capability {
        name: "http-answers",
        granted: |grant| grant.needs.http.is_some(),
        ask: "http = { mount = \"/NAME\" }",
        link: http_answers::link,
    },
    Capability {
        name: "udp",
        granted: Grant::has_datagrams,
        ask: "listen-udp = { NAME = [\"ADDRESS:PORT\"] } or connect = [\"udp://HOST:PORT\"]",
        link: udp::link,
    },
    Capability { name: "auth", granted: Grant::knows_people, ask: "auth = true, or http", link: auth::link },
    Capability {
        name: "ups-control",
        granted: |grant| grant.needs.control.is_some(),
        ask: "control = \"as-principal\"",
        link: ups_control::link,
    },
    Capability {
        name: "store",
        granted: |grant| grant.needs.store.is_some(),
        ask: "store = \"64 KiB\"",
        link: store::link,
    },
    Capability {
        name: "bus",
        granted: |grant| !grant.needs.bus.is_empty(),
        ask: "bus = [\"TOPIC\"]",
        link: bus::link,
    },
    Capability {
        name: "history",
        granted: |grant| grant.needs.history.is_some(),
        ask: "history = \"read\"",
        link: history::link,
    },
    Capability {
        name: "admin",
        granted: |grant| grant.needs.admin == Some(AdminAccess::AsPrincipal),
        ask: "admin = \"as-principal\"",
        link: admin::link,
    },
    Capability {
        name: "notify",
        granted: |grant| grant.needs.notify,
        ask: "notify = true",
        link: notify::link,
    },
    Capability {
        name: "delivery",
        granted: |grant| grant.needs.notifier,
        ask: "notifier = true",
        link: delivery::link,
    },
];

/// A linker with exactly the granted interfaces.
pub(super) fn linker(engine: &Engine, grant: &Grant) -> wasmtime::Result<Linker<InstanceState>> {
    let mut linker = Linker::new(engine);
    for capability in CAPABILITIES.iter().filter(|capability| (capability.granted)(grant)) {
        (capability.link)(&mut linker)?;
    }
    Ok(linker)
}

/// The first import of `component` that is not granted, in words that say how to ask for it.
pub(super) fn ungranted(engine: &Engine, component: &Component, grant: &Grant) -> Option<String> {
    let component = component.component_type();
    first_ungranted(component.imports(engine).map(|(import, _)| import), grant)
}

/// The first of these imports that is not granted, in words that say how to ask for it.
pub(super) fn first_ungranted<'i>(
    imports: impl IntoIterator<Item = &'i str>,
    grant: &Grant,
) -> Option<String> {
    imports.into_iter().find_map(|import| {
        let interface = import.strip_prefix("opennmc:plugin/").and_then(|rest| rest.split('@').next());
        let known = CAPABILITIES.iter().find(|capability| Some(capability.name) == interface);
        match known {
            Some(capability) if (capability.granted)(grant) => None,
            Some(capability) => Some(format!(
                "imports {import}, which is not granted; plugin.toml must ask for it under [needs]: {}",
                capability.ask
            )),
            None => Some(format!("imports {import}, which this OpenNMC does not offer")),
        }
    })
}

fn link_types(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    wit::types::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

impl wit::types::Host for InstanceState {}

/// Tables hold function references; real programs have hundreds. Of all tables together: they are the host's memory.
const TABLE_ELEMENTS: usize = 20_000;
/// A component is a program and the adapters around it: core instances, and what each brings along.
const INSTANCES: usize = 64;
const TABLES: usize = 64;
const MEMORIES: usize = 16;

/// How much memory an instance has and may have.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    limit: ByteSize,
    used: u64,
    table_elements: usize,
    /// The size that was asked for and refused since the call began.
    pub(super) refused: Option<u64>,
    pub(super) mark: Mark,
}

impl MemoryLimit {
    pub(super) fn new(limit: ByteSize) -> Self {
        Self { limit, used: 0, table_elements: 0, refused: None, mark: Mark::default() }
    }

    /// Bytes of linear memory in use.
    pub(super) fn used(&self) -> u64 {
        self.used
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.used + (desired as u64).saturating_sub(current as u64);
        if wanted > self.limit.0 {
            self.refused = Some(wanted);
            self.mark.hit();
            return Ok(false);
        }
        self.used = wanted;
        self.mark.see(wanted);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.table_elements + desired.saturating_sub(current);
        if wanted > TABLE_ELEMENTS {
            return Ok(false);
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
