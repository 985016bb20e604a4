//! `report.json`, and what `--json` prints. Money is decimal text, exact; NULL where no cost is known.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::Report;
use super::dimension::Dimension;
use super::summary::{Breakdown, Group, Measures};
use crate::money::{SCALE, ratio_6_places};
use crate::period::format_instant;
use crate::statement::{Account, Filters, PeriodText, Proof, Retention, Source, TotalsText};

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
    retention: &'a Option<Retention>,
    totals: TotalsText,
    caveats: &'a [String],
    #[serde(flatten)]
    breakdowns: Breakdowns<'a>,
}

/// The report as indented JSON, with a final line break.
pub fn render(report: &Report) -> String {
    let facts = &report.facts;
    let text = ReportText {
        notice: facts.source.notice(),
        period: (&facts.period).into(),
        account: &facts.account,
        source: facts.source,
        filters: &facts.filters,
        queried_at: format_instant(facts.queried_at_ms),
        proof: &facts.proof,
        retention: &facts.retention,
        totals: (&report.totals).into(),
        caveats: &facts.caveats,
        breakdowns: Breakdowns(report),
    };
    serde_json::to_string_pretty(&text).expect("a report has only text keys") + "\n"
}

/// A breakdown's rows as the report has them.
pub fn breakdown_value(breakdown: &Breakdown, totals: &Measures) -> Value {
    serde_json::to_value(Rows { breakdown, totals }).expect("rows have only text keys")
}

/// Every breakdown by its name. Rows become JSON one by one: an account may have very many Actors.
struct Breakdowns<'a>(&'a Report);

impl Serialize for Breakdowns<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let rows = |breakdown| Rows {
            breakdown,
            totals: &self.0.totals,
        };
        json.collect_map(
            self.0
                .breakdowns
                .iter()
                .map(|breakdown| (breakdown.dimension.name(), rows(breakdown))),
        )
    }
}

struct Rows<'a> {
    breakdown: &'a Breakdown,
    totals: &'a Measures,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.collect_seq(self.breakdown.rows.iter().map(|group| Row {
            dimension: self.breakdown.dimension,
            group,
            totals: self.totals,
        }))
    }
}

struct Row<'a> {
    dimension: Dimension,
    group: &'a Group,
    totals: &'a Measures,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let measures = &self.group.measures;
        let text = TotalsText::from(measures);
        let mut row = json.serialize_map(None)?;
        let key = Some(&self.group.key).filter(|key| !key.is_empty());
        row.serialize_entry(self.dimension.key(), &key)?;
        row.serialize_entry("runs", &text.runs)?;
        row.serialize_entry("runs_succeeded", &text.runs_succeeded)?;
        row.serialize_entry("runs_failed", &text.runs_failed)?;
        row.serialize_entry("runs_timed_out", &text.runs_timed_out)?;
        row.serialize_entry("runs_aborted", &text.runs_aborted)?;
        row.serialize_entry("runs_other", &text.runs_other)?;
        row.serialize_entry("usage_total_usd", &text.usage_total_usd)?;
        row.serialize_entry("share", &share(measures, self.totals))?;
        row.serialize_entry("mean_usd", &mean_usd(measures))?;
        row.serialize_entry("runs_cost_unknown", &text.runs_cost_unknown)?;
        row.serialize_entry("runs_provisional", &text.runs_provisional)?;
        if let Some(name) = self.dimension.name_key() {
            row.serialize_entry(name, &self.group.name)?;
        }
        row.end()
    }
}
