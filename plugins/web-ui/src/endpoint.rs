//! What the API offers.

/// One method of one path; openapi.json says what each does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    About,
    OpenApi,
    SimpleStatus,
    Upses,
    Ups,
    Variables,
    Variable,
    SetVariable,
    Commands,
    RunCommand,
    Settings,
    ForcedShutdown,
    Series,
    History,
    Events,
    Audit,
    Users,
    AddUser,
    ChangeUser,
    RemoveUser,
    Tokens,
    AddToken,
    RevokeToken,
    Plugins,
    Plugin,
    PluginLog,
    EnablePlugin,
    DisablePlugin,
    RestartPlugin,
    Scripts,
    Script,
    ScriptLog,
    Health,
    Reload,
    Simulate,
}

use Endpoint as E;

/// Method, path and endpoint. `{}` stands for one name.
pub(crate) const ENDPOINTS: [(&str, &str, Endpoint); 35] = [
    ("GET", "/api/v1", E::About),
    ("GET", "/api/v1/openapi.json", E::OpenApi),
    ("GET", "/status.json", E::SimpleStatus),
    ("GET", "/api/v1/ups", E::Upses),
    ("GET", "/api/v1/ups/{}", E::Ups),
    ("GET", "/api/v1/ups/{}/variables", E::Variables),
    ("GET", "/api/v1/ups/{}/variables/{}", E::Variable),
    ("PUT", "/api/v1/ups/{}/variables/{}", E::SetVariable),
    ("GET", "/api/v1/ups/{}/commands", E::Commands),
    ("POST", "/api/v1/ups/{}/commands/{}", E::RunCommand),
    ("GET", "/api/v1/ups/{}/settings", E::Settings),
    ("PUT", "/api/v1/ups/{}/forced-shutdown", E::ForcedShutdown),
    ("GET", "/api/v1/ups/{}/series", E::Series),
    ("GET", "/api/v1/ups/{}/history", E::History),
    ("GET", "/api/v1/events", E::Events),
    ("GET", "/api/v1/audit", E::Audit),
    ("GET", "/api/v1/users", E::Users),
    ("POST", "/api/v1/users", E::AddUser),
    ("PATCH", "/api/v1/users/{}", E::ChangeUser),
    ("DELETE", "/api/v1/users/{}", E::RemoveUser),
    ("GET", "/api/v1/tokens", E::Tokens),
    ("POST", "/api/v1/tokens", E::AddToken),
    ("DELETE", "/api/v1/tokens/{}", E::RevokeToken),
    ("GET", "/api/v1/plugins", E::Plugins),
    ("GET", "/api/v1/plugins/{}", E::Plugin),
    ("GET", "/api/v1/plugins/{}/log", E::PluginLog),
    ("POST", "/api/v1/plugins/{}/enable", E::EnablePlugin),
    ("POST", "/api/v1/plugins/{}/disable", E::DisablePlugin),
    ("POST", "/api/v1/plugins/{}/restart", E::RestartPlugin),
    ("GET", "/api/v1/scripts", E::Scripts),
    ("GET", "/api/v1/scripts/{}", E::Script),
    ("GET", "/api/v1/scripts/{}/log", E::ScriptLog),
    ("GET", "/api/v1/health", E::Health),
    ("POST", "/api/v1/reload", E::Reload),
    ("POST", "/api/v1/simulate/{}", E::Simulate),
];

impl Endpoint {
    /// The names that its query may have.
    pub(crate) fn parameters(self) -> &'static [&'static str] {
        match self {
            E::History => &["variable", "from", "to", "points"],
            E::Events => &["ups", "kind", "severity", "from", "to", "before", "limit"],
            E::Audit => &["ups", "user", "from", "to", "limit"],
            _ => &[],
        }
    }
}
