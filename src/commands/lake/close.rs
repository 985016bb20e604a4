//! `lake close`: a month of the lake becomes an ordinary export, and the lake remembers what was published, so that whatever
//! changes later is a correction that reports tell of.

mod month;
mod usage;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::commands::folder_name;
use crate::commands::lake::close::month::{columns, write};
use crate::commands::lake::close::usage::{MonthToClose, asked_usage};
use crate::output::names::MANIFEST;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::archive::Lake;
use crate::cli::CloseArgs;
use crate::clock::WARNED_OF_MS;
use crate::commands::assemble::{Assembled, ExportParts, ManifestInput, assemble_blocking, summary};
use crate::commands::destination::ExportDestination;
use crate::context::Context;
use crate::context::blocking::{CancelFlag, run_blocking};
use crate::context::terminal::{print, warn};
use crate::disk::ONE_PARENT;
use crate::error::{Error, Result};
use crate::installed_zones;
use crate::lake::state::{Closing, LakeState};
use crate::lake::{DataFile, LakeTable, Moment};
use crate::output::hashed::hash_of;
use crate::output::manifest::Manifest;
use crate::period::{LAST_INSTANT, Millis, Period, PeriodSpec, Zone, format_instant};
use crate::provenance::Source;
use crate::report::account_usage::AccountUsage;
use crate::report::caveat::spans;
use crate::report::dimension::Dimension;
use crate::report::figures::Breakdown;
use crate::report::terminal::{TerminalLook, WIDTH};
use crate::report::{Report, json};
use crate::text::wrap_labelled;

/// How often it is done anew because another process has changed the month meanwhile, or noted because it has committed.
const ATTEMPTS: usize = 6;

pub async fn run(args: CloseArgs, context: Context) -> Result<()> {
    let started = Instant::now();
    args.out.as_deref().map_or(Ok(()), folder_name::check_export)?;
    let close = Arc::new(Close {
        name: name(&args),
        now_ms: context.now_ms,
        args,
    });
    let job = close.clone();
    let month = run_blocking(move |_| job.month()).await?;
    let usage = asked_usage(&close.args, &context, &month).await?;
    for _ in 0..ATTEMPTS {
        let (job, usage) = (close.clone(), usage.clone());
        let ready = run_blocking(move |stop| job.prepare(usage, stop)).await?;
        let modes = ready.assembled.modes(close.args.mode, context.umask);
        let Assembled {
            staging,
            manifest,
            report,
        } = ready.assembled;
        let published = ready.destination.publish(staging, manifest, context.now_ms, modes);
        let manifest = published.await?;
        let (job, closing, lake) = (close.clone(), ready.closing.clone(), ready.lake);
        let noted = run_blocking(move |_| job.note(lake.table, closing)).await;
        let fate = format!("the export was published, but {} was not marked as closed", close.name);
        let noted = noted.map_err(|error| error.with_fate(&fate, ""));
        if let Some(version) = noted? {
            let look = context.look;
            let done = Done {
                report,
                manifest,
                closing: ready.closing,
                version,
            };
            return close.tell(&done, started.elapsed(), look);
        }
    }
    Err(Error::Busy(format!(
        "{}: other processes keep changing the month; the export was published, but {} was not marked as closed: run again",
        close.args.lake, close.name
    )))
}

/// How the lake names the month: with its zone unless that is UTC, since it is another month then.
fn name(args: &CloseArgs) -> String {
    let month = match args.month {
        PeriodSpec::Month { year, month } => format!("{year:04}-{month:02}"),
        _ => "the month".into(),
    };
    match args.timezone {
        utc if utc == Zone::UTC => month,
        zone => format!("{month} ({zone})"),
    }
}

struct Close {
    args: CloseArgs,
    name: String,
    now_ms: Millis,
}

/// The export is assembled; nothing is visible yet.
struct Ready {
    lake: Lake,
    destination: ExportDestination,
    assembled: Assembled,
    closing: Closing,
}

/// The export is published, and the lake has noted the month as closed.
struct Done {
    report: Report,
    manifest: Manifest,
    closing: Closing,
    version: u64,
}

impl Close {
    /// The month, if it can be closed, and whose it is.
    fn month(&self) -> Result<MonthToClose> {
        let lake = Lake::open(&self.args.lake, None)?;
        let period = self.period(&lake)?;
        let state = lake.table.state();
        Ok(MonthToClose {
            period,
            source: state.source,
            account: state.account.clone(),
        })
    }

    /// Writes the month as the lake has it now.
    fn prepare(&self, usage: Option<AccountUsage>, stop: &CancelFlag) -> Result<Ready> {
        let lake = Lake::open(&self.args.lake, None)?;
        let period = self.period(&lake)?;
        let out = self.out(&lake, &period);
        if lake.table.location().holds(&out) {
            return Err(Error::Output(format!(
                "{} is inside the lake, which may not hold other files: use another --out",
                out.display()
            )));
        }
        let mut destination = ExportDestination::in_folder(out, ONE_PARENT)?;
        let existing = destination.existing()?;
        let staging = Arc::new(destination.folder.stage()?);
        let columns = columns(&lake, &period)?;
        let (rows, figures) = write(&lake, &period, &columns, &staging, stop)?;
        let actors = figures.by(Dimension::Actor);
        let names: HashMap<&str, &str> = actors
            .into_iter()
            .flat_map(Breakdown::groups)
            .filter_map(|actor| Some((actor.key(0)?, actor.label(0, 0)?)))
            .collect();
        let usage = usage.map(|usage| usage.named(|id| names.get(id).map(|name| name.to_string())));
        let report = Report {
            facts: lake.facts_but(Some(&self.name), period.clone(), &figures.totals),
            figures,
            usage,
            reconciled: None,
            against: None,
            budgets: Vec::new(),
            unusual: None,
            replaced: None,
            files: Vec::new(),
            only: Vec::new(),
        };
        let parts = ExportParts {
            report,
            rows,
            rejected: Vec::new(),
            manifest: ManifestInput::new(columns),
        };
        let assembled = assemble_blocking(staging, parts, existing, self.args.replace)?;
        stop.check()?;
        Ok(Ready {
            closing: self.closing(&lake, &assembled)?,
            lake,
            destination,
            assembled,
        })
    }

    /// The month; exit 2 where it was not over, exit 5 where a clock was ahead or some of it is not proven, exit 6 where it was
    /// closed before.
    fn period(&self, lake: &Lake) -> Result<Period> {
        let (place, name) = (&self.args.lake, &self.name);
        let period = self.args.month.resolve(self.args.timezone, LAST_INSTANT)?;
        installed_zones::warning(&period).iter().for_each(|text| warn(text));
        let state = lake.table.state();
        if period.to > state.synced_at_ms {
            return Err(Error::Usage(format!(
                "{name} was not over at the last sync of {place}, at {}: sync after the end of the month, then close it",
                format_instant(state.synced_at_ms)
            )));
        }
        if state.source == Source::Api && period.to > self.now_ms.saturating_add(WARNED_OF_MS) {
            return Err(Error::Untrusted(format!(
                "{place} was last synced at {}, but by this machine's clock ({}) {name} is not over: one of the two times is wrong. \
                 Set the clock or sync again; nothing was published",
                format_instant(state.synced_at_ms),
                format_instant(self.now_ms)
            )));
        }
        let unproven = lake.unproven(&period);
        if !unproven.is_empty() {
            let spans = spans(&unproven);
            return Err(Error::Untrusted(format!(
                "cannot close {name} in {place}: no sync has proven {spans}; nothing was published"
            )));
        }
        match state.closings.get(name) {
            Some(closed) if !self.args.replace => Err(Error::Output(format!(
                "{name} was already closed at {}, with {} runs: use --replace to close it again",
                format_instant(closed.closed_at),
                closed.runs
            ))),
            _ => Ok(period),
        }
    }

    fn out(&self, lake: &Lake, period: &Period) -> PathBuf {
        let is_demo = lake.table.state().source == Source::Demo;
        let out = self.args.out.clone();
        out.unwrap_or_else(|| PathBuf::from(period.default_folder(is_demo)))
    }

    fn closing(&self, lake: &Lake, assembled: &Assembled) -> Result<Closing> {
        let report = &assembled.report;
        let path = assembled.staging.path().join(MANIFEST);
        let hash = std::fs::File::open(&path).and_then(hash_of);
        let (manifest_sha256, _) = hash.map_err(|error| Error::output("read", &path, error))?;
        let state = lake.table.state();
        // The made-up account's clock stands still, and so does its lake's.
        let closed_at_ms = match state.source {
            Source::Api => self.now_ms,
            Source::Demo => state.synced_at_ms,
        };
        let totals = &report.figures.totals;
        Ok(Closing {
            from: report.facts.period.from,
            to: report.facts.period.to,
            closed_at: closed_at_ms,
            table_version: lake.table.version(),
            manifest_sha256,
            runs: totals.runs(),
            usage_total_usd: totals.usage(),
            corrections: None,
            damaged_at: None,
        })
    }

    /// Records it; the table's version afterwards. `None` where another process has changed the month since it was read: what
    /// was published is not what the lake has any more.
    fn note(&self, mut table: LakeTable, closing: Closing) -> Result<Option<u64>> {
        let edges = (closing.from, closing.to);
        let published: Vec<DataFile> = files_of(&table, edges);
        for _ in 0..ATTEMPTS {
            let mut state: LakeState = table.state().clone();
            state.tool_version = env!("CARGO_PKG_VERSION").into();
            state.closings.insert(self.name.clone(), closing.clone());
            if let Some(version) = table.note(state, info(&self.name, &closing))? {
                return Ok(Some(version));
            }
            table = LakeTable::open(table.location(), Moment::Now)?;
            if files_of(&table, edges) != published {
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn tell(&self, done: &Done, elapsed: Duration, look: TerminalLook) -> Result<()> {
        done.report
            .facts
            .gaps()
            .into_iter()
            .for_each(|gap| warn(&gap.to_string()));
        if self.args.json {
            return print(&json::render(&done.report));
        }
        if self.args.quiet {
            return Ok(());
        }
        let period = &done.report.facts.period;
        let is_demo = done.report.facts.source == Source::Demo;
        let out = self.args.out.clone();
        let out = out.unwrap_or_else(|| PathBuf::from(period.default_folder(is_demo)));
        let mut text = summary(&done.report, &done.manifest, out, elapsed, look);
        let closed = format!(
            "Month {} is closed in {}, version {}. SHA-256 of {MANIFEST}: {}. Reports show later changes as corrections.",
            self.name, self.args.lake, done.version, done.closing.manifest_sha256
        );
        text += &(wrap_labelled("", &closed, 0, WIDTH) + "\n");
        print(&text)
    }
}

fn files_of(table: &LakeTable, (from, to): (Millis, Millis)) -> Vec<DataFile> {
    table.files_of(from, to).into_iter().cloned().collect()
}

/// The commit info.
fn info(name: &str, closing: &Closing) -> Map<String, Value> {
    let told = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "closed": name,
        "manifest_sha256": closing.manifest_sha256,
        "runs": closing.runs,
        "usage_total_usd": closing.usage_total_usd,
    });
    Map::from_iter([("apifyRuns".to_string(), told)])
}
