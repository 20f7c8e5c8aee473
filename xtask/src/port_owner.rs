//! Who listens on a TCP port, from /proc: so that "the port is in use" can name the program.
//!
//! Linux only, like the host. Without the right to see other users' processes the answer is the port alone.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use anyhow::{Result, bail};

/// The kernel's number for a socket that listens.
const LISTEN_STATE: &str = "0A";

/// Fails, naming the holder, when nobody else can listen on this port of 127.0.0.1. `advice` gets a port that is free.
pub(crate) fn require_free(port: u16, advice: impl FnOnce(u16) -> String) -> Result<()> {
    let Err(error) = bind(port) else { return Ok(()) };
    let holder = match find(port) {
        Some(owner) => format!("{} (pid {}) listens on it", owner.program, owner.pid),
        None => format!("{error}"),
    };
    let free = (port.saturating_add(1)..=u16::MAX).find(|other| bind(*other).is_ok());
    let advice = free.map(advice).unwrap_or_default();
    bail!("port {port} of 127.0.0.1 is not free: {holder}. {advice}");
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

/// A process that holds a listening socket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Its process number.
    pub(crate) pid: u32,
    /// Its name as the kernel knows it.
    pub(crate) program: String,
}

/// The process that listens on the port, if there is one that we may see.
pub(crate) fn find(port: u16) -> Option<Owner> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    let links: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    let processes = fs::read_dir("/proc").ok()?;
    for pid in processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()) {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let holds = descriptors
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .any(|target| target.to_str().is_some_and(|target| links.iter().any(|link| link == target)));
        if holds {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            return Some(Owner { pid, program: name.trim().to_owned() });
        }
    }
    None
}

/// The socket numbers of a table like /proc/net/tcp that listen on `port`.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let port = format!("{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
            let (_, local_port) = local.rsplit_once(':')?;
            (local_port == port && *state == LISTEN_STATE).then(|| (*inode).to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_with_the_name_and_the_number_of_who_has_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = require_free(port, |free| format!("Use {free}")).unwrap_err().to_string();
        assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
        let advised: u16 = error.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(advised > port, "{error}");
        drop(listener);
        require_free(port, |_| String::new()).unwrap();
    }

    #[test]
    fn only_listening_sockets_of_the_port_are_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
             0: 0100007F:0DA5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n   \
             1: 0100007F:0DA5 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n   \
             2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1\n";
        assert_eq!(listening_inodes(table, 3493), ["4711"]);
    }
}
