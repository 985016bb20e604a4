//! Two streams of rows in one order, the table's and those that a sync has seen, as one: each run once, as it is from now
//! on. What is done about a run is `merge`'s to judge; here rows are found, compared and put together.

use std::rc::Rc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::DataType;
use arrow_select::interleave::interleave;

use crate::error::Result;
use crate::lake::columns::{LakeColumns, QUERIED_AT};
use crate::lake::merge::{Rules, Verdict, Version, Whose};
use crate::lake::moved::{Moved, RowRef};
use crate::lake::read::Batches;
use crate::lake::write::FileWriter;
use crate::money::Usd;
use crate::output::read::BATCH_ROWS;
use crate::period::Millis;
use crate::runs::run::Run;

/// A row of one of the streams.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    rows: &'a Keyed,
    row: usize,
}

/// What was found about a run.
pub enum Found<'a> {
    /// The table didn't know it.
    New(Place<'a>),
    /// The API says something else of it; `fields` are the columns that change, none where it is only repriced and that
    /// isn't taken over.
    Changed {
        old: Place<'a>,
        new: Place<'a>,
        verdict: Verdict,
        fields: Vec<&'static str>,
    },
    /// The API says the same of it.
    Same(Place<'a>),
    /// Only the table has it.
    Old(Place<'a>),
    /// The API lists it under another start now: this row gives way.
    Leaving,
    /// The table has it under another start, in a row that gives way; `others` are further such rows.
    Moved {
        old: Place<'a>,
        new: Place<'a>,
        verdict: Verdict,
        fields: Vec<&'static str>,
        others: Vec<Place<'a>>,
    },
}

/// How the streams become one.
pub struct Merging<'m> {
    pub columns: &'m LakeColumns,
    pub rules: Rules,
    pub moved: &'m Moved,
}

/// How a column's value is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Cost,
    Meter,
    Detail,
    Name,
    QueriedAt,
    Rest,
}

impl<'m> Merging<'m> {
    /// Runs through both; tells what it finds, and writes what the table is to hold.
    pub fn run(
        &self,
        old: Batches,
        new: Batches,
        mut see: impl FnMut(Found) -> Result<()>,
        mut out: Option<&mut FileWriter>,
    ) -> Result<()> {
        let parts = parts(self.columns);
        let (mut old, mut new) = (Side::new(old), Side::new(new));
        let mut picked = Picked::default();
        loop {
            let (old_at, new_at) = (old.next()?, new.next()?);
            let order = match (&old_at, &new_at) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(old), Some(new)) => old.key().cmp(&new.key()),
            };
            let pick = match (old_at, new_at) {
                (Some(old), _) if order.is_lt() => {
                    let row = old.row;
                    let leaves = self.moved.takes_away(&old);
                    see(if leaves { Found::Leaving } else { Found::Old(old) })?;
                    (!leaves).then_some(Pick::Old(row))
                }
                (_, Some(new)) if order.is_gt() => {
                    let (pick, found) = self.pick_new(&parts, new);
                    see(found)?;
                    pick
                }
                (Some(old), Some(new)) => {
                    let (pick, found) = self.pick(&parts, old, new);
                    see(found)?;
                    Some(pick)
                }
                _ => None,
            };
            if let (Some(pick), Some(out)) = (pick, &mut out) {
                picked.add(pick, &old, &new);
                if picked.picks.len() == BATCH_ROWS {
                    out.write(&picked.take(&parts, self.columns))?;
                }
            }
            if order.is_le() {
                old.row += 1;
            }
            if order.is_ge() {
                new.row += 1;
            }
        }
        match out {
            Some(out) if !picked.picks.is_empty() => out.write(&picked.take(&parts, self.columns)),
            _ => Ok(()),
        }
    }

    /// What becomes of a run that the table doesn't have at this start.
    fn pick_new<'a>(&self, parts: &[Part], new: Place<'a>) -> (Option<Pick<'m>>, Found<'a>)
    where
        'm: 'a,
    {
        let moved: &'m Moved = self.moved;
        let Some(moved) = moved.get(new.id()) else {
            return (Some(Pick::New(new.row)), Found::New(new));
        };
        let old = moved.row.place();
        if !moved.gives_way {
            return (None, Found::Same(old));
        }
        let (verdict, fields) = self.judge(parts, old, new);
        let found = Found::Moved {
            old,
            new,
            verdict,
            fields,
            others: moved.others.iter().map(RowRef::place).collect(),
        };
        (Some(Pick::Moved(&moved.row, new.row, verdict)), found)
    }

    /// What is taken over of a run, and which columns change by that.
    fn judge(&self, parts: &[Part], old: Place, new: Place) -> (Verdict, Vec<&'static str>) {
        let verdict = self.rules.judge(&old.version(), &new.version());
        let mut fields = Vec::new();
        for (column, (at, part)) in self.columns.chosen().columns().zip(parts.iter().enumerate()) {
            let (was, is) = (old.rows.batch.column(at), new.rows.batch.column(at));
            let takes = part.takes(&verdict, is.is_null(new.row));
            if takes == Whose::New && !same(was, old.row, is, new.row) {
                fields.push(column.name);
            }
        }
        (verdict, fields)
    }

    fn pick<'a>(&self, parts: &[Part], old: Place<'a>, new: Place<'a>) -> (Pick<'m>, Found<'a>) {
        if self.rules.was_seen_since(old.queried_at_ms()) {
            return (Pick::Old(old.row), Found::Same(old));
        }
        let (verdict, fields) = self.judge(parts, old, new);
        let pick = if fields.is_empty() {
            Pick::Old(old.row)
        } else {
            Pick::Both(old.row, new.row, verdict)
        };
        let found = if fields.is_empty() && verdict.repriced.is_none() {
            Found::Same(old)
        } else {
            Found::Changed {
                old,
                new,
                verdict,
                fields,
            }
        };
        (pick, found)
    }
}

/// Which row is taken: of the streams' present batches, or of one that the table has elsewhere.
#[derive(Clone, Copy)]
enum Pick<'m> {
    Old(usize),
    New(usize),
    Both(usize, usize, Verdict),
    Moved(&'m RowRef, usize, Verdict),
}

impl Part {
    fn takes(self, verdict: &Verdict, new_is_null: bool) -> Whose {
        let old_if = |kept: bool| if kept { Whose::Old } else { Whose::New };
        match self {
            Part::Cost => verdict.cost,
            Part::Meter => old_if(verdict.cost == Whose::Old || (new_is_null && verdict.same_cost)),
            Part::Detail => old_if(new_is_null && verdict.same_end),
            Part::Name => old_if(new_is_null),
            Part::QueriedAt | Part::Rest => Whose::New,
        }
    }
}

fn parts(columns: &LakeColumns) -> Vec<Part> {
    let part = |name: &str| match name {
        "usage_total_usd" | "cost_state" => Part::Cost,
        "act_name" | "actor_task_name" => Part::Name,
        "compute_units"
        | "memory_mbytes"
        | "duration_millis"
        | "resurrect_count"
        | "pricing_model"
        | "charged_event_counts" => Part::Detail,
        QUERIED_AT => Part::QueriedAt,
        meter if meter.starts_with("usage_usd_") => Part::Meter,
        _ => Part::Rest,
    };
    columns
        .schema()
        .fields()
        .iter()
        .map(|field| part(field.name()))
        .collect()
}

/// A batch with what rows are found and judged by.
pub struct Keyed {
    batch: RecordBatch,
    ids: StringArray,
    started: TimestampMicrosecondArray,
    queried: TimestampMicrosecondArray,
}

impl Keyed {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// One of them.
    pub fn place(&self, row: usize) -> Place<'_> {
        Place { rows: self, row }
    }

    pub fn new(batch: RecordBatch) -> Keyed {
        let column = |name: &str| batch.column_by_name(name).expect("every row of the table has it");
        Keyed {
            ids: column("id").as_string::<i32>().clone(),
            started: column("started_at").as_primitive::<TimestampMicrosecondType>().clone(),
            queried: column(QUERIED_AT).as_primitive::<TimestampMicrosecondType>().clone(),
            batch,
        }
    }
}

impl<'a> Place<'a> {
    fn key(&self) -> (i64, &'a str) {
        (self.rows.started.value(self.row), self.id())
    }

    /// Its ID.
    pub fn id(&self) -> &'a str {
        self.rows.ids.value(self.row)
    }

    /// When it started.
    pub fn started_at_ms(&self) -> Millis {
        self.rows.started.value(self.row).div_euclid(1000)
    }

    /// When it was queried.
    pub fn queried_at_ms(&self) -> Millis {
        self.rows.queried.value(self.row).div_euclid(1000)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        let column = self.rows.batch.column_by_name(name)?.as_string::<i32>();
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    /// Its cost, where known.
    pub fn usage(&self) -> Option<Usd> {
        let column = self.rows.batch.column_by_name("usage_total_usd")?;
        let column = column.as_primitive::<Decimal128Type>();
        column.is_valid(self.row).then(|| Usd(column.value(self.row)))
    }

    fn finished_at_ms(&self) -> Option<Millis> {
        let column = self.rows.batch.column_by_name("finished_at")?;
        let column = column.as_primitive::<TimestampMicrosecondType>();
        column
            .is_valid(self.row)
            .then(|| column.value(self.row).div_euclid(1000))
    }

    fn version(&self) -> Version<'a> {
        Version {
            status: self.text("status").unwrap_or_default(),
            finished_at_ms: self.finished_at_ms(),
            usage: self.usage(),
            cost_state: self.text("cost_state").unwrap_or_default(),
        }
    }

    /// It as comparisons show it.
    pub fn run(&self) -> Run {
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

/// One of the two streams.
struct Side<'a> {
    batches: Batches<'a>,
    current: Option<Rc<Keyed>>,
    row: usize,
}

impl<'a> Side<'a> {
    fn new(batches: Batches<'a>) -> Side<'a> {
        Side {
            batches,
            current: None,
            row: 0,
        }
    }

    fn rows(&self) -> &Rc<Keyed> {
        self.current.as_ref().expect("its row is taken")
    }

    /// The row that it stands at.
    fn next(&mut self) -> Result<Option<Place<'_>>> {
        while self
            .current
            .as_ref()
            .is_none_or(|rows| self.row >= rows.batch.num_rows())
        {
            let Some(batch) = self.batches.next() else {
                self.current = None;
                return Ok(None);
            };
            self.current = Some(Rc::new(Keyed::new(batch?)));
            self.row = 0;
        }
        let row = self.row;
        Ok(self.current.as_ref().map(|rows| Place { rows, row }))
    }
}

/// A source, and a row of it.
type At = (usize, usize);

/// Rows that are taken, until there are enough of them for a batch.
#[derive(Default)]
struct Picked {
    sources: Vec<Rc<Keyed>>,
    /// Of each row, where it is taken from: the one place, or the table's and the API's.
    picks: Vec<(At, Option<(At, Verdict)>)>,
}

impl Picked {
    fn add(&mut self, pick: Pick, old: &Side, new: &Side) {
        let pick = match pick {
            Pick::Old(row) => ((self.source(old.rows()), row), None),
            Pick::New(row) => ((self.source(new.rows()), row), None),
            Pick::Both(old_row, new_row, verdict) => (
                (self.source(old.rows()), old_row),
                Some(((self.source(new.rows()), new_row), verdict)),
            ),
            Pick::Moved(elsewhere, new_row, verdict) => (
                (self.source(&elsewhere.rows), elsewhere.row),
                Some(((self.source(new.rows()), new_row), verdict)),
            ),
        };
        self.picks.push(pick);
    }

    fn source(&mut self, current: &Rc<Keyed>) -> usize {
        let known = self.sources.iter().rposition(|source| Rc::ptr_eq(source, current));
        known.unwrap_or_else(|| {
            self.sources.push(current.clone());
            self.sources.len() - 1
        })
    }

    /// The rows so far as a batch.
    fn take(&mut self, parts: &[Part], columns: &LakeColumns) -> RecordBatch {
        let sources = std::mem::take(&mut self.sources);
        let picks = std::mem::take(&mut self.picks);
        let column = |at: usize| {
            let arrays: Vec<&dyn Array> = sources.iter().map(|rows| rows.batch.column(at).as_ref()).collect();
            let places: Vec<(usize, usize)> = picks
                .iter()
                .map(|(first, second)| match second {
                    Some((new, verdict)) if parts[at].takes(verdict, arrays[new.0].is_null(new.1)) == Whose::New => {
                        *new
                    }
                    _ => *first,
                })
                .collect();
            interleave(&arrays, &places).expect("columns have one type, and rows lie within them")
        };
        let arrays: Vec<ArrayRef> = (0..parts.len()).map(column).collect();
        RecordBatch::try_new(columns.schema(), arrays).expect("all are of the table's schema")
    }
}

/// Whether two cells of one column hold the same.
fn same(a: &ArrayRef, a_row: usize, b: &ArrayRef, b_row: usize) -> bool {
    if a.is_null(a_row) || b.is_null(b_row) {
        return a.is_null(a_row) && b.is_null(b_row);
    }
    match a.data_type() {
        DataType::Utf8 => a.as_string::<i32>().value(a_row) == b.as_string::<i32>().value(b_row),
        DataType::Int64 => a.as_primitive::<Int64Type>().value(a_row) == b.as_primitive::<Int64Type>().value(b_row),
        DataType::Decimal128(..) => {
            a.as_primitive::<Decimal128Type>().value(a_row) == b.as_primitive::<Decimal128Type>().value(b_row)
        }
        DataType::Date32 => a.as_primitive::<Date32Type>().value(a_row) == b.as_primitive::<Date32Type>().value(b_row),
        _ => {
            let value = |array: &ArrayRef, row| array.as_primitive::<TimestampMicrosecondType>().value(row);
            value(a, a_row) == value(b, b_row)
        }
    }
}
