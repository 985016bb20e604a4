//! What `sync` and `lake` take.

use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use clap::{Args, Subcommand, ValueEnum};

use super::OUTPUT;
use super::shared::{CostArgs, RunArgs, SourceArgs};
use crate::period::{Edge, PeriodSpec, parse_duration, parse_edge, parse_month, parse_timezone};

const ASKED_FOR: &str = "What is asked for";
const TAKEN_OVER: &str = "What is taken over";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Optimize {
    /// Where a month has many.
    Auto,
    /// Never.
    Never,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs sync --lake lake --since 2025-09-01
  apify-runs sync --lake lake --resweep --changes changes.csv --quiet")]
pub struct SyncArgs {
    /// The lake: a folder, or s3://, gs:// or az:// with a bucket and a path
    #[arg(long, value_name = "URL")]
    pub lake: String,
    /// The first run's beginning: a date, or RFC 3339 [default: what Apify still keeps]
    #[arg(long, value_name = "DATE", value_parser = parse_edge, help_heading = ASKED_FOR)]
    pub since: Option<Edge>,
    /// How far before the last proven instant to begin, since costs move and runs come late
    #[arg(long, value_name = "DURATION", default_value = "3d", value_parser = parse_duration, help_heading = ASKED_FOR)]
    pub lookback: Duration,
    /// Ask for all that Apify still keeps: finds runs that were resurrected long after they ended
    #[arg(long, help_heading = ASKED_FOR)]
    pub resweep: bool,
    /// Take over costs that moved more than 3 days after a run finished: a change of plan or price
    #[arg(long, help_heading = TAKEN_OVER)]
    pub accept_repricing: bool,
    /// Go on although Apify lists few or none of the runs that the lake has: they were deleted
    #[arg(long, help_heading = TAKEN_OVER)]
    pub accept_deletions: bool,
    /// Keep the callers' addresses and user agents too: personal data
    #[arg(long, help_heading = TAKEN_OVER)]
    pub with_personal_data: bool,
    /// Ask for no names of Actors and tasks
    #[arg(long, help_heading = TAKEN_OVER)]
    pub no_names: bool,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub costs: CostArgs,
    /// Put small files together afterwards where a month has many: auto or never
    #[arg(long, value_name = "WHEN", default_value = "never", hide_possible_values = true, help_heading = OUTPUT)]
    pub optimize: Optimize,
    /// Write every run that is new or changed as CSV, in the columns of diff --csv
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub changes: Option<PathBuf>,
    /// Print what changed as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short, conflicts_with = "json", help_heading = OUTPUT)]
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
    /// Publish a month as an export, and watch it for corrections from now on
    Close(CloseArgs),
    /// Put small files together: the same rows in fewer files
    Optimize(OptimizeArgs),
    /// Remove files that no version of the last days needs
    Vacuum(VacuumArgs),
    /// Find damaged files, and take them out of the lake so that syncs ask again for their time
    Repair(RepairArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake close lake --month 2025-09 --out closed
  apify-runs lake close lake --month 2025-09 --out closed --replace --json")]
pub struct CloseArgs {
    /// The lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// The month, such as 2025-09
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    pub month: PeriodSpec,
    /// The zone in which the month is read
    #[arg(long, value_name = "IANA NAME", default_value = "UTC", value_parser = parse_timezone)]
    pub timezone: Tz,
    /// The export's folder [default: ./apify-runs-YYYY-MM]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Close a month that was closed before once more, and replace the export that is there
    #[arg(long)]
    pub replace: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short, conflicts_with = "json")]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake optimize lake
  apify-runs lake optimize lake --keep-recent 30d --quiet")]
pub struct OptimizeArgs {
    /// The lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// Leave files with runs of so long before the last sync alone: the next syncs write them anew
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
    pub keep_recent: Duration,
    /// Print nothing but warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake vacuum lake --dry-run
  apify-runs lake vacuum lake --keep 30d")]
pub struct VacuumArgs {
    /// The lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// For how long versions stay readable; less than 7d needs --force
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = parse_duration)]
    pub keep: Duration,
    /// Keep less than 7d: whoever reads or writes the table meanwhile may fail
    #[arg(long)]
    pub force: bool,
    /// Show what would be removed
    #[arg(long)]
    pub dry_run: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs lake repair lake
  apify-runs lake repair lake --apply")]
pub struct RepairArgs {
    /// The lake
    #[arg(value_name = "URL")]
    pub lake: String,
    /// Set damaged files aside, and mark their time as not proven; without this nothing is changed
    #[arg(long)]
    pub apply: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short)]
    pub quiet: bool,
}
