//! The first administrator: made once, its password shown once.
//!
//! On a terminal it is printed. Elsewhere standard output ends up in a journal that many can read and that is kept, so the
//! password goes into a file that only the daemon's user can read, and the file goes with the first log-in.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::users::{FirstAdministrator, UserBase};

/// What the file is called in the state folder.
pub const INITIAL_PASSWORD: &str = "initial-password";

/// A file with the first password that was not used yet.
#[derive(Debug)]
pub(super) struct InitialPassword {
    path: PathBuf,
    user: String,
}

/// Makes the first administrator if there is none, and tells its password.
pub(super) fn greet(users: &UserBase, state_dir: &Path) -> Option<InitialPassword> {
    let path = state_dir.join(INITIAL_PASSWORD);
    match users.first_start() {
        Ok(Some(first)) if io::stdout().is_terminal() => {
            if let Err(error) = show(&first) {
                tracing::error!("the first administrator's password can't be shown: {error}");
            }
            None
        }
        Ok(Some(first)) => match keep(&path, &first) {
            Ok(()) => {
                let file = path.display();
                tracing::warn!("the password of the first administrator, `{}`, is in {file}", first.name);
                Some(InitialPassword { path, user: first.name })
            }
            Err(error) => {
                let file = path.display();
                tracing::error!(
                    "the password of the first administrator, `{}`, can't be written to {file}: {error}; set another with \
                     `opennmc user`",
                    first.name
                );
                None
            }
        },
        Ok(None) => InitialPassword::left_over(path),
        Err(error) => {
            tracing::error!("there is no administrator and none can be made: {error}");
            None
        }
    }
}

impl InitialPassword {
    /// From an earlier start.
    fn left_over(path: PathBuf) -> Option<InitialPassword> {
        let text = fs::read_to_string(&path).ok()?;
        let user = text.lines().find_map(|line| line.strip_prefix("user: "))?.to_owned();
        Some(InitialPassword { path, user })
    }

    /// Removes the file when its password was used or changed. True when the file is gone.
    pub(super) fn remove_if_spent(&self, users: &UserBase) -> bool {
        let Ok(all) = users.list() else { return false };
        let unused = all.iter().any(|user| {
            user.name == self.user && user.login_ms.is_none() && user.password_ms == Some(user.made_ms)
        });
        if unused {
            return false;
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!("{} has done its work and can't be removed: {error}", self.path.display());
            }
            _ => tracing::info!("{} has done its work and is removed", self.path.display()),
        }
        true
    }
}

fn text(first: &FirstAdministrator) -> String {
    format!("user: {}\npassword: {}\n", first.name, first.password.reveal())
}

fn show(first: &FirstAdministrator) -> io::Result<()> {
    let mut out = io::stdout();
    write!(out, "OpenNMC has made its first administrator. This is shown once:\n{}", text(first))?;
    out.flush()
}

fn keep(path: &Path, first: &FirstAdministrator) -> io::Result<()> {
    // A left-over can't be of use: there was no administrator.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text(first).as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::users::{Origin, Secret};

    #[test]
    fn the_first_password_is_in_a_file_that_goes_with_the_first_log_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(INITIAL_PASSWORD);
        let users = UserBase::open(dir.path()).unwrap();
        let first = users.first_start().unwrap().unwrap();
        keep(&path, &first).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = InitialPassword::left_over(path.clone()).unwrap();
        assert!(!kept.remove_if_spent(&users));
        let text = fs::read_to_string(&path).unwrap();
        let password = text.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
        users.authenticate(&first.name, &Secret::from(password.to_owned()), Origin::Host).unwrap();
        assert!(kept.remove_if_spent(&users));
        assert!(!path.exists());
    }
}
