//! The base as its callers see it, under simulated time and with cheap hashes.

mod changing;
mod logging_in;
mod on_disk;
mod staying;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;

use super::hash::Hasher;
use super::time::Clock;
use super::*;

/// Some day in 2026.
const MORNING_MS: u64 = 1_780_000_000_000;

/// A base in a folder of its own.
struct Scene {
    folder: TempDir,
    now_ms: Arc<AtomicU64>,
    base: Arc<UserBase>,
    notices: Arc<Mutex<Vec<Notice>>>,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let now_ms = Arc::new(AtomicU64::new(MORNING_MS));
        let base = open(&folder, &now_ms);
        let notices = Arc::<Mutex<Vec<Notice>>>::default();
        let sink = Arc::clone(&notices);
        base.set_audit(move |notice| sink.lock().unwrap().push(notice));
        Scene { folder, now_ms, base, notices }
    }

    /// With `jo`, an operator whose password is "a sunny place".
    fn with_jo() -> Scene {
        let scene = Scene::new();
        scene.add("jo", Role::Operator, "a sunny place");
        scene
    }

    /// As another process sees the folder.
    fn another(&self) -> Arc<UserBase> {
        open(&self.folder, &self.now_ms)
    }

    fn add(&self, name: &str, role: Role, password: &str) {
        self.base.add(new(name, role, password), PasswordRules::Strict, &Principal::host()).unwrap();
    }

    fn log_in(&self, name: &str, password: &str) -> Result<Principal, AuthError> {
        self.log_in_from("192.0.2.7", name, password)
    }

    fn log_in_from(&self, peer: &str, name: &str, password: &str) -> Result<Principal, AuthError> {
        self.base.authenticate(name, &Secret::from(password), network(peer))
    }

    fn pass(&self, time: Duration) {
        self.now_ms.fetch_add(time.as_millis() as u64, SeqCst);
    }

    fn happenings(&self) -> Vec<Happening> {
        self.notices.lock().unwrap().iter().map(|notice| notice.what.clone()).collect()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.base.path()).unwrap()
    }
}

fn open(folder: &TempDir, now_ms: &Arc<AtomicU64>) -> Arc<UserBase> {
    UserBase::open_with(folder.path(), Hasher::cheap(), Clock::simulated(now_ms)).unwrap()
}

fn new(name: &str, role: Role, password: &str) -> NewUser {
    NewUser { name: name.to_owned(), role, scopes: None, password: Some(Secret::from(password)) }
}

fn network(peer: &str) -> Origin {
    Origin::Network { service: "nut-server".to_owned(), peer: peer.parse::<IpAddr>().unwrap() }
}

fn scopes(names: &str) -> Vec<Scope> {
    names.split_whitespace().map(|name| name.parse().unwrap()).collect()
}
