//! Each day against the days before it: the whole account, and each Actor.

use std::collections::BTreeSet;

use super::day_costs::{CostsByDay, Day, DayCosts};
use super::statistics::median;
use super::usual::{ActiveDays, UsualRange, bound, is_of_few_days};
use super::{FEWEST_DAYS, HISTORY_DAYS, UnusualDay, UnusualDays, UnusualKind};
use crate::money::Usd;

/// The whole account must be beyond its median by so many bounds: chance adds up over its Actors.
const BOUNDS_OF_ACCOUNT: i128 = 2;

/// Judges days that are complete and settled. `usable` are all such days, these and those before them.
pub fn judge(costs: &DayCosts, usable: &BTreeSet<Day>, days: &[Day]) -> UnusualDays {
    let mut all = UnusualDays::default();
    for &day in days {
        let window: Vec<Day> = usable.range(day - HISTORY_DAYS..day).copied().collect();
        if window.len() < FEWEST_DAYS {
            all.not_judged.push(day);
            continue;
        }
        all.judged += 1;
        all.found.extend(found_on(costs, &window, day));
    }
    all
}

fn found_on(costs: &DayCosts, window: &[Day], day: Day) -> Vec<UnusualDay> {
    let usage = |day: &Day| costs.account.get(day).map_or(0, |cost| cost.usage.0);
    let bound = bound(Usd(median(&window.iter().map(usage).collect::<Vec<_>>())));
    let found = |costs: &CostsByDay| {
        let cost = costs.get(&day).filter(|cost| cost.usage > bound)?;
        let usual = UsualRange::of(costs, window, day, bound);
        usual.is_exceeded_by(cost.usage).then_some((*cost, usual))
    };
    let account = found_of_all(costs, window, day, bound);
    let actors = costs.actors.iter().filter_map(|(act_id, actor)| {
        let (cost, usual) = found(&actor.days)?;
        let active = ActiveDays::before(&actor.days, day);
        let kind = match active.count {
            0 => UnusualKind::FirstUse,
            _ => UnusualKind::AboveUsual,
        };
        Some(UnusualDay {
            day,
            kind,
            act_id: Some(act_id.clone()),
            act_name: actor.name.clone(),
            usage: cost.usage,
            cost_unknown: cost.cost_unknown,
            usual,
            leans_on_earlier: active.are_few(),
        })
    });
    let mut actors: Vec<UnusualDay> = actors.collect();
    actors.sort_by(|one, other| other.usage.cmp(&one.usage).then_with(|| one.act_id.cmp(&other.act_id)));
    account.into_iter().chain(actors).collect()
}

/// The whole account. What Actors of few days used is usual for it as far as it is for them.
fn found_of_all(costs: &DayCosts, window: &[Day], day: Day, bound: Usd) -> Option<UnusualDay> {
    let cost = costs.account.get(&day)?;
    let bound_of_all = Usd(bound.0.saturating_mul(BOUNDS_OF_ACCOUNT));
    let usual = UsualRange::of(&costs.account, window, day, bound_of_all);
    if !usual.is_exceeded_by(cost.usage) {
        return None;
    }
    let of_few_days = costs.actors.values().filter_map(|actor| {
        let usage = actor.days.get(&day)?.usage;
        let is_usual = usage.0 > 0
            && ActiveDays::before(&actor.days, day).count > 0
            && is_of_few_days(&actor.days, window)
            && !UsualRange::of(&actor.days, window, day, bound).is_exceeded_by(usage);
        is_usual.then_some(usage)
    });
    let usual = UsualRange {
        limit: of_few_days.fold(usual.limit, Usd::saturating_add),
        ..usual
    };
    usual.is_exceeded_by(cost.usage).then_some(UnusualDay {
        day,
        kind: UnusualKind::AboveUsual,
        act_id: None,
        act_name: None,
        usage: cost.usage,
        cost_unknown: cost.cost_unknown,
        usual,
        leans_on_earlier: false,
    })
}
