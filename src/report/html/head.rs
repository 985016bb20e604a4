//! The page's beginning: what it is about, the one figure, and the box of what to know before one uses it. Sentences are the
//! ones of every other format, from `headline`.

use serde::Serialize;

use crate::money::{Usd, percent, share_6_places};
use crate::period::format_instant;
use crate::provenance::{Replaced, Source};
use crate::report::diff::words;
use crate::report::display_text::{DisplayText, sentence};
use crate::report::facts::AccountFacts;
use crate::report::{Report, headline};
use crate::text::{counted, thousands};

#[derive(Debug, Serialize)]
pub struct Top {
    notice: Option<&'static str>,
    account: Option<DisplayText>,
    period: String,
    asked: String,
    only: Option<String>,
    /// `at least`, if it is.
    bound: Option<&'static str>,
    figure: String,
    exact: Option<String>,
    runs: u64,
    facts: Vec<Fact>,
    caveats: Vec<String>,
    tiles: Vec<Tile>,
    outcomes: String,
}

#[derive(Debug, Serialize)]
struct Fact {
    label: &'static str,
    sentences: Vec<String>,
    /// `good`, `bad`, or neither.
    tone: &'static str,
}

#[derive(Debug, Serialize)]
struct Tile {
    label: &'static str,
    figure: String,
    note: String,
}

pub fn top(report: &Report) -> Top {
    let facts = &report.facts;
    let totals = &report.figures.totals;
    let entries = headline::entries(report);
    let of = |label: &str| {
        let entry = entries.iter().find(|(name, _)| *name == label);
        entry.map(|(_, sentences)| sentences.iter().map(|text| sentence(text)).collect::<Vec<_>>())
    };
    // Statuses are the API's words: they may be long, and many.
    let outcomes = headline::outcomes(report).into_iter().take(20);
    let outcomes = outcomes.map(|part| DisplayText::within(&part, 40).text);
    let known = totals.usage();
    let is_bound = known.is_some() && (totals.is_at_least() || facts.lacks_runs());
    let account = facts.account.as_ref().filter(|_| facts.source == Source::Api);
    Top {
        notice: facts.source.notice(),
        account: match facts.accounts.len() as u64 {
            0 => account.map(|account| DisplayText::within(account.name(), 40)),
            several => Some(DisplayText::within(&counted(several, "account", "accounts"), 40)),
        },
        period: facts.period.first_line(),
        asked: headline::asked_at(report),
        only: of("Only").map(|only| only.join(" ")),
        bound: is_bound.then_some("at least"),
        figure: known.map_or(if totals.runs() == 0 { "none" } else { "unknown" }.into(), Usd::dollars),
        exact: known.map(|usd| usd.to_string()),
        runs: totals.runs(),
        facts: box_of(report, of),
        caveats: facts
            .caveats
            .iter()
            .map(|caveat| sentence(&caveat.to_string()))
            .collect(),
        tiles: tiles(report),
        outcomes: outcomes.collect::<Vec<_>>().join(" · "),
    }
}

fn box_of(report: &Report, of: impl Fn(&str) -> Option<Vec<String>>) -> Vec<Fact> {
    let facts = &report.facts;
    let totals = &report.figures.totals;
    let fact = |label, sentences, tone| Fact { label, sentences, tone };
    let mut missing = Vec::new();
    if totals.cost_unknown() > 0 {
        missing.push(format!(
            "{} whose cost is unknown",
            counted(totals.cost_unknown(), "run", "runs")
        ));
    }
    if facts.lacks_runs() {
        missing.push("missing runs".into());
    }
    let lacks = !missing.is_empty();
    let moves = match totals.provisional.runs {
        0 => "none: no run was still running or had just ended".into(),
        runs => format!("{}, still running or just ended", counted(runs, "run", "runs")),
    };
    let expired = facts.expired().is_some() || facts.accounts.iter().any(AccountFacts::is_past_retention);
    let retention = match (&facts.retention, facts.expired()) {
        (None, None) if expired => "days of some accounts are past retention: see Accounts".into(),
        (None, None) if !facts.accounts.is_empty() => "no day of any account is known to be past it".into(),
        (_, Some(expired)) => expired,
        (Some(kept), None) => {
            let days = counted(kept.days, "day", "days");
            format!("Apify keeps runs for {days}, so it still has all days of the period")
        }
        (None, None) => "unknown: the API does not give it".into(),
    };
    let entry = |label| Some(fact(label, of(label)?, ""));
    let complete = of("Complete").unwrap_or_default();
    let mut facts_shown = vec![
        fact("Complete", complete, if facts.lacks_runs() { "bad" } else { "good" }),
        fact(
            "Excluded",
            vec![if lacks { missing.join("; ") } else { whole(report) }],
            if facts.lacks_runs() { "bad" } else { "" },
        ),
        fact("Cost may change", vec![moves], ""),
        fact("Retention", vec![retention], if expired { "bad" } else { "" }),
        fact(
            "Prices",
            vec![
                "as Apify priced each run when it was queried; not your invoice: the API has no plan fee, prepaid usage, tax or \
                 add-ons"
                    .into(),
            ],
            "",
        ),
    ];
    if let Some(accounts) = entry("Accounts") {
        facts_shown.insert(1, accounts);
    }
    facts_shown.extend(entry("Counted"));
    facts_shown.extend(entry("Verdict"));
    facts_shown.extend(entry("Unusual"));
    facts_shown
}

fn whole(report: &Report) -> String {
    match (report.figures.totals.runs(), !report.is_filtered()) {
        (0, _) => "nothing: there are no runs".into(),
        (_, true) => "nothing: every run has a cost".into(),
        (_, false) => "runs that the filters exclude; every other run has a cost".into(),
    }
}

fn tiles(report: &Report) -> Vec<Tile> {
    let totals = &report.figures.totals;
    let bad = totals.unsuccessful();
    let part = |runs: u64| {
        let units = |runs: u64| Usd(i128::from(runs));
        percent(units(runs), units(totals.runs())).map_or(String::new(), |part| format!("{part} of runs"))
    };
    let of_usage = bad.usage().zip(totals.usage());
    let of_usage = of_usage.and_then(|(bad, all)| share_6_places(bad, all)?.percent());
    let tile = |label, figure, note| Tile { label, figure, note };
    vec![
        tile(
            "runs",
            thousands(totals.runs()),
            format!("{} succeeded", part(totals.succeeded().runs).replace(" of runs", "")),
        ),
        tile(
            "usage of unsuccessful runs",
            match bad.runs {
                0 => "none".into(),
                _ => bad.usage().map_or("unknown".into(), Usd::dollars),
            },
            match of_usage {
                Some(part) => format!("{}, {part} of usage", counted(bad.runs, "run", "runs")),
                None => counted(bad.runs, "run", "runs"),
            },
        ),
        tile(
            "runs of unknown cost",
            thousands(totals.cost_unknown()),
            part(totals.cost_unknown()),
        ),
        tile(
            "runs of provisional cost",
            thousands(totals.provisional.runs),
            part(totals.provisional.runs),
        ),
    ]
}

/// What changed since the export that this one took the place of, in sentences.
pub fn replaced(replaced: &Replaced) -> Vec<String> {
    let asked = format_instant(replaced.queried_at_ms);
    let usage = match replaced.usage_total_usd {
        Some(usd) => usd.dollars(),
        None if replaced.runs == 0 => "no usage".into(),
        None => "unknown usage".into(),
    };
    let was = format!(
        "This export replaced the one that was queried on {} UTC: {}, {usage}.",
        headline::to_minute(&asked),
        counted(replaced.runs, "run", "runs")
    );
    let moved = replaced.changes.as_ref().map_or(
        "The changes are unknown: the replaced export had another account, period or filters, or could not be read."
            .into(),
        |changes| format!("{}.", sentence(&words::line(changes, replaced.queried_at_ms))),
    );
    vec![was, moved]
}
