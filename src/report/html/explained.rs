//! What explains Apify's count, as the page shows it: a line each, the parts of the count set in.

use super::grid::{Grid, GridCell, GridHead, GridRow};
use crate::report::display_text::sentence;
use crate::report::table::Table;
use crate::report::usage_explained::{UsageExplained, UsageLine};

/// Under the title of its table, with the note of that.
pub fn grid(explained: &UsageExplained, table: &Table) -> Grid {
    let row = |line: UsageLine| {
        let cells = vec![
            GridCell::words(if line.is_part {
                format!("\u{2003}{}", line.name)
            } else {
                line.name.into()
            }),
            GridCell::usd(line.usd, "unknown"),
            GridCell::words(line.note),
        ];
        match line.is_part {
            true => GridRow::of(cells),
            false => GridRow::total(cells),
        }
    };
    Grid {
        caption: table.title.clone(),
        heads: vec![GridHead::name("what"), GridHead::number("usage"), GridHead::text("")],
        rows: explained.lines().into_iter().map(row).collect(),
        note: table.note.as_deref().map(sentence),
    }
}
