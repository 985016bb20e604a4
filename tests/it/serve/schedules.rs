//! Schedules of the made-up account, and the most that its runs may charge.

use std::collections::BTreeSet;

use serde_json::Value;

use super::exact::exact;
use crate::support::client::Served;
use crate::support::stand_in::ms;

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

#[test]
fn schedules_are_those_that_runs_name_but_for_a_few_that_are_gone() {
    let demo = Served::demo(&["--runs", "20000"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let (schedules, pages) = demo.all("/v2/schedules");
    assert_eq!(pages, 1);
    assert!(schedules.is_sorted_by_key(|schedule| text(schedule, "createdAt")));
    let named: BTreeSet<&str> = runs
        .iter()
        .filter_map(|run| run["meta"]["scheduleId"].as_str())
        .collect();
    let listed: BTreeSet<&str> = schedules.iter().map(|schedule| text(schedule, "id")).collect();
    assert_eq!(listed.len(), schedules.len());
    assert!(listed.is_subset(&named));
    let gone = named.difference(&listed).count();
    assert!((3..10).contains(&gone), "{gone} of {}", named.len());
    let now = ms("2025-10-03T06:00:00Z");
    let mut with_title = 0;
    for schedule in &schedules {
        for name in "userId name createdAt modifiedAt lastRunAt cronExpression timezone".split(' ') {
            assert!(!text(schedule, name).is_empty(), "{name}: {schedule}");
        }
        with_title += usize::from(schedule.get("title").is_some());
        let started: Vec<&Value> = runs
            .iter()
            .filter(|run| run["meta"]["scheduleId"] == schedule["id"])
            .collect();
        let last = started.iter().map(|run| text(&run["meta"], "scheduledAt")).max();
        assert_eq!(last, schedule["lastRunAt"].as_str());
        let next = schedule["nextRunAt"].as_str().map(ms);
        assert_eq!(next.is_some(), schedule["isEnabled"] == true, "{schedule}");
        assert!(next.is_none_or(|next| next == now + 900_000), "{schedule}");
        assert!(schedule["isExclusive"].is_boolean());
        let actions = schedule["actions"].as_array().unwrap();
        let acts_on = |kind: &str, member: &str, wanted: &Value| {
            let of_kind = actions.iter().filter(|action| action["type"] == kind);
            of_kind.filter(|action| action[member] == *wanted).count()
        };
        for run in started {
            assert_eq!(acts_on("RUN_ACTOR", "actorId", &run["actId"]), 1, "{schedule} {run}");
        }
    }
    assert!(with_title > 50 && with_title < schedules.len());
    let enabled = schedules
        .iter()
        .filter(|schedule| schedule["isEnabled"] == true)
        .count();
    assert!(enabled < schedules.len() && enabled > schedules.len() / 2);
    let tasks: BTreeSet<String> = demo
        .all("/v2/actor-tasks")
        .0
        .iter()
        .map(|task| text(task, "id").into())
        .collect();
    let actions = schedules
        .iter()
        .flat_map(|schedule| schedule["actions"].as_array().unwrap());
    let of_tasks: Vec<&str> = actions
        .map(|action| text(action, "actorTaskId"))
        .filter(|id| !id.is_empty())
        .collect();
    assert!(of_tasks.len() > 50 && of_tasks.iter().all(|id| tasks.contains(*id)));
    assert_eq!(
        demo.data("/v2/users/me/limits")["current"]["scheduleCount"],
        schedules.len()
    );
    let newest = demo.data("/v2/schedules?desc=1&limit=2");
    assert!(
        newest["items"]
            .as_array()
            .unwrap()
            .iter()
            .eq(schedules.iter().rev().take(2))
    );
    for target in [
        format!("/v2/schedules/{}", text(&schedules[0], "id")),
        "/v2/actor-builds/x".into(),
    ] {
        assert_eq!(
            (demo.get(&target).status, demo.get(&target).error()),
            (404, "page-not-found".into()),
            "{target}"
        );
    }
}

#[test]
fn some_runs_have_a_most_to_charge_and_a_few_ended_by_it() {
    let demo = Served::demo(&["--runs", "20000"]);
    let (runs, _) = demo.all("/v2/actor-runs");
    let (mut by_event, mut capped_by_event, mut stopped) = (0, 0, 0);
    let (mut by_usage, mut capped_by_usage) = (0, 0);
    let is_unpriced = |run: &&Value| run.get("usageTotalUsd").is_none();
    let (unpriced, priced): (Vec<&Value>, Vec<&Value>) = runs.iter().partition(is_unpriced);
    for run in unpriced.into_iter().chain(priced.into_iter().step_by(10)) {
        let detail = exact(&demo, &run["id"]);
        let is_by_event = detail.0.contains_key("chargedEventCounts");
        let cost = detail.number("usageTotalUsd");
        let options = detail.at("options");
        let is_capped = options.0.contains_key("maxTotalChargeUsd");
        let cap = options.number("maxTotalChargeUsd");
        if is_capped {
            assert!(cap >= cost && cap > 0, "{run}");
        }
        if is_by_event {
            by_event += 1;
            capped_by_event += usize::from(is_capped);
            if cap == cost && is_capped {
                stopped += 1;
                assert_eq!(run["status"], "SUCCEEDED", "{run}");
            }
        } else if detail.0.contains_key("usageTotalUsd") {
            by_usage += 1;
            capped_by_usage += usize::from(is_capped);
            assert!(cap != cost || !is_capped, "{run}");
        } else {
            assert!(!is_capped, "what is paid by result has maxItems: {run}");
        }
    }
    assert!(by_event > 150 && by_usage > 1500, "{by_event} {by_usage}");
    assert!(
        (by_event / 5..by_event / 2).contains(&capped_by_event),
        "{capped_by_event} of {by_event}"
    );
    assert!((3..=capped_by_event / 5).contains(&stopped), "{stopped}");
    assert!(
        (10..by_usage / 20).contains(&capped_by_usage),
        "{capped_by_usage} of {by_usage}"
    );
}
