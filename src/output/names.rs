//! The names of the files of an export and of a report, each in one place. Not where they are put, nor what is in them.

pub use crate::report::xlsx::REPORT_XLSX;

/// Written last, so that a folder which has it is whole.
pub const MANIFEST: &str = "manifest.json";

pub const RUNS_CSV: &str = "runs.csv";
/// Loads [`RUNS_CSV`] into DuckDB.
pub const RUNS_SQL: &str = "runs.sql";
pub const RUNS_PARQUET: &str = "runs.parquet";
/// The same where only CSV was asked for: read until the export is assembled, and not published.
pub const WORKING_PARQUET: &str = ".runs.parquet";
/// Items that are no runs, as they came.
pub const REJECTED: &str = "rejected.jsonl";

pub const REPORT_HTML: &str = "report.html";
pub const REPORT_JSON: &str = "report.json";
/// For wikis, mails and pull requests.
pub const REPORT_MD: &str = "report.md";
pub const REPORT_TXT: &str = "report.txt";
/// For the body of a mail.
pub const SUMMARY_TXT: &str = "summary.txt";

/// A reconciliation's.
pub const RECONCILE_HTML: &str = "reconcile.html";
pub const RECONCILE_XLSX: &str = "reconcile.xlsx";
pub const RECONCILE_JSON: &str = "reconcile.json";
pub const RECONCILE_TXT: &str = "reconcile.txt";

pub const FOCUS_CSV: &str = "focus.csv";
pub const FOCUS_PARQUET: &str = "focus.parquet";
/// The runs that FOCUS cannot hold.
pub const FOCUS_MISSING_CSV: &str = "focus-missing.csv";

/// A part of [`FOCUS_CSV`] where it is split; names sort by number, and the first is number one.
pub fn focus_part(number: u32) -> String {
    format!("focus-{number:04}.csv")
}
