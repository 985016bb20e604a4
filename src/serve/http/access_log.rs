//! A request as a line of the access log: JSON, without the token, wherever in the request that may stand.

use std::time::Duration;

use hyper::StatusCode;
use hyper::http::request::Parts;
use serde_json::json;

use crate::period::{format_instant, now_ms};

const REDACTED: &str = "REDACTED";

/// `response` is its status and length in bytes; a connection that was reset has neither.
pub(super) fn line(
    head: &Parts,
    peer: &str,
    response: Option<(StatusCode, u64)>,
    took: Duration,
    secret: Option<&str>,
) -> String {
    json!({
        "at": format_instant(now_ms()),
        "peer": peer,
        "method": head.method.as_str(),
        "path": without(secret, head.uri.path()),
        "query": head.uri.query().map(|query| without(secret, &without_tokens(query))),
        "status": response.map(|(status, _)| status.as_u16()),
        "bytes": response.map(|(_, bytes)| bytes),
        "seconds": took.as_secs_f64(),
    })
    .to_string()
}

fn without(secret: Option<&str>, text: &str) -> String {
    match secret {
        Some(secret) if !secret.is_empty() => text.replace(secret, REDACTED),
        _ => text.to_owned(),
    }
}

/// A query string without the values of what may be meant for a token, however it is written.
fn without_tokens(query: &str) -> String {
    let is_edge = |c: char| matches!(c, '&' | ';' | '?');
    let part = |part: &str| {
        let edge = part.find(is_edge).unwrap_or(part.len());
        let (text, edge) = part.split_at(edge);
        let mut names = form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.to_ascii_lowercase());
        if names.any(|name| name.contains("token")) {
            format!("token={REDACTED}{edge}")
        } else {
            part.to_owned()
        }
    };
    query.split_inclusive(is_edge).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_told() {
        assert_eq!(
            without_tokens("limit=1&token=secret&to%6ben=secret&x=y"),
            "limit=1&token=REDACTED&token=REDACTED&x=y"
        );
        for odd in [
            "Token=s3cret",
            "access_token=s3cret",
            "+token=s3cret",
            "a=1;token=s3cret",
            "a=1&amp;token=s3cret",
            "x=y?token=s3cret",
        ] {
            assert!(!without_tokens(odd).contains("s3cret"), "{odd}");
        }
        assert_eq!(
            without(Some("s3cret"), "/v2/actor-runs/s3cret"),
            "/v2/actor-runs/REDACTED"
        );
    }
}
