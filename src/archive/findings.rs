//! How findings and sums are worded: findings as an error with exit 5, sums with what keeps them from being final.

use std::fmt::Display;

use crate::error::Error;
use crate::provenance::Totals;
use crate::text::counted;

/// Most findings that are named one by one.
pub const MAX_FINDINGS: usize = 20;

/// Exit 5, with what doesn't hold.
pub fn untrusted(place: impl Display, promised_by: &str, findings: &[String]) -> Error {
    let named = findings.iter().take(MAX_FINDINGS);
    let named: String = named.map(|finding| format!("\n  {finding}")).collect();
    let more = match findings.len().saturating_sub(MAX_FINDINGS) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    Error::Untrusted(format!("{place} does not match its {promised_by}:{named}{more}"))
}

/// Runs and dollars, and what keeps them from being final.
pub fn sums(totals: &Totals, doubt: Option<String>) -> String {
    let runs_that = |runs: u64, what: &str| (runs > 0).then(|| format!("{} {what}", counted(runs, "run", "runs")));
    let doubts = [
        doubt,
        runs_that(totals.runs_cost_unknown, "of unknown cost"),
        runs_that(totals.runs_provisional, "of provisional cost"),
    ];
    let doubts: Vec<String> = doubts.into_iter().flatten().collect();
    let (at_least, doubts) = if doubts.is_empty() {
        ("", String::new())
    } else {
        ("at least ", format!(" ({})", doubts.join("; ")))
    };
    let usage = match &totals.usage_total_usd {
        Some(usd) => format!("{at_least}${usd}"),
        None => "unknown cost".into(),
    };
    format!("{}, {usage}{doubts}", counted(totals.runs, "run", "runs"))
}
