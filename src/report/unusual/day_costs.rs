//! What each Actor, and all of them together, used on each UTC day: known costs, and how many runs have none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};

use crate::money::Usd;
use crate::period::{DAY_MS, Millis};
use crate::report::figures::Cube;

/// A UTC day, in days since the epoch.
pub type Day = i64;

/// The UTC day of an instant.
pub fn day_of_ms(ms: Millis) -> Day {
    ms.div_euclid(DAY_MS)
}

/// The first instant of a UTC day.
pub fn day_start(day: Day) -> Millis {
    day.saturating_mul(DAY_MS)
}

pub(super) fn date_of(day: Day) -> NaiveDate {
    let start = DateTime::from_timestamp_millis(day_start(day)).unwrap_or_default();
    start.date_naive()
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayCost {
    /// Of runs whose cost is known.
    pub usage: Usd,
    pub cost_unknown: u64,
}

impl DayCost {
    fn add(&mut self, usage: Usd, cost_unknown: u64) {
        self.usage = self.usage.saturating_add(usage);
        self.cost_unknown += cost_unknown;
    }
}

/// The days that have runs.
pub type CostsByDay = BTreeMap<Day, DayCost>;

#[derive(Debug, Clone, Default)]
pub struct DayCosts {
    pub(super) account: CostsByDay,
    /// By the Actor's ID.
    pub(super) actors: BTreeMap<String, ActorCosts>,
    /// Days with a run whose cost may still change.
    unsettled: BTreeSet<Day>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct ActorCosts {
    pub(super) name: Option<String>,
    pub(super) days: CostsByDay,
}

impl DayCosts {
    /// Adds what was folded in UTC; a day may come in two parts.
    pub fn add(&mut self, cube: &Cube) {
        let day = |text: &str| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(day_of_ms(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis()))
        };
        let days: Vec<Option<Day>> = cube.days.keys().map(|text| day(text)).collect();
        // Cells are in order of the Actor.
        for cells in cube.cells.chunk_by(|one, next| one.place.actor == next.place.actor) {
            let Some((act_id, labels)) = cube.actors.get_index(cells[0].place.actor as usize) else {
                continue;
            };
            let actor = self.actors.entry(act_id.to_string()).or_default();
            // The later part has the newer name.
            actor.name = labels[0].as_deref().map(String::from).or(actor.name.take());
            for cell in cells {
                let Some(day) = days[cell.place.day as usize] else {
                    continue;
                };
                let (usage, unknown) = (cell.runs.usage().unwrap_or_default(), cell.runs.cost_unknown);
                actor.days.entry(day).or_default().add(usage, unknown);
                self.account.entry(day).or_default().add(usage, unknown);
                if cell.place.is_provisional() {
                    self.unsettled.insert(day);
                }
            }
        }
    }

    /// Whether no cost of a day may still change.
    pub fn is_settled(&self, day: Day) -> bool {
        !self.unsettled.contains(&day)
    }

    #[cfg(test)]
    pub(super) fn put(&mut self, act_id: &str, day: Day, usage: Usd) {
        let actor = self.actors.entry(act_id.into()).or_default();
        actor.days.entry(day).or_default().add(usage, 0);
        self.account.entry(day).or_default().add(usage, 0);
    }
}
