//! Which columns an export has: in their own order, none left out that reports and verify need, and exports of any columns are
//! whole ones.

use crate::support::account::{Apify, detail, ended};
use crate::support::command::Place;
use crate::support::stand_in::{Reply, Run, StandIn, ms};

const ALL: &str = "id act_id user_id actor_task_id status started_at finished_at build_id build_number build_number_int \
                   meta_origin meta_client_ip meta_user_agent meta_schedule_id meta_scheduled_at usage_total_usd \
                   default_key_value_store_id default_dataset_id default_request_queue_id cost_state extra act_name \
                   actor_task_name meta_schedule_name";
const NEEDED: [&str; 6] = ["id", "act_id", "status", "started_at", "usage_total_usd", "cost_state"];

fn server() -> StandIn {
    let run = |n: i64| {
        let rest = format!(
            r#""userId":"u{}","actorTaskId":"t1","usageTotalUsd":0.{n},"meta":{{"origin":"API","clientIp":"203.0.113.7"}},"fresh":1"#,
            n % 2
        );
        ended(&format!("r{n}"), ms("2025-09-01T00:00:00Z") + n * 60_000, &rest)
    };
    let all: Vec<Run> = (1..9).map(run).collect();
    Apify::of(all)
        .actors(&[("actor", "ann", "crawler")])
        .tasks(&[("t1", "nightly")])
        .details(|id| Reply::json(detail(id, r#""usageTotalUsd":0.5,"usageUsd":{"DATASET_READS":0.5}"#)))
        .start()
}

/// The columns of both formats, which must be the manifest's.
#[track_caller]
fn columns(place: &Place) -> Vec<String> {
    let exported = place.exported();
    let schema = exported.batch().schema();
    let parquet: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let header = exported.text("runs.csv").lines().next().unwrap().to_string();
    assert_eq!(header, parquet.join(","));
    assert_eq!(exported.json("manifest.json")["columns"], serde_json::json!(parquet));
    parquet
}

#[test]
fn columns_that_are_asked_for_stand_in_the_table_s_order_and_no_others_are_there() {
    let (server, place) = (server(), Place::new());
    let asked = "cost_state, meta_origin,usage_total_usd,id,status,act_name,started_at,act_id,id";
    place.export(&server.url(), &["--columns", asked]).exits(0);
    let expected = [
        "id",
        "act_id",
        "status",
        "started_at",
        "meta_origin",
        "usage_total_usd",
        "cost_state",
        "act_name",
    ];
    assert_eq!(columns(&place), expected);
    place.run(&["verify", "out"]).exits(0);
    let text = place.exported().text("runs.csv");
    assert!(!text.contains("203.0.113.7") && !text.contains("nightly"), "{text}");
}

#[test]
fn columns_that_are_excluded_are_in_no_file_and_both_options_go_together() {
    let (server, place) = (server(), Place::new());
    place
        .export(&server.url(), &["--exclude", "meta_client_ip,meta_user_agent,extra"])
        .exits(0);
    let left: Vec<&str> = ALL
        .split(' ')
        .filter(|name| !["meta_client_ip", "meta_user_agent", "extra"].contains(name))
        .collect();
    assert_eq!(columns(&place), left);
    for (name, bytes) in place.exported().bytes() {
        let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!holds(b"203.0.113.7"), "{name}");
    }
    let only = format!("{},user_id,extra", NEEDED.join(","));
    place
        .export(&server.url(), &["--columns", &only, "--exclude", "extra"])
        .exits(0);
    assert_eq!(
        columns(&place),
        [
            "id",
            "act_id",
            "user_id",
            "status",
            "started_at",
            "usage_total_usd",
            "cost_state"
        ]
    );
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn what_reports_and_verify_need_can_not_be_left_out() {
    let (server, place) = (server(), Place::new());
    for needed in NEEDED {
        let rest: Vec<&str> = NEEDED.into_iter().filter(|name| *name != needed).collect();
        for args in [["--exclude", needed], ["--columns", &rest.join(",")]] {
            let done = place.export(&server.url(), &args);
            done.exits(2).says(&[&format!("{needed} cannot be excluded")]);
        }
    }
    let done = place.export(&server.url(), &["--columns", "id,status,started_at"]);
    done.exits(2)
        .says(&["act_id, usage_total_usd, cost_state cannot be excluded"]);
    assert_eq!((place.names(), server.requests().len()), (vec![], 0));
}

#[test]
fn a_column_that_there_is_not_is_exit_2_with_all_that_there_are() {
    let (server, place) = (server(), Place::new());
    for args in [["--columns", "id,usage"], ["--exclude", "usage"]] {
        let done = place.export(&server.url(), &args);
        done.exits(2)
            .says(&["\"usage\"", &ALL.split(' ').collect::<Vec<_>>().join(", ")]);
    }
    place.export(&server.url(), &["--exclude", "ID"]).exits(2);
    place.export(&server.url(), &["--exclude", ""]).exits(2);
    for column in ["compute_units", "usage_usd_proxy_serps", "charged_event_counts"] {
        for option in ["--columns", "--exclude"] {
            place
                .export(&server.url(), &[option, column])
                .exits(2)
                .says(&[column, "--details all"]);
        }
    }
    assert_eq!((place.names(), server.requests().len()), (vec![], 0));
}

#[test]
fn single_columns_of_details_can_be_had() {
    let (server, place) = (server(), Place::new());
    let only = format!("{},usage_usd_dataset_reads", NEEDED.join(","));
    place
        .export(&server.url(), &["--details", "all", "--columns", &only])
        .exits(0);
    assert_eq!(columns(&place).last().unwrap(), "usage_usd_dataset_reads");
    assert!(
        place
            .exported()
            .by_id("usage_usd_dataset_reads")
            .values()
            .all(|usd| usd == "0.5")
    );
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn an_export_of_other_columns_replaces_and_is_replaced_and_verify_passes_in_every_format() {
    let (server, place) = (server(), Place::new());
    let least = NEEDED.join(",");
    let forms: [&[&str]; 6] = [
        &[],
        &["--columns", &least],
        &["--columns", &least, "--format", "csv"],
        &["--exclude", "act_name,user_id", "--partition-by", "day"],
        &["--exclude", "user_id", "--format", "parquet"],
        &["--details", "all"],
    ];
    for form in forms.iter().chain(forms.iter().rev()) {
        place.export(&server.url(), form).exits(0);
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn reports_say_nothing_of_columns_that_were_left_out_and_still_add_up() {
    let (server, place) = (server(), Place::new());
    place
        .export(&server.url(), &["--exclude", "act_name,user_id"])
        .exits(0)
        .shows(&["actor 8"]);
    let exported = place.exported();
    assert!(!exported.out.join("cost_by_user.csv").exists());
    let report = exported.json("report.json");
    assert_eq!(report["cost_by_user"], serde_json::Value::Null);
    assert_eq!(report["cost_by_actor"][0]["act_id"], "actor");
    for (name, bytes) in exported.bytes() {
        let holds = bytes.windows(11).any(|window| window == b"ann/crawler");
        assert!(!holds, "{name} has the name of an Actor");
    }
    place.run(&["verify", "out"]).exits(0);
    place.export(&server.url(), &[]).exits(0).shows(&["ann/crawler 8"]);
    let users = place.exported().rows("cost_by_user.csv");
    let rows: Vec<_> = users
        .iter()
        .map(|row| (&*row["user_id"], &*row["runs"], &*row["usage_total_usd"]))
        .collect();
    // 0.2 + 0.4 + 0.6 + 0.8, and 0.1 + 0.3 + 0.5 + 0.7.
    assert_eq!(rows, [("u0", "4", "2"), ("u1", "4", "1.6")]);
}
