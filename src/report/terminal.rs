//! The summary on stdout: 80 columns, aligned, readable without colour; or tables that were asked for. What a summary says and
//! how it is drawn is in the files beside, which `summary.txt` shares.

mod breakdown;
mod days;
mod style;
pub(super) mod summary;
mod table;

pub use style::{TextLayout, TextStyle};

use super::Report;
use crate::text::escape_control;
use summary::SummaryLimits;

/// Columns that a line may have.
pub const WIDTH: usize = 80;
const LABEL: usize = 10;

/// How what stdout gets is drawn.
#[derive(Debug, Clone, Copy)]
pub struct TerminalLook {
    pub style: TextStyle,
    /// Whether usage by day is drawn, which is for who looks at it: no other program has a use for it.
    pub has_days: bool,
}

impl TerminalLook {
    /// Of a file.
    pub const PLAIN: TerminalLook = TerminalLook {
        style: TextStyle::Plain,
        has_days: false,
    };
}

pub fn render(report: &Report, look: TerminalLook) -> String {
    let layout = TextLayout {
        width: WIDTH,
        style: look.style.of(report.facts.source),
    };
    let limits = SummaryLimits {
        has_days: look.has_days,
        ..SummaryLimits::TERMINAL
    };
    let lines = match report.only.is_empty() {
        true => summary::lines(report, limits, layout),
        false => chosen_tables(report, layout),
    };
    lines.join("\n") + "\n"
}

/// The tables that were asked for, in full.
fn chosen_tables(report: &Report, layout: TextLayout) -> Vec<String> {
    let mut lines = summary::head(report, usize::MAX, layout);
    for table in report.tables() {
        lines.push(String::new());
        lines.push(layout.style.bold(&escape_control(&table.title)));
        lines.extend(table::lines(&table, None, layout));
    }
    lines
}
