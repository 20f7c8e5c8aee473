//! Giving up root: for machines where no service manager starts the daemon as its own user.
//!
//! Once, before there is a second thread and before anything is written. What is kept is the right to listen on ports below
//! 1024, which web interfaces and SNMP need, and nothing else; a program that the daemon might start can't get more.

use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User, geteuid, getgrouplist, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, set_capabilities, set_keep_capabilities, set_no_new_privs,
};

/// What of root's rights is kept.
const KEPT: CapabilitySet = CapabilitySet::NET_BIND_SERVICE;

/// Why the daemon did not become another user. It must not go on then: it would have rights that it should not have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivilegeError {
    /// There is no such user.
    #[error(
        "`[service] user = \"{0}\"`: there is no such user; make it with `useradd --system {0}`, or name another"
    )]
    NoUser(String),
    /// The user is root itself.
    #[error("`[service] user` is root: name a user without rights, or leave the key out")]
    Root,
    /// Not started by root.
    #[error(
        "`[service] user = \"{user}\"`: only root can become another user, and this process runs as {own}; start it as \
         root or as {user}"
    )]
    NotRoot {
        /// From the configuration.
        user: String,
        /// Whose process this is.
        own: String,
    },
    /// The state folder can't be given to the user.
    #[error("can't give the state folder {} to {user}: {source}", dir.display())]
    StateDir {
        /// The folder.
        dir: PathBuf,
        /// Who should own it.
        user: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else owns the state folder.
    #[error(
        "the state folder {} belongs to the user with the number {owner}, and the daemon runs as {user}; if it may have \
         it: chown -R {user} {}", dir.display(), dir.display()
    )]
    OthersStateDir {
        /// The folder.
        dir: PathBuf,
        /// Who should own it.
        user: String,
        /// Who does.
        owner: u32,
    },
    /// The system refused.
    #[error("can't become the user {user}: {step}: {source}")]
    Refused {
        /// From the configuration.
        user: String,
        /// What was tried.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Lets the right to low ports outlive the start of this program in its own place. Nothing else may be started afterwards.
pub fn keep_over_exec() -> io::Result<()> {
    let CapabilitySets { permitted, effective, .. } = capabilities(None)?;
    if permitted.contains(KEPT) && !geteuid().is_root() {
        set_capabilities(None, CapabilitySets { effective, permitted, inheritable: KEPT })?;
        configure_capability_in_ambient_set(KEPT, true)?;
    }
    Ok(())
}

/// What [`keep_over_exec`] did ends with the start: no program that is started from here on has any right.
fn end_inheritance() -> io::Result<()> {
    clear_ambient_capability_set()?;
    let CapabilitySets { permitted, effective, .. } = capabilities(None)?;
    let inheritable = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective, permitted, inheritable })?)
}

/// Becomes `user` for good, with its groups, and gives it the state folder. Does nothing when this process runs as that user
/// already.
pub fn become_user(user: &str, state_dir: &Path) -> Result<(), PrivilegeError> {
    let found =
        User::from_name(user).ok().flatten().ok_or_else(|| PrivilegeError::NoUser(user.to_owned()))?;
    if found.uid.is_root() {
        return Err(PrivilegeError::Root);
    }
    let own = geteuid();
    if own == found.uid {
        return end_inheritance().map_err(|source| PrivilegeError::Refused {
            user: user.to_owned(),
            step: "keeping the right to low ports to itself",
            source,
        });
    }
    if !own.is_root() {
        let own = User::from_uid(own).ok().flatten().map_or_else(|| own.to_string(), |user| user.name);
        return Err(PrivilegeError::NotRoot { user: user.to_owned(), own });
    }
    give_state_dir(&found, state_dir)?;
    drop_root(&found)
}

fn give_state_dir(user: &User, dir: &Path) -> Result<(), PrivilegeError> {
    let failed = |source| PrivilegeError::StateDir { dir: dir.to_owned(), user: user.name.clone(), source };
    let made = !dir.exists();
    super::folder::make_private(dir).map_err(failed)?;
    let owner = std::fs::metadata(dir).map_err(failed)?.uid();
    let is_empty = std::fs::read_dir(dir).map_err(failed)?.next().is_none();
    // What is in it was made by somebody: it is not handed to another without a person's word.
    if made || is_empty {
        return chown(dir, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(failed);
    }
    if owner == user.uid.as_raw() {
        return Ok(());
    }
    Err(PrivilegeError::OthersStateDir { dir: dir.to_owned(), user: user.name.clone(), owner })
}

fn drop_root(user: &User) -> Result<(), PrivilegeError> {
    let refused = |step, source: io::Error| PrivilegeError::Refused { user: user.name.clone(), step, source };
    let by_nix = |step| move |error: nix::Error| refused(step, error.into());
    let by_rustix = |step| move |error: rustix::io::Errno| refused(step, error.into());
    let name =
        std::ffi::CString::new(user.name.as_str()).map_err(|error| refused("its name", error.into()))?;
    let groups = getgrouplist(&name, user.gid).map_err(by_nix("its groups"))?;
    set_keep_capabilities(true).map_err(by_rustix("keeping the right to low ports"))?;
    setgroups(&groups).map_err(by_nix("its groups"))?;
    setresgid(user.gid, user.gid, user.gid).map_err(by_nix("its group"))?;
    setresuid(user.uid, user.uid, user.uid).map_err(by_nix("its number"))?;
    let kept = CapabilitySets { effective: KEPT, permitted: KEPT, inheritable: CapabilitySet::empty() };
    set_capabilities(None, kept).map_err(by_rustix("giving up all rights but low ports"))?;
    set_keep_capabilities(false).map_err(by_rustix("keeping no rights again"))?;
    set_no_new_privs(true).map_err(by_rustix("refusing new rights"))?;
    // Trust is good.
    if setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok()
        || setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0)).is_ok()
    {
        return Err(refused("root could be had again", io::ErrorKind::PermissionDenied.into()));
    }
    Ok(())
}
