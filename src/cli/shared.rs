//! Options that several commands have: period, source, costs, budgets; and the parsers of their values.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use chrono::NaiveDate;
use clap::builder::{PathBufValueParser, PossibleValue, TypedValueParser};
use clap::{ArgGroup, Args, ValueEnum};

use super::{OUTPUT, RUNS_AND_COSTS};
use crate::archive::address::ArchiveAddress;
use crate::error::{Error, Result};
use crate::fetch::MAX_CONCURRENCY;
use crate::money::Usd;
use crate::period::{Edge, PeriodSpec, Zone, parse_duration, parse_edge, parse_month, parse_timezone};
use crate::provenance::DetailMode;
use crate::report::budget::Budget;
use crate::runs::cost_state::{DEFAULT_SETTLE, STATUSES};
use crate::text::nearest::did_you_mean;

/// The limit of `--detail-concurrency`: each request needs a connection.
const MAX_DETAIL_CONCURRENCY: i64 = 500;

#[derive(Debug, Args)]
#[command(next_help_heading = "Period (one of these)", group = ArgGroup::new("period").args(["month", "last_month", "last", "from", "cycle"]))]
pub struct PeriodArgs {
    /// Calendar month, such as 2025-09
    #[arg(long, value_name = "YYYY-MM", value_parser = parse_month)]
    pub month: Option<PeriodSpec>,
    /// Previous calendar month
    #[arg(long)]
    pub last_month: bool,
    /// The last 7d, 12h, … up to now (1d is 24 hours)
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub last: Option<Duration>,
    /// Start: a date, or an instant (RFC 3339)
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "to")]
    pub from: Option<Edge>,
    /// End, not included: a date, or an instant (RFC 3339)
    #[arg(long, value_name = "DATE", value_parser = parse_edge, requires = "from")]
    pub to: Option<Edge>,
    /// Billing cycle that contains this date
    #[arg(long, value_name = "DATE", value_parser = parse_cycle_date)]
    pub cycle: Option<NaiveDate>,
    /// Time zone of dates, months and days
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = parse_timezone)]
    pub timezone: Zone,
}

impl PeriodArgs {
    /// None without a period, and for a billing cycle, whose dates only the API has.
    pub fn spec(&self) -> Option<PeriodSpec> {
        match (&self.month, self.last) {
            (Some(month), _) => Some(month.clone()),
            _ if self.last_month => Some(PeriodSpec::LastMonth),
            (_, Some(last)) => Some(PeriodSpec::Last(last)),
            _ => Some(PeriodSpec::FromTo {
                from: self.from?,
                to: self.to?,
            }),
        }
    }
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// Use a made-up account; needs no token
    #[arg(long, conflicts_with_all = ["token_file", "api_url"])]
    pub demo: bool,
    /// File with the token [default: APIFY_TOKEN, CLI login]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// URL of the API [default: APIFY_API_BASE_URL, https://api.apify.com]
    #[arg(hide = true, long, value_name = "URL")]
    pub api_url: Option<String>,
    /// Maximum requests in progress, without run details
    #[arg(hide = true, long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=MAX_CONCURRENCY as i64))]
    pub concurrency: u16,
    /// Maximum requests per second, without run details; 0: no limit [default: 30; with --demo: 0]
    #[arg(hide = true, long, value_name = "N", value_parser = parse_rate, allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// Maximum retries of a request
    #[arg(hide = true, long, value_name = "N", default_value_t = 8)]
    pub retries: u32,
    /// Time limit of one attempt
    #[arg(hide = true, long, value_name = "TIME", default_value = "60s", value_parser = parse_timeout)]
    pub timeout: Duration,
    /// Accounts of the configuration file (comma list)
    #[arg(hide = true, long, value_name = "NAME", value_delimiter = ',', value_parser = parse_element, conflicts_with_all = ["all_accounts", "demo", "token_file"])]
    pub account: Vec<String>,
    /// All accounts of the configuration file
    #[arg(hide = true, long, conflicts_with_all = ["demo", "token_file"])]
    pub all_accounts: bool,
    /// Maximum accounts in progress; each needs about 30 MB
    #[arg(hide = true, long, value_name = "N", default_value = "2")]
    pub accounts_at_once: NonZeroUsize,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running")]
pub struct RunArgs {
    /// Wait a random time first, at most TIME [default: 0s]
    #[arg(hide = true, long, value_name = "TIME", default_value = "0s", hide_default_value = true, value_parser = parse_duration)]
    pub jitter: Duration,
    /// Time limit of the whole job, then exit 4 [default: none]
    #[arg(hide = true, long, value_name = "TIME", value_parser = parse_timeout)]
    pub deadline: Option<Duration>,
    /// Write the result of the job to this file as JSON, also after an error
    #[arg(hide = true, long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(no_dash))]
    pub outcome: Option<PathBuf>,
    /// Write metrics to this .prom file, for the textfile collector of Prometheus
    #[arg(hide = true, long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Label `job` of the metrics [default: path of the output, without the period]
    #[arg(hide = true, long, value_name = "NAME", value_parser = parse_element)]
    pub job_name: Option<String>,
}

impl RunArgs {
    /// Refuses a jitter that could use up the deadline.
    pub fn check(&self) -> Result<()> {
        if self.deadline.is_some_and(|deadline| self.jitter >= deadline) {
            let problem = "--jitter can be as long as --deadline: use a longer deadline, or less jitter";
            return Err(Error::usage(problem));
        }
        Ok(())
    }
}

impl ValueEnum for DetailMode {
    fn value_variants<'a>() -> &'a [DetailMode] {
        &[DetailMode::Missing, DetailMode::All, DetailMode::None]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            DetailMode::Missing => PossibleValue::new("missing").help("Runs that have no cost in the list"),
            DetailMode::All => PossibleValue::new("all").help("Every run"),
            DetailMode::None => PossibleValue::new("none").help("No run"),
        })
    }
}

/// Details of single runs, and when a cost is settled.
#[derive(Debug, Args)]
#[command(next_help_heading = RUNS_AND_COSTS)]
pub struct CostArgs {
    /// Fetch details of which runs: missing (those without a cost), all or none
    #[arg(
        hide = true,
        long,
        value_name = "WHICH",
        default_value = "missing",
        hide_possible_values = true
    )]
    pub details: DetailMode,
    /// Maximum detail requests in progress
    #[arg(hide = true, long, value_name = "N", default_value = "96", value_parser = clap::value_parser!(u16).range(1..=MAX_DETAIL_CONCURRENCY))]
    pub detail_concurrency: u16,
    /// Maximum detail requests per second; 0: no limit [default: 1000; with --demo: 0]
    #[arg(hide = true, long, value_name = "N", value_parser = parse_rate, allow_negative_numbers = true)]
    pub detail_rate: Option<f64>,
    /// A cost is provisional until TIME after the end of its run
    #[arg(hide = true, long, value_name = "TIME", default_value = DEFAULT_SETTLE, value_parser = parse_duration)]
    pub settle: Duration,
    /// Wait at most TIME for the costs of runs that have just ended [default: 0s]
    #[arg(hide = true, long, value_name = "TIME", default_value = "0s", hide_default_value = true, value_parser = parse_duration)]
    pub wait_settled: Duration,
}

impl CostArgs {
    /// Refuses options that contradict each other.
    pub fn check(&self) -> Result<()> {
        if self.details == DetailMode::None && !self.wait_settled.is_zero() {
            let problem = "--wait-settled needs details, and --details none fetches none: remove one of the two";
            return Err(Error::usage(problem));
        }
        Ok(())
    }

    /// `--settle` in milliseconds.
    pub fn settle_ms(&self) -> i64 {
        i64::try_from(self.settle.as_millis()).unwrap_or(i64::MAX)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Strict {
    /// Never
    #[value(name = "false")]
    Off,
    /// If any figure is not final
    #[value(name = "true")]
    Final,
    /// Only if runs may be missing
    Incomplete,
}

#[derive(Debug, Args)]
#[command(next_help_heading = RUNS_AND_COSTS)]
pub struct JudgeArgs {
    /// Compare with another period: an export or a lake
    #[arg(long, value_name = "PATH")]
    pub compare: Option<ArchiveAddress>,
    /// Budget in dollars: 500, actor:NAME=50, group:TEAM=200
    #[arg(long, value_name = "BUDGET", value_parser = Budget::parse)]
    pub budget: Vec<Budget>,
    /// CSV file with budgets: columns usd, and actor or group
    #[arg(hide = true, long, value_name = "FILE")]
    pub budgets: Option<PathBuf>,
    /// Exit 7 if a budget is exceeded, or if the costs of all its runs are unknown
    #[arg(hide = true, long)]
    pub fail_over_budget: bool,
}

/// Whether days are judged by those before them.
#[derive(Debug, Clone, Copy, Args)]
pub struct UnusualArgs {
    /// Report days that used more than the 28 days before
    #[arg(long, help_heading = OUTPUT)]
    pub unusual: bool,
    /// Exit 7 if a day is unusual; implies --unusual
    #[arg(hide = true, long, help_heading = OUTPUT)]
    pub fail_unusual: bool,
}

impl UnusualArgs {
    pub fn are_asked_for(self) -> bool {
        self.unusual || self.fail_unusual
    }
}

/// Elsewhere `-` means stdout: nobody expects a file of that name.
pub(super) fn no_dash(path: PathBuf) -> anyhow::Result<PathBuf> {
    ensure!(
        path.as_os_str() != "-",
        "expected the name of a file; for stdout, use /dev/stdout"
    );
    Ok(path)
}

/// A status in the API's spelling. One that is like a known one is a slip; any other may be newer than this program.
pub(super) fn parse_status(text: &str) -> anyhow::Result<String> {
    let status = parse_element(text)?.to_ascii_uppercase();
    let near = did_you_mean(&status, STATUSES);
    ensure!(
        STATUSES.contains(&&*status) || near.is_empty(),
        "unknown status '{status}'{near}; known are {}",
        STATUSES.join(", ")
    );
    Ok(status)
}

/// One name of a list. An empty one, such as from an unset variable of a shell, must not become a filter that matches nothing.
pub(super) fn parse_element(text: &str) -> anyhow::Result<String> {
    match text.trim() {
        "" => bail!("the name is empty; remove the option if you want no filter"),
        element => Ok(element.into()),
    }
}

pub(super) fn parse_cycle_date(text: &str) -> anyhow::Result<NaiveDate> {
    match parse_edge(text) {
        Ok(Edge::Date(date)) => Ok(date),
        _ => bail!("expected a date, such as 2025-09-15"),
    }
}

pub(super) fn parse_usd(text: &str) -> anyhow::Result<Usd> {
    let usd = Usd::parse_plain(text).filter(|usd| usd.0 >= 0);
    usd.context("expected US dollars, such as 1 or 0.50")
}

pub(super) fn parse_rate(text: &str) -> anyhow::Result<f64> {
    match text.parse::<f64>() {
        Ok(rate) if rate == 0.0 || (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => bail!("expected requests per second, such as 30 or 0.5; 0 means no limit"),
    }
}

pub(super) fn parse_timeout(text: &str) -> anyhow::Result<Duration> {
    let timeout = parse_duration(text)?;
    ensure!(!timeout.is_zero(), "must be longer than 0, such as 60s");
    Ok(timeout)
}
