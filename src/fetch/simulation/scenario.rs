//! How one seed reads its account: settings of the client, the server's speed and failures, the end.

use std::time::Duration;

use reqwest::Url;

use super::random::{SeededRandom, mixed};
use crate::api::client::ClientOptions;
use crate::api::token::ApiToken;
use crate::clock::MachineClock;
use crate::period::Millis;

/// Seeds in a row read the same account.
pub(super) const SEEDS_PER_ACCOUNT: u64 = 8;

/// The number of the account that a seed reads.
pub(super) fn account_of(seed: u64) -> u64 {
    seed / SEEDS_PER_ACCOUNT
}

#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) account: u64,
    pub(super) concurrency: usize,
    pub(super) rate: f64,
    pub(super) detail_concurrency: usize,
    pub(super) detail_rate: f64,
    pub(super) retries: u32,
    pub(super) timeout: Duration,
    /// Nine of ten answers take less; 0 for answers that come at once.
    pub(super) latency_ms: u64,
    /// The share of requests that fail.
    pub(super) failures: f64,
    /// Whether requests fail again and again, more often than they are retried.
    pub(super) is_harsh: bool,
    /// Whether the server finds the whole period too heavy to list.
    pub(super) lacks_first_page: bool,
    /// How long the receiver takes for each window at most.
    pub(super) slowness_ms: u64,
    /// When the job is dropped.
    pub(super) cancelled: Option<Duration>,
}

impl Scenario {
    pub(super) fn new(seed: u64) -> Scenario {
        let mut random = SeededRandom::new(mixed(mixed(seed)));
        let is_harsh = random.is_one_in(10);
        Scenario {
            seed,
            account: account_of(seed),
            concurrency: random.one_of(&[1, 2, 3, 8]),
            rate: random.one_of(&[0.0, 5.0, 30.0]),
            detail_concurrency: random.one_of(&[1, 3, 8]),
            detail_rate: random.one_of(&[0.0, 20.0, 1000.0]),
            retries: if is_harsh { 1 } else { 8 },
            timeout: Duration::from_secs(random.one_of(&[20, 60, 120])),
            latency_ms: random.one_of(&[0, 40, 2000, 90_000]),
            failures: random.one_of(&[0.0, 0.05, 0.25]),
            is_harsh,
            lacks_first_page: random.is_one_in(12),
            slowness_ms: random.one_of(&[0, 0, 500, 60_000]),
            cancelled: random
                .is_one_in(5)
                .then(|| Duration::from_millis(1 << random.below(20))),
        }
    }

    /// Requests in flight at most, and requests a second; of details, or of lists.
    pub(super) fn allowed(&self, details: bool) -> (usize, f64) {
        if details {
            (self.detail_concurrency, self.detail_rate)
        } else {
            (self.concurrency, self.rate)
        }
    }

    /// Whether a request fails however often it is tried.
    pub(super) fn never_answers(&self, url: &Url) -> bool {
        let hash = url
            .as_str()
            .bytes()
            .fold(self.seed, |hash, byte| mixed(hash ^ u64::from(byte)));
        self.is_harsh && hash % 100 == 0
    }

    pub(super) fn client(&self, now_ms: Millis) -> ClientOptions {
        ClientOptions {
            api_url: "http://127.0.0.1:9".into(),
            token: ApiToken::new("simulated", "the simulation"),
            concurrency: self.concurrency,
            rate: self.rate,
            detail_rate: self.detail_rate,
            retries: self.retries,
            timeout: self.timeout,
            request_time: crate::retry::REQUEST_TIME_CAP,
            quiet: true,
            side_by_side: 1,
            clock: MachineClock::fixed(now_ms),
        }
    }
}
