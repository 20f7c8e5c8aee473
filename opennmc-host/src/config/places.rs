//! Where in the text each key stands, for what is only found after the text has been read.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::problem::position;

/// Line and column of every key of a file.
pub(super) struct Places(BTreeMap<Vec<String>, (usize, usize)>);

impl Places {
    /// The places of all keys of `text`; of a text that is not TOML, those that can be made out.
    pub(super) fn of(text: &str) -> Places {
        let mut places = Places(BTreeMap::new());
        let (table, _) = DeTable::parse_recoverable(text);
        places.walk(text, &mut Vec::new(), table.get_ref());
        places
    }

    /// Where `path` stands, or the nearest table around it that is in the file; else the file's beginning.
    pub(super) fn nearest(&self, path: &[&str]) -> (usize, usize) {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let above = (1..=path.len()).rev().map(|length| &path[..length]);
        above.filter_map(|path| self.0.get(path)).next().copied().unwrap_or((1, 1))
    }

    fn walk(&mut self, text: &str, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().clone().into_owned());
            self.0.insert(path.clone(), position(text, key.span().start));
            if let DeValue::Table(table) = value.get_ref() {
                self.walk(text, path, table);
            }
            path.pop();
        }
    }
}
