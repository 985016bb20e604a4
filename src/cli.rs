//! The command line: text to typed values. No I/O, and no command runs here. The doc comment of an option is its help.

mod archives;
mod lake;
mod report;
mod report_csv;
mod serve;
mod setup;
mod shared;

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use crate::archive::address::{ArchiveAddress, AsOf};
pub use crate::cli::archives::{DiffArgs, ReconcileArgs, VerifyArgs};
pub use crate::cli::lake::{
    CloseArgs, InfoArgs, LakeArgs, LakeCommand, Optimize, OptimizeArgs, RepairArgs, SyncArgs, VacuumArgs,
};
pub use crate::cli::report::{FocusArgs, ReportArgs, ReportFormat};
pub use crate::cli::report_csv::ReportCsvArgs;
pub use crate::cli::serve::ServeArgs;
pub use crate::cli::setup::{CompletionsArgs, ConfigArgs, ConfigCommand, ManArgs};
pub use crate::cli::shared::{CostArgs, JudgeArgs, PeriodArgs, RunArgs, SourceArgs, Strict, UnusualArgs};
use crate::cli::shared::{parse_element, parse_status};
use crate::logging::LogFormat;
use crate::output::modes::parse_mode;
use crate::period::rules_version;

/// Headings in help.
const OUTPUT: &str = "Output";
const RUNS_AND_COSTS: &str = "Runs and costs";
const RUNNING: &str = "Running";

/// Export all Apify Actor runs of a period, with exact costs and none missing
#[derive(Debug, Parser)]
#[command(
    name = "apify-runs",
    version,
    long_version = long_version(),
    about,
    max_term_width = 80,
    arg_required_else_help = true,
    disable_help_flag = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub any: AnyArgs,
}

/// What `--version` prints; `-V` prints the version alone.
fn long_version() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| format!("{}\ntime zone rules: tz {}", env!("CARGO_PKG_VERSION"), rules_version()));
    &TEXT
}

#[derive(Debug, Args)]
#[command(next_help_heading = OUTPUT)]
pub struct AnyArgs {
    /// Configuration file [default: ./apify-runs.toml, or ~/.config/apify-runs/apify-runs.toml]
    #[arg(long, value_name = "FILE", global = true, hide = true, help_heading = RUNNING)]
    pub config: Option<PathBuf>,
    /// Log progress to stderr; -vv: each request too
    #[arg(long, short, action = ArgAction::Count, global = true, display_order = 100)]
    pub verbose: u8,
    /// Format of stderr: text or json (each line with time, level, job ID)
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, global = true, hide = true, help_heading = RUNNING)]
    pub log_format: Option<LogFormat>,
    /// Print all options and the exit codes
    #[arg(long, global = true, action = ArgAction::SetTrue, hide = true, display_order = 102)]
    pub help_all: bool,
    /// Help (--help adds exit codes, --help-all every option)
    #[arg(long, short, global = true, action = ArgAction::Help, display_order = 101)]
    pub help: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Export the runs of a period: Parquet, CSV, reports, manifest
    Export(Box<ExportArgs>),
    /// Make reports from an export or a lake, offline
    Report(Box<ReportArgs>),
    /// Check an export or a lake offline: files, rows, IDs, totals
    Verify(VerifyArgs),
    /// Compare the runs of a billing cycle with Apify's usage statement
    Reconcile(Box<ReconcileArgs>),
    /// Test token, API, clock, rate limit, retention and output folder
    Check(CheckArgs),
    /// Compare two exports or lakes: new, changed and vanished runs
    Diff(DiffArgs),
    /// Update a lake (Delta table) on disk or in an object store
    Sync(Box<SyncArgs>),
    /// Maintain a lake: close a month, compact, clean up, repair
    Lake(LakeArgs),
    /// Serve an export, a lake or a made-up account over the Apify API
    Serve(Box<ServeArgs>),
    /// Show the configuration in effect
    Config(ConfigArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print a page of the manual, or write all pages
    Man(ManArgs),
}

impl Command {
    /// None for commands that send no request.
    pub fn source(&self) -> Option<&SourceArgs> {
        self.job().map(|(source, _)| source)
    }

    /// None for commands that send no request.
    pub fn run(&self) -> Option<&RunArgs> {
        self.job().map(|(_, run)| run)
    }

    /// Whether a command that sends requests is to print warnings and errors alone.
    pub fn is_quiet(&self) -> bool {
        match self {
            Command::Export(args) => args.quiet,
            Command::Reconcile(args) => args.quiet,
            Command::Check(args) => args.quiet,
            Command::Sync(args) => args.quiet,
            _ => false,
        }
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
#[command(
    mut_arg("compare", |arg| arg.help("Compare with an export or a lake, or with `previous`")),
    after_help = "Examples:
  apify-runs export --month 2025-09 --out september
  apify-runs export --demo --last-month --format parquet --out made-up --json"
)]
pub struct ExportArgs {
    #[command(flatten)]
    pub period: PeriodArgs,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub costs: CostArgs,
    /// Only runs with these statuses (comma list)
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = parse_status, help_heading = RUNS_AND_COSTS)]
    pub status: Vec<String>,
    /// Only runs of these Actors: IDs or names (comma list)
    #[arg(long, value_name = "ACTOR", value_delimiter = ',', value_parser = parse_element, help_heading = RUNS_AND_COSTS)]
    pub actor: Vec<String>,
    /// Only runs of these tasks: IDs or names (comma list)
    #[arg(hide = true, long, value_name = "TASK", value_delimiter = ',', value_parser = parse_element, help_heading = RUNS_AND_COSTS)]
    pub task: Vec<String>,
    /// CSV file with rules of groups, such as teams
    #[arg(long, value_name = "FILE", help_heading = RUNS_AND_COSTS)]
    pub groups: Option<PathBuf>,
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Output folder; may contain {account}, {month}, {period} [default: apify-runs-PERIOD]
    #[arg(long, short, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Also write one report of all accounts into this folder
    #[arg(hide = true, long, value_name = "DIR", conflicts_with = "dry_run", help_heading = OUTPUT)]
    pub together: Option<PathBuf>,
    /// Formats of the runs (comma list)
    #[arg(
        long, value_name = "FORMAT", value_delimiter = ',', default_value = "parquet,csv",
        hide_possible_values = true, help_heading = OUTPUT
    )]
    pub format: Vec<Format>,
    #[command(flatten)]
    pub report_csv: ReportCsvArgs,
    /// One Parquet file for each UTC day on which runs started
    #[arg(hide = true, long, value_name = "day", hide_possible_values = true, help_heading = OUTPUT)]
    pub partition_by: Option<PartitionBy>,
    /// Write Parquet for old readers: Snappy, plain and dictionary encodings
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub parquet_compat: bool,
    /// Only these columns (comma list)
    #[arg(hide = true, long, value_name = "COLUMN", value_delimiter = ',', value_parser = parse_element, help_heading = OUTPUT)]
    pub columns: Vec<String>,
    /// All columns except these (comma list)
    #[arg(hide = true, long, value_name = "COLUMN", value_delimiter = ',', value_parser = parse_element, help_heading = OUTPUT)]
    pub exclude: Vec<String>,
    /// Don't fetch the names of Actors, tasks and schedules
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub no_names: bool,
    /// Don't fetch the usage that Apify counts, and builds
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub no_usage: bool,
    /// Mode of the files, such as 640; folders get x where r [default: 600 with personal data, else by umask]
    #[arg(hide = true, long, value_name = "OCTAL", value_parser = parse_mode, help_heading = OUTPUT)]
    pub mode: Option<u32>,
    /// Replace an existing export even if runs in it are lost
    #[arg(long, help_heading = OUTPUT)]
    pub replace: bool,
    /// Publish even if runs are missing; invalid rows are set aside (exit 7)
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub allow_incomplete: bool,
    /// Exit 7 if a figure is not final; =incomplete: only if runs may be missing
    #[arg(
        long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
        help_heading = OUTPUT
    )]
    pub strict: Strict,
    /// Estimate runs, requests and time; write nothing
    #[arg(long, help_heading = OUTPUT)]
    pub dry_run: bool,
    /// Print the report as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
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
    /// Output folder to test [default: that of an export of last month]
    #[arg(long, short, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
    #[command(flatten)]
    pub run: RunArgs,
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
