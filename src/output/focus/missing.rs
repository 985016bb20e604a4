//! The runs that FOCUS cannot hold, each with the reason, so that none is left out in silence: there costs and both ends of
//! the charge period may not be null. The columns are the export's, in the form of `runs.csv`; it is no FOCUS file.

use std::borrow::Cow;

use crate::period::format_instant;
use crate::runs::row::Row;
use crate::text::escape_formula;

pub(super) const HEADER: [&str; 9] = [
    "reason",
    "id",
    "act_id",
    "act_name",
    "status",
    "started_at",
    "finished_at",
    "usage_total_usd",
    "cost_state",
];

/// The record of a run whose cost is unknown, or which has not finished.
pub(super) fn record<'a>(run: &Row<'a>) -> [Cow<'a, str>; 9] {
    let reason = match (run.usage, run.finished_at_ms) {
        (None, None) => "cost-unknown-and-unfinished",
        (None, Some(_)) => "cost-unknown",
        (Some(_), _) => "unfinished",
    };
    [
        reason.into(),
        run.id.into(),
        run.act_id.into(),
        escape_formula(run.act_name.unwrap_or_default()),
        run.status.into(),
        format_instant(run.started_at_ms).into(),
        run.finished_at_ms.map(format_instant).unwrap_or_default().into(),
        run.usage.map(|usage| usage.to_string()).unwrap_or_default().into(),
        run.cost_state.into(),
    ]
}
