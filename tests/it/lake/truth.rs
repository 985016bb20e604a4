//! Faults that must not pass in silence: runs whose starts move, logs that lose an entry, files whose bits flip, commits that
//! are made and not told.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::lake::sync::{World, args, column, commits, files, rows, run, sync, synced};
use crate::support::command::{Place, wait};
use crate::support::stand_in::{Run, instant, ms};

const HOUR: i64 = 3_600_000;

/// Runs that cost a dollar each: 300 an hour apart from the first of September on, further ones on the 25th.
fn dollars(count: i64) -> Vec<Run> {
    let started = |n: i64| match n {
        ..300 => ms("2025-09-01T00:00:00Z") + n * HOUR,
        _ => ms("2025-09-25T00:10:00Z") + n * 1000,
    };
    (0..count).map(|n| dollar(n, started(n))).collect()
}

fn dollar(n: i64, started: i64) -> Run {
    run(
        &format!("run{n:03}"),
        &instant(started),
        Some(&instant(started + 60_000)),
        Some("1"),
    )
}

/// A lake of 300 runs, whose next sync looks back three days from the 25th.
fn september() -> (Place, World, crate::support::stand_in::StandIn) {
    let world = World::at("2025-09-25T00:00:00Z");
    world.has(dollars(300));
    let (place, server) = (Place::new(), world.serve());
    synced(&place, &server, &["--since", "2025-09-01"]);
    (place, world, server)
}

/// The JSON entry of the log's last version.
fn last_entry(place: &Place) -> PathBuf {
    let version = commits(&place.path("lake")).len() - 1;
    place.path(&format!("lake/_delta_log/{version:020}.json"))
}

fn data_file(lake: &Path) -> PathBuf {
    lake.join(files(lake).into_keys().next().unwrap())
}

fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn runs_that_come_back_with_another_start_beyond_the_lookback_move_and_are_there_once() {
    let (place, world, server) = september();
    let mut all = dollars(300);
    for n in 0..25 {
        // Ten to eleven days ago before, an hour ago now.
        all[n as usize] = dollar(n, ms("2025-09-25T05:00:00Z") + n * 1000);
    }
    world.has(all);
    world.now("2025-09-25T06:00:00Z");
    let told = synced(&place, &server, &["--changes", "changes.csv"]);
    assert_eq!(
        (&told["runs_moved"], &told["runs_new"], &told["runs_changed"]),
        (&25.into(), &0.into(), &25.into())
    );
    assert_eq!(told["ids_looked_up"], 25);
    assert!(told["lookup_bytes"].as_u64().unwrap() > 0);
    assert_eq!(told["months"][0]["usage_changed_usd"], "0");
    // The reader of rows refuses a run that is there twice.
    assert_eq!(rows(&place).len(), 300);
    let changes = fs::read_to_string(place.path("changes.csv")).unwrap();
    assert_eq!(changes.lines().filter(|line| line.starts_with("changed,")).count(), 25);
    assert!(changes.contains("started_at"), "{changes}");
    place.run(&["verify", "lake"]).exits(0).shows(&["300 runs, $300"]);
    world.now("2025-10-02T00:00:00Z");
    synced(&place, &server, &[]);
    place
        .run(&["lake", "close", "lake", "--month", "2025-09", "--out", "closed"])
        .exits(0);
    let manifest: Value = serde_json::from_slice(&fs::read(place.path("closed/manifest.json")).unwrap()).unwrap();
    assert_eq!(
        (&manifest["totals"]["runs"], &manifest["totals"]["usage_total_usd"]),
        (&300.into(), &"300".into())
    );
}

#[test]
fn a_run_that_moves_into_another_month_leaves_the_one_before() {
    let (place, world, server) = september();
    world.now("2025-10-02T00:00:00Z");
    synced(&place, &server, &[]);
    place
        .run(&["lake", "close", "lake", "--month", "2025-09", "--out", "closed"])
        .exits(0);
    let mut all = dollars(300);
    all[7] = dollar(7, ms("2025-10-01T12:00:00Z"));
    world.has(all);
    world.now("2025-10-02T06:00:00Z");
    let told = synced(&place, &server, &[]);
    assert_eq!((&told["runs_moved"], &told["runs_new"]), (&1.into(), &0.into()));
    let moved = |at: usize| told["months"][at]["usage_changed_usd"].clone();
    assert_eq!((moved(0), moved(1)), ("-1".into(), "1".into()));
    assert_eq!(rows(&place)["run007"]["started_at"], "2025-10-01T12:00:00.000Z");
    place
        .run(&["report", "lake", "--month", "2025-09"])
        .exits(0)
        .shows(&["since then: 1 run changed, usage changed by -$1.00"]);
}

#[test]
fn every_file_has_its_hash_in_the_log_and_keeps_it_through_checkpoints() {
    let (place, world, server) = september();
    let lake = place.path("lake");
    for (path, add) in files(&lake) {
        let hash: String = Sha256::digest(fs::read(lake.join(&path)).unwrap())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(add["tags"]["apify-runs.sha256"], hash, "{path}");
        let stats: Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
        assert_eq!(stats["minValues"]["queried_at"], "2025-09-25T00:00:00.000Z");
    }
    for day in 1..12 {
        world.set(|state| state.now += 24 * HOUR * i64::from(day > 0));
        synced(&place, &server, &[]);
    }
    let log = crate::support::command::names(&lake.join("_delta_log"));
    let checkpoint = log.iter().find(|name| name.ends_with(".checkpoint.parquet")).unwrap();
    for name in log
        .iter()
        .filter(|name| name.ends_with(".json") && name[..20] < checkpoint[..20])
    {
        fs::remove_file(lake.join("_delta_log").join(name)).unwrap();
    }
    let done = place.run(&["verify", "lake"]);
    done.exits(0);
    assert!(!done.stdout.contains("no hash"), "{}", done.stdout);
    flip_a_bit(
        &lake.join(
            fs::read_dir(lake.join("started_month=2025-09"))
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .path(),
        ),
    );
    place.run(&["verify", "lake"]).exits(5).says(&["SHA-256"]);
}

#[test]
fn a_file_of_which_one_bit_flipped_is_refused_by_whoever_reads_or_rewrites_it() {
    let (place, world, server) = september();
    let file = data_file(&place.path("lake"));
    let whole = fs::read(&file).unwrap();
    flip_a_bit(&file);
    for command in [
        &["verify", "lake"][..],
        &["report", "lake", "--month", "2025-09"],
        &["diff", "lake", "lake"],
    ] {
        let done = place.run(command);
        done.exits(5).says(&["its SHA-256 differs from the log", "lake repair"]);
        assert_eq!(done.stdout, "");
    }
    let before = commits(&place.path("lake")).len();
    let mut all = dollars(300);
    all.push(dollar(300, ms("2025-09-25T05:00:00Z")));
    world.has(all);
    world.now("2025-09-25T06:00:00Z");
    sync(&place, &server, &["--lookback", "20d"])
        .exits(5)
        .says(&["its SHA-256 differs from the log"]);
    assert_eq!(commits(&place.path("lake")).len(), before);
    fs::write(&file, whole).unwrap();
    place.run(&["verify", "lake"]).exits(0);
}

#[test]
fn a_log_without_its_last_entry_and_one_whose_entry_is_empty_are_refused() {
    let (place, world, server) = september();
    world.has(dollars(320));
    world.now("2025-09-26T00:00:00Z");
    assert_eq!(synced(&place, &server, &[])["runs_new"], 20);
    let entry = last_entry(&place);
    let whole = fs::read(&entry).unwrap();
    for damaged in [None, Some(&b""[..])] {
        match damaged {
            None => fs::remove_file(&entry).unwrap(),
            Some(bytes) => fs::write(&entry, bytes).unwrap(),
        }
        for command in [
            &["verify", "lake"][..],
            &["report", "lake", "--month", "2025-09"],
            &["lake", "close", "lake", "--month", "2025-09"],
        ] {
            let done = place.run(command);
            done.exits(5).says(&["lake"]);
            assert_eq!(done.stdout, "", "{command:?}");
        }
        sync(&place, &server, &[]).exits(5);
    }
    fs::write(&entry, whole).unwrap();
    place.run(&["verify", "lake"]).exits(0).shows(&["320 runs, $320"]);
}

#[test]
fn a_log_that_lost_an_entry_in_the_middle_holds_other_rows_than_its_last_commit_left() {
    let (place, world, server) = september();
    for (count, now) in [(320, "2025-09-26T00:00:00Z"), (340, "2025-09-27T00:00:00Z")] {
        world.has(dollars(count));
        world.now(now);
        synced(&place, &server, &[]);
    }
    // An entry that says nothing of files: as many rows are gone as it had added.
    let entry = place.path("lake/_delta_log/00000000000000000001.json");
    let text = fs::read_to_string(&entry).unwrap();
    let rest: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("\"add\"") && !line.contains("\"remove\""))
        .collect();
    fs::write(&entry, rest.join("\n")).unwrap();
    place
        .run(&["verify", "lake"])
        .exits(5)
        .says(&["runs of 2025-09; after the last commit: 340"]);
}

#[test]
fn what_another_engine_commits_on_top_is_a_note() {
    let (place, _world, server) = september();
    let entry = r#"{"commitInfo":{"timestamp":1758800000000,"operation":"DELETE","engineInfo":"another"}}"#;
    fs::write(place.path("lake/_delta_log/00000000000000000001.json"), entry).unwrap();
    place
        .run(&["verify", "lake"])
        .exits(0)
        .shows(&["Note: another engine made version 1 (DELETE)"]);
    synced(&place, &server, &[]);
}

#[test]
fn an_amount_of_a_closed_month_that_can_t_be_read_is_named_and_nothing_goes_by_it() {
    let (place, world, server) = september();
    world.now("2025-10-02T00:00:00Z");
    synced(&place, &server, &[]);
    place
        .run(&["lake", "close", "lake", "--month", "2025-09", "--out", "closed"])
        .exits(0);
    let entry = last_entry(&place);
    let whole = fs::read_to_string(&entry).unwrap();
    for (is, becomes, field) in [
        (
            r#"\"usage_total_usd\":\"300\",\"corrections"#,
            r#"\"usage_total_usd\":\"300 dollars\",\"corrections"#,
            "usage_total_usd",
        ),
        (
            r#"\"to\":\"2025-10-01T"#,
            r#"\"to\":\"2025-10-99T"#,
            "closings.2025-09.to",
        ),
    ] {
        let is = if whole.contains(is) {
            is.to_string()
        } else {
            is.replace(r#",\"corrections"#, "")
        };
        let becomes = if is.contains("corrections") {
            becomes.to_string()
        } else {
            becomes.replace(r#",\"corrections"#, "")
        };
        assert!(whole.contains(&is), "{is}: {whole}");
        fs::write(&entry, whole.replace(&is, &becomes)).unwrap();
        for command in [&["report", "lake", "--month", "2025-09"][..], &["verify", "lake"]] {
            place.run(command).exits(5).says(&["apify-runs.lake", field]);
        }
        sync(&place, &server, &[]).exits(5).says(&[field]);
    }
}

#[test]
fn what_a_killed_sync_has_committed_is_told_by_the_next_one() {
    let (place, world, server) = september();
    let open = |finished: Option<&str>, usage| run("late", "2025-09-02T00:30:00.000Z", finished, usage);
    let with = |late: Run, count: i64| dollars(count).into_iter().chain([late]).collect::<Vec<_>>();
    world.has(with(open(None, None), 300));
    synced(&place, &server, &["--lookback", "30d"]);
    // The window of the run that has ended since is asked for first, and committed; the list of the last days never comes.
    world.has(with(open(Some("2025-09-25T00:00:00.000Z"), Some("7")), 301));
    world.now("2025-09-25T06:00:00Z");
    world.set(|state| state.stall_before = Some(ms("2025-09-20T00:00:00Z")));
    let url = server.url();
    let mut child = place.start(&args(&url, &["--changes", "first.csv"]));
    let swept = "2025-09-25T06:00:00.000Z";
    while server
        .list_requests()
        .last()
        .is_none_or(|request| request.query["startedBefore"] != swept)
    {
        server.wait_for("/v2/actor-runs");
    }
    child.kill().unwrap();
    wait(child);
    assert!(!place.path("first.csv").exists());
    world.set(|state| state.stall_before = None);
    let told = |name: &str| {
        let text = fs::read_to_string(place.path(name)).unwrap();
        let lines = text
            .lines()
            .map(|line| line.split(',').take(2).collect::<Vec<_>>().join(","));
        lines.collect::<Vec<_>>()
    };
    // One without --changes leaves them to one that has it.
    synced(&place, &server, &["--lookback", "1h"]);
    synced(&place, &server, &["--changes", "second.csv"]);
    assert_eq!(told("second.csv"), ["change,id", "changed,late"]);
    assert_eq!(
        fs::read_dir(place.path("lake/_apify_runs/changes")).map_or(0, Iterator::count),
        0
    );
    // Told once.
    synced(&place, &server, &["--changes", "third.csv"]);
    assert_eq!(told("third.csv"), ["change,id"]);
}

#[test]
fn changes_of_a_commit_that_never_came_are_removed_and_not_told() {
    let (place, world, server) = september();
    let folder = place.path("lake/_apify_runs/changes");
    fs::create_dir_all(&folder).unwrap();
    let of = |version: u64| folder.join(format!("{version:020}-0f0e.csv"));
    for version in [0, 1] {
        fs::write(of(version), "new,ghost,,,,,,,,,,,,,,\n").unwrap();
    }
    world.has(dollars(301));
    world.now("2025-09-26T00:00:00Z");
    synced(&place, &server, &["--changes", "changes.csv"]);
    assert!(!fs::read_to_string(place.path("changes.csv")).unwrap().contains("ghost"));
    assert!(!of(0).exists() && !of(1).exists());
}

#[test]
fn old_tables_gain_hashes_and_the_columns_that_have_statistics() {
    let (place, world, server) = september();
    let entry = last_entry(&place);
    let text = fs::read_to_string(&entry).unwrap();
    let old: Vec<String> = text
        .lines()
        .map(|line| {
            let mut action: Value = serde_json::from_str(line).unwrap();
            if let Some(add) = action.get_mut("add") {
                add["tags"] = Value::Null;
            }
            if let Some(metadata) = action.get_mut("metaData") {
                metadata["configuration"]
                    .as_object_mut()
                    .unwrap()
                    .remove("delta.dataSkippingStatsColumns");
                let property = metadata["configuration"]["apify-runs.lake"].as_str().unwrap();
                let mut state: Value = serde_json::from_str(property).unwrap();
                for field in ["months", "version", "commit", "since"] {
                    state.as_object_mut().unwrap().remove(field);
                }
                metadata["configuration"]["apify-runs.lake"] = state.to_string().into();
            }
            action.to_string()
        })
        .collect();
    fs::write(&entry, old.join("\n")).unwrap();
    fs::remove_dir_all(place.path("lake/_apify_runs")).unwrap();
    place
        .run(&["verify", "lake"])
        .exits(0)
        .shows(&["Note: 1 of 1 file has no hash"]);
    place
        .run(&["lake", "optimize", "lake"])
        .exits(0)
        .shows(&["the SHA-256 of 1 file added to the log"]);
    let done = place.run(&["verify", "lake"]);
    done.exits(0);
    assert!(!done.stdout.contains("Note"), "{}", done.stdout);
    world.now("2025-09-26T00:00:00Z");
    synced(&place, &server, &[]);
    let metadata = commits(&place.path("lake")).into_iter().flatten();
    let metadata: Vec<Value> = metadata.filter_map(|action| action.get("metaData").cloned()).collect();
    assert_eq!(
        metadata.last().unwrap()["configuration"]["delta.dataSkippingStatsColumns"],
        "id,started_at,finished_at,queried_at,cost_state"
    );
    assert_eq!(column(&place, "cost_state").len(), 300);
}

/// A lake of four files, two of them of a closed month: of August, September (closed) and October.
fn closed_september() -> (Place, World, crate::support::stand_in::StandIn) {
    let world = World::at("2025-10-05T00:00:00Z");
    world.set(|state| state.keeps = Some(30));
    let runs = |from: &str, name: &str| -> Vec<Run> {
        let of = |n: i64| {
            let at = instant(ms(from) + n * HOUR);
            run(&format!("{name}{n}"), &at, Some(&at), Some("1"))
        };
        (0..10).map(of).collect()
    };
    let all = [
        runs("2025-08-10T00:00:00Z", "august"),
        runs("2025-09-12T00:00:00Z", "september"),
        runs("2025-10-02T00:00:00Z", "october"),
    ];
    world.has(all.concat());
    let (place, server) = (Place::new(), world.serve());
    // Nobody says what is kept at first, so that August is proven too.
    world.set(|state| state.keeps = None);
    synced(&place, &server, &["--since", "2025-08-01"]);
    world.set(|state| state.keeps = Some(30));
    synced(&place, &server, &[]);
    world.now("2025-10-06T00:00:00Z");
    synced(&place, &server, &[]);
    place
        .run(&["lake", "close", "lake", "--month", "2025-09", "--out", "closed"])
        .exits(0);
    (place, world, server)
}

#[test]
fn a_damaged_file_is_set_aside_and_its_time_is_proven_again_as_far_as_apify_keeps_it() {
    for (month, kept) in [("2025-08", false), ("2025-09", true), ("2025-10", true)] {
        for damage in ["a bit", "gone", "half"] {
            let (place, _world, server) = closed_september();
            let lake = place.path("lake");
            let path = files(&lake).into_keys().find(|path| path.contains(month)).unwrap();
            let siblings: Vec<(PathBuf, Vec<u8>)> = files(&lake)
                .into_keys()
                .filter(|other| *other != path)
                .map(|other| (lake.join(&other), fs::read(lake.join(&other)).unwrap()))
                .collect();
            let damaged = lake.join(&path);
            match damage {
                "a bit" => flip_a_bit(&damaged),
                "gone" => fs::remove_file(&damaged).unwrap(),
                _ => fs::File::options()
                    .write(true)
                    .open(&damaged)
                    .unwrap()
                    .set_len(2_000)
                    .unwrap(),
            }
            place.run(&["verify", "lake"]).exits(5).says(&[&path]);
            let version = commits(&lake).len();
            let keeps = if kept {
                "so it still has all of them"
            } else {
                "so it has none of them"
            };
            let said = [&*path, "10 runs, $10", keeps, "Nothing was changed"];
            let mut command = place.command(&["lake", "repair", "lake"]);
            crate::support::command::done(command.env("APIFY_RUNS_NOW", "2025-10-06T00:00:00Z"))
                .exits(0)
                .shows(&said);
            assert_eq!(commits(&lake).len(), version);
            place
                .run(&["lake", "repair", "lake", "--apply"])
                .exits(0)
                .shows(&["their periods are no longer proven"]);
            assert_eq!(commits(&lake).len(), version + 1);
            assert_eq!(
                lake.join("_apify_runs/set-aside").join(&path).exists(),
                damage != "gone"
            );
            place
                .run(&["verify", "lake"])
                .exits(0)
                .shows(&["20 runs, at least $20 (1 gap that no sync has proven)"]);
            for (path, bytes) in siblings {
                assert_eq!(fs::read(path).unwrap(), bytes);
            }
            let report = place.run(&["report", "lake", "--month", "2025-09", "--format", "json"]);
            report.exits(0);
            assert_eq!(
                report.stdout.contains("set aside"),
                month == "2025-09",
                "{}",
                report.stdout
            );
            let told = synced(&place, &server, &[]);
            let runs = if kept { 10 } else { 0 };
            assert_eq!((&told["runs_new"], rows(&place).len()), (&runs.into(), 20 + runs));
            let gaps = if kept { 0 } else { 1 };
            assert_eq!(told["gaps"].as_array().unwrap().len(), gaps, "{told}");
            place.run(&["verify", "lake"]).exits(0);
        }
    }
}

#[test]
fn a_log_whose_last_entry_is_empty_or_garbled_has_a_way_back() {
    for (damage, version) in [("", 2), ("{\"add\":{\"path\":\"half", 1)] {
        let (place, world, server) = september();
        world.has(dollars(320));
        world.now("2025-09-26T00:00:00Z");
        synced(&place, &server, &[]);
        fs::write(last_entry(&place), damage).unwrap();
        place
            .run(&["verify", "lake"])
            .exits(5)
            .says(&["00000000000000000001.json"]);
        place
            .run(&["lake", "repair", "lake"])
            .exits(0)
            .shows(&["Nothing was changed"]);
        let repaired = format!("Version {version}");
        place
            .run(&["lake", "repair", "lake", "--apply"])
            .exits(0)
            .shows(&[&repaired]);
        assert_eq!(synced(&place, &server, &[])["runs_new"], 20, "{damage:?}");
        place.run(&["verify", "lake"]).exits(0).shows(&["320 runs, $320"]);
    }
}

#[test]
fn a_log_that_lost_its_last_entry_has_a_way_back() {
    let (place, world, server) = september();
    world.has(dollars(320));
    world.now("2025-09-26T00:00:00Z");
    synced(&place, &server, &[]);
    fs::remove_file(last_entry(&place)).unwrap();
    place
        .run(&["verify", "lake"])
        .exits(5)
        .says(&["it ends with version 0, but version 1 was committed"]);
    place
        .run(&["lake", "repair", "lake", "--apply"])
        .exits(0)
        .shows(&["Version 1"]);
    assert_eq!(synced(&place, &server, &[])["runs_new"], 20);
    place.run(&["verify", "lake"]).exits(0).shows(&["320 runs, $320"]);
}

#[test]
fn rows_that_another_engine_has_doubled_are_refused_and_a_repair_leaves_one_of_each() {
    let (place, _world, _server) = september();
    let lake = place.path("lake");
    let entry = last_entry(&place);
    let text = fs::read_to_string(&entry).unwrap();
    let add = text.lines().find(|line| line.contains("\"add\"")).unwrap();
    let mut add: Value = serde_json::from_str(add).unwrap();
    let path = files(&lake).into_keys().next().unwrap();
    let copy = path.replace("part-", "copy-");
    fs::copy(lake.join(&path), lake.join(&copy)).unwrap();
    add["add"]["path"] = copy.clone().into();
    let info = r#"{"commitInfo":{"timestamp":1758800000000,"operation":"WRITE"}}"#;
    fs::write(
        lake.join("_delta_log/00000000000000000001.json"),
        format!("{info}\n{add}"),
    )
    .unwrap();
    for command in [
        &["verify", "lake"][..],
        &["report", "lake", "--month", "2025-09"],
        &["diff", "lake", "lake"],
    ] {
        let done = place.run(command);
        done.exits(5);
        assert_eq!(done.stdout, "", "{command:?}");
    }
    place
        .run(&["lake", "repair", "lake"])
        .exits(0)
        .shows(&["300 runs are there more than once"]);
    place.run(&["lake", "repair", "lake", "--apply"]).exits(0);
    place.run(&["verify", "lake"]).exits(0).shows(&["300 runs, $300"]);
    assert_eq!(rows(&place).len(), 300);
}
