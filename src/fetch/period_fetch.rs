//! Reads a whole period: windows side by side, handed on in time order, within a bound on what is held. What one window
//! holds is `walk`'s; what becomes of its runs is the receiver's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::lister::Lister;
use super::page_size::PageSize;
use super::plan::{MAX_HELD_PAGES, MAX_WINDOW_PAGES, Plan, PlanOptions, Window};
use super::server_traits::ServerTraits;
use super::sum::{FetchResult, PeriodSum};
use super::walk::Walker;
use super::window::WalkedWindow;
use crate::api::page::{MAX_PAGE_ITEMS, Page};
use crate::error::{Error, Result};
use crate::period::{Millis, format_instant};

/// With more windows at once, not even a page of each could be held.
pub const MAX_CONCURRENCY: usize = (MAX_HELD_PAGES - 2 * MAX_WINDOW_PAGES) as usize;

pub struct PeriodFetch {
    walker: Arc<Walker>,
    concurrency: usize,
    /// Windows at once for which the plan has cut them.
    planned: usize,
    first: Option<Page>,
    pages_downstream: Arc<AtomicU64>,
}

/// By a period's first page; windows and requests are about so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub runs: u64,
    pub windows: u64,
    pub requests: u64,
}

/// Windows by their start: none while it is read; else it waits until all before it have been sent on.
type Slots = BTreeMap<Millis, Option<WalkedWindow>>;

impl PeriodFetch {
    /// Prepares to read the lister's period, from its first page if the server could give one.
    pub fn new(
        lister: Lister,
        first: Option<Page>,
        concurrency: usize,
        on_page: Box<dyn Fn(&Page) + Send + Sync>,
    ) -> PeriodFetch {
        let concurrency = concurrency.clamp(1, MAX_CONCURRENCY);
        let (from, to) = lister.period;
        let page_size = PageSize::new(lister.api.side_by_side());
        first.iter().for_each(|page| page_size.observe(page));
        let planned = lister.api.useful_in_flight().min(concurrency);
        let options = PlanOptions {
            total: first.as_ref().map(|page| page.total),
            page_items: first.as_ref().map_or(MAX_PAGE_ITEMS, Page::capacity),
            concurrency: planned,
            max_held_pages: page_size.max_held_pages(planned),
        };
        let walker = Walker {
            lister,
            plan: Mutex::new(Plan::new(from, to, options)),
            page_size,
            traits: ServerTraits::default(),
            plan_grew: Notify::new(),
            on_page,
        };
        PeriodFetch {
            walker: Arc::new(walker),
            concurrency,
            planned,
            first,
            pages_downstream: Arc::default(),
        }
    }

    /// Reads ahead less while the receiver holds so many pages, beside the one window in the channel to it.
    pub fn with_backpressure(mut self, pages_downstream: Arc<AtomicU64>) -> PeriodFetch {
        self.pages_downstream = pages_downstream;
        self
    }

    /// Known only with a first page. Sends one request for what its count has too much: it includes a millisecond beyond the
    /// period at either end.
    pub async fn estimate(&self) -> Result<Option<Estimate>> {
        let Some(page) = &self.first else {
            return Ok(None);
        };
        let (from, to) = self.walker.lister.period;
        let starts = page.started_at_ms();
        let runs = if page.is_last() {
            starts.iter().filter(|start| (from..to).contains(*start)).count() as u64
        } else {
            let before = starts.iter().filter(|start| **start < from).count() as u64;
            let after = self.walker.lister.page(to, to, 0, false).await?.total;
            page.total.saturating_sub(before + after)
        };
        let pages = page.total.div_ceil(page.capacity()).max(1);
        let windows = if page.is_last() {
            1
        } else {
            pages.div_ceil(self.walker.plan().aim_pages())
        };
        Ok(Some(Estimate {
            runs,
            windows,
            requests: pages + windows - 1,
        }))
    }

    /// Reads the period, and sends each window on in time order.
    ///
    /// Pages are held in three places: in `slots`, by windows that are read or wait for an earlier one; in `outbox`, by the
    /// next one to be sent; in the channel and behind it, as `pages_downstream` tells.
    pub async fn run(mut self, out: mpsc::Sender<WalkedWindow>) -> Result<FetchResult> {
        let first = self.first.as_ref().filter(|page| !page.is_last());
        let first_total = first.map(|page| page.total);
        let mut hand = self.first.take();
        let (from, _) = self.walker.lister.period;
        let mut walks: JoinSet<Result<WalkedWindow>> = JoinSet::new();
        let mut slots = Slots::new();
        let mut outbox: Option<WalkedWindow> = None;
        let mut released_until = from;
        let mut sum = PeriodSum::default();
        loop {
            let at_once = self.at_once();
            while walks.len() < at_once
                && let Some(window) = self.next_window(&slots, &outbox, released_until, hand.is_some())
            {
                slots.insert(window.from, None);
                let (walker, hand) = (self.walker.clone(), hand.take());
                walks.spawn(async move { walker.walk(window, hand).await });
            }
            if outbox.is_none()
                && let Some(mut first) = slots.first_entry()
                && *first.key() == released_until
                && let Some(window) = first.get_mut().take()
            {
                first.remove();
                released_until = window.to;
                sum.add(&window);
                outbox = Some(window);
            }
            if walks.is_empty() && outbox.is_none() {
                break;
            }
            self.walker.plan().note_idle(at_once.saturating_sub(walks.len()));
            tokio::select! {
                // So that what is ready at once goes in the same order each time. None of them starves another: the walks are tasks of
                // their own, a hand-over takes a window that has been read, of which there are few, and every turn of the loop looks
                // for new windows, which is all that `plan_grew` asks for.
                biased;
                permit = out.reserve(), if outbox.is_some() => match (permit, outbox.take()) {
                    (Ok(permit), Some(window)) => permit.send(window),
                    _ => return Err(Error::Other(anyhow::anyhow!("the writer has stopped"))),
                },
                Some(walk) = walks.join_next(), if !walks.is_empty() => {
                    let window = walk.map_err(|error| anyhow::anyhow!("a walk failed: {error}"))??;
                    self.walker.plan().finished(window.from);
                    slots.insert(window.from, Some(window));
                }
                () = self.walker.plan_grew.notified() => {}
            }
        }
        self.check_whole(first_total, sum).await
    }

    /// Windows that are read side by side: on a short way to the server, fewer give as much.
    fn at_once(&self) -> usize {
        self.walker.lister.api.useful_in_flight().min(self.concurrency)
    }

    /// The next window, unless too many pages would be held; the one that all others wait for is always taken.
    fn next_window(
        &self,
        slots: &Slots,
        outbox: &Option<WalkedWindow>,
        released_until: Millis,
        whole: bool,
    ) -> Option<Window> {
        let mut plan = self.walker.plan();
        if whole {
            return plan.whole();
        }
        let pages = |window: &WalkedWindow| window.pages.len() as u64;
        let complete: u64 = slots.values().flatten().map(pages).sum();
        let waiting = outbox.as_ref().map_or(0, pages);
        let beyond = self.pages_downstream.load(Ordering::Relaxed);
        // `max_pages` for the window in the channel, which is not seen from here.
        let held = plan.reading_pages() + complete + waiting + plan.max_pages() + beyond;
        let urgent = plan.earliest() == Some(released_until) && outbox.is_none();
        let at_once = self.at_once().max(self.planned);
        let fits = held + plan.next_pages() <= self.walker.page_size.max_held_pages(at_once);
        if urgent || fits { plan.next_window() } else { None }
    }

    /// The windows together must hold what the first request counted: this finds runs that the server counts and lists
    /// in no window.
    async fn check_whole(&self, first_total: Option<u64>, mut sum: PeriodSum) -> Result<FetchResult> {
        let Some(first_total) = first_total else {
            return Ok(sum.finish());
        };
        let (from, to) = self.walker.lister.period;
        if self.walker.traits.ignores_before() {
            // Here, and not where the window was read: that was perhaps before it turned out.
            sum.outside_last -= std::mem::take(&mut sum.beyond_last);
        }
        let received = sum.received();
        let as_listed = received + sum.listed_twice;
        let first_total = first_total.saturating_sub(self.walker.counted_beyond(to).await?);
        if (received..=as_listed).contains(&first_total) || !sum.proof.proven {
            return Ok(sum.finish());
        }
        let again = self.walker.count(from - 1, to).await?;
        sum.proof.note(format!(
            "the whole period: the API counted {first_total} runs at first and {again} at the end; {received} were received"
        ));
        if again > as_listed {
            self.explain_missing(&mut sum, again, again - as_listed).await?;
        } else {
            sum.changed_meanwhile = true;
        }
        Ok(sum.finish())
    }

    /// The API counts more in the whole period than its windows held. Either runs came into windows that had been read,
    /// as when their status changed to one of the filter: then windows count more now. Or they are listed nowhere.
    async fn explain_missing(&self, sum: &mut PeriodSum, again: u64, missing: u64) -> Result<()> {
        let (mut late, mut before) = (0, 0);
        for window in &sum.windows {
            let counted = self.walker.count(window.from - 1, window.to).await?;
            let came = counted.saturating_sub(window.received);
            if came > 0 {
                let (from, to) = (format_instant(window.from), format_instant(window.to));
                sum.proof
                    .note(format!("{from} to {to}: {came} added after it was read"));
            }
            // Neighbours overlap by a millisecond: what came to both may be the same runs.
            late += came.saturating_sub(before);
            before = came;
        }
        if late >= missing {
            sum.changed_meanwhile = true;
            return Ok(());
        }
        let received = sum.received();
        let problem = format!(
            "the whole period: the API counts {again} runs, but {received} were received in its windows, although each \
             window received as many as the API counts for it"
        );
        if !self.walker.lister.allow_incomplete {
            return Err(Error::Untrusted(problem));
        }
        sum.proof.proven = false;
        let inside = again.saturating_sub(sum.outside_first + sum.outside_last);
        sum.proof.counted = sum.proof.counted.max(inside);
        sum.proof.note(problem);
        Ok(())
    }
}
