//! Chooses the runs whose details show whether the list's costs are right: the dearest settled ones, and one of each of the dearest
//! Actors. Pure. They are known at the end of the list, so candidates are kept from its beginning.

use std::collections::{HashMap, HashSet};

use arrow_array::RecordBatch;
use foldhash::fast::RandomState;

use super::listed_run::{ListedRun, ListedRuns};
use super::tally::RowAt;
use crate::money::Usd;
use crate::period::Millis;
use crate::runs::cost_state::SettleRule;

/// So many runs, and as many Actors.
const MOST: usize = 20;

/// How many of so many runs are chosen at most.
pub fn most_sampled(runs: u64) -> u64 {
    runs.min(2 * MOST as u64)
}

/// The candidates: as many runs as are chosen, and one of each Actor.
pub struct ListSample {
    settle: SettleRule,
    /// The dearest one first; of runs that cost the same, the earlier.
    dearest: Vec<SampledRun>,
    /// The dearest settled run of each.
    by_actor: HashMap<Box<str>, SampledRun, RandomState>,
}

/// A settled run, as the list gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampledRun {
    id: String,
    status: String,
    finished_at_ms: Option<Millis>,
    usage: Usd,
}

impl SampledRun {
    fn new(run: &ListedRun, usage: Usd) -> SampledRun {
        SampledRun {
            id: run.id.into(),
            status: run.status.into(),
            finished_at_ms: run.finished_at_ms,
            usage,
        }
    }

    pub(super) fn as_listed(&self) -> ListedRun<'_> {
        ListedRun {
            id: &self.id,
            status: &self.status,
            finished_at_ms: self.finished_at_ms,
            usage: Some(self.usage),
        }
    }
}

impl ListSample {
    pub fn new(settle: SettleRule) -> ListSample {
        ListSample {
            settle,
            dearest: Vec::with_capacity(MOST),
            by_actor: HashMap::default(),
        }
    }

    /// Adds the rows of a window; windows come in order of time, and their costs are still the list's.
    pub(super) fn add(&mut self, pages: &[RecordBatch], rows: &[RowAt]) {
        let pages: Vec<ListedRuns> = pages.iter().map(ListedRuns::new).collect();
        for (page, row) in rows {
            let (page, row) = (&pages[*page as usize], *row as usize);
            let run = page.run(row);
            if let Some(usage) = run.settled_usage(&self.settle) {
                self.add_to_dearest(&run, usage);
                self.add_to_actor(page.act_id(row), &run, usage);
            }
        }
    }

    fn add_to_dearest(&mut self, run: &ListedRun, usage: Usd) {
        let at = self.dearest.partition_point(|other| other.usage >= usage);
        if at < MOST {
            self.dearest.truncate(MOST - 1);
            self.dearest.insert(at, SampledRun::new(run, usage));
        }
    }

    fn add_to_actor(&mut self, act_id: &str, run: &ListedRun, usage: Usd) {
        match self.by_actor.get_mut(act_id) {
            Some(dearest) if dearest.usage >= usage => {}
            Some(dearest) => *dearest = SampledRun::new(run, usage),
            None => drop(self.by_actor.insert(act_id.into(), SampledRun::new(run, usage))),
        }
    }

    /// The runs that are chosen, each once. Actors are by their IDs, the dearest one first.
    pub fn choose<'a>(mut self, actors: impl Iterator<Item = &'a str>) -> Vec<SampledRun> {
        let of_actors = actors.take(MOST).filter_map(|act_id| self.by_actor.remove(act_id));
        let mut chosen = self.dearest;
        chosen.extend(of_actors);
        let mut seen = HashSet::new();
        chosen.retain(|run| seen.insert(run.id.clone()));
        chosen
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::api::page::decode;

    const SETTLE: SettleRule = SettleRule {
        job_start_ms: 1_000_000,
        settle_ms: 600_000,
    };

    /// A page of `(id, Actor, status, second of its finish, cost)`.
    fn page(runs: &[(&str, &str, &str, u32, &str)]) -> RecordBatch {
        let items = runs.iter().map(|(id, actor, status, second, usd)| {
            let finished = format!("1970-01-01T00:{:02}:{:02}.000Z", second / 60, second % 60);
            format!(
                r#"{{"id":"{id}","actId":"{actor}","status":"{status}","startedAt":"1970-01-01T00:00:00.000Z","finishedAt":"{finished}","usageTotalUsd":{usd}}}"#
            )
        });
        let items: Vec<String> = items.collect();
        let body = format!(
            r#"{{"data":{{"total":{},"items":[{}]}}}}"#,
            items.len(),
            items.join(",")
        );
        decode(body.as_bytes()).unwrap().runs
    }

    /// The IDs that are chosen of pages, all rows of which are wanted.
    fn chosen(pages: &[RecordBatch], actors: &[&str]) -> Vec<String> {
        let mut sample = ListSample::new(SETTLE);
        for page in pages {
            let rows: Vec<RowAt> = (0..page.num_rows() as u32).map(|row| (0, row)).collect();
            sample.add(std::slice::from_ref(page), &rows);
        }
        let chosen = sample.choose(actors.iter().copied());
        chosen.into_iter().map(|run| run.id).collect()
    }

    #[test]
    fn the_dearest_settled_runs_and_the_dearest_one_of_each_actor_are_chosen_once() {
        let ids: Vec<String> = (0..30).map(|at| format!("r{at:02}")).collect();
        // Twenty-five runs of one Actor, from $1 to $25, and others that cost cents.
        let costs: Vec<String> = (0..30)
            .map(|at| {
                if at < 25 {
                    format!("{}", at + 1)
                } else {
                    format!("0.0{}", at - 24)
                }
            })
            .collect();
        let actors = ["b", "b", "c", "d", "e"];
        let runs: Vec<_> = (0..30)
            .map(|at| {
                let actor = if at < 25 { "a" } else { actors[at - 25] };
                (ids[at].as_str(), actor, "SUCCEEDED", 1, costs[at].as_str())
            })
            .collect();
        let found = chosen(&[page(&runs[..10]), page(&runs[10..])], &["a", "c", "b", "gone"]);
        let mut expected: Vec<String> = (5..25).rev().map(|at| format!("r{at:02}")).collect();
        expected.extend(["r27", "r26"].map(String::from));
        assert_eq!(found, expected);
    }

    #[test]
    fn runs_whose_cost_may_still_change_or_is_unknown_are_not_chosen() {
        let page = page(&[
            ("running", "a", "RUNNING", 1, "9"),
            ("just-ended", "a", "SUCCEEDED", 401, "9"),
            ("unknown", "a", "SUCCEEDED", 1, "null"),
            ("settled", "a", "FAILED", 400, "0"),
        ]);
        assert_eq!(chosen(&[page], &["a"]), ["settled"]);
    }

    #[test]
    fn of_runs_that_cost_the_same_the_earlier_are_chosen_and_of_one_that_came_twice_the_dearer() {
        let same: Vec<String> = (0..21).map(|at| format!("r{at:02}")).collect();
        let runs: Vec<_> = same
            .iter()
            .map(|id| (id.as_str(), "a", "SUCCEEDED", 1, "0.5"))
            .collect();
        assert_eq!(chosen(&[page(&runs)], &["a"]), same[..20]);
        let twice = [("x", "a", "SUCCEEDED", 1, "2"), ("x", "b", "SUCCEEDED", 2, "3")];
        assert_eq!(chosen(&[page(&twice[..1]), page(&twice[1..])], &["a", "b"]), ["x"]);
    }

    #[test]
    fn a_period_has_no_more_of_them_than_runs() {
        assert_eq!([0, 3, 40, 41, u64::MAX].map(most_sampled), [0, 3, 40, 40, 40]);
    }

    proptest! {
        /// By sorting all runs instead of keeping the dearest ones.
        #[test]
        fn the_same_are_chosen_as_by_sorting_all(costs in vec((0..9usize, 0..50u32, any::<bool>()), 0..80), at in 0..80usize) {
            let texts: Vec<(String, String, String)> = costs
                .iter()
                .enumerate()
                .map(|(n, (actor, cents, _))| (format!("r{n:02}"), format!("a{actor}"), format!("0.{cents:02}")))
                .collect();
            let runs: Vec<_> = texts
                .iter()
                .zip(&costs)
                .map(|((id, actor, usd), (.., settled))| {
                    (id.as_str(), actor.as_str(), if *settled { "SUCCEEDED" } else { "RUNNING" }, 1, usd.as_str())
                })
                .collect();
            let actors = ["a3", "a1", "a8"];
            let at = at.min(runs.len());
            let found = chosen(&[page(&runs[..at]), page(&runs[at..])], &actors);
            let mut settled: Vec<_> = costs.iter().zip(&texts).filter(|((.., settled), _)| *settled).collect();
            settled.sort_by_key(|((_, cents, _), (id, ..))| (std::cmp::Reverse(*cents), id.clone()));
            let mut expected: Vec<String> = settled.iter().take(20).map(|(_, (id, ..))| id.clone()).collect();
            for actor in actors {
                let dearest = settled.iter().find(|(_, (_, of, _))| of == actor).map(|(_, (id, ..))| id.clone());
                expected.extend(dearest.filter(|id| !expected.contains(id)));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
