//! Requests to responses: who may ask, how often, in which encoding, and what an error looks like. One way for all endpoints;
//! read-only.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access_log;
use super::answer::AnswerBody;
use super::encoding::Encoding;
use super::faults::InjectedFault;
use super::options::ServeOptions;
use super::pages::{self, PageAccess, PageMaker, PageRefusal, PageRequest, WebPage};
use super::pagination;
use crate::serve::backend::Backend;
use crate::serve::envelope::PageHead;
use crate::serve::question::ApiQuestion;
use crate::serve::refusal::Refusal;

/// Answers that are made or sent at once; others wait for one of them.
const ANSWERS: usize = 64;

/// Answered whatever the method, the token and the rate; not a part of the API.
const HEALTH: &str = "/healthz";

/// The connection is to be reset instead of answered.
#[derive(Debug)]
pub(super) struct ResetConnection;

type ResponseOrReset = Result<Response<AnswerBody>, ResetConnection>;

#[derive(Debug)]
pub(super) struct Routes {
    backend: Backend,
    options: ServeOptions,
    /// `Date`, of a clock that stands still; hyper's own otherwise.
    date: Option<HeaderValue>,
    /// When the requests of the last second came.
    recent: Mutex<VecDeque<Instant>>,
    page_access: PageAccess,
    answers: Arc<Semaphore>,
    /// Answers that are being made: as many as there are cores.
    makers: Arc<Semaphore>,
    /// Pages that are being made, which takes longer: clients of the API don't wait for them.
    page_makers: Arc<Semaphore>,
    requests: AtomicU64,
}

/// A response before a fault decides how its body ends.
struct Reply {
    status: StatusCode,
    encoding: Encoding,
    content: Vec<u8>,
    content_type: &'static str,
    /// Of an answer that is a page of a list.
    page: Option<PageHead>,
    /// Of an answer to a browser.
    headers: Vec<(HeaderName, HeaderValue)>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Routes {
    pub(super) fn new(backend: Backend, options: ServeOptions) -> Routes {
        let fixed_ms = backend.fixed_ms().or(options.clock.fixed_ms());
        let date = fixed_ms.map(|fixed_ms| {
            let date = chrono::DateTime::from_timestamp_millis(fixed_ms).expect("the clock is a valid instant");
            HeaderValue::try_from(date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).expect("a date is ASCII")
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Routes {
            backend,
            page_access: PageAccess {
                host: options.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                token: options.token.clone(),
            },
            options,
            date,
            recent: Mutex::default(),
            answers: Arc::new(Semaphore::new(ANSWERS)),
            makers: Arc::new(Semaphore::new(cores)),
            page_makers: Arc::new(Semaphore::new(cores)),
            requests: AtomicU64::new(0),
        }
    }

    pub(super) fn has_faults(&self) -> bool {
        self.options.faults.is_some()
    }

    pub(super) async fn respond(self: &Arc<Self>, head: Parts, peer: &str) -> ResponseOrReset {
        let came = Instant::now();
        let response = self.respond_or_fail(&head).await;
        if let Some(log) = &self.options.access_log {
            let sent = response.as_ref().ok();
            let sent = sent.map(|response| (response.status(), response.body().content_length()));
            let secret = self.options.token.as_ref().map(ExposeSecret::expose_secret);
            // Nobody waits for a log that isn't read: its lines are lost.
            let _ = log.try_send(access_log::line(&head, peer, sent, came.elapsed(), secret));
        }
        response
    }

    /// The answer, or what a fault makes of it.
    async fn respond_or_fail(self: &Arc<Self>, head: &Parts) -> ResponseOrReset {
        if head.uri.path() == HEALTH && is_read(&head.method) {
            let reply = Reply::json(StatusCode::OK, br#"{"status":"ok"}"#.to_vec());
            return Ok(self.response(reply, None));
        }
        if let Some(pages) = &self.options.pages
            && let Some(request) = self.page_access.admit(head)
        {
            let reply = self.page(pages, request, &head.headers).await;
            return Ok(self.response(reply, None));
        }
        if !self.options.latency.is_zero() {
            tokio::time::sleep(self.options.latency).await;
        }
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let fault = self.options.faults.as_ref().and_then(|faults| faults.draw(request));
        match fault {
            Some(InjectedFault::Reset) => return Err(ResetConnection),
            Some(InjectedFault::Status(status)) => return Ok(self.response(Reply::fault(status), None)),
            Some(InjectedFault::Cut | InjectedFault::Stall) | None => {}
        }
        let reply = match self.admit(head) {
            Ok(question) => self.answer(question, &head.headers).await,
            Err(refusal) => Err(refusal),
        };
        Ok(self.response(reply.unwrap_or_else(|refusal| Reply::refusal(&refusal)), fault))
    }

    async fn answer(self: &Arc<Self>, question: ApiQuestion, headers: &HeaderMap) -> Result<Reply, Refusal> {
        let permit = self.answers.clone().acquire_owned().await.ok();
        let maker = self.makers.clone().acquire_owned().await.ok();
        let encoding = Encoding::negotiated(text(headers, header::ACCEPT_ENCODING).unwrap_or_default());
        let routes = self.clone();
        let reply = tokio::task::spawn_blocking(move || {
            // Work goes on when a client has gone, and counts as long as it does.
            let _maker = maker;
            let answer = routes.backend.answer(&question)?;
            Ok(Reply {
                encoding,
                permit,
                page: answer.page,
                ..Reply::json(StatusCode::OK, encoding.pack(answer.json))
            })
        });
        reply.await.unwrap_or(Err(Refusal::Failed))
    }

    /// What a browser gets: errors of the API's are no use to its reader.
    async fn page(&self, pages: &PageMaker, request: PageRequest, headers: &HeaderMap) -> Reply {
        let question = match request {
            PageRequest::Make(question) => question,
            PageRequest::NoIcon => return Reply::words(StatusCode::NO_CONTENT, ""),
            PageRequest::Refused(status, why) => return Reply::words(status, why),
        };
        let permit = self.answers.clone().acquire_owned().await.ok();
        let maker = self.page_makers.clone().acquire_owned().await.ok();
        let encoding = Encoding::negotiated(text(headers, header::ACCEPT_ENCODING).unwrap_or_default());
        let make = pages.0.clone();
        let reply = tokio::task::spawn_blocking(move || {
            let _maker = maker;
            match make(&question) {
                Ok(page) => Reply {
                    encoding,
                    permit,
                    ..Reply::page(page, encoding)
                },
                Err(PageRefusal::BadRequest(why)) => Reply::words(StatusCode::BAD_REQUEST, &why),
                Err(PageRefusal::NotFound(why)) => Reply::words(StatusCode::NOT_FOUND, &why),
                Err(PageRefusal::Failed(why)) => Reply::words(StatusCode::INTERNAL_SERVER_ERROR, &why),
            }
        });
        let failed = |_| Reply::words(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.\n");
        reply.await.unwrap_or_else(failed)
    }

    /// Counts this request; true if the limit's worth of them came in the second before it.
    fn is_over_the_limit(&self) -> bool {
        let Some(limit) = self.options.rate_limit else {
            return false;
        };
        let now = Instant::now();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|at| now - *at >= Duration::from_secs(1)) {
            recent.pop_front();
        }
        if recent.len() >= limit.get() as usize {
            return true;
        }
        recent.push_back(now);
        false
    }

    /// The question, if it may be asked: known, read-only, not too often, with the token. A bad parameter is told only to
    /// those who have that.
    fn admit(&self, head: &Parts) -> Result<ApiQuestion, Refusal> {
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let question = match ApiQuestion::parse(path, query) {
            Some(question) if is_read(&head.method) => question,
            None if path != HEALTH => return Err(Refusal::UnknownEndpoint),
            _ => return Err(Refusal::ReadOnly),
        };
        if self.is_over_the_limit() {
            return Err(Refusal::TooMany);
        }
        let Some(expected) = &self.options.token else {
            return question;
        };
        let bearer = text(&head.headers, header::AUTHORIZATION).and_then(bearer);
        let parameters = form_urlencoded::parse(query.as_bytes());
        let in_query = || parameters.filter(|(name, _)| name == "token").last();
        let token = bearer.map(Cow::Borrowed).or_else(|| Some(in_query()?.1));
        let token = token.ok_or(Refusal::NoToken)?;
        // Compared in constant time, so that the time taken says nothing of where they differ.
        if bool::from(token.as_bytes().ct_eq(expected.expose_secret().as_bytes())) {
            question
        } else {
            Err(Refusal::WrongToken)
        }
    }

    fn response(&self, reply: Reply, fault: Option<InjectedFault>) -> Response<AnswerBody> {
        let mut response = Response::new(AnswerBody::new(reply.content, reply.permit, fault));
        *response.status_mut() = reply.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(date) = &self.date {
            headers.insert(header::DATE, date.clone());
        }
        let by_status = match reply.status {
            StatusCode::UNAUTHORIZED if reply.headers.is_empty() => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::UNAUTHORIZED => Some((
                header::WWW_AUTHENTICATE,
                "Basic realm=\"apify-runs\", charset=\"UTF-8\"",
            )),
            StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "GET, HEAD")),
            _ => None,
        };
        let encoding = reply.encoding.name().map(|name| (header::CONTENT_ENCODING, name));
        for (name, value) in encoding.into_iter().chain(by_status) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.extend(reply.headers);
        if let Some(page) = &reply.page {
            pagination::add(page, headers);
        }
        if let Some(limit) = self.options.rate_limit {
            headers.insert("x-ratelimit-limit", HeaderValue::from(limit.get()));
        }
        response
    }
}

impl Reply {
    fn json(status: StatusCode, content: Vec<u8>) -> Reply {
        Reply {
            status,
            encoding: Encoding::Identity,
            content,
            content_type: "application/json; charset=utf-8",
            page: None,
            headers: Vec::new(),
            permit: None,
        }
    }

    fn page(page: WebPage, encoding: Encoding) -> Reply {
        let mut headers = pages::headers(&page.policy);
        let name = page.file_name.map(|name| format!("attachment; filename=\"{name}\""));
        let kept = name.and_then(|name| HeaderValue::try_from(name).ok());
        headers.extend(kept.map(|kept| (header::CONTENT_DISPOSITION, kept)));
        Reply {
            content_type: page.content_type,
            headers,
            ..Reply::json(StatusCode::OK, encoding.pack(page.content))
        }
    }

    /// A sentence for whoever sits before a browser.
    fn words(status: StatusCode, words: &str) -> Reply {
        Reply {
            content_type: "text/plain; charset=utf-8",
            headers: pages::headers(pages::NOTHING),
            ..Reply::json(status, words.into())
        }
    }

    fn refusal(refusal: &Refusal) -> Reply {
        let (status, kind) = refusal.status_and_type();
        Reply::error(status, kind, &refusal.message())
    }

    fn error(status: StatusCode, kind: &str, message: &str) -> Reply {
        let body = json!({ "error": { "type": kind, "message": message } });
        Reply::json(status, body.to_string().into_bytes())
    }

    /// A status that is wrong on purpose: an error of the API's, or a proxy's page for those that come from one.
    fn fault(status: StatusCode) -> Reply {
        let kind = match status.as_u16() {
            429 => "rate-limit-exceeded",
            401 => "user-or-token-not-found",
            403 => "insufficient-permissions",
            404 => "record-not-found",
            408 => "run-timeout-exceeded",
            400..500 => "invalid-request",
            502 | 504 => {
                let page = format!("<html><body><h1>{status}</h1></body></html>");
                return Reply {
                    content_type: "text/html",
                    ..Reply::json(status, page.into_bytes())
                };
            }
            503 => "query-timeout",
            _ => "internal-server-error",
        };
        Reply::error(status, kind, "This answer is a simulated error (--faults).")
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The token of an `Authorization` header.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once([' ', '\t'])?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_read_in_any_case() {
        assert_eq!(bearer("Bearer t"), Some("t"));
        assert_eq!(bearer("bearer \t t "), Some("t"));
        assert_eq!([bearer("Basic t"), bearer("Bearer"), bearer("")], [None; 3]);
    }
}
