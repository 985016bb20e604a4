//! The runs that started on a period's whole UTC days, by which Apify counts usage: those on other days are few, so these are
//! added up.

use crate::period::{Millis, Period};
use crate::report::measures::Measures;
use crate::report::usage_explained::{EdgeRuns, ExplainedCosts, minus};
use crate::runs::row::Row;

#[derive(Debug, Clone, Copy)]
pub struct RunsOfDays {
    /// The first midnight, and the one after the last day.
    from: Millis,
    to: Millis,
    /// Runs that started on other days.
    others: ExplainedCosts,
    finished_after: EdgeRuns,
    started_before: EdgeRuns,
}

impl Default for RunsOfDays {
    /// Of all days.
    fn default() -> RunsOfDays {
        RunsOfDays {
            from: Millis::MIN,
            to: Millis::MAX,
            others: ExplainedCosts::default(),
            finished_after: EdgeRuns::default(),
            started_before: EdgeRuns::default(),
        }
    }
}

impl RunsOfDays {
    /// Of the whole UTC days of a period; of all days where it has none.
    pub fn of(period: &Period) -> RunsOfDays {
        let all = RunsOfDays::default();
        let edges = period.whole_utc_days().unwrap_or((all.from, all.to));
        RunsOfDays {
            from: edges.0,
            to: edges.1,
            ..all
        }
    }

    #[inline]
    pub fn add(&mut self, run: &Row) {
        if run.started_at_ms < self.from || run.started_at_ms >= self.to {
            self.add_other(run);
        } else if run.finished_at_ms.is_some_and(|at| at >= self.to) {
            self.finished_after.add(run.usage);
        }
    }

    fn add_other(&mut self, run: &Row) {
        if run.started_at_ms < self.from && run.finished_at_ms.is_some_and(|at| at >= self.from) {
            self.started_before.add(run.usage);
        }
        self.others = self.others.with(run.usage);
    }

    /// What the runs of these days cost, of which all are these.
    pub fn costs(&self, all: &Measures) -> ExplainedCosts {
        ExplainedCosts {
            known: all.runs() - all.cost_unknown() - self.others.known,
            usage: minus(all.usage().unwrap_or_default(), self.others.usage),
            unknown: all.cost_unknown() - self.others.unknown,
            is_at_least: false,
        }
    }

    /// Runs of which a part of the usage is on other days.
    pub fn across_edges(&self) -> EdgeRuns {
        self.finished_after.and(self.started_before)
    }
}
