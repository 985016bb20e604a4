//! How often the rule speaks: on made-up account-years without an odd day, checked day by day, and on planted odd days. A sample
//! always; all two hundred with `UNUSUAL_SIMULATION=full`, which prints seeds and figures with `--nocapture`. Floating point makes
//! up the accounts; what judges them has none.

use std::collections::BTreeSet;

use super::usual::bound;
use super::*;

const YEAR: Day = 365;
/// Days before the year, so that every day of it is judged.
const EARLIER: Day = 120;
/// A Wednesday: 2025-01-01.
const FIRST: Day = 20_089;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (self.unit().max(1e-12), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

/// How an Actor spends.
enum Habit {
    /// Every day, with factors for the seven weekdays.
    Daily([f64; 7]),
    /// Every so many days, on average.
    Rarely(f64),
    /// On the last day of each month, or the first.
    Monthly(u32),
}

fn habit(random: &mut Dice) -> Habit {
    match random.below(10) {
        0..4 => Habit::Daily([1.0; 7]),
        4 | 5 => {
            let weekend = random.between(0.0, 0.8);
            Habit::Daily([1.0, 1.0, 1.0, 1.0, 1.0, weekend, weekend])
        }
        6 => {
            let mut factors = [1.0; 7];
            factors[random.below(7)] = random.between(1.2, 4.0);
            Habit::Daily(factors)
        }
        7 => Habit::Daily(std::array::from_fn(|_| random.between(0.5, 1.5))),
        8 => Habit::Rarely(random.between(3.0, 45.0)),
        _ => Habit::Monthly(random.below(2) as u32),
    }
}

/// The usage of an account without an odd day, and its Actors.
fn account(seed: u64) -> (DayCosts, Vec<String>) {
    use chrono::Datelike;
    let mut random = Dice(seed);
    let daily = 10_f64.powf(random.between(0.5, 3.5));
    let actors = 3 + random.below(18);
    let steep = random.between(0.5, 1.5);
    let weights: Vec<f64> = (1..=actors).map(|rank| (rank as f64).powf(-steep)).collect();
    let all: f64 = weights.iter().sum();
    // The last days of months are busier, for everyone.
    let month_end = random.between(1.0, 1.4);
    let mut costs = DayCosts::default();
    let names: Vec<String> = (0..actors).map(|at| format!("actor{at:02}")).collect();
    for (name, weight) in names.iter().zip(&weights) {
        // The dearest Actors run daily, as they do in accounts.
        let habit = if *weight / all > 0.4 {
            Habit::Daily([1.0; 7])
        } else {
            habit(&mut random)
        };
        let noise = random.between(0.03, 0.25);
        let trend = random.between(-0.3, 0.3);
        // Within what is normal for the Actor: up to two standard deviations.
        let (bursts, burst) = (random.between(0.0, 0.06), (noise * random.between(1.0, 2.0)).exp());
        let amount = daily * weight / all;
        for day in FIRST - EARLIER..FIRST + YEAR {
            let date = super::day_costs::date_of(day);
            let is_last = date.succ_opt().unwrap().day() == 1;
            let base = match &habit {
                Habit::Daily(factors) => factors[date.weekday().num_days_from_monday() as usize],
                Habit::Rarely(every) if random.unit() < 1.0 / every => 1.0,
                Habit::Monthly(0) if is_last => 3.0,
                Habit::Monthly(1) if date.day() == 1 => 3.0,
                _ => 0.0,
            };
            let trended = 1.0 + trend * (day - FIRST) as f64 / YEAR as f64;
            let burst = if random.unit() < bursts { burst } else { 1.0 };
            let end = if is_last { month_end } else { 1.0 };
            let usage = amount * base * trended * burst * end * (noise * random.normal()).exp();
            let units = Usd((usage * 1e6).round() as i128 * 10_i128.pow(12));
            if units.0 > 0 {
                costs.put(name, day, units);
            }
        }
    }
    (costs, names)
}

fn usable() -> BTreeSet<Day> {
    (FIRST - EARLIER..FIRST + YEAR).collect()
}

/// Findings of each account's year.
fn findings_a_year(seeds: std::ops::Range<u64>) -> Vec<usize> {
    let days: Vec<Day> = (FIRST..FIRST + YEAR).collect();
    let found = seeds.map(|seed| judge(&account(seed).0, &usable(), &days).found.len());
    let mut found: Vec<usize> = found.collect();
    found.sort_unstable();
    found
}

/// How many of as many planted days are found, with their Actor: one an account, on which an Actor used three times the bound more.
fn planted_found(seeds: std::ops::Range<u64>) -> usize {
    let is_found = |seed: &u64| {
        let (mut costs, names) = account(*seed);
        let mut random = Dice(seed ^ 0x5EED);
        let name = &names[random.below(names.len())];
        let day = FIRST + random.below(YEAR as usize) as Day;
        let window: Vec<i128> = (day - HISTORY_DAYS..day)
            .map(|day| costs.account.get(&day).map_or(0, |cost| cost.usage.0))
            .collect();
        let bound = bound(Usd(super::statistics::median(&window)));
        costs.put(name, day, Usd(3 * bound.0));
        let found = judge(&costs, &usable(), &[day]).found;
        found.iter().any(|found| found.act_id.as_ref() == Some(name))
    };
    seeds.filter(is_found).count()
}

#[test]
fn a_year_without_an_odd_day_is_quiet_and_planted_days_are_found() {
    let is_full = std::env::var("UNUSUAL_SIMULATION").is_ok_and(|sample| sample == "full");
    let seeds = if is_full { 0..200 } else { 0..12 };
    let planted = if is_full { 1_000..1_200 } else { 1_000..1_040 };
    let years = findings_a_year(seeds.clone());
    let (median, most) = (years[years.len() / 2], years[years.len() - 1]);
    let (count, found) = (planted.clone().count(), planted_found(planted.clone()));
    println!("account-years: seeds {seeds:?}, findings a year: median {median}, most {most}, all {years:?}");
    println!("planted days: seeds {planted:?}, {found} of {count} found with their Actor");
    assert!(median <= 1 && most <= 5, "{years:?}");
    assert!(found * 200 >= 190 * count, "{found} of {count}");
}
