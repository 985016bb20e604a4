//! What is asked: a path and a query string to a question, or the reason why it is none.

use chrono::{Datelike, NaiveDate};

use super::query::{DirectoryQuery, Paging, RunsQuery, bad_value};
use super::refusal::Refusal;

/// Whose runs: Actors and tasks by their ID or as `username~name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunScope {
    Account,
    Actor(String),
    Task(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiQuestion {
    Runs(RunScope, RunsQuery),
    /// By its ID alone.
    Run(String),
    Actors(DirectoryQuery),
    /// By its ID, or as `username~name`; a task likewise.
    Actor(String),
    Tasks(DirectoryQuery),
    Task(String),
    Builds(Paging),
    Schedules(Paging),
    Me,
    Limits,
    /// The cycle that holds the date; without one, the clock's.
    MonthlyUsage(Option<NaiveDate>),
}

impl ApiQuestion {
    /// `None` where no endpoint has the path; a refusal where one has, and a parameter isn't what it takes.
    pub fn parse(path: &str, query: &str) -> Option<Result<ApiQuestion, Refusal>> {
        let mut parts = path.strip_prefix("/v2/")?.split('/');
        let parts = (parts.next()?, parts.next(), parts.next(), parts.next(), parts.next());
        let runs = |scope| Ok(ApiQuestion::Runs(scope, RunsQuery::parse(query)?));
        // The list of a task's runs has no dates: they are ignored there, whatever they say.
        let task_runs = |scope| Ok(ApiQuestion::Runs(scope, RunsQuery::parse_without_dates(query)?));
        Some(match parts {
            ("actor-runs", None, ..) => runs(RunScope::Account),
            ("actor-runs", Some(id), None, ..) => Ok(ApiQuestion::Run(decoded(id))),
            ("actors" | "acts", None, ..) => DirectoryQuery::parse(query).map(ApiQuestion::Actors),
            ("actors" | "acts", Some(id), None, ..) => Ok(ApiQuestion::Actor(decoded(id))),
            ("actors" | "acts", Some(id), Some("runs"), None, _) => runs(RunScope::Actor(decoded(id))),
            ("actor-tasks", None, ..) => DirectoryQuery::parse(query).map(ApiQuestion::Tasks),
            ("actor-tasks", Some(id), None, ..) => Ok(ApiQuestion::Task(decoded(id))),
            ("actor-tasks", Some(id), Some("runs"), None, _) => task_runs(RunScope::Task(decoded(id))),
            ("actor-builds", None, ..) => Paging::parse(query).map(ApiQuestion::Builds),
            ("schedules", None, ..) => Paging::parse(query).map(ApiQuestion::Schedules),
            ("users", Some("me"), None, ..) => Ok(ApiQuestion::Me),
            ("users", Some("me"), Some("limits"), None, _) => Ok(ApiQuestion::Limits),
            ("users", Some("me"), Some("usage"), Some("monthly"), None) => date(query).map(ApiQuestion::MonthlyUsage),
            _ => return None,
        })
    }
}

/// `date`, of the years in which there are billing cycles.
fn date(query: &str) -> Result<Option<NaiveDate>, Refusal> {
    let Some((_, value)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "date") else {
        return Ok(None);
    };
    let date = (value.len() == 10).then(|| value.parse::<NaiveDate>().ok()).flatten();
    let date = date.filter(|date| (2000..3000).contains(&date.year()));
    let expected = "a date in the YYYY-MM-DD format, of the years 2000 to 2999";
    date.map(Some).ok_or_else(|| bad_value("date", expected))
}

/// A part of a path, percent-decoded. What isn't UTF-8 becomes U+FFFD, which no name has.
pub fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [byte, after @ ..] = rest {
        let pair = (*byte == b'%')
            .then(|| std::str::from_utf8(after.get(..2)?).ok())
            .flatten()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(pair.unwrap_or(*byte));
        rest = if pair.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_literally_and_names_decoded() {
        let at = |path| ApiQuestion::parse(path, "");
        assert!(matches!(at("/v2/acts"), Some(Ok(ApiQuestion::Actors(_)))));
        assert_eq!(
            at("/v2/acts/a~%3Db%2Fc%20%F0%9F%95%B7+%zz%"),
            Some(Ok(ApiQuestion::Actor("a~=b/c 🕷+%zz%".into())))
        );
        for path in [
            "/",
            "/v2/",
            "/v2/users/you",
            "/v2/actor-runs/a/log",
            "/v2/users/me/usage",
            "/v2/users/me/limits/x",
        ] {
            assert_eq!(at(path), None, "{path}");
        }
    }

    #[test]
    fn a_date_is_a_date() {
        let usage = |query| ApiQuestion::parse("/v2/users/me/usage/monthly", query).unwrap();
        assert_eq!(usage(""), Ok(ApiQuestion::MonthlyUsage(None)));
        assert_eq!(
            usage("date=2025-09-14"),
            Ok(ApiQuestion::MonthlyUsage(NaiveDate::from_ymd_opt(2025, 9, 14)))
        );
        for wrong in [
            "date=",
            "date=today",
            "date=2025-02-30",
            "date=2025-9-1",
            "date=%2b12025-09-1",
            "date=1999-12-31",
        ] {
            assert!(usage(wrong).is_err(), "{wrong}");
        }
    }
}
