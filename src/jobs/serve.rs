//! `serve --demo`: the made-up account until it is stopped.

use std::time::Duration;

use super::{Surroundings, print};
use crate::cli::ServeArgs;
use crate::error::{Error, Result};
use crate::period::PeriodSpec;
use crate::serve::account::{AccountOptions, DEMO_NOW_MS, MadeUpAccount};
use crate::serve::{DEMO_TOKEN, ServeOptions, Server};

/// The longest that an answer may be held back.
const MAX_LATENCY: Duration = Duration::from_secs(3600);

/// Runs the job.
pub async fn run(args: ServeArgs, surroundings: Surroundings) -> Result<()> {
    let far_future = i64::MAX / 2;
    let now_ms = far_future.min(253_402_300_799_000).max(DEMO_NOW_MS);
    let period = PeriodSpec::FromTo {
        from: args.from,
        to: args.to,
    }
    .resolve(chrono_tz::UTC, now_ms)?;
    if args.latency > MAX_LATENCY {
        return Err(Error::Usage("--latency: an hour at most".into()));
    }
    let account = AccountOptions {
        runs: args.runs,
        seed: args.seed,
        from_ms: period.from,
        to_ms: period.to,
    };
    let (token, source) = match surroundings.token {
        Some(token) => (token, "the one in APIFY_TOKEN"),
        None => (DEMO_TOKEN.into(), "demo"),
    };
    let options = ServeOptions {
        token,
        latency: args.latency,
        rate_limit: args.rate_limit,
    };
    let server = Server::bind(MadeUpAccount::generate(&account), options, args.port).await?;
    eprintln!("MADE-UP ACCOUNT: {} runs; the token is {source}", args.runs);
    print(&format!("{}\n", server.url()))?;
    server
        .run()
        .await
        .map_err(|error| anyhow::anyhow!("the server stopped: {error}").into())
}
