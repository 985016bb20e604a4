//! Workbooks read back part by part, as the XML that they are. What other programs make of them is for `scripts/check xlsx`.

mod reading;

use std::collections::HashMap;

use arrow_array::RecordBatch;

use crate::api::page::decode;
use crate::money::Usd;
use crate::period::{Period, Zone, format_instant};
use crate::provenance::{Filters, Proof, Source};
use crate::report::caveat::Caveat;
use crate::report::comparison::{ComparedPeriod, PeriodComparison};
use crate::report::dimension::Dimensions;
use crate::report::facts::Facts;
use crate::report::summary::Summary;
use crate::report::xlsx::*;
use crate::runs::column_set::ColumnSet;
use crate::runs::complete::Completion;
use crate::runs::cost_state::{SETTLED, SettleRule};
use crate::runs::names::Names;
use crate::runs::row::Row;
use reading::Workbook;

const SEPTEMBER: i64 = 1_756_684_800_000;

fn report_of<'r>(rows: impl IntoIterator<Item = Row<'r>>) -> Report {
    let period = Period {
        from: SEPTEMBER,
        to: SEPTEMBER + 30 * 86_400_000,
        requested_to: SEPTEMBER + 30 * 86_400_000,
        timezone: Zone::UTC,
    };
    let mut summary = Summary::new(period.timezone, Dimensions::of(&ColumnSet::all(false), None));
    rows.into_iter().for_each(|row| summary.add_row(&row).unwrap());
    let proof = Proof {
        proven: true,
        counted: 0,
        fetched: 0,
        notes: Vec::new(),
    };
    Report {
        facts: Facts {
            account: None,
            source: Source::Api,
            period,
            part_of: None,
            by_syncs: false,
            accounts: Vec::new(),
            filters: Filters::default(),
            queried_at_ms: SEPTEMBER + 40 * 86_400_000,
            proof,
            retention: None,
            caveats: Caveat::of_manifest(&["=caveat()".into()], &[]),
        },
        figures: summary.finish(),
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

fn run<'r>(act_id: &'r str, act_name: Option<&'r str>, cents: Option<i128>) -> Row<'r> {
    Row {
        id: "r",
        act_id,
        act_name,
        status: "SUCCEEDED",
        started_at_ms: SEPTEMBER,
        usage: cents.map(|cents| Usd(cents * 10i128.pow(16))),
        cost_state: SETTLED,
        ..Row::default()
    }
}

fn written(report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(report, &std::env::temp_dir(), &mut bytes).unwrap();
    bytes
}

fn read(report: &Report) -> Workbook {
    Workbook::read(&written(report))
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let long = "n".repeat(10_000);
    let longer = "m".repeat(40_000);
    let names = [
        "=HYPERLINK(\"http://x\",\"y\")",
        "+1",
        "-1",
        "@SUM(1)",
        "<b>&amp;</b>",
        "https://example.com/",
        "a\u{0}\u{1b}\u{202e}\u{ffff}b",
        "_x0041_",
        &long,
        &longer,
        "",
    ];
    let ids: Vec<String> = (0..names.len()).map(|at| format!("id{at:02}")).collect();
    let rows = ids.iter().zip(names);
    let report = report_of(rows.map(|(id, name)| run(id, Some(name), Some(100))));
    let workbook = read(&report);
    let shown = |at: usize| workbook.text("By Actor", &format!("A{}", 5 + at));
    for plain in [0, 1, 2, 3, 4, 5, 8] {
        assert_eq!(shown(plain), names[plain]);
    }
    assert_eq!(shown(6), "a\\u{0}\\u{1b}\\u{202e}_xFFFF_b");
    // As the format writes what looks like an escape of its own.
    assert_eq!(shown(7), "_x005F_x0041_");
    assert!(shown(9).ends_with(crate::report::xlsx::cells::CUT) && shown(9).len() > 32_000);
    assert_eq!(shown(10), "");
    for (name, cells) in &workbook.sheets {
        for (place, cell) in cells {
            let is_total = place.trim_start_matches(char::is_alphabetic) == "3";
            assert!(cell.formula.is_none() || is_total, "{name} {place} {cell:?}");
        }
    }
    let links = workbook
        .parts
        .values()
        .filter(|part| part.contains("TargetMode=\"External\""));
    assert_eq!(links.count(), 0);
}

#[test]
fn words_in_the_place_of_a_percentage_are_text() {
    let mut report = report_of([run("a", None, Some(2_700)), run("b", None, Some(1))]);
    let before = report_of([run("a", None, Some(100))]);
    report.against = Some(PeriodComparison {
        before: Ok(ComparedPeriod {
            period: before.facts.period,
            from: String::new(),
            lacks_runs: false,
            figures: before.figures,
        }),
    });
    let workbook = read(&report);
    let column = workbook.column("Change by Actor", "relative change");
    let shown = [5, 6].map(|row| workbook.text("Change by Actor", &format!("{column}{row}")));
    assert_eq!(shown, ["×27", "new"]);
}

#[test]
fn totals_follow_the_filter_and_come_to_the_totals() {
    let report = report_of([
        run("a", None, Some(125)),
        run("a", None, Some(10)),
        run("b", None, None),
        Row {
            status: "FAILED",
            ..run("c", None, Some(1))
        },
    ]);
    let workbook = read(&report);
    let total = |head: &str| {
        let place = format!("{}3", workbook.column("By Actor", head));
        let cell = &workbook.sheet("By Actor")[&place];
        (cell.formula.clone().unwrap(), cell.number.unwrap())
    };
    assert_eq!(workbook.text("By Actor", "A3"), "Total");
    assert_eq!(total("runs"), ("SUBTOTAL(109,C5:C7)".into(), 4.0));
    assert_eq!(total("failed").1, 1.0);
    assert_eq!(
        total("usage, $"),
        ("IF(SUBTOTAL(102,I5:I7)=0,\"\",SUBTOTAL(109,I5:I7))".into(), 1.36)
    );
    assert_eq!(
        total("share"),
        ("IFERROR(SUBTOTAL(109,I5:I7)/SUM(I5:I7),\"\")".into(), 1.0)
    );
    assert_eq!(total("mean, $").1, 0.453333);
    assert_eq!(total("cost unknown").1, 1.0);
}

#[test]
fn what_is_unknown_is_empty_and_not_zero() {
    let workbook = read(&report_of([run("a", None, None), run("b", None, Some(0))]));
    let usage = workbook.column("By Actor", "usage, $");
    let found = ["5", "6"].map(|row| workbook.sheet("By Actor").get(&format!("{usage}{row}")).cloned());
    assert_eq!(found[0].as_ref().and_then(|cell| cell.number), Some(0.0));
    assert_eq!(found[1], None);
    // The word for what a text column lacks stands there, since it is no number's place.
    assert_eq!(workbook.text("By task", "B5"), "no task");
    let all_unknown = read(&report_of([run("a", None, None)]));
    assert_eq!(all_unknown.sheet("By Actor").get(&format!("{usage}3")), None);
}

#[test]
fn dates_are_dates() {
    let workbook = read(&report_of([run("a", None, Some(1))]));
    assert_eq!(workbook.number("By day", "A5"), Some(45_901.0));
    let started = workbook.column("Most expensive runs", "started, UTC");
    assert_eq!(
        workbook.number("Most expensive runs", &format!("{started}5")),
        Some(45_901.0)
    );
}

#[test]
fn the_same_report_is_the_same_workbook_byte_by_byte() {
    let ids: Vec<String> = (0..3_000).map(|at| format!("id{at:05}")).collect();
    for few in [3, ids.len()] {
        let rows = || ids[..few].iter().map(|id| run(id, Some(id), Some(7)));
        assert!(
            written(&report_of(rows())) == written(&report_of(rows())),
            "{few} Actors"
        );
    }
}

#[test]
fn a_large_sheet_goes_through_a_file_and_reads_the_same() {
    let ids: Vec<String> = (0..3_000).map(|at| format!("id{at:05}")).collect();
    let workbook = read(&report_of(ids.iter().map(|id| run(id, Some("=1"), Some(7)))));
    assert_eq!(workbook.text("By Actor", "B3004"), "id02999");
    assert_eq!(workbook.text("By Actor", "A3004"), "=1");
    let usage = workbook.column("By Actor", "usage, $");
    assert_eq!(workbook.number("By Actor", &format!("{usage}3")), Some(210.0));
    assert!(workbook.text("Charts", "A1").contains("Cost by day"));
}

#[test]
fn a_report_of_nothing_has_all_its_sheets() {
    let workbook = read(&report_of([]));
    assert!(workbook.text("By Actor", "A2").ends_with("None."));
    assert_eq!(workbook.number("By Actor", "C3"), Some(0.0));
    assert!(workbook.sheets.iter().all(|(name, _)| name != "Charts"));
    assert_eq!(
        workbook
            .sheet("By Actor")
            .values()
            .filter(|cell| cell.formula.is_some())
            .count(),
        0
    );
    let sheets: Vec<&str> = workbook.sheets.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(sheets[0], "About");
    assert_eq!(sheets.len(), report_of([]).tables().len() + 1);
}

#[test]
fn sheets_have_legal_names_each_once_and_are_linked_from_the_first() {
    let workbook = read(&report_of([run("a", None, Some(1))]));
    let mut names: Vec<String> = workbook.sheets.iter().map(|(name, _)| name.to_lowercase()).collect();
    for (name, _) in &workbook.sheets {
        assert!(
            name.chars().count() <= 31 && !name.contains(['[', ']', ':', '*', '?', '/', '\\', '\'']),
            "{name}"
        );
        let link = format!("location=\"'{name}'!A1\"");
        assert!(
            name == "About" || workbook.parts["xl/worksheets/sheet1.xml"].contains(&link),
            "{link}"
        );
    }
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn rows_that_a_sheet_has_no_room_for_are_said_and_the_total_stays_that_of_all() {
    let ids: Vec<String> = (0..9).map(|at| format!("id{at}")).collect();
    let report = report_of(ids.iter().map(|id| run(id, None, Some(100))));
    let book = Book::within(&report, &std::env::temp_dir(), 10).unwrap();
    let mut bytes = Vec::new();
    book.save(&mut bytes).unwrap();
    let workbook = Workbook::read(&bytes);
    let said = "NOT ALL ROWS: this sheet has the first 6 of 9 rows, the most that fit; cost_by_actor.csv has all.";
    assert!(workbook.text("By Actor", "A2").ends_with(said));
    let first: Vec<&str> = workbook
        .sheet("About")
        .values()
        .filter_map(|cell| cell.text.as_deref())
        .collect();
    assert!(first.iter().any(|text| text.ends_with(said)));
    assert_eq!(workbook.text("By Actor", "B10"), "id5");
    assert!(!workbook.sheet("By Actor").contains_key("B11"));
    let usage = format!("{}3", workbook.column("By Actor", "usage, $"));
    let total = &workbook.sheet("By Actor")[&usage];
    assert_eq!((total.number, &total.formula), (Some(9.0), &None));
}

/// Runs as an export has them, of 7 cents each, the first without a cost.
fn batch(runs: usize) -> RecordBatch {
    let items: Vec<String> = (0..runs)
        .map(|at| {
            let usage = if at == 0 { "null" } else { "0.07" };
            let started = format_instant(SEPTEMBER + at as i64);
            format!(r#"{{"id":"r{at}","actId":"a","status":"SUCCEEDED","startedAt":"{started}","finishedAt":"{started}","usageTotalUsd":{usage},"meta":{{"userAgent":"=1+1"}}}}"#)
        })
        .collect();
    let page = decode(format!(r#"{{"data":{{"total":1,"items":[{}]}}}}"#, items.join(",")).as_bytes()).unwrap();
    let settle = SettleRule {
        job_start_ms: i64::MAX,
        settle_ms: 0,
    };
    Completion::new(settle, false).complete(&page.runs, &HashMap::new(), &Names::default())
}

fn report_with(runs: &RecordBatch) -> Report {
    report_of(crate::runs::row::rows_of(runs))
}

#[test]
fn runs_one_by_one_have_a_sheet_on_demand() {
    let runs = batch(5);
    let report = report_with(&runs);
    for (sheet_rows, shown) in [(100, 5), (7, 3)] {
        let mut book = Book::within(&report, &std::env::temp_dir(), sheet_rows).unwrap();
        let mut sheet = book.runs(ColumnSet::all(false)).unwrap();
        sheet.write(&runs.slice(0, 2)).unwrap();
        sheet.write(&runs.slice(2, 3)).unwrap();
        book.add_runs(sheet).unwrap();
        let mut bytes = Vec::new();
        book.save(&mut bytes).unwrap();
        // The version of ZIP that a reader needs, times ten: 4.5 would be ZIP64, which LibreOffice may not open.
        assert_eq!(bytes[4], 20);
        let workbook = Workbook::read(&bytes);
        let column = |head: &str| workbook.column("Runs", head);
        let at = |head: &str, row: u32| format!("{}{row}", column(head));
        assert_eq!(workbook.text("Runs", "A5"), "r0");
        assert_eq!(workbook.text("Runs", &at("meta_user_agent", 5)), "=1+1");
        assert_eq!(workbook.number("Runs", &at("started_at", 5)), Some(45_901.0));
        assert_eq!(workbook.number("Runs", &at("usage_total_usd", 5)), None);
        assert_eq!(workbook.number("Runs", &at("usage_total_usd", 6)), Some(0.07));
        assert_eq!(workbook.number("Runs", &at("usage_total_usd", 3)), Some(0.28));
        let last = workbook
            .sheet("Runs")
            .keys()
            .filter(|place| place.starts_with('A'))
            .count();
        // Title, note, 'Total' and heads are the four others.
        assert_eq!(last, shown + 4, "{sheet_rows}");
        let said = workbook.text("Runs", "A2");
        assert_eq!(
            said.contains("NOT ALL ROWS: this sheet has the first 3 of 5 runs"),
            shown == 3
        );
    }
}

#[test]
fn a_sheet_of_other_runs_than_the_reports_is_refused() {
    let runs = batch(5);
    let report = report_with(&runs);
    let mut book = Book::new(&report, &std::env::temp_dir()).unwrap();
    let mut sheet = book.runs(ColumnSet::all(false)).unwrap();
    sheet.write(&runs.slice(0, 2)).unwrap();
    let error = book.add_runs(sheet).unwrap_err().to_string();
    assert!(
        error.contains("5 runs, but the workbook's sheet of runs got 2"),
        "{error}"
    );
}
