//! What a run cost and what for, once it has settled: by the list's row where that has a cost, else by chance alone.

use std::collections::BTreeMap;

use super::actor::Actor;
use super::decimal::Decimal;
use super::fate::is_settling;
use super::meters::Meters;
use super::pricing::Pricing;
use super::random::Random;
use super::row::MadeUpRun;

const COST: u64 = 4;
const EVENTS: u64 = 5;
const METERS: u64 = 6;
const RESULTS: u64 = 7;

#[derive(Default)]
pub(super) struct Spending {
    /// As a JSON number; `None` is what the API never says.
    pub(super) total: Option<String>,
    pub(super) meters: Meters,
    /// Whether the account pays for what the meters read.
    pub(super) pays_usage: bool,
    /// How often each event was charged; none for Actors that aren't paid so.
    pub(super) events: Option<BTreeMap<&'static str, u64>>,
    pub(super) events_usd: Decimal,
    /// What the results of a pay-per-result Actor cost.
    pub(super) results_usd: Decimal,
}

impl Spending {
    pub(super) fn of_run(run: &MadeUpRun) -> Spending {
        let has_settled = !is_settling(run.row.finished);
        let listed = run.row.cost.filter(|cost| *cost != "null" && has_settled);
        Spending::made_up(listed, run.number, run.actor, run.seed)
    }

    /// Of a run of which no more is known than a cost, if that.
    pub(super) fn made_up(listed: Option<&str>, run: usize, actor: &Actor, seed: u64) -> Spending {
        let chance = |salt| Random::of(seed, salt, run as u64);
        let ordinary = || ordinary_cost(actor, &mut chance(COST));
        let split = |total| Meters::split(total, &mut chance(METERS));
        let exact = |text: &str| Decimal::parse(text).expect("costs are written as numbers");
        let mut spending = Spending::default();
        match &actor.pricing {
            Pricing::Usage => {
                let total = listed.map_or_else(ordinary, str::to_owned);
                spending.meters = split(exact(&total));
                spending.pays_usage = true;
                spending.total = Some(total);
            }
            Pricing::Events { events, and_usage } => {
                let mut random = chance(EVENTS);
                let mut count = |at: u64| if at == 0 { 1 } else { random.skewed(80 * at) };
                let counts: Vec<u64> = (0..events.len() as u64).map(&mut count).collect();
                let each = events.iter().zip(&counts);
                spending.events_usd = each.map(|((_, price), count)| *price * *count).sum();
                spending.events = Some(events.iter().map(|(name, _)| *name).zip(counts).collect());
                // A quarter of what such a run costs elsewhere, to nine places.
                let usage = Decimal(exact(&ordinary()).0 / 4 / Decimal::new(1, 9).0 * Decimal::new(1, 9).0);
                spending.meters = split(usage);
                spending.pays_usage = *and_usage;
                let mut total = spending.events_usd;
                if *and_usage {
                    total += usage;
                }
                spending.total = Some(total.to_string());
            }
            Pricing::Results { price } => {
                spending.results_usd = *price * chance(RESULTS).skewed(400);
                spending.meters = split(exact(&ordinary()));
            }
        }
        spending
    }
}

/// A cost as JavaScript prints a double of seventeen significant digits: below a tenth of a dollar that is more than
/// eighteen places.
pub(super) fn ordinary_cost(actor: &Actor, random: &mut Random) -> String {
    let units = actor.usual_cost / 10 * (2 + random.below(17));
    let digits = format!("{:018}", units + random.below(1_000_000_000));
    let zeros = digits.bytes().take_while(|byte| *byte == b'0').count();
    let mut digits = digits[..digits.len().min(zeros + 17)].to_string();
    (digits.len()..zeros + 17).for_each(|_| digits.push(char::from(b'0' + random.below(10) as u8)));
    format!("0.{}", digits.trim_end_matches('0'))
}
