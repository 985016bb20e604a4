//! `options.maxTotalChargeUsd` of a run's detail: the most that whoever started the run was ready to pay for it.

use super::decimal::Decimal;
use super::pricing::Pricing;
use super::random::Random;
use super::row::MadeUpRun;
use super::spending::Spending;

const CAP: u64 = 24;

/// What people choose, in dollars. No run of the account costs as much as the last.
const USUAL: [u64; 7] = [1, 2, 5, 10, 25, 50, 100];

/// A third of the runs of pay-per-event Actors have a cap, and a few of those that are paid by usage: it is for all pricing
/// models. Those that are paid by result have `maxItems` for it.
///
/// One in twelve of the capped runs that are paid by event was stopped by it: its cost is the cap. Such a run SUCCEEDED,
/// since Actors that are told that the next event would exceed the cap end by themselves; the account's ABORTED runs say
/// that a user has aborted them.
pub(super) fn max_total_charge(run: &MadeUpRun, spending: &Spending) -> Option<Decimal> {
    let mut random = Random::of(run.seed, CAP, run.number as u64);
    let is_paid_by_event = matches!(run.actor.pricing, Pricing::Events { .. });
    let one_in = match run.actor.pricing {
        Pricing::Events { .. } => 3,
        Pricing::Usage => 40,
        Pricing::Results { .. } => return None,
    };
    if random.below(one_in) != 0 {
        return None;
    }
    let total = Decimal::parse(spending.total.as_deref()?)?;
    let has_ended_by_it = random.below(12) == 0 && is_paid_by_event && run.row.status == "SUCCEEDED";
    if has_ended_by_it && total > Decimal::ZERO {
        return Some(total);
    }
    let usual = &USUAL[random.below(3) as usize..];
    usual.iter().map(|usd| Decimal::new(*usd, 0)).find(|cap| *cap > total)
}
