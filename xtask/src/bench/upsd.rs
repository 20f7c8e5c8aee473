//! The peer: Debian's `upsd` with `dummy-ups` behind it, serving the variables that our server serves.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::nut::{Certificate, NICKNAME, UPS, Variable};
use crate::services::Services;

const UPSD: &str = "/lib/nut/upsd";
const DUMMY_UPS: &str = "/lib/nut/dummy-ups";
const START_LIMIT: Duration = Duration::from_secs(20);
/// Room for the largest run, the driver and the listener.
const MAX_CONNECTIONS: usize = 4096;

/// Starts both in `folder`. Gives the process numbers of server and driver.
pub(crate) fn start(
    services: &mut Services,
    folder: &Path,
    address: SocketAddr,
    variables: &[Variable],
    certificate: &Certificate,
) -> Result<[u32; 2]> {
    configure(folder, address, variables, certificate).context("could not write upsd's configuration")?;
    let environment =
        [("NUT_CONFPATH", folder.as_os_str().to_owned()), ("NUT_STATEPATH", folder.as_os_str().to_owned())];
    // As root both would change to a user who can't read the folder.
    let user: &[&str] = if rustix::process::geteuid().is_root() { &["-u", "root"] } else { &[] };
    let arguments = |own: &[&str]| own.iter().chain(user).map(Into::into).collect::<Vec<_>>();

    let driver =
        services.start_with("dummy-ups", DUMMY_UPS.as_ref(), &arguments(&["-F", "-a", UPS]), &environment)?;
    let socket = folder.join(format!("dummy-ups-{UPS}"));
    services.wait_until("dummy-ups to open its socket", START_LIMIT, || socket.exists())?;
    let server = services.start_with("upsd", UPSD.as_ref(), &arguments(&["-F"]), &environment)?;
    services.wait_until("upsd to listen", START_LIMIT, || TcpStream::connect(address).is_ok())?;
    Ok([server, driver])
}

fn configure(
    folder: &Path,
    address: SocketAddr,
    variables: &[Variable],
    certificate: &Certificate,
) -> std::io::Result<()> {
    let device = folder.join("bench.dev");
    let driver =
        format!("[{UPS}]\n  driver = dummy-ups\n  port = {}\n  mode = dummy-once\n", device.display());
    let server = format!(
        "CERTPATH {:?}\nCERTIDENT {NICKNAME:?} \"\"\nLISTEN {} {}\nMAXCONN {MAX_CONNECTIONS}\nSTATEPATH {}\n",
        certificate.store,
        address.ip(),
        address.port(),
        folder.display()
    );
    let values: String = variables
        .iter()
        // The driver has these of its own.
        .filter(|variable| !variable.name.starts_with("driver."))
        .map(|variable| format!("{}: {}\n", variable.name, variable.value))
        .collect();
    fs::write(device, values)?;
    fs::write(folder.join("ups.conf"), driver)?;
    fs::write(folder.join("upsd.conf"), server)?;
    fs::write(folder.join("upsd.users"), "")
}
