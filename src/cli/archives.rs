//! Options of `verify`, `reconcile` and `diff`, which read exports and lakes.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;

use super::OUTPUT;
use super::shared::{CostArgs, RunArgs, SourceArgs, parse_cycle_date, parse_usd};
use crate::archive::address::{ArchiveAddress, AsOf};
use crate::money::Usd;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs verify september
  apify-runs verify lake --as-of 0 --quiet")]
pub struct VerifyArgs {
    /// Export or lake
    #[arg(value_name = "PATH")]
    pub path: ArchiveAddress,
    /// Lake as of a UTC date, instant (RFC 3339) or version
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse)]
    pub as_of: Option<AsOf>,
    /// Skip the hashes of files; rows and figures are still checked
    #[arg(long)]
    pub quick: bool,
    /// Print the result as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Print only errors
    #[arg(long, short, help_heading = OUTPUT)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs reconcile --last-cycle
  apify-runs reconcile --cycle 2025-09-15 september
  apify-runs reconcile --cycle 2025-09-15 --tolerance 5 --json")]
pub struct ReconcileArgs {
    /// Export or lake that covers the cycle; otherwise its runs are fetched
    #[arg(value_name = "PATH")]
    pub path: Option<ArchiveAddress>,
    /// Lake as of a UTC date, instant (RFC 3339) or version
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse, requires = "path")]
    pub as_of: Option<AsOf>,
    /// Billing cycle that contains this date [default: the export's own]
    #[arg(long, value_name = "DATE", value_parser = parse_cycle_date)]
    pub cycle: Option<NaiveDate>,
    /// The last billing cycle that is over
    #[arg(long, conflicts_with = "cycle")]
    pub last_cycle: bool,
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub costs: CostArgs,
    /// Ignore differences up to this amount in dollars [default: 1, or 0.1% if that is more]
    #[arg(long, value_name = "USD", value_parser = parse_usd, help_heading = OUTPUT)]
    pub tolerance: Option<Usd>,
    /// Write the result into this folder: page, workbook, JSON and text
    #[arg(long, short, value_name = "DIR", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
    /// Exit 7 if a difference is not explained, or cannot be judged
    #[arg(long, help_heading = OUTPUT)]
    pub fail_unexplained: bool,
    /// Print the result as JSON
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
    after_help = "Exit code: 0 with and without differences, 2 if PATH holds no export or lake,
5 if it can't be read.

Examples:
  apify-runs diff september made-up
  apify-runs diff september made-up --csv"
)]
pub struct DiffArgs {
    /// Earlier export or lake
    #[arg(value_name = "OLD")]
    pub old: ArchiveAddress,
    /// Later export or lake (of a lake, only the period of an export)
    #[arg(value_name = "NEW")]
    pub new: ArchiveAddress,
    /// Lake (if both are lakes: OLD) as of a UTC date, instant (RFC 3339) or version
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse)]
    pub as_of: Option<AsOf>,
    /// Print all figures and all runs that differ as JSON
    #[arg(long, conflicts_with = "csv", help_heading = OUTPUT)]
    pub json: bool,
    /// Print all runs that differ as CSV
    #[arg(long, help_heading = OUTPUT)]
    pub csv: bool,
}
