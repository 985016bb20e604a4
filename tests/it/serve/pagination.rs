//! The headers of lists: what a page's body says of itself, once more, of the made-up account and of an archive.

use serde_json::Value;

use crate::support::client::Served;
use crate::support::command::Place;

/// What the headers must be, by the body alone; `limit` is what was asked for.
#[track_caller]
fn has_its_page_in_the_headers(served: &Served, target: &str, [offset, limit]: [u64; 2], desc: bool) {
    let answer = served.get(target);
    assert_eq!(answer.status, 200, "{target}");
    let data = answer.json()["data"].clone();
    let items = data["items"].as_array().unwrap().len() as u64;
    let total = data["total"].as_u64().unwrap();
    assert_eq!(items, total.saturating_sub(offset).min(limit), "{target}");
    let expected = [
        ("total", total.to_string()),
        ("offset", offset.to_string()),
        ("limit", limit.to_string()),
        ("count", items.to_string()),
        ("desc", desc.to_string()),
    ];
    for (name, value) in expected {
        let header = answer.headers.get(&format!("x-apify-pagination-{name}"));
        assert_eq!(header, Some(&value), "{name} of {target}");
        let member = match &data[name] {
            Value::Bool(flag) => flag.to_string(),
            number => number.to_string(),
        };
        assert_eq!(member, value, "{name} of {target}");
    }
}

#[track_caller]
fn has_no_page_in_the_headers(served: &Served, target: &str) {
    let names = served.get(target).headers.into_keys();
    let found: Vec<String> = names.filter(|name| name.contains("pagination")).collect();
    assert!(found.is_empty(), "{target}: {found:?}");
}

fn every_page_of(served: &Served, list: &str) {
    has_its_page_in_the_headers(served, list, [0, 1000], false);
    has_its_page_in_the_headers(served, &format!("{list}?limit=3&offset=2&desc=1"), [2, 3], true);
    has_its_page_in_the_headers(served, &format!("{list}?offset=999999"), [999_999, 1000], false);
    has_its_page_in_the_headers(served, &format!("{list}?limit=5000&desc=false"), [0, 1000], false);
}

#[test]
fn lists_of_the_made_up_account_have_their_page_in_the_headers() {
    let demo = Served::demo(&["--runs", "3000"]);
    let run = demo.list("limit=1")["items"][0].clone();
    let id = |name: &str| run[name].as_str().unwrap().to_string();
    for list in [
        "/v2/actor-runs".into(),
        "/v2/actors".into(),
        "/v2/actor-tasks".into(),
        "/v2/actor-builds".into(),
        "/v2/schedules".into(),
        format!("/v2/actors/{}/runs", id("actId")),
    ] {
        every_page_of(&demo, &list);
    }
    has_its_page_in_the_headers(&demo, "/v2/actor-runs?status=FAILED&limit=7", [0, 7], false);
    let head = demo.ask("HEAD", "/v2/actor-runs?limit=4", "Authorization: Bearer demo\r\n");
    assert_eq!(head.headers["x-apify-pagination-count"], "4");
    for target in [
        format!("/v2/actor-runs/{}", id("id")),
        "/v2/users/me".into(),
        "/v2/users/me/usage/monthly".into(),
        "/v2/actor-runs?limit=-1".into(),
    ] {
        has_no_page_in_the_headers(&demo, &target);
    }
}

#[test]
fn lists_of_an_archive_have_their_page_in_the_headers() {
    let place = Place::new();
    let export = ["export", "--demo", "--quiet", "--out", "days"];
    let days = ["--from", "2025-09-01", "--to", "2025-09-02"];
    place.run(&[&export[..], &days].concat()).exits(0);
    let served = Served::start(&place, &["days"], None);
    for list in ["/v2/actor-runs", "/v2/actors", "/v2/actor-tasks"] {
        every_page_of(&served, list);
    }
    has_no_page_in_the_headers(&served, "/v2/users/me");
    has_no_page_in_the_headers(&served, "/v2/users/me/limits");
}
