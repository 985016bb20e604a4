//! Dollars of each day by Actor, put into layers.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::{Figures, Values};
use crate::money::Usd;
use crate::report::dimension::Dimension;

/// Dollars of each day's runs by Actor: what a stacked chart shows.
#[derive(Debug, Clone, Default)]
pub struct Daily {
    /// By place among the Actors and the days.
    pub(in crate::report) usage: HashMap<(u32, u32), Usd, RandomState>,
    pub(in crate::report) actors: Arc<Values>,
    pub(in crate::report) days: Arc<Values>,
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
