//! Asks the API, with the one retry loop and its one sleep. What there is to ask for is `endpoints`', which of it is wanted
//! is `fetch`'s, and nothing here is ever kept.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::address::{base_url, endpoint, within_origin};
use super::answer::{AnswerHead, receive};
use super::ask::{Answer, Ask, Lane};
use super::body::{self, BodyProblem};
use super::counts::{Counters, RequestCounts};
use super::failure::{Failure, TransientFailure, causes, refusal, setup_failure};
use super::pacing::Pacer;
use crate::clock::{Clocks, MachineClock, ServerTimes};
use crate::error::{Error, Result};
use crate::retry::{self, RetryPolicy};

#[derive(Debug)]
pub struct ClientOptions {
    /// Without `/v2`.
    pub api_url: String,
    /// Sent to that address only.
    pub token: SecretString,
    /// Requests in flight at most, details apart: those are bounded by who asks for them.
    pub concurrency: usize,
    /// Requests a second at most; 0 is no limit.
    pub rate: f64,
    /// The same of details, which are paced on their own.
    pub detail_rate: f64,
    pub retries: u32,
    /// Of one attempt, body and all.
    pub timeout: Duration,
    /// Clients of this process at work at once, which share its memory.
    pub side_by_side: usize,
    pub clock: MachineClock,
}

pub struct ApiClient {
    http: reqwest::Client,
    base: Url,
    options: ClientOptions,
    in_flight: Semaphore,
    pacer: Pacer,
    detail_pacer: Pacer,
    counters: Arc<Counters>,
    server_times: Mutex<ServerTimes>,
    rate_limit: AtomicU64,
    /// Names the account in the log.
    span: tracing::Span,
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let base = self.base.as_str();
        f.debug_struct("ApiClient").field("base", &base).finish_non_exhaustive()
    }
}

impl ApiClient {
    /// Refuses addresses to which a token must not go (exit 2).
    pub fn new(options: ClientOptions) -> Result<ApiClient> {
        let base = base_url(&options.api_url)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", options.token.expose_secret()))
            .map_err(|_| Error::NotAuthorised("the API token has characters that an HTTP header cannot have".into()))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ACCEPT_ENCODING, HeaderValue::from_static(body::ACCEPT_ENCODING)),
            // A cache on the way must not answer with what was true some days ago.
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
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
        let http = http.build();
        Ok(ApiClient {
            http: http.map_err(|error| setup_failure(&error))?,
            base,
            in_flight: Semaphore::new(options.concurrency.max(1)),
            pacer: Pacer::new(options.rate),
            detail_pacer: Pacer::new(options.detail_rate),
            options,
            counters: Arc::default(),
            server_times: Mutex::default(),
            rate_limit: AtomicU64::new(0),
            span: tracing::Span::current(),
        })
    }

    /// The server's clock by its good answers so far, and this machine's.
    pub fn clocks(&self) -> Clocks {
        self.server_times().clocks(self.options.clock)
    }

    fn server_times(&self) -> ServerTimes {
        *self.server_times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests a second that the API allows, by the last answer with `X-RateLimit-Limit`.
    pub fn rate_limit(&self) -> Option<u64> {
        Some(self.rate_limit.load(Ordering::Relaxed)).filter(|limit| *limit > 0)
    }

    pub fn base_url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub fn side_by_side(&self) -> usize {
        self.options.side_by_side
    }

    /// For who wants to know the counts once the client is gone.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    pub fn counts(&self) -> RequestCounts {
        self.counters.read()
    }

    /// The least time for so many requests at the given rate, and as many details at theirs.
    pub fn least_time(&self, requests: u64, details: u64) -> Duration {
        let details = self.detail_pacer.least_time(details);
        self.pacer.least_time(requests).max(details)
    }

    pub(super) fn url(&self, path: &[&str], pairs: &[(&str, String)]) -> Url {
        let mut url = endpoint(&self.base, path);
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url
    }

    /// Sends one request until it has a readable answer, or no retry is left.
    pub(super) async fn get<T: Send + 'static>(
        &self,
        ask: Ask,
        decode: impl Fn(&[u8]) -> anyhow::Result<T> + Send + Copy + 'static,
    ) -> Result<Answer<T>> {
        let pacer = match ask.lane {
            Lane::Lists => &self.pacer,
            Lane::Details => &self.detail_pacer,
        };
        let policy = RetryPolicy {
            retries: self.options.retries.min(ask.retries),
        };
        let start = Instant::now();
        for failed in 1.. {
            pacer.turn().await;
            let permit = match ask.lane {
                Lane::Lists => self.in_flight.acquire().await.ok(),
                Lane::Details => None,
            };
            let sent = Instant::now();
            self.counters.total.fetch_add(1, Ordering::Relaxed);
            let attempt = tokio::time::timeout(self.options.timeout, self.attempt(ask.url.clone(), decode));
            let attempted = attempt.await;
            drop(permit);
            self.log(&ask.url, failed, sent.elapsed(), &attempted);
            let failure = match attempted {
                Ok(Ok((answer, _))) => {
                    pacer.speed_up();
                    return Ok(Answer::Read(answer));
                }
                Ok(Err(Failure::Final(status, _))) if ask.may_be_missing && matches!(status, 403 | 404) => {
                    return Ok(Answer::Missing(status));
                }
                Ok(Err(Failure::Final(_, error))) => return Err(error),
                Ok(Err(Failure::TooLarge)) if ask.divisible => return Ok(Answer::TooLarge),
                Ok(Err(Failure::TooLarge)) => return Err(self.too_large(&ask.url)),
                Ok(Err(Failure::Transient(failure))) if ask.narrowable && failure.too_heavy => {
                    return Ok(Answer::TooHeavy);
                }
                Ok(Err(Failure::Transient(failure))) => failure,
                Err(_) => TransientFailure::new(format!(
                    "no complete answer within {:?} (--timeout)",
                    self.options.timeout
                )),
            };
            let rate_limited = u64::from(failure.is_rate_limited());
            self.counters.rate_limited.fetch_add(rate_limited, Ordering::Relaxed);
            let Some(wait) = policy.wait(failed, start.elapsed(), failure.retry_after, retry::chance()) else {
                return Err(self.given_up(&ask.url, failed, start.elapsed(), &failure.answer));
            };
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
            let now = Instant::now();
            let until = now + wait;
            if failure.is_rate_limited() {
                pacer.slow_down(sent, now, until);
            }
            tokio::time::sleep_until(until).await;
        }
        unreachable!("a retry policy ends before the count of attempts does")
    }

    /// One attempt. Unpacking and decoding run on a thread of their own, since they take longer than sending.
    async fn attempt<T: Send + 'static>(
        &self,
        url: Url,
        decode: impl Fn(&[u8]) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<(T, u64), Failure> {
        let response = self.http.get(url).send().await;
        let mut response = response.map_err(|error| TransientFailure::new(causes(&error)))?;
        let head = AnswerHead::new(&response, self.options.clock.now_ms());
        if let Some(limit) = head.rate_limit {
            self.rate_limit.store(limit, Ordering::Relaxed);
        }
        let packed = receive(&mut response).await?;
        let bytes = packed.len() as u64;
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        let encoding = head.encoding.clone();
        if head.status != StatusCode::OK {
            let body = body::unpack(encoding.as_deref(), packed).unwrap_or_default();
            let redacted = |text: &str| self.redacted(text);
            let failure = refusal(head.status, &body, head.retry_after, response.url(), redacted);
            if matches!(&failure, Failure::Transient(failure) if failure.too_heavy) {
                // The API itself, by its documented words.
                self.note_date(&head);
            }
            return Err(failure);
        }
        let decode = move || {
            let body = body::unpack(encoding.as_deref(), packed)?;
            decode(&body).map_err(|error| BodyProblem::Unreadable(error.to_string()))
        };
        let decoded = tokio::task::spawn_blocking(decode).await;
        let decoded =
            decoded.map_err(|error| Failure::Final(200, anyhow::anyhow!("decoding a page failed: {error}").into()))?;
        let decoded = decoded.map_err(|problem| match problem {
            BodyProblem::TooLarge => Failure::TooLarge,
            BodyProblem::Unreadable(problem) => Failure::Transient(TransientFailure {
                status: Some(200),
                ..TransientFailure::new(format!("200 OK, but {problem}"))
            }),
        })?;
        self.note_date(&head);
        Ok((decoded, bytes))
    }

    /// Logs an attempt and its result, with `-vv`.
    fn log<T>(
        &self,
        url: &Url,
        attempt: u32,
        took: Duration,
        attempted: &Result<Result<(T, u64), Failure>, tokio::time::error::Elapsed>,
    ) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let (from, to) = (parameter("startedAfter"), parameter("startedBefore"));
        let (bytes, failure) = match attempted {
            Ok(Ok((_, bytes))) => (Some(*bytes), None),
            Ok(Err(failure)) => (None, Some(self.redacted(&failure.in_short()))),
            Err(_) => (None, Some("timed out".to_string())),
        };
        tracing::debug!(
            parent: &self.span,
            path = url.path(),
            from = from.as_deref(),
            to = to.as_deref(),
            offset = parameter("offset").as_deref(),
            attempt,
            ms = took.as_millis() as u64,
            bytes,
            failure,
            "GET"
        );
    }

    /// Notes the server's time. Only of the API's own answers: an error page may be a proxy's, with another clock.
    fn note_date(&self, head: &AnswerHead) {
        if let Some(date_ms) = head.date_ms {
            let mut times = self.server_times.lock().unwrap_or_else(PoisonError::into_inner);
            times.add(date_ms, head.machine_ms);
        }
    }

    fn too_large(&self, url: &Url) -> Error {
        Error::Untrusted(self.redacted(&format!("GET {url}: the answer is larger than 64 MiB, the limit")))
    }

    fn given_up(&self, url: &Url, attempts: u32, elapsed: Duration, answer: &str) -> Error {
        let times = if attempts == 1 {
            "once"
        } else {
            &format!("{attempts} times")
        };
        Error::Unreachable(self.redacted(&format!(
            "GET {url} was tried {times} in {:.1} s; the last answer: {answer}",
            elapsed.as_secs_f64()
        )))
    }

    fn redacted(&self, text: &str) -> String {
        text.replace(self.options.token.expose_secret(), "[token]")
    }
}
