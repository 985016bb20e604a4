//! `serve PATH`: an archive behind the API's endpoints. What it answers is held against the made-up account's own server, from
//! which it was exported, and against the export's `runs.csv`, sorted and filtered here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::{Answer, Served};
use crate::support::command::{Place, done};

const TOKEN: &str = "a-token-of-the-archive";

/// A made-up account of so many runs, and its export in `out`.
fn exported(runs: &str, more: &[&str]) -> (Served, Place) {
    let demo = Served::demo(&["--runs", runs]);
    let place = Place::new();
    export_all(&place, &demo, "out", more);
    (demo, place)
}

/// Exports all of a made-up account, also what lies just outside of its month.
fn export_all(place: &Place, demo: &Served, out: &str, more: &[&str]) {
    let period = ["export", "--from", "2025-08-31", "--to", "2025-10-02"];
    let url = demo.url();
    let others = ["--rate", "0", "--quiet", "--api-url", &url, "--out", out];
    let args = [&period[..], &others, more].concat();
    done(place.command(&args).env("APIFY_TOKEN", "demo")).exits(0);
}

/// The archive in `out`.
fn archive(place: &Place) -> Served {
    Served::start(place, &["out"], Some(TOKEN))
}

/// The export's rows, in the order that lists are in.
fn rows(place: &Place) -> Vec<BTreeMap<String, String>> {
    let mut rows = place.exported().rows("runs.csv");
    rows.sort_by(|a, b| (&a["started_at"], &a["id"]).cmp(&(&b["started_at"], &b["id"])));
    rows
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

/// What both sides mean by a run: without members that are null, and with costs as numbers.
fn meant(item: &Value) -> Value {
    let mut item = item.clone();
    let members = item.as_object_mut().unwrap();
    members.retain(|_, value| !value.is_null());
    if let Some(meta) = members.get_mut("meta").and_then(Value::as_object_mut) {
        // `retryOf` is none of the columns, and its null is kept.
        meta.retain(|name, value| !value.is_null() || name == "retryOf");
    }
    members.remove("usageTotalUsd");
    item
}

fn cost(item: &Value) -> Option<f64> {
    item["usageTotalUsd"].as_f64()
}

#[test]
fn every_run_goes_out_with_the_values_that_it_came_with() {
    let (demo, place) = exported("4000", &["--details", "none"]);
    let archive = archive(&place);
    let (of_demo, _) = demo.all("/v2/actor-runs");
    let (archived, pages) = archive.all("/v2/actor-runs");
    assert_eq!((archived.len(), pages), (4004, 5));
    let by_id: BTreeMap<&str, &Value> = of_demo.iter().map(|run| (run["id"].as_str().unwrap(), run)).collect();
    for run in &archived {
        let original = by_id[run["id"].as_str().unwrap()];
        assert_eq!(meant(run), meant(original));
        match (cost(run), cost(original)) {
            (Some(kept), Some(given)) => assert!((kept - given).abs() <= 2e-18, "{run}"),
            (kept, given) => assert_eq!(kept, given, "{run}"),
        }
    }
    assert!(archived.iter().any(|run| run["experiment"]["weight"] == 1.5));
    assert!(
        archived
            .iter()
            .any(|run| run["meta"].get("retryOf") == Some(&Value::Null))
    );
}

#[test]
fn money_goes_out_digit_by_digit_as_it_is_kept() {
    let (_demo, place) = exported("1500", &[]);
    let archive = archive(&place);
    let costs: BTreeMap<String, String> = place.exported().by_id("usage_total_usd");
    let mut seen = 0;
    for offset in ["0", "1000"] {
        let body = String::from_utf8(archive.get(&format!("/v2/actor-runs?offset={offset}")).body).unwrap();
        for item in body.split(r#"{"id":""#).skip(1) {
            let (id, rest) = item.split_once('"').unwrap();
            let cost = rest
                .split_once(r#""usageTotalUsd":"#)
                .map_or("", |(_, rest)| rest.split(',').next().unwrap());
            assert_eq!(cost, costs[id], "{id}");
            seen += 1;
        }
    }
    assert_eq!(seen, 1504);
}

#[test]
fn lists_are_filtered_sorted_and_cut_as_documented() {
    let (_demo, place) = exported("6000", &["--details", "none"]);
    let archive = archive(&place);
    let rows = rows(&place);
    let busiest = |column: &str| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        rows.iter()
            .filter(|row| !row[column].is_empty())
            .for_each(|row| *counts.entry(&row[column]).or_default() += 1);
        counts
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .unwrap()
            .0
            .to_string()
    };
    let (actor, task) = (busiest("act_id"), busiest("actor_task_id"));
    let (after, before) = ("2025-09-03T00:00:00.000Z", "2025-09-09T11:00:00.000Z");
    let window = format!("startedAfter={after}&startedBefore={before}");
    type Row = BTreeMap<String, String>;
    let within = |row: &&Row| row["started_at"].as_str() >= after && row["started_at"].as_str() <= before;
    let failed = |row: &&Row| row["status"] == "FAILED" || row["status"] == "TIMED-OUT";
    let all = |_: &&Row| true;
    let cases: [(String, Vec<&Row>); 8] = [
        ("/v2/actor-runs?".into(), rows.iter().filter(all).collect()),
        (format!("/v2/actor-runs?{window}"), rows.iter().filter(within).collect()),
        (
            "/v2/actor-runs?status=FAILED,TIMED-OUT".into(),
            rows.iter().filter(failed).collect(),
        ),
        (
            format!("/v2/actor-runs?status=FAILED,TIMED-OUT&{window}"),
            rows.iter().filter(within).filter(failed).collect(),
        ),
        (
            format!("/v2/actors/{actor}/runs?"),
            rows.iter().filter(|row| row["act_id"] == actor).collect(),
        ),
        (
            format!("/v2/acts/{actor}/runs?status=FAILED,TIMED-OUT&{window}"),
            rows.iter()
                .filter(within)
                .filter(failed)
                .filter(|row| row["act_id"] == actor)
                .collect(),
        ),
        (
            format!("/v2/actor-tasks/{task}/runs?"),
            rows.iter().filter(|row| row["actor_task_id"] == task).collect(),
        ),
        // A task's list has no dates: they are ignored there, whatever they say.
        (
            format!("/v2/actor-tasks/{task}/runs?startedAfter=yesterday&{window}"),
            rows.iter().filter(|row| row["actor_task_id"] == task).collect(),
        ),
    ];
    for (list, wanted) in cases {
        assert!(wanted.len() > 5, "{list}");
        let wanted: Vec<&str> = wanted.iter().map(|row| row["id"].as_str()).collect();
        for (cut, part) in [
            ("", &wanted[..wanted.len().min(1000)]),
            ("&offset=3&limit=2", &wanted[3..5]),
            ("&limit=0&offset=1", &wanted[1..wanted.len().min(1001)]),
            ("&offset=99999999", &[][..]),
        ] {
            let page = archive.data(&format!("{list}{cut}"));
            assert_eq!(ids(&page), part, "{list}{cut}");
            assert_eq!(
                (&page["total"], &page["count"]),
                (&json!(wanted.len()), &json!(part.len())),
                "{list}{cut}"
            );
        }
        let last: Vec<&str> = wanted.iter().rev().take(4).copied().collect();
        assert_eq!(ids(&archive.data(&format!("{list}&desc=1&limit=4"))), last, "{list}");
    }
}

#[test]
fn a_run_is_found_by_its_id_and_says_what_no_export_keeps() {
    let (demo, place) = exported("1200", &["--details", "all"]);
    let archive = archive(&place);
    let (listed, _) = archive.all("/v2/actor-runs");
    for run in listed.iter().step_by(37) {
        let id = run["id"].as_str().unwrap();
        let detail = archive.data(&format!("/v2/actor-runs/{id}"));
        let original = demo.data(&format!("/v2/actor-runs/{id}"));
        for (name, value) in run.as_object().unwrap() {
            assert_eq!(&detail[name], value, "{id} {name}");
        }
        for (name, value) in original["usageUsd"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
        {
            let (kept, given) = (detail["usageUsd"][name].as_f64().unwrap(), value.as_f64().unwrap());
            assert!((kept - given).abs() <= 2e-18, "{id} {name}");
        }
        for pointer in [
            "/options/memoryMbytes",
            "/stats/durationMillis",
            "/stats/resurrectCount",
            "/pricingInfo/pricingModel",
        ] {
            assert_eq!(
                detail.pointer(pointer),
                original.pointer(pointer).filter(|value| !value.is_null()),
                "{id} {pointer}"
            );
        }
        let missing = detail["notArchived"].as_array().unwrap();
        assert!(missing.contains(&json!("options.timeoutSecs")), "{missing:?}");
        assert!(!missing.contains(&json!("options.memoryMbytes")), "{missing:?}");
    }
    let answer = archive.get("/v2/actor-runs/nosuchrunanywhere");
    assert_eq!((answer.status, answer.error()), (404, "record-not-found".into()));
}

#[test]
fn actors_tasks_and_the_account_are_those_of_the_runs() {
    let (demo, place) = exported("5000", &["--details", "none"]);
    let archive = archive(&place);
    let rows = rows(&place);
    let named = |id: &str, name: &str| -> BTreeSet<(String, String)> {
        let known = rows.iter().filter(|row| !row[name].is_empty());
        // The apostrophe keeps spreadsheets from running a name.
        let name_of = |row: &BTreeMap<String, String>| row[name].trim_start_matches('\'').to_string();
        known.map(|row| (row[id].clone(), name_of(row))).collect()
    };
    let (actors, _) = archive.all("/v2/actors");
    let listed = actors.iter().map(|actor| {
        let name = format!(
            "{}/{}",
            actor["username"].as_str().unwrap(),
            actor["name"].as_str().unwrap()
        );
        (actor["id"].as_str().unwrap().to_string(), name)
    });
    assert_eq!(listed.collect::<BTreeSet<_>>(), named("act_id", "act_name"));
    let (tasks, _) = archive.all("/v2/actor-tasks");
    let listed = tasks.iter().map(|task| {
        (
            task["id"].as_str().unwrap().to_string(),
            task["name"].as_str().unwrap().to_string(),
        )
    });
    assert_eq!(
        listed.collect::<BTreeSet<_>>(),
        named("actor_task_id", "actor_task_name")
    );

    let (schedules, _) = archive.all("/v2/schedules");
    let listed = schedules.iter().map(|schedule| {
        let text = |name: &str| schedule[name].as_str().unwrap().to_string();
        (text("id"), text("name"))
    });
    assert_eq!(
        listed.collect::<BTreeSet<_>>(),
        named("meta_schedule_id", "meta_schedule_name")
    );
    assert!(schedules.len() > 100);
    for schedule in &schedules {
        let started = rows.iter().filter(|row| schedule["id"] == row["meta_schedule_id"]);
        let last = started.map(|row| &row["started_at"]).max().unwrap();
        assert_eq!(schedule["lastRunAt"], **last);
        assert!(
            schedule["notArchived"]
                .as_array()
                .unwrap()
                .contains(&json!("cronExpression"))
        );
    }
    let last_two = archive.data("/v2/schedules?desc=1&limit=2");
    let expected: Vec<&Value> = schedules.iter().rev().take(2).collect();
    assert_eq!(
        last_two["items"].as_array().unwrap().iter().collect::<Vec<_>>(),
        expected
    );

    let actor = &actors[0];
    let id = actor["id"].as_str().unwrap();
    let by_name = format!(
        "{}~{}",
        actor["username"].as_str().unwrap(),
        actor["name"].as_str().unwrap()
    );
    assert_eq!(
        archive.data(&format!("/v2/actors/{id}")),
        archive.data(&format!("/v2/acts/{by_name}"))
    );
    let runs = rows.iter().filter(|row| row["act_id"] == id).count();
    assert_eq!(archive.data(&format!("/v2/actors/{by_name}/runs"))["total"], runs);
    assert_eq!(actor["stats"]["totalRuns"], runs);
    let nameless = rows.iter().find(|row| row["act_name"].is_empty()).unwrap();
    assert_eq!(archive.get(&format!("/v2/actors/{}", nameless["act_id"])).status, 404);
    assert!(archive.data(&format!("/v2/actors/{}/runs", nameless["act_id"]))["total"].as_u64() > Some(0));
    let task = tasks[0]["id"].as_str().unwrap();
    assert_eq!(
        archive.data(&format!("/v2/actor-tasks/{task}"))["actId"],
        tasks[0]["actId"]
    );
    for missing in [
        "/v2/actors/nobody~nothing",
        "/v2/actors/x/runs",
        "/v2/actor-tasks/x",
        "/v2/actor-tasks/x/runs",
    ] {
        assert_eq!(archive.get(missing).status, 404, "{missing}");
    }

    let (me, original) = (archive.data("/v2/users/me"), demo.data("/v2/users/me"));
    assert_eq!((&me["id"], &me["username"]), (&original["id"], &original["username"]));
    assert!(me.get("proxy").is_none());
    for unknown in ["/v2/users/me/limits", "/v2/users/me/usage/monthly?date=2020-01-01"] {
        let answer = archive.get(unknown);
        assert_eq!(
            (answer.status, answer.error()),
            (403, "insufficient-permissions".into())
        );
    }
}

#[test]
fn an_export_of_the_archive_has_the_same_bytes() {
    for details in ["missing", "all"] {
        let demo = Served::demo(&["--runs", "2000"]);
        let place = Place::new();
        let export = |url: &str, token: &str, out: &str| {
            let args = [
                "export",
                "--from",
                "2025-09-01",
                "--to",
                "2025-09-20",
                "--rate",
                "0",
                "--quiet",
                "--details",
                details,
            ];
            done(
                place
                    .command(&[&args[..], &["--api-url", url, "--out", out]].concat())
                    .env("APIFY_TOKEN", token),
            )
            .exits(0);
        };
        export(&demo.url(), "demo", "out");
        assert!(
            place
                .exported()
                .rows("runs.csv")
                .iter()
                .all(|row| row["cost_state"] != "provisional")
        );
        let archive = archive(&place);
        export(&archive.url(), TOKEN, "again");
        for file in [
            "runs.parquet",
            "runs.csv",
            "cost_by_actor.csv",
            "status_summary.csv",
            "cost_by_task.csv",
        ] {
            let [first, again] = ["out", "again"].map(|out| fs::read(place.path(out).join(file)).unwrap());
            assert!(first == again, "--details {details}: {file} differs");
        }
    }
}

#[test]
fn what_an_archive_does_not_know_is_not_exported_as_if_it_did() {
    let (_demo, place) = exported("500", &["--details", "none"]);
    let archive = archive(&place);
    let url = archive.url();
    let args = [
        "export",
        "--month",
        "2025-09",
        "--details",
        "all",
        "--rate",
        "0",
        "--quiet",
        "--api-url",
        &url,
        "--out",
        "again",
    ];
    done(place.command(&args).env("APIFY_TOKEN", TOKEN)).exits(0);
    let again = crate::support::command::Exported {
        out: place.path("again"),
    };
    assert!(again.by_id("memory_mbytes").values().all(String::is_empty));
}

#[test]
fn csv_alone_is_served_alike() {
    let (demo, place) = exported("1500", &["--details", "none"]);
    let both = archive(&place).all("/v2/actor-runs");
    export_all(&place, &demo, "csv", &["--format", "csv", "--details", "none"]);
    assert!(!place.path("csv/runs.parquet").exists());
    assert_eq!(Served::start(&place, &["csv"], Some(TOKEN)).all("/v2/actor-runs"), both);
}

#[test]
fn days_apart_are_one_archive() {
    let (demo, place) = exported("1500", &["--details", "none"]);
    let one = archive(&place).all("/v2/actor-runs");
    export_all(&place, &demo, "days", &["--partition-by", "day", "--details", "none"]);
    let days = Served::start(&place, &["days"], Some(TOKEN));
    assert_eq!(days.all("/v2/actor-runs"), one);
    let id = one.0[700]["id"].as_str().unwrap();
    assert_eq!(days.data(&format!("/v2/actor-runs/{id}"))["id"], id);
}

#[test]
fn a_token_is_asked_for_compared_and_never_told() {
    let (_demo, place) = exported("20", &["--details", "none"]);
    let archive = Served::start(&place, &["out", "--access-log"], Some(TOKEN));
    let list = "/v2/actor-runs?limit=1";
    let refused = |headers: &str, target: &str| {
        let answer = archive.ask("GET", target, headers);
        (answer.status, answer.error())
    };
    assert_eq!(refused("", list), (401, "token-not-provided".into()));
    for wrong in ["x", "a-token-of-the-archivE", "a-token-of-the-archive2"] {
        let headers = format!("Authorization: Bearer {wrong}\r\n");
        assert_eq!(
            refused(&headers, list),
            (401, "user-or-token-not-found".into()),
            "{wrong}"
        );
    }
    for right in ["bearer", "BEARER ", "Bearer\t"] {
        let headers = format!("Authorization: {right} {TOKEN}\r\n");
        assert_eq!(archive.ask("GET", list, &headers).status, 200, "{right}");
    }
    let refused = archive.ask("GET", list, "");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    assert_eq!(archive.ask("POST", "/healthz", "").status, 405);
    assert_eq!(archive.ask("GET", &format!("{list}&token={TOKEN}"), "").status, 200);
    assert_eq!(archive.ask("GET", &format!("{list}&to%6ben={TOKEN}"), "").status, 200);
    assert_eq!(archive.ask("POST", list, "Content-Length: 0\r\n").status, 405);
    assert_eq!(archive.ask("DELETE", list, "").headers["allow"], "GET, HEAD");
    assert_eq!(archive.ask("GET", "/healthz", "").status, 200);
    let head = archive.ask("HEAD", list, &format!("Authorization: Bearer {TOKEN}\r\n"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.headers["content-length"].parse::<u64>().unwrap() > 300);

    terminate(archive.id());
    let done = archive.wait();
    done.exits(143);
    assert!(!done.stderr.contains(TOKEN), "{done}");
    let lines: Vec<Value> = done
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(lines.len(), 15);
    assert_eq!(
        (&lines[9]["query"], &lines[9]["status"]),
        (&json!("limit=1&token=REDACTED"), &json!(200))
    );
    assert_eq!(
        (&lines[0]["method"], &lines[0]["path"], &lines[0]["status"]),
        (&json!("GET"), &json!("/v2/actor-runs"), &json!(401))
    );
}

/// Sends SIGTERM.
fn terminate(id: u32) {
    let status = std::process::Command::new("kill")
        .args(["-TERM", &id.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn without_a_token_it_serves_this_machine_alone() {
    let (_demo, place) = exported("20", &["--details", "none"]);
    assert_eq!(Served::start(&place, &["out"], None).list("limit=1")["count"], 1);
    // Files that hold a token end with a line.
    assert_eq!(
        Served::start(&place, &["out"], Some("a-token\n"))
            .ask("GET", "/v2/actors", "Authorization: Bearer a-token\r\n")
            .status,
        200
    );
    done(place.command(&["serve", "out"]).env("APIFY_TOKEN", "two words"))
        .exits(2)
        .says(&["APIFY_TOKEN has characters"]);
    for token in [None, Some(" ")] {
        let mut command = place.command(&["serve", "out", "--host", "0.0.0.0"]);
        command.env_remove("APIFY_TOKEN");
        token.map(|token| command.env("APIFY_TOKEN", token));
        done(&mut command).exits(2).says(&["--host 0.0.0.0", "APIFY_TOKEN"]);
    }
}

#[test]
fn a_server_that_is_terminated_finishes_what_it_was_asked() {
    let (_demo, place) = exported("1500", &["--details", "none"]);
    let archive = Served::start(&place, &["out", "--latency", "700ms"], None);
    let mut stream = TcpStream::connect(archive.address()).unwrap();
    stream
        .write_all(b"GET /v2/actor-runs HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    // It has taken the connection once it answers another.
    assert_eq!(archive.get("/healthz").status, 200);
    terminate(archive.id());
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let answer = Answer::of(&bytes);
    assert_eq!((answer.status, &answer.json()["data"]["count"]), (200, &json!(1000)));
    archive.wait().exits(143).says(&["stopped by SIGTERM"]);
}

#[test]
fn a_log_that_nobody_reads_stops_neither_answers_nor_the_end() {
    let (_demo, place) = exported("20", &["--details", "none"]);
    let archive = Served::start(&place, &["out", "--access-log"], None);
    // Its lines are some times what a pipe holds, and nobody takes one.
    for _ in 0..2000 {
        assert_eq!(archive.get("/healthz").status, 200);
    }
    terminate(archive.id());
    archive.wait().exits(143);
}

#[test]
fn what_replaces_the_export_is_served_from_then_on() {
    let (_demo, place) = exported("100", &["--details", "none"]);
    let archive = Served::start(&place, &["out", "--refresh", "50ms"], None);
    assert_eq!(archive.list("limit=1")["total"], 104);
    let more = Served::demo(&["--runs", "300", "--seed", "2"]);
    export_all(&place, &more, "out", &["--replace"]);
    let began = Instant::now();
    while archive.list("limit=1")["total"] != 304 {
        assert!(began.elapsed() < Duration::from_secs(60), "the new export isn't served");
    }
    assert_eq!(archive.all("/v2/actor-runs").0.len(), 304);
}

#[test]
fn no_request_is_too_absurd_to_be_refused() {
    let (_demo, place) = exported("50", &["--details", "none"]);
    let archive = archive(&place);
    let long = "x=".to_string() + &"y".repeat(20_000);
    for (target, status) in [
        ("/v2/actor-runs?limit=-1", 400),
        ("/v2/actor-runs?limit=1.5", 400),
        ("/v2/actor-runs?offset=1e300", 400),
        ("/v2/actor-runs?offset=99999999999999999999999", 400),
        ("/v2/actor-runs?startedAfter=yesterday", 400),
        ("/v2/actor-runs?startedBefore=%ff%fe", 400),
        ("/v2/actor-runs?status=%00", 400),
        ("/v2/actor-runs?desc=maybe", 400),
        ("/v2/actor-runs?limit=1&limit=2", 200),
        ("/v2/actor-runs?limit=1&limit=-2", 400),
        (&format!("/v2/actor-runs?{long}"), 200),
        ("/v2/../etc/passwd", 404),
        ("/v2/actor-runs/..%2f..%2fetc%2fpasswd", 404),
        ("/v2/actor-runs/%ff", 404),
        ("/v2/actor-runs/a/b/c", 404),
        // A page, for a browser that names another machine.
        ("/", 400),
        ("/v2/actors/~/runs", 404),
    ] {
        assert_eq!(
            archive.get(target).status,
            status,
            "{}",
            &target[..target.len().min(60)]
        );
    }
    let huge = format!("GET /v2/actor-runs?{} HTTP/1.1\r\nHost: x\r\n\r\n", "y".repeat(100_000));
    for request in [
        huge.as_bytes(),
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        "x: y\r\n".repeat(5_000).as_bytes(),
        format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(500)).as_bytes(),
    ] {
        // Either an error, or the connection's end.
        let answered = archive.exchange(request).unwrap_or_default();
        assert!(answered.is_empty() || (400..500).contains(&Answer::of(&answered).status));
    }
    assert_eq!(archive.list("limit=1")["total"], 54);
}

#[test]
fn trouble_comes_as_it_is_asked_for() {
    let faulty = |spec: &str| Served::demo(&["--runs", "50", "--faults", spec]);
    let request = b"GET /v2/actor-runs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer demo\r\n\r\n";
    let unavailable = faulty("503=100%");
    assert_eq!(unavailable.get("/v2/actor-runs").error(), "query-timeout");
    assert_eq!(unavailable.get("/healthz").status, 200);
    let proxy = faulty("502=100%").get("/v2/actor-runs");
    assert_eq!(
        (proxy.status, proxy.headers["content-type"].as_str()),
        (502, "text/html")
    );

    let cut = Answer::of(&faulty("cut=100%").exchange(request).unwrap());
    let promised: usize = cut.headers["content-length"].parse().unwrap();
    assert_eq!((cut.status, cut.body.len()), (200, promised / 2));

    let reset = faulty("reset=100%").exchange(request).unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);

    let stalled = faulty("stall=100%");
    let mut stream = TcpStream::connect(stalled.address()).unwrap();
    stream.write_all(request).unwrap();
    let mut head = vec![0; 15 + 2];
    stream.read_exact(&mut head).unwrap();
    assert!(head.starts_with(b"HTTP/1.1 200 OK"));
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let silence = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(silence.kind(), std::io::ErrorKind::WouldBlock);

    let place = Place::new();
    for wrong in ["", "503", "200=1%", "cut=200%", "oops=1%"] {
        place
            .run(&["serve", "--demo", "--faults", wrong])
            .exits(2)
            .says(&["--faults"]);
    }
    let some = faulty("503=30%,reset=10%,cut=10%,seed=7");
    let place = Place::new();
    done(
        place
            .command(&[
                "export",
                "--month",
                "2025-09",
                "--rate",
                "0",
                "--out",
                "out",
                "--retries",
                "30",
                "--api-url",
                &some.url(),
            ])
            .env("APIFY_TOKEN", "demo"),
    )
    .exits(0);
    assert_eq!(place.exported().ids().len(), 50);
}

#[test]
fn what_is_no_archive_or_a_broken_one_is_said_before_anything_is_served() {
    let (_demo, place) = exported("200", &["--details", "none"]);
    fs::create_dir(place.path("empty")).unwrap();
    place
        .run(&["serve", "empty"])
        .exits(2)
        .says(&["empty has no manifest.json"]);
    place.run(&["serve", "nowhere"]).exits(2);
    place.run(&["serve"]).exits(2);
    place.run(&["serve", "out", "--demo"]).exits(2);
    place.run(&["serve", "out", "--runs", "5"]).exits(2).says(&["--runs"]);
    place
        .run(&["serve", "out", "--as-of", "3"])
        .exits(2)
        .says(&["--as-of works only with lakes"]);
    let runs = place.path("out/runs.parquet");
    let whole = fs::read(&runs).unwrap();
    for broken in [&whole[..whole.len() / 2], &whole[..0], &b"rubbish"[..]] {
        fs::write(&runs, broken).unwrap();
        place
            .run(&["serve", "out"])
            .exits(5)
            .says(&["cannot read", "runs.parquet"]);
    }
    // One that is only longer is another one, too.
    fs::write(&runs, [&b"PAR1"[..], &whole].concat()).unwrap();
    place.run(&["serve", "out"]).exits(5).says(&["runs.parquet"]);
    fs::remove_file(&runs).unwrap();
    place.run(&["serve", "out"]).exits(5).says(&["runs.parquet"]);
    // What breaks later is no answer, and no end.
    fs::write(&runs, &whole).unwrap();
    let archive = archive(&place);
    fs::write(&runs, vec![0; whole.len()]).unwrap();
    let answer = archive.get("/v2/actor-runs");
    assert_eq!((answer.status, answer.error()), (500, "internal-server-error".into()));
    assert_eq!(archive.get("/healthz").status, 200);
}
