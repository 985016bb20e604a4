//! `export --dry-run`: what the export would be. Asks, and writes nothing.

use serde::Serialize;

use crate::commands::export::compare;
use crate::commands::export::job::{ExportJob, ExportScope};
use crate::commands::export::open::RunListing;
use crate::error::Result;
use crate::fetch::{Estimate, PeriodFetch, count_needed, most_sampled};
use crate::period::Period;
use crate::provenance::{DetailMode, Retention};
use crate::text::{counted, json_document};

/// What `--json` prints; null where the API can't count the period in one answer.
#[derive(Serialize)]
struct DryRunDocument<'d> {
    notice: Option<&'static str>,
    period: &'d Period,
    retention: Option<&'d Retention>,
    runs: Option<u64>,
    windows: Option<u64>,
    requests: Option<u64>,
    details: Option<u64>,
    least_seconds: Option<f64>,
}

/// Says what the export would be, as far as the first page tells.
pub async fn dry_run(job: &ExportJob, scope: &ExportScope, listing: RunListing) -> Result<()> {
    let needed = listing.first.as_ref().map(|page| {
        let needed = count_needed(&page.runs, job.args.costs.details, &scope.start.settle(&job.args.costs));
        (needed, page.items())
    });
    let fetch = PeriodFetch::new(
        listing.lister,
        listing.first,
        job.args.source.concurrency.into(),
        Box::new(|_| {}),
    );
    let estimate = fetch.estimate().await?;
    // As many among all runs as among those of the first page, and at most those of the others that show whether the list is right.
    let details = estimate.zip(needed).map(|(estimate, (needed, of))| {
        let share = u128::from(needed) * u128::from(estimate.runs) / u128::from(of.max(1));
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        let others = estimate.runs.saturating_sub(share);
        share
            + most_sampled(if job.args.costs.details == DetailMode::Missing {
                others
            } else {
                0
            })
    });
    let least_seconds = estimate.map(|estimate| {
        let api = &job.connection.api;
        api.least_time(estimate.requests, details.unwrap_or(0)).as_secs_f64()
    });
    if job.args.json {
        return job.context.stdout.print(&json_document(&DryRunDocument {
            notice: job.connection.source.notice(),
            period: &scope.period,
            retention: scope.retention.as_ref().ok(),
            runs: estimate.map(|estimate| estimate.runs),
            windows: estimate.map(|estimate| estimate.windows),
            requests: estimate.map(|estimate| estimate.requests),
            details,
            least_seconds,
        }));
    }
    if job.args.quiet {
        return Ok(());
    }
    let notice = job.connection.source.notice();
    let mut lines: Vec<String> = notice.map(String::from).into_iter().collect();
    lines.push(format!("Period    {}", scope.period.first_line()));
    match &scope.retention {
        Ok(retention) => lines.extend(retention.headline().map(|headline| format!("Complete  {headline}"))),
        Err(unknown) => lines.push(format!("Complete  {unknown}")),
    }
    lines.push(format!("Estimate  {}", would_be(estimate, details, least_seconds)));
    if compare::fetches_previous(&job.args) {
        lines.push("Previous  about the same again, for the previous period (--compare previous)".into());
    }
    lines.push("Nothing was written (--dry-run)".into());
    job.context.stdout.print(&(lines.join("\n") + "\n"))
}

fn would_be(estimate: Option<Estimate>, details: Option<u64>, least_seconds: Option<f64>) -> String {
    let Some((estimate, least_seconds)) = estimate.zip(least_seconds) else {
        return "unknown: the period is too large for the API to count at once; it would be fetched in parts".into();
    };
    let details = match details.unwrap_or(0) {
        0 => String::new(),
        details => format!(" and about {}", counted(details, "detail", "details")),
    };
    format!(
        "{} in about {}, {}{details}; at least {least_seconds:.1} s at the rate limits",
        counted(estimate.runs, "run", "runs"),
        counted(estimate.windows, "window", "windows"),
        counted(estimate.requests, "request", "requests"),
    )
}
