//! The head of an answer: its clock, how long to wait, how many items there are. What can't be read is unknown, never refused.

use std::time::Duration;

use hyper::Response;
use hyper::header::{HeaderName, HeaderValue};

use crate::api::answer::AnswerHead;
use crate::clock::parse_date;
use crate::period::{LAST_INSTANT, Millis, format_instant};

/// The machine's clock, where the answer has none.
const MACHINE_MS: Millis = 1_759_471_200_000;
/// The longest age that is added to a date.
const MOST_AGE_MS: Millis = 366 * 86_400_000;

/// Lines `name: value`; what is no line of a head is passed over.
pub fn headers(lines: &[u8]) {
    let mut response = Response::new(Vec::new());
    for line in lines.split(|byte| *byte == b'\n') {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            response.headers_mut().append(name, value);
        }
    }
    let text = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_string())
    };
    let [total, limit, retry_after, date] =
        ["x-apify-pagination-total", "x-ratelimit-limit", "retry-after", "date"].map(text);
    let head = AnswerHead::new(&response.into(), MACHINE_MS);
    assert_eq!(head.list_total, total.as_deref().and_then(whole));
    assert_eq!(head.rate_limit, limit.as_deref().and_then(whole));
    if let Some(seconds) = retry_after.as_deref().and_then(whole) {
        assert_eq!(head.retry_after, Some(Duration::from_secs(seconds.min(1_000_000_000))));
    } else if retry_after.is_none_or(|text| text.parse::<f64>().is_ok_and(|seconds| seconds < 0.0)) {
        assert_eq!(head.retry_after, None);
    }
    if let Some(ms) = head.date_ms {
        let date = parse_date(&date.expect("the clock is of a date")).expect("the date is one");
        assert!(
            (1..=LAST_INSTANT).contains(&date) && (0..=MOST_AGE_MS).contains(&(ms - date)),
            "{date} {ms}"
        );
        date_comes_back(date);
    }
}

/// A whole number of digits alone.
fn whole(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// A date that is written as servers write it is read as the same second.
fn date_comes_back(ms: Millis) {
    let at = chrono::DateTime::from_timestamp_millis(ms).expect("it is within the calendar");
    let written = at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    assert_eq!(
        parse_date(&written),
        Some(ms - ms % 1000),
        "{written} {}",
        format_instant(ms)
    );
}
