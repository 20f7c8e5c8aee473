//! Shows the UPSes on a web page.

use opennmc_plugin::{Availability, Host, Plugin, Response, WebRequest, WebService};
use serde::Deserialize;

/// What the operator can set: the keys of `[config]` in plugin.toml.
#[derive(Deserialize)]
pub struct Config {
    title: String,
}

/// The plugin's whole state.
pub struct Pages {
    config: Config,
}

impl Plugin for Pages {
    type Config = Config;

    fn start(_host: &impl Host, config: Config) -> Result<Self, String> {
        Ok(Pages { config })
    }
}

impl WebService for Pages {
    fn handle(&mut self, host: &impl Host, request: WebRequest) -> Option<Response> {
        Some(match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => Response::text(200, "text/html; charset=utf-8", self.page(host)),
            ("GET", _) => Response::text(404, "text/plain", "there is no such page\n"),
            _ => Response::text(405, "text/plain", "this page can only be read\n"),
        })
    }
}

impl Pages {
    fn page(&self, host: &impl Host) -> String {
        let title = escaped(&self.config.title);
        let mut page = format!("<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n<ul>\n");
        for device in host.devices() {
            let (name, description) = (escaped(&device.name), escaped(&device.description));
            let live = if device.availability == Availability::Live { "live" } else { "no live data" };
            page.push_str(&format!("<li>{name}: {description} ({live})\n"));
        }
        page + "</ul>\n"
    }
}

/// Texts come from the UPS and from people: none of them may become markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

opennmc_plugin::export!(Pages: lifecycle, http_handler);
