//! The Apify API's read-only endpoints over an account that is made up or archived: what official clients read when Apify has
//! deleted its runs, and what the demo, the tests and the benchmarks run against.
//! Shares nothing with the client, so that neither can hide the other's mistakes.

pub mod archived;
mod backend;
mod envelope;
mod http;
pub mod made_up;
mod plan;
pub mod query;
pub mod question;
pub mod refusal;

use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::error::Result;
use made_up::MadeUpAccount;
use made_up::options::{AccountOptions, DEMO_TOKEN};

pub use backend::Backend;
pub use http::Server;
pub use http::faults::Faults;
pub use http::options::{MAX_CONNECTIONS, ServeOptions};
pub use http::pages::{PageMaker, PageQuestion, PageRefusal, TableFormat, WebPage};

/// Serves a made-up account in this process until it ends, by default the demo's; returns where.
pub async fn start_in_process(account: Option<Arc<MadeUpAccount>>) -> Result<String> {
    let account = account.unwrap_or_else(|| Arc::new(MadeUpAccount::generate(&AccountOptions::demo())));
    let options = ServeOptions {
        token: Some(DEMO_TOKEN.into()),
        ..ServeOptions::default()
    };
    let backend = Backend::MadeUp(account);
    let server = Server::bind(backend, options, (Ipv4Addr::LOCALHOST, 0).into(), MAX_CONNECTIONS).await?;
    let url = server.url.clone();
    tokio::spawn(server.run(pending()));
    Ok(url)
}
