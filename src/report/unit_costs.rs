//! What runs of each Actor used, and which events they charged: what unit costs are made of. Folded run by run, exact; what
//! it comes to a unit is [`super::tables`]' to say.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::money::{Ratio, Usd, ratio_6_places, scaled_6_places};
use crate::runs::cost_state::PROVISIONAL;
use crate::runs::row::Row;
use crate::runs::row_detail::charged_events;

/// By the Actor's place among the values of the cube.
#[derive(Debug, Clone, Default)]
pub struct UnitCosts(Vec<ActorUnits>);

/// The runs of an Actor of which cost, compute units and duration are known, and events if there are any.
#[derive(Debug, Clone, Default)]
pub struct ActorUnits {
    pub runs: RunCounts,
    pub usage: Usd,
    /// In 10^-18.
    pub compute_units: Usd,
    pub duration_millis: u64,
    /// All charged events.
    pub events: u64,
    /// US dollars of all charged events: usage of the runs that charged any, without their meters.
    pub events_usd: Usd,
    /// Each event by its name.
    pub by_event: IndexMap<Box<str>, EventUnits, RandomState>,
}

/// Runs that charged an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventUnits {
    pub runs: RunCounts,
    pub events: u64,
    usd: Usd,
    /// Whether one of these runs charged another event too: what it paid for which of them is unknown.
    is_mixed: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    pub counted: u64,
    pub left_out: u64,
    /// Of those that are counted.
    pub provisional: u64,
}

/// A run that can be counted.
struct CountedRun {
    usage: Usd,
    compute_units: Usd,
    duration_millis: u64,
    events: Vec<(String, u64)>,
    /// Of its events.
    events_usd: Usd,
}

impl UnitCosts {
    /// Of the Actor at a place of the cube; `None` where it has no runs.
    pub fn of_actor(&self, place: usize) -> Option<&ActorUnits> {
        self.0.get(place)
    }

    /// Whether there are runs, and details of none.
    pub fn are_all_left_out(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|units| units.runs.counted == 0)
    }

    pub(super) fn add(&mut self, actor: u32, run: &Row) {
        let place = actor as usize;
        if place >= self.0.len() {
            self.0.resize_with(place + 1, ActorUnits::default);
        }
        self.0[place].add(run);
    }
}

impl ActorUnits {
    fn add(&mut self, run: &Row) {
        let events = run.detail.and_then(|detail| match detail.charged_event_counts {
            Some(json) => charged_events(json),
            None => Some(Vec::new()),
        });
        let counted = events.clone().and_then(|events| CountedRun::of(run, events));
        let added = counted.and_then(|counted| self.and(&counted).map(|sum| (counted, sum)));
        let Some((counted, sums)) = added else {
            self.runs.left_out += 1;
            for (name, _) in events.unwrap_or_default() {
                self.event(name).runs.left_out += 1;
            }
            return;
        };
        [self.usage, self.compute_units, self.events_usd] = sums.amounts;
        [self.duration_millis, self.events] = sums.counts;
        let is_provisional = run.cost_state == PROVISIONAL;
        self.runs.count(is_provisional);
        let is_mixed = counted.events.len() > 1;
        for (name, count) in counted.events {
            let event = self.event(name);
            event.runs.count(is_provisional);
            event.is_mixed |= is_mixed;
            // Parts of sums that fit.
            event.events += count;
            event.usd = event.usd.saturating_add(counted.events_usd);
        }
    }

    fn event(&mut self, name: String) -> &mut EventUnits {
        self.by_event.entry(name.into()).or_default()
    }

    /// The sums with a run; `None` if one no longer fits, and the run is then left out.
    fn and(&self, run: &CountedRun) -> Option<UnitSums> {
        let count = |sum: u64, more: u64| sum.checked_add(more).filter(|sum| i64::try_from(*sum).is_ok());
        let events = run
            .events
            .iter()
            .try_fold(self.events, |sum, (_, events)| count(sum, *events));
        Some(UnitSums {
            amounts: [
                self.usage.checked_add(run.usage)?,
                self.compute_units.checked_add(run.compute_units)?,
                self.events_usd.checked_add(run.events_usd)?,
            ],
            counts: [count(self.duration_millis, run.duration_millis)?, events?],
        })
    }

    /// US dollars of the runs that are counted; `None` where none is.
    pub fn usage(&self) -> Option<Usd> {
        (self.runs.counted > 0).then_some(self.usage)
    }

    /// US dollars of all charged events; `None` where none was charged.
    pub fn events_usd(&self) -> Option<Usd> {
        (self.events > 0).then_some(self.events_usd)
    }

    pub fn usd_per_compute_unit(&self) -> Option<Ratio> {
        ratio_6_places(self.usage.0, self.compute_units.0)
    }

    /// Of run time.
    pub fn usd_per_hour(&self) -> Option<Ratio> {
        scaled_6_places(self.usage, 3_600_000, i64::try_from(self.duration_millis).ok()?)
    }

    /// To six places.
    pub fn run_hours(&self) -> Option<Usd> {
        ratio_6_places(self.duration_millis.into(), 3_600_000)?.usd()
    }

    pub fn usd_per_1000_events(&self) -> Option<Ratio> {
        per_1000(self.events_usd, self.events)
    }
}

struct UnitSums {
    /// Usage, compute units, usage of events.
    amounts: [Usd; 3],
    /// Milliseconds, events.
    counts: [u64; 2],
}

impl CountedRun {
    fn of(run: &Row, events: Vec<(String, u64)>) -> Option<CountedRun> {
        let (usage, detail) = (run.usage?, run.detail?);
        let metered = if events.is_empty() { usage } else { detail.metered? };
        Some(CountedRun {
            usage,
            compute_units: Usd(detail.compute_units.filter(|units| *units >= 0)?),
            duration_millis: u64::try_from(detail.duration_millis?).ok()?,
            events,
            events_usd: Usd(usage.0.checked_sub(metered.0)?),
        })
    }
}

impl EventUnits {
    /// US dollars of the event: known where every run that charged it charged no other.
    pub fn usd(&self) -> Option<Usd> {
        (self.events > 0 && !self.is_mixed).then_some(self.usd)
    }

    pub fn usd_per_1000(&self) -> Option<Ratio> {
        per_1000(self.usd()?, self.events)
    }
}

impl RunCounts {
    fn count(&mut self, is_provisional: bool) {
        self.counted += 1;
        self.provisional += u64::from(is_provisional);
    }
}

fn per_1000(usd: Usd, events: u64) -> Option<Ratio> {
    scaled_6_places(usd, 1000, i64::try_from(events).ok()?)
}
