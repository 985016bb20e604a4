//! `report` of several exports: of any accounts, of one account's months, and of runs that two accounts list. Costs are powers of
//! two, so that each sum tells which runs are in it.

use std::fs;

use serde_json::{Value, json};

use crate::support::account::Apify;
use crate::support::command::{Done, Exported, Place};
use crate::support::stand_in::{Reply, Run, StandIn, ms};

fn run(id: &str, started: &str, actor: &str, usd: u32, user: &str) -> Run {
    let finished = r#""finishedAt":"2025-09-30T00:00:00.000Z","meta":{"origin":"API"},"buildId":"b""#;
    Run::new(id, ms(started)).with(&format!(
        r#""actId":"{actor}","usageTotalUsd":{usd},"userId":"{user}",{finished}"#
    ))
}

fn account(id: &'static str, name: &'static str, runs: Vec<Run>) -> Apify {
    let user = format!(r#"{{"data":{{"id":"{id}","username":"{name}"}}}}"#);
    Apify::of(runs).at("/v2/users/me", move |_| Reply::json(user.clone()))
}

fn acme_runs() -> Vec<Run> {
    vec![
        run("a1", "2025-08-30T00:00:00Z", "one", 1, "u-acme"),
        run("a2", "2025-09-01T00:00:00Z", "one", 2, "u-acme"),
        run("a3", "2025-09-02T00:00:00Z", "two", 4, "u-acme"),
    ]
}

fn beta_runs() -> Vec<Run> {
    vec![
        run("b1", "2025-09-01T00:00:00Z", "one", 8, "u-beta"),
        run("b2", "2025-09-03T00:00:00Z", "three", 16, "u-other"),
    ]
}

fn export(place: &Place, server: &StandIn, out: &str, more: &[&str]) -> Done {
    let url = server.url();
    let args = [
        "export",
        "--month",
        "2025-09",
        "--out",
        out,
        "--api-url",
        &url,
        "--rate",
        "0",
        "-q",
    ];
    // The last month that is given counts.
    let args: Vec<&str> = match more.first() {
        Some(&"--month") => [&args[..1], &args[3..], more].concat(),
        _ => [&args[..], more].concat(),
    };
    place.run(&args)
}

/// September of `acme` and of `beta`.
fn two() -> Place {
    let place = Place::new();
    let acme = account("u-acme", "acme", acme_runs()).start();
    let beta = account("u-beta", "beta", beta_runs()).start();
    export(&place, &acme, "acme", &[]).exits(0);
    export(&place, &beta, "beta", &[]).exits(0);
    place
}

fn json_of(done: &Done) -> Value {
    serde_json::from_str(&done.exits(0).stdout).unwrap()
}

/// Rows of a report, their cells apart by spaces.
fn rows(report: &Value, name: &str, keys: &[&str]) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), String::from);
    let rows = report[name].as_array().unwrap_or_else(|| panic!("no {name}: {report}"));
    rows.iter()
        .map(|row| keys.iter().map(|key| text(&row[*key])).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn accounts_are_added_up_and_told_apart() {
    let place = two();
    let report = json_of(&place.run(&["report", "acme", "beta", "--format", "json"]));
    assert_eq!(
        rows(
            &report,
            "cost_by_account",
            &["account_id", "account_name", "runs", "usage_total_usd", "share"]
        ),
        ["u-beta beta 2 24 0.800000", "u-acme acme 2 6 0.200000"]
    );
    let crossed = json_of(&place.run(&["report", "acme", "beta", "--format", "json", "--by", "account,actor"]));
    let keys = ["account_id", "act_id", "runs", "usage_total_usd"];
    assert_eq!(
        rows(&crossed, "cost_by_account_and_actor", &keys),
        [
            "u-beta three 1 16",
            "u-beta one 1 8",
            "u-acme two 1 4",
            "u-acme one 1 2"
        ]
    );
    let keys = ["act_id", "runs", "usage_total_usd"];
    assert_eq!(
        rows(&report, "cost_by_actor", &keys),
        ["three 1 16", "one 2 10", "two 1 4"]
    );
    assert_eq!(report["totals"]["usage_total_usd"], "30");
    assert_eq!(
        report["proof"],
        json!({"proven": true, "counted": 4, "fetched": 4, "notes": []})
    );
    assert_eq!(report["account"], Value::Null);
    let accounts: Vec<_> = report["accounts"].as_array().unwrap().iter().collect();
    assert_eq!(
        accounts
            .iter()
            .map(|one| (&one["id"], &one["archives"], &one["status"]))
            .collect::<Vec<_>>(),
        [
            (&json!("u-acme"), &json!(["acme"]), &json!("complete")),
            (&json!("u-beta"), &json!(["beta"]), &json!("complete"))
        ]
    );
    let only = json_of(&place.run(&["report", "acme", "beta", "--where", "actor=one", "--format", "json"]));
    assert_eq!(
        rows(&only, "cost_by_account", &["account_id", "usage_total_usd"]),
        ["u-beta 8", "u-acme 2"]
    );
    // One alone can be asked by account too.
    let alone = json_of(&place.run(&["report", "acme", "--by", "account", "--format", "json"]));
    assert_eq!(
        rows(&alone, "cost_by_account", &["account_name", "runs", "usage_total_usd"]),
        ["acme 2 6"]
    );
}

#[test]
fn every_format_names_the_accounts() {
    let place = two();
    let formats = "terminal,summary,md,html,xlsx,json,csv,focus";
    place
        .run(&["report", "acme", "beta", "--format", formats, "--out", "figures"])
        .exits(0);
    let figures = Exported {
        out: place.path("figures"),
    };
    for name in ["report.txt", "summary.txt", "report.md", "report.html"] {
        let text = figures.text(name);
        for line in ["acme: complete (2 runs, $6.00)", "beta: complete (2 runs, $24.00)"] {
            let text = text.replace("\\$", "$");
            assert!(text.contains(line), "{name} lacks {line:?}: {text}");
        }
    }
    assert!(
        figures
            .text("report.html")
            .contains("<h1>Apify usage of <bdi>2 accounts</bdi></h1>")
    );
    assert_eq!(
        figures
            .text("cost_by_account.csv")
            .lines()
            .next()
            .unwrap()
            .split(',')
            .next(),
        Some("account_id")
    );
    // Each row of FOCUS is of its account.
    let focus = figures.rows("focus.csv");
    let mut billed: Vec<String> = focus
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["ResourceId"], row["BillingAccountId"], row["BilledCost"]
            )
        })
        .collect();
    billed.sort();
    assert_eq!(billed, ["a2 u-acme 2", "a3 u-acme 4", "b1 u-beta 8", "b2 u-beta 16"]);
}

#[test]
fn months_of_one_account_are_one_period() {
    let (place, acme) = (Place::new(), account("u-acme", "acme", acme_runs()).start());
    export(&place, &acme, "august", &["--month", "2025-08"]).exits(0);
    export(&place, &acme, "september", &[]).exits(0);
    let url = acme.url();
    let both = [
        "export",
        "--from",
        "2025-08-01",
        "--to",
        "2025-10-01",
        "--out",
        "both",
        "--api-url",
        &url,
        "--rate",
        "0",
        "-q",
    ];
    place.run(&both).exits(0);
    // In whatever order.
    for paths in [["september", "august"], ["august", "september"]] {
        let together = json_of(&place.run(&["report", paths[0], paths[1], "--format", "json"]));
        let once = json_of(&place.run(&["report", "both", "--format", "json"]));
        for table in [
            "cost_by_actor",
            "cost_by_day",
            "cost_by_month",
            "dearest_runs",
            "totals",
            "period",
            "account",
            "proof",
        ] {
            assert_eq!(together[table], once[table], "{table}");
        }
        assert!(together.get("accounts").is_none());
    }
    // A part of both; and what one of them lacks is told.
    let part = [
        "report",
        "august",
        "september",
        "--from",
        "2025-08-15",
        "--to",
        "2025-09-02",
        "--format",
        "json",
    ];
    assert_eq!(json_of(&place.run(&part))["totals"]["usage_total_usd"], "3");
    let beyond = place.run(&[
        "report",
        "august",
        "september",
        "--from",
        "2025-07-01",
        "--to",
        "2025-09-02",
    ]);
    beyond.exits(2).says(&[
        "not covered for the account acme",
        "2025-07-01T00:00:00.000Z to 2025-08-01T00:00:00.000Z",
    ]);
}

#[test]
fn what_an_account_lacks_is_said_of_it_alone() {
    let place = Place::new();
    let acme = account("u-acme", "acme", acme_runs()).start();
    let beta = account("u-beta", "beta", beta_runs())
        .keeps(30)
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
        .start();
    export(&place, &acme, "august", &["--month", "2025-08"]).exits(0);
    export(&place, &acme, "acme", &[]).exits(0);
    export(&place, &beta, "beta", &[]).exits(0);
    let report = place.run(&["report", "acme", "beta", "--strict=incomplete"]);
    report
        .exits(7)
        .shows(&["NO: 1 of 2 accounts may lack runs", "acme: complete (2 runs, $6.00)"])
        .shows(&[
            "beta: INCOMPLETE, 3 of 30 days past retention (2 runs, at least $24.00)",
            "at least $30.00",
        ])
        .says(&["beta: INCOMPLETE: 3 of 30 days are past retention"]);
    // Of August, there is nothing of beta.
    let hull = json_of(&place.run(&["report", "august", "acme", "beta", "--format", "json"]));
    assert_eq!(hull["accounts"][0]["complete"], true);
    let beta = &hull["accounts"][1];
    assert_eq!(
        beta["status"],
        "INCOMPLETE, no archive covers 2025-08-01T00:00:00.000Z to 2025-09-01T00:00:00.000Z, 3 of 30 days past retention"
    );
    let details = hull["caveat_details"].as_array().unwrap();
    let codes: Vec<_> = details
        .iter()
        .map(|detail| (&detail["code"], &detail["account"]))
        .collect();
    assert_eq!(
        codes,
        [
            (&json!("not_covered"), &json!("beta")),
            (&json!("past_retention"), &json!("beta"))
        ]
    );
    assert_eq!(
        (&hull["proof"]["proven"], &hull["totals"]["usage_total_usd"]),
        (&json!(false), &json!("31"))
    );
}

/// `s1` was started by `beta`, `s2` by somebody else; both accounts list both.
fn sharing() -> (Vec<Run>, Vec<Run>) {
    let shared = [
        run("s1", "2025-09-01T00:00:00Z", "one", 32, "u-beta"),
        run("s2", "2025-09-02T00:00:00Z", "one", 64, "u-other"),
    ];
    let with_shared = |mut runs: Vec<Run>| {
        runs.extend(shared.clone());
        runs.sort_by_key(|run| (run.started, run.id.clone()));
        runs
    };
    (with_shared(acme_runs()), with_shared(beta_runs()))
}

#[test]
fn a_run_that_two_accounts_list_counts_once() {
    let (acme_runs, beta_runs) = sharing();
    let place = Place::new();
    export(
        &place,
        &account("u-acme", "acme", acme_runs.clone()).start(),
        "acme",
        &[],
    )
    .exits(0);
    export(&place, &account("u-beta", "beta", beta_runs).start(), "beta", &[]).exits(0);
    let keys = ["account_id", "runs", "usage_total_usd"];
    let both = [
        "report",
        "acme",
        "beta",
        "--format",
        "json,focus",
        "--out",
        "figures",
        "-q",
    ];
    place.run(&both).exits(0);
    let figures = Exported {
        out: place.path("figures"),
    };
    let report = figures.json("report.json");
    // 2 + 4 + 64, and 8 + 16 + 32.
    assert_eq!(rows(&report, "cost_by_account", &keys), ["u-acme 3 70", "u-beta 3 56"]);
    assert_eq!(
        (&report["totals"]["runs"], &report["totals"]["usage_total_usd"]),
        (&json!(6), &json!("126"))
    );
    assert_eq!(
        report["caveats"],
        json!([
            "2 runs are in the lists of several accounts (acme, beta): each counts once, for the account that started it, else for the first"
        ])
    );
    let mut billed: Vec<String> = figures
        .rows("focus.csv")
        .iter()
        .map(|row| format!("{} {}", row["ResourceId"], row["BillingAccountId"]))
        .collect();
    billed.sort();
    assert_eq!(
        billed,
        [
            "a2 u-acme",
            "a3 u-acme",
            "b1 u-beta",
            "b2 u-beta",
            "s1 u-beta",
            "s2 u-acme"
        ]
    );
    // The first path has what nobody started.
    let turned = json_of(&place.run(&["report", "beta", "acme", "--format", "json"]));
    assert_eq!(rows(&turned, "cost_by_account", &keys), ["u-beta 4 120", "u-acme 2 6"]);
    // Without who started a run, the other archive tells it, whichever comes first.
    let server = account("u-acme", "acme", acme_runs).start();
    export(&place, &server, "acme", &["--exclude", "user_id"]).exits(0);
    for paths in [["acme", "beta"], ["beta", "acme"]] {
        let report = json_of(&place.run(&["report", paths[0], paths[1], "--format", "json"]));
        assert_eq!(report["totals"]["usage_total_usd"], "126");
        let of_beta = rows(&report, "cost_by_account", &keys)
            .into_iter()
            .find(|row| row.starts_with("u-beta"));
        assert_eq!(
            of_beta.as_deref(),
            Some(if paths[0] == "acme" {
                "u-beta 3 56"
            } else {
                "u-beta 4 120"
            })
        );
    }
    // On a day of which nothing is shared, nothing is told of it.
    let day = [
        "report",
        "acme",
        "beta",
        "--from",
        "2025-09-03",
        "--to",
        "2025-09-04",
        "--format",
        "json",
    ];
    let day = json_of(&place.run(&day));
    let codes: Vec<_> = day["caveat_details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| &detail["code"])
        .collect();
    assert_eq!(
        (codes, &day["totals"]["usage_total_usd"]),
        (vec![&json!("no_run")], &json!("16"))
    );
}

#[test]
fn groups_may_go_by_account() {
    let place = two();
    fs::write(
        place.path("rules.csv"),
        "account,actor,group\nbeta,,Beta\nu-ac*,two,Acme two\n,one,Ones\n",
    )
    .unwrap();
    let keys = ["group", "runs", "usage_total_usd"];
    let report = json_of(&place.run(&["report", "acme", "beta", "--groups", "rules.csv", "--format", "json"]));
    assert_eq!(
        rows(&report, "cost_by_group", &keys),
        ["Beta 2 24", "Acme two 1 4", "Ones 1 2"]
    );
    let alone = json_of(&place.run(&["report", "acme", "--groups", "rules.csv", "--format", "json"]));
    assert_eq!(rows(&alone, "cost_by_group", &keys), ["Acme two 1 4", "Ones 1 2"]);
    let only = [
        "report",
        "acme",
        "beta",
        "--groups",
        "rules.csv",
        "--where",
        "group=Beta",
        "--format",
        "json,focus",
        "--out",
        "beta-only",
        "-q",
    ];
    place.run(&only).exits(0);
    let focus = Exported {
        out: place.path("beta-only"),
    }
    .rows("focus.csv");
    assert_eq!(
        focus.iter().map(|row| row["ResourceId"].as_str()).collect::<Vec<_>>(),
        ["b1", "b2"]
    );
    // An export is grouped so, too, and says so when it is verified and reported again.
    let acme = account("u-acme", "acme", acme_runs()).start();
    export(&place, &acme, "grouped", &["--groups", "rules.csv"]).exits(0);
    place.run(&["verify", "grouped"]).exits(0);
    let grouped = json_of(&place.run(&["report", "grouped", "--format", "json"]));
    assert_eq!(rows(&grouped, "cost_by_group", &keys), ["Acme two 1 4", "Ones 1 2"]);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let place = two();
    fs::create_dir(place.path("again")).unwrap();
    for entry in fs::read_dir(place.path("acme")).unwrap().flatten() {
        fs::copy(entry.path(), place.path("again").join(entry.file_name())).unwrap();
    }
    let twice = place.run(&["report", "acme", "beta", "again"]);
    twice.exits(2).says(&[
        "acme (1–30 September 2025 (UTC)) and again",
        "are both of acme, and their periods overlap",
    ]);
    place
        .run(&["report", "beta", "beta"])
        .exits(2)
        .says(&["their periods overlap"]);
    place.run(&["export", "--demo", "--out", "demo", "-q"]).exits(0);
    place
        .run(&["report", "acme", "demo"])
        .exits(2)
        .says(&["acme and demo", "made-up account"]);
    for option in [
        &["--compare", "beta"][..],
        &["--unusual"],
        &["--with-runs", "--format", "xlsx", "--out", "x"],
    ] {
        let refused = place.run(&[&["report", "acme", "beta"], option].concat());
        refused.exits(2).says(&[option[0], "only with one PATH"]);
    }
    assert!(!place.path("x").exists());
    let acme = account("u-acme", "acme", acme_runs()).start();
    export(&place, &acme, "prague", &["--timezone", "Europe/Prague"]).exits(0);
    place
        .run(&["report", "prague", "beta"])
        .exits(2)
        .says(&["prague", "Europe/Prague", "UTC", "--timezone"]);
    let given = json_of(&place.run(&[
        "report",
        "acme",
        "beta",
        "--timezone",
        "Europe/Prague",
        "--format",
        "json",
    ]));
    assert_eq!(given["totals"]["usage_total_usd"], "30");
    export(&place, &acme, "failed", &["--status", "FAILED"]).exits(0);
    place
        .run(&["report", "failed", "beta"])
        .exits(2)
        .says(&["other filters"]);
    // One that is damaged spoils all.
    fs::write(place.path("beta/runs.csv"), "id\n").unwrap();
    place
        .run(&["report", "acme", "beta", "--out", "y"])
        .exits(5)
        .says(&["beta", "runs.csv"]);
    assert!(!place.path("y").exists());
}
