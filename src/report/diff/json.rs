//! What `diff --json` prints: the figures first, then every run that differs, one a line. Money is decimal text, exact;
//! NULL where it is unknown.

use serde::Serialize;

use crate::period::format_instant;
use crate::provenance::{Account, ChangesText, Filters, PeriodText, Source, TotalsText};
use crate::report::diff::moves::ActorMoves;
use crate::report::diff::{ArchiveDiff, DiffSide, Difference};
use crate::runs::run::Run;

#[derive(Serialize)]
struct DiffDocument<'a> {
    notice: Option<&'a str>,
    old: SideText<'a>,
    new: SideText<'a>,
    cautions: Vec<String>,
    changes: AllChanges,
    prices: PricesText<'a>,
    moved_by_actor: Vec<ActorText<'a>>,
}

#[derive(Serialize)]
struct SideText<'a> {
    path: &'a str,
    period: &'a PeriodText,
    account: &'a Option<Account>,
    source: Source,
    filters: &'a Filters,
    queried_at: &'a str,
    proven: bool,
    totals: &'a TotalsText,
}

#[derive(Serialize)]
struct AllChanges {
    runs_unchanged: u64,
    #[serde(flatten)]
    changes: ChangesText,
}

#[derive(Serialize)]
struct PricesText<'a> {
    verdict: &'static str,
    costs_compared: u64,
    costs_changed: u64,
    costs_changed_alike: Option<u64>,
    factor: &'a Option<String>,
}

#[derive(Serialize)]
struct ActorText<'a> {
    act_id: &'a str,
    act_name: &'a Option<String>,
    #[serde(flatten)]
    changes: ChangesText,
}

/// The document without its last member, which [`row`]s are: what stands between is [`SEPARATOR`], and [`END`] ends it.
pub fn figures(comparison: &ArchiveDiff) -> String {
    let ArchiveDiff {
        old,
        new,
        changes,
        prices,
    } = comparison;
    let actor = |actor: &'_ ActorMoves| ChangesText::from(&actor.moves);
    let figures = DiffDocument {
        notice: comparison.notice(),
        old: side(old),
        new: side(new),
        cautions: comparison.cautions(),
        changes: AllChanges {
            runs_unchanged: changes.unchanged,
            changes: changes.total().into(),
        },
        prices: PricesText {
            verdict: prices.kind.name(),
            costs_compared: prices.compared,
            costs_changed: prices.changed,
            costs_changed_alike: prices.alike,
            factor: &prices.factor,
        },
        moved_by_actor: changes
            .actors()
            .into_iter()
            .map(|found| ActorText {
                act_id: &found.act_id,
                act_name: &found.act_name,
                changes: actor(found),
            })
            .collect(),
    };
    let text = serde_json::to_string_pretty(&figures).expect("figures have only text keys");
    let open = text.strip_suffix("\n}").unwrap_or(&text);
    format!("{open},\n  \"runs\": [")
}

pub const SEPARATOR: &str = ",";
pub const END: &str = "\n  ]\n}\n";

fn side(side: &DiffSide) -> SideText<'_> {
    SideText {
        path: &side.path,
        period: &side.period,
        account: &side.account,
        source: side.source,
        filters: &side.filters,
        queried_at: &side.queried_at,
        proven: side.proven,
        totals: &side.totals,
    }
}

#[derive(Serialize)]
struct DifferenceRow<'a> {
    change: &'static str,
    id: &'a str,
    act_id: &'a str,
    act_name: Option<&'a str>,
    fields_changed: &'a [&'static str],
    status_old: Option<&'a str>,
    status_new: Option<&'a str>,
    started_at_old: Option<String>,
    started_at_new: Option<String>,
    finished_at_old: Option<String>,
    finished_at_new: Option<String>,
    usage_total_usd_old: Option<String>,
    usage_total_usd_new: Option<String>,
    cost_state_old: Option<&'a str>,
    cost_state_new: Option<&'a str>,
    usage_moved_usd: Option<String>,
}

/// A run that differs, on a line of its own.
pub fn row(difference: &Difference) -> String {
    let Difference { old, new, .. } = *difference;
    let started = |run: Option<&Run>| run.map(|run| format_instant(run.started_at_ms));
    let finished = |run: Option<&Run>| run.and_then(|run| run.finished_at_ms.flatten()).map(format_instant);
    let usage = |run: Option<&Run>| run.and_then(|run| run.usage).map(|usd| usd.to_string());
    let run = difference.run();
    let row = DifferenceRow {
        change: difference.kind.name(),
        id: &run.id,
        act_id: &run.act_id,
        act_name: difference.act_name(),
        fields_changed: &difference.fields,
        status_old: old.map(|run| run.status.as_str()),
        status_new: new.map(|run| run.status.as_str()),
        started_at_old: started(old),
        started_at_new: started(new),
        finished_at_old: finished(old),
        finished_at_new: finished(new),
        usage_total_usd_old: usage(old),
        usage_total_usd_new: usage(new),
        cost_state_old: old.map(|run| run.cost_state.as_str()),
        cost_state_new: new.map(|run| run.cost_state.as_str()),
        usage_moved_usd: difference.moved().map(|usd| usd.to_string()),
    };
    format!(
        "\n    {}",
        serde_json::to_string(&row).expect("a row has only text keys")
    )
}
