//! A table of any format against report.json's: all its rows, or the first ones and the sum of the others; every column.

use super::cell::CellCheck;
use super::columns::{Column, column, name_of};
use super::expected::{Expected, JsonRow};
use super::read::{ReadTable, RowKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Page,
    Workbook,
    Markdown,
    /// The terminal and summary.txt.
    Text,
}

/// A table against report.json's; returns its name there.
#[track_caller]
pub fn check(expected: &Expected, format: Format, table: &ReadTable) -> &'static str {
    let name = name_of(&table.title);
    let columns: Vec<Column> = table
        .heads
        .iter()
        .map(|head| column(name, head, format == Format::Text))
        .collect();
    let rows = expected.rows(name);
    let shown = table.rows.iter().filter(|row| row.kind == RowKind::One).count();
    let has_rest = table.rows.iter().any(|row| row.kind == RowKind::Rest);
    let is_first_part = has_rest || table.title.starts_with("Largest changes");
    let has_all = shown == rows.len() || is_first_part || (format == Format::Page && name == "cost_by_day");
    assert!(
        has_all,
        "{format:?} shows {shown} of {} rows of {name} and no sum of the others",
        rows.len()
    );
    for (at, row) in table.rows.iter().enumerate() {
        let place = format!("{format:?}, {name}, row {at}");
        assert_eq!(row.cells.len(), columns.len(), "{place}: {row:?}");
        let (json, label) = match row.kind {
            RowKind::One if format == Format::Page && name == "cost_by_day" => (of_day(rows, &row.cells[0].text), None),
            RowKind::One => (rows[at].clone(), None),
            RowKind::Rest => (
                expected.rest(name, shown),
                Some(others(format, name, rows.len() - shown)),
            ),
            RowKind::Total => (
                expected.total(name),
                Some(
                    if format == Format::Markdown {
                        "**Total**"
                    } else {
                        "Total"
                    }
                    .into(),
                ),
            ),
        };
        let first = usize::from(label.is_some());
        if let Some(label) = label {
            assert_eq!(row.cells[0].text, label, "{place}");
        }
        for (at, column) in columns.iter().enumerate().skip(first) {
            let cell = &row.cells[at];
            let judged = CellCheck {
                expected,
                format,
                name,
                row: &json,
                kind: row.kind,
                from: shown,
            };
            if let Err(wanted) = judged.check(*column, cell) {
                panic!(
                    "{place}, {:?}: found {cell:?}, expected {wanted}; in report.json: {json:?}",
                    table.heads[at]
                );
            }
        }
    }
    name
}

fn others(format: Format, name: &str, count: usize) -> String {
    match (format, name) {
        (Format::Markdown, _) => format!("and {count} others"),
        (Format::Text, "cost_by_group") => format!("{count} other groups"),
        (Format::Text, _) => format!("{count} other Actors"),
        _ => format!("{count} others"),
    }
}

/// The page has every day of the period.
fn of_day(rows: &[JsonRow], day: &str) -> JsonRow {
    let found = rows.iter().find(|row| row["day"] == day);
    let empty =
        serde_json::json!({"day": day, "runs": 0, "usage_total_usd": null, "share": null, "runs_cost_unknown": 0});
    found.unwrap_or(empty.as_object().unwrap()).clone()
}
