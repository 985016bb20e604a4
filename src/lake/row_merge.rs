//! Two streams of rows in one order, the table's and those that a sync has seen, as one: each run once, as it is from now
//! on. What is done about a run is `merge`'s to judge; here rows are found, compared and put together.

use std::cmp::Ordering;
use std::rc::Rc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_schema::DataType;
use arrow_select::interleave::interleave;

use crate::error::Result;
use crate::lake::Batches;
use crate::lake::columns::LakeColumns;
use crate::lake::merge::{MergeDecision, MergeSide, Rules};
use crate::lake::relocated::RelocatedRuns;
use crate::lake::row_ref::{IndexedBatch, OwnedRow, RowRef};
use crate::lake::write::FileWriter;
use crate::output::read::BATCH_ROWS;
use crate::output::rows::gathered;

/// What was found about a run.
pub(super) enum RowChange<'a> {
    /// The table doesn't have it.
    New(RowRef<'a>),
    /// The API says something else of it.
    Changed(RowUpdate<'a>),
    /// The API says the same of it.
    Same(RowRef<'a>),
    /// Only the table has it.
    Old(RowRef<'a>),
    /// The API lists it under another start now: this row gives way.
    Leaving,
    /// The table has it under another start, in a row that gives way; the others are further such rows.
    Relocated(RowUpdate<'a>, Vec<RowRef<'a>>),
}

/// A run that both know.
pub(super) struct RowUpdate<'a> {
    pub(super) old: RowRef<'a>,
    pub(super) new: RowRef<'a>,
    pub(super) decision: MergeDecision,
    /// The columns that change; none where the run is only repriced and that isn't taken over.
    pub(super) fields: Vec<&'static str>,
}

/// By what the streams are merged.
pub(super) struct RowMerge<'m> {
    pub(super) columns: &'m LakeColumns,
    pub(super) rules: Rules,
    pub(super) relocated: &'m RelocatedRuns,
}

impl RowMerge<'_> {
    /// Merges both streams, which must be in order of start and ID: hands every run to `on_row`, and writes what the table is
    /// to hold to `out`.
    pub(super) fn run(
        &self,
        old: Batches,
        new: Batches,
        mut on_row: impl FnMut(RowChange) -> Result<()>,
        mut out: Option<&mut FileWriter>,
    ) -> Result<()> {
        let mut pending = PendingRows::new(self.columns);
        let (mut old, mut new) = (RowCursor::new(old), RowCursor::new(new));
        loop {
            let rows = (old.row()?, new.row()?);
            let order = match &rows {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.key().cmp(&new.key()),
            };
            let (change, taken) = match rows {
                (Some(old), Some(new)) if order.is_eq() => self.update(&pending.groups, old, new),
                (Some(old), _) if order.is_lt() && self.relocated.takes_away(&old) => (RowChange::Leaving, None),
                (Some(old), _) if order.is_lt() => (RowChange::Old(old), Some(TakenRow::whole(old))),
                (_, Some(new)) => self.insert(&pending.groups, new),
                (_, None) => break,
            };
            on_row(change)?;
            if let (Some(taken), Some(out)) = (taken, &mut out) {
                pending.add(taken);
                if pending.rows.len() == BATCH_ROWS {
                    out.write(&pending.take())?;
                }
            }
            if order.is_le() {
                old.at += 1;
            }
            if order.is_ge() {
                new.at += 1;
            }
        }
        match out {
            Some(out) if !pending.rows.is_empty() => out.write(&pending.take()),
            _ => Ok(()),
        }
    }

    /// A run that the table doesn't have at this start.
    fn insert<'a>(&'a self, groups: &[ColumnGroup], new: RowRef<'a>) -> (RowChange<'a>, Option<TakenRow>) {
        let Some(run) = self.relocated.get(new.id()) else {
            return (RowChange::New(new), Some(TakenRow::whole(new)));
        };
        if !run.gives_way {
            return (RowChange::Same(run.row.by_ref()), None);
        }
        let update = self.judge(groups, run.row.by_ref(), new);
        let taken = TakenRow::updated(&update);
        let others = run.others.iter().map(OwnedRow::by_ref).collect();
        (RowChange::Relocated(update, others), Some(taken))
    }

    /// A run that both have at this start.
    fn update<'a>(
        &self,
        groups: &[ColumnGroup],
        old: RowRef<'a>,
        new: RowRef<'a>,
    ) -> (RowChange<'a>, Option<TakenRow>) {
        if self.rules.was_seen_since(old.queried_at_ms()) {
            return (RowChange::Same(old), Some(TakenRow::whole(old)));
        }
        let update = self.judge(groups, old, new);
        let taken = match update.fields.is_empty() {
            true => TakenRow::whole(old),
            false => TakenRow::updated(&update),
        };
        match update.fields.is_empty() && update.decision.repriced.is_none() {
            true => (RowChange::Same(old), Some(taken)),
            false => (RowChange::Changed(update), Some(taken)),
        }
    }

    /// What is taken over of a run, and which columns change by that.
    fn judge<'a>(&self, groups: &[ColumnGroup], old: RowRef<'a>, new: RowRef<'a>) -> RowUpdate<'a> {
        let decision = self.rules.judge(&old.version(), &new.version());
        let mut fields = Vec::new();
        for (column, (at, group)) in self.columns.chosen().columns().zip(groups.iter().enumerate()) {
            let (was, is) = (old.batch.batch.column(at), new.batch.batch.column(at));
            let side = group.side(&decision, is.is_null(new.row));
            if side == MergeSide::New && !same((was, old.row), (is, new.row)) {
                fields.push(column.name);
            }
        }
        RowUpdate {
            old,
            new,
            decision,
            fields,
        }
    }
}

/// How a column's value is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnGroup {
    Cost,
    Meter,
    Detail,
    Name,
    Rest,
}

impl ColumnGroup {
    fn of_column(name: &str) -> ColumnGroup {
        match name {
            "usage_total_usd" | "cost_state" => ColumnGroup::Cost,
            "act_name" | "actor_task_name" | "meta_schedule_name" => ColumnGroup::Name,
            "compute_units"
            | "memory_mbytes"
            | "duration_millis"
            | "resurrect_count"
            | "pricing_model"
            | "charged_event_counts"
            | "max_total_charge_usd" => ColumnGroup::Detail,
            meter if meter.starts_with("usage_usd_") => ColumnGroup::Meter,
            // `queried_at` among them: a row that changes was last queried now.
            _ => ColumnGroup::Rest,
        }
    }

    fn side(self, decision: &MergeDecision, new_is_null: bool) -> MergeSide {
        let is_kept = match self {
            ColumnGroup::Cost => decision.cost == MergeSide::Old,
            ColumnGroup::Meter => decision.cost == MergeSide::Old || (new_is_null && decision.same_cost),
            ColumnGroup::Detail => new_is_null && decision.same_end,
            ColumnGroup::Name => new_is_null,
            ColumnGroup::Rest => false,
        };
        if is_kept { MergeSide::Old } else { MergeSide::New }
    }
}

/// One of the two streams, and where it stands.
struct RowCursor<'a> {
    batches: Batches<'a>,
    current: Option<Rc<IndexedBatch>>,
    at: usize,
}

impl<'a> RowCursor<'a> {
    fn new(batches: Batches<'a>) -> RowCursor<'a> {
        RowCursor {
            batches,
            current: None,
            at: 0,
        }
    }

    fn row(&mut self) -> Result<Option<RowRef<'_>>> {
        let is_over = |batch: &Rc<IndexedBatch>, at| at >= batch.batch.num_rows();
        while self.current.as_ref().is_none_or(|batch| is_over(batch, self.at)) {
            self.at = 0;
            self.current = self.batches.next().transpose()?.map(IndexedBatch::new);
            if self.current.is_none() {
                return Ok(None);
            }
        }
        let row = self.at;
        Ok(self.current.as_ref().map(|batch| RowRef { batch, row }))
    }
}

/// A row that the table is to hold: one of either stream, or the table's with what is taken over of the API's.
struct TakenRow {
    base: OwnedRow,
    update: Option<(OwnedRow, MergeDecision)>,
}

impl TakenRow {
    fn whole(row: RowRef) -> TakenRow {
        TakenRow {
            base: row.to_owned(),
            update: None,
        }
    }

    fn updated(update: &RowUpdate) -> TakenRow {
        TakenRow {
            base: update.old.to_owned(),
            update: Some((update.new.to_owned(), update.decision)),
        }
    }
}

/// A batch among `sources`, and a row of it.
type SourceRow = (usize, usize);

/// Rows that are taken, until there are enough of them for a batch.
struct PendingRows<'m> {
    columns: &'m LakeColumns,
    groups: Vec<ColumnGroup>,
    sources: Vec<Rc<IndexedBatch>>,
    rows: Vec<(SourceRow, Option<(SourceRow, MergeDecision)>)>,
}

impl<'m> PendingRows<'m> {
    fn new(columns: &'m LakeColumns) -> PendingRows<'m> {
        let schema = columns.schema();
        let names = schema.fields().iter();
        PendingRows {
            columns,
            groups: names.map(|field| ColumnGroup::of_column(field.name())).collect(),
            sources: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn add(&mut self, TakenRow { base, update }: TakenRow) {
        let base = self.source_row(base);
        let update = update.map(|(row, decision)| (self.source_row(row), decision));
        self.rows.push((base, update));
    }

    fn source_row(&mut self, OwnedRow { batch, row }: OwnedRow) -> SourceRow {
        // Rows come from the current batches, which were added last.
        let known = self.sources.iter().rposition(|source| Rc::ptr_eq(source, &batch));
        let source = known.unwrap_or_else(|| {
            self.sources.push(batch);
            self.sources.len() - 1
        });
        (source, row)
    }

    /// The rows so far as a batch.
    fn take(&mut self) -> RecordBatch {
        let (sources, rows) = (std::mem::take(&mut self.sources), std::mem::take(&mut self.rows));
        if rows.iter().all(|(_, update)| update.is_none()) {
            let batches: Vec<&RecordBatch> = sources.iter().map(|source| &source.batch).collect();
            let rows: Vec<SourceRow> = rows.into_iter().map(|(base, _)| base).collect();
            return gathered(&batches, &rows);
        }
        let column = |(at, group): (usize, &ColumnGroup)| {
            let arrays: Vec<&dyn Array> = sources.iter().map(|source| source.batch.column(at).as_ref()).collect();
            let taken = |(base, update): &(SourceRow, Option<(SourceRow, MergeDecision)>)| match update {
                Some((new, decision)) if group.side(decision, arrays[new.0].is_null(new.1)) == MergeSide::New => *new,
                _ => *base,
            };
            let rows: Vec<SourceRow> = rows.iter().map(taken).collect();
            interleave(&arrays, &rows).expect("columns have one type, and rows lie within them")
        };
        let arrays: Vec<ArrayRef> = self.groups.iter().enumerate().map(column).collect();
        RecordBatch::try_new(self.columns.schema(), arrays).expect("all are of the table's schema")
    }
}

type Cell<'a> = (&'a ArrayRef, usize);

/// Whether two cells of one column hold the same.
fn same(a: Cell, b: Cell) -> bool {
    fn equal<T: ArrowPrimitiveType>((a, a_row): Cell, (b, b_row): Cell) -> bool {
        a.as_primitive::<T>().value(a_row) == b.as_primitive::<T>().value(b_row)
    }
    if a.0.is_null(a.1) || b.0.is_null(b.1) {
        return a.0.is_null(a.1) && b.0.is_null(b.1);
    }
    match a.0.data_type() {
        DataType::Utf8 => a.0.as_string::<i32>().value(a.1) == b.0.as_string::<i32>().value(b.1),
        DataType::Int64 => equal::<Int64Type>(a, b),
        DataType::Decimal128(..) => equal::<Decimal128Type>(a, b),
        DataType::Date32 => equal::<Date32Type>(a, b),
        _ => equal::<TimestampMicrosecondType>(a, b),
    }
}
