//! How an attempt fails, and whether another may mend it. What is done about it is the retry loop's.

use std::fmt;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use serde::Deserialize;

use crate::error::Error;
use crate::retry;

pub(super) enum Failure {
    Transient(TransientFailure),
    /// The answer is larger than any that is read: asked again, it would be as large.
    TooLarge,
    /// Not to be retried; with the answer's status.
    Final(u16, Error),
}

#[derive(Default)]
pub(super) struct TransientFailure {
    pub(super) answer: String,
    /// None where there was no answer.
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<Duration>,
    /// 503 `query-timeout`: a narrower query may pass.
    pub(super) too_heavy: bool,
}

impl TransientFailure {
    pub(super) fn new(answer: String) -> TransientFailure {
        TransientFailure {
            answer,
            ..TransientFailure::default()
        }
    }

    pub(super) fn is_rate_limited(&self) -> bool {
        self.status == Some(429)
    }
}

impl Failure {
    /// For a log: without the body's text, which may hold anything.
    pub(super) fn in_short(&self) -> String {
        match self {
            Failure::Final(status, _) => status.to_string(),
            Failure::Transient(failure) => match failure.status {
                Some(status) => status.to_string(),
                None => failure.answer.clone(),
            },
            Failure::TooLarge => "more than 64 MiB".into(),
        }
    }
}

impl From<TransientFailure> for Failure {
    fn from(failure: TransientFailure) -> Failure {
        Failure::Transient(failure)
    }
}

/// What an answer other than 200 means; `redacted` takes the token out of a text.
pub(super) fn refusal(
    status: StatusCode,
    body: &[u8],
    retry_after: Option<Duration>,
    url: &Url,
    redacted: impl Fn(&str) -> String,
) -> Failure {
    let said = ApiError::new(body, &redacted);
    let answer = format!("{status}{said}");
    let failed = |error| Failure::Final(status.as_u16(), error);
    match status.as_u16() {
        code if retry::is_transient(code) => {
            let too_heavy = code == 503 && said.kind.as_deref() == Some("query-timeout");
            TransientFailure {
                answer,
                status: Some(code),
                retry_after,
                too_heavy,
            }
            .into()
        }
        401 | 403 => failed(Error::NotAuthorised(format!("the API refused the token: {answer}"))),
        300..=399 => failed(Error::Other(anyhow::anyhow!(
            "{} answered {status}, a redirect, which is not followed: the token goes only to the API's own host, and \
                     not around in circles; give the API's final address with --api-url",
            url.origin().ascii_serialization()
        ))),
        _ => failed(Error::Other(anyhow::anyhow!(
            "the API refused GET {}: {answer}",
            redacted(url.as_str())
        ))),
    }
}

/// The API's documented error body, or the beginning of whatever came instead.
struct ApiError {
    kind: Option<String>,
    message: String,
}

impl ApiError {
    /// Reads a body; texts are redacted whole, so that cutting them short later leaves no part of a secret.
    fn new(body: &[u8], redacted: impl Fn(&str) -> String) -> ApiError {
        #[derive(Deserialize)]
        struct ErrorEnvelope {
            error: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            #[serde(rename = "type")]
            kind: Option<String>,
            message: Option<String>,
        }
        match serde_json::from_slice::<ErrorEnvelope>(body) {
            Ok(ErrorEnvelope { error }) => ApiError {
                kind: error.kind.as_deref().map(&redacted),
                message: redacted(&error.message.unwrap_or_default()),
            },
            Err(_) => ApiError {
                kind: None,
                message: redacted(&String::from_utf8_lossy(body)),
            },
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let plain = |text: &str| -> String {
            let words = text.split_whitespace().take(100).collect::<Vec<_>>().join(" ");
            words.chars().filter(|c| !c.is_control()).take(200).collect()
        };
        if let Some(kind) = &self.kind {
            write!(f, " {}", plain(kind))?;
        }
        let message = plain(&self.message);
        if message.is_empty() {
            Ok(())
        } else {
            write!(f, ": {message}")
        }
    }
}

/// An error with its causes, without the URL, which the caller names.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut text = if error.is_connect() {
        "cannot connect".to_string()
    } else {
        "the connection failed".to_string()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Why no client for HTTPS could be made: on a machine without certificates, which an empty container is, say what it needs.
pub(super) fn setup_failure(error: &reqwest::Error) -> Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Error::Other(anyhow::anyhow!(
        "cannot set up HTTPS: {cause}; install the system's certificates (package ca-certificates), \
         or set SSL_CERT_FILE to a PEM file of certificates"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_is_told_in_one_line_whatever_it_is() {
        let said = |body: &[u8]| ApiError::new(body, str::to_string).to_string();
        assert_eq!(
            said(br#"{"error":{"type":"invalid-value","message":"no\nsuch"}}"#),
            " invalid-value: no such"
        );
        assert_eq!(said(b"<html>\n<b>Bad</b>\x1b[31m"), ": <html> <b>Bad</b>[31m");
        assert_eq!(said(b""), "");
    }
}
