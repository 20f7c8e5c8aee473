//! `opennmc.toml`, read into settings that need no further checks.
//!
//! Everything wrong with a file is found in one go and said with file, line, column and key, so that nobody mends one
//! mistake per attempt. What leaves this module is typed and consistent: a port that parsed, names that NUT clients can
//! spell, addresses that do not collide. Reading settings opens no port, looks for no plugin and makes no folder: whether the
//! machine agrees is found out by whoever uses the setting, and beforehand by [`inspect`](inspect()).

mod control;
mod difference;
mod drivers;
mod history;
mod http;
mod inspect;
mod log;
mod name;
mod places;
mod plugins;
mod port;
mod problem;
mod rules;
mod scripts;
mod section;
mod service;
mod tls;
mod ups;
mod write;

use std::path::{Path, PathBuf};

pub use self::control::{AccountName, ControlSettings, DEFAULT_SOCKET};
pub use self::difference::{Change, Changes, PluginChange, UpsChange, What, difference};
pub use self::drivers::{DriverChoice, DriverLibrary};
pub use self::http::HttpSettings;
pub use self::inspect::{Inspection, inspect};
pub use self::log::{LogFile, LogFilter};
pub use self::name::DeviceName;
pub use self::plugins::PluginSection;
pub use self::port::{Port, TcpAddress};
pub use self::problem::{Problem, Problems, Severity};
pub use self::scripts::ScriptSection;
pub(crate) use self::scripts::script_settings;
pub use self::service::ServiceSettings;
pub use self::ups::UpsSettings;
pub use self::write::{Existing, write_file, write_with};

use self::section::{Reader, Section};
use crate::history::HistoryOptions;
use crate::plugin::{Signer, TlsFiles, Trust};

/// Where the configuration is looked for when the command line does not say.
pub const DEFAULT_FILE: &str = "/etc/opennmc/opennmc.toml";
/// Where state is kept unless `[state] dir` says otherwise.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/opennmc";
/// Where plugin packages are looked for unless `[plugins] dirs` says otherwise.
pub const DEFAULT_PLUGIN_DIR: &str = "/usr/lib/opennmc/plugins";

/// Where scripts are looked for besides the folder `scripts` of the state, unless `[scripts] dirs` says otherwise.
pub const DEFAULT_SCRIPT_DIR: &str = "/etc/opennmc/scripts";

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// The folder for everything that must survive a restart.
    pub state_dir: PathBuf,
    /// In the order of the file, which is the order in which clients list them. Empty only with `allow-no-ups`.
    pub upses: Vec<UpsSettings>,
    /// Folders with plugin packages, the first one wins.
    pub plugin_dirs: Vec<PathBuf>,
    /// In the order of the file, those with `enabled = false` included.
    pub plugins: Vec<PluginSection>,
    /// Folders with scripts besides the folder `scripts` of the state, which goes first.
    pub script_dirs: Vec<PathBuf>,
    /// Scripts that have a section, those with `enabled = false` included.
    pub scripts: Vec<ScriptSection>,
    /// Whose signatures of packages count, in the order of the file.
    pub signers: Vec<Signer>,
    /// Whether packages must have one of them: `[plugins] require-signature`.
    pub require_signature: bool,
    /// Whether a signed update that needs nothing new is installed without a question: `[plugins] update-signed`.
    pub update_signed: bool,
    /// How much goes into the log; none when the file does not say.
    pub log: Option<LogFilter>,
    /// Where the log goes; none: standard error.
    pub log_file: Option<LogFile>,
    /// Whose rights the daemon has, and who watches over it.
    pub service: ServiceSettings,
    /// The control socket and who may use it.
    pub control: ControlSettings,
    /// How much of the past is kept.
    pub history: HistoryOptions,
    /// Where the certificates are.
    pub tls: TlsFiles,
    /// Where web pages are.
    pub http: HttpSettings,
}

impl Settings {
    /// Which plugin packages are trusted.
    pub fn trust(&self) -> Trust {
        let mut trust = Trust::of_state(&self.state_dir);
        trust.signers.clone_from(&self.signers);
        trust.require_signature = self.require_signature;
        trust.update_signed = self.update_signed;
        trust
    }

    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Settings, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Settings::parse(path, &text)
    }

    /// Checks `text`; `path` is only for the messages.
    pub fn parse(path: &Path, text: &str) -> Result<Settings, ConfigError> {
        let mut reader = Reader::new(text);
        let settings = reader.read_file(read_settings);
        match (settings, reader.into_problems()) {
            (Some(settings), problems) if problems.is_empty() => Ok(settings),
            (_, problems) => Err(ConfigError::Invalid(Problems::new(path, problems))),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file can't be read at all.
    #[error("{}: can't read the configuration: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file was read and is wrong.
    #[error("{0}")]
    Invalid(Problems),
}

fn read_settings(reader: &mut Reader<'_>, mut file: Section<'_>) -> Option<Settings> {
    let state_dir = match file.section(reader, "state") {
        Some(mut section) => {
            let dir = section.optional(reader, "dir");
            section.finish(reader);
            dir
        }
        None => None,
    };
    let (log, log_file) = match file.section(reader, "log") {
        Some(section) => log::read(reader, section),
        None => (None, None),
    };
    let (plugin_dirs, require_signature, update_signed) = match file.section(reader, "plugins") {
        Some(mut section) => {
            let dirs = section.optional(reader, "dirs");
            let require = section.optional(reader, "require-signature").unwrap_or(false);
            let update = section.optional(reader, "update-signed").unwrap_or(false);
            section.finish(reader);
            (dirs, require, update)
        }
        None => (None, false, false),
    };
    let signers = plugins::read_signers(reader, &mut file);
    let drivers = drivers::read_all(reader, &mut file);
    let upses = ups::read_all(reader, &mut file, &drivers);
    let control = control::read(reader, &mut file);
    let plugins = plugins::read_all(reader, &mut file);
    let script_dirs = scripts::read_dirs(reader, &mut file);
    let scripts = scripts::read_all(reader, &mut file);
    let service = service::read(reader, &mut file);
    let history = history::read(reader, &mut file);
    let tls = tls::read(reader, &mut file);
    let http = http::read(reader, &mut file, &plugins);
    file.finish(reader);
    Some(Settings {
        state_dir: state_dir.unwrap_or_else(|| DEFAULT_STATE_DIR.into()),
        upses,
        plugin_dirs: plugin_dirs.unwrap_or_else(|| vec![DEFAULT_PLUGIN_DIR.into()]),
        plugins,
        script_dirs: script_dirs.unwrap_or_else(|| vec![DEFAULT_SCRIPT_DIR.into()]),
        scripts,
        signers,
        require_signature,
        update_signed,
        log,
        log_file,
        service,
        control,
        history,
        tls,
        http,
    })
}
