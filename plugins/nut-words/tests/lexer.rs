//! The lexer by a table: what a client sends, and the words that it means.

use nut_words::lexer::{Lexer, MAX_LINE, MAX_WORD, MAX_WORDS, Progress};

fn words(bytes: &[u8]) -> Vec<String> {
    let mut lexer = Lexer::default();
    assert_eq!(lexer.feed(bytes), (bytes.len(), Progress::Line), "{:?}", String::from_utf8_lossy(bytes));
    let words = lexer.words();
    (0..words.len()).map(|index| words.at(index).to_owned()).collect()
}

#[test]
fn words_are_split_quoted_escaped_and_cleaned_as_nut_does() {
    let table: &[(&[u8], &[&str])] = &[
        (b"\n", &[]),
        (b" \t\r\n", &[]),
        (b"GET VAR main ups.status\n", &["GET", "VAR", "main", "ups.status"]),
        (b"GET VAR main ups.status\r\n", &["GET", "VAR", "main", "ups.status"]),
        (b"  a\t\tb \x0bc\x0cd\re \n", &["a", "b", "c", "d", "e"]),
        (b"\"a b\" c\n", &["a b", "c"]),
        (b"\"\"\n", &[""]),
        (b"a \"\" b\n", &["a", "", "b"]),
        (b"\"a\"\"b\"\n", &["a", "b"]),
        (b"\"a\"b\n", &["a", "b"]),
        (b"a\"b\"\n", &["a\"b\""]),
        (b"a\"b\n", &["a\"b"]),
        (b"a\\ b\n", &["a b"]),
        (b"\\\"a\n", &["\"a"]),
        (b"a\\\\b\n", &["a\\b"]),
        (b"\"a\\\"b\"\n", &["a\"b"]),
        (b"\"a\\#b\"\n", &["a#b"]),
        (b"a\\#b\n", &["a#b"]),
        (b"a # b c\n", &["a"]),
        (b"a# b c\n", &["a"]),
        (b"# b \"c\n", &[]),
        (b"# b \\\n", &[]),
        (b"a=b\n", &["a", "=", "b"]),
        (b"a = b\n", &["a", "=", "b"]),
        (b"==\n", &["=", "="]),
        (b"\"a=b\"\n", &["a=b"]),
        (b"a\\=b\n", &["a=b"]),
        (b"a\\\nb\n", &["ab"]),
        (b"\"a\\\nb\"\n", &["ab"]),
        (b"V\x01E\xC3\xA4R\x00\n", &["VER"]),
        (b"\xEF\xBB\xBFVER\n", &["VER"]),
        (b"VER\x7F\n", &["VER\x7F"]),
        (b"\"V\tER\"\n", &["VER"]),
        (b"VER \x01\n", &["VER", ""]),
    ];
    for (line, expected) in table {
        assert_eq!(words(line), *expected, "{:?}", String::from_utf8_lossy(line));
    }
}

#[test]
fn a_line_reads_the_same_however_its_bytes_are_split() {
    let line = b"SET VAR \"ma in\" ups\\.id \"a\\\"b\" x=y # end\n";
    let whole = words(line);
    for split in 1..line.len() {
        let mut lexer = Lexer::default();
        let (first, second) = line.split_at(split);
        assert_eq!(lexer.feed(first), (split, Progress::Unfinished));
        assert_eq!(lexer.feed(second), (second.len(), Progress::Line));
        let pieces: Vec<_> = (0..lexer.words().len()).map(|index| lexer.words().at(index)).collect();
        assert_eq!(pieces, whole, "split after {split} bytes");
    }
}

#[test]
fn only_the_first_line_is_taken() {
    let mut lexer = Lexer::default();
    assert_eq!(lexer.feed(b"VER\nHELP\n"), (4, Progress::Line));
}

#[test]
fn quotes_that_hold_a_bare_hash_or_an_end_of_line_are_malformed_up_to_the_end_of_the_line() {
    for line in [&b"VER \"a # b\" c\n"[..], b"VER \"abc\n", b"VER \"\n"] {
        let mut lexer = Lexer::default();
        assert_eq!(lexer.feed(line), (line.len(), Progress::Malformed));
    }
}

#[test]
fn words_and_characters_in_excess_are_dropped() {
    let many = format!("{}\n", "w ".repeat(MAX_WORDS + 5));
    assert_eq!(words(many.as_bytes()).len(), MAX_WORDS);
    let long = format!("{} next\n", "x".repeat(MAX_WORD + 5));
    assert_eq!(words(long.as_bytes()), ["x".repeat(MAX_WORD), "next".to_owned()]);
}

#[test]
fn a_line_without_end_is_too_long_at_its_limit() {
    let mut lexer = Lexer::default();
    assert_eq!(lexer.feed(&vec![b' '; MAX_LINE - 1]), (MAX_LINE - 1, Progress::Unfinished));
    assert_eq!(lexer.feed(b"   "), (1, Progress::TooLong));
}
