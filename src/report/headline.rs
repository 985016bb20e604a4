//! The sentences that every text format begins with: period, completeness, usage. One wording for all.

use super::Report;
use crate::period::format_instant;
use crate::statement::Source;
use crate::text::{counted, harmless, thousands};

/// A label and its sentences, one a line.
pub type Entry = (&'static str, Vec<String>);

/// Label and sentences, in order.
pub fn entries(report: &Report) -> Vec<Entry> {
    let mut entries = vec![(
        "Period",
        vec![format!("{}, runs that started then", report.facts.period.first_line())],
    )];
    if let (Some(account), Source::Api) = (&report.facts.account, report.facts.source) {
        let name = account.username.as_deref().unwrap_or(&account.id);
        entries.push(("Account", vec![harmless(name)]));
    }
    let filters = &report.facts.filters;
    let lists = [
        ("status", &filters.status),
        ("actor", &filters.actor),
        ("task", &filters.task),
    ];
    let only: Vec<String> = lists
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| format!("--{name} {}", harmless(&list.join(","))))
        .collect();
    if !only.is_empty() {
        entries.push(("Only", vec![only.join(" ")]));
    }
    entries.push(("Complete", complete(report)));
    entries.push(("Usage", usage(report)));
    entries
}

fn complete(report: &Report) -> Vec<String> {
    let proof = &report.facts.proof;
    let expired = report.facts.expired();
    let verdict = match (&expired, proof.proven) {
        (Some(expired), _) => expired,
        (None, true) => "yes",
        (None, false) => "NO",
    };
    let mut lines = vec![format!(
        "{verdict}: fetched {}, the API counts {}",
        counted(proof.fetched, "run", "runs"),
        thousands(proof.counted)
    )];
    if !report.facts.filters.is_empty() {
        lines.push(format!("{} of them match", thousands(report.totals.runs)));
    }
    lines.extend(proof.notes.iter().take(3).map(|note| harmless(note)));
    if proof.notes.len() > 3 {
        lines.push(format!(
            "{} in manifest.json",
            counted(proof.notes.len() as u64 - 3, "note more", "notes more")
        ));
    }
    lines
}

fn usage(report: &Report) -> Vec<String> {
    let totals = &report.totals;
    let at = format_instant(report.facts.queried_at_ms);
    let at = format!(
        "{} {} UTC",
        at.get(..10).unwrap_or(&at),
        at.get(11..16).unwrap_or_default()
    );
    let mut lines = match totals.usage() {
        _ if totals.runs == 0 && !report.facts.filters.is_empty() => {
            vec![format!("none: no run matches, asked at {at}")]
        }
        _ if totals.runs == 0 => vec![format!("none: no run started then, asked at {at}")],
        None => vec![format!("unknown: no run has a cost, asked at {at}")],
        Some(usd) => {
            let bound = if totals.is_at_least() || report.facts.lacks_runs() {
                "at least "
            } else {
                ""
            };
            vec![format!("{bound}{}, as Apify priced it at {at}", usd.dollars())]
        }
    };
    let mut doubts = Vec::new();
    if totals.cost_unknown > 0 {
        doubts.push(format!(
            "not in it: {} without a cost",
            counted(totals.cost_unknown, "run", "runs")
        ));
    }
    if totals.provisional > 0 {
        doubts.push(format!(
            "may still move: {}",
            counted(totals.provisional, "run", "runs")
        ));
    }
    if !doubts.is_empty() {
        lines.push(doubts.join("; "));
    }
    lines
}

/// How runs ended, part by part.
pub fn outcomes(report: &Report) -> Vec<String> {
    let statuses = report
        .breakdowns
        .iter()
        .find(|breakdown| breakdown.dimension == super::dimension::Dimension::Status);
    let totals = &report.totals;
    let mut parts = vec![format!("{} succeeded", thousands(totals.succeeded))];
    let ended = [
        (totals.failed, "failed"),
        (totals.timed_out, "timed out"),
        (totals.aborted, "aborted"),
    ];
    parts.extend(
        ended
            .iter()
            .filter(|(runs, _)| *runs > 0)
            .map(|(runs, how)| format!("{} {how}", thousands(*runs))),
    );
    for status in statuses
        .iter()
        .flat_map(|breakdown| &breakdown.rows)
        .filter(|status| status.measures.other > 0)
    {
        parts.push(format!(
            "{} {}",
            thousands(status.measures.runs),
            harmless(&status.key.to_lowercase().replace('-', " "))
        ));
    }
    parts
}
