//! What a compute unit, an hour and a thousand events cost, and why the usage of an Actor changed. Every figure was worked out by hand
//! from the runs below.

use std::collections::BTreeMap;

use crate::support::account::{Apify, detail};
use crate::support::command::Place;
use crate::support::stand_in::{Reply, Run, StandIn, ms};

const DETAILS: [&str; 3] = ["--details", "all", "--quiet"];

/// Runs by their ID, Actor and day, and their cost and other members in the detail.
type Runs<'r> = &'r [(&'r str, &'r str, &'r str, &'r str, &'r str)];

fn server(runs: Runs) -> StandIn {
    let of_list = runs.iter().map(|(id, actor, day, cost, _)| {
        let finished = r#""finishedAt":"2025-09-20T00:00:00.000Z""#;
        let rest = format!(r#""actId":"{actor}","usageTotalUsd":{cost},{finished}"#);
        Run::new(*id, ms(&format!("{day}T12:00:00Z"))).with(&rest)
    });
    let details: BTreeMap<String, String> = runs
        .iter()
        .map(|(id, _, _, cost, more)| (id.to_string(), format!(r#""usageTotalUsd":{cost}{more}"#)))
        .collect();
    Apify::of(of_list.collect())
        .details(move |id| Reply::json(detail(id, &details[id])))
        .start()
}

/// A table of `report.json` or a CSV file, a line a row.
fn lines(place: &Place, folder: &str, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(place.path(folder).join(file)).unwrap();
    text.lines().map(String::from).collect()
}

const SEPTEMBER: Runs = &[
    // A quarter of an hour and half an hour; 0.1 of the first is platform usage.
    (
        "p1",
        "pages",
        "2025-09-01",
        "0.5",
        r#","usageUsd":{"ACTOR_COMPUTE_UNITS":0.1,"DATASET_READS":null},"stats":{"computeUnits":0.4,"durationMillis":1800000},"chargedEventCounts":{"page":100}"#,
    ),
    (
        "p2",
        "pages",
        "2025-09-02",
        "0.3",
        r#","stats":{"computeUnits":0.1,"durationMillis":900000},"chargedEventCounts":{"page":1e2,"never":0}"#,
    ),
    // Neither without a cost, nor without compute units, nor with a count that is none.
    (
        "p3",
        "pages",
        "2025-09-03",
        "null",
        r#","stats":{"computeUnits":9,"durationMillis":9},"chargedEventCounts":{"page":7}"#,
    ),
    ("p4", "pages", "2025-09-04", "0.2", ""),
    (
        "p5",
        "pages",
        "2025-09-05",
        "0.2",
        r#","stats":{"computeUnits":9,"durationMillis":9},"chargedEventCounts":{"page":0.5}"#,
    ),
    (
        "m1",
        "mixed",
        "2025-09-01",
        "0.9",
        r#","stats":{"computeUnits":0.2,"durationMillis":3600000},"chargedEventCounts":{"=start":1,"result":50}"#,
    ),
    (
        "m2",
        "mixed",
        "2025-09-02",
        "0.1",
        r#","stats":{"computeUnits":0.1,"durationMillis":3600000},"chargedEventCounts":{"alone":4}"#,
    ),
    (
        "u1",
        "usage",
        "2025-09-01",
        "0.25",
        r#","stats":{"computeUnits":1,"durationMillis":0}"#,
    ),
    ("d1", "dark", "2025-09-01", "null", ""),
];

const UNIT_COSTS: [&str; 9] = [
    "act_id,event,runs,runs_left_out,runs_provisional,usage_total_usd,compute_units,usd_per_compute_unit,run_hours,usd_per_hour,\
     events,events_usd,usd_per_1000_events,act_name",
    "mixed,,2,0,0,1,0.3,3.333333,2,0.500000,55,1,18.181818,",
    "mixed,alone,1,0,0,,,,,,4,0.1,25.000000,",
    "mixed,result,1,0,0,,,,,,50,,,",
    "mixed,'=start,1,0,0,,,,,,1,,,",
    "pages,,2,3,0,0.8,0.5,1.600000,0.75,1.066667,200,0.7,3.500000,",
    "pages,page,2,1,0,,,,,,200,0.7,3.500000,",
    "usage,,1,0,0,0.25,1,0.250000,0,,0,,,",
    "dark,,0,1,0,,0,,0,,0,,,",
];

#[test]
fn a_unit_costs_the_usage_of_the_runs_whose_details_are_known() {
    let (server, place) = (server(SEPTEMBER), Place::new());
    place.export(&server.url(), &DETAILS).exits(0);
    assert_eq!(lines(&place, "out", "unit_costs.csv"), UNIT_COSTS);
    place.run(&["verify", "out"]).exits(0);
    // The same from the rows, and of some of them.
    let again = place.run(&["report", "out", "--only", "unit_costs", "--format", "csv"]);
    assert_eq!(again.exits(0).stdout.lines().collect::<Vec<_>>(), UNIT_COSTS);
    let part = [
        "report",
        "out",
        "--from",
        "2025-09-02",
        "--to",
        "2025-09-03",
        "--only",
        "unit_costs",
        "--format",
        "csv",
    ];
    assert_eq!(
        place.run(&part).exits(0).stdout.lines().skip(1).collect::<Vec<_>>(),
        [
            "pages,,1,0,0,0.3,0.1,3.000000,0.25,1.200000,100,0.3,3.000000,",
            "pages,page,1,0,0,,,,,,100,0.3,3.000000,",
            "mixed,,1,0,0,0.1,0.1,1.000000,1,0.100000,4,0.1,25.000000,",
            "mixed,alone,1,0,0,,,,,,4,0.1,25.000000,",
        ]
    );
    let shown = place.run(&["report", "out", "--only", "unit_costs"]);
    shown.exits(0).shows(&["Unit costs by Actor and event", "unknown"]);
}

#[test]
fn unit_costs_that_are_not_those_of_the_rows_are_found() {
    let (server, place) = (server(SEPTEMBER), Place::new());
    place.export(&server.url(), &DETAILS).exits(0);
    let path = place.path("out/report.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("18.181818", "18.181819")).unwrap();
    place
        .run(&["verify", "out"])
        .exits(5)
        .says(&["unit_costs differs from the rows"]);
}

#[test]
fn without_all_columns_of_details_there_are_no_unit_costs() {
    let (server, place) = (server(SEPTEMBER), Place::new());
    for more in [
        &["--quiet"][..],
        &["--details", "all", "--quiet", "--exclude", "usage_usd_proxy_serps"],
        &["--details", "all", "--quiet", "--exclude", "charged_event_counts"],
    ] {
        place.export(&server.url(), &[more, &["--replace"]].concat()).exits(0);
        assert!(!place.path("out/unit_costs.csv").exists(), "{more:?}");
        assert!(place.exported().json("report.json").get("unit_costs").is_none());
    }
    let asked = place.run(&["report", "out", "--only", "unit_costs"]);
    asked.exits(2).says(&["this export has no report \"unit_costs\""]);
}

/// A run that charged so many pages.
const PAGES: &str = r#","stats":{"computeUnits":1,"durationMillis":1},"chargedEventCounts":{"page":100}"#;
const MORE_PAGES: &str = r#","stats":{"computeUnits":1,"durationMillis":1},"chargedEventCounts":{"page":160}"#;
const WITH_USAGE: &str = r#","usageUsd":{"ACTOR_COMPUTE_UNITS":0.2},"stats":{"computeUnits":1,"durationMillis":1},"chargedEventCounts":{"page":100}"#;

const TWO_MONTHS: Runs = &[
    ("a1", "pages", "2025-08-01", "0.2", PAGES),
    ("a2", "pages", "2025-08-02", "0.2", PAGES),
    ("s1", "pages", "2025-09-01", "0.5", WITH_USAGE),
    ("s2", "pages", "2025-09-02", "0.3", PAGES),
    ("s3", "pages", "2025-09-03", "0.48", MORE_PAGES),
    ("a3", "usage", "2025-08-01", "0.05", ""),
    ("a4", "usage", "2025-08-02", "0.03", ""),
    ("a5", "usage", "2025-08-03", "0.02", ""),
    ("s4", "usage", "2025-09-01", "0.05", ""),
    ("s5", "usage", "2025-09-02", "0.05", ""),
    ("s6", "usage", "2025-09-03", "0.05", ""),
    ("s7", "usage", "2025-09-04", "0.05", ""),
    ("s8", "comes", "2025-09-01", "0.07", ""),
    ("a6", "goes", "2025-08-01", "0.04", ""),
    // A run without a cost is no run that costs nothing.
    ("a7", "dark", "2025-08-01", "0.1", ""),
    ("s9", "dark", "2025-09-01", "0.3", ""),
    ("s10", "dark", "2025-09-02", "null", ""),
];

#[test]
fn a_change_is_made_of_volume_and_of_the_cost_of_a_run_which_events_explain() {
    let (server, place) = (server(TWO_MONTHS), Place::new());
    place
        .export(&server.url(), &[&DETAILS[..], &["--compare", "previous"]].concat())
        .exits(0);
    let expected = [
        "act_id,change,runs_before,runs,usage_before_usd,usage_total_usd,change_usd,change_share,runs_cost_unknown_before,\
         runs_cost_unknown,act_name,volume_usd,cost_per_run_usd,event_price_usd,event_quantity_usd,other_usd",
        // 1 more run at 0.2; 3 runs at 0.2 are 0.6, with the prices of now 0.9; 360 pages instead of 300; 0.2 is platform usage.
        "pages,up,2,3,0.4,1.28,0.88,2.200000,0,0,,0.2,0.68,0.3,0.18,0.2",
        "dark,up,1,2,0.1,0.3,0.2,2.000000,0,1,,0,0.2,,,",
        "usage,up,3,4,0.1,0.2,0.1,1.000000,0,0,,0.033333333333333333,0.066666666666666667,,,",
        "comes,new,0,1,,0.07,0.07,,0,0,,0.07,0,,,",
        "goes,gone,1,0,0.04,,-0.04,-1.000000,0,0,,-0.04,0,,,",
    ];
    assert_eq!(lines(&place, "out", "change_by_actor.csv"), expected);
    // The same from two exports.
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
    ];
    place.run(&[&august[..], &DETAILS].concat()).exits(0);
    let report = [
        "report",
        "out",
        "--compare",
        "august",
        "--only",
        "change_by_actor",
        "--format",
        "csv",
    ];
    assert_eq!(place.run(&report).exits(0).stdout.lines().collect::<Vec<_>>(), expected);
    // Where there is little room, the terms are left out.
    let text = place.run(&["report", "out", "--compare", "august", "--only", "change_by_actor"]);
    assert!(!text.exits(0).stdout.contains("volume"), "{}", text.stdout);
    let page = place.exported().text("report.html");
    assert!(page.contains("event prices") && page.contains("+$0.30"));
}
