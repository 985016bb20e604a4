//! What Apify counts of a period, beside what its runs and builds explain: sums, and the rest as one signed amount that is not
//! split. Pure.
//!
//! No service belongs to runs alone: compute units serve runs and builds, transfer goes on after a run has ended, and requests to
//! a Standby Actor of several users are charged without a run of the payer. A run's cost is on the day of its start, Apify counts
//! usage on the day of use. So the rest may be negative, and its parts are told beside it, never taken out of it.

use serde::Serialize;

use crate::api::builds::Build;
use crate::api::usage::Service;
use crate::money::{Ratio, Usd, share_6_places};
use crate::text::{counted, thousands};

/// What Apify counts, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageExplained {
    /// All services before volume discount, in US dollars; none where no amount of theirs is known.
    pub counted: Option<Usd>,
    /// Whether the amount of a service is unknown.
    pub is_at_least: bool,
    /// Below zero; none where an amount after discount is unknown.
    pub discount: Option<Usd>,
    pub runs: ExplainedCosts,
    /// None where the account's builds could not be read.
    pub builds: Option<ExplainedCosts>,
    /// What is stored over time.
    pub storage: Usd,
    pub storage_services: usize,
    /// Runs that started in the period and finished after it, or the other way round: their usage is in it in part.
    pub across_edges: EdgeRuns,
    /// What Actors charge by event or by result, of which runs may show a part or nothing.
    pub charges: Usd,
}

/// Runs or builds that started in a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExplainedCosts {
    pub known: u64,
    /// US dollars of those.
    pub usage: Usd,
    pub unknown: u64,
    /// Whether more of them may be there.
    pub is_at_least: bool,
}

impl ExplainedCosts {
    /// What builds cost, of which more may be there.
    pub fn of_builds<'b>(builds: impl IntoIterator<Item = &'b Build>, is_at_least: bool) -> ExplainedCosts {
        let none = ExplainedCosts {
            is_at_least,
            ..ExplainedCosts::default()
        };
        builds.into_iter().fold(none, |sum, build| sum.with(build.usage))
    }

    /// With one more.
    pub fn with(self, usage: Option<Usd>) -> ExplainedCosts {
        ExplainedCosts {
            known: self.known + u64::from(usage.is_some()),
            unknown: self.unknown + u64::from(usage.is_none()),
            usage: self.usage.saturating_add(usage.unwrap_or_default()),
            is_at_least: self.is_at_least,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EdgeRuns {
    pub runs: u64,
    /// Their US dollars, which belong to the period in part.
    pub usage: Usd,
}

impl EdgeRuns {
    /// Adds a run.
    pub fn add(&mut self, usage: Option<Usd>) {
        self.runs += 1;
        self.usage = self.usage.saturating_add(usage.unwrap_or_default());
    }

    /// Both together.
    pub fn and(self, other: EdgeRuns) -> EdgeRuns {
        EdgeRuns {
            runs: self.runs + other.runs,
            usage: self.usage.saturating_add(other.usage),
        }
    }
}

pub const NOT_ATTRIBUTED: &str = "not_attributed";

/// The lines of the table in their order: what files call them, and the words for people.
pub const ITEMS: [(&str, &str); 6] = [
    ("counted", "Apify counts, before volume discount"),
    ("runs", "runs with a known cost, by their start"),
    ("builds", "builds with a known cost"),
    ("storage", "storage over time"),
    (NOT_ATTRIBUTED, "not attributed to a run or build"),
    ("volume_discount", "Volume discount"),
];

/// A line of the table: what it is, its dollars, and what else must be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine {
    /// Its name in files.
    pub item: &'static str,
    /// The same for people.
    pub name: &'static str,
    /// A part of the line above, unless it is one of its own.
    pub is_part: bool,
    pub usd: Option<Usd>,
    pub note: String,
}

/// Whether a service is storage over time, which no run or build uses.
fn is_storage(key: &str) -> bool {
    key.contains("_TIMED_STORAGE_")
}

/// Whether a service is what Actors charge beyond the platform's meters.
pub fn is_charge(key: &str) -> bool {
    key.starts_with("PAID_ACTORS_PER_")
}

impl UsageExplained {
    pub fn new(
        services: &[Service],
        runs: ExplainedCosts,
        builds: Option<ExplainedCosts>,
        across_edges: EdgeRuns,
    ) -> UsageExplained {
        let sum_of = |is_one: &dyn Fn(&str) -> bool| {
            let of_kind = services.iter().filter(|service| is_one(&service.key));
            of_kind
                .filter_map(|service| service.base)
                .fold(Usd::default(), Usd::saturating_add)
        };
        let difference = |service: &Service| Some(minus(service.after_discount?, service.base?));
        let differences: Option<Vec<Usd>> = services.iter().map(difference).collect();
        UsageExplained {
            counted: services
                .iter()
                .any(|service| service.base.is_some())
                .then(|| sum_of(&|_| true)),
            is_at_least: services.iter().any(|service| service.base.is_none()),
            discount: differences.map(|all| all.into_iter().fold(Usd::default(), Usd::saturating_add)),
            runs,
            builds,
            storage: sum_of(&is_storage),
            storage_services: services.iter().filter(|service| is_storage(&service.key)).count(),
            across_edges,
            charges: sum_of(&is_charge),
        }
    }

    /// What neither runs nor builds of known cost nor storage explain; negative where they come to more.
    pub fn not_attributed(&self) -> Option<Usd> {
        let builds = self.builds.unwrap_or_default().usage;
        let explained = self.runs.usage.saturating_add(builds).saturating_add(self.storage);
        Some(minus(self.counted?, explained))
    }

    /// The part of what Apify counts, 6 places; none where it counts nothing, or less than is explained.
    pub fn share_not_attributed(&self) -> Option<Ratio> {
        share_6_places(self.not_attributed()?, self.counted?)
    }

    /// The table for people, line by line.
    pub fn lines(&self) -> Vec<UsageLine> {
        let runs = match self.runs.is_at_least {
            true => format!("at least {} runs", thousands(self.runs.known)),
            false => counted(self.runs.known, "run", "runs"),
        };
        let (builds_usd, builds) = match self.builds {
            None => (None, "could not be read".into()),
            Some(builds) if builds.is_at_least => {
                let least = thousands(builds.known);
                (Some(builds.usage), format!("at least {least} builds"))
            }
            Some(builds) => (Some(builds.usage), counted(builds.known, "build", "builds")),
        };
        let share = self.share_not_attributed().and_then(Ratio::percent).unwrap_or_default();
        let at_least = if self.is_at_least { "at least" } else { "" };
        let amounts = [
            (self.counted, at_least.to_string()),
            (Some(self.runs.usage), runs),
            (builds_usd, builds),
            (
                Some(self.storage),
                counted(self.storage_services as u64, "service", "services"),
            ),
            (self.not_attributed(), share),
            (self.discount, String::new()),
        ];
        let line = |((item, name), (usd, note)): ((&'static str, &'static str), (Option<Usd>, String))| UsageLine {
            item,
            name,
            is_part: !matches!(item, "counted" | "volume_discount"),
            usd,
            note,
        };
        ITEMS.into_iter().zip(amounts).map(line).collect()
    }

    /// What may be a part of the amount that is not attributed.
    pub fn among_the_rest(&self) -> Vec<String> {
        let mut among = Vec::new();
        if self.runs.unknown > 0 {
            among.push(format!("{} of unknown cost", counted(self.runs.unknown, "run", "runs")));
        }
        let unknown_builds = self.builds.unwrap_or_default().unknown;
        if unknown_builds > 0 {
            among.push(format!(
                "{} of unknown cost",
                counted(unknown_builds, "build", "builds")
            ));
        }
        if self.across_edges.runs > 0 {
            let EdgeRuns { runs, usage } = self.across_edges;
            let runs = counted(runs, "run", "runs");
            among.push(format!(
                "{runs} that cross the edges of the period (total: {})",
                usage.dollars()
            ));
        }
        if self.charges.0 != 0 {
            let charges = self.charges.dollars();
            among.push(format!(
                "charges by event or result that no run shows (part of {charges})"
            ));
        }
        among
    }

    /// What is explained, in a sentence with its figures.
    pub fn sentence(&self) -> String {
        let (Some(all), Some(rest)) = (self.counted, self.not_attributed()) else {
            return "Apify's answer has no readable amounts, so nothing can be compared with it".into();
        };
        let explained = minus(all, rest);
        let least = if self.is_at_least { "at least " } else { "" };
        let share = share_6_places(rest, all).and_then(Ratio::percent);
        let share = share.map_or(String::new(), |share| format!(" ({share})"));
        format!(
            "runs and builds with a known cost and storage over time come to {}, Apify counts {least}{}; {}{share} is not attributed",
            explained.dollars(),
            all.dollars(),
            rest.dollars()
        )
    }

    /// The same as a part of a JSON document. Money is decimal text, exact.
    pub fn document(&self) -> UsageExplainedDocument {
        UsageExplainedDocument {
            sentence: self.sentence(),
            counted_usd: self.counted,
            counted_is_at_least: self.is_at_least,
            runs: CostsDocument::of(self.runs),
            builds: self.builds.map(CostsDocument::of),
            storage_usd: self.storage,
            storage_services: self.storage_services,
            not_attributed_usd: self.not_attributed(),
            not_attributed_share: self.share_not_attributed().map(|share| share.to_string()),
            runs_across_edges: self.across_edges.runs,
            runs_across_edges_usd: self.across_edges.usage,
            charges_usd: self.charges,
            volume_discount_usd: self.discount,
        }
    }
}

/// Usage that Apify counts for a period, and how much of it runs and builds explain.
#[derive(Debug, Serialize)]
pub struct UsageExplainedDocument {
    /// The result as a sentence for people.
    sentence: String,
    /// Usage of all services before volume discount; null if no amount is known.
    counted_usd: Option<Usd>,
    /// Whether the amount of a service is unknown.
    counted_is_at_least: bool,
    runs: CostsDocument,
    /// Builds; null if they could not be read.
    builds: Option<CostsDocument>,
    storage_usd: Usd,
    storage_services: usize,
    /// Apify's count minus runs, builds and storage; may be negative.
    not_attributed_usd: Option<Usd>,
    /// The part of Apify's count that is not attributed, with 6 decimal places; null if it is below zero, or Apify counts nothing.
    not_attributed_share: Option<String>,
    runs_across_edges: u64,
    runs_across_edges_usd: Usd,
    /// Charges by event and by result, including those that no run shows.
    charges_usd: Usd,
    /// Volume discount as a negative amount; null if an amount after discount is unknown.
    volume_discount_usd: Option<Usd>,
}

#[derive(Debug, Serialize)]
struct CostsDocument {
    cost_known: u64,
    usage_usd: Usd,
    cost_unknown: u64,
    is_at_least: bool,
}

impl CostsDocument {
    fn of(costs: ExplainedCosts) -> CostsDocument {
        CostsDocument {
            cost_known: costs.known,
            usage_usd: costs.usage,
            cost_unknown: costs.unknown,
            is_at_least: costs.is_at_least,
        }
    }
}

/// A difference beyond what fits stays at the bound: no account has a hundred quintillion dollars of usage.
pub fn minus(a: Usd, b: Usd) -> Usd {
    Usd(a.0.saturating_sub(b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> Usd {
        Usd::from_json_number(text).unwrap()
    }

    fn service(key: &str, base: Option<&str>, after: Option<&str>) -> Service {
        Service {
            key: key.into(),
            quantity: None,
            base: base.map(usd),
            after_discount: after.map(usd),
        }
    }

    fn costs(known: u64, usage: &str, unknown: u64) -> ExplainedCosts {
        ExplainedCosts {
            known,
            usage: usd(usage),
            unknown,
            is_at_least: false,
        }
    }

    fn services() -> Vec<Service> {
        vec![
            service("ACTOR_COMPUTE_UNITS", Some("100"), Some("96")),
            service("PAID_ACTORS_PER_EVENT", Some("20.5"), Some("20.5")),
            service("DATASET_TIMED_STORAGE_GBYTE_HOURS", Some("7"), Some("7")),
            service("PROXY_SERPS", Some("1.25"), Some("1.25")),
        ]
    }

    #[test]
    fn the_table_adds_up_and_the_rest_is_one_amount() {
        let edges = EdgeRuns {
            runs: 2,
            usage: usd("3"),
        };
        let all = UsageExplained::new(&services(), costs(9, "110", 1), Some(costs(2, "0.5", 0)), edges);
        assert_eq!(all.counted, Some(usd("128.75")));
        assert_eq!(all.not_attributed(), Some(usd("11.25")));
        assert_eq!(all.discount, Some(usd("-4")));
        let lines: Vec<(String, String, String)> = all
            .lines()
            .into_iter()
            .map(|line| (line.name.to_string(), line.usd.unwrap().to_string(), line.note))
            .collect();
        let expected = [
            ("Apify counts, before volume discount", "128.75", ""),
            ("runs with a known cost, by their start", "110", "9 runs"),
            ("builds with a known cost", "0.5", "2 builds"),
            ("storage over time", "7", "1 service"),
            ("not attributed to a run or build", "11.25", "8.7%"),
            ("Volume discount", "-4", ""),
        ];
        assert_eq!(
            lines,
            expected.map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string()))
        );
        assert_eq!(
            all.among_the_rest(),
            [
                "1 run of unknown cost",
                "2 runs that cross the edges of the period (total: $3.00)",
                "charges by event or result that no run shows (part of $20.50)",
            ]
        );
        assert_eq!(
            all.sentence(),
            "runs and builds with a known cost and storage over time come to $117.50, Apify counts $128.75; $11.25 (8.7%) is not attributed"
        );
    }

    #[test]
    fn the_rest_may_be_negative_and_what_is_unknown_is_told() {
        let all = UsageExplained::new(&services(), costs(9, "200", 0), None, EdgeRuns::default());
        assert_eq!(all.not_attributed(), Some(usd("-78.25")));
        assert_eq!(
            (all.lines()[2].usd, all.lines()[2].note.as_str()),
            (None, "could not be read")
        );
        let mut lacking = services();
        lacking[0] = service("ACTOR_COMPUTE_UNITS", None, None);
        let all = UsageExplained::new(&lacking, costs(1, "1", 0), None, EdgeRuns::default());
        assert_eq!(
            (all.counted, all.is_at_least, all.discount),
            (Some(usd("28.75")), true, None)
        );
        assert!(all.sentence().contains("at least $28.75"));
        let none = UsageExplained::new(&[], costs(1, "1", 0), None, EdgeRuns::default());
        assert_eq!((none.counted, none.not_attributed()), (None, None));
    }

    proptest! {
        #[test]
        fn the_lines_below_what_apify_counts_add_up_to_it(
            amounts in prop::collection::vec(-1_000_000_000_000_i128..1_000_000_000_000_000, 1..9),
            (runs, builds) in (-1_000_000_i128..1_000_000_000, 0_i128..1_000_000_000),
        ) {
            let keys = ["ACTOR_COMPUTE_UNITS", "PROXY_SERPS", "X_TIMED_STORAGE_Y", "PAID_ACTORS_PER_EVENT"];
            let services: Vec<Service> = amounts
                .iter()
                .enumerate()
                .map(|(at, amount)| Service {
                    base: Some(Usd(*amount)),
                    ..service(keys[at % 4], None, None)
                })
                .collect();
            let costs = |usage: i128| ExplainedCosts { usage: Usd(usage), ..ExplainedCosts::default() };
            let all = UsageExplained::new(&services, costs(runs), Some(costs(builds)), EdgeRuns::default());
            let lines = all.lines();
            let parts: i128 = lines.iter().filter(|line| line.is_part).map(|line| line.usd.unwrap().0).sum();
            prop_assert_eq!(parts, amounts.iter().sum::<i128>());
        }
    }
}
