//! The headers of a list: what the body says of its page, once more, as the API has it since September 2026 (apify-docs#2965).

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::serve::envelope::PageHead;

pub(super) fn add(page: &PageHead, headers: &mut HeaderMap) {
    let numbers = [
        ("x-apify-pagination-total", page.total),
        ("x-apify-pagination-offset", page.paging.offset),
        ("x-apify-pagination-limit", page.paging.limit),
        ("x-apify-pagination-count", page.count),
    ];
    for (name, number) in numbers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    let desc = if page.paging.desc { "true" } else { "false" };
    headers.insert("x-apify-pagination-desc", HeaderValue::from_static(desc));
}
