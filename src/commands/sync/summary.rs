//! What a sync says of itself at its end.

use crate::commands::sync::plan::Plan;
use crate::commands::sync::{Done, Job};
use crate::error::Result;
use crate::lake::LakeTable;
use crate::lake::columns::month_of;
use crate::lake::tally::SyncTally;
use crate::money::ratio_6_places;
use crate::period::{Millis, format_instant};
use crate::report::sync_summary;
use crate::report::sync_summary::{MonthMoved, Synced};
use crate::report::terminal::Look;
use crate::text::counted;

impl Job {
    /// Warns of what needs somebody's attention, and prints what stdout carries.
    pub fn tell(&self, done: &Done, plan: &Plan, optimized: Option<(usize, usize)>, look: Look) -> Result<()> {
        let gaps = texts(&plan.gaps);
        for (from, to) in &gaps {
            self.caveat(&format!(
                "a gap: {from} to {to} was not synced in time, and Apify no longer keeps its runs"
            ));
        }
        if done.tally.repriced > 0 && !self.args.accept_repricing {
            let runs = counted(done.tally.repriced, "run has", "runs have");
            self.caveat(&format!(
                "{runs} another price than when they settled; the lake keeps what they were, until \
                 --accept-repricing"
            ));
        }
        let synced = self.synced(done, plan, gaps, optimized);
        match (self.args.json, self.args.quiet) {
            (true, _) => self.stdout.print(&sync_summary::json(&synced)),
            (_, true) => Ok(()),
            _ => self.stdout.print(&sync_summary::terminal(&synced, look)),
        }
    }

    fn synced(
        &self,
        done: &Done,
        plan: &Plan,
        gaps: Vec<(String, String)>,
        optimized: Option<(usize, usize)>,
    ) -> Synced {
        let tally = &done.tally;
        let state = done.table.as_deref().map(LakeTable::state);
        let mut partitions = done.months.clone();
        partitions.sort();
        partitions.dedup();
        Synced {
            notice: self.connection.source.notice(),
            lake: self.location.shown().into(),
            account: state.and_then(|state| state.account.clone()),
            version: done.table.as_deref().map_or(0, LakeTable::version),
            commits: done.commits,
            files_added: done.files.0,
            files_removed: done.files.1,
            queried_at: format_instant(self.asking.now_ms),
            asked: texts(&plan.swept).into_iter().chain(texts(&plan.again)).collect(),
            asked_again: plan.again.len() as u64,
            proven: state.map(|state| texts(&state.proven)).unwrap_or_default(),
            gaps,
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
            repricing_accepted: self.args.accept_repricing,
            repriced_from_usd: tally.repriced_from.to_string(),
            repriced_to_usd: tally.repriced_to.to_string(),
            repricing_factor: (tally.repriced_from.0 != 0)
                .then(|| ratio_6_places(tally.repriced_to.0, tally.repriced_from.0))
                .flatten(),
            runs_expired: tally.gone,
            runs_cost_unknown: tally.cost_unknown,
            months: months(tally),
            usage_moved_past_months_usd: tally.past_usd(&month_of(self.asking.now_ms)).to_string(),
            partitions,
            optimized,
        }
    }
}

fn texts(periods: &[(Millis, Millis)]) -> Vec<(String, String)> {
    let periods = periods.iter();
    periods
        .map(|(from, to)| (format_instant(*from), format_instant(*to)))
        .collect()
}

fn months(tally: &SyncTally) -> Vec<MonthMoved> {
    let months = tally.moved.iter();
    months
        .map(|(month, moves)| MonthMoved {
            month: month.clone(),
            runs_new: moves.new,
            runs_changed: moves.changed,
            usage_new_usd: moves.new_usd.to_string(),
            usage_changed_usd: moves.changed_usd.to_string(),
        })
        .collect()
}
