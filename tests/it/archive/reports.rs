//! Whole outputs of one small account, as snapshots whose every figure was worked out by hand: six runs of three Actors,
//! $1.25 + $0.5 + $0.001 by one, nothing known of another.

use crate::support::account::Apify;
use crate::support::command::Place;
use crate::support::stand_in::{Reply, Run, ms};

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
    assert_eq!(setting, ["cost_by_day.sql", "cost_by_month.sql", "cost_by_week.sql"]);
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

/// $3 of compute units, of which $0.25 are discounted, and a quarter of storage.
const USAGE: &str = r#"{"data":{"usageCycle":{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"},
    "monthlyServiceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":12,"baseAmountUsd":3,"amountAfterVolumeDiscountUsd":2.75},
        "DATASET_TIMED_STORAGE_GBYTE_HOURS":{"quantity":250,"baseAmountUsd":0.25,"amountAfterVolumeDiscountUsd":0.25}},
    "dailyServiceUsages":[
        {"date":"2025-09-01T00:00:00.000Z","serviceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":8,"baseAmountUsd":2,"amountAfterVolumeDiscountUsd":2}},"totalUsageCreditsUsd":2},
        {"date":"2025-09-02T00:00:00.000Z","serviceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":4,"baseAmountUsd":1,"amountAfterVolumeDiscountUsd":0.75},
            "DATASET_TIMED_STORAGE_GBYTE_HOURS":{"quantity":250,"baseAmountUsd":0.25,"amountAfterVolumeDiscountUsd":0.25}},"totalUsageCreditsUsd":1}],
    "totalUsageCreditsUsdBeforeVolumeDiscount":3.25,"totalUsageCreditsUsdAfterVolumeDiscount":3}}"#;
const BUILDS: &str = r#"{"data":{"total":2,"count":2,"offset":0,"limit":1000,"desc":true,"items":[
    {"id":"b2","actId":"dear_Actor","status":"FAILED","startedAt":"2025-09-04T00:00:00.000Z","finishedAt":"2025-09-04T00:01:00.000Z","meta":{"origin":"WEB"}},
    {"id":"b1","actId":"dear_Actor","status":"SUCCEEDED","startedAt":"2025-09-03T00:00:00.000Z","finishedAt":"2025-09-03T00:01:00.000Z","usageTotalUsd":0.0625,"meta":{"origin":"CLI"}}]}}"#;

fn exported() -> (Place, String) {
    let runs = vec![
        run("r1", "2025-09-01T00:00:00Z", "dear_Actor", "SUCCEEDED", "1.25"),
        run("r2", "2025-09-01T12:00:00Z", "dear_Actor", "FAILED", "0.5"),
        run("r3", "2025-09-01T23:59:59.999Z", "dear_Actor", "SUCCEEDED", "1e-3"),
        run("r4", "2025-09-02T00:00:00Z", "<b>|cheap", "SUCCEEDED", "0.0049"),
        run("r5", "2025-09-02T08:00:00Z", "unknown", "TIMED-OUT", "null"),
        run("r6", "2025-09-30T23:00:00Z", "<b>|cheap", "RUNNING", "0"),
    ];
    let server = Apify::of(runs)
        .at("/v2/users/me/usage/monthly", |_| Reply::json(USAGE.into()))
        .at("/v2/actor-builds", |_| Reply::json(BUILDS.into()))
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
        .start();
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
        wrote.contains(" s: report.html, report.xlsx, report.md, summary.txt, runs.parquet, runs.csv, 18 CSV reports,"),
        "{wrote}"
    );
}

#[test]
fn the_report_in_markdown() {
    let (place, _) = exported();
    insta::assert_snapshot!(place.exported().text("report.md"));
}

#[test]
fn the_summary_to_mail() {
    let (place, _) = exported();
    insta::assert_snapshot!(place.exported().text("summary.txt"));
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
