//! An export's reports against what its rows come to, compared a row at a time and never held: an account may have very many
//! Actors, and then the reports are larger than the rows.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde_json::Value;

use crate::archive::export::report_json::{self, ExpectedTable, TableMatches};
use crate::archive::export::usage::read_usage;
use crate::archive::export_folder::ExportFolder;
use crate::output::manifest::Manifest;
use crate::output::names::REPORT_JSON;
use crate::output::report_csv::{csv_name, write_csv};
use crate::period::{Zone, rules_version};
use crate::provenance::{Retention, Totals};
use crate::report::account_usage::AccountUsage;
use crate::report::figures::Figures;
use crate::report::table::{CellKind, Table};
use crate::runs::schema::COLUMNS;

/// Reports that every version has written.
const ALWAYS: [&str; 3] = ["cost_by_actor", "status_summary", "cost_by_day"];

/// Reports that don't say what the rows do; of those in CSV only if they are asked for too.
pub fn check_reports(export: &ExportFolder, figures: &Figures, with_csv: bool) -> Vec<String> {
    // Another version may have known fewer.
    let is_there = |table: &Table| ALWAYS.contains(&&*table.name) || export.entry(&csv_name(table)).is_some();
    // Nor are days the same where those of a time zone begin by other rules.
    let manifest = export.manifest();
    let has_same_days =
        manifest.period.timezone == Zone::UTC || manifest.timezone_rules.as_deref() == Some(rules_version());
    let is_there = |table: &Table| is_there(table) && (has_same_days || !is_of_days(table));
    let usage = match read_usage(export) {
        Ok(usage) => usage,
        Err(problem) => return vec![problem.to_string()],
    };
    let explained = usage
        .as_ref()
        .and_then(|usage| usage.explained(figures, lacks_runs(manifest)));
    let tables = figures.tables().into_iter().filter(is_there);
    let tables = tables.chain(usage.iter().flat_map(AccountUsage::tables));
    let tables = tables.map(|table| ExpectedTable {
        may_lack: unknown_names(&table, &manifest.columns),
        table,
    });
    let tables: Vec<ExpectedTable> = tables.collect();
    let file = export.file(REPORT_JSON);
    let TableMatches {
        totals,
        usage_explained,
        same,
    } = match file.and_then(|file| report_json::compare(file.reader(), &tables)) {
        Ok(compared) => compared,
        Err(problem) => return vec![format!("{REPORT_JSON}: {problem}")],
    };
    let mut findings = Vec::new();
    let expected = serde_json::to_value(Totals::from(&figures.totals));
    if totals.unwrap_or_default() != expected.unwrap_or(Value::Null) {
        findings.push(format!("{REPORT_JSON}: its totals differ from the rows"));
    }
    let expected = explained.map(|explained| serde_json::to_value(explained.document()).unwrap_or(Value::Null));
    if usage_explained != expected {
        findings.push(format!("{REPORT_JSON}: its usage_explained differs from the files"));
    }
    findings.extend(usage.iter().filter_map(AccountUsage::contradiction));
    for (expected, same) in tables.iter().zip(same) {
        let table = &expected.table;
        let path = csv_name(table);
        if !same {
            findings.push(format!("{REPORT_JSON}: {} differs from the rows", table.name));
        }
        if !with_csv {
            continue;
        }
        if !is_written_as(export, &path, expected).unwrap_or(false) {
            findings.push(format!("{path}: its figures differ from the rows"));
        }
        if export.entry(&path).and_then(|file| file.rows) != Some(table.len as u64) {
            findings.push(format!("{path}: {} rows, the manifest says another number", table.len));
        }
    }
    findings
}

/// As the report was made: by what was kept when the job began.
fn lacks_runs(manifest: &Manifest) -> bool {
    let expired = manifest.retention.as_ref().and_then(Retention::headline);
    !manifest.proof.proven || expired.is_some()
}

fn is_of_days(table: &Table) -> bool {
    table.columns.iter().any(|column| column.kind == CellKind::Date)
}

/// The columns of names that the rows lack: they were left out, or an earlier version didn't know them, and its reports lack them
/// too.
fn unknown_names(table: &Table, of_rows: &[String]) -> Vec<&'static str> {
    let columns = table.columns.iter().filter(|column| column.kind == CellKind::Name);
    let is_of_rows = |name: &&str| COLUMNS.iter().any(|column| column.name == *name);
    let is_lacking = |name: &&str| !of_rows.iter().any(|there| there == name);
    let names = columns.map(|column| column.name);
    names.filter(|name| is_of_rows(name) && is_lacking(name)).collect()
}

/// Whether a file's bytes are those of a report in CSV, with or without the columns that it may lack.
fn is_written_as(export: &ExportFolder, path: &str, expected: &ExpectedTable) -> io::Result<bool> {
    let ExpectedTable { table, may_lack } = expected;
    let is_whole = has_bytes_of(export, path, table)?;
    Ok(is_whole || (!may_lack.is_empty() && has_bytes_of(export, path, &table.without(may_lack))?))
}

fn has_bytes_of(export: &ExportFolder, path: &str, table: &Table) -> io::Result<bool> {
    let file = export.file(path).map_err(io::Error::other)?;
    let comparison = FileComparison {
        file: BufReader::with_capacity(64 << 10, file.reader()),
        same: true,
    };
    let mut comparison = write_csv(table, export.manifest().report_csv, comparison)?;
    Ok(comparison.same && comparison.file.fill_buf()?.is_empty())
}

/// A writer that compares the bytes to a file instead of writing them.
struct FileComparison<R> {
    file: BufReader<R>,
    same: bool,
}

impl<R: Read> Write for FileComparison<R> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut left = bytes;
        while self.same && !left.is_empty() {
            let found = self.file.fill_buf()?;
            let length = found.len().min(left.len());
            self.same = length > 0 && found[..length] == left[..length];
            self.file.consume(length);
            left = &left[length..];
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
