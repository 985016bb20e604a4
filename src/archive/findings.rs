//! How findings are told: as an error with exit 5, as sums with what keeps them from being final.

use std::fmt::Display;

use crate::error::Error;
use crate::provenance::Totals;
use crate::text::counted;

/// Most findings that are told one by one.
pub const MAX_FINDINGS: usize = 20;

/// Exit 5, with what doesn't hold.
pub fn untrusted(place: impl Display, promised_by: &str, findings: &[String]) -> Error {
    let told = findings
        .iter()
        .take(MAX_FINDINGS)
        .map(|finding| format!("\n  {finding}"));
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    let more = if more > 0 {
        format!("\n  and {more} more")
    } else {
        String::new()
    };
    Error::Untrusted(format!(
        "{place} is not what its {promised_by} says:{}{more}",
        told.collect::<String>()
    ))
}

/// Runs and dollars, and what keeps them from being final.
pub fn sums(totals: &Totals, doubt: Option<String>) -> String {
    let mut doubts: Vec<String> = doubt.into_iter().collect();
    if totals.runs_cost_unknown > 0 {
        doubts.push(format!(
            "{} without a cost",
            counted(totals.runs_cost_unknown, "run", "runs")
        ));
    }
    if totals.runs_provisional > 0 {
        doubts.push(format!(
            "{} may still move",
            counted(totals.runs_provisional, "run", "runs")
        ));
    }
    let at_least = if doubts.is_empty() { "" } else { "at least " };
    let usage = match totals.usage_total_usd {
        Some(usd) => format!("{at_least}${usd}"),
        None => "no known cost".into(),
    };
    let doubts = if doubts.is_empty() {
        String::new()
    } else {
        format!(" ({})", doubts.join("; "))
    };
    format!("{}, {usage}{doubts}", counted(totals.runs, "run", "runs"))
}
