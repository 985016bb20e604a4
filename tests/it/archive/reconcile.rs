//! A billing cycle's runs against what Apify counts for it: exact sums, the four verdicts, an export in the place of the list,
//! and nothing left behind.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::account::{Apify, Make, detail, ended};
use crate::support::command::{Done, Exported, Place, done, names, wait};
use crate::support::stand_in::{Reply, Run, StandIn, beside_runs, instant, ms};

/// Reconciles the cycle that holds 15 September, with a temporary folder of its own that must be empty afterwards.
#[track_caller]
fn reconcile(place: &Place, source: &[&str], more: &[&str]) -> Done {
    let temporary = place.path("temporary");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut args = vec!["reconcile", "--cycle", "2025-09-15"];
    args.extend(source);
    args.extend(more);
    let done = done(place.command(&args).env("TMPDIR", &temporary));
    assert_eq!(names(&temporary), [""; 0], "left behind by\n{done}");
    done
}

fn told(done: &Done) -> Value {
    serde_json::from_str(&done.exits(0).stdout).unwrap()
}

/// A run that ended a second after it began.
fn costing(id: &str, started: &str, cost: &str) -> Run {
    let finished = instant(ms(started) + 1000);
    let rest = format!(r#""actId":"actor","finishedAt":"{finished}","usageTotalUsd":{cost}"#);
    Run::new(id, ms(started)).with(&rest)
}

/// Three runs of the cycle, $7.50 in all, on its first and last millisecond too; one before it and one after it.
fn in_and_out() -> Vec<Run> {
    let mut last = costing("last", "2025-10-01T23:59:59.999Z", "4");
    last.rest = r#""actId":"actor","finishedAt":"2025-10-01T23:59:59.999Z","usageTotalUsd":4"#.into();
    vec![
        costing("before", "2025-09-01T23:59:59.999Z", "100"),
        costing("first", "2025-09-02T00:00:00.000Z", "1"),
        costing("middle", "2025-09-15T12:00:00.000Z", "2.5"),
        last,
        costing("after", "2025-10-02T00:00:00.000Z", "1000"),
    ]
}

/// What Apify counts: services with their dollars before and after volume discount.
fn usage(services: &[(&str, &str, &str)]) -> Reply {
    let services = services.iter().map(|(key, base, after)| {
        format!(r#""{key}":{{"quantity":1,"baseAmountUsd":{base},"baseUnitPriceUsd":1,"amountAfterVolumeDiscountUsd":{after},"priceTiers":[]}}"#)
    });
    let services = services.collect::<Vec<_>>().join(",");
    Reply::json(format!(
        r#"{{"data":{{"usageCycle":{{"startAt":"2025-09-02T00:00:00.000Z","endAt":"2025-10-01T23:59:59.999Z"}},
        "monthlyServiceUsage":{{{services}}},"dailyServiceUsages":[{{"date":"2025-09-15T00:00:00.000Z","serviceUsage":{{}},"totalUsageCreditsUsd":3.25}}],
        "totalUsageCreditsUsdBeforeVolumeDiscount":46.5,"totalUsageCreditsUsdAfterVolumeDiscount":46.25}}}}"#
    ))
}

fn serving(runs: Vec<Run>, services: &'static [(&'static str, &'static str, &'static str)]) -> Apify {
    Apify::of(runs)
        .at("/v2/users/me/usage/monthly", move |request| {
            // An export asks for other dates too. Without an answer it would go on asking for half a minute.
            match request.query["date"].as_str() {
                "2025-09-15" => usage(services),
                _ => beside_runs(&request.path),
            }
        })
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
}

/// Services of $7.50 that belong to runs, and two others.
const TYING: &[(&str, &str, &str)] = &[
    ("ACTOR_COMPUTE_UNITS", "5", "5"),
    ("PAID_ACTORS_PER_EVENT", "2.5", "2.5"),
    ("DATASET_TIMED_STORAGE_GBYTE_HOURS", "30", "30"),
    ("A_SERVICE_OF_TOMORROW", "9", "9"),
];

fn verdict(runs: Vec<Run>, services: &'static [(&'static str, &'static str, &'static str)], more: &[&str]) -> Value {
    let server = serving(runs, services).start();
    told(&reconcile(
        &Place::new(),
        &["--api-url", &server.url()],
        &[&["--json"], more].concat(),
    ))
}

#[test]
fn runs_that_add_up_to_what_apify_counts_for_runs_tie_and_every_amount_is_exact() {
    let all = verdict(in_and_out(), TYING, &["--fail-unexplained"]);
    assert_eq!(
        (&all["verdict"], &all["remainder_usd"], &all["proven"]),
        (&json!("ties"), &json!("0"), &json!(true))
    );
    assert_eq!(
        (&all["cycle"]["from"], &all["cycle"]["to"]),
        (&json!("2025-09-02T00:00:00.000Z"), &json!("2025-10-02T00:00:00.000Z"))
    );
    assert_eq!(
        (&all["runs"]["runs"], &all["runs"]["usage_total_usd"]),
        (&json!(3), &json!("7.5"))
    );
    let usage = &all["usage"];
    assert_eq!(
        (&usage["belongs_to_runs_usd"], &usage["outside_runs_usd"]),
        (&json!("7.5"), &json!("39"))
    );
    assert_eq!(
        (
            &usage["before_volume_discount_usd"],
            &usage["after_volume_discount_usd"]
        ),
        (&json!("46.5"), &json!("46.25"))
    );
    let belongs: Vec<_> = usage["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["belongs_to_runs"].as_bool().unwrap())
        .collect();
    assert_eq!(belongs, [true, true, false, false]);
    let day = all["days_approximate"]
        .as_array()
        .unwrap()
        .iter()
        .find(|day| day["day"] == "2025-09-15")
        .unwrap()
        .clone();
    assert_eq!(day, json!({"day": "2025-09-15", "usd": "3.25", "runs_usd": "2.5"}));
    let odd: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "7.500000000000000001", "7.5")];
    assert_eq!(verdict(in_and_out(), odd, &[])["remainder_usd"], "0.000000000000000001");
}

#[test]
fn the_text_says_the_same_within_80_columns() {
    let server = serving(in_and_out(), TYING).start();
    let done = reconcile(&Place::new(), &["--api-url", &server.url()], &[]);
    done.exits(0).shows(&[
        "Cycle 2 September – 1 October 2025 (UTC)",
        "Runs 3 runs fetched now",
        "Complete yes",
        "Apify counts, before volume discount $46.50",
        "runs with a known cost, by their start $7.50 3 runs",
        "builds with a known cost $0.00 0 builds",
        "storage over time $30.00 1 service",
        "not attributed to a run or build $9.00 19.4%",
        "Volume discount $0.00",
        "Services that runs and builds use $7.50",
        "Runs and builds with a known cost $7.50",
        "Difference $0.00",
        "Other services $39.00",
        "Verdict matches: runs and builds come to $7.50, Apify counts $7.50 for the services that they use (they differ by at most $1.00)",
    ]);
    for line in done.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let quiet = reconcile(&Place::new(), &["--api-url", &server.url()], &["--quiet"]);
    assert_eq!((&*quiet.exits(0).stdout, &*quiet.stderr), ("", ""));
}

#[test]
fn a_difference_counts_beyond_the_tolerance_alone_and_fails_only_where_that_was_asked() {
    const A_DOLLAR_MORE: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "8.5", "8.5")];
    const MORE: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "8.51", "8.51")];
    const LESS: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "6.49", "6.49")];
    assert_eq!(
        verdict(in_and_out(), A_DOLLAR_MORE, &["--fail-unexplained"])["verdict"],
        "ties"
    );
    for (services, usd) in [(MORE, "1.01"), (LESS, "-1.01")] {
        let all = verdict(in_and_out(), services, &[]);
        assert_eq!(
            (&all["verdict"], &all["not_accounted_for_usd"]),
            (&json!("not_accounted_for"), &json!(usd))
        );
        assert_eq!(
            verdict(in_and_out(), services, &["--tolerance", "1.01", "--fail-unexplained"])["verdict"],
            "ties"
        );
        let server = serving(in_and_out(), services).start();
        let done = reconcile(&Place::new(), &["--api-url", &server.url()], &["--fail-unexplained"]);
        done.exits(7)
            .says(&["--fail-unexplained", "not explained"])
            .shows(&["not explained"]);
    }
    assert_eq!(
        verdict(in_and_out(), A_DOLLAR_MORE, &["--tolerance", "0.999999999999999999"])["verdict"],
        "not_accounted_for"
    );
    // A thousandth of $5,000 is more than a dollar.
    const MANY: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "5000", "5000")];
    let all = verdict(vec![costing("dear", "2025-09-15T00:00:00Z", "4995")], MANY, &[]);
    assert_eq!(
        (&all["verdict"], &all["tolerance_usd"], &all["remainder_usd"]),
        (&json!("ties"), &json!("5"), &json!("5"))
    );
}

#[test]
fn a_volume_discount_and_charges_by_result_are_named_and_that_is_no_failure() {
    const DISCOUNTED: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "20", "8")];
    let all = verdict(in_and_out(), DISCOUNTED, &["--fail-unexplained"]);
    assert_eq!(
        (&all["verdict"], &all["remainder_usd"]),
        (&json!("differs_by_named_items"), &json!("12.5"))
    );
    assert!(
        all["named_items"][0]
            .as_str()
            .unwrap()
            .contains("up to $12.00: volume discount"),
        "{all}"
    );
    const BY_RESULT: &[(&str, &str, &str)] = &[
        ("ACTOR_COMPUTE_UNITS", "7.5", "7.5"),
        ("PAID_ACTORS_PER_DATASET_ITEM", "50", "50"),
    ];
    let mut runs = in_and_out();
    runs.push(ended("by-result", ms("2025-09-15T13:00:00Z"), ""));
    let all = verdict(runs, BY_RESULT, &["--fail-unexplained"]);
    assert_eq!(
        (&all["verdict"], &all["runs"]["runs_cost_unknown"]),
        (&json!("differs_by_named_items"), &json!(1))
    );
    // A charge may be of no run at all: requests to a Standby Actor are one run's, and several users pay for them.
    const BY_EVENT: &[(&str, &str, &str)] = &[
        ("ACTOR_COMPUTE_UNITS", "7.5", "7.5"),
        ("PAID_ACTORS_PER_EVENT", "50", "50"),
    ];
    let all = verdict(in_and_out(), BY_EVENT, &["--fail-unexplained"]);
    assert_eq!(
        (
            &all["verdict"],
            &all["named_items"],
            &all["usage_explained"]["charges_usd"]
        ),
        (
            &json!("differs_by_named_items"),
            &json!(["up to $50.00: charges (PAID_ACTORS_PER_EVENT) that no run shows"]),
            &json!("50")
        )
    );
}

#[test]
fn builds_of_the_cycle_stand_beside_its_runs_and_what_they_leave_is_one_amount() {
    const WITH_BUILDS: &[(&str, &str, &str)] = &[
        ("ACTOR_COMPUTE_UNITS", "27.75", "27"),
        ("DATASET_TIMED_STORAGE_GBYTE_HOURS", "30", "30"),
        ("RENTAL", "9", "9"),
    ];
    let build = |id: &str, started: &str, cost: &str| {
        format!(r#"{{"id":"{id}","actId":"actor","status":"SUCCEEDED","startedAt":"{started}"{cost}}}"#)
    };
    // The newest first, as they are asked for.
    let builds = vec![
        build("after", "2025-10-02T00:00:00.000Z", r#","usageTotalUsd":70"#),
        build("last", "2025-10-01T23:59:59.999Z", r#","usageTotalUsd":20.25"#),
        build("unknown", "2025-09-15T00:00:00.000Z", ""),
        build("before", "2025-09-01T23:59:59.999Z", r#","usageTotalUsd":50"#),
    ];
    let server = serving(in_and_out(), WITH_BUILDS)
        .listed("/v2/actor-builds", builds)
        .start();
    let source = ["--api-url", &server.url()];
    let all = told(&reconcile(&Place::new(), &source, &["--json", "--fail-unexplained"]));
    assert_eq!((&all["verdict"], &all["remainder_usd"]), (&json!("ties"), &json!("0")));
    let explained = &all["usage_explained"];
    assert_eq!(
        explained["builds"],
        json!({"cost_known": 1, "usage_usd": "20.25", "cost_unknown": 1, "is_at_least": false})
    );
    // 66.75 less 7.5, 20.25 and 30.
    assert_eq!(
        (
            &explained["counted_usd"],
            &explained["not_attributed_usd"],
            &explained["volume_discount_usd"]
        ),
        (&json!("66.75"), &json!("9"), &json!("-0.75"))
    );
    let asked = server
        .requests()
        .into_iter()
        .filter(|asked| asked.path == "/v2/actor-builds");
    assert_eq!(
        asked.map(|asked| asked.query["desc"].clone()).collect::<Vec<_>>(),
        ["true"]
    );
    reconcile(&Place::new(), &source, &[]).exits(0).shows(&[
        "builds with a known cost $20.25 1 build",
        "not attributed to a run or build $9.00 13.5%",
        "may include: 1 build of unknown cost",
    ]);
}

#[test]
fn builds_that_can_not_be_read_are_told_and_never_taken_for_none() {
    const MORE: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "10", "10")];
    let server = serving(in_and_out(), MORE)
        .at("/v2/actor-builds", |_| {
            Reply::error(403, "insufficient-permissions", "no")
        })
        .start();
    let done = reconcile(&Place::new(), &["--api-url", &server.url()], &[]);
    done.exits(0).says(&["the account's builds are unknown"]).shows(&[
        "builds with a known cost unknown could not be read",
        "the account's builds could not be read",
    ]);
    let all = told(&reconcile(&Place::new(), &["--api-url", &server.url()], &["--json"]));
    assert_eq!(
        (&all["usage_explained"]["builds"], &all["verdict"]),
        (&Value::Null, &json!("cannot_be_judged"))
    );
    // Whole by itself: the reasons stand in a list of their own.
    assert_eq!(
        all["sentence"],
        "cannot be judged: runs and builds come to $7.50, Apify counts $10.00 for the services that they use"
    );
}

#[test]
fn where_costs_or_runs_may_be_missing_it_can_not_be_judged() {
    const MORE: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "100", "100")];
    let mut runs = in_and_out();
    runs.push(ended("unknown", ms("2025-09-15T13:00:00Z"), ""));
    let all = verdict(runs.clone(), MORE, &["--details", "none"]);
    assert_eq!(
        (&all["verdict"], &all["why_not_judged"]),
        (&json!("cannot_be_judged"), &json!(["the cost of 1 run is unknown"]))
    );
    let server = serving(runs, MORE).start();
    reconcile(&Place::new(), &["--api-url", &server.url()], &["--fail-unexplained"])
        .exits(7)
        .shows(&["cannot be judged"]);
    // 3 October at 6, two weeks earlier: 19 September at 6; of the cycle, 17 days and the beginning of one are gone.
    let server = serving(in_and_out(), TYING).keeps(14).start();
    let source = ["--api-url", &server.url()];
    let all = told(&reconcile(&Place::new(), &source, &["--json"]));
    let headline = "INCOMPLETE: 18 of 30 days are past retention";
    assert_eq!(
        (&all["verdict"], &all["why_not_judged"]),
        (&json!("cannot_be_judged"), &json!([headline]))
    );
    reconcile(&Place::new(), &source, &["--fail-unexplained"])
        .exits(7)
        .shows(&[&format!("Complete {headline}")]);
}

#[test]
fn a_cycle_that_is_not_over_is_so_far_and_not_judged_unless_it_ties() {
    const MORE: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "100", "100")];
    let server = serving(in_and_out(), MORE)
        .dated("Sat, 20 Sep 2025 00:00:00 GMT")
        .start();
    let source = ["--api-url", &server.url()];
    let all = told(&reconcile(&Place::new(), &source, &["--json"]));
    assert_eq!(
        (&all["is_over"], &all["runs"]["runs"], &all["why_not_judged"]),
        (&json!(false), &json!(2), &json!(["the cycle is not over"]))
    );
    reconcile(&Place::new(), &source, &[])
        .exits(0)
        .shows(&["so far until 2025-09-20T00:00:00Z"]);
}

#[test]
fn a_run_across_the_end_of_the_cycle_is_named_and_accounts_for_no_more_than_it_cost() {
    let mut across = costing("across", "2025-10-01T23:00:00.000Z", "12");
    across.rest = r#""actId":"actor","finishedAt":"2025-10-02T01:00:00.000Z","usageTotalUsd":12"#.into();
    let mut runs = in_and_out();
    runs.push(across);
    // 19.50 of runs; Apify counts 9 and 5.
    const NINE: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "9", "9")];
    const FIVE: &[(&str, &str, &str)] = &[("ACTOR_COMPUTE_UNITS", "5", "5")];
    let all = verdict(runs.clone(), NINE, &[]);
    assert_eq!(all["verdict"], "differs_by_named_items");
    assert_eq!(
        all["runs"]["finished_after"],
        json!({"runs": 1, "usage_total_usd": "12"})
    );
    let all = verdict(runs, FIVE, &[]);
    assert_eq!(
        (&all["verdict"], &all["not_accounted_for_usd"]),
        (&json!("not_accounted_for"), &json!("-2.5"))
    );
}

/// An export of what covers the cycle, and some more.
fn covering(server: &StandIn, more: &[&str]) -> Place {
    let place = Place::new();
    let url = server.url();
    let args = [
        "export",
        "--from",
        "2025-09-01",
        "--to",
        "2025-10-03",
        "--out",
        "out",
        "--rate",
        "0",
        "--api-url",
        &url,
    ];
    place.run(&[&args[..], more].concat()).exits(0);
    place
}

#[test]
fn an_export_that_covers_the_cycle_is_read_instead_of_the_list_in_every_format() {
    let server = serving(in_and_out(), TYING).start();
    let forms: [&[&str]; 5] = [
        &[],
        &["--format", "csv"],
        &["--partition-by", "day"],
        &["--details", "all"],
        &["--exclude", "finished_at,act_name"],
    ];
    for form in forms {
        let place = covering(&server, form);
        let listed = server.list_requests().len();
        let all = told(&reconcile(&place, &["out", "--api-url", &server.url()], &["--json"]));
        assert_eq!(
            (&all["verdict"], &all["runs"]["runs"], &all["remainder_usd"]),
            (&json!("ties"), &json!(3), &json!("0")),
            "{form:?}"
        );
        assert!(
            all["runs_from"]
                .as_str()
                .unwrap()
                .starts_with("from out, queried at 2025-10-03T06:00:00"),
            "{all}"
        );
        assert_eq!(server.list_requests().len(), listed, "{form:?}: the list was asked");
        let knows_finishes = !form.contains(&"--exclude");
        let before = if knows_finishes {
            json!({"runs": 1, "usage_total_usd": "100"})
        } else {
            json!({"runs": 0, "usage_total_usd": "0"})
        };
        assert_eq!(all["runs"]["started_before"], before, "{form:?}");
    }
}

#[test]
fn an_export_that_does_not_cover_the_cycle_is_said_and_the_runs_are_fetched() {
    let server = serving(in_and_out(), TYING).start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let done = reconcile(&place, &["out", "--api-url", &server.url()], &["--json"]);
    done.says(&[
        "warning: out covers 2025-09-01T00:00:00.000Z to 2025-10-01T00:00:00.000Z",
        "does not cover the cycle",
    ]);
    assert_eq!(
        (&told(&done)["runs"]["runs"], &told(&done)["runs_from"]),
        (&json!(3), &json!("fetched now"))
    );
    let place = covering(&server, &["--status", "SUCCEEDED"]);
    let done = reconcile(&place, &["out", "--api-url", &server.url()], &["--json"]);
    done.says(&["warning: out holds only filtered runs"]);
    assert_eq!(told(&done)["runs_from"], "fetched now");
}

#[test]
fn an_export_of_another_account_or_source_and_what_is_no_export_are_exit_2() {
    let server = serving(in_and_out(), TYING).start();
    let place = covering(&server, &[]);
    let other = serving(in_and_out(), TYING).owned_by("user2").start();
    reconcile(&place, &["out", "--api-url", &other.url()], &[])
        .exits(2)
        .says(&["out has another account or source"]);
    reconcile(&place, &["out", "--demo"], &[])
        .exits(2)
        .says(&["out has another account or source"]);
    reconcile(&place, &["nowhere", "--api-url", &server.url()], &[])
        .exits(2)
        .says(&["nowhere does not exist"]);
    let place = Place::new();
    place.run(&["reconcile"]).exits(2).says(&["--cycle"]);
    place
        .run(&["reconcile", "--cycle", "2025-09"])
        .exits(2)
        .says(&["2025-09-15"]);
    place
        .run(&["reconcile", "--cycle", "2025-09-15", "--tolerance", "-1"])
        .exits(2);
}

#[test]
fn what_the_api_refuses_or_fails_ends_it_with_the_table_s_code_and_leaves_nothing_behind() {
    let unreadable: [(Make, i32); 4] = [
        (|| Reply::error(403, "insufficient-permissions", "No."), 3),
        (|| Reply::error(401, "user-or-token-not-found", "No."), 3),
        (|| Reply::error(500, "internal-error", "Oops."), 4),
        (
            || {
                Reply::Answer(
                    200,
                    vec![("Retry-After", "0".into())],
                    br#"{"data":{"usageCycle":{}}}"#.to_vec(),
                )
            },
            5,
        ),
    ];
    for (reply, code) in unreadable {
        for path in ["/v2/users/me/usage/monthly", "/v2/actor-runs"] {
            let server = serving(in_and_out(), TYING).at(path, move |_| reply()).start();
            reconcile(&Place::new(), &["--api-url", &server.url()], &["--retries", "1"]).exits(code);
        }
    }
    let mut runs = in_and_out();
    runs.push(ended("unknown", ms("2025-09-15T13:00:00Z"), ""));
    let refused = |_: &str| Reply::error(401, "user-or-token-not-found", "No.");
    let server = serving(runs.clone(), TYING).details(refused).start();
    reconcile(&Place::new(), &["--api-url", &server.url()], &[]).exits(3);
    let failing = |_: &str| Reply::error(500, "internal-error", "Oops.");
    let server = serving(runs, TYING).details(failing).start();
    let done = reconcile(&Place::new(), &["--api-url", &server.url()], &["--retries", "0"]);
    done.exits(0).says(&["warning: the details of 1 run could not be read"]);
}

#[test]
fn limits_that_can_not_be_read_are_said_and_it_is_judged_all_the_same() {
    let refused = |_: &crate::support::stand_in::Request| Reply::error(403, "insufficient-permissions", "No.");
    let server = serving(in_and_out(), TYING).at("/v2/users/me/limits", refused).start();
    let done = reconcile(&Place::new(), &["--api-url", &server.url()], &["--fail-unexplained"]);
    done.exits(0)
        .says(&["warning: Apify's retention is unknown"])
        .shows(&["its retention is unknown", "Verdict matches"]);
}

#[test]
fn meters_stand_side_by_side_where_all_details_are_asked_for() {
    const METERED: &[(&str, &str, &str)] = &[
        ("ACTOR_COMPUTE_UNITS", "5", "5"),
        ("DATASET_READS", "2.5", "2.5"),
        ("PROXY_SERPS", "0", "0"),
    ];
    let answer = |id: &str| {
        let (compute, reads, total) = match id {
            "first" => ("0.7", "0.3", "1"),
            "middle" => ("1.3", "1.2", "2.5"),
            _ => ("3", "0.999999999999999999", "4"),
        };
        let rest = format!(
            r#""usageTotalUsd":{total},"usageUsd":{{"ACTOR_COMPUTE_UNITS":{compute},"DATASET_READS":{reads}}}"#
        );
        Reply::json(detail(id, &rest))
    };
    let server = serving(in_and_out(), METERED).details(answer).start();
    let source = ["--api-url", &server.url()];
    let all = told(&reconcile(&Place::new(), &source, &["--details", "all", "--json"]));
    let meters = json!([
        {"key": "ACTOR_COMPUTE_UNITS", "usd": "5", "runs_usd": "5", "difference_usd": "0"},
        {"key": "DATASET_READS", "usd": "2.5", "runs_usd": "2.499999999999999999", "difference_usd": "0.000000000000000001"},
        {"key": "PROXY_SERPS", "usd": "0", "runs_usd": "0", "difference_usd": "0"},
    ]);
    assert_eq!(all["meters"], meters);
    let done = reconcile(&Place::new(), &source, &["--details", "all"]);
    done.exits(0)
        .shows(&["Meters of runs", "DATASET_READS $2.50 $2.50 <$0.01"]);
    assert_eq!(
        told(&reconcile(&Place::new(), &source, &["--json"]))["meters"],
        json!([])
    );
}

#[test]
fn the_made_up_account_reconciles_meter_by_meter() {
    let place = Place::new();
    let mut command = place.command(&["serve", "--demo", "--runs", "3000"]);
    let mut served = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(served.stdout.take().unwrap()), &mut url).unwrap();
    let more = ["--details", "all", "--json", "--rate", "0", "--detail-rate", "0"];
    let done = reconcile(&place, &["--api-url", url.trim()], &more);
    // Before anything is asserted: whatever comes of it, the server is ours to end.
    served.kill().unwrap();
    served.wait().unwrap();
    let all = told(&done);
    assert_eq!(all["meters"].as_array().unwrap().len(), 12);
    // Each cost was rounded at the 18th place: by half a unit of it at most, which 3,000 runs make 1.5e-15.
    let within_rounding = |usd: &str| usd == "0" || usd.trim_start_matches('-').starts_with("0.00000000000000");
    let usd = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
    let builds = &all["usage_explained"]["builds"];
    assert!(builds["cost_known"].as_u64().unwrap() > 50, "{builds}");
    for meter in all["meters"].as_array().unwrap() {
        let difference = &meter["difference_usd"];
        match meter["key"].as_str().unwrap() {
            // Builds with a cost, and a few whose cost the list lacks.
            "ACTOR_COMPUTE_UNITS" => {
                let beyond = usd(difference) - usd(&builds["usage_usd"]);
                assert!((0.0..0.2).contains(&beyond), "{meter} {builds}");
            }
            // They are used outside of runs too.
            "PROXY_RESIDENTIAL_TRANSFER_GBYTES" | "PROXY_SERPS" => assert!(usd(difference) > 0.5, "{meter}"),
            _ => assert!(within_rounding(difference.as_str().unwrap()), "{meter}"),
        }
    }
    assert_eq!(all["verdict"], "differs_by_named_items", "{all}");
    assert!(
        all["named_items"][0].as_str().unwrap().contains("PAID_ACTORS_PER_"),
        "{all}"
    );
}

#[test]
fn the_demo_reconciles_and_says_that_it_is_made_up() {
    let place = Place::new();
    let done = reconcile(&place, &["--demo"], &["--fail-unexplained"]);
    done.exits(0).shows(&[
        "MADE-UP ACCOUNT",
        "Cycle 2 September – 1 October 2025",
        "Verdict differs, but is explained:",
    ]);
    assert_eq!(place.names(), ["temporary"]);
}

#[test]
fn a_cycle_is_a_period_of_an_export_too() {
    let server = serving(in_and_out(), TYING).start();
    let place = Place::new();
    let url = server.url();
    let args = ["export", "--cycle", "2025-09-15", "--rate", "0", "--api-url", &url];
    let done = place.run(&[&args[..], &["--out", "out"]].concat());
    done.exits(0).shows(&["Period 2 September – 1 October 2025 (UTC)"]);
    assert_eq!(place.exported().ids(), ["first", "middle", "last"]);
    let all = told(&reconcile(&place, &["out", "--api-url", &url], &["--json"]));
    assert_eq!(
        (
            &all["verdict"],
            all["runs_from"].as_str().unwrap().starts_with("from out")
        ),
        (&json!("ties"), true)
    );
    // FOCUS bills by the cycle that the export is of.
    let focus = ["report", "out", "--format", "focus", "--out", "focus", "--quiet"];
    place.run(&focus).exits(0);
    let focus = Exported {
        out: place.path("focus"),
    };
    for row in focus.rows("focus.csv") {
        let billed = ["BillingPeriodStart", "BillingPeriodEnd", "x_BillingPeriodBasis"].map(|name| row[name].clone());
        assert_eq!(
            billed,
            ["2025-09-02T00:00:00Z", "2025-10-02T00:00:00Z", "billing-cycle"]
        );
    }
    // The cycle before is the API's to tell: one that gives the same for every date tells none.
    let same = serving(in_and_out(), TYING)
        .at("/v2/users/me/usage/monthly", |_| usage(TYING))
        .start();
    let url = same.url();
    let args = ["export", "--cycle", "2025-09-15", "--rate", "0", "--api-url", &url];
    let compared = [&args[..], &["--out", "compared", "--compare", "previous"]].concat();
    place.run(&compared).exits(0).shows(&[
        "Previous no comparison: expected the billing cycle of 2025-09-01; the API gave the cycle from 2025-09-02",
    ]);
    place
        .run(&[&args[..], &["--month", "2025-09"]].concat())
        .exits(2)
        .says(&["cannot be used with"]);
    let refused = |_: &crate::support::stand_in::Request| Reply::error(403, "insufficient-permissions", "No.");
    let server = serving(in_and_out(), TYING)
        .at("/v2/users/me/usage/monthly", refused)
        .start();
    let place = Place::new();
    place
        .run(&["export", "--cycle", "2025-09-15", "--api-url", &server.url()])
        .exits(3);
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn an_export_is_judged_by_what_was_kept_when_it_was_made() {
    // Complete then; by now, months later, all of it is past retention.
    let server = serving(in_and_out(), TYING).keeps(90).start();
    let place = covering(&server, &["--format", "parquet"]);
    let later = Apify::of(Vec::new())
        .at("/v2/users/me/usage/monthly", |_| usage(TYING))
        .keeps(90)
        .dated("Mon, 02 Feb 2026 06:00:00 GMT")
        .start();
    let all = told(&reconcile(
        &place,
        &["out", "--api-url", &later.url()],
        &["--json", "--fail-unexplained"],
    ));
    assert_eq!(
        (&all["verdict"], &all["retention"]["expired_days"]),
        (&json!("ties"), &json!(0))
    );
    // And the other way round: what had been deleted then is not there because the plan keeps more now.
    let server = serving(in_and_out(), TYING).keeps(14).start();
    let place = covering(&server, &["--format", "parquet"]);
    let source = ["out", "--api-url", &later.url()];
    let done = reconcile(&place, &source, &["--fail-unexplained"]);
    done.exits(7).shows(&["cannot be judged", "days are past retention"]);
}

#[test]
fn an_export_that_does_not_add_up_to_its_manifest_is_exit_5() {
    let server = serving(in_and_out(), TYING).start();
    let place = covering(&server, &["--format", "csv"]);
    let csv = place.path("out/runs.csv");
    let text = std::fs::read_to_string(&csv).unwrap();
    std::fs::write(&csv, text.replace(",2.5,", ",3,")).unwrap();
    let done = reconcile(&place, &["out", "--api-url", &server.url()], &[]);
    done.exits(5).says(&[
        "runs.csv: the totals of its rows are 5 runs, 1108",
        "the manifest says 5 runs, 1107.5",
    ]);
}

#[test]
fn a_cycle_that_does_not_hold_the_date_is_not_taken() {
    let other = Apify::of(Vec::new())
        .at("/v2/users/me/usage/monthly", |_| {
            let Reply::Answer(status, headers, body) = usage(TYING) else {
                unreachable!()
            };
            let body = String::from_utf8(body).unwrap();
            let body = body
                .replace("2025-09-02", "2025-08-02")
                .replace("2025-10-01", "2025-09-01");
            Reply::Answer(status, headers, body.into_bytes())
        })
        .start();
    let place = Place::new();
    let url = other.url();
    let done = reconcile(&place, &["--api-url", &url], &[]);
    done.exits(5).says(&["billing cycle of 2025-09-15", "2025-08-02"]);
    let export = ["export", "--cycle", "2025-09-15", "--out", "out", "--api-url", &url];
    place.run(&export).exits(5);
    assert!(!place.path("out").exists());
}

/// Each of two accounts' jobs needs files of its own: the second one was refused as if it wrote the same output.
#[test]
fn two_accounts_are_reconciled_at_the_same_time() {
    let (slow, place) = (
        StandIn::start_raw(|request| match request.path.as_str() {
            "/v2/actor-runs" => Reply::Stall,
            "/v2/users/me/usage/monthly" => usage(TYING),
            path => beside_runs(path),
        }),
        Place::new(),
    );
    let temporary = place.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let start = |url: &str| {
        let mut command = place.command(&["reconcile", "--cycle", "2025-09-15", "--api-url", url]);
        command
            .env("TMPDIR", &temporary)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut first = start(&slow.url());
    slow.wait_for("/v2/actor-runs");
    let other = serving(in_and_out(), TYING).start();
    wait(start(&other.url())).exits(0);
    first.kill().unwrap();
    wait(first);
    // What the killed one left goes with the next one that ends.
    wait(start(&other.url())).exits(0);
    assert_eq!(names(&temporary), [""; 0]);
}

#[test]
fn where_temporary_files_cannot_be_written_the_error_names_tmpdir() {
    let place = Place::new();
    std::fs::write(place.path("file"), "").unwrap();
    let mut command = place.command(&["reconcile", "--cycle", "2025-09-15", "--demo"]);
    done(command.env("TMPDIR", place.path("file/below")))
        .exits(6)
        .says(&["set TMPDIR to use another folder"]);
}

#[test]
fn what_apify_s_answer_lacks_is_unknown_by_name_and_asked_for_once() {
    let body = |services: &str| {
        format!(
            r#"{{"data":{{"usageCycle":{{"startAt":"2025-09-02T00:00:00.000Z","endAt":"2025-10-01T23:59:59.999Z"}},
            "monthlyServiceUsage":{services},"dailyServiceUsages":7,"totalUsageCreditsUsdBeforeVolumeDiscount":46.5}}}}"#
        )
    };
    let odd_of_runs = r#"{"ACTOR_COMPUTE_UNITS":{"quantity":1},"PAID_ACTORS_PER_EVENT":{"baseAmountUsd":2.5}}"#;
    let odd_outside = r#"{"ACTOR_COMPUTE_UNITS":{"baseAmountUsd":7.5},"A_SERVICE_OF_TOMORROW":{"baseAmountUsd":"9"}}"#;
    for (services, field, verdict) in [
        (
            odd_of_runs,
            "monthlyServiceUsage.ACTOR_COMPUTE_UNITS.baseAmountUsd is missing",
            "cannot_be_judged",
        ),
        ("null", "monthlyServiceUsage is missing", "cannot_be_judged"),
        (
            odd_outside,
            "monthlyServiceUsage.A_SERVICE_OF_TOMORROW.baseAmountUsd is a text",
            "ties",
        ),
    ] {
        let body = body(services);
        let server = Apify::of(in_and_out())
            .at("/v2/users/me/usage/monthly", move |_| Reply::json(body.clone()))
            .dated("Fri, 03 Oct 2025 06:00:00 GMT")
            .start();
        let done = reconcile(&Place::new(), &["--api-url", &server.url()], &["--json"]);
        let all = told(&done);
        done.says(&[
            field,
            "data.dailyServiceUsages is 7",
            "data.totalUsageCreditsUsdAfterVolumeDiscount is missing",
        ]);
        assert_eq!(all["verdict"], verdict, "{done}");
        assert_eq!(all["usage"]["before_volume_discount_usd"], "46.5");
        assert_eq!(all["usage"]["after_volume_discount_usd"], Value::Null);
        assert_eq!(all["remainder_usd"].is_null(), verdict != "ties");
        assert_eq!(all["runs"]["usage_total_usd"], "7.5");
        let asked = server
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("monthly"))
            .count();
        assert_eq!(asked, 1);
    }
    // Without the cycle there is nothing to compare: that is said at once.
    let server = Apify::of(in_and_out())
        .at("/v2/users/me/usage/monthly", |_| {
            Reply::json(r#"{"data":{"usageCycle":{"startAt":"x"}}}"#.into())
        })
        .start();
    let done = reconcile(&Place::new(), &["--api-url", &server.url()], &[]);
    done.exits(5)
        .says(&["data.usageCycle.startAt is a text; expected an instant"]);
    assert_eq!(
        server
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("monthly"))
            .count(),
        1
    );
}

/// A server that answers dates with the cycle that holds them, from the 2nd of a month to the 1st of the next one, and no others.
fn with_cycles() -> Apify {
    Apify::of(in_and_out())
        .at("/v2/users/me/usage/monthly", |request| {
            let date = request.query["date"].as_str();
            let cycle = match date {
                "2025-10-03" => r#""startAt":"2025-10-02T00:00:00.000Z","endAt":"2025-11-01T23:59:59.999Z""#,
                "2025-10-01" | "2025-09-02" => {
                    r#""startAt":"2025-09-02T00:00:00.000Z","endAt":"2025-10-01T23:59:59.999Z""#
                }
                _ => return beside_runs(&request.path),
            };
            Reply::json(format!(
                r#"{{"data":{{"usageCycle":{{{cycle}}},"monthlyServiceUsage":{{"ACTOR_COMPUTE_UNITS":{{"baseAmountUsd":7.5,
                "amountAfterVolumeDiscountUsd":7.5}}}},"dailyServiceUsages":[],"totalUsageCreditsUsdBeforeVolumeDiscount":7.5,
                "totalUsageCreditsUsdAfterVolumeDiscount":7.5}}}}"#
            ))
        })
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
}

#[test]
fn the_last_cycle_is_the_one_before_the_current_one_and_an_export_of_a_cycle_has_its_own() {
    let server = with_cycles().start();
    let (place, url) = (Place::new(), server.url());
    let at = |args: &[&str]| place.run_at("2025-10-03T06:00:00Z", args);
    let all = told(&at(&["reconcile", "--last-cycle", "--api-url", &url, "--json"]));
    assert_eq!(
        (&all["cycle"]["from"], &all["verdict"]),
        (&json!("2025-09-02T00:00:00.000Z"), &json!("ties"))
    );
    at(&[
        "export",
        "--cycle",
        "2025-10-01",
        "--rate",
        "0",
        "--api-url",
        &url,
        "--out",
        "out",
    ])
    .exits(0);
    let all = told(&at(&["reconcile", "out", "--api-url", &url, "--json"]));
    assert_eq!(
        (&all["cycle"]["from"], &all["verdict"]),
        (&json!("2025-09-02T00:00:00.000Z"), &json!("ties"))
    );
    assert!(all["runs_from"].as_str().unwrap().starts_with("from out"), "{all}");
}

#[test]
fn without_a_cycle_the_ways_to_name_one_are_told() {
    let server = with_cycles().start();
    let (place, url) = (Place::new(), server.url());
    place.run(&["reconcile", "--api-url", &url]).exits(2).says(&[
        "no billing cycle is given",
        "--cycle 2025-09-15",
        "--last-cycle",
    ]);
    place.export(&url, &[]).exits(0);
    place
        .run(&["reconcile", "out", "--api-url", &url])
        .exits(2)
        .says(&["out is not an export of a billing cycle", "--last-cycle"]);
    place
        .run(&["reconcile", "--cycle", "2025-09-15", "--last-cycle"])
        .exits(2);
}
