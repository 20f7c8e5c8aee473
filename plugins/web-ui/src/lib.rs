//! The web interface: the API under `/api/v1`, and `/status.json`. The pages are files that the host sends.
//!
//! Invariant: the plugin decides nothing about rights. What it reads by itself it shows to those whom the host says may
//! read; everything else is asked for in the name of whoever asks, and the daemon judges it.

mod asking;
mod endpoint;
mod input;
mod ordering;
mod problem;
mod route;
mod time;
mod upses;

use opennmc_plugin::{
    AdminHandler, AuthHandler, ControlHandler, Error, Host, Plugin, Principal, Response, TimerHandler,
    WebRequest, WebService,
};

use crate::asking::Asking;
use crate::endpoint::Endpoint;
use crate::input::Query;
use crate::ordering::Ordering;
use crate::problem::Problem;
use crate::route::Found;
use crate::upses::Upses;

/// The reference of the API, for programs.
const OPENAPI: &str = include_str!("../openapi.json");

/// As plugin.toml has it.
const OWN_ID: &str = "web-ui";

/// There is nothing to configure.
#[derive(Debug, serde::Deserialize)]
pub struct Config {}

/// The plugin.
#[derive(Debug, Default)]
pub struct WebUi {
    upses: Upses,
    asking: Asking,
    ordering: Ordering,
}

/// What an endpoint does with a request: an answer now, or none yet.
type Handled = Result<Option<Response>, Problem>;

impl Plugin for WebUi {
    type Config = Config;

    fn start(_host: &impl Host, _config: Config) -> Result<Self, String> {
        Ok(WebUi::default())
    }
}

impl WebService for WebUi {
    fn handle(&mut self, host: &impl Host, request: WebRequest) -> Option<Response> {
        self.serve(host, &request).unwrap_or_else(|problem| Some(problem.response()))
    }
}

impl AdminHandler for WebUi {
    fn on_admin_answer(&mut self, host: &impl Host, ticket: u64, outcome: Result<String, String>) {
        self.asking.answered(host, ticket, outcome);
    }
}

impl AuthHandler for WebUi {
    // It checks nobody: the host has done that before a request comes here. `auth` is there for asking what somebody may.
    fn on_checked(&mut self, _host: &impl Host, _ticket: u64, _outcome: Result<Principal, Error>) {}
}

impl ControlHandler for WebUi {
    fn on_ended(&mut self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str) {
        self.ordering.ended(host, ticket, success, outcome, detail);
    }
}

impl TimerHandler for WebUi {
    fn on_timer(&mut self, host: &impl Host, timer: u64) {
        self.ordering.waited_long_enough(host, timer);
    }
}

impl WebUi {
    fn serve(&mut self, host: &impl Host, request: &WebRequest) -> Handled {
        let (endpoint, names) = match route::find(&request.method, &request.path) {
            Found::Endpoint(endpoint, names) => (endpoint, names),
            Found::OtherMethods(allow) => return Err(Problem::method(&request.method, &allow)),
            Found::Nothing => return Err(Problem::no_such_path(&request.path)),
        };
        let query = Query::parse(&request.query, endpoint.parameters())?;
        match endpoint {
            Endpoint::About => return Ok(Some(about())),
            Endpoint::OpenApi => return Ok(Some(json(200, OPENAPI))),
            _ => {}
        }
        let Some(principal) = request.principal else { return Err(Problem::log_in()) };
        let name = |index: usize| names.get(index).map_or("", String::as_str);
        if let Some(answer) = self.read(host, principal, endpoint, [name(0), name(1)])? {
            return Ok(Some(answer));
        }
        if let Some(order) = ordering::order(endpoint, [name(0), name(1)], request)? {
            return self.ordering.give(host, request, principal, order);
        }
        if matches!(endpoint, Endpoint::Series | Endpoint::History | Endpoint::Simulate) {
            upses::device(host, name(0))?;
        }
        let starts_or_ends = [Endpoint::EnablePlugin, Endpoint::DisablePlugin, Endpoint::RestartPlugin];
        if starts_or_ends.contains(&endpoint) && name(0) == OWN_ID {
            if !host.may(principal, "admin").map_err(Problem::of)? {
                return Err(Problem::denied("only administrators switch plugins"));
            }
            let detail = "the web interface can't tell how its own end went; on the machine itself: `opennmc plugin restart web-ui`";
            return Err(Problem::new(409, detail));
        }
        self.asking.ask(host, request.id, principal, asking::errand(endpoint, name(0), request, &query)?)
    }

    /// What is answered from the UPSes' snapshots, without waiting for anybody. None: it is not such an endpoint.
    fn read(
        &mut self,
        host: &impl Host,
        principal: Principal,
        endpoint: Endpoint,
        [ups, name]: [&str; 2],
    ) -> Handled {
        use Endpoint as E;
        if !matches!(
            endpoint,
            E::Upses | E::SimpleStatus | E::Ups | E::Variables | E::Variable | E::Commands | E::Settings
        ) {
            return Ok(None);
        }
        if !host.may(principal, "read").map_err(Problem::of)? {
            return Err(Problem::denied("this user may not read"));
        }
        let text = match endpoint {
            E::Upses => self.upses.all(host),
            E::SimpleStatus => upses::simple(host),
            E::Ups => self.upses.one(host, ups)?,
            E::Variables => upses::variables(host, ups)?,
            E::Variable => upses::variable(host, ups, name)?,
            E::Commands => upses::commands(host, ups)?,
            _ => upses::settings(host, ups)?,
        };
        Ok(Some(json(200, text)))
    }
}

fn about() -> Response {
    json(200, concat!(r#"{"name":"opennmc","version":""#, env!("CARGO_PKG_VERSION"), r#"","api":1}"#))
}

/// An answer that no cache keeps: what it tells is true now.
fn json(status: u16, body: impl Into<String>) -> Response {
    let mut response = Response::text(status, "application/json", body.into());
    response.headers.push(("cache-control".to_owned(), "no-store".to_owned()));
    response
}

#[cfg(target_arch = "wasm32")]
opennmc_plugin::export!(WebUi: lifecycle, http_handler, auth_events, admin_events, control_events, timer_events);
