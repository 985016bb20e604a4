//! `export --together`: one report of all accounts, after the export of each.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::account::Apify;
use crate::support::command::{Exported, Place, done, names};
use crate::support::stand_in::{Reply, StandIn, TOKEN, ms, runs};

/// `acme` with 40 runs and `beta` with 2, of a cent each; `beta` refuses the token where it is told to.
struct Two {
    _servers: [StandIn; 2],
    place: Place,
}

fn account(id: &'static str, name: &'static str, count: usize) -> Apify {
    let user = format!(r#"{{"data":{{"id":"{id}","username":"{name}"}}}}"#);
    let runs = runs(count, ms("2025-09-01T00:00:00Z"), 60_000 + count as i64);
    let runs = runs.into_iter().map(|run| crate::support::stand_in::Run {
        id: format!("{name}-{}", run.id),
        ..run
    });
    Apify::of(runs.collect()).at("/v2/users/me", move |_| Reply::json(user.clone()))
}

fn two(beta: Apify) -> Two {
    let servers = [account("u-acme", "acme", 40).start(), beta.start()];
    let place = Place::new();
    let of = |name: &str, server: &StandIn| {
        format!(
            "[accounts.{name}]\ntoken-env = \"ONE_TOKEN\"\napi-url = \"{}\"\n",
            server.url()
        )
    };
    let config = format!(
        "outcome = \"outcome.json\"\n[export]\nout = \"exports/{{account}}\"\nmonth = \"2025-09\"\nrate = 0\nretries = 0\n{}{}",
        of("acme", &servers[0]),
        of("beta", &servers[1])
    );
    fs::write(place.path("apify-runs.toml"), config).unwrap();
    Two {
        _servers: servers,
        place,
    }
}

fn export(place: &Place, more: &[&str]) -> Command {
    let mut command = place.command(&[&["export", "--all-accounts", "--together", "all"], more].concat());
    command.env("ONE_TOKEN", TOKEN);
    command
}

fn all(place: &Place) -> Exported {
    Exported { out: place.path("all") }
}

const FILES: [&str; 5] = ["report.html", "report.json", "report.md", "report.xlsx", "summary.txt"];

#[test]
fn it_is_the_report_of_the_exports_and_is_replaced_whole() {
    let two = two(account("u-beta", "beta", 2));
    let first = done(&mut export(&two.place, &[]));
    first.exits(0).shows(&["Wrote all: the report of 2 accounts"]);
    let found = names(&two.place.path("all"));
    assert!(FILES.iter().all(|name| found.contains(&(*name).into())), "{found:?}");
    assert!(found.contains(&"cost_by_account.csv".into()) && !found.contains(&"manifest.json".into()));
    let rows = all(&two.place).rows("cost_by_account.csv");
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["account_name"].as_str(),
                row["runs"].as_str(),
                row["usage_total_usd"].as_str(),
            )
        })
        .collect();
    assert_eq!(rows, [("acme", "40", "0.4"), ("beta", "2", "0.02")]);
    // What `report` says of the same exports.
    let said = two
        .place
        .run(&["report", "exports/acme", "exports/beta", "--format", "json"]);
    assert_eq!(said.exits(0).stdout, all(&two.place).text("report.json"));
    // Again, with a file that no longer belongs there.
    fs::write(two.place.path("all/cost_by_colour.csv"), "colour\n").unwrap();
    let again = done(&mut export(&two.place, &["--quiet"]));
    assert_eq!(again.exits(0).stdout, "");
    assert_eq!(names(&two.place.path("all")), found);
    assert_eq!(
        names(two.place.path("all").parent().unwrap()),
        ["all", "apify-runs.toml", "exports", "outcome.json"]
    );
}

#[test]
fn an_account_that_failed_is_named_and_the_report_is_incomplete() {
    let refused = || {
        Reply::error(
            401,
            "user-or-token-not-found",
            "User was not found or authentication token is not valid",
        )
    };
    let two = two(account("u-beta", "beta", 2).at("/v2/actor-runs", move |_| refused()));
    let failed = done(&mut export(&two.place, &[]));
    failed
        .exits(3)
        .shows(&["Wrote all: the report of 2 accounts, of which 1 INCOMPLETE"]);
    let report = all(&two.place).json("report.json");
    assert_eq!(report["proof"]["proven"], false);
    assert_eq!(report["totals"]["runs"], 40);
    let beta = &report["accounts"][1];
    assert_eq!(
        (&beta["id"], &beta["status"]),
        (&"beta".into(), &"INCOMPLETE, its runs are not here".into())
    );
    let detail = &report["caveat_details"][0];
    assert_eq!(
        (&detail["code"], &detail["account"]),
        (&"account_missing".into(), &"beta".into())
    );
    let text = detail["text"].as_str().unwrap();
    assert!(
        text.starts_with("beta: INCOMPLETE: its runs are not here: exit 3: ") && text.contains("401"),
        "{text}"
    );
    let summary = all(&two.place).text("summary.txt");
    assert!(summary.contains("NO: 1 of 2 accounts may lack runs"), "{summary}");
    assert!(summary.contains("at least $0.40"), "{summary}");
    // The outcome's exit code is that of the accounts.
    let outcome: Value = serde_json::from_str(&fs::read_to_string(two.place.path("outcome.json")).unwrap()).unwrap();
    assert_eq!(outcome["exit_code"], 3);
}

#[test]
fn without_any_export_the_report_of_before_stays() {
    let two = two(account("u-beta", "beta", 2));
    done(&mut export(&two.place, &["-q"])).exits(0);
    let before = all(&two.place).bytes();
    let config = fs::read_to_string(two.place.path("apify-runs.toml")).unwrap();
    let nobody = config.replace("http://127.0.0.1:", "http://127.0.0.1:9/");
    fs::write(two.place.path("apify-runs.toml"), nobody).unwrap();
    let none = done(&mut export(&two.place, &["-q"]));
    none.exits(4).says(&["no account was exported: all was not written"]);
    assert_eq!(all(&two.place).bytes(), before);
}

#[test]
fn two_names_of_one_account_count_once() {
    let two = two(account("u-acme", "acme", 40));
    done(&mut export(&two.place, &["-q"])).exits(0);
    let report = all(&two.place).json("report.json");
    assert_eq!(report["totals"]["runs"], 40);
    let codes: Vec<_> = report["caveat_details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| &detail["code"])
        .collect();
    assert_eq!(codes, [&Value::from("shared_account")]);
}

#[test]
fn nothing_else_is_replaced_and_nothing_is_asked_then() {
    let two = two(account("u-beta", "beta", 2));
    let place = &two.place;
    fs::create_dir(place.path("all")).unwrap();
    fs::write(place.path("all/thesis.txt"), "years of work\n").unwrap();
    done(&mut export(place, &[]))
        .exits(6)
        .says(&["all is not a report that may be replaced", "thesis.txt"]);
    fs::write(place.path("all/report.json"), "{}\n").unwrap();
    done(&mut export(place, &[])).exits(6).says(&["thesis.txt"]);
    fs::remove_dir_all(place.path("all")).unwrap();
    for (folder, code, what) in [
        ("exports/acme", 2, "the same folder, or one is inside the other"),
        ("exports/acme/all", 2, "the same folder, or one is inside the other"),
        ("exports", 2, "the same folder, or one is inside the other"),
        ("s3://bucket/all", 2, "--together works only with folders"),
        ("all.xlsx", 2, "all.xlsx"),
        ("no/such/folder/all", 6, "no/such"),
    ] {
        let mut command = place.command(&["export", "--all-accounts", "--together", folder]);
        done(command.env("ONE_TOKEN", TOKEN)).exits(code).says(&[what]);
    }
    let dry = place.run(&["export", "--together", "all", "--dry-run", "--month", "2025-09"]);
    dry.exits(2).says(&["--together", "--dry-run"]);
    assert!(!place.path("exports").exists());
}
