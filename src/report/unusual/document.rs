//! Findings as JSON documents have them.

use serde::Serialize;

use super::words::date_text;
use super::{UnusualDay, UnusualDays, UnusualKind};
use crate::money::{Usd, ratio_6_places};

/// A UTC day on which an Actor, or the whole account, used more than usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnusualDayDocument {
    /// The UTC day.
    pub day: String,
    /// The Actor; null for the whole account.
    pub act_id: Option<String>,
    /// The Actor's name; null if it is unknown, and for the whole account.
    pub act_name: Option<String>,
    /// Usage of the day's runs whose cost is known.
    pub usage_usd: Usd,
    /// Runs of the day whose cost is unknown; the usage excludes them.
    pub runs_cost_unknown: u64,
    /// Median of the days before.
    pub median_usd: Usd,
    /// Usage up to this amount is usual.
    pub usual_limit_usd: Usd,
    /// The usage divided by the median, with six places; null if the median is zero.
    pub times: Option<String>,
    /// `above_usual`, or `first_use`: an Actor of which no earlier usage is known.
    pub kind: &'static str,
    /// The finding as a sentence.
    pub text: String,
}

/// Days that were not judged, because too few of the 28 days before are complete and settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotJudgedDocument {
    pub days: u64,
    /// The first of these UTC days.
    pub first: String,
    /// The last of these UTC days.
    pub last: String,
    pub text: String,
}

impl UnusualKind {
    pub fn code(self) -> &'static str {
        match self {
            UnusualKind::AboveUsual => "above_usual",
            UnusualKind::FirstUse => "first_use",
        }
    }
}

impl UnusualDay {
    fn document(&self) -> UnusualDayDocument {
        let times = ratio_6_places(self.usage.0, self.usual.median.0).filter(|_| self.usual.median.0 > 0);
        UnusualDayDocument {
            day: date_text(self.day),
            act_id: self.act_id.clone(),
            act_name: self.act_name.clone(),
            usage_usd: self.usage,
            runs_cost_unknown: self.cost_unknown,
            median_usd: self.usual.median,
            usual_limit_usd: self.usual.limit,
            times: times.map(|times| times.to_string()),
            kind: self.kind.code(),
            text: self.sentence(),
        }
    }
}

impl UnusualDays {
    pub fn documents(&self) -> Vec<UnusualDayDocument> {
        self.found.iter().map(UnusualDay::document).collect()
    }

    pub fn not_judged_document(&self) -> Option<NotJudgedDocument> {
        Some(NotJudgedDocument {
            days: self.not_judged.len() as u64,
            first: date_text(*self.not_judged.first()?),
            last: date_text(*self.not_judged.last()?),
            text: self.not_judged_sentence()?,
        })
    }
}
