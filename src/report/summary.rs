//! The one fold: every breakdown in a single pass over rows as they go by. Sums are exact; nothing is rendered here.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use chrono_tz::Tz;
use foldhash::fast::RandomState;

use super::dimension::{Dimension, Dimensions};
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::period::DayClock;
use crate::runs::cost_state::PROVISIONAL;
use crate::runs::row::{Row, rows_of};

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

    /// Adds a run; `None` if a sum no longer fits 38 digits.
    pub fn add(&mut self, run: &Row) -> Option<()> {
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

/// A row of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The dimension's value; empty for the users of runs that tell none.
    pub key: String,
    /// Its name, where it has one that is known.
    pub name: Option<String>,
    /// Its runs.
    pub measures: Measures,
}

impl Group {
    /// What people know it by.
    pub fn shown(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None if self.key.is_empty() => "not told",
            None => &self.key,
        }
    }
}

/// A report: runs by one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakdown {
    /// By what.
    pub dimension: Dimension,
    /// Its groups, in the report's order.
    pub rows: Vec<Group>,
}

/// Measures and a name by key.
type ByKey = HashMap<Box<str>, (Option<Box<str>>, Measures), RandomState>;

/// Folds rows.
#[derive(Debug)]
pub struct Summary {
    totals: Measures,
    /// The sum of all costs without their signs: while it fits, so does the sum of any of them.
    magnitude: Usd,
    groups: [ByKey; Dimension::ALL.len()],
    dimensions: Dimensions,
    days: DayClock,
    day: (i64, String),
}

impl Summary {
    /// Days are those of this time zone.
    pub fn new(timezone: Tz, dimensions: Dimensions) -> Summary {
        Summary {
            totals: Measures::default(),
            magnitude: Usd::default(),
            groups: Default::default(),
            dimensions,
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
        let Dimensions {
            users,
            names,
            groups: rules,
        } = &mut self.dimensions;
        for (dimension, groups) in Dimension::ALL.into_iter().zip(&mut self.groups) {
            let key = match (dimension, &mut *rules) {
                (Dimension::Actor, _) => run.act_id,
                (Dimension::Status, _) => run.status,
                (Dimension::Day, _) => &self.day.1,
                (Dimension::User, _) if *users => run.user_id.unwrap_or_default(),
                (Dimension::Group, Some(rules)) => rules.group_of(run),
                (Dimension::User | Dimension::Group, _) => continue,
            };
            match groups.get_mut(key) {
                Some((_, measures)) => measures.add(run)?,
                None => {
                    let name = run.act_name.filter(|_| *names && dimension.name_key().is_some());
                    let group = groups.entry(key.into()).or_default();
                    group.0 = name.map(Into::into);
                    group.1.add(run)?;
                }
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
        let is_there = |dimension: Dimension| match dimension {
            Dimension::User => self.dimensions.users,
            Dimension::Group => self.dimensions.groups.is_some(),
            _ => true,
        };
        let breakdown = |(dimension, groups): (Dimension, &ByKey)| {
            let groups = groups.iter().map(|(key, (name, measures))| Group {
                key: key.to_string(),
                name: name.as_ref().map(|name| name.to_string()),
                measures: *measures,
            });
            let mut rows: Vec<Group> = groups.collect();
            rows.sort_by(|a, b| {
                let dearest = if dimension.by_key() {
                    std::cmp::Ordering::Equal
                } else {
                    b.measures.usage().cmp(&a.measures.usage())
                };
                dearest.then_with(|| a.key.cmp(&b.key))
            });
            Breakdown { dimension, rows }
        };
        let dimensions = Dimension::ALL.into_iter().zip(&self.groups);
        dimensions
            .filter(|(dimension, _)| is_there(*dimension))
            .map(breakdown)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::groups::Groups;
    use super::*;
    use crate::api::page::decode;
    use crate::runs::complete::Completion;
    use crate::runs::cost_state::{SETTLED, SettleRule};
    use crate::runs::names::Names;

    fn summary(items: &[(&str, &str, &str, &str)]) -> Summary {
        let items: Vec<String> = items
            .iter()
            .enumerate()
            .map(|(at, (act, status, started, usage))| {
                format!(r#"{{"id":"r{at}","actId":"{act}","status":"{status}","startedAt":"{started}","usageTotalUsd":{usage}}}"#)
            })
            .collect();
        let page = decode(format!(r#"{{"data":{{"total":1,"items":[{}]}}}}"#, items.join(",")).as_bytes()).unwrap();
        let rules = Groups::parse("actor,group\n[ac],x\na,A and more\nb*,B\n").unwrap();
        let dimensions = Dimensions {
            users: true,
            names: true,
            groups: Some(rules),
        };
        let mut summary = Summary::new(chrono_tz::Europe::Prague, dimensions);
        let settle = SettleRule {
            job_start_ms: i64::MAX,
            settle_ms: 0,
        };
        let mut names = Names::default();
        names.actors.insert("b", "ann/b");
        let rows = Completion::new(settle, false).complete(&page.runs, &HashMap::new(), &names);
        summary.add(&rows).unwrap();
        summary
    }

    fn keys(breakdown: &Breakdown) -> Vec<(&str, u64, Option<String>)> {
        let row = |group: &'_ Group| group.measures.usage().map(|usd| usd.to_string());
        let rows = breakdown.rows.iter();
        rows.map(|group| (group.key.as_str(), group.measures.runs, row(group)))
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
        let [actors, statuses, days, users, groups] = summary.breakdowns().try_into().unwrap();
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
        let names: Vec<_> = actors.rows.iter().map(Group::shown).collect();
        assert_eq!(names, ["a", "ann/b", "c"]);
        assert_eq!(keys(&users), [("", 4, usd("0.4"))]);
        assert_eq!(
            keys(&groups),
            [
                ("A and more", 1, usd("0.2")),
                ("B", 2, usd("0.2")),
                ("unassigned", 1, None)
            ]
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
            user_id: None,
            actor_task_id: None,
            status: "SUCCEEDED",
            started_at_ms: 0,
            usage: Some(usage),
            cost_state: SETTLED,
            act_name: None,
            actor_task_name: None,
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
