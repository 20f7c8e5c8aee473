//! Writing what was imported: the users first, then the configuration, and neither when one of them fails.

use std::fs;
use std::path::{Path, PathBuf};

use super::report::ImportReport;
use super::{Import, ImportError};
use crate::config::{self, ConfigError, Existing, Settings};
use crate::users::{NewUser, PasswordRules, Principal, Secret, UserBase, UserError};

/// Group may read: there is no secret in it, but ports and addresses are nobody else's business.
const MODE: u32 = 0o640;

/// Where and how to write.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// The configuration to be written.
    pub output: PathBuf,
    /// Where the users are. Another folder than the usual one is named in the configuration.
    pub state_dir: PathBuf,
    /// Overwrites the output, and gives users that exist NUT's passwords and rights.
    pub force: bool,
}

impl Import {
    /// Makes the users and writes the configuration. Nothing is written when anything is in the way.
    pub fn apply(mut self, options: &ImportOptions) -> Result<ImportReport, ImportError> {
        let ImportOptions { output, state_dir, force } = options;
        let text = self.configuration(state_dir);
        match Settings::parse(output, &text) {
            Ok(_) => {}
            Err(ConfigError::Invalid(problems)) => return Err(ImportError::Invalid(problems.to_string())),
            Err(error) => return Err(ImportError::Invalid(error.to_string())),
        }
        if !force && fs::symlink_metadata(output).is_ok() {
            return Err(ImportError::Exists { path: output.clone() });
        }
        let undo = self.make_users(state_dir, *force)?;
        let existing = if *force { Existing::Replace } else { Existing::Keep };
        if let Err(source) = config::write_file(output, text.as_bytes(), MODE, existing) {
            undo.undo();
            return Err(ImportError::Unwritable { path: output.clone(), source });
        }
        Ok(self.report)
    }

    fn make_users(&mut self, state_dir: &Path, force: bool) -> Result<Undo, ImportError> {
        if self.draft.users.is_empty() {
            return Ok(Undo::default());
        }
        let failed = |error: UserError| ImportError::Users(error.to_string());
        let base = UserBase::open(state_dir).map_err(failed)?;
        let known = base.list().map_err(failed)?;
        let twin = |name: &str| known.iter().find(|user| user.name == name);
        let names: Vec<String> = self
            .draft
            .users
            .iter()
            .filter_map(|user| twin(&user.name))
            .map(|user| user.name.clone())
            .collect();
        if !force && !names.is_empty() {
            return Err(ImportError::UsersExist { names });
        }
        let undo = Undo::of(&base);
        for (user, found) in self.draft.users.iter().zip(&mut self.report.users) {
            let password = Secret::from(user.password.as_str());
            let scopes = Some(user.scopes.clone());
            let by = Principal::host();
            // One that differs in case only can't be added; changing it would not let NUT's clients in.
            let made = match twin(&user.name) {
                None => {
                    let new = NewUser {
                        name: user.name.clone(),
                        role: user.role,
                        scopes,
                        password: Some(password),
                    };
                    base.add(new, PasswordRules::KeepWeak, &by).map(|_| ())
                }
                Some(known) => base
                    .set_role(&known.name, user.role, scopes, &by)
                    .and_then(|()| base.set_password(&known.name, &password, PasswordRules::KeepWeak, &by)),
            };
            if let Err(error) = made {
                undo.undo();
                return Err(failed(error));
            }
            let info = base.list().map_err(failed)?.into_iter().find(|info| info.name == user.name);
            found.weak = info.is_some_and(|info| info.weak);
        }
        if self.report.users.iter().any(|user| user.weak) {
            self.report.next.push(
                "Give the users with weak passwords better ones, in upsmon.conf and with `opennmc user password NAME`."
                    .to_owned(),
            );
        }
        Ok(undo)
    }
}

/// The file of users as it was; none: there was none, or nothing is to be undone.
#[derive(Default)]
struct Undo(Option<(PathBuf, Option<Vec<u8>>)>);

impl Undo {
    fn of(base: &UserBase) -> Undo {
        let path = base.path();
        let before = fs::read(&path).ok();
        Undo(Some((path, before)))
    }

    fn undo(self) {
        let undone = match &self.0 {
            None => Ok(()),
            Some((path, None)) => fs::remove_file(path),
            Some((path, Some(before))) => config::write_file(path, before, 0o600, Existing::Replace),
        };
        if let Err(error) = undone {
            tracing::error!("can't take back the users that were made: {error}");
        }
    }
}
