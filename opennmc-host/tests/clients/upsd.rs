//! Debian's `upsd`, in a folder of its own.

use std::fs::Permissions;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::scene::until;

/// The server, and a driver of its own if it has one.
pub(crate) struct Upsd {
    folder: TempDir,
    address: SocketAddr,
    processes: Vec<Killed>,
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Upsd {
    /// Writes the configuration; nothing runs yet.
    pub(crate) fn new(ups_conf: &str, users: &str) -> Upsd {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::set_permissions(path, Permissions::from_mode(0o770)).unwrap();
        let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        std::fs::write(path.join("ups.conf"), ups_conf).unwrap();
        let upsd = format!("LISTEN {} {}\nSTATEPATH {}\n", address.ip(), address.port(), path.display());
        std::fs::write(path.join("upsd.conf"), upsd).unwrap();
        std::fs::write(path.join("upsd.users"), users).unwrap();
        std::fs::set_permissions(path.join("upsd.users"), Permissions::from_mode(0o640)).unwrap();
        Upsd { folder, address, processes: Vec::new() }
    }

    /// Where it looks for the sockets of its drivers.
    pub(crate) fn state_path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Starts one of NUT's drivers, and waits for its socket.
    pub(crate) fn start_driver(&mut self, driver: &str, ups: &str) {
        self.start(&format!("/lib/nut/{driver}"), &["-F", "-a", ups]);
        let socket = self.folder.path().join(format!("{driver}-{ups}"));
        until("the driver", || socket.exists().to_string(), |is| is == "true");
    }

    /// Starts the server, and waits until it listens.
    pub(crate) fn start_server(&mut self) {
        self.start("/lib/nut/upsd", &["-F"]);
        until("upsd", || TcpStream::connect(self.address).is_ok().to_string(), |is| is == "true");
    }

    /// What one of NUT's clients says on either output, with the UPS in the place of `{}` among its arguments.
    pub(crate) fn ask(&self, client: &str, arguments: &[&str], ups: &str) -> String {
        let at = format!("{ups}@127.0.0.1:{}", self.address.port());
        let arguments =
            arguments.iter().map(|argument| if *argument == "{}" { at.as_str() } else { argument });
        let output = Command::new(client).args(arguments).stdin(Stdio::null()).output().unwrap();
        let remarks = String::from_utf8_lossy(&output.stderr);
        let told = remarks.lines().filter(|line| !line.starts_with("Init SSL"));
        format!("{}{}", String::from_utf8_lossy(&output.stdout), told.collect::<String>())
    }

    /// What `upsc` says of a UPS.
    pub(crate) fn upsc(&self, ups: &str) -> String {
        self.ask("upsc", &["{}"], ups)
    }

    fn start(&mut self, program: &str, arguments: &[&str]) {
        assert!(Path::new(program).exists(), "{program} is missing: `cargo xtask setup` installs it");
        let path = self.folder.path();
        let mut command = Command::new(program);
        command.args(arguments).env("NUT_CONFPATH", path).env("NUT_STATEPATH", path);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "root"]);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.processes.push(Killed(child));
    }
}
