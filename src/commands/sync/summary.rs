//! What a sync says of itself at its end.

use crate::commands::sync::job::{SyncJob, SyncProgress};
use crate::commands::sync::plan::SyncPlan;
use crate::error::Result;
use crate::lake::LakeTable;
use crate::lake::columns::month_of;
use crate::lake::tally::SyncTally;
use crate::money::ratio_6_places;
use crate::report::caveat::Caveat;
use crate::report::sync_summary;
use crate::report::sync_summary::{MonthMoved, SyncSummary};
use crate::report::terminal::TextStyle;
use crate::report::unusual::UnusualDays;

/// Warns of what needs somebody's attention, and prints what stdout carries.
pub fn tell(
    job: &SyncJob,
    done: &SyncProgress,
    (plan, optimized, unusual): (&SyncPlan, Option<(usize, usize)>, Option<&UnusualDays>),
    look: TextStyle,
) -> Result<()> {
    for &(from, to) in &plan.gaps {
        job.caveat(Caveat::SyncGap { from, to });
    }
    if done.tally.repriced > 0 && !job.args.accept_repricing {
        let runs = done.tally.repriced;
        job.caveat(Caveat::Repriced { runs });
    }
    let synced = SyncSummary {
        unusual_days: unusual.map(UnusualDays::documents),
        unusual_days_judged: unusual.map(|unusual| unusual.judged),
        unusual_days_not_judged: unusual.and_then(UnusualDays::not_judged_document),
        ..synced(job, done, plan, optimized)
    };
    match (job.args.json, job.args.quiet) {
        (true, _) => job.stdout.print(&sync_summary::json(&synced)),
        (_, true) => Ok(()),
        _ => job.stdout.print(&sync_summary::terminal(&synced, look)),
    }
}

fn synced(job: &SyncJob, done: &SyncProgress, plan: &SyncPlan, optimized: Option<(usize, usize)>) -> SyncSummary {
    let tally = &done.tally;
    let state = done.table.as_deref().map(LakeTable::state);
    let mut partitions = done.months.clone();
    partitions.sort();
    partitions.dedup();
    SyncSummary {
        notice: job.connection.source.notice(),
        lake: job.location.shown().into(),
        account: state.and_then(|state| state.account.clone()),
        version: done.table.as_deref().map_or(0, LakeTable::version),
        commits: done.commits,
        files_added: done.files.0,
        files_removed: done.files.1,
        queried_at: job.asking.now_ms,
        asked: plan.swept.iter().chain(&plan.again).copied().collect(),
        asked_again: plan.again.len() as u64,
        proven: state.map(|state| state.proven.clone()).unwrap_or_default(),
        gaps: plan.gaps.clone(),
        runs_listed: tally.listed,
        runs_new: tally.new,
        runs_changed: tally.changed,
        runs_newly_settled: tally.newly_settled,
        runs_resurrected: tally.resurrected,
        runs_moved: tally.relocated,
        ids_looked_up: tally.looked_up.ids,
        lookup_files: tally.looked_up.files,
        lookup_bytes: tally.looked_up.bytes,
        runs_repriced: tally.repriced,
        repricing_accepted: job.args.accept_repricing,
        repriced_from_usd: tally.repriced_from,
        repriced_to_usd: tally.repriced_to,
        repricing_factor: (tally.repriced_from.0 != 0)
            .then(|| ratio_6_places(tally.repriced_to.0, tally.repriced_from.0))
            .flatten(),
        runs_expired: tally.gone,
        runs_cost_unknown: tally.cost_unknown,
        months: months(tally),
        usage_moved_past_months_usd: tally.past_usd(&month_of(job.asking.now_ms)),
        partitions,
        optimized,
        unusual_days: None,
        unusual_days_judged: None,
        unusual_days_not_judged: None,
    }
}

fn months(tally: &SyncTally) -> Vec<MonthMoved> {
    let months = tally.moved.iter();
    months
        .map(|(month, moves)| MonthMoved {
            month: month.clone(),
            runs_new: moves.new,
            runs_changed: moves.changed,
            usage_new_usd: moves.new_usd,
            usage_changed_usd: moves.changed_usd,
        })
        .collect()
}
