//! `cargo xtask api-fuzz`: schemathesis asks a running daemon's API for what openapi.json permits and for what it forbids.
//!
//! Two of its checks are left out. `ignored_auth` tries wrong passwords until the daemon locks its address out. `positive_data_acceptance` wants every name and value of the right shape to be one that exists.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::services::Services;
use crate::venv::Venv;
use crate::workspace::{Profile, Workspace};
use crate::{build, console};

/// Pinned to what was tried.
const PINS: &str = "xtask/api/requirements.txt";
const REFERENCE: &str = "plugins/web-ui/openapi.json";
const LEFT_OUT: &str = "ignored_auth,positive_data_acceptance";
/// The host's own paths have tests of their own; these would take away what the others are asked about, the administrator too.
const NOT_ASKED: [&str; 3] = ["disablePlugin", "removeUser", "changeUser"];
const HOST_PATHS: &str = "/api/v1/(session|stream)";
/// A plugin may take 30 seconds for an answer.
const ANSWER_LIMIT_S: &str = "40";
/// The first start compiles the plugins.
const READY_LIMIT: Duration = Duration::from_secs(180);

/// What `cargo xtask api-fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long to go on, in seconds; without it a fixed number of requests, the same in each run.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

/// Builds, starts and asks.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    build::everything(workspace, Profile::Dev)?;
    let seconds = options.seconds.map(Duration::from_secs);
    campaign(workspace, seconds)
}

/// Asks the programs as they are built; without `lasting` the same requests each time.
pub(crate) fn campaign(workspace: &Workspace, lasting: Option<Duration>) -> Result<()> {
    let tools = tools(workspace)?;
    console::heading("Is openapi.json a good OpenAPI document?");
    let reference = workspace.root().join(REFERENCE);
    tools.python().args(["-m", "openapi_spec_validator"]).arg(&reference).show()?;

    let folder = tempfile::tempdir().context("no temporary folder")?;
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr())?;
    let mut services = Services::new(false)?;
    let arguments = [
        "run".into(),
        "--config".into(),
        configuration(folder.path(), &address.to_string())?.into(),
        "--plugins".into(),
        workspace.packages().into(),
    ];
    services.start("opennmc", workspace.program("opennmc", Profile::Dev).as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", READY_LIMIT)?;
    let told = fs::read_to_string(folder.path().join("state/initial-password"))?;
    let password = told
        .lines()
        .find_map(|line| line.strip_prefix("password: "))
        .context("there is no first password")?;

    console::heading("Asking the API");
    let mut asking = tools
        .python()
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(folder.path().join("schemathesis.toml"))
        .args(["run"])
        .arg(&reference)
        .args(["--url", &format!("http://{address}"), "--no-color", "--suppress-health-check", "all"])
        .args(["--auth", &format!("admin:{password}")])
        .args(["--exclude-checks", LEFT_OUT, "--exclude-path-regex", HOST_PATHS])
        .args(["--request-timeout", ANSWER_LIMIT_S]);
    for operation in NOT_ASKED {
        asking = asking.args(["--exclude-operation-id", operation]);
    }
    asking = match lasting {
        Some(lasting) => {
            asking.args(["--max-examples", "100000", "--max-time", &lasting.as_secs().to_string()])
        }
        None => asking.args(["--max-examples", "8", "--generation-deterministic", "--seed", "1"]),
    };
    let outcome = asking.in_folder(folder.path()).show();
    services.stop();
    if outcome.is_err() {
        bail!("the API does not keep what openapi.json says; the requests are told above");
    }
    Ok(())
}

fn tools(workspace: &Workspace) -> Result<Venv> {
    let venv = Venv::at(workspace.target().join("peers/api-fuzz"));
    let list = workspace.root().join(PINS);
    let wanted = fs::read_to_string(&list).with_context(|| format!("could not read {}", list.display()))?;
    venv.prepare(&wanted, ["--no-deps".into(), "-r".into(), list.into_os_string()])?;
    Ok(venv)
}

fn configuration(folder: &Path, address: &str) -> Result<std::path::PathBuf> {
    let at = |name: &str| folder.join(name);
    fs::write(at("schemathesis.toml"), "")?;
    let text = format!(
        "[control]\nsocket = {:?}\n[state]\ndir = {:?}\n[http]\nlisten = [\"{address}\"]\n[plugin.web-ui]\n[plugin.nut-server]\n\
         listen = {{ nut = [\"127.0.0.1:0\"] }}\n[ups.main]\nport = \"sim:smart-ups-1500\"\n",
        at("control"),
        at("state"),
    );
    fs::write(at("opennmc.toml"), text).context("could not write opennmc's configuration")?;
    Ok(at("opennmc.toml"))
}
