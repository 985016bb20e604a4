//! A page's runs as the list gave them, as far as that decides whether a detail is needed and what it is compared with. Pure.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};

use crate::money::Usd;
use crate::period::Millis;
use crate::provenance::{CostCheck, DetailMode};
use crate::runs::cost_state::{SETTLED, SettleRule, is_terminal};
use crate::runs::detail::RunDetail;
use crate::runs::schema::col;

/// How many runs of a page need a detail.
pub fn count_needed(page: &RecordBatch, mode: DetailMode, settle: &SettleRule) -> u64 {
    let listed = ListedRuns::new(page);
    let needed = (0..page.num_rows()).filter(|row| listed.run(*row).needs_detail(mode, settle));
    needed.count() as u64
}

pub(super) struct ListedRuns<'p> {
    ids: &'p arrow_array::StringArray,
    act_ids: &'p arrow_array::StringArray,
    statuses: &'p arrow_array::StringArray,
    finished: &'p arrow_array::TimestampMillisecondArray,
    usages: &'p arrow_array::Decimal128Array,
}

pub(super) struct ListedRun<'p> {
    pub(super) id: &'p str,
    pub(super) status: &'p str,
    pub(super) finished_at_ms: Option<Millis>,
    pub(super) usage: Option<Usd>,
}

impl<'p> ListedRuns<'p> {
    pub(super) fn new(page: &'p RecordBatch) -> ListedRuns<'p> {
        ListedRuns {
            ids: page.column(col::ID).as_string(),
            act_ids: page.column(col::ACT_ID).as_string(),
            statuses: page.column(col::STATUS).as_string(),
            finished: page.column(col::FINISHED_AT).as_primitive::<TimestampMillisecondType>(),
            usages: page.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>(),
        }
    }

    pub(super) fn run(&self, row: usize) -> ListedRun<'p> {
        ListedRun {
            id: self.ids.value(row),
            status: self.statuses.value(row),
            finished_at_ms: self.finished.is_valid(row).then(|| self.finished.value(row)),
            usage: self.usages.is_valid(row).then(|| Usd(self.usages.value(row))),
        }
    }

    pub(super) fn act_id(&self, row: usize) -> &'p str {
        self.act_ids.value(row)
    }
}

impl ListedRun<'_> {
    /// Its cost, where that is settled.
    pub(super) fn settled_usage(&self, settle: &SettleRule) -> Option<Usd> {
        let is_settled = settle.state(self.status, self.finished_at_ms, true) == SETTLED;
        self.usage.filter(|_| is_settled)
    }

    /// Compares its cost, where that is settled, with the one of its detail, if that could be had.
    pub(super) fn compare(&self, detail: Option<&RunDetail>, settle: &SettleRule, check: &mut CostCheck) {
        let Some(in_list) = self.settled_usage(settle) else {
            return;
        };
        check.asked += 1;
        match detail.map(|detail| (self.has_changed(detail), detail.usage)) {
            Some((true, _)) => check.changed += 1,
            Some((false, Some(usage))) => check.compare(self.id, in_list, usage),
            Some((false, None)) | None => check.failed += 1,
        }
    }

    /// Whether the run has another end by now; a detail may lack the instant that the list has.
    fn has_changed(&self, detail: &RunDetail) -> bool {
        self.status != detail.status || detail.finished_at_ms.is_some_and(|at| Some(at) != self.finished_at_ms)
    }

    pub(super) fn needs_detail(&self, mode: DetailMode, settle: &SettleRule) -> bool {
        match mode {
            DetailMode::None => false,
            DetailMode::All => true,
            DetailMode::Missing => match self.usage {
                None => true,
                Some(usage) => usage.0 == 0 && is_terminal(self.status) && settle.just_finished(self.finished_at_ms),
            },
        }
    }

    /// Whether an earlier export has this version of the run, so that its detail still holds.
    pub(super) fn is_as_in(&self, known: &RunDetail) -> bool {
        let same_cost = self.usage.is_none() || self.usage == known.usage;
        is_terminal(self.status)
            && self.status == known.status
            && self.finished_at_ms == known.finished_at_ms
            && same_cost
    }
}
