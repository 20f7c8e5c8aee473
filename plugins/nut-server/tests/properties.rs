//! What holds for any bytes whatever.

mod rack;

use nut_server::refusal::Refusal;
use nut_server::reply::{Line, MAX_LINE};
use proptest::prelude::*;
use rack::{CLIENT, Session, main_ups, rack, variable};

/// Request-like noise: real words, separators that matter to the lexer, and random bytes.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => prop::sample::select(vec![
            "GET", "LIST", "VAR", "TYPE", "DESC", "UPS", "RW", "CMD", "ENUM", "RANGE", "CLIENT", "SET", "TRACKING", "USERNAME",
            "PASSWORD", "LOGIN", "INSTCMD", "VER", "HELP", "main", "MAIN", "gone", "young", "ups.status", "input.sensitivity",
            "GET VAR main ups.status", "LIST VAR main", "GET DESC main", "LOGOUT",
        ])
        .prop_map(|word| word.as_bytes().to_vec()),
        6 => prop::sample::select(vec![" ", "\n", "\r\n", "\"", "\\", "#", "="])
            .prop_map(|mark| mark.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..20),
        1 => prop::collection::vec(33u8..127, 500..600),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn assert_readable(answer: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(answer.is_empty() || answer.ends_with(b"\n"));
    for line in answer.split_inclusive(|byte| *byte == b'\n') {
        prop_assert!(line.len() <= MAX_LINE + 1, "{} bytes", line.len());
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        prop_assert!(text.iter().all(|byte| matches!(byte, 0x20..=0x7F)), "{text:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_get_readable_lines(bytes in noise()) {
        let mut session = Session::new(rack());
        assert_readable(&session.send(&bytes))?;
    }

    #[test]
    fn answers_do_not_depend_on_how_the_bytes_are_split(bytes in noise(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let whole = Session::new(rack()).send(&bytes);
        let mut session = Session::new(rack());
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for place in places.into_iter().chain([bytes.len()]) {
            pieces.extend(session.send(&bytes[from..place]));
            if session.closed {
                break;
            }
            from = place;
        }
        prop_assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&whole));
    }

    #[test]
    fn the_rendered_copy_and_the_long_way_say_the_same(value in any::<String>()) {
        let host = rack();
        let mut main = main_ups();
        main.variables.push(variable("ups.contacts", &value, opennmc_plugin::Kind::Text, false, 0));
        host.publish(main);
        let mut session = Session::new(host);
        let long_way = session.ask("GET  VAR main ups.contacts");
        let copy = session.ask("GET VAR main ups.contacts");
        prop_assert_eq!(&copy, &long_way);
        prop_assert!(session.ask("LIST VAR main").contains(&copy));
        assert_readable(copy.as_bytes())?;
    }

    #[test]
    fn a_line_is_whole_or_not_there(word in any::<String>(), text in any::<String>(), long in 0usize..1200) {
        for text in [text, "\"".repeat(long), "x".repeat(long)] {
            let mut out = b"before\n".to_vec();
            match Line::new(&mut out, "DESC").word(&word).text(&text).end() {
                Ok(()) => prop_assert!(out.ends_with(b"\"\n")),
                Err(refusal) => {
                    prop_assert_eq!(refusal, Refusal::InvalidArgument);
                    prop_assert_eq!(out.as_slice(), b"before\n");
                }
            }
            assert_readable(&out)?;
        }
    }

    #[test]
    fn the_account_of_unfinished_lines_is_settled_when_the_client_goes(bytes in noise()) {
        use opennmc_plugin::TcpService;
        let mut session = Session::new(rack());
        session.send(&bytes);
        session.server.on_closed(&session.host, CLIENT, "reset");
        prop_assert_eq!(session.server.unfinished_bytes(), 0);
    }
}
