//! The Apify API's read-only endpoints over an account that is made up or archived: what official clients read when Apify has
//! deleted its runs, and what the demo, the tests and the benchmarks run against.
//! Shares nothing with the client, so that neither can hide the other's mistakes.

mod answer;
pub mod archive;
mod connections;
mod encoding;
pub mod faults;
pub mod made_up;
mod query;
mod question;
mod refusal;
mod routes;

use std::future::{Future, pending};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::clock::MachineClock;
use crate::error::Result;
use archive::Shelf;
use faults::Faults;
use made_up::{AccountOptions, DEMO_TOKEN, MadeUpAccount};
use question::Question;
use refusal::Refusal;
use routes::Routes;

/// Features of a plan that the API's description of itself requires to be told.
const FEATURES: [&str; 10] = [
    "ACTORS",
    "STORAGE",
    "SCHEDULER",
    "PROXY",
    "PROXY_EXTERNAL_ACCESS",
    "PROXY_RESIDENTIAL",
    "PROXY_SERPS",
    "WEBHOOKS",
    "ACTORS_PUBLIC_ALL",
    "ACTORS_PUBLIC_DEVELOPER",
];

/// How an account is served.
#[derive(Debug, Default)]
pub struct ServeOptions {
    /// What its answers are dated by; the made-up account has a clock of its own.
    pub clock: MachineClock,
    /// The token that it takes; without one, it answers anybody.
    pub token: Option<SecretString>,
    /// How long each answer takes at least.
    pub latency: Duration,
    /// Requests in any second beyond which it answers 429.
    pub rate_limit: Option<NonZeroU32>,
    /// What goes wrong on purpose.
    pub faults: Option<Faults>,
    /// Who is told each request, as a line of JSON.
    pub access_log: Option<SyncSender<String>>,
}

/// Whose runs are served.
#[derive(Debug)]
pub enum Served {
    /// Nobody's.
    MadeUp {
        /// The account.
        account: Box<MadeUpAccount>,
        /// For how long from now on the runs that have just ended cost nothing yet, in their details too.
        settle_after: Duration,
        /// When that began.
        started: Instant,
    },
    /// Those of an export or a lake.
    Archive(Arc<Shelf>),
}

impl Served {
    /// A made-up account.
    pub fn made_up(account: MadeUpAccount, settle_after: Duration) -> Served {
        Served::MadeUp {
            account: Box::new(account),
            settle_after,
            started: Instant::now(),
        }
    }

    fn answer(&self, question: &Question) -> Result<Vec<u8>, Refusal> {
        match self {
            Served::MadeUp {
                account,
                settle_after,
                started,
            } => account.answer(question, started.elapsed() >= *settle_after),
            Served::Archive(shelf) => shelf.current().answer(question),
        }
    }
}

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    routes: Routes,
    connections: usize,
}

impl Server {
    /// Listens at an address; port 0 is any. At most so many connections are open at once, and others wait.
    pub async fn bind(served: Served, options: ServeOptions, at: SocketAddr, connections: usize) -> Result<Server> {
        let failed = |error: io::Error| anyhow::anyhow!("cannot listen on {at}: {error}");
        let listener = TcpListener::bind(at).await.map_err(failed)?;
        Ok(Server {
            address: listener.local_addr().map_err(failed)?,
            listener,
            routes: Routes::new(served, options),
            connections,
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until it is told to stop; what is being answered then still is.
    pub async fn run(self, stopping: impl Future<Output = ()> + Send) {
        connections::serve(self.listener, Arc::new(self.routes), self.connections, stopping).await;
    }
}

/// Whether a path and a query string ask something that there may be an answer to; all else is refused. No text makes it fail:
/// that is what `fuzz/` holds it to.
pub fn is_question(path: &str, query: &str) -> bool {
    let endpoint = question::Endpoint::at(path);
    endpoint.is_some_and(|endpoint| endpoint.question(query).is_ok())
}

/// Serves the demo's account in this process until it ends; returns where.
pub async fn start_in_process() -> Result<String> {
    let account = MadeUpAccount::generate(&AccountOptions::default());
    let options = ServeOptions {
        token: Some(DEMO_TOKEN.into()),
        ..ServeOptions::default()
    };
    let at = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let served = Served::made_up(account, Duration::ZERO);
    let server = Server::bind(served, options, at, DEFAULT_CONNECTIONS).await?;
    let url = server.url();
    tokio::spawn(server.run(pending()));
    Ok(url)
}

/// How many connections are open at once, unless another number is asked for.
pub const DEFAULT_CONNECTIONS: usize = 512;
