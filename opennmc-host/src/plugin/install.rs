//! Installing, granting and removing packages in the state folder.
//!
//! The order of steps is such that a crash between any two leaves the old plugin or the new one, never a mixture: a package
//! is on disk before its grant names it, a file that a grant names is never written to, and the grant is one file that is
//! replaced as a whole. What no grant names does nothing, and goes at the next change.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::grants::replace;
use super::{
    Digest, GrantRecord, Grants, Interfaces, Limits, Needs, Package, PluginError, Sentence, SignerName,
    Trust, interfaces, misses, sentences,
};
use crate::service::folder::make_private;

/// Everything that a person has to know to decide about a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Installed {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The version that is installed now.
    pub replaces: Option<String>,
    /// Whether the version that is installed now is newer.
    #[serde(default)]
    pub older: bool,
    /// One line for people.
    pub summary: String,
    /// SPDX expression.
    pub license: Option<String>,
    /// The SHA-256 of `plugin.wasm`.
    pub sha256: Digest,
    /// The SHA-256 over all its files but the signature.
    pub contents: Digest,
    /// Which configured signer has signed it.
    pub signer: Option<SignerName>,
    /// Whether somebody has signed it, known or not.
    pub signed: bool,
    /// The targets that it has compiled forms for.
    #[serde(default)]
    pub precompiled: Vec<String>,
    /// Whether those are used: its signer may precompile.
    #[serde(default)]
    pub precompiled_used: bool,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it may do.
    pub may: Vec<Sentence>,
    /// What of that the installed version could not do.
    pub new: Vec<Sentence>,
    /// Needs that the binary does not use.
    pub unused: Vec<String>,
    /// How much it may use, in words.
    pub limits: String,
    /// Whether it can be installed without a question: it is newer, needs nothing new, and the same signer has signed it.
    /// An old version may have the very fault for which there is a new one, and its signature is good for ever.
    pub trusted_update: bool,
}

/// A plugin that is not installed any more.
#[derive(Debug, Clone, Copy)]
pub struct Removed {
    /// The `plugin.wasm` that was granted.
    ran: Option<Digest>,
}

/// Changes what is installed in one state folder.
#[derive(Debug, Clone)]
pub struct Installer {
    state_dir: PathBuf,
    trust: Trust,
}

impl Installer {
    /// For this state folder.
    pub fn new(state_dir: &Path, trust: Trust) -> Self {
        Self { state_dir: state_dir.to_owned(), trust }
    }

    /// Checks everything that can be checked without running it.
    pub fn look_at(&self, name: &Path, bytes: &[u8]) -> Result<(Package, Installed), PluginError> {
        let package = self.trust.check(Package::read(name, bytes)?)?;
        let granted = Grants::of(&self.state_dir).read()?.plugin.remove(&package.manifest.plugin.id);
        let described = describe(&package, granted.as_ref(), &self.trust)?;
        Ok((package, described))
    }

    /// Puts a package that was looked at on disk, and grants it what it needs. Gives the grant that it replaces.
    pub fn install(
        &self,
        package: &Package,
        bytes: &[u8],
        by: &str,
    ) -> Result<Option<GrantRecord>, PluginError> {
        let grants = Grants::of(&self.state_dir);
        let id = &package.manifest.plugin.id;
        let folder = self.folder()?;
        let old = grants.read()?.plugin.remove(id);
        let file = self.free_name(package, old.as_ref());
        let path = folder.join(&file);
        replace(&path, bytes).map_err(|source| PluginError::Read { path, source })?;
        let record = GrantRecord::of(package, &file, by);
        grants.change(|file| {
            file.disabled.remove(id);
            file.plugin.insert(id.clone(), record)
        })
    }

    /// Brings back the grant that an installation has replaced, when what was installed does not run.
    pub fn undo(&self, id: &str, old: GrantRecord) -> Result<(), PluginError> {
        Grants::of(&self.state_dir).change(|file| drop(file.plugin.insert(id.to_owned(), old)))?;
        self.sweep(id)
    }

    /// The package of `id` that lies in the folder of installed packages, for a person to look at and grant.
    pub fn find(&self, id: &str) -> Result<(Vec<u8>, PathBuf), PluginError> {
        let granted = Grants::of(&self.state_dir).read()?.plugin.remove(id).map(|grant| grant.package);
        let folder = self.folder()?;
        let path = granted.map(|file| folder.join(file)).filter(|path| path.exists());
        let path = path.or_else(|| super::library::newest(id, std::slice::from_ref(&folder)));
        let path = path.ok_or_else(|| PluginError::NotFound {
            id: id.to_owned(),
            folders: folder.display().to_string(),
        })?;
        // Reads it with all bounds; what is granted is what was read, once.
        Package::open(&path)?;
        let bytes = fs::read(&path).map_err(|source| PluginError::Read { path: path.clone(), source })?;
        Ok((bytes, path))
    }

    /// Revokes the grant and deletes the package. Gives what was removed; none: it was not installed.
    pub fn remove(&self, id: &str) -> Result<Option<Removed>, PluginError> {
        let removed = Grants::of(&self.state_dir).change(|file| {
            file.disabled.remove(id);
            file.plugin.remove(id)
        })?;
        let folder = self.folder()?;
        let packages = super::library::all(id, &folder);
        let was_there = removed.is_some() || !packages.is_empty();
        for path in packages {
            fs::remove_file(&path).map_err(|source| PluginError::Read { path, source })?;
        }
        Ok(was_there.then(|| Removed { ran: removed.map(|grant| grant.sha256) }))
    }

    /// Deletes the compiled forms of what was removed, unless another installed plugin is made of the same.
    pub fn drop_compiled(&self, removed: &Removed) -> Result<(), PluginError> {
        let Some(digest) = removed.ran else { return Ok(()) };
        if Grants::of(&self.state_dir).read()?.plugin.values().any(|grant| grant.sha256 == digest) {
            return Ok(());
        }
        let dropped = super::engine::drop_forms(&self.state_dir, digest);
        let cache = || self.state_dir.join("cache");
        dropped.map(drop).map_err(|source| PluginError::Read { path: cache(), source })
    }

    /// Deletes packages of a granted plugin that its grant does not name, and what a crash has left half written.
    pub fn sweep(&self, id: &str) -> Result<(), PluginError> {
        let Some(grant) = Grants::of(&self.state_dir).read()?.plugin.remove(id) else { return Ok(()) };
        let folder = self.folder()?;
        for path in super::library::all(id, &folder) {
            if path.file_name().is_none_or(|name| name != grant.package.as_str()) {
                fs::remove_file(&path).map_err(|source| PluginError::Read { path, source })?;
            }
        }
        Ok(())
    }

    /// Deletes everything that no grant needs and an earlier daemon has left behind.
    pub fn sweep_all(&self) -> Result<(), PluginError> {
        let folder = self.folder()?;
        for id in Grants::of(&self.state_dir).read()?.plugin.into_keys() {
            self.sweep(&id)?;
        }
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(".new-") {
                let path = entry.path();
                fs::remove_file(&path).map_err(|source| PluginError::Read { path, source })?;
            }
        }
        Ok(())
    }

    /// A file name that no grant has: one that is granted is never written to.
    fn free_name(&self, package: &Package, old: Option<&GrantRecord>) -> String {
        let (id, version) = (&package.manifest.plugin.id, &package.manifest.plugin.version);
        let plain = format!("{id}-{version}.onmc");
        if old.is_none_or(|old| old.package != plain) {
            return plain;
        }
        // Build metadata means nothing to the order of versions.
        let digest = package.contents().to_string();
        let joint = if version.build.is_empty() { '+' } else { '.' };
        let marked = format!("{id}-{version}{joint}{}.onmc", &digest[..16]);
        if old.is_some_and(|old| old.package == marked) { plain } else { marked }
    }

    fn folder(&self) -> Result<PathBuf, PluginError> {
        let folder = self.state_dir.join("plugins");
        match make_private(&folder) {
            Ok(()) => Ok(folder),
            Err(source) => Err(PluginError::Read { path: folder, source }),
        }
    }
}

/// Checks that manifest and binary agree, and tells what the package may do.
pub fn describe(
    package: &Package,
    granted: Option<&GrantRecord>,
    trust: &Trust,
) -> Result<Installed, PluginError> {
    let component = |problem: String| PluginError::Component { path: package.path.clone(), problem };
    let interfaces = interfaces(&package.wasm).map_err(component)?;
    if let Some(problem) = misses(&interfaces, &package.manifest) {
        return Err(component(problem));
    }
    let manifest = &package.manifest;
    let may = sentences(&manifest.needs);
    let before = granted
        .map(|granted| (Needs::deserialize_from(&granted.needs), Limits::deserialize_from(&granted.limits)));
    let could = match &before {
        Some((Some(needs), _)) => sentences(needs),
        _ => Vec::new(),
    };
    let same = before == Some((Some(manifest.needs.clone()), Some(manifest.limits)));
    let same_signer =
        package.signer.is_some() && granted.is_some_and(|granted| granted.signer == package.signer);
    let order = granted
        .and_then(|granted| granted.version.parse::<semver::Version>().ok())
        .map(|installed| manifest.plugin.version.cmp_precedence(&installed));
    Ok(Installed {
        id: manifest.plugin.id.clone(),
        version: manifest.plugin.version.to_string(),
        replaces: granted.map(|granted| granted.version.clone()),
        older: order == Some(Ordering::Less),
        summary: manifest.plugin.summary.clone(),
        license: manifest.plugin.license.clone(),
        sha256: package.digest,
        contents: package.contents(),
        signer: package.signer.clone(),
        signed: package.has_signature(),
        precompiled: package.forms(),
        precompiled_used: !package.precompiled.is_empty(),
        new: may.iter().filter(|sentence| !could.contains(sentence)).cloned().collect(),
        unused: unused(&interfaces, &may),
        imports: interfaces.imports,
        exports: interfaces.exports,
        may,
        limits: super::words::limits(&manifest.limits),
        trusted_update: trust.update_signed && same && same_signer && order == Some(Ordering::Greater),
    })
}

/// Needs that the binary does nothing with.
fn unused(interfaces: &Interfaces, may: &[Sentence]) -> Vec<String> {
    /// Which import, or which export, makes use of a need.
    const USES: [(&str, &[&str]); 14] = [
        ("ups", &["ups"]),
        ("events", &["events"]),
        ("listen", &["tcp-events"]),
        ("listen-udp", &["udp", "udp-events"]),
        ("connect", &["tcp-connect", "udp", "http-client"]),
        ("auth", &["auth"]),
        ("control", &["ups-control"]),
        ("store", &["store"]),
        ("bus", &["bus"]),
        ("notify", &["notify"]),
        ("notifier", &["notifier"]),
        ("history", &["history"]),
        ("admin", &["admin"]),
        ("http", &["http-handler"]),
    ];
    let has = |interface: &&str| {
        interfaces.imports.iter().chain(&interfaces.exports).any(|name| {
            name.strip_prefix("opennmc:plugin/").and_then(|name| name.split('@').next()) == Some(interface)
        })
    };
    let is_unused = |need: &str| {
        USES.iter().find(|(name, _)| *name == need).is_some_and(|(_, uses)| !uses.iter().any(&has))
    };
    let mut unused: Vec<String> =
        may.iter().map(|sentence| sentence.need.clone()).filter(|need| is_unused(need)).collect();
    unused.dedup();
    unused
}
