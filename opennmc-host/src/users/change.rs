//! Every change to the users: who may, what must still hold afterwards, and that it is on the disk before it counts.
//!
//! A change reads the file as it is now, under the lock, and not what this process remembers: another process may have
//! changed it a moment ago. Its notice goes to the audit when it is done, not before.

use std::collections::HashMap;
use std::net::IpAddr;

use super::base::{UserBase, load};
use super::error::UserError;
use super::hash::PasswordHash;
use super::info::{FirstAdministrator, NewToken, NewUser, PasswordRules, TokenInfo, UserInfo};
use super::lockout::Peer;
use super::name;
use super::notice::Happening;
use super::principal::{Origin, Principal};
use super::record::{Records, TokenRecord, UserRecord};
use super::role::{Right, Role, Scope};
use super::rules;
use super::secret::Secret;
use super::token;

/// What the first administrator is called, as far as the names are free.
const FIRST_NAMES: [&str; 2] = ["admin", "administrator"];
/// The file is read whole at each change.
const MOST_USERS: usize = 1_000;
const MOST_TOKENS: usize = 2_000;
const LONGEST_LABEL: usize = 200;
/// A day: how old the last uses of tokens on the disk may be, for the sake of the flash.
const LAST_USE_GRAIN_MS: u64 = 86_400_000;

impl UserBase {
    /// Makes an administrator with a random password when there is none who has a password. Show it, once, to the person
    /// who starts the daemon; if nobody is there (standard output is not a terminal), rather ask for `opennmc user add`.
    pub fn first_start(&self) -> Result<Option<FirstAdministrator>, UserError> {
        self.refresh();
        let name = {
            let inner = self.inner();
            let records = inner.readable(&self.file)?;
            if records.has_administrator() {
                return Ok(None);
            }
            let free = |name: &&str| !records.users.iter().any(|user| user.name.eq_ignore_ascii_case(name));
            FIRST_NAMES.into_iter().find(free)
        };
        let Some(name) = name else {
            let names = FIRST_NAMES.join("` and `");
            return Err(UserError::Exists(names));
        };
        let password = token::readable_password().map_err(UserError::Crypto)?;
        let new = NewUser {
            name: name.to_owned(),
            role: Role::Administrator,
            scopes: None,
            password: Some(password.clone()),
        };
        self.add(new, PasswordRules::Strict, &Principal::host())?;
        Ok(Some(FirstAdministrator { name: name.to_owned(), password }))
    }

    /// Makes a user. Slow when it has a password.
    pub fn add(&self, new: NewUser, rules: PasswordRules, by: &Principal) -> Result<UserInfo, UserError> {
        permit(by)?;
        if !name::is_name(&new.name) {
            return Err(UserError::Name(new.name));
        }
        check_scopes(new.role, new.scopes.as_deref())?;
        let (password, weak) = match &new.password {
            Some(password) => {
                self.hash_checked(&new.name, password, rules).map(|(hash, weak)| (Some(hash), weak))?
            }
            None => (None, false),
        };
        let now_ms = self.clock.wall_ms();
        let user = UserRecord {
            name: new.name.clone(),
            role: new.role,
            scopes: new.scopes,
            password_ms: password.is_some().then_some(now_ms),
            password,
            weak,
            made_ms: now_ms,
        };
        self.change(by, |records| {
            if let Some(other) =
                records.users.iter().find(|other| other.name.eq_ignore_ascii_case(&user.name))
            {
                return Err(UserError::Exists(other.name.clone()));
            }
            if records.users.len() >= MOST_USERS {
                return Err(UserError::Limit(format!("there are {MOST_USERS} users, which is the most")));
            }
            records.users.push(user);
            Ok(Happening::Added { user: new.name.clone(), role: new.role })
        })?;
        self.inner().lockouts.forget(&new.name);
        let users = self.list()?;
        users.into_iter().find(|user| user.name == new.name).ok_or(UserError::Unknown(new.name))
    }

    /// Removes a user and its tokens.
    pub fn remove(&self, name: &str, by: &Principal) -> Result<(), UserError> {
        permit(by)?;
        self.change(by, |records| {
            let index =
                records.users.iter().position(|user| user.name == name).ok_or_else(|| unknown(name))?;
            let last = records.users[index].administers();
            records.users.remove(index);
            records.tokens.retain(|token| token.user != name);
            keep_an_administrator(last, records, name)?;
            Ok(Happening::Removed { user: name.to_owned() })
        })?;
        self.inner().lockouts.forget(name);
        Ok(())
    }

    /// Sets a password. Everybody may set their own, over the network as well; an administrator everybody's. Slow.
    pub fn set_password(
        &self,
        name: &str,
        password: &Secret,
        rules: PasswordRules,
        by: &Principal,
    ) -> Result<(), UserError> {
        let own = by.name == name && by.scopes.is_none() && matches!(by.origin, Origin::Network { .. });
        if !own {
            permit(by)?;
        }
        let (hash, weak) = self.hash_checked(name, password, rules)?;
        let now_ms = self.clock.wall_ms();
        self.change(by, |records| {
            let user = records.user_mut(name).ok_or_else(|| unknown(name))?;
            user.password = Some(hash);
            user.password_ms = Some(now_ms);
            user.weak = weak;
            Ok(Happening::PasswordSet { user: name.to_owned(), weak })
        })?;
        self.inner().lockouts.forget(name);
        Ok(())
    }

    /// Sets what a user may do.
    pub fn set_role(
        &self,
        name: &str,
        role: Role,
        scopes: Option<Vec<Scope>>,
        by: &Principal,
    ) -> Result<(), UserError> {
        permit(by)?;
        check_scopes(role, scopes.as_deref())?;
        self.change(by, |records| {
            let user = records.user_mut(name).ok_or_else(|| unknown(name))?;
            let last = user.administers();
            user.role = role;
            user.scopes = scopes;
            let scopes = joined(user.scopes.as_deref());
            keep_an_administrator(last, records, name)?;
            Ok(Happening::RoleSet { user: name.to_owned(), role, scopes })
        })
    }

    /// Ends a user's lock-out.
    pub fn unlock(&self, name: &str, by: &Principal) -> Result<(), UserError> {
        permit(by)?;
        self.refresh();
        {
            let mut inner = self.inner();
            inner.readable(&self.file)?.user(name).ok_or_else(|| unknown(name))?;
            inner.lockouts.unlock(name);
        }
        self.tell(Some(by.clone()), by.origin.clone(), Happening::Unlocked { user: name.to_owned() });
        Ok(())
    }

    /// Ends a peer's lock-out; false: there was none.
    pub fn unlock_peer(&self, peer: IpAddr, by: &Principal) -> Result<bool, UserError> {
        permit(by)?;
        let unlocked = self.inner().lockouts.unlock_peer(Peer::from(peer));
        if unlocked {
            self.tell(Some(by.clone()), by.origin.clone(), Happening::Unlocked { user: peer.to_string() });
        }
        Ok(unlocked)
    }

    /// Makes a token for a user. The secret is given here and never again.
    pub fn add_token(
        &self,
        user: &str,
        new: NewToken,
        by: &Principal,
    ) -> Result<(Secret, TokenInfo), UserError> {
        permit(by)?;
        if new.label.chars().count() > LONGEST_LABEL || new.label.chars().any(char::is_control) {
            return Err(UserError::Limit(format!(
                "a label has at most {LONGEST_LABEL} letters, on one line"
            )));
        }
        let secret = token::make().map_err(UserError::Crypto)?;
        let made_ms = self.clock.wall_ms();
        let lifetime_ms = new.lifetime.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let token = TokenRecord {
            sha256: token::sha256(&secret),
            user: user.to_owned(),
            label: new.label,
            scopes: new.scopes,
            made_ms,
            // TOML's integers have a sign.
            expires_ms: lifetime_ms.map(|time| made_ms.saturating_add(time).min(i64::MAX as u64)),
            used_ms: None,
        };
        let info = self.inner().show_token(&token);
        self.change(by, |records| {
            let owner = records.user(user).ok_or_else(|| unknown(user))?;
            check_scopes(owner.role, token.scopes.as_deref())?;
            if Scope::both(owner.scopes.as_deref(), token.scopes.as_deref())
                .is_some_and(|left| left.is_empty())
            {
                return Err(UserError::Scope(format!(
                    "the token could do nothing: `{user}` is narrowed to {}",
                    joined(owner.scopes.as_deref())
                )));
            }
            if records.tokens.len() >= MOST_TOKENS {
                return Err(UserError::Limit(format!("there are {MOST_TOKENS} tokens, which is the most")));
            }
            let what = Happening::TokenMade { id: token.id().to_owned(), user: user.to_owned() };
            records.tokens.push(token);
            Ok(what)
        })?;
        Ok((secret, info))
    }

    /// Revokes a token by its id.
    pub fn revoke_token(&self, id: &str, by: &Principal) -> Result<(), UserError> {
        permit(by)?;
        self.change(by, |records| {
            let index = records
                .tokens
                .iter()
                .position(|token| token.id() == id)
                .ok_or_else(|| UserError::UnknownToken(id.to_owned()))?;
            let token = records.tokens.remove(index);
            Ok(Happening::TokenRevoked { id: id.to_owned(), user: token.user })
        })
    }

    /// Writes down when tokens were used last, if what is on the disk is more than a day old. To be called now and then,
    /// and at the end; [`UserBase::check_later`]'s thread does it too.
    pub fn save_last_used(&self) -> Result<(), UserError> {
        let due = {
            let inner = self.inner();
            inner.records.as_ref().is_ok_and(|records| {
                records.tokens.iter().any(|token| {
                    inner.used.get(&token.sha256).is_some_and(|used| {
                        token.used_ms.is_none_or(|saved| used.saturating_sub(saved) >= LAST_USE_GRAIN_MS)
                    })
                })
            })
        };
        if due { self.write(|_| Ok(())).map(|_| ()) } else { Ok(()) }
    }

    /// A password that was right is kept with the settings of today.
    pub(super) fn rehash(&self, name: &str, password: &Secret) {
        let result = self.hasher.hash(password).map_err(UserError::Crypto).and_then(|hash| {
            self.write(|records| {
                if let Some(user) = records.user_mut(name) {
                    user.password = Some(hash);
                }
                Ok(())
            })
        });
        if let Err(error) = result {
            tracing::warn!(user = name, "its password could not be kept with today's settings: {error}");
        }
    }

    fn hash_checked(
        &self,
        name: &str,
        password: &Secret,
        rules: PasswordRules,
    ) -> Result<(PasswordHash, bool), UserError> {
        rules::check_form(password).map_err(UserError::Password)?;
        let weakness = rules::weakness(name, password);
        if let (Some(problem), PasswordRules::Strict) = (&weakness, rules) {
            return Err(UserError::Password(problem.clone()));
        }
        let hash = self.hasher.hash(password).map_err(UserError::Crypto)?;
        Ok((hash, weakness.is_some()))
    }

    fn change(
        &self,
        by: &Principal,
        edit: impl FnOnce(&mut Records) -> Result<Happening, UserError>,
    ) -> Result<(), UserError> {
        let what = self.write(edit)?;
        self.tell(Some(by.clone()), by.origin.clone(), what);
        Ok(())
    }

    fn write<R>(&self, edit: impl FnOnce(&mut Records) -> Result<R, UserError>) -> Result<R, UserError> {
        let lock = self.file.lock()?;
        self.refresh();
        // A file that has vanished is not an empty one.
        self.inner().readable(&self.file)?;
        let (mut records, _) = load(&self.file, self.file.read()?)?;
        let result = edit(&mut records)?;
        let used: HashMap<String, u64> = self.inner().used.clone();
        for token in &mut records.tokens {
            token.used_ms = used.get(&token.sha256).copied().max(token.used_ms);
        }
        let text =
            records.render().map_err(|problem| UserError::Damaged { path: self.file.path(), problem })?;
        let stamp = self.file.replace(&lock, &text)?;
        let mut inner = self.inner();
        inner.records = Ok(records);
        inner.seen = Some(stamp);
        Ok(result)
    }
}

fn permit(by: &Principal) -> Result<(), UserError> {
    if by.may(&Right::Administer) { Ok(()) } else { Err(UserError::Denied(by.name.clone())) }
}

fn unknown(name: &str) -> UserError {
    UserError::Unknown(name.to_owned())
}

fn keep_an_administrator(was_one: bool, records: &Records, name: &str) -> Result<(), UserError> {
    if was_one && !records.has_administrator() {
        return Err(UserError::LastAdministrator(name.to_owned()));
    }
    Ok(())
}

fn check_scopes(role: Role, scopes: Option<&[Scope]>) -> Result<(), UserError> {
    let Some(scopes) = scopes else { return Ok(()) };
    if scopes.is_empty() {
        return Err(UserError::Scope(
            "no scope at all would leave nothing to do; leave the scopes away for all of them".to_owned(),
        ));
    }
    match scopes.iter().find(|scope| !role.carries(&scope.right())) {
        Some(scope) => Err(UserError::Scope(format!("the role {role} does not carry the scope `{scope}`"))),
        None => Ok(()),
    }
}

fn joined(scopes: Option<&[Scope]>) -> String {
    scopes.unwrap_or_default().iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}
