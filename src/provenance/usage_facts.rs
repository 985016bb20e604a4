//! What an export states about Apify's own count of its period, and about the account's builds; the amounts are in files.

use serde::{Deserialize, Serialize};

use crate::money::Usd;
use crate::period::{Millis, instant_text};

/// Apify's own count of an export's period, and the account's builds in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageFacts {
    /// Null where it is unknown.
    pub counted: Option<CountedFacts>,
    /// Why it is.
    pub counted_unknown: Option<String>,
    /// Null where the builds are unknown.
    pub builds: Option<BuildsFacts>,
    /// Why they are.
    pub builds_unknown: Option<String>,
}

/// Which usage Apify counts, and how sure that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedFacts {
    /// The first of the whole UTC days that lie within the period.
    #[serde(with = "instant_text")]
    pub from: Millis,
    /// The midnight after the last of them; the last one may not be over where the period isn't.
    #[serde(with = "instant_text")]
    pub to: Millis,
    /// When Apify was asked.
    #[serde(rename = "queried_at", with = "instant_text")]
    pub queried_at_ms: Millis,
    /// The billing cycles that were asked for, in order.
    pub cycles: Vec<CycleFacts>,
    /// Whether Apify gave usage by day; without, only whole cycles are counted.
    pub has_days: bool,
    /// Whether an amount is unknown, so that sums are at least that.
    pub is_at_least: bool,
    /// Fields of Apify's answers that could not be read.
    pub unknown: Vec<String>,
    /// Where Apify's answers contradict themselves, in words.
    pub notes: Vec<String>,
}

/// A billing cycle as Apify counts it, wherever the period's edges are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleFacts {
    /// The first millisecond of the cycle.
    #[serde(with = "instant_text")]
    pub from: Millis,
    /// The first millisecond after it.
    #[serde(with = "instant_text")]
    pub to: Millis,
    /// Whether it was over when it was asked for: Apify goes on counting until then.
    pub is_over: bool,
    /// All of its usage, as Apify adds it up.
    pub before_discount_usd: Option<Usd>,
    /// The same after volume discount.
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
    /// Whether some may be missing.
    pub is_at_least: bool,
    /// Items and fields that could not be read.
    pub unknown: Vec<String>,
}
