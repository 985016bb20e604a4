//! How stores are talked to, whichever they are: time-outs, retries, and how long credentials may take.

use std::sync::Arc;
use std::time::Duration;

use deltalake_core::ObjectStore;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use url::Url;

/// How long it may take until credentials are there: a process or a browser may be behind them.
pub const CREDENTIALS_TIME: Duration = Duration::from_secs(15);
/// How long one request may take: a data file goes up whole, over slow lines too.
const REQUEST_TIME: Duration = Duration::from_secs(120);
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// For how long, and how often, what failed is tried again.
const RETRY_TIME: Duration = Duration::from_secs(60);
const RETRIES: usize = 8;

/// A store, and the origin at which it is talked to, such as `https://s3.eu-central-1.amazonaws.com`.
pub type StoreAtOrigin = (Arc<dyn ObjectStore>, String);

/// Only what is said here: variables could otherwise switch off certificates.
pub fn client_options(is_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(is_http)
        .with_timeout(REQUEST_TIME)
        .with_connect_timeout(CONNECT_TIME)
}

pub fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES,
        retry_timeout: RETRY_TIME,
    }
}

/// Scheme, host and port of a URL, without path, query and credentials.
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_known_by_its_origin_alone() {
        let of = |text: &str| origin(&Url::parse(text).unwrap());
        assert_eq!(
            of("https://minio.example.com:9000/a/b?c=d#e"),
            "https://minio.example.com:9000"
        );
        assert_eq!(of("https://s3.example.com:443/"), "https://s3.example.com");
    }
}
