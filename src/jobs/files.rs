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
use crate::report::{Report, csv as csv_report, html, json, markdown};
use crate::text::{counted, thousands, unbroken};

/// All reports as one document.
pub(super) const REPORT_JSON: &str = "report.json";
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
    let named = ["report.html", "report.md", RUNS_PARQUET, "runs.csv", REJECTED];
    let mut told: Vec<String> = named
        .iter()
        .filter(|name| manifest.files.iter().any(|file| file.path == **name))
        .map(|name| name.to_string())
        .collect();
    if daily > 0 {
        told.insert(2.min(told.len()), format!("runs/ ({})", counted(daily, "day", "days")));
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

/// Writes what stands beside the rows, the manifest last.
pub(super) fn complete(
    staging: &Staging,
    manifest: &mut Manifest,
    rows: Vec<FileEntry>,
    report: &mut Report,
    rejected: &[Rejected],
) -> Result<()> {
    let failed = |path: &str, error: io::Error| Error::output("write", &staging.path().join(path), error);
    manifest.files = rows.into_iter().filter(|file| file.path != WORKING_PARQUET).collect();
    let working = staging.path().join(WORKING_PARQUET);
    if working.exists() {
        fs::remove_file(&working).map_err(|error| Error::output("remove", &working, error))?;
    }
    let files = &mut manifest.files;
    let add = |files: &mut Vec<FileEntry>, path: &str, text: &[u8], rows: Option<u64>| -> Result<()> {
        let mut file = HashedFile::new(staging.create(path)?);
        file.write_all(text).map_err(|error| failed(path, error))?;
        files.push(file.finish(path, rows).map_err(|error| failed(path, error))?);
        Ok(())
    };
    for table in report.tables() {
        let path = csv_name(&table);
        let text = csv_text(&table).map_err(|error| failed(&path, error))?;
        add(files, &path, &text, Some(table.len as u64))?;
    }
    add(files, REPORT_JSON, json::render(report).as_bytes(), None)?;
    add(files, "report.md", markdown::render(report).as_bytes(), None)?;
    if !rejected.is_empty() {
        let lines: String = rejected.iter().map(|rejected| format!("{}\n", rejected.item)).collect();
        add(files, REJECTED, lines.as_bytes(), Some(rejected.len() as u64))?;
    }
    // The page names all the others, so it comes last.
    report.files.clone_from(files);
    report.replaced.clone_from(&manifest.replaced);
    add(files, "report.html", html::render(report).as_bytes(), None)?;
    let mut file = staging.create(MANIFEST)?;
    file.write_all(manifest.to_json().as_bytes())
        .map_err(|error| failed(MANIFEST, error))
}
