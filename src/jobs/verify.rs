//! `verify`: what an export promises, checked again from its files alone: hashes, rows, unique IDs, sums, order, period,
//! and no file beyond the manifest.

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;

use super::print;
use crate::cli::VerifyArgs;
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::output::csv::RUNS_CSV;
use crate::output::hashed::hash_of;
use crate::output::manifest::{Manifest, SCHEMA_VERSION};
use crate::output::read::{csv_keys, parquet_batches};
use crate::period::{Millis, parse_instant, parse_timezone};
use crate::report::json::TotalsText;
use crate::report::summary::Summary;
use crate::report::text::thousands;
use crate::runs::dedup::SeenIds;
use crate::runs::schema::col;

/// Most findings that are told one by one.
const MAX_FINDINGS: usize = 20;

/// Runs the job.
pub fn run(args: VerifyArgs) -> Result<()> {
    let manifest = Manifest::read(&args.path).map_err(Error::Usage)?;
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
        let usage = manifest
            .totals
            .usage_total_usd
            .as_deref()
            .map_or("of unknown usage".into(), |usd| format!("${usd}"));
        return print(&format!(
            "{}: {} files, {} runs, {usage}: as its manifest says{}\n",
            args.path.display(),
            manifest.files.len(),
            thousands(manifest.totals.runs),
            if manifest.proof.proven {
                ""
            } else {
                "; it was published as INCOMPLETE"
            }
        ));
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

/// Everything that doesn't hold.
fn findings(export: &Path, manifest: &Manifest) -> Result<Vec<String>> {
    let mut findings: Vec<String> = manifest
        .foreign_files(export)?
        .into_iter()
        .map(|path| format!("{path}: not in the manifest"))
        .collect();
    for file in &manifest.files {
        match File::open(export.join(&file.path)).and_then(hash_of) {
            Err(error) => findings.push(format!("{}: {error}", file.path)),
            Ok((_, bytes)) if bytes != file.bytes => {
                findings.push(format!(
                    "{}: {bytes} bytes, the manifest says {}",
                    file.path, file.bytes
                ));
            }
            Ok((sha256, _)) if sha256 != file.sha256 => findings.push(format!("{}: its hash is another", file.path)),
            Ok(_) => {}
        }
    }
    if manifest.parquet_files().next().is_some() {
        findings.extend(check_parquet(export, manifest));
    }
    if manifest.files.iter().any(|file| file.path == RUNS_CSV) {
        findings.extend(check_csv(export, manifest));
    }
    Ok(findings)
}

/// What is checked row by row.
struct Rows {
    bounds: Option<(Millis, Millis)>,
    last: Option<(Millis, String)>,
    rows: u64,
    findings: Vec<String>,
}

impl Rows {
    fn new(manifest: &Manifest) -> Rows {
        let bounds = parse_instant(&manifest.period.from).zip(parse_instant(&manifest.period.to));
        let findings = if bounds.is_none() {
            vec!["manifest.json: its period makes no sense".into()]
        } else {
            Vec::new()
        };
        Rows {
            bounds,
            last: None,
            rows: 0,
            findings,
        }
    }

    fn see(&mut self, path: &str, started_at: Millis, id: &str) {
        self.rows += 1;
        if self.findings.len() >= MAX_FINDINGS {
            return;
        }
        if self
            .bounds
            .is_some_and(|(from, to)| started_at < from || started_at >= to)
        {
            self.findings
                .push(format!("{path}: run {id} started outside of the period"));
        }
        match &mut self.last {
            Some((last, last_id)) => {
                if (*last, last_id.as_str()) >= (started_at, id) {
                    self.findings
                        .push(format!("{path}: run {id} is not in order of started_at and id"));
                }
                *last = started_at;
                last_id.replace_range(.., id);
            }
            None => self.last = Some((started_at, id.to_string())),
        }
    }
}

fn check_parquet(export: &Path, manifest: &Manifest) -> Vec<String> {
    let mut rows = Rows::new(manifest);
    let mut seen = SeenIds::default();
    let mut summary = Summary::new(parse_timezone(&manifest.period.timezone).unwrap_or_default());
    let each_file = |each: &mut dyn FnMut(&str, RecordBatch) -> Result<(), String>| -> Result<(), String> {
        manifest
            .parquet_files()
            .try_for_each(|file| parquet_batches(&export.join(&file.path), |batch| each(&file.path, batch)))
    };
    let read = each_file(&mut |path, batch| {
        let ids = batch.column(col::ID).as_string::<i32>();
        let started = batch.column(col::STARTED_AT).as_primitive::<TimestampMillisecondType>();
        (0..batch.num_rows()).for_each(|row| rows.see(path, started.value(row), ids.value(row)));
        seen.see_all(&batch);
        summary.add(&batch).map_err(|error| error.to_string())
    });
    let mut findings = rows.findings;
    if let Err(problem) = read {
        findings.push(problem);
        return findings;
    }
    let mut suspects = seen.suspects();
    if !suspects.is_empty() {
        let checked = each_file(&mut |_, batch| {
            suspects.check(&batch);
            Ok(())
        });
        findings.extend(checked.err());
        findings.extend(
            suspects
                .losers()
                .into_iter()
                .map(|(id, _)| format!("Parquet: run {id} is there more than once")),
        );
    }
    let found = TotalsText::from(&summary.totals());
    if found != manifest.totals {
        findings.push(format!(
            "Parquet: its rows sum up to {}, the manifest says {}",
            shown(&found),
            shown(&manifest.totals)
        ));
    }
    findings.extend(check_rows(
        "Parquet",
        rows.rows,
        manifest.parquet_files().map(|file| file.rows.unwrap_or(0)).sum(),
    ));
    findings
}

fn check_csv(export: &Path, manifest: &Manifest) -> Vec<String> {
    let mut rows = Rows::new(manifest);
    let (mut usage, mut unknown) = (0i128, 0);
    let read = csv_keys(&export.join(RUNS_CSV)).and_then(|mut keys| {
        keys.try_for_each(|run| {
            let run = run?;
            rows.see(RUNS_CSV, run.started_at_ms, &run.id);
            unknown += u64::from(run.usage.is_none());
            usage = usage
                .checked_add(run.usage.map_or(0, |usd| usd.0))
                .ok_or("runs.csv: the sum of costs is beyond 38 digits")?;
            Ok::<_, String>(())
        })
    });
    let mut findings = rows.findings;
    findings.extend(read.err());
    let usage = (rows.rows > unknown).then(|| Usd(usage).to_string());
    if (&usage, unknown) != (&manifest.totals.usage_total_usd, manifest.totals.runs_cost_unknown) {
        let sum = usage.as_deref().unwrap_or("no known cost");
        findings.push(format!(
            "runs.csv: its rows sum up to {sum}, {unknown} unknown; the manifest says {}",
            shown(&manifest.totals)
        ));
    }
    findings.extend(check_rows(RUNS_CSV, rows.rows, manifest.totals.runs));
    findings
}

fn check_rows(path: &str, found: u64, said: u64) -> Option<String> {
    (found != said).then(|| format!("{path}: {found} rows, the manifest says {said}"))
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
