//! A stand-in's account with all that a job asks beside the run list: details, names, limits, usage, and a clock. Each answer
//! is a function of its own, so that a test says only what is odd about its account.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::support::stand_in::{Account, Reply, Request, Run, StandIn, beside_runs, envelope, limits, user};

/// How long a test waits for what must come before it goes on and fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the same reply again and again.
pub type Make = fn() -> Reply;

type Answer = Box<dyn Fn(&Request) -> Reply + Send + Sync>;

/// An account that is about to be served.
pub struct Apify {
    account: Account,
    answers: Vec<(String, Answer)>,
    date: Option<&'static str>,
    age: Option<&'static str>,
}

impl Apify {
    /// Of these runs, with neither details nor names.
    pub fn of(runs: Vec<Run>) -> Apify {
        Apify {
            account: Account {
                runs,
                ..Account::default()
            },
            answers: Vec::new(),
            date: None,
            age: None,
        }
    }

    /// Answers a path by a function; one that ends with `/` is of everything below. The last one that fits counts.
    pub fn at(mut self, path: &str, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Apify {
        self.answers.push((path.into(), Box::new(answer)));
        self
    }

    /// Answers details by a function of the run's ID.
    pub fn details(self, answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Apify {
        self.at("/v2/actor-runs/", move |request| answer(last_segment(request)))
    }

    /// Lists these Actors: ID, username, name. A single one is found too.
    pub fn actors(self, actors: &[(&str, &str, &str)]) -> Apify {
        let items = actors.iter().map(|(id, username, name)| {
            let item = serde_json::json!({"id": id, "username": username, "name": name, "title": "A title"});
            item.to_string()
        });
        self.listed("/v2/actors", items.collect())
    }

    /// Lists these tasks: ID, name.
    pub fn tasks(self, tasks: &[(&str, &str)]) -> Apify {
        let items = tasks.iter().map(|(id, name)| {
            let item = serde_json::json!({"id": id, "name": name, "actName": "crawler", "actUsername": "ann"});
            item.to_string()
        });
        self.listed("/v2/actor-tasks", items.collect())
    }

    /// Lists these schedules: ID, name. A single one is never found.
    pub fn schedules(self, schedules: &[(&str, &str)]) -> Apify {
        let items = schedules.iter().map(|(id, name)| {
            let item = serde_json::json!({"id": id, "name": name, "title": "A title", "isEnabled": true});
            item.to_string()
        });
        self.listed("/v2/schedules", items.collect())
    }

    /// Lists items, a thousand a page at most.
    pub fn listed(self, path: &str, items: Vec<String>) -> Apify {
        self.at(path, move |request| {
            let number = |name: &str| request.query.get(name).map_or(0, |text| text.parse::<usize>().unwrap());
            let (offset, limit) = (number("offset"), number("limit").clamp(1, 1000));
            let page: Vec<String> = items.iter().skip(offset).take(limit).cloned().collect();
            Reply::json(envelope(items.len(), offset, limit, &page))
        })
    }

    /// The plan keeps runs for so many days.
    pub fn keeps(self, days: u64) -> Apify {
        self.at("/v2/users/me/limits", move |_| Reply::json(limits(days)))
    }

    /// The token is of this account.
    pub fn owned_by(self, id: &str) -> Apify {
        let user = user(id);
        self.at("/v2/users/me", move |_| Reply::json(user.clone()))
    }

    /// Tells this time with every answer, in the form of HTTP.
    pub fn dated(mut self, date: &'static str) -> Apify {
        self.date = Some(date);
        self
    }

    /// Says so with every answer that it comes from a cache, and how many seconds old it is.
    pub fn aged(mut self, age: &'static str) -> Apify {
        self.age = Some(age);
        self
    }

    /// Serves it.
    pub fn start(self) -> StandIn {
        let Apify {
            account,
            answers,
            date,
            age,
        } = self;
        StandIn::start_raw(move |request| {
            let fits = |path: &str| request.path == path || (path.ends_with('/') && request.path.starts_with(path));
            let reply = match answers.iter().rev().find(|(path, _)| fits(path)) {
                Some((_, answer)) => answer(request),
                None if request.path == "/v2/actor-runs" => Reply::json(account.list(request)),
                None => beside_runs(&request.path),
            };
            match (reply, date) {
                (Reply::Answer(status, mut headers, body), Some(date)) => {
                    // An answer's own date stands.
                    if headers.iter().all(|(name, _)| *name != "Date") {
                        headers.push(("Date", date.into()));
                    }
                    headers.extend(age.map(|age| ("Age", age.into())));
                    Reply::Answer(status, headers, body)
                }
                (reply, _) => reply,
            }
        })
    }
}

/// What a request for a single thing asks for, as it stands in the path.
pub fn last_segment(request: &Request) -> &str {
    request.path.rsplit('/').next().unwrap()
}

/// A run's detail that ended long ago, with these members beside ID, status and finish.
pub fn detail(id: &str, rest: &str) -> String {
    format!(
        r#"{{"data":{{"id":"{id}","actId":"actor","status":"SUCCEEDED","startedAt":"2025-09-01T00:00:00.000Z","finishedAt":"2025-09-20T00:00:00.000Z",{rest}}}}}"#
    )
}

/// A run that ended long ago, with these members beside ID, status, Actor and finish.
pub fn ended(id: &str, started: i64, rest: &str) -> Run {
    let comma = if rest.is_empty() { "" } else { "," };
    let rest = format!(r#""actId":"actor","finishedAt":"2025-09-20T00:00:00.000Z"{comma}{rest}"#);
    Run::new(id, started).with(&rest)
}

/// What was asked for below a path, in order, by its last segment.
pub fn asked_below(server: &StandIn, path: &str) -> Vec<String> {
    let requests = server.requests();
    let below = requests.iter().filter(|request| request.path.starts_with(path));
    let mut asked: Vec<String> = below.map(|request| last_segment(request).to_string()).collect();
    asked.sort();
    asked
}

/// The runs whose details were asked for, in order.
pub fn details_asked(server: &StandIn) -> Vec<String> {
    asked_below(server, "/v2/actor-runs/")
}

/// Holds whoever comes until so many are there or so long has passed, whichever comes first; open from then on.
pub struct Gate {
    wanted: usize,
    time: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    most: usize,
    open: bool,
    filled: bool,
}

impl Gate {
    /// Opens once so many wait, which must happen.
    pub fn of(wanted: usize) -> Gate {
        Gate::within(wanted, PATIENCE)
    }

    /// Opens once so many wait, or after so long.
    pub fn within(wanted: usize, time: Duration) -> Gate {
        Gate {
            wanted,
            time,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Waits until it opens.
    pub fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        state.most = state.most.max(state.waiting);
        if state.waiting >= self.wanted {
            (state.open, state.filled) = (true, true);
            self.changed.notify_all();
        }
        let waited = self.changed.wait_timeout_while(state, self.time, |state| !state.open);
        let (mut state, _) = waited.unwrap();
        state.open = true;
        state.waiting -= 1;
        self.changed.notify_all();
    }

    /// Opens it for all.
    pub fn open(&self) {
        let mut state = self.state.lock().unwrap();
        (state.open, state.filled) = (true, true);
        self.changed.notify_all();
    }

    /// The most that were there at once.
    pub fn most(&self) -> usize {
        self.state.lock().unwrap().most
    }

    /// Whether it was opened by those who came, or by hand, and not by time.
    pub fn was_filled(&self) -> bool {
        self.state.lock().unwrap().filled
    }
}
