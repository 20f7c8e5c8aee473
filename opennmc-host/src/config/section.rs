//! Reading tables key by key, collecting every problem on the way.
//!
//! serde alone stops at the first error. Here each key is deserialised on its own, and what was asked for is what is
//! known: [`Section::finish`] complains about the rest and names the nearest known key.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::{Problem, Severity, position};

/// The text being read and what was found wrong with it so far.
pub(super) struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Reader<'t> {
        Reader { text, problems: Vec::new() }
    }

    /// Parses the text and hands its top table to `read`. A file that is not TOML gives its syntax errors only: what
    /// could be guessed of the rest would mislead.
    pub(super) fn read_file<T>(
        &mut self,
        read: impl FnOnce(&mut Self, Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            // The word that it stumbled over, where the message leaves it out.
            let word = self.text.get(span.clone()).filter(|word| !word.contains('\n') && !word.is_empty());
            let message = match word {
                Some(word) if error.message() == "duplicate key" => {
                    format!("the key `{}` is there twice", word.trim())
                }
                _ => error.message().to_owned(),
            };
            self.problem(span, "", message);
        }
        if !errors.is_empty() {
            return None;
        }
        read(self, Section::new(String::new(), table.get_ref(), 0..0))
    }

    pub(super) fn problem(&mut self, span: Range<usize>, key: impl Into<String>, message: impl Into<String>) {
        let (line, column) = position(self.text, span.start);
        let (key, message) = (key.into(), message.into());
        self.problems.push(Problem { severity: Severity::Error, line, column, key, message });
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

/// One table of the file.
pub(super) struct Section<'a> {
    /// Dotted, empty for the file itself.
    path: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    fn new(path: String, table: &'a DeTable<'a>, span: Range<usize>) -> Section<'a> {
        Section { path, table, span, known: Vec::new() }
    }

    /// Where the table itself is, for problems with all of it.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The dotted path of `key` in this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Where the value of `key` is, or the table when it is missing.
    pub(super) fn value_span(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or(self.span(), Spanned::span)
    }

    /// Whether the file says anything for `key`.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value of `key`, when it is there and of the right type.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.get(key)?;
        match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(value) => Some(value),
            Err(error) => {
                reader.problem(
                    error.span().unwrap_or(value.span()),
                    self.path_of(key),
                    error.message().trim_end(),
                );
                None
            }
        }
    }

    /// As [`Section::optional`], but its absence is a problem.
    pub(super) fn required<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        example: &str,
    ) -> Option<T> {
        if self.table.contains_key(key) {
            return self.optional(reader, key);
        }
        self.known.push(key);
        reader.problem(
            self.span(),
            self.path_of(key),
            format!("this key is required, for example `{key} = {example}`"),
        );
        None
    }

    /// The number at `key`, when it is there and within `bounds`.
    pub(super) fn number_within(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
        bounds: std::ops::RangeInclusive<u64>,
        unit: &str,
    ) -> Option<u64> {
        let number: i64 = self.optional(reader, key)?;
        match u64::try_from(number) {
            Ok(number) if bounds.contains(&number) => Some(number),
            _ => {
                let (least, most) = bounds.into_inner();
                let message = format!("{number} is out of range: {least} to {most} {unit}");
                reader.problem(self.value_span(key), self.path_of(key), message);
                None
            }
        }
    }

    /// The table at `key`, when there is one.
    pub(super) fn section(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<Section<'a>> {
        self.known.push(key);
        let (name, value) = self.table.get_key_value(key)?;
        let path = self.path_of(key);
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(path, table, name.span())),
            other => {
                reader.problem(
                    value.span(),
                    path,
                    format!("expected a table `[{key}]`, found {}", article(other)),
                );
                None
            }
        }
    }

    /// Every table under `key`, such as `[ups.a]` and `[ups.b]` for `ups`, by name and in the order of the file.
    pub(super) fn named_sections(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Vec<(Spanned<String>, Section<'a>)> {
        let Some(group) = self.section(reader, key) else { return Vec::new() };
        let mut sections = Vec::new();
        for (name, value) in group.table {
            let path = group.path_of(name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => sections.push((
                    Spanned::new(name.span(), name.get_ref().clone().into_owned()),
                    Section::new(path, table, name.span()),
                )),
                other => {
                    let message = format!(
                        "expected a table `[{path}]`, found {}; `{key}` holds one table per name",
                        article(other)
                    );
                    reader.problem(name.span(), path, message);
                }
            }
        }
        sections
    }

    /// Every value under this table with its dotted name and its place, in the order of the file; none for what is neither
    /// text nor a number. `"a.b" = 1` and `a.b = 1` name the same.
    pub(super) fn leaves(&self) -> Vec<(String, Range<usize>, Option<String>)> {
        let mut leaves = Vec::new();
        gather_leaves(self.table, "", &mut leaves);
        leaves
    }

    /// Whether there is nothing under `key`. A mistake under it is something.
    pub(super) fn is_empty(&self, key: &str) -> bool {
        self.table.get(key).is_none_or(|value| value.get_ref().as_table().is_some_and(DeTable::is_empty))
    }

    /// Complains about every key that nobody asked for.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let message = format!("there is no such key here; {}", suggestion(name, &self.known));
                reader.problem(key.span(), self.path_of(name), message);
            }
        }
    }
}

fn gather_leaves(table: &DeTable<'_>, above: &str, leaves: &mut Vec<(String, Range<usize>, Option<String>)>) {
    for (key, value) in table {
        let name = format!("{above}{}", key.get_ref());
        let text = match value.get_ref() {
            DeValue::Table(table) => {
                gather_leaves(table, &format!("{name}."), leaves);
                continue;
            }
            DeValue::String(text) => Some(text.clone().into_owned()),
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            _ => None,
        };
        leaves.push((name, key.span(), text));
    }
}

/// "did you mean …?" with the nearest of `known`, or all of them when none is near.
pub(super) fn suggestion(written: &str, known: &[&str]) -> String {
    // A third of the letters may be wrong; beyond that the guess is more often silly than helpful.
    let tolerance = written.chars().count() / 3 + 1;
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(written, known), known))
        .filter(|(distance, _)| *distance <= tolerance)
        .min();
    match nearest {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => {
            let mut known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
            known.sort();
            format!("known are {}", known.join(", "))
        }
    }
}

fn article(value: &DeValue<'_>) -> String {
    match value.type_str() {
        kind @ ("array" | "integer") => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}
