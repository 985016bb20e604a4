//! FOCUS columns as Arrow arrays, for Parquet. Not their text, which is CSV's.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, PrimitiveArray, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};
use arrow_select::filter::filter_record_batch;

use super::columns::{COLUMNS, Cell, Fixed, FocusColumn, Kind};
use super::place::{Placed, Runs, text_at};
use super::{DESCRIPTION, FixedTexts};
use crate::money::SCALE;
use crate::runs::schema::{USD_PRECISION, USD_SCALE};

/// Some rows: an array for each column, none for one that is the same in every row.
pub(super) struct Arrays {
    pub(super) rows: usize,
    pub(super) arrays: Vec<Option<ArrayRef>>,
}

impl Arrays {
    /// The first rows, at most so many; the rest stays.
    pub(super) fn take_first(&mut self, most: usize) -> Arrays {
        let rows = most.min(self.rows);
        let cut = |from: usize, rows: usize| {
            let arrays = self.arrays.iter();
            arrays
                .map(|array| array.as_ref().map(|array| array.slice(from, rows)))
                .collect()
        };
        let first = Arrays {
            rows,
            arrays: cut(0, rows),
        };
        self.arrays = cut(rows, self.rows - rows);
        self.rows -= rows;
        first
    }
}

/// A column as an Arrow field.
pub(super) fn field(column: &FocusColumn) -> Field {
    let data_type = match column.cell.kind() {
        Kind::Text => DataType::Utf8,
        Kind::Decimal => DataType::Decimal128(USD_PRECISION, USD_SCALE),
        Kind::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
    };
    Field::new(column.name, data_type, column.nullable)
}

/// The columns of those rows of a batch that were placed.
pub(super) fn arrays_of(batch: &RecordBatch, rows: &[Placed]) -> Result<Arrays, ArrowError> {
    let filtered;
    let batch = if rows.len() == batch.num_rows() {
        batch
    } else {
        let mut placed = vec![false; batch.num_rows()];
        rows.iter().for_each(|row| placed[row.row] = true);
        filtered = filter_record_batch(batch, &BooleanArray::from(placed))?;
        &filtered
    };
    let runs = Runs::of(batch);
    let arrays = COLUMNS.iter().map(|column| array_of(column.cell, &runs, rows));
    Ok(Arrays {
        rows: rows.len(),
        arrays: arrays.collect(),
    })
}

fn array_of(cell: Cell, runs: &Runs, rows: &[Placed]) -> Option<ArrayRef> {
    let seconds = |second: fn(&Placed) -> i64| -> ArrayRef {
        let instants = TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| second(row) * 1000));
        Arc::new(instants.with_timezone("UTC"))
    };
    Some(match cell {
        Cell::Fixed(_) => return None,
        Cell::Cost => Arc::new(runs.costs.clone()),
        Cell::Start => seconds(|row| row.start_s),
        Cell::End => seconds(|row| row.end_s),
        Cell::PeriodStart => seconds(|row| row.period.start_s),
        Cell::PeriodEnd => seconds(|row| row.period.end_s),
        Cell::PeriodBasis => {
            let texts = rows.iter().map(|row| row.period.basis.text());
            Arc::new(StringArray::from_iter_values(texts))
        }
        Cell::Description => Arc::new(descriptions(runs)),
        Cell::StartedAt => Arc::new(runs.started.clone().with_timezone("UTC")),
        Cell::Text(name) => Arc::new(without_empty(runs.text(name)?)),
    })
}

fn descriptions(runs: &Runs) -> StringArray {
    let names = runs.text("act_name");
    let rows = runs.act_ids.len();
    let mut texts = StringBuilder::with_capacity(rows, rows * 48);
    let mut text = String::from(DESCRIPTION);
    for row in 0..rows {
        text.truncate(DESCRIPTION.len());
        text.push_str(text_at(names, row).unwrap_or_else(|| runs.act_ids.value(row)));
        texts.append_value(&text);
    }
    texts.finish()
}

/// The same with null for an empty text ('Null Handling').
fn without_empty(texts: &StringArray) -> StringArray {
    let any = (0..texts.len()).any(|row| texts.is_valid(row) && texts.value_length(row) == 0);
    if any {
        (0..texts.len()).map(|row| text_at(Some(texts), row)).collect()
    } else {
        texts.clone()
    }
}

/// A column that is the same in every row, or null for one that the export lacks.
pub(super) fn fixed_array(cell: Cell, fixed: &FixedTexts, rows: usize) -> ArrayRef {
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..rows).map(|_| text))) };
    let null = || -> ArrayRef { Arc::new(StringArray::new_null(rows)) };
    match cell {
        Cell::Fixed(Fixed::Text(value)) => text(value),
        Cell::Fixed(Fixed::AccountId) => text(&fixed.account_id),
        Cell::Fixed(Fixed::AccountName) => fixed.account_name.as_deref().map_or_else(null, text),
        Cell::Fixed(Fixed::One) => {
            let ones = Decimal128Array::from_value(10_i128.pow(SCALE), rows);
            Arc::new(
                ones.with_precision_and_scale(USD_PRECISION, USD_SCALE)
                    .expect("one has few enough digits"),
            )
        }
        Cell::Fixed(Fixed::QueriedAt) => {
            let instants = PrimitiveArray::<TimestampMillisecondType>::from_value(fixed.queried_at_ms, rows);
            Arc::new(instants.with_timezone("UTC"))
        }
        _ => null(),
    }
}
