//! A breakdown as aligned text: its dearest values, the others in a line, the total.

use super::style::TextLayout;
use crate::money::Usd;
use crate::report::figures::{Breakdown, Group};
use crate::report::measures::Measures;
use crate::text::{counted, escape_control, thousands, width};

const NARROWEST_NAME: usize = 20;
/// The place of the usage of unsuccessful runs in a row.
const UNSUCCESSFUL: usize = 4;

/// What a breakdown is of: its heading, and the words for one other value and several.
pub(super) struct BreakdownWords {
    pub(super) head: &'static str,
    pub(super) other: &'static str,
    pub(super) others: &'static str,
}

/// At most `most` of its values, each a link to what `url` gives for it.
pub(super) fn lines(
    breakdown: &Breakdown,
    totals: &Measures,
    words: &BreakdownWords,
    most: usize,
    layout: TextLayout,
    url: impl Fn(&Group) -> Option<String>,
) -> Vec<String> {
    let heads = [words.head, "runs", "usage", "share", "unsuccessful", "cost unknown"].map(String::from);
    let mut rows = vec![heads];
    let (top, rest) = breakdown.top(most);
    let row_of = |group: &Group| row(&escape_control(group.shown()), group.measures, totals);
    rows.extend(top.iter().map(row_of));
    rows.extend(rest.map(|(more, measures)| {
        let name = counted(more as u64, words.other, words.others);
        row(&name, &measures, totals)
    }));
    rows.push(row("Total", totals, totals));
    let table = aligned(&rows, layout);
    let last = table.len() - 1;
    let look = layout.style;
    let styled = |(at, line): (usize, String)| match top.get(at.wrapping_sub(1)) {
        Some(group) => match url(group) {
            Some(url) => look.link_start(&line, &escape_control(group.shown()), &url),
            None => line,
        },
        None if at == 0 || at == last => look.bold(&line),
        None => line,
    };
    table.into_iter().enumerate().map(styled).collect()
}

fn row(name: &str, measures: &Measures, totals: &Measures) -> [String; 6] {
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
fn aligned(rows: &[[String; 6]], layout: TextLayout) -> Vec<String> {
    let gaps = [0, 1, 1, 1, 2, 2];
    let widest = |at: usize| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
    let mut figures: Vec<usize> = (1..gaps.len()).map(|at| gaps[at] + widest(at)).collect();
    // Of amounts that are too wide to stand side by side, those of unsuccessful runs are left out rather than any cut.
    let is_too_wide = NARROWEST_NAME + figures.iter().sum::<usize>() > layout.width;
    if is_too_wide {
        figures.remove(UNSUCCESSFUL - 1);
    }
    let name = layout.width.saturating_sub(figures.iter().sum()).max(NARROWEST_NAME);
    let line = |[name_text, texts @ ..]: &[String; 6]| {
        let shown = (1..).zip(texts).filter(|(at, _)| !is_too_wide || *at != UNSUCCESSFUL);
        let figures = shown.zip(&figures).map(|((_, text), width)| format!("{text:>width$}"));
        let line = layout.pad(name_text, name) + &figures.collect::<String>();
        line.trim_end().to_string()
    };
    rows.iter().map(line).collect()
}

fn share(measures: &Measures, totals: &Measures) -> Option<String> {
    measures.share_of(totals)?.percent()
}
