//! FOCUS rows to Parquet, on a thread of its own, one row group in memory. Costs and quantities are Decimal128(38,18),
//! instants timestamps in UTC by the millisecond: the coarsest unit that Parquet has for FOCUS's whole seconds, and fine
//! enough for a run's start. Encodings are those that every engine reads.

use std::io::Write;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;

use super::FixedTexts;
use super::cells::{Arrays, arrays_of, field, fixed_array};
use super::chunk::{Chunk, encode, properties};
use super::columns::{COLUMNS, Cell};
use super::place::Placed;

/// Rows in a row group: what a reader can skip at a time, and what is held in memory.
pub(super) const ROW_GROUP_ROWS: usize = 64 << 10;

/// How many batches may wait for the thread.
const WAITING: usize = 4;

enum Message {
    Rows(RecordBatch, Vec<Placed>),
    /// All rows have come: without it, the file stays without its footer, and so is never taken for a complete one.
    Finish,
}

/// Hands rows to the thread that writes them.
pub(super) struct FocusParquet<W> {
    rows: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<Result<W>>>,
}

impl<W: Write + Send + 'static> FocusParquet<W> {
    /// Starts the thread.
    pub(super) fn new(to: W, fixed: FixedTexts) -> Result<FocusParquet<W>> {
        let writer = GroupWriter::new(to, fixed)?;
        let (rows, messages) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("focus-parquet".into())
            .spawn(move || write_all(writer, messages))?;
        Ok(FocusParquet {
            rows: Some(rows),
            thread: Some(thread),
        })
    }

    /// Appends rows of a batch.
    pub(super) fn write(&mut self, batch: &RecordBatch, rows: Vec<Placed>) -> Result<()> {
        self.send(Message::Rows(batch.clone(), rows))
    }

    /// Completes the file, and gives the sink back.
    pub(super) fn finish(mut self) -> Result<W> {
        self.send(Message::Finish)?;
        self.join()
    }

    /// The thread ends early only with an error, which is then this one's.
    fn send(&mut self, message: Message) -> Result<()> {
        if self.rows.as_ref().is_some_and(|rows| rows.send(message).is_ok()) {
            return Ok(());
        }
        self.join().map(|_| ())
    }

    fn join(&mut self) -> Result<W> {
        self.rows = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            Some(Err(panic)) => resume_unwind(panic),
            None => Err(ParquetError::General("writing had failed before".into())),
        }
    }
}

fn write_all<W: Write + Send>(mut writer: GroupWriter<W>, messages: Receiver<Message>) -> Result<W> {
    for message in messages {
        match message {
            Message::Rows(batch, rows) => writer.write(&batch, &rows)?,
            Message::Finish => return writer.finish(),
        }
    }
    Err(ParquetError::General("it was given up".into()))
}

/// Gathers rows, and writes a row group whenever there are enough.
struct GroupWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    properties: WriterPropertiesPtr,
    fixed: FixedTexts,
    /// What is the same in every row, encoded for a number of rows; by the column's position.
    fixed_chunks: Vec<Option<Chunk>>,
    parts: Vec<Arrays>,
    rows: usize,
}

impl<W: Write + Send> GroupWriter<W> {
    fn new(to: W, fixed: FixedTexts) -> Result<GroupWriter<W>> {
        let schema = Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>());
        let schema = ArrowSchemaConverter::new().convert(&schema)?;
        let properties = Arc::new(properties());
        Ok(GroupWriter {
            writer: SerializedFileWriter::new(to, schema.root_schema_ptr(), properties.clone())?,
            properties,
            fixed,
            fixed_chunks: COLUMNS.iter().map(|_| None).collect(),
            parts: Vec::new(),
            rows: 0,
        })
    }

    fn write(&mut self, batch: &RecordBatch, rows: &[Placed]) -> Result<()> {
        let mut rest = arrays_of(batch, rows)?;
        while rest.rows > 0 {
            let part = rest.take_first(ROW_GROUP_ROWS - self.rows);
            self.rows += part.rows;
            self.parts.push(part);
            if self.rows == ROW_GROUP_ROWS {
                self.write_group()?;
            }
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let mut costs: Option<Chunk> = None;
        let descriptors = self.writer.schema_descr().columns().to_vec();
        let mut group = self.writer.next_row_group()?;
        for (at, column) in COLUMNS.iter().enumerate() {
            let absent = || self.parts.iter().any(|part| part.arrays[at].is_none());
            let encode_parts = || {
                let arrays = self.parts.iter().filter_map(|part| part.arrays[at].clone());
                encode(&field(column), arrays, &self.properties)
            };
            if column.cell == Cell::Cost {
                let chunk = match costs.take() {
                    Some(chunk) => chunk,
                    None => encode_parts()?,
                };
                costs.insert(chunk).append(&mut group, &descriptors[at])?;
            } else if absent() {
                let kept = self.fixed_chunks[at].take().filter(|chunk| chunk.rows == self.rows);
                let chunk = match kept {
                    Some(chunk) => chunk,
                    None => {
                        let array = fixed_array(column.cell, &self.fixed, self.rows);
                        encode(&field(column), [array], &self.properties)?
                    }
                };
                self.fixed_chunks[at]
                    .insert(chunk)
                    .append(&mut group, &descriptors[at])?;
            } else {
                encode_parts()?.append(&mut group, &descriptors[at])?;
            }
        }
        group.close()?;
        self.parts.clear();
        self.rows = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<W> {
        if self.rows > 0 {
            self.write_group()?;
        }
        let mut to = self.writer.into_inner()?;
        to.flush()?;
        Ok(to)
    }
}
