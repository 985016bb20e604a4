//! Parses the command line, runs one job, prints its error, exits with its code. Nothing else exits or prints errors.

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use apify_runs::api::address::API_URL_VARIABLE;
use apify_runs::api::token::TOKEN_VARIABLE;
use apify_runs::cli::{Cli, Command};
use apify_runs::error::Result;
use apify_runs::jobs::{self, Surroundings};
use apify_runs::output::publish;
use clap::Parser;
use secrecy::SecretString;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// How long threads that write may take to notice that the job was stopped.
const STOP_TIME: Duration = Duration::from_millis(1500);

/// How long it may take to say that a signal came.
const SAYING_TIME: Duration = Duration::from_secs(1);
/// How long a server may take to end by itself: longer than it gives to what it is still answering.
const GRACE: Duration = Duration::from_secs(12);

fn main() -> ExitCode {
    let umask = publish::umask();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => {
            // A reader of the help who has gone is no error.
            let _ = help.print();
            return ExitCode::from(help.exit_code() as u8);
        }
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other provider was installed");
    // One thread fetches, one writes, and one a core unpacks and decodes: more would only hold more pages in memory. A
    // server has more to do on the network, bounds what it works on by itself, and reads lakes whose library waits in threads.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let mut runtime = match cli.command {
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    if !matches!(cli.command, Command::Serve(_)) {
        runtime.max_blocking_threads(cores.max(2));
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(1, &format!("cannot start: {error}")),
    };
    let stopped = match cli.command {
        Command::Export(_) => "stopped; nothing was published",
        Command::Sync(_) => "stopped; what was committed stays",
        _ => "stopped",
    };
    // A server answers what it was asked before.
    let grace = if matches!(cli.command, Command::Serve(_)) {
        GRACE
    } else {
        Duration::ZERO
    };
    let surroundings = surroundings(umask);
    let stopping = surroundings.stopping.clone();
    let stop = Stop {
        stopping,
        grace,
        stopped,
    };
    let code = runtime.block_on(until_stopped(run(cli, surroundings), stop));
    runtime.shutdown_timeout(STOP_TIME);
    code
}

async fn run(cli: Cli, surroundings: Surroundings) -> Result<()> {
    match cli.command {
        Command::Export(args) => jobs::export::run(*args, surroundings).await,
        Command::Reconcile(args) => jobs::reconcile::run(*args, surroundings).await,
        Command::Report(args) => jobs::report::run(*args, surroundings).await,
        Command::Check(args) => jobs::check::run(args, surroundings).await,
        Command::Verify(args) => jobs::verify::run(args).await,
        Command::Diff(args) => jobs::diff::run(args, surroundings).await,
        Command::Sync(args) => jobs::sync::run(*args, surroundings).await,
        Command::Lake(args) => jobs::lake::run(args, surroundings).await,
        Command::Serve(args) => jobs::serve::run(*args, surroundings).await,
    }
}

/// How a job is stopped.
struct Stop {
    stopping: Arc<Notify>,
    /// How long it may go on.
    grace: Duration,
    /// What is said of that.
    stopped: &'static str,
}

/// Runs a job, or stops it at a signal; what it has staged goes with it. A second signal doesn't wait for its end.
async fn until_stopped(job: impl Future<Output = Result<()>>, stop: Stop) -> ExitCode {
    // Listening begins before the job does.
    let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()];
    let mut listeners = kinds.map(listener);
    let mut job = std::pin::pin!(job);
    let kind = tokio::select! {
        result = &mut job => return match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(error.exit_code(), &error.to_string()),
        },
        kind = first_of(&mut listeners) => kind,
    };
    stop.stopping.notify_one();
    if !stop.grace.is_zero() {
        tokio::select! {
            _ = &mut job => {}
            () = tokio::time::sleep(stop.grace) => {}
            _ = first_of(&mut listeners) => {}
        }
    }
    let how = match kind {
        kind if kind == SignalKind::hangup() => "hung up",
        kind if kind == SignalKind::interrupt() => "interrupted",
        _ => "terminated",
    };
    // Whoever should read that may have stopped to, which keeps nobody from ending.
    let text = format!("apify-runs: {how}, {}", stop.stopped);
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        jobs::say(&text);
        let _ = said.send(());
    });
    let _ = heard.recv_timeout(SAYING_TIME);
    ExitCode::from(128 + kind.as_raw_value() as u8)
}

/// The first signal that comes.
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

/// Ends once a signal comes that is listened to.
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

fn failed(code: u8, text: &str) -> ExitCode {
    jobs::say(&format!("apify-runs: {text}"));
    ExitCode::from(code)
}

fn surroundings(umask: u32) -> Surroundings {
    Surroundings {
        token: env::var(TOKEN_VARIABLE).ok().map(SecretString::from),
        api_url: env::var(API_URL_VARIABLE).ok(),
        home: env::var_os("HOME").map(PathBuf::from),
        now_ms: chrono::Utc::now().timestamp_millis(),
        umask,
        bold: io::stdout().is_terminal()
            && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && env::var_os("TERM").is_none_or(|terminal| terminal != "dumb"),
        stderr_is_terminal: io::stderr().is_terminal(),
        stopping: Arc::new(Notify::new()),
    }
}
