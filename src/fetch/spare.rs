//! Time for questions that a job can do without, such as names: so much in all, whatever it is that doesn't answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is left of it.
#[derive(Debug)]
pub struct SpareTime(Mutex<Duration>);

impl SpareTime {
    /// So much in all.
    pub fn new(time: Duration) -> SpareTime {
        SpareTime(Mutex::new(time))
    }

    /// What a question comes to, unless that takes more time than is left.
    pub async fn spend<T>(&self, question: impl Future<Output = T>) -> Option<T> {
        let left = *self.left();
        if left.is_zero() {
            return None;
        }
        let start = Instant::now();
        let answer = tokio::time::timeout(left, question).await;
        let mut left = self.left();
        *left = left.saturating_sub(start.elapsed());
        answer.ok()
    }

    fn left(&self) -> std::sync::MutexGuard<'_, Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_questions_together_have_so_much_time_and_then_none_is_asked() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let spare = SpareTime::new(Duration::from_millis(20));
            assert_eq!(spare.spend(async { 7 }).await, Some(7));
            assert_eq!(spare.spend(std::future::pending::<i32>()).await, None);
            assert_eq!(
                spare.spend(async { unreachable!("it is not asked") }).await,
                None::<i32>
            );
        });
    }
}
