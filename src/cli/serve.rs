//! Options of `serve`.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::archive::address::{ArchiveAddress, AsOf};
use crate::period::{Edge, parse_duration, parse_edge};
use crate::serve::Faults;

const SERVER: &str = "Server";
const SIMULATED_ERRORS: &str = "Simulated errors";
const MADE_UP: &str = "Made-up account";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs serve september --port 8080
  apify-runs serve --demo --runs 1000 --latency 50ms")]
#[command(group = ArgGroup::new("what").args(["path", "demo"]).required(true))]
pub struct ServeArgs {
    /// Export or lake
    #[arg(value_name = "PATH")]
    pub path: Option<ArchiveAddress>,
    /// Serve a made-up account
    #[arg(long)]
    pub demo: bool,
    /// Lake as of a UTC date, instant (RFC 3339) or version
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse, conflicts_with = "demo")]
    pub as_of: Option<AsOf>,
    /// How often to look for changes of PATH; 0s: never
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = parse_duration, conflicts_with = "demo")]
    pub refresh: Duration,
    /// IP address to listen on; beyond this machine, needs a token in APIFY_TOKEN
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), help_heading = SERVER)]
    pub host: IpAddr,
    /// Port; 0: any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, help_heading = SERVER)]
    pub port: u16,
    /// Open the report in the browser
    #[arg(long, help_heading = SERVER)]
    pub open: bool,
    /// Log each request to stderr as a line of JSON, without the token
    #[arg(long, help_heading = SERVER)]
    pub access_log: bool,
    /// Minimum time of an answer
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = parse_duration, help_heading = SIMULATED_ERRORS)]
    pub latency: Duration,
    /// Maximum requests per second; others get status 429 [default: none]
    #[arg(long, value_name = "N", help_heading = SIMULATED_ERRORS)]
    pub rate_limit: Option<NonZeroU32>,
    /// Errors in a share of the requests: an HTTP status, reset, cut (half a body), stall (half a body, then silence),
    /// such as 503=2%,reset=1%,cut=1%,seed=7
    #[arg(long, value_name = "SPEC", value_parser = Faults::parse, help_heading = SIMULATED_ERRORS)]
    pub faults: Option<Faults>,
    /// Number of runs [default: 100000; August: 92000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=20_000_000), conflicts_with = "path", help_heading = MADE_UP)]
    pub runs: Option<u64>,
    /// Number of Actors
    #[arg(long, value_name = "N", default_value_t = 340, value_parser = clap::value_parser!(u64).range(1..=100_000), conflicts_with = "path", help_heading = MADE_UP)]
    pub actors: u64,
    /// Seed of the made-up data
    #[arg(hide = true, long, value_name = "N", default_value_t = 1, conflicts_with = "path", help_heading = MADE_UP)]
    pub seed: u64,
    /// First day of the runs, UTC
    #[arg(hide = true, long, value_name = "DATE", default_value = "2025-09-01", value_parser = parse_edge, conflicts_with = "path", help_heading = MADE_UP)]
    pub from: Edge,
    /// Day after the last day of the runs, UTC
    #[arg(hide = true, long, value_name = "DATE", default_value = "2025-10-01", value_parser = parse_edge, conflicts_with = "path", help_heading = MADE_UP)]
    pub to: Edge,
    /// Percent of runs with a cost only in their details [default: other people's pay-per-event Actors]
    #[arg(hide = true, long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100), conflicts_with = "path", help_heading = MADE_UP)]
    pub cost_missing: Option<u8>,
    /// Days for which the account keeps runs
    #[arg(hide = true, long, value_name = "N", default_value_t = 90, conflicts_with = "path", help_heading = MADE_UP)]
    pub retention_days: u32,
}
