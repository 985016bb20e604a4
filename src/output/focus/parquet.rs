//! How FOCUS rows are laid out in Parquet: types, row groups, and encodings that every engine reads.

use std::io::Write;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::schema::types::ColumnPath;

use crate::output::focus::choices::FocusGrain;
use crate::output::focus::columns::{FocusColumn, FocusType};
use crate::output::focus::layout::FocusLayout;
use crate::output::parquet::common_properties;

/// Columns of which nearly every run has its own value.
const DISTINCT: [(&str, Encoding); 4] = [
    ("ResourceId", Encoding::PLAIN),
    ("ChargePeriodStart", Encoding::DELTA_BINARY_PACKED),
    ("ChargePeriodEnd", Encoding::DELTA_BINARY_PACKED),
    ("x_StartedAt", Encoding::DELTA_BINARY_PACKED),
];

pub(super) fn writer<W: Write + Send>(to: W, layout: &FocusLayout) -> Result<ArrowWriter<W>> {
    let is_decimal = |column: &&FocusColumn| matches!(column.cells.focus_type(), FocusType::Usd | FocusType::Quantity);
    let decimals = layout.columns.iter().filter(is_decimal).map(|column| column.name);
    let mut properties = common_properties(decimals)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "FocusVersion".into(),
            layout.version.name().to_string(),
        )]))
        .set_offset_index_disabled(true);
    let distinct = DISTINCT.iter().filter(|_| layout.grain == FocusGrain::Run);
    for (name, encoding) in distinct.copied() {
        let path = ColumnPath::from(name);
        properties = properties.set_column_dictionary_enabled(path.clone(), false);
        properties = properties.set_column_encoding(path, encoding);
    }
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(to, layout.schema.clone(), options)
}
