//! One millisecond with more runs than a page: read by offset, since no key tells its runs apart in order.

use std::collections::HashSet;

use super::walk::{Reading, Walker};
use crate::error::Result;
use crate::period::Millis;

/// How often one overfull millisecond is read at most, alternately up and down.
const TIE_ROUNDS: u32 = 32;
/// After how many rounds in a row that brought nothing new it is left at that.
const STALE_TIE_ROUNDS: u32 = 4;
/// After how many pages that brought nothing new beyond the very first one it is taken that `offset` is ignored.
const STALE_TIE_PAGES: u32 = 3;

/// After how many in any round it is left at that, whatever the count says.
const MOST_STALE_TIE_PAGES: u32 = 64;

/// An overfull millisecond while it is read.
struct Tie {
    m: Millis,
    /// What it is asked for with.
    after: Millis,
    before: Millis,
    /// The most that it ever counted: runs that are deleted meanwhile must not make up for ones that are skipped.
    counted: u64,
    /// ID and start of what was received.
    seen: HashSet<(String, Millis)>,
}

impl Tie {
    fn missing(&self) -> u64 {
        self.counted.saturating_sub(self.seen.len() as u64)
    }
}

impl Walker {
    /// Reads a millisecond that holds more than a page, by offset, up and down, until as many runs as it counts are there;
    /// the order of ties is nowhere promised. `after` is known to include its runs; whether `startedBefore` does turns out.
    pub(super) async fn read_tie(&self, m: Millis, after: Millis, reading: &mut Reading) -> Result<()> {
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
            let goes_on = self.read_tie_round(&mut tie, round, reading).await?;
            stale_rounds = if tie.seen.len() > seen_before {
                0
            } else {
                stale_rounds + 1
            };
            if !goes_on || tie.missing() == 0 || stale_rounds == STALE_TIE_ROUNDS {
                break;
            }
        }
        reading.missing_ties += tie.missing();
        Ok(())
    }

    /// Reads it once by offset, up or down; false if it is no use to do so again.
    async fn read_tie_round(&self, tie: &mut Tie, round: u32, reading: &mut Reading) -> Result<bool> {
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
            let new = page
                .identities()
                .map(|run| tie.seen.insert(run))
                .filter(|new| *new)
                .count();
            stale_pages = if new > 0 { 0 } else { stale_pages + 1 };
            // An order that changes from page to page brings nothing new for a while too, but not from the start.
            first_page_alone &= offset == 0 || new == 0;
            self.receive(reading, page);
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
            // From the third round on, pages overlap by half and each is asked for twice, should the order change from one to
            // the next, in step with the offsets perhaps.
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
