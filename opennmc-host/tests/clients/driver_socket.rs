//! Debian's `upsd` with our UPS as if one of NUT's drivers served it.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use super::scene::{Scene, until};
use super::upsd::Upsd;
use super::variables;

const UPS_CONF: &str = "[main]\n  driver = opennmc\n  port = auto\n";
const USERS: &str = "[admin]\n  password = sesame\n  actions = SET\n  instcmds = ALL\n";

fn behind_upsd() -> (Scene, Upsd) {
    let mut upsd = Upsd::new(UPS_CONF, USERS);
    let socket = upsd.state_path().join("opennmc-main");
    let listen = format!("[plugin.nut-driver]\nlisten = {{ main = [\"unix:{}\"] }}\n", socket.display());
    let scene = Scene::with(&[], &listen);
    let meta = std::fs::metadata(&socket).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.permissions().mode() & 0o777, 0o660);
    upsd.start_server();
    (scene, upsd)
}

fn status(upsd: &Upsd) -> String {
    upsd.ask("upsc", &["{}", "ups.status"], "main")
}

#[test]
fn an_upsd_shows_the_same_values_settings_and_commands() {
    let (scene, upsd) = behind_upsd();
    let ours = until(
        "every variable",
        || scene.upsc(&["main"]),
        |out| variables(out).contains_key("output.current"),
    );
    let all = |out: &str| variables(out).contains_key("output.current");
    let theirs = until("every variable behind upsd", || upsd.upsc("main"), all);
    let (ours, theirs) = (variables(&ours), variables(&theirs));
    for (name, value) in &ours {
        // What moves, and what each server says of itself.
        if name.ends_with(".trend") || name.starts_with("server.") {
            continue;
        }
        let shown = theirs.get(name).unwrap_or_else(|| panic!("{name} is missing behind upsd"));
        assert!(super::same_value(shown, value), "{name} is {value}, behind upsd {shown}");
    }
    let known = |out: &str| out.contains("[input.sensitivity]");
    let settings = until("what can be set", || upsd.ask("upsrw", &["{}"], "main"), known);
    let (_, sensitivity) = settings.split_once("[input.sensitivity]").unwrap();
    assert!(sensitivity.contains("Type: ENUM") && sensitivity.contains("Option: \"L\""), "{settings}");
    assert!(upsd.ask("upscmd", &["-l", "{}"], "main").contains("test.battery.start"));
}

#[test]
fn an_outage_is_seen_behind_upsd_and_orders_reach_the_ups() {
    let (scene, upsd) = behind_upsd();
    until("line power", || status(&upsd), |status| status == "OL\n");
    scene.control("line off");
    until("the outage", || status(&upsd), |status| status.contains("OB"));
    scene.control("line on");
    until("its end", || status(&upsd), |status| status == "OL\n");

    let admin = ["-u", "admin", "-p", "sesame"];
    let order = |client: &str, rest: &[&str]| upsd.ask(client, &[&admin, rest].concat(), "main");
    let set = || order("upsrw", &["-w", "-s", "ups.id=CELLAR", "{}"]);
    until("a setting that is tracked", set, |said| said.contains("SUCCESS"));
    assert_eq!(scene.upsc(&["main", "ups.id"]), "CELLAR\n");
    until("the setting behind upsd", || upsd.upsc("main"), |out| variables(out)["ups.id"] == "CELLAR");

    let run = || order("upscmd", &["-w", "{}", "test.battery.start"]);
    until("a command that is tracked", run, |said| said.contains("SUCCESS"));
    assert!(scene.control("truth").contains("test"), "{}", scene.control("truth"));
    // It would take the power away, and was not granted.
    let refused = order("upscmd", &["-w", "{}", "load.off"]);
    assert!(refused.contains("FAILED"), "{refused}");
    assert!(!scene.upsc(&["main", "ups.status"]).contains("OFF"));
}

#[test]
fn silence_is_stale_behind_upsd_and_a_new_plugin_is_found_again() {
    let (scene, upsd) = behind_upsd();
    until("line power", || status(&upsd), |status| status == "OL\n");
    scene.control("mute on");
    until("stale data", || status(&upsd), |status| status.contains("stale"));
    scene.control("mute off");
    until("fresh data", || status(&upsd), |status| status == "OL\n");

    let socket = upsd.state_path().join("opennmc-main");
    let (stopped, said) = scene.opennmc(&["plugin", "disable", "nut-driver"]);
    assert!(stopped, "{said}");
    until("no driver", || status(&upsd), |status| status.contains("not connected"));
    // A moment later than its connections.
    until("the listener's file to go", || socket.exists().to_string(), |there| there == "false");
    let (started, said) = scene.opennmc(&["plugin", "enable", "nut-driver"]);
    assert!(started, "{said}");
    until("the driver again", || status(&upsd), |status| status == "OL\n");
    let (reloaded, said) = scene.opennmc(&["plugin", "restart", "nut-driver"]);
    assert!(reloaded, "{said}");
    until("the driver after a restart", || status(&upsd), |status| status == "OL\n");
}
