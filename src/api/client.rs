//! Asks the API, with the one retry loop and its one sleep. It hands out pages; which to ask for is `fetch`'s, and
//! nothing here is ever kept.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::address::{base_url, endpoint, within_origin};
use super::body::{self, MAX_BODY_BYTES};
use super::failure::{Failure, Passing, causes, refusal};
use super::pacing::Pacer;
use super::page::{self, Page};
use super::retry::{self, RetryPolicy};
use crate::error::{Error, Result};
use crate::period::{Millis, format_instant};
use crate::statement::Account;

/// How long the question whose token it is may take in all.
const ACCOUNT_TIME_CAP: Duration = Duration::from_secs(10);

/// How the API is asked.
#[derive(Debug)]
pub struct ClientOptions {
    /// The API's address, without `/v2`.
    pub api_url: String,
    /// The token; goes to that address only.
    pub token: SecretString,
    /// Requests a second at most; 0 is no limit.
    pub rate: f64,
    /// Attempts after the first.
    pub retries: u32,
    /// How long an attempt may take, body and all.
    pub timeout: Duration,
}

/// A query of the account's run list; bounds are inclusive, in milliseconds.
#[derive(Debug, Clone)]
pub struct ListQuery<'a> {
    /// `startedAfter`.
    pub after: Millis,
    /// `startedBefore`.
    pub before: Millis,
    /// `offset`.
    pub offset: u64,
    /// `desc`.
    pub desc: bool,
    /// `status`: any of these; all if empty.
    pub statuses: &'a [String],
    /// Whether the caller can ask for less instead, should the server find the query too heavy.
    pub narrowable: bool,
}

/// Why a request came to nothing.
#[derive(Debug)]
pub enum RequestError {
    /// The query was too heavy for the server (503 `query-timeout`), and could be narrower.
    TooHeavy,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for RequestError {
    fn from(error: Error) -> RequestError {
        RequestError::Failed(error)
    }
}

enum Answer<T> {
    Read(T),
    TooHeavy,
}

/// What was sent and received, for the manifest.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct RequestCounts {
    /// Attempts sent.
    pub total: u64,
    /// Of them, those that repeated an earlier one.
    pub retries: u64,
    /// Answers of 429.
    pub rate_limited: u64,
    /// Bytes of bodies as they came, packed or not.
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Counters {
    total: AtomicU64,
    retries: AtomicU64,
    rate_limited: AtomicU64,
    bytes: AtomicU64,
}

/// The API, with a token.
pub struct ApiClient {
    http: reqwest::Client,
    runs_url: Url,
    user_url: Url,
    token: SecretString,
    pacer: Pacer,
    retries: RetryPolicy,
    timeout: Duration,
    counters: Counters,
    first_date_ms: OnceLock<Millis>,
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("runs_url", &self.runs_url.as_str())
            .finish_non_exhaustive()
    }
}

impl ApiClient {
    /// A client; refuses addresses to which a token must not go (exit 2).
    pub fn new(options: ClientOptions) -> Result<ApiClient> {
        let base = base_url(&options.api_url)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", options.token.expose_secret()))
            .map_err(|_| Error::NotAuthorised("the API token can't stand in a header".into()))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ACCEPT_ENCODING, HeaderValue::from_static(body::ACCEPT_ENCODING)),
        ]);
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("apify-runs/", env!("CARGO_PKG_VERSION")))
            .redirect(within_origin())
            .referer(false)
            .connect_timeout(options.timeout)
            .tcp_nodelay(true);
        if base.scheme() == "http" {
            // This machine alone. A proxy would read the token; and certificates, which some containers lack, aren't needed.
            http = http.no_proxy().tls_certs_only([]);
        }
        Ok(ApiClient {
            http: http
                .build()
                .map_err(|error| anyhow::anyhow!("cannot set up HTTPS: {}", causes(&error)))?,
            runs_url: endpoint(&base, &["v2", "actor-runs"]),
            user_url: endpoint(&base, &["v2", "users", "me"]),
            token: options.token,
            pacer: Pacer::new(options.rate),
            retries: RetryPolicy {
                retries: options.retries,
            },
            timeout: options.timeout,
            counters: Counters::default(),
            first_date_ms: OnceLock::new(),
        })
    }

    /// The server's clock in its first good answer that told it: milliseconds since the epoch.
    pub fn server_time_ms(&self) -> Option<Millis> {
        self.first_date_ms.get().copied()
    }

    /// What was sent and received up to now.
    pub fn counts(&self) -> RequestCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        RequestCounts {
            total: read(&counters.total),
            retries: read(&counters.retries),
            rate_limited: read(&counters.rate_limited),
            bytes: read(&counters.bytes),
        }
    }

    /// The least time that so many requests take at the given rate.
    pub fn least_time(&self, requests: u64) -> Duration {
        self.pacer.least_time(requests)
    }

    /// A full page of the account's runs.
    pub async fn list_runs(&self, query: &ListQuery<'_>) -> Result<Page, RequestError> {
        let mut url = self.runs_url.clone();
        {
            let mut pairs = url.query_pairs_mut();
            pairs
                .append_pair("limit", &page::MAX_PAGE_ITEMS.to_string())
                .append_pair("desc", if query.desc { "true" } else { "false" })
                .append_pair("startedAfter", &format_instant(query.after))
                .append_pair("startedBefore", &format_instant(query.before));
            if query.offset > 0 {
                pairs.append_pair("offset", &query.offset.to_string());
            }
            if !query.statuses.is_empty() {
                pairs.append_pair("status", &query.statuses.join(","));
            }
        }
        match self.get(url, self.retries, query.narrowable, page::decode).await? {
            Answer::Read(page) => Ok(page),
            Answer::TooHeavy => Err(RequestError::TooHeavy),
        }
    }

    /// Whose token it is, where the API says so within a few seconds; never a failure, since nothing depends on it. The
    /// answer holds a live proxy password too: it is dropped unread.
    pub async fn account(&self) -> Option<Account> {
        #[derive(Deserialize)]
        struct Envelope {
            data: Account,
        }
        let decode = |body: &[u8]| serde_json::from_slice::<Envelope>(body).map_err(|_| "not a user".to_string());
        let request = self.get(
            self.user_url.clone(),
            RetryPolicy {
                retries: self.retries.retries.min(2),
            },
            false,
            decode,
        );
        match tokio::time::timeout(ACCOUNT_TIME_CAP, request).await {
            Ok(Ok(Answer::Read(envelope))) => Some(envelope.data),
            _ => None,
        }
    }

    /// One request until it has an answer that can be read, or there is no hope of one.
    async fn get<T: Send + 'static>(
        &self,
        url: Url,
        policy: RetryPolicy,
        narrowable: bool,
        decode: impl Fn(&[u8]) -> Result<T, String> + Send + Copy + 'static,
    ) -> Result<Answer<T>> {
        let start = Instant::now();
        for failed in 1.. {
            self.pacer.turn().await;
            let sent = Instant::now();
            self.counters.total.fetch_add(1, Ordering::Relaxed);
            let attempt = tokio::time::timeout(self.timeout, self.attempt(url.clone(), decode));
            let passing = match attempt.await {
                Ok(Ok(answer)) => {
                    self.pacer.speed_up();
                    return Ok(Answer::Read(answer));
                }
                Ok(Err(Failure::Final(error))) => return Err(error),
                Ok(Err(Failure::Passing(passing))) if narrowable && passing.too_heavy => return Ok(Answer::TooHeavy),
                Ok(Err(Failure::Passing(passing))) => passing,
                Err(_) => Passing::new(format!("no whole answer within {:?} (--timeout)", self.timeout)),
            };
            self.counters
                .rate_limited
                .fetch_add(u64::from(passing.rate_limited), Ordering::Relaxed);
            let Some(wait) = policy.wait(failed, start.elapsed(), passing.retry_after, chance()) else {
                return Err(self.given_up(&url, failed, start.elapsed(), &passing.answer));
            };
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
            let now = Instant::now();
            let until = now + wait;
            if passing.rate_limited {
                self.pacer.slow_down(sent, now, until);
            }
            tokio::time::sleep_until(until).await;
        }
        unreachable!("a retry policy ends before the count of attempts does")
    }

    /// One attempt. Unpacking and decoding go to a thread of their own, since they take longer than asking.
    async fn attempt<T: Send + 'static>(
        &self,
        url: Url,
        decode: impl Fn(&[u8]) -> Result<T, String> + Send + 'static,
    ) -> Result<T, Failure> {
        let mut response = self
            .http
            .get(url)
            .send()
            .await
            .map_err(|error| Passing::new(causes(&error)))?;
        let status = response.status();
        let date_ms = date_ms(response.headers());
        let now_ms = date_ms.unwrap_or_else(|| chrono::Utc::now().timestamp_millis());
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let encoding = header(CONTENT_ENCODING).map(str::to_owned);
        let retry_after = header(RETRY_AFTER).and_then(|value| retry::retry_after(value, now_ms));
        let length = response.content_length().unwrap_or(0).min(MAX_BODY_BYTES as u64);
        let mut packed = Vec::with_capacity(length as usize);
        while let Some(chunk) = response.chunk().await.map_err(|error| Passing::new(causes(&error)))? {
            if packed.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(Passing::new("a body of more than 64 MiB".into()).into());
            }
            packed.extend_from_slice(&chunk);
        }
        self.counters.bytes.fetch_add(packed.len() as u64, Ordering::Relaxed);
        if status != StatusCode::OK {
            let body = body::unpack(encoding.as_deref(), packed).unwrap_or_default();
            let redacted = |text: &str| self.redacted(text);
            let failure = refusal(status, &body, retry_after, response.url(), redacted);
            if matches!(&failure, Failure::Passing(passing) if passing.too_heavy) {
                // The API itself, by its documented words.
                self.note_date(date_ms);
            }
            return Err(failure);
        }
        let decoded = tokio::task::spawn_blocking(move || decode(&body::unpack(encoding.as_deref(), packed)?)).await;
        let decoded =
            decoded.map_err(|error| Failure::Final(anyhow::anyhow!("decoding a page failed: {error}").into()))?;
        let decoded = decoded.map_err(|problem| Passing::new(format!("200 OK, but {problem}")))?;
        self.note_date(date_ms);
        Ok(decoded)
    }

    /// Keeps the first `Date` of an answer that is the API's: an error page may be somebody else's, with another clock.
    fn note_date(&self, date_ms: Option<Millis>) {
        if let Some(date_ms) = date_ms {
            self.first_date_ms.get_or_init(|| date_ms);
        }
    }

    fn given_up(&self, url: &Url, attempts: u32, elapsed: Duration, answer: &str) -> Error {
        let times = if attempts == 1 {
            "once".into()
        } else {
            format!("{attempts} times")
        };
        Error::Unreachable(self.redacted(&format!(
            "GET {url} was tried {times} in {:.1} s; the last answer: {answer}",
            elapsed.as_secs_f64()
        )))
    }

    /// A text without the token, whoever put it there.
    fn redacted(&self, text: &str) -> String {
        text.replace(self.token.expose_secret(), "[token]")
    }
}

/// What the server's `Date` says: milliseconds since the epoch.
fn date_ms(headers: &HeaderMap) -> Option<Millis> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(date).ok()?.timestamp_millis())
}

/// A random number in [0, 1), from the randomness that the hash maps are seeded with.
fn chance() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_a_share() {
        assert!((0..100).map(|_| chance()).all(|share| (0.0..1.0).contains(&share)));
    }
}
