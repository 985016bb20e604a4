//! One attempt of a request: sent in its turn, received, judged, logged. Whether there is another is the retry loop's.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::{StatusCode, Url};
use tokio::time::Instant;

use super::ApiClient;
use crate::api::answer::{AnswerHead, receive};
use crate::api::ask::{Ask, Lane};
use crate::api::bad_body::BadBody;
use crate::api::body::{self, BodyProblem};
use crate::api::failure::{Failure, LastingFailure, TransientFailure, causes, refusal};
use crate::api::obstacle::Obstacle;
use crate::api::pacing::Pacer;
use crate::api::probe::{probe_port, probe_proxy};
use crate::retry;

/// A good answer.
pub(super) struct Attempted<T> {
    pub(super) read: T,
    /// As it came, packed or not.
    bytes: u64,
    pub(super) list_total: Option<u64>,
}

impl ApiClient {
    /// Sends a request once it is its turn; when it was sent, and what came of it.
    pub(super) async fn send<T: Send + 'static>(
        &self,
        ask: &Ask,
        pacer: &Pacer,
        attempt: u32,
        decode: impl Fn(&[u8]) -> anyhow::Result<T> + Send + Copy + 'static,
    ) -> (Instant, Result<Attempted<T>, Failure>) {
        pacer.turn().await;
        let permit = match ask.lane {
            Lane::Lists => self.in_flight.acquire().await.ok(),
            Lane::Details => None,
        };
        let sent = Instant::now();
        self.counters.total.fetch_add(1, Ordering::Relaxed);
        let attempted = tokio::time::timeout(self.options.timeout, self.attempt(ask, decode)).await;
        drop(permit);
        let attempted = attempted.unwrap_or_else(|_| {
            let limit = self.options.timeout;
            let failure = TransientFailure::new(format!("no complete answer within {limit:?} (--timeout)"));
            Err(Failure::Unclear(failure, Obstacle::Protocol))
        });
        let attempted = match attempted {
            Err(Failure::Unclear(failure, obstacle)) => Err(self.probed(failure, obstacle).await),
            attempted => attempted,
        };
        self.log(&ask.url, attempt, sent.elapsed(), &attempted);
        (sent, attempted)
    }

    /// What a failure without an answer means, once its port has been looked at. What has answered before is spoken to rightly.
    async fn probed(&self, failure: TransientFailure, obstacle: Obstacle) -> Failure {
        let found = match (&obstacle, &self.route.proxy) {
            (Obstacle::Tunnel, Some(proxy)) => probe_proxy(proxy, &self.route).await,
            (Obstacle::Protocol, None) if !self.attempts.is_answered() => probe_port(&self.route).await,
            _ => return failure.into(),
        };
        match Obstacle::after_probe(found, &self.route) {
            Obstacle::Lasting(cause) => LastingFailure {
                // It was asked twice.
                attempts: 1,
                ..LastingFailure::of_network(cause)
            }
            .into(),
            _ => failure.into(),
        }
    }

    /// What it means that no answer came.
    fn without_answer(&self, error: &reqwest::Error) -> Failure {
        let failure = TransientFailure::new(causes(error));
        match Obstacle::of(error, &self.route) {
            Obstacle::Lasting(cause) => LastingFailure::of_network(cause).into(),
            Obstacle::Passing => failure.into(),
            unclear => Failure::Unclear(failure, unclear),
        }
    }

    /// One attempt. Unpacking and decoding run on a thread of their own, since they take longer than sending.
    async fn attempt<T: Send + 'static>(
        &self,
        ask: &Ask,
        decode: impl Fn(&[u8]) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<Attempted<T>, Failure> {
        let sent = Instant::now();
        let response = self.surroundings.get(ask.url.clone()).await;
        let mut response = response.map_err(|error| self.without_answer(&error))?;
        let head = AnswerHead::new(&response, self.options.clock.now_ms());
        if let Some(limit) = head.rate_limit {
            self.rate_limit.store(limit, Ordering::Relaxed);
        }
        let packed = receive(&mut response).await?;
        if !ask.is_beside_runs {
            self.round_trip.observe(sent.elapsed());
        }
        let bytes = packed.len() as u64;
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        let encoding = head.encoding.clone();
        if head.status != StatusCode::OK {
            let body = body::unpack(encoding.as_deref(), packed).unwrap_or_default();
            let failure = refusal(
                head.status,
                &body,
                head.retry_after,
                response.url(),
                &self.options.token,
            );
            if matches!(&failure, Failure::Transient(failure) if failure.too_heavy) {
                // The API itself, by its documented words.
                self.note_date(&head);
            }
            return Err(failure);
        }
        let decode = move || {
            let body = body::unpack(encoding.as_deref(), packed)?;
            decode(&body).map_err(|error| BodyProblem::Other(BadBody::of(&body), error.to_string()))
        };
        let decoded = self.surroundings.work(decode).await;
        let decoded =
            decoded.map_err(|error| Failure::Final(200, anyhow::anyhow!("decoding a page failed: {error}").into()))?;
        let decoded = decoded.map_err(|problem| match problem {
            BodyProblem::TooLarge => Failure::TooLarge,
            BodyProblem::Unreadable(problem) => TransientFailure::of_bad_body(problem).into(),
            // JSON is the API's own answer: it would be the same again.
            BodyProblem::Other(BadBody::OtherJson, problem) if ask.is_beside_runs => {
                LastingFailure::of_shape(problem, 1).into()
            }
            BodyProblem::Other(body, problem) => match body.advice() {
                None => TransientFailure::of_bad_body(problem).into(),
                Some(advice) => {
                    LastingFailure::of_shape(format!("{problem}; {advice}"), retry::LASTING_ATTEMPTS).into()
                }
            },
        })?;
        self.note_date(&head);
        Ok(Attempted {
            read: decoded,
            bytes,
            list_total: head.list_total,
        })
    }

    /// Logs an attempt and its result, with `-vv`.
    fn log<T>(&self, url: &Url, attempt: u32, took: Duration, attempted: &Result<Attempted<T>, Failure>) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let (from, to) = (parameter("startedAfter"), parameter("startedBefore"));
        let (bytes, failure) = match attempted {
            Ok(attempted) => (Some(attempted.bytes), None),
            Err(failure) => (None, Some(self.redacted(&failure.in_short()))),
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
}
