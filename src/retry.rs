//! Which failures are worth another attempt, how long to wait, and when to stop. Pure: the one loop that sleeps is the
//! client's.

use std::time::Duration;

use chrono::DateTime;

/// The first wait's lower bound; it doubles with every attempt. The API's documentation recommends a random time in [D, 2D].
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// It doubles up to this.
const LONGEST_LOWER_BOUND: Duration = Duration::from_secs(64);
/// No wait is longer: a server that asks for more with `Retry-After` is asked again after this.
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// A request is given up when its attempts and waits have taken this long, whatever `--retries` allows.
pub const REQUEST_TIME_CAP: Duration = Duration::from_secs(600);

/// Attempts at what no retry mends: one more, in case that the network itself has only just come up.
pub const LASTING_ATTEMPTS: u32 = 2;

#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    pub retries: u32,
    /// All attempts and waits of a request together; at most [`REQUEST_TIME_CAP`].
    pub time: Duration,
}

impl RetryPolicy {
    pub fn new(retries: u32) -> RetryPolicy {
        RetryPolicy {
            retries,
            time: REQUEST_TIME_CAP,
        }
    }

    /// How long to wait before attempt number `failed + 1`, after `failed` attempts in `elapsed`; `None` to give up. A server
    /// may ask for a longer wait than ours, never for a shorter one: `Retry-After: 0` would use all attempts up in a moment.
    /// `chance` is uniform in [0, 1).
    pub fn wait(&self, failed: u32, elapsed: Duration, retry_after: Option<Duration>, chance: f64) -> Option<Duration> {
        if failed > self.retries {
            return None;
        }
        let doubled = FIRST_WAIT
            .saturating_mul(1 << (failed.clamp(1, 20) - 1))
            .min(LONGEST_LOWER_BOUND);
        let wait = doubled.mul_f64(1.0 + chance);
        let wait = wait.max(retry_after.unwrap_or_default()).min(LONGEST_WAIT);
        (elapsed + wait <= self.time.min(REQUEST_TIME_CAP)).then_some(wait)
    }
}

/// How long a 429 keeps the other requests from being sent: as long as the server asks for, else as the first wait. Those that met it
/// themselves wait longer; what they add together must not stop all.
pub fn pause_for_all(retry_after: Option<Duration>, chance: f64) -> Duration {
    retry_after
        .unwrap_or_else(|| FIRST_WAIT.mul_f64(1.0 + chance))
        .min(LONGEST_WAIT)
}

/// Reads `Retry-After`: seconds, or an HTTP date beside the time it is now (milliseconds since the epoch). None for what is
/// neither, such as a negative number; a date in the past is no time at all.
pub fn retry_after(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        // Beyond the cap, how long doesn't matter.
        return (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(1e9)));
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?.timestamp_millis();
    Some(Duration::from_millis(
        u64::try_from(at.saturating_sub(now_ms)).unwrap_or(0),
    ))
}

pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// A random number in [0, 1), from the randomness that the hash maps are seeded with.
pub fn chance() -> f64 {
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

    #[test]
    fn waits_double_within_the_recommended_bounds() {
        let policy = RetryPolicy {
            retries: 8,
            time: REQUEST_TIME_CAP,
        };
        let wait = |failed, chance| {
            policy
                .wait(failed, Duration::ZERO, None, chance)
                .map(|wait| wait.as_millis())
        };
        assert_eq!(wait(1, 0.0), Some(500));
        assert_eq!(wait(1, 0.999), Some(999));
        assert_eq!(wait(4, 0.0), Some(4000));
        assert_eq!(wait(8, 0.5), Some(96_000));
        assert_eq!(wait(8, 0.999), Some(120_000));
        assert_eq!(wait(9, 0.0), None);
    }

    #[test]
    fn time_bounds_a_request_too() {
        let policy = RetryPolicy {
            retries: u32::MAX,
            time: Duration::MAX,
        };
        let short = RetryPolicy {
            time: Duration::from_secs(8),
            ..policy
        };
        assert_eq!(
            short.wait(1, Duration::from_secs(7), Some(Duration::from_secs(2)), 0.0),
            None
        );
        assert!(policy.wait(3, Duration::from_secs(590), None, 0.0).is_some());
        assert_eq!(policy.wait(3, Duration::from_secs(599), None, 0.0), None);
    }

    #[test]
    fn the_server_may_ask_for_a_longer_wait_up_to_a_cap_and_for_no_shorter_one() {
        let policy = RetryPolicy {
            retries: 9,
            time: REQUEST_TIME_CAP,
        };
        let wait = |failed, asked| {
            policy
                .wait(failed, Duration::ZERO, retry_after(asked, 0), 0.5)
                .map(|wait| wait.as_millis())
        };
        assert_eq!(wait(1, "3"), Some(3000));
        for long in ["86400", "1e300", "inf", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(wait(1, long), Some(120_000), "{long}");
        }
        // The last is at the very moment that it is now.
        for none in [
            "0",
            "-0",
            "0.001",
            "-5",
            "-1e9",
            "NaN",
            "",
            "soon",
            "0x10",
            "Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            assert_eq!((wait(1, none), wait(5, none)), (Some(750), Some(12_000)), "{none}");
        }
    }

    #[test]
    fn a_429_stops_all_for_what_the_server_asks_or_for_a_moment() {
        let pause = |asked: &str| pause_for_all(retry_after(asked, 0), 0.5).as_millis();
        assert_eq!(
            (pause("0"), pause("7"), pause("86400"), pause("soon")),
            (0, 7000, 120_000, 750)
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("7", 0), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 15_000),
            Some(Duration::from_secs(45))
        );
        assert_eq!(
            retry_after("Thu, 01 Jan 1970 00:00:00 GMT", 15_000),
            Some(Duration::ZERO)
        );
        assert!(retry_after("1e300", 0) > Some(LONGEST_WAIT));
        assert_eq!(retry_after("soon", 0), None);
        assert_eq!(retry_after("-1", 0), None);
        assert_eq!(retry_after("NaN", 0), None);
    }

    #[test]
    fn what_the_server_means_for_good_is_not_tried_again() {
        assert!(
            [408, 429, 500, 502, 503, 599]
                .iter()
                .all(|status| is_transient(*status))
        );
        assert!(
            [400, 401, 403, 404, 302, 200]
                .iter()
                .all(|status| !is_transient(*status))
        );
    }
}
