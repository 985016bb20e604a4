//! What `diff` tells of two exports of an account that changed in between, and what `export` tells of the export that it
//! replaces. Every figure was worked out by hand.

use std::fs;

use serde_json::Value;

use crate::support::command::{Done, Place};
use crate::support::stand_in::{Account, Reply, Run, StandIn, ms};

const OLD_DATE: &str = "Thu, 02 Oct 2025 06:00:00 GMT";
const NEW_DATE: &str = "Sat, 04 Oct 2025 07:30:00 GMT";

fn run(id: &str, started: &str, act_id: &str, status: &str, cost: &str) -> Run {
    let finished = if status == "RUNNING" {
        String::new()
    } else {
        r#","finishedAt":"2025-09-30T00:00:00.000Z""#.into()
    };
    let mut run = Run::new(id, ms(&format!("2025-09-{started}Z")))
        .with(&format!(r#""actId":"{act_id}","usageTotalUsd":{cost}{finished}"#));
    run.status = status.into();
    run
}

fn before() -> Vec<Run> {
    vec![
        run("same", "01T00:00:00", "a1", "SUCCEEDED", "0.5"),
        run("gone", "01T01:00:00", "a1", "SUCCEEDED", "2"),
        run("ended", "01T02:00:00", "a1", "RUNNING", "0.1"),
        run("dearer", "02T00:00:00", "a2", "SUCCEEDED", "1.00"),
        run("learnt", "02T01:00:00", "a2", "SUCCEEDED", "null"),
        run("forgotten", "02T02:00:00", "a2", "SUCCEEDED", "0.3"),
        run("moved", "03T00:00:00", "a2", "SUCCEEDED", "0.01"),
    ]
}

fn after() -> Vec<Run> {
    vec![
        run("same", "01T00:00:00", "a1", "SUCCEEDED", "0.5"),
        run("ended", "01T02:00:00", "a1", "SUCCEEDED", "0.25"),
        run("dearer", "02T00:00:00", "a2", "SUCCEEDED", "1.5"),
        run("learnt", "02T01:00:00", "a2", "SUCCEEDED", "0.75"),
        run("forgotten", "02T02:00:00", "a2", "SUCCEEDED", "null"),
        run("moved", "05T00:00:00", "a2", "SUCCEEDED", "0.01"),
        run("fresh", "06T00:00:00", "a3", "SUCCEEDED", "31.2"),
        run("fresh-unknown", "06T00:00:01", "a3", "TIMED-OUT", "null"),
    ]
}

fn export(place: &Place, out: &str, runs: Vec<Run>, date: &str, more: &[&str]) -> Done {
    let account = Account {
        runs,
        ..Account::default()
    };
    let date = date.to_string();
    let server = StandIn::start(move |request| {
        Reply::Answer(200, vec![("Date", date.clone())], account.list(request).into_bytes())
    });
    let url = server.url();
    let args = [
        "export",
        "--month",
        "2025-09",
        "--out",
        out,
        "--rate",
        "0",
        "--api-url",
        &url,
    ];
    place.run(&[&args[..], more].concat())
}

/// Two exports, `old` and `new`.
fn two(old: Vec<Run>, new: Vec<Run>, old_options: &[&str], new_options: &[&str]) -> Place {
    let place = Place::new();
    export(&place, "old", old, OLD_DATE, old_options).exits(0);
    export(&place, "new", new, NEW_DATE, new_options).exits(0);
    place
}

fn json(place: &Place) -> Value {
    serde_json::from_str(&place.run(&["diff", "old", "new", "--json"]).exits(0).stdout).unwrap()
}

#[test]
fn everything_that_moved_is_shown_and_every_dollar_of_it() {
    let place = two(before(), after(), &[], &[]);
    let done = place.run(&["diff", "old", "new"]);
    let shown = done.exits(0).stdout.clone();
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert_eq!(
        shown,
        "\
Old       old
          1–30 September 2025 (UTC)
          account stand-in
          7 runs, at least $3.91, as priced by Apify on 2025-10-02 06:00 UTC
New       new
          1–30 September 2025 (UTC)
          account stand-in
          8 runs, at least $34.21, as priced by Apify on 2025-10-04 07:30 UTC

                          runs            usage
New                          2          +$31.20  and 1 run of unknown cost
Changed                      5           +$0.65  and 2 runs of unknown cost
Vanished                     1           -$2.00
Total change                 8          +$29.85  and 3 runs of unknown cost
Unchanged                    1
Costs now known              1            $0.75  excluded: unknown in OLD
Costs now unknown            1            $0.30  excluded: unknown in NEW

Verdict   usage changed, not prices: 1 of 3 costs changed, no common factor

Actor                         new   changed  vanished         usage cost unknown
a3                              2         0         0       +$31.20            1
a1                              0         1         1        -$1.85            0
a2                              0         4         0        +$0.50            2
Total                           2         5         1       +$29.85            3

Changed run       status                   cost
learnt            SUCCEEDED                unknown → $0.75
dearer            SUCCEEDED                $1.00 → $1.50 (+$0.50)
forgotten         SUCCEEDED                $0.30 → unknown
ended             RUNNING → SUCCEEDED      $0.10 → $0.25 (+$0.15)
moved             SUCCEEDED                $0.01 (started_at)
"
    );
}

#[test]
fn json_has_the_figures_as_exact_text_and_every_run_that_differs() {
    let place = two(before(), after(), &[], &[]);
    let found = json(&place);
    assert_eq!(found["notice"], Value::Null);
    assert_eq!(found["old"]["queried_at"], "2025-10-02T06:00:00.000Z");
    assert_eq!(found["cautions"], serde_json::json!([]));
    let changes = serde_json::json!({
        "runs_unchanged": 1, "runs_new": 2, "runs_changed": 5, "runs_vanished": 1,
        "usage_new_usd": "31.2", "usage_changed_usd": "0.65", "usage_vanished_usd": "-2", "usage_moved_usd": "29.85",
        "runs_cost_unknown": 3, "costs_became_known": 1, "usage_became_known_usd": "0.75",
        "costs_became_unknown": 1, "usage_became_unknown_usd": "0.3"
    });
    assert_eq!(found["changes"], changes);
    let prices = serde_json::json!({
        "verdict": "usage_moved", "costs_compared": 3, "costs_changed": 1, "costs_changed_alike": null, "factor": null
    });
    assert_eq!(found["prices"], prices);
    let rows = found["runs"].as_array().unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or("-");
            let fields: Vec<_> = row["fields_changed"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| field.as_str().unwrap())
                .collect();
            format!(
                "{} {} {} {}",
                text("change"),
                text("id"),
                text("usage_moved_usd"),
                fields.join(" ")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "vanished gone -2 ",
            "changed ended 0.15 status finished_at usage_total_usd cost_state",
            "changed dearer 0.5 usage_total_usd",
            "changed learnt - usage_total_usd cost_state",
            "changed forgotten - usage_total_usd cost_state",
            "changed moved 0 started_at",
            "new fresh 31.2 ",
            "new fresh-unknown - ",
        ]
    );
    let keys: Vec<_> = found.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        keys.join(" "),
        "notice old new cautions changes prices moved_by_actor runs"
    );
}

#[test]
fn csv_has_a_row_a_run_and_cannot_be_had_with_json() {
    let place = two(before(), after(), &[], &[]);
    let done = place.run(&["diff", "old", "new", "--csv"]);
    let lines: Vec<_> = done.exits(0).stdout.lines().collect();
    assert_eq!(lines.len(), 9);
    assert_eq!(
        lines[0],
        "change,id,act_id,act_name,fields_changed,status_old,status_new,started_at_old,started_at_new,finished_at_old,\
         finished_at_new,usage_total_usd_old,usage_total_usd_new,cost_state_old,cost_state_new,usage_moved_usd"
    );
    assert_eq!(
        lines[1],
        "vanished,gone,a1,,,SUCCEEDED,,2025-09-01T01:00:00.000Z,,2025-09-30T00:00:00.000Z,,2,,settled,,-2"
    );
    assert_eq!(
        lines[2],
        "changed,ended,a1,,status finished_at usage_total_usd cost_state,RUNNING,SUCCEEDED,2025-09-01T02:00:00.000Z,\
         2025-09-01T02:00:00.000Z,,2025-09-30T00:00:00.000Z,0.1,0.25,provisional,settled,0.15"
    );
    assert!(
        lines[8].ends_with(",2025-09-30T00:00:00.000Z,,,,unknown,"),
        "{}",
        lines[8]
    );
    place.run(&["diff", "old", "new", "--csv", "--json"]).exits(2);
}

#[test]
fn formats_and_layouts_make_no_difference() {
    let formats: [&[&str]; 3] = [
        &["--format", "parquet"],
        &["--format", "csv"],
        &["--format", "parquet", "--partition-by", "day", "--parquet-compat"],
    ];
    let place = two(before(), after(), &[], &[]);
    let mut expected = json(&place);
    for old in formats {
        for new in formats {
            let found = json(&two(before(), after(), old, new));
            for side in ["old", "new"] {
                expected[side] = found[side].clone();
            }
            assert_eq!(found, expected, "{old:?} {new:?}");
        }
    }
}

#[test]
fn two_exports_of_the_same_differ_in_nothing() {
    let place = two(before(), before(), &[], &["--format", "csv"]);
    place.run(&["diff", "old", "new"]).exits(0).shows(&[
        "Total change 0 $0.00 Unchanged 7",
        "Verdict OLD and NEW are the same: none of 7 runs differs",
    ]);
    assert_eq!(json(&place)["runs"], serde_json::json!([]));
    let csv = place.run(&["diff", "old", "new", "--csv"]);
    assert_eq!(csv.exits(0).stdout.lines().count(), 1);
}

/// Runs that cost a cent and more each, all times a factor of hundredths.
fn repriced(count: i64, hundredths: i64) -> Vec<Run> {
    let cost = |at: i64| format!("{}e-6", (10_000 + at) * hundredths);
    (0..count)
        .map(|at| run(&format!("run{at:05}"), "10T00:00:00", "a", "SUCCEEDED", &cost(at)))
        .collect()
}

#[test]
fn one_factor_for_all_costs_is_told_from_usage() {
    let mut new = repriced(3000, 92);
    // One that did not move, and a new one that has nothing to compare to.
    new[7] = repriced(3000, 100)[7].clone();
    new.push(run("another", "11T00:00:00", "a", "SUCCEEDED", "1"));
    let place = two(repriced(3000, 100), new, &[], &[]);
    let done = place.run(&["diff", "old", "new"]);
    done.exits(0).shows(&[
        "Verdict prices changed: factor 0.92 for 2,999 of 3,000 costs",
        "and 2,979 other changed runs (--json and --csv list all)",
    ]);
    let found = json(&place);
    assert_eq!(
        (&found["prices"]["verdict"], &found["prices"]["factor"]),
        (&"prices_moved".into(), &"0.92".into())
    );
    // More rows than are put together at a time.
    assert_eq!(found["runs"].as_array().unwrap().len(), 3000);
    let csv = place.run(&["diff", "old", "new", "--csv"]);
    assert_eq!(csv.exits(0).stdout.lines().count(), 3001);
}

#[test]
fn whoever_reads_no_more_of_a_long_table_is_no_error() {
    let place = two(repriced(3000, 100), repriced(3000, 92), &[], &[]);
    for format in ["--csv", "--json"] {
        let mut child = place.start(&["diff", "old", "new", format]);
        drop(child.stdout.take());
        assert!(child.wait().unwrap().success(), "{format}");
    }
}

#[test]
fn exports_of_different_things_are_compared_with_a_caution() {
    let place = two(before(), after(), &[], &["--status", "SUCCEEDED"]);
    place.run(&["diff", "old", "new"]).exits(0).shows(&[
        "only --status SUCCEEDED",
        "Caution OLD and NEW have different filters: runs that only one of them covers are shown as new or vanished",
    ]);
    place
        .run(&["diff", "new", "old"])
        .exits(0)
        .shows(&["OLD was queried later than NEW"]);
    let demo = ["export", "--demo", "--month", "2025-07", "--out", "demo", "--quiet"];
    place.run(&demo).exits(0);
    place.run(&["diff", "old", "demo"]).exits(0).shows(&[
        "MADE-UP ACCOUNT",
        "different sources (Apify and the made-up account), accounts and periods",
        "OLD and NEW have no time in common, so that every run is new or vanished: to compare the figures of two periods, use \
         apify-runs report old --compare demo",
    ]);
}

#[test]
fn what_is_no_export_is_exit_2_and_what_cannot_be_read_is_exit_5() {
    let place = two(before(), after(), &["--format", "csv"], &["--format", "parquet"]);
    fs::create_dir(place.path("empty")).unwrap();
    for (bad, why) in [("nowhere", "nowhere does not exist"), ("empty", "has no manifest.json")] {
        place.run(&["diff", bad, "new"]).exits(2).says(&[why]);
        place.run(&["diff", "old", bad]).exits(2).says(&[why]);
    }
    place.run(&["diff", "old"]).exits(2);
    let good = fs::read_to_string(place.path("old/runs.csv")).unwrap();
    let cut: String = good.lines().take(7).map(|line| format!("{line}\n")).collect();
    for (bad, problem) in [
        (
            good.replacen("status", "state", 1),
            "its columns are not the columns of an export",
        ),
        (
            good.replacen("2025-09-01T01", "yesterday", 1),
            "line 3: started_at is not valid",
        ),
        (
            good.replacen(",0.5,", ",half,", 1),
            "line 2: usage_total_usd is not valid",
        ),
        (cut, "6 rows, the manifest says 7"),
    ] {
        fs::write(place.path("old/runs.csv"), bad).unwrap();
        for format in [&[][..], &["--json"], &["--csv"]] {
            let done = place.run(&[&["diff", "old", "new"][..], format].concat());
            done.exits(5).says(&["runs.csv", problem]);
            assert_eq!(done.stdout, "", "nothing is printed of what can't be read");
        }
    }
    fs::write(place.path("old/runs.csv"), good).unwrap();
    fs::write(place.path("new/runs.parquet"), "PAR1").unwrap();
    place.run(&["diff", "old", "new"]).exits(5).says(&["runs.parquet"]);
    fs::remove_file(place.path("new/runs.parquet")).unwrap();
    place.run(&["diff", "old", "new"]).exits(5).says(&["runs.parquet"]);
    fs::write(place.path("new/manifest.json"), r#"{"schema_version":1}"#).unwrap();
    place.run(&["diff", "old", "new"]).exits(5).says(&["is not a manifest"]);
}

#[test]
fn a_manifest_whose_paths_lead_elsewhere_is_not_followed() {
    let place = two(before(), after(), &[], &["--format", "parquet"]);
    let manifest = place.path("new/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(
        &manifest,
        text.replace("\"runs.parquet\"", "\"runs/../../old/runs.parquet\""),
    )
    .unwrap();
    place.run(&["diff", "old", "new"]).exits(5).says(&["leaves the export"]);
}

#[test]
fn a_column_that_one_of_two_exports_lacks_is_no_difference() {
    let mut later = before();
    later[0].rest = later[0].rest.replace("2025-09-30", "2025-09-29");
    let place = two(before(), later.clone(), &[], &["--format", "parquet"]);
    assert_eq!(
        json(&place)["runs"][0]["fields_changed"],
        serde_json::json!(["finished_at"])
    );
    let without = ["--format", "parquet", "--exclude", "finished_at", "--replace"];
    export(&place, "new", later, NEW_DATE, &without).exits(0);
    assert_eq!(json(&place)["runs"], serde_json::json!([]));
}

#[test]
fn names_from_elsewhere_cannot_steer_a_terminal_or_a_spreadsheet() {
    let hostile = |cost: &str| {
        let mut run = run(
            "evil\\u001b[2Jid",
            "01T00:00:00",
            "act\\u001b]0;x\\u0007",
            "SUCCEEDED",
            cost,
        );
        run.status = "ODD\\u202eSTATUS".into();
        run
    };
    let place = two(vec![hostile("1")], vec![hostile("2")], &["--format", "csv"], &[]);
    let done = place.run(&["diff", "old", "new"]);
    done.exits(0)
        .shows(&["evil\\u{1b}[2Ji", "act\\u{1b}]0;x\\u{7}", "ODD\\u{202e}STATUS"]);
    assert!(done.stdout.chars().all(|c| c == '\n' || !c.is_control()), "{done}");
    // A name as a CSV of names has it: defused there, and defused again where it is written.
    let csv = fs::read_to_string(place.path("old/runs.csv")).unwrap();
    let mut lines: Vec<String> = csv.lines().map(String::from).collect();
    lines[1] = lines[1].strip_suffix(",,,").unwrap().to_string() + ",'=cmd(),,";
    fs::write(place.path("old/runs.csv"), lines.join("\n") + "\n").unwrap();
    crate::archive::broken_archives::fit(&place.path("old"), "runs.csv");
    place.run(&["diff", "old", "new"]).exits(0).shows(&["=cmd()"]);
    let done = place.run(&["diff", "old", "new", "--csv"]);
    assert!(done.exits(0).stdout.contains(",'=cmd(),"), "{done}");
    assert_eq!(json(&place)["runs"][0]["act_name"], "=cmd()");
}

#[test]
fn export_tells_what_moved_since_the_export_that_it_replaces() {
    let place = Place::new();
    export(&place, "out", before(), OLD_DATE, &[]).exits(0);
    export(&place, "out", before(), NEW_DATE, &[])
        .exits(0)
        .shows(&["with 7 runs no change since 2025-10-02 Wrote"]);
    // Nothing vanishes unasked: without the run that is gone, both ways.
    export(&place, "out", after(), NEW_DATE, &[])
        .exits(6)
        .says(&["has 1 run ($2.00) that the new one lacks"]);
    // Details would be taken from the old one where the list has no cost any more.
    export(&place, "out", after(), NEW_DATE, &["--replace", "--details", "none"])
        .exits(0)
        .shows(&[
            "with 7 runs +2 runs, 1 vanished, 5 changed, +$29.85, and 3 runs of unknown cost, \
         1 cost became known ($0.75), 1 cost became unknown ($0.30) since 2025-10-04",
        ]);
    let changes = place.exported().json("manifest.json")["replaced"]["changes"].clone();
    assert_eq!(
        (&changes["runs_new"], &changes["usage_moved_usd"]),
        (&2.into(), &"29.85".into())
    );
    assert_eq!(changes["costs_became_unknown"], 1);
    let mut more = after();
    more.push(run("late", "07T00:00:00", "a3", "SUCCEEDED", "1.25"));
    export(&place, "out", more, NEW_DATE, &["--details", "none"])
        .exits(0)
        .shows(&["with 8 runs +1 run, +$1.25 since 2025-10-04"]);
    // Of something else, there is nothing to compare.
    let done = export(
        &place,
        "out",
        after(),
        NEW_DATE,
        &["--replace", "--status", "SUCCEEDED"],
    );
    done.exits(0).shows(&["with 9 runs Wrote"]);
    assert_eq!(
        place.exported().json("manifest.json")["replaced"]["changes"],
        Value::Null
    );
    place.run(&["verify", "out"]).exits(0);
}
