//! Asking a person before something that can't be taken back.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use clap::Args;

use super::exit::{Exit, Failure};

/// The answer that was given on the command line.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Confirm {
    /// Don't ask whether it is really wanted
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
}

impl Confirm {
    /// Whether there is a person, and a terminal where the question shows as it is.
    pub(super) fn can_ask() -> bool {
        stdin().is_terminal() && stderr().is_terminal()
    }

    /// Goes on only when a person wants `what`. Where nobody can be asked, `--yes` has to say it.
    pub(super) fn ask(self, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !Confirm::can_ask() {
            let message = format!("{what}\nNothing was done: give --yes when that is wanted.");
            return Err(Failure::new(Exit::Refused, message));
        }
        let mut err = stderr().lock();
        write!(err, "{what}\nIs that wanted? Type yes: ")?;
        err.flush()?;
        let mut line = String::new();
        stdin().read_line(&mut line)?;
        if line.trim().eq_ignore_ascii_case("yes") {
            Ok(())
        } else {
            Err(Failure::new(Exit::Refused, "Nothing was done."))
        }
    }
}
