//! A breakdown as CSV, in the dialect of `runs.csv`.

use super::json::{mean_usd, share};
use super::summary::{Breakdown, Group, Measures};
use crate::statement::TotalsText;
use crate::text::defused;

/// The measures' columns, after the dimension's own.
pub const MEASURES: [&str; 11] = [
    "runs",
    "runs_succeeded",
    "runs_failed",
    "runs_timed_out",
    "runs_aborted",
    "runs_other",
    "usage_total_usd",
    "share",
    "mean_usd",
    "runs_cost_unknown",
    "runs_provisional",
];

/// The records of a breakdown, the header first.
pub fn records<'r>(breakdown: &'r Breakdown, totals: &'r Measures) -> impl Iterator<Item = Vec<String>> + 'r {
    let dimension = breakdown.dimension;
    let header = std::iter::once(dimension.key())
        .chain(MEASURES)
        .chain(dimension.name_key())
        .map(String::from)
        .collect();
    let record = move |group: &Group| {
        let measures = &group.measures;
        let text = TotalsText::from(measures);
        let mut record = vec![
            if dimension.is_named_by_people() {
                defused(&group.key).into_owned()
            } else {
                group.key.clone()
            },
            text.runs.to_string(),
            text.runs_succeeded.to_string(),
            text.runs_failed.to_string(),
            text.runs_timed_out.to_string(),
            text.runs_aborted.to_string(),
            text.runs_other.to_string(),
            text.usage_total_usd.unwrap_or_default(),
            share(measures, totals).unwrap_or_default(),
            mean_usd(measures).unwrap_or_default(),
            text.runs_cost_unknown.to_string(),
            text.runs_provisional.to_string(),
        ];
        let name = group.name.as_deref().unwrap_or_default();
        record.extend(dimension.name_key().map(|_| defused(name).into_owned()));
        record
    };
    std::iter::once(header).chain(breakdown.rows.iter().map(record))
}
