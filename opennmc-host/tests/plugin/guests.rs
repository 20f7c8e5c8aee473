//! Builds the fixture guests once per run, and packs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use wit_component::ComponentEncoder;

/// The fixture guests, as components.
pub(crate) struct Guests {
    /// Behaves as its configuration and its clients say.
    pub(crate) actor: Vec<u8>,
    /// Does on the network what its clients say.
    pub(crate) caller: Vec<u8>,
    /// Lets its clients log in and acts for them.
    pub(crate) clerk: Vec<u8>,
    /// Does all the harm that it can.
    pub(crate) hostile: Vec<u8>,
    /// Keeps, publishes, notifies and delivers.
    pub(crate) keeper: Vec<u8>,
    /// Serves web pages as their addresses say.
    pub(crate) page: Vec<u8>,
    /// Exports `lifecycle` and imports nothing.
    pub(crate) plain: Vec<u8>,
    /// Lets its clients log in and asks for administration.
    pub(crate) steward: Vec<u8>,
}

/// The guests; built by the first who asks.
pub(crate) fn guests() -> &'static Guests {
    static GUESTS: OnceLock<Guests> = OnceLock::new();
    GUESTS.get_or_init(|| {
        let target = target_dir();
        let status = Command::new(env!("CARGO"))
            .args(["build", "--release", "--locked", "--target-dir"])
            .arg(&target)
            // Its .cargo/config.toml names the target and the linker's flags.
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR")
            .status()
            .expect("cargo can be run");
        assert!(
            status.success(),
            "the fixture guests do not build; is the wasm32-unknown-unknown target installed?"
        );
        let folder = target.join("wasm32-unknown-unknown/release");
        let guest = |name: &str| component(&folder.join(name).with_extension("wasm"));
        Guests {
            actor: guest("actor"),
            caller: guest("caller"),
            clerk: guest("clerk"),
            hostile: guest("hostile"),
            keeper: guest("keeper"),
            page: guest("page"),
            plain: guest("plain"),
            steward: guest("steward"),
        }
    })
}

fn component(module: &Path) -> Vec<u8> {
    let module = std::fs::read(module).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// Beside the profile folder that this test runs from.
fn target_dir() -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().unwrap().join("guests-test")
}

/// A tar with these files.
pub(crate) fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The actor's manifest with these needs.
pub(crate) fn manifest(id: &str, needs: &str) -> String {
    format!(
        "[plugin]\nid = \"{id}\"\nversion = \"1.2.3\"\napi = \"0.1\"\nsummary = \"A fixture\"\n\
         [limits]\nmemory = \"8 MiB\"\ncall-ms = 1000\nconnections = 300\n\
         [needs]\n{needs}\n[config]\non-start = \"serve\"\nnumber = 1\n"
    )
}

/// What the actor needs to have all its imports.
pub(crate) const ALL_NEEDS: &str =
    "ups = \"read\"\nevents = [\"*\"]\nlisten = { main = [\"127.0.0.1:0\"], shut = [\"127.0.0.1:0\"] }";
