//! Runs as rows of FOCUS: an Arrow array for each column of the table, from which both files are written.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;

use crate::money::SCALE;
use crate::output::focus::FocusConstants;
use crate::output::focus::charge::Charge;
use crate::output::focus::columns::{COLUMNS, CellSource, FocusColumn};
use crate::runs::schema::{USD_PRECISION, USD_SCALE};

/// The beginning of a charge's description; the Actor's name follows, or its ID.
const DESCRIPTION: &str = "Run of Actor ";

pub(super) fn schema() -> SchemaRef {
    let field = |(name, cells): &FocusColumn| Field::new(*name, cells.focus_type().data_type(), cells.is_nullable());
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
}

/// The charges of a batch as rows, in their order.
pub(super) fn rows_of(
    batch: &RecordBatch,
    charges: &[Charge],
    schema: &SchemaRef,
    constants: &FocusConstants,
) -> Result<RecordBatch, ArrowError> {
    let mut is_charged = vec![false; batch.num_rows()];
    charges.iter().for_each(|charge| is_charged[charge.row] = true);
    let charged = ChargedRuns {
        batch: filter_record_batch(batch, &BooleanArray::from(is_charged))?,
        charges,
        constants,
    };
    let arrays = COLUMNS.iter().map(|(_, cells)| charged.array(*cells)).collect();
    RecordBatch::try_new(schema.clone(), arrays)
}

/// The runs that have a charge, and their charges, row by row.
struct ChargedRuns<'a> {
    batch: RecordBatch,
    charges: &'a [Charge],
    constants: &'a FocusConstants,
}

impl ChargedRuns<'_> {
    fn array(&self, cells: CellSource) -> ArrayRef {
        match cells {
            CellSource::Constant(text) => self.repeated(Some(text)),
            CellSource::Null => self.repeated(None),
            CellSource::AccountId => self.repeated(Some(&self.constants.account_id)),
            CellSource::AccountName => self.repeated(self.constants.account_name.as_deref()),
            CellSource::QueriedAt => instants(repeat_n(self.constants.queried_at_ms, self.charges.len())),
            CellSource::One => {
                let ones = Decimal128Array::from_value(10_i128.pow(SCALE), self.charges.len());
                let ones = ones.with_precision_and_scale(USD_PRECISION, USD_SCALE);
                Arc::new(ones.expect("one has few enough digits"))
            }
            CellSource::Cost => self.needed("usage_total_usd").clone(),
            CellSource::ChargeStart => self.seconds(|charge| charge.start_s),
            CellSource::ChargeEnd => self.seconds(|charge| charge.end_s),
            CellSource::PeriodStart => self.seconds(|charge| charge.period.start_s),
            CellSource::PeriodEnd => self.seconds(|charge| charge.period.end_s),
            CellSource::PeriodBasis => {
                let texts = self.charges.iter().map(|charge| charge.period.basis.text());
                Arc::new(StringArray::from_iter_values(texts))
            }
            CellSource::Description => self.descriptions(),
            CellSource::StartedAt => {
                let started = self.needed("started_at").as_primitive::<TimestampMillisecondType>();
                Arc::new(started.clone().with_timezone("UTC"))
            }
            CellSource::Export(name) => match self.text(name) {
                // FOCUS has no empty text ('Null Handling').
                Some(texts) => Arc::new(texts.iter().map(non_empty).collect::<StringArray>()),
                None => self.repeated(None),
            },
        }
    }

    fn repeated(&self, text: Option<&str>) -> ArrayRef {
        Arc::new(repeat_n(text, self.charges.len()).collect::<StringArray>())
    }

    fn seconds(&self, second: fn(&Charge) -> i64) -> ArrayRef {
        instants(self.charges.iter().map(|charge| second(charge) * 1000))
    }

    fn descriptions(&self) -> ArrayRef {
        let act_ids = self.needed("act_id").as_string::<i32>();
        let names = self.text("act_name");
        let actor = |row: usize| {
            let name = names.filter(|names| names.is_valid(row)).map(|names| names.value(row));
            non_empty(name).unwrap_or_else(|| act_ids.value(row))
        };
        let texts = (0..self.charges.len()).map(|row| format!("{DESCRIPTION}{}", actor(row)));
        Arc::new(StringArray::from_iter_values(texts))
    }

    fn needed(&self, name: &str) -> &ArrayRef {
        let column = self.batch.column_by_name(name);
        column.expect("FocusFiles::new has checked that the export has it")
    }

    /// A column that the export may lack.
    fn text(&self, name: &str) -> Option<&StringArray> {
        self.batch.column_by_name(name).map(|column| column.as_string::<i32>())
    }
}

fn instants(ms: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(ms).with_timezone("UTC"))
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
