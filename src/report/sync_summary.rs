//! What a sync of the lake did, as it is told: for people, and as JSON. What it comes to is the lake's to count.

use serde::Serialize;

use crate::money::Usd;
use crate::provenance::Account;
use crate::text::{counted, escape_control, thousands, wrap_labelled};

use crate::report::terminal::{TextStyle, WIDTH};

const LABEL: usize = 10;

/// The figures. Dollars are exact, of runs whose costs are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SyncSummary {
    /// What must be said of the source, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<&'static str>,
    /// The lake, as it was given.
    pub lake: String,
    /// Whose runs.
    pub account: Option<Account>,
    /// The table's version afterwards.
    pub version: u64,
    /// Commits that were made.
    pub commits: u64,
    /// Files that they added.
    pub files_added: u64,
    /// Files that they took out.
    pub files_removed: u64,
    /// The start of the sync, by the API's clock.
    pub queried_at: String,
    /// What was asked for: `[from, to)`.
    pub asked: Vec<(String, String)>,
    /// Of those, the ones that were asked for again since costs of theirs had not settled.
    pub asked_again: u64,
    /// What is proven in all.
    pub proven: Vec<(String, String)>,
    /// What no sync has proven and Apify no longer keeps.
    pub gaps: Vec<(String, String)>,
    /// Runs that the API listed, as many as it counts.
    pub runs_listed: u64,
    /// Runs that the lake didn't have.
    pub runs_new: u64,
    /// Runs of which something else is known now.
    pub runs_changed: u64,
    /// Of them, those whose cost settled.
    pub runs_newly_settled: u64,
    /// Of them, those that had ended and ran on.
    pub runs_resurrected: u64,
    /// Of them, those that the API lists under another start than before.
    pub runs_moved: u64,
    /// New runs whose IDs were looked up in the whole lake.
    pub ids_looked_up: u64,
    /// Files that were looked at for that.
    pub lookup_files: u64,
    /// Bytes that were read of them.
    pub lookup_bytes: u64,
    /// Runs that have another price than they had.
    pub runs_repriced: u64,
    /// Whether that was taken over.
    pub repricing_accepted: bool,
    /// Their cost as the lake had it.
    pub repriced_from_usd: String,
    /// Their cost as the API says it now.
    pub repriced_to_usd: String,
    /// The second by the first, to six places; null where nothing was repriced.
    pub repricing_factor: Option<String>,
    /// Runs of the lake that the API no longer lists, of those that were asked for: they stay.
    pub runs_expired: u64,
    /// Runs new or changed whose cost isn't known: not in the dollars.
    pub runs_cost_unknown: u64,
    /// Dollars by month, in order.
    pub months: Vec<MonthMoved>,
    /// By how many dollars months before this one moved, in all.
    pub usage_moved_past_months_usd: String,
    /// The months whose partitions were touched.
    pub partitions: Vec<String>,
    /// What came of putting small files together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimized: Option<(usize, usize)>,
}

/// What moved in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthMoved {
    /// The UTC month in which runs started.
    pub month: String,
    /// Runs that came.
    pub runs_new: u64,
    /// Runs that changed.
    pub runs_changed: u64,
    /// Dollars of new runs.
    pub usage_new_usd: String,
    /// By how many dollars changed runs moved.
    pub usage_changed_usd: String,
}

/// As JSON, with a final line break.
pub fn json(synced: &SyncSummary) -> String {
    serde_json::to_string_pretty(synced).expect("it has only text keys") + "\n"
}

/// For people: 80 columns, with a final line break.
pub fn terminal(synced: &SyncSummary, look: TextStyle) -> String {
    let mut lines: Vec<String> = synced.notice.map(|notice| look.bold(notice)).into_iter().collect();
    let mut tell = |label: &str, text: &str| lines.push(wrap_labelled(label, &escape_control(text), LABEL, WIDTH));
    let commits = match synced.commits {
        0 => "nothing to commit".to_string(),
        commits => format!(
            "{}, {} in and {} out",
            counted(commits, "commit", "commits"),
            counted(synced.files_added, "file", "files"),
            thousands(synced.files_removed)
        ),
    };
    tell(
        "Lake",
        &format!("{}, version {}: {commits}", synced.lake, synced.version),
    );
    let again = synced.asked_again as usize;
    let main = synced.asked.len().saturating_sub(again);
    let periods: Vec<String> = synced.asked.iter().take(main).map(span).collect();
    let again = if again > 0 {
        format!(
            "; and again for {} with unsettled costs",
            counted(again as u64, "window", "windows")
        )
    } else {
        String::new()
    };
    tell("Asked for", &format!("{}{again}", periods.join(", ")));
    tell(
        "Listed",
        &format!(
            "{}, as many as the API counts",
            counted(synced.runs_listed, "run", "runs")
        ),
    );
    if synced.ids_looked_up > 0 {
        let (ids, files) = (synced.ids_looked_up, synced.lookup_files);
        let (ids, files) = (counted(ids, "new ID", "new IDs"), counted(files, "file", "files"));
        tell(
            "Looked up",
            &format!("{ids} in {files}, {} read", bytes(synced.lookup_bytes)),
        );
    }
    let proven: Vec<String> = synced.proven.iter().map(span).collect();
    tell("Proven", &proven.join(", "));
    if !synced.gaps.is_empty() {
        let gaps: Vec<String> = synced.gaps.iter().map(span).collect();
        let gaps = gaps.join(", ");
        tell(
            "GAP",
            &format!("{gaps}: Apify no longer keeps what was not synced in time"),
        );
    }
    lines.push(String::new());
    let row = |name: &str, runs: u64| format!("{name:<18} {:>11}", thousands(runs));
    lines.push(look.bold(&format!("{:<18} {:>11}", "", "runs")));
    lines.push(row("New", synced.runs_new));
    lines.push(row("Changed", synced.runs_changed));
    lines.push(row("  newly settled", synced.runs_newly_settled));
    lines.push(row("  resurrected", synced.runs_resurrected));
    lines.push(row("  another start", synced.runs_moved));
    lines.push(row("Repriced", synced.runs_repriced));
    lines.push(row("Expired at Apify", synced.runs_expired));
    if synced.runs_repriced > 0 {
        let fate = if synced.repricing_accepted {
            "taken over"
        } else {
            "not taken over without --accept-repricing"
        };
        let factor = synced
            .repricing_factor
            .as_ref()
            .map_or(String::new(), |factor| format!(" (factor {factor})"));
        let text = format!(
            "${} to ${}{factor}: {fate}",
            synced.repriced_from_usd, synced.repriced_to_usd
        );
        lines.push(wrap_labelled("Repricing", &text, LABEL, WIDTH));
    }
    if !synced.months.is_empty() {
        lines.push(String::new());
        lines.push(look.bold(&format!(
            "{:<18} {:>11} {:>16} {:>16}",
            "Month", "runs", "new", "changed by"
        )));
    }
    for month in &synced.months {
        let dollars = |text: &str| Usd::parse_plain(text).unwrap_or_default().dollars();
        lines.push(format!(
            "{:<18} {:>11} {:>16} {:>16}",
            month.month,
            thousands(month.runs_new + month.runs_changed),
            dollars(&month.usage_new_usd),
            dollars(&month.usage_changed_usd)
        ));
    }
    if !synced.months.is_empty() {
        let past = Usd::parse_plain(&synced.usage_moved_past_months_usd).unwrap_or_default();
        let text = format!("{} moved into past months", past.dollars());
        lines.push(wrap_labelled("", &text, 0, WIDTH));
    }
    if synced.runs_cost_unknown > 0 {
        let runs = counted(synced.runs_cost_unknown, "run", "runs");
        lines.push(wrap_labelled(
            "",
            &format!("Not in the dollars: {runs} whose cost isn't known"),
            0,
            WIDTH,
        ));
    }
    if let Some((before, after)) = synced.optimized {
        lines.push(format!("{before} small files put together in {after}"));
    }
    lines.join("\n") + "\n"
}

/// A size, in the largest unit that it has one of.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{} MiB", thousands(bytes / 1_048_576)),
    }
}

fn span((from, to): &(String, String)) -> String {
    format!("{from} to {to}")
}
