//! One file for each command: the only ones that know several stages.

mod aside;
mod budgets;
pub mod check;
mod compared;
pub mod diff;
mod dry_run;
pub mod end;
pub mod export;
mod files;
mod filters;
mod finish;
mod held;
mod holding;
mod known;
#[cfg(feature = "lake")]
pub mod lake;
pub mod metrics;
mod opening;
pub mod orders;
pub mod outcome;
pub mod outcome_file;
mod part;
mod placeholders;
pub mod places;
#[cfg(not(feature = "lake"))]
pub mod without_lake;
#[cfg(not(feature = "lake"))]
pub use without_lake as lake;
#[cfg(not(feature = "lake"))]
pub use without_lake as sync;
#[cfg(not(feature = "lake"))]
use without_lake::stored;
pub mod progress;
mod publishing;
mod reading;
pub mod reconcile;
pub mod record;
mod replacing;
pub mod report;
pub mod serve;
pub mod setup;
mod source;
pub mod stopping;
#[cfg(feature = "lake")]
mod stored;
mod strict;
#[cfg(feature = "lake")]
pub mod sync;
pub mod verify;
pub mod write;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use tokio::sync::Notify;

use crate::clock::MachineClock;
use crate::config::AccountSource;
use crate::error::Result;
use crate::logging::SAID;
use crate::period::Millis;
use record::Record;

/// What a job takes from outside of its command line.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The account of the configuration that the job is for, if one was named.
    pub account: Option<AccountSource>,
    /// `APIFY_TOKEN`, or the variable that the account names.
    pub token: Option<SecretString>,
    /// `APIFY_API_BASE_URL`.
    pub api_url: Option<String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// This machine's clock.
    pub clock: MachineClock,
    /// What it said when the job began: milliseconds since the epoch.
    pub now_ms: Millis,
    /// Which permissions new folders are not to have.
    pub umask: u32,
    /// Whether stdout is a terminal that may be given bold letters.
    pub bold: bool,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Told once a job is to come to an end by itself, if it can: a signal came.
    pub stopping: Arc<Notify>,
    /// How many jobs of this process are at work at once, and share its memory.
    pub side_by_side: usize,
    /// What the job comes to.
    pub record: Record,
    /// Where what was asked for is printed.
    pub stdout: Printer,
}

/// Takes what was asked for: to stdout, or until all that goes there is known.
#[derive(Debug, Clone, Default)]
pub enum Printer {
    /// At once.
    #[default]
    Stdout,
    /// Kept.
    Kept(Arc<Mutex<String>>),
}

impl Printer {
    /// Prints; nobody listening any more is no error.
    pub fn print(&self, text: &str) -> Result<()> {
        match self {
            Printer::Stdout => print(text),
            Printer::Kept(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
                Ok(())
            }
        }
    }

    /// What was kept.
    pub fn kept(&self) -> String {
        match self {
            Printer::Stdout => String::new(),
            Printer::Kept(kept) => std::mem::take(&mut kept.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

impl Surroundings {
    /// The account's name in the configuration, if one was named.
    fn account_name(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.name.as_str())
    }
}

/// Tells work on a thread of its own that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
struct Stop(Arc<AtomicBool>);

/// Says so when it is dropped.
struct Stopping(Stop);

impl Stop {
    /// Runs such work; if this isn't waited for to the end, it is told.
    async fn run<T: Send + 'static>(work: impl FnOnce(&Stop) -> Result<T> + Send + 'static) -> Result<T> {
        let stop = Stop::default();
        let stopping = Stopping(stop.clone());
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&stop))).await;
        drop(stopping);
        done.map_err(|error| anyhow::anyhow!("the job failed: {error}"))?
    }

    /// An error once nobody waits.
    fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(anyhow::anyhow!("stopped").into());
        }
        Ok(())
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Whether a path names a place in an object store.
fn names_store(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| matches!(scheme, "s3" | "s3a" | "gs" | "az" | "abfs" | "abfss"))
}

/// Says something on stderr that belongs to what was asked for, in lines that can't steer a terminal, whoever's text is in them.
pub fn say(text: &str) {
    tracing::info!(target: SAID, "{text}");
}

/// Says on stderr what needs somebody's attention.
pub fn warn(text: &str) {
    tracing::warn!("{text}");
}

/// Writes to stdout; nobody listening any more is no error.
pub fn print(text: &str) -> Result<()> {
    print_part(text).map(|_| ())
}

/// Writes a part of a longer text to stdout; false once nobody listens any more, which is no error.
pub fn print_part(text: &str) -> Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(anyhow::anyhow!("cannot write to stdout: {error}").into()),
    }
}
