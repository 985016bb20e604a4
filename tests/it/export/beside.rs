//! Answers beside the run list that lack something: that fact is unknown, by name, and the job goes on without asking again.

use crate::support::account::{Apify, asked_below, detail, details_asked, ended};
use crate::support::command::Place;
use crate::support::stand_in::{Reply, StandIn, ms, runs};

fn account() -> Apify {
    Apify::of(runs(3, ms("2025-09-01T00:00:00Z"), 60_000)).dated("Fri, 03 Oct 2025 06:00:00 GMT")
}

/// How often a path was asked for.
fn asked(server: &StandIn, path: &str) -> usize {
    server.requests().iter().filter(|request| request.path == path).count()
}

#[test]
fn a_field_of_another_type_is_unknown_by_name_and_asked_for_once() {
    let cases = [
        (
            "/v2/users/me/limits",
            r#"{"data":{"limits":{"dataRetentionDays":"90"}}}"#,
            "data.limits.dataRetentionDays is a text",
        ),
        (
            "/v2/users/me/limits",
            r#"{"data":{"limits":{}}}"#,
            "data.limits.dataRetentionDays is missing",
        ),
        ("/v2/users/me/limits", r#"{"data":[]}"#, "data is an array"),
        (
            "/v2/actors",
            r#"{"data":{"total":"1","items":[]}}"#,
            "data.total is a text",
        ),
        ("/v2/actors", r#"{"data":{"total":0}}"#, "data.items is missing"),
        (
            "/v2/actor-tasks",
            r#"{"data":{"total":1,"items":[{"id":"t","name":["x"]}]}}"#,
            "data.items[0].name is an array",
        ),
        ("/v2/users/me", r#"{"data":{"id":7,"username":"ann"}}"#, "data.id is 7"),
        (
            "/v2/users/me",
            r#"{"data":{"id":"user1","username":{}}}"#,
            "data.username is an object",
        ),
    ];
    for (path, body, words) in cases {
        let server = account().at(path, move |_| Reply::json(body.into())).start();
        let place = Place::new();
        // The account is asked for where an export is replaced.
        place.export(&server.url(), &["--retries", "8"]).exits(0);
        let before = asked(&server, path);
        let done = place.export(&server.url(), &["--retries", "8"]);
        done.exits(0);
        // Retention is said where completeness is.
        let said = format!("{} {}", done.stdout, done.stderr);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "{words}\n{done}");
        assert!(before <= 1 && asked(&server, path) - before <= 1, "{path}: {done}");
        assert_eq!(place.exported().ids().len(), 3);
    }
}

#[test]
fn an_account_that_is_refused_or_fails_is_unknown_in_words() {
    let refusals: [(crate::support::account::Make, &str); 3] = [
        (|| Reply::error(403, "insufficient-permissions", "Not for you."), "403"),
        (|| Reply::error(404, "record-not-found", "Nothing."), "404"),
        (|| Reply::error(500, "internal-error", "Oops."), "500"),
    ];
    for (refusal, status) in refusals {
        let server = account().at("/v2/users/me", move |_| refusal()).start();
        let place = Place::new();
        let done = place.export(&server.url(), &["--retries", "0"]);
        done.exits(0).says(&["the account of the token is unknown: ", status]);
        assert_eq!(place.exported().ids().len(), 3);
        assert_eq!(
            place.exported().json("manifest.json")["account"],
            serde_json::Value::Null
        );
    }
}

#[test]
fn metering_of_another_type_is_null_counted_and_named_once() {
    let started = ms("2025-09-01T00:00:00Z");
    let runs = ["good", "odd"].map(|id| ended(id, started, "")).to_vec();
    let server = Apify::of(runs)
        .details(|id| match id {
            "good" => Reply::json(detail(id, r#""usageTotalUsd":0.5,"stats":{"computeUnits":0.25}"#)),
            _ => Reply::json(detail(
                id,
                r#""usageTotalUsd":0.5,"stats":{"computeUnits":"0.25","durationMillis":7},"options":[]"#,
            )),
        })
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--details", "all"]);
    done.exits(0).says(&[
        "2 fields in details have another type than Apify documents",
        "run odd: data.options is an array; expected an object",
    ]);
    assert_eq!(place.exported().by_id("compute_units")["odd"], "");
    assert_eq!(place.exported().by_id("duration_millis")["odd"], "7");
    assert_eq!(place.exported().json("manifest.json")["details"]["mistyped"], 2);
    #[cfg(feature = "lake")]
    {
        let sync = [
            "sync",
            "--lake",
            "lake",
            "--since",
            "2025-09-01",
            "--details",
            "all",
            "--rate",
            "0",
        ];
        let done = place.run(&[&sync[..], &["--api-url", &server.url()]].concat());
        done.exits(0)
            .says(&["2 fields in details have another type than Apify documents"]);
    }
}

#[test]
fn a_detail_of_another_form_costs_its_own_run_alone() {
    let started = ms("2025-09-01T00:00:00Z");
    let runs = ["good", "odd", "empty"].map(|id| ended(id, started, "")).to_vec();
    let server = Apify::of(runs)
        .details(|id| match id {
            "good" => Reply::json(detail(id, r#""usageTotalUsd":0.5"#)),
            "odd" => Reply::json(detail(id, r#""usageTotalUsd":"0.5""#)),
            _ => Reply::json(r#"{"data":{}}"#.into()),
        })
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--retries", "8"]);
    done.exits(0);
    assert_eq!(details_asked(&server), ["empty", "good", "odd"]);
    assert_eq!(place.exported().by_id("usage_total_usd")["good"], "0.5");
    assert_eq!(place.exported().by_id("usage_total_usd")["odd"], "");
}

#[test]
fn a_count_is_a_number_however_it_is_written() {
    for total in ["3.0", "3e0", "0.3e1", "3.000", "30E-1"] {
        let server = StandIn::start_raw(move |request| {
            let account = crate::support::stand_in::Account {
                runs: runs(3, ms("2025-09-01T00:00:00Z"), 60_000),
                ..Default::default()
            };
            match request.path.as_str() {
                "/v2/actor-runs" => {
                    let list = account.list(request);
                    let count = list
                        .split("\"total\":")
                        .nth(1)
                        .unwrap()
                        .split(',')
                        .next()
                        .unwrap()
                        .to_string();
                    let total = if count == "3" { total } else { "0.0" };
                    let list = list.replacen(&format!("\"total\":{count}"), &format!("\"total\":{total}"), 1);
                    Reply::json(list.replacen("\"limit\":1000", "\"limit\":1e3", 1))
                }
                "/v2/users/me/limits" => Reply::json(r#"{"data":{"limits":{"dataRetentionDays":36500.0}}}"#.into()),
                "/v2/actors" => {
                    let item = r#"{"id":"actor","username":"ann","name":"crawler"}"#;
                    Reply::json(format!(r#"{{"data":{{"total":1.0,"items":[{item}]}}}}"#))
                }
                path => crate::support::stand_in::beside_runs(path),
            }
        });
        let place = Place::new();
        let done = place.export(&server.url(), &[]);
        assert_eq!(done.exits(0).stderr, "", "{total}");
        assert_eq!(
            place.exported().by_id("act_name").values().next().unwrap(),
            "ann/crawler"
        );
        assert_eq!(asked_below(&server, "/v2/actors/"), [""; 0], "{total}");
    }
}
