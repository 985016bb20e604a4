//! Finished figures: what a fold over rows came to. Nothing is added up here, and nothing is put into words.

mod cube;
mod layers;

pub use cube::{Cube, CubeCell, CubePlace, month_of, week_of};
pub use layers::Layer;

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::dimension::{By, Dimension};
use super::groups::UnmatchedRules;
use super::measures::Measures;
use super::run_filter::RunFilter;
use super::runs_of_days::RunsOfDays;
use super::unit_costs::{ActorUnits, UnitCosts};
use crate::money::Usd;
use crate::period::Millis;

pub const DEAREST: usize = 20;

/// A dimension's values in the order in which they were first seen, with what they are called.
pub type Values = IndexMap<Box<str>, Labels, RandomState>;
/// What a value is called, as far as that is known: one for each of the dimension's labels.
pub type Labels = [Option<Box<str>>; 2];

#[derive(Debug, Clone)]
pub struct Figures {
    pub totals: Measures,
    pub breakdowns: Vec<Breakdown>,
    /// The dearest runs, those first; then by start and ID.
    pub dearest: Vec<DearRun>,
    pub cube: Cube,
    /// The dearest runs of each Actor that came early, by its place in the cube.
    pub dearest_of_actors: Vec<Vec<ActorRun>>,
    /// By the places of Actors in the cube; none where rows have no details.
    pub unit_costs: Option<UnitCosts>,
    /// Those that started on whole UTC days.
    pub of_days: RunsOfDays,
    /// Which runs were added at all.
    pub only: RunFilter,
    /// Rules of `--groups` that none of them matches.
    pub unmatched_rules: UnmatchedRules,
}

impl Figures {
    pub fn by(&self, dimension: Dimension) -> Option<&Breakdown> {
        self.breakdowns
            .iter()
            .find(|breakdown| breakdown.by == dimension.into())
    }

    /// The units of an Actor; `None` where rows have no details, or it has no runs.
    pub fn units_of(&self, act_id: &str) -> Option<&ActorUnits> {
        let units = self.unit_costs.as_ref()?;
        units.of_actor(self.cube.actors.get_index_of(act_id)?)
    }
}

#[derive(Debug, Clone)]
pub struct Breakdown {
    pub by: By,
    pub(super) values: Vec<Arc<Values>>,
    /// Places among the values; the second is none of a report by one dimension.
    pub(super) rows: Vec<([u32; 2], Measures)>,
}

#[derive(Debug, Clone, Copy)]
pub struct Group<'b> {
    breakdown: &'b Breakdown,
    places: [u32; 2],
    pub measures: &'b Measures,
}

impl Breakdown {
    /// The dearest rows first, then by key; dates in their order.
    pub(super) fn sorted(by: By, values: Vec<Arc<Values>>, mut rows: Vec<([u32; 2], Measures)>) -> Breakdown {
        let key = |places: &[u32; 2], which: usize| {
            let (key, _) = values.get(which)?.get_index(places[which] as usize)?;
            Some(&**key)
        };
        let by_time = by.first.is_time();
        rows.sort_by(|(a, one), (b, other)| {
            let keys = key(a, 0).cmp(&key(b, 0));
            let dearest = other.usage().cmp(&one.usage());
            let first = if by_time {
                keys.then(dearest)
            } else {
                dearest.then(keys)
            };
            first.then_with(|| key(a, 1).cmp(&key(b, 1)))
        });
        Breakdown { by, values, rows }
    }

    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group<'_>> {
        (0..self.len()).map(|at| self.group(at))
    }

    pub fn group(&self, at: usize) -> Group<'_> {
        let (places, measures) = &self.rows[at];
        Group {
            breakdown: self,
            places: *places,
            measures,
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The first groups of that order and the sum of the rest, if there is one: of one group more, that group itself.
    pub fn top(&self, most: usize) -> (Vec<Group<'_>>, Option<(usize, Measures)>) {
        let shown = if self.len() <= most + 1 { self.len() } else { most };
        let rest = self.rows[shown..].iter();
        let sum = rest.fold(Measures::default(), |sum, (_, measures)| sum.and(measures));
        let rest = (shown < self.len()).then_some((self.len() - shown, sum));
        (self.groups().take(shown).collect(), rest)
    }
}

impl<'b> Group<'b> {
    /// The value of a dimension of the report, the first or the second; none for runs without one.
    pub fn key(&self, which: usize) -> Option<&'b str> {
        let (key, _) = self.value(which)?;
        Some(key).filter(|key| !key.is_empty())
    }

    pub fn label(&self, which: usize, label: usize) -> Option<&'b str> {
        let (_, labels) = self.value(which)?;
        labels[label].as_deref()
    }

    fn value(&self, which: usize) -> Option<(&'b str, &'b Labels)> {
        let values = self.breakdown.values.get(which)?;
        let (key, labels) = values.get_index(self.places[which] as usize)?;
        Some((key, labels))
    }

    /// What people know the first value by.
    pub fn shown(&self) -> &'b str {
        let absent = self.breakdown.by.first.absent();
        self.label(0, 0).or_else(|| self.key(0)).unwrap_or(absent)
    }
}

/// A run of an Actor, as far as the page tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorRun {
    pub id: Box<str>,
    pub status: Box<str>,
    pub started_at_ms: Millis,
    pub usage: Usd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DearRun {
    pub id: String,
    pub act_id: String,
    pub status: String,
    pub started_at_ms: Millis,
    pub finished_at_ms: Option<Millis>,
    pub meta_origin: Option<String>,
    pub actor_task_id: Option<String>,
    pub usage: Usd,
    pub cost_state: String,
    pub act_name: Option<String>,
    pub actor_task_name: Option<String>,
}
