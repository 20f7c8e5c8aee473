//! The one table of all paths: what there is, and so what there is not (404), and with which methods (405, `Allow`).

use opennmc_plugin::{Response, WebRequest};
use serde_json::json;

use crate::call::Call;
use crate::lookup::Lookup;
use crate::problem::Problem;
use crate::step::Step;
use crate::{history, orders, people, plugins, status, system};

/// What carries out a request.
type Carry = fn(&Call, &dyn Lookup) -> Result<Step, Problem>;

/// Who is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Everybody,
    Users,
}

use For::{Everybody, Users};

type Row = (&'static str, For, &'static [(&'static str, Carry)]);

/// `{}` stands for one segment.
const TABLE: &[Row] = &[
    ("/", Everybody, &[("GET", placeholder)]),
    ("/status.json", Users, &[("GET", status::simple)]),
    ("/api/v1", Everybody, &[("GET", about)]),
    ("/api/v1/openapi.json", Everybody, &[("GET", openapi)]),
    ("/api/v1/ups", Users, &[("GET", status::list)]),
    ("/api/v1/ups/{}", Users, &[("GET", status::one)]),
    ("/api/v1/ups/{}/variables", Users, &[("GET", status::variables)]),
    ("/api/v1/ups/{}/variables/{}", Users, &[("GET", status::variable), ("PUT", orders::set)]),
    ("/api/v1/ups/{}/commands", Users, &[("GET", status::commands)]),
    ("/api/v1/ups/{}/commands/{}", Users, &[("POST", orders::run)]),
    ("/api/v1/ups/{}/settings", Users, &[("GET", status::settings)]),
    ("/api/v1/ups/{}/forced-shutdown", Users, &[("PUT", orders::forced_shutdown)]),
    ("/api/v1/ups/{}/series", Users, &[("GET", history::series)]),
    ("/api/v1/ups/{}/history", Users, &[("GET", history::samples)]),
    ("/api/v1/events", Users, &[("GET", history::events)]),
    ("/api/v1/audit", Users, &[("GET", history::audit)]),
    ("/api/v1/users", Users, &[("GET", people::users), ("POST", people::add_user)]),
    ("/api/v1/users/{}", Users, &[("PATCH", people::change_user), ("DELETE", people::remove_user)]),
    ("/api/v1/tokens", Users, &[("GET", people::tokens), ("POST", people::add_token)]),
    ("/api/v1/tokens/{}", Users, &[("DELETE", people::revoke_token)]),
    ("/api/v1/plugins", Users, &[("GET", plugins::list)]),
    ("/api/v1/plugins/{}", Users, &[("GET", plugins::one)]),
    ("/api/v1/plugins/{}/log", Users, &[("GET", plugins::log)]),
    ("/api/v1/plugins/{}/enable", Users, &[("POST", plugins::enable)]),
    ("/api/v1/plugins/{}/disable", Users, &[("POST", plugins::disable)]),
    ("/api/v1/plugins/{}/restart", Users, &[("POST", plugins::restart)]),
    ("/api/v1/scripts", Users, &[("GET", plugins::scripts)]),
    ("/api/v1/scripts/{}", Users, &[("GET", plugins::script)]),
    ("/api/v1/scripts/{}/log", Users, &[("GET", plugins::script_log)]),
    ("/api/v1/health", Users, &[("GET", system::health)]),
    ("/api/v1/reload", Users, &[("POST", system::reload)]),
    ("/api/v1/simulate/{}", Users, &[("POST", system::simulate)]),
];

/// The first step of a request.
pub fn begin(lookup: &dyn Lookup, request: WebRequest) -> Result<Step, Problem> {
    let found = TABLE.iter().find_map(|row| matched(row.0, &request.path).map(|parts| (row, parts)));
    let Some(((_, whom, methods), parts)) = found else {
        return Err(Problem::none("there is nothing at this address"));
    };
    // The host sends no body in answer to HEAD.
    let wanted = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let Some((_, carry)) = methods.iter().find(|(method, _)| *method == wanted) else {
        let mut problem = Problem::new(405, "not with this method; the header `Allow` says which there are");
        problem.headers.push(("allow".to_owned(), allowed(methods)));
        return Err(problem);
    };
    if *whom == Users && request.principal.is_none() {
        return Err(Problem::new(401, "log in first"));
    }
    carry(&Call::new(parts, request)?, lookup)
}

fn allowed(methods: &[(&'static str, Carry)]) -> String {
    let names = methods.iter().flat_map(|(method, _)| match *method {
        "GET" => ["GET", "HEAD"].as_slice(),
        "PUT" => &["PUT"],
        "POST" => &["POST"],
        "PATCH" => &["PATCH"],
        _ => &["DELETE"],
    });
    names.copied().collect::<Vec<&str>>().join(", ")
}

/// The variable parts of a path that fits.
fn matched(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut there) = (pattern.split('/'), path.split('/'));
    let mut parts = Vec::new();
    loop {
        match (wanted.next(), there.next()) {
            (None, None) => return Some(parts),
            (Some("{}"), Some(part)) if !part.is_empty() => parts.push(part.to_owned()),
            (Some(fixed), Some(part)) if fixed == part => {}
            _ => return None,
        }
    }
}

fn about(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Ok(Step::json(200, &json!({"name": "opennmc", "version": env!("CARGO_PKG_VERSION"), "api": 1})))
}

fn openapi(_: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    Ok(Step::Answer(Response::text(200, "application/json", include_str!("../openapi.json"))))
}

/// Only when the package has no pages: the host sends files itself.
fn placeholder(_: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    let page = include_str!("../placeholder/index.html");
    Ok(Step::Answer(Response::text(200, "text/html; charset=utf-8", page)))
}
