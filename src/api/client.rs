//! Asks the API, with the one retry loop and its one sleep. What there is to ask for is `endpoints`', which of it is wanted
//! is `fetch`'s, and nothing here is ever kept.

mod attempt;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::address::{base_url, endpoint, is_loopback, within_origin};
use super::answer::AnswerHead;
use super::ask::{Answer, Ask, Lane};
use super::attempts::Attempts;
use super::body;
use super::counts::{Counters, RequestCounts};
use super::failure::{Failure, LastingFailure, TransientFailure, setup_failure};
use super::pacing::Pacer;
use super::round_trip::RoundTrip;
use super::route::Route;
#[cfg(test)]
use super::surroundings::SimulatedNetwork;
use super::surroundings::Surroundings;
use super::token::ApiToken;
use crate::clock::{Clocks, MachineClock, ServerTimes};
use crate::error::{Error, Result};
use crate::retry::{self, RetryPolicy};

/// The most time for a connection, its encryption and its proxy's tunnel: those take moments, and a port that speaks another
/// protocol may never answer.
const CONNECT_TIME: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct ClientOptions {
    /// Without `/v2`.
    pub api_url: String,
    /// Sent to that address only.
    pub token: ApiToken,
    /// Requests in flight at most, details apart: those are bounded by who asks for them.
    pub concurrency: usize,
    /// Requests a second at most; 0 is no limit.
    pub rate: f64,
    /// The same of details, which are paced on their own.
    pub detail_rate: f64,
    pub retries: u32,
    /// Of one attempt, body and all.
    pub timeout: Duration,
    /// Of one request, with all its attempts and waits.
    pub request_time: Duration,
    /// Whether a request that has to wait is told only after minutes.
    pub quiet: bool,
    /// Clients of this process at work at once, which share its memory.
    pub side_by_side: usize,
    pub clock: MachineClock,
}

pub struct ApiClient {
    surroundings: Surroundings,
    base: Url,
    route: Route,
    options: ClientOptions,
    in_flight: Semaphore,
    pacer: Pacer,
    detail_pacer: Pacer,
    counters: Arc<Counters>,
    attempts: Arc<Attempts>,
    server_times: Mutex<ServerTimes>,
    round_trip: RoundTrip,
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
    /// Refuses addresses to which a token must not go (exit 2), tokens that go to no other machine (exit 3), and proxies that can't
    /// be used (exit 4).
    pub fn new(options: ClientOptions) -> Result<ApiClient> {
        let base = base_url(&options.api_url)?;
        if !is_loopback(&base) {
            options.token.check_length()?;
        }
        let route = Route::new(&base)?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", options.token.secret()))
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
            .connect_timeout(options.timeout.min(CONNECT_TIME))
            .tcp_nodelay(true);
        if base.scheme() == "http" {
            // This machine alone. A proxy would read the token; and certificates, which some containers lack, aren't needed.
            http = http.no_proxy().tls_certs_only([]);
        }
        let http = http.build().map_err(|error| setup_failure(&error))?;
        Ok(ApiClient::within(Surroundings::Real(http), options, base, route))
    }

    /// One whose requests a simulation answers.
    #[cfg(test)]
    pub fn simulated(options: ClientOptions, network: SimulatedNetwork) -> Result<ApiClient> {
        let base = base_url(&options.api_url)?;
        let route = Route::new(&base)?;
        Ok(ApiClient::within(
            Surroundings::Simulated(network),
            options,
            base,
            route,
        ))
    }

    fn within(surroundings: Surroundings, options: ClientOptions, base: Url, route: Route) -> ApiClient {
        ApiClient {
            surroundings,
            base,
            route,
            in_flight: Semaphore::new(options.concurrency.max(1)),
            pacer: Pacer::new(options.rate),
            detail_pacer: Pacer::new(options.detail_rate),
            options,
            counters: Arc::default(),
            attempts: Arc::default(),
            server_times: Mutex::default(),
            round_trip: RoundTrip::default(),
            rate_limit: AtomicU64::new(0),
            span: tracing::Span::current(),
        }
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

    /// How many pages can be under way at once and gain time by it.
    pub fn useful_in_flight(&self) -> usize {
        self.round_trip.useful_in_flight()
    }

    pub fn side_by_side(&self) -> usize {
        self.options.side_by_side
    }

    /// For who wants to know the counts once the client is gone.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// For who wants to know why the client has no answer.
    pub fn attempts(&self) -> Arc<Attempts> {
        self.attempts.clone()
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
            time: self.options.request_time,
        };
        let start = Instant::now();
        let request = self.attempts.begin(ask.url.path(), self.options.quiet);
        let mut lasting = 0;
        for failed in 1.. {
            let sending = self.send(&ask, pacer, failed, decode);
            let (sent, attempted) = request.aloud(&self.span, sending).await;
            let failure = match attempted {
                Ok(attempted) => {
                    pacer.speed_up();
                    request.answered();
                    return Ok(Answer::Read(attempted.read, attempted.list_total));
                }
                Err(Failure::Final(status, _)) if ask.may_be_missing && matches!(status, 403 | 404) => {
                    return Ok(Answer::Missing(status));
                }
                Err(Failure::Lasting(LastingFailure { status: Some(404), .. })) if ask.may_be_missing => {
                    return Ok(Answer::Missing(404));
                }
                Err(Failure::Final(_, error)) => return Err(error),
                Err(Failure::TooLarge) if ask.divisible => return Ok(Answer::TooLarge),
                Err(Failure::TooLarge) => return Err(self.too_large(&ask.url)),
                Err(Failure::Lasting(failure)) => {
                    lasting += 1;
                    if lasting >= failure.attempts || failed > policy.retries {
                        let asked = self.redacted(&format!("GET {}", ask.url));
                        return Err(failure.error(&asked));
                    }
                    TransientFailure {
                        status: failure.status,
                        ..TransientFailure::new(failure.cause)
                    }
                }
                Err(Failure::Transient(failure)) if ask.narrowable && failure.too_heavy => {
                    return Ok(Answer::TooHeavy);
                }
                Err(Failure::Transient(failure) | Failure::Unclear(failure, _)) => failure,
            };
            let rate_limited = u64::from(failure.is_rate_limited());
            self.counters.rate_limited.fetch_add(rate_limited, Ordering::Relaxed);
            let now = Instant::now();
            if failure.is_rate_limited() {
                // Also where this request is given up: others still come.
                let pause = retry::pause_for_all(failure.retry_after, self.surroundings.chance());
                pacer.slow_down(sent, now, now + pause);
            }
            let Some(wait) = policy.wait(failed, start.elapsed(), failure.retry_after, self.surroundings.chance())
            else {
                return Err(self.given_up(&ask.url, failed, start.elapsed(), &failure.answer));
            };
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
            let until = now + wait;
            let (in_short, cause) = (self.redacted(&failure.in_short()), self.redacted(&failure.answer));
            request.failed(in_short, cause, until);
            request.aloud(&self.span, tokio::time::sleep_until(until)).await;
            request.sent();
        }
        unreachable!("a retry policy ends before the count of attempts does")
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
        self.options.token.redacted(text)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::ready;
    use reqwest::Response;

    use super::*;

    fn options() -> ClientOptions {
        ClientOptions {
            api_url: "http://127.0.0.1:9".into(),
            token: ApiToken::new("a-token", "a test"),
            concurrency: 1,
            rate: 0.0,
            detail_rate: 0.0,
            retries: 0,
            timeout: Duration::from_secs(60),
            request_time: retry::REQUEST_TIME_CAP,
            quiet: true,
            side_by_side: 1,
            clock: MachineClock::fixed(0),
        }
    }

    /// Once, only a request that was tried again made the others wait: when details had no retry left, the next ones were sent at once.
    #[tokio::test(start_paused = true)]
    async fn a_429_makes_others_wait_also_at_the_last_attempt() {
        let answer = |url: Url| {
            let head = hyper::Response::builder();
            let answer = if url.path().ends_with("/first") {
                head.status(429).header("Retry-After", 7).body("")
            } else {
                head.status(404)
                    .body(r#"{"error":{"type":"record-not-found","message":"none"}}"#)
            };
            ready(Ok(Response::from(answer.unwrap()))).boxed()
        };
        let network = SimulatedNetwork {
            answer: Box::new(answer),
            chance: Box::new(|| 0.5),
        };
        let client = ApiClient::simulated(options(), network).unwrap();
        let begin = Instant::now();
        client.run_detail("first").await.unwrap_err();
        assert_eq!(begin.elapsed(), Duration::ZERO);
        client.run_detail("second").await.unwrap();
        assert_eq!(begin.elapsed(), Duration::from_secs(7));
    }
}
