//! How a command ends: the exit codes, and what is said when it did not do what was asked.

use std::process::ExitCode;

use crate::control::ClientError;
use crate::control::protocol::Code;
use crate::control::report::OrderReport;

/// What `--help` and the manual pages say about [`Exit`].
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0   done; `run` was asked to end and did
  1   the configuration is wrong or can't be read; every problem was printed
  2   the command line is wrong
  3   the daemon can't start or can't go on; the last line of the log says why
  4   the daemon can't be reached: it does not run, or listens elsewhere
  5   this user may not do that
  6   there is no such UPS, variable, command, user or plugin
  7   it was refused, or not confirmed; nothing was done
  8   it was asked of the UPS, and what came of it is not known or not what was asked for
  9   the UPS can't be reached: what was printed is old, or nothing was done
  10  something failed on this machine: a file, a disk, a port
  11  `doctor` found something that somebody should look at
  12  `doctor` found something that puts data or power at risk";

/// The process's exit code. Numbers are never given a new meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    Done = 0,
    BadConfiguration = 1,
    // 2 is clap's, for a wrong command line.
    BadUsage = 2,
    Broken = 3,
    NoDaemon = 4,
    NotPermitted = 5,
    NotFound = 6,
    Refused = 7,
    Uncertain = 8,
    Stale = 9,
    Failed = 10,
    SomebodyShouldLook = 11,
    AtRisk = 12,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    /// Something of this machine failed: `what` was tried.
    pub(super) fn system(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Failure {
        Failure::new(Exit::Failed, format!("{what}: {error}"))
    }
}

/// Nobody reads the output any more, as with `| head`: no reason to complain.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Failure::new(Exit::Done, ""),
            _ => Failure::system("can't write the output", error),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let exit = match &error {
            ClientError::NotRunning(_) | ClientError::Stranger(_) | ClientError::Broken(_) => Exit::NoDaemon,
            ClientError::NotPermitted { .. } => Exit::NotPermitted,
            ClientError::Refused(problem) => match problem.code {
                Code::Denied => Exit::NotPermitted,
                Code::NotFound => Exit::NotFound,
                Code::BadRequest => Exit::BadUsage,
                Code::Busy | Code::Version => Exit::NoDaemon,
                Code::Refused => Exit::Refused,
                Code::Failed => Exit::Failed,
            },
            ClientError::NotUnderstood(_) => Exit::Failed,
        };
        Failure::new(exit, error.to_string())
    }
}

/// How an order ended.
pub(super) fn of_order(report: &OrderReport) -> Exit {
    match report.result.as_str() {
        "verified" | "executed" | "accepted" | "unchanged" => Exit::Done,
        "denied" => Exit::NotPermitted,
        "unsupported" => Exit::NotFound,
        "refused" | "invalid" | "unconfirmed" => Exit::Refused,
        "stale" => Exit::Stale,
        _ => Exit::Uncertain,
    }
}
