//! `report.md`: every breakdown in full, for wikis, mails and pull requests.

use super::Report;
use super::headline;
use super::json::{mean_usd, share};
use super::summary::{Breakdown, Measures};
use crate::text::{harmless_markdown, thousands};

/// The report, with a final line break.
pub fn render(report: &Report) -> String {
    let mut lines = vec!["# Apify runs and their usage".to_string(), String::new()];
    if let Some(notice) = report.facts.source.notice() {
        lines.extend([format!("**{notice}**"), String::new()]);
    }
    for (label, sentences) in headline::entries(report) {
        let sentences: Vec<String> = sentences.iter().map(|sentence| harmless_markdown(sentence)).collect();
        lines.push(format!("- **{label}:** {}", sentences.join("; ")));
    }
    if report.totals.runs > 0 {
        lines.push(format!(
            "- **Runs:** {}",
            harmless_markdown(&headline::outcomes(report).join(" · "))
        ));
    }
    if !report.facts.caveats.is_empty() {
        lines.extend([
            String::new(),
            "What the reader of a figure must know:".into(),
            String::new(),
        ]);
        lines.extend(
            report
                .facts
                .caveats
                .iter()
                .map(|caveat| format!("- {}", harmless_markdown(caveat))),
        );
    }
    for breakdown in &report.breakdowns {
        lines.extend([
            String::new(),
            format!("## {}", breakdown.dimension.title()),
            String::new(),
        ]);
        lines.extend(table(breakdown, &report.totals));
    }
    lines.extend([
        String::new(),
        "Usage is US dollars as Apify priced each run when asked; not the invoice. Amounts are exact; shares and means have 6 \
         places. 'Other' is any other status. A total stands for the runs that have a cost."
            .into(),
    ]);
    lines.join("\n") + "\n"
}

fn table(breakdown: &Breakdown, totals: &Measures) -> Vec<String> {
    if breakdown.rows.is_empty() {
        return vec!["No runs.".into()];
    }
    let dimension = breakdown.dimension;
    let named = dimension.name_key().is_some();
    let keys = dimension.name_key().into_iter().chain([dimension.key()]);
    let keys = keys.map(harmless_markdown).collect::<Vec<_>>().join(" | ");
    let mut lines = vec![
        format!(
            "| {keys} | runs | succeeded | failed | timed out | aborted | other | usage, $ | share | mean, $ | no cost | may move |"
        ),
        format!("|:---{}{}|", if named { "|:---" } else { "" }, "|---:".repeat(11)),
    ];
    lines.extend(breakdown.rows.iter().map(|group| {
        let name = harmless_markdown(group.name.as_deref().unwrap_or_default());
        let key = harmless_markdown(if group.key.is_empty() {
            group.shown()
        } else {
            &group.key
        });
        row(
            &if named { format!("{name} | {key}") } else { key },
            &group.measures,
            totals,
        )
    }));
    lines.push(row(if named { "**Total** | " } else { "**Total**" }, totals, totals));
    lines
}

fn row(name: &str, measures: &Measures, totals: &Measures) -> String {
    let counts = [
        measures.runs,
        measures.succeeded,
        measures.failed,
        measures.timed_out,
        measures.aborted,
        measures.other,
    ];
    let mut cells: Vec<String> = std::iter::once(name.to_string()).chain(counts.map(thousands)).collect();
    cells.push(measures.usage().map_or("unknown".into(), |usd| usd.to_string()));
    cells.push(share(measures, totals).unwrap_or_default());
    cells.push(mean_usd(measures).unwrap_or_default());
    cells.extend([measures.cost_unknown, measures.provisional].map(thousands));
    format!("| {} |", cells.join(" | "))
}
