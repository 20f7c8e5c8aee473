//! Readings: by name and one after the other.

use std::ffi::c_char;

use super::boundary::{Checked, Out, look};
use super::port::apcsmart_port;
use super::result::apcsmart_result;
use super::session::apcsmart_session;
use super::text::{self, Texts, Topic};
use crate::table::VARIABLES;
use crate::{Session, Value};

/// A reading. The texts are UTF-8, never NULL, and lent: they live until the next call that takes the handle without
/// `const`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct apcsmart_reading {
    /// Its name, by NUT's naming, such as "battery.charge".
    pub name: *const c_char,
    /// Its value as text, as NUT's clients read it.
    pub text: *const c_char,
    /// The unit of a number: "%", "V", "A", "s", "Hz", "°C", "VA", "Ah"; empty for none and for text.
    pub unit: *const c_char,
    /// Its value when it is a number; else NaN.
    pub number: f64,
    /// Whether it is a number.
    pub is_number: bool,
}

/// How many readings there are. They are sorted by name; the count changes with calls that take the session without `const`.
///
/// Errors: NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_reading_count(
    session: *const apcsmart_session,
    count: *mut usize,
) -> apcsmart_result {
    look(session, |content| count_of(&content.session, count))
}

/// The reading at `index`, counted from zero.
///
/// Errors: NOT_FOUND behind the last one; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_reading_at(
    session: *const apcsmart_session,
    index: usize,
    reading: *mut apcsmart_reading,
) -> apcsmart_result {
    look(session, |content| at(&content.session, &mut content.texts, index, reading))
}

/// The reading `name`.
///
/// Errors: NOT_FOUND when this UPS has none, or it was not read yet; NULL_POINTER, TOO_LONG, INVALID_UTF8 and those of every
/// handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_reading(
    session: *const apcsmart_session,
    name: *const c_char,
    reading: *mut apcsmart_reading,
) -> apcsmart_result {
    look(session, |content| named(&content.session, &mut content.texts, name, reading))
}

/// The reading `name` as a number.
///
/// Errors: NOT_A_NUMBER when it is text; else as `apcsmart_session_reading`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_number(
    session: *const apcsmart_session,
    name: *const c_char,
    number: *mut f64,
) -> apcsmart_result {
    look(session, |content| as_number(&content.session, name, number))
}

/// The reading `name` as text. It is lent: it lives until the next call that takes the session without `const`.
///
/// Errors: as `apcsmart_session_reading`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_text(
    session: *const apcsmart_session,
    name: *const c_char,
    text: *mut *const c_char,
) -> apcsmart_result {
    look(session, |content| as_text(&content.session, &mut content.texts, name, text))
}

/// As `apcsmart_session_reading_count`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_reading_count(
    port: *const apcsmart_port,
    count: *mut usize,
) -> apcsmart_result {
    look(port, |content| count_of(content.session()?, count))
}

/// As `apcsmart_session_reading_at`. Readings are as old as `apcsmart_port_silence` says.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_reading_at(
    port: *const apcsmart_port,
    index: usize,
    reading: *mut apcsmart_reading,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        at(session, texts, index, reading)
    })
}

/// As `apcsmart_session_reading`. Readings are as old as `apcsmart_port_silence` says.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_reading(
    port: *const apcsmart_port,
    name: *const c_char,
    reading: *mut apcsmart_reading,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        named(session, texts, name, reading)
    })
}

/// As `apcsmart_session_number`. Readings are as old as `apcsmart_port_silence` says.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_number(
    port: *const apcsmart_port,
    name: *const c_char,
    number: *mut f64,
) -> apcsmart_result {
    look(port, |content| as_number(content.session()?, name, number))
}

/// As `apcsmart_session_text`. Readings are as old as `apcsmart_port_silence` says.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_text(
    port: *const apcsmart_port,
    name: *const c_char,
    text: *mut *const c_char,
) -> apcsmart_result {
    look(port, |content| {
        let (session, texts) = content.parts()?;
        as_text(session, texts, name, text)
    })
}

fn count_of(session: &Session, out: *mut usize) -> Checked {
    Out::new(out)?.put(session.readings().count());
    Ok(())
}

fn at(session: &Session, texts: &mut Texts, index: usize, out: *mut apcsmart_reading) -> Checked {
    let out = Out::new(out)?;
    let (name, value) = session.readings().nth(index).ok_or(apcsmart_result::NOT_FOUND)?;
    out.put(show(session, texts, name, value));
    Ok(())
}

fn named(session: &Session, texts: &mut Texts, name: *const c_char, out: *mut apcsmart_reading) -> Checked {
    let out = Out::new(out)?;
    let (name, value) = find(session, name)?;
    out.put(show(session, texts, name, value));
    Ok(())
}

fn as_number(session: &Session, name: *const c_char, out: *mut f64) -> Checked {
    let out = Out::new(out)?;
    let (_, value) = find(session, name)?;
    out.put(value.as_f64().ok_or(apcsmart_result::NOT_A_NUMBER)?);
    Ok(())
}

fn as_text(session: &Session, texts: &mut Texts, name: *const c_char, out: *mut *const c_char) -> Checked {
    let out = Out::new(out)?;
    let (name, value) = find(session, name)?;
    out.put(value_text(texts, name, value));
    Ok(())
}

/// The reading that C named, with the table's spelling of its name.
fn find(session: &Session, name: *const c_char) -> Checked<(&'static str, &Value)> {
    let name = text::read(name)?;
    session.readings().find(|(known, _)| *known == name).ok_or(apcsmart_result::NOT_FOUND)
}

fn show(session: &Session, texts: &mut Texts, name: &'static str, value: &Value) -> apcsmart_reading {
    let number = value.as_f64();
    apcsmart_reading {
        name: texts.fixed(name),
        text: value_text(texts, name, value),
        unit: unit(session, name, value, texts),
        number: number.unwrap_or(f64::NAN),
        is_number: number.is_some(),
    }
}

fn value_text(texts: &mut Texts, name: &'static str, value: &Value) -> *const c_char {
    texts.passing(Topic::Reading(name), || value.to_string())
}

/// The unit of a reading, lent as long as the handle lives; empty for text.
pub(super) fn unit(session: &Session, name: &'static str, value: &Value, texts: &mut Texts) -> *const c_char {
    texts.fixed(if value.as_f64().is_some() { unit_of(session, name) } else { "" })
}

/// Readings that no row of the table names, with their units.
const DERIVED: [(&str, &str); 3] =
    [("device.uptime", "s"), ("input.voltage.maximum", "V"), ("input.voltage.minimum", "V")];

/// The unit of the variable `name` on this UPS; empty for none.
pub(super) fn unit_of(session: &Session, name: &str) -> &'static str {
    let derived = || DERIVED.iter().find(|(known, _)| *known == name).map_or("", |(_, unit)| unit);
    session.variable_info(name).map_or_else(derived, |info| field_unit(info.unit, name))
}

/// A packed answer has a unit for each of its fields.
fn field_unit(units: &'static str, name: &str) -> &'static str {
    if !units.contains(", ") {
        return units;
    }
    let row = VARIABLES.iter().find(|row| row.unit == units && row.names.contains(&name));
    let field = row.and_then(|row| row.names.iter().position(|known| *known == name));
    field.and_then(|field| units.split(", ").nth(field)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_of_a_packed_answer_has_its_own_unit() {
        let packed = VARIABLES.iter().find(|row| row.unit.contains(", ")).unwrap();
        let units: Vec<&str> = packed.names.iter().map(|name| field_unit(packed.unit, name)).collect();
        assert_eq!(units.join(", "), packed.unit);
    }
}
