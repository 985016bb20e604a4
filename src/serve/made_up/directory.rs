//! The Actors and tasks of the made-up account: its lists of them, and one by its ID or its name. Not all that was run can be
//! seen: some isn't listed, some is private, some is gone.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::actor::{Actor, Task, Visibility};
use super::options::{demo_account, demo_username};
use super::runs::RunTags;
use crate::period::{Millis, format_instant};
use crate::serve::envelope::{ApiAnswer, page};
use crate::serve::query::DirectoryQuery;
use crate::serve::refusal::Refusal;

/// What an Actor's runs add up to.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) runs: u64,
    pub(super) last: Option<Millis>,
    /// For when the last of those that its schedule started was scheduled.
    pub(super) last_scheduled: Option<Millis>,
    pub(super) by_task: Vec<u64>,
}

impl Activity {
    pub(super) fn new(tasks: usize) -> Activity {
        Activity {
            runs: 0,
            last: None,
            last_scheduled: None,
            by_task: vec![0; tasks],
        }
    }

    /// Counts a run; runs come in order of their start.
    pub(super) fn count(&mut self, start: Millis, tags: &RunTags) {
        self.runs += 1;
        self.last = Some(start);
        self.last_scheduled = tags.scheduled.or(self.last_scheduled);
        if let Some(task) = tags.task {
            self.by_task[task] += 1;
        }
    }
}

#[derive(Debug)]
pub(super) struct MadeUpDirectory {
    actors: Vec<Actor>,
    activity: Vec<Activity>,
    /// Their places, by ID and by name.
    places: HashMap<String, usize>,
    /// Those that are listed, in order of creation, as all lists are.
    listed: Vec<usize>,
    /// Actor and place in it, likewise.
    tasks: HashMap<String, (usize, usize)>,
    listed_tasks: Vec<(usize, usize)>,
}

impl MadeUpDirectory {
    pub(super) fn new(actors: Vec<Actor>, activity: Vec<Activity>) -> MadeUpDirectory {
        let each = || actors.iter().enumerate();
        let names = |(at, actor): (usize, &Actor)| [(actor.id.clone(), at), (actor.full_name(), at)];
        let places = each().flat_map(names).collect();
        let is_listed = |at: &usize| actors[*at].visibility == Visibility::Listed;
        let mut listed: Vec<usize> = (0..actors.len()).filter(is_listed).collect();
        listed.sort_by_key(|at| (actors[*at].created, *at));
        let mut listed_tasks: Vec<(usize, usize)> = each()
            .flat_map(|(at, actor)| (0..actor.tasks.len()).map(move |number| (at, number)))
            .filter(|(at, number)| !actors[*at].tasks[*number].is_deleted)
            .collect();
        let mut tasks = HashMap::new();
        for (at, number) in &listed_tasks {
            let task = &actors[*at].tasks[*number];
            tasks.insert(task.id.clone(), (*at, *number));
            tasks.insert(format!("{}~{}", demo_username(), task.name), (*at, *number));
        }
        listed_tasks.sort_by_key(|(at, number)| (actors[*at].tasks[*number].created, *at, *number));
        MadeUpDirectory {
            places,
            listed,
            tasks,
            listed_tasks,
            actors,
            activity,
        }
    }

    pub(super) fn actor(&self, id: &str) -> &Actor {
        &self.actors[self.places[id]]
    }

    /// The account's own Actors, and its tasks.
    pub(super) fn counts(&self) -> (usize, usize) {
        let own = self.listed.iter().filter(|at| self.actors[**at].is_own).count();
        (own, self.listed_tasks.len())
    }

    /// `GET /v2/actors`.
    pub(super) fn list_actors(&self, query: &DirectoryQuery) -> Result<ApiAnswer, Refusal> {
        let mut shown: Vec<usize> = self.listed.clone();
        shown.retain(|at| !query.my || self.actors[*at].is_own);
        if query.by_last_run {
            shown.sort_by_key(|at| self.activity[*at].last);
        }
        page(query.paging, &shown, |at| {
            let actor = &self.actors[*at];
            let mut item = json!({
                "id": actor.id,
                "createdAt": format_instant(actor.created),
                "modifiedAt": format_instant(actor.modified),
                "name": actor.name,
                "username": actor.username,
                "stats": self.stats(*at),
            });
            if let Some(title) = &actor.title {
                item["title"] = json!(title);
            }
            item
        })
    }

    /// The Actor of this ID or name, if the account may see it.
    pub(super) fn visible_actor(&self, wanted: &str) -> Result<usize, Refusal> {
        let at = *self.places.get(wanted).ok_or(Refusal::NotFound("Actor"))?;
        match self.actors[at].visibility {
            Visibility::Listed | Visibility::LookUp => Ok(at),
            Visibility::Private => Err(Refusal::Forbidden("Actor")),
            Visibility::Deleted => Err(Refusal::NotFound("Actor")),
        }
    }

    /// The task of this ID or name: its Actor, and which of that one's it is.
    pub(super) fn task_place(&self, wanted: &str) -> Result<(usize, usize), Refusal> {
        self.tasks.get(wanted).copied().ok_or(Refusal::NotFound("Actor task"))
    }

    /// `GET /v2/actors/{id or username~name}`.
    pub(super) fn look_up_actor(&self, wanted: &str) -> Result<Value, Refusal> {
        let at = self.visible_actor(wanted)?;
        let actor = &self.actors[at];
        let user_id = if actor.is_own {
            demo_account().id
        } else {
            owner_id(&actor.username)
        };
        let mut stats = self.stats(at);
        stats["totalBuilds"] = json!(actor.build);
        stats["totalUsers"] = json!(if actor.is_own { 1 } else { 2 + actor.build * 7 });
        Ok(json!({
            "id": actor.id,
            "userId": user_id,
            "name": actor.name,
            "username": actor.username,
            "description": actor.title.as_ref().map(|title| format!("{title}, made up.")),
            "isPublic": !actor.is_own,
            "actorPermissionLevel": "LIMITED_PERMISSIONS",
            "createdAt": format_instant(actor.created),
            "modifiedAt": format_instant(actor.modified),
            "stats": stats,
            "versions": [{ "versionNumber": "0.1", "sourceType": "SOURCE_FILES", "envVars": null, "applyEnvVarsToBuild": false, "buildTag": "latest" }],
            "pricingInfos": actor.pricing_info().into_iter().collect::<Vec<_>>(),
            "defaultRunOptions": { "build": "latest", "timeoutSecs": 3600, "memoryMbytes": 2048, "restartOnError": false },
            "isDeprecated": false,
            "title": actor.title,
            "taggedBuilds": { "latest": {
                "buildId": actor.build_id,
                "buildNumber": format!("0.1.{}", actor.build),
                "buildNumberInt": actor.build,
                "finishedAt": format_instant(actor.modified),
            } },
        }))
    }

    /// `GET /v2/actor-tasks`.
    pub(super) fn list_tasks(&self, query: &DirectoryQuery) -> Result<ApiAnswer, Refusal> {
        page(query.paging, &self.listed_tasks, |place| {
            let mut item = self.task(*place);
            let actor = &self.actors[place.0];
            let is_visible = matches!(actor.visibility, Visibility::Listed | Visibility::LookUp);
            item["actName"] = json!(is_visible.then_some(&actor.name));
            item["actUsername"] = json!(is_visible.then_some(&actor.username));
            item
        })
    }

    /// `GET /v2/actor-tasks/{id or username~name}`.
    pub(super) fn look_up_task(&self, wanted: &str) -> Result<Value, Refusal> {
        let mut task = self.task(self.task_place(wanted)?);
        task["options"] = json!({ "build": "latest", "timeoutSecs": 3600, "memoryMbytes": 2048 });
        task["input"] = json!({ "startUrls": [{ "url": "https://example.com" }] });
        Ok(task)
    }

    fn task(&self, (at, number): (usize, usize)) -> Value {
        let actor = &self.actors[at];
        let task: &Task = &actor.tasks[number];
        json!({
            "id": task.id,
            "userId": demo_account().id,
            "actId": actor.id,
            "name": task.name,
            "username": demo_username(),
            "createdAt": format_instant(task.created),
            "modifiedAt": format_instant(task.modified),
            "stats": { "totalRuns": self.activity[at].by_task[number] },
        })
    }

    fn stats(&self, at: usize) -> Value {
        let activity = &self.activity[at];
        let mut stats = json!({ "totalRuns": activity.runs });
        if let Some(last) = activity.last {
            stats["lastRunStartedAt"] = json!(format_instant(last));
        }
        stats
    }
}

/// The ID of somebody else, seventeen letters and digits.
fn owner_id(username: &str) -> String {
    let letters = username.chars().filter(char::is_ascii_alphanumeric);
    letters.chain("OwnerOfStoreActors".chars()).take(17).collect()
}
