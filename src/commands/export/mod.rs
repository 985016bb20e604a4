//! `export`: the main job. Reads as a story; each step is another module's.

mod dry_run;
mod open;
mod publish;

use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;
use tokio::time::Instant;

use crate::api::page::Page;
use crate::cli::{CostArgs, Details, ExportArgs, Format, PartitionBy};
use crate::clock::Clocks;
use crate::commands::destination::Held;
use crate::commands::export::open::Opened;
use crate::commands::{budgets, compare};
use crate::context::Context;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::details::DetailOptions;
use crate::fetch::names::NameBook;
use crate::fetch::{Known, Lister};
use crate::output::parquet::Layout;
use crate::output::publish::Staging;
use crate::output::rows::RowFormats;
use crate::period::{Millis, Period, PeriodSpec};
use crate::pipeline::connection::{Connection, retention_of};
use crate::pipeline::writer::WriteOptions;
use crate::pipeline::{ReadPeriod, Reading};
use crate::pipeline::{filters, known_details};
use crate::provenance::{Account, Filters, Retention};
use crate::report::budget::Budget;
use crate::report::dimension::Dimensions;
use crate::report::groups::Groups;
use crate::runs::column_set::ColumnSet;
use crate::runs::cost_state::SettleRule;

/// Rows in Parquet.
pub const RUNS_PARQUET: &str = "runs.parquet";
/// The same where only CSV was asked for: needed until the end, and not published.
pub const WORKING_PARQUET: &str = ".runs.parquet";

/// Runs the job.
pub async fn run(args: ExportArgs, context: Context) -> Result<()> {
    let started = Instant::now();
    check_formats(&args)?;
    args.costs.check().map_err(Error::Usage)?;
    let given = args.period.spec().or(args.source.demo.then_some(PeriodSpec::LastMonth));
    if given.is_none() && args.period.cycle.is_none() {
        return Err(no_period());
    }
    let metered = args.costs.details == Details::All;
    let columns = ColumnSet::from_args(&args.columns, &args.exclude, metered)?;
    let groups = args
        .groups
        .as_deref()
        .map(|file| read_groups(file, &columns, args.no_names))
        .transpose()?;
    let budgets = budgets::given(&args.judge, groups.as_ref())?;
    compare::check(&args.judge).await?;
    let connection = Connection::open(&args.source, args.costs.detail_rate, &context).await?;
    let spec = match (args.period.cycle, given) {
        (None, Some(given)) => given,
        (cycle, _) => cycle_of(cycle, &connection).await?,
    };
    let asked = (!args.no_names).then(|| connection.api.clone());
    let job = Job {
        names: Arc::new(NameBook::new(asked, connection.spare.clone())),
        spec,
        columns,
        groups,
        budgets,
        connection,
        context,
        args,
    };
    let record = job.context.record.clone();
    record.stage("asked");
    let retention = job.connection.ask_retention();
    let Opened {
        lister,
        clocks,
        period,
        held,
        first,
    } = job.open().await?;
    clocks.warning().iter().for_each(|warning| warn(warning));
    let job_start = JobStart::of(clocks);
    let list = &job.args;
    let filters = filters::resolve(&list.status, &list.actor, &list.task, &job.names).await?;
    let retention = retention_of(retention, &period, job_start.ms).await;
    let Some(held) = held else {
        return job.dry_run(lister, &period, first, retention, job_start).await;
    };
    record.note(|noted| noted.period = Some((&period).into()));
    job.clear_before(&period)?;
    let told = Told {
        account: job.connection.account().await,
        retention,
        filters,
        job_start,
        period,
    };
    record.stage("read");
    let staged = job.fetch(lister, first, held, &told).await?;
    let against = job.against(&told).await?;
    record.stage("published");
    job.publish(staged, told, against, started).await
}

/// The billing cycle that holds a date.
async fn cycle_of(date: Option<NaiveDate>, connection: &Connection) -> Result<PeriodSpec> {
    let usage = connection.api.monthly_usage(date.ok_or_else(no_period)?).await?;
    PeriodSpec::between(usage.from_ms, usage.to_ms)
}

fn no_period() -> Error {
    Error::Usage(
        "which period? Give one of --month 2025-09, --last-month, --last 7d, --cycle 2025-09-15, or --from 2025-09-01 --to \
         2025-10-01 (--to is not included)"
            .into(),
    )
}

/// The rules of `--groups`, whose runs' groups must be clear from the rows that are kept.
fn read_groups(file: &Path, columns: &ColumnSet, no_names: bool) -> Result<Groups> {
    let groups = budgets::read_groups(file, columns)?;
    if no_names && groups.go_by_names() {
        let file = file.display();
        return Err(Error::Usage(format!(
            "--groups {file}: its rules go by names too: leave --no-names out"
        )));
    }
    Ok(groups)
}

/// Options that shape Parquet need some.
fn check_formats(args: &ExportArgs) -> Result<()> {
    let shaping = [
        (args.partition_by.is_some(), "--partition-by"),
        (args.parquet_compat, "--parquet-compat"),
    ];
    match shaping.iter().find(|(given, _)| *given) {
        Some((_, option)) if !args.format.contains(&Format::Parquet) => Err(Error::Usage(format!(
            "{option} is about Parquet, and --format names none: write --format parquet,csv, or leave {option} out"
        ))),
        _ => Ok(()),
    }
}

/// What was asked for, and of whom.
pub struct Job {
    pub spec: PeriodSpec,
    pub columns: ColumnSet,
    pub groups: Option<Groups>,
    pub budgets: Vec<Budget>,
    pub connection: Connection,
    pub names: Arc<NameBook>,
    pub context: Context,
    pub args: ExportArgs,
}

/// When the job began: by the server's clock where it told, and by the one that waits.
#[derive(Debug, Clone, Copy)]
pub struct JobStart {
    pub ms: Millis,
    pub at: Instant,
    /// Both clocks then.
    pub clocks: Clocks,
}

impl JobStart {
    /// Now.
    pub fn of(clocks: Clocks) -> JobStart {
        JobStart {
            ms: clocks.start_ms(),
            at: Instant::now(),
            clocks,
        }
    }

    /// Which costs have settled.
    pub fn settle(&self, costs: &CostArgs) -> SettleRule {
        SettleRule {
            job_start_ms: self.clocks.settled_by_ms(),
            settle_ms: costs.settle_ms(),
        }
    }
}

/// What the API told before the runs were read, and what that made of what was asked.
pub struct Told {
    pub account: Option<Account>,
    /// What is kept of the period, or a note that this isn't known.
    pub retention: std::result::Result<Retention, String>,
    pub filters: Filters,
    pub job_start: JobStart,
    pub period: Period,
}

/// Rows are written, and nothing is visible yet.
pub struct Staged {
    pub held: Held,
    pub staging: Arc<Staging>,
    pub read: ReadPeriod,
}

impl Job {
    pub fn is_demo(&self) -> bool {
        self.connection.is_demo()
    }

    /// Reads the period and writes its rows, side by side.
    async fn fetch(&self, lister: Lister, first: Option<Page>, mut held: Held, told: &Told) -> Result<Staged> {
        let staging = Arc::new(held.destination.stage()?);
        let options = self.write_options(told);
        let metered = options.metered;
        let reading = Reading {
            lister,
            first,
            concurrency: self.args.source.concurrency.into(),
            filters: told.filters.clone(),
            names: self.names.clone(),
            details: DetailOptions {
                mode: self.args.costs.details.into(),
                concurrency: self.args.costs.detail_concurrency.into(),
                settle: options.settle,
                job_start: told.job_start.at,
                wait_settled: self.args.costs.wait_settled,
            },
            known: self.known(&held, told, metered)?,
            on_terminal: self.context.stderr_is_terminal && !self.args.quiet,
        };
        let read = reading.into_files(staging.clone(), options).await;
        match read {
            Ok(read) => Ok(Staged { held, staging, read }),
            Err(error) => Err(self.unpublished(error, &Some(held))),
        }
    }

    /// What the export that stands there knows already, if it is of the same account and source; with --replace, nothing.
    fn known(&self, held: &Held, told: &Told, metered: bool) -> Result<Option<Known>> {
        let Some(existing) = held.existing()?.filter(|_| !self.args.replace) else {
            return Ok(None);
        };
        let settled_by = existing
            .queried_at_ms()
            .map(|at| at.saturating_sub(self.args.costs.settle_ms()));
        let same = existing.is_from(self.connection.source, told.account.as_ref());
        let known = |settled_by| known_details::of(existing.parquet_paths(), settled_by, &self.columns, metered);
        Ok(settled_by.filter(|_| same).and_then(known))
    }

    fn write_options(&self, told: &Told) -> WriteOptions {
        let args = &self.args;
        let parquet = match args.partition_by {
            _ if !args.format.contains(&Format::Parquet) => Layout::File(WORKING_PARQUET),
            Some(PartitionBy::Day) => Layout::Daily(told.period.from),
            None => Layout::File(RUNS_PARQUET),
        };
        WriteOptions {
            formats: RowFormats {
                columns: self.columns.clone(),
                parquet,
                parquet_compat: args.parquet_compat,
                csv: args.format.contains(&Format::Csv),
            },
            settle: self.settle(told.job_start),
            metered: args.costs.details == Details::All,
            names: self.names.clone(),
            timezone: told.period.timezone,
            dimensions: Dimensions::of(&self.columns, self.groups.clone()),
        }
    }

    pub fn settle(&self, job_start: JobStart) -> SettleRule {
        job_start.settle(&self.args.costs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_period_every_form_of_one_is_named() {
        let text = no_period().to_string();
        assert!(
            ["--month", "--last-month", "--last ", "--from", "--to"]
                .iter()
                .all(|form| text.contains(form)),
            "{text}"
        );
    }
}
