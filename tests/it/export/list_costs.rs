//! The list's costs against those of details: which runs are asked for, what is said where they differ, and what is no difference.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::account::{Apify, Gate, Make, detail, details_asked, ended};
use crate::support::command::{Place, export_args, wait};
use crate::support::stand_in::{Reply, Run, StandIn, ms};

/// A run of an Actor that ended long ago and costs so much by the list.
fn listed(id: &str, actor: &str, usd: &str) -> Run {
    let finished = r#""finishedAt":"2025-09-20T00:00:00.000Z""#;
    let rest = format!(r#""actId":"{actor}",{finished},"usageTotalUsd":{usd}"#);
    Run::new(id, ms("2025-09-01T00:00:00Z")).with(&rest)
}

/// A detail that costs so much.
fn costs(id: &str, usd: &str) -> Reply {
    Reply::json(detail(id, &format!(r#""usageTotalUsd":{usd}"#)))
}

fn manifest(place: &Place) -> Value {
    place.exported().json("manifest.json")
}

fn checked(place: &Place) -> Value {
    manifest(place)["details"]["checked"].clone()
}

/// One run that the list has for a dollar, whose details are answered with `reply`.
fn one(reply: impl Fn() -> Reply + Send + Sync + 'static) -> StandIn {
    Apify::of(vec![listed("r", "a", "1")]).details(move |_| reply()).start()
}

/// What a check says of one run that it could not compare.
fn not_compared(why: &str) -> Value {
    let mut counts = json!({"asked": 1, "compared": 0, "changed": 0, "failed": 0, "differing": 0, "usage_compared_usd": "0",
                            "usage_list_usd": "0", "usage_details_usd": "0", "differs_most": null});
    counts[why] = json!(1);
    counts
}

/// Runs of one Actor for $1 to $25, and one of each of two others for cents; three costs differ in their details.
fn twenty_seven() -> StandIn {
    let mut all: Vec<Run> = (1..=25)
        .map(|usd| listed(&format!("r{usd:02}"), "a", &usd.to_string()))
        .collect();
    all.extend([listed("b1", "b", "0.25"), listed("c1", "c", "0.5")]);
    let costs_of = |id: &str| match id {
        "r25" => "27.123456789012345678".to_string(),
        "r10" => "9.5".into(),
        "b1" => "0.75".into(),
        "c1" => "5e-1".into(),
        // Of runs that are not asked for.
        "r01" => "99".into(),
        id => format!("{}.0", id[1..].parse::<u32>().unwrap()),
    };
    Apify::of(all).details(move |id| costs(id, &costs_of(id))).start()
}

const SENTENCE: &str = "the list and the details give different costs for 3 of 22 checked runs: $35.25 in the list, $37.37 in the details; \
                        run r25 differs most: $25.00 in the list, $27.12 in the details; all figures use the costs of the list";

#[test]
fn where_the_list_and_details_differ_both_sums_are_a_caveat_and_rows_keep_the_lists() {
    let (server, place) = (twenty_seven(), Place::new());
    let done = place.export(&server.url(), &["--quiet"]);
    done.exits(0);
    assert_eq!(done.stderr, format!("apify-runs: warning: {SENTENCE}\n"));
    // The twenty dearest, and the one of each Actor that is not among them.
    let mut asked: Vec<String> = (6..=25).map(|usd| format!("r{usd:02}")).collect();
    asked.splice(0..0, ["b1", "c1"].map(String::from));
    assert_eq!(details_asked(&server), asked);
    // Added up by hand: 25 + 10 + 0.25, and 27.123456789012345678 + 9.5 + 0.75; the twenty come to 310.
    let most = json!({"run_id": "r25", "usage_list_usd": "25", "usage_details_usd": "27.123456789012345678"});
    let expected = json!({"asked": 22, "compared": 22, "changed": 0, "failed": 0, "differing": 3, "usage_compared_usd": "310.75",
                          "usage_list_usd": "35.25", "usage_details_usd": "37.373456789012345678", "differs_most": most});
    assert_eq!(checked(&place), expected);
    let caveat = json!({"code": "list_differs", "rows_from": "list", "runs": 3, "asked": 22, "usage_list_usd": "35.25",
                        "usage_details_usd": "37.373456789012345678", "differs_most": most, "text": SENTENCE});
    for document in ["manifest.json", "report.json"] {
        let document = place.exported().json(document);
        assert_eq!(document["caveat_details"], json!([caveat]));
        assert_eq!(document["caveats"], json!([SENTENCE]));
    }
    // They are not in the other counts of details.
    assert_eq!(manifest(&place)["details"]["asked"], 0);
    assert_eq!(manifest(&place)["totals"]["usage_total_usd"], "325.75");
    assert_eq!(place.exported().by_id("usage_total_usd")["r25"], "25");
    place.run(&["verify", "out"]).exits(0);
    // A part of the period can't tell which of its runs were asked for, and may be wrong as well.
    let part = ["report", "out", "--from", "2025-09-02", "--to", "2025-09-03"];
    place.run(&part).exits(0).shows(&[SENTENCE]);
}

#[test]
fn a_difference_is_a_caveat_for_strict_and_none_of_missing_runs() {
    let server = twenty_seven();
    let export = |strict: &str| Place::new().export(&server.url(), &[strict]);
    export("--strict").exits(7).says(&[SENTENCE]);
    export("--strict=incomplete").exits(0).says(&[SENTENCE]);
}

#[test]
fn equal_amounts_are_no_difference_however_they_are_written() {
    let all = [("x", "0.10"), ("y", "1.7976931348623157e2"), ("zero", "0")];
    let server = Apify::of(all.map(|(id, usd)| listed(id, id, usd)).to_vec())
        .details(|id| {
            let usd = match id {
                "x" => "1e-1",
                "y" => "179.769313486231570",
                _ => "0e-7",
            };
            costs(id, usd)
        })
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--strict"]);
    done.exits(0);
    assert_eq!(done.stderr, "");
    let expected = json!({"asked": 3, "compared": 3, "changed": 0, "failed": 0, "differing": 0,
                          "usage_compared_usd": "179.86931348623157", "usage_list_usd": "0", "usage_details_usd": "0",
                          "differs_most": null});
    assert_eq!(checked(&place), expected);
    assert_eq!(manifest(&place)["caveats"], json!([]));
}

#[test]
fn an_amount_that_differs_in_its_last_place_differs() {
    let server = one(|| costs("r", "1.000000000000000001"));
    let place = Place::new();
    place
        .export(&server.url(), &[])
        .exits(0)
        .says(&["$1 in the list, $1.000000000000000001 in the details"]);
    assert_eq!(checked(&place)["differing"], 1);
}

#[test]
fn a_detail_that_can_not_be_had_is_counted_and_neither_warned_of_nor_a_caveat() {
    let replies: [Make; 8] = [
        || Reply::error(500, "internal-error", "Oops."),
        || Reply::error(429, "rate-limit-exceeded", "Slow."),
        || Reply::error(401, "user-or-token-not-found", "Gone."),
        || Reply::error(403, "insufficient-permissions", "No."),
        || Reply::error(404, "record-not-found", "Gone."),
        || costs("another", "9"),
        || costs("r", "\"9\""),
        || costs("r", "null"),
    ];
    for (at, reply) in replies.into_iter().enumerate() {
        let (server, place) = (one(reply), Place::new());
        let done = place.export(&server.url(), &["--retries", "0", "--strict"]);
        done.exits(0);
        assert_eq!(done.stderr, "", "{at}");
        assert_eq!(checked(&place), not_compared("failed"), "{at}");
        assert_eq!(manifest(&place)["details"]["failed"], 0, "{at}");
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn a_run_that_has_run_on_since_the_list_is_no_difference() {
    let members = [
        r#""status":"RUNNING","finishedAt":null"#,
        r#""status":"FAILED","finishedAt":"2025-09-20T00:00:00.000Z""#,
        r#""status":"SUCCEEDED","finishedAt":"2025-09-21T00:00:00.000Z""#,
    ];
    for member in members {
        let body = format!(r#"{{"data":{{"id":"r",{member},"usageTotalUsd":9}}}}"#);
        let (server, place) = (one(move || Reply::json(body.clone())), Place::new());
        let done = place.export(&server.url(), &["--strict"]);
        done.exits(0);
        assert_eq!(done.stderr, "", "{member}");
        assert_eq!(checked(&place), not_compared("changed"), "{member}");
        let row = place.exported().rows("runs.csv").remove(0);
        assert_eq!((&*row["status"], &*row["usage_total_usd"]), ("SUCCEEDED", "1"));
    }
}

#[test]
fn runs_whose_cost_the_list_lacks_are_not_compared_and_neither_are_those_that_filters_leave_out() {
    let all = vec![ended("none", 0, ""), listed("a1", "a", "1"), listed("b1", "b", "2")];
    let all = all.into_iter().map(|run| Run {
        started: ms("2025-09-01T00:00:00Z"),
        ..run
    });
    let server = Apify::of(all.collect()).details(|id| costs(id, "7")).start();
    let place = Place::new();
    place
        .export(&server.url(), &["--actor", "a", "--actor", "actor"])
        .exits(0);
    assert_eq!(details_asked(&server), ["a1", "none"]);
    let counts = checked(&place);
    assert_eq!((&counts["asked"], &counts["usage_list_usd"]), (&json!(1), &json!("1")));
    assert_eq!(place.exported().by_id("usage_total_usd")["none"], "7");
}

#[test]
fn with_all_details_rows_have_the_details_costs_and_the_difference_is_told_each_time() {
    let (server, place) = (one(|| costs("r", "2.5")), Place::new());
    for asked in 1..=2 {
        let done = place.export(&server.url(), &["--details", "all"]);
        done.exits(0).says(&[
            "for 1 of 1 checked run: $1.00 in the list, $2.50 in the details",
            "all figures use the costs of the details",
        ]);
        assert_eq!(details_asked(&server).len(), asked);
        assert_eq!(manifest(&place)["caveat_details"][0]["rows_from"], "details");
        assert_eq!(manifest(&place)["totals"]["usage_total_usd"], "2.5");
    }
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn without_details_and_for_a_lake_none_is_compared() {
    let (server, place) = (one(|| costs("r", "2.5")), Place::new());
    place.export(&server.url(), &["--details", "none"]).exits(0);
    assert_eq!(checked(&place)["asked"], 0);
    #[cfg(feature = "lake")]
    {
        let sync = ["sync", "--lake", "lake", "--since", "2025-09-01", "--rate", "0"];
        place.run(&[&sync[..], &["--api-url", &server.url()]].concat()).exits(0);
    }
    assert_eq!(details_asked(&server), [""; 0]);
}

#[test]
fn a_manifest_of_an_earlier_version_has_no_check_and_is_read_as_before() {
    let (server, place) = (one(|| costs("r", "1")), Place::new());
    place.export(&server.url(), &[]).exits(0);
    let mut earlier = manifest(&place);
    earlier["details"].as_object_mut().unwrap().remove("checked").unwrap();
    std::fs::write(place.path("out/manifest.json"), earlier.to_string()).unwrap();
    place.run(&["verify", "out"]).exits(0);
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(checked(&place)["compared"], 1);
}

#[test]
fn they_are_asked_for_at_once() {
    let gate = Arc::new(Gate::of(20));
    let passing = gate.clone();
    let all: Vec<Run> = (0..30).map(|at| listed(&format!("r{at:02}"), "a", "1")).collect();
    let server = Apify::of(all)
        .details(move |id| {
            passing.pass();
            costs(id, "1")
        })
        .start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--detail-rate", "0"]);
    done.exits(0);
    assert!(gate.was_filled(), "at most {} came at once\n{done}", gate.most());
    assert_eq!(checked(&place)["compared"], 20);
}

#[test]
fn details_that_do_not_come_hold_the_export_up_for_ten_seconds_at_most() {
    let (server, place) = (one(|| Reply::Stall), Place::new());
    let began = Instant::now();
    place.export(&server.url(), &["--timeout", "120s"]).exits(0);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(checked(&place), not_compared("failed"));
}

#[test]
fn an_interrupt_meanwhile_ends_the_job_and_nothing_is_published() {
    let (server, place) = (one(|| Reply::Stall), Place::new());
    let url = server.url();
    let child = place.start(&export_args(&url, &[]));
    server.wait_for("/v2/actor-runs/r");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    wait(child).exits(130);
    assert_eq!(place.names(), [""; 0]);
}
