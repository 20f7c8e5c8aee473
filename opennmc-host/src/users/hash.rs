//! How passwords are kept: Argon2id, in the PHC string form that every other tool reads.
//!
//! Invariant: at most one hash is computed at a time, so that log-ins cost one block of memory however many come in, and
//! a hash that was read from the file never asks for more than [`MOST_MEMORY_KIB`].

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::{PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};

use super::secret::Secret;

/// 19 MiB with two passes and one lane is the lower of the recommended settings (OWASP's, and RFC 9106's for small machines
/// goes no lower in work): it leaves room on a card with 128 MiB, where it takes the better part of a second, and costs a
/// guesser with a graphics card as much memory per guess as it costs us.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const PASSES: u32 = 2;
/// Lanes: one, because one hash should not take both cores of a card.
const LANES: u32 = 1;
/// Bytes of the result.
const LENGTH: usize = 32;
/// A base that was made on a larger machine may come here from a backup; more than this is an attack or an accident.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 10;
const MOST_LANES: u32 = 4;

/// The hash of a password, as text in the form `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct PasswordHash(String);

impl PasswordHash {
    /// Whether it was made with other settings than new ones are.
    pub(super) fn is_outdated(&self, hasher: &Hasher) -> bool {
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let params = Phc::new(&self.0).ok().and_then(|phc| Params::try_from(&phc).ok());
        params.is_none_or(|params| cost(&params) != cost(&hasher.params))
    }

    /// The text form.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<(), String> {
        let wrong = "a password hash is damaged".to_owned();
        let phc = Phc::new(text).map_err(|_| wrong.clone())?;
        if phc.algorithm.as_str() != "argon2id" || phc.salt.is_none() || phc.hash.is_none() {
            return Err("a password hash is not a complete argon2id hash".to_owned());
        }
        let params = Params::try_from(&phc).map_err(|_| wrong)?;
        if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES || params.p_cost() > MOST_LANES
        {
            return Err(format!(
                "a password hash asks for more than {MOST_MEMORY_KIB} KiB, {MOST_PASSES} passes or {MOST_LANES} lanes"
            ));
        }
        Ok(())
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = String;

    fn try_from(text: String) -> Result<PasswordHash, String> {
        PasswordHash::check(&text)?;
        Ok(PasswordHash(text))
    }
}

impl From<PasswordHash> for String {
    fn from(hash: PasswordHash) -> String {
        hash.0
    }
}

/// Computes hashes, one at a time.
#[derive(Debug)]
pub(super) struct Hasher {
    params: Params,
    /// What an unknown user's password is checked against, so that it takes as long as a known one's.
    nobody: PasswordHash,
    /// Held while a hash is computed; counts the checks.
    turn: Mutex<u32>,
}

impl Hasher {
    /// With the settings above.
    pub(super) fn new() -> Result<Hasher, String> {
        Hasher::with(MEMORY_KIB, PASSES, LANES)
    }

    /// For tests that log in hundreds of times.
    #[cfg(test)]
    pub(super) fn cheap() -> Hasher {
        Hasher::with(8, 1, 1).unwrap()
    }

    /// For tests of a change of the settings.
    #[cfg(test)]
    pub(super) fn less_cheap() -> Hasher {
        Hasher::with(16, 1, 1).unwrap()
    }

    /// How many checks were computed.
    #[cfg(test)]
    pub(super) fn computed(&self) -> u32 {
        *self.turn.lock().unwrap()
    }

    fn with(memory_kib: u32, passes: u32, lanes: u32) -> Result<Hasher, String> {
        let params =
            Params::new(memory_kib, passes, lanes, Some(LENGTH)).map_err(|error| error.to_string())?;
        let mut salt = [0_u8; 16];
        let mut output = [0_u8; LENGTH];
        // Random bytes in the place of a result: no password is known that yields them.
        getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
        getrandom::fill(&mut output).map_err(|error| error.to_string())?;
        let nobody = assemble(&params, &salt, &output)?;
        Ok(Hasher { params, nobody, turn: Mutex::new(0) })
    }

    /// The hash of `password` with a new salt. Slow.
    pub(super) fn hash(&self, password: &Secret) -> Result<PasswordHash, String> {
        let mut salt = [0_u8; 16];
        getrandom::fill(&mut salt).map_err(|error| format!("get randomness for a salt: {error}"))?;
        let mut output = [0_u8; LENGTH];
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.argon2()
            .hash_password_into(password.reveal().as_bytes(), &salt, &mut output)
            .map_err(|error| format!("hash a password: {error}"))?;
        assemble(&self.params, &salt, &output)
    }

    /// Whether `password` is the one that `hash` was made from; without a hash it takes as long and is always false. `goes`
    /// is asked when it is this check's turn, and nothing is computed when it is not to go on. Slow.
    pub(super) fn verify<E>(
        &self,
        password: &Secret,
        hash: Option<&PasswordHash>,
        goes: impl FnOnce() -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        goes()?;
        *turn = turn.wrapping_add(1);
        let known = hash.is_some();
        let matches = Phc::new(&hash.unwrap_or(&self.nobody).0)
            .is_ok_and(|phc| self.argon2().verify_password(password.reveal().as_bytes(), &phc).is_ok());
        Ok(matches & known)
    }

    fn argon2(&self) -> Argon2<'_> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }
}

fn assemble(params: &Params, salt: &[u8], output: &[u8]) -> Result<PasswordHash, String> {
    use argon2::password_hash::phc::{Output, ParamsString};
    let wrong = |error: &dyn std::fmt::Display| format!("write a password hash: {error}");
    let phc = Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|error| wrong(&error))?,
        salt: Some(Salt::new(salt).map_err(|error| wrong(&error))?),
        hash: Some(Output::new(output).map_err(|error| wrong(&error))?),
    };
    Ok(PasswordHash(phc.to_string()))
}
