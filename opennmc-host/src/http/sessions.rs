//! Who has logged in with a page, until they log out, go away, or are no longer who they were.
//!
//! In memory only: a restart ends all of them. Invariant: an identifier is drawn at each log-in and never taken from a
//! client, and what is kept is its hash, so that neither a look at the memory nor the time of a comparison gives one away.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::users::Basis;

/// Without a request for so long nobody sits there any more.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// A day's work; then the password is asked for again.
const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// Of one user: some browsers on some machines.
const MOST_OF_A_USER: usize = 16;
/// In all.
const MOST: usize = 256;
/// Bytes of an identifier: 256 bits can't be guessed.
const DRAWN: usize = 32;

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions {
    open: HashMap<Key, Session>,
    /// Of their numbers, the last.
    last: u64,
}

/// What a session is found by: the hash of its identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

/// One session.
pub(super) struct Session {
    pub(super) basis: Basis,
    /// What requests that change something have to show besides the cookie.
    pub(super) csrf: String,
    number: u64,
    made: Duration,
    seen: Duration,
}

impl Key {
    /// Of what a client says is its identifier.
    pub(super) fn of(identifier: &str) -> Key {
        Key(Sha256::digest(identifier.as_bytes()).into())
    }
}

impl Sessions {
    /// Begins one and gives its identifier, which nobody else is told. Where there are too many the oldest goes.
    pub(super) fn begin(&mut self, basis: Basis, now: Duration) -> Result<String, getrandom::Error> {
        let (identifier, csrf) = (draw()?, draw()?);
        self.open.retain(|_, session| session.is_open(now));
        let user = basis.user().to_owned();
        let of_user = |session: &Session| session.basis.user() == user;
        if self.open.values().filter(|session| of_user(session)).count() >= MOST_OF_A_USER {
            self.drop_oldest(of_user);
        }
        if self.open.len() >= MOST {
            self.drop_oldest(|_| true);
        }
        self.last += 1;
        let session = Session { basis, csrf, number: self.last, made: now, seen: now };
        self.open.insert(Key::of(&identifier), session);
        Ok(identifier)
    }

    /// A session that is open. Its user may be another by now: that is for the caller to see.
    pub(super) fn find(&self, key: Key, now: Duration) -> Option<&Session> {
        self.open.get(&key).filter(|session| session.is_open(now))
    }

    /// Its user has just done something.
    pub(super) fn touch(&mut self, key: Key, now: Duration) {
        if let Some(session) = self.open.get_mut(&key).filter(|session| session.is_open(now)) {
            session.seen = now;
        }
    }

    /// Ends it, if it is there.
    pub(super) fn end(&mut self, key: Key) {
        self.open.remove(&key);
    }

    fn drop_oldest(&mut self, which: impl Fn(&Session) -> bool) {
        let candidates = self.open.iter().filter(|(_, session)| which(session));
        let oldest = candidates.min_by_key(|(_, session)| session.number).map(|(key, _)| *key);
        if let Some(oldest) = oldest {
            self.open.remove(&oldest);
        }
    }
}

impl Session {
    /// Whether `token` is what was given for this session; takes no longer for one that is nearly right.
    pub(super) fn is_confirmed_by(&self, token: &str) -> bool {
        Key::of(token) == Key::of(&self.csrf)
    }

    /// How long it lasts yet when nobody does anything.
    pub(super) fn left(&self, now: Duration) -> Duration {
        (self.seen + IDLE).min(self.made + LONGEST).saturating_sub(now)
    }

    fn is_open(&self, now: Duration) -> bool {
        !self.left(now).is_zero()
    }
}

fn draw() -> Result<String, getrandom::Error> {
    let mut bytes = [0; DRAWN];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::{NewUser, PasswordRules, Principal, Role, Secret, UserBase};

    const MINUTE: Duration = Duration::from_secs(60);

    fn bases<const N: usize>(names: [&str; N]) -> [Basis; N] {
        let folder = tempfile::tempdir().unwrap();
        let users = UserBase::open(folder.path()).unwrap();
        names.map(|name| {
            let password = Some(Secret::from("a-sunny-place"));
            let new = NewUser { name: name.to_owned(), role: Role::Operator, scopes: None, password };
            users.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
            users.basis(name).unwrap()
        })
    }

    #[test]
    fn a_session_ends_half_an_hour_after_the_last_request_and_twelve_hours_after_the_first() {
        let [jo] = bases(["jo"]);
        let mut sessions = Sessions::default();
        let key = Key::of(&sessions.begin(jo.clone(), MINUTE).unwrap());
        assert!(sessions.find(key, MINUTE * 30).is_some());
        sessions.touch(key, MINUTE * 30);
        assert!(sessions.find(key, MINUTE * 59).is_some());
        assert!(sessions.find(key, MINUTE * 60).is_none());
        sessions.touch(key, MINUTE * 60);
        assert!(sessions.find(key, MINUTE * 60).is_none(), "it does not come back");
        let key = Key::of(&sessions.begin(jo, Duration::ZERO).unwrap());
        for minute in (0..12 * 60).step_by(20) {
            sessions.touch(key, MINUTE * minute);
        }
        assert!(sessions.find(key, MINUTE * (12 * 60 - 1)).is_some());
        assert!(sessions.find(key, MINUTE * 12 * 60).is_none());
    }

    #[test]
    fn where_there_are_too_many_the_oldest_goes() {
        let [jo, other] = bases(["jo", "other"]);
        let mut sessions = Sessions::default();
        let mut begin = |basis: &Basis| Key::of(&sessions.begin(basis.clone(), MINUTE).unwrap());
        let others = begin(&other);
        let keys: Vec<Key> = (0..=MOST_OF_A_USER).map(|_| begin(&jo)).collect();
        let is_open = |key: &Key| sessions.find(*key, MINUTE).is_some();
        assert!(!is_open(&keys[0]) && keys[1..].iter().all(is_open), "its own, and only one");
        assert!(is_open(&others));
    }

    #[test]
    fn there_are_only_so_many_in_all() {
        let names: Vec<String> = (0..=MOST / MOST_OF_A_USER).map(|number| format!("u{number}")).collect();
        let [one] = bases(["one"]);
        let mut sessions = Sessions::default();
        let mut keys = Vec::new();
        for name in &names {
            for _ in 0..MOST_OF_A_USER {
                // Only the name of its user tells these bases apart.
                let basis = one.clone().of(name);
                keys.push(Key::of(&sessions.begin(basis, MINUTE).unwrap()));
            }
        }
        assert_eq!(sessions.open.len(), MOST);
        let gone = keys.iter().take_while(|key| sessions.find(**key, MINUTE).is_none()).count();
        assert_eq!(gone, keys.len() - MOST);
    }

    #[test]
    fn every_log_in_has_an_identifier_and_a_token_of_its_own() {
        let [jo] = bases(["jo"]);
        let mut sessions = Sessions::default();
        let (one, other) = (sessions.begin(jo.clone(), MINUTE).unwrap(), sessions.begin(jo, MINUTE).unwrap());
        assert!(one != other && one.len() == 2 * DRAWN);
        let csrf = |identifier: &str| sessions.find(Key::of(identifier), MINUTE).unwrap().csrf.clone();
        assert!(csrf(&one) != csrf(&other) && csrf(&one) != one);
        let session = sessions.find(Key::of(&one), MINUTE).unwrap();
        assert!(session.is_confirmed_by(&csrf(&one)));
        for wrong in ["", &csrf(&other), &csrf(&one)[1..], &one] {
            assert!(!session.is_confirmed_by(wrong), "{wrong}");
        }
    }
}
