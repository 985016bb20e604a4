//! The simulated server: when it answers, and how it fails. It notes what a client must not do.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use hyper::body::{Bytes, Frame};
use reqwest::{Body, Response, Url};
use tokio::time::{Instant, Sleep};

use super::account::{SimulatedAccount, SimulatedQuery, SimulatedRun};
use super::random::{SeededRandom, mixed};
use super::scenario::Scenario;
use crate::api::surroundings::SimulatedNetwork;
use crate::period::parse_instant;

/// The longest that an answer takes that isn't too late.
const LONGEST_LATENCY_MS: u64 = 90_000;
/// A request is answered after so many failures, so that no honest retry is given up.
const MOST_FAILURES: u32 = 2;
/// How long every request waits after a 429 that does not say how long.
const SHORTEST_WAIT: Duration = Duration::from_millis(500);
/// A pause that a 429 asks for at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

pub(super) struct SimulatedServer {
    pub(super) account: Arc<SimulatedAccount>,
    pub(super) scenario: Scenario,
    /// Whether each answer is printed.
    is_printed: bool,
    begin: Instant,
    state: Mutex<ServerState>,
}

pub(super) struct ServerState {
    random: SeededRandom,
    chances: SeededRandom,
    pub(super) lists: LaneLog,
    pub(super) details: LaneLog,
    failures: HashMap<String, u32>,
    /// Of each detail: how often it was asked for, and how often it was answered.
    asked_details: HashMap<String, (u32, u32)>,
    has_answered: bool,
    pub(super) requests: u64,
    /// Of all requests and their instants.
    pub(super) trace: u64,
    pub(super) problems: Vec<String>,
}

/// The requests of one pace.
#[derive(Default)]
pub(super) struct LaneLog {
    pub(super) in_flight: usize,
    last: Option<Instant>,
    /// Since when, and until when a 429 forbids requests.
    pause: Option<(Instant, Instant)>,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Answered,
    /// A status, and the seconds of its `Retry-After`.
    Refused(u16, Option<u64>),
    TooHeavy,
    /// The connection ends before a head comes.
    Reset,
    /// The body ends in an error.
    Broken,
    /// The body ends in the middle of its JSON.
    CutOff,
    /// The head comes in time and the body's end too late.
    Stalled,
    TooLate,
}

/// A request in flight, from when it arrives until the client is done with its answer.
struct InFlight {
    server: Arc<SimulatedServer>,
    is_detail: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.server.state().lane(self.is_detail).in_flight -= 1;
    }
}

impl ServerState {
    fn lane(&mut self, is_detail: bool) -> &mut LaneLog {
        if is_detail { &mut self.details } else { &mut self.lists }
    }
}

impl SimulatedServer {
    pub(super) fn new(account: Arc<SimulatedAccount>, scenario: Scenario, is_printed: bool) -> Arc<SimulatedServer> {
        let seed = mixed(scenario.seed);
        Arc::new(SimulatedServer {
            account,
            scenario,
            is_printed,
            begin: Instant::now(),
            state: Mutex::new(ServerState {
                random: SeededRandom::new(seed),
                chances: SeededRandom::new(!seed),
                lists: LaneLog::default(),
                details: LaneLog::default(),
                failures: HashMap::new(),
                asked_details: HashMap::new(),
                has_answered: false,
                requests: 0,
                trace: 0,
                problems: Vec::new(),
            }),
        })
    }

    pub(super) fn network(self: &Arc<Self>) -> SimulatedNetwork {
        let (answering, chance) = (self.clone(), self.clone());
        SimulatedNetwork {
            answer: Box::new(move |url| answering.clone().answer(url).boxed()),
            chance: Box::new(move || chance.state().chances.share()),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    async fn answer(self: Arc<Self>, url: Url) -> reqwest::Result<Response> {
        let run = url.path().strip_prefix("/v2/actor-runs/").map(str::to_string);
        let in_flight = self.arrived(&url, run.as_deref());
        let (fate, latency) = self.decide(&url, run.is_some());
        tokio::time::sleep(latency).await;
        let is_refused = matches!(fate, Fate::Refused(..) | Fate::TooHeavy);
        let text = match (fate, &run) {
            _ if is_refused => refusal(fate),
            (_, Some(id)) => self.detail(id),
            (_, None) => self.page(&url),
        };
        let mut head = hyper::Response::builder();
        match fate {
            Fate::Refused(status, retry_after) => {
                head = head.status(status);
                if let Some(seconds) = retry_after {
                    head = head.header("Retry-After", seconds);
                }
                if status == 429 {
                    let pause = retry_after.map_or(SHORTEST_WAIT, Duration::from_secs);
                    self.pause(run.is_some(), pause.min(LONGEST_PAUSE));
                }
            }
            Fate::TooHeavy => head = head.status(503),
            Fate::Answered if text.is_none() => head = head.status(404),
            _ => {}
        }
        let missing = r#"{"error":{"type":"record-not-found","message":"there is no such run"}}"#;
        let text = text.unwrap_or_else(|| missing.into());
        if self.is_printed {
            println!(
                "{:>10?} {fate:?} GET {}?{}\n{text}",
                self.elapsed(),
                url.path(),
                url.query().unwrap_or("")
            );
        }
        if fate == Fate::Answered {
            self.note_answered(run.as_deref());
        }
        let body = SimulatedBody::new(text, fate, self.scenario.timeout, in_flight);
        if fate == Fate::Reset {
            let broken = Response::from(hyper::Response::new(Body::wrap(body)));
            return Err(broken.bytes().await.expect_err("the body breaks off"));
        }
        let response = head.body(Body::wrap(body)).expect("the head is valid");
        Ok(Response::from(response))
    }

    fn arrived(self: &Arc<Self>, url: &Url, run: Option<&str>) -> InFlight {
        let (now, elapsed) = (Instant::now(), self.elapsed());
        let is_detail = run.is_some();
        let due = run.and_then(|id| self.account.due(self.run(id)?));
        let (allowed, rate) = self.scenario.allowed(is_detail);
        let mut state = self.state();
        state.requests += 1;
        let asked = url
            .as_str()
            .bytes()
            .fold(elapsed.as_millis() as u64, |sum, byte| mixed(sum ^ u64::from(byte)));
        state.trace = mixed(state.trace ^ asked);
        let mut problems = Vec::new();
        if due.is_some_and(|due| elapsed < due) {
            problems.push(format!(
                "{url} was asked for {elapsed:?} after the job's start, before it is due"
            ));
        }
        if let Some(run) = run {
            let (attempts, _) = state.asked_details.entry(run.into()).or_default();
            *attempts += 1;
            if *attempts > 1 + self.scenario.retries {
                problems.push(format!("{url} was tried {attempts} times"));
            }
        }
        let lane = state.lane(is_detail);
        lane.in_flight += 1;
        if lane.in_flight > allowed {
            problems.push(format!(
                "{} requests are in flight; at most {allowed} are allowed",
                lane.in_flight
            ));
        }
        if let Some((since, until)) = lane.pause
            && since < now
            && now < until
        {
            problems.push(format!("{url} was sent {:?} before the end of a pause", until - now));
        }
        if let Some(last) = lane.last.filter(|_| rate > 0.0) {
            // The clock's ticks are milliseconds.
            let least = Duration::from_secs_f64(1.0 / rate).saturating_sub(Duration::from_millis(1));
            if now - last < least {
                problems.push(format!(
                    "{url} was sent {:?} after another; at {rate} a second",
                    now - last
                ));
            }
        }
        lane.last = Some(now);
        state.problems.extend(problems);
        drop(state);
        InFlight {
            server: self.clone(),
            is_detail,
        }
    }

    /// What becomes of a request, and how long it takes.
    fn decide(&self, url: &Url, is_detail: bool) -> (Fate, Duration) {
        let scenario = &self.scenario;
        let mut state = self.state();
        let has_answered = state.has_answered;
        let failed = state.failures.get(url.as_str()).copied().unwrap_or(0);
        let may_fail = scenario.is_harsh || failed < MOST_FAILURES;
        let random = &mut state.random;
        let timeout_ms = scenario.timeout.as_millis() as u64;
        let mut latency_ms = match random.below(10) {
            _ if scenario.latency_ms == 0 => random.below(2),
            0 => random.below(LONGEST_LATENCY_MS),
            _ => random.below(scenario.latency_ms),
        };
        let mut fate = if scenario.never_answers(url) {
            Fate::Refused(500, None)
        } else {
            Fate::Answered
        };
        if may_fail && random.share() < scenario.failures {
            fate = match random.below(9) {
                0 | 1 => Fate::Refused(429, Some(random.below(20))),
                2 => Fate::Refused(429, None),
                3 => Fate::Refused(random.one_of(&[408, 500, 502, 503, 504]), None),
                4 => Fate::Broken,
                5 => Fate::CutOff,
                // Without any answer so far, a client would look at the port.
                6 if has_answered => Fate::Reset,
                7 if has_answered => random.one_of(&[Fate::Stalled, Fate::TooLate]),
                8 if has_answered && !is_detail => Fate::TooHeavy,
                _ => Fate::Refused(500, Some(random.below(10))),
            };
        }
        if fate == Fate::TooLate {
            latency_ms = timeout_ms + random.below(30_000);
        } else if !(may_fail && has_answered) {
            latency_ms = latency_ms.min(timeout_ms - 1000);
        }
        if fate == Fate::Answered && latency_ms >= timeout_ms {
            fate = Fate::TooLate;
        }
        if fate != Fate::Answered {
            *state.failures.entry(url.to_string()).or_default() += 1;
        }
        (fate, Duration::from_millis(latency_ms))
    }

    fn pause(&self, is_detail: bool, time: Duration) {
        let now = Instant::now();
        let mut state = self.state();
        let lane = state.lane(is_detail);
        let until = now + time;
        if lane.pause.is_none_or(|(_, before)| before < until) {
            lane.pause = Some((now, until));
        }
    }

    fn note_answered(&self, run: Option<&str>) {
        let mut state = self.state();
        state.has_answered = true;
        if let Some(run) = run {
            let (_, answers) = state.asked_details.entry(run.into()).or_default();
            *answers += 1;
            if *answers > 1 {
                state
                    .problems
                    .push(format!("the detail of run {run} was asked for again"));
            }
        }
    }

    fn run(&self, id: &str) -> Option<&SimulatedRun> {
        self.account.runs.iter().find(|run| run.id == id)
    }

    fn detail(&self, id: &str) -> Option<String> {
        let run = self.run(id).filter(|run| run.is_there(self.elapsed()));
        run.map(SimulatedRun::detail)
    }

    fn page(&self, url: &Url) -> Option<String> {
        let text = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let number = |name: &str| text(name).map_or(0, |number| number.parse().unwrap());
        let instant = |name: &str| parse_instant(&text(name).unwrap()).unwrap();
        let query = SimulatedQuery {
            after: instant("startedAfter"),
            before: instant("startedBefore"),
            offset: number("offset"),
            limit: number("limit"),
            desc: text("desc").is_some_and(|desc| desc == "true"),
        };
        let elapsed = self.elapsed();
        Some(self.account.page(&query, elapsed, &mut self.state().random))
    }
}

fn refusal(fate: Fate) -> Option<String> {
    let kind = if fate == Fate::TooHeavy {
        "query-timeout"
    } else {
        "other"
    };
    Some(format!(r#"{{"error":{{"type":"{kind}","message":"simulated"}}}}"#))
}

/// A body in two parts, of which the second may come late, or not at all.
struct SimulatedBody {
    parts: Vec<Bytes>,
    wait: Option<Pin<Box<Sleep>>>,
    breaks_off: bool,
    _in_flight: InFlight,
}

#[derive(Debug)]
struct BrokenConnection;

impl fmt::Display for BrokenConnection {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the simulated connection broke")
    }
}

impl std::error::Error for BrokenConnection {}

impl SimulatedBody {
    fn new(text: String, fate: Fate, timeout: Duration, in_flight: InFlight) -> SimulatedBody {
        let bytes = Bytes::from(text);
        let middle = bytes.len() / 2;
        let (first, second) = (bytes.slice(..middle), bytes.slice(middle..));
        let is_cut = matches!(fate, Fate::Broken | Fate::CutOff | Fate::Reset);
        SimulatedBody {
            parts: if is_cut { vec![first] } else { vec![second, first] },
            wait: (fate == Fate::Stalled).then(|| Box::pin(tokio::time::sleep(timeout))),
            breaks_off: matches!(fate, Fate::Broken | Fate::Reset),
            _in_flight: in_flight,
        }
    }
}

impl hyper::body::Body for SimulatedBody {
    type Data = Bytes;
    type Error = BrokenConnection;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenConnection>>> {
        if self.parts.len() == 1
            && let Some(wait) = &mut self.wait
            && wait.as_mut().poll(context).is_pending()
        {
            return Poll::Pending;
        }
        Poll::Ready(match self.parts.pop() {
            Some(part) => Some(Ok(Frame::data(part))),
            None => std::mem::take(&mut self.breaks_off).then_some(Err(BrokenConnection)),
        })
    }
}
