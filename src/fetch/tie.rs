//! One millisecond with more runs than a page: read by offset, since no key tells its runs apart in order.
//!
//! The order of its runs is promised nowhere, so it is read in rounds until as many distinct runs are there as it counts:
//!
//! | round | order | offsets |
//! |---|---|---|
//! | 0 | ascending | page after page; three pages in a row like the first one: `offset` is ignored, no round helps |
//! | 1 | descending | page after page: its begin is what ascending pages reach last |
//! | from 2 on | alternately | half a page on, and each page twice, should the order change from one to the next |

use std::collections::HashSet;

use super::walk::Walker;
use super::window::WalkAttempt;
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
    seen: HashSet<(String, Millis)>,
}

impl Tie {
    fn missing(&self) -> u64 {
        self.counted.saturating_sub(self.seen.len() as u64)
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
            seen: HashSet::new(),
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
        attempt.missing_ties += tie.missing();
        Ok(())
    }

    /// One round; false if another is of no use.
    async fn read_tie_round(&self, tie: &mut Tie, round: u32, attempt: &mut WalkAttempt) -> Result<bool> {
        let (mut offset, mut stale_pages) = (0, 0);
        let mut first_page_alone = true;
        let mut asked_again = false;
        loop {
            let page = self.lister.page(tie.after, tie.before, offset, round % 2 == 1).await?;
            if tie.before == tie.m && offset == 0 && !page.holds(tie.m) {
                tie.before = tie.m + 1;
                continue;
            }
            let (items, is_full) = (page.items(), page.items() >= page.capacity());
            let is_beyond = page.latest_ms().is_some_and(|ms| ms > tie.before);
            tie.counted = tie.counted.max(page.total);
            let new = page.identities().filter(|run| tie.seen.insert(run.clone())).count();
            stale_pages = if new > 0 { 0 } else { stale_pages + 1 };
            // An order that changes from page to page brings nothing new for a while too, but not from the start.
            first_page_alone &= offset == 0 || new == 0;
            self.receive(attempt, page);
            if is_beyond {
                self.note_before_ignored();
                // It counts everything after it too, which says nothing of it.
                tie.counted = 0;
                return Ok(false);
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
