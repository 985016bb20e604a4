//! What stands beside the rows of an export: reports, rejected items, the manifest; and how the files are told.

use std::fs;
use std::io::{self, Write};

use super::export::{RUNS_PARQUET, WORKING_PARQUET};
use crate::api::page::Rejected;
use crate::error::{Error, Result};
use crate::output::hashed::{FileEntry, HashedFile};
use crate::output::manifest::{MANIFEST, Manifest};
use crate::output::publish::Staging;
use crate::report::table::Table;
use crate::report::xlsx::{self, REPORT_XLSX};
use crate::report::{Report, csv as csv_report, html, json, markdown};
use crate::text::{counted, thousands, unbroken};

/// All reports as one document.
pub(super) const REPORT_JSON: &str = "report.json";
/// The same as a page.
pub(super) const REPORT_HTML: &str = "report.html";
/// The same for wikis, mails and pull requests.
pub(super) const REPORT_MD: &str = "report.md";
/// Items that make no sense as a run, as they came.
pub(super) const REJECTED: &str = "rejected.jsonl";

/// The files as the last line of the summary names them.
pub(super) fn told_files(manifest: &Manifest) -> String {
    let daily = manifest
        .files
        .iter()
        .filter(|file| file.path.starts_with("runs/"))
        .count() as u64;
    let reports = manifest
        .files
        .iter()
        .filter(|file| file.path.ends_with(".csv") && !file.path.starts_with("runs"))
        .count() as u64;
    let named = [REPORT_HTML, REPORT_XLSX, REPORT_MD, RUNS_PARQUET, "runs.csv", REJECTED];
    let mut told: Vec<String> = named
        .iter()
        .filter(|name| manifest.files.iter().any(|file| file.path == **name))
        .map(|name| name.to_string())
        .collect();
    if daily > 0 {
        let reports = told.iter().take_while(|file| file.starts_with("report.")).count();
        told.insert(reports, format!("runs/ ({})", counted(daily, "day", "days")));
    }
    told.push(format!("{} CSV reports", thousands(reports)));
    told.push(REPORT_JSON.into());
    told.push(MANIFEST.into());
    told.iter().map(|file| unbroken(file)).collect::<Vec<_>>().join(", ")
}

/// A report as a CSV file's text.
pub(super) fn csv_text(table: &Table) -> io::Result<Vec<u8>> {
    let mut csv = crate::output::csv::writer(Vec::new());
    csv_report::records(table).try_for_each(|record| csv.write_record(record))?;
    csv.into_inner().map_err(|error| error.into_error())
}

/// A report's CSV file.
pub(super) fn csv_name(table: &Table) -> String {
    format!("{}.csv", table.name)
}

/// Writes what stands beside the rows, the manifest last. The page and the workbook list the files before them.
pub(super) fn complete(
    staging: &Staging,
    manifest: &mut Manifest,
    rows: Vec<FileEntry>,
    report: &mut Report,
    rejected: &[Rejected],
) -> Result<()> {
    let failed = |path: &str, error: io::Error| Error::output("write", &staging.path().join(path), error);
    let working = staging.path().join(WORKING_PARQUET);
    if working.exists() {
        fs::remove_file(&working).map_err(|error| Error::output("remove", &working, error))?;
    }
    let mut files: Vec<FileEntry> = rows.into_iter().filter(|file| file.path != WORKING_PARQUET).collect();
    let add = |files: &mut Vec<FileEntry>, path: &str, text: &[u8], rows: Option<u64>| -> Result<()> {
        let mut file = HashedFile::new(staging.create(path)?);
        file.write_all(text).map_err(|error| failed(path, error))?;
        files.push(file.finish(path, rows).map_err(|error| failed(path, error))?);
        Ok(())
    };
    for table in report.tables() {
        let path = csv_name(&table);
        let text = csv_text(&table).map_err(|error| failed(&path, error))?;
        add(&mut files, &path, &text, Some(table.len as u64))?;
    }
    if !rejected.is_empty() {
        let lines: String = rejected.iter().map(|rejected| format!("{}\n", rejected.item)).collect();
        add(&mut files, REJECTED, lines.as_bytes(), Some(rejected.len() as u64))?;
    }
    add(&mut files, REPORT_JSON, json::render(report).as_bytes(), None)?;
    add(&mut files, REPORT_MD, markdown::render(report).as_bytes(), None)?;
    report.files.clone_from(&files);
    let mut workbook = Vec::new();
    xlsx::write(report, staging.path(), &mut workbook)?;
    add(&mut files, REPORT_XLSX, &workbook, None)?;
    report.files.clone_from(&files);
    add(&mut files, REPORT_HTML, html::render(report).as_bytes(), None)?;
    manifest.files = files;
    let mut file = staging.create(MANIFEST)?;
    file.write_all(manifest.to_json().as_bytes())
        .map_err(|error| failed(MANIFEST, error))
}
