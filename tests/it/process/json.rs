//! `--json`: exactly one document on stdout, also with `--quiet` and where something is wrong; errors stay on stderr.

use std::fs;

use serde_json::{Value, json};

use crate::support::client::Served;
use crate::support::command::{Done, Place, done, export_args};

#[track_caller]
fn document(done: &Done) -> Value {
    assert!(done.stdout.starts_with("{\n") && done.stdout.ends_with("}\n"), "{done}");
    serde_json::from_str(&done.stdout).unwrap()
}

fn account() -> Served {
    Served::demo(&["--runs", "60", "--actors", "3"])
}

/// Runs a command with the token of the made-up account that is served.
fn run(place: &Place, args: &[&str]) -> Done {
    done(place.command(args).env("APIFY_TOKEN", "demo"))
}

fn small_export() -> Place {
    let (server, place) = (account(), Place::new());
    run(&place, &export_args(&server.url(), &["--quiet"])).exits(0);
    place
}

#[test]
fn verify_says_whether_an_export_holds_and_what_does_not() {
    let place = small_export();
    let good = place.run(&["verify", "out", "--json"]);
    let found = document(good.exits(0));
    let manifest = place.exported().json("manifest.json");
    assert_eq!(
        (&found["path"], &found["kind"], &found["holds"]),
        (&json!("out"), &json!("export"), &json!(true))
    );
    assert_eq!((&found["findings"], &found["version"]), (&json!([]), &Value::Null));
    assert_eq!(
        (&found["totals"], &found["hashes_checked"]),
        (&manifest["totals"], &json!(true))
    );
    assert_eq!(
        found["files"].as_u64().unwrap() as usize,
        manifest["files"].as_array().unwrap().len()
    );
    fs::write(place.path("out/notes.txt"), "nothing").unwrap();
    let bad = place.run(&["verify", "out", "--json", "--quiet"]);
    let found = document(bad.exits(5).says(&["notes.txt"]));
    assert_eq!((&found["holds"], &found["totals"]), (&json!(false), &Value::Null));
    assert!(
        found["findings"][0].as_str().unwrap().starts_with("notes.txt"),
        "{found}"
    );
    fs::write(place.path("out/manifest.json"), "{\"schema_version\": 1").unwrap();
    let broken = place.run(&["verify", "out", "--json"]);
    let found = document(broken.exits(5));
    assert_eq!((&found["files"], &found["proven"]), (&Value::Null, &Value::Null));
    assert!(
        found["findings"][0].as_str().unwrap().contains("manifest.json"),
        "{found}"
    );
    let nothing = place.run(&["verify", "nothing", "--json"]);
    assert_eq!(nothing.exits(2).stdout, "");
}

#[test]
fn check_says_what_holds_and_what_fails() {
    let (server, place) = (account(), Place::new());
    let url = server.url();
    let good = run(&place, &["check", "--api-url", &url, "--json", "--quiet"]);
    let found = document(good.exits(0));
    assert_eq!((&found["exit_code"], &found["notice"]), (&json!(0), &Value::Null));
    let checks: Vec<&str> = found["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["check"].as_str().unwrap())
        .collect();
    assert_eq!(checks, ["api", "token", "clock", "rate", "retention", "output"]);
    fs::write(place.path("file"), "").unwrap();
    let bad = run(&place, &["check", "--api-url", &url, "--out", "file", "--json"]);
    let found = document(bad.exits(6).says(&["file"]));
    assert_eq!(found["exit_code"], 6);
    let output = &found["checks"][5];
    assert_eq!((&output["state"], &output["exit_code"]), (&json!("failed"), &json!(6)));
    let mut command = place.command(&["check", "--api-url", &url, "--json"]);
    let found = document(done(command.env_remove("APIFY_TOKEN")).exits(3));
    assert_eq!(
        (&found["checks"][0]["check"], &found["checks"][0]["state"]),
        (&json!("token"), &json!("failed"))
    );
}

#[test]
fn quiet_leaves_the_document() {
    let (server, place) = (account(), Place::new());
    let url = server.url();
    let planned = run(&place, &export_args(&url, &["--dry-run", "--json", "--quiet"]));
    assert!(document(planned.exits(0))["runs"].as_u64().is_some_and(|runs| runs > 0));
    let done = run(&place, &export_args(&url, &["--json", "--quiet"]));
    assert_eq!(done.exits(0).stdout, place.exported().text("report.json"));
}

#[test]
fn config_show_has_each_value_with_its_origin() {
    let place = Place::new();
    let config = "retries = 4\n[export]\nformat = [\"parquet\"]\nstrict = true\n\
                  [accounts.acme]\ntoken-env = \"ACME\"\nconcurrency = 3\n";
    fs::write(place.path("apify-runs.toml"), config).unwrap();
    let found = document(place.run(&["config", "show", "--json"]).exits(0));
    assert!(found["file"].as_str().unwrap().ends_with("apify-runs.toml"));
    let account = &found["accounts"][0];
    assert_eq!(
        (&account["name"], &account["token_env"]),
        (&json!("acme"), &json!("ACME"))
    );
    assert_eq!(account["settings"][0]["option"], "concurrency");
    let args = [
        "config",
        "show",
        "--json",
        "export",
        "--timeout",
        "9s",
        "--account",
        "acme",
    ];
    let found = document(place.run(&args).exits(0));
    let command = &found["commands"][0];
    assert_eq!(
        (&command["command"], &command["account"]),
        (&json!("export"), &json!("acme"))
    );
    let setting = |option: &str| {
        let mut settings = command["settings"].as_array().unwrap().iter();
        let found = settings.find(|setting| setting["option"] == option).unwrap();
        (found["value"].clone(), found["origin"].as_str().unwrap().to_string())
    };
    assert_eq!(setting("timeout"), (json!("9s"), "command line".into()));
    assert_eq!(setting("format"), (json!(["parquet"]), "apify-runs.toml:3".into()));
    assert_eq!(setting("strict"), (json!(true), "apify-runs.toml:4".into()));
    assert_eq!(setting("settle"), (json!("10m"), "default".into()));
    // Set for all commands, it is for this one too.
    let mut command = place.command(&["config", "show", "export", "--account", "acme"]);
    document(done(command.env("APIFY_RUNS_JSON", "1")).exits(0));
}

#[test]
fn reports_are_printed_as_sql() {
    let place = Place::new();
    let names = place.run(&["report", "--sql", "list"]).exits(0).stdout.clone();
    assert!(names.lines().count() > 10, "{names}");
    for name in names.lines() {
        let file = format!("{}/reports/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        let done = place.run(&["report", "--sql", name]);
        assert_eq!(done.exits(0).stdout, fs::read_to_string(file).unwrap());
    }
    let unknown = place.run(&["report", "--sql", "cost_by_color"]);
    unknown
        .exits(2)
        .says(&["unknown report \"cost_by_color\"", "cost_by_actor", "status_summary"]);
    place
        .run(&["report", "--sql", "cost_by_day", "out"])
        .exits(2)
        .says(&["--sql"]);
    // What a configuration sets for reports is for those of a PATH.
    fs::write(place.path("apify-runs.toml"), "[report]\nformat = \"md\"\n").unwrap();
    place
        .run(&["report", "--sql", "cost_by_day"])
        .exits(0)
        .shows(&["SELECT"]);
    place.run(&["report"]).exits(2).says(&["PATH"]);
}
