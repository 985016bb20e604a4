//! How an attempt fails, and whether another may mend it. What is done about it is the retry loop's.

use std::fmt;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::obstacle::Obstacle;
use super::token::ApiToken;
use crate::error::Error;
use crate::retry;

pub(super) enum Failure {
    Transient(TransientFailure),
    /// No answer, and perhaps the wrong protocol or a proxy that refuses: a probe tells.
    Unclear(TransientFailure, Obstacle),
    /// Only the network's or the server's owner mends it.
    Lasting(LastingFailure),
    /// The answer is larger than any that is read: asked again, it would be as large.
    TooLarge,
    /// Not to be retried; with the answer's status.
    Final(u16, Error),
}

pub(super) struct LastingFailure {
    /// What is wrong, and what mends it.
    pub(super) cause: String,
    /// None where there was no answer.
    pub(super) status: Option<u16>,
    /// The answer came, and isn't the API's (exit 5); else the API can't be reached (exit 4).
    pub(super) is_of_wrong_shape: bool,
    /// How often it is asked in all.
    pub(super) attempts: u32,
}

impl LastingFailure {
    /// One of the network: another attempt is made in case that it only just comes up.
    pub(super) fn of_network(cause: String) -> LastingFailure {
        LastingFailure {
            cause,
            status: None,
            is_of_wrong_shape: false,
            attempts: retry::LASTING_ATTEMPTS,
        }
    }

    /// One of an answer with 200.
    pub(super) fn of_shape(problem: String, attempts: u32) -> LastingFailure {
        LastingFailure {
            cause: format!("200 OK, but {problem}"),
            status: Some(200),
            is_of_wrong_shape: true,
            attempts,
        }
    }

    pub(super) fn error(self, asked: &str) -> Error {
        let text = format!("{asked} failed: {}", self.cause);
        if self.is_of_wrong_shape {
            Error::Untrusted(text)
        } else {
            Error::OutOfReach(text)
        }
    }
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

    /// One that came with 200.
    pub(super) fn of_bad_body(problem: String) -> TransientFailure {
        TransientFailure {
            status: Some(200),
            ..TransientFailure::new(format!("200 OK, but {problem}"))
        }
    }

    /// The status, or what kept an answer from coming.
    pub(super) fn in_short(&self) -> String {
        self.status
            .map_or_else(|| self.answer.clone(), |status| status.to_string())
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
            Failure::Transient(failure) | Failure::Unclear(failure, _) => failure.in_short(),
            Failure::Lasting(failure) => match failure.status {
                Some(status) => status.to_string(),
                None => failure.cause.clone(),
            },
            Failure::TooLarge => "more than 64 MiB".into(),
        }
    }
}

impl From<LastingFailure> for Failure {
    fn from(failure: LastingFailure) -> Failure {
        Failure::Lasting(failure)
    }
}

impl From<TransientFailure> for Failure {
    fn from(failure: TransientFailure) -> Failure {
        Failure::Transient(failure)
    }
}

/// Which permission a token lacks that the API refuses with 403, by what was asked for.
fn permission(url: &Url) -> &'static str {
    let path = url.path();
    match path.split_once("/v2/").map_or(path, |(_, path)| path) {
        "users/me" => "to read the account",
        path if path.starts_with("users/me/usage") => "to read the account's monthly usage",
        path if path.starts_with("users/me") => "to read the account's limits",
        path if path.starts_with("actors") => "to read Actors",
        path if path.starts_with("actor-tasks") => "to read Actor tasks",
        path if path.starts_with("actor-runs/") => "to read the runs of all Actors",
        _ => "to list the runs of all Actors",
    }
}

/// What the API's refusal of a token means, and what its owner can do.
fn not_authorised(status: StatusCode, url: &Url, token: &ApiToken, answer: &str) -> Error {
    let source = token.source();
    Error::NotAuthorised(if status == StatusCode::UNAUTHORIZED {
        format!(
            "the API refused the token of {source}: {answer}; it may have expired or been revoked: create one in Apify Console \
             (Settings > API & Integrations)"
        )
    } else {
        format!(
            "the API refused the token of {source}: {answer}; it lacks the permission {}: add it in Apify Console (Settings > API & \
             Integrations), or use a token without limited permissions",
            permission(url)
        )
    })
}

/// What an answer other than 200 means; no text of it holds the token.
pub(super) fn refusal(
    status: StatusCode,
    body: &[u8],
    retry_after: Option<Duration>,
    url: &Url,
    token: &ApiToken,
) -> Failure {
    let redacted = |text: &str| token.redacted(text);
    let mut said = ApiError::new(body, redacted);
    if url.path().ends_with("/users/me") {
        // Its answers hold a live proxy password: nothing of them is shown.
        said = said.unsaid();
    }
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
        401 | 403 => failed(not_authorised(status, url, token, &answer)),
        code @ 200..=299 => LastingFailure {
            cause: format!("{status}, expected 200 OK with JSON: the server that answers is not the API; correct --api-url"),
            status: Some(code),
            is_of_wrong_shape: true,
            attempts: retry::LASTING_ATTEMPTS,
        }
        .into(),
        code @ 300..=399 => LastingFailure {
            status: Some(code),
            ..LastingFailure::of_network(format!(
                "{} answered {status}, a redirect, which is not followed, because the token goes only to the API's own host; if a \
                 login page of the network redirects, log in there; else give the API's final address with --api-url",
                url.origin().ascii_serialization()
            ))
        }
        .into(),
        code if !said.is_documented => LastingFailure {
            status: Some(code),
            ..LastingFailure::of_network(format!("{answer}; this is not an answer of the Apify API: correct --api-url"))
        }
        .into(),
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
    /// Whether the body is what the API's documentation says of errors.
    is_documented: bool,
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
                is_documented: true,
            },
            Err(_) => ApiError {
                kind: None,
                message: redacted(&String::from_utf8_lossy(body)),
                is_documented: false,
            },
        }
    }
}

impl ApiError {
    /// The same without its words.
    fn unsaid(self) -> ApiError {
        ApiError {
            kind: None,
            message: String::new(),
            ..self
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
