//! What can go wrong with a port, in words that a person can act on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnosis::Diagnosis;
use crate::operation::Refusal;

/// Why a port could not be opened or does not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// The address is neither a path nor `tcp://host:port`.
    #[error("{address:?} is no address of a port: {problem}; write /dev/ttyS0 or tcp://host:port")]
    InvalidAddress {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No such device file exists.
    #[error("there is no port {path}; {present}")]
    Absent {
        /// The path.
        path: PathBuf,
        /// What is there instead, for a person.
        present: String,
    },
    /// This user may not open the port.
    #[error("no permission to open {path}: {remedy}")]
    Permission {
        /// The path.
        path: PathBuf,
        /// Which group may, for a person.
        remedy: String,
    },
    /// Another program uses the port.
    #[error("{path} is in use{by}: only one program can talk to a UPS; stop the other one")]
    Busy {
        /// The path.
        path: PathBuf,
        /// Which program uses it, where that can be seen; begins with a blank.
        by: String,
    },
    /// The path leads to something that is no serial port.
    #[error("{path} is no serial port")]
    NotSerial {
        /// The path.
        path: PathBuf,
    },
    /// The system can't open the port, for another reason.
    #[error("can't open {path}: {source}")]
    Open {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The serial server can't be reached.
    #[error("can't connect to {address}: {source}")]
    Unreachable {
        /// The address.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The port was open and is gone: a plug was pulled, or a connection ended.
    #[error("{address} hung up: {reason}; plug it in again and reopen the port")]
    HungUp {
        /// The address.
        address: String,
        /// What was seen.
        reason: String,
    },
    /// The port is open, and no UPS answered in the time that was given.
    #[error("no UPS answered on {address} in {} s: {diagnosis}", .waited.as_secs_f32())]
    NoAnswer {
        /// The address.
        address: String,
        /// The time that was given.
        waited: Duration,
        /// What is on the line instead.
        diagnosis: Diagnosis,
    },
    /// The UPS answers, but reading all of it took longer than the time that was given.
    #[error(
        "the UPS on {address} answers, but {} s were not enough to read everything: wait longer, 30 s fit every known unit",
        .waited.as_secs_f32()
    )]
    NotReady {
        /// The address.
        address: String,
        /// The time that was given.
        waited: Duration,
    },
    /// Somebody asked for the end of the wait. Nothing is lost: wait again.
    #[error("waiting for the UPS on {address} was interrupted; wait again, or close the port")]
    Interrupted {
        /// The address.
        address: String,
    },
    /// The port was opened in another process, before a fork, and is used there.
    #[error(
        "{address} belongs to the process that opened it, {owner}: after a fork, open a port of your own"
    )]
    OtherProcess {
        /// The address.
        address: String,
        /// The process that opened it.
        owner: u32,
    },
    /// An order was not even begun.
    #[error(transparent)]
    Refused(#[from] Refusal),
}
