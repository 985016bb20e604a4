//! What changes the meaning of a figure is a line on stderr, also with --quiet; and `--strict=incomplete` is exit 7 for that alone.

use crate::support::account::{Apify, ended};
use crate::support::command::{Done, Place, done, export_args};
use crate::support::stand_in::{Reply, Run, StandIn, ms, runs};

const NOW: &str = "Thu, 02 Oct 2025 00:00:00 GMT";

fn september() -> Vec<Run> {
    runs(20, ms("2025-09-25T00:00:00Z"), 60_000)
}

/// All of September is past retention, or some, or none; there are runs, or none.
fn kept(runs: Vec<Run>, days: u64) -> StandIn {
    Apify::of(runs).keeps(days).dated(NOW).start()
}

/// What stderr says, without who says it.
fn warnings(done: &Done) -> Vec<&str> {
    let lines = done.stderr.lines();
    lines
        .map(|line| line.trim_start_matches("apify-runs: warning: "))
        .collect()
}

#[test]
fn runs_that_may_be_missing_are_one_line_also_when_quiet() {
    let late = ended("late", ms("2025-09-30T23:00:00Z"), r#""usageTotalUsd":1"#)
        .with(r#""actId":"actor","finishedAt":"2025-10-01T23:59:59.000Z","usageTotalUsd":1"#);
    let cases = [
        (kept(september(), 0), "INCOMPLETE: 30 of 30 days are past retention"),
        (kept(september(), 14), "INCOMPLETE: 17 of 30 days are past retention"),
        (kept(Vec::new(), 90), "no run started in the period"),
        (kept(vec![late], 90), ""),
        (kept(september(), 90), ""),
    ];
    for (server, warned) in cases {
        let place = Place::new();
        let quiet = place.export(&server.url(), &["--quiet"]);
        assert_eq!(quiet.exits(0).stdout, "");
        let told = warnings(&quiet);
        assert_eq!(told.len(), usize::from(!warned.is_empty()), "{quiet}");
        assert!(told.iter().all(|line| line.starts_with(warned)), "{quiet}");
        let strict = place.export(&server.url(), &["--quiet", "--strict=incomplete"]);
        strict.exits(if warned.is_empty() { 0 } else { 7 });
        if !warned.is_empty() {
            strict.says(&["1 caveat (--strict=incomplete)", warned]);
        }
    }
}

#[test]
fn costs_that_may_still_move_are_for_strict_alone() {
    let late = Run::new("late", ms("2025-09-30T23:00:00Z"))
        .with(r#""actId":"actor","finishedAt":"2025-10-01T23:59:59.000Z","usageTotalUsd":1"#);
    let (place, server) = (Place::new(), kept(vec![late], 90));
    assert_eq!(
        place
            .export(&server.url(), &["--quiet", "--strict=incomplete"])
            .exits(0)
            .stderr,
        ""
    );
    place
        .export(&server.url(), &["--quiet", "--strict"])
        .exits(7)
        .says(&["cost may change", "(--strict)"]);
    place
        .export(&server.url(), &["--strict=nonsense"])
        .exits(2)
        .says(&["--strict"]);
}

#[test]
fn a_list_that_changes_while_it_is_read_and_details_that_fail_are_told_once() {
    let place = Place::new();
    let failing = Apify::of(vec![ended("a", ms("2025-09-01T00:00:00Z"), "")])
        .details(|_| Reply::error(403, "insufficient-permissions", "No."))
        .dated(NOW)
        .start();
    let done = place.export(&failing.url(), &["--quiet", "--strict=incomplete"]);
    assert_eq!(
        done.exits(7)
            .stderr
            .matches("warning: the details of 1 run could not be read")
            .count(),
        1,
        "{done}"
    );
}

#[test]
fn every_layer_says_how_strict_a_job_is() {
    let server = kept(september(), 14);
    let url = server.url();
    let export = |config: &str, variable: &str, more: &[&str]| {
        let place = Place::new();
        std::fs::write(place.path("apify-runs.toml"), config).unwrap();
        done(
            place
                .command(&export_args(&url, more))
                .env("APIFY_RUNS_STRICT", variable),
        )
        .code
    };
    assert_eq!(export("[export]\nstrict = \"incomplete\"", "", &[]), Some(7));
    assert_eq!(export("strict = true", "", &[]), Some(7));
    assert_eq!(export("strict = true", "false", &[]), Some(0));
    assert_eq!(export("", "incomplete", &[]), Some(7));
    assert_eq!(export("", "1", &[]), Some(7));
    assert_eq!(export("strict = true", "", &["--strict=false"]), Some(0));
    assert_eq!(export("[export]\nstrict = \"some\"", "", &[]), Some(2));
    assert_eq!(export("", "some", &[]), Some(2));
    let place = Place::new();
    std::fs::write(place.path("apify-runs.toml"), "strict = \"incomplete\"").unwrap();
    let shown = place.run(&["config", "show", "export"]);
    shown.exits(0).shows(&["strict = \"incomplete\" # apify-runs.toml:1"]);
}

#[test]
fn a_report_of_what_may_lack_runs_says_so_and_obeys_strict() {
    let place = Place::new();
    place.export(&kept(september(), 14).url(), &["--quiet"]).exits(0);
    let headline = "INCOMPLETE: 17 of 30 days are past retention";
    let quiet = place.run(&["report", "out", "--quiet", "--format", "md", "--out", "figures"]);
    assert!(
        matches!(warnings(quiet.exits(0))[..], [line] if line.starts_with(headline)),
        "{quiet}"
    );
    place
        .run(&["report", "out", "--strict=incomplete"])
        .exits(7)
        .says(&[headline]);
    place.run(&["report", "out", "--strict"]).exits(7).says(&[headline]);
    // A part that lies within what was kept.
    let part = [
        "report",
        "out",
        "--from",
        "2025-09-24",
        "--to",
        "2025-10-01",
        "--strict=incomplete",
    ];
    assert_eq!(place.run(&part).exits(0).stderr, "");
    let empty = [
        "report",
        "out",
        "--from",
        "2025-09-19",
        "--to",
        "2025-09-20",
        "--strict=incomplete",
    ];
    place.run(&empty).exits(7).says(&["no run started in the period"]);
}

#[cfg(feature = "lake")]
#[test]
fn a_lake_s_period_that_is_not_wholly_proven_says_so_and_obeys_strict_and_its_sync_tells_the_gap() {
    let place = Place::new();
    let sync = |date: &'static str, more: &[&str]| {
        let server = Apify::of(september()).keeps(7).dated(date).start();
        let url = server.url();
        let args = [
            "sync",
            "--lake",
            "lake",
            "--rate",
            "0",
            "--quiet",
            "--outcome",
            "ended.json",
            "--api-url",
            &url,
        ];
        place.run(&[&args[..], more].concat())
    };
    assert_eq!(sync("Wed, 10 Sep 2025 00:00:00 GMT", &[]).exits(0).stderr, "");
    let gap = "gap: 2025-09-10T00:00:00.000Z to 2025-09-25T00:00:00.000Z";
    let done = sync(NOW, &[]);
    assert!(
        matches!(warnings(done.exits(0))[..], [line] if line.starts_with(gap)),
        "{done}"
    );
    let outcome: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("ended.json")).unwrap()).unwrap();
    assert!(outcome["caveats"][0].as_str().unwrap().starts_with(gap), "{outcome}");
    let unproven = "INCOMPLETE: no sync has proven 2025-09-10T00:00:00.000Z to 2025-09-25T00:00:00.000Z";
    let part = ["report", "lake", "--from", "2025-09-05", "--to", "2025-10-01"];
    place.run(&part).exits(0).says(&[unproven]);
    place
        .run(&[&part[..], &["--strict=incomplete"]].concat())
        .exits(7)
        .says(&[unproven]);
    let sure = [
        "report",
        "lake",
        "--from",
        "2025-09-25",
        "--to",
        "2025-10-01",
        "--strict=incomplete",
    ];
    assert_eq!(place.run(&sure).exits(0).stderr, "");
}

#[cfg(feature = "lake")]
#[test]
fn thirty_healthy_days_send_no_mail() {
    let place = Place::new();
    let dates: [&'static str; 4] = [
        "Mon, 29 Sep 2025 03:00:00 GMT",
        "Tue, 30 Sep 2025 03:00:00 GMT",
        "Wed, 01 Oct 2025 03:00:00 GMT",
        "Thu, 02 Oct 2025 03:00:00 GMT",
    ];
    // A run an hour, some still under way when they are seen.
    let all = runs(24 * 60, ms("2025-09-01T00:30:00Z"), 3_600_000);
    for date in dates {
        let server = Apify::of(all.clone()).keeps(14).dated(date).start();
        let url = server.url();
        for job in [
            &["sync", "--lake", "lake", "--quiet"][..],
            &[
                "export",
                "--last",
                "1d",
                "--quiet",
                "--out",
                "day",
                "--replace",
                "--strict=incomplete",
            ],
        ] {
            let done = place.run(&[job, &["--rate", "0", "--api-url", &url]].concat());
            assert_eq!((done.code, &*done.stdout, &*done.stderr), (Some(0), "", ""), "{done}");
        }
    }
}
