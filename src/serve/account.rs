//! The made-up account: lifelike, deterministic, nothing in it real. Runs stand as ready JSON in one arena, in order, so
//! that a page is mostly one copy.

use super::made_up::{Actor, Random, starts, write_run};
use super::query::RunsQuery;
use crate::period::Millis;

/// The fixed clock of the made-up account: 2025-10-03T06:00:00Z.
pub const DEMO_NOW_MS: Millis = 1_759_471_200_000;

const ACTORS: u64 = 340;

/// What decides an account: equal options give equal accounts, on every machine.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// Runs that started in the period; a few more lie just outside of it.
    pub runs: u64,
    /// Another seed is another account.
    pub seed: u64,
    /// The first millisecond of its runs.
    pub from_ms: Millis,
    /// The first millisecond after them.
    pub to_ms: Millis,
}

impl Default for AccountOptions {
    /// 100,000 runs in September 2025.
    fn default() -> AccountOptions {
        AccountOptions {
            runs: 100_000,
            seed: 1,
            from_ms: 1_756_684_800_000,
            to_ms: 1_759_276_800_000,
        }
    }
}

/// Runs in order of their start.
#[derive(Debug)]
pub struct MadeUpAccount {
    starts: Vec<Millis>,
    statuses: Vec<u8>,
    /// Where each run's JSON begins in `json`, and the end of the last; a comma follows each.
    offsets: Vec<usize>,
    json: Vec<u8>,
}

impl MadeUpAccount {
    /// Makes one up.
    pub fn generate(options: &AccountOptions) -> MadeUpAccount {
        let mut random = Random(options.seed ^ 0x005e_edfa_11c0_575a);
        let mut starts = starts(options, &mut random);
        starts.sort_unstable();
        let actors: Vec<Actor> = (0..ACTORS).map(|at| Actor::made_up(at, &mut random)).collect();
        let thresholds: Vec<u64> = actors
            .iter()
            .scan(0, |sum, actor| {
                *sum += actor.weight;
                Some(*sum)
            })
            .collect();
        let mut account = MadeUpAccount {
            statuses: Vec::with_capacity(starts.len()),
            offsets: Vec::with_capacity(starts.len() + 1),
            json: Vec::with_capacity(starts.len() * 620),
            starts: Vec::new(),
        };
        for start in &starts {
            let pick = random.below(*thresholds.last().expect("there are Actors"));
            let actor = &actors[thresholds.partition_point(|threshold| *threshold <= pick)];
            account.offsets.push(account.json.len());
            let status = write_run(&mut account.json, *start, actor, &mut random, options);
            account.statuses.push(status);
            account.json.push(b',');
        }
        account.offsets.push(account.json.len());
        account.starts = starts;
        account
    }

    /// The answer to a query: the documented envelope, as JSON.
    pub fn page(&self, query: &RunsQuery) -> Vec<u8> {
        let first = self.starts.partition_point(|start| *start < query.after);
        let end = self.starts.partition_point(|start| *start <= query.before).max(first);
        let matches = |run: &usize| {
            query
                .statuses
                .as_ref()
                .is_none_or(|wanted| wanted.contains(&self.statuses[*run]))
        };
        let (total, items) = match &query.statuses {
            None => {
                let skipped = query.offset.min(end - first);
                let count = query.limit.min(end - first - skipped);
                let items = if query.desc {
                    end - skipped - count..end - skipped
                } else {
                    first + skipped..first + skipped + count
                };
                (end - first, items.collect::<Vec<_>>())
            }
            Some(_) => {
                let all: Vec<usize> = (first..end).filter(matches).collect();
                let skipped = query.offset.min(all.len());
                let count = query.limit.min(all.len() - skipped);
                let last = all.len() - skipped;
                let part = if query.desc {
                    last - count..last
                } else {
                    skipped..skipped + count
                };
                (all.len(), all[part].to_vec())
            }
        };
        self.envelope(query, total, &items)
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
        serde_json::from_slice(&account.page(&RunsQuery::parse(query).unwrap())).unwrap()
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
        assert!(count(&|run| run["status"] == "RUNNING") > 0);
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
}
