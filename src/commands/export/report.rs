//! The figures of an export with all that must be said of them: its report, and what the manifest says beside it.

use crate::api::auxiliary::NameKind;
use crate::commands::assemble::{ExportParts, ManifestInput};
use crate::commands::budgets;
use crate::commands::export::job::{ExportJob, ExportScope};
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::fetch::FetchResult;
use crate::pipeline::PeriodResult;
use crate::pipeline::connection::AskingUsage;
use crate::provenance::{Account, DetailCounts, Filters, Proof, Retention};
use crate::report::Report;
use crate::report::account_usage::AccountUsage;
use crate::report::caveat::{Caveat, ListDifference};
use crate::report::comparison::PeriodComparison;
use crate::report::dimension::Dimension;
use crate::report::facts::{Facts, QualityCounts, caveats};
use crate::report::figures::Figures;
use crate::report::groups::Groups;
use crate::report::tables::ACT_NAME;
use crate::text::counted;

/// Makes the report of the staged rows.
pub fn report(
    job: &ExportJob,
    scope: ExportScope,
    result: PeriodResult,
    against: Option<PeriodComparison>,
    usage: Option<AccountUsage>,
) -> ExportParts {
    let PeriodResult {
        fetched,
        written,
        details,
        failure,
    } = result;
    failure.iter().for_each(|failure| warn_of_details(&details, failure));
    let figures = written.figures;
    let (proof, retention) = proof(&fetched, written.in_two_windows, scope.retention);
    let mut facts = Facts {
        account: scope.account,
        source: job.connection.source,
        filters: scope.filters,
        queried_at_ms: scope.start.ms,
        proof,
        caveats: Vec::new(),
        retention,
        part_of: None,
        by_syncs: false,
        accounts: Vec::new(),
        period: scope.period,
    };
    let budgets = budgets::spent(&job.args.judge.budget, &figures, &facts.period, facts.lacks_runs());
    let mut unmatched = unmatched(&facts.filters, &figures);
    unmatched.extend(budgets::unmatched(&budgets));
    unmatched.iter().for_each(|caveat| warn(&caveat.to_string()));
    unmatched.extend(budgets::unmatched_rules(&figures));
    facts.caveats = caveats(&QualityCounts {
        cost_unknown: figures.totals.cost_unknown(),
        provisional: figures.totals.provisional.runs,
        changed_meanwhile: fetched.changed_meanwhile,
        no_run: figures.totals.runs() == 0,
        rejected: fetched.rejected.len() as u64,
        cut: facts.period.is_cut(),
        proven: facts.proof.proven,
        unproven: Vec::new(),
        retention: facts.retention.clone(),
        details_failed: details.failed,
        list_difference: list_difference(&details),
        groups_in_doubt: groups_are_in_doubt(job, facts.account.as_ref()),
        unmatched,
    });
    ExportParts {
        report: Report {
            facts,
            figures,
            usage,
            reconciled: None,
            against,
            budgets,
            unusual: None,
            replaced: None,
            files: Vec::new(),
            only: Vec::new(),
        },
        rows: written.files,
        rejected: fetched.rejected,
        manifest: manifest_input(job, details, fetched.mistyped),
    }
}

/// What Apify counts of the period, and builds, with names as far as rows have them too.
pub async fn usage(job: &ExportJob, scope: &ExportScope, asking: Option<AskingUsage>) -> Result<Option<AccountUsage>> {
    let Some(asking) = asking else { return Ok(None) };
    let asked = asking.await.map_err(|error| Error::Other(error.into()))?;
    let settle = scope.start.settle(&job.args.costs);
    let names = job.names.names();
    let is_named = job.columns.position(ACT_NAME.name).is_some();
    let name_of = |id: &str| names.actors.get(id).filter(|_| is_named).map(String::from);
    let usage = AccountUsage::new(asked, &scope.period, scope.start.ms, &settle);
    Ok(Some(usage.named(name_of)))
}

fn manifest_input(job: &ExportJob, details: DetailCounts, fields_mistyped: u64) -> ManifestInput {
    ManifestInput {
        is_billing_cycle: job.args.period.cycle.is_some(),
        settle_ms: job.args.costs.settle_ms(),
        details,
        report_csv: job.report_csv,
        groups: job.groups.as_ref().map(|groups| groups.rules().cloned().collect()),
        fields_mistyped,
        requests: job.connection.api.counts(),
        ..ManifestInput::new(job.columns.clone())
    }
}

fn warn_of_details(details: &DetailCounts, failure: &str) {
    let runs = counted(details.failed, "run", "runs");
    warn(&format!(
        "the details of {runs} could not be read, so these rows have only the values of the list; \
         manifest.json has their IDs. {failure}"
    ));
}

/// How the list's costs differ from those of details. It is warned of: the total depends on which of them is right.
fn list_difference(details: &DetailCounts) -> Option<ListDifference> {
    let difference = ListDifference::of(details)?;
    warn(&difference.to_string());
    Some(difference)
}

/// The proof of the rows that are there: of those listed, some make no sense as a run, some are listed twice.
fn proof(
    fetched: &FetchResult,
    in_two_windows: u64,
    retention: anyhow::Result<Retention>,
) -> (Proof, Option<Retention>) {
    let rejected = fetched.rejected.len() as u64;
    let mut proof = fetched.proof.clone();
    proof.fetched -= rejected.min(proof.fetched);
    proof.proven &= rejected == 0;
    if in_two_windows > 0 {
        let runs = counted(in_two_windows, "run is", "runs are");
        proof.note(format!("{runs} listed with two start times; each is included once"));
        proof.fetched -= in_two_windows.min(proof.fetched);
    }
    let retention = retention.map_err(|unknown| proof.note(unknown.to_string())).ok();
    (proof, retention)
}

/// Whether rules go by names of which not every list could be read, or by an account that is unknown.
fn groups_are_in_doubt(job: &ExportJob, account: Option<&Account>) -> bool {
    let groups = job.groups.as_ref();
    let needed = groups.map_or(Vec::new(), |groups| groups.needed_columns());
    let doubtful = |column: &str, named: NameKind| needed.contains(&column) && !job.names.is_whole(named);
    let is_of_unknown = account.is_none() && groups.is_some_and(Groups::go_by_accounts);
    is_of_unknown || doubtful("act_name", NameKind::Actors) || doubtful("actor_task_name", NameKind::Tasks)
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
    let caveat = |option| Caveat::FilterUnmatched { option };
    options.into_iter().map(caveat).collect()
}
