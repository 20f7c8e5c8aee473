//! What a script is made from: its text, its secrets, and what it may do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use semver::Version;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::plugin::{
    AllowUps, ByteSize, ControlAccess, Destination, Digest, Epitaph, EventPattern, Grant, HistoryAccess,
    HttpNeed, Identity, Limits, Manifest, Needs, PluginError, PluginSettings, UpsAccess,
};

/// Ten lines are enough for most; a text of this length still compiles in a few milliseconds.
const LONGEST: u64 = 64 << 10;
/// A token or a password; a key file has a few KiB.
const LONGEST_SECRET: u64 = 8 << 10;
/// What a script keeps, unless it has a reason for more.
const KEPT: ByteSize = ByteSize(64 << 10);
/// Digits of the file's digest that stand for its version.
const VERSION_DIGITS: usize = 8;

/// One script to run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScriptSettings {
    /// Its file.
    pub file: PathBuf,
    /// Files with its secrets, by the names under which it uses them.
    pub secrets: BTreeMap<String, PathBuf>,
    /// What it may do besides reading, hearing and notifying.
    pub allow: ScriptAllow,
}

/// `allow` in `[script.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct ScriptAllow {
    /// What it may do to UPSes.
    pub ups: AllowUps,
    /// Where it may send HTTP requests.
    pub connect: BTreeSet<Destination>,
    /// Topics that it publishes.
    pub bus: BTreeSet<String>,
    /// How much it keeps.
    pub store: Option<ByteSize>,
    /// Where people and programs ask it, among the web pages: `"/hooks/night"`, or a table as for plugins.
    #[serde(deserialize_with = "http")]
    pub http: Option<HttpNeed>,
}

/// Most need the path only: who is served must be said when it is everybody.
fn http<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HttpNeed>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "write a path such as \"/hooks/night\", or a table such as { mount = \"/hooks/night\", public = true }"
    )]
    enum Form {
        Path(String),
        Table(HttpNeed),
    }
    Ok(Some(match Form::deserialize(deserializer)? {
        Form::Path(mount) => HttpNeed { mount, public: false },
        Form::Table(need) => need,
    }))
}

/// A script's text and secrets, as they were when it was started.
pub(in crate::plugin) struct Source {
    /// Its file's name, for messages.
    pub(super) file: String,
    pub(super) text: String,
    pub(super) secrets: BTreeMap<String, Zeroizing<String>>,
    pub(in crate::plugin) digest: Digest,
}

impl Source {
    /// Reads the text and the secrets.
    pub(in crate::plugin) fn read(
        settings: &PluginSettings,
        script: &ScriptSettings,
    ) -> Result<Self, Epitaph> {
        let text = read(&script.file, LONGEST)
            .map_err(|problem| Epitaph::of_surroundings(format!("{}: {problem}", script.file.display())))?;
        let mut secrets = BTreeMap::new();
        for (name, file) in &script.secrets {
            let secret = read(file, LONGEST_SECRET).map_err(|problem| {
                Epitaph::new(format!("[{}] secrets.{name}: {}: {problem}", settings.id, file.display()))
            })?;
            // Editors end a file with a line end, and no secret does.
            secrets.insert(name.clone(), Zeroizing::new(Zeroizing::new(secret).trim_end().to_owned()));
        }
        Ok(Self::of_text(&script.file, text, secrets))
    }

    /// Of a text that somebody has read.
    pub(super) fn of_text(file: &Path, text: String, secrets: BTreeMap<String, Zeroizing<String>>) -> Self {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let digest = Digest(Sha256::digest(text.as_bytes()).into());
        Self { file: name, text, secrets, digest }
    }

    /// A script has no number: the beginning of its digest tells versions apart.
    pub(in crate::plugin) fn version(&self) -> String {
        self.digest.to_string().chars().take(VERSION_DIGITS).collect()
    }
}

/// A regular file of at most so many bytes of UTF-8.
fn read(path: &Path, most: u64) -> Result<String, String> {
    // Opening a FIFO would wait for a writer for ever.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| format!("can't be read: {error}"))?;
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Err("is no regular file".to_owned());
    }
    let mut text = String::new();
    file.take(most + 1).read_to_string(&mut text).map_err(|error| format!("can't be read: {error}"))?;
    if text.len() as u64 > most {
        return Err(format!("is longer than {most} bytes"));
    }
    Ok(text)
}

/// What a script may do: what every script may, and what its section allows.
pub(in crate::plugin) fn grant(
    settings: &PluginSettings,
    script: &ScriptSettings,
) -> Result<Grant, PluginError> {
    let wrong = |problem: String| PluginError::Settings { id: settings.id.clone(), problem };
    let AllowUps { commands, variables, forced_shutdown } = script.allow.ups.clone();
    let control = ControlAccess { as_principal: false, commands, variables, forced_shutdown };
    let everything = EventPattern::try_from("*".to_owned()).map_err(wrong)?;
    let needs = Needs {
        ups: Some(UpsAccess::Read),
        events: [everything].into(),
        connect: script.allow.connect.clone(),
        control: control.acts_alone().then_some(control),
        store: Some(script.allow.store.unwrap_or(KEPT)),
        bus: script.allow.bus.clone(),
        notify: true,
        history: Some(HistoryAccess::Read),
        http: script.allow.http.clone(),
        ..Needs::default()
    };
    needs.check().map_err(|(key, problem)| wrong(format!("allow.{key} {problem}")))?;
    let manifest = Manifest {
        plugin: Identity {
            id: settings.id.clone(),
            version: Version::new(0, 0, 0),
            api: String::new(),
            summary: String::new(),
            license: None,
        },
        limits: Limits::default(),
        needs,
        config: toml::Table::new(),
    };
    Grant::new(&manifest, settings)
}

/// Its configuration as JSON.
pub(in crate::plugin) fn config(config: &toml::Table) -> String {
    // Tables of TOML are always JSON, but for NaN and the infinities, which become null.
    serde_json::to_string(config).unwrap_or_else(|_| "{}".to_owned())
}
