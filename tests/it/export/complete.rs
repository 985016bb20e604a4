//! Every run of the period is there, once, however the server lists them; or the job says that it can't show it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use crate::support::command::{Done, Exported, Place, export_args};
use crate::support::stand_in::{Account, Quirks, Reply, Request, Run, StandIn, Ties, instant, ms, runs};

const MINUTE: i64 = 60_000;

fn september() -> (i64, i64) {
    (ms("2025-09-01T00:00:00Z"), ms("2025-10-01T00:00:00Z"))
}

/// The IDs that an export of September must hold, in its order.
fn expected(runs: &[Run]) -> Vec<String> {
    let (from, to) = september();
    let mut runs: Vec<&Run> = runs.iter().filter(|run| (from..to).contains(&run.started)).collect();
    runs.sort_by_key(|run| (run.started, run.id.clone()));
    runs.into_iter().map(|run| run.id.clone()).collect()
}

/// Runs over the whole month and a little beyond, with a burst of ties in its middle.
fn busy(count: usize, tied: usize) -> Vec<Run> {
    let (from, to) = september();
    let mut all = runs(count, from - 5 * MINUTE, (to - from + 10 * MINUTE) / count as i64);
    let noon = ms("2025-09-15T12:00:00Z");
    all.extend((0..tied).map(|at| Run::new(format!("tie{at:014}"), noon)));
    for (name, at) in [
        ("first-of-all", from),
        ("last-of-all", to - 1),
        ("too-early", from - 1),
        ("too-late", to),
    ] {
        all.push(Run::new(name, at));
    }
    all
}

/// Exports an account, and expects exactly its runs of September, proven.
#[track_caller]
fn complete(account: Account, more: &[&str]) -> (Done, Exported, Place) {
    let place = Place::new();
    let wanted = expected(&account.runs);
    let server = StandIn::of(account);
    let done = place.export(&server.url(), more);
    done.exits(0);
    let exported = place.exported();
    assert_eq!(exported.ids(), wanted, "{done}");
    let proof = exported.json("manifest.json")["proof"].clone();
    assert_eq!(proof["proven"], true, "{proof}");
    assert_eq!(proof["fetched"], wanted.len() as u64, "{proof}");
    (done, exported, place)
}

#[test]
fn a_period_of_many_pages_is_read_whole_and_cut_at_its_edges() {
    let (done, exported, _place) = complete(
        Account {
            runs: busy(12_000, 300),
            ..Account::default()
        },
        &[],
    );
    // Of the even ones, 12,000 but those in the ten minutes at the edges; 300 ties; two of the four at the edges.
    done.shows(&[
        "Complete yes: 12,299 runs fetched, 12,299 counted by the API",
        "1–30 September 2025 (UTC)",
    ]);
    let proof = exported.json("manifest.json")["proof"].clone();
    assert_eq!(proof["counted"], proof["fetched"]);
    assert_eq!(proof["notes"].as_array().unwrap().len(), 0, "{proof}");
}

#[test]
fn requests_are_few_and_never_more_at_once_than_asked_for() {
    let place = Place::new();
    let all = busy(30_000, 0);
    let wanted = expected(&all).len();
    let server = StandIn::of(Account {
        runs: all,
        ..Account::default()
    });
    place
        .export(&server.url(), &["--concurrency", "4", "--no-names"])
        .exits(0);
    assert!(server.most_at_once() <= 4, "{}", server.most_at_once());
    let (requests, most) = (server.list_requests().len(), wanted.div_ceil(1000) * 105 / 100 + 12);
    assert!(
        requests <= most,
        "{requests} requests for {wanted} runs, at most {most}"
    );
    assert!(
        server
            .list_requests()
            .iter()
            .all(|request| request.query["limit"] == "1000")
    );
    assert!(
        server
            .list_requests()
            .iter()
            .all(|request| request.query["desc"] == "false")
    );
}

#[test]
fn bounds_that_turn_out_exclusive_lose_nothing() {
    for (after_is_exclusive, before_is_exclusive) in [(true, false), (false, true), (true, true)] {
        let quirks = Quirks {
            after_is_exclusive,
            before_is_exclusive,
            ..Quirks::default()
        };
        complete(
            Account {
                runs: busy(4000, 1500),
                quirks,
            },
            &["--concurrency", "2"],
        );
    }
}

#[test]
fn a_smaller_page_is_read_as_such_whether_the_server_says_so_or_not() {
    for (page_cap, silent_cap) in [(Some(100), None), (None, Some(100)), (Some(500), Some(77))] {
        let quirks = Quirks {
            page_cap,
            silent_cap,
            ..Quirks::default()
        };
        complete(
            Account {
                runs: busy(1500, 260),
                quirks,
            },
            &[],
        );
    }
}

#[test]
fn a_millisecond_of_more_than_a_page_is_read_whole_also_when_its_order_changes() {
    // Where `startedBefore` is ignored too, runs were lost once: what such a millisecond holds was not counted.
    let cases: [(Ties, &[&str]); 3] = [
        (Ties::Stable, &[]),
        (Ties::Alternating, &[]),
        (Ties::Alternating, &["startedBefore"]),
    ];
    for (ties, ignored) in cases {
        let quirks = Quirks {
            ties,
            ignored,
            ..Quirks::default()
        };
        complete(
            Account {
                runs: busy(500, 3210),
                quirks,
            },
            &[],
        );
    }
}

#[test]
fn a_server_that_ignores_started_before_is_read_all_the_same() {
    let quirks = Quirks {
        ignored: &["startedBefore"],
        ..Quirks::default()
    };
    complete(
        Account {
            runs: busy(5000, 50),
            quirks,
        },
        &["--concurrency", "3"],
    );
}

#[test]
fn a_short_list_serves_whatever_its_order_and_range() {
    let quirks = Quirks {
        ignored: &["startedAfter", "startedBefore", "desc"],
        ..Quirks::default()
    };
    let mut all = busy(300, 3);
    all.reverse();
    complete(Account { runs: all, quirks }, &[]);
}

#[test]
fn a_server_that_ignores_started_after_or_the_order_is_found_out() {
    let ignores_after = Quirks {
        ignored: &["startedAfter"],
        ..Quirks::default()
    };
    let place = Place::new();
    let server = StandIn::of(Account {
        runs: busy(5000, 0),
        quirks: ignores_after,
    });
    let done = place.export(&server.url(), &[]);
    done.exits(5).says(&[
        "startedAfter",
        "window 2025-09-01T00:00:00.000Z to",
        "nothing was published",
    ]);
    assert_eq!(place.names(), [""; 0]);

    let account = Account {
        runs: busy(5000, 0),
        ..Account::default()
    };
    let server = StandIn::start(move |request| {
        let mut turned = request.clone();
        turned.query.insert("desc".into(), "true".into());
        Reply::json(account.list(&turned))
    });
    place.export(&server.url(), &[]).exits(5).says(&["ascending order"]);
}

#[test]
fn a_status_filter_is_asked_of_the_server_and_held_to_where_it_is_ignored() {
    let mut all = busy(2500, 10);
    for (at, run) in all.iter_mut().enumerate() {
        run.status = ["SUCCEEDED", "FAILED", "TIMED-OUT"][at % 3].into();
    }
    let wanted: Vec<Run> = all.iter().filter(|run| run.status != "SUCCEEDED").cloned().collect();
    for ignored in [&[][..], &["status"]] {
        let place = Place::new();
        let quirks = Quirks {
            ignored,
            ..Quirks::default()
        };
        let server = StandIn::of(Account {
            runs: all.clone(),
            quirks,
        });
        place.export(&server.url(), &["--status", "FAILED,TIMED-OUT"]).exits(0);
        assert_eq!(place.exported().ids(), expected(&wanted));
        assert!(
            server
                .list_requests()
                .iter()
                .all(|request| request.query["status"] == "FAILED,TIMED-OUT")
        );
    }
}

#[test]
fn actors_and_tasks_are_filtered_here_after_all_is_counted() {
    let mut all = busy(2000, 0);
    for (at, run) in all.iter_mut().enumerate() {
        let (act, task) = (["a", "b", "c"][at % 3], ["s", "t"][at % 2]);
        run.rest = format!(r#""actId":"{act}","actorTaskId":"{task}","usageTotalUsd":1"#);
    }
    let wanted: Vec<Run> = all
        .iter()
        .filter(|run| !run.rest.contains(r#""actId":"b""#) && run.rest.contains(r#""actorTaskId":"t""#))
        .cloned()
        .collect();
    let (all_of_them, matching) = (expected(&all).len(), expected(&wanted).len());
    let place = Place::new();
    let server = StandIn::of(Account {
        runs: all,
        ..Account::default()
    });
    let done = place.export(&server.url(), &["--actor", "a,c", "--task", "t"]);
    done.exits(0).shows(&["match the filters", "--actor a,c --task t"]);
    assert_eq!(place.exported().ids(), expected(&wanted));
    let manifest = place.exported().json("manifest.json");
    assert_eq!(manifest["proof"]["fetched"], all_of_them as u64);
    assert_eq!(manifest["totals"]["runs"], matching as u64);
    assert_eq!(manifest["filters"]["actor"], serde_json::json!(["a", "c"]));
}

#[test]
fn an_item_that_is_listed_twice_is_there_once() {
    // As the official documentation's own example has it: two items, one ID.
    let (from, _) = september();
    let twice = vec![Run::new("HG7ML7M8z78YcAPEB", from), Run::new("HG7ML7M8z78YcAPEB", from)];
    let place = Place::new();
    let server = StandIn::of(Account {
        runs: twice,
        ..Account::default()
    });
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids(), ["HG7ML7M8z78YcAPEB"]);
    let notes = place.exported().json("manifest.json")["proof"]["notes"].clone();
    assert!(notes[0].as_str().unwrap().contains("more than once"), "{notes}");

    let quirks = Quirks {
        repeats_an_item: true,
        ..Quirks::default()
    };
    let place = Place::new();
    let all = busy(3000, 0);
    let wanted = expected(&all);
    let server = StandIn::of(Account { runs: all, quirks });
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids(), wanted);
}

/// Once, such a job ended with exit 5 where a page ended between the two items of a run.
#[test]
fn runs_that_are_listed_twice_are_there_once_wherever_a_page_ends() {
    let once = busy(1700, 0);
    let wanted = expected(&once);
    let again = once.iter().filter(|run| run.id != "first-of-all").cloned();
    let runs: Vec<Run> = once.iter().cloned().chain(again).collect();
    let server = StandIn::of(Account {
        runs,
        ..Account::default()
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids(), wanted);
    let notes = place.exported().json("manifest.json")["proof"]["notes"].to_string();
    assert!(!notes.contains("the whole period"), "{notes}");
}

#[test]
fn of_two_versions_of_a_run_the_ended_one_is_kept() {
    let (from, _) = september();
    let mut running = Run::new("resurrected", from).with(r#""actId":"a","usageTotalUsd":9"#);
    running.status = "RUNNING".into();
    let ended =
        Run::new("resurrected", from).with(r#""actId":"a","usageTotalUsd":2,"finishedAt":"2025-09-01T01:00:00.000Z""#);
    for versions in [vec![running.clone(), ended.clone()], vec![ended, running]] {
        let place = Place::new();
        let server = StandIn::of(Account {
            runs: versions,
            ..Account::default()
        });
        place.export(&server.url(), &[]).exits(0);
        let rows = place.exported().rows("runs.csv");
        assert_eq!(rows.len(), 1);
        assert_eq!((&*rows[0]["status"], &*rows[0]["usage_total_usd"]), ("SUCCEEDED", "2"));
    }
}

#[test]
fn a_run_that_two_windows_hold_is_there_once() {
    let mut all = busy(4000, 0);
    let (from, to) = september();
    for at in [from + 1000, from + (to - from) / 2, to - 1000] {
        all.push(Run::new("wanderer", at));
    }
    let place = Place::new();
    let wanted = expected(&all).len() - 2;
    let server = StandIn::of(Account {
        runs: all,
        ..Account::default()
    });
    place.export(&server.url(), &["--concurrency", "2"]).exits(0);
    let ids = place.exported().ids();
    assert_eq!(ids.len(), wanted);
    assert_eq!(ids.iter().filter(|id| *id == "wanderer").count(), 1);
    let proof = place.exported().json("manifest.json")["proof"].clone();
    assert_eq!(
        (&proof["counted"], &proof["fetched"]),
        (&(wanted + 2).into(), &wanted.into())
    );
    assert!(proof["notes"].to_string().contains("with two start times"), "{proof}");
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_total_that_promises_more_than_there_is_ends_the_job_unless_that_is_allowed() {
    let quirks = Quirks {
        total_off_by: 3,
        ..Quirks::default()
    };
    let account = Account {
        runs: busy(2500, 0),
        quirks,
    };
    let wanted = expected(&account.runs);
    let place = Place::new();
    let server = StandIn::of(account);
    let done = place.export(&server.url(), &[]);
    done.exits(5).says(&[
        "window 2025-09-",
        "the API counts",
        "were received in 3 attempts",
        "nothing was published",
    ]);
    assert_eq!(place.names(), [""; 0]);

    let done = place.export(&server.url(), &["--allow-incomplete"]);
    done.exits(7)
        .says(&["INCOMPLETE"])
        .shows(&["Complete NO", "at least $"]);
    let exported = place.exported();
    assert_eq!(exported.ids(), wanted);
    let manifest = exported.json("manifest.json");
    assert_eq!(manifest["proof"]["proven"], false);
    assert!(
        manifest["proof"]["counted"].as_u64() > manifest["proof"]["fetched"].as_u64(),
        "{manifest}"
    );
    assert!(exported.text("report.md").contains("INCOMPLETE"));
    assert!(
        exported.json("report.json")["caveats"][0]
            .as_str()
            .unwrap()
            .starts_with("INCOMPLETE")
    );
}

#[test]
fn a_total_that_promises_less_is_noted_and_everything_is_there() {
    let quirks = Quirks {
        total_off_by: -7,
        ..Quirks::default()
    };
    let account = Account {
        runs: busy(2500, 0),
        quirks,
    };
    let wanted = expected(&account.runs);
    let place = Place::new();
    let server = StandIn::of(account);
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids(), wanted);
    let manifest = place.exported().json("manifest.json");
    assert!(
        manifest["proof"]["notes"][0]
            .as_str()
            .unwrap()
            .contains("deleted or added"),
        "{manifest}"
    );
    assert_eq!(manifest["caveats"].as_array().unwrap().len(), 1, "{manifest}");
    place
        .export(&server.url(), &["--strict", "--replace"])
        .exits(7)
        .says(&["--strict"]);
}

/// A server whose account changes behind the reader's back, after each answer; and what is left of its runs.
fn changing(
    runs: Vec<Run>,
    change: impl Fn(&Request, &mut Vec<Run>) + Send + Sync + 'static,
) -> (StandIn, Arc<Mutex<Vec<Run>>>) {
    let left = Arc::new(Mutex::new(runs));
    let runs = left.clone();
    let server = StandIn::start(move |request| {
        let mut runs = runs.lock().unwrap();
        let account = Account {
            runs: runs.clone(),
            ..Account::default()
        };
        change(request, &mut runs);
        Reply::json(account.list(request))
    });
    (server, left)
}

/// Exports it, and expects all that lived throughout.
#[track_caller]
fn holds_what_lived_throughout(server: &StandIn, left: &Mutex<Vec<Run>>, more: &[&str]) -> Place {
    let place = Place::new();
    place.export(&server.url(), more).exits(0);
    let ids = place.exported().ids();
    for id in expected(&left.lock().unwrap()) {
        assert!(ids.contains(&id), "{id} lived throughout and is missing");
    }
    place
}

#[test]
fn runs_that_are_deleted_while_the_period_is_read_cost_no_other_run() {
    let mut all = busy(4000, 0);
    all.sort_by_key(|run| run.started);
    // The earliest go, by which an offset would skip, and some that are not read yet.
    let (server, left) = changing(all, |_, runs| {
        runs.drain(..5);
        let late = runs.len() - 500;
        runs.drain(late..late + 3);
    });
    let place = holds_what_lived_throughout(&server, &left, &["--concurrency", "1"]);
    let manifest = place.exported().json("manifest.json");
    assert_eq!(manifest["proof"]["proven"], true);
    assert!(!manifest["proof"]["notes"].as_array().unwrap().is_empty(), "{manifest}");
    let caveat = manifest["caveats"][0].as_str().unwrap();
    assert!(caveat.contains("deleted or added"), "{caveat}");
}

#[test]
fn a_query_that_is_too_heavy_is_halved_until_it_is_answered() {
    let account = Account {
        runs: busy(6000, 1200),
        ..Account::default()
    };
    let wanted = expected(&account.runs);
    let refused = AtomicUsize::new(0);
    let server = StandIn::start(move |request| {
        let length = ms(&request.query["startedBefore"]) - ms(&request.query["startedAfter"]);
        if length > 4 * 24 * 60 * MINUTE {
            refused.fetch_add(1, Ordering::SeqCst);
            return Reply::error(503, "query-timeout", "The query took too long.");
        }
        Reply::json(account.list(request))
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids(), wanted);
    assert_eq!(place.exported().json("manifest.json")["proof"]["proven"], true);
}

#[test]
fn an_empty_period_is_an_export_too() {
    let (done, exported, place) = complete(Account::default(), &["--partition-by", "day"]);
    done.shows(&["0 runs fetched, 0 counted by the API"]);
    assert_eq!(
        exported.json("manifest.json")["totals"]["usage_total_usd"],
        serde_json::Value::Null
    );
    assert!(exported.out.join("runs/started_on=2025-09-01/runs.parquet").is_file());
    assert_eq!(exported.text("runs.csv").lines().count(), 1);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_period_that_is_not_over_is_cut_at_the_server_s_clock() {
    let account = Account {
        runs: busy(3000, 0),
        ..Account::default()
    };
    let now = ms("2025-09-15T12:30:15Z");
    let wanted: Vec<Run> = account.runs.iter().filter(|run| run.started < now).cloned().collect();
    let server = StandIn::start(move |request| {
        let date = vec![("Date", "Mon, 15 Sep 2025 12:30:15 GMT".into())];
        Reply::Answer(200, date, account.list(request).into_bytes())
    });
    let place = Place::new();
    let done = place.run_at("2025-09-15T12:30:15Z", &export_args(&server.url(), &[]));
    done.exits(0).shows(&["so far until 2025-09-15T12:30:15Z"]);
    assert_eq!(place.exported().ids(), expected(&wanted));
    let manifest = place.exported().json("manifest.json");
    assert_eq!(manifest["queried_at"], "2025-09-15T12:30:15.000Z");
    assert_eq!(manifest["period"]["to"], "2025-09-15T12:30:15.000Z");
    assert_eq!(manifest["period"]["requested_to"], "2025-10-01T00:00:00.000Z");
}

#[test]
fn a_month_in_a_time_zone_begins_and_ends_with_its_own_midnights() {
    // Prague puts its clock back on 2025-10-26: the month begins at 22:00 UTC and ends at 23:00 UTC.
    let inside = [ms("2025-09-30T22:00:00Z"), ms("2025-10-31T22:59:59.999Z")];
    let outside = [ms("2025-09-30T21:59:59.999Z"), ms("2025-10-31T23:00:00Z")];
    let all = inside
        .iter()
        .chain(&outside)
        .map(|at| Run::new(instant(*at), *at))
        .collect();
    let server = StandIn::of(Account {
        runs: all,
        ..Account::default()
    });
    let place = Place::new();
    let args = [
        "export",
        "--month",
        "2025-10",
        "--timezone",
        "Europe/Prague",
        "--out",
        "out",
        "--api-url",
    ];
    let done = place.run_at("2025-11-05T00:00:00Z", &[&args[..], &[&server.url()]].concat());
    done.exits(0).shows(&["1–31 October 2025 (Europe/Prague)"]);
    assert_eq!(place.exported().ids(), inside.map(instant));
    let days: Vec<_> = place
        .exported()
        .rows("cost_by_day.csv")
        .iter()
        .map(|row| row["day"].clone())
        .collect();
    assert_eq!(days, ["2025-10-01", "2025-10-31"]);
}

#[test]
fn a_tie_that_shrinks_while_it_is_read_hides_no_run_that_lives() {
    let (from, _) = september();
    let noon = ms("2025-09-15T12:00:00Z");
    let mut all = runs(500, from, MINUTE);
    all.extend((0..2003).map(|at| Run::new(format!("tie{at:014}"), noon)));
    let late = runs(5000, noon + MINUTE, 1000).into_iter();
    all.extend(late.map(|run| Run::new(format!("late-{}", run.id), run.started)));
    // The first of the ties goes once the first page of them alone has been read: the next page skips one.
    let (server, left) = changing(all, |request, runs| {
        let is_tie = request.query["startedAfter"] == request.query["startedBefore"];
        if is_tie && !request.query.contains_key("offset") {
            runs.retain(|run| run.id != format!("tie{:014}", 0));
        }
    });
    holds_what_lived_throughout(&server, &left, &[]);
}

#[test]
fn a_tie_is_read_to_its_end_also_where_its_total_is_too_low() {
    let quirks = Quirks {
        total_off_by: -7,
        ..Quirks::default()
    };
    let account = Account {
        runs: busy(500, 2003),
        quirks,
    };
    let wanted = expected(&account.runs);
    let place = Place::new();
    place.export(&StandIn::of(account).url(), &[]).exits(0);
    assert_eq!(place.exported().ids(), wanted);
}

#[test]
fn a_total_beyond_all_measure_is_no_answer() {
    for total in ["18446744073709551615", "9000000000000000000"] {
        let server = StandIn::start(move |_| Reply::json(format!(r#"{{"data":{{"total":{total},"items":[]}}}}"#)));
        let place = Place::new();
        place
            .export(&server.url(), &["--retries", "0"])
            .exits(5)
            .says(&["total"]);
    }
}

#[test]
fn a_server_that_gives_the_same_answer_to_everything_is_given_up_soon() {
    let (from, _) = september();
    for total in [3, 100, 1_000_000] {
        let account = Account {
            runs: vec![Run::new("only", from)],
            quirks: Quirks {
                ignored: &["startedAfter", "startedBefore", "offset", "desc"],
                total_off_by: total,
                ..Quirks::default()
            },
        };
        let server = StandIn::of(account);
        Place::new().export(&server.url(), &[]).exits(5);
        assert!(server.list_requests().len() < 100, "{}", server.list_requests().len());
    }
}

#[test]
fn runs_that_come_into_what_has_been_read_are_noted_and_cost_nothing() {
    let all = busy(20_000, 0);
    let mut wanted = expected(&all);
    wanted.retain(|id| !id.ends_with("19000"));
    let (from, _) = september();
    let server = StandIn::start(move |request| {
        let mut account = Account {
            runs: all.clone(),
            ..Account::default()
        };
        // As when a status changes to one that is asked for: late, at a start long past, while others are deleted.
        if request.number > 1 {
            account.runs.retain(|run| !run.id.ends_with("19000"));
        }
        if request.number > 10 {
            account.runs.push(Run::new("late-comer", from + 500));
        }
        Reply::json(account.list(request))
    });
    let place = Place::new();
    place.export(&server.url(), &["--concurrency", "1"]).exits(0);
    assert_eq!(place.exported().ids(), wanted);
    let manifest = place.exported().json("manifest.json");
    assert!(
        manifest["proof"]["notes"]
            .to_string()
            .contains("1 added after it was read"),
        "{manifest}"
    );
    assert!(
        manifest["caveats"][0].as_str().unwrap().contains("deleted or added"),
        "{manifest}"
    );
}

#[test]
fn runs_that_are_counted_and_listed_in_no_window_end_the_job() {
    let account = Account {
        runs: busy(20_000, 0),
        ..Account::default()
    };
    let whole = ms("2025-09-20T00:00:00Z") - ms("2025-09-01T00:00:00Z");
    let server = StandIn::start(move |request| {
        let mut account = account.clone();
        let length = ms(&request.query["startedBefore"]) - ms(&request.query["startedAfter"]);
        account.quirks.total_off_by = if length > whole { 5 } else { 0 };
        Reply::json(account.list(request))
    });
    let place = Place::new();
    place
        .export(&server.url(), &[])
        .exits(5)
        .says(&["the whole period", "although each window received as many"]);
}

#[test]
fn a_late_run_on_the_edge_of_two_windows_does_not_stand_for_one_that_is_listed_nowhere() {
    let account = Account {
        runs: busy(20_000, 0),
        quirks: Quirks {
            page_cap: Some(100),
            ..Quirks::default()
        },
    };
    let whole = ms("2025-09-20T00:00:00Z") - ms("2025-09-01T00:00:00Z");
    let edge = Mutex::new(None);
    let server = StandIn::start(move |request| {
        let (mut account, mut edge) = (account.clone(), edge.lock().unwrap());
        let before = ms(&request.query["startedBefore"]);
        if request.number == 5 {
            // Where the first window has been cut, and the second begins.
            *edge = Some(before);
        }
        if request.number > 60 {
            account.runs.push(Run::new("on-the-edge", edge.unwrap()));
        }
        let is_whole = before - ms(&request.query["startedAfter"]) > whole;
        account.quirks.total_off_by = isize::from(is_whole);
        Reply::json(account.list(request))
    });
    let place = Place::new();
    let done = place.export(&server.url(), &["--concurrency", "1"]);
    done.exits(5)
        .says(&["the whole period", "although each window received as many"]);
}

#[test]
fn large_fields_that_nobody_knows_cost_requests_and_not_memory() {
    let (from, _) = september();
    let blob = "x".repeat(30_000);
    let all: Vec<Run> = runs(3000, from, MINUTE)
        .into_iter()
        .map(|run| Run {
            rest: format!(r#"{},"blob":"{blob}""#, run.rest),
            ..run
        })
        .collect();
    let wanted = expected(&all);
    let place = Place::new();
    place
        .export(
            &StandIn::of(Account {
                runs: all,
                quirks: Quirks::default(),
            })
            .url(),
            &[],
        )
        .exits(0);
    assert_eq!(place.exported().ids(), wanted);
}

#[test]
fn every_form_of_a_period_is_meant_by_the_server_s_clock() {
    // 2025-10-03T06:00:00Z by the server; in Auckland that is still the 3rd, and its September began on 31 August at noon UTC.
    let forms: [(&[&str], &str, &str); 5] = [
        (&["--last", "7d"], "2025-09-26T06:00:00Z", "2025-10-03T06:00:00Z"),
        (&["--last-month"], "2025-09-01T00:00:00Z", "2025-10-01T00:00:00Z"),
        (
            &["--last-month", "--timezone", "Pacific/Auckland"],
            "2025-08-31T12:00:00Z",
            "2025-09-30T11:00:00Z",
        ),
        (
            &["--from", "2025-09-03", "--to", "2025-09-05"],
            "2025-09-03T00:00:00Z",
            "2025-09-05T00:00:00Z",
        ),
        (
            &[
                "--from",
                "2025-09-03T06:00:00+02:00",
                "--to",
                "2025-09-03T04:00:00.0005Z",
            ],
            "2025-09-03T04:00:00Z",
            "2025-09-03T04:00:00.001Z",
        ),
    ];
    for (form, from, to) in forms {
        let edges = [ms(from) - 1, ms(from), ms(to) - 1, ms(to)];
        let mut all: Vec<Run> = edges.iter().map(|at| Run::new(instant(*at), *at)).collect();
        all.dedup_by_key(|run| run.started);
        let wanted: Vec<String> = all[1..all.len() - 1].iter().map(|run| run.id.clone()).collect();
        let account = Account {
            runs: all,
            ..Account::default()
        };
        let server = StandIn::start(move |request| {
            let date = vec![("Date", "Fri, 03 Oct 2025 06:00:00 GMT".into())];
            Reply::Answer(200, date, account.list(request).into_bytes())
        });
        let place = Place::new();
        let url = server.url();
        place
            .run(&[&["export", "--out", "out", "--rate", "0", "--api-url", &url], form].concat())
            .exits(0);
        assert_eq!(place.exported().ids(), wanted, "{form:?}");
    }
}

#[test]
fn requests_are_paced_at_the_rate_that_was_asked_for() {
    let (from, _) = september();
    let server = StandIn::of(Account {
        runs: runs(4000, from, MINUTE),
        ..Account::default()
    });
    let place = Place::new();
    let began = std::time::Instant::now();
    // Details have a rate of their own.
    let options = ["--rate", "10", "--no-names", "--details", "none"];
    place.export(&server.url(), &options).exits(0);
    let requests = server.requests().len() as u32;
    let least = std::time::Duration::from_millis(100) * (requests - 1);
    assert!(began.elapsed() >= least, "{requests} requests in {:?}", began.elapsed());
}

/// Runs in clusters, many in one millisecond, some on the edges.
fn clustered() -> impl Strategy<Value = Vec<Run>> {
    let (from, to) = september();
    let cluster = (
        from - 2..=to + 1,
        1usize..60,
        prop_oneof![Just(0i64), Just(1), Just(7919), Just(86_400_000)],
    );
    let edges = prop::sample::subsequence(vec![from - 1, from, to - 1, to], 0..=4);
    (prop::collection::vec(cluster, 0..9), edges).prop_map(|(clusters, edges)| {
        let mut all = Vec::new();
        for (at, (start, count, step)) in clusters.into_iter().enumerate() {
            all.extend((0..count).map(|run| Run::new(format!("c{at}r{run:03}"), start + run as i64 * step)));
        }
        all.extend(edges.into_iter().map(|at| Run::new(format!("edge{at}"), at)));
        all
    })
}

fn quirks() -> impl Strategy<Value = Quirks> {
    let caps = (prop::option::of(3usize..40), prop::option::of(3usize..40));
    let ties = prop_oneof![Just(Ties::Stable), Just(Ties::Alternating)];
    (any::<bool>(), any::<bool>(), caps, ties, any::<bool>()).prop_map(
        |(after_is_exclusive, before_is_exclusive, (page_cap, silent_cap), ties, ignores_before)| Quirks {
            after_is_exclusive,
            before_is_exclusive,
            ignored: if ignores_before { &["startedBefore"] } else { &[] },
            page_cap,
            silent_cap,
            // Both at once, with more ties than fit a page, is more than the walk copes with: it says so and exits 5.
            ties: if ignores_before { Ties::Stable } else { ties },
            ..Quirks::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_account_and_however_it_is_listed_each_run_is_there_once(
        all in clustered(), quirks in quirks(), concurrency in 1u8..9,
        // On a long way to the server more windows are read at once.
        way_ms in prop::sample::select(vec![0, 0, 0, 15]),
    ) {
        let place = Place::new();
        let wanted = expected(&all);
        let account = Account { runs: all, quirks };
        let server = StandIn::start(move |request| {
            std::thread::sleep(Duration::from_millis(way_ms));
            Reply::json(account.list(request))
        });
        // Names of single Actors have a lane of their own, as details do.
        let concurrency_text = concurrency.to_string();
        let options = ["--concurrency", &concurrency_text, "--no-names", "--details", "none", "--quiet"];
        let done = place.export(&server.url(), &options);
        prop_assert_eq!(done.code, Some(0), "{}", done);
        prop_assert_eq!(place.exported().ids(), wanted);
        prop_assert_eq!(&place.exported().json("manifest.json")["proof"]["proven"], &serde_json::Value::Bool(true));
        prop_assert!(server.most_at_once() <= concurrency.into());
    }
}

#[test]
fn a_tie_whose_count_lies_and_whose_pages_repeat_each_other_ends() {
    let (from, _) = september();
    let halves = [0, 100].map(|first| Account {
        runs: (first..first + 100)
            .map(|at| Run::new(format!("tie{at:014}"), from + 5))
            .collect(),
        quirks: Quirks {
            page_cap: Some(100),
            ..Quirks::default()
        },
    });
    // Thousands are asked for, of a few kinds.
    let known: Mutex<BTreeMap<_, String>> = Mutex::default();
    let server = StandIn::start(move |request| {
        let half = usize::from(request.query.contains_key("offset"));
        let mut request = request.clone();
        request.query.remove("offset");
        let list = || {
            let page = halves[half].list(&request);
            page.replacen("\"total\":100", "\"total\":900000000000", 1)
        };
        let mut known = known.lock().unwrap();
        let page = known.entry((half, request.query.clone())).or_insert_with(list);
        Reply::json(page.clone())
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(5);
    assert!(server.requests().len() < 10_000, "{}", server.requests().len());
}

#[test]
fn the_total_in_an_answer_s_head_is_a_second_witness_and_a_contradiction_is_noted_in_the_proof() {
    let notes = |head_total: fn(u64) -> String| {
        let account = Account {
            runs: busy(2500, 0),
            ..Account::default()
        };
        let server = StandIn::start(move |request| {
            let body = account.list(request);
            let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
            let total = answer["data"]["total"].as_u64().unwrap();
            let head = vec![("X-Apify-Pagination-Total", head_total(total))];
            Reply::Answer(200, head, body.into_bytes())
        });
        let place = Place::new();
        place.export(&server.url(), &[]).exits(0);
        let proof = place.exported().json("manifest.json")["proof"].clone();
        assert_eq!(proof["proven"], true, "{proof}");
        proof["notes"].to_string()
    };
    for agreeing in [|total: u64| total.to_string(), |_: u64| "many".to_string()] {
        assert_eq!(notes(agreeing), "[]");
    }
    let more = notes(|total| (total + 1).to_string());
    assert!(more.contains("in its headers (X-Apify-Pagination-Total)"), "{more}");
}
