//! Files that overlap in time, and what is remembered of their runs. An archive is some of them, one after the other; one
//! whose files are the same is taken over as it is when the archive is looked at again.

use std::hash::BuildHasher;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use foldhash::fast::FixedState;

use crate::error::{Error, Result};
use crate::runs::column_set::NEEDED;
use crate::runs::cost_state::STATUSES;
use crate::runs::random_access::RandomAccessRuns;
use crate::runs::row::rows_of;

use super::catalog::Catalog;
use super::segment::{OTHER_STATUS, SEGMENT_RUNS, Segment, SegmentEntry};

const COLUMNS: [&str; 11] = [
    "id",
    "act_id",
    "actor_task_id",
    "meta_schedule_id",
    "status",
    "started_at",
    "usage_total_usd",
    "cost_state",
    "act_name",
    "actor_task_name",
    "meta_schedule_name",
];

#[derive(Debug)]
pub(super) struct FileGroup {
    pub(super) files: Vec<Box<dyn RandomAccessRuns>>,
    pub(super) segments: Vec<Segment>,
    pub(super) actors: Catalog,
    pub(super) tasks: Catalog,
    pub(super) schedules: Catalog,
}

/// What is remembered of an ID: two runs may share it, so a run that is found by it is read and compared.
pub(super) fn hash_of(id: &str) -> u32 {
    FixedState::default().hash_one(id) as u32
}

impl FileGroup {
    /// Reads what is remembered of some files. A file alone is taken to be in order until it turns out not to be.
    pub(super) fn read(files: Vec<Box<dyn RandomAccessRuns>>) -> Result<FileGroup> {
        let in_order = match files.as_slice() {
            [_] => FileGroup::scan(&files, true)?,
            _ => None,
        };
        let read = match in_order {
            None => FileGroup::scan(&files, false)?,
            group => group,
        };
        let group = read.ok_or_else(|| Error::Other(anyhow::anyhow!("runs could not be put in order")))?;
        Ok(FileGroup { files, ..group })
    }

    /// The same as yet without the files: as the runs come if they are `in_order`, and `None` if they aren't; else sorted once
    /// all are there.
    fn scan(files: &[Box<dyn RandomAccessRuns>], in_order: bool) -> Result<Option<FileGroup>> {
        let mut group = FileGroup {
            files: Vec::new(),
            segments: Vec::new(),
            actors: Catalog::default(),
            tasks: Catalog::default(),
            schedules: Catalog::default(),
        };
        let mut pending: Vec<SegmentEntry> = Vec::new();
        let mut is_in_order = true;
        for (file, runs) in files.iter().enumerate() {
            let mut row = 0;
            runs.scan(&COLUMNS, &mut |batch| {
                group.remember(batch, file as u32, &mut row, &mut pending)?;
                if in_order {
                    is_in_order &= pending.is_sorted_by_key(|entry| entry.start);
                    // The last one stays, so that the next is compared to it.
                    group.cut(&mut pending, SEGMENT_RUNS + 1);
                }
                Ok(())
            })?;
            if row as usize != runs.rows() {
                let (name, rows) = (runs.name(), runs.rows());
                let found = format!("{name}: it holds {row} runs; expected {rows}");
                return Err(Error::Untrusted(found));
            }
        }
        if in_order && !is_in_order {
            return Ok(None);
        }
        if !in_order {
            pending.sort_unstable();
        }
        group.cut(&mut pending, 1);
        Ok(Some(group))
    }

    /// Makes segments of the first runs that are pending, as long as `at_least` are.
    fn cut(&mut self, pending: &mut Vec<SegmentEntry>, at_least: usize) {
        let mut done = 0;
        while pending.len() - done >= at_least {
            let end = pending.len().min(done + SEGMENT_RUNS);
            self.segments.push(Segment::new(&pending[done..end]));
            done = end;
        }
        pending.drain(..done);
    }

    fn remember(
        &mut self,
        batch: &RecordBatch,
        file: u32,
        row: &mut u32,
        entries: &mut Vec<SegmentEntry>,
    ) -> Result<()> {
        let nulls = |name: &str| batch.column_by_name(name).map(|column| column.null_count());
        if NEEDED.iter().any(|name| nulls(name).is_none()) {
            return Err(Error::untrusted(
                "a file of runs does not have the columns of an export",
            ));
        }
        let whole = ["id", "act_id", "status", "started_at"];
        if whole.iter().any(|name| nulls(name) != Some(0)) {
            return Err(Error::untrusted(
                "a file of runs has runs without ID, Actor, status or start",
            ));
        }
        let (mut last_actor, mut last_task, mut last_schedule) = (0, 0, 0);
        for run in rows_of(batch) {
            if let Some(fault) = run.fault() {
                return Err(Error::Untrusted(format!("run {} {fault}", run.id)));
            }
            let start = run.started_at_ms;
            let actor = self.actors.add(run.act_id, "", run.act_name, start, &mut last_actor);
            let mut add_task = |id| {
                self.tasks
                    .add(id, run.act_id, run.actor_task_name, start, &mut last_task)
            };
            let task = run.actor_task_id.map_or(0, |id| 1 + add_task(id));
            if let Some(id) = run.schedule_id {
                self.schedules
                    .add(id, run.act_id, run.schedule_name, start, &mut last_schedule);
            }
            entries.push(SegmentEntry {
                start,
                file,
                row: *row,
                hash: hash_of(run.id),
                actor,
                task,
                status: status_of(run.status),
            });
            let next = row.checked_add(1);
            *row = next.ok_or_else(|| Error::usage("a file has more runs than can be served"))?;
        }
        Ok(())
    }
}

fn status_of(status: &str) -> u8 {
    let place = STATUSES.iter().position(|known| *known == status);
    place.map_or(OTHER_STATUS, |place| place as u8)
}

pub(super) fn id_of(batch: &RecordBatch, row: usize) -> Option<&str> {
    Some(batch.column_by_name("id")?.as_string_opt::<i32>()?.value(row))
}
