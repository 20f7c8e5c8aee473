//! What each plugin keeps, in memory, and what of it the disk does not have yet.
//!
//! Pure bookkeeping: no disk, no thread. What waits to be written never takes more memory than the share itself and a
//! bounded number of names: beyond that the whole shelf is written anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::Shared;

/// Changed keys that are remembered one by one. Of more, a plugin that sets and deletes ever new ones while the disk is
/// broken would fill the host's memory.
const MOST_CHANGED: usize = 4_096;

/// One plugin's view of what it keeps.
pub(in crate::plugin) struct Shelf {
    shared: Arc<Shared>,
    plugin: Arc<str>,
    share: u64,
}

/// The share would be exceeded.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plugin) struct Full {
    /// What it would take with this entry.
    pub(in crate::plugin) wanted: u64,
    pub(in crate::plugin) share: u64,
}

impl Shelf {
    pub(super) fn new(shared: Arc<Shared>, plugin: Arc<str>, share: u64) -> Self {
        Self { shared, plugin, share }
    }

    pub(in crate::plugin) fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.shared.lock().shelves.entries(&self.plugin)?.get(key).cloned()
    }

    pub(in crate::plugin) fn set(&self, key: &str, value: Vec<u8>) -> Result<(), Full> {
        let mut content = self.shared.lock();
        let woken = content.shelves.set(&self.plugin, key, value.into(), self.share, Instant::now())?;
        drop(content);
        self.wake(woken);
        Ok(())
    }

    /// Keys and values, as they count for the share.
    pub(in crate::plugin) fn bytes(&self) -> u64 {
        self.shared.lock().shelves.bytes(&self.plugin)
    }

    pub(in crate::plugin) fn delete(&self, key: &str) {
        let woken = self.shared.lock().shelves.delete(&self.plugin, key, Instant::now());
        self.wake(woken);
    }

    pub(in crate::plugin) fn keys(&self, prefix: &str) -> Vec<String> {
        let content = self.shared.lock();
        let Some(entries) = content.shelves.entries(&self.plugin) else { return Vec::new() };
        let from = entries.range(prefix.to_owned()..).map(|(key, _)| key);
        from.take_while(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// The writer sleeps while nothing waits.
    fn wake(&self, was_clean: bool) {
        if was_clean {
            self.shared.changed.notify_all();
        }
    }
}

/// What all plugins keep.
#[derive(Default)]
pub(super) struct Shelves {
    plugins: HashMap<Arc<str>, Kept>,
    /// Since when something waits to be written.
    dirty_since: Option<Instant>,
}

#[derive(Default)]
struct Kept {
    entries: BTreeMap<String, Arc<[u8]>>,
    /// Keys and values.
    bytes: u64,
    /// What the file has of it is in here, too.
    loaded: bool,
    changed: Changed,
}

/// Where memory and file differ.
enum Changed {
    Keys(BTreeSet<String>),
    Everything,
}

impl Default for Changed {
    fn default() -> Self {
        Self::Keys(BTreeSet::new())
    }
}

impl Changed {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Keys(keys) if keys.is_empty())
    }

    fn has(&self, key: &str) -> bool {
        match self {
            Self::Keys(keys) => keys.contains(key),
            Self::Everything => true,
        }
    }

    fn add(&mut self, key: &str) {
        if let Self::Keys(keys) = self
            && !keys.contains(key)
        {
            keys.insert(key.to_owned());
            if keys.len() > MOST_CHANGED {
                *self = Self::Everything;
            }
        }
    }
}

/// What is to be written of one plugin.
pub(super) struct Change {
    pub(super) plugin: Arc<str>,
    /// Nothing of what the file has is left.
    pub(super) anew: bool,
    pub(super) set: Vec<(String, Arc<[u8]>)>,
    pub(super) deleted: Vec<String>,
}

impl Shelves {
    /// Makes room for a plugin; whether what the file has of it is known already.
    pub(super) fn place(&mut self, plugin: &Arc<str>) -> bool {
        self.plugins.entry(Arc::clone(plugin)).or_default().loaded
    }

    /// Plugins of which it is not known what the file has.
    pub(super) fn unloaded(&self) -> Vec<Arc<str>> {
        self.plugins.iter().filter(|(_, kept)| !kept.loaded).map(|(plugin, _)| Arc::clone(plugin)).collect()
    }

    /// Takes in what the file has of a plugin; what it has set or deleted meanwhile is newer.
    pub(super) fn load(&mut self, plugin: &str, rows: Vec<(String, Vec<u8>)>) {
        let Some(kept) = self.plugins.get_mut(plugin).filter(|kept| !kept.loaded) else { return };
        kept.loaded = true;
        for (key, value) in rows {
            if !kept.changed.has(&key) {
                kept.bytes += size(&key, &value);
                kept.entries.insert(key, value.into());
            }
        }
    }

    pub(super) fn entries(&self, plugin: &str) -> Option<&BTreeMap<String, Arc<[u8]>>> {
        self.plugins.get(plugin).map(|kept| &kept.entries)
    }

    pub(super) fn bytes(&self, plugin: &str) -> u64 {
        self.plugins.get(plugin).map_or(0, |kept| kept.bytes)
    }

    /// Whether nothing had waited to be written before.
    pub(super) fn set(
        &mut self,
        plugin: &str,
        key: &str,
        value: Arc<[u8]>,
        share: u64,
        now: Instant,
    ) -> Result<bool, Full> {
        let Some(kept) = self.plugins.get_mut(plugin) else { return Ok(false) };
        let before = kept.entries.get(key).map_or(0, |old| size(key, old));
        let wanted = kept.bytes - before + size(key, &value);
        // A share that was made smaller refuses what grows, and nothing else.
        if wanted > share && wanted > kept.bytes {
            return Err(Full { wanted, share });
        }
        kept.bytes = wanted;
        kept.entries.insert(key.to_owned(), value);
        kept.changed.add(key);
        Ok(self.touch(now))
    }

    /// Whether nothing had waited to be written before.
    pub(super) fn delete(&mut self, plugin: &str, key: &str, now: Instant) -> bool {
        let Some(kept) = self.plugins.get_mut(plugin) else { return false };
        match kept.entries.remove(key) {
            Some(old) => kept.bytes -= size(key, &old),
            // What is not known yet may be in the file.
            None if kept.loaded => return false,
            None => {}
        }
        kept.changed.add(key);
        self.touch(now)
    }

    /// Nothing of what the plugin keeps is left, whatever the file has. Tells how many keys memory had.
    pub(super) fn clear(&mut self, plugin: &Arc<str>, now: Instant) -> usize {
        let nothing = Kept { loaded: true, changed: Changed::Everything, ..Kept::default() };
        let had = self.plugins.insert(Arc::clone(plugin), nothing);
        self.touch(now);
        had.map_or(0, |had| had.entries.len())
    }

    fn touch(&mut self, now: Instant) -> bool {
        let was_clean = self.dirty_since.is_none();
        self.dirty_since.get_or_insert(now);
        was_clean
    }

    /// Since when something waits to be written.
    pub(super) fn dirty_since(&self) -> Option<Instant> {
        self.dirty_since
    }

    /// Everything that waits to be written, as of now. It counts as written: what fails comes back with
    /// [`Shelves::give_back`].
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        self.dirty_since = None;
        let dirty = self.plugins.iter_mut().filter(|(_, kept)| !kept.changed.is_empty());
        dirty.map(|(plugin, kept)| kept.take_change(plugin)).collect()
    }

    /// What could not be written waits again, as it is by now.
    pub(super) fn give_back(&mut self, changes: Vec<Change>, now: Instant) {
        for change in changes {
            let Some(kept) = self.plugins.get_mut(&change.plugin) else { continue };
            if change.anew {
                kept.changed = Changed::Everything;
            }
            change
                .set
                .iter()
                .map(|(key, _)| key)
                .chain(&change.deleted)
                .for_each(|key| kept.changed.add(key));
            self.dirty_since.get_or_insert(now);
        }
    }

    /// The file is a new one, and empty.
    pub(super) fn write_everything(&mut self, now: Instant) {
        for kept in self.plugins.values_mut() {
            kept.loaded = true;
            kept.changed = Changed::Everything;
            self.dirty_since.get_or_insert(now);
        }
    }
}

impl Kept {
    fn take_change(&mut self, plugin: &Arc<str>) -> Change {
        let plugin = Arc::clone(plugin);
        let (anew, changed) = match std::mem::take(&mut self.changed) {
            Changed::Everything => (true, self.entries.keys().cloned().collect()),
            Changed::Keys(keys) => (false, keys),
        };
        let (mut set, mut deleted) = (Vec::new(), Vec::new());
        for key in changed {
            match self.entries.get(&key) {
                Some(value) => set.push((key, Arc::clone(value))),
                None => deleted.push(key),
            }
        }
        Change { plugin, anew, set, deleted }
    }
}

fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelves() -> Shelves {
        let mut shelves = Shelves::default();
        shelves.place(&"x".into());
        shelves
    }

    fn set(shelves: &mut Shelves, key: &str, value: &str) {
        shelves.set("x", key, value.as_bytes().into(), 1 << 20, Instant::now()).unwrap();
    }

    #[test]
    fn what_was_set_before_the_file_could_be_read_is_newer_than_what_it_says() {
        let mut shelves = shelves();
        set(&mut shelves, "a", "new");
        shelves.delete("x", "b", Instant::now());
        let row = |key: &str| (key.to_owned(), b"old".to_vec());
        shelves.load("x", vec![row("a"), row("b"), row("c")]);
        let entries = shelves.entries("x").unwrap();
        let all: Vec<(&str, &[u8])> = entries.iter().map(|(key, value)| (key.as_str(), &**value)).collect();
        assert_eq!(all, [("a", &b"new"[..]), ("c", &b"old"[..])]);
        let changes = shelves.take_changes();
        assert_eq!((changes[0].set.len(), changes[0].deleted.as_slice()), (1, &["b".to_owned()][..]));
    }

    #[test]
    fn a_share_counts_keys_and_values_and_a_refusal_changes_nothing() {
        let mut shelves = shelves();
        let (now, value) = (Instant::now(), |count| vec![0; count].into());
        assert!(shelves.set("x", "key", value(97), 100, now).is_ok());
        assert_eq!(shelves.set("x", "k", value(0), 100, now), Err(Full { wanted: 101, share: 100 }));
        assert!(shelves.set("x", "key", value(98), 100, now).is_err());
        assert_eq!(shelves.entries("x").unwrap()["key"].len(), 97);
        // The share was made smaller: what shrinks is taken.
        assert!(shelves.set("x", "key", value(60), 50, now).is_ok());
        assert!(shelves.set("x", "key", value(61), 50, now).is_err());
    }

    #[test]
    fn what_could_not_be_written_is_written_later_as_it_is_then() {
        let mut shelves = shelves();
        set(&mut shelves, "a", "1");
        set(&mut shelves, "b", "1");
        let failed = shelves.take_changes();
        assert!(shelves.take_changes().is_empty());
        set(&mut shelves, "a", "2");
        shelves.delete("x", "b", Instant::now());
        shelves.give_back(failed, Instant::now());
        let changes = shelves.take_changes();
        assert_eq!(changes[0].set, [("a".to_owned(), b"2"[..].into())]);
        // Whether the file has it is not known: the failed batch may have set it.
        assert_eq!(changes[0].deleted, ["b"]);
    }

    #[test]
    fn ever_new_keys_do_not_pile_up_while_nothing_can_be_written() {
        let mut shelves = shelves();
        for number in 0..=MOST_CHANGED {
            set(&mut shelves, &number.to_string(), "");
            shelves.delete("x", &number.to_string(), Instant::now());
        }
        set(&mut shelves, "last", "");
        let changes = shelves.take_changes();
        assert!(changes[0].anew && changes[0].deleted.is_empty());
        assert_eq!(changes[0].set.len(), 1);
    }
}
