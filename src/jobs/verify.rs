//! `verify`: what an export promises, checked again from its files alone: hashes, rows, unique IDs, sums, order, period,
//! and no file beyond the manifest.

mod rows;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rows::{Rows, check_parquet, csv_times, parquet_times};

use arrow_array::RecordBatch;
use serde_json::Value;

use super::files::{REJECTED, REPORT_JSON};
use super::print;
use crate::cli::VerifyArgs;
use crate::error::{Error, Result};
use crate::output::csv::{CsvRows, RUNS_CSV};
use crate::output::hashed::{FileEntry, hash_of};
use crate::output::manifest::{Manifest, is_within};
use crate::output::read::{csv_batches, parquet_batches};
use crate::report::figures::Figures;
use crate::runs::chosen::Chosen;
use crate::text::counted;

/// Most findings that are told one by one.
const MAX_FINDINGS: usize = 20;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: VerifyArgs) -> Result<()> {
    let verified = tokio::task::spawn_blocking(move || verify(&args)).await;
    verified.map_err(|error| anyhow::anyhow!("verifying failed: {error}"))?
}

fn verify(args: &VerifyArgs) -> Result<()> {
    let manifest = Manifest::open(&args.path)?;
    let findings = findings(&args.path, &manifest)?;
    if findings.is_empty() {
        if args.quiet {
            return Ok(());
        }
        return print(&as_it_says(&args.path, &manifest));
    }
    Err(untrusted(&args.path, &findings))
}

/// Exit 5, with what doesn't hold.
fn untrusted(export: &Path, findings: &[String]) -> Error {
    let told = findings
        .iter()
        .take(MAX_FINDINGS)
        .map(|finding| format!("\n  {finding}"));
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    let more = if more > 0 {
        format!("\n  and {more} more")
    } else {
        String::new()
    };
    Error::Untrusted(format!(
        "{} is not what its manifest says:{}{more}",
        export.display(),
        told.collect::<String>()
    ))
}

/// Reads every row of an export once, in order, for whoever makes something of them. Files, rows and reports are held against
/// the manifest meanwhile: exit 5 where anything doesn't hold, so that nothing made of the rows may be shown before this has
/// returned. All that `verify` checks but whether two formats of the same rows agree, of which it reads one. Gives the
/// figures that the export's own reports are of.
pub(super) fn read_verified(
    export: &Path,
    manifest: &Manifest,
    mut see: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<Figures> {
    let mut failure = None;
    let mut see = |batch: &RecordBatch| {
        see(batch).map_err(|error| {
            let text = error.to_string();
            failure = Some(error);
            text
        })
    };
    let (files, rows) = std::thread::scope(|scope| {
        let files = scope.spawn(|| check_files(export, manifest));
        let rows = match manifest.parquet_files().next() {
            Some(_) => parquet_findings(export, manifest, &mut see),
            None => csv_findings(export, manifest, &mut see),
        };
        (files.join(), rows)
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    let (mut findings, _) = files.map_err(|_| anyhow::anyhow!("checking the files failed"))??;
    let (figures, of_rows) = rows;
    findings.extend(of_rows);
    if findings.is_empty() {
        Ok(figures)
    } else {
        Err(untrusted(export, &findings))
    }
}

/// What is told of an export that is what its manifest says.
fn as_it_says(export: &Path, manifest: &Manifest) -> String {
    let totals = &manifest.totals;
    let mut doubts = Vec::new();
    if !manifest.proof.proven {
        doubts.push("published as INCOMPLETE".to_string());
    }
    if totals.runs_cost_unknown > 0 {
        doubts.push(format!(
            "{} without a cost",
            counted(totals.runs_cost_unknown, "run", "runs")
        ));
    }
    if totals.runs_provisional > 0 {
        doubts.push(format!(
            "{} may still move",
            counted(totals.runs_provisional, "run", "runs")
        ));
    }
    let at_least = if doubts.is_empty() { "" } else { "at least " };
    let usage = match &totals.usage_total_usd {
        Some(usd) => format!("{at_least}${usd}"),
        None => "no known cost".into(),
    };
    let doubts = if doubts.is_empty() {
        String::new()
    } else {
        format!(" ({})", doubts.join("; "))
    };
    let notice = manifest
        .notice
        .as_ref()
        .map_or(String::new(), |notice| format!("{notice}\n"));
    format!(
        "{notice}{}: {}, {}, {usage}{doubts}: as its manifest says\n",
        export.display(),
        counted(manifest.files.len() as u64, "file", "files"),
        counted(totals.runs, "run", "runs"),
    )
}

/// Everything that doesn't hold.
fn findings(export: &Path, manifest: &Manifest) -> Result<Vec<String>> {
    let (mut findings, are_regular) = check_files(export, manifest)?;
    if !are_regular {
        // What is missing or special can't be read for more.
        return Ok(findings);
    }
    let has_parquet = manifest.parquet_files().next().is_some();
    let csv = manifest.files.iter().find(|file| file.path == RUNS_CSV);
    let mut see = |_: &RecordBatch| Ok(());
    if has_parquet {
        findings.extend(parquet_findings(export, manifest, &mut see).1);
    }
    if csv.is_some() {
        findings.extend(csv_findings(export, manifest, &mut see).1);
    }
    // Another version may write the same rows another way.
    if has_parquet && findings.is_empty() && manifest.tool_version == env!("CARGO_PKG_VERSION") {
        let differs = match csv {
            Some(csv) => csv.sha256 != parquet_as_csv(export, manifest)?.sha256,
            None => false,
        };
        if differs {
            findings.push(format!("{RUNS_CSV}: its rows are not those of the Parquet files"));
        }
    }
    Ok(findings)
}

/// What doesn't hold of the files beside their rows, and whether all are regular ones.
fn check_files(export: &Path, manifest: &Manifest) -> Result<(Vec<String>, bool)> {
    let foreign = manifest.foreign_files(export)?.into_iter();
    let mut findings: Vec<String> = foreign.map(|path| format!("{path}: not in the manifest")).collect();
    let is_listed = |path: &str| manifest.files.iter().any(|file| file.path == path);
    let has_rows = manifest.parquet_files().next().is_some() || is_listed(RUNS_CSV);
    if !has_rows || !is_listed(REPORT_JSON) {
        findings.push("manifest.json: lists no file of runs, or no report".into());
    }
    findings.extend(manifest.files.iter().filter_map(|file| check_file(export, file)));
    let are_regular = manifest.files.iter().all(|file| is_regular(&export.join(&file.path)));
    if are_regular {
        findings.extend(check_manifest(export, manifest));
    }
    Ok((findings, are_regular))
}

/// What is to be done with each batch, beside checking it.
type See<'s> = dyn FnMut(&RecordBatch) -> Result<(), String> + 's;

fn parquet_findings(export: &Path, manifest: &Manifest, see: &mut See) -> (Figures, Vec<String>) {
    let mut rows = Rows::new(manifest, "Parquet");
    let read = check_parquet(export, manifest, &mut rows, see);
    rows.finish(export, read, |suspects| parquet_times(export, manifest, suspects))
}

fn csv_findings(export: &Path, manifest: &Manifest, see: &mut See) -> (Figures, Vec<String>) {
    let mut rows = Rows::new(manifest, RUNS_CSV);
    let path = export.join(RUNS_CSV);
    let mut check = |batch: RecordBatch| {
        rows.see_all(RUNS_CSV, &batch)?;
        see(&batch)
    };
    let read = csv_batches(&path).and_then(|mut batches| batches.try_for_each(|batch| check(batch?)));
    let (figures, mut findings) = rows.finish(export, read, |suspects| csv_times(&path, suspects));
    let said = manifest
        .files
        .iter()
        .find(|file| file.path == RUNS_CSV)
        .and_then(|file| file.rows);
    if said != Some(manifest.totals.runs) {
        findings.push(format!("{RUNS_CSV}: its rows in the manifest are not the total's"));
    }
    (figures, findings)
}

/// What the Parquet files' rows are as CSV, by its hash.
fn parquet_as_csv(export: &Path, manifest: &Manifest) -> Result<FileEntry> {
    let columns = Chosen::of_names(manifest.columns.iter().map(String::as_str)).map_err(Error::Untrusted)?;
    let mut csv = CsvRows::new(io::sink(), columns)?;
    for file in manifest.parquet_files() {
        for batch in parquet_batches(&export.join(&file.path)).map_err(Error::Untrusted)? {
            csv.write(&batch.map_err(Error::Untrusted)?)?;
        }
    }
    csv.finish()
}

/// What the manifest says that it contradicts itself, the report or the rejected items.
fn check_manifest(export: &Path, manifest: &Manifest) -> Vec<String> {
    let mut findings = Vec::new();
    let (runs, fetched) = (manifest.totals.runs, manifest.proof.fetched);
    if runs > fetched || (manifest.filters.is_empty() && runs < fetched) {
        findings.push(format!(
            "manifest.json: {runs} runs, and its proof says that {fetched} were fetched"
        ));
    }
    let lines = fs::read_to_string(export.join(REJECTED)).map_or(0, |text| text.lines().count() as u64);
    let said = manifest
        .files
        .iter()
        .find(|file| file.path == REJECTED)
        .and_then(|file| file.rows);
    if lines != manifest.runs_rejected || said.unwrap_or(0) != lines {
        findings.push(format!(
            "{REJECTED}: {lines} items, the manifest says {}",
            manifest.runs_rejected
        ));
    }
    let report = fs::read(export.join(REPORT_JSON)).ok();
    let report = report.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let said = serde_json::to_value(manifest).expect("a manifest has only text keys");
    let shared = [
        "notice",
        "period",
        "account",
        "source",
        "filters",
        "queried_at",
        "proof",
        "retention",
        "caveats",
    ];
    let differing = |name: &&str| report.as_ref().is_some_and(|report| report[*name] != said[*name]);
    let differing = shared.into_iter().filter(|name| differing(name));
    findings.extend(differing.map(|name| format!("{REPORT_JSON}: its {name} is not the manifest's")));
    findings
}

fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// What is wrong with a file's bytes.
fn check_file(export: &Path, file: &FileEntry) -> Option<String> {
    let path = export.join(&file.path);
    let wrong = |problem: String| Some(format!("{}: {problem}", file.path));
    if !is_within(&file.path) {
        return wrong("its path leads out of the export".into());
    }
    match fs::symlink_metadata(&path) {
        Err(error) => return wrong(error.to_string()),
        Ok(found) if !found.is_file() => return wrong("it is no regular file".into()),
        Ok(_) => {}
    }
    match File::open(&path).and_then(hash_of) {
        Err(error) => wrong(error.to_string()),
        Ok((_, bytes)) if bytes != file.bytes => wrong(format!("{bytes} bytes, the manifest says {}", file.bytes)),
        Ok((sha256, _)) if sha256 != file.sha256 => wrong("its hash is another".into()),
        Ok(_) => None,
    }
}
