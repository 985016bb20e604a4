//! The view of a batch of runs: columns found by name, with the types of the one table of columns. A column that an export
//! left out is absent, never an error: which columns must be there is [`super::column_set`]'s to say.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayAccessor, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};

/// The columns of a batch of an export's rows.
#[derive(Debug, Clone, Copy)]
pub struct RunColumns<'a>(pub &'a RecordBatch);

impl<'a> RunColumns<'a> {
    pub fn text(self, name: &str) -> Option<&'a StringArray> {
        self.0.column_by_name(name)?.as_string_opt::<i32>()
    }

    /// Milliseconds since the epoch.
    pub fn instants(self, name: &str) -> Option<&'a TimestampMillisecondArray> {
        self.0
            .column_by_name(name)?
            .as_primitive_opt::<TimestampMillisecondType>()
    }

    /// 10^-18 of the column's unit.
    pub fn decimals(self, name: &str) -> Option<&'a Decimal128Array> {
        self.0.column_by_name(name)?.as_primitive_opt::<Decimal128Type>()
    }

    pub fn integers(self, name: &str) -> Option<&'a Int64Array> {
        self.0.column_by_name(name)?.as_primitive_opt::<Int64Type>()
    }
}

/// A row's value; `None` where the column is absent or the value NULL.
pub fn value_at<A: ArrayAccessor>(column: Option<A>, row: usize) -> Option<A::Item> {
    column
        .filter(|column| column.is_valid(row))
        .map(|column| column.value(row))
}
