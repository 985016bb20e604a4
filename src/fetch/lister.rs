//! Pages of the run list that make sense. Which to ask for is the walk's.

use std::sync::Arc;

use super::page_size::PageLimit;
use crate::api::ask::RequestError;
use crate::api::client::ApiClient;
use crate::api::endpoints::ListQuery;
use crate::api::item::RejectedItem;
use crate::api::page::Page;
use crate::error::{Error, Result};
use crate::period::{Millis, format_instant};

/// Asks for pages of the run list; once more for a page with rejected items.
#[derive(Debug)]
pub struct Lister {
    pub api: Arc<ApiClient>,
    pub statuses: Vec<String>,
    /// Whether rejected items are left out instead of ending the job.
    pub allow_incomplete: bool,
    /// `[from, to)`; rejected items outside of it don't matter.
    pub period: (Millis, Millis),
    pub limit: PageLimit,
}

impl Lister {
    /// The page at `offset` of the runs that started in `[after, before]`.
    pub async fn page(&self, after: Millis, before: Millis, offset: u64, desc: bool) -> Result<Page> {
        let mut query = self.query(after, before);
        (query.offset, query.desc) = (offset, desc);
        self.list(query).await.map_err(|error| match error {
            RequestError::Failed(error) => error,
            RequestError::TooHeavy => unreachable!("only a narrowable query is refused as too heavy"),
        })
    }

    /// The first page of the same, unless the server finds that too heavy.
    pub async fn first_page(&self, after: Millis, before: Millis) -> Result<Page, RequestError> {
        let mut query = self.query(after, before);
        query.narrowable = before - after > 2;
        self.list(query).await
    }

    fn query(&self, after: Millis, before: Millis) -> ListQuery<'_> {
        ListQuery {
            after,
            before,
            offset: 0,
            limit: self.limit.runs(),
            desc: false,
            statuses: &self.statuses,
            narrowable: false,
        }
    }

    async fn list(&self, query: ListQuery<'_>) -> Result<Page, RequestError> {
        let page = self.ask(query.clone()).await?;
        if self.senseless(&page).is_none() {
            return Ok(page);
        }
        let (after, before) = (query.after, query.before);
        let again = self.ask(query).await?;
        match self.senseless(&again) {
            Some(rejected) if !self.allow_incomplete => Err(senseless(rejected, after, before).into()),
            _ => Ok(again),
        }
    }

    /// The page as it comes; while it is larger than any answer that is read, with a lower limit.
    async fn ask(&self, mut query: ListQuery<'_>) -> Result<Page, RequestError> {
        loop {
            if let Some(page) = self.api.list_runs(&query).await? {
                self.limit.observe(query.limit, &page);
                return Ok(page);
            }
            query.limit = self.limit.lower(query.limit).ok_or_else(|| too_large(&query))?;
        }
    }

    /// The first rejected item that may belong to the period.
    fn senseless<'p>(&self, page: &'p Page) -> Option<&'p RejectedItem> {
        let (from, to) = self.period;
        let mut rejected = page.rejected.iter();
        rejected.find(|rejected| rejected.started_at_ms.is_none_or(|at| (from..to).contains(&at)))
    }
}

fn too_large(query: &ListQuery) -> Error {
    let order = if query.desc { "latest" } else { "earliest" };
    Error::Untrusted(format!(
        "one run in the list is larger than 64 MiB, the limit for an answer: number {} from the {order} of the runs that \
         started between {} and {}",
        query.offset + 1,
        format_instant(query.after),
        format_instant(query.before),
    ))
}

fn senseless(rejected: &RejectedItem, after: Millis, before: Millis) -> Error {
    let id = rejected.id.as_ref();
    let run = id.map_or("a run without a valid id".to_string(), |id| format!("run {id}"));
    Error::Untrusted(format!(
        "{run}, listed between {} and {}: {} {} in both of two answers; --allow-incomplete excludes such runs",
        format_instant(after),
        format_instant(before),
        rejected.field,
        rejected.problem
    ))
}
