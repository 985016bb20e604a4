//! A report as rows of typed cells: what every format renders, so that all show the same figures. It reads no rows of runs,
//! and knows no format.

mod reading;

pub use reading::{TOP, TOP_DAYS, short_quantity};

use std::borrow::Cow;

use crate::money::{Ratio, Usd};
use crate::period::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// The API's own text: IDs, statuses.
    Key,
    /// People's text.
    Name,
    /// A date, `YYYY-MM-DD`.
    Date,
    Instant,
    Count,
    /// In a unit of its own, exact.
    Quantity,
    Usd,
    /// A part of a whole, 1 being all of it; 6 places.
    Share,
    /// By which part of the previous amount another differs; 6 places.
    Change,
    /// US dollars, 6 places.
    Mean,
}

impl CellKind {
    /// Whether it is a quantity, which is aligned by its last digit.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            CellKind::Count | CellKind::Quantity | CellKind::Usd | CellKind::Share | CellKind::Change | CellKind::Mean
        )
    }

    /// Whether people read it in percent.
    pub fn is_percent(self) -> bool {
        matches!(self, CellKind::Share | CellKind::Change)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name in files.
    pub name: &'static str,
    /// Its heading for people.
    pub head: &'static str,
    pub kind: CellKind,
    /// How its absence is put into words.
    pub absent: &'static str,
    /// What people read for a value of files, where the two differ.
    pub words: &'static [(&'static str, &'static str)],
    /// Whether people read it before the other quantities of its report.
    pub comes_first: bool,
    /// Whether people read it only where there is room: on a wide page and in a workbook.
    pub is_minor: bool,
    /// Whether its rows add up; they don't where a row is a part of another.
    pub adds_up: bool,
}

impl TableColumn {
    /// A cell as people read it.
    pub fn shown<'c>(&self, cell: &Cell<'c>) -> Cell<'c> {
        match cell {
            Cell::Text(text) => {
                let word = self.words.iter().find(|(value, _)| value == text);
                word.map_or_else(|| cell.clone(), |(_, word)| Cell::Text(Cow::Borrowed(word)))
            }
            other => other.clone(),
        }
    }
}

/// A column whose absence has no word.
pub const fn column(name: &'static str, head: &'static str, kind: CellKind) -> TableColumn {
    TableColumn {
        name,
        head,
        kind,
        absent: match kind {
            CellKind::Usd => "unknown",
            _ => "",
        },
        words: &[],
        comes_first: false,
        is_minor: false,
        adds_up: true,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'r> {
    /// None, or none that is known: NULL, an empty cell, a word.
    Absent,
    Text(Cow<'r, str>),
    Count(u64),
    /// In a unit of its own: as exact as an amount.
    Quantity(Usd),
    Usd(Usd),
    Decimal(Ratio),
    Instant(Millis),
    /// A value of files, and our own words that people read instead of it.
    Worded(Box<Cell<'r>>, Cow<'r, str>),
}

impl<'r> Cell<'r> {
    pub fn text(text: Option<&'r str>) -> Cell<'r> {
        text.map_or(Cell::Absent, |text| Cell::Text(Cow::Borrowed(text)))
    }

    pub fn owned(text: Option<String>) -> Cell<'r> {
        text.map_or(Cell::Absent, |text| Cell::Text(Cow::Owned(text)))
    }

    pub fn usd(usd: Option<Usd>) -> Cell<'r> {
        usd.map_or(Cell::Absent, Cell::Usd)
    }

    pub fn decimal(decimal: Option<Ratio>) -> Cell<'r> {
        decimal.map_or(Cell::Absent, Cell::Decimal)
    }

    pub fn worded(self, words: impl Into<Cow<'r, str>>) -> Cell<'r> {
        Cell::Worded(Box::new(self), words.into())
    }
}

pub struct Table<'r> {
    /// Its name: its files' and its key's in JSON.
    pub name: Cow<'static, str>,
    pub title: String,
    pub columns: Vec<TableColumn>,
    pub len: usize,
    /// The cells of a row, as many as there are columns. Rows are made when they are needed: there may be very many.
    pub row: Box<dyn Fn(usize) -> Vec<Cell<'r>> + 'r>,
    /// What all rows add up to, where that makes sense; absent where it doesn't for a column.
    pub total: Option<Vec<Cell<'r>>>,
    pub note: Option<String>,
}

impl<'r> Table<'r> {
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Vec<Cell<'r>>> {
        (0..self.len).map(|at| (self.row)(at))
    }

    /// The same without some of its columns.
    pub fn without(&self, names: &[&str]) -> Table<'_> {
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|at| !names.contains(&self.columns[*at].name))
            .collect();
        let cells = |cells: &[Cell<'r>], kept: &[usize]| kept.iter().map(|at| cells[*at].clone()).collect();
        Table {
            name: self.name.clone(),
            title: self.title.clone(),
            columns: kept.iter().map(|at| self.columns[*at]).collect(),
            len: self.len,
            total: self.total.as_ref().map(|total| cells(total, &kept)),
            row: Box::new(move |at| cells(&(self.row)(at), &kept)),
            note: self.note.clone(),
        }
    }

    /// The same without what people read only where there is room.
    pub fn without_minor(&self) -> Table<'_> {
        let minor = self.columns.iter().filter(|column| column.is_minor);
        self.without(&minor.map(|column| column.name).collect::<Vec<_>>())
    }

    /// Whether it says which of its quantities come first.
    pub fn has_first_columns(&self) -> bool {
        self.columns.iter().any(|column| column.comes_first)
    }
}
