//! The runs of each day by Actor, status and group: what all breakdowns by these add up from, and what a page can be asked.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{Datelike, Days, NaiveDate};
use foldhash::fast::RandomState;

use super::{Breakdown, Labels, Values};
use crate::report::dimension::{By, Dimension};
use crate::report::measures::{End, Measures, Outcome};

/// Cells are in order of their place, one a place.
#[derive(Debug, Clone, Default)]
pub struct Cube {
    pub cells: Vec<CubeCell>,
    pub actors: Arc<Values>,
    pub days: Arc<Values>,
    pub statuses: Arc<Values>,
    /// Empty where there are no rules of groups.
    pub groups: Arc<Values>,
}

/// Runs of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CubeCell {
    pub place: CubePlace,
    pub runs: Outcome,
}

/// An Actor, a day, a status and a group, by their places among the values; in order of the Actor, then the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CubePlace {
    pub actor: u32,
    pub day: u32,
    /// Twice the status, and one if the costs are provisional: a place has sixteen bytes.
    status: u32,
    pub group: u32,
}

impl CubePlace {
    /// Of an Actor, a day, a status and a group.
    pub fn new([actor, day, status, group]: [u32; 4], is_provisional: bool) -> CubePlace {
        CubePlace {
            actor,
            day,
            status: 2 * status + u32::from(is_provisional),
            group,
        }
    }

    pub fn status(self) -> u32 {
        self.status / 2
    }

    pub fn is_provisional(self) -> bool {
        self.status % 2 == 1
    }
}

impl CubeCell {
    fn add_to(&self, measures: &mut Measures, end: End) {
        measures.add_all(end, &self.runs, self.place.is_provisional());
    }
}

/// A dimension's values and, for each cell, which of them it is of.
struct CubeAxis {
    values: Arc<Values>,
    place: Box<dyn Fn(CubePlace) -> u32>,
}

impl Cube {
    /// Whether cells tell a dimension.
    pub fn tells(dimension: Dimension) -> bool {
        use Dimension::{Actor, Day, Group, Month, Status, Week};
        matches!(dimension, Actor | Day | Week | Month | Status | Group)
    }

    pub fn totals(&self) -> Measures {
        let mut sum = Measures::default();
        self.ended().for_each(|(end, cell)| cell.add_to(&mut sum, end));
        sum
    }

    /// The breakdown by dimensions that cells tell.
    pub fn breakdown(&self, by: By) -> Breakdown {
        let first = self.axis(by.first);
        let Some(second) = by.second.map(|second| self.axis(second)) else {
            let mut sums = vec![Measures::default(); first.values.len()];
            for (end, cell) in self.ended() {
                cell.add_to(&mut sums[(first.place)(cell.place) as usize], end);
            }
            let rows = (0..).zip(sums).filter(|(_, sum)| sum.runs() > 0);
            let rows = rows.map(|(at, sum)| ([at, 0], sum)).collect();
            return Breakdown::sorted(by, vec![first.values], rows);
        };
        let mut sums: HashMap<[u32; 2], Measures, RandomState> = HashMap::default();
        for (end, cell) in self.ended() {
            let places = [(first.place)(cell.place), (second.place)(cell.place)];
            cell.add_to(sums.entry(places).or_default(), end);
        }
        Breakdown::sorted(by, vec![first.values, second.values], sums.into_iter().collect())
    }

    /// The cells, each with how its runs ended.
    fn ended(&self) -> impl Iterator<Item = (End, &CubeCell)> {
        let ends: Vec<End> = self.statuses.keys().map(|status| End::of(status)).collect();
        let end = move |cell: &CubeCell| ends[cell.place.status() as usize];
        self.cells.iter().map(move |cell| (end(cell), cell))
    }

    fn axis(&self, dimension: Dimension) -> CubeAxis {
        let axis = |values: &Arc<Values>, place: fn(CubePlace) -> u32| CubeAxis {
            values: values.clone(),
            place: Box::new(place),
        };
        match dimension {
            Dimension::Actor => axis(&self.actors, |cell| cell.actor),
            Dimension::Status => axis(&self.statuses, CubePlace::status),
            Dimension::Group => axis(&self.groups, |cell| cell.group),
            Dimension::Week => self.axis_of_days(week_of),
            Dimension::Month => self.axis_of_days(month_of),
            _ => axis(&self.days, |cell| cell.day),
        }
    }

    /// Weeks or months, which days add up to.
    fn axis_of_days(&self, name_of: fn(NaiveDate) -> String) -> CubeAxis {
        let mut values = Values::default();
        let mut place = |day: &str| {
            let date = NaiveDate::parse_from_str(day, "%Y-%m-%d");
            let name = date.map_or(String::new(), name_of);
            values.insert_full(name.into(), Labels::default()).0 as u32
        };
        let places: Vec<u32> = self.days.keys().map(|day| place(day)).collect();
        CubeAxis {
            values: Arc::new(values),
            place: Box::new(move |cell| places[cell.day as usize]),
        }
    }
}

/// The Monday of a day's week.
pub fn week_of(day: NaiveDate) -> String {
    let since_monday = u64::from(day.weekday().num_days_from_monday());
    let monday = day.checked_sub_days(Days::new(since_monday)).unwrap_or(day);
    monday.format("%Y-%m-%d").to_string()
}

/// A day's month, such as `2025-09`.
pub fn month_of(day: NaiveDate) -> String {
    day.format("%Y-%m").to_string()
}
