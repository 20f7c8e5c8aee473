//! `cargo xtask setup`: the peers that tests and benchmarks run against, installed once.
//!
//! The table below is the whole truth about what this project needs from the system. What is there is left alone. What comes from
//! package registries goes under `target/` and is in `registries.rs`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{Run, find_program};
use crate::console;
use crate::debian;
use crate::registries;
use crate::workspace::Workspace;

/// What `cargo xtask setup` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only print what is needed, for what, and whether it is there.
    #[arg(long)]
    list: bool,
}

/// Which task needs a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Task {
    /// `cargo xtask test`
    Test,
    /// `cargo xtask python`, and as a part of it `cargo xtask test`
    Python,
    /// `cargo xtask bench`
    Bench,
    /// The plugins in C, as a part of `cargo xtask build`
    Plugins,
    /// `cargo xtask build`: the pages
    Build,
    /// `cargo xtask web-test`
    Pages,
}

/// Installs everything, or lists it.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.list {
        list(workspace);
        return Ok(());
    }
    install(PEERS.iter().collect())?;
    apcupsd(workspace)?;
    registries::install(workspace)
}

/// Installs what a task needs.
pub(crate) fn ensure(workspace: &Workspace, task: Task) -> Result<()> {
    install(PEERS.iter().filter(|peer| peer.tasks.contains(&task)).collect())?;
    if task == Task::Test {
        apcupsd(workspace)?;
        registries::install(workspace)?;
    }
    Ok(())
}

struct Peer {
    package: &'static str,
    purpose: &'static str,
    probe: Probe,
    tasks: &'static [Task],
}

enum Probe {
    Program(&'static str),
    /// A module of the Python that is first in `PATH`, which need not be Debian's.
    Python(&'static str),
    File(&'static str),
    /// Nothing tells better than dpkg: where a library's file is depends on the machine.
    Dpkg,
}

const PEERS: [Peer; 26] = [
    Peer {
        package: "wrk",
        purpose: "asks the API as fast as it can",
        probe: Probe::Program("wrk"),
        tasks: &[Task::Bench],
    },
    Peer {
        package: "chromium",
        purpose: "the browser in which the pages are tried",
        probe: Probe::Program("chromium"),
        tasks: &[Task::Pages],
    },
    Peer {
        package: "clang",
        purpose: "compiles the plugins in C",
        probe: Probe::Program("clang"),
        tasks: &[Task::Plugins, Task::Test],
    },
    Peer {
        package: "lld",
        purpose: "links the plugins in C",
        probe: Probe::Program("wasm-ld"),
        tasks: &[Task::Plugins, Task::Test],
    },
    Peer {
        package: "nut-client",
        purpose: "upsc, upscmd, upsrw, upsmon, upssched and upslog as clients of our NUT server; upsmon to compare with",
        probe: Probe::Program("upsc"),
        tasks: &[Task::Test, Task::Bench],
    },
    Peer {
        package: "nut-server",
        purpose: "upsd, dummy-ups and apcsmart to compare with; apcsmart to check the simulator",
        probe: Probe::File("/lib/nut/dummy-ups"),
        tasks: &[Task::Test, Task::Bench],
    },
    Peer {
        package: "nut-cgi",
        purpose: "NUT's web pages as clients of our NUT server",
        probe: Probe::File("/usr/lib/cgi-bin/nut/upsstats.cgi"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "openssl",
        purpose: "makes the certificate that both servers are measured with",
        probe: Probe::Program("openssl"),
        tasks: &[Task::Bench],
    },
    Peer {
        package: "libnss3-tools",
        purpose: "certutil, which tells Debian's upsmon what certificates to trust, and upsd which it has",
        probe: Probe::Program("certutil"),
        tasks: &[Task::Test, Task::Bench],
    },
    Peer {
        package: "python3-nut",
        purpose: "PyNUT as a client of our NUT server",
        probe: Probe::File("/usr/lib/python3/dist-packages/PyNUT.py"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "libups-nut-perl",
        purpose: "Perl's UPS::Nut as a client of our NUT server",
        probe: Probe::File("/usr/share/perl5/UPS/Nut.pm"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "libnutclient-dev",
        purpose: "NUT's C++ library as a client of our NUT server",
        probe: Probe::File("/usr/include/nutclient.h"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "python3-venv",
        purpose: "environments for our Python package's tests and for NUT's clients from PyPI",
        probe: Probe::Python("ensurepip"),
        tasks: &[Task::Test, Task::Python],
    },
    Peer {
        package: "nodejs",
        purpose: "builds the pages of the plugin web-ui; runs NUT's client from npm",
        probe: Probe::Program("node"),
        tasks: &[Task::Build, Task::Pages, Task::Test],
    },
    Peer {
        package: "npm",
        purpose: "installs what builds the pages; fetches NUT's client from npm",
        probe: Probe::Program("npm"),
        tasks: &[Task::Build, Task::Pages, Task::Test],
    },
    Peer {
        package: "gcc",
        purpose: "C programs that use the library",
        probe: Probe::Program("gcc"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "g++",
        purpose: "the same programs as C++",
        probe: Probe::Program("g++"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "make",
        purpose: "the examples' Makefile",
        probe: Probe::Program("make"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "systemd",
        purpose: "systemd-analyze, which judges our unit",
        probe: Probe::Program("systemd-analyze"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "pkg-config",
        purpose: "what C programs ask for the library's flags",
        probe: Probe::Program("pkg-config"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "binutils",
        purpose: "nm, which tells what the library exports",
        probe: Probe::Program("nm"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "libglib2.0-dev",
        purpose: "a C program with GLib's main loop",
        probe: Probe::File("/usr/include/glib-2.0/glib.h"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "socat",
        purpose: "serial lines that can be cut",
        probe: Probe::Program("socat"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "valgrind",
        purpose: "memory errors of C programs that use libapcsmart",
        probe: Probe::Program("valgrind"),
        tasks: &[Task::Test],
    },
    Peer {
        package: "libusb-0.1-4",
        purpose: "a library that apcupsd needs to start",
        probe: Probe::Dpkg,
        tasks: &[Task::Test],
    },
    Peer {
        package: "libwrap0",
        purpose: "another library that apcupsd needs to start",
        probe: Probe::Dpkg,
        tasks: &[Task::Test],
    },
];

const APCUPSD: &str = "apcupsd";
const APCUPSD_PURPOSE: &str = "checks the simulator; unpacked only, since its package conflicts with NUT's";

impl Peer {
    fn is_present(&self) -> bool {
        match self.probe {
            Probe::Program(name) => find_program(name).is_some(),
            Probe::Python(module) => Run::new("python3").args(["-c", &format!("import {module}")]).succeeds(),
            Probe::File(path) => Path::new(path).exists(),
            Probe::Dpkg => debian::is_installed(self.package),
        }
    }
}

fn install(peers: Vec<&Peer>) -> Result<()> {
    let missing: Vec<&str> =
        peers.iter().filter(|peer| !peer.is_present()).map(|peer| peer.package).collect();
    debian::install(&missing).context("the peers that tests and benchmarks run against are not complete")
}

/// Its package can't be installed beside NUT's, so its files go under `target/`.
fn apcupsd(workspace: &Workspace) -> Result<()> {
    if apcupsd_version(workspace).succeeds() {
        return Ok(());
    }
    console::heading("Unpacking Debian's apcupsd under target/peers");
    debian::unpack(APCUPSD, &apcupsd_folder(workspace))?;
    apcupsd_version(workspace).quiet().context("the unpacked apcupsd does not run")
}

fn apcupsd_folder(workspace: &Workspace) -> PathBuf {
    workspace.target().join("peers").join(APCUPSD)
}

fn apcupsd_version(workspace: &Workspace) -> Run {
    Run::new(apcupsd_folder(workspace).join("sbin/apcupsd")).arg("--version")
}

fn list(workspace: &Workspace) {
    let present = |is: bool| if is { "present" } else { "missing" };
    for peer in &PEERS {
        println!("{:12} {:8} {}", peer.package, present(peer.is_present()), peer.purpose);
    }
    println!("{APCUPSD:12} {:8} {APCUPSD_PURPOSE}", present(apcupsd_version(workspace).succeeds()));
    for library in registries::libraries(workspace) {
        println!("{:12} {:8} {}", library.name(), present(library.is_present()), library.purpose());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_says_what_it_is_for_and_who_needs_it() {
        for peer in &PEERS {
            assert!(!peer.purpose.is_empty() && !peer.tasks.is_empty(), "{}", peer.package);
        }
        let names: std::collections::BTreeSet<_> = PEERS.iter().map(|peer| peer.package).collect();
        assert_eq!(names.len(), PEERS.len(), "a package is listed twice");
    }
}
