//! A made-up account and the server that lists it: what stays the same whatever the order of answers.

use std::collections::HashMap;
use std::time::Duration;

use super::random::{SeededRandom, mixed};
use crate::period::{Millis, format_instant};
use crate::provenance::DetailMode;

/// The period's first instant.
pub(super) const FROM: Millis = 1_756_684_800_000;
/// From a run's end until its cost is settled.
pub(super) const SETTLE_MS: Millis = 600_000;

#[derive(Debug)]
pub(super) struct SimulatedRun {
    pub(super) id: String,
    pub(super) start: Millis,
    finished: Millis,
    /// Its cost by the list, in millionths of a dollar.
    listed: Option<u64>,
    /// The same by its detail.
    settled: u64,
    /// How often a list has it.
    times: u64,
    /// When it comes into the list, and when it goes.
    comes: Option<Duration>,
    goes: Option<Duration>,
}

/// What the account's server has of its own, within what the API promises.
#[derive(Debug)]
pub(super) struct ServerHabits {
    /// The most items of a page.
    pub(super) page_items: u64,
    /// Whether `startedAfter` leaves out the runs of that very millisecond.
    pub(super) is_exclusive: bool,
    pub(super) ignores_before: bool,
    /// Whether pages come with fewer items than there is room for.
    pub(super) shrinks_pages: bool,
    /// Whether runs of one millisecond come in another order each time.
    pub(super) shuffles_ties: bool,
}

#[derive(Debug)]
pub(super) struct SimulatedAccount {
    /// Excluded.
    pub(super) to: Millis,
    pub(super) runs: Vec<SimulatedRun>,
    pub(super) habits: ServerHabits,
    pub(super) mode: DetailMode,
    /// How long after the job's start costs are waited for.
    pub(super) wait_settled: Duration,
}

impl SimulatedRun {
    pub(super) fn is_there(&self, elapsed: Duration) -> bool {
        self.comes.is_none_or(|at| at <= elapsed) && self.goes.is_none_or(|at| elapsed < at)
    }

    pub(super) fn is_stable(&self) -> bool {
        self.comes.is_none() && self.goes.is_none()
    }

    pub(super) fn item(&self) -> String {
        self.json(self.listed)
    }

    pub(super) fn detail(&self) -> String {
        format!(r#"{{"data":{}}}"#, self.json(Some(self.settled)))
    }

    fn json(&self, cost: Option<u64>) -> String {
        let cost = cost.map_or(String::new(), |cost| format!(r#","usageTotalUsd":0.{cost:06}"#));
        format!(
            r#"{{"id":"{}","actId":"a","status":"SUCCEEDED","startedAt":"{}","finishedAt":"{}"{cost}}}"#,
            self.id,
            format_instant(self.start),
            format_instant(self.finished),
        )
    }
}

impl SimulatedAccount {
    pub(super) fn new(number: u64) -> SimulatedAccount {
        let mut random = SeededRandom::new(mixed(number));
        let length = random.one_of(&[2, 50, 3000, 3000, 3_600_000, 3_600_000]);
        let page_items = random.one_of(&[2, 3, 4, 6, 9]);
        let pages = match random.below(40) {
            // All in a few milliseconds, a large account would take thousands of requests.
            0 | 1 if length > 50 => 30 + random.below(30),
            2..5 => 8 + random.below(8),
            _ => random.below(5),
        };
        let count = pages * page_items + random.below(page_items);
        let to = FROM + length;
        let changes = random.is_one_in(6);
        let lists_twice = random.is_one_in(6);
        let bursts: Vec<Millis> = (0..3).map(|_| FROM + random.below(length as u64) as Millis).collect();
        let spread = random.one_of(&[0, 1, 1, 2]);
        let mode = random.one_of(&[
            DetailMode::Missing,
            DetailMode::Missing,
            DetailMode::All,
            DetailMode::None,
        ]);
        let wait_settled = random.one_of(&[Duration::ZERO, Duration::from_millis(SETTLE_MS as u64)]);
        let habits = ServerHabits {
            page_items,
            is_exclusive: random.is_one_in(4),
            ignores_before: random.is_one_in(8),
            shrinks_pages: random.is_one_in(4),
            shuffles_ties: random.is_one_in(4),
        };
        let mut runs: Vec<SimulatedRun> = Vec::new();
        for at in 0..count {
            let start = match random.below(12) {
                // On and beyond both edges of the period.
                0 => random.one_of(&[FROM - 2, FROM - 1, FROM, to - 1, to, to + 1]),
                1..4 if spread > 0 => random.one_of(&bursts),
                // At once with the one before.
                4 => runs.last().map_or(FROM, |run| run.start),
                _ if spread == 2 => bursts[0] + random.below(20) as Millis,
                _ => FROM + random.below(length as u64) as Millis,
            };
            let just_finished = random.is_one_in(12);
            let settled = 1 + random.below(900_000);
            let mut run = SimulatedRun {
                id: format!("r{:05}", mixed(at ^ number << 20) % 100_000 * 1000 + at),
                start,
                finished: if just_finished {
                    job_start(to) - 1 - random.below(SETTLE_MS as u64 - 60_000) as Millis
                } else {
                    job_start(to) - 2 * SETTLE_MS
                },
                listed: match random.below(8) {
                    0 => None,
                    // It still grows.
                    _ if just_finished => Some(settled / 2 + 1),
                    _ => Some(settled),
                },
                settled,
                times: if lists_twice && random.is_one_in(8) { 2 } else { 1 },
                comes: None,
                goes: None,
            };
            if changes && random.is_one_in(12) {
                let when = Some(Duration::from_millis(random.below(300_000)));
                *random.one_of_two(&mut run) = when;
            }
            runs.push(run);
        }
        SimulatedAccount {
            to,
            runs,
            habits,
            mode,
            wait_settled,
        }
    }

    /// One of so many full pages, a run a second, whose server has no habits.
    pub(super) fn plain(pages: u64) -> SimulatedAccount {
        let page_items = 2;
        let count = pages * page_items;
        let to = FROM + count as Millis * 1000;
        let runs = (0..count).map(|at| SimulatedRun {
            id: format!("r{at:05}"),
            start: FROM + at as Millis * 1000,
            finished: job_start(to) - 2 * SETTLE_MS,
            listed: Some(1),
            settled: 1,
            times: 1,
            comes: None,
            goes: None,
        });
        SimulatedAccount {
            to,
            runs: runs.collect(),
            habits: ServerHabits {
                page_items,
                is_exclusive: false,
                ignores_before: false,
                shrinks_pages: false,
                shuffles_ties: false,
            },
            mode: DetailMode::Missing,
            wait_settled: Duration::ZERO,
        }
    }

    /// The machine's clock when the job begins.
    pub(super) fn job_start_ms(&self) -> Millis {
        job_start(self.to)
    }

    pub(super) fn is_stable(&self) -> bool {
        self.runs.iter().all(SimulatedRun::is_stable)
    }

    pub(super) fn lists_once(&self) -> bool {
        self.runs.iter().all(|run| run.times == 1)
    }

    /// Listed runs beyond a page, of all milliseconds.
    pub(super) fn overfull(&self) -> u64 {
        let mut of_start: HashMap<Millis, u64> = HashMap::new();
        self.runs
            .iter()
            .for_each(|run| *of_start.entry(run.start).or_default() += run.times);
        of_start
            .values()
            .map(|runs| runs.saturating_sub(self.habits.page_items))
            .sum()
    }

    /// The runs of the period as they are listed in the end, in the order of an export.
    pub(super) fn expected(&self) -> Vec<&SimulatedRun> {
        let inside = |run: &&SimulatedRun| (FROM..self.to).contains(&run.start);
        let mut runs: Vec<_> = self.runs.iter().filter(inside).collect();
        runs.sort_by_key(|run| (run.start, &run.id));
        runs
    }

    /// How long after the job's start a run's cost is settled, if that is waited for.
    pub(super) fn due(&self, run: &SimulatedRun) -> Option<Duration> {
        let wait = u64::try_from(run.finished + SETTLE_MS - self.job_start_ms())
            .ok()
            .filter(|wait| *wait > 0)?;
        let wait = Duration::from_millis(wait);
        (self.mode != DetailMode::None && wait <= self.wait_settled).then_some(wait)
    }

    /// The cost that an export has of a run, in millionths of a dollar; without its detail, what the list says.
    pub(super) fn cost(&self, run: &SimulatedRun, has_detail: bool) -> Option<u64> {
        let is_asked = match self.mode {
            DetailMode::None => false,
            DetailMode::All => true,
            DetailMode::Missing => run.listed.is_none() || self.due(run).is_some(),
        };
        if is_asked && has_detail {
            Some(run.settled)
        } else {
            run.listed
        }
    }

    /// A page of the list as it is after so long.
    pub(super) fn page(&self, query: &SimulatedQuery, elapsed: Duration, random: &mut SeededRandom) -> String {
        let habits = &self.habits;
        let salt = if habits.shuffles_ties { random.next() } else { 0 };
        let is_after = |start: Millis| start > query.after || (start == query.after && !habits.is_exclusive);
        let matches = |run: &&SimulatedRun| {
            run.is_there(elapsed) && is_after(run.start) && (habits.ignores_before || run.start <= query.before)
        };
        let mut items: Vec<(Millis, u64, &SimulatedRun)> = Vec::new();
        for (at, run) in self.runs.iter().enumerate().filter(|(_, run)| matches(run)) {
            let tie = mixed(at as u64 ^ salt);
            items.extend((0..run.times).map(|_| (run.start, tie, run)));
        }
        items.sort_by_key(|(start, tie, _)| (*start, *tie));
        if query.desc {
            items.reverse();
        }
        let total = items.len();
        let limit = query.limit.min(habits.page_items);
        let shrinks = habits.shrinks_pages && random.is_one_in(3);
        let room = if shrinks { 1 + random.below(limit) } else { limit };
        let shown = items.iter().skip(query.offset as usize).take(room as usize);
        let shown: Vec<String> = shown.map(|(_, _, run)| run.item()).collect();
        let (offset, desc, count) = (query.offset, query.desc, shown.len());
        format!(
            r#"{{"data":{{"total":{total},"count":{count},"offset":{offset},"limit":{limit},"desc":{desc},"items":[{}]}}}}"#,
            shown.join(",")
        )
    }
}

/// What a list is asked for.
#[derive(Debug)]
pub(super) struct SimulatedQuery {
    pub(super) after: Millis,
    pub(super) before: Millis,
    pub(super) offset: u64,
    pub(super) limit: u64,
    pub(super) desc: bool,
}

fn job_start(to: Millis) -> Millis {
    to + 3 * SETTLE_MS
}

impl SeededRandom {
    /// When a run comes, or when it goes.
    fn one_of_two<'r>(&mut self, run: &'r mut SimulatedRun) -> &'r mut Option<Duration> {
        if self.is_one_in(2) {
            &mut run.comes
        } else {
            &mut run.goes
        }
    }
}
