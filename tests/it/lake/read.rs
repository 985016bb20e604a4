//! A lake read as exports are: the same figures as an export of the same period, what no sync has proven, moments of the past,
//! months that were closed, and tables that are broken on purpose. Expected figures are an export's, or worked out by hand.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::account::Apify;
use crate::support::client::Served;
use crate::support::command::{Done, Exported, Place, done, names};
use crate::support::made_up::Made;
use crate::support::stand_in::{Reply, Run, StandIn, instant, ms};

/// How many runs September has in the lake and in the export beside it: more than one batch of rows.
const DEMO_RUNS: usize = 10_000;

/// A lake of a made-up account in `lake`, and an export of its September in `out`.
fn demo() -> Place {
    static MADE: LazyLock<Made> = LazyLock::new(|| {
        Made::of(|place| {
            let served = Served::demo(&["--runs", &DEMO_RUNS.to_string()]);
            let url = served.url();
            let common = ["--api-url", &url, "--rate", "0", "--detail-rate", "0", "--quiet"];
            let run = |args: &[&str]| {
                let args = [args, &common].concat();
                let done = done(place.command(&args).env("APIFY_TOKEN", "demo"));
                done.exits(0);
                done
            };
            run(&["sync", "--lake", "lake"]);
            let columns = ["--exclude", "meta_client_ip,meta_user_agent", "--no-usage"];
            run(&[&["export", "--month", "2025-09", "--out", "out"][..], &columns].concat())
        })
    });
    MADE.copy()
}

fn told(done: &Done) -> Value {
    serde_json::from_str(&done.exits(0).stdout).unwrap()
}

fn run(id: &str, started: &str, cost: &str) -> Run {
    let started = ms(started);
    let finished = instant(started + 1000);
    Run::new(id, started).with(&format!(
        r#""actId":"actor","finishedAt":"{finished}","usageTotalUsd":{cost}"#
    ))
}

/// Two runs of August, three of September, one of October: $1, $2; $4, $8, $16; $32.
fn few() -> Vec<Run> {
    vec![
        run("aug1", "2025-08-10T00:00:00.000Z", "1"),
        run("aug2", "2025-08-31T23:59:59.999Z", "2"),
        run("sep1", "2025-09-01T00:00:00.000Z", "4"),
        run("sep2", "2025-09-15T12:00:00.000Z", "8"),
        run("sep3", "2025-09-30T23:59:59.999Z", "16"),
        run("oct1", "2025-10-02T00:00:00.000Z", "32"),
    ]
}

/// The same later: sep1 costs $5, sep2 $8.25, sep3 $15; sep4 and sep5 have come, at $0.75 and $0.25.
fn later() -> Vec<Run> {
    let mut runs = few();
    runs[2] = run("sep1", "2025-09-01T00:00:00.000Z", "5");
    runs[3] = run("sep2", "2025-09-15T12:00:00.000Z", "8.25");
    runs[4] = run("sep3", "2025-09-30T23:59:59.999Z", "15");
    runs.push(run("sep4", "2025-09-20T00:00:00.000Z", "0.75"));
    runs.push(run("sep5", "2025-09-20T00:00:01.000Z", "0.25"));
    runs
}

const THEN: &str = "Fri, 03 Oct 2025 06:00:00 GMT";
const LATER: &str = "Sun, 05 Oct 2025 06:00:00 GMT";

fn serving(runs: Vec<Run>, date: &'static str, keeps: u64) -> StandIn {
    Apify::of(runs).dated(date).keeps(keeps).start()
}

fn sync(place: &Place, server: &StandIn, more: &[&str]) -> Done {
    let url = server.url();
    let args = ["sync", "--lake", "lake", "--api-url", &url, "--rate", "0", "--quiet"];
    place.run(&[&args[..], more].concat())
}

/// A lake of few runs.
fn small() -> Place {
    let place = Place::new();
    sync(&place, &serving(few(), THEN, 90), &[]).exits(0);
    place
}

/// The same after a second sync that found everything changed.
fn corrected(place: &Place) {
    let server = serving(later(), LATER, 90);
    sync(place, &server, &["--resweep", "--accept-repricing"]).exits(0);
}

#[test]
fn a_lake_and_exports_make_one_report() {
    let place = small();
    let user = r#"{"data":{"id":"u-acme","username":"acme"}}"#;
    let acme = Apify::of(vec![run("a1", "2025-09-10T00:00:00.000Z", "64")]);
    let acme = acme
        .at("/v2/users/me", move |_| Reply::json(user.into()))
        .dated(THEN)
        .keeps(90)
        .start();
    place.export(&acme.url(), &["-q"]).exits(0);
    // In September, the lake has 4, 8 and 16.
    for paths in [["lake", "out"], ["out", "lake"]] {
        let month = ["report", paths[0], paths[1], "--month", "2025-09", "--format", "json"];
        let report = told(&place.run(&month));
        assert_eq!(report["totals"]["usage_total_usd"], "92");
        let mut by: Vec<_> = report["cost_by_account"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["usage_total_usd"].clone())
            .collect();
        by.sort_by_key(ToString::to_string);
        assert_eq!(by, ["28", "64"]);
        let statuses = report["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| &account["status"]);
        assert!(statuses.clone().all(|status| status == "complete"), "{report}");
    }
    // The lake begins before, and goes on after: there is nothing of the other account then.
    let all = told(&place.run(&["report", "lake", "out", "--format", "json"]));
    let acme = all["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["username"] == "acme")
        .unwrap();
    assert!(
        acme["status"]
            .as_str()
            .unwrap()
            .starts_with("INCOMPLETE, no archive covers"),
        "{acme}"
    );
    // The lake twice, and with an export of itself.
    place
        .run(&["report", "lake", "lake"])
        .exits(2)
        .says(&["periods overlap"]);
}

fn commits(place: &Place) -> usize {
    let log = names(&place.path("lake/_delta_log"));
    log.iter().filter(|name| name.ends_with(".json")).count()
}

fn report(place: &Place, args: &[&str]) -> Value {
    told(&place.run(&[&["report", "lake", "--format", "json"][..], args].concat()))
}

fn data_files(lake: &Path) -> Vec<PathBuf> {
    let months = fs::read_dir(lake).unwrap().map(|entry| entry.unwrap().path());
    let months = months.filter(|path| path.is_dir() && !path.ends_with("_delta_log"));
    let mut files: Vec<PathBuf> = months
        .flat_map(|month| fs::read_dir(month).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect();
    files.sort();
    files
}

/// Replaces text in every commit of the log.
fn forge(lake: &Path, from: &str, to: &str) {
    let mut found = false;
    for name in names(&lake.join("_delta_log")) {
        let path = lake.join("_delta_log").join(&name);
        if name.ends_with(".json") {
            let text = fs::read_to_string(&path).unwrap();
            found |= text.contains(from);
            fs::write(&path, text.replace(from, to)).unwrap();
        }
    }
    assert!(found, "{from} stands nowhere in the log");
}

fn rows_of_longest_sheet(workbook: &Path) -> usize {
    let mut zip = zip::ZipArchive::new(fs::File::open(workbook).unwrap()).unwrap();
    let rows = (0..zip.len()).map(|at| {
        let mut text = String::new();
        let mut part = zip.by_index(at).unwrap();
        part.read_to_string(&mut text).unwrap();
        text.matches("<row ").count()
    });
    rows.max().unwrap()
}

#[test]
fn a_month_of_a_lake_is_reported_as_an_export_of_it_is() {
    let place = demo();
    let of_export = place.exported().json("report.json");
    let of_lake = report(&place, &["--month", "2025-09"]);
    assert_eq!(of_lake, of_export);
    let by = [
        "--by",
        "origin,status",
        "--by",
        "build",
        "--format",
        "json",
        "--month",
        "2025-09",
    ];
    let both = ["lake", "out"].map(|path| told(&place.run(&[&["report", path][..], &by].concat())));
    assert_eq!(both[0], both[1]);
    let part = [
        "--from",
        "2025-09-10",
        "--to",
        "2025-09-12",
        "--timezone",
        "Europe/Prague",
        "--format",
        "csv",
    ];
    let part = [&part[..], &["--only", "cost_by_day"]].concat();
    let [lake, export] = ["lake", "out"].map(|path| place.run(&[&["report", path][..], &part].concat()));
    assert_eq!(lake.exits(0).stdout, export.exits(0).stdout);
    for (path, out) in [("lake", "of-lake"), ("out", "of-export")] {
        let formats = [
            "--format",
            "focus,xlsx,md",
            "--with-runs",
            "--month",
            "2025-09",
            "--out",
            out,
        ];
        place.run(&[&["report", path][..], &formats].concat()).exits(0);
    }
    for name in ["focus.csv", "focus.parquet", "focus-missing.csv"] {
        let read = |out: &str| fs::read(place.path(out).join(name)).unwrap();
        assert!(read("of-lake") == read("of-export"), "{name} differs");
    }
    // Four lines above the runs; the lake has columns of details too.
    for out in ["of-lake", "of-export"] {
        assert_eq!(
            rows_of_longest_sheet(&place.path(out).join("report.xlsx")),
            DEMO_RUNS + 4,
            "{out}"
        );
    }
}

#[test]
fn a_closed_month_is_an_export_like_any_other_and_the_lake_knows_its_hash() {
    let place = demo();
    let url = format!("file://{}", place.path("lake").display());
    let close = [
        "lake",
        "close",
        &url,
        "--month",
        "2025-09",
        "--out",
        "closed",
        "--no-usage",
    ];
    let done = place.run(&close);
    done.exits(0).shows(&["Month 2025-09 is closed in", "10,000 runs"]);
    let closed = Exported {
        out: place.path("closed"),
    };
    let exported = place.exported();
    assert!(closed.text("runs.csv") == exported.text("runs.csv"), "rows differ");
    assert_eq!(names(&closed.out), names(&exported.out));
    let (closed_manifest, manifest) = (closed.json("manifest.json"), exported.json("manifest.json"));
    for member in [
        "account",
        "source",
        "period",
        "filters",
        "queried_at",
        "proof",
        "totals",
        "columns",
        "caveats",
    ] {
        assert_eq!(closed_manifest[member], manifest[member], "{member}");
    }
    place.run(&["verify", "closed"]).exits(0).shows(&["10,000 runs"]);
    place.run(&["diff", "out", "closed"]).exits(0).shows(&["0 runs"]);
    let hash: String = Sha256::digest(closed.text("manifest.json"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    done.shows(&[&hash]);
    let commits = names(&place.path("lake/_delta_log"));
    let last = commits.iter().rfind(|name| name.ends_with(".json")).unwrap();
    let log = fs::read_to_string(place.path("lake/_delta_log").join(last)).unwrap();
    assert!(log.contains(&hash), "{log}");
    let before = closed.bytes();
    place
        .run(&close)
        .exits(6)
        .says(&["2025-09 was already closed at 2025-10-03", "--replace"]);
    assert!(closed.bytes() == before);
    let again = place.run(&[&close[..], &["--replace", "--json"]].concat());
    assert_eq!(told(&again)["totals"], manifest["totals"]);
    assert!(
        report(&place, &["--month", "2025-09"])["caveats"]
            .to_string()
            .find("was closed")
            .is_none()
    );
}

#[test]
fn a_closed_month_keeps_what_apify_counts_of_it_and_its_builds() {
    let (place, served) = (demo(), Served::demo(&["--runs", &DEMO_RUNS.to_string()]));
    let url = served.url();
    let close = |out: &str, token: &str, more: &[&str]| {
        let args = [
            "lake",
            "close",
            "lake",
            "--month",
            "2025-09",
            "--api-url",
            &url,
            "--out",
            out,
        ];
        done(place.command(&[&args[..], more].concat()).env("APIFY_TOKEN", token))
    };
    close("closed", "demo", &[]).exits(0).shows(&[
        "Usage that Apify counts, 2025-09-01 to 2025-10-01",
        "builds with a known cost",
    ]);
    let export = [
        "export",
        "--month",
        "2025-09",
        "--out",
        "again",
        "--api-url",
        &url,
        "--rate",
        "0",
        "--quiet",
    ];
    done(place.command(&export).env("APIFY_TOKEN", "demo")).exits(0);
    let [closed, exported] = ["closed", "again"].map(|out| Exported { out: place.path(out) });
    for name in [
        "usage_by_day.csv",
        "usage_by_service.csv",
        "usage_explained.csv",
        "builds.csv",
    ] {
        assert_eq!(closed.text(name), exported.text(name), "{name}");
    }
    place.run(&["verify", "closed"]).exits(0);
    // What another account used is not the lake's.
    let other = Apify::of(Vec::new()).owned_by("somebody-else").start();
    let elsewhere = [
        "lake",
        "close",
        "lake",
        "--month",
        "2025-09",
        "--replace",
        "--out",
        "closed",
    ];
    let elsewhere = place
        .command(&[&elsewhere[..], &["--api-url", &other.url()]].concat())
        .output()
        .unwrap();
    let told = String::from_utf8(elsewhere.stdout)
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        told.contains("unknown: the token belongs to account somebody-else, the lake to account MADEUPACCOUNT0000"),
        "{told}"
    );
    // With a token that Apify does not know, the month is closed all the same, and says what it lacks.
    close("closed", "wrong", &["--replace"])
        .exits(0)
        .says(&["some of the usage that Apify counts for the month is unknown"])
        .shows(&["Counted unknown: the account of the token is unknown"]);
    place
        .run(&[
            "lake",
            "close",
            "lake",
            "--month",
            "2025-09",
            "--out",
            "other",
            "--replace",
            "--demo",
        ])
        .exits(2)
        .says(&["does not hold the made-up account"]);
}

#[test]
fn a_month_is_closed_once_it_is_over_and_proven_and_never_over_somebody_s_files() {
    let place = small();
    let before = commits(&place);
    let close = |month: &str, more: &[&str]| {
        place.run(
            &[
                &["lake", "close", "lake", "--out", "closed", "--month", month][..],
                more,
            ]
            .concat(),
        )
    };
    close("2025-10", &[])
        .exits(2)
        .says(&["2025-10 was not over", "2025-10-03T06:00:00.000Z"]);
    close("2099-01", &[]).exits(2).says(&["2099-01 was not over"]);
    close("2025-07", &[])
        .exits(5)
        .says(&["2025-07", "no sync has proven 2025-07-01T00:00:00.000Z to"]);
    close("2025-05", &[]).exits(5).says(&["no sync has proven"]);
    assert!(!place.path("closed").exists());
    fs::create_dir(place.path("closed")).unwrap();
    fs::write(place.path("closed/mine.txt"), "x").unwrap();
    close("2025-09", &["--replace"]).exits(6);
    assert_eq!(names(&place.path("closed")), ["mine.txt"]);
    assert_eq!(commits(&place), before);
    fs::remove_dir_all(place.path("closed")).unwrap();
    close("2025-09", &["--timezone", "Europe/Prague"])
        .exits(0)
        .shows(&["Month 2025-09 (Europe/Prague) is closed in"]);
    // Until 22:00 of the 30th: the last run is another month's, the last one of August is not, by two hours.
    let manifest = (Exported {
        out: place.path("closed"),
    })
    .json("manifest.json");
    assert_eq!(
        (&manifest["totals"]["runs"], &manifest["totals"]["usage_total_usd"]),
        (&json!(3), &json!("14"))
    );
    close("2025-09", &[]).exits(6).says(&["another period"]);
    close("2025-09", &["--replace"]).exits(0).shows(&["$28.00"]);
}

#[test]
fn what_changes_in_a_closed_month_is_told_in_every_report_that_overlaps_it() {
    let place = small();
    place
        .run(&["lake", "close", "lake", "--month", "2025-09", "--quiet"])
        .exits(0);
    assert_eq!(report(&place, &["--month", "2025-09"])["caveats"], json!([]));
    corrected(&place);
    // 1 + 0.25 - 1 of the three, 0.75 + 0.25 of the two.
    let said = "with 3 runs and $28.00; since then: 2 runs added, 3 changed, usage changed by $1.25";
    let caveats = |args: &[&str]| report(&place, args)["caveats"].to_string();
    let september = caveats(&["--month", "2025-09"]);
    assert!(
        september.contains("2025-09 was closed on 20") && september.contains(said),
        "{september}"
    );
    assert!(caveats(&[]).contains(said));
    assert!(caveats(&["--from", "2025-09-30", "--to", "2025-10-03"]).contains(said));
    assert_eq!(caveats(&["--month", "2025-08"]), "[]");
    let summary = place.run(&["report", "lake", "--month", "2025-09"]);
    summary
        .exits(0)
        .shows(&["since then: 2 runs added, 3 changed, usage changed by $1.25", "$29.25"]);
    let diff = told(&place.run(&["diff", "apify-runs-2025-09", "lake", "--json"]));
    let total = &diff["changes"];
    assert_eq!(
        (
            &total["runs_new"],
            &total["runs_changed"],
            &total["runs_vanished"],
            &total["usage_moved_usd"]
        ),
        (&json!(2), &json!(3), &json!(0), &json!("1.25"))
    );
    let close = ["lake", "close", "lake", "--month", "2025-09", "--replace"];
    let done = place.run(&close);
    done.exits(0).shows(&[
        "$29.25",
        "Replaced the export that was queried at 2025-10-03T06:00:00.000Z",
    ]);
    assert!(!done.stdout.contains("since then"), "{done}");
    assert_eq!(caveats(&["--month", "2025-09"]), "[]");
}

#[test]
fn what_no_sync_has_proven_is_said_and_what_lies_outside_is_exit_2() {
    let place = Place::new();
    // Proven from 26 September on.
    sync(&place, &serving(few(), THEN, 7), &["--since", "2025-08-01"]).exits(0);
    let september = report(&place, &["--month", "2025-09"]);
    assert_eq!(september["proof"]["proven"], false);
    let caveat = "INCOMPLETE: no sync has proven 2025-09-01T00:00:00.000Z to 2025-09-26T06:00:00.000Z";
    assert!(
        september["caveats"][0].as_str().unwrap().starts_with(caveat),
        "{september}"
    );
    let summary = place.run(&["report", "lake", "--month", "2025-09"]);
    summary.exits(0).shows(&["Complete NO", "at least $"]);
    let done = place.run(&["report", "lake", "--month", "2025-08"]);
    done.exits(2).says(&[
        "lake does not cover 1–31 August 2025 (UTC): it holds 2025-09-26T06:00:00Z to 2025-10-03T06:00:00Z",
        "; try apify-runs report lake --month 2025-10\n",
    ]);
    place
        .run(&["report", "lake", "--from", "2025-10-04", "--to", "2025-10-05"])
        .exits(2)
        .says(&["; for later runs, sync it first; try apify-runs report lake --month 2025-10\n"]);
    let october = report(&place, &["--month", "2025-10"]);
    assert_eq!(
        (
            &october["period"]["to"],
            &october["period"]["requested_to"],
            &october["proof"]["proven"]
        ),
        (
            &json!("2025-10-03T06:00:00.000Z"),
            &json!("2025-11-01T00:00:00.000Z"),
            &json!(true)
        )
    );
    assert_eq!(
        october["caveats"],
        json!(["the period is not over: these are the figures so far"])
    );
    assert_eq!(october["totals"]["usage_total_usd"], "32");
    // A second sync long after: what lies between is a gap for ever.
    sync(&place, &serving(few(), "Mon, 20 Oct 2025 06:00:00 GMT", 7), &[]).exits(0);
    let october = report(&place, &["--month", "2025-10"]);
    let caveat = "no sync has proven 2025-10-03T06:00:00.000Z to 2025-10-13T06:00:00.000Z:";
    assert!(october["caveats"].to_string().contains(caveat), "{october}");
    place
        .run(&["verify", "lake"])
        .exits(0)
        .shows(&["1 gap that no sync has proven"]);
}

#[test]
fn past_retention_is_no_doubt_of_what_was_proven_in_time() {
    let place = small();
    // Apify keeps 7 days by now, and lists nothing of September before the 28th.
    let kept = few().split_off(4);
    sync(&place, &serving(kept, LATER, 7), &[]).exits(0);
    let september = report(&place, &["--month", "2025-09"]);
    assert_eq!(
        (&september["caveats"], &september["proof"]["proven"]),
        (&json!([]), &json!(true))
    );
    assert_eq!(september["totals"]["usage_total_usd"], "28");
    assert_eq!(september["retention"]["expired_days"], 0);
}

#[test]
fn a_lake_is_read_as_it_was_at_a_version_or_a_moment() {
    let place = small();
    let first = commits(&place) - 1;
    corrected(&place);
    let first = first.to_string();
    let total = |args: &[&str]| report(&place, args)["totals"]["usage_total_usd"].clone();
    assert_eq!(total(&["--month", "2025-09"]), "29.25");
    assert_eq!(total(&["--month", "2025-09", "--as-of", &first]), "28");
    assert_eq!(total(&["--month", "2025-09", "--as-of", "2999-01-01"]), "29.25");
    // October's first days and September's: of the lake as it was then, both.
    let before = |args: &[&str]| {
        let args = [&["--month", "2025-10", "--compare", "previous"], args].concat();
        report(&place, &args)["comparison"]["totals"]["usage_total_usd"].clone()
    };
    assert_eq!((before(&["--as-of", &first]), before(&[])), (json!("4"), json!("5")));
    place
        .run(&["verify", "lake", "--as-of", &first])
        .exits(0)
        .shows(&["6 runs, $63"]);
    let diff = told(&place.run(&["diff", "lake", "lake", "--as-of", &first, "--json"]));
    assert_eq!(
        (&diff["changes"]["runs_new"], &diff["changes"]["runs_changed"]),
        (&json!(2), &json!(3))
    );
    let report = |as_of: &str| place.run(&["report", "lake", "--as-of", as_of]);
    report("999").exits(2).says(&["its log has no version 999"]);
    report("2020-01-01")
        .exits(2)
        .says(&["the lake has no state at 2020-01-01T00:00:00.000Z", "it began at"]);
    report("soon").exits(2);
    let url = serving(few(), THEN, 90);
    place.export(&url.url(), &[]).exits(0);
    let of_export = ["report", "verify"].map(|command| place.run(&[command, "out", "--as-of", "1"]));
    of_export.iter().for_each(|done| {
        done.exits(2)
            .says(&["out is an export", "--as-of works only with lakes"]);
    });
    // What only the past needs is gone, as after a vacuum; nothing of it is shown.
    let (now, all) = (live(&place.path("lake")), data_files(&place.path("lake")));
    let gone = all
        .iter()
        .filter(|path| !now.contains(path))
        .map(|path| fs::remove_file(path).unwrap());
    assert!(gone.count() > 0);
    let done = place.run(&["report", "lake", "--as-of", &first]);
    done.exits(5).says(&["was the table vacuumed?"]);
    assert_eq!(done.stdout, "");
    place
        .run(&["verify", "lake", "--as-of", &first])
        .exits(5)
        .says(&["was the table vacuumed?"]);
    place.run(&["verify", "lake"]).exits(0);
}

/// The files that the table has now, by its log read by hand.
fn live(lake: &Path) -> Vec<PathBuf> {
    let mut live = Vec::new();
    for name in names(&lake.join("_delta_log")) {
        if !name.ends_with(".json") {
            continue;
        }
        for line in fs::read_to_string(lake.join("_delta_log").join(name)).unwrap().lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            let path = |kind: &str| {
                action[kind]["path"]
                    .as_str()
                    .map(|path| lake.join(path.replace("%3D", "=")))
            };
            live.retain(|live| Some(live) != path("remove").as_ref());
            live.extend(path("add"));
        }
    }
    live
}

#[test]
fn the_period_before_comes_from_the_same_lake_or_from_one_beside_an_export() {
    let place = small();
    let compared = report(&place, &["--month", "2025-09", "--compare", "lake"]);
    let comparison = &compared["comparison"];
    assert_eq!(
        (
            &comparison["judged"],
            &comparison["totals"]["usage_total_usd"],
            &comparison["incomplete"]
        ),
        (&json!(true), &json!("3"), &json!(false))
    );
    let own = report(&place, &["--month", "2025-09", "--compare", "previous"]);
    assert_eq!(own["comparison"], *comparison);
    assert_eq!(own["change_by_day"], compared["change_by_day"]);
    place
        .run(&["report", "lake", "--month", "2025-09", "--compare", "previous"])
        .exits(0)
        .shows(&["$3.00; up $25.00 (833.3%)", "1–31 August 2025 (UTC), read from lake"]);
    let server = serving(few(), THEN, 90);
    place
        .export(&server.url(), &["--compare", "lake"])
        .exits(0)
        .shows(&["up $25.00"]);
    let place = Place::new();
    sync(&place, &server, &["--since", "2025-09-01"]).exits(0);
    let unjudged = &report(&place, &["--month", "2025-09", "--compare", "lake"])["comparison"];
    assert_eq!(unjudged["judged"], false);
    assert!(
        unjudged["why"]
            .as_str()
            .unwrap()
            .contains("lake does not cover the previous period, 1–31 August 2025 (UTC): it holds 2025-09-01T00:00:00Z to 2025-10-03T06:00:00Z"),
        "{unjudged}"
    );
    place.export(&server.url(), &["--compare", "nowhere"]).exits(2);
}

#[test]
fn a_cycle_is_reconciled_from_a_lake_that_covers_it() {
    let usage = |_: &crate::support::stand_in::Request| {
        Reply::json(
            r#"{"data":{"usageCycle":{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"},
            "monthlyServiceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":1,"baseAmountUsd":28,"baseUnitPriceUsd":1,
            "amountAfterVolumeDiscountUsd":28,"priceTiers":[]}},"dailyServiceUsages":[],
            "totalUsageCreditsUsdBeforeVolumeDiscount":28,"totalUsageCreditsUsdAfterVolumeDiscount":28}}"#
                .into(),
        )
    };
    let place = small();
    let server = Apify::of(Vec::new())
        .dated(THEN)
        .keeps(90)
        .at("/v2/users/me/usage/monthly", usage)
        .start();
    let url = server.url();
    let args = [
        "reconcile",
        "lake",
        "--cycle",
        "2025-09-15",
        "--api-url",
        &url,
        "--json",
    ];
    let all = told(&place.run(&args));
    assert_eq!((&all["verdict"], &all["proven"]), (&json!("ties"), &json!(true)));
    assert_eq!(all["runs"]["runs"], 3);
    assert!(server.list_requests().is_empty());
    // aug2 ended in the cycle.
    assert!(
        all.to_string().contains(r#""usage_total_usd":"2""#) || all.to_string().contains(r#""usd":"2""#),
        "{all}"
    );
    let as_of = told(&place.run(&[&args[..], &["--as-of", "2999-01-01"]].concat()));
    assert_eq!(as_of["verdict"], "ties");
}

#[test]
fn verify_names_what_a_lake_s_files_are_not() {
    let place = small();
    place
        .run(&["verify", "lake"])
        .exits(0)
        .shows(&["version", "6 runs, $63; all files match the log"]);
    let lake = place.path("lake");
    let file = data_files(&lake).remove(1);
    let (whole, name) = (
        fs::read(&file).unwrap(),
        file.file_name().unwrap().to_str().unwrap().to_string(),
    );
    fs::write(&file, &whole[..whole.len() - 100]).unwrap();
    let verify = || place.run(&["verify", "lake"]);
    verify()
        .exits(5)
        .says(&["lake does not match its log", &name, "bytes, the log says"]);
    place.run(&["report", "lake"]).exits(5).says(&[&name]);
    fs::remove_file(&file).unwrap();
    verify()
        .exits(5)
        .says(&[&name, "it is missing; was the table vacuumed?"]);
    place
        .run(&["report", "lake"])
        .exits(5)
        .says(&["was the table vacuumed?"]);
    // What isn't touched is reported all the same.
    report(&place, &["--month", "2025-10"]);
    let another = fs::read(&data_files(&lake)[0]).unwrap();
    fs::write(&file, another).unwrap();
    verify().exits(5).says(&["rows", "log says"]);
    fs::write(&file, &whole).unwrap();
    verify().exits(0);
}

#[test]
fn verify_holds_rows_against_the_bounds_of_the_log_and_finds_a_run_that_is_there_twice() {
    let place = small();
    let lake = place.path("lake");
    forge(&lake, r#"\"id\":\"sep1\""#, r#"\"id\":\"sep2\""#);
    let verify = || place.run(&["verify", "lake"]);
    verify()
        .exits(5)
        .says(&["1 run is outside the bounds in the log, such as sep1"]);
    forge(&lake, r#"\"id\":\"sep2\""#, r#"\"id\":\"sep1\""#);
    verify().exits(0);
    forge(
        &lake,
        r#"\"started_at\":\"2025-09-01T00:00:00.000Z\""#,
        r#"\"started_at\":\"2025-09-01T00:00:00.001Z\""#,
    );
    verify().exits(5).says(&["outside the bounds"]);
    forge(
        &lake,
        r#"\"started_at\":\"2025-09-01T00:00:00.001Z\""#,
        r#"\"started_at\":\"2025-09-01T00:00:00.000Z\""#,
    );
    forge(&lake, r#"\"numRecords\":3"#, r#"\"numRecords\":4"#);
    let left = "4 runs of 2025-09; after the last commit: 3";
    verify().exits(5).says(&[left]);
    place.run(&["report", "lake"]).exits(5).says(&[left]);
    forge(&lake, r#"\"numRecords\":4"#, r#"\"numRecords\":3"#);
    // September's file named once more, as the same file under another name.
    let file = data_files(&lake).remove(1);
    let name = file.file_name().unwrap().to_str().unwrap();
    fs::copy(&file, file.with_file_name("copy.zstd.parquet")).unwrap();
    let last = lake.join(format!("_delta_log/{:020}.json", commits(&place) - 1));
    let mut text = fs::read_to_string(&last).unwrap();
    let adds: Vec<String> = names(&lake.join("_delta_log"))
        .iter()
        .flat_map(|log| {
            let text = fs::read_to_string(lake.join("_delta_log").join(log)).unwrap();
            text.lines().map(String::from).collect::<Vec<_>>()
        })
        .filter(|line| line.starts_with(r#"{"add""#) && line.contains(name))
        .collect();
    text += &format!("\n{}\n", adds[0].replace(name, "copy.zstd.parquet"));
    fs::write(&last, text).unwrap();
    verify().exits(5).says(&["6 runs of 2025-09; after the last commit: 3"]);
}

#[test]
fn a_folder_inside_a_lake_is_told_and_what_a_desktop_left_is_not_seen() {
    let place = small();
    for (path, args) in [
        ("lake/_delta_log", &["report", "lake/_delta_log"][..]),
        ("lake/started_month=2025-09", &["verify", "lake/started_month=2025-09"]),
        ("lake/_delta_log", &["lake", "info", "lake/_delta_log"]),
    ] {
        assert!(place.path(path).is_dir(), "{path}");
        place
            .run(args)
            .exits(2)
            .says(&[path, "is inside the lake at", "lake: use that path"]);
    }
    let before = place.run(&["report", "lake", "--format", "json"]);
    for path in [
        "lost+found/x.parquet",
        ".Trash-1000/x.parquet",
        "started_month=2025-09/.DS_Store",
        "started_month=2025-09/@eaDir/x.parquet",
        "_delta_log/._00000000000000000000.json",
        "_delta_log/Thumbs.db",
        "Thumbs.db",
    ] {
        let path = place.path("lake").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "not ours").unwrap();
    }
    fs::set_permissions(place.path("lake/lost+found"), fs::Permissions::from_mode(0o000)).unwrap();
    let after = place.run(&["report", "lake", "--format", "json"]);
    assert_eq!(after.exits(0).stdout, before.stdout);
    place.run(&["verify", "lake"]).exits(0);
    place.run(&["lake", "info", "lake"]).exits(0);
    place.run(&["lake", "optimize", "lake"]).exits(0);
    place.run(&["lake", "vacuum", "lake"]).exits(0);
    place
        .run(&["lake", "close", "lake", "--month", "2025-09", "--out", "closed"])
        .exits(0);
    assert!(place.path("lake/Thumbs.db").exists());
    fs::set_permissions(place.path("lake/lost+found"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_lake_and_its_changes_have_one_missing_parent_at_most() {
    let (place, server) = (Place::new(), serving(few(), THEN, 90));
    let url = server.url();
    let sync = |more: &[&str]| place.run(&[&["sync", "--api-url", &url, "--quiet"], more].concat());
    for args in [
        &["--lake", "nope/dir/lake"][..],
        &["--lake", "lake", "--changes", "nope/dir/c.csv"],
    ] {
        sync(args)
            .exits(6)
            .says(&["nope does not exist", "create it, or mount"]);
    }
    assert_eq!((place.names(), server.requests().len()), (Vec::new(), 0));
    sync(&["--lake", "made/lake", "--changes", "changes/c.csv"]).exits(0);
    assert_eq!(place.names(), ["changes", "made"]);
}

#[test]
fn what_is_no_lake_of_ours_is_exit_2() {
    let place = small();
    let lake = place.path("lake");
    fs::create_dir(place.path("empty")).unwrap();
    let commands: [&[&str]; 3] = [&["report"], &["verify"], &["diff", "lake"]];
    for command in commands {
        place
            .run(&[command, &["empty"]].concat())
            .exits(2)
            .says(&["empty has no manifest.json"]);
        let url = format!("file://{}", place.path("empty").display());
        place
            .run(&[command, &[&*url]].concat())
            .exits(2)
            .says(&["there is no lake"]);
        place.run(&[command, &["ftp://somewhere/lake"]].concat()).exits(2);
    }
    let server = serving(few(), THEN, 90);
    place.export(&server.url(), &[]).exits(0);
    fs::copy(place.path("out/manifest.json"), lake.join("manifest.json")).unwrap();
    for command in commands {
        place
            .run(&[command, &["lake"]].concat())
            .exits(2)
            .says(&["holds both manifest.json (an export) and _delta_log (a lake)"]);
    }
    fs::remove_file(lake.join("manifest.json")).unwrap();
    let inside = ["report", "out", "--format", "md", "--out", "lake/reports"];
    place.run(&inside).exits(6).says(&["is a lake or inside one"]);
    assert!(!lake.join("reports").exists());
    forge(&lake, "apify-runs.lake", "somebody.elses");
    for command in commands {
        place
            .run(&[command, &["lake"]].concat())
            .exits(2)
            .says(&["was not made by apify-runs"]);
    }
    for name in names(&lake.join("_delta_log")) {
        fs::write(lake.join("_delta_log").join(name), "nonsense").unwrap();
    }
    place
        .run(&["report", "lake"])
        .exits(5)
        .says(&["its log cannot be read"]);
}

#[test]
fn a_lake_is_served_as_an_export_of_it_is_and_as_it_was() {
    let place = demo();
    let lake = Served::start(&place, &["lake"], None);
    let export = Served::start(&place, &["out"], None);
    let september = "startedAfter=2025-09-01T00:00:00.000Z&startedBefore=2025-09-30T23:59:59.999Z";
    for list in [
        format!("/v2/actor-runs?{september}&offset=8500"),
        format!("/v2/actor-runs?{september}&status=ABORTED,TIMED-OUT"),
    ] {
        let runs = [&lake, &export].map(|served| served.data(&list)["items"].as_array().unwrap().clone());
        assert!(!runs[0].is_empty());
        assert!(runs[0] == runs[1], "{list}");
    }
    let actors = export.data("/v2/actors?limit=1");
    let of_actor = format!(
        "/v2/actors/{}/runs?{september}&limit=5&desc=1",
        actors["items"][0]["id"].as_str().unwrap()
    );
    assert_eq!(lake.data(&of_actor), export.data(&of_actor));
    let id = lake.list("offset=7000&limit=1")["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_string();
    assert_eq!(lake.data(&format!("/v2/actor-runs/{id}"))["id"], id);

    let place = small();
    corrected(&place);
    let costs = |args: &[&str]| -> Vec<f64> {
        let served = Served::start(&place, args, None);
        let (runs, _) = served.all("/v2/actor-runs");
        runs.iter().map(|run| run["usageTotalUsd"].as_f64().unwrap()).collect()
    };
    assert_eq!(costs(&["lake"]), [1.0, 2.0, 5.0, 8.25, 0.75, 0.25, 15.0, 32.0]);
    let versions = commits(&place);
    assert_eq!(
        costs(&["lake", "--as-of", &(versions - 2).to_string()]),
        [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    );
}

#[test]
fn a_sync_s_rows_are_served_once_it_is_done() {
    let place = small();
    let served = Served::start(&place, &["lake", "--refresh", "50ms"], None);
    assert_eq!(served.list("limit=1")["total"], 6);
    corrected(&place);
    let began = std::time::Instant::now();
    while served.list("limit=1")["total"] != 8 {
        assert!(began.elapsed().as_secs() < 60, "the new rows aren't served");
    }
    assert_eq!(served.data("/v2/actor-runs/sep4")["usageTotalUsd"], 0.75);
}
