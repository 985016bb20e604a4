//! Answers of stores that the object stores' crate would take for others: a list that is cut off, an error or a page of somebody
//! between that stand in a list's place (it takes those for empty lists), and 'not implemented', which it would ask for again for a
//! minute.

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    SpawnedReqwestConnector,
};
use tokio::runtime::Handle;

/// Roots of lists: of S3 and Google, and of Azure.
const LISTS: [&str; 2] = ["ListBucketResult", "EnumerationResults"];
/// How far into an answer its root stands.
const HEAD_BYTES: usize = 1024;
/// For an answer without a body of its own.
const NOT_IMPLEMENTED: &str =
    "<Error><Code>NotImplemented</Code><Message>The store answers 501 Not Implemented.</Message></Error>";

/// How clients are made: all requests go by the job's runtime, whichever thread of the Delta library asks.
#[derive(Debug)]
pub struct StoreConnector(SpawnedReqwestConnector);

impl StoreConnector {
    pub fn new(handle: Handle) -> StoreConnector {
        StoreConnector(SpawnedReqwestConnector::new(handle))
    }
}

impl HttpConnector for StoreConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(CheckedClient(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct CheckedClient(HttpClient);

#[async_trait]
impl HttpService for CheckedClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_list = request.uri().query().is_some_and(asks_for_list);
        let response = self.0.execute(request).await?;
        let status = response.status();
        if status.is_success() && is_list {
            let (parts, body) = response.into_parts();
            // Also one that breaks off: its error would be asked again for by the crate, but for few seconds.
            let body = body.bytes().await.unwrap_or_default();
            if !is_list_whole(&body) {
                let cause = std::io::Error::other("the answer is not a complete list");
                return Err(HttpError::new(HttpErrorKind::Decode, cause));
            }
            return Ok(HttpResponse::from_parts(parts, body.into()));
        }
        if status.as_u16() == 501 {
            let (mut parts, body) = response.into_parts();
            let body = body.bytes().await.unwrap_or_default();
            let text = String::from_utf8_lossy(&body);
            let text = match text.contains("<Code>") {
                true => text.into_owned(),
                false => NOT_IMPLEMENTED.into(),
            };
            // 400: nothing that passes.
            parts.status = "400".parse().expect("it is a status");
            return Ok(HttpResponse::from_parts(parts, text.into()));
        }
        Ok(response)
    }
}

fn asks_for_list(query: &str) -> bool {
    query.split('&').any(|part| matches!(part, "list-type=2" | "comp=list"))
}

fn is_list_whole(body: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&body[..body.len().min(HEAD_BYTES)]);
    let tail = String::from_utf8_lossy(&body[body.len().saturating_sub(HEAD_BYTES)..]);
    let tail = tail.trim_end();
    LISTS.iter().any(|root| {
        let opens = head.contains(&format!("<{root}"));
        let is_empty = head.trim_end().ends_with("/>") && head.matches('<').count() <= 2;
        opens && (tail.ends_with(&format!("</{root}>")) || is_empty)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_whole_by_its_root() {
        let whole = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>\
                     <Contents><Key>a</Key></Contents></ListBucketResult>\n";
        assert!(is_list_whole(whole.as_bytes()));
        assert!(is_list_whole(b"<EnumerationResults><Blobs /></EnumerationResults>"));
        assert!(is_list_whole(b"<?xml version=\"1.0\"?><ListBucketResult/>"));
        for cut in 0..whole.trim_end().len() {
            assert!(!is_list_whole(&whole.as_bytes()[..cut]), "{}", &whole[..cut]);
        }
        for other in [
            "",
            "<Error><Code>InternalError</Code></Error>",
            "<!DOCTYPE html><html><body>Log in</body></html>",
        ] {
            assert!(!is_list_whole(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn lists_are_known_by_their_query() {
        assert!(asks_for_list("list-type=2&prefix=a") && asks_for_list("restype=container&comp=list"));
        assert!(!asks_for_list("uploads=") && !asks_for_list("prefix=list-type=2x"));
    }
}
