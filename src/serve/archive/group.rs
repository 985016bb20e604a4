//! Files that overlap in time, and what is remembered of their runs. An archive is some of them, one after the other; one
//! whose files are the same is taken over as it is when the archive is looked at again.

use std::collections::HashMap;
use std::hash::BuildHasher;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, RecordBatch, StringArray};
use foldhash::fast::{FixedState, RandomState};

use crate::error::{Error, Result};
use crate::period::Millis;
use crate::runs::column_set::NEEDED;
use crate::runs::random_access::RandomAccessRuns;
use crate::runs::row::rows_of;
use crate::serve::archive::segment::{Entry, OTHER_STATUS, SEGMENT_RUNS, Segment};
use crate::serve::query::STATUSES;

const COLUMNS: [&str; 9] = [
    "id",
    "act_id",
    "actor_task_id",
    "status",
    "started_at",
    "usage_total_usd",
    "cost_state",
    "act_name",
    "actor_task_name",
];

/// Files that overlap in time.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) files: Vec<Box<dyn RandomAccessRuns>>,
    pub(super) segments: Vec<Segment>,
    pub(super) actors: Known,
    pub(super) tasks: Known,
}

/// Actors or tasks that runs are of.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// In the order in which they were seen.
    pub(super) all: Vec<Seen>,
    by_id: HashMap<Box<str>, u32, RandomState>,
}

/// An Actor or a task, as its runs tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: Box<str>,
    /// As its latest run has it.
    pub(super) name: Option<Box<str>>,
    /// The Actor of a task.
    pub(super) act_id: Box<str>,
    pub(super) runs: u64,
    pub(super) first: Millis,
    pub(super) last: Millis,
}

impl Known {
    /// Its place.
    pub(super) fn place(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    fn see(&mut self, id: &str, act_id: &str, name: Option<&str>, start: Millis, last: &mut u32) -> u32 {
        // Runs of one Actor often follow each other.
        let place = match self.all.get(*last as usize) {
            Some(seen) if *seen.id == *id => *last,
            _ => match self.by_id.get(id) {
                Some(place) => *place,
                None => {
                    let place = self.all.len() as u32;
                    self.by_id.insert(id.into(), place);
                    self.all.push(Seen {
                        id: id.into(),
                        name: None,
                        act_id: act_id.into(),
                        runs: 0,
                        first: start,
                        last: start,
                    });
                    place
                }
            },
        };
        *last = place;
        let seen = &mut self.all[place as usize];
        seen.runs += 1;
        seen.first = seen.first.min(start);
        let is_latest = start >= seen.last;
        seen.last = seen.last.max(start);
        if let Some(name) = name
            && (is_latest || seen.name.is_none())
            && seen.name.as_deref() != Some(name)
        {
            seen.name = Some(name.into());
        }
        place
    }
}

/// Of an ID.
pub(super) fn hash_of(id: &str) -> u32 {
    FixedState::default().hash_one(id) as u32
}

impl Group {
    /// Reads what is to be remembered of some files. A file alone is taken to be in order until it turns out not to be.
    pub(super) fn of(files: Vec<Box<dyn RandomAccessRuns>>) -> Result<Group> {
        let in_order = match files.as_slice() {
            [_] => Group::read(&files, true)?,
            _ => None,
        };
        let read = match in_order {
            Some(group) => Some(group),
            None => Group::read(&files, false)?,
        };
        let group = read.ok_or_else(|| Error::Other(anyhow::anyhow!("runs could not be put in order")))?;
        Ok(Group { files, ..group })
    }

    /// The same as yet without the files: as the runs come if they are `in_order`, and `None` if they aren't; else once all
    /// are there.
    fn read(files: &[Box<dyn RandomAccessRuns>], in_order: bool) -> Result<Option<Group>> {
        let mut group = Group {
            files: Vec::new(),
            segments: Vec::new(),
            actors: Known::default(),
            tasks: Known::default(),
        };
        let mut pending: Vec<Entry> = Vec::new();
        let mut is_in_order = true;
        for (file, runs) in files.iter().enumerate() {
            let mut row = 0;
            runs.scan(&COLUMNS, &mut |batch| {
                group.remember(batch, file as u32, &mut row, &mut pending)?;
                if in_order {
                    is_in_order &= pending.is_sorted_by_key(|entry| entry.start);
                    // The last one stays, for the next to be held against.
                    group.cut(&mut pending, SEGMENT_RUNS + 1);
                }
                Ok(())
            })?;
            if row as usize != runs.rows() {
                let (name, rows) = (runs.name(), runs.rows());
                return Err(Error::Untrusted(format!(
                    "{name}: it holds {row} runs instead of {rows}"
                )));
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

    /// Makes segments of what is pending, as long as there are so many runs.
    fn cut(&mut self, pending: &mut Vec<Entry>, at_least: usize) {
        let mut done = 0;
        while pending.len() - done >= at_least {
            let end = pending.len().min(done + SEGMENT_RUNS);
            self.segments.push(Segment::of(&pending[done..end]));
            done = end;
        }
        pending.drain(..done);
    }

    fn remember(&mut self, batch: &RecordBatch, file: u32, row: &mut u32, entries: &mut Vec<Entry>) -> Result<()> {
        let text = |name: &str| {
            batch
                .column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>())
        };
        let odd = || Error::Untrusted("a file of runs has not the columns of an export".into());
        if NEEDED.iter().any(|name| batch.column_by_name(name).is_none()) {
            return Err(odd());
        }
        let (ids, act_ids, statuses) = (text("id"), text("act_id"), text("status"));
        let ((ids, act_ids), statuses) = ids.zip(act_ids).zip(statuses).ok_or_else(odd)?;
        let started = batch.column_by_name("started_at");
        let started = started.and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
        let started = started.ok_or_else(odd)?;
        if ids.null_count() + act_ids.null_count() + statuses.null_count() + started.null_count() > 0 {
            return Err(Error::Untrusted(
                "a file of runs has some without ID, Actor, status or start".into(),
            ));
        }
        for run in rows_of(batch) {
            if let Some(fault) = run.fault() {
                return Err(Error::Untrusted(format!("run {} {fault}", run.id)));
            }
        }
        let (tasks, act_names, task_names) = (text("actor_task_id"), text("act_name"), text("actor_task_name"));
        let (mut last_actor, mut last_task) = (0, 0);
        for at in 0..batch.num_rows() {
            let start = started.value(at);
            let act_id = act_ids.value(at);
            let actor = self
                .actors
                .see(act_id, "", value(act_names, at), start, &mut last_actor);
            let task = match value(tasks, at) {
                Some(id) => 1 + self.tasks.see(id, act_id, value(task_names, at), start, &mut last_task),
                None => 0,
            };
            entries.push(Entry {
                start,
                file,
                row: *row,
                hash: hash_of(ids.value(at)),
                actor,
                task,
                status: status_of(statuses.value(at)),
            });
            *row = row
                .checked_add(1)
                .ok_or_else(|| Error::Usage("a file has more runs than can be served".into()))?;
        }
        Ok(())
    }
}

fn value(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column
        .filter(|column| column.is_valid(row))
        .map(|column| column.value(row))
}

/// A status' place among those that can be asked for.
fn status_of(status: &str) -> u8 {
    let place = STATUSES.iter().position(|known| *known == status);
    place.map_or(OTHER_STATUS, |place| place as u8)
}
