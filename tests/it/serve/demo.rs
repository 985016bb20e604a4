//! `serve --demo`: the API's endpoints over a made-up account, asked by a client of a few lines that shares nothing with the
//! tool; sums are made here, of the decimal texts as they came.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde_json::Value;

use super::exact::{exact, units};
use crate::support::client::{Answer, Served};
use crate::support::command::{Exported, Place};
use crate::support::made_up::{DEMO, DEMO_DAY, demo_export};
use crate::support::stand_in::ms;

/// A name as a part of a path.
fn encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

/// All of these are there and not null.
#[track_caller]
fn has(object: &Value, names: &str) {
    for name in names.split_whitespace() {
        assert!(!object[name].is_null(), "{name} is missing: {object}");
    }
}

fn items(data: &Value) -> &Vec<Value> {
    data["items"].as_array().unwrap()
}

fn started(item: &Value) -> i64 {
    ms(item["startedAt"].as_str().unwrap())
}

#[test]
fn the_list_pages_filters_and_sorts_as_documented() {
    let demo = Served::demo(&["--runs", "5000"]);
    let first = demo.list("");
    assert_eq!(
        (&first["offset"], &first["limit"], &first["desc"], &first["count"]),
        (&0.into(), &1000.into(), &false.into(), &1000.into())
    );
    let total = first["total"].as_u64().unwrap();
    assert!(total > 5000, "a few runs lie just outside of the period");
    assert!(
        items(&first)
            .windows(2)
            .all(|pair| started(&pair[0]) <= started(&pair[1]))
    );
    assert_eq!(demo.list("limit=5000")["limit"], 1000);
    assert_eq!(demo.list("limit=0")["count"], 1000);
    assert_eq!(items(&demo.list("limit=3&offset=10"))[..], items(&first)[10..13]);
    assert_eq!(demo.list("offset=100000")["count"], 0);
    for desc in ["true", "1"] {
        let last = demo.list(&format!("desc={desc}&limit=5"));
        assert!(
            items(&last)
                .windows(2)
                .all(|pair| started(&pair[0]) >= started(&pair[1]))
        );
        assert_eq!(last["desc"], true);
    }
    let september = demo.list("startedAfter=2025-09-01T00:00:00.000Z&startedBefore=2025-09-30T23:59:59.999Z");
    assert_eq!(september["total"], 5000);
    let at = items(&first)[500]["startedAt"].as_str().unwrap();
    let tied = demo.list(&format!("startedAfter={at}&startedBefore={at}"));
    assert!(tied["total"].as_u64().unwrap() >= 1, "both bounds are inclusive");
    let failed = demo.list("status=FAILED,TIMED-OUT");
    assert!(failed["total"].as_u64().unwrap() > 10);
    assert!(
        items(&failed)
            .iter()
            .all(|run| ["FAILED", "TIMED-OUT"].contains(&run["status"].as_str().unwrap()))
    );
}

#[test]
fn errors_are_the_documented_ones() {
    let demo = Served::demo(&["--runs", "10"]);
    let kind = |method: &str, target: &str, headers: &str| {
        let answer = demo.ask(method, target, headers);
        (
            answer.status,
            answer.json()["error"]["type"].as_str().unwrap_or_default().to_string(),
        )
    };
    let bearer = "Authorization: Bearer demo\r\n";
    let list = "/v2/actor-runs";
    assert_eq!(kind("GET", list, ""), (401, "token-not-provided".into()));
    assert_eq!(
        kind("GET", list, "Authorization: Bearer wrong\r\n"),
        (401, "user-or-token-not-found".into())
    );
    assert_eq!(kind("GET", "/v2/elsewhere", bearer).0, 404);
    assert_eq!(kind("POST", list, bearer).0, 405);
    for query in [
        "limit=-1",
        "offset=1e300",
        "startedAfter=yesterday",
        "status=DONE",
        "desc=maybe",
        "limit=%ff",
    ] {
        let answer = demo.ask("GET", &format!("{list}?{query}"), bearer);
        assert_eq!(answer.status, 400, "{query}");
        let error = answer.json()["error"].clone();
        assert!(error["type"].is_string() && error["message"].is_string(), "{error}");
    }
    assert_eq!(demo.ask("GET", "/v2/actor-runs?token=demo", "").status, 200);
    assert_eq!(demo.ask("HEAD", list, bearer).status, 200);
}

#[test]
fn answers_are_packed_as_asked_and_dated_by_a_fixed_clock() {
    let demo = Served::demo(&["--runs", "2000"]);
    let ask = |encoding: &str| {
        let headers = format!("Authorization: Bearer demo\r\nAccept-Encoding: {encoding}\r\n");
        demo.ask("GET", "/v2/actor-runs?limit=100", &headers)
    };
    let plain = ask("identity");
    assert_eq!(plain.headers["date"], "Fri, 03 Oct 2025 06:00:00 GMT");
    assert_eq!(plain.headers.get("content-encoding"), None);
    type Unpack = fn(&[u8]) -> Vec<u8>;
    let unpackers: [(&str, Unpack); 3] = [
        ("gzip", |packed| {
            let mut bytes = Vec::new();
            flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
            bytes
        }),
        ("br", |packed| {
            let mut bytes = Vec::new();
            brotli::Decompressor::new(packed, 4096).read_to_end(&mut bytes).unwrap();
            bytes
        }),
        ("zstd", |packed| zstd::decode_all(packed).unwrap()),
    ];
    for (name, unpack) in unpackers {
        let packed = ask(name);
        assert_eq!(packed.headers["content-encoding"], name);
        assert!(packed.body.len() < plain.body.len());
        assert_eq!(unpack(&packed.body), plain.body, "{name}");
    }
}

#[test]
fn the_account_has_what_accounts_have() {
    let demo = Served::demo(&["--runs", "30000"]);
    let mut runs = Vec::new();
    while runs.len() < demo.list("limit=1")["total"].as_u64().unwrap() as usize {
        runs.extend(items(&demo.list(&format!("offset={}", runs.len()))).clone());
    }
    let texts = |pointer: &str| -> BTreeSet<String> {
        let values = runs.iter().filter_map(|run| run.pointer(pointer)?.as_str());
        values.map(str::to_string).collect()
    };
    assert_eq!(texts("/id").len(), runs.len(), "IDs are unique");
    assert!(texts("/actId").len() > 200, "hundreds of Actors");
    assert!(texts("/status").len() >= 7, "{:?}", texts("/status"));
    assert!(texts("/meta/origin").contains("SCHEDULER") && texts("/meta/origin").contains("APIFY_AI"));
    let on_the_hour = runs
        .iter()
        .filter(|run| started(run).rem_euclid(3_600_000) < 60_000)
        .count();
    assert!(
        on_the_hour > runs.len() / 4,
        "schedules burst on the hour: {on_the_hour}"
    );
    let mut starts: Vec<i64> = runs.iter().map(started).collect();
    let all = starts.len();
    starts.dedup();
    assert!(all - starts.len() > 1000, "many share a millisecond");
    assert!(starts.contains(&ms("2025-09-01T00:00:00Z")) && starts.contains(&ms("2025-10-01T00:00:00Z")));
    let without = |field: &str| runs.iter().filter(|run| run.get(field).is_none()).count();
    assert!(without("usageTotalUsd") > 100 && without("actorTaskId") > 1000 && without("finishedAt") > 0);
    assert!(
        runs.iter()
            .any(|run| run["finishedAt"].is_null() && run.get("finishedAt").is_some())
    );
    assert!(
        runs.iter().any(|run| run.get("generalAccess").is_some()),
        "a field that the spec lacks"
    );
    let bodies = demo.ask("GET", "/v2/actor-runs", "Authorization: Bearer demo\r\n").body;
    let text = String::from_utf8(bodies).unwrap();
    assert!(text.contains("e-7"), "costs with exponents");
}

#[test]
fn equal_options_give_equal_accounts_and_another_seed_another() {
    let list = |seed: &str| Served::demo(&["--runs", "500", "--seed", seed]).list("");
    assert_eq!(list("3"), list("3"));
    assert_ne!(list("3"), list("4"));
}

#[test]
fn a_rate_limit_answers_429_as_documented() {
    let demo = Served::demo(&["--runs", "10", "--rate-limit", "2"]);
    let answers: Vec<Answer> = (0..8)
        .map(|_| demo.ask("GET", "/v2/actor-runs", "Authorization: Bearer demo\r\n"))
        .collect();
    assert_eq!(answers[0].headers["x-ratelimit-limit"], "2");
    let limited = answers
        .iter()
        .find(|answer| answer.status == 429)
        .expect("eight at once are more than two");
    assert_eq!(limited.json()["error"]["type"], "rate-limit-exceeded");
}

#[test]
fn an_export_of_the_served_account_is_the_demo_s_own_but_for_its_source() {
    let demo = Served::demo(&[]);
    let place = Place::new();
    let url = demo.url();
    let days = ["--from", "2025-09-01", "--to", "2025-09-04"];
    let args = ["export", "--rate", "0", "--quiet", "--out", "served", "--api-url", &url];
    let args = [&args[..], &days].concat();
    crate::support::command::done(place.command(&args).env("APIFY_TOKEN", "demo")).exits(0);
    let demo = ["export", "--demo", "--quiet", "--out", "demo"];
    place.run(&[&demo[..], &days].concat()).exits(0);
    for name in [
        "runs.parquet",
        "runs.csv",
        "cost_by_actor.csv",
        "status_summary.csv",
        "cost_by_day.csv",
    ] {
        let [served, demo] = ["served", "demo"].map(|out| std::fs::read(place.path(out).join(name)).unwrap());
        assert!(served == demo, "{name} differs");
    }
}

#[test]
fn every_output_of_the_demo_says_that_it_is_made_up() {
    let place = demo_export().copy();
    let exported = Exported { out: place.path(DEMO) };
    for text in [
        &demo_export().done.stdout,
        &exported.text("report.md"),
        &exported.text("summary.txt"),
        &exported.text("report.json"),
        &exported.text("manifest.json"),
    ] {
        assert!(text.contains("MADE-UP ACCOUNT"), "{text}");
    }
    for option in ["--json", "--dry-run"] {
        let args = [&DEMO_DAY[..], &["--out", "out", option]].concat();
        place.run(&args).exits(0).shows(&["MADE-UP ACCOUNT"]);
    }
}

#[test]
fn a_run_s_detail_is_its_row_and_what_only_the_detail_says() {
    let demo = Served::demo(&["--runs", "3000"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let (mut by_event, mut by_result, mut by_usage, mut null_meters, mut revived) = (0, 0, 0, 0, 0);
    for run in &runs {
        let detail = demo.data(&format!("/v2/actor-runs/{}", text(run, "id")));
        has(
            &detail,
            "id actId userId startedAt status meta stats options buildId defaultKeyValueStoreId defaultDatasetId \
             defaultRequestQueueId generalAccess usage",
        );
        has(&detail["options"], "build timeoutSecs memoryMbytes diskMbytes");
        has(
            &detail["stats"],
            "computeUnits durationMillis runTimeSecs resurrectCount",
        );
        for (name, value) in run.as_object().unwrap() {
            let says_nothing = name == "usageTotalUsd" && (value.is_null() || value.as_f64() == Some(0.0));
            assert!(says_nothing || detail[name] == *value, "{name}: {run} {detail}");
        }
        let exact = exact(&demo, &run["id"]);
        let meters = exact.0.contains_key("usageUsd").then(|| exact.at("usageUsd"));
        match text(&detail["pricingInfo"], "pricingModel") {
            "PAY_PER_EVENT" => {
                by_event += 1;
                assert!(run.get("usageTotalUsd").is_none() && exact.number("usageTotalUsd") > 0);
                assert!(meters.is_none_or(|meters| meters.sum() < exact.number("usageTotalUsd")));
                let counts = detail["chargedEventCounts"].as_object().unwrap();
                let events = detail["pricingInfo"]["pricingPerEvent"]["actorChargeEvents"]
                    .as_object()
                    .unwrap();
                assert!(counts.keys().eq(events.keys()) || counts.len() == events.len());
            }
            "PRICE_PER_DATASET_ITEM" => {
                by_result += 1;
                assert!(
                    run.get("usageTotalUsd").is_none() && detail.get("usageTotalUsd").is_none() && meters.is_none()
                );
            }
            _ => {
                by_usage += 1;
                assert_eq!(meters.unwrap().sum(), exact.number("usageTotalUsd"), "{detail}");
            }
        }
        null_meters += usize::from(detail["usage"].as_object().unwrap().values().any(Value::is_null));
        revived += usize::from(detail["stats"]["resurrectCount"].as_u64() > Some(0));
    }
    assert!(
        by_event > 30 && by_result > 0 && by_usage > 2500,
        "{by_event} {by_result} {by_usage}"
    );
    assert!(null_meters > 300 && revived > 0, "{null_meters} {revived}");
}

#[test]
fn a_resurrected_run_ended_days_after_its_start() {
    let demo = Served::demo(&["--runs", "30000"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let lasted = |run: &Value| run["finishedAt"].as_str().map_or(0, |end| ms(end) - started(run));
    let long: Vec<&Value> = runs
        .iter()
        .filter(|run| lasted(run) > 40_000_000 && !text(run, "finishedAt").starts_with("2025-10-03T05:5"))
        .collect();
    assert!((5..100).contains(&long.len()), "{}", long.len());
    for run in long {
        let stats = demo.data(&format!("/v2/actor-runs/{}", text(run, "id")))["stats"].clone();
        assert!(stats["resurrectCount"].as_u64() > Some(0), "{run} {stats}");
        assert!(stats["durationMillis"].as_i64().unwrap() < lasted(run));
    }
}

#[test]
fn every_endpoint_refuses_as_documented() {
    let demo = Served::demo(&["--runs", "100", "--rate-limit", "1000"]);
    let run = text(&items(&demo.list("limit=1"))[0], "id").to_string();
    let actor = text(&items(&demo.data("/v2/actors"))[0], "id").to_string();
    let task = text(&items(&demo.data("/v2/actor-tasks"))[0], "id").to_string();
    let targets = [
        format!("/v2/actor-runs/{run}"),
        "/v2/actors".into(),
        "/v2/acts".into(),
        format!("/v2/actors/{actor}"),
        format!("/v2/acts/{actor}"),
        "/v2/actor-tasks".into(),
        format!("/v2/actor-tasks/{task}"),
        "/v2/users/me".into(),
        "/v2/users/me/limits".into(),
        "/v2/users/me/usage/monthly?date=2025-09-10".into(),
        "/v2/actor-builds".into(),
        "/v2/schedules".into(),
    ];
    let kind = Answer::error;
    for target in &targets {
        let without = demo.ask("GET", target, "");
        assert_eq!(
            (without.status, &*kind(&without)),
            (401, "token-not-provided"),
            "{target}"
        );
        let wrong = demo.ask("GET", target, "Authorization: Bearer demo2\r\n");
        assert_eq!(
            (wrong.status, &*kind(&wrong)),
            (401, "user-or-token-not-found"),
            "{target}"
        );
        assert_eq!(demo.ask("DELETE", target, "Authorization: Bearer demo\r\n").status, 405);
        let packed = demo.ask("GET", target, "Authorization: Bearer demo\r\nAccept-Encoding: gzip\r\n");
        assert_eq!(
            (packed.status, &*packed.headers["content-encoding"]),
            (200, "gzip"),
            "{target}"
        );
        assert_eq!(packed.headers["date"], "Fri, 03 Oct 2025 06:00:00 GMT");
        assert_eq!(packed.headers["x-ratelimit-limit"], "1000");
        assert_eq!(demo.get(target).body, demo.get(target).body, "{target}");
    }
    for (target, says) in [
        ("/v2/actor-runs/NoSuchRun00000000", "Actor run was not found"),
        ("/v2/actor-runs/", "Actor run was not found"),
        ("/v2/actors/NoSuchActor000000", "Actor was not found"),
        ("/v2/acts/nobody~nothing", "Actor was not found"),
        ("/v2/actor-tasks/NoSuchTask0000000", "Actor task was not found"),
        ("/v2/actors/%ff%zz", "Actor was not found"),
    ] {
        let answer = demo.get(target);
        assert_eq!((answer.status, &*kind(&answer)), (404, "record-not-found"), "{target}");
        assert_eq!(answer.json()["error"]["message"], says);
    }
    for target in [
        "/v2/users/me/usage/monthly?date=yesterday",
        "/v2/users/me/usage/monthly?date=2025-02-30",
        "/v2/actors?limit=-1",
        "/v2/actors?my=maybe",
        "/v2/actors?sortBy=name",
        "/v2/actor-tasks?offset=x",
        "/v2/actor-builds?limit=x",
        "/v2/schedules?desc=maybe",
    ] {
        let answer = demo.get(target);
        assert_eq!((answer.status, &*kind(&answer)), (400, "invalid-value"), "{target}");
    }
    assert_eq!(demo.get("/v2/users/you").status, 404);
}

#[test]
fn most_actors_that_were_run_are_listed_and_the_rest_is_found_private_or_gone() {
    let demo = Served::demo(&["--runs", "20000"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let (actors, _) = demo.all("/v2/actors");
    assert!(actors.is_sorted_by_key(|actor| text(actor, "createdAt").to_string()));
    let used: BTreeSet<&str> = runs.iter().map(|run| text(run, "actId")).collect();
    let listed: BTreeSet<&str> = actors.iter().map(|actor| text(actor, "id")).collect();
    assert_eq!((used.len(), listed.len()), (340, 325));
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    for id in used.difference(&listed) {
        let answer = demo.get(&format!("/v2/actors/{id}"));
        *answers.entry(answer.status).or_default() += 1;
        if answer.status == 403 {
            assert_eq!(answer.json()["error"]["type"], "insufficient-permissions");
        }
    }
    assert_eq!(answers, BTreeMap::from([(200, 5), (403, 5), (404, 5)]));
    let names: Vec<&str> = actors.iter().map(|actor| text(actor, "name")).collect();
    for part in [
        "\"quoted\", with commas",
        "=cmd|'/c calc'!A1",
        "\u{202e}",
        "\u{200f}",
        "🕷",
        "pipe | and `back`",
        "<b>bold</b>",
    ] {
        assert!(names.iter().any(|name| name.contains(part)), "{part:?}");
    }
    for actor in &actors {
        has(actor, "id createdAt modifiedAt name username");
        let name = format!("{}~{}", text(actor, "username"), text(actor, "name"));
        let found = demo.data(&format!("/v2/acts/{}", encoded(&name)));
        has(
            &found,
            "id userId name username isPublic createdAt modifiedAt stats versions defaultRunOptions",
        );
        for name in ["id", "name", "username", "createdAt"] {
            assert_eq!(found[name], actor[name]);
        }
        let count = runs.iter().filter(|run| run["actId"] == actor["id"]).count();
        assert_eq!(actor["stats"]["totalRuns"], count);
    }
    let own = demo.data("/v2/actors?my=true");
    assert!(items(&own).iter().all(|actor| actor["username"] == "made-up-account"));
    assert_eq!(own, demo.data("/v2/acts?my=1"));
    assert!((50..200).contains(&items(&own).len()));
    let newest = demo.data("/v2/actors?desc=1&limit=3&offset=1");
    assert!(items(&newest).iter().eq(actors[321..324].iter().rev()));
}

#[test]
fn tasks_are_listed_but_for_those_that_are_gone() {
    let demo = Served::demo(&["--runs", "20000"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let (tasks, _) = demo.all("/v2/actor-tasks");
    let used: BTreeSet<&str> = runs.iter().filter_map(|run| run["actorTaskId"].as_str()).collect();
    let listed: BTreeSet<&str> = tasks.iter().map(|task| text(task, "id")).collect();
    let gone: Vec<&&str> = used.difference(&listed).collect();
    assert!((10..60).contains(&gone.len()), "{}", gone.len());
    for id in gone {
        assert_eq!(demo.get(&format!("/v2/actor-tasks/{id}")).status, 404);
    }
    let names: Vec<&str> = tasks.iter().map(|task| text(task, "name")).collect();
    for part in ["=cmd|'/c calc'!A1", "\u{202e}", "<img src=x"] {
        assert!(names.iter().any(|name| name.contains(part)), "{part:?}");
    }
    assert!(tasks.iter().any(|task| task["actName"].is_null()) && tasks.iter().any(|task| task["actName"].is_string()));
    for task in tasks.iter().take(50) {
        has(task, "id userId actId name createdAt modifiedAt username");
        let name = format!("made-up-account~{}", text(task, "name"));
        let found = demo.data(&format!("/v2/actor-tasks/{}", encoded(&name)));
        assert_eq!((&found["id"], &found["actId"]), (&task["id"], &task["actId"]));
        let mut of_task = runs.iter().filter(|run| run["actorTaskId"] == task["id"]);
        assert!(of_task.all(|run| run["actId"] == task["actId"]));
    }
}

#[test]
fn thousands_of_actors_take_pages_and_each_of_them_runs() {
    let demo = Served::demo(&["--runs", "40000", "--actors", "5000"]);
    let (actors, pages) = demo.all("/v2/actors");
    assert_eq!(pages, 5);
    assert!(
        actors
            .iter()
            .all(|actor| actor["stats"]["totalRuns"].as_u64() > Some(0))
    );
    let most = actors
        .iter()
        .filter_map(|actor| actor["stats"]["totalRuns"].as_u64())
        .max();
    assert!(most > Some(5000), "few of them run often: {most:?}");
}

#[test]
fn the_user_is_the_demo_s_and_the_plan_keeps_runs_as_long_as_it_says() {
    let demo = Served::demo(&["--runs", "100", "--retention-days", "7"]);
    let user = demo.data("/v2/users/me");
    has(
        &user,
        "id username profile email proxy plan effectivePlatformFeatures isPaying",
    );
    has(&user["proxy"], "password groups");
    assert_eq!(
        (text(&user, "id"), text(&user, "username")),
        ("MADEUPACCOUNT0000", "made-up-account")
    );
    assert!(text(&user, "email").ends_with("@example.com"));
    let limits = demo.data("/v2/users/me/limits");
    assert_eq!(limits["limits"]["dataRetentionDays"], 7);
    assert_eq!(user["plan"]["dataRetentionDays"], 7);
    assert_eq!(limits["monthlyUsageCycle"]["startAt"], "2025-10-02T00:00:00.000Z");
    has(
        &limits["current"],
        "monthlyUsageUsd monthlyActorComputeUnits monthlyExternalDataTransferGbytes monthlyProxySerps \
         monthlyResidentialProxyGbytes actorMemoryGbytes actorCount actorTaskCount activeActorJobCount teamAccountSeatCount",
    );
    let plain = Served::demo(&["--runs", "100"]);
    assert_eq!(plain.data("/v2/users/me/limits")["limits"]["dataRetentionDays"], 90);
}

#[test]
fn runs_that_have_just_ended_read_0_in_the_list_and_cost_something_in_their_details() {
    let demo = Served::demo(&["--runs", "5000"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let now = ms("2025-10-03T06:00:00Z");
    let age = |run: &Value| run["finishedAt"].as_str().map_or(i64::MAX, |end| now - ms(end));
    let late: Vec<&Value> = runs.iter().filter(|run| age(run) < 600_000).collect();
    assert!((20..=36).contains(&late.len()), "{}", late.len());
    for seconds in [2, 5, 30, 120, 300, 540] {
        assert!(late.iter().any(|run| age(run) == seconds * 1000), "{seconds} s");
    }
    for run in late {
        assert_eq!(units(&run.get("usageTotalUsd").map_or("0".into(), Value::to_string)), 0);
        let settled = exact(&demo, &run["id"]);
        assert!(
            settled.number("usageTotalUsd") > 0 || !settled.0.contains_key("usageTotalUsd"),
            "{run}"
        );
    }
    let old = Served::demo(&["--runs", "5000", "--from", "2025-08-01", "--to", "2025-09-01"]);
    assert!(old.all("/v2/actor-runs").0.iter().all(|run| age(run) > 600_000));
}

#[test]
fn so_many_in_a_hundred_have_their_cost_only_in_the_detail() {
    let demo = Served::demo(&["--runs", "5000", "--cost-missing", "20"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let (without, with): (Vec<&Value>, Vec<&Value>) = runs.iter().partition(|run| run["usageTotalUsd"].is_null());
    assert!((850..1150).contains(&without.len()), "{}", without.len());
    let known = without
        .iter()
        .take(300)
        .filter(|run| exact(&demo, &run["id"]).number("usageTotalUsd") > 0);
    assert!(known.count() > 290);
    for run in with.iter().take(300) {
        let listed = units(&run["usageTotalUsd"].to_string());
        assert!(
            listed == 0
                || demo.data(&format!("/v2/actor-runs/{}", text(run, "id")))["usageTotalUsd"] == run["usageTotalUsd"]
        );
    }
    let all = Served::demo(&["--runs", "2000", "--cost-missing", "100"]);
    assert!(
        all.all("/v2/actor-runs")
            .0
            .iter()
            .all(|run| run.get("usageTotalUsd").is_none())
    );
}
