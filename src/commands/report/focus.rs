//! FOCUS files on a thread of their own: they take as long as all the rest of a report, and hold every run.

use std::collections::HashMap;
use std::fs::File;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;

use crate::archive::ArchiveInfo;
use crate::cli::FocusArgs;
use crate::commands::report::folder::ReportFolder;
use crate::context::terminal::{say, warn};
use crate::error::Result;
use crate::money::Usd;
use crate::output::focus::{CountedSpan, CountedUsage, CsvOutput, FocusContext, FocusCounts, FocusFiles};
use crate::output::names::{FOCUS_CSV, FOCUS_MISSING_CSV, FOCUS_PARQUET, focus_part};
use crate::period::DAY_MS;
use crate::provenance::CountedFacts;
use crate::report::Report;
use crate::report::account_usage::AccountUsage;
use crate::report::caveat::Caveat;
use crate::runs::column_set::ColumnSet;
use crate::text::{counted, thousands};

/// Batches in the channel; a full one holds back the reader.
const WAITING: usize = 4;

/// What the thread is given.
enum FocusInput {
    Runs(RecordBatch),
    /// Of what the runs are that follow.
    Archive(Box<FocusContext>),
    /// The end of the runs, and what Apify counts: a channel that closes without it leaves the files incomplete.
    End(CountedUsage),
}

/// The thread, and the channel to it.
pub struct FocusThread {
    batches: Option<SyncSender<FocusInput>>,
    thread: Option<JoinHandle<Result<FocusCounts>>>,
    args: FocusArgs,
}

impl FocusThread {
    /// Begins the files in a folder.
    pub fn start(
        folder: &mut ReportFolder,
        held: &ArchiveInfo,
        columns: &ColumnSet,
        args: &FocusArgs,
    ) -> Result<FocusThread> {
        let mut files = focus_files(folder, held, columns, args)?;
        let (batches, waiting) = sync_channel(WAITING);
        let thread = std::thread::spawn(move || {
            while let Ok(batch) = waiting.recv() {
                match batch {
                    FocusInput::Runs(batch) => files.write(&batch)?,
                    FocusInput::Archive(context) => files.turn_to(&context)?,
                    FocusInput::End(counted) => return files.finish(&counted),
                }
            }
            Ok(FocusCounts::default())
        });
        Ok(FocusThread {
            batches: Some(batches),
            thread: Some(thread),
            args: args.clone(),
        })
    }

    /// Rows that follow are of this archive, which nothing is known of but its runs.
    pub fn turn_to(&mut self, held: &ArchiveInfo) -> Result<()> {
        let context = focus_context(held, &self.args);
        self.send(FocusInput::Archive(Box::new(FocusContext {
            has_counted_usage: false,
            ..context
        })))
    }

    /// Sends rows; an error is what kept earlier ones from being written.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.send(FocusInput::Runs(rows.clone()))
    }

    /// Completes the files, and says on stderr what they lack.
    pub fn finish(mut self, report: &Report, folder: &mut ReportFolder) -> Result<()> {
        self.send(FocusInput::End(counted_usage(report)))?;
        let counts = self.join()?;
        folder.has_focus(counts.parts);
        say_missing(&counts, report);
        Ok(())
    }

    fn send(&mut self, input: FocusInput) -> Result<()> {
        match self.batches.as_ref().map(|batches| batches.send(input)) {
            Some(Ok(())) => Ok(()),
            // The thread has ended with an error, which says why.
            _ => self
                .join()
                .and(Err(anyhow::anyhow!("writing the FOCUS files was stopped").into())),
        }
    }

    fn join(&mut self) -> Result<FocusCounts> {
        self.batches = None;
        let Some(thread) = self.thread.take() else {
            return Ok(FocusCounts::default());
        };
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("writing the FOCUS files failed"))?
    }
}

impl Drop for FocusThread {
    /// Its files may be removed next: it must be done with them.
    fn drop(&mut self) {
        let _ = self.join();
    }
}

fn focus_context(held: &ArchiveInfo, args: &FocusArgs) -> FocusContext {
    let cycle = (held.period.from, held.period.requested_to);
    FocusContext {
        grain: args.focus_grain.unwrap_or_default(),
        version: args.focus_version.unwrap_or_default(),
        account: held.account.clone(),
        source: held.source,
        queried_at_ms: held.queried_at_ms,
        billing_cycle: held.is_billing_cycle.then_some(cycle),
        has_counted_usage: held.has_counted_usage,
    }
}

fn focus_files(
    folder: &mut ReportFolder,
    held: &ArchiveInfo,
    columns: &ColumnSet,
    args: &FocusArgs,
) -> Result<FocusFiles<File>> {
    let context = focus_context(held, args);
    let csv = match args.focus_split {
        None => CsvOutput::Whole(folder.create(FOCUS_CSV)?),
        Some(size) => {
            let parts = folder.parts();
            CsvOutput::Parts(size, Box::new(move |name, bytes| parts.write(name, bytes)))
        }
    };
    let [parquet, missing] = [FOCUS_PARQUET, FOCUS_MISSING_CSV].map(|name| folder.create(name));
    FocusFiles::new(&context, &columns.schema(), csv, parquet?, missing?)
}

/// What Apify counts by UTC day; where it gave no days, all of it at once.
fn counted_usage(report: &Report) -> CountedUsage {
    let usage = report.usage.as_ref();
    let counted = usage.and_then(|usage| Some((usage, usage.facts.counted.as_ref()?)));
    let Some((usage, counted)) = counted else {
        return CountedUsage::default();
    };
    CountedUsage {
        queried_at_ms: counted.queried_at_ms,
        spans: counted_spans(usage, counted),
    }
}

fn counted_spans(usage: &AccountUsage, counted: &CountedFacts) -> Vec<CountedSpan> {
    let day_s = DAY_MS / 1000;
    let (start_s, end_s) = (counted.from / 1000, counted.to / 1000);
    if !counted.has_days {
        let all = usage.by_service.iter().filter_map(|service| service.base);
        let usage = all.fold(Usd::default(), Usd::saturating_add);
        return vec![CountedSpan { start_s, end_s, usage }];
    }
    let days: HashMap<i64, Usd> = usage.days_before_discount().into_iter().collect();
    let starts = (start_s..end_s).step_by(day_s as usize);
    let span = |start_s| CountedSpan {
        start_s,
        end_s: start_s + day_s,
        usage: days.get(&(start_s * 1000)).copied().unwrap_or_default(),
    };
    starts.map(span).collect()
}

/// Says on stderr which runs the FOCUS files lack: with `--quiet` too.
fn say_missing(counts: &FocusCounts, report: &Report) {
    let csv = match counts.parts {
        0 => FOCUS_CSV.to_string(),
        1 => focus_part(1),
        parts => format!("{} to {}", focus_part(1), focus_part(parts)),
    };
    if report.facts.lacks_runs() {
        let why = report
            .facts
            .caveats
            .first()
            .map_or("INCOMPLETE".into(), Caveat::to_string);
        warn(&format!("{csv} lacks runs: {why}"));
    }
    let runs = counts.missing_unknown + counts.missing_unfinished;
    if runs == 0 {
        return;
    }
    let usage = match counts.missing_unfinished {
        0 => String::new(),
        _ => format!(", {} of usage", counts.missing_usage.dollars()),
    };
    say(&format!(
        "apify-runs: {} in {FOCUS_MISSING_CSV}, not in {csv} ({} of unknown cost, {} not finished{usage})",
        counted(runs, "run is", "runs are"),
        thousands(counts.missing_unknown),
        thousands(counts.missing_unfinished)
    ));
}
