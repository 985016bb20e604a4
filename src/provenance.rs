//! What an export states about itself: whose runs, from where, which period and which of them, how complete, how much. One
//! shape for the manifest and report.json; what is put into it is worked out elsewhere.

mod usage_facts;

use serde::{Deserialize, Serialize};

use crate::money::Usd;
use crate::period::{DAY_MS, Millis, Period, instant_text};
use crate::text::thousands;

pub use usage_facts::{BuildsFacts, CountedFacts, CycleFacts, UsageFacts};

/// Most notes that are kept; what is beyond is counted.
const MAX_NOTES: usize = 50;

/// The account of the token: only its ID and user name are kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    pub username: Option<String>,
}

impl Account {
    /// What people call it: its user name, else its ID.
    pub fn name(&self) -> &str {
        self.username.as_deref().unwrap_or(&self.id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Api,
    /// The made-up account.
    Demo,
}

impl Source {
    /// What every output must say of runs from there, if anything.
    pub fn notice(self) -> Option<&'static str> {
        match self {
            Source::Api => None,
            Source::Demo => Some(MADE_UP),
        }
    }
}

const MADE_UP: &str = "MADE-UP ACCOUNT (--demo): no token was used, and all data is invented";

/// The filters of the job. An empty list does not filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Statuses; the API filters by them.
    pub status: Vec<String>,
    /// Actor IDs; apify-runs filters by them.
    pub actor: Vec<String>,
    pub task: Vec<String>,
}

impl Filters {
    pub fn is_empty(&self) -> bool {
        self.status.is_empty() && self.actor.is_empty() && self.task.is_empty()
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Proof {
    /// Whether every run that the API counts was received.
    pub proven: bool,
    /// Runs that the API counted.
    pub counted: u64,
    /// Distinct runs that were received.
    pub fetched: u64,
    /// Notes about what was unusual.
    pub notes: Vec<String>,
}

impl Proof {
    /// Both together, without notes.
    pub fn and(&self, other: &Proof) -> Proof {
        Proof {
            proven: self.proven && other.proven,
            counted: self.counted + other.counted,
            fetched: self.fetched + other.fetched,
            notes: Vec::new(),
        }
    }

    /// Adds a note; beyond a bound, notes are only counted.
    pub fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        } else if self.notes.len() == MAX_NOTES {
            self.notes.push("and 1 other note".into());
        } else if let Some(last) = self.notes.last_mut() {
            let more: u64 = last.split(' ').nth(1).and_then(|count| count.parse().ok()).unwrap_or(0);
            *last = format!("and {} other notes", more + 1);
        }
    }
}

/// The runs whose details are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetailMode {
    /// Those to which the list gave no cost, or zero just after they finished.
    #[default]
    Missing,
    All,
    None,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DetailCounts {
    pub mode: DetailMode,
    /// Runs whose details were requested.
    pub asked: u64,
    /// Runs whose details were taken from the replaced export instead.
    pub reused: u64,
    /// Requested details that have a cost.
    pub found: u64,
    /// Requested details that have no cost.
    pub without_cost: u64,
    /// Requested details that do not exist (404).
    pub not_found: u64,
    /// Details that could not be read, or were not requested because too many had failed: these rows have the values of the list.
    pub failed: u64,
    /// IDs of the runs whose details failed, at most 1,000.
    pub failed_runs: Vec<String>,
    /// Fields of details that are unknown because their type is not the documented one.
    pub mistyped: u64,
    /// Details whose meters do not add up to their total.
    pub meters_disagree: u64,
    /// Runs that ended and cost exactly their `max_total_charge_usd`; counted only with `--details all`.
    pub reached_limit: u64,
    /// Comparison of the list's costs with those of the details.
    pub checked: CostCheck,
}

impl DetailCounts {
    pub fn of(mode: DetailMode) -> DetailCounts {
        DetailCounts {
            mode,
            ..DetailCounts::default()
        }
    }
}

/// Comparison of the list's costs of settled runs with those of their details.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CostCheck {
    /// Settled runs with a cost in the list whose details were requested: with `--details all` every such run, else the most
    /// expensive ones, and one of each of the most expensive Actors. With `--details missing` they are not in the other counts.
    pub asked: u64,
    /// Runs with a cost in both, which were compared.
    pub compared: u64,
    /// Runs whose detail has another status or end, because they ran on in the meantime: not compared.
    pub changed: u64,
    /// Runs whose detail did not arrive in time, or has no cost: not compared.
    pub failed: u64,
    /// Compared runs whose costs differ.
    pub differing: u64,
    /// Usage of the compared runs by the list, in US dollars.
    pub usage_compared_usd: Usd,
    /// Usage of the differing runs by the list, in US dollars.
    pub usage_list_usd: Usd,
    /// Usage of the differing runs by their details, in US dollars.
    pub usage_details_usd: Usd,
    /// The run whose costs differ most; null if none differs.
    pub differs_most: Option<CostDifference>,
}

/// A run whose cost in the list differs from its cost in the detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostDifference {
    pub run_id: String,
    pub usage_list_usd: Usd,
    pub usage_details_usd: Usd,
}

impl CostCheck {
    /// Counts a run to which both give a cost. One whose cost makes a sum too large for 38 digits is not compared.
    pub fn compare(&mut self, run_id: &str, list: Usd, details: Usd) {
        let equal = list == details;
        let added = |sum: Usd, cost: Usd| if equal { Some(sum) } else { sum.checked_add(cost) };
        let sums = (
            self.usage_compared_usd.checked_add(list),
            added(self.usage_list_usd, list),
            added(self.usage_details_usd, details),
        );
        let (Some(compared), Some(in_list), Some(in_details)) = sums else {
            self.failed += 1;
            return;
        };
        self.compared += 1;
        (self.usage_compared_usd, self.usage_list_usd, self.usage_details_usd) = (compared, in_list, in_details);
        if equal {
            return;
        }
        self.differing += 1;
        let difference = CostDifference {
            run_id: run_id.into(),
            usage_list_usd: list,
            usage_details_usd: details,
        };
        // Whatever the order in which details come.
        if self.differs_most.as_ref().is_none_or(|most| difference.is_before(most)) {
            self.differs_most = Some(difference);
        }
    }
}

impl CostDifference {
    /// Whether it is larger, or as large and of the first ID.
    fn is_before(&self, other: &CostDifference) -> bool {
        let size = |one: &CostDifference| one.usage_list_usd.0.abs_diff(one.usage_details_usd.0);
        (size(other), &self.run_id) < (size(self), &other.run_id)
    }
}

/// Apify's retention, compared with the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub days: u64,
    /// How many days of the period were past retention when the job began; a part of a day counts as a day.
    pub expired_days: u64,
    pub period_days: u64,
}

impl Retention {
    /// What is past retention of a period at some time.
    pub fn of(days: u64, period: &Period, now_ms: Millis) -> Retention {
        let kept_ms = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
        let kept_from = now_ms.saturating_sub(kept_ms);
        let whole_days = |ms: i64| ms.max(0).unsigned_abs().div_ceil(DAY_MS as u64);
        Retention {
            days,
            expired_days: whole_days(kept_from.min(period.to).saturating_sub(period.from)),
            period_days: whole_days(period.to.saturating_sub(period.from)),
        }
    }

    /// That of two periods together.
    pub fn and(&self, other: &Retention) -> Retention {
        Retention {
            days: self.days.min(other.days),
            expired_days: self.expired_days + other.expired_days,
            period_days: self.period_days + other.period_days,
        }
    }

    /// What every output says first, if any of the period is past retention.
    pub fn headline(&self) -> Option<String> {
        let (expired, all) = (thousands(self.expired_days), thousands(self.period_days));
        (self.expired_days > 0).then(|| format!("INCOMPLETE: {expired} of {all} days are past retention"))
    }
}

/// A rule of the groups file: a run belongs to the group if it matches every given pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRule {
    /// Pattern of the Actor's ID or name.
    pub actor: Option<String>,
    /// Pattern of the task's ID or name.
    pub task: Option<String>,
    /// Pattern of the ID of the user who started the run.
    pub user: Option<String>,
    /// Pattern of the ID or user name of the account whose runs they are; absent in rules of a file without this column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    pub group: String,
}

/// The measures of all runs, or of the runs of a group.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Totals {
    pub runs: u64,
    pub runs_succeeded: u64,
    pub runs_failed: u64,
    pub runs_timed_out: u64,
    pub runs_aborted: u64,
    pub runs_other: u64,
    /// US dollars, exact; null where no cost is known.
    pub usage_total_usd: Option<Usd>,
    /// Runs whose cost is unknown: not in the total.
    pub runs_cost_unknown: u64,
    /// Runs whose cost may still change.
    pub runs_provisional: u64,
}

impl Totals {
    /// Both together; the cost is unknown only where neither is known.
    pub fn plus(&self, other: &Totals) -> Totals {
        Totals {
            runs: self.runs + other.runs,
            runs_succeeded: self.runs_succeeded + other.runs_succeeded,
            runs_failed: self.runs_failed + other.runs_failed,
            runs_timed_out: self.runs_timed_out + other.runs_timed_out,
            runs_aborted: self.runs_aborted + other.runs_aborted,
            runs_other: self.runs_other + other.runs_other,
            usage_total_usd: match (self.usage_total_usd, other.usage_total_usd) {
                (Some(one), Some(other)) => Some(Usd(one.0 + other.0)),
                (one, other) => one.or(other),
            },
            runs_cost_unknown: self.runs_cost_unknown + other.runs_cost_unknown,
            runs_provisional: self.runs_provisional + other.runs_provisional,
        }
    }
}

/// Changes between two exports, in all or of an Actor. Amounts include only runs whose costs are known in both exports; they
/// are exact, and null if no cost is known.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct ChangeTotals {
    pub runs_new: u64,
    /// Runs whose status, start, end, cost or cost state differs.
    pub runs_changed: u64,
    pub runs_vanished: u64,
    pub usage_new_usd: Option<Usd>,
    /// Change in usage of the changed runs: new minus old.
    pub usage_changed_usd: Option<Usd>,
    /// Usage of the vanished runs in US dollars, as a negative amount.
    pub usage_vanished_usd: Option<Usd>,
    pub usage_moved_usd: Option<Usd>,
    /// New, changed and vanished runs whose cost is unknown in one of the exports: not in the totals.
    pub runs_cost_unknown: u64,
    /// Changed runs whose cost is known only in the newer export.
    pub costs_became_known: u64,
    /// The total of those costs in US dollars: not in the totals above.
    pub usage_became_known_usd: Usd,
    /// Changed runs whose cost is known only in the older export.
    pub costs_became_unknown: u64,
    /// The total of those costs in US dollars: not in the totals above.
    pub usage_became_unknown_usd: Usd,
}

#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Replaced {
    #[serde(rename = "queried_at", with = "instant_text")]
    pub queried_at_ms: Millis,
    pub runs: u64,
    /// Usage of the replaced export in US dollars, exact.
    pub usage_total_usd: Option<Usd>,
    /// What changed since; null if the replaced export had another account, period or filters, or could not be read.
    #[serde(default)]
    pub changes: Option<ChangeTotals>,
}

/// A file of an export, as the manifest lists it.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct FileEntry {
    /// Path within the export, with `/`.
    pub path: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    pub bytes: u64,
    /// Number of rows without the header; null if the file is not a table.
    pub rows: Option<u64>,
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn notes_are_bounded_and_the_rest_is_counted() {
        let mut proof = Proof {
            proven: true,
            counted: 0,
            fetched: 0,
            notes: Vec::new(),
        };
        (0..60).for_each(|at| proof.note(format!("note {at}")));
        assert_eq!(proof.notes.len(), 51);
        assert_eq!(proof.notes[50], "and 10 other notes");
    }

    #[test]
    fn costs_that_differ_are_summed_and_the_one_that_differs_most_is_named() {
        let dollars = |tenths: i128| Usd(tenths * 10i128.pow(17));
        let mut check = CostCheck::default();
        for (run, list, details) in [("d", 10, 10), ("c", 20, 25), ("b", 7, 2), ("a", 3, 4)] {
            check.compare(run, dollars(list), dollars(details));
        }
        // One that no sum can hold is not compared.
        check.compare("e", Usd(10i128.pow(38) - 1), Usd(0));
        let expected = CostCheck {
            compared: 4,
            failed: 1,
            differing: 3,
            usage_compared_usd: dollars(40),
            usage_list_usd: dollars(30),
            usage_details_usd: dollars(31),
            differs_most: Some(CostDifference {
                run_id: "b".into(),
                usage_list_usd: dollars(7),
                usage_details_usd: dollars(2),
            }),
            ..CostCheck::default()
        };
        assert_eq!(check, expected);
    }

    proptest! {
        /// Details come in any order, and sums of which each part fits come to the same.
        #[test]
        fn a_check_does_not_depend_on_the_order_in_which_details_come(
            costs in vec((0..9i128, 0..9i128), 0..20),
            seed: u64,
        ) {
            let mut runs: Vec<(String, Usd, Usd)> = costs
                .iter()
                .enumerate()
                .map(|(at, (list, details))| (format!("r{at:02}"), Usd(*list), Usd(*details)))
                .collect();
            let checked = |runs: &[(String, Usd, Usd)]| {
                let mut check = CostCheck::default();
                runs.iter().for_each(|(id, list, details)| check.compare(id, *list, *details));
                check
            };
            let (first, differing) = (checked(&runs), costs.iter().filter(|(list, details)| list != details).count());
            prop_assert_eq!((first.compared, first.differing), (costs.len() as u64, differing as u64));
            let moved: i128 = costs.iter().map(|(list, details)| details - list).sum();
            prop_assert_eq!(first.usage_details_usd.0 - first.usage_list_usd.0, moved);
            let largest = costs.iter().map(|(list, details)| list.abs_diff(*details)).max().filter(|most| *most > 0);
            let named = first.differs_most.as_ref().map(|most| most.usage_list_usd.0.abs_diff(most.usage_details_usd.0));
            prop_assert_eq!(named, largest);
            runs.sort_by_key(|(id, ..)| id.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)));
            prop_assert_eq!(checked(&runs), first);
        }
    }

    #[test]
    fn no_time_makes_retention_overflow() {
        let period = Period {
            from: 0,
            to: DAY_MS,
            requested_to: DAY_MS,
            timezone: crate::period::Zone::UTC,
        };
        let expired = |now_ms| Retention::of(7, &period, now_ms).expired_days;
        assert_eq!([Millis::MIN, 0, 8 * DAY_MS, Millis::MAX].map(expired), [0, 0, 1, 1]);
    }
}
