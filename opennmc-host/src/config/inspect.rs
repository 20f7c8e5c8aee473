//! What `opennmc check` finds: the file itself, and then whether this machine agrees with it.
//!
//! [`Settings::parse`] judges the text alone. Here the packages of the configured plugins are read and the devices of the
//! ports are looked at, because a listener that the plugin does not have, or two names for one serial port, shows only
//! then. Nothing is opened for use, started or changed: an inspection beside a running daemon disturbs nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::places::Places;
use super::problem::write_lines;
use super::section::suggestion;
use super::{ConfigError, PluginSection, Port, Problem, Settings, Severity};
use crate::plugin::{
    ListenAddress, Manifest, PluginError, PluginSettings, TlsMaterial, Trust, misfits, server_config,
};

/// What was found about one configuration file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Inspection {
    /// The file.
    pub file: PathBuf,
    /// From the top of the file to its end.
    pub problems: Vec<Problem>,
    /// How many UPSes it has; none when the file can't be used at all.
    pub upses: Option<usize>,
    /// How many plugins it starts; none when the file can't be used at all.
    pub plugins: Option<usize>,
}

impl Inspection {
    /// Whether anything is worse than a warning.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(out, &self.file, &self.problems)?;
        let (Some(upses), Some(plugins), false) = (self.upses, self.plugins, self.has_errors()) else {
            return Ok(());
        };
        let verdict = match self.problems.len() {
            0 => "no problems",
            _ => {
                out.write_str("\n")?;
                "no errors"
            }
        };
        write!(out, "{}: {verdict}; UPSes: {upses}, plugins: {plugins}", self.file.display())
    }
}

/// Reads the file at `path` and everything it refers to. `plugin_dirs` are searched for packages before the configured
/// folders, as `opennmc run --plugins` does.
pub fn inspect(path: &Path, plugin_dirs: &[PathBuf]) -> Result<Inspection, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let inspection =
        |problems, upses, plugins| Inspection { file: path.to_owned(), problems, upses, plugins };
    let settings = match Settings::parse(path, &text) {
        Ok(settings) => settings,
        Err(ConfigError::Invalid(problems)) => {
            return Ok(inspection(problems.iter().cloned().collect(), None, None));
        }
        Err(error) => return Err(error),
    };
    let mut findings = Findings { places: Places::of(&text), problems: Vec::new() };
    look_at_upses(&mut findings, &settings);
    look_at_plugins(&mut findings, &settings, plugin_dirs);
    look_at_certificates(&mut findings, &settings);
    findings.problems.sort_by_key(|problem| (problem.line, problem.column));
    let enabled = settings.plugins.iter().filter(|plugin| plugin.enabled).count();
    Ok(inspection(findings.problems, Some(settings.upses.len()), Some(enabled)))
}

struct Findings {
    places: Places,
    problems: Vec<Problem>,
}

impl Findings {
    fn add(&mut self, severity: Severity, path: &[&str], message: impl Into<String>) {
        let (line, column) = self.places.nearest(path);
        self.problems.push(Problem { severity, line, column, key: path.join("."), message: message.into() });
    }
}

fn look_at_upses(findings: &mut Findings, settings: &Settings) {
    if settings.upses.is_empty() {
        let message = "there is no UPS to watch; `allow-no-ups` lets the daemon run without one";
        findings.add(Severity::Warning, &["allow-no-ups"], message);
    }
    let mut seen: Vec<(&str, &Path, u64)> = Vec::new();
    for ups in &settings.upses {
        let Port::Tty(port) = &ups.port else { continue };
        let path = ["ups", ups.name.as_str(), "port"];
        let device = match std::fs::metadata(port) {
            Ok(metadata) if metadata.file_type().is_char_device() => metadata.rdev(),
            Ok(_) => {
                let message = format!("{} is not a device; a serial port is meant", port.display());
                findings.add(Severity::Error, &path, message);
                continue;
            }
            Err(error) => {
                let message =
                    format!("{}: {error}; the daemon will look for it until it is there", port.display());
                findings.add(Severity::Warning, &path, message);
                continue;
            }
        };
        // Two paths of one device: symbolic links, such as those under /dev/serial/by-id.
        match seen.iter().find(|(_, _, other)| *other == device) {
            Some((name, other, _)) => {
                let message = format!(
                    "{} and {} are the same device, which is already the port of `{name}`; only one of the two UPSes \
                     will be reached",
                    port.display(),
                    other.display()
                );
                findings.add(Severity::Warning, &path, message);
            }
            None => seen.push((ups.name.as_str(), port, device)),
        }
    }
}

fn look_at_plugins(findings: &mut Findings, settings: &Settings, plugin_dirs: &[PathBuf]) {
    let dirs = [plugin_dirs, settings.plugin_dirs.as_slice()].concat();
    let mut taken = BTreeMap::new();
    for plugin in settings.plugins.iter().filter(|plugin| plugin.enabled) {
        match manifest(plugin, &dirs, &settings.trust()) {
            Ok(manifest) => compare(findings, plugin, &manifest, &mut taken),
            Err((key, error)) => {
                let path = ["plugin", &plugin.id, key];
                let path = if key.is_empty() { &path[..2] } else { &path };
                findings.add(Severity::Error, path, error.to_string());
            }
        }
    }
}

fn look_at_certificates(findings: &mut Findings, settings: &Settings) {
    if let Err(flaws) = TlsMaterial::load(&settings.tls) {
        for flaw in flaws {
            findings.add(Severity::Error, &["tls", flaw.key], flaw.problem);
        }
    }
    if let (Some(certificate), Some(key)) = (&settings.http.certificate, &settings.http.key)
        && let Err(flaw) = server_config(certificate, key)
    {
        findings.add(Severity::Error, &["http", flaw.key], flaw.problem);
    }
    for address in settings.http.listen.iter().filter(|address| !address.ip().is_loopback()) {
        if settings.http.plain {
            let message = format!(
                "passwords and tokens go to {address} in the clear, unless a proxy is all that reaches it"
            );
            findings.add(Severity::Warning, &["http", "listen"], message);
        }
    }
}

/// The plugin's manifest, or the key that led nowhere.
fn manifest(
    plugin: &PluginSection,
    dirs: &[PathBuf],
    trust: &Trust,
) -> Result<Manifest, (&'static str, PluginError)> {
    let wanted = PluginSettings {
        id: plugin.id.clone(),
        package: plugin.package.clone(),
        ..PluginSettings::default()
    };
    let key = if plugin.package.is_some() { "package" } else { "" };
    trust.open(&wanted, dirs).map(|package| package.manifest).map_err(|error| (key, error))
}

fn compare(
    findings: &mut Findings,
    plugin: &PluginSection,
    manifest: &Manifest,
    taken: &mut BTreeMap<ListenAddress, String>,
) {
    let id = plugin.id.as_str();
    let known: Vec<&str> = manifest.needs.listen.keys().map(String::as_str).collect();
    for name in plugin.listen.keys().filter(|name| !manifest.needs.may_listen(name)) {
        let known = if known.is_empty() { "it has none".to_owned() } else { suggestion(name, &known) };
        let message = format!("the plugin has no listener `{name}`; {known}");
        findings.add(Severity::Error, &["plugin", id, "listen", name], message);
    }
    let defaults = manifest.needs.listen.iter().filter(|(name, _)| !plugin.listen.contains_key(*name));
    for (name, addresses) in defaults.chain(&plugin.listen) {
        for address in addresses.iter().filter(|address| address.is_exclusive()) {
            if let Some(other) = taken.insert(address.clone(), id.to_owned()).filter(|other| other != id) {
                let message = format!("{address} is already taken by `plugin.{other}`");
                findings.add(Severity::Error, &["plugin", id, "listen", name], message);
            }
        }
    }
    for misfit in misfits(manifest, &plugin.config) {
        let path: Vec<&str> =
            ["plugin", id, "config"].into_iter().chain(misfit.path.iter().map(String::as_str)).collect();
        findings.add(Severity::Error, &path, misfit.problem);
    }
}
