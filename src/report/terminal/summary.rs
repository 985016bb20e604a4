//! The summary: what it is about, what must be known, the dearest Actors and groups, what Apify counts, the largest changes. How
//! wide it is and how much of it is shown is given; the rest is in the files.

use super::breakdown::{self, BreakdownWords};
use super::style::TextLayout;
use super::{LABEL, days, table};
use crate::money::Usd;
use crate::report::Report;
use crate::report::console::actor_url;
use crate::report::dimension::Dimension;
use crate::report::headline;
use crate::report::table::{Cell, Table};
use crate::report::usage_explained::{NOT_ATTRIBUTED, UsageExplained, UsageLine};
use crate::text::{counted, escape_control, no_break, width};

/// The widest name of a line of counted usage, and its indent.
const USAGE_NAME: usize = 41;

const ACTORS: BreakdownWords = BreakdownWords {
    head: "Actor",
    other: "other Actor",
    others: "other Actors",
};
const GROUPS: BreakdownWords = BreakdownWords {
    head: "Group",
    other: "other group",
    others: "other groups",
};

/// How much of a summary is shown; of what is left out, a line says how many there are.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct SummaryLimits {
    pub(in crate::report) actors: usize,
    pub(in crate::report) groups: usize,
    pub(in crate::report) changes: usize,
    /// Caveats, beside those by which figures lack runs.
    pub(in crate::report) caveats: usize,
    /// Whether it says what may be a part of the usage that is not attributed.
    pub(in crate::report) has_parts_of_rest: bool,
    /// Whether usage by day is drawn.
    pub(in crate::report) has_days: bool,
}

impl SummaryLimits {
    /// What a terminal shows.
    pub(in crate::report) const TERMINAL: SummaryLimits = SummaryLimits {
        actors: 10,
        groups: 10,
        changes: 5,
        caveats: usize::MAX,
        has_parts_of_rest: true,
        has_days: false,
    };
}

/// The summary line by line.
pub(in crate::report) fn lines(report: &Report, limits: SummaryLimits, layout: TextLayout) -> Vec<String> {
    let mut lines = head(report, limits.caveats, layout);
    if limits.has_days {
        lines.extend(days::lines(report, layout, LABEL));
    }
    lines.extend(groups(report, limits.groups, layout));
    lines.extend(actors(report, limits.actors, layout));
    lines.extend(counted_usage(report, limits.has_parts_of_rest, layout));
    lines.extend(changes(report, limits.changes, layout));
    lines
        .iter()
        .flat_map(|line| line.split('\n'))
        .map(String::from)
        .collect()
}

/// What it is about, whether it is complete, the total, and caveats.
pub(super) fn head(report: &Report, most_caveats: usize, layout: TextLayout) -> Vec<String> {
    let notice = report.facts.source.notice();
    let mut lines: Vec<String> = notice.map(|notice| layout.style.bold(notice)).into_iter().collect();
    let mut entries = headline::entries(report);
    if !report.facts.caveats.is_empty() {
        entries.push(("Caveats", caveats(report, most_caveats)));
    }
    for (label, sentences) in entries {
        for (at, sentence) in sentences.iter().enumerate() {
            lines.push(layout.wrap(if at == 0 { label } else { "" }, sentence, LABEL));
        }
    }
    lines
}

/// Caveats by which figures lack runs are never left out.
fn caveats(report: &Report, most: usize) -> Vec<String> {
    let all = &report.facts.caveats;
    let gaps = all
        .iter()
        .rposition(|caveat| caveat.is_gap())
        .map_or(0, |last| last + 1);
    let shown = all.len().min(most.max(gaps));
    let caveats = all[..shown].iter().map(|caveat| escape_control(&caveat.to_string()));
    let more = (all.len() - shown) as u64;
    let more = (more > 0).then(|| counted(more, "other caveat", "other caveats") + " in report.json");
    caveats.chain(more).collect()
}

fn actors(report: &Report, most: usize, layout: TextLayout) -> Vec<String> {
    let mut lines = breakdown(report, Dimension::Actor, &ACTORS, most, layout);
    if !lines.is_empty() {
        lines.push(String::new());
        let outcomes: Vec<String> = headline::outcomes(report).iter().map(|part| no_break(part)).collect();
        lines.push(layout.wrap("", &outcomes.join(layout.style.separator()), 0));
    }
    lines
}

fn groups(report: &Report, most: usize, layout: TextLayout) -> Vec<String> {
    let mut lines = breakdown(report, Dimension::Group, &GROUPS, most, layout);
    let groups = report.figures.by(Dimension::Group);
    let note = groups.and_then(|groups| groups.note(&report.figures.totals));
    lines.extend(note.map(|note| layout.wrap("", &note, 0)));
    lines
}

fn breakdown(
    report: &Report,
    dimension: Dimension,
    words: &BreakdownWords,
    most: usize,
    layout: TextLayout,
) -> Vec<String> {
    let breakdown = report.figures.by(dimension);
    let Some(breakdown) = breakdown.filter(|breakdown| !breakdown.is_empty()) else {
        return Vec::new();
    };
    let mut lines = vec![String::new()];
    let totals = &report.figures.totals;
    lines.extend(breakdown::lines(breakdown, totals, words, most, layout, |group| {
        (dimension == Dimension::Actor).then(|| actor_url(group.key(0).unwrap_or_default()))
    }));
    lines
}

/// What Apify counts of the period, and what explains it.
fn counted_usage(report: &Report, has_parts_of_rest: bool, layout: TextLayout) -> Vec<String> {
    let explained = report.usage_explained().zip(headline::counted_title(report));
    let Some((explained, title)) = explained else {
        return Vec::new();
    };
    let parts = match has_parts_of_rest {
        true => explained.among_the_rest(),
        false => Vec::new(),
    };
    let mut lines = vec![String::new()];
    lines.extend(usage_lines(&explained, &title, &parts, layout));
    lines
}

/// The table of what explains Apify's count, under a title; with what may be a part of the rest.
pub(in crate::report) fn usage_lines(
    explained: &UsageExplained,
    title: &str,
    parts_of_rest: &[String],
    layout: TextLayout,
) -> Vec<String> {
    let dollars = |usd: Option<Usd>| usd.map_or("unknown".into(), Usd::dollars);
    let table = explained.lines();
    let widest = table.iter().map(|line| width(&dollars(line.usd))).max().unwrap_or(0);
    let line = |line: &UsageLine| {
        let indent = if line.is_part { "  " } else { "" };
        let name = layout.pad(&format!("{indent}{}", line.name), USAGE_NAME);
        let text = format!("{name} {:>widest$}  {}", dollars(line.usd), line.note);
        text.trim_end().to_string()
    };
    let mut lines = vec![layout.style.bold(&layout.wrap("", title, 0))];
    for one in &table {
        lines.push(line(one));
        if one.item == NOT_ATTRIBUTED && !parts_of_rest.is_empty() {
            lines.push(layout.wrap("", &format!("may include: {}", parts_of_rest.join("; ")), 4));
        }
    }
    lines
}

fn changes(report: &Report, most: usize, layout: TextLayout) -> Vec<String> {
    let against = report.against.as_ref();
    let Some(changed) = against.and_then(|against| against.largest_changes(report.reported_period(), most)) else {
        return Vec::new();
    };
    let named = Table {
        columns: changed.columns.clone(),
        name: changed.name.clone(),
        title: changed.title.clone(),
        len: changed.len,
        row: Box::new(|at| {
            let mut cells = (changed.row)(at);
            // The ID is the first column: what is shown is the name, or else the ID.
            let name = changed.columns.iter().position(|column| column.name == "act_name");
            if let Some(name) = name.filter(|name| cells[*name] == Cell::Absent) {
                cells.swap(0, name);
            }
            cells
        }),
        total: None,
        note: None,
    };
    let heading = layout.style.bold("Largest changes since the previous period");
    let mut lines = vec![String::new(), heading];
    let wanted = [
        "act_name",
        "change",
        "usage_before_usd",
        "usage_total_usd",
        "change_usd",
    ];
    let mut rows = table::lines(&named, Some(&wanted), layout);
    // Of amounts that are too wide to stand side by side, the previous one is left out rather than any cut.
    if rows.iter().any(|line| width(line) > layout.width) {
        let fewer = wanted.map(|name| if name == "usage_before_usd" { "" } else { name });
        rows = table::lines(&named, Some(&fewer), layout);
    }
    lines.extend(rows);
    lines.extend(changed.note.iter().map(|note| layout.wrap("", note, 0)));
    lines
}
