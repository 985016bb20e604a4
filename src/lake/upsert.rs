//! What a sync has seen of a period, put into the table: files that it touches are read, merged and written anew, and all of
//! that becomes one commit. Nothing is deleted because the API no longer lists it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use deltalake_core::kernel::Add;
use serde_json::{Map, Value};

use super::columns::{LakeColumns, month_of};
use super::commit::{Change, Committed, Doing};
use super::files::DataFile;
use super::location::Location;
use super::merge::Rules;
use super::merged::{Found, Merging, Moved};
use super::read::{Batches, groups, sorted};
use super::state::State;
use super::table::Table;
use super::tally::{OnChange, Tally, Watched};
use super::write::FileWriter;
use crate::error::{Error, Result};
use crate::output::read::{parquet_batches, parquet_columns};
use crate::period::Millis;

/// A file with fewer rows takes in what comes after it, instead of a new one for every sync.
const SMALL_FILE_ROWS: u64 = 32 << 10;

/// What a sync has seen: all runs that the API lists of a period within one month.
pub struct Seen {
    /// The period, `[from, to)`.
    pub asked: (Millis, Millis),
    /// Its rows, as an export has them, in Parquet files in order.
    pub files: Vec<PathBuf>,
    /// The start of the sync.
    pub queried_at_ms: Millis,
    /// Whether costs of another price are taken over.
    pub accept_repricing: bool,
    /// Apify should still keep runs that started a day after this.
    pub kept_from_ms: Millis,
    /// Periods whose changes are told apart.
    pub watched: Vec<Watched>,
}

/// What is to be committed.
pub struct Merged {
    adds: Vec<Add>,
    removes: Vec<DataFile>,
    columns: LakeColumns,
    /// What changes.
    pub tally: Tally,
}

/// A part of time that becomes files of its own: those that are there, or new ones.
struct Slot<'t> {
    files: Vec<&'t DataFile>,
    /// The first start that belongs to the next one.
    until_ms: Millis,
    /// Whether something of it changes.
    changes: bool,
}

impl Seen {
    /// Merges it with what the table holds. New files are written, and are part of nothing until the commit.
    pub fn merge(
        &self,
        location: &Location,
        table: Option<&Table>,
        columns: &LakeColumns,
        mut on_change: Option<&mut OnChange>,
    ) -> Result<Merged> {
        let (from, to) = self.asked;
        let touched = table.map(|table| table.files_of(from, to)).unwrap_or_default();
        let mut slots = slots(touched);
        let mut moved = Moved::new();
        let mut tally = Tally::default();
        loop {
            let gone = self.look(
                location,
                columns,
                &mut slots,
                &moved,
                &mut tally,
                on_change.as_deref_mut(),
            )?;
            let found = self.listed_elsewhere(gone)?;
            if found.is_empty() || !moved.is_empty() {
                break;
            }
            // Once more, now that it is known which rows give way.
            (moved, tally) = (found, Tally::default());
        }
        let mut merged = Merged {
            adds: Vec::new(),
            removes: Vec::new(),
            columns: columns.clone(),
            tally,
        };
        let written = self.write(location, columns, &slots, &moved, &mut merged, on_change);
        if let Err(error) = written {
            merged.discard(location);
            return Err(error);
        }
        Ok(merged)
    }

    fn merging<'m>(&self, columns: &'m LakeColumns, moved: &'m Moved) -> Merging<'m> {
        Merging {
            columns,
            rules: Rules {
                now_ms: self.queried_at_ms,
                accept_repricing: self.accept_repricing,
            },
            moved,
        }
    }

    fn is_asked(&self, at: Millis) -> bool {
        (self.asked.0..self.asked.1).contains(&at)
    }

    /// Compares what is there with what was seen. Gives the runs that are there alone, by their starts.
    fn look(
        &self,
        location: &Location,
        columns: &LakeColumns,
        slots: &mut [Slot],
        moved: &Moved,
        tally: &mut Tally,
        mut on_change: Option<&mut OnChange>,
    ) -> Result<HashMap<String, Millis>> {
        let merging = self.merging(columns, moved);
        let mut gone = HashMap::new();
        let mut feed = Feed::new(self, columns);
        for slot in slots.iter_mut().filter(|slot| !slot.files.is_empty()) {
            let old = sorted(location, columns, &slot.files, None)?;
            let changes = &mut slot.changes;
            let see = |found: Found| {
                if let Found::Old(old) = &found
                    && self.is_asked(old.started_at_ms())
                {
                    gone.insert(old.id().to_string(), old.started_at_ms());
                    *changes |= moved.get(old.id()) == Some(&old.started_at_ms());
                }
                *changes |= match &found {
                    Found::New(_) => true,
                    Found::Changed { fields, .. } => !fields.is_empty(),
                    Found::Same(_) | Found::Old(_) => false,
                };
                tally.see(
                    &found,
                    |at| self.is_asked(at),
                    self.kept_from_ms,
                    &self.watched,
                    on_change.as_deref_mut(),
                )
            };
            merging.run(old, feed.until(slot.until_ms), see, None)?;
        }
        Ok(gone)
    }

    /// Which of the runs that are gone from their places are listed at others now.
    fn listed_elsewhere(&self, gone: HashMap<String, Millis>) -> Result<Moved> {
        let mut moved = Moved::new();
        if gone.is_empty() {
            return Ok(moved);
        }
        for file in &self.files {
            for rows in parquet_columns(file, &["id"]).map_err(Error::Output)? {
                let rows = rows.map_err(Error::Output)?;
                let ids = rows.column(0).as_string::<i32>();
                let found = ids.iter().flatten().filter_map(|id| gone.get_key_value(id));
                moved.extend(found.map(|(id, at)| (id.clone(), *at)));
            }
        }
        Ok(moved)
    }

    /// Writes the slots that change, and what is new beyond them.
    fn write(
        &self,
        location: &Location,
        columns: &LakeColumns,
        slots: &[Slot],
        moved: &Moved,
        merged: &mut Merged,
        mut on_change: Option<&mut OnChange>,
    ) -> Result<()> {
        let merging = self.merging(columns, moved);
        let mut feed = Feed::new(self, columns);
        for slot in slots {
            let new = feed.until(slot.until_ms);
            if slot.files.is_empty() {
                let mut out = FileWriter::new(location, columns, month_of(self.asked.0));
                let tally = &mut merged.tally;
                let see = |found: Found| {
                    tally.see(
                        &found,
                        |at| self.is_asked(at),
                        self.kept_from_ms,
                        &self.watched,
                        on_change.as_deref_mut(),
                    )
                };
                merging.run(Box::new(std::iter::empty()), new, see, Some(&mut out))?;
                merged.adds.extend(out.finish()?);
            } else if slot.changes {
                let mut out = FileWriter::new(location, columns, slot.files[0].month.clone());
                let old = sorted(location, columns, &slot.files, None)?;
                merging.run(old, new, |_| Ok(()), Some(&mut out))?;
                merged.adds.extend(out.finish()?);
                merged.removes.extend(slot.files.iter().map(|file| (*file).clone()));
            } else {
                new.for_each(drop);
            }
        }
        Ok(())
    }
}

/// The parts of time that become files: one for each group of files that is touched, and the time after them.
fn slots(touched: Vec<&DataFile>) -> Vec<Slot<'_>> {
    let groups = groups(touched);
    let firsts: Vec<Millis> = groups.iter().skip(1).map(|group| group[0].first_ms).collect();
    let count = groups.len();
    let mut slots: Vec<Slot> = Vec::with_capacity(count + 1);
    for (at, files) in groups.into_iter().enumerate() {
        let last_ms = files.iter().map(|file| file.last_ms).max().unwrap_or(Millis::MAX);
        let rows: Option<u64> = files.iter().map(|file| file.rows).sum();
        let is_small = rows.is_some_and(|rows| rows < SMALL_FILE_ROWS);
        let until_ms = match firsts.get(at) {
            Some(next) => *next,
            None if is_small => Millis::MAX,
            None => last_ms.saturating_add(1),
        };
        slots.push(Slot {
            files,
            until_ms,
            changes: false,
        });
    }
    if slots.last().is_none_or(|last| last.until_ms < Millis::MAX) {
        slots.push(Slot {
            files: Vec::new(),
            until_ms: Millis::MAX,
            changes: false,
        });
    }
    slots
}

impl Merged {
    /// Commits it, upon the table that it was merged with. `None` if another process was first: then nothing stays.
    pub fn commit(
        self,
        location: &Location,
        table: Option<&Table>,
        state: State,
        info: Map<String, Value>,
    ) -> Result<Option<Table>> {
        let paths: Vec<String> = self.adds.iter().map(|add| add.path.clone()).collect();
        let change = Change {
            doing: Doing::Sync,
            adds: self.adds,
            removes: self.removes,
            state,
            columns: self.columns,
            info,
        };
        match change.commit(location, table)? {
            Committed::Done(table) => Ok(Some(*table)),
            Committed::Lost => {
                location.discard(paths);
                Ok(None)
            }
        }
    }

    /// How many files it adds and removes.
    pub fn files(&self) -> (usize, usize) {
        (self.adds.len(), self.removes.len())
    }

    /// The months whose partitions it touches.
    pub fn months(&self) -> Vec<String> {
        let months = self
            .adds
            .iter()
            .filter_map(|add| add.partition_values.values().next()?.clone());
        let mut months: Vec<String> = months
            .chain(self.removes.iter().map(|file| file.month.clone()))
            .collect();
        months.sort();
        months.dedup();
        months
    }

    /// Gives it up.
    pub fn discard(self, location: &Location) {
        location.discard(self.adds.into_iter().map(|add| add.path));
    }
}

/// The rows that were seen, handed out slot by slot.
struct Feed<'s> {
    batches: Batches<'s>,
    rest: Option<RecordBatch>,
}

impl<'s> Feed<'s> {
    fn new(seen: &'s Seen, columns: &'s LakeColumns) -> Feed<'s> {
        let at = seen.queried_at_ms;
        let of_file = |path: &'s PathBuf| batches_of(path);
        let batches = seen.files.iter().flat_map(of_file);
        Feed {
            batches: Box::new(batches.map(move |rows| Ok(columns.to_lake(&rows?, at)))),
            rest: None,
        }
    }

    /// The rows that started before then, of those that are left.
    fn until(&mut self, until_ms: Millis) -> Batches<'_> {
        Box::new(std::iter::from_fn(move || {
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => match self.batches.next()? {
                    Ok(batch) => batch,
                    Err(error) => return Some(Err(error)),
                },
            };
            let started = batch.column_by_name("started_at").expect("every run has it");
            let started = started.as_primitive::<TimestampMicrosecondType>().values();
            let end = started.partition_point(|at| at.div_euclid(1000) < until_ms);
            if end < batch.num_rows() {
                self.rest = Some(batch.slice(end, batch.num_rows() - end));
            }
            (end > 0).then(|| Ok(batch.slice(0, end)))
        }))
    }
}

fn batches_of(path: &Path) -> Batches<'static> {
    match parquet_batches(path) {
        Ok(batches) => Box::new(batches.map(|batch| batch.map_err(Error::Output))),
        Err(why) => Box::new(std::iter::once(Err(Error::Output(why)))),
    }
}
