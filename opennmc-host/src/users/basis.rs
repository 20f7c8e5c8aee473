//! What a log-in rests on, for whoever has to see later whether it still stands.
//!
//! A page that stays open and a session with a cookie are not asked for the password again. What they were given rests on
//! the user as it was then: with another password or role, without the user, or without the token, it is nothing any more.

use super::base::UserBase;
use super::principal::{Origin, Principal};
use super::role::{Role, Scope};
use super::secret::Secret;
use super::token;

/// What a log-in rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    user: String,
    role: Role,
    scopes: Option<Vec<Scope>>,
    /// One of the same name that was made later is another user.
    made_ms: u64,
    means: Means,
}

/// How somebody has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Means {
    /// With the password that was set then.
    Password { set_ms: u64 },
    /// With the token that has this hash.
    Token { sha256: String },
}

impl Basis {
    /// Whose log-in it is.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The same of another user.
    #[cfg(test)]
    pub(crate) fn of(self, user: &str) -> Basis {
        Basis { user: user.to_owned(), ..self }
    }
}

impl UserBase {
    /// What a log-in with this user's present password rests on; none when it can't log in so. Take it before the password
    /// is checked: one that is set meanwhile is not the one that was checked.
    pub fn basis(&self, name: &str) -> Option<Basis> {
        self.refresh();
        let inner = self.inner();
        let user = inner.records.as_ref().ok()?.user(name)?;
        user.password.as_ref()?;
        Some(Basis {
            user: user.name.clone(),
            role: user.role,
            scopes: user.scopes.clone(),
            made_ms: user.made_ms,
            means: Means::Password { set_ms: user.password_ms.unwrap_or_default() },
        })
    }

    /// What a log-in with this token rests on; none when it is no token, or no longer good.
    pub fn basis_of_token(&self, secret: &Secret) -> Option<Basis> {
        self.token_basis(&token::sha256(secret))
    }

    /// Who that is now, having come in at `origin`; none when the basis is gone.
    pub fn principal(&self, basis: &Basis, origin: Origin) -> Option<Principal> {
        let now = match &basis.means {
            Means::Password { .. } => self.basis(&basis.user)?,
            Means::Token { sha256 } => self.token_basis(sha256)?,
        };
        (now == *basis).then_some(Principal { name: now.user, role: now.role, scopes: now.scopes, origin })
    }

    fn token_basis(&self, sha256: &str) -> Option<Basis> {
        self.refresh();
        let now_ms = self.clock.wall_ms();
        let inner = self.inner();
        let records = inner.records.as_ref().ok()?;
        let token = records.tokens.iter().find(|token| token.sha256 == sha256)?;
        let user = records.user(&token.user).filter(|_| !token.is_over(now_ms))?;
        Some(Basis {
            user: user.name.clone(),
            role: user.role,
            scopes: Scope::both(user.scopes.as_deref(), token.scopes.as_deref()),
            made_ms: user.made_ms,
            means: Means::Token { sha256: sha256.to_owned() },
        })
    }
}
