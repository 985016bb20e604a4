//! An export held against its manifest from its files alone: hashes, rows, unique IDs, sums, order, period, and no file beyond.

use std::io;

use arrow_array::RecordBatch;

use super::files::{CheckScope, check_file, check_files, is_of_this_version};
use super::rows::{RowsVisitor, check_csv, check_parquet};
use crate::archive::export_folder::ExportFolder;
use crate::archive::findings::{MAX_FINDINGS, sums, untrusted};
use crate::archive::{Depth, Verification};
use crate::error::{Error, ReadError, Result};
use crate::output::csv::CsvRows;
use crate::output::hashed::FileEntry;
use crate::output::names::RUNS_CSV;
use crate::report::figures::Figures;
use crate::runs::column_set::ColumnSet;
use crate::text::counted;

/// What an export is held against, as messages name it.
const MANIFEST: &str = "manifest";

pub fn verify(export: &ExportFolder, depth: Depth) -> Result<Verification> {
    let scope = match depth {
        Depth::Full => CheckScope::Everything,
        Depth::Quick => CheckScope::EverythingButHashes,
    };
    let manifest = export.manifest();
    let notes: Vec<String> = leftovers_note(export).into_iter().collect();
    Ok(Verification {
        findings: findings(export, scope)?,
        success: success(export, &notes),
        promised_by: MANIFEST,
        notice: manifest.notice.clone(),
        version: None,
        files: manifest.files.len() as u64,
        proven: manifest.proof.proven,
        totals: manifest.totals.clone(),
        notes,
    })
}

/// Reads every row of an export once, in order, for whoever makes something of them. Rows and manifest are held to what `verify`
/// holds them to: exit 5 where anything doesn't hold, or where the folder has other files too, so that nothing made of the rows
/// may be shown before this has returned. What differs in pages and other presentations is noted. Gives the figures that the
/// export's own reports are of.
pub fn read_verified(export: &ExportFolder, see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<Figures> {
    read(export, CheckScope::Figures, see)
}

/// The same, whatever other files there are, and without those figures.
pub fn read_rows(export: &ExportFolder, see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
    read(export, CheckScope::RowsAndManifest, see).map(|_| ())
}

/// Holds the rows of an export against what its manifest says of them, whatever else is there.
pub fn check_rows(export: &ExportFolder) -> Result<()> {
    read(export, CheckScope::Rows, |_| Ok(())).map(|_| ())
}

fn read(export: &ExportFolder, scope: CheckScope, mut see: impl FnMut(&RecordBatch) -> Result<()>) -> Result<Figures> {
    let is_unreadable = |file: &&FileEntry| export.file(&file.path).is_err();
    if let Some(file) = scope.files(export).into_iter().find(is_unreadable) {
        let finding = check_file(export, scope, file).unwrap_or_else(|| format!("{}: it cannot be read", file.path));
        return Err(untrusted(export.path().display(), MANIFEST, &[finding]));
    }
    // The caller's own failure, such as a full disk, keeps its exit code; the reading that it ends needs some error too.
    let mut failure = None;
    let mut see = |batch: &RecordBatch| {
        see(batch).map_err(|error| {
            let ended = ReadError::new(&error);
            failure = Some(error);
            ended
        })
    };
    let (files, rows) = std::thread::scope(|scoped| {
        let files = scoped.spawn(|| -> Result<Vec<String>> {
            let (mut findings, _) = check_files(export, scope)?;
            export.note_presentations(scope.presentation_findings(export));
            if findings.is_empty() && scope != CheckScope::Rows {
                findings.extend(check_beside_parquet(export, scope)?);
            }
            Ok(findings)
        });
        let rows = if export.has_parquet() {
            check_parquet(export, scope, &mut see)
        } else {
            check_csv(export, scope, &mut see)
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
        Err(untrusted(export.path().display(), MANIFEST, &findings))
    }
}

/// What desktops and file systems have left in the folder, which is nobody's data.
fn leftovers_note(export: &ExportFolder) -> Option<String> {
    let leftovers = export.leftovers();
    let first: Vec<&str> = leftovers.iter().take(MAX_FINDINGS).map(String::as_str).collect();
    let more = match leftovers.len() - first.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = first.join(", ");
    (!leftovers.is_empty()).then(|| {
        format!("ignored {first}{more}: left by a desktop, an editor or the file system, and removed with the export when it is replaced")
    })
}

/// The text about an export that is what its manifest says.
fn success(export: &ExportFolder, notes: &[String]) -> String {
    let manifest = export.manifest();
    let is_incomplete = (!manifest.proof.proven).then(|| "published as INCOMPLETE".to_string());
    let notice = manifest.notice.as_ref();
    format!(
        "{}{}: {}, {}; all files match the manifest\n{}",
        notice.map_or(String::new(), |notice| format!("{notice}\n")),
        export.path().display(),
        counted(manifest.files.len() as u64, "file", "files"),
        sums(&manifest.totals, is_incomplete),
        notes.iter().map(|note| format!("Note: {note}\n")).collect::<String>()
    )
}

/// Everything that doesn't hold.
fn findings(export: &ExportFolder, scope: CheckScope) -> Result<Vec<String>> {
    let (mut findings, are_readable) = check_files(export, scope)?;
    if !are_readable {
        return Ok(findings);
    }
    let see: &mut RowsVisitor = &mut |_| Ok(());
    if export.has_parquet() {
        findings.extend(check_parquet(export, scope, see).1);
    }
    if export.entry(RUNS_CSV).is_some() {
        findings.extend(check_csv(export, scope, see).1);
    }
    if export.has_parquet() && findings.is_empty() {
        findings.extend(check_csv_against_parquet(export)?);
    }
    Ok(findings)
}

/// Whether the rows of the two formats differ; another version may write the same rows another way, which isn't judged.
fn check_csv_against_parquet(export: &ExportFolder) -> Result<Option<String>> {
    let Some(csv) = export.entry(RUNS_CSV).filter(|_| is_of_this_version(export)) else {
        return Ok(None);
    };
    let same = csv.sha256 == parquet_as_csv(export)?.sha256;
    Ok((!same).then(|| format!("{RUNS_CSV}: its rows differ from the Parquet files")))
}

/// The same of an export whose Parquet files are read anyway: where this version wrote both, CSV is what they make.
fn check_beside_parquet(export: &ExportFolder, scope: CheckScope) -> Result<Vec<String>> {
    if !export.has_parquet() || export.entry(RUNS_CSV).is_none() {
        return Ok(Vec::new());
    }
    if !is_of_this_version(export) {
        return Ok(check_csv(export, scope, &mut |_| Ok(())).1);
    }
    Ok(check_csv_against_parquet(export)?.into_iter().collect())
}

/// What the Parquet files' rows are as CSV, by its hash.
fn parquet_as_csv(export: &ExportFolder) -> Result<FileEntry> {
    let columns = export.manifest().columns.iter().map(String::as_str);
    let mut csv = CsvRows::new(io::sink(), ColumnSet::from_names(columns).map_err(Error::untrusted)?)?;
    for batch in export.rows(None) {
        csv.write(&batch.map_err(Error::untrusted)?)?;
    }
    csv.finish()
}
