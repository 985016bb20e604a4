//! The account over HTTP, as the API documents it: who may ask, how often, in which encoding, and what an error looks like.
//! One way for all endpoints; read-only.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use secrecy::ExposeSecret;

use super::ServeOptions;
use super::account::{DEMO_NOW_MS, MadeUpAccount};
use super::encoding::Encoding;
use super::question::{Endpoint, Question};
use super::refusal::Refusal;

struct Shared {
    account: MadeUpAccount,
    options: ServeOptions,
    date: HeaderValue,
    started: Instant,
    /// When the requests of the last second came.
    recent: Mutex<VecDeque<Instant>>,
}

/// The endpoints.
pub fn router(account: MadeUpAccount, options: ServeOptions) -> Router {
    let date = chrono::DateTime::from_timestamp_millis(DEMO_NOW_MS).expect("the demo's clock is a valid instant");
    let date = HeaderValue::try_from(date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).expect("a date is ASCII");
    let shared = Arc::new(Shared {
        account,
        options,
        date,
        started: Instant::now(),
        recent: Mutex::default(),
    });
    Router::new().fallback(respond).with_state(shared)
}

/// Every request comes this way, whatever it asks for.
async fn respond(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !shared.options.latency.is_zero() {
        tokio::time::sleep(shared.options.latency).await;
    }
    let question = match shared.admit(&method, &uri, &headers) {
        Ok(question) => question,
        Err(refusal) => return shared.refuse(&refusal),
    };
    let encoding = Encoding::negotiated(text(&headers, header::ACCEPT_ENCODING).unwrap_or_default());
    let work = shared.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let settled = work.started.elapsed() >= work.options.settle_after;
        Ok(encoding.pack(work.account.answer(&question, settled)?))
    });
    match packed.await.unwrap_or(Err(Refusal::Failed)) {
        Ok(packed) => shared.answer(StatusCode::OK, encoding, packed),
        Err(refusal) => shared.refuse(&refusal),
    }
}

impl Shared {
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
        let endpoint = Endpoint::at(uri.path()).ok_or(Refusal::UnknownEndpoint)?;
        if method != Method::GET && method != Method::HEAD {
            return Err(Refusal::ReadOnly);
        }
        if self.is_over_the_limit() {
            return Err(Refusal::TooMany);
        }
        let bearer = text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let in_query = || form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
        let token = bearer.map(Cow::Borrowed).or_else(|| Some(in_query()?.1));
        match token {
            None => Err(Refusal::NoToken),
            Some(token) if !same(&token, self.options.token.expose_secret()) => Err(Refusal::WrongToken),
            Some(_) => endpoint.question(query),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Response {
        let (status, kind, message) = refusal.parts();
        let body = serde_json::json!({ "error": { "type": kind, "message": message } });
        self.answer(status, Encoding::Identity, body.to_string().into_bytes())
    }

    fn answer(&self, status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        headers.insert(header::DATE, self.date.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(name) = encoding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        if let Some(limit) = self.options.rate_limit {
            headers.insert("x-ratelimit-limit", HeaderValue::from(limit.get()));
        }
        response
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Compares two texts in a time that tells nothing about where they differ.
fn same(given: &str, expected: &str) -> bool {
    let differing = given
        .bytes()
        .zip(expected.bytes())
        .fold(0, |differing, (a, b)| differing | (a ^ b));
    differing == 0 && given.len() == expected.len()
}
