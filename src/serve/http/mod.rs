//! A backend over HTTP/1.1: a server that listens on one address. What a question means and what its answer says are the
//! backend's.

mod access_log;
mod answer;
mod connections;
mod encoding;
pub mod faults;
pub mod options;
pub mod pages;
mod pagination;
mod routes;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::backend::Backend;
use crate::error::Result;
use options::ServeOptions;
use routes::Routes;

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    pub url: String,
    listener: TcpListener,
    routes: Routes,
    connections: usize,
}

impl Server {
    /// Listens at an address; port 0 is any. At most `connections` are open at once; further clients wait.
    pub async fn bind(backend: Backend, options: ServeOptions, at: SocketAddr, connections: usize) -> Result<Server> {
        let failed = |error: io::Error| anyhow::anyhow!("cannot listen on {at}: {error}");
        let listener = TcpListener::bind(at).await.map_err(failed)?;
        Ok(Server {
            url: format!("http://{}", listener.local_addr().map_err(failed)?),
            listener,
            routes: Routes::new(backend, options),
            connections,
        })
    }

    /// Answers until `stopping` is ready; answers in flight are still sent.
    pub async fn run(self, stopping: impl Future<Output = ()> + Send) {
        connections::serve(self.listener, Arc::new(self.routes), self.connections, stopping).await;
    }
}
