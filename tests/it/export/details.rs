//! Single runs' details: for which runs they are asked, what lands in the rows, and what becomes of those that can't be had.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::account::{Apify, Gate, Make, detail, details_asked, ended};
use crate::support::command::{Done, Place};
use crate::support::stand_in::{Account, Quirks, Reply, Run, StandIn, TOKEN, ms, runs};

/// Five minutes after September, by the server's clock.
const SOON_AFTER: &str = "Wed, 01 Oct 2025 00:05:00 GMT";

fn at(minute: i64) -> i64 {
    ms("2025-09-01T00:00:00Z") + minute * 60_000
}

/// A run with these members beside ID, status and start.
fn run(id: &str, status: &str, rest: &str) -> Run {
    let mut run = Run::new(id, at(id.len() as i64)).with(&format!(r#""actId":"actor"{rest}"#));
    run.status = status.into();
    run
}

/// So many runs that ended long ago and to which the list gives no cost.
fn without_cost(count: usize) -> Vec<Run> {
    (0..count)
        .map(|n| ended(&format!("r{n:03}"), at(n as i64), ""))
        .collect()
}

/// A detail that costs so much.
fn costs(id: &str, usd: &str) -> Reply {
    Reply::json(detail(id, &format!(r#""usageTotalUsd":{usd}"#)))
}

/// What the manifest says of details.
fn counts(place: &Place) -> Value {
    place.exported().json("manifest.json")["details"].clone()
}

#[test]
fn details_give_the_costs_that_the_list_lacks_and_of_runs_that_just_ended_at_zero_and_no_others() {
    let finished = |at: &str, cost: &str| format!(r#","finishedAt":"{at}"{cost}"#);
    let (long_ago, just) = ("2025-09-20T00:00:00.000Z", "2025-09-30T23:55:00.001Z");
    let all = vec![
        run("no-cost", "SUCCEEDED", &finished(long_ago, "")),
        run("null-cost", "FAILED", &finished(long_ago, r#","usageTotalUsd":null"#)),
        run("running-no-cost", "RUNNING", ""),
        run("zero-just", "SUCCEEDED", &finished(just, r#","usageTotalUsd":0"#)),
        run(
            "zero-just-exponent",
            "ABORTED",
            &finished(just, r#","usageTotalUsd":0e-7"#),
        ),
        // The rest has a cost that holds, or one that nobody knows better yet.
        run(
            "zero-long-ago",
            "SUCCEEDED",
            &finished(long_ago, r#","usageTotalUsd":0"#),
        ),
        run(
            "zero-at-the-bound",
            "SUCCEEDED",
            &finished("2025-09-30T23:55:00.000Z", r#","usageTotalUsd":0"#),
        ),
        run("zero-running", "RUNNING", r#","usageTotalUsd":0"#),
        run("cost-just", "SUCCEEDED", &finished(just, r#","usageTotalUsd":0.5"#)),
        run(
            "cost-long-ago",
            "SUCCEEDED",
            &finished(long_ago, r#","usageTotalUsd":1"#),
        ),
    ];
    let server = Apify::of(all).details(|id| costs(id, "0.25")).dated(SOON_AFTER).start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let expected = [
        "no-cost",
        "null-cost",
        "running-no-cost",
        "zero-just",
        "zero-just-exponent",
    ];
    // The others that are settled are asked for to compare their costs.
    let mut asked = [&expected[..], &["cost-long-ago", "zero-at-the-bound", "zero-long-ago"]].concat();
    asked.sort_unstable();
    assert_eq!(details_asked(&server), asked);
    assert_eq!(counts(&place)["asked"], expected.len());
    let usage = place.exported().by_id("usage_total_usd");
    for (id, usd) in &usage {
        let listed = match id.as_str() {
            "cost-just" => "0.5",
            "cost-long-ago" => "1",
            id if expected.contains(&id) => "0.25",
            _ => "0",
        };
        assert_eq!(usd, listed, "{id}");
    }
    assert_eq!(usage.len(), 10);
    // With a shorter time to settle, the zeros hold; with none, nobody's detail is asked.
    let server = Apify::of(without_cost(3)).dated(SOON_AFTER).start();
    place
        .export(&server.url(), &["--details", "none", "--replace"])
        .exits(0);
    assert_eq!(details_asked(&server), [""; 0]);
    assert_eq!(
        (counts(&place)["mode"].clone(), counts(&place)["asked"].clone()),
        (json!("none"), json!(0))
    );
    assert_eq!(place.exported().json("manifest.json")["totals"]["runs_cost_unknown"], 3);
}

#[test]
fn costs_of_details_land_exactly_and_make_their_rows_settled() {
    // Six numbers as JavaScript prints doubles; the sum was added up by hand.
    let costs_of = [
        "0.12345678901234566",
        "1e-7",
        "2.5E-3",
        "1.7976931348623157e2",
        "0",
        "0.000000000000000001",
    ];
    let server = Apify::of(without_cost(6))
        .details(move |id| costs(id, costs_of[id[1..].parse::<usize>().unwrap()]))
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--strict"]);
    done.exits(0);
    let exported = place.exported();
    let cells: Vec<String> = exported.by_id("usage_total_usd").into_values().collect();
    let expected = [
        "0.12345678901234566",
        "0.0000001",
        "0.0025",
        "179.76931348623157",
        "0",
        "0.000000000000000001",
    ];
    assert_eq!(cells, expected);
    let total = "179.895270375243915661";
    assert_eq!(exported.json("manifest.json")["totals"]["usage_total_usd"], total);
    assert!(exported.by_id("cost_state").values().all(|state| state == "settled"));
    assert_eq!(
        counts(&place),
        json!({"mode": "missing", "asked": 6, "reused": 0, "found": 6, "without_cost": 0, "not_found": 0, "failed": 0,
               "failed_runs": [], "mistyped": 0, "meters_disagree": 0, "reached_limit": 0,
               "checked": {"asked": 0, "compared": 0, "changed": 0, "failed": 0, "differing": 0, "usage_compared_usd": "0",
                           "usage_list_usd": "0", "usage_details_usd": "0", "differs_most": null}})
    );
    place.run(&["verify", "out"]).exits(0);
}

/// Exports a run beside a good one; its detail is answered with `reply`, always.
fn with_one_odd(reply: impl Fn() -> Reply + Send + Sync + 'static, more: &[&str]) -> (Done, Place, StandIn) {
    let mut all = without_cost(1);
    all.push(Run {
        rest: r#""actId":"actor","finishedAt":"2025-09-03T04:05:06.789Z""#.into(),
        ..Run::new("odd", at(500))
    });
    let answer = move |id: &str| if id == "odd" { reply() } else { costs(id, "0.25") };
    let server = Apify::of(all).details(answer).start();
    let place = Place::new();
    let done = place.export(&server.url(), more);
    (done, place, server)
}

#[test]
fn a_run_that_is_gone_or_has_no_cost_in_its_detail_either_keeps_its_row_and_is_no_failure() {
    let gone = || Reply::error(404, "record-not-found", "Actor run was not found");
    let null = || Reply::json(detail("odd", r#""usageTotalUsd":null"#));
    let none = || Reply::json(detail("odd", r#""usageUsd":{"ACTOR_COMPUTE_UNITS":1}"#));
    let replies: [(Make, &str); 3] = [(gone, "not_found"), (null, "without_cost"), (none, "without_cost")];
    for (reply, counted) in replies {
        let (done, place, _) = with_one_odd(reply, &[]);
        done.exits(0).shows(&["at least $0.25", "the cost of 1 run is unknown"]);
        assert_eq!(done.stderr, "", "{done}");
        let details = counts(&place);
        assert_eq!(
            (&details[counted], &details["found"], &details["failed"]),
            (&json!(1), &json!(1), &json!(0))
        );
        let exported = place.exported();
        assert_eq!(exported.by_id("cost_state")["odd"], "unknown");
        // The finish that the detail tells doesn't count without a cost.
        assert_eq!(exported.by_id("finished_at")["odd"], "2025-09-03T04:05:06.789Z");
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn a_detail_that_can_not_be_had_is_warned_of_counted_and_named_and_strict_exits_7() {
    let replies: [(&str, Make, &str); 7] = [
        (
            "500",
            || Reply::error(500, "internal-error", "Oops."),
            "500 Internal Server Error",
        ),
        ("429", || Reply::error(429, "rate-limit-exceeded", "Slow."), "429"),
        ("403", || Reply::error(403, "insufficient-permissions", "No."), "403"),
        ("400", || Reply::error(400, "invalid-input", "What?"), "400"),
        (
            "wrong type",
            || {
                Reply::Answer(
                    200,
                    vec![("Retry-After", "0".into())],
                    detail("odd", r#""usageTotalUsd":"0.25""#).into(),
                )
            },
            "usageTotalUsd",
        ),
        (
            "someone else's",
            || Reply::json(detail("r000", r#""usageTotalUsd":9"#)),
            "run r000",
        ),
        ("HTML", || Reply::Answer(200, vec![], b"<html>".to_vec()), "not a run"),
    ];
    for (name, reply, says) in replies {
        let (done, place, _) = with_one_odd(reply, &["--retries", "1"]);
        done.exits(0)
            .says(&["warning: the details of 1 run could not be read", "run odd", says]);
        let details = counts(&place);
        assert_eq!(
            (&details["failed"], &details["failed_runs"]),
            (&json!(1), &json!(["odd"])),
            "{name}"
        );
        assert_eq!((&details["asked"], &details["found"]), (&json!(2), &json!(1)), "{name}");
        let exported = place.exported();
        assert_eq!(exported.by_id("usage_total_usd")["odd"], "", "{name}");
        let caveats = exported.json("manifest.json")["caveats"].to_string();
        assert!(caveats.contains("the details of 1 run could not be read"), "{caveats}");
        place.run(&["verify", "out"]).exits(0);
        assert_eq!(details["reused"], 0);
    }
    let (done, place, _) = with_one_odd(|| Reply::error(403, "insufficient-permissions", "No."), &["--strict"]);
    done.exits(7).says(&["the details of 1 run could not be read"]);
    assert_eq!(place.exported().ids().len(), 2);
}

#[test]
fn a_detail_that_fails_in_passing_is_asked_for_again() {
    let failures: [Make; 4] = [
        || Reply::CutOff(detail("odd", r#""usageTotalUsd":9"#)),
        || Reply::Reset,
        || Reply::error(429, "rate-limit-exceeded", "Slow."),
        || Reply::error(503, "query-timeout", "Too slow."),
    ];
    for failure in failures {
        let asked = AtomicUsize::new(0);
        let reply = move || match asked.fetch_add(1, Ordering::SeqCst) {
            0 => failure(),
            _ => costs("odd", "0.125"),
        };
        let (done, place, server) = with_one_odd(reply, &["--retries", "1"]);
        done.exits(0);
        assert_eq!(done.stderr, "", "{done}");
        assert_eq!(place.exported().by_id("usage_total_usd")["odd"], "0.125", "{done}");
        assert_eq!(details_asked(&server), ["odd", "odd", "r000"]);
        assert_eq!(place.exported().json("manifest.json")["requests"]["retries"], 1);
    }
}

#[test]
fn an_api_whose_details_all_fail_is_soon_left_alone_and_every_run_is_counted() {
    let server = Apify::of(without_cost(900))
        .details(|_| Reply::error(500, "internal-error", "Oops."))
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--retries", "0", "--detail-concurrency", "8"]);
    done.exits(0).says(&["the details of 900 runs"]);
    let asked = details_asked(&server).len();
    assert!((40..=48).contains(&asked), "{asked} details were asked for\n{done}");
    let details = counts(&place);
    assert_eq!(
        (&details["failed"], &details["asked"]),
        (&json!(900), &json!(asked)),
        "{details}"
    );
    assert_eq!(details["failed_runs"].as_array().unwrap().len(), 900);
    assert_eq!(
        place.exported().json("manifest.json")["totals"]["runs_cost_unknown"],
        900
    );
}

#[test]
fn runs_that_are_gone_are_no_reason_to_ask_no_more() {
    let server = Apify::of(without_cost(300))
        .details(|id| match id {
            "r299" => costs(id, "3"),
            id => Reply::error(404, "record-not-found", id),
        })
        .start();
    let place = Place::new();
    place.export(&server.url(), &["--detail-concurrency", "1"]).exits(0);
    let details = counts(&place);
    assert_eq!((&details["not_found"], &details["found"]), (&json!(299), &json!(1)));
    assert_eq!(place.exported().json("manifest.json")["totals"]["usage_total_usd"], "3");
}

#[test]
fn a_token_that_is_refused_meanwhile_ends_the_job_and_nothing_is_published() {
    let (done, place, _) = with_one_odd(|| Reply::error(401, "user-or-token-not-found", "Gone."), &[]);
    done.exits(3).says(&["401"]);
    assert_eq!(place.names(), [""; 0], "{done}");
}

#[test]
fn only_the_runs_that_are_wanted_are_asked_for() {
    let member = |id: &str, rest: &str| {
        Run::new(id, at(id.len() as i64)).with(&format!(r#""finishedAt":"2025-09-20T00:00:00.000Z",{rest}"#))
    };
    let all = vec![
        member("wanted", r#""actId":"a","actorTaskId":"t""#),
        member("other-actor", r#""actId":"b","actorTaskId":"t""#),
        member("other-task", r#""actId":"a","actorTaskId":"u""#),
        member("no-task-at-all", r#""actId":"a""#),
    ];
    let server = Apify::of(all).details(|id| costs(id, "1")).start();
    let place = Place::new();
    place.export(&server.url(), &["--actor", "a", "--task", "t"]).exits(0);
    assert_eq!(details_asked(&server), ["wanted"]);
    assert_eq!(place.exported().ids(), ["wanted"]);
}

#[test]
fn a_run_listed_for_its_status_keeps_it_and_without_a_filter_the_detail_that_came_later_counts() {
    let resurrected =
        r#"{"data":{"id":"back","status":"RUNNING","startedAt":"2025-09-01T00:00:00.000Z","usageTotalUsd":0.75}}"#;
    let mut back = ended("back", at(1), "");
    back.status = "FAILED".into();
    let mut all = vec![back];
    all.push(ended("fine", at(2), r#""usageTotalUsd":1"#));
    let server = Apify::of(all).details(move |_| Reply::json(resurrected.into())).start();
    let place = Place::new();
    place.export(&server.url(), &["--status", "FAILED"]).exits(0);
    let row = place.exported().rows("runs.csv").remove(0);
    assert_eq!((&*row["status"], &*row["usage_total_usd"]), ("FAILED", "0.75"));
    // The cost is of a run that goes on.
    assert_eq!(row["cost_state"], "provisional");
    assert_eq!(place.exported().ids(), ["back"]);
    place.run(&["verify", "out"]).exits(0);
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let row = place.exported().rows("runs.csv").remove(0);
    let cells = ["status", "finished_at", "usage_total_usd", "cost_state"].map(|name| row[name].as_str());
    assert_eq!(cells, ["RUNNING", "", "0.75", "provisional"]);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_detail_whose_run_has_ended_since_it_was_listed_tells_how_and_when() {
    let all = vec![run("ends", "RUNNING", "")];
    let late =
        r#"{"data":{"id":"ends","status":"TIMED-OUT","finishedAt":"2025-09-07T08:09:10.011Z","usageTotalUsd":2}}"#;
    let server = Apify::of(all).details(move |_| Reply::json(late.into())).start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let row = place.exported().rows("runs.csv").remove(0);
    let cells = ["status", "finished_at", "usage_total_usd", "cost_state"].map(|name| row[name].as_str());
    assert_eq!(cells, ["TIMED-OUT", "2025-09-07T08:09:10.011Z", "2", "settled"]);
    assert_eq!(place.exported().json("report.json")["totals"]["runs_timed_out"], 1);
}

#[test]
fn exactly_so_many_details_as_asked_for_are_in_flight_at_once() {
    for wanted in [1, 5, 40] {
        let (gate, held) = (
            Arc::new(Gate::of(wanted)),
            Arc::new(Gate::within(wanted + 1, Duration::from_millis(300))),
        );
        let (passing, holding) = (gate.clone(), held.clone());
        let server = Apify::of(without_cost(90))
            .details(move |id| {
                // All that may come wait for each other, and then a while for one too many.
                passing.pass();
                holding.pass();
                costs(id, "1")
            })
            .start();
        let place = Place::new();
        let done = place.export(
            &server.url(),
            &["--detail-concurrency", &wanted.to_string(), "--detail-rate", "0"],
        );
        done.exits(0);
        assert!(
            gate.was_filled(),
            "fewer than {wanted} came at once: {}\n{done}",
            gate.most()
        );
        assert!(!held.was_filled(), "more than {wanted} came at once\n{done}");
        assert_eq!(details_asked(&server).len(), 90);
    }
}

#[test]
fn details_are_asked_for_while_the_list_is_still_being_read() {
    let all: Vec<Run> = without_cost(5000);
    let late = at(4500);
    let account = Account {
        runs: all,
        quirks: Quirks {
            page_cap: Some(100),
            ..Quirks::default()
        },
    };
    let gate = Arc::new(Gate::of(usize::MAX));
    let (listing, detailing) = (gate.clone(), gate.clone());
    let server = Apify::of(Vec::new())
        .at("/v2/actor-runs", move |request| {
            if ms(&request.query["startedAfter"]) > late {
                listing.pass();
            }
            Reply::json(account.list(request))
        })
        .details(move |id| {
            detailing.open();
            costs(id, "1")
        })
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--detail-rate", "0"]);
    done.exits(0);
    assert!(
        gate.was_filled() && gate.most() > 0,
        "the list was read to its end first\n{done}"
    );
    assert_eq!(
        place.exported().json("manifest.json")["totals"]["usage_total_usd"],
        "5000"
    );
    assert_eq!(details_asked(&server).len(), 5000);
}

#[test]
fn data_files_are_the_same_byte_by_byte_however_many_are_asked_at_once() {
    let all: Vec<Run> = runs(1500, at(0), 60_000)
        .into_iter()
        .enumerate()
        .map(|(n, run)| {
            if n % 3 == 0 {
                ended(&run.id, run.started, "")
            } else {
                run
            }
        })
        .collect();
    let server = Apify::of(all)
        .details(|id| costs(id, &format!("0.{}", &id[3..])))
        .actors(&[("actor", "ann", "crawler")])
        .start();
    let export = |more: &[&str]| {
        let place = Place::new();
        place
            .export(
                &server.url(),
                &[more, &["--detail-rate", "0", "--details", "all"]].concat(),
            )
            .exits(0);
        let mut bytes = place.exported().bytes();
        bytes.retain(|name, _| name.starts_with("runs") || name.starts_with("cost_by"));
        bytes
    };
    let one = export(&["--detail-concurrency", "1", "--concurrency", "1"]);
    assert_eq!(one.len(), 12, "{:?}", one.keys());
    assert_eq!(export(&["--detail-concurrency", "64", "--concurrency", "16"]), one);
    assert_eq!(export(&["--detail-concurrency", "500", "--concurrency", "2"]), one);
}

#[test]
fn a_run_that_has_only_just_ended_is_waited_for_until_its_cost_has_settled_and_not_beyond_the_bound() {
    let zero = |id: &str, finished: &str| {
        run(
            id,
            "SUCCEEDED",
            &format!(r#","finishedAt":"{finished}","usageTotalUsd":0"#),
        )
    };
    let all = vec![
        // Settled half a second after the job's start, and minutes after it.
        zero("soon", "2025-09-30T23:55:00.500Z"),
        zero("too-late", "2025-10-01T00:04:59.000Z"),
        run("runs-on", "RUNNING", r#","usageTotalUsd":0"#),
    ];
    let arrivals: Arc<Mutex<Vec<(String, Instant)>>> = Arc::default();
    let (listed, asked) = (arrivals.clone(), arrivals.clone());
    let account = Account {
        runs: all,
        ..Account::default()
    };
    let server = Apify::of(Vec::new())
        .at("/v2/actor-runs", move |request| {
            listed.lock().unwrap().push(("list".into(), Instant::now()));
            Reply::json(account.list(request))
        })
        .details(move |id| {
            asked.lock().unwrap().push((id.into(), Instant::now()));
            let finished = if id == "soon" {
                "2025-09-30T23:55:00.500Z"
            } else {
                "2025-10-01T00:04:59.000Z"
            };
            let cost = if id == "soon" { "0.25" } else { "0.01" };
            let body = format!(
                r#"{{"data":{{"id":"{id}","status":"SUCCEEDED","finishedAt":"{finished}","usageTotalUsd":{cost}}}}}"#
            );
            Reply::json(body)
        })
        .dated(SOON_AFTER)
        .start();
    let place = Place::new();
    place.export(&server.url(), &["--wait-settled", "30s"]).exits(0);
    let when = |what: &str| {
        let arrivals = arrivals.lock().unwrap();
        arrivals
            .iter()
            .find(|(name, _)| name == what)
            .map(|(_, when)| *when)
            .unwrap()
    };
    assert!(
        when("soon") - when("list") >= Duration::from_millis(500),
        "it was asked for before it could have settled"
    );
    assert_eq!(details_asked(&server), ["soon", "too-late"]);
    let (states, usage) = (
        place.exported().by_id("cost_state"),
        place.exported().by_id("usage_total_usd"),
    );
    assert_eq!((&*states["soon"], &*usage["soon"]), ("settled", "0.25"));
    assert_eq!((&*states["too-late"], &*usage["too-late"]), ("provisional", "0.01"));
    assert_eq!((&*states["runs-on"], &*usage["runs-on"]), ("provisional", "0"));
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_run_that_has_run_again_while_it_was_waited_for_is_not_settled() {
    let finished = |at: &str, usd: &str| format!(r#""finishedAt":"{at}","usageTotalUsd":{usd}"#);
    let listed = finished("2025-09-30T23:55:00.200Z", "0");
    let all = vec![Run::new("again", at(1)).with(&format!(r#""actId":"actor",{listed}"#))];
    let now = finished("2025-10-01T00:04:59.000Z", "0.5");
    let body = format!(r#"{{"data":{{"id":"again","status":"SUCCEEDED",{now}}}}}"#);
    let server = Apify::of(all)
        .details(move |_| Reply::json(body.clone()))
        .dated(SOON_AFTER)
        .start();
    let place = Place::new();
    place.export(&server.url(), &["--wait-settled", "5s"]).exits(0);
    let row = place.exported().rows("runs.csv").remove(0);
    assert_eq!((&*row["usage_total_usd"], &*row["cost_state"]), ("0.5", "provisional"));
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn waiting_for_details_that_are_not_to_be_asked_for_is_refused_before_the_first_request() {
    let server = Apify::of(without_cost(1)).start();
    let done = Place::new().export(&server.url(), &["--details", "none", "--wait-settled", "15m"]);
    done.exits(2).says(&["--wait-settled", "--details none"]);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_dry_run_says_how_many_details_there_are_and_how_long_they_take_and_asks_none() {
    let mut all = without_cost(40);
    all.extend(runs(60, at(1000), 60_000));
    let server = Apify::of(all).start();
    let place = Place::new();
    let told = |more: &[&str]| -> Value {
        let done = place.export(
            &server.url(),
            &[&["--dry-run", "--json", "--detail-rate", "2"], more].concat(),
        );
        serde_json::from_str(&done.exits(0).stdout).unwrap()
    };
    // Forty that are missing, and at most forty that are compared.
    for (mode, details) in [("missing", 80), ("all", 100), ("none", 0)] {
        let told = told(&["--details", mode]);
        assert_eq!(told["details"], details, "{mode}");
        // At two a second, the first at once; handed out a little slower, so that the server never sees more.
        let least = told["least_seconds"].as_f64().unwrap();
        let exactly = (f64::from(details) - 1.0).max(0.0) / 2.0;
        assert!((exactly..=exactly * 1.1 + 0.1).contains(&least), "{mode}: {told}");
    }
    let done = place.export(&server.url(), &["--dry-run", "--detail-rate", "2"]);
    done.exits(0)
        .shows(&["100 runs in about 1 window", "about 80 details", "s at the rate limits"]);
    assert_eq!(details_asked(&server), [""; 0]);
    assert_eq!(place.names(), [""; 0]);
    // No more are compared than there are runs.
    let server = Apify::of(runs(7, at(1), 60_000)).start();
    let done = place.export(&server.url(), &["--dry-run", "--json"]);
    let told: Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    assert_eq!(told["details"], 7);
}

#[test]
fn an_id_that_means_another_endpoint_is_never_asked_for_and_the_token_stays_in_its_header() {
    let odd = [
        "..",
        "a/b",
        "a?b=c",
        "%2e%2e",
        "x#y",
        ".",
        "a/../../users/me",
        "z%2Fabort",
    ];
    let mut all: Vec<Run> = odd
        .iter()
        .enumerate()
        .map(|(n, id)| ended(id, at(n as i64), ""))
        .collect();
    all.push(ended("plain", at(99), ""));
    let server = Apify::of(all).details(|id| costs(id, "1")).start();
    let place = Place::new();
    let done = place.export(&server.url(), &[]);
    done.exits(0).says(&["the details of 8 runs could not be read"]);
    assert_eq!(details_asked(&server), ["plain"]);
    let known = [
        "/v2/actor-runs",
        "/v2/actor-runs/plain",
        "/v2/users/me",
        "/v2/users/me/limits",
        "/v2/users/me/usage/monthly",
        "/v2/actor-builds",
        "/v2/actors",
        "/v2/actor-tasks",
        "/v2/actors/actor",
    ];
    for request in server.requests() {
        assert!(known.contains(&request.path.as_str()), "{}", request.head);
        let (line, headers) = request.head.split_once("\r\n").unwrap();
        assert!(line.starts_with("GET ") && !line.contains(TOKEN), "{line}");
        assert!(headers.contains(&format!("Bearer {TOKEN}")), "{headers}");
    }
    assert_eq!(
        server
            .requests()
            .iter()
            .filter(|request| request.path == "/v2/users/me")
            .count(),
        1
    );
    assert_eq!(counts(&place)["failed"], 8);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_detail_without_a_finish_leaves_the_list_s_and_one_without_a_status_is_none() {
    let list = || {
        let just = r#","finishedAt":"2025-10-01T00:04:00.000Z","usageTotalUsd":0"#;
        vec![run("just", "SUCCEEDED", just), ended("odd", at(9), "")]
    };
    for finish in ["null", "\"soon\""] {
        let server = Apify::of(list())
            .details(move |id| {
                let (status, finish) = if id == "odd" {
                    ("", "null")
                } else {
                    ("SUCCEEDED", finish)
                };
                let body = format!(r#"{{"id":"{id}","status":"{status}","finishedAt":{finish},"usageTotalUsd":0.5}}"#);
                Reply::json(format!(r#"{{"data":{body}}}"#))
            })
            .dated(SOON_AFTER)
            .start();
        let place = Place::new();
        place.export(&server.url(), &["--retries", "0"]).exits(0);
        let rows = place.exported().rows("runs.csv");
        let row = rows.iter().find(|row| row["id"] == "just").unwrap();
        assert_eq!(
            (&*row["finished_at"], &*row["cost_state"], &*row["usage_total_usd"]),
            ("2025-10-01T00:04:00.000Z", "provisional", "0.5"),
            "{finish}"
        );
        assert_eq!(counts(&place)["failed_runs"], serde_json::json!(["odd"]));
        place.run(&["verify", "out"]).exits(0);
    }
}
