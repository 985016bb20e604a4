//! Odd days of a lake: an account of two Actors that use the same every day, with literal costs, and a day on which one of them
//! uses more. Its median day is $30.50, so the bound is a fifth of that, $6.10, and two of them for the whole account.

use std::fs;

use serde_json::{Value, json};

use super::sync::{World, sync, synced};
use crate::support::command::{Done, Place};
use crate::support::stand_in::{Run, ms};

const DAY: i64 = 86_400_000;

const PRICES: &str = "ann/prices-sync used $84.10 on 2025-09-23, 3.4 times its median of the 28 days before ($24.90, usually up to \
                      $31.00).";
const ALL: &str = "The whole account used $89.70 on 2025-09-23, 2.9 times its median of the 28 days before ($30.50, usually up to \
                   $42.70).";

fn run(act_id: &str, day: &str, usd: &str) -> Run {
    let started = ms(&format!("{day}T10:00:00Z"));
    let rest = format!(r#""actId":"{act_id}","finishedAt":"{day}T11:00:00.000Z","usageTotalUsd":{usd}"#);
    Run::new(format!("{act_id}-{day}"), started).with(&rest)
}

/// The two Actors' runs of the days `[from, to)`; on the odd day, one of them is dearer.
fn runs(from: &str, to: &str, odd: &[&str]) -> Vec<Run> {
    let [from, to] = [from, to].map(|day| ms(&format!("{day}T00:00:00Z")));
    let days = (from..to).step_by(DAY as usize);
    let days = days.map(|at| {
        chrono::DateTime::from_timestamp_millis(at)
            .unwrap()
            .format("%Y-%m-%d")
            .to_string()
    });
    days.flat_map(|day| {
        let usd = if odd.contains(&&*day) { "84.10" } else { "24.90" };
        [run("a1", &day, usd), run("b1", &day, "5.60")]
    })
    .collect()
}

fn world(now: &str, runs: Vec<Run>) -> World {
    let world = World::at(now);
    world.set(|state| state.actors = vec![("a1", "prices-sync"), ("b1", "shop-watch"), ("c1", "new-one")]);
    world.has(runs);
    world
}

/// A lake of these runs since a day, synced early on 1 October.
fn lake(since: &str, runs: Vec<Run>) -> Place {
    let place = Place::new();
    let server = world("2025-10-01T06:00:00Z", runs).serve();
    sync(&place, &server, &["--since", since, "--quiet"]).exits(0);
    place
}

fn report(place: &Place, args: &[&str]) -> Done {
    place.run(&[&["report", "lake"], args].concat())
}

fn document(place: &Place, args: &[&str]) -> Value {
    let done = report(place, &[args, &["--format", "json"]].concat());
    serde_json::from_str(&done.exits(0).stdout).unwrap()
}

/// A text without its line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn found() -> Value {
    json!([
        {
            "day": "2025-09-23", "act_id": null, "act_name": null, "usage_usd": "89.7", "runs_cost_unknown": 0,
            "median_usd": "30.5", "usual_limit_usd": "42.7", "times": "2.940984", "kind": "above_usual", "text": ALL,
        },
        {
            "day": "2025-09-23", "act_id": "a1", "act_name": "ann/prices-sync", "usage_usd": "84.1", "runs_cost_unknown": 0,
            "median_usd": "24.9", "usual_limit_usd": "31", "times": "3.377510", "kind": "above_usual", "text": PRICES,
        },
    ])
}

#[test]
fn a_day_that_used_more_than_the_days_before_it_is_found_in_every_format() {
    let place = lake("2025-08-20", runs("2025-08-20", "2025-10-01", &["2025-09-23"]));
    let shown = unwrapped(&report(&place, &["--unusual"]).exits(0).stdout);
    assert!(
        shown.contains(&format!("Unusual {ALL} {PRICES} not judged: ")),
        "{shown}"
    );
    let september = document(&place, &["--month", "2025-09", "--unusual"]);
    assert_eq!(september["unusual_days"], found());
    // Of the first two days, the lake has twelve and thirteen days before.
    assert_eq!(september["unusual_days_judged"], 28);
    let in_prague = document(
        &place,
        &["--month", "2025-09", "--unusual", "--timezone", "Europe/Prague"],
    );
    assert_eq!(in_prague["unusual_days"], found());
    let failed = report(&place, &["--fail-unusual"]);
    failed
        .exits(7)
        .says(&["unusual usage, 2 findings (--fail-unusual): ", PRICES]);
    report(&place, &["--fail-unusual", "--out", "r.md"]).exits(7);
    let page = fs::read_to_string(place.path("r.md")).unwrap();
    assert!(page.contains("**Unusual:** The whole account used"), "{page}");
    report(&place, &["--unusual", "--out", "r.html", "--quiet"])
        .exits(0)
        .says(&[ALL, PRICES]);
    let without = document(&place, &["--month", "2025-09"]);
    assert_eq!(without["unusual_days"], Value::Null);
}

#[test]
fn nothing_is_found_on_calm_days() {
    let place = lake("2025-08-20", runs("2025-08-20", "2025-10-01", &["2025-09-23"]));
    let days = ["--from", "2025-09-24", "--to", "2025-10-01"];
    let calm = report(&place, &[&days[..], &["--fail-unusual"]].concat());
    assert!(
        calm.exits(0).stdout.contains("Unusual   none of 7 days judged\n"),
        "{calm}"
    );
    let calm = document(&place, &[&days[..], &["--unusual"]].concat());
    assert_eq!(calm["unusual_days"], json!([]));
    report(&place, &["--unusual", "--where", "status=FAILED"])
        .exits(2)
        .says(&["--where"]);
}

#[test]
fn an_actor_is_new_only_if_no_day_before_has_its_usage() {
    let mut all = runs("2025-08-20", "2025-10-01", &[]);
    all.push(run("c1", "2025-09-28", "9"));
    let first = document(&lake("2025-07-01", all.clone()), &["--month", "2025-09", "--unusual"]);
    let text = "ann/new-one used $9.00 on 2025-09-28, for the first time: no earlier usage of it is known.";
    let found = &first["unusual_days"];
    assert_eq!(
        (&found[0]["kind"], &found[0]["text"]),
        (&json!("first_use"), &json!(text))
    );
    assert_eq!((found.as_array().unwrap().len(), &found[0]["times"]), (1, &Value::Null));
    // Two months earlier, it had used as much: a day of that is usual, more than half as much again and the bound is not.
    all.push(run("c1", "2025-07-15", "9"));
    let known = document(&lake("2025-07-01", all.clone()), &["--month", "2025-09", "--unusual"]);
    assert_eq!(known["unusual_days"], json!([]));
    all.push(run("c1", "2025-09-29", "15.11"));
    let more = document(&lake("2025-07-01", all), &["--month", "2025-09", "--unusual"]);
    let text =
        "ann/new-one used $15.11 on 2025-09-29; its median of the 28 days before is $0.00 (usually up to $15.10).";
    let more = more["unusual_days"].as_array().unwrap();
    let of_actor: Vec<_> = more
        .iter()
        .filter(|found| found["act_id"] == "c1")
        .map(|found| &found["text"])
        .collect();
    assert_eq!(of_actor, [text]);
}

#[test]
fn an_export_is_judged_as_a_lake_is() {
    let place = Place::new();
    let server = world(
        "2025-10-01T06:00:00Z",
        runs("2025-08-20", "2025-10-01", &["2025-09-23"]),
    )
    .serve();
    let export = |out: &str, more: &[&str]| {
        let url = server.url();
        let common = [
            "--out",
            out,
            "--api-url",
            &url,
            "--rate",
            "0",
            "--details",
            "none",
            "--no-usage",
            "--quiet",
        ];
        place
            .run(
                &[
                    &["export", "--from", "2025-08-20", "--to", "2025-10-01"],
                    &common[..],
                    more,
                ]
                .concat(),
            )
            .exits(0);
    };
    export("out", &[]);
    let done = place.run(&["report", "out", "--unusual", "--format", "json"]);
    let whole: Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    assert_eq!(whole["unusual_days"], found());
    let text = "not judged: 14 days (2025-08-20 to 2025-09-02) with fewer than 14 complete days among the 28 before";
    let not_judged = json!({"days": 14, "first": "2025-08-20", "last": "2025-09-02", "text": text});
    assert_eq!(
        (&whole["unusual_days_judged"], &whole["unusual_days_not_judged"]),
        (&json!(28), &not_judged)
    );
    let part = ["report", "out", "--month", "2025-09", "--unusual", "--format", "json"];
    let part: Value = serde_json::from_str(&place.run(&part).exits(0).stdout).unwrap();
    assert_eq!(part["unusual_days"], found());
    export("some", &["--status", "SUCCEEDED"]);
    place
        .run(&["report", "some", "--unusual"])
        .exits(2)
        .says(&["only some of the runs"]);
}

#[test]
fn thirteen_days_before_a_day_are_too_few() {
    let place = Place::new();
    let server = world(
        "2025-09-15T06:00:00Z",
        runs("2025-09-01", "2025-09-15", &["2025-09-14"]),
    )
    .serve();
    let done = sync(&place, &server, &["--since", "2025-09-01", "--unusual", "--json"]);
    let told: Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    let text = "not judged: 1 day (2025-09-14) with fewer than 14 complete days among the 28 before";
    let not_judged = json!({"days": 1, "first": "2025-09-14", "last": "2025-09-14", "text": text});
    assert_eq!(told["unusual_days"], json!([]));
    assert_eq!(
        (&told["unusual_days_judged"], &told["unusual_days_not_judged"]),
        (&json!(0), &not_judged)
    );
    done.says(&[&format!("unusual days {text}")]);
}

#[test]
fn a_sync_tells_a_finding_once() {
    let place = Place::new();
    let world = world("2025-09-23T06:00:00Z", runs("2025-08-20", "2025-09-23", &[]));
    let server = world.serve();
    let first = synced(&place, &server, &["--since", "2025-08-01", "--unusual"]);
    assert_eq!(
        (&first["unusual_days"], &first["unusual_days_judged"]),
        (&json!([]), &json!(1))
    );
    world.now("2025-09-24T06:00:00Z");
    world.has(runs("2025-08-20", "2025-09-24", &["2025-09-23"]));
    let told = sync(&place, &server, &["--unusual", "--quiet"]);
    assert_eq!(told.exits(0).stdout, "");
    told.says(&[ALL, PRICES]);
    world.now("2025-09-24T07:00:00Z");
    let again = sync(&place, &server, &["--unusual", "--quiet"]);
    assert_eq!((&*again.exits(0).stderr, &*again.stdout), ("", ""));
    world.now("2025-09-25T06:00:00Z");
    world.has(runs("2025-08-20", "2025-09-25", &["2025-09-23"]));
    let calm = synced(&place, &server, &["--fail-unusual"]);
    assert_eq!(
        (&calm["unusual_days"], &calm["unusual_days_judged"]),
        (&json!([]), &json!(1))
    );
    // Left alone for two days, it judges both; and it says so to whoever reads its end.
    world.now("2025-09-27T06:00:00Z");
    world.has(runs("2025-08-20", "2025-09-27", &["2025-09-23", "2025-09-25"]));
    let files = ["--outcome", "outcome.json", "--metrics-file", "m.prom"];
    let failed = sync(&place, &server, &[&["--fail-unusual", "--quiet"], &files[..]].concat());
    failed
        .exits(7)
        .says(&["ann/prices-sync used $84.10 on 2025-09-25, 3.4 times"]);
    let outcome: Value = serde_json::from_str(&fs::read_to_string(place.path("outcome.json")).unwrap()).unwrap();
    assert_eq!(outcome["exit_name"], "condition");
    let days: Vec<_> = outcome["unusual_days"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| (&found["day"], &found["act_id"]))
        .collect();
    assert_eq!(
        days,
        [
            (&json!("2025-09-25"), &Value::Null),
            (&json!("2025-09-25"), &json!("a1"))
        ]
    );
    let metrics = fs::read_to_string(place.path("m.prom")).unwrap();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("apify_runs_unusual_days{"));
    assert!(line.unwrap().ends_with(" 2"), "{metrics}");
}

#[test]
fn a_day_is_judged_once_its_costs_have_settled() {
    let place = Place::new();
    let world = world("2025-09-23T06:00:00Z", runs("2025-08-20", "2025-09-23", &[]));
    let server = world.serve();
    synced(&place, &server, &["--since", "2025-08-01", "--unusual"]);
    world.now("2025-09-24T06:00:00Z");
    let mut running = runs("2025-08-20", "2025-09-24", &["2025-09-23"]);
    let last = running.iter_mut().find(|run| run.id == "a1-2025-09-23").unwrap();
    last.status = "RUNNING".into();
    last.rest = r#""actId":"a1","usageTotalUsd":84.10"#.into();
    world.has(running);
    let open = synced(&place, &server, &["--unusual"]);
    assert_eq!(
        (&open["unusual_days"], &open["unusual_days_judged"]),
        (&json!([]), &json!(0))
    );
    world.now("2025-09-25T06:00:00Z");
    world.has(runs("2025-08-20", "2025-09-25", &["2025-09-23"]));
    let settled = synced(&place, &server, &["--unusual"]);
    assert_eq!(
        (&settled["unusual_days"], &settled["unusual_days_judged"]),
        (&found(), &json!(2))
    );
}
