//! One month of a sync's input against the table: cut into slots, each a group of the month's files or the time after them,
//! so that only those whose runs change are written anew.

use crate::error::Result;
use crate::lake::batch_columns::ids;
use crate::lake::file_rows::{Selection, groups, sorted};
use crate::lake::files::DataFile;
use crate::lake::lookup::Ids;
use crate::lake::merge_output::MergeOutput;
use crate::lake::row_merge::{RowChange, RowMerge};
use crate::lake::sync_input::{InputRows, SyncInput};
use crate::lake::tally::{OnChange, SyncTally, TallyScope};
use crate::lake::write::FileWriter;
use crate::period::Millis;
use crate::stores::Location;

/// A file with fewer rows takes in what comes after it, instead of a new one for every sync.
const SMALL_FILE_ROWS: u64 = 32 << 10;

/// What was seen of one month.
pub(super) struct MonthMerge<'s> {
    input: &'s SyncInput,
    name: String,
    /// Its bounds.
    span: (Millis, Millis),
    /// What was asked for of it.
    asked: Vec<(Millis, Millis)>,
    slots: Vec<FileSlot<'s>>,
}

/// A part of time that becomes files of its own: those that are there, or new ones.
struct FileSlot<'t> {
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

impl<'s> MonthMerge<'s> {
    /// `starts` are those of rows that give way, in any month.
    pub(super) fn new(
        input: &'s SyncInput,
        name: String,
        span: (Millis, Millis),
        files: &'s [DataFile],
        starts: &[Millis],
    ) -> MonthMerge<'s> {
        let asked = input.asked.iter();
        let asked = asked.map(|(from, to)| ((*from).max(span.0), (*to).min(span.1)));
        let asked: Vec<_> = asked.filter(|(from, to)| from < to).collect();
        MonthMerge {
            slots: slots(files.iter().filter(|file| file.month == name).collect(), &asked, starts),
            input,
            name,
            span,
            asked,
        }
    }

    /// Compares what is there with what was seen; `new_ids` takes the IDs that the table doesn't have there.
    pub(super) fn look(
        &mut self,
        location: &Location,
        row_merge: &RowMerge,
        tally: &mut SyncTally,
        mut on_change: Option<&mut OnChange>,
        mut new_ids: Option<&mut Ids>,
    ) -> Result<()> {
        let scope = TallyScope {
            input: self.input,
            asked: &self.asked,
        };
        let mut rows = InputRows::new(self.input, self.span, row_merge.columns);
        for slot in &mut self.slots {
            let mut new = rows.until(slot.until_ms).peekable();
            if slot.files.is_empty() {
                // Nothing to compare with: the rows themselves are read as they are written.
                if let Some(new_ids) = &mut new_ids {
                    for rows in new {
                        new_ids.extend(ids(&rows?).iter().flatten().map(Box::from));
                    }
                }
                continue;
            }
            if !slot.is_asked && slot.leaving.is_empty() && new.peek().is_none() {
                continue;
            }
            let leaving = slot.leaving.iter().map(|start| (*start, start + 1));
            let wanted: Vec<_> = self.asked.iter().copied().chain(leaving).collect();
            let old = sorted(location, row_merge.columns, &slot.files, Selection::ALL.within(&wanted))?;
            let changes = &mut slot.changes;
            let on_row = |change: RowChange| {
                *changes |= match &change {
                    RowChange::New(_) | RowChange::Leaving | RowChange::Relocated(..) => true,
                    RowChange::Changed(update) => !update.fields.is_empty(),
                    RowChange::Same(_) | RowChange::Old(_) => false,
                };
                if let (RowChange::New(new), Some(ids)) = (&change, &mut new_ids) {
                    ids.insert(new.id().into());
                }
                tally.count(&change, &scope, on_change.as_deref_mut())
            };
            row_merge.run(old, Box::new(new), on_row, None)?;
        }
        Ok(())
    }

    /// Writes the slots that change, and what is new beyond them.
    pub(super) fn write(
        &self,
        location: &Location,
        row_merge: &RowMerge,
        output: &mut MergeOutput,
        mut on_change: Option<&mut OnChange>,
    ) -> Result<()> {
        let scope = TallyScope {
            input: self.input,
            asked: &self.asked,
        };
        let columns = row_merge.columns;
        let mut rows = InputRows::new(self.input, self.span, columns);
        for slot in &self.slots {
            let new = rows.until(slot.until_ms);
            if !slot.files.is_empty() && !slot.changes {
                new.for_each(drop);
                continue;
            }
            let mut out = FileWriter::new(location, columns, self.name.clone());
            if slot.files.is_empty() {
                let tally = &mut output.tally;
                let on_row = |change: RowChange| tally.count(&change, &scope, on_change.as_deref_mut());
                row_merge.run(Box::new(std::iter::empty()), new, on_row, Some(&mut out))?;
            } else {
                let old = sorted(location, columns, &slot.files, Selection::ALL)?;
                row_merge.run(old, new, |_| Ok(()), Some(&mut out))?;
                output.removes.extend(slot.files.iter().map(|file| (*file).clone()));
            }
            output.adds.extend(out.finish()?);
        }
        Ok(())
    }
}

/// The parts of time that become files: one for each group of the month's files, and the time after them.
fn slots<'t>(files: Vec<&'t DataFile>, asked: &[(Millis, Millis)], starts: &[Millis]) -> Vec<FileSlot<'t>> {
    let groups = groups(files);
    let firsts: Vec<Millis> = groups.iter().skip(1).map(|group| group[0].first_ms).collect();
    let mut slots: Vec<FileSlot> = Vec::with_capacity(groups.len() + 1);
    for (at, files) in groups.into_iter().enumerate() {
        let last_ms = files.iter().map(|file| file.last_ms).max().unwrap_or(Millis::MAX);
        let rows: Option<u64> = files.iter().map(|file| file.rows).sum();
        let is_small = rows.is_some_and(|rows| rows < SMALL_FILE_ROWS);
        let overlaps = |from: Millis, to: Millis| files.iter().any(|file| file.overlaps(from, to));
        slots.push(FileSlot {
            leaving: starts
                .iter()
                .copied()
                .filter(|start| overlaps(*start, start + 1))
                .collect(),
            until_ms: match firsts.get(at) {
                Some(next) => *next,
                None if is_small => Millis::MAX,
                None => last_ms.saturating_add(1),
            },
            is_asked: asked.iter().any(|(from, to)| overlaps(*from, *to)),
            changes: false,
            files,
        });
    }
    if slots.last().is_none_or(|last| last.until_ms < Millis::MAX) {
        slots.push(FileSlot {
            files: Vec::new(),
            until_ms: Millis::MAX,
            is_asked: false,
            leaving: Vec::new(),
            changes: false,
        });
    }
    slots
}
