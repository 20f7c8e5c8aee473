//! Tables: columns as wide as what is in them, colours that do not count as width.

use super::terminal::{Screen, Tone, clip, pad};

/// Between two columns.
const GAP: &str = "  ";

/// Rows under headings.
#[derive(Debug)]
pub(super) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Table {
    pub(super) fn new(headings: &[&'static str]) -> Table {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = (String, Tone)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The last column is cut where a terminal ends.
    pub(super) fn print(&self, screen: Screen) -> String {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| heading.len()).collect();
        for row in &self.rows {
            for (width, (text, _)) in widths.iter_mut().zip(row) {
                *width = (*width).max(text.chars().count());
            }
        }
        if let (Some(room), Some((last, others))) = (screen.width, widths.split_last_mut()) {
            let taken: usize = others.iter().map(|width| width + GAP.len()).sum();
            *last = (*last).min(room.saturating_sub(taken).max(4));
        }
        let headings = self.headings.iter().map(|heading| ((*heading).to_owned(), Tone::Faint)).collect();
        let line = |row: &Vec<(String, Tone)>| {
            let end = row.len().saturating_sub(1);
            let cells = row.iter().zip(&widths).enumerate().map(|(index, ((text, tone), width))| {
                let text = clip(text, *width);
                screen.paint(*tone, &if index == end { text } else { pad(&text, *width) })
            });
            cells.collect::<Vec<String>>().join(GAP).trim_end().to_owned() + "\n"
        };
        std::iter::once(&headings).chain(&self.rows).map(line).collect()
    }
}
