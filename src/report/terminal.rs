//! The summary on stdout: 80 columns, aligned, readable without colour. The dearest Actors; the rest is in the files.

use super::Report;
use super::comparison::CHANGE_BY_ACTOR;
use super::dimension::Dimension;
use super::figures::Group;
use super::headline;
use super::measures::Measures;
use super::table::{Cell, Table, TableColumn};
use crate::money::{Usd, percent};
use crate::period::format_instant;
use crate::text::{counted, escape_control, no_break, pad, thousands, truncate, width, wrap_labelled};

const MOVERS: usize = 5;
/// Columns that a line may have.
pub const WIDTH: usize = 80;
const LABEL: usize = 10;
/// Actors shown; the rest go into one line.
const ACTORS: usize = 10;
const NARROWEST_NAME: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStyle {
    Plain,
    Bold,
}

impl TextStyle {
    pub(super) fn bold(self, text: &str) -> String {
        if self == TextStyle::Bold {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.into()
        }
    }
}

pub fn render(report: &Report, look: TextStyle) -> String {
    let mut lines = Vec::new();
    lines.extend(report.facts.source.notice().map(|notice| look.bold(notice)));
    let mut entries = headline::entries(report);
    let caveats = &report.facts.caveats;
    if !caveats.is_empty() {
        entries.push((
            "Caveats",
            caveats
                .iter()
                .map(|caveat| escape_control(&caveat.to_string()))
                .collect(),
        ));
    }
    for (label, sentences) in entries {
        for (at, sentence) in sentences.iter().enumerate() {
            lines.push(wrap_labelled(if at == 0 { label } else { "" }, sentence, LABEL, WIDTH));
        }
    }
    if report.only.is_empty() {
        lines.extend(actors(report, look));
        lines.extend(movers(report, look));
    } else {
        for table in report.tables() {
            lines.push(String::new());
            lines.push(look.bold(&escape_control(&table.title)));
            lines.extend(table_lines(&table, None, look));
        }
    }
    lines.join("\n") + "\n"
}

fn actors(report: &Report, look: TextStyle) -> Vec<String> {
    let totals = &report.figures.totals;
    let Some(actors) = report.figures.by(Dimension::Actor).filter(|actors| !actors.is_empty()) else {
        return Vec::new();
    };
    let heads = ["Actor", "runs", "usage", "share", "unsuccessful", "cost unknown"].map(String::from);
    let mut rows = vec![heads];
    let (top, rest) = actors.top(ACTORS);
    let line = |actor: &Group| group(&escape_control(actor.shown()), actor.measures, totals);
    rows.extend(top.iter().map(line));
    rows.extend(rest.map(|(more, measures)| {
        let name = counted(more as u64, "other Actor", "other Actors");
        group(&name, &measures, totals)
    }));
    rows.push(group("Total", totals, totals));
    let mut lines = vec![String::new()];
    let table = aligned(&rows);
    let last = table.len() - 1;
    lines.extend((0..).zip(table).map(|(at, line)| match at {
        0 => look.bold(&line),
        at if at == last => look.bold(&line),
        _ => line,
    }));
    lines.push(String::new());
    let outcomes: Vec<String> = headline::outcomes(report).iter().map(|part| no_break(part)).collect();
    lines.push(wrap_labelled("", &outcomes.join(" · "), 0, WIDTH));
    lines
}

fn movers(report: &Report, look: TextStyle) -> Vec<String> {
    let tables = report.tables();
    let moved = tables.iter().find(|table| table.name == CHANGE_BY_ACTOR);
    let Some(moved) = moved.filter(|moved| moved.len > 0) else {
        return Vec::new();
    };
    let few = Table {
        columns: moved.columns.clone(),
        name: moved.name.clone(),
        title: moved.title.clone(),
        len: moved.len.min(MOVERS),
        row: Box::new(|at| match (moved.row)(at).as_slice() {
            // The ID is the first column, the name the last: what is shown is the name, or else the ID.
            [id, between @ .., Cell::Absent] => [&[Cell::Absent], between, std::slice::from_ref(id)].concat(),
            named => named.to_vec(),
        }),
        total: None,
        note: None,
    };
    let mut lines = vec![String::new(), look.bold("Largest changes since the previous period")];
    let wanted = [
        "act_name",
        "change",
        "usage_before_usd",
        "usage_total_usd",
        "change_usd",
    ];
    lines.extend(table_lines(&few, Some(&wanted), look));
    lines
}

fn group(name: &str, measures: &Measures, totals: &Measures) -> [String; 6] {
    let dollars = |usd: Option<Usd>| usd.map_or("unknown".into(), |usd| usd.dollars());
    // Where no cost is known nothing is known of a part of it; where some is, a part without runs is zero.
    let unsuccessful = measures.unsuccessful();
    let unsuccessful = match unsuccessful.runs {
        0 => measures.usage().map(|_| Usd::default()),
        _ => unsuccessful.usage(),
    };
    [
        name.into(),
        thousands(measures.runs()),
        dollars(measures.usage()),
        share(measures, totals).unwrap_or_default(),
        dollars(unsuccessful),
        thousands(measures.cost_unknown()),
    ]
}

/// Figures as wide as they are; names have what is left of the line.
fn aligned(rows: &[[String; 6]]) -> Vec<String> {
    let gaps = [0, 1, 1, 1, 2, 2];
    let widest = |at: usize| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
    let figures: Vec<usize> = (1..gaps.len()).map(|at| gaps[at] + widest(at)).collect();
    let name = WIDTH.saturating_sub(figures.iter().sum()).max(NARROWEST_NAME);
    let line = |[name_text, texts @ ..]: &[String; 6]| {
        let figures = texts
            .iter()
            .zip(&figures)
            .map(|(text, width)| format!("{text:>width$}"));
        let line = pad(name_text, name) + &figures.collect::<String>();
        line.trim_end().to_string()
    };
    rows.iter().map(line).collect()
}

fn share(measures: &Measures, totals: &Measures) -> Option<String> {
    percent(measures.usage()?, totals.usage()?)
}

const TEXT_WIDTH: usize = 40;

/// A table in full, or some columns of it, as wide as its cells are.
fn table_lines(table: &Table, only: Option<&[&str]>, look: TextStyle) -> Vec<String> {
    if table.len == 0 {
        return vec!["None.".into()];
    }
    let mut order = table.reading_order();
    order.retain(|at| only.is_none_or(|only| only.contains(&table.columns[*at].name)));
    let cells =
        |cells: &[Cell]| -> Vec<String> { order.iter().map(|at| cell(&cells[*at], &table.columns[*at])).collect() };
    let mut rows: Vec<Vec<String>> = table.rows().map(|row| cells(&row)).collect();
    if let Some(total) = &table.total {
        let told = order.iter().map(|at| match &total[*at] {
            Cell::Absent => String::new(),
            told => cell(told, &table.columns[*at]),
        });
        let mut total: Vec<String> = told.collect();
        total[0] = "Total".into();
        rows.push(total);
    }
    let heads: Vec<String> = order.iter().map(|at| table.columns[*at].head.to_string()).collect();
    let widest = |at: usize| rows.iter().chain([&heads]).map(|row| width(&row[at])).max();
    let widths: Vec<usize> = (0..order.len()).map(|at| widest(at).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&order).zip(&widths).map(|((text, at), width)| {
            let room = " ".repeat(width.saturating_sub(self::width(text)));
            if table.columns[*at].kind.is_number() {
                room + text
            } else {
                text.clone() + &room
            }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_string()
    };
    let last = rows.len() - 1;
    let mut lines = vec![look.bold(&line(&heads))];
    let bold = |at| table.total.is_some() && at == last;
    lines.extend(
        rows.iter()
            .enumerate()
            .map(|(at, row)| if bold(at) { look.bold(&line(row)) } else { line(row) }),
    );
    lines.extend(table.note.clone());
    lines
}

fn cell(cell: &Cell, column: &TableColumn) -> String {
    match &column.shown(cell) {
        Cell::Absent => column.absent.into(),
        Cell::Text(text) => truncate(&escape_control(text), TEXT_WIDTH),
        Cell::Count(count) => thousands(*count),
        Cell::Usd(usd) => usd.dollars(),
        Cell::Decimal(share) if column.kind.is_percent() => share.percent().unwrap_or_default(),
        Cell::Decimal(decimal) => decimal.to_string(),
        Cell::Instant(ms) => format_instant(*ms),
    }
}
