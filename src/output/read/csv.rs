//! The CSV half of the reader: lines into batches, each cell by the type of its column.

use std::sync::Arc;

use arrow_array::builder::{Decimal128Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use csv::StringRecord;

use super::{BATCH_ROWS, RowBatches, RowsFile};
use crate::error::ReadError;
use crate::money::Usd;
use crate::period::parse_instant;
use crate::runs::column_set::ColumnSet;
use crate::runs::schema::{Column, Kind};
use crate::text::unescape_formula;

pub(super) fn batches(file: &RowsFile, wanted: Option<&[&str]>) -> Result<RowBatches, ReadError> {
    let mut reader = csv::ReaderBuilder::new()
        .buffer_capacity(64 << 10)
        .from_reader(file.file().reader());
    let header = reader.headers().map_err(|error| file.unreadable(error))?;
    let columns = ColumnSet::from_names(header).map_err(|problem| file.unreadable(problem))?;
    // Cells of other columns are passed over unread.
    let is_wanted = |(_, column): &(usize, &Column)| wanted.is_none_or(|wanted| wanted.contains(&column.name));
    let columns: Vec<_> = columns.columns().enumerate().filter(is_wanted).collect();
    let schema = Arc::new(Schema::new(
        columns.iter().map(|(_, column)| column.field()).collect::<Vec<_>>(),
    ));
    let file = file.clone();
    let mut record = StringRecord::new();
    Ok(Box::new(std::iter::from_fn(move || {
        let mut builders: Vec<CellBuilder> = columns.iter().map(|(_, column)| CellBuilder::new(column)).collect();
        let mut rows = 0;
        while rows < BATCH_ROWS {
            match reader.read_record(&mut record) {
                Ok(true) => rows += 1,
                Ok(false) => break,
                Err(error) => return Some(Err(file.unreadable(error))),
            }
            for (builder, (at, column)) in builders.iter_mut().zip(&columns) {
                if builder.push(column, &record[*at]).is_none() {
                    let line = record.position().map_or(0, csv::Position::line);
                    let problem = file.unreadable(format_args!("{} is not valid", column.name));
                    return Some(Err(problem.at(format_args!("line {line}"))));
                }
            }
        }
        let arrays = builders.into_iter().map(CellBuilder::finish).collect();
        let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|error| file.unreadable(error));
        (rows > 0).then_some(batch)
    })))
}

/// The values of a column so far.
enum CellBuilder {
    Text(StringBuilder),
    Instant(TimestampMillisecondBuilder),
    Decimal(Decimal128Builder),
    Integer(Int64Builder),
}

impl CellBuilder {
    fn new(column: &Column) -> CellBuilder {
        let data_type = column.field().data_type().clone();
        match column.kind {
            Kind::Text => CellBuilder::Text(StringBuilder::new()),
            Kind::Instant => CellBuilder::Instant(TimestampMillisecondBuilder::new().with_data_type(data_type)),
            Kind::Usd | Kind::Decimal => CellBuilder::Decimal(Decimal128Builder::new().with_data_type(data_type)),
            Kind::Integer => CellBuilder::Integer(Int64Builder::new()),
        }
    }

    /// Appends a cell, an empty one as NULL; `None` where it isn't of its column's type.
    fn push(&mut self, column: &Column, cell: &str) -> Option<()> {
        let is_null = cell.is_empty() && column.nullable;
        match self {
            CellBuilder::Text(text) if is_null => text.append_null(),
            CellBuilder::Text(text) if column.third_party => text.append_value(unescape_formula(cell)),
            CellBuilder::Text(text) => text.append_value(cell),
            CellBuilder::Instant(instant) if is_null => instant.append_null(),
            CellBuilder::Instant(instant) => instant.append_value(parse_instant(cell)?),
            CellBuilder::Decimal(decimal) if is_null => decimal.append_null(),
            CellBuilder::Decimal(decimal) => decimal.append_value(Usd::parse_plain(cell)?.0),
            CellBuilder::Integer(integer) if is_null => integer.append_null(),
            CellBuilder::Integer(integer) => integer.append_value(cell.parse().ok()?),
        }
        Some(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            CellBuilder::Text(mut text) => Arc::new(text.finish()),
            CellBuilder::Instant(mut instant) => Arc::new(instant.finish()),
            CellBuilder::Decimal(mut decimal) => Arc::new(decimal.finish()),
            CellBuilder::Integer(mut integer) => Arc::new(integer.finish()),
        }
    }
}
