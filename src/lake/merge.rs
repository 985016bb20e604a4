//! What becomes of a run that the table knows and a sync has seen again. Pure: two versions and a clock in, a decision out.

use crate::money::Usd;
use crate::period::{DAY_MS, Millis};
use crate::runs::cost_state::{SETTLED, is_terminal};

/// How long after a run has finished its cost may still be on its way: until then every sync that sees it asks for it again,
/// and what moves later has another price.
pub const PRICED_AFTER_MS: Millis = 3 * DAY_MS;

#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) now_ms: Millis,
    /// The last instant that has come by any clock.
    pub(super) latest_ms: Millis,
    /// Whether another price is taken over.
    pub(super) accept_repricing: bool,
}

/// What decides about a version of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunVersion<'a> {
    pub(super) status: &'a str,
    pub(super) finished_at_ms: Option<Millis>,
    pub(super) usage: Option<Usd>,
    pub(super) cost_state: &'a str,
}

/// From which version a part of a row is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MergeSide {
    Old,
    New,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MergeDecision {
    /// From which version the cost is taken, with its state and meters.
    pub(super) cost: MergeSide,
    /// Whether it is the same run with the same end, so that what the new version lacks of details is the old one's.
    pub(super) same_end: bool,
    /// Whether it costs the same too, so that this goes for the meters.
    pub(super) same_cost: bool,
    pub(super) has_settled: bool,
    pub(super) was_resurrected: bool,
    /// Old and new cost of one that has another price.
    pub(super) repriced: Option<(Usd, Usd)>,
}

impl Rules {
    /// Whether another sync has seen a row since this one began. A row that was queried at a time that is still to come was seen
    /// by a wrong clock, and can change.
    pub(super) fn was_seen_since(&self, queried_at_ms: Millis) -> bool {
        (self.now_ms + 1..=self.latest_ms).contains(&queried_at_ms)
    }

    pub(super) fn judge(&self, old: &RunVersion, new: &RunVersion) -> MergeDecision {
        let same_end =
            old.finished_at_ms.is_some() && old.finished_at_ms == new.finished_at_ms && old.status == new.status;
        let long_ago = old
            .finished_at_ms
            .is_some_and(|at| self.now_ms.saturating_sub(at) > PRICED_AFTER_MS);
        let repriced = match (old.usage, new.usage) {
            (Some(before), Some(now)) if before != now && same_end && long_ago && old.cost_state == SETTLED => {
                Some((before, now))
            }
            _ => None,
        };
        let is_lost = same_end && old.usage.is_some() && new.usage.is_none();
        let cost = if is_lost || (repriced.is_some() && !self.accept_repricing) {
            MergeSide::Old
        } else {
            MergeSide::New
        };
        let ran_on = old
            .finished_at_ms
            .zip(new.finished_at_ms)
            .is_some_and(|(old, new)| old < new);
        MergeDecision {
            cost,
            same_end,
            same_cost: same_end && old.usage == new.usage,
            has_settled: cost == MergeSide::New && old.cost_state != SETTLED && new.cost_state == SETTLED,
            was_resurrected: is_terminal(old.status) && (!is_terminal(new.status) || ran_on),
            repriced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::cost_state::{PROVISIONAL, UNKNOWN};

    const DAY: Millis = 86_400_000;

    fn judged(now: Millis, old: RunVersion, new: RunVersion) -> MergeDecision {
        let rules = Rules {
            now_ms: now,
            latest_ms: now,
            accept_repricing: false,
        };
        rules.judge(&old, &new)
    }

    fn version(
        status: &'static str,
        end: Option<Millis>,
        usage: Option<i128>,
        state: &'static str,
    ) -> RunVersion<'static> {
        RunVersion {
            status,
            finished_at_ms: end,
            usage: usage.map(Usd),
            cost_state: state,
        }
    }

    #[test]
    fn a_cost_that_moves_long_after_the_end_is_another_price_and_waits() {
        let (old, new) = (
            version("SUCCEEDED", Some(0), Some(10), SETTLED),
            version("SUCCEEDED", Some(0), Some(8), SETTLED),
        );
        let held = judged(3 * DAY + 1, old, new);
        assert_eq!((held.cost, held.repriced), (MergeSide::Old, Some((Usd(10), Usd(8)))));
        let late = judged(3 * DAY, old, new);
        assert_eq!((late.cost, late.repriced), (MergeSide::New, None));
        let accepted = Rules {
            now_ms: 9 * DAY,
            latest_ms: 9 * DAY,
            accept_repricing: true,
        };
        let accepted = accepted.judge(&old, &new);
        assert_eq!((accepted.cost, accepted.repriced.is_some()), (MergeSide::New, true));
    }

    #[test]
    fn a_cost_that_had_not_settled_and_one_of_a_run_that_ran_on_are_no_other_price() {
        let unsettled = version("SUCCEEDED", Some(0), Some(0), PROVISIONAL);
        let settled = version("SUCCEEDED", Some(0), Some(8), SETTLED);
        let verdict = judged(9 * DAY, unsettled, settled);
        assert_eq!(
            (verdict.cost, verdict.has_settled, verdict.repriced),
            (MergeSide::New, true, None)
        );
        let ran_on = version("SUCCEEDED", Some(5), Some(9), SETTLED);
        let verdict = judged(9 * DAY, settled, ran_on);
        assert_eq!(
            (verdict.cost, verdict.was_resurrected, verdict.repriced),
            (MergeSide::New, true, None)
        );
        let running = version("RUNNING", None, Some(9), PROVISIONAL);
        assert!(judged(9 * DAY, settled, running).was_resurrected);
        assert!(!judged(9 * DAY, running, settled).was_resurrected);
    }

    #[test]
    fn a_known_cost_is_not_lost_unless_the_run_went_on() {
        let known = version("SUCCEEDED", Some(0), Some(8), SETTLED);
        let verdict = judged(DAY, known, version("SUCCEEDED", Some(0), None, UNKNOWN));
        assert_eq!((verdict.cost, verdict.has_settled), (MergeSide::Old, false));
        let verdict = judged(DAY, known, version("RUNNING", None, None, UNKNOWN));
        assert_eq!(verdict.cost, MergeSide::New);
        let verdict = judged(9 * DAY, version("SUCCEEDED", Some(0), None, UNKNOWN), known);
        assert_eq!((verdict.cost, verdict.has_settled), (MergeSide::New, true));
    }
}
