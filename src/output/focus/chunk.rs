//! A column of a row group as its bytes, so that what is the same in several columns or row groups is encoded once and
//! written often. Ignorant of FOCUS.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::Page;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::{ColumnDescPtr, ColumnPath};

/// The encoded column.
pub(super) struct Chunk {
    /// How many rows it has.
    pub(super) rows: usize,
    /// A page for no other reason than that it holds the bytes in the type that `append_column` reads.
    file: Page,
    metadata: ColumnChunkMetaData,
}

/// How columns are written.
pub(super) fn properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("apify-runs version ", env!("CARGO_PKG_VERSION")).into())
        .set_key_value_metadata(Some(vec![KeyValue::new("FocusVersion".into(), "1.2".to_string())]))
        .set_offset_index_disabled(true)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    // Nearly every row has its own.
    for (name, encoding) in [
        ("ResourceId", Encoding::PLAIN),
        ("ChargePeriodStart", Encoding::DELTA_BINARY_PACKED),
        ("ChargePeriodEnd", Encoding::DELTA_BINARY_PACKED),
        ("x_StartedAt", Encoding::DELTA_BINARY_PACKED),
    ] {
        let path = ColumnPath::from(name);
        properties = properties.set_column_dictionary_enabled(path.clone(), false);
        properties = properties.set_column_encoding(path, encoding);
    }
    properties.build()
}

/// Encodes a column of one row group, its parts one after the other, in a file of its own.
pub(super) fn encode(
    field: &Field,
    parts: impl IntoIterator<Item = ArrayRef>,
    properties: &WriterProperties,
) -> Result<Chunk> {
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let options = ArrowWriterOptions::new()
        .with_properties(properties.clone())
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options)?;
    for part in parts {
        writer.write(&RecordBatch::try_new(schema.clone(), vec![part])?)?;
    }
    let file = writer.finish()?;
    let group = file.row_group(0);
    Ok(Chunk {
        rows: group.num_rows() as usize,
        metadata: group.column(0).clone(),
        file: Page::DictionaryPage {
            buf: std::mem::take(writer.inner_mut()).into(),
            num_values: 0,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        },
    })
}

impl Chunk {
    /// Writes it as the next column, of the same type as that it was encoded for.
    pub(super) fn append<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<W>,
        column: &ColumnDescPtr,
    ) -> Result<()> {
        let own = &self.metadata;
        let mut metadata = ColumnChunkMetaData::builder(column.clone())
            .set_encodings_mask(*own.encodings_mask())
            .set_num_values(own.num_values())
            .set_compression(own.compression())
            .set_total_compressed_size(own.compressed_size())
            .set_total_uncompressed_size(own.uncompressed_size())
            .set_data_page_offset(own.data_page_offset())
            .set_dictionary_page_offset(own.dictionary_page_offset());
        if let Some(statistics) = own.statistics() {
            metadata = metadata.set_statistics(statistics.clone());
        }
        let close = ColumnCloseResult {
            bytes_written: own.compressed_size() as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        group.append_column(self.file.buffer(), close)
    }
}
