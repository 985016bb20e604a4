//! `report`: an export's figures once more, offline. Every expected figure was worked out by hand from the runs below.

use std::fs;

use serde_json::{Value, json};

use crate::support::account::Apify;
use crate::support::command::{Done, Exported, Place, make_endless, wait_until_open};
use crate::support::made_up::DEMO_DAY;
use crate::support::stand_in::{Account, Reply, Run, StandIn, ms};

fn run(id: &str, started: &str, rest: &str) -> Run {
    let finished = r#""finishedAt":"2025-09-30T00:00:00.000Z""#;
    Run::new(id, ms(started)).with(&format!("{rest},{finished}"))
}

fn ended(status: &str, run: Run) -> Run {
    Run {
        status: status.into(),
        ..run
    }
}

/// August: two Actors. September: one more, one gone, one whose costs are unknown. Costs are powers of two, so that each sum
/// tells which runs are in it.
fn runs() -> Vec<Run> {
    let task =
        r#","actorTaskId":"t1","meta":{"origin":"SCHEDULER","scheduleId":"s1"},"buildId":"b1","buildNumber":"0.1.2""#;
    vec![
        run("a1", "2025-08-05T00:00:00Z", r#""actId":"stays","usageTotalUsd":10"#),
        run("a2", "2025-08-06T00:00:00Z", r#""actId":"goes","usageTotalUsd":4"#),
        run("a3", "2025-08-06T01:00:00Z", r#""actId":"dark""#),
        run(
            "s1",
            "2025-09-01T00:00:00Z",
            &format!(r#""actId":"stays","usageTotalUsd":1{task}"#),
        ),
        ended(
            "FAILED",
            run(
                "s2",
                "2025-09-01T23:30:00Z",
                r#""actId":"stays","usageTotalUsd":2,"userId":"u1""#,
            ),
        ),
        ended(
            "TIMED-OUT",
            run("s3", "2025-09-07T23:59:59.999Z", r#""actId":"comes","usageTotalUsd":4"#),
        ),
        run("s4", "2025-09-08T00:00:00Z", r#""actId":"comes","usageTotalUsd":8"#),
        ended("ABORTED", run("s5", "2025-09-09T00:00:00Z", r#""actId":"dark""#)),
    ]
}

fn server_of(runs: Vec<Run>) -> StandIn {
    let account = Account {
        runs,
        ..Account::default()
    };
    StandIn::start(move |request| {
        let date = vec![("Date", "Fri, 03 Oct 2025 06:00:00 GMT".into())];
        Reply::Answer(200, date, account.list(request).into_bytes())
    })
}

/// An export of August and one of September, in `august` and `out`.
fn exported() -> Place {
    let (place, server) = (Place::new(), server_of(runs()));
    place.export(&server.url(), &[]).exits(0);
    let url = server.url();
    let august = [
        "export",
        "--month",
        "2025-08",
        "--out",
        "august",
        "--api-url",
        &url,
        "--rate",
        "0",
        "-q",
    ];
    place.run(&august).exits(0);
    place
}

fn report(place: &Place, args: &[&str]) -> Done {
    place.run(&[&["report", "out"], args].concat())
}

fn json_of(done: &Done) -> Value {
    serde_json::from_str(&done.exits(0).stdout).unwrap()
}

/// Rows of a report as `key runs usage`.
fn rows(report: &Value, name: &str, keys: &[&str]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::Null => "-".to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = report[name]
        .as_array()
        .unwrap_or_else(|| panic!("{name} is in {report}"));
    rows.iter()
        .map(|row| keys.iter().map(|key| text(&row[*key])).collect::<Vec<_>>().join(" "))
        .collect()
}

const KEYS: [&str; 2] = ["runs", "usage_total_usd"];

#[test]
fn the_whole_export_is_reported_as_it_was_exported() {
    let place = exported();
    let (exported, before) = (place.exported(), place.exported().bytes());
    for (format, name) in [("json", "report.json"), ("md", "report.md"), ("summary", "summary.txt")] {
        assert_eq!(
            report(&place, &["--format", format]).exits(0).stdout,
            exported.text(name),
            "{name}"
        );
    }
    report(&place, &["--format", "csv,terminal", "--out", "figures"]).exits(0);
    let figures = Exported {
        out: place.path("figures"),
    };
    for (name, text) in figures.bytes().into_iter().filter(|(name, _)| name.ends_with(".csv")) {
        assert_eq!(text, before[&name], "{name}");
    }
    let figures: Vec<String> = figures.bytes().into_keys().collect();
    assert_eq!(
        (figures.len(), figures.contains(&"report.txt".to_string())),
        (16, true),
        "{figures:?}"
    );
    assert_eq!(exported.bytes(), before);
}

#[test]
fn every_dimension_and_two_together() {
    let place = exported();
    let all = json_of(&report(&place, &["--format", "json"]));
    let by = |name: &str, key: &str| rows(&all, name, &[&[key], &KEYS[..]].concat());
    assert_eq!(by("cost_by_actor", "act_id"), ["comes 2 12", "stays 2 3", "dark 1 -"]);
    assert_eq!(by("cost_by_week", "week"), ["2025-09-01 3 7", "2025-09-08 2 8"]);
    assert_eq!(by("cost_by_month", "month"), ["2025-09 5 15"]);
    assert_eq!(by("cost_by_task", "actor_task_id"), ["- 4 14", "t1 1 1"]);
    assert_eq!(by("cost_by_schedule", "meta_schedule_id"), ["- 4 14", "s1 1 1"]);
    assert_eq!(by("cost_by_origin", "meta_origin"), ["- 4 14", "SCHEDULER 1 1"]);
    assert_eq!(
        rows(&all, "cost_by_build", &["build_id", "build_number", "runs"]),
        ["- - 4", "b1 0.1.2 1"]
    );
    assert_eq!(by("cost_by_user", "user_id"), ["- 4 13", "u1 1 2"]);

    let two = report(&place, &["--by", "week,actor", "--format", "csv"]);
    let columns = |line: &str| line.split(',').take(3).map(String::from).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = two.exits(0).stdout.lines().map(columns).collect();
    let expected = [
        "week,act_id,runs",
        "2025-09-01,comes,1",
        "2025-09-01,stays,2",
        "2025-09-08,comes,1",
        "2025-09-08,dark,1",
    ];
    assert_eq!(lines, expected);
    // Midnight in Prague is 22:00 the day before in UTC.
    let days = json_of(&report(
        &place,
        &["--by", "day", "--timezone", "Europe/Prague", "--format", "json"],
    ));
    let days = rows(&days, "cost_by_day", &[&["day"], &KEYS[..]].concat());
    assert_eq!(
        days,
        ["2025-09-01 1 1", "2025-09-02 1 2", "2025-09-08 2 12", "2025-09-09 1 -"]
    );
}

#[test]
fn what_ended_badly_what_was_dearest_and_what_has_no_cost() {
    let place = exported();
    let all = json_of(&report(&place, &["--format", "json"]));
    let bad = [
        "act_id",
        "runs",
        "usage_failed_usd",
        "usage_timed_out_usd",
        "usage_aborted_usd",
        "usage_unsuccessful_usd",
    ];
    assert_eq!(
        rows(&all, "unsuccessful_by_actor", &bad),
        ["comes 2 - 4 - 4", "stays 2 2 - - 2", "dark 1 - - - -"]
    );
    let share = rows(
        &all,
        "unsuccessful_by_actor",
        &["share_of_actor_usage", "runs_unsuccessful_cost_unknown"],
    );
    assert_eq!(share, ["0.333333 0", "0.666667 0", "- 1"]);
    assert_eq!(
        rows(&all, "dearest_runs", &["id", "usage_total_usd"]),
        ["s4 8", "s3 4", "s2 2", "s1 1"]
    );
    assert_eq!(
        rows(
            &all,
            "unsettled_by_actor",
            &["act_id", "runs_cost_unknown", "runs_provisional"]
        ),
        ["dark 1 0"]
    );
}

#[test]
fn a_part_of_the_period_has_its_own_totals_and_caveats() {
    let place = exported();
    let part = json_of(&report(
        &place,
        &["--from", "2025-09-01", "--to", "2025-09-08", "--format", "json"],
    ));
    assert_eq!(
        (
            &part["totals"]["runs"],
            &part["totals"]["usage_total_usd"],
            &part["caveats"]
        ),
        (&json!(3), &json!("7"), &json!([]))
    );
    assert_eq!(part["part_of"]["to"], "2025-10-01T00:00:00.000Z");
    let shown = report(&place, &["--from", "2025-09-01", "--to", "2025-09-08"]);
    shown
        .exits(0)
        .shows(&["3 runs are in this period", "Usage $7.00, as priced"]);
    let whole = json_of(&report(&place, &["--month", "2025-09", "--format", "json"]));
    assert_eq!(
        (&whole["totals"]["runs"], &whole["caveats"]),
        (
            &json!(5),
            &json!(["the cost of 1 run is unknown: the total is a minimum"])
        )
    );

    for (args, code, says) in [
        (
            &["--month", "2025-08"][..],
            2,
            "out does not cover 1–31 August 2025 (UTC): it holds 1–30 September 2025 (UTC); try apify-runs report out --month 2025-09\n",
        ),
        (
            &["--from", "2025-09-30", "--to", "2025-10-02"],
            2,
            "does not cover 30 September – 1 October 2025 (UTC): it holds 1–30 September 2025 (UTC); try apify-runs report out \
             --from 2025-09-30 --to 2025-10-01\n",
        ),
        (
            &["--month", "2025-09", "--timezone", "Europe/Prague"],
            2,
            "; try apify-runs report out --from 2025-09-01T00:00:00.000Z --to 2025-09-30T22:00:00.000Z --timezone Europe/Prague\n",
        ),
        (
            &["--month", "2030-01"],
            2,
            "; try apify-runs report out --month 2025-09\n",
        ),
        (&["--from", "2025-09-08", "--to", "2025-09-08"], 2, "is empty"),
    ] {
        report(&place, args).exits(code).says(&[says]);
    }
    // What is suggested works.
    let prague = ["--to", "2025-09-30T22:00:00.000Z", "--timezone", "Europe/Prague"];
    report(&place, &[&["--from", "2025-09-01T00:00:00.000Z"], &prague[..]].concat()).exits(0);
}

#[test]
fn what_is_no_export_or_not_what_it_says_is_told_apart() {
    let place = exported();
    place
        .run(&["report", "nowhere"])
        .exits(2)
        .says(&["nowhere does not exist"]);
    fs::create_dir(place.path("foreign")).unwrap();
    place.run(&["report", "foreign"]).exits(2);
    fs::write(
        place.path("foreign/manifest.json"),
        r#"{"name":"a web app","icons":[]}"#,
    )
    .unwrap();
    place
        .run(&["report", "foreign"])
        .exits(2)
        .says(&["is not a manifest of apify-runs"]);
    place.run(&["report", "out", "--compare", "foreign"]).exits(2);
    place
        .run(&["report", "out", "--compare", "previous"])
        .exits(2)
        .says(&["out is an export of one period: give --compare the path of another export"]);

    let csv = place.path("out/cost_by_actor.csv");
    let text = fs::read_to_string(&csv).unwrap();
    let report_before = report(&place, &["--format", "json"]);
    assert_eq!(report_before.stderr, "");
    fs::write(&csv, text.replace("12", "13")).unwrap();
    let done = report(&place, &["--format", "json"]);
    // Nothing is made from it.
    let changed = "warning: out: cost_by_actor.csv: its SHA-256 differs from the manifest";
    done.exits(0).says(&[changed]);
    assert_eq!(done.stdout, report_before.stdout);
    report(&place, &["--format", "csv", "--out", "figures"])
        .exits(0)
        .says(&[changed]);
    assert_eq!(
        fs::read_to_string(place.path("figures/cost_by_actor.csv")).unwrap(),
        text
    );
    place
        .run(&["report", "august", "--compare", "out"])
        .exits(0)
        .says(&[changed]);
    place.run(&["verify", "out"]).exits(5);
    fs::write(&csv, text).unwrap();
    fs::write(place.path("out/stray"), "").unwrap();
    report(&place, &[]).exits(5).says(&["stray: not in the manifest"]);
}

#[test]
fn nothing_is_written_into_an_export_and_formats_fit_their_place() {
    let place = exported();
    let before = place.exported().bytes();
    for out in ["out", "out/reports", "./out/../out", "august"] {
        report(&place, &["--format", "md", "--out", out])
            .exits(6)
            .says(&["an export"]);
    }
    assert_eq!(place.exported().bytes(), before);
    report(&place, &["--format", "json,md"]).exits(2).says(&["--out DIR"]);
    report(&place, &["--format", "csv"])
        .exits(2)
        .says(&["--only", "cost_by_actor"]);
    report(&place, &["--only", "cost_by_colour"])
        .exits(2)
        .says(&["cost_by_colour", "cost_by_actor, "]);
    report(&place, &["--by", "colour"])
        .exits(2)
        .says(&["unknown dimension", "schedule"]);
    report(&place, &["--by", "group"]).exits(2).says(&["--groups FILE"]);
    report(&place, &["--with-runs"]).exits(2).says(&["--format xlsx"]);
    let named = report(&place, &["--only", "status_summary"]);
    named
        .exits(0)
        .shows(&["Runs and cost by status", "TIMED-OUT 1 0 0 1 0 0 $4.00"]);
    assert!(!named.stdout.contains("Which Actors"), "{named}");
}

#[test]
fn one_period_beside_another_judges_only_what_both_sides_know() {
    let place = exported();
    let both = json_of(&report(&place, &["--compare", "august", "--format", "json"]));
    let keys = [
        "act_id",
        "change",
        "runs_before",
        "runs",
        "usage_before_usd",
        "usage_total_usd",
        "change_usd",
        "change_share",
    ];
    assert_eq!(
        rows(&both, "change_by_actor", &keys),
        [
            "comes new 0 2 - 12 12 -",
            "stays down 1 2 10 3 -7 -0.700000",
            "goes gone 1 0 4 - -4 -1.000000",
            "dark not judged 1 1 - - - -"
        ]
    );
    assert_eq!(
        rows(&both, "change_of_totals", &keys[1..]),
        ["unclear 3 5 14 15 1 0.071429"]
    );
    let days = rows(
        &both,
        "change_by_day",
        &[
            "day",
            "day_before",
            "change",
            "usage_before_usd",
            "usage_total_usd",
            "change_usd",
        ],
    );
    assert_eq!(days.len(), 31);
    assert_eq!(
        (&*days[0], &*days[4], &*days[5], &*days[30]),
        (
            "2025-09-01 2025-08-01 new - 3 3",
            "2025-09-05 2025-08-05 gone 10 - -10",
            // Of the other day's two runs, one has no cost: what is known is 4.
            "2025-09-06 2025-08-06 gone 4 - -4",
            "- 2025-08-31 not judged - - -"
        )
    );
    let shown = report(&place, &["--compare", "august"]);
    shown.exits(0).shows(&[
        "Previous at least $14.00; up $1.00 (7.1%) among runs with a known cost; 2 runs have none and could change this",
        "per day: at least $0.45 before, at least $0.50 now (31 and 30 days)",
        "excluded, cost unknown: 1 run before, 1 now",
        "comes new $12.00 $12.00",
        "1 Actor cannot be judged: costs are unknown, or runs may be missing.",
    ]);
    assert!(!shown.stdout.contains("dark not judged"), "{shown}");

    // The other way round, the export's own period is all that it has.
    let other = json_of(&place.run(&["report", "august", "--compare", "out", "--format", "json"]));
    assert_eq!(other["comparison"]["period"]["from"], "2025-09-01T00:00:00.000Z");
}

#[test]
fn what_cannot_be_compared_is_not_judged_and_never_zero() {
    let place = exported();
    let server = server_of(runs());
    let failed = [
        "export", "--month", "2025-08", "--out", "failed", "--status", "FAILED", "-q",
    ];
    place
        .run(&[&failed[..], &["--api-url", &server.url(), "--rate", "0"]].concat())
        .exits(0);
    place.run(&[&DEMO_DAY[..], &["--out", "demo", "-q"]].concat()).exits(0);
    for other in ["failed", "demo"] {
        let done = json_of(&report(&place, &["--compare", other, "--format", "json"]));
        assert_eq!(
            (&done["comparison"]["judged"], done.get("change_by_actor")),
            (&json!(false), None),
            "{done}"
        );
        report(&place, &["--compare", other])
            .exits(0)
            .shows(&["Previous no comparison: "]);
    }
}

#[test]
fn an_export_fetches_the_period_before() {
    let (place, server) = (Place::new(), server_of(runs()));
    place
        .export(&server.url(), &["--compare", "previous"])
        .exits(0)
        .shows(&["Previous at least $14.00; up $1.00 (7.1%) among runs with a known cost"]);
    assert_eq!(place.names(), ["out"]);
    let own = place.exported().json("report.json");
    place.run(&["verify", "out"]).exits(0);
    assert_eq!(
        rows(&own, "change_of_totals", &["usage_before_usd", "change_usd"]),
        ["14 1"]
    );
    let other = exported();
    let read = json_of(&report(&other, &["--compare", "august", "--format", "json"]));
    for table in ["change_by_actor", "change_by_day", "change_of_totals"] {
        assert_eq!(own[table], read[table], "{table}");
    }
    assert!(
        place
            .exported()
            .text("change_by_actor.csv")
            .starts_with("act_id,change,")
    );
    place.export(&server.url(), &["--compare", "nowhere"]).exits(2);
}

#[test]
fn budgets_are_held_and_what_cannot_be_judged_fails_too() {
    let place = exported();
    let list = "[report]\nbudget = [\"actor:dark=1\", \"15\", \"actor:st*=2.5\"]\n";
    fs::write(place.path("budgets.toml"), list).unwrap();
    let all = json_of(&report(&place, &["--config", "budgets.toml", "--format", "json"]));
    let keys = [
        "scope",
        "name",
        "standing",
        "budget_usd",
        "usage_total_usd",
        "share_of_budget",
    ];
    assert_eq!(
        rows(&all, "budgets", &keys),
        [
            "actor dark not judged 1 - -",
            "all - within, as far as known 15 15 1.000000",
            "actor st* OVER 2.5 3 1.200000"
        ]
    );
    let done = report(&place, &["--budget", "14.99", "--fail-over-budget"]);
    done.exits(7)
        .says(&["at least $15.00 of $14.99 (100.1%): OVER BUDGET"])
        .shows(&["Budget at least $15.00 of $14.99"]);
    report(&place, &["--budget", "15", "--fail-over-budget"]).exits(0);
    report(&place, &["--budget", "actor:dark=1", "--fail-over-budget"])
        .exits(7)
        .says(&["an unknown amount of $1.00: unknown"]);
    report(&place, &["--fail-over-budget"]).exits(2).says(&["--budget"]);
    report(&place, &["--budget", "group:x=1"])
        .exits(2)
        .says(&["--groups FILE"]);
    report(&place, &["--budget", "lots"])
        .exits(2)
        .says(&["expected a budget in dollars"]);
    let typo = report(&place, &["--budget", "actor:stay=5"]);
    typo.exits(0)
        .says(&["no run of the period matches --budget actor:stay=5"]);
    fs::write(place.path("groups.csv"), "actor,group\nstays,Team\n").unwrap();
    let grouped = report(
        &place,
        &[
            "--groups",
            "groups.csv",
            "--budget",
            "group:Team=3",
            "--budget",
            "group:unassigned=11",
        ],
    );
    grouped.exits(0).shows(&[
        "group Team: $3.00 of $3.00 (100.0%): within",
        "group unassigned: at least $12.00 of $11.00",
    ]);
}

#[test]
fn an_export_over_budget_is_published_and_exits_7() {
    let (place, server) = (Place::new(), server_of(runs()));
    let done = place.export(&server.url(), &["--budget", "14", "--fail-over-budget"]);
    done.exits(7)
        .says(&["over budget, or usage unknown (--fail-over-budget): at least $15.00 of $14.00"]);
    place.run(&["verify", "out"]).exits(0);
    assert!(
        place
            .exported()
            .text("report.md")
            .contains("**Budget:** at least \\$15.00 of \\$14.00 (107.1%): OVER BUDGET")
    );
    assert_eq!(place.exported().rows("budgets.csv")[0]["standing"], "OVER");
}

#[test]
fn a_running_period_is_projected_to_its_end() {
    let (place, server) = (Place::new(), server_of(runs()));
    let running = [
        "export",
        "--from",
        "2025-09-01",
        "--to",
        "2025-12-01",
        "--out",
        "out",
        "--budget",
        "20",
    ];
    // 32.25 of 91 days have passed: $15 will be $42.33, and something.
    let done = place.run(&[&running[..], &["--api-url", &server.url(), "--rate", "0"]].concat());
    done.exits(0).shows(&[
        "$15.00 of $20.00 (75.0%): on course to exceed the budget; projected: $42.33 by the end of the period",
    ]);
    assert_eq!(place.exported().rows("budgets.csv")[0]["projected_usd"], "42.325581");
    let again = report(&place, &["--budget", "20", "--format", "json"]);
    assert_eq!(
        rows(&json_of(&again), "budgets", &["projected_usd", "standing"]),
        ["42.325581 heading over"]
    );
}

#[test]
fn a_period_that_is_not_over_or_not_all_there_proves_no_absence() {
    let (place, server) = (Place::new(), server_of(runs()));
    let url = server.url();
    let export = |out: &str, from: &str, to: &str, more: &[&str]| {
        let args = [
            "export",
            "--from",
            from,
            "--to",
            to,
            "--out",
            out,
            "--api-url",
            &url,
            "--rate",
            "0",
            "-q",
        ];
        place.run(&[&args[..], more].concat());
    };
    export("out", "2025-08-01", "2025-09-01", &[]);
    // October had begun two days before: none of its runs is there yet.
    export("october", "2025-10-01", "2025-11-01", &[]);
    let both = json_of(&report(&place, &["--compare", "october", "--format", "json"]));
    assert_eq!(both["comparison"]["incomplete"], true);
    let changes = rows(&both, "change_by_actor", &["act_id", "change", "change_usd"]);
    assert_eq!(
        changes,
        ["dark not judged -", "goes not judged -", "stays not judged -"]
    );
    report(&place, &["--compare", "october"])
        .exits(0)
        .shows(&["INCOMPLETE: runs are missing in the previous period"]);
}

#[test]
fn a_budget_of_what_may_not_be_there_is_not_judged() {
    let server = Apify::of(runs())
        .keeps(20)
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
        .start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let budgets = ["--budget", "500", "--budget", "actor:nowhere=1", "--fail-over-budget"];
    let done = report(&place, &budgets);
    done.exits(7).says(&[
        "over budget, or usage unknown",
        "Actor nowhere: an unknown amount of $1.00: unknown",
    ]);
    done.shows(&["at least $15.00 of $500.00 (3.0%): within budget (some costs unknown)"]);
}

#[test]
fn a_budget_leaves_no_caveat_in_reports_without_it() {
    let (place, server) = (Place::new(), server_of(runs()));
    place.export(&server.url(), &["--budget", "actor:stay=5"]).exits(0);
    let caveats = |args: &[&str]| json_of(&report(&place, &[args, &["--format", "json"]].concat()))["caveats"].clone();
    let unknown = "the cost of 1 run is unknown: the total is a minimum";
    assert_eq!(caveats(&[]), json!([unknown]));
    let typo = "no run of the period matches --budget actor:stay=5";
    assert_eq!(caveats(&["--budget", "actor:stay=5"]), json!([unknown, typo]));
}

#[test]
fn the_summary_has_groups_and_changes_and_cannot_be_of_some_reports() {
    let place = exported();
    fs::write(place.path("groups.csv"), "actor,group\nstays,Old\n").unwrap();
    let beside = ["--compare", "august", "--groups", "groups.csv", "--format", "summary"];
    let printed = report(&place, &beside).exits(0).stdout.clone();
    report(&place, &[&beside[..], &["--out", "mail", "-q"]].concat()).exits(0);
    assert_eq!(fs::read_to_string(place.path("mail/summary.txt")).unwrap(), printed);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = printed.lines().map(words).collect();
    for line in [
        "unassigned 3 $12.00 80.0% $4.00 1",
        "Old 2 $3.00 20.0% $2.00 0",
        "Largest changes since the previous period",
        "comes new $12.00 $12.00",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line:?} is not in {printed}");
    }
    for option in [["--by", "week"], ["--only", "cost_by_week"]] {
        report(&place, &[&["--format", "summary"], &option[..]].concat())
            .exits(2)
            .says(&["--format summary"]);
    }
}

#[test]
fn formats_named_twice_are_written_once_and_special_files_are_not_waited_for() {
    let place = exported();
    report(&place, &["--format", "md,json,md", "--out", "figures", "-q"]).exits(0);
    assert_eq!(
        crate::support::command::names(&place.path("figures")),
        ["report.json", "report.md"]
    );
    fs::remove_file(place.path("out/runs.parquet")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(place.path("out/runs.parquet"))
        .status();
    assert!(made.unwrap().success());
    report(&place, &[])
        .exits(5)
        .says(&["runs.parquet: it is not a regular file"]);
}

#[test]
fn an_export_of_a_version_that_knew_fewer_reports_is_read() {
    let place = exported();
    let exported = place.exported();
    fs::remove_file(place.path("out/cost_by_week.csv")).unwrap();
    let mut manifest = exported.json("manifest.json");
    manifest["files"]
        .as_array_mut()
        .unwrap()
        .retain(|file| file["path"] != "cost_by_week.csv");
    fs::write(place.path("out/manifest.json"), manifest.to_string()).unwrap();
    place.run(&["verify", "out"]).exits(0);
    report(&place, &[]).exits(0);
}

#[test]
fn one_process_at_a_time_writes_into_a_folder_and_clears_what_a_killed_one_left() {
    let place = exported();
    fs::create_dir_all(place.path("figures/.apify-runs-report-staging")).unwrap();
    fs::write(place.path("figures/.apify-runs-report-staging/focus.csv"), "half").unwrap();
    let held = fs::File::create(place.path("figures/.apify-runs-report.lock")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    report(&place, &["--format", "md", "--out", "figures"])
        .exits(8)
        .says(&["another apify-runs process"]);
    drop(held);
    report(&place, &["--format", "md", "--out", "figures"]).exits(0);
    assert_eq!(crate::support::command::names(&place.path("figures")), ["report.md"]);
}

#[test]
fn nothing_is_left_where_nothing_was_written() {
    let place = exported();
    report(&place, &["--format", "md", "--only", "nothing", "--out", "figures"]).exits(2);
    report(&place, &["--format", "md", "--out", "new/../out/sub"]).exits(6);
    fs::create_dir_all(place.path("taken/report.md")).unwrap();
    report(&place, &["--format", "html,md,json", "--out", "taken"])
        .exits(6)
        .says(&["it is a folder"]);
    assert_eq!(crate::support::command::names(&place.path("taken")), ["report.md"]);
    assert_eq!(place.names(), ["august", "out", "taken"]);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn what_has_no_value_has_no_name_and_a_pair_has_that_of_its_actor() {
    let built = |id: &str, act: &str, cost: u32, build: &str| {
        run(
            id,
            "2025-09-02T00:00:00Z",
            &format!(r#""actId":"{act}","usageTotalUsd":{cost}{build}"#),
        )
    };
    let server = Apify::of(vec![
        built("r1", "a1", 1, ""),
        built("r2", "a2", 9, r#","buildNumber":"""#),
        built("r3", "a2", 3, r#","buildId":"b9","buildNumber":"0.0.9""#),
    ])
    .actors(&[("a1", "u", "alpha"), ("a2", "u", "beta")])
    .start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    place.run(&["verify", "out"]).exits(0);
    let all = json_of(&report(
        &place,
        &["--format", "json", "--by", "build,actor", "--only", "cost_by_build"],
    ));
    let keys = ["build_id", "build_number", "act_name", "usage_total_usd"];
    assert_eq!(rows(&all, "cost_by_build", &keys), ["- - - 10", "b9 0.0.9 u/beta 3"]);
    let pairs = rows(&all, "cost_by_build_and_actor", &keys);
    assert_eq!(pairs, ["- - u/beta 9", "b9 0.0.9 u/beta 3", "- - u/alpha 1"]);
    let shown = report(&place, &["--by", "task"]);
    shown.exits(0).shows(&["Total 3 3 0 0 0 0 $13.00"]);
}

#[test]
fn a_report_hears_signals_while_it_reads_and_prints_nothing() {
    let place = exported();
    let endless = place.path("out/report.md");
    make_endless(&endless);
    let child = place.start(&["report", "out", "--format", "md", "--out", "figures"]);
    wait_until_open(&child, &endless);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let done = crate::support::command::wait(child);
    done.exits(130).says(&["stopped by SIGINT"]);
    assert_eq!(done.stdout, "");
    // What was begun is hidden, and the next start removes it.
    let left = std::fs::read_dir(place.path("figures")).into_iter().flatten().flatten();
    assert!(
        left.into_iter()
            .all(|entry| entry.file_name().to_string_lossy().starts_with('.'))
    );
}

#[test]
fn a_filter_gives_the_figures_of_an_export_with_that_filter() {
    let place = Place::new();
    let server = server_of(runs());
    place.export(&server.url(), &[]).exits(0);
    for (only, filters) in [
        ("status=FAILED,TIMED-OUT", &["--status", "FAILED,TIMED-OUT"][..]),
        ("actor=stays", &["--actor", "stays"]),
        (
            "actor=comes,dark&status=aborted,succeeded",
            &["--actor", "comes,dark", "--status", "ABORTED,SUCCEEDED"],
        ),
    ] {
        let filtered = json_of(&report(&place, &["--where", only, "--format", "json"]));
        let url = server.url();
        let export = [
            "export",
            "--month",
            "2025-09",
            "--out",
            "part",
            "--rate",
            "0",
            "--api-url",
            &url,
        ];
        place.run(&[&export[..], filters].concat()).exits(0);
        let part = json_of(&place.run(&["report", "part", "--format", "json"]));
        for name in [
            "totals",
            "cost_by_actor",
            "cost_by_day",
            "cost_by_month",
            "status_summary",
            "dearest_runs",
            "cost_by_task",
        ] {
            assert_eq!(filtered[name], part[name], "{only}: {name}");
        }
        assert_eq!(filtered["proof"]["counted"], 5, "the whole period was counted");
        std::fs::remove_dir_all(place.path("part")).unwrap();
    }
    let shown = report(&place, &["--where", "status=TIMED-OUT"]);
    shown
        .exits(0)
        .shows(&["Only --where status=TIMED-OUT", "1 run matches the filters", "$4.00"]);
    let by_day = [
        "--where",
        "actor=comes",
        "--from",
        "2025-09-08",
        "--to",
        "2025-09-09",
        "--format",
        "json",
    ];
    let by_day = json_of(&report(&place, &by_day));
    assert_eq!(
        rows(&by_day, "cost_by_actor", &["act_id", "runs", "usage_total_usd"]),
        ["comes 1 8"]
    );
    assert_eq!(by_day["where"], json!({"actor": ["comes"], "status": [], "group": []}));
}

#[test]
fn a_filter_holds_for_groups_the_period_before_and_every_format() {
    let place = exported();
    fs::write(place.path("groups.csv"), "actor,group\nstays,\"Ops, EU\"\n").unwrap();
    let by_group = [
        "--groups",
        "groups.csv",
        "--where",
        "group=Ops%2C EU",
        "--format",
        "json",
    ];
    let by_group = json_of(&report(&place, &by_group));
    assert_eq!(
        rows(&by_group, "cost_by_group", &["group", "runs", "usage_total_usd"]),
        ["Ops, EU 2 3"]
    );
    let compared = ["--where", "actor=stays", "--compare", "august", "--format", "json"];
    let compared = json_of(&report(&place, &compared));
    let change = rows(
        &compared,
        "change_by_actor",
        &["act_id", "usage_before_usd", "usage_total_usd", "change_usd"],
    );
    assert_eq!(change, ["stays 10 3 -7"]);
    let files = [
        "--where",
        "status=FAILED",
        "--format",
        "xlsx,html,focus,md",
        "--with-runs",
        "--out",
        "files",
    ];
    report(&place, &files).exits(0);
    let focus = fs::read_to_string(place.path("files/focus.csv")).unwrap();
    assert_eq!((focus.lines().count(), focus.contains("s2")), (2, true));
    assert!(
        !fs::read_to_string(place.path("files/report.md"))
            .unwrap()
            .contains("comes")
    );
}

#[test]
fn a_filter_that_makes_no_sense_is_refused_and_one_that_no_run_meets_is_told() {
    let place = exported();
    for (args, words) in [
        (&["--where", "sttus=FAILED"][..], "did you mean status?"),
        (&["--where", "FAILED"], "expected KEY=VALUE"),
        (&["--where", "group=Ops"], "needs rules"),
        (&["--where", "status=FAILED", "--budget", "5"], "without --budget"),
        (&["--where", "from=2025-09-01"], "--from 2025-09-01"),
    ] {
        report(&place, args).exits(2).says(&[words]);
    }
    let none = report(&place, &["--where", "status=FALIED", "--where", "actor=stays"]);
    none.exits(0)
        .shows(&["none: no run matches the filters"])
        .says(&["no run has status=FALIED; did you mean FAILED?"]);
}

#[test]
fn under_a_locale_without_other_letters_a_summary_is_ascii_and_days_are_drawn_on_terminals_alone() {
    let place = exported();
    let in_locale = |locale: &str| {
        let mut command = place.command(&["report", "out"]);
        command.env("LANG", locale);
        crate::support::command::done(&mut command).exits(0).stdout.clone()
    };
    assert!(in_locale("C.UTF-8").contains("1–30 September"));
    let ascii = in_locale("C");
    assert!(ascii.is_ascii() && ascii.contains("1-30 September"), "{ascii}");
    assert!(!ascii.contains("Each day"));
    // `script` gives it a terminal.
    let mut command = std::process::Command::new("script");
    let inner = format!("{} report out", env!("CARGO_BIN_EXE_apify-runs"));
    command
        .args(["-qec", &inner, "/dev/null"])
        .current_dir(place.path(""))
        .env("LANG", "C.UTF-8");
    let drawn = crate::support::command::done(&mut command).exits(0).stdout.clone();
    let line = drawn.lines().find(|line| line.starts_with("Each day  "));
    // $1 and $2 on the first, $4 on the seventh, $8 on the eighth, unknown on the ninth.
    assert_eq!(line.map(str::trim_end), Some("Each day  ▃     ▄█?"), "{drawn}");
}
