//! What stands between this machine and the API when no answer comes: whether another attempt may pass, and which setting removes
//! what none will. Pure: a judgement of an error and its causes, and of what a probe found.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use rustls::{AlertDescription, CertificateError};

use super::route::Route;

/// What rustc's library puts before the words of the system's resolver.
const LOOKUP: &str = "failed to lookup address information";
/// The resolvers' words (glibc, musl, macOS) for what may pass, in lower case: EAI_AGAIN, EAI_MEMORY, EAI_SYSTEM.
const LOOKUP_MAY_PASS: [&str; 6] = [
    "temporary failure",
    "try again",
    "memory",
    "system error",
    "interrupted",
    "in progress",
];
/// The tunnel's words: they have no type of their own that could be asked for.
const TUNNEL: &str = "tunnel error: ";

/// Hyper's words for bytes that come before anything was asked for.
const UNEXPECTED_MESSAGE: &str = "received unexpected message from connection";

/// What an error means for the next attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Another attempt may pass.
    Passing,
    /// None will: what is wrong, and the setting that mends it.
    Lasting(String),
    /// The connection ended before an answer: perhaps another protocol is spoken on that port.
    Protocol,
    /// The proxy didn't make the tunnel, with a status that only a probe learns.
    Tunnel,
}

/// What a probe of a port found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// HTTP without encryption.
    PlainHttp,
    Tls,
    /// Neither, on a port where HTTP was expected.
    Other,
    /// The status of a proxy's answer to CONNECT.
    ProxyStatus(u16),
    /// A proxy's port, and no HTTP on it.
    NoProxy,
    Nothing,
}

impl Obstacle {
    /// Judges an error by its causes.
    pub(super) fn of(error: &(dyn StdError + 'static), route: &Route) -> Obstacle {
        let causes = causes(error);
        let texts: Vec<String> = causes.iter().map(ToString::to_string).collect();
        let tunnel = texts.iter().find_map(|text| text.strip_prefix(TUNNEL));
        if let (Some(words), Some(proxy)) = (tunnel, &route.proxy) {
            let variable = proxy.variable;
            // What failed is the connection to the proxy.
            if words.starts_with("failed to create") {
                let peer = Peer {
                    name: format!("the proxy that {variable} names"),
                    setting: format!("correct {variable}, or unset it"),
                    is_proxy: true,
                };
                return peer.judge(&causes, &proxy.host, proxy.is_tls);
            }
            let is_closed = words == "unexpected end of file" || is_closed(&io_kinds(&causes));
            return match words {
                "proxy authorization required" => Obstacle::Lasting(proxy_refusal(variable, 407)),
                "unsuccessful" => Obstacle::Tunnel,
                "proxy response headers too long" => Obstacle::Lasting(no_proxy(variable)),
                _ if is_closed => Obstacle::Lasting(format!(
                    "the proxy that {variable} names closes connections without an answer: correct {variable}, or unset it"
                )),
                _ => Obstacle::Passing,
            };
        }
        let peer = Peer {
            name: route.address(),
            setting: "correct --api-url or APIFY_API_BASE_URL".into(),
            is_proxy: false,
        };
        peer.judge(&causes, &route.host, route.is_tls)
    }

    /// The same of a port that was probed, or of one that never answers.
    pub(super) fn after_probe(found: Found, route: &Route) -> Obstacle {
        let (address, setting) = (route.address(), "correct --api-url or APIFY_API_BASE_URL");
        let variable = route.proxy.as_ref().map_or("HTTPS_PROXY", |proxy| proxy.variable);
        match found {
            Found::PlainHttp if route.is_tls => Obstacle::Lasting(format!(
                "{address} answers in plain HTTP, not in HTTPS: {setting}, which names another port or needs http://"
            )),
            Found::Tls if !route.is_tls => Obstacle::Lasting(format!(
                "{address} answers in HTTPS, not in plain HTTP: {setting} to begin with https://"
            )),
            Found::Other => Obstacle::Lasting(not_http(&address, setting, route.is_tls)),
            // As from the API itself.
            Found::ProxyStatus(status) if status >= 500 || matches!(status, 408 | 429) => Obstacle::Passing,
            Found::ProxyStatus(status) => Obstacle::Lasting(proxy_refusal(variable, status)),
            Found::NoProxy => Obstacle::Lasting(no_proxy(variable)),
            _ => Obstacle::Passing,
        }
    }
}

fn not_http(name: &str, setting: &str, is_tls: bool) -> String {
    let (protocol, scheme) = match is_tls {
        true => ("HTTP", ""),
        false => ("plain HTTP", ", which may need https://"),
    };
    format!("the server at {name} does not speak {protocol}: {setting}{scheme}")
}

fn no_proxy(variable: &str) -> String {
    format!("the server that {variable} names does not answer as an HTTP proxy: correct {variable}, or unset it")
}

fn proxy_refusal(variable: &str, status: u16) -> String {
    if status == 407 {
        return format!(
            "the proxy that {variable} names requires a valid user name and password (407): give them in {variable}, as in \
             http://USER:PASSWORD@HOST:PORT"
        );
    }
    format!(
        "the proxy that {variable} names refused the connection to the API ({status}): allow the API's host there, correct \
         {variable}, or name the host in NO_PROXY"
    )
}

/// Who doesn't answer: the API's host, or a proxy.
struct Peer {
    name: String,
    setting: String,
    is_proxy: bool,
}

impl Peer {
    fn judge(&self, causes: &[&(dyn StdError + 'static)], host: &str, is_tls: bool) -> Obstacle {
        let (name, setting) = (&self.name, &self.setting);
        if is_lookup(causes) {
            return if lookup_lasts(causes, host) {
                let dns = if self.is_proxy { "" } else { "; no DNS server knows it" };
                let what = if self.is_proxy {
                    format!("the host of {name}")
                } else {
                    format!("the host {host}")
                };
                Obstacle::Lasting(format!("{what} was not found{dns}: {setting}"))
            } else {
                Obstacle::Passing
            };
        }
        if let Some(error) = find::<rustls::Error>(causes) {
            return self.judge_tls(error);
        }
        if find::<hyper::Error>(causes).is_some_and(hyper::Error::is_parse) {
            return Obstacle::Lasting(not_http(name, setting, is_tls));
        }
        let kinds = io_kinds(causes);
        if kinds.contains(&ErrorKind::ConnectionRefused) {
            // The API's own host may be starting again.
            return if self.is_proxy {
                Obstacle::Lasting(format!("{name} refuses connections: {setting}"))
            } else {
                Obstacle::Passing
            };
        }
        if self.is_proxy {
            return Obstacle::Passing;
        }
        let is_incomplete = find::<hyper::Error>(causes).is_some_and(hyper::Error::is_incomplete_message);
        // So it is where a server speaks first; where it has answered before, it only ends an idle connection.
        let speaks_first = |cause: &&(dyn StdError + 'static)| cause.to_string() == UNEXPECTED_MESSAGE;
        let speaks_first = causes.iter().any(speaks_first);
        // The HTTP client's own words, by which a connection takes too long; most of it is the handshake's.
        let is_late = |cause: &&(dyn StdError + 'static)| cause.to_string() == "operation timed out";
        let in_handshake = is_tls && causes.iter().any(is_late);
        if is_closed(&kinds) || is_incomplete || in_handshake || speaks_first {
            Obstacle::Protocol
        } else {
            Obstacle::Passing
        }
    }

    fn judge_tls(&self, error: &rustls::Error) -> Obstacle {
        let name = &self.name;
        let setting = &self.setting;
        match error {
            rustls::Error::InvalidCertificate(problem) => Obstacle::Lasting(format!(
                "the certificate of {name} is not trusted: {}",
                certificate(problem, setting)
            )),
            rustls::Error::InvalidMessage(_) => {
                Obstacle::Lasting(format!("the server at {name} does not speak HTTPS: {setting}"))
            }
            // The other side's own trouble.
            rustls::Error::AlertReceived(AlertDescription::InternalError | AlertDescription::UserCanceled) => {
                Obstacle::Passing
            }
            rustls::Error::AlertReceived(_)
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::PeerMisbehaved(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::InappropriateHandshakeMessage { .. }
            | rustls::Error::InappropriateMessage { .. } => Obstacle::Lasting(format!(
                "{name} and apify-runs have no version of TLS in common, or the server requires a client certificate ({error}): {setting}"
            )),
            _ => Obstacle::Passing,
        }
    }
}

/// What is wrong with a certificate, and what mends it.
fn certificate(problem: &CertificateError, setting: &str) -> String {
    let authority =
        "if it is a company's proxy or server, set SSL_CERT_FILE to a PEM file with the certificates of its authority";
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; if it has not, set this machine's clock".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; set this machine's clock".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it belongs to another host; {setting}")
        }
        CertificateError::UnknownIssuer => {
            format!("it was issued by an authority that this machine does not know; {authority}")
        }
        CertificateError::Revoked => "its authority has revoked it".into(),
        // Such as a certificate that signed itself: an authority's, used as a server's.
        problem => format!("{problem}; {authority}"),
    }
}

/// An error and its causes. An `io::Error` gives its inner error's cause as its own: that inner error is among them too.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> Vec<&'e (dyn StdError + 'static)> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        causes.push(error);
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    causes
}

fn io_kinds(causes: &[&(dyn StdError + 'static)]) -> Vec<ErrorKind> {
    let errors = causes.iter().filter_map(|cause| cause.downcast_ref::<io::Error>());
    errors.map(io::Error::kind).collect()
}

/// Whether the other side ended the connection.
fn is_closed(kinds: &[ErrorKind]) -> bool {
    let closed = [
        ErrorKind::UnexpectedEof,
        ErrorKind::ConnectionReset,
        ErrorKind::BrokenPipe,
    ];
    kinds.iter().any(|kind| closed.contains(kind))
}

fn find<'e, E: StdError + 'static>(causes: &[&'e (dyn StdError + 'static)]) -> Option<&'e E> {
    causes.iter().find_map(|cause| cause.downcast_ref::<E>())
}

fn is_lookup(causes: &[&(dyn StdError + 'static)]) -> bool {
    let texts = causes.iter().map(ToString::to_string);
    let mut texts = texts.map(|text| text == "dns error" || text.starts_with(LOOKUP));
    texts.any(|is_lookup| is_lookup)
}

/// Whether a name isn't there for good, by the resolver's words; and `.invalid` never is (RFC 6761), whatever a resolver without a
/// network says.
fn lookup_lasts(causes: &[&(dyn StdError + 'static)], host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "invalid" || host.ends_with(".invalid") {
        return true;
    }
    let texts = causes.iter().map(ToString::to_string);
    let mut words = texts.filter_map(|text| Some(text.split_once(LOOKUP)?.1.to_lowercase()));
    // Errors of the system, such as too many open files, have other texts.
    words
        .next()
        .is_some_and(|words| !LOOKUP_MAY_PASS.iter().any(|passing| words.contains(passing)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::route::ProxyRoute;
    use rustls::InvalidMessage;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] io::Error);

    fn route(host: &str) -> Route {
        Route {
            host: host.into(),
            port: 443,
            is_tls: true,
            proxy: None,
        }
    }

    fn proxied() -> Route {
        let proxy = ProxyRoute {
            variable: "https_proxy",
            host: "proxy".into(),
            port: 3128,
            is_tls: false,
            authorization: None,
        };
        Route {
            proxy: Some(proxy),
            ..route("api.apify.com")
        }
    }

    fn lookup(host: &str, words: &str) -> Obstacle {
        let text = format!("{LOOKUP}: {words}");
        let error = Layer("dns error", io::Error::other(text));
        Obstacle::of(&error, &route(host))
    }

    #[track_caller]
    fn lasting(obstacle: &Obstacle, parts: &[&str]) {
        let Obstacle::Lasting(text) = obstacle else {
            panic!("{obstacle:?}");
        };
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }

    #[test]
    fn a_name_that_is_not_there_is_told_from_a_resolver_that_cannot_say() {
        for words in [
            "Name or service not known",
            "No address associated with hostname",
            "Name does not resolve",
            "Name has no usable address",
            "nodename nor servname provided, or not known",
            "Non-recoverable failure in name resolution",
        ] {
            lasting(
                &lookup("api.apify.con", words),
                &["api.apify.con", "not found", "--api-url"],
            );
        }
        for words in [
            "Temporary failure in name resolution",
            "Try again",
            "Memory allocation failure",
            "Out of memory",
        ] {
            assert_eq!(lookup("api.apify.com", words), Obstacle::Passing, "{words}");
            lasting(&lookup("api.apify.invalid", words), &["api.apify.invalid"]);
            lasting(&lookup("API.INVALID.", words), &["not found"]);
        }
        let system = Layer("dns error", io::Error::from_raw_os_error(24));
        assert_eq!(Obstacle::of(&system, &route("api.apify.com")), Obstacle::Passing);
    }

    #[test]
    fn a_certificate_is_found_within_errors_of_the_connection() {
        let problems = [
            (CertificateError::UnknownIssuer, "SSL_CERT_FILE"),
            (CertificateError::Expired, "expired"),
            (CertificateError::NotValidYet, "clock"),
            (CertificateError::NotValidForName, "belongs to another host"),
            (CertificateError::Revoked, "revoked"),
            (CertificateError::BadEncoding, "SSL_CERT_FILE"),
        ];
        for (problem, words) in problems {
            let error = io::Error::other(rustls::Error::InvalidCertificate(problem));
            let error = Layer("client error", io::Error::other(error));
            lasting(&Obstacle::of(&error, &route("h")), &["certificate of h:443", words]);
        }
        let other = io::Error::other(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType));
        lasting(
            &Obstacle::of(&Layer("x", other), &route("h")),
            &["h:443 does not speak HTTPS"],
        );
        let theirs = io::Error::other(rustls::Error::AlertReceived(AlertDescription::InternalError));
        assert_eq!(Obstacle::of(&Layer("x", theirs), &route("h")), Obstacle::Passing);
    }

    #[test]
    fn a_proxy_is_told_from_the_host_behind_it() {
        let refused = || io::Error::from(ErrorKind::ConnectionRefused);
        let to_proxy = Layer("tunnel error: failed to create underlying connection", refused());
        lasting(
            &Obstacle::of(&to_proxy, &proxied()),
            &["https_proxy", "refuses connections"],
        );
        assert_eq!(
            Obstacle::of(&Layer("tcp connect error", refused()), &route("h")),
            Obstacle::Passing
        );
        let authorization = Layer("tunnel error: proxy authorization required", refused());
        lasting(&Obstacle::of(&authorization, &proxied()), &["https_proxy", "407"]);
        let reset = || io::Error::from(ErrorKind::ConnectionReset);
        for words in ["unexpected end of file", "io error establishing tunnel"] {
            let text: &'static str = format!("tunnel error: {words}").leak();
            lasting(
                &Obstacle::of(&Layer(text, reset()), &proxied()),
                &["https_proxy", "closes connections"],
            );
        }
        let unsuccessful = Layer("tunnel error: unsuccessful", refused());
        assert_eq!(Obstacle::of(&unsuccessful, &proxied()), Obstacle::Tunnel);
        lasting(
            &Obstacle::after_probe(Found::ProxyStatus(403), &proxied()),
            &["https_proxy", "403"],
        );
        lasting(&Obstacle::after_probe(Found::NoProxy, &proxied()), &["https_proxy"]);
        assert_eq!(
            Obstacle::after_probe(Found::ProxyStatus(503), &proxied()),
            Obstacle::Passing
        );
        let name = Layer(
            "tunnel error: failed to create underlying connection",
            io::Error::other(format!("{LOOKUP}: Name or service not known")),
        );
        lasting(&Obstacle::of(&name, &proxied()), &["https_proxy", "not found"]);
    }

    #[test]
    fn a_connection_that_ends_without_an_answer_is_worth_a_probe() {
        for kind in [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset] {
            assert_eq!(Obstacle::of(&Layer("x", kind.into()), &route("h")), Obstacle::Protocol);
        }
        lasting(
            &Obstacle::after_probe(Found::PlainHttp, &route("h")),
            &["plain HTTP", "--api-url"],
        );
        let plain = Route {
            is_tls: false,
            ..route("h")
        };
        lasting(&Obstacle::after_probe(Found::Tls, &plain), &["https://"]);
        lasting(
            &Obstacle::after_probe(Found::Other, &plain),
            &["not speak plain HTTP", "https://"],
        );
        let first = Layer("operation was canceled", io::Error::other(UNEXPECTED_MESSAGE));
        assert_eq!(Obstacle::of(&first, &plain), Obstacle::Protocol);
        for (found, route) in [
            (Found::Nothing, route("h")),
            (Found::Tls, route("h")),
            (Found::PlainHttp, plain),
        ] {
            assert_eq!(Obstacle::after_probe(found, &route), Obstacle::Passing);
        }
    }
}
