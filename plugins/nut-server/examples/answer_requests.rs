//! Prints this server's answers to the request lines of a file such as `tests/requests.txt`, for comparing them with what
//! another server says. The UPSes are those of the tests.

#[path = "../tests/rack/mod.rs"]
mod rack;

use std::error::Error;

use rack::{Session, rack, unescape};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: answer_requests FILE")?;
    for case in
        std::fs::read_to_string(path)?.lines().filter(|case| !case.is_empty() && !case.starts_with("# "))
    {
        println!("{case}");
        let mut session = Session::new(rack());
        let mut bytes = Vec::new();
        for line in case.split(" | ").chain(["LOGOUT"]) {
            bytes.extend_from_slice(&unescape(line));
            bytes.push(b'\n');
        }
        for line in String::from_utf8(session.send(&bytes))?.lines() {
            println!("    {line}");
        }
        if !session.closed {
            println!("    (still open)");
        }
    }
    Ok(())
}
