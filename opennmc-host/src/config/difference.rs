//! What a new configuration changes, said in the terms of what has to be done about it.
//!
//! A pure function of two settings: a reload asks it, then acts. The invariant is that no difference is lost: the
//! structs are taken apart field by field, so that a new setting does not compile until it is put in its class here.
//! Nothing is opened, stopped or looked up in this file.

use serde::Serialize;

use super::{DeviceName, PluginSection, Settings, UpsSettings};

/// What has to be done to go from one configuration to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Changes {
    /// UPSes that are not as they were: those of the new configuration in its order, then the removed ones. A UPS that
    /// is not here must not be touched.
    pub upses: Vec<Change<UpsChange>>,
    /// The UPSes that stay are listed in another order than before.
    pub ups_order: bool,
    /// Plugins that are not as they were, in the same order as `upses`. One with `enabled = false` counts as absent. A
    /// plugin that is not here keeps its clients.
    pub plugins: Vec<Change<PluginChange>>,
    /// Packages are looked for in other folders. Running plugins keep theirs until they are started anew.
    pub plugin_dirs: bool,
    /// Scripts are looked for elsewhere, or have other settings.
    pub scripts: bool,
    /// Other signers, or other rules about signatures. What runs goes on.
    pub trust: bool,
    /// Another log level.
    pub log: bool,
    /// Keys whose new values can't take effect in a running daemon.
    pub needs_restart: Vec<&'static str>,
}

/// What happens to one named thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change<T> {
    /// The name of the UPS, or the id of the plugin.
    pub name: String,
    /// What is new about it.
    pub what: What<T>,
}

/// How one named thing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What<T> {
    /// It was not there.
    Added,
    /// It is there no longer.
    Removed,
    /// It was there and is, with other settings.
    Changed(T),
}

/// How a UPS that stays differs. At least one is true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UpsChange {
    /// The port, or how the line is driven: contact has to be made anew.
    pub reopen: bool,
    /// Limits and times by which its state is judged: they apply to the running state.
    pub rules: bool,
    /// What people read.
    pub description: bool,
}

/// How a plugin that stays differs. At least one is true; each needs the plugin to be started anew, because a plugin is
/// told its settings once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginChange {
    /// Other addresses.
    pub listen: bool,
    /// Other settings of its own.
    pub config: bool,
    /// Other limits, or other things that are allowed.
    pub granted: bool,
    /// Another package file, or another one expected.
    pub package: bool,
}

impl Changes {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }
}

/// What has to be done to go from `old` to `new`.
pub fn difference(old: &Settings, new: &Settings) -> Changes {
    let Settings {
        state_dir,
        upses,
        plugin_dirs,
        plugins,
        script_dirs,
        scripts,
        signers,
        require_signature,
        update_signed,
        log,
        log_file,
        service,
        control,
        history,
        // Read anew with every reload, since the files themselves change.
        tls: _,
        // Likewise, for its certificate; the server is told all of it and keeps what stays.
        http: _,
    } = new;
    let kept = |these: &[UpsSettings], those: &[UpsSettings]| -> Vec<DeviceName> {
        let in_both = these.iter().filter(|ups| those.iter().any(|other| other.name == ups.name));
        in_both.map(|ups| ups.name.clone()).collect()
    };
    Changes {
        upses: compare(&old.upses, upses, |ups| ups.name.as_str(), ups_change),
        ups_order: kept(&old.upses, upses) != kept(upses, &old.upses),
        plugins: compare(
            &running(&old.plugins),
            &running(plugins),
            |plugin| plugin.id.as_str(),
            |old, new| plugin_change(old, new),
        ),
        plugin_dirs: old.plugin_dirs != *plugin_dirs,
        scripts: old.script_dirs != *script_dirs || old.scripts != *scripts,
        trust: old.signers != *signers
            || old.require_signature != *require_signature
            || old.update_signed != *update_signed,
        log: old.log != *log,
        needs_restart: [
            ("state.dir", old.state_dir != *state_dir),
            ("log.file", old.log_file != *log_file),
            ("service", old.service != *service),
            ("control", old.control != *control),
            ("history", old.history != *history),
        ]
        .into_iter()
        .filter_map(|(key, changed)| changed.then_some(key))
        .collect(),
    }
}

fn ups_change(old: &UpsSettings, new: &UpsSettings) -> Option<UpsChange> {
    let UpsSettings { name: _, port, description, cable, spacing, stale_after, rules, driver } = new;
    let change = UpsChange {
        reopen: old.port != *port || old.cable != *cable || old.spacing != *spacing || old.driver != *driver,
        rules: old.stale_after != *stale_after || old.rules != *rules,
        description: old.description != *description,
    };
    (change != UpsChange::default()).then_some(change)
}

fn plugin_change(old: &PluginSection, new: &PluginSection) -> Option<PluginChange> {
    let PluginSection { id: _, enabled: _, package, sha256, listen, listen_udp, limits, allow, config } = new;
    let change = PluginChange {
        listen: old.listen != *listen || old.listen_udp != *listen_udp,
        granted: old.limits != *limits || old.allow != *allow,
        config: old.config != *config,
        package: old.package != *package || old.sha256 != *sha256,
    };
    (change != PluginChange::default()).then_some(change)
}

fn running(plugins: &[PluginSection]) -> Vec<&PluginSection> {
    plugins.iter().filter(|plugin| plugin.enabled).collect()
}

/// What is new among `new`, in its order, and then what only `old` has.
fn compare<T, C>(
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> &str,
    change: impl Fn(&T, &T) -> Option<C>,
) -> Vec<Change<C>> {
    let find = |list: &'_ [T], wanted: &str| list.iter().position(|item| name(item) == wanted);
    let differing = new.iter().filter_map(|item| {
        let what = match find(old, name(item)) {
            None => What::Added,
            Some(index) => What::Changed(change(&old[index], item)?),
        };
        Some(Change { name: name(item).to_owned(), what })
    });
    let removed = old.iter().filter(|item| find(new, name(item)).is_none());
    let removed = removed.map(|item| Change { name: name(item).to_owned(), what: What::Removed });
    differing.chain(removed).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const BEFORE: &str = r#"
        [ups.a]
        port = "/dev/ttyS0"
        [ups.b]
        port = "/dev/ttyS1"
        [plugin.nut-server]
        listen = { nut = ["127.0.0.1:3493"] }
        [plugin.web-ui]
        enabled = false
    "#;

    fn settings(text: &str) -> Settings {
        Settings::parse(Path::new("opennmc.toml"), text).unwrap()
    }

    /// The changes from `BEFORE` to `BEFORE` with `from` replaced by `to`.
    fn changes(from: &str, to: &str) -> Changes {
        assert!(BEFORE.contains(from), "{from}");
        difference(&settings(BEFORE), &settings(&BEFORE.replace(from, to)))
    }

    fn one<T>(name: &str, what: What<T>) -> Vec<Change<T>> {
        vec![Change { name: name.to_owned(), what }]
    }

    fn none() -> Changes {
        Changes::default()
    }

    #[test]
    fn equal_settings_need_nothing_done() {
        assert!(changes("[ups.a]", "# a comment\n[ups.a]").is_empty());
        assert!(changes("[ups.b]", "stale-after = 15\n[ups.b]").is_empty(), "a default written out");
    }

    #[test]
    fn each_key_of_a_ups_is_in_one_class() {
        let reopen = UpsChange { reopen: true, ..UpsChange::default() };
        let rules = UpsChange { rules: true, ..UpsChange::default() };
        let description = UpsChange { description: true, ..UpsChange::default() };
        for (key, expected) in [
            ("cable = \"940-0095B\"", reopen),
            ("spacing-ms = 50", reopen),
            ("stale-after = 20", rules),
            ("rules = { on-battery-delay = 2 }", rules),
            ("override = { \"ups.realpower.nominal\" = 865 }", rules),
            ("description = \"Rack A\"", description),
        ] {
            let changes = changes("[ups.b]", &format!("{key}\n[ups.b]"));
            assert_eq!(changes, Changes { upses: one("a", What::Changed(expected)), ..none() }, "{key}");
        }
        let moved = changes("ttyS1", "ttyS2");
        assert_eq!(moved, Changes { upses: one("b", What::Changed(reopen)), ..none() });
    }

    #[test]
    fn upses_come_and_go_without_touching_the_others() {
        let added = changes("[ups.b]", "[ups.c]\nport = \"sim:smart-ups-1500\"\n[ups.b]");
        assert_eq!(added, Changes { upses: one("c", What::Added), ..none() });
        let removed = changes("[ups.b]\n        port = \"/dev/ttyS1\"", "");
        assert_eq!(removed, Changes { upses: one("b", What::Removed), ..none() });
        let renamed = changes("ups.b", "ups.z");
        let expected = [one("z", What::Added), one("b", What::Removed)].concat();
        assert_eq!(renamed, Changes { upses: expected, ..none() });
    }

    #[test]
    fn another_order_is_told_and_reopens_nothing() {
        let ab = "[ups.a]\nport = \"/dev/ttyS0\"\n[ups.b]\nport = \"/dev/ttyS1\"\n";
        let ba = "[ups.b]\nport = \"/dev/ttyS1\"\n[ups.a]\nport = \"/dev/ttyS0\"\n";
        let changes = difference(&settings(ab), &settings(ba));
        assert_eq!(changes, Changes { ups_order: true, ..none() });
    }

    #[test]
    fn each_key_of_a_plugin_restarts_that_plugin_only() {
        let table = [
            ("3493", "3494", PluginChange { listen: true, ..PluginChange::default() }),
            (
                "[plugin.web-ui]",
                "config = { max-connections = 9 }\n[plugin.web-ui]",
                PluginChange { config: true, ..PluginChange::default() },
            ),
            (
                "[plugin.web-ui]",
                "package = \"/opt/x.onmc\"\n[plugin.web-ui]",
                PluginChange { package: true, ..PluginChange::default() },
            ),
        ];
        for (from, to, expected) in table {
            let expected = Changes { plugins: one("nut-server", What::Changed(expected)), ..none() };
            assert_eq!(changes(from, to), expected, "{to}");
        }
    }

    #[test]
    fn a_disabled_plugin_counts_as_absent() {
        let enabled = changes("enabled = false", "enabled = true");
        assert_eq!(enabled, Changes { plugins: one("web-ui", What::Added), ..none() });
        let disabled = changes("listen = {", "enabled = false\nlisten = {");
        assert_eq!(disabled, Changes { plugins: one("nut-server", What::Removed), ..none() });
        let still = changes("enabled = false", "enabled = false\nconfig = { a = 1 }");
        assert!(still.is_empty(), "what does not run needs nothing");
    }

    #[test]
    fn the_rest_of_the_file_is_told_by_section() {
        let in_front = |text: &str| changes("[ups.a]", &format!("{text}\n[ups.a]"));
        assert_eq!(in_front("[log]\nlevel = \"debug\""), Changes { log: true, ..none() });
        assert_eq!(in_front("[plugins]\ndirs = [\"/x\"]"), Changes { plugin_dirs: true, ..none() });
        assert_eq!(in_front("[state]\ndir = \"/x\""), Changes { needs_restart: vec!["state.dir"], ..none() });
    }
}
