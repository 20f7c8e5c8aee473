//! Who is at the other end of a connection, and what that makes of it.
//!
//! The kernel tells the user of the process that connected; nothing that the process says about itself counts. Names are
//! looked up anew for each connection.

use std::ffi::CString;
use std::io;
use std::os::unix::net::UnixStream;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use rustix::net::sockopt::socket_peercred;

use crate::config::{AccountName, ControlSettings};
use crate::users::{Origin, Principal, Role};

/// A process, as the kernel saw it when it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) uid: u32,
    gid: u32,
    pid: i32,
}

impl Peer {
    pub(super) fn of(stream: &UnixStream) -> io::Result<Peer> {
        let credentials = socket_peercred(stream)?;
        Ok(Peer {
            uid: credentials.uid.as_raw(),
            gid: credentials.gid.as_raw(),
            pid: credentials.pid.as_raw_nonzero().get(),
        })
    }

    /// Root, or the user that the daemon runs as: both could do anything to it without asking.
    pub(super) fn owns_the_daemon(self) -> bool {
        self.uid == 0 || self.uid == rustix::process::geteuid().as_raw()
    }

    /// What this makes of it; none when it may not connect at all.
    pub(super) fn principal(self, settings: &ControlSettings) -> Option<Principal> {
        let user = User::from_uid(Uid::from_raw(self.uid)).ok().flatten();
        let role = if self.owns_the_daemon() {
            Some(Role::Administrator)
        } else {
            self.role(user.as_ref(), settings)
        };
        Some(Principal {
            name: user.map_or_else(|| format!("uid {}", self.uid), |user| user.name),
            role: role?,
            scopes: None,
            origin: Origin::Socket { uid: self.uid, pid: self.pid },
        })
    }

    fn role(self, user: Option<&User>, settings: &ControlSettings) -> Option<Role> {
        let groups = self.groups(user);
        let is_meant = |account: &AccountName| {
            user.is_some_and(|user| user.name == account.as_str())
                || group(account).is_some_and(|group| groups.contains(&group))
        };
        [
            (Role::Administrator, &settings.administrators),
            (Role::Operator, &settings.operators),
            (Role::Monitor, &settings.monitors),
            (Role::Backup, &settings.backups),
        ]
        .into_iter()
        .find(|(_, accounts)| accounts.iter().any(is_meant))
        .map(|(role, _)| role)
    }

    fn groups(self, user: Option<&User>) -> Vec<Gid> {
        let listed = user.and_then(|user| {
            let name = CString::new(user.name.as_str()).ok()?;
            getgrouplist(&name, user.gid).ok()
        });
        let mut groups = listed.unwrap_or_default();
        groups.push(Gid::from_raw(self.gid));
        groups
    }
}

/// The group with this name.
pub(super) fn group(account: &AccountName) -> Option<Gid> {
    Group::from_name(account.as_str()).ok().flatten().map(|group| group.gid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::Right;

    fn settings(text: &str) -> ControlSettings {
        let text = format!("[ups.main]\nport = \"sim:smart-ups-1500\"\n[control]\n{text}");
        crate::config::Settings::parse("test.toml".as_ref(), &text).unwrap().control
    }

    /// `daemon` exists on every Linux system, as a user and as a group, and is not who runs tests.
    fn of_daemon() -> Peer {
        let user = User::from_name("daemon").unwrap().unwrap();
        Peer { uid: user.uid.as_raw(), gid: user.gid.as_raw(), pid: 77 }
    }

    #[test]
    fn the_own_user_and_root_are_administrators_without_being_listed() {
        let own = Peer { uid: rustix::process::geteuid().as_raw(), gid: 12345, pid: 1 };
        let root = Peer { uid: 0, gid: 0, pid: 1 };
        for peer in [own, root] {
            assert_eq!(peer.principal(&ControlSettings::default()).unwrap().role, Role::Administrator);
        }
    }

    #[test]
    fn nobody_else_may_connect_until_they_are_listed() {
        assert_eq!(of_daemon().principal(&ControlSettings::default()), None);
        assert_eq!(of_daemon().principal(&settings("operators = [\"root\", \"no-such-group\"]")), None);
    }

    #[test]
    fn a_listed_user_or_group_has_the_highest_of_its_roles() {
        let monitor = of_daemon().principal(&settings("monitors = [\"daemon\"]")).unwrap();
        assert_eq!((monitor.name.as_str(), monitor.role), ("daemon", Role::Monitor));
        assert!(monitor.may(&Right::Read) && !monitor.may(&Right::Command("load.off".to_owned())));
        let both = settings("operators = [\"daemon\"]\nmonitors = [\"daemon\"]");
        assert_eq!(of_daemon().principal(&both).unwrap().role, Role::Operator);
    }

    #[test]
    fn a_user_without_a_name_counts_by_its_group() {
        let nameless = Peer { uid: 3_999_999_999, ..of_daemon() };
        let principal = nameless.principal(&settings("monitors = [\"daemon\"]")).unwrap();
        assert_eq!(principal.name, "uid 3999999999");
        assert_eq!(nameless.principal(&ControlSettings::default()), None);
    }
}
