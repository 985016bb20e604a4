//! Requests that wait for a good answer: what is said of them while they wait, and the last cause for whoever ends the job meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long a request may wait before a line says so.
const FIRST_LINE: Duration = Duration::from_secs(5);
/// The same with `--quiet`.
const FIRST_LINE_QUIET: Duration = Duration::from_secs(120);
/// How long all requests of a client together are silent after a line.
const NEXT_LINE: Duration = Duration::from_secs(30);

/// The requests of a client that are under way.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<AttemptsState>);

#[derive(Debug, Default)]
struct AttemptsState {
    requests: BTreeMap<u64, WaitingRequest>,
    last_id: u64,
    line_at: Option<Instant>,
    answered_at: Option<Instant>,
}

#[derive(Debug, Clone)]
struct WaitingRequest {
    path: String,
    since: Instant,
    failed: u32,
    /// Why the last attempt failed, in short and in full.
    cause: Option<(String, String)>,
    /// When the next attempt is sent, while it isn't yet.
    next: Option<Instant>,
}

/// A request under way, until it is dropped.
pub(super) struct AttemptsOfRequest {
    attempts: Arc<Attempts>,
    id: u64,
    first_line: Instant,
}

impl Attempts {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Attempts>, path: &str, quiet: bool) -> AttemptsOfRequest {
        let now = Instant::now();
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let request = WaitingRequest {
            path: path.into(),
            since: now,
            failed: 0,
            cause: None,
            next: None,
        };
        state.requests.insert(id, request);
        AttemptsOfRequest {
            attempts: self.clone(),
            id,
            first_line: now + if quiet { FIRST_LINE_QUIET } else { FIRST_LINE },
        }
    }

    /// Whether there has been any good answer.
    pub(super) fn is_answered(&self) -> bool {
        self.state().answered_at.is_some()
    }

    /// Why the requests that are under way have no answer, if they fail or nothing comes: the oldest that failed, or the oldest.
    pub fn cause(&self) -> Option<String> {
        let state = self.state();
        let mut failing = state.requests.values().filter(|request| request.cause.is_some());
        if let Some(request) = failing.next()
            && let Some((_, cause)) = &request.cause
        {
            let times = if request.failed == 1 {
                "once".into()
            } else {
                format!("{} times", request.failed)
            };
            return Some(format!("GET {} failed {times}, the last answer: {cause}", request.path));
        }
        let oldest = state.requests.values().next()?;
        let waits = oldest.since.elapsed();
        let is_alone = state.answered_at.is_none_or(|at| at < oldest.since);
        let is_silent = waits >= if is_alone { Duration::from_secs(1) } else { FIRST_LINE };
        is_silent.then(|| format!("GET {} had no answer for {} s", oldest.path, waits.as_secs()))
    }

    fn state(&self) -> MutexGuard<'_, AttemptsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AttemptsOfRequest {
    /// An attempt failed; the next is sent later.
    pub(super) fn failed(&self, in_short: String, cause: String, next: Instant) {
        if let Some(request) = self.attempts.state().requests.get_mut(&self.id) {
            request.failed += 1;
            (request.cause, request.next) = (Some((in_short, cause)), Some(next));
        }
    }

    /// The next attempt is sent.
    pub(super) fn sent(&self) {
        if let Some(request) = self.attempts.state().requests.get_mut(&self.id) {
            request.next = None;
        }
    }

    pub(super) fn answered(&self) {
        self.attempts.state().answered_at = Some(Instant::now());
    }

    /// Waits for a part of the request's work, and says meanwhile that it waits.
    pub(super) async fn aloud<T>(&self, span: &tracing::Span, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut due = self.first_line;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep_until(due) => {
                    let (line, next) = self.line(Instant::now());
                    if let Some(line) = line {
                        tracing::warn!(parent: span, "{line}");
                    }
                    due = next;
                }
            }
        }
    }

    /// The line that is due, if there is something to say, and when to ask again.
    fn line(&self, now: Instant) -> (Option<String>, Instant) {
        let mut state = self.attempts.state();
        if let Some(silent_until) = state.line_at.map(|at| at + NEXT_LINE).filter(|until| *until > now) {
            return (None, silent_until);
        }
        let later = now + NEXT_LINE;
        let answered_at = state.answered_at;
        let Some(request) = state.requests.get(&self.id) else {
            return (None, later);
        };
        let line = match &request.cause {
            Some((cause, _)) => {
                let next = match request.next.map(|next| (next - now).as_secs_f64().ceil()) {
                    Some(seconds) => format!("next in {seconds} s"),
                    None => "next under way".into(),
                };
                format!("still trying: {cause}, attempt {}, {next}", request.failed)
            }
            // Where others are answered, it is only a slow one.
            None if answered_at.is_some_and(|at| at > request.since) => return (None, now + FIRST_LINE),
            None => {
                let waits = (now - request.since).as_secs();
                format!("still trying: no answer for {waits} s, attempt 1 under way")
            }
        };
        state.line_at = Some(now);
        (Some(line), later)
    }
}

impl Drop for AttemptsOfRequest {
    fn drop(&mut self) {
        self.attempts.state().requests.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(request: &AttemptsOfRequest, seconds: f64) -> Instant {
        let since = request.attempts.state().requests[&request.id].since;
        since + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_request_that_fails_is_told_after_five_seconds_and_then_each_thirty() {
        let attempts = Arc::new(Attempts::default());
        let request = attempts.begin("/v2/actor-runs", false);
        assert_eq!(request.first_line, at(&request, 5.0));
        request.failed("500".into(), "500 Internal Server Error".into(), at(&request, 1.0));
        request.failed("503".into(), "503 Service Unavailable".into(), at(&request, 8.5));
        let (line, next) = request.line(at(&request, 5.0));
        assert_eq!(line.as_deref(), Some("still trying: 503, attempt 2, next in 4 s"));
        assert_eq!(next, at(&request, 35.0));
        // All together are silent meanwhile.
        let other = attempts.begin("/v2/actors", false);
        other.failed("502".into(), "502 Bad Gateway".into(), at(&request, 9.0));
        assert_eq!(other.line(at(&request, 9.0)), (None, at(&request, 35.0)));
        request.sent();
        let (line, _) = request.line(at(&request, 35.0));
        assert_eq!(line.as_deref(), Some("still trying: 503, attempt 2, next under way"));
        let quiet = attempts.begin("/v2/actors", true);
        assert_eq!(quiet.first_line, at(&quiet, 120.0));
    }

    #[test]
    fn a_slow_answer_is_told_only_where_nothing_else_is_answered() {
        let attempts = Arc::new(Attempts::default());
        let request = attempts.begin("/v2/actor-runs", false);
        let (line, _) = request.line(at(&request, 5.5));
        assert_eq!(
            line.as_deref(),
            Some("still trying: no answer for 5 s, attempt 1 under way")
        );
        let other = attempts.begin("/v2/actors", false);
        other.answered();
        assert!(attempts.is_answered());
        assert_eq!(request.line(at(&request, 40.0)).0, None);
    }

    #[test]
    fn the_cause_is_that_of_a_request_under_way() {
        let attempts = Arc::new(Attempts::default());
        let _slow = attempts.begin("/v2/users/me", false);
        let failing = attempts.begin("/v2/actor-runs", false);
        assert_eq!(attempts.cause(), None);
        failing.failed("503".into(), "503 Service Unavailable".into(), Instant::now());
        let cause = "GET /v2/actor-runs failed once, the last answer: 503 Service Unavailable";
        assert_eq!(attempts.cause().as_deref(), Some(cause));
        drop(failing);
        assert_eq!(attempts.cause(), None);
    }
}
