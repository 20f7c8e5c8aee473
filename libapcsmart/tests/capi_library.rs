//! The C library as a file: what it offers is what the header says.
#![allow(unsafe_code)] // a library is opened as a C program would

mod capi;

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char};
use std::process::Command;

use capi::{SONAME, declared, header, libraries, need, run};

fn macro_value(header: &str, name: &str) -> u32 {
    let start = format!("#define {name} ");
    let value = header.lines().find_map(|line| line.strip_prefix(&start));
    value.unwrap_or_else(|| panic!("the header has no {name}")).parse().expect("a number")
}

#[test]
fn the_version_macros_agree_with_the_manifest() {
    let header = header();
    let parts = ["MAJOR", "MINOR", "PATCH"]
        .map(|part| macro_value(&header, &format!("APCSMART_VERSION_{part}")).to_string());
    assert_eq!(parts.join("."), env!("CARGO_PKG_VERSION"));
    assert_eq!(format!("libapcsmart.so.{}", macro_value(&header, "APCSMART_ABI_VERSION")), SONAME);
}

#[test]
fn the_shared_library_offers_what_the_header_declares_and_nothing_else() {
    need("nm", "binutils");
    let listed = run(Command::new("nm").args(["-D", "--defined-only"]).arg(libraries().join(SONAME)));
    let offered: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let declared = declared();
    assert!(declared.len() > 50, "{declared:?}");
    assert_eq!(offered, declared.iter().map(String::as_str).collect());
}

#[test]
fn the_shared_library_says_under_which_name_programs_ask_for_it() {
    need("readelf", "binutils");
    let said = run(Command::new("readelf").arg("-d").arg(libraries().join("libapcsmart.so")));
    assert!(said.contains(&format!("soname: [{SONAME}]")), "{said}");
}

#[test]
fn a_program_that_opens_the_library_finds_every_declared_function() {
    // SAFETY: our own library; its initialisers do nothing.
    let library = unsafe { libloading::Library::new(libraries().join(SONAME)) }.unwrap();
    for name in declared() {
        // SAFETY: only looked up.
        let found = unsafe { library.get::<unsafe extern "C" fn()>(name.as_bytes()) };
        assert!(found.is_ok(), "{name}: {found:?}");
    }
    // SAFETY: the header declares it so.
    let version = unsafe { library.get::<extern "C" fn() -> *const c_char>(b"apcsmart_version") }.unwrap();
    // SAFETY: a text that lives for ever.
    let version = unsafe { CStr::from_ptr(version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    // Unloading Rust code is not sound.
    std::mem::forget(library);
}
