//! What is written beside what happened.

use super::{Cast, Line, Play, What};

/// How far a moment may be off. The hand-fed UPS keeps its times to the second; behind a simulated line they depend on
/// the pace of the polling, which is not what these tests are about.
const HAND_FED_MS: u64 = 999;
const SIMULATED_MS: u64 = 8000;

/// The lines that differ, in their surroundings; none when there are none.
///
/// Moments and lengths may be off: by less than a second for a hand-fed UPS, by 8 s behind a simulated line.
pub fn difference(play: &Play, happened: &[Line]) -> Option<String> {
    let tolerance = match play.cast {
        Cast::HandFed => HAND_FED_MS,
        Cast::Model(_) => SIMULATED_MS,
    };
    let same = |written: &Line, happened: &Line| {
        same_what(&written.what, &happened.what, tolerance)
            && written.at_ms.abs_diff(happened.at_ms) <= tolerance
    };
    let written = &play.lines;
    if written.len() == happened.len() && written.iter().zip(happened).all(|(a, b)| same(a, b)) {
        return None;
    }
    // The longest row of lines that both have.
    let (rows, columns) = (written.len(), happened.len());
    let mut common = vec![vec![0usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            common[row][column] = if same(&written[row], &happened[column]) {
                common[row + 1][column + 1] + 1
            } else {
                common[row + 1][column].max(common[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut lines = vec!["  (- is written and did not happen, + happened and is not written)".to_owned()];
    while row < rows || column < columns {
        if row < rows && column < columns && same(&written[row], &happened[column]) {
            lines.push(format!("  {}", shown(&written[row])));
            (row, column) = (row + 1, column + 1);
        } else if column == columns || (row < rows && common[row + 1][column] >= common[row][column + 1]) {
            lines.push(format!("- {}", shown(&written[row])));
            row += 1;
        } else {
            lines.push(format!("+ {}", shown(&happened[column])));
            column += 1;
        }
    }
    Some(lines.join("\n"))
}

/// Lengths may be off as far as moments.
fn same_what(written: &What, happened: &What, tolerance_ms: u64) -> bool {
    let (What::Follows(written), What::Follows(happened)) = (written, happened) else {
        return written == happened;
    };
    let length = |word: &str| {
        let seconds = word.strip_prefix("lasted-s=").or_else(|| word.strip_prefix("away-s="))?;
        seconds.parse::<u64>().ok()
    };
    let near = |pair: (&str, &str)| match (length(pair.0), length(pair.1)) {
        (Some(first), Some(second)) => first.abs_diff(second) * 1000 <= tolerance_ms,
        _ => pair.0 == pair.1,
    };
    written.split(' ').count() == happened.split(' ').count()
        && written.split(' ').zip(happened.split(' ')).all(near)
}

fn shown(line: &Line) -> String {
    match line.what {
        What::Happens(_) => line.to_string(),
        What::Follows(_) => line.to_string().replacen("     ", " ", 1),
    }
}
