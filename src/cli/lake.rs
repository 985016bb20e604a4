//! Options of `sync` and `lake`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::OUTPUT;
use super::shared::{CostArgs, RunArgs, SourceArgs, UnusualArgs};
use crate::output::modes::parse_mode;
use crate::period::{Edge, PeriodSpec, Zone, parse_duration, parse_edge, parse_month, parse_timezone};

const RUNS_TO_FETCH: &str = "Runs to fetch";
const CHANGES_TO_ACCEPT: &str = "Changes to accept";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Optimize {
    /// Where a month has many small files
    Auto,
    /// Never
    Never,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs sync --lake lake --since 2025-09-01
  apify-runs sync --lake lake --resweep --changes changes.csv --quiet")]
pub struct SyncArgs {
    /// Lake: a folder, or s3://, gs://, az:// with bucket and path
    #[arg(long, value_name = "URL")]
    pub lake: String,
    /// Sync runs started since this date or instant (RFC 3339) [default: all that Apify has]
    #[arg(long, value_name = "DATE", value_parser = parse_edge, help_heading = RUNS_TO_FETCH)]
    pub since: Option<Edge>,
    /// Fetch TIME before the last complete instant again, for late runs and changed costs
    #[arg(long, value_name = "TIME", default_value = "3d", value_parser = parse_duration, help_heading = RUNS_TO_FETCH)]
    pub lookback: Duration,
    /// Fetch all runs that Apify has; finds runs resurrected long after they ended
    #[arg(long, help_heading = RUNS_TO_FETCH)]
    pub resweep: bool,
    /// Accept costs that changed more than 3 days after a run ended (new plan or price)
    #[arg(long, help_heading = CHANGES_TO_ACCEPT)]
    pub accept_repricing: bool,
    /// Continue even if most runs are gone at Apify
    #[arg(long, help_heading = CHANGES_TO_ACCEPT)]
    pub accept_deletions: bool,
    /// Store IP addresses and user agents of callers too
    #[arg(long, help_heading = RUNS_TO_FETCH)]
    pub with_personal_data: bool,
    /// Don't fetch the names of Actors, tasks and schedules
    #[arg(long, help_heading = RUNS_TO_FETCH)]
    pub no_names: bool,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub costs: CostArgs,
    #[command(flatten)]
    pub unusual: UnusualArgs,
    /// Compact afterwards: never, or auto (months with many small files)
    #[arg(long, value_name = "WHEN", default_value = "never", hide_possible_values = true, help_heading = OUTPUT)]
    pub optimize: Optimize,
    /// Write new and changed runs to this CSV file, with the columns of diff --csv
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub changes: Option<PathBuf>,
    /// Print the changes as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  apify-runs lake close lake --month 2025-09 --out closed
  apify-runs lake vacuum lake --dry-run"
)]
pub struct LakeArgs {
    #[command(subcommand)]
    pub command: LakeCommand,
}

#[derive(Debug, Subcommand)]
pub enum LakeCommand {
    /// Close a month: export it; count later changes as corrections
    Close(CloseArgs),
    /// Compact small files, except those of the last 7 days
    Optimize(OptimizeArgs),
    /// Remove files that no version within --keep needs
    Vacuum(VacuumArgs),
    /// Find damaged files; with --apply take them out of the table
    Repair(RepairArgs),
    /// Show months, proven periods, gaps, closed months and size
    Info(InfoArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake close lake --month 2025-09 --out closed
  apify-runs lake close lake --month 2025-09 --out closed --replace --json")]
pub struct CloseArgs {
    /// Lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// Calendar month, such as 2025-09
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    pub month: PeriodSpec,
    /// Time zone of the month
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse_timezone)]
    pub timezone: Zone,
    #[command(flatten)]
    pub source: SourceArgs,
    /// Output folder [default: ./apify-runs-YYYY-MM]
    #[arg(long, short, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Don't fetch the usage that Apify counts, and builds
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub no_usage: bool,
    /// Mode of the files, such as 640; folders get x where r [default: 600 with personal data, else by umask]
    #[arg(hide = true, long, value_name = "OCTAL", value_parser = parse_mode, help_heading = OUTPUT)]
    pub mode: Option<u32>,
    /// Close the month again, and replace its export
    #[arg(long, help_heading = OUTPUT)]
    pub replace: bool,
    /// Print the report as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake optimize lake
  apify-runs lake optimize lake --quiet")]
pub struct OptimizeArgs {
    /// Lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// Print the result as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake vacuum lake --dry-run
  apify-runs lake vacuum lake --keep 30d")]
pub struct VacuumArgs {
    /// Lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// Keep the versions of the last TIME readable; below 7d, needs --force
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = parse_duration)]
    pub keep: Duration,
    /// Allow --keep below 7d; current readers and writers of the lake may fail
    #[arg(long)]
    pub force: bool,
    /// List the files that would be removed; remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the result as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake repair lake
  apify-runs lake repair lake --apply")]
pub struct RepairArgs {
    /// Lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// Take damaged files out of the table; the next sync fetches their runs again
    #[arg(long)]
    pub apply: bool,
    /// Print the result as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only warnings and errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake info lake
  apify-runs lake info lake --json")]
pub struct InfoArgs {
    /// Lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
