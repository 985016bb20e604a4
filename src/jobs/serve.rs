//! `serve --demo`: the made-up account until it is stopped.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Surroundings, print, say};
use crate::cli::ServeArgs;
use crate::error::{Error, Result};
use crate::period::PeriodSpec;
use crate::serve::account::{AccountOptions, MadeUpAccount};
use crate::serve::{DEMO_TOKEN, ServeOptions, Server};

/// The longest that an answer may be held back.
const MAX_LATENCY: Duration = Duration::from_secs(3600);

/// 9999-12-31T23:59:59Z.
const LAST_INSTANT_MS: i64 = 253_402_300_799_000;

/// Runs the job.
pub async fn run(args: ServeArgs, surroundings: Surroundings) -> Result<()> {
    // The account may lie in any time: nothing of it is cut at a clock.
    let period = PeriodSpec::FromTo {
        from: args.from,
        to: args.to,
    }
    .resolve(chrono_tz::UTC, LAST_INSTANT_MS)?;
    if args.latency > MAX_LATENCY {
        return Err(Error::Usage("--latency: an hour at most".into()));
    }
    let account = AccountOptions {
        runs: args.runs,
        actors: args.actors,
        seed: args.seed,
        from_ms: period.from,
        to_ms: period.to,
        cost_missing_percent: args.cost_missing,
        retention_days: args.retention_days,
    };
    let (token, source) = match surroundings
        .token
        .filter(|token| !token.expose_secret().trim().is_empty())
    {
        Some(token) => (token, "the one in APIFY_TOKEN"),
        None => (DEMO_TOKEN.into(), "demo"),
    };
    let options = ServeOptions {
        token,
        latency: args.latency,
        rate_limit: args.rate_limit,
        settle_after: args.settle_after,
    };
    // Millions of runs take a while, in which a signal has to be heard.
    let account = tokio::task::spawn_blocking(move || MadeUpAccount::generate(&account)).await;
    let account = account.map_err(|error| anyhow::anyhow!("the account could not be made up: {error}"))?;
    let server = Server::bind(account, options, args.port).await?;
    say(&format!("MADE-UP ACCOUNT: {} runs; the token is {source}", args.runs));
    print(&format!("{}\n", server.url()))?;
    server
        .run()
        .await
        .map_err(|error| anyhow::anyhow!("the server stopped: {error}").into())
}
