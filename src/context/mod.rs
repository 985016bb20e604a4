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
use crate::context::journal::Journal;
use crate::period::Millis;
use crate::report::terminal::TerminalLook;
use crate::serve::made_up::MadeUpAccount;

/// What a command is given beside its arguments.
#[derive(Debug, Clone)]
pub struct Context {
    /// The made-up account that `--demo` reads, where another than its own is meant.
    pub made_up: Option<Arc<MadeUpAccount>>,
    /// The account of the configuration that the job is for, if one was named.
    pub account: Option<AccountSource>,
    /// `APIFY_TOKEN`, or the variable that the account names.
    pub token: Option<SecretString>,
    /// `APIFY_API_BASE_URL`.
    pub api_url: Option<String>,
    pub home: Option<PathBuf>,
    pub clock: MachineClock,
    /// Its time when the job began.
    pub now_ms: Millis,
    /// Of the process, as it was at its start.
    pub umask: u32,
    /// Bold letters, links and a drawing where stdout is a terminal that shows them.
    pub look: TerminalLook,
    pub stderr_is_terminal: bool,
    /// `--quiet`: only warnings and errors.
    pub quiet: bool,
    /// Notified by a signal; a server then ends by itself.
    pub stopping: Arc<Notify>,
    /// Jobs of this process that work at once and share its memory.
    pub side_by_side: usize,
    pub journal: Journal,
    /// Takes the output that was asked for.
    pub stdout: Printer,
}

impl Context {
    /// The account's name in the configuration, if one was named.
    pub fn account_name(&self) -> Option<&str> {
        self.account.as_ref().map(|account| account.name.as_str())
    }
}
