//! When the next request may go: the one rate limit, and what a 429 imposes on every request: a pause, and a slower pace
//! that answers win back. Not the retry loop, which decides whether there is a next one.
//!
//! Turns are handed out ahead of time, so a task that wakes late costs the others nothing; a limiter that is asked again
//! on waking (governor's `until_ready`, say) loses each late millisecond, some 3 % at 30 a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far below the given rate turns are handed out. A server counts in its own seconds: at the very rate, jitter makes
/// it see one too many now and then.
const MARGIN: f64 = 0.975;
/// Factor of a 429: all that waited would else be sent at once again.
const SLOWER: f64 = 1.5;
/// The shortest interval after a 429.
const SLOWER_FROM: Duration = Duration::from_millis(10);
/// The longest, so that a burst of 429s costs seconds and not minutes.
const SLOWEST: Duration = Duration::from_millis(250);
/// Factor of an answer. With [`SLOWER`], one in five is a 429 where the limit is far below the given rate; from the
/// longest interval, recovery takes some two seconds.
const FASTER: f64 = 0.9;

#[derive(Debug)]
pub struct Pacer {
    /// Between turns, without a 429.
    interval: Duration,
    state: Mutex<PaceState>,
}

#[derive(Debug)]
struct PaceState {
    interval: Duration,
    next_turn: Option<Instant>,
    paused_until: Option<Instant>,
    slowed_at: Option<Instant>,
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
            state: Mutex::new(PaceState {
                interval,
                next_turn: None,
                paused_until: None,
                slowed_at: None,
            }),
        }
    }

    pub async fn turn(&self) {
        loop {
            let at = self.reserve(Instant::now());
            sleep_until(at).await;
            let paused_until = self.state().paused_until;
            if paused_until.is_none_or(|until| until <= at.max(Instant::now())) {
                return;
            }
        }
    }

    /// A request that was sent at `sent` got a 429: nothing is sent before `until`, then at a slower pace. Requests
    /// that were in flight together when the limit was met slow it once.
    pub fn slow_down(&self, sent: Instant, now: Instant, until: Instant) {
        let mut state = self.state();
        state.paused_until = state.paused_until.max(Some(until));
        if state.slowed_at.is_some_and(|slowed| sent <= slowed) {
            return;
        }
        state.slowed_at = Some(now);
        let slower = state.interval.mul_f64(SLOWER).clamp(SLOWER_FROM, SLOWEST);
        state.interval = slower.max(self.interval);
    }

    /// Speeds a slower pace up again, to the given rate at most.
    pub fn speed_up(&self) {
        let mut state = self.state();
        let faster = state.interval.mul_f64(FASTER);
        // Without a limit there is no interval to come back to; this far down, none is as good.
        state.interval = if self.interval.is_zero() && faster < SLOWER_FROM / 2 {
            Duration::ZERO
        } else {
            faster.max(self.interval)
        };
    }

    pub fn least_time(&self, requests: u64) -> Duration {
        self.interval.mul_f64(requests.saturating_sub(1) as f64)
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut state = self.state();
        let earliest = [state.paused_until, state.next_turn].into_iter().flatten();
        let at = earliest.fold(now, Instant::max);
        state.next_turn = Some(at + state.interval);
        at
    }

    fn state(&self) -> std::sync::MutexGuard<'_, PaceState> {
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
        pacer.slow_down(now, now, now + Duration::from_secs(5));
        pacer.slow_down(now, now, now + Duration::from_secs(1));
        assert_eq!(pacer.reserve(now), now + Duration::from_secs(5));
        assert!(pacer.reserve(now) > now + Duration::from_secs(5));
    }

    #[test]
    fn a_429_slows_the_pace_and_answers_win_it_back_up_to_the_given_rate() {
        for rate in [0.0, 30.0] {
            let pacer = Pacer::new(rate);
            let now = Instant::now();
            let interval = || {
                let turn = pacer.reserve(now);
                pacer.reserve(now) - turn
            };
            let given = interval();
            // All that were under way together count once.
            (0..100).for_each(|_| pacer.slow_down(now, now, now));
            let once = interval();
            assert!(
                once > given && once <= given.max(SLOWER_FROM).mul_f64(SLOWER),
                "{once:?}"
            );
            // Each of these was sent after the one before had slowed the pace.
            let later = |step: u64| now + Duration::from_millis(step);
            (1..100).for_each(|step| pacer.slow_down(later(step), later(step), now));
            assert_eq!(interval(), SLOWEST);
            pacer.speed_up();
            assert!(interval() < SLOWEST);
            (0..50).for_each(|_| pacer.speed_up());
            assert_eq!(interval(), given);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_429s_costs_seconds_once_it_is_over() {
        let pacer = Pacer::new(0.0);
        let now = Instant::now();
        // Each of these was sent after the one before had slowed the pace.
        for step in 0..100 {
            let sent = now + Duration::from_millis(step);
            pacer.slow_down(sent, sent, now);
        }
        for _ in 0..200 {
            pacer.turn().await;
            pacer.speed_up();
        }
        // Won back half as fast it would take five seconds, and fifty if it never were.
        assert!(now.elapsed() < Duration::from_secs(3), "{:?}", now.elapsed());
        assert!(now.elapsed() > Duration::from_secs(1), "{:?}", now.elapsed());
    }
}
