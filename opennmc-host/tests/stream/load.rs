//! What many readers cost; by hand: `cargo test -p opennmc-host --release --test stream -- --ignored --nocapture`.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use opennmc_host::host::Fed;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use super::scene::{Daemon, JO, PATIENCE, Reader};

/// Every browser of a large house.
const READERS: u16 = 500;

#[test]
#[ignore = "measures; by hand"]
fn five_hundred_readers_cost_little_and_hear_at_once() {
    let daemon = Daemon::start(&["main"]);
    // One, so that what the first costs is not counted.
    let _first = daemon.read("", JO).next();
    let before = resident();
    let mut readers: Vec<Reader> = (0..READERS).map(|number| from(number, daemon.http)).collect();
    readers.iter_mut().for_each(|reader| assert_eq!(reader.next().unwrap().event, "snapshot"));
    std::thread::sleep(Duration::from_secs(5));
    let ours: usize = readers.len() * std::mem::size_of::<Reader>();
    println!(
        "{READERS} readers: {} KiB more, {} KiB of that the test's own",
        resident() - before,
        ours >> 10
    );
    let feed = daemon.host.feed.subscribe();
    daemon.simulate("main", "line off");
    // When the main loop tells of it.
    let told = loop {
        match feed.next(PATIENCE) {
            Ok(Fed::Event(event)) if event.kind == "ups.on-battery" => break Instant::now(),
            Ok(_) => {}
            Err(silence) => panic!("{silence:?}"),
        }
    };
    let mut waits: Vec<Duration> = readers
        .iter_mut()
        .map(|reader| {
            reader.happening("ups.on-battery");
            told.elapsed()
        })
        .collect();
    waits.sort_unstable();
    println!(
        "outage heard after {:?} by the first, {:?} by half, {:?} by all",
        waits[0],
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    println!("{} KiB more at the end", resident() - before);
}

/// From one of several addresses: each has so many readers at most.
fn from(number: u16, to: SocketAddr) -> Reader {
    let host = Ipv4Addr::new(127, 0, 1, u8::try_from(1 + number / 60).unwrap());
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddrV4::new(host, 0)).unwrap();
    connect(&socket, &to).unwrap();
    Reader::begin(TcpStream::from(socket), "", JO)
}

/// In KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
