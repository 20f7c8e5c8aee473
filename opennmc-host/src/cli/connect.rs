//! Which daemon is meant, and the connection to it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Exit, Failure};
use crate::config::{DEFAULT_FILE, DEFAULT_SOCKET, Settings};
use crate::control::{Client, ClientError};

/// Where the daemon listens.
#[derive(Debug, Clone, Args)]
pub(super) struct Connect {
    /// The daemon's control socket [default: the configuration's, or /run/opennmc/opennmc.sock]
    #[arg(long, value_name = "PATH", env = "OPENNMC_SOCKET", global = true, help_heading = "Connection")]
    socket: Option<PathBuf>,

    /// The configuration file of the daemon
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE, global = true, help_heading = "Connection")]
    pub(super) config: PathBuf,
}

impl Connect {
    pub(super) fn open(&self) -> Result<Client, Failure> {
        Ok(Client::connect(&self.socket())?)
    }

    /// The daemon, or nothing when none runs.
    pub(super) fn open_if_running(&self) -> Result<Option<Client>, Failure> {
        match Client::connect(&self.socket()) {
            Ok(client) => Ok(Some(client)),
            Err(ClientError::NotRunning(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The configuration, for what works on the files of a daemon that does not run.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        Settings::load(&self.config).map_err(|error| Failure::new(Exit::BadConfiguration, error.to_string()))
    }

    /// What was given; else what the configuration says, as far as this user may read it; else where it usually is.
    pub(super) fn socket(&self) -> PathBuf {
        let configured = || Settings::load(&self.config).ok().map(|settings| settings.control.socket);
        self.socket.clone().or_else(configured).unwrap_or_else(|| Path::new(DEFAULT_SOCKET).to_owned())
    }
}

/// The UPS that is meant: the named one, or the only one.
pub(super) fn the_ups(client: &Client, named: Option<&str>) -> Result<String, Failure> {
    let upses = &client.greeting().upses;
    match (named, upses.as_slice()) {
        (Some(name), _) => find(upses, name).cloned().ok_or_else(|| no_such_ups(upses, name)),
        (None, [only]) => Ok(only.clone()),
        (None, several) => {
            Err(Failure::new(Exit::BadUsage, format!("name the UPS: there are {}", several.join(", "))))
        }
    }
}

/// Splits words that may begin with the name of a UPS. `--ups` goes before that.
pub(super) fn split_ups<'w>(
    client: &Client,
    named: Option<&str>,
    words: &'w [String],
    most_without: usize,
) -> Result<(String, &'w [String]), Failure> {
    let upses = &client.greeting().upses;
    match words {
        [first, rest @ ..]
            if named.is_none() && (find(upses, first).is_some() || words.len() > most_without) =>
        {
            Ok((the_ups(client, Some(first))?, rest))
        }
        _ => Ok((the_ups(client, named)?, words)),
    }
}

fn find<'u>(upses: &'u [String], name: &str) -> Option<&'u String> {
    upses.iter().find(|ups| ups.eq_ignore_ascii_case(name))
}

fn no_such_ups(upses: &[String], name: &str) -> Failure {
    Failure::new(Exit::NotFound, format!("there is no UPS `{name}`; there is {}", upses.join(", ")))
}
