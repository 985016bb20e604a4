//! The runs that differ, as records of a CSV table: one a run, new, changed and vanished ones. The sum of
//! `usage_moved_usd` is what usage moved by; it is empty where a cost is unknown.

use std::borrow::Cow;

use super::Difference;
use crate::money::Usd;
use crate::period::{Millis, format_instant};
use crate::runs::run::Run;
use crate::text::escape_formula;

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

/// The column of names of columns: a list where a format has lists.
pub(super) const FIELDS_CHANGED: &str = HEADER[4];

/// A run's cells as CSV has them: the one third party's text, the name, is kept from being a formula.
pub fn record(difference: &Difference) -> [String; HEADER.len()] {
    const ACT_NAME: usize = 3;
    let mut record = cells(difference).map(|cell| cell.unwrap_or_default().into_owned());
    record[ACT_NAME] = escape_formula(&record[ACT_NAME]).into_owned();
    record
}

pub(super) fn cells<'p>(difference: &Difference<'p>) -> [Option<Cow<'p, str>>; HEADER.len()] {
    let Difference { old, new, .. } = *difference;
    let instant = |ms: Millis| Cow::Owned(format_instant(ms));
    let started = |run: Option<&Run>| run.map(|run| instant(run.started_at_ms));
    let finished = |run: Option<&Run>| run.and_then(|run| run.finished_at_ms.flatten()).map(instant);
    let money = |usd: Option<Usd>| usd.map(|usd| Cow::Owned(usd.to_string()));
    let usage = |run: Option<&Run>| money(run.and_then(|run| run.usage));
    let run = difference.run();
    let texts = [
        Some(difference.kind.name()),
        Some(run.id.as_str()),
        Some(run.act_id.as_str()),
        difference.act_name(),
    ];
    let [kind, id, act_id, act_name] = texts.map(|text| text.map(Cow::Borrowed));
    [
        kind,
        id,
        act_id,
        act_name,
        Some(difference.fields.join(" ").into()),
        old.map(|run| run.status.as_str().into()),
        new.map(|run| run.status.as_str().into()),
        started(old),
        started(new),
        finished(old),
        finished(new),
        usage(old),
        usage(new),
        old.map(|run| run.cost_state.as_str().into()),
        new.map(|run| run.cost_state.as_str().into()),
        money(difference.moved()),
    ]
}
