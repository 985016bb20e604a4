//! Statistics of a data file in Delta's form: what engines skip files by.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::lake::batch_columns::to_ms;
use crate::period::format_instant;

/// The columns that files have statistics of. `queried_at` is the watermark by which engines read what is new; cost states are
/// in the order of the alphabet: provisional, settled, unknown.
pub(super) const STATS_COLUMNS: [&str; 5] = ["id", "started_at", "finished_at", "queried_at", "cost_state"];

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileStats {
    pub(super) num_records: u64,
    #[serde(default)]
    pub(super) min_values: PerColumn<String>,
    #[serde(default)]
    pub(super) max_values: PerColumn<String>,
    #[serde(default)]
    pub(super) null_count: PerColumn<u64>,
}

/// A value for each of [`STATS_COLUMNS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PerColumn<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished_at: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) queried_at: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost_state: Option<T>,
}

impl<T> PerColumn<T> {
    /// In the order of [`STATS_COLUMNS`].
    fn values(&mut self) -> [&mut Option<T>; 5] {
        [
            &mut self.id,
            &mut self.started_at,
            &mut self.finished_at,
            &mut self.queried_at,
            &mut self.cost_state,
        ]
    }
}

impl FileStats {
    pub(super) fn add_rows(&mut self, rows: &RecordBatch) {
        self.num_records += rows.num_rows() as u64;
        let bounds = self.min_values.values().into_iter().zip(self.max_values.values());
        let values = bounds.zip(self.null_count.values());
        for (name, ((least, greatest), null_count)) in STATS_COLUMNS.into_iter().zip(values) {
            let column = rows.column_by_name(name);
            let nulls = column.map_or(rows.num_rows(), |column| column.null_count());
            *null_count.get_or_insert_default() += nulls as u64;
            let (first, last) = column.map_or((None, None), ends);
            if first
                .as_ref()
                .is_some_and(|first| least.as_ref().is_none_or(|least| first < least))
            {
                *least = first;
            }
            if last
                .as_ref()
                .is_some_and(|last| greatest.as_ref().is_none_or(|greatest| last > greatest))
            {
                *greatest = last;
            }
        }
    }
}

/// The least value of a column and the greatest.
fn ends(column: &ArrayRef) -> (Option<String>, Option<String>) {
    if *column.data_type() == DataType::Utf8 {
        let texts = column.as_string::<i32>().iter().flatten();
        return (texts.clone().min().map(String::from), texts.max().map(String::from));
    }
    let instants = column.as_primitive::<TimestampMicrosecondType>().iter().flatten();
    let text = |at: i64| format_instant(to_ms(at));
    (instants.clone().min().map(text), instants.max().map(text))
}
