//! `reconcile`: a billing cycle's runs, from an export or a lake that covers it or fetched, against the usage that Apify counts, as
//! an export keeps it or asked for now.

mod cycle_runs;
mod kept;
mod out;
mod sums;

use tokio::task::JoinHandle;

use crate::api::usage::MonthlyUsage;
use crate::archive;
use crate::cli::ReconcileArgs;
use crate::commands::folder_name;
use crate::commands::reconcile::cycle_runs::{CycleSource, fetched_runs, runs_held};
use crate::commands::reconcile::kept::from_export;
use crate::context::Context;
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::builds::BuildsRead;
use crate::fetch::usage::utc_day;
use crate::money::Usd;
use crate::period::{PeriodSpec, Zone};
use crate::pipeline::connection::{Connection, retention_of};
use crate::pipeline::start::JobStart;
use crate::provenance::Retention;
use crate::report::account_usage::{AccountUsage, AskedUsage};
use crate::report::facts::Facts;
use crate::report::figures::Figures;
use crate::report::reconcile::{Reconciliation, json, terminal};

/// A reconciliation, and all that a report of the cycle is made of.
pub struct Reconciled {
    reconciliation: Reconciliation,
    facts: Facts,
    figures: Figures,
    usage: AccountUsage,
}

pub async fn run(args: ReconcileArgs, context: Context) -> Result<()> {
    args.costs.check()?;
    if let Some(out) = &args.out {
        folder_name::check(out, "a reconciliation is written as page, workbook, JSON and text")?;
    }
    let kept = from_export(&args).await?;
    let reconciled = match kept {
        Some(kept) => kept,
        None => asked(&args, &context).await?,
    };
    let all = &reconciled.reconciliation;
    for unknown in &all.usage.unknown {
        warn(&format!(
            "an amount that Apify counts is unknown: GET /v2/users/me/usage/monthly: {unknown}"
        ));
    }
    if !all.proven {
        warn("INCOMPLETE: some runs of the cycle may be missing");
    }
    let headline = all.retention.as_ref().and_then(Retention::headline);
    headline.iter().for_each(|headline| warn(headline));
    let json = args.json.then(|| json::render(all));
    let text = terminal::render(all, context.look.style);
    let verdict = all.verdict();
    let remainder = all.remainder();
    let written = match args.out.clone() {
        Some(out) => {
            let written = run_blocking(move |_| out::write(reconciled, &out));
            Some(written.await?)
        }
        None => None,
    };
    let printed = match (json, args.quiet, written) {
        (Some(json), ..) => context.stdout.print(&json),
        (None, true, _) => Ok(()),
        (None, false, written) => context.stdout.print(&(text + &written.unwrap_or_default())),
    };
    if args.fail_unexplained && verdict.is_unexplained() {
        let verdict = verdict.words();
        return Err(Error::Condition(format!(
            "the runs do not explain Apify's total (--fail-unexplained): {verdict}, difference {}",
            remainder.map_or("unknown".into(), Usd::dollars)
        )));
    }
    printed
}

/// The reconciliation of a cycle that Apify is asked for.
async fn asked(args: &ReconcileArgs, context: &Context) -> Result<Reconciled> {
    let connection = Connection::open(&args.source, args.costs.detail_rate, context).await?;
    let retention = connection.ask_retention();
    let counted = asked_usage(args, &connection).await?;
    let clocks = connection.judged_clocks().await;
    let start = JobStart::new(clocks);
    let builds = connection.ask_builds((counted.from_ms, counted.to_ms));
    let cycle = clocks.period(&PeriodSpec::between(counted.from_ms, counted.to_ms)?, Zone::UTC)?;
    let source = match runs_held(args, &cycle, &connection).await? {
        Some(held) => held,
        None => {
            let retention = retention_of(retention, &cycle, start.ms).await;
            let retention = retention.inspect_err(|unknown| warn(&unknown.to_string()));
            fetched_runs(args, context, &connection, &cycle, (start, retention.ok())).await?
        }
    };
    let asked = AskedUsage {
        cycles: Ok(vec![counted.clone()]),
        builds: builds_of(builds).await,
    };
    let usage = AccountUsage::new(asked, &cycle, start.ms, &start.settle(&args.costs));
    let CycleSource {
        runs,
        figures,
        facts,
        from,
    } = source;
    let reconciliation = Reconciliation {
        tolerance: args.tolerance,
        ..Reconciliation::new(&facts, runs, &usage, counted, (from, "queried now".into()))
    };
    Ok(Reconciled {
        reconciliation,
        facts,
        figures,
        usage,
    })
}

/// What Apify counts for the cycle that was asked for: by a date, the last one that is over, or an export's own.
async fn asked_usage(args: &ReconcileArgs, connection: &Connection) -> Result<MonthlyUsage> {
    let api = &connection.api;
    if args.last_cycle {
        let current = api.monthly_usage(utc_day(connection.clock.now_ms())?).await?;
        return api.monthly_usage(utc_day(current.from_ms - 1)?).await;
    }
    let cycle = match (args.cycle, args.path.clone()) {
        (Some(date), _) => date,
        (None, Some(site)) => {
            let as_of = args.as_of;
            let held = run_blocking(move |_| archive::read(|opening| opening.open(&site, as_of)?.info())).await?;
            let own = held.is_billing_cycle.then(|| utc_day(held.period.from)).transpose()?;
            own.ok_or_else(|| {
                Error::Usage(format!(
                    "{} is not an export of a billing cycle, so the cycle must be given: {WHICH_CYCLE}",
                    held.shown
                ))
            })?
        }
        (None, None) => return Err(Error::Usage(format!("no billing cycle is given: {WHICH_CYCLE}"))),
    };
    api.monthly_usage(cycle).await
}

const WHICH_CYCLE: &str =
    "use --cycle 2025-09-15 for the cycle that contains this date, or --last-cycle for the last one that is over";

/// The builds of a cycle; with a warning where they can't be read, or not in full.
async fn builds_of(asked: JoinHandle<Result<BuildsRead>>) -> anyhow::Result<BuildsRead> {
    let read = asked.await.unwrap_or_else(|error| Err(Error::Other(error.into())));
    let read = read.inspect_err(|why| warn(&format!("the account's builds are unknown: {why}")))?;
    for unknown in &read.unknown {
        warn(&format!(
            "some values of a build are unknown: GET /v2/actor-builds: {unknown}"
        ));
    }
    if read.is_at_least {
        warn(
            "the list of builds changed while it was read, or a part of it could not be read: some builds may be missing",
        );
    }
    Ok(read)
}
