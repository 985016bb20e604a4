//! Parses the command line, runs its job, tells of its end, exits with its code. Nothing else exits or prints errors.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use apify_runs::api::address::API_URL_VARIABLE;
use apify_runs::api::token::TOKEN_VARIABLE;
use apify_runs::cli::{Cli, Command};
use apify_runs::clock::{MachineClock, NOW_VARIABLE};
use apify_runs::config::{self, Order, Outside, Refusal, Telling};
use apify_runs::error::{Error, Result};
use apify_runs::jobs::end::End;
use apify_runs::jobs::orders::{Orders, warn_of_shared_accounts};
use apify_runs::jobs::outcome::{self, Ended, JobFacts};
use apify_runs::jobs::outcome_file::OutcomeFile;
use apify_runs::jobs::record::Record;
use apify_runs::jobs::stopping::{Stop, until_stopped};
use apify_runs::jobs::{self, Printer, Surroundings, metrics, places};
use apify_runs::logging;
use apify_runs::output::publish;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// How long threads that write may take to notice that the job was stopped.
const STOP_TIME: Duration = Duration::from_millis(1500);

fn main() -> ExitCode {
    let umask = publish::umask();
    let outside = Outside::of_this_process();
    let mut told = Told::new(apify_runs::period::now_ms());
    let (orders, telling) = config::orders(env::args_os().collect(), &outside);
    told.facts.command.clone_from(&telling.command);
    let orders = match orders {
        Ok(orders) => orders,
        Err(Refusal::Clap(help)) if !help.use_stderr() => return shown(&help),
        Err(refusal) => return told.of_refusal(&refusal, telling),
    };
    let first = &orders.orders[0].cli;
    logging::start(first.any.verbose, first.any.log_format, &told.facts.job);
    orders.warnings.iter().for_each(|warning| jobs::warn(warning));
    let jitter = first
        .command
        .run()
        .map_or(Duration::ZERO, |run| run.jitter.mul_f64(chance()));
    let stop = Stop::of(&first.command);
    let is_server = !stop.grace.is_zero();
    let prepared = told.prepare(&orders.orders);
    let clock = match prepared.and_then(|()| machine_clock(&outside)) {
        Ok(clock) => clock,
        Err(error) => {
            tracing::error!("{error}");
            return told.of_usage(&error.to_string());
        }
    };
    let surroundings = surroundings(umask, &outside, clock, first, stop.stopping.clone());
    let orders = Orders::new(orders.orders, orders.layers, &surroundings, &outside);
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other provider was installed");
    let parts = orders.parts();
    let runtime = match runtime(is_server, orders.at_once()) {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = format!("cannot start: {error}");
            tracing::error!("{error}");
            return told.of(End::of_all(1, error, &parts));
        }
    };
    panic::set_hook(Box::new(|panic| tracing::error!("a bug, please report it: {panic}")));
    let job = AssertUnwindSafe(|| runtime.block_on(until_stopped(orders.run(jitter), stop, &parts)));
    let end = panic::catch_unwind(job).unwrap_or_else(|_| End::of_all(1, "a bug ended it".into(), &parts));
    runtime.shutdown_timeout(STOP_TIME);
    told.of(end)
}

/// A help or a version; whoever stopped to read it is no error.
fn shown(help: &clap::Error) -> ExitCode {
    match help.print().and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: cannot write to stdout: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
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
                command: String::new(),
                started_ms,
                took: Duration::ZERO,
                is_demo: false,
            },
            started: Instant::now(),
            outcome: None,
            metrics: None,
        }
    }

    /// Whether all that is written has a place of its own. Nothing is written over before that is known, and an outcome tells of
    /// whatever is refused once it has its place.
    fn prepare(&mut self, orders: &[Order]) -> Result<()> {
        let command = &orders[0].cli.command;
        self.facts.is_demo = command.source().is_some_and(|source| source.demo);
        let Some(run) = command.run() else {
            return Ok(());
        };
        let (outcome, metrics) = (run.outcome.as_deref(), run.metrics_file.as_deref());
        if let Some(outcome) = outcome {
            places::check_beside(orders, "--outcome", outcome)?;
            self.outcome = Some(OutcomeFile::empty(outcome)?);
        }
        if let Some(metrics) = metrics {
            metrics::check(metrics)?;
            places::check_beside(orders, "--metrics-file", metrics)?;
        }
        if let (Some(outcome), Some(metrics)) = (outcome, metrics)
            && places::are_one(outcome, metrics)
        {
            return Err(Error::Usage(
                "--outcome and --metrics-file are one file: give each its own".into(),
            ));
        }
        places::check_apart(orders)?;
        run.check()?;
        // What publishes nothing is no success of the one that does.
        let is_rehearsal = matches!(command, Command::Export(args) if args.dry_run);
        self.metrics = metrics.filter(|_| !is_rehearsal).map(PathBuf::from);
        Ok(())
    }

    /// A command line or a configuration made no sense; that is said here.
    fn of_refusal(mut self, refusal: &Refusal, telling: Telling) -> ExitCode {
        let text = refusal.in_a_line();
        logging::start(0, telling.log_format, &self.facts.job);
        match refusal {
            Refusal::Clap(error) if telling.log_format.is_none() => drop(error.print()),
            _ => tracing::error!("{text}"),
        }
        // What else it holds stays.
        self.outcome = telling.outcome.and_then(|path| OutcomeFile::empty(&path).ok());
        self.of_usage(&text)
    }

    /// What was asked for can't be done as it was asked.
    fn of_usage(self, error: &str) -> ExitCode {
        let part = Ended {
            account: None,
            exit_code: 2,
            error: Some(error.into()),
            record: Record::default(),
        };
        self.of(End {
            exit_code: 2,
            error: Some(error.into()),
            parts: vec![part],
        })
    }

    /// Tells of an end; who can't be told is a warning.
    fn of(mut self, end: End) -> ExitCode {
        self.facts.took = self.started.elapsed();
        warn_of_shared_accounts(&end.parts);
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

/// A random share, from the randomness that the hash maps are seeded with.
fn chance() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::hash::RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1u64 << 53) as f64
}

/// This machine's clock, or what stands in for it.
fn machine_clock(outside: &Outside) -> Result<MachineClock> {
    outside
        .variable(NOW_VARIABLE)
        .map_or(Ok(MachineClock::default()), |text| {
            MachineClock::parse(&text.to_string_lossy())
        })
}

fn surroundings(umask: u32, outside: &Outside, clock: MachineClock, cli: &Cli, stopping: Arc<Notify>) -> Surroundings {
    // What isn't UTF-8 is judged, and refused, where it is used.
    let text = |name: &str| outside.variable(name).map(|value| value.to_string_lossy().into_owned());
    let logs = cli.any.verbose > 0 || cli.any.log_format.is_some();
    Surroundings {
        account: None,
        token: text(TOKEN_VARIABLE).map(SecretString::from),
        api_url: text(API_URL_VARIABLE),
        home: outside.variable("HOME").map(PathBuf::from),
        clock,
        now_ms: clock.now_ms(),
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
