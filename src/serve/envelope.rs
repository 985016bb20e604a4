//! What the API wraps around its data, be that one object or a page of a list.

use serde::Serialize;

use super::query::Paging;
use super::refusal::Refusal;

/// An answer's body, and what the headers of a list say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiAnswer {
    pub(super) json: Vec<u8>,
    /// Of lists with offsets alone.
    pub(super) page: Option<PageHead>,
}

/// Which page of a list an answer is. Body and headers are written from it, so that they agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageHead {
    pub(super) paging: Paging,
    pub(super) total: usize,
    pub(super) count: usize,
}

/// The answer with one object, which is JSON already.
pub(super) fn ready_object(json: &[u8]) -> ApiAnswer {
    ApiAnswer {
        json: [br#"{"data":"#, json, b"}"].concat(),
        page: None,
    }
}

pub(super) fn object(data: &impl Serialize) -> Result<ApiAnswer, Refusal> {
    let json = serde_json::to_vec(data).map_err(|_| Refusal::Failed)?;
    Ok(ready_object(&json))
}

/// A page of a list that is held in memory.
pub(super) fn page<'l, T, I: Serialize>(
    paging: Paging,
    list: &'l [T],
    item: impl Fn(&'l T) -> I,
) -> Result<ApiAnswer, Refusal> {
    let mut shown: Vec<&T> = list[paging.part_of(list.len())].iter().collect();
    if paging.desc {
        shown.reverse();
    }
    let head = PageHead {
        paging,
        total: list.len(),
        count: shown.len(),
    };
    let mut items = Vec::new();
    for one in shown {
        serde_json::to_writer(&mut items, &item(one)).map_err(|_| Refusal::Failed)?;
        items.push(b',');
    }
    Ok(ready_page(head, |json| json.extend_from_slice(&items)))
}

/// A page whose items `write` appends as JSON, each with a comma after it.
pub(super) fn ready_page(head: PageHead, write: impl FnOnce(&mut Vec<u8>)) -> ApiAnswer {
    let PageHead { paging, total, count } = head;
    let Paging { offset, limit, desc } = paging;
    let start = format!(
        r#"{{"data":{{"total":{total},"offset":{offset},"limit":{limit},"desc":{desc},"count":{count},"items":["#
    );
    // A run takes some 620 bytes, and other items less.
    let mut json = Vec::with_capacity(200 + count * 650);
    json.extend_from_slice(start.as_bytes());
    write(&mut json);
    if count > 0 {
        json.pop();
    }
    json.extend_from_slice(b"]}}");
    ApiAnswer { json, page: Some(head) }
}
