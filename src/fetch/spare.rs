//! Time for questions that a job can do without, such as names: so much in all, whatever it is that doesn't answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is left of it. Questions that are asked side by side spend the same time.
#[derive(Debug)]
pub struct SpareTime(Mutex<State>);

#[derive(Debug)]
struct State {
    left: Duration,
    /// How many questions are asked now, and since when any has been.
    asked: u32,
    since: Instant,
}

/// A question while it is asked, answered or not.
struct Asked<'s>(&'s SpareTime);

impl SpareTime {
    /// So much in all.
    pub fn new(time: Duration) -> SpareTime {
        SpareTime(Mutex::new(State {
            left: time,
            asked: 0,
            since: Instant::now(),
        }))
    }

    /// What a question comes to, unless that takes more time than is left.
    pub async fn spend<T>(&self, question: impl Future<Output = T>) -> Option<T> {
        let until = self.begin()?;
        let asked = Asked(self);
        let answer = tokio::time::timeout_at(until, question).await;
        drop(asked);
        answer.ok()
    }

    /// Until when a question may be asked, if at all.
    fn begin(&self) -> Option<Instant> {
        let mut state = self.state();
        if state.asked == 0 {
            state.since = Instant::now();
        }
        let until = state.since + state.left;
        if until <= Instant::now() {
            return None;
        }
        state.asked += 1;
        Some(until)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.asked -= 1;
        if state.asked == 0 {
            state.left = state.left.saturating_sub(state.since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_questions_together_have_so_much_time_and_then_none_is_asked() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let spare = SpareTime::new(Duration::from_millis(100));
            assert_eq!(spare.spend(async { 7 }).await, Some(7));
            let side_by_side = tokio::join!(
                spare.spend(tokio::time::sleep(Duration::from_millis(60))),
                spare.spend(tokio::time::sleep(Duration::from_millis(60)))
            );
            assert_eq!(side_by_side, (Some(()), Some(())));
            assert_eq!(spare.spend(std::future::pending::<i32>()).await, None);
            assert_eq!(
                spare.spend(async { unreachable!("it is not asked") }).await,
                None::<i32>
            );
        });
    }
}
