//! Archives of files in memory, in order or not, against a list of runs that is searched by hand.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::Schema;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::runs::cost_state::STATUSES;
use crate::runs::schema::{COLUMNS, Column};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    id: String,
    actor: usize,
    task: Option<usize>,
    status: usize,
    start: i64,
}

/// Files whose names differ.
#[derive(Debug)]
struct Memory(String, RecordBatch);

impl RandomAccessRuns for Memory {
    fn name(&self) -> &str {
        &self.0
    }

    fn rows(&self) -> usize {
        self.1.num_rows()
    }

    fn scan(&self, _: &[&str], see: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        (0..self.rows())
            .step_by(7)
            .try_for_each(|row| see(&self.1.slice(row, 7.min(self.rows() - row))))
    }

    fn read(&self, places: &[Range<usize>], _: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
        assert!(places.windows(2).all(|pair| pair[0].end <= pair[1].start), "{places:?}");
        Ok(places
            .iter()
            .map(|place| self.1.slice(place.start, place.len()))
            .collect())
    }
}

fn file(name: usize, runs: &[Run]) -> Box<dyn RandomAccessRuns> {
    let names = [
        "id",
        "act_id",
        "actor_task_id",
        "status",
        "started_at",
        "usage_total_usd",
        "cost_state",
    ];
    let columns: Vec<&Column> = COLUMNS.iter().filter(|column| names.contains(&column.name)).collect();
    let texts = |text: &dyn Fn(&Run) -> Option<String>| -> ArrayRef {
        Arc::new(runs.iter().map(text).collect::<StringArray>())
    };
    let arrays = columns.iter().map(|column| -> ArrayRef {
        match column.name {
            "id" => texts(&|run| Some(run.id.clone())),
            "act_id" => texts(&|run| Some(format!("actor{}", run.actor))),
            "actor_task_id" => texts(&|run| run.task.map(|task| format!("task{task}"))),
            "status" => texts(&|run| Some(STATUSES[run.status].into())),
            "cost_state" => texts(&|_| Some("settled".into())),
            "started_at" => Arc::new(
                runs.iter()
                    .map(|run| Some(run.start))
                    .collect::<TimestampMillisecondArray>()
                    .with_timezone("UTC"),
            ),
            _ => Arc::new(
                Decimal128Array::from(vec![1; runs.len()])
                    .with_precision_and_scale(38, 18)
                    .unwrap(),
            ),
        }
    });
    let schema = Schema::new(columns.iter().map(|column| column.field()).collect::<Vec<_>>());
    let batch = RecordBatch::try_new(Arc::new(schema), arrays.collect()).unwrap();
    Box::new(Memory(format!("file {name}"), batch))
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let run = (
        0usize..6,
        prop::option::of(0usize..3),
        0usize..4,
        1_756_684_800_000i64..1_756_684_800_040,
    );
    prop::collection::vec(run, 0..60).prop_map(|runs| {
        let each = runs.into_iter().enumerate();
        each.map(|(at, (actor, task, status, start))| Run {
            id: format!("run{at}"),
            actor,
            task,
            status,
            start,
        })
        .collect()
    })
}

fn archive(groups: Vec<Vec<Box<dyn RandomAccessRuns>>>, old: Option<&ServedArchive>) -> ServedArchive {
    ServedArchive::new(None, groups, old, |_| {}).unwrap()
}

fn ask(archive: &ServedArchive, scope: RunScope, query: &str) -> (usize, Vec<String>) {
    let question = ApiQuestion::Runs(scope, RunsQuery::parse(query).unwrap());
    let data = serde_json::from_slice::<Value>(&archive.answer(&question).unwrap().json).unwrap()["data"].take();
    let ids = data["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_string())
        .collect();
    (data["total"].as_u64().unwrap() as usize, ids)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn files_in_any_order_are_one_list(
        runs in runs(), shuffled in any::<bool>(), files in 1usize..4, from in 0i64..45, span in 0i64..45,
        status in prop::option::of(0usize..4), actor in prop::option::of(0usize..6), desc in any::<bool>(),
        offset in 0usize..10, limit in 1usize..10,
    ) {
        let mut stored = runs.clone();
        if !shuffled {
            stored.sort_by_key(|run| run.start);
        }
        let parts: Vec<_> = stored.chunks(stored.len().div_ceil(files).max(1)).enumerate().map(|(at, part)| file(at, part)).collect();
        // What is in order lies in groups of its own, as long as no two of them share an instant.
        let edges: Vec<(i64, i64)> = stored.chunks(stored.len().div_ceil(files).max(1))
            .map(|part| (part.iter().map(|run| run.start).min().unwrap(), part.iter().map(|run| run.start).max().unwrap())).collect();
        let apart = edges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        let groups = if apart { parts.into_iter().map(|part| vec![part]).collect() } else { vec![parts] };
        let archive = archive(groups, None);
        prop_assert_eq!(archive.runs(), runs.len());
        let instant = |ms: i64| crate::period::format_instant(1_756_684_800_000 + ms);
        let mut query = format!("startedAfter={}&startedBefore={}&offset={offset}&limit={limit}&desc={desc}", instant(from), instant(from + span));
        if let Some(status) = status {
            query += &format!("&status={}", STATUSES[status]);
        }
        let mut wanted: Vec<&Run> = stored.iter().filter(|run| {
            (from..=from + span).contains(&(run.start - 1_756_684_800_000))
                && status.is_none_or(|status| run.status == status) && actor.is_none_or(|actor| run.actor == actor)
        }).collect();
        wanted.sort_by_key(|run| run.start);
        let known = actor.is_none_or(|actor| runs.iter().any(|run| run.actor == actor));
        let scope = actor.map_or(RunScope::Account, |actor| RunScope::Actor(format!("actor{actor}")));
        if !known {
            let question = ApiQuestion::Runs(scope, RunsQuery::parse(&query).unwrap());
            prop_assert_eq!(archive.answer(&question), Err(Refusal::NotFound("Actor")));
            return Ok(());
        }
        let (total, ids) = ask(&archive, scope, &query);
        prop_assert_eq!(total, wanted.len());
        if desc {
            wanted.reverse();
        }
        // Runs of one instant come in an order that nobody promises: their starts are compared.
        let start_of = |id: &String| runs.iter().find(|run| run.id == *id).unwrap().start;
        let starts: Vec<i64> = ids.iter().map(start_of).collect();
        prop_assert_eq!(starts, wanted.iter().skip(offset).take(limit).map(|run| run.start).collect::<Vec<_>>());
        prop_assert!(ids.iter().all(|id| wanted.iter().any(|run| run.id == *id)));
        // Page by page, each is there once.
        let mut all: Vec<String> = (0..).map(|page| ask(&archive, RunScope::Account, &format!("limit=7&offset={}", page * 7)).1)
            .take_while(|page| !page.is_empty()).flatten().collect();
        all.sort();
        let mut expected: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
        expected.sort();
        prop_assert_eq!(all, expected);
        for run in &runs {
            let answer = archive.answer(&ApiQuestion::Run(run.id.clone())).unwrap();
            let detail: Value = serde_json::from_slice(&answer.json).unwrap();
            prop_assert_eq!(detail["data"]["actId"].as_str(), Some(&*format!("actor{}", run.actor)));
        }
    }
}

#[test]
fn files_that_are_still_there_are_not_read_again() {
    let run = |id: &str, start| Run {
        id: id.into(),
        actor: 1,
        task: None,
        status: 2,
        start,
    };
    let first = || file(1, &[run("a", 1)]);
    let old = archive(vec![vec![first()], vec![file(2, &[run("b", 5)])]], None);
    let new = archive(
        vec![vec![first()], vec![file(3, &[run("b", 5), run("c", 6)])]],
        Some(&old),
    );
    assert!(Arc::ptr_eq(&old.groups[0], &new.groups[0]));
    assert_eq!(
        ask(&new, RunScope::Account, ""),
        (3, vec!["a".into(), "b".into(), "c".into()])
    );
    assert_eq!(ask(&new, RunScope::Actor("actor1".into()), "").0, 3);
}

#[test]
fn a_run_that_is_there_twice_is_not_served() {
    let run = |id: &str, start| Run {
        id: id.into(),
        actor: 1,
        task: None,
        status: 0,
        start,
    };
    let files = |second: &[Run]| vec![vec![file(0, &[run("a", 1), run("b", 2)])], vec![file(1, second)]];
    let archive = |second: &[Run]| ServedArchive::new(None, files(second), None, |_| {});
    assert!(archive(&[run("c", 3)]).is_ok());
    let error = archive(&[run("a", 3), run("c", 4)]).unwrap_err();
    assert_eq!(error.exit_code(), 5);
    assert!(
        error.to_string().starts_with("run a is there more than once"),
        "{error}"
    );
}

#[test]
fn what_the_api_gave_besides_is_put_back_where_it_was() {
    let columns = [
        "id",
        "act_id",
        "status",
        "started_at",
        "meta_origin",
        "usage_total_usd",
        "extra",
    ];
    let columns: Vec<&Column> = COLUMNS.iter().filter(|column| columns.contains(&column.name)).collect();
    let schema = Arc::new(Schema::new(
        columns.iter().map(|column| column.field()).collect::<Vec<_>>(),
    ));
    let shown = |origin: Option<&str>, usage: Option<i128>, extra: Option<&str>| {
        let text = |text: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let instant = TimestampMillisecondArray::from(vec![1_756_684_800_001]).with_timezone("UTC");
        let usage = Decimal128Array::from(vec![usage])
            .with_precision_and_scale(38, 18)
            .unwrap();
        let arrays = vec![
            text(Some("r")),
            text(Some("a")),
            text(Some("S\"")),
            Arc::new(instant) as ArrayRef,
            text(origin),
            Arc::new(usage),
            text(extra),
        ];
        let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
        let mut json = Vec::new();
        RunItems::new(&batch).write(0, &mut json);
        String::from_utf8(json).unwrap()
    };
    let head = r#"{"id":"r","actId":"a","status":"S\"","startedAt":"2025-09-01T00:00:00.001Z""#;
    assert_eq!(shown(None, None, None), format!(r#"{head},"meta":{{}}}}"#));
    assert_eq!(
        shown(
            Some("WEB"),
            Some(100),
            Some(r#"{"new":{"a b":[1.50]},"userId":7,"meta":{"hue":null,"clientIp":5}}"#)
        ),
        format!(
            r#"{head},"meta":{{"origin":"WEB","hue":null,"clientIp":5}},"usageTotalUsd":0.0000000000000001,"new":{{"a b":[1.50]}},"userId":7}}"#
        )
    );
    assert_eq!(
        shown(None, Some(0), Some(r#"{"meta":[]}"#)),
        format!(r#"{head},"meta":[],"usageTotalUsd":0}}"#)
    );
    let odd = r#"{"id":"evil","usageTotalUsd":"0.1","meta":{ "origin":"X", "more" : 1 }}"#;
    assert_eq!(
        shown(Some("WEB"), None, Some(odd)),
        format!(r#"{head},"meta":{{"origin":"WEB","more":1}},"usageTotalUsd":"0.1"}}"#)
    );
    assert_eq!(
        shown(None, None, Some(r#"{"meta":{ }}"#)),
        format!(r#"{head},"meta":{{}}}}"#)
    );
    assert_eq!(shown(None, None, Some("no JSON")), format!(r#"{head},"meta":{{}}}}"#));
}
