//! The table against a model in memory: whatever syncs, deletions, late costs, resurrections, kills and races come, in any
//! order, it holds what the model predicts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMicrosecondType};
use arrow_array::{Array, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::Schema;
use async_trait::async_trait;
use bytes::Bytes;
use deltalake_core::ObjectStore;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions, PutOptions,
    PutPayload, PutResult,
};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use serde_json::Map;
use tokio::runtime::{Handle, Runtime};
use url::Url;

use crate::error::{Error, Result};
use crate::lake::batch_columns::with_schema;
use crate::lake::columns::LakeColumns;
use crate::lake::file_rows::{Selection, groups, sorted};
use crate::lake::table::{FoundTable, LakeTable, Moment};
use crate::lake::{CommitId, CommitOutcome, LakeState, Location, MergeOutput, SyncInput};
use crate::period::Millis;
use crate::provenance::Source;
use crate::runs::column_set::ColumnSet;
use crate::runs::cost_state::SettleRule;

const AUGUST: Millis = 1_754_006_400_000;
const SEPTEMBER: Millis = 1_756_684_800_000;
const OCTOBER: Millis = 1_759_276_800_000;
const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A store that fails from its n-th write on, as one does for a process that was killed.
#[derive(Debug)]
struct Failing {
    inner: Arc<InMemory>,
    writes_left: Arc<AtomicI64>,
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "failing")
    }
}

fn killed() -> object_store::Error {
    object_store::Error::Generic {
        store: "failing",
        source: "killed".into(),
    }
}

#[async_trait]
impl ObjectStore for Failing {
    async fn put_opts(
        &self,
        location: &StorePath,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        if self.writes_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(killed());
        }
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &StorePath,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &StorePath, ranges: &[Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<StorePath>>,
    ) -> BoxStream<'static, object_store::Result<StorePath>> {
        if self.writes_left.load(Ordering::SeqCst) <= 0 {
            return Box::pin(futures::stream::once(async { Err(killed()) }));
        }
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&StorePath>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&StorePath>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &StorePath, to: &StorePath, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A place in memory, of which each process sees its own view.
#[derive(Default)]
struct Place(Arc<InMemory>);

impl Place {
    fn seen_with(&self, writes: i64) -> Location {
        let store = Failing {
            inner: self.0.clone(),
            writes_left: Arc::new(AtomicI64::new(writes)),
        };
        let url = Url::parse("memory:///lake/").unwrap();
        Location::at("memory:///lake", url, None, Arc::new(store), handle()).unwrap()
    }

    fn seen(&self) -> Location {
        self.seen_with(i64::MAX)
    }
}

fn handle() -> Handle {
    RUNTIME.handle().clone()
}

/// A run as Apify has it, or as a row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    started: Millis,
    status: &'static str,
    finished: Option<Millis>,
    usage: Option<i128>,
}

/// A row that the model predicts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    known: Known,
    state: &'static str,
    queried: Millis,
}

/// Apify, and what the table must be.
struct World {
    now: Millis,
    apify: BTreeMap<String, Known>,
    lake: BTreeMap<String, Row>,
    next: u32,
}

#[derive(Debug, Clone)]
enum Op {
    Advance(u8),
    Start(u8),
    Finish(u8, u8),
    Cost(u8, u8),
    Resurrect(u8),
    Delete(u8),
    Move(u8, i16),
    Sync { days: u8, accept: bool },
    Killed { days: u8, writes: u8 },
    Raced { days: u8 },
    Optimize,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1..60_u8).prop_map(Op::Advance),
        (1..6_u8).prop_map(Op::Start),
        (any::<u8>(), 0..9_u8).prop_map(|(run, cost)| Op::Finish(run, cost)),
        (any::<u8>(), 0..9_u8).prop_map(|(run, cost)| Op::Cost(run, cost)),
        any::<u8>().prop_map(Op::Resurrect),
        any::<u8>().prop_map(Op::Delete),
        (any::<u8>(), -600..600_i16).prop_map(|(run, hours)| Op::Move(run, hours)),
        (1..30_u8, any::<bool>()).prop_map(|(days, accept)| Op::Sync { days, accept }),
        (1..30_u8, 0..4_u8).prop_map(|(days, writes)| Op::Killed { days, writes }),
        (1..30_u8).prop_map(|days| Op::Raced { days }),
        Just(Op::Optimize),
    ]
}

/// A cost of the API; 0 stands for none.
fn usage(cost: u8) -> Option<i128> {
    (cost > 0).then(|| i128::from(cost) * 1_000_000_000_000_000)
}

impl World {
    fn chosen(&self, run: u8) -> Option<String> {
        let ids: Vec<&String> = self.apify.keys().collect();
        (!ids.is_empty()).then(|| ids[usize::from(run) % ids.len()].clone())
    }

    /// Changes the account.
    fn happen(&mut self, op: &Op) {
        let now = self.now;
        let chosen = |world: &World, run: u8| world.chosen(run);
        match *op {
            Op::Advance(hours) => self.now += Millis::from(hours) * HOUR,
            Op::Start(count) => {
                for _ in 0..count {
                    let started = (now - Millis::from(self.next % 7) * HOUR / 2).clamp(SEPTEMBER, OCTOBER - 1);
                    let known = Known {
                        started,
                        status: "RUNNING",
                        finished: None,
                        usage: Some(0),
                    };
                    // IDs in no order of time.
                    let id = format!("{:08x}", self.next.wrapping_mul(2_654_435_761));
                    self.apify.insert(id, known);
                    self.next += 1;
                }
            }
            Op::Finish(run, cost) => {
                if let Some(run) = chosen(self, run).and_then(|id| self.apify.get_mut(&id)) {
                    (run.status, run.finished, run.usage) = ("SUCCEEDED", Some(now), usage(cost));
                }
            }
            Op::Cost(run, cost) => {
                if let Some(run) = chosen(self, run).and_then(|id| self.apify.get_mut(&id)) {
                    run.usage = usage(cost);
                }
            }
            Op::Resurrect(run) => {
                if let Some(run) = chosen(self, run).and_then(|id| self.apify.get_mut(&id)) {
                    (run.status, run.finished) = ("RUNNING", None);
                }
            }
            Op::Delete(run) => {
                if let Some(id) = chosen(self, run) {
                    self.apify.remove(&id);
                }
            }
            Op::Move(run, hours) => {
                if let Some(run) = chosen(self, run).and_then(|id| self.apify.get_mut(&id)) {
                    run.started = (run.started + Millis::from(hours) * HOUR).clamp(AUGUST, OCTOBER - 1);
                }
            }
            _ => {}
        }
    }

    /// What a sync at this moment is shown of a period.
    fn listed(&self, asked: (Millis, Millis)) -> BTreeMap<String, Known> {
        let listed = self
            .apify
            .iter()
            .filter(|(_, run)| (asked.0..asked.1).contains(&run.started));
        listed.map(|(id, run)| (id.clone(), run.clone())).collect()
    }

    fn asked(&self, days: u8) -> (Millis, Millis) {
        let to = self.now.min(OCTOBER);
        ((self.now - Millis::from(days) * DAY).clamp(AUGUST, to - 1), to)
    }

    /// The rules, said once more: nothing goes, the newest values win, but a known cost isn't lost, and another price waits.
    fn predict(&mut self, listed: &BTreeMap<String, Known>, now: Millis, accept: bool) {
        for (id, run) in listed {
            let mut row = Row {
                known: run.clone(),
                state: state(run, now),
                queried: now,
            };
            if let Some(old) = self.lake.get(id) {
                let same_run = old.known.finished.is_some()
                    && old.known.finished == run.finished
                    && old.known.status == run.status;
                let is_lost = run.usage.is_none() && old.known.usage.is_some();
                let has_moved = run.usage.is_some() && old.known.usage.is_some() && run.usage != old.known.usage;
                let is_old = run.finished.is_some_and(|at| now - at > 3 * DAY);
                let is_repriced = has_moved && is_old && old.state == "settled" && !accept;
                if same_run && (is_lost || is_repriced) {
                    (row.known.usage, row.state) = (old.known.usage, old.state);
                }
                if row.known == old.known && row.state == old.state {
                    row.queried = old.queried;
                }
            }
            self.lake.insert(id.clone(), row);
        }
    }
}

fn state(run: &Known, now: Millis) -> &'static str {
    let rule = SettleRule {
        job_start_ms: now,
        settle_ms: 600_000,
    };
    rule.state(run.status, run.finished, run.usage.is_some())
}

/// What a sync saw, as the files that it would have staged.
fn seen(
    listed: &BTreeMap<String, Known>,
    asked: (Millis, Millis),
    now: Millis,
    accept: bool,
) -> (SyncInput, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut rows: Vec<(&String, &Known)> = listed.iter().collect();
    rows.sort_by_key(|(id, run)| (run.started, (*id).clone()));
    let columns = ColumnSet::all(false);
    let schema = columns.schema();
    let texts = |of: &dyn Fn(&String, &Known) -> String| -> Arc<dyn Array> {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(id, run)| of(id, run))))
    };
    let known: Vec<(&str, Arc<dyn Array>)> = vec![
        ("id", texts(&|id, _| id.clone())),
        ("act_id", texts(&|_, _| "actor".into())),
        ("status", texts(&|_, run| run.status.into())),
        (
            "started_at",
            Arc::new(
                TimestampMillisecondArray::from_iter_values(rows.iter().map(|(_, run)| run.started))
                    .with_timezone("UTC"),
            ),
        ),
        (
            "finished_at",
            Arc::new(
                TimestampMillisecondArray::from_iter(rows.iter().map(|(_, run)| run.finished)).with_timezone("UTC"),
            ),
        ),
        (
            "usage_total_usd",
            Arc::new(
                Decimal128Array::from_iter(rows.iter().map(|(_, run)| run.usage))
                    .with_precision_and_scale(38, 18)
                    .unwrap(),
            ),
        ),
        ("cost_state", texts(&|_, run| state(run, now).into())),
    ];
    let fields: Vec<_> = known
        .iter()
        .map(|(name, _)| schema.field_with_name(name).unwrap().clone())
        .collect();
    let narrow = RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        known.into_iter().map(|(_, column)| column).collect(),
    );
    let batch = with_schema(&narrow.unwrap(), &schema).unwrap();
    let path = folder.path().join("runs.parquet");
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let seen = SyncInput {
        asked: vec![asked],
        files: vec![path],
        queried_at_ms: now,
        latest_ms: Millis::MAX,
        accept_repricing: accept,
        kept_from_ms: Millis::MIN,
        watched: Vec::new(),
    };
    (seen, folder)
}

fn find(location: &Location) -> Option<LakeTable> {
    match LakeTable::find(location, Moment::Now).unwrap() {
        FoundTable::Lake(table) => Some(*table),
        FoundTable::Nothing => None,
        FoundTable::Anothers(why) => panic!("{why}"),
    }
}

fn columns() -> LakeColumns {
    LakeColumns::all(false)
}

fn commit(
    seen: &SyncInput,
    location: &Location,
    table: Option<&LakeTable>,
    merged: MergeOutput,
) -> Result<Option<LakeTable>> {
    let fresh = LakeState::new(None, Source::Api, seen.queried_at_ms);
    let mut state = table.map_or(fresh, |table| table.state().clone());
    state.prove(seen.asked[0].0, seen.asked[0].1);
    match merged.commit(location, table, (state, Map::new()), &CommitId::next(table))? {
        CommitOutcome::Done(table) => Ok(Some(*table)),
        CommitOutcome::Unread(_, error) => Err(error),
        CommitOutcome::Lost => Ok(None),
    }
}

/// One sync, as often as others are faster.
fn sync(seen: &SyncInput, location: &Location) -> Result<()> {
    for _ in 0..3 {
        let table = find(location);
        let merged = seen.merge(location, table.as_ref(), &columns(), None)?;
        if let Some(table) = commit(seen, location, table.as_ref(), merged)? {
            table.checkpoint_if_due(false);
            return Ok(());
        }
    }
    Err(Error::Busy("others".into()))
}

/// The table's rows, and that its files are as they should be.
fn rows(table: &LakeTable) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    let files: Vec<_> = table.files().iter().collect();
    for pair in files.windows(2) {
        assert!(pair[0].last_ms < pair[1].first_ms, "files overlap: {pair:?}");
    }
    let mut last = None;
    for group in groups(files) {
        for batch in sorted(table.location(), table.columns(), &group, Selection::ALL).unwrap() {
            let batch = batch.unwrap();
            let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
            let instant = |name: &str| {
                let column = batch.column_by_name(name).unwrap();
                column.as_primitive::<TimestampMicrosecondType>().clone()
            };
            let (ids, statuses, states) = (text("id"), text("status"), text("cost_state"));
            let (started, finished, queried) = (instant("started_at"), instant("finished_at"), instant("queried_at"));
            let usage = batch.column_by_name("usage_total_usd").unwrap();
            let usage = usage.as_primitive::<Decimal128Type>();
            for row in 0..batch.num_rows() {
                let key = Some((started.value(row), ids.value(row).to_string()));
                assert!(last < key, "out of order: {last:?} {key:?}");
                last = key;
                let leak = |text: &str| match text {
                    "RUNNING" => "RUNNING",
                    "SUCCEEDED" => "SUCCEEDED",
                    "settled" => "settled",
                    "provisional" => "provisional",
                    "unknown" => "unknown",
                    other => panic!("{other}"),
                };
                let known = Known {
                    started: started.value(row) / 1000,
                    status: leak(statuses.value(row)),
                    finished: finished.is_valid(row).then(|| finished.value(row) / 1000),
                    usage: usage.is_valid(row).then(|| usage.value(row)),
                };
                let found = Row {
                    known,
                    state: leak(states.value(row)),
                    queried: queried.value(row) / 1000,
                };
                let doubled = rows.insert(ids.value(row).to_string(), found);
                assert!(doubled.is_none(), "twice: {}", ids.value(row));
            }
        }
    }
    rows
}

/// Runs a history, and holds the table against the model after each step that touches it.
fn live(ops: &[Op]) {
    let place = Place::default();
    let mut world = World {
        now: SEPTEMBER + 10 * DAY,
        apify: BTreeMap::new(),
        lake: BTreeMap::new(),
        next: 0,
    };
    for op in ops {
        world.happen(op);
        match *op {
            Op::Sync { days, accept } => {
                let (asked, now) = (world.asked(days), world.now);
                let listed = world.listed(asked);
                sync(&seen(&listed, asked, now, accept).0, &place.seen()).unwrap_or_else(|_| unreachable!());
                world.predict(&listed, now, accept);
            }
            Op::Killed { days, writes } => {
                let (asked, now) = (world.asked(days), world.now);
                let listed = world.listed(asked);
                let (seen, _folder) = seen(&listed, asked, now, false);
                if sync(&seen, &place.seen_with(writes.into())).is_ok() {
                    world.predict(&listed, now, false);
                }
            }
            Op::Raced { days } => race(&place, &mut world, days),
            Op::Optimize => {
                if let Some(table) = find(&place.seen()) {
                    assert!(table.optimize(Millis::MAX, 2).unwrap().0.is_some());
                }
            }
            _ => continue,
        }
        let table = find(&place.seen());
        let rows = table.as_ref().map(rows).unwrap_or_default();
        assert_eq!(rows, world.lake, "after {op:?}");
    }
}

/// A lake of a file a day with a run each, as syncs that don't know of the ones before would write it; and its rows.
fn file_a_day(location: &Location, days: i64) -> BTreeMap<String, Row> {
    let mut expected = BTreeMap::new();
    for day in 0..days {
        let (id, started) = (format!("run{day}"), SEPTEMBER + day * DAY);
        let known = Known {
            started,
            status: "SUCCEEDED",
            finished: Some(started),
            usage: Some(i128::from(day)),
        };
        let listed = BTreeMap::from([(id.clone(), known.clone())]);
        let asked = (started, started + 1);
        let (seen, _folder) = seen(&listed, asked, OCTOBER, false);
        let merged = seen.merge(location, None, &columns(), None).unwrap();
        assert!(
            commit(&seen, location, find(location).as_ref(), merged)
                .unwrap()
                .is_some()
        );
        let row = Row {
            known,
            state: "settled",
            queried: OCTOBER,
        };
        expected.insert(id, row);
    }
    expected
}

#[test]
fn small_files_next_to_each_other_become_one_with_the_same_rows() {
    let place = Place::default();
    let location = place.seen();
    let expected = file_a_day(&location, 3);
    let table = find(&location).unwrap();
    assert_eq!(table.files().len(), 3);
    // Only the last one has runs of the week before.
    let (table, optimized) = table.optimize(SEPTEMBER + 9 * DAY, 2).unwrap();
    let table = table.unwrap();
    assert_eq!(
        (optimized.files_before, optimized.files_after, table.files().len()),
        (2, 1, 2)
    );
    assert_eq!(rows(&table), expected);
    let (table, _) = table.optimize(Millis::MAX, 2).unwrap();
    assert_eq!(rows(&find(&location).unwrap()), expected);
    assert_eq!(table.unwrap().files().len(), 1);
}

/// One that reads ahead asked a file's reader again that had failed, which panics.
#[test]
fn rows_end_with_the_first_error() {
    let place = Place::default();
    let location = place.seen();
    file_a_day(&location, 3);
    let table = find(&location).unwrap();
    location.put(&table.files()[1].path, "damaged".into()).unwrap();
    let all = ColumnSet::all(false);
    let read: Vec<bool> = table
        .batches((Millis::MIN, Millis::MAX), &all)
        .map(|rows| rows.is_ok())
        .collect();
    assert_eq!(read.last(), Some(&false), "{read:?}");
    assert_eq!(read.iter().filter(|is_good| !**is_good).count(), 1);
    let seen = table.rows((Millis::MIN, Millis::MAX), &all, |_| Ok(()));
    assert!(matches!(seen, Err(Error::Untrusted(_))), "{seen:?}");
}

/// Two syncs at once: the first has looked at Apify and at the table, and a second, which sees more, commits before it.
fn race(place: &Place, world: &mut World, days: u8) {
    let (asked, now) = (world.asked(days), world.now);
    let early = world.listed(asked);
    let (first, _first) = seen(&early, asked, now, false);
    let location = place.seen();
    let before = find(&location);
    let merged = first.merge(&location, before.as_ref(), &columns(), None).unwrap();
    world.now += HOUR;
    world.happen(&Op::Finish(days, 5));
    let late = world.listed(asked);
    let (second, _second) = seen(&late, asked, world.now, false);
    sync(&second, &place.seen()).unwrap();
    let lost = commit(&first, &location, before.as_ref(), merged).unwrap();
    assert!(lost.is_none(), "both won");
    sync(&first, &location).unwrap();
    let now = world.now;
    world.predict(&late, now, false);
}

proptest! {
    // Each history is half a second; PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn any_history_ends_in_the_table_that_a_model_predicts(ops in prop::collection::vec(op(), 1..40)) {
        live(&ops);
    }
}
