//! Servers below HTTP: one that speaks TLS with a certificate of choice, and ones that speak something else. The certificates are
//! valid for `localhost` and `127.0.0.1` until 2119, or wrong in the way that their name says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The path of a certificate.
pub fn certificate(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/certificates");
    folder.join(name)
}

/// Hands each connection to a function, on a thread of its own, as long as the test runs; its port.
pub fn serve_raw(converse: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let converse = Arc::new(converse);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let converse = converse.clone();
            thread::spawn(move || converse(stream));
        }
    });
    port
}

/// A server for HTTPS that hands requests on to one for HTTP; its port.
pub fn serve_tls(pem: &str, upstream: &str) -> u16 {
    let certificate = CertificateDer::from_pem_file(certificate(pem)).unwrap();
    let key = PrivateKeyDer::from_pem_file(self::certificate("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (config, upstream) = (Arc::new(config), upstream.trim_start_matches("http://").to_string());
    serve_raw(move |stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        // A client that goes away ends it.
        while let Some(request) = read_head(&mut stream) {
            let mut api = TcpStream::connect(&upstream).unwrap();
            api.write_all(request.as_bytes()).unwrap();
            let head = read_head(&mut api).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let mut body = vec![0; length.unwrap().parse().unwrap()];
            api.read_exact(&mut body).unwrap();
            if stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body))
                .is_err()
            {
                return;
            }
        }
    })
}

/// A proxy that answers CONNECT with a status line, or hands the connection on to a port where it is 200.
pub fn serve_proxy(status: &'static str, to: u16) -> u16 {
    serve_raw(move |mut client| {
        if read_head(&mut client).is_none() {
            return;
        }
        let _ = client.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
        if !status.starts_with("200") {
            return;
        }
        let mut server = TcpStream::connect(("127.0.0.1", to)).unwrap();
        let (mut back, mut into) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut back, &mut into));
        let _ = std::io::copy(&mut client, &mut server);
    })
}

/// The head of a message; none where the connection ends before.
pub fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}
