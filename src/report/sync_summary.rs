//! The summary of a sync of the lake: for people, and as JSON. Counting is the lake's part.

use serde::Serialize;

use crate::money::{Ratio, Usd};
use crate::period::{Millis, format_instant, instant_text, spans_text};
use crate::provenance::Account;
use crate::text::{counted, escape_control, json_document, thousands, wrap_labelled};

use crate::report::terminal::{TextStyle, WIDTH};
use crate::report::unusual::{NotJudgedDocument, UnusualDayDocument};

const LABEL: usize = 10;

/// The figures. Dollars are exact, of runs whose costs are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyncSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<&'static str>,
    pub lake: String,
    pub account: Option<Account>,
    pub version: u64,
    pub commits: u64,
    pub files_added: u64,
    pub files_removed: u64,
    /// The start of the sync, by the API's clock.
    #[serde(with = "instant_text")]
    pub queried_at: Millis,
    /// What was asked for: `[from, to)`.
    #[serde(with = "spans_text")]
    pub asked: Vec<(Millis, Millis)>,
    /// Of those, the ones that were asked for again since costs of theirs had not settled.
    pub asked_again: u64,
    #[serde(with = "spans_text")]
    pub proven: Vec<(Millis, Millis)>,
    /// What no sync has proven and Apify no longer keeps.
    #[serde(with = "spans_text")]
    pub gaps: Vec<(Millis, Millis)>,
    pub runs_listed: u64,
    pub runs_new: u64,
    pub runs_changed: u64,
    pub runs_newly_settled: u64,
    /// Of them, those that had ended and ran on.
    pub runs_resurrected: u64,
    /// Of them, those that the API lists under another start than before.
    pub runs_moved: u64,
    /// New runs whose IDs were looked up in the whole lake.
    pub ids_looked_up: u64,
    pub lookup_files: u64,
    pub lookup_bytes: u64,
    pub runs_repriced: u64,
    pub repricing_accepted: bool,
    pub repriced_from_usd: Usd,
    pub repriced_to_usd: Usd,
    /// The second by the first, to six places; null where nothing was repriced.
    pub repricing_factor: Option<Ratio>,
    /// Runs of the lake that the API no longer lists, of those that were asked for: they stay.
    pub runs_expired: u64,
    /// Runs new or changed whose cost isn't known: not in the dollars.
    pub runs_cost_unknown: u64,
    pub months: Vec<MonthMoved>,
    /// By how many dollars months before this one moved, in all.
    pub usage_moved_past_months_usd: Usd,
    pub partitions: Vec<String>,
    /// Small files, and the files that they were put together in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimized: Option<(usize, usize)>,
    /// Days on which an Actor, or the whole account, used more than usual; there with `--unusual`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusual_days: Option<Vec<UnusualDayDocument>>,
    /// Days that were judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusual_days_judged: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unusual_days_not_judged: Option<NotJudgedDocument>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthMoved {
    pub month: String,
    pub runs_new: u64,
    pub runs_changed: u64,
    pub usage_new_usd: Usd,
    /// By how many dollars changed runs moved.
    pub usage_changed_usd: Usd,
}

pub fn json(synced: &SyncSummary) -> String {
    json_document(synced)
}

pub fn terminal(synced: &SyncSummary, look: TextStyle) -> String {
    let mut lines: Vec<String> = synced.notice.map(|notice| look.bold(notice)).into_iter().collect();
    let labelled = |(label, text): (&str, String)| wrap_labelled(label, &escape_control(&text), LABEL, WIDTH);
    lines.extend(head(synced).into_iter().map(labelled));
    lines.push(String::new());
    lines.extend(counts(synced, look));
    if synced.runs_repriced > 0 {
        lines.push(repricing(synced));
    }
    if !synced.months.is_empty() {
        lines.extend(months(synced, look));
    }
    if synced.runs_cost_unknown > 0 {
        let runs = counted(synced.runs_cost_unknown, "run", "runs");
        let text = format!("Excluded from usage: {runs} of unknown cost");
        lines.push(wrap_labelled("", &text, 0, WIDTH));
    }
    if let Some((before, after)) = synced.optimized {
        lines.push(format!("{before} small files merged into {after}"));
    }
    look.letters(&(lines.join("\n") + "\n"))
}

fn head(synced: &SyncSummary) -> Vec<(&'static str, String)> {
    let commits = match synced.commits {
        0 => "nothing new to commit".to_string(),
        commits => format!(
            "{}, {} added, {} removed",
            counted(commits, "commit", "commits"),
            counted(synced.files_added, "file", "files"),
            thousands(synced.files_removed)
        ),
    };
    let once = synced.asked.len().saturating_sub(synced.asked_again as usize);
    let again = match synced.asked_again {
        0 => String::new(),
        again => format!(
            "; {} again, because their costs were not settled",
            counted(again, "window", "windows")
        ),
    };
    let runs = counted(synced.runs_listed, "run", "runs");
    let mut head = vec![
        (
            "Lake",
            format!("{}, version {}: {commits}", synced.lake, synced.version),
        ),
        ("Requested", format!("{}{again}", spans(&synced.asked[..once]))),
        ("Listed", format!("{runs}, as many as the API counts")),
    ];
    if synced.ids_looked_up > 0 {
        let ids = counted(synced.ids_looked_up, "new ID", "new IDs");
        let files = counted(synced.lookup_files, "file", "files");
        head.push((
            "Looked up",
            format!("{ids} in {files}, {} read", bytes(synced.lookup_bytes)),
        ));
    }
    head.push(("Proven", spans(&synced.proven)));
    if !synced.gaps.is_empty() {
        let gaps = spans(&synced.gaps);
        head.push((
            "GAP",
            format!("{gaps}: not synced in time; Apify has deleted these runs"),
        ));
    }
    head
}

fn counts(synced: &SyncSummary, look: TextStyle) -> Vec<String> {
    let rows = [
        ("New", synced.runs_new),
        ("Changed", synced.runs_changed),
        ("  newly settled", synced.runs_newly_settled),
        ("  resurrected", synced.runs_resurrected),
        ("  new start time", synced.runs_moved),
        ("Repriced", synced.runs_repriced),
        ("Deleted at Apify", synced.runs_expired),
    ];
    let mut lines = vec![look.bold(&format!("{:<18} {:>11}", "", "runs"))];
    lines.extend(rows.map(|(name, runs)| format!("{name:<18} {:>11}", thousands(runs))));
    lines
}

fn repricing(synced: &SyncSummary) -> String {
    let fate = if synced.repricing_accepted {
        "accepted"
    } else {
        "not accepted (use --accept-repricing)"
    };
    let factor = synced.repricing_factor;
    let factor = factor.map_or(String::new(), |factor| format!(" (factor {factor})"));
    let (from, to) = (synced.repriced_from_usd, synced.repriced_to_usd);
    wrap_labelled("Repricing", &format!("${from} to ${to}{factor}: {fate}"), LABEL, WIDTH)
}

fn months(synced: &SyncSummary, look: TextStyle) -> Vec<String> {
    let row = |[month, runs, new, changed]: [&str; 4]| format!("{month:<18} {runs:>11} {new:>16} {changed:>16}");
    let mut lines = vec![
        String::new(),
        look.bold(&row(["Month", "runs", "usage of new", "change in usage"])),
    ];
    lines.extend(synced.months.iter().map(|month| {
        let runs = thousands(month.runs_new + month.runs_changed);
        let (new, changed) = (month.usage_new_usd.dollars(), month.usage_changed_usd.dollars());
        row([&month.month, &runs, &new, &changed])
    }));
    let past = synced.usage_moved_past_months_usd;
    let added = if past.0 < 0 { "removed from" } else { "added to" };
    let past = Usd(past.0.saturating_abs()).dollars();
    lines.push(format!("{past} {added} months before this one"));
    lines
}

/// A size, in the largest unit that it has one of.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", thousands(bytes / 1_048_576)),
    }
}

fn spans(spans: &[(Millis, Millis)]) -> String {
    let texts = spans
        .iter()
        .map(|(from, to)| format!("{} to {}", format_instant(*from), format_instant(*to)));
    texts.collect::<Vec<_>>().join(", ")
}
