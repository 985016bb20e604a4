//! What there is to ask of the API, one function an endpoint: the run list, one run's detail, names, limits, usage. How it
//! is asked is `client`'s; what is done with an answer is `fetch`'s and the jobs'.

use anyhow::anyhow;
use chrono::{NaiveDate, NaiveTime};

use crate::api::ask::{Answer, Ask, RequestError};
use crate::api::auxiliary::{self, NameKind, NamedItem, NamesPage, Partial};
use crate::api::builds::{self, BuildsPage};
use crate::api::client::ApiClient;
use crate::api::detail::{self, DetailAnswer};
use crate::api::page::{self, Page};
use crate::api::usage::{self, MonthlyUsage};
use crate::error::{Error, Result};
use crate::period::{Millis, format_instant};
use crate::provenance::Account;

/// A query of the account's run list, by the API's parameters; bounds are inclusive.
#[derive(Debug, Clone)]
pub struct ListQuery<'a> {
    pub after: Millis,
    pub before: Millis,
    pub offset: u64,
    pub limit: u64,
    pub desc: bool,
    pub statuses: &'a [String],
    /// Whether the caller can narrow the query, should it be too heavy for the server.
    pub narrowable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupAnswer<T> {
    Found(T),
    /// 404, or 403 where the token may not see it.
    Missing(u16),
}

impl ApiClient {
    /// A page of the account's runs; none where it is larger than [`MAX_BODY_BYTES`](super::body::MAX_BODY_BYTES).
    pub async fn list_runs(&self, query: &ListQuery<'_>) -> Result<Option<Page>, RequestError> {
        let mut pairs = vec![("limit", query.limit.to_string()), ("desc", query.desc.to_string())];
        pairs.extend(started(query.after, query.before));
        pairs.extend((query.offset > 0).then(|| ("offset", query.offset.to_string())));
        pairs.extend((!query.statuses.is_empty()).then(|| ("status", query.statuses.join(","))));
        let mut ask = Ask::new(self.url(&["v2", "actor-runs"], &pairs));
        (ask.narrowable, ask.divisible, ask.is_beside_runs) = (query.narrowable, true, false);
        match self.get(ask, page::decode).await? {
            Answer::Read(page, head_total) => Ok(Some(page.asked_for(query.limit, head_total))),
            Answer::TooHeavy => Err(RequestError::TooHeavy),
            Answer::TooLarge => Ok(None),
            Answer::Missing(_) => unreachable!("a list that is not there is a failure"),
        }
    }

    /// Asks for a list of next to nothing, around an instant, for the time that its answer tells: no cache knows it.
    pub async fn ask_time(&self, around_ms: Millis) -> Result<()> {
        let mut pairs = vec![("limit", "1".to_string())];
        pairs.extend(started(around_ms - 1, around_ms));
        let ask = Ask::new(self.url(&["v2", "actor-runs"], &pairs)).with_few_retries();
        read(self.get(ask, page::decode).await?).map(drop)
    }

    /// One run's detail. 403 and 404 are answers: a run may have been deleted, or a token may list runs and no more.
    pub async fn run_detail(&self, id: &str) -> Result<LookupAnswer<DetailAnswer>> {
        let ask = Ask::look_up(self.url(&["v2", "actor-runs", id], &[]));
        found(self.get(ask, detail::decode).await?)
    }

    /// Whose token it is, where the API says so; never asked more than a few times, since nothing depends on it.
    pub async fn account(&self) -> Result<Partial<Account>> {
        let ask = Ask::new(self.url(&["v2", "users", "me"], &[])).with_few_retries();
        read(self.get(ask, auxiliary::account).await?)
    }

    /// For how many days Apify keeps the runs that it lists (`data.limits.dataRetentionDays`).
    pub async fn retention_days(&self) -> Result<u64> {
        let ask = Ask::new(self.url(&["v2", "users", "me", "limits"], &[])).with_few_retries();
        read(self.get(ask, auxiliary::retention_days).await?)
    }

    pub async fn names(&self, named: NameKind, offset: u64) -> Result<Partial<NamesPage>> {
        let (limit, offset) = (page::MAX_PAGE_ITEMS.to_string(), offset.to_string());
        let pairs = [("limit", limit), ("offset", offset), ("desc", "false".into())];
        let ask = Ask::new(self.url(&["v2", named.path()], &pairs)).with_few_retries();
        read(self.get(ask, move |body| auxiliary::names(named, body)).await?)
    }

    /// One name, by ID or by `username~name`; none where there is no such thing for this token, or it has none.
    pub async fn name(&self, named: NameKind, id: &str) -> Result<Option<NamedItem>> {
        let ask = Ask::look_up(self.url(&["v2", named.path(), id], &[])).with_few_retries();
        match found(self.get(ask, move |body| auxiliary::name(named, body)).await?)? {
            LookupAnswer::Found(item) => Ok(item),
            LookupAnswer::Missing(_) => Ok(None),
        }
    }

    /// A page of the account's builds, the newest first. It has no filter.
    pub async fn builds(&self, offset: u64, limit: u64) -> Result<BuildsPage> {
        let pairs = [
            ("limit", limit.to_string()),
            ("offset", offset.to_string()),
            ("desc", "true".into()),
        ];
        let ask = Ask::new(self.url(&["v2", "actor-builds"], &pairs)).with_few_retries();
        read(self.get(ask, builds::decode).await?)
    }

    /// The usage of the billing cycle that holds a date, in UTC; an error if the API gives another cycle.
    pub async fn monthly_usage(&self, date: NaiveDate) -> Result<MonthlyUsage> {
        let url = self.url(
            &["v2", "users", "me", "usage", "monthly"],
            &[("date", date.to_string())],
        );
        let usage = read(self.get(Ask::new(url), usage::decode).await?)?;
        let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        if (usage.from_ms..usage.to_ms).contains(&midnight) {
            return Ok(usage);
        }
        let (from, to) = (format_instant(usage.from_ms), format_instant(usage.to_ms));
        Err(Error::Untrusted(format!(
            "expected the billing cycle of {date}; the API gave the cycle from {from} to {to}"
        )))
    }
}

/// The parameters for runs that started in a range, both ends included.
fn started(after: Millis, before: Millis) -> [(&'static str, String); 2] {
    [
        ("startedAfter", format_instant(after)),
        ("startedBefore", format_instant(before)),
    ]
}

fn read<T>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Read(read, _) => Ok(read),
        Answer::TooHeavy | Answer::TooLarge | Answer::Missing(_) => {
            Err(Error::Other(anyhow!("the API did not answer what was requested")))
        }
    }
}

fn found<T>(answer: Answer<T>) -> Result<LookupAnswer<T>> {
    match answer {
        Answer::Missing(status) => Ok(LookupAnswer::Missing(status)),
        other => read(other).map(LookupAnswer::Found),
    }
}
