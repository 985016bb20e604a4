//! The sentence of each caveat, for people. Nothing goes by these words but `earlier`, which reads old manifests.

use std::fmt::{self, Display};

use super::{Caveat, ClockLead, MonthCorrection, MonthDamage, ReadGap};
use crate::money::Usd;
use crate::period::{Millis, format_instant};
use crate::provenance::Retention;
use crate::text::{counted, thousands};

/// Most periods that a sentence names.
const MAX_SPANS: usize = 3;
/// How a sentence about missing runs begins.
pub(super) const INCOMPLETE: &str = "INCOMPLETE: ";
pub(super) const NO_RUN_OF: &str = "no run of the period is of ";
const RUNS_MISSING: &str = "INCOMPLETE: fewer runs were received than the API counts; every total is 'at least'";
const NO_RUN: &str = "no run started in the period, or none that was asked for and this token may list";
const GROUPS_IN_DOUBT: &str = "names could not all be read, so runs may stand in another group than the rules mean";
const PERIOD_NOT_OVER: &str = "the period is not over: this is it so far";
const LIST_CHANGED: &str = "runs were deleted, or came, while the period was read: see the proof's notes";
const KEPT_UNTIL_ACCEPTED: &str = "the lake keeps what they were, until --accept-repricing";

/// Parts of time in words, the first ones of many.
pub fn spans(parts: &[(Millis, Millis)]) -> String {
    let named = parts.iter().take(MAX_SPANS);
    let named = named.map(|(from, to)| format!("{} to {}", format_instant(*from), format_instant(*to)));
    let named = named.collect::<Vec<_>>().join(", ");
    match parts.len().saturating_sub(MAX_SPANS) as u64 {
        0 => named,
        more => format!("{named} and {} more", thousands(more)),
    }
}

impl Display for Caveat {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Caveat::PastRetention(retention) => out.write_str(&past_retention(retention)),
            Caveat::RunsMissing => out.write_str(RUNS_MISSING),
            Caveat::Unproven { periods } => write!(
                out,
                "{INCOMPLETE}no sync has proven {}: what Apify had deleted by then is in no figure; every total is 'at least'",
                spans(periods)
            ),
            Caveat::NoRun => out.write_str(NO_RUN),
            Caveat::RunsRejected { runs } => {
                let runs = counted(*runs, "listed run makes", "listed runs make");
                write!(out, "{runs} no sense and went to rejected.jsonl instead of the tables")
            }
            Caveat::CostUnknown { runs } => {
                let runs = counted(*runs, "run has", "runs have");
                write!(out, "{runs} no known cost: usage is 'at least'")
            }
            Caveat::DetailsFailed { runs } => ReadGap::DetailsFailed { runs: *runs }.fmt(out),
            Caveat::Provisional { runs } => {
                let runs = counted(*runs, "run", "runs");
                write!(out, "the cost of {runs} may still move: not ended, or only just")
            }
            Caveat::GroupsInDoubt => out.write_str(GROUPS_IN_DOUBT),
            Caveat::FilterUnmatched { option } | Caveat::BudgetUnmatched { option } => {
                write!(out, "{NO_RUN_OF}{option}")
            }
            Caveat::PeriodNotOver => out.write_str(PERIOD_NOT_OVER),
            Caveat::ListChanged => out.write_str(LIST_CHANGED),
            Caveat::CostsLost { costs, usage_usd } => {
                let (costs, usage) = (counted(*costs, "cost", "costs"), usage_usd.dollars());
                write!(
                    out,
                    "{costs} ({usage}) that the replaced export knew the API no longer gives"
                )
            }
            Caveat::MonthCorrected(correction) => correction.fmt(out),
            Caveat::MonthDamaged(damage) => damage.fmt(out),
            Caveat::SyncGap { from, to } => write!(
                out,
                "a gap: {} was not synced in time, and Apify no longer keeps its runs",
                spans(&[(*from, *to)])
            ),
            Caveat::WindowIncomplete { from, to, gap } => write!(out, "{}: {gap}", spans(&[(*from, *to)])),
            Caveat::Repriced { runs } => {
                let runs = counted(*runs, "run has", "runs have");
                write!(
                    out,
                    "{runs} another price than when they settled; {KEPT_UNTIL_ACCEPTED}"
                )
            }
            Caveat::ClockAhead(clock) => clock.fmt(out),
            Caveat::SharedAccount { names } => write!(out, "{} are one account: counted once", names.join(" and ")),
            Caveat::Unclassified { text, .. } => out.write_str(text),
        }
    }
}

fn past_retention(retention: &Retention) -> String {
    let headline = retention.headline().unwrap_or_default();
    let days = counted(retention.days, "day", "days");
    format!(
        "{headline}: Apify keeps {days} of runs, and what it has deleted is in no figure; every total is 'at least'"
    )
}

impl Display for MonthCorrection {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let runs = |runs| counted(runs, "run", "runs");
        let usage = self.usage_total_usd.map_or("no known cost".into(), Usd::dollars);
        let what = match (self.runs_new, self.runs_changed) {
            (new, 0) => format!("{} came", runs(new)),
            (0, changed) => format!("{} changed", runs(changed)),
            (new, changed) => format!("{} came and {} changed", runs(new), thousands(changed)),
        };
        write!(
            out,
            "{} was closed on {} with {} and {usage}; since then {what}, moving {}",
            self.month,
            day_of(self.closed_at),
            runs(self.runs),
            self.usage_moved_usd.dollars()
        )
    }
}

impl Display for MonthDamage {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(
            out,
            "files of {}, which was closed on {}, were damaged and set aside on {}: runs of it may be missing that Apify no \
             longer had",
            self.month,
            day_of(self.closed_at),
            day_of(self.damaged_at)
        )
    }
}

impl Display for ClockLead {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(
            out,
            "{} claims to be proven until {}, which is still to come: a clock was ahead. It is proven until {} from now on, and \
             what came later is read again",
            self.lake,
            format_instant(self.claimed_until),
            format_instant(self.proven_until)
        )
    }
}

impl Display for ReadGap {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ReadGap::DetailsFailed { runs } => {
                let runs = counted(*runs, "run", "runs");
                write!(
                    out,
                    "the details of {runs} could not be read: their rows are as the list gave them"
                )
            }
            ReadGap::ListChanged => out.write_str("runs were deleted, or came, while they were read"),
        }
    }
}

fn day_of(at: Millis) -> String {
    format_instant(at).chars().take(10).collect()
}
