//! The dearest runs as the page shows them, each with the way to it in Apify Console.

use crate::money::share_6_places;
use crate::provenance::Source;
use crate::report::Report;
use crate::report::console::{run_url, served_run_url};
use crate::report::figures::DearRun;
use crate::report::html::grid::{Grid, GridCell, GridHead, GridRow};
use crate::report::html::minute;

pub fn grid(report: &Report, caption: String, is_served: bool) -> Grid {
    let totals = report.figures.totals.usage();
    // What the made-up account holds is not there.
    let has_links = report.facts.source == Source::Api;
    let share = |run: &DearRun| share_6_places(run.usage, totals?)?.percent();
    let line = |run: &DearRun| {
        GridRow::of(vec![
            GridCell {
                href: match is_served {
                    true => Some(served_run_url(&run.id)),
                    false => has_links.then(|| run_url(&run.id)),
                },
                ..GridCell::code(&run.id)
            },
            match &run.act_name {
                Some(name) => GridCell::foreign(name).over(run.actor_task_name.as_deref()),
                None => GridCell::code(&run.act_id).over(run.actor_task_name.as_deref()),
            },
            GridCell::usd(Some(run.usage), ""),
            GridCell::words(share(run).unwrap_or_default()),
            GridCell::word(&run.status),
            run.meta_origin
                .as_deref()
                .map_or(GridCell::absent("unknown"), GridCell::word),
            GridCell::words(minute(run.started_at_ms)),
            run.finished_at_ms
                .map_or(GridCell::absent("–"), |finished| GridCell::words(minute(finished))),
            GridCell::word(&run.cost_state),
        ])
    };
    Grid {
        caption,
        heads: vec![
            GridHead::text("run"),
            GridHead::name("Actor, task"),
            GridHead::number("usage"),
            GridHead::number("share"),
            GridHead::text("status"),
            GridHead::minor("origin"),
            GridHead::text("started, UTC"),
            GridHead::minor("finished, UTC"),
            GridHead::text("cost state"),
        ],
        rows: report.figures.dearest.iter().map(line).collect(),
        note: (has_links && !is_served)
            .then(|| "Links open the run in Apify Console. They work until Apify deletes the run.".into()),
    }
}
