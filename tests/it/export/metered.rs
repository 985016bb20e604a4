//! Every run's detail: its columns in the files, NULL that is no zero, meters that don't add up, and what the export that is
//! replaced saves asking again.

use std::collections::BTreeMap;
use std::sync::Mutex;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_schema::DataType;
use serde_json::json;

use crate::support::account::{Apify, detail, details_asked, ended};
use crate::support::command::Place;
use crate::support::stand_in::{Reply, Run, StandIn, ms};

const METERS: [&str; 12] = [
    "ACTOR_COMPUTE_UNITS",
    "DATASET_READS",
    "DATASET_WRITES",
    "KEY_VALUE_STORE_READS",
    "KEY_VALUE_STORE_WRITES",
    "KEY_VALUE_STORE_LISTS",
    "REQUEST_QUEUE_READS",
    "REQUEST_QUEUE_WRITES",
    "DATA_TRANSFER_INTERNAL_GBYTES",
    "DATA_TRANSFER_EXTERNAL_GBYTES",
    "PROXY_RESIDENTIAL_TRANSFER_GBYTES",
    "PROXY_SERPS",
];
const OTHERS: [&str; 7] = [
    "compute_units",
    "memory_mbytes",
    "duration_millis",
    "resurrect_count",
    "pricing_model",
    "charged_event_counts",
    "max_total_charge_usd",
];

fn at(minute: i64) -> i64 {
    ms("2025-09-01T00:00:00Z") + minute * 60_000
}

fn column_of(meter: &str) -> String {
    format!("usage_usd_{}", meter.to_lowercase())
}

fn decimals(batch: &RecordBatch, name: &str) -> Vec<Option<i128>> {
    let column = batch.column_by_name(name).expect(name);
    column.as_primitive::<Decimal128Type>().iter().collect()
}

fn integers(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = batch.column_by_name(name).expect(name);
    column.as_primitive::<Int64Type>().iter().collect()
}

/// A run with everything, one with zeros, one with nulls and wrong types, one that is gone, one without any of it.
fn five() -> StandIn {
    let all = ["full", "zero", "null", "gone", "bare"].into_iter().enumerate();
    let all = all
        .map(|(n, id)| ended(id, at(n as i64), r#""usageTotalUsd":0.5"#))
        .collect();
    let meters = |value: &dyn Fn(usize) -> String| {
        let meters: Vec<String> = METERS
            .iter()
            .enumerate()
            .map(|(n, key)| format!(r#""{key}":{}"#, value(n)))
            .collect();
        meters.join(",")
    };
    // 1 to 12 hundredths: 0.78 in all.
    let full = format!(
        r#""usageTotalUsd":0.78,"usageUsd":{{{},"A_NEW_METER":5}},"stats":{{"computeUnits":0.12345678901234566,"durationMillis":7200001,"resurrectCount":3}},
           "options":{{"memoryMbytes":4096,"build":"latest","maxTotalChargeUsd":0.78}},"pricingInfo":{{"pricingModel":"PAY_PER_EVENT"}},"chargedEventCounts": {{ "page" : 150, "=cmd" : 1e2 }}"#,
        meters(&|n| format!("{}e-2", n + 1))
    );
    let zero = format!(
        r#""usageTotalUsd":0,"usageUsd":{{{}}},"stats":{{"computeUnits":0,"durationMillis":0,"resurrectCount":0}},"options":{{"memoryMbytes":0}},"chargedEventCounts":{{}}"#,
        meters(&|_| "0".into())
    );
    let null = format!(
        r#""usageTotalUsd":0.5,"usageUsd":{{{}}},"stats":{{"computeUnits":null,"durationMillis":"7","resurrectCount":1.5}},"options":null,"pricingInfo":{{"pricingModel":7}},"chargedEventCounts":null"#,
        meters(&|_| "null".into())
    );
    let answers = BTreeMap::from([
        ("full", full),
        ("zero", zero),
        ("null", null),
        ("bare", r#""usageTotalUsd":0.5"#.into()),
    ]);
    Apify::of(all)
        .details(move |id| match answers.get(id) {
            Some(rest) => Reply::json(detail(id, rest)),
            None => Reply::error(404, "record-not-found", id),
        })
        .start()
}

#[test]
fn with_all_details_nineteen_columns_follow_extra_exact_typed_and_null_where_nothing_is_known() {
    let (server, place) = (five(), Place::new());
    place.export(&server.url(), &["--details", "all"]).exits(0);
    assert_eq!(details_asked(&server), ["bare", "full", "gone", "null", "zero"]);
    let batch = place.exported().batch();
    let schema = batch.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let expected: Vec<String> = METERS
        .iter()
        .map(|key| column_of(key))
        .chain(OTHERS.map(String::from))
        .collect();
    let extra = names.iter().position(|name| *name == "extra").unwrap();
    assert_eq!(names[extra + 1..extra + 20], expected);
    assert_eq!(
        names[extra + 20..],
        ["act_name", "actor_task_name", "meta_schedule_name"]
    );
    for field in &schema.fields()[extra + 1..extra + 20] {
        let expected = match field.name().as_str() {
            "memory_mbytes" | "duration_millis" | "resurrect_count" => DataType::Int64,
            "pricing_model" | "charged_event_counts" => DataType::Utf8,
            _ => DataType::Decimal128(38, 18),
        };
        assert_eq!(
            (field.data_type(), field.is_nullable()),
            (&expected, true),
            "{}",
            field.name()
        );
    }
    let cent = 10i128.pow(16);
    for (n, key) in METERS.iter().enumerate() {
        let expected = [Some((n as i128 + 1) * cent), Some(0), None, None, None];
        assert_eq!(decimals(&batch, &column_of(key)), expected, "{key}");
    }
    assert_eq!(
        decimals(&batch, "compute_units"),
        [Some(123_456_789_012_345_660), Some(0), None, None, None]
    );
    assert_eq!(
        integers(&batch, "memory_mbytes"),
        [Some(4096), Some(0), None, None, None]
    );
    assert_eq!(
        integers(&batch, "duration_millis"),
        [Some(7_200_001), Some(0), None, None, None]
    );
    assert_eq!(
        integers(&batch, "resurrect_count"),
        [Some(3), Some(0), None, None, None]
    );
    assert_eq!(
        decimals(&batch, "max_total_charge_usd"),
        [Some(780_000_000_000_000_000), None, None, None, None]
    );
    let exported = place.exported();
    let text = |text: &str| Some(text.to_string());
    assert_eq!(
        exported.texts("pricing_model"),
        [text("PAY_PER_EVENT"), None, None, None, None]
    );
    let counts = [text(r#"{"page":150,"=cmd":1e2}"#), text("{}"), None, None, None];
    assert_eq!(exported.texts("charged_event_counts"), counts);
    // In CSV NULL is an empty cell and zero a zero.
    let cells = exported.by_id("usage_usd_proxy_serps");
    assert_eq!(
        (&*cells["full"], &*cells["zero"], &*cells["null"], &*cells["gone"]),
        ("0.12", "0", "", "")
    );
    let usage = exported.by_id("usage_total_usd");
    assert_eq!(
        (&*usage["full"], &*usage["zero"], &*usage["gone"]),
        ("0.78", "0", "0.5")
    );
    let details = exported.json("manifest.json")["details"].clone();
    assert_eq!(
        (&details["asked"], &details["found"], &details["not_found"]),
        (&json!(5), &json!(4), &json!(1))
    );
    assert_eq!(
        (&details["meters_disagree"], &details["reached_limit"], &details["mode"]),
        (&json!(0), &json!(1), &json!("all"))
    );
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn without_all_details_none_of_their_columns_is_there() {
    let (server, place) = (five(), Place::new());
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(place.exported().batch().num_columns(), 24);
    // To compare their costs with the list's.
    assert_eq!(details_asked(&server), ["bare", "full", "gone", "null", "zero"]);
}

#[test]
fn meters_that_add_up_to_another_amount_than_the_total_are_counted() {
    let answers = [
        // As doubles, a tenth and two tenths are not three tenths; that is no disagreement.
        (
            "rounded",
            r#""usageTotalUsd":0.30000000000000004,"usageUsd":{"DATASET_READS":0.1,"DATASET_WRITES":0.2}"#,
        ),
        (
            "more",
            r#""usageTotalUsd":0.3,"usageUsd":{"DATASET_READS":0.1,"DATASET_WRITES":0.200001}"#,
        ),
        ("less", r#""usageTotalUsd":0.3,"usageUsd":{"DATASET_READS":0.1}"#),
        ("nothing-to-add", r#""usageTotalUsd":0.3,"usageUsd":{}"#),
        ("no-total", r#""usageUsd":{"DATASET_READS":0.1}"#),
    ];
    let all = answers
        .iter()
        .enumerate()
        .map(|(n, (id, _))| ended(id, at(n as i64), ""))
        .collect();
    let answer = move |id: &str| answers.iter().find(|(of, _)| *of == id).unwrap().1;
    let server = Apify::of(all)
        .details(move |id| Reply::json(detail(id, answer(id))))
        .start();
    let place = Place::new();
    place.export(&server.url(), &["--details", "all"]).exits(0);
    let details = place.exported().json("manifest.json")["details"].clone();
    assert_eq!(
        (&details["meters_disagree"], &details["found"], &details["without_cost"]),
        (&json!(2), &json!(4), &json!(1))
    );
    place.run(&["verify", "out"]).exits(0);
}

/// Replaces an export by one from an account that differs, and tells which details were asked for the second time.
fn asked_again(first: Apify, second: Apify, options: [&[&str]; 2]) -> (Vec<String>, Place) {
    let place = Place::new();
    place.export(&first.start().url(), options[0]).exits(0);
    let server = second.start();
    place.export(&server.url(), options[1]).exits(0);
    place.run(&["verify", "out"]).exits(0);
    (details_asked(&server), place)
}

fn known(id: &str) -> Reply {
    match id {
        "lost" => Reply::error(404, "record-not-found", id),
        id => Reply::json(detail(id, r#""usageTotalUsd":0.25,"usageUsd":{"DATASET_READS":0.25}"#)),
    }
}

#[test]
fn what_the_replaced_export_settled_is_not_asked_for_again_and_what_it_did_not_know_is() {
    let account = || {
        vec![
            ended("lost", at(1), ""),
            ended("one", at(2), ""),
            ended("two", at(3), ""),
        ]
    };
    for mode in ["missing", "all"] {
        let options: &[&str] = &["--details", mode];
        let (asked, place) = asked_again(
            Apify::of(account()).details(known),
            Apify::of(account()).details(known),
            [options; 2],
        );
        assert_eq!(asked, ["lost"], "{mode}");
        let details = place.exported().json("manifest.json")["details"].clone();
        assert_eq!(
            (&details["asked"], &details["reused"]),
            (&json!(1), &json!(2)),
            "{mode}"
        );
        let usage = place.exported().by_id("usage_total_usd");
        assert_eq!(
            (&*usage["lost"], &*usage["one"], &*usage["two"]),
            ("", "0.25", "0.25"),
            "{mode}"
        );
        if mode == "all" {
            let quarter = Some(250_000_000_000_000_000);
            assert_eq!(
                decimals(&place.exported().batch(), "usage_usd_dataset_reads"),
                [None, quarter, quarter]
            );
        }
    }
}

#[test]
fn an_export_that_is_made_again_is_the_same_byte_by_byte_whether_details_were_asked_or_known() {
    let account = || {
        (0..300)
            .map(|n| ended(&format!("r{n:03}"), at(n), ""))
            .collect::<Vec<Run>>()
    };
    let place = Place::new();
    let server = Apify::of(account()).details(known).start();
    let data = |place: &Place| {
        let mut bytes = place.exported().bytes();
        bytes.retain(|name, _| name.starts_with("runs"));
        bytes
    };
    place.export(&server.url(), &["--details", "all"]).exits(0);
    let before = data(&place);
    assert_eq!(details_asked(&server).len(), 300);
    place.export(&server.url(), &["--details", "all"]).exits(0);
    assert_eq!(details_asked(&server).len(), 300, "they were asked for again");
    assert_eq!(data(&place), before);
    // Also where rows stand in a folder a day.
    place
        .export(&server.url(), &["--details", "all", "--partition-by", "day"])
        .exits(0);
    place.export(&server.url(), &["--details", "all"]).exits(0);
    assert_eq!(details_asked(&server).len(), 300, "they were asked for again");
    assert_eq!(data(&place), before);
}

#[test]
fn a_run_that_is_listed_otherwise_by_now_is_asked_for_again() {
    let before = || vec![ended("moved", at(1), ""), ended("same", at(2), "")];
    let moved = |rest: &str, status: &str| {
        let mut run = Run::new("moved", at(1)).with(&format!(r#""actId":"actor"{rest}"#));
        run.status = status.into();
        vec![run, ended("same", at(2), "")]
    };
    let others = [
        moved(r#","finishedAt":"2025-09-20T00:00:00.000Z""#, "FAILED"),
        moved(r#","finishedAt":"2025-09-20T00:00:00.001Z""#, "SUCCEEDED"),
        moved("", "RUNNING"),
        moved(
            r#","finishedAt":"2025-09-20T00:00:00.000Z","usageTotalUsd":0.250000000000000001"#,
            "SUCCEEDED",
        ),
    ];
    for other in others {
        let options: &[&str] = &["--details", "all"];
        let text = format!("{:?}", other[0]);
        let (asked, _) = asked_again(
            Apify::of(before()).details(known),
            Apify::of(other).details(known),
            [options; 2],
        );
        assert_eq!(asked, ["moved"], "{text}");
    }
}

#[test]
fn nothing_is_taken_over_from_another_account_nor_what_lacks_a_column_or_is_not_parquet() {
    let account = || Apify::of(vec![ended("one", at(2), ""), ended("two", at(3), "")]).details(known);
    let all: &[&str] = &["--details", "all"];
    let replaced: &[&str] = &["--details", "all", "--replace"];
    let (asked, _) = asked_again(account(), account().owned_by("user2"), [all, replaced]);
    assert_eq!(asked, ["one", "two"], "another account");
    let (asked, _) = asked_again(account(), account(), [&["--details", "missing"], all]);
    assert_eq!(asked, ["one", "two"], "no meters");
    let (asked, _) = asked_again(
        account(),
        account(),
        [&["--details", "all", "--exclude", "pricing_model"], all],
    );
    assert_eq!(asked, ["one", "two"], "a column less");
    let (asked, _) = asked_again(account(), account(), [&["--details", "all", "--format", "csv"], all]);
    assert_eq!(asked, ["one", "two"], "CSV alone");
    // Of one that knows more than is wanted, all is taken over.
    let (asked, _) = asked_again(account(), account(), [all, &["--details", "missing"]]);
    assert_eq!(asked, [""; 0], "less is wanted");
}

#[test]
fn what_was_provisional_is_asked_for_again() {
    let finished = r#""actId":"actor","finishedAt":"2025-09-30T23:58:00.000Z""#;
    let account = || vec![Run::new("young", at(1)).with(finished), ended("old", at(2), "")];
    let young = |cost: &'static str| {
        move |id: &str| match id {
            "young" => Reply::json(format!(
                r#"{{"data":{{"id":"young","status":"SUCCEEDED","finishedAt":"2025-09-30T23:58:00.000Z","usageTotalUsd":{cost}}}}}"#
            )),
            id => known(id),
        }
    };
    let first = Apify::of(account())
        .details(young("0.001"))
        .dated("Wed, 01 Oct 2025 00:05:00 GMT");
    let second = Apify::of(account())
        .details(young("0.75"))
        .dated("Wed, 01 Oct 2025 00:09:00 GMT");
    let (asked, place) = asked_again(first, second, [&[]; 2]);
    assert_eq!(asked, ["young"]);
    assert_eq!(place.exported().by_id("usage_total_usd")["young"], "0.75");
    assert_eq!(place.exported().by_id("cost_state")["young"], "settled");
}

#[test]
fn details_are_handed_out_at_the_rate_that_was_asked_for_beside_that_of_lists() {
    let server = Apify::of((0..12).map(|n| ended(&format!("r{n}"), at(n), "")).collect());
    let arrivals: std::sync::Arc<Mutex<Vec<std::time::Instant>>> = Default::default();
    let noted = arrivals.clone();
    let server = server
        .details(move |id| {
            noted.lock().unwrap().push(std::time::Instant::now());
            known(id)
        })
        .start();
    Place::new().export(&server.url(), &["--detail-rate", "20"]).exits(0);
    let mut arrivals = arrivals.lock().unwrap().clone();
    arrivals.sort();
    let span = *arrivals.last().unwrap() - arrivals[0];
    // Eleven gaps of 50 ms; what the way takes may differ by some.
    assert!(
        span >= std::time::Duration::from_millis(500),
        "{} details within {span:?}",
        arrivals.len()
    );
}

#[test]
fn a_cost_that_another_rule_called_settled_is_asked_for_again_and_so_is_every_cost_with_replace() {
    // A minute after the run ended, its detail still reads 0; a day later it doesn't.
    let account = |date: &'static str, usd: &'static str| {
        let run = Run::new("just", at(5)).with(r#""actId":"actor","finishedAt":"2025-10-01T00:04:00.000Z""#);
        Apify::of(vec![run])
            .details(move |id| {
                let finish = r#""finishedAt":"2025-10-01T00:04:00.000Z""#;
                let body = format!(r#"{{"id":"{id}","status":"SUCCEEDED",{finish},"usageTotalUsd":{usd}}}"#);
                Reply::json(format!(r#"{{"data":{body}}}"#))
            })
            .dated(date)
    };
    let (early, late) = ("Wed, 01 Oct 2025 00:05:00 GMT", "Thu, 02 Oct 2025 00:05:00 GMT");
    let (asked, place) = asked_again(account(early, "0"), account(late, "0.7"), [&["--settle", "0s"], &[]]);
    assert_eq!(asked, ["just"]);
    assert_eq!(place.exported().rows("runs.csv")[0]["usage_total_usd"], "0.7");
    let (asked, _) = asked_again(account(late, "0.7"), account(late, "0.6"), [&[], &[]]);
    assert_eq!(asked, [""; 0]);
    let (asked, place) = asked_again(account(late, "0.7"), account(late, "0.6"), [&[], &["--replace"]]);
    assert_eq!(asked, ["just"]);
    assert_eq!(place.exported().rows("runs.csv")[0]["usage_total_usd"], "0.6");
}
