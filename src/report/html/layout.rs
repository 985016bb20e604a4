//! Any report as one of the page's tables: its first rows, the sum of the rest, its total; an ID beneath the name of what it
//! is of. Reports that have a form of their own, such as breakdowns, don't come here.

use super::grid::{Grid, GridCell, GridHead, GridRow, TOP};
use super::{minute, shown};
use crate::money::Usd;
use crate::report::table::{Cell, CellKind, Table, TableColumn};
use crate::text::counted;

/// Rows that are shown one by one where they are days.
const DAYS: usize = 62;

impl Grid {
    pub fn of(table: &Table) -> Grid {
        let most = if table.columns.iter().any(|column| column.kind == CellKind::Date) {
            DAYS
        } else {
            TOP
        };
        let shown = if table.len <= most + 1 { table.len } else { most };
        let layout = GridLayout::of(table);
        let mut rows: Vec<GridRow> = (0..shown)
            .map(|at| GridRow::of(layout.entries(&(table.row)(at))))
            .collect();
        if shown < table.len {
            let mut cells = layout.entries(&rest(table, shown));
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
            heads: layout.heads(),
            rows,
            note: table.note.as_deref().map(shown::sentence),
        }
    }
}

/// What all rows from one on add up to: runs and dollars; nothing that can't be added.
fn rest<'r>(table: &Table, from: usize) -> Vec<Cell<'r>> {
    let mut sums: Vec<Cell> = table.columns.iter().map(|_| Cell::Absent).collect();
    for cells in (from..table.len).map(|at| (table.row)(at)) {
        for (sum, cell) in sums.iter_mut().zip(cells) {
            *sum = match (&*sum, cell) {
                (Cell::Absent, Cell::Count(count)) => Cell::Count(count),
                (Cell::Absent, Cell::Usd(usd)) => Cell::Usd(usd),
                (Cell::Count(sum), Cell::Count(count)) => Cell::Count(sum + count),
                (Cell::Usd(sum), Cell::Usd(usd)) => Cell::Usd(Usd(sum.0.saturating_add(usd.0))),
                _ => continue,
            };
        }
    }
    sums
}

/// Which of a report's columns stand where: an ID beneath the name of what it is of.
struct GridLayout<'t> {
    columns: &'t [TableColumn],
    /// A column's place, and the place of the one beneath.
    places: Vec<(usize, Option<usize>)>,
}

const NAMED: [(&str, &str); 4] = [
    ("act_name", "act_id"),
    ("actor_task_name", "actor_task_id"),
    ("service_name", "service"),
    ("meta_schedule_name", "meta_schedule_id"),
];

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
        let place = |name: &str| table.columns.iter().position(|column| column.name == name);
        let named: Vec<(usize, usize)> = NAMED
            .iter()
            .filter_map(|(name, id)| Some((place(name)?, place(id)?)))
            .collect();
        let is_beneath = |at: &usize| named.iter().any(|(_, id)| id == at);
        let order = table.reading_order().into_iter().filter(|at| !is_beneath(at));
        let beneath = |at: usize| named.iter().find(|(name, _)| *name == at).map(|(_, id)| *id);
        let mut places: Vec<(usize, Option<usize>)> = order.map(|at| (at, beneath(at))).collect();
        let is_number = |at: usize| table.columns[at].kind.is_number();
        let first: &[&str] = if table.has_first_columns() { &[] } else { &FIRST };
        let rank = |at: usize| first.iter().position(|name| *name == table.columns[at].name);
        places.sort_by_key(|(at, _)| (is_number(*at), rank(*at).unwrap_or(first.len())));
        GridLayout {
            columns: &table.columns,
            places,
        }
    }

    fn heads(&self) -> Vec<GridHead> {
        let head = |(at, _): &(usize, Option<usize>)| {
            let column = &self.columns[*at];
            // Amounts have their sign in every cell; it is said above where a count is called the same.
            let text = column.head.strip_suffix(", $").unwrap_or(column.head);
            let is_taken = self.columns.iter().any(|other| other.head == text);
            let text = if is_taken { column.head } else { text };
            match column.kind {
                kind if kind.is_number() => GridHead::number(text),
                CellKind::Name => GridHead::name(text),
                _ => GridHead::text(text),
            }
        };
        self.places.iter().map(head).collect()
    }

    fn entries(&self, cells: &[Cell]) -> Vec<GridCell> {
        let entry = |(at, beneath): &(usize, Option<usize>)| match (entry(&cells[*at], &self.columns[*at]), beneath) {
            (name, None) => name,
            (name, Some(id)) => match (&cells[*at], &cells[*id]) {
                (Cell::Absent, Cell::Absent) => GridCell::absent(self.columns[*id].absent),
                (Cell::Absent, id) => entry_of_text(id, self.columns[*at].kind),
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
    // What moved has a sign, so that a rise is seen to be one.
    let is_move = column.name.starts_with("change_");
    let signed = |entry: GridCell, is_rise: bool| match is_move && is_rise {
        true => GridCell {
            text: format!("+{}", entry.text),
            ..entry
        },
        false => entry,
    };
    match &column.shown(cell) {
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
