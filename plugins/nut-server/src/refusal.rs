//! The protocol's error words. Clients match them by prefix: no word here may change or start with another one.

/// Why a request is refused, in the words that NUT clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's words")]
pub enum Refusal {
    AccessDenied,
    AlreadyLoggedIn,
    AlreadySslMode,
    AlreadySetPassword,
    AlreadySetUsername,
    CmdNotSupported,
    DataStale,
    DriverNotConnected,
    /// The answer to `GET TRACKING` for what did not succeed.
    Failed,
    FeatureNotConfigured,
    InstCmdFailed,
    InvalidArgument,
    InvalidValue,
    PasswordRequired,
    ReadOnly,
    SetFailed,
    TooLong,
    /// The answer to `GET TRACKING` with an id that no command was given.
    Unknown,
    UnknownCommand,
    UnknownUps,
    UsernameRequired,
    VarNotSupported,
}

impl Refusal {
    /// The reply line with its LF.
    pub fn line(self) -> &'static [u8] {
        match self {
            Refusal::AccessDenied => b"ERR ACCESS-DENIED\n",
            Refusal::AlreadyLoggedIn => b"ERR ALREADY-LOGGED-IN\n",
            Refusal::AlreadySslMode => b"ERR ALREADY-SSL-MODE\n",
            Refusal::AlreadySetPassword => b"ERR ALREADY-SET-PASSWORD\n",
            Refusal::AlreadySetUsername => b"ERR ALREADY-SET-USERNAME\n",
            Refusal::CmdNotSupported => b"ERR CMD-NOT-SUPPORTED\n",
            Refusal::DataStale => b"ERR DATA-STALE\n",
            Refusal::DriverNotConnected => b"ERR DRIVER-NOT-CONNECTED\n",
            Refusal::Failed => b"ERR FAILED\n",
            Refusal::FeatureNotConfigured => b"ERR FEATURE-NOT-CONFIGURED\n",
            Refusal::InstCmdFailed => b"ERR INSTCMD-FAILED\n",
            Refusal::InvalidArgument => b"ERR INVALID-ARGUMENT\n",
            Refusal::InvalidValue => b"ERR INVALID-VALUE\n",
            Refusal::PasswordRequired => b"ERR PASSWORD-REQUIRED\n",
            Refusal::ReadOnly => b"ERR READONLY\n",
            Refusal::SetFailed => b"ERR SET-FAILED\n",
            Refusal::TooLong => b"ERR TOO-LONG\n",
            Refusal::Unknown => b"ERR UNKNOWN\n",
            Refusal::UnknownCommand => b"ERR UNKNOWN-COMMAND\n",
            Refusal::UnknownUps => b"ERR UNKNOWN-UPS\n",
            Refusal::UsernameRequired => b"ERR USERNAME-REQUIRED\n",
            Refusal::VarNotSupported => b"ERR VAR-NOT-SUPPORTED\n",
        }
    }
}
