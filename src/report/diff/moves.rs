//! Runs and dollars that moved: of all runs that differ, and of each Actor's. Sums are of known costs; what they lack is
//! counted beside them.

use crate::money::Usd;
use crate::provenance::ChangeTotals;
use crate::report::diff::{Difference, DifferenceKind};
use crate::runs::run::Run;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MovedRuns {
    pub runs: u64,
    /// Of them, those of unknown cost, on either side; they aren't in the sum.
    pub cost_unknown: u64,
    pub(super) usage: Usd,
}

impl MovedRuns {
    fn add(&mut self, usage: Option<Usd>) {
        self.runs += 1;
        self.cost_unknown += u64::from(usage.is_none());
        self.usage.0 += usage.unwrap_or_default().0;
    }

    fn and(&self, other: &MovedRuns) -> MovedRuns {
        MovedRuns {
            runs: self.runs + other.runs,
            cost_unknown: self.cost_unknown + other.cost_unknown,
            usage: Usd(self.usage.0 + other.usage.0),
        }
    }

    /// US dollars of the runs whose costs are known; `None` where there are runs and none is.
    pub fn usage(&self) -> Option<Usd> {
        (self.runs == 0 || self.cost_unknown < self.runs).then_some(self.usage)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moves {
    pub new: MovedRuns,
    pub changed: MovedRuns,
    /// Vanished ones; their dollars are below zero.
    pub vanished: MovedRuns,
    /// Changed runs of which only the new export knows the cost, and those costs.
    pub became_known: MovedRuns,
    /// Changed runs of which only the old export knew the cost, and those costs.
    pub became_unknown: MovedRuns,
}

impl Moves {
    pub(super) fn add(&mut self, difference: &Difference) {
        let moved = difference.moved();
        match difference.kind {
            DifferenceKind::New => self.new.add(moved),
            DifferenceKind::Vanished => self.vanished.add(moved),
            DifferenceKind::Changed => {
                self.changed.add(moved);
                let usage = |run: Option<&Run>| run.and_then(|run| run.usage);
                match (usage(difference.old), usage(difference.new)) {
                    (None, new @ Some(_)) => self.became_known.add(new),
                    (old @ Some(_), None) => self.became_unknown.add(old),
                    _ => {}
                }
            }
        }
    }

    pub fn and(&self, other: &Moves) -> Moves {
        Moves {
            new: self.new.and(&other.new),
            changed: self.changed.and(&other.changed),
            vanished: self.vanished.and(&other.vanished),
            became_known: self.became_known.and(&other.became_known),
            became_unknown: self.became_unknown.and(&other.became_unknown),
        }
    }

    /// New, changed and vanished runs together: what the sum of known costs moved by, less what became known or unknown.
    pub fn net(&self) -> MovedRuns {
        self.new.and(&self.changed).and(&self.vanished)
    }
}

impl From<&Moves> for ChangeTotals {
    fn from(moves: &Moves) -> ChangeTotals {
        let net = moves.net();
        ChangeTotals {
            runs_new: moves.new.runs,
            runs_changed: moves.changed.runs,
            runs_vanished: moves.vanished.runs,
            usage_new_usd: moves.new.usage(),
            usage_changed_usd: moves.changed.usage(),
            usage_vanished_usd: moves.vanished.usage(),
            usage_moved_usd: net.usage(),
            runs_cost_unknown: net.cost_unknown,
            costs_became_known: moves.became_known.runs,
            usage_became_known_usd: moves.became_known.usage,
            costs_became_unknown: moves.became_unknown.runs,
            usage_became_unknown_usd: moves.became_unknown.usage,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActorMoves {
    pub act_id: String,
    pub act_name: Option<String>,
    pub moves: Moves,
}
