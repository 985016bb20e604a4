//! Pages of the account's builds, from their bytes to values. Pure; which pages are asked for is `fetch`'s.

use anyhow::anyhow;
use serde_json::value::RawValue;

use super::auxiliary::field_problem;
use super::json_object::JsonObject;
use crate::money::Usd;
use crate::period::{Millis, parse_instant};

/// A build of an Actor, as the account's list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub id: String,
    /// None where the list doesn't say so.
    pub act_id: Option<String>,
    pub status: String,
    pub started_at_ms: Millis,
    pub finished_at_ms: Option<Millis>,
    /// US dollars; none where the list has no amount that could be read.
    pub usage: Option<Usd>,
    /// How it was started, such as `WEB`.
    pub origin: Option<String>,
}

#[derive(Debug)]
pub struct BuildsPage {
    /// Of all pages; none where the API doesn't say so.
    pub total: Option<u64>,
    /// Items on the page, also those that could not be read.
    pub count: u64,
    /// In the order of the page.
    pub builds: Vec<Build>,
    /// Items without an ID, a status or a start, and fields of another type: one text each.
    pub unknown: Vec<String>,
}

/// Reads a page; an error where it has no items.
pub(super) fn decode(body: &[u8]) -> anyhow::Result<BuildsPage> {
    let body = JsonObject::parse(body, "the body is not a list of builds")?;
    let data = JsonObject::new(body.raw("data").unwrap_or("{}"));
    let raw = data.raw("items");
    let items = raw.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw).ok());
    let items = items.ok_or_else(|| anyhow!(field_problem("data.items", raw, "an array")))?;
    let total = data.count("total");
    let mut unknown = Vec::new();
    if total.is_none() {
        unknown.push(field_problem("data.total", data.raw("total"), "a whole number"));
    }
    let mut builds = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        match build(&format!("data.items[{at}]"), item.get(), &mut unknown) {
            Ok(build) => builds.push(build),
            Err(problem) => unknown.push(problem),
        }
    }
    Ok(BuildsPage {
        total,
        count: items.len() as u64,
        builds,
        unknown,
    })
}

/// A build; the error says what it can't be without. Other fields that can't be read are noted.
fn build(place: &str, raw: &str, unknown: &mut Vec<String>) -> Result<Build, String> {
    let item = JsonObject::new(raw);
    let needed = |name: &str| {
        let text = item.text(name).filter(|text| !text.is_empty());
        text.ok_or_else(|| field_problem(&format!("{place}.{name}"), item.raw(name), "a text"))
    };
    let (id, status, started) = (needed("id")?, needed("status")?, needed("startedAt")?);
    let started_at_ms = parse_instant(&started)
        .ok_or_else(|| field_problem(&format!("{place}.startedAt"), item.raw("startedAt"), "an instant"))?;
    let mut optional = |name: &str, is_read: bool, expected: &str| {
        let found = item.raw(name).filter(|_| !is_read);
        unknown.extend(found.map(|found| field_problem(&format!("{place}.{name}"), Some(found), expected)));
    };
    let act_id = item.text("actId").filter(|id| !id.is_empty());
    optional("actId", act_id.is_some(), "a text");
    let finished_at_ms = item.text("finishedAt").and_then(|text| parse_instant(&text));
    optional("finishedAt", finished_at_ms.is_some(), "an instant");
    let usage = item.decimal("usageTotalUsd");
    optional("usageTotalUsd", usage.is_some(), "an amount");
    let meta = JsonObject::new(item.raw("meta").unwrap_or("{}"));
    Ok(Build {
        id,
        act_id,
        status,
        started_at_ms,
        finished_at_ms,
        usage,
        origin: meta.text("origin").filter(|origin| !origin.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &str) -> BuildsPage {
        decode(format!(r#"{{"data":{{"total":7,"items":[{items}]}}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn a_build_is_read_exactly_and_may_lack_all_but_id_status_and_start() {
        let read = page(
            r#"{"id":"b1","actId":"a","status":"SUCCEEDED","startedAt":"2025-09-02T00:00:00.001Z",
            "finishedAt":"2025-09-02T00:00:01.000Z","usageTotalUsd":0.0312,"meta":{"origin":"WEB","clientIp":"1.2.3.4"}},
            {"id":"b2","status":"RUNNING","startedAt":"2025-09-03T00:00:00.000Z","finishedAt":null}"#,
        );
        assert_eq!((read.total, read.count, read.unknown.len()), (Some(7), 2, 0));
        let [first, second] = read.builds.as_slice() else {
            panic!("{:?}", read.builds)
        };
        assert_eq!(first.started_at_ms, 1_756_771_200_001);
        assert_eq!(first.finished_at_ms, Some(1_756_771_201_000));
        assert_eq!(first.usage.unwrap().to_string(), "0.0312");
        assert_eq!(
            (first.act_id.as_deref(), first.origin.as_deref()),
            (Some("a"), Some("WEB"))
        );
        assert_eq!(
            (&second.act_id, second.finished_at_ms, second.usage),
            (&None, None, None)
        );
    }

    #[test]
    fn an_item_that_is_no_build_costs_the_others_nothing_and_is_named() {
        let read = page(
            r#"{"id":"b1","status":"S","startedAt":"x"},7,{"id":"b2","status":"S","startedAt":"2025-09-03T00:00:00.000Z",
            "usageTotalUsd":"1","finishedAt":5}"#,
        );
        assert_eq!((read.count, read.builds.len(), read.builds[0].usage), (3, 1, None));
        assert_eq!(
            read.unknown,
            [
                "data.items[0].startedAt is a text; expected an instant",
                "data.items[1].id is missing; expected a text",
                "data.items[2].finishedAt is 5; expected an instant",
                "data.items[2].usageTotalUsd is a text; expected an amount",
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let error = |text: &str| decode(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error("{}"), "data.items is missing; expected an array");
        assert_eq!(
            error(r#"{"data":{"items":{}}}"#),
            "data.items is an object; expected an array"
        );
        assert!(error("<html>").contains("not a list of builds"));
    }
}
