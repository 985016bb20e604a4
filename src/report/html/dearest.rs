//! The dearest runs as the page shows them, each with the way to it in Apify Console.

use crate::money::percent;
use crate::provenance::Source;
use crate::report::Report;
use crate::report::figures::DearRun;
use crate::report::html::grid::{Grid, GridCell, GridHead, GridRow};
use crate::report::html::minute;

/// A run's page in Apify Console. Documented as `links.consoleRunUrl`:
/// <https://docs.apify.com/platform/actors/development/actor-definition/output-schema#available-template-variables>.
const CONSOLE_RUN: &str = "https://console.apify.com/actors/runs/";

pub fn grid(report: &Report, caption: String) -> Grid {
    let totals = report.figures.totals.usage();
    // What the made-up account holds is not there.
    let has_links = report.facts.source == Source::Api;
    let line = |run: &DearRun| {
        GridRow::of(vec![
            GridCell {
                href: has_links.then(|| format!("{CONSOLE_RUN}{}", encoded(&run.id))),
                ..GridCell::code(&run.id)
            },
            match &run.act_name {
                Some(name) => GridCell::foreign(name).over(run.actor_task_name.as_deref()),
                None => GridCell::code(&run.act_id).over(run.actor_task_name.as_deref()),
            },
            GridCell::usd(Some(run.usage), ""),
            GridCell::words(totals.and_then(|totals| percent(run.usage, totals)).unwrap_or_default()),
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
        note: has_links.then(|| "Links open the run in Apify Console. They work until Apify deletes the run.".into()),
    }
}

/// A path's segment: all but unreserved letters, <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>, as `%XX`.
fn encoded(segment: &str) -> String {
    let mut path = String::with_capacity(segment.len());
    for byte in segment.bytes().take(MOST) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            byte => path += &format!("%{byte:02X}"),
        }
    }
    path
}

/// Bytes of an ID that an address is made of; Apify's have 17.
const MOST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_not_leave_its_place_in_an_address() {
        assert_eq!(encoded("HG7ML7M8z78YcAPEB"), "HG7ML7M8z78YcAPEB");
        assert_eq!(encoded("../a?b#\"><é"), "..%2Fa%3Fb%23%22%3E%3C%C3%A9");
    }
}
