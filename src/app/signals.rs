//! Signals: what stops a job, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::app::exit::{AccountJournals, JobResult};
use crate::cli::Command;

/// How long it may take to say that a signal came.
const SAYING_TIME: Duration = Duration::from_secs(1);
/// How long a server may take to end by itself: longer than it gives to what it is still answering.
const GRACE: Duration = Duration::from_secs(12);

/// What became of the output of a job that was stopped.
pub fn fate_when_stopped(command: &Command) -> &'static str {
    match command {
        Command::Export(_) => "nothing was published",
        Command::Sync(_) => "what was committed stays",
        Command::Serve(_) => "the server has ended",
        _ => "the command ended early",
    }
}

#[derive(Debug)]
pub struct ShutdownPolicy {
    /// Notified by a signal.
    pub stopping: Arc<Notify>,
    /// How long the command may go on after that.
    pub grace: Duration,
    /// What becomes of the output.
    fate: &'static str,
}

impl ShutdownPolicy {
    /// A server is given time, anything else none.
    pub fn of(command: &Command) -> ShutdownPolicy {
        // A server answers what it was asked before.
        let is_server = matches!(command, Command::Serve(_));
        ShutdownPolicy {
            stopping: Arc::new(Notify::new()),
            grace: if is_server { GRACE } else { Duration::ZERO },
            fate: fate_when_stopped(command),
        }
    }
}

/// Runs a job, or stops it at a signal; what it has staged goes with it. A second signal doesn't wait for its end.
pub async fn until_stopped(
    job: impl Future<Output = JobResult>,
    shutdown: ShutdownPolicy,
    journals: &AccountJournals,
) -> JobResult {
    // Listening begins before the job does.
    let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()];
    let mut listeners = kinds.map(listener);
    let mut job = std::pin::pin!(job);
    let kind = tokio::select! {
        end = &mut job => return end,
        kind = first_of(&mut listeners) => kind,
    };
    shutdown.stopping.notify_one();
    if !shutdown.grace.is_zero() {
        tokio::select! {
            _ = &mut job => {}
            () = tokio::time::sleep(shutdown.grace) => {}
            _ = first_of(&mut listeners) => {}
        }
    }
    let how = match kind {
        kind if kind == SignalKind::hangup() => "stopped by SIGHUP",
        kind if kind == SignalKind::interrupt() => "stopped by SIGINT",
        _ => "stopped by SIGTERM",
    };
    let error = journals.stopped(how, shutdown.fate);
    // A reader of stderr that has stopped reading must not keep the process from ending.
    let text = error.clone();
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tracing::error!("{text}");
        let _ = said.send(());
    });
    let _ = heard.recv_timeout(SAYING_TIME);
    let exit_code = 128 + kind.as_raw_value() as u8;
    JobResult {
        exit_code,
        accounts: journals.results_stopped(exit_code, how, shutdown.fate),
        error: Some(error),
    }
}

async fn first_of([hangup, interrupt, terminate]: &mut [Option<Signal>; 3]) -> SignalKind {
    tokio::select! {
        () = heard(hangup) => SignalKind::hangup(),
        () = heard(interrupt) => SignalKind::interrupt(),
        () = heard(terminate) => SignalKind::terminate(),
    }
}

/// None for a signal that is not to be heeded.
fn listener(kind: SignalKind) -> Option<Signal> {
    if kind == SignalKind::hangup() && hangups_are_ignored() {
        return None;
    }
    signal(kind).ok()
}

/// Waits for a signal; for ever where it is ignored.
async fn heard(listener: &mut Option<Signal>) {
    if let Some(signal) = listener
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

/// Whether whoever started this wants it to outlive its terminal, as `nohup` does; only Linux tells.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}
