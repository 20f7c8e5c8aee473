//! What wasmtime needs to know of `wit/plugin.wit`, generated from it.
//!
//! The imports and `lifecycle` are one world; each optional export is a tiny world of its own (a *facet*), so that a
//! component is asked which of them it has. Nothing is implemented here.

/// All imports, and the one export that every plugin has.
pub(crate) mod base {
    wasmtime::component::bindgen!({ path: "wit", world: "opennmc:plugin/plugin" });
}

/// For plugins that hear what happens.
pub(crate) mod events {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-events; world facet { export opennmc:plugin/events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-events/facet",
        with: { "opennmc:plugin/types": super::base::opennmc::plugin::types },
    });
}

/// For plugins that use timers.
pub(crate) mod timers {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-timers; world facet { export opennmc:plugin/timer-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-timers/facet",
    });
}

/// For plugins that serve TCP.
pub(crate) mod tcp {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-tcp; world facet { export opennmc:plugin/tcp-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-tcp/facet",
    });
}

/// For plugins that make connections, or begin TLS on those that peers make.
pub(crate) mod connection {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-connection; world facet { export opennmc:plugin/connection-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-connection/facet",
    });
}

/// For plugins that send HTTP requests.
pub(crate) mod fetching {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-fetching; world facet { export opennmc:plugin/http-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-fetching/facet",
    });
}

/// For plugins that send and receive datagrams.
pub(crate) mod datagrams {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-datagrams; world facet { export opennmc:plugin/udp-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-datagrams/facet",
    });
}

/// For plugins that let people log in.
pub(crate) mod auth {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-auth; world facet { export opennmc:plugin/auth-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-auth/facet",
        with: { "opennmc:plugin/types": super::base::opennmc::plugin::types },
    });
}

/// For plugins that order something of a UPS.
pub(crate) mod control {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-control; world facet { export opennmc:plugin/control-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-control/facet",
    });
}

/// For plugins that ask for what was.
pub(crate) mod past {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-past; world facet { export opennmc:plugin/history-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-past/facet",
        with: { "opennmc:plugin/types": super::base::opennmc::plugin::types },
    });
}

/// For plugins that ask for administration.
pub(crate) mod admin {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-admin; world facet { export opennmc:plugin/admin-events@0.1.0; }",
        path: "wit",
        world: "opennmc:host-admin/facet",
    });
}

/// For plugins that serve web pages.
pub(crate) mod pages {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-pages; world facet { export opennmc:plugin/http-handler@0.1.0; }",
        path: "wit",
        world: "opennmc:host-pages/facet",
        with: { "opennmc:plugin/types": super::base::opennmc::plugin::types },
    });
}

/// For plugins that deliver notices.
pub(crate) mod notifier {
    wasmtime::component::bindgen!({
        inline: "package opennmc:host-notifier; world facet { export opennmc:plugin/notifier@0.1.0; }",
        path: "wit",
        world: "opennmc:host-notifier/facet",
        with: { "opennmc:plugin/types": super::base::opennmc::plugin::types },
    });
}

pub(crate) use base::opennmc::plugin as wit;
