//! What an import leaves on the disk: everything or nothing, and a daemon that NUT's clients find.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use opennmc_host::config::inspect;
use opennmc_host::import_nut::{ImportError, ImportOptions, ImportReport, read};
use opennmc_host::users::{NewUser, Origin, PasswordRules, Principal, Role, Secret, UserBase};
use tempfile::TempDir;

use crate::folder;

/// Of users that were there before.
const PASSWORD: &str = "lamp-Orbit-71-walnut";

/// Where an import writes to.
struct Target(TempDir);

impl Target {
    fn new() -> Target {
        Target(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn options(&self, force: bool) -> ImportOptions {
        ImportOptions { output: self.path("opennmc.toml"), state_dir: self.path("state"), force }
    }

    fn import(&self, name: &str, force: bool) -> Result<ImportReport, ImportError> {
        read(&folder(name)).unwrap().apply(&self.options(force))
    }

    fn users(&self) -> std::sync::Arc<UserBase> {
        UserBase::open(&self.path("state")).unwrap()
    }

    fn knows(&self, name: &str, password: &str) -> Option<Principal> {
        self.users().authenticate(name, &Secret::from(password), Origin::Host).ok()
    }

    fn add(&self, name: &str) {
        let password = Some(Secret::from(PASSWORD));
        let new = NewUser { name: name.to_owned(), role: Role::Administrator, scopes: None, password };
        self.users().add(new, PasswordRules::Strict, &Principal::host()).unwrap();
    }
}

#[test]
fn the_users_keep_their_passwords_and_weak_ones_are_told() {
    let target = Target::new();
    let report = target.import("rich", false).unwrap();
    let weak: Vec<&str> =
        report.users.iter().filter(|user| user.weak).map(|user| user.name.as_str()).collect();
    assert!(weak.contains(&"pfy") && !weak.contains(&"admin"), "{weak:?}");
    assert!(report.to_string().contains("(weak password)"));
    assert_eq!(target.knows("pfy", "duh").unwrap().role, Role::Operator);
    assert_eq!(target.knows("secondary", "p4ssw0rd-secondary").unwrap().role, Role::Monitor);
    assert_eq!(target.knows("secondary", "slip-of-the-pen"), None);
    let mode = fs::metadata(target.path("opennmc.toml")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o640);
}

#[test]
fn what_exists_is_not_overwritten_and_then_nothing_is_written() {
    let target = Target::new();
    fs::write(target.path("opennmc.toml"), "mine").unwrap();
    assert!(matches!(target.import("single", false).unwrap_err(), ImportError::Exists { .. }));
    assert_eq!(fs::read_to_string(target.path("opennmc.toml")).unwrap(), "mine");
    assert!(!target.path("state/users.toml").exists());
    target.import("single", true).unwrap();
    assert!(fs::read_to_string(target.path("opennmc.toml")).unwrap().contains("[ups.ups]"));
}

#[test]
fn a_user_that_exists_is_kept_unless_that_is_forced() {
    let target = Target::new();
    target.add("root-admin");
    target.add("admin");
    let error = target.import("single", false).unwrap_err();
    assert!(matches!(&error, ImportError::UsersExist { names } if names == &["admin"]), "{error}");
    assert!(!target.path("opennmc.toml").exists());
    assert!(target.knows("admin", PASSWORD).is_some());
    assert_eq!(target.users().list().unwrap().len(), 2);
    target.import("single", true).unwrap();
    assert_eq!(target.knows("admin", "change_me_soon").unwrap().role, Role::Operator);
}

#[test]
fn a_user_that_differs_in_case_is_in_the_way_even_of_force() {
    let target = Target::new();
    // The second of the two: the first is made before it turns out.
    target.add("Monuser");
    for force in [false, true] {
        let error = target.import("single", force).unwrap_err().to_string();
        assert!(error.contains("`Monuser`"), "{error}");
    }
    assert!(!target.path("opennmc.toml").exists());
    assert_eq!(target.users().list().unwrap().len(), 1);
}

#[test]
fn when_the_configuration_can_not_be_written_the_users_are_as_before() {
    let target = Target::new();
    fs::create_dir(target.path("opennmc.toml")).unwrap();
    assert!(matches!(target.import("single", true).unwrap_err(), ImportError::Unwritable { .. }));
    assert!(!target.path("state/users.toml").exists());
    target.add("somebody");
    let before = fs::read(target.path("state/users.toml")).unwrap();
    assert!(target.import("single", true).is_err());
    assert_eq!(fs::read(target.path("state/users.toml")).unwrap(), before);
}

#[test]
fn when_a_user_can_not_be_made_nothing_is_written() {
    let target = Target::new();
    target.add("admin");
    // Force would take the last administrator's role away.
    let error = target.import("single", true).unwrap_err();
    assert!(matches!(error, ImportError::Users(_)), "{error}");
    assert!(!target.path("opennmc.toml").exists());
    assert_eq!(target.users().list().unwrap().len(), 1);
    assert!(target.knows("admin", PASSWORD).is_some());
}

#[test]
fn what_was_written_passes_the_check_with_the_real_packages() {
    for name in crate::FOLDERS {
        let target = Target::new();
        target.import(name, false).unwrap();
        let inspection = inspect(&target.path("opennmc.toml"), &[packages()]).unwrap();
        assert!(!inspection.has_errors(), "{name}: {inspection}");
    }
}

#[test]
fn upsc_finds_what_it_found_with_nut() {
    for (name, expected) in [
        ("single", &["ups: Smart-UPS in the SmartSlot"][..]),
        ("two", &["ups1: Upper UPS, rack A", "ups2: Lower UPS, rack B"]),
        ("sample", &[]),
    ] {
        let scene = Scene::of(name);
        assert_eq!(scene.upsc(&["-L", &scene.server()]).lines().collect::<Vec<_>>(), expected, "{name}");
        if let Some((ups, _)) = expected.first().and_then(|line| line.split_once(':')) {
            let status = || scene.upsc(&[&format!("{ups}@{}", scene.server()), "ups.status"]);
            until(status, |status| status.trim() == "OL");
        }
    }
}

#[test]
fn upsmon_and_upscmd_log_in_with_what_was_imported() {
    for (name, upses) in [("single", &["ups"][..]), ("two", &["ups1", "ups2"])] {
        let scene = Scene::of(name);
        for ups in upses {
            let status = || scene.upsc(&[&format!("{ups}@{}", scene.server()), "ups.status"]);
            until(status, |status| status.trim() == "OL");
        }
        let upsmon = scene.upsmon(name);
        for ups in upses {
            let clients = || scene.upsc(&["-c", &format!("{ups}@{}", scene.server())]);
            until(clients, |clients| clients.contains("127.0.0.1"));
        }
        let log = fs::read_to_string(scene.folder.path().join("upsmon/log")).unwrap();
        assert!(!log.contains("ERR") && !log.contains("failed"), "{log}");
        drop(upsmon);
        let system = format!("{}@{}", upses[0], scene.server());
        let upscmd = |user: &str, password: &str| {
            let command = ["-u", user, "-p", password, &system, "test.panel.start"];
            let output = Command::new("upscmd").args(command).stdin(Stdio::null()).output().unwrap();
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
        };
        // Which commands the UPS has is known a moment after its status.
        until(|| upscmd("admin", "change_me_soon"), |answer| answer.contains("OK"));
        assert!(upscmd("monuser", "monitor_me").contains("ACCESS-DENIED"));
    }
}

/// The daemon with what was imported, but for the serial ports and NUT's address.
pub(crate) struct Scene {
    folder: TempDir,
    port: u16,
    _daemon: Killed,
}

impl Scene {
    pub(crate) fn of(name: &str) -> Scene {
        let target = Target::new();
        target.import(name, false).unwrap();
        let config = target.path("opennmc.toml");
        let mut text = fs::read_to_string(&config).unwrap().replace(":3493", ":0");
        for device in ["/dev/ttyS0", "/dev/ttyS1"] {
            text = text.replace(device, "sim:smart-ups-1500");
        }
        fs::write(&config, text).unwrap();
        let log = target.path("log");
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_opennmc"));
        daemon.arg("run").arg("--config").arg(&config).arg("--plugins").arg(packages());
        daemon.env_remove("NOTIFY_SOCKET").env_remove("OPENNMC_LOG").env("NO_COLOR", "1");
        daemon.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut scene = Scene { folder: target.0, port: 0, _daemon: Killed(daemon.spawn().unwrap()) };
        let mut line = String::new();
        BufReader::new(scene._daemon.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let text = fs::read_to_string(log).unwrap();
        assert_eq!(line, "ready\n", "{text}");
        let port = text.split("nut=127.0.0.1:").nth(1).unwrap_or_else(|| panic!("no NUT server:\n{text}"));
        scene.port = port.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        scene
    }

    pub(crate) fn server(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// NUT's own `upsmon` with the `upsmon.conf` that was imported, but for NUT's address and the shutdown.
    fn upsmon(&self, name: &str) -> Killed {
        let folder = self.folder.path().join("upsmon");
        fs::create_dir(&folder).unwrap();
        let text = fs::read_to_string(crate::folder(name).join("upsmon.conf")).unwrap();
        let text = text.replace("@localhost", &format!("@{}", self.server()));
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("SHUTDOWNCMD")).collect();
        let text = format!("{}\nSHUTDOWNCMD \"touch {}/shut-down\"\n", kept.join("\n"), folder.display());
        fs::write(folder.join("upsmon.conf"), text).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        // Debian's /usr/sbin/upsmon is a script that asks the machine's own nut.conf whether it may.
        let real = Path::new("/lib/nut/upsmon");
        let mut upsmon = Command::new(if real.exists() { real } else { Path::new("upsmon") });
        // In the foreground, without a second process for the shutdown, as whoever runs the test.
        upsmon.args(["-F", "-D", "-p", "-u", String::from_utf8(user).unwrap().trim()]);
        for variable in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_PIDPATH", "NUT_ALTPIDPATH"] {
            upsmon.env(variable, &folder);
        }
        upsmon.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Killed(upsmon.spawn().expect("upsmon is needed: apt-get install nut-client"))
    }

    pub(crate) fn upsc(&self, arguments: &[&str]) -> String {
        let output = Command::new("upsc")
            .args(arguments)
            .output()
            .expect("upsc is needed: apt-get install nut-client");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A program that ends with its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until the answer fits.
pub(crate) fn until(mut ask: impl FnMut() -> String, fits: impl Fn(&str) -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let answer = ask();
        if fits(&answer) {
            return;
        }
        assert!(std::time::Instant::now() < end, "the last answer was {answer:?}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// The plugins, as `cargo xtask build` leaves them.
fn packages() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_opennmc"));
    let folder = program.parent().and_then(Path::parent).unwrap().join("plugins");
    assert!(folder.is_dir(), "{} is missing: run `cargo xtask build` first", folder.display());
    folder
}
