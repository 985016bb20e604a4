//! `check`: a line for everything that an export by cron relies on, the exit code of the first that fails, and nothing written.

use chrono::Utc;

use crate::support::account::Make;
use crate::support::command::{Done, Place, done};
use crate::support::stand_in::{Account, Reply, Request, StandIn, beside_runs, limits, ms, runs};

/// The time in the form of HTTP.
fn http_date(ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(ms).unwrap();
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// An API that tells these headers with its list, and answers all else by a function.
fn api(
    headers: impl Fn() -> Vec<(&'static str, String)> + Send + Sync + 'static,
    beside: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> StandIn {
    let account = Account {
        runs: runs(3, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    };
    StandIn::start_raw(move |request| match request.path.as_str() {
        "/v2/actor-runs" => Reply::Answer(200, headers(), account.list(request).into_bytes()),
        _ => beside(request),
    })
}

/// One whose clock is right and that allows sixty requests a second.
fn good() -> StandIn {
    api(
        || vec![("Date", http_date(now_ms())), ("X-RateLimit-Limit", "60".into())],
        |request| beside_runs(&request.path),
    )
}

fn kept_for(days: u64) -> StandIn {
    api(
        || vec![("Date", http_date(now_ms()))],
        move |request| match request.path.as_str() {
            "/v2/users/me/limits" => Reply::json(limits(days)),
            path => beside_runs(path),
        },
    )
}

/// Checks an API; nothing may be there afterwards that wasn't before.
#[track_caller]
fn check(place: &Place, server: &StandIn, more: &[&str]) -> Done {
    let before = place.names();
    let url = server.url();
    // These tell the time as it is.
    let args = [&["check", "--api-url", &url, "--retries", "1"], more].concat();
    let done = done(place.command(&args).env_remove("APIFY_RUNS_NOW"));
    assert_eq!(place.names(), before, "{done}");
    done
}

/// The line that begins so.
#[track_caller]
fn line<'d>(done: &'d Done, start: &str) -> &'d str {
    let mut lines = done.stdout.lines();
    lines
        .find(|line| line.starts_with(start))
        .unwrap_or_else(|| panic!("no line {start:?}\n{done}"))
}

#[test]
fn where_all_is_well_each_line_says_so_and_little_is_asked() {
    let (server, place) = (good(), Place::new());
    let done = check(&place, &server, &["--out", "out"]);
    done.exits(0);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(
        lines[0].starts_with(&format!("ok    api: {} answered in ", server.url())),
        "{done}"
    );
    assert_eq!(
        lines[1..],
        [
            "ok    token: account stand-in (user1); it may list runs",
            "ok    clock: the same as the API's, within 5 seconds",
            "ok    rate limit used: 30 requests/s; the API allows 60 requests/s",
            "ok    retention: Apify keeps runs for 36,500 days",
            "ok    output: out can be written",
        ]
    );
    assert_eq!(done.stderr, "");
    let mut paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    assert_eq!(paths, ["/v2/actor-runs", "/v2/users/me", "/v2/users/me/limits"]);
    let quiet = check(&place, &server, &["--quiet"]);
    assert_eq!((&*quiet.exits(0).stdout, &*quiet.stderr), ("", ""));
}

#[test]
fn a_plan_that_keeps_runs_for_less_than_a_month_is_warned_of_in_these_words() {
    let place = Place::new();
    let done = check(&place, &kept_for(14), &[]);
    let sentence = "retention: Apify keeps runs for 14 days, so a monthly export would miss runs: sync daily, or increase the retention";
    assert_eq!(line(done.exits(0), "warn"), format!("warn  {sentence}"));
    let quiet = check(&place, &kept_for(14), &["--quiet"]);
    assert_eq!(
        (&*quiet.exits(0).stdout, &*quiet.stderr),
        ("", &*format!("apify-runs: warning: {sentence}\n"))
    );
    for (days, start) in [
        (1, "warn  retention: Apify keeps runs for 1 day,"),
        (30, "warn  retention: Apify keeps runs for 30 days,"),
        (31, "ok    retention: Apify keeps runs for 31 days"),
        (90, "ok    retention: Apify keeps runs for 90 days"),
    ] {
        line(check(&place, &kept_for(days), &[]).exits(0), start);
    }
}

#[test]
fn a_rate_beyond_what_the_api_allows_or_unknown_is_told() {
    let place = Place::new();
    for (rate, start) in [
        ("60", "ok    rate limit used: 60 requests/s; the API allows 60"),
        ("60.5", "warn  rate limit used: 60.5 requests/s, but the API allows 60"),
        ("0", "warn  rate limit used: none, but the API allows 60"),
    ] {
        line(check(&place, &good(), &["--rate", rate]).exits(0), start);
    }
    line(
        check(&place, &kept_for(90), &[]).exits(0),
        "ok    rate limit used: 30 requests/s",
    );
}

#[test]
fn a_clock_that_is_off_or_an_api_that_tells_no_time_is_warned_of() {
    let place = Place::new();
    let dated = |off_ms: i64| {
        api(
            move || vec![("Date", http_date(now_ms() + off_ms))],
            |request| beside_runs(&request.path),
        )
    };
    line(check(&place, &dated(2_000), &[]).exits(0), "ok    clock");
    let ahead = check(&place, &dated(-3_600_000), &[]);
    let ahead = line(ahead.exits(0), "warn  clock: 3,60").to_string();
    assert!(ahead.contains("seconds ahead of the API's"), "{ahead}");
    let behind = check(&place, &dated(3_600_000), &[]);
    let behind = line(behind.exits(0), "warn  clock: 3,").to_string();
    assert!(behind.contains("seconds behind the API's"), "{behind}");
    let timeless = api(Vec::new, |request| beside_runs(&request.path));
    line(
        check(&place, &timeless, &[]).exits(0),
        "warn  clock: the API does not give its time",
    );
}

#[test]
fn what_a_token_may_not_read_beside_runs_is_a_warning_and_no_failure() {
    let place = Place::new();
    let refusals: [Make; 3] = [
        || Reply::error(403, "insufficient-permissions", "Not for this token."),
        || Reply::error(500, "internal-error", "Oops."),
        || Reply::Answer(200, vec![("Retry-After", "0".into())], b"<html>".to_vec()),
    ];
    for refusal in refusals {
        let server = api(|| vec![("Date", http_date(now_ms()))], move |_| refusal());
        let done = check(&place, &server, &[]);
        line(done.exits(0), "warn  token: it may list runs; its account is unknown: ");
        line(&done, "warn  retention: unknown (");
        line(&done, "ok    output: ");
    }
}

#[test]
fn a_token_that_is_refused_or_missing_is_exit_3() {
    let place = Place::new();
    for status in [401, 403] {
        let server =
            StandIn::start_raw(move |_| Reply::error(status, "user-or-token-not-found", "Nobody has this token."));
        let done = check(&place, &server, &[]);
        line(done.exits(3).says(&["Nobody has this token."]), "FAIL  token: ");
        line(&done, "ok    output: ");
        assert_eq!(server.requests().len(), 1, "{done}");
    }
    let server = good();
    let mut command = place.command(&["check", "--api-url", &server.url()]);
    let done = done(command.env_remove("APIFY_TOKEN"));
    line(done.exits(3), "FAIL  token: ");
    assert_eq!((place.names(), server.requests().len()), (vec![], 0));
}

#[test]
fn an_api_that_fails_or_is_not_there_is_exit_4() {
    let place = Place::new();
    let failing = StandIn::start_raw(|_| Reply::error(500, "internal-error", "Out of order."));
    line(check(&place, &failing, &[]).exits(4), "FAIL  api: ");
    let garbage = StandIn::start_raw(|_| Reply::Answer(200, vec![("Retry-After", "0".into())], b"<html>".to_vec()));
    line(check(&place, &garbage, &[]).exits(5), "FAIL  api: ");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let done = place.run(&["check", "--api-url", &format!("http://{nobody}"), "--retries", "0"]);
    line(done.exits(4).says(&["cannot connect"]), "FAIL  api: ");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn an_output_that_can_not_be_written_is_exit_6_and_an_export_can_be_replaced() {
    let (server, place) = (good(), Place::new());
    std::fs::write(place.path("file"), "").unwrap();
    line(check(&place, &server, &["--out", "file"]).exits(6), "FAIL  output: ");
    std::fs::create_dir(place.path("thesis")).unwrap();
    std::fs::write(place.path("thesis/chapter.txt"), "").unwrap();
    line(check(&place, &server, &["--out", "thesis"]).exits(6), "FAIL  output: ");
    std::fs::create_dir(place.path("empty")).unwrap();
    line(
        check(&place, &server, &["--out", "empty"]).exits(0),
        "ok    output: empty can be written",
    );
    place.export(&server.url(), &[]).exits(0);
    line(
        check(&place, &server, &["--out", "out"]).exits(0),
        "ok    output: out holds an export that can be replaced",
    );
    std::fs::write(place.path("out/chapter.txt"), "").unwrap();
    let done = check(&place, &server, &["--out", "out"]);
    line(done.exits(6).says(&["chapter.txt"]), "FAIL  output: ");
    // What fails first decides: without an API, where the output would go is not what stands in the way.
    let failing = StandIn::start_raw(|_| Reply::error(401, "user-or-token-not-found", "No."));
    let done = check(&place, &failing, &["--out", "file"]);
    line(done.exits(3), "FAIL  output: ");
}

#[test]
fn what_makes_no_sense_is_exit_2() {
    let place = Place::new();
    for args in [
        &["check", "--rate", "-1"][..],
        &["check", "--api-url", "http://api.apify.com"],
        &["check", "--demo", "--api-url", "http://127.0.0.1:9"],
        &["check", "out"],
    ] {
        place.run(args).exits(2);
    }
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn the_demo_can_be_checked_without_a_token() {
    let place = Place::new();
    let done = done(place.command(&["check", "--demo"]).env_remove("APIFY_TOKEN"));
    line(done.exits(0), "ok    retention: Apify keeps runs for 90 days");
    line(&done, "ok    token: account ");
    assert_eq!(place.names(), [""; 0]);
}

/// Checks by a configuration; the clock is that of the stand-in.
#[track_caller]
fn check_by(place: &Place, configuration: &str, more: &[&str]) -> Done {
    std::fs::write(place.path("apify-runs.toml"), configuration).unwrap();
    let mut command = place.command(&[&["check"], more].concat());
    command.env_remove("APIFY_RUNS_NOW").env("ACME", "apify_api_acme");
    done(&mut command)
}

#[test]
fn what_export_and_sync_would_use_is_tested_and_named() {
    let (server, place) = (kept_for(90), Place::new());
    let url = server.url();
    let good = format!(
        "api-url = \"{url}\"\n[export]\nout = \"exports/{{month}}\"\ntimezone = \"Europe/Prague\"\n[sync]\nlake = \"a-lake\"\n\
         [accounts.acme]\ntoken-env = \"ACME\"\n[accounts.beta]\ntoken-env = \"BETA\"\n"
    );
    let checked = check_by(&place, &good, &[]);
    line(checked.exits(0), "ok    output: exports/");
    assert!(
        line(&checked, "ok    output").ends_with(" can be written (out: apify-runs.toml:3)"),
        "{checked}"
    );
    assert_eq!(
        line(&checked, "ok    zone"),
        "ok    zone: Europe/Prague (timezone: apify-runs.toml:4)"
    );
    line(
        &checked,
        "ok    accounts: acme has the token of the variable ACME (token-env of account acme)",
    );
    line(
        &checked,
        "warn  accounts: beta: the variable BETA (token-env of account beta) has no token",
    );
    let json: serde_json::Value = serde_json::from_str(&check_by(&place, &good, &["--json"]).stdout).unwrap();
    let named = |name: &str| {
        let checks = json["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["check"] == name).count()
    };
    assert_eq!((named("output"), named("zone"), named("accounts")), (1, 1, 2), "{json}");
    #[cfg(feature = "lake")]
    {
        line(&checked, "ok    lake: a-lake can be written (lake: apify-runs.toml:6)");
        assert_eq!(named("lake"), 1);
    }
    assert_eq!(place.names(), ["apify-runs.toml"]);

    let zone = check_by(&place, &good.replace("Europe/Prague", "Europe/Praha"), &[]);
    line(zone.exits(2).says(&["Europe/Praha"]), "FAIL  zone: ");
    std::fs::write(place.path("file"), "").unwrap();
    let out = check_by(&place, &good.replace("exports/{month}", "file"), &[]);
    line(out.exits(6), "FAIL  output: ");
    #[cfg(feature = "lake")]
    {
        let lake = check_by(&place, &good.replace("a-lake", "file"), &[]);
        line(lake.exits(6), "FAIL  lake: ");
        std::fs::create_dir(place.path("thesis")).unwrap();
        std::fs::write(place.path("thesis/chapter.txt"), "").unwrap();
        let lake = check_by(&place, &good.replace("a-lake", "thesis"), &[]);
        line(lake.exits(6), "FAIL  lake: ");
    }
    // An output that is typed is what is asked about.
    let typed = check_by(
        &place,
        &good.replace("exports/{month}", "file"),
        &["--out", "elsewhere"],
    );
    assert_eq!(
        line(typed.exits(0), "ok    output"),
        "ok    output: elsewhere can be written"
    );
}

#[test]
fn the_accounts_that_export_selects_are_those_that_are_checked() {
    let (server, place) = (kept_for(90), Place::new());
    let url = server.url();
    let configuration = format!(
        "api-url = \"{url}\"\n[export]\nall-accounts = true\nout = \"exports/{{account}}/{{month}}\"\n\
         [accounts.acme]\ntoken-env = \"ACME\"\n[accounts.beta]\ntoken-env = \"BETA\"\n"
    );
    let checked = check_by(&place, &configuration, &[]);
    checked.exits(3).shows(&[
        "== acme",
        "== beta",
        "FAIL token: the variable BETA",
        "ok output: exports/acme/",
    ]);
    let one = check_by(
        &place,
        &configuration.replace("all-accounts = true", "account = \"acme\""),
        &[],
    );
    line(one.exits(0), "ok    accounts: acme has the token of the variable ACME");
    assert!(!one.stdout.contains("beta"), "{one}");
}
