//! `report.md`: every report in full, for wikis, mails and pull requests.

use std::io::{self, Write};

use super::Report;
use super::headline;
use super::table::{Cell, Table, TableColumn};
use crate::period::format_instant;
use crate::text::{escape_markdown, thousands};

pub fn render(report: &Report) -> String {
    let mut text = Vec::new();
    write(report, &mut text).expect("memory takes all that is written");
    String::from_utf8(text).expect("it is put together from text")
}

/// Written as it is made: an account may have very many Actors.
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
    line(format!("\n{}", headline::HOW_TO_READ))
}

fn lines(table: &Table, line: &mut impl FnMut(String) -> io::Result<()>) -> io::Result<()> {
    if table.len == 0 {
        line("None.".into())?;
    } else {
        let order = table.reading_order();
        let heads = order.iter().map(|at| escape_markdown(table.columns[*at].head));
        line(format!("| {} |", heads.collect::<Vec<_>>().join(" | ")))?;
        let rule = |at: &usize| {
            if table.columns[*at].kind.is_number() {
                "---:"
            } else {
                ":---"
            }
        };
        line(format!("|{}|", order.iter().map(rule).collect::<Vec<_>>().join("|")))?;
        let row = |cells: &[Cell], lead: Option<&str>| {
            let cell = |(place, at): (usize, &usize)| match lead.filter(|_| place == 0) {
                Some(lead) => lead.to_string(),
                None if lead.is_some() && cells[*at] == Cell::Absent => String::new(),
                None => text(&cells[*at], &table.columns[*at]),
            };
            format!(
                "| {} |",
                order.iter().enumerate().map(cell).collect::<Vec<_>>().join(" | ")
            )
        };
        table.rows().try_for_each(|cells| line(row(&cells, None)))?;
        if let Some(total) = &table.total {
            line(row(total, Some("**Total**")))?;
        }
    }
    if let Some(note) = &table.note {
        line(format!("\n{}", escape_markdown(note)))?;
    }
    Ok(())
}

fn text(cell: &Cell, column: &TableColumn) -> String {
    match &column.shown(cell) {
        Cell::Absent => column.absent.into(),
        Cell::Text(text) | Cell::Worded(_, text) => escape_markdown(text),
        Cell::Count(count) => thousands(*count),
        Cell::Quantity(usd) | Cell::Usd(usd) => usd.to_string(),
        Cell::Decimal(decimal) => decimal.to_string(),
        Cell::Instant(ms) => format_instant(*ms),
    }
}
