//! The settings of a UPS and their permitted values.

use std::ffi::c_char;

use super::boundary::{Checked, Out, look};
use super::kind::apcsmart_writable;
use super::port::apcsmart_port;
use super::reading;
use super::result::apcsmart_result;
use super::session::apcsmart_session;
use super::text::{self, Texts, Topic};
use crate::Session;
use crate::session::VariableInfo;
use crate::table::{VARIABLES, Writable};

/// Characters of a text setting.
const TEXT_MAX: usize = 8;

/// A setting of this UPS. Its value is the reading of the same name. The texts are UTF-8, never NULL, and live as long as
/// the handle.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct apcsmart_setting {
    /// Its name, by NUT's naming, such as "input.transfer.low".
    pub name: *const c_char,
    /// The unit of its value; empty for text.
    pub unit: *const c_char,
    /// How it is set.
    pub writable: apcsmart_writable,
    /// How many choices it has; zero unless it is set to one of them.
    pub choice_count: usize,
    /// How many characters a text may have; zero unless it is text.
    pub text_max: usize,
}

/// How many settings this UPS has; zero until it was discovered. They are sorted by name.
///
/// Errors: NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_setting_count(
    session: *const apcsmart_session,
    count: *mut usize,
) -> apcsmart_result {
    look(session, |content| count_of(&content.session, count))
}

/// The setting at `index`, counted from zero.
///
/// Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_setting_at(
    session: *const apcsmart_session,
    index: usize,
    setting: *mut apcsmart_setting,
) -> apcsmart_result {
    look(session, |content| at(&content.session, &mut content.texts, index, setting))
}

/// How the variable `name` may be set, which may be not at all.
///
/// Errors: NOT_FOUND when this UPS has no such variable; NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_setting(
    session: *const apcsmart_session,
    name: *const c_char,
    setting: *mut apcsmart_setting,
) -> apcsmart_result {
    look(session, |content| named(&content.session, &mut content.texts, name, setting))
}

/// The permitted value at `index` of the setting `name`, counted from zero and in the UPS's own order, as its reading would
/// show it. It is lent: it lives until the next call that takes the session without `const`.
///
/// Errors: NOT_FOUND when this UPS has no such variable, and behind the last choice; NULL_POINTER, TOO_LONG, INVALID_UTF8
/// and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_choice_at(
    session: *const apcsmart_session,
    name: *const c_char,
    index: usize,
    choice: *mut *const c_char,
) -> apcsmart_result {
    look(session, |content| choice_at(&content.session, &mut content.texts, name, index, choice))
}

/// As `apcsmart_session_setting_count`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_setting_count(
    port: *const apcsmart_port,
    count: *mut usize,
) -> apcsmart_result {
    look(port, |content| count_of(content.session()?, count))
}

/// As `apcsmart_session_setting_at`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_setting_at(
    port: *const apcsmart_port,
    index: usize,
    setting: *mut apcsmart_setting,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        at(session, texts, index, setting)
    })
}

/// As `apcsmart_session_setting`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_setting(
    port: *const apcsmart_port,
    name: *const c_char,
    setting: *mut apcsmart_setting,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        named(session, texts, name, setting)
    })
}

/// As `apcsmart_session_choice_at`; it lives until the next call that takes the port without `const`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_choice_at(
    port: *const apcsmart_port,
    name: *const c_char,
    index: usize,
    choice: *mut *const c_char,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        choice_at(session, texts, name, index, choice)
    })
}

fn count_of(session: &Session, out: *mut usize) -> Checked {
    Out::new(out)?.put(settings(session).len());
    Ok(())
}

fn at(session: &Session, texts: &mut Texts, index: usize, out: *mut apcsmart_setting) -> Checked {
    let out = Out::new(out)?;
    let name = *settings(session).get(index).ok_or(apcsmart_result::NOT_FOUND)?;
    let info = session.variable_info(name).ok_or(apcsmart_result::NOT_FOUND)?;
    out.put(show(session, texts, name, &info));
    Ok(())
}

fn named(session: &Session, texts: &mut Texts, name: *const c_char, out: *mut apcsmart_setting) -> Checked {
    let out = Out::new(out)?;
    let (name, info) = find(session, name)?;
    out.put(show(session, texts, name, &info));
    Ok(())
}

fn choice_at(
    session: &Session,
    texts: &mut Texts,
    name: *const c_char,
    index: usize,
    out: *mut *const c_char,
) -> Checked {
    let out = Out::new(out)?;
    let (name, info) = find(session, name)?;
    let choice = info.choices.into_iter().nth(index).ok_or(apcsmart_result::NOT_FOUND)?;
    out.put(texts.passing(Topic::Choice(name, index), || choice));
    Ok(())
}

/// The names of what can be set, sorted.
fn settings(session: &Session) -> Vec<&'static str> {
    let can_be_set =
        |name: &&'static str| session.variable_info(name).is_some_and(|info| info.writable != Writable::No);
    let mut names: Vec<&'static str> =
        VARIABLES.iter().flat_map(|row| row.names).copied().filter(can_be_set).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The variable that C named, with the table's spelling of its name.
fn find(session: &Session, name: *const c_char) -> Checked<(&'static str, VariableInfo)> {
    let name = text::read(name)?;
    let known = VARIABLES.iter().flat_map(|row| row.names).find(|known| **known == name);
    let found = known.and_then(|name| Some((*name, session.variable_info(name)?)));
    found.ok_or(apcsmart_result::NOT_FOUND)
}

fn show(session: &Session, texts: &mut Texts, name: &'static str, info: &VariableInfo) -> apcsmart_setting {
    apcsmart_setting {
        name: texts.fixed(name),
        unit: texts.fixed(reading::unit_of(session, name)),
        writable: info.writable.into(),
        choice_count: info.choices.len(),
        text_max: if info.writable == Writable::Text8 { TEXT_MAX } else { 0 },
    }
}
