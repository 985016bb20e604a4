//! Apify's own count of a period, kept in the export beside the runs: cut to its days, exact, marked where it is unknown, and
//! never lost in silence.

use std::fs;

use serde_json::{Value, json};

use crate::support::account::{Apify, ended};
use crate::support::client::Served;
use crate::support::command::{Exported, Place};
use crate::support::stand_in::{Reply, Request, StandIn, ms};

const DAY: i64 = 86_400_000;
const DATE: &str = "Fri, 03 Oct 2025 06:00:00 GMT";

/// A service with its dollars before and after volume discount, as JSON has them.
fn service(key: &str, base: &str, after: &str) -> String {
    format!(r#""{key}":{{"quantity":2.5,"baseAmountUsd":{base},"amountAfterVolumeDiscountUsd":{after}}}"#)
}

/// A cycle with these members: its services, and its days, if it has days.
fn cycle(start: &str, end: &str, services: &str, days: Option<&str>) -> Reply {
    let days = days.map_or(String::new(), |days| format!(r#""dailyServiceUsages":[{days}],"#));
    Reply::json(format!(
        r#"{{"data":{{"usageCycle":{{"startAt":"{start}T00:00:00.000Z","endAt":"{end}T23:59:59.999Z"}},
        "monthlyServiceUsage":{{{services}}},{days}
        "totalUsageCreditsUsdBeforeVolumeDiscount":1,"totalUsageCreditsUsdAfterVolumeDiscount":1}}}}"#
    ))
}

fn day(date: &str, services: &str) -> String {
    format!(r#"{{"date":"{date}T00:00:00.000Z","serviceUsage":{{{services}}},"totalUsageCreditsUsd":0}}"#)
}

/// The cycles from 2 August and from 2 September: the first counts $0.3 on 1 September and $100 before, the second $10.25 of
/// compute units and $7 of something new within September, and $1,000 after it.
fn two_cycles(request: &Request) -> Reply {
    let units = |base: &str| service("ACTOR_COMPUTE_UNITS", base, base);
    match request.query["date"].as_str() {
        date if date < "2025-09-02" => {
            let days = [day("2025-08-20", &units("1e2")), day("2025-09-01", &units("0.3"))].join(",");
            cycle("2025-08-02", "2025-09-01", &units("100.3"), Some(&days))
        }
        _ => {
            let second = [units("10"), service("NEW_THING", "7", "6.5")].join(",");
            let days = [
                day("2025-09-02", &second),
                day("2025-09-30", &service("ACTOR_COMPUTE_UNITS", "0.25", "0.2")),
                day("2025-10-01", &units("1000")),
            ];
            let month = [
                service("ACTOR_COMPUTE_UNITS", "1010.25", "1010.2"),
                service("NEW_THING", "7", "6.5"),
            ];
            cycle("2025-09-02", "2025-10-01", &month.join(","), Some(&days.join(",")))
        }
    }
}

fn build(id: &str, started: &str, usage: &str) -> String {
    format!(
        r#"{{"id":"{id}","actId":"actor","status":"SUCCEEDED","startedAt":"{started}","finishedAt":"{started}","usageTotalUsd":{usage},"meta":{{"origin":"WEB"}}}}"#
    )
}

/// Three runs of September, $5 and one of unknown cost; a build of September and one before it.
fn account() -> Apify {
    let from = ms("2025-09-03T00:00:00Z");
    let runs = vec![
        ended("r1", from, r#""usageTotalUsd":2"#),
        ended("r2", from + DAY, r#""usageTotalUsd":3"#),
        ended("r3", from + 2 * DAY, r#""usageTotalUsd":null"#),
    ];
    Apify::of(runs)
        .at("/v2/users/me/usage/monthly", two_cycles)
        .listed(
            "/v2/actor-builds",
            vec![
                build("b2", "2025-09-05T00:00:00.000Z", "0.125"),
                build("b1", "2025-08-05T00:00:00.000Z", "50"),
            ],
        )
        .dated(DATE)
}

fn asked_dates(server: &StandIn) -> Vec<String> {
    let requests = server.requests();
    let asked = requests
        .iter()
        .filter(|asked| asked.path == "/v2/users/me/usage/monthly");
    asked.map(|asked| asked.query["date"].clone()).collect()
}

fn counted(place: &Place) -> Value {
    place.exported().json("report.json")["usage"]["counted"].clone()
}

#[test]
fn a_month_that_two_cycles_share_has_its_days_of_both_to_the_last_digit() {
    let server = account().start();
    let place = Place::new();
    let done = place.export(&server.url(), &[]);
    done.exits(0).shows(&[
        "Usage that Apify counts, 2025-09-01 to 2025-10-01, at 2025-10-03 06:00 UTC",
        "Apify counts, before volume discount $17.55",
        "runs with a known cost, by their start $5.00 2 runs",
        "builds with a known cost $0.12 1 build",
        "not attributed to a run or build $12.42",
        "may include: 1 run of unknown cost",
        // 6.5 + 0.2 less 7 + 0.25.
        "Volume discount -$0.55",
    ]);
    assert_eq!(asked_dates(&server), ["2025-09-01", "2025-09-02"]);
    let exported = place.exported();
    assert_eq!(
        exported.text("usage_by_day.csv"),
        "day,service,service_name,quantity,usage_usd,usage_after_discount_usd\n\
         2025-09-01,ACTOR_COMPUTE_UNITS,Compute units,2.5,0.3,0.3\n\
         2025-09-02,ACTOR_COMPUTE_UNITS,Compute units,2.5,10,10\n\
         2025-09-02,NEW_THING,NEW_THING,2.5,7,6.5\n\
         2025-09-30,ACTOR_COMPUTE_UNITS,Compute units,2.5,0.25,0.2\n"
    );
    assert_eq!(
        exported.text("usage_by_service.csv"),
        "service,service_name,quantity,usage_usd,usage_after_discount_usd\n\
         ACTOR_COMPUTE_UNITS,Compute units,7.5,10.55,10.5\n\
         NEW_THING,NEW_THING,2.5,7,6.5\n"
    );
    assert_eq!(
        exported.text("builds.csv"),
        "id,act_id,status,started_at,finished_at,usage_total_usd,cost_state,meta_origin,act_name\n\
         b2,actor,SUCCEEDED,2025-09-05T00:00:00.000Z,2025-09-05T00:00:00.000Z,0.125,settled,WEB,\n"
    );
    let explained = &exported.json("report.json")["usage_explained"];
    assert_eq!(explained["counted_usd"], "17.55");
    assert_eq!(explained["not_attributed_usd"], "12.425");
    let cycles = &counted(&place)["cycles"];
    assert_eq!(
        (cycles.as_array().unwrap().len(), &cycles[0]["is_over"]),
        (2, &json!(true))
    );
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn of_a_period_that_is_no_utc_days_the_whole_days_within_are_counted_and_compared() {
    let server = account().start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--timezone", "Europe/Prague"]);
    done.exits(0)
        .shows(&["Counted for the whole UTC days within the period, 2025-09-01 to 2025-09-30"]);
    let explained = place.exported().json("report.json")["usage_explained"].clone();
    // Without 30 September.
    assert_eq!(explained["counted_usd"], "17.3");
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_cycle_that_is_not_over_says_so() {
    let server = account()
        .at("/v2/users/me/usage/monthly", |_| {
            let days = day("2025-10-02", &service("ACTOR_COMPUTE_UNITS", "4", "4"));
            cycle(
                "2025-10-02",
                "2025-11-01",
                &service("ACTOR_COMPUTE_UNITS", "4", "4"),
                Some(&days),
            )
        })
        .start();
    let place = Place::new();
    let url = server.url();
    let export = [
        "export",
        "--api-url",
        &url,
        "--from",
        "2025-10-02",
        "--to",
        "2025-10-10",
        "--out",
        "out",
    ];
    place
        .run_at("2025-10-03T06:00:00Z", &export)
        .exits(0)
        .shows(&["Usage that Apify counts, 2025-10-02 to 2025-10-04, at 2025-10-03 06:00 UTC; its billing cycle is open until 2025-11-02"]);
    assert_eq!(counted(&place)["cycles"][0]["is_over"], false);
}

#[test]
fn without_days_a_whole_cycle_is_counted_and_a_part_is_unknown() {
    let without_days = |_: &Request| {
        let services = service("ACTOR_COMPUTE_UNITS", "9", "9");
        cycle("2025-09-02", "2025-10-01", &services, None)
    };
    let server = account().at("/v2/users/me/usage/monthly", without_days).start();
    let place = Place::new();
    let url = server.url();
    let cycle = [
        "export",
        "--api-url",
        &url,
        "--cycle",
        "2025-09-15",
        "--out",
        "out",
        "--format",
        "parquet",
    ];
    place.run_at("2025-10-03T06:00:00Z", &cycle).exits(0);
    assert_eq!(counted(&place)["has_days"], false);
    assert_eq!(
        place.exported().json("report.json")["usage_explained"]["counted_usd"],
        "9"
    );
    place.run(&["verify", "out"]).exits(0);
    let part = [
        "--from",
        "2025-09-03",
        "--to",
        "2025-09-05",
        "--out",
        "part",
        "--format",
        "csv",
    ];
    let part = [&["export", "--api-url", &url][..], &part].concat();
    place
        .run_at("2025-10-03T06:00:00Z", &part)
        .exits(0)
        .shows(&["Counted unknown: the period has only a part of the billing cycle 2025-09-02 to 2025-10-02, for which Apify gave no usage by day"]);
}

#[test]
fn amounts_that_are_null_text_or_missing_make_the_sum_at_least() {
    for (fields, named) in [
        (r#""baseAmountUsd":null"#, "is missing"),
        (r#""baseAmountUsd":"7""#, "is a text"),
        (r#""quantity":7"#, "is missing"),
    ] {
        let server = account()
            .at("/v2/users/me/usage/monthly", move |_| {
                let odd = format!(r#""NEW_THING":{{{fields}}}"#);
                let services = [service("ACTOR_COMPUTE_UNITS", "9", "9"), odd].join(",");
                cycle(
                    "2025-09-01",
                    "2025-09-30",
                    &services,
                    Some(&day("2025-09-02", &services)),
                )
            })
            .start();
        let place = Place::new();
        place
            .export(&server.url(), &[])
            .exits(0)
            .shows(&["Apify counts, before volume discount $9.00 at least"]);
        let counted = counted(&place);
        assert_eq!(counted["is_at_least"], true);
        assert!(counted["unknown"].to_string().contains(named), "{counted}");
        let csv = place.exported().text("usage_by_service.csv");
        assert!(csv.contains("\nNEW_THING,NEW_THING,") && csv.ends_with(",,\n"), "{csv}");
        place.run(&["verify", "out"]).exits(0);
    }
}

/// A token that may read runs and no more.
fn refused(account: Apify) -> Apify {
    let refuse = |_: &Request| Reply::error(403, "insufficient-permissions", "no");
    account
        .at("/v2/users/me/usage/monthly", refuse)
        .at("/v2/actor-builds", refuse)
}

#[test]
fn a_token_that_may_not_read_usage_is_a_note_and_takes_nothing_away() {
    let server = refused(account()).start();
    let place = Place::new();
    let done = place.export(&server.url(), &[]);
    done.exits(0).shows(&["Counted unknown: the API refused the token"]);
    assert_eq!(done.stderr, "");
    let usage = place.exported().json("manifest.json")["usage"].clone();
    assert_eq!((&usage["counted"], &usage["builds"]), (&json!(null), &json!(null)));
    assert!(usage["counted_unknown"].as_str().unwrap().contains("403"), "{usage}");
    place.run(&["verify", "out"]).exits(0);
    // What knew more stays, unless that is wanted.
    place.export(&account().start().url(), &["--replace"]).exits(0);
    let known = place.exported().bytes();
    for (server, more) in [(&server, &[][..]), (&account().start(), &["--no-usage"])] {
        place
            .export(&server.url(), more)
            .exits(6)
            .says(&["has the usage that Apify counts, which the new one lacks", "--replace"]);
        assert!(place.exported().bytes() == known);
    }
    place.export(&server.url(), &["--replace"]).exits(0);
}

#[test]
fn nobody_is_asked_with_no_usage_or_filters_or_on_a_dry_run() {
    let server = account().start();
    for more in [
        &["--no-usage"][..],
        &["--status", "SUCCEEDED"],
        &["--actor", "actorIDof17charac"],
        &["--dry-run"],
    ] {
        let place = Place::new();
        let out = place.export(&server.url(), more);
        out.exits(0);
        if !more.contains(&"--dry-run") {
            assert!(place.exported().json("manifest.json").get("usage").is_none());
            assert!(!place.exported().text("report.json").contains("usage_explained"));
        }
    }
    assert_eq!(asked_dates(&server), [""; 0]);
}

#[test]
fn what_was_changed_is_found_before_anything_is_made_of_it() {
    let place = Place::new();
    place.export(&account().start().url(), &[]).exits(0);
    let exported = place.exported();
    for (name, from, to) in [
        ("usage_by_day.csv", "10,10", "11,10"),
        ("usage_by_service.csv", "10.55", "10.56"),
        ("builds.csv", "0.125", "0.126"),
        (
            "report.json",
            r#""not_attributed_usd": "12.425""#,
            r#""not_attributed_usd": "0""#,
        ),
        ("manifest.json", r#""is_at_least": false"#, r#""is_at_least": true"#),
    ] {
        let text = exported.text(name);
        assert!(text.contains(from), "{name}");
        fs::write(place.path("out").join(name), text.replacen(from, to, 1)).unwrap();
        place.run(&["verify", "out"]).exits(5);
        place.run(&["report", "out"]).exits(5);
        fs::write(place.path("out").join(name), text).unwrap();
    }
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_part_of_an_export_has_its_own_days_and_builds() {
    let place = Place::new();
    place.export(&account().start().url(), &[]).exits(0);
    let part = [
        "report",
        "out",
        "--from",
        "2025-09-02",
        "--to",
        "2025-09-05",
        "--format",
        "json",
    ];
    let part: Value = serde_json::from_str(&place.run(&part).exits(0).stdout).unwrap();
    assert_eq!(part["usage_explained"]["counted_usd"], "17");
    assert_eq!(part["usage_explained"]["runs"]["usage_usd"], "5");
    assert_eq!(part["builds"], json!([]));
    let one = ["report", "out", "--only", "usage_by_service", "--format", "csv"];
    assert_eq!(
        place.run(&one).exits(0).stdout,
        place.exported().text("usage_by_service.csv")
    );
}

#[test]
fn all_rows_of_focus_come_to_what_apify_counts() {
    let place = Place::new();
    place.export(&account().start().url(), &[]).exits(0);
    for grain in ["run", "day"] {
        let focus = [
            "report",
            "out",
            "--format",
            "focus",
            "--focus-grain",
            grain,
            "--out",
            grain,
        ];
        place.run(&focus).exits(0);
        let rows = Exported { out: place.path(grain) }.rows("focus.csv");
        let others: Vec<_> = rows.iter().filter(|row| row["x_RowKind"] == "not-attributed").collect();
        assert_eq!((rows.len(), others.len()), (32, 30));
        let picked: Vec<&str> = others.iter().take(5).map(|row| row["BilledCost"].as_str()).collect();
        // 1 September; the next; two days of a run each, counted as nothing; a day of nothing.
        assert_eq!(picked, ["0.3", "17", "-2", "-3", "0"]);
        assert_eq!(others[29]["BilledCost"], "0.25");
        assert_eq!(others[29]["x_QueriedAt"], "2025-10-03T06:00:00.000Z");
    }
}

#[test]
fn an_export_that_is_served_gives_its_usage_and_builds_again() {
    let place = Place::new();
    place.export(&account().start().url(), &[]).exits(0);
    let served = Served::start(&place, &["out"], None);
    let again = Place::new();
    again.export(&served.url(), &[]).exits(0);
    for name in [
        "usage_by_day.csv",
        "usage_by_service.csv",
        "builds.csv",
        "usage_explained.csv",
    ] {
        assert_eq!(again.exported().text(name), place.exported().text(name), "{name}");
    }
    assert_eq!(served.get("/v2/users/me/usage/monthly?date=2025-12-01").status, 403);
}

#[test]
fn a_cycle_that_an_export_holds_is_reconciled_without_asking_and_written_as_files() {
    let place = Place::new();
    let server = account().start();
    let url = server.url();
    let export = [
        "export",
        "--api-url",
        &url,
        "--from",
        "2025-08-02",
        "--to",
        "2025-10-02",
        "--out",
        "out",
    ];
    place.run_at("2025-10-03T06:00:00Z", &export).exits(0);
    let asked = server.requests().len();
    let reconcile = |more: &[&str]| place.run(&[&["reconcile", "out", "--cycle", "2025-09-15"][..], more].concat());
    let all: Value = serde_json::from_str(&reconcile(&["--json"]).exits(0).stdout).unwrap();
    assert_eq!(all["usage_from"], "from out, queried at 2025-10-03T06:00:00.000Z");
    assert_eq!(all["cycle"]["from"], "2025-09-02T00:00:00.000Z");
    assert_eq!(all["usage_explained"]["counted_usd"], "1017.25");
    assert_eq!(all["usage_explained"]["builds"]["usage_usd"], "0.125");
    let days = all["days_approximate"].as_array().unwrap();
    let second = days.iter().find(|day| day["day"] == "2025-09-02").unwrap();
    assert_eq!(second, &json!({"day": "2025-09-02", "usd": "17", "runs_usd": null}));
    let done = reconcile(&["--out", "files"]);
    done.exits(0)
        .shows(&["Counted by Apify, from out, queried at", "Wrote 4 files into files"]);
    let files = Exported {
        out: place.path("files"),
    };
    assert_eq!(files.json("reconcile.json"), all);
    assert!(done.stdout.starts_with(&files.text("reconcile.txt")));
    let page = files.text("reconcile.html");
    assert!(
        page.contains("Verdict") && page.contains("NEW_THING") && page.contains("1,017.25"),
        "{page}"
    );
    assert!(files.bytes()["reconcile.xlsx"].starts_with(b"PK"));
    assert_eq!(server.requests().len(), asked);
    // Of two cycles that it holds, one must be named.
    place.run(&["reconcile", "out"]).exits(2).says(&["--cycle"]);
}
