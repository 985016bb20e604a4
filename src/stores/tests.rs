//! A store that fails in ways in which real ones do, and what becomes of it. The clock is tokio's, and stands unless all wait.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::runtime::Runtime;
use url::Url;

use crate::stores::Location;
use crate::stores::errors::{StoreError, StoreErrorKind};
use crate::stores::location::is_leftover;
use crate::stores::patient::PatientStore;

/// How often each thing fails, and was asked for.
#[derive(Debug, Default)]
struct Faulty {
    inner: InMemory,
    /// After how many objects the next lists break off.
    cut_lists: Mutex<VecDeque<usize>>,
    /// After how many bytes the next objects break off.
    cut_objects: Mutex<VecDeque<usize>>,
    /// How many of the next reads answer 404.
    hides: AtomicU32,
    /// The next puts' answers, with or without the object being written.
    puts: Mutex<VecDeque<(&'static str, bool)>>,
    ignores_conditions: bool,
    lists: AtomicU32,
    gets: AtomicU32,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "faulty")
    }
}

fn cut() -> Error {
    let source = std::io::Error::new(
        std::io::ErrorKind::UnexpectedEof,
        "end of file before message length reached",
    );
    Error::Generic {
        store: "S3",
        source: Box::new(HttpError::new(HttpErrorKind::Decode, source)),
    }
}

/// As object_store 0.13 words an answer.
fn answer(status: &str, code: &str) -> String {
    let body = match code {
        "" => String::new(),
        code => format!("<Error><Code>{code}</Code><Message>Try again.</Message></Error>"),
    };
    format!("Error performing PUT http://127.0.0.1:1/b in 5ms - Server returned non-2xx status code: {status}: {body}")
}

/// What a write is answered by this code.
fn refusal(code: &str, location: &StorePath) -> Error {
    match code {
        "cut" => cut(),
        "501" => Error::Generic {
            store: "S3",
            source: answer("501 Not Implemented", "NotImplemented").into(),
        },
        code => Error::AlreadyExists {
            path: location.to_string(),
            source: answer("409 Conflict", code).into(),
        },
    }
}

impl Faulty {
    fn cut_list(&self, listed: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        match self.cut_lists.lock().unwrap().pop_front() {
            Some(after) => listed.take(after).chain(stream::once(async { Err(cut()) })).boxed(),
            None => listed,
        }
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &StorePath, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        let next = self.puts.lock().unwrap().pop_front();
        if let Some((code, is_written)) = next {
            if is_written {
                self.inner.put(location, payload).await?;
            }
            return Err(refusal(code, location));
        }
        if self.ignores_conditions {
            options.mode = PutMode::Overwrite;
        }
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> Result<GetResult> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        let hides = self.hides.load(Ordering::SeqCst);
        if hides > 0 {
            self.hides.store(hides - 1, Ordering::SeqCst);
            return Err(Error::NotFound {
                path: location.to_string(),
                source: answer("404 Not Found", "NoSuchKey").into(),
            });
        }
        let found = self.inner.get_opts(location, options).await?;
        let after = self.cut_objects.lock().unwrap().pop_front();
        let Some(after) = after else {
            return Ok(found);
        };
        let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
        let bytes = found.bytes().await?.slice(..after);
        let parts = [Ok(bytes), Err(cut())];
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter(parts).boxed()),
            meta,
            range,
            attributes,
        })
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<StorePath>>) -> BoxStream<'static, Result<StorePath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.cut_list(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&StorePath>,
        offset: &StorePath,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.cut_list(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> Result<ListResult> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        let is_cut = self.cut_lists.lock().unwrap().pop_front().is_some();
        match is_cut {
            true => Err(cut()),
            false => self.inner.list_with_delimiter(prefix).await,
        }
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> Result<()> {
        if let Some((code, _)) = self.puts.lock().unwrap().pop_front() {
            return Err(refusal(code, to));
        }
        self.inner.copy_opts(from, to, options).await
    }
}

/// The store with five objects, `a/1` to `a/5`, and somebody patient with it.
async fn five(faulty: Faulty) -> (Arc<Faulty>, PatientStore) {
    for n in 1..=5 {
        let content = Bytes::from(format!("object {n}"));
        faulty
            .inner
            .put(&format!("a/{n}").into(), content.into())
            .await
            .unwrap();
    }
    let faulty = Arc::new(faulty);
    (faulty.clone(), PatientStore::new(faulty, "s3://b"))
}

async fn names(listed: BoxStream<'static, Result<ObjectMeta>>) -> Result<Vec<String>> {
    listed.map_ok(|object| object.location.to_string()).try_collect().await
}

fn text(content: &str) -> PutPayload {
    Bytes::from(content.to_string()).into()
}

const ALL: [&str; 5] = ["a/1", "a/2", "a/3", "a/4", "a/5"];

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_goes_on_after_the_last_object_that_it_had() {
    let faulty = Faulty {
        cut_lists: Mutex::new([0, 2, 0, 1].into()),
        ..Faulty::default()
    };
    let (faulty, store) = five(faulty).await;
    assert_eq!(names(store.list(Some(&"a".into()))).await.unwrap(), ALL);
    assert_eq!(faulty.lists.load(Ordering::SeqCst), 5);
    *faulty.cut_lists.lock().unwrap() = [1].into();
    let after = names(store.list_with_offset(Some(&"a".into()), &"a/2".into())).await;
    assert_eq!(after.unwrap(), ["a/3", "a/4", "a/5"]);
    *faulty.cut_lists.lock().unwrap() = [1].into();
    let listed = store.list_with_delimiter(Some(&"a".into())).await.unwrap();
    assert_eq!(listed.objects.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_always_breaks_off_is_given_up_and_safe_to_ask_for_again() {
    let faulty = Faulty {
        cut_lists: Mutex::new([3].into_iter().chain([0; 100]).collect()),
        ..Faulty::default()
    };
    let (faulty, store) = five(faulty).await;
    let began = tokio::time::Instant::now();
    let error = names(store.list(None)).await.unwrap_err();
    let trouble = StoreError::from_store(&error);
    assert_eq!(trouble.kind, StoreErrorKind::Unreachable);
    assert!(
        trouble.text.starts_with("gave up after 6 attempts in "),
        "{}",
        trouble.text
    );
    assert!(
        trouble.text.ends_with(": the store's list is incomplete or not valid"),
        "{}",
        trouble.text
    );
    assert_eq!(faulty.lists.load(Ordering::SeqCst), 6);
    assert!(began.elapsed() < Duration::from_secs(32), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_404_for_an_object_that_a_list_has_is_asked_again_and_another_one_is_told_at_once() {
    let faulty = Faulty {
        hides: AtomicU32::new(3),
        ..Faulty::default()
    };
    let (faulty, store) = five(faulty).await;
    let read = store.get(&"a/3".into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, "object 3");
    faulty.hides.store(1, Ordering::SeqCst);
    assert_eq!(store.head(&"a/5".into()).await.unwrap().size, 8);
    faulty.hides.store(1, Ordering::SeqCst);
    assert_eq!(store.get_range(&"a/1".into(), 0..3).await.unwrap(), "obj");
    let (lists, began) = (faulty.lists.load(Ordering::SeqCst), tokio::time::Instant::now());
    for gone in ["a/30", "a/9", "b", "c/d/e"] {
        let error = store.get(&gone.into()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{gone}: {error}");
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(faulty.lists.load(Ordering::SeqCst) - lists, 4);
    faulty.hides.store(100, Ordering::SeqCst);
    let trouble = StoreError::from_store(&store.get(&"a/3".into()).await.unwrap_err());
    assert_eq!(trouble.kind, StoreErrorKind::Unreachable);
    assert!(
        trouble.text.contains("lists the object, but answers 404"),
        "{}",
        trouble.text
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_no_object_that_exists() {
    let faulty = Faulty {
        puts: Mutex::new(
            [
                ("ConditionalRequestConflict", false),
                ("OperationAborted", false),
                ("", false),
            ]
            .into(),
        ),
        ..Faulty::default()
    };
    let (faulty, store) = five(faulty).await;
    let put = store
        .put_opts(&"a/6".into(), text("mine"), PutMode::Create.into())
        .await;
    put.unwrap();
    // What it means is the code's to say: Azure answers 409 for what exists.
    faulty.puts.lock().unwrap().push_back(("BlobAlreadyExists", false));
    let put = store
        .put_opts(&"a/7".into(), text("mine"), PutMode::Create.into())
        .await;
    assert!(matches!(put, Err(Error::AlreadyExists { .. })));
    // Without one, the list says it.
    faulty.puts.lock().unwrap().push_back(("", false));
    let put = store
        .put_opts(&"a/6".into(), text("other"), PutMode::Create.into())
        .await;
    assert!(matches!(put, Err(Error::AlreadyExists { .. })));
    faulty.puts.lock().unwrap().push_back(("OperationAborted", false));
    store.put(&"a/6".into(), text("other")).await.unwrap();
    faulty
        .puts
        .lock()
        .unwrap()
        .extend([("ConditionalRequestConflict", false); 100]);
    let put = store
        .put_opts(&"a/8".into(), text("mine"), PutMode::Create.into())
        .await;
    let trouble = StoreError::from_store(&put.unwrap_err());
    assert_eq!(trouble.kind, StoreErrorKind::Unreachable);
    assert!(trouble.text.contains("409 Conflict"), "{}", trouble.text);
}

/// `lake repair` copies what it sets aside, and gave up at the first conflict.
#[tokio::test(start_paused = true)]
async fn a_copy_that_meets_a_conflict_is_made_again() {
    let faulty = Faulty {
        puts: Mutex::new([("ConditionalRequestConflict", false), ("OperationAborted", false)].into()),
        ..Faulty::default()
    };
    let (faulty, store) = five(faulty).await;
    store.copy(&"a/1".into(), &"b/1".into()).await.unwrap();
    let there = store.get(&"b/1".into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(there, "object 1");
    faulty.puts.lock().unwrap().push_back(("501", false));
    store.copy(&"a/1".into(), &"b/2".into()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_breaks_off_meets_itself_and_says_so() {
    let faulty = Faulty {
        puts: Mutex::new([("cut", true)].into()),
        ..Faulty::default()
    };
    let (_, store) = five(faulty).await;
    let put = store
        .put_opts(&"a/6".into(), text("mine"), PutMode::Create.into())
        .await;
    assert!(matches!(put, Err(Error::AlreadyExists { .. })));
    let there = store.get(&"a/6".into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(there, "mine");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_breaks_off_is_read_on_from_there_but_never_another_one() {
    let faulty = Faulty {
        cut_objects: Mutex::new([3, 0, 2].into()),
        ..Faulty::default()
    };
    let (faulty, store) = five(faulty).await;
    let read = store.get(&"a/2".into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, "object 2");
    assert_eq!(faulty.gets.load(Ordering::SeqCst), 4);
    faulty.cut_objects.lock().unwrap().push_back(2);
    assert_eq!(store.get_range(&"a/2".into(), 1..7).await.unwrap(), "bject ");
    faulty.cut_objects.lock().unwrap().push_back(2);
    let found = store.get(&"a/2".into()).await.unwrap();
    faulty.inner.put(&"a/2".into(), text("another")).await.unwrap();
    let trouble = StoreError::from_store(&found.bytes().await.unwrap_err());
    assert_eq!(trouble.kind, StoreErrorKind::Unreachable);
    assert!(trouble.text.ends_with("replaced while it was read"), "{}", trouble.text);
    faulty.cut_objects.lock().unwrap().extend([0; 100]);
    let error = store.get(&"a/3".into()).await.unwrap().bytes().await.unwrap_err();
    assert_eq!(StoreError::from_store(&error).kind, StoreErrorKind::Unreachable);
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn place(faulty: Faulty) -> (Arc<Faulty>, Location) {
    let faulty = Arc::new(faulty);
    let url = Url::parse("memory:///lake/").unwrap();
    let handle = RUNTIME.handle().clone();
    let location = Location::at("memory:///lake", url, None, faulty.clone(), handle).unwrap();
    (faulty, location)
}

fn left(location: &Location) -> usize {
    location.list().unwrap().len()
}

#[test]
fn conditional_puts_are_proven_by_an_object_that_is_removed_again() {
    let (_, location) = place(Faulty::default());
    location.prove_conditional_puts().unwrap();
    assert_eq!(left(&location), 0);
}

#[test]
fn a_store_that_ignores_the_condition_or_has_none_is_refused_in_one_sentence() {
    let ignoring = Faulty {
        ignores_conditions: true,
        ..Faulty::default()
    };
    let lacking = Faulty {
        puts: Mutex::new([("501", false)].into()),
        ..Faulty::default()
    };
    for (faulty, why) in [
        (ignoring, "ignores the condition of conditional writes"),
        (lacking, "does not support conditional writes"),
    ] {
        let (_, location) = place(faulty);
        let error = location.prove_conditional_puts().unwrap_err();
        assert_eq!(error.exit_code(), 6);
        let text = error.to_string();
        assert!(
            text.contains(why) && text.contains("overwrite each other's commits"),
            "{text}"
        );
        assert_eq!((text.lines().count(), left(&location)), (1, 0), "{text}");
    }
}

#[test]
fn a_store_that_fails_meanwhile_proves_nothing_and_is_asked_again_later() {
    let (_, location) = place(Faulty {
        puts: Mutex::new([("cut", false)].into()),
        ..Faulty::default()
    });
    assert_eq!(location.prove_conditional_puts().unwrap_err().exit_code(), 4);
}

#[test]
fn a_folder_has_no_endpoint_and_needs_no_proof() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lake");
    let location = Location::open(path.to_str().unwrap(), RUNTIME.handle().clone()).unwrap();
    location.prove_conditional_puts().unwrap();
    assert_eq!((location.endpoint(), path.exists()), (None, false));
}

#[test]
fn what_a_lake_leaves_beside_its_table_is_nobody_else_s() {
    for path in [
        "_apify_runs/probe-1",
        "_delta_log/x",
        "started_month=2025-09/a.zstd.parquet",
    ] {
        assert!(is_leftover(path), "{path}");
    }
    for path in [
        "_apify_runs",
        "_apify_runs2/a",
        "a/_apify_runs/b",
        "started_month=2025-09/a.csv",
    ] {
        assert!(!is_leftover(path), "{path}");
    }
}
