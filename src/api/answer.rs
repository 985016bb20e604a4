//! An answer as it arrives: what its head says, and its body as packed. Whether it is a good one is `client`'s to decide.

use std::time::Duration;

use reqwest::header::{AGE, CONTENT_ENCODING, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::body::MAX_BODY_BYTES;
use super::failure::{Failure, TransientFailure, causes};
use crate::clock::{parse_age, parse_date};
use crate::period::Millis;
use crate::retry;

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const PAGINATION_TOTAL: HeaderName = HeaderName::from_static("x-apify-pagination-total");

/// What the head of an answer says.
pub struct AnswerHead {
    pub status: StatusCode,
    /// The server's clock, if the answer has one.
    pub date_ms: Option<Millis>,
    pub machine_ms: Millis,
    pub rate_limit: Option<u64>,
    /// How many items the list has in all.
    pub list_total: Option<u64>,
    pub encoding: Option<String>,
    pub retry_after: Option<Duration>,
}

impl AnswerHead {
    pub fn new(response: &Response, machine_ms: Millis) -> AnswerHead {
        let headers = response.headers();
        let text = |name: HeaderName| headers.get(name)?.to_str().ok();
        let date_ms = date_ms(headers);
        let now_ms = date_ms.unwrap_or(machine_ms);
        AnswerHead {
            status: response.status(),
            date_ms,
            machine_ms,
            rate_limit: text(RATE_LIMIT).and_then(|limit| limit.parse().ok()),
            list_total: text(PAGINATION_TOTAL).and_then(|total| total.parse().ok()),
            encoding: text(CONTENT_ENCODING).map(str::to_owned),
            retry_after: text(RETRY_AFTER).and_then(|value| retry::retry_after(value, now_ms)),
        }
    }
}

/// Reads a body up to the bound. Of an answer other than 200 what lies beyond is left: its status says enough.
pub(super) async fn receive(response: &mut Response) -> Result<Vec<u8>, Failure> {
    let length = response.content_length().unwrap_or(0).min(MAX_BODY_BYTES as u64);
    let mut packed = Vec::with_capacity(length as usize);
    let broken = |error| TransientFailure::new(causes(&error));
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if packed.len() + chunk.len() > MAX_BODY_BYTES {
            if response.status() == StatusCode::OK {
                return Err(Failure::TooLarge);
            }
            break;
        }
        packed.extend_from_slice(&chunk);
    }
    Ok(packed)
}

/// The server's clock when an answer is received: when it was made, and how old it is since (RFC 9110, 9111). Milliseconds
/// since the epoch; none where there are two dates.
fn date_ms(headers: &HeaderMap) -> Option<Millis> {
    let mut dates = headers.get_all(DATE).iter();
    let date = dates.next().filter(|_| dates.next().is_none())?;
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()).map_or(0, parse_age);
    Some(parse_date(date.to_str().ok()?)? + age)
}
