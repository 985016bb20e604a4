//! `report.json`, and what `--json` prints. Money is decimal text, exact; NULL where no cost is known.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Report;
use super::facts::{Filters, PeriodText, Source};
use super::summary::{Breakdown, Measures};
use crate::api::client::Account;
use crate::fetch::Proof;
use crate::money::{SCALE, ratio_6_places};
use crate::period::format_instant;

/// The measures of a group, as the manifest and the report have them.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct TotalsText {
    /// Runs.
    pub runs: u64,
    /// Of them, `SUCCEEDED`.
    pub runs_succeeded: u64,
    /// `FAILED`.
    pub runs_failed: u64,
    /// `TIMED-OUT`.
    pub runs_timed_out: u64,
    /// `ABORTED`.
    pub runs_aborted: u64,
    /// Any other status.
    pub runs_other: u64,
    /// US dollars, exact; null where no cost is known.
    pub usage_total_usd: Option<String>,
    /// Runs without a cost: not in the sum.
    pub runs_cost_unknown: u64,
    /// Runs whose cost may still move.
    pub runs_provisional: u64,
}

impl From<&Measures> for TotalsText {
    fn from(measures: &Measures) -> TotalsText {
        TotalsText {
            runs: measures.runs,
            runs_succeeded: measures.succeeded,
            runs_failed: measures.failed,
            runs_timed_out: measures.timed_out,
            runs_aborted: measures.aborted,
            runs_other: measures.other,
            usage_total_usd: measures.usage().map(|usd| usd.to_string()),
            runs_cost_unknown: measures.cost_unknown,
            runs_provisional: measures.provisional,
        }
    }
}

/// A group's part of all usage, between 0 and 1, 6 places; none where there is nothing to divide.
pub fn share(measures: &Measures, totals: &Measures) -> Option<String> {
    let (part, all) = (measures.usage()?, totals.usage()?);
    ratio_6_places(part.0, all.0)
}

/// US dollars a run that has a cost, 6 places.
pub fn mean_usd(measures: &Measures) -> Option<String> {
    let usage = measures.usage()?;
    ratio_6_places(usage.0, i128::from(measures.cost_known()) * 10i128.pow(SCALE))
}

#[derive(Serialize)]
struct ReportText<'a> {
    notice: Option<&'static str>,
    period: PeriodText,
    account: &'a Option<Account>,
    source: Source,
    filters: &'a Filters,
    queried_at: String,
    proof: &'a Proof,
    totals: TotalsText,
    caveats: &'a [String],
    #[serde(flatten)]
    breakdowns: Map<String, Value>,
}

/// The report as indented JSON, with a final line break.
pub fn render(report: &Report) -> String {
    let facts = &report.facts;
    let breakdowns = report.breakdowns.iter().map(|breakdown| {
        (
            breakdown.dimension.name().to_string(),
            Value::Array(rows(breakdown, &report.totals)),
        )
    });
    let text = ReportText {
        notice: facts.source.notice(),
        period: (&facts.period).into(),
        account: &facts.account,
        source: facts.source,
        filters: &facts.filters,
        queried_at: format_instant(facts.queried_at_ms),
        proof: &facts.proof,
        totals: (&report.totals).into(),
        caveats: &facts.caveats,
        breakdowns: breakdowns.collect(),
    };
    serde_json::to_string_pretty(&text).expect("a report has only text keys") + "\n"
}

fn rows(breakdown: &Breakdown, totals: &Measures) -> Vec<Value> {
    let row = |(key, measures): &(String, Measures)| {
        let text = TotalsText::from(measures);
        serde_json::json!({
            breakdown.dimension.key(): key,
            "runs": text.runs,
            "runs_succeeded": text.runs_succeeded,
            "runs_failed": text.runs_failed,
            "runs_timed_out": text.runs_timed_out,
            "runs_aborted": text.runs_aborted,
            "runs_other": text.runs_other,
            "usage_total_usd": text.usage_total_usd,
            "share": share(measures, totals),
            "mean_usd": mean_usd(measures),
            "runs_cost_unknown": text.runs_cost_unknown,
            "runs_provisional": text.runs_provisional,
        })
    };
    breakdown.rows.iter().map(row).collect()
}
