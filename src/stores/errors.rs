//! What went wrong with a store, in one line: object stores answer in XML, which is wrapped in several errors on its way here.

use std::error::Error as Cause;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::Error as KernelError;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::parquet::errors::ParquetError;

use crate::disk;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The bucket, or what was asked of it, isn't there.
    Missing,
    /// The store doesn't know whoever asks.
    Unauthenticated,
    /// The store knows who asks, and doesn't allow it.
    Forbidden,
    /// The store can't be reached, or keeps failing.
    Unreachable,
    /// The store doesn't take this.
    Refused,
}

#[derive(Debug, PartialEq, Eq)]
pub struct StoreError {
    pub kind: StoreErrorKind,
    pub text: String,
}

/// Codes of answers to credentials that the store doesn't know, whatever their status.
const UNAUTHENTICATED_CODES: [&str; 12] = [
    "AuthFailure",
    "AuthenticationFailed",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidAuthenticationInfo",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
];
/// Codes of 409 where another request for the same object is being served, or has just been.
const CONFLICT_CODES: [&str; 2] = ["ConditionalRequestConflict", "OperationAborted"];
/// How the error of a request begins that was repeated to no avail.
pub const GAVE_UP: &str = "gave up after ";
/// Words of the object stores' crate about an answer: of a list that can't be read, of one that failed, and of a connection.
const OF_STORES: [&str; 3] = ["Got invalid list response", "Error performing ", "HTTP error: "];
/// Longest text of a cause that is no XML error of a store.
const LONGEST_TEXT: usize = 300;

impl StoreError {
    pub fn from_store(error: &object_store::Error) -> StoreError {
        let all = error.to_string();
        let kind = kind(&all).unwrap_or_else(|| match error {
            object_store::Error::Unauthenticated { .. } => StoreErrorKind::Unauthenticated,
            object_store::Error::PermissionDenied { .. } => StoreErrorKind::Forbidden,
            object_store::Error::NotFound { .. } => StoreErrorKind::Missing,
            _ if is_of_network(error) => StoreErrorKind::Unreachable,
            _ => StoreErrorKind::Refused,
        });
        let text = words(&all, kind, &deepest(error));
        StoreError { kind, text }
    }

    /// What a store's error became on its way through the Delta library; None for an error that is no store's, and for what isn't
    /// there: that says something about the log. Some of them are only in the text, since what wraps them keeps nothing else.
    pub fn from_delta(error: &DeltaTableError) -> Option<StoreError> {
        let source = match error {
            DeltaTableError::ObjectStore { source } => Some(source),
            DeltaTableError::Kernel {
                source: KernelError::ObjectStore(source),
            } => Some(source),
            DeltaTableError::Transaction {
                source: TransactionError::ObjectStore { source },
            } => Some(source),
            DeltaTableError::Parquet {
                source: ParquetError::External(source),
            } => source.downcast_ref(),
            _ => None,
        };
        let trouble = match source {
            Some(source) => Some(StoreError::from_store(source)),
            None => StoreError::from_text(&error.to_string()),
        };
        trouble.filter(|trouble| trouble.kind != StoreErrorKind::Missing)
    }

    fn from_text(text: &str) -> Option<StoreError> {
        if !text.contains(GAVE_UP) && !OF_STORES.iter().any(|words| text.contains(words)) {
            return None;
        }
        let is_answered = status(text).is_some();
        let kind = kind(text).unwrap_or(if is_answered {
            StoreErrorKind::Refused
        } else {
            StoreErrorKind::Unreachable
        });
        // What comes last is the cause; a backtrace may follow.
        let line = text.lines().next().unwrap_or_default();
        let last = line.rsplit(": ").next().unwrap_or_default();
        Some(StoreError {
            kind,
            text: words(text, kind, last),
        })
    }
}

/// What the words of an error say of its kind. Errors of lists are of no kind of their own, whatever the store answers.
fn kind(text: &str) -> Option<StoreErrorKind> {
    let code = code(text);
    if code.is_some_and(|code| UNAUTHENTICATED_CODES.contains(&code)) {
        return Some(StoreErrorKind::Unauthenticated);
    }
    if code.is_some_and(|code| CONFLICT_CODES.contains(&code)) || text.contains(GAVE_UP) || is_no_list(text) {
        return Some(StoreErrorKind::Unreachable);
    }
    Some(match status(text)?.get(..3)? {
        "401" => StoreErrorKind::Unauthenticated,
        "403" => StoreErrorKind::Forbidden,
        "404" => StoreErrorKind::Missing,
        // What isn't there for good is no trouble that passes.
        "501" | "505" | "506" | "507" | "508" | "511" => StoreErrorKind::Refused,
        "408" | "429" => StoreErrorKind::Unreachable,
        number if number.starts_with('5') => StoreErrorKind::Unreachable,
        _ => return None,
    })
}

/// The text without the libraries' own words; `deepest` is the last cause.
fn words(all: &str, kind: StoreErrorKind, deepest: &str) -> String {
    if let Some((_, after)) = all.split_once(GAVE_UP) {
        return one_line(&format!("{GAVE_UP}{}", after.lines().next().unwrap_or_default()));
    }
    if is_no_list(all) {
        return "the store's list is incomplete or not valid".into();
    }
    match (code(all), status(all)) {
        (Some(code), _) => match element(all, "Message") {
            // Azure says below it which request it was.
            Some(message) => format!("{code}: {}", first_line(message)),
            None => code.to_string(),
        },
        _ if all.contains("redirect without LOCATION") => {
            "the bucket is in another region: set AWS_REGION to the bucket's".into()
        }
        (None, Some(status)) => format!("the store answers {status}"),
        (None, None) => match origin(all) {
            Some(origin) if kind == StoreErrorKind::Unreachable => {
                format!("no answer from {origin}: {}", one_line(deepest))
            }
            _ => one_line(&disk::plain(deepest)),
        },
    }
}

pub fn code(text: &str) -> Option<&str> {
    element(text, "Code")
}

fn is_no_list(text: &str) -> bool {
    text.contains(OF_STORES[0])
}

/// Whether a store answers that another request for the same object was in the way of this one.
pub fn is_conflict(error: &object_store::Error) -> bool {
    let text = error.to_string();
    let is_409 = status(&text).is_some_and(|status| status.starts_with("409"));
    is_409 && code(&text).is_none_or(|code| CONFLICT_CODES.contains(&code))
}

/// Whether a store answers that it has no such operation, or header.
pub fn is_unimplemented(error: &object_store::Error) -> bool {
    let text = error.to_string();
    status(&text).is_some_and(|status| status.starts_with("501")) || code(&text) == Some("NotImplemented")
}

/// Whether an answer broke off or can't be read, and the request was not repeated.
pub fn is_cut(error: &object_store::Error) -> bool {
    let object_store::Error::Generic { .. } = error else {
        return false;
    };
    let text = error.to_string();
    let was_asked_again = text.contains(", after ") || text.contains(GAVE_UP);
    !was_asked_again && status(&text).is_none() && (is_no_list(&text) || is_of_network(error))
}

/// The last of an error's causes, which tells most.
fn deepest(error: &object_store::Error) -> String {
    let mut cause: &dyn Cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Whether something between here and the store failed.
fn is_of_network(error: &object_store::Error) -> bool {
    let mut cause: Option<&dyn Cause> = Some(error);
    while let Some(this) = cause {
        if this.is::<object_store::client::HttpError>() || this.is::<std::io::Error>() {
            return true;
        }
        cause = this.source();
    }
    false
}

/// The origin that a request was sent to; its path and query may hold a signature.
fn origin(text: &str) -> Option<String> {
    // The innermost of several that are worded alike.
    let (_, after) = text.rsplit_once("Error performing ")?;
    let url = url::Url::parse(after.split_whitespace().nth(1)?).ok()?;
    Some(url.origin().ascii_serialization())
}

/// The status that a store answered with, such as '403 Forbidden'.
fn status(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("non-2xx status code: ")?;
    Some(after.split(':').next().unwrap_or(after).trim())
}

/// The text of an XML element without attributes.
pub(super) fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, after) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = after.split_once(&format!("</{name}>"))?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

fn first_line(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    one_line(first).trim_end_matches('.').to_string()
}

pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST_TEXT) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// An error's causes, from the first that says something, each once.
pub fn causes(error: &dyn Cause) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(this) = cause {
        let text = this.to_string();
        if told.last().is_none_or(|last| !last.contains(&text)) {
            told.push(text);
        }
        cause = this.source();
    }
    one_line(&told.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As object_store 0.13 words them.
    fn answered(status: &str, body: &str) -> Box<dyn Cause + Send + Sync> {
        format!(
            "Error performing GET http://127.0.0.1:5000/b in 5ms - Server returned non-2xx status code: {status}: {body}"
        )
        .into()
    }

    const NO_BUCKET: &str = "<?xml version=\"1.0\"?>\n<Error>\n  <Code>NoSuchBucket</Code>\n  <Message>The specified bucket \
                             does not exist</Message>\n</Error>";

    #[test]
    fn an_answer_becomes_its_code_and_message() {
        let source = answered("404 Not Found", NO_BUCKET);
        let error = object_store::Error::NotFound {
            path: "runs".into(),
            source,
        };
        let expected = StoreError {
            kind: StoreErrorKind::Missing,
            text: "NoSuchBucket: The specified bucket does not exist".into(),
        };
        assert_eq!(StoreError::from_store(&error), expected);
    }

    #[test]
    fn bad_credentials_are_told_from_a_lack_of_permission_though_both_are_403() {
        for (code, kind) in [
            ("InvalidAccessKeyId", StoreErrorKind::Unauthenticated),
            ("SignatureDoesNotMatch", StoreErrorKind::Unauthenticated),
            ("AccessDenied", StoreErrorKind::Forbidden),
        ] {
            let body = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
            let error = object_store::Error::PermissionDenied {
                path: "runs".into(),
                source: answered("403 Forbidden", &body),
            };
            assert_eq!(
                StoreError::from_store(&error),
                StoreError {
                    kind,
                    text: format!("{code}: No")
                }
            );
        }
    }

    #[test]
    fn a_server_that_fails_can_be_asked_again_and_one_that_refuses_can_t() {
        for (status, kind) in [
            ("503 Service Unavailable", StoreErrorKind::Unreachable),
            ("400 Bad Request", StoreErrorKind::Refused),
        ] {
            let error = object_store::Error::Generic {
                store: "S3",
                source: answered(status, ""),
            };
            let trouble = StoreError::from_store(&error);
            assert_eq!(
                (trouble.kind, trouble.text),
                (kind, format!("the store answers {status}"))
            );
        }
    }

    #[test]
    fn what_a_store_will_never_do_is_not_worth_another_run() {
        for status in [
            "501 Not Implemented",
            "507 Insufficient Storage",
            "400 Bad Request",
            "405 Method Not Allowed",
            "411 Length Required",
            "413 Payload Too Large",
            "422 Unprocessable Entity",
            "431 Request Header Fields Too Large",
        ] {
            let error = object_store::Error::Generic {
                store: "S3",
                source: answered(status, ""),
            };
            assert_eq!(StoreError::from_store(&error).kind, StoreErrorKind::Refused, "{status}");
            assert!(!is_cut(&error), "{status}");
        }
    }

    #[test]
    fn a_store_s_trouble_is_found_in_what_the_delta_library_makes_of_it() {
        let source = answered(
            "503 Slow Down",
            "<Error><Code>SlowDown</Code><Message>Less.</Message></Error>",
        );
        let busy = object_store::Error::Generic { store: "S3", source };
        let wrapped = DeltaTableError::Generic(format!("Error interacting with object store: {busy}\n   0: backtrace"));
        let expected = StoreError {
            kind: StoreErrorKind::Unreachable,
            text: "SlowDown: Less".into(),
        };
        assert_eq!(StoreError::from_delta(&wrapped).unwrap(), expected);
        let wrapped = DeltaTableError::Kernel {
            source: KernelError::ObjectStore(busy),
        };
        assert_eq!(StoreError::from_delta(&wrapped).unwrap(), expected);
        let network = "Generic: Generic S3 error: Error performing GET http://127.0.0.1:1/b?sig=s3cret in 5ms - HTTP error: \
                       error sending request";
        let expected = StoreError {
            kind: StoreErrorKind::Unreachable,
            text: "no answer from http://127.0.0.1:1: error sending request".into(),
        };
        assert_eq!(
            StoreError::from_delta(&DeltaTableError::Generic(network.into())).unwrap(),
            expected
        );
        let of_log = "LogSegment end version 3 not the same as the specified end version 4";
        assert_eq!(StoreError::from_delta(&DeltaTableError::Generic(of_log.into())), None);
        let missing = object_store::Error::NotFound {
            path: "_delta_log/1.json".into(),
            source: answered("404 Not Found", ""),
        };
        assert_eq!(
            StoreError::from_delta(&DeltaTableError::ObjectStore { source: missing }),
            None
        );
    }

    #[test]
    fn an_answer_to_a_list_is_known_by_its_status_and_azure_s_by_its_first_line() {
        let body = "<Error><Code>ContainerNotFound</Code><Message>The specified container does not exist.\nRequestId:1\n\
                    Time:2025</Message></Error>";
        let error = object_store::Error::Generic {
            store: "MicrosoftAzure",
            source: answered("404 Not Found", body),
        };
        let expected = StoreError {
            kind: StoreErrorKind::Missing,
            text: "ContainerNotFound: The specified container does not exist".into(),
        };
        assert_eq!(StoreError::from_store(&error), expected);
    }

    #[test]
    fn whoever_gives_no_answer_is_named_without_a_signature() {
        let refused = std::io::Error::other("Connection refused");
        let text = "Error performing list request: Error performing GET http://127.0.0.1:1/b?sig=s3cret in 5ms - HTTP error: error sending request";
        let source = anyhow::Error::new(refused).context(text).into();
        let trouble = StoreError::from_store(&object_store::Error::Generic { store: "S3", source });
        let expected = StoreError {
            kind: StoreErrorKind::Unreachable,
            text: "no answer from http://127.0.0.1:1: Connection refused".into(),
        };
        assert_eq!(trouble, expected);
    }

    #[test]
    fn causes_are_told_once_each_and_on_one_line() {
        let error = anyhow::anyhow!("file\nnot found").context("cannot read the profile");
        assert_eq!(causes(error.as_ref()), "cannot read the profile: file not found");
    }
}
