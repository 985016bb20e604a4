//! A window that has been read: its runs cut to it, its counts without what lies outside. How it was read is the walk's.

use arrow_array::RecordBatch;

use super::plan::Window;
use super::tally::{Received, RowAt, Tally};
use super::walk::Reading;
use crate::api::item::RejectedItem;
use crate::period::{Millis, format_instant};

/// A window that has been read.
#[derive(Debug)]
pub struct WalkedWindow {
    /// Its first millisecond.
    pub from: Millis,
    /// The first millisecond after it.
    pub to: Millis,
    /// Its pages, in the decoded schema.
    pub pages: Vec<RecordBatch>,
    /// Its runs, one an ID, by `(started_at, id)`: page and row.
    pub rows: Vec<RowAt>,
    /// Runs in it by the API's count.
    pub counted: u64,
    /// Runs in it that were received, one an ID, sensible or not.
    pub fetched: u64,
    /// Runs in it that the API lists under more than one start, beside the one that is kept.
    pub moved: u64,
    /// Distinct runs received that lie outside of it, before and after, and that a count of it includes: bounds are
    /// inclusive, and it is asked for a millisecond wider at the left.
    pub outside: (u64, u64),
    /// Items listed more than once.
    pub listed_twice: u64,
    /// Whether as many were received as are counted.
    pub proven: bool,
    /// What was unusual.
    pub notes: Vec<String>,
    /// Whether that is something the reader of a figure must know.
    pub changed_meanwhile: bool,
    /// Items of it that make no sense as a run.
    pub rejected: Vec<RejectedItem>,
    /// Known fields of a wrong type in its runs.
    pub mistyped: u64,
}

/// A window in messages.
pub(super) fn name(window: &Window) -> String {
    let (from, to) = (format_instant(window.from), format_instant(window.to));
    format!("window {from} to {to}")
}

/// A window as it goes on: its runs cut to it, its count without what lies a millisecond outside.
pub(super) fn walked(
    window: &Window,
    reading: Reading,
    tally: Tally,
    counted: u64,
    note: Option<String>,
) -> WalkedWindow {
    let inside = |at: Option<Millis>| at.is_none_or(|at| (window.from..window.to).contains(&at));
    let rows = tally.rows_in(&reading.pages, window.from, window.to);
    let distinct = tally.distinct();
    let rejected: Vec<_> = tally
        .rejected
        .iter()
        .filter(|rejected| inside(rejected.started_at_ms))
        .cloned()
        .collect();
    let received = (tally.rows.iter().filter(|row| inside(Some(row.0))).count() + rejected.len()) as u64;
    let before = tally.distinct_before(window.from).min(distinct - received);
    let outside = (before, distinct - received - before);
    let fetched = (rows.len() + rejected.len()) as u64;
    let moved = received - fetched;
    // Where a note says that the counts differ, the difference isn't repetitions.
    let listed_twice = if note.is_some() {
        0
    } else {
        counted.saturating_sub(distinct)
    };
    let name = name(window);
    let mut notes: Vec<String> = note.into_iter().collect();
    if listed_twice > 0 {
        notes.push(format!(
            "{name}: the API lists {listed_twice} of its items more than once; each run is here once"
        ));
    }
    if moved > 0 {
        notes.push(format!(
            "{name}: the API lists {moved} of its runs under another start too; each is here once"
        ));
    }
    let mistyped = mistyped_in(&reading.pages, &rows);
    WalkedWindow {
        from: window.from,
        to: window.to,
        pages: reading.pages.into_iter().map(|received| received.page.runs).collect(),
        rows,
        counted: counted.saturating_sub(outside.0 + outside.1),
        fetched,
        moved,
        outside,
        listed_twice,
        proven: true,
        notes,
        changed_meanwhile: false,
        rejected,
        mistyped,
    }
}

/// Known fields of a wrong type among the rows that are kept.
fn mistyped_in(pages: &[Received], rows: &[RowAt]) -> u64 {
    if pages.iter().all(|page| page.page.mistyped.is_empty()) {
        return 0;
    }
    let count = |(page, row): &RowAt| {
        pages[*page as usize]
            .page
            .mistyped
            .iter()
            .filter(|at| *at == row)
            .count() as u64
    };
    rows.iter().map(count).sum()
}
