//! Runs that fare out of the ordinary: those that end minutes before the clock, whose cost reads 0 at first, and those that
//! were resurrected days later. All of it follows from the account's options, nothing is remembered.

use super::options::{AccountOptions, DAY_MS, DEMO_NOW_MS, HOUR_MS};
use super::random::Random;
use crate::period::Millis;

const RESURRECTION: u64 = 3;

/// How long before the clock such runs ended.
const AGES_MS: [i64; 12] = [
    2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 180_000, 300_000, 420_000, 480_000, 540_000, 590_000,
];

/// For how long after its end a run's cost reads 0.
const SETTLING_MS: i64 = 600_000;

const LATE_FINISHES: usize = 36;

/// Which runs, by their place, end just before the clock: spread over those that started in the period's last two days.
pub(super) struct LateFinishes {
    first: usize,
    step: usize,
    count: usize,
}

impl LateFinishes {
    /// Of runs that start at these instants, in order. None where the period ended more than three days before the clock.
    pub(super) fn new(options: &AccountOptions, starts: &[Millis]) -> LateFinishes {
        let end = options.to_ms.min(DEMO_NOW_MS - 2 * SETTLING_MS);
        let from = options.from_ms.max(end - 2 * DAY_MS);
        let at = |instant: Millis| starts.partition_point(|start| *start < instant);
        let (first, last) = (at(from), at(end));
        let count = match DEMO_NOW_MS - end <= 3 * DAY_MS {
            true => (last.saturating_sub(first) / 8).min(LATE_FINISHES),
            false => 0,
        };
        LateFinishes {
            first,
            step: last.saturating_sub(first) / count.max(1),
            count,
        }
    }

    pub(super) fn finish(&self, run: usize) -> Option<Millis> {
        let beyond = run.checked_sub(self.first)?;
        let is_one = self.count > 0 && beyond.is_multiple_of(self.step) && beyond / self.step < self.count;
        is_one.then(|| DEMO_NOW_MS - AGES_MS[beyond / self.step % AGES_MS.len()])
    }
}

/// Whether a run with this end has so far only the cost 0.
pub(super) fn is_settling(finished: Option<Millis>) -> bool {
    finished.is_some_and(|finished| (DEMO_NOW_MS - SETTLING_MS + 1..=DEMO_NOW_MS).contains(&finished))
}

pub(super) struct Resurrection {
    pub(super) count: u64,
    /// When it ended for the last time.
    pub(super) finished: Millis,
    pub(super) duration: Millis,
}

/// One of some 1,500 finished runs; it ended for the last time days later, but not just before the clock.
pub(super) fn resurrection(run: usize, start: Millis, seed: u64) -> Option<Resurrection> {
    let mut random = Random::of(seed, RESURRECTION, run as u64);
    if random.below(1500) != 0 {
        return None;
    }
    let count = 1 + random.skewed(3);
    let duration = 60_000 + random.below(3 * HOUR_MS as u64) as i64;
    let finished = start + DAY_MS / 2 + duration + random.below(6 * DAY_MS as u64) as i64;
    (finished < DEMO_NOW_MS - HOUR_MS).then_some(Resurrection {
        count,
        finished,
        duration,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_just_before_the_clock_only_if_the_period_is_recent() {
        let starts: Vec<Millis> = (0..10_000).map(|at| 1_756_684_800_000 + at * 259_200).collect();
        let ends = |to_ms: Millis| {
            let late = LateFinishes::new(
                &AccountOptions {
                    to_ms,
                    ..AccountOptions::default()
                },
                &starts,
            );
            (0..starts.len())
                .filter_map(move |run| late.finish(run))
                .collect::<Vec<_>>()
        };
        let recent = ends(AccountOptions::default().to_ms);
        assert_eq!(recent.len(), 36);
        assert_eq!(&recent[..2], [1_759_471_198_000, 1_759_471_195_000]);
        assert!(recent.iter().all(|end| is_settling(Some(*end))));
        assert_eq!(ends(AccountOptions::default().to_ms - 7 * DAY_MS), Vec::<Millis>::new());
        assert!(!is_settling(None) && !is_settling(Some(DEMO_NOW_MS + 1)) && !is_settling(Some(DEMO_NOW_MS - 600_000)));
    }
}
