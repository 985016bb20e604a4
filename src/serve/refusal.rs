//! Why a request isn't answered, in the API's words.

use hyper::StatusCode;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    UnknownEndpoint,
    ReadOnly,
    TooMany,
    NoToken,
    WrongToken,
    /// The whole message: which parameter, and what it must be.
    BadValue(String),
    /// What there is no such one of.
    NotFound(&'static str),
    Forbidden(&'static str),
    NotArchived(&'static str),
    Failed,
}

impl Refusal {
    pub fn status_and_type(&self) -> (StatusCode, &'static str) {
        match self {
            Refusal::UnknownEndpoint => (StatusCode::NOT_FOUND, "page-not-found"),
            Refusal::ReadOnly => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Refusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "rate-limit-exceeded"),
            Refusal::NoToken => (StatusCode::UNAUTHORIZED, "token-not-provided"),
            Refusal::WrongToken => (StatusCode::UNAUTHORIZED, "user-or-token-not-found"),
            Refusal::BadValue(_) => (StatusCode::BAD_REQUEST, "invalid-value"),
            Refusal::NotFound(_) => (StatusCode::NOT_FOUND, "record-not-found"),
            // For what isn't archived, the API knows no other status.
            Refusal::Forbidden(_) | Refusal::NotArchived(_) => (StatusCode::FORBIDDEN, "insufficient-permissions"),
            Refusal::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "internal-server-error"),
        }
    }

    pub fn message(&self) -> String {
        match self {
            Refusal::UnknownEndpoint => "We have bad news: there is no API endpoint at this URL.".into(),
            Refusal::ReadOnly => "This endpoint is read-only: use GET.".into(),
            Refusal::TooMany => "You have exceeded the rate limit.".into(),
            Refusal::NoToken => "Authentication token was not provided.".into(),
            Refusal::WrongToken => "User was not found or authentication token is not valid.".into(),
            Refusal::BadValue(message) => message.clone(),
            Refusal::NotFound(what) => format!("{what} was not found"),
            Refusal::Forbidden(what) => format!(
                "Insufficient permissions for the {what}. Make sure that the token has the required permissions."
            ),
            Refusal::NotArchived(what) => format!("An archive has no {what} of its account: ask the Apify API."),
            Refusal::Failed => "The answer could not be made.".into(),
        }
    }
}
