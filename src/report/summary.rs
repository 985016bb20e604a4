//! The one fold: every breakdown in a single pass over rows as they go by. Sums are exact; nothing is rendered here.

mod cells;
mod dearest;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use cells::CellsByDay;
use chrono::NaiveDate;
use dearest::{Dearest, DearestOfActors};
use foldhash::fast::RandomState;

use super::dimension::{By, Dimension, Dimensions};
use super::figures::{Breakdown, Cube, CubePlace, Figures, Labels, Values, month_of, week_of};
use super::groups::Groups;
use super::measures::{Counted, Measures};
use super::run_filter::RunFilter;
use super::runs_of_days::RunsOfDays;
use super::unit_costs::UnitCosts;
use crate::error::{Error, Result};
use crate::money::Usd;
use crate::period::{DayClock, Period, Zone};
use crate::provenance::Account;
use crate::runs::cost_state::PROVISIONAL;
use crate::runs::row::{Row, rows_of};

#[derive(Debug)]
pub struct Summary {
    /// The sum of all costs without their signs: while it fits, so does the sum of any of them.
    magnitude: Usd,
    by: Vec<By>,
    axes: Vec<Axis>,
    /// What the breakdowns by Actor, day, week, month, status and group add up from.
    cells: CellsByDay,
    /// The other breakdowns.
    folds: Vec<Fold>,
    dearest: Dearest,
    dearest_of_actors: DearestOfActors,
    unit_costs: Option<UnitCosts>,
    of_days: RunsOfDays,
    rules: Option<Groups>,
    only: RunFilter,
    dates: Dates,
    /// Whose runs are added now.
    account: Account,
    /// What these came to; none where whose they are was never told.
    of_account: Option<Measures>,
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
        CELL_AXES.into_iter().for_each(|dimension| {
            place(dimension);
        });
        if dimensions.groups.is_some() {
            place(Dimension::Group);
        }
        let others = dimensions.by.iter().filter(|by| !is_of_cells(**by));
        let folds = others.map(|by| Fold {
            by: *by,
            axes: by.dimensions().map(&mut place).collect(),
            groups: match by.second {
                None => Groupings::One(Vec::new()),
                Some(_) => Groupings::Two(HashMap::default()),
            },
        });
        Summary {
            magnitude: Usd::default(),
            folds: folds.collect(),
            by: dimensions.by,
            axes,
            cells: CellsByDay::default(),
            dearest: Dearest::default(),
            dearest_of_actors: DearestOfActors::default(),
            unit_costs: dimensions.has_unit_costs.then(UnitCosts::default),
            of_days: RunsOfDays::default(),
            rules: dimensions.groups,
            only: RunFilter::default(),
            dates: Dates {
                clock: DayClock::new(timezone),
                at: None,
                day: String::new(),
                week: String::new(),
                month: String::new(),
            },
            account: Account::default(),
            of_account: None,
        }
    }

    /// Runs that follow are of this account.
    pub fn turn_to(&mut self, account: &Account) {
        self.account = account.clone();
        self.of_account = Some(Measures::default());
        if let Some(rules) = &mut self.rules {
            rules.turn_to(Some(account));
        }
    }

    /// The measures of the runs since then.
    pub fn of_account(&self) -> Measures {
        self.of_account.unwrap_or_default()
    }

    /// Of those runs alone that match.
    pub fn only(self, only: RunFilter) -> Summary {
        Summary { only, ..self }
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
        let group = self.rules.as_mut().map_or("", |rules| rules.group_of(run));
        if !self.only.matches(run, group) {
            return Some(());
        }
        self.magnitude = self.magnitude.checked_add(Usd(run.usage.unwrap_or_default().0.abs()))?;
        self.of_days.add(run);
        for axis in &mut self.axes {
            let key = match axis.dimension {
                Dimension::Actor => run.act_id,
                Dimension::Status => run.status,
                Dimension::Day => &self.dates.day,
                Dimension::Week => &self.dates.week,
                Dimension::Month => &self.dates.month,
                Dimension::Task => run.actor_task_id.unwrap_or_default(),
                Dimension::Schedule => run.schedule_id.unwrap_or_default(),
                Dimension::Origin => run.origin.unwrap_or_default(),
                Dimension::Build => run.build_id.unwrap_or_default(),
                Dimension::User => run.user_id.unwrap_or_default(),
                Dimension::Group => group,
                Dimension::Account => &self.account.id,
            };
            let labels = match axis.dimension {
                Dimension::Actor => [run.act_name, None],
                Dimension::Task => [run.actor_task_name, None],
                Dimension::Schedule => [run.schedule_name, None],
                Dimension::Build => [run.build_number, run.act_name],
                Dimension::Account => [self.account.username.as_deref(), None],
                _ => [None, None],
            };
            // What has no value has no name either; and what CSV can't tell from absent isn't told apart anywhere.
            let is_told = |label: &&str| !key.is_empty() && !label.is_empty();
            axis.advance_to(key, labels.map(|label| label.filter(is_told)));
        }
        let group_at = self.rules.as_ref().map_or(0, |_| self.axes[GROUPS].at);
        let [actor, day, status] = [0, 1, 2].map(|axis| self.axes[axis].at);
        let place = CubePlace::new([actor, day, status, group_at], run.cost_state == PROVISIONAL);
        self.cells.add(place, run.usage);
        let counted = Counted::from(run);
        if let Some(sum) = &mut self.of_account {
            sum.add(counted)?;
        }
        for fold in &mut self.folds {
            fold.measures(&self.axes).add(counted)?;
        }
        if let Some(usage) = run.usage {
            self.dearest.add(run, usage);
            self.dearest_of_actors.add(actor, run, usage);
        }
        if let Some(units) = &mut self.unit_costs {
            units.add(actor, run);
        }
        Some(())
    }

    /// The figures: dearest groups first, then by key; days and weeks ascending.
    pub fn finish(self) -> Figures {
        let values: Vec<Arc<Values>> = self.axes.into_iter().map(|axis| Arc::new(axis.values)).collect();
        let has_groups = self.rules.is_some();
        let cube = Cube {
            cells: self.cells.finish(),
            actors: values[0].clone(),
            days: values[1].clone(),
            statuses: values[2].clone(),
            groups: match has_groups {
                true => values[GROUPS].clone(),
                false => Arc::default(),
            },
        };
        let mut folds = self.folds.into_iter();
        let breakdown = |by: &By| match is_of_cells(*by) {
            true => Some(cube.breakdown(*by)),
            false => folds.next().map(|fold| fold.finish(&values)),
        };
        Figures {
            totals: cube.totals(),
            breakdowns: self.by.iter().filter_map(breakdown).collect(),
            dearest: self.dearest.runs,
            dearest_of_actors: self.dearest_of_actors.runs,
            unit_costs: self.unit_costs,
            of_days: self.of_days,
            only: self.only,
            unmatched_rules: self.rules.map(|rules| rules.unmatched()).unwrap_or_default(),
            cube,
        }
    }
}

/// The first axes: what every cell has. The group is the next, where there are rules.
const CELL_AXES: [Dimension; 3] = [Dimension::Actor, Dimension::Day, Dimension::Status];
const GROUPS: usize = CELL_AXES.len();

/// Whether a breakdown adds up from cells, so that no run is added to it one by one.
fn is_of_cells(by: By) -> bool {
    by.dimensions().all(Cube::tells)
}

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
    /// The measures of the group at which the axes stand.
    fn measures(&mut self, axes: &[Axis]) -> &mut Measures {
        let at = |which: usize| axes[self.axes[which]].at;
        match &mut self.groups {
            Groupings::One(groups) => {
                let at = at(0) as usize;
                if at >= groups.len() {
                    groups.resize(at + 1, Measures::default());
                }
                &mut groups[at]
            }
            Groupings::Two(groups) => groups.entry((at(0), at(1))).or_default(),
        }
    }

    fn finish(self, values: &[Arc<Values>]) -> Breakdown {
        let values: Vec<Arc<Values>> = self.axes.iter().map(|at| values[*at].clone()).collect();
        let rows: Vec<([u32; 2], Measures)> = match self.groups {
            Groupings::One(groups) => (0..).zip(groups).map(|(at, measures)| ([at, 0], measures)).collect(),
            Groupings::Two(groups) => groups
                .into_iter()
                .map(|((a, b), measures)| ([a, b], measures))
                .collect(),
        };
        Breakdown::sorted(self.by, values, rows)
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
        self.week = week_of(day);
        self.month = month_of(day);
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
