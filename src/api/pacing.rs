//! When the next request may go: the one rate limit, and the pause that a 429 imposes on every request. Not the retry
//! loop, which decides whether there is a next one.
//!
//! Turns are handed out ahead of time, so a task that wakes late costs the others nothing; a limiter that is asked again
//! on waking (governor's `until_ready`, say) loses each late millisecond, some 3 % at 30 a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far below the given rate turns are handed out. A server counts in its own seconds: at the very rate, jitter makes
/// it see one too many now and then.
const MARGIN: f64 = 0.975;

/// Hands out turns.
#[derive(Debug)]
pub struct Pacer {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_turn: Option<Instant>,
    paused_until: Option<Instant>,
}

impl Pacer {
    /// At most `per_second` turns a second; 0 is no limit.
    pub fn new(per_second: f64) -> Pacer {
        let interval = if per_second > 0.0 {
            Duration::from_secs_f64(1.0 / (per_second * MARGIN))
        } else {
            Duration::ZERO
        };
        Pacer {
            interval,
            state: Mutex::default(),
        }
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        loop {
            let at = self.reserve(Instant::now());
            sleep_until(at).await;
            if self
                .state()
                .paused_until
                .is_none_or(|until| until <= at.max(Instant::now()))
            {
                return;
            }
        }
    }

    /// Nothing goes before `until`.
    pub fn pause(&self, until: Instant) {
        let mut state = self.state();
        state.paused_until = state.paused_until.max(Some(until));
    }

    /// The least time that `requests` take.
    pub fn least_time(&self, requests: u64) -> Duration {
        self.interval.mul_f64(requests.saturating_sub(1) as f64)
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut state = self.state();
        let at = now
            .max(state.paused_until.unwrap_or(now))
            .max(state.next_turn.unwrap_or(now));
        state.next_turn = Some(at + self.interval);
        at
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_an_interval_apart_however_many_ask_at_once() {
        let pacer = Pacer::new(100.0);
        let now = Instant::now();
        let turns: Vec<_> = (0..101).map(|_| pacer.reserve(now) - now).collect();
        assert_eq!(turns[0], Duration::ZERO);
        assert!(
            turns[100] >= Duration::from_millis(1000) && turns[100] < Duration::from_millis(1053),
            "{:?}",
            turns[100]
        );
    }

    #[test]
    fn no_rate_is_no_wait() {
        let pacer = Pacer::new(0.0);
        let now = Instant::now();
        assert!((0..1000).all(|_| pacer.reserve(now) == now));
    }

    #[test]
    fn a_pause_holds_everyone_and_a_shorter_one_does_not_shorten_it() {
        let pacer = Pacer::new(10.0);
        let now = Instant::now();
        pacer.pause(now + Duration::from_secs(5));
        pacer.pause(now + Duration::from_secs(1));
        assert_eq!(pacer.reserve(now), now + Duration::from_secs(5));
        assert!(pacer.reserve(now) > now + Duration::from_secs(5));
    }
}
