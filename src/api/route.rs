//! The way to the API: its host and port, and the proxy in between, if the environment names one. No request is made here.

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::error::{Error, Result};

/// The variables that name a proxy for HTTPS, the first that is set first, as the HTTP client reads them.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTION_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// Set by a web server for what it runs: then a request's header could set `HTTP_PROXY`, and no proxy is used.
const CGI_VARIABLE: &str = "REQUEST_METHOD";

#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
    pub(super) proxy: Option<ProxyRoute>,
}

#[derive(Debug, Clone)]
pub(super) struct ProxyRoute {
    /// The variable that names it; its value may hold a password, and is never shown.
    pub(super) variable: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
    pub(super) authorization: Option<HeaderValue>,
}

impl Route {
    /// The way to a base address by this process's environment; exit 4 where the proxy that it names can't be used.
    pub(super) fn new(base: &Url) -> Result<Route> {
        Route::by(base, |name| std::env::var(name).ok())
    }

    fn by(base: &Url, variable: impl Fn(&str) -> Option<String>) -> Result<Route> {
        let is_tls = base.scheme() == "https";
        let host = base.host_str().unwrap_or_default();
        let is_proxied = is_tls && variable(CGI_VARIABLE).is_none() && !is_exception(host, &variable);
        Ok(Route {
            host: host.into(),
            port: base.port_or_known_default().unwrap_or(443),
            is_tls,
            proxy: if is_proxied { proxy(&variable)? } else { None },
        })
    }

    /// Host and port, as in `api.apify.com:443`.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl ProxyRoute {
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Whether a host is reached without the proxy.
fn is_exception(host: &str, variable: &impl Fn(&str) -> Option<String>) -> bool {
    let exceptions = EXCEPTION_VARIABLES.into_iter().find_map(variable).unwrap_or_default();
    let any_proxy = Matcher::builder().https("http://proxy").no(exceptions).build();
    let uri = format!("https://{host}/").parse::<Uri>();
    uri.is_ok_and(|uri| any_proxy.intercept(&uri).is_none())
}

fn proxy(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<ProxyRoute>> {
    // Of the two spellings of one name, the first that is set counts, even if it is empty.
    let [upper, lower, all_upper, all_lower] = PROXY_VARIABLES;
    let set = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
    let named = [[upper, lower], [all_upper, all_lower]].into_iter().filter_map(set);
    let Some((variable, value)) = named.into_iter().find(|(_, value)| !value.trim().is_empty()) else {
        return Ok(None);
    };
    let unusable = || {
        Error::OutOfReach(format!(
            "the variable {variable} names no proxy that can be used: expected http://HOST:PORT or https://HOST:PORT; correct it, \
             unset it, or name the API's host in NO_PROXY"
        ))
    };
    let matcher = Matcher::builder().https(value).build();
    let proxy = matcher.intercept(&Uri::from_static("https://host/"));
    let proxy = proxy.ok_or_else(unusable)?;
    let is_tls = match proxy.uri().scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(unusable()),
    };
    let host = proxy
        .uri()
        .host()
        .filter(|host| !host.is_empty())
        .ok_or_else(unusable)?;
    Ok(Some(ProxyRoute {
        variable,
        host: host.into(),
        port: proxy.uri().port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
        is_tls,
        authorization: proxy.basic_auth().cloned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(variables: &[(&str, &str)]) -> Result<Route> {
        let base = Url::parse("https://api.apify.com").unwrap();
        Route::by(&base, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_string())
        })
    }

    #[test]
    fn a_proxy_is_named_by_its_variable() {
        for variable in PROXY_VARIABLES {
            let proxy = route(&[(variable, "http://u:p@proxy:3128/")]).unwrap().proxy.unwrap();
            assert_eq!((proxy.variable, proxy.address()), (variable, "proxy:3128".into()));
            assert!(proxy.authorization.is_some());
            let proxy = route(&[(variable, "proxy:3128")]).unwrap().proxy.unwrap();
            assert!(!proxy.is_tls);
        }
        let both = [("ALL_PROXY", "http://all"), ("https_proxy", "https://one")];
        let proxy = route(&both).unwrap().proxy.unwrap();
        assert_eq!((proxy.address(), proxy.is_tls), ("one:443".into(), true));
    }

    #[test]
    fn what_names_no_proxy_is_refused_by_its_variable_and_never_shown() {
        for variable in PROXY_VARIABLES {
            for value in [
                "ftp://s3cret",
                "socks5://s3cret:1080",
                "s3cret://x",
                "http//s3cret",
                "http://",
                "s3 cret",
            ] {
                let error = route(&[(variable, value)]).unwrap_err();
                let text = error.to_string();
                assert_eq!(error.exit_code(), 4);
                assert!(text.contains(variable) && !text.contains("s3"), "{value}: {text}");
            }
        }
    }

    #[test]
    fn where_no_proxy_is_used_none_is_judged() {
        for (variable, value) in [
            ("NO_PROXY", "api.apify.com"),
            ("no_proxy", ".apify.com"),
            ("NO_PROXY", "*"),
            ("REQUEST_METHOD", "GET"),
        ] {
            assert!(
                route(&[("HTTPS_PROXY", "ftp://x"), (variable, value)])
                    .unwrap()
                    .proxy
                    .is_none()
            );
        }
        assert!(
            route(&[("HTTPS_PROXY", " "), ("ALL_PROXY", "")])
                .unwrap()
                .proxy
                .is_none()
        );
        assert!(route(&[("HTTP_PROXY", "ftp://x")]).unwrap().proxy.is_none());
        let local = Url::parse("http://127.0.0.1:8080").unwrap();
        assert!(Route::by(&local, |_| Some("ftp://x".into())).unwrap().proxy.is_none());
    }
}
