//! Our side of a benchmark: the release build of `opennmc` with a simulated UPS and the plugins as they ship.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::nut::{Certificate, UPS};
use crate::services::Services;
use crate::workspace::{Profile, Workspace};

const START_LIMIT: Duration = Duration::from_secs(60);

/// Starts it in `folder` and waits for `ready`. Gives its process number.
pub(crate) fn start(
    services: &mut Services,
    workspace: &Workspace,
    folder: &Path,
    address: SocketAddr,
    certificate: &Certificate,
) -> Result<u32> {
    let config = folder.join("opennmc.toml");
    let Certificate { certificate, key, .. } = certificate;
    let text = format!(
        "[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n[ups.{UPS}]\nport = \"sim:smart-ups-1500\"\n\n[plugin.nut-server]\nlisten = {{ nut = [\"{address}\"] }}\n\
         config = {{ max-connections-per-address = 0 }}\n"
    );
    fs::write(&config, text).context("could not write opennmc's configuration")?;
    let state = folder.join("state");
    fs::create_dir(&state).context("could not make the state folder")?;
    let arguments: [OsString; 7] = [
        "run".into(),
        "--config".into(),
        config.into(),
        "--state".into(),
        state.into(),
        "--plugins".into(),
        workspace.packages().into(),
    ];
    let pid =
        services.start("opennmc", workspace.program("opennmc", Profile::Release).as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", START_LIMIT)?;
    Ok(pid)
}
