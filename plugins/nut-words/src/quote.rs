//! Texts in quotes, and words that need none.

/// Appends a text in quotes, cut so that it takes at most `room` bytes between them.
pub fn push(out: &mut Vec<u8>, text: &str, mut room: usize) {
    out.push(b'"');
    for character in text.chars() {
        // Clients keep only these characters; a visible mark says that something else was there.
        let byte = if matches!(character, ' '..='\x7E') { character as u8 } else { b'?' };
        let escaped = matches!(byte, b'"' | b'\\' | b'#');
        let Some(left) = room.checked_sub(1 + usize::from(escaped)) else { break };
        room = left;
        if escaped {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Whether everybody reads this word back as it is, without quotes.
pub fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'#' | b'='))
}
