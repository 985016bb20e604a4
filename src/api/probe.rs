//! Looks at a port that gave no answer: which protocol is spoken there. Sends no token, reads some bytes, and waits for no more
//! than moments.

use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::obstacle::Found;
use super::route::{ProxyRoute, Route};

/// The most time for it.
const PROBE_TIME: Duration = Duration::from_secs(2);
/// The most that is read of an answer.
const ANSWER_BYTES: u64 = 2048;
/// The types of TLS records with which a server answers: a handshake, or an alert. The version's first byte follows.
const TLS_RECORDS: [[u8; 2]; 2] = [[0x16, 0x03], [0x15, 0x03]];

/// What is spoken at the API's port, where it isn't what was expected.
pub(super) async fn probe_port(route: &Route) -> Found {
    if route.is_tls {
        let host = &route.host;
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        match ask(&route.address(), request.as_bytes()).await {
            Some(answer) if is_of_plain_http(&answer) => Found::PlainHttp,
            _ => Found::Nothing,
        }
    } else {
        let answer = ask(&route.address(), &hello(&route.host).unwrap_or_default()).await;
        match answer {
            Some(answer) if TLS_RECORDS.iter().any(|record| answer.starts_with(record)) => Found::Tls,
            // Such as a banner of SSH; a server for HTTP only says that it can't read the request.
            Some(answer) if !answer.starts_with(b"HTTP/") => Found::Other,
            _ => Found::Nothing,
        }
    }
}

/// What a proxy answers to a request for a tunnel to the API.
pub(super) async fn probe_proxy(proxy: &ProxyRoute, route: &Route) -> Found {
    // One that is reached by TLS isn't asked again: it answered, and not with a tunnel.
    if proxy.is_tls {
        return Found::NoProxy;
    }
    let to = route.address();
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    match ask(&proxy.address(), &request).await {
        None => Found::Nothing,
        Some(answer) => match status(&answer) {
            None => Found::NoProxy,
            Some(200..=299) => Found::Nothing,
            Some(status) => Found::ProxyStatus(status),
        },
    }
}

/// Sends some bytes, and gives the first that come back: until the other side closes the connection, enough have come, or the time
/// is over.
async fn ask(address: &str, request: &[u8]) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request).await?;
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await
    };
    drop(tokio::time::timeout(PROBE_TIME, exchange).await);
    Some(answer).filter(|answer| !answer.is_empty())
}

/// Whether an answer to a request without encryption comes from a server that speaks no other way. One for HTTPS may answer so
/// much without: that it was a bad request, since HTTPS is spoken here (nginx, Apache, Go, Tomcat).
fn is_of_plain_http(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let names_tls = ["https", "ssl", "tls"].iter().any(|word| text.contains(word));
    status(answer).is_some_and(|status| status != 400 || !names_tls)
}

/// The status of the beginning of an HTTP answer.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r' || *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let (version, rest) = line.split_once(' ')?;
    version.strip_prefix("HTTP/1.")?;
    rest.get(..3)?.parse().ok()
}

/// The first message of a TLS client.
fn hello(host: &str) -> Option<Vec<u8>> {
    let config = ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_string()).ok()?;
    let mut connection = ClientConnection::new(config.into(), name).ok()?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).ok()?;
    Some(hello)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_for_https_that_says_so_in_plain_http_is_no_plain_server() {
        for answer in [
            "HTTP/1.1 400 Bad Request\r\n\r\n<center>The plain HTTP request was sent to HTTPS port</center>",
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.",
            "HTTP/1.1 400 \r\n\r\nThis combination of host and port requires TLS.",
            "SSH-2.0-OpenSSH_9.6\r\n",
        ] {
            assert!(!is_of_plain_http(answer.as_bytes()), "{answer}");
        }
        for answer in [
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nhttps://",
            "HTTP/1.1 404 Not",
        ] {
            assert!(is_of_plain_http(answer.as_bytes()), "{answer}");
        }
    }

    #[test]
    fn a_status_is_read_of_the_beginning_of_an_answer_and_of_nothing_else() {
        assert_eq!(status(b"HTTP/1.1 403 Forbidden\r\nServer: x"), Some(403));
        assert_eq!(status(b"HTTP/1.0 200\r\n"), Some(200));
        for other in [
            &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
            b"",
            b"HTTP/1.1",
            b"\x15\x03\x01\x00\x02",
            b"HTTP/1.1 20",
        ] {
            assert_eq!(status(other), None);
        }
    }
}
