//! What `wit-bindgen` makes of the WIT package: one module for all imports, one per export interface.
//!
//! One tiny world per export is what lets a plugin choose what it offers: exports can't be optional within a world.
//! An import that a plugin never calls drops out of its component, so all of them may be named here.
//! Nothing is written by hand in here; the rest of the crate gives these items their public names.

#![allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]

pub mod imports {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        world: "opennmc:plugin/imports@0.1.0",
        additional_derives: [PartialEq],
        generate_all,
    });
}

pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world lifecycle-guest { export opennmc:plugin/lifecycle@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        default_bindings_module: "opennmc_plugin::bindings::lifecycle",
        generate_all,
    });
}

pub mod events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world events-guest { export opennmc:plugin/events@0.1.0; }",
        with: { "opennmc:plugin/types@0.1.0": crate::bindings::imports::opennmc::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_events",
        default_bindings_module: "opennmc_plugin::bindings::events",
        generate_all,
    });
}

pub mod timer_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world timer-events-guest { export opennmc:plugin/timer-events@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_timer_events",
        default_bindings_module: "opennmc_plugin::bindings::timer_events",
        generate_all,
    });
}

pub mod tcp_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world tcp-events-guest { export opennmc:plugin/tcp-events@0.1.0; }",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_tcp_events",
        default_bindings_module: "opennmc_plugin::bindings::tcp_events",
        generate_all,
    });
}

pub mod auth_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world auth-events-guest { export opennmc:plugin/auth-events@0.1.0; }",
        with: { "opennmc:plugin/types@0.1.0": crate::bindings::imports::opennmc::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_auth_events",
        default_bindings_module: "opennmc_plugin::bindings::auth_events",
        generate_all,
    });
}

pub mod control_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world control-events-guest { export opennmc:plugin/control-events@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_control_events",
        default_bindings_module: "opennmc_plugin::bindings::control_events",
        generate_all,
    });
}

pub mod connection_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world connection-events-guest { export opennmc:plugin/connection-events@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_connection_events",
        default_bindings_module: "opennmc_plugin::bindings::connection_events",
        generate_all,
    });
}

pub mod udp_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world udp-events-guest { export opennmc:plugin/udp-events@0.1.0; }",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_udp_events",
        default_bindings_module: "opennmc_plugin::bindings::udp_events",
        generate_all,
    });
}

pub mod http_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world http-events-guest { export opennmc:plugin/http-events@0.1.0; }",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_http_events",
        default_bindings_module: "opennmc_plugin::bindings::http_events",
        generate_all,
    });
}

pub mod http_handler {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world http-handler-guest { export opennmc:plugin/http-handler@0.1.0; }",
        with: { "opennmc:plugin/types@0.1.0": crate::bindings::imports::opennmc::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_http_handler",
        default_bindings_module: "opennmc_plugin::bindings::http_handler",
        generate_all,
    });
}

pub mod notifier {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world notifier-guest { export opennmc:plugin/notifier@0.1.0; }",
        with: { "opennmc:plugin/types@0.1.0": crate::bindings::imports::opennmc::plugin::types },
        pub_export_macro: true,
        export_macro_name: "export_notifier",
        default_bindings_module: "opennmc_plugin::bindings::notifier",
        generate_all,
    });
}

pub mod history_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world history-events-guest { export opennmc:plugin/history-events@0.1.0; }",
        with: { "opennmc:plugin/types@0.1.0": crate::bindings::imports::opennmc::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_history_events",
        default_bindings_module: "opennmc_plugin::bindings::history_events",
        generate_all,
    });
}

pub mod admin_events {
    wit_bindgen::generate!({
        path: "../../opennmc-host/wit",
        inline: "package opennmc:guest; world admin-events-guest { export opennmc:plugin/admin-events@0.1.0; }",
        pub_export_macro: true,
        export_macro_name: "export_admin_events",
        default_bindings_module: "opennmc_plugin::bindings::admin_events",
        generate_all,
    });
}
