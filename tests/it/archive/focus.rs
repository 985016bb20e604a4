//! FOCUS files by run and by day, whole and in parts, against the export that they are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use crate::support::account::Apify;
use crate::support::command::{Done, Exported, Place, names};
use crate::support::made_up::Made;
use crate::support::stand_in::{Run, ms};

/// Cells by column.
type Cells = BTreeMap<String, String>;

/// Five days of the made-up account, with more than 10,000 runs.
fn exported() -> Place {
    static MADE: LazyLock<Made> = LazyLock::new(|| {
        Made::of(|place| {
            // Rows of runs alone.
            let period = [
                "--from",
                "2025-09-01",
                "--to",
                "2025-09-06",
                "--out",
                "out",
                "--no-usage",
            ];
            let done = place.run(&[&["export", "--demo"], &period[..]].concat());
            done.exits(0);
            done
        })
    });
    MADE.copy()
}

fn focus(place: &Place, more: &[&str]) -> Done {
    let always = ["report", "out", "--format", "focus", "--out", "focus"];
    place.run(&[&always, more].concat())
}

fn files(place: &Place) -> Exported {
    Exported {
        out: place.path("focus"),
    }
}

/// The rows of all parts in the order of their names.
fn rows_of_parts(files: &Exported) -> Vec<Cells> {
    let parts = names(&files.out).into_iter().filter(|name| name.starts_with("focus-0"));
    parts.flat_map(|name| files.rows(&name)).collect()
}

/// An amount in units of its eighteenth place, by text alone.
fn units(text: &str) -> i128 {
    let (dollars, places) = text.split_once('.').unwrap_or((text, ""));
    format!("{dollars}{places:0<18}").parse().unwrap()
}

fn sum(rows: &[Cells], column: &str) -> i128 {
    rows.iter().map(|row| units(&row[column])).sum()
}

/// What a row of a day is of: the day, Actor, task, status and user.
fn group(row: &Cells, columns: [&str; 5]) -> [String; 5] {
    let mut cells = columns.map(|column| row[column].clone());
    cells[0].truncate("2025-09-01".len());
    cells
}

const COSTS: [&str; 4] = ["BilledCost", "ContractedCost", "EffectiveCost", "ListCost"];

#[test]
fn both_grains_hold_the_same_runs_and_dollars() {
    let place = exported();
    let mut expected = BTreeMap::<_, (u64, i128, bool)>::new();
    let (mut count, mut usage) = (0, 0);
    for run in place.exported().rows("runs.csv") {
        if run["usage_total_usd"].is_empty() || run["finished_at"].is_empty() {
            continue;
        }
        let of = ["started_at", "act_id", "actor_task_id", "status", "user_id"];
        let entry = expected.entry(group(&run, of)).or_default();
        entry.0 += 1;
        entry.1 += units(&run["usage_total_usd"]);
        entry.2 |= run["cost_state"] == "provisional";
        count += 1;
        usage += units(&run["usage_total_usd"]);
    }
    focus(&place, &[]).exits(0);
    let by_run = files(&place).rows("focus.csv");
    let missing = files(&place).text("focus-missing.csv");
    assert_eq!(by_run.len(), count);
    assert_eq!(COSTS.map(|cost| sum(&by_run, cost)), [usage; 4]);
    assert!(by_run.iter().all(|row| row["x_RowKind"] == "run"));

    focus(&place, &["--focus-grain", "day"]).exits(0);
    assert_eq!(files(&place).text("focus-missing.csv"), missing);
    let by_day = files(&place).rows("focus.csv");
    assert_eq!(COSTS.map(|cost| sum(&by_day, cost)), [usage; 4]);
    let runs = count as i128 * units("1");
    assert_eq!(
        ["ConsumedQuantity", "PricingQuantity"].map(|name| sum(&by_day, name)),
        [runs; 2]
    );
    let mut found = BTreeMap::new();
    for row in &by_day {
        let of = ["ChargePeriodStart", "x_ActorId", "x_TaskId", "x_Status", "x_UserId"];
        let state = row["x_CostState"].as_str();
        assert!(["settled", "provisional"].contains(&state), "{state}");
        let quantity = row["PricingQuantity"].strip_suffix(".0").unwrap().parse().unwrap();
        let before = found.insert(
            group(row, of),
            (quantity, units(&row["BilledCost"]), state == "provisional"),
        );
        assert_eq!(before, None, "{row:?}");
        let [start, end] = ["ChargePeriodStart", "ChargePeriodEnd"].map(|name| ms(&row[name].replace('Z', ".000Z")));
        assert_eq!((start % 86_400_000, end - start), (0, 86_400_000));
        assert_eq!(
            ["ResourceId", "ResourceType", "x_StartedAt"].map(|name| row[name].as_str()),
            [""; 3]
        );
        assert_eq!(row["x_RowKind"], "runs");
        let actor = Some(&row["x_ActorName"])
            .filter(|name| !name.is_empty())
            .unwrap_or(&row["x_ActorId"]);
        assert_eq!(row["ChargeDescription"], format!("Runs of Actor {actor}"));
    }
    assert_eq!(found, expected);
    // Days follow each other.
    let starts: Vec<&String> = by_day.iter().map(|row| &row["ChargePeriodStart"]).collect();
    assert!(starts.is_sorted());
    assert_eq!(starts.into_iter().collect::<BTreeSet<_>>().len(), 5);
}

#[test]
fn parts_together_are_the_whole_file_and_none_is_too_large() {
    let place = exported();
    for grain in ["run", "day"] {
        focus(&place, &["--focus-grain", grain, "--focus-version", "1.4"]).exits(0);
        let whole = files(&place).text("focus.csv");
        let parquet = fs::read(place.path("focus/focus.parquet")).unwrap();
        for (size, bytes) in [("200kB", 200_000), ("100MB", 100_000_000)] {
            let arguments = ["--focus-grain", grain, "--focus-version", "1.4", "--focus-split", size];
            focus(&place, &arguments).exits(0);
            let (header, rest) = whole.split_once('\n').unwrap();
            let header = format!("{header}\n");
            let parts: Vec<String> = names(&place.path("focus"))
                .into_iter()
                .filter(|name| name.starts_with("focus-0"))
                .collect();
            let mut joined = header.clone();
            for name in &parts {
                let text = files(&place).text(name);
                assert!(text.len() <= bytes, "{name}: {}", text.len());
                let rows = text.strip_prefix(&header).unwrap();
                assert!(files(&place).rows(name).len() <= 10_000);
                joined += rows;
            }
            assert!(joined == whole, "{grain} {size}");
            // No part could hold the next one's first row, but where it has all the rows that it may have.
            if bytes == 200_000 {
                assert!(parts.len() >= rest.len() / bytes && parts.len() <= rest.len() / (bytes - 2_000) + 1);
            }
            if (grain, bytes) == ("run", 100_000_000) {
                let counts: Vec<usize> = parts.iter().map(|name| files(&place).rows(name).len()).collect();
                assert_eq!((parts.len(), counts[0]), (2, 10_000), "{counts:?}");
            }
            assert!(fs::read(place.path("focus/focus.parquet")).unwrap() == parquet);
        }
    }
}

#[test]
fn parts_of_an_earlier_report_are_removed_and_nothing_else() {
    let place = exported();
    let split = |grain: &str, size: &str| {
        let done = focus(&place, &["--focus-grain", grain, "--focus-split", size]);
        done.exits(0);
        (done, names(&place.path("focus")))
    };
    let others = |names: &[String]| -> Vec<String> {
        names
            .iter()
            .filter(|name| !name.starts_with("focus-0"))
            .cloned()
            .collect()
    };
    let (done, many) = split("run", "200kB");
    assert!(many.len() > 20, "{many:?}");
    assert_eq!(others(&many), ["focus-missing.csv", "focus.parquet"]);
    assert!(!done.stdout.contains("Removed"));
    // Somebody else's, beyond a gap.
    fs::write(place.path("focus/focus-2025.csv"), "mine").unwrap();
    let (done, few) = split("day", "200kB");
    let left = few.iter().filter(|name| name.starts_with("focus-0")).count();
    assert!(left > 1 && left < many.len() - 2, "{few:?}");
    done.shows(&["Removed FOCUS files of an earlier report: "]);
    assert_eq!(others(&few), ["focus-2025.csv", "focus-missing.csv", "focus.parquet"]);
    // A report without FOCUS leaves them alone.
    place
        .run(&["report", "out", "--format", "md", "--out", "focus"])
        .exits(0);
    assert_eq!(names(&place.path("focus")).len(), few.len() + 1);
    focus(&place, &[]).exits(0);
    let whole = [
        "focus-2025.csv",
        "focus-missing.csv",
        "focus.csv",
        "focus.parquet",
        "report.md",
    ];
    assert_eq!(names(&place.path("focus")), whole);
    focus(&place, &["--focus-split", "100MB"])
        .exits(0)
        .shows(&["focus.csv"]);
    assert!(!place.path("focus/focus.csv").exists());
    let rows = rows_of_parts(&files(&place)).len();
    assert_eq!(
        rows + files(&place).rows("focus-missing.csv").len(),
        place.exported().rows("runs.csv").len()
    );
}

#[test]
fn a_row_that_no_part_can_hold_is_refused_and_what_was_there_stays() {
    let long = "x".repeat(6_000);
    let run = |id: &str, start: &str, actor: &str| {
        let rest = format!(r#""actId":"{actor}","finishedAt":"2025-09-02T00:00:00.500Z","usageTotalUsd":1"#);
        Run::new(id, ms(start)).with(&rest)
    };
    let runs = vec![
        run("r1", "2025-09-01T00:00:00Z", "a1"),
        run("r2", "2025-09-01T01:00:00Z", "a2"),
    ];
    let server = Apify::of(runs)
        .actors(&[("a1", "ann", "short"), ("a2", "ann", &long)])
        .owned_by("u1")
        .start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    focus(&place, &["--focus-split", "20kB", "--mode", "640"]).exits(0);
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["focus/focus-0001.csv", "focus/focus.parquet"].map(mode), [0o640; 2]);
    let before = files(&place).bytes();
    focus(&place, &["--focus-split", "10kB"]).exits(2).says(&[
        "a row of FOCUS has 12,",
        "--focus-split allows 10,000",
        "nothing was published",
    ]);
    assert!(files(&place).bytes() == before);
    fs::create_dir(place.path("focus/focus-0002.csv")).unwrap();
    focus(&place, &["--focus-split", "13kB"])
        .exits(6)
        .says(&["focus-0002.csv: it is a folder"]);
    assert!(files(&place).bytes()["focus-0001.csv"] == before["focus-0001.csv"]);
}

#[test]
fn options_of_focus_need_focus_and_sizes_have_bounds() {
    let place = exported();
    for (option, value) in [
        ("--focus-grain", "day"),
        ("--focus-split", "2MB"),
        ("--focus-version", "1.4"),
    ] {
        let refused = format!("{option} works only with FOCUS: add --format focus");
        place.run(&["report", "out", option, value]).exits(2).says(&[&refused]);
    }
    for (option, value, says) in [
        (
            "--focus-split",
            "2",
            "expected a whole number and one of B, kB, MB, KiB, MiB",
        ),
        ("--focus-split", "1kB", "expected 10kB to 100MB"),
        ("--focus-version", "1.3", "1.2, 1.4"),
        ("--focus-grain", "month", "run, day"),
    ] {
        focus(&place, &[option, value]).exits(2).says(&[says]);
    }
    assert!(!place.path("focus").exists());
}
