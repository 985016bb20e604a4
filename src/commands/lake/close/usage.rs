//! What Apify counts of the month, and its builds: a lake keeps runs alone, so they are asked for when the month is closed, and kept
//! in the export.

use std::fmt::Display;

use crate::cli::{CloseArgs, SourceArgs};
use crate::context::Context;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::period::Period;
use crate::pipeline::connection::Connection;
use crate::provenance::{Account, Source};
use crate::report::account_usage::{AccountUsage, AskedUsage};
use crate::runs::cost_state::{DEFAULT_SETTLE_MS, SettleRule};

/// A month of a lake, and whose it is.
pub struct MonthToClose {
    pub period: Period,
    pub source: Source,
    pub account: Option<Account>,
}

/// Asks for it, unless it isn't wanted; why it is unknown stands in it, and is a warning.
///
/// # Errors
/// [`Error::Usage`] for `--demo` where the lake is of an account at Apify.
pub async fn asked_usage(args: &CloseArgs, context: &Context, month: &MonthToClose) -> Result<Option<AccountUsage>> {
    let is_demo = month.source == Source::Demo;
    if args.source.demo && !is_demo {
        return Err(Error::Usage(format!(
            "{} does not hold the made-up account: remove --demo",
            args.lake
        )));
    }
    if args.no_usage {
        return Ok(None);
    }
    let source = SourceArgs {
        demo: is_demo,
        ..args.source.clone()
    };
    let (asked, asked_at, settled_by) = match Connection::open(&source, None, context).await {
        Err(error) => (unknown(&error.to_string()), context.now_ms, context.now_ms),
        Ok(connection) => {
            let asking = connection.ask_usage(&month.period);
            let whose = connection.ask_account().told().await;
            let asked = asking.await.map_err(|error| Error::Other(error.into()))?;
            let clocks = connection.clocks().await;
            let asked = other_account(month.account.as_ref(), whose).map_or(asked, |why| unknown(&why));
            (asked, clocks.start_ms(), clocks.settled_by_ms())
        }
    };
    for why in [asked.cycles.as_ref().err(), asked.builds.as_ref().err()]
        .into_iter()
        .flatten()
    {
        warn(&format!(
            "some of the usage that Apify counts for the month is unknown: {why}"
        ));
    }
    let settle = SettleRule {
        job_start_ms: settled_by,
        settle_ms: DEFAULT_SETTLE_MS,
    };
    Ok(Some(AccountUsage::new(asked, &month.period, asked_at, &settle)))
}

fn unknown(why: &str) -> AskedUsage {
    AskedUsage {
        cycles: Err(anyhow::anyhow!("{why}")),
        builds: Err(anyhow::anyhow!("{why}")),
    }
}

/// Why a token's account isn't the lake's; none where it is, or where the lake's is unknown.
fn other_account<E: Display>(of_lake: Option<&Account>, of_token: std::result::Result<Account, E>) -> Option<String> {
    let of_lake = of_lake?;
    match of_token {
        Ok(account) if account.id == of_lake.id => None,
        Ok(account) => Some(format!(
            "the token belongs to account {}, the lake to account {}",
            account.id, of_lake.id
        )),
        Err(why) => Some(format!("the account of the token is unknown: {why}")),
    }
}
