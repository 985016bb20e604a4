//! What a client asks of `serve`: a path and a query string.

use form_urlencoded::Serializer;

use super::has_place;
use crate::period::{Millis, format_instant};
use crate::runs::cost_state::STATUSES;
use crate::serve::query::{DirectoryQuery, Paging, RunsQuery};
use crate::serve::question::{ApiQuestion, RunScope};
use crate::serve::refusal::Refusal;

/// The first line of a request, without its method: `PATH?QUERY`. The place of a refusal is the parameter.
pub fn question(line: &[u8]) {
    let line = String::from_utf8_lossy(line);
    let (path, query) = line.split_once('?').unwrap_or((&line, ""));
    ask(path, query);
    // Most paths lead nowhere: each query is tried on the lists, too.
    for list in [
        "/v2/actor-runs",
        "/v2/actor-tasks/x/runs",
        "/v2/actors",
        "/v2/actor-builds",
        "/v2/users/me/usage/monthly",
    ] {
        ask(list, query);
    }
}

fn ask(path: &str, query: &str) {
    match ApiQuestion::parse(path, query) {
        None => {}
        Some(Ok(question)) => {
            let Some((path, query)) = written(&question) else {
                return;
            };
            assert_eq!(ApiQuestion::parse(&path, &query), Some(Ok(question)), "{path}?{query}");
        }
        Some(Err(Refusal::BadValue(refusal))) => {
            let names = form_urlencoded::parse(query.as_bytes());
            let names: Vec<String> = names.map(|(name, _)| format!("\"{name}\"")).collect();
            has_place(&refusal, &names.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Some(Err(other)) => panic!("{path}?{query} is refused as {other:?}"),
    }
}

/// A path and a query that ask the same; none for an instant that can't be written.
fn written(question: &ApiQuestion) -> Option<(String, String)> {
    let one = |list: &str, name: &str| format!("/v2/{list}/{}", encoded(name));
    let plain = |path: String| Some((path, String::new()));
    match question {
        ApiQuestion::Runs(scope, query) => {
            let path = match scope {
                RunScope::Account => "/v2/actor-runs".into(),
                RunScope::Actor(name) => one("acts", name) + "/runs",
                RunScope::Task(name) => one("actor-tasks", name) + "/runs",
            };
            Some((path, runs_query(query)?))
        }
        ApiQuestion::Run(id) => plain(one("actor-runs", id)),
        ApiQuestion::Actors(query) => Some(("/v2/acts".into(), directory_query(query))),
        ApiQuestion::Actor(name) => plain(one("acts", name)),
        ApiQuestion::Tasks(query) => Some(("/v2/actor-tasks".into(), directory_query(query))),
        ApiQuestion::Task(name) => plain(one("actor-tasks", name)),
        ApiQuestion::Builds(paging) => Some(("/v2/actor-builds".into(), paging_query(paging).finish())),
        ApiQuestion::Schedules(paging) => Some(("/v2/schedules".into(), paging_query(paging).finish())),
        ApiQuestion::Me => plain("/v2/users/me".into()),
        ApiQuestion::Limits => plain("/v2/users/me/limits".into()),
        ApiQuestion::MonthlyUsage(date) => {
            let query = date.map_or(String::new(), |date| format!("date={date}"));
            Some(("/v2/users/me/usage/monthly".into(), query))
        }
    }
}

/// Every byte of a part of a path, percent-encoded.
fn encoded(part: &str) -> String {
    part.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn paging_query(paging: &Paging) -> Serializer<'static, String> {
    let mut query = Serializer::new(String::new());
    query.append_pair("offset", &paging.offset.to_string());
    query.append_pair("limit", &paging.limit.to_string());
    query.append_pair("desc", if paging.desc { "true" } else { "false" });
    query
}

fn directory_query(query: &DirectoryQuery) -> String {
    let mut text = paging_query(&query.paging);
    text.append_pair("my", if query.my { "1" } else { "0" });
    text.append_pair(
        "sortBy",
        if query.by_last_run {
            "stats.lastRunStartedAt"
        } else {
            "createdAt"
        },
    );
    text.finish()
}

fn runs_query(query: &RunsQuery) -> Option<String> {
    let mut text = paging_query(&query.paging);
    if let Some(statuses) = &query.statuses {
        let names = statuses.iter().map(|status| STATUSES[usize::from(*status)]);
        text.append_pair("status", &names.collect::<Vec<_>>().join(","));
    }
    let edges = [
        ("startedAfter", query.after, Millis::MIN),
        ("startedBefore", query.before, Millis::MAX),
    ];
    for (name, at, _) in edges.into_iter().filter(|(_, at, open)| at != open) {
        let instant = format_instant(at);
        if instant.len() != "2025-09-01T00:00:00.000Z".len() {
            return None;
        }
        text.append_pair(name, &instant);
    }
    Some(text.finish())
}
