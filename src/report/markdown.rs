//! `report.md`: every report for people, for wikis, mails and pull requests. Of a long table, its first rows and the sum of the
//! others; amounts are rounded. The exact and whole tables are in JSON and CSV.

use std::io::{self, Write};

use super::Report;
use super::account_usage::{BUILDS, USAGE_BY_DAY};
use super::display_text::DisplayText;
use super::headline;
use super::table::{Cell, CellKind, TOP, TOP_DAYS, Table, TableColumn, short_quantity};
use crate::money::Usd;
use crate::period::format_instant;
use crate::text::{counted, escape_markdown, thousands};

const EXACTNESS: &str = "Amounts are rounded to cents, amounts below a cent to four decimal places; report.json and the CSV \
    files have the exact amounts and all rows. Times are in UTC. 'Unsuccessful' counts runs that failed, timed out or were \
    aborted.";

/// Columns of outcomes that are counted together, or that the table by status has.
const OUTCOMES: [&str; 4] = ["runs_succeeded", "runs_timed_out", "runs_aborted", "runs_other"];

/// Columns that a text may take in a cell.
const TEXT_WIDTH: usize = 40;

pub fn render(report: &Report) -> String {
    let mut text = Vec::new();
    write(report, &mut text).expect("memory takes all that is written");
    String::from_utf8(text).expect("it is put together from text")
}

pub fn write(report: &Report, into: &mut impl Write) -> io::Result<()> {
    let mut line = |line: String| writeln!(into, "{line}");
    line("# Apify runs and their usage\n".into())?;
    if let Some(notice) = report.facts.source.notice() {
        line(format!("**{notice}**\n"))?;
    }
    for (label, sentences) in headline::entries(report) {
        let sentences: Vec<String> = sentences.iter().map(|sentence| escape_markdown(sentence)).collect();
        line(format!("- **{label}:** {}", sentences.join("; ")))?;
    }
    if report.figures.totals.runs() > 0 {
        let outcomes = headline::outcomes(report).join(" · ");
        line(format!("- **Runs:** {}", escape_markdown(&outcomes)))?;
    }
    if !report.facts.caveats.is_empty() {
        line(format!("\n{}:\n", headline::PLEASE_NOTE))?;
        for caveat in &report.facts.caveats {
            line(format!("- {}", escape_markdown(&caveat.to_string())))?;
        }
    }
    for table in report.tables() {
        line(format!("\n## {}\n", escape_markdown(&table.title)))?;
        lines(&table, &mut line)?;
    }
    line(format!("\n{}", headline::how_to_read(EXACTNESS)))
}

fn lines(table: &Table, line: &mut impl FnMut(String) -> io::Result<()>) -> io::Result<()> {
    match table.with_unsuccessful() {
        _ if table.len == 0 => line("None.".into())?,
        Some(table) => grid(&table.without(&OUTCOMES), line)?,
        None => grid(&table.without_minor(), line)?,
    }
    match &table.note {
        Some(note) => line(format!("\n{}", escape_markdown(note))),
        None => Ok(()),
    }
}

/// The table's heads, first rows, the sum of the others, and its total.
fn grid(table: &Table, line: &mut impl FnMut(String) -> io::Result<()>) -> io::Result<()> {
    let places = table.named_order();
    let in_order = |cell: &dyn Fn(usize, Option<usize>) -> String| -> Vec<String> {
        places.iter().map(|(at, id)| cell(*at, *id)).collect()
    };
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    line(row(in_order(&|at, _| escape_markdown(table.head_without_sign(at)))))?;
    let rule = in_order(&|at, _| match table.columns[at].kind.is_number() {
        true => "---:".into(),
        false => ":---".into(),
    });
    line(format!("|{}|", rule.join("|")))?;
    let shown = table.rows_shown(most_rows(table));
    for cells in (0..shown).map(|at| (table.row)(at)) {
        line(row(in_order(&|at, id| entry(table, &cells, at, id))))?;
    }
    let sum = |cells: &[Cell], lead: String, is_at_least: &dyn Fn(usize) -> bool| {
        let mut cells = in_order(&|at, _| {
            let is_bound = cells[at] != Cell::Absent && is_at_least(at);
            headline::at_least(is_bound).to_string() + &sum_entry(&cells[at], &table.columns[at])
        });
        cells[0] = lead;
        row(cells)
    };
    if shown < table.len {
        let others = counted((table.len - shown) as u64, "other", "others");
        let is_at_least = |at| table.is_sum_at_least(shown, at);
        line(sum(&table.sum_from(shown), format!("and {others}"), &is_at_least))?;
    }
    match &table.total {
        Some(total) => line(sum(total, "**Total**".into(), &|_| false)),
        None => Ok(()),
    }
}

/// Builds one by one stand in order of time, and few of them say what the rest are like: their sums by Actor do.
const MOST_BUILDS: usize = 5;

/// A table by day has a row a day, unless it is by service too.
fn most_rows(table: &Table) -> usize {
    let is_by_day = table.columns[0].kind == CellKind::Date;
    match &*table.name {
        BUILDS => MOST_BUILDS,
        USAGE_BY_DAY => TOP,
        _ if is_by_day => TOP_DAYS,
        _ => TOP,
    }
}

/// A cell; with an ID, the name and that. What has an ID of its own, such as a run, needs none of its Actor and task.
fn entry(table: &Table, cells: &[Cell], at: usize, id: Option<usize>) -> String {
    let has_own_id = table.columns[0].name == "id";
    let text = |at: usize| text(&cells[at], &table.columns[at]);
    match (&cells[at], id.map(|id| (id, &cells[id]))) {
        (Cell::Absent, Some((id, _))) => text(id),
        (Cell::Text(name), Some((id, Cell::Text(id_text)))) if !has_own_id && name != id_text => {
            format!("{} ({})", text(at), text(id))
        }
        _ => text(at),
    }
}

/// A cell of a sum: text has none, but an unknown amount says that it is.
fn sum_entry(cell: &Cell, column: &TableColumn) -> String {
    match cell {
        Cell::Absent if column.kind != CellKind::Usd => String::new(),
        cell => text(cell, column),
    }
}

fn text(cell: &Cell, column: &TableColumn) -> String {
    let text = match &column.shown(cell) {
        Cell::Absent => column.absent.into(),
        Cell::Worded(_, words) => words.to_string(),
        Cell::Text(text) => DisplayText::within(text, TEXT_WIDTH).text,
        Cell::Count(count) => thousands(*count),
        Cell::Quantity(quantity) => short_quantity(*quantity),
        Cell::Usd(usd) => dollars(*usd, column),
        Cell::Decimal(part) if column.kind.is_percent() => {
            column.sign(part.is_positive()).to_string() + &part.percent().unwrap_or_default()
        }
        Cell::Decimal(mean) => mean.usd().map_or(mean.to_string(), |usd| dollars(usd, column)),
        Cell::Instant(ms) => headline::to_minute(&format_instant(*ms)),
    };
    escape_markdown(&text)
}

fn dollars(usd: Usd, column: &TableColumn) -> String {
    column.sign(usd.0 > 0).to_string() + &usd.fine_dollars()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{report, row};
    use crate::runs::row::Row;

    const SEPTEMBER: [&str; 2] = ["2025-09-01", "2025-10-01"];

    /// The rows of a table, its sums too.
    fn rows<'t>(text: &'t str, title: &str) -> Vec<&'t str> {
        let (_, rest) = text.split_once(&format!("\n## {title}\n\n")).unwrap();
        rest.lines().take_while(|line| line.starts_with('|')).skip(2).collect()
    }

    #[test]
    fn a_long_table_shows_twenty_rows_and_sums_the_others() {
        let ids: Vec<String> = (0..340).map(|at| format!("act{at:014}")).collect();
        let names: Vec<String> = (0..340)
            .map(|at| format!("日本語のアクター_{}/{at}", "名".repeat(60)))
            .collect();
        let runs: Vec<Row> = ids
            .iter()
            .zip(&names)
            .map(|(id, name)| Row {
                act_name: Some(name),
                actor_task_id: Some(id),
                actor_task_name: Some(name),
                schedule_id: Some(id),
                schedule_name: Some(name),
                build_id: Some(id),
                build_number: Some(name),
                user_id: Some(id),
                ..row(id, id, "2025-09-02", Some("0.0049"))
            })
            .collect();
        let text = render(&report(&runs, SEPTEMBER));
        assert!(text.len() < 40_000, "{} bytes", text.len());
        let actors = rows(&text, "Cost by Actor");
        assert_eq!(actors.len(), 22);
        assert!(actors[20].starts_with("| and 320 others | 320 | 0 "), "{}", actors[20]);
        // 320 times 0.49 cents, and 340 times.
        assert!(actors[20].contains(r" | \$1.57 | 94.1% |  | "), "{}", actors[20]);
        assert!(actors[21].starts_with("| **Total** | 340 | ") && actors[21].contains(r" | \$1.67 | 100.0% |"));
        assert!(
            actors[0].contains(r"\_名") && actors[0].contains("… (act00000000000000) | 1 |"),
            "{}",
            actors[0]
        );
        assert!(actors[0].contains(r" | \$0.0049 | 0.3% | \$0.0049 | "), "{}", actors[0]);
    }

    #[test]
    fn twenty_one_rows_need_no_sum_and_days_are_all_there() {
        let days: Vec<String> = (1..=30).map(|day| format!("2025-09-{day:02}")).collect();
        let ids: Vec<String> = (0..30).map(|at| format!("a{}", at % 21)).collect();
        let runs: Vec<Row> = ids
            .iter()
            .zip(&days)
            .map(|(id, day)| row(day, id, day, (id != "a20").then_some("1")))
            .collect();
        let text = render(&report(&runs, SEPTEMBER));
        assert_eq!(rows(&text, "Cost by day").len(), 31);
        let actors = rows(&text, "Cost by Actor");
        assert_eq!(actors.len(), 22);
        assert!(
            actors[20].starts_with("| a20 | 1 | ") && actors[20].contains("| unknown |"),
            "{actors:?}"
        );
    }

    #[test]
    fn nothing_is_taken_for_mathematics_and_an_unknown_sum_says_so() {
        let run = Row {
            act_name: Some("ann/$x$"),
            ..row("r", "a", "2025-09-02", None)
        };
        let text = render(&report(&[run], SEPTEMBER));
        assert!(text.contains(r"| ann/\$x\$ (a) | 1 |"), "{text}");
        let total = rows(&text, "Cost by Actor")[1];
        assert!(
            total.starts_with("| **Total** | 1 |") && total.contains("| unknown |"),
            "{total}"
        );
        let plain = text.replace(r"\$", "");
        assert!(!plain.contains('$'), "{text}");
    }
}
