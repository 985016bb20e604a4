//! The dearest runs of all that go by.

use crate::money::Usd;
use crate::report::figures::{DEAREST, DearRun};
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
