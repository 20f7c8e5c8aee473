//! Which package runs under an id, and whether it may.
//!
//! A package that the configuration names, or that lies in a folder that it names, runs because the configuration says so.
//! One that was installed runs when it is, to the byte, what somebody granted. The installed one goes before the others.

use std::path::{Path, PathBuf};

use super::grants::Grants;
use super::package::Package;
use super::{GrantRecord, PluginError, PluginSettings, Signer, library};

/// What decides whether a package is trusted.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Trust {
    /// The host's state folder, with the installed packages and the grants; none: nothing is installed.
    pub state_dir: Option<PathBuf>,
    /// Whose signatures count.
    pub signers: Vec<Signer>,
    /// Whether a package must have one of theirs.
    pub require_signature: bool,
    /// Whether a new version that needs the same, signed by the same signer, is installed without a question.
    pub update_signed: bool,
}

impl Trust {
    /// Of this state folder; nobody's signature counts, and none is required.
    pub fn of_state(state_dir: &Path) -> Self {
        Self { state_dir: Some(state_dir.to_owned()), ..Self::default() }
    }

    /// The folder of installed packages.
    pub fn installed_dir(&self) -> Option<PathBuf> {
        self.state_dir.as_ref().map(|state| state.join("plugins"))
    }

    /// The package to start for these settings.
    pub fn open(&self, settings: &PluginSettings, folders: &[PathBuf]) -> Result<Package, PluginError> {
        let id = settings.id.as_str();
        if let Some(path) = &settings.package {
            return self.check(library::open_as(id, path)?);
        }
        if let (Some(state), Some(installed)) = (&self.state_dir, self.installed_dir()) {
            if let Some(grant) = Grants::of(state).read()?.plugin.remove(id) {
                let package = self.check(library::open_as(id, &installed.join(&grant.package))?)?;
                return match self.differs(&grant, &package) {
                    None => Ok(package),
                    Some(problem) => {
                        Err(PluginError::NotGranted { id: id.to_owned(), path: package.path, problem })
                    }
                };
            }
            if let Some(path) = library::newest(id, &[installed]) {
                let problem = "was installed, and nobody has granted it what it needs".to_owned();
                return Err(PluginError::NotGranted { id: id.to_owned(), path, problem });
            }
        }
        self.check(library::find_package(id, folders)?)
    }

    /// Checks the signature.
    pub fn check(&self, mut package: Package) -> Result<Package, PluginError> {
        package.check_signature(&self.signers, self.require_signature)?;
        Ok(package)
    }

    /// How a package differs from what was granted.
    fn differs(&self, grant: &GrantRecord, package: &Package) -> Option<String> {
        let granted = &grant.needs;
        if grant.sha256 != package.digest {
            Some(format!("plugin.wasm is {}, but {} was granted", package.digest, grant.sha256))
        } else if grant.contents != package.contents() {
            Some("files beside plugin.wasm are not those that were granted".to_owned())
        } else if super::Needs::deserialize_from(granted).as_ref() != Some(&package.manifest.needs) {
            Some("it needs something else than was granted".to_owned())
        } else if grant.signer.is_some() && grant.signer != package.signer {
            Some("its signature, with which it was granted, does not count any more".to_owned())
        } else {
            None
        }
    }
}
