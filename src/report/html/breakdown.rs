//! Breakdowns as the page shows them: the dearest groups with bars, and the rest of them in one row.

use super::grid::{Grid, GridCell, GridHead, GridRow};
use crate::report::account_usage::{AccountUsage, BUILDS, BuildSums, sums_by_actor};
use crate::report::dimension::Dimension;
use crate::report::display_text::sentence;
use crate::report::figures::{Breakdown, Group};
use crate::report::measures::Measures;
use crate::report::table::TOP;
use crate::text::counted;

const FIGURES: [GridHead; 7] = [
    GridHead::number("usage").of_column("usage_total_usd"),
    GridHead::number("share").of_column("share"),
    GridHead::number("runs").of_column("runs"),
    GridHead::minor_number("mean per run").of_column("mean_usd"),
    GridHead::minor_number("unsuccessful").of_column("runs_unsuccessful"),
    GridHead::number("cost unknown").of_column("runs_cost_unknown"),
    GridHead::minor_number("provisional").of_column("runs_provisional"),
];

/// With what is known of builds, an Actor's builds stand beside its runs.
pub fn grid(breakdown: &Breakdown, totals: &Measures, usage: Option<&AccountUsage>) -> Grid {
    let dimensions: Vec<Dimension> = breakdown.by.dimensions().collect();
    let mut heads: Vec<GridHead> = dimensions
        .iter()
        .map(|dimension| GridHead::name(noun(*dimension)).of_column(dimension.key()))
        .collect();
    heads.extend(FIGURES);
    let is_of_actors = breakdown.by == Dimension::Actor.into();
    let builds = usage.filter(|usage| is_of_actors && !usage.builds.is_empty());
    let builds = builds.map(|usage| sums_by_actor(&usage.builds));
    heads.extend(builds.is_some().then_some(GridHead::number("builds").of_column(BUILDS)));
    let (top, rest) = breakdown.top(TOP);
    let line = |group: &Group| {
        let keys = (0..dimensions.len()).map(|which| key(group, which, dimensions[which]));
        let builds = builds.as_ref().map(|builds| cell_of_builds(builds.get(&group.key(0))));
        let row = GridRow::of(keys.chain(figures(group.measures, totals)).chain(builds).collect());
        row.of_value(group.key(0).unwrap_or_default())
    };
    let summed = |name: String, measures: &Measures| {
        let mut cells = vec![GridCell::words(name)];
        cells.extend(dimensions.iter().skip(1).map(|_| GridCell::default()));
        cells.extend(figures(measures, totals));
        cells.extend(builds.is_some().then(GridCell::default));
        cells
    };
    let mut rows: Vec<GridRow> = top.iter().map(line).collect();
    rows.extend(rest.map(|(others, measures)| {
        let name = counted(others as u64, "other", "others");
        GridRow::rest(summed(name, &measures))
    }));
    rows.push(GridRow::total(summed("Total".into(), totals)));
    Grid {
        caption: breakdown.by.title(),
        heads,
        rows,
        note: breakdown.note(totals).as_deref().map(sentence),
    }
}

fn cell_of_builds(builds: Option<&BuildSums>) -> GridCell {
    builds.map_or(GridCell::default(), |sums| {
        GridCell::usd(sums.usage, "unknown").over(Some(&counted(sums.builds, "build", "builds")))
    })
}

/// What stands instead of a table in which every run has the one word for an absent value.
pub fn alone(breakdown: &Breakdown) -> Option<String> {
    let dimension = breakdown.by.first;
    let mut groups = breakdown.groups();
    let only = groups
        .next()
        .filter(|group| breakdown.by.second.is_none() && group.key(0).is_none());
    only.filter(|_| groups.next().is_none()).map(|_| match dimension {
        Dimension::Task | Dimension::Schedule => format!("No run has a {}.", dimension.word()),
        _ => "Unknown for all runs.".into(),
    })
}

/// A value: what it is called, and beneath that what else is known of it.
fn key(group: &Group, which: usize, dimension: Dimension) -> GridCell {
    let Some(key) = group.key(which) else {
        return GridCell::absent(dimension.absent());
    };
    if dimension.is_time() {
        return GridCell::words(key);
    }
    match (dimension, group.label(which, 0)) {
        (Dimension::Build, Some(number)) => GridCell::foreign(number).over(group.label(which, 1).or(Some(key))),
        (_, Some(name)) => GridCell::foreign(name).over(Some(key)),
        (Dimension::Status | Dimension::Origin, None) => GridCell::word(key),
        (Dimension::Group, None) => GridCell::foreign(key),
        (_, None) => GridCell::code(key),
    }
}

fn figures(measures: &Measures, totals: &Measures) -> [GridCell; FIGURES.len()] {
    [
        GridCell::usd(measures.usage(), if measures.runs() == 0 { "–" } else { "unknown" }),
        GridCell::share(measures.usage(), totals.usage()),
        GridCell::count(measures.runs()),
        GridCell::mean(measures.mean_usd()),
        GridCell::count(measures.unsuccessful().runs),
        GridCell::count(measures.cost_unknown()),
        GridCell::count(measures.provisional.runs),
    ]
}

fn noun(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Actor => "Actor",
        Dimension::Week => "week (from Monday)",
        Dimension::Build => "build",
        other => other.word(),
    }
}
