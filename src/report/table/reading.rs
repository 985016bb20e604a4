//! A table as people read it: in which order its columns stand and what is above them, how many of its rows are shown one by one,
//! and what the others come to. Files for programs hold tables as they are.

use super::{Cell, CellKind, Table, TableColumn, column};
use crate::money::{Ratio, Usd, share_6_places};
use crate::text::thousands;

/// Rows that are shown one by one.
pub const TOP: usize = 20;
/// The same where they are days.
pub const TOP_DAYS: usize = 62;

/// Columns of what a change is made of, which have a sign as the change has.
const TERMS: [&str; 5] = [
    "volume_usd",
    "cost_per_run_usd",
    "event_price_usd",
    "event_quantity_usd",
    "other_usd",
];

/// Columns of what something is called, and of its ID.
const NAMED: [(&str, &str); 6] = [
    ("act_name", "act_id"),
    ("actor_task_name", "actor_task_id"),
    ("service_name", "service"),
    ("meta_schedule_name", "meta_schedule_id"),
    ("build_number", "build_id"),
    ("account_name", "account_id"),
];

impl<'r> Table<'r> {
    /// The columns as people read them: what something is called comes before its ID and figures, and of these first what the
    /// report is about.
    pub fn reading_order(&self) -> Vec<usize> {
        let first_number = self.columns.iter().position(|column| column.kind.is_number());
        let is_label = |at: &usize| {
            let is_behind = first_number.is_none_or(|first| *at > first);
            is_behind && self.columns[*at].kind == CellKind::Name
        };
        let (mut order, mut others): (Vec<usize>, Vec<usize>) = (0..self.columns.len()).partition(is_label);
        if self.has_first_columns() {
            others.sort_by_key(|at| self.columns[*at].kind.is_number() && !self.columns[*at].comes_first);
        }
        order.extend(others);
        order
    }

    /// Where a column stands by its name in files.
    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The reading order where an ID stands in one cell with the name: a column's place, and its ID's.
    pub fn named_order(&self) -> Vec<(usize, Option<usize>)> {
        let named = NAMED
            .iter()
            .filter_map(|(name, id)| Some((self.place(name)?, self.place(id)?)));
        let named: Vec<(usize, usize)> = named.collect();
        let is_beside = |at: &usize| named.iter().any(|(_, id)| id == at);
        let id_of = |at: usize| named.iter().find(|(name, _)| *name == at).map(|(_, id)| *id);
        let order = self.reading_order().into_iter().filter(|at| !is_beside(at));
        order.map(|at| (at, id_of(at))).collect()
    }

    /// What stands above a column whose amounts have their sign in every cell; the sign is kept where a count is called the same.
    pub fn head_without_sign(&self, at: usize) -> &'static str {
        let head = self.columns[at].head;
        let text = head.strip_suffix(", $").unwrap_or(head);
        let is_taken = self.columns.iter().any(|other| other.head == text);
        if is_taken { head } else { text }
    }

    /// The same with one count of unsuccessful runs, where rows count runs by outcome.
    pub fn with_unsuccessful(&self) -> Option<Table<'_>> {
        self.place("runs_succeeded")?;
        let [failed, others @ ..] = [
            self.place("runs_failed")?,
            self.place("runs_timed_out")?,
            self.place("runs_aborted")?,
        ];
        let merged = move |mut cells: Vec<Cell<'r>>| {
            let count = |at: usize| match cells[at] {
                Cell::Count(runs) => runs,
                _ => 0,
            };
            let sum = count(failed) + others.map(count).iter().sum::<u64>();
            cells[failed] = Cell::Count(sum);
            cells
        };
        let mut columns = self.columns.clone();
        columns[failed] = column("runs_unsuccessful", "unsuccessful", CellKind::Count);
        Some(Table {
            name: self.name.clone(),
            title: self.title.clone(),
            columns,
            len: self.len,
            row: Box::new(move |at| merged((self.row)(at))),
            total: self.total.clone().map(merged),
            note: self.note.clone(),
        })
    }

    /// How many rows are shown one by one where `most` may be: of one row more, that row itself instead of a sum.
    pub fn rows_shown(&self, most: usize) -> usize {
        if self.len <= most + 1 { self.len } else { most }
    }

    /// What all rows from one on add up to: counts, dollars and their share of the total; nothing that can't be added.
    pub fn sum_from(&self, from: usize) -> Vec<Cell<'r>> {
        let mut sums: Vec<Cell> = self.columns.iter().map(|_| Cell::Absent).collect();
        for cells in (from..self.len).map(|at| (self.row)(at)) {
            for ((sum, cell), column) in sums.iter_mut().zip(cells).zip(&self.columns) {
                if !column.adds_up {
                    continue;
                }
                *sum = match (&*sum, cell) {
                    (Cell::Absent, Cell::Count(count)) => Cell::Count(count),
                    (Cell::Absent, Cell::Usd(usd)) => Cell::Usd(usd),
                    (Cell::Count(sum), Cell::Count(count)) => Cell::Count(sum + count),
                    (Cell::Usd(sum), Cell::Usd(usd)) => Cell::Usd(Usd(sum.0.saturating_add(usd.0))),
                    _ => continue,
                };
            }
        }
        if let Some((at, share)) = self.share_of_total(&sums) {
            sums[at] = Cell::Decimal(share);
        }
        sums
    }

    /// Whether a column's sum of all rows from one on is a minimum that no count of unknown costs beside it explains.
    pub fn is_sum_at_least(&self, from: usize, at: usize) -> bool {
        let has_count = self.columns.iter().any(|column| column.name.ends_with("cost_unknown"));
        let is_absent = |row: usize| (self.row)(row)[at] == Cell::Absent;
        !has_count && self.columns[at].absent == "unknown" && (from..self.len).any(is_absent)
    }

    /// Where the share of the table's usage stands, and that of some sums.
    fn share_of_total(&self, sums: &[Cell]) -> Option<(usize, Ratio)> {
        let (share, usage) = (self.place("share")?, self.place("usage_total_usd")?);
        match (&sums[usage], &self.total.as_ref()?[usage]) {
            (Cell::Usd(part), Cell::Usd(all)) => Some((share, share_6_places(*part, *all)?)),
            _ => None,
        }
    }
}

impl TableColumn {
    /// What stands before a number of this column: a plus where a change is a rise, so that it is seen to be one.
    pub fn sign(&self, is_rise: bool) -> &'static str {
        if is_rise && (self.name.starts_with("change_") || TERMS.contains(&self.name)) {
            "+"
        } else {
            ""
        }
    }
}

/// A quantity to three places.
pub fn short_quantity(quantity: Usd) -> String {
    let text = quantity.to_string();
    let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
    let places = places.get(..3).unwrap_or(places).trim_end_matches('0');
    let whole = whole.parse().map_or(whole.to_string(), |whole: u64| thousands(whole));
    if places.is_empty() {
        whole
    } else {
        format!("{whole}.{places}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(len: usize) -> Table<'static> {
        Table {
            name: "t".into(),
            title: "T".into(),
            columns: vec![
                column("act_id", "act_id", CellKind::Key),
                column("runs", "runs", CellKind::Count),
                column("usage_usd", "usage, $", CellKind::Usd),
                column("runs_usd", "runs, $", CellKind::Usd),
                column("act_name", "Actor", CellKind::Name),
            ],
            len,
            row: Box::new(|at| {
                let usd = if at == 0 {
                    Cell::Absent
                } else {
                    Cell::Usd(Usd(at as i128))
                };
                vec![
                    Cell::Text(format!("a{at}").into()),
                    Cell::Count(1),
                    usd,
                    Cell::Absent,
                    Cell::text(None),
                ]
            }),
            total: None,
            note: None,
        }
    }

    #[test]
    fn what_is_not_shown_is_summed_and_an_unknown_sum_is_no_zero() {
        let table = table(23);
        assert_eq!(
            (table.rows_shown(20), table.rows_shown(22), table.rows_shown(62)),
            (20, 23, 23)
        );
        let sum = table.sum_from(20);
        assert_eq!(
            sum,
            [
                Cell::Absent,
                Cell::Count(3),
                Cell::Usd(Usd(20 + 21 + 22)),
                Cell::Absent,
                Cell::Absent
            ]
        );
        // Without a count of unknown costs, the sum says that it is a minimum.
        assert_eq!([0, 1].map(|from| table.is_sum_at_least(from, 2)), [true, false]);
    }

    #[test]
    fn a_part_of_another_row_is_in_no_sum_and_minor_columns_can_be_left_out() {
        let mut table = table(23);
        (table.columns[1].adds_up, table.columns[2].is_minor) = (false, true);
        assert_eq!(table.sum_from(20)[1..3], [Cell::Absent, Cell::Usd(Usd(20 + 21 + 22))]);
        let names: Vec<&str> = table.without_minor().columns.iter().map(|column| column.name).collect();
        assert_eq!(names, ["act_id", "runs", "runs_usd", "act_name"]);
    }

    #[test]
    fn a_name_comes_first_with_its_id_and_amounts_have_their_own_sign() {
        let table = table(1);
        assert_eq!(table.named_order(), [(4, Some(0)), (1, None), (2, None), (3, None)]);
        assert_eq!(
            [0, 2, 3].map(|at| table.head_without_sign(at)),
            ["act_id", "usage", "runs, $"]
        );
    }

    #[test]
    fn quantities_have_three_places_at_most() {
        let shown = |text: &str| short_quantity(Usd::parse_plain(text).unwrap());
        assert_eq!(
            ["0", "12345.5", "0.12345", "7.0001"].map(shown),
            ["0", "12,345.5", "0.123", "7"]
        );
    }
}
