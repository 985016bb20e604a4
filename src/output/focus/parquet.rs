//! How FOCUS rows are laid out in Parquet: types, row groups, and encodings that every engine reads.

use std::io::Write;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::output::focus::columns::{COLUMNS, FocusColumn, FocusType};

/// Rows in a row group: what a reader can skip at a time, and what is held in memory.
const ROW_GROUP_ROWS: usize = 64 << 10;

/// Columns of which nearly every row has its own value.
const DISTINCT: [(&str, Encoding); 4] = [
    ("ResourceId", Encoding::PLAIN),
    ("ChargePeriodStart", Encoding::DELTA_BINARY_PACKED),
    ("ChargePeriodEnd", Encoding::DELTA_BINARY_PACKED),
    ("x_StartedAt", Encoding::DELTA_BINARY_PACKED),
];

pub(super) fn writer<W: Write + Send>(to: W, schema: SchemaRef) -> Result<ArrowWriter<W>> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("apify-runs version ", env!("CARGO_PKG_VERSION")).into())
        .set_key_value_metadata(Some(vec![KeyValue::new("FocusVersion".into(), "1.2".to_string())]))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_offset_index_disabled(true)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for (name, encoding) in DISTINCT {
        let path = ColumnPath::from(name);
        properties = properties.set_column_dictionary_enabled(path.clone(), false);
        properties = properties.set_column_encoding(path, encoding);
    }
    let is_decimal = |column: &&FocusColumn| matches!(column.cells.focus_type(), FocusType::Usd | FocusType::Quantity);
    for column in COLUMNS.iter().filter(is_decimal) {
        // Of decimals the writer keeps the bounds of each row group as slices of whole batches, for as long as the file is
        // open.
        let path = ColumnPath::from(column.name);
        properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(to, schema, options)
}
