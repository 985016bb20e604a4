//! Exchanges against a stand-in on this machine that answers as Google's documentation says.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use tokio::runtime::Runtime;

use super::*;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
});

/// Gives these answers, one a request, and tells the requests as they came.
fn service(answers: Vec<(u16, String)>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            tell.send(request(&mut stream)).unwrap();
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    (url, told)
}

fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).unwrap();
        text += std::str::from_utf8(&part[..read]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

fn token(text: &str) -> (u16, String) {
    (
        200,
        format!(r#"{{"access_token":"{text}","expires_in":3600,"token_type":"Bearer"}}"#),
    )
}

fn identity(folder: &Path, document: Value) -> Result<Option<WorkloadIdentity>> {
    let path = folder.join("credentials.json");
    fs::write(&path, document.to_string()).unwrap();
    WorkloadIdentity::read(path.to_str().unwrap(), RUNTIME.handle())
}

fn document(url: &str, source: Value) -> Value {
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{url}/v1/token"),
        "credential_source": source,
    })
}

fn bearer(identity: &WorkloadIdentity) -> std::result::Result<String, String> {
    let got = RUNTIME.block_on(identity.get_credential());
    got.map(|credential| credential.bearer.clone())
        .map_err(|error| error.to_string())
}

#[test]
fn a_token_in_a_file_is_exchanged_once_until_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "the subject's\n").unwrap();
    let (url, told) = service(vec![token("google's")]);
    let identity = identity(folder.path(), document(&url, json!({ "file": file })))
        .unwrap()
        .unwrap();
    assert_eq!(bearer(&identity).unwrap(), "google's");
    assert_eq!(bearer(&identity).unwrap(), "google's");
    let asked = told.recv().unwrap();
    assert!(asked.starts_with("POST /v1/token HTTP/1.1\r\n"), "{asked}");
    for field in [
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
        "subject_token=the+subject%27s",
        "audience=%2F%2Fiam.googleapis.com%2Fprojects%2F1%2F",
    ] {
        assert!(asked.contains(field), "{asked}");
    }
    assert!(told.recv().is_err());
}

#[test]
fn as_github_s_action_writes_it_a_url_gives_the_token_and_a_service_account_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let own = r#"{"accessToken":"the account's","expireTime":"2999-01-01T00:00:00Z"}"#;
    let answers = vec![
        (503, String::new()),
        (200, r#"{"value":"github's"}"#.into()),
        token("google's"),
        (200, own.into()),
    ];
    let (url, told) = service(answers);
    let source = json!({
        "url": format!("{url}/token?audience=x"),
        "headers": { "Authorization": "Bearer of-the-runner" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    let mut document = document(&url, source);
    document["service_account_impersonation_url"] = json!(format!("{url}/v1/a@p.iam:generateAccessToken"));
    let identity = identity(folder.path(), document).unwrap().unwrap();
    assert_eq!(bearer(&identity).unwrap(), "the account's");
    let asked: Vec<String> = told.iter().collect();
    assert!(
        asked[1].starts_with("GET /token?audience=x ") && asked[1].contains("Bearer of-the-runner"),
        "{asked:?}"
    );
    assert!(asked[2].contains("subject_token=github%27s"), "{asked:?}");
    assert!(
        asked[3].contains("Bearer google's") && asked[3].contains("devstorage.read_write"),
        "{asked:?}"
    );
}

#[test]
fn a_refusal_says_who_refused_and_why_without_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "secret").unwrap();
    let refusal = r#"{"error":"invalid_grant","error_description":"The audience is wrong."}"#;
    let (url, _told) = service(vec![(400, refusal.into())]);
    let identity = identity(folder.path(), document(&url, json!({ "file": file })))
        .unwrap()
        .unwrap();
    let error = bearer(&identity).unwrap_err();
    assert!(
        error.contains(&format!("{url} answers 400: The audience is wrong.")),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn sources_that_cannot_be_used_are_named_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |document: Value| match identity(folder.path(), document) {
        Err(error) => (error.exit_code(), error.to_string()),
        Ok(found) => panic!("{found:?}"),
    };
    for (source, word) in [
        (json!({ "executable": { "command": "/bin/x" } }), "executable"),
        (
            json!({ "environment_id": "aws1", "url": "http://169.254.169.254/" }),
            "environment_id",
        ),
        (json!({ "certificate": {} }), "certificate"),
        (json!({}), "neither file nor url"),
    ] {
        let (code, text) = refused(document("https://sts.googleapis.com", source));
        assert!(
            code == 3 && text.contains(word) && text.contains("credentials.json"),
            "{code} {text}"
        );
    }
    let file = json!({ "file": "token" });
    let (code, text) = refused(document("http://sts.example.com", file.clone()));
    assert!(code == 2 && text.contains("token_url"), "{code} {text}");
    let (code, text) = refused(document(
        "https://sts.googleapis.com",
        json!({ "url": "http://example.com/token" }),
    ));
    assert!(code == 2 && text.contains("credential_source"), "{code} {text}");
    let mut other = document("https://sts.googleapis.com", file);
    other["type"] = json!("authorized_user");
    assert!(identity(folder.path(), other).unwrap().is_none());
}

#[test]
fn a_token_is_read_by_its_format() {
    let format = |kind: Option<&str>, field: Option<&str>| TokenFormat {
        kind: kind.map(String::from),
        subject_token_field_name: field.map(String::from),
    };
    assert_eq!(format(None, None).token_in(" a \n").unwrap(), "a");
    assert_eq!(format(Some("json"), Some("t")).token_in(r#"{"t":"a"}"#).unwrap(), "a");
    for (format, text) in [
        (format(None, None), " "),
        (format(Some("json"), Some("t")), "{}"),
        (format(Some("json"), Some("t")), "a"),
        (format(Some("json"), None), "{}"),
        (format(Some("xml"), None), "a"),
    ] {
        assert!(format.token_in(text).is_err(), "{text}");
    }
}
