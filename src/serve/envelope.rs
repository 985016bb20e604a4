//! What the API wraps around its data, be that one object or a page of a list.

use serde::Serialize;
use serde_json::{Value, json};

use super::query::Paging;
use super::refusal::Refusal;

pub(super) fn object(data: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    let json = serde_json::to_string(data).map_err(|_| Refusal::Failed)?;
    Ok(format!(r#"{{"data":{json}}}"#).into_bytes())
}

/// `data` of a page of a list that is held in memory.
pub(super) fn page<T>(paging: Paging, list: &[T], item: impl Fn(&T) -> Value) -> Value {
    let mut items: Vec<Value> = list[paging.part_of(list.len())].iter().map(item).collect();
    if paging.desc {
        items.reverse();
    }
    json!({
        "total": list.len(),
        "offset": paging.offset,
        "limit": paging.limit,
        "desc": paging.desc,
        "count": items.len(),
        "items": items,
    })
}

/// A page of `total` runs whose `count` items `write` appends, each with a comma after it.
pub(super) fn page_of_runs(paging: Paging, total: usize, count: usize, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let Paging { offset, limit, desc } = paging;
    let head = format!(
        r#"{{"data":{{"total":{total},"offset":{offset},"limit":{limit},"desc":{desc},"count":{count},"items":["#
    );
    // A run takes some 620 bytes.
    let mut json = Vec::with_capacity(200 + count * 650);
    json.extend_from_slice(head.as_bytes());
    write(&mut json);
    if count > 0 {
        json.pop();
    }
    json.extend_from_slice(b"]}}");
    json
}
