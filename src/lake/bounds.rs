//! Rows of a data file held against what the table's log says of it, as they are read for whoever makes figures of them: what
//! a reader skips by the log must hold nothing that it looks for.

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};

use super::files::{DataFile, month_bounds};
use super::location::Location;
use crate::error::{Error, Result};
use crate::period::Millis;

/// What the log says of a file's rows.
#[derive(Debug, Clone)]
pub(super) struct LogBounds {
    shown: String,
    month: (Millis, Millis),
    starts: (Millis, Millis),
    ids: Option<(String, String)>,
}

impl LogBounds {
    /// Those of a file.
    pub(super) fn of(location: &Location, file: &DataFile) -> LogBounds {
        LogBounds {
            shown: format!("{}/{}", location.shown(), file.path),
            month: month_bounds(&file.month).unwrap_or((Millis::MIN, Millis::MAX)),
            starts: (file.first_ms, file.last_ms),
            ids: file.ids.clone(),
        }
    }

    /// Exit 5 for rows of the table, or of an export, that lie beyond them; what they have neither ID nor start of isn't
    /// judged.
    pub(super) fn check(&self, rows: &RecordBatch) -> Result<()> {
        let ids = rows.column_by_name("id").and_then(|ids| ids.as_string_opt::<i32>());
        let named = |row: usize| ids.map_or("a run", |ids| ids.value(row));
        let beyond = |row: usize, of: &str| {
            let (shown, id) = (&self.shown, named(row));
            Err(Error::Untrusted(format!(
                "{shown}: run {id} lies beyond {of}: see apify-runs verify"
            )))
        };
        let (first, last) = self.starts;
        for (row, at) in starts(rows).enumerate() {
            if !(self.month.0..self.month.1).contains(&at) {
                return beyond(row, "its file's month");
            }
            if !(first..=last).contains(&at) {
                return beyond(row, "the bounds that the log says");
            }
        }
        if let Some((ids, (least, greatest))) = ids.zip(self.ids.as_ref()) {
            let is_beyond = |id: &str| id < least.as_str() || id > greatest.as_str();
            if let Some(row) = ids.iter().position(|id| id.is_some_and(is_beyond)) {
                return beyond(row, "the bounds that the log says");
            }
        }
        Ok(())
    }
}

/// When rows started; nothing where they don't say.
fn starts(rows: &RecordBatch) -> Box<dyn Iterator<Item = Millis> + '_> {
    let Some(started) = rows.column_by_name("started_at") else {
        return Box::new(std::iter::empty());
    };
    match started.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let started = started.as_primitive::<TimestampMillisecondType>().values();
            Box::new(started.iter().copied())
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let started = started.as_primitive::<TimestampMicrosecondType>().values();
            Box::new(started.iter().map(|at| at.div_euclid(1000)))
        }
        _ => Box::new(std::iter::empty()),
    }
}
