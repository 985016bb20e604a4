//! An archive behind the API's endpoints: runs that were exported or are kept in a lake. What a question needs to be found is
//! in memory, 13 bytes a run; what its answer says is read from the files.

mod blocks;
mod detail;
pub(super) mod directory;
mod group;
mod items;
mod segment;
#[cfg(test)]
mod tests;
mod unique;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::provenance::Account;
use crate::runs::random_access::RandomAccessRuns;
use crate::serve::FEATURES;
use crate::serve::archive::blocks::{Blocks, Run};
use crate::serve::archive::directory::Directory;
use crate::serve::archive::group::{Group, hash_of};
use crate::serve::archive::items::{Items, close, push};
use crate::serve::archive::segment::Wanted;
use crate::serve::query::RunsQuery;
use crate::serve::question::{Question, Scope};
use crate::serve::refusal::Refusal;

/// Members of `GET /v2/users/me` that no archive has.
const NOT_ARCHIVED: [&str; 3] = ["plan", "effectivePlatformFeatures", "isPaying"];

/// Where the archive stands that is served now; another may take its place.
#[derive(Debug)]
pub struct Shelf(RwLock<(Arc<Archive>, String)>);

impl Shelf {
    /// One with an archive on it, and what tells that from what may come later.
    pub fn new(archive: Archive, stamp: String) -> Shelf {
        Shelf(RwLock::new((Arc::new(archive), stamp)))
    }

    /// The archive that is there.
    pub fn current(&self) -> Arc<Archive> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// What it is told by.
    pub fn stamp(&self) -> String {
        self.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Puts another in its place. Questions that are being answered keep the one that they began with.
    pub fn replace(&self, archive: Archive, stamp: String) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(archive), stamp);
    }
}

/// A group by the names of its files.
type NamedGroup = (Vec<String>, Arc<Group>);

/// Runs that are served.
#[derive(Debug)]
pub struct Archive {
    account: Account,
    /// In order of time, by the names of their files.
    groups: Vec<NamedGroup>,
    directory: Directory,
    blocks: Blocks,
    /// What is told of a file that can't be read.
    tell: fn(&str),
}

impl Archive {
    /// Of files, those that overlap in time together, in order of time. What another archive has of the same files is taken
    /// from it.
    ///
    /// # Errors
    /// [`Error::Untrusted`] for a file that isn't what it is said to be.
    pub fn of(
        account: Option<Account>,
        files: Vec<Vec<Box<dyn RandomAccessRuns>>>,
        old: Option<&Archive>,
        tell: fn(&str),
    ) -> Result<Archive> {
        let known: HashMap<&[String], &Arc<Group>> = old
            .iter()
            .flat_map(|old| &old.groups)
            .map(|(names, group)| (names.as_slice(), group))
            .collect();
        let mut groups = Vec::with_capacity(files.len());
        for files in files {
            let names: Vec<String> = files.iter().map(|file| file.name().to_owned()).collect();
            let group = match known.get(names.as_slice()) {
                Some(group) => Arc::clone(group),
                None => Arc::new(Group::of(files)?),
            };
            groups.push((names, group));
        }
        unique::check(&groups)?;
        let account = account.unwrap_or(Account {
            id: String::new(),
            username: None,
        });
        let username = account.username.as_deref().unwrap_or(&account.id);
        let directory = Directory::of(groups.iter().map(|(_, group)| &**group), &account.id, username);
        Ok(Archive {
            groups,
            directory,
            account,
            blocks: Blocks::default(),
            tell,
        })
    }

    /// How many runs it has.
    pub fn runs(&self) -> usize {
        let runs = self.groups.iter().flat_map(|(_, group)| &group.segments);
        runs.map(|segment| segment.statuses().len()).sum()
    }

    /// The answer to a question, as JSON.
    pub(super) fn answer(&self, question: &Question) -> Result<Vec<u8>, Refusal> {
        let data = match question {
            Question::Runs(scope, query) => return self.page(scope, query),
            Question::Run(id) => return self.run(id),
            Question::Actors(query) => self.directory.list_actors(query),
            Question::Actor(wanted) => self.directory.actor(wanted)?,
            Question::Tasks(query) => self.directory.list_tasks(query),
            Question::Task(wanted) => self.directory.task(wanted)?,
            Question::Me => self.me(),
            Question::Limits => return Err(Refusal::NotArchived("limits")),
            Question::MonthlyUsage(_) => return Err(Refusal::NotArchived("monthly usage")),
        };
        serde_json::to_vec(&json!({ "data": data })).map_err(|_| Refusal::Failed)
    }

    /// A page of runs, in the documented envelope.
    fn page(&self, scope: &Scope, query: &RunsQuery) -> Result<Vec<u8>, Refusal> {
        let (actor, task) = match scope {
            Scope::Account => (None, None),
            Scope::Actor(wanted) => (Some(self.directory.actor_id(wanted)?), None),
            Scope::Task(wanted) => (None, Some(self.directory.task_id(wanted)?)),
        };
        let (total, mut runs) = self.find(query, actor, task).map_err(|error| self.failed(&error))?;
        if query.desc {
            runs.reverse();
        }
        let (offset, limit, desc, count) = (query.offset, query.limit, query.desc, runs.len());
        let mut json = Vec::with_capacity(200 + count * 650);
        push(
            &mut json,
            format_args!(
                r#"{{"data":{{"total":{total},"offset":{offset},"limit":{limit},"desc":{desc},"count":{count},"items":["#
            ),
        );
        let mut runs = runs.as_slice();
        while let [(batch, _), ..] = runs {
            let of_batch = runs.iter().take_while(|(other, _)| Arc::ptr_eq(batch, other)).count();
            let items = Items::of(batch);
            for (_, row) in &runs[..of_batch] {
                items.write(*row, &mut json);
                json.push(b',');
            }
            runs = &runs[of_batch..];
        }
        if count > 0 {
            json.pop();
        }
        json.extend_from_slice(b"]}}");
        Ok(json)
    }

    /// How many runs a query is about, and those of its page in ascending order.
    fn find(&self, query: &RunsQuery, actor: Option<&str>, task: Option<&str>) -> Result<(usize, Vec<Run>)> {
        let counts = self.groups.iter().map(|(_, group)| {
            // What none of its runs is of has no place in a group.
            let place = |known: &group::Known, id: Option<&str>| match id {
                None => Some(None),
                Some(id) => known.place(id).map(Some),
            };
            let wanted = Wanted {
                after: query.after,
                before: query.before,
                actor: place(&group.actors, actor)?,
                task: place(&group.tasks, task)?.map(|place| place + 1),
                statuses: query.statuses.as_deref(),
            };
            let counts: Vec<usize> = group.segments.iter().map(|segment| segment.count(&wanted)).collect();
            Some((wanted, counts))
        });
        let counts: Vec<_> = counts.collect();
        let total = counts.iter().flatten().flat_map(|(_, counts)| counts).sum();
        let part = query.part_of(total);
        let mut runs = Vec::with_capacity(part.len());
        let (mut before, mut file_number) = (0, 0);
        for ((_, group), counted) in self.groups.iter().zip(&counts) {
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
    fn read(&self, group: &Group, number: usize, places: &[(u32, u32)]) -> Result<Vec<Run>> {
        let mut runs: Vec<Option<Run>> = vec![None; places.len()];
        for (at, file) in group.files.iter().enumerate() {
            let of_file = |place: &usize| places[*place].0 as usize == at;
            let mut wanted: Vec<usize> = (0..places.len()).filter(of_file).collect();
            wanted.sort_by_key(|place| places[*place].1);
            let rows: Vec<u32> = wanted.iter().map(|place| places[*place].1).collect();
            let read = self.blocks.runs(&**file, number + at, &rows)?;
            wanted
                .into_iter()
                .zip(read)
                .for_each(|(place, run)| runs[place] = Some(run));
        }
        runs.into_iter()
            .collect::<Option<Vec<Run>>>()
            .ok_or_else(|| Error::Other(anyhow::anyhow!("a run has no file")))
    }

    /// One run.
    fn run(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        let run = self.run_of(id).map_err(|error| self.failed(&error))?;
        let (batch, row) = run.ok_or(Refusal::NotFound("Actor run"))?;
        let mut json = br#"{"data":"#.to_vec();
        detail::write(&Items::of(&batch), row, &self.account.id, &mut json);
        close(&mut json, b'}');
        Ok(json)
    }

    fn run_of(&self, id: &str) -> Result<Option<Run>> {
        let hash = hash_of(id);
        for (_, group) in &self.groups {
            let mut places = Vec::new();
            let segments = group.segments.iter();
            segments.for_each(|segment| segment.with_hash(hash, &mut places));
            for (file, row) in places {
                let found = blocks::whole(&*group.files[file as usize], &[row])?;
                if let Some(run) = found.into_iter().find(|(batch, row)| Items::of(batch).id(*row) == id) {
                    return Ok(Some(run));
                }
            }
        }
        Ok(None)
    }

    /// Whose runs they are; of the rest nothing is known.
    fn me(&self) -> Value {
        let feature = json!({
            "isEnabled": false,
            "disabledReason": null,
            "disabledReasonType": null,
            "isTrial": false,
            "trialExpirationAt": null,
        });
        let features: serde_json::Map<String, Value> = FEATURES
            .iter()
            .map(|name| ((*name).to_owned(), feature.clone()))
            .collect();
        json!({
            "id": self.account.id,
            "username": self.account.username.as_ref().unwrap_or(&self.account.id),
            "plan": { "availableProxyGroups": {} },
            "effectivePlatformFeatures": features,
            "isPaying": false,
            "notArchived": NOT_ARCHIVED,
        })
    }

    /// Tells whoever runs the server what those who ask needn't know.
    fn failed(&self, error: &Error) -> Refusal {
        (self.tell)(&format!("a question could not be answered: {error}"));
        Refusal::Failed
    }
}
