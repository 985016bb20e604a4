//! An archive behind the API's endpoints: runs that were exported or are kept in a lake. What a question needs to be found is
//! in memory, 13 bytes a run; what its answer says is read from the files.

mod blocks;
mod catalog;
mod current;
mod detail;
mod directory;
mod group;
mod items;
mod json;
mod segment;
#[cfg(test)]
mod tests;
mod unique;
pub mod usage;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveTime;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::provenance::Account;
use crate::runs::random_access::RandomAccessRuns;
use crate::serve::envelope::{ApiAnswer, PageHead, object, ready_object, ready_page};
use crate::serve::plan::effective_features;
use crate::serve::query::RunsQuery;
use crate::serve::question::{ApiQuestion, RunScope};
use crate::serve::refusal::Refusal;
use blocks::BlockCache;
use directory::ArchiveDirectory;
use group::{FileGroup, hash_of};
use items::RunItems;
use segment::ListFilter;
use usage::ArchivedUsage;

pub use blocks::Run;
pub use current::CurrentArchive;

/// Members of `GET /v2/users/me` that no archive has.
const NOT_ARCHIVED: [&str; 3] = ["plan", "effectivePlatformFeatures", "isPaying"];

#[derive(Debug)]
pub struct ServedArchive {
    account: Account,
    /// In order of time.
    groups: Vec<Arc<FileGroup>>,
    directory: ArchiveDirectory,
    blocks: BlockCache,
    usage: ArchivedUsage,
    /// Says on stderr why a question could not be answered.
    warn: fn(&str),
}

fn names_of(files: &[Box<dyn RandomAccessRuns>]) -> Vec<&str> {
    files.iter().map(|file| file.name()).collect()
}

impl ServedArchive {
    /// Of files, those that overlap in time together, in order of time. What another archive has of the same files is taken
    /// from it.
    pub fn new(
        account: Option<Account>,
        files: Vec<Vec<Box<dyn RandomAccessRuns>>>,
        old: Option<&ServedArchive>,
        warn: fn(&str),
    ) -> Result<ServedArchive> {
        let known = old.iter().flat_map(|old| &old.groups);
        let known: HashMap<Vec<&str>, &Arc<FileGroup>> = known.map(|group| (names_of(&group.files), group)).collect();
        let mut groups = Vec::with_capacity(files.len());
        for files in files {
            let same = known.get(&names_of(&files)).map(|group| Arc::clone(group));
            groups.push(match same {
                Some(group) => group,
                None => Arc::new(FileGroup::read(files)?),
            });
        }
        unique::check(&groups)?;
        let account = account.unwrap_or(Account {
            id: String::new(),
            username: None,
        });
        Ok(ServedArchive {
            directory: ArchiveDirectory::new(&groups, &account),
            groups,
            account,
            blocks: BlockCache::default(),
            usage: ArchivedUsage::default(),
            warn,
        })
    }

    /// With what it keeps beside runs.
    pub fn with_usage(self, usage: ArchivedUsage) -> ServedArchive {
        ServedArchive { usage, ..self }
    }

    pub fn runs(&self) -> usize {
        let segments = self.groups.iter().flat_map(|group| &group.segments);
        segments.map(|segment| segment.hashes.len()).sum()
    }

    pub(super) fn answer(&self, question: &ApiQuestion) -> Result<ApiAnswer, Refusal> {
        match question {
            ApiQuestion::Runs(scope, query) => self.page(scope, query),
            ApiQuestion::Run(id) => self.run(id),
            ApiQuestion::Actors(query) => self.directory.list_actors(query),
            ApiQuestion::Actor(wanted) => object(&self.directory.actor(wanted)?),
            ApiQuestion::Tasks(query) => self.directory.list_tasks(query),
            ApiQuestion::Task(wanted) => object(&self.directory.task(wanted)?),
            ApiQuestion::Builds(paging) => self.usage.list_builds(*paging),
            ApiQuestion::Schedules(paging) => self.directory.list_schedules(*paging),
            ApiQuestion::Me => object(&self.me()),
            ApiQuestion::Limits => Err(Refusal::NotArchived("limits")),
            ApiQuestion::MonthlyUsage(date) => {
                let midnight = date.map(|date| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
                self.usage.monthly(midnight)
            }
        }
    }

    fn page(&self, scope: &RunScope, query: &RunsQuery) -> Result<ApiAnswer, Refusal> {
        let (actor, task) = match scope {
            RunScope::Account => (None, None),
            RunScope::Actor(wanted) => (Some(self.directory.actor_id(wanted)?), None),
            RunScope::Task(wanted) => (None, Some(self.directory.task_id(wanted)?)),
        };
        let (total, mut runs) = self.find(query, actor, task).map_err(|error| self.failed(&error))?;
        if query.paging.desc {
            runs.reverse();
        }
        let head = PageHead {
            paging: query.paging,
            total,
            count: runs.len(),
        };
        Ok(ready_page(head, |json| {
            for of_batch in runs.chunk_by(|(one, _), (other, _)| Arc::ptr_eq(one, other)) {
                let items = RunItems::new(&of_batch[0].0);
                for (_, row) in of_batch {
                    items.write(*row, json);
                    json.push(b',');
                }
            }
        }))
    }

    /// How many runs a query is about, and those of its page in ascending order.
    fn find(&self, query: &RunsQuery, actor: Option<&str>, task: Option<&str>) -> Result<(usize, Vec<Run>)> {
        let counts = self.groups.iter().map(|group| {
            let wanted = ListFilter {
                after: query.after,
                before: query.before,
                actor: group.actors.place(actor)?,
                task: group.tasks.place(task)?.map(|place| place + 1),
                statuses: query.statuses.as_deref(),
            };
            let counts: Vec<usize> = group.segments.iter().map(|segment| segment.count(&wanted)).collect();
            Some((wanted, counts))
        });
        let counts: Vec<_> = counts.collect();
        let total = counts.iter().flatten().flat_map(|(_, counts)| counts).sum();
        let part = query.paging.part_of(total);
        let mut runs = Vec::with_capacity(part.len());
        let (mut before, mut file_number) = (0, 0);
        for (group, counted) in self.groups.iter().zip(&counts) {
            if let Some((wanted, counts)) = counted {
                let mut places = Vec::new();
                for (count, segment) in counts.iter().zip(&group.segments) {
                    let (from, to) = (part.start.max(before), part.end.min(before + count));
                    if from < to {
                        segment.find(wanted, from - before..to - before, &mut places);
                    }
                    before += count;
                }
                runs.extend(self.read(group, file_number, &places)?);
            }
            file_number += group.files.len();
        }
        Ok((total, runs))
    }

    /// The runs at some places of a group, in that order; `number` is that of its first file.
    fn read(&self, group: &FileGroup, number: usize, places: &[(u32, u32)]) -> Result<Vec<Run>> {
        let mut runs: Vec<Option<Run>> = vec![None; places.len()];
        for (at, file) in group.files.iter().enumerate() {
            let of_file = |place: &usize| places[*place].0 as usize == at;
            let mut wanted: Vec<usize> = (0..places.len()).filter(of_file).collect();
            wanted.sort_by_key(|place| places[*place].1);
            let rows: Vec<u32> = wanted.iter().map(|place| places[*place].1).collect();
            let read = self.blocks.runs(&**file, number + at, &rows)?;
            for (place, run) in wanted.into_iter().zip(read) {
                runs[place] = Some(run);
            }
        }
        let runs: Option<Vec<Run>> = runs.into_iter().collect();
        runs.ok_or_else(|| Error::Other(anyhow::anyhow!("a run has no file")))
    }

    fn run(&self, id: &str) -> Result<ApiAnswer, Refusal> {
        let run = self.run_of(id).map_err(|error| self.failed(&error))?;
        let (batch, row) = run.ok_or(Refusal::NotFound("Actor run"))?;
        let mut json = Vec::new();
        detail::write(&RunItems::new(&batch), row, &self.account.id, &mut json);
        Ok(ready_object(&json))
    }

    /// The run of an ID: a batch with all columns, and its row.
    pub fn run_of(&self, id: &str) -> Result<Option<Run>> {
        let hash = hash_of(id);
        for group in &self.groups {
            let mut places = Vec::new();
            let segments = group.segments.iter();
            segments.for_each(|segment| segment.with_hash(hash, &mut places));
            for (file, row) in places {
                let run = blocks::whole(&*group.files[file as usize], row)?;
                // IDs of one hash may differ.
                if group::id_of(&run.0, run.1) == Some(id) {
                    return Ok(Some(run));
                }
            }
        }
        Ok(None)
    }

    fn me(&self) -> Value {
        json!({
            "id": self.account.id,
            "username": self.account.username.as_ref().unwrap_or(&self.account.id),
            "plan": { "availableProxyGroups": {} },
            "effectivePlatformFeatures": effective_features(false),
            "isPaying": false,
            "notArchived": NOT_ARCHIVED,
        })
    }

    /// Tells whoever runs the server what those who ask needn't know.
    fn failed(&self, error: &Error) -> Refusal {
        (self.warn)(&format!("a request could not be answered: {error}"));
        Refusal::Failed
    }
}
