//! The command line: what is refused, and with which words; what goes to stdout and what to stderr.

use std::process::Stdio;

use crate::support::command::{Place, export_args};
use crate::support::made_up::{DEMO_DAY, demo_export};
use crate::support::stand_in::{Account, Run, StandIn, ms, runs};

fn server() -> StandIn {
    StandIn::of(Account {
        runs: runs(3000, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    })
}

#[test]
fn what_makes_no_sense_is_exit_2_and_says_what_is_expected() {
    let place = Place::new();
    let cases: &[(&[&str], &str)] = &[
        (&["export"], "--last-month"),
        (&["export", "--month", "2025-13"], "YYYY-MM"),
        (&["export", "--month", "2025-09", "--last-month"], "cannot be used with"),
        (&["export", "--from", "2025-09-01"], "--to"),
        (
            &["export", "--from", "2025-09-02", "--to", "2025-09-02"],
            "--to 2025-09-03",
        ),
        (&["export", "--last", "7"], "7d"),
        (&["export", "--last-month", "--timezone", "Europe/Pragg"], "IANA"),
        (&["export", "--last-month", "--concurrency", "0"], "concurrency"),
        (&["export", "--last-month", "--rate", "-1"], "rate"),
        (&["export", "--last-month", "--timeout", "0s"], "60s"),
        (&["export", "--last-month", "--format", "xml"], "possible values"),
        (
            &["export", "--last-month", "--format", "csv", "--partition-by", "day"],
            "--partition-by",
        ),
        (
            &["export", "--last-month", "--format", "csv", "--parquet-compat"],
            "--parquet-compat",
        ),
        (&["export", "--demo", "--token-file", "x"], "cannot be used with"),
        (&["export", "--last-month", "--status", ""], "the name is empty"),
        (&["export", "--last-month", "--actor", "a,,b"], "the name is empty"),
        (&["verify"], "PATH"),
        (&["serve"], "--demo"),
        (&["nonsense"], "nonsense"),
    ];
    for (args, says) in cases {
        place.run(args).exits(2).says(&[says]);
        assert_eq!(place.names(), [""; 0], "{args:?}");
    }
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let (server, place) = (server(), Place::new());
    let done = place.export(&server.url(), &["--dry-run", "--rate", "2"]);
    done.exits(0).shows(&[
        "3,000 runs in about ",
        "windows",
        "requests",
        "at the rate limits",
        "Nothing was written",
    ]);
    assert_eq!(place.names(), [""; 0]);
    assert!(server.list_requests().len() <= 2, "{:?}", server.list_requests());
    let done = place.export(&server.url(), &["--dry-run", "--json", "--rate", "2"]);
    let told: serde_json::Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    assert_eq!(told["runs"], 3000);
    let requests = told["requests"].as_f64().unwrap();
    assert!((3.0..12.0).contains(&requests), "{told}");
    // At two a second; handed out a little slower, so that the server never sees more.
    let least = told["least_seconds"].as_f64().unwrap();
    assert!(
        ((requests - 1.0) / 2.0..requests / 2.0 * 1.1).contains(&least),
        "{told}"
    );
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn json_is_the_report_and_nothing_else() {
    let (server, place) = (server(), Place::new());
    let done = place.export(&server.url(), &["--json"]);
    let printed: serde_json::Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    assert_eq!(printed, place.exported().json("report.json"));
    assert_eq!(
        (&printed["totals"]["runs"], &printed["totals"]["usage_total_usd"]),
        (&3000.into(), &"30".into())
    );
    assert_eq!(done.stderr, "");
}

#[test]
fn quiet_is_quiet_and_words_about_progress_go_to_stderr() {
    let (server, place) = (server(), Place::new());
    let done = place.export(&server.url(), &["--quiet"]);
    done.exits(0);
    assert_eq!((&*done.stdout, &*done.stderr), ("", ""));
    let done = place.export(&server.url(), &["-v"]);
    assert!(
        done.exits(0).stdout.starts_with("Period    1–30 September 2025 (UTC)"),
        "{done}"
    );
}

#[test]
fn the_summary_keeps_to_80_columns_without_colour() {
    let demo = demo_export();
    for line in demo.done.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
    assert_eq!(demo.names(), ["apify-runs-demo-2025-09"]);
}

#[test]
fn strict_turns_any_caveat_into_exit_7_after_publishing() {
    let place = Place::new();
    let account = Account {
        runs: runs(30, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    };
    place
        .export(&StandIn::of(account.clone()).url(), &["--strict"])
        .exits(0);
    let mut unknown = account;
    unknown.runs[3].rest = r#""actId":"a""#.into();
    let done = place.export(&StandIn::of(unknown).url(), &["--strict"]);
    done.exits(7)
        .says(&["the cost of 1 run is unknown"])
        .shows(&["Replaced the export that was queried at"]);
    assert_eq!(place.exported().json("manifest.json")["totals"]["runs_cost_unknown"], 1);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (server, place) = (server(), Place::new());
    let url = server.url();
    let mut command = place.command(&export_args(&url, &[]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    crate::support::command::wait(child).exits(0);
}

#[test]
fn the_api_s_address_comes_from_the_environment_and_a_flag_beats_it() {
    let (server, place) = (server(), Place::new());
    let args = ["export", "--month", "2025-09", "--rate", "0", "--out", "out"];
    crate::support::command::done(place.command(&args).env("APIFY_API_BASE_URL", server.url())).exits(0);
    let asked = server.requests().len();
    let other = self::server();
    let url = other.url();
    let mut command = place.command(&export_args(&url, &["--replace"]));
    crate::support::command::done(command.env("APIFY_API_BASE_URL", server.url())).exits(0);
    assert_eq!(server.requests().len(), asked);
    assert!(!other.requests().is_empty());
}

#[test]
fn a_dry_run_counts_the_period_and_not_what_lies_at_its_edges() {
    let (from, to) = (ms("2025-09-01T00:00:00Z"), ms("2025-10-01T00:00:00Z"));
    let at = |name: &str, at: i64| Run::new(format!("{name}{at}"), at);
    let edges = vec![
        at("a", from - 1),
        at("b", from - 1),
        at("c", from),
        at("d", to - 1),
        at("e", to),
        at("f", to),
    ];
    for count in [0, 2500] {
        let mut all = edges.clone();
        all.extend(runs(count, from + 5, 60_000));
        let server = StandIn::of(Account {
            runs: all,
            ..Account::default()
        });
        let done = Place::new().export(&server.url(), &["--dry-run", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
        assert_eq!(told["runs"], count + 2);
    }
}

#[test]
fn a_dry_run_says_what_would_stand_in_the_way() {
    let (server, place) = (server(), Place::new());
    std::fs::create_dir(place.path("out")).unwrap();
    std::fs::write(place.path("out/thesis.txt"), "").unwrap();
    place
        .export(&server.url(), &["--dry-run"])
        .exits(6)
        .says(&["manifest.json"]);
}

#[test]
fn an_exit_code_is_the_table_s_also_when_nobody_can_be_told_why() {
    let place = Place::new();
    let full = || std::fs::File::options().write(true).open("/dev/full");
    // Where there is no such device, there is nothing to try.
    let (Ok(stdout), Ok(stderr)) = (full(), full()) else {
        return;
    };
    let status = place.command(&["export"]).stderr(stderr).status().unwrap();
    assert_eq!(status.code(), Some(2));
    let mut unknown = runs(3, ms("2025-09-01T00:00:00Z"), 60_000);
    unknown[0].rest = r#""actId":"a""#.into();
    let server = StandIn::of(Account {
        runs: unknown,
        ..Account::default()
    });
    let url = server.url();
    let mut command = place.command(&export_args(&url, &["--strict"]));
    let status = command.stdout(stdout).stderr(Stdio::null()).status().unwrap();
    assert_eq!(
        status.code(),
        Some(7),
        "what was asked for comes before what could not be printed"
    );
}

#[test]
fn statuses_may_be_written_small_and_apart_and_a_filter_that_matches_nothing_says_so() {
    let place = Place::new();
    let mut all = runs(30, ms("2025-09-01T00:00:00Z"), 60_000);
    all[0].status = "FAILED".into();
    all[1].status = "TIMED-OUT".into();
    let server = StandIn::of(Account {
        runs: all,
        ..Account::default()
    });
    place.export(&server.url(), &["--status", "failed, timed-out"]).exits(0);
    assert_eq!(place.exported().ids().len(), 2);
    let done = place.export(&server.url(), &["--actor", "nobody", "--replace"]);
    done.exits(0).shows(&[
        "30 runs fetched, 30 counted by the API",
        "0 runs match the filters",
        "none: no run matches",
    ]);
}

#[test]
fn no_certificates_are_needed_for_this_machine_and_the_demo() {
    let (server, place) = (server(), Place::new());
    let url = server.url();
    for args in [
        export_args(&url, &[]),
        [&DEMO_DAY[..], &["--out", "demo", "--quiet"]].concat(),
    ] {
        let mut command = place.command(&args);
        crate::support::command::done(command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere"))
            .exits(0);
    }
}

// Elsewhere the system is asked, and no variable is read.
#[cfg(target_os = "linux")]
#[test]
fn without_certificates_the_error_names_what_is_needed() {
    let place = Place::new();
    let mut command = place.command(&export_args("https://127.0.0.1:9", &[]));
    crate::support::command::done(command.env("SSL_CERT_FILE", "/nowhere").env("SSL_CERT_DIR", "/nowhere"))
        .exits(1)
        .says(&["cannot set up HTTPS", "ca-certificates", "set SSL_CERT_FILE"]);
}
