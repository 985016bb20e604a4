//! Rows of a data file held against what the table's log says of it, as they are read for whoever makes figures of them: what
//! a reader skips by the log must hold nothing that it looks for.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_schema::{DataType, TimeUnit};

use crate::error::{Error, Result};
use crate::lake::batch_columns::{instants, to_ms};
use crate::lake::files::{DataFile, month_bounds};
use crate::period::Millis;
use crate::stores::Location;

const BEYOND: &str = "is outside the bounds in the log";

#[derive(Debug, Clone)]
pub(super) struct LogBounds {
    shown: String,
    month: (Millis, Millis),
    starts: (Millis, Millis),
    ids: Option<(String, String)>,
    /// The start before which no more may come; none of a file whose rows needn't be in order.
    reached: Option<Millis>,
}

impl LogBounds {
    /// `is_sorted`: whether the file's rows must be in order.
    pub(super) fn new(location: &Location, file: &DataFile, is_sorted: bool) -> LogBounds {
        LogBounds {
            shown: format!("{}/{}", location.shown(), file.path),
            month: month_bounds(&file.month).unwrap_or((Millis::MIN, Millis::MAX)),
            starts: (file.first_ms, file.last_ms),
            ids: file.ids.clone(),
            reached: is_sorted.then_some(Millis::MIN),
        }
    }

    /// Exit 5 for the file's next rows, as the table or an export has them, that lie beyond; columns of ID and start that they
    /// lack aren't judged.
    pub(super) fn check(&mut self, rows: &RecordBatch) -> Result<()> {
        let ids = rows.column_by_name("id").and_then(|ids| ids.as_string_opt::<i32>());
        let named = |row: usize| ids.map_or("?", |ids| ids.value(row));
        let shown = &self.shown;
        let untrusted = |row: usize, what: &str| {
            let id = named(row);
            Err(Error::Untrusted(format!(
                "{shown}: run {id} {what}: see apify-runs verify"
            )))
        };
        let (first, last) = self.starts;
        for (row, at) in starts(rows).enumerate() {
            if !(self.month.0..self.month.1).contains(&at) {
                return untrusted(row, "started outside its month");
            }
            if !(first..=last).contains(&at) {
                return untrusted(row, BEYOND);
            }
            match &mut self.reached {
                Some(reached) if at < *reached => return untrusted(row, "is not in order of started_at"),
                Some(reached) => *reached = at,
                None => {}
            }
        }
        if let Some((ids, (least, greatest))) = ids.zip(self.ids.as_ref()) {
            let is_beyond = |id: &str| id < least.as_str() || id > greatest.as_str();
            if let Some(row) = ids.iter().position(|id| id.is_some_and(is_beyond)) {
                return untrusted(row, BEYOND);
            }
        }
        Ok(())
    }
}

/// When rows started; nothing where they don't say.
fn starts(rows: &RecordBatch) -> Box<dyn Iterator<Item = Millis> + '_> {
    match rows
        .column_by_name("started_at")
        .map(|column| (column, column.data_type()))
    {
        Some((column, DataType::Timestamp(TimeUnit::Millisecond, _))) => Box::new(
            column
                .as_primitive::<TimestampMillisecondType>()
                .values()
                .iter()
                .copied(),
        ),
        Some((_, DataType::Timestamp(TimeUnit::Microsecond, _))) => {
            Box::new(instants(rows, "started_at").values().iter().map(|at| to_ms(*at)))
        }
        _ => Box::new(std::iter::empty()),
    }
}
