//! Breakdowns as the page shows them: the dearest groups with bars, and the rest of them in one row.

use super::grid::{Entry, Grid, Head, Line, TOP};
use crate::report::dimension::Dimension;
use crate::report::figures::{Breakdown, Group};
use crate::report::measures::Measures;
use crate::text::counted;

const FIGURES: [Head; 7] = [
    Head::number("usage"),
    Head::number("share"),
    Head::number("runs"),
    Head::minor_number("mean a run"),
    Head::minor_number("ended badly"),
    Head::number("no cost"),
    Head::minor_number("may move"),
];

/// The dearest groups and the rest.
pub fn grid(breakdown: &Breakdown, totals: &Measures) -> Grid {
    let dimensions: Vec<Dimension> = breakdown.by.dimensions().collect();
    let mut heads: Vec<Head> = dimensions
        .iter()
        .map(|dimension| Head::name(noun(*dimension)))
        .collect();
    heads.extend(FIGURES);
    let (top, rest) = breakdown.top(TOP);
    let line = |group: &Group| {
        let keys = (0..dimensions.len()).map(|which| key(group, which, dimensions[which]));
        Line::of(keys.chain(figures(group.measures, totals)).collect())
    };
    let summed = |name: String, measures: &Measures| {
        let mut cells = vec![Entry::words(name)];
        cells.extend(dimensions.iter().skip(1).map(|_| Entry::default()));
        cells.extend(figures(measures, totals));
        cells
    };
    let mut rows: Vec<Line> = top.iter().map(line).collect();
    rows.extend(rest.map(|(others, measures)| {
        let name = counted(others as u64, "other", "others");
        Line::rest(summed(name, &measures))
    }));
    rows.push(Line::total(summed("Total".into(), totals)));
    Grid {
        caption: breakdown.by.title(),
        heads,
        rows,
        note: None,
    }
}

/// What there is to say of a report in which every run stands under the one word for none.
pub fn alone(breakdown: &Breakdown) -> Option<String> {
    let dimension = breakdown.by.first;
    let mut groups = breakdown.groups();
    let only = groups
        .next()
        .filter(|group| breakdown.by.second.is_none() && group.key(0).is_none());
    only.filter(|_| groups.next().is_none()).map(|only| {
        let runs = counted(only.measures.runs(), "run", "runs");
        format!("None: all {runs} stand under '{}'.", dimension.absent())
    })
}

/// A value: what it is called, and beneath that what else is known of it.
fn key(group: &Group, which: usize, dimension: Dimension) -> Entry {
    let Some(key) = group.key(which) else {
        return Entry::absent(dimension.absent());
    };
    if dimension.is_time() {
        return Entry::words(key);
    }
    match (dimension, group.label(which, 0)) {
        (Dimension::Build, Some(number)) => Entry::foreign(number).over(group.label(which, 1).or(Some(key))),
        (_, Some(name)) => Entry::foreign(name).over(Some(key)),
        (Dimension::Status | Dimension::Origin, None) => Entry::word(key),
        (Dimension::Group, None) => Entry::foreign(key),
        (_, None) => Entry::code(key),
    }
}

/// Columns of a group's measures.
fn figures(measures: &Measures, totals: &Measures) -> [Entry; FIGURES.len()] {
    [
        Entry::usd(measures.usage(), if measures.runs() == 0 { "–" } else { "unknown" }),
        Entry::share(measures.usage(), totals.usage()),
        Entry::count(measures.runs()),
        Entry::mean(measures.mean_usd()),
        Entry::count(measures.unsuccessful().runs),
        Entry::count(measures.cost_unknown()),
        Entry::count(measures.provisional.runs),
    ]
}

fn noun(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Actor => "Actor",
        Dimension::Week => "week from Monday",
        Dimension::Build => "build of Actor",
        other => other.word(),
    }
}
