//! The peer: Debian's `apcsmart` driver, `upsd`, and `upsmon` with a NOTIFYCMD that posts.
//!
//! The command is a few lines of bash without any other program, which is about the quickest that an administrator would
//! write. `upsmon` asks `upsd` every so often, so there is one with the default and one with the shortest time.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::super::nut::free_address;
use super::START_LIMIT;
use super::receiver::Receiver;
use crate::command::Run;
use crate::services::Services;

const DRIVER: &str = "/lib/nut/apcsmart";
/// The programs themselves: Debian's of the same names in the path ask the system's configuration whether they may run.
const SERVER: &str = "/lib/nut/upsd";
const MONITOR: &str = "/lib/nut/upsmon";
const UPS: &str = "theirs";

pub(super) struct Client {
    /// The first part of the path that it posts to.
    pub(super) name: &'static str,
    /// POLLFREQ and POLLFREQALERT, in seconds.
    poll: u32,
}

pub(super) const CLIENTS: [Client; 2] =
    [Client { name: "upsmon-pollfreq-5", poll: 5 }, Client { name: "upsmon-pollfreq-1", poll: 1 }];

/// Starts all of it, and waits until the server knows the UPS.
pub(super) fn start(services: &mut Services, folder: &Path, port: &Path, receiver: &Receiver) -> Result<()> {
    for program in [DRIVER, SERVER, MONITOR] {
        ensure!(Path::new(program).exists(), "{program} is missing; there is nothing to compare with");
    }
    let (server, address) = (folder.join("nut"), free_address()?);
    configure_server(&server, port, &address.to_string()).context("could not write NUT's configuration")?;
    services.start_with(
        "apcsmart",
        DRIVER.as_ref(),
        &arguments(&["-F", "-a", UPS]),
        &environment(&server),
    )?;
    // The driver offers its socket once it knows its UPS.
    let socket = server.join(format!("apcsmart-{UPS}"));
    services.wait_until("apcsmart to know its UPS", START_LIMIT, || socket.exists())?;
    services.start_with("upsd", SERVER.as_ref(), &arguments(&["-F"]), &environment(&server))?;
    services.wait_until("upsd to show the UPS", START_LIMIT, || {
        let status = Run::new("upsc").args([format!("{UPS}@{address}"), "ups.status".to_owned()]);
        status.read_stdout().is_ok_and(|status| status.starts_with("OL"))
    })?;
    for client in &CLIENTS {
        let folder = folder.join(client.name);
        configure_client(client, &folder, &address.to_string(), receiver)
            .context("could not write upsmon's configuration")?;
        services.start_with(
            client.name,
            MONITOR.as_ref(),
            &["-F".into(), "-p".into()],
            &environment(&folder),
        )?;
    }
    Ok(())
}

/// As root both would change to a user who can't read the folder.
fn arguments(own: &[&str]) -> Vec<OsString> {
    let user: &[&str] = if rustix::process::geteuid().is_root() { &["-u", "root"] } else { &[] };
    own.iter().chain(user).map(Into::into).collect()
}

fn environment(folder: &Path) -> [(&'static str, OsString); 3] {
    ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"].map(|name| (name, folder.as_os_str().to_owned()))
}

fn configure_server(folder: &Path, port: &Path, address: &str) -> std::io::Result<()> {
    fs::create_dir(folder)?;
    let users: String = CLIENTS
        .iter()
        .map(|client| format!("[{}]\n  password = secret\n  upsmon secondary\n", client.name))
        .collect();
    let listen = address.replace(':', " ");
    write(folder, "ups.conf", &format!("[{UPS}]\n  driver = apcsmart\n  port = {}\n", port.display()))?;
    write(folder, "upsd.conf", &format!("LISTEN {listen}\nSTATEPATH {}\n", folder.display()))?;
    write(folder, "upsd.users", &users)
}

fn configure_client(
    client: &Client,
    folder: &Path,
    address: &str,
    receiver: &Receiver,
) -> std::io::Result<()> {
    fs::create_dir(folder)?;
    let (name, poll, to) = (client.name, client.poll, receiver.address);
    let command = folder.join("notify");
    let text = format!(
        "#!/bin/bash\n\
         case $NOTIFYTYPE in ONBATT) what=battery ;; ONLINE) what=line ;; *) exit ;; esac\n\
         exec 3<>/dev/tcp/{}/{}\n\
         printf 'POST /{name}/%s HTTP/1.1\\r\\nHost: {to}\\r\\nContent-Length: 0\\r\\n\\r\\n' $what >&3\n",
        to.ip(),
        to.port()
    );
    fs::write(&command, text)?;
    fs::set_permissions(&command, fs::Permissions::from_mode(0o700))?;
    let text = format!(
        "MONITOR {UPS}@{address} 1 {name} secret secondary\nMINSUPPLIES 1\nSHUTDOWNCMD /bin/true\n\
         POWERDOWNFLAG {}\nPOLLFREQ {poll}\nPOLLFREQALERT {poll}\nNOTIFYCMD {}\n\
         NOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\n",
        folder.join("killpower").display(),
        command.display()
    );
    // Words on every terminal of this machine would be for nobody.
    let silent = ["COMMOK", "COMMBAD", "NOCOMM", "REPLBATT", "LOWBATT", "SHUTDOWN", "FSD"];
    let silent: String = silent.iter().map(|kind| format!("NOTIFYFLAG {kind} IGNORE\n")).collect();
    write(folder, "upsmon.conf", &(text + &silent))
}

/// NUT complains about configuration that others can read.
fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}
