//! What an export says at its end: what stdout carries, and whether a condition that was asked for holds.

use std::time::Duration;

use crate::commands::assemble::summary;
use crate::commands::export::job::ExportJob;
use crate::commands::{budgets, strict};
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::output::manifest::Manifest;
use crate::report::caveat::Caveat;
use crate::report::{Report, json};

/// Warns of what an export lacks; of details it was said with their cause.
pub fn warn_of_gaps(report: &Report) {
    let gaps = report.facts.gaps().into_iter();
    let gaps = gaps.filter(|gap| !matches!(gap, Caveat::DetailsFailed { .. }));
    gaps.for_each(|gap| warn(&gap.to_string()));
}

/// Prints what stdout carries; exit 7 where a condition doesn't hold.
pub fn summarise(job: &ExportJob, report: &Report, manifest: &Manifest, elapsed: Duration) -> Result<()> {
    let text = if job.args.json {
        json::render(report)
    } else if job.args.quiet {
        String::new()
    } else {
        let mut text = summary(
            report,
            manifest,
            job.out(&report.facts.period)?,
            elapsed,
            job.context.look,
        );
        if job.connection.is_demo() {
            let own = "For your own account: APIFY_TOKEN=… apify-runs export --last-month\n";
            text += &job.context.look.style.letters(own);
        }
        text
    };
    let printed = job
        .context
        .stdout
        .print(&text)
        .map_err(|error| Error::Other(anyhow::anyhow!("{error}; the export was published")));
    // Whoever asked for a condition hears of it first, also when nobody can read the summary.
    check_conditions(job, report).and(printed)
}

fn check_conditions(job: &ExportJob, report: &Report) -> Result<()> {
    if !report.facts.proof.proven {
        return Err(Error::Condition(
            "published, but INCOMPLETE (--allow-incomplete): see the proof in manifest.json".into(),
        ));
    }
    budgets::hold(&job.args.judge, &report.budgets)?;
    strict::hold(job.args.strict, &report.facts, "published")
}
