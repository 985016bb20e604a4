//! Exports that an earlier version wrote: their rows have no names of schedules, and neither have their reports.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::broken_archives::fit;
use crate::support::account::Apify;
use crate::support::client::Served;
use crate::support::command::Place;
use crate::support::stand_in::{Run, StandIn, ms};

const NAME: &str = "meta_schedule_name";

fn server() -> StandIn {
    let run = |n: i64, meta: &str| {
        let rest = r#""actId":"a1","finishedAt":"2025-09-20T00:00:00.000Z","usageTotalUsd":0.5"#;
        Run::new(format!("r{n}"), ms("2025-09-01T00:00:00Z") + n * 60_000).with(&format!("{rest}{meta}"))
    };
    let scheduled = r#","meta":{"origin":"SCHEDULER","scheduleId":"s1"}"#;
    Apify::of(vec![run(0, ""), run(1, scheduled), run(2, scheduled)])
        .actors(&[("a1", "ann", "crawler")])
        .schedules(&[("s1", "nightly")])
        .start()
}

/// Takes the column of names, which must be empty, out of the report by schedule.
fn take_out_of_the_report(out: &Path) {
    let csv = fs::read_to_string(out.join("cost_by_schedule.csv")).unwrap();
    let shorter = |line: &str| {
        let (line, last) = line.rsplit_once(',').unwrap();
        assert!([NAME, ""].contains(&last), "{last}");
        format!("{line}\n")
    };
    fs::write(
        out.join("cost_by_schedule.csv"),
        csv.lines().map(shorter).collect::<String>(),
    )
    .unwrap();
    fit(out, "cost_by_schedule.csv");
    let json = fs::read_to_string(out.join("report.json")).unwrap();
    let member = format!(",\n      \"{NAME}\": null");
    assert_eq!(json.matches(&member).count(), 2);
    fs::write(out.join("report.json"), json.replace(&member, "")).unwrap();
    fit(out, "report.json");
}

/// An export of an earlier version in `out`.
fn earlier(formats: &str) -> (StandIn, Place) {
    let (server, place) = (server(), Place::new());
    let options = ["--exclude", NAME, "--format", formats];
    place.export(&server.url(), &options).exits(0);
    take_out_of_the_report(&place.path("out"));
    (server, place)
}

#[test]
fn every_command_reads_it_and_shows_ids() {
    for formats in ["parquet,csv", "parquet", "csv"] {
        let (server, place) = earlier(formats);
        for command in ["verify out", "verify out --quick", "report out", "diff out out"] {
            let done = place.run(&command.split(' ').collect::<Vec<_>>());
            assert_eq!(done.exits(0).stderr, "", "{formats}: {command}: {done}");
        }
        let report = place.run(&["report", "out", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&report.exits(0).stdout).unwrap();
        let schedules = report["cost_by_schedule"].as_array().unwrap();
        let told = |row: &serde_json::Value| json!([row["meta_schedule_id"], row["runs"], row[NAME]]);
        assert_eq!(
            schedules.iter().map(told).collect::<Vec<_>>(),
            [json!(["s1", 2, null]), json!([null, 1, null])]
        );
        let served = Served::start(&place, &["out"], Some("t"));
        assert_eq!(served.data("/v2/actor-runs")["total"], 3);
        assert_eq!(served.data("/v2/schedules")["total"], 0);
        let done = place.export(&server.url(), &[]);
        assert_eq!(done.exits(0).stderr, "", "{done}");
        done.shows(&["Replaced the export", "no change"]);
        assert_eq!(
            place.exported().texts(NAME),
            [None, Some("nightly".into()), Some("nightly".into())]
        );
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn a_report_without_names_that_rows_have_is_refused() {
    let (server, place) = (server(), Place::new());
    place.export(&server.url(), &["--no-names"]).exits(0);
    place.run(&["verify", "out"]).exits(0);
    take_out_of_the_report(&place.path("out"));
    place.run(&["verify", "out"]).exits(5).says(&[
        "report.json: cost_by_schedule differs from the rows",
        "cost_by_schedule.csv: its figures differ from the rows",
    ]);
}
