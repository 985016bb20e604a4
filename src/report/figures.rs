//! Finished figures: what a fold over rows came to. Nothing is added up here, and nothing is put into words.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::dimension::{By, Dimension};
use super::measures::Measures;
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
    pub daily: Daily,
}

impl Figures {
    pub fn by(&self, dimension: Dimension) -> Option<&Breakdown> {
        self.breakdowns
            .iter()
            .find(|breakdown| breakdown.by == dimension.into())
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

/// Dollars of each day's runs by Actor: what a stacked chart shows.
#[derive(Debug, Clone, Default)]
pub struct Daily {
    /// By place among the Actors and the days.
    pub(super) usage: HashMap<(u32, u32), Usd, RandomState>,
    pub(super) actors: Arc<Values>,
    pub(super) days: Arc<Values>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The Actor's ID; none for all others together.
    pub act_id: Option<String>,
    pub shown: String,
    /// US dollars of each day in order; none where no run has a known cost.
    pub usage: Vec<Option<Usd>>,
}

impl Figures {
    /// The days that have runs in order, and the dearest Actors' dollars on each, then those of all others if there are any.
    pub fn layers(&self, most: usize) -> (Vec<String>, Vec<Layer>) {
        let mut days: Vec<(usize, &str)> = self.daily.days.keys().map(|day| &**day).enumerate().collect();
        days.sort_by_key(|(_, day)| *day);
        let mut place_of = vec![0; days.len()];
        for (at, (place, _)) in days.iter().enumerate() {
            place_of[*place] = at;
        }
        let Some(actors) = self.by(Dimension::Actor) else {
            return (Vec::new(), Vec::new());
        };
        let (top, rest) = actors.top(most);
        let layer = |act_id: Option<&str>, shown: &str| Layer {
            act_id: act_id.map(String::from),
            shown: shown.into(),
            usage: vec![None; days.len()],
        };
        let mut layers: Vec<Layer> = top.iter().map(|actor| layer(actor.key(0), actor.shown())).collect();
        layers.extend(rest.map(|(others, _)| layer(None, &format!("{others} others"))));
        let places = top.iter().enumerate();
        let layer_of: HashMap<&str, usize> = places.filter_map(|(at, actor)| Some((actor.key(0)?, at))).collect();
        for ((actor, day), usage) in &self.daily.usage {
            let actor = self.daily.actors.get_index(*actor as usize);
            let act_id = actor.map_or("", |(act_id, _)| act_id);
            let layer = layer_of.get(act_id).copied().unwrap_or(layers.len() - 1);
            let sum = &mut layers[layer].usage[place_of[*day as usize]];
            let all = sum.unwrap_or_default().0.saturating_add(usage.0);
            *sum = Some(Usd(all));
        }
        (days.into_iter().map(|(_, day)| day.to_string()).collect(), layers)
    }
}
