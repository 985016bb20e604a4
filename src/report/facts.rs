//! What a report is about: whose runs, which period, when asked, whether complete; and what its reader must know.

use crate::period::{Millis, Period, format_instant};
use crate::provenance::{Account, Filters, Proof, Retention, Source};
use crate::text::{counted, thousands};

/// Most parts of time that a caveat names.
const MAX_SPANS: usize = 3;

/// What begins a caveat about runs that nobody has.
const INCOMPLETE: &str = "INCOMPLETE: ";
/// No run at all.
const NO_RUN: &str = "no run started in the period, or none that was asked for and this token may list";
/// The list changed.
const CHANGED: &str = "runs were deleted, or came, while the period was read: see the proof's notes";
/// Names that rules go by.
const GROUPS_IN_DOUBT: &str = "names could not all be read, so runs may stand in another group than the rules mean";
/// Items that are no runs.
const REJECTED: &str = "no sense and went to rejected.jsonl instead of the tables";
/// Details that failed.
const DETAILS_FAILED: &str = "could not be read: their rows are as the list gave them";

/// What a report is about.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whose runs, where the API said so.
    pub account: Option<Account>,
    /// Where they came from.
    pub source: Source,
    /// The period.
    pub period: Period,
    /// The period of the export, where this is a part of it.
    pub part_of: Option<Period>,
    /// What was left out on request.
    pub filters: Filters,
    /// The job's start, by the server's clock where it told: milliseconds since the epoch.
    pub queried_at_ms: i64,
    /// Whether all are there.
    pub proof: Proof,
    /// Whether they were put together by several jobs, each of which counted what it received.
    pub by_syncs: bool,
    /// What Apify keeps of it, where it said so.
    pub retention: Option<Retention>,
    /// What the reader of a figure must know.
    pub caveats: Vec<String>,
}

impl Facts {
    /// What every output says first, if part of the period is past retention.
    pub fn expired(&self) -> Option<String> {
        self.retention.as_ref().and_then(Retention::headline)
    }

    /// The caveats that change what a figure means, in order.
    pub fn gaps(&self) -> Vec<&str> {
        let caveats = self.caveats.iter().map(String::as_str);
        caveats.filter(|caveat| is_gap(caveat)).collect()
    }

    /// Whether there may be runs that are not among these.
    pub fn lacks_runs(&self) -> bool {
        !self.proof.proven || self.expired().is_some()
    }
}

/// What may be wrong with a set of figures, as counts.
#[derive(Debug, Clone, Default)]
pub struct Doubts {
    /// Runs without a cost.
    pub cost_unknown: u64,
    /// Runs whose cost may still move.
    pub provisional: u64,
    /// Runs were deleted, or came, while the period was read.
    pub changed_meanwhile: bool,
    /// Whether no run is there.
    pub no_run: bool,
    /// Items that made no sense as a run and were taken out.
    pub rejected: u64,
    /// Whether the period was cut at the job's start.
    pub cut: bool,
    /// Whether every run that the API counts is there.
    pub proven: bool,
    /// Parts `[from, to)` of the period, in milliseconds since the epoch, of which nobody knows whether all runs are there.
    pub unproven: Vec<(Millis, Millis)>,
    /// What Apify keeps of the period.
    pub retention: Option<Retention>,
    /// Runs whose detail could not be had.
    pub details_failed: u64,
    /// Whether names that cost centres go by could not all be read.
    pub groups_in_doubt: bool,
    /// Actors, tasks and budgets that were asked for and that no run is of, as their options.
    pub unmatched: Vec<String>,
}

impl Doubts {
    fn expired(&self) -> Option<String> {
        self.retention.as_ref().and_then(Retention::headline)
    }
}

/// Whether a caveat changes what a figure means: runs may be missing or are not as they should be. Costs that aren't known, or may
/// still move, and a period that isn't over are no such thing: what is there is all that there is by now. Told by its words, so
/// that those of an export that is read back are too.
pub fn is_gap(caveat: &str) -> bool {
    let ends = [REJECTED, DETAILS_FAILED];
    [NO_RUN, CHANGED, GROUPS_IN_DOUBT].contains(&caveat)
        || caveat.starts_with(INCOMPLETE)
        || ends.iter().any(|end| caveat.ends_with(end))
}

/// Whether it is one of details that failed.
pub fn is_of_details(caveat: &str) -> bool {
    caveat.ends_with(DETAILS_FAILED)
}

/// That so many details failed.
pub fn details_failed(failed: u64) -> Option<String> {
    let runs = counted(failed, "run", "runs");
    (failed > 0).then(|| format!("the details of {runs} {DETAILS_FAILED}"))
}

/// The caveats of a part of an export: what its own period, retention and costs make of those of the whole.
pub fn caveats_of_part(whole: &[String], of_whole: &Doubts, of_part: &Doubts) -> Vec<String> {
    let about_whole = caveats(of_whole);
    let mut part = caveats(of_part);
    part.extend(whole.iter().filter(|caveat| !about_whole.contains(caveat)).cloned());
    part
}

/// Parts of time in words, the first ones of many.
pub fn spans(parts: &[(Millis, Millis)]) -> String {
    let told = parts.iter().take(MAX_SPANS);
    let told = told.map(|(from, to)| format!("{} to {}", format_instant(*from), format_instant(*to)));
    let told = told.collect::<Vec<_>>().join(", ");
    match parts.len().saturating_sub(MAX_SPANS) as u64 {
        0 => told,
        more => format!("{told} and {} more", thousands(more)),
    }
}

/// What the reader of these figures must know, in sentences.
pub fn caveats(doubts: &Doubts) -> Vec<String> {
    let mut caveats = Vec::new();
    if let Some((retention, headline)) = doubts.retention.as_ref().zip(doubts.expired()) {
        let days = counted(retention.days, "day", "days");
        caveats.push(format!(
            "{headline}: Apify keeps {days} of runs, and what it has deleted is in no figure; every total is 'at least'"
        ));
    }
    if !doubts.proven {
        caveats.push("INCOMPLETE: fewer runs were received than the API counts; every total is 'at least'".to_string());
    }
    if !doubts.unproven.is_empty() {
        let spans = spans(&doubts.unproven);
        caveats.push(format!(
            "INCOMPLETE: no sync has proven {spans}: what Apify had deleted by then is in no figure; every total is 'at least'"
        ));
    }
    if doubts.no_run {
        caveats.push(NO_RUN.into());
    }
    if doubts.rejected > 0 {
        let runs = counted(doubts.rejected, "listed run makes", "listed runs make");
        caveats.push(format!("{runs} {REJECTED}"));
    }
    if doubts.cost_unknown > 0 {
        let runs = counted(doubts.cost_unknown, "run has", "runs have");
        caveats.push(format!("{runs} no known cost: usage is 'at least'"));
    }
    caveats.extend(details_failed(doubts.details_failed));
    if doubts.provisional > 0 {
        let runs = counted(doubts.provisional, "run", "runs");
        caveats.push(format!("the cost of {runs} may still move: not ended, or only just"));
    }
    if doubts.groups_in_doubt {
        caveats.push(GROUPS_IN_DOUBT.into());
    }
    for option in &doubts.unmatched {
        caveats.push(format!("no run of the period is of {option}"));
    }
    if doubts.cut {
        caveats.push("the period is not over: this is it so far".into());
    }
    if doubts.changed_meanwhile {
        caveats.push(CHANGED.into());
    }
    caveats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_lack_runs_is_a_gap_and_what_may_still_move_is_none() {
        let proven = Doubts {
            proven: true,
            ..Doubts::default()
        };
        let retention = Retention {
            days: 14,
            expired_days: 30,
            period_days: 30,
        };
        let gaps = [
            Doubts {
                proven: false,
                ..proven.clone()
            },
            Doubts {
                unproven: vec![(0, 1)],
                ..proven.clone()
            },
            Doubts {
                retention: Some(retention),
                ..proven.clone()
            },
            Doubts {
                no_run: true,
                ..proven.clone()
            },
            Doubts {
                rejected: 1,
                ..proven.clone()
            },
            Doubts {
                rejected: 2,
                ..proven.clone()
            },
            Doubts {
                details_failed: 3,
                ..proven.clone()
            },
            Doubts {
                groups_in_doubt: true,
                ..proven.clone()
            },
            Doubts {
                changed_meanwhile: true,
                ..proven.clone()
            },
        ];
        let others = [
            Doubts {
                cost_unknown: 1,
                ..proven.clone()
            },
            Doubts {
                provisional: 2,
                ..proven.clone()
            },
            Doubts {
                cut: true,
                ..proven.clone()
            },
            Doubts {
                unmatched: vec!["--actor x".into()],
                ..proven.clone()
            },
        ];
        for (all, are_gaps) in [(&gaps[..], true), (&others[..], false)] {
            for doubts in all {
                let told = caveats(doubts);
                assert_eq!((told.len(), is_gap(&told[0])), (1, are_gaps), "{told:?}");
            }
        }
        assert!(caveats(&proven).is_empty());
    }
}
