//! The made-up account: lifelike, deterministic, nothing in it real. Runs stand as ready JSON in one arena, in order, so
//! that a page is mostly one copy.

mod actor;
mod cycle;
mod decimal;
mod detail;
mod directory;
mod fate;
mod index;
mod meters;
mod names;
mod random;
mod row;
mod runs;
mod spending;
mod usage;
mod user;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::Serialize;

use crate::serve::made_up::actor::{Actor, Choice};
use crate::serve::made_up::cycle::Cycle;
use crate::serve::made_up::detail::detail;
use crate::serve::made_up::directory::{Activity, Directory};
use crate::serve::made_up::fate::LateFinishes;
use crate::serve::made_up::index::IdIndex;
use crate::serve::made_up::random::Random;
use crate::serve::made_up::row::Row;
use crate::serve::made_up::runs::{Draft, starts, write_run};
use crate::serve::made_up::usage::MonthlyUsage;

use crate::period::Millis;
use crate::provenance::Account;
use crate::serve::query::{RunsQuery, STATUSES};
use crate::serve::question::{Question, Scope};
use crate::serve::refusal::Refusal;

/// The fixed clock of the made-up account: 2025-10-03T06:00:00Z.
pub const DEMO_NOW_MS: Millis = 1_759_471_200_000;

/// The token that the made-up account takes unless another is given.
pub const DEMO_TOKEN: &str = "demo";

/// Whose runs the demo shows.
pub fn demo_account() -> Account {
    Account {
        id: "MADEUPACCOUNT0000".into(),
        username: Some(demo_username()),
    }
}

fn demo_username() -> String {
    "made-up-account".into()
}

/// Where a run's ID stands in its JSON: after `{"id":"`.
const ID: Range<usize> = 7..24;

/// What decides an account: equal options give equal accounts, on every machine.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// Runs that started in the period; a few more lie just outside of it.
    pub runs: u64,
    /// Actors that they are of, few of them often.
    pub actors: u64,
    /// Another seed is another account.
    pub seed: u64,
    /// The first millisecond of its runs.
    pub from_ms: Millis,
    /// The first millisecond after them.
    pub to_ms: Millis,
    /// How many runs in a hundred have their cost only in the detail; `None` for those of others' pay-per-event Actors and one
    /// in a thousand.
    pub cost_missing_percent: Option<u8>,
    /// How long the account's plan keeps runs; says so, and deletes none.
    pub retention_days: u32,
}

impl Default for AccountOptions {
    /// 100,000 runs in September 2025.
    fn default() -> AccountOptions {
        AccountOptions {
            runs: 100_000,
            actors: 340,
            seed: 1,
            from_ms: 1_756_684_800_000,
            to_ms: 1_759_276_800_000,
            cost_missing_percent: None,
            retention_days: 90,
        }
    }
}

/// Runs in order of their start, and whose they are.
#[derive(Debug)]
pub struct MadeUpAccount {
    options: AccountOptions,
    starts: Vec<Millis>,
    statuses: Vec<u8>,
    /// The Actor of each run, by its place in the directory, and which of its tasks started it.
    whose: Vec<(u32, Option<u16>)>,
    /// Where each run's JSON begins in `json`, and the end of the last; a comma follows each.
    offsets: Vec<usize>,
    json: Vec<u8>,
    directory: Directory,
    /// Made by the first question for a run.
    index: OnceLock<IdIndex>,
    /// Of the cycles that have runs and were asked for, by their start.
    usage: Mutex<BTreeMap<Millis, Arc<MonthlyUsage>>>,
}

impl MadeUpAccount {
    /// Makes one up.
    pub fn generate(options: &AccountOptions) -> MadeUpAccount {
        let mut random = Random(options.seed ^ 0x005e_edfa_11c0_575a);
        let mut starts = starts(options, &mut random);
        starts.sort_unstable();
        let mut actors: Vec<Actor> = Vec::new();
        let mut tasks = 0;
        for at in 0..options.actors.max(1) {
            actors.push(Actor::made_up(at, tasks, options.seed, &mut random));
            tasks += actors[at as usize].tasks.len() as u64;
        }
        let choice = Choice::of(&actors, starts.len());
        let late = LateFinishes::of(options, &starts);
        let mut activity: Vec<Activity> = actors.iter().map(|actor| Activity::of(actor.tasks.len())).collect();
        let mut statuses = Vec::with_capacity(starts.len());
        let mut whose = Vec::with_capacity(starts.len());
        let mut offsets = Vec::with_capacity(starts.len() + 1);
        let mut json = Vec::with_capacity(starts.len() * 620);
        for (run, start) in starts.iter().enumerate() {
            let at = choice.actor(run, &mut random);
            let draft = Draft {
                run,
                start: *start,
                actor: &actors[at],
                finish: late.finish(run),
            };
            offsets.push(json.len());
            let written = write_run(&mut json, &draft, &mut random, options);
            activity[at].count(*start, written.task);
            statuses.push(written.status);
            whose.push((at as u32, written.task.map(|task| task as u16)));
            json.push(b',');
        }
        offsets.push(json.len());
        MadeUpAccount {
            options: options.clone(),
            starts,
            statuses,
            whose,
            offsets,
            json,
            directory: Directory::new(actors, activity),
            index: OnceLock::new(),
            usage: Mutex::default(),
        }
    }

    /// The answer to a question, as JSON. While nothing is `settled`, runs that have just ended cost nothing yet.
    pub(super) fn answer(&self, question: &Question, settled: bool) -> Result<Vec<u8>, Refusal> {
        match question {
            Question::Runs(scope, query) => {
                let whose = match scope {
                    Scope::Account => None,
                    Scope::Actor(wanted) => Some((self.directory.visible_actor(wanted)?, None)),
                    Scope::Task(wanted) => {
                        let (actor, task) = self.directory.task_place(wanted)?;
                        Some((actor, Some(task)))
                    }
                };
                Ok(self.page(query, whose))
            }
            Question::Run(id) => {
                let run = self.find(id).ok_or(Refusal::NotFound("Actor run"))?;
                let row = self.row(run);
                let actor = self.directory.actor(row.act_id);
                Ok(detail(&row, run, self.starts[run], actor, self.options.seed, settled))
            }
            Question::Actors(query) => data(&self.directory.list_actors(query)),
            Question::Actor(wanted) => data(&self.directory.look_up_actor(wanted)?),
            Question::Tasks(query) => data(&self.directory.list_tasks(query)),
            Question::Task(wanted) => data(&self.directory.look_up_task(wanted)?),
            Question::Me => data(&user::me(self.options.retention_days)),
            Question::Limits => {
                let usage = self.usage(Cycle::current());
                data(&user::limits(self.options.retention_days, &self.current(), &usage))
            }
            Question::MonthlyUsage(date) => {
                let cycle = date.map_or_else(Cycle::current, Cycle::holding);
                data(&*self.usage(cycle))
            }
        }
    }

    /// The runs that started in a span of time, both ends included, by their places.
    fn started_in(&self, first: Millis, last: Millis) -> Range<usize> {
        let begin = self.starts.partition_point(|start| *start < first);
        let end = self.starts.partition_point(|start| *start <= last).max(begin);
        begin..end
    }

    /// A run as the list has it.
    fn row(&self, run: usize) -> Row<'_> {
        Row::read(self.run(run))
    }

    fn start(&self, run: usize) -> Millis {
        self.starts[run]
    }

    fn seed(&self) -> u64 {
        self.options.seed
    }

    fn directory(&self) -> &Directory {
        &self.directory
    }

    fn find(&self, id: &str) -> Option<usize> {
        let id_of = |run: usize| &self.run(run)[ID];
        let index = self.index.get_or_init(|| IdIndex::new(self.starts.len(), id_of));
        index.find(id.as_bytes(), id_of)
    }

    fn usage(&self, cycle: Cycle) -> Arc<MonthlyUsage> {
        let mut known = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(usage) = known.get(&cycle.start) {
            return usage.clone();
        }
        let usage = Arc::new(MonthlyUsage::of(self, cycle));
        if !self.started_in(cycle.start, cycle.end).is_empty() {
            known.insert(cycle.start, usage.clone());
        }
        usage
    }

    fn current(&self) -> user::Current {
        let (own_actors, tasks) = self.directory.counts();
        let is_active = |status: &&u8| {
            matches!(
                STATUSES[**status as usize],
                "READY" | "RUNNING" | "TIMING-OUT" | "ABORTING"
            )
        };
        user::Current {
            own_actors,
            tasks,
            active_runs: self.statuses.iter().filter(is_active).count(),
        }
    }

    /// The answer to a query: the documented envelope, as JSON. Of all runs, or of an Actor's, or of one of its tasks'.
    fn page(&self, query: &RunsQuery, whose: Option<(usize, Option<usize>)>) -> Vec<u8> {
        let Range { start: first, end } = self.started_in(query.after, query.before);
        let is_wanted = |run: usize| {
            let of_status = |wanted: &Vec<u8>| wanted.contains(&self.statuses[run]);
            let of_whom = |(actor, task): (usize, Option<usize>)| {
                let (runs_actor, runs_task) = self.whose[run];
                runs_actor as usize == actor && (task.is_none() || runs_task.map(usize::from) == task)
            };
            query.statuses.as_ref().is_none_or(of_status) && whose.is_none_or(of_whom)
        };
        if query.statuses.is_none() && whose.is_none() {
            let part = query.part_of(end - first);
            let items: Vec<usize> = (first + part.start..first + part.end).collect();
            return self.envelope(query, end - first, &items);
        }
        let all: Vec<usize> = (first..end).filter(|run| is_wanted(*run)).collect();
        self.envelope(query, all.len(), &all[query.part_of(all.len())])
    }

    fn envelope(&self, query: &RunsQuery, total: usize, items: &[usize]) -> Vec<u8> {
        let (offset, limit, desc, count) = (query.offset, query.limit, query.desc, items.len());
        let head = format!(
            r#"{{"data":{{"total":{total},"offset":{offset},"limit":{limit},"desc":{desc},"count":{count},"items":["#
        );
        let mut body = Vec::with_capacity(items.len() * 650 + 200);
        body.extend_from_slice(head.as_bytes());
        let contiguous = items.windows(2).all(|pair| pair[1] == pair[0] + 1);
        match (items.first(), items.last()) {
            (Some(first), Some(last)) if contiguous && !desc => {
                body.extend_from_slice(&self.json[self.offsets[*first]..self.offsets[*last + 1]]);
            }
            _ if desc => items
                .iter()
                .rev()
                .for_each(|run| body.extend_from_slice(self.run(*run))),
            _ => items.iter().for_each(|run| body.extend_from_slice(self.run(*run))),
        }
        if !items.is_empty() {
            body.pop();
        }
        body.extend_from_slice(b"]}}");
        body
    }

    fn run(&self, run: usize) -> &[u8] {
        &self.json[self.offsets[run]..self.offsets[run + 1]]
    }
}

fn data(data: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        data: &'a T,
    }
    serde_json::to_vec(&Envelope { data }).map_err(|_| Refusal::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::HashSet;

    fn small() -> MadeUpAccount {
        MadeUpAccount::generate(&AccountOptions {
            runs: 20_000,
            ..AccountOptions::default()
        })
    }

    fn get(account: &MadeUpAccount, query: &str) -> Value {
        serde_json::from_slice(&account.page(&RunsQuery::parse(query).unwrap(), None)).unwrap()
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
        let ask = |id: &str| account.answer(&Question::Run(id.into()), true);
        for run in all(&account).iter().step_by(97) {
            let id = run["id"].as_str().unwrap();
            let detail: Value = serde_json::from_slice(&ask(id).unwrap()).unwrap();
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
            for question in [Question::Me, Question::Limits, Question::MonthlyUsage(None)] {
                assert!(account.answer(&question, true).is_ok());
            }
        }
    }
}
