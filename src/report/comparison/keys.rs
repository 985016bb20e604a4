//! Actors or groups in both periods, the largest change first. Those of which nothing certain can be said stand last.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::pair::{PairedMeasures, SIDES, UsageChange};
use super::terms::{ChangeTerms, TERMS};
use super::{CHANGE_BY_ACTOR, CHANGE_BY_GROUP, ComparedPeriod, ReportedPeriod};
use crate::report::dimension::Dimension;
use crate::report::figures::{Breakdown, Figures, Group};
use crate::report::measures::Measures;
use crate::report::table::{Cell, CellKind, Table, column};
use crate::report::tables::{ACT_ID, ACT_NAME};
use crate::text::counted;

/// Actors, or groups, whose usage changed, or may have.
pub(super) struct KeyChanges<'r> {
    dimension: Dimension,
    changes: Vec<KeyChange<'r>>,
    /// How many of them are judged: the first.
    judged: usize,
    /// How many other Actors there are.
    unchanged: usize,
}

struct KeyChange<'r> {
    id: &'r str,
    name: Option<&'r str>,
    pair: PairedMeasures,
    /// None where no change is known, and of groups.
    terms: Option<ChangeTerms>,
}

impl<'r> KeyChanges<'r> {
    pub(super) fn of(dimension: Dimension, before: &'r ComparedPeriod, now: ReportedPeriod<'r>) -> KeyChanges<'r> {
        let (old, new) = (groups(dimension, &before.figures), groups(dimension, now.figures));
        let ids: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        let measures =
            |groups: &HashMap<&str, Group>, id: &str| groups.get(id).map_or(Measures::default(), |one| *one.measures);
        let change = |id: &'r str| {
            let pair = PairedMeasures::of(before.side(measures(&old, id)), now.side(measures(&new, id)));
            let units = [&before.figures, now.figures].map(|figures| figures.units_of(id));
            KeyChange {
                id,
                name: [&new, &old].into_iter().find_map(|groups| groups.get(id)?.label(0, 0)),
                pair,
                terms: (dimension == Dimension::Actor)
                    .then(|| ChangeTerms::of(&pair, units))
                    .flatten(),
            }
        };
        let mut changes: Vec<KeyChange> = ids.into_iter().map(change).collect();
        let all = changes.len();
        changes.retain(|one| one.pair.change != UsageChange::Same);
        changes.sort_by_key(|one| {
            let moved = one.pair.moved.map(|usd| usd.0.unsigned_abs());
            (one.pair.doubt(), Reverse(moved))
        });
        KeyChanges {
            dimension,
            judged: changes.iter().filter(|one| one.pair.is_judged()).count(),
            unchanged: all - changes.len(),
            changes,
        }
    }

    pub(super) fn table(self) -> Table<'r> {
        let [one, many] = self.nouns();
        let few = counted(self.unchanged as u64, &format!("other {one}"), &format!("other {many}"));
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

    fn nouns(&self) -> [&'static str; 2] {
        match self.dimension {
            Dimension::Group => ["group", "groups"],
            _ => ["Actor", "Actors"],
        }
    }

    fn not_judged(&self) -> Option<String> {
        let few = (self.changes.len() - self.judged) as u64;
        let [one, many] = self.nouns();
        let actors = counted(few, one, many);
        (few > 0).then(|| format!("{actors} cannot be judged: costs are unknown, or runs may be missing."))
    }

    fn without_note(self) -> Table<'r> {
        let (key, name) = match self.dimension {
            Dimension::Group => (column("group", "group", CellKind::Name), None),
            _ => (ACT_ID, Some(ACT_NAME)),
        };
        let (report, title) = match self.dimension {
            Dimension::Group => (CHANGE_BY_GROUP, "Change by group since the previous period"),
            _ => (CHANGE_BY_ACTOR, "Change by Actor since the previous period"),
        };
        let has_names = name.is_some();
        let columns = [key].into_iter().chain(SIDES).chain(name);
        let terms = TERMS.into_iter().filter(|_| has_names);
        Table {
            name: report.into(),
            title: title.into(),
            columns: columns.chain(terms).collect(),
            len: self.changes.len(),
            row: Box::new(move |at| {
                let KeyChange { id, name, pair, terms } = &self.changes[at];
                let mut cells = vec![Cell::text(Some(id))];
                cells.extend(pair.cells());
                if has_names {
                    cells.push(Cell::text(*name));
                    cells.extend(ChangeTerms::cells(terms.as_ref()));
                }
                cells
            }),
            total: None,
            note: None,
        }
    }
}

fn groups(dimension: Dimension, figures: &Figures) -> HashMap<&str, Group<'_>> {
    let groups = figures.by(dimension).into_iter().flat_map(Breakdown::groups);
    groups.filter_map(|group| Some((group.key(0)?, group))).collect()
}
