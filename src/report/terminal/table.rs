//! Any table as aligned text.

use super::style::{TextLayout, TextStyle};
use crate::period::format_instant;
use crate::report::console::{actor_url, run_url};
use crate::report::table::{Cell, CellKind, Table, TableColumn};
use crate::text::{escape_control, thousands, width};

const TEXT_WIDTH: usize = 40;
const NARROWEST_NAME: usize = 12;

/// A table in full, or some columns of it, as wide as its cells are. Of some columns, names have what is left of the line.
pub(super) fn lines(table: &Table, only: Option<&[&str]>, layout: TextLayout) -> Vec<String> {
    if table.len == 0 {
        return vec!["None.".into()];
    }
    let look = layout.style;
    let mut order = table.reading_order();
    order.retain(|at| match only {
        Some(only) => only.contains(&table.columns[*at].name),
        None => !table.columns[*at].is_minor,
    });
    let cells = |cells: &[Cell]| -> Vec<String> {
        order
            .iter()
            .map(|at| cell(&cells[*at], &table.columns[*at], layout))
            .collect()
    };
    let mut rows: Vec<Vec<String>> = table.rows().map(|row| cells(&row)).collect();
    let urls: Vec<Vec<Option<String>>> = match look {
        TextStyle::Linked => table.rows().map(|row| urls(table, &row)).collect(),
        _ => Vec::new(),
    };
    if let Some(total) = &table.total {
        let shown = order.iter().map(|at| match &total[*at] {
            Cell::Absent => String::new(),
            known => cell(known, &table.columns[*at], layout),
        });
        let mut total: Vec<String> = shown.collect();
        total[0] = "Total".into();
        rows.push(total);
    }
    let heads: Vec<String> = order.iter().map(|at| table.columns[*at].head.to_string()).collect();
    let name = order.iter().position(|at| table.columns[*at].kind == CellKind::Name);
    if let Some(name) = name.filter(|_| only.is_some()) {
        cut_names(&mut rows, &heads, name, layout);
    }
    let widths = widths(&rows, &heads);
    let line = |row: &Vec<String>, urls: Option<&Vec<Option<String>>>| {
        let padded = row.iter().zip(&order).zip(&widths).map(|((text, at), width)| {
            let room = " ".repeat(width.saturating_sub(self::width(text)));
            match urls.and_then(|urls| urls[*at].as_deref()) {
                Some(url) => look.link(text, url) + &room,
                None if table.columns[*at].kind.is_number() => room + text,
                None => text.clone() + &room,
            }
        });
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_string()
    };
    let last = rows.len() - 1;
    let mut lines = vec![look.bold(&line(&heads, None))];
    let is_total = |at| table.total.is_some() && at == last;
    lines.extend(rows.iter().enumerate().map(|(at, row)| match is_total(at) {
        true => look.bold(&line(row, None)),
        false => line(row, urls.get(at)),
    }));
    lines.extend(table.note.clone());
    lines
}

const GAP: &str = "  ";

/// How wide each column must be.
fn widths(rows: &[Vec<String>], heads: &[String]) -> Vec<usize> {
    let widest = |at: usize| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
    let columns = heads.iter().enumerate();
    columns.map(|(at, head)| widest(at).max(width(head))).collect()
}

/// Shortens the names of a column by as much as lines are too wide.
fn cut_names(rows: &mut [Vec<String>], heads: &[String], name: usize, layout: TextLayout) {
    let widths = widths(rows, heads);
    let all = widths.iter().sum::<usize>() + GAP.len() * (widths.len() - 1);
    let most = widths[name].saturating_sub(all.saturating_sub(layout.width));
    for row in rows {
        row[name] = layout.cut(&row[name], most.max(NARROWEST_NAME));
    }
}

/// The addresses that a row's cells open: a run's own, and its Actor's.
fn urls(table: &Table, cells: &[Cell]) -> Vec<Option<String>> {
    let text = |name: &str| {
        let at = table.columns.iter().position(|column| column.name == name)?;
        match &cells[at] {
            Cell::Text(text) => Some(text.as_ref()),
            _ => None,
        }
    };
    let url = |column: &TableColumn| match column.name {
        "id" => text("id").map(run_url),
        "act_id" | "act_name" => text(column.name).and(text("act_id")).map(actor_url),
        _ => None,
    };
    table.columns.iter().map(url).collect()
}

fn cell(cell: &Cell, column: &TableColumn, layout: TextLayout) -> String {
    match &column.shown(cell) {
        Cell::Absent => column.absent.into(),
        Cell::Text(text) | Cell::Worded(_, text) => layout.cut(&escape_control(text), TEXT_WIDTH),
        Cell::Count(count) => thousands(*count),
        Cell::Quantity(quantity) => quantity.to_string(),
        Cell::Usd(usd) => usd.dollars(),
        Cell::Decimal(share) if column.kind.is_percent() => share.percent().unwrap_or_default(),
        Cell::Decimal(decimal) => decimal.to_string(),
        Cell::Instant(ms) => format_instant(*ms),
    }
}
