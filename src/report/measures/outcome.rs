//! Counts and dollars of runs that ended in one way.

use crate::money::Usd;

/// Runs that ended in one way, and their dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    pub runs: u64,
    pub cost_unknown: u64,
    usage: Usd,
}

impl Outcome {
    pub(super) fn add(&mut self, usage: Option<Usd>) -> Option<()> {
        self.runs += 1;
        match usage {
            None => self.cost_unknown += 1,
            Some(usage) => self.usage = self.usage.checked_add(usage)?,
        }
        Some(())
    }

    /// The same where whoever adds them holds the sum of all costs, whatever their signs, to 38 digits.
    pub(in crate::report) fn count(&mut self, usage: Option<Usd>) {
        self.runs += 1;
        match usage {
            None => self.cost_unknown += 1,
            Some(usage) => self.usage = Usd(self.usage.0.saturating_add(usage.0)),
        }
    }

    /// US dollars of those that have a cost; `None` where none has.
    pub fn usage(&self) -> Option<Usd> {
        (self.runs > self.cost_unknown).then_some(self.usage)
    }

    /// What is left of these without some of them.
    pub(super) fn without(&self, some: &Outcome) -> Outcome {
        Outcome {
            runs: self.runs - some.runs,
            cost_unknown: self.cost_unknown - some.cost_unknown,
            // As of a sum: whoever adds rows holds what is added to 38 digits.
            usage: Usd(self.usage.0.saturating_sub(some.usage.0)),
        }
    }

    pub fn and(&self, other: &Outcome) -> Outcome {
        Outcome {
            runs: self.runs + other.runs,
            cost_unknown: self.cost_unknown + other.cost_unknown,
            // Sums were held to 38 digits when rows were added: this can't be reached.
            usage: Usd(self.usage.0.saturating_add(other.usage.0)),
        }
    }
}
