//! One millisecond with more runs than a page: read by offset, since no key tells its runs apart in order.
//!
//! The order of its runs is promised nowhere, so it is read in rounds until as many distinct runs are there as it counts:
//!
//! | round | order | offsets |
//! |---|---|---|
//! | 0 | ascending | page after page; three pages in a row like the first one: `offset` is ignored, no round helps |
//! | 1 | descending | page after page: its begin is what ascending pages reach last |
//! | from 2 on | alternately | half a page on, and each page twice, should the order change from one to the next |
//!
//! Where `startedBefore` is ignored, every round is ascending, and ends with the first page that reaches beyond the millisecond.

use std::collections::HashMap;

use super::walk::Walker;
use super::window::WalkAttempt;
use crate::api::page::Page;
use crate::error::Result;
use crate::period::Millis;

const TIE_ROUNDS: u32 = 32;
/// Rounds in a row without a new run, after which it is left at that.
const STALE_TIE_ROUNDS: u32 = 4;
/// Pages without a new run behind the very first one, after which `offset` is taken to be ignored.
const STALE_TIE_PAGES: u32 = 3;

/// The same in any round, after which the round ends.
const MOST_STALE_TIE_PAGES: u32 = 64;

struct Tie {
    m: Millis,
    /// The bounds of its requests.
    after: Millis,
    before: Millis,
    /// The highest count: deleted runs must not make up for skipped ones.
    counted: u64,
    /// Runs after `before` that answers count too, once it turns out that they do.
    counted_beyond: Option<u64>,
    /// How often one page had a run at most: more than once where the server lists it twice.
    seen: HashMap<(String, Millis), u32>,
}

impl Tie {
    /// What an answer's count says of the millisecond alone.
    fn within(&self, total: u64) -> u64 {
        total.saturating_sub(self.counted_beyond.unwrap_or(0))
    }

    fn missing(&self) -> u64 {
        self.counted.saturating_sub(self.seen.len() as u64)
    }

    /// Notes a page's runs: how many of them are new, and whether it has any more often than each page before.
    fn note(&mut self, page: &Page) -> (u64, bool) {
        let mut on_page: HashMap<_, u32> = HashMap::new();
        for run in page.identities().filter(|(_, start)| *start <= self.before) {
            *on_page.entry(run).or_default() += 1;
        }
        let (mut new, mut has_more) = (0, false);
        for (run, times) in on_page {
            let before = self.seen.entry(run).or_default();
            new += u64::from(*before == 0);
            has_more |= times > *before;
            *before = times.max(*before);
        }
        (new, has_more)
    }
}

impl Walker {
    /// Reads a millisecond that holds more than a page. `after` is known to include its runs; whether `startedBefore` does
    /// turns out.
    pub(super) async fn read_tie(&self, m: Millis, after: Millis, attempt: &mut WalkAttempt) -> Result<()> {
        let mut tie = Tie {
            m,
            after,
            before: m,
            counted: 0,
            counted_beyond: None,
            seen: HashMap::new(),
        };
        let mut stale_rounds = 0;
        for round in 0..TIE_ROUNDS {
            let seen_before = tie.seen.len();
            let goes_on = self.read_tie_round(&mut tie, round, attempt).await?;
            stale_rounds = if tie.seen.len() > seen_before {
                0
            } else {
                stale_rounds + 1
            };
            if !goes_on || tie.missing() == 0 || stale_rounds == STALE_TIE_ROUNDS {
                break;
            }
        }
        let listed: u64 = tie.seen.values().map(|times| u64::from(*times)).sum();
        attempt.missing_ties += tie.counted.saturating_sub(listed);
        Ok(())
    }

    /// One round; false if another is of no use.
    async fn read_tie_round(&self, tie: &mut Tie, round: u32, attempt: &mut WalkAttempt) -> Result<bool> {
        let (mut offset, mut stale_pages) = (0, 0);
        let mut first_page_alone = true;
        let mut asked_again = false;
        loop {
            let desc = round % 2 == 1 && tie.counted_beyond.is_none();
            let page = self.lister.page(tie.after, tie.before, offset, desc).await?;
            if tie.before == tie.m && offset == 0 && !page.holds(tie.m) {
                tie.before = tie.m + 1;
                continue;
            }
            let (items, is_full) = (page.items(), page.items() >= page.capacity());
            let is_beyond = page.latest_ms().is_some_and(|ms| ms > tie.before);
            if is_beyond && tie.counted_beyond.is_none() {
                self.note_before_ignored();
                tie.counted_beyond = Some(self.counted_beyond(tie.before).await?);
                // Once more: a run that came beyond between two counts would make up for one that was skipped.
                let again = self.lister.page(tie.after, tie.before, 0, false).await?;
                tie.counted = tie.within(again.total);
            }
            tie.counted = tie.counted.max(tie.within(page.total));
            let (new, has_more) = tie.note(&page);
            stale_pages = if new > 0 { 0 } else { stale_pages + 1 };
            // An order that changes from page to page brings nothing new for a while too, but not from the start.
            first_page_alone &= offset == 0 || new == 0;
            if has_more {
                self.receive(attempt, page);
            } else {
                // Rounds are many: pages of no use would fill the memory.
                (self.on_page)(&page);
            }
            if is_beyond {
                return Ok(true);
            }
            if round == 0 && first_page_alone && stale_pages == STALE_TIE_PAGES {
                return Ok(false);
            }
            if stale_pages == MOST_STALE_TIE_PAGES {
                return Ok(true);
            }
            // An order may also change in step with the offsets: hence both, the overlap and the repetition.
            asked_again = round >= 2 && !asked_again;
            offset += match round {
                0 | 1 => items,
                _ if asked_again => 0,
                _ => items.div_ceil(2),
            };
            // Where the count is too low, full pages say that there is more.
            if items == 0 || (offset >= tie.counted && (!is_full || stale_pages >= STALE_TIE_PAGES)) {
                return Ok(true);
            }
        }
    }
}
