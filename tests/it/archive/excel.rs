//! Reports in CSV for Excel: their bytes, what `verify` and other commands make of them, and the options' layers.

use std::fs;

use crate::support::account::Apify;
use crate::support::command::{Done, Place, done};
use crate::support::stand_in::{Reply, Run, StandIn, ms};

const EXCEL: [&str; 4] = ["--csv-style", "excel", "--csv-decimal", "comma"];

/// $3 of compute units, of which $0.25 are discounted, and a quarter of storage.
const USAGE: &str = r#"{"data":{"usageCycle":{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"},
    "monthlyServiceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":12.5,"baseAmountUsd":3,"amountAfterVolumeDiscountUsd":2.75},
        "DATASET_TIMED_STORAGE_GBYTE_HOURS":{"quantity":250,"baseAmountUsd":0.25,"amountAfterVolumeDiscountUsd":0.25}},
    "dailyServiceUsages":[
        {"date":"2025-09-01T00:00:00.000Z","serviceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":12.5,"baseAmountUsd":3,"amountAfterVolumeDiscountUsd":2.75},
            "DATASET_TIMED_STORAGE_GBYTE_HOURS":{"quantity":250,"baseAmountUsd":0.25,"amountAfterVolumeDiscountUsd":0.25}},"totalUsageCreditsUsd":3}],
    "totalUsageCreditsUsdBeforeVolumeDiscount":3.25,"totalUsageCreditsUsdAfterVolumeDiscount":3}}"#;
const BUILDS: &str = r#"{"data":{"total":1,"count":1,"offset":0,"limit":1000,"desc":true,"items":[
    {"id":"b1","actId":"a1","status":"SUCCEEDED","startedAt":"2025-09-03T00:00:00.000Z","finishedAt":"2025-09-03T00:01:00.000Z","usageTotalUsd":0.0625,"meta":{"origin":"CLI"}}]}}"#;

/// Four runs of three Actors, $2 in all, one of unknown cost. Names have what a spreadsheet would run, and its separator.
fn account() -> StandIn {
    let run = |id: &str, act: &str, cost: &str| {
        let finished = "2025-09-20T00:00:00.000Z";
        let rest = format!(r#""actId":"{act}","finishedAt":"{finished}","usageTotalUsd":{cost}"#);
        Run::new(id, ms("2025-09-01T00:00:00Z")).with(&rest)
    };
    Apify::of(vec![
        run("r1", "a1", "1.25"),
        run("r2", "a1", "0.25"),
        run("r3", "a2", "0.5"),
        run("r4", "a3", "null"),
    ])
    .actors(&[("a1", "=ann", "crawler"), ("a2", "bob", "é;b")])
    .at("/v2/users/me/usage/monthly", |_| Reply::json(USAGE.into()))
    .at("/v2/actor-builds", |_| Reply::json(BUILDS.into()))
    .dated("Fri, 03 Oct 2025 06:00:00 GMT")
    .start()
}

fn exported(more: &[&str]) -> Place {
    let place = Place::new();
    place.export(&account().url(), more).exits(0);
    place
}

/// What a command prints of the standard export and of this one, which is the same.
fn prints_as_of_the_standard_form(place: &Place, args: &[&str]) {
    let printed = |place: &Place| place.run(args).exits(0).stdout.clone();
    assert_eq!(printed(place), printed(&exported(&[])), "{args:?}");
}

#[test]
fn the_bytes_of_reports_for_excel() {
    let place = exported(&EXCEL);
    let found = place.exported();
    assert_eq!(
        found.text("cost_by_actor.csv"),
        "\u{feff}act_id;runs;runs_succeeded;runs_failed;runs_timed_out;runs_aborted;runs_other;usage_total_usd;share;mean_usd;\
         runs_cost_unknown;runs_provisional;act_name\n\
         a1;2;2;0;0;0;0;1,5;0,750000;0,750000;0;0;'=ann/crawler\n\
         a2;1;1;0;0;0;0;0,5;0,250000;0,500000;0;0;\"bob/é;b\"\n\
         a3;1;1;0;0;0;0;;;;1;0;\n"
    );
    assert_eq!(
        found.text("usage_by_service.csv"),
        "\u{feff}service;service_name;quantity;usage_usd;usage_after_discount_usd\n\
         ACTOR_COMPUTE_UNITS;Compute units;12,5;3;2,75\n\
         DATASET_TIMED_STORAGE_GBYTE_HOURS;Dataset storage, GB hours;250;0,25;0,25\n"
    );
    assert_eq!(
        found.text("builds.csv"),
        "\u{feff}id;act_id;status;started_at;finished_at;usage_total_usd;cost_state;meta_origin;act_name\n\
         b1;a1;SUCCEEDED;2025-09-03T00:00:00.000Z;2025-09-03T00:01:00.000Z;0,0625;settled;CLI;'=ann/crawler\n"
    );
    // Points where no comma was asked for; rows of runs have one form.
    let points = exported(&["--csv-style", "excel"]);
    let text = points.exported().text("cost_by_actor.csv");
    let line = text.lines().nth(2).map(String::from);
    assert_eq!(
        line.as_deref(),
        Some("a2;1;1;0;0;0;0;0.5;0.250000;0.500000;0;0;\"bob/é;b\"")
    );
    let standard = exported(&[]);
    for name in ["runs.csv", "runs.sql", "runs.parquet", "report.json", "summary.txt"] {
        assert_eq!(found.bytes()[name], standard.exported().bytes()[name], "{name}");
    }
}

#[test]
fn verify_knows_the_form_from_the_manifest_and_finds_a_changed_byte() {
    let place = exported(&EXCEL);
    let manifest = place.exported().json("manifest.json");
    assert_eq!(
        manifest["report_csv"],
        serde_json::json!({"style": "excel", "decimal": "comma"})
    );
    place.run(&["verify", "out"]).exits(0);
    let path = place.path("out/cost_by_day.csv");
    let text = place.exported().text("cost_by_day.csv");
    assert!(text.contains(";2;1,000000;"), "{text}");
    fs::write(&path, text.replace(";2;1,000000;", ";3;1,000000;")).unwrap();
    place.run(&["verify", "out"]).exits(5).says(&[
        "cost_by_day.csv: its SHA-256",
        "cost_by_day.csv: its figures differ from the rows",
    ]);
    fs::write(&path, text).unwrap();
    // The same bytes are wrong where the manifest says another form.
    let mut standard = manifest;
    standard.as_object_mut().unwrap().remove("report_csv");
    fs::write(place.path("out/manifest.json"), standard.to_string()).unwrap();
    place.run(&["verify", "out"]).exits(5);
}

#[test]
fn an_export_in_this_form_is_read_back_as_any_other() {
    let place = exported(&EXCEL);
    for args in [
        &["report", "out", "--format", "json"][..],
        &["report", "out", "--format", "csv", "--only", "usage_explained"],
        &["reconcile", "out", "--cycle", "2025-09-15", "--json"],
        &["report", "out", "--from", "2025-09-01", "--to", "2025-09-02"],
    ] {
        prints_as_of_the_standard_form(&place, args);
    }
    let report = [
        &["report", "out", "--format", "csv", "--out", "figures", "-q"],
        &EXCEL[..],
    ]
    .concat();
    place.run(&report).exits(0);
    for name in ["cost_by_actor.csv", "usage_by_day.csv", "builds_by_actor.csv"] {
        let figures = fs::read(place.path("figures").join(name)).unwrap();
        assert!(figures == place.exported().bytes()[name], "{name}");
    }
    let one = [
        &["report", "out", "--format", "csv", "--only", "cost_by_day"],
        &EXCEL[..],
    ]
    .concat();
    assert_eq!(
        place.run(&one).exits(0).stdout,
        place.exported().text("cost_by_day.csv")
    );
}

#[test]
fn another_form_is_no_other_export() {
    let (server, place) = (account(), Place::new());
    place.export(&server.url(), &EXCEL).exits(0);
    let in_excel = place.exported().bytes();
    place
        .export(&server.url(), &[])
        .exits(0)
        .shows(&["no change since 2025-10-03"]);
    assert_eq!(place.exported().json("manifest.json").get("report_csv"), None);
    place.run(&["verify", "out"]).exits(0);
    place.export(&server.url(), &EXCEL).exits(0);
    assert_eq!(
        place.exported().bytes()["cost_by_actor.csv"],
        in_excel["cost_by_actor.csv"]
    );
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_comma_alone_and_words_that_mean_nothing_are_exit_2() {
    let place = exported(&[]);
    let refused = |command: &[&str], more: &[&str]| -> Done {
        let refused = place.run(&[command, more].concat());
        refused.exits(2);
        refused
    };
    for command in [&["export", "--demo"][..], &["report", "out"]] {
        refused(command, &["--csv-decimal", "comma"]).says(&[
            "--csv-decimal comma works only with --csv-style excel",
            "add --csv-style excel",
        ]);
        refused(command, &["--csv-decimal", "comma", "--csv-style", "standard"]);
        refused(command, &["--csv-style", "lotus"]).says(&["standard, excel"]);
        refused(command, &["--csv-style", "excel", "--csv-decimal", ";"]).says(&["point, comma"]);
    }
    assert_eq!(place.names(), ["out"]);
}

#[test]
fn the_form_may_stand_in_the_configuration_and_in_the_environment() {
    let place = exported(&[]);
    fs::write(place.path("apify-runs.toml"), "csv-style = \"excel\"\n").unwrap();
    let csv = ["report", "out", "--format", "csv", "--only", "cost_by_day"];
    let printed = done(place.command(&csv).env("APIFY_RUNS_CSV_DECIMAL", "comma"));
    let rows = printed.exits(0).stdout.clone();
    assert!(
        rows.starts_with("\u{feff}day;") && rows.contains(";2;1,000000;"),
        "{rows}"
    );
    // What the file says for every report makes no other format wrong.
    place.run(&["report", "out"]).exits(0);
    let typed = place.run(&[&csv[..], &["--csv-style", "standard"]].concat());
    assert!(typed.exits(0).stdout.starts_with("day,runs,"), "{typed}");
}
