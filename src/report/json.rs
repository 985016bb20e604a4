//! `report.json`, and what `--json` prints. Money is decimal text, exact; NULL where no cost is known.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use crate::period::{Millis, Period, format_instant, instant_text};
use crate::provenance::{Account, Filters, Proof, Retention, Source, Totals, UsageFacts};
use crate::report::Report;
use crate::report::account_usage::USAGE_EXPLAINED;
use crate::report::caveat;
use crate::report::comparison::PeriodComparison;
use crate::report::facts::AccountFacts;
use crate::report::run_filter::RunFilter;
use crate::report::table::{Cell, Table};
use crate::report::unusual::{NotJudgedDocument, UnusualDayDocument, UnusualDays};
use crate::report::usage_explained::UsageExplainedDocument;

/// The report of an export or a lake: account, period, completeness, totals, and each breakdown as a list of rows.
#[derive(Serialize)]
struct ReportText<'a, 't, 'r> {
    /// A notice about the source that every output shows; null if there is none.
    notice: Option<&'static str>,
    period: &'a Period,
    /// The period of the export; present only if the report covers a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_of: Option<&'a Period>,
    /// The account of the runs; null if it is unknown.
    account: &'a Option<Account>,
    /// The accounts of the runs; present only if the report is of several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<AccountText<'a>>,
    source: Source,
    /// The filters of the export.
    filters: &'a Filters,
    /// Which of its runs the report is of, where that was asked for.
    #[serde(rename = "where", skip_serializing_if = "RunFilter::is_empty")]
    only: &'a RunFilter,
    /// The job's start.
    #[serde(with = "instant_text")]
    queried_at: Millis,
    /// Whether all runs were received.
    proof: &'a Proof,
    /// Apify's retention, compared with the period; null if it is unknown.
    retention: &'a Option<Retention>,
    /// Figures of all runs.
    totals: Totals,
    /// Apify's own count of the period, and builds; null if they were not requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a UsageFacts>,
    /// How much of Apify's count runs and builds explain; absent if the count is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_explained: Option<UsageExplainedDocument>,
    /// Days on which an Actor, or the whole account, used more than usual; present with --unusual.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusual_days: Option<Vec<UnusualDayDocument>>,
    /// The number of days that were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusual_days_judged: Option<u64>,
    /// Days that were not judged, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusual_days_not_judged: Option<NotJudgedDocument>,
    /// Caveats as sentences.
    caveats: Vec<String>,
    /// Caveats with codes and counts.
    caveat_details: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<ComparisonText<'a>>,
    #[serde(flatten)]
    tables: Tables<'t, 'r>,
}

#[derive(Serialize)]
struct AccountText<'a> {
    /// The account's ID; if it is unknown, the path of the archive, or the name in the configuration.
    id: &'a str,
    username: &'a Option<String>,
    /// The paths of its exports and lakes; empty if its job failed.
    archives: &'a Vec<String>,
    /// When the API was first asked; null if there is no archive.
    #[serde(with = "instant_text::option")]
    queried_at: Option<Millis>,
    /// Whether all its runs were received.
    complete: bool,
    /// `complete`, or `INCOMPLETE` with what is missing.
    status: String,
    proof: &'a Proof,
    retention: &'a Option<Retention>,
    /// Caveats of this account as sentences.
    caveats: Vec<String>,
}

impl<'a> From<&'a AccountFacts> for AccountText<'a> {
    fn from(facts: &'a AccountFacts) -> AccountText<'a> {
        AccountText {
            id: &facts.account.id,
            username: &facts.account.username,
            archives: &facts.archives,
            queried_at: facts.queried_at_ms,
            complete: facts.is_complete(),
            status: facts.status(),
            proof: &facts.proof,
            retention: &facts.retention,
            caveats: caveat::sentences(&facts.caveats),
        }
    }
}

#[derive(Serialize)]
struct ComparisonText<'a> {
    /// Whether the previous period could be read.
    judged: bool,
    /// Why the previous period could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<&'a Period>,
    /// Where the runs of the previous period came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Whether runs of the previous period may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<Totals>,
}

impl<'a> From<&'a PeriodComparison> for ComparisonText<'a> {
    fn from(against: &'a PeriodComparison) -> ComparisonText<'a> {
        let before = against.before.as_ref().ok();
        ComparisonText {
            judged: before.is_some(),
            why: against.before.as_ref().err().map(ToString::to_string),
            period: before.map(|before| &before.period),
            from: before.map(|before| before.from.clone()),
            incomplete: before.map(|before| before.lacks_runs),
            totals: before.map(|before| (&before.figures.totals).into()),
        }
    }
}

pub fn render(report: &Report) -> String {
    let mut text = Vec::new();
    write(report, &mut text).expect("memory takes all that is written");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Written as it is made: with very many Actors it is larger than all else of a job.
pub fn write(report: &Report, into: &mut impl Write) -> io::Result<()> {
    let facts = &report.facts;
    let mut tables = report.tables();
    // It is an object of its own here.
    tables.retain(|table| table.name != USAGE_EXPLAINED);
    let unusual = report.unusual.as_ref();
    let text = ReportText {
        notice: facts.source.notice(),
        period: &facts.period,
        part_of: facts.part_of.as_ref(),
        account: &facts.account,
        accounts: facts.accounts.iter().map(AccountText::from).collect(),
        source: facts.source,
        filters: &facts.filters,
        only: &report.figures.only,
        queried_at: facts.queried_at_ms,
        proof: &facts.proof,
        retention: &facts.retention,
        totals: (&report.figures.totals).into(),
        usage: report.usage.as_ref().map(|usage| &usage.facts),
        usage_explained: report.usage_explained().map(|explained| explained.document()),
        unusual_days: unusual.map(UnusualDays::documents),
        unusual_days_judged: unusual.map(|unusual| unusual.judged),
        unusual_days_not_judged: unusual.and_then(UnusualDays::not_judged_document),
        caveats: caveat::sentences(&facts.caveats),
        caveat_details: caveat::details(&facts.caveats),
        comparison: report.against.as_ref().map(ComparisonText::from),
        tables: Tables(&tables),
    };
    serde_json::to_writer_pretty(&mut *into, &text)?;
    into.write_all(b"\n")
}

/// Every table by its name. Rows become JSON one by one: an account may have very many Actors.
struct Tables<'t, 'r>(&'t [Table<'r>]);

impl Serialize for Tables<'_, '_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.collect_map(self.0.iter().map(|table| (&table.name, TableRows(table))))
    }
}

struct TableRows<'t, 'r>(&'t Table<'r>);

impl Serialize for TableRows<'_, '_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.collect_seq(self.0.rows().map(|cells| TableRow(self.0, cells)))
    }
}

struct TableRow<'t, 'r>(&'t Table<'r>, Vec<Cell<'r>>);

impl Serialize for TableRow<'_, '_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut row = json.serialize_map(Some(self.1.len()))?;
        for (column, cell) in self.0.columns.iter().zip(&self.1) {
            row.serialize_entry(column.name, &CellValue(cell))?;
        }
        row.end()
    }
}

struct CellValue<'t, 'r>(&'t Cell<'r>);

impl Serialize for CellValue<'_, '_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Cell::Absent => json.serialize_none(),
            Cell::Text(text) => json.serialize_str(text),
            Cell::Count(count) => json.serialize_u64(*count),
            Cell::Quantity(usd) | Cell::Usd(usd) => usd.serialize(json),
            Cell::Decimal(decimal) => decimal.serialize(json),
            Cell::Instant(ms) => json.serialize_str(&format_instant(*ms)),
            Cell::Worded(value, _) => CellValue(value).serialize(json),
        }
    }
}

#[cfg(test)]
mod tests;
