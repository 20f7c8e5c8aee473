//! What `opennmc.toml` may say, and what is said about it when it is wrong: exact messages, because people read them.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::path::Path;
use std::time::Duration;

use apcsmart::serial::Cable;
use opennmc_host::config::{ConfigError, Port, Settings};

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(Path::new("opennmc.toml"), text).map_err(|error| error.to_string())
}

/// The only problem of `text`, which gets a UPS in front unless it has one.
fn problem(text: &str) -> String {
    let with_ups = format!("{text}\n[ups.main]\nport = \"/dev/ttyS0\"\n");
    let message = parse(if text.contains("ups.") { text } else { &with_ups }).unwrap_err();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn the_shortest_file_has_a_ups_and_defaults_for_the_rest() {
    let settings = parse("[ups.main]\nport = \"/dev/ttyS0\"\n").unwrap();
    assert_eq!(settings.state_dir, Path::new("/var/lib/opennmc"));
    assert_eq!(settings.plugin_dirs, [Path::new("/usr/lib/opennmc/plugins")]);
    assert_eq!(settings.log, None);
    assert_eq!(settings.plugins, []);
    let [ups] = settings.upses.as_slice() else { panic!("{settings:?}") };
    assert_eq!(ups.name.as_str(), "main");
    assert_eq!(ups.port, Port::Tty("/dev/ttyS0".into()));
    assert_eq!(ups.description, None);
    assert_eq!(ups.cable, Cable::C940_0024);
    assert_eq!(ups.spacing, None);
    assert_eq!(ups.stale_after, Duration::from_secs(15));
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let settings = parse(
        r#"
        [state]
        dir = "/data/opennmc"

        [log]
        level = "info,opennmc_host::link=debug"

        [plugins]
        dirs = ["/opt/a", "/opt/b"]

        [ups.zebra]
        port = "tcp://[fe80::1]:4001"
        description = "Rack A"
        spacing-ms = 100
        stale-after = 30

        [ups.alpha]
        port = "sim:smart-ups-1500"
        cable = "940-0095b"

        [plugin.nut-server]
        package = "/opt/nut-server.onmc"
        listen = { nut = ["127.0.0.1:3493", "[::1]:3493"] }
        config = { max-connections = 16, names = { a = "b" } }

        [plugin.web-ui]
        enabled = false
        "#,
    )
    .unwrap();
    assert_eq!(settings.state_dir, Path::new("/data/opennmc"));
    assert_eq!(settings.log.unwrap().as_str(), "info,opennmc_host::link=debug");
    assert_eq!(settings.plugin_dirs, [Path::new("/opt/a"), Path::new("/opt/b")]);
    let names: Vec<&str> = settings.upses.iter().map(|ups| ups.name.as_str()).collect();
    assert_eq!(names, ["zebra", "alpha"], "the order of the file");
    assert_eq!(settings.upses[0].port.to_string(), "tcp://[fe80::1]:4001");
    assert_eq!(settings.upses[0].spacing, Some(Duration::from_millis(100)));
    assert_eq!(settings.upses[0].stale_after, Duration::from_secs(30));
    assert_eq!(settings.upses[1].port, Port::Simulator("smart-ups-1500".into()));
    assert_eq!(settings.upses[1].cable, Cable::C940_0095);
    let [server, web] = settings.plugins.as_slice() else { panic!() };
    assert_eq!((server.id.as_str(), server.enabled), ("nut-server", true));
    assert_eq!(server.listen["nut"].len(), 2);
    assert_eq!(server.config["max-connections"].as_integer(), Some(16));
    assert_eq!(server.config["names"]["a"].as_str(), Some("b"));
    assert_eq!((web.id.as_str(), web.enabled), ("web-ui", false));
}

#[test]
fn a_mistyped_key_is_named_with_its_place_and_the_nearest_known_one() {
    for (text, expected) in [
        (
            "[ups.main]\nprot = \"x\"\nport = \"/dev/ttyS0\"\n",
            "opennmc.toml:2:1: ups.main.prot: there is no such key here; did you mean `port`?",
        ),
        (
            "[state]\n  directory = \"/x\"",
            "opennmc.toml:2:3: state.directory: there is no such key here; known are `dir`",
        ),
        (
            "[plugin.x]\nlisen = {}",
            "opennmc.toml:2:1: plugin.x.lisen: there is no such key here; did you mean `listen`?",
        ),
        ("[stat]\n", "opennmc.toml:1:2: stat: there is no such key here; did you mean `state`?"),
    ] {
        assert_eq!(problem(text), expected);
    }
    let nothing_near = problem("[notifications]\n");
    let known = nothing_near
        .strip_prefix("opennmc.toml:1:2: notifications: there is no such key here; known are ")
        .unwrap();
    assert!(known.contains("`plugin`, `plugins`") && known.ends_with("`ups`"), "{known}");
}

#[test]
fn a_value_of_the_wrong_kind_is_named_with_its_place() {
    for (text, expected) in [
        ("[state]\ndir = 3", "opennmc.toml:2:7: state.dir: invalid type: integer `3`, expected path string"),
        ("state = \"/x\"", "opennmc.toml:1:9: state: expected a table `[state]`, found a string"),
        (
            "ups.main = \"/dev/ttyS0\"",
            "opennmc.toml:1:5: ups.main: expected a table `[ups.main]`, found a string; `ups` holds one table per name",
        ),
        (
            "[plugin.x]\nenabled = \"yes\"",
            "opennmc.toml:2:11: plugin.x.enabled: invalid type: string \"yes\", expected a boolean",
        ),
        (
            "[plugin.x]\nlisten = { nut = \"127.0.0.1:1\" }",
            "opennmc.toml:2:18: plugin.x.listen: invalid type: string \"127.0.0.1:1\", expected a sequence",
        ),
        (
            "[plugin.x]\nlisten = { nut = [\"localhost:3493\"] }",
            "opennmc.toml:2:18: plugin.x.listen: `localhost:3493` is not an address with a port; \
             write for example `127.0.0.1:3493`, `[::1]:3493`, `0.0.0.0:3493`, or `unix:/run/nut/opennmc-main` for a socket in the \
             file system",
        ),
        (
            "[log]\nlevel = \"inof\"",
            "opennmc.toml:2:9: log.level: `inof` is not a log level; did you mean `info`?",
        ),
        (
            "[ups.a]\nport = \"ttyS0\"",
            "opennmc.toml:2:8: ups.a.port: `ttyS0` is not a port: write a device such as `/dev/ttyS0`, \
             `tcp://HOST:PORT` for a serial converter on the network, or `sim:MODEL` for a simulated UPS",
        ),
        (
            "[ups.a]\nport = \"tcp://::1:4001\"",
            "opennmc.toml:2:8: ups.a.port: `tcp://::1:4001` is not an address: \
             write `tcp://HOST:PORT`, with an IPv6 address in brackets",
        ),
        (
            "[ups.a]\nport = \"sim:smart-ups-1400\"",
            "opennmc.toml:2:8: ups.a.port: there is no simulated UPS `smart-ups-1400`; did you mean `smart-ups-1500`?",
        ),
        (
            "[ups.a]\nport = \"/dev/ttyS0\"\ncable = \"0095B\"",
            "opennmc.toml:3:9: ups.a.cable: `0095B` is not a cable that OpenNMC knows; known are `940-0024C`, `940-0095B`",
        ),
        (
            "[ups.a]\nport = \"/dev/ttyS0\"\nspacing-ms = 5000",
            "opennmc.toml:3:14: ups.a.spacing-ms: 5000 is out of range: 0 to 1000 milliseconds",
        ),
        (
            "[ups.a]\nport = \"/dev/ttyS0\"\nstale-after = -1",
            "opennmc.toml:3:15: ups.a.stale-after: -1 is out of range: 5 to 600 seconds",
        ),
    ] {
        assert_eq!(problem(text), expected);
    }
}

#[test]
fn names_that_nut_clients_could_not_write_are_refused() {
    for name in ["two words", "a\\\"b", "a@b", "a:b", ""] {
        let message = problem(&format!("[ups.\"{name}\"]\nport = \"/dev/ttyS0\""));
        assert!(message.starts_with("opennmc.toml:1:6: ups: `"), "{message}");
        assert!(
            message.ends_with(
                "` can't be the name of a UPS: NUT clients need 1 to 64 letters, digits, `-`, `_` or `.`, \
                 without blanks or quotes"
            ),
            "{message}"
        );
    }
    assert_eq!(
        problem("[plugin.NutServer]"),
        "opennmc.toml:1:9: plugin: `NutServer` can't be a plugin's id: it has lower-case letters, digits and `-`"
    );
}

#[test]
fn two_things_that_would_collide_are_refused() {
    for (text, expected) in [
        (
            "[ups.main]\nport = \"/dev/ttyS0\"\n[ups.MAIN]\nport = \"/dev/ttyS1\"",
            "opennmc.toml:3:6: ups.MAIN: NUT clients can't tell this name from `main`: they ignore case",
        ),
        (
            "[ups.a]\nport = \"/dev/ttyS0\"\n[ups.b]\nport = \"/dev/ttyS0\"",
            "opennmc.toml:4:8: ups.b.port: `/dev/ttyS0` is already the port of `a`",
        ),
        (
            "[plugin.a]\nlisten = { x = [\"127.0.0.1:1\"] }\n[plugin.b]\nlisten = { y = [\"127.0.0.1:1\"] }",
            "opennmc.toml:4:10: plugin.b.listen: 127.0.0.1:1 is already taken by `plugin.a`",
        ),
    ] {
        assert_eq!(problem(text), expected);
    }
    let simulators = "[ups.a]\nport = \"sim:smart-ups-1500\"\n[ups.b]\nport = \"sim:smart-ups-1500\"";
    assert_eq!(parse(simulators).unwrap().upses.len(), 2, "two simulated UPSes share nothing");
}

#[test]
fn what_is_missing_is_said_with_an_example() {
    assert_eq!(
        problem("[ups.main]\n"),
        "opennmc.toml:1:6: ups.main.port: this key is required, for example `port = \"/dev/ttyS0\"`"
    );
    assert_eq!(
        parse("").unwrap_err(),
        "opennmc.toml:1:1: ups: there is no UPS to watch; \
         add a section such as `[ups.main]` with `port = \"/dev/ttyS0\"`"
    );
}

#[test]
fn a_script_has_a_section_only_for_what_goes_beyond_the_usual() {
    let text = "[ups.a]\nport = \"/dev/ttyS0\"\n[script.night]\nsecrets = { t = { file = \"/k\" } }\nallow = { connect = [\"https://a.example\"] }";
    let settings = parse(text).unwrap();
    assert_eq!(settings.scripts[0].secrets["t"], std::path::Path::new("/k"));
    assert!(problem("[script.night]\nalow = {}").contains("script.night.alow"));
    assert!(problem("[script.night]\nallow = { upses = {} }").contains("script.night.allow"));
}

#[test]
fn all_problems_are_told_at_once_from_top_to_bottom() {
    let message =
        parse("[log]\nlevel = 3\n[ups.a]\nprot = 1\n[ups.b]\nport = \"/dev/ttyS0\"\ncabel = \"x\"\n")
            .unwrap_err();
    let places: Vec<String> =
        message.lines().map(|line| line.splitn(5, ':').take(4).collect::<Vec<_>>().join(":")).collect();
    assert_eq!(
        places,
        [
            "opennmc.toml:2:9: log.level",
            "opennmc.toml:3:6: ups.a.port",
            "opennmc.toml:4:1: ups.a.prot",
            "opennmc.toml:7:1: ups.b.cabel",
        ]
    );
}

#[test]
fn columns_count_characters_and_not_bytes() {
    assert_eq!(
        problem("[ups.a]\nport = \"/dev/ttyS0\"\ndescription = \"Gerät\"\n\"cäble\" = 1"),
        "opennmc.toml:4:1: ups.a.cäble: there is no such key here; did you mean `cable`?"
    );
    let message = parse("ups = { \"äöü\" = { port = 1 } }").unwrap_err();
    assert!(message.contains("opennmc.toml:1:26: ups.äöü.port: invalid type"), "{message}");
}

#[test]
fn a_file_that_is_not_toml_gives_its_syntax_errors_only() {
    let message = parse("[ups.main\nport = \"/dev/ttyS0\"\n").unwrap_err();
    assert!(message.starts_with("opennmc.toml:1:"), "{message}");
    assert!(!message.contains("there is no UPS"), "{message}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Settings::load(Path::new("/nowhere/opennmc.toml")).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
    assert_eq!(
        error.to_string(),
        "/nowhere/opennmc.toml: can't read the configuration: No such file or directory (os error 2)"
    );
}

#[test]
fn the_examples_in_the_documentation_are_right() {
    let documentation = include_str!("../../docs/configuration.md");
    let examples: Vec<&str> =
        documentation.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        parse(example).unwrap();
    }
}

#[test]
fn a_key_that_is_there_twice_is_named() {
    let text = "[ups.a]\nport = \"sim:smart-ups-1500\"\nport = \"/dev/ttyS0\"\n";
    let problem = Settings::parse(Path::new("opennmc.toml"), text).unwrap_err().to_string();
    assert!(problem.contains("opennmc.toml:3:1: the key `port` is there twice"), "{problem}");
}
