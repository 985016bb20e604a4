//! A billing cycle's runs against the usage that Apify counts for it: sums side by side, what belongs to runs and what
//! doesn't, the verdict. Pure; its renderings are in `reconcile/`'s files.

pub mod json;
pub mod terminal;

use std::collections::BTreeMap;

use crate::api::usage::{MonthlyUsage, Service};
use crate::money::Usd;
use crate::period::Period;
use crate::provenance::{Retention, Source};
use crate::report::usage_explained::{EdgeRuns, ExplainedCosts, UsageExplained, is_charge, minus};
use crate::runs::schema::{COLUMNS, METERS, col};
use crate::text::counted;

/// The least tolerance: a dollar.
const LEAST_TOLERANCE: Usd = Usd(1_000_000_000_000_000_000);
/// The tolerance's share of what is compared: a thousandth.
const TOLERANCE_PARTS: i128 = 1000;

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
    pub retention: Option<Retention>,
    pub proven: bool,
    pub runs: CycleRuns,
    /// The account's builds that started in the cycle; none where they could not be read.
    pub builds: Option<ExplainedCosts>,
    pub usage: MonthlyUsage,
    pub tolerance: Option<Usd>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReconcileVerdict {
    /// Runs and builds add up to what Apify counts for the services that they use.
    Ties,
    /// They don't, and what they differ by is named.
    DiffersByNamedItems(Vec<String>),
    /// They don't, by so many US dollars that nothing accounts for.
    NotAccountedFor(Usd),
    /// Nobody can tell, for these reasons.
    CannotBeJudged(Vec<String>),
}

impl ReconcileVerdict {
    pub fn name(&self) -> &'static str {
        match self {
            ReconcileVerdict::Ties => "ties",
            ReconcileVerdict::DiffersByNamedItems(_) => "differs_by_named_items",
            ReconcileVerdict::NotAccountedFor(_) => "not_accounted_for",
            ReconcileVerdict::CannotBeJudged(_) => "cannot_be_judged",
        }
    }

    /// The same for people.
    pub fn words(&self) -> &'static str {
        match self {
            ReconcileVerdict::Ties => "matches",
            ReconcileVerdict::DiffersByNamedItems(_) => "differs, but is explained",
            ReconcileVerdict::NotAccountedFor(_) => "differs and is not explained",
            ReconcileVerdict::CannotBeJudged(_) => "cannot be judged",
        }
    }

    pub fn is_unexplained(&self) -> bool {
        matches!(
            self,
            ReconcileVerdict::NotAccountedFor(_) | ReconcileVerdict::CannotBeJudged(_)
        )
    }
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
        let (runs, edges) = (&self.runs, [self.runs.finished_after, self.runs.started_before]);
        let costs = ExplainedCosts {
            known: runs.runs - runs.cost_unknown,
            usage: runs.usage,
            unknown: runs.cost_unknown,
            is_at_least: !self.proven,
        };
        let across = edges.into_iter().fold(EdgeRuns::default(), |all, edge| EdgeRuns {
            runs: all.runs + edge.runs,
            usage: plus(all.usage, edge.usage),
        });
        let services = self.usage.services.as_deref().unwrap_or_default();
        UsageExplained::new(services, costs, self.builds, across)
    }

    pub fn tolerance(&self) -> Usd {
        let share = Usd(self.of_runs().unwrap_or_default().0.saturating_abs() / TOLERANCE_PARTS);
        self.tolerance.unwrap_or(LEAST_TOLERANCE.max(share))
    }

    /// A verdict in a sentence with its figures; what it names follows it.
    pub fn sentence(&self, verdict: &ReconcileVerdict) -> String {
        let (used, tolerance) = (self.used().dollars(), self.tolerance().dollars());
        let of_runs = self.of_runs().map_or("an unknown amount".into(), Usd::dollars);
        let figures = format!("runs and builds come to {used}, Apify counts {of_runs} for the services that they use");
        match verdict {
            ReconcileVerdict::Ties => format!("matches: {figures} (they differ by at most {tolerance})"),
            ReconcileVerdict::DiffersByNamedItems(_) => {
                format!("differs, but is explained: {figures}; these items explain it:")
            }
            ReconcileVerdict::NotAccountedFor(usd) => {
                format!("differs: {figures}; {} is not explained", usd.dollars())
            }
            ReconcileVerdict::CannotBeJudged(_) => format!("cannot be judged: {figures}, and"),
        }
    }

    pub fn verdict(&self) -> ReconcileVerdict {
        let within = |usd: Usd| usd.0.saturating_abs() <= self.tolerance().0;
        if let Some(headline) = self.retention.as_ref().and_then(Retention::headline) {
            return ReconcileVerdict::CannotBeJudged(vec![headline]);
        }
        if !self.proven {
            return ReconcileVerdict::CannotBeJudged(vec!["runs may be missing".into()]);
        }
        let Some(remainder) = self.remainder() else {
            return ReconcileVerdict::CannotBeJudged(self.unknown_amounts());
        };
        if within(remainder) {
            return ReconcileVerdict::Ties;
        }
        // Only as many of them as it takes, of those that move it the right way.
        let (mut least, mut most, mut named) = (Usd::default(), Usd::default(), Vec::new());
        let helps = |item: &ReconcileItem| {
            if remainder.0 > 0 {
                item.most.0 > 0
            } else {
                item.least.0 < 0
            }
        };
        for item in self.named_items().into_iter().filter(helps) {
            (least, most) = (plus(least, item.least), plus(most, item.most));
            named.push(item.words);
            if within(beyond(remainder, least, most)) {
                return ReconcileVerdict::DiffersByNamedItems(named);
            }
        }
        let doubts = self.doubts(remainder);
        if doubts.is_empty() {
            ReconcileVerdict::NotAccountedFor(beyond(remainder, least, most))
        } else {
            ReconcileVerdict::CannotBeJudged(doubts)
        }
    }

    /// Which of Apify's amounts are unknown that the runs are compared with.
    fn unknown_amounts(&self) -> Vec<String> {
        let (of_runs, _) = self.services();
        let unknown = of_runs.iter().filter(|service| service.base.is_none());
        let unknown = unknown.map(|service| format!("Apify's answer has no readable amount of {}", service.key));
        match &self.usage.services {
            Some(_) => unknown.collect(),
            None => vec!["Apify's answer has no readable amounts of services".into()],
        }
    }

    /// What may make Apify's count more (or less) than the sum of the runs, and by how much.
    fn named_items(&self) -> Vec<ReconcileItem> {
        let nothing = Usd::default();
        let item = |usd: Usd, least: Usd, most: Usd, words: String| {
            let words = format!("up to {}: {words}", usd.dollars());
            (usd.0 > 0).then_some(ReconcileItem { least, most, words })
        };
        // Requests to a Standby Actor of several users are charged without a run of the payer, and results where no run shows it.
        let services = self.usage.services.iter().flatten();
        let charges = services.filter(|service| is_charge(&service.key));
        let charges = charges.filter_map(|service| {
            let words = format!("{} that no run shows", service.key);
            item(service.base?, nothing, service.base?, words)
        });
        let discount = self.of_runs_discounted().and_then(|discounted| {
            let discount = minus(self.of_runs()?, discounted);
            let words = "volume discount, if the costs of runs are after it";
            item(discount, nothing, discount, words.into())
        });
        let runs = |edge: EdgeRuns, side: &str| format!("{} that {side} the cycle", counted(edge.runs, "run", "runs"));
        let (after, before) = (self.runs.finished_after, self.runs.started_before);
        let edges = [
            item(after.usage, Usd(-after.usage.0), nothing, runs(after, "finished after")),
            item(before.usage, nothing, before.usage, runs(before, "started before")),
        ];
        charges.chain([discount].into_iter().chain(edges).flatten()).collect()
    }

    /// Why a difference may be no difference of the runs.
    fn doubts(&self, remainder: Usd) -> Vec<String> {
        let mut doubts = Vec::new();
        // Runs without a cost only make Apify's count more than the sum of the runs, never less.
        if self.runs.cost_unknown > 0 && remainder.0 > 0 {
            doubts.push(format!(
                "the cost of {} is unknown",
                counted(self.runs.cost_unknown, "run", "runs")
            ));
        }
        match self.builds {
            None if remainder.0 > 0 => doubts.push("the account's builds could not be read".into()),
            Some(builds) if builds.is_at_least && remainder.0 > 0 => doubts.push("builds may be missing".into()),
            Some(builds) if builds.unknown > 0 && remainder.0 > 0 => doubts.push(format!(
                "the cost of {} is unknown",
                counted(builds.unknown, "build", "builds")
            )),
            _ => {}
        }
        if self.runs.provisional > 0 {
            doubts.push(format!(
                "the cost of {} is provisional",
                counted(self.runs.provisional, "run", "runs")
            ));
        }
        if !self.is_over {
            doubts.push("the cycle is not over".into());
        }
        doubts
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

    /// Day by day: what Apify counts for all services, and the runs that started then. Approximate on either side.
    pub fn days(&self) -> Vec<(String, Option<Usd>, Option<Usd>)> {
        let mut days: BTreeMap<&str, (Option<Usd>, Option<Usd>)> = BTreeMap::new();
        for day in self.usage.days.iter().flatten() {
            days.entry(&day.date).or_default().0 = day.total;
        }
        for (day, usd) in &self.runs.days {
            days.entry(day).or_default().1 = *usd;
        }
        days.into_iter()
            .map(|(day, (counted, of_runs))| (day.to_string(), counted, of_runs))
            .collect()
    }
}

/// By how much an amount lies outside of an interval.
fn beyond(amount: Usd, least: Usd, most: Usd) -> Usd {
    minus(amount, amount.clamp(least, most))
}

/// A reason for a difference, as an interval of what it adds to Apify's count beyond the sum of the runs.
struct ReconcileItem {
    least: Usd,
    most: Usd,
    words: String,
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
            ["up to $50.00: PAID_ACTORS_PER_DATASET_ITEM that no run shows"]
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
