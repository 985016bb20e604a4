//! An account over HTTP, as the API documents it: who may ask, how often, in which encoding, and what an error looks like.
//! One way for all endpoints; read-only.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Uri};
use secrecy::ExposeSecret;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::{Answer, Ending};
use super::encoding::Encoding;
use super::faults::Fault;
use super::made_up::DEMO_NOW_MS;
use super::question::{Endpoint, Question};
use super::refusal::Refusal;
use super::{ServeOptions, Served};
use crate::period::format_instant;

/// Answers that are made or sent at once; others wait for one of them.
const ANSWERS: usize = 64;

/// The connection is to be dropped instead of answered.
#[derive(Debug)]
pub(super) struct Dropped;

/// The endpoints.
#[derive(Debug)]
pub(super) struct Routes {
    served: Served,
    options: ServeOptions,
    /// The clock of an account that has its own.
    date: Option<HeaderValue>,
    /// When the requests of the last second came.
    recent: Mutex<VecDeque<Instant>>,
    answers: Arc<Semaphore>,
    /// Answers that are being made: as many as there are cores.
    makers: Arc<Semaphore>,
    /// How many requests there were.
    requests: AtomicU64,
}

/// A body that isn't on its way yet.
struct Packed {
    status: StatusCode,
    encoding: Encoding,
    content: Vec<u8>,
    content_type: &'static str,
    permit: Option<OwnedSemaphorePermit>,
}

const JSON: &str = "application/json; charset=utf-8";

impl Routes {
    pub(super) fn new(served: Served, options: ServeOptions) -> Routes {
        let fixed_ms = match served {
            Served::MadeUp { .. } => Some(DEMO_NOW_MS),
            _ => options.clock.fixed_ms(),
        };
        let date = fixed_ms.map(|fixed_ms| {
            let date = chrono::DateTime::from_timestamp_millis(fixed_ms).expect("the clock is a valid instant");
            HeaderValue::try_from(date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).expect("a date is ASCII")
        });
        Routes {
            served,
            options,
            date,
            recent: Mutex::default(),
            answers: Arc::new(Semaphore::new(ANSWERS)),
            makers: Arc::new(Semaphore::new(
                std::thread::available_parallelism().map_or(1, usize::from),
            )),
            requests: AtomicU64::new(0),
        }
    }

    /// Whether something goes wrong on purpose.
    pub(super) fn has_faults(&self) -> bool {
        self.options.faults.is_some()
    }

    /// Every request comes this way, whatever it asks for.
    pub(super) async fn respond(self: &Arc<Self>, head: Parts, peer: &str) -> Result<Response<Answer>, Dropped> {
        let came = Instant::now();
        let response = self.faulty(&head).await;
        if let Some(log) = &self.options.access_log {
            let told = response
                .as_ref()
                .map(|response| (response.status(), response.body().promised()));
            let secret = self.options.token.as_ref().map(ExposeSecret::expose_secret);
            // Nobody waits for a log that isn't read: its lines are lost.
            let _ = log.try_send(log_line(&head, peer, told.ok(), came.elapsed(), secret));
        }
        response
    }

    /// The answer, or what a fault makes of it.
    async fn faulty(self: &Arc<Self>, head: &Parts) -> Result<Response<Answer>, Dropped> {
        if head.uri.path() == "/healthz" && (head.method == Method::GET || head.method == Method::HEAD) {
            return Ok(self.response(
                Packed::json(StatusCode::OK, br#"{"status":"ok"}"#.to_vec()),
                Ending::Whole,
            ));
        }
        if !self.options.latency.is_zero() {
            tokio::time::sleep(self.options.latency).await;
        }
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let fault = self.options.faults.as_ref().and_then(|faults| faults.draw(request));
        let ending = match fault {
            Some(Fault::Reset) => return Err(Dropped),
            Some(Fault::Status(status)) => return Ok(self.response(faulty_status(status), Ending::Whole)),
            Some(Fault::Cut) => Ending::CutOff,
            Some(Fault::Stall) => Ending::Stalled,
            None => Ending::Whole,
        };
        let packed = match self.admit(&head.method, &head.uri, &head.headers) {
            Ok(question) => self.pack(question, &head.headers).await,
            Err(refusal) => Packed::refused(&refusal),
        };
        Ok(self.response(packed, ending))
    }

    async fn pack(self: &Arc<Self>, question: Question, headers: &HeaderMap) -> Packed {
        let permit = self.answers.clone().acquire_owned().await.ok();
        let maker = self.makers.clone().acquire_owned().await.ok();
        let encoding = Encoding::negotiated(text(headers, header::ACCEPT_ENCODING).unwrap_or_default());
        let routes = self.clone();
        let packed = tokio::task::spawn_blocking(move || {
            // Work goes on when a client has gone, and counts as long as it does.
            let _maker = maker;
            Ok((encoding.pack(routes.served.answer(&question)?), permit))
        });
        match packed.await.unwrap_or(Err(Refusal::Failed)) {
            Ok((content, permit)) => Packed {
                encoding,
                permit,
                ..Packed::json(StatusCode::OK, content)
            },
            Err(refusal) => Packed::refused(&refusal),
        }
    }

    /// Counts this request; true if the limit's worth of them came in the second before it.
    fn is_over_the_limit(&self) -> bool {
        let Some(limit) = self.options.rate_limit else {
            return false;
        };
        let now = Instant::now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|at| now - *at >= Duration::from_secs(1)) {
            recent.pop_front();
        }
        if recent.len() >= limit.get() as usize {
            return true;
        }
        recent.push_back(now);
        false
    }

    /// What is asked, if it may be: neither too often, nor of nothing, nor by anybody.
    fn admit(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Question, Refusal> {
        let query = uri.query().unwrap_or_default();
        let is_read = method == Method::GET || method == Method::HEAD;
        if !is_read && uri.path() == "/healthz" {
            return Err(Refusal::ReadOnly);
        }
        let endpoint = Endpoint::at(uri.path()).ok_or(Refusal::UnknownEndpoint)?;
        if !is_read {
            return Err(Refusal::ReadOnly);
        }
        if self.is_over_the_limit() {
            return Err(Refusal::TooMany);
        }
        let Some(expected) = &self.options.token else {
            return endpoint.question(query);
        };
        let bearer = text(headers, header::AUTHORIZATION).and_then(bearer);
        let in_query = || {
            form_urlencoded::parse(query.as_bytes())
                .filter(|(name, _)| name == "token")
                .last()
        };
        let token = bearer.map(Cow::Borrowed).or_else(|| Some(in_query()?.1));
        let token = token.ok_or(Refusal::NoToken)?;
        // In a time that tells nothing about where they differ.
        if bool::from(token.as_bytes().ct_eq(expected.expose_secret().as_bytes())) {
            endpoint.question(query)
        } else {
            Err(Refusal::WrongToken)
        }
    }

    fn response(&self, packed: Packed, ending: Ending) -> Response<Answer> {
        let mut response = Response::new(Answer::new(packed.content, packed.permit, ending));
        *response.status_mut() = packed.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(packed.content_type));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(date) = &self.date {
            headers.insert(header::DATE, date.clone());
        }
        if let Some(name) = packed.encoding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        if packed.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if packed.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if let Some(limit) = self.options.rate_limit {
            headers.insert("x-ratelimit-limit", HeaderValue::from(limit.get()));
        }
        response
    }
}

impl Packed {
    fn json(status: StatusCode, content: Vec<u8>) -> Packed {
        Packed {
            status,
            encoding: Encoding::Identity,
            content,
            content_type: JSON,
            permit: None,
        }
    }

    fn refused(refusal: &Refusal) -> Packed {
        let (status, kind, message) = refusal.parts();
        Packed::error(status, kind, &message)
    }

    fn error(status: StatusCode, kind: &str, message: &str) -> Packed {
        let body = json!({ "error": { "type": kind, "message": message } });
        Packed::json(status, body.to_string().into_bytes())
    }
}

/// An answer that is wrong on purpose: an error of the API's, or a proxy's page for those that come from one.
fn faulty_status(status: StatusCode) -> Packed {
    let kind = match status.as_u16() {
        429 => "rate-limit-exceeded",
        401 => "user-or-token-not-found",
        403 => "insufficient-permissions",
        404 => "record-not-found",
        408 => "run-timeout-exceeded",
        400..500 => "invalid-request",
        502 | 504 => {
            let page = format!("<html><body><h1>{status}</h1></body></html>");
            return Packed {
                content_type: "text/html",
                ..Packed::json(status, page.into_bytes())
            };
        }
        503 => "query-timeout",
        _ => "internal-server-error",
    };
    Packed::error(status, kind, "This answer is wrong on purpose (--faults).")
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// What is told of a request, without its token. What was dropped has neither status nor bytes.
fn log_line(head: &Parts, peer: &str, told: Option<(StatusCode, u64)>, took: Duration, secret: Option<&str>) -> String {
    let line = json!({
        "at": format_instant(crate::period::now_ms()),
        "peer": peer,
        "method": head.method.as_str(),
        "path": without(secret, head.uri.path()),
        "query": head.uri.query().map(|query| without(secret, &without_tokens(query))),
        "status": told.map(|(status, _)| status.as_u16()),
        "bytes": told.map(|(_, bytes)| bytes),
        "seconds": took.as_secs_f64(),
    });
    line.to_string()
}

/// What an `Authorization` header says after its scheme.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once([' ', '\t'])?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A text that doesn't have the token, wherever that may have got to.
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

const REDACTED: &str = "REDACTED";

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

    #[test]
    fn schemes_are_read_in_any_case() {
        assert_eq!(bearer("Bearer t"), Some("t"));
        assert_eq!(bearer("bearer \t t "), Some("t"));
        assert_eq!([bearer("Basic t"), bearer("Bearer"), bearer("")], [None; 3]);
    }
}
