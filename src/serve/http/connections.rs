//! Connections: how many, how long they may take, and how they end. What is answered on them isn't known here.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::set_socket_linger;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;

use super::routes::{ResetConnection, Routes};

/// The most time for a request's head, from when its connection is free for one.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The longest that a client may take nothing of an answer.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// The most time for answers in flight once the server is to stop.
const STOP_TIME: Duration = Duration::from_secs(10);
/// The wait after a connection could not be accepted, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
const HEAD_BYTES: usize = 32 << 10;
const HEADERS: usize = 64;

/// Answers on at most `connections` at once, until `stopping` is ready.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Arc<Routes>,
    connections: usize,
    stopping: impl Future<Output = ()> + Send,
) {
    let free = Arc::new(Semaphore::new(connections));
    let graceful = GracefulShutdown::new();
    let mut stopping = std::pin::pin!(stopping);
    loop {
        let next = async {
            let permit = free.clone().acquire_owned().await;
            (listener.accept().await, permit.expect("nobody closes it"))
        };
        let (accepted, permit) = tokio::select! {
            next = next => next,
            () = &mut stopping => break,
        };
        match accepted {
            Ok((stream, peer)) => start(routes.clone(), stream, peer.ip().to_string().into(), permit, &graceful),
            // A client that went away is no concern; want of descriptors passes, or doesn't.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    drop(listener);
    // What hasn't ended by then is cut off.
    let _ = tokio::time::timeout(STOP_TIME, graceful.shutdown()).await;
}

/// Answers on one connection, in a task of its own; `permit` is given back when it ends.
fn start(
    routes: Arc<Routes>,
    stream: TcpStream,
    peer: Arc<str>,
    permit: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    // Answers are written whole, so delay gains nothing; a stream that refuses is only slower.
    let _ = stream.set_nodelay(true);
    // A second handle, since hyper owns the first by the time a fault is drawn.
    let second = routes.has_faults().then(|| stream.as_fd().try_clone_to_owned().ok());
    let resettable = second.flatten().map(Arc::new);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIME));
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (routes, peer, resettable) = (routes.clone(), peer.clone(), resettable.clone());
        async move {
            let (head, _) = request.into_parts();
            let response = routes.respond(head, &peer).await;
            if let (Err(ResetConnection), Some(socket)) = (&response, &resettable) {
                // Closed with time zero to linger, a connection is reset.
                let _ = set_socket_linger(&**socket, Some(Duration::ZERO));
            }
            response.map_err(|ResetConnection| io::Error::from(io::ErrorKind::ConnectionReset))
        }
    });
    // hyper drops the request of a client that has closed its side: no answer is made that nobody reads.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // How a client leaves is its own concern.
        let _ = connection.await;
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::made_up::MadeUpAccount;
    use crate::serve::made_up::options::AccountOptions;
    use crate::serve::{Backend, ServeOptions};
    use std::net::{Ipv4Addr, SocketAddr};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const WAIT: Duration = Duration::from_millis(300);

    /// A server of a made-up account that takes one connection at a time.
    async fn start_for_one_client(options: ServeOptions) -> SocketAddr {
        let account = MadeUpAccount::generate(&AccountOptions {
            runs: 20,
            ..AccountOptions::default()
        });
        let routes = Routes::new(Backend::MadeUp(Arc::new(account)), options);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::new(routes), 1, std::future::pending()));
        address
    }

    async fn ask(address: SocketAddr, target: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait_for_one_to_end() {
        let address = start_for_one_client(ServeOptions::default()).await;
        let mut first = ask(address, "/healthz").await;
        first.read_u8().await.unwrap();
        let mut second = ask(address, "/healthz").await;
        assert!(tokio::time::timeout(WAIT, second.read_u8()).await.is_err());
        drop(first);
        second.read_u8().await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_has_gone_keeps_nobody_waiting() {
        let latency = Duration::from_secs(3600);
        let address = start_for_one_client(ServeOptions {
            latency,
            ..ServeOptions::default()
        })
        .await;
        drop(ask(address, "/v2/actor-runs").await);
        let mut next = ask(address, "/healthz").await;
        next.read_u8().await.unwrap();
    }
}
