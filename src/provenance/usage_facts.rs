//! What an export states about Apify's own count of its period, and about the account's builds; the amounts are in files.

use serde::{Deserialize, Serialize};

use crate::money::Usd;
use crate::period::{Millis, instant_text};

/// Apify's own count of an export's period, and the account's builds in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageFacts {
    /// Apify's count; null if it is unknown.
    pub counted: Option<CountedFacts>,
    /// Why Apify's count is unknown.
    pub counted_unknown: Option<String>,
    /// Facts about the builds; null if they are unknown.
    pub builds: Option<BuildsFacts>,
    /// Why the builds are unknown.
    pub builds_unknown: Option<String>,
}

/// Which days Apify's count covers, and how complete it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedFacts {
    /// The first of the whole UTC days that lie within the period.
    #[serde(with = "instant_text")]
    pub from: Millis,
    /// The midnight after the last of those days. If the period is not over, the last day may not be over either.
    #[serde(with = "instant_text")]
    pub to: Millis,
    /// When Apify was asked.
    #[serde(rename = "queried_at", with = "instant_text")]
    pub queried_at_ms: Millis,
    /// The requested billing cycles, in order.
    pub cycles: Vec<CycleFacts>,
    /// Whether Apify gave usage by day; if not, only whole cycles are counted.
    pub has_days: bool,
    /// Whether an amount is unknown, so totals are a minimum.
    pub is_at_least: bool,
    /// Fields of Apify's answers that could not be read.
    pub unknown: Vec<String>,
    /// Sentences about contradictions within Apify's answers.
    pub notes: Vec<String>,
}

/// A whole billing cycle as Apify counts it, also if the period covers only a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleFacts {
    /// The first millisecond of the cycle.
    #[serde(with = "instant_text")]
    pub from: Millis,
    /// The first millisecond after the cycle.
    #[serde(with = "instant_text")]
    pub to: Millis,
    /// Whether the cycle was over when Apify was queried; until its end, the count grows.
    pub is_over: bool,
    /// All usage of the cycle, as Apify adds it up.
    pub before_discount_usd: Option<Usd>,
    /// All usage of the cycle after volume discount.
    pub after_discount_usd: Option<Usd>,
}

impl CountedFacts {
    /// Whether all of a cycle's days are counted, or all so far.
    pub fn holds(&self, cycle: &CycleFacts) -> bool {
        self.from <= cycle.from && cycle.to.min(self.queried_at_ms) <= self.to
    }

    /// The cycle that was not over, if there is one.
    pub fn open_cycle(&self) -> Option<&CycleFacts> {
        self.cycles.iter().find(|cycle| !cycle.is_over)
    }
}

/// How complete the list of builds is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildsFacts {
    /// Whether builds may be missing.
    pub is_at_least: bool,
    /// Items and fields of the list of builds that could not be read.
    pub unknown: Vec<String>,
}
