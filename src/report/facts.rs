//! What a report is about: whose runs, which period, when asked, whether complete. The manifest says the same in the same
//! words, from here.

use serde::{Deserialize, Serialize};

use super::summary::Measures;
use super::text::counted;
use crate::api::client::Account;
use crate::fetch::Proof;
use crate::period::{Period, format_instant};

/// Where runs came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The Apify API.
    Api,
    /// The made-up account.
    Demo,
}

impl Source {
    /// What every output must say of runs from there, if anything.
    pub fn notice(self) -> Option<&'static str> {
        match self {
            Source::Api => None,
            Source::Demo => Some(MADE_UP),
        }
    }
}

/// What every output of the demo says.
const MADE_UP: &str = "MADE-UP ACCOUNT (--demo): no token used, nothing below is real";

/// What was asked for beside the period. Empty lists leave nothing out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Statuses, asked of the API.
    pub status: Vec<String>,
    /// Actor IDs, filtered from the account's list.
    pub actor: Vec<String>,
    /// Task IDs, likewise.
    pub task: Vec<String>,
}

impl Filters {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.status.is_empty() && self.actor.is_empty() && self.task.is_empty()
    }
}

/// The period as files show it; instants as in every other file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodText {
    /// Its first millisecond.
    pub from: String,
    /// The first millisecond after it; the job's start where the period reaches past that.
    pub to: String,
    /// The end that was asked for.
    pub requested_to: String,
    /// The zone in which dates and days are read.
    pub timezone: String,
}

impl From<&Period> for PeriodText {
    fn from(period: &Period) -> PeriodText {
        PeriodText {
            from: format_instant(period.from),
            to: format_instant(period.to),
            requested_to: format_instant(period.requested_to),
            timezone: period.timezone.name().into(),
        }
    }
}

/// What a report is about.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whose runs, where the API said so.
    pub account: Option<Account>,
    /// Where they came from.
    pub source: Source,
    /// The period.
    pub period: Period,
    /// What was left out on request.
    pub filters: Filters,
    /// The job's start, by the server's clock where it told: milliseconds since the epoch.
    pub queried_at_ms: i64,
    /// Whether all are there.
    pub proof: Proof,
    /// What the reader of a figure must know.
    pub caveats: Vec<String>,
}

/// What may be wrong with a set of figures, as counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Doubts {
    /// Runs were deleted, or came, while the period was read.
    pub changed_meanwhile: bool,
    /// Items that made no sense as a run and were taken out.
    pub rejected: u64,
    /// Whether the period was cut at the job's start.
    pub cut: bool,
    /// Whether every run that the API counts is there.
    pub proven: bool,
}

/// What the reader of these figures must know, in sentences.
pub fn caveats(totals: &Measures, doubts: Doubts) -> Vec<String> {
    let mut caveats = Vec::new();
    if !doubts.proven {
        caveats.push("INCOMPLETE: fewer runs were received than the API counts; every total is 'at least'".to_string());
    }
    if doubts.rejected > 0 {
        let runs = counted(doubts.rejected, "listed run makes", "listed runs make");
        caveats.push(format!(
            "{runs} no sense and went to rejected.jsonl instead of the tables"
        ));
    }
    if totals.cost_unknown > 0 {
        let runs = counted(totals.cost_unknown, "run has", "runs have");
        caveats.push(format!("{runs} no cost in the API's list: usage is 'at least'"));
    }
    if totals.provisional > 0 {
        let runs = counted(totals.provisional, "run", "runs");
        caveats.push(format!("the cost of {runs} may still move: not ended, or only just"));
    }
    if doubts.cut {
        caveats.push("the period is not over: this is it so far".into());
    }
    if doubts.changed_meanwhile {
        caveats.push("runs were deleted, or came, while the period was read: see the proof's notes".into());
    }
    caveats
}
