//! The sentences that every text format begins with: period, completeness, usage. One wording for all.

mod accounts;
mod phrase;

pub use phrase::{at_least, filter_options, to_minute, where_option};

use crate::period::{format_instant, utc_date};
use crate::provenance::Source;
use crate::report::Report;
use crate::report::dimension::Dimension;
use crate::report::figures::Breakdown;
use crate::text::{counted, escape_control, thousands, truncate};

/// How exact figures are where they are shown in full.
pub const EXACT: &str = "Amounts are exact; shares and means have 6 decimal places.";

/// What figures mean. `exactness` says how exact they are.
pub fn how_to_read(exactness: &str) -> String {
    format!(
        "Usage is in US dollars, as Apify priced each run when it was queried. It is not the invoice. {exactness} \
         'Other' counts runs with any other status. A total includes only runs whose cost is known."
    )
}

/// The heading of caveats.
pub const PLEASE_NOTE: &str = "Please note";

const SHOWN: usize = 60;

/// A label and its sentences, one a line.
pub type Entry = (&'static str, Vec<String>);

pub fn entries(report: &Report) -> Vec<Entry> {
    let mut entries = vec![(
        "Period",
        vec![format!("{}, by start date", report.facts.period.first_line())],
    )];
    if let (Some(account), Source::Api) = (&report.facts.account, report.facts.source) {
        entries.push(("Account", vec![truncate(&escape_control(account.name()), SHOWN)]));
    }
    let only = [
        filter_options(&report.facts.filters),
        where_option(&report.figures.only),
    ];
    let only: Vec<String> = only.iter().flatten().map(|only| escape_control(only)).collect();
    if !only.is_empty() {
        entries.push(("Only", vec![only.join(" ")]));
    }
    entries.push(("Complete", complete(report)));
    let accounts = accounts::lines(report);
    if !accounts.is_empty() {
        entries.push(("Accounts", accounts));
    }
    entries.push(("Usage", usage(report)));
    if let Some(reconciled) = &report.reconciled {
        entries.push(("Verdict", reconciled.verdict_sentences()));
    }
    let counted = counted_usage(report);
    if !counted.is_empty() {
        entries.push(("Counted", counted));
    }
    if let Some(against) = &report.against {
        entries.push(("Previous", against.sentences(report.reported_period())));
    }
    if !report.budgets.is_empty() {
        entries.push((
            "Budget",
            report
                .budgets
                .iter()
                .map(|spent| escape_control(&spent.sentence()))
                .collect(),
        ));
    }
    if let Some(unusual) = &report.unusual {
        entries.push(("Unusual", unusual.summary()));
    }
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
    let fetched = counted(proof.fetched, "run", "runs");
    let mut lines = vec![match (report.facts.by_syncs, proof.proven) {
        _ if !report.facts.accounts.is_empty() => accounts::complete(report),
        (false, _) => format!(
            "{verdict}: {fetched} fetched, {} counted by the API",
            thousands(proof.counted)
        ),
        (true, true) => format!("{verdict}: {fetched}; every sync received all runs that the API counted"),
        (true, false) => format!("{verdict}: {fetched}; no sync has proven the whole period"),
    }];
    let (runs, are, do_match) = match report.figures.totals.runs() {
        1 => ("1 run".to_string(), "is", "matches"),
        runs => (format!("{} runs", thousands(runs)), "are", "match"),
    };
    if let Some(whole) = &report.facts.part_of {
        lines.push(format!(
            "{runs} {are} in this period; the export covers {}",
            whole.first_line()
        ));
    } else if report.is_filtered() {
        lines.push(format!("{runs} {do_match} the filters"));
    }
    lines.extend(proof.notes.iter().take(3).map(|note| escape_control(note)));
    if let Some(more @ 1..) = proof.notes.len().checked_sub(3) {
        let notes = counted(more as u64, "other note", "other notes");
        lines.push(format!("{notes} in manifest.json"));
    }
    lines
}

/// Of which days Apify's count is, and as of when; none where that is unknown.
pub fn counted_title(report: &Report) -> Option<String> {
    let counted = report.usage.as_ref()?.facts.counted.as_ref()?;
    let (from, to) = (utc_date(counted.from), utc_date(counted.to));
    let open = counted.open_cycle().map_or(String::new(), |cycle| {
        let end = utc_date(cycle.to);
        format!("; its billing cycle is open until {end}")
    });
    let at = to_minute(&format_instant(counted.queried_at_ms)) + " UTC";
    Some(format!("Usage that Apify counts, {from} to {to}, at {at}{open}"))
}

/// Why Apify's count or the builds are unknown, or of which days they are where these are not the period's.
fn counted_usage(report: &Report) -> Vec<String> {
    let Some(usage) = &report.usage else {
        return Vec::new();
    };
    let facts = &usage.facts;
    let mut lines = Vec::new();
    if let Some(why) = &facts.counted_unknown {
        lines.push(format!("unknown: {}", escape_control(why)));
    }
    if let Some(counted) = &facts.counted {
        let period = &report.facts.period;
        if counted.from != period.from || counted.to < period.to || (counted.to > period.to && !period.is_cut()) {
            let (from, to) = (utc_date(counted.from), utc_date(counted.to));
            lines.push(format!(
                "for the whole UTC days within the period, {from} to {to}; compared with the runs of the same days"
            ));
        }
        lines.extend(counted.notes.iter().take(3).map(|note| escape_control(note)));
    }
    if let Some(why) = &facts.builds_unknown {
        lines.push(format!("builds unknown: {}", escape_control(why)));
    }
    lines
}

fn usage(report: &Report) -> Vec<String> {
    let totals = &report.figures.totals;
    let at = asked_at(report);
    match totals.usage() {
        _ if totals.runs() == 0 && report.is_filtered() => {
            vec![format!("none: no run matches the filters (queried {at})")]
        }
        _ if totals.runs() == 0 => vec![format!("none: no run started in the period (queried {at})")],
        None => vec![format!("unknown: Apify gave no cost for any run (queried {at})")],
        Some(usd) => {
            let bound = at_least(totals.is_at_least() || report.facts.lacks_runs());
            vec![format!("{bound}{}, as priced by Apify on {at}", usd.dollars())]
        }
    }
}

pub fn asked_at(report: &Report) -> String {
    to_minute(&format_instant(report.facts.queried_at_ms)) + " UTC"
}

pub fn outcomes(report: &Report) -> Vec<String> {
    let totals = &report.figures.totals;
    let mut parts = vec![format!("{} succeeded", thousands(totals.succeeded().runs))];
    let ended = [
        (totals.failed.runs, "failed"),
        (totals.timed_out.runs, "timed out"),
        (totals.aborted.runs, "aborted"),
    ];
    let ended = ended.iter().filter(|(runs, _)| *runs > 0);
    parts.extend(ended.map(|(runs, how)| format!("{} {how}", thousands(*runs))));
    let statuses = report
        .figures
        .by(Dimension::Status)
        .into_iter()
        .flat_map(Breakdown::groups);
    for status in statuses.filter(|status| status.measures.other.runs > 0) {
        let name = status.shown().to_lowercase().replace('-', " ");
        let name = truncate(&escape_control(&name), SHOWN);
        parts.push(format!("{} {name}", thousands(status.measures.runs())));
    }
    parts
}
