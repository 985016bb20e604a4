//! `GET /v2/actor-builds`: the account builds Actors of its own, before, in and after the period of its runs, and pays for the
//! compute units that a build takes. All of it follows from the account's options; the runs know nothing of it.

use serde::Serialize;
use serde_json::{Value, json};

use super::actor::Actor;
use super::cycle::Cycle;
use super::decimal::Decimal;
use super::meters::MeterUsage;
use super::options::{AccountOptions, DAY_MS, DEMO_NOW_MS};
use super::random::Random;
use crate::period::{Millis, format_instant};
use crate::serve::envelope::{ApiAnswer, page};
use crate::serve::query::Paging;
use crate::serve::refusal::Refusal;

const BUILDS: u64 = 20;

/// One build starts in each: 86 in thirty days.
const SLOT_MS: i64 = 30 * DAY_MS / 86;

/// How long before and after the period there are builds.
const BEYOND_MS: i64 = 3 * DAY_MS;

/// Of the month before the period, where there are runs in it.
const SLOTS_BEFORE: i64 = 31 * DAY_MS / SLOT_MS;

/// Builds last a multiple of it. With two gigabytes of memory, that is 2 * 36 / 3,600,000 compute units of a quarter of a dollar
/// each: every cost is exact with eight places.
const STEP_MS: u64 = 36;
const STEP_UNITS: Decimal = Decimal::new(2, 5);
const STEP_USD: Decimal = Decimal::new(5, 6);

/// After so long, a build times out.
const TIMEOUT_STEPS: u64 = 15 * 60_000 / STEP_MS;

/// How long before a recent account's clock its last build started; it is under way.
const LAST_AGE_MS: i64 = 95_000;

#[derive(Debug)]
struct MadeUpBuild {
    /// Which of the account's, for what chance says of it.
    number: u64,
    act_id: String,
    status: &'static str,
    start: Millis,
    /// `None` while it is under way.
    steps: Option<u64>,
}

/// In order of their start.
#[derive(Debug)]
pub(super) struct BuildList {
    builds: Vec<MadeUpBuild>,
    seed: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildItem<'a> {
    id: String,
    status: &'static str,
    started_at: String,
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_total_usd: Option<Decimal>,
    act_id: &'a str,
    meta: Value,
}

impl BuildList {
    /// None of an account that nobody uses.
    pub(super) fn made_up(options: &AccountOptions, actors: &[Actor]) -> BuildList {
        let own: Vec<&Actor> = actors.iter().filter(|actor| actor.is_own).collect();
        let first = options.from_ms - BEYOND_MS;
        let slots_before = if options.runs_before > 0 { SLOTS_BEFORE } else { 0 };
        let end = (options.to_ms + BEYOND_MS).min(DEMO_NOW_MS);
        let mut builds = Vec::new();
        if options.runs > 0 && !own.is_empty() {
            let slots = (-slots_before..).take_while(|slot| first + slot * SLOT_MS < end);
            // The numbers of those before the period's follow all others.
            let number = |slot: i64| u64::try_from(slot).unwrap_or(u64::MAX / 2 - slot.unsigned_abs());
            builds.extend(
                slots.map(|slot| MadeUpBuild::made_up(number(slot), first + slot * SLOT_MS, &own, options.seed)),
            );
            builds.retain(|build| build.start < end - LAST_AGE_MS);
            if end == DEMO_NOW_MS && first < end {
                let slot = builds.len() as u64 - slots_before.unsigned_abs();
                let last = MadeUpBuild::made_up(slot, end - LAST_AGE_MS, &own, options.seed);
                builds.push(last.under_way(end - LAST_AGE_MS));
            }
        }
        BuildList {
            builds,
            seed: options.seed,
        }
    }

    pub(super) fn list(&self, paging: Paging) -> Result<ApiAnswer, Refusal> {
        page(paging, &self.builds, |build| build.item(self.seed))
    }

    /// The compute units of the builds that ended in a cycle, each with the instant at which they count.
    pub(super) fn ended_in(&self, cycle: Cycle) -> impl Iterator<Item = (Millis, MeterUsage)> {
        let ended = self
            .builds
            .iter()
            .filter_map(|build| Some((build.finish()?, build.used())));
        ended.filter(move |(finish, _)| (cycle.start..=cycle.end).contains(finish))
    }
}

impl MadeUpBuild {
    /// One that starts in the slot that begins at an instant.
    fn made_up(number: u64, begins: Millis, own: &[&Actor], seed: u64) -> MadeUpBuild {
        let mut random = Random::of(seed, BUILDS, number);
        let start = begins + random.below(SLOT_MS as u64) as i64;
        let (status, steps) = match (number % 13, number % 29, number % 41) {
            (4, _, _) => ("FAILED", 300 + random.below(5_000)),
            (_, 11, _) => ("ABORTED", 150 + random.below(3_000)),
            (_, _, 23) => ("TIMED-OUT", TIMEOUT_STEPS),
            _ => ("SUCCEEDED", 1_250 + random.below(12_000)),
        };
        let build = MadeUpBuild {
            number,
            act_id: own[random.skewed(own.len() as u64) as usize].id.clone(),
            status,
            start,
            steps: Some(steps),
        };
        match build.finish() {
            Some(finish) if finish > DEMO_NOW_MS => build.under_way(start),
            _ => build,
        }
    }

    fn under_way(self, start: Millis) -> MadeUpBuild {
        MadeUpBuild {
            status: "RUNNING",
            start,
            steps: None,
            ..self
        }
    }

    fn finish(&self) -> Option<Millis> {
        Some(self.start + (self.steps? * STEP_MS) as i64)
    }

    /// Nothing, as long as it is under way.
    fn used(&self) -> MeterUsage {
        let steps = self.steps.unwrap_or(0);
        MeterUsage {
            quantity: STEP_UNITS * steps,
            usd: STEP_USD * steps,
        }
    }

    fn item(&self, seed: u64) -> BuildItem<'_> {
        let mut random = Random::of(seed, BUILDS + 1, self.number);
        let (origin, agent) = match random.below(10) {
            0..4 => ("CI", None),
            4..7 => ("WEB", Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")),
            7..9 => ("CLI", Some("apify-cli/1.10.0 (linux; Node/v22.11.0)")),
            _ => ("API", Some("ApifyClient/3.4.0 (linux; Python/3.12.3); isAtHome/false")),
        };
        let client_ip = agent.map(|_| format!("192.0.2.{}", random.below(250)));
        // Some few have no cost in the list, as runs have it; they cost something all the same.
        let is_cost_known = self.number % 31 != 9;
        BuildItem {
            id: random.id(),
            status: self.status,
            started_at: format_instant(self.start),
            finished_at: self.finish().map(format_instant),
            usage_total_usd: is_cost_known.then(|| self.used().usd),
            act_id: &self.act_id,
            meta: json!({ "origin": origin, "clientIp": client_ip, "userAgent": agent }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actors(seed: u64) -> Vec<Actor> {
        (0..30).map(|at| Actor::made_up(at, 0, seed, &mut Random(at))).collect()
    }

    #[test]
    fn a_step_costs_what_its_time_and_memory_do() {
        // Hours of two gigabytes at $0.25 each, both sides in 3,600,000ths.
        assert_eq!(STEP_UNITS.0 * 3_600_000, 2 * i128::from(STEP_MS) * Decimal::new(1, 0).0);
        assert_eq!(STEP_USD.0 * 4, STEP_UNITS.0);
    }

    #[test]
    fn builds_are_in_order_end_by_the_clock_and_follow_the_period() {
        let actors = actors(1);
        for (from_day, to_day, is_recent) in [(0, 30, true), (0, 26, false), (-400, 30, true), (31, 60, true)] {
            let default = AccountOptions::default();
            let options = AccountOptions {
                from_ms: default.from_ms + from_day * DAY_MS,
                to_ms: default.from_ms + to_day * DAY_MS,
                ..default
            };
            let builds = BuildList::made_up(&options, &actors).builds;
            assert!(builds.is_sorted_by_key(|build| build.start));
            let span = (options.to_ms + BEYOND_MS).min(DEMO_NOW_MS) - options.from_ms + BEYOND_MS;
            let expected = span as f64 / DAY_MS as f64 * 86.0 / 30.0;
            assert!(
                (builds.len() as f64 - expected).abs() < 3.0,
                "{} {expected}",
                builds.len()
            );
            assert!(builds.iter().all(|build| build.finish() <= Some(DEMO_NOW_MS)));
            let under_way = builds.iter().filter(|build| build.finish().is_none()).count();
            assert_eq!(under_way > 0, is_recent);
        }
    }

    #[test]
    fn an_account_that_nobody_uses_or_will_only_use_has_none() {
        let default = AccountOptions::default;
        let later = DEMO_NOW_MS + 10 * DAY_MS;
        for options in [
            AccountOptions { runs: 0, ..default() },
            AccountOptions {
                from_ms: later,
                to_ms: later + DAY_MS,
                ..default()
            },
        ] {
            assert!(BuildList::made_up(&options, &actors(1)).builds.is_empty());
        }
    }
}
