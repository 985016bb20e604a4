//! `export --dry-run`: what the export would be. Asks, and writes nothing.

use crate::api::page::Page;
use crate::commands::export::{Job, JobStart};
use crate::error::Result;
use crate::fetch::{Estimate, Lister, PeriodFetch, count_needed};
use crate::period::Period;
use crate::provenance::{PeriodText, Retention};
use crate::text::counted;

impl Job {
    /// Says what the export would be, as far as the first page tells.
    pub async fn dry_run(
        &self,
        lister: Lister,
        period: &Period,
        first: Option<Page>,
        retention: Result<Retention, String>,
        job_start: JobStart,
    ) -> Result<()> {
        let needed = first.as_ref().map(|page| {
            let needed = count_needed(&page.runs, self.args.costs.details, &self.settle(job_start));
            (needed, page.items())
        });
        let fetch = PeriodFetch::new(lister, first, self.args.source.concurrency.into(), Box::new(|_| {}));
        let estimate = fetch.estimate().await?;
        if self.args.quiet {
            return Ok(());
        }
        // As many among all runs as among those of the first page.
        let details = estimate.zip(needed).map(|(estimate, (needed, of))| {
            let share = u128::from(needed) * u128::from(estimate.runs) / u128::from(of.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        });
        let least_seconds = estimate.map(|estimate| {
            let api = &self.connection.api;
            api.least_time(estimate.requests, details.unwrap_or(0)).as_secs_f64()
        });
        if self.args.json {
            let told = serde_json::json!({
                "notice": self.connection.source.notice(),
                "period": PeriodText::from(period),
                "retention": retention.ok(),
                "runs": estimate.map(|estimate| estimate.runs),
                "windows": estimate.map(|estimate| estimate.windows),
                "requests": estimate.map(|estimate| estimate.requests),
                "details": details,
                "least_seconds": least_seconds,
            });
            return self.context.stdout.print(&format!("{told:#}\n"));
        }
        let notice = self.connection.source.notice();
        let mut lines: Vec<String> = notice.map(String::from).into_iter().collect();
        lines.push(format!("Period    {}", period.first_line()));
        match &retention {
            Ok(retention) => lines.extend(retention.headline().map(|headline| format!("Complete  {headline}"))),
            Err(unknown) => lines.push(format!("Complete  {unknown}")),
        }
        lines.push(format!("Would be  {}", would_be(estimate, details, least_seconds)));
        if self.fetches_before() {
            lines.push("Besides   the period before, about as much again (--compare previous)".into());
        }
        lines.push("Nothing was written (--dry-run)".into());
        self.context.stdout.print(&(lines.join("\n") + "\n"))
    }
}

fn would_be(estimate: Option<Estimate>, details: Option<u64>, least_seconds: Option<f64>) -> String {
    let Some((estimate, least_seconds)) = estimate.zip(least_seconds) else {
        return "unknown: the API finds the whole period too heavy to count and would be asked in parts".into();
    };
    let details = match details.unwrap_or(0) {
        0 => String::new(),
        details => format!(" and about {}", counted(details, "detail", "details")),
    };
    format!(
        "{} in about {}, {}{details}; {least_seconds:.1} s at least under the rates",
        counted(estimate.runs, "run", "runs"),
        counted(estimate.windows, "window", "windows"),
        counted(estimate.requests, "request", "requests"),
    )
}
