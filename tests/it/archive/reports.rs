//! Whole outputs of one small account, as snapshots whose every figure was worked out by hand: six runs of three Actors,
//! $1.25 + $0.5 + $0.001 by one, nothing known of another.

use crate::support::command::Place;
use crate::support::stand_in::{Account, Reply, Run, StandIn, ms};

/// Engines such as Sail and DataFusion refuse the statement, and no other report depends on the zone.
#[test]
fn only_the_reports_by_day_and_week_set_a_time_zone() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    let sql = crate::support::command::names(&folder)
        .into_iter()
        .filter(|name| name.ends_with(".sql"));
    let (setting, others): (Vec<String>, Vec<String>) = sql.partition(|name| {
        std::fs::read_to_string(folder.join(name))
            .unwrap()
            .contains("SET TIME ZONE")
    });
    assert_eq!(setting, ["cost_by_day.sql", "cost_by_week.sql"]);
    assert_eq!(others.len(), 12);
}

fn run(id: &str, started: &str, act_id: &str, status: &str, cost: &str) -> Run {
    let finished = if status == "RUNNING" {
        String::new()
    } else {
        r#","finishedAt":"2025-09-30T00:00:00.000Z""#.into()
    };
    let mut run = Run::new(id, ms(started)).with(&format!(r#""actId":"{act_id}","usageTotalUsd":{cost}{finished}"#));
    run.status = status.into();
    run
}

fn exported() -> (Place, String) {
    let account = Account {
        runs: vec![
            run("r1", "2025-09-01T00:00:00Z", "dear_Actor", "SUCCEEDED", "1.25"),
            run("r2", "2025-09-01T12:00:00Z", "dear_Actor", "FAILED", "0.5"),
            run("r3", "2025-09-01T23:59:59.999Z", "dear_Actor", "SUCCEEDED", "1e-3"),
            run("r4", "2025-09-02T00:00:00Z", "<b>|cheap", "SUCCEEDED", "0.0049"),
            run("r5", "2025-09-02T08:00:00Z", "unknown", "TIMED-OUT", "null"),
            run("r6", "2025-09-30T23:00:00Z", "<b>|cheap", "RUNNING", "0"),
        ],
        ..Account::default()
    };
    let server = StandIn::start(move |request| {
        let date = vec![("Date", "Fri, 03 Oct 2025 06:00:00 GMT".into())];
        Reply::Answer(200, date, account.list(request).into_bytes())
    });
    let place = Place::new();
    let done = place.export(&server.url(), &[]);
    let shown = done.exits(0).stdout.clone();
    (place, shown)
}

#[test]
fn the_summary_on_stdout() {
    let (_place, shown) = exported();
    let (report, wrote) = shown.split_once("Wrote ./out in ").unwrap();
    insta::assert_snapshot!(report);
    let wrote = wrote.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        wrote.contains(" s: report.html, report.xlsx, report.md, runs.parquet, runs.csv, 12 CSV reports,"),
        "{wrote}"
    );
}

#[test]
fn the_report_in_markdown() {
    let (place, _) = exported();
    insta::assert_snapshot!(place.exported().text("report.md"));
}

#[test]
fn the_report_in_json() {
    let (place, _) = exported();
    insta::assert_snapshot!(place.exported().text("report.json"));
}

#[test]
fn the_reports_in_csv() {
    let (place, _) = exported();
    let exported = place.exported();
    let reports = [
        "cost_by_actor.csv",
        "status_summary.csv",
        "cost_by_day.csv",
        "cost_by_user.csv",
    ]
    .map(|name| exported.text(name));
    insta::assert_snapshot!(reports.join("\n"));
}
