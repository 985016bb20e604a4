//! What the API can do wrong, and what comes of it: another attempt, or the exit code that the table promises, with what was
//! asked and what to do. Nothing is ever published then.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::command::{Done, Place, export_args};
use crate::support::stand_in::{Account, Reply, Run, StandIn, TOKEN, envelope, ms, runs};

fn account() -> Account {
    Account {
        runs: runs(2500, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    }
}

/// A server of which the first answers are other ones than those of its account.
fn failing_first(count: usize, reply: impl Fn() -> Reply + Send + Sync + 'static) -> StandIn {
    let account = account();
    StandIn::start(move |request| {
        if request.number < count {
            reply()
        } else {
            Reply::json(account.list(request))
        }
    })
}

/// Exports from a server that never answers otherwise; nothing may be there afterwards.
#[track_caller]
fn export_from(reply: impl Fn() -> Reply + Send + Sync + 'static, more: &[&str]) -> (Done, StandIn) {
    let server = StandIn::start(move |_| reply());
    let place = Place::new();
    let done = place.export(&server.url(), more);
    assert_eq!(place.names(), [""; 0], "{done}");
    (done, server)
}

#[test]
fn passing_failures_are_tried_again_and_leave_no_trace_in_the_data() {
    type Make = fn() -> Reply;
    let failures: [(&str, Make); 9] = [
        ("429", || Reply::error(429, "rate-limit-exceeded", "Slow down.")),
        ("408", || Reply::error(408, "request-timeout", "Again.")),
        ("500", || Reply::error(500, "internal-error", "Oops.")),
        ("502 in HTML", || {
            let html = b"<html><body>Bad gateway</body></html>".to_vec();
            Reply::Answer(502, vec![("Retry-After", "0".into())], html)
        }),
        ("cut off", || {
            Reply::CutOff(r#"{"data":{"total":1,"items":[{"id":"x","#.into())
        }),
        ("reset", || Reply::Reset),
        ("HTML with 200", || {
            Reply::Answer(200, vec![], b"<html>Welcome</html>".to_vec())
        }),
        ("no total", || Reply::json(r#"{"data":{"items":[]}}"#.into())),
        ("bad gzip", || {
            Reply::Answer(
                200,
                vec![("Content-Encoding", "gzip".into())],
                b"\x1f\x8bnonsense".to_vec(),
            )
        }),
    ];
    for (name, reply) in failures {
        let server = failing_first(1, reply);
        let place = Place::new();
        let done = place.export(&server.url(), &["--retries", "1"]);
        assert_eq!(done.code, Some(0), "{name}\n{done}");
        assert_eq!(place.exported().ids().len(), 2500, "{name}");
        let requests = place.exported().json("manifest.json")["requests"].clone();
        assert_eq!(requests["retries"], 1, "{name}: {requests}");
        assert_eq!(requests["rate_limited"], u64::from(name == "429"), "{name}");
    }
}

#[test]
fn a_server_that_keeps_failing_is_exit_4_and_the_error_says_all() {
    let (done, server) = export_from(
        || Reply::error(500, "internal-error", "Out of order."),
        &["--retries", "3"],
    );
    done.exits(4).says(&[
        "/v2/actor-runs?limit=1000&desc=false&startedAfter=2025-08-31",
        "4 times in",
        "500 Internal Server Error internal-error: Out of order.",
        "nothing was published",
        "was not changed",
        "safe to run again",
    ]);
    assert_eq!(server.list_requests().len(), 4);

    let (done, _) = export_from(
        || Reply::error(429, "rate-limit-exceeded", "Slow down."),
        &["--retries", "2"],
    );
    done.exits(4).says(&["429", "rate-limit-exceeded"]);
    let (done, _) = export_from(|| Reply::Answer(200, vec![], b"<html>".to_vec()), &["--retries", "0"]);
    done.exits(5)
        .says(&["200 OK, but the body is not a list of runs", "it is an HTML page"]);
}

#[test]
fn a_server_that_is_not_there_or_never_answers_is_exit_4() {
    let place = Place::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let done = place.export(&format!("http://{nobody}"), &["--retries", "1"]);
    done.exits(4).says(&["cannot connect", "refused", "2 times"]);
    let (done, _) = export_from(|| Reply::Stall, &["--retries", "0", "--timeout", "300ms"]);
    done.exits(4).says(&["no complete answer within 300ms"]);
}

#[test]
fn a_failure_in_the_middle_leaves_nothing_behind() {
    let account = account();
    let server = StandIn::start(move |request| match request.number {
        0..2 => Reply::json(account.list(request)),
        _ => Reply::error(500, "internal-error", "Oops."),
    });
    let place = Place::new();
    place
        .export(&server.url(), &["--retries", "1"])
        .exits(4)
        .says(&["nothing was published"]);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_429_slows_every_request_and_not_just_the_one_that_met_it() {
    let account = account();
    let (limited, early) = (AtomicUsize::new(0), std::sync::Arc::new(AtomicUsize::new(0)));
    let began = std::sync::Mutex::new(None::<std::time::Instant>);
    let seen = early.clone();
    let server = StandIn::start(move |request| {
        let mut began = began.lock().unwrap();
        if request.number == 3 && limited.fetch_add(1, Ordering::SeqCst) == 0 {
            *began = Some(std::time::Instant::now());
            return Reply::Answer(429, vec![("Retry-After", "1".into())], Vec::new());
        }
        // Those that were under way already come within moments; none else may for a second.
        if let Some(at) = *began
            && (100..900).contains(&at.elapsed().as_millis())
        {
            seen.fetch_add(1, Ordering::SeqCst);
        }
        Reply::json(account.list(request))
    });
    let place = Place::new();
    place.export(&server.url(), &["--concurrency", "4"]).exits(0);
    assert_eq!(place.exported().json("manifest.json")["requests"]["rate_limited"], 1);
    assert_eq!(early.load(Ordering::SeqCst), 0);
}

#[test]
fn a_refused_token_is_exit_3_at_once() {
    for (status, kind) in [(401, "user-or-token-not-found"), (403, "insufficient-permissions")] {
        let (done, server) = export_from(move || Reply::error(status, kind, "No entry."), &[]);
        done.exits(3).says(&[kind, "No entry."]);
        assert_eq!(server.list_requests().len(), 1);
    }
}

#[test]
fn what_the_api_calls_wrong_is_exit_1_in_its_own_words() {
    for (status, kind) in [(400, "invalid-value"), (404, "page-not-found")] {
        let (done, server) = export_from(move || Reply::error(status, kind, "Not like this."), &[]);
        done.exits(1).says(&[kind, "Not like this."]);
        assert_eq!(server.list_requests().len(), 1);
    }
}

#[test]
fn no_token_is_exit_3_and_the_ways_to_give_one_are_named() {
    let place = Place::new();
    let mut command = place.command(&["export", "--last-month"]);
    let done = crate::support::command::done(command.env_remove("APIFY_TOKEN"));
    done.exits(3)
        .says(&["APIFY_TOKEN", "--token-file", "~/.apify/auth.json", "--demo"]);
    assert_eq!(done.stderr.lines().count(), 1, "{done}");
}

#[test]
fn the_official_cli_s_login_and_a_token_file_serve_too() {
    let server = StandIn::of(account());
    let place = Place::new();
    std::fs::create_dir(place.path(".apify")).unwrap();
    std::fs::write(place.path(".apify/auth.json"), format!(r#"{{"token":"{TOKEN}"}}"#)).unwrap();
    let url = server.url();
    let args = crate::support::command::export_args(&url, &[]);
    crate::support::command::done(place.command(&args).env_remove("APIFY_TOKEN")).exits(0);
    std::fs::write(place.path("token"), "another-token\n").unwrap();
    place.export(&server.url(), &["--token-file", "token"]).exits(0);
    let bearers: Vec<_> = server.list_requests().into_iter().map(|request| request.head).collect();
    assert!(
        bearers[0]
            .to_lowercase()
            .contains(&format!("authorization: bearer {TOKEN}").to_lowercase())
    );
    assert!(bearers.last().unwrap().contains("Bearer another-token"));
}

/// A server that lists two good runs and an item of this text.
fn with_item(item: &'static str) -> StandIn {
    StandIn::start(move |_| {
        let good = |id: &str| {
            format!(
                r#"{{"id":"{id}","actId":"a","status":"S","startedAt":"2025-09-02T00:00:00.000Z","usageTotalUsd":1}}"#
            )
        };
        Reply::json(envelope(3, 0, 1000, &[good("good1"), item.into(), good("good2")]))
    })
}

#[test]
fn a_run_that_makes_no_sense_is_asked_for_once_more_and_then_exit_5() {
    let items = [
        (
            "id",
            r#"{"actId":"a","status":"S","startedAt":"2025-09-02T00:00:00.000Z"}"#,
        ),
        (
            "id",
            r#"{"id":null,"actId":"a","status":"S","startedAt":"2025-09-02T00:00:00.000Z"}"#,
        ),
        (
            "actId",
            r#"{"id":"bad","status":"S","startedAt":"2025-09-02T00:00:00.000Z"}"#,
        ),
        (
            "status",
            r#"{"id":"bad","actId":"a","status":7,"startedAt":"2025-09-02T00:00:00.000Z"}"#,
        ),
        ("startedAt", r#"{"id":"bad","actId":"a","status":"S"}"#),
        (
            "startedAt",
            r#"{"id":"bad","actId":"a","status":"S","startedAt":"yesterday"}"#,
        ),
        (
            "usageTotalUsd",
            r#"{"id":"bad","actId":"a","status":"S","startedAt":"2025-09-02T00:00:00.000Z","usageTotalUsd":"abc"}"#,
        ),
        (
            "usageTotalUsd",
            r#"{"id":"bad","actId":"a","status":"S","startedAt":"2025-09-02T00:00:00.000Z","usageTotalUsd":true}"#,
        ),
        (
            "usageTotalUsd",
            r#"{"id":"bad","actId":"a","status":"S","startedAt":"2025-09-02T00:00:00.000Z","usageTotalUsd":1e20}"#,
        ),
        ("item", r#""a text""#),
        ("item", "null"),
        ("item", "[1,{}]"),
        ("item", "-1.5e3"),
    ];
    for (field, item) in items {
        let server = with_item(item);
        let place = Place::new();
        let done = place.export(&server.url(), &[]);
        done.exits(5)
            .says(&[&format!(" {field} is"), "between 2025-08-31", "nothing was published"]);
        if item.contains(r#""id":"bad""#) {
            done.says(&["run bad"]);
        }
        assert_eq!(server.list_requests().len(), 2, "{item}");
        assert_eq!(place.names(), [""; 0], "{item}");

        let done = place.export(&server.url(), &["--allow-incomplete"]);
        done.exits(7).shows(&["at least $2.00"]);
        let exported = place.exported();
        assert_eq!(exported.ids(), ["good1", "good2"], "{item}");
        assert_eq!(exported.text("rejected.jsonl"), format!("{item}\n"));
        let manifest = exported.json("manifest.json");
        assert_eq!(
            (&manifest["runs_rejected"], &manifest["proof"]["proven"]),
            (&1.into(), &false.into())
        );
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn a_run_that_only_briefly_makes_no_sense_is_there_in_the_end() {
    let server = StandIn::start(|request| {
        let start = if request.number == 0 {
            ""
        } else {
            r#","startedAt":"2025-09-02T00:00:00.000Z""#
        };
        let item = format!(r#"{{"id":"brand-new","actId":"a","status":"READY"{start}}}"#);
        Reply::json(envelope(1, 0, 1000, &[item]))
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids(), ["brand-new"]);
}

#[test]
fn a_redirect_takes_the_token_to_no_other_host() {
    let elsewhere = StandIn::of(account());
    let target = format!("{}/v2/actor-runs", elsewhere.url());
    let server = StandIn::start_raw(move |_| Reply::Answer(302, vec![("Location", target.clone())], Vec::new()));
    let place = Place::new();
    place
        .export(&server.url(), &[])
        .exits(4)
        .says(&["redirect", "--api-url"]);
    assert_eq!(elsewhere.requests().len(), 0);
}

/// 65 MiB of blanks in some kilobytes.
fn bomb() -> Reply {
    let blanks = zstd::encode_all(std::io::Read::take(std::io::repeat(b' '), 65 << 20), 1).unwrap();
    Reply::Answer(200, vec![("Content-Encoding", "zstd".into())], blanks)
}

/// What a server was asked for with `limit`, in order.
fn limits(server: &StandIn) -> Vec<String> {
    let requests = server
        .requests()
        .into_iter()
        .filter(|request| request.path == "/v2/actor-runs");
    requests.map(|request| request.query["limit"].clone()).collect()
}

#[test]
fn a_body_beyond_all_measure_is_asked_for_with_less_in_it_and_not_as_it_was() {
    let (done, server) = export_from(bomb, &[]);
    done.exits(5)
        .says(&["64 MiB", "number 1 from the earliest", "2025-08-31T23:59:59.999Z"]);
    assert_eq!(
        limits(&server),
        ["1000", "500", "250", "125", "62", "31", "15", "7", "3", "1"]
    );
}

/// Runs of 400 kB each, of which most start in one millisecond.
fn large_runs() -> Account {
    let blanks = " ".repeat(400_000);
    let large = |at: usize| {
        let minute = at.min(100) as i64;
        let run = Run::new(format!("run{at:03}"), ms("2025-09-01T00:00:00Z") + minute * 60_000);
        let rest = format!("{}{blanks}", run.rest);
        run.with(&rest)
    };
    Account {
        runs: (0..300).map(large).collect(),
        ..Account::default()
    }
}

#[test]
fn a_page_beyond_the_bound_is_asked_for_again_with_fewer_runs() {
    type Send = fn(String) -> Reply;
    let ways: [(&str, Send); 3] = [
        ("as it is", Reply::json),
        ("packed", |body| {
            let packed = zstd::encode_all(body.as_bytes(), 1).unwrap();
            Reply::Answer(200, vec![("Content-Encoding", "zstd".into())], packed)
        }),
        // Nothing says then how many runs a full page has.
        ("without a limit", |body| {
            Reply::json(body.replacen("\"limit\":", "\"most\":", 1))
        }),
    ];
    for (way, send) in ways {
        let account = large_runs();
        let server = StandIn::start(move |request| send(account.list(request)));
        let place = Place::new();
        let done = place.export(&server.url(), &["--concurrency", "1"]);
        done.exits(0);
        let expected: Vec<String> = (0..300).map(|at| format!("run{at:03}")).collect();
        assert_eq!(place.exported().ids(), expected, "{way}");
        let manifest = place.exported().json("manifest.json");
        assert_eq!(
            (&manifest["proof"]["proven"], &manifest["requests"]["retries"]),
            (&true.into(), &0.into()),
            "{way}"
        );
        assert_eq!(limits(&server)[..4], ["1000", "500", "250", "125"], "{way}");
        assert!(
            limits(&server)[4..].iter().all(|limit| limit == "125"),
            "{way}: {:?}",
            limits(&server)
        );
    }
}

#[test]
fn a_single_run_beyond_the_bound_ends_the_job_with_its_place() {
    let mut account = Account {
        runs: runs(3, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    };
    account.runs[1].rest += &" ".repeat(65 << 20);
    let server = StandIn::of(account);
    let place = Place::new();
    let done = place.export(&server.url(), &[]);
    done.exits(5).says(&[
        "one run in the list is larger than 64 MiB",
        "number 1 from the earliest",
        "2025-09-01T00:00:00.001Z",
    ]);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn other_answers_beyond_the_bound_are_asked_for_once() {
    let run = |id: &str, cost: &str| {
        Run::new(id, ms("2025-09-01T00:00:00Z")).with(&format!(
            r#""actId":"a","finishedAt":"2025-09-20T00:00:00.000Z","usageTotalUsd":{cost}"#
        ))
    };
    let server = crate::support::account::Apify::of(vec![run("r1", "0.5"), run("r2", "null")])
        .details(|_| bomb())
        .at("/v2/actors", |_| bomb())
        .at("/v2/users/me", |_| bomb())
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &[]);
    done.exits(0).says(&["the details of 1 run could not be read"]);
    for path in ["/v2/actor-runs/r2", "/v2/actors", "/v2/users/me"] {
        let asked = server.requests().iter().filter(|request| request.path == path).count();
        assert_eq!(asked, 1, "{path}\n{done}");
    }
}

#[test]
fn whose_token_it_is_need_not_be_known() {
    let account = account();
    let server = StandIn::start_raw(move |request| match request.path.as_str() {
        "/v2/actor-runs" => Reply::json(account.list(request)),
        _ => Reply::error(403, "insufficient-permissions", "A scoped token."),
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(
        place.exported().json("manifest.json")["account"],
        serde_json::Value::Null
    );
}

#[test]
fn fields_that_nobody_knows_are_kept_and_known_ones_of_a_wrong_type_are_put_aside() {
    let run = Run::new("odd", ms("2025-09-02T00:00:00Z")).with(
        r#""actId":"a","userId":17,"finishedAt":"soon","meta":{"origin":"NEW_ORIGIN","color":"blue"},"usageTotalUsd":1e-7,"buildNumberInt":"x","price":1.50"#,
    );
    let mut running = Run::new("odd2", ms("2025-09-03T00:00:00Z")).with(r#""actId":"a","usageTotalUsd":null"#);
    running.status = "A-STATUS-OF-TOMORROW".into();
    let server = StandIn::of(Account {
        runs: vec![run, running],
        ..Account::default()
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let rows = place.exported().rows("runs.csv");
    assert_eq!(rows[0]["meta_origin"], "NEW_ORIGIN");
    assert_eq!(rows[0]["usage_total_usd"], "0.0000001");
    assert_eq!(
        (
            &*rows[0]["user_id"],
            &*rows[0]["finished_at"],
            &*rows[0]["build_number_int"]
        ),
        ("", "", "")
    );
    let extra: serde_json::Value = serde_json::from_str(&rows[0]["extra"]).unwrap();
    assert_eq!(extra["userId"], 17);
    assert_eq!(extra["meta"]["color"], "blue");
    assert!(rows[0]["extra"].contains(r#""price":1.50"#), "{}", rows[0]["extra"]);
    assert_eq!(place.exported().json("manifest.json")["fields_mistyped"], 3);
    assert_eq!(
        (
            &*rows[1]["status"],
            &*rows[1]["usage_total_usd"],
            &*rows[1]["cost_state"]
        ),
        ("A-STATUS-OF-TOMORROW", "", "unknown")
    );
}

#[test]
fn runs_that_make_no_sense_take_no_others_with_them() {
    let mut all = runs(5000, ms("2025-09-01T00:00:00Z"), 60_000);
    for run in &mut all[1500..3800] {
        run.rest = r#""actId":"a","usageTotalUsd":"0.01""#.into();
    }
    let server = StandIn::of(Account {
        runs: all,
        ..Account::default()
    });
    let place = Place::new();
    place.export(&server.url(), &["--allow-incomplete"]).exits(7);
    let exported = place.exported();
    assert_eq!(exported.text("rejected.jsonl").lines().count(), 2300);
    assert_eq!(exported.ids().len(), 2700);
    let manifest = exported.json("manifest.json");
    let counts = (&manifest["proof"]["counted"], &manifest["proof"]["fetched"]);
    assert_eq!(counts, (&5000.into(), &2700.into()));
}

#[test]
fn what_makes_no_sense_outside_of_the_period_is_none_of_its_business() {
    let mut all = runs(50, ms("2025-09-01T00:00:00Z"), 60_000);
    for at in ["2025-08-31T23:59:59.999Z", "2025-10-01T00:00:00.000Z"] {
        all.push(Run::new(at, ms(at)).with(r#""actId":"a","usageTotalUsd":"abc""#));
    }
    let server = StandIn::of(Account {
        runs: all,
        ..Account::default()
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids().len(), 50);
}

#[test]
fn a_stranger_s_text_in_an_error_can_t_steer_the_terminal() {
    let server = StandIn::start(|_| {
        let item = r#"{"id":"\u001b[31mred\u0007","actId":"a","status":"S"}"#;
        Reply::json(envelope(1, 0, 1000, &[item.into()]))
    });
    let done = Place::new().export(&server.url(), &[]);
    done.exits(5).says(&["\\u{1b}[31mred"]);
    assert!(!done.stderr.contains('\u{1b}'), "{done}");
}

#[test]
fn the_clock_of_an_error_page_decides_nothing() {
    let account = account();
    let server = StandIn::start(move |request| match request.number {
        0 => {
            let headers = vec![
                ("Date", "Mon, 01 Sep 2025 12:00:00 GMT".into()),
                ("Retry-After", "0".into()),
            ];
            Reply::Answer(503, headers, b"<html>A proxy's page</html>".to_vec())
        }
        _ => {
            let date = vec![("Date", "Fri, 03 Oct 2025 06:00:00 GMT".into())];
            Reply::Answer(200, date, account.list(request).into_bytes())
        }
    });
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().ids().len(), 2500);
    assert_eq!(
        place.exported().json("manifest.json")["queried_at"],
        "2025-10-03T06:00:00.000Z"
    );
}

#[test]
fn a_limit_far_below_what_is_asked_is_lived_with() {
    let account = account();
    let recent = std::sync::Mutex::new(std::collections::VecDeque::new());
    let server = StandIn::start(move |request| {
        // Three in any tenth of a second, told without a hint of when to come again.
        let mut recent = recent.lock().unwrap();
        let now = std::time::Instant::now();
        recent.retain(|at: &std::time::Instant| now - *at < std::time::Duration::from_millis(100));
        if recent.len() >= 3 {
            return Reply::Answer(429, vec![("Retry-After", "0".into())], Vec::new());
        }
        recent.push_back(now);
        let mut asked = request.clone();
        asked.query.insert("limit".into(), "50".into());
        Reply::json(account.list(&asked))
    });
    let place = Place::new();
    place.export(&server.url(), &["--concurrency", "16"]).exits(0);
    let requests = place.exported().json("manifest.json")["requests"].clone();
    let share = requests["rate_limited"].as_f64().unwrap() / requests["total"].as_f64().unwrap();
    assert!(share < 0.5, "{requests}");
}

#[test]
fn the_api_s_clock_counts_too_where_it_finds_the_whole_period_too_heavy() {
    let account = account();
    let server = StandIn::start(move |request| {
        let date = ("Date", "Mon, 01 Sep 2025 12:00:00 GMT".to_string());
        let length = ms(&request.query["startedBefore"]) - ms(&request.query["startedAfter"]);
        if length > 86_400_000 {
            let body = br#"{"error":{"type":"query-timeout","message":"Too heavy."}}"#.to_vec();
            return Reply::Answer(503, vec![date], body);
        }
        Reply::Answer(200, vec![date], account.list(request).into_bytes())
    });
    let place = Place::new();
    place
        .run_at("2025-09-01T12:00:00Z", &export_args(&server.url(), &[]))
        .exits(0)
        .shows(&["so far until 2025-09-01T12:00:00Z"]);
    assert_eq!(place.exported().ids().len(), 720);
}
