//! What there is to ask of the API, one function an endpoint: the run list, one run's detail, names, limits, usage. How it
//! is asked is `client`'s; what is done with an answer is `fetch`'s and the jobs'.

use anyhow::anyhow;
use chrono::{NaiveDate, NaiveTime};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::api::ask::{Answer, Ask, RequestError};
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// `/v2/actors`: named `username/name`.
    Actors,
    /// `/v2/actor-tasks`: named by its name alone.
    Tasks,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedItem {
    pub id: String,
    pub name: String,
}

#[derive(Debug)]
pub struct NamesPage {
    pub total: u64,
    /// Items on the page, also those without a name.
    pub count: u64,
    pub items: Vec<NamedItem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupAnswer<T> {
    Found(T),
    /// 404, or 403 where the token may not see it.
    Missing(u16),
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct NameEntry {
    id: String,
    name: Option<String>,
    username: Option<String>,
}

impl NameKind {
    fn path(self) -> &'static str {
        match self {
            NameKind::Actors => "actors",
            NameKind::Tasks => "actor-tasks",
        }
    }

    fn item(self, entry: NameEntry) -> Option<NamedItem> {
        let name = entry.name.filter(|name| !name.is_empty())?;
        let name = match (self, entry.username) {
            (NameKind::Actors, Some(username)) => format!("{username}/{name}"),
            _ => name,
        };
        Some(NamedItem { id: entry.id, name })
    }
}

impl ApiClient {
    /// A page of the account's runs; none where it is larger than [`MAX_BODY_BYTES`](super::body::MAX_BODY_BYTES).
    pub async fn list_runs(&self, query: &ListQuery<'_>) -> Result<Option<Page>, RequestError> {
        let mut pairs = vec![("limit", query.limit.to_string()), ("desc", query.desc.to_string())];
        pairs.extend(started(query.after, query.before));
        pairs.extend((query.offset > 0).then(|| ("offset", query.offset.to_string())));
        pairs.extend((!query.statuses.is_empty()).then(|| ("status", query.statuses.join(","))));
        let mut ask = Ask::new(self.url(&["v2", "actor-runs"], &pairs));
        (ask.narrowable, ask.divisible) = (query.narrowable, true);
        match self.get(ask, page::decode).await? {
            Answer::Read(page) => Ok(Some(page.asked_for(query.limit))),
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

    /// Whose token it is, where the API says so; never asked more than a few times, since nothing depends on it. The answer
    /// holds a live proxy password too: it is dropped unread.
    pub async fn account(&self) -> Result<Account> {
        self.get_data(self.url(&["v2", "users", "me"], &[])).await
    }

    /// For how many days Apify keeps the runs that it lists (`data.limits.dataRetentionDays`).
    pub async fn retention_days(&self) -> Result<u64> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Limits {
            data_retention_days: u64,
        }
        #[derive(Deserialize)]
        struct Data {
            limits: Limits,
        }
        let data: Data = self.get_data(self.url(&["v2", "users", "me", "limits"], &[])).await?;
        Ok(data.limits.data_retention_days)
    }

    pub async fn names(&self, named: NameKind, offset: u64) -> Result<NamesPage> {
        #[derive(Deserialize)]
        struct Data {
            total: u64,
            items: Vec<Box<RawValue>>,
        }
        let (limit, offset) = (page::MAX_PAGE_ITEMS.to_string(), offset.to_string());
        let pairs = [("limit", limit), ("offset", offset), ("desc", "false".into())];
        let data: Data = self.get_data(self.url(&["v2", named.path()], &pairs)).await?;
        // One that is odd must not cost the others their names.
        let items = data.items.iter();
        let entries = items.filter_map(|item| serde_json::from_str(item.get()).ok());
        Ok(NamesPage {
            total: data.total,
            count: data.items.len() as u64,
            items: entries.filter_map(|entry| named.item(entry)).collect(),
        })
    }

    /// One name, by ID or by `username~name`; none where there is no such thing for this token, or it has none.
    pub async fn name(&self, named: NameKind, id: &str) -> Result<Option<NamedItem>> {
        let ask = Ask::look_up(self.url(&["v2", named.path(), id], &[])).with_few_retries();
        match found(self.get(ask, json::<Envelope<NameEntry>>).await?)? {
            LookupAnswer::Found(envelope) => Ok(named.item(envelope.data)),
            LookupAnswer::Missing(_) => Ok(None),
        }
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

    /// Data that a job can do without.
    async fn get_data<T: DeserializeOwned + Send + 'static>(&self, url: Url) -> Result<T> {
        let ask = Ask::new(url).with_few_retries();
        Ok(read(self.get(ask, json::<Envelope<T>>).await?)?.data)
    }
}

/// The parameters for runs that started in a range, both ends included.
fn started(after: Millis, before: Millis) -> [(&'static str, String); 2] {
    [
        ("startedAfter", format_instant(after)),
        ("startedBefore", format_instant(before)),
    ]
}

/// Decodes the needed members; others are skipped, and appear in no error.
fn json<T: DeserializeOwned>(body: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(body).map_err(|_| anyhow!("the body does not have the documented form"))
}

fn read<T>(answer: Answer<T>) -> Result<T> {
    match answer {
        Answer::Read(read) => Ok(read),
        Answer::TooHeavy | Answer::TooLarge | Answer::Missing(_) => {
            Err(Error::Other(anyhow!("the API gave an answer to another question")))
        }
    }
}

fn found<T>(answer: Answer<T>) -> Result<LookupAnswer<T>> {
    match answer {
        Answer::Missing(status) => Ok(LookupAnswer::Missing(status)),
        other => read(other).map(LookupAnswer::Found),
    }
}
