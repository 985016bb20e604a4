//! Any report as one of the page's tables: its first rows, the sum of the rest, its total; an ID beneath the name of what it
//! is of. Reports that have a form of their own, such as breakdowns, don't come here.

use super::grid::{Grid, GridCell, GridHead, GridRow};
use super::minute;
use crate::report::display_text::sentence;
use crate::report::headline::at_least;
use crate::report::table::{Cell, CellKind, TOP, TOP_DAYS, Table, TableColumn};
use crate::text::counted;

impl Grid {
    pub fn of(table: &Table) -> Grid {
        let most = if table.columns.iter().any(|column| column.kind == CellKind::Date) {
            TOP_DAYS
        } else {
            TOP
        };
        let shown = table.rows_shown(most);
        let layout = GridLayout::of(table);
        let mut rows: Vec<GridRow> = (0..shown).map(|at| layout.row(&(table.row)(at))).collect();
        if shown < table.len {
            let mut cells = layout.entries(&table.sum_from(shown));
            for (cell, (at, _)) in cells.iter_mut().zip(&layout.places) {
                let is_bound = !cell.is_absent && table.is_sum_at_least(shown, *at);
                cell.text.insert_str(0, at_least(is_bound));
            }
            let others = counted((table.len - shown) as u64, "other", "others");
            cells[0] = GridCell::words(others);
            rows.push(GridRow::rest(cells));
        }
        if let Some(total) = &table.total {
            let mut cells = layout.entries(total);
            cells[0] = GridCell::words("Total");
            rows.push(GridRow::total(cells));
        }
        Grid {
            caption: table.title.clone(),
            heads: layout.heads,
            rows,
            note: table.note.as_deref().map(sentence),
        }
    }
}

/// Which of a report's columns stand where: an ID beneath the name of what it is of.
struct GridLayout<'t> {
    columns: &'t [TableColumn],
    /// A column's place, and the place of the one beneath.
    places: Vec<(usize, Option<usize>)>,
    heads: Vec<GridHead>,
}

/// Quantities that a report is about, where it doesn't say so itself: a narrow screen shows what comes first.
const FIRST: [&str; 5] = [
    "usage_unsuccessful_usd",
    "share_of_actor_usage",
    "usage_total_usd",
    "usage_usd",
    "runs_cost_unknown",
];

impl<'t> GridLayout<'t> {
    fn of(table: &'t Table) -> GridLayout<'t> {
        let mut places = table.named_order();
        let is_number = |at: usize| table.columns[at].kind.is_number();
        let first: &[&str] = if table.has_first_columns() { &[] } else { &FIRST };
        let rank = |at: usize| first.iter().position(|name| *name == table.columns[at].name);
        places.sort_by_key(|(at, _)| (is_number(*at), rank(*at).unwrap_or(first.len())));
        let head = |(at, _): &(usize, Option<usize>)| {
            let text = table.head_without_sign(*at);
            let head = match table.columns[*at].kind {
                kind if kind.is_number() && table.columns[*at].is_minor => GridHead::minor_number(text),
                kind if kind.is_number() => GridHead::number(text),
                CellKind::Name => GridHead::name(text),
                _ => GridHead::text(text),
            };
            head.of_column(table.columns[*at].name)
        };
        GridLayout {
            columns: &table.columns,
            heads: places.iter().map(head).collect(),
            places,
        }
    }

    /// With the ID, or what stands first, as its value.
    fn row(&self, cells: &[Cell]) -> GridRow {
        let row = GridRow::of(self.entries(cells));
        let key = self.places.first().map(|(at, beneath)| &cells[beneath.unwrap_or(*at)]);
        match key {
            Some(Cell::Text(key)) => row.of_value(key),
            _ => row,
        }
    }

    fn entries(&self, cells: &[Cell]) -> Vec<GridCell> {
        let columns = self.columns;
        let entry = |(at, beneath): &(usize, Option<usize>)| match (entry(&cells[*at], &columns[*at]), beneath) {
            (name, None) => name,
            (name, Some(id)) => match (&cells[*at], &cells[*id]) {
                (Cell::Absent, Cell::Absent) => GridCell::absent(columns[*id].absent),
                (Cell::Absent, id) => entry_of_text(id, columns[*at].kind),
                (Cell::Text(name_text), Cell::Text(id)) if name_text != id => name.over(Some(id)),
                _ => name,
            },
        };
        self.places.iter().map(entry).collect()
    }
}

fn entry_of_text(cell: &Cell, kind: CellKind) -> GridCell {
    match cell {
        Cell::Text(text) if kind == CellKind::Date => GridCell::words(text.as_ref()),
        Cell::Text(text) if kind == CellKind::Key => GridCell::word(text),
        Cell::Text(text) => GridCell::foreign(text),
        _ => GridCell::default(),
    }
}

fn entry(cell: &Cell, column: &TableColumn) -> GridCell {
    let signed = |entry: GridCell, is_rise: bool| GridCell {
        text: format!("{}{}", column.sign(is_rise), entry.text),
        ..entry
    };
    match &column.shown(cell) {
        Cell::Absent if column.kind == CellKind::Usd => GridCell::usd(None, column.absent),
        Cell::Absent => GridCell::absent(column.absent),
        Cell::Text(word) if !column.words.is_empty() => GridCell::words(word.as_ref()),
        Cell::Worded(_, words) => GridCell::words(words.as_ref()),
        Cell::Text(_) => entry_of_text(cell, column.kind),
        Cell::Count(count) => GridCell::count(*count),
        Cell::Quantity(quantity) => GridCell::quantity(*quantity),
        Cell::Usd(usd) => signed(GridCell::usd(Some(*usd), ""), usd.0 > 0),
        Cell::Decimal(share) if column.kind.is_percent() => {
            let percent = share.percent().unwrap_or_default();
            signed(GridCell::words(percent), share.is_positive())
        }
        Cell::Decimal(decimal) => GridCell::mean(Some(*decimal)),
        Cell::Instant(ms) => GridCell::words(minute(*ms)),
    }
}
