//! What is usual on a day, by the days before it.

use chrono::{Datelike, Months, Weekday};

use super::day_costs::{CostsByDay, Day, date_of, day_of_ms};
use super::statistics::{median, median_deviation, median_relative_deviation, millionths, sum_of_deviations};
use crate::money::Usd;

/// So many times the median absolute deviation above the median is still usual: by the simulation beside, few enough days without
/// a cause are beyond it.
const DEVIATIONS: i128 = 8;
/// The same where each weekday has its own median: with so few days to a median, deviations from it are smaller.
const WEEKDAY_DEVIATIONS: i128 = 14;
/// Days that an Actor of few days is held against.
const ACTIVE_DAYS: usize = 4;

/// The range of a day's usage, and the days that the median is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsualRange {
    pub median: Usd,
    /// Up to this amount, it is usual.
    pub limit: Usd,
    pub days: MedianDays,
}

/// The days that a median is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MedianDays {
    /// So many of the 28 days before.
    All(usize),
    /// So many of this weekday, among those.
    Weekday(Weekday, usize),
}

/// What an Actor that costs nothing on most days used on the last days on which it used anything.
pub(super) struct ActiveDays {
    pub(super) count: usize,
    largest: i128,
}

impl ActiveDays {
    /// Those before a day, as far back as costs are known.
    pub(super) fn before(costs: &CostsByDay, day: Day) -> ActiveDays {
        let before = costs.range(..day).rev().map(|(_, cost)| cost.usage.0);
        let active: Vec<i128> = before.filter(|usage| *usage > 0).take(ACTIVE_DAYS).collect();
        ActiveDays {
            count: active.len(),
            largest: active.iter().copied().max().unwrap_or_default(),
        }
    }

    /// Whether days that are not known could be among them.
    pub(super) fn are_few(&self) -> bool {
        self.count < ACTIVE_DAYS
    }

    fn limit(&self, bound: Usd) -> i128 {
        self.largest.saturating_add(bound.0.max(self.largest / 2))
    }
}

/// The least by which usage must be beyond its median: the larger of $5 and a fifth of the account's median day.
pub fn bound(account_median: Usd) -> Usd {
    Usd((account_median.0 / 5).max(5 * 10_i128.pow(18)))
}

/// Whether nothing was used on most days.
pub(super) fn is_of_few_days(costs: &CostsByDay, window: &[Day]) -> bool {
    let used = window
        .iter()
        .filter(|day| costs.get(day).is_some_and(|cost| cost.usage.0 > 0));
    used.count() * 2 < window.len()
}

impl UsualRange {
    /// By the days of the window, which lie before the day.
    pub(super) fn of(costs: &CostsByDay, window: &[Day], day: Day, bound: Usd) -> UsualRange {
        let usage = |day: &Day| costs.get(day).map_or(0, |cost| cost.usage.0);
        let amounts: Vec<i128> = window.iter().map(usage).collect();
        let all = median(&amounts);
        let mut range = by_all(&amounts, all, bound);
        if let Some(weekday) = by_weekday(window, &amounts, all, day, bound) {
            range = weekday;
        }
        let mut limit = range.limit.0;
        // A monthly job: what it used on the same day of the month before.
        if let Some(same) = same_day_of_month_before(day).filter(|same| costs.contains_key(same)) {
            let same = usage(&same);
            let beyond = same.saturating_sub(range.median.0) / 2;
            limit = limit.max(same.saturating_add(bound.0.max(beyond)));
        }
        if is_of_few_days(costs, window) {
            limit = limit.max(ActiveDays::before(costs, day).limit(bound));
        }
        UsualRange {
            limit: Usd(limit),
            ..range
        }
    }

    pub(super) fn is_exceeded_by(&self, usage: Usd) -> bool {
        usage > self.limit
    }
}

/// Amounts with one centre.
fn by_all(amounts: &[i128], centre: i128, bound: Usd) -> UsualRange {
    let centred: Vec<(i128, i128)> = amounts.iter().map(|amount| (*amount, centre)).collect();
    let spread = median_deviation(&centred).saturating_mul(DEVIATIONS);
    UsualRange {
        median: Usd(centre),
        limit: limit(centre, spread, &centred, bound),
        days: MedianDays::All(amounts.len()),
    }
}

/// Where the weekday decides what is used: where amounts are much nearer to the medians of their weekdays than to the median of
/// all, and there are two of the day's weekday at least.
fn by_weekday(window: &[Day], amounts: &[i128], all: i128, day: Day, bound: Usd) -> Option<UsualRange> {
    let weekday = |day: Day| day.rem_euclid(7) as usize;
    let mut of_weekday: [Vec<i128>; 7] = Default::default();
    for (day, amount) in window.iter().zip(amounts) {
        of_weekday[weekday(*day)].push(*amount);
    }
    let medians = of_weekday.each_ref().map(|amounts| median(amounts));
    let centred: Vec<(i128, i128)> = window
        .iter()
        .zip(amounts)
        .map(|(day, amount)| (*amount, medians[weekday(*day)]))
        .collect();
    let from_all: Vec<(i128, i128)> = amounts.iter().map(|amount| (*amount, all)).collect();
    let explains = sum_of_deviations(&centred).saturating_mul(3) < sum_of_deviations(&from_all).saturating_mul(2);
    let count = of_weekday[weekday(day)].len();
    if !explains || count < 2 {
        return None;
    }
    let centre = medians[weekday(day)];
    let relative = median_relative_deviation(&centred).saturating_mul(WEEKDAY_DEVIATIONS);
    Some(UsualRange {
        median: Usd(centre),
        limit: limit(centre, millionths(centre, relative), &centred, bound),
        days: MedianDays::Weekday(date_of(day).weekday(), count),
    })
}

/// The largest usual amount: beyond the centre by the spread, the bound, or twice as much as at least two days were.
fn limit(centre: i128, spread: i128, centred: &[(i128, i128)], bound: Usd) -> Usd {
    let mut beyond: Vec<i128> = centred
        .iter()
        .map(|(amount, centre)| amount.saturating_sub(*centre))
        .collect();
    beyond.sort_unstable();
    let second = beyond.iter().rev().nth(1).copied().unwrap_or_default().max(0);
    let burst = second.saturating_add(second);
    Usd(centre.saturating_add(spread.max(bound.0).max(burst)))
}

/// The day with the same number in the month before; of a month's last day the last one.
fn same_day_of_month_before(day: Day) -> Option<Day> {
    let date = date_of(day);
    let is_last = date.succ_opt().is_some_and(|next| next.day() == 1);
    let same = if is_last {
        date.with_day(1)?.pred_opt()?
    } else {
        date.checked_sub_months(Months::new(1))?
    };
    Some(day_of_ms(same.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()))
}
