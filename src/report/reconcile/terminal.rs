//! A reconciliation on stdout: 80 columns. Amounts are for people here; JSON has them exactly.

use super::Reconciliation;
use crate::api::usage::Service;
use crate::money::Usd;
use crate::report::terminal::summary::usage_lines;
use crate::report::terminal::{TextLayout, TextStyle, WIDTH};
use crate::report::usage_explained::minus;
use crate::text::{counted, escape_control, pad, wrap_labelled};

const LABEL: usize = 10;

pub fn render(all: &Reconciliation, look: TextStyle) -> String {
    let mut lines: Vec<String> = all
        .source
        .notice()
        .map(|notice| look.bold(notice))
        .into_iter()
        .collect();
    for (label, text) in head(all) {
        lines.push(wrap_labelled(label, &text, LABEL, WIDTH));
    }
    lines.push(String::new());
    let explained = all.explained();
    lines.extend(usage_lines(
        &explained,
        "Usage that Apify counts, US dollars",
        &explained.among_the_rest(),
        TextLayout {
            width: WIDTH,
            style: look,
        },
    ));
    lines.push(String::new());
    lines.extend(sums(all, look));
    if all.runs.meters.is_some() {
        lines.push(String::new());
        lines.extend(meters(all, look));
    }
    lines.push(String::new());
    lines.extend(days(all, look));
    lines.push(String::new());
    lines.extend(verdict(all, look));
    look.letters(&(lines.join("\n") + "\n"))
}

fn head(all: &Reconciliation) -> Vec<(&'static str, String)> {
    let mut entries = vec![("Cycle", all.period.first_line())];
    let runs = &all.runs;
    let mut parts = vec![format!("{} {}", counted(runs.runs, "run", "runs"), all.runs_from)];
    if runs.cost_unknown > 0 {
        parts.push(format!("{} of unknown cost", counted(runs.cost_unknown, "run", "runs")));
    }
    if runs.provisional > 0 {
        parts.push(format!(
            "{} of provisional cost",
            counted(runs.provisional, "run", "runs")
        ));
    }
    entries.push(("Runs", escape_control(&parts.join("; "))));
    entries.push(("Counted", escape_control(&format!("by Apify, {}", all.usage_from))));
    let retention = all.retention.as_ref();
    match retention.and_then(|retention| retention.headline()) {
        Some(headline) => entries.push(("Complete", headline)),
        None if !all.proven => entries.push(("Complete", "NO: runs may be missing".into())),
        None if retention.is_none() => entries.push((
            "Complete",
            "yes, unless Apify has deleted some: its retention is unknown".into(),
        )),
        None => entries.push(("Complete", "yes".into())),
    }
    entries
}

fn sums(all: &Reconciliation, look: TextStyle) -> Vec<String> {
    let (of_runs, outside) = all.services();
    let is_bound = all.runs.cost_unknown + all.runs.provisional > 0;
    let mut lines = vec![row("Services that runs and builds use", all.of_runs())];
    let by_service = |services: Vec<&Service>| -> Vec<String> {
        let line = |service: &Service| row(&format!("  {}", escape_control(&service.key)), service.base);
        services
            .into_iter()
            .filter(|service| service.base.is_none_or(|usd| usd.0 != 0))
            .map(line)
            .collect()
    };
    lines.extend(by_service(of_runs));
    lines.push(row(
        if is_bound {
            "Runs and builds with a known cost, at least"
        } else {
            "Runs and builds with a known cost"
        },
        Some(all.used()),
    ));
    lines.push(look.bold(&row("Difference", all.remainder())));
    lines.push(String::new());
    lines.push(row("Other services", all.outside_runs()));
    lines.extend(by_service(outside));
    lines
}

fn meters(all: &Reconciliation, look: TextStyle) -> Vec<String> {
    let mut lines = vec![look.bold(&columns(
        ["Meters of runs", "Apify", "runs", "difference"].map(String::from),
    ))];
    for (key, counted, of_runs) in all.meters() {
        let difference = minus(counted.unwrap_or_default(), of_runs);
        lines.push(columns([
            format!("  {key}"),
            counted.map_or("none".into(), Usd::dollars),
            of_runs.dollars(),
            difference.dollars(),
        ]));
    }
    lines
}

fn days(all: &Reconciliation, look: TextStyle) -> Vec<String> {
    let header = ["Day (approximate)", "Apify counts", "runs started", ""].map(String::from);
    let mut lines = vec![look.bold(&columns(header))];
    for (day, counted, of_runs) in all.days() {
        let dollars = |usd: Option<Usd>| usd.map_or(String::new(), Usd::dollars);
        lines.push(columns([
            format!("  {}", escape_control(&day)),
            dollars(counted),
            dollars(of_runs),
            String::new(),
        ]));
    }
    lines.push(wrap_labelled(
        "",
        "Apify counts usage on the day of use; the cost of a run is on its start day.",
        0,
        WIDTH,
    ));
    lines
}

fn verdict(all: &Reconciliation, look: TextStyle) -> Vec<String> {
    let sentences = all.verdict_sentences();
    let line = |(at, sentence): (usize, &String)| match at {
        0 => look.bold(&wrap_labelled("Verdict", sentence, LABEL, WIDTH)),
        _ => wrap_labelled("", sentence, LABEL, WIDTH),
    };
    sentences.iter().enumerate().map(line).collect()
}

fn row(name: &str, usd: Option<Usd>) -> String {
    format!("{} {:>16}", pad(name, 50), usd.map_or("unknown".into(), Usd::dollars))
}

fn columns([name, counted, of_runs, difference]: [String; 4]) -> String {
    let line = format!("{} {counted:>14} {of_runs:>14} {difference:>12}", pad(&name, 36));
    line.trim_end().to_string()
}
