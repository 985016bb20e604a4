//! The dearest runs of all that go by, and of each Actor.

use crate::money::Usd;
use crate::report::figures::{ActorRun, DEAREST, DearRun};
use crate::runs::row::Row;

#[derive(Debug, Default)]
pub(super) struct Dearest {
    pub(super) runs: Vec<DearRun>,
}

impl Dearest {
    pub(super) fn add(&mut self, run: &Row, usage: Usd) {
        let is_before = |other: &DearRun| {
            let place = (other.started_at_ms, other.id.as_str());
            other
                .usage
                .cmp(&usage)
                .reverse()
                .then(place.cmp(&(run.started_at_ms, run.id)))
                .is_lt()
        };
        if self.runs.len() == DEAREST && self.runs.last().is_some_and(is_before) {
            return;
        }
        let at = self.runs.partition_point(is_before);
        self.runs.truncate(DEAREST - 1);
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(String::from);
        let run = DearRun {
            id: run.id.into(),
            act_id: run.act_id.into(),
            status: run.status.into(),
            started_at_ms: run.started_at_ms,
            finished_at_ms: run.finished_at_ms,
            meta_origin: text(run.origin),
            actor_task_id: text(run.actor_task_id),
            usage,
            cost_state: run.cost_state.into(),
            act_name: text(run.act_name),
            actor_task_name: text(run.actor_task_name),
        };
        self.runs.insert(at, run);
    }
}

/// The dearest runs of Actors, by their place, dearest first and of equals the earlier. Runs come in order of their start.
#[derive(Debug, Default)]
pub(super) struct DearestOfActors {
    pub(super) runs: Vec<Vec<ActorRun>>,
}

impl DearestOfActors {
    /// How many of each Actor.
    const EACH: usize = 3;
    /// Of how many Actors, those that come first: there may be millions.
    const ACTORS: usize = 4096;

    pub(super) fn add(&mut self, actor: u32, run: &Row, usage: Usd) {
        let actor = actor as usize;
        if actor >= DearestOfActors::ACTORS {
            return;
        }
        if actor >= self.runs.len() {
            self.runs.resize_with(actor + 1, Vec::new);
        }
        let runs = &mut self.runs[actor];
        let at = runs.partition_point(|other| other.usage >= usage);
        if at == DearestOfActors::EACH {
            return;
        }
        runs.truncate(DearestOfActors::EACH - 1);
        let run = ActorRun {
            id: run.id.into(),
            status: run.status.into(),
            started_at_ms: run.started_at_ms,
            usage,
        };
        runs.insert(at, run);
    }
}
