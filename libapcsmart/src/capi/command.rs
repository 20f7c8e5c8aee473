//! The commands of a UPS.

use std::ffi::c_char;

use super::boundary::{Checked, Out, look};
use super::kind::apcsmart_danger;
use super::port::apcsmart_port;
use super::result::apcsmart_result;
use super::session::apcsmart_session;
use super::text::{self, Texts, Topic};
use crate::Session;
use crate::table::InstantCommand;

/// A command of this UPS. The texts are UTF-8, never NULL, and live as long as the handle.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct apcsmart_command {
    /// Its name, by NUT's naming, such as "test.battery.start".
    pub name: *const c_char,
    /// What it does, in a sentence.
    pub meaning: *const c_char,
    /// What it can do to the load.
    pub danger: apcsmart_danger,
}

/// How many commands this UPS has; zero until it was discovered. They are sorted by name.
///
/// Errors: NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_command_count(
    session: *const apcsmart_session,
    count: *mut usize,
) -> apcsmart_result {
    look(session, |content| count_of(&content.session, count))
}

/// The command at `index`, counted from zero.
///
/// Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_command_at(
    session: *const apcsmart_session,
    index: usize,
    command: *mut apcsmart_command,
) -> apcsmart_result {
    look(session, |content| at(&content.session, &mut content.texts, index, command))
}

/// The command `name`; letter case does not matter.
///
/// Errors: NOT_FOUND when this UPS has none; NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_command(
    session: *const apcsmart_session,
    name: *const c_char,
    command: *mut apcsmart_command,
) -> apcsmart_result {
    look(session, |content| named(&content.session, &mut content.texts, name, command))
}

/// How many commands the UPS lists of which nobody knows what they do. They are never sent; a report about a model that
/// lists some is welcome. Zero until the UPS was discovered, and on those that list nothing.
///
/// Errors: NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_unknown_command_count(
    session: *const apcsmart_session,
    count: *mut usize,
) -> apcsmart_result {
    look(session, |content| unknown_count_of(&content.session, count))
}

/// The unknown command at `index`, counted from zero and in the order of their bytes, as manuals write it: "Q", "^A", "DEL",
/// "9F D1". It is lent: it lives until the next call that takes the session without `const`.
///
/// Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_unknown_command_at(
    session: *const apcsmart_session,
    index: usize,
    command: *mut *const c_char,
) -> apcsmart_result {
    look(session, |content| unknown_at(&content.session, &mut content.texts, index, command))
}

/// As `apcsmart_session_command_count`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_command_count(
    port: *const apcsmart_port,
    count: *mut usize,
) -> apcsmart_result {
    look(port, |content| count_of(content.session()?, count))
}

/// As `apcsmart_session_command_at`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_command_at(
    port: *const apcsmart_port,
    index: usize,
    command: *mut apcsmart_command,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        at(session, texts, index, command)
    })
}

/// As `apcsmart_session_command`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_command(
    port: *const apcsmart_port,
    name: *const c_char,
    command: *mut apcsmart_command,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        named(session, texts, name, command)
    })
}

/// As `apcsmart_session_unknown_command_count`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_unknown_command_count(
    port: *const apcsmart_port,
    count: *mut usize,
) -> apcsmart_result {
    look(port, |content| unknown_count_of(content.session()?, count))
}

/// As `apcsmart_session_unknown_command_at`; it lives until the next call that takes the port without `const`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_unknown_command_at(
    port: *const apcsmart_port,
    index: usize,
    command: *mut *const c_char,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        unknown_at(session, texts, index, command)
    })
}

fn count_of(session: &Session, out: *mut usize) -> Checked {
    Out::new(out)?.put(session.commands().count());
    Ok(())
}

fn at(session: &Session, texts: &mut Texts, index: usize, out: *mut apcsmart_command) -> Checked {
    let out = Out::new(out)?;
    out.put(show(texts, session.commands().nth(index).ok_or(apcsmart_result::NOT_FOUND)?));
    Ok(())
}

fn named(session: &Session, texts: &mut Texts, name: *const c_char, out: *mut apcsmart_command) -> Checked {
    let out = Out::new(out)?;
    let name = text::read(name)?;
    let found = session.commands().find(|command| command.name.eq_ignore_ascii_case(name));
    out.put(show(texts, found.ok_or(apcsmart_result::NOT_FOUND)?));
    Ok(())
}

fn unknown_count_of(session: &Session, out: *mut usize) -> Checked {
    Out::new(out)?.put(session.unknown_commands().count());
    Ok(())
}

fn unknown_at(session: &Session, texts: &mut Texts, index: usize, out: *mut *const c_char) -> Checked {
    let out = Out::new(out)?;
    let code = session.unknown_commands().nth(index).ok_or(apcsmart_result::NOT_FOUND)?;
    out.put(texts.passing(Topic::UnknownCommand(index), || code.to_string()));
    Ok(())
}

fn show(texts: &mut Texts, command: &'static InstantCommand) -> apcsmart_command {
    apcsmart_command {
        name: texts.fixed(command.name),
        meaning: texts.fixed(command.meaning),
        danger: command.danger.into(),
    }
}
