//! Modbus-TCP's frames: a header of seven bytes, then the request or the answer.
//!
//! From the MODBUS Messaging on TCP/IP Implementation Guide V1.0b and the MODBUS Application Protocol V1.1b3.

/// Transaction, protocol and length: what stands before the bytes that the length counts.
const PREFIX: usize = 6;
/// The shortest thing that a length counts: unit identifier and function code.
const SHORTEST: usize = 2;
/// The longest: unit identifier and 253 bytes.
const LONGEST: usize = 254;

/// The longest frame in all.
pub const MAX_FRAME: usize = PREFIX + LONGEST;

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Goes back as it came.
    pub transaction: [u8; 2],
    /// Whom it is for.
    pub unit: u8,
    /// What is asked.
    pub function: u8,
    /// The rest of it.
    pub data: &'a [u8],
}

/// What stands at the front of what a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Front<'a> {
    /// Not all of it is here.
    Unfinished,
    /// A request, and how many bytes it took.
    Request(Request<'a>, usize),
    /// Something that is not Modbus: where the next frame begins can't be known.
    Nonsense,
}

/// Looks at the front of `bytes`.
pub fn front(bytes: &[u8]) -> Front<'_> {
    let &[first, second, protocol_high, protocol_low, length_high, length_low, ref rest @ ..] = bytes else {
        return Front::Unfinished;
    };
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    if (protocol_high, protocol_low) != (0, 0) || !(SHORTEST..=LONGEST).contains(&length) {
        return Front::Nonsense;
    }
    match rest.get(..length) {
        Some(&[unit, function, ref data @ ..]) => {
            Front::Request(Request { transaction: [first, second], unit, function, data }, PREFIX + length)
        }
        _ => Front::Unfinished,
    }
}

/// Why a request is not answered with values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exception {
    /// The function code is not served.
    IllegalFunction = 1,
    /// A register does not exist.
    IllegalAddress = 2,
    /// The request is malformed, or asks for too much.
    IllegalValue = 3,
    /// No UPS has this unit identifier.
    NoSuchUnit = 11,
}

/// Appends the answer to `request`: registers, or why there are none.
pub fn answer(request: &Request<'_>, outcome: Result<&[u16], Exception>, out: &mut Vec<u8>) {
    let (length, function) = match outcome {
        // Unit, function, count of bytes.
        Ok(registers) => (3 + 2 * registers.len(), request.function),
        Err(_) => (3, request.function | 0x80),
    };
    out.extend_from_slice(&request.transaction);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(length as u16).to_be_bytes());
    out.extend_from_slice(&[request.unit, function]);
    match outcome {
        Ok(registers) => {
            out.push((2 * registers.len()) as u8);
            out.extend(registers.iter().flat_map(|register| register.to_be_bytes()));
        }
        Err(exception) => out.push(exception as u8),
    }
}
