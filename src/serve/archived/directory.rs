//! The Actors, tasks and schedules that an archive's runs are of: those whose names it knows are listed, and found by them.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde_json::{Value, json};

use super::catalog::{Catalog, CatalogEntry};
use super::group::FileGroup;
use crate::period::format_instant;
use crate::provenance::Account;
use crate::serve::envelope::{ApiAnswer, page};
use crate::serve::query::{DirectoryQuery, Paging};
use crate::serve::refusal::Refusal;

/// What an Actor or a task is called in errors.
const ACTOR: &str = "Actor";
const TASK: &str = "Actor task";

/// Members of a schedule that no archive has.
const SCHEDULE_NOT_ARCHIVED: [&str; 8] = [
    "createdAt",
    "modifiedAt",
    "nextRunAt",
    "isEnabled",
    "isExclusive",
    "cronExpression",
    "timezone",
    "actions",
];

#[derive(Debug)]
pub(super) struct ArchiveDirectory {
    user_id: String,
    username: String,
    actors: NameIndex,
    tasks: NameIndex,
    schedules: NameIndex,
}

/// Actors, tasks or schedules, found by ID and by name.
#[derive(Debug, Default)]
struct NameIndex {
    all: Vec<CatalogEntry>,
    by_id: HashMap<Box<str>, usize, RandomState>,
    by_name: HashMap<String, usize, RandomState>,
    /// Those with a name, by their first run.
    listed: Vec<usize>,
}

impl NameIndex {
    /// Of all groups, in order of time; `name` is how a name is asked for.
    fn new<'g>(catalogs: impl Iterator<Item = &'g Catalog>, name: impl Fn(&str) -> String) -> NameIndex {
        let mut named = NameIndex::default();
        for seen in catalogs.flat_map(|catalog| &catalog.all) {
            match named.by_id.get(&seen.id) {
                None => {
                    named.by_id.insert(seen.id.clone(), named.all.len());
                    named.all.push(seen.clone());
                }
                Some(at) => named.all[*at].add(seen.name.as_deref(), seen.runs, seen.first, seen.last),
            }
        }
        for (at, seen) in named.all.iter().enumerate() {
            if let Some(text) = &seen.name {
                named.by_name.insert(name(text), at);
                named.listed.push(at);
            }
        }
        named.listed.sort_by_key(|at| (named.all[*at].first, *at));
        named
    }

    fn find(&self, wanted: &str) -> Option<&CatalogEntry> {
        let at = self.by_id.get(wanted).or_else(|| self.by_name.get(wanted))?;
        Some(&self.all[*at])
    }
}

impl ArchiveDirectory {
    pub(super) fn new(groups: &[Arc<FileGroup>], account: &Account) -> ArchiveDirectory {
        let username = account.username.as_ref().unwrap_or(&account.id);
        let (actors, tasks, schedules) = (
            groups.iter().map(|group| &group.actors),
            groups.iter().map(|group| &group.tasks),
            groups.iter().map(|group| &group.schedules),
        );
        ArchiveDirectory {
            // Exports hold an Actor's name as `username/name`.
            actors: NameIndex::new(actors, |name| name.replacen('/', "~", 1)),
            tasks: NameIndex::new(tasks, |name| format!("{username}~{name}")),
            schedules: NameIndex::new(schedules, str::to_string),
            user_id: account.id.clone(),
            username: username.clone(),
        }
    }

    /// The ID of an Actor that runs are of, whether its name is known or not.
    pub(super) fn actor_id(&self, wanted: &str) -> Result<&str, Refusal> {
        let found = self.actors.find(wanted).map(|seen| &*seen.id);
        found.ok_or(Refusal::NotFound(ACTOR))
    }

    pub(super) fn task_id(&self, wanted: &str) -> Result<&str, Refusal> {
        let found = self.tasks.find(wanted).map(|seen| &*seen.id);
        found.ok_or(Refusal::NotFound(TASK))
    }

    /// `GET /v2/actors`.
    pub(super) fn list_actors(&self, query: &DirectoryQuery) -> Result<ApiAnswer, Refusal> {
        let of = |at: &usize| &self.actors.all[*at];
        let mut shown = self.actors.listed.clone();
        shown.retain(|at| !query.my || split(of(at)).0 == self.username);
        if query.by_last_run {
            shown.sort_by_key(|at| of(at).last);
        }
        page(query.paging, &shown, |at| self.short_actor(of(at)))
    }

    /// `GET /v2/actors/{id or username~name}`; one without a name is as good as not there.
    pub(super) fn actor(&self, wanted: &str) -> Result<Value, Refusal> {
        let found = self.actors.find(wanted).filter(|seen| seen.name.is_some());
        let seen = found.ok_or(Refusal::NotFound(ACTOR))?;
        let mut actor = self.short_actor(seen);
        let is_own = actor["username"] == self.username;
        actor["userId"] = json!(if is_own { &self.user_id } else { "" });
        actor["isPublic"] = json!(false);
        actor["versions"] = json!([]);
        actor["defaultRunOptions"] = json!({});
        let mut missing = vec!["createdAt", "modifiedAt", "isPublic", "versions", "defaultRunOptions"];
        if !is_own {
            missing.push("userId");
        }
        actor["notArchived"] = json!(missing);
        Ok(actor)
    }

    /// `GET /v2/actor-tasks`.
    pub(super) fn list_tasks(&self, query: &DirectoryQuery) -> Result<ApiAnswer, Refusal> {
        page(query.paging, &self.tasks.listed, |at| {
            let seen = &self.tasks.all[*at];
            let mut task = self.short_task(seen);
            if let Some(actor) = self.actors.find(&seen.act_id).filter(|actor| actor.name.is_some()) {
                let (username, name) = split(actor);
                task["actName"] = json!(name);
                task["actUsername"] = json!(username);
            }
            task
        })
    }

    /// `GET /v2/actor-tasks/{id or username~name}`; one without a name is as good as not there.
    pub(super) fn task(&self, wanted: &str) -> Result<Value, Refusal> {
        let found = self.tasks.find(wanted).filter(|seen| seen.name.is_some());
        found.map(|seen| self.short_task(seen)).ok_or(Refusal::NotFound(TASK))
    }

    /// `GET /v2/schedules`.
    pub(super) fn list_schedules(&self, paging: Paging) -> Result<ApiAnswer, Refusal> {
        page(paging, &self.schedules.listed, |at| {
            let seen = &self.schedules.all[*at];
            json!({
                "id": seen.id,
                "userId": self.user_id,
                "name": seen.name,
                "createdAt": format_instant(seen.first),
                "modifiedAt": format_instant(seen.last),
                "lastRunAt": format_instant(seen.last),
                "nextRunAt": null,
                "isEnabled": false,
                "isExclusive": false,
                "cronExpression": "",
                "timezone": "UTC",
                "actions": [],
                "notArchived": SCHEDULE_NOT_ARCHIVED,
            })
        })
    }

    fn short_actor(&self, seen: &CatalogEntry) -> Value {
        let (username, name) = split(seen);
        json!({
            "id": seen.id,
            "createdAt": format_instant(seen.first),
            "modifiedAt": format_instant(seen.last),
            "name": name,
            "username": username,
            "stats": { "totalRuns": seen.runs, "lastRunStartedAt": format_instant(seen.last) },
            "notArchived": ["createdAt", "modifiedAt"],
        })
    }

    fn short_task(&self, seen: &CatalogEntry) -> Value {
        json!({
            "id": seen.id,
            "userId": self.user_id,
            "actId": seen.act_id,
            "name": seen.name,
            "username": self.username,
            "createdAt": format_instant(seen.first),
            "modifiedAt": format_instant(seen.last),
            "stats": { "totalRuns": seen.runs },
            "notArchived": ["createdAt", "modifiedAt"],
        })
    }
}

/// Whose an Actor is, and its name.
fn split(seen: &CatalogEntry) -> (&str, &str) {
    let name = seen.name.as_deref().unwrap_or_default();
    name.split_once('/').unwrap_or(("", name))
}
