//! What a sync asks for. Pure, given what the lake knows and the clock.

use crate::error::{Error, Result};
use crate::lake::LakeState;
use crate::lake::columns::month_of;
use crate::lake::files::month_bounds;
use crate::lake::state::united;
use crate::period::{DAY_MS, Millis, format_instant};

/// What the plan depends on, beside the state of the lake.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    pub now_ms: Millis,
    /// The last instant that had come by the API's clock and by this machine's: nothing later is proven.
    pub sure_ms: Millis,
    pub since_ms: Option<Millis>,
    pub lookback_ms: Millis,
    pub resweep: bool,
    /// For how many days Apify keeps runs, where that is known.
    pub retention_days: Option<u64>,
}

/// A part of what is asked for, which becomes one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `[from, to)`; several only of windows that are asked for again.
    pub windows: Vec<(Millis, Millis)>,
    /// Whether they are asked for only because of costs that had not settled.
    pub is_again: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPlan {
    /// Periods that will be proven, in order.
    pub swept: Vec<(Millis, Millis)>,
    /// Windows outside of them whose costs had not settled.
    pub again: Vec<(Millis, Millis)>,
    /// What no sync has proven, and Apify no longer keeps.
    pub gaps: Vec<(Millis, Millis)>,
}

impl Asking {
    /// The first instant whose runs Apify still keeps.
    pub fn kept_from(&self) -> Option<Millis> {
        let days = Millis::try_from(self.retention_days?).ok()?;
        Some(self.now_ms.saturating_sub(days.saturating_mul(DAY_MS)).max(0))
    }

    /// What to ask for, beside windows whose costs had not settled.
    ///
    /// # Errors
    /// [`Error::Usage`] where nothing says where to begin.
    pub fn swept(&self, state: Option<&LakeState>) -> Result<Vec<(Millis, Millis)>> {
        let now = self.now_ms;
        let kept_from = self.kept_from();
        let proven = state.map(|state| state.proven.clone()).unwrap_or_default();
        let begins = state.and_then(LakeState::begins);
        let (Some(first), false) = (begins, proven.is_empty()) else {
            // Of what was proven once and is no more, as much is asked for again as Apify keeps.
            let again = begins.map(|begins| kept_from.map_or(begins, |kept| begins.max(kept)));
            let from = self.since_ms.or(again).or(kept_from).ok_or_else(|| {
                Error::Usage(
                    "with this token, Apify's retention is unknown: give the first day to sync, as in --since 2025-09-01"
                        .into(),
                )
            })?;
            return match from < now {
                true => Ok(vec![(from, now)]),
                false => Err(Error::Usage(format!(
                    "--since is in the future: {}; the time now is {}",
                    format_instant(from),
                    format_instant(now)
                ))),
            };
        };
        let until = proven.last().map_or(first, |(_, until)| *until);
        let mut swept = vec![(until.saturating_sub(self.lookback_ms).max(first).min(until), now)];
        if let Some(since) = self.since_ms {
            swept.push((since, first));
        }
        if self.resweep {
            swept.push((kept_from.unwrap_or(first), now));
        }
        // Gaps of earlier syncs, as far as they can still be filled.
        let gaps = state.map(|state| state.unproven(first, until)).unwrap_or_default();
        swept.extend(
            gaps.into_iter()
                .map(|(from, to)| (kept_from.map_or(from, |kept| from.max(kept)), to)),
        );
        Ok(united(swept))
    }

    /// The plan with the windows whose costs had not settled.
    pub fn plan(
        &self,
        state: Option<&LakeState>,
        swept: Vec<(Millis, Millis)>,
        open: Vec<(Millis, Millis)>,
    ) -> SyncPlan {
        let again = united(open)
            .into_iter()
            .flat_map(|window| without(window, &swept))
            .collect();
        let gaps = match (state, self.kept_from()) {
            (Some(state), Some(kept_from)) => {
                let first = state.begins().unwrap_or(kept_from);
                state.unproven(first, kept_from)
            }
            _ => Vec::new(),
        };
        SyncPlan { swept, again, gaps }
    }
}

/// Windows that are asked for again and that one commit takes, whatever their months.
const FEW_WINDOWS: usize = 500;

impl SyncPlan {
    /// Periods of several months, which may have few runs.
    pub fn long(&self) -> Vec<(Millis, Millis)> {
        let swept = self.swept.iter().copied();
        swept.filter(|(from, to)| month_of(*from) != month_of(to - 1)).collect()
    }

    /// It in parts, in time order: of one month each, unless a period `is_short` of runs.
    pub fn steps(&self, is_short: impl Fn((Millis, Millis)) -> bool) -> Vec<Step> {
        let parts = |period: &(Millis, Millis)| match is_short(*period) {
            true => vec![*period],
            false => by_month(*period),
        };
        let mut steps: Vec<Step> = self
            .swept
            .iter()
            .flat_map(parts)
            .map(|period| Step {
                windows: vec![period],
                is_again: false,
            })
            .collect();
        let again: Vec<(Millis, Millis)> = self.again.iter().flat_map(|window| by_month(*window)).collect();
        let are_few = again.len() <= FEW_WINDOWS;
        let by_month = again.chunk_by(|one, next| are_few || month_of(one.0) == month_of(next.0));
        steps.extend(by_month.map(|windows| Step {
            windows: windows.into(),
            is_again: true,
        }));
        steps.sort_by_key(|step| step.windows[0]);
        steps
    }
}

/// The parts of a period, each within one UTC month.
fn by_month((mut from, to): (Millis, Millis)) -> Vec<(Millis, Millis)> {
    let mut parts = Vec::new();
    while from < to {
        let end = month_bounds(&month_of(from)).map_or(to, |(_, end)| end.min(to));
        parts.push((from, end));
        from = end;
    }
    parts
}

/// What of a period lies in none of others, which are in order.
fn without((from, to): (Millis, Millis), others: &[(Millis, Millis)]) -> Vec<(Millis, Millis)> {
    let mut parts = Vec::new();
    let mut at = from;
    for (other_from, other_to) in others {
        if at < (*other_from).min(to) {
            parts.push((at, (*other_from).min(to)));
        }
        at = at.max(*other_to);
    }
    if at < to {
        parts.push((at, to));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::Source;

    const NOW: Millis = 1_759_471_200_000; // 2025-10-03T06:00Z
    const HOUR: Millis = 3_600_000;

    fn asking() -> Asking {
        Asking {
            now_ms: NOW,
            sure_ms: NOW,
            since_ms: None,
            lookback_ms: 3 * DAY_MS,
            resweep: false,
            retention_days: Some(30),
        }
    }

    fn proven(periods: &[(Millis, Millis)]) -> LakeState {
        let mut state = LakeState::new(None, Source::Api, NOW);
        periods.iter().for_each(|(from, to)| state.prove(*from, *to));
        state
    }

    #[test]
    fn the_first_sync_takes_what_is_kept_or_what_is_asked_for() {
        assert_eq!(asking().swept(None).unwrap(), [(NOW - 30 * DAY_MS, NOW)]);
        let since = Asking {
            since_ms: Some(NOW - DAY_MS),
            ..asking()
        };
        assert_eq!(since.swept(None).unwrap(), [(NOW - DAY_MS, NOW)]);
        let unknown = Asking {
            retention_days: None,
            ..asking()
        };
        assert!(unknown.swept(None).unwrap_err().to_string().contains("--since"));
        let future = Asking {
            since_ms: Some(NOW),
            ..asking()
        };
        assert_eq!(future.swept(None).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn later_ones_begin_a_lookback_before_what_is_proven_and_fill_gaps() {
        let state = proven(&[(NOW - 40 * DAY_MS, NOW - DAY_MS)]);
        assert_eq!(asking().swept(Some(&state)).unwrap(), [(NOW - 4 * DAY_MS, NOW)]);
        let resweep = Asking {
            resweep: true,
            ..asking()
        };
        assert_eq!(resweep.swept(Some(&state)).unwrap(), [(NOW - 30 * DAY_MS, NOW)]);
        let short = proven(&[(NOW - HOUR, NOW - 1)]);
        assert_eq!(asking().swept(Some(&short)).unwrap(), [(NOW - HOUR, NOW)]);
        let with_gap = proven(&[
            (NOW - 60 * DAY_MS, NOW - 40 * DAY_MS),
            (NOW - 20 * DAY_MS, NOW - DAY_MS),
        ]);
        let swept = asking().swept(Some(&with_gap)).unwrap();
        assert_eq!(swept, [(NOW - 30 * DAY_MS, NOW - 20 * DAY_MS), (NOW - 4 * DAY_MS, NOW)]);
        let plan = asking().plan(Some(&with_gap), swept, Vec::new());
        assert_eq!(plan.gaps, [(NOW - 40 * DAY_MS, NOW - 30 * DAY_MS)]);
    }

    #[test]
    fn a_lake_left_alone_for_longer_than_retention_has_a_gap() {
        let state = proven(&[(NOW - 90 * DAY_MS, NOW - 45 * DAY_MS)]);
        let swept = asking().swept(Some(&state)).unwrap();
        assert_eq!(swept, [(NOW - 48 * DAY_MS, NOW)]);
        let plan = asking().plan(Some(&state), swept, Vec::new());
        assert_eq!(plan.gaps, [(NOW - 45 * DAY_MS, NOW - 30 * DAY_MS)]);
    }

    #[test]
    fn steps_keep_within_a_month_and_windows_asked_for_again_stand_apart() {
        let october = NOW - (2 * DAY_MS + 6 * HOUR);
        let plan = asking().plan(
            None,
            vec![(october - DAY_MS, NOW)],
            vec![(5, 6), (9, 10), (october - DAY_MS - 2, october), (NOW - 1, NOW)],
        );
        let step = |windows: &[(Millis, Millis)], is_again| Step {
            windows: windows.into(),
            is_again,
        };
        let expected = [
            step(&[(5, 6), (9, 10), (october - DAY_MS - 2, october - DAY_MS)], true),
            step(&[(october - DAY_MS, october)], false),
            step(&[(october, NOW)], false),
        ];
        assert_eq!(plan.steps(|_| false), expected);
        let all_at_once = plan.steps(|_| true);
        assert_eq!(all_at_once[1], step(&[(october - DAY_MS, NOW)], false));
    }
}
