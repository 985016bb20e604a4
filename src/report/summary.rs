//! The one fold: every breakdown in a single pass over rows as they go by. Sums are exact; nothing is rendered here.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use chrono_tz::Tz;
use foldhash::fast::RandomState;

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::period::DayClock;
use crate::runs::cost_state::PROVISIONAL;
use crate::runs::row::{Row, rows_of};

/// What runs are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The Actor that ran.
    Actor,
    /// How the run stands or ended.
    Status,
    /// The day it started, in the period's time zone.
    Day,
}

impl Dimension {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Dimension; 3] = [Dimension::Actor, Dimension::Status, Dimension::Day];

    /// The report's name: its files' and its key's in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Actor => "cost_by_actor",
            Dimension::Status => "status_summary",
            Dimension::Day => "cost_by_day",
        }
    }

    /// The column that holds the dimension's values.
    pub fn key(self) -> &'static str {
        match self {
            Dimension::Actor => "act_id",
            Dimension::Status => "status",
            Dimension::Day => "day",
        }
    }

    /// The question that the report answers.
    pub fn title(self) -> &'static str {
        match self {
            Dimension::Actor => "Which Actors cost how much?",
            Dimension::Status => "How did runs end, and what did that cost?",
            Dimension::Day => "How much was used by runs of each day?",
        }
    }

    /// Whether rows stand in order of their key; else the dearest come first.
    fn by_key(self) -> bool {
        self == Dimension::Day
    }
}

/// What is measured of every group of runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures {
    /// Runs.
    pub runs: u64,
    /// Of them, `SUCCEEDED`.
    pub succeeded: u64,
    /// `FAILED`.
    pub failed: u64,
    /// `TIMED-OUT`.
    pub timed_out: u64,
    /// `ABORTED`.
    pub aborted: u64,
    /// Any other status.
    pub other: u64,
    /// Runs without a cost.
    pub cost_unknown: u64,
    /// Runs whose cost may still move.
    pub provisional: u64,
    /// US dollars of the runs that have a cost.
    usage: Usd,
    /// The part of them on runs that failed, timed out or were aborted.
    usage_unsuccessful: Usd,
}

impl Measures {
    /// US dollars of the runs that have a cost; `None` where no run has.
    pub fn usage(&self) -> Option<Usd> {
        (self.cost_known() > 0).then_some(self.usage)
    }

    /// The part of it on runs that failed, timed out or were aborted.
    pub fn usage_unsuccessful(&self) -> Option<Usd> {
        self.usage().map(|_| self.usage_unsuccessful)
    }

    /// Runs that have a cost.
    pub fn cost_known(&self) -> u64 {
        self.runs - self.cost_unknown
    }

    /// Whether usage is only a lower bound.
    pub fn is_at_least(&self) -> bool {
        self.cost_unknown + self.provisional > 0
    }

    fn add(&mut self, run: &Row) -> Option<()> {
        self.runs += 1;
        let unsuccessful = match run.status {
            "SUCCEEDED" => &mut self.succeeded,
            "FAILED" => &mut self.failed,
            "TIMED-OUT" => &mut self.timed_out,
            "ABORTED" => &mut self.aborted,
            _ => &mut self.other,
        };
        *unsuccessful += 1;
        self.provisional += u64::from(run.cost_state == PROVISIONAL);
        match run.usage {
            None => self.cost_unknown += 1,
            Some(usage) => {
                self.usage = self.usage.checked_add(usage)?;
                if matches!(run.status, "FAILED" | "TIMED-OUT" | "ABORTED") {
                    self.usage_unsuccessful = self.usage_unsuccessful.checked_add(usage)?;
                }
            }
        }
        Some(())
    }

    /// Two groups together.
    pub fn and(&self, other: &Measures) -> Measures {
        Measures {
            runs: self.runs + other.runs,
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            timed_out: self.timed_out + other.timed_out,
            aborted: self.aborted + other.aborted,
            other: self.other + other.other,
            cost_unknown: self.cost_unknown + other.cost_unknown,
            provisional: self.provisional + other.provisional,
            usage: Usd(self.usage.0 + other.usage.0),
            usage_unsuccessful: Usd(self.usage_unsuccessful.0 + other.usage_unsuccessful.0),
        }
    }
}

/// A report: runs by one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakdown {
    /// By what.
    pub dimension: Dimension,
    /// The dimension's values and their measures, in the report's order.
    pub rows: Vec<(String, Measures)>,
}

/// Folds rows.
#[derive(Debug)]
pub struct Summary {
    totals: Measures,
    /// The sum of all costs without their signs: while it fits, so does the sum of any of them.
    magnitude: Usd,
    groups: [HashMap<Box<str>, Measures, RandomState>; Dimension::ALL.len()],
    days: DayClock,
    day: (i64, String),
}

impl Summary {
    /// Days are those of this time zone.
    pub fn new(timezone: Tz) -> Summary {
        Summary {
            totals: Measures::default(),
            magnitude: Usd::default(),
            groups: Default::default(),
            days: DayClock::new(timezone),
            day: (i64::MIN, String::new()),
        }
    }

    /// Adds rows; an error if a sum no longer fits 38 digits.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        rows_of(rows).try_for_each(|row| self.add_row(&row))
    }

    /// Adds one.
    pub fn add_row(&mut self, row: &Row) -> Result<()> {
        self.note_day(row.started_at_ms);
        self.add_to_groups(row)
            .ok_or_else(|| Error::Untrusted("the sum of costs is beyond 38 digits".into()))
    }

    fn note_day(&mut self, started_at: i64) {
        let day = self.days.day_of(started_at);
        let number = i64::from(chrono::Datelike::num_days_from_ce(&day));
        if self.day.0 != number {
            self.day = (number, day.format("%Y-%m-%d").to_string());
        }
    }

    fn add_to_groups(&mut self, run: &Row) -> Option<()> {
        self.magnitude = self.magnitude.checked_add(Usd(run.usage.unwrap_or_default().0.abs()))?;
        self.totals.add(run)?;
        for (dimension, groups) in Dimension::ALL.into_iter().zip(&mut self.groups) {
            let key = match dimension {
                Dimension::Actor => run.act_id,
                Dimension::Status => run.status,
                Dimension::Day => &self.day.1,
            };
            match groups.get_mut(key) {
                Some(measures) => measures.add(run)?,
                None => groups.entry(key.into()).or_default().add(run)?,
            }
        }
        Some(())
    }

    /// All runs so far.
    pub fn totals(&self) -> Measures {
        self.totals
    }

    /// The reports, in order: dearest first, then by key; days ascending.
    pub fn breakdowns(&self) -> Vec<Breakdown> {
        let breakdown = |(dimension, groups): (Dimension, &HashMap<Box<str>, Measures, RandomState>)| {
            let mut rows: Vec<_> = groups
                .iter()
                .map(|(key, measures)| (key.to_string(), *measures))
                .collect();
            rows.sort_by(|a, b| {
                let dearest = if dimension.by_key() {
                    std::cmp::Ordering::Equal
                } else {
                    b.1.usage().map(|usd| usd.0).cmp(&a.1.usage().map(|usd| usd.0))
                };
                dearest.then_with(|| a.0.cmp(&b.0))
            });
            Breakdown { dimension, rows }
        };
        Dimension::ALL.into_iter().zip(&self.groups).map(breakdown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::page::decode;
    use crate::runs::cost_state::{SETTLED, SettleRule};

    fn summary(items: &[(&str, &str, &str, &str)]) -> Summary {
        let items: Vec<String> = items
            .iter()
            .enumerate()
            .map(|(at, (act, status, started, usage))| {
                format!(r#"{{"id":"r{at}","actId":"{act}","status":"{status}","startedAt":"{started}","usageTotalUsd":{usage}}}"#)
            })
            .collect();
        let page = decode(format!(r#"{{"data":{{"total":1,"items":[{}]}}}}"#, items.join(",")).as_bytes()).unwrap();
        let mut summary = Summary::new(chrono_tz::Europe::Prague);
        summary
            .add(
                &SettleRule {
                    job_start_ms: i64::MAX,
                    settle_ms: 0,
                }
                .complete(&page.runs),
            )
            .unwrap();
        summary
    }

    fn keys(breakdown: &Breakdown) -> Vec<(&str, u64, Option<String>)> {
        breakdown
            .rows
            .iter()
            .map(|(key, m)| (key.as_str(), m.runs, m.usage().map(|usd| usd.to_string())))
            .collect()
    }

    #[test]
    fn one_pass_gives_every_breakdown_dearest_first_and_days_in_the_zone() {
        let summary = summary(&[
            ("b", "SUCCEEDED", "2025-09-01T21:59:59.999Z", "0.1"),
            ("a", "FAILED", "2025-09-01T22:00:00.000Z", "0.2"),
            ("b", "RUNNING", "2025-09-02T10:00:00.000Z", "0.1"),
            ("c", "SUCCEEDED", "2025-09-02T11:00:00.000Z", "null"),
        ]);
        let [actors, statuses, days] = summary.breakdowns().try_into().unwrap();
        let usd = |text: &str| Some(text.to_string());
        assert_eq!(
            keys(&actors),
            [("a", 1, usd("0.2")), ("b", 2, usd("0.2")), ("c", 1, None)]
        );
        assert_eq!(
            keys(&statuses),
            [
                ("FAILED", 1, usd("0.2")),
                ("RUNNING", 1, usd("0.1")),
                ("SUCCEEDED", 2, usd("0.1"))
            ]
        );
        assert_eq!(
            keys(&days),
            [("2025-09-01", 1, usd("0.1")), ("2025-09-02", 3, usd("0.3"))]
        );
        let totals = summary.totals();
        assert_eq!(
            (totals.runs, totals.cost_unknown, totals.provisional, totals.other),
            (4, 1, 1, 1)
        );
        assert_eq!(totals.usage_unsuccessful().unwrap().to_string(), "0.2");
        assert!(totals.is_at_least());
    }

    #[test]
    fn a_sum_that_no_longer_fits_is_an_error_and_not_a_wrong_sum() {
        let usage = Usd(10i128.pow(38) - 1);
        let run = Row {
            id: "r",
            act_id: "a",
            status: "SUCCEEDED",
            started_at_ms: 0,
            usage: Some(usage),
            cost_state: SETTLED,
        };
        let mut measures = Measures::default();
        assert!(measures.add(&run).is_some());
        assert!(
            measures
                .add(&Row {
                    usage: Some(Usd(1)),
                    ..run
                })
                .is_none()
        );
    }
}
