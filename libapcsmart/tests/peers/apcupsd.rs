//! apcupsd from Debian. Its package conflicts with NUT's, so that it is unpacked and not installed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::process::{Process, free_port};
use super::simulated::{PROGRAM, Simulated};

pub(crate) struct Apcupsd {
    daemon: Process,
    port: u16,
    _folder: TempDir,
}

impl Apcupsd {
    /// Starts the daemon on the simulated UPS; returns when it has read everything once.
    pub(crate) fn start(ups: &Simulated) -> Apcupsd {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        configure(folder.path(), &ups.link(), port);
        let mut command = Command::new(unpacked().join("sbin/apcupsd"));
        command.arg("-b").arg("-f").arg(folder.path().join("apcupsd.conf"));
        command.arg("-P").arg(folder.path().join("apcupsd.pid"));
        let mut daemon = Process::start(command, folder.path(), "apcupsd");
        // Until the first round is over it shows zeros and empty texts. The serial number is among the last.
        daemon.wait_for("a serial number from apcaccess", || {
            access(port).filter(|values| values.get("SERIALNO").is_some_and(|serial| !serial.is_empty()))
        });
        Apcupsd { daemon, port, _folder: folder }
    }

    /// What `apcaccess` shows, without the units.
    pub(crate) fn values(&self) -> BTreeMap<String, String> {
        access(self.port)
            .unwrap_or_else(|| panic!("apcaccess got nothing; the daemon said:\n{}", self.daemon.said()))
    }
}

fn access(port: u16) -> Option<BTreeMap<String, String>> {
    let program = unpacked().join("sbin/apcaccess");
    let output = Command::new(program).args(["-u", "-h", &format!("127.0.0.1:{port}")]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let values: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    (output.status.success() && !values.is_empty()).then_some(values)
}

/// Everything the daemon might write to, or start, lies in `folder`: it must never touch the machine, and above all
/// never shut it down.
fn configure(folder: &Path, link: &Path, port: u16) {
    let control = folder.join("apccontrol");
    fs::write(&control, "#!/bin/sh\nexit 99\n").unwrap(); // 99: do nothing else
    fs::set_permissions(&control, fs::Permissions::from_mode(0o755)).unwrap();
    let folder = folder.display();
    let configuration = format!(
        "## apcupsd.conf v1.1 ##
UPSCABLE smart
UPSTYPE apcsmart
DEVICE {link}
POLLTIME 1
LOCKFILE {folder}
SCRIPTDIR {folder}
PWRFAILDIR {folder}
NOLOGINDIR {folder}
EVENTSFILE {folder}/events
STATFILE {folder}/status
STATTIME 0
ONBATTERYDELAY 0
BATTERYLEVEL -1
MINUTES -1
TIMEOUT 0
ANNOY 0
NOLOGON disable
KILLDELAY 0
NETSERVER on
NISIP 127.0.0.1
NISPORT {port}
UPSCLASS standalone
UPSMODE disable
",
        link = link.display(),
    );
    fs::write(Path::new(&folder.to_string()).join("apcupsd.conf"), configuration).unwrap();
}

/// The unpacked package; unpacks it when nobody has.
fn unpacked() -> &'static Path {
    static UNPACKED: OnceLock<PathBuf> = OnceLock::new();
    UNPACKED.get_or_init(|| {
        // PROGRAM is TARGET/PROFILE/apcsmart-sim.
        let peers = Path::new(PROGRAM).ancestors().nth(2).unwrap().join("peers");
        let place = peers.join("apcupsd");
        if !place.join("sbin/apcupsd").exists() {
            unpack(&peers, &place);
        }
        place
    })
}

fn unpack(peers: &Path, place: &Path) {
    fs::create_dir_all(peers).unwrap();
    let draft = TempDir::new_in(peers).unwrap();
    let hint = format!(
        "apcupsd is missing and cannot be unpacked; run: apt-get update && apt-get download apcupsd && \
         dpkg-deb -x apcupsd_*.deb {}",
        place.display()
    );
    let download = Command::new("apt-get").args(["download", "apcupsd"]).current_dir(draft.path()).output();
    assert!(download.is_ok_and(|output| output.status.success()), "{hint}");
    let archive = fs::read_dir(draft.path())
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let tree = draft.path().join("tree");
    let extraction = Command::new("dpkg-deb").arg("-x").arg(archive.expect(&hint)).arg(&tree).status();
    assert!(extraction.is_ok_and(|status| status.success()), "{hint}");
    // In one step, because another test may be doing the same; whoever comes second finds it done.
    if fs::rename(&tree, place).is_err() {
        assert!(place.join("sbin/apcupsd").exists(), "{hint}");
    }
}
