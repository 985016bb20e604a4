//! What an export was asked to do, and of whom.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;

use crate::cli::{CostArgs, ExportArgs, Format};
use crate::commands::budgets;
use crate::commands::destination::path_template;
use crate::commands::folder_name;
use crate::context::Context;
use crate::disk::ONE_PARENT;
use crate::error::{Error, Result};
use crate::fetch::names::NameBook;
use crate::output::report_csv::ReportCsvForm;
use crate::paths::names_store;
use crate::period::{LAST_INSTANT, Period, PeriodSpec, format_instant};
use crate::pipeline::connection::Connection;
use crate::pipeline::options::PipelineOptions;
use crate::pipeline::start::JobStart;
use crate::provenance::{Account, DetailMode, Filters, Retention};
use crate::report::groups::Groups;
use crate::runs::column_set::ColumnSet;
use crate::text::counted;

/// The options, checked as far as nobody has to be asked.
pub struct ExportPlan {
    pub args: ExportArgs,
    columns: ColumnSet,
    groups: Option<Groups>,
    report_csv: ReportCsvForm,
    /// None where it is a billing cycle, which the API knows.
    spec: Option<PeriodSpec>,
}

impl ExportPlan {
    pub fn new(mut args: ExportArgs) -> Result<ExportPlan> {
        check_formats(&args)?;
        args.out.as_deref().map_or(Ok(()), folder_name::check_export)?;
        budgets::read_file(&mut args.judge)?;
        if args.mode.is_some() && args.out.as_deref().is_some_and(names_store) {
            return Err(Error::usage(
                "--mode works only with folders; in an object store, the bucket's rules say who may read: remove --mode, or use a folder for --out",
            ));
        }
        args.costs.check().map_err(Error::usage)?;
        let spec = args.period.spec().or(args.source.demo.then_some(PeriodSpec::LastMonth));
        if spec.is_none() && args.period.cycle.is_none() {
            return Err(no_period());
        }
        if let Some(spec) = &spec {
            // A period that is empty whatever the time is.
            spec.resolve(args.period.timezone, LAST_INSTANT)?;
        }
        let columns = ColumnSet::from_args(&args.columns, &args.exclude, is_metered(&args.costs))?;
        let groups = args.groups.as_deref();
        let groups = groups
            .map(|file| read_groups(file, &columns, args.no_names))
            .transpose()?;
        budgets::check(&args.judge, groups.as_ref())?;
        Ok(ExportPlan {
            report_csv: args.report_csv.form()?,
            spec: spec.filter(|_| args.period.cycle.is_none()),
            columns,
            groups,
            args,
        })
    }
}

/// A plan, and the API that can be asked.
pub struct ExportJob {
    pub args: ExportArgs,
    pub context: Context,
    pub connection: Connection,
    pub names: Arc<NameBook>,
    pub spec: PeriodSpec,
    pub columns: ColumnSet,
    pub groups: Option<Groups>,
    pub report_csv: ReportCsvForm,
}

impl ExportJob {
    /// Finds address and token; asks for the billing cycle, if it is one.
    pub async fn connect(plan: ExportPlan, context: Context) -> Result<ExportJob> {
        let ExportPlan {
            args,
            columns,
            groups,
            report_csv,
            spec,
        } = plan;
        let connection = Connection::open(&args.source, args.costs.detail_rate, &context).await?;
        let spec = match spec {
            Some(spec) => spec,
            None => cycle_of(args.period.cycle, &connection).await?,
        };
        let names = connection.name_book(!args.no_names);
        Ok(ExportJob {
            args,
            context,
            connection,
            names,
            spec,
            columns,
            groups,
            report_csv,
        })
    }

    /// The rules of groups, for runs of this account.
    pub fn groups_of(&self, scope: &ExportScope) -> Option<Groups> {
        let groups = self.groups.clone();
        groups.map(|groups| groups.for_account(scope.account.as_ref()))
    }

    /// The output of a period: the account's own, where one was named.
    pub fn out(&self, period: &Period) -> Result<PathBuf> {
        let (out, account) = (self.args.out.as_deref(), self.context.account_name());
        path_template::folder(out, period, account, self.connection.is_demo())
    }

    /// How many parents of the output may be missing.
    pub fn missing_levels(&self) -> usize {
        self.args
            .out
            .as_deref()
            .map_or(ONE_PARENT, path_template::missing_levels)
    }

    /// Whether rows have the columns of details.
    pub fn is_metered(&self) -> bool {
        is_metered(&self.args.costs)
    }

    pub fn pipeline_options(&self, scope: &ExportScope) -> PipelineOptions<'_> {
        PipelineOptions {
            connection: &self.connection,
            source: &self.args.source,
            costs: &self.args.costs,
            start: scope.start,
            names: self.names.clone(),
            filters: scope.filters.clone(),
            on_terminal: self.context.stderr_is_terminal && !self.args.quiet,
        }
    }
}

/// What the API said before runs were read, and what that made of what was asked.
pub struct ExportScope {
    pub start: JobStart,
    pub period: Period,
    pub filters: Filters,
    /// What is kept of the period, or a note that this isn't known.
    pub retention: anyhow::Result<Retention>,
    pub account: Option<Account>,
}

impl ExportScope {
    /// What is about to be read, for the log.
    pub fn in_words(&self, counted_by_api: Option<u64>) -> String {
        let (from, to) = (format_instant(self.period.from), format_instant(self.period.to));
        let runs = counted_by_api.map_or("runs not counted yet".into(), |runs| counted(runs, "run", "runs"));
        format!("counted by the API: {runs} from {from} to {to}")
    }
}

fn is_metered(costs: &CostArgs) -> bool {
    costs.details == DetailMode::All
}

/// The billing cycle that holds a date.
async fn cycle_of(date: Option<NaiveDate>, connection: &Connection) -> Result<PeriodSpec> {
    let usage = connection.api.monthly_usage(date.ok_or_else(no_period)?).await?;
    PeriodSpec::between(usage.from_ms, usage.to_ms)
}

fn no_period() -> Error {
    Error::Usage(
        "no period is given: use one of --month 2025-09, --last-month, --last 7d, --cycle 2025-09-15, or --from 2025-09-01 --to \
         2025-10-01 (the day of --to is not included)"
            .into(),
    )
}

/// The rules of `--groups`, whose runs' groups must be clear from the rows that are kept.
fn read_groups(file: &Path, columns: &ColumnSet, no_names: bool) -> Result<Groups> {
    let groups = budgets::read_groups(file, columns)?;
    if no_names && groups.go_by_names() {
        let file = file.display();
        return Err(Error::Usage(format!(
            "--groups {file}: the rules need names: remove --no-names"
        )));
    }
    Ok(groups)
}

/// Refuses options of Parquet where no Parquet is written.
fn check_formats(args: &ExportArgs) -> Result<()> {
    let shaping = [
        (args.partition_by.is_some(), "--partition-by"),
        (args.parquet_compat, "--parquet-compat"),
    ];
    match shaping.iter().find(|(given, _)| *given) {
        Some((_, option)) if !args.format.contains(&Format::Parquet) => Err(Error::Usage(format!(
            "{option} needs Parquet, but --format has no parquet: use --format parquet,csv, or remove {option}"
        ))),
        _ => Ok(()),
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
