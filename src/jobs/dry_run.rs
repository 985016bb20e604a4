//! `export --dry-run`: what the export would be. Asks, and writes nothing.

use super::export::Job;
use super::print;
use crate::api::page::Page;
use crate::error::Result;
use crate::fetch::{Lister, PeriodFetch};
use crate::period::Period;
use crate::statement::PeriodText;
use crate::text::counted;

impl Job {
    /// Says what the export would be, as far as the first page tells.
    pub(super) async fn dry_run(&self, lister: Lister, period: &Period, first: Option<Page>) -> Result<()> {
        let api = lister.api.clone();
        let fetch = PeriodFetch::new(lister, first, self.args.source.concurrency.into(), Box::new(|_| {}));
        let estimate = fetch.estimate().await?;
        let least_time = estimate.map(|estimate| api.least_time(estimate.requests));
        if self.args.quiet {
            return Ok(());
        }
        if self.args.json {
            let told = serde_json::json!({
                "notice": self.source.notice(),
                "period": PeriodText::from(period),
                "runs": estimate.map(|estimate| estimate.runs),
                "windows": estimate.map(|estimate| estimate.windows),
                "requests": estimate.map(|estimate| estimate.requests),
                "least_seconds": least_time.map(|time| time.as_secs_f64()),
            });
            return print(&format!("{told:#}\n"));
        }
        let mut lines: Vec<String> = self.source.notice().map(String::from).into_iter().collect();
        lines.push(format!("Period    {}", period.first_line()));
        lines.push(match estimate.zip(least_time) {
            None => "Would be  unknown: the API finds the whole period too heavy to count and would be asked in parts"
                .into(),
            Some((estimate, least_time)) => format!(
                "Would be  {} in about {}, {}; {:.1} s at least under the rate",
                counted(estimate.runs, "run", "runs"),
                counted(estimate.windows, "window", "windows"),
                counted(estimate.requests, "request", "requests"),
                least_time.as_secs_f64()
            ),
        });
        lines.push("Nothing was written (--dry-run)".into());
        print(&(lines.join("\n") + "\n"))
    }
}
