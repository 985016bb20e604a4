//! Whether a cycle's runs and builds add up to what Apify counts: within a tolerance, or by what is named, or not.

use super::{Reconciliation, plus};
use crate::money::Usd;
use crate::provenance::Retention;
use crate::report::usage_explained::{EdgeRuns, is_charge, minus};
use crate::text::{counted, escape_control};

/// The least tolerance: a dollar.
const LEAST_TOLERANCE: Usd = Usd(1_000_000_000_000_000_000);
/// The tolerance's share of what is compared: a thousandth.
const TOLERANCE_PARTS: i128 = 1000;

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

impl Reconciliation {
    pub fn tolerance(&self) -> Usd {
        let share = Usd(self.of_runs().unwrap_or_default().0.saturating_abs() / TOLERANCE_PARTS);
        self.tolerance.unwrap_or(LEAST_TOLERANCE.max(share))
    }

    /// A verdict in a sentence with its figures, without what it names.
    pub fn sentence(&self, verdict: &ReconcileVerdict) -> String {
        let (used, tolerance) = (self.used().dollars(), self.tolerance().dollars());
        let of_runs = self.of_runs().map_or("an unknown amount".into(), Usd::dollars);
        let figures = format!("runs and builds come to {used}, Apify counts {of_runs} for the services that they use");
        match verdict {
            ReconcileVerdict::Ties => format!("matches: {figures} (they differ by at most {tolerance})"),
            ReconcileVerdict::DiffersByNamedItems(_) => format!("differs, but is explained: {figures}"),
            ReconcileVerdict::NotAccountedFor(usd) => {
                format!("differs: {figures}; {} is not explained", usd.dollars())
            }
            ReconcileVerdict::CannotBeJudged(_) => format!("cannot be judged: {figures}"),
        }
    }

    /// The verdict with its figures, and what it names, for people.
    pub fn verdict_sentences(&self) -> Vec<String> {
        let verdict = self.verdict();
        let sentence = self.sentence(&verdict);
        let (lead, why) = match verdict {
            ReconcileVerdict::Ties | ReconcileVerdict::NotAccountedFor(_) => ("", Vec::new()),
            ReconcileVerdict::DiffersByNamedItems(items) => ("; these items explain it:", items),
            ReconcileVerdict::CannotBeJudged(why) => (". Why:", why),
        };
        let why = why.iter().map(|why| escape_control(why));
        std::iter::once(sentence + lead).chain(why).collect()
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
            let words = format!("charges ({}) that no run shows", service.key);
            item(service.base?, nothing, service.base?, words)
        });
        let discount = self.of_runs_discounted().and_then(|discounted| {
            let discount = minus(self.of_runs()?, discounted);
            let words = "volume discount, if the costs of runs already include it";
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
