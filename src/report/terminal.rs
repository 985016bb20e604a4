//! The summary on stdout: 80 columns, aligned, readable without colour. The dearest Actors; the rest is in the files.

use super::Report;
use super::dimension::Dimension;
use super::headline;
use super::summary::Measures;
use crate::money::{Usd, percent};
use crate::text::{counted, filled, harmless, labelled, thousands, unbroken};

/// Columns that a line may have.
pub const WIDTH: usize = 80;
const LABEL: usize = 10;
/// Actors shown; the rest go into one line.
const ACTORS: usize = 10;

/// How the text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Letters only.
    Plain,
    /// With bold headings, on a terminal.
    Bold,
}

impl Look {
    /// A heading.
    pub(super) fn bold(self, text: &str) -> String {
        if self == Look::Bold {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.into()
        }
    }
}

/// The summary, with a final line break.
pub fn render(report: &Report, look: Look) -> String {
    let mut lines = Vec::new();
    lines.extend(report.facts.source.notice().map(|notice| look.bold(notice)));
    for (label, sentences) in headline::entries(report) {
        for (at, sentence) in sentences.iter().enumerate() {
            lines.push(labelled(if at == 0 { label } else { "" }, sentence, LABEL, WIDTH));
        }
    }
    let actors = report
        .breakdowns
        .iter()
        .find(|breakdown| breakdown.dimension == Dimension::Actor);
    let actors = actors.map_or(&[][..], |breakdown| &breakdown.rows);
    if !actors.is_empty() {
        lines.push(String::new());
        lines.push(look.bold(&row(
            ["Actor", "runs", "usage", "share", "failed etc.", "no cost"].map(String::from),
        )));
        let shown = if actors.len() <= ACTORS + 1 {
            actors.len()
        } else {
            ACTORS
        };
        lines.extend(
            actors[..shown]
                .iter()
                .map(|actor| group(&harmless(actor.shown()), &actor.measures, &report.totals)),
        );
        if shown < actors.len() {
            let rest = actors[shown..]
                .iter()
                .fold(Measures::default(), |sum, actor| sum.and(&actor.measures));
            let name = counted((actors.len() - shown) as u64, "Actor more", "Actors more");
            lines.push(group(&name, &rest, &report.totals));
        }
        lines.push(look.bold(&group("Total", &report.totals, &report.totals)));
        lines.push(String::new());
        let outcomes: Vec<String> = headline::outcomes(report).iter().map(|part| unbroken(part)).collect();
        lines.push(labelled("", &outcomes.join(" · "), 0, WIDTH));
    }
    lines.join("\n") + "\n"
}

fn group(name: &str, measures: &Measures, totals: &Measures) -> String {
    let dollars = |usd: Option<Usd>| usd.map_or("unknown".into(), |usd| usd.dollars());
    row([
        name.into(),
        thousands(measures.runs),
        dollars(measures.usage()),
        share(measures, totals).unwrap_or_default(),
        dollars(measures.usage_unsuccessful()),
        thousands(measures.cost_unknown),
    ])
}

fn row([name, runs, usage, share, unsuccessful, unknown]: [String; 6]) -> String {
    let name = filled(&name, 29);
    let line = format!("{name} {runs:>9} {usage:>13} {share:>6} {unsuccessful:>11} {unknown:>7}");
    line.trim_end().to_string()
}

/// A group's part of all usage.
fn share(measures: &Measures, totals: &Measures) -> Option<String> {
    percent(measures.usage()?, totals.usage()?)
}
