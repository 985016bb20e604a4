//! The Actors and tasks that an archive's runs are of: those whose names it knows are listed, and found by them.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde_json::{Value, json};

use super::group::{Group, Known, Seen};
use crate::period::format_instant;
use crate::serve::query::ListQuery;
use crate::serve::refusal::Refusal;

/// What an Actor or a task is called in errors.
const ACTOR: &str = "Actor";
const TASK: &str = "Actor task";

/// By ID and by name.
#[derive(Debug)]
pub(super) struct Directory {
    user_id: String,
    username: String,
    actors: Named,
    tasks: Named,
}

/// Actors, or tasks.
#[derive(Debug, Default)]
struct Named {
    all: Vec<Seen>,
    by_id: HashMap<Box<str>, usize, RandomState>,
    /// As `username~name`.
    by_name: HashMap<String, usize, RandomState>,
    /// Those with a name, by their first run.
    listed: Vec<usize>,
}

impl Named {
    /// Of all groups, in order of time; `name` is how a name is asked for.
    fn of<'g>(known: impl Iterator<Item = &'g Known>, name: impl Fn(&str) -> String) -> Named {
        let mut named = Named::default();
        for seen in known.flat_map(|known| &known.all) {
            match named.by_id.get(&seen.id) {
                None => {
                    named.by_id.insert(seen.id.clone(), named.all.len());
                    named.all.push(seen.clone());
                }
                Some(at) => {
                    let all = &mut named.all[*at];
                    if seen.name.is_some() && (seen.last >= all.last || all.name.is_none()) {
                        all.name.clone_from(&seen.name);
                    }
                    all.runs += seen.runs;
                    all.first = all.first.min(seen.first);
                    all.last = all.last.max(seen.last);
                }
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

    fn find(&self, wanted: &str) -> Option<&Seen> {
        let at = self.by_id.get(wanted).or_else(|| self.by_name.get(wanted))?;
        Some(&self.all[*at])
    }
}

impl Directory {
    /// What groups know, of an account.
    pub(super) fn of<'g>(groups: impl Iterator<Item = &'g Group> + Clone, user_id: &str, username: &str) -> Directory {
        Directory {
            actors: Named::of(groups.clone().map(|group| &group.actors), |name| {
                name.replacen('/', "~", 1)
            }),
            tasks: Named::of(groups.map(|group| &group.tasks), |name| format!("{username}~{name}")),
            user_id: user_id.into(),
            username: username.into(),
        }
    }

    /// The ID of an Actor that runs are of, named or not.
    pub(super) fn actor_id(&self, wanted: &str) -> Result<&str, Refusal> {
        self.actors
            .find(wanted)
            .map(|seen| &*seen.id)
            .ok_or(Refusal::NotFound(ACTOR))
    }

    /// The same of a task.
    pub(super) fn task_id(&self, wanted: &str) -> Result<&str, Refusal> {
        self.tasks
            .find(wanted)
            .map(|seen| &*seen.id)
            .ok_or(Refusal::NotFound(TASK))
    }

    /// `GET /v2/actors`.
    pub(super) fn list_actors(&self, query: &ListQuery) -> Value {
        let of = |at: &usize| &self.actors.all[*at];
        let mut shown = self.actors.listed.clone();
        shown.retain(|at| !query.my || split(of(at)).0 == self.username);
        if query.by_last_run {
            shown.sort_by_key(|at| of(at).last);
        }
        page(query, &shown, |at| self.short_actor(of(at)))
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
    pub(super) fn list_tasks(&self, query: &ListQuery) -> Value {
        page(query, &self.tasks.listed, |at| {
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

    fn short_actor(&self, seen: &Seen) -> Value {
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

    fn short_task(&self, seen: &Seen) -> Value {
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
fn split(seen: &Seen) -> (&str, &str) {
    let name = seen.name.as_deref().unwrap_or_default();
    name.split_once('/').unwrap_or(("", name))
}

/// A page of what is listed.
pub(in crate::serve) fn page<T>(query: &ListQuery, shown: &[T], item: impl Fn(&T) -> Value) -> Value {
    let (skip, take) = (query.offset, query.limit);
    let items: Vec<Value> = if query.desc {
        shown.iter().rev().skip(skip).take(take).map(item).collect()
    } else {
        shown.iter().skip(skip).take(take).map(item).collect()
    };
    json!({
        "total": shown.len(),
        "offset": query.offset,
        "limit": query.limit,
        "desc": query.desc,
        "count": items.len(),
        "items": items,
    })
}
