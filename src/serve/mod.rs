//! A made-up account behind the API's read-only endpoints, on loopback: what the demo, the tests and the benchmarks run
//! against.
//! Shares nothing with the client, so that neither can hide the other's mistakes.

pub mod account;
mod actor;
mod cycle;
mod decimal;
mod detail;
mod directory;
mod encoding;
mod fate;
mod index;
mod made_up;
mod meters;
mod names;
mod query;
mod question;
mod random;
mod refusal;
mod routes;
mod row;
mod spending;
mod usage;
mod user;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::serve::ListenerExt;
use secrecy::SecretString;
use tokio::net::TcpListener;

use crate::error::Result;
use crate::statement::Account;
use account::{AccountOptions, MadeUpAccount};

/// The token that the made-up account takes unless another is given.
pub const DEMO_TOKEN: &str = "demo";

/// How the account is served.
#[derive(Debug)]
pub struct ServeOptions {
    /// The token that it takes.
    pub token: SecretString,
    /// How long each answer takes at least.
    pub latency: Duration,
    /// Requests in any second beyond which it answers 429.
    pub rate_limit: Option<NonZeroU32>,
    /// For how long after the start the runs that have just ended cost nothing yet, in their details too.
    pub settle_after: Duration,
}

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: axum::Router,
}

impl Server {
    /// Listens on loopback, and nowhere else; port 0 is any.
    pub async fn bind(account: MadeUpAccount, options: ServeOptions, port: u16) -> Result<Server> {
        let failed = |error: io::Error| anyhow::anyhow!("cannot listen on 127.0.0.1:{port}: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server {
            listener,
            address,
            router: routes::router(account, options),
        })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until it is dropped.
    pub fn run(self) -> impl Future<Output = io::Result<()>> + Send {
        let listener = self.listener.tap_io(|stream| {
            // Answers are whole when they are sent; a stream that can't be told so is only slower.
            let _ = stream.set_nodelay(true);
        });
        async move { axum::serve(listener, self.router).await }
    }
}

/// Serves the demo's account in this process until it ends; returns where.
pub async fn start_in_process() -> Result<String> {
    let account = MadeUpAccount::generate(&AccountOptions::default());
    let options = ServeOptions {
        token: DEMO_TOKEN.into(),
        latency: Duration::ZERO,
        rate_limit: None,
        settle_after: Duration::ZERO,
    };
    let server = Server::bind(account, options, 0).await?;
    let url = server.url();
    tokio::spawn(server.run());
    Ok(url)
}

/// Whose runs the demo shows.
pub fn demo_account() -> Account {
    Account {
        id: "MADEUPACCOUNT0000".into(),
        username: Some(demo_username()),
    }
}

fn demo_username() -> String {
    "made-up-account".into()
}
