//! Text and bytes in both directions.
//!
//! Text from C ends with NUL, is UTF-8 and no longer than [`LONGEST`]. Text for C is lent by the handle: it stays where it is
//! until the handle's next changing call. The texts of one handle are bounded: each topic is kept once.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};

use super::boundary::Checked;
use super::result::apcsmart_result;

/// No name, value or path is longer. What has no NUL until then is no text.
const LONGEST: usize = 4096;

/// More than a serial line carries in an hour: whoever passes this has a wrong length.
const MOST_BYTES: usize = 1 << 20;

/// What a lent text is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// The value of a reading.
    Reading(&'static str),
    /// A permitted value of a setting.
    Choice(&'static str, usize),
    /// An unknown command, by its place.
    UnknownCommand(usize),
    /// The text of the event that was polled last.
    Event,
    /// Why the last order was refused, or what went wrong last.
    Problem,
}

/// The texts that a handle lends.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Names and meanings from the tables; there are only so many.
    fixed: BTreeMap<&'static str, CString>,
    passing: BTreeMap<Topic, CString>,
}

impl Texts {
    /// A text that lives as long as the handle.
    pub(super) fn fixed(&mut self, text: &'static str) -> *const c_char {
        self.fixed.entry(text).or_insert_with(|| c_text(text)).as_ptr()
    }

    /// A text that lives until the next changing call; `text` gives it when it was not lent yet.
    pub(super) fn passing(&mut self, topic: Topic, text: impl FnOnce() -> String) -> *const c_char {
        self.passing.entry(topic).or_insert_with(|| c_text(&text())).as_ptr()
    }

    /// Ends the life of the passing texts.
    pub(super) fn forget(&mut self) {
        self.passing.clear();
    }
}

/// The text at `text`.
pub(super) fn read<'a>(text: *const c_char) -> Checked<&'a str> {
    if text.is_null() {
        return Err(apcsmart_result::NULL_POINTER);
    }
    let start = text.cast::<u8>();
    // SAFETY: C promises a text that ends with NUL; no byte behind the first NUL is looked at, and none beyond `LONGEST`.
    let ends = |place: &usize| unsafe { *start.add(*place) == 0 };
    let length = (0..=LONGEST).find(ends).ok_or(apcsmart_result::TOO_LONG)?;
    // SAFETY: the bytes before the NUL were just read, and C promises not to change them during the call.
    let bytes = unsafe { std::slice::from_raw_parts(start, length) };
    std::str::from_utf8(bytes).map_err(|_| apcsmart_result::INVALID_UTF8)
}

/// The text at `text`; none for NULL.
pub(super) fn read_optional<'a>(text: *const c_char) -> Checked<Option<&'a str>> {
    if text.is_null() { Ok(None) } else { read(text).map(Some) }
}

/// `length` bytes at `bytes`. NULL is right for none.
pub(super) fn read_bytes<'a>(bytes: *const u8, length: usize) -> Checked<&'a [u8]> {
    match (bytes.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(apcsmart_result::NULL_POINTER),
        (_, length) if length > MOST_BYTES => Err(apcsmart_result::TOO_LONG),
        // SAFETY: not NULL, and C promises so many readable bytes that do not change during the call.
        _ => Ok(unsafe { std::slice::from_raw_parts(bytes, length) }),
    }
}

/// Copies `bytes` to C's buffer, which must have room for all of them.
pub(super) fn write_bytes(bytes: &[u8], buffer: *mut u8, capacity: usize) -> Checked {
    if buffer.is_null() {
        return Err(apcsmart_result::NULL_POINTER);
    }
    if capacity < bytes.len() {
        return Err(apcsmart_result::BUFFER_TOO_SMALL);
    }
    // SAFETY: not NULL, and C promises `capacity` writable bytes, which overlap nothing of the library's.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, bytes.len()) };
    Ok(())
}

/// No text of a UPS has a NUL; one that came from a broken line must not cut the rest off.
fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().map(|byte| if byte == 0 { b'?' } else { byte }).collect();
    // It has none any more.
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_c_is_checked() {
        assert_eq!(read(c"battery.charge".as_ptr()), Ok("battery.charge"));
        assert_eq!(read(c"".as_ptr()), Ok(""));
        assert_eq!(read(c"\xFF\xFE".as_ptr()), Err(apcsmart_result::INVALID_UTF8));
        assert_eq!(read(std::ptr::null()), Err(apcsmart_result::NULL_POINTER));
        let long = CString::new(vec![b'a'; LONGEST + 1]).unwrap();
        assert_eq!(read(long.as_ptr()), Err(apcsmart_result::TOO_LONG));
        let longest = CString::new(vec![b'a'; LONGEST]).unwrap();
        assert_eq!(read(longest.as_ptr()).map(str::len), Ok(LONGEST));
    }

    #[test]
    fn a_lent_text_stays_where_it_is_until_it_is_forgotten() {
        let mut texts = Texts::default();
        let first = texts.passing(Topic::Reading("ups.load"), || "23.5".into());
        for place in 0..100 {
            texts.passing(Topic::Choice("ups.id", place), || "other".into());
        }
        assert_eq!(texts.passing(Topic::Reading("ups.load"), || "24.0".into()), first);
        assert_eq!(read(first), Ok("23.5"));
        texts.forget();
        assert_eq!(read(texts.passing(Topic::Reading("ups.load"), || "24.0".into())), Ok("24.0"));
    }

    #[test]
    fn a_nul_inside_a_text_does_not_cut_it() {
        let mut texts = Texts::default();
        assert_eq!(read(texts.passing(Topic::Event, || "a\0b".into())), Ok("a?b"));
    }
}
