//! The sentence of each caveat, for people. No code depends on these words.

use std::fmt::{self, Display};

use super::difference::{CostSource, ListDifference};
use super::{Caveat, ClockLead, MonthCorrection, MonthDamage, ReadGap};
use crate::money::Usd;
use crate::period::{Millis, format_instant};
use crate::provenance::Retention;
use crate::text::{counted, thousands};

/// Most periods that a sentence names.
const MAX_SPANS: usize = 3;
/// How a sentence about missing runs begins.
pub(super) const INCOMPLETE: &str = "INCOMPLETE: ";
const NO_RUN_OF: &str = "no run of the period matches ";
const RUNS_MISSING: &str = "INCOMPLETE: fewer runs were received than the API counts; every total is a minimum";
const NO_RUN: &str = "no run started in the period, or none matches the filters, or this token may not list them";
const GROUPS_IN_DOUBT: &str = "some names could not be read, so runs may be in the wrong group";
const PERIOD_NOT_OVER: &str = "the period is not over: these are the figures so far";
const LIST_CHANGED: &str = "runs were deleted or added while the period was read: see the notes in manifest.json";
const KEPT_UNTIL_ACCEPTED: &str = "the lake keeps the old prices unless you use --accept-repricing";

impl Caveat {
    /// Which runs are missing, in a few words; none where no run is.
    pub fn lack(&self) -> Option<String> {
        Some(match self {
            Caveat::PastRetention(retention) => {
                let (expired, all) = (thousands(retention.expired_days), thousands(retention.period_days));
                format!("{expired} of {all} days past retention")
            }
            Caveat::RunsMissing => "fewer runs received than counted".into(),
            Caveat::Unproven { periods } => format!("no sync has proven {}", spans(periods)),
            Caveat::NotCovered { periods } => format!("no archive covers {}", spans(periods)),
            Caveat::AccountMissing { .. } => "its runs are not here".into(),
            _ => return None,
        })
    }
}

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
                "{INCOMPLETE}no sync has proven {}: runs that Apify deleted before a sync are missing; every total is a minimum",
                spans(periods)
            ),
            Caveat::NoRun => out.write_str(NO_RUN),
            Caveat::RunsRejected { runs } => {
                let were = counted(*runs, "listed run was", "listed runs were");
                write!(
                    out,
                    "{were} invalid: see rejected.jsonl; the tables lack {}",
                    them(*runs)
                )
            }
            Caveat::CostUnknown { runs } => {
                let runs = counted(*runs, "run", "runs");
                write!(out, "the cost of {runs} is unknown: the total is a minimum")
            }
            Caveat::DetailsFailed { runs } => ReadGap::DetailsFailed { runs: *runs }.fmt(out),
            Caveat::ListDiffers(difference) => difference.fmt(out),
            Caveat::Provisional { runs } => {
                let (are, have, their) = match *runs {
                    1 => ("run is", "has", "its"),
                    _ => ("runs are", "have", "their"),
                };
                let runs = thousands(*runs);
                write!(
                    out,
                    "{runs} {are} still running or {have} just ended: {their} cost may change"
                )
            }
            Caveat::GroupsInDoubt => out.write_str(GROUPS_IN_DOUBT),
            Caveat::FilterUnmatched { option } | Caveat::BudgetUnmatched { option } => {
                write!(out, "{NO_RUN_OF}{option}")
            }
            Caveat::RulesUnmatched { rules, first } => {
                let (count, named) = (counted(*rules, "rule", "rules"), first.join(", "));
                let more = match rules.saturating_sub(first.len() as u64) {
                    0 => String::new(),
                    more => format!(" and {} more", thousands(more)),
                };
                write!(out, "{NO_RUN_OF}{count} of --groups: {named}{more}")
            }
            Caveat::PeriodNotOver => out.write_str(PERIOD_NOT_OVER),
            Caveat::ListChanged => out.write_str(LIST_CHANGED),
            Caveat::CostsLost { costs, usage_usd } => {
                let (costs, usage) = (counted(*costs, "cost", "costs"), usage_usd.dollars());
                write!(
                    out,
                    "Apify no longer gives {costs} ({usage}) that the replaced export had"
                )
            }
            Caveat::MonthCorrected(correction) => correction.fmt(out),
            Caveat::MonthDamaged(damage) => damage.fmt(out),
            Caveat::SyncGap { from, to } => write!(
                out,
                "gap: {} was not synced in time, and Apify has deleted its runs",
                spans(&[(*from, *to)])
            ),
            Caveat::WindowIncomplete { from, to, gap } => write!(out, "{}: {gap}", spans(&[(*from, *to)])),
            Caveat::Repriced { runs } => {
                let runs = counted(*runs, "run", "runs");
                write!(
                    out,
                    "the price of {runs} changed after the cost was settled: {KEPT_UNTIL_ACCEPTED}"
                )
            }
            Caveat::ClockAhead(clock) => clock.fmt(out),
            Caveat::SharedAccount { names } => write!(
                out,
                "{} are the same account, which is counted once",
                names.join(" and ")
            ),
            Caveat::NotCovered { periods } => write!(
                out,
                "{INCOMPLETE}no archive covers {}; every total is a minimum",
                spans(periods)
            ),
            Caveat::AccountMissing { reason } => {
                write!(
                    out,
                    "{INCOMPLETE}its runs are not here: {reason}; every total is a minimum"
                )
            }
            Caveat::RunsOfSeveral { runs, accounts } => {
                let (are, each) = match *runs {
                    1 => ("run is", "it counts"),
                    _ => ("runs are", "each counts"),
                };
                let runs = thousands(*runs);
                write!(
                    out,
                    "{runs} {are} in the lists of several accounts ({}): {each} once, for the account that started it, else for the first",
                    accounts.join(", ")
                )
            }
            Caveat::OfAccount { account, caveat } => write!(out, "{account}: {caveat}"),
            Caveat::Unclassified { text, .. } => out.write_str(text),
        }
    }
}

fn past_retention(retention: &Retention) -> String {
    let headline = retention.headline().unwrap_or_default();
    let days = counted(retention.days, "day", "days");
    format!("{headline}: Apify keeps runs for {days}, and deleted runs are missing; every total is a minimum")
}

impl Display for ListDifference {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let asked = counted(self.asked, "checked run", "checked runs");
        let most = &self.differs_most;
        write!(
            out,
            "the list and the details give different costs for {} of {asked}: {}",
            thousands(self.runs),
            in_both(self.usage_list_usd, self.usage_details_usd)
        )?;
        let run = in_both(most.usage_list_usd, most.usage_details_usd);
        write!(out, "; run {} differs most: {run}; ", most.run_id)?;
        out.write_str(match self.rows_from {
            CostSource::List => "all figures use the costs of the list",
            CostSource::Details => "all figures use the costs of the details",
        })
    }
}

/// Two amounts, which are exact where rounding would hide that they differ.
fn in_both(list: Usd, details: Usd) -> String {
    let mut shown = [list, details].map(Usd::dollars);
    if shown[0] == shown[1] && list != details {
        shown = [list, details].map(Usd::exact_dollars);
    }
    format!("{} in the list, {} in the details", shown[0], shown[1])
}

impl Display for MonthCorrection {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let runs = |runs| counted(runs, "run", "runs");
        let usage = self.usage_total_usd.map_or("unknown cost".into(), Usd::dollars);
        let what = match (self.runs_new, self.runs_changed) {
            (new, 0) => format!("{} added", runs(new)),
            (0, changed) => format!("{} changed", runs(changed)),
            (new, changed) => format!("{} added, {} changed", runs(new), thousands(changed)),
        };
        write!(
            out,
            "{} was closed on {} with {} and {usage}; since then: {what}, usage changed by {}",
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
            "{} was closed on {}; damaged files of this month were set aside on {}: runs that Apify had deleted by then may be missing",
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
            "{} is marked as proven until {}, which is in the future: a clock was wrong. The lake now counts as proven until {}, and \
             later runs are read again",
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
                    "the details of {runs} could not be read: these rows have only the values of the list"
                )
            }
            ReadGap::ListChanged => out.write_str("runs were deleted or added while they were read"),
        }
    }
}

fn them(runs: u64) -> &'static str {
    if runs == 1 { "it" } else { "them" }
}

fn day_of(at: Millis) -> String {
    format_instant(at).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::CostDifference;

    fn usd(text: &str) -> Usd {
        Usd::parse_plain(text).unwrap()
    }

    fn difference(rows_from: CostSource, runs: u64, asked: u64, sums: [&str; 2], most: [&str; 2]) -> String {
        let difference = ListDifference {
            rows_from,
            runs,
            asked,
            usage_list_usd: usd(sums[0]),
            usage_details_usd: usd(sums[1]),
            differs_most: CostDifference {
                run_id: "x7".into(),
                usage_list_usd: usd(most[0]),
                usage_details_usd: usd(most[1]),
            },
        };
        Caveat::ListDiffers(difference).to_string()
    }

    #[test]
    fn costs_that_differ_are_rounded_unless_that_would_hide_the_difference() {
        assert_eq!(
            difference(CostSource::List, 3, 34, ["12.4", "15.1"], ["1", "3.5"]),
            "the list and the details give different costs for 3 of 34 checked runs: $12.40 in the list, $15.10 in the details; run x7 \
             differs most: $1.00 in the list, $3.50 in the details; all figures use the costs of the list"
        );
        assert_eq!(
            difference(CostSource::Details, 1, 1, ["1.001", "1.002"], ["-0.001", "-0.002"]),
            "the list and the details give different costs for 1 of 1 checked run: $1.001 in the list, $1.002 in the details; run x7 \
             differs most: -$0.001 in the list, -$0.002 in the details; all figures use the costs of the details"
        );
        // One costs more by what another one costs less.
        let both = difference(CostSource::List, 2, 20, ["3", "3"], ["1", "2"]);
        assert!(
            both.contains("for 2 of 20 checked runs: $3.00 in the list, $3.00 in the details;"),
            "{both}"
        );
    }
}
