//! What is asked: a path and a query string to a question, or the reason why it is none.

use chrono::{Datelike, NaiveDate};

use super::query::{ListQuery, RunsQuery};
use super::refusal::Refusal;

/// Whose runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of the account's.
    Account,
    /// An Actor's, by its ID or as `username~name`.
    Actor(String),
    /// A task's, likewise.
    Task(String),
}

/// A place under `/v2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Runs(Scope),
    Run(String),
    Actors,
    Actor(String),
    Tasks,
    Task(String),
    Me,
    Limits,
    MonthlyUsage,
}

/// What can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Runs(Scope, RunsQuery),
    /// By its ID.
    Run(String),
    Actors(ListQuery),
    /// By its ID, or as `username~name`.
    Actor(String),
    Tasks(ListQuery),
    /// Likewise.
    Task(String),
    Me,
    Limits,
    /// The cycle that holds the date; without one, the clock's.
    MonthlyUsage(Option<NaiveDate>),
}

impl Endpoint {
    /// The endpoint at a path.
    pub(super) fn at(path: &str) -> Option<Endpoint> {
        let mut parts = path.strip_prefix("/v2/")?.split('/');
        let parts = (parts.next()?, parts.next(), parts.next(), parts.next(), parts.next());
        Some(match parts {
            ("actor-runs", None, ..) => Endpoint::Runs(Scope::Account),
            ("actor-runs", Some(id), None, ..) => Endpoint::Run(decoded(id)),
            ("actors" | "acts", None, ..) => Endpoint::Actors,
            ("actors" | "acts", Some(id), None, ..) => Endpoint::Actor(decoded(id)),
            ("actors" | "acts", Some(id), Some("runs"), None, _) => Endpoint::Runs(Scope::Actor(decoded(id))),
            ("actor-tasks", None, ..) => Endpoint::Tasks,
            ("actor-tasks", Some(id), None, ..) => Endpoint::Task(decoded(id)),
            ("actor-tasks", Some(id), Some("runs"), None, _) => Endpoint::Runs(Scope::Task(decoded(id))),
            ("users", Some("me"), None, ..) => Endpoint::Me,
            ("users", Some("me"), Some("limits"), None, _) => Endpoint::Limits,
            ("users", Some("me"), Some("usage"), Some("monthly"), None) => Endpoint::MonthlyUsage,
            _ => return None,
        })
    }

    /// The question that its parameters make of it.
    pub(super) fn question(self, query: &str) -> Result<Question, Refusal> {
        let list = || ListQuery::parse(query).map_err(Refusal::BadValue);
        Ok(match self {
            Endpoint::Runs(scope) => {
                let query = match scope {
                    Scope::Task(_) => RunsQuery::parse_without_dates(query),
                    _ => RunsQuery::parse(query),
                };
                Question::Runs(scope, query.map_err(Refusal::BadValue)?)
            }
            Endpoint::Run(id) => Question::Run(id),
            Endpoint::Actors => Question::Actors(list()?),
            Endpoint::Actor(id) => Question::Actor(id),
            Endpoint::Tasks => Question::Tasks(list()?),
            Endpoint::Task(id) => Question::Task(id),
            Endpoint::Me => Question::Me,
            Endpoint::Limits => Question::Limits,
            Endpoint::MonthlyUsage => Question::MonthlyUsage(date(query)?),
        })
    }
}

/// `date`, of the years in which there are billing cycles.
fn date(query: &str) -> Result<Option<NaiveDate>, Refusal> {
    let Some((_, value)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "date") else {
        return Ok(None);
    };
    let date = (value.len() == 10).then(|| value.parse::<NaiveDate>().ok()).flatten();
    match date.filter(|date| (2000..3000).contains(&date.year())) {
        Some(date) => Ok(Some(date)),
        None => Err(Refusal::BadValue(
            "Parameter \"date\" must be a date in the YYYY-MM-DD format, of the years 2000 to 2999".into(),
        )),
    }
}

/// A part of a path without its percent signs; what is no text is nothing's name.
fn decoded(part: &str) -> String {
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
        assert_eq!(Endpoint::at("/v2/acts"), Some(Endpoint::Actors));
        assert_eq!(
            Endpoint::at("/v2/acts/a~%3Db%2Fc%20%F0%9F%95%B7+%zz%"),
            Some(Endpoint::Actor("a~=b/c 🕷+%zz%".into()))
        );
        assert_eq!(Endpoint::at("/v2/users/me/usage/monthly"), Some(Endpoint::MonthlyUsage));
        for path in [
            "/",
            "/v2/",
            "/v2/users/you",
            "/v2/actor-runs/a/log",
            "/v2/users/me/usage",
            "/v2/users/me/limits/x",
        ] {
            assert_eq!(Endpoint::at(path), None, "{path}");
        }
    }

    #[test]
    fn a_date_is_a_date() {
        let usage = |query| Endpoint::MonthlyUsage.question(query);
        assert_eq!(usage(""), Ok(Question::MonthlyUsage(None)));
        assert_eq!(
            usage("date=2025-09-14"),
            Ok(Question::MonthlyUsage(NaiveDate::from_ymd_opt(2025, 9, 14)))
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
