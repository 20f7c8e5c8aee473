//! Posts notices to a web service that takes plain text, such as ntfy.

use std::collections::BTreeMap;

use opennmc_plugin::{FetchRequest, Host, HttpReplies, Notice, Notifier, Plugin, Reply};
use serde::Deserialize;

/// The host wants to hear within two minutes how a delivery ended.
const PATIENCE_MS: u32 = 20_000;

/// What the operator can set: the keys of `[config]` in plugin.toml.
#[derive(Deserialize)]
pub struct Config {
    url: String,
}

/// The plugin's whole state.
pub struct Messenger {
    config: Config,
    /// Notices by the ticket of their request.
    under_way: BTreeMap<u64, u64>,
}

impl Plugin for Messenger {
    type Config = Config;

    fn start(_host: &impl Host, config: Config) -> Result<Self, String> {
        Ok(Messenger { config, under_way: BTreeMap::new() })
    }
}

impl Notifier for Messenger {
    fn deliver(&mut self, host: &impl Host, id: u64, notice: Notice, _at_ms: u64, _attempt: u32) {
        let request = FetchRequest {
            method: "POST".to_owned(),
            url: self.config.url.clone(),
            headers: vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())],
            body: format!("{}\n{}", notice.title, notice.body).into_bytes(),
            timeout_ms: PATIENCE_MS,
        };
        match host.fetch(&request) {
            Ok(ticket) => {
                self.under_way.insert(ticket, id);
            }
            Err(error) => end(host, id, Err(format!("{error:?}"))),
        }
    }
}

impl HttpReplies for Messenger {
    fn on_reply(&mut self, host: &impl Host, ticket: u64, outcome: Result<Reply, String>) {
        let Some(id) = self.under_way.remove(&ticket) else { return };
        let outcome = outcome.and_then(|reply| match reply.status {
            200..300 => Ok(()),
            status => Err(format!("the service answered {status}")),
        });
        end(host, id, outcome);
    }
}

fn end(host: &impl Host, id: u64, outcome: Result<(), String>) {
    let told = match outcome {
        Ok(()) => host.delivered(id),
        Err(reason) => host.not_delivered(id, &reason, true),
    };
    if let Err(error) = told {
        host.debug(&format!("the host no longer waits for notice {id}: {error:?}"));
    }
}

opennmc_plugin::export!(Messenger: lifecycle, notifier, http_events);
