//! What can go wrong for those who ask the history something.

use super::notice::Degradation;

/// Why the history has no answer, or did not take something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The thread that writes could not be started.
    #[error("can't start the thread that writes the history: {0}")]
    Thread(#[source] std::io::Error),
    /// The database can't be read.
    #[error("can't read the history: {0}")]
    Unreadable(Degradation),
    /// What was to be remembered is bigger than engine memory may be.
    #[error("can't remember {bytes} bytes under `{key}`: at most {most} bytes are kept under a key")]
    TooLong {
        /// Under which name.
        key: String,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
    /// Engine memory as a whole is full.
    #[error("can't remember `{key}`: with it, more than {most} bytes would be remembered")]
    MemoryFull {
        /// Under which name.
        key: String,
        /// How many bytes there may be.
        most: usize,
    },
}
