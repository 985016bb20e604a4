//! The process: several accounts, signals, what is reported at the end.

mod accounts;
mod end_report;
mod exit;
mod job_name;
mod metrics;
mod outcome;
mod output_conflicts;
mod signals;
mod text_style;
mod together;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::api::address::API_URL_VARIABLE;
use crate::api::token::TOKEN_VARIABLE;
use crate::app::accounts::AccountJobs;
use crate::app::end_report::EndReport;
use crate::app::exit::JobResult;
use crate::app::signals::{ShutdownPolicy, until_stopped};
use crate::cli::Cli;
use crate::clock::{MachineClock, NOW_VARIABLE};
use crate::config::{self, ConfigError, ProcessEnv};
use crate::context::Context;
use crate::context::journal::Journal;
use crate::context::terminal::{Printer, warn};
use crate::error::Result;
use crate::logging;
use crate::output::publish;
use crate::retry;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// How long threads that write may take to notice that the job was stopped.
const STOP_TIME: Duration = Duration::from_millis(1500);

/// Runs the command of this process's command line for each account, reports the end and gives the exit code.
pub fn run() -> ExitCode {
    let umask = publish::umask();
    let outside = ProcessEnv::of_this_process();
    let mut report = EndReport::new(crate::period::now_ms());
    let (orders, telling) = config::resolve(env::args_os().collect(), &outside);
    report.info.command.clone_from(&telling.command);
    let orders = match orders {
        Ok(orders) => orders,
        Err(ConfigError::Clap(help)) if !help.use_stderr() => return shown(&help),
        Err(refusal) => return report.finish_refused(&refusal, telling),
    };
    let first = &orders.each[0].cli;
    logging::start(first.any.verbose, first.any.log_format, &report.info.job);
    orders.warnings.iter().for_each(|warning| warn(warning));
    let prepared = report.prepare(&orders.each);
    let clock = match prepared.and_then(|()| machine_clock(&outside)) {
        Ok(clock) => clock,
        Err(error) => {
            tracing::error!("{error}");
            return report.finish_with_usage_error(&error.to_string());
        }
    };
    let jitter = first.command.run().map(|run| run.jitter.mul_f64(retry::chance()));
    let shutdown = ShutdownPolicy::of(&first.command);
    let context = context(umask, &outside, clock, first, shutdown.stopping.clone());
    let jobs = AccountJobs::new(orders.each, orders.layers, &context, &outside);
    report.finish(run_jobs(jobs, jitter.unwrap_or_default(), shutdown))
}

/// Runs the accounts' jobs until all are done, a signal comes, or a bug ends them.
fn run_jobs(jobs: AccountJobs, jitter: Duration, shutdown: ShutdownPolicy) -> JobResult {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other provider was installed");
    let journals = jobs.journals();
    let runtime = match runtime(!shutdown.grace.is_zero(), jobs.at_once()) {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = format!("cannot start: {error}");
            tracing::error!("{error}");
            return JobResult::cut_short(1, error, &journals);
        }
    };
    panic::set_hook(Box::new(|panic| {
        tracing::error!("this is a bug in apify-runs; please report it: {panic}")
    }));
    let job = AssertUnwindSafe(|| runtime.block_on(until_stopped(jobs.run(jitter), shutdown, &journals)));
    let result = panic::catch_unwind(job);
    runtime.shutdown_timeout(STOP_TIME);
    result.unwrap_or_else(|_| JobResult::cut_short(1, "the job ended because of a bug in apify-runs".into(), &journals))
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

/// This machine's clock, or what stands in for it.
fn machine_clock(outside: &ProcessEnv) -> Result<MachineClock> {
    outside
        .variable(NOW_VARIABLE)
        .map_or(Ok(MachineClock::default()), |text| {
            MachineClock::parse(&text.to_string_lossy())
        })
}

fn context(umask: u32, outside: &ProcessEnv, clock: MachineClock, cli: &Cli, stopping: Arc<Notify>) -> Context {
    // What isn't UTF-8 is judged, and refused, where it is used.
    let text = |name: &str| outside.variable(name).map(|value| value.to_string_lossy().into_owned());
    let logs = cli.any.verbose > 0 || cli.any.log_format.is_some();
    Context {
        made_up: None,
        account: None,
        token: text(TOKEN_VARIABLE).map(SecretString::from),
        api_url: text(API_URL_VARIABLE),
        home: outside.variable("HOME").map(PathBuf::from),
        clock,
        now_ms: clock.now_ms(),
        umask,
        look: text_style::of_stdout(outside),
        // A bar and lines of a log would write over each other.
        quiet: cli.command.is_quiet(),
        stderr_is_terminal: io::stderr().is_terminal() && !logs,
        stopping,
        side_by_side: 1,
        journal: Journal::default(),
        stdout: Printer::default(),
    }
}
