//! The run list over HTTP, as the API documents it: parameters, envelope, errors. Read-only, and nothing else is there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use secrecy::ExposeSecret;

use super::ServeOptions;
use super::account::{DEMO_NOW_MS, MadeUpAccount};
use super::encoding::Encoding;
use super::query::RunsQuery;

struct Shared {
    account: MadeUpAccount,
    options: ServeOptions,
    date: HeaderValue,
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
        recent: Mutex::default(),
    });
    Router::new()
        .route("/v2/actor-runs", get(list_runs))
        .fallback(async |State(shared): State<Arc<Shared>>| {
            shared.error(
                StatusCode::NOT_FOUND,
                "page-not-found",
                "We have bad news: there is no API endpoint at this URL.",
            )
        })
        .method_not_allowed_fallback(async |State(shared): State<Arc<Shared>>| {
            shared.error(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This endpoint is read-only: use GET.",
            )
        })
        .with_state(shared)
}

async fn list_runs(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    if !shared.options.latency.is_zero() {
        tokio::time::sleep(shared.options.latency).await;
    }
    if shared.is_over_the_limit() {
        return shared.error(
            StatusCode::TOO_MANY_REQUESTS,
            "rate-limit-exceeded",
            "You have exceeded the rate limit.",
        );
    }
    let query = RunsQuery::parse(&query.unwrap_or_default());
    let in_query = query.as_ref().ok().and_then(|query| query.token.clone());
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_owned);
    match bearer.or(in_query) {
        None => {
            return shared.error(
                StatusCode::UNAUTHORIZED,
                "token-not-provided",
                "Authentication token was not provided.",
            );
        }
        Some(token) if !same(&token, shared.options.token.expose_secret()) => {
            return shared.error(
                StatusCode::UNAUTHORIZED,
                "user-or-token-not-found",
                "User was not found or authentication token is not valid.",
            );
        }
        Some(_) => {}
    }
    let query = match query {
        Ok(query) => query,
        Err(message) => return shared.error(StatusCode::BAD_REQUEST, "invalid-value", &message),
    };
    let accept = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let encoding = Encoding::negotiated(accept);
    let page = shared.clone();
    let packed = tokio::task::spawn_blocking(move || encoding.pack(page.account.page(&query))).await;
    match packed {
        Ok(packed) => shared.answer(StatusCode::OK, encoding, packed),
        Err(_) => shared.error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "The page could not be made.",
        ),
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

    fn error(&self, status: StatusCode, kind: &str, message: &str) -> Response {
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

/// Compares two texts in a time that tells nothing about where they differ.
fn same(given: &str, expected: &str) -> bool {
    let differing = given
        .bytes()
        .zip(expected.bytes())
        .fold(0, |differing, (a, b)| differing | (a ^ b));
    differing == 0 && given.len() == expected.len()
}
