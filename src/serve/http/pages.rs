//! Pages for people over what is served: their paths, and who may open them. What stands on them is worked out elsewhere.
//! Unlike a client of the API, a browser asks for whatever site it is on: so whom it takes itself to be talking to is checked.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::serve::question::decoded;

/// What a page is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageQuestion {
    /// `/`: the report of a period; the query as it is.
    Report(String),
    /// `/report/NAME.csv` and `.json`: one table of it.
    Table {
        name: String,
        format: TableFormat,
        query: String,
    },
    /// `/runs/ID`
    Run(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    Csv,
    Json,
}

impl PageQuestion {
    /// None where no page has the path.
    fn parse(path: &str, query: &str) -> Option<PageQuestion> {
        if path == "/" {
            return Some(PageQuestion::Report(query.into()));
        }
        if let Some(id) = path.strip_prefix("/runs/") {
            return (!id.is_empty() && !id.contains('/')).then(|| PageQuestion::Run(decoded(id)));
        }
        let (name, format) = path.strip_prefix("/report/")?.rsplit_once('.')?;
        let format = match format {
            "csv" => TableFormat::Csv,
            "json" => TableFormat::Json,
            _ => return None,
        };
        Some(PageQuestion::Table {
            name: decoded(name),
            format,
            query: query.into(),
        })
    }
}

#[derive(Debug)]
pub struct WebPage {
    pub content: Vec<u8>,
    pub content_type: &'static str,
    /// `Content-Security-Policy`
    pub policy: String,
    /// The name under which a browser keeps it; none where it shows it.
    pub file_name: Option<String>,
}

/// Why there is no page, in words for its reader.
#[derive(Debug)]
pub enum PageRefusal {
    BadRequest(String),
    NotFound(String),
    Failed(String),
}

type MakePage = dyn Fn(&PageQuestion) -> Result<WebPage, PageRefusal> + Send + Sync;

/// What makes pages.
#[derive(Clone)]
pub struct PageMaker(pub Arc<MakePage>);

impl fmt::Debug for PageMaker {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("PageMaker")
    }
}

/// Who may open pages.
#[derive(Debug)]
pub struct PageAccess {
    /// Where the server listens: besides loopback, what a browser may take it to be.
    pub host: IpAddr,
    pub token: Option<SecretString>,
}

/// What a browser asked, before anything is made: a question, an icon that there is not, or a refusal.
#[derive(Debug)]
pub(super) enum PageRequest {
    Make(PageQuestion),
    NoIcon,
    Refused(StatusCode, &'static str),
}

impl PageAccess {
    /// None where the path is no page's.
    pub(super) fn admit(&self, head: &Parts) -> Option<PageRequest> {
        let path = head.uri.path();
        let question = PageQuestion::parse(path, head.uri.query().unwrap_or_default());
        if question.is_none() && path != "/favicon.ico" {
            return None;
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            let text = "Pages are read-only: use GET.\n";
            return Some(PageRequest::Refused(StatusCode::METHOD_NOT_ALLOWED, text));
        }
        if !self.knows_host(head) {
            let text = "The Host header has to name this machine once: localhost, a loopback address or the address of --host.\n";
            return Some(PageRequest::Refused(StatusCode::BAD_REQUEST, text));
        }
        let Some(question) = question else {
            return Some(PageRequest::NoIcon);
        };
        if !self.has_token(head) {
            let text = "Give the token as the password, with any user name.\n";
            return Some(PageRequest::Refused(StatusCode::UNAUTHORIZED, text));
        }
        Some(PageRequest::Make(question))
    }

    /// Whether the request names this machine, once: a name that another site has given this address is none of ours.
    fn knows_host(&self, head: &Parts) -> bool {
        let mut hosts = head.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
        let is_known = |authority: &Authority| {
            let is_bare = !authority.as_str().contains('@');
            is_bare && self.is_ours(authority.host())
        };
        host.as_ref().is_some_and(is_known) && head.uri.authority().is_none_or(is_known)
    }

    fn is_ours(&self, host: &str) -> bool {
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let address = literal.unwrap_or(host).parse::<IpAddr>();
        match address {
            // An address is no name, so nobody can have given it to another machine.
            Ok(address) => address.is_loopback() || address == self.host || self.host.is_unspecified(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn has_token(&self, head: &Parts) -> bool {
        let Some(expected) = &self.token else {
            return true;
        };
        let mut given = head.headers.get_all(header::AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else {
            return false;
        };
        let given = given.to_str().ok().and_then(password).unwrap_or_default();
        // Compared in constant time, so that the time taken says nothing of where they differ.
        bool::from(given.as_slice().ct_eq(expected.expose_secret().as_bytes()))
    }
}

/// The password of `Basic`, or the token of `Bearer`.
fn password(value: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = value.trim().split_once([' ', '\t'])?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().into());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = STANDARD.decode(rest.trim()).ok()?;
    let colon = text.iter().position(|byte| *byte == b':')?;
    Some(text[colon + 1..].to_vec())
}

/// Headers of every answer to a browser.
pub(super) fn headers(policy: &str) -> Vec<(HeaderName, HeaderValue)> {
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    let mut headers: Vec<(HeaderName, HeaderValue)> = fixed
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
    let policy = HeaderValue::from_str(policy);
    headers.extend(policy.ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    headers
}

/// What a browser may do with an answer that is not a page.
pub(super) const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn head(path: &str, headers: &[(&str, &str)]) -> Parts {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| {
            request.header(*name, *value)
        });
        request.body(()).unwrap().into_parts().0
    }

    fn access(host: &str, token: Option<&str>) -> PageAccess {
        PageAccess {
            host: host.parse().unwrap(),
            token: token.map(SecretString::from),
        }
    }

    #[test]
    fn pages_have_few_paths_and_the_api_keeps_its_own() {
        let parse = |path: &str| PageQuestion::parse(path, "from=2025-09-01");
        assert_eq!(parse("/"), Some(PageQuestion::Report("from=2025-09-01".into())));
        assert_eq!(parse("/runs/a%2Fb"), Some(PageQuestion::Run("a/b".into())));
        let table = |name: &str, format| {
            Some(PageQuestion::Table {
                name: name.into(),
                format,
                query: "from=2025-09-01".into(),
            })
        };
        assert_eq!(
            parse("/report/cost_by_actor.csv"),
            table("cost_by_actor", TableFormat::Csv)
        );
        assert_eq!(
            parse("/report/cost_by_day.json"),
            table("cost_by_day", TableFormat::Json)
        );
        for path in [
            "/v2/actor-runs",
            "/runs/",
            "/runs/a/b",
            "/report/x",
            "/report/x.html",
            "/index.html",
            "//",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn only_a_host_that_is_this_machine_is_answered() {
        let access = access("192.0.2.7", None);
        let is_made = |hosts: &[&str]| {
            let hosts: Vec<(&str, &str)> = hosts.iter().map(|host| ("host", *host)).collect();
            matches!(access.admit(&head("/", &hosts)), Some(PageRequest::Make(_)))
        };
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:1",
            "192.0.2.7:8080",
        ] {
            assert!(is_made(&[host]), "{host}");
        }
        for hosts in [
            &[][..],
            &["localhost", "localhost"],
            &["evil.example"],
            &["127.0.0.1.evil.example"],
            &["192.0.2.8"],
            &["a@localhost"],
            &["localhost.evil.example:80"],
            &[""],
        ] {
            assert!(!is_made(hosts), "{hosts:?}");
        }
        let absolute = head("http://evil.example/", &[("host", "localhost")]);
        assert!(matches!(
            access.admit(&absolute),
            Some(PageRequest::Refused(StatusCode::BAD_REQUEST, _))
        ));
    }

    #[test]
    fn on_all_addresses_any_address_is_ours_and_no_name() {
        let access = access("0.0.0.0", None);
        assert!(access.is_ours("203.0.113.9") && access.is_ours("[2001:db8::1]"));
        assert!(!access.is_ours("server.example"));
    }

    #[test]
    fn the_token_is_the_password_of_any_user() {
        let access = access("127.0.0.1", Some("s3cret:x"));
        let status = |authorization: &[&str]| {
            let given = authorization.iter().map(|value| ("authorization", *value));
            let headers: Vec<_> = [("host", "localhost")].into_iter().chain(given).collect();
            match access.admit(&head("/", &headers)) {
                Some(PageRequest::Refused(status, _)) => status.as_u16(),
                _ => 200,
            }
        };
        // printf 'anyone:s3cret:x' | base64
        assert_eq!(status(&["Basic YW55b25lOnMzY3JldDp4"]), 200);
        assert_eq!(status(&["basic  YW55b25lOnMzY3JldDp4"]), 200);
        assert_eq!(status(&["Bearer s3cret:x"]), 200);
        let twice = ["Bearer s3cret:x", "Bearer s3cret:x"];
        for refused in [
            &[][..],
            &["Basic YW55b25lOnM="],
            &["Basic !"],
            &["Digest s3cret:x"],
            &twice,
        ] {
            assert_eq!(status(refused), 401, "{refused:?}");
        }
    }
}
