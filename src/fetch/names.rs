//! Fetches names: the account's lists, in bulk, and single Actors and tasks only for what those lack. A job goes on without
//! them: what fails, is refused or takes too long leaves a name unknown, and nothing else.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use futures::future::join_all;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::tally::RowAt;
use super::time_budget::TimeBudget;
use crate::api::auxiliary::{NameKind, NamedItem};
use crate::api::client::ApiClient;
use crate::api::page::MAX_PAGE_ITEMS;
use crate::error::Result;
use crate::runs::names::{Names, NamesById};
use crate::runs::schema::col;

/// Single look-ups at once: each is of an Actor or a task of its own, which has a rate limit of its own, as a run has.
const AT_ONCE: usize = 32;

/// Why names are unknown once their budget of time is spent.
const TOO_LATE: &str = "the API takes too long to give them";

#[derive(Debug)]
pub struct NameBook {
    /// None if names aren't wanted.
    api: Option<Arc<ApiClient>>,
    budget: Arc<TimeBudget>,
    names: RwLock<Names>,
    /// The lists of Actors and tasks, which filters may need before any run is read.
    lists: OnceCell<()>,
    schedules: OnceCell<()>,
    progress: Mutex<NameProgress>,
}

#[derive(Debug, Default)]
struct NameProgress {
    whole: HashSet<NameKind>,
    /// Of which names it was told that some are unknown.
    told: HashSet<NameKind>,
    looked_up: HashSet<(NameKind, Box<str>)>,
}

impl NameBook {
    /// Without an API it stays empty.
    pub fn new(api: Option<Arc<ApiClient>>, budget: Arc<TimeBudget>) -> NameBook {
        NameBook {
            api,
            budget,
            names: RwLock::default(),
            lists: OnceCell::new(),
            schedules: OnceCell::new(),
            progress: Mutex::default(),
        }
    }

    pub fn is_silent(&self) -> bool {
        self.api.is_none()
    }

    pub fn names(&self) -> RwLockReadGuard<'_, Names> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn fetch_lists(&self) {
        let fetch = || self.fetch_in_time(&[NameKind::Actors, NameKind::Tasks]);
        self.lists.get_or_init(fetch).await;
    }

    /// Fetches lists side by side, in the time that is left.
    async fn fetch_in_time(&self, kinds: &[NameKind]) {
        let lists = join_all(kinds.iter().map(|named| self.fetch_list(*named)));
        if self.budget.run_within(lists).await.is_none() {
            let late = kinds.iter().filter(|named| !self.is_whole(**named));
            late.for_each(|named| self.tell_unknown(*named, TOO_LATE));
        }
    }

    async fn fetch_list(&self, named: NameKind) {
        let Some(api) = &self.api else { return };
        let mut offset = 0;
        let mut unknown: Vec<String> = Vec::new();
        let is_whole = loop {
            let page = match api.names(named, offset).await {
                Ok(page) => page,
                Err(error) => {
                    unknown.push(error.to_string());
                    break false;
                }
            };
            unknown.extend(page.unknown);
            let page = page.value;
            page.items.iter().for_each(|item| self.note(named, &item.id, item));
            offset += page.count;
            match page.total {
                _ if page.count == 0 => break page.total.is_some(),
                Some(total) if offset >= total => break true,
                // Without a total, a page that isn't full is the last.
                None if page.count < MAX_PAGE_ITEMS => break false,
                _ => {}
            }
        };
        if is_whole {
            self.progress().whole.insert(named);
        }
        match unknown.as_slice() {
            [] => {}
            [problem] => self.tell_unknown(named, problem),
            [first, rest @ ..] => self.tell_unknown(named, &format!("{first}, and {} more fields", rest.len())),
        }
    }

    /// Warns that names are unknown: of each kind once, for the first reason.
    fn tell_unknown(&self, named: NameKind, why: &str) {
        if self.progress().told.insert(named) {
            tracing::warn!("some names of {} are unknown: {why}", named.what());
        }
    }

    /// Fetches the names of what the rows point at, as far as [`fetch_lists`](Self::fetch_lists) left them unknown.
    pub async fn fetch_missing(self: &Arc<Self>, pages: &[RecordBatch], rows: &[RowAt]) {
        if self.api.is_some() {
            tokio::join!(self.fetch_schedules(pages, rows), self.look_up_missing(pages, rows));
        }
    }

    /// Fetches the list of schedules if any row has one: only then does it matter that a token may not read it. Schedules aren't
    /// looked up one by one: what the list lacks was deleted.
    async fn fetch_schedules(&self, pages: &[RecordBatch], rows: &[RowAt]) {
        let columns: Vec<_> = pages.iter().map(|page| page.column(col::META_SCHEDULE_ID)).collect();
        let is_scheduled = |(page, row): &RowAt| columns[*page as usize].is_valid(*row as usize);
        if rows.iter().any(is_scheduled) {
            let fetch = || self.fetch_in_time(&[NameKind::Schedules]);
            self.schedules.get_or_init(fetch).await;
        }
    }

    /// Fetches the names of Actors and tasks that no list had, one by one.
    async fn look_up_missing(self: &Arc<Self>, pages: &[RecordBatch], rows: &[RowAt]) {
        let mut missing = self.missing((NameKind::Actors, col::ACT_ID), pages, rows);
        missing.extend(self.missing((NameKind::Tasks, col::ACTOR_TASK_ID), pages, rows));
        if missing.is_empty() {
            return;
        }
        let kinds: HashSet<NameKind> = missing.iter().map(|(named, _)| *named).collect();
        let look_ups = async {
            let mut under_way = JoinSet::new();
            for (named, id) in missing {
                if under_way.len() >= AT_ONCE {
                    under_way.join_next().await;
                }
                let book = self.clone();
                under_way.spawn(async move { book.look_up(named, &id).await });
            }
            while under_way.join_next().await.is_some() {}
        };
        if self.budget.run_within(look_ups).await.is_none() {
            kinds.into_iter().for_each(|named| self.tell_unknown(named, TOO_LATE));
        }
    }

    /// What rows point at by a column of IDs without a known name, each only once.
    fn missing(
        &self,
        (named, column): (NameKind, usize),
        pages: &[RecordBatch],
        rows: &[RowAt],
    ) -> Vec<(NameKind, Box<str>)> {
        let names = self.names();
        let known = of_kind(&names, named);
        let columns = pages.iter().map(|page| page.column(column).as_string::<i32>());
        let columns: Vec<_> = columns.collect();
        let looked_up = &mut self.progress().looked_up;
        let mut missing = Vec::new();
        let mut last = "";
        for (page, row) in rows {
            let ids = columns[*page as usize];
            if ids.is_null(*row as usize) {
                continue;
            }
            let id = ids.value(*row as usize);
            // Runs of one Actor often follow each other.
            let is_known = id == last || known.get(id).is_some();
            last = id;
            if !is_known && looked_up.insert((named, id.into())) {
                missing.push((named, id.into()));
            }
        }
        missing
    }

    /// A failure leaves the name unknown.
    async fn look_up(&self, named: NameKind, id: &str) {
        match self.find(named, id).await {
            // Under the ID that was asked for: that is what runs have.
            Ok(Some(item)) => self.note(named, id, &item),
            Ok(None) => {}
            Err(error) => self.tell_unknown(named, &error.to_string()),
        }
    }

    /// The Actor or task with this ID, or full name (`username~name`), by a request of its own.
    pub async fn find(&self, named: NameKind, id: &str) -> Result<Option<NamedItem>> {
        match &self.api {
            Some(api) if is_path_segment(id) => api.name(named, id).await,
            _ => Ok(None),
        }
    }

    /// Whether a list was read to the end, so that what it lacks isn't on it.
    pub fn is_whole(&self, named: NameKind) -> bool {
        self.progress().whole.contains(&named)
    }

    fn progress(&self) -> MutexGuard<'_, NameProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The IDs that an ID or a name stands for, as far as the lists have it.
    pub fn ids_of(&self, named: NameKind, text: &str) -> Vec<String> {
        let names = self.names();
        let names = of_kind(&names, named);
        match names.get(text) {
            Some(_) => vec![text.into()],
            None => names.ids_of(text).into_iter().map(String::from).collect(),
        }
    }

    fn note(&self, named: NameKind, id: &str, item: &NamedItem) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let names = match named {
            NameKind::Actors => &mut names.actors,
            NameKind::Tasks => &mut names.tasks,
            NameKind::Schedules => &mut names.schedules,
        };
        names.insert(id, &item.name);
    }
}

fn of_kind(names: &Names, named: NameKind) -> &NamesById {
    match named {
        NameKind::Actors => &names.actors,
        NameKind::Tasks => &names.tasks,
        NameKind::Schedules => &names.schedules,
    }
}

/// Whether an ID can stand in a path without meaning another endpoint.
pub(super) fn is_path_segment(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '~' | '.');
    !id.is_empty() && id.chars().all(plain) && !id.chars().all(|c| c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leads_to_another_endpoint() {
        assert!(["aBc123", "ann~my.actor", "x_y-z"].iter().all(|id| is_path_segment(id)));
        assert!(
            ["", ".", "..", "a/b", "a?b", "a%2f", "ä"]
                .iter()
                .all(|id| !is_path_segment(id))
        );
    }
}
