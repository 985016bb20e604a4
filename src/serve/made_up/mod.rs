//! The made-up account: lifelike, deterministic, nothing in it real.
//! Its figures come from code of its own, not the client's, so that a test of one against the other means something.

mod actor;
mod builds;
mod cap;
mod cycle;
mod decimal;
mod detail;
mod directory;
mod fate;
mod index;
mod list;
mod meters;
mod names;
pub mod options;
mod pricing;
mod random;
mod row;
mod runs;
mod schedules;
mod spending;
mod usage;
mod user;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use actor::{Actor, Choice};
use builds::BuildList;
use cycle::Cycle;
use detail::detail;
use directory::{Activity, MadeUpDirectory};
use fate::LateFinishes;
use list::RunList;
use options::AccountOptions;
use random::Random;
use row::{MadeUpRow, MadeUpRun};
use runs::{Draft, starts, starts_before, write_run};
use schedules::ScheduleList;
use usage::CycleUsage;

use crate::period::Millis;
use crate::serve::envelope::{ApiAnswer, object, ready_object};
use crate::serve::question::{ApiQuestion, RunScope};
use crate::serve::refusal::Refusal;

const BEFORE: u64 = 32;

#[derive(Debug)]
pub struct MadeUpAccount {
    options: AccountOptions,
    list: RunList,
    /// How many of the list's first are runs before the period.
    before: usize,
    directory: MadeUpDirectory,
    builds: BuildList,
    schedules: ScheduleList,
    /// Of the cycles in which anything was used and that were asked for, by their start.
    usage: Mutex<BTreeMap<Millis, Arc<CycleUsage>>>,
}

impl MadeUpAccount {
    pub fn generate(options: &AccountOptions) -> MadeUpAccount {
        let mut random = Random(options.seed ^ 0x005e_edfa_11c0_575a);
        let starts = starts(options, &mut random);
        let mut actors: Vec<Actor> = Vec::new();
        let mut tasks = 0;
        for at in 0..options.actors.max(1) {
            actors.push(Actor::made_up(at, tasks, options.seed, &mut random));
            tasks += actors[at as usize].tasks.len() as u64;
        }
        let choice = Choice::new(&actors, starts.len());
        let late = LateFinishes::new(options, &starts);
        // From a source of chance of its own: the period's runs are the same with and without.
        let mut random_before = Random::of(options.seed, BEFORE, 0);
        let mut all = starts_before(options, &mut random_before);
        let (runs, before) = (starts.len(), all.len());
        let choice_before = Choice::before(&actors, before, options.seed);
        all.extend(starts);
        let mut activity: Vec<Activity> = actors.iter().map(|actor| Activity::new(actor.tasks.len())).collect();
        let mut list = RunList::new(all);
        let mut push = |place: usize, number: usize, choice: &Choice, finish, random: &mut Random| {
            let at = choice.actor(number, random);
            let draft = Draft {
                number,
                start: list.start(place),
                actor: &actors[at],
                finish,
            };
            let tags = write_run(&mut list.json, &draft, random, options);
            activity[at].count(draft.start, &tags);
            list.push(at, &tags);
        };
        (0..before).for_each(|run| push(run, runs + run, &choice_before, None, &mut random_before));
        (0..runs).for_each(|run| push(before + run, run, &choice, late.finish(run), &mut random));
        MadeUpAccount {
            options: options.clone(),
            list,
            before,
            builds: BuildList::made_up(options, &actors),
            schedules: ScheduleList::new(&actors, &activity, options.seed),
            directory: MadeUpDirectory::new(actors, activity),
            usage: Mutex::default(),
        }
    }

    /// All of its time: its period, with the month before where there is one.
    pub fn span(&self) -> (Millis, Millis) {
        let options = &self.options;
        let before = if options.runs_before > 0 {
            31 * options::DAY_MS
        } else {
            0
        };
        (options.from_ms - before, options.to_ms)
    }

    pub(super) fn answer(&self, question: &ApiQuestion) -> Result<ApiAnswer, Refusal> {
        match question {
            ApiQuestion::Runs(scope, query) => {
                let whose = match scope {
                    RunScope::Account => None,
                    RunScope::Actor(wanted) => Some((self.directory.visible_actor(wanted)?, None)),
                    RunScope::Task(wanted) => {
                        let (actor, task) = self.directory.task_place(wanted)?;
                        Some((actor, Some(task)))
                    }
                };
                Ok(self.list.page(query, whose))
            }
            ApiQuestion::Run(id) => {
                let run = self.list.find(id).ok_or(Refusal::NotFound("Actor run"))?;
                Ok(ready_object(detail(&self.run(run)).as_bytes()))
            }
            ApiQuestion::Actors(query) => self.directory.list_actors(query),
            ApiQuestion::Actor(wanted) => object(&self.directory.look_up_actor(wanted)?),
            ApiQuestion::Tasks(query) => self.directory.list_tasks(query),
            ApiQuestion::Task(wanted) => object(&self.directory.look_up_task(wanted)?),
            ApiQuestion::Builds(paging) => self.builds.list(*paging),
            ApiQuestion::Schedules(paging) => self.schedules.list(*paging),
            ApiQuestion::Me => object(&user::me(self.options.retention_days)),
            ApiQuestion::Limits => {
                let usage = self.usage(Cycle::current());
                let active_runs = self.list.active_runs();
                let limits = user::limits(
                    self.options.retention_days,
                    &self.directory,
                    self.schedules.count(),
                    active_runs,
                    &usage,
                );
                object(&limits)
            }
            ApiQuestion::MonthlyUsage(date) => object(&*self.usage(date.map_or_else(Cycle::current, Cycle::holding))),
        }
    }

    fn run(&self, place: usize) -> MadeUpRun<'_> {
        let row = MadeUpRow::read(self.list.run(place));
        let in_period = self.list.len() - self.before;
        MadeUpRun {
            number: place.checked_sub(self.before).unwrap_or(in_period + place),
            start: self.list.start(place),
            actor: self.directory.actor(row.act_id),
            seed: self.options.seed,
            row,
        }
    }

    fn usage(&self, cycle: Cycle) -> Arc<CycleUsage> {
        let mut known = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(usage) = known.get(&cycle.start) {
            return usage.clone();
        }
        let runs = self.list.started_in(cycle.start, cycle.end).map(|run| self.run(run));
        let builds = self.builds.ended_in(cycle);
        let usage = Arc::new(CycleUsage::new(cycle, runs, builds, self.options.seed));
        if !usage.is_empty() {
            known.insert(cycle.start, usage.clone());
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::query::RunsQuery;
    use serde_json::Value;
    use std::collections::HashSet;

    fn small() -> MadeUpAccount {
        MadeUpAccount::generate(&AccountOptions {
            runs: 20_000,
            ..AccountOptions::default()
        })
    }

    fn get(account: &MadeUpAccount, query: &str) -> Value {
        serde_json::from_slice(&account.list.page(&RunsQuery::parse(query).unwrap(), None).json).unwrap()
    }

    fn all(account: &MadeUpAccount) -> Vec<Value> {
        let pages = (0..).map(|page| {
            get(account, &format!("offset={}", page * 1000))["data"]["items"]
                .as_array()
                .unwrap()
                .clone()
        });
        pages.take_while(|page| !page.is_empty()).flatten().collect()
    }

    #[test]
    fn equal_options_give_equal_accounts_and_another_seed_another() {
        let with = |seed| {
            MadeUpAccount::generate(&AccountOptions {
                runs: 500,
                seed,
                ..AccountOptions::default()
            })
            .list
            .json
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }

    #[test]
    fn the_period_holds_as_many_runs_as_were_asked_for_and_its_neighbours_a_few() {
        let account = small();
        let total = |query: &str| get(&account, query)["data"]["total"].as_u64().unwrap();
        assert_eq!(
            total("startedAfter=2025-09-01T00:00:00.000Z&startedBefore=2025-09-30T23:59:59.999Z"),
            20_000
        );
        assert_eq!(total("startedAfter=2025-10-01&startedBefore=2025-10-01"), 2);
        assert_eq!(
            total("startedAfter=2025-09-30T23:59:59.999Z&startedBefore=2025-09-30T23:59:59.999Z"),
            1
        );
        assert_eq!(total(""), 20_004);
    }

    #[test]
    fn a_month_before_adds_its_runs_and_changes_none_of_the_period() {
        let with = |runs_before| {
            let options = AccountOptions {
                runs: 3_000,
                runs_before,
                ..AccountOptions::default()
            };
            MadeUpAccount::generate(&options)
        };
        let (alone, both) = (with(0), with(2_000));
        assert!(both.list.json.ends_with(&alone.list.json));
        let total = |query: &str| get(&both, query)["data"]["total"].as_u64().unwrap();
        assert_eq!(total("startedBefore=2025-07-31T23:59:59.999Z"), 0);
        assert_eq!(total("startedBefore=2025-08-31T23:59:59.999Z"), 2_000);
        assert_eq!(total(""), 5_003);
        let last = |account: &MadeUpAccount| account.run(account.list.len() - 1).number;
        assert_eq!((last(&alone), last(&both)), (3_003, 3_003));
        let details = |account: &MadeUpAccount| {
            let place = account.list.len() - 3_000..account.list.len();
            place.map(|run| detail(&account.run(run))).collect::<Vec<_>>()
        };
        assert_eq!(details(&alone), details(&both));
        let builds = |account: &MadeUpAccount| {
            let Some(Ok(question)) = ApiQuestion::parse("/v2/actor-builds", "limit=1000") else {
                panic!("builds can be listed");
            };
            let answer: Value = serde_json::from_slice(&account.answer(&question).unwrap().json).unwrap();
            answer["data"]["items"].as_array().unwrap().clone()
        };
        let (builds_alone, builds_both) = (builds(&alone), builds(&both));
        assert_eq!(builds_both.len(), builds_alone.len() + 88);
        assert!(builds_both.ends_with(&builds_alone));
        assert!(builds_both.is_sorted_by_key(|build| build["startedAt"].as_str().unwrap().to_string()));
    }

    #[test]
    fn the_list_answers_as_a_list_filtered_by_hand_does() {
        let account = small();
        let runs = all(&account);
        assert_eq!(runs.len(), 20_004);
        assert!(runs.is_sorted_by_key(|run| run["startedAt"].as_str().unwrap().to_string()));
        let by_hand: Vec<&Value> = runs
            .iter()
            .filter(|run| run["status"] == "FAILED" || run["status"] == "ABORTED")
            .collect();
        let page = get(&account, "status=FAILED,ABORTED&offset=10&limit=20");
        assert_eq!(page["data"]["total"], by_hand.len());
        assert!(
            page["data"]["items"]
                .as_array()
                .unwrap()
                .iter()
                .eq(by_hand[10..30].iter().copied())
        );
        let page = get(&account, "desc=true&limit=3&offset=1");
        assert!(
            page["data"]["items"]
                .as_array()
                .unwrap()
                .iter()
                .eq(runs[20_000..20_003].iter().rev())
        );
        assert_eq!(
            (page["data"]["count"].as_u64(), page["data"]["desc"].as_bool()),
            (Some(3), Some(true))
        );
    }

    #[test]
    fn it_has_every_peculiarity_of_a_real_account() {
        let runs = all(&small());
        let ids: HashSet<&str> = runs.iter().map(|run| run["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), runs.len());
        let count = |test: &dyn Fn(&Value) -> bool| runs.iter().filter(|run| test(run)).count();
        let cost = |run: &Value| run["usageTotalUsd"].to_string();
        assert!((100..1500).contains(&count(&|run| run.get("usageTotalUsd").is_none())));
        assert!(count(&|run| run.get("usageTotalUsd").is_some_and(Value::is_null)) > 0);
        assert!(count(&|run| cost(run).contains("e-")) > 50);
        assert!(count(&|run| cost(run).len() > 18) > 5000);
        assert!(count(&|run| run.get("finishedAt").is_none_or(Value::is_null)) > 0);
        assert!(count(&|run| run["meta"]["origin"] == "APIFY_AI") > 0);
        assert!(count(&|run| run.get("experiment").is_some()) > 0);
        assert!(
            count(&|run| run["meta"]["userAgent"]
                .as_str()
                .is_some_and(|agent| agent.starts_with('=')))
                > 0
        );
        assert!(count(&|run| run["startedAt"] == "2025-09-01T00:00:00.000Z") > 0);
        let origins: HashSet<&str> = runs.iter().filter_map(|run| run["meta"]["origin"].as_str()).collect();
        assert_eq!(origins.len(), 12);
        let actors: HashSet<&str> = runs.iter().map(|run| run["actId"].as_str().unwrap()).collect();
        assert!(actors.len() > 250, "{}", actors.len());
    }

    #[test]
    fn a_run_is_found_by_its_id_and_the_same_detail_is_given_each_time() {
        let account = small();
        let ask = |id: &str| account.answer(&ApiQuestion::Run(id.into()));
        for run in all(&account).iter().step_by(97) {
            let id = run["id"].as_str().unwrap();
            let detail: Value = serde_json::from_slice(&ask(id).unwrap().json).unwrap();
            assert_eq!(detail["data"]["id"], run["id"]);
            assert_eq!(ask(id), ask(id));
        }
        assert_eq!(ask("elsewhere"), Err(Refusal::NotFound("Actor run")));
    }

    #[test]
    fn fewer_runs_than_actors_are_no_harm() {
        for runs in [0, 1, 3, 50] {
            let account = MadeUpAccount::generate(&AccountOptions {
                runs,
                actors: 1000,
                ..AccountOptions::default()
            });
            for question in [ApiQuestion::Me, ApiQuestion::Limits, ApiQuestion::MonthlyUsage(None)] {
                assert!(account.answer(&question).is_ok());
            }
        }
    }
}
