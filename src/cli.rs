//! The command line: text to typed values. No I/O, and no knowledge of what the values do.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::fetch::MAX_CONCURRENCY;
use crate::money::Usd;
use crate::period::{Edge, PeriodSpec, parse_duration, parse_edge, parse_month, parse_timezone};
use crate::statement::DetailMode;

/// Most details in flight: each holds a connection.
const MAX_DETAIL_CONCURRENCY: i64 = 500;

/// Exports every Apify Actor run of a period, with its exact cost, and shows that none is missing.
#[derive(Debug, Parser)]
#[command(
    name = "apify-runs",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Export a period's runs into a folder: Parquet, CSV, reports, manifest
    Export(Box<ExportArgs>),
    /// Check an export offline: hashes, rows, unique IDs, sums, order, period
    Verify(VerifyArgs),
    /// Hold a billing cycle's runs against the usage that Apify counts for it
    Reconcile(Box<ReconcileArgs>),
    /// Before cron relies on it: API, token, clock, rate, retention, output
    Check(CheckArgs),
    /// Compare two exports offline: runs new, changed, vanished, and the dollars that they moved
    Diff(DiffArgs),
    /// Serve a made-up account behind the API's endpoints, on this machine only
    Serve(ServeArgs),
}

/// Which period.
#[derive(Debug, Args)]
#[command(next_help_heading = "Period, one form of it", group = ArgGroup::new("period").args(["month", "last_month", "last", "from", "cycle"]))]
pub struct PeriodArgs {
    /// A calendar month, such as 2025-09
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    pub month: Option<PeriodSpec>,
    /// The calendar month before this one
    #[arg(long)]
    pub last_month: bool,
    /// So long before now, such as 7d (7 times 24 hours) or 12h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub last: Option<Duration>,
    /// The first day or instant: a date, or RFC 3339
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "to")]
    pub from: Option<Edge>,
    /// The first day or instant that is not included
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "from")]
    pub to: Option<Edge>,
    /// The billing cycle that holds this date, as the API tells it
    #[arg(long, value_name = "DATE", value_parser = parse_cycle_date)]
    pub cycle: Option<NaiveDate>,
    /// The zone in which dates, months and days are read
    #[arg(long, value_name = "IANA NAME", default_value = "UTC", value_parser = parse_timezone)]
    pub timezone: Tz,
}

impl PeriodArgs {
    /// What was asked for, if anything was; a billing cycle is the API's to tell.
    pub fn spec(&self) -> Option<PeriodSpec> {
        if let Some(month) = &self.month {
            return Some(month.clone());
        }
        if self.last_month {
            return Some(PeriodSpec::LastMonth);
        }
        if let Some(last) = self.last {
            return Some(PeriodSpec::Last(last));
        }
        let (from, to) = (self.from?, self.to?);
        Some(PeriodSpec::FromTo { from, to })
    }
}

/// Where runs come from, and how they are asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// Use a made-up account, served in this process; needs no token
    #[arg(long, conflicts_with_all = ["token_file", "api_url"])]
    pub demo: bool,
    /// A file that holds the API token [otherwise: APIFY_TOKEN, or the official CLI's login]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The API's address [default: APIFY_API_BASE_URL, or api.apify.com by HTTPS]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// Requests in flight at most
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=MAX_CONCURRENCY as i64))]
    pub concurrency: u16,
    /// Requests a second at most; 0 is no limit [default: 30; with --demo 0]
    #[arg(long, value_name = "N", value_parser = parse_rate, allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// Attempts after the first, for each request
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub retries: u32,
    /// How long one attempt may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_timeout)]
    pub timeout: Duration,
}

/// Which runs' details are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Details {
    /// Of runs without a cost in the list.
    Missing,
    /// Of every run.
    All,
    /// Of none.
    None,
}

impl From<Details> for DetailMode {
    fn from(details: Details) -> DetailMode {
        match details {
            Details::Missing => DetailMode::Missing,
            Details::All => DetailMode::All,
            Details::None => DetailMode::None,
        }
    }
}

/// Single runs' details, and when a cost is settled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Costs")]
pub struct CostArgs {
    /// Whose detail to ask for: missing (runs without a cost in the list, or with none yet), all (adds columns), none
    #[arg(long, value_name = "WHICH", default_value = "missing", hide_possible_values = true)]
    pub details: Details,
    /// Details in flight at most
    #[arg(long, value_name = "N", default_value = "32", value_parser = clap::value_parser!(u16).range(1..=MAX_DETAIL_CONCURRENCY))]
    pub detail_concurrency: u16,
    /// Details a second at most; 0 is no limit [default: 1000; with --demo 0]
    #[arg(long, value_name = "N", value_parser = parse_rate, allow_negative_numbers = true)]
    pub detail_rate: Option<f64>,
    /// How long before now a run must have finished for its cost to be settled
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub settle: Duration,
    /// Wait up to so long for runs that have only just finished, and ask for them again
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = parse_duration)]
    pub wait_settled: Duration,
}

impl CostArgs {
    /// `--settle` in milliseconds.
    pub fn settle_ms(&self) -> i64 {
        i64::try_from(self.settle.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A format of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// runs.parquet
    Parquet,
    /// runs.csv
    Csv,
}

/// How Parquet is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartitionBy {
    /// runs/started_on=YYYY-MM-DD/runs.parquet, UTC days
    Day,
}

/// `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The period.
    #[command(flatten)]
    pub period: PeriodArgs,
    /// The source.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Costs.
    #[command(flatten)]
    pub costs: CostArgs,
    /// Only runs of these statuses, asked of the API (comma list)
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = parse_status, help_heading = "Filters")]
    pub status: Vec<String>,
    /// Only runs of these Actors, by ID or name, filtered from the account's list (comma list)
    #[arg(long, value_name = "ACTOR", value_delimiter = ',', value_parser = parse_element, help_heading = "Filters")]
    pub actor: Vec<String>,
    /// Only runs of these tasks, by ID or name, filtered likewise (comma list)
    #[arg(long, value_name = "TASK", value_delimiter = ',', value_parser = parse_element, help_heading = "Filters")]
    pub task: Vec<String>,
    /// The folder [default: ./apify-runs-YYYY-MM, or -FROM_TO; with --demo ./apify-runs-demo-…]
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Formats of the rows, of parquet and csv (comma list)
    #[arg(
        long,
        value_name = "FORMAT",
        value_delimiter = ',',
        default_value = "parquet,csv",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub format: Vec<Format>,
    /// Split Parquet by the UTC day on which runs started
    #[arg(long, value_name = "day", hide_possible_values = true, help_heading = "Output")]
    pub partition_by: Option<PartitionBy>,
    /// Write Parquet in plain and dictionary encodings alone, for engines that can't read others
    #[arg(long, help_heading = "Output")]
    pub parquet_compat: bool,
    /// Only these columns (comma list)
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', value_parser = parse_element, help_heading = "Output")]
    pub columns: Vec<String>,
    /// All columns but these, such as meta_client_ip,meta_user_agent (comma list)
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', value_parser = parse_element, help_heading = "Output")]
    pub exclude: Vec<String>,
    /// Ask for no names of Actors and tasks
    #[arg(long, help_heading = "Output")]
    pub no_names: bool,
    /// Report by cost centre too: a CSV file of actor, task or user (IDs or names, * and ?) and group
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub groups: Option<PathBuf>,
    /// Replace an export at DIR even if it is of something else, or holds runs that the new one lacks
    #[arg(long, help_heading = "Output")]
    pub replace: bool,
    /// Publish even what the API's count doesn't prove, without rows that make no sense, all marked (exit 7)
    #[arg(long, help_heading = "Output")]
    pub allow_incomplete: bool,
    /// Exit 7 if anything keeps a figure from being final: any caveat
    #[arg(long, help_heading = "Output")]
    pub strict: bool,
    /// Show how many runs, requests and details that would be, and how long; write nothing
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
    /// Print the report as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short, conflicts_with_all = ["json", "verbose"], help_heading = "Output")]
    pub quiet: bool,
    /// Say how far it is every 30 seconds, on stderr; a terminal shows a bar anyway
    #[arg(long, short, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The export
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Print nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// An export that covers the cycle; without one that does, its runs are fetched
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// A date in the billing cycle
    #[arg(long, value_name = "DATE", value_parser = parse_cycle_date)]
    pub cycle: NaiveDate,
    /// The source.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Costs.
    #[command(flatten)]
    pub costs: CostArgs,
    /// What is no difference, in US dollars [default: 1, or a thousandth if that is more]
    #[arg(long, value_name = "USD", value_parser = parse_usd, help_heading = "Output")]
    pub tolerance: Option<Usd>,
    /// Exit 7 if dollars are not accounted for, or can't be judged
    #[arg(long, help_heading = "Output")]
    pub fail_unexplained: bool,
    /// Print it as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Print nothing but warnings and errors
    #[arg(long, short, conflicts_with = "json", help_heading = "Output")]
    pub quiet: bool,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The source.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where exports will go [default: the folder of last month's]
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print nothing but warnings and errors
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
}

/// `diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exits 0 whether or not they differ; 2 where a path holds no export, 5 where one can't be read."
)]
pub struct DiffArgs {
    /// The export to compare to
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// The export that is compared
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Print all figures and every run that differs as JSON
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print every run that differs as CSV
    #[arg(long)]
    pub csv: bool,
}

/// `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Serve the made-up account
    #[arg(long, required = true)]
    pub demo: bool,
    /// Runs in its period
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(..=20_000_000))]
    pub runs: u64,
    /// Actors that they are of
    #[arg(long, value_name = "N", default_value_t = 340, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub actors: u64,
    /// Another seed is another account
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The first day of its runs, UTC
    #[arg(long, value_name = "DATE", default_value = "2025-09-01", value_parser = parse_edge)]
    pub from: Edge,
    /// The first day after them
    #[arg(long, value_name = "DATE", default_value = "2025-10-01", value_parser = parse_edge)]
    pub to: Edge,
    /// Runs in a hundred whose cost only the detail has [default: those of others' pay-per-event Actors]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub cost_missing: Option<u8>,
    /// How long the costs of runs that have just ended read 0 in their details too
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = parse_duration)]
    pub settle_after: Duration,
    /// Days for which the plan keeps runs
    #[arg(long, value_name = "N", default_value_t = 90)]
    pub retention_days: u32,
    /// How long each answer takes at least
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = parse_duration)]
    pub latency: Duration,
    /// Requests a second beyond which it answers 429
    #[arg(long, value_name = "N")]
    pub rate_limit: Option<NonZeroU32>,
    /// The port on 127.0.0.1; 0 is any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
}

/// A status in the API's spelling.
fn parse_status(text: &str) -> Result<String, String> {
    parse_element(text).map(|status| status.to_ascii_uppercase())
}

/// One of a list; an empty one, as of a variable that isn't set, must not come to mean that nothing matches.
fn parse_element(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("an empty name matches nothing; leave the option out to leave nothing out".into()),
        element => Ok(element.into()),
    }
}

fn parse_cycle_date(text: &str) -> Result<NaiveDate, String> {
    match parse_edge(text) {
        Ok(Edge::Date(date)) => Ok(date),
        _ => Err("expected a date, such as 2025-09-15".into()),
    }
}

fn parse_usd(text: &str) -> Result<Usd, String> {
    let usd = Usd::parse_plain(text).filter(|usd| usd.0 >= 0);
    usd.ok_or_else(|| "expected US dollars, such as 1 or 0.50".into())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected requests a second, such as 30 or 0.5; 0 is no limit".into()),
    }
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text).map_err(|error| error.to_string())?;
    if timeout.is_zero() {
        Err("an attempt needs some time, such as 60s".into())
    } else {
        Ok(timeout)
    }
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
