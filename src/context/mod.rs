//! What a command is given and leaves: its account, its clock and its stops; the journal, what is printed and said.

pub mod blocking;
pub mod journal;
pub mod terminal;

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::Notify;

use terminal::Printer;

use crate::clock::MachineClock;
use crate::config::AccountSource;
use crate::context::journal::Record;
use crate::period::Millis;
use crate::report::terminal::TextStyle;

/// What a job takes from outside of its command line.
#[derive(Debug, Clone)]
pub struct Context {
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
    /// Bold headings only where stdout is a terminal that may be given them.
    pub style: TextStyle,
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

impl Context {
    /// The account's name in the configuration, if one was named.
    pub fn account_name(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.name.as_str())
    }
}
