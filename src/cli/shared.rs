//! What several commands take: which period, from where, how costs are asked for; and texts to values, or why they are none.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::builder::{PathBufValueParser, PossibleValue, TypedValueParser};
use clap::{ArgGroup, Args, ValueEnum};

use crate::archive::address::ArchiveAddress;
use crate::error::{Error, Result};
use crate::fetch::MAX_CONCURRENCY;
use crate::money::Usd;
use crate::period::{Edge, PeriodSpec, parse_duration, parse_edge, parse_month, parse_timezone};
use crate::provenance::DetailMode;
use crate::report::budget::Budget;
use crate::runs::cost_state::DEFAULT_SETTLE;

/// Most details in flight: each holds a connection.
const MAX_DETAIL_CONCURRENCY: i64 = 500;

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
    /// None where no period was given, or a billing cycle, which is the API's to tell.
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

#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// Use a made-up account, served in this process; needs no token
    #[arg(long, conflicts_with_all = ["token_file", "api_url"])]
    pub demo: bool,
    /// A file with the API token [otherwise: APIFY_TOKEN, or the CLI's login]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The API's address [default: APIFY_API_BASE_URL, or api.apify.com by HTTPS]
    #[arg(hide = true, long, value_name = "URL")]
    pub api_url: Option<String>,
    /// Requests in flight at most, details apart
    #[arg(hide = true, long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=MAX_CONCURRENCY as i64))]
    pub concurrency: u16,
    /// Requests a second at most; 0 is no limit [default: 30; with --demo 0]
    #[arg(hide = true, long, value_name = "N", value_parser = parse_rate, allow_negative_numbers = true)]
    pub rate: Option<f64>,
    /// Attempts after the first, for each request
    #[arg(hide = true, long, value_name = "N", default_value_t = 8)]
    pub retries: u32,
    /// How long one attempt may take
    #[arg(hide = true, long, value_name = "DURATION", default_value = "60s", value_parser = parse_timeout)]
    pub timeout: Duration,
    /// Accounts of the configuration, by name (comma list)
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse_element, conflicts_with_all = ["all_accounts", "demo", "token_file"])]
    pub account: Vec<String>,
    /// All accounts of the configuration, side by side
    #[arg(long, conflicts_with_all = ["demo", "token_file"])]
    pub all_accounts: bool,
    /// Accounts at work at once: each takes some 30 MB
    #[arg(hide = true, long, value_name = "N", default_value = "2")]
    pub accounts_at_once: NonZeroUsize,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Running")]
pub struct RunArgs {
    /// Wait a random time first, up to so long
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = parse_duration)]
    pub jitter: Duration,
    /// How long all of it may take; beyond it, exit 4
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout)]
    pub deadline: Option<Duration>,
    /// Write how it ended into this file, as JSON, whatever happens
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(no_dash))]
    pub outcome: Option<PathBuf>,
    /// Write figures into FILE.prom, for Prometheus' textfile collector
    #[arg(long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
}

impl RunArgs {
    /// Refuses a jitter that may take all of the deadline.
    pub fn check(&self) -> Result<()> {
        if self.deadline.is_some_and(|deadline| self.jitter >= deadline) {
            let problem = "--jitter may take all of --deadline: give more time, or less jitter";
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
            DetailMode::Missing => PossibleValue::new("missing").help("Of runs without a cost in the list"),
            DetailMode::All => PossibleValue::new("all").help("Of every run"),
            DetailMode::None => PossibleValue::new("none").help("Of none"),
        })
    }
}

/// Single runs' details, and when a cost is settled.
#[derive(Debug, Args)]
#[command(next_help_heading = "Runs and costs")]
pub struct CostArgs {
    /// Whose details to ask for: missing, all or none
    #[arg(long, value_name = "WHICH", default_value = "missing", hide_possible_values = true)]
    pub details: DetailMode,
    /// Details in flight at most
    #[arg(hide = true, long, value_name = "N", default_value = "96", value_parser = clap::value_parser!(u16).range(1..=MAX_DETAIL_CONCURRENCY))]
    pub detail_concurrency: u16,
    /// Details a second at most; 0 is no limit [default: 1000; with --demo 0]
    #[arg(hide = true, long, value_name = "N", value_parser = parse_rate, allow_negative_numbers = true)]
    pub detail_rate: Option<f64>,
    /// How long before now a run must have finished for its cost to be settled
    #[arg(hide = true, long, value_name = "DURATION", default_value = DEFAULT_SETTLE, value_parser = parse_duration)]
    pub settle: Duration,
    /// Wait up to so long for runs that have only just finished
    #[arg(hide = true, long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = parse_duration)]
    pub wait_settled: Duration,
}

impl CostArgs {
    /// Refuses options that contradict each other.
    pub fn check(&self) -> Result<()> {
        if self.details == DetailMode::None && !self.wait_settled.is_zero() {
            let problem = "--wait-settled asks for details, and --details none for none: leave one of them out";
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
    /// None.
    #[value(name = "false")]
    Off,
    /// Any.
    #[value(name = "true")]
    Final,
    /// Those that may lack runs.
    Incomplete,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Comparison and budgets")]
pub struct JudgeArgs {
    /// Put another period beside it: an export, a lake; of export previous too
    #[arg(long, value_name = "PATH")]
    pub compare: Option<ArchiveAddress>,
    /// Leave out Actors whose usage moved by less, in US dollars
    #[arg(hide = true, long, value_name = "USD", default_value = "0", hide_default_value = true, value_parser = parse_usd, requires = "compare")]
    pub min_change: Usd,
    /// What was meant to be spent: 500, actor:NAME=50, group:TEAM=200
    #[arg(long, value_name = "BUDGET", value_parser = Budget::parse)]
    pub budget: Vec<Budget>,
    /// The same from a file, one a line
    #[arg(hide = true, long, value_name = "FILE")]
    pub budgets: Option<PathBuf>,
    /// Exit 7 if more than a budget is spent, or none of its runs has a known cost
    #[arg(hide = true, long)]
    pub fail_over_budget: bool,
}

/// Elsewhere `-` is stdout, and a file of that name would surprise.
pub(super) fn no_dash(path: PathBuf) -> anyhow::Result<PathBuf> {
    ensure!(path.as_os_str() != "-", "name a file; stdout is /dev/stdout");
    Ok(path)
}

/// A status in the API's spelling.
pub(super) fn parse_status(text: &str) -> anyhow::Result<String> {
    parse_element(text).map(|status| status.to_ascii_uppercase())
}

/// One of a list; an empty one, as of a variable that isn't set, must not come to mean that nothing matches.
pub(super) fn parse_element(text: &str) -> anyhow::Result<String> {
    match text.trim() {
        "" => bail!("an empty name matches nothing; leave the option out to leave nothing out"),
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
        _ => bail!("expected requests a second, such as 30 or 0.5; 0 is no limit"),
    }
}

pub(super) fn parse_timeout(text: &str) -> anyhow::Result<Duration> {
    let timeout = parse_duration(text)?;
    ensure!(!timeout.is_zero(), "it needs some time, such as 60s");
    Ok(timeout)
}
