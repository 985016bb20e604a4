//! An Actor of the made-up account: what its runs have in common, how it is paid, who may see it.

use serde_json::{Value, json};

use super::names;
use super::options::demo_username;
use super::pricing::Pricing;
use super::random::Random;
use crate::period::{Millis, format_instant};

const NAMES: u64 = 1;
const TASKS: u64 = 2;
const EARLIER: u64 = 31;

/// Actors, tasks and schedules were made between 2019-01-01 and 2025-08-01.
const FIRST_MADE_MS: u64 = 1_546_300_800_000;
const LAST_MADE_MS: u64 = 1_754_006_400_000;

/// What all runs of an Actor have in common.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) id: String,
    /// How often it runs, relative to the others.
    pub(super) weight: u64,
    pub(super) build_id: String,
    pub(super) build: u64,
    pub(super) tasks: Vec<Task>,
    pub(super) schedule_id: String,
    /// The usual cost of a run, in 10^-18 dollars.
    pub(super) usual_cost: u64,
    pub(super) pricing: Pricing,
    pub(super) visibility: Visibility,
    pub(super) is_own: bool,
    pub(super) username: String,
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) created: Millis,
    pub(super) modified: Millis,
}

/// Who may see an Actor that was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    Listed,
    /// Not listed, but public.
    LookUp,
    /// Made private by its owner.
    Private,
    Deleted,
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_deleted: bool,
    pub(super) created: Millis,
    pub(super) modified: Millis,
}

impl Actor {
    /// The account's `at`th; `tasks_before` is how many tasks the ones before it have.
    pub(super) fn made_up(at: u64, tasks_before: u64, seed: u64, random: &mut Random) -> Actor {
        let rank = at + 1;
        let mut own = Random::of(seed, NAMES, at);
        let pricing = Pricing::made_up(at, &mut own);
        let visibility = match (at % 23, at / 23 % 3) {
            (7, 0) => Visibility::LookUp,
            (7, 1) => Visibility::Private,
            (7, _) => Visibility::Deleted,
            _ => Visibility::Listed,
        };
        let is_own = at.is_multiple_of(3) && visibility == Visibility::Listed && pricing == Pricing::Usage;
        let name = names::actor_name(at);
        let owner = names::owner(&mut own);
        let (created, modified) = made(&mut own);
        Actor {
            id: random.id(),
            weight: 100_000_000 / (rank * rank.isqrt().max(1)),
            build_id: random.id(),
            build: 1 + random.below(240),
            tasks: (tasks_before..tasks_before + random.below(4))
                .map(|task| Task::made_up(task, random.id(), &name, seed))
                .collect(),
            schedule_id: random.id(),
            usual_cost: 10_000_000_000_000_000 + random.below(130_000_000_000_000_000),
            pricing,
            visibility,
            is_own,
            username: if is_own { demo_username() } else { owner.into() },
            title: (own.below(2) == 0).then(|| names::title(&name)),
            name,
            created,
            modified,
        }
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}~{}", self.username, self.name)
    }

    /// `pricingInfo`; the account's own Actors have none.
    pub(super) fn pricing_info(&self) -> Option<Value> {
        let since = format_instant(self.created);
        let mut info = match &self.pricing {
            Pricing::Usage if self.is_own || self.visibility == Visibility::Deleted => return None,
            Pricing::Usage => json!({ "pricingModel": "FREE" }),
            Pricing::Events { events, .. } => {
                let events = events.iter().enumerate().map(|(at, (name, price))| {
                    let event = json!({
                        "eventTitle": names::title(name),
                        "eventDescription": format!("Charged for each {name}"),
                        "eventPriceUsd": price,
                        "isPrimaryEvent": at == 1,
                        "isOneTimeEvent": at == 0,
                    });
                    ((*name).to_owned(), event)
                });
                let events: serde_json::Map<String, Value> = events.collect();
                json!({
                    "pricingModel": "PAY_PER_EVENT",
                    "pricingPerEvent": { "actorChargeEvents": events },
                    "minimalMaxTotalChargeUsd": null,
                })
            }
            Pricing::Results { price } => json!({
                "pricingModel": "PRICE_PER_DATASET_ITEM",
                "unitName": "result",
                "pricePerUnitUsd": price,
            }),
        };
        info["apifyMarginPercentage"] = json!(0.2);
        info["createdAt"] = json!(since);
        info["startedAt"] = json!(since);
        Some(info)
    }
}

impl Task {
    fn made_up(at: u64, id: String, actor_name: &str, seed: u64) -> Task {
        let (created, modified) = made(&mut Random::of(seed, TASKS, at));
        Task {
            id,
            name: names::task_name(at, actor_name),
            is_deleted: at % 13 == 5,
            created,
            modified,
        }
    }
}

/// Which Actor a run is of: few of them often, and each now and then.
pub(super) struct Choice {
    thresholds: Vec<u64>,
    /// Every so many runs, it is the turn of the next.
    turn: usize,
}

impl Choice {
    /// Each comes thrice, where the runs are many; turns take a quarter of the runs at most.
    pub(super) fn new(actors: &[Actor], runs: usize) -> Choice {
        Choice::by_weight(actors.iter().map(|actor| actor.weight), runs)
    }

    /// Of the month before: each comes more often or less than it does in the period, and a few don't come yet.
    pub(super) fn before(actors: &[Actor], runs: usize, seed: u64) -> Choice {
        let weight = |(at, actor): (u64, &Actor)| match at % 37 {
            23 => 0,
            _ => actor.weight * (70 + Random::of(seed, EARLIER, at).below(50)) / 100,
        };
        Choice::by_weight((0..).zip(actors).map(weight), runs)
    }

    fn by_weight(weights: impl Iterator<Item = u64>, runs: usize) -> Choice {
        let thresholds = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        let thresholds: Vec<u64> = thresholds.collect();
        Choice {
            turn: (runs / (3 * thresholds.len())).max(4),
            thresholds,
        }
    }

    pub(super) fn actor(&self, run: usize, random: &mut Random) -> usize {
        let pick = random.below(*self.thresholds.last().expect("there are Actors"));
        if run % self.turn == self.turn - 1 {
            let at = run / self.turn % self.thresholds.len();
            let below = at.checked_sub(1).map_or(0, |before| self.thresholds[before]);
            if self.thresholds[at] > below {
                return at;
            }
        }
        self.thresholds.partition_point(|threshold| *threshold <= pick)
    }
}

/// When something was created, and when it was last changed.
pub(super) fn made(random: &mut Random) -> (Millis, Millis) {
    let created = FIRST_MADE_MS + random.below(LAST_MADE_MS - FIRST_MADE_MS);
    let modified = created + random.below(LAST_MADE_MS - created);
    (created as Millis, modified as Millis)
}
