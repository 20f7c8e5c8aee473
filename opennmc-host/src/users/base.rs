//! The one base of users: who they are, and whether somebody is who they say.
//!
//! Invariant: what is in memory is what is in the file, or nobody can log in. Every question looks first whether the file
//! is still the one that was read, so that changes by another process count at once. Password checks are slow and are
//! computed outside of the lock that other questions need; the audit hook is called outside of it too.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::checks::Checks;
use super::error::{AuthError, UserError};
use super::file::{Stamp, UserFile};
use super::hash::{Hasher, PasswordHash};
use super::info::{TokenInfo, UserInfo};
use super::lockout::{Lockouts, Peer};
use super::notice::{Happening, Notice};
use super::principal::{Origin, Principal};
use super::proof::Proofs;
use super::record::{Records, TokenRecord, UserRecord};
use super::role::Scope;
use super::secret::Secret;
use super::time::Clock;
use super::token;

/// All users of this host. Cheap questions may be asked from any thread; [`UserBase::authenticate`] takes the better part
/// of a second on a card and must not be called on a loop: use [`UserBase::check_later`] there.
pub struct UserBase {
    pub(super) file: UserFile,
    pub(super) hasher: Hasher,
    pub(super) clock: Clock,
    pub(super) checks: Checks,
    inner: Mutex<Inner>,
    audit: Mutex<Option<Arc<Hook>>>,
}

type Hook = dyn Fn(Notice) + Send + Sync;

/// What the lock guards.
pub(super) struct Inner {
    /// The users, or why there are none to be had.
    pub(super) records: Result<Records, String>,
    /// The state of the file that `records` is from.
    pub(super) seen: Option<Stamp>,
    pub(super) lockouts: Lockouts,
    proofs: Proofs,
    /// Last log-ins by user, in wall time.
    logins: HashMap<String, u64>,
    /// Last uses of tokens by hash that the file does not have yet, in wall time.
    pub(super) used: HashMap<String, u64>,
}

impl UserBase {
    /// Reads the users of `state_dir`; without a file there are none yet. A file that can't be read is no reason not to
    /// start: nobody can log in then, and [`UserBase::problem`] says why.
    pub fn open(state_dir: &Path) -> Result<Arc<UserBase>, UserError> {
        UserBase::open_with(state_dir, Hasher::new().map_err(UserError::Crypto)?, Clock::system())
    }

    pub(super) fn open_with(
        state_dir: &Path,
        hasher: Hasher,
        clock: Clock,
    ) -> Result<Arc<UserBase>, UserError> {
        let base = UserBase {
            file: UserFile::new(state_dir),
            hasher,
            clock,
            checks: Checks::default(),
            inner: Mutex::new(Inner {
                records: Ok(Records::default()),
                seen: None,
                lockouts: Lockouts::default(),
                proofs: Proofs::new().map_err(UserError::Crypto)?,
                logins: HashMap::new(),
                used: HashMap::new(),
            }),
            audit: Mutex::new(None),
        };
        base.refresh();
        Ok(Arc::new(base))
    }

    /// What is wrong with the text of a file of users; none when it could be used.
    pub fn problem_in(text: &[u8]) -> Option<String> {
        match std::str::from_utf8(text) {
            Ok(text) => Records::parse(text).err(),
            Err(_) => Some("it is not UTF-8 text".to_owned()),
        }
    }

    /// Gives every change and every failed log-in to `hook` from now on. It is called on whichever thread it happened on,
    /// with no lock held; it must not block.
    pub fn set_audit(&self, hook: impl Fn(Notice) + Send + Sync + 'static) {
        *self.audit.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    /// Why nobody can log in, when that is so.
    pub fn problem(&self) -> Option<String> {
        self.refresh();
        self.inner().records.as_ref().err().cloned()
    }

    /// The file that the users are in.
    pub fn path(&self) -> PathBuf {
        self.file.path()
    }

    /// Whether `password` is that of the user `name`. Slow, and one at a time: never on a loop.
    pub fn authenticate(
        &self,
        name: &str,
        password: &Secret,
        origin: Origin,
    ) -> Result<Principal, AuthError> {
        let peer = peer_of(&origin);
        self.refresh();
        let (hash, proven) = {
            let inner = self.inner();
            let records =
                inner.records.as_ref().map_err(|problem| AuthError::Unavailable(problem.clone()))?;
            inner.look(name, peer, self.clock.uptime())?;
            let hash = records.user(name).and_then(|user| user.password.clone());
            let proven = hash.as_ref().is_some_and(|hash| inner.proofs.holds(name, hash, password));
            (hash, proven)
        };
        let goes = || self.inner().look(name, peer, self.clock.uptime());
        let matches = proven || self.hasher.verify(password, hash.as_ref(), goes)?;
        let result = if matches { self.admit(name, hash.as_ref(), password, &origin) } else { None };
        match result {
            Some(principal) => {
                if !proven && hash.is_some_and(|hash| hash.is_outdated(&self.hasher)) {
                    self.rehash(name, password);
                }
                Ok(principal)
            }
            None => {
                self.count_failure(name, peer, &origin);
                Err(AuthError::Refused)
            }
        }
    }

    /// Whose token this is. Cheap: a token has too many bits to be guessed, so its hash needs not be slow, and a lock-out
    /// does not concern it.
    pub fn token(&self, secret: &Secret, origin: Origin) -> Result<Principal, AuthError> {
        self.refresh();
        let now_ms = self.clock.wall_ms();
        let mut inner = self.inner();
        let records = inner.records.as_ref().map_err(|problem| AuthError::Unavailable(problem.clone()))?;
        let sha256 = token::sha256(secret);
        let found = records.tokens.iter().find(|token| token.sha256 == sha256);
        let Some((token, user)) = found.and_then(|token| Some((token, records.user(&token.user)?))) else {
            drop(inner);
            self.tell(None, origin, Happening::TokenRefused { user: None, expired: false });
            return Err(AuthError::Refused);
        };
        if token.is_over(now_ms) {
            let user = Some(user.name.clone());
            drop(inner);
            self.tell(None, origin, Happening::TokenRefused { user, expired: true });
            return Err(AuthError::Refused);
        }
        let principal = Principal {
            name: user.name.clone(),
            role: user.role,
            scopes: Scope::both(user.scopes.as_deref(), token.scopes.as_deref()),
            origin,
        };
        inner.used.insert(sha256, now_ms);
        Ok(principal)
    }

    /// What is left of a principal that logged in earlier: its role and scopes may be fewer by now, and when its user is
    /// gone it is nobody. For connections and sessions that live long. Principals of the control socket and of the host
    /// itself are no users and stay as they are.
    pub fn renew(&self, principal: &Principal) -> Option<Principal> {
        if !matches!(principal.origin, Origin::Network { .. }) {
            return Some(principal.clone());
        }
        self.refresh();
        let inner = self.inner();
        let user = inner.records.as_ref().ok()?.user(&principal.name)?;
        // The lesser of the two roles: a promotion counts from the next log-in on.
        let role = if user.role == principal.role { user.role } else { user.role.max(principal.role) };
        let scopes = Scope::both(user.scopes.as_deref(), principal.scopes.as_deref());
        Some(Principal { role, scopes, ..principal.clone() })
    }

    /// All users, by name.
    pub fn list(&self) -> Result<Vec<UserInfo>, UserError> {
        self.refresh();
        let now = self.clock.uptime();
        let inner = self.inner();
        let records = inner.readable(&self.file)?;
        let mut users: Vec<_> =
            records.users.iter().map(|user| inner.show_user(records, user, now)).collect();
        users.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(users)
    }

    /// All tokens, by user and age.
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, UserError> {
        self.refresh();
        let inner = self.inner();
        let records = inner.readable(&self.file)?;
        let mut tokens: Vec<_> = records.tokens.iter().map(|token| inner.show_token(token)).collect();
        tokens.sort_by(|one, other| {
            (&one.user, one.made_ms, &one.id).cmp(&(&other.user, other.made_ms, &other.id))
        });
        Ok(tokens)
    }

    /// Peers that nobody can log in from, and how long yet.
    pub fn locked_peers(&self) -> Vec<(IpAddr, Duration)> {
        self.inner().lockouts.locked_peers(self.clock.uptime())
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done by a panic: every change is one assignment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, by: Option<Principal>, origin: Origin, what: Happening) {
        let hook = self.audit.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(Notice { at_ms: self.clock.wall_ms(), by, origin, what });
        }
    }

    /// Reads the file again when it is another one than was read last.
    pub(super) fn refresh(&self) {
        let what = self.inner().refresh(&self.file);
        if let Some(what) = what {
            self.tell(None, Origin::Host, what);
        }
    }

    /// The password was right. The user may have changed while it was being checked; only what is true now counts.
    fn admit(
        &self,
        name: &str,
        hash: Option<&PasswordHash>,
        password: &Secret,
        origin: &Origin,
    ) -> Option<Principal> {
        self.refresh();
        let now_ms = self.clock.wall_ms();
        let mut inner = self.inner();
        let user = inner.records.as_ref().ok()?.user(name)?;
        let hash = user.password.as_ref().filter(|now| Some(*now) == hash)?.clone();
        let principal = Principal {
            name: user.name.clone(),
            role: user.role,
            scopes: user.scopes.clone(),
            origin: origin.clone(),
        };
        inner.proofs.remember(name, &hash, password);
        inner.lockouts.succeeded(name, peer_of(origin));
        inner.logins.insert(name.to_owned(), now_ms);
        Some(principal)
    }

    fn count_failure(&self, name: &str, peer: Option<Peer>, origin: &Origin) {
        let now = self.clock.uptime();
        let (user, begun) = {
            let mut inner = self.inner();
            let known = inner.records.as_ref().is_ok_and(|records| records.user(name).is_some());
            (known.then(|| name.to_owned()), inner.lockouts.failed(name, known, peer, now))
        };
        self.tell(None, origin.clone(), Happening::LoginFailed { user: user.clone() });
        if let Some(wait) = begun.user {
            self.tell(None, origin.clone(), Happening::UserLockedOut { user, wait });
        }
        if let Some(wait) = begun.peer {
            self.tell(None, origin.clone(), Happening::PeerLockedOut { wait });
        }
    }
}

impl Inner {
    /// The users, or an error that names the file.
    pub(super) fn readable(&self, file: &UserFile) -> Result<&Records, UserError> {
        self.records
            .as_ref()
            .map_err(|problem| UserError::Damaged { path: file.path(), problem: problem.clone() })
    }

    fn refresh(&mut self, file: &UserFile) -> Option<Happening> {
        let was_good = self.records.is_ok();
        match file.stamp() {
            Ok(stamp) if stamp == self.seen && was_good => return None,
            Ok(None) if self.seen.is_some() => {
                self.records =
                    Err(format!("{} is gone; restore it from a backup, or restart", file.path().display()));
            }
            Ok(None) if was_good => return None,
            _ => match file.read().and_then(|content| load(file, content)) {
                Ok((records, stamp)) => {
                    self.seen = stamp.or(self.seen);
                    self.records = Ok(records);
                }
                Err(error) => self.records = Err(error.to_string()),
            },
        }
        match (&self.records, was_good) {
            (Err(problem), true) => Some(Happening::Unreadable(problem.clone())),
            (Ok(_), false) => Some(Happening::Readable),
            _ => None,
        }
    }

    fn look(&self, name: &str, peer: Option<Peer>, now: Duration) -> Result<(), AuthError> {
        match self.lockouts.wait(name, peer, now) {
            Some(wait) => Err(AuthError::LockedOut { wait }),
            None => Ok(()),
        }
    }

    fn show_user(&self, records: &Records, user: &UserRecord, now: Duration) -> UserInfo {
        UserInfo {
            name: user.name.clone(),
            role: user.role,
            scopes: user.scopes.clone(),
            has_password: user.password.is_some(),
            weak: user.weak,
            made_ms: user.made_ms,
            password_ms: user.password_ms,
            login_ms: self.logins.get(&user.name).copied(),
            locked_seconds: self.lockouts.user_wait(&user.name, now).map(|wait| wait.as_secs().max(1)),
            tokens: records.tokens.iter().filter(|token| token.user == user.name).count(),
        }
    }

    pub(super) fn show_token(&self, token: &TokenRecord) -> TokenInfo {
        TokenInfo {
            id: token.id().to_owned(),
            user: token.user.clone(),
            label: token.label.clone(),
            scopes: token.scopes.clone(),
            made_ms: token.made_ms,
            expires_ms: token.expires_ms,
            used_ms: self.used.get(&token.sha256).copied().max(token.used_ms),
        }
    }
}

/// What the content of the file means.
pub(super) fn load(
    file: &UserFile,
    content: super::file::Content,
) -> Result<(Records, Option<Stamp>), UserError> {
    let Some((text, stamp)) = content else { return Ok((Records::default(), None)) };
    match Records::parse(&text) {
        Ok(records) => Ok((records, Some(stamp))),
        Err(problem) => Err(UserError::Damaged { path: file.path(), problem }),
    }
}

fn peer_of(origin: &Origin) -> Option<Peer> {
    match origin {
        Origin::Network { peer, .. } => Some(Peer::from(*peer)),
        _ => None,
    }
}

impl fmt::Debug for UserBase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("UserBase").field("path", &self.file.path()).finish_non_exhaustive()
    }
}
