//! `lake info` for people: 80 columns. Amounts are rounded to cents here; JSON has them exactly.

use super::{LakeFigures, LakeInfo, MonthClosing};
use crate::lake::FileCount;
use crate::lake::state::Corrections;
use crate::money::Usd;
use crate::period::{Millis, format_instant};
use crate::report::terminal::WIDTH;
use crate::text::{counted, escape_control, pad, thousands, wrap_labelled};

const LABEL: usize = 11;
/// Most gaps that are named.
const MAX_GAPS: usize = 10;

pub(super) fn render(info: &LakeInfo) -> String {
    let mut lines: Vec<String> = info.notice.map(String::from).into_iter().collect();
    for (label, sentence) in head(info) {
        lines.push(wrap_labelled(label, &escape_control(&sentence), LABEL, WIDTH));
    }
    lines.push(String::new());
    lines.extend(months(info));
    for closed in &info.closings {
        lines.push(String::new());
        lines.extend(closing(closed));
    }
    lines.join("\n") + "\n"
}

fn head(info: &LakeInfo) -> Vec<(&'static str, String)> {
    let mut head = vec![("Lake", format!("{}, version {}", info.lake, info.version))];
    if let Some(account) = &info.account {
        let name = account.username.as_deref().unwrap_or("(no name)");
        head.push(("Account", format!("{name} ({})", account.id)));
    }
    let created = info.created_at.map_or("unknown".into(), format_instant);
    head.push(("Created", created));
    head.push((
        "Last sync",
        format!("{}, apify-runs {}", format_instant(info.synced_at), info.tool_version),
    ));
    head.push(("Versions", versions(info)));
    head.extend(spans("Proven", &info.proven, "nothing yet: run apify-runs sync"));
    head.extend(spans("Gaps", &info.gaps, "none"));
    if let Some(days) = info.retention_days {
        head.push((
            "Retention",
            format!("Apify keeps runs for {}", counted(days, "day", "days")),
        ));
    }
    head.push(("Size", storage(info)));
    for commit in &info.foreign_commits {
        head.push((
            "Note",
            format!(
                "version {} was committed by another engine ({})",
                commit.version, commit.operation
            ),
        ));
    }
    head
}

fn versions(info: &LakeInfo) -> String {
    match info.oldest_version == info.version {
        true => format!("the log has only version {}", info.version),
        false => format!("the log has {} to {}", info.oldest_version, info.version),
    }
}

fn spans(label: &'static str, spans: &[(Millis, Millis)], none: &str) -> Vec<(&'static str, String)> {
    if spans.is_empty() {
        return vec![(label, none.into())];
    }
    let shown = spans.iter().take(MAX_GAPS).enumerate();
    let shown = shown.map(|(at, (from, to))| {
        let text = format!("{} to {}", format_instant(*from), format_instant(*to));
        (if at == 0 { label } else { "" }, text)
    });
    let more = spans.len().saturating_sub(MAX_GAPS);
    let more = (more > 0).then(|| ("", format!("and {more} more: --json lists all")));
    shown.chain(more).collect()
}

fn storage(info: &LakeInfo) -> String {
    let part = |count: FileCount, of: &str| {
        (count.files > 0).then(|| {
            let files = counted(count.files, "file", "files");
            format!("{files} {of} ({})", size(count.bytes))
        })
    };
    let storage = &info.storage;
    let parts = [
        part(storage.current, "of runs"),
        part(storage.other, "not used by this version"),
        part(storage.set_aside, "set aside by repairs"),
        part(storage.log, "of the log"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn months(info: &LakeInfo) -> Vec<String> {
    let heads = ["Month", "runs", "usage", "cost unknown", "files", "size"].map(String::from);
    let mut lines = vec![row(heads)];
    let months = info.months.iter().map(|month| figures(&month.month, &month.figures));
    lines.extend(months);
    if info.months.len() > 1 {
        lines.push(figures("Total", &info.totals));
    }
    let open = info.months.iter().filter(|month| month.figures.may_be_provisional);
    let open: Vec<&str> = open.map(|month| month.month.as_str()).collect();
    if !open.is_empty() {
        let text = format!("Costs of runs of these months may still change: {}", open.join(", "));
        lines.push(wrap_labelled("", &text, 0, WIDTH));
    }
    lines
}

fn figures(name: &str, figures: &LakeFigures) -> String {
    let count = |count: Option<u64>| count.map_or("unknown".into(), thousands);
    row([
        name.into(),
        count(figures.runs),
        figures.usage_total_usd.map_or("unknown".into(), Usd::dollars),
        count(figures.runs_cost_unknown),
        thousands(figures.files),
        size(figures.bytes),
    ])
}

fn row([name, runs, usage, unknown, files, size]: [String; 6]) -> String {
    let name = pad(&name, 10);
    format!("{name} {runs:>13} {usage:>17} {unknown:>12} {files:>8} {size:>10}")
}

fn closing(closed: &MonthClosing) -> Vec<String> {
    let usage = closed.usage_total_usd.map_or("unknown cost".into(), Usd::dollars);
    let (runs, at) = (counted(closed.runs, "run", "runs"), format_instant(closed.closed_at));
    let mut texts = vec![format!(
        "closed at {at}, version {}: {runs}, {usage}",
        closed.table_version
    )];
    texts.push(match &closed.corrections {
        Some(corrections) => changed(corrections),
        None => "nothing has changed since".into(),
    });
    if let Some(at) = closed.damaged_at {
        texts.push(format!(
            "damaged files were set aside at {}: runs may be missing",
            format_instant(at)
        ));
    }
    texts.push(format!("manifest.json has the SHA-256 {}", closed.manifest_sha256));
    let label = format!("{} ", closed.month);
    let labelled = |(at, text): (usize, &String)| {
        let label = if at == 0 { label.as_str() } else { "" };
        wrap_labelled(label, text, LABEL, WIDTH)
    };
    texts.iter().enumerate().map(labelled).collect()
}

fn changed(corrections: &Corrections) -> String {
    format!(
        "since then: {} and {}, usage changed by {}; the last at {}",
        counted(corrections.runs_new, "new run", "new runs"),
        counted(corrections.runs_changed, "changed run", "changed runs"),
        corrections.usage_moved_usd.dollars(),
        format_instant(corrections.last_at)
    )
}

/// As in `12.3 MB`: a thousand bytes are a kB.
fn size(bytes: u64) -> String {
    let (mut tenths, mut unit) = (bytes.saturating_mul(10), "bytes");
    for next in ["kB", "MB", "GB", "TB"] {
        if tenths < 10_000 {
            break;
        }
        (tenths, unit) = ((tenths + 500) / 1000, next);
    }
    match unit {
        "bytes" => counted(bytes, "byte", "bytes"),
        unit => format!("{}.{} {unit}", thousands(tenths / 10), tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_that_people_read() {
        let cases = [
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (12_345_678, "12.3 MB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected);
        }
        assert_eq!(size(u64::MAX / 100), "184,467.4 TB");
    }
}
