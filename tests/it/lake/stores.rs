//! Object stores, by a stand-in of S3 on loopback that keeps objects as a bucket with Object Lock does: what has no checksum is
//! refused. It shares nothing with the tool.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::account::Apify;
use crate::support::command::{Done, Place, done};
use crate::support::stand_in::{ms, runs};

#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Of objects that come in parts, by key and number.
    parts: Mutex<BTreeMap<(String, usize), Vec<u8>>>,
    /// Answers every PUT with this, if it is there.
    refusal: Option<u16>,
    /// Method, target and head of each request.
    requests: Mutex<Vec<String>>,
}

fn start(bucket: Bucket) -> (String, Arc<Bucket>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bucket = Arc::new(bucket);
    let shared = bucket.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, bucket) = (stream.unwrap(), shared.clone());
            thread::spawn(move || serve(stream, &bucket));
        }
    });
    (url, bucket)
}

fn serve(mut stream: TcpStream, bucket: &Bucket) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        bucket.requests.lock().unwrap().push(head.clone());
        let (status, more, answer) = bucket.answer(&head, body);
        let length = header(&more, "content-length").map_or(answer.len(), |length| length.parse().unwrap());
        let more: String = more
            .lines()
            .filter(|line| !line.starts_with("content-length"))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nlast-modified: Fri, 03 Oct 2025 06:00:00 GMT\r\n{more}\r\n"
        );
        if stream.write_all(&[head.as_bytes(), &answer].concat()).is_err() {
            return;
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn error(code: &str) -> Vec<u8> {
    format!("<Error><Code>{code}</Code><Message>No.</Message></Error>").into_bytes()
}

fn tag(content: &[u8]) -> String {
    let sum: u64 = content
        .iter()
        .fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("etag: \"{sum:x}\"\n")
}

impl Bucket {
    /// Status, further headers, and the body.
    fn answer(&self, head: &str, body: Vec<u8>) -> (u16, String, Vec<u8>) {
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let key = path
            .trim_start_matches('/')
            .split_once('/')
            .map_or("", |(_, key)| key)
            .replace("%3D", "=");
        let mut objects = self.objects.lock().unwrap();
        match method {
            "POST" if path == "/v1/token" => (
                200,
                String::new(),
                br#"{"access_token":"of-google","expires_in":3600}"#.into(),
            ),
            "GET" if query.contains("list-type=2") => {
                let prefix = query
                    .split('&')
                    .find_map(|part| part.strip_prefix("prefix="))
                    .unwrap_or_default();
                let prefix = prefix.replace("%2F", "/").replace("%3D", "=");
                let listed = objects.iter().filter(|(key, _)| key.starts_with(&prefix));
                let listed: String = listed.map(|(key, content)| list_entry(key, content.len())).collect();
                let list = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>");
                (200, String::new(), list.into_bytes())
            }
            "PUT" if self.refusal.is_some() => (self.refusal.unwrap(), String::new(), Vec::new()),
            "PUT" if header(head, "x-amz-checksum-sha256").is_none() => (400, String::new(), error("InvalidRequest")),
            "POST" if query.starts_with("uploads") => {
                let begun = "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>1</UploadId></InitiateMultipartUploadResult>";
                (200, String::new(), begun.into())
            }
            "PUT" if query.contains("partNumber=") => {
                let number = query
                    .split('&')
                    .find_map(|part| part.strip_prefix("partNumber="))
                    .unwrap();
                let sum = header(head, "x-amz-checksum-sha256").unwrap();
                let headers = format!("{}x-amz-checksum-sha256: {sum}\n", tag(&body));
                self.parts.lock().unwrap().insert((key, number.parse().unwrap()), body);
                (200, headers, Vec::new())
            }
            "POST" if query.contains("uploadId=") => {
                let mut parts = self.parts.lock().unwrap();
                let whole: Vec<u8> = parts
                    .iter()
                    .filter(|((of, _), _)| *of == key)
                    .flat_map(|(_, part)| part.clone())
                    .collect();
                parts.retain(|(of, _), _| *of != key);
                objects.insert(key, whole);
                let done = "<CompleteMultipartUploadResult><ETag>\"x\"</ETag></CompleteMultipartUploadResult>";
                (200, String::new(), done.into())
            }
            "DELETE" if query.contains("uploadId=") => (204, String::new(), Vec::new()),
            "PUT" if header(head, "if-none-match").is_some() && objects.contains_key(&key) => {
                (412, String::new(), error("PreconditionFailed"))
            }
            "PUT" => {
                let tag = tag(&body);
                objects.insert(key, body);
                (200, tag, Vec::new())
            }
            "GET" | "HEAD" => {
                let Some(content) = objects.get(&key) else {
                    return (404, String::new(), error("NoSuchKey"));
                };
                let headers = tag(content);
                if method == "HEAD" {
                    return (200, format!("{headers}content-length: {}\n", content.len()), Vec::new());
                }
                let Some(range) = header(head, "range").and_then(|range| range.strip_prefix("bytes=")) else {
                    return (200, headers, content.clone());
                };
                let (from, to) = range.split_once('-').unwrap();
                let all = content.len();
                let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
                    (Ok(from), Ok(to)) => (from, (to + 1).min(all)),
                    (Ok(from), Err(_)) => (from, all),
                    (Err(_), last) => (all.saturating_sub(last.unwrap()), all),
                };
                let headers = format!("{headers}content-range: bytes {from}-{}/{all}\n", to - 1);
                (206, headers, content[from..to].to_vec())
            }
            "DELETE" => {
                objects.remove(&key);
                (204, String::new(), Vec::new())
            }
            "POST" if query.starts_with("delete") => {
                let text = String::from_utf8(body).unwrap();
                for part in text.split("<Key>").skip(1) {
                    objects.remove(part.split("</Key>").next().unwrap());
                }
                (200, String::new(), b"<DeleteResult></DeleteResult>".to_vec())
            }
            _ => (501, String::new(), Vec::new()),
        }
    }

    fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }
}

fn list_entry(key: &str, bytes: usize) -> String {
    format!(
        "<Contents><Key>{key}</Key><LastModified>2025-10-03T06:00:00.000Z</LastModified><ETag>\"x\"</ETag><Size>{bytes}</Size>\
         <StorageClass>STANDARD</StorageClass></Contents>"
    )
}

fn run(place: &Place, url: &str, args: &[&str]) -> Done {
    let mut command = place.command(args);
    command
        .env("AWS_ENDPOINT_URL_S3", url)
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-east-1");
    done(&mut command)
}

/// Folders as consoles and Hadoop make them: in the bucket, as the place, and within it.
const FOLDERS: [&str; 5] = [
    "exports/",
    "exports/out/",
    "exports/out/sub/",
    "exports/out/sub_$folder$",
    "lake/old/",
];

#[test]
fn a_bucket_with_object_lock_and_a_console_s_folders_takes_exports_and_lakes() {
    let (url, bucket) = start(Bucket::default());
    for folder in FOLDERS {
        bucket.objects.lock().unwrap().insert(folder.into(), Vec::new());
    }
    let place = Place::new();
    let export = [
        "export",
        "--demo",
        "--quiet",
        "--month",
        "2025-09",
        "--out",
        "s3://bucket/exports/out",
    ];
    run(&place, &url, &export).exits(0);
    // It replaces its own, and what consoles made is in nobody's way.
    run(&place, &url, &export).exits(0);
    let sync = [
        "sync",
        "--demo",
        "--quiet",
        "--lake",
        "s3://bucket/lake",
        // A file of either month. A whole month's is no larger than a single request takes either.
        "--since",
        "2025-09-30",
    ];
    run(&place, &url, &sync).exits(0);
    run(&place, &url, &["verify", "s3://bucket/lake"]).exits(0);
    run(&place, &url, &["lake", "vacuum", "s3://bucket/lake"]).exits(0);
    let keys = bucket.keys();
    assert!(
        FOLDERS.iter().all(|folder| keys.iter().any(|key| key == folder)),
        "{keys:?}"
    );
    assert!(keys.iter().any(|key| key.starts_with("lake/_delta_log/")), "{keys:?}");
}

#[test]
fn an_empty_object_that_is_no_folder_is_still_somebody_s() {
    let (url, bucket) = start(Bucket::default());
    bucket
        .objects
        .lock()
        .unwrap()
        .insert("out/notes.txt".into(), Vec::new());
    run(
        &Place::new(),
        &url,
        &["export", "--demo", "--quiet", "--out", "s3://bucket/out"],
    )
    .exits(6)
    .says(&["notes.txt"]);
}

#[test]
fn what_a_store_refuses_for_good_is_neither_tried_again_nor_safe_to_run_again() {
    let account = Apify::of(runs(3, ms("2025-09-01T00:00:00Z"), 1000)).start();
    for status in [400, 403, 405, 411, 413, 501, 505, 507] {
        let bucket = Bucket {
            refusal: Some(status),
            ..Bucket::default()
        };
        let (url, bucket) = start(bucket);
        for output in [
            &["export", "--month", "2025-09", "--out", "s3://bucket/out"][..],
            &["sync", "--lake", "s3://bucket/lake"],
        ] {
            let source = ["--quiet", "--rate", "0", "--api-url", &account.url()];
            let done = run(&Place::new(), &url, &[output, &source].concat());
            done.exits(6);
            assert!(!done.stderr.contains("run again"), "{status}: {}", done.stderr);
        }
        let requests = bucket.requests.lock().unwrap();
        let puts = requests.iter().filter(|head| head.starts_with("PUT ")).count();
        assert!(puts <= 4, "{status}: {puts} puts");
    }
}

#[test]
fn a_workload_identity_is_good_for_google_s_store() {
    let (url, bucket) = start(Bucket::default());
    let place = Place::new();
    std::fs::write(place.path("token"), "of-the-cluster").unwrap();
    let credentials = format!(
        r#"{{"type":"external_account","audience":"//iam.googleapis.com/x","subject_token_type":"urn:ietf:params:oauth:token-type:jwt",
        "token_url":"{url}/v1/token","credential_source":{{"file":"{}"}}}}"#,
        place.path("token").display()
    );
    std::fs::write(place.path("credentials.json"), credentials).unwrap();
    let mut command = place.command(&["lake", "info", "gs://bucket/lake"]);
    command
        .env("GOOGLE_BASE_URL", &url)
        .env("GOOGLE_APPLICATION_CREDENTIALS", place.path("credentials.json"));
    done(&mut command).exits(2);
    let requests = bucket.requests.lock().unwrap();
    assert!(requests[0].starts_with("POST /v1/token "), "{requests:?}");
    let listed = requests.iter().find(|head| head.contains("list-type=2")).unwrap();
    assert_eq!(header(listed, "authorization"), Some("Bearer of-google"));
}
