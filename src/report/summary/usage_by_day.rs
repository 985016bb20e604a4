//! Dollars of each day by Actor. Rows come in order of their start, so the sums of one day are at hand by the Actor's place,
//! and go to those of all days once another day comes.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::money::Usd;

#[derive(Debug, Default)]
pub(super) struct UsageByDay {
    /// By place among the Actors and the days.
    all: HashMap<(u32, u32), Usd, RandomState>,
    day: u32,
    /// Of that day, by the Actor's place; none where it has no cost that is known.
    of_day: Vec<Option<Usd>>,
    /// The Actors that have one.
    actors: Vec<u32>,
}

impl UsageByDay {
    /// Adds dollars; whoever adds them holds the sum of all, whatever their signs, to 38 digits.
    pub(super) fn add(&mut self, actor: u32, day: u32, usage: Usd) {
        if day != self.day {
            self.keep();
            self.day = day;
        }
        let at = actor as usize;
        if at >= self.of_day.len() {
            self.of_day.resize(at + 1, None);
        }
        let sum = &mut self.of_day[at];
        if sum.is_none() {
            self.actors.push(actor);
        }
        *sum = Some(sum.unwrap_or_default().saturating_add(usage));
    }

    /// The sums of all days, by place among the Actors and the days.
    pub(super) fn finish(mut self) -> HashMap<(u32, u32), Usd, RandomState> {
        self.keep();
        self.all
    }

    fn keep(&mut self) {
        for actor in self.actors.drain(..) {
            let Some(usage) = self.of_day[actor as usize].take() else {
                continue;
            };
            let sum = self.all.entry((actor, self.day)).or_default();
            *sum = sum.saturating_add(usage);
        }
    }
}
