//! What is in the files: columns, types, money to the last digit, text that a spreadsheet can't run. Expected figures are
//! worked out by hand.

use std::fs::File;

use arrow_array::cast::AsArray;
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;
use sha2::Digest;

use crate::support::command::{Place, make_endless, wait_until_open};
use crate::support::made_up::{DEMO, demo_export};
use crate::support::stand_in::{Account, Run, StandIn, ms, runs};

/// The contract's columns, in order.
const COLUMNS: &str = "id act_id user_id actor_task_id status started_at finished_at build_id build_number \
                       build_number_int meta_origin meta_client_ip meta_user_agent meta_schedule_id meta_scheduled_at \
                       usage_total_usd default_key_value_store_id default_dataset_id default_request_queue_id cost_state \
                       extra act_name actor_task_name meta_schedule_name";

fn at(day: u32, hour: u32) -> i64 {
    ms(&format!("2025-09-{day:02}T{hour:02}:00:00Z"))
}

fn costing(id: &str, started: i64, act_id: &str, status: &str, cost: &str) -> Run {
    let mut run = Run::new(id, started).with(&format!(
        r#""actId":"{act_id}","finishedAt":"2025-09-30T00:00:00.000Z","usageTotalUsd":{cost}"#
    ));
    run.status = status.into();
    run
}

fn export(runs: Vec<Run>, more: &[&str]) -> Place {
    let place = Place::new();
    let server = StandIn::of(Account {
        runs,
        ..Account::default()
    });
    place.export(&server.url(), more).exits(0);
    place
}

#[test]
fn parquet_has_the_promised_columns_types_and_nullability() {
    let place = export(runs(10, at(1, 0), 1000), &[]);
    let file = File::open(place.path("out/runs.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let fields = reader.schema().fields();
    let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, COLUMNS.split(' ').collect::<Vec<_>>());
    for field in fields {
        let expected = match field.name().as_str() {
            "started_at" | "finished_at" | "meta_scheduled_at" => {
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
            }
            "usage_total_usd" => DataType::Decimal128(38, 18),
            "build_number_int" => DataType::Int64,
            _ => DataType::Utf8,
        };
        assert_eq!(field.data_type(), &expected, "{}", field.name());
        let never_null = ["id", "act_id", "status", "started_at", "cost_state"].contains(&field.name().as_str());
        assert_eq!(field.is_nullable(), !never_null, "{}", field.name());
    }
    let header = place.exported().text("runs.csv").lines().next().unwrap().to_string();
    assert_eq!(header, COLUMNS.replace(' ', ","));
}

#[test]
fn money_is_exact_from_the_wire_to_every_total() {
    let place = export(
        vec![
            costing("r1", at(1, 0), "dear", "SUCCEEDED", "0.1"),
            costing("r2", at(1, 1), "dear", "FAILED", "0.2"),
            costing(
                "r3",
                at(2, 0),
                "dear",
                "SUCCEEDED",
                "12345678901234567890.000000000000000001",
            ),
            costing("r4", at(2, 1), "cheap", "SUCCEEDED", "1e-7"),
            costing("r5", at(2, 2), "cheap", "ABORTED", "2.5E-18"),
            costing("r6", at(2, 3), "cheap", "SUCCEEDED", "0.00000000000000000150"),
            costing("r7", at(2, 4), "free", "SUCCEEDED", "0"),
            costing("r8", at(2, 5), "who-knows", "TIMED-OUT", "null"),
        ],
        &[],
    );
    let exported = place.exported();
    let costs: Vec<_> = exported
        .rows("runs.csv")
        .iter()
        .map(|row| row["usage_total_usd"].clone())
        .collect();
    assert_eq!(
        costs,
        [
            "0.1",
            "0.2",
            "12345678901234567890.000000000000000001",
            "0.0000001",
            "0.000000000000000002",
            "0.000000000000000002",
            "0",
            ""
        ]
    );
    // 0.3 + 12345678901234567890.000000000000000001, and 0.0000001 + two times 2e-18 in all.
    let totals = exported.json("manifest.json")["totals"].clone();
    assert_eq!(totals["usage_total_usd"], "12345678901234567890.300000100000000005");
    assert_eq!(
        (&totals["runs_cost_unknown"], &totals["runs_provisional"]),
        (&1.into(), &0.into())
    );
    let by_actor: Vec<_> = exported
        .rows("cost_by_actor.csv")
        .iter()
        .map(|row| ["act_id", "runs", "usage_total_usd", "runs_cost_unknown"].map(|name| row[name].clone()))
        .collect();
    assert_eq!(
        by_actor,
        [
            ["dear", "3", "12345678901234567890.300000000000000001", "0"],
            ["cheap", "3", "0.000000100000000004", "0"],
            ["free", "1", "0", "0"],
            ["who-knows", "1", "", "1"],
        ]
    );
    let days: Vec<_> = exported
        .rows("cost_by_day.csv")
        .iter()
        .map(|row| ["day", "runs", "usage_total_usd"].map(|name| row[name].clone()))
        .collect();
    assert_eq!(days[0], ["2025-09-01", "2", "0.3"]);
    assert_eq!(days[1], ["2025-09-02", "6", "12345678901234567890.000000100000000005"]);

    let file = File::open(place.path("out/runs.parquet")).unwrap();
    let batch = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let usage = batch.column_by_name("usage_total_usd").unwrap();
    let usage = usage.as_primitive::<arrow_array::types::Decimal128Type>();
    assert_eq!(usage.value(2), 12_345_678_901_234_567_890_000_000_000_000_000_001);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_report_row_has_every_measure_and_derives_share_and_mean_half_even() {
    let place = export(
        vec![
            costing("r1", at(1, 0), "a", "SUCCEEDED", "0.25"),
            costing("r2", at(1, 1), "a", "FAILED", "0.000005"),
            costing("r3", at(1, 2), "a", "READY", "null"),
            costing("r4", at(1, 3), "b", "ABORTED", "0.749995"),
        ],
        &[],
    );
    let text = place.exported().text("cost_by_actor.csv");
    assert_eq!(
        text,
        "act_id,runs,runs_succeeded,runs_failed,runs_timed_out,runs_aborted,runs_other,usage_total_usd,share,mean_usd,\
         runs_cost_unknown,runs_provisional,act_name\n\
         b,1,0,0,0,1,0,0.749995,0.749995,0.749995,0,0,\n\
         a,3,1,1,0,0,1,0.250005,0.250005,0.125002,1,0,\n"
    );
}

#[test]
fn what_a_spreadsheet_would_run_is_defused_and_numbers_never_are() {
    let agents = ["=1+1", "+1", "-1", "@SUM(A1)", "plain, \\\"quoted\\\""];
    let mut all = Vec::new();
    for (number, agent) in agents.iter().enumerate() {
        all.push(Run::new(format!("r{number}"), at(1, 0) + number as i64).with(&format!(
            r#""actId":"a","usageTotalUsd":-0.5,"meta":{{"userAgent":"{agent}"}}"#
        )));
    }
    let place = export(all, &[]);
    let rows = place.exported().rows("runs.csv");
    let written: Vec<_> = rows.iter().map(|row| row["meta_user_agent"].as_str()).collect();
    assert_eq!(written, ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "plain, \"quoted\""]);
    assert!(rows.iter().all(|row| row["usage_total_usd"] == "-0.5"));
    let csv = place.exported().text("runs.csv");
    assert!(!csv.contains('\r') && !csv.starts_with('\u{feff}'));
    assert!(csv.contains(",\"plain, \"\"quoted\"\"\","), "{csv}");
}

#[test]
fn a_cost_that_may_still_move_is_provisional_and_the_total_at_least() {
    let mut running = costing("running", at(1, 0), "a", "RUNNING", "1");
    running.rest = r#""actId":"a","usageTotalUsd":1"#.into();
    let just_ended = Run::new("just-ended", at(1, 1))
        .with(r#""actId":"a","finishedAt":"2025-10-03T05:50:00.001Z","usageTotalUsd":2"#);
    let long_ended = Run::new("long-ended", at(1, 2))
        .with(r#""actId":"a","finishedAt":"2025-10-03T05:50:00.000Z","usageTotalUsd":4"#);
    let account = Account {
        runs: vec![running, just_ended, long_ended],
        ..Account::default()
    };
    let server = StandIn::start(move |request| {
        let date = vec![("Date", "Fri, 03 Oct 2025 06:00:00 GMT".into())];
        crate::support::stand_in::Reply::Answer(200, date, account.list(request).into_bytes())
    });
    let place = Place::new();
    place
        .export(&server.url(), &[])
        .exits(0)
        .shows(&["at least $7.00", "2 runs are still running or have just ended"]);
    let states: Vec<_> = place
        .exported()
        .rows("runs.csv")
        .iter()
        .map(|row| row["cost_state"].clone())
        .collect();
    assert_eq!(states, ["provisional", "provisional", "settled"]);
    place
        .export(&server.url(), &["--settle", "11m"])
        .exits(0)
        .shows(&["3 runs are still running or have just ended"]);
    place
        .export(&server.url(), &["--settle", "0s"])
        .exits(0)
        .shows(&["1 run is still running or has just ended"]);
}

#[test]
fn days_are_folders_and_hold_the_same_rows() {
    let place = export(runs(100, at(1, 0), 3_600_000), &["--partition-by", "day"]);
    let days = crate::support::command::names(&place.path("out/runs"));
    assert_eq!(days.len(), 5);
    assert_eq!(days[0], "started_on=2025-09-01");
    let rows: usize = days
        .iter()
        .map(|day| {
            let file = File::open(place.path("out/runs").join(day).join("runs.parquet")).unwrap();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            reader.metadata().file_metadata().num_rows() as usize
        })
        .sum();
    assert_eq!(rows, 100);
    assert!(!place.path("out/runs.parquet").exists());
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn compatible_parquet_keeps_to_plain_and_dictionary() {
    let encodings = |more: &[&str]| {
        let place = export(runs(100, at(1, 0), 1000), more);
        let file = File::open(place.path("out/runs.parquet")).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let group = reader.metadata().row_group(0);
        group
            .columns()
            .iter()
            .flat_map(|column| column.encodings().collect::<Vec<_>>())
            .collect::<Vec<Encoding>>()
    };
    let is_delta = |encoding: &Encoding| {
        matches!(
            encoding,
            Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY
        )
    };
    assert!(encodings(&[]).iter().any(is_delta));
    assert!(!encodings(&["--parquet-compat"]).iter().any(is_delta));
}

#[test]
fn compatible_parquet_is_snappy_and_holds_the_same_rows() {
    let (plain, compatible) = (
        export(runs(100, at(1, 0), 1000), &[]),
        export(runs(100, at(1, 0), 1000), &["--parquet-compat"]),
    );
    let compression = |place: &Place| {
        let file = File::open(place.path("out/runs.parquet")).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let group = reader.metadata().row_group(0).clone();
        let mut all: Vec<String> = group
            .columns()
            .iter()
            .map(|column| column.compression().to_string())
            .collect();
        all.dedup();
        all
    };
    assert!(compression(&plain)[0].starts_with("ZSTD"));
    assert_eq!(compression(&compatible), ["SNAPPY"]);
    assert_eq!(plain.exported().batch(), compatible.exported().batch());
    compatible.run(&["verify", "out"]).exits(0);
}

#[test]
fn parquet_says_what_it_is_of_and_stays_the_same() {
    let key_values = |place: &Place, path: &str| {
        let file = File::open(place.path(path)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let found = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
        let ours = found.into_iter().filter(|pair| pair.key.starts_with("apify_runs."));
        ours.map(|pair| (pair.key, pair.value.unwrap())).collect::<Vec<_>>()
    };
    let place = Place::new();
    let demo = [
        "export",
        "--demo",
        "--month",
        "2025-10",
        "--timezone",
        "Europe/Prague",
        "--quiet",
        "--out",
    ];
    place.run(&[&demo[..], &["one"]].concat()).exits(0);
    let found = key_values(&place, "one/runs.parquet");
    let of = |key: &str| {
        found
            .iter()
            .find(|(found, _)| found == key)
            .map_or("", |(_, value)| value)
    };
    assert_eq!(of("apify_runs.version"), env!("CARGO_PKG_VERSION"));
    // As it was asked for: until when it was over differs from job to job.
    assert_eq!(
        of("apify_runs.period"),
        "2025-09-30T22:00:00.000Z/2025-10-31T23:00:00.000Z"
    );
    assert_eq!(of("apify_runs.timezone"), "Europe/Prague");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("one/manifest.json")).unwrap()).unwrap();
    assert_eq!(of("apify_runs.account"), manifest["account"]["id"].as_str().unwrap());
    place
        .run(&[&demo[..], &["two", "--concurrency", "3"]].concat())
        .exits(0);
    let bytes = |folder: &str| std::fs::read(place.path(folder).join("runs.parquet")).unwrap();
    assert!(bytes("one") == bytes("two"));
}

#[test]
fn a_script_for_duckdb_lies_beside_the_csv_and_nowhere_else() {
    let place = export(runs(10, at(1, 0), 1000), &["--exclude", "act_name,build_number"]);
    let listed = |place: &Place| {
        let manifest = place.exported().json("manifest.json");
        let files = manifest["files"].as_array().unwrap().clone();
        files.iter().any(|file| file["path"] == "runs.sql")
    };
    assert!(listed(&place));
    let script = place.exported().text("runs.sql");
    let header = place.exported().text("runs.csv").lines().next().unwrap().to_string();
    let named = header
        .split(',')
        .filter(|name| script.contains(&format!("    '{name}': '")))
        .count();
    assert_eq!(named, header.split(',').count());
    assert!(
        !script.contains("act_name") && script.contains("'usage_total_usd': 'DECIMAL(38,18)'"),
        "{script}"
    );
    std::fs::write(place.path("out/runs.sql"), script + "DROP TABLE runs;").unwrap();
    place.run(&["verify", "out"]).exits(5).says(&["runs.sql"]);
    let place = export(runs(10, at(1, 0), 1000), &["--format", "parquet"]);
    assert!(!listed(&place) && !place.path("out/runs.sql").exists());
}

#[test]
fn verify_finds_what_was_changed() {
    let place = export(runs(100, at(1, 0), 1000), &[]);
    place
        .run(&["verify", "out"])
        .exits(0)
        .shows(&["100 runs, $1; all files match the manifest"]);
    place.run(&["verify", "out", "--quiet"]).exits(0);
    let csv = place.path("out/runs.csv");
    let good = std::fs::read_to_string(&csv).unwrap();
    for (bad, finding) in [
        (
            good.replacen("0.01", "0.02", 1),
            "its SHA-256 differs from the manifest",
        ),
        (
            good.replacen("0.01", "0.02", 1),
            "the totals of its rows are 100 runs, 1.01, 0 of unknown cost",
        ),
        (
            good.lines().take(100).map(|line| format!("{line}\n")).collect(),
            "99 rows",
        ),
        (
            good.replacen("2025-09-01T00:00:00", "2025-08-01T00:00:00", 1),
            "outside the period",
        ),
    ] {
        std::fs::write(&csv, bad).unwrap();
        place.run(&["verify", "out"]).exits(5).says(&[finding]);
    }
    std::fs::write(&csv, good).unwrap();
    place.run(&["verify", "out"]).exits(0);
    std::fs::write(place.path("out/.hidden"), "").unwrap();
    place
        .run(&["verify", "out"])
        .exits(5)
        .says(&[".hidden: not in the manifest"]);
    place
        .run(&["verify", "nowhere"])
        .exits(2)
        .says(&["nowhere does not exist"]);
}

#[test]
fn verify_tells_a_folder_without_an_export_from_an_export_that_is_broken() {
    let place = export(runs(3, at(1, 0), 1000), &[]);
    let manifest = place.exported().text("manifest.json");
    std::fs::write(place.path("out/manifest.json"), &manifest[..manifest.len() / 2]).unwrap();
    place
        .run(&["verify", "out"])
        .exits(5)
        .says(&["is not a manifest of apify-runs"]);
}

/// Changes a file and makes the manifest's size and hash of it fit.
fn forge(place: &Place, name: &str, change: impl Fn(&str) -> String) {
    let before = place.exported().text(name);
    let after = change(&before);
    assert_ne!(before, after, "{name}: nothing was changed");
    std::fs::write(place.path("out").join(name), &after).unwrap();
    let mut manifest = place.exported().json("manifest.json");
    for file in manifest["files"].as_array_mut().unwrap() {
        if file["path"] == name {
            file["bytes"] = after.len().into();
            let hash = sha2::Sha256::digest(after.as_bytes());
            file["sha256"] = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        }
    }
    std::fs::write(place.path("out/manifest.json"), manifest.to_string()).unwrap();
}

#[test]
fn verify_finds_what_hashes_were_made_to_fit() {
    type Change = fn(&str) -> String;
    let forgeries: [(&str, Change, &str); 9] = [
        (
            "runs.csv",
            |text| text.replacen("run00000000000002", "run00000000000000", 1),
            "run run00000000000000 is there more than once",
        ),
        (
            "runs.csv",
            |text| text.replacen(",actor,", ",other,", 1),
            "its rows differ from the Parquet files",
        ),
        (
            "runs.csv",
            |text| text.replacen("settled", "unknown", 1),
            "has a cost_state that does not match its cost",
        ),
        (
            "runs.csv",
            |text| text.replacen(",b,,,API", ",b,,7,API", 1),
            "its rows differ from the Parquet files",
        ),
        (
            "cost_by_actor.csv",
            |text| text.replacen("0.03", "0.04", 1),
            "cost_by_actor.csv: its figures differ from the rows",
        ),
        (
            "status_summary.csv",
            |_| String::new(),
            "status_summary.csv: its figures",
        ),
        (
            "report.json",
            |text| text.replacen("\"runs\": 3", "\"runs\": 4", 1),
            "report.json: its totals differ from the rows",
        ),
        (
            "report.json",
            |text| text.replacen("\"day\": \"2025-09-01\"", "\"day\": \"2025-09-02\"", 1),
            "report.json: cost_by_day differs from the rows",
        ),
        ("report.json", |_| "{".into(), "report.json: "),
    ];
    for (name, change, finding) in forgeries {
        let place = export(runs(3, at(1, 0), 1000), &[]);
        forge(&place, name, change);
        let done = place.run(&["verify", "out"]);
        done.exits(5).says(&[finding]);
        assert!(!done.stderr.contains("hash"), "{done}");
    }
}

#[test]
fn verify_reads_regular_files_within_the_export_alone() {
    let place = export(runs(3, at(1, 0), 1000), &[]);
    let report = place.path("out/report.md");
    std::fs::rename(&report, place.path("elsewhere.md")).unwrap();
    std::os::unix::fs::symlink("../elsewhere.md", &report).unwrap();
    place
        .run(&["verify", "out"])
        .exits(5)
        .says(&["report.md: it is not a regular file"]);
    let manifest = place
        .exported()
        .text("manifest.json")
        .replace("report.md", "../elsewhere.md");
    std::fs::remove_file(&report).unwrap();
    std::fs::write(place.path("out/manifest.json"), manifest).unwrap();
    place
        .run(&["verify", "out"])
        .exits(5)
        .says(&["../elsewhere.md: its path leaves the export"]);
    let mut manifest = place.exported().json("manifest.json");
    manifest["files"] = serde_json::json!([]);
    std::fs::write(place.path("out/manifest.json"), manifest.to_string()).unwrap();
    place.run(&["verify", "out"]).exits(5).says(&["lists no file of runs"]);
}

#[test]
fn verify_says_how_far_a_sum_goes() {
    let mut all = runs(3, at(1, 0), 1000);
    all[1].rest = r#""actId":"a""#.into();
    let place = export(all, &[]);
    place
        .run(&["verify", "out"])
        .exits(0)
        .shows(&["3 runs, at least $0.02 (1 run of unknown cost)"]);
    demo_export().copy_to(DEMO, &place, "demo");
    place
        .run(&["verify", "demo"])
        .exits(0)
        .shows(&["MADE-UP ACCOUNT", "at least $7282.9286"]);
}

#[cfg(target_os = "linux")]
#[test]
fn verify_hears_signals_while_it_reads() {
    let place = export(runs(3, at(1, 0), 1000), &[]);
    let endless = place.path("out/report.md");
    make_endless(&endless);
    let child = place.start(&["verify", "out"]);
    wait_until_open(&child, &endless);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    crate::support::command::wait(child).exits(143);
}

#[test]
fn a_manifest_that_is_no_file_is_not_waited_for() {
    let place = export(runs(3, at(1, 0), 1000), &[]);
    let manifest = place.path("out/manifest.json");
    std::fs::remove_file(&manifest).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&manifest).status().unwrap();
    assert!(made.success());
    for command in [
        &["verify", "out"][..],
        &["report", "out"],
        &["diff", "out", "out"],
        &["serve", "out"],
    ] {
        place
            .run(command)
            .exits(2)
            .says(&["it is a named pipe, not a regular file"]);
    }
}

#[test]
fn a_day_whose_only_run_is_listed_under_another_day_too_leaves_no_folder() {
    let mut all = runs(2500, at(20, 0), 1000);
    all.push(Run::new("wanderer", at(2, 0)));
    all.push(costing("wanderer", at(25, 0), "a", "SUCCEEDED", "1"));
    let place = export(all, &["--partition-by", "day", "--concurrency", "2"]);
    let days = crate::support::command::names(&place.path("out/runs"));
    assert_eq!(days, ["started_on=2025-09-20", "started_on=2025-09-25"]);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn verify_finds_a_manifest_that_contradicts_itself_or_the_report() {
    type Change = fn(&mut serde_json::Value);
    let changes: [(Change, &str); 6] = [
        (
            |manifest| manifest["proof"]["fetched"] = 2.into(),
            "2 fetched in its proof",
        ),
        (
            |manifest| manifest["runs_rejected"] = 9.into(),
            "rejected.jsonl: 0 items, the manifest says 9",
        ),
        (
            |manifest| manifest["account"]["id"] = "another".into(),
            "report.json: account differs from the manifest",
        ),
        (
            |manifest| manifest["caveats"] = serde_json::json!(["one"]),
            "report.json: caveats differs from the manifest",
        ),
        (
            |manifest| manifest["files"][1]["rows"] = 7.into(),
            "runs.csv: the manifest has another number of rows",
        ),
        (
            |manifest| manifest["files"][2]["rows"] = 7.into(),
            "cost_by_actor.csv: 1 rows",
        ),
    ];
    let place = export(runs(3, at(1, 0), 1000), &[]);
    let good = place.exported().json("manifest.json");
    for (change, finding) in changes {
        let mut manifest = good.clone();
        change(&mut manifest);
        std::fs::write(place.path("out/manifest.json"), manifest.to_string()).unwrap();
        place.run(&["verify", "out"]).exits(5).says(&[finding]);
    }
    let place = export(runs(3, at(1, 0), 1000), &["--format", "csv"]);
    forge(&place, "runs.csv", |text| text.replacen("run00000000000001", "", 1));
    place
        .run(&["verify", "out"])
        .exits(5)
        .says(&["lacks its ID, Actor or status"]);
}

#[test]
fn sums_beyond_what_the_column_holds_end_the_job_and_never_wrap() {
    let place = Place::new();
    let costs = ["99999999999999999999", "-99999999999999999999"];
    let all = (0..30).map(|run| {
        let act_id = format!("actor{run}");
        costing(
            &format!("r{run:02}"),
            at(1, 0) + run,
            &act_id,
            "SUCCEEDED",
            costs[run as usize % 2],
        )
    });
    let server = StandIn::of(Account {
        runs: all.collect(),
        ..Account::default()
    });
    place
        .export(&server.url(), &[])
        .exits(5)
        .says(&["more than 38 digits", "nothing was published"]);
    assert_eq!(place.names(), [""; 0]);
}
