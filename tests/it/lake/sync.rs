//! `sync`: a lake over an account that changes. What the table holds is read here by hand: its log line by line, its files
//! as Parquet.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_schema::DataType;
use chrono::DateTime;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::account::Gate;
use crate::support::command::{Done, Place, done, wait};
use crate::support::stand_in::{Account, Reply, Run, StandIn, beside_runs, envelope, instant, limits, ms, user};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// An account that changes, with a clock of its own.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

pub struct State {
    pub now: i64,
    pub account: Account,
    pub owner: &'static str,
    pub keeps: Option<u64>,
    pub actors: Vec<(&'static str, &'static str)>,
    pub schedules: Vec<(&'static str, &'static str)>,
    pub held_at: Option<Arc<Gate>>,
    pub stall_before: Option<i64>,
}

impl World {
    pub fn at(now: &str) -> World {
        World(Arc::new(Mutex::new(State {
            now: ms(now),
            account: Account::default(),
            owner: "user1",
            keeps: Some(36_500),
            actors: Vec::new(),
            schedules: Vec::new(),
            held_at: None,
            stall_before: None,
        })))
    }

    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap());
    }

    pub fn now(&self, now: &str) {
        self.set(|state| state.now = ms(now));
    }

    pub fn has(&self, runs: Vec<Run>) {
        self.set(|state| state.account.runs = runs);
    }

    pub fn serve(&self) -> StandIn {
        let world = self.clone();
        StandIn::start_raw(move |request| {
            let (reply, date, gate) = {
                let state = world.0.lock().unwrap();
                let after = request.query.get("startedAfter").map(|text| ms(text));
                let stalls = state
                    .stall_before
                    .zip(after)
                    .is_some_and(|(before, after)| after >= before);
                let is_list = request.path == "/v2/actor-runs";
                let reply = match request.path.as_str() {
                    "/v2/actor-runs" if stalls => Reply::Stall,
                    "/v2/actor-runs" => Reply::json(state.account.list(request)),
                    "/v2/users/me" => Reply::json(user(state.owner)),
                    "/v2/users/me/limits" => match state.keeps {
                        Some(days) => Reply::json(limits(days)),
                        None => Reply::error(403, "insufficient-permissions", "no"),
                    },
                    "/v2/actors" => names(&state.actors),
                    "/v2/schedules" => names(&state.schedules),
                    path => beside_runs(path),
                };
                let date = DateTime::from_timestamp_millis(state.now).unwrap();
                let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
                (reply, date, state.held_at.clone().filter(|_| is_list))
            };
            if let Some(gate) = gate {
                gate.pass();
            }
            match reply {
                Reply::Answer(status, mut headers, body) => {
                    headers.push(("Date", date));
                    Reply::Answer(status, headers, body)
                }
                reply => reply,
            }
        })
    }
}

fn names(named: &[(&str, &str)]) -> Reply {
    let item = |(id, name): &(&str, &str)| format!(r#"{{"id":"{id}","username":"ann","name":"{name}"}}"#);
    let items: Vec<String> = named.iter().map(item).collect();
    Reply::json(envelope(items.len(), 0, 1000, &items))
}

/// A run with a cost, or without one.
pub fn run(id: &str, started: &str, finished: Option<&str>, usage: Option<&str>) -> Run {
    let mut rest = r#""actId":"actor""#.to_string();
    rest += &finished.map_or(String::new(), |at| format!(r#","finishedAt":"{at}""#));
    rest += &usage.map_or(String::new(), |usd| format!(r#","usageTotalUsd":{usd}"#));
    let mut run = Run::new(id, ms(started)).with(&rest);
    run.status = if finished.is_some() { "SUCCEEDED" } else { "RUNNING" }.into();
    run
}

pub fn args<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "sync",
        "--lake",
        "lake",
        "--rate",
        "0",
        "--details",
        "none",
        "--api-url",
        url,
    ];
    args.extend(more);
    args
}

pub fn sync(place: &Place, server: &StandIn, more: &[&str]) -> Done {
    place.run(&args(&server.url(), more))
}

/// A sync that goes well, and what it says of itself.
#[track_caller]
pub fn synced(place: &Place, server: &StandIn, more: &[&str]) -> Value {
    let done = sync(place, server, &[more, &["--json"]].concat());
    done.exits(0);
    serde_json::from_str(&done.stdout).unwrap()
}

/// The commits of a table, line by line.
pub fn commits(lake: &Path) -> Vec<Vec<Value>> {
    let mut names: Vec<_> = fs::read_dir(lake.join("_delta_log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    names.sort();
    let lines = |path| {
        fs::read_to_string(path)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    names.into_iter().map(lines).collect()
}

/// The table's files, by replaying its log.
pub fn files(lake: &Path) -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for action in commits(lake).into_iter().flatten() {
        if let Some(add) = action.get("add") {
            files.insert(add["path"].as_str().unwrap().replace("%3D", "="), add.clone());
        }
        if let Some(remove) = action.get("remove") {
            assert!(
                files.remove(remove["path"].as_str().unwrap()).is_some(),
                "removed what isn't there"
            );
        }
    }
    files
}

/// The table's rows by ID: cells by column, NULL left out.
pub fn rows(place: &Place) -> BTreeMap<String, BTreeMap<String, String>> {
    let lake = place.path("lake");
    let mut rows = BTreeMap::new();
    for path in files(&lake).keys() {
        let file = fs::File::open(lake.join(path)).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            for row in 0..batch.num_rows() {
                let schema = batch.schema();
                let cells = schema.fields().iter().zip(batch.columns());
                let cells: BTreeMap<String, String> = cells
                    .filter(|(_, column)| column.is_valid(row))
                    .map(|(field, column)| (field.name().clone(), cell(column.as_ref(), row)))
                    .collect();
                assert!(rows.insert(cells["id"].clone(), cells).is_none(), "a run twice");
            }
        }
    }
    rows
}

fn cell(column: &dyn Array, row: usize) -> String {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Decimal128(38, 18) => column.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Date32 => column
            .as_primitive::<Date32Type>()
            .value_as_date(row)
            .unwrap()
            .to_string(),
        DataType::Timestamp(..) => {
            let at = column.as_primitive::<TimestampMicrosecondType>().value(row);
            assert_eq!(at % 1000, 0);
            instant(at / 1000)
        }
        other => panic!("a column of {other}"),
    }
}

/// One column by ID.
pub fn column(place: &Place, name: &str) -> Vec<(String, String)> {
    let rows = rows(place).into_iter();
    rows.map(|(id, mut cells)| (id, cells.remove(name).unwrap_or("NULL".into())))
        .collect()
}

pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect()
}

fn two_runs() -> Vec<Run> {
    vec![
        run(
            "a",
            "2025-08-31T23:59:59.999Z",
            Some("2025-09-01T00:10:00.000Z"),
            Some("0.1"),
        ),
        run(
            "b",
            "2025-09-01T00:00:00.000Z",
            Some("2025-09-01T00:20:00.000Z"),
            Some("1e-7"),
        ),
    ]
}

#[test]
fn a_first_sync_takes_all_that_is_kept_and_a_second_one_that_finds_nothing_new_commits_nothing() {
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(two_runs());
    world.set(|state| state.keeps = Some(30));
    let (place, server) = (Place::new(), world.serve());
    let first = synced(&place, &server, &[]);
    assert_eq!(
        (&first["runs_new"], &first["runs_changed"], &first["commits"]),
        (&2.into(), &0.into(), &1.into())
    );
    assert_eq!(
        first["proven"],
        serde_json::json!([["2025-08-04T00:00:00.000Z", "2025-09-03T00:00:00.000Z"]])
    );
    assert_eq!(first["usage_moved_past_months_usd"], "0.1");
    let b = &rows(&place)["b"];
    assert_eq!(b["usage_total_usd"], "0.000000100000000000");
    assert_eq!(
        (&*b["queried_at"], &*b["started_on"]),
        ("2025-09-03T00:00:00.000Z", "2025-09-01")
    );
    assert_eq!(b["cost_state"], "settled");
    let months: Vec<Value> = files(&place.path("lake"))
        .values()
        .map(|add| add["partitionValues"].clone())
        .collect();
    assert_eq!(
        months,
        [
            serde_json::json!({"started_month": "2025-08"}),
            serde_json::json!({"started_month": "2025-09"})
        ]
    );
    let before = commits(&place.path("lake"));
    world.now("2025-09-03T12:00:00Z");
    let second = synced(&place, &server, &[]);
    assert_eq!(
        (&second["runs_new"], &second["commits"], &second["version"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert_eq!(
        second["asked"][0],
        serde_json::json!(["2025-08-31T00:00:00.000Z", "2025-09-03T12:00:00.000Z"])
    );
    assert_eq!(commits(&place.path("lake")), before);
    let short = synced(&place, &server, &["--lookback", "1h", "--optimize", "auto"]);
    assert_eq!(short["asked"][0][0], "2025-09-02T23:00:00.000Z");
    assert_eq!(
        (&short["commits"], &short["optimized"]),
        (&0.into(), &serde_json::json!([0, 0]))
    );
    // Once proof has grown by a day, that is noted, without a file.
    world.now("2025-09-04T00:00:00Z");
    let third = synced(&place, &server, &[]);
    assert_eq!((&third["commits"], &third["files_added"]), (&1.into(), &0.into()));
    assert_eq!(third["proven"][0][1], "2025-09-04T00:00:00.000Z");
}

#[test]
fn the_log_is_one_that_every_engine_reads() {
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(two_runs());
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    let first = &commits(&place.path("lake"))[0];
    let find = |name: &str| first.iter().find_map(|action| action.get(name)).unwrap();
    assert_eq!(
        find("protocol"),
        &serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2})
    );
    let schema: Value = serde_json::from_str(find("metaData")["schemaString"].as_str().unwrap()).unwrap();
    let types: BTreeMap<&str, &str> = schema["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["name"].as_str().unwrap(), field["type"].as_str().unwrap()))
        .collect();
    for (name, kind) in [
        ("id", "string"),
        ("started_at", "timestamp"),
        ("usage_total_usd", "decimal(38,18)"),
        ("usage_usd_dataset_reads", "decimal(38,18)"),
        ("memory_mbytes", "long"),
        ("act_name", "string"),
        ("meta_schedule_name", "string"),
        ("queried_at", "timestamp"),
        ("started_on", "date"),
        ("started_month", "string"),
    ] {
        assert_eq!(types.get(name), Some(&kind), "{name}");
    }
    assert!(!types.contains_key("meta_client_ip") && !types.contains_key("meta_user_agent"));
    assert_eq!(types.len(), 44);
    let stats: Value = serde_json::from_str(find("add")["stats"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&stats["numRecords"], &stats["minValues"]["id"]),
        (&1.into(), &"a".into())
    );
    assert_eq!(stats["maxValues"]["started_at"], "2025-08-31T23:59:59.999Z");
    let info = find("commitInfo");
    assert_eq!(
        (&info["apifyRuns"]["runs_new"], &info["apifyRuns"]["usage_moved_usd"]),
        (&2.into(), &"0.1000001".into())
    );
}

#[test]
fn what_changes_at_apify_changes_in_the_lake_and_what_is_deleted_there_stays() {
    let world = World::at("2025-09-02T00:00:00Z");
    let (early, late) = ("2025-09-01T10:00:00.000Z", "2025-09-01T23:55:00.000Z");
    world.has(vec![
        run("done", early, Some(early), Some("1")),
        run("gone", early, Some(early), Some("2")),
        run("just", late, Some(late), Some("0")),
        run("back", early, Some(early), Some("4")),
        run("open", late, None, Some("0.5")),
        run("dear", early, Some(early), None),
    ]);
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    assert_eq!(
        column(&place, "cost_state"),
        pairs(&[
            ("back", "settled"),
            ("dear", "unknown"),
            ("done", "settled"),
            ("gone", "settled"),
            ("just", "provisional"),
            ("open", "provisional"),
        ])
    );
    world.now("2025-09-02T12:00:00Z");
    world.has(vec![
        run("done", early, Some(early), Some("1")),
        run("just", late, Some(late), Some("0.25")),
        run("back", early, None, Some("5")),
        run("open", late, Some("2025-09-02T01:00:00.000Z"), Some("0.75")),
        run("dear", early, Some(early), Some("8")),
        run("new", "2025-09-02T11:00:00.000Z", None, Some("0.125")),
    ]);
    let told = synced(&place, &server, &["--changes", "changes.csv"]);
    let counts = [
        "runs_new",
        "runs_changed",
        "runs_newly_settled",
        "runs_resurrected",
        "runs_repriced",
        "runs_expired",
    ];
    assert_eq!(counts.map(|name| told[name].as_u64().unwrap()), [1, 4, 3, 1, 0, 1]);
    assert_eq!(told["months"][0]["usage_new_usd"], "0.125");
    // 0.25 + 1 + 0.25 + 8.
    assert_eq!(told["months"][0]["usage_changed_usd"], "9.5");
    assert_eq!(
        column(&place, "usage_total_usd")
            .into_iter()
            .map(|(id, usd)| (id, usd.trim_end_matches('0').to_string()))
            .collect::<Vec<_>>(),
        pairs(&[
            ("back", "5."),
            ("dear", "8."),
            ("done", "1."),
            ("gone", "2."),
            ("just", "0.25"),
            ("new", "0.125"),
            ("open", "0.75")
        ])
    );
    let (first, second) = ("2025-09-02T00:00:00.000Z", "2025-09-02T12:00:00.000Z");
    assert_eq!(
        column(&place, "queried_at"),
        pairs(&[
            ("back", second),
            ("dear", second),
            ("done", first),
            ("gone", first),
            ("just", second),
            ("new", second),
            ("open", second)
        ])
    );
    let changes = fs::read_to_string(place.path("changes.csv")).unwrap();
    let mut lines: Vec<&str> = changes.lines().collect();
    assert!(
        lines
            .remove(0)
            .starts_with("change,id,act_id,act_name,fields_changed,status_old,")
    );
    lines.sort_unstable();
    assert_eq!(lines.len(), 5);
    assert!(
        lines[0].starts_with("changed,back,actor,,status finished_at usage_total_usd cost_state,SUCCEEDED,RUNNING,"),
        "{changes}"
    );
    assert!(
        lines[4].starts_with("new,new,actor,,,,RUNNING,") && lines[4].ends_with(",,0.125,,provisional,0.125"),
        "{changes}"
    );
}

#[test]
fn another_price_is_told_and_waits_until_it_is_accepted() {
    let world = World::at("2025-09-10T00:00:00Z");
    let day = "2025-09-05T00:00:00.000Z";
    world.has(vec![
        run("a", day, Some(day), Some("2")),
        run("b", day, Some(day), Some("4")),
    ]);
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    world.has(vec![
        run("a", day, Some(day), Some("1.5")),
        run("b", day, Some(day), Some("3")),
    ]);
    world.now("2025-09-10T01:00:00Z");
    let told = synced(&place, &server, &["--resweep"]);
    assert_eq!(
        (&told["runs_repriced"], &told["runs_changed"], &told["commits"]),
        (&2.into(), &0.into(), &0.into())
    );
    assert_eq!(
        (&told["repriced_from_usd"], &told["repriced_to_usd"]),
        (&"6".into(), &"4.5".into())
    );
    assert_eq!(told["repricing_factor"], "0.750000");
    assert_eq!(rows(&place)["a"]["usage_total_usd"], "2.000000000000000000");
    sync(&place, &server, &["--resweep"])
        .exits(0)
        .says(&["the price of 2 runs changed", "--accept-repricing"]);
    let told = synced(&place, &server, &["--resweep", "--accept-repricing"]);
    assert_eq!((&told["runs_repriced"], &told["runs_changed"]), (&2.into(), &2.into()));
    assert_eq!(told["months"][0]["usage_changed_usd"], "-1.5");
    assert_eq!(rows(&place)["b"]["usage_total_usd"], "3.000000000000000000");
}

#[test]
fn costs_that_are_open_are_asked_for_again_by_themselves_until_they_are_final() {
    let world = World::at("2025-09-20T00:00:00Z");
    let early = "2025-09-01T00:00:00.000Z";
    let runs = |open: Option<&str>, usage| {
        vec![
            run("long", early, open, Some(usage)),
            run(
                "unknown",
                "2025-09-10T00:00:00.000Z",
                Some("2025-09-14T00:00:00.000Z"),
                None,
            ),
            run(
                "final",
                "2025-09-05T00:00:00.000Z",
                Some("2025-09-06T00:00:00.000Z"),
                None,
            ),
        ]
    };
    world.has(runs(None, "1"));
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    let asked = |told: &Value| -> Vec<String> {
        told["asked"]
            .as_array()
            .unwrap()
            .iter()
            .map(|window| window[0].as_str().unwrap().to_string())
            .collect()
    };
    world.now("2025-09-20T12:00:00Z");
    world.has(runs(Some("2025-09-20T06:00:00.000Z"), "1.5"));
    let told = synced(&place, &server, &[]);
    // Near each other in the file, so asked for with one request: from the run that runs to the one whose cost may come.
    assert_eq!(asked(&told), ["2025-09-17T00:00:00.000Z", early]);
    assert_eq!(
        (&told["runs_changed"], &told["runs_newly_settled"], &told["asked_again"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(rows(&place)["long"]["usage_total_usd"], "1.500000000000000000");
    world.now("2025-09-21T01:00:00Z");
    let told = synced(&place, &server, &[]);
    assert_eq!(asked(&told).len(), 1, "all are final: {told}");
}

#[test]
fn a_sync_that_comes_after_retention_says_what_was_lost_in_between() {
    let world = World::at("2025-06-10T00:00:00Z");
    world.set(|state| state.keeps = Some(7));
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    world.now("2025-06-30T00:00:00Z");
    let done = sync(&place, &server, &["--json"]);
    done.exits(0).says(&[
        "gap: 2025-06-10T00:00:00.000Z to 2025-06-23T00:00:00.000Z",
        "Apify has deleted its runs",
    ]);
    let told: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        told["proven"],
        serde_json::json!([
            ["2025-06-03T00:00:00.000Z", "2025-06-10T00:00:00.000Z"],
            ["2025-06-23T00:00:00.000Z", "2025-06-30T00:00:00.000Z"]
        ])
    );
}

#[test]
fn what_makes_no_sense_is_refused_and_the_table_stays_as_it_was() {
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(two_runs());
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    let before = commits(&place.path("lake"));
    world.set(|state| state.owner = "user2");
    sync(&place, &server, &[])
        .exits(6)
        .says(&["has another account", "(user1)", "(user2)"]);
    world.set(|state| state.owner = "user1");
    world.now("2025-09-03T01:00:00Z");
    world.has(Vec::new());
    sync(&place, &server, &[])
        .exits(5)
        .says(&["no longer lists all of them", "--accept-deletions"]);
    assert_eq!(commits(&place.path("lake")), before);
    let told = synced(&place, &server, &["--accept-deletions"]);
    assert_eq!((&told["runs_expired"], &told["commits"]), (&2.into(), &0.into()));
    assert_eq!(rows(&place).len(), 2);
}

#[test]
fn a_place_that_holds_something_else_is_left_alone() {
    let world = World::at("2025-09-03T00:00:00Z");
    let (place, server) = (Place::new(), world.serve());
    fs::create_dir(place.path("lake")).unwrap();
    fs::write(place.path("lake/mine.txt"), "mine").unwrap();
    sync(&place, &server, &[])
        .exits(6)
        .says(&["holds other files and no lake"]);
    fs::remove_file(place.path("lake/mine.txt")).unwrap();
    let log = place.path("lake/_delta_log");
    fs::create_dir(&log).unwrap();
    let schema =
        r#"{\"type\":\"struct\",\"fields\":[{\"name\":\"x\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}"#;
    let metadata = |configuration: &str| {
        format!(
            r#"{{"protocol":{{"minReaderVersion":1,"minWriterVersion":2}}}}
{{"metaData":{{"id":"5fba94ed-9794-4965-ba6e-6ee3c0d22af9","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{schema}","partitionColumns":[],"configuration":{configuration},"createdTime":1}}}}
"#
        )
    };
    let first = log.join("00000000000000000000.json");
    fs::write(&first, metadata("{}")).unwrap();
    sync(&place, &server, &[])
        .exits(6)
        .says(&["was not made by apify-runs"]);
    let newer = r#"{"apify-runs.lake":"{\"shape\":2,\"tool_version\":\"9.1.0\"}"}"#;
    fs::write(&first, metadata(newer)).unwrap();
    sync(&place, &server, &[])
        .exits(2)
        .says(&["written by apify-runs 9.1.0", "use that version or a later one"]);
    fs::write(&first, "rubbish\n").unwrap();
    let mut again = place.command(&args(&server.url(), &[]));
    // A backtrace is no part of what is wrong.
    let done = done(again.env("RUST_BACKTRACE", "1"));
    done.exits(5).says(&["its log cannot be read"]);
    assert_eq!(done.stderr.lines().count(), 1, "{done}");
    fs::remove_dir_all(place.path("lake")).unwrap();
    fs::write(place.path("lake"), "a file").unwrap();
    let done = sync(&place, &server, &[]);
    done.exits(6).says(&["it is a file"]);
    assert_eq!(fs::read_to_string(place.path("lake")).unwrap(), "a file");
}

#[test]
fn without_knowing_what_is_kept_the_first_sync_wants_to_be_told_where_to_begin() {
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(two_runs());
    world.set(|state| state.keeps = None);
    let (place, server) = (Place::new(), world.serve());
    sync(&place, &server, &[]).exits(2).says(&["--since 2025-09-01"]);
    let told = synced(&place, &server, &["--since", "2025-09-01"]);
    assert_eq!(told["runs_new"], 1);
    // A later run that is to begin earlier does.
    let told = synced(&place, &server, &["--since", "2025-08-01"]);
    assert_eq!(told["runs_new"], 1);
    assert_eq!(told["proven"][0][0], "2025-08-01T00:00:00.000Z");
}

#[test]
fn a_sync_that_is_killed_has_lost_nothing_that_was_committed_and_the_next_one_goes_on() {
    let world = World::at("2025-09-01T00:30:00Z");
    world.has(two_runs().split_off(1));
    let (place, server) = (Place::new(), world.serve());
    // What a first sync leaves that was killed before its first commit.
    fs::create_dir_all(place.path("lake/started_month=2025-09")).unwrap();
    let left = place.path("lake/started_month=2025-09/part-0f0e.zstd.parquet");
    fs::write(&left, "half").unwrap();
    let told = synced(&place, &server, &["--since", "2025-08-01"]);
    assert_eq!((&told["runs_new"], rows(&place).len()), (&1.into(), 1));
    world.now("2025-09-03T00:00:00Z");
    world.has(two_runs());
    world.set(|state| state.stall_before = Some(0));
    let mut child = place.start(&args(&server.url(), &[]));
    server.wait_for("/v2/users/me");
    while server.list_requests().last().unwrap().query["startedBefore"] != "2025-09-03T00:00:00.000Z" {
        server.wait_for("/v2/actor-runs");
    }
    child.kill().unwrap();
    wait(child);
    assert_eq!(rows(&place).into_keys().collect::<Vec<_>>(), ["b"]);
    world.set(|state| state.stall_before = None);
    let told = synced(&place, &server, &[]);
    assert_eq!(told["runs_new"], 1);
    assert_eq!(
        told["proven"],
        serde_json::json!([["2025-08-01T00:00:00.000Z", "2025-09-03T00:00:00.000Z"]])
    );
    assert_eq!(rows(&place).len(), 2);
}

#[test]
fn a_gap_stays_one_when_nobody_knows_what_apify_keeps() {
    let world = World::at("2025-06-10T00:00:00Z");
    world.set(|state| state.keeps = Some(7));
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    world.now("2025-06-30T00:00:00Z");
    let gap = serde_json::json!([
        ["2025-06-03T00:00:00.000Z", "2025-06-10T00:00:00.000Z"],
        ["2025-06-23T00:00:00.000Z", "2025-06-30T00:00:00.000Z"]
    ]);
    assert_eq!(synced(&place, &server, &[])["proven"], gap);
    // What it kept is remembered where it isn't told once.
    world.set(|state| state.keeps = None);
    assert_eq!(synced(&place, &server, &["--resweep"])["proven"], gap);
}

#[test]
fn a_run_that_is_listed_under_another_start_is_there_once_and_its_dollars_are_too() {
    let world = World::at("2025-10-02T00:00:00Z");
    world.has(vec![run(
        "a",
        "2025-09-30T23:50:00.000Z",
        Some("2025-10-01T00:00:00.000Z"),
        Some("2"),
    )]);
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    world.has(vec![run(
        "a",
        "2025-10-01T00:05:00.000Z",
        Some("2025-10-01T00:10:00.000Z"),
        Some("3"),
    )]);
    world.now("2025-10-02T01:00:00Z");
    let told = synced(&place, &server, &["--changes", "changes.csv"]);
    let moved = |month: &Value| (month["usage_new_usd"].clone(), month["usage_changed_usd"].clone());
    let months: Vec<_> = told["months"].as_array().unwrap().iter().map(moved).collect();
    assert_eq!(months, [("0".into(), "-2".into()), ("0".into(), "3".into())]);
    assert_eq!((&told["runs_moved"], &told["runs_new"]), (&1.into(), &0.into()));
    assert_eq!(
        column(&place, "started_at"),
        pairs(&[("a", "2025-10-01T00:05:00.000Z")])
    );
    assert_eq!(
        fs::read_to_string(place.path("changes.csv")).unwrap().lines().count(),
        2
    );
}

#[test]
fn of_two_syncs_at_once_neither_doubles_anything() {
    let world = World::at("2025-09-03T00:00:00Z");
    let many: Vec<Run> = (0..50)
        .map(|n| {
            run(
                &format!("r{n:02}"),
                &instant(ms("2025-09-01T00:00:00Z") + n * HOUR / 10),
                None,
                Some("1"),
            )
        })
        .collect();
    world.has(many);
    let gate = Arc::new(Gate::of(2));
    world.set(|state| state.held_at = Some(gate.clone()));
    let (place, server) = (Place::new(), world.serve());
    let start = |temp: &str| {
        fs::create_dir_all(place.path(temp)).unwrap();
        let url = server.url();
        let mut command = place.command(&args(&url, &["--since", "2025-09-01"]));
        command.env("TMPDIR", place.path(temp));
        command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start("one"), start("two")].map(wait);
    assert!(gate.was_filled());
    for done in &both {
        assert!(matches!(done.code, Some(0 | 8)), "{done}");
    }
    assert!(both.iter().any(|done| done.code == Some(0)));
    assert_eq!(rows(&place).len(), 50);
    // On one machine with one temporary folder, the second one hears of it at once.
    let world = World::at("2025-09-03T00:00:00Z");
    world.set(|state| state.stall_before = Some(0));
    let server = world.serve();
    let mut first = place.start(&args(&server.url(), &["--since", "2025-09-01"]));
    server.wait_for("/v2/actor-runs");
    sync(&place, &server, &["--since", "2025-09-01"]).exits(8);
    first.kill().unwrap();
    wait(first);
}

#[test]
fn personal_data_is_kept_only_if_asked_for() {
    let world = World::at("2025-09-03T00:00:00Z");
    let with_ip = |id: &str| {
        run(id, "2025-09-01T00:00:00.000Z", None, Some("1")).with(
            r#""actId":"actor","usageTotalUsd":1,"meta":{"origin":"API","clientIp":"192.0.2.7","userAgent":"agent"}"#,
        )
    };
    world.has(vec![with_ip("a")]);
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    assert!(!rows(&place)["a"].contains_key("meta_client_ip"));
    world.has(vec![with_ip("a"), with_ip("b")]);
    synced(&place, &server, &["--with-personal-data"]);
    assert_eq!(rows(&place)["a"]["meta_client_ip"], "192.0.2.7");
    // From then on the table has it.
    world.has(vec![with_ip("a"), with_ip("b"), with_ip("c")]);
    synced(&place, &server, &[]);
    assert_eq!(rows(&place)["c"]["meta_user_agent"], "agent");
}

#[test]
fn a_name_that_is_no_longer_told_stays_and_one_that_changes_is_a_change() {
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(vec![run("a", "2025-09-01T00:00:00.000Z", None, Some("1"))]);
    world.set(|state| state.actors = vec![("actor", "crawler")]);
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &[]);
    assert_eq!(rows(&place)["a"]["act_name"], "ann/crawler");
    let told = synced(&place, &server, &["--no-names"]);
    assert_eq!((&told["runs_changed"], &told["commits"]), (&0.into(), &0.into()));
    world.set(|state| state.actors = vec![("actor", "spider")]);
    let told = synced(&place, &server, &[]);
    assert_eq!(
        (&told["runs_changed"], &told["months"][0]["usage_changed_usd"]),
        (&1.into(), &"0".into())
    );
    assert_eq!(rows(&place)["a"]["act_name"], "ann/spider");
}

/// Rewrites the schema of a table's first commit without a column, as an earlier version wrote it.
fn take_out_of_the_schema(lake: &Path, column: &str) {
    let path = lake.join("_delta_log/00000000000000000000.json");
    let lines = fs::read_to_string(&path).unwrap();
    let without = |line: &str| {
        let mut action: Value = serde_json::from_str(line).unwrap();
        if let Some(metadata) = action.get_mut("metaData") {
            let mut schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
            let fields = schema["fields"].as_array_mut().unwrap();
            let before = fields.len();
            fields.retain(|field| field["name"] != column);
            assert_eq!(fields.len(), before - 1);
            metadata["schemaString"] = schema.to_string().into();
        }
        format!("{action}\n")
    };
    fs::write(path, lines.lines().map(without).collect::<String>()).unwrap();
}

#[test]
fn a_lake_of_an_earlier_version_is_read_without_names_of_schedules_and_gains_them_with_the_next_sync() {
    let world = World::at("2025-09-03T00:00:00Z");
    let scheduled = |id: &str, started: &str| {
        let rest =
            r#""actId":"actor","finishedAt":"2025-09-01T01:00:00.000Z","usageTotalUsd":1,"meta":{"scheduleId":"s1"}"#;
        run(id, started, Some("2025-09-01T01:00:00.000Z"), None).with(rest)
    };
    world.has(vec![
        scheduled("old", "2025-08-01T00:00:00.000Z"),
        scheduled("late", "2025-09-01T00:00:00.000Z"),
    ]);
    world.set(|state| state.schedules = vec![("s1", "nightly")]);
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &["--no-names"]);
    take_out_of_the_schema(&place.path("lake"), "meta_schedule_name");
    let report = |place: &Place| {
        let done = place.run(&["report", "lake", "--format", "json"]);
        let report: Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
        report["cost_by_schedule"][0].clone()
    };
    place.run(&["verify", "lake"]).exits(0);
    let before = report(&place);
    assert_eq!(
        (
            &before["meta_schedule_id"],
            &before["runs"],
            &before["meta_schedule_name"]
        ),
        (&"s1".into(), &2.into(), &Value::Null)
    );
    let told = synced(&place, &server, &[]);
    // Only what is read again is named: an earlier run isn't asked for any more.
    assert_eq!(told["runs_changed"], 1);
    let rows_now = rows(&place);
    assert_eq!(rows_now["late"]["meta_schedule_name"], "nightly");
    assert!(!rows_now["old"].contains_key("meta_schedule_name"));
    assert_eq!(report(&place)["meta_schedule_name"], "nightly");
    place.run(&["verify", "lake"]).exits(0);
    let told = synced(&place, &server, &["--no-names"]);
    assert_eq!(told["runs_changed"], 0);
    assert_eq!(rows(&place)["late"]["meta_schedule_name"], "nightly");
    synced(&place, &server, &["--resweep"]);
    assert_eq!(rows(&place)["old"]["meta_schedule_name"], "nightly");
}

#[test]
fn cron_leaves_few_files_and_a_log_that_is_put_together() {
    let world = World::at("2025-03-01T00:00:00Z");
    let (place, server) = (Place::new(), world.serve());
    let mut all = Vec::new();
    for day in 0..45_i64 {
        let now = ms("2025-03-01T00:00:00Z") + day * DAY;
        for n in 0..3 {
            let at = instant(now - HOUR * (n + 1));
            all.push(run(&format!("d{day:02}-{n}"), &at, Some(&at), Some("0.5")));
        }
        world.has(all.clone());
        world.set(|state| state.now = now);
        synced(&place, &server, &["--since", "2025-02-28"]);
    }
    assert_eq!(rows(&place).len(), 135);
    let months = files(&place.path("lake")).len();
    // Small files take in what comes after them: one a month.
    assert_eq!(months, 3);
    let log = crate::support::command::names(&place.path("lake/_delta_log"));
    assert!(log.contains(&"_last_checkpoint".to_string()), "{log:?}");
    // What came before the checkpoint isn't needed any more, not even for what is proven.
    let last = log
        .iter()
        .rfind(|name| name.ends_with(".checkpoint.parquet"))
        .unwrap()
        .clone();
    for name in log
        .iter()
        .filter(|name| name.ends_with(".json") && name[..20] < last[..20])
    {
        fs::remove_file(place.path("lake/_delta_log").join(name)).unwrap();
    }
    let told = synced(&place, &server, &[]);
    assert_eq!(
        (&told["commits"], &told["proven"][0][0]),
        (&0.into(), &"2025-02-28T00:00:00.000Z".into())
    );
}

#[test]
fn small_files_are_put_together_and_old_ones_removed_without_a_row_lost() {
    let world = World::at("2025-09-03T00:00:00Z");
    let (place, server) = (Place::new(), world.serve());
    // From the last day to the first, each before what is there, so that each has a file of its own.
    let day = |n: i64| instant(ms("2025-09-01T00:00:00Z") + n * HOUR);
    let all: Vec<Run> = (0..4)
        .map(|n| run(&format!("r{n}"), &day(n), Some(&day(n)), Some("1")))
        .collect();
    world.has(all);
    synced(&place, &server, &["--since", "2025-09-01"]);
    let before = rows(&place);
    place
        .run(&["lake", "optimize", "lake"])
        .exits(0)
        .shows(&["1 file before, 1 now"]);
    place
        .run(&["lake", "vacuum", "lake", "--keep", "1h"])
        .exits(2)
        .says(&["--force"]);
    fs::write(
        place.path("lake/started_month=2025-09/part-of-a-killed-sync.zstd.parquet"),
        "half",
    )
    .unwrap();
    place
        .run(&["lake", "vacuum", "lake", "--keep", "0s", "--force", "--dry-run"])
        .exits(0)
        .shows(&["part-of-a-killed-sync", "1 file would be removed"]);
    place
        .run(&["lake", "vacuum", "lake", "--keep", "0s", "--force"])
        .exits(0)
        .shows(&["1 file removed"]);
    assert!(
        !place
            .path("lake/started_month=2025-09/part-of-a-killed-sync.zstd.parquet")
            .exists()
    );
    assert_eq!(rows(&place), before);
    place
        .run(&["lake", "optimize", "nowhere"])
        .exits(2)
        .says(&["nowhere: there is no lake"]);
}

#[test]
fn a_lake_may_be_named_by_any_path_that_its_log_can_tell() {
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(two_runs());
    let (place, server) = (Place::new(), world.serve());
    fs::create_dir(place.path("sub")).unwrap();
    let url = server.url();
    let at = |lake: &str| {
        place.run(&[
            "sync",
            "--since",
            "2025-08-01",
            "--rate",
            "0",
            "--quiet",
            "--api-url",
            &url,
            "--lake",
            lake,
        ])
    };
    at("sub/../lake").exits(0);
    at("sub/../lake/.").exits(0);
    at("lake/sub")
        .exits(6)
        .says(&["is inside the lake at ", "use that path"]);
    assert_eq!(rows(&place).len(), 2);
    at("a lake, 100%").exits(0);
    place.run(&["verify", "a lake, 100%"]).exits(0);
    for refused in ["p%25q", "a\\b"] {
        at(refused).exits(2).says(&["use another path"]);
        assert!(!place.path(refused).exists());
    }
    place
        .run(&["lake", "close", "lake", "--month", "2025-08", "--out", "lake/closed"])
        .exits(6)
        .says(&["is inside the lake"]);
}

#[test]
fn changes_replace_nothing_but_an_earlier_file_of_changes() {
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(two_runs());
    world.set(|state| state.keeps = Some(30));
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &["--changes", "changes.csv"]);
    synced(&place, &server, &["--changes", "changes.csv"]);
    let log = "lake/_delta_log/00000000000000000000.json";
    let before = fs::read(place.path(log)).unwrap();
    for inside in [log, "lake/changes.csv", "./lake/_delta_log/00000000000000000001.json"] {
        sync(&place, &server, &["--changes", inside])
            .exits(2)
            .says(&["is inside --lake lake"]);
    }
    assert_eq!(fs::read(place.path(log)).unwrap(), before);
    fs::write(place.path("notes.txt"), "change of plans").unwrap();
    std::os::unix::fs::symlink(place.path("changes.csv"), place.path("link")).unwrap();
    for other in ["notes.txt", "link"] {
        sync(&place, &server, &["--changes", other])
            .exits(6)
            .says(&["exists and is not a file of changes"]);
    }
    assert_eq!(fs::read_to_string(place.path("notes.txt")).unwrap(), "change of plans");
    sync(&place, &server, &["--changes", "both", "--outcome", "./both"])
        .exits(2)
        .says(&["--outcome and --changes have the same path"]);
    assert!(!place.path("both").exists());
}

#[test]
fn the_outcome_of_a_sync_that_committed_nothing_names_no_lake() {
    let place = Place::new();
    let refused = StandIn::start(|_| Reply::error(401, "user-or-token-not-found", "No."));
    sync(&place, &refused, &["--outcome", "outcome.json"]).exits(3);
    let outcome =
        || -> Value { serde_json::from_str(&fs::read_to_string(place.path("outcome.json")).unwrap()).unwrap() };
    assert!(outcome()["out"].is_null() && !place.path("lake").exists());
    let world = World::at("2025-09-03T00:00:00Z");
    world.has(two_runs());
    world.set(|state| state.keeps = Some(30));
    let server = world.serve();
    sync(&place, &server, &["--outcome", "outcome.json"]).exits(0);
    assert_eq!(
        (&outcome()["out"], &outcome()["totals"]["runs"]),
        (&"lake".into(), &2.into())
    );
}

#[test]
fn the_outcome_of_a_sync_has_caveats_as_that_of_an_export() {
    let (place, world) = (Place::new(), World::at("2025-09-03T00:00:00Z"));
    let mut runs = two_runs();
    let finished = Some("2025-09-02T12:00:00.000Z");
    runs.push(run("c", "2025-09-02T00:00:00.000Z", finished, None));
    runs.push(run("d", "2025-09-02T23:00:00.000Z", None, Some("0.1")));
    world.has(runs);
    sync(&place, &world.serve(), &["--outcome", "outcome.json", "--quiet"]).exits(0);
    let text = fs::read_to_string(place.path("outcome.json")).unwrap();
    let outcome: Value = serde_json::from_str(&text).unwrap();
    let details = outcome["caveat_details"].as_array().unwrap();
    let found: Vec<(&str, i64)> = details
        .iter()
        .map(|caveat| (caveat["code"].as_str().unwrap(), caveat["runs"].as_i64().unwrap()))
        .collect();
    assert_eq!(found, [("cost_unknown", 1), ("provisional", 1)], "{outcome}");
    assert_eq!(outcome["caveats"].as_array().unwrap().len(), 2);
}
