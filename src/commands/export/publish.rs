//! The end of an export: figures become reports and a manifest, are held against what stands at the output, published,
//! and told. How rows were read and written is `export`'s.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::endpoints::Named;
use crate::commands::assemble::{Publishing, manifest, told};
use crate::commands::export::{Job, Staged, Told};
use crate::commands::{budgets, strict};
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::Fetched;
use crate::output::manifest::Manifest;
use crate::pipeline::ReadPeriod;
use crate::provenance::{DetailCounts, Filters};
use crate::report::caveat::Caveat;
use crate::report::comparison::PeriodComparison;
use crate::report::dimension::Dimension;
use crate::report::facts::{Facts, QualityCounts, caveats};
use crate::report::figures::Figures;
use crate::report::{Report, json};
use crate::text::counted;

impl Job {
    /// Renders, checks against what stands there, publishes, and says what was done.
    pub async fn publish(
        &self,
        staged: Staged,
        told: Told,
        against: Option<PeriodComparison>,
        started: Instant,
    ) -> Result<()> {
        let Staged { held, staging, read } = staged;
        let started_ms = told.job_start.ms;
        let ReadPeriod {
            fetched,
            written,
            details,
            failure,
        } = read;
        if let Some(failure) = failure {
            let runs = counted(details.failed, "run", "runs");
            warn(&format!(
                "the details of {runs} could not be read, so these rows are as the list gave them; \
                 manifest.json names them. {failure}"
            ));
        }
        let report = self.report(
            told,
            &fetched,
            written.summary.finish(),
            written.in_two_windows,
            &details,
            against,
        );
        let rejected = fetched.rejected.len() as u64;
        let manifest = self.manifest(&report, fetched.mistyped, rejected, details);
        let existing = held.existing()?;
        let replace = self.args.replace;
        let publishing = Publishing {
            staging,
            manifest,
            report,
            rows: written.files,
            rejected: fetched.rejected,
        };
        let completed = tokio::task::spawn_blocking(move || publishing.complete(existing, replace));
        let (staging, manifest, report) = completed
            .await
            .map_err(|error| anyhow::anyhow!("completing the export failed: {error}"))??;
        let manifest = held.publish(staging, manifest, started_ms, self.context.umask).await?;
        // Those of details were told with their cause.
        let gaps = report.facts.gaps().into_iter();
        let gaps = gaps.filter(|gap| !matches!(gap, Caveat::DetailsFailed { .. }));
        gaps.for_each(|gap| warn(&gap.to_string()));
        let record = &self.context.record;
        record.published(&manifest, &self.out(&report.facts.period)?.to_string_lossy());
        self.tell(&report, &manifest, started.elapsed())
    }

    /// The figures with all that must be said of them.
    fn report(
        &self,
        told: Told,
        fetched: &Fetched,
        figures: Figures,
        in_two_windows: u64,
        details: &DetailCounts,
        against: Option<PeriodComparison>,
    ) -> Report {
        let rejected = fetched.rejected.len() as u64;
        let mut proof = fetched.proof.clone();
        proof.fetched -= rejected.min(proof.fetched);
        proof.proven &= rejected == 0;
        if in_two_windows > 0 {
            let runs = counted(in_two_windows, "run is", "runs are");
            proof.note(format!("{runs} listed under another start too; each is here once"));
            proof.fetched -= in_two_windows.min(proof.fetched);
        }
        let retention = match told.retention {
            Ok(retention) => Some(retention),
            Err(unknown) => {
                proof.note(unknown);
                None
            }
        };
        let mut facts = Facts {
            account: told.account,
            source: self.connection.source,
            filters: told.filters,
            queried_at_ms: told.job_start.ms,
            proof,
            caveats: Vec::new(),
            retention,
            part_of: None,
            by_syncs: false,
            period: told.period,
        };
        let budgets = budgets::spent(&self.budgets, &figures, &facts.period, facts.lacks_runs());
        let mut unmatched = unmatched(&facts.filters, &figures);
        unmatched.extend(budgets::unmatched(&budgets));
        unmatched.iter().for_each(|caveat| warn(&caveat.to_string()));
        facts.caveats = caveats(&QualityCounts {
            cost_unknown: figures.totals.cost_unknown(),
            provisional: figures.totals.provisional.runs,
            changed_meanwhile: fetched.changed_meanwhile,
            no_run: figures.totals.runs() == 0,
            rejected,
            cut: facts.period.is_cut(),
            proven: facts.proof.proven,
            unproven: Vec::new(),
            retention: facts.retention.clone(),
            details_failed: details.failed,
            groups_in_doubt: self.groups_are_in_doubt(),
            unmatched,
        });
        Report {
            facts,
            figures,
            against,
            budgets,
            replaced: None,
            files: Vec::new(),
            only: Vec::new(),
        }
    }

    /// Whether rules go by names of which not every list could be read.
    fn groups_are_in_doubt(&self) -> bool {
        let needed = self
            .groups
            .as_ref()
            .map_or(Vec::new(), |groups| groups.needed_columns());
        let doubtful = |column: &str, named: Named| needed.contains(&column) && !self.names.is_whole(named);
        doubtful("act_name", Named::Actors) || doubtful("actor_task_name", Named::Tasks)
    }

    fn manifest(&self, report: &Report, fields_mistyped: u64, runs_rejected: u64, details: DetailCounts) -> Manifest {
        Manifest {
            is_billing_cycle: self.args.period.cycle.is_some(),
            details,
            groups: self.groups.as_ref().map(|groups| groups.rules().cloned().collect()),
            fields_mistyped,
            runs_rejected,
            requests: self.connection.api.counts(),
            ..manifest(report, &self.columns, self.args.costs.settle_ms())
        }
    }

    /// Prints what stdout carries.
    fn tell(&self, report: &Report, manifest: &Manifest, elapsed: Duration) -> Result<()> {
        let text = if self.args.json {
            json::render(report)
        } else if self.args.quiet {
            String::new()
        } else {
            let look = self.context.style;
            let mut text = told(report, manifest, self.out(&report.facts.period)?, elapsed, look);
            if self.is_demo() {
                text += "Yours: APIFY_TOKEN=… apify-runs export --last-month\n";
            }
            text
        };
        let printed = self
            .context
            .stdout
            .print(&text)
            .map_err(|error| Error::Other(anyhow::anyhow!("{error}; the export is published all the same")));
        // Whoever asked for a condition hears of it first, also when nobody can read the summary.
        self.condition(report).and(printed)
    }

    /// Whether a condition that was asked for doesn't hold.
    fn condition(&self, report: &Report) -> Result<()> {
        if !report.facts.proof.proven {
            return Err(Error::Condition(
                "published, but INCOMPLETE (--allow-incomplete): see the proof in manifest.json".into(),
            ));
        }
        budgets::hold(&self.args.judge, &report.budgets)?;
        strict::hold(self.args.strict, &report.facts, "published")
    }
}

/// What was asked for and isn't there: a name that was typed wrong would be taken for the ID of something long gone.
fn unmatched(filters: &Filters, figures: &Figures) -> Vec<Caveat> {
    let actors = figures.by(Dimension::Actor);
    let ran = |id: &String| actors.is_some_and(|actors| actors.groups().any(|actor| actor.key(0) == Some(id.as_str())));
    let missing = filters.actor.iter().filter(|id| !ran(id));
    let mut options: Vec<String> = missing.map(|id| format!("--actor {id}")).collect();
    if figures.totals.runs() == 0 && !filters.task.is_empty() {
        options.push(format!("--task {}", filters.task.join(",")));
    }
    options
        .into_iter()
        .map(|option| Caveat::FilterUnmatched { option })
        .collect()
}
