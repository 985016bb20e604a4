//! The command line: what is refused, and with which words; what goes to stdout and what to stderr.

use std::process::Stdio;

use crate::harness::{Place, export_args};
use crate::stand_in::{Account, StandIn, ms, runs};

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
        (&["export", "--month", "2099-01"], "future"),
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
        (&["export", "--last-month", "--quiet", "--json"], "cannot be used with"),
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
        "3,000 runs in ",
        "windows",
        "requests",
        "at least under the rate",
        "Nothing was written",
    ]);
    assert_eq!(place.names(), [""; 0]);
    assert_eq!(server.list_requests().len(), 1);
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
        done.exits(0)
            .stdout
            .starts_with("Period    2025-09-01 to 2025-10-01 (30 days, 2025-10-01 not included, UTC)"),
        "{done}"
    );
}

#[test]
fn the_summary_keeps_to_80_columns_without_colour() {
    let place = Place::new();
    let done = place.run(&["export", "--demo"]);
    for line in done.exits(0).stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
    assert_eq!(place.names(), ["apify-runs-demo-2025-09"]);
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
        .says(&["1 run has no cost"])
        .shows(&["Replaced the export of"]);
    assert_eq!(place.exported().json("manifest.json")["totals"]["runs_cost_unknown"], 1);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (server, place) = (server(), Place::new());
    let url = server.url();
    let mut command = place.command(&export_args(&url, &[]));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    crate::harness::wait(child).exits(0);
}

#[test]
fn the_api_s_address_comes_from_the_environment_and_a_flag_beats_it() {
    let (server, place) = (server(), Place::new());
    let args = ["export", "--month", "2025-09", "--rate", "0", "--out", "out"];
    crate::harness::done(place.command(&args).env("APIFY_API_BASE_URL", server.url())).exits(0);
    let asked = server.requests().len();
    let other = self::server();
    let url = other.url();
    let mut command = place.command(&export_args(&url, &["--replace"]));
    crate::harness::done(command.env("APIFY_API_BASE_URL", server.url())).exits(0);
    assert_eq!(server.requests().len(), asked);
    assert!(!other.requests().is_empty());
}
