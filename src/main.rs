//! Parses the command line, runs its job, tells of its end, exits with its code. Nothing else exits or prints errors.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apify_runs::api::address::API_URL_VARIABLE;
use apify_runs::api::token::TOKEN_VARIABLE;
use apify_runs::cli::{Cli, Command};
use apify_runs::config::{self, Outside, Refusal};
use apify_runs::jobs::orders::{self, End, Orders, Parts};
use apify_runs::jobs::outcome::{self, JobFacts, OutcomeFile};
use apify_runs::jobs::record::Record;
use apify_runs::jobs::{self, Printer, Surroundings, metrics, places};
use apify_runs::logging;
use apify_runs::output::publish;
use secrecy::SecretString;
use tokio::runtime::Runtime;
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
    let outside = Outside::of_this_process();
    let started_ms = apify_runs::period::now_ms();
    let mut told = Told::new(started_ms);
    let argv: Vec<OsString> = env::args_os().collect();
    let command = argv.iter().skip(1).filter_map(|arg| arg.to_str());
    told.facts.command = command.into_iter().find_map(Command::named).unwrap_or_default();
    let (orders, telling) = config::orders(argv, &outside);
    let format = telling.log_format;
    let emptied = |outcome: Option<&Path>| outcome.map(OutcomeFile::empty).transpose();
    let orders = match orders {
        Ok(orders) => orders,
        Err(Refusal::Clap(error)) if !error.use_stderr() => {
            // A reader of the help who has gone is no error.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(refusal) => {
            let text = refusal.in_a_line();
            logging::start(0, format, &told.facts.job);
            match &refusal {
                Refusal::Clap(error) if format.is_none() => drop(error.print()),
                _ => tracing::error!("{text}"),
            }
            told.outcome = emptied(telling.outcome.as_deref()).ok().flatten();
            return told.of_usage(&text);
        }
    };
    let first = &orders.orders[0].cli;
    logging::start(first.any.verbose, first.any.log_format, &told.facts.job);
    orders.warnings.iter().for_each(|warning| jobs::warn(warning));
    let run = first.command.run();
    let metrics = run.and_then(|run| run.metrics_file.clone());
    let jitter = run.map_or(Duration::ZERO, |run| run.jitter.mul_f64(chance()));
    let is_server = matches!(first.command, Command::Serve(_));
    let stop = Stop {
        stopping: Arc::new(Notify::new()),
        // A server answers what it was asked before.
        grace: if is_server { GRACE } else { Duration::ZERO },
        stopped: orders::stopped(&first.command),
    };
    let surroundings = surroundings(umask, &outside, started_ms, first, stop.stopping.clone());
    let beside = [
        ("--outcome", telling.outcome.as_deref()),
        ("--metrics-file", metrics.as_deref()),
    ];
    let checked = metrics.as_deref().map_or(Ok(()), metrics::check);
    let checked = checked.and_then(|()| places::check(&orders.orders, &beside));
    // Nothing is written over before all of that is known.
    let checked = checked.and_then(|()| {
        told.outcome = emptied(telling.outcome.as_deref())?;
        Ok(())
    });
    told.facts.is_demo = first.command.source().is_some_and(|source| source.demo);
    // What publishes nothing is no success of the one that does.
    let is_rehearsal = matches!(&first.command, Command::Export(args) if args.dry_run);
    told.metrics = metrics.filter(|_| checked.is_ok() && !is_rehearsal);
    let prepared = checked.and_then(|()| Orders::new(orders.orders, orders.layers, &surroundings, &outside));
    let orders = match prepared {
        Ok(orders) => orders,
        Err(error) => {
            tracing::error!("{error}");
            return told.of_usage(&error.to_string());
        }
    };
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other provider was installed");
    let runtime = match runtime(is_server, orders.at_once()) {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = format!("cannot start: {error}");
            tracing::error!("{error}");
            return told.of(End {
                exit_code: 1,
                parts: orders.parts().ended(1, &error),
                error: Some(error),
            });
        }
    };
    let parts = orders.parts();
    panic::set_hook(Box::new(|panic| tracing::error!("a bug, please report it: {panic}")));
    let job = AssertUnwindSafe(|| runtime.block_on(until_stopped(orders.run(jitter), stop, &parts)));
    let end = panic::catch_unwind(job).unwrap_or_else(|_| End {
        exit_code: 1,
        error: Some("a bug ended it".into()),
        parts: parts.ended(1, "a bug ended it"),
    });
    runtime.shutdown_timeout(STOP_TIME);
    told.of(end)
}

/// One thread fetches; of the others, one a core and one more for each further account at work, one an account writes, and the
/// rest unpack and decode: more would only hold more in memory. A
/// server has more to do on the network, bounds what it works on by itself, and reads lakes whose library waits in threads.
fn runtime(is_server: bool, accounts: usize) -> io::Result<Runtime> {
    if is_server {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build();
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(cores.max(2) + accounts - 1)
        .enable_all()
        .build()
}

/// Who is told of the end, and what.
struct Told {
    facts: JobFacts,
    started: Instant,
    outcome: Option<OutcomeFile>,
    metrics: Option<PathBuf>,
}

impl Told {
    fn new(started_ms: i64) -> Told {
        Told {
            facts: JobFacts {
                job: logging::job_id(started_ms),
                command: "",
                started_ms,
                took: Duration::ZERO,
                is_demo: false,
            },
            started: Instant::now(),
            outcome: None,
            metrics: None,
        }
    }

    /// A command line or a configuration made no sense.
    fn of_usage(self, error: &str) -> ExitCode {
        let parts = vec![outcome::Ended {
            account: None,
            exit_code: 2,
            error: Some(error.into()),
            record: Record::default(),
        }];
        self.of(End {
            exit_code: 2,
            error: Some(error.into()),
            parts,
        })
    }

    /// Tells of an end; who can't be told is a warning.
    fn of(mut self, end: End) -> ExitCode {
        self.facts.took = self.started.elapsed();
        orders::warn_of_shared_accounts(&end.parts);
        if let Some(file) = self.outcome.take() {
            let document = outcome::render(&self.facts, end.exit_code, end.error.as_deref(), &end.parts);
            file.write(&document).unwrap_or_else(|problem| jobs::warn(&problem));
        }
        if let Some(metrics) = &self.metrics
            && let Err(problem) = metrics::write(metrics, &self.facts, &end.parts)
        {
            jobs::warn(&problem);
        }
        ExitCode::from(end.exit_code)
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
async fn until_stopped(job: impl Future<Output = End>, stop: Stop, parts: &Parts) -> End {
    // Listening begins before the job does.
    let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()];
    let mut listeners = kinds.map(listener);
    let mut job = std::pin::pin!(job);
    let kind = tokio::select! {
        end = &mut job => return end,
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
    let error = parts.stopped(how, stop.stopped);
    // Whoever should read that may have stopped to, which keeps nobody from ending.
    let text = error.clone();
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tracing::error!("{text}");
        let _ = said.send(());
    });
    let _ = heard.recv_timeout(SAYING_TIME);
    let exit_code = 128 + kind.as_raw_value() as u8;
    End {
        exit_code,
        parts: parts.ended(exit_code, &error),
        error: Some(error),
    }
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

/// A random share, from the randomness that the hash maps are seeded with.
fn chance() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}

fn surroundings(umask: u32, outside: &Outside, now_ms: i64, cli: &Cli, stopping: Arc<Notify>) -> Surroundings {
    let text = |name: &str| {
        outside
            .variable(name)
            .and_then(|value| value.to_str())
            .map(String::from)
    };
    let logs = cli.any.verbose > 0 || cli.any.log_format.is_some();
    Surroundings {
        account: None,
        token: text(TOKEN_VARIABLE).map(SecretString::from),
        api_url: text(API_URL_VARIABLE),
        home: outside.variable("HOME").map(PathBuf::from),
        now_ms,
        umask,
        bold: io::stdout().is_terminal()
            && outside.variable("NO_COLOR").is_none()
            && outside.variable("TERM").is_none_or(|terminal| terminal != "dumb"),
        // A bar and lines of a log would write over each other.
        stderr_is_terminal: io::stderr().is_terminal() && !logs,
        stopping,
        side_by_side: 1,
        record: Record::default(),
        stdout: Printer::default(),
    }
}
