//! Debian's `dummy-ups` as a repeater of our server, with Debian's `upsd` behind it; and a whole outage with three `upsmon`s.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use opennmc_host::users::Role;

use super::scene::{Scene, until};
use super::variables;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_upsd_chained_behind_ours_shows_the_same() {
    let scene = Scene::start();
    let ours = until(
        "every variable",
        || scene.upsc(&["main"]),
        |out| variables(out).contains_key("output.current"),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o770)).unwrap();
    let address = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let ups = format!(
        "[again]\n  driver = dummy-ups\n  port = main@127.0.0.1:{}\n  mode = repeater\n",
        scene.port()
    );
    std::fs::write(path.join("ups.conf"), ups).unwrap();
    let upsd = format!("LISTEN {} {}\nSTATEPATH {}\n", address.ip(), address.port(), path.display());
    std::fs::write(path.join("upsd.conf"), upsd).unwrap();
    std::fs::write(path.join("upsd.users"), "").unwrap();
    let start = |program: &str, arguments: &[&str]| {
        assert!(Path::new(program).exists(), "{program} is missing: `cargo xtask setup` installs it");
        let mut command = Command::new(program);
        command.args(arguments).env("NUT_CONFPATH", path).env("NUT_STATEPATH", path);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "root"]);
        }
        Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let _driver = start("/lib/nut/dummy-ups", &["-F", "-a", "again"]);
    until("the repeater", || path.join("dummy-ups-again").exists().to_string(), |is| is == "true");
    let _server = start("/lib/nut/upsd", &["-F"]);
    until("upsd", || TcpStream::connect(address).is_ok().to_string(), |is| is == "true");
    let again = format!("again@127.0.0.1:{}", address.port());
    let upsc = || {
        let output = Command::new("upsc").arg(&again).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let theirs = until("the values behind it", upsc, |out| variables(out).get("ups.status") == Some(&"OL"));
    let (ours, theirs) = (variables(&ours), variables(&theirs));
    for (name, value) in &ours {
        // Its own, and what moves.
        if name.starts_with("driver.") || name.ends_with(".trend") || name.starts_with("server.") {
            continue;
        }
        let shown = theirs.get(name).unwrap_or_else(|| panic!("{name} is missing behind upsd"));
        assert!(super::same_value(shown, value), "{name} is {value}, behind upsd {shown}");
    }
    scene.control("line off");
    until("the outage behind upsd", upsc, |out| {
        variables(out).get("ups.status").is_some_and(|status| status.contains("OB"))
    });
}

#[test]
fn a_primary_waits_for_two_secondaries_and_goes_down_last() {
    let scene = Scene::with_users(&[
        ("primary", "primary-long-one", Role::Operator, "read login fsd"),
        ("secondary", "secondary-long-one", Role::Operator, "read login"),
    ]);
    until("the UPS", || scene.upsc(&["main", "ups.status"]), |status| status == "OL\n");
    let primary = scene.upsmon("one", "primary", "primary-long-one", "primary");
    let secondaries = [
        scene.upsmon("two", "secondary", "secondary-long-one", "secondary"),
        scene.upsmon("three", "secondary", "secondary-long-one", "secondary"),
    ];
    until("three log-ins", || scene.upsc(&["-c", "main"]), |clients| clients.lines().count() == 3);
    scene.control("line off");
    until("the outage", || scene.upsc(&["main", "ups.status"]), |status| status.contains("OB"));
    assert_eq!(primary.has_shut_down(), "no", "there is no need yet");
    scene.control("low-battery");
    for secondary in &secondaries {
        until("a secondary's shutdown", || secondary.has_shut_down(), |yes| yes == "yes");
    }
    until("the primary's shutdown", || primary.has_shut_down(), |yes| yes == "yes");
    let [first, second] = &secondaries;
    assert!(
        primary.when_it_shut_down() >= first.when_it_shut_down()
            && primary.when_it_shut_down() >= second.when_it_shut_down(),
        "the primary carries the others and goes last"
    );
    assert!(scene.upsc(&["main", "ups.status"]).contains("FSD"));
}
