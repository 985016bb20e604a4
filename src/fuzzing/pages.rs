//! A page of the run list and an item of it, held against serde's reading of the same JSON.

use std::collections::HashMap;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use chrono::DateTime;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::amounts::{RawMembers, agrees_if_known, units};
use super::has_place;
use super::rows::come_back_from_csv;
use crate::api::item::RejectedItem;
use crate::api::page::{Page, decode};
use crate::runs::complete::Completion;
use crate::runs::cost_state::{DEFAULT_SETTLE_MS, SettleRule};
use crate::runs::names::Names;
use crate::runs::schema::col;

#[derive(Deserialize)]
struct ListReference<'a> {
    #[serde(borrow)]
    data: DataReference<'a>,
}

#[derive(Deserialize)]
struct DataReference<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    total: u64,
}

/// The body of a page. The place of a refusal is a byte, a line and a column, or the field that is missing; the place of a rejected
/// item is its field.
pub fn page(body: &[u8]) {
    let page = match decode(body) {
        Ok(page) => page,
        Err(refusal) => {
            has_place(&refusal.to_string(), &["line ", "\"data", "index ", "incomplete utf-8"]);
            return;
        }
    };
    // With white space around it, it is read in another way.
    let spaced = decode(&[b"\n", body].concat()).expect("white space makes no difference");
    assert_eq!(said(&spaced), said(&page));
    // serde refuses what is beyond its depth, and names that come twice.
    if let Ok(list) = serde_json::from_slice::<ListReference>(body) {
        assert_eq!(
            (page.total, page.items()),
            (list.data.total, list.data.items.len() as u64)
        );
        items_agree(&page, &list.data.items);
    }
    let settle = SettleRule {
        job_start_ms: 1_759_471_200_000,
        settle_ms: DEFAULT_SETTLE_MS,
    };
    let completion = Completion::new(settle, false);
    come_back_from_csv(&completion.complete(&page.runs, &HashMap::new(), &Names::default()));
}

/// One item, alone on its page. Its place is the field.
pub fn item(item: &[u8]) {
    page(&[br#"{"data":{"total":1,"items":["#, item, b"]}}"].concat());
}

/// All that a page says but its size.
fn said(page: &Page) -> String {
    let Page {
        total,
        limit,
        runs,
        rejected,
        mistyped,
        ..
    } = page;
    format!("{total} {limit:?} {runs:?} {rejected:?} {mistyped:?}")
}

/// Each item is a row or rejected, in order, with the cost and the start that the reference reads.
fn items_agree(page: &Page, items: &[&RawValue]) {
    let mut rejected = page.rejected.iter().peekable();
    let mut row = 0;
    for item in items {
        let compact = compact(item.get());
        let members: RawMembers = serde_json::from_str(item.get()).unwrap_or_default();
        match rejected.next_if(|rejected| rejected.item == compact) {
            Some(rejected) => is_rejected_for_a_reason(rejected, &members),
            None => {
                row_agrees(page, row, &members);
                row += 1;
            }
        }
    }
    assert!(rejected.peek().is_none() && row == page.runs.num_rows());
}

fn row_agrees(page: &Page, row: usize, members: &RawMembers) {
    // Names that serde can't read: it reads no halves of surrogates.
    if members.is_empty() {
        return;
    }
    let costs = page.runs.column(col::USAGE_TOTAL_USD).as_primitive::<Decimal128Type>();
    let cost = costs.is_valid(row).then(|| crate::money::Usd(costs.value(row)));
    agrees_if_known(members.get("usageTotalUsd").map(|raw| &**raw), cost);
    let text = |name: &str| serde_json::from_str::<String>(members.get(name)?.get()).ok();
    if let Some(id) = text("id") {
        assert_eq!(page.runs.column(col::ID).as_string::<i32>().value(row), id);
    }
    if let Some(start) = text("startedAt") {
        let start = DateTime::parse_from_rfc3339(&start).expect("it is an instant");
        assert_eq!(page.started_at_ms()[row], start.timestamp_millis());
    }
}

fn is_rejected_for_a_reason(rejected: &RejectedItem, members: &RawMembers) {
    assert!(!rejected.problem.is_empty());
    let raw = members.get(rejected.field).map(|raw| raw.get());
    match rejected.field {
        "usageTotalUsd" => assert!(!matches!(raw.and_then(units), Some(Ok(_))), "{rejected:?}"),
        "startedAt" => {
            let start = raw.and_then(|raw| serde_json::from_str::<String>(raw).ok());
            // As Apify writes instants; none is a leap second.
            let is_usual = |start: &String| start.len() == 24 && start.ends_with('Z') && !start.contains(":60.");
            let start = start.filter(is_usual);
            let is_instant = start.is_some_and(|start| DateTime::parse_from_rfc3339(&start).is_ok());
            assert!(!is_instant, "{rejected:?}");
        }
        // It is no object, or a name in it can't be read.
        "item" => {}
        "id" | "actId" | "status" => {
            let text = raw.and_then(|raw| serde_json::from_str::<String>(raw).ok());
            assert!(text.is_none_or(|text| text.is_empty()), "{rejected:?}");
        }
        field => panic!("no field is called {field}"),
    }
}

/// JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        let was_text = is_text;
        is_text ^= *c == '"' && !is_escaped;
        is_escaped = was_text && *c == '\\' && !is_escaped;
        was_text || !matches!(c, ' ' | '\t' | '\r' | '\n')
    };
    json.chars().filter(is_kept).collect()
}
