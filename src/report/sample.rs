//! Reports for tests of formats, from rows that they write out.

use crate::money::Usd;
use crate::period::{PeriodSpec, Zone, parse_edge, parse_instant};
use crate::provenance::{Account, Filters, Proof, Source};
use crate::report::Report;
use crate::report::dimension::{By, Dimensions};
use crate::report::facts::{Facts, QualityCounts, caveats};
use crate::report::groups::Groups;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;
use crate::runs::cost_state::{SETTLED, UNKNOWN};
use crate::runs::row::Row;

fn usd(text: &str) -> Usd {
    Usd::parse_plain(text).unwrap()
}

/// A run that succeeded, at noon.
pub fn row<'a>(id: &'a str, act_id: &'a str, day: &str, usage: Option<&str>) -> Row<'a> {
    Row {
        id,
        act_id,
        status: "SUCCEEDED",
        started_at_ms: parse_instant(&format!("{day}T12:00:00Z")).unwrap(),
        usage: usage.map(usd),
        cost_state: if usage.is_some() { SETTLED } else { UNKNOWN },
        ..Row::default()
    }
}

/// Of these rows, `--from` and `--to` given.
pub fn report(rows: &[Row], [from, to]: [&str; 2]) -> Report {
    report_by(rows, [from, to], &[])
}

/// The same with reports by more, as `actor,status`.
pub fn report_by(rows: &[Row], period: [&str; 2], more: &[&str]) -> Report {
    let mut dimensions = Dimensions::of(&ColumnSet::all(false), None);
    more.iter()
        .for_each(|by| dimensions.and(By::parse(by).unwrap()).unwrap());
    report_of(rows, period, dimensions)
}

/// The same with a report by group.
pub fn report_with_groups(rows: &[Row], period: [&str; 2], rules: &str) -> Report {
    let rules = Groups::parse(rules).unwrap();
    report_of(rows, period, Dimensions::of(&ColumnSet::all(false), Some(rules)))
}

fn report_of(rows: &[Row], [from, to]: [&str; 2], dimensions: Dimensions) -> Report {
    let spec = PeriodSpec::FromTo {
        from: parse_edge(from).unwrap(),
        to: parse_edge(to).unwrap(),
    };
    let queried_at_ms = parse_instant("2026-01-01T06:00:00Z").unwrap();
    let mut summary = Summary::new(Zone::UTC, dimensions);
    rows.iter().for_each(|row| summary.add_row(row).unwrap());
    let figures = summary.finish();
    let doubts = QualityCounts {
        cost_unknown: figures.totals.cost_unknown(),
        provisional: figures.totals.provisional.runs,
        proven: true,
        ..QualityCounts::default()
    };
    Report {
        facts: Facts {
            account: Some(Account {
                id: "u1".into(),
                username: Some("ann".into()),
            }),
            source: Source::Api,
            period: spec.resolve(Zone::UTC, queried_at_ms).unwrap(),
            part_of: None,
            by_syncs: false,
            accounts: Vec::new(),
            filters: Filters::default(),
            queried_at_ms,
            proof: Proof {
                proven: true,
                counted: rows.len() as u64,
                fetched: rows.len() as u64,
                notes: Vec::new(),
            },
            retention: None,
            caveats: caveats(&doubts),
        },
        figures,
        usage: None,
        reconciled: None,
        against: None,
        budgets: Vec::new(),
        unusual: None,
        replaced: None,
        files: Vec::new(),
        only: Vec::new(),
    }
}
