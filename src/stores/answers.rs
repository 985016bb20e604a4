//! Answers of stores that the object stores' crate would take for others: a list that is cut off, an error or a page of somebody
//! between that stand in a list's place (it takes those for empty lists), folders that consoles have made (it takes those for
//! objects), and errors such as 'not implemented' that no later request mends (it would ask again for a minute).

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    SpawnedReqwestConnector,
};
use tokio::runtime::Handle;

use crate::stores::errors::element;

/// Roots of lists: of S3 and Google, and of Azure.
const LISTS: [&str; 2] = ["ListBucketResult", "EnumerationResults"];
/// How far into an answer its root stands.
const HEAD_BYTES: usize = 1024;
/// 5xx that mean for good what they say, and the codes under which they are told where the answer has none.
const PERMANENT: [(u16, &str); 6] = [
    (501, "NotImplemented"),
    (505, "HTTPVersionNotSupported"),
    (506, "VariantAlsoNegotiates"),
    (507, "InsufficientStorage"),
    (508, "LoopDetected"),
    (511, "NetworkAuthenticationRequired"),
];
/// How an object is enclosed in a list: by S3 and Google, and by Azure; with the elements of its name and its size.
const OBJECTS: [(&str, &str, &str); 2] = [("Contents", "Key", "Size"), ("Blob", "Name", "Content-Length")];
/// How Hadoop names the object that stands for a folder; consoles end its name with `/`.
const FOLDER_ENDINGS: [&str; 2] = ["/", "_$folder$"];

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
            return Ok(HttpResponse::from_parts(parts, without_folders(&body).into()));
        }
        if let Some((_, code)) = PERMANENT.iter().find(|(number, _)| *number == status.as_u16()) {
            let (mut parts, body) = response.into_parts();
            let body = body.bytes().await.unwrap_or_default();
            let text = String::from_utf8_lossy(&body);
            let text = match text.contains("<Code>") {
                true => text.into_owned(),
                false => format!("<Error><Code>{code}</Code><Message>The store answers {status}.</Message></Error>"),
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

/// A list without the empty objects that stand for folders: nobody's files.
fn without_folders(body: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(body) else {
        return body.to_vec();
    };
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, end, object)) = next_object(rest) {
        kept += &rest[..start];
        if !is_folder(object) {
            kept += &rest[start..end];
        }
        rest = &rest[end..];
    }
    kept += rest;
    kept.into_bytes()
}

/// Where the next object of a list begins and ends, and what is in it.
fn next_object(list: &str) -> Option<(usize, usize, &str)> {
    let of = |(element, _, _): &(&str, &str, &str)| {
        let (opening, closing) = (format!("<{element}>"), format!("</{element}>"));
        let start = list.find(&opening)?;
        let inner = start + opening.len();
        let length = list[inner..].find(&closing)?;
        Some((start, inner + length + closing.len(), &list[inner..inner + length]))
    };
    OBJECTS.iter().filter_map(of).min_by_key(|(start, _, _)| *start)
}

fn is_folder(object: &str) -> bool {
    OBJECTS.iter().any(|(_, name, size)| {
        let name = element(object, name).unwrap_or_default();
        element(object, size) == Some("0") && FOLDER_ENDINGS.iter().any(|ending| name.ends_with(ending))
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
    fn folders_that_a_console_made_are_no_objects() {
        let object = |key: &str, size: u32| format!("<Contents><Key>{key}</Key><Size>{size}</Size></Contents>");
        let list = |objects: &[String]| {
            format!(
                "<ListBucketResult>{}<IsTruncated>false</IsTruncated></ListBucketResult>",
                objects.concat()
            )
        };
        let files = [object("p/runs.csv", 0), object("p/a/", 3), object("p/$folder$", 0)];
        let [runs, full, named] = files.clone();
        let with_folders = list(&[
            object("p/", 0),
            runs,
            object("p/sub/", 0),
            full,
            named,
            object("p_$folder$", 0),
        ]);
        assert_eq!(without_folders(with_folders.as_bytes()), list(&files).into_bytes());
        let blob = |name: &str| {
            format!("<Blob><Name>{name}</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>")
        };
        let list = |blobs: &str| format!("<EnumerationResults><Blobs>{blobs}</Blobs></EnumerationResults>");
        assert_eq!(
            without_folders(list(&(blob("p/") + &blob("p/x"))).as_bytes()),
            list(&blob("p/x")).into_bytes()
        );
        assert_eq!(without_folders(b"<ListBucketResult/>"), b"<ListBucketResult/>");
    }

    #[test]
    fn lists_are_known_by_their_query() {
        assert!(asks_for_list("list-type=2&prefix=a") && asks_for_list("restype=container&comp=list"));
        assert!(!asks_for_list("uploads=") && !asks_for_list("prefix=list-type=2x"));
    }
}
