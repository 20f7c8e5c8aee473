//! The status as bits, and as the tokens that NUT clients read.

use std::ffi::c_char;

use super::boundary::{Checked, Out, look, shield};
use super::port::apcsmart_port;
use super::result::apcsmart_result;
use super::session::apcsmart_session;
use super::text;
use crate::{Session, Status};

/// A runtime calibration runs. NUT: CAL
pub const APCSMART_STATUS_CALIBRATING: u32 = 0x0001;
/// The UPS lowers the voltage of mains. NUT: TRIM
pub const APCSMART_STATUS_TRIM: u32 = 0x0002;
/// The UPS raises the voltage of mains. NUT: BOOST
pub const APCSMART_STATUS_BOOST: u32 = 0x0004;
/// Mains powers the load. NUT: OL
pub const APCSMART_STATUS_ON_LINE: u32 = 0x0008;
/// The battery powers the load. NUT: OB
pub const APCSMART_STATUS_ON_BATTERY: u32 = 0x0010;
/// The load is too high. NUT: OVER
pub const APCSMART_STATUS_OVERLOAD: u32 = 0x0020;
/// The battery is low. NUT: LB
pub const APCSMART_STATUS_LOW_BATTERY: u32 = 0x0040;
/// The battery should be replaced. NUT: RB
pub const APCSMART_STATUS_REPLACE_BATTERY: u32 = 0x0080;
/// The load runs from mains around the inverter. NUT: BYPASS
pub const APCSMART_STATUS_BYPASS: u32 = 0x0100;
/// The load has no power from this UPS. NUT: OFF
pub const APCSMART_STATUS_OFF: u32 = 0x0200;
/// The output is off and comes back by itself. Only of UPSes that tell it; no token of its own.
pub const APCSMART_STATUS_SLEEPING: u32 = 0x0400;
/// The UPS complains of a fault: the reading ups.alarm tells which. No token of its own.
pub const APCSMART_STATUS_FAULT: u32 = 0x0800;

/// The bits with NUT's tokens, in the order in which they are shown.
const TOKENS: [(u32, &str); 10] = [
    (APCSMART_STATUS_CALIBRATING, "CAL"),
    (APCSMART_STATUS_TRIM, "TRIM"),
    (APCSMART_STATUS_BOOST, "BOOST"),
    (APCSMART_STATUS_ON_LINE, "OL"),
    (APCSMART_STATUS_ON_BATTERY, "OB"),
    (APCSMART_STATUS_OVERLOAD, "OVER"),
    (APCSMART_STATUS_LOW_BATTERY, "LB"),
    (APCSMART_STATUS_REPLACE_BATTERY, "RB"),
    (APCSMART_STATUS_BYPASS, "BYPASS"),
    (APCSMART_STATUS_OFF, "OFF"),
];

/// Room for every text that `apcsmart_status_text` can give, in bytes, the closing NUL included.
pub const APCSMART_STATUS_TEXT_SIZE: usize = 64;

/// Writes status bits as NUT's tokens, such as "OB LB", into `buffer` of `capacity` bytes, with a closing NUL.
/// `APCSMART_STATUS_TEXT_SIZE` bytes are always enough. Bits without a token are passed over. Any thread.
///
/// Errors: NULL_POINTER; BUFFER_TOO_SMALL, and nothing is written.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_status_text(status: u32, buffer: *mut c_char, capacity: usize) -> apcsmart_result {
    shield(apcsmart_result::PANIC, || {
        let shown = TOKENS.iter().filter(|(bit, _)| status & bit != 0).map(|(_, token)| *token);
        let mut text = shown.collect::<Vec<_>>().join(" ").into_bytes();
        text.push(0);
        match text::write_bytes(&text, buffer.cast(), capacity) {
            Ok(()) => apcsmart_result::OK,
            Err(code) => code,
        }
    })
}

/// The last believed status as `APCSMART_STATUS_...` bits.
///
/// Errors: NOT_FOUND before the first status; NULL_POINTER and those of every handle.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_session_status(
    session: *const apcsmart_session,
    status: *mut u32,
) -> apcsmart_result {
    look(session, |content| current(&content.session, status))
}

/// As `apcsmart_session_status`. It is as old as `apcsmart_port_silence` says.
#[unsafe(no_mangle)]
pub extern "C" fn apcsmart_port_status(port: *const apcsmart_port, status: *mut u32) -> apcsmart_result {
    look(port, |content| current(content.session()?, status))
}

fn current(session: &Session, out: *mut u32) -> Checked {
    let out = Out::new(out)?;
    out.put(bits(&session.status().ok_or(apcsmart_result::NOT_FOUND)?));
    Ok(())
}

/// A status as bits.
pub(super) fn bits(status: &Status) -> u32 {
    let flags = [
        (status.calibrating(), APCSMART_STATUS_CALIBRATING),
        (status.trim(), APCSMART_STATUS_TRIM),
        (status.boost(), APCSMART_STATUS_BOOST),
        (status.on_line(), APCSMART_STATUS_ON_LINE),
        (status.on_battery(), APCSMART_STATUS_ON_BATTERY),
        (status.overload(), APCSMART_STATUS_OVERLOAD),
        (status.low_battery(), APCSMART_STATUS_LOW_BATTERY),
        (status.replace_battery(), APCSMART_STATUS_REPLACE_BATTERY),
        (status.bypass(), APCSMART_STATUS_BYPASS),
        (status.off(), APCSMART_STATUS_OFF),
        (status.sleeping() == Some(true), APCSMART_STATUS_SLEEPING),
        (status.faults().next().is_some(), APCSMART_STATUS_FAULT),
    ];
    flags.into_iter().filter(|(is, _)| *is).fold(0, |bits, (_, bit)| bits | bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn shown(status: u32) -> String {
        let mut buffer: [c_char; APCSMART_STATUS_TEXT_SIZE] = [1; APCSMART_STATUS_TEXT_SIZE];
        assert_eq!(apcsmart_status_text(status, buffer.as_mut_ptr(), buffer.len()), apcsmart_result::OK);
        let bytes: Vec<u8> = buffer.iter().map(|byte| *byte as u8).collect();
        CStr::from_bytes_until_nul(&bytes).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn bits_and_tokens_of_every_status_say_the_same() {
        for flags in 0..=u8::MAX {
            for (state, trip) in
                [(None, None), (Some(0x08), Some(0)), (Some(0x80), Some(0x08)), (Some(0), Some(0xFF))]
            {
                let status = Status { flags, state, trip, trip1: None };
                assert_eq!(shown(bits(&status)), status.tokens(), "{status:?}");
            }
        }
    }

    #[test]
    fn all_bits_at_once_fit_the_promised_room() {
        assert!(!shown(u32::MAX).is_empty());
        let mut small: [c_char; 2] = [7; 2];
        let code = apcsmart_status_text(APCSMART_STATUS_ON_LINE, small.as_mut_ptr(), small.len());
        assert_eq!((code, small), (apcsmart_result::BUFFER_TOO_SMALL, [7; 2]));
    }
}
