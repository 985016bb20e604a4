//! The command line: text to typed values, which the types parse that they become. No I/O, and nothing is run here. Doc
//! comments of options are their help.

mod lake;
mod report;
mod serve;
mod setup;
mod shared;

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use crate::archive::address::{ArchiveAddress, AsOf};
pub use crate::cli::lake::{
    CloseArgs, LakeArgs, LakeCommand, Optimize, OptimizeArgs, RepairArgs, SyncArgs, VacuumArgs,
};
pub use crate::cli::report::{ReportArgs, ReportFormat};
pub use crate::cli::serve::ServeArgs;
pub use crate::cli::setup::{CompletionsArgs, ConfigArgs, ConfigCommand, ManArgs};
pub use crate::cli::shared::{CostArgs, JudgeArgs, PeriodArgs, RunArgs, SourceArgs, Strict};
use crate::cli::shared::{parse_cycle_date, parse_element, parse_status, parse_usd};
use crate::logging::LogFormat;
use crate::money::Usd;

/// Headings of helps.
const OUTPUT: &str = "Output";
const RUNS_AND_COSTS: &str = "Runs and costs";

/// Exports every Apify Actor run of a period, with its exact cost, and shows that none is missing.
#[derive(Debug, Parser)]
#[command(
    name = "apify-runs",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_flag = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub any: AnyArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub struct AnyArgs {
    /// The configuration [default: ./apify-runs.toml, or the one in the user's configuration folder]
    #[arg(long, value_name = "FILE", global = true, hide = true)]
    pub config: Option<PathBuf>,
    /// Log to stderr: -v stages and progress, -vv each request too
    #[arg(long, short, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// How stderr is written: text or json, each line with time, level and the job's ID
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, global = true, hide = true)]
    pub log_format: Option<LogFormat>,
    /// Show every option
    #[arg(long, global = true, action = ArgAction::SetTrue)]
    pub help_all: bool,
    /// Show the options that are used most
    #[arg(long, short, global = true, action = ArgAction::Help)]
    pub help: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Export a period's runs into a folder: Parquet, CSV, reports, manifest
    Export(Box<ExportArgs>),
    /// Report on an export or a lake offline: other breakdowns, parts of its period, formats, comparisons
    Report(Box<ReportArgs>),
    /// Check an export or a lake offline: files, rows, unique IDs, sums, order, period
    Verify(VerifyArgs),
    /// Hold a billing cycle's runs against the usage that Apify counts for it
    Reconcile(Box<ReconcileArgs>),
    /// Before cron relies on it: API, token, clock, rate, retention, output
    Check(CheckArgs),
    /// Compare two exports or lakes offline: runs new, changed, vanished, and the dollars that they moved
    Diff(DiffArgs),
    /// Bring a lake up to date: a Delta table of every run ever seen, on disk or in an object store
    Sync(Box<SyncArgs>),
    /// Care for a lake: close a month, put small files together, remove old ones
    Lake(LakeArgs),
    /// Serve an export, a lake or a made-up account behind the Apify API's endpoints
    Serve(Box<ServeArgs>),
    /// Show the configuration that is in force
    Config(ConfigArgs),
    /// Print a shell's completions
    Completions(CompletionsArgs),
    /// Print the manual, or write all of its pages
    Man(ManArgs),
}

impl Command {
    /// None where the API is not asked.
    pub fn source(&self) -> Option<&SourceArgs> {
        self.job().map(|(source, _)| source)
    }

    /// None where the API is not asked.
    pub fn run(&self) -> Option<&RunArgs> {
        self.job().map(|(_, run)| run)
    }

    fn job(&self) -> Option<(&SourceArgs, &RunArgs)> {
        match self {
            Command::Export(args) => Some((&args.source, &args.run)),
            Command::Reconcile(args) => Some((&args.source, &args.run)),
            Command::Check(args) => Some((&args.source, &args.run)),
            Command::Sync(args) => Some((&args.source, &args.run)),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// runs.parquet
    Parquet,
    /// runs.csv
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartitionBy {
    /// runs/started_on=YYYY-MM-DD/runs.parquet, UTC days
    Day,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs export --month 2025-09 --out september
  apify-runs export --demo --last-month --format parquet --out made-up --json")]
pub struct ExportArgs {
    #[command(flatten)]
    pub period: PeriodArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub costs: CostArgs,
    /// Only runs of these statuses (comma list)
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = parse_status, help_heading = RUNS_AND_COSTS)]
    pub status: Vec<String>,
    /// Only runs of these Actors, by ID or name (comma list)
    #[arg(long, value_name = "ACTOR", value_delimiter = ',', value_parser = parse_element, help_heading = RUNS_AND_COSTS)]
    pub actor: Vec<String>,
    /// Only runs of these tasks, by ID or name (comma list)
    #[arg(long, value_name = "TASK", value_delimiter = ',', value_parser = parse_element, help_heading = RUNS_AND_COSTS)]
    pub task: Vec<String>,
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// The folder; {account}, {month} and {period} stand for themselves
    #[arg(long, short, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Formats of the rows (comma list)
    #[arg(
        long, value_name = "FORMAT", value_delimiter = ',', default_value = "parquet,csv",
        hide_possible_values = true, help_heading = OUTPUT
    )]
    pub format: Vec<Format>,
    /// Split Parquet by the UTC day on which runs started
    #[arg(hide = true, long, value_name = "day", hide_possible_values = true, help_heading = OUTPUT)]
    pub partition_by: Option<PartitionBy>,
    /// Write Parquet in plain and dictionary encodings alone, for engines that can't read others
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub parquet_compat: bool,
    /// Only these columns (comma list)
    #[arg(hide = true, long, value_name = "COLUMN", value_delimiter = ',', value_parser = parse_element, help_heading = OUTPUT)]
    pub columns: Vec<String>,
    /// All columns but these (comma list)
    #[arg(hide = true, long, value_name = "COLUMN", value_delimiter = ',', value_parser = parse_element, help_heading = OUTPUT)]
    pub exclude: Vec<String>,
    /// Ask for no names of Actors and tasks
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub no_names: bool,
    /// Report by cost centre too: a CSV file of rules
    #[arg(hide = true, long, value_name = "FILE", help_heading = OUTPUT)]
    pub groups: Option<PathBuf>,
    /// Replace what is there even if it holds runs that the new one lacks
    #[arg(long, help_heading = OUTPUT)]
    pub replace: bool,
    /// Publish even what the API's count doesn't prove, without rows that make no sense, all marked (exit 7)
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub allow_incomplete: bool,
    /// Exit 7 if a figure isn't final; =incomplete: only if runs may be missing
    #[arg(
        long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        help_heading = OUTPUT
    )]
    pub strict: Strict,
    /// Show how much and how long that would be; write nothing
    #[arg(long, help_heading = OUTPUT)]
    pub dry_run: bool,
    /// Print the report as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short, conflicts_with = "json", help_heading = OUTPUT)]
    pub quiet: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs verify september
  apify-runs verify lake --as-of 0 --quiet")]
pub struct VerifyArgs {
    /// The export, or a lake
    #[arg(value_name = "PATH")]
    pub path: ArchiveAddress,
    /// A lake as it was then: a date or instant (RFC 3339), UTC, or a version's number
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse)]
    pub as_of: Option<AsOf>,
    /// Leave out the hashes of files: rows and figures are checked all the same
    #[arg(long)]
    pub quick: bool,
    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs reconcile --cycle 2025-09-15 september
  apify-runs reconcile --cycle 2025-09-15 --tolerance 5 --json")]
pub struct ReconcileArgs {
    /// An export or a lake that covers the cycle; without one that does, its runs are fetched
    #[arg(value_name = "PATH")]
    pub path: Option<ArchiveAddress>,
    /// A lake as it was then: a date or instant (RFC 3339), UTC, or a version's number
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse, requires = "path")]
    pub as_of: Option<AsOf>,
    /// A date in the billing cycle
    #[arg(long, value_name = "DATE", value_parser = parse_cycle_date)]
    pub cycle: NaiveDate,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub costs: CostArgs,
    /// What is no difference, in US dollars [default: 1, or a thousandth if that is more]
    #[arg(long, value_name = "USD", value_parser = parse_usd, help_heading = OUTPUT)]
    pub tolerance: Option<Usd>,
    /// Exit 7 if dollars are not accounted for, or can't be judged
    #[arg(long, help_heading = OUTPUT)]
    pub fail_unexplained: bool,
    /// Print it as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short, conflicts_with = "json", help_heading = OUTPUT)]
    pub quiet: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs check
  apify-runs check --out exports/2025-09 --quiet")]
pub struct CheckArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where exports will go [default: the folder of last month's]
    #[arg(long, short, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Print nothing but warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exits 0 whether or not they differ; 2 where a path holds no export or lake, 5 where one can't be read.

Examples:
  apify-runs diff september made-up
  apify-runs diff september made-up --csv"
)]
pub struct DiffArgs {
    /// The export to compare to, or a lake
    #[arg(value_name = "OLD")]
    pub old: ArchiveAddress,
    /// The export that is compared, or a lake; beside an export, a lake is read for that one's period
    #[arg(value_name = "NEW")]
    pub new: ArchiveAddress,
    /// The lake as it was then, of two lakes OLD: a date or instant (RFC 3339), UTC, or a version's number
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse)]
    pub as_of: Option<AsOf>,
    /// Print all figures and every run that differs as JSON
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print every run that differs as CSV
    #[arg(long)]
    pub csv: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn one_form_of_a_period_and_no_more() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["apify-runs", "export"], args].concat());
        assert!(parse(&["--month", "2025-09"]).is_ok());
        assert!(parse(&["--from", "2025-09-01", "--to", "2025-10-01"]).is_ok());
        assert!(parse(&["--month", "2025-09", "--last-month"]).is_err());
        assert!(parse(&["--from", "2025-09-01"]).is_err());
        assert!(parse(&["--month", "2025-13"]).is_err());
    }
}
