//! What a sync has seen of a period, put into the table: files that it touches are read, merged and written anew, and all of
//! that becomes one commit. Nothing is deleted because the API no longer lists it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampMillisecondType};
use deltalake_core::kernel::Add;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::lake::columns::{LakeColumns, month_of};
use crate::lake::commit::{Change, CommitId, Committed, Doing};
use crate::lake::files::{DataFile, month_bounds};
use crate::lake::lookup::Ids;
use crate::lake::merge::Rules;
use crate::lake::moved::Moved;
use crate::lake::read::{Batches, Span, groups, sorted};
use crate::lake::row_merge::{Found, Merging};
use crate::lake::state::State;
use crate::lake::table::Table;
use crate::lake::tally::{LookedUp, OnChange, Tally, Watched};
use crate::lake::write::FileWriter;
use crate::output::read::working_batches;
use crate::period::Millis;
use crate::stores::Location;

/// A file with fewer rows takes in what comes after it, instead of a new one for every sync.
const SMALL_FILE_ROWS: u64 = 32 << 10;

/// What a sync has seen: all runs that the API lists of some periods.
pub struct Seen {
    /// The periods, `[from, to)`, in order and disjoint; at least one.
    pub asked: Vec<(Millis, Millis)>,
    /// Their rows, as an export has them, in Parquet files in order.
    pub files: Vec<PathBuf>,
    /// The start of the sync.
    pub queried_at_ms: Millis,
    /// The last instant that has come by any clock: rows that were asked for later were so by a clock that was wrong.
    pub latest_ms: Millis,
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
    /// Whether some of its runs were asked for.
    is_asked: bool,
    /// Starts of its rows that give way to others.
    leaving: Vec<Millis>,
    /// Whether something of it changes.
    changes: bool,
}

/// What was seen of one month.
struct Month<'s> {
    seen: &'s Seen,
    name: String,
    /// Its bounds.
    span: Span,
    /// What was asked for of it.
    asked: Vec<Span>,
}

impl Seen {
    fn rules(&self) -> Rules {
        Rules {
            now_ms: self.queried_at_ms,
            latest_ms: self.latest_ms,
            accept_repricing: self.accept_repricing,
        }
    }

    /// Merges it with what the table holds. New files are written, and are part of nothing until the commit.
    ///
    /// The table is looked at twice where runs turn out to be in it under another start: only then is it known which rows give
    /// way, wherever they are.
    pub fn merge(
        &self,
        location: &Location,
        table: Option<&Table>,
        columns: &LakeColumns,
        mut on_change: Option<&mut OnChange>,
    ) -> Result<Merged> {
        let files = table.map(Table::files).unwrap_or_default();
        let mut months = self.months(files, &[])?;
        let mut slots: Vec<Vec<Slot>> = months.iter().map(|month| month.slots(files, &[])).collect();
        let mut new_ids = table.map(|_| Ids::default());
        let mut moved = Moved::default();
        let mut tally = self.look(
            (location, columns, &moved),
            (&months, &mut slots),
            None,
            new_ids.as_mut(),
        )?;
        let mut looked_up = LookedUp::default();
        if let (Some(table), Some(ids)) = (table, new_ids) {
            let lookup = table.look_up(&ids)?;
            looked_up = LookedUp {
                ids: ids.len() as u64,
                files: lookup.files,
                bytes: lookup.bytes,
            };
            moved = Moved::new(lookup.rows, &self.rules());
        }
        if !moved.is_empty() {
            let starts: Vec<Millis> = moved.starts().collect();
            months = self.months(files, &starts)?;
            slots = months.iter().map(|month| month.slots(files, &starts)).collect();
        }
        if !moved.is_empty() || on_change.is_some() {
            // What changes is told once, now that it is known which rows give way.
            let places = (months.as_slice(), slots.as_mut_slice());
            tally = self.look((location, columns, &moved), places, on_change.as_deref_mut(), None)?;
        }
        tally.looked_up = looked_up;
        let mut merged = Merged {
            adds: Vec::new(),
            removes: Vec::new(),
            columns: columns.clone(),
            tally,
        };
        for (month, slots) in months.iter().zip(&slots) {
            let sight = (location, columns, &moved);
            if let Err(error) = month.write(sight, slots, &mut merged, on_change.as_deref_mut()) {
                merged.discard(location);
                return Err(error);
            }
        }
        Ok(merged)
    }

    /// Compares what is there with what was seen, month by month; `new_ids` takes the IDs that the table doesn't have there.
    fn look(
        &self,
        sight: Sight,
        (months, slots): (&[Month], &mut [Vec<Slot>]),
        mut on_change: Option<&mut OnChange>,
        mut new_ids: Option<&mut Ids>,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        for (month, slots) in months.iter().zip(slots) {
            month.look(
                sight,
                slots,
                &mut tally,
                (on_change.as_deref_mut(), new_ids.as_deref_mut()),
            )?;
        }
        Ok(tally)
    }

    /// The months that have rows, or files that may hold some of what was asked for, and those of rows that give way.
    fn months(&self, files: &[DataFile], starts: &[Millis]) -> Result<Vec<Month<'_>>> {
        let mut names: BTreeSet<String> = starts.iter().map(|start| month_of(*start)).collect();
        for path in &self.files {
            for rows in working_batches(path, Some(&["started_at"]))? {
                let rows = rows?;
                let started = rows.column(0).as_primitive::<TimestampMillisecondType>().values();
                let mut at = 0;
                while at < started.len() {
                    let name = month_of(started[at]);
                    let (_, end) = bounds_of(&name)?;
                    at += started[at..].partition_point(|started| *started < end);
                    names.insert(name);
                }
            }
        }
        let asked = |file: &&DataFile| self.asked.iter().any(|(from, to)| file.overlaps(*from, *to));
        names.extend(files.iter().filter(asked).map(|file| file.month.clone()));
        let month = |name: String| {
            let (start, end) = bounds_of(&name)?;
            let asked = self.asked.iter().map(|(from, to)| ((*from).max(start), (*to).min(end)));
            Ok(Month {
                seen: self,
                name,
                span: (start, end),
                asked: asked.filter(|(from, to)| from < to).collect(),
            })
        };
        names.into_iter().map(month).collect()
    }
}

fn bounds_of(month: &str) -> Result<Span> {
    month_bounds(month)
        .ok_or_else(|| Error::Untrusted(format!("a run started in {month}, which is beyond the calendar")))
}

/// Where, in which columns, and past which rows that give way.
type Sight<'m> = (&'m Location, &'m LakeColumns, &'m Moved);

impl Month<'_> {
    fn merging<'m>(&self, (_, columns, moved): Sight<'m>) -> Merging<'m> {
        Merging {
            columns,
            rules: self.seen.rules(),
            moved,
        }
    }

    fn is_asked(&self, at: Millis) -> bool {
        let after = self.asked.partition_point(|(from, _)| *from <= at);
        after > 0 && at < self.asked[after - 1].1
    }

    /// The parts of time that become files: one for each group of the month's files, and the time after them.
    fn slots<'t>(&self, files: &'t [DataFile], starts: &[Millis]) -> Vec<Slot<'t>> {
        let groups = groups(files.iter().filter(|file| file.month == self.name).collect());
        let firsts: Vec<Millis> = groups.iter().skip(1).map(|group| group[0].first_ms).collect();
        let mut slots: Vec<Slot> = Vec::with_capacity(groups.len() + 1);
        for (at, files) in groups.into_iter().enumerate() {
            let last_ms = files.iter().map(|file| file.last_ms).max().unwrap_or(Millis::MAX);
            let rows: Option<u64> = files.iter().map(|file| file.rows).sum();
            let is_small = rows.is_some_and(|rows| rows < SMALL_FILE_ROWS);
            let overlaps = |(from, to): &Span| files.iter().any(|file| file.overlaps(*from, *to));
            let leaving = starts.iter().copied().filter(|start| overlaps(&(*start, start + 1)));
            slots.push(Slot {
                leaving: leaving.collect(),
                until_ms: match firsts.get(at) {
                    Some(next) => *next,
                    None if is_small => Millis::MAX,
                    None => last_ms.saturating_add(1),
                },
                is_asked: self.asked.iter().any(overlaps),
                changes: false,
                files,
            });
        }
        if slots.last().is_none_or(|last| last.until_ms < Millis::MAX) {
            slots.push(Slot {
                files: Vec::new(),
                until_ms: Millis::MAX,
                is_asked: false,
                leaving: Vec::new(),
                changes: false,
            });
        }
        slots
    }

    fn see(&self, found: &Found, tally: &mut Tally, on_change: Option<&mut OnChange>) -> Result<()> {
        let (kept_from_ms, watched) = (self.seen.kept_from_ms, &self.seen.watched);
        tally.see(found, |at| self.is_asked(at), kept_from_ms, watched, on_change)
    }

    /// Compares what is there with what was seen.
    fn look(
        &self,
        sight: Sight,
        slots: &mut [Slot],
        tally: &mut Tally,
        (mut on_change, mut new_ids): (Option<&mut OnChange>, Option<&mut Ids>),
    ) -> Result<()> {
        let (location, columns, _) = sight;
        let merging = self.merging(sight);
        let mut feed = Feed::new(self, columns);
        for slot in slots.iter_mut() {
            let mut new = feed.until(slot.until_ms).peekable();
            if slot.files.is_empty() {
                // Nothing to compare with: the rows themselves are read as they are written.
                collect_ids(new, new_ids.as_deref_mut())?;
                continue;
            }
            if !slot.is_asked && slot.leaving.is_empty() && new.peek().is_none() {
                continue;
            }
            let leaving = slot.leaving.iter().map(|start| (*start, start + 1));
            let wanted: Vec<Span> = self.asked.iter().copied().chain(leaving).collect();
            let old = sorted(location, columns, &slot.files, None, Some(&wanted))?;
            let changes = &mut slot.changes;
            let see = |found: Found| {
                *changes |= match &found {
                    Found::New(_) | Found::Leaving | Found::Moved { .. } => true,
                    Found::Changed { fields, .. } => !fields.is_empty(),
                    Found::Same(_) | Found::Old(_) => false,
                };
                if let (Found::New(new), Some(ids)) = (&found, &mut new_ids) {
                    ids.insert(new.id().into());
                }
                self.see(&found, tally, on_change.as_deref_mut())
            };
            merging.run(old, Box::new(new), see, None)?;
        }
        Ok(())
    }

    /// Writes the slots that change, and what is new beyond them.
    fn write(
        &self,
        sight: Sight,
        slots: &[Slot],
        merged: &mut Merged,
        mut on_change: Option<&mut OnChange>,
    ) -> Result<()> {
        let (location, columns, _) = sight;
        let merging = self.merging(sight);
        let mut feed = Feed::new(self, columns);
        for slot in slots {
            let new = feed.until(slot.until_ms);
            if !slot.files.is_empty() && !slot.changes {
                new.for_each(drop);
                continue;
            }
            let mut out = FileWriter::new(location, columns, self.name.clone());
            if slot.files.is_empty() {
                let tally = &mut merged.tally;
                let see = |found: Found| self.see(&found, tally, on_change.as_deref_mut());
                merging.run(Box::new(std::iter::empty()), new, see, Some(&mut out))?;
            } else {
                let old = sorted(location, columns, &slot.files, None, None)?;
                merging.run(old, new, |_| Ok(()), Some(&mut out))?;
                merged.removes.extend(slot.files.iter().map(|file| (*file).clone()));
            }
            merged.adds.extend(out.finish()?);
        }
        Ok(())
    }
}

impl Merged {
    /// Commits it, upon the table that it was merged with. Nothing stays if another process was first.
    pub fn commit(
        self,
        location: &Location,
        table: Option<&Table>,
        (state, info): (State, Map<String, Value>),
        id: &CommitId,
    ) -> Result<Committed> {
        let paths: Vec<String> = self.adds.iter().map(|add| add.path.clone()).collect();
        let change = Change {
            doing: Doing::Sync,
            adds: self.adds,
            removes: self.removes,
            state,
            columns: self.columns,
            info,
        };
        let committed = change.commit(location, table, id)?;
        if matches!(committed, Committed::Lost) {
            location.discard(paths);
        }
        Ok(committed)
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

/// The rows of a month that were seen, handed out slot by slot.
struct Feed<'s> {
    batches: Batches<'s>,
    rest: Option<RecordBatch>,
}

impl<'s> Feed<'s> {
    fn new(month: &'s Month, columns: &'s LakeColumns) -> Feed<'s> {
        let (at, (start, end)) = (month.seen.queried_at_ms, month.span);
        let batches = month.seen.files.iter().flat_map(|path| batches_of(path));
        let of_month = move |rows: Result<RecordBatch>| match rows {
            Ok(rows) => {
                let started = rows.column_by_name("started_at").expect("every run has it");
                let started = started.as_primitive::<TimestampMillisecondType>().values();
                let first = started.partition_point(|at| *at < start);
                let last = started.partition_point(|at| *at < end);
                (first < last).then(|| Ok(columns.to_lake(&rows.slice(first, last - first), at)))
            }
            Err(error) => Some(Err(error)),
        };
        Feed {
            batches: Box::new(batches.filter_map(of_month)),
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

fn collect_ids(rows: impl Iterator<Item = Result<RecordBatch>>, ids: Option<&mut Ids>) -> Result<()> {
    let Some(ids) = ids else {
        return Ok(());
    };
    for rows in rows {
        let rows = rows?;
        let texts = rows.column_by_name("id").expect("every run has it").as_string::<i32>();
        ids.extend(texts.iter().flatten().map(Box::from));
    }
    Ok(())
}

fn batches_of(path: &Path) -> Batches<'static> {
    match working_batches(path, None) {
        Ok(batches) => Box::new(batches),
        Err(error) => Box::new(std::iter::once(Err(error))),
    }
}
