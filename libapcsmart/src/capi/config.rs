//! How a session or a port behaves, set before it is made.

use std::ffi::c_char;
use std::time::Duration;

use super::boundary::{Checked, Handle, Opaque, free, look, make};
use super::result::apcsmart_result;
use super::text;
use crate::serial::{Cable, PortOptions};
use crate::session::SessionConfig;

/// How a session or a port behaves. The defaults fit every known UPS on its serial cable; pass NULL for them where a
/// configuration is asked for. It is copied: free it as soon as you like. One thread at a time.
pub struct apcsmart_config(Handle<Config>);

/// What is behind `apcsmart_config`.
#[derive(Default)]
pub(super) struct Config {
    spacing: Duration,
    cable: Cable,
    reconnect: bool,
}

impl Config {
    /// For the sans-I/O session.
    pub(super) fn session(&self) -> SessionConfig {
        SessionConfig { spacing: self.spacing }
    }

    /// For the blocking port.
    pub(super) fn port(&self) -> PortOptions {
        PortOptions::default().cable(self.cable).reconnect(self.reconnect).session(self.session())
    }
}

impl Opaque for apcsmart_config {
    type Content = Config;
    type Beside = ();
    const MAGIC: u32 = 0x4150_6364;
    fn beside(_: &Config) {}
    fn wrap(handle: Handle<Config>) -> apcsmart_config {
        apcsmart_config(handle)
    }
    fn handle(&self) -> &Handle<Config> {
        &self.0
    }
}

/// What is made of a configuration, or of the defaults when C passed NULL.
pub(super) fn of<R>(config: *const apcsmart_config, take: impl FnOnce(&Config) -> R) -> Checked<R> {
    if config.is_null() {
        return Ok(take(&Config::default()));
    }
    let mut taken = None;
    let code = look(config, |config| {
        taken = Some(take(config));
        Ok(())
    });
    match code {
        apcsmart_result::OK => taken.ok_or(apcsmart_result::PANIC),
        code => Err(code),
    }
}

/// Makes a configuration with the defaults. Free it with `apcsmart_config_free`.
///
/// Errors: NULL_POINTER.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_config_new(config: *mut *mut apcsmart_config) -> apcsmart_result {
    make(config, || Ok(Config::default()))
}

/// Frees a configuration. NULL is right.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_config_free(config: *mut apcsmart_config) {
    free(config)
}

/// Sets the silence between an answer and the next question: 0 to 10000 milliseconds, 0 by default. Some UPSes stop
/// talking when they are asked without a pause.
///
/// Errors: INVALID_ARGUMENT; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_config_set_spacing(
    config: *mut apcsmart_config,
    milliseconds: u32,
) -> apcsmart_result {
    const LONGEST: u32 = 10_000;
    look(config, |config| {
        if milliseconds > LONGEST {
            return Err(apcsmart_result::INVALID_ARGUMENT);
        }
        config.spacing = Duration::from_millis(milliseconds.into());
        Ok(())
    })
}

/// Sets the cable by its part number, such as "940-0024C" (the default) or "940-0095B"; it decides how DTR and RTS are
/// held. For ports on a tty only.
///
/// Errors: INVALID_ARGUMENT for a cable that does not carry the smart protocol; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_config_set_cable(
    config: *mut apcsmart_config,
    name: *const c_char,
) -> apcsmart_result {
    look(config, |config| {
        config.cable = Cable::named(text::read(name)?).ok_or(apcsmart_result::INVALID_ARGUMENT)?;
        Ok(())
    })
}

/// Sets whether a port that hung up is opened again by itself, with pauses of half a second to ten. Off by default:
/// `APCSMART_RESULT_HUNG_UP` tells then. For ports only.
///
/// Errors: those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_config_set_reconnect(
    config: *mut apcsmart_config,
    reconnect: bool,
) -> apcsmart_result {
    look(config, |config| {
        config.reconnect = reconnect;
        Ok(())
    })
}
