//! Billing cycles become the usage of a period's whole UTC days: by service, and by day where Apify gave days.

use std::collections::BTreeMap;

use super::{DayOfService, midnight_of};
use anyhow::{Context, bail};

use crate::api::usage::{DayOfUsage, MonthlyUsage, Service};
use crate::money::Usd;
use crate::period::{Millis, Period, utc_date};
use crate::provenance::{CountedFacts, CycleFacts};
use crate::report::usage_explained::minus;

pub const NO_WHOLE_DAY: &str = "no whole UTC day lies within the period";

/// By how much sums of the API's doubles may differ: a cent.
const A_CENT: Usd = Usd(10_000_000_000_000_000);

#[derive(Debug, Default)]
pub struct CountedDays {
    pub facts: Option<CountedFacts>,
    pub by_day: Vec<DayOfService>,
    pub by_service: Vec<Service>,
}

impl CountedDays {
    /// What the cycles count for the whole UTC days of a period, asked at an instant; the error says why that is unknown.
    pub fn new(cycles: &[MonthlyUsage], period: &Period, asked_at: Millis) -> anyhow::Result<CountedDays> {
        let edges = period.whole_utc_days().context(NO_WHOLE_DAY)?;
        let mut facts = CountedFacts {
            from: edges.0,
            to: edges.1,
            queried_at_ms: asked_at,
            cycles: cycles.iter().map(|cycle| cycle_facts(cycle, asked_at)).collect(),
            has_days: cycles.iter().all(|cycle| cycle.days.is_some()),
            is_at_least: false,
            unknown: cycles.iter().flat_map(|cycle| cycle.unknown.clone()).collect(),
            notes: Vec::new(),
        };
        let mut by_day: Vec<DayOfService> = Vec::new();
        let mut of_whole_cycles: Vec<&Service> = Vec::new();
        for cycle in cycles {
            if cycle.days.is_some() {
                let mut taken = CycleDays::new(cycle, edges, asked_at);
                by_day.append(&mut taken.days);
                facts.is_at_least |= taken.is_at_least;
                facts.notes.extend(taken.note);
            } else if edges.0 <= cycle.from_ms && cycle.to_ms.min(asked_at) <= edges.1 {
                of_whole_cycles.extend(cycle.services.iter().flatten());
                facts.is_at_least |= cycle.services.is_none();
            } else {
                bail!(
                    "the period has only a part of the billing cycle {} to {}, for which Apify gave no usage by day",
                    utc_date(cycle.from_ms),
                    utc_date(cycle.to_ms)
                );
            }
        }
        facts.is_at_least |= by_day.iter().any(|day| day.service.base.is_none());
        let by_day = one_each(by_day);
        let all = by_day.iter().map(|day| &day.service).chain(of_whole_cycles);
        let by_service = sum_by_service(all);
        facts.is_at_least |= by_service.iter().any(|service| service.base.is_none());
        Ok(CountedDays {
            by_service,
            by_day,
            facts: Some(facts),
        })
    }
}

/// The cycles that are kept, as Apify would give them, as far as their days are there: of a part of a cycle the sums are of that
/// part. None of several that have no days, since their amounts are only known together.
pub fn cycles_of(counted: &CountedFacts, by_day: &[DayOfService], by_service: &[Service]) -> Vec<MonthlyUsage> {
    if !counted.has_days && counted.cycles.len() > 1 {
        return Vec::new();
    }
    let cycle = |facts: &CycleFacts| {
        let is_of = |day: &&DayOfService| (facts.from..facts.to).contains(&day.starts_at());
        let of_cycle: Vec<&DayOfService> = by_day.iter().filter(is_of).collect();
        let services = match counted.has_days {
            true => sum_by_service(of_cycle.iter().map(|day| &day.service)),
            false => by_service.to_vec(),
        };
        let days = of_cycle
            .chunk_by(|one, other| one.day == other.day)
            .map(|of_day| DayOfUsage {
                date: of_day[0].day.clone(),
                total: sum(of_day.iter().map(|day| day.service.after_discount)),
                services: Some(of_day.iter().map(|day| day.service.clone()).collect()),
            });
        let is_whole = counted.holds(facts);
        let total = |told: Option<Usd>, amount: fn(&Service) -> Option<Usd>| match is_whole {
            true => told,
            false => sum(services.iter().map(amount)),
        };
        MonthlyUsage {
            from_ms: facts.from,
            to_ms: facts.to,
            before_discount: total(facts.before_discount_usd, |service| service.base),
            after_discount: total(facts.after_discount_usd, |service| service.after_discount),
            days: counted.has_days.then(|| days.collect()),
            unknown: counted.unknown.clone(),
            services: Some(services),
        }
    };
    counted.cycles.iter().map(cycle).collect()
}

/// The sum of amounts; none where one is unknown.
fn sum(mut amounts: impl Iterator<Item = Option<Usd>>) -> Option<Usd> {
    amounts.try_fold(Usd::default(), |sum, usd| Some(sum.saturating_add(usd?)))
}

fn cycle_facts(cycle: &MonthlyUsage, asked_at: Millis) -> CycleFacts {
    CycleFacts {
        from: cycle.from_ms,
        to: cycle.to_ms,
        is_over: cycle.to_ms <= asked_at,
        before_discount_usd: cycle.before_discount,
        after_discount_usd: cycle.after_discount,
    }
}

/// The days of a cycle that lie between two midnights.
struct CycleDays {
    days: Vec<DayOfService>,
    is_at_least: bool,
    note: Option<String>,
}

impl CycleDays {
    fn new(cycle: &MonthlyUsage, (from, to): (Millis, Millis), asked_at: Millis) -> CycleDays {
        let mut taken = CycleDays {
            days: Vec::new(),
            is_at_least: false,
            note: None,
        };
        let (mut listed, mut sum) = (0, Usd::default());
        let (first, end) = (from.max(cycle.from_ms), to.min(cycle.to_ms).min(asked_at));
        for day in cycle.days.iter().flatten() {
            let services = day.services.as_deref().unwrap_or_default();
            let amounts = services.iter().filter_map(|service| service.base);
            sum = amounts.fold(sum, Usd::saturating_add);
            let is_in = midnight_of(&day.date).is_some_and(|midnight| (from..to).contains(&midnight));
            if !is_in {
                continue;
            }
            listed += 1;
            taken.is_at_least |= day.services.is_none();
            taken.days.extend(services.iter().map(|service| DayOfService {
                day: day.date.clone(),
                service: service.clone(),
            }));
        }
        let month = cycle.services.as_ref().map(|services| {
            let amounts = services.iter().filter_map(|service| service.base);
            amounts.fold(Usd::default(), Usd::saturating_add)
        });
        let differs = month.is_some_and(|month| minus(month, sum).0.saturating_abs() > A_CENT.0);
        let days = whole_days(first, end);
        // Where the days come to what the cycle does, one that isn't listed had no usage.
        taken.is_at_least |= listed < days && (differs || month.is_none());
        taken.note = month.filter(|_| differs).map(|month| {
            format!(
                "in the billing cycle {} to {}, Apify's days add up to {}, but its services to {}",
                utc_date(cycle.from_ms),
                utc_date(cycle.to_ms),
                sum.dollars(),
                month.dollars()
            )
        });
        taken
    }
}

/// The UTC days that have a part in `[from, to)`, which begins at a midnight.
fn whole_days(from: Millis, to: Millis) -> usize {
    let days = crate::period::DAY_MS;
    usize::try_from((to - from + days - 1).div_euclid(days)).unwrap_or(0)
}

/// Of two cycles that both have a day and a service, one entry: their sum.
fn one_each(entries: Vec<DayOfService>) -> Vec<DayOfService> {
    let mut days: BTreeMap<String, Vec<Service>> = BTreeMap::new();
    for DayOfService { day, service } in entries {
        days.entry(day).or_default().push(service);
    }
    let services = |(day, services): (String, Vec<Service>)| {
        let services = sum_by_service(&services).into_iter();
        let of_day = move |service| DayOfService {
            day: day.clone(),
            service,
        };
        services.map(of_day).collect::<Vec<_>>()
    };
    days.into_iter().flat_map(services).collect()
}

/// Sums by key, the dearest first, then by key. An amount before discount is of those entries that have one; quantity and
/// amount after discount are known where every entry has them.
pub fn sum_by_service<'s>(entries: impl IntoIterator<Item = &'s Service>) -> Vec<Service> {
    let mut sums: BTreeMap<&str, Service> = BTreeMap::new();
    for entry in entries {
        match sums.get_mut(&*entry.key) {
            None => drop(sums.insert(&entry.key, entry.clone())),
            Some(sum) => {
                let plus = |(a, b): (Usd, Usd)| a.saturating_add(b);
                sum.quantity = sum.quantity.zip(entry.quantity).map(plus);
                sum.after_discount = sum.after_discount.zip(entry.after_discount).map(plus);
                sum.base = match (sum.base, entry.base) {
                    (Some(a), Some(b)) => Some(plus((a, b))),
                    (one, other) => one.or(other),
                };
            }
        }
    }
    let mut sums: Vec<Service> = sums.into_values().collect();
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.base));
    sums
}
