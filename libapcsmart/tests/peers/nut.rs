//! NUT 2.8 from Debian: one driver, `upsd`, and the clients.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::{Process, free_port};
use super::simulated::Simulated;

const INSTALL: &str = "run: apt-get install --no-install-recommends nut-server nut-client";
const DRIVERS: &str = "/lib/nut";
/// The program itself: Debian's `upsd` in the path asks the system's configuration whether it may run.
const SERVER: &str = "/lib/nut/upsd";

pub(crate) struct Nut {
    driver: Process,
    server: Process,
    port: u16,
    _folder: TempDir,
}

impl Nut {
    /// Starts `driver` on the simulated UPS and a server beside it; returns when clients see the UPS.
    pub(crate) fn start(driver: &str, ups: &Simulated) -> Nut {
        require(Path::new(SERVER));
        require(&Path::new(DRIVERS).join(driver));
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        configure(folder.path(), driver, &ups.link(), port);
        let mut driver_process = Process::start(driver_command(driver, folder.path()), folder.path(), driver);
        // The driver offers its socket once it knows its UPS.
        let socket = folder.path().join(format!("{driver}-ups"));
        driver_process.wait_for("the driver's socket", || socket.exists().then_some(()));
        let server_process = Process::start(server_command(folder.path()), folder.path(), "upsd");
        let mut nut = Nut { driver: driver_process, server: server_process, port, _folder: folder };
        let address = nut.address();
        nut.server.wait_for("a status of the UPS", || {
            Some(list(&address)).filter(|values| values.contains_key("ups.status"))
        });
        nut
    }

    /// All that `upsc` shows.
    pub(crate) fn values(&self) -> BTreeMap<String, String> {
        list(&self.address())
    }

    /// `upsrw`: true when the server took it.
    pub(crate) fn set(&self, name: &str, value: &str) -> bool {
        self.client("upsrw")
            .args(["-s", &format!("{name}={value}"), &self.address()])
            .status()
            .unwrap()
            .success()
    }

    /// `upscmd`: true when the server took it.
    pub(crate) fn run(&self, command: &str) -> bool {
        self.client("upscmd").args([&self.address(), command]).status().unwrap().success()
    }

    pub(crate) fn driver_said(&self) -> String {
        self.driver.said()
    }

    fn address(&self) -> String {
        format!("ups@127.0.0.1:{}", self.port)
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-u", "admin", "-p", "secret"]);
        command
    }
}

/// What the driver says when it is asked to take the supply away (`-k`), and whether it was satisfied.
pub(crate) fn kill_power(driver: &str, ups: &Simulated, options: &str) -> (bool, String) {
    require(&Path::new(DRIVERS).join(driver));
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), driver, &ups.link(), free_port());
    let mut configuration = fs::read_to_string(folder.path().join("ups.conf")).unwrap();
    configuration += options;
    fs::write(folder.path().join("ups.conf"), configuration).unwrap();
    let output = driver_command(driver, folder.path()).arg("-k").output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn driver_command(driver: &str, folder: &Path) -> Command {
    let mut command = Command::new(Path::new(DRIVERS).join(driver));
    command.args(["-a", "ups", "-F"]);
    as_ourselves(&mut command, folder);
    command
}

fn server_command(folder: &Path) -> Command {
    let mut command = Command::new(SERVER);
    command.arg("-F");
    as_ourselves(&mut command, folder);
    command
}

/// Debian's build would become the user `nut`, who may not see our folder.
fn as_ourselves(command: &mut Command, folder: &Path) {
    if rustix::process::geteuid().is_root() {
        command.args(["-u", "root"]);
    }
    command.env("NUT_CONFPATH", folder).env("NUT_STATEPATH", folder).env("NUT_ALTPIDPATH", folder);
}

fn configure(folder: &Path, driver: &str, link: &Path, port: u16) {
    let link = link.display();
    for (file, content) in [
        ("nut.conf", "MODE=netserver\n".to_owned()),
        ("ups.conf", format!("[ups]\n  driver = {driver}\n  port = {link}\n")),
        ("upsd.conf", format!("LISTEN 127.0.0.1 {port}\nSTATEPATH {}\n", folder.display())),
        ("upsd.users", "[admin]\n  password = secret\n  actions = SET\n  instcmds = ALL\n".to_owned()),
    ] {
        let path = folder.join(file);
        fs::write(&path, content).unwrap();
        // upsd complains about configuration that others can read.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn list(address: &str) -> BTreeMap<String, String> {
    let output = Command::new("upsc").arg(address).output();
    let output = output.unwrap_or_else(|error| panic!("upsc does not start ({error}); {INSTALL}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn require(program: &Path) {
    assert!(program.exists(), "{} is missing; {INSTALL}", program.display());
}
