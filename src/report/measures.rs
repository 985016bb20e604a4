//! What is measured of every group of runs: counts and exact sums.

mod outcome;

pub use outcome::Outcome;

use crate::money::{Ratio, SCALE, Usd, ratio_6_places, share_6_places};
use crate::provenance::Totals;
use crate::runs::cost_state::PROVISIONAL;
use crate::runs::row::Row;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures {
    /// Those that succeeded are what is left of all: most do, and a run is then added once.
    pub all: Outcome,
    pub failed: Outcome,
    pub timed_out: Outcome,
    pub aborted: Outcome,
    pub other: Outcome,
    /// Runs whose cost may still move, whatever their status.
    pub provisional: Outcome,
}

/// What is counted of a run, worked out once for all groups that it is added to.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    end: End,
    usage: Option<Usd>,
    is_provisional: bool,
}

/// How a run ended, as far as reports tell it apart.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
    Other,
}

impl End {
    pub fn of(status: &str) -> End {
        match status {
            "SUCCEEDED" => End::Succeeded,
            "FAILED" => End::Failed,
            "TIMED-OUT" => End::TimedOut,
            "ABORTED" => End::Aborted,
            _ => End::Other,
        }
    }
}

impl From<&Row<'_>> for Counted {
    fn from(run: &Row) -> Counted {
        Counted {
            end: End::of(run.status),
            usage: run.usage,
            is_provisional: run.cost_state == PROVISIONAL,
        }
    }
}

impl Measures {
    /// Adds a run; `None` if a sum no longer fits 38 digits.
    pub fn add(&mut self, run: impl Into<Counted>) -> Option<()> {
        let run: Counted = run.into();
        self.all.add(run.usage)?;
        if let Some(outcome) = self.of(run.end) {
            outcome.add(run.usage)?;
        }
        if run.is_provisional {
            self.provisional.add(run.usage)?;
        }
        Some(())
    }

    /// Adds runs that ended in one way, all of them with provisional costs or none.
    pub fn add_all(&mut self, end: End, runs: &Outcome, are_provisional: bool) {
        self.all = self.all.and(runs);
        if let Some(outcome) = self.of(end) {
            *outcome = outcome.and(runs);
        }
        if are_provisional {
            self.provisional = self.provisional.and(runs);
        }
    }

    /// None for those that succeeded.
    fn of(&mut self, end: End) -> Option<&mut Outcome> {
        match end {
            End::Succeeded => None,
            End::Failed => Some(&mut self.failed),
            End::TimedOut => Some(&mut self.timed_out),
            End::Aborted => Some(&mut self.aborted),
            End::Other => Some(&mut self.other),
        }
    }

    pub fn succeeded(&self) -> Outcome {
        self.all.without(&self.unsuccessful().and(&self.other))
    }

    pub fn unsuccessful(&self) -> Outcome {
        self.failed.and(&self.timed_out).and(&self.aborted)
    }

    pub fn runs(&self) -> u64 {
        self.all.runs
    }

    pub fn cost_unknown(&self) -> u64 {
        self.all.cost_unknown
    }

    pub fn cost_known(&self) -> u64 {
        self.runs() - self.cost_unknown()
    }

    /// US dollars of the runs that have a cost; `None` where no run has.
    pub fn usage(&self) -> Option<Usd> {
        self.all.usage()
    }

    pub fn is_at_least(&self) -> bool {
        self.cost_unknown() + self.provisional.runs > 0
    }

    /// Its part of all usage, between 0 and 1, 6 places; none where that is nothing, or less than the part.
    pub fn share_of(&self, totals: &Measures) -> Option<Ratio> {
        share_6_places(self.usage()?, totals.usage()?)
    }

    pub fn mean_usd(&self) -> Option<Ratio> {
        ratio_6_places(self.usage()?.0, i128::from(self.cost_known()) * 10i128.pow(SCALE))
    }

    pub fn and(&self, other: &Measures) -> Measures {
        Measures {
            all: self.all.and(&other.all),
            failed: self.failed.and(&other.failed),
            timed_out: self.timed_out.and(&other.timed_out),
            aborted: self.aborted.and(&other.aborted),
            other: self.other.and(&other.other),
            provisional: self.provisional.and(&other.provisional),
        }
    }
}

impl From<&Measures> for Totals {
    fn from(measures: &Measures) -> Totals {
        Totals {
            runs: measures.runs(),
            runs_succeeded: measures.succeeded().runs,
            runs_failed: measures.failed.runs,
            runs_timed_out: measures.timed_out.runs,
            runs_aborted: measures.aborted.runs,
            runs_other: measures.other.runs,
            usage_total_usd: measures.usage(),
            runs_cost_unknown: measures.cost_unknown(),
            runs_provisional: measures.provisional.runs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::cost_state::SETTLED;

    #[test]
    fn a_sum_that_no_longer_fits_is_an_error_and_not_a_wrong_sum() {
        let run = |usage| Row {
            status: "SUCCEEDED",
            usage: Some(Usd(usage)),
            cost_state: SETTLED,
            ..Row::default()
        };
        let mut measures = Measures::default();
        assert!(measures.add(&run(10i128.pow(38) - 1)).is_some());
        assert!(measures.add(&run(1)).is_none());
    }

    #[test]
    fn what_is_unknown_is_counted_and_never_zero() {
        let run = |status, usage: Option<i128>| Row {
            status,
            usage: usage.map(Usd),
            ..Row::default()
        };
        let mut measures = Measures::default();
        for run in [run("FAILED", None), run("SUCCEEDED", Some(4)), run("ABORTED", Some(3))] {
            measures.add(&run).unwrap();
        }
        assert_eq!(
            (measures.runs(), measures.cost_unknown(), measures.usage()),
            (3, 1, Some(Usd(7)))
        );
        assert_eq!(
            (measures.failed.usage(), measures.unsuccessful().usage()),
            (None, Some(Usd(3)))
        );
        assert_eq!(Measures::default().usage(), None);
    }
}
