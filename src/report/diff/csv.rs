//! The runs that differ, as records of a CSV table: one a run, new, changed and vanished ones. The sum of
//! `usage_moved_usd` is what usage moved by; it is empty where a cost is unknown.

use super::Difference;
use crate::money::Usd;
use crate::period::{Millis, format_instant};
use crate::runs::run::Run;

/// The columns. Those of the old export are empty for a new run, those of the new one for a vanished run.
pub const HEADER: [&str; 16] = [
    "change",
    "id",
    "act_id",
    "act_name",
    "fields_changed",
    "status_old",
    "status_new",
    "started_at_old",
    "started_at_new",
    "finished_at_old",
    "finished_at_new",
    "usage_total_usd_old",
    "usage_total_usd_new",
    "cost_state_old",
    "cost_state_new",
    "usage_moved_usd",
];

/// Where the one third party's text is, which a spreadsheet must be kept from running.
pub const ACT_NAME: usize = 3;

pub fn record(difference: &Difference) -> [String; HEADER.len()] {
    let Difference { old, new, .. } = *difference;
    let text = |run: Option<&Run>, of: fn(&Run) -> &str| run.map_or(String::new(), |run| of(run).into());
    let instant = |ms: Option<Millis>| ms.map(format_instant).unwrap_or_default();
    let started = |run: Option<&Run>| instant(run.map(|run| run.started_at_ms));
    let finished = |run: Option<&Run>| instant(run.and_then(|run| run.finished_at_ms.flatten()));
    let money = |usd: Option<Usd>| usd.map_or(String::new(), |usd| usd.to_string());
    let usage = |run: Option<&Run>| money(run.and_then(|run| run.usage));
    let run = difference.run();
    [
        difference.kind.name().into(),
        run.id.clone(),
        run.act_id.clone(),
        difference.act_name().unwrap_or_default().into(),
        difference.fields.join(" "),
        text(old, |run| &run.status),
        text(new, |run| &run.status),
        started(old),
        started(new),
        finished(old),
        finished(new),
        usage(old),
        usage(new),
        text(old, |run| &run.cost_state),
        text(new, |run| &run.cost_state),
        money(difference.moved()),
    ]
}
