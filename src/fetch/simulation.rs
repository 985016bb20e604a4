//! Reads made-up accounts from a simulated server, under a clock that stands still while there is work: the walk, pacing, retries,
//! details and the hand-over of windows as they are, with everything else decided by a seed. What is written isn't its matter.
//!
//! `SIMULATION_SEEDS=10000` reads so many of them. `SIMULATION_SEED=7` reads that one, after those before it that read the same account,
//! and prints each of its answers should it fail.

mod account;
mod check;
mod job;
mod live_pages;
mod random;
mod scenario;
mod server;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use self::account::SimulatedAccount;
use self::job::{SeedResult, Simulation};
use self::scenario::{SEEDS_PER_ACCOUNT, Scenario, account_of};

/// As many as take some seconds.
const SEEDS: u64 = 400;

fn simulate(seed: u64) -> SeedResult {
    run(|| Simulation::new(seed, number_in("SIMULATION_SEED") == Some(seed)))
}

fn run(simulation: impl FnOnce() -> Simulation) -> SeedResult {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let running = || runtime.block_on(async { simulation().run().await });
    catch_unwind(AssertUnwindSafe(running)).unwrap_or_else(|_| SeedResult {
        rows: None,
        trace: 0,
        problems: vec!["it panics".into()],
    })
}

fn number_in(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// The seeds that are asked for.
fn seeds() -> Range<u64> {
    match number_in("SIMULATION_SEED") {
        Some(seed) => account_of(seed) * SEEDS_PER_ACCOUNT..seed + 1,
        None => 0..number_in("SIMULATION_SEEDS").unwrap_or(SEEDS),
    }
}

/// What is wrong with some seeds, which are in order. Those of an account must have the same rows.
fn problems_of(seeds: impl Iterator<Item = u64>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut first = None;
    for seed in seeds {
        let mut result = simulate(seed);
        if let Some(rows) = result.rows {
            match &first {
                Some((earlier, expected)) if account_of(*earlier) == account_of(seed) => {
                    if *expected != rows {
                        result
                            .problems
                            .push(format!("the rows differ from those of seed {earlier}"));
                    }
                }
                _ => first = Some((seed, rows)),
            }
        }
        let name = format!("SIMULATION_SEED={seed} cargo test --lib fetch::simulation");
        problems.extend(result.problems.iter().map(|problem| format!("{name}\n    {problem}")));
    }
    problems
}

#[test]
fn whatever_the_order_of_answers_every_run_comes_once_and_nothing_is_left() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut problems: Vec<String> = std::thread::scope(|scope| {
        let read = |thread: u64| {
            let seeds = seeds().filter(move |seed| account_of(*seed) % threads == thread);
            scope.spawn(move || problems_of(seeds))
        };
        let reading: Vec<_> = (0..threads).map(read).collect();
        reading.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let count = problems.len();
    problems.truncate(60);
    assert!(problems.is_empty(), "{count} problems:\n{}", problems.join("\n"));
}

#[test]
fn a_seed_decides_every_request_and_its_instant() {
    for seed in 0..12 {
        assert_eq!(simulate(seed).trace, simulate(seed).trace, "seed {seed}");
    }
}

/// The accounts of most seeds are smaller than what may be held.
#[test]
fn pages_wait_for_a_slow_receiver() {
    for concurrency in [1, 2] {
        let scenario = Scenario {
            concurrency,
            rate: 0.0,
            latency_ms: 0,
            failures: 0.0,
            is_harsh: false,
            lacks_first_page: false,
            slowness_ms: 600_000,
            cancelled: None,
            ..Scenario::new(0)
        };
        let result = run(|| Simulation::of(scenario, SimulatedAccount::plain(300), false));
        assert!(result.problems.is_empty(), "{:?}", result.problems);
    }
}
