//! Odd days: UTC days on which an Actor, or the whole account, used much more than usual. A convention of this tool, not of Apify:
//! each day is held against the 28 days before it, in exact amounts, without a look at days after it. Pure: costs by day to
//! findings; which days are complete is given.

mod day_costs;
mod document;
mod judge;
#[cfg(test)]
mod simulation;
mod statistics;
mod usual;
mod words;

pub use day_costs::{Day, DayCosts, day_of_ms, day_start};
pub use document::{NotJudgedDocument, UnusualDayDocument};
pub use judge::judge;
pub use usual::UsualRange;

use crate::money::Usd;

/// The days before a day that it is held against.
pub const HISTORY_DAYS: Day = 28;
/// So many days before a day are looked at: its history, and the day with its number in the month before.
pub const DAYS_BEFORE: Day = 31;
/// With fewer complete and settled days of those 28, a day is not judged.
pub const FEWEST_DAYS: usize = 14;

/// The days that were judged, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnusualDays {
    /// By day; the whole account first, then the Actors that used most.
    pub found: Vec<UnusualDay>,
    pub judged: u64,
    /// Days with too few days before them, in order.
    pub not_judged: Vec<Day>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusualDay {
    pub day: Day,
    pub kind: UnusualKind,
    /// The Actor; none for the whole account.
    pub act_id: Option<String>,
    pub act_name: Option<String>,
    pub usage: Usd,
    /// Runs of the day whose cost is unknown: they are not in the usage.
    pub cost_unknown: u64,
    pub usual: UsualRange,
    /// Whether costs of days before those that were read could change it.
    pub leans_on_earlier: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusualKind {
    /// It used more than it usually does.
    AboveUsual,
    /// An Actor that is not known to have used anything before.
    FirstUse,
}

impl UnusualDays {
    /// Whether costs of days before those that were read could change what was found.
    pub fn lean_on_earlier(&self) -> bool {
        self.found.iter().any(|found| found.leans_on_earlier)
    }
}
