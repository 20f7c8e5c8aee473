//! Users, the examination, the configuration: with a daemon and without one.

use std::io::Write as _;
use std::process::{Output, Stdio};

use super::asking::Scene;
use super::place::{Place, text};
use super::schema::assert_valid;

const PASSWORD: &str = "grate-Lamp-7-olive-onward";

fn with_input(place: &Place, words: &[&str], input: &str) -> Output {
    let mut command = place.client(words);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses does not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn add(place: &Place, name: &str, role: &str) -> Output {
    with_input(place, &["user", "add", name, "--role", role, "--password-stdin"], &format!("{PASSWORD}\n"))
}

fn keeps_users(place: &Place) {
    let said = |words: &[&str]| {
        let output = place.client(words).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let json = |words: &[&str], schema: &str| {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let value = serde_json::from_str(&said(&words)).unwrap();
        assert_valid(schema, &value);
        value
    };
    for (name, role) in [("root", "administrator"), ("olga", "operator"), ("mona", "monitor")] {
        let output = add(place, name, role);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), format!("{name} is now a user, as {role}\n"));
    }
    let twice = add(place, "olga", "operator");
    assert_eq!(twice.status.code(), Some(7), "{}", text(&twice.stderr));
    let short = with_input(place, &["user", "password", "olga", "--password-stdin"], "abc\n");
    assert_eq!(short.status.code(), Some(7), "{}", text(&short.stderr));
    assert!(text(&short.stderr).contains("this password will not do"), "{}", text(&short.stderr));

    let list = said(&["user", "list"]);
    assert!(list.lines().any(|line| line.starts_with("olga ") && line.contains(" operator ")), "{list}");
    json(&["user", "list"], "users");
    assert_eq!(said(&["user", "role", "mona", "operator"]), "mona is operator now\n");
    assert_eq!(
        said(&["user", "scopes", "mona", "read", "command:beeper.mute"]),
        "mona may read command:beeper.mute\n"
    );
    assert!(said(&["user", "list"]).contains("read command:beeper.mute"));
    assert_eq!(said(&["user", "scopes", "mona", "--all"]), "mona may all of its role\n");
    assert_eq!(said(&["user", "unlock", "mona"]), "mona can try again\n");

    // As scripts rely on it, and with the word.
    let secret =
        said(&["user", "token", "olga", "--scope", "read", "--label", "grafana", "--lifetime", "90d"]);
    assert!(secret.trim().len() >= 20 && secret.lines().count() == 1, "{secret}");
    let token = json(&["user", "token", "add", "olga"], "token");
    let id = token["id"].as_str().unwrap();
    let tokens = json(&["user", "token", "list", "olga"], "tokens");
    assert_eq!(tokens.as_array().unwrap().len(), 2);
    assert!(!tokens.to_string().contains(secret.trim()), "a secret is shown once");
    said(&["user", "token", "revoke", id]);
    assert_eq!(json(&["user", "token", "list"], "tokens").as_array().unwrap().len(), 1);

    let unasked = place.client(&["user", "remove", "mona"]).output().unwrap();
    assert_eq!(unasked.status.code(), Some(7));
    json(&["user", "remove", "mona", "--yes"], "done");
    let gone = place.client(&["user", "unlock", "mona"]).output().unwrap();
    assert_eq!(
        (gone.status.code(), text(&gone.stderr)),
        (Some(6), "opennmc: there is no user `mona`\n".to_owned())
    );
}

#[test]
fn users_are_kept_by_a_running_daemon() {
    let scene = Scene::unread("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    keeps_users(&scene.place);
}

#[test]
fn users_are_kept_without_a_daemon() {
    let place = Place::with("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    let output = add(&place, "olga", "operator");
    assert_eq!(output.status.code(), Some(4), "there is no state folder: {}", text(&output.stderr));
    std::fs::create_dir(place.dir().join("state")).unwrap();
    keeps_users(&place);
}

#[test]
fn a_password_is_never_asked_for_where_nobody_can_answer() {
    let place = Place::with("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    let output = place.client(&["user", "add", "olga", "--role", "operator"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--password-stdin"), "{}", text(&output.stderr));
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_how_to_mend_it() {
    let scene = Scene::unread("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    std::fs::set_permissions(scene.place.config(), std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .unwrap();
    let output = scene.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(12));
    let said = text(&output.stdout);
    assert!(said.contains("critical: main can't be reached on /dev/does-not-exist"), "{said}");
    assert!(said.contains("can be changed by every user of this machine (mode 666)"), "{said}");
    assert!(said.contains("`chmod go-w "), "{said}");
    let json = scene.json(&["doctor"]);
    assert_valid("doctor", &json);
    assert_eq!(json["worst"], "critical");
    std::fs::set_permissions(scene.place.config(), std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .unwrap();
    assert!(!text(&scene.run(&["doctor"]).stdout).contains("can be changed by"));
}

#[test]
fn the_doctor_examines_the_files_when_no_daemon_runs() {
    let place = Place::with("[ups.main]\nprot = \"/dev/ttyS0\"\n");
    let output = place.client(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(12), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("critical: the daemon does not run"), "{said}");
    assert!(said.contains("did you mean `port`?"), "{said}");
}

#[test]
fn a_configuration_is_loaded_anew_and_what_changed_is_told() {
    let scene = Scene::unread("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    assert_eq!(scene.says(&["reload"]), "the configuration says what it said before\n");
    let text_before = std::fs::read_to_string(scene.place.config()).unwrap();
    std::fs::write(scene.place.config(), text_before.replace("[ups.main]", "[ups.other]")).unwrap();
    let json = scene.json(&["reload"]);
    assert_valid("reload", &json);
    assert!(!json["changed"].as_array().unwrap().is_empty(), "{json}");
    assert_eq!(scene.json(&["status"])["upses"][0]["name"], "other");
    std::fs::write(scene.place.config(), "nonsense").unwrap();
    let (code, error) = scene.fails(&["reload"]);
    assert_eq!(code, Some(10), "{error}");
    assert_eq!(scene.json(&["status"])["upses"][0]["name"], "other");
}

#[test]
fn the_log_level_is_shown_and_set_while_the_daemon_runs() {
    let scene = Scene::unread("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    assert_eq!(scene.says(&["log-level"]), "info\n");
    assert_eq!(scene.says(&["log-level", "debug"]), "debug\n");
    assert_valid("log-level", &scene.json(&["log-level"]));
    assert_eq!(scene.run(&["log-level", "loud"]).status.code(), Some(2));
}

#[test]
fn nut_is_imported_and_tried_before() {
    let place = Place::with("[ups.main]\nport = \"/dev/ttyS0\"\n");
    let nut = place.dir().join("nut");
    std::fs::create_dir(&nut).unwrap();
    std::fs::write(nut.join("ups.conf"), "[rack]\n  driver = apcsmart\n  port = /dev/ttyS0\n").unwrap();
    let written = place.dir().join("imported.toml");
    let import = |more: &[&str]| {
        let mut command = super::place::opennmc();
        command.arg("import-nut").arg(&nut).arg("--output").arg(&written);
        command.arg("--state").arg(place.dir().join("state")).args(more).output().unwrap()
    };
    let tried = import(&["--dry-run"]);
    assert_eq!(tried.status.code(), Some(0), "{}", text(&tried.stderr));
    assert!(text(&tried.stdout).contains("[ups.rack]"), "{}", text(&tried.stdout));
    assert!(!written.exists());
    assert_eq!(import(&[]).status.code(), Some(0));
    assert!(std::fs::read_to_string(&written).unwrap().contains("[ups.rack]"));
    let again = import(&[]);
    assert_eq!(again.status.code(), Some(10));
    assert!(text(&again.stderr).contains("--force"), "{}", text(&again.stderr));
}

#[test]
fn a_backup_of_a_running_daemon_brings_everything_back() {
    let mut scene = Scene::unread("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    let file = scene.place.dir().join("backup.tar.gz");
    let file_name = file.display().to_string();
    add(&scene.place, "olga", "administrator");
    let json = scene.json(&["backup", &file_name]);
    assert_valid("backup", &json);
    assert_eq!(scene.run(&["backup", &file_name]).status.code(), Some(10), "it exists");
    scene.says(&["user", "add", "eve", "--role", "monitor", "--no-password"]);
    scene.end();
    let before = std::fs::read_to_string(scene.place.config()).unwrap();
    std::fs::write(scene.place.config(), before.replace("does-not-exist", "elsewhere")).unwrap();
    assert_eq!(scene.run(&["restore", &file_name]).status.code(), Some(7), "nobody confirmed it");
    assert!(scene.says(&["user", "list"]).contains("eve"));
    scene.says(&["restore", &file_name, "--yes"]);
    assert_eq!(std::fs::read_to_string(scene.place.config()).unwrap(), before);
    let users = scene.says(&["user", "list"]);
    assert!(users.contains("olga") && !users.contains("eve"), "{users}");
    std::fs::write(&file, "no backup").unwrap();
    assert_eq!(scene.run(&["restore", &file_name, "--yes"]).status.code(), Some(7));
    assert_eq!(std::fs::read_to_string(scene.place.config()).unwrap(), before);
}

#[test]
fn what_was_ordered_and_what_happened_is_in_the_history() {
    let mut scene = Scene::new();
    scene.says(&["set", "ups.id", "RACK7"]);
    let audit = scene.json(&["audit"]);
    assert_valid("audit", &audit);
    assert!(audit.to_string().contains("ups.id"), "{audit}");
    assert!(scene.says(&["audit", "--user", "root"]).contains("verified"));
    let events = scene.says(&["events", "--last", "5"]);
    assert!(events.contains("main answers"), "{events}");
    let began = std::time::Instant::now();
    while !scene.json(&["history"])["variables"].to_string().contains("battery.charge") {
        assert!(began.elapsed() < super::place::PATIENCE);
    }
    assert_valid("recorded", &scene.json(&["history"]));
    assert_valid("history", &scene.json(&["history", "battery.charge", "--resolution", "seconds"]));
    let csv = scene.says(&["history", "main", "battery.charge", "--csv", "--since", "1h"]);
    assert!(csv.starts_with("at,min,avg,max,count\n"), "{csv}");
    scene.end();
    assert!(scene.says(&["audit"]).contains("ups.id"), "without a daemon as well");
}
