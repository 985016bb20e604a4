//! What a sync has seen of a period, merged with the table: files that it touches are read, merged and written anew. Nothing
//! is deleted because the API no longer lists it.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;

use crate::error::{Error, Result};
use crate::lake::columns::{LakeColumns, month_of};
use crate::lake::files::{DataFile, month_bounds};
use crate::lake::lookup::Ids;
use crate::lake::merge::Rules;
use crate::lake::merge_output::MergeOutput;
use crate::lake::month_merge::MonthMerge;
use crate::lake::relocated::RelocatedRuns;
use crate::lake::row_merge::RowMerge;
use crate::lake::sync_input::SyncInput;
use crate::lake::table::LakeTable;
use crate::lake::tally::{LookupCost, OnChange, SyncTally};
use crate::output::read::working_batches;
use crate::period::Millis;
use crate::stores::Location;

impl SyncInput {
    /// Merges it with what the table holds. New files are written, and are part of nothing until the commit.
    ///
    /// Two looks come before the first write. The first finds the runs that the table doesn't have at their start; their IDs
    /// are looked up in the whole table, since a run that the API lists under another start has its old row in any file, whose
    /// month or slot must then be written anew as well. Only the second look knows all of that, so that it alone calls
    /// `on_change`. It is left out where the first one says as much.
    pub fn merge(
        &self,
        location: &Location,
        table: Option<&LakeTable>,
        columns: &LakeColumns,
        mut on_change: Option<&mut OnChange>,
    ) -> Result<MergeOutput> {
        let files = table.map(LakeTable::files).unwrap_or_default();
        let rules = self.rules();
        let mut row_merge = RowMerge {
            columns,
            rules,
            relocated: &RelocatedRuns::default(),
        };
        let mut months = self.months(files, &[])?;
        let mut tally = SyncTally::default();
        let mut new_ids = table.map(|_| Ids::default());
        for month in &mut months {
            month.look(location, &row_merge, &mut tally, None, new_ids.as_mut())?;
        }
        let mut relocated = RelocatedRuns::default();
        let mut looked_up = LookupCost::default();
        if let (Some(table), Some(ids)) = (table, new_ids) {
            let lookup = table.look_up(&ids)?;
            looked_up = lookup.cost;
            relocated = RelocatedRuns::new(lookup.rows, &rules);
        }
        if !relocated.is_empty() {
            let starts: Vec<Millis> = relocated.starts().collect();
            months = self.months(files, &starts)?;
            row_merge.relocated = &relocated;
        }
        if !relocated.is_empty() || on_change.is_some() {
            tally = SyncTally::default();
            for month in &mut months {
                month.look(location, &row_merge, &mut tally, on_change.as_deref_mut(), None)?;
            }
        }
        tally.looked_up = looked_up;
        let mut output = MergeOutput {
            adds: Vec::new(),
            removes: Vec::new(),
            columns: columns.clone(),
            tally,
        };
        for month in &months {
            if let Err(error) = month.write(location, &row_merge, &mut output, on_change.as_deref_mut()) {
                output.discard(location);
                return Err(error);
            }
        }
        Ok(output)
    }

    fn rules(&self) -> Rules {
        Rules {
            now_ms: self.queried_at_ms,
            latest_ms: self.latest_ms,
            accept_repricing: self.accept_repricing,
        }
    }

    /// The months that have rows, or files that may hold some of what was asked for, and those of rows that give way.
    fn months<'s>(&'s self, files: &'s [DataFile], starts: &[Millis]) -> Result<Vec<MonthMerge<'s>>> {
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
            let span = bounds_of(&name)?;
            Ok(MonthMerge::new(self, name, span, files, starts))
        };
        names.into_iter().map(month).collect()
    }
}

fn bounds_of(month: &str) -> Result<(Millis, Millis)> {
    month_bounds(month)
        .ok_or_else(|| Error::Untrusted(format!("a run started in {month}, which is outside the calendar")))
}
