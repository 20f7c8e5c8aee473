//! What was counted on the line.

use super::boundary::{Checked, Out, look};
use super::port::apcsmart_port;
use super::result::apcsmart_result;
use super::session::apcsmart_session;
use crate::Session;

/// What was counted since the handle was made. Never reset; take differences.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct apcsmart_quality {
    /// Questions and instructions sent.
    pub sent: u64,
    /// Answers with the right shape, refusals included.
    pub answered: u64,
    /// Answers that did not come in time.
    pub timeouts: u64,
    /// Answers of the wrong shape.
    pub mismatches: u64,
    /// Answers that came sooner than the line can carry them.
    pub early: u64,
    /// Bytes and lines that nothing had asked for.
    pub unsolicited: u64,
    /// Times that the conversation was begun anew to find the place.
    pub resyncs: u64,
    /// Second reads that agreed with the first.
    pub confirmed: u64,
    /// Second reads that did not.
    pub contradicted: u64,
    /// Alerts.
    pub alerts: u64,
    /// Writes to the UPS's EEPROM, which stands about a hundred thousand: steps, texts and saved switches that orders of this
    /// handle sent. Those that the UPS refused are not counted, those of which nothing is known are.
    pub eeprom_writes: u64,
    /// Zero. Room for later.
    pub reserved: [u64; 5],
}

/// How good the line is.
///
/// Errors: NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_quality(
    session: *const apcsmart_session,
    quality: *mut apcsmart_quality,
) -> apcsmart_result {
    look(session, |content| of(&content.session, quality))
}

/// As `apcsmart_session_quality`.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_quality(
    port: *const apcsmart_port,
    quality: *mut apcsmart_quality,
) -> apcsmart_result {
    look(port, |content| of(content.session()?, quality))
}

fn of(session: &Session, out: *mut apcsmart_quality) -> Checked {
    let counted = session.quality();
    Out::new(out)?.put(apcsmart_quality {
        sent: counted.sent,
        answered: counted.answered,
        timeouts: counted.timeouts,
        mismatches: counted.mismatches,
        early: counted.early,
        unsolicited: counted.unsolicited,
        resyncs: counted.resyncs,
        confirmed: counted.confirmed,
        contradicted: counted.contradicted,
        alerts: counted.alerts,
        eeprom_writes: counted.eeprom_writes,
        reserved: [0; 5],
    });
    Ok(())
}
