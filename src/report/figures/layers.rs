//! Dollars of each day by Actor, put into layers: what a stacked chart shows.

use std::collections::HashMap;

use super::Figures;
use crate::money::Usd;
use crate::report::dimension::Dimension;

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
        let mut days: Vec<(usize, &str)> = self.cube.days.keys().map(|day| &**day).enumerate().collect();
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
        let last = layers.len().saturating_sub(1);
        let act_ids = self.cube.actors.keys();
        let layer_of: Vec<usize> = act_ids.map(|id| layer_of.get(&**id).copied().unwrap_or(last)).collect();
        for cell in &self.cube.cells {
            let Some(usage) = cell.runs.usage() else { continue };
            let layer = layer_of[cell.place.actor as usize];
            let sum = &mut layers[layer].usage[place_of[cell.place.day as usize]];
            let all = sum.unwrap_or_default().0.saturating_add(usage.0);
            *sum = Some(Usd(all));
        }
        (days.into_iter().map(|(_, day)| day.to_string()).collect(), layers)
    }
}
