//! Why a request isn't answered, in the API's words.

use hyper::StatusCode;

/// A reason, each with its status and error type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownEndpoint,
    ReadOnly,
    TooMany,
    NoToken,
    WrongToken,
    /// What is wrong with which parameter.
    BadValue(String),
    /// What there is no such one of.
    NotFound(&'static str),
    /// What belongs to somebody else.
    Forbidden(&'static str),
    /// What an archive hasn't.
    NotArchived(&'static str),
    Failed,
}

impl Refusal {
    /// Status, error type and message.
    pub(super) fn parts(&self) -> (StatusCode, &'static str, String) {
        match self {
            Refusal::UnknownEndpoint => (
                StatusCode::NOT_FOUND,
                "page-not-found",
                "We have bad news: there is no API endpoint at this URL.".into(),
            ),
            Refusal::ReadOnly => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This endpoint is read-only: use GET.".into(),
            ),
            Refusal::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "rate-limit-exceeded",
                "You have exceeded the rate limit.".into(),
            ),
            Refusal::NoToken => (
                StatusCode::UNAUTHORIZED,
                "token-not-provided",
                "Authentication token was not provided.".into(),
            ),
            Refusal::WrongToken => (
                StatusCode::UNAUTHORIZED,
                "user-or-token-not-found",
                "User was not found or authentication token is not valid.".into(),
            ),
            Refusal::BadValue(message) => (StatusCode::BAD_REQUEST, "invalid-value", message.clone()),
            Refusal::NotFound(what) => (
                StatusCode::NOT_FOUND,
                "record-not-found",
                format!("{what} was not found"),
            ),
            Refusal::Forbidden(what) => (
                StatusCode::FORBIDDEN,
                "insufficient-permissions",
                format!(
                    "Insufficient permissions for the {what}. Make sure that the token has the required permissions."
                ),
            ),
            // The API knows no other status for want of it.
            Refusal::NotArchived(what) => (
                StatusCode::FORBIDDEN,
                "insufficient-permissions",
                format!("An archive has no {what} of its account: ask the Apify API."),
            ),
            Refusal::Failed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal-server-error",
                "The answer could not be made.".into(),
            ),
        }
    }
}
