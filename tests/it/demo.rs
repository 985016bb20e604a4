//! `serve --demo`: the API's run list over a made-up account, asked by a client of a few lines that shares nothing with the
//! tool.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::harness::Place;
use crate::stand_in::ms;

/// A served account, ended with the value.
struct Demo {
    child: Child,
    address: String,
    _place: Place,
}

impl Demo {
    fn start(more: &[&str]) -> Demo {
        let place = Place::new();
        let mut command = place.command(&[&["serve", "--demo"], more].concat());
        command
            .env_remove("APIFY_TOKEN")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let address = first
            .trim()
            .strip_prefix("http://")
            .expect("a URL in the first line")
            .to_string();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Demo {
            child,
            address,
            _place: place,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn ask(&self, method: &str, target: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
        )
        .unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status,
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_string()))
                .collect(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// A list answer's `data`.
    fn list(&self, query: &str) -> Value {
        let answer = self.ask(
            "GET",
            &format!("/v2/actor-runs?{query}"),
            "Authorization: Bearer demo\r\n",
        );
        assert_eq!(answer.status, 200, "{query}");
        answer.json()["data"].clone()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
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
    let demo = Demo::start(&["--runs", "5000"]);
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
    let demo = Demo::start(&["--runs", "10"]);
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
    let demo = Demo::start(&["--runs", "2000"]);
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
    let demo = Demo::start(&["--runs", "30000"]);
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
    let list = |seed: &str| Demo::start(&["--runs", "500", "--seed", seed]).list("");
    assert_eq!(list("3"), list("3"));
    assert_ne!(list("3"), list("4"));
}

#[test]
fn a_rate_limit_answers_429_as_documented() {
    let demo = Demo::start(&["--runs", "10", "--rate-limit", "2"]);
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
    let demo = Demo::start(&[]);
    let place = Place::new();
    let url = demo.url();
    let args = [
        "export",
        "--month",
        "2025-09",
        "--rate",
        "0",
        "--quiet",
        "--out",
        "served",
        "--api-url",
        &url,
    ];
    crate::harness::done(place.command(&args).env("APIFY_TOKEN", "demo")).exits(0);
    place.run(&["export", "--demo", "--quiet", "--out", "demo"]).exits(0);
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
    let place = Place::new();
    let done = place.run(&["export", "--demo", "--out", "out"]);
    done.exits(0);
    let exported = place.exported();
    for text in [
        &done.stdout,
        &exported.text("report.md"),
        &exported.text("report.json"),
        &exported.text("manifest.json"),
    ] {
        assert!(text.contains("MADE-UP ACCOUNT"), "{text}");
    }
    place
        .run(&["export", "--demo", "--out", "out", "--json"])
        .exits(0)
        .shows(&["MADE-UP ACCOUNT"]);
    place
        .run(&["export", "--demo", "--out", "out", "--dry-run"])
        .exits(0)
        .shows(&["MADE-UP ACCOUNT"]);
}
