//! A stand-in of the Apify API that misbehaves on request, on loopback. Written apart from the tool and from its made-up
//! account, so that neither can hide the other's mistakes: plain sockets, a thread a connection, HTTP/1.1 by hand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use chrono::{DateTime, SecondsFormat};

/// The one token that it takes.
pub const TOKEN: &str = "apify_api_StandInToken0123456789";
/// A credential that `users/me` holds and that must show up nowhere.
pub const PROXY_PASSWORD: &str = "live-proxy-password";

/// An instant as the API writes it.
pub fn instant(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms)
        .unwrap()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Milliseconds since the epoch of an instant's text.
pub fn ms(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// A run of the stand-in's account.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its ID.
    pub id: String,
    /// When it started, milliseconds since the epoch.
    pub started: i64,
    /// Its status.
    pub status: String,
    /// Its item's members beside those, as JSON text without braces.
    pub rest: String,
}

impl Run {
    /// A run that succeeded, took a second and cost a cent.
    pub fn new(id: impl Into<String>, started: i64) -> Run {
        let finished = instant(started + 1000);
        Run {
            id: id.into(),
            started,
            status: "SUCCEEDED".into(),
            rest: format!(
                r#""actId":"actor","finishedAt":"{finished}","meta":{{"origin":"API"}},"usageTotalUsd":0.01,"buildId":"b""#
            ),
        }
    }

    /// The same with other members beside ID, status and start.
    pub fn with(self, rest: &str) -> Run {
        Run {
            rest: rest.into(),
            ..self
        }
    }

    fn json(&self) -> String {
        let (id, status, started, rest) = (&self.id, &self.status, instant(self.started), &self.rest);
        format!(r#"{{"id":"{id}","status":"{status}","startedAt":"{started}",{rest}}}"#)
    }
}

/// So many runs, one every `step` milliseconds from `from` on.
pub fn runs(count: usize, from: i64, step: i64) -> Vec<Run> {
    (0..count)
        .map(|at| Run::new(format!("run{at:014}"), from + at as i64 * step))
        .collect()
}

/// How the runs of one millisecond are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ties {
    /// As in the account.
    #[default]
    Stable,
    /// Turned around with every request.
    Alternating,
}

/// Ways of misbehaving that a careful client survives.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    /// `startedAfter` leaves out that very millisecond.
    pub after_is_exclusive: bool,
    /// `startedBefore` leaves out that very millisecond.
    pub before_is_exclusive: bool,
    /// Parameters without an effect.
    pub ignored: &'static [&'static str],
    /// The most items on a page, which `limit` in the answer says.
    pub page_cap: Option<usize>,
    /// The most items on a page, which the answer doesn't say.
    pub silent_cap: Option<usize>,
    /// What `total` says beyond the truth.
    pub total_off_by: isize,
    /// The order within a millisecond.
    pub ties: Ties,
    /// Each page repeats its first item.
    pub repeats_an_item: bool,
}

/// An account, and how it is listed.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Its runs, in any order.
    pub runs: Vec<Run>,
    /// How they are listed.
    pub quirks: Quirks,
}

impl Account {
    /// The body of the answer to a list request.
    pub fn list(&self, request: &Request) -> String {
        let quirks = &self.quirks;
        let given = |name: &str| {
            let value = request.query.get(name).filter(|value| !value.is_empty());
            value.filter(|_| !quirks.ignored.contains(&name))
        };
        let number = |name: &str| given(name).map_or(0, |value| value.parse::<usize>().unwrap());
        let after = given("startedAfter").map_or(i64::MIN, |text| ms(text) + i64::from(quirks.after_is_exclusive));
        let before = given("startedBefore").map_or(i64::MAX, |text| ms(text) - i64::from(quirks.before_is_exclusive));
        let statuses: Option<Vec<&str>> = given("status").map(|list| list.split(',').collect());
        let mut listed: Vec<&Run> = self
            .runs
            .iter()
            .filter(|run| (after..=before).contains(&run.started))
            .filter(|run| statuses.as_ref().is_none_or(|wanted| wanted.contains(&&*run.status)))
            .collect();
        if quirks.ties == Ties::Alternating && request.number % 2 == 1 {
            listed.reverse();
        }
        listed.sort_by_key(|run| run.started);
        let desc = given("desc").is_some_and(|value| matches!(value.as_str(), "true" | "1"));
        if desc {
            listed.reverse();
        }
        let asked = match number("limit") {
            0 => 1000,
            limit => limit.min(1000),
        };
        let limit = asked.min(quirks.page_cap.unwrap_or(1000));
        let total = listed.len().saturating_add_signed(quirks.total_off_by);
        let (offset, most) = (number("offset"), limit.min(quirks.silent_cap.unwrap_or(1000)));
        let mut items: Vec<String> = listed.iter().skip(offset).take(most).map(|run| run.json()).collect();
        if quirks.repeats_an_item
            && let Some(first) = items.first().cloned()
        {
            items.insert(0, first);
        }
        envelope(total, offset, limit, &items)
    }
}

/// The documented envelope.
pub fn envelope(total: usize, offset: usize, limit: usize, items: &[String]) -> String {
    format!(
        r#"{{"data":{{"total":{total},"offset":{offset},"limit":{limit},"desc":false,"count":{},"items":[{}]}}}}"#,
        items.len(),
        items.join(",")
    )
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its path.
    pub path: String,
    /// Its query's parameters.
    pub query: BTreeMap<String, String>,
    /// Request line and headers as they came.
    pub head: String,
    /// How many list requests came before it.
    pub number: usize,
}

/// What it is answered with.
pub enum Reply {
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// 200 with a `Content-Length` beyond the body, after which the connection ends.
    CutOff(String),
    /// The connection ends without an answer.
    Reset,
    /// Nothing, until the client goes away.
    Stall,
}

impl Reply {
    /// 200 with JSON.
    pub fn json(body: String) -> Reply {
        Reply::Answer(200, Vec::new(), body.into_bytes())
    }

    /// An error as the API documents it; asks for another attempt at once, so that no test waits.
    pub fn error(status: u16, kind: &str, message: &str) -> Reply {
        let body = format!(r#"{{"error":{{"type":"{kind}","message":"{message}"}}}}"#);
        Reply::Answer(status, vec![("Retry-After", "0".into())], body.into_bytes())
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    requests: Mutex<Vec<Request>>,
    listed: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    closed: AtomicBool,
    arrivals: Mutex<Sender<String>>,
}

/// The servers that are running, so that their clocks can be asked for.
static RUNNING: Mutex<BTreeMap<String, Weak<Shared>>> = Mutex::new(BTreeMap::new());

/// The time that a running server tells, in RFC 3339; none where it tells none. It is asked for nothing that is there, past its
/// sockets and its notes.
pub fn date_at(url: &str) -> Option<String> {
    let shared = RUNNING.lock().unwrap().get(url.trim_end_matches('/'))?.upgrade()?;
    let request = Request {
        path: "/clock".into(),
        query: BTreeMap::new(),
        number: usize::MAX,
        head: String::new(),
    };
    let Reply::Answer(_, headers, _) = (shared.answer)(&request) else {
        return None;
    };
    let (_, date) = headers.into_iter().find(|(name, _)| *name == "Date")?;
    Some(DateTime::parse_from_rfc2822(&date).ok()?.to_rfc3339())
}

/// A running server; it ends with the value.
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    arrivals: Receiver<String>,
}

impl StandIn {
    /// Answers the list requests by a function, and says whose token it is.
    pub fn start(list: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> StandIn {
        StandIn::start_raw(move |request| match request.path.as_str() {
            "/v2/actor-runs" => list(request),
            path => beside_runs(path),
        })
    }

    /// Lists an account.
    pub fn of(account: Account) -> StandIn {
        StandIn::start(move |request| Reply::json(account.list(request)))
    }

    /// Answers everything by a function.
    pub fn start_raw(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (sender, arrivals) = channel();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            requests: Mutex::default(),
            listed: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            arrivals: Mutex::new(sender),
        });
        let address = listener.local_addr().unwrap();
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.closed.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                if let Ok(stream) = stream {
                    thread::spawn(move || converse(&shared, stream));
                }
            }
        });
        let server = StandIn {
            address,
            shared,
            arrivals,
        };
        RUNNING
            .lock()
            .unwrap()
            .insert(server.url(), Arc::downgrade(&server.shared));
        server
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request up to now.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Every list request up to now.
    pub fn list_requests(&self) -> Vec<Request> {
        let requests = self.requests().into_iter();
        requests.filter(|request| request.path == "/v2/actor-runs").collect()
    }

    /// The most requests that waited for their answer at once.
    pub fn most_at_once(&self) -> usize {
        self.shared.most_at_once.load(Ordering::SeqCst)
    }

    /// Waits until a request for this path arrives that nobody waited for yet.
    pub fn wait_for(&self, path: &str) {
        let mut arrivals = self.arrivals.iter();
        assert!(arrivals.any(|arrived| arrived == path), "no request for {path} came");
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts; that it may be gone already is fine.
        let _ = TcpStream::connect(self.address);
    }
}

/// `users/me` as the API shapes it, a live credential in it.
pub fn user(id: &str) -> String {
    format!(r#"{{"data":{{"id":"{id}","username":"stand-in","proxy":{{"password":"{PROXY_PASSWORD}"}}}}}}"#)
}

/// What an account without names, whose runs are kept for a hundred years, answers to everything but its list.
pub fn beside_runs(path: &str) -> Reply {
    match path {
        "/v2/users/me" => Reply::json(user("user1")),
        "/v2/users/me/limits" => Reply::json(limits(36_500)),
        "/v2/actors" | "/v2/actor-tasks" | "/v2/schedules" | "/v2/actor-builds" => {
            Reply::json(envelope(0, 0, 1000, &[]))
        }
        path => Reply::error(404, "record-not-found", path),
    }
}

/// `users/me/limits` as far as anyone reads it.
pub fn limits(retention_days: u64) -> String {
    format!(r#"{{"data":{{"limits":{{"maxActorCount":500,"dataRetentionDays":{retention_days}}}}}}}"#)
}

/// One connection, request by request; a client that goes away ends it.
fn converse(shared: &Shared, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = read_request(shared, &mut reader) {
        let at_once = shared.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        shared.requests.lock().unwrap().push(request.clone());
        // A test that waits for no arrival has dropped nothing but the messages.
        let _ = shared.arrivals.lock().unwrap().send(request.path.clone());
        let reply = (shared.answer)(&request);
        // Before the answer goes out: with its last byte the client may send its next request.
        shared.at_once.fetch_sub(1, Ordering::SeqCst);
        let written = match reply {
            Reply::Answer(status, headers, body) => write_answer(&mut stream, status, &headers, &body, body.len()),
            Reply::CutOff(body) => {
                let _ = write_answer(&mut stream, 200, &[], body.as_bytes(), body.len() + 100);
                return;
            }
            Reply::Reset => return,
            Reply::Stall => {
                let _ = reader.read(&mut [0]);
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

fn read_request(shared: &Shared, reader: &mut impl BufRead) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let target = head.split(' ').nth(1)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let is_list = path == "/v2/actor-runs";
    let number = shared.listed.fetch_add(usize::from(is_list), Ordering::SeqCst);
    Some(Request {
        path: path.into(),
        query,
        number,
        head: head.clone(),
    })
}

fn write_answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&str, String)],
    body: &[u8],
    length: usize,
) -> std::io::Result<()> {
    let mut answer =
        format!("HTTP/1.1 {status} Reason\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        answer += &format!("{name}: {value}\r\n");
    }
    answer += "\r\n";
    let mut bytes = answer.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)
}
