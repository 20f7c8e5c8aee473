//! Every case of `requests.txt`, the list that serves for comparing with another server, is answered to the end.

mod rack;

use rack::{Session, rack, unescape};

#[test]
fn every_case_of_the_request_file_is_answered_up_to_its_logout() {
    let cases =
        include_str!("requests.txt").lines().filter(|case| !case.is_empty() && !case.starts_with("# "));
    for case in cases {
        let mut session = Session::new(rack());
        let mut answer = Vec::new();
        for line in case.split(" | ") {
            answer.extend(session.send(&[&unescape(line)[..], b"\n"].concat()));
        }
        // A backslash at the very end joins the LOGOUT to the line; a second one is heard.
        let was_closed = session.closed;
        answer.extend(session.send(b"\nLOGOUT\n"));
        assert!(session.closed, "{case}");
        assert!(
            was_closed || answer.ends_with(b"OK Goodbye\n"),
            "{case}: {}",
            String::from_utf8_lossy(&answer)
        );
        assert!(answer.ends_with(b"\n"), "{case}");
    }
}
