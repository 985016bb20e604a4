//! Reads one window, and shows that it holds what the API counts. Walks by key (the last run's start), never by offset
//! through time: offsets skip runs when an earlier one is deleted meanwhile. It knows nothing of other windows but that a
//! cut gives the right part back to the plan.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::lister::Lister;
use super::page_size::PageSize;
use super::plan::{Plan, Window};
use super::tally::{Received, Tally};
use super::window::{WalkedWindow, name, walked};
use crate::api::ask::RequestError;
use crate::api::page::Page;
use crate::error::{Error, Result};
use crate::period::Millis;

/// How often a window is walked before what it holds is judged as it is.
const WALKS: u32 = 3;

/// What has been learned of how this server reads its parameters.
#[derive(Debug, Default)]
pub struct ServerTraits {
    /// `startedAfter` leaves out the runs of that very millisecond.
    exclusive: AtomicBool,
    /// `startedBefore` has no effect.
    before_ignored: AtomicBool,
}

/// What one walk through a window has received.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) pages: Vec<Received>,
    /// The API's count of the window, a millisecond wider at both ends.
    counted: Option<u64>,
    /// Runs of overfull milliseconds that were counted and not received.
    pub(super) missing_ties: u64,
    /// Why the walk could not go on.
    failure: Option<&'static str>,
    /// Its one page is the whole list, also beyond the window if the server ignores bounds.
    whole: bool,
}

impl Reading {
    /// What counts towards the window: all of a list that came whole, else what its count includes.
    fn tally(&self, window: &Window) -> Tally {
        let (from, until) = if self.whole {
            (Millis::MIN, Millis::MAX)
        } else {
            (window.from - 1, window.to)
        };
        Tally::of(&self.pages, from, until)
    }
}

/// Walks windows of one period.
pub struct Walker {
    /// Where pages come from.
    pub lister: Lister,
    /// What is left to be read.
    pub plan: Mutex<Plan>,
    /// What has been learned of the server.
    pub traits: ServerTraits,
    /// Told that the plan has got more windows.
    pub plan_grew: Notify,
    /// Told of each page's items.
    pub on_items: Box<dyn Fn(u64) + Send + Sync>,
    /// How large pages are in memory.
    pub page_size: PageSize,
}

impl Walker {
    /// Reads a window, from the page in hand if there is one, until it holds what the API counts; after three walks it is
    /// judged as it is.
    pub async fn walk(&self, mut window: Window, mut hand: Option<Page>) -> Result<WalkedWindow> {
        let mut why = "";
        for walk in 1..=WALKS {
            let reading = self.read(&mut window, hand.take(), walk == 1).await?;
            let tally = reading.tally(&window);
            let counted = reading.counted.unwrap_or_else(|| tally.distinct());
            if reading.failure.is_none() && (tally.distinct()..=tally.received).contains(&counted) {
                return Ok(walked(&window, reading, tally, counted, None));
            }
            why = reading.failure.unwrap_or(why);
            if walk == WALKS {
                return self.judge(&window, reading, tally, counted, why).await;
            }
        }
        unreachable!("the last walk is judged")
    }

    /// A window of which no walk held what was counted before it: one more count tells whether runs went or came meanwhile.
    async fn judge(
        &self,
        window: &Window,
        reading: Reading,
        tally: Tally,
        counted: u64,
        why: &str,
    ) -> Result<WalkedWindow> {
        let again = self.count(window.from - 1, window.to).await?;
        let received = tally.distinct();
        let name = name(window);
        if reading.failure.is_none() && received >= again {
            let note = format!(
                "{name}: runs were deleted, or came, while it was read: the API counted {counted}, then {again}; {received} were received"
            );
            return Ok(WalkedWindow {
                changed_meanwhile: true,
                ..walked(window, reading, tally, again, Some(note))
            });
        }
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        };
        let problem =
            format!("{name}: the API counts {again} runs, and {received} were received in {WALKS} walks{why}");
        if !self.lister.allow_incomplete {
            return Err(Error::Untrusted(problem));
        }
        Ok(WalkedWindow {
            proven: false,
            ..walked(window, reading, tally, again.max(counted), Some(problem))
        })
    }

    /// How many runs the API counts in `[after, before]`.
    pub async fn count(&self, after: Millis, before: Millis) -> Result<u64> {
        let page = self.lister.page(after, before, 0, false).await?;
        let whole = page.is_last();
        if !whole && page.started_at_ms().iter().any(|start| *start > before) {
            self.traits.before_ignored.store(true, Ordering::Relaxed);
        }
        let beyond = if whole { 0 } else { self.counted_beyond(before).await? };
        Ok(page.total.saturating_sub(beyond))
    }

    /// Runs after an instant that a count up to it includes all the same, because `startedBefore` is ignored.
    pub async fn counted_beyond(&self, before: Millis) -> Result<u64> {
        if !self.traits.before_ignored.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let after = if self.exclusive() { before } else { before + 1 };
        Ok(self
            .lister
            .page(after, self.lister.period.1.max(before + 1), 0, false)
            .await?
            .total)
    }

    /// One walk.
    async fn read(&self, window: &mut Window, hand: Option<Page>, first_walk: bool) -> Result<Reading> {
        let mut reading = Reading::default();
        let mut lo = window.from - 1;
        let mut page = match hand {
            Some(page) => page,
            None => self.narrowed_page(window, lo, &mut reading).await?,
        };
        reading.counted = Some(page.total);
        if page.is_last() {
            // All that matches is here, so it serves whatever its order and range.
            reading.whole = true;
            self.receive(&mut reading, page);
            return Ok(reading);
        }
        if first_walk {
            self.plan().learned(window, page.total);
        }
        loop {
            if let Some(failure) = disorder(&page, lo) {
                reading.failure = Some(failure);
                return Ok(reading);
            }
            let (last, latest, remaining) = (
                page.is_last(),
                page.latest_ms(),
                page.total.saturating_sub(page.items()),
            );
            let full = page.items() >= page.capacity();
            self.receive(&mut reading, page);
            if latest.is_some_and(|ms| ms > window.to) {
                self.note_before_ignored();
                break;
            }
            if last {
                break;
            }
            let Some(m) = latest else {
                reading.failure = Some("a page holds no run that can be placed in time");
                return Ok(reading);
            };
            // A run of the very millisecond that was asked for came back: whatever is believed, here the bound is inclusive.
            let exclusive = i64::from(self.exclusive() && m > lo);
            let mut next = m - exclusive;
            if next <= lo {
                self.read_tie(m, m - exclusive, &mut reading).await?;
                next = m + 1 - exclusive;
            }
            if next > window.to {
                break;
            }
            if first_walk && full && !self.traits.before_ignored.load(Ordering::Relaxed) {
                self.cut_if_too_full(window, &mut reading, m, remaining);
            }
            (page, lo) = self.next_page(window, next, m, &mut reading).await?;
            if reading.counted.is_none() {
                let covered_from = lo + i64::from(self.exclusive());
                let before = reading.tally(window).distinct_before(covered_from) + reading.missing_ties;
                reading.counted = Some(before + page.total);
            }
        }
        let beyond = self.counted_beyond(window.to).await?;
        reading.counted = reading.counted.map(|counted| counted.saturating_sub(beyond));
        Ok(reading)
    }

    /// The page from `next` on, and where it was asked from; settles whether bounds are inclusive by whether the runs of
    /// `m`, the last millisecond read, come back.
    async fn next_page(
        &self,
        window: &mut Window,
        next: Millis,
        m: Millis,
        reading: &mut Reading,
    ) -> Result<(Page, Millis)> {
        let exclusive = self.exclusive();
        let page = self.narrowed_page(window, next, reading).await?;
        let came_back = page.holds(next);
        if !exclusive && next == m && !came_back {
            self.traits.exclusive.store(true, Ordering::Relaxed);
            return Ok((self.narrowed_page(window, m - 1, reading).await?, m - 1));
        }
        if exclusive && came_back {
            self.traits.exclusive.store(false, Ordering::Relaxed);
        }
        Ok((page, next))
    }

    /// Asks for a window's runs from `after` on; halves the window for as long as the server finds that too heavy.
    async fn narrowed_page(&self, window: &mut Window, after: Millis, reading: &mut Reading) -> Result<Page> {
        loop {
            match self.lister.first_page(after, window.to).await {
                Ok(page) => return Ok(page),
                Err(RequestError::Failed(error)) => return Err(error),
                Err(RequestError::TooHeavy) => {
                    let middle = after + (window.to - after) / 2 + 1;
                    self.give_back(window, middle, None);
                    reading.counted = None;
                }
            }
        }
    }

    /// Cuts a window that holds too many pages: the left part keeps what has been read and is counted anew with its next
    /// page.
    fn cut_if_too_full(&self, window: &mut Window, reading: &mut Reading, m: Millis, remaining: u64) {
        let (aim, max) = {
            let plan = self.plan();
            (plan.aim_pages(), plan.max_pages())
        };
        // Pages of large runs have fewer.
        let items = reading.pages.iter().map(|page| page.page.capacity()).min().unwrap_or(1);
        let read: u64 = reading.pages.iter().map(|page| page.page.items()).sum();
        if read + remaining <= max * items {
            return;
        }
        let wanted = (aim * items).saturating_sub(read).max(items);
        if let Some(cut) = Plan::cut(m, window.to, remaining, wanted) {
            self.give_back(window, cut, Some(remaining.saturating_sub(wanted)));
            reading.counted = None;
        }
    }

    fn give_back(&self, window: &mut Window, cut: Millis, count: Option<u64>) {
        self.plan().give_back(cut, window.to, count);
        window.to = cut;
        self.plan_grew.notify_one();
    }

    /// Adds a page to what a walk has received.
    pub(super) fn receive(&self, reading: &mut Reading, page: Page) {
        (self.on_items)(page.items());
        self.page_size.note(&page);
        let reread_until = reading
            .pages
            .iter()
            .filter_map(|page| page.page.latest_ms())
            .max()
            .unwrap_or(Millis::MIN);
        reading.pages.push(Received { page, reread_until });
    }

    /// The server turned out to ignore `startedBefore`.
    pub(super) fn note_before_ignored(&self) {
        if !self.traits.before_ignored.swap(true, Ordering::Relaxed) {
            let (from, to) = self.lister.period;
            self.plan().spread_evenly(to - from);
        }
    }

    fn exclusive(&self) -> bool {
        self.traits.exclusive.load(Ordering::Relaxed)
    }

    /// What is left to be read.
    pub fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a page can't be the one that was asked for: the order or `startedAfter` is ignored.
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
