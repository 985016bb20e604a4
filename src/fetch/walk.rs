//! Reads one window, and shows that it holds what the API counts. Walks by key (the last run's start), never by offset
//! through time: offsets skip runs when an earlier one is deleted meanwhile. It knows nothing of other windows but that a
//! cut gives the right part back to the plan.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::lister::Lister;
use super::page_size::PageSize;
use super::plan::{Plan, Window};
use super::server_traits::ServerTraits;
use super::tally::Tally;
use super::window::{WalkAttempt, WalkedWindow};
use crate::api::ask::RequestError;
use crate::api::page::Page;
use crate::error::{Error, Result};
use crate::period::Millis;

/// Walks of a window before what the last one holds is judged as it is.
const WALKS: u32 = 3;

pub struct Walker {
    pub lister: Lister,
    pub plan: Mutex<Plan>,
    pub traits: ServerTraits,
    /// Notified when the plan has got more windows.
    pub plan_grew: Notify,
    /// Called with each page that is received.
    pub on_page: Box<dyn Fn(&Page) + Send + Sync>,
    pub page_size: PageSize,
}

impl Walker {
    /// Reads a window, from the page in hand if there is one, until it holds what the API counts.
    pub async fn walk(&self, mut window: Window, mut hand: Option<Page>) -> Result<WalkedWindow> {
        let mut why = None;
        for walk in 1..=WALKS {
            let attempt = self.read(&mut window, hand.take(), walk == 1).await?;
            let tally = attempt.tally(&window);
            let counted = attempt.counted.unwrap_or_else(|| tally.distinct());
            if attempt.failure.is_none() && (tally.distinct()..=tally.received()).contains(&counted) {
                return Ok(attempt.finish(&window, tally, counted, None));
            }
            why = attempt.failure.or(why);
            if walk == WALKS {
                return self.judge(&window, attempt, tally, counted, why).await;
            }
        }
        unreachable!("the last walk is judged")
    }

    /// No walk held what was counted before it: one more count tells whether runs went or came meanwhile.
    async fn judge(
        &self,
        window: &Window,
        attempt: WalkAttempt,
        tally: Tally,
        counted: u64,
        why: Option<&str>,
    ) -> Result<WalkedWindow> {
        let again = self.count(window.from - 1, window.to).await?;
        let received = tally.distinct();
        let name = window.name();
        if attempt.failure.is_none() && received >= again {
            let note = format!(
                "{name}: runs were deleted or added while it was read: the API counted {counted}, then {again}; {received} were received"
            );
            return Ok(WalkedWindow {
                changed_meanwhile: true,
                ..attempt.finish(window, tally, again, Some(note))
            });
        }
        let why = why.map_or(String::new(), |why| format!(" ({why})"));
        let problem =
            format!("{name}: the API counts {again} runs, but {received} were received in {WALKS} attempts{why}");
        if !self.lister.allow_incomplete {
            return Err(Error::Untrusted(problem));
        }
        Ok(WalkedWindow {
            proven: false,
            ..attempt.finish(window, tally, again.max(counted), Some(problem))
        })
    }

    /// How many runs the API counts in `[after, before]`.
    pub async fn count(&self, after: Millis, before: Millis) -> Result<u64> {
        let page = self.lister.page(after, before, 0, false).await?;
        let whole = page.is_last();
        if !whole && page.started_at_ms().iter().any(|start| *start > before) {
            self.traits.set_ignores_before();
        }
        let beyond = if whole { 0 } else { self.counted_beyond(before).await? };
        Ok(page.total.saturating_sub(beyond))
    }

    /// Runs after an instant that a count up to it includes, where `startedBefore` is ignored.
    pub async fn counted_beyond(&self, before: Millis) -> Result<u64> {
        if !self.traits.ignores_before() {
            return Ok(0);
        }
        let until = self.lister.period.1.max(before + 1);
        // Whether bounds are exclusive may not have turned out yet: without a run of that instant, it makes no difference.
        let page = self.lister.page(before, until, 0, false).await?;
        if !page.holds(before) {
            return Ok(page.total);
        }
        Ok(self.lister.page(before + 1, until, 0, false).await?.total)
    }

    /// One walk. Before each turn of the loop, `attempt` holds every run alive throughout that started before `lo`, and
    /// `page` is the list from there on; `lo` rises by at least a millisecond a turn.
    async fn read(&self, window: &mut Window, hand: Option<Page>, first_walk: bool) -> Result<WalkAttempt> {
        let mut attempt = WalkAttempt::default();
        let mut lo = window.from - 1;
        let mut page = match hand {
            Some(page) => page,
            None => self.narrowed_page(window, lo, &mut attempt).await?,
        };
        attempt.counted = Some(page.total);
        if page.is_last() {
            // All that matches is here, so it serves whatever its order and range.
            attempt.whole = true;
            self.receive(&mut attempt, page);
            return Ok(attempt);
        }
        if first_walk {
            self.plan().learned(window, page.total);
        }
        loop {
            attempt.failure = disorder(&page, lo);
            if attempt.failure.is_some() {
                return Ok(attempt);
            }
            let (is_last, is_full, latest) = (page.is_last(), page.items() >= page.capacity(), page.latest_ms());
            let remaining = page.total.saturating_sub(page.items());
            self.receive(&mut attempt, page);
            if latest.is_some_and(|ms| ms > window.to) {
                self.note_before_ignored();
                break;
            }
            if is_last {
                break;
            }
            let Some(m) = latest else {
                attempt.failure = Some("a page has no run with a valid start time");
                return Ok(attempt);
            };
            let next = self.next_start(lo, m, &mut attempt).await?;
            if next > window.to {
                break;
            }
            if first_walk && is_full {
                self.cut_if_wanted(window, &mut attempt, m, self.expected_within(window, m, remaining));
            }
            (page, lo) = self.next_page(window, next, m, &mut attempt).await?;
            if attempt.counted.is_none() {
                let covered_from = lo + i64::from(self.traits.is_exclusive());
                let before = attempt.tally(window).received_before(covered_from) + attempt.missing_ties;
                attempt.counted = Some(before + page.total);
            }
        }
        let beyond = self.counted_beyond(window.to).await?;
        attempt.counted = attempt.counted.map(|counted| counted.saturating_sub(beyond));
        Ok(attempt)
    }

    /// Where the walk goes on behind a page from `lo` whose latest run started at `m`: there, so that no other run of `m` is
    /// lost; where that is no progress, behind `m`, which is read by offset.
    async fn next_start(&self, lo: Millis, m: Millis, attempt: &mut WalkAttempt) -> Result<Millis> {
        // A run of the very millisecond that was asked for came back: whatever is believed, here the bound is inclusive.
        let next = m - i64::from(self.traits.is_exclusive() && m > lo);
        if next > lo {
            return Ok(next);
        }
        self.read_tie(m, next, attempt).await?;
        Ok(next + 1)
    }

    /// The page from `next` on, and where it was asked from. Whether the runs of `m`, the last millisecond read, come
    /// back settles whether bounds are inclusive.
    async fn next_page(
        &self,
        window: &mut Window,
        next: Millis,
        m: Millis,
        attempt: &mut WalkAttempt,
    ) -> Result<(Page, Millis)> {
        let exclusive = self.traits.is_exclusive();
        let page = self.narrowed_page(window, next, attempt).await?;
        let came_back = page.holds(next);
        if !exclusive && next == m && !came_back {
            self.traits.set_exclusive(true);
            return Ok((self.narrowed_page(window, m - 1, attempt).await?, m - 1));
        }
        if exclusive && came_back {
            self.traits.set_exclusive(false);
        }
        Ok((page, next))
    }

    /// The page from `after` on; halves the window for as long as the server finds that too heavy.
    async fn narrowed_page(&self, window: &mut Window, after: Millis, attempt: &mut WalkAttempt) -> Result<Page> {
        loop {
            match self.lister.first_page(after, window.to).await {
                Err(RequestError::TooHeavy) => {
                    let middle = after + (window.to - after) / 2 + 1;
                    self.give_back(window, middle, None);
                    attempt.counted = None;
                }
                Err(RequestError::Failed(error)) => return Err(error),
                Ok(page) => return Ok(page),
            }
        }
    }

    /// How many of the runs that are still to come behind `m` the window holds. Where `startedBefore` is ignored, they are counted to the
    /// end of the list: density is taken as even.
    fn expected_within(&self, window: &Window, m: Millis, remaining: u64) -> u64 {
        if !self.traits.ignores_before() {
            return remaining;
        }
        let end = self.lister.period.1.max(window.to);
        let share = i128::from(remaining) * i128::from(window.to - m) / i128::from((end - m).max(1));
        u64::try_from(share).unwrap_or(remaining)
    }

    /// Cuts a window that holds too many pages, or of which another slot can read a part: the left part keeps what has been
    /// read and is counted anew with its next page.
    fn cut_if_wanted(&self, window: &mut Window, attempt: &mut WalkAttempt, m: Millis, remaining: u64) {
        // Pages of large runs have fewer.
        let items = attempt.pages.iter().map(|page| page.capacity()).min().unwrap_or(1);
        let read: u64 = attempt.pages.iter().map(|page| page.items()).sum();
        let pages = attempt.pages.len() as u64;
        let mut plan = self.plan();
        plan.progressed(window.from, pages, remaining);
        let wanted = if read + remaining > plan.max_pages() * items {
            (plan.aim_pages() * items).saturating_sub(read).max(items)
        } else if plan.is_to_share(remaining) {
            remaining.div_ceil(2)
        } else {
            return;
        };
        drop(plan);
        if let Some(cut) = Plan::cut(m, window.to, remaining, wanted) {
            self.give_back(window, cut, Some(remaining.saturating_sub(wanted)));
            self.plan().progressed(window.from, pages, wanted);
            attempt.counted = None;
        }
    }

    fn give_back(&self, window: &mut Window, cut: Millis, count: Option<u64>) {
        self.plan().give_back(cut, window.to, count);
        window.to = cut;
        self.plan_grew.notify_one();
    }

    pub(super) fn receive(&self, attempt: &mut WalkAttempt, page: Page) {
        (self.on_page)(&page);
        self.page_size.observe(&page);
        attempt.receive(page);
    }

    pub(super) fn note_before_ignored(&self) {
        if !self.traits.set_ignores_before() {
            let (from, to) = self.lister.period;
            self.plan().spread_evenly(to - from);
        }
    }

    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A page that can't be the one that was asked for: the order or `startedAfter` is ignored.
fn disorder(page: &Page, lo: Millis) -> Option<&'static str> {
    let starts = page.started_at_ms();
    if !starts.is_sorted() {
        Some("a page is not in ascending order of startedAt")
    } else if starts.first().is_some_and(|first| *first < lo) {
        Some("a page begins before startedAfter")
    } else {
        None
    }
}
