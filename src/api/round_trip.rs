//! How long a page takes to come, and so how many are worth having under way: what hides the time of a way across an ocean
//! isn't needed to a server next door, and each costs memory.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A page takes at least so long to be decoded and written, in microseconds: pages that come faster wait here.
const PAGE_WORK_US: u64 = 3_000;
/// Beside those that hide the way: one that comes in, one that is decoded.
const SPARE: u64 = 2;
/// Whatever the way: one of the three is asked for meanwhile.
const LEAST: u64 = 3;
/// A longer time counts by this part of the difference: among requests that wait for each other, the shortest tells most.
const WEIGHT: u64 = 16;

/// The shortest time of late in which a page came, in microseconds; 0 before the first.
#[derive(Debug, Default)]
pub(super) struct RoundTrip(AtomicU64);

impl RoundTrip {
    pub(super) fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let next = |shortest: u64| match shortest {
            0 => took,
            shortest if took <= shortest => took,
            shortest => shortest + (took - shortest) / WEIGHT,
        };
        // Another answer may have changed it meanwhile: then this one doesn't count.
        let shortest = self.0.load(Relaxed);
        let _ = self.0.compare_exchange(shortest, next(shortest), Relaxed, Relaxed);
    }

    pub(super) fn useful_in_flight(&self) -> usize {
        match self.0.load(Relaxed) {
            0 => usize::MAX,
            shortest => usize::try_from((SPARE + shortest / PAGE_WORK_US).max(LEAST)).unwrap_or(usize::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_way_is_worth_many_requests_and_a_short_one_few() {
        let round_trip = RoundTrip::default();
        assert_eq!(round_trip.useful_in_flight(), usize::MAX);
        round_trip.observe(Duration::from_millis(100));
        assert_eq!(round_trip.useful_in_flight(), 35);
        round_trip.observe(Duration::from_millis(4));
        assert_eq!(round_trip.useful_in_flight(), 3);
        // One that waited for others says little, many do.
        round_trip.observe(Duration::from_millis(20));
        assert_eq!(round_trip.useful_in_flight(), 3);
        (0..200).for_each(|_| round_trip.observe(Duration::from_millis(100)));
        assert!(round_trip.useful_in_flight() > 25);
    }
}
