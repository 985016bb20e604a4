//! How an account is served, whichever account it is.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use secrecy::SecretString;

use super::faults::Faults;
use super::pages::PageMaker;
use crate::clock::MachineClock;

/// Connections that are open at once; further clients wait.
pub const MAX_CONNECTIONS: usize = 512;

#[derive(Debug, Default)]
pub struct ServeOptions {
    /// Dates the answers; the made-up account has a clock of its own.
    pub clock: MachineClock,
    /// The token to ask for; without one, every client is answered.
    pub token: Option<SecretString>,
    /// The least time between a request and its answer.
    pub latency: Duration,
    /// Requests a second beyond which it answers 429.
    pub rate_limit: Option<NonZeroU32>,
    pub faults: Option<Faults>,
    /// Makes pages for people; without, there is the API alone.
    pub pages: Option<PageMaker>,
    /// The address that a browser may take this server to be, beside loopback.
    pub host: Option<IpAddr>,
    /// Receives each request as a line of JSON.
    pub access_log: Option<SyncSender<String>>,
}
