//! One answer of the run list: from its bytes straight to columns. Pure; it neither fetches nor decides whether a page
//! is the one that was wanted. What becomes of a single item is `item`'s.

use std::borrow::Cow;
use std::fmt;

use anyhow::{Context, anyhow, ensure};
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::item::{PageBuilder, RejectedItem};
use super::members::{MembersSeed, compact};
use super::scan::scan_items;
use super::whole_number::whole_number;
use crate::runs::schema::col;

/// The most items that the API puts on a page; `limit` is clamped to it.
pub const MAX_PAGE_ITEMS: u64 = 1000;

/// More runs than any account has; a `total` beyond it is none.
const MOST_RUNS: u64 = 1_000_000_000_000;

#[derive(Debug)]
pub struct Page {
    /// Runs that match the query, by the API's count.
    pub total: u64,
    /// The same by the answer's head (`X-Apify-Pagination-Total`, sent since September 2026).
    pub head_total: Option<u64>,
    /// The page size that the API says it applied.
    pub limit: Option<u64>,
    /// The limit that was asked for, where it is below [`MAX_PAGE_ITEMS`].
    pub asked: Option<u64>,
    pub bytes: u64,
    pub runs: RecordBatch,
    pub rejected: Vec<RejectedItem>,
    /// The row of each known field of a wrong type: NULL, with its raw value in `extra`.
    pub mistyped: Vec<u32>,
}

impl Page {
    pub fn items(&self) -> u64 {
        (self.runs.num_rows() + self.rejected.len()) as u64
    }

    /// The same page with the limit that was asked for, beside the one that the server says that it applied, and with the total
    /// in the answer's head.
    pub fn asked_for(self, limit: u64, head_total: Option<u64>) -> Page {
        Page {
            head_total,
            asked: (limit < MAX_PAGE_ITEMS).then_some(limit),
            ..self
        }
    }

    /// Items of a full page: of this server, and no more than were asked for.
    pub fn capacity(&self) -> u64 {
        let applied = self.limit.filter(|limit| (1..=MAX_PAGE_ITEMS).contains(limit));
        let applied = applied.unwrap_or(MAX_PAGE_ITEMS);
        self.asked.map_or(applied, |asked| applied.min(asked))
    }

    /// Whether it is all that matches: the page and its own total must both say so.
    pub fn is_last(&self) -> bool {
        self.items() == 0 || (self.items() < self.capacity() && self.items() >= self.total)
    }

    /// The latest start on it, of rejected items too.
    pub fn latest_ms(&self) -> Option<i64> {
        let rejected = self.rejected.iter().filter_map(|rejected| rejected.started_at_ms);
        self.started_at_ms().iter().copied().chain(rejected).max()
    }

    /// Whether any item on it started in that millisecond.
    pub fn holds(&self, ms: i64) -> bool {
        let mut rejected = self.rejected.iter().filter_map(|rejected| rejected.started_at_ms);
        self.started_at_ms().contains(&ms) || rejected.any(|at| at == ms)
    }

    /// What tells its items apart: ID and start of a run; the JSON text of a rejected item, and its start if it has one.
    pub fn identities(&self) -> impl Iterator<Item = (String, i64)> {
        let ids = self.runs.column(col::ID).as_string::<i32>();
        let runs = ids.iter().flatten().zip(self.started_at_ms());
        let rejected = self.rejected.iter();
        runs.map(|(id, at)| (id.to_string(), *at))
            .chain(rejected.map(|rejected| (rejected.item.clone(), rejected.started_at_ms.unwrap_or(i64::MIN))))
    }

    pub fn started_at_ms(&self) -> &[i64] {
        let starts = self.runs.column(col::STARTED_AT);
        starts.as_primitive::<TimestampMillisecondType>().values()
    }
}

/// Decodes the body of a list answer; an error means that it is none (cut off, not JSON, another shape).
pub fn decode(body: &[u8]) -> anyhow::Result<Page> {
    let text = std::str::from_utf8(body).map_err(|error| anyhow!("the body is not UTF-8: {error}"))?;
    if let Some(page) = decode_as_usual(text) {
        return Ok(page);
    }
    // Nearly always each item is an object, which is read once; whatever is wrong otherwise, the second way tells.
    let rows = MAX_PAGE_ITEMS as usize;
    decode_text(text, rows, ItemKind::Objects).or_else(|_| decode_text(text, rows, ItemKind::Anything))
}

/// The page, where it is written as the API writes pages; else none.
fn decode_as_usual(text: &str) -> Option<Page> {
    const ITEMS: &str = "\"items\":[";
    // White space, or a control character that may stand nowhere.
    let is_control = |bytes: &[u8]| bytes.iter().fold(false, |any, byte| any | (*byte < b' '));
    if text.as_bytes().chunks(4096).any(is_control) {
        return None;
    }
    let from = memmem::find(text.as_bytes(), ITEMS.as_bytes())? + ITEMS.len();
    let head = &text[..from];
    if head.matches('{').count() != 2 || head.matches('[').count() != 1 {
        return None;
    }
    let mut columns = PageBuilder::with_capacity(MAX_PAGE_ITEMS as usize);
    let tail = &text[scan_items(text, from, &mut columns)? - 1..];
    if tail.contains(['{', '[']) {
        return None;
    }
    // What stands around the items, which decides whose they are.
    let around = decode_text(&format!("{head}{tail}"), 0, ItemKind::Objects).ok()?;
    let (runs, rejected, mistyped) = columns.finish();
    Some(Page {
        bytes: text.len() as u64,
        runs,
        rejected,
        mistyped,
        ..around
    })
}

fn decode_text(text: &str, rows: usize, items: ItemKind) -> anyhow::Result<Page> {
    let mut columns = PageBuilder::with_capacity(rows);
    let mut json = serde_json::Deserializer::from_str(text);
    let envelope = EnvelopeSeed(ItemsSeed {
        items,
        columns: &mut columns,
    })
    .deserialize(&mut json)
    .and_then(|envelope| json.end().map(|()| envelope))
    .map_err(|error| anyhow!("the body is not a list of runs: {error}"))?;
    let data = envelope.context("the body is JSON without \"data\"")?;
    ensure!(data.has_items, "the body is JSON without \"data.items\"");
    let total = data.total.filter(|total| *total <= MOST_RUNS);
    let total = total.context("the body is JSON without a number in \"data.total\"")?;
    let (runs, rejected, mistyped) = columns.finish();
    Ok(Page {
        total,
        head_total: None,
        limit: data.limit,
        asked: None,
        bytes: text.len() as u64,
        runs,
        rejected,
        mistyped,
    })
}

/// `data` without its items, which go into the columns.
#[derive(Default)]
struct ListData {
    total: Option<u64>,
    limit: Option<u64>,
    has_items: bool,
}

struct EnvelopeSeed<'c>(ItemsSeed<'c>);

impl<'de> DeserializeSeed<'de> for EnvelopeSeed<'_> {
    type Value = Option<ListData>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<ListData>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed<'_> {
    type Value = Option<ListData>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with \"data\"")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Option<ListData>, M::Error> {
        let mut items = Some(self.0);
        let mut data = None;
        while let Some(key) = map.next_key::<Cow<str>>()? {
            match items.take_if(|_| key == "data") {
                Some(items) => data = Some(map.next_value_seed(DataSeed(items))?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(data)
    }
}

struct DataSeed<'c>(ItemsSeed<'c>);

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = ListData;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<ListData, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DataSeed<'_> {
    type Value = ListData;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with \"items\"")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<ListData, M::Error> {
        let mut items = Some(self.0);
        let mut data = ListData::default();
        while let Some(key) = map.next_key::<Cow<str>>()? {
            match (&*key, items.take_if(|_| key == "items")) {
                (_, Some(items)) => {
                    data.has_items = true;
                    map.next_value_seed(items)?;
                }
                ("total", _) => data.total = whole_number(map.next_value::<&RawValue>()?.get()),
                ("limit", _) => data.limit = whole_number(map.next_value::<&RawValue>()?.get()),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(data)
    }
}

#[derive(Clone, Copy)]
enum ItemKind {
    Objects,
    Anything,
}

struct ItemsSeed<'c> {
    items: ItemKind,
    columns: &'c mut PageBuilder,
}

impl<'de> DeserializeSeed<'de> for ItemsSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ItemsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array of runs")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<(), S::Error> {
        let mut members = Vec::with_capacity(32);
        let mut meta_members = Vec::with_capacity(8);
        loop {
            members.clear();
            meta_members.clear();
            match self.items {
                ItemKind::Objects => {
                    if items.next_element_seed(MembersSeed(&mut members))?.is_none() {
                        return Ok(());
                    }
                    self.columns.append(&members, &mut meta_members);
                }
                ItemKind::Anything => {
                    let Some(item) = items.next_element::<&RawValue>()? else {
                        return Ok(());
                    };
                    if MembersSeed(&mut members).split(item.get()) {
                        self.columns.append(&members, &mut meta_members);
                    } else {
                        self.columns.reject_non_object(compact(item.get()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn general(text: &str) -> anyhow::Result<Page> {
        decode_text(text, 0, ItemKind::Objects).or_else(|_| decode_text(text, 0, ItemKind::Anything))
    }

    /// All that a page says.
    fn said(page: &Page) -> String {
        let Page {
            total,
            head_total,
            limit,
            asked,
            bytes,
            runs,
            rejected,
            mistyped,
        } = page;
        format!("{total} {head_total:?} {limit:?} {asked:?} {bytes} {runs:?} {rejected:?} {mistyped:?}")
    }

    const RUN: &str = r#""id":"r","actId":"a","status":"S","startedAt":"2025-09-01T00:00:00.001Z""#;

    fn body(items: &[String]) -> String {
        format!(
            r#"{{"data":{{"total":{},"offset":0,"limit":1000,"desc":false,"count":7,"items":[{}]}}}}"#,
            items.len(),
            items.join(",")
        )
    }

    #[test]
    fn pages_as_the_api_writes_them_are_read_the_short_way() {
        let meta = r#""meta":{"origin":"API","userAgent":"a \"b\" é","new":[1,{"x":null}]}"#;
        let numbers = r#""buildNumberInt":12,"usageTotalUsd":1.25e-3"#;
        let runs = [
            format!("{{{RUN},{meta},{numbers}}}"),
            format!("{{{RUN},\"finishedAt\":null,{numbers},\"options\":{{\"a\":[1, 2]}}}}"),
            format!("{{{meta},{RUN},\"userId\":7,\"meta2\":true}}"),
            format!("{{{RUN},\"meta\":null}}"),
        ];
        for items in [&runs[..], &runs[..1], &[]] {
            let body = body(items);
            let short = decode_as_usual(&body).expect("it is written as usual");
            assert_eq!(said(&short), said(&general(&body).unwrap()));
            assert_eq!(short.items(), items.len() as u64);
        }
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_the_general_way() {
        let run = format!("{{{RUN}}}");
        let usual = body(std::slice::from_ref(&run));
        let twice = format!(r#"{{{RUN},"meta":{{}},"meta":{{"origin":"API"}}}}"#);
        for body in [
            usual.replace(',', ", "),
            usual.replace(r#""desc":false"#, r#""desc":[]"#),
            usual.replace(r#""items":["#, r#""x":{"items":["#),
            format!(r#"{{"x":{{"items":[{run}]}},"data":{{"total":0,"items":[]}}}}"#),
            format!(r#"{{"data":{{"total":1,"x":{{"items":[{run}]}},"items":[]}}}}"#),
            format!(r#"{{"data":{{"total":1,"items":[{run}],"x":[]}}}}"#),
            body(&["7".into()]),
            body(&[r#"{"id":"r"}"#.into()]),
            body(&[twice]),
            body(&[run.replace("\"S\"", "\"S\n\"")]),
            body(&[run.replace("\"S\"", r#""\x""#)]),
            body(&[run.replace("\"S\"", "01")]),
            usual.replace("]}}", "]}"),
            usual.replace("]}}", ",]}}"),
            format!("{usual} 7"),
        ] {
            assert!(decode_as_usual(&body).is_none(), "{body}");
        }
    }

    fn member() -> impl Strategy<Value = String> {
        let names = prop::sample::select(vec![
            "id",
            "actId",
            "userId",
            "status",
            "startedAt",
            "finishedAt",
            "buildNumberInt",
            "usageTotalUsd",
            "meta",
            "new",
            "m\\u0065ta",
        ]);
        let values = prop_oneof![
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
            any::<f64>().prop_filter_map("JSON has no infinity", |number| serde_json::to_string(&number).ok()),
            any::<i64>().prop_map(|number| number.to_string()),
            prop::sample::select(vec![
                "null",
                "true",
                "[]",
                "{}",
                "-",
                "-0",
                "01",
                "1.",
                "1e+2",
                "\"",
                "nul",
                "[1,{\"a\":\"]\"}]",
                "{\"a\":1,}",
                "\"2025-09-01T00:00:00.500Z\"",
                "{\"origin\":\"API\",\"clientIp\":7,\"x\":{}}",
                "{\"origin\":\"\\n\",\"origin\":null}",
            ])
            .prop_map(String::from),
        ];
        (names, values).prop_map(|(name, value)| format!("\"{name}\":{value}"))
    }

    proptest! {
        #[test]
        fn both_ways_say_the_same(
            items in prop::collection::vec(prop::collection::vec(member(), 0..6), 0..5),
            cut in prop::option::of(any::<prop::sample::Index>()),
            put in prop::sample::select(vec!["", ",", "\"", "}", "]", " ", "\\", "0"]),
        ) {
            let item = |members: &Vec<String>| format!("{{{RUN}{}}}", members.iter().map(|member| format!(",{member}")).collect::<String>());
            let mut text = body(&items.iter().map(item).collect::<Vec<_>>());
            if let Some(cut) = cut {
                let at = cut.index(text.len());
                if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                    text.replace_range(at..at + 1, put);
                }
            }
            if let Some(short) = decode_as_usual(&text) {
                let general = general(&text);
                prop_assert!(general.is_ok(), "{}", text);
                prop_assert_eq!(said(&short), said(&general.unwrap()));
            }
        }
    }
}
