//! An export, held against its manifest from its files alone: hashes, rows, unique IDs, sums, order, period, and no file beyond.

use std::io;

use arrow_array::RecordBatch;

use super::files::{Scope, check_file, check_files};
use super::rows::{Rows, check_parquet, csv_times, parquet_times};
use crate::archive::export_folder::ExportFolder;
use crate::archive::findings::{sums, untrusted};
use crate::archive::{Depth, Verified};
use crate::error::{Error, Result};
use crate::output::csv::CsvRows;
use crate::output::hashed::FileEntry;
use crate::output::manifest::Manifest;
use crate::output::names::RUNS_CSV;
use crate::report::figures::Figures;
use crate::runs::column_set::Chosen;
use crate::text::counted;

/// What makes an export's promises.
const MANIFEST_SAYS: &str = "manifest";

/// What came of checking an export.
pub fn verified(export: &ExportFolder, depth: Depth) -> Result<Verified> {
    let scope = match depth {
        Depth::Full => Scope::Everything,
        Depth::Quick => Scope::EverythingButHashes,
    };
    Ok(Verified {
        findings: findings(export, scope)?,
        told: as_it_says(export),
        promised_by: MANIFEST_SAYS,
    })
}

/// Reads every row of an export once, in order, for whoever makes something of them. Files, rows and reports are held against
/// the manifest meanwhile, as `verify` does: exit 5 where anything doesn't hold, so that nothing made of the rows may be shown
/// before this has returned. Gives the figures that the export's own reports are of.
pub fn read_verified(export: &ExportFolder, see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<Figures> {
    read(export, Scope::Everything, see)
}

/// The same for whoever needs no more than the rows: what `verify` refuses about rows or manifest is refused, the page and
/// other presentations of them aren't looked at.
pub fn read_rows(export: &ExportFolder, see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
    read(export, Scope::RowsAndManifest, see).map(|_| ())
}

/// Holds the rows of an export against what its manifest says of them, whatever else is there.
pub fn check_rows(export: &ExportFolder) -> Result<()> {
    read(export, Scope::Rows, |_| Ok(())).map(|_| ())
}

fn read(export: &ExportFolder, scope: Scope, mut see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<Figures> {
    let shown = export.path().display();
    let mut listed = scope.files(export.manifest());
    if let Some(file) = listed.find(|file| export.file(&file.path).is_err()) {
        // What is missing or special can't be read.
        let finding = check_file(export, scope, file).unwrap_or_else(|| format!("{}: it can't be read", file.path));
        return Err(untrusted(shown, MANIFEST_SAYS, &[finding]));
    }
    let mut failure = None;
    let mut see = |batch: &RecordBatch| {
        see(batch).map_err(|error| {
            let text = error.to_string();
            failure = Some(error);
            text
        })
    };
    let (files, rows) = std::thread::scope(|scoped| {
        let files = scoped.spawn(|| -> Result<Vec<String>> {
            let (mut findings, _) = check_files(export, scope)?;
            if findings.is_empty() && scope != Scope::Rows {
                findings.extend(check_beside_parquet(export, scope)?);
            }
            Ok(findings)
        });
        let rows = match export.manifest().parquet_files().next() {
            Some(_) => parquet_findings(export, scope, &mut see),
            None => csv_findings(export, scope, &mut see),
        };
        (files.join(), rows)
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let mut findings = files.map_err(|_| anyhow::anyhow!("checking the files failed"))??;
    let (figures, of_rows) = rows;
    findings.extend(of_rows);
    if findings.is_empty() {
        Ok(figures)
    } else {
        Err(untrusted(shown, MANIFEST_SAYS, &findings))
    }
}

/// What is told of an export that is what its manifest says.
fn as_it_says(export: &ExportFolder) -> String {
    let manifest = export.manifest();
    let is_incomplete = (!manifest.proof.proven).then(|| "published as INCOMPLETE".to_string());
    let notice = manifest
        .notice
        .as_ref()
        .map_or(String::new(), |notice| format!("{notice}\n"));
    format!(
        "{notice}{}: {}, {}: as its manifest says\n",
        export.path().display(),
        counted(manifest.files.len() as u64, "file", "files"),
        sums(&manifest.totals, is_incomplete)
    )
}

/// Everything that doesn't hold.
fn findings(export: &ExportFolder, scope: Scope) -> Result<Vec<String>> {
    let (mut findings, are_regular) = check_files(export, scope)?;
    if !are_regular {
        // What is missing or special can't be read for more.
        return Ok(findings);
    }
    let has_parquet = export.manifest().parquet_files().next().is_some();
    let mut see = |_: &RecordBatch| Ok(());
    if has_parquet {
        findings.extend(parquet_findings(export, scope, &mut see).1);
    }
    if csv_of(export.manifest()).is_some() {
        findings.extend(csv_findings(export, scope, &mut see).1);
    }
    if has_parquet && findings.is_empty() {
        findings.extend(check_csv_against_parquet(export)?);
    }
    Ok(findings)
}

fn csv_of(manifest: &Manifest) -> Option<&FileEntry> {
    manifest.files.iter().find(|file| file.path == RUNS_CSV)
}

/// Whether the rows of the two formats differ; another version may write the same rows another way, which isn't judged.
fn check_csv_against_parquet(export: &ExportFolder) -> Result<Option<String>> {
    let csv = csv_of(export.manifest()).filter(|_| is_of_this_version(export.manifest()));
    let Some(csv) = csv else {
        return Ok(None);
    };
    let same = csv.sha256 == parquet_as_csv(export)?.sha256;
    Ok((!same).then(|| format!("{RUNS_CSV}: its rows are not those of the Parquet files")))
}

pub fn is_of_this_version(manifest: &Manifest) -> bool {
    manifest.tool_version == env!("CARGO_PKG_VERSION")
}

/// The same of an export whose Parquet files are read anyway: where this version wrote both, CSV is what they make.
fn check_beside_parquet(export: &ExportFolder, scope: Scope) -> Result<Vec<String>> {
    let manifest = export.manifest();
    let has_both = manifest.parquet_files().next().is_some() && csv_of(manifest).is_some();
    if !has_both {
        return Ok(Vec::new());
    }
    if !is_of_this_version(manifest) {
        return Ok(csv_findings(export, scope, &mut |_| Ok(())).1);
    }
    Ok(check_csv_against_parquet(export)?.into_iter().collect())
}

/// What is to be done with each batch, beside checking it.
pub type See<'s> = dyn FnMut(&RecordBatch) -> Result<(), String> + 's;

fn parquet_findings(export: &ExportFolder, scope: Scope, see: &mut See) -> (Figures, Vec<String>) {
    let mut rows = Rows::new(export.manifest(), "Parquet", scope);
    let read = check_parquet(export, &mut rows, see);
    rows.finish(export, read, |suspects| parquet_times(export, suspects))
}

fn csv_findings(export: &ExportFolder, scope: Scope, see: &mut See) -> (Figures, Vec<String>) {
    let manifest = export.manifest();
    let mut rows = Rows::new(manifest, RUNS_CSV, scope);
    let mut check = |batch: RecordBatch| {
        rows.see_all(RUNS_CSV, &batch)?;
        see(&batch)
    };
    let batches = export.rows_file(RUNS_CSV).and_then(|file| file.csv_batches());
    let read = batches.and_then(|mut batches| batches.try_for_each(|batch| check(batch?)));
    let (figures, mut findings) = rows.finish(export, read, |suspects| csv_times(export, suspects));
    let said = csv_of(manifest).and_then(|file| file.rows);
    if said != Some(manifest.totals.runs) {
        findings.push(format!("{RUNS_CSV}: its rows in the manifest are not the total's"));
    }
    (figures, findings)
}

/// What the Parquet files' rows are as CSV, by its hash.
fn parquet_as_csv(export: &ExportFolder) -> Result<FileEntry> {
    let manifest = export.manifest();
    let columns = Chosen::of_names(manifest.columns.iter().map(String::as_str)).map_err(Error::Untrusted)?;
    let mut csv = CsvRows::new(io::sink(), columns)?;
    for file in manifest.parquet_files() {
        let batches = export.rows_file(&file.path).and_then(|file| file.parquet_batches());
        for batch in batches.map_err(Error::Untrusted)? {
            csv.write(&batch.map_err(Error::Untrusted)?)?;
        }
    }
    csv.finish()
}
