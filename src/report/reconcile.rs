//! A billing cycle's runs against the usage that Apify counts for it: sums side by side, what belongs to runs and what
//! doesn't, the verdict. Pure; its renderings are in `reconcile/`'s files.

pub mod json;
mod tables;
pub mod terminal;
mod verdict;

pub use tables::{OF_DAYS, OF_METERS, OF_SERVICES, TABLES};
pub use verdict::ReconcileVerdict;

use std::collections::BTreeMap;

use crate::api::usage::{MonthlyUsage, Service};
use crate::money::Usd;
use crate::period::Period;
use crate::provenance::{Retention, Source};
use crate::report::account_usage::AccountUsage;
use crate::report::facts::Facts;
use crate::report::usage_explained::{EdgeRuns, ExplainedCosts, UsageExplained, is_charge, minus};
use crate::runs::schema::{COLUMNS, METERS, col};

#[derive(Debug, Clone, Default)]
pub struct CycleRuns {
    pub runs: u64,
    pub usage: Usd,
    pub cost_unknown: u64,
    pub provisional: u64,
    /// US dollars by meter, where rows have meters.
    pub meters: Option<[Usd; METERS]>,
    /// Runs that started in the cycle and finished after it: their usage counts in both.
    pub finished_after: EdgeRuns,
    /// Runs that started before the cycle and finished in it, as far as the rows reach.
    pub started_before: EdgeRuns,
    /// Days (UTC) on which runs started, and US dollars of those; none where no cost is known.
    pub days: Vec<(String, Option<Usd>)>,
}

#[derive(Debug, Clone)]
pub struct Reconciliation {
    pub source: Source,
    /// The cycle; `to` is the job's start where it isn't over.
    pub period: Period,
    pub is_over: bool,
    /// Where the runs came from, in words.
    pub runs_from: String,
    /// The same of what Apify counts.
    pub usage_from: String,
    pub retention: Option<Retention>,
    pub proven: bool,
    pub runs: CycleRuns,
    /// The account's builds that started in the cycle; none where they could not be read.
    pub builds: Option<ExplainedCosts>,
    pub usage: MonthlyUsage,
    pub tolerance: Option<Usd>,
}

/// Whether runs (or builds) use a service: the meters of a run's detail, and what Actors charge by event or by result. All
/// else (storage over time, rental, whatever comes) is used outside of them.
pub fn belongs_to_runs(key: &str) -> bool {
    let is_meter = COLUMNS[col::FIRST_METER..col::COMPUTE_UNITS]
        .iter()
        .any(|column| column.meter_key() == key);
    is_meter || is_charge(key)
}

impl Reconciliation {
    /// Of the runs of a cycle, with these facts, and what Apify counts for it; from where in words: the runs, then the count.
    pub fn new(
        facts: &Facts,
        runs: CycleRuns,
        kept: &AccountUsage,
        usage: MonthlyUsage,
        (runs_from, usage_from): (String, String),
    ) -> Reconciliation {
        Reconciliation {
            source: facts.source,
            period: facts.period.clone(),
            is_over: !facts.period.is_cut(),
            runs_from,
            usage_from,
            retention: facts.retention.clone(),
            proven: facts.proof.proven,
            runs,
            builds: kept.builds_explained((usage.from_ms, usage.to_ms)),
            usage,
            tolerance: None,
        }
    }

    /// Services that belong to runs, and the others; each in the API's order.
    pub fn services(&self) -> (Vec<&Service>, Vec<&Service>) {
        let services = self.usage.services.iter().flatten();
        services.partition(|service| belongs_to_runs(&service.key))
    }

    /// US dollars of the services that belong to runs, before volume discount; none where an amount is unknown.
    pub fn of_runs(&self) -> Option<Usd> {
        self.usage.services.as_ref().and_then(|_| sum(self.services().0))
    }

    pub fn outside_runs(&self) -> Option<Usd> {
        self.usage.services.as_ref().and_then(|_| sum(self.services().1))
    }

    /// US dollars of the runs' services after volume discount, where each tells them.
    pub fn of_runs_discounted(&self) -> Option<Usd> {
        self.usage.services.as_ref()?;
        let (of_runs, _) = self.services();
        let mut amounts = of_runs.iter().map(|service| service.after_discount);
        amounts.try_fold(Usd::default(), |sum, amount| Some(plus(sum, amount?)))
    }

    /// US dollars of runs and builds with a known cost.
    pub fn used(&self) -> Usd {
        plus(self.runs.usage, self.builds.unwrap_or_default().usage)
    }

    /// What Apify counts for the services that runs and builds use beyond their sum; negative if it counts less, and none where
    /// an amount is unknown.
    pub fn remainder(&self) -> Option<Usd> {
        Some(minus(self.of_runs()?, self.used()))
    }

    /// All that Apify counts, and what is known of it.
    pub fn explained(&self) -> UsageExplained {
        let runs = &self.runs;
        let costs = ExplainedCosts {
            known: runs.runs - runs.cost_unknown,
            usage: runs.usage,
            unknown: runs.cost_unknown,
            is_at_least: !self.proven,
        };
        let across = runs.finished_after.and(runs.started_before);
        let services = self.usage.services.as_deref().unwrap_or_default();
        UsageExplained::new(services, costs, self.builds, across)
    }

    /// Meter by meter, where rows have meters: Apify's key, its count, and the runs' sum.
    pub fn meters(&self) -> Vec<(String, Option<Usd>, Usd)> {
        let Some(meters) = &self.runs.meters else {
            return Vec::new();
        };
        let services = || self.usage.services.iter().flatten();
        let base = |key: &str| services().find(|service| service.key == key);
        let meter = |(at, usd): (usize, &Usd)| {
            let key = COLUMNS[col::FIRST_METER + at].meter_key();
            (base(&key).and_then(|service| service.base), *usd, key)
        };
        let rows = meters.iter().enumerate().map(meter);
        rows.filter(|(counted, usd, _)| counted.is_some() || usd.0 != 0)
            .map(|(counted, usd, key)| (key, counted, usd))
            .collect()
    }

    /// Day by day: what Apify counts for all services before volume discount, and the runs that started then. Approximate on either side.
    pub fn days(&self) -> Vec<(String, Option<Usd>, Option<Usd>)> {
        let mut days: BTreeMap<&str, (Option<Usd>, Option<Usd>)> = BTreeMap::new();
        for day in self.usage.days.iter().flatten() {
            days.entry(&day.date).or_default().0 = day.before_discount();
        }
        for (day, usd) in &self.runs.days {
            days.entry(day).or_default().1 = *usd;
        }
        days.into_iter()
            .map(|(day, (counted, of_runs))| (day.to_string(), counted, of_runs))
            .collect()
    }
}

/// The sum of services' amounts; none where one is unknown.
fn sum<'s>(services: impl IntoIterator<Item = &'s Service>) -> Option<Usd> {
    let mut services = services.into_iter();
    services.try_fold(Usd::default(), |sum, service| Some(plus(sum, service.base?)))
}

/// Amounts beyond what fits stay at the bound: no account has a hundred quintillion dollars of usage.
fn plus(a: Usd, b: Usd) -> Usd {
    Usd(a.0.saturating_add(b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::parse_instant;

    fn usd(text: &str) -> Usd {
        Usd::from_json_number(text).unwrap()
    }

    fn service(key: &str, base: &str, after: &str) -> Service {
        Service {
            key: key.into(),
            quantity: None,
            base: Some(usd(base)),
            after_discount: Some(usd(after)),
        }
    }

    /// $1,000 of compute units, $50 by result, $30 of storage; runs of `runs_usd`.
    fn reconciliation(runs_usd: &str) -> Reconciliation {
        let services = vec![
            service("ACTOR_COMPUTE_UNITS", "1000", "960"),
            service("PAID_ACTORS_PER_DATASET_ITEM", "50", "50"),
            service("DATASET_TIMED_STORAGE_GBYTE_HOURS", "30", "30"),
            service("SOMETHING_NEW", "7", "7"),
        ];
        Reconciliation {
            source: Source::Api,
            period: Period {
                from: parse_instant("2025-09-02T00:00:00.000Z").unwrap(),
                to: parse_instant("2025-10-02T00:00:00.000Z").unwrap(),
                requested_to: parse_instant("2025-10-02T00:00:00.000Z").unwrap(),
                timezone: crate::period::Zone::UTC,
            },
            is_over: true,
            runs_from: "fetched now".into(),
            usage_from: "queried now".into(),
            retention: None,
            proven: true,
            runs: CycleRuns {
                runs: 9,
                usage: usd(runs_usd),
                ..CycleRuns::default()
            },
            builds: Some(ExplainedCosts::default()),
            usage: MonthlyUsage {
                from_ms: 0,
                to_ms: 1,
                services: Some(services),
                days: None,
                before_discount: Some(usd("1087")),
                after_discount: Some(usd("1047")),
                unknown: Vec::new(),
            },
            tolerance: None,
        }
    }

    #[test]
    fn what_belongs_to_runs_is_told_from_what_does_not_and_what_is_new() {
        let all = reconciliation("0");
        assert_eq!(
            (all.of_runs(), all.outside_runs()),
            (Some(usd("1050")), Some(usd("37")))
        );
        assert_eq!(all.of_runs_discounted(), Some(usd("1010")));
    }

    #[test]
    fn within_the_tolerance_it_ties_and_that_is_a_dollar_or_a_thousandth() {
        let verdict = |runs: &str| reconciliation(runs).verdict();
        assert_eq!(reconciliation("0").tolerance(), usd("1.05"));
        assert_eq!(verdict("1050"), ReconcileVerdict::Ties);
        assert_eq!(verdict("1048.95"), ReconcileVerdict::Ties);
        assert_eq!(verdict("1051.05"), ReconcileVerdict::Ties);
        assert_eq!(verdict("1051.06"), ReconcileVerdict::NotAccountedFor(usd("-1.06")));
        let exact = Reconciliation {
            tolerance: Some(usd("0")),
            ..reconciliation("1050.01")
        };
        assert_eq!(exact.verdict(), ReconcileVerdict::NotAccountedFor(usd("-0.01")));
    }

    #[test]
    fn what_explains_a_difference_is_named_and_no_more_than_it_takes() {
        let named = |all: &Reconciliation| match all.verdict() {
            ReconcileVerdict::DiffersByNamedItems(items) => items,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            named(&reconciliation("1000")),
            ["up to $50.00: charges (PAID_ACTORS_PER_DATASET_ITEM) that no run shows"]
        );
        assert!(named(&reconciliation("970"))[1].contains("up to $40.00: volume discount"));
        assert_eq!(
            reconciliation("900").verdict(),
            ReconcileVerdict::NotAccountedFor(usd("60"))
        );
        let mut edge = reconciliation("1060");
        edge.runs.finished_after = EdgeRuns {
            runs: 3,
            usage: usd("12"),
        };
        assert!(named(&edge)[0].contains("up to $12.00: 3 runs that finished after the cycle"));
    }

    #[test]
    fn builds_are_used_beside_runs_and_where_they_are_unknown_more_is_not_judged() {
        let builds = |builds: Option<ExplainedCosts>, runs: &str| Reconciliation {
            builds,
            ..reconciliation(runs)
        };
        let of = |usage: &str, unknown: u64, is_at_least: bool| {
            Some(ExplainedCosts {
                known: 3,
                usage: usd(usage),
                unknown,
                is_at_least,
            })
        };
        assert_eq!(builds(of("150", 0, false), "900").verdict(), ReconcileVerdict::Ties);
        for (read, why) in [
            (None, "the account's builds could not be read"),
            (of("0", 0, true), "builds may be missing"),
            (of("0", 2, false), "the cost of 2 builds is unknown"),
        ] {
            let verdict = builds(read, "900").verdict();
            assert_eq!(verdict, ReconcileVerdict::CannotBeJudged(vec![why.into()]));
        }
        // They can't make Apify's count less.
        assert_eq!(
            builds(None, "1052").verdict(),
            ReconcileVerdict::NotAccountedFor(usd("-2"))
        );
    }

    #[test]
    fn where_runs_or_costs_may_be_missing_it_is_not_judged() {
        let why = |all: Reconciliation| match all.verdict() {
            ReconcileVerdict::CannotBeJudged(why) => why.join("; "),
            other => panic!("{other:?}"),
        };
        let mut unknown = reconciliation("900");
        unknown.runs.cost_unknown = 2;
        assert_eq!(why(unknown), "the cost of 2 runs is unknown");
        let expired = Reconciliation {
            retention: Some(Retention {
                days: 14,
                expired_days: 17,
                period_days: 30,
            }),
            ..reconciliation("1050")
        };
        assert_eq!(why(expired), "INCOMPLETE: 17 of 30 days are past retention");
        let cut = Reconciliation {
            is_over: false,
            ..reconciliation("500")
        };
        assert_eq!(why(cut), "the cycle is not over");
        assert!(
            why(Reconciliation {
                proven: false,
                ..reconciliation("1050")
            })
            .contains("may be missing")
        );
    }

    #[test]
    fn an_amount_that_is_unknown_is_judged_only_where_it_is_not_of_runs() {
        let unknown = |at: usize| {
            let mut all = reconciliation("1050");
            all.usage.services.as_mut().unwrap()[at].base = None;
            all
        };
        let of_runs = unknown(0);
        assert_eq!((of_runs.of_runs(), of_runs.remainder()), (None, None));
        let ReconcileVerdict::CannotBeJudged(why) = of_runs.verdict() else {
            panic!("{:?}", of_runs.verdict());
        };
        assert_eq!(why, ["Apify's answer has no readable amount of ACTOR_COMPUTE_UNITS"]);
        let outside = unknown(2);
        assert_eq!(
            (outside.outside_runs(), outside.verdict()),
            (None, ReconcileVerdict::Ties)
        );
        let mut none = reconciliation("0");
        none.usage.services = None;
        assert!(matches!(none.verdict(), ReconcileVerdict::CannotBeJudged(_)));
    }

    #[test]
    fn meters_stand_beside_what_apify_counts_for_them() {
        let mut all = reconciliation("1");
        assert!(all.meters().is_empty());
        let mut meters = [Usd::default(); METERS];
        (meters[0], meters[11]) = (usd("990"), usd("1"));
        all.runs.meters = Some(meters);
        assert_eq!(
            all.meters(),
            [
                ("ACTOR_COMPUTE_UNITS".to_string(), Some(usd("1000")), usd("990")),
                ("PROXY_SERPS".to_string(), None, usd("1")),
            ]
        );
    }
}
