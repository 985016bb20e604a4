//! What `serve` takes.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::{ArgGroup, Args};

use crate::archive::address::{ArchiveAddress, AsOf};
use crate::period::{Edge, parse_duration, parse_edge};
use crate::serve::{DEFAULT_CONNECTIONS, Faults};

const SERVER: &str = "Server";
const TROUBLE: &str = "Trouble, to test clients with";
const MADE_UP: &str = "The made-up account";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs serve september --port 8080
  apify-runs serve --demo --runs 1000 --latency 50ms")]
#[command(group = ArgGroup::new("what").args(["path", "demo"]).required(true))]
pub struct ServeArgs {
    /// An export or a lake
    #[arg(value_name = "PATH")]
    pub path: Option<ArchiveAddress>,
    /// Serve the made-up account
    #[arg(long)]
    pub demo: bool,
    /// A lake as it was then: a date or instant (RFC 3339), UTC, or a version's number
    #[arg(long, value_name = "MOMENT", value_parser = AsOf::parse, conflicts_with = "demo")]
    pub as_of: Option<AsOf>,
    /// Look so often whether PATH has changed, and serve what it has become; 0s is never
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration, conflicts_with = "demo")]
    pub refresh: Duration,
    /// The address to listen at; one that others reach needs a token in APIFY_TOKEN
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), help_heading = SERVER)]
    pub host: IpAddr,
    /// The port; 0 is any
    #[arg(long, value_name = "PORT", default_value_t = 0, help_heading = SERVER)]
    pub port: u16,
    /// Connections at once; others wait
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(DEFAULT_CONNECTIONS).expect("it is some"), help_heading = SERVER)]
    pub max_connections: NonZeroUsize,
    /// Tell each request on stderr, as a line of JSON without its token
    #[arg(long, help_heading = SERVER)]
    pub access_log: bool,
    /// How long each answer takes at least
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = parse_duration, help_heading = TROUBLE)]
    pub latency: Duration,
    /// Requests a second beyond which it answers 429
    #[arg(long, value_name = "N", help_heading = TROUBLE)]
    pub rate_limit: Option<NonZeroU32>,
    /// Shares of the requests that go wrong: statuses, reset, cut (half a body), stall (half a body, and silence), such as
    /// 503=2%,reset=1%,cut=1%,seed=7
    #[arg(long, value_name = "SPEC", value_parser = Faults::parse, help_heading = TROUBLE)]
    pub faults: Option<Faults>,
    /// Runs in its period
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(..=20_000_000), conflicts_with = "path", help_heading = MADE_UP)]
    pub runs: u64,
    /// Actors that they are of
    #[arg(long, value_name = "N", default_value_t = 340, value_parser = clap::value_parser!(u64).range(1..=100_000), conflicts_with = "path", help_heading = MADE_UP)]
    pub actors: u64,
    /// Another seed is another account
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "path", help_heading = MADE_UP)]
    pub seed: u64,
    /// The first day of its runs, UTC
    #[arg(long, value_name = "DATE", default_value = "2025-09-01", value_parser = parse_edge, conflicts_with = "path", help_heading = MADE_UP)]
    pub from: Edge,
    /// The first day after them
    #[arg(long, value_name = "DATE", default_value = "2025-10-01", value_parser = parse_edge, conflicts_with = "path", help_heading = MADE_UP)]
    pub to: Edge,
    /// Runs in a hundred whose cost only the detail has [default: those of others' pay-per-event Actors]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100), conflicts_with = "path", help_heading = MADE_UP)]
    pub cost_missing: Option<u8>,
    /// How long the costs of runs that have just ended read 0 in their details too
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = parse_duration, conflicts_with = "path", help_heading = MADE_UP)]
    pub settle_after: Duration,
    /// Days for which the plan keeps runs
    #[arg(long, value_name = "N", default_value_t = 90, conflicts_with = "path", help_heading = MADE_UP)]
    pub retention_days: u32,
}
