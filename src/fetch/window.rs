//! A walk through a window, and the window that comes of it: its runs cut to it, its counts without what lies outside. How
//! pages are asked for is `walk`'s.

use arrow_array::RecordBatch;

use super::plan::Window;
use super::tally::{RowAt, Tally};
use crate::api::item::RejectedItem;
use crate::api::page::Page;
use crate::period::Millis;

#[derive(Default)]
pub(super) struct WalkAttempt {
    pub(super) pages: Vec<Page>,
    /// The API's count of the window, a millisecond wider at both ends.
    pub(super) counted: Option<u64>,
    /// Runs of overfull milliseconds that were counted and not received.
    pub(super) missing_ties: u64,
    pub(super) failure: Option<&'static str>,
    /// Its one page is the whole list, also beyond the window if the server ignores bounds.
    pub(super) whole: bool,
}

#[derive(Debug)]
pub struct WalkedWindow {
    pub from: Millis,
    pub to: Millis,
    pub pages: Vec<RecordBatch>,
    /// Its runs, one an ID, by `(started_at, id)`.
    pub rows: Vec<RowAt>,
    /// Runs in it by the API's count.
    pub counted: u64,
    /// Runs in it that were received, one an ID, rejected ones too.
    pub fetched: u64,
    /// Runs in it that the API lists under more than one start, beside the one that is kept.
    pub moved: u64,
    /// Distinct runs received that lie outside of it, before and after, and that a count of it includes: bounds are
    /// inclusive, and it is asked for a millisecond wider at the left.
    pub outside: (u64, u64),
    /// Those of them that started after `to`: a page that holds the whole list has them where `startedBefore` is ignored.
    pub beyond: u64,
    pub listed_twice: u64,
    pub proven: bool,
    pub notes: Vec<String>,
    /// Whether runs were deleted, or came, while it was read.
    pub changed_meanwhile: bool,
    pub rejected: Vec<RejectedItem>,
    /// Known fields of a wrong type in its runs.
    pub mistyped: u64,
}

impl WalkAttempt {
    pub(super) fn receive(&mut self, page: Page) {
        self.pages.push(page);
    }

    /// What counts towards the window: all of a list that came whole, else what its count includes.
    pub(super) fn tally(&self, window: &Window) -> Tally {
        let (from, until) = if self.whole {
            (Millis::MIN, Millis::MAX)
        } else {
            (window.from - 1, window.to)
        };
        Tally::new(&self.pages, from, until)
    }

    /// The window, of which this walk is the last: its runs cut to it, its count without what lies a millisecond outside.
    pub(super) fn finish(self, window: &Window, tally: Tally, counted: u64, note: Option<String>) -> WalkedWindow {
        let inside = |at: Option<Millis>| at.is_none_or(|at| (window.from..window.to).contains(&at));
        let rows = tally.rows_in(&self.pages, window.from, window.to);
        let distinct = tally.distinct();
        let rejected = tally.rejected.iter().filter(|rejected| inside(rejected.started_at_ms));
        let rejected: Vec<_> = rejected.cloned().collect();
        let received = (tally.rows.iter().filter(|row| inside(Some(row.0))).count() + rejected.len()) as u64;
        let before = tally.distinct_before(window.from).min(distinct - received);
        let outside = (before, distinct - received - before);
        let beyond = tally.distinct_after(window.to).min(outside.1);
        let fetched = (rows.len() + rejected.len()) as u64;
        let moved = received - fetched;
        // Where a note says that the counts differ, the difference isn't repetitions.
        let listed_twice = if note.is_some() {
            0
        } else {
            counted.saturating_sub(distinct)
        };
        let name = window.name();
        let mut notes: Vec<String> = note.into_iter().collect();
        if listed_twice > 0 {
            notes.push(format!(
                "{name}: the API lists {listed_twice} of its items more than once; each run is included once"
            ));
        }
        if moved > 0 {
            notes.push(format!(
                "{name}: the API lists {moved} of its runs with two start times; each is included once"
            ));
        }
        let contradicts = |page: &&Page| page.head_total.is_some_and(|total| total != page.total);
        if let Some(page) = self.pages.iter().find(contradicts) {
            let (body, head) = (page.total, page.head_total.unwrap_or_default());
            notes.push(format!(
                "{name}: an answer counts {body} runs in its body, but {head} in its headers (X-Apify-Pagination-Total)"
            ));
        }
        let mistyped = mistyped_in(&self.pages, &rows);
        WalkedWindow {
            from: window.from,
            to: window.to,
            pages: self.pages.into_iter().map(|page| page.runs).collect(),
            rows,
            counted: counted.saturating_sub(outside.0 + outside.1),
            fetched,
            moved,
            outside,
            beyond,
            listed_twice,
            proven: true,
            notes,
            changed_meanwhile: false,
            rejected,
            mistyped,
        }
    }
}

/// Known fields of a wrong type among the rows that are kept.
fn mistyped_in(pages: &[Page], rows: &[RowAt]) -> u64 {
    if pages.iter().all(|page| page.mistyped.is_empty()) {
        return 0;
    }
    let of_row = |(page, row): &RowAt| {
        let mistyped = pages[*page as usize].mistyped.iter();
        mistyped.filter(|at| *at == row).count() as u64
    };
    rows.iter().map(of_row).sum()
}
