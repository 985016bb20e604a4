//! The one fold: every breakdown in a single pass over rows as they go by. Sums are exact; nothing is rendered here.

mod dearest;
mod of_days;
mod usage_by_day;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use chrono::NaiveDate;
use dearest::Dearest;
use foldhash::fast::RandomState;
use of_days::is_of_days;
use usage_by_day::UsageByDay;

use super::dimension::{By, Dimension, Dimensions};
use super::figures::{Breakdown, Daily, Figures, Labels, Values};
use super::groups::Groups;
use super::measures::{Counted, Measures};
use super::runs_of_days::RunsOfDays;
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::period::{DayClock, Period, Zone};
use crate::runs::row::{Row, rows_of};

#[derive(Debug)]
pub struct Summary {
    totals: Measures,
    /// The sum of all costs without their signs: while it fits, so does the sum of any of them.
    magnitude: Usd,
    axes: Vec<Axis>,
    folds: Vec<Fold>,
    daily: UsageByDay,
    dearest: Dearest,
    of_days: RunsOfDays,
    rules: Option<Groups>,
    dates: Dates,
}

/// The values of a dimension, and where the last row's stands among them.
#[derive(Debug)]
struct Axis {
    dimension: Dimension,
    values: Values,
    at: u32,
}

/// What is measured by one dimension or two, which are places among the axes.
#[derive(Debug)]
struct Fold {
    by: By,
    axes: Vec<usize>,
    groups: Groupings,
}

#[derive(Debug)]
enum Groupings {
    /// Weeks or months, which days add up to.
    OfDays,
    One(Vec<Measures>),
    Two(HashMap<(u32, u32), Measures, RandomState>),
}

impl Summary {
    /// Of the runs of a period.
    pub fn of(period: &Period, dimensions: Dimensions) -> Summary {
        Summary {
            of_days: RunsOfDays::of(period),
            ..Summary::new(period.timezone, dimensions)
        }
    }

    /// Days and weeks are those of this time zone.
    pub fn new(timezone: Zone, dimensions: Dimensions) -> Summary {
        let mut axes: Vec<Axis> = Vec::new();
        let mut place = |dimension: Dimension| match axes.iter().position(|axis| axis.dimension == dimension) {
            Some(at) => at,
            None => {
                axes.push(Axis {
                    dimension,
                    values: Values::default(),
                    at: 0,
                });
                axes.len() - 1
            }
        };
        // The chart by day needs these two, wherever else they are asked for.
        let (actors, days) = (place(Dimension::Actor), place(Dimension::Day));
        debug_assert_eq!((actors, days), (ACTORS, DAYS));
        let has_days = dimensions.by.contains(&Dimension::Day.into());
        let folds = dimensions.by.into_iter().map(|by| {
            let is_of_days = has_days && by.second.is_none() && is_of_days(by.first);
            Fold {
                by,
                axes: match is_of_days {
                    true => Vec::new(),
                    false => by.dimensions().map(&mut place).collect(),
                },
                groups: match by.second {
                    None if is_of_days => Groupings::OfDays,
                    None => Groupings::One(Vec::new()),
                    Some(_) => Groupings::Two(HashMap::default()),
                },
            }
        });
        Summary {
            totals: Measures::default(),
            magnitude: Usd::default(),
            folds: folds.collect(),
            axes,
            daily: UsageByDay::default(),
            dearest: Dearest::default(),
            of_days: RunsOfDays::default(),
            rules: dimensions.groups,
            dates: Dates {
                clock: DayClock::new(timezone),
                at: None,
                day: String::new(),
                week: String::new(),
                month: String::new(),
            },
        }
    }

    /// Adds rows; an error if a sum no longer fits 38 digits.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        rows_of(rows).try_for_each(|row| self.add_row(&row))
    }

    pub fn add_row(&mut self, row: &Row) -> Result<()> {
        self.dates.advance_to(row.started_at_ms);
        self.add_to_groups(row)
            .ok_or_else(|| Error::Untrusted("the sum of costs has more than 38 digits".into()))
    }

    fn add_to_groups(&mut self, run: &Row) -> Option<()> {
        self.magnitude = self.magnitude.checked_add(Usd(run.usage.unwrap_or_default().0.abs()))?;
        let counted = Counted::from(run);
        self.totals.add(counted)?;
        self.of_days.add(run);
        for axis in &mut self.axes {
            let key = match (axis.dimension, &mut self.rules) {
                (Dimension::Actor, _) => run.act_id,
                (Dimension::Status, _) => run.status,
                (Dimension::Day, _) => &self.dates.day,
                (Dimension::Week, _) => &self.dates.week,
                (Dimension::Month, _) => &self.dates.month,
                (Dimension::Task, _) => run.actor_task_id.unwrap_or_default(),
                (Dimension::Schedule, _) => run.schedule_id.unwrap_or_default(),
                (Dimension::Origin, _) => run.origin.unwrap_or_default(),
                (Dimension::Build, _) => run.build_id.unwrap_or_default(),
                (Dimension::User, _) => run.user_id.unwrap_or_default(),
                (Dimension::Group, Some(rules)) => rules.group_of(run),
                (Dimension::Group, None) => "",
            };
            let labels = match axis.dimension {
                Dimension::Actor => [run.act_name, None],
                Dimension::Task => [run.actor_task_name, None],
                Dimension::Schedule => [run.schedule_name, None],
                Dimension::Build => [run.build_number, run.act_name],
                _ => [None, None],
            };
            // What has no value has no name either; and what CSV can't tell from absent isn't told apart anywhere.
            let is_told = |label: &&str| !key.is_empty() && !label.is_empty();
            axis.advance_to(key, labels.map(|label| label.filter(is_told)));
        }
        for fold in &mut self.folds {
            if let Some(measures) = fold.measures(&self.axes) {
                measures.add(counted)?;
            }
        }
        if let Some(usage) = run.usage {
            self.daily.add(self.axes[ACTORS].at, self.axes[DAYS].at, usage);
            self.dearest.add(run, usage);
        }
        Some(())
    }

    /// The figures: dearest groups first, then by key; days and weeks ascending.
    pub fn finish(self) -> Figures {
        let values: Vec<Arc<Values>> = self.axes.into_iter().map(|axis| Arc::new(axis.values)).collect();
        let mut breakdowns: Vec<Breakdown> = self.folds.into_iter().map(|fold| fold.finish(&values)).collect();
        of_days::fill(&mut breakdowns);
        Figures {
            totals: self.totals,
            breakdowns,
            dearest: self.dearest.runs,
            of_days: self.of_days,
            unmatched_rules: self.rules.map(|rules| rules.unmatched()).unwrap_or_default(),
            daily: Daily {
                usage: self.daily.finish(),
                actors: values[ACTORS].clone(),
                days: values[DAYS].clone(),
            },
        }
    }
}

/// Where the axes stand that the chart by day needs.
const ACTORS: usize = 0;
const DAYS: usize = 1;

impl Axis {
    /// Takes a row's value, and what it is called as far as that wasn't known.
    fn advance_to(&mut self, key: &str, labels: [Option<&str>; 2]) {
        let same = self
            .values
            .get_index(self.at as usize)
            .is_some_and(|(last, _)| &**last == key);
        if !same {
            let at = match self.values.get_index_of(key) {
                Some(at) => at,
                None => self.values.insert_full(key.into(), Labels::default()).0,
            };
            self.at = u32::try_from(at).expect("four thousand million values don't fit into memory");
        }
        if labels == [None, None] {
            return;
        }
        if let Some((_, known)) = self.values.get_index_mut(self.at as usize) {
            for (known, label) in known.iter_mut().zip(labels) {
                if known.is_none() && label.is_some() {
                    *known = label.map(Into::into);
                }
            }
        }
    }
}

impl Fold {
    /// The measures of the group at which the axes stand; none where days add up to it.
    fn measures(&mut self, axes: &[Axis]) -> Option<&mut Measures> {
        let at = |which: usize| axes[self.axes[which]].at;
        Some(match &mut self.groups {
            Groupings::OfDays => return None,
            Groupings::One(groups) => {
                let at = at(0) as usize;
                if at >= groups.len() {
                    groups.resize(at + 1, Measures::default());
                }
                &mut groups[at]
            }
            Groupings::Two(groups) => groups.entry((at(0), at(1))).or_default(),
        })
    }

    fn finish(self, values: &[Arc<Values>]) -> Breakdown {
        let values: Vec<Arc<Values>> = self.axes.iter().map(|at| values[*at].clone()).collect();
        let mut rows: Vec<([u32; 2], Measures)> = match self.groups {
            Groupings::OfDays => Vec::new(),
            Groupings::One(groups) => (0..).zip(groups).map(|(at, measures)| ([at, 0], measures)).collect(),
            Groupings::Two(groups) => groups
                .into_iter()
                .map(|((a, b), measures)| ([a, b], measures))
                .collect(),
        };
        let key = |places: &[u32; 2], which: usize| {
            let (key, _) = values.get(which)?.get_index(places[which] as usize)?;
            Some(&**key)
        };
        let by_time = self.by.first.is_time();
        rows.sort_by(|(a, one), (b, other)| {
            let keys = key(a, 0).cmp(&key(b, 0));
            let dearest = other.usage().cmp(&one.usage());
            let first = if by_time {
                keys.then(dearest)
            } else {
                dearest.then(keys)
            };
            first.then_with(|| key(a, 1).cmp(&key(b, 1)))
        });
        Breakdown {
            by: self.by,
            values,
            rows,
        }
    }
}

#[derive(Debug)]
struct Dates {
    clock: DayClock,
    at: Option<NaiveDate>,
    day: String,
    week: String,
    month: String,
}

impl Dates {
    fn advance_to(&mut self, started_at_ms: i64) {
        let day = self.clock.day_of(started_at_ms);
        if self.at == Some(day) {
            return;
        }
        self.at = Some(day);
        self.day = day.format("%Y-%m-%d").to_string();
        self.week = of_days::week_of(day);
        self.month = of_days::month_of(day);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::page::decode;
    use crate::period::zone::zone;
    use crate::report::figures::{DEAREST, Group};
    use crate::runs::column_set::ColumnSet;
    use crate::runs::complete::Completion;
    use crate::runs::cost_state::SettleRule;
    use crate::runs::names::Names;

    fn figures(items: &[(&str, &str, &str, &str)]) -> Figures {
        let items: Vec<String> = items
            .iter()
            .enumerate()
            .map(|(at, (act, status, started, usage))| {
                format!(r#"{{"id":"r{at}","actId":"{act}","status":"{status}","startedAt":"{started}","usageTotalUsd":{usage}}}"#)
            })
            .collect();
        let page = decode(format!(r#"{{"data":{{"total":1,"items":[{}]}}}}"#, items.join(",")).as_bytes()).unwrap();
        let rules = Groups::parse("actor,group\n[ac],x\na,A and more\nb*,B\n").unwrap();
        let mut dimensions = Dimensions::of(&ColumnSet::all(false), Some(rules));
        dimensions.and(By::parse("status,actor").unwrap()).unwrap();
        let mut summary = Summary::new(zone("Europe/Prague"), dimensions);
        let settle = SettleRule {
            job_start_ms: i64::MAX,
            settle_ms: 0,
        };
        let mut names = Names::default();
        names.actors.insert("b", "ann/b");
        let rows = Completion::new(settle, false).complete(&page.runs, &HashMap::new(), &names);
        summary.add(&rows).unwrap();
        summary.finish()
    }

    fn keys(breakdown: &Breakdown) -> Vec<(&str, u64, Option<String>)> {
        let row = |group: Group<'_>| {
            let usage = group.measures.usage().map(|usd| usd.to_string());
            (group.measures.runs(), usage)
        };
        let keys = (0..breakdown.len()).map(|at| breakdown.group(at).key(0).unwrap_or("-"));
        let rows = breakdown.groups().map(row);
        keys.zip(rows).map(|(key, (runs, usage))| (key, runs, usage)).collect()
    }

    #[test]
    fn one_pass_gives_every_breakdown_dearest_first_and_days_in_the_zone() {
        let figures = figures(&[
            ("b", "SUCCEEDED", "2025-09-01T21:59:59.999Z", "0.1"),
            ("a", "FAILED", "2025-09-01T22:00:00.000Z", "0.2"),
            ("b", "RUNNING", "2025-09-02T10:00:00.000Z", "0.1"),
            ("c", "SUCCEEDED", "2025-09-02T11:00:00.000Z", "null"),
        ]);
        let by = |dimension| figures.by(dimension).unwrap();
        let usd = |text: &str| Some(text.to_string());
        assert_eq!(
            keys(by(Dimension::Actor)),
            [("a", 1, usd("0.2")), ("b", 2, usd("0.2")), ("c", 1, None)]
        );
        assert_eq!(
            keys(by(Dimension::Status)),
            [
                ("FAILED", 1, usd("0.2")),
                ("RUNNING", 1, usd("0.1")),
                ("SUCCEEDED", 2, usd("0.1"))
            ]
        );
        assert_eq!(
            keys(by(Dimension::Day)),
            [("2025-09-01", 1, usd("0.1")), ("2025-09-02", 3, usd("0.3"))]
        );
        assert_eq!(keys(by(Dimension::Week)), [("2025-09-01", 4, usd("0.4"))]);
        assert_eq!(keys(by(Dimension::Month)), [("2025-09", 4, usd("0.4"))]);
        let names: Vec<_> = by(Dimension::Actor).groups().map(|group| group.shown()).collect();
        assert_eq!(names, ["a", "ann/b", "c"]);
        assert_eq!(keys(by(Dimension::User)), [("-", 4, usd("0.4"))]);
        assert_eq!(
            keys(by(Dimension::Group)),
            [
                ("A and more", 1, usd("0.2")),
                ("B", 2, usd("0.2")),
                ("unassigned", 1, None)
            ]
        );
        let totals = figures.totals;
        assert_eq!(
            (
                totals.runs(),
                totals.cost_unknown(),
                totals.provisional.runs,
                totals.other.runs
            ),
            (4, 1, 1, 1)
        );
        assert_eq!(totals.unsuccessful().usage().unwrap().to_string(), "0.2");
        assert!(totals.is_at_least());
        let two = figures.breakdowns.last().unwrap();
        let two: Vec<_> = two
            .groups()
            .map(|group| (group.key(0).unwrap(), group.key(1).unwrap()))
            .collect();
        assert_eq!(
            two,
            [
                ("FAILED", "a"),
                ("RUNNING", "b"),
                ("SUCCEEDED", "b"),
                ("SUCCEEDED", "c")
            ]
        );
    }

    #[test]
    fn the_dearest_runs_are_kept_dearest_first_and_the_earlier_of_two() {
        let dear = |at: u32| ("a", "SUCCEEDED", "2025-09-01T00:00:00.000Z", format!("{}.5", at % 30));
        let items: Vec<_> = (0..60).map(dear).collect();
        let items: Vec<_> = items
            .iter()
            .map(|(act, status, at, usd)| (*act, *status, *at, usd.as_str()))
            .collect();
        let dearest = figures(&items).dearest;
        let ids: Vec<&str> = dearest.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(
            (ids.len(), &ids[..4], ids[19]),
            (DEAREST, &["r29", "r59", "r28", "r58"][..], "r50")
        );
    }

    #[test]
    fn days_are_stacked_by_actor_and_the_rest_is_one_layer() {
        let figures = figures(&[
            ("a", "SUCCEEDED", "2025-09-01T00:00:00.000Z", "5"),
            ("b", "SUCCEEDED", "2025-09-01T01:00:00.000Z", "1"),
            ("c", "SUCCEEDED", "2025-09-03T01:00:00.000Z", "0.5"),
            ("a", "SUCCEEDED", "2025-09-03T02:00:00.000Z", "2"),
        ]);
        let (days, layers) = figures.layers(1);
        assert_eq!(days, ["2025-09-01", "2025-09-03"]);
        let shown: Vec<_> = layers
            .iter()
            .map(|layer| (layer.shown.as_str(), layer.usage.clone()))
            .collect();
        let usd = |tenths: i128| Some(Usd(tenths * 10i128.pow(17)));
        assert_eq!(
            shown,
            [("a", vec![usd(50), usd(20)]), ("2 others", vec![usd(10), usd(5)])]
        );
    }
}
