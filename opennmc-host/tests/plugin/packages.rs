//! Hostile and broken packages.

use std::path::Path;

use opennmc_host::plugin::{Package, find_package};
use tar::{EntryType, Header};

use crate::guests::{ALL_NEEDS, manifest, pack};

fn read(tar: &[u8]) -> Result<Package, String> {
    Package::read(Path::new("x.onmc"), tar).map_err(|error| error.to_string())
}

fn good() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("plugin.toml", manifest("x", ALL_NEEDS).into_bytes()),
        ("plugin.wasm", b"wasm".to_vec()),
        ("assets/page.html", b"<p>".to_vec()),
    ]
}

fn packed(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    pack(&files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect::<Vec<_>>())
}

/// A good package with one more entry, whose header is as given: tar's own builder would refuse some.
fn with_entry(name: &[u8], kind: EntryType, size: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut tar = header.as_bytes().to_vec();
    tar.extend(vec![0; size.div_ceil(512) as usize * 512]);
    tar.extend(packed(&good()));
    tar
}

#[test]
fn a_good_package_is_read() {
    let package = read(&packed(&good())).unwrap();
    assert_eq!(package.manifest.plugin.id, "x");
    assert_eq!(package.assets["page.html"], b"<p>");
    assert_eq!(
        package.digest.to_string(),
        "336154bf67f765f8f75d16a0accee61b5ee5f6a75b2a2905703df913bd550f3e"
    );
}

#[test]
fn names_that_leave_the_package_are_refused() {
    for name in [
        "/etc/passwd",
        "../x",
        "assets/../../x",
        "assets//x",
        "./x",
        "assets/.hidden",
        "a\\b",
        "a b",
        "ä",
        "a\n",
    ] {
        let error = read(&with_entry(name.as_bytes(), EntryType::Regular, 0)).unwrap_err();
        assert!(error.contains("has a file named"), "{name}: {error}");
    }
}

#[test]
fn only_regular_files_are_taken() {
    let kinds = [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Directory,
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::Continuous,
    ];
    for kind in kinds {
        let error = read(&with_entry(b"assets/x", kind, 0)).unwrap_err();
        assert!(error.contains("not a regular file"), "{kind:?}: {error}");
    }
}

#[test]
fn a_file_may_be_there_once() {
    let error = read(&with_entry(b"plugin.toml", EntryType::Regular, 0)).unwrap_err();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn sizes_are_bounded_before_bytes_are_kept() {
    let mut lie = with_entry(b"assets/x", EntryType::Regular, 0);
    // The header claims 5 MiB that are not there.
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..8].copy_from_slice(b"assets/x");
    header.set_entry_type(EntryType::Regular);
    header.set_size(5 << 20);
    header.set_cksum();
    lie[..512].copy_from_slice(header.as_bytes());
    assert!(read(&lie).unwrap_err().contains("the most is"));
    let error = read(&with_entry(b"plugin.toml", EntryType::Regular, 70 << 10)).unwrap_err();
    assert!(error.contains("the most is 65536"), "{error}");
}

#[test]
fn the_number_of_entries_and_the_whole_are_bounded() {
    let names: Vec<String> = (0..1_100).map(|number| format!("assets/{number}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert!(read(&pack(&files)).unwrap_err().contains("more than 1024 entries"));
    let large = vec![0; 4 << 20];
    let files: Vec<(&str, &[u8])> =
        names.iter().take(9).map(|name| (name.as_str(), large.as_slice())).collect();
    assert!(read(&pack(&files)).is_err());
}

#[test]
fn a_truncated_package_is_refused() {
    let whole = packed(&good());
    for length in [1, 100, 511, 600, 1_025] {
        assert!(read(&whole[..length]).is_err(), "{length}");
    }
    assert!(read(b"").unwrap_err().contains("no plugin.toml"));
    assert!(read(&[0xff; 2_048]).is_err());
}

#[test]
fn the_newest_version_wins_and_the_id_must_fit() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |folder: &Path, file: &str, id: &str, version: &str| {
        let text = manifest(id, "").replace("1.2.3", version);
        let files = vec![("plugin.toml", text.into_bytes()), ("plugin.wasm", Vec::new())];
        std::fs::write(folder.join(file), packed(&files)).unwrap();
    };
    write(first.path(), "x-1.9.0.onmc", "x", "1.9.0");
    write(second.path(), "x-1.10.0.onmc", "x", "1.10.0");
    write(second.path(), "x-y-2.0.0.onmc", "x-y", "2.0.0");
    let folders = [first.path().to_owned(), second.path().to_owned()];
    assert_eq!(find_package("x", &folders).unwrap().manifest.plugin.version.to_string(), "1.10.0");
    write(first.path(), "x-3.0.0.onmc", "z", "3.0.0");
    assert!(find_package("x", &folders).unwrap_err().to_string().contains("is the plugin \"z\""));
    assert!(find_package("absent", &folders).unwrap_err().to_string().contains("absent-VERSION.onmc"));
}

#[test]
fn a_fifo_in_the_place_of_a_package_is_refused_and_nobody_waits_for_its_writer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x-1.2.3.onmc");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let error = Package::open(&path).unwrap_err().to_string();
    assert!(error.contains("is not a regular file"), "{error}");
}
