//! `verify`: what an export promises, checked again from its files alone: hashes, rows, unique IDs, sums, order, period,
//! and no file beyond the manifest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path};

use serde_json::Value;

use super::finish::{REPORT_JSON, csv_name, csv_text};
use super::print;
use crate::cli::VerifyArgs;
use crate::error::{Error, Result};
use crate::output::csv::{CsvRows, RUNS_CSV};
use crate::output::hashed::{FileEntry, hash_of};
use crate::output::manifest::{MANIFEST, Manifest, SCHEMA_VERSION};
use crate::output::read::{csv_runs, parquet_batches};
use crate::period::{Millis, format_instant, parse_instant, parse_timezone};
use crate::report::json;
use crate::report::summary::Summary;
use crate::runs::cost_state::{PROVISIONAL, SETTLED, UNKNOWN};
use crate::runs::dedup::{SeenIds, Suspects};
use crate::runs::row::{Row, rows_of};
use crate::statement::TotalsText;
use crate::text::counted;

/// Most findings that are told one by one.
const MAX_FINDINGS: usize = 20;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: VerifyArgs) -> Result<()> {
    let verified = tokio::task::spawn_blocking(move || verify(&args)).await;
    verified.map_err(|error| anyhow::anyhow!("verifying failed: {error}"))?
}

fn verify(args: &VerifyArgs) -> Result<()> {
    let is_there = args.path.join(MANIFEST).exists();
    let manifest = Manifest::read(&args.path).map_err(if is_there { Error::Untrusted } else { Error::Usage })?;
    if manifest.schema_version != SCHEMA_VERSION {
        return Err(Error::Usage(format!(
            "{} was written by another version of apify-runs ({}): its manifest has shape {}, this version reads {SCHEMA_VERSION}",
            args.path.display(),
            manifest.tool_version,
            manifest.schema_version
        )));
    }
    let findings = findings(&args.path, &manifest)?;
    if findings.is_empty() {
        if args.quiet {
            return Ok(());
        }
        return print(&as_it_says(&args.path, &manifest));
    }
    let told: Vec<_> = findings
        .iter()
        .take(MAX_FINDINGS)
        .map(|finding| format!("\n  {finding}"))
        .collect();
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    let more = if more > 0 {
        format!("\n  and {more} more")
    } else {
        String::new()
    };
    Err(Error::Untrusted(format!(
        "{} is not what its manifest says:{}{more}",
        args.path.display(),
        told.concat()
    )))
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
    let foreign = manifest.foreign_files(export)?.into_iter();
    let mut findings: Vec<String> = foreign.map(|path| format!("{path}: not in the manifest")).collect();
    let is_listed = |path: &str| manifest.files.iter().any(|file| file.path == path);
    let formats = [manifest.parquet_files().next().is_some(), is_listed(RUNS_CSV)];
    if !formats.contains(&true) || !is_listed(REPORT_JSON) {
        findings.push("manifest.json: lists no file of runs, or no report".into());
    }
    let unreadable: Vec<String> = manifest
        .files
        .iter()
        .filter_map(|file| check_file(export, file))
        .collect();
    let are_regular = manifest.files.iter().all(|file| is_regular(&export.join(&file.path)));
    findings.extend(unreadable);
    if !are_regular {
        // What is missing or special can't be read for more.
        return Ok(findings);
    }
    let [has_parquet, has_csv] = formats;
    if has_parquet {
        let mut rows = Rows::new(manifest, "Parquet");
        let read = check_parquet(export, manifest, &mut rows);
        findings.extend(rows.finish(export, read, |suspects| parquet_times(export, manifest, suspects)));
    }
    if has_csv {
        let mut rows = Rows::new(manifest, RUNS_CSV);
        let path = export.join(RUNS_CSV);
        let read = csv_runs(&path).and_then(|mut runs| runs.try_for_each(|run| rows.see(RUNS_CSV, &run?.row())));
        findings.extend(rows.finish(export, read, |suspects| csv_times(&path, suspects)));
    }
    // Another version may write the same rows another way.
    if has_parquet && has_csv && findings.is_empty() && manifest.tool_version == env!("CARGO_PKG_VERSION") {
        let as_csv = parquet_as_csv(export, manifest)?;
        let csv = manifest.files.iter().find(|file| file.path == RUNS_CSV);
        if csv.is_some_and(|csv| csv.sha256 != as_csv.sha256) {
            findings.push(format!("{RUNS_CSV}: its rows are not those of the Parquet files"));
        }
    }
    Ok(findings)
}

/// What the Parquet files' rows are as CSV, by its hash.
fn parquet_as_csv(export: &Path, manifest: &Manifest) -> Result<FileEntry> {
    let mut csv = CsvRows::new(io::sink())?;
    for file in manifest.parquet_files() {
        for batch in parquet_batches(&export.join(&file.path)).map_err(Error::Untrusted)? {
            csv.write(&batch.map_err(Error::Untrusted)?)?;
        }
    }
    csv.finish()
}

fn is_regular(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

/// What is wrong with a file's bytes.
fn check_file(export: &Path, file: &FileEntry) -> Option<String> {
    let path = export.join(&file.path);
    let wrong = |problem: String| Some(format!("{}: {problem}", file.path));
    if !Path::new(&file.path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
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

/// The rows of one format, checked as they go by.
struct Rows<'m> {
    manifest: &'m Manifest,
    format: &'static str,
    bounds: Option<(Millis, Millis)>,
    last: Option<(Millis, String)>,
    rows: u64,
    seen: SeenIds,
    summary: Summary,
    findings: Vec<String>,
}

impl<'m> Rows<'m> {
    fn new(manifest: &'m Manifest, format: &'static str) -> Rows<'m> {
        let bounds = parse_instant(&manifest.period.from).zip(parse_instant(&manifest.period.to));
        let timezone = parse_timezone(&manifest.period.timezone);
        let mut findings = Vec::new();
        if bounds.is_none() || timezone.is_err() {
            findings.push("manifest.json: its period makes no sense".into());
        }
        Rows {
            manifest,
            format,
            bounds,
            last: None,
            rows: 0,
            seen: SeenIds::default(),
            summary: Summary::new(timezone.unwrap_or_default()),
            findings,
        }
    }

    fn see(&mut self, path: &str, row: &Row) -> Result<(), String> {
        self.rows += 1;
        self.seen.see(row.id);
        self.summary.add_row(row).map_err(|error| format!("{path}: {error}"))?;
        let (at, id) = (row.started_at_ms, row.id);
        let mut wrong = Vec::new();
        if self.bounds.is_some_and(|(from, to)| at < from || at >= to) {
            wrong.push("started outside of the period");
        }
        let states: &[&str] = if row.usage.is_none() {
            &[UNKNOWN]
        } else {
            &[SETTLED, PROVISIONAL]
        };
        if !states.contains(&row.cost_state) {
            wrong.push("has a cost_state that its cost doesn't go with");
        }
        match &mut self.last {
            Some((last, last_id)) => {
                if (*last, last_id.as_str()) >= (at, id) {
                    wrong.push("is not in order of started_at and id");
                }
                *last = at;
                last_id.replace_range(.., id);
            }
            None => self.last = Some((at, id.to_string())),
        }
        if self.findings.len() < MAX_FINDINGS {
            self.findings
                .extend(wrong.into_iter().map(|what| format!("{path}: run {id} {what}")));
        }
        Ok(())
    }

    /// What doesn't hold; `times` counts how often each suspect really is there.
    fn finish(
        self,
        export: &Path,
        read: Result<(), String>,
        times: impl Fn(&Suspects) -> Result<BTreeMap<String, u64>, String>,
    ) -> Vec<String> {
        let (format, mut findings) = (self.format, self.findings);
        if let Err(problem) = read {
            findings.push(problem);
            return findings;
        }
        let suspects = self.seen.suspects();
        if !suspects.is_empty() {
            match times(&suspects) {
                Err(problem) => findings.push(problem),
                Ok(times) => findings.extend(
                    times
                        .into_iter()
                        .filter(|(_, times)| *times > 1)
                        .map(|(id, _)| format!("{format}: run {id} is there more than once")),
                ),
            }
        }
        let (said, found) = (&self.manifest.totals, TotalsText::from(&self.summary.totals()));
        if self.rows != said.runs {
            findings.push(format!("{format}: {} rows, the manifest says {}", self.rows, said.runs));
        }
        if found != *said {
            findings.push(format!(
                "{format}: its rows sum up to {}, the manifest says {}",
                shown(&found),
                shown(said)
            ));
        }
        findings.extend(check_reports(export, &self.summary));
        findings
    }
}

/// Reports that don't say what the rows do.
fn check_reports(export: &Path, summary: &Summary) -> Vec<String> {
    let totals = summary.totals();
    let json = fs::read(export.join(REPORT_JSON)).map_err(|error| error.to_string());
    let json = json.and_then(|text| serde_json::from_slice::<Value>(&text).map_err(|error| error.to_string()));
    let json = match json {
        Ok(json) => json,
        Err(problem) => return vec![format!("{REPORT_JSON}: {problem}")],
    };
    let mut findings = Vec::new();
    if json["totals"] != serde_json::to_value(TotalsText::from(&totals)).unwrap_or_default() {
        findings.push(format!("{REPORT_JSON}: its totals are not those of the rows"));
    }
    for breakdown in summary.breakdowns() {
        let (name, path) = (breakdown.dimension.name(), csv_name(&breakdown));
        if json[name] != json::breakdown_value(&breakdown, &totals) {
            findings.push(format!("{REPORT_JSON}: its {name} is not that of the rows"));
        }
        if fs::read(export.join(&path)).ok() != csv_text(&breakdown, &totals).ok() {
            findings.push(format!("{path}: its figures are not those of the rows"));
        }
    }
    findings
}

fn check_parquet(export: &Path, manifest: &Manifest, rows: &mut Rows) -> Result<(), String> {
    for file in manifest.parquet_files() {
        let before = rows.rows;
        for batch in parquet_batches(&export.join(&file.path))? {
            rows_of(&batch?).try_for_each(|row| {
                let day = format_instant(row.started_at_ms);
                let folder = file
                    .path
                    .strip_prefix("runs/started_on=")
                    .and_then(|path| path.get(..10));
                if rows.findings.len() < MAX_FINDINGS && folder.is_some_and(|folder| !day.starts_with(folder)) {
                    let finding = format!("{}: run {} started on another day", file.path, row.id);
                    rows.findings.push(finding);
                }
                rows.see(&file.path, &row)
            })?;
        }
        let (found, said) = (rows.rows - before, file.rows.unwrap_or(0));
        if found != said {
            let finding = format!("{}: {found} rows, the manifest says {said}", file.path);
            rows.findings.push(finding);
        }
    }
    Ok(())
}

/// How often each suspect is in the Parquet files.
fn parquet_times(export: &Path, manifest: &Manifest, suspects: &Suspects) -> Result<BTreeMap<String, u64>, String> {
    let mut times = BTreeMap::new();
    for file in manifest.parquet_files() {
        for batch in parquet_batches(&export.join(&file.path))? {
            let batch = batch?;
            for row in rows_of(&batch).filter(|row| suspects.may_include(row.id)) {
                *times.entry(row.id.to_string()).or_default() += 1;
            }
        }
    }
    Ok(times)
}

/// How often each suspect is in the CSV file.
fn csv_times(path: &Path, suspects: &Suspects) -> Result<BTreeMap<String, u64>, String> {
    let mut times = BTreeMap::new();
    for run in csv_runs(path)? {
        let id = run?.key.id;
        if suspects.may_include(&id) {
            *times.entry(id).or_default() += 1;
        }
    }
    Ok(times)
}

fn shown(totals: &TotalsText) -> String {
    format!(
        "{} runs, {}, {} unknown, {} provisional",
        totals.runs,
        totals.usage_total_usd.as_deref().unwrap_or("no known cost"),
        totals.runs_cost_unknown,
        totals.runs_provisional
    )
}
