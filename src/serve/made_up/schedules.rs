//! `GET /v2/schedules`: those that runs name as what started them, but for a few that were deleted since. Runs start by
//! schedule on any quarter of an hour, so that is when each schedule is due.

use serde::Serialize;
use serde_json::{Value, json};

use super::actor::{Actor, made};
use super::directory::Activity;
use super::names;
use super::options::{DEMO_NOW_MS, HOUR_MS, demo_account};
use super::random::Random;
use crate::period::{Millis, format_instant};
use crate::serve::envelope::{ApiAnswer, page};
use crate::serve::query::Paging;
use crate::serve::refusal::Refusal;

const SCHEDULES: u64 = 22;

const QUARTER_MS: i64 = HOUR_MS / 4;

/// All of them a multiple of a quarter of an hour away from UTC.
const ZONES: [&str; 4] = ["UTC", "UTC", "Europe/Prague", "Asia/Kathmandu"];

/// In order of their creation.
#[derive(Debug)]
pub(super) struct ScheduleList(Vec<MadeUpSchedule>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MadeUpSchedule {
    id: String,
    user_id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    created_at: String,
    modified_at: String,
    last_run_at: String,
    /// Null where it is disabled.
    next_run_at: Option<String>,
    is_enabled: bool,
    is_exclusive: bool,
    cron_expression: &'static str,
    timezone: &'static str,
    actions: Vec<Value>,
}

impl ScheduleList {
    /// Of the Actors' schedules, those that have started a run.
    pub(super) fn new(actors: &[Actor], activity: &[Activity], seed: u64) -> ScheduleList {
        let each = (0..).zip(actors.iter().zip(activity));
        let kept = each.filter(|(at, _)| at % 61 != 17);
        let used = kept.filter_map(|(at, (actor, activity))| {
            let last = activity.last_scheduled?;
            Some(MadeUpSchedule::made_up(at, actor, last, seed))
        });
        let mut schedules: Vec<MadeUpSchedule> = used.collect();
        schedules.sort_by(|one, other| one.created_at.cmp(&other.created_at));
        ScheduleList(schedules)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn list(&self, paging: Paging) -> Result<ApiAnswer, Refusal> {
        page(paging, &self.0, |schedule| schedule)
    }
}

impl MadeUpSchedule {
    /// That of the account's `at`th Actor.
    fn made_up(at: u64, actor: &Actor, last: Millis, seed: u64) -> MadeUpSchedule {
        let mut random = Random::of(seed, SCHEDULES, at);
        let (created, modified) = made(&mut random);
        let is_enabled = at % 37 != 5;
        let next = (last.max(DEMO_NOW_MS) / QUARTER_MS + 1) * QUARTER_MS;
        // Its runs are of the Actor with or without one of its tasks.
        let mut actions = vec![json!({ "id": random.id(), "type": "RUN_ACTOR", "actorId": actor.id })];
        let tasks = actor.tasks.iter().filter(|task| !task.is_deleted);
        actions.extend(tasks.map(|task| {
            let id = random.id();
            json!({ "id": id, "type": "RUN_ACTOR_TASK", "actorTaskId": task.id })
        }));
        MadeUpSchedule {
            id: actor.schedule_id.clone(),
            user_id: demo_account().id,
            name: names::schedule_name(at),
            title: (random.below(2) == 0).then(|| names::title(&actor.name)),
            created_at: format_instant(created),
            modified_at: format_instant(modified),
            last_run_at: format_instant(last),
            next_run_at: is_enabled.then(|| format_instant(next)),
            is_enabled,
            is_exclusive: random.below(2) == 0,
            cron_expression: "*/15 * * * *",
            timezone: ZONES[random.below(ZONES.len() as u64) as usize],
            actions,
        }
    }
}
