//! A new instance takes the place of one that serves: nobody is refused, and a failure changes nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use opennmc_host::plugin::{ListenAddress, PluginSettings, State};

use crate::guests::guests;
use crate::host::{Client, Host, PATIENCE, actor, field, write_package};

/// Enough for a leak of one descriptor a time to show.
const RELOADS: usize = 50;

fn settings(id: &str) -> PluginSettings {
    PluginSettings { id: id.to_owned(), ..PluginSettings::default() }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_restart_keeps_the_address_and_forgets_what_failed() {
    let host = Host::start(vec![actor("x")]);
    let address = host.address("x", "main");
    let mut old = host.client("x");
    assert_eq!(old.ask("hello"), "hello");
    assert_eq!(host.restart("x"), Ok("1.2.3".to_owned()));
    assert_eq!(old.line(), "", "the old instance's connections are closed");
    assert_eq!(host.address("x", "main"), address, "port 0 was chosen once");
    assert_eq!(Client::connect(address).ask("again"), "again");
    assert_eq!(host.status("x").restarts, 0);
}

#[test]
fn no_client_is_refused_while_instances_come_and_go_and_no_descriptor_leaks() {
    let host = Host::start(vec![actor("x")]);
    let address = host.address("x", "main");
    let (ends, tried) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let client = {
        let (ends, tried) = (Arc::clone(&ends), Arc::clone(&tried));
        std::thread::spawn(move || {
            while !ends.load(SeqCst) {
                // Whoever was accepted by an instance that ends may lose the connection; nobody is refused.
                drop(TcpStream::connect(address).expect("somebody listens"));
                tried.fetch_add(1, SeqCst);
            }
        })
    };
    assert_eq!(host.restart("x"), Ok("1.2.3".to_owned()));
    let before = descriptors_on(address);
    for _ in 0..RELOADS {
        assert_eq!(host.restart("x"), Ok("1.2.3".to_owned()));
    }
    ends.store(true, SeqCst);
    client.join().unwrap();
    assert!(tried.load(SeqCst) > RELOADS, "{tried:?}");
    assert_eq!(Client::connect(address).ask("hello"), "hello");
    host.until("the last old one is gone", |_| descriptors_on(address) <= before);
}

/// Listening sockets of this process: other tests of this run have their own addresses.
fn descriptors_on(address: SocketAddr) -> usize {
    use std::os::fd::AsFd as _;
    let is_ours = |fd: &std::fs::DirEntry| {
        let number: i32 = fd.file_name().to_str().and_then(|name| name.parse().ok()).unwrap();
        let Ok(target) = std::fs::read_link(fd.path()) else { return false };
        if !target.to_string_lossy().starts_with("socket:") {
            return false;
        }
        let Ok(copy) = copy_of(number) else { return false };
        let listens = rustix::net::sockopt::socket_acceptconn(copy.as_fd()).unwrap_or(false);
        listens && TcpListener::from(copy).local_addr().is_ok_and(|own| own == address)
    };
    std::fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok).filter(is_ours).count()
}

/// Through the file system, so that no number is taken for a descriptor of ours that is not.
fn copy_of(number: i32) -> std::io::Result<std::os::fd::OwnedFd> {
    let pid = rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty())?;
    Ok(rustix::process::pidfd_getfd(pid, number, rustix::process::PidfdGetfdFlags::empty())?)
}

#[test]
fn a_new_instance_that_fails_leaves_the_old_one_alone() {
    let host = Host::start(vec![actor("x")]);
    let mut old = host.client("x");
    assert_eq!(old.ask("hello"), "hello");
    let mut bad = settings("x");
    bad.config.insert("on-start".to_owned(), "refuse".into());
    let reason = host.replace(bad).unwrap_err();
    assert!(reason.contains("no reason") && reason.contains("goes on"), "{reason}");
    let event = host.event("x", "plugin.reload-failed", 1);
    assert!(field(&event, "reason").contains("no reason"), "{event:?}");
    assert_eq!(old.ask("still here"), "still here");
    let status = host.status("x");
    assert!(matches!(status.state, State::Running { .. }) && !status.reloading, "{status:?}");
    assert_eq!((status.strikes, status.restarts), (0, 0));
}

#[test]
fn addresses_that_change_are_bound_and_closed_and_those_that_stay_are_taken_over() {
    let (first, second) = (free_address(), free_address());
    let host = Host::start(vec![actor("x").listen("main", first)]);
    let mut both = settings("x");
    both.listen.insert("main".to_owned(), vec![first.into(), second.into()]);
    assert!(host.replace(both).is_ok());
    assert_eq!(Client::connect(first).ask("one"), "one");
    assert_eq!(Client::connect(second).ask("two"), "two");
    let mut one = settings("x");
    one.listen.insert("main".to_owned(), vec![second.into()]);
    assert!(host.replace(one).is_ok());
    assert_eq!(Client::connect(second).ask("two"), "two");
    assert!(TcpStream::connect(first).is_err(), "it is closed");
}

#[test]
fn an_address_that_the_old_one_is_in_the_way_of_is_bound_when_that_has_ended() {
    let narrow = free_address();
    let host = Host::start(vec![actor("x").listen("main", narrow)]);
    let mut wide = settings("x");
    wide.listen.insert("main".to_owned(), vec![SocketAddr::from(([0, 0, 0, 0], narrow.port())).into()]);
    assert_eq!(host.replace(wide), Ok("1.2.3".to_owned()));
    assert_eq!(Client::connect(narrow).ask("hello"), "hello");
    assert_eq!(host.address("x", "main").ip().to_string(), "0.0.0.0");
}

fn ask_at(path: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}

#[test]
fn a_socket_in_the_file_system_stays_over_a_reload_and_goes_with_the_listener() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    // What somebody left who was killed.
    drop(UnixListener::bind(&path).unwrap());
    let at = |path: &Path| {
        let mut settings = settings("x");
        settings.listen.insert("main".to_owned(), vec![ListenAddress::Unix(path.to_owned())]);
        settings
    };
    let host = Host::start(vec![actor("x")]);
    assert!(host.replace(at(&path)).is_ok());
    let inode = std::fs::metadata(&path).unwrap().ino();
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
    assert_eq!(ask_at(&path, "one"), "one");
    assert!(host.replace(at(&path)).is_ok());
    assert_eq!(std::fs::metadata(&path).unwrap().ino(), inode, "it was never gone");
    assert_eq!(ask_at(&path, "two"), "two");

    // Neither a file of another kind nor somebody else's socket is taken away.
    let (file, taken) = (folder.path().join("file"), folder.path().join("taken"));
    std::fs::write(&file, "precious").unwrap();
    let _other = UnixListener::bind(&taken).unwrap();
    for (place, word) in
        [(&file, "not a socket"), (&taken, "somebody else"), (&folder.path().join("no/x"), "folder")]
    {
        let reason = host.replace(at(place)).unwrap_err();
        assert!(reason.contains(word) && reason.contains("goes on"), "{reason}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(ask_at(&path, "three"), "three");

    let next = folder.path().join("next.sock");
    assert!(host.replace(at(&next)).is_ok());
    assert_eq!(ask_at(&next, "four"), "four");
    host.until("the first is gone", |_| !path.exists());
}

#[test]
fn a_person_ends_a_quarantine_by_a_restart() {
    let host = Host::start(vec![actor("x").on_start("trap")]);
    host.event("x", "plugin.quarantined", 1);
    assert!(host.replace(settings("x")).is_ok());
    assert_eq!(host.status("x").strikes, 0);
    assert_eq!(host.client("x").ask("hello"), "hello");
}

#[test]
fn a_restart_takes_a_package_that_was_replaced() {
    let host = Host::start(vec![actor("x")]);
    let before = host.status("x").digest;
    write_package(host.packages(), "x", "", &guests().plain);
    assert!(host.restart("x").is_ok());
    let status = host.status("x");
    assert_ne!(status.digest, before);
    assert_eq!(status.listening, []);
    assert_eq!(status.package, Some(host.packages().join("x-1.2.3.onmc")));
}
