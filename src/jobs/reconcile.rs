//! `reconcile`: a billing cycle's runs, from an export that covers it or fetched, against the usage that Apify counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use tokio::time::Instant;

use super::reading::Reading;
use super::source::{Connection, retention_of};
use super::write::{WriteOptions, parquet_paths};
use super::{Surroundings, print, say};
use crate::api::client::RequestError;
use crate::cli::{Details, ReconcileArgs};
use crate::error::{Error, Result};
use crate::fetch::Lister;
use crate::fetch::details::DetailOptions;
use crate::fetch::names::NameBook;
use crate::money::Usd;
use crate::output::csv::RUNS_CSV;
use crate::output::manifest::Manifest;
use crate::output::parquet::Layout;
use crate::output::publish::{Destination, Staging};
use crate::output::read::{csv_runs, parquet_batches, parquet_chosen};
use crate::output::rows::RowFormats;
use crate::period::{Millis, Period, PeriodSpec, parse_instant};
use crate::report::reconcile::{CycleRuns, EdgeRuns, Reconciliation, json, terminal};
use crate::report::summary::{Dimension, Dimensions, Summary};
use crate::report::terminal::Look;
use crate::runs::chosen::Chosen;
use crate::runs::cost_state::SettleRule;
use crate::runs::row::{Row, rows_of};
use crate::runs::schema::{COLUMNS, METERS, col};
use crate::statement::{DetailMode, Filters};
use crate::text::counted;

/// The cycle's rows while they are summed.
const ROWS: &str = "runs.parquet";

/// Runs the job.
pub async fn run(args: ReconcileArgs, surroundings: Surroundings) -> Result<()> {
    let connection = Connection::open(&args.source, args.costs.detail_rate, &surroundings).await?;
    let retention = connection.ask_retention();
    let usage = connection.api.monthly_usage(&args.cycle.to_string()).await?;
    let now_ms = connection.api.server_time_ms().unwrap_or(surroundings.now_ms);
    let cycle = PeriodSpec::between(usage.from_ms, usage.to_ms)?.resolve(chrono_tz::UTC, now_ms)?;
    let retention = retention_of(retention, &cycle, now_ms).await;
    if let Err(unknown) = &retention {
        say(&format!("apify-runs: warning: {unknown}"));
    }
    let from_path = match &args.path {
        Some(path) => runs_of_export(path, &cycle, &connection).await?,
        None => None,
    };
    let cycle_runs = match from_path {
        Some(runs) => runs,
        None => fetch(&args, &surroundings, &connection, &cycle, now_ms).await?,
    };
    let reconciliation = Reconciliation {
        source: connection.source,
        period: (&cycle).into(),
        is_over: !cycle.is_cut(),
        runs_from: cycle_runs.from,
        retention: retention.ok(),
        proven: cycle_runs.proven,
        runs: cycle_runs.runs,
        usage,
        tolerance: args.tolerance,
    };
    let look = if surroundings.bold { Look::Bold } else { Look::Plain };
    let printed = match (args.json, args.quiet) {
        (true, _) => print(&json::render(&reconciliation)),
        (_, true) => Ok(()),
        _ => print(&terminal::render(&reconciliation, look)),
    };
    let verdict = reconciliation.verdict();
    if args.fail_unexplained && verdict.is_unexplained() {
        let verdict = verdict.name().replace('_', " ");
        return Err(Error::Condition(format!(
            "the runs don't explain what Apify counts (--fail-unexplained): {verdict}, remainder {}",
            reconciliation.remainder().dollars()
        )));
    }
    printed
}

/// A cycle's runs, and where they came from.
struct Gathered {
    runs: CycleRuns,
    proven: bool,
    from: String,
}

/// The runs of an export, if it covers the cycle.
async fn runs_of_export(path: &Path, cycle: &Period, connection: &Connection) -> Result<Option<Gathered>> {
    let manifest = Manifest::read(path).map_err(Error::Usage)?;
    let account = connection.account().await;
    let other_account = manifest
        .account
        .as_ref()
        .zip(account.as_ref())
        .is_some_and(|(a, b)| a.id != b.id);
    if manifest.source != connection.source || other_account {
        return Err(Error::Usage(format!(
            "{} is of another account or source than the one whose usage is asked for",
            path.display()
        )));
    }
    let shown = path.display();
    let (from, to) = (&manifest.period.from, &manifest.period.to);
    let edges = parse_instant(from).zip(parse_instant(to));
    let reaches = edges.is_some_and(|(from, to)| from <= cycle.from && to >= cycle.to);
    if !reaches || !manifest.filters.is_empty() {
        let why = if reaches {
            "holds filtered runs".into()
        } else {
            format!("reaches from {from} to {to}")
        };
        say(&format!(
            "apify-runs: warning: {shown} {why}, so it doesn't cover the cycle: its runs are fetched"
        ));
        return Ok(None);
    }
    let source = format!("of {shown}, asked for at {}", manifest.queried_at);
    let (path, edges, proven) = (path.to_path_buf(), (cycle.from, cycle.to), manifest.proof.proven);
    let gathered = tokio::task::spawn_blocking(move || {
        let files: Vec<PathBuf> = manifest.parquet_files().map(|file| path.join(&file.path)).collect();
        let runs = if files.is_empty() {
            sum_csv(&path.join(RUNS_CSV), edges)?
        } else {
            sum_parquet(&files, edges)?
        };
        Ok(Some(Gathered {
            runs,
            proven,
            from: source,
        }))
    });
    gathered
        .await
        .map_err(|error| anyhow::anyhow!("reading the export failed: {error}"))?
}

/// The cycle's runs from the API, by way of files that are gone afterwards.
async fn fetch(
    args: &ReconcileArgs,
    surroundings: &Surroundings,
    connection: &Connection,
    cycle: &Period,
    now_ms: Millis,
) -> Result<Gathered> {
    let job_start = Instant::now();
    let folder = std::env::temp_dir().join(format!("apify-runs-reconcile-{}", std::process::id()));
    let mut destination = Destination::acquire(&folder)?;
    let staging = Arc::new(destination.stage()?);
    let lister = Lister {
        api: connection.api.clone(),
        statuses: Vec::new(),
        allow_incomplete: false,
        period: (cycle.from, cycle.to),
    };
    let first = match lister.first_page(cycle.from - 1, cycle.to).await {
        Ok(page) => Some(page),
        Err(RequestError::TooHeavy) => None,
        Err(RequestError::Failed(error)) => return Err(error),
    };
    let metered = args.costs.details == Details::All;
    let settle = SettleRule {
        job_start_ms: now_ms,
        settle_ms: args.costs.settle_ms(),
    };
    let mode: DetailMode = args.costs.details.into();
    let reading = Reading {
        lister,
        first,
        concurrency: args.source.concurrency.into(),
        filters: Filters::default(),
        names: Arc::new(NameBook::new(None, connection.spare.clone())),
        details: DetailOptions {
            mode,
            concurrency: args.costs.detail_concurrency.into(),
            settle,
            job_start,
            wait_settled: args.costs.wait_settled,
        },
        known: None,
        on_terminal: surroundings.stderr_is_terminal && !args.quiet,
        in_lines: false,
    };
    let columns = Chosen::all(metered);
    let options = WriteOptions {
        formats: RowFormats {
            columns: columns.clone(),
            parquet: Layout::File(ROWS),
            parquet_compat: false,
            csv: false,
        },
        settle,
        metered,
        names: reading.names.clone(),
        timezone: chrono_tz::UTC,
        dimensions: Dimensions::default(),
    };
    let read = reading.into_files(staging.clone(), options).await?;
    if read.details.failed > 0 {
        let runs = counted(read.details.failed, "run", "runs");
        say(&format!("apify-runs: warning: the details of {runs} could not be read"));
    }
    let runs = sum_staged(staging, &read.written.files, (cycle.from, cycle.to)).await?;
    Ok(Gathered {
        runs,
        proven: read.fetched.proof.proven,
        from: "fetched now".into(),
    })
}

async fn sum_staged(
    staging: Arc<Staging>,
    files: &[crate::output::hashed::FileEntry],
    edges: (Millis, Millis),
) -> Result<CycleRuns> {
    let files = parquet_paths(&staging, files);
    let summed = tokio::task::spawn_blocking(move || {
        let runs = sum_parquet(&files, edges);
        drop(staging);
        runs
    });
    summed
        .await
        .map_err(|error| anyhow::anyhow!("summing the runs failed: {error}"))?
}

/// The runs of a cycle, added up as they go by.
struct Sums {
    from: Millis,
    to: Millis,
    summary: Summary,
    meters: [Usd; METERS],
    finished_after: EdgeRuns,
    started_before: EdgeRuns,
}

impl Sums {
    fn new((from, to): (Millis, Millis)) -> Sums {
        Sums {
            from,
            to,
            summary: Summary::new(chrono_tz::UTC, Dimensions::default()),
            meters: [Usd::default(); METERS],
            finished_after: EdgeRuns::default(),
            started_before: EdgeRuns::default(),
        }
    }

    /// Adds a run that the rows hold; whether it is one of the cycle.
    fn add(&mut self, row: &Row, finished_at_ms: Option<Millis>) -> Result<bool> {
        let (usage, started) = (row.usage.unwrap_or_default(), row.started_at_ms);
        let note = |edge: &mut EdgeRuns| {
            edge.runs += 1;
            edge.usage = edge.usage.checked_add(usage).unwrap_or(edge.usage);
        };
        if !(self.from..self.to).contains(&started) {
            if started < self.from && finished_at_ms.is_some_and(|at| at >= self.from) {
                note(&mut self.started_before);
            }
            return Ok(false);
        }
        if finished_at_ms.is_some_and(|at| at >= self.to) {
            note(&mut self.finished_after);
        }
        self.summary.add_row(row)?;
        Ok(true)
    }

    fn finish(self, metered: bool) -> CycleRuns {
        let totals = self.summary.totals();
        let days = self.summary.breakdowns().into_iter();
        let days = days.filter(|breakdown| breakdown.dimension == Dimension::Day);
        CycleRuns {
            runs: totals.runs,
            usage: totals.usage().unwrap_or_default(),
            cost_unknown: totals.cost_unknown,
            provisional: totals.provisional,
            meters: metered.then_some(self.meters),
            finished_after: self.finished_after,
            started_before: self.started_before,
            days: days
                .flat_map(|breakdown| breakdown.rows)
                .map(|day| (day.key, day.measures.usage()))
                .collect(),
        }
    }
}

fn sum_parquet(files: &[PathBuf], edges: (Millis, Millis)) -> Result<CycleRuns> {
    let mut sums = Sums::new(edges);
    let mut metered = true;
    for file in files {
        let columns = parquet_chosen(file).map_err(Error::Untrusted)?;
        metered &= Chosen::all(true).names()[col::FIRST_METER..col::COMPUTE_UNITS]
            .iter()
            .all(|meter| columns.position(meter).is_some());
        for batch in parquet_batches(file).map_err(Error::Untrusted)? {
            add_batch(&mut sums, &batch.map_err(Error::Untrusted)?, metered)?;
        }
    }
    Ok(sums.finish(metered))
}

fn add_batch(sums: &mut Sums, batch: &RecordBatch, metered: bool) -> Result<()> {
    let finishes = batch.column_by_name("finished_at");
    let finishes = finishes.map(|column| column.as_primitive::<TimestampMillisecondType>());
    let meters: Vec<_> = COLUMNS[col::FIRST_METER..col::COMPUTE_UNITS]
        .iter()
        .filter(|_| metered)
        .filter_map(|column| batch.column_by_name(column.name))
        .map(|column| column.as_primitive::<Decimal128Type>())
        .collect();
    for (at, row) in rows_of(batch).enumerate() {
        let finished = finishes.filter(|finishes| finishes.is_valid(at));
        if !sums.add(&row, finished.map(|finishes| finishes.value(at)))? {
            continue;
        }
        for (sum, meter) in sums
            .meters
            .iter_mut()
            .zip(&meters)
            .filter(|(_, meter)| meter.is_valid(at))
        {
            let added = sum.checked_add(Usd(meter.value(at)));
            *sum = added.ok_or_else(|| Error::Untrusted("the sum of a meter is beyond 38 digits".into()))?;
        }
    }
    Ok(())
}

/// The same from CSV alone, which is read without meters and finishes.
fn sum_csv(path: &Path, edges: (Millis, Millis)) -> Result<CycleRuns> {
    let mut sums = Sums::new(edges);
    for run in csv_runs(path).map_err(Error::Untrusted)? {
        sums.add(&run.map_err(Error::Untrusted)?.row(), None)?;
    }
    Ok(sums.finish(false))
}
