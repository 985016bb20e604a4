//! What stands beside the rows of an export: reports, rejected items, the manifest; and how the files are told.

use std::fs;
use std::io::{self, BufWriter, Write};

use crate::api::item::RejectedItem;
use crate::error::{Error, Result};
use crate::output::hashed::{FileEntry, HashedFile};
use crate::output::load_script::load_script;
use crate::output::manifest::Manifest;
use crate::output::names::{
    MANIFEST, REJECTED, REPORT_HTML, REPORT_JSON, REPORT_MD, REPORT_XLSX, RUNS_CSV, RUNS_PARQUET, RUNS_SQL,
    SUMMARY_TXT, WORKING_PARQUET,
};
use crate::output::publish::Staging;
use crate::output::report_csv::{csv_name, write_csv};
use crate::report::xlsx;
use crate::report::{Report, html, json, markdown, summary_text};
use crate::text::{counted, no_break, thousands};

/// The files as the last line of the summary names them.
pub fn file_list(manifest: &Manifest) -> String {
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
    let presentations = [REPORT_HTML, REPORT_XLSX, REPORT_MD, SUMMARY_TXT];
    let named = presentations.iter().chain(&[RUNS_PARQUET, RUNS_CSV, REJECTED]);
    let mut told: Vec<String> = named
        .filter(|name| manifest.files.iter().any(|file| file.path == **name))
        .map(|name| name.to_string())
        .collect();
    if daily > 0 {
        let shown = told
            .iter()
            .take_while(|file| presentations.contains(&file.as_str()))
            .count();
        told.insert(shown, format!("runs/ ({})", counted(daily, "day", "days")));
    }
    told.push(format!("{} CSV reports", thousands(reports)));
    told.push(REPORT_JSON.into());
    told.push(MANIFEST.into());
    told.iter().map(|file| no_break(file)).collect::<Vec<_>>().join(", ")
}

/// The files of a new export as they are written, in the order of the manifest.
struct NewFiles<'s> {
    staging: &'s Staging,
    files: Vec<FileEntry>,
}

/// A file that is being written; small parts go through a buffer, since they would be hashed one by one.
type NewFile = BufWriter<HashedFile>;

impl NewFiles<'_> {
    fn failed(&self, path: &str, error: io::Error) -> Error {
        Error::output("write", &self.staging.path().join(path), error)
    }

    fn begin(&self, path: &str) -> Result<NewFile> {
        let file = HashedFile::new(self.staging.create(path)?);
        Ok(BufWriter::with_capacity(64 << 10, file))
    }

    fn end(&mut self, path: &str, rows: Option<u64>, file: NewFile) -> Result<()> {
        let file = file.into_inner().map_err(|error| error.into_error());
        let entry = file.and_then(|file| file.finish(path, rows));
        self.files.push(entry.map_err(|error| self.failed(path, error))?);
        Ok(())
    }

    fn add(&mut self, path: &str, rows: Option<u64>, write: impl FnOnce(&mut NewFile) -> io::Result<()>) -> Result<()> {
        let mut file = self.begin(path)?;
        write(&mut file).map_err(|error| self.failed(path, error))?;
        self.end(path, rows, file)
    }
}

/// Writes what stands beside the rows, the manifest last. The page and the workbook list the files before them.
pub fn write_files(
    staging: &Staging,
    manifest: &mut Manifest,
    rows: Vec<FileEntry>,
    report: &mut Report,
    rejected: &[RejectedItem],
) -> Result<()> {
    let working = staging.path().join(WORKING_PARQUET);
    if working.exists() {
        fs::remove_file(&working).map_err(|error| Error::output("remove", &working, error))?;
    }
    let files = rows.into_iter().filter(|file| file.path != WORKING_PARQUET).collect();
    let mut new = NewFiles { staging, files };
    for table in report.tables() {
        let rows = Some(table.len as u64);
        new.add(&csv_name(&table), rows, |file| {
            write_csv(&table, manifest.report_csv, file).map(drop)
        })?;
    }
    if !rejected.is_empty() {
        let rows = Some(rejected.len() as u64);
        let mut items = rejected.iter();
        new.add(REJECTED, rows, |file| {
            items.try_for_each(|rejected| writeln!(file, "{}", rejected.item))
        })?;
    }
    if new.files.iter().any(|file| file.path == RUNS_CSV) {
        let columns = manifest.columns.iter().map(String::as_str);
        new.add(RUNS_SQL, None, |file| file.write_all(load_script(columns).as_bytes()))?;
    }
    new.add(REPORT_JSON, None, |file| json::write(report, file))?;
    new.add(REPORT_MD, None, |file| markdown::write(report, file))?;
    new.add(SUMMARY_TXT, None, |file| {
        file.write_all(summary_text::render(report).as_bytes())
    })?;
    report.files.clone_from(&new.files);
    let mut workbook = new.begin(REPORT_XLSX)?;
    xlsx::write(report, staging.path(), &mut workbook)?;
    new.end(REPORT_XLSX, None, workbook)?;
    report.files.clone_from(&new.files);
    new.add(REPORT_HTML, None, |file| {
        file.write_all(html::render(report).as_bytes())
    })?;
    manifest.files = new.files;
    let mut file = staging.create(MANIFEST)?;
    file.write_all(manifest.to_json().as_bytes())
        .map_err(|error| Error::output("write", &staging.path().join(MANIFEST), error))
}
