//! The process: several accounts, signals, what is reported at the end.

mod accounts;
mod end_report;
mod exit;
mod metrics;
mod outcome;
mod output_conflicts;
mod signals;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::api::address::API_URL_VARIABLE;
use crate::api::token::TOKEN_VARIABLE;
use crate::app::accounts::Orders;
use crate::app::end_report::EndReport;
use crate::app::exit::End;
use crate::app::signals::{Stop, until_stopped};
use crate::cli::Cli;
use crate::clock::{MachineClock, NOW_VARIABLE};
use crate::config::{self, Outside, Refusal};
use crate::context::Context;
use crate::context::journal::Record;
use crate::context::terminal::{Printer, warn};
use crate::error::Result;
use crate::logging;
use crate::output::publish;
use crate::report::terminal::TextStyle;
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// How long threads that write may take to notice that the job was stopped.
const STOP_TIME: Duration = Duration::from_millis(1500);

/// Parses the command line of this process, runs its command for each account, reports the end and gives the exit code.
pub fn run() -> ExitCode {
    let umask = publish::umask();
    let outside = Outside::of_this_process();
    let mut report = EndReport::new(crate::period::now_ms());
    let (orders, telling) = config::orders(env::args_os().collect(), &outside);
    report.facts.command.clone_from(&telling.command);
    let orders = match orders {
        Ok(orders) => orders,
        Err(Refusal::Clap(help)) if !help.use_stderr() => return shown(&help),
        Err(refusal) => return report.of_refusal(&refusal, telling),
    };
    let first = &orders.orders[0].cli;
    logging::start(first.any.verbose, first.any.log_format, &report.facts.job);
    orders.warnings.iter().for_each(|warning| warn(warning));
    let jitter = first
        .command
        .run()
        .map_or(Duration::ZERO, |run| run.jitter.mul_f64(chance()));
    let stop = Stop::of(&first.command);
    let is_server = !stop.grace.is_zero();
    let prepared = report.prepare(&orders.orders);
    let clock = match prepared.and_then(|()| machine_clock(&outside)) {
        Ok(clock) => clock,
        Err(error) => {
            tracing::error!("{error}");
            return report.of_usage(&error.to_string());
        }
    };
    let context = context(umask, &outside, clock, first, stop.stopping.clone());
    let orders = Orders::new(orders.orders, orders.layers, &context, &outside);
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("no other provider was installed");
    let parts = orders.parts();
    let runtime = match runtime(is_server, orders.at_once()) {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = format!("cannot start: {error}");
            tracing::error!("{error}");
            return report.of(End::of_all(1, error, &parts));
        }
    };
    panic::set_hook(Box::new(|panic| tracing::error!("a bug, please report it: {panic}")));
    let job = AssertUnwindSafe(|| runtime.block_on(until_stopped(orders.run(jitter), stop, &parts)));
    let end = panic::catch_unwind(job).unwrap_or_else(|_| End::of_all(1, "a bug ended it".into(), &parts));
    runtime.shutdown_timeout(STOP_TIME);
    report.of(end)
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

fn context(umask: u32, outside: &Outside, clock: MachineClock, cli: &Cli, stopping: Arc<Notify>) -> Context {
    // What isn't UTF-8 is judged, and refused, where it is used.
    let text = |name: &str| outside.variable(name).map(|value| value.to_string_lossy().into_owned());
    let logs = cli.any.verbose > 0 || cli.any.log_format.is_some();
    let has_colours = io::stdout().is_terminal()
        && outside.variable("NO_COLOR").is_none()
        && outside.variable("TERM").is_none_or(|terminal| terminal != "dumb");
    Context {
        account: None,
        token: text(TOKEN_VARIABLE).map(SecretString::from),
        api_url: text(API_URL_VARIABLE),
        home: outside.variable("HOME").map(PathBuf::from),
        clock,
        now_ms: clock.now_ms(),
        umask,
        style: if has_colours { TextStyle::Bold } else { TextStyle::Plain },
        // A bar and lines of a log would write over each other.
        stderr_is_terminal: io::stderr().is_terminal() && !logs,
        stopping,
        side_by_side: 1,
        record: Record::default(),
        stdout: Printer::default(),
    }
}
