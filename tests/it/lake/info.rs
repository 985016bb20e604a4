//! `lake info`: months, proven periods, gaps, closed months and size. Expected figures are literals, a report's, or those of
//! the files.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::account::Apify;
use crate::support::command::{Done, Place};
use crate::support::stand_in::{Run, instant, ms};

fn run(id: &str, started: &str, rest: &str) -> Run {
    let started = ms(started);
    let finished = instant(started + 1000);
    Run::new(id, started).with(&format!(r#""actId":"actor","finishedAt":"{finished}"{rest}"#))
}

/// Two runs of August and two of September; one cost is unknown.
fn runs() -> Vec<Run> {
    vec![
        run("aug1", "2025-08-10T00:00:00.000Z", r#","usageTotalUsd":1.25"#),
        run("aug2", "2025-08-31T23:59:59.999Z", r#","usageTotalUsd":2"#),
        run("sep1", "2025-09-01T00:00:00.000Z", r#","usageTotalUsd":4"#),
        run("sep2", "2025-09-15T12:00:00.000Z", ""),
    ]
}

fn sync(place: &Place, runs: Vec<Run>, date: &'static str, more: &[&str]) -> Done {
    let server = Apify::of(runs).dated(date).keeps(90).start();
    let url = server.url();
    let args = [
        "sync",
        "--lake",
        "lake",
        "--api-url",
        &url,
        "--rate",
        "0",
        "--quiet",
        "--details",
        "none",
    ];
    place.run(&[&args[..], more].concat())
}

const THEN: &str = "Fri, 03 Oct 2025 06:00:00 GMT";
const LATER: &str = "Sun, 05 Oct 2025 06:00:00 GMT";

#[track_caller]
fn info(place: &Place) -> Value {
    let done = place.run(&["lake", "info", "lake", "--json"]);
    assert_eq!(done.exits(0).stderr, "", "{done}");
    serde_json::from_str(&done.stdout).unwrap()
}

/// Bytes of the files below a folder that end so.
fn bytes(folder: &Path, end: &str) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true => bytes(&path, end),
            false if path.to_str().unwrap().ends_with(end) => fs::metadata(&path).unwrap().len(),
            false => 0,
        })
        .sum()
}

#[test]
fn months_and_size_are_those_of_the_files() {
    let place = Place::new();
    sync(&place, runs(), THEN, &["--since", "2025-08-01"]).exits(0);
    let found = info(&place);
    assert_eq!(found["lake"], "lake");
    assert_eq!(found["source"], "api");
    assert_eq!(found["account"]["id"], "user1");
    assert_eq!((&found["version"], &found["oldest_version"]), (&json!(0), &json!(0)));
    assert_eq!(found["synced_at"], "2025-10-03T06:00:00.000Z");
    assert_eq!(found["retention_days"], 90);
    assert!(
        found["created_at"].as_str().is_some_and(|at| at.ends_with('Z')),
        "{found}"
    );
    let proven = json!([["2025-08-01T00:00:00.000Z", "2025-10-03T06:00:00.000Z"]]);
    assert_eq!((&found["proven"], &found["gaps"]), (&proven, &json!([])));
    let months = found["months"].as_array().unwrap();
    let figures = ["month", "runs", "usage_total_usd", "runs_cost_unknown", "files"];
    let figures = |month: &Value| figures.map(|name| month[name].clone());
    assert_eq!(
        figures(&months[0]),
        [json!("2025-08"), json!(2), json!("3.25"), json!(0), json!(1)]
    );
    assert_eq!(
        figures(&months[1]),
        [json!("2025-09"), json!(2), json!("4"), json!(1), json!(1)]
    );
    assert_eq!(found["totals"]["usage_total_usd"], "7.25");
    let held = bytes(&place.path("lake"), ".parquet");
    assert_eq!(found["storage"]["current"], json!({"files": 2, "bytes": held}));
    assert_eq!(found["storage"]["other"], json!({"files": 0, "bytes": 0}));
    let log = fs::metadata(place.path("lake/_delta_log/00000000000000000000.json")).unwrap();
    assert_eq!(found["storage"]["log"], json!({"files": 1, "bytes": log.len()}));
    assert_eq!(
        (&found["closings"], &found["foreign_commits"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn a_month_whose_costs_are_all_unknown_has_no_usage() {
    let place = Place::new();
    let unknown = vec![run("sep2", "2025-09-15T12:00:00.000Z", "")];
    sync(&place, unknown, THEN, &["--since", "2025-08-01"]).exits(0);
    let found = info(&place);
    assert_eq!(
        (&found["totals"]["runs"], &found["totals"]["usage_total_usd"]),
        (&json!(1), &Value::Null)
    );
    let done = place.run(&["lake", "info", "lake"]);
    done.exits(0).shows(&["2025-09 1 unknown 1 1"]);
}

#[test]
fn a_closed_month_and_what_changed_since_are_shown() {
    let place = Place::new();
    sync(&place, runs(), THEN, &["--since", "2025-08-01"]).exits(0);
    let close = [
        "lake", "close", "lake", "--month", "2025-09", "--out", "closed", "--quiet",
    ];
    place.run(&close).exits(0);
    let closing = info(&place)["closings"][0].clone();
    assert_eq!((&closing["month"], &closing["runs"]), (&json!("2025-09"), &json!(2)));
    assert_eq!(
        (&closing["usage_total_usd"], &closing["corrections"]),
        (&json!("4"), &Value::Null)
    );
    let mut later = runs();
    later[2] = run("sep1", "2025-09-01T00:00:00.000Z", r#","usageTotalUsd":4.5"#);
    later.push(run("sep3", "2025-09-20T00:00:00.000Z", r#","usageTotalUsd":0.75"#));
    sync(&place, later, LATER, &["--resweep", "--accept-repricing"]).exits(0);
    let found = info(&place);
    let corrections = &found["closings"][0]["corrections"];
    assert_eq!(
        (&corrections["runs_new"], &corrections["runs_changed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(corrections["usage_moved_usd"], "1.25");
    // The file of September that the first sync wrote is not part of this version.
    assert_eq!(found["storage"]["other"]["files"], 1);
    let done = place.run(&["lake", "info", "lake"]);
    done.exits(0).shows(&[
        "2025-09 closed at 2025-10-03T06:00:00.000Z",
        "2 runs, $4.00",
        "since then: 1 new run and 1 changed run, usage changed by $1.25",
        closing["manifest_sha256"].as_str().unwrap(),
        "1 file not used by this version",
        "Total 5 $8.50 1",
    ]);
    let widest = done.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{done}");
}

#[test]
fn what_no_sync_has_proven_is_a_gap() {
    let place = Place::new();
    sync(&place, runs(), THEN, &["--since", "2025-09-20"]).exits(0);
    // Apify keeps a week, and a month later most of it is gone.
    let server = Apify::of(Vec::new())
        .dated("Mon, 03 Nov 2025 06:00:00 GMT")
        .keeps(7)
        .start();
    let url = server.url();
    let args = ["sync", "--lake", "lake", "--api-url", &url, "--rate", "0", "--quiet"];
    place.run(&args).exits(0);
    let found = info(&place);
    let gaps = found["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{found}");
    assert_eq!(gaps[0][0], "2025-10-03T06:00:00.000Z");
    place
        .run(&["lake", "info", "lake"])
        .exits(0)
        .shows(&["Gaps 2025-10-03T06:00:00.000Z to "]);
}

#[test]
fn the_made_up_account_s_lake_has_the_figures_of_its_report() {
    let place = Place::new();
    place.run(&["sync", "--demo", "--lake", "lake", "--quiet"]).exits(0);
    let report = place.run(&["report", "lake", "--format", "json"]);
    let report: Value = serde_json::from_str(&report.exits(0).stdout).unwrap();
    let found = info(&place);
    for name in ["runs", "usage_total_usd", "runs_cost_unknown"] {
        assert_eq!(found["totals"][name], report["totals"][name], "{name}");
    }
    assert!(found["notice"].as_str().unwrap().contains("MADE-UP ACCOUNT"));
    assert!(
        place
            .run(&["lake", "info", "lake"])
            .stdout
            .starts_with("MADE-UP ACCOUNT")
    );
    // Closed, it says so too; of its runs, August has but a few.
    place
        .run(&["lake", "close", "lake", "--month", "2025-08", "--out", "closed"])
        .exits(0)
        .shows(&["Month 2025-08 is closed in", "MADE-UP ACCOUNT"]);
}

#[test]
fn a_damaged_log_is_exit_5_and_no_lake_is_exit_2() {
    let place = Place::new();
    place
        .run(&["lake", "info", "nothing", "--json"])
        .exits(2)
        .says(&["there is no lake"]);
    sync(&place, runs(), THEN, &["--since", "2025-08-01"]).exits(0);
    fs::write(place.path("lake/_delta_log/00000000000000000000.json"), "").unwrap();
    let done = place.run(&["lake", "info", "lake", "--json"]);
    done.exits(5).says(&["00000000000000000000.json is empty"]);
    assert_eq!(done.stdout, "");
}

#[test]
fn other_commands_print_what_they_did_as_json() {
    let place = Place::new();
    for count in 1..=4 {
        sync(
            &place,
            runs()[..count].to_vec(),
            THEN,
            &["--since", "2025-08-01", "--resweep"],
        )
        .exits(0);
    }
    let json = |args: &[&str]| -> Value { serde_json::from_str(&place.run(args).exits(0).stdout).unwrap() };
    let optimized = json(&["lake", "optimize", "lake", "--json", "--quiet"]);
    assert_eq!(optimized["lake"], "lake");
    assert_eq!(optimized["version"], info(&place)["version"]);
    assert_eq!(optimized["files_after"], info(&place)["storage"]["current"]["files"]);
    let listed = json(&["lake", "vacuum", "lake", "--dry-run", "--json"]);
    assert_eq!((&listed["dry_run"], &listed["files"]), (&json!(true), &json!([])));
    let listed = json(&[
        "lake",
        "vacuum",
        "lake",
        "--dry-run",
        "--keep",
        "0s",
        "--force",
        "--json",
    ]);
    let unused = info(&place)["storage"]["other"]["files"].as_u64().unwrap();
    assert!(unused > 0);
    let listed = listed["files"].as_array().unwrap().iter();
    let data = listed.filter(|path| path.as_str().unwrap().ends_with(".parquet"));
    assert_eq!(data.count() as u64, unused);
    let whole = json(&["lake", "repair", "lake", "--json"]);
    assert_eq!((&whole["damaged"], &whole["files"]), (&json!(false), &json!([])));
}

#[test]
fn a_damaged_file_is_in_the_documents_of_verify_and_repair() {
    let place = Place::new();
    sync(&place, runs(), THEN, &["--since", "2025-08-01"]).exits(0);
    let good = place.run(&["verify", "lake", "--json"]);
    let good: Value = serde_json::from_str(&good.exits(0).stdout).unwrap();
    assert_eq!(
        (&good["kind"], &good["holds"], &good["version"]),
        (&json!("lake"), &json!(true), &json!(0))
    );
    assert_eq!(
        (&good["totals"]["usage_total_usd"], &good["proven"]),
        (&json!("7.25"), &json!(true))
    );
    let folder = place.path("lake/started_month=2025-09");
    let name = crate::support::command::names(&folder).remove(0);
    fs::write(folder.join(&name), "no Parquet").unwrap();
    let bad = place.run(&["verify", "lake", "--json"]);
    let document: Value = serde_json::from_str(&bad.exits(5).says(&["10 bytes"]).stdout).unwrap();
    assert_eq!((&document["holds"], &document["totals"]), (&json!(false), &Value::Null));
    assert!(document["findings"][0].as_str().unwrap().contains(&name), "{document}");
    let looked = place.run(&["lake", "repair", "lake", "--json"]);
    let looked: Value = serde_json::from_str(&looked.exits(0).stdout).unwrap();
    let file = &looked["files"][0];
    assert_eq!(
        (&file["runs"], &file["usage_total_usd"], &file["kept_as"]),
        (&json!(2), &json!("4"), &Value::Null)
    );
    assert_eq!(looked["repaired_version"], Value::Null);
    let repaired = place.run(&["lake", "repair", "lake", "--apply", "--json"]);
    let repaired: Value = serde_json::from_str(&repaired.exits(0).stdout).unwrap();
    assert_eq!(repaired["repaired_version"], 1);
    let found = info(&place);
    assert_eq!(found["storage"]["set_aside"]["files"], 1);
    assert_eq!(found["gaps"].as_array().unwrap().len(), 1);
}
