//! FOCUS rows to CSV, in the dialect of `runs.csv`.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{RecordBatch, StringArray};
use csv::{Result, Writer};

use crate::money::Usd;
use crate::output::csv::{CsvColumn, write_rows};
use crate::output::focus::columns::{COLUMNS, FocusType};

/// Appends rows that have every column of FOCUS.
pub(super) fn write<W: Write>(writer: &mut Writer<W>, rows: &RecordBatch) -> Result<()> {
    // Four columns have the same cost: its digits are worked out once.
    let costs = rows.column_by_name("BilledCost").expect("it is a column of FOCUS");
    let costs = costs.as_primitive::<Decimal128Type>().values();
    let costs = StringArray::from_iter_values(costs.iter().map(|cost| Usd(*cost).to_string()));
    let columns = COLUMNS.iter().zip(rows.columns());
    let columns: Vec<CsvColumn> = columns
        .map(|((_, cells), array)| match cells.focus_type() {
            FocusType::Text => CsvColumn::Text(array.as_string()),
            FocusType::ThirdPartyText => CsvColumn::ThirdParty(array.as_string()),
            FocusType::Usd => CsvColumn::Text(&costs),
            // With a place, so that readers that guess types from text take the column for decimals, as its type is.
            FocusType::Quantity => CsvColumn::Constant("1.0"),
            FocusType::Second => CsvColumn::Second(array.as_primitive::<TimestampMillisecondType>()),
            FocusType::Millisecond => CsvColumn::Millisecond(array.as_primitive::<TimestampMillisecondType>()),
        })
        .collect();
    write_rows(writer, &columns, rows.num_rows())
}
