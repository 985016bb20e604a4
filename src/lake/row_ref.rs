//! Rows of the table by reference: a batch with the columns by which runs are found and judged, and one row of it.

use std::rc::Rc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use crate::lake::batch_columns::{ids, instants, to_ms};
use crate::lake::columns::QUERIED_AT;
use crate::lake::merge::RunVersion;
use crate::money::Usd;
use crate::period::Millis;
use crate::runs::run::Run;

pub(super) struct IndexedBatch {
    pub(super) batch: RecordBatch,
    ids: StringArray,
    started: TimestampMicrosecondArray,
    queried: TimestampMicrosecondArray,
}

impl IndexedBatch {
    pub(super) fn new(batch: RecordBatch) -> Rc<IndexedBatch> {
        Rc::new(IndexedBatch {
            ids: ids(&batch).clone(),
            started: instants(&batch, "started_at").clone(),
            queried: instants(&batch, QUERIED_AT).clone(),
            batch,
        })
    }
}

#[derive(Clone, Copy)]
pub(super) struct RowRef<'a> {
    pub(super) batch: &'a Rc<IndexedBatch>,
    pub(super) row: usize,
}

/// A row that outlives the reading of its batch.
#[derive(Clone)]
pub(super) struct OwnedRow {
    pub(super) batch: Rc<IndexedBatch>,
    pub(super) row: usize,
}

impl OwnedRow {
    pub(super) fn by_ref(&self) -> RowRef<'_> {
        RowRef {
            batch: &self.batch,
            row: self.row,
        }
    }
}

impl<'a> RowRef<'a> {
    pub(super) fn to_owned(self) -> OwnedRow {
        OwnedRow {
            batch: self.batch.clone(),
            row: self.row,
        }
    }

    /// By which rows of the table are in order: start and ID.
    pub(super) fn key(&self) -> (i64, &'a str) {
        (self.batch.started.value(self.row), self.id())
    }

    pub(super) fn id(&self) -> &'a str {
        self.batch.ids.value(self.row)
    }

    pub(super) fn started_at_ms(&self) -> Millis {
        to_ms(self.batch.started.value(self.row))
    }

    pub(super) fn queried_at_ms(&self) -> Millis {
        to_ms(self.batch.queried.value(self.row))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let column = self.batch.batch.column_by_name(name)?.as_string::<i32>();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    pub(super) fn usage(&self) -> Option<Usd> {
        let column = self.batch.batch.column_by_name("usage_total_usd")?;
        let column = column.as_primitive::<Decimal128Type>();
        column.is_valid(self.row).then(|| Usd(column.value(self.row)))
    }

    fn finished_at_ms(&self) -> Option<Millis> {
        let column = self.batch.batch.column_by_name("finished_at")?;
        let column = column.as_primitive::<TimestampMicrosecondType>();
        column.is_valid(self.row).then(|| to_ms(column.value(self.row)))
    }

    pub(super) fn version(&self) -> RunVersion<'a> {
        RunVersion {
            status: self.text("status").unwrap_or_default(),
            finished_at_ms: self.finished_at_ms(),
            usage: self.usage(),
            cost_state: self.text("cost_state").unwrap_or_default(),
        }
    }

    pub(super) fn run(&self) -> Run {
        let version = self.version();
        Run {
            id: self.id().into(),
            act_id: self.text("act_id").unwrap_or_default().into(),
            act_name: self.text("act_name").map(String::from),
            status: version.status.into(),
            started_at_ms: self.started_at_ms(),
            finished_at_ms: Some(version.finished_at_ms),
            usage: version.usage,
            cost_state: version.cost_state.into(),
        }
    }
}
