//! Which windows a period is read in. Pure: counts are passed in as they become known.
//!
//! Accounts burst on the hour, so windows are cut by count, not by clock. A window that turns out too full costs
//! nothing: it is cut where it stands and keeps the page in hand. One that turns out nearly empty costs its request; so
//! after such a one, the next are taken longer. Once there is no window left to begin with, those that are being read give
//! away parts of what they have left, so that no slot waits for the last one.

use std::collections::{BTreeMap, VecDeque};

use crate::period::{Millis, format_instant};

/// A window with more pages is cut.
pub const MAX_WINDOW_PAGES: u64 = 20;
/// Pages that all windows hold which are read or wait for their turn, beside the one being written.
pub const MAX_HELD_PAGES: u64 = 160;
/// The same in bytes, should runs carry large fields. An ordinary page takes some 400 kB.
pub const MAX_HELD_BYTES: u64 = 72 << 20;
/// Pages that a window aims at, so that most turn out within [`MAX_WINDOW_PAGES`].
const AIM_PAGES: u64 = 17;
/// How much longer than by density a window may be, after nearly empty ones.
const MAX_STRETCH: u64 = 256;

/// A part `[from, to)` of the period that is read in one walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub from: Millis,
    pub to: Millis,
    region: u64,
    expected: u64,
}

impl Window {
    pub fn name(&self) -> String {
        format!("window {} to {}", format_instant(self.from), format_instant(self.to))
    }
}

/// Time that no window covers yet.
#[derive(Debug)]
struct Region {
    id: u64,
    from: Millis,
    to: Millis,
    count: Option<u64>,
    stretch: u64,
}

#[derive(Debug, Clone, Copy)]
pub struct PlanOptions {
    pub total: Option<u64>,
    pub page_items: u64,
    pub concurrency: usize,
    /// Pages that all of them together may hold.
    pub max_held_pages: u64,
}

/// A window that is being read.
#[derive(Debug, Default)]
struct Reading {
    pages: u64,
    /// Runs that are still to come, once that is known.
    left: Option<u64>,
}

/// What is left of a period, in time order, and what is being read.
#[derive(Debug)]
pub struct Plan {
    regions: VecDeque<Region>,
    /// By their start.
    reading: BTreeMap<Millis, Reading>,
    /// Slots that could read and have no window.
    idle: usize,
    aim_pages: u64,
    page_items: u64,
    next_id: u64,
    total: Option<u64>,
}

impl Plan {
    pub fn new(from: Millis, to: Millis, options: PlanOptions) -> Plan {
        let page_items = options.page_items.max(1);
        let concurrency = options.concurrency.max(1) as u64;
        // Eight windows of 17, which may grow to 20, would take all 160 pages: two more must have room, which are done and wait
        // for an earlier one.
        let held = options.max_held_pages.saturating_sub(MAX_WINDOW_PAGES) / (concurrency + 2);
        let mut aim_pages = AIM_PAGES.min(held).max(1);
        let pages = options.total.unwrap_or(u64::MAX).div_ceil(page_items);
        aim_pages = aim_pages.min(pages.div_ceil(concurrency).max(1));
        let mut plan = Plan {
            regions: VecDeque::new(),
            reading: BTreeMap::new(),
            idle: 0,
            aim_pages,
            page_items,
            next_id: 0,
            total: options.total,
        };
        plan.give_back(from, to, options.total);
        plan
    }

    pub fn aim_pages(&self) -> u64 {
        self.aim_pages
    }

    pub fn max_pages(&self) -> u64 {
        (self.aim_pages + self.aim_pages / 4 + 1).min(MAX_WINDOW_PAGES)
    }

    /// Where the time that no window covers begins.
    pub fn earliest(&self) -> Option<Millis> {
        self.regions.front().map(|region| region.from)
    }

    /// Takes all that is left of the earliest region, for a page in hand that covers it.
    pub fn whole(&mut self) -> Option<Window> {
        let region = self.regions.pop_front()?;
        self.reading.insert(region.from, Reading::default());
        Some(Window {
            from: region.from,
            to: region.to,
            region: region.id,
            expected: 0,
        })
    }

    pub fn next_window(&mut self) -> Option<Window> {
        let aim = self.aim_pages * self.page_items;
        let fits = self.max_pages() * self.page_items;
        let region = self.regions.front_mut()?;
        let length = region.to - region.from;
        let part = match region.count {
            Some(count) if count > fits => part_of(length, aim.saturating_mul(region.stretch), count),
            _ => length,
        };
        let window = Window {
            from: region.from,
            to: region.from + part,
            region: region.id,
            expected: aim,
        };
        if part == length {
            self.regions.pop_front();
        } else {
            region.from = window.to;
            region.count = region.count.map(|count| count.saturating_sub(aim));
        }
        self.reading.insert(window.from, Reading::default());
        Some(window)
    }

    /// Pages that the next window is expected to have; one that is cut has no more than a page beyond what it was cut for.
    pub fn next_pages(&self) -> u64 {
        let count = self.regions.front().and_then(|region| region.count);
        count.map_or(self.max_pages(), |count| self.pages(count).min(self.max_pages()))
    }

    /// Pages that the windows have, or will have, that are being read.
    pub fn reading_pages(&self) -> u64 {
        let pages = |reading: &Reading| match reading.left {
            Some(left) => reading.pages + self.pages(left),
            None => self.max_pages(),
        };
        self.reading.values().map(pages).sum()
    }

    fn pages(&self, runs: u64) -> u64 {
        runs.div_ceil(self.page_items) + 1
    }

    /// Notes how far the window is that begins there: pages received, runs still to come.
    pub fn progressed(&mut self, from: Millis, pages: u64, left: u64) {
        let left = Some(left);
        self.reading.insert(from, Reading { pages, left });
    }

    /// The window that begins there has been read.
    pub fn finished(&mut self, from: Millis) {
        self.reading.remove(&from);
    }

    /// So many slots have nothing to read, unless windows are left.
    pub fn note_idle(&mut self, slots: usize) {
        self.idle = if self.regions.is_empty() { slots } else { 0 };
    }

    /// Whether a window with so many runs left is to give a part of them away: to a slot that has nothing to read, where more
    /// than a page is left, and no other window has twice as much.
    pub fn is_to_share(&mut self, left: u64) -> bool {
        let most = self.reading.values().filter_map(|reading| reading.left).max();
        let shares = self.idle > 0 && left > self.page_items && 2 * left >= most.unwrap_or(0);
        self.idle -= usize::from(shares);
        shares
    }

    /// Notes a window's count: what lies right of it is estimated anew.
    pub fn learned(&mut self, window: &Window, count: u64) {
        if let Some(region) = self.regions.iter_mut().find(|region| region.id == window.region) {
            region.count = region.count.map(|rest| (rest + window.expected).saturating_sub(count));
            let is_nearly_empty = count < window.expected / 4;
            let stretch = if is_nearly_empty {
                region.stretch * 2
            } else {
                region.stretch / 2
            };
            region.stretch = stretch.clamp(1, MAX_STRETCH);
        }
    }

    /// The right part of a window that was cut.
    pub fn give_back(&mut self, from: Millis, to: Millis, count: Option<u64>) {
        if from >= to {
            return;
        }
        let at = self.regions.partition_point(|region| region.from < from);
        let region = Region {
            id: self.next_id,
            from,
            to,
            count,
            stretch: 1,
        };
        self.regions.insert(at, region);
        self.next_id += 1;
    }

    /// Where to cut a window that is read up to `read_ms` and ends at `to`, with `remaining` runs expected in between,
    /// of which it takes `wanted`: after `read_ms`, before `to`.
    pub fn cut(read_ms: Millis, to: Millis, remaining: u64, wanted: u64) -> Option<Millis> {
        let length = to - read_ms - 1;
        (length > 1).then(|| read_ms + 1 + part_of(length, wanted, remaining).min(length - 1))
    }

    /// `startedBefore` is ignored by this server, so counts say nothing about windows: density is taken as even.
    pub fn spread_evenly(&mut self, period_length: Millis) {
        for region in &mut self.regions {
            let share = i128::from(self.total.unwrap_or(0)) * i128::from(region.to - region.from)
                / i128::from(period_length.max(1));
            region.count = Some(u64::try_from(share).unwrap_or(u64::MAX));
        }
    }
}

/// The part of a length that holds `wanted` of `count`, by even density: at least 1, at most all.
fn part_of(length: Millis, wanted: u64, count: u64) -> Millis {
    let part = i128::from(length) * i128::from(wanted) / i128::from(count.max(1));
    part.clamp(1, i128::from(length.max(1))) as Millis
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan_of(length: Millis, total: Option<u64>, concurrency: usize, max_held_pages: u64) -> Plan {
        let options = PlanOptions {
            total,
            page_items: 1000,
            concurrency,
            max_held_pages,
        };
        Plan::new(0, length, options)
    }

    #[test]
    fn an_even_million_is_read_in_windows_of_about_the_aim() {
        let mut plan = plan_of(30 * 86_400_000, Some(1_000_000), 8, MAX_HELD_PAGES);
        assert_eq!((plan.aim_pages(), plan.max_pages()), (14, 18));
        let mut windows = 0;
        while let Some(window) = plan.next_window() {
            let count = (window.to - window.from) as u64 * 1_000_000 / (30 * 86_400_000);
            assert!(count <= 20_000, "{count}");
            plan.learned(&window, count);
            windows += 1;
        }
        assert!((71..80).contains(&windows), "{windows}");
    }

    #[test]
    fn a_small_period_is_one_window_and_a_middling_one_is_shared_out() {
        let mut plan = plan_of(1_000_000, Some(900), 8, MAX_HELD_PAGES);
        assert_eq!(
            plan.next_window().map(|window| (window.from, window.to)),
            Some((0, 1_000_000))
        );
        assert_eq!(plan.next_window(), None);
        assert_eq!(plan_of(1_000_000, Some(100_000), 8, MAX_HELD_PAGES).aim_pages(), 13);
        assert_eq!(plan_of(1_000_000, Some(100_000), 1, MAX_HELD_PAGES).aim_pages(), 17);
    }

    #[test]
    fn once_no_window_is_left_the_fullest_gives_a_part_to_each_idle_slot() {
        let mut plan = plan_of(1_000_000, Some(4000), 4, MAX_HELD_PAGES);
        plan.note_idle(2);
        assert!(!plan.is_to_share(2000), "windows are left");
        let windows: Vec<Window> = std::iter::from_fn(|| plan.next_window()).collect();
        assert_eq!(plan.reading_pages(), windows.len() as u64 * plan.max_pages());
        plan.progressed(windows[0].from, 1, 5000);
        plan.progressed(windows[1].from, 2, 2400);
        plan.note_idle(1);
        assert!(!plan.is_to_share(2400), "another has twice as much");
        assert!(plan.is_to_share(5000));
        assert!(!plan.is_to_share(5000), "no slot is idle any more");
        plan.finished(windows[0].from);
        plan.note_idle(1);
        plan.progressed(windows[1].from, 3, 1000);
        assert!(!plan.is_to_share(1000), "that is one request, whoever asks");
        assert!(plan.is_to_share(1001));
        let others = windows.len() as u64 - 2;
        assert_eq!(plan.reading_pages(), 3 + 2 + others * plan.max_pages());
    }

    #[test]
    fn windows_of_large_pages_are_small() {
        let plan = plan_of(1_000_000_000, Some(1_000_000), 8, 4);
        assert_eq!((plan.aim_pages(), plan.max_pages()), (1, 2));
    }

    #[test]
    fn all_windows_together_stay_within_what_may_be_held() {
        for concurrency in [1, 8, 16, 64, 120] {
            let plan = plan_of(1_000_000_000, Some(10_000_000), concurrency, MAX_HELD_PAGES);
            assert!(plan.aim_pages() * concurrency as u64 <= MAX_HELD_PAGES, "{concurrency}");
        }
    }

    #[test]
    fn a_cluster_far_off_is_reached_in_few_requests() {
        // Everything on one hour of the twentieth day.
        let (start, end) = (20 * 86_400_000, 20 * 86_400_000 + 3_600_000);
        let count = |from: i64, to: i64| (to.min(end) - from.max(start)).max(0) as u64 * 1_000_000 / 3_600_000;
        let mut plan = plan_of(30 * 86_400_000, Some(1_000_000), 8, MAX_HELD_PAGES);
        let mut nearly_empty = 0;
        let mut seen = 0;
        while let Some(mut window) = plan.next_window() {
            let total = count(window.from, window.to);
            plan.learned(&window, total);
            if total > 20_000 {
                let cut = Plan::cut(window.from.max(start), window.to, total, 17_000).expect("wide enough");
                plan.give_back(cut, window.to, Some(total - count(window.from, cut)));
                window.to = cut;
            }
            seen += count(window.from, window.to);
            nearly_empty += u64::from(count(window.from, window.to) < 1000);
        }
        assert!((999_900..=1_000_000).contains(&seen), "{seen}");
        assert!(nearly_empty < 24, "{nearly_empty}");
    }

    proptest! {
        #[test]
        fn windows_tile_the_period_whatever_is_learned(
            length in 1i64..10_000_000, total in 0u64..10_000_000, concurrency in 1usize..64, seed in any::<u64>(),
        ) {
            let mut plan = plan_of(length, Some(total), concurrency, MAX_HELD_PAGES);
            let mut random = seed;
            let mut next = || { random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); random >> 33 };
            let mut at = 0;
            let mut taken = 0;
            while let Some(window) = plan.next_window() {
                prop_assert_eq!(window.from, at);
                prop_assert!(window.to > window.from);
                plan.learned(&window, next() % 30_000);
                at = window.to;
                if next() % 3 == 0
                    && let Some(cut) = Plan::cut(window.from, window.to, 50_000, next() % 40_000)
                {
                    prop_assert!(window.from < cut && cut < window.to);
                    plan.give_back(cut, window.to, Some(next() % 50_000));
                    at = cut;
                }
                taken += 1;
                if taken > 200_000 { break; }
            }
            prop_assert!(taken > 200_000 || at == length);
        }
    }
}
