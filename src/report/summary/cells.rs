//! Runs of each day by Actor, status and group, as they are counted. Rows come in order of their start, so the cells of one day
//! are at hand by the Actor's place, and go to those of all days once another day comes.

use crate::money::Usd;
use crate::report::figures::{CubeCell, CubePlace};
use crate::report::measures::Outcome;

/// No cell.
const NONE: u32 = u32::MAX;
/// So many cells more than are known to differ may be several of one place.
const UNMERGED: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct CellsByDay {
    all: Vec<CubeCell>,
    /// How many of them there were when no two had the same place.
    merged: usize,
    day: u32,
    of_day: Vec<DayCell>,
    /// Each Actor's last cell of the day among those, by the Actor's place.
    last_of_actor: Vec<u32>,
}

#[derive(Debug)]
struct DayCell {
    cell: CubeCell,
    /// The Actor's one before it.
    before: u32,
}

impl CellsByDay {
    /// Adds a run; whoever adds them holds the sum of all costs, whatever their signs, to 38 digits.
    pub(super) fn add(&mut self, place: CubePlace, usage: Option<Usd>) {
        if place.day != self.day {
            self.end_day();
            self.day = place.day;
        }
        let actor = place.actor as usize;
        if actor >= self.last_of_actor.len() {
            self.last_of_actor.resize(actor + 1, NONE);
        }
        let last = self.last_of_actor[actor];
        let mut at = last;
        while let Some(known) = self.of_day.get_mut(at as usize) {
            if known.cell.place == place {
                known.cell.runs.count(usage);
                return;
            }
            at = known.before;
        }
        let mut runs = Outcome::default();
        runs.count(usage);
        self.last_of_actor[actor] = u32::try_from(self.of_day.len()).expect("a day has fewer runs");
        self.of_day.push(DayCell {
            cell: CubeCell { place, runs },
            before: last,
        });
    }

    /// All cells in order of their place, one a place.
    pub(super) fn finish(mut self) -> Vec<CubeCell> {
        self.end_day();
        self.merge();
        self.all
    }

    fn end_day(&mut self) {
        for DayCell { cell, .. } in self.of_day.drain(..) {
            self.last_of_actor[cell.place.actor as usize] = NONE;
            self.all.push(cell);
        }
        // Days come again only where rows are out of order.
        if self.all.len() > 2 * self.merged + UNMERGED {
            self.merge();
        }
    }

    fn merge(&mut self) {
        self.all.sort_unstable_by_key(|cell| cell.place);
        self.all.dedup_by(|cell, first| {
            let is_same = cell.place == first.place;
            if is_same {
                first.runs = first.runs.and(&cell.runs);
            }
            is_same
        });
        self.merged = self.all.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn place() -> impl Strategy<Value = CubePlace> {
        (0..4u32, 0..3u32, 0..3u32, 0..2u32, any::<bool>()).prop_map(|(actor, day, status, group, provisional)| {
            CubePlace::new([actor, day, status, group], provisional)
        })
    }

    proptest! {
        #[test]
        fn the_cells_are_those_of_a_map_in_whatever_order_days_come(
            runs in proptest::collection::vec((place(), proptest::option::of(-50i128..50)), 0..200),
        ) {
            let mut cells = CellsByDay::default();
            let mut map: BTreeMap<CubePlace, (u64, u64, i128)> = BTreeMap::new();
            for (place, usage) in &runs {
                cells.add(*place, usage.map(Usd));
                let (count, unknown, sum) = map.entry(*place).or_default();
                *count += 1;
                *unknown += u64::from(usage.is_none());
                *sum += usage.unwrap_or(0);
            }
            let found: Vec<_> = cells.finish().into_iter().map(|CubeCell { place, runs }| {
                (place, (runs.runs, runs.cost_unknown, runs.usage().unwrap_or_default().0))
            }).collect();
            prop_assert_eq!(found, map.into_iter().collect::<Vec<_>>());
        }
    }
}
