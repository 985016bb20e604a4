//! What a report is about: whose runs, which period, when asked, whether complete; and what its reader must know.

mod account;

pub use account::AccountFacts;

use crate::period::{Millis, Period};
use crate::provenance::{Account, Filters, Proof, Retention, Source};
use crate::report::caveat::{Caveat, ListDifference};

#[derive(Debug, Clone)]
pub struct Facts {
    pub account: Option<Account>,
    pub source: Source,
    pub period: Period,
    /// The period of the export, where this is a part of it.
    pub part_of: Option<Period>,
    pub filters: Filters,
    /// The job's start, by the server's clock where its answers have one: milliseconds since the epoch.
    pub queried_at_ms: i64,
    pub proof: Proof,
    /// Whether they were put together by several jobs, each of which counted what it received.
    pub by_syncs: bool,
    /// Each of them, where they are of several accounts.
    pub accounts: Vec<AccountFacts>,
    pub retention: Option<Retention>,
    pub caveats: Vec<Caveat>,
}

impl Facts {
    pub fn expired(&self) -> Option<String> {
        self.retention.as_ref().and_then(Retention::headline)
    }

    pub fn gaps(&self) -> Vec<&Caveat> {
        self.caveats.iter().filter(|caveat| caveat.is_gap()).collect()
    }

    pub fn lacks_runs(&self) -> bool {
        !self.proof.proven || self.expired().is_some()
    }
}

#[derive(Debug, Clone, Default)]
pub struct QualityCounts {
    pub cost_unknown: u64,
    pub provisional: u64,
    pub changed_meanwhile: bool,
    pub no_run: bool,
    /// Items that made no sense as a run and were taken out.
    pub rejected: u64,
    /// Whether the period was cut at the job's start.
    pub cut: bool,
    pub proven: bool,
    /// Parts `[from, to)` of the period that are not proven.
    pub unproven: Vec<(Millis, Millis)>,
    pub retention: Option<Retention>,
    pub details_failed: u64,
    pub list_difference: Option<ListDifference>,
    pub groups_in_doubt: bool,
    /// Actors, tasks and budgets that were asked for and that no run is of.
    pub unmatched: Vec<Caveat>,
}

/// What the reader of these figures must know, in the order in which it is said.
pub fn caveats(counts: &QualityCounts) -> Vec<Caveat> {
    let QualityCounts {
        rejected,
        cost_unknown,
        details_failed,
        provisional,
        ..
    } = *counts;
    let expired = counts.retention.iter().filter(|retention| retention.expired_days > 0);
    let mut caveats: Vec<Caveat> = expired.cloned().map(Caveat::PastRetention).collect();
    let periods = counts.unproven.clone();
    let first = [
        (!counts.proven, Caveat::RunsMissing),
        (!periods.is_empty(), Caveat::Unproven { periods }),
        (counts.no_run, Caveat::NoRun),
        (rejected > 0, Caveat::RunsRejected { runs: rejected }),
        (cost_unknown > 0, Caveat::CostUnknown { runs: cost_unknown }),
        (details_failed > 0, Caveat::DetailsFailed { runs: details_failed }),
        (provisional > 0, Caveat::Provisional { runs: provisional }),
        (counts.groups_in_doubt, Caveat::GroupsInDoubt),
    ];
    let last = [
        (counts.cut, Caveat::PeriodNotOver),
        (counts.changed_meanwhile, Caveat::ListChanged),
    ];
    let those = |(is_so, caveat): (bool, Caveat)| is_so.then_some(caveat);
    caveats.extend(first.into_iter().filter_map(those));
    caveats.extend(counts.list_difference.clone().map(Caveat::ListDiffers));
    caveats.extend(counts.unmatched.iter().cloned());
    caveats.extend(last.into_iter().filter_map(those));
    caveats
}

/// The caveats of a part of an export's period: its own, and those of the whole that aren't worked out from a period's figures.
pub fn caveats_of_part(whole: &[Caveat], of_part: &QualityCounts) -> Vec<Caveat> {
    let mut part = caveats(of_part);
    part.extend(whole.iter().filter(|caveat| !caveat.is_of_one_period()).cloned());
    part
}
