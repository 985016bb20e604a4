//! Apify's own count of a period, by its UTC days, and the account's builds: what an export keeps beside its runs. What of it
//! runs explain is [`super::usage_explained`]'s. Pure; what is asked for is `fetch`'s.

mod cycles;
mod tables;
#[cfg(test)]
mod tests;

use crate::api::builds::Build;
use crate::api::usage::{MonthlyUsage, Service};
use crate::fetch::builds::BuildsRead;
use crate::money::Usd;
use crate::period::{Millis, Period, parse_instant};
use crate::provenance::{BuildsFacts, UsageFacts};
use crate::report::figures::Figures;
use crate::report::usage_explained::{ExplainedCosts, UsageExplained};
use crate::runs::cost_state::SettleRule;
use cycles::{CountedDays, cycles_of, sum_by_service};

pub use cycles::NO_WHOLE_DAY;

pub use tables::{
    BUILDS, BUILDS_BY_ACTOR, BuildSums, SERVICE_COLUMNS, USAGE_BY_DAY, USAGE_BY_SERVICE, USAGE_EXPLAINED,
    explained_table, service_name, sums_by_actor,
};

/// What is known of a period's usage beside its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountUsage {
    pub facts: UsageFacts,
    /// By day; of a day the dearest service first.
    pub by_day: Vec<DayOfService>,
    /// The dearest first.
    pub by_service: Vec<Service>,
    /// All that started in the period, by start and ID.
    pub builds: Vec<KnownBuild>,
}

/// What Apify counts of a service on a UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfService {
    /// Such as `2025-09-02`.
    pub day: String,
    pub service: Service,
}

/// A build with what is known of its cost and its Actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBuild {
    pub build: Build,
    /// As of runs: `settled`, `provisional` or `unknown`.
    pub cost_state: String,
    pub act_name: Option<String>,
}

/// What came of asking for usage and builds; the errors say why they are unknown.
#[derive(Debug)]
pub struct AskedUsage {
    pub cycles: anyhow::Result<Vec<MonthlyUsage>>,
    pub builds: anyhow::Result<BuildsRead>,
}

impl AccountUsage {
    /// The usage of a period from the billing cycles that touch it, asked for at an instant.
    pub fn new(asked: AskedUsage, period: &Period, asked_at: Millis, settle: &SettleRule) -> AccountUsage {
        let counted = asked
            .cycles
            .and_then(|cycles| CountedDays::new(&cycles, period, asked_at));
        let (counted, counted_unknown) = split(counted);
        let counted = counted.unwrap_or_default();
        let (builds, builds_unknown) = split(asked.builds);
        let known = |build: Build| KnownBuild {
            cost_state: settle
                .state(&build.status, build.finished_at_ms, build.usage.is_some())
                .into(),
            act_name: None,
            build,
        };
        AccountUsage {
            facts: UsageFacts {
                counted: counted.facts,
                counted_unknown,
                builds: builds.as_ref().map(|read| BuildsFacts {
                    is_at_least: read.is_at_least,
                    unknown: read.unknown.clone(),
                }),
                builds_unknown,
            },
            by_day: counted.by_day,
            by_service: counted.by_service,
            builds: builds.into_iter().flat_map(|read| read.builds).map(known).collect(),
        }
    }

    /// With the names of the builds' Actors, as far as these are known.
    pub fn named(mut self, name_of: impl Fn(&str) -> Option<String>) -> AccountUsage {
        for known in &mut self.builds {
            known.act_name = known.build.act_id.as_deref().and_then(&name_of);
        }
        self
    }

    /// The same of a part of the period.
    pub fn part(&self, part: &Period) -> AccountUsage {
        let mut facts = self.facts.clone();
        let edges = part.whole_utc_days();
        let counted = facts.counted.take();
        match (counted, edges) {
            (None, _) => {}
            (Some(_), None) => facts.counted_unknown = Some(cycles::NO_WHOLE_DAY.into()),
            (Some(counted), _) if !counted.has_days => {
                facts.counted_unknown =
                    Some("Apify gave no usage by day, so the usage of a part of the period is unknown".into());
            }
            (Some(mut counted), Some((from, to))) => {
                (counted.from, counted.to) = (counted.from.max(from), counted.to.min(to));
                counted
                    .cycles
                    .retain(|cycle| cycle.from < counted.to && cycle.to > counted.from);
                facts.counted = (counted.from < counted.to).then_some(counted);
            }
        }
        let edges = facts.counted.as_ref().map(|counted| (counted.from, counted.to));
        let is_in = |day: &&DayOfService| edges.is_some_and(|(from, to)| (from..to).contains(&day.starts_at()));
        let by_day: Vec<DayOfService> = self.by_day.iter().filter(is_in).cloned().collect();
        let is_of_part = |build: &&KnownBuild| (part.from..part.to).contains(&build.build.started_at_ms);
        AccountUsage {
            by_service: sum_by_service(by_day.iter().map(|day| &day.service)),
            builds: self.builds.iter().filter(is_of_part).cloned().collect(),
            by_day,
            facts,
        }
    }

    /// What the builds cost that started in `[from, to)`; none where builds are unknown.
    pub fn builds_explained(&self, (from, to): (Millis, Millis)) -> Option<ExplainedCosts> {
        let facts = self.facts.builds.as_ref()?;
        let builds = self.builds.iter().map(|known| &known.build);
        let builds = builds.filter(|build| (from..to).contains(&build.started_at_ms));
        Some(ExplainedCosts::of_builds(builds, facts.is_at_least))
    }

    /// What runs and builds explain of what Apify counts; none where that is unknown.
    pub fn explained(&self, figures: &Figures, may_lack_runs: bool) -> Option<UsageExplained> {
        let counted = self.facts.counted.as_ref()?;
        let builds = self.builds_explained((counted.from, counted.to));
        let runs = ExplainedCosts {
            is_at_least: may_lack_runs,
            ..figures.of_days.costs(&figures.totals)
        };
        let explained = UsageExplained::new(&self.by_service, runs, builds, figures.of_days.across_edges());
        Some(UsageExplained {
            is_at_least: explained.is_at_least || counted.is_at_least,
            ..explained
        })
    }

    /// The billing cycles as Apify would give them, as far as their days are kept.
    pub fn cycles(&self) -> Vec<MonthlyUsage> {
        let counted = self.facts.counted.as_ref();
        counted.map_or(Vec::new(), |counted| cycles_of(counted, &self.by_day, &self.by_service))
    }

    /// Where what it keeps by service isn't what it keeps by day.
    pub fn contradiction(&self) -> Option<String> {
        let has_days = self.facts.counted.as_ref().is_some_and(|counted| counted.has_days);
        let differs = has_days && sum_by_service(self.by_day.iter().map(|day| &day.service)) != self.by_service;
        differs.then(|| format!("{USAGE_BY_SERVICE}.csv: its sums differ from {USAGE_BY_DAY}.csv"))
    }

    /// What Apify counts by UTC day before volume discount, in order: of each day its midnight and US dollars.
    pub fn days_before_discount(&self) -> Vec<(Millis, Usd)> {
        let mut days: Vec<(Millis, Usd)> = Vec::new();
        for of_day in &self.by_day {
            let usd = of_day.service.base.unwrap_or_default();
            match days.last_mut() {
                Some((day, sum)) if *day == of_day.starts_at() => *sum = sum.saturating_add(usd),
                _ => days.push((of_day.starts_at(), usd)),
            }
        }
        days
    }
}

impl DayOfService {
    /// Its midnight.
    fn starts_at(&self) -> Millis {
        midnight_of(&self.day).unwrap_or(Millis::MIN)
    }
}

/// The first millisecond of a UTC day such as `2025-09-02`.
pub fn midnight_of(day: &str) -> Option<Millis> {
    parse_instant(&format!("{day}T00:00:00.000Z"))
}

fn split<T>(result: anyhow::Result<T>) -> (Option<T>, Option<String>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(why) => (None, Some(why.to_string())),
    }
}
