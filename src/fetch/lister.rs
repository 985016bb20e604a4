//! Pages of the run list that make sense. Which to ask for is the walk's.

use std::sync::Arc;

use crate::api::ask::RequestError;
use crate::api::client::ApiClient;
use crate::api::endpoints::ListQuery;
use crate::api::page::{Page, Rejected};
use crate::error::{Error, Result};
use crate::period::{Millis, format_instant};

/// Pages of the run list, sensible ones: a page with items that make no sense is asked for once more.
#[derive(Debug)]
pub struct Lister {
    /// The API.
    pub api: Arc<ApiClient>,
    /// The statuses that are asked for; all if empty.
    pub statuses: Vec<String>,
    /// Whether items that make no sense are taken out instead of ending the job.
    pub allow_incomplete: bool,
    /// The period, `[from, to)`: what lies outside of it may make no sense.
    pub period: (Millis, Millis),
}

impl Lister {
    /// The page at `offset` of the runs that started in `[after, before]`.
    pub async fn page(&self, after: Millis, before: Millis, offset: u64, desc: bool) -> Result<Page> {
        match self.list(after, before, offset, desc, false).await {
            Ok(page) => Ok(page),
            Err(RequestError::Failed(error)) => Err(error),
            Err(RequestError::TooHeavy) => unreachable!("only a narrowable query is refused as too heavy"),
        }
    }

    /// The first page of the same, if the server doesn't find that too heavy.
    pub async fn first_page(&self, after: Millis, before: Millis) -> Result<Page, RequestError> {
        self.list(after, before, 0, false, before - after > 2).await
    }

    async fn list(
        &self,
        after: Millis,
        before: Millis,
        offset: u64,
        desc: bool,
        narrowable: bool,
    ) -> Result<Page, RequestError> {
        let query = ListQuery {
            after,
            before,
            offset,
            desc,
            statuses: &self.statuses,
            narrowable,
        };
        let page = self.api.list_runs(&query).await?;
        if self.senseless(&page).is_none() {
            return Ok(page);
        }
        let again = self.api.list_runs(&query).await?;
        match self.senseless(&again) {
            Some(rejected) if !self.allow_incomplete => Err(RequestError::Failed(senseless(rejected, after, before))),
            _ => Ok(again),
        }
    }

    /// The first item of a page that makes no sense and may belong to the period.
    fn senseless<'p>(&self, page: &'p Page) -> Option<&'p Rejected> {
        let (from, to) = self.period;
        let mut rejected = page.rejected.iter();
        rejected.find(|rejected| rejected.started_at_ms.is_none_or(|at| (from..to).contains(&at)))
    }
}

fn senseless(rejected: &Rejected, after: Millis, before: Millis) -> Error {
    let run = rejected
        .id
        .as_ref()
        .map_or("a run without a readable id".to_string(), |id| format!("run {id}"));
    Error::Untrusted(format!(
        "{run}, listed between {} and {}: its {} {}, also when asked again; --allow-incomplete takes such runs out",
        format_instant(after),
        format_instant(before),
        rejected.field,
        rejected.problem
    ))
}
