//! A budget of time for requests that a job can do without, such as names, whatever it is that doesn't answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Requests that are in flight together spend the same time.
#[derive(Debug)]
pub struct TimeBudget(Mutex<BudgetState>);

#[derive(Debug)]
struct BudgetState {
    left: Duration,
    /// Requests in flight, and since when there has been any.
    in_flight: u32,
    since: Instant,
}

struct BudgetUse<'s>(&'s TimeBudget);

impl TimeBudget {
    pub fn new(time: Duration) -> TimeBudget {
        TimeBudget(Mutex::new(BudgetState {
            left: time,
            in_flight: 0,
            since: Instant::now(),
        }))
    }

    /// The answer, unless it takes more time than is left.
    pub async fn run_within<T>(&self, request: impl Future<Output = T>) -> Option<T> {
        let until = self.deadline()?;
        let in_flight = BudgetUse(self);
        let answer = tokio::time::timeout_at(until, request).await;
        drop(in_flight);
        answer.ok()
    }

    /// When a request that is sent now must be answered; none where no time is left.
    fn deadline(&self) -> Option<Instant> {
        let mut state = self.state();
        if state.in_flight == 0 {
            state.since = Instant::now();
        }
        let until = state.since + state.left;
        if until <= Instant::now() {
            return None;
        }
        state.in_flight += 1;
        Some(until)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, BudgetState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BudgetUse<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
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
            let budget = TimeBudget::new(Duration::from_millis(100));
            assert_eq!(budget.run_within(async { 7 }).await, Some(7));
            let side_by_side = tokio::join!(
                budget.run_within(tokio::time::sleep(Duration::from_millis(60))),
                budget.run_within(tokio::time::sleep(Duration::from_millis(60)))
            );
            assert_eq!(side_by_side, (Some(()), Some(())));
            assert_eq!(budget.run_within(std::future::pending::<i32>()).await, None);
            assert_eq!(
                budget.run_within(async { unreachable!("it is not asked") }).await,
                None::<i32>
            );
        });
    }
}
