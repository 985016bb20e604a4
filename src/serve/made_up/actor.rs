//! An Actor of the made-up account: what its runs have in common, how it is paid, who may see it.

use super::decimal::Decimal;
use super::names;
use super::random::Random;
use crate::period::Millis;

const NAMES: u64 = 1;
const TASKS: u64 = 2;

/// 2019-01-01 and 2025-08-01: between them all Actors and tasks were made.
const FIRST_MADE_MS: u64 = 1_546_300_800_000;
const LAST_MADE_MS: u64 = 1_754_006_400_000;

/// What all runs of an Actor have in common.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) id: String,
    /// How often it runs, beside the others.
    pub(super) weight: u64,
    pub(super) build_id: String,
    pub(super) build: u64,
    pub(super) tasks: Vec<Task>,
    pub(super) schedule_id: String,
    /// The usual cost of a run, in 10^-18 dollars.
    pub(super) usual_cost: u64,
    pub(super) pricing: Pricing,
    pub(super) visibility: Visibility,
    /// The account's own.
    pub(super) is_own: bool,
    pub(super) username: String,
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) created: Millis,
    pub(super) modified: Millis,
}

/// How an Actor is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pricing {
    /// By what its runs use.
    Usage,
    /// By events (somebody else's Actor): the list has no cost, the detail has it.
    Events {
        /// Name and price.
        events: Vec<(&'static str, Decimal)>,
        /// Whether the account pays for usage too.
        and_usage: bool,
    },
    /// By result, the older way: no cost in the list, and none in the detail.
    Results {
        /// For each item.
        price: Decimal,
    },
}

/// Who may see an Actor that was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    /// It stands in the account's list.
    Listed,
    /// It doesn't, but is public: it can be looked up.
    LookUp,
    /// It was made private by its owner.
    Private,
    /// It is gone.
    Deleted,
}

/// A task of an Actor.
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
        let pricing = pricing(at, &mut own);
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
            tasks: (0..random.below(4))
                .map(|task| Task::made_up(tasks_before + task, random.id(), &name, seed))
                .collect(),
            schedule_id: random.id(),
            usual_cost: 10_000_000_000_000_000 + random.below(130_000_000_000_000_000),
            pricing,
            visibility,
            is_own,
            username: if is_own { super::demo_username() } else { owner.into() },
            title: (own.below(2) == 0).then(|| names::title(&name)),
            name,
            created,
            modified,
        }
    }

    /// As the API's `username~name`.
    pub(super) fn full_name(&self) -> String {
        format!("{}~{}", self.username, self.name)
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
    pub(super) fn of(actors: &[Actor], runs: usize) -> Choice {
        let thresholds = actors.iter().scan(0, |sum, actor| {
            *sum += actor.weight;
            Some(*sum)
        });
        Choice {
            thresholds: thresholds.collect(),
            turn: (runs / (3 * actors.len())).max(4),
        }
    }

    pub(super) fn actor(&self, run: usize, random: &mut Random) -> usize {
        let pick = random.below(*self.thresholds.last().expect("there are Actors"));
        if run % self.turn == self.turn - 1 {
            return run / self.turn % self.thresholds.len();
        }
        self.thresholds.partition_point(|threshold| *threshold <= pick)
    }
}

fn pricing(at: u64, random: &mut Random) -> Pricing {
    let cents_1000 = |number: u64| Decimal::new(number, 5);
    match at {
        41 | 90 => Pricing::Results {
            price: cents_1000(50 + random.below(450)),
        },
        _ if at % 17 == 11 => {
            let mut events = vec![
                ("actor-start", cents_1000(1 + random.below(2000))),
                ("result", cents_1000(20 + random.below(500))),
            ];
            if random.below(2) == 0 {
                events.push(("page-crawled", cents_1000(5 + random.below(100))));
            }
            Pricing::Events {
                events,
                and_usage: at / 17 % 2 == 1,
            }
        }
        _ => Pricing::Usage,
    }
}

fn made(random: &mut Random) -> (Millis, Millis) {
    let created = FIRST_MADE_MS + random.below(LAST_MADE_MS - FIRST_MADE_MS);
    let modified = created + random.below(LAST_MADE_MS - created);
    (created as Millis, modified as Millis)
}
