//! What a sync changed, counted: the one place in which a run found becomes a number.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::lake::columns::month_of;
use crate::lake::row_merge::{RowChange, RowUpdate};
use crate::lake::row_ref::RowRef;
use crate::lake::sync_input::SyncInput;
use crate::money::Usd;
use crate::period::{DAY_MS, Millis};
use crate::report::diff::{Difference, DifferenceKind};
use crate::runs::run::Run;

/// Is called for every run that is new or changed.
pub type OnChange<'c> = dyn FnMut(&Difference) -> Result<()> + 'c;

/// Counts and dollars. Dollars are of runs whose costs both sides know, or of new ones whose cost is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncTally {
    /// Runs that the table didn't have.
    pub new: u64,
    /// Runs of which something else is known now.
    pub changed: u64,
    /// Of them, those whose cost settled.
    pub newly_settled: u64,
    /// Of them, those that had ended and ran on.
    pub resurrected: u64,
    /// Of them, those that the API lists under another start now.
    pub relocated: u64,
    /// Runs that have another price.
    pub repriced: u64,
    /// Their cost as the table has it, and as the API says it now.
    pub repriced_from: Usd,
    pub repriced_to: Usd,
    /// Runs that were asked for and are in the table alone: Apify has deleted them.
    pub gone: u64,
    /// Runs in the table that were asked for and that Apify should still keep.
    pub held_kept: u64,
    /// Of them, those that it no longer lists.
    pub gone_kept: u64,
    pub listed: u64,
    /// Runs new or changed whose cost isn't known, on either side: not in the dollars.
    pub cost_unknown: u64,
    /// New dollars by the month in which runs started.
    pub moved: BTreeMap<String, UsageDelta>,
    /// What falls into periods that are watched, by name.
    pub watched: BTreeMap<String, UsageDelta>,
    pub looked_up: LookupCost,
}

/// What it took to find out that new runs are nowhere else in the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookupCost {
    pub ids: u64,
    /// A file counts each time that it was looked at.
    pub files: u64,
    pub bytes: u64,
}

/// What moved in a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageDelta {
    pub new: u64,
    pub changed: u64,
    /// Dollars of new runs.
    pub new_usd: Usd,
    /// By how many dollars changed ones moved, those whose cost became known with all of it.
    pub changed_usd: Usd,
}

impl UsageDelta {
    fn changed(changed_usd: Usd) -> UsageDelta {
        UsageDelta {
            changed: 1,
            changed_usd,
            ..UsageDelta::default()
        }
    }

    pub fn usd(&self) -> Usd {
        self.new_usd.saturating_add(self.changed_usd)
    }

    fn add(&mut self, other: &UsageDelta) {
        self.new += other.new;
        self.changed += other.changed;
        add(&mut self.new_usd, other.new_usd);
        add(&mut self.changed_usd, other.changed_usd);
    }
}

fn add(sum: &mut Usd, usd: Usd) {
    *sum = sum.saturating_add(usd);
}

/// By what a month's runs are counted.
pub(super) struct TallyScope<'s> {
    /// The periods that were asked for, in order and disjoint.
    pub(super) asked: &'s [(Millis, Millis)],
    pub(super) input: &'s SyncInput,
}

impl TallyScope<'_> {
    fn is_asked(&self, at: Millis) -> bool {
        let after = self.asked.partition_point(|(from, _)| *from <= at);
        after > 0 && at < self.asked[after - 1].1
    }

    fn is_kept(&self, run: &RowRef) -> bool {
        run.started_at_ms() >= self.input.kept_from_ms.saturating_add(DAY_MS)
    }
}

impl SyncTally {
    /// Counts a run, and calls `on_change` if it is new or changed.
    pub(super) fn count(
        &mut self,
        change: &RowChange,
        scope: &TallyScope,
        on_change: Option<&mut OnChange>,
    ) -> Result<()> {
        let mut fields: &[&'static str] = &[];
        let counted = match change {
            RowChange::Same(old) => {
                self.held_kept += u64::from(scope.is_kept(old));
                self.listed += 1;
                None
            }
            RowChange::Old(old) => {
                if scope.is_asked(old.started_at_ms()) {
                    self.gone += 1;
                    self.held_kept += u64::from(scope.is_kept(old));
                    self.gone_kept += u64::from(scope.is_kept(old));
                }
                None
            }
            // Its new place counts it.
            RowChange::Leaving => None,
            RowChange::New(new) => {
                self.count_new(new, scope);
                on_change.is_some().then(|| (None, new.run()))
            }
            RowChange::Changed(update) => {
                fields = &update.fields;
                self.count_changed(update, scope)
            }
            RowChange::Relocated(update, others) => {
                fields = &update.fields;
                Some(self.count_relocated(update, others, scope))
            }
        };
        let (Some((old, new)), Some(on_change)) = (counted, on_change) else {
            return Ok(());
        };
        on_change(&Difference {
            kind: if old.is_some() {
                DifferenceKind::Changed
            } else {
                DifferenceKind::New
            },
            old: old.as_ref(),
            new: Some(&new),
            fields: fields.to_vec(),
        })
    }

    fn count_new(&mut self, new: &RowRef, scope: &TallyScope) {
        self.new += 1;
        self.listed += 1;
        let usage = new.usage();
        self.cost_unknown += u64::from(usage.is_none());
        let delta = UsageDelta {
            new: 1,
            new_usd: usage.unwrap_or_default(),
            ..UsageDelta::default()
        };
        self.move_usage(new, &delta, scope);
    }

    /// Nothing where the run is only repriced and that isn't taken over.
    fn count_changed(&mut self, update: &RowUpdate, scope: &TallyScope) -> Option<(Option<Run>, Run)> {
        self.held_kept += u64::from(scope.is_kept(&update.old));
        self.listed += 1;
        if let Some((from, to)) = update.decision.repriced {
            self.repriced += 1;
            add(&mut self.repriced_from, from);
            add(&mut self.repriced_to, to);
        }
        if update.fields.is_empty() {
            return None;
        }
        let (was, is) = self.count_update(update);
        let moved = match (was.usage, is.usage) {
            (Some(was), Some(is)) => Usd(is.0.saturating_sub(was.0)),
            (None, Some(is)) => is,
            (was, None) => Usd(was.map_or(0, |was| -was.0)),
        };
        self.move_usage(&update.new, &UsageDelta::changed(moved), scope);
        Some((Some(was), is))
    }

    fn count_relocated(&mut self, update: &RowUpdate, others: &[RowRef], scope: &TallyScope) -> (Option<Run>, Run) {
        self.listed += 1;
        self.relocated += 1;
        let (was, is) = self.count_update(update);
        for other in others {
            self.move_away(other, None, scope);
        }
        self.move_away(&update.old, Some(&update.new), scope);
        let arrived = UsageDelta::changed(is.usage.unwrap_or_default());
        self.move_usage(&update.new, &arrived, scope);
        (Some(was), is)
    }

    /// Counts a changed run; returns it as the table had it, and as the table has it from now on.
    fn count_update(&mut self, update: &RowUpdate) -> (Run, Run) {
        self.changed += 1;
        self.newly_settled += u64::from(update.decision.has_settled);
        self.resurrected += u64::from(update.decision.was_resurrected);
        let (was, mut is) = (update.old.run(), update.new.run());
        if !update.fields.contains(&"usage_total_usd") {
            is.usage = was.usage;
        }
        if !update.fields.contains(&"cost_state") {
            is.cost_state.clone_from(&was.cost_state);
        }
        self.cost_unknown += u64::from(is.usage.is_none());
        (was, is)
    }

    /// Takes a row's dollars out of its month; where it stays within a month or a period, it counts there once, as it arrives.
    fn move_away(&mut self, old: &RowRef, new: Option<&RowRef>, scope: &TallyScope) {
        let (at, arrives) = (old.started_at_ms(), new.map(RowRef::started_at_ms));
        let leaving = |stays: bool| UsageDelta {
            changed: u64::from(!stays),
            ..UsageDelta::changed(Usd(-old.usage().unwrap_or_default().0))
        };
        let month = month_of(at);
        let stays = arrives.is_none_or(|at| month_of(at) == month);
        self.moved.entry(month).or_default().add(&leaving(stays));
        for (name, from, to) in scope
            .input
            .watched
            .iter()
            .filter(|(_, from, to)| (*from..*to).contains(&at))
        {
            let stays = arrives.is_none_or(|at| (*from..*to).contains(&at));
            self.watched.entry(name.clone()).or_default().add(&leaving(stays));
        }
    }

    fn move_usage(&mut self, run: &RowRef, delta: &UsageDelta, scope: &TallyScope) {
        let at = run.started_at_ms();
        self.moved.entry(month_of(at)).or_default().add(delta);
        for (name, _, _) in scope
            .input
            .watched
            .iter()
            .filter(|(_, from, to)| (*from..*to).contains(&at))
        {
            self.watched.entry(name.clone()).or_default().add(delta);
        }
    }

    /// Adds what another commit of the same sync changed.
    pub fn add(&mut self, other: &SyncTally) {
        self.new += other.new;
        self.changed += other.changed;
        self.newly_settled += other.newly_settled;
        self.resurrected += other.resurrected;
        self.relocated += other.relocated;
        self.repriced += other.repriced;
        self.looked_up.ids += other.looked_up.ids;
        self.looked_up.files += other.looked_up.files;
        self.looked_up.bytes += other.looked_up.bytes;
        add(&mut self.repriced_from, other.repriced_from);
        add(&mut self.repriced_to, other.repriced_to);
        self.gone += other.gone;
        self.held_kept += other.held_kept;
        self.gone_kept += other.gone_kept;
        self.listed += other.listed;
        self.cost_unknown += other.cost_unknown;
        for (sums, others) in [(&mut self.moved, &other.moved), (&mut self.watched, &other.watched)] {
            for (name, delta) in others {
                sums.entry(name.clone()).or_default().add(delta);
            }
        }
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.new == 0 && self.changed == 0
    }

    /// By how many dollars months before this one moved, in all.
    pub fn past_usd(&self, this_month: &str) -> Usd {
        let past = self.moved.iter().filter(|(month, _)| month.as_str() < this_month);
        past.fold(Usd::default(), |sum, (_, delta)| sum.saturating_add(delta.usd()))
    }
}
