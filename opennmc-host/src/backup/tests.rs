//! A backup comes back whole, or nothing changes: at every step, and whatever is in the file.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::archive::pack;
use super::collect::{Collected, collect};
use super::journal::{Steps, recover_with};
use super::{BackupError, Manifest, Places, Staged, back_up, recover, seal};
use crate::users::{NewUser, Origin, PasswordRules, Principal, Role, UserBase};

/// An installation with something of everything.
struct Scene(TempDir);

impl Scene {
    fn new() -> Scene {
        let scene = Scene(tempfile::tempdir().unwrap());
        scene.write("etc/opennmc.toml", "[ups.main]\nport = \"sim:smart-ups-1500\"\n");
        scene.write("etc/scripts/night.rhai", "fn on_start() {}");
        scene.write("state/grants/web.toml", "granted = true");
        scene.write("state/users.lock", "");
        scene.write("state/.half.new", "in work");
        let password = None;
        let new = NewUser { name: "ann".to_owned(), role: Role::Operator, scopes: None, password };
        let base = UserBase::open(&scene.path("state")).unwrap();
        base.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
        scene.remember("first");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn places(&self) -> Places {
        Places { config: self.path("etc/opennmc.toml"), state_dir: self.path("state") }
    }

    fn backup(&self) -> PathBuf {
        self.path("backup.tar.gz")
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Into the history, which stays in its write-ahead log.
    fn remember(&self, what: &str) {
        let database = rusqlite::Connection::open(self.path("state/history.db")).unwrap();
        database.pragma_update(None, "journal_mode", "wal").unwrap();
        database.execute("CREATE TABLE IF NOT EXISTS t (what TEXT)", []).unwrap();
        database.execute("INSERT INTO t VALUES (?1)", [what]).unwrap();
    }

    /// Changes something of everything.
    fn change(&self) {
        self.write("etc/opennmc.toml", "[ups.other]\nport = \"sim:smart-ups-1500\"\n");
        self.write("etc/scripts/night.rhai", "fn on_start() { 2 }");
        self.write("etc/scripts/day.rhai", "new");
        fs::remove_file(self.path("state/grants/web.toml")).unwrap();
        self.write("state/new/thing.toml", "new");
        self.remember("second");
    }

    /// All that a backup would hold, with the history as its rows.
    fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let collection = collect(&self.places()).unwrap();
        let bytes = |file: &Collected| {
            let mut bytes = Vec::new();
            file.open().unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        let files = collection.files.iter();
        let mut contents: BTreeMap<String, Vec<u8>> =
            files.map(|file| (file.name.clone(), bytes(file))).collect();
        let database = rusqlite::Connection::open(self.path("state/history.db")).unwrap();
        let rows: String =
            database.query_row("SELECT group_concat(what) FROM t", [], |row| row.get(0)).unwrap();
        contents.insert("state/history.db".to_owned(), rows.into_bytes());
        contents
    }

    fn back_up(&self) {
        back_up(&self.places(), &self.backup(), true, &Principal::host()).unwrap();
    }

    fn read(&self) -> Result<Staged, BackupError> {
        Staged::read(&self.backup(), &self.places(), &Principal::host())
    }

    fn hidden(&self) -> Vec<String> {
        let mut hidden = Vec::new();
        for folder in ["etc", "etc/scripts", "state", "state/grants"] {
            let Ok(entries) = fs::read_dir(self.path(folder)) else { continue };
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            hidden.extend(names.filter(|name| name.starts_with(".opennmc-restore")));
        }
        hidden
    }
}

fn principal(role: Role) -> Principal {
    Principal { name: "bob".to_owned(), role, scopes: None, origin: Origin::Host }
}

#[test]
fn what_plugins_keep_is_copied_as_a_whole_database_while_it_is_written() {
    let scene = Scene::new();
    let path = scene.path("state/store.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.pragma_update(None, "journal_mode", "wal").unwrap();
    database.execute_batch("CREATE TABLE entry (value TEXT); INSERT INTO entry VALUES ('kept')").unwrap();
    assert!(scene.path("state/store.db-wal").exists(), "the file alone is not the database");
    scene.back_up();
    database.execute_batch("UPDATE entry SET value = 'later'").unwrap();
    drop(database);
    scene.read().unwrap().commit().unwrap();
    recover(&scene.places().config).unwrap().unwrap();
    let database = rusqlite::Connection::open(&path).unwrap();
    let value: String = database.query_row("SELECT value FROM entry", [], |row| row.get(0)).unwrap();
    assert_eq!(value, "kept");
}

#[test]
fn what_was_saved_comes_back_and_what_was_new_is_gone() {
    let scene = Scene::new();
    let before = scene.contents();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        [
            "config/opennmc.toml",
            "scripts/night.rhai",
            "state/grants/web.toml",
            "state/history.db",
            "state/users.toml"
        ]
    );
    scene.back_up();
    scene.change();
    assert_ne!(scene.contents(), before);
    scene.read().unwrap().commit().unwrap();
    let recovered = recover(&scene.places().config).unwrap().unwrap();
    assert_eq!(recovered.restored, 5);
    assert_eq!(scene.contents(), before);
    assert!(!scene.path("etc/scripts/day.rhai").exists() && !scene.path("state/new/thing.toml").exists());
    assert_eq!(recover(&scene.places().config).unwrap(), None);
    assert_eq!(scene.hidden(), [""; 0]);
    assert!(scene.path("state/.half.new").exists(), "work in progress is not touched");
    let mode = |name: &str| fs::metadata(scene.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("backup.tar.gz"), mode("state/users.toml")), (0o600, 0o600));
}

#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new() {
    let (mut old, mut new) = (0, 0);
    for until in 0.. {
        let scene = Scene::new();
        scene.back_up();
        let saved = scene.contents();
        scene.change();
        let changed = scene.contents();
        let mut steps = Steps { until: Some(until), done: 0 };
        let ended = Staged::read_with(&scene.backup(), &scene.places(), &Principal::host(), &mut steps)
            .and_then(|staged| staged.commit_with(&mut steps))
            .and_then(|()| recover_with(&scene.places().config, &mut steps));
        // The next start, which may be interrupted as well.
        for again in 0.. {
            let mut steps = Steps { until: Some(again), done: 0 };
            if recover_with(&scene.places().config, &mut steps).is_ok() {
                break;
            }
        }
        let contents = scene.contents();
        match (contents == changed, contents == saved) {
            (true, false) => old += 1,
            (false, true) => new += 1,
            _ => panic!("neither the old nor the new after a crash before step {until}: {contents:?}"),
        }
        scene.read().unwrap().discard();
        assert_eq!(scene.hidden(), [""; 0], "before step {until}");
        if ended.is_ok() {
            break;
        }
        assert!(new == 0 || contents == saved, "once it is certain it stays so");
    }
    assert!(old >= 6 && new >= 6, "{old} times the old, {new} times the new");
}

#[test]
fn a_staged_restore_that_is_discarded_changes_nothing() {
    let scene = Scene::new();
    scene.back_up();
    scene.change();
    let changed = scene.contents();
    scene.read().unwrap().discard();
    assert_eq!(recover(&scene.places().config).unwrap(), None);
    assert_eq!((scene.contents(), scene.hidden()), (changed, Vec::new()));
}

#[test]
fn a_damaged_backup_is_refused_whichever_byte_it_is() {
    let scene = Scene::new();
    scene.back_up();
    let before = scene.contents();
    let good = fs::read(scene.backup()).unwrap();
    let contents = decompressed(&good).unwrap();
    for at in (0..good.len()).step_by(good.len() / 40).chain(good.len() - 8..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        // Zeros can be compressed in more than one way, and the header has a time and a system.
        if decompressed(&bad).is_ok_and(|decompressed| decompressed == contents) {
            continue;
        }
        fs::write(scene.backup(), &bad).unwrap();
        assert_unusable(scene.read(), &format!("byte {at} of {}", good.len()));
        fs::write(scene.backup(), &good[..at]).unwrap();
        assert_unusable(scene.read(), &format!("cut at {at}"));
    }
    assert_eq!((scene.contents(), scene.hidden()), (before, Vec::new()));
}

fn decompressed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut contents)?;
    Ok(contents)
}

/// It is the file's fault, and is told as such.
fn assert_unusable(read: Result<Staged, BackupError>, what: &str) {
    match read {
        Err(BackupError::Unusable { .. }) => {}
        Err(error) => panic!("{what}: {error:?}"),
        Ok(_) => panic!("{what}: it was taken for good"),
    }
}

/// A backup with these files, as nobody would make it by accident.
fn forge(
    scene: &Scene,
    files: &[(&str, &[u8])],
    change: impl Fn(&mut Manifest),
) -> Result<Staged, BackupError> {
    let files: Vec<Collected> = files
        .iter()
        .map(|(name, bytes)| Collected::held((*name).to_owned(), 0o600, bytes.to_vec()))
        .collect();
    let key = seal::key(&scene.path("state")).unwrap();
    let mut manifest = Manifest::new(&files, &key);
    change(&mut manifest);
    fs::write(scene.backup(), pack(&manifest, &files, Vec::new()).unwrap()).unwrap();
    scene.read()
}

const CONFIG: (&str, &[u8]) = ("config/opennmc.toml", b"[ups.a]\nport = \"sim:smart-ups-1500\"\n");

#[test]
fn what_should_not_be_in_a_backup_is_refused() {
    let scene = Scene::new();
    let before = scene.contents();
    type Members<'a> = &'a [(&'a str, &'a [u8])];
    let cases: [(&str, Members<'_>); 14] = [
        ("no name for a file", &[CONFIG, ("config/other.toml", b"")]),
        ("no name for a file", &[CONFIG, ("etc/passwd", b"")]),
        ("no name for a file", &[CONFIG, ("state/.backup.key", b"")]),
        ("no name for a file", &[CONFIG, ("state/a\\b", b"")]),
        ("no name for a file", &[CONFIG, ("state", b"")]),
        ("twice", &[CONFIG, ("state/a", b""), ("state/a", b"")]),
        ("twice", &[CONFIG, ("plugins/a.onmc", b""), ("state/plugins/a.onmc", b"")]),
        ("a file and a folder", &[CONFIG, ("state/a", b""), ("state/a/b", b"")]),
        ("no configuration", &[("state/a", b"")]),
        ("not valid", &[("config/opennmc.toml", b"[usp.a]")]),
        ("not text", &[("config/opennmc.toml", b"\xff")]),
        ("users can't be read", &[CONFIG, ("state/users.toml", b"= wrong")]),
        (
            "history.db is damaged",
            &[CONFIG, ("state/history.db", b"no database, but long enough to look at")],
        ),
        ("store.db is damaged", &[CONFIG, ("state/store.db", b"no database, but long enough to look at")]),
    ];
    for (expected, files) in cases {
        let error = forge(&scene, files, |_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(forge(&scene, &[CONFIG], |_| ()).is_ok(), "the rest of each of them was good");
    assert_eq!(scene.contents(), before);
}

#[test]
fn a_manifest_that_does_not_fit_is_refused() {
    let scene = Scene::new();
    let files = [CONFIG, ("state/a", &b"12345"[..])];
    type Edit = fn(&mut Manifest);
    let cases: [(&str, Edit); 6] = [
        ("has format 2", |manifest| manifest.format = 2),
        ("is damaged", |manifest| manifest.members[1].sha256 = "0".repeat(64)),
        ("is damaged", |manifest| manifest.members[1].size = 6),
        ("larger than it should be", |manifest| manifest.members[1].size = 4),
        ("more than its manifest says", |manifest| manifest.members.truncate(1)),
        ("too little room", |manifest| manifest.members[1].size = u64::MAX),
    ];
    for (expected, edit) in cases {
        let error = forge(&scene, &files, edit).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn an_archive_of_links_and_paths_upwards_is_refused() {
    let scene = Scene::new();
    let key = seal::key(&scene.path("state")).unwrap();
    let files = [Collected::held(CONFIG.0.to_owned(), 0o600, CONFIG.1.to_vec())];
    let pack_raw = |name: &str, kind: tar::EntryType| {
        let mut manifest = Manifest::new(&files, &key);
        manifest.members[0].name = name.to_owned();
        let text = serde_json::to_vec(&manifest).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        for (name, kind, bytes) in
            [("manifest.json", tar::EntryType::Regular, text.as_slice()), (name, kind, CONFIG.1)]
        {
            let mut header = tar::Header::new_ustar();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(kind);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            gzip.write_all(header.as_bytes()).unwrap();
            gzip.write_all(bytes).unwrap();
            gzip.write_all(&vec![0; 512 - bytes.len() % 512]).unwrap();
        }
        gzip.write_all(&[0; 1024]).unwrap();
        fs::write(scene.backup(), gzip.finish().unwrap()).unwrap();
        scene.read().map(Staged::discard)
    };
    pack_raw(CONFIG.0, tar::EntryType::Regular).unwrap();
    for name in
        ["state/../../evil", "/etc/passwd", "../evil", "state//x", "config/../x", "state/./x", "state/"]
    {
        let error = pack_raw(name, tar::EntryType::Regular).unwrap_err().to_string();
        assert!(error.contains("no name for a file"), "{name}: {error}");
    }
    for kind in
        [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::Char]
    {
        let error = pack_raw(CONFIG.0, kind).unwrap_err().to_string();
        assert!(error.contains("not a plain file"), "{kind:?}: {error}");
    }
}

#[test]
fn the_backup_role_can_do_just_that() {
    let scene = Scene::new();
    for role in [Role::Operator, Role::Monitor] {
        let error = back_up(&scene.places(), &scene.backup(), false, &principal(role)).unwrap_err();
        assert!(matches!(error, BackupError::Denied { .. }), "{role}: {error}");
        assert!(!scene.backup().exists());
    }
    back_up(&scene.places(), &scene.backup(), false, &principal(Role::Backup)).unwrap();
    for role in [Role::Operator, Role::Monitor] {
        let error = Staged::read(&scene.backup(), &scene.places(), &principal(role)).unwrap_err();
        assert!(matches!(error, BackupError::Denied { .. }), "{role}: {error}");
    }
    Staged::read(&scene.backup(), &scene.places(), &principal(Role::Backup)).unwrap().discard();
}

#[test]
fn a_backup_of_another_machine_needs_an_administrator() {
    let (scene, other) = (Scene::new(), Scene::new());
    other.back_up();
    fs::copy(other.backup(), scene.backup()).unwrap();
    let restore =
        |role| Staged::read(&scene.backup(), &scene.places(), &principal(role)).map(Staged::discard);
    assert!(matches!(restore(Role::Backup).unwrap_err(), BackupError::Denied { .. }));
    restore(Role::Administrator).unwrap();
    // A machine that has a key of its own knows the other's all the same.
    seal::key(&scene.path("state")).unwrap();
    assert!(matches!(restore(Role::Backup).unwrap_err(), BackupError::Denied { .. }));
}

#[test]
fn a_backup_that_exists_is_kept_unless_that_is_forced() {
    let scene = Scene::new();
    fs::write(scene.backup(), "mine").unwrap();
    fs::set_permissions(scene.backup(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(back_up(&scene.places(), &scene.backup(), false, &Principal::host()).is_err());
    assert_eq!(fs::read(scene.backup()).unwrap(), b"mine");
    back_up(&scene.places(), &scene.backup(), true, &Principal::host()).unwrap();
    assert_eq!(fs::metadata(scene.backup()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_no_plain_file_is_told_and_left_out() {
    let scene = Scene::new();
    std::os::unix::fs::symlink("/etc/passwd", scene.path("state/link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(scene.path("state/socket")).unwrap();
    let report = back_up(&scene.places(), &scene.backup(), false, &Principal::host()).unwrap();
    assert_eq!(report.skipped.len(), 2, "{:?}", report.skipped);
    assert!(report.manifest.members.iter().all(|member| !member.name.contains("link")));
}

#[test]
fn a_journal_that_can_not_be_read_is_an_error_and_not_ignored() {
    let scene = Scene::new();
    fs::write(scene.path("etc/.opennmc-restore.journal"), "{").unwrap();
    assert!(matches!(recover(&scene.places().config).unwrap_err(), BackupError::Recovery { .. }));
    assert!(recover(Path::new("/nowhere/opennmc.toml")).unwrap().is_none());
}
