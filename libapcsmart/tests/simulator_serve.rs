//! `apcsmart-sim` as a program: its ports, its control socket, its end.
#![cfg(feature = "simulator-serve")]
#![allow(clippy::unwrap_used)] // see peers

#[allow(dead_code)] // each test program uses its part
#[path = "peers/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "peers/simulated.rs"]
mod simulated;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use process::{PATIENCE, Process, eventually, no_forks};
use simulated::{PROGRAM, Simulated};

/// Runs the program to its end.
fn run<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let alone = no_forks();
    let child = command.spawn().unwrap();
    drop(alone);
    child.wait_with_output().unwrap()
}

const PLAIN: [&str; 0] = [];

/// Opens the port as a reader of serial lines does.
fn open(link: &Path) -> File {
    let nonblocking = (rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK).bits();
    OpenOptions::new().read(true).write(true).custom_flags(nonblocking.cast_signed()).open(link).unwrap()
}

/// Reads until `expected` has come.
fn expect(mut port: &File, expected: &str) {
    let begin = Instant::now();
    let mut heard = Vec::new();
    while heard.len() < expected.len() {
        let mut buffer = [0; 256];
        match port.read(&mut buffer) {
            Ok(0) => panic!("hung up after {:?}", String::from_utf8_lossy(&heard)),
            Ok(length) => heard.extend_from_slice(&buffer[..length]),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
        }
        assert!(begin.elapsed() < PATIENCE, "only {:?} came", String::from_utf8_lossy(&heard));
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(String::from_utf8_lossy(&heard), expected);
}

/// Reads exactly `expected`.
fn hear(stream: &mut TcpStream, expected: &[u8]) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, expected);
}

fn has_hung_up(mut port: &File) -> bool {
    match port.read(&mut [0; 16]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

#[test]
fn a_reader_may_close_the_terminal_and_open_it_again() {
    let ups = Simulated::start("smart-ups-1500", PLAIN);
    for _ in 0..3 {
        let mut port = open(&ups.link());
        port.write_all(b"Y").unwrap();
        expect(&port, "SM\r\n");
        port.write_all(b"Q").unwrap();
        expect(&port, "08\r\n");
    }
}

#[test]
fn a_reader_does_not_find_what_was_said_before_it_came() {
    let ups = Simulated::start("smart-ups-1500", ["--tcp", "127.0.0.1:0"]);
    // The wire takes its time: a second listener tells when an alert has been said.
    let alone = no_forks();
    let port = open(&ups.link());
    let mut listener = TcpStream::connect(ups.tcp()).unwrap();
    listener.write_all(b"Y").unwrap();
    hear(&mut listener, b"SM\r\n");
    expect(&port, "SM\r\n");
    assert_eq!(ups.control("line off"), "ok");
    hear(&mut listener, b"!");
    eventually("the alert waits in the terminal", || rustix::io::ioctl_fionread(&port) == Ok(1));
    drop(port); // with the alert unread
    assert_eq!(ups.control("low-battery"), "ok"); // another alert, with nobody there
    hear(&mut listener, b"%");
    let mut port = open(&ups.link());
    drop(alone);
    port.write_all(b"Q").unwrap();
    expect(&port, "50\r\n");
}

#[test]
fn bytes_pass_the_terminal_unchanged() {
    let ups = Simulated::start("smart-ups-rt-1000", PLAIN);
    let mut port = open(&ups.link());
    port.write_all(b"Y").unwrap();
    expect(&port, "SM\r\n");
    // Bytes that a terminal would act upon: interrupt, suspend, end of file, start and stop.
    assert_eq!(ups.control("inject 03 1a 04 11 13 0a 0d"), "ok");
    expect(&port, "\u{3}\u{1a}\u{4}\u{11}\u{13}\n\r");
    port.write_all(&[0x03, 0x11, 0x13]).unwrap();
    expect(&port, "NA\r\nNA\r\nNA\r\n");
    assert_eq!(ups.counter("unknown-commands"), 3);
}

#[test]
fn an_alert_arrives_without_being_asked_for() {
    let ups = Simulated::start("smart-ups-1500", PLAIN);
    let mut port = open(&ups.link());
    port.write_all(b"Y").unwrap();
    expect(&port, "SM\r\n");
    assert_eq!(ups.control("line off"), "ok");
    expect(&port, "!");
}

#[test]
fn an_unplugged_terminal_hangs_up_and_comes_back_under_its_link() {
    let ups = Simulated::start("smart-ups-1500", PLAIN);
    let mut port = open(&ups.link());
    port.write_all(b"Y").unwrap();
    expect(&port, "SM\r\n");
    assert_eq!(ups.control("unplug 1"), "ok");
    eventually("the reader sees a hang-up", || has_hung_up(&port));
    eventually("the link is back", || ups.link().exists());
    let mut port = open(&ups.link());
    port.write_all(b"Q").unwrap();
    expect(&port, "08\r\n");
}

#[test]
fn tcp_serves_the_newest_client_and_hangs_up_when_it_is_unplugged() {
    let ups = Simulated::start("smart-ups-1500", ["--tcp", "127.0.0.1:0"]);
    let address = ups.tcp();
    let ask = |stream: &mut TcpStream, command: &[u8], reply: &[u8]| {
        stream.write_all(command).unwrap();
        hear(stream, reply);
    };
    let mut old = TcpStream::connect(&address).unwrap();
    ask(&mut old, b"Y", b"SM\r\n");
    let mut new = TcpStream::connect(&address).unwrap();
    ask(&mut new, b"Q", b"08\r\n");
    assert_eq!(old.read(&mut [0; 8]).unwrap(), 0, "the old client is closed");
    assert_eq!(ups.control("unplug 0.5"), "ok");
    assert_eq!(new.read(&mut [0; 8]).unwrap(), 0, "unplugged");
    eventually("the address is back", || TcpStream::connect(&address).is_ok());
}

#[test]
fn the_control_socket_answers_lines_blocks_and_refusals() {
    let ups = Simulated::start("matrix-3000", PLAIN);
    assert_eq!(ups.control("load 55"), "ok");
    assert_eq!(ups.control("get ups.load"), "55.0");
    assert!(ups.control("lode 55").starts_with("error: `lode` is not a control line"));
    assert_eq!(ups.truth()["ups.load"], "55.0");
    assert!(ups.block("help").len() > 20);
}

#[test]
fn a_term_signal_ends_it_cleanly_and_removes_its_link_and_socket() {
    let mut ups = Simulated::start("smart-ups-1500", PLAIN);
    assert!(ups.link().exists() && ups.socket().exists());
    ups.process.terminate();
    eventually("it ends", || ups.process.has_ended().is_some());
    assert!(ups.process.has_ended().unwrap().success(), "{}", ups.process.said());
    assert!(fs::symlink_metadata(ups.link()).is_err() && !ups.socket().exists());
}

#[test]
fn settings_survive_a_restart_in_the_eeprom_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("eeprom");
    let options = ["--eeprom", file.to_str().unwrap()];
    let ups = Simulated::start("smart-ups-1500", options);
    let mut port = open(&ups.link());
    port.write_all(b"Yp+").unwrap();
    expect(&port, "SM\r\n020\r\nOK\r\n");
    drop(ups); // killed, not asked
    let ups = Simulated::start("smart-ups-1500", options);
    assert_eq!(ups.control("get ups.delay.shutdown"), "180");
}

#[test]
fn the_trace_has_both_sides_with_moments_that_another_process_can_compare() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let monotonic = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
    };
    let before = monotonic();
    let ups = Simulated::start("smart-ups-1500", ["--trace", file.to_str().unwrap()]);
    let mut port = open(&ups.link());
    port.write_all(b"Y").unwrap();
    expect(&port, "SM\r\n");
    assert_eq!(ups.control("line off"), "ok");
    expect(&port, "!");
    let is_complete = || fs::read_to_string(&file).is_ok_and(|trace| trace.ends_with(" ups 21\n"));
    eventually("the alert is in the trace", is_complete);
    let after = monotonic();
    let trace = fs::read_to_string(&file).unwrap();
    let mut moments = Vec::new();
    let (mut host, mut said) = (String::new(), String::new());
    for line in trace.lines() {
        let (moment, rest) = line.split_once(' ').unwrap();
        moments.push(moment.parse::<f64>().unwrap());
        match rest.split_once(' ').unwrap() {
            ("host", bytes) => host += bytes,
            (_, bytes) => said += &bytes.replace(' ', ""),
        }
    }
    assert_eq!((host.as_str(), said.as_str()), ("59", "534D0D0A21"));
    assert!(moments.is_sorted() && before < moments[0] && moments[moments.len() - 1] < after, "{trace}");
}

#[test]
fn a_link_that_is_not_a_link_is_left_alone_and_a_stale_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("ups");
    fs::write(&link, "precious").unwrap();
    let refused = run(["--pty".as_ref(), link.as_path()]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("is not a symbolic link"), "{said}");
    assert_eq!(fs::read_to_string(&link).unwrap(), "precious");

    let ups = Simulated::start("smart-ups-1500", PLAIN);
    let (left, again) = (ups.link(), ups.folder().join("again"));
    std::os::unix::fs::symlink("/nowhere", &again).unwrap();
    let mut second = Command::new(PROGRAM);
    second.arg("--pty").arg(&again);
    let second = Process::start(second, ups.folder(), "second");
    let is_replaced = || fs::read_link(&again).is_ok_and(|target| target != Path::new("/nowhere"));
    eventually("the stale link is replaced", is_replaced);
    drop(second);
    assert!(left.exists());
}

#[test]
fn the_command_line_explains_itself() {
    let models = run(["--list-models"]);
    assert!(String::from_utf8_lossy(&models.stdout).contains("back-ups-cs-350"));
    let help = String::from_utf8_lossy(&run(["--help"]).stdout).into_owned();
    for option in
        ["--pty", "--tcp", "--control", "--pace", "--fault", "--seed", "--eeprom", "--trace", "--measure-ups"]
    {
        assert!(help.contains(option), "{option}");
    }
    for (arguments, hint) in [
        (&["--model", "nothing", "--pty", "x"][..], "smart-ups-1500"),
        (&["--pty", "x", "--fault", "drop=2"][..], "rate from 0 to 1"),
        (&[][..], "--pty LINK"),
    ] {
        let output = run(arguments);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains(hint), "{arguments:?}");
    }
}
