//! Which plugin has which path.
//!
//! The table is replaced as a whole: the front reads it without a lock for every request, plugins' threads and the
//! supervisor change it. A plugin has one mount, a path one plugin.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::asset::Assets;
use super::line::Line;

/// Which plugin has which path. Clones share it.
#[derive(Clone, Default)]
pub struct Mounts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    table: ArcSwap<Vec<Mounted>>,
    changing: Mutex<()>,
}

/// One plugin's place.
#[derive(Clone)]
pub(crate) struct Mount {
    pub(crate) plugin: Arc<str>,
    /// `/`, or `/` and names that are divided by `/`.
    pub(crate) path: String,
    /// Whether the path itself is asked for, and no folder: nobody is sent on to the path with a `/` at its end.
    pub(crate) is_address: bool,
    /// Whether people who have not logged in are served.
    pub(crate) public: bool,
    pub(crate) assets: Arc<Assets>,
    /// Bytes of a request's body that the plugin can take.
    pub(crate) largest_body: usize,
}

/// A mount in the table.
#[derive(Clone)]
pub(super) struct Mounted {
    pub(super) mount: Arc<Mount>,
    pub(super) line: Arc<Line>,
}

impl Mounts {
    /// Keeps the place for a plugin that is starting. One that it has already is left as it is until
    /// [`Mounts::put`]: an instance may be serving there. The error is the id of the plugin that has the path.
    pub(crate) fn reserve(&self, mount: Mount) -> Result<Arc<Line>, String> {
        self.change(mount, false)
    }

    /// From now on this is the plugin's place.
    pub(crate) fn put(&self, mount: Mount) -> Result<Arc<Line>, String> {
        self.change(mount, true)
    }

    /// The plugin has failed: nobody is kept waiting for it, and its place stays.
    pub(crate) fn give_up(&self, plugin: &str) {
        if let Some(mounted) = self.0.table.load().iter().find(|mounted| *mounted.mount.plugin == *plugin) {
            mounted.line.give_up();
        }
    }

    /// The plugin is gone, or has no pages any more.
    pub(crate) fn remove(&self, plugin: &str) {
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let table = self.0.table.load_full();
        let (gone, stay): (Vec<_>, Vec<_>) =
            table.iter().cloned().partition(|mounted| *mounted.mount.plugin == *plugin);
        if gone.is_empty() {
            return;
        }
        self.0.table.store(Arc::new(stay));
        gone.iter().for_each(|mounted| mounted.line.give_up());
    }

    /// Who has this path, and the path below the mount: none when that would lack its slash. Of the mounts that it is under,
    /// the longest has it.
    pub(super) fn find<'p>(&self, path: &'p str) -> Option<(Mounted, Option<&'p str>)> {
        let table = self.0.table.load();
        let below = |mounted: &Mounted| {
            let rest =
                path.strip_prefix(mounted.mount.path.as_str()).filter(|_| mounted.mount.path != "/")?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        };
        let under = table.iter().filter_map(|mounted| below(mounted).map(|rest| (mounted, rest)));
        if let Some((mounted, rest)) = under.min_by_key(|(_, rest)| rest.len()) {
            let itself = if mounted.mount.is_address { Some("/") } else { None };
            return Some((mounted.clone(), Some(rest).filter(|rest| !rest.is_empty()).or(itself)));
        }
        let root = table.iter().find(|mounted| mounted.mount.path == "/")?;
        Some((root.clone(), Some(path)))
    }

    fn change(&self, mount: Mount, replaces: bool) -> Result<Arc<Line>, String> {
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = Vec::clone(&self.0.table.load());
        let is_own = |mounted: &Mounted| mounted.mount.plugin == mount.plugin;
        if let Some(other) = table.iter().find(|mounted| mounted.mount.path == mount.path && !is_own(mounted))
        {
            return Err(other.mount.plugin.to_string());
        }
        let line = match table.iter_mut().find(|mounted| is_own(mounted)) {
            Some(mounted) if !replaces => return Ok(Arc::clone(&mounted.line)),
            Some(mounted) => {
                mounted.mount = Arc::new(mount);
                Arc::clone(&mounted.line)
            }
            None => {
                let line = Arc::<Line>::default();
                table.push(Mounted { mount: Arc::new(mount), line: Arc::clone(&line) });
                line
            }
        };
        self.0.table.store(Arc::new(table));
        Ok(line)
    }
}

impl std::fmt::Debug for Mounts {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let table = self.0.table.load();
        out.debug_map()
            .entries(table.iter().map(|mounted| (&mounted.mount.path, &mounted.mount.plugin)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(plugin: &str, path: &str) -> Mount {
        Mount {
            plugin: plugin.into(),
            path: path.to_owned(),
            is_address: false,
            public: false,
            assets: Arc::default(),
            largest_body: 0,
        }
    }

    fn found(mounts: &Mounts, path: &str) -> Option<(String, Option<String>)> {
        let (mounted, rest) = mounts.find(path)?;
        Some((mounted.mount.plugin.to_string(), rest.map(str::to_owned)))
    }

    fn at(plugin: &str, rest: &str) -> Option<(String, Option<String>)> {
        Some((plugin.to_owned(), Some(rest.to_owned()).filter(|rest| !rest.is_empty())))
    }

    #[test]
    fn a_path_belongs_to_the_plugin_whose_mount_is_its_first_segment() {
        let mounts = Mounts::default();
        assert!(mounts.put(mount("a", "/a")).is_ok());
        assert_eq!(found(&mounts, "/"), None);
        assert!(mounts.put(mount("web", "/")).is_ok());
        assert_eq!(found(&mounts, "/a/x"), at("a", "/x"));
        assert_eq!(found(&mounts, "/a/"), at("a", "/"));
        assert_eq!(found(&mounts, "/a"), at("a", ""));
        assert_eq!(found(&mounts, "/ab"), at("web", "/ab"));
        assert_eq!(found(&mounts, "/"), at("web", "/"));
    }

    #[test]
    fn of_mounts_within_each_other_the_longest_has_the_path() {
        let mounts = Mounts::default();
        for (plugin, path) in [("a", "/a"), ("deep", "/a/b/c"), ("b", "/a/b"), ("web", "/")] {
            assert!(mounts.put(mount(plugin, path)).is_ok());
        }
        assert_eq!(found(&mounts, "/a/b/c/d"), at("deep", "/d"));
        assert_eq!(found(&mounts, "/a/b/x"), at("b", "/x"));
        assert_eq!(found(&mounts, "/a/bc"), at("a", "/bc"));
        assert_eq!(found(&mounts, "/x"), at("web", "/x"));
    }

    #[test]
    fn a_mount_that_is_an_address_is_asked_with_and_without_a_slash() {
        let mounts = Mounts::default();
        assert!(mounts.put(Mount { is_address: true, ..mount("a", "/hooks/a") }).is_ok());
        assert_eq!(found(&mounts, "/hooks/a"), at("a", "/"));
        assert_eq!(found(&mounts, "/hooks/a/"), at("a", "/"));
        assert_eq!(found(&mounts, "/hooks/ab"), None);
    }

    #[test]
    fn a_path_that_another_has_is_refused_until_that_is_gone() {
        let mounts = Mounts::default();
        assert!(mounts.put(mount("a", "/x")).is_ok());
        assert_eq!(mounts.reserve(mount("b", "/x")).err(), Some("a".to_owned()));
        mounts.remove("a");
        assert!(mounts.reserve(mount("b", "/x")).is_ok());
        assert!(mounts.put(mount("b", "/y")).is_ok());
        assert_eq!(found(&mounts, "/x"), None);
        assert_eq!(found(&mounts, "/y/"), at("b", "/"));
    }

    #[test]
    fn a_plugin_that_is_being_started_anew_keeps_its_place_meanwhile() {
        let mounts = Mounts::default();
        assert!(mounts.put(mount("a", "/x")).is_ok());
        assert!(mounts.reserve(mount("a", "/y")).is_ok());
        assert_eq!(found(&mounts, "/x/"), at("a", "/"));
        assert_eq!(found(&mounts, "/y/"), None);
    }
}
