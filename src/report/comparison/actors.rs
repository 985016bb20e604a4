//! Actors in both periods, the largest change first. Those of which nothing certain can be said stand last.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::pair::{PairedMeasures, SIDES, UsageChange};
use super::{CHANGE_BY_ACTOR, ComparedPeriod, ReportedPeriod};
use crate::report::dimension::Dimension;
use crate::report::figures::{Breakdown, Figures, Group};
use crate::report::measures::Measures;
use crate::report::table::{Cell, Table};
use crate::report::tables::{ACT_ID, ACT_NAME};
use crate::text::counted;

/// Actors whose usage changed, or may have.
pub(super) struct ActorChanges<'r> {
    changes: Vec<ActorChange<'r>>,
    /// How many of them are judged: the first.
    judged: usize,
    /// How many other Actors there are.
    unchanged: usize,
}

struct ActorChange<'r> {
    id: &'r str,
    name: Option<&'r str>,
    pair: PairedMeasures,
}

impl<'r> ActorChanges<'r> {
    pub(super) fn of(before: &'r ComparedPeriod, now: ReportedPeriod<'r>) -> ActorChanges<'r> {
        let (old, new) = (groups(&before.figures), groups(now.figures));
        let ids: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let measures =
            |groups: &HashMap<&str, Group>, id: &str| groups.get(id).map_or(Measures::default(), |one| *one.measures);
        let change = |id: &'r str| ActorChange {
            id,
            name: [&new, &old].into_iter().find_map(|groups| groups.get(id)?.label(0, 0)),
            pair: PairedMeasures::of(before.side(measures(&old, id)), now.side(measures(&new, id))),
        };
        let mut changes: Vec<ActorChange> = ids.into_iter().map(change).collect();
        let all = changes.len();
        changes.retain(|one| one.pair.change != UsageChange::Same);
        changes.sort_by_key(|one| {
            let moved = one.pair.moved.map(|usd| usd.0.unsigned_abs());
            (one.pair.doubt(), Reverse(moved))
        });
        ActorChanges {
            judged: changes.iter().filter(|one| one.pair.is_judged()).count(),
            unchanged: all - changes.len(),
            changes,
        }
    }

    pub(super) fn table(self) -> Table<'r> {
        let few = counted(self.unchanged as u64, "other Actor", "other Actors");
        let unchanged = (self.unchanged > 0).then(|| format!("{few} did not change."));
        let notes: Vec<String> = unchanged.into_iter().chain(self.not_judged()).collect();
        let note = (!notes.is_empty()).then(|| notes.join(" "));
        Table {
            note,
            ..self.without_note()
        }
    }

    /// The largest changes alone; none where there is no change.
    pub(super) fn largest(mut self, most: usize) -> Option<Table<'r>> {
        let note = self.not_judged();
        self.changes.truncate(self.judged.min(most));
        (!self.changes.is_empty() || note.is_some()).then(|| Table {
            note,
            ..self.without_note()
        })
    }

    fn not_judged(&self) -> Option<String> {
        let few = (self.changes.len() - self.judged) as u64;
        let actors = counted(few, "Actor", "Actors");
        (few > 0).then(|| format!("{actors} cannot be judged: costs are unknown, or runs may be missing."))
    }

    fn without_note(self) -> Table<'r> {
        let columns = [ACT_ID].into_iter().chain(SIDES);
        Table {
            name: CHANGE_BY_ACTOR.into(),
            title: "Change by Actor since the previous period".into(),
            columns: columns.chain([ACT_NAME]).collect(),
            len: self.changes.len(),
            row: Box::new(move |at| {
                let ActorChange { id, name, pair } = &self.changes[at];
                let mut cells = vec![Cell::text(Some(id))];
                cells.extend(pair.cells());
                cells.push(Cell::text(*name));
                cells
            }),
            total: None,
            note: None,
        }
    }
}

fn groups(figures: &Figures) -> HashMap<&str, Group<'_>> {
    let actors = figures.by(Dimension::Actor).into_iter().flat_map(Breakdown::groups);
    actors.filter_map(|group| Some((group.key(0)?, group))).collect()
}
