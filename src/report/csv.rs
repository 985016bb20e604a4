//! A breakdown as CSV, in the dialect of `runs.csv`.

use super::json::{mean_usd, share};
use super::summary::{Breakdown, Measures};
use crate::statement::TotalsText;

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
    let header = std::iter::once(breakdown.dimension.key())
        .chain(MEASURES)
        .map(String::from)
        .collect();
    let record = |(key, measures): &(String, Measures)| {
        let text = TotalsText::from(measures);
        vec![
            key.clone(),
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
        ]
    };
    std::iter::once(header).chain(breakdown.rows.iter().map(record))
}
