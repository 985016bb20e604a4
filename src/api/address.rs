//! Where the API is, and where its token may go. No request is made here.

use reqwest::{Url, redirect};

use crate::error::{Error, Result};

pub const DEFAULT_API_URL: &str = "https://api.apify.com";
/// Names another one, in the Apify ecosystem.
pub const API_URL_VARIABLE: &str = "APIFY_API_BASE_URL";
/// How many redirects within the API's own host are followed, one after the other.
const MAX_REDIRECTS: usize = 5;

/// Follows redirects within the API's own origin alone: the token must not go elsewhere.
pub(super) fn within_origin() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let start = attempt.previous().first().map(Url::origin);
        if attempt.previous().len() <= MAX_REDIRECTS && start == Some(attempt.url().origin()) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

/// The API's address, refused where a token must not go.
pub(super) fn base_url(text: &str) -> Result<Url> {
    let wrong = |problem: &str| {
        Error::Usage(format!(
            "the API's address {problem} (--api-url, {API_URL_VARIABLE}); expected a URL such as {DEFAULT_API_URL}"
        ))
    };
    let url = Url::parse(text).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must have no user name and no password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must have no query and no fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "must begin with https:// unless it is on this machine, because others could read the token on the network",
        )),
        _ => Err(wrong("must begin with https://")),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
    })
}

/// A path below the base; a base that already ends in `/v2` is taken as meant.
pub(super) fn endpoint(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    let given = base.path_segments().into_iter().flatten();
    let mut given: Vec<&str> = given.filter(|segment| !segment.is_empty()).collect();
    given.pop_if(|last| *last == "v2");
    let mut segments = url.path_segments_mut().expect("http URLs have paths");
    segments.clear().extend(given).extend(path);
    drop(segments);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_over_https_or_stays_on_this_machine() {
        for fine in [
            "https://api.apify.com",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:9/",
        ] {
            assert!(base_url(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "http://api.apify.com",
            "http://127.0.0.1.example.com",
            "ftp://x",
            "api.apify.com",
            "https://u:p@h",
            "https://h/?a",
        ] {
            assert_eq!(base_url(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn the_version_is_appended_once() {
        for base in ["https://h", "https://h/", "https://h/v2", "https://h/v2/"] {
            assert_eq!(
                endpoint(&base_url(base).unwrap(), &["v2", "actor-runs"]).as_str(),
                "https://h/v2/actor-runs"
            );
        }
        assert_eq!(
            endpoint(&base_url("https://h/p/").unwrap(), &["v2", "a"]).as_str(),
            "https://h/p/v2/a"
        );
    }
}
